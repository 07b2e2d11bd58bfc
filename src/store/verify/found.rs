//! What verifying finds: the report, the first problem, and a leaf as it is read.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Serialize;
use uuid::Uuid;

use super::super::StoreError;
use crate::evidence::head::AuditHead;
use crate::store::text::Text;

/// A life that ended with a restore, as the audit has it.
#[derive(Debug, Clone, Serialize)]
pub struct EndedLife {
    /// Its number.
    pub life: i32,
    /// The first leaf that was given when it was closed, or would have been.
    pub first_leaf: i64,
    /// Its last leaf.
    pub last_leaf: i64,
    /// Why it ended.
    pub why: String,
}

/// What a check of the audit found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SealReport {
    /// Seals in the chain.
    pub seals: i64,
    /// The last leaf.
    pub leaves: i64,
    /// The root of the Merkle tree there.
    pub root: String,
    /// Audit rows covered by seals, those that were removed included.
    pub rows: i64,
    /// Seals of which only the hash is known: retention removed their rows.
    pub removed_seals: i64,
    /// The rows that retention removed.
    pub removed_rows: i64,
    /// Rows without a seal: a change of them cannot be detected.
    pub unsealed: i64,
    /// Days with a signed manifest.
    pub days: i64,
    /// Versions of records whose content was compared with its hash in the audit.
    pub versions: i64,
    /// Deliveries whose fields were compared with their hash in the audit.
    pub payloads: i64,
    /// Days from which on another key signs, without a signature of the former one.
    pub unsigned_changes: Vec<NaiveDate>,
    /// Days with a token of a time-stamping authority.
    pub stamped: i64,
    /// Lives that ended with a restore.
    pub ended_lives: Vec<EndedLife>,
    /// Heads from outside that this audit does not contain. The caller decides whether a restore explains it.
    #[serde(skip)]
    pub other_heads: Vec<AuditHead>,
    /// Heads from outside that this audit contains.
    pub known_heads: i64,
    /// The first leaf that does not fit, 0 where the problem is not about one leaf.
    pub broken_at: Option<i64>,
    /// What differs there.
    pub problem: Option<String>,
}

/// The first thing that does not fit.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) leaf: i64,
    pub(super) text: String,
}

/// Ends the walk with a problem.
pub(super) fn broken<T>(leaf: i64, text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Broken(Broken { leaf, text: text.into() }))
}

/// Why verifying ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Broken(Broken),
    Ledger(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error)
    }
}

/// A leaf with its event; an event without a seal has leaf 0.
#[derive(Debug, QueryableByName)]
pub(in crate::store) struct LeafRow {
    #[diesel(sql_type = BigInt)]
    pub(in crate::store) leaf: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::store) event_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(in crate::store) id: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(in crate::store) at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(in crate::store) xid: Option<i64>,
    #[diesel(sql_type = Nullable<Integer>)]
    pub(in crate::store) life: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::store) kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::store) company: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::store) entity: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(in crate::store) batch_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(in crate::store) run_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::store) actor: Option<String>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    pub(in crate::store) documents: Option<Vec<i64>>,
    #[diesel(sql_type = Nullable<Integer>)]
    pub(in crate::store) records: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::store) line: Option<String>,
}

/// A day in the report of a problem.
pub(super) fn of_day(day: NaiveDate) -> String {
    format!("the manifest of {day}")
}
