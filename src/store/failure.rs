//! What did not arrive: one by one, and by cause.
//!
//! A cause is a flow, a reason and the system's words without what differs from record to record. What it is stands here once, in SQL, so that
//! the list by cause, the records of a cause and what is sent again of it are always the same records.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Timestamptz};
use serde::Serialize;

use super::{Store, StoreError};
use crate::domain::delivery::FailureWord;
use crate::store::text::Text;

/// The words of a row `p` of `pending` that make its cause: without quoted values, sys_ids and numbers, and not more than 140 characters.
const WORDS: &str = "regexp_replace(regexp_replace(regexp_replace(coalesce(p.message, ''), '`[^`]*(`|$)', '`…`', 'g'), \
                     '[0-9a-f]{32}|[0-9]+', '#', 'g'), '^(.{140}).+$', '\\1…')";

/// SQL with `{words}` and `{cause}` filled in for the row `p` of `pending`. A cause's name is a hash of what it is, so that it is the same on
/// every node and in every answer.
pub(super) fn with_cause(sql: &str) -> String {
    let cause = format!(
        "substr(encode(sha256(convert_to(concat_ws(chr(31), p.company, p.entity, coalesce(p.reason, p.state), {WORDS}), 'UTF8')), 'hex'), 1, 16)"
    );
    sql.replace("{cause}", &cause).replace("{words}", WORDS)
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct FailureFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this reason or state (`rejected`, `missing_parent`, `in_doubt`, …).
    pub reason: Option<FailureWord>,
    /// Only where the message holds this text.
    pub text: Option<String>,
    /// Only this document's.
    pub key: Option<String>,
    /// Only this cause's, by its name.
    pub cause: Option<String>,
    /// Only those that have stood so from this instant on.
    pub since: Option<DateTime<Utc>>,
    /// Only those that have stood so since before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Only deliveries after this one, for paging.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
}

/// A delivery that is not confirmed and not simply due.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Failure)]
pub struct FailureRow {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub delivery_id: i64,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Its version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// `header` or the child's name.
    #[diesel(sql_type = Text)]
    pub block: String,
    /// The line's key.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// `parked`, `in_doubt` or `waiting` (for its next try).
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Why it is parked.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// The system's own words.
    #[diesel(sql_type = Nullable<Text>)]
    pub message: Option<String>,
    /// The field.
    #[diesel(sql_type = Nullable<Text>)]
    pub field: Option<String>,
    /// What to do.
    #[diesel(sql_type = Nullable<Text>)]
    pub next_step: Option<String>,
    /// What it has in common with others: the name of the cause.
    #[diesel(sql_type = Text)]
    pub cause: String,
    /// Tries so far.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// Since when.
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
    /// The next try or look.
    #[diesel(sql_type = Timestamptz)]
    pub not_before: DateTime<Utc>,
}

/// Deliveries that did not arrive for one cause.
#[derive(Debug, Clone, QueryableByName, Serialize)]
pub struct CauseRow {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub cause: String,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The reason, or the state of what is not parked.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// The system's words without what differs from record to record.
    #[diesel(sql_type = Text)]
    pub words: String,
    /// What to do, of one of them.
    #[diesel(sql_type = Nullable<Text>)]
    pub next_step: Option<String>,
    /// Whether they are parked: only then is there something to send again.
    #[diesel(sql_type = Bool)]
    pub parked: bool,
    /// Deliveries: headers and lines.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// The documents that they are of.
    #[diesel(sql_type = BigInt)]
    pub documents: i64,
    /// Since when the first has stood so.
    #[diesel(sql_type = Timestamptz)]
    pub first: DateTime<Utc>,
    /// And the last.
    #[diesel(sql_type = Timestamptz)]
    pub last: DateTime<Utc>,
    /// Causes that the filter lets through, this one included.
    #[diesel(sql_type = BigInt)]
    #[serde(skip)]
    pub causes: i64,
    /// Deliveries of all of them.
    #[diesel(sql_type = BigInt)]
    #[serde(skip)]
    pub all: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Store {
    /// Records of which something failed, waits for a parent or a person, is in doubt or waits for another try: all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failure_count(&self) -> Result<i64, StoreError> {
        self.run("count failures", |conn| {
            let sql = "SELECT count(DISTINCT document_id) AS count FROM pending \
                       WHERE state IN ('parked', 'in_doubt') OR (state = 'waiting' AND message IS NOT NULL)";
            let rows: Vec<Count> = sql_query(sql).load(conn)?;
            Ok(rows.first().map_or(0, |row| row.count))
        })
        .await
    }

    /// Deliveries that are parked, in doubt or waiting for another try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failure_list(&self, filter: FailureFilter) -> Result<Vec<FailureRow>, StoreError> {
        self.run("list failures", move |conn| {
            Ok(sql_query(with_cause(include_str!("sql/failure_list.sql")))
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Text>, _>(filter.reason.map(FailureWord::as_str))
                .bind::<Nullable<Text>, _>(filter.text)
                .bind::<BigInt, _>(filter.after)
                .bind::<BigInt, _>(filter.limit)
                .bind::<Nullable<Text>, _>(filter.key)
                .bind::<Nullable<Timestamptz>, _>(filter.since)
                .bind::<Nullable<Timestamptz>, _>(filter.until)
                .bind::<Nullable<Text>, _>(filter.cause)
                .load(conn)?)
        })
        .await
    }

    /// The same by cause, the largest first. `after` does not count here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failure_causes(&self, filter: FailureFilter) -> Result<Vec<CauseRow>, StoreError> {
        self.run("list failures by cause", move |conn| {
            Ok(sql_query(with_cause(include_str!("sql/failure_causes.sql")))
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Text>, _>(filter.reason.map(FailureWord::as_str))
                .bind::<Nullable<Text>, _>(filter.text)
                .bind::<BigInt, _>(filter.limit)
                .bind::<Nullable<Text>, _>(filter.key)
                .bind::<Nullable<Timestamptz>, _>(filter.since)
                .bind::<Nullable<Timestamptz>, _>(filter.until)
                .bind::<Nullable<Text>, _>(filter.cause)
                .load(conn)?)
        })
        .await
    }
}
