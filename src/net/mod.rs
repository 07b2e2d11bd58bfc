//! HTTP for both adapters: one client per actix thread, the company's proxy, own certificate authorities, and limits on everything.
//!
//! `awc::Client` is `!Send`, and so is [`HttpClient`]: create one on each arbiter's thread. HTTP/1.1 only (`h2` 0.3 has an open advisory).

mod body;
pub mod certificate;
mod direct;
mod error;
mod host;
pub mod json;
mod proxy;
mod request_kind;
mod scheme;
mod sent_secrets;
pub mod server_certificate;
mod tls;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::Version;
use actix_web::http::header::HeaderMap;
use awc::error::{ConnectError, SendRequestError};
use url::Url;

use crate::config::settings::Connection;
use crate::failpoint;
use crate::redact::{Quoted, TextPart};
use crate::telemetry::labels::{RequestStatus, System};
use crate::telemetry::metrics::metrics;

pub use actix_web::web::Bytes;
pub use awc::http::Method;
pub use error::NetError;
pub use host::host_of;
pub use tls::authority_problems;

/// An HTTP client for one outside system.
#[derive(Clone)]
pub struct HttpClient {
    system: System,
    client: awc::Client,
    request_timeout: Duration,
    patience: body::Patience,
    body_limit: usize,
    /// Whether the server really keeps connections; unknown before its first answer.
    keeps: Rc<Cell<Option<bool>>>,
    /// For testing whether a port that has never answered speaks TLS.
    tls: Arc<rustls::ClientConfig>,
    proxy: Option<proxy::ProxyConnector>,
    connect_timeout: Duration,
}

/// A complete answer.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The decompressed body, as data. Any part of it for display goes through [`Quoted`].
    pub body: Bytes,
    /// For a large body: the permit to keep it in memory.
    pub permit: LargeBodyPermit,
}

/// The permit to keep a large answer in memory; the next one is read after this is dropped.
#[derive(Debug, Default)]
pub struct LargeBodyPermit {
    /// Only held, never read.
    _held: body::LargeBodyPermit,
}

impl Response {
    /// A header as text; `None` when it is absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the content type is JSON.
    pub fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }

    /// The first characters of the body as one line, for an error message.
    pub fn excerpt(&self) -> Quoted {
        excerpt(&self.body)
    }
}

/// The first 200 characters of a body as one line.
pub fn excerpt(body: &[u8]) -> Quoted {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    Quoted::line(&text, 200, TextPart::up_to(EXCERPT, body.len()))
}

/// The part of a body from which an excerpt is taken, in bytes.
const EXCERPT: usize = 2000;

/// A parser's message without its middle, if it is long: it may quote a text of the answer, which may be as large as the answer.
pub fn brief(words: &str) -> Quoted {
    const BEGIN: usize = 200;
    const END: usize = 60;
    let Some((begin, _)) = words.char_indices().nth(BEGIN) else { return words.into() };
    let end = words.char_indices().rev().nth(END - 1).map_or(words.len(), |(at, _)| at);
    if end <= begin {
        return words.into();
    }
    Quoted::joined([Quoted::cut(words, 0..begin), "…".into(), Quoted::cut(words, end..words.len())])
}

/// What clients of one system are made from. The certificates are read once, so that an actor can make a client on its own thread without
/// reading files, and without an error.
#[derive(Clone)]
pub struct ClientParts {
    system: System,
    settings: Connection,
    tls: Arc<rustls::ClientConfig>,
    proxy: Option<proxy::ProxyConnector>,
}

impl ClientParts {
    /// Reads the certificates of the machine and of the site: not for a thread of actors that are running.
    ///
    /// # Errors
    /// [`NetError::Setup`] when a certificate file cannot be read or the proxy address is not valid.
    pub fn read(system: System, settings: &Connection) -> Result<Self, NetError> {
        let tls = tls::client_config(settings.ca_file.as_deref())?;
        let proxy = settings.proxy.as_ref().map(proxy::ProxyConnector::new).transpose()?;
        Ok(Self { system, settings: settings.clone(), tls, proxy })
    }
}

impl HttpClient {
    /// A client for one system; its requests are counted under this name. Reads the certificates.
    ///
    /// # Errors
    /// As for [`ClientParts::read`].
    pub fn new(system: System, settings: &Connection) -> Result<Self, NetError> {
        Ok(Self::of(&ClientParts::read(system, settings)?))
    }

