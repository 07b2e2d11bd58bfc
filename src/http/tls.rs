//! The service's own certificate: two PEM files, read again when they change. A bad new pair leaves the old one in place.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{error, info};

use crate::config::settings::CertificateFiles;
use crate::net::certificate::{CertificateError, load};
use crate::telemetry::metrics::metrics;

/// How often the files are checked.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// The current pair.
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
    pub(super) fn read(files: &CertificateFiles) -> Result<Arc<Self>, CertificateError> {
        let pair = load(files)?;
        metrics().service.set_certificate_expiry(pair.expires);
        Ok(Arc::new(Self { files: files.clone(), current: RwLock::new(pair.key) }))
    }

    /// The configuration of a server: TLS 1.2 and 1.3, HTTP/1.1.
    pub(super) fn server(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let versions = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()?;
        let mut config = versions.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Reads the files again whenever they change, as long as the server runs.
    pub(super) async fn keep(self: Arc<Self>) {
        let (mut seen, mut bad) = (self.stamps(), None);
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            let now = self.stamps();
            if now == seen {
                continue;
            }
            match load(&self.files) {
                Ok(pair) => {
                    info!(expires = %pair.expires, subject = pair.subject, "a new certificate is in use");
                    metrics().service.set_certificate_expiry(pair.expires);
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair.key;
                    seen = now;
                }
                // the pair may be incomplete while it is being written
                Err(_) if bad != Some(now) => bad = Some(now),
                Err(problem) => {
                    error!(%problem, "the new certificate cannot be used; the old one stays in use");
                    metrics().service.certificate_refused();
                    seen = now;
                }
            }
        }
    }

    /// Changes when a file is replaced.
    fn stamps(&self) -> [Option<(SystemTime, u64)>; 2] {
        let stamp = |path: &Path| fs::metadata(path).ok().and_then(|found| Some((found.modified().ok()?, found.len())));
        [stamp(&self.files.certificate), stamp(&self.files.key)]
    }
}
