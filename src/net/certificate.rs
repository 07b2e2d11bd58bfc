//! A server's own certificate with its key: two PEM files, read and checked together.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

use crate::config::settings::CertificateFiles;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("`{setting}` names {}, which cannot be read: {problem}; the service's account must be able to", path.display())]
    File {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        problem: io::Error,
    },
    /// A file has not the expected content.
    #[error("`{setting}` names {}, which holds no {wanted}: {problem}", path.display())]
    Content {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The expected content.
        wanted: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The key belongs to another certificate.
    #[error("the key in {} does not belong to the certificate in {}; name the two files of one pair", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate has expired.
    #[error("the certificate in {} expired at {expired}; renew it", certificate.display())]
    Expired {
        /// The certificate's file.
        certificate: PathBuf,
        /// When.
        expired: DateTime<Utc>,
    },
}

/// A valid pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate with its chain and its key.
    pub key: Arc<CertifiedKey>,
    /// When the certificate expires.
    pub expires: DateTime<Utc>,
    /// Its subject.
    pub subject: String,
}

/// Reads and checks a pair.
///
/// # Errors
/// [`CertificateError`], which names the file and the problem.
pub fn load(files: &CertificateFiles) -> Result<Pair, CertificateError> {
    const CERTIFICATE: &str = "http.certificate";
    const KEY: &str = "http.certificate_key";
    let read = |setting, path: &Path| fs::read(path).map_err(|problem| CertificateError::File { setting, path: path.to_owned(), problem });
    let content =
        |setting, path: &Path, wanted, problem: String| CertificateError::Content { setting, path: path.to_owned(), wanted, problem };
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
        // if they cannot be compared, the first handshake shows it
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(_) => return Err(CertificateError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }),
    }
    if expires < Utc::now() {
        return Err(CertificateError::Expired { certificate: certificate.to_owned(), expired: expires });
    }
    Ok(Pair { key: Arc::new(pair), expires, subject })
}
