//! Records that were not delivered: one by one, and by cause.
//!
//! A cause is a flow, a reason and the error message without the parts that differ between records. Its definition is here once, in SQL, so
//! that the list by cause, the records of a cause and a resend of a cause always select the same records.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz};
use serde::{Deserialize, Serialize};

use super::{Conn, Store, StoreError, Tx};
use crate::domain::DocumentKey;
use crate::domain::backlog::Backlog;
use crate::domain::delivery::{CauseOrder, FailureReason, FailureWord, PartState, UndeliveredWord};
use crate::domain::differing::{Message, ValueCount, differing};
use crate::domain::ids::{DeliveryId, DocumentId};
use crate::domain::money::{amount_in, parse_decimal, thousands};
use crate::store::text::{Text, in_pattern};

/// The part of the message of a row `p` of `pending` that defines its cause: without quoted values, sys_ids and numbers, and at most 400
/// characters. It is never shown: a cause is shown by an example and by the values that differ between its records.
const WORDS: &str =
    "left(regexp_replace(regexp_replace(coalesce(p.message, ''), '`[^`]*(`|$)', '`…`', 'g'), '[0-9a-f]{32}|[0-9]+', '#', 'g'), 400)";

/// The most parents that are named for a cause.
const PARENTS: i64 = 5;

/// The most records of a cause, newest first, over which differing values are counted.
const COUNTED: i64 = 1000;

/// SQL with `{cause}` replaced for the row `p` of `pending`. The name of a cause is a hash of its definition, so that it is the same on
/// every node and in every answer.
pub(super) fn with_cause(sql: &str) -> String {
    let cause = format!(
        "substr(encode(sha256(convert_to(concat_ws(chr(31), p.company, p.entity, coalesce(p.reason, p.state), {WORDS}), 'UTF8')), 'hex'), 1, 16)"
    );
    sql.replace("{cause}", &cause)
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct FailureFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this reason or state (`rejected`, `missing_parent`, `unknown`, …).
    pub reason: Option<FailureWord>,
    /// Only where the message contains this text.
    pub text: Option<String>,
    /// Only this document's deliveries.
    pub key: Option<String>,
    /// Only this cause, by its name.
    pub cause: Option<String>,
    /// Only those that have been in this state since this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only those that have been in this state since before this time.
    pub until: Option<DateTime<Utc>>,
    /// For causes: which ones come first.
    pub order: CauseOrder,
    /// Only deliveries after this one, for paging.
    pub after: DeliveryId,
    /// The most entries to return.
    pub limit: i64,
}

/// A delivery that is not confirmed and not simply queued.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Failure)]
pub struct FailureRow {
    /// The delivery.
    #[schema(value_type = i64)]
    #[diesel(sql_type = BigInt)]
    pub delivery_id: DeliveryId,
    /// Its document.
    #[serde(skip)]
    #[diesel(sql_type = BigInt)]
    pub document_id: DocumentId,
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
    /// `failed`, `waiting`, `on_hold`, `unknown` or `retrying`.
    #[diesel(sql_type = Text)]
    pub state: PartState,
    /// Why it failed, waits, is on hold or is retried.
    #[schema(value_type = Option<String>)]
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<FailureWord>,
    /// The message of the other system.
    #[diesel(sql_type = Nullable<Text>)]
    pub message: Option<String>,
    /// The field.
    #[diesel(sql_type = Nullable<Text>)]
    pub field: Option<String>,
    /// What to do.
    #[diesel(sql_type = Nullable<Text>)]
    pub next_step: Option<String>,
    /// The name of its cause, which other records may share.
    #[diesel(sql_type = Text)]
    pub cause: String,
    /// Attempts so far.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// Since when it has been in this state.
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
    /// Since when it has not arrived, regardless of later attempts.
    #[diesel(sql_type = Timestamptz)]
    pub first_failed_at: DateTime<Utc>,
    /// The record's amount as exact decimal digits; null where the definition names no amount, or the rows do not give one.
    #[diesel(sql_type = Nullable<Text>)]
    pub amount: Option<String>,
    /// The amount's currency as in SYSPRO; null: the company's own currency.
    #[diesel(sql_type = Nullable<Text>)]
    pub currency: Option<String>,
    /// The next attempt or look-up.
    #[diesel(sql_type = Timestamptz)]
    pub not_before: DateTime<Utc>,
}

