//! Keys of the HTTP interface: adds, changes and removes them. A key is known in clear only to its caller, and once.

use chrono::{DateTime, Days, Utc};

use crate::credentials::api_key::ApiKey;
use crate::credentials::key_ring::KeyError;
use crate::domain::person::PersonName;
use crate::domain::reason::Reason;
use crate::domain::role::Role;
use crate::process::Process;
use crate::store::{ApiKeyChange, ApiKeyRow, NewApiKeyRow, StoreError};

/// When a key ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEnd {
    /// After this number of days.
    Days(u64),
    /// Never.
    Never,
}

impl KeyEnd {
    fn at(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Days(days) => Utc::now().checked_add_days(Days::new(days)),
            Self::Never => None,
        }
    }
}

/// A key to be added.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its name, which the audit shows.
    pub name: PersonName,
    /// The person to whom it belongs; `None`: the person whose name it has.
    pub person: Option<PersonName>,
    /// What it may do.
    pub role: Role,
    /// When it ends; `None`: as `[sign_in]` says.
    pub end: Option<KeyEnd>,
    /// Why; needed for a key that never ends.
    pub why: Option<Reason>,
}

/// What changes of a key.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// Another role.
    pub role: Option<Role>,
    /// Another person.
    pub person: Option<PersonName>,
    /// Another end.
    pub end: Option<KeyEnd>,
}

/// Why a key was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded {
    /// Another key has the name.
    #[error(
        "there is a key `{0}` already: a name is one person's, and no second one has it; give it a new secret with \
         `tieline api-key rotate {0} --why …`, remove it first, or choose another name"
    )]
    Taken(String),
    /// There is no such key.
    #[error("there is no key `{0}`; `tieline api-key list` lists the keys")]
    Missing(String),
    /// A key that never ends has no reason.
    #[error("a key that never expires needs a reason: add `--why …`, or give it an end, such as `--expires 365`")]
    NoReason,
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
    let end = new.end.unwrap_or(KeyEnd::Days(process.settings.sign_in.key_days));
    if end == KeyEnd::Never && new.why.is_none() {
        return Err(NotAdded::NoReason);
    }
    if process.store.api_key_list().await?.iter().any(|key| key.name == new.name.as_str()) {
        return Err(NotAdded::Taken(new.name.into()));
    }
    let key = ApiKey::generate(new.role)?;
    let person = new.person.filter(|person| *person != new.name);
    let row = NewApiKeyRow {
        name: new.name.into(),
        person: person.map(String::from),
        role: new.role,
        prefix: key.prefix.clone(),
        hash: key.hash.to_vec(),
        expires_at: end.at(),
    };
    process.store.api_key_add(row, new.why.map(String::from), by).await?;
    Ok(key)
}

/// Gives a key a new secret, and a new end. The old secret stops working at once, and who signed in with it is signed out.
///
/// # Errors
/// [`NotAdded`].
pub async fn rotate(process: &Process, name: &str, end: Option<KeyEnd>, why: Reason, by: String) -> Result<ApiKey, NotAdded> {
    let keys = process.store.api_key_list().await?;
    let role = keys.iter().find(|key| key.name == name).map(|key| key.role).ok_or_else(|| NotAdded::Missing(name.to_owned()))?;
    let key = ApiKey::generate(role)?;
    let end = end.unwrap_or(KeyEnd::Days(process.settings.sign_in.key_days));
    let change =
        ApiKeyChange { secret: Some((key.prefix.clone(), key.hash.to_vec())), expires_at: Some(end.at()), ..ApiKeyChange::default() };
    let changed = process.store.api_key_change(name.to_owned(), change, why.into(), by).await?;
    changed.map(|_| key).ok_or_else(|| NotAdded::Missing(name.to_owned()))
}

/// Changes the role, the person or the end of a key; answers its state before and after.
///
/// # Errors
/// [`NotAdded`].
pub async fn change(process: &Process, name: &str, change: KeyChange, why: Reason, by: String) -> Result<(ApiKeyRow, ApiKeyRow), NotAdded> {
    let change =
        ApiKeyChange { secret: None, role: change.role, person: change.person.map(String::from), expires_at: change.end.map(KeyEnd::at) };
    let changed = process.store.api_key_change(name.to_owned(), change, why.into(), by).await?;
    changed.ok_or_else(|| NotAdded::Missing(name.to_owned()))
}

/// Removes a key, which stops working at once; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(process: &Process, name: &str, why: Option<Reason>, by: String) -> Result<bool, StoreError> {
    process.store.api_key_remove(name.to_owned(), why.map(String::from), by).await
}
