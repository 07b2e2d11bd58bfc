//! Maps stored records again and sends them again.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::approval::{Approved, ApprovedRecords};
use super::flow::configured_names;
use super::selection::{self, MOST_NAMED, WrongSelection};
use super::{NeverRead, Refused, Requested, approval};
use crate::domain::approval::ApprovalKind;
use crate::domain::audit::AuditKind;
use crate::operations::outdated::{self, OutdatedReport};
use crate::operations::resend::{ReplayReport, send_again};
use crate::process::Process;
use crate::store::{ApprovedUse, ConcernedScope, NewAudit, ReplayScope};

/// Keys that a request for approval names.
const NAMED: usize = 3;

/// Selects records.
#[derive(Debug, Clone)]
pub enum Which {
    /// The records of a scope; a scope without a limit contains all.
    Scope(ReplayScope),
    /// Records that were mapped under another definition than the one in force; of these, only the differences from what was sent.
    Outdated {
        /// The flows, by company and entity.
        scope: ReplayScope,
        /// Sends up to this many records, regardless of `flows.change_limit`.
        allow: Option<i64>,
        /// The approval of a second person: only the records that it is for are sent.
        approval: Option<ApprovedUse>,
    },
}

/// A selection as a person states it.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The limits; `keys` is not used.
    pub scope: ReplayScope,
    /// Only these records; `None`: every record within the limits.
    pub keys: Option<Vec<String>>,
    /// All records within the limits, also without any limit.
    pub all: bool,
    /// Records that were mapped under another definition than the one in force.
    pub outdated: bool,
    /// With `outdated`: sends up to this many records, regardless of `flows.change_limit`.
    pub allow: Option<i64>,
}

impl Which {
    /// The selection of a request: limited in some way, or explicitly all.
    ///
    /// # Errors
    /// [`Refused::Selection`], [`Refused::Everything`], [`Refused::EmptyPeriod`], [`Refused::OutdatedAndMore`].
    pub fn of(Selection { scope, keys, all, outdated, allow }: Selection) -> Result<Self, Refused> {
        let ReplayScope { company, entity, key, reason, text, cause, .. } = &scope;
        let texts = [("company", company), ("entity", entity), ("key", key), ("reason", reason), ("text", text), ("cause", cause)];
        // an empty name or list must not mean all records
        if let Some((name, _)) = texts.into_iter().find(|(_, text)| text.as_deref() == Some("")) {
            return Err(WrongSelection::Empty(name).into());
        }
        if keys.as_ref().is_some_and(Vec::is_empty) {
            return Err(WrongSelection::NoKeys.into());
        }
        let keys = keys.unwrap_or_default();
        selection::storable(texts.into_iter().filter_map(|(_, text)| text.as_ref()).chain(&keys))?;
        reason.as_deref().map_or(Ok(()), selection::reason)?;
        if keys.len() > MOST_NAMED {
            return Err(WrongSelection::TooManyKeys(keys.len()).into());
        }
        if !keys.is_empty() && (company.is_none() || entity.is_none()) {
            return Err(WrongSelection::KeysOfNoFlow.into());
        }
        selection::allowed(allow, outdated)?;
        let scope = ReplayScope { keys, ..scope };
        if outdated {
            let beyond_flows = ReplayScope { company: None, entity: None, ..scope.clone() };
            if all || beyond_flows.is_limited() {
                return Err(Refused::OutdatedAndMore);
            }
            return Ok(Self::Outdated { scope, allow, approval: None });
        }
        if let (Some(since), Some(until)) = (scope.since, scope.until)
            && since >= until
        {
            return Err(Refused::EmptyPeriod { since: shown(since), until: shown(until) });
        }
        // `all` together with a limit means all within the limit
        if all || scope.is_limited() { Ok(Self::Scope(scope)) } else { Err(Refused::Everything) }
    }

