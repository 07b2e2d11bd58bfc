//! Why an operation was not done, and what to do, in words for each interface.

use super::approval::ApprovalRefused;
use super::close::CloseRefused;
use super::interface::{Class, Interface};
use super::selection::WrongSelection;
use crate::actors::scheduler::StartRefused;
use crate::domain::ids::{BackfillId, ConflictId};
use crate::domain::run::BackfillState;
use crate::domain::word::Unknown;
use crate::domain::{CompanyId, FlowId};
use crate::store::StoreError;

/// Why an operation was not done. Nothing was changed, unless stated otherwise.
#[derive(Debug)]
pub enum Refused {
    /// A company or an entity that neither the configuration nor the ledger contains.
    UnknownName(Unknown),
    /// There is no flow of this company or this entity.
    NoFlow(Unknown),
    /// The ledger has nothing of such a flow.
    NotInLedger(FlowId),
    /// The flow's entity is not aligned.
    NotAligned(FlowId),
    /// A flow to be forgotten is configured.
    Configured(FlowId),
    /// Every flow of a company, whose flows are to be forgotten, is configured.
    AllConfigured(CompanyId),
    /// A flow to be forgotten is being read.
    BeingRead(FlowId),
    /// The outcome of some parts of records is unknown, in a flow to be forgotten.
    OutcomeUnknown {
        /// The flow.
        flow: FlowId,
        /// How many parts.
        parts: i64,
    },
    /// Records are not delivered, in a flow to be forgotten.
    NotSettled {
        /// The flow.
        flow: FlowId,
        /// How many records.
        records: i64,
    },
    /// The flow is running on a node.
    Running {
        /// The flow.
        flow: FlowId,
        /// The node.
        node: String,
    },
    /// A run cannot start.
    NoRun(StartRefused),
    /// A requested run ended before it started.
    NotBegun(String),
    /// This process has other definitions than those in force.
    OtherDefinitions(String),
    /// The selection of records is wrong.
    Selection(WrongSelection),
    /// A replay of everything was not requested explicitly.
    Everything,
    /// `outdated`, together with more than a flow.
    OutdatedAndMore,
    /// Another replay is running.
    Replaying,
    /// More records differ than may be sent.
    AboveLimit {
        /// The differences, by flow.
        report: String,
        /// The number of records.
        differing: i64,
    },
    /// Records that were never read.
    NeverRead(NeverRead),
    /// There is no such run.
    UnknownRun(String),
    /// A backfill without a period.
    NoPeriod,
    /// A period together with everything.
    PeriodOfAll,
    /// A period that ends before it starts, or where it starts.
    EmptyPeriod {
        /// The first date or time.
        since: String,
        /// The first one after the period.
        until: String,
    },
    /// There is no such entry in the conflict list.
    NoConflict(String),
    /// There is no such backfill.
    NoBackfill(String),
    /// The backfill has ended.
    BackfillEnded {
        /// Its number.
        id: BackfillId,
        /// `done` or `cancelled`.
        state: BackfillState,
    },
    /// None of these entries of the conflict list can be decided.
    NothingToDecide(Vec<ConflictId>),
    /// There is no such tie-out, or none yet.
    NoTieOut(String),
    /// Another tie-out is running.
    TyingOut,
    /// A second person is needed, or cannot answer.
    Approval(Box<ApprovalRefused>),
    /// A step of a close was not made.
    Close(CloseRefused),
    /// Diagnostics are running already.
    DiagnosticsRunning,
    /// The service is stopping.
    Stopping,
    /// The work crashed; what it did stays done.
    Crashed,
    /// No flow can have a forced error.
    NoTestFlow,
    /// Files of the audit could not be written, or do not fit what was signed.
    NotExported(String),
    /// The key that signs the audit was not changed.
    KeyNotChanged(String),
    /// A file could not be written.
    NoFile(String),
    /// SYSPRO could not be read.
    SysproNotRead(String),
    /// Others are looking records up in SYSPRO.
    LookingUp,
    /// The ledger failed.
    Ledger(StoreError),
}

