//! The heads of signed days outside the ledger: which are due, what became of them, and the tokens of time-stamping authorities.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Date, Double, Integer, Nullable, Timestamptz};
use serde_json::json;

use super::audit::{NewAudit, audit_append};
use super::schema::audit_outside;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::outside::OutsidePlace;
use crate::store::text::{Text, text};

/// Days for which a head is tried again, counted from the newest signed day.
const TRIED_DAYS: i32 = 7;

/// A head that is due at a place.
#[derive(Debug, Clone, QueryableByName)]
pub struct OutsideDue {
    /// The day.
    #[diesel(sql_type = Date)]
    pub day: NaiveDate,
    /// Attempts, this one included.
    #[diesel(sql_type = Integer)]
    pub tries: i32,
    /// The day's manifest.
    #[diesel(sql_type = Text)]
    pub manifest: String,
}

/// What became of a head at a place.
#[derive(Debug, Clone, QueryableByName)]
pub struct OutsideRow {
    /// The day.
    #[diesel(sql_type = Date)]
    pub day: NaiveDate,
    /// The place.
    #[diesel(sql_type = Text)]
    pub place: String,
    /// Attempts.
    #[diesel(sql_type = Integer)]
    pub tries: i32,
    /// When it is tried again, if it is not there.
    #[diesel(sql_type = Timestamptz)]
    pub not_before: DateTime<Utc>,
    /// When it was there; `None`: it is not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub done_at: Option<DateTime<Utc>>,
    /// What was done, or the error of the last attempt.
    #[diesel(sql_type = Nullable<Text>)]
    pub said: Option<String>,
}

impl OutsideRow {
    /// Whether it is due in ServiceNow, and so waits while ServiceNow has asked for a pause.
    pub fn waits_for_servicenow(&self) -> bool {
        self.done_at.is_none() && self.place == OutsidePlace::ServiceNow.as_str()
    }
}

/// A number of days whose head is due at a place and not there yet.
#[derive(Debug, QueryableByName)]
pub struct HeadsWaiting {
    /// The place.
    #[diesel(sql_type = Text)]
    pub place: String,
    /// How many days.
    #[diesel(sql_type = BigInt)]
    pub days: i64,
}

/// How many heads wait for each place. That of the newest signed day is due before it was tried.
pub(super) fn heads_waiting(conn: &mut Conn) -> Tx<Vec<HeadsWaiting>> {
    let waiting = sql_query(
        "SELECT p.place, (SELECT count(*) FROM audit_outside o WHERE o.place = p.place AND o.done_at IS NULL AND o.day > n.day - $2) \
                + (NOT EXISTS (SELECT FROM audit_outside o WHERE o.place = p.place AND o.day = n.day))::integer AS days \
         FROM unnest($1::text[]) AS p (place), (SELECT max(day) AS day FROM audit_day HAVING max(day) IS NOT NULL) n",
    );
    Ok(waiting.bind::<Array<Text>, _>(OutsidePlace::WORDS).bind::<Integer, _>(TRIED_DAYS).load(conn)?)
}

/// A token of a time-stamping authority.
#[derive(Debug, Clone, QueryableByName)]
pub struct AuditStamp {
    /// The day.
    #[diesel(sql_type = Date)]
    pub day: NaiveDate,
    /// Its manifest; `None`: it is missing.
    #[diesel(sql_type = Nullable<Text>)]
    pub manifest: Option<String>,
    /// The answer of the authority, as it came.
    #[diesel(sql_type = Binary)]
    pub token: Vec<u8>,
}

