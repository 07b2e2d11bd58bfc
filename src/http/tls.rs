//! The service's own certificate: two PEM files, read anew when they change. A bad new pair leaves the old one in place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{error, info};
use x509_parser::parse_x509_certificate;

use crate::config::settings::CertificateFiles;
use crate::telemetry::metrics::metrics;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{setting}` names {}, which cannot be read: {source}; the service's account must be able to", path.display())]
    File {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{setting}` names {}, which holds no {wanted}: {problem}", path.display())]
    Content {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The key belongs to another certificate.
    #[error("the key in {} does not belong to the certificate in {}; name the two files that were made together", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Its time is over.
    #[error("the certificate in {} expired at {expired}; renew it", certificate.display())]
    Expired {
        /// The certificate's file.
        certificate: PathBuf,
        /// When.
        expired: DateTime<Utc>,
    },
}

/// A pair that can be used.
#[derive(Debug, Clone)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    /// When the certificate's time is over.
    pub expires: DateTime<Utc>,
    /// Whom it names.
    pub subject: String,
}

/// Reads and checks a pair.
///
/// # Errors
/// [`TlsError`], which names the file and what is wrong with it.
pub fn load(files: &CertificateFiles) -> Result<Pair, TlsError> {
    const CERTIFICATE: &str = "http.certificate";
    const KEY: &str = "http.certificate_key";
    let read = |setting, path: &Path| fs::read(path).map_err(|source| TlsError::File { setting, path: path.to_owned(), source });
    let content = |setting, path: &Path, wanted, problem: String| TlsError::Content { setting, path: path.to_owned(), wanted, problem };
    let (certificate, key) = (files.certificate.as_path(), files.key.as_path());
    let wrong = |problem: String| content(CERTIFICATE, certificate, "certificate in PEM form", problem);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(CERTIFICATE, certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    let own = chain.first().ok_or_else(|| wrong("there is no `-----BEGIN CERTIFICATE-----` in it".into()))?;
    let (_, parsed) = parse_x509_certificate(own).map_err(|error| wrong(error.to_string()))?;
    let expires = DateTime::from_timestamp(parsed.validity().not_after.timestamp(), 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let subject = parsed.subject().to_string();
    let no_key = |problem: String| content(KEY, key, "private key in PEM form", problem);
    let secret = PrivateKeyDer::from_pem_slice(&read(KEY, key)?).map_err(|error| no_key(error.to_string()))?;
    let signer = ring::sign::any_supported_type(&secret).map_err(|error| no_key(error.to_string()))?;
    let pair = CertifiedKey::new(chain.clone(), signer);
    match pair.keys_match() {
        // what cannot be compared is told by the first handshake
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(_) => return Err(TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }),
    }
    if expires < Utc::now() {
        return Err(TlsError::Expired { certificate: certificate.to_owned(), expired: expires });
    }
    Ok(Pair { key: Arc::new(pair), expires, subject })
}

/// The pair in use.
#[derive(Debug)]
pub(super) struct Certificate {
    files: CertificateFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Certificate {
    /// Reads the pair for the first time.
    pub(super) fn read(files: &CertificateFiles) -> Result<Arc<Self>, TlsError> {
        let pair = load(files)?;
        metrics().set_certificate_expiry(pair.expires);
        Ok(Arc::new(Self { files: files.clone(), current: RwLock::new(pair.key) }))
    }

    /// What a server needs: TLS 1.2 and 1.3, HTTP/1.1.
    pub(super) fn server(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let versions = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()?;
        let mut config = versions.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Reads the files anew whenever they change, as long as the server runs.
    pub(super) async fn keep(self: Arc<Self>) {
        let (mut seen, mut bad) = (self.stamps(), None);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.stamps();
            if now == seen {
                continue;
            }
            match load(&self.files) {
                Ok(pair) => {
                    info!(expires = %pair.expires, subject = pair.subject, "a new certificate is in use");
                    metrics().set_certificate_expiry(pair.expires);
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair.key;
                    seen = now;
                }
                // a pair that is being written does not fit yet
                Err(_) if bad != Some(now) => bad = Some(now),
                Err(problem) => {
                    error!(%problem, "the new certificate cannot be used; the old one stays in use");
                    metrics().certificate_refused();
                    seen = now;
                }
            }
        }
    }

    /// What tells that a file was replaced.
    fn stamps(&self) -> [Option<(SystemTime, u64)>; 2] {
        let stamp = |path: &Path| fs::metadata(path).ok().and_then(|found| Some((found.modified().ok()?, found.len())));
        [stamp(&self.files.certificate), stamp(&self.files.key)]
    }
}
