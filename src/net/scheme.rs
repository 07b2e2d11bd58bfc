//! Addresses whose scheme does not match their port: `https://` to a port of plain HTTP, or `http://` to a port of TLS.
//!
//! Without this, these are an invalid message and an answer that cannot be parsed, which do not show what to change.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::proxy::ProxyConnector;
use crate::telemetry::labels::System;

/// Texts in the answer 400 of TLS servers to a plain HTTP request: nginx, Apache, Go, Tomcat.
const SAID: [&str; 4] = [
    "plain http request was sent to https port",
    "speaking plain http to an ssl-enabled server port",
    "client sent an http request to an https server",
    "combination of host and port requires tls",
];

/// The first bytes of a TLS handshake and of a TLS alert: the record type, and the major version.
const RECORDS: [[u8; 2]; 2] = [[0x16, 3], [0x15, 3]];

/// The setting with a system's address.
fn setting(system: System) -> &'static str {
    match system {
        System::SysproOdata => "syspro.odata_url",
        System::SysproEnet => "syspro.enet_url",
        System::ServiceNow => "servicenow.instance_url",
        System::Notices => "notices.webhook_urls",
        System::Timestamp => "audit.timestamp_url",
        System::SignIn => "sign_in.issuer",
    }
}

/// Whether a handshake failed because the other side answered in plain text.
pub(super) fn is_plain(problem: &str) -> bool {
    // rustls: the first byte is not one of a TLS record
    problem.contains("InvalidContentType")
}

/// The message about a handshake that failed because the other side answered in plain text; `None` if it failed for another reason.
pub(super) fn plain(system: System, problem: &str) -> Option<String> {
    is_plain(problem).then(|| {
        format!(
            "the port speaks plain HTTP, and `{}` begins with `https://`: use the port that speaks TLS, or begin the address with \
             `http://`, which sends passwords unencrypted",
            setting(system)
        )
    })
}

/// The message about a handshake that failed for another reason.
pub(super) fn handshake(system: System, problem: String) -> String {
    if !problem.contains("eof") {
        return problem;
    }
    format!(
        "it closed the connection during the TLS handshake ({problem}); a port that speaks plain HTTP may do that: check port and scheme of `{}`",
        setting(system)
    )
}

/// The message about a port that speaks TLS.
pub(super) fn tls(system: System) -> String {
    format!("the port speaks TLS, and `{}` begins with `http://`: begin the address with `https://`", setting(system))
}

/// Whether an answer shows that the port speaks TLS.
pub(super) fn says_tls(status: u16, body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(2000)]).to_lowercase();
    status == 400 && SAID.iter().any(|said| start.contains(said))
}

/// Whether the port of this address answers the start of a TLS handshake with TLS. Nothing else is sent.
pub(super) async fn speaks_tls(url: &Url, config: Arc<ClientConfig>, proxy: Option<ProxyConnector>, limit: Duration) -> bool {
    let asked = async {
        let host = url.host_str()?;
        let port = url.port_or_known_default()?;
        let mut stream = match proxy {
            Some(proxy) => proxy.open(url.as_str().parse().ok()?, format!("{host}:{port}")).await.ok()?.into_parts().0,
            None => TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?,
        };
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).ok()?;
        let mut hello = Vec::new();
        ClientConnection::new(config, name).ok()?.write_tls(&mut hello).ok()?;
        stream.write_all(&hello).await.ok()?;
        let mut first = [0; 2];
        stream.read_exact(&mut first).await.ok()?;
        Some(RECORDS.contains(&first))
    };
    tokio::time::timeout(limit, asked).await.ok().flatten().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_of_a_request_in_clear_is_known() {
        assert!(says_tls(400, b"<html><center>The plain HTTP request was sent to HTTPS port</center>"));
        assert!(says_tls(400, b"Client sent an HTTP request to an HTTPS server.\n"));
        assert!(!says_tls(200, b"Client sent an HTTP request to an HTTPS server.\n"));
        assert!(!says_tls(400, b"Bad filter"));
    }

    #[test]
    fn a_failed_handshake_names_the_setting() {
        let plain = plain(System::SysproOdata, "received corrupt message of type InvalidContentType").expect("told apart");
        assert!(plain.contains("plain HTTP") && plain.contains("`syspro.odata_url`"), "{plain}");
        let closed = handshake(System::ServiceNow, "tls handshake eof".into());
        assert!(closed.contains("closed the connection") && closed.contains("`servicenow.instance_url`"), "{closed}");
        assert_eq!(handshake(System::ServiceNow, "invalid peer certificate".into()), "invalid peer certificate");
    }
}