impl Refused {
    /// The kind of the refusal; `None` for an error of the ledger.
    pub fn class(&self) -> Option<Class> {
        Some(match self {
            Self::Selection(wrong) => wrong.class(),
            Self::Approval(refused) => refused.class(),
            Self::Close(refused) => refused.class(),
            Self::Everything | Self::OutdatedAndMore | Self::NoPeriod | Self::PeriodOfAll | Self::EmptyPeriod { .. } => Class::Senseless,
            Self::NoFlow(_)
            | Self::NotInLedger(_)
            | Self::NotAligned(_)
            | Self::NeverRead(_)
            | Self::UnknownRun(_)
            | Self::NoConflict(_)
            | Self::NoBackfill(_)
            | Self::NoTieOut(_)
            | Self::NoTestFlow
            | Self::NothingToDecide(_) => Class::Missing,
            Self::NoRun(StartRefused::Stopping | StartRefused::Unresponsive)
            | Self::Stopping
            | Self::Crashed
            | Self::NoFile(_)
            | Self::SysproNotRead(_)
            | Self::LookingUp
            | Self::NotExported(_)
            | Self::KeyNotChanged(_) => Class::Unavailable,
            Self::Configured(_)
            | Self::AllConfigured(_)
            | Self::BeingRead(_)
            | Self::OutcomeUnknown { .. }
            | Self::NotSettled { .. }
            | Self::Running { .. }
            | Self::NoRun(_)
            | Self::NotBegun(_)
            | Self::OtherDefinitions(_)
            | Self::Replaying
            | Self::TyingOut
            | Self::AboveLimit { .. }
            | Self::BackfillEnded { .. }
            | Self::DiagnosticsRunning => Class::NotNow,
            Self::UnknownName(_) | Self::Ledger(_) => return None,
        })
    }

    /// What was wrong.
    pub fn what(&self) -> String {
        match self {
            Self::UnknownName(unknown) | Self::NoFlow(unknown) => unknown.detail(),
            Self::NotInLedger(flow) => format!("the ledger has no flow {flow}"),
            Self::NotAligned(flow) => format!("there is no aligned flow {flow}"),
            Self::Configured(flow) => format!("flow {flow} is configured, so it would be created again"),
            Self::AllConfigured(company) => format!("every flow of {company} is configured, so it would be created again"),
            Self::BeingRead(flow) => format!("a node is reading flow {flow}: the node's configuration still has it"),
            Self::OutcomeUnknown { flow, parts } => {
                format!("{parts} parts of records of flow {flow} were sent, and their outcome is not known yet")
            }
            Self::NotSettled { flow, records } => format!("{records} records of flow {flow} are queued, waiting, failed or on hold"),
            Self::Running { flow, node } => format!("flow {flow} is running on node `{node}`"),
            Self::NoRun(why) => why.to_string(),
            Self::NotBegun(why) | Self::OtherDefinitions(why) => why.clone(),
            Self::Selection(wrong) => wrong.what(),
            Self::Everything => "this would send every record again".into(),
            Self::OutdatedAndMore => "`outdated` can only be combined with `company` and `entity`".into(),
            Self::Replaying => "a replay is running".into(),
            Self::AboveLimit { report, .. } => report.clone(),
            Self::NeverRead(records) => records.what(),
            Self::UnknownRun(run) => format!("there is no run `{run}`"),
            Self::NoPeriod => "this would read all history again".into(),
            Self::PeriodOfAll => "the request names a period and everything".into(),
            Self::EmptyPeriod { .. } => "the period is empty: it ends before it starts".into(),
            Self::NoConflict(id) => format!("there is no conflict `{id}`"),
            Self::NoBackfill(id) => format!("there is no backfill `{id}`"),
            Self::BackfillEnded { id, state } => format!("backfill {id} is {state} already"),
            Self::NothingToDecide(ids) => {
                let ids = ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
                format!("{ids} cannot be decided: not in the list, closed, or several rows could be meant")
            }
            Self::NoTieOut(id) if id.is_empty() => "there is no tie-out yet".into(),
            Self::NoTieOut(id) => format!("there is no tie-out `{id}`"),
            Self::TyingOut => "another tie-out is running".into(),
            Self::LookingUp => "others are looking records up in SYSPRO at the moment".into(),
            Self::Approval(refused) => refused.what(),
            Self::Close(refused) => refused.what(),
            Self::DiagnosticsRunning => "diagnostics are running".into(),
            Self::Stopping => "the service is stopping; nothing was mapped or sent again".into(),
            Self::Crashed => "the replay crashed; what it has done stays".into(),
            Self::NoTestFlow => {
                "every flow is aligned or reads everything at every run, and an error can only be forced in another one".into()
            }
            Self::NoFile(why) | Self::NotExported(why) | Self::KeyNotChanged(why) => why.clone(),
            Self::SysproNotRead(why) => format!("SYSPRO could not be read: {why}"),
            Self::Ledger(error) => error.to_string(),
        }
    }

