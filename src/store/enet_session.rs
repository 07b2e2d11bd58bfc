//! The lease on the one e.net session that an operator may have, and the encrypted id of the open one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Binary, Bool, Double, Nullable, Timestamptz};

use super::{Store, StoreError};
use crate::store::text::Text;

/// A session id, encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedSession {
    /// Which master key it was encrypted with.
    pub key_id: String,
    /// 24 bytes.
    pub nonce: Vec<u8>,
    /// The id, encrypted and authenticated.
    pub ciphertext: Vec<u8>,
}

/// What came of asking for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnetLeaseResult {
    /// It may be used until the lease runs out.
    Ours {
        /// No one else has had it since it was last taken or renewed by this holder.
        renewed: bool,
        /// The session that stands open, whoever opened it.
        open: Option<EncryptedSession>,
        /// A logon was begun and its answer never noted: a session may stand open whose id no one knows.
        opening: bool,
    },
    /// Another holder's.
    Held {
        /// Whose.
        holder: String,
        /// Until when, unless it is renewed.
        until: DateTime<Utc>,
    },
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    holder: String,
    #[diesel(sql_type = Timestamptz)]
    lease_until: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    leased: bool,
    #[diesel(sql_type = Nullable<Text>)]
    key_id: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    nonce: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    ciphertext: Option<Vec<u8>>,
    #[diesel(sql_type = Bool)]
    opening: bool,
}

/// Who else uses an operator.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct EnetUser {
    /// The holder.
    #[diesel(sql_type = Text)]
    pub holder: String,
    /// Whether a session of it stands open.
    #[diesel(sql_type = Bool)]
    pub open: bool,
}

#[derive(QueryableByName)]
struct Operator {
    #[diesel(sql_type = Text)]
    operator: String,
}

impl Store {
    /// Takes the operator's session, or renews the lease on it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_take(&self, operator: String, holder: String, ttl: Duration) -> Result<EnetLeaseResult, StoreError> {
        self.run("take the e.net session", move |conn| {
            let inserted = sql_query(
                "INSERT INTO enet_session (operator, holder, lease_until) VALUES ($1, $2, now() + make_interval(secs => $3)) \
                 ON CONFLICT DO NOTHING",
            )
            .bind::<Text, _>(&operator)
            .bind::<Text, _>(&holder)
            .bind::<Double, _>(ttl.as_secs_f64())
            .execute(conn)?;
            if inserted > 0 {
                return Ok(EnetLeaseResult::Ours { renewed: false, open: None, opening: false });
            }
            let rows: Vec<Row> = sql_query("SELECT *, lease_until BETWEEN now() AND now() + interval '1 hour' AS leased FROM enet_session WHERE operator = $1 FOR UPDATE")
                .bind::<Text, _>(&operator)
                .load(conn)?;
            // given back between the two statements: the next try finds it free
            let Some(row) = rows.into_iter().next() else {
                return Ok(EnetLeaseResult::Held { holder: "another holder".to_owned(), until: Utc::now() });
            };
            if row.holder != holder && row.leased {
                return Ok(EnetLeaseResult::Held { holder: row.holder, until: row.lease_until });
            }
            sql_query("UPDATE enet_session SET holder = $2, lease_until = now() + make_interval(secs => $3) WHERE operator = $1")
                .bind::<Text, _>(&operator)
                .bind::<Text, _>(&holder)
                .bind::<Double, _>(ttl.as_secs_f64())
                .execute(conn)?;
            let open = match (row.key_id, row.nonce, row.ciphertext) {
                (Some(key_id), Some(nonce), Some(ciphertext)) => Some(EncryptedSession { key_id, nonce, ciphertext }),
                _ => None,
            };
            Ok(EnetLeaseResult::Ours { renewed: row.holder == holder, open, opening: row.opening })
        })
        .await
    }

    /// Notes which session stands open, or that none does, or that one may soon (`opening`). `false`: the lease is another holder's by now, and nothing was noted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_note(
        &self,
        operator: String,
        holder: String,
        open: Option<EncryptedSession>,
        opening: bool,
    ) -> Result<bool, StoreError> {
        self.run("note the e.net session", move |conn| {
            let (key_id, nonce, ciphertext) = match open {
                Some(open) => (Some(open.key_id), Some(open.nonce), Some(open.ciphertext)),
                None => (None, None, None),
            };
            let noted = sql_query(
                "UPDATE enet_session SET key_id = $3, nonce = $4, ciphertext = $5, opening = $6 WHERE operator = $1 AND holder = $2",
            )
            .bind::<Text, _>(&operator)
            .bind::<Text, _>(&holder)
            .bind::<Nullable<Text>, _>(key_id)
            .bind::<Nullable<Binary>, _>(nonce)
            .bind::<Nullable<Binary>, _>(ciphertext)
            .bind::<Bool, _>(opening)
            .execute(conn)?;
            Ok(noted > 0)
        })
        .await
    }

    /// Who else uses the operator now: whoever holds the lease, or lives (was seen within `unresponsive_after`) and has a session open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_user(
        &self,
        operator: String,
        own: String,
        unresponsive_after: Duration,
    ) -> Result<Option<EnetUser>, StoreError> {
        self.run("ask who uses the e.net session", move |conn| {
            let rows: Vec<EnetUser> = sql_query(
                "SELECT s.holder, s.ciphertext IS NOT NULL AS open FROM enet_session s WHERE s.operator = $1 AND s.holder <> $2 \
                 AND (s.lease_until > now() OR ((s.ciphertext IS NOT NULL OR s.opening) AND EXISTS (SELECT FROM node n \
                 WHERE n.name || '/' || n.incarnation = s.holder AND n.seen_at > now() - make_interval(secs => $3))))",
            )
            .bind::<Text, _>(&operator)
            .bind::<Text, _>(&own)
            .bind::<Double, _>(unresponsive_after.as_secs_f64())
            .load(conn)?;
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// The operators of whom a session stands open, or may.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_left(&self) -> Result<Vec<String>, StoreError> {
        self.run("find e.net sessions left open", move |conn| {
            let rows: Vec<Operator> =
                sql_query("SELECT operator FROM enet_session WHERE opening OR ciphertext IS NOT NULL ORDER BY operator").load(conn)?;
            Ok(rows.into_iter().map(|row| row.operator).collect())
        })
        .await
    }

    /// Gives the session back, so that no one has to wait for the end of the lease.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_give(&self, operator: String, holder: String) -> Result<(), StoreError> {
        self.run("give the e.net session back", move |conn| {
            // a session that could not be logged off stays noted for whoever comes next
            sql_query("UPDATE enet_session SET lease_until = now() WHERE operator = $1 AND holder = $2")
                .bind::<Text, _>(&operator)
                .bind::<Text, _>(&holder)
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
