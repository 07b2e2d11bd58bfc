//! Queries for people: the states of flows, failures, the history of one record.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Date, Double, Integer, Nullable, Timestamptz};
use serde::Serialize;

use super::audit::{AuditFilter, newest};
use super::placeholder::with_placeholders;
use super::schema::{document_count, flow};
use super::{HoldView, Store, StoreError};
use crate::domain::backlog::Backlog;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::explain::{Differing, Mapped, Part, RecordFacts, Sending, explain, explain_row};
use crate::domain::ids::DeliveryId;
use crate::domain::word::Names;
use crate::domain::{DocumentKey, FlowId};
use crate::store::text::Text;

/// The state of a flow.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Flow)]
pub struct FlowStatus {
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// Every change before this date has been read.
    #[diesel(sql_type = Nullable<Date>)]
    pub watermark: Option<NaiveDate>,
    /// Since when it is paused.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub paused_at: Option<DateTime<Utc>>,
    /// Who paused it.
    #[diesel(sql_type = Nullable<Text>)]
    pub paused_by: Option<String>,
    /// Why Tieline itself stopped reading and sending it, until a person resumes it.
    #[diesel(sql_type = Nullable<Text>)]
    pub stopped: Option<String>,
    /// What this node waits for before it reads or sends anything.
    #[diesel(sql_type = Nullable<Text>)]
    pub waits_for: Option<String>,
    /// The node that works on it now.
    #[diesel(sql_type = Nullable<Text>)]
    pub holder: Option<String>,
    /// When it last made progress.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_progress_at: Option<DateTime<Utc>>,
    /// When a run last succeeded.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_success_at: Option<DateTime<Utc>>,
    /// When a sweep last ended.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_sweep_at: Option<DateTime<Utc>>,
    /// Why the last run failed, if it did.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_error: Option<String>,
    /// Whether every further run fails the same way until a person acts.
    #[diesel(sql_type = Bool)]
    pub last_error_lasts: bool,
    /// Known records.
    #[diesel(sql_type = BigInt)]
    pub documents: i64,
    /// Parts (headers and lines) that are not delivered. The counts below are of records, each in the state of its worst part.
    #[diesel(sql_type = BigInt)]
    pub parts: i64,
    /// Records that are queued.
    #[diesel(sql_type = BigInt)]
    pub queued: i64,
    /// Records that are being sent.
    #[diesel(sql_type = BigInt)]
    pub sending: i64,
    /// Records that are retried automatically after a temporary error.
    #[diesel(sql_type = BigInt)]
    pub retrying: i64,
    /// Records with an unknown outcome; they are looked up before anything else is done.
    #[diesel(sql_type = BigInt)]
    pub unknown: i64,
    /// Records that wait for a record that they refer to.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Records that failed and need a person.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// Records that a person holds.
    #[diesel(sql_type = BigInt)]
    pub on_hold: i64,
    /// Records that are in ServiceNow, but with a field that ServiceNow stored differently, or not at all.
    #[diesel(sql_type = BigInt)]
    pub not_as_sent: i64,
    /// Records with an open conflict: ServiceNow keeps its own values of those fields until a person decides.
    #[diesel(sql_type = BigInt)]
    pub in_conflict: i64,
    /// Records that were last mapped under another definition than the one in force: their content in ServiceNow may differ from what it
    /// would be now.
    #[diesel(sql_type = BigInt)]
    pub outdated: i64,
    /// Whether the configuration still contains the flow. If not, it is not read, does not count as an error, and can be deleted.
    #[diesel(sql_type = Bool)]
    pub configured: bool,
}

/// How urgent the state of a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worry {
    /// Everything is delivered.
    None,
    /// It is running now.
    Busy,
    /// Something is outstanding or has not started; it may continue automatically.
    Some,
    /// A person is needed.
    Person,
}

fn flow_status_sql() -> String {
    include_str!("sql/flow_status.sql").replace("{outdated}", include_str!("sql/outdated.sql"))
}

impl FlowStatus {
    /// Whether it is this flow.
    pub fn is_of(&self, flow: &FlowId) -> bool {
        self.company == flow.company.as_str() && self.entity == flow.entity.as_str()
    }