    /// What to do, for this interface.
    pub fn next_step(&self, on: Interface) -> String {
        use Interface::{Cli, Console, Http};
        let one_of = |http: &str, console: &str, cli: &str| match on {
            Http => http.to_owned(),
            Console => console.to_owned(),
            Cli => cli.to_owned(),
        };
        match self {
            Self::UnknownName(unknown) | Self::NoFlow(unknown) => unknown.next_step(),
            Self::NotInLedger(_) => one_of("`GET /api/v1/flows` lists them", "the overview lists them", "`tieline status` lists them"),
            Self::NotAligned(_) => "its profile file needs a block `[header.align]` (docs/alignment.md)".into(),
            Self::Configured(_) | Self::AllConfigured(_) => {
                "remove its company from `syspro.companies`, or its entity from the definitions, and restart the service".into()
            }
            Self::BeingRead(_) => "change that configuration first, and restart that node".into(),
            Self::OutcomeUnknown { .. } => "wait until a running service has looked them up, then repeat".into(),
            Self::NotSettled { .. } => one_of(
                "let them be delivered, or drop them: \"drop_pending\": true",
                "let them be delivered, or choose to drop them",
                "let them be delivered, or drop them with --drop-pending",
            ),
            Self::Running { .. } | Self::NoRun(StartRefused::Running(_)) => one_of(
                "wait until it has ended; `GET /health/flows` shows its progress",
                "wait until it has ended; the overview shows its progress",
                "wait until it has ended; `tieline status` shows its progress",
            ),
            Self::NoRun(StartRefused::GaveUp { .. }) => "restart the service, and read its log".into(),
            Self::NoRun(StartRefused::OtherDefinitions(_)) => "give this node the files in force, or `tieline definitions adopt`".into(),
            Self::NoRun(StartRefused::Stopping) => "try again when it runs again".into(),
            Self::NoRun(StartRefused::Unresponsive) => "check `/health/ready` and the log".into(),
            Self::NotBegun(_) => one_of(
                "`GET /api/v1/flows` shows the state of the flow; no run was started",
                "the overview shows the state of the flow; no run was started",
                "`tieline status` shows the state of the flow; no run was started",
            ),
            Self::OtherDefinitions(_) => "ask a node that has the definitions in force".into(),
            Self::Selection(wrong) => wrong.next_step(on),
            Self::Everything => one_of(
                "name company, entity, key, run, since, until, reason, text, cause, keys or failed_only, or send \"all\": true",
                "choose fewer of them",
                "say which with --company, --entity, --key, --run, --since, --until, --reason, --text, --failed-only or --outdated, or \
                 --all for every record",
            ),
            Self::OutdatedAndMore => "leave the rest out".into(),
            Self::Replaying => one_of(
                "wait until it has ended; `GET /api/v1/runs` shows it",
                "wait until it has ended; the list of runs shows it",
                "wait until it has ended; `tieline status` shows it",
            ),
            Self::AboveLimit { differing, .. } => one_of(
                &format!("check some of them, then send `\"allow\": {differing}` if the change is intended"),
                &format!("check some of them, then run `tieline replay --outdated --allow {differing}` if the change is intended"),
                &format!("check some of them, then repeat with --allow {differing} if the change is intended"),
            ),
            Self::NeverRead(_) => one_of(
                &format!("{KEYS}; `GET /api/v1/records/COMPANY/ENTITY/KEY` says why a record was never read"),
                &format!("{KEYS}; the page of a record says why it was never read"),
                &format!("{KEYS}; `tieline record COMPANY ENTITY KEY` says why a record was never read"),
            ),
            Self::UnknownRun(_) => one_of(
                "`GET /api/v1/runs` lists them",
                "the list of runs names those there are",
                "`tieline status --output json` and the console show the last runs",
            ),
            Self::NoPeriod => one_of(
                "send `since` (and `until`), or \"all\": true for everything SYSPRO has",
                "choose the first day, or everything that SYSPRO has",
                "name a period with --since and --until, or --all for all history",
            ),
            Self::PeriodOfAll => one_of(
                "leave out `since` and `until`, or `all`",
                "leave the days empty, or do not choose everything",
                "leave out --since and --until, or --all",
            ),
            Self::EmptyPeriod { since, until } => one_of(
                &format!("`until` ({until}) is not part of the period: it must be later than `since` ({since})"),
                "choose a last day that is not before the first day",
                &format!("--until ({until}) is not part of the period: it must be later than --since ({since})"),
            ),
            Self::NoConflict(_) => one_of(
                "`GET /api/v1/conflicts` lists them",
                "the list of conflicts names those there are",
                "`tieline conflicts list` lists them",
            ),
            Self::NoBackfill(_) => one_of(
                "`GET /api/v1/backfills` lists them",
                "open the list of backfills and choose one",
                "`tieline backfill list` lists them",
            ),
            Self::BackfillEnded { .. } => "there is nothing left to cancel".into(),
            Self::NothingToDecide(_) => one_of(
                "`GET /api/v1/conflicts` lists the open entries",
                "load the page again: it lists the open entries",
                "see `tieline conflicts list`",
            ),
            Self::NoTieOut(id) if id.is_empty() => one_of(
                "`POST /api/v1/tie-outs` starts one",
                "start one with the form on the page of tie-outs",
                "`tieline tie-out --why …` starts one",
            ),
            Self::NoTieOut(_) => {
                one_of("`GET /api/v1/tie-outs` lists them", "the page of tie-outs lists them", "`tieline tie-out list` lists them")
            }
            Self::TyingOut => one_of(
                "wait until it has ended; `GET /api/v1/tie-outs` shows it",
                "wait until it has ended; the page of tie-outs shows it",
                "wait until it has ended; `tieline tie-out list` shows it",
            ),
            Self::Approval(refused) => refused.next_step(on),
            Self::Close(refused) => refused.next_step(on),
            Self::DiagnosticsRunning => one_of(
                "wait until it has ended; `GET /api/v1/doctor` shows its progress",
                "wait until it has ended; the page shows its progress",
                "wait until it has ended",
            ),
            Self::Stopping => "repeat the request when the service runs; repeating it is safe".into(),
            Self::Crashed => "repeat it; repeating it is safe".into(),
            Self::NoTestFlow => "configure a flow that is not aligned and reads changes by date, such as invoices".into(),
            Self::NotExported(_) => "free the directory for it, and run `tieline audit verify`: it names what does not fit".into(),
            Self::KeyNotChanged(_) => "wait until then, and repeat the command; repeating it is safe".into(),
            Self::LookingUp => "try again in a moment".into(),
            Self::SysproNotRead(_) => one_of(
                "correct what it names and try again; `POST /api/v1/doctor` tests the connection",
                "correct what it names and try again; the page Doctor tests the connection",
                "correct what it names and try again; `tieline doctor` tests the connection",
            ),
            Self::NoFile(_) => "try again; if it fails again, read the log of the service".into(),
            Self::Ledger(_) => String::new(),
        }
    }
}

