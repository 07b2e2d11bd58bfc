//! Why a period was not closed, and what to do.

use chrono::NaiveDate;

use crate::domain::calendar::EndFrom;
use crate::domain::close::{CloseState, CloseStep};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::operations::{Class, Interface};

/// Why a step of a close was not made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseRefused {
    /// There is nothing of such a period.
    NoPeriod {
        /// The company.
        company: String,
        /// The period.
        period: FiscalPeriod,
    },
    /// The step does not follow the period's state.
    State {
        /// The company.
        company: String,
        /// The period.
        period: FiscalPeriod,
        /// The step.
        step: CloseStep,
        /// The state.
        state: CloseState,
    },
    /// The period has not ended.
    NotEnded {
        /// The period.
        period: FiscalPeriod,
        /// Its last day.
        end: NaiveDate,
        /// Where that comes from.
        from: EndFrom,
    },
    /// No tie-out of the company is done.
    NoTieOut {
        /// The company.
        company: String,
    },
    /// The newest tie-out is too old.
    Old {
        /// The company.
        company: String,
        /// The tie-out.
        tie_out: TieOutId,
        /// Its age.
        hours: i64,
        /// The most that is allowed.
        most: u64,
    },
    /// The newest tie-out did not compare everything that has periods.
    NotCompared {
        /// The company.
        company: String,
        /// The tie-out.
        tie_out: TieOutId,
        /// What it did not compare.
        block: String,
        /// Why not.
        why: String,
    },
    /// The newest tie-out has nothing of the period.
    NoSums {
        /// The company.
        company: String,
        /// The period.
        period: FiscalPeriod,
        /// The tie-out.
        tie_out: TieOutId,
    },
    /// The sums of the period are not verified.
    Unverified {
        /// The period.
        period: FiscalPeriod,
        /// The tie-out.
        tie_out: TieOutId,
    },
    /// The period has too many differences to give reasons for them.
    TooMany {
        /// The period.
        period: FiscalPeriod,
        /// The tie-out.
        tie_out: TieOutId,
        /// The most.
        most: i64,
    },
    /// Differences have no reason.
    WithoutReason {
        /// The company.
        company: String,
        /// The period.
        period: FiscalPeriod,
        /// The tie-out.
        tie_out: TieOutId,
        /// How many.
        items: usize,
        /// The number of the first one.
        first: i64,
        /// What the first one is.
        said: String,
    },
    /// A newer tie-out is done by now.
    Newer(TieOutId),
    /// Documents of the period were read after the tie-out had begun.
    Changed {
        /// The period.
        period: FiscalPeriod,
        /// How many.
        documents: i64,
        /// The tie-out.
        tie_out: TieOutId,
    },
    /// The preparer would review what they prepared.
    SamePerson {
        /// The period.
        period: FiscalPeriod,
        /// Who prepared it.
        preparer: String,
    },
    /// The newest tie-out has no such difference for the period.
    NoItem {
        /// The number.
        item: i64,
        /// The period.
        period: FiscalPeriod,
        /// The tie-out.
        tie_out: TieOutId,
    },
}

impl CloseRefused {
    pub(in crate::operations) fn class(&self) -> Class {
        match self {
            Self::NoPeriod { .. } | Self::NoItem { .. } | Self::NoTieOut { .. } => Class::Missing,
            _ => Class::NotNow,
        }
    }

    pub(in crate::operations) fn what(&self) -> String {
        match self {
            Self::NoPeriod { company, period } => format!("nothing is known of period {period} of {company}"),
            Self::State { company, period, step, state } => {
                format!("{period} of {company} is {state}, and cannot be {} in this state", step.text())
            }
            Self::NotEnded { period, end, from } => format!("{period} has not ended: its last day is {end}, by {}", from.text()),
            Self::NoTieOut { company } => format!("there is no tie-out of {company} to base a signature on"),
            Self::Old { company, tie_out, hours, most } => {
                format!("the newest tie-out of {company}, {tie_out}, is {hours} hours old, and a signature needs one of the last {most}")
            }
            Self::NotCompared { company, tie_out, block, why } => {
                format!("the newest tie-out of {company}, {tie_out}, did not compare {block}: {why}")
            }
            Self::NoSums { company, period, tie_out } => format!("tie-out {tie_out} found no record of {company} in {period}"),
            Self::Unverified { period, tie_out } => format!("tie-out {tie_out} could not verify the sums of {period}"),
            Self::TooMany { period, tie_out, most } => {
                format!("tie-out {tie_out} found more than {most} differences for {period}, too many to give a reason for each")
            }
            Self::WithoutReason { period, tie_out, items: 1, first, said, .. } => {
                format!("tie-out {tie_out} is not tied for {period}: difference {first} has no reason ({said})")
            }
            Self::WithoutReason { period, tie_out, items, first, said, .. } => {
                format!("tie-out {tie_out} is not tied for {period}: {items} differences have no reason, the first is {first} ({said})")
            }
            Self::Newer(tie_out) => format!("a newer tie-out, {tie_out}, is done by now"),
            Self::Changed { period, documents, tie_out } => {
                let documents = if *documents == 1 { "1 document was".to_owned() } else { format!("{documents} documents were") };
                format!("{documents} read or moved for {period} after tie-out {tie_out} had begun")
            }
            Self::SamePerson { period, preparer } => {
                format!("{preparer} prepared {period}, and `close.second_person` asks for another person to sign it")
            }
            Self::NoItem { item, period, tie_out } => format!("the newest tie-out, {tie_out}, has no difference {item} for {period}"),
        }
    }

