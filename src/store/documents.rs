//! The list of documents, and counts of deliveries that are not confirmed yet.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Serialize;

use super::placeholder::with_placeholders;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::delivery::RecordState;
use crate::domain::ids::{DocumentId, RunId};
use crate::store::text::{Text, in_pattern};

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct DocumentFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only keys that start with this text.
    pub prefix: Option<String>,
    /// Only documents in this state. A document whose parts have different states is in each of them; on hold is every document that a
    /// person holds.
    pub state: Option<RecordState>,
    /// Only documents with an undelivered record whose message contains this text.
    pub text: Option<String>,
    /// Only documents whose newest version was read at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only documents whose newest version was read before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only documents whose content changed in this run.
    pub run: Option<RunId>,
    /// Only documents after this number, for paging.
    pub after: DocumentId,
    /// The most entries to return.
    pub limit: i64,
}

/// A document in the list.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Record)]
pub struct DocumentRow {
    /// Its number, ascending.
    #[schema(value_type = i64)]
    #[diesel(sql_type = BigInt)]
    pub id: DocumentId,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Its newest version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// SYSPRO no longer has it.
    #[diesel(sql_type = Bool)]
    #[serde(rename = "gone")]
    pub deleted: bool,
    /// Parts of it that failed.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// Parts of it that wait for a parent.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Parts of it that are on hold.
    #[diesel(sql_type = BigInt)]
    pub on_hold: i64,
    /// Parts of it whose outcome is unknown.
    #[diesel(sql_type = BigInt)]
    pub unknown: i64,
    /// Parts of it that are being sent.
    #[diesel(sql_type = BigInt)]
    pub sending: i64,
    /// Parts of it that are sent again after a temporary error.
    #[diesel(sql_type = BigInt)]
    pub retrying: i64,
    /// Parts of it that are queued, and were not sent yet.
    #[diesel(sql_type = BigInt)]
    pub queued: i64,
    /// Fields that differ between both sides and wait for a person's decision.
    #[diesel(sql_type = BigInt)]
    pub conflicts: i64,
}

/// Deliveries of one flow with the same state and reason.
#[derive(Debug, Clone, QueryableByName)]
pub struct PendingCount {
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The state.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Why they failed, wait or are on hold.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// When the oldest of them became due or was sent.
    #[diesel(sql_type = Timestamptz)]
    pub oldest: DateTime<Utc>,
    /// Since when the oldest of them has been queued, regardless of its attempts.
    #[diesel(sql_type = Timestamptz)]
    pub queued_at: DateTime<Utc>,
}

/// All documents, in the order of their numbers.
const ANY: &str = concat!("WITH chosen AS (SELECT * FROM document) ", include_str!("sql/document_list.sql"));

/// Documents with a part that is not delivered. They are few, and found through their deliveries, without reading every document.
const OUTSTANDING: &str = concat!(
    "WITH chosen AS (SELECT d.* FROM document d JOIN (SELECT DISTINCT document_id FROM undelivered \
     WHERE ($2 IS NULL OR company = $2) AND ($3 IS NULL OR entity = $3) \
     AND shown_state(state, message) = $5) o ON o.document_id = d.id) ",
    include_str!("sql/document_list.sql")
);

/// Documents that a run has changed, found through the versions of the run: with a limit, the planner would otherwise scan all documents.
const OF_RUN: &str = concat!(
    "WITH r AS MATERIALIZED (SELECT document_id FROM version WHERE run_id = $10), \
     chosen AS (SELECT d.* FROM document d WHERE d.id IN (SELECT document_id FROM r)) ",
    include_str!("sql/document_list.sql")
);

/// Documents that a person holds; they are few as well.
const HELD: &str =
    concat!("WITH chosen AS (SELECT d.* FROM document d JOIN hold h ON h.document_id = d.id) ", include_str!("sql/document_list.sql"));

/// Documents with an open conflict: found through the conflicts.
const IN_CONFLICT: &str = concat!(
    "WITH chosen AS (SELECT d.* FROM document d WHERE d.id IN (SELECT document_id FROM conflict WHERE state = 'open')) ",
    include_str!("sql/document_list.sql")
);

impl DocumentRow {
    /// The state of its worst part.
    pub fn state(&self) -> RecordState {
        match self {
            row if row.failed > 0 => RecordState::Failed,
            row if row.on_hold > 0 => RecordState::OnHold,
            row if row.unknown > 0 => RecordState::Unknown,
            row if row.waiting > 0 => RecordState::Waiting,
            row if row.retrying > 0 => RecordState::Retrying,
            row if row.sending > 0 => RecordState::Sending,
            row if row.queued > 0 => RecordState::Queued,
            row if row.conflicts > 0 => RecordState::InConflict,
            row if row.deleted => RecordState::Gone,
            _ => RecordState::Delivered,
        }
    }
}

impl Store {
    /// Documents, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn document_list(&self, filter: DocumentFilter) -> Result<Vec<DocumentRow>, StoreError> {
        self.run("list documents", move |conn| {
            let statement = match filter.state {
                _ if filter.run.is_some() => OF_RUN,
                Some(
                    RecordState::Failed
                    | RecordState::Unknown
                    | RecordState::Waiting
                    | RecordState::Retrying
                    | RecordState::Sending
                    | RecordState::Queued,
                ) => OUTSTANDING,
                Some(RecordState::OnHold) => HELD,
                Some(RecordState::InConflict) => IN_CONFLICT,
                Some(RecordState::Gone | RecordState::Delivered) | None => ANY,
            };
            Ok(sql_query(with_placeholders(statement))
                .bind::<BigInt, _>(filter.after)
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Text>, _>(filter.prefix)
                .bind::<Nullable<Text>, _>(filter.state.map(RecordState::as_str))
                .bind::<BigInt, _>(filter.limit)
                .bind::<Nullable<Text>, _>(filter.text.as_deref().map(in_pattern))
                .bind::<Nullable<Timestamptz>, _>(filter.since)
                .bind::<Nullable<Timestamptz>, _>(filter.until)
                .bind::<Nullable<SqlUuid>, _>(filter.run)
                .load(conn)?)
        })
        .await
    }

    /// Unconfirmed deliveries, counted by flow, state and reason. The cost depends on what is not delivered, and not on the history.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_counts(&self) -> Result<Vec<PendingCount>, StoreError> {
        self.run("count what is outstanding", pending_count).await
    }
}

/// See [`Store::pending_counts`].
pub(super) fn pending_count(conn: &mut Conn) -> Tx<Vec<PendingCount>> {
    Ok(sql_query(
        "SELECT company, entity, state, reason, count(*) AS count, \
         min(CASE WHEN state = 'sending' THEN coalesce(sent_at, since) ELSE not_before END) AS oldest, min(queued_at) AS queued_at \
         FROM undelivered GROUP BY company, entity, state, reason",
    )
    .load(conn)?)
}
