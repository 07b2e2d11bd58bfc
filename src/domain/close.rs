//! The close of a fiscal period: its states, its steps, and what suspends a signature. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::money::amount_in;

/// The state of the close of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseState {
    /// Nobody has signed it, or it was unlocked.
    Open,
    /// A preparer has signed it.
    Prepared,
    /// A reviewer has signed it, too.
    Signed,
    /// It is final, and what arrives for it is held.
    Locked,
    /// Something changed after a signature: the period needs new ones.
    Suspended,
}

words!(CloseState { Open = "open", Prepared = "prepared", Signed = "signed", Locked = "locked", Suspended = "suspended" });

impl CloseState {
    /// Whether somebody has signed it, and the signature counts.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Prepared | Self::Signed | Self::Locked)
    }

    /// What usually follows.
    pub fn next(self) -> Option<CloseStep> {
        match self {
            Self::Open | Self::Suspended => Some(CloseStep::Prepare),
            Self::Prepared => Some(CloseStep::Sign),
            Self::Signed => Some(CloseStep::Lock),
            Self::Locked => None,
        }
    }
}

/// A step of a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseStep {
    /// The preparer signs.
    Prepare,
    /// The reviewer signs.
    Sign,
    /// The period is final.
    Lock,
    /// The period is open again.
    Unlock,
    /// A change after a signature suspended it.
    Suspend,
}

words!(CloseStep { Prepare = "prepare", Sign = "sign", Lock = "lock", Unlock = "unlock", Suspend = "suspend" });

impl CloseStep {
    /// The state after it.
    pub fn leads_to(self) -> CloseState {
        match self {
            Self::Prepare => CloseState::Prepared,
            Self::Sign => CloseState::Signed,
            Self::Lock => CloseState::Locked,
            Self::Unlock => CloseState::Open,
            Self::Suspend => CloseState::Suspended,
        }
    }

    /// Whether it is possible in this state.
    pub fn follows(self, state: CloseState) -> bool {
        match self {
            Self::Prepare => matches!(state, CloseState::Open | CloseState::Suspended),
            Self::Sign => state == CloseState::Prepared,
            Self::Lock => state == CloseState::Signed,
            Self::Unlock => state != CloseState::Open,
            Self::Suspend => state.is_signed(),
        }
    }

    /// What was done, for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Prepare => "prepared",
            Self::Sign => "signed",
            Self::Lock => "locked",
            Self::Unlock => "unlocked",
            Self::Suspend => "suspended",
        }
    }

    /// In which role the person acted.
    pub fn role(self) -> &'static str {
        match self {
            Self::Prepare => "preparer",
            Self::Sign => "reviewer",
            Self::Lock | Self::Unlock => "controller",
            Self::Suspend => "",
        }
    }

    /// Whether it is a signature.
    pub fn is_signature(self) -> bool {
        matches!(self, Self::Prepare | Self::Sign | Self::Lock)
    }
}

/// What happened to a document of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodChange {
    /// It is new.
    Added,
    /// Its content changed.
    Altered,
    /// SYSPRO no longer has it.
    Gone,
    /// It belongs to other periods now.
    MovedOut,
}

words!(PeriodChange { Added = "added", Altered = "altered", Gone = "gone", MovedOut = "moved_out" });

impl PeriodChange {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Added => "new",
            Self::Altered => "changed",
            Self::Gone => "gone from SYSPRO",
            Self::MovedOut => "moved to another period",
        }
    }
}

/// The sums of one block and currency that somebody signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SignedSum {
    /// The entity.
    pub entity: String,
    /// `header`, or the name of the lines.
    pub block: String,
    /// The currency; empty: there are no amounts.
    pub currency: String,
    /// Records in SYSPRO, and those that are gone there and marked in ServiceNow.
    pub syspro_records: i64,
    /// Their amount.
    #[schema(value_type = String)]
    pub syspro_amount: Decimal,
    /// Rows in ServiceNow.
    pub servicenow_records: i64,
    /// Their amount.
    #[schema(value_type = String)]
    pub servicenow_amount: Decimal,
    /// Differences that a person must look at.
    pub open_items: i64,
    /// Differences that the next runs end.
    pub timing_items: i64,
    /// The result.
    pub verdict: super::tie_out::Verdict,
}

