//! Keys of the HTTP API: the ledger keeps only their hashes.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::audit::{NewAudit, audit_append};
use super::schema::{api_key, console_session};
use super::time::ago;
use super::{Store, StoreError};
use crate::domain::audit::AuditKind;
use crate::domain::ids::ApiKeyId;
use crate::domain::role::Role;
use crate::store::text::text;

/// One key, without its secret.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = api_key, check_for_backend(Pg))]
pub struct ApiKeyRow {
    /// Its number.
    pub id: ApiKeyId,
    /// Its name, which the audit shows.
    pub name: String,
    /// The person to whom it belongs; `None`: the person whose name it has.
    pub person: Option<String>,
    /// What it may do.
    pub role: Role,
    /// The first characters, to recognise it by.
    pub prefix: String,
    /// SHA-256 of the whole key.
    #[serde(skip)]
    pub hash: Vec<u8>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it got its present end; `None`: when it was created.
    #[serde(skip)]
    pub end_set_at: Option<DateTime<Utc>>,
}

/// How long a key is still valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It has no end.
    Endless,
    /// It has an end, which is not near.
    Valid,
    /// It ends within the days of the notice, and in the last quarter of the time since it got this end.
    ExpiresSoon,
    /// It has ended.
    Expired,
}

impl KeyState {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Endless => "valid, without an end",
            Self::Valid => "valid",
            Self::ExpiresSoon => "expires soon",
            Self::Expired => "expired",
        }
    }
}

impl ApiKeyRow {
    /// How long it is still valid. `notice_days`: how many days before its end it is notified.
    pub fn state(&self, notice_days: u32, at: DateTime<Utc>) -> KeyState {
        match self.expires_at {
            None => KeyState::Endless,
            Some(end) if end <= at => KeyState::Expired,
            // a key for a day is not near its end when it is made
            Some(end) if end - at < TimeDelta::days(notice_days.into()).min((end - self.end_set_at.unwrap_or(self.created_at)) / 4) => {
                KeyState::ExpiresSoon
            }
            Some(_) => KeyState::Valid,
        }
    }
}