    pub(in crate::operations) fn next_step(&self, on: Interface) -> String {
        let one_of = |http: &str, console: &str, cli: &str| match on {
            Interface::Http => http.to_owned(),
            Interface::Console => console.to_owned(),
            Interface::Cli => cli.to_owned(),
        };
        let tie_out = |company: &str, before: &str| {
            one_of(
                &format!("{before}`POST /api/v1/tie-outs` for the whole of {company}, then repeat"),
                &format!("{before}tie out the whole of {company}, then repeat"),
                &format!("{before}run `tieline tie-out --company {company}`, then repeat"),
            )
        };
        let again = one_of(
            "`POST /api/v1/tie-outs`, then repeat with what it finds",
            "tie out again, then repeat with what it finds",
            "run `tieline tie-out`, then repeat with what it finds",
        );
        match self {
            Self::NoPeriod { company, .. } => one_of(
                &format!("`GET /api/v1/closes?company={company}` lists the periods"),
                "the page *Close* lists the periods",
                &format!("`tieline close status --company {company}` lists the periods"),
            ),
            Self::State { step, state, .. } => match (step, state.next()) {
                (CloseStep::Unlock, _) => "nothing: it is open".to_owned(),
                (_, Some(next)) => format!("{next} it first"),
                (_, None) => "unlock it first, if it must change".to_owned(),
            },
            Self::NotEnded { from: EndFrom::Settings, .. } => "wait until it has ended, or correct `close.period_ends`".to_owned(),
            Self::NotEnded { from: EndFrom::Syspro, .. } => {
                "wait until it has ended; if the day is wrong, correct it in SYSPRO and tie out again, or set it in `close.period_ends`"
                    .to_owned()
            }
            Self::NoTieOut { company } | Self::Old { company, .. } => tie_out(company, ""),
            Self::NotCompared { company, .. } => tie_out(company, "correct that, if it is not a matter of what was asked for; "),
            Self::NoSums { company, .. } => one_of(
                &format!("`GET /api/v1/closes?company={company}` lists the periods that have records"),
                "close a period that has records",
                &format!("`tieline close status --company {company}` lists the periods that have records"),
            ),
            Self::Unverified { tie_out, .. } => one_of(
                &format!("`GET /api/v1/tie-outs/{tie_out}` says why; correct that and tie out again"),
                "see on the page of the tie-out why not; correct that and tie out again",
                &format!("`tieline tie-out show {tie_out}` says why; correct that and tie out again"),
            ),
            Self::TooMany { tie_out, .. } => one_of(
                &format!("`GET /api/v1/tie-outs/{tie_out}/items` lists them; correct their causes and tie out again"),
                "correct their causes and tie out again",
                &format!("`tieline tie-out items {tie_out}` lists them; correct their causes and tie out again"),
            ),
            Self::WithoutReason { company, period, first, .. } => one_of(
                &format!(
                    "correct the cause and tie out again, or give a reason for each: `POST /api/v1/closes/{company}/{}/explain`",
                    period
                ),
                "correct the cause and tie out again, or give a reason for each difference below",
                &format!(
                    "correct the cause and tie out again, or give a reason for each: `tieline close explain --company {company} --period \
                     {period} --item {first} --why …`"
                ),
            ),
            Self::Newer(_) => "repeat: the newer one is used".to_owned(),
            Self::Changed { .. } => again,
            Self::SamePerson { .. } => "let another person sign it".to_owned(),
            Self::NoItem { period, .. } => one_of(
                &format!("`GET /api/v1/closes/COMPANY/{}` lists them", period),
                "load the page again: it lists them",
                &format!("`tieline close status --company … --period {period}` lists them"),
            ),
        }
    }
}