/// Records that were never read, by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeverRead {
    /// The company, if one was named.
    pub company: Option<String>,
    /// The entity, if one was named.
    pub entity: Option<String>,
    /// The keys, at least one.
    pub keys: Vec<String>,
}

/// Keys that a message names.
const NAMED: usize = 3;

impl NeverRead {
    /// Records of a flow.
    pub fn of(flow: &FlowId, keys: Vec<String>) -> Self {
        Self { company: Some(flow.company.to_string()), entity: Some(flow.entity.to_string()), keys }
    }

    fn what(&self) -> String {
        let mut keys = self.keys.iter().take(NAMED).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        if self.keys.len() > NAMED {
            keys.push_str(&format!(" and {} more", self.keys.len() - NAMED));
        }
        let records = match (&self.company, &self.entity) {
            (Some(company), Some(entity)) => format!("{company}/{entity} {keys}"),
            (Some(company), None) => format!("record {keys} of company {company}"),
            (None, Some(entity)) => format!("{entity} {keys}"),
            (None, None) => format!("record {keys}"),
        };
        format!("{records} {} never read from SYSPRO", if self.keys.len() == 1 { "was" } else { "were" })
    }
}

/// How to write a key.
const KEYS: &str = "write a key as SYSPRO stores it, with leading zeros and capitals, and join its parts with `/`";

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error)
    }
}