/// A key to be stored.
#[derive(Debug, Clone)]
pub struct NewApiKeyRow {
    /// Its name.
    pub name: String,
    /// The person to whom it belongs; `None`: the person whose name it has.
    pub person: Option<String>,
    /// What it may do.
    pub role: Role,
    /// The first characters.
    pub prefix: String,
    /// SHA-256 of the whole key.
    pub hash: Vec<u8>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What changes of a key; `None`: it stays.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyChange {
    /// Another secret: the first characters and the hash. Whoever is signed in with the old one is signed out.
    pub secret: Option<(String, Vec<u8>)>,
    /// Another role.
    pub role: Option<Role>,
    /// Another person.
    pub person: Option<String>,
    /// Another end; `Some(None)`: it no longer expires.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// What the audit says of a key: a digest of its role, prefix, hash and end, and of its person if it has another one than its name.
pub(super) fn key_digest(role: &str, prefix: &str, hash: &[u8], expires_at: Option<DateTime<Utc>>, person: Option<&str>) -> String {
    let end = expires_at.map(|at| at.timestamp_micros());
    let text = match person {
        // as in ledgers in which keys had no person
        None => json!([role, prefix, hex::encode(hash), end]),
        Some(person) => json!([role, prefix, hex::encode(hash), end, person]),
    };
    hex::encode(&Sha256::digest(text.to_string())[..16])
}

/// The end of a key, for the audit.
fn end(at: Option<DateTime<Utc>>) -> Value {
    at.map_or_else(|| json!("never"), |at| json!(at.to_rfc3339_opts(SecondsFormat::Secs, true)))
}

/// What an event says of a key as it is now.
fn said(action: &str, row: &ApiKeyRow, why: Option<&str>) -> Value {
    let key = key_digest(row.role.as_str(), &row.prefix, &row.hash, row.expires_at, row.person.as_deref());
    let mut said = json!({
        "action": action, "name": row.name, "role": row.role, "key": key, "prefix": row.prefix, "expires": end(row.expires_at),
    });
    for (name, value) in [("person", row.person.as_deref()), ("why", why)] {
        if let Some(value) = value {
            said[name] = json!(value);
        }
    }
    said
}

/// What differs between two states of a key, one line each.
fn difference(before: &ApiKeyRow, after: &ApiKeyRow) -> Vec<String> {
    let text = |value: Value| value.as_str().map_or_else(String::new, str::to_owned);
    let person = |row: &ApiKeyRow| row.person.clone().unwrap_or_else(|| row.name.clone());
    let pairs = [
        ("prefix", before.prefix.clone(), after.prefix.clone()),
        ("role", before.role.to_string(), after.role.to_string()),
        ("person", person(before), person(after)),
        ("expires", text(end(before.expires_at)), text(end(after.expires_at))),
    ];
    pairs.into_iter().filter(|(_, was, is)| was != is).map(|(what, was, is)| format!("{what} = {is}, was {was}")).collect()
}

fn event(detail: &Value, actor: String) -> NewAudit {
    NewAudit { actor, ..NewAudit::of(AuditKind::Action).detail(detail) }
}

impl Store {
    /// All keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_list(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.run("list API keys", |conn| Ok(api_key::table.order(api_key::id).select(ApiKeyRow::as_select()).load(conn)?)).await
    }

    /// The key with this prefix; notes its use, at most once a minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_find(&self, prefix: String) -> Result<Option<ApiKeyRow>, StoreError> {
        self.run("find an API key", move |conn| {
            let rows: Vec<ApiKeyRow> =
                api_key::table.filter(api_key::prefix.eq(text(&prefix))).select(ApiKeyRow::as_select()).load(conn)?;
            let stale = |row: &ApiKeyRow| row.last_used_at.is_none_or(|at| Utc::now() - at > TimeDelta::minutes(1));
            // a separate statement only when there is something to store: every request calls this
            if rows.first().is_some_and(stale) {
                let stale = api_key::last_used_at.is_null().or(api_key::last_used_at.lt(ago(Duration::from_mins(1)).nullable()));
                diesel::update(api_key::table.filter(api_key::prefix.eq(text(&prefix))).filter(stale))
                    .set(api_key::last_used_at.eq(now))
                    .execute(conn)?;
            }
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// Stores a new key.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with a unique violation when the name is taken.
    pub async fn api_key_add(&self, new: NewApiKeyRow, why: Option<String>, actor: String) -> Result<(), StoreError> {
        self.run("add an API key", move |conn| {
            let row: ApiKeyRow = diesel::insert_into(api_key::table)
                .values((
                    api_key::name.eq(text(&new.name)),
                    api_key::person.eq(new.person.as_deref().map(text)),
                    api_key::role.eq(text(new.role.as_str())),
                    api_key::prefix.eq(text(&new.prefix)),
                    api_key::hash.eq(&new.hash),
                    api_key::expires_at.eq(new.expires_at),
                ))
                .returning(ApiKeyRow::as_select())
                .get_result(conn)?;
            audit_append(conn, &[event(&said("api key add", &row, why.as_deref()), actor)])
        })
        .await
    }

    /// Changes a key; answers its state before and after, or `None` if there is no such key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_change(
        &self,
        name: String,
        change: ApiKeyChange,
        why: String,
        actor: String,
    ) -> Result<Option<(ApiKeyRow, ApiKeyRow)>, StoreError> {
        self.run("change an API key", move |conn| {
            let found = api_key::table.filter(api_key::name.eq(text(&name))).select(ApiKeyRow::as_select()).for_update();
            let Some(before) = found.first::<ApiKeyRow>(conn).optional()? else { return Ok(None) };
            let rotated = change.secret.is_some();
            let (prefix, hash) = change.secret.unwrap_or_else(|| (before.prefix.clone(), before.hash.clone()));
            let person = change.person.or_else(|| before.person.clone()).filter(|person| *person != name);
            let end_set_at = change.expires_at.map(|_| Utc::now()).or(before.end_set_at);
            let after: ApiKeyRow = diesel::update(api_key::table.find(before.id))
                .set((
                    api_key::person.eq(person.as_deref().map(text)),
                    api_key::role.eq(text(change.role.unwrap_or(before.role).as_str())),
                    api_key::prefix.eq(text(&prefix)),
                    api_key::hash.eq(&hash),
                    api_key::expires_at.eq(change.expires_at.unwrap_or(before.expires_at)),
                    api_key::end_set_at.eq(end_set_at),
                ))
                .returning(ApiKeyRow::as_select())
                .get_result(conn)?;
            if rotated {
                diesel::delete(console_session::table.filter(console_session::api_key_id.eq(before.id.0))).execute(conn)?;
            }
            let mut detail = said(if rotated { "api key rotate" } else { "api key change" }, &after, Some(&why));
            detail["difference"] = json!(difference(&before, &after));
            audit_append(conn, &[event(&detail, actor)])?;
            Ok(Some((before, after)))
        })
        .await
    }

    /// Removes a key; answers whether it existed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_remove(&self, name: String, why: Option<String>, actor: String) -> Result<bool, StoreError> {
        self.run("remove an API key", move |conn| {
            let removed = diesel::delete(api_key::table.filter(api_key::name.eq(text(&name)))).returning(ApiKeyRow::as_select());
            let Some(row) = removed.get_result::<ApiKeyRow>(conn).optional()? else { return Ok(false) };
            audit_append(conn, &[event(&said("api key remove", &row, why.as_deref()), actor)])?;
            Ok(true)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_said_with_both_values_and_no_secret() {
        let row = |role, person: Option<&str>, prefix: &str, day: i64| ApiKeyRow {
            id: ApiKeyId(1),
            name: "close".into(),
            person: person.map(str::to_owned),
            role,
            prefix: prefix.into(),
            hash: vec![0xab; 32],
            created_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::from_timestamp(day * 86_400, 0),
            last_used_at: None,
            end_set_at: None,
        };
        let before = row(Role::Viewer, None, "00000001", 1);
        let never = ApiKeyRow { expires_at: None, ..row(Role::Controller, Some("anna"), "00000002", 1) };
        assert!(difference(&before, &before).is_empty());
        assert_eq!(
            difference(&before, &never),
            [
                "prefix = 00000002, was 00000001",
                "role = controller, was viewer",
                "person = anna, was close",
                "expires = never, was 1970-01-02T00:00:00Z"
            ]
        );
        assert!(!said("api key change", &never, Some("a reason")).to_string().contains("abab"));
    }

    #[test]
    fn a_key_is_near_its_end_in_the_last_quarter_of_its_life() {
        let made = DateTime::UNIX_EPOCH;
        let key = |days: Option<i64>| ApiKeyRow {
            id: ApiKeyId(1),
            name: "anna".into(),
            person: None,
            role: Role::Viewer,
            prefix: "00000001".into(),
            hash: Vec::new(),
            created_at: made,
            expires_at: days.map(|days| made + TimeDelta::days(days)),
            last_used_at: None,
            end_set_at: None,
        };
        let state = |days, hours| key(days).state(14, made + TimeDelta::hours(hours));
        assert_eq!(state(None, 1_000_000), KeyState::Endless);
        assert_eq!((state(Some(365), 350 * 24), state(Some(365), 352 * 24)), (KeyState::Valid, KeyState::ExpiresSoon));
        assert_eq!(
            (state(Some(1), 1), state(Some(1), 19), state(Some(1), 24)),
            (KeyState::Valid, KeyState::ExpiresSoon, KeyState::Expired)
        );
        // given another day after a year: that day counts, and not the year
        let again = |hours| {
            let start = made + TimeDelta::days(365);
            ApiKeyRow { end_set_at: Some(start), ..key(Some(366)) }.state(14, start + TimeDelta::hours(hours))
        };
        assert_eq!((again(1), again(19), again(24)), (KeyState::Valid, KeyState::ExpiresSoon, KeyState::Expired));
    }

    #[test]
    fn the_digest_of_a_key_without_a_person_is_the_old_one() {
        let without = key_digest("viewer", "00000001", &[1], None, None);
        let text = Sha256::digest(json!(["viewer", "00000001", "01", null]).to_string());
        assert_eq!(without, hex::encode(&text[..16]));
        assert_ne!(without, key_digest("viewer", "00000001", &[1], None, Some("anna")));
    }
}
