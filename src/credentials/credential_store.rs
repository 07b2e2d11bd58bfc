//! The credential store: reads credentials from the ledger and decrypts them with the master key, only for the moment in which they are
//! sent to the other system.
//!
//! The key file is read again when it has changed, so that `credential rotate-key` needs no restart. It is never read on a thread of the
//! actors.

use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use secrecy::SecretString;

use super::key_ring::{Ciphertexts, Encrypted, KeyError, KeyPlace, KeyRing};
use super::secret::Credential;
use crate::config::settings::SysproSource;
use crate::store::{Store, StoreError};

/// Name of the credential for SYSPRO's OData service.
pub const SYSPRO_ODATA: &str = "syspro-odata";
/// Name of the credential of the e.net operator.
pub const SYSPRO_ENET: &str = "syspro-enet";
/// Name of the credential for the company password of e.net; not set where the companies have no password.
pub const SYSPRO_ENET_COMPANY: &str = "syspro-enet-company";
/// Name of the credential for ServiceNow.
pub const SERVICENOW: &str = "servicenow";

/// Name of the credential with the private part of the key that signs the audit. Tieline makes it; its user name is the public part.
pub const AUDIT_SIGNING: &str = "audit-signing";
/// Name of the credential with the former key, from a change of the key until both have signed a day.
pub const AUDIT_SIGNING_FORMER: &str = "audit-signing-former";
/// Name of the credential whose password signs webhooks.
pub const NOTICES_WEBHOOK: &str = "notices-webhook";
/// Name of the credential for the mail server; not set where the server requires none.
pub const NOTICES_MAIL: &str = "notices-mail";

/// Name of the credential with the client secret for the OpenID provider; not set where the provider gave none.
pub const SIGN_IN: &str = "sign-in";

/// The credential for reading SYSPRO.
pub fn syspro_credential(source: &SysproSource) -> &'static str {
    match source {
        SysproSource::OData { .. } => SYSPRO_ODATA,
        SysproSource::Enet { .. } => SYSPRO_ENET,
    }
}

/// Decrypts credentials.
#[derive(Clone)]
pub struct CredentialStore {
    pub(super) store: Store,
    key_file: PathBuf,
    credentials_directory: Option<PathBuf>,
    /// The key ring as last read, and the stamp of the file at that time.
    key_ring: Arc<Mutex<Option<(Stamp, Arc<KeyRing>)>>>,
}

/// Identifies one state of a file, its permissions included.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// Device, inode, permissions, owner and the time of the last change of any of them.
    node: [i64; 6],
}

impl Stamp {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let number = |value: u64| i64::from_ne_bytes(value.to_ne_bytes());
        let node = [number(file.dev()), number(file.ino()), i64::from(file.mode()), i64::from(file.uid()), file.ctime(), file.ctime_nsec()];
        Self { modified: file.modified().ok(), length: file.len(), node }
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        Self { modified: file.modified().ok(), length: file.len(), node: [0; 6] }
    }
}

/// Why a credential is not available.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialError {
    /// It was never set.
    #[error("there is no credential `{name}`; set it with `tieline credential set {name} --username … --password-stdin`")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// The master key is missing, wrong or not safe.
    #[error("credential `{name}` cannot be decrypted: {problem}")]
    Undecryptable {
        /// Its name.
        name: &'static str,
        /// What is wrong with the key or the ciphertext.
        problem: String,
    },
    /// The ledger does not answer.
    #[error("credential `{name}` cannot be read: {problem}")]
    Store {
        /// Its name.
        name: &'static str,
        /// What the store reported.
        problem: String,
    },
    /// The actor that hands credentials out is being restarted.
    #[error("credential `{name}` cannot be read at this moment: the credential store is being restarted")]
    Restarting {
        /// Its name.
        name: &'static str,
    },
}

impl CredentialStore {
    /// A store over the ledger's credentials. `credentials_directory` is systemd's: the unit passes the key there.
    pub fn new(store: Store, key_file: PathBuf, credentials_directory: Option<PathBuf>) -> Self {
        Self { store, key_file, credentials_directory, key_ring: Arc::default() }
    }