    /// A client with certificates that were read before.
    pub fn of(parts: &ClientParts) -> Self {
        let ClientParts { system, settings, tls, proxy } = parts.clone();
        let base = awc::Connector::new().timeout(settings.connect_timeout).handshake_timeout(settings.connect_timeout);
        let limit = settings.connections.max(1);
        let (keep, life) = (settings.keep_alive, Duration::from_secs(300));
        let builder = awc::Client::builder().timeout(settings.request_timeout).disable_redirects().no_default_headers();
        let client = match &proxy {
            None => {
                let connector = base.connector(direct::DirectConnector::new());
                builder.connector(connector.rustls_0_23(tls.clone()).limit(limit).conn_keep_alive(keep).conn_lifetime(life)).finish()
            }
            Some(proxy) => {
                let connector =
                    base.connector(proxy.clone()).rustls_0_23(tls.clone()).limit(limit).conn_keep_alive(keep).conn_lifetime(life);
                builder.connector(connector).finish()
            }
        };
        let keeps = Rc::new(Cell::new(None));
        let (request_timeout, body_limit) = (settings.request_timeout, settings.body_limit);
        let patience = body::Patience { body: settings.body_timeout, permit: settings.permit_timeout() };
        let connect_timeout = settings.connect_timeout;
        Self { system, client, request_timeout, patience, body_limit, keeps, tls, proxy, connect_timeout }
    }

    /// Sends a request and reads the whole answer, with any status.
    ///
    /// # Errors
    /// Every [`NetError`] except `Setup`. See [`NetError::may_have_been_sent`].
    pub async fn send(&self, method: Method, url: &Url, headers: &[(&str, &str)], body: Bytes) -> Result<Response, NetError> {
        self.send_within(self.body_limit, method, url, headers, body).await
    }

    /// Like [`HttpClient::send`], with another limit for the answer, in bytes.
    ///
    /// # Errors
    /// As [`HttpClient::send`].
    pub async fn send_within(
        &self,
        limit: usize,
        method: Method,
        url: &Url,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response, NetError> {
        let (started, kind) = (Instant::now(), request_kind::kind(self.system, &method, url.path()));
        let answer = self.exchange(limit.min(self.body_limit), method, url, headers, body).await;
        metrics().requests.requested(self.system, kind, RequestStatus::of(&answer), started.elapsed());
        answer
    }

    async fn exchange(&self, limit: usize, method: Method, url: &Url, headers: &[(&str, &str)], body: Bytes) -> Result<Response, NetError> {
        let host = host_of(url);
        let point = |when: &str| format!("http:{method}:{}:{when}", url.path());
        failpoint::reached(|| point("before"));
        sent_secrets::remember(self.system, headers, url, &body);
        let mut request = self.client.request(method.clone(), url.as_str()).insert_header(("Accept-Encoding", body::ACCEPTED));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        if self.keeps.get() != Some(true) {
            // awc assumes that an HTTP/1.0 server keeps the connection, and loses the next request on it
            request = request.force_close();
        }
        let answer = failpoint::under_way(|| point("sent"), request.send_body(body)).await;
        failpoint::reached(|| point("answered"));
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.explained(url, self.send_error(error, &host)).await),
        };
        self.keeps.set(Some(answer.version() >= Version::HTTP_11));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let length = said("content-length").and_then(|text| text.trim().parse().ok());
        let encoding = said("content-encoding");
        // the status alone decides whether a notice was accepted, however long the receiver keeps sending
        let notice = self.system == System::Notices;
        let read = match notice && (200..300).contains(&status) {
            true => Ok((Bytes::new(), None)),
            false => body::read(self.system, self.patience, answer, encoding, length, limit).await,
        };
        let (body, permit) = match read {
            Ok(read) => read,
            Err(_) if notice => (Bytes::new(), None),
            Err(body::Unread::Late) => return Err(NetError::Timeout { host, seconds: self.patience.body.as_secs() }),
            Err(body::Unread::Crowded) => return Err(NetError::Crowded { host, seconds: self.patience.permit.as_secs() }),
            Err(body::Unread::TooLarge) => return Err(NetError::TooLarge { host, limit }),
            Err(body::Unread::Packed(encoding)) => return Err(NetError::Packed { host, encoding: encoding.into() }),
            Err(body::Unread::Broken(problem)) => return Err(NetError::Broken { host, problem: problem.into() }),
        };
        failpoint::reached(|| point("read"));
        if url.scheme() == "http" && scheme::says_tls(status, &body) {
            return Err(NetError::Scheme { host, what: scheme::tls(self.system), sent: true });
        }
        Ok(Response { status, headers, body, permit: LargeBodyPermit { _held: permit } })
    }

    /// Explains an error: for a server that has never answered in plain HTTP, it tests whether its port speaks TLS.
    async fn explained(&self, url: &Url, error: NetError) -> NetError {
        let (host, worth) = match &error {
            NetError::Broken { host, .. } | NetError::Timeout { host, .. } => (host.clone(), self.keeps.get().is_none()),
            _ => return error,
        };
        if url.scheme() == "http" && worth && scheme::speaks_tls(url, self.tls.clone(), self.proxy.clone(), self.connect_timeout).await {
            return NetError::Scheme { host, what: scheme::tls(self.system), sent: true };
        }
        error
    }

    fn send_error(&self, error: SendRequestError, host: &str) -> NetError {
        let host = host.to_owned();
        match error {
            SendRequestError::Connect(ConnectError::Timeout) => NetError::Connect { host, problem: "no connection in time".into() },
            // awc's error for a connection that ended before the answer's head: the request was sent
            SendRequestError::Connect(ConnectError::Disconnected) => {
                NetError::Broken { host, problem: "it was closed without an answer".into() }
            }
            SendRequestError::Connect(ConnectError::Io(error)) => {
                let problem = error.to_string();
                match scheme::plain(self.system, &problem) {
                    Some(what) => NetError::Scheme { host, what, sent: false },
                    None => NetError::Connect { host, problem: scheme::handshake(self.system, problem).into() },
                }
            }
            SendRequestError::Connect(error) => NetError::Connect { host, problem: error.to_string().into() },
            SendRequestError::Url(error) => NetError::Setup { what: format!("`{host}` cannot be reached: {error}") },
            SendRequestError::Timeout => NetError::Timeout { host, seconds: self.request_timeout.as_secs() },
            error => NetError::Broken { host, problem: error.to_string().into() },
        }
    }
}