impl Store {
    /// Takes a head that is due at a place: that of the newest signed day, or one of the days before that could not be put there. No other
    /// node takes it within `lease`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outside_take(&self, place: OutsidePlace, lease: Duration) -> Result<Option<OutsideDue>, StoreError> {
        self.run("take a head that is due outside", move |conn| {
            sql_query(
                "INSERT INTO audit_outside (day, place) SELECT max(day), $1 FROM audit_day HAVING max(day) IS NOT NULL ON CONFLICT DO NOTHING",
            )
            .bind::<Text, _>(place.as_str())
            .execute(conn)?;
            let taken = sql_query(
                "UPDATE audit_outside o SET tries = o.tries + 1, not_before = now() + make_interval(secs => $2) \
                 FROM (SELECT d.day FROM audit_outside d WHERE d.place = $1 AND d.done_at IS NULL AND d.not_before <= now() \
                         AND d.day > (SELECT max(day) FROM audit_day) - $3 ORDER BY d.day DESC LIMIT 1 FOR UPDATE SKIP LOCKED) n \
                 JOIN audit_day m ON m.day = n.day WHERE o.place = $1 AND o.day = n.day RETURNING o.day, o.tries, m.manifest",
            )
            .bind::<Text, _>(place.as_str())
            .bind::<Double, _>(lease.as_secs_f64())
            .bind::<Integer, _>(TRIED_DAYS)
            .get_result(conn)
            .optional()?;
            Ok(taken)
        })
        .await
    }

    /// Stores that a head is at a place, with the token of a time-stamping authority.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outside_done(&self, place: OutsidePlace, day: NaiveDate, said: String, token: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.run("store that a head is outside", move |conn| {
            let row = audit_outside::table.find((day, text(place.as_str()))).filter(audit_outside::done_at.is_null());
            let done =
                (audit_outside::done_at.eq(diesel::dsl::now), audit_outside::said.eq(Some(text(&said))), audit_outside::token.eq(token));
            if diesel::update(row).set(done).execute(conn)? == 0 {
                return Ok(());
            }
            let detail = json!({ "action": "audit head outside", "key": day, "place": place.as_str(), "message": said });
            audit_append(conn, &[NewAudit::of(AuditKind::Action).detail(&detail)])
        })
        .await
    }

    /// Stores that a head could not be put at a place; it is tried again after `wait`. The first failure of a day is an event.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outside_failed(&self, place: OutsidePlace, due: OutsideDue, said: String, wait: Duration) -> Result<(), StoreError> {
        self.run("store that a head is not outside", move |conn| {
            sql_query(
                "UPDATE audit_outside SET said = $3, not_before = now() + make_interval(secs => $4) WHERE day = $1 AND place = $2 AND done_at IS NULL",
            )
            .bind::<Date, _>(due.day)
            .bind::<Text, _>(place.as_str())
            .bind::<Text, _>(&said)
            .bind::<Double, _>(wait.as_secs_f64())
            .execute(conn)?;
            if due.tries > 1 {
                return Ok(());
            }
            let detail = json!({ "action": "audit head not outside", "key": due.day, "place": place.as_str(), "message": said });
            audit_append(conn, &[NewAudit::of(AuditKind::Action).detail(&detail)])
        })
        .await
    }

    /// What became of the newest heads outside, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outside_list(&self, limit: i64) -> Result<Vec<OutsideRow>, StoreError> {
        self.run("list the heads outside", move |conn| {
            Ok(sql_query("SELECT day, place, tries, not_before, done_at, said FROM audit_outside ORDER BY day DESC, place LIMIT $1")
                .bind::<BigInt, _>(limit)
                .load(conn)?)
        })
        .await
    }

    /// Tokens of time-stamping authorities after a day, in the order of their days.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_stamps(&self, after: Option<NaiveDate>, limit: i64) -> Result<Vec<AuditStamp>, StoreError> {
        self.run("read time stamps", move |conn| {
            Ok(sql_query(
                "SELECT o.day, m.manifest, o.token FROM audit_outside o LEFT JOIN audit_day m USING (day) \
                 WHERE o.token IS NOT NULL AND ($1 IS NULL OR o.day > $1) ORDER BY o.day LIMIT $2",
            )
            .bind::<Nullable<Date>, _>(after)
            .bind::<BigInt, _>(limit)
            .load(conn)?)
        })
        .await
    }

    /// The token for the manifest of a day, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_stamp(&self, day: NaiveDate) -> Result<Option<Vec<u8>>, StoreError> {
        let before = day.pred_opt();
        let stamps = self.audit_stamps(before, 1).await?;
        Ok(stamps.into_iter().find(|stamp| stamp.day == day).map(|stamp| stamp.token))
    }
}
