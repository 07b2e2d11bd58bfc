//! Keys of the HTTP API: only their hashes are kept.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Timestamptz};
use serde::Serialize;

use super::audit::{NewAudit, audit_append};
use super::{Store, StoreError};
use crate::domain::audit::AuditKind;
use crate::store::text::Text;

/// One key, without its secret.
#[derive(Debug, Clone, QueryableByName, Serialize)]
pub struct ApiKeyRow {
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Its name, which the audit shows.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// `viewer`, `operator`, `auditor` or `admin`.
    #[diesel(sql_type = Text)]
    pub role: String,
    /// The first characters, to recognise it by.
    #[diesel(sql_type = Text)]
    pub prefix: String,
    /// SHA-256 of the whole key.
    #[diesel(sql_type = Binary)]
    #[serde(skip)]
    pub hash: Vec<u8>,
    /// When it was made.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// When it ends.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Store {
    /// All keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_list(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.run("list API keys", |conn| Ok(sql_query("SELECT * FROM api_key ORDER BY id").load(conn)?)).await
    }

    /// The key with this prefix; notes its use, at most once a minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_find(&self, prefix: String) -> Result<Option<ApiKeyRow>, StoreError> {
        self.run("find an API key", move |conn| {
            let rows: Vec<ApiKeyRow> = sql_query("SELECT * FROM api_key WHERE prefix = $1").bind::<Text, _>(&prefix).load(conn)?;
            let stale = |row: &ApiKeyRow| row.last_used_at.is_none_or(|at| Utc::now() - at > TimeDelta::minutes(1));
            // a statement of its own only when there is something to note: every request comes by here
            if rows.first().is_some_and(stale) {
                sql_query(
                    "UPDATE api_key SET last_used_at = now() WHERE prefix = $1 \
                     AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
                )
                .bind::<Text, _>(&prefix)
                .execute(conn)?;
            }
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with a unique violation when the name is taken.
    pub async fn api_key_add(
        &self,
        name: String,
        role: String,
        prefix: String,
        hash: Vec<u8>,
        expires_at: Option<DateTime<Utc>>,
        actor: String,
    ) -> Result<(), StoreError> {
        self.run("add an API key", move |conn| {
            sql_query("INSERT INTO api_key (name, role, prefix, hash, expires_at) VALUES ($1, $2, $3, $4, $5)")
                .bind::<Text, _>(&name)
                .bind::<Text, _>(&role)
                .bind::<Text, _>(&prefix)
                .bind::<Binary, _>(&hash)
                .bind::<Nullable<Timestamptz>, _>(expires_at)
                .execute(conn)?;
            let mut row =
                NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "api key add", "name": name, "role": role }));
            row.actor = actor;
            audit_append(conn, &[row])
        })
        .await
    }

    /// Removes a key; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_remove(&self, name: String, actor: String) -> Result<bool, StoreError> {
        self.run("remove an API key", move |conn| {
            let removed = sql_query("DELETE FROM api_key WHERE name = $1").bind::<Text, _>(&name).execute(conn)? > 0;
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
