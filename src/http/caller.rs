//! The caller of a request: the holder of an API key, or a person whom the provider vouched for.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};

use super::problem::Problem;
use super::state::AppState;
use crate::credentials::api_key;
use crate::domain::ids::ApiKeyId;
use crate::store::ApiKeyRow;

/// The caller of a request; set by the middleware.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The key's or the person's name, as the audit shows it, with the caller's address.
    pub(super) name: String,
    /// The name alone.
    pub(super) key: String,
    /// The number of the key, which no other key has, not even a later one with the same name; `None`: a person with a session.
    pub(super) id: Option<ApiKeyId>,
}

/// The name for the audit of somebody who comes from this address. `who`: `key NAME` or `person NAME`.
pub(super) fn actor(who: &str, peer: Option<SocketAddr>) -> String {
    format!("{who}{}", from(peer))
}

/// The end of such a name.
pub(super) fn from(peer: Option<SocketAddr>) -> String {
    peer.map_or_else(String::new, |address| format!(" from {}", address.ip()))
}

/// The key with this text.
///
/// # Errors
/// 401 when there is none, or it has expired; 503 when the ledger does not answer.
pub(super) async fn key_of(text: &str, app_state: &AppState) -> Result<ApiKeyRow, Problem> {
    let prefix = api_key::prefix(text).ok_or_else(Problem::unauthorized)?;
    let row = app_state.process.store.api_key_find(prefix.to_owned()).await?;
    opens(text, row, Utc::now())
}

/// The key, if it is the stored one and has not expired. Only who has the whole key learns that it has.
fn opens(text: &str, row: Option<ApiKeyRow>, now: DateTime<Utc>) -> Result<ApiKeyRow, Problem> {
    // an unknown prefix takes as long as a known one
    let right = api_key::check(text, row.as_ref().map_or(&[0_u8; 32], |row| row.hash.as_slice()));
    let row = row.filter(|_| right).ok_or_else(Problem::unauthorized)?;
    match row.expires_at {
        Some(end) if end <= now => Err(Problem::expired(&row.name, end)),
        _ => Ok(row),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::credentials::api_key::ApiKey;
    use crate::domain::role::Role;

    #[test]
    fn only_the_right_key_in_time_opens() {
        let now = Utc::now();
        let (key, other) = (ApiKey::generate(Role::Viewer).expect("key"), ApiKey::generate(Role::Admin).expect("key"));
        let row = |expires_at| ApiKeyRow {
            id: ApiKeyId(1),
            name: "ops".into(),
            person: None,
            role: Role::Viewer,
            prefix: key.prefix.clone(),
            hash: key.hash.to_vec(),
            created_at: now,
            expires_at,
            last_used_at: None,
            end_set_at: None,
        };
        let opens = |text: &str, row: Option<ApiKeyRow>| opens(text, row, now).map(|row| row.role).map_err(|problem| problem.detail);
        let unknown = Err("the request has no valid API key".to_owned());
        assert_eq!(opens(key.expose(), Some(row(None))), Ok(Role::Viewer));
        assert_eq!(opens(other.expose(), Some(row(None))), unknown, "another key");
        assert_eq!(opens(other.expose(), Some(row(Some(now)))), unknown, "another key does not learn that this one has expired");
        assert_eq!(opens(key.expose(), None), unknown, "removed");
        let expired = opens(key.expose(), Some(row(Some(now)))).expect_err("expired");
        assert!(expired.starts_with("the API key `ops` expired at 2"), "{expired}");
        assert_eq!(opens(key.expose(), Some(row(Some(now + TimeDelta::seconds(1))))), Ok(Role::Viewer));
    }
}