    fn scope(&self) -> &ReplayScope {
        match self {
            Self::Scope(scope) | Self::Outdated { scope, .. } => scope,
        }
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Checks the names in the scope, and writes the request to the audit, before anything is done and whatever the result. Only records of
/// configured flows are sent: those of others could not be mapped. Answers the records; where a second person approved them, limited to those of
/// the approval, and what is left of it.
///
/// # Errors
/// [`Refused::UnknownName`], [`Refused::UnknownRun`], [`Refused::Approval`]; an error of the ledger.
pub(super) async fn note(process: &Process, mut which: Which, requested: &Requested) -> Result<(Which, Option<ApprovedRecords>), Refused> {
    let scope = which.scope();
    configured_names(process).check(scope.company.as_deref(), scope.entity.as_deref())?;
    if let Some(run) = scope.run
        && process.store.run_find(run).await?.is_none()
    {
        return Err(Refused::UnknownRun(run.to_string()));
    }
    let (outdated, allow) = match &which {
        Which::Scope(_) => (false, None),
        Which::Outdated { allow, .. } => (true, *allow),
    };
    let mut detail = json!({ "action": "replay", "why": requested.why, "company": scope.company, "entity": scope.entity, "key": scope.key, "run": scope.run, "failed_only": scope.failed_only, "since": scope.since, "until": scope.until, "reason": scope.reason, "text": scope.text, "cause": scope.cause, "keys": scope.keys, "outdated": outdated, "allow": allow });
    let (used, records) = approved(process, &which, requested).await?.map(|Approved { used, records }| (used, records)).unzip();
    detail["approval"] = json!(records.map(|records| records.number));
    if let Some(left_out) = records.as_ref().and_then(ApprovedRecords::left_out) {
        detail["left_out"] = json!(left_out);
    }
    let mut row = NewAudit::of(AuditKind::Action).detail(&detail);
    row.actor.clone_from(&requested.by);
    process.store.audit_write(row).await?;
    match &mut which {
        Which::Scope(scope) => scope.approval = used,
        Which::Outdated { approval, .. } => *approval = used,
    }
    Ok((which, records))
}

/// The approval of a second person, where `[approvals]` asks for one.
async fn approved(process: &Process, which: &Which, requested: &Requested) -> Result<Option<Approved>, Refused> {
    match which {
        Which::Scope(scope) => {
            let companies = process.settings.syspro.companies.iter().map(ToString::to_string).collect();
            let subject = format!("send again: {}", in_words(scope));
            // the same stored content gives other records under other definitions
            let parameters = format!("{scope:?} {}", process.definitions.view().hash);
            let records = ConcernedScope::Named { scope: Box::new(scope.clone()), companies };
            approval::require_of_records(process, ApprovalKind::Replay, &subject, &records, &parameters, requested).await
        }
        Which::Outdated { scope, allow, .. } => {
            let of = [scope.company.as_deref(), scope.entity.as_deref()].map(|name| name.unwrap_or("all")).join("/");
            let records = ConcernedScope::Outdated { company: scope.company.clone(), entity: scope.entity.clone() };
            let parameters = process.definitions.view().hash;
            let of_limit = allow.filter(|_| process.settings.approvals.hours_of(ApprovalKind::ChangeLimit).is_some());
            // one request for both: it names the amounts, too
            let (kind, subject) = match of_limit {
                Some(allow) => (ApprovalKind::ChangeLimit, format!("send up to {allow} outdated records of {of} again")),
                None => (ApprovalKind::Replay, format!("send the differences of outdated records of {of} again")),
            };
            approval::require_of_records(process, kind, &subject, &records, &parameters, requested).await
        }
    }
}

/// The limits of a scope.
fn in_words(scope: &ReplayScope) -> String {
    let text = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} `{value}`"));
    let keys = (!scope.keys.is_empty()).then(|| {
        let named: Vec<String> = scope.keys.iter().take(NAMED).map(|key| format!("`{key}`")).collect();
        let more = scope.keys.len().saturating_sub(NAMED);
        if more > 0 { format!("keys {} and {more} more", named.join(", ")) } else { format!("keys {}", named.join(", ")) }
    });
    let limits = [
        text("company", &scope.company),
        text("entity", &scope.entity),
        text("key", &scope.key),
        keys,
        scope.run.map(|run| format!("run {run}")),
        scope.failed_only.then(|| "what failed, waits or is on hold".to_owned()),
        scope.since.map(|since| format!("read since {}", shown(since))),
        scope.until.map(|until| format!("read before {}", shown(until))),
        text("reason", &scope.reason),
        text("text", &scope.text),
        text("cause", &scope.cause),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    if limits.is_empty() { "all records".to_owned() } else { limits.join(", ") }
}

/// Queues the records again; `noted`: as [`note`] answers. `compared` is called with the differences of outdated ones, before any of them is sent.
pub(super) async fn take_in(
    process: &Process,
    (which, approved): (Which, Option<ApprovedRecords>),
    requested: &Requested,
    compared: impl FnOnce(&OutdatedReport),
) -> Result<ReplayReport, Refused> {
    let scope = which.scope();
    let used = match &which {
        Which::Scope(scope) => scope.approval.clone(),
        Which::Outdated { approval, .. } => approval.clone(),
    };
    let named = scope.by_key_alone().map(|key| NeverRead {
        company: scope.company.clone(),
        entity: scope.entity.clone(),
        keys: vec![key.to_owned()],
    });
    let report = match which {
        Which::Scope(scope) => send_again(process, scope, requested).await?,
        Which::Outdated { scope, allow, approval } => {
            let mut report = outdated::compare(process, scope.company.as_deref(), scope.entity.as_deref(), allow).await?;
            compared(&report);
            let taken_in =
                if report.above { ReplayReport::default() } else { outdated::send(process, &mut report, approval, requested).await? };
            ReplayReport { outdated: Some(report), ..taken_in }
        }
    };
    if let Some(used) = used {
        process.store.approval_used(used).await?;
    }
    let report = ReplayReport { approved, ..report };
    match named.filter(|_| report.documents == 0 && report.skipped.is_empty()) {
        Some(records) => Err(records.into()),
        None => Ok(report),
    }
}

/// Queues records again; this process or a running service sends them. `compared` is called with the report's `outdated`, before anything
/// is sent.
///
/// # Errors
/// [`Refused::UnknownName`], [`Refused::UnknownRun`], [`Refused::NeverRead`]; an error of the ledger. What was done before the error stays done, and a repeat is
/// harmless.
pub async fn replay(
    process: &Process,
    which: Which,
    requested: &Requested,
    compared: impl FnOnce(&OutdatedReport),
) -> Result<ReplayReport, Refused> {
    let noted = note(process, which, requested).await?;
    take_in(process, noted, requested, compared).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_flow(keys: Option<Vec<String>>) -> Selection {
        let scope = ReplayScope { company: Some("EDU1".into()), entity: Some("invoice".into()), ..ReplayScope::default() };
        Selection { scope, keys, ..Selection::default() }
    }

    fn wrong(selection: Selection) -> WrongSelection {
        match Which::of(selection) {
            Err(Refused::Selection(wrong)) => wrong,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_selects_nothing_does_not_select_everything() {
        assert!(matches!(Which::of(Selection::default()), Err(Refused::Everything)));
        assert!(Which::of(Selection { all: true, ..Selection::default() }).is_ok());
        let empty = ReplayScope { key: Some(String::new()), ..ReplayScope::default() };
        assert_eq!(wrong(Selection { scope: empty, all: true, ..Selection::default() }), WrongSelection::Empty("key"));
        assert_eq!(wrong(of_flow(Some(Vec::new()))), WrongSelection::NoKeys);
    }

    #[test]
    fn a_period_has_a_length() {
        let day = |text: &str| Some(text.parse().expect("a time"));
        let (early, late) = (day("2026-01-01T00:00:00Z"), day("2026-02-01T00:00:00Z"));
        let period =
            |since, until| Which::of(Selection { scope: ReplayScope { since, until, ..ReplayScope::default() }, ..Selection::default() });
        assert!(period(early, late).is_ok());
        assert!(matches!(period(late, early), Err(Refused::EmptyPeriod { .. })));
        assert!(matches!(period(early, early), Err(Refused::EmptyPeriod { .. })));
    }

    #[test]
    fn records_are_named_within_a_flow_and_up_to_a_limit() {
        let keys = |count| Some(vec!["7".to_owned(); count]);
        assert!(Which::of(of_flow(keys(MOST_NAMED))).is_ok());
        assert_eq!(wrong(of_flow(keys(MOST_NAMED + 1))), WrongSelection::TooManyKeys(MOST_NAMED + 1));
        assert_eq!(wrong(Selection { keys: keys(1), ..Selection::default() }), WrongSelection::KeysOfNoFlow);
        assert_eq!(wrong(of_flow(Some(vec!["a\0".to_owned()]))), WrongSelection::ZeroByte);
    }

    #[test]
    fn a_number_to_send_belongs_to_outdated_records() {
        let allow = |allow, outdated| Selection { allow: Some(allow), outdated, ..Selection::default() };
        assert!(Which::of(allow(0, true)).is_ok());
        assert_eq!(wrong(allow(0, false)), WrongSelection::AllowAlone);
        assert_eq!(wrong(allow(-1, true)), WrongSelection::AllowBeyond);
        let key = ReplayScope { key: Some("7".into()), ..ReplayScope::default() };
        assert!(matches!(Which::of(Selection { scope: key, ..allow(1, true) }), Err(Refused::OutdatedAndMore)));
    }
}
