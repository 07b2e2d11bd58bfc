//! The caller of a request: the holder of an API key.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};

use super::problem::Problem;
use super::state::AppState;
use crate::credentials::api_key;
use crate::domain::ids::ApiKeyId;
use crate::domain::role::Role;
use crate::store::ApiKeyRow;

/// The caller of a request; set by the middleware.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The key's name, as the audit shows it, with the caller's address.
    pub(super) name: String,
    /// The key's name alone.
    pub(super) key: String,
    /// The number of the key, which no other key has, not even a later one with the same name; `None`: a person with a session.
    pub(super) id: Option<ApiKeyId>,
}

/// The caller's name for the audit.
pub(super) fn actor(key: &str, peer: Option<SocketAddr>) -> String {
    let from = peer.map_or_else(String::new, |address| format!(" from {}", address.ip()));
    format!("key {key}{from}")
}

/// The key with this text, and its role.
///
/// # Errors
/// 401 when there is none; 503 when the ledger does not answer.
pub(super) async fn key_of(text: &str, app_state: &AppState) -> Result<(ApiKeyRow, Role), Problem> {
    let prefix = api_key::prefix(text).ok_or_else(Problem::unauthorized)?;
    let row = app_state.process.store.api_key_find(prefix.to_owned()).await?;
    let role = opens(text, row.as_ref(), Utc::now()).ok_or_else(Problem::unauthorized)?;
    row.map(|row| (row, role)).ok_or_else(Problem::unauthorized)
}

/// The role of a key, if the key is the stored one and has not expired.
fn opens(text: &str, row: Option<&ApiKeyRow>, now: DateTime<Utc>) -> Option<Role> {
    // an unknown prefix takes as long as a known one
    let right = api_key::check(text, row.map_or(&[0_u8; 32], |row| row.hash.as_slice()));
    let row = row.filter(|row| right && row.expires_at.is_none_or(|end| end > now))?;
    Some(row.role)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::credentials::api_key::ApiKey;

    #[test]
    fn only_the_right_key_in_time_opens() {
        let now = Utc::now();
        let (key, other) = (ApiKey::generate(Role::Viewer).expect("key"), ApiKey::generate(Role::Admin).expect("key"));
        let row = |expires_at| ApiKeyRow {
            id: ApiKeyId(1),
            name: "ops".into(),
            role: Role::Viewer,
            prefix: key.prefix.clone(),
            hash: key.hash.to_vec(),
            created_at: now,
            expires_at,
            last_used_at: None,
        };
        assert_eq!(opens(key.expose(), Some(&row(None)), now), Some(Role::Viewer));
        assert_eq!(opens(other.expose(), Some(&row(None)), now), None, "another key");
        assert_eq!(opens(key.expose(), None, now), None, "removed");
        assert_eq!(opens(key.expose(), Some(&row(Some(now))), now), None, "expired");
        assert_eq!(opens(key.expose(), Some(&row(Some(now + TimeDelta::seconds(1)))), now), Some(Role::Viewer));
    }
}
