//! HTTP CONNECT for awc, which has no proxy support, but allows to replace its TCP connector and adds TLS to the returned stream.

use std::io::{self, Read, Write};
use std::task::{Context, Poll};

use actix_rt::net::TcpStream;
use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use awc::http::Uri;
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::NetError;
use crate::redact::{Kind, Quoted, TextPart, remember};

/// The longest answer head that a proxy may send, in bytes.
const HEAD_LIMIT: usize = 8192;

#[derive(Clone)]
pub(super) struct ProxyConnector {
    address: String,
    authorization: Option<String>,
}

impl ProxyConnector {
    pub(super) fn new(url: &Url) -> Result<Self, NetError> {
        let host = url.host_str().ok_or_else(|| NetError::Setup { what: "`proxy` names no host".into() })?;
        let address = format!("{host}:{}", url.port_or_known_default().unwrap_or(8080));
        let (user, password) = (url.username(), url.password().unwrap_or_default());
        remember(Kind::Password, user, password);
        let authorization = (!user.is_empty()).then(|| format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))));
        Ok(Self { address, authorization })
    }

    /// Host and port of the proxy.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The request for a tunnel.
    fn head(&self, target: &str) -> String {
        let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            head += &format!("Proxy-Authorization: {authorization}\r\n");
        }
        head + "\r\n"
    }

    /// Whether the answer's head opens the tunnel.
    fn granted(&self, answer: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(answer);
        let line = text.lines().next().unwrap_or_default();
        if line.split(' ').nth(1) == Some("200") {
            return Ok(());
        }
        Err(io::Error::other(format!("the proxy {} refused: {}", self.address, Quoted::line(line, 200, TextPart::Whole))))
    }

    /// Opens a tunnel on a blocking connection.
    pub(super) fn tunnel(&self, stream: &mut (impl Read + Write), target: &str) -> io::Result<()> {
        stream.write_all(self.head(target).as_bytes())?;
        let mut answer = Vec::with_capacity(128);
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() > HEAD_LIMIT {
                return Err(too_long());
            }
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            answer.extend(byte);
        }
        self.granted(&answer)
    }

    pub(super) async fn open(self, uri: Uri, target: String) -> io::Result<Connection<Uri, TcpStream>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(self.head(&target).as_bytes()).await?;
        // one byte at a time up to the empty line, so that nothing of the tunnel is consumed
        let mut answer = Vec::with_capacity(128);
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() > HEAD_LIMIT {
                return Err(too_long());
            }
            answer.push(stream.read_u8().await?);
        }
        self.granted(&answer)?;
        Ok(Connection::new(uri, stream))
    }
}

fn too_long() -> io::Error {
    io::Error::other("the proxy's answer is too long")
}

impl Service<ConnectInfo<Uri>> for ProxyConnector {
    type Response = Connection<Uri, TcpStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, request: ConnectInfo<Uri>) -> Self::Future {
        let uri = request.request().clone();
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = if request.port() == 0 { default } else { request.port() };
        let target = format!("{}:{port}", request.hostname());
        let me = self.clone();
        Box::pin(async move { me.open(uri, target).await.map_err(ConnectError::Io) })
    }
}
