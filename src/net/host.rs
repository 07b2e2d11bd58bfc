//! The part of a url that messages may show.

use url::Url;

/// Host and port of a url: the only part of it that is safe to print.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
