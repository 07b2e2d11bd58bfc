//! A plain HTTP client: a response counts only once its body is complete.

use std::io::Read as _;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
pub(super) use awc::http::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

/// Asks the simulator.
pub(super) struct Client(awc::Client);

/// A whole answer.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Client {
    /// `ca`: the certificate authority of a simulator that is served over TLS.
    pub(super) fn new(ca: Option<&str>) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        if let Some(pem) = ca {
            roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")).expect("certificate");
        }
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = awc::Connector::new().rustls_0_23(std::sync::Arc::new(tls)).limit(100);
        Self(awc::Client::builder().connector(connector).timeout(Duration::from_secs(20)).disable_redirects().finish())
    }

    /// # Errors
    /// Why there is no response, or no complete one.
    pub(super) async fn send(&self, method: Method, url: &Url, headers: &[(&str, &str)], body: Bytes) -> Result<Response, String> {
        let mut request = self.0.request(method, url.as_str());
        for header in headers {
            request = request.insert_header(*header);
        }
        let mut answer = request.send_body(body).await.map_err(|error| error.to_string())?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.body().limit(64 << 20).await.map_err(|error| error.to_string())?;
        let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length != body.len()) {
            return Err(format!("{} bytes came of {length:?}", body.len()));
        }
        let packed = headers.get("content-encoding").is_some_and(|value| value == "gzip");
        Ok(Response { status, headers, body: if packed { unpacked(&body) } else { body } })
    }
}

fn unpacked(body: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut plain).expect("gzip");
    plain.into()
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with("application/json"))
    }

    /// The beginning of the body, for messages.
    pub(super) fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }
}