/// Names a sum within a period.
type SumKey<'a> = (&'a str, &'a str, &'a str);

/// What a later tie-out found otherwise than what was signed, as sentences. `compared`: whether the later one compared a block.
pub fn otherwise(signed: &[SignedSum], now: &[SignedSum], compared: impl Fn(&str, &str) -> bool) -> Vec<String> {
    fn keyed(sums: &[SignedSum]) -> BTreeMap<SumKey<'_>, &SignedSum> {
        sums.iter().map(|sum| ((sum.entity.as_str(), sum.block.as_str(), sum.currency.as_str()), sum)).collect()
    }
    let (signed, now) = (keyed(signed), keyed(now));
    let mut keys: Vec<&SumKey<'_>> = signed.keys().chain(now.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut said = Vec::new();
    for key in keys.into_iter().filter(|(entity, block, _)| compared(entity, block)) {
        let (entity, block, currency) = key;
        let of = if *block == "header" { (*entity).to_owned() } else { format!("{entity} {block}") };
        let side = |name: &str, of_sum: fn(&SignedSum) -> (i64, Decimal)| {
            let before = signed.get(key).map_or((0, Decimal::ZERO), |sum| of_sum(sum));
            let after = now.get(key).map_or((0, Decimal::ZERO), |sum| of_sum(sum));
            let text = |(records, amount): (i64, Decimal)| match currency.is_empty() {
                true => format!("{records} records"),
                false => format!("{} {currency} in {records} records", amount_in(amount, currency)),
            };
            (before != after).then(|| format!("{name} has {} for {of}, and had {} when it was signed", text(after), text(before)))
        };
        said.extend(side("SYSPRO", |sum| (sum.syspro_records, sum.syspro_amount)));
        said.extend(side("ServiceNow", |sum| (sum.servicenow_records, sum.servicenow_amount)));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::super::tie_out::Verdict;
    use super::*;

    #[test]
    fn steps_follow_one_another() {
        let possible = |state| CloseStep::ALL.iter().filter(|step| step.follows(state)).map(|step| step.as_str()).collect::<Vec<_>>();
        assert_eq!(possible(CloseState::Open), ["prepare"]);
        assert_eq!(possible(CloseState::Prepared), ["sign", "unlock", "suspend"]);
        assert_eq!(possible(CloseState::Signed), ["lock", "unlock", "suspend"]);
        assert_eq!(possible(CloseState::Locked), ["unlock", "suspend"]);
        assert_eq!(possible(CloseState::Suspended), ["prepare", "unlock"]);
        for state in CloseState::ALL {
            assert!(state.next().is_none_or(|step| step.follows(*state)), "{state}");
        }
    }

    #[test]
    fn another_total_than_the_signed_one_is_said() {
        let sum = |block: &str, records: i64, amount: i64| SignedSum {
            entity: "invoice".into(),
            block: block.into(),
            currency: "ZAR".into(),
            syspro_records: records,
            syspro_amount: Decimal::from(amount),
            servicenow_records: 2,
            servicenow_amount: Decimal::from(30),
            open_items: 0,
            timing_items: 0,
            verdict: Verdict::Tied,
        };
        let signed = [sum("header", 2, 30), sum("lines", 2, 30)];
        assert_eq!(otherwise(&signed, &signed, |_, _| true), Vec::<String>::new());
        let now = [sum("header", 3, 42), sum("lines", 2, 30)];
        let said = otherwise(&signed, &now, |_, _| true);
        assert_eq!(said, ["SYSPRO has 42.00 ZAR in 3 records for invoice, and had 30.00 ZAR in 2 records when it was signed"]);
        assert_eq!(otherwise(&signed, &now, |_, block| block != "header"), Vec::<String>::new(), "not compared this time");
        assert_eq!(otherwise(&signed, &now[..1], |_, block| block == "lines").len(), 2, "both sides have nothing any more");
    }
}