/// An amount of the records of one cause in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AmountAtStake {
    /// The currency as in SYSPRO; empty: the company's own currency.
    pub currency: String,
    /// The sum, as exact decimal digits.
    pub amount: String,
    /// The number of records in the sum.
    pub documents: i64,
}

impl AmountAtStake {
    /// The sum for display. `currency`: its ISO 4217 code, if known.
    pub fn shown(&self, currency: &str) -> String {
        parse_decimal(&self.amount).map_or_else(|| thousands(&self.amount), |amount| amount_in(amount, currency))
    }
}

/// Undelivered deliveries with one cause.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Cause)]
pub struct CauseRow {
    /// Its name.
    pub cause: String,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The reason, or the state where there is none.
    #[schema(value_type = String)]
    pub reason: FailureWord,
    /// The full message of one of the records.
    pub example: String,
    /// That record's key.
    pub example_key: String,
    /// The values in which the messages differ; for each differing place, the most frequent first.
    pub values: Vec<ValueCount>,
    /// The number of newest records over which the values are counted; null: over all.
    pub values_of_newest: Option<i64>,
    /// The amounts of these records, per currency.
    pub amounts: Vec<AmountAtStake>,
    /// The parents that records wait for; first the parent with the most waiting records.
    pub parents: Vec<ParentRow>,
    /// What to do, for one of them.
    pub next_step: Option<String>,
    /// Whether a replay can send all of them again: none is queued or being looked up.
    pub replayable: bool,
    /// Parts of these records: headers and lines.
    pub count: i64,
    /// Records. A record that failed for several causes counts in each of them, and once in the total.
    pub documents: i64,
    /// Since when the first of them has not arrived. A retry does not change it.
    pub first_failed_at: DateTime<Utc>,
    /// The same of the last of them.
    pub last_failed_at: DateTime<Utc>,
    /// The number of causes that match the filter, this one included.
    #[serde(skip)]
    pub causes: i64,
    /// Records of all these causes; a record counts once.
    #[serde(skip)]
    pub all_documents: i64,
    /// Parts of all these causes.
    #[serde(skip)]
    pub all_count: i64,
    /// The records of all these causes by the state of their worst part, as the overview counts them.
    #[serde(skip)]
    pub all_by_state: Backlog,
}

impl CauseRow {
    /// The number of records, and of their parts where there are more: `5 records (7 parts)`.
    pub fn counted(&self) -> String {
        counted(self.documents, self.count)
    }

    /// The line above the list: `5 records (7 parts), for 2 causes: 4 failed, 1 waiting.`
    pub fn sum(&self) -> String {
        let states: Vec<String> =
            self.all_by_state.words().into_iter().map(|(count, word)| format!("{} {word}", thousands(&count.to_string()))).collect();
        let causes = if self.causes == 1 { "1 cause".to_owned() } else { format!("{} causes", thousands(&self.causes.to_string())) };
        format!("{}, for {causes}: {}.", counted(self.all_documents, self.all_count), states.join(", "))
    }
}

fn counted(documents: i64, parts: i64) -> String {
    let number = |number: i64| thousands(&number.to_string());
    let records = if documents == 1 { "1 record".to_owned() } else { format!("{} records", number(documents)) };
    if parts == documents { records } else { format!("{records} ({} parts)", number(parts)) }
}

/// A parent that records of a cause wait for, and its own state.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = AwaitedParent)]
pub struct ParentRow {
    #[diesel(sql_type = Text)]
    #[serde(skip)]
    cause: String,
    /// Its company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// Its entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Records of the cause that wait for it.
    #[diesel(sql_type = BigInt)]
    pub documents: i64,
    /// The number of all parents that records of the cause wait for.
    #[diesel(sql_type = BigInt)]
    #[serde(skip)]
    pub parents: i64,
    #[diesel(sql_type = Nullable<Text>)]
    #[serde(skip)]
    absent: Option<String>,
    /// Since when it is known that it will not arrive; null: it may arrive.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub absent_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    #[serde(skip)]
    known: bool,
    #[diesel(sql_type = Bool)]
    #[serde(skip)]
    deleted: bool,
    /// Its own reason or state, such as `rejected`; null: it is delivered, or it was never read.
    #[schema(value_type = Option<String>)]
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<UndeliveredWord>,
    /// Its own message.
    #[diesel(sql_type = Nullable<Text>)]
    pub message: Option<String>,
    #[diesel(sql_type = Bool)]
    #[serde(skip)]
    elsewhere: bool,
}

