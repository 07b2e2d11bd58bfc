//! Keys of the HTTP interface: adds and removes them. A key is known in clear only to its caller, and once.

use chrono::{Days, Utc};

use crate::credentials::api_key::ApiKey;
use crate::credentials::key_ring::KeyError;
use crate::domain::role::Role;
use crate::process::Process;
use crate::store::StoreError;

/// A key to be added.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its name, which the audit shows.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Days after which it expires; `None`: it does not expire.
    pub expires_days: Option<u64>,
}

/// Why a key was not added.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded {
    /// Another key has the name.
    #[error("there is a key `{0}` already; remove it first, or choose another name")]
    Taken(String),
    /// The system has no random numbers.
    #[error(transparent)]
    Random(#[from] KeyError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

/// Creates a key and stores its hash.
///
/// # Errors
/// [`NotAdded`].
pub async fn add(process: &Process, new: NewApiKey, by: String) -> Result<ApiKey, NotAdded> {
    if process.store.api_key_list().await?.iter().any(|key| key.name == new.name) {
        return Err(NotAdded::Taken(new.name));
    }
    let key = ApiKey::generate(new.role)?;
    let expires = new.expires_days.and_then(|days| Utc::now().checked_add_days(Days::new(days)));
    process.store.api_key_add(new.name, new.role, key.prefix.clone(), key.hash.to_vec(), expires, by).await?;
    Ok(key)
}

/// Removes a key, which stops working at once; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(process: &Process, name: &str, by: String) -> Result<bool, StoreError> {
    process.store.api_key_remove(name.to_owned(), by).await
}
