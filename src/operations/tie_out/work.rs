//! The tie-out of one flow: what its parts share.

use std::collections::BTreeSet;

use super::summed::{ColumnKinds, Summed};
use super::vectors::Vectors;
use crate::actors::servicenow_token::TokenClient;
use crate::definition::plan::TargetPlan;
use crate::definition::{Definitions, Plan};
use crate::domain::FlowId;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::process::Process;
use crate::process::syspro_link::SysproLink;
use crate::servicenow::ServiceNow;
use crate::store::{StoreError, TieOutListing};

/// Documents read a second time at once.
pub(super) const AGAIN: i64 = 50;

/// Both systems, as a tie-out reaches them.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) link: &'a SysproLink,
    pub(super) servicenow: &'a ServiceNow,
    pub(super) tokens: &'a TokenClient,
}

/// The tie-out of one flow.
pub(super) struct FlowWork<'a> {
    pub(super) process: &'a Process,
    pub(super) definitions: &'a Definitions,
    pub(super) plan: &'a Plan,
    pub(super) flow: &'a FlowId,
    pub(super) id: TieOutId,
    /// Only records of this fiscal period count.
    pub(super) period: Option<FiscalPeriod>,
    /// Whether ServiceNow's tables are listed even if they have not changed.
    pub(super) fresh: bool,
    /// The change vectors that this tie-out has asked for.
    pub(super) vectors: &'a Vectors,
    /// The types of columns that it has asked for.
    pub(super) column_kinds: &'a ColumnKinds,
}

/// What is known of one block.
pub(super) struct Block<'a> {
    pub(super) target: &'a TargetPlan,
    pub(super) tables: Vec<String>,
    /// Fields that some row returned.
    pub(super) returned: BTreeSet<String>,
    /// Why the sides cannot be compared, or why what they show is not all.
    pub(super) unverified: Option<String>,
    /// Whether ServiceNow's rows were read to their end.
    pub(super) read: bool,
    /// The tables that have not changed since they were listed; empty: they were listed now.
    pub(super) unchanged: Vec<TieOutListing>,
    /// How ServiceNow's own sums compare with those of its rows.
    pub(super) summed: Summed,
}

impl<'a> Block<'a> {
    pub(super) fn of(target: &'a TargetPlan) -> Self {
        let (tables, returned, unchanged) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { target, tables, returned, unverified: None, read: false, unchanged, summed: Summed::default() }
    }
}

/// Why a flow is not compared: a side did not answer, or the ledger failed.
pub(super) enum Stop {
    Unread(String),
    Ledger(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Ledger(error)
    }
}
