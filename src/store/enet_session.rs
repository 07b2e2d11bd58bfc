//! The lease on the one e.net session that an operator may have, and the encrypted id of the open session.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Double};

use super::schema::enet_session;
use super::time::after;
use super::{Store, StoreError};
use crate::store::text::{Text, text};

/// A session id, encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedSession {
    /// The master key that encrypted it.
    pub key_id: String,
    /// 24 bytes.
    pub nonce: Vec<u8>,
    /// The id, encrypted and authenticated.
    pub ciphertext: Vec<u8>,
}

/// Whether a holder's session is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionNote {
    /// A logon starts: a session may be open soon.
    Opening,
    /// This one is open.
    Open(EncryptedSession),
    /// None is open.
    Closed,
}

/// The result of asking for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnetLeaseResult {
    /// It may be used until the lease runs out.
    Ours {
        /// No other holder has had it since this holder last took or renewed it.
        renewed: bool,
        /// The open session, whoever opened it.
        open: Option<EncryptedSession>,
        /// A logon was started and its answer was never stored: a session with an unknown id may be open.
        opening: bool,
    },
    /// Another holder has it.
    Held {
        /// The holder.
        holder: String,
        /// The end of its lease, unless it is renewed.
        until: DateTime<Utc>,
    },
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = enet_session, check_for_backend(Pg))]
struct Row {
    holder: String,
    lease_until: DateTime<Utc>,
    key_id: Option<String>,
    nonce: Option<Vec<u8>>,
    ciphertext: Option<Vec<u8>>,
    opening: bool,
}

/// Another holder that uses the operator.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct EnetUser {
    /// The holder.
    #[diesel(sql_type = Text)]
    pub holder: String,
    /// Whether it has an open session.
    #[diesel(sql_type = Bool)]
    pub open: bool,
}

impl Store {
    /// Takes the operator's session, or renews its lease.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_take(&self, operator: String, holder: String, ttl: Duration) -> Result<EnetLeaseResult, StoreError> {
        self.run("take the e.net session", move |conn| {
            let lease = (enet_session::holder.eq(text(&holder)), enet_session::lease_until.eq(after(ttl)));
            let inserted = diesel::insert_into(enet_session::table)
                .values((enet_session::operator.eq(text(&operator)), lease))
                .on_conflict_do_nothing()
                .execute(conn)?;
            if inserted > 0 {
                return Ok(EnetLeaseResult::Ours { renewed: false, open: None, opening: false });
            }
            let leased = enet_session::lease_until.between(now, after(Duration::from_hours(1)));
            let found: Option<(Row, bool)> =
                enet_session::table.find(text(&operator)).select((Row::as_select(), leased)).for_update().get_result(conn).optional()?;
            // released between the two statements: the next attempt gets it
            let Some((row, leased)) = found else {
                return Ok(EnetLeaseResult::Held { holder: "another holder".to_owned(), until: Utc::now() });
            };
            if row.holder != holder && leased {
                return Ok(EnetLeaseResult::Held { holder: row.holder, until: row.lease_until });
            }
            diesel::update(enet_session::table.find(text(&operator))).set(lease).execute(conn)?;
            let open = match (row.key_id, row.nonce, row.ciphertext) {
                (Some(key_id), Some(nonce), Some(ciphertext)) => Some(EncryptedSession { key_id, nonce, ciphertext }),
                _ => None,
            };
            Ok(EnetLeaseResult::Ours { renewed: row.holder == holder, open, opening: row.opening })
        })
        .await
    }

    /// Stores whether the session is open. `false`: the lease is another holder's by now, and nothing was noted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_note(&self, operator: String, holder: String, note: SessionNote) -> Result<bool, StoreError> {
        self.run("note the e.net session", move |conn| {
            let opening = note == SessionNote::Opening;
            let (key_id, nonce, ciphertext) = match note {
                SessionNote::Open(open) => (Some(open.key_id), Some(open.nonce), Some(open.ciphertext)),
                SessionNote::Opening | SessionNote::Closed => (None, None, None),
            };
            let held = enet_session::table.find(text(&operator)).filter(enet_session::holder.eq(text(&holder)));
            let noted = diesel::update(held)
                .set((
                    enet_session::key_id.eq(key_id),
                    enet_session::nonce.eq(nonce),
                    enet_session::ciphertext.eq(ciphertext),
                    enet_session::opening.eq(opening),
                ))
                .execute(conn)?;
            Ok(noted > 0)
        })
        .await
    }

    /// The other holder that uses the operator now: it has the lease, or it is alive (was seen within `unresponsive_after`) and has an open
    /// session.
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

    /// The operators that have, or may have, an open session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_left(&self) -> Result<Vec<String>, StoreError> {
        self.run("find e.net sessions left open", move |conn| {
            let left = enet_session::table.filter(enet_session::opening.or(enet_session::ciphertext.is_not_null()));
            Ok(left.order(enet_session::operator).select(enet_session::operator).load(conn)?)
        })
        .await
    }

    /// Releases the session, so that no other holder has to wait for the end of the lease.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enet_session_give(&self, operator: String, holder: String) -> Result<(), StoreError> {
        self.run("give the e.net session back", move |conn| {
            // a session that could not be logged off stays recorded for the next holder
            let held = enet_session::table.find(text(&operator)).filter(enet_session::holder.eq(text(&holder)));
            diesel::update(held).set(enet_session::lease_until.eq(now)).execute(conn)?;
            Ok(())
        })
        .await
    }
}
