//! Pauses in sending that ServiceNow asked for, and how a person ends them early.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Double, Nullable, Timestamptz};
use serde::Serialize;

use super::audit::{NewAudit, audit_append};
use super::schema::{pending, sending_resumed};
use super::{Store, StoreError};
use crate::domain::audit::AuditKind;
use crate::domain::reason::Reason;
use crate::store::text::{Text, text};

/// A pause that ServiceNow asked for.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
pub struct AskedPause {
    /// The node that was asked.
    #[diesel(sql_type = Text)]
    pub node: String,
    /// Nothing is sent before this time, except one trial each `retry.max_delay_seconds`.
    #[diesel(sql_type = Timestamptz)]
    pub until: DateTime<Utc>,
    /// The seconds that ServiceNow asked for; Tieline may grant fewer.
    #[diesel(sql_type = Double)]
    pub asked_seconds: f64,
    /// ServiceNow's answer.
    #[diesel(sql_type = Nullable<Text>)]
    pub said: Option<String>,
}

impl std::fmt::Display for AskedPause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let until = self.until.format("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "nothing is sent to ServiceNow until {until}: it asked for {:.0} s", self.asked_seconds)?;
        if let Some(said) = &self.said {
            write!(f, " ({said})")?;
        }
        f.write_str("; `tieline resume` sends at once")
    }
}

/// The effect of ending the pauses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Resumed {
    /// Pauses that were ended.
    pub pauses: i64,
    /// Parts of records that are due now, because they waited for the end of a pause.
    pub parts: i64,
}

impl std::fmt::Display for Resumed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pauses == 0 && self.parts == 0 {
            return f.write_str("ServiceNow has asked for no pause: there is nothing to resume");
        }
        match self.pauses {
            0 => f.write_str("sending continues")?,
            1 => f.write_str("sending continues: 1 pause that ServiceNow asked for is over")?,
            pauses => write!(f, "sending continues: {pauses} pauses that ServiceNow asked for are over")?,
        }
        // deliveries that were due anyway also wait for the pause, and are not counted here
        match self.parts {
            0 => f.write_str("; what is due is sent now"),
            1 => f.write_str("; 1 part of a record that waited for its end is due now, beside what is due anyway"),
            parts => write!(f, "; {parts} parts of records that waited for its end are due now, beside what is due anyway"),
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Store {
    /// The current pauses that ServiceNow asked for, longest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sending_paused(&self) -> Result<Vec<AskedPause>, StoreError> {
        self.run("find pauses", |conn| {
            let rows = sql_query(
                "SELECT name AS node, paused_until AS until, pause_asked AS asked_seconds, pause_said AS said FROM node \
                 WHERE paused_until > now() AND pause_asked IS NOT NULL \
                 AND pause_began > coalesce((SELECT at FROM sending_resumed), '-infinity') ORDER BY paused_until DESC, name",
            );
            Ok(rows.load(conn)?)
        })
        .await
    }

    /// Ends the pauses that ServiceNow asked for: every node sends again as soon as it reads this, and deliveries that waited for the end
    /// are due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sending_resume(&self, actor: String, reason: Reason) -> Result<Resumed, StoreError> {
        self.run("resume sending", move |conn| {
            let pauses: Count = sql_query(
                "SELECT count(*) FROM node WHERE paused_until > now() AND pause_asked IS NOT NULL \
                 AND pause_began > coalesce((SELECT at FROM sending_resumed), '-infinity')",
            )
            .get_result(conn)?;
            let by = (sending_resumed::at.eq(now), sending_resumed::resumed_by.eq(text(&actor)));
            diesel::insert_into(sending_resumed::table).values(by).on_conflict(sending_resumed::one).do_update().set(by).execute(conn)?;
            let paused = pending::reason.eq(Some("throttled")).and(pending::not_before.gt(now));
            let parts = diesel::update(pending::table.filter(paused)).set(pending::not_before.eq(now)).execute(conn)?;
            let resumed = Resumed { pauses: pauses.count, parts: i64::try_from(parts).unwrap_or(i64::MAX) };
            let mut row = NewAudit::of(AuditKind::Action).detail(
                &serde_json::json!({ "action": "resume sending", "why": reason, "pauses": resumed.pauses, "parts": resumed.parts }),
            );
            row.actor = actor;
            audit_append(conn, &[row])?;
            Ok(resumed)
        })
        .await
    }
}
