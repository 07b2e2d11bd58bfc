//! Trusted roots: the machine's store and the site's own file. HTTP/1.1 by ALPN.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::NetError;
use crate::config::CertificateSettings;

/// The trusted roots.
pub(super) fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, NetError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        add_authorities(&mut roots, path)
            .map_err(|problem| NetError::Setup { what: format!("`ca_file` {} cannot be used: {problem}", path.display()) })?;
    }
    Ok(roots)
}

/// Adds the certificates of a PEM file; the error says what is wrong with it.
fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let mut found = 0;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        found += 1;
    }
    if found == 0 {
        return Err("it holds no certificate in PEM form".into());
    }
    Ok(())
}

/// The settings whose file of authorities cannot be used, each with the reason. Reads the files.
pub fn authority_problems(files: &CertificateSettings) -> Vec<String> {
    let problem = |(key, path): &(&str, PathBuf)| {
        let problem = add_authorities(&mut RootCertStore::empty(), path).err()?;
        Some(format!("`{key}` names {}, which cannot be used: {problem}; name a PEM file with certificates", path.display()))
    };
    files.authorities.iter().filter_map(problem).collect()
}

pub(super) fn failed(error: &dyn std::error::Error) -> NetError {
    NetError::Setup { what: format!("TLS cannot be set up: {error}") }
}

/// The configurations in use. A client keeps all roots of the machine, some 100 KiB, and the flows of a site with many companies have
/// hundreds of clients: they share one configuration.
static IN_USE: Mutex<Vec<(RootsOf, Weak<ClientConfig>)>> = Mutex::new(Vec::new());

/// Where roots were read besides the machine's store: the site's file, in the state that it had.
#[derive(Debug, PartialEq, Eq)]
struct RootsOf(Option<(PathBuf, Option<(SystemTime, u64)>)>);

impl RootsOf {
    fn now(ca_file: Option<&Path>) -> Self {
        let state = |file: Metadata| Some((file.modified().ok()?, file.len()));
        Self(ca_file.map(|path| (path.to_owned(), std::fs::metadata(path).ok().and_then(state))))
    }
}

/// The configuration of a client. Clients with the same roots share it; a site's file that has changed since is read again.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, NetError> {
    let of = RootsOf::now(ca_file);
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|(_, config)| config.strong_count() > 0);
    if let Some(config) = in_use.iter().find(|(other, _)| *other == of).and_then(|(_, config)| config.upgrade()) {
        return Ok(config);
    }
    let config = Arc::new(new_config(ca_file)?);
    in_use.push((of, Arc::downgrade(&config)));
    Ok(config)
}

fn new_config(ca_file: Option<&Path>) -> Result<ClientConfig, NetError> {
    let roots = roots(ca_file)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_with_the_same_roots_share_them() {
        let first = client_config(None).unwrap();
        assert!(Arc::ptr_eq(&first, &client_config(None).unwrap()));
    }

    #[test]
    fn a_changed_file_of_roots_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let write = |names: &[&str]| {
            let pem = |name: &&str| rcgen::generate_simple_self_signed(vec![(*name).to_owned()]).unwrap().cert.pem();
            std::fs::write(&file, names.iter().map(pem).collect::<String>()).unwrap();
        };
        write(&["one.example"]);
        let before = client_config(Some(&file)).unwrap();
        assert!(Arc::ptr_eq(&before, &client_config(Some(&file)).unwrap()));
        assert!(!Arc::ptr_eq(&before, &client_config(None).unwrap()), "other roots");
        write(&["one.example", "two.example"]);
        assert!(!Arc::ptr_eq(&before, &client_config(Some(&file)).unwrap()));
        std::fs::remove_file(&file).unwrap();
        assert!(client_config(Some(&file)).is_err());
    }
}
