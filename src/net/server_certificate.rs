//! Reads the certificate of a server with the same handshake as every request: the same roots, the same proxy.
//!
//! Nothing is trusted that a request would not trust: the certificates are recorded before the same verifier checks them.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use url::{Host, Url};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::host::host_of;
use super::proxy::ProxyConnector;
use super::{NetError, scheme, tls};
use crate::config::settings::Connection;

/// The handshake may take this many times as long as a connection.
const PATIENCE: u32 = 3;

/// The certificate of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its subject.
    pub subject: String,
    /// Its names.
    pub names: Vec<String>,
    /// The authority at the end of the received chain.
    pub signer: String,
    /// The start of its validity.
    pub begins: DateTime<Utc>,
    /// The end of its validity.
    pub expires: DateTime<Utc>,
}

/// Why requests to the server fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No connection, or no handshake.
    NoHandshake(String),
    /// The chain ends at an authority that is not trusted.
    Untrusted,
    /// It is valid for other names.
    OtherName,
    /// Any other problem with it.
    Bad(String),
}

/// The result of a handshake.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// The certificate, if one was received.
    pub shown: Option<Shown>,
    /// Why requests fail; `None`: they do not.
    pub refusal: Option<Refusal>,
}

/// Makes a handshake with the server of this address, which must use `https`.
///
/// # Errors
/// [`NetError::Setup`] when a certificate file cannot be read or the proxy address is not valid.
pub async fn peer(settings: &Connection, url: &Url) -> Result<Peer, NetError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(tls::roots(settings.ca_file.as_deref())?);
    if roots.is_empty() {
        let what = "this machine trusts no certificate authority at all; install the system's (`ca-certificates`), or set `ca_file`";
        return Err(NetError::Setup { what: what.into() });
    }
    let inner = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build().map_err(|error| tls::failed(&error))?;
    let noting = Arc::new(Noting { inner, noted: Mutex::default() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls::failed(&error))?
        .dangerous()
        .with_custom_certificate_verifier(noting.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let proxy = settings.proxy.as_ref().map(ProxyConnector::new).transpose()?;
    let (host, limit) = (host_of(url), settings.connect_timeout);
    let address = url.clone();
    let shaking = tokio::task::spawn_blocking(move || shake(&address, proxy.as_ref(), Arc::new(config), limit));
    let refusal = match tokio::time::timeout(limit * PATIENCE, shaking).await {
        Err(_) => Some(Refusal::NoHandshake(format!("no handshake with {host} within {} s", (limit * PATIENCE).as_secs()))),
        Ok(Err(_)) => Some(Refusal::NoHandshake(format!("the handshake with {host} crashed"))),
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some(refused(&host, &error)),
    };
    let noted = noting.noted.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Peer { shown: shown(&noted), refusal })
}

fn shake(url: &Url, proxy: Option<&ProxyConnector>, config: Arc<ClientConfig>, limit: Duration) -> io::Result<()> {
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(io::Error::other("the address names no host")),
    };
    let port = url.port_or_known_default().unwrap_or(443);
    let mut stream = match proxy {
        Some(proxy) => connect(proxy.address(), limit)?,
        None => connect((host.as_str(), port), limit)?,
    };
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    if let Some(proxy) = proxy {
        proxy.tunnel(&mut stream, &host_of(url))?;
    }
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    connection.send_close_notify();
    // the server may have closed already: the certificate was received
    let _ = connection.complete_io(&mut stream);
    Ok(())
}

fn connect(to: impl ToSocketAddrs, limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("its name has no address");
    for address in to.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn refused(host: &str, error: &io::Error) -> Refusal {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Refusal::Untrusted,
        Some(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
            Refusal::OtherName
        }
        Some(Error::InvalidCertificate(problem)) => Refusal::Bad(problem.to_string()),
        _ if scheme::is_plain(&error.to_string()) => Refusal::NoHandshake(format!(
            "{host} speaks plain HTTP, and the address begins with `https://`: use the port that speaks TLS, or begin the address with \
             `http://`, which sends passwords unencrypted"
        )),
        _ => Refusal::NoHandshake(format!("no secure connection to {host}: {error}")),
    }
}

fn shown(chain: &[CertificateDer<'static>]) -> Option<Shown> {
    let (_, own) = parse_x509_certificate(chain.first()?).ok()?;
    let signer = chain.last().and_then(|last| parse_x509_certificate(last).ok()).map(|(_, last)| last.issuer().to_string());
    let names = own.subject_alternative_name().ok().flatten();
    let names = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress([a, b, c, d]) => Some(format!("{a}.{b}.{c}.{d}")),
        _ => None,
    });
    let instant = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Some(Shown {
        subject: own.subject().to_string(),
        names: names.collect(),
        signer: signer.unwrap_or_default(),
        begins: instant(own.validity().not_before.timestamp()),
        expires: instant(own.validity().not_after.timestamp()),
    })
}

/// The verifier of every request, which also records the certificates.
#[derive(Debug)]
struct Noting {
    inner: Arc<WebPkiServerVerifier>,
    noted: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = [end_entity].into_iter().chain(intermediates).map(|one| one.clone().into_owned());
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = all.collect();
        self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
