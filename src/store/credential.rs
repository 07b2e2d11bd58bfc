//! Credentials as they are kept: encrypted, opened elsewhere with the master key.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Binary, Timestamptz};

use super::audit::{NewAudit, audit_append};
use super::{Store, StoreError};
use crate::domain::audit::AuditKind;
use crate::store::text::Text;

/// One credential, encrypted.
#[derive(Debug, Clone, QueryableByName)]
pub struct EncryptedCredential {
    /// `syspro-odata`, `syspro-enet`, `servicenow`.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The user name or client id.
    #[diesel(sql_type = Text)]
    pub username: String,
    /// Which master key it was encrypted with.
    #[diesel(sql_type = Text)]
    pub key_id: String,
    /// 24 bytes.
    #[diesel(sql_type = Binary)]
    pub nonce: Vec<u8>,
    /// The password, encrypted and authenticated.
    #[diesel(sql_type = Binary)]
    pub ciphertext: Vec<u8>,
    /// When it was set.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

impl Store {
    /// One credential, encrypted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_get(&self, name: &'static str) -> Result<Option<EncryptedCredential>, StoreError> {
        self.run("read a credential", move |conn| {
            Ok(sql_query("SELECT * FROM credential WHERE name = $1").bind::<Text, _>(name).get_result(conn).optional()?)
        })
        .await
    }

    /// All credentials, encrypted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_list(&self) -> Result<Vec<EncryptedCredential>, StoreError> {
        self.run("list credentials", |conn| Ok(sql_query("SELECT * FROM credential ORDER BY name").load(conn)?)).await
    }

    /// Sets credentials, several at once for a change of the master key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_put(&self, all: Vec<EncryptedCredential>, actor: String, action: &'static str) -> Result<(), StoreError> {
        self.run("set a credential", move |conn| {
            for encrypted in &all {
                sql_query(
                    "INSERT INTO credential (name, username, key_id, nonce, ciphertext) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (name) DO UPDATE SET username = $2, key_id = $3, nonce = $4, ciphertext = $5, updated_at = now()",
                )
                .bind::<Text, _>(&encrypted.name)
                .bind::<Text, _>(&encrypted.username)
                .bind::<Text, _>(&encrypted.key_id)
                .bind::<Binary, _>(&encrypted.nonce)
                .bind::<Binary, _>(&encrypted.ciphertext)
                .execute(conn)?;
            }
            let names: Vec<&str> = all.iter().map(|encrypted| encrypted.name.as_str()).collect();
            let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": action, "credentials": names }));
            row.actor = actor;
            audit_append(conn, &[row])
        })
        .await
    }

    /// Removes a credential; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_remove(&self, name: String, actor: String) -> Result<bool, StoreError> {
        self.run("remove a credential", move |conn| {
            let removed = sql_query("DELETE FROM credential WHERE name = $1").bind::<Text, _>(&name).execute(conn)? > 0;
            if removed {
                let mut row =
                    NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "credential remove", "credentials": [name] }));
                row.actor = actor;
                audit_append(conn, &[row])?;
            }
            Ok(removed)
        })
        .await
    }
}