    /// Where the master key is.
    pub fn key_place(&self) -> KeyPlace {
        KeyPlace::new(&self.key_file, self.credentials_directory.as_deref())
    }

    /// The key ring.
    ///
    /// # Errors
    /// [`KeyError`] when the key file is missing although there are ciphertexts, is not safe, or is not ours.
    pub fn keys(&self, ciphertexts: Ciphertexts) -> Result<KeyRing, KeyError> {
        KeyRing::load(self.key_place(), ciphertexts)
    }

    /// The key ring that decrypts credentials, read on a thread that may block, and only when its file has changed.
    ///
    /// # Errors
    /// As for [`CredentialStore::keys`].
    pub async fn key_ring(&self) -> Result<Arc<KeyRing>, KeyError> {
        let (place, kept) = (self.key_place(), self.key_ring.clone());
        let path = place.path().to_owned();
        let read = move || {
            // taken before the read: a change in between is noticed the next time
            let stamp = std::fs::symlink_metadata(place.path()).ok().as_ref().map(Stamp::of);
            let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let (Some(stamp), Some((of, ring))) = (&stamp, &*lock())
                && of == stamp
            {
                return Ok(ring.clone());
            }
            let ring = Arc::new(KeyRing::load(place, Ciphertexts::Stored)?);
            *lock() = stamp.map(|stamp| (stamp, ring.clone()));
            Ok(ring)
        };
        let source = |error: tokio::task::JoinError| std::io::Error::other(error.to_string());
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(KeyError::File { path, action: "read", source: source(error) }))
    }

    /// The key ring for what is not stored, such as MACs. Makes the key where nothing is encrypted yet.
    ///
    /// # Errors
    /// As for [`CredentialStore::keys`]; [`KeyError::Missing`] also when the ledger does not say whether anything is encrypted.
    pub async fn key_ring_or_new(&self) -> Result<Arc<KeyRing>, KeyError> {
        let missing = match self.key_ring().await {
            Err(missing @ KeyError::Missing { .. }) => missing,
            other => return other,
        };
        match self.store.credential_list().await {
            Ok(stored) if stored.is_empty() => {
                let (place, path) = (self.key_place(), self.key_place().path().to_owned());
                let made = tokio::task::spawn_blocking(move || KeyRing::load(place, Ciphertexts::None)).await;
                let source = |error: tokio::task::JoinError| std::io::Error::other(error.to_string());
                made.unwrap_or_else(|error| Err(KeyError::File { path, action: "written", source: source(error) })).map(Arc::new)
            }
            Ok(_) | Err(_) => Err(missing),
        }
    }

    /// A secret that the ledger keeps outside its credentials, in clear: encrypted under a name for something of that name.
    ///
    /// # Errors
    /// [`KeyError`] of the key file, or when the key does not open it.
    pub async fn open(&self, name: &str, of: &str, encrypted: &Encrypted) -> Result<SecretString, KeyError> {
        self.key_ring().await?.decrypt(name, of, encrypted)
    }

    /// The password of SYSPRO's companies; empty where none was set.
    ///
    /// # Errors
    /// [`CredentialError`], but not `Missing`.
    pub async fn company_password(&self) -> Result<SecretString, CredentialError> {
        match self.credential(SYSPRO_ENET_COMPANY).await {
            Ok(credential) => Ok(credential.into_password()),
            Err(CredentialError::Missing { .. }) => Ok(String::new().into()),
            Err(error) => Err(error),
        }
    }

    /// A credential in clear.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub async fn credential(&self, name: &'static str) -> Result<Credential, CredentialError> {
        let row = self.store.credential_get(name).await;
        let row = row.map_err(|error: StoreError| CredentialError::Store { name, problem: error.to_string() })?;
        let row = row.ok_or(CredentialError::Missing { name })?;
        let undecryptable = |error: KeyError| CredentialError::Undecryptable { name, problem: error.to_string() };
        let keys = self.key_ring().await.map_err(undecryptable)?;
        let encrypted = Encrypted { nonce: row.nonce, ciphertext: row.ciphertext, key_id: row.key_id };
        let password = keys.decrypt(&row.name, &row.username, &encrypted).map_err(undecryptable)?;
        Ok(Credential::new(row.username, password))
    }
}