impl ParentRow {
    /// Its state, to follow its name: `left out by the definition`.
    pub fn words(&self) -> String {
        let message = self.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
        match (&self.absent, self.reason) {
            (Some(absent), _) if !self.known || self.deleted => absent.clone(),
            (_, Some(UndeliveredWord::Failure(word))) => match word {
                FailureWord::Reason(FailureReason::MissingParent) | FailureWord::Waiting => format!("waits for its own parent{message}"),
                FailureWord::Reason(FailureReason::OnHold) => "is on hold".to_owned(),
                FailureWord::Unknown => "was sent, and Tieline does not know whether it arrived; Tieline looks it up".to_owned(),
                FailureWord::Reason(_) | FailureWord::Failed => format!("failed itself{message}"),
                FailureWord::Throttled | FailureWord::Unanswered | FailureWord::Retrying => format!("is queued{message}"),
            },
            (_, Some(UndeliveredWord::Queued | UndeliveredWord::Sending)) => format!("is queued{message}"),
            (_, None) if self.deleted => "is gone from SYSPRO".to_owned(),
            (_, None) if !self.known => "was not read from SYSPRO yet".to_owned(),
            (_, None) if self.elsewhere => {
                "was delivered to another table, under a former definition: `tieline replay --outdated --why …` sends it".to_owned()
            }
            (_, None) => "has arrived, or its definition sends nothing for it".to_owned(),
        }
    }
}

#[derive(QueryableByName)]
struct Grouped {
    #[diesel(sql_type = Text)]
    cause: String,
    #[diesel(sql_type = Text)]
    company: String,
    #[diesel(sql_type = Text)]
    entity: String,
    #[diesel(sql_type = Text)]
    reason: FailureWord,
    #[diesel(sql_type = Bool)]
    replayable: bool,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = BigInt)]
    documents: i64,
    #[diesel(sql_type = Timestamptz)]
    first: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    last: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    causes: i64,
    #[diesel(sql_type = BigInt)]
    all_documents: i64,
    #[diesel(sql_type = BigInt)]
    all_count: i64,
    #[diesel(sql_type = BigInt)]
    retrying: i64,
    #[diesel(sql_type = BigInt)]
    unknown: i64,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    on_hold: i64,
    #[diesel(sql_type = Text)]
    example_key: String,
    #[diesel(sql_type = Text)]
    example: String,
    #[diesel(sql_type = Nullable<Text>)]
    next_step: Option<String>,
    #[diesel(sql_type = Text)]
    messages: String,
    #[diesel(sql_type = Text)]
    amounts: String,
}

impl From<Grouped> for CauseRow {
    fn from(row: Grouped) -> Self {
        // written by our own statement: if it cannot be read, it is left out, so that the rest of the list is shown
        let messages: Vec<Message> = serde_json::from_str(&row.messages).unwrap_or_default();
        Self {
            values: differing(&messages),
            values_of_newest: (row.documents > COUNTED).then_some(COUNTED),
            amounts: serde_json::from_str(&row.amounts).unwrap_or_default(),
            parents: Vec::new(),
            cause: row.cause,
            company: row.company,
            entity: row.entity,
            reason: row.reason,
            example: row.example,
            example_key: row.example_key,
            next_step: row.next_step,
            replayable: row.replayable,
            count: row.count,
            documents: row.documents,
            first_failed_at: row.first,
            last_failed_at: row.last,
            causes: row.causes,
            all_documents: row.all_documents,
            all_count: row.all_count,
            all_by_state: Backlog {
                retrying: row.retrying,
                unknown: row.unknown,
                waiting: row.waiting,
                failed: row.failed,
                on_hold: row.on_hold,
                ..Backlog::default()
            },
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Store {
    /// The number of records with a part that failed, waits, is on hold, unknown or retrying.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failure_count(&self) -> Result<i64, StoreError> {
        self.run("count failures", |conn| {
            let sql = "SELECT count(DISTINCT document_id) AS count FROM pending \
                       WHERE (own_state IN ('failed', 'waiting', 'on_hold', 'unknown') OR (own_state = 'queued' AND message IS NOT NULL)) AND batch_id IS NULL";
            let rows: Vec<Count> = sql_query(sql).load(conn)?;
            Ok(rows.first().map_or(0, |row| row.count))
        })
        .await
    }

    /// Deliveries that failed, wait, are on hold, unknown or retrying.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failure_list(&self, filter: FailureFilter) -> Result<Vec<FailureRow>, StoreError> {
        self.run("list failures", move |conn| {
            let after = (DocumentId::default(), filter.after);
            listed(conn, "p.delivery_id > $5", "p.delivery_id", filter, after)
        })
        .await
    }

    /// The same in the order of their documents, so that all of a document follow each other; after this place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failure_list_by_record(
        &self,
        filter: FailureFilter,
        after: (DocumentId, DeliveryId),
    ) -> Result<Vec<FailureRow>, StoreError> {
        self.run("list failures by record", move |conn| {
            listed(conn, "(p.document_id, p.delivery_id) > ($11, $5)", "p.document_id, p.delivery_id", filter, after)
        })
        .await
    }

