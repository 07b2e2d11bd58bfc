//! The rows of closes, as they are read.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::super::schema::{close_change, close_period, close_reason, close_step};
use super::super::tie_out::{TieOutBucket, TieOutItem};
use crate::domain::close::{CloseState, CloseStep, PeriodChange, SignedSum};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::{RunId, TieOutId};
use crate::domain::tie_out::Verdict;
use crate::store::text::Text;

/// The close of one period.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = close_period, check_for_backend(Pg))]
pub struct ClosePeriodRow {
    /// The company.
    pub company: String,
    /// The period, as its number.
    pub number: i32,
    /// The state.
    pub state: CloseState,
    /// Whether deliveries of its documents are held.
    pub frozen: bool,
    /// Since when it is in this state.
    pub since: DateTime<Utc>,
}

/// A step of a close.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = close_step, check_for_backend(Pg))]
pub struct CloseStepRow {
    /// Its number, ascending.
    pub id: i64,
    /// The company.
    pub company: String,
    /// The period, as its number.
    pub number: i32,
    /// The step.
    pub step: CloseStep,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// Why; for `suspend`, what changed.
    pub why: String,
    /// The tie-out that it is based on, or that found the change.
    pub tie_out_id: Option<TieOutId>,
    /// As of when that is.
    pub tie_out_at: Option<DateTime<Utc>>,
    /// The sums that were signed.
    pub sums: serde_json::Value,
    /// The reasons for differences that were signed.
    pub reasons: serde_json::Value,
    /// The run that found the change.
    pub run_id: Option<RunId>,
}

/// A reason for a difference.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = close_reason, check_for_backend(Pg))]
pub struct CloseReasonRow {
    /// The entity.
    pub entity: String,
    /// The block.
    pub block: String,
    /// The document's key.
    pub document_key: String,
    /// The line's key; empty for a header.
    pub record_key: String,
    /// How it differs: a word of `Difference`.
    pub kind: String,
    /// The field; empty: none.
    pub field: String,
    /// The cause: a word of `Cause`.
    pub cause: String,
    /// The amount of the difference.
    pub amount: Option<Decimal>,
    /// When the reason was given.
    pub at: DateTime<Utc>,
    /// Who gave it.
    pub actor: String,
    /// The reason.
    pub why: String,
}

impl CloseReasonRow {
    /// Whether it is a reason for this difference: the same record, field, cause and amount.
    pub fn is_of(&self, item: &TieOutItem) -> bool {
        let place = |one: &TieOutItem| {
            (self.entity == one.entity && self.block == one.block)
                && (self.document_key == one.document_key && self.record_key == one.record_key)
        };
        let cause = item.cause.map_or("", |cause| cause.as_str());
        let field = item.field.as_deref().unwrap_or_default();
        place(item) && self.kind == item.kind.as_str() && self.field == field && self.cause == cause && self.amount == item.amount
    }
}

/// A document that changed in SYSPRO for a period that was signed or locked.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = close_change, check_for_backend(Pg))]
#[schema(as = CloseChange)]
pub struct CloseChangeRow {
    /// Its number, ascending.
    pub id: i64,
    /// The company.
    pub company: String,
    /// The period: `2026-03`.
    #[serde(rename = "period", serialize_with = "as_period")]
    #[schema(value_type = String)]
    pub number: i32,
    /// The document's entity.
    pub entity: String,
    /// The document's key.
    pub key: String,
    /// The version that was read.
    pub version: i32,
    /// What happened.
    pub kind: PeriodChange,
    /// The state of the period at that time.
    pub state: CloseState,
    /// The run that found it.
    pub run_id: RunId,
    /// When.
    pub found_at: DateTime<Utc>,
}

fn as_period<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    FiscalPeriod::from_number(*number).serialize(serializer)
}

/// What the newest tie-out of a company says about a period.
#[derive(Debug, Clone, QueryableByName)]
pub struct TiedPeriod {
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The period, as its number.
    #[diesel(sql_type = Integer)]
    pub number: i32,
    /// The tie-out.
    #[diesel(sql_type = BigInt)]
    pub tie_out: TieOutId,
    /// As of when it is.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// The worst result of its sums.
    #[diesel(sql_type = Text)]
    pub verdict: Verdict,
    /// Differences that a person must look at.
    #[diesel(sql_type = BigInt)]
    pub open_items: i64,
    /// Differences that the next runs end.
    #[diesel(sql_type = BigInt)]
    pub timing_items: i64,
}

impl TieOutBucket {
    /// What a person signs of it.
    pub fn signed(&self) -> SignedSum {
        let amount = |amount: Option<Decimal>| amount.unwrap_or_default();
        SignedSum {
            entity: self.entity.clone(),
            block: self.block.clone(),
            currency: self.currency.clone(),
            syspro_records: self.syspro_records + self.gone_records,
            syspro_amount: (amount(self.syspro_amount) + amount(self.gone_amount)).normalize(),
            servicenow_records: self.servicenow_records,
            servicenow_amount: amount(self.servicenow_amount).normalize(),
            open_items: self.open_items,
            timing_items: self.timing_items,
            verdict: self.verdict,
        }
    }
}
