//! The close of a fiscal period: its states, its steps, and what suspends a signature. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::money::amount_in;

/// A fiscal period of a company: a year and a period of it, or a year without periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiscalPeriod(i32);

/// The most periods of a year.
const PERIODS: i32 = 99;

impl FiscalPeriod {
    /// Of a year and a period; `None` if the ledger has no number for it.
    pub fn of(year: i32, period: Option<i32>) -> Option<Self> {
        let period = period.unwrap_or(0);
        ((1..=9999).contains(&year) && (0..=PERIODS).contains(&period)).then(|| Self(year * 100 + period))
    }

    /// By its number in the ledger: year * 100 + period.
    pub fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Its number in the ledger.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.0 / 100
    }

    /// The period; `None`: a year without periods.
    pub fn period(self) -> Option<i32> {
        Some(self.0 % 100).filter(|period| *period > 0)
    }

    /// For an address: `2026-03`.
    pub fn in_path(self) -> String {
        self.to_string().replace('/', "-")
    }
}

impl fmt::Display for FiscalPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&super::tie_out::period_text(Some(self.year()), self.period()))
    }
}

impl Serialize for FiscalPeriod {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no fiscal period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fiscal period; write the year and the period, such as `2026/03` or `2026-03`")]
pub struct NoPeriod(pub String);

impl FromStr for FiscalPeriod {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten();
        let parsed = match text.trim().split_once(['/', '-']) {
            Some((year, period)) => {
                number(year).zip(number(period).filter(|period| *period > 0)).and_then(|(year, period)| Self::of(year, Some(period)))
            }
            None => number(text.trim()).and_then(|year| Self::of(year, None)),
        };
        parsed.ok_or_else(|| NoPeriod(text.to_owned()))
    }
}

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

/// The person behind a name of the audit: the same key from another address is the same person.
pub fn person(actor: &str) -> &str {
    match actor.strip_prefix("key ").and_then(|rest| rest.rsplit_once(" from ")) {
        Some((key, _)) => &actor[.."key ".len() + key.len()],
        None => actor,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tie_out::Verdict;
    use super::*;

    #[test]
    fn a_period_is_read_as_it_is_written() {
        for text in ["2026/03", "2026-03", " 2026/3 "] {
            assert_eq!(text.parse::<FiscalPeriod>().map(|period| (period.number(), period.to_string())), Ok((202_603, "2026/03".into())));
        }
        let year: FiscalPeriod = "2026".parse().expect("a year");
        assert_eq!((year.year(), year.period(), year.to_string(), year.in_path()), (2026, None, "2026".into(), "2026".into()));
        assert_eq!(FiscalPeriod::of(2026, Some(13)).map(|period| period.in_path()), Some("2026-13".into()));
        for wrong in ["", "March", "2026/", "2026/0", "2026/100", "0/1", "+2026/03", "2026/03/01"] {
            assert_eq!(wrong.parse::<FiscalPeriod>(), Err(NoPeriod(wrong.to_owned())));
        }
    }

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
    fn one_key_is_one_person_from_whatever_address() {
        assert_eq!(person("key close from 10.0.0.7"), "key close");
        assert_eq!(person("key a from b from 10.0.0.7"), "key a from b");
        assert_eq!(person("key close"), "key close");
        assert_eq!(person("user anna"), "user anna");
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