    /// The same by cause, with the largest or the oldest first: an example, the values that differ, the amounts, and, for records that wait
    /// for parents, which parents and their states. `after` is ignored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failure_causes(&self, filter: FailureFilter) -> Result<Vec<CauseRow>, StoreError> {
        self.run("list failures by cause", move |conn| {
            let rows: Vec<Grouped> = sql_query(with_cause(include_str!("sql/failure_causes.sql")))
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Text>, _>(filter.reason.map(FailureWord::as_str))
                .bind::<Nullable<Text>, _>(filter.text.as_deref().map(in_pattern))
                .bind::<BigInt, _>(filter.limit)
                .bind::<Nullable<Text>, _>(filter.key.map(|key| String::from(DocumentKey::typed(&key))))
                .bind::<Nullable<Timestamptz>, _>(filter.since)
                .bind::<Nullable<Timestamptz>, _>(filter.until)
                .bind::<Nullable<Text>, _>(filter.cause)
                .bind::<Bool, _>(filter.order == CauseOrder::Oldest)
                .bind::<BigInt, _>(COUNTED)
                .load(conn)?;
            let mut causes: Vec<CauseRow> = rows.into_iter().map(CauseRow::from).collect();
            let waiting = causes.iter().filter(|cause| cause.reason == FailureWord::Reason(FailureReason::MissingParent));
            let waiting: Vec<String> = waiting.map(|cause| cause.cause.clone()).collect();
            if !waiting.is_empty() {
                let parents: Vec<ParentRow> = sql_query(with_cause(include_str!("sql/failure_parents.sql")))
                    .bind::<Array<Text>, _>(waiting)
                    .bind::<BigInt, _>(PARENTS)
                    .load(conn)?;
                for parent in parents {
                    if let Some(cause) = causes.iter_mut().find(|cause| cause.cause == parent.cause) {
                        cause.parents.push(parent);
                    }
                }
            }
            Ok(causes)
        })
        .await
    }
}

/// Failures that match, with this condition and in this order; `after` is the place that the condition names.
fn listed(conn: &mut Conn, condition: &str, order: &str, filter: FailureFilter, after: (DocumentId, DeliveryId)) -> Tx<Vec<FailureRow>> {
    let sql = include_str!("sql/failure_list.sql").replace("{after}", condition).replace("{order}", order);
    Ok(sql_query(with_cause(&sql))
        .bind::<Nullable<Text>, _>(filter.company)
        .bind::<Nullable<Text>, _>(filter.entity)
        .bind::<Nullable<Text>, _>(filter.reason.map(FailureWord::as_str))
        .bind::<Nullable<Text>, _>(filter.text.as_deref().map(in_pattern))
        .bind::<BigInt, _>(after.1)
        .bind::<BigInt, _>(filter.limit)
        .bind::<Nullable<Text>, _>(filter.key.map(|key| String::from(DocumentKey::typed(&key))))
        .bind::<Nullable<Timestamptz>, _>(filter.since)
        .bind::<Nullable<Timestamptz>, _>(filter.until)
        .bind::<Nullable<Text>, _>(filter.cause)
        .bind::<BigInt, _>(after.0)
        .load(conn)?)
}
