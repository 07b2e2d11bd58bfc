//! What is known of the sums that ServiceNow itself computes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::retry::Class;
use crate::store::TieOutListing;

/// The types of the columns with amounts, asked for once in a tie-out.
#[derive(Default)]
pub(super) struct ColumnKinds(pub(super) RefCell<Option<Kinds>>);

/// By table and column, or why they are not known, and whether asking again helps.
pub(super) type Kinds = Result<BTreeMap<(String, String), String>, (String, Class)>;

/// How ServiceNow's own sums of a table compare with those of the rows that it listed.
pub(super) enum SumCheck {
    /// The definition names no amounts.
    NoAmounts,
    /// They are the same in so many groups.
    Agree(usize),
    /// ServiceNow cannot add them up, and why.
    Not(String),
    /// They could not be compared this time, and why.
    Later(String),
    /// They differ although the table has not changed.
    Differ(String),
}

/// What is known of the tables of a block.
#[derive(Debug, Clone, Default)]
pub(super) struct Summed {
    /// Groups that agree.
    groups: Option<i32>,
    /// Why others were not compared.
    not: Vec<String>,
}

impl Summed {
    /// What earlier tie-outs found of tables that have not changed.
    pub(super) fn of(listings: &[TieOutListing]) -> Self {
        let groups = listings.iter().filter_map(|listing| listing.summed_groups).reduce(i32::saturating_add);
        Self { groups, not: listings.iter().filter_map(|listing| listing.not_summed.clone()).collect() }
    }

    pub(super) fn groups(&self) -> Option<i32> {
        self.groups
    }

    pub(super) fn not_summed(&self) -> Option<String> {
        (!self.not.is_empty()).then(|| self.not.join("; "))
    }

    /// Adds a table. Answers its groups and why it was not summed, for its listing.
    pub(super) fn add(&mut self, check: &SumCheck) -> (Option<i32>, Option<String>) {
        match check {
            SumCheck::NoAmounts | SumCheck::Differ(_) => (None, None),
            SumCheck::Agree(groups) => {
                let groups = i32::try_from(*groups).unwrap_or(i32::MAX);
                self.groups = Some(self.groups.unwrap_or_default().saturating_add(groups));
                (Some(groups), None)
            }
            SumCheck::Not(why) | SumCheck::Later(why) => {
                self.not.push(why.clone());
                (None, Some(why.clone()))
            }
        }
    }
}
