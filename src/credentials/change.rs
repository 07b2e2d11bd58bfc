//! Sets credentials, and encrypts them again under a new master key. What is encrypted and stored, and in which order, is here alone: the
//! callers only ask for the passwords.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};

use super::credential_store::CredentialStore;
use super::key_ring::{Ciphertexts, Encrypted, KeptSecret, KeyError};
use crate::config::open_private;
use crate::store::{EncryptedCredential, StoreError};

/// A credential to be set.
#[derive(Debug)]
pub struct NewCredential {
    /// Its name.
    pub name: String,
    /// The operator code, or the OAuth client id.
    pub username: String,
    /// The password or client secret.
    pub password: SecretString,
}

/// What a new master key changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The credentials that are encrypted with it.
    pub count: usize,
    /// Its id.
    pub key_id: String,
}

/// Why credentials were not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// Another command may be changing them.
    #[error("{} cannot be locked", path.display())]
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The master key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

impl CredentialStore {
    /// Encrypts credentials and stores them. `state`: the state directory. The first one creates the master key.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn set(&self, state: &Path, all: Vec<NewCredential>, actor: String) -> Result<(), NotChanged> {
        let _alone = alone(state)?;
        let stored = self.store.credential_list().await?.len();
        let keys = self.keys(Ciphertexts::of(stored))?;
        let encrypt = |new: &NewCredential| {
            let encrypted = keys.encrypt(&new.name, &new.username, new.password.expose_secret())?;
            Ok(row(&new.name, &new.username, encrypted))
        };
        let all = all.iter().map(encrypt).collect::<Result<Vec<_>, KeyError>>()?;
        Ok(self.store.credential_put(all, actor, "credential set").await?)
    }

    /// Creates a new master key and encrypts everything with it. The new key is added first and the old one removed last, so that every
    /// ciphertext can be decrypted at any moment.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn rotate(&self, state: &Path, actor: String) -> Result<Rotated, NotChanged> {
        let _alone = alone(state)?;
        let all = self.store.credential_list().await?;
        let mut keys = self.keys(Ciphertexts::of(all.len()))?;
        let kept: Vec<KeptSecret> = all.into_iter().map(kept).collect();
        let encrypted = keys.rotate(&kept)?;
        let again: Vec<_> = kept.iter().zip(encrypted).map(|(one, encrypted)| row(&one.name, &one.username, encrypted)).collect();
        let count = again.len();
        self.store.credential_put(again, actor, "credential rotate-key").await?;
        keys.drop_previous()?;
        Ok(Rotated { count, key_id: keys.current_id().to_owned() })
    }

    /// Removes a credential; answers whether it was set.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, name: String, actor: String) -> Result<bool, StoreError> {
        self.store.credential_remove(name, actor).await
    }
}

/// Held while a credential is encrypted and stored: otherwise another command could encrypt it with a key that is being removed.
fn alone(state: &Path) -> Result<File, NotChanged> {
    let path = state.join("credential.lock");
    let locked = || {
        let file = open_private(&path)?;
        file.lock()?;
        Ok(file)
    };
    locked().map_err(|source| NotChanged::Locked { path, source })
}

fn row(name: &str, username: &str, encrypted: Encrypted) -> EncryptedCredential {
    EncryptedCredential {
        name: name.to_owned(),
        username: username.to_owned(),
        key_id: encrypted.key_id,
        nonce: encrypted.nonce,
        ciphertext: encrypted.ciphertext,
        updated_at: Utc::now(),
    }
}

fn kept(row: EncryptedCredential) -> KeptSecret {
    let encrypted = Encrypted { nonce: row.nonce, ciphertext: row.ciphertext, key_id: row.key_id };
    KeptSecret { name: row.name, username: row.username, encrypted }
}
