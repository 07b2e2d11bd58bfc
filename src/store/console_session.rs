//! Sessions of the console: who is signed in. Only a hash of the cookie is kept.

use std::time::Duration;

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Binary, Bool, Nullable};

use super::audit::{NewAudit, audit_append};
use super::schema::console_session;
use super::time::after;
use super::{Store, StoreError};
use crate::domain::audit::AuditKind;
use crate::domain::ids::ApiKeyId;
use crate::domain::role::Role;
use crate::store::text::Text;

/// The owner of a session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The key's name, or the person's.
    pub name: String,
    /// Of a key: the person to whom it belongs, if that is not the one whose name it has.
    pub person: Option<String>,
    /// The key's current role, or the one with which the person signed in.
    pub role: Role,
    /// The provider that vouched for the person; `None`: they have a key.
    pub issuer: Option<String>,
}

/// What makes a request with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedBy {
    /// A person.
    Person,
    /// An open page that refreshes itself, which must not keep the session alive.
    Refresh,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    person: Option<String>,
    #[diesel(sql_type = Text)]
    role: Role,
    #[diesel(sql_type = Nullable<Text>)]
    issuer: Option<String>,
    #[diesel(sql_type = Bool)]
    stale: bool,
}

impl Store {
    /// Opens a session of 12 hours, and deletes expired sessions.
    ///
    /// # Errors
    /// [`StoreError`]; a foreign key violation when the key has been removed in the meantime.
    pub async fn session_open(&self, hash: [u8; 32], api_key: ApiKeyId, actor: String) -> Result<(), StoreError> {
        self.run("open a console session", move |conn| {
            diesel::insert_into(console_session::table)
                .values((
                    console_session::token_hash.eq(&hash[..]),
                    console_session::api_key_id.eq(Some(api_key)),
                    console_session::expires_at.eq(after(Duration::from_hours(12))),
                ))
                .execute(conn)?;
            let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "sign in" }));
            row.actor = actor;
            audit_append(conn, &[row])
        })
        .await
    }

    /// Whose session this is, and notes its use by a person; `None` when it is closed, over, unused for one hour, or its key is gone or expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session_use(&self, hash: [u8; 32], by: UsedBy) -> Result<Option<SessionRow>, StoreError> {
        self.run("use a console session", move |conn| {
            let rows: Vec<Found> = sql_query(
                "SELECT coalesce(k.name, p.name) AS name, k.person, coalesce(k.role, s.role) AS role, p.issuer, \
                 s.used_at < now() - interval '1 minute' AS stale \
                 FROM console_session s LEFT JOIN api_key k ON k.id = s.api_key_id LEFT JOIN person p ON p.id = s.person_id \
                 WHERE s.token_hash = $1 AND s.expires_at > now() AND s.used_at > now() - interval '1 hour' \
                 AND (k.expires_at IS NULL OR k.expires_at > now())",
            )
            .bind::<Binary, _>(&hash[..])
            .load(conn)?;
            // to the minute: a page that is reloaded repeatedly must not write each time
            if by == UsedBy::Person && rows.first().is_some_and(|found| found.stale) {
                diesel::update(console_session::table.find(&hash[..])).set(console_session::used_at.eq(now)).execute(conn)?;
            }
            let row = |Found { name, person, role, issuer, .. }| SessionRow { name, person, role, issuer };
            Ok(rows.into_iter().next().map(row))
        })
        .await
    }

    /// Closes a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session_close(&self, hash: [u8; 32], actor: String) -> Result<(), StoreError> {
        self.run("close a console session", move |conn| {
            let closed = diesel::delete(console_session::table.find(&hash[..])).execute(conn)?;
            if closed == 0 {
                return Ok(());
            }
            let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "sign out" }));
            row.actor = actor;
            audit_append(conn, &[row])
        })
        .await
    }
}
