//! Actions that need a second person.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::money::amount_in;

/// What may need a second person, as `[approvals]` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// A period is unlocked.
    Unlock,
    /// Two lists are aligned for the first time.
    Adopt,
    /// More records are sent again than `flows.change_limit` allows.
    ChangeLimit,
    /// Other definitions or code lists come into force.
    Definition,
    /// Records are sent again whose amounts add up to more than `approvals.amounts` allows.
    Replay,
    /// Records are released whose amounts add up to more than `approvals.amounts` allows.
    Release,
}

words!(ApprovalKind {
    Unlock = "unlock",
    Adopt = "adopt",
    ChangeLimit = "change_limit",
    Definition = "definition",
    Replay = "replay",
    Release = "release",
});

/// The state of a request for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has answered.
    Asked,
    /// A second person approved it, and it has not been done yet.
    Approved,
    /// A second person rejected it.
    Rejected,
    /// The person who asked withdrew it, or what it concerns has changed since.
    Withdrawn,
    /// It was done.
    Used,
    /// It was not answered, or not done, in time.
    Expired,
}

words!(ApprovalState {
    Asked = "asked",
    Approved = "approved",
    Rejected = "rejected",
    Withdrawn = "withdrawn",
    Used = "used",
    Expired = "expired",
});

/// The amounts of some records, by currency, without their signs: a credit note does not make up for an invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts {
    /// The sum for each currency.
    pub sums: BTreeMap<String, Decimal>,
    /// Records whose amount is not known.
    pub unknown: i64,
}

impl Amounts {
    /// Whether they are above these limits: a sum that is larger than the limit of its currency, a currency without a limit, or a record
    /// whose amount is not known.
    pub fn above(&self, limits: &BTreeMap<String, Decimal>) -> bool {
        let beyond = |(currency, sum): (&String, &Decimal)| limits.get(currency).map_or(!sum.is_zero(), |limit| sum > limit);
        self.unknown > 0 || self.sums.iter().any(beyond)
    }
}

/// `ZAR 1,234.50, USD 3.00, and 2 records whose amount is not known`
impl fmt::Display for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sums = self.sums.iter().map(|(currency, sum)| format!("{currency} {}", amount_in(*sum, currency)));
        let unknown = match self.unknown {
            0 => None,
            1 => Some("1 record whose amount is not known".to_owned()),
            many => Some(format!("{many} records whose amount is not known")),
        };
        let all: Vec<String> = sums.chain(unknown).collect();
        f.write_str(if all.is_empty() { "no amounts" } else { "" })?;
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_an_unknown_amount_and_a_currency_without_a_limit_count_as_above() {
        let decimal = |text: &str| Decimal::from_str(text).expect("a number");
        let limits = BTreeMap::from([("ZAR".to_owned(), decimal("100000"))]);
        let of = |currency: &str, sum: &str| Amounts { sums: [(currency.to_owned(), decimal(sum))].into(), unknown: 0 };
        assert!(!Amounts::default().above(&limits));
        assert!(!of("ZAR", "100000.00").above(&limits) && of("ZAR", "100000.01").above(&limits));
        assert!(of("USD", "0.01").above(&limits) && !of("USD", "0").above(&limits));
        assert!(Amounts { unknown: 1, ..Amounts::default() }.above(&limits));
        assert_eq!(Amounts { unknown: 2, ..of("ZAR", "1234.5") }.to_string(), "ZAR 1,234.50, 2 records whose amount is not known");
        assert_eq!(Amounts::default().to_string(), "no amounts");
    }
}
