//! Maps stored records again and sends them again.

use serde_json::json;

use super::{Refused, Requested, check_names};
use crate::actors::Deps;
use crate::domain::audit::AuditKind;
use crate::operations::outdated::{self, OutdatedReport};
use crate::operations::resend::{ReplayReport, replay as take_in_scope};
use crate::store::{NewAudit, ReplayScope};

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
    },
}

impl Which {
    /// The selection of a request: limited in some way, or explicitly all.
    ///
    /// # Errors
    /// [`Refused::Everything`], [`Refused::OutdatedAndMore`].
    pub fn of(scope: ReplayScope, all: bool, outdated: bool, allow: Option<i64>) -> Result<Self, Refused> {
        if outdated {
            let beyond_flows = ReplayScope { company: None, entity: None, ..scope.clone() };
            if all || beyond_flows.is_limited() {
                return Err(Refused::OutdatedAndMore);
            }
            return Ok(Self::Outdated { scope, allow });
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

/// Checks the names in the scope, and writes the request to the audit, before anything is done and whatever the result.
///
/// # Errors
/// [`Refused::UnknownName`]; an error of the ledger.
pub(super) async fn note(deps: &Deps, which: &Which, requested: &Requested) -> Result<(), Refused> {
    let scope = which.scope();
    check_names(deps, scope.company.as_deref(), scope.entity.as_deref()).await?;
    let (outdated, allow) = match which {
        Which::Scope(_) => (false, None),
        Which::Outdated { allow, .. } => (true, *allow),
    };
    let mut row = NewAudit::of(AuditKind::Action).detail(
        &json!({ "action": "replay", "why": requested.why, "company": scope.company, "entity": scope.entity, "key": scope.key, "run": scope.run, "failed_only": scope.failed_only, "since": scope.since, "until": scope.until, "reason": scope.reason, "text": scope.text, "cause": scope.cause, "keys": scope.keys, "outdated": outdated, "allow": allow }),
    );
    row.actor.clone_from(&requested.by);
    Ok(deps.store.audit_write(row).await?)
}

/// Queues the records again. `compared` is called with the differences of outdated ones, before any of them is sent.
pub(super) async fn take_in(
    deps: &Deps,
    which: Which,
    requested: &Requested,
    compared: impl FnOnce(&OutdatedReport),
) -> Result<ReplayReport, Refused> {
    let (by, why) = (requested.by.as_str(), requested.why.as_str());
    let named = which.scope().by_key_alone().map(str::to_owned);
    let report = match which {
        Which::Scope(scope) => take_in_scope(deps, scope, by, Some(why.to_owned())).await?,
        Which::Outdated { scope, allow } => {
            let mut report = outdated::compare(deps, scope.company.as_deref(), scope.entity.as_deref(), allow).await?;
            compared(&report);
            let taken_in = if report.above { ReplayReport::default() } else { outdated::send(deps, &mut report, by, why).await? };
            ReplayReport { outdated: Some(report), ..taken_in }
        }
    };
    match named.filter(|_| report.documents == 0 && report.skipped.is_empty()) {
        Some(key) => Err(Refused::NeverRead(key)),
        None => Ok(report),
    }
}

/// Queues records again; this process or a running service sends them. `compared` is called with the report's `outdated`, before anything
/// is sent.
///
/// # Errors
/// [`Refused::UnknownName`], [`Refused::NeverRead`]; an error of the ledger. What was done before the error stays done, and a repeat is
/// harmless.
pub async fn replay(
    deps: &Deps,
    which: Which,
    requested: &Requested,
    compared: impl FnOnce(&OutdatedReport),
) -> Result<ReplayReport, Refused> {
    note(deps, &which, requested).await?;
    take_in(deps, which, requested, compared).await
}