    /// The state of the flow in a few words, and how urgent it is. Undelivered records count: a flow whose last run succeeded is not in
    /// order while some of its records have failed.
    pub fn state(&self) -> (String, Worry) {
        if !self.configured {
            return ("no longer configured".into(), Worry::None);
        }
        let backlog = self.backlog();
        let (word, worry) = match (&self.stopped, &self.paused_at, &self.holder, &self.last_error, &self.last_success_at) {
            (Some(_), ..) => ("stopped", Worry::Person),
            (_, Some(_), ..) => ("paused", Worry::Some),
            (_, _, None, ..) if self.waits_for.is_some() => ("not started yet", Worry::Busy),
            (_, _, Some(_), ..) => ("running", Worry::Busy),
            (_, _, _, Some(_), _) => ("last run failed", Worry::Person),
            (.., None) => ("not run yet", Worry::Some),
            _ if backlog.total() == 0 && self.outdated == 0 && self.in_conflict == 0 => ("all delivered", Worry::None),
            _ => ("", Worry::None),
        };
        let worry = match worry {
            Worry::None | Worry::Some if backlog.failed > 0 => Worry::Person,
            Worry::None if backlog.total() > 0 || self.not_as_sent > 0 || self.outdated > 0 || self.in_conflict > 0 => Worry::Some,
            other => other,
        };
        let not_as_sent = if self.not_as_sent > 0 { format!("{} not as sent", self.not_as_sent) } else { String::new() };
        let outdated = if self.outdated > 0 { format!("{} mapped under another definition", self.outdated) } else { String::new() };
        let in_conflict = if self.in_conflict > 0 { format!("{} in conflict", self.in_conflict) } else { String::new() };
        let said = [word.to_owned(), backlog.sentence(), in_conflict, not_as_sent, outdated];
        (said.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(", "), worry)
    }

    /// A sentence about records that were last mapped under another definition, if there are any.
    pub fn outdated_sentence(rows: &[Self]) -> Option<String> {
        let outdated: i64 = rows.iter().filter(|row| row.configured).map(|row| row.outdated).sum();
        let records = if outdated == 1 { "record was" } else { "records were" };
        (outdated > 0).then(|| {
            format!(
                "{outdated} {records} mapped under another definition than the one in force: what was sent may differ from what it would be now. \
                 `tieline replay --outdated --why …` compares them and sends what differs, up to `flows.change_limit`."
            )
        })
    }

    /// A sentence about records with an open conflict, if there are any.
    pub fn conflict_sentence(rows: &[Self]) -> Option<String> {
        let in_conflict: i64 = rows.iter().filter(|row| row.configured).map(|row| row.in_conflict).sum();
        let records = if in_conflict == 1 { "record is" } else { "records are" };
        (in_conflict > 0).then(|| {
            format!("{in_conflict} {records} in conflict: ServiceNow keeps its own values until somebody decides. `tieline conflicts list` shows them.")
        })
    }

    /// Undelivered records, by state.
    pub fn backlog(&self) -> Backlog {
        Backlog {
            queued: self.queued,
            sending: self.sending,
            retrying: self.retrying,
            unknown: self.unknown,
            waiting: self.waiting,
            failed: self.failed,
            on_hold: self.on_hold,
        }
    }
}

/// One version of a document.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Version)]
pub struct VersionView {
    /// Its number, from 1.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// When it was read.
    #[diesel(sql_type = Timestamptz)]
    pub read_at: DateTime<Utc>,
    /// Whether SYSPRO no longer had the document in this version.
    #[diesel(sql_type = Bool)]
    #[serde(rename = "gone")]
    pub deleted: bool,
    /// The content as JSON text.
    #[diesel(sql_type = Text)]
    pub content: String,
}

