//! An AP invoice before it is written.

use chrono::NaiveDate;

/// What is known of an invoice before it is written.
#[derive(Debug, Clone)]
pub(super) struct Invoice {
    pub(super) supplier: String,
    pub(super) number: String,
    pub(super) currency: &'static str,
    pub(super) branch: &'static str,
    pub(super) invoiced: NaiveDate,
    pub(super) due: Option<NaiveDate>,
    pub(super) posted: NaiveDate,
    pub(super) period: (i64, i64),
    /// Cents of the invoice's currency.
    pub(super) value: i64,
    pub(super) paid: i64,
    pub(super) paid_on: NaiveDate,
    pub(super) reference: String,
    /// GL code, cents, expense type.
    pub(super) lines: Vec<(String, i64, &'static str)>,
}
