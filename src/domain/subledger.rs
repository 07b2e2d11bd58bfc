//! SYSPRO's AP sub-ledger against a control account of its general ledger. Pure.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::next_step::NextStep;

/// What the comparison of one account and month shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubledgerVerdict {
    /// Both have the same balance.
    Agrees,
    /// They differ by journals that are made and not posted, or that are still to come from AP.
    Timing,
    /// They differ by postings on the account that do not come from AP, or there are such postings.
    Foreign,
    /// They differ by more than that.
    Differs,
    /// They could not be compared.
    NotCompared,
}

words!(SubledgerVerdict {
    Agrees = "agrees",
    Timing = "timing",
    Foreign = "foreign",
    Differs = "differs",
    NotCompared = "not_compared",
});

impl SubledgerVerdict {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Timing => "timing",
            Self::Foreign => "foreign postings",
            Self::Differs => "differs",
            Self::NotCompared => "not compared",
        }
    }

    /// What to do; `None`: nothing.
    pub fn next_step(self) -> Option<NextStep> {
        match self {
            Self::Agrees => None,
            Self::Timing => Some(NextStep::SubledgerTiming),
            Self::Foreign => Some(NextStep::SubledgerForeign),
            Self::Differs => Some(NextStep::SubledgerDiffers),
            Self::NotCompared => Some(NextStep::SubledgerNotCompared),
        }
    }
}

/// What an entry behind the comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubledgerEntryKind {
    /// A line of a journal of the general ledger that is made and not posted.
    Unposted,
    /// An AP journal that the general ledger has no journal for.
    NotIntegrated,
    /// A posting on the account that does not come from AP.
    Foreign,
}

words!(SubledgerEntryKind { Unposted = "unposted", NotIntegrated = "not_integrated", Foreign = "foreign" });

impl SubledgerEntryKind {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unposted => "made, not posted",
            Self::NotIntegrated => "not integrated into the general ledger",
            Self::Foreign => "posted from elsewhere than AP",
        }
    }
}

/// A number of entries and their amount; what increases the liability is positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entries {
    /// How many.
    pub count: i64,
    /// Their amount.
    pub amount: Decimal,
}

impl Entries {
    /// Adds one.
    pub fn add(&mut self, amount: Decimal) {
        self.count += 1;
        self.amount += amount;
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, amount: self.amount + other.amount }
    }
}

/// The balances of both sides, what is known to be between them, and what it shows.
///
/// The account has what AP has, less what is not posted yet and what is still to come from AP, and more by what was posted from elsewhere.
pub fn verdict(subledger: Decimal, control: Decimal, unposted: Entries, not_integrated: Entries, foreign: Entries) -> SubledgerVerdict {
    let explained = unposted.amount + not_integrated.amount - foreign.amount;
    if subledger - control != explained {
        SubledgerVerdict::Differs
    } else if foreign.count > 0 {
        SubledgerVerdict::Foreign
    } else if unposted.count + not_integrated.count > 0 {
        SubledgerVerdict::Timing
    } else {
        SubledgerVerdict::Agrees
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_timing_or_foreign_only_to_the_cent() {
        let entries = |count: i64, amount: i64| Entries { count, amount: Decimal::from(amount) };
        let of = |subledger: i64, control: i64, unposted, not_integrated, foreign| {
            verdict(Decimal::from(subledger), Decimal::from(control), unposted, not_integrated, foreign)
        };
        let none = Entries::default();
        assert_eq!(of(100, 100, none, none, none), SubledgerVerdict::Agrees);
        assert_eq!(of(100, 99, none, none, none), SubledgerVerdict::Differs);
        assert_eq!(of(100, 90, entries(1, 10), none, none), SubledgerVerdict::Timing);
        assert_eq!(of(100, 85, entries(1, 10), entries(1, 5), none), SubledgerVerdict::Timing);
        assert_eq!(of(100, 89, entries(1, 10), none, none), SubledgerVerdict::Differs);
        assert_eq!(of(100, 107, none, none, entries(1, 7)), SubledgerVerdict::Foreign);
        assert_eq!(of(100, 97, entries(1, 10), none, entries(1, 7)), SubledgerVerdict::Foreign);
        // two postings that cancel each other are still postings from elsewhere
        assert_eq!(of(100, 100, none, none, entries(2, 0)), SubledgerVerdict::Foreign);
    }
}