/// One delivery of a document, and its state.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Delivery)]
pub struct RecordDelivery {
    /// The delivery.
    #[schema(value_type = i64)]
    #[diesel(sql_type = BigInt)]
    pub delivery_id: DeliveryId,
    /// The version it carries.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// `header` or the child's name.
    #[diesel(sql_type = Text)]
    pub block: String,
    /// The line's key.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// `confirmed`, `superseded` or one of the pending states.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Why it failed, waits or is on hold.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// The message of the other system.
    #[diesel(sql_type = Nullable<Text>)]
    pub message: Option<String>,
    /// What to do.
    #[diesel(sql_type = Nullable<Text>)]
    pub next_step: Option<String>,
    /// The next attempt or look-up, while it is pending.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub not_before: Option<DateTime<Utc>>,
    /// When the record was last confirmed, in any version.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub confirmed_at: Option<DateTime<Utc>>,
    /// It waits for a parent that, as a whole read has shown, will not arrive.
    #[diesel(sql_type = Nullable<Bool>)]
    pub absent: Option<bool>,
    /// The state in ServiceNow, where it is tracked: `open`, `done`, `failed` or `unknown`.
    #[diesel(sql_type = Nullable<Text>)]
    pub downstream: Option<String>,
    /// ServiceNow's words about that state.
    #[diesel(sql_type = Nullable<Text>)]
    pub downstream_said: Option<String>,
    /// The record in ServiceNow.
    #[diesel(sql_type = Nullable<Text>)]
    pub sys_id: Option<String>,
    /// Its table.
    #[diesel(sql_type = Nullable<Text>)]
    pub target_table: Option<String>,
    /// Whether the current definition no longer writes that table: the row stays there as it was last sent.
    #[diesel(sql_type = Bool)]
    pub former: bool,
    /// Whether the last delivery marked it as gone from SYSPRO.
    #[diesel(sql_type = Bool)]
    pub marked: bool,
    /// The fields, as JSON text.
    #[diesel(sql_type = Text)]
    pub payload: String,
}

/// One step in a document's history, out of the audit.
pub type RecordAttempt = super::AuditRow;

/// The history of one document.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = RecordLife)]
pub struct RecordView {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The key.
    pub key: String,
    /// Whether it was ever read.
    pub known: bool,
    /// Its state and the reason, in one sentence.
    pub explanation: String,
    /// Who holds it, if somebody does.
    pub hold: Option<HoldView>,
    /// Its versions, the newest first.
    pub versions: Vec<VersionView>,
    /// The newest delivery of each of its records.
    pub deliveries: Vec<RecordDelivery>,
    /// Its last 1000 audit rows, oldest first.
    pub steps: Vec<RecordAttempt>,
}

/// The surroundings of a record: its flow, a hold, and what the living nodes report about sending. A pause of one node applies to all.
#[derive(QueryableByName)]
struct Around {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    paused_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    stopped: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    held_by: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    held_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    why: Option<String>,
    #[diesel(sql_type = BigInt)]
    alive: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    nodes_paused_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    blocked: bool,
    #[diesel(sql_type = Bool)]
    elsewhere: bool,
    #[diesel(sql_type = Bool)]
    outdated: bool,
    #[diesel(sql_type = Bool)]
    kept: bool,
    /// Its open conflicts, as JSON.
    #[diesel(sql_type = Nullable<Text>)]
    conflicts: Option<String>,
}

impl Around {
    fn conflicts(&self) -> Vec<Differing> {
        self.conflicts.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    fn sending(&self) -> Sending {
        match self {
            Self { alive: 0, .. } => Sending::Nobody,
            Self { blocked: true, .. } => Sending::Blocked,
            Self { nodes_paused_until: Some(until), .. } => Sending::PausedUntil(*until),
            _ => Sending::Freely,
        }
    }

    fn mapped(&self) -> Mapped {
        match self {
            Self { elsewhere: true, .. } => Mapped::Elsewhere,
            Self { kept: true, .. } => Mapped::Kept,
            Self { outdated: true, .. } => Mapped::Outdated,
            _ => Mapped::InForce,
        }
    }

    fn hold(&self) -> Option<HoldView> {
        let (held_by, held_at, why) = (self.held_by.clone()?, self.held_at?, self.why.clone()?);
        Some(HoldView { held_by, held_at, why })
    }
}

fn explanation(versions: &[VersionView], deliveries: &[RecordDelivery], around: &Around, hold: Option<&HoldView>) -> String {
    let parts = deliveries.iter().map(|delivery| Part {
        block: &delivery.block,
        record_key: &delivery.record_key,
        state: &delivery.state,
        reason: delivery.reason.as_deref(),
        message: delivery.message.as_deref(),
        not_before: delivery.not_before,
        confirmed_at: delivery.confirmed_at,
        absent: delivery.absent.unwrap_or_default(),
        table: delivery.target_table.as_deref(),
        former: delivery.former,
        marked: delivery.marked,
        downstream: delivery.downstream.as_deref().map(|state| (state, delivery.downstream_said.as_deref())),
    });
    let parts: Vec<Part<'_>> = parts.collect();
    let conflicts = around.conflicts();
    explain(&RecordFacts {
        read_at: versions.first().map(|version| version.read_at),
        versions: versions.first().map_or(0, |version| version.version),
        deleted: versions.first().is_some_and(|version| version.deleted),
        mapped: around.mapped(),
        paused: around.paused_at.is_some(),
        stopped: around.stopped.as_deref(),
        sending: around.sending(),
        hold: hold.map(|hold| (hold.held_by.as_str(), hold.why.as_str())),
        conflicts: &conflicts,
        parts: &parts,
    })
}

/// The content to be sent of an undelivered record.
#[derive(Debug, QueryableByName)]
pub struct PendingPayload {
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The record's key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The fields of the target row, as JSON; empty for a record that cannot be mapped.
    #[diesel(sql_type = Text)]
    pub payload: String,
}

impl Store {
    /// The companies and entities of the flows and records in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn names(&self) -> Result<Names, StoreError> {
        self.run("read the names of flows", |conn| {
            let flows = flow::table.select((flow::company, flow::entity));
            let rows = flows.union(document_count::table.select((document_count::company, document_count::entity)));
            let (companies, entities) = rows.load::<(String, String)>(conn)?.into_iter().unzip();
            Ok(Names { companies, entities })
        })
        .await
    }

