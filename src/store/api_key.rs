//! Keys of the HTTP API: the ledger keeps only their hashes.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::audit::{NewAudit, audit_append};
use super::schema::api_key;
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
}

/// What the audit says of a key that was added: a digest of its role, prefix, hash and end.
pub(super) fn key_digest(role: &str, prefix: &str, hash: &[u8], expires_at: Option<DateTime<Utc>>) -> String {
    let end = expires_at.map(|at| at.timestamp_micros());
    let text = serde_json::json!([role, prefix, hex::encode(hash), end]).to_string();
    hex::encode(&Sha256::digest(text)[..16])
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
    pub async fn api_key_add(
        &self,
        name: String,
        role: Role,
        prefix: String,
        hash: Vec<u8>,
        expires_at: Option<DateTime<Utc>>,
        actor: String,
    ) -> Result<(), StoreError> {
        self.run("add an API key", move |conn| {
            diesel::insert_into(api_key::table)
                .values((
                    api_key::name.eq(text(&name)),
                    api_key::role.eq(text(role.as_str())),
                    api_key::prefix.eq(text(&prefix)),
                    api_key::hash.eq(&hash),
                    api_key::expires_at.eq(expires_at),
                ))
                .execute(conn)?;
            let key = key_digest(role.as_str(), &prefix, &hash, expires_at);
            let detail = serde_json::json!({ "action": "api key add", "name": name, "role": role, "key": key });
            let mut row = NewAudit::of(AuditKind::Action).detail(&detail);
            row.actor = actor;
            audit_append(conn, &[row])
        })
        .await
    }

    /// Removes a key; answers whether it existed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_remove(&self, name: String, actor: String) -> Result<bool, StoreError> {
        self.run("remove an API key", move |conn| {
            let removed = diesel::delete(api_key::table.filter(api_key::name.eq(text(&name)))).execute(conn)? > 0;
            if removed {
                let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "api key remove", "name": name }));
                row.actor = actor;
                audit_append(conn, &[row])?;
            }
            Ok(removed)
        })
        .await
    }
}
