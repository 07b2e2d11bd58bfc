//! The names of the service: checks the `Host` header of a request.
//!
//! A page on the Internet can let its own name point to this machine (DNS rebinding). The browser of a person in the site's network then
//! treats the service as that page's own server and lets the page read it. The request has the page's name, so requests with other names
//! are refused. An address cannot be redirected like this: addresses are always accepted.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::dev::ServiceRequest;
use actix_web::http::{Version, header};

use super::problem::Problem;
use crate::config::Settings;
use crate::domain::visible::visible;

/// A longer name is not quoted completely: the longest name of DNS has 253 letters.
const QUOTED: usize = 253;

/// The names under which the service is reached.
#[derive(Debug)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// `http.host_names`, the name in `notices.public_url`, and `localhost`.
    pub(super) fn of(settings: &Settings) -> Self {
        let public = settings.notices.public_url.as_ref().and_then(|url| url.host_str()).map(whole);
        Self(settings.http.host_names.iter().cloned().chain(public).chain(["localhost".to_owned()]).collect())
    }

    /// Whether a request is for this service.
    ///
    /// # Errors
    /// 400 without a name or with several; 421 for a name that is not the service's.
    pub(super) fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let mut given = request.headers().get_all(header::HOST);
        // the full address in the request line has priority over the header (RFC 9112, section 3.2.2); both are compared with the names
        if let Some(authority) = request.uri().authority() {
            self.check_name(authority.as_str())?;
        }
        match (given.next(), given.next()) {
            (Some(host), None) => match host.to_str() {
                Ok(host) => self.check_name(host),
                Err(_) => Err(Problem::misdirected("the request's `Host` header is not text")),
            },
            (Some(_), Some(_)) => Err(Problem::bad_request("the request has more than one `Host` header", "send one")),
            // every browser sends it; a probe with HTTP/1.0 may not
            (None, _) if request.version() < Version::HTTP_11 => Ok(()),
            (None, _) => Err(Problem::bad_request("the request has no `Host` header", "send the name or address of the connection")),
        }
    }

    fn check_name(&self, host: &str) -> Result<(), Problem> {
        match name(host) {
            Some(Name::Address) => Ok(()),
            Some(Name::Text(text)) if self.0.contains(&text) => Ok(()),
            _ => {
                let quoted: String = host.chars().take(QUOTED).collect();
                Err(Problem::misdirected(format!(
                    "the request is for the host `{}`, which is not a name of this service",
                    visible(&quoted)
                )))
            }
        }
    }
}

enum Name {
    Address,
    Text(String),
}

/// The name in a `Host` header, without its port; `None`: it is malformed.
fn name(host: &str) -> Option<Name> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (address, port)
        }
        None => host.find(':').map_or((host, ""), |at| host.split_at(at)),
    };
    // any port: a proxy or a container may use another one outside
    let port = port.strip_prefix(':').unwrap_or(port);
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || name.is_empty() {
        return None;
    }
    Some(if name.parse::<IpAddr>().is_ok() { Name::Address } else { Name::Text(whole(name)) })
}

/// Names ignore case, and may end with the root's dot.
fn whole(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn answer(names: &[&str], request: TestRequest) -> u16 {
        let names = Names(names.iter().map(|name| (*name).to_owned()).collect());
        names.check(&request.to_srv_request()).err().map_or(200, |problem| problem.status)
    }

    fn asked(host: &str) -> u16 {
        answer(&["localhost", "tieline.example"], TestRequest::default().insert_header(("host", host)))
    }

    #[test]
    fn addresses_and_the_services_own_names_are_taken() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8650",
            "10.0.0.7:1",
            "[::1]:8650",
            "[2001:db8::1]",
            "localhost",
            "LocalHost:8650",
            "tieline.example",
            "Tieline.Example.:443",
            "localhost:",
        ] {
            assert_eq!(asked(host), 200, "{host}");
        }
    }

    #[test]
    fn names_of_others_and_what_is_no_name_are_not() {
        for host in [
            "evil.example",
            "tieline.example.evil.example",
            "evil-tieline.example",
            "localhost.evil.example",
            "",
            ":8650",
            "localhost:x",
            "user@localhost",
            "localhost@evil.example",
            "127.0.0.1.evil.example",
            "[::1",
            "[evil.example]",
            "::1",
            "127.0.0.1:8650:1",
            "[::1]x",
            "localhost localhost",
            "2130706433",
            "0x7f.1",
        ] {
            assert_eq!(asked(host), 421, "{host}");
        }
    }

    #[test]
    fn one_host_is_said_and_the_request_line_counts_too() {
        let host = |request: TestRequest| request.insert_header(("host", "localhost"));
        assert_eq!(answer(&["localhost"], TestRequest::default()), 400, "none");
        assert_eq!(answer(&["localhost"], TestRequest::default().version(Version::HTTP_10)), 200, "a probe of old");
        assert_eq!(answer(&["localhost"], host(TestRequest::default()).append_header(("host", "localhost"))), 400, "two");
        assert_eq!(answer(&["localhost"], host(TestRequest::with_uri("http://localhost:8650/"))), 200);
        assert_eq!(answer(&["localhost"], host(TestRequest::with_uri("http://evil.example/"))), 421);
    }

    #[test]
    fn a_refusal_quotes_what_can_be_read() {
        let names = Names(Vec::new());
        let request = TestRequest::default().insert_header(("host", "x".repeat(4000))).to_srv_request();
        let problem = names.check(&request).unwrap_err();
        assert!(problem.detail.len() < 400 && problem.next_step.contains("`http.host_names`"), "{problem:?}");
    }
}