impl RequestStatus {
    fn of(answer: &Result<Response, NetError>) -> Self {
        match answer {
            Ok(answer) => Self::Answered(answer.status),
            Err(NetError::Setup { .. } | NetError::Connect { .. } | NetError::Scheme { sent: false, .. }) => Self::NotConnected,
            Err(NetError::Timeout { .. } | NetError::Crowded { .. }) => Self::TimedOut,
            Err(NetError::Broken { .. } | NetError::Packed { .. } | NetError::TooLarge { .. } | NetError::Scheme { sent: true, .. }) => {
                Self::Broken
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server that reads one request per connection, offers to keep the connection, and closes it when the next request comes, as happens
    /// when a request crosses with the server's timeout.
    #[test]
    fn long_words_lose_their_middle() {
        for short in ["", "x", &"é".repeat(200), &"é".repeat(230)] {
            assert_eq!(brief(short), short);
        }
        let long = format!("invalid type: string \"{}\" at line 1 column 7", "é".repeat(1 << 20));
        let brief = brief(&long);
        assert!(brief.starts_with("invalid type: string \"éé") && brief.ends_with("é\" at line 1 column 7"), "{brief}");
        assert_eq!(brief.chars().count(), 261);
    }

    fn impatient(version: &'static str) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                std::thread::spawn(move || {
                    let mut request = [0; 4096];
                    if stream.read(&mut request).is_ok_and(|read| read > 0) {
                        stream.write_all(format!("{version} 200 OK\r\ncontent-length: 2\r\n\r\nok").as_bytes()).unwrap();
                    }
                    let _ = stream.read(&mut request);
                });
            }
        });
        url
    }

    /// The results of three requests, one after the other; the first connection is never kept.
    fn three(version: &'static str, keep_alive: Duration) -> [Result<u16, NetError>; 3] {
        let long = Duration::from_secs(60);
        let connection = Connection {
            connect_timeout: long,
            request_timeout: long,
            body_timeout: long,
            body_limit: 1 << 20,
            connections: 1,
            keep_alive,
            ..Connection::default()
        };
        let url = impatient(version);
        actix::System::new().block_on(async {
            let client = HttpClient::new(System::ServiceNow, &connection).unwrap();
            let get = async || client.send(Method::GET, &url, &[], Bytes::new()).await.map(|answer| answer.status);
            [get().await, get().await, get().await]
        })
    }

    #[test]
    fn a_connection_kept_longer_than_the_server_does_loses_a_request() {
        let [first, second, third] = three("HTTP/1.1", Duration::from_secs(60));
        assert_eq!((first.unwrap(), second.unwrap()), (200, 200));
        let lost = third.unwrap_err();
        assert!(matches!(lost, NetError::Broken { .. }) && lost.may_have_been_sent(), "{lost}");
    }

    #[test]
    fn without_keeping_connections_none_is_lost() {
        assert!(three("HTTP/1.1", Duration::ZERO).iter().all(|outcome| matches!(outcome, Ok(200))));
    }

    #[test]
    fn a_server_of_http_1_0_keeps_no_connection() {
        assert!(three("HTTP/1.0", Duration::from_secs(60)).iter().all(|outcome| matches!(outcome, Ok(200))));
    }
}