impl From<NeverRead> for Refused {
    fn from(records: NeverRead) -> Self {
        Self::NeverRead(records)
    }
}

impl From<ApprovalRefused> for Refused {
    fn from(refused: ApprovalRefused) -> Self {
        Self::Approval(Box::new(refused))
    }
}

impl From<CloseRefused> for Refused {
    fn from(refused: CloseRefused) -> Self {
        Self::Close(refused)
    }
}

impl From<Unknown> for Refused {
    fn from(unknown: Unknown) -> Self {
        Self::UnknownName(unknown)
    }
}

impl From<WrongSelection> for Refused {
    fn from(wrong: WrongSelection) -> Self {
        Self::Selection(wrong)
    }
}

impl From<StartRefused> for Refused {
    fn from(why: StartRefused) -> Self {
        Self::NoRun(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_said_in_the_words_of_whoever_asked() {
        let flow = || FlowId::new("EDU1", "invoice");
        assert_eq!(Refused::NotInLedger(flow()).next_step(Interface::Http), "`GET /api/v1/flows` lists them");
        assert_eq!(Refused::NotInLedger(flow()).next_step(Interface::Console), "the overview lists them");
        assert_eq!(Refused::NotInLedger(flow()).next_step(Interface::Cli), "`tieline status` lists them");
        let period = || Refused::EmptyPeriod { since: "2026-02-01".into(), until: "2026-01-01".into() };
        assert!(!format!("{}{}", period().what(), period().next_step(Interface::Console)).contains("until"), "the form has no such field");
        assert!(period().next_step(Interface::Cli).contains("--until (2026-01-01)"));
        assert_eq!(Refused::NoRun(StartRefused::Running(flow())).class(), Some(Class::NotNow));
        assert_eq!(Refused::NoRun(StartRefused::GaveUp { flow: flow(), cause: "x".into() }).class(), Some(Class::NotNow));
        assert_eq!(Refused::NoRun(StartRefused::Stopping).class(), Some(Class::Unavailable));
    }

    #[test]
    fn records_that_were_never_read_are_named_with_what_is_known_of_them() {
        let what = |company: Option<&str>, entity: Option<&str>, keys: &[&str]| {
            let keys = keys.iter().map(ToString::to_string).collect();
            NeverRead { company: company.map(Into::into), entity: entity.map(Into::into), keys }.what()
        };
        assert_eq!(what(Some("EDU1"), Some("invoice"), &["7"]), "EDU1/invoice `7` was never read from SYSPRO");
        assert_eq!(what(Some("EDU1"), None, &["7"]), "record `7` of company EDU1 was never read from SYSPRO");
        assert_eq!(what(None, Some("invoice"), &["7"]), "invoice `7` was never read from SYSPRO");
        assert_eq!(what(None, None, &["7"]), "record `7` was never read from SYSPRO");
        let five = what(Some("EDU1"), Some("invoice"), &["1", "2", "3", "4", "5"]);
        assert_eq!(five, "EDU1/invoice `1`, `2`, `3` and 2 more were never read from SYSPRO");
    }
}