    /// Every flow that was ever started or paused.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_status(&self) -> Result<Vec<FlowStatus>, StoreError> {
        self.run("read the state of flows", |conn| Ok(sql_query(with_placeholders(&flow_status_sql())).load(conn)?)).await
    }

    /// The undelivered records of a block: company, key and the content to be sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_payloads(&self, entity: String, block: String) -> Result<Vec<PendingPayload>, StoreError> {
        self.run("list what is not delivered", move |conn| {
            Ok(sql_query(
                "SELECT d.company, d.key, l.payload FROM undelivered p JOIN document d ON d.id = p.document_id \
                 JOIN delivery l ON l.id = p.delivery_id WHERE p.entity = $1 AND p.block = $2 ORDER BY p.delivery_id",
            )
            .bind::<Text, _>(entity)
            .bind::<Text, _>(block)
            .load(conn)?)
        })
        .await
    }

    /// The history of one document; `known` is false when it was never read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_view(&self, company: String, entity: String, key: String) -> Result<RecordView, StoreError> {
        let key = String::from(DocumentKey::typed(&key));
        self.run("read a record's life", move |conn| {
            let versions: Vec<VersionView> = sql_query(
                "SELECT v.version, v.read_at, v.deleted, v.content FROM version v JOIN document d ON d.id = v.document_id \
                 WHERE d.company = $1 AND d.entity = $2 AND d.key = $3 ORDER BY v.version DESC LIMIT 100",
            )
            .bind::<Text, _>(&company)
            .bind::<Text, _>(&entity)
            .bind::<Text, _>(&key)
            .load(conn)?;
            let deliveries: Vec<RecordDelivery> = sql_query(include_str!("sql/record_deliveries.sql"))
                .bind::<Text, _>(&company)
                .bind::<Text, _>(&entity)
                .bind::<Text, _>(&key)
                .load(conn)?;
            let around: Around = sql_query(include_str!("sql/record_around.sql"))
                .bind::<Text, _>(&company)
                .bind::<Text, _>(&entity)
                .bind::<Text, _>(&key)
                .bind::<Double, _>(UNRESPONSIVE_AFTER.as_secs_f64())
                .get_result(conn)?;
            let filter = AuditFilter {
                company: Some(company.clone()),
                entity: Some(entity.clone()),
                key: Some(key.clone()),
                limit: 1000,
                ..AuditFilter::default()
            };
            let mut steps = newest(conn, filter)?;
            steps.reverse();
            let hold = around.hold();
            let explanation = match versions.first() {
                Some(last) if last.deleted && DocumentKey::from_text(&key).stands_for_a_row() => explain_row(last.read_at),
                _ => explanation(&versions, &deliveries, &around, hold.as_ref()),
            };
            Ok(RecordView { explanation, hold, known: !versions.is_empty(), company, entity, key, versions, deliveries, steps })
        })
        .await
    }
}
