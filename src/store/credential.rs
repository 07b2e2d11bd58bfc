//! Encrypted credentials. The credential store decrypts them with the master key.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;

use super::audit::{NewAudit, audit_append};
use super::schema::credential;
use super::{Store, StoreError};
use crate::domain::audit::AuditKind;
use crate::store::text::text;

/// One credential, encrypted.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = credential, check_for_backend(Pg))]
pub struct EncryptedCredential {
    /// `syspro-odata`, `syspro-enet`, `servicenow`.
    pub name: String,
    /// The user name or client id.
    pub username: String,
    /// The master key that encrypted it.
    pub key_id: String,
    /// 24 bytes.
    pub nonce: Vec<u8>,
    /// The password, encrypted and authenticated.
    pub ciphertext: Vec<u8>,
    /// When it was set.
    pub updated_at: DateTime<Utc>,
}

/// What setting a credential changes, without its secret: two ciphertexts differ even if they hold the same.
fn changed(before: Option<&EncryptedCredential>, after: &EncryptedCredential) -> Vec<String> {
    let name = &after.name;
    let Some(before) = before else { return vec![format!("{name} added for `{}`", after.username)] };
    let pairs = [("user name", &before.username, &after.username), ("master key", &before.key_id, &after.key_id)];
    let lines = pairs.into_iter().filter(|(_, was, is)| was != is).map(|(what, was, is)| format!("{name}: {what} = {is}, was {was}"));
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { vec![format!("{name}: set again")] } else { lines }
}

impl Store {
    /// One credential, encrypted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_get(&self, name: &'static str) -> Result<Option<EncryptedCredential>, StoreError> {
        self.run("read a credential", move |conn| {
            let found = credential::table.find(text(name)).select(EncryptedCredential::as_select());
            Ok(found.get_result(conn).optional()?)
        })
        .await
    }

    /// All credentials, encrypted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_list(&self) -> Result<Vec<EncryptedCredential>, StoreError> {
        self.run("list credentials", |conn| {
            Ok(credential::table.order(credential::name).select(EncryptedCredential::as_select()).load(conn)?)
        })
        .await
    }

    /// Sets credentials; several at once when the master key changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_put(&self, all: Vec<EncryptedCredential>, actor: String, action: &'static str) -> Result<(), StoreError> {
        self.run("set a credential", move |conn| {
            let mut difference = Vec::new();
            for encrypted in &all {
                let known = credential::table.find(text(&encrypted.name)).select(EncryptedCredential::as_select());
                difference.extend(changed(known.first(conn).optional()?.as_ref(), encrypted));
                let content = (
                    credential::username.eq(text(&encrypted.username)),
                    credential::key_id.eq(text(&encrypted.key_id)),
                    credential::nonce.eq(&encrypted.nonce),
                    credential::ciphertext.eq(&encrypted.ciphertext),
                );
                diesel::insert_into(credential::table)
                    .values((credential::name.eq(text(&encrypted.name)), content))
                    .on_conflict(credential::name)
                    .do_update()
                    .set((content, credential::updated_at.eq(now)))
                    .execute(conn)?;
            }
            let names: Vec<&str> = all.iter().map(|encrypted| encrypted.name.as_str()).collect();
            let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({
                "action": action, "credentials": names, "difference": difference,
            }));
            row.actor = actor;
            audit_append(conn, &[row])
        })
        .await
    }

    /// Removes a credential; answers whether it existed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credential_remove(&self, name: String, actor: String) -> Result<bool, StoreError> {
        self.run("remove a credential", move |conn| {
            let removed = diesel::delete(credential::table.find(text(&name))).returning(credential::username);
            let Some(username) = removed.get_result::<String>(conn).optional()? else { return Ok(false) };
            let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({
                "action": "credential remove", "credentials": [name], "difference": [format!("{name} removed, was for `{username}`")],
            }));
            row.actor = actor;
            audit_append(conn, &[row])?;
            Ok(true)
        })
        .await
    }
}
