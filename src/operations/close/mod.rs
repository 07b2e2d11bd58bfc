//! Closes fiscal periods: a preparer and a reviewer sign what a tie-out found, and a lock holds what arrives later.
//!
//! `basis` decides whether a tie-out may be signed. The ledger checks once more, in the transaction of the signature, that nothing newer is
//! there (`store/close/step.rs`), and suspends signatures when something arrives later (`store/close/watch.rs`). `ends` says when a
//! period ends. `files` and `period_files` have the
//! tables of its files.

mod basis;
mod ends;
mod files;
mod period_files;
mod refused;
mod view;

use self::basis::{Basis, Explained};
use self::ends::Ends;
pub use self::ends::PeriodInSyspro;
pub use self::files::CloseFile;
pub use self::period_files::{PeriodPart, period_file};
pub use self::refused::CloseRefused;
pub use self::view::{CloseReport, PeriodItem, PeriodLine, PeriodTieOut, Signature};
use super::{Refused, Requested, approval, check_names};
use crate::domain::approval::ApprovalKind;
use crate::domain::close::{CloseState, CloseStep};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutItemId;
use crate::process::Process;
use crate::store::{CloseChangeRow, CloseChanges, Concerns, Gated, NewCloseReason, NewCloseStep, StepResult};

/// What a step did.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Stepped {
    /// The company.
    pub company: String,
    /// The period.
    #[schema(value_type = String)]
    pub period: FiscalPeriod,
    /// The step.
    pub step: CloseStep,
    /// The state after it.
    pub state: CloseState,
    /// The tie-out that was signed.
    pub tie_out: Option<i64>,
    /// Differences that were signed with a reason.
    pub reasons: usize,
    /// Records of the period that are not delivered and are held from now on.
    pub held: i64,
    /// Records that are no longer held.
    pub released: i64,
}

impl Stepped {
    /// What was done, as a sentence.
    pub fn text(&self) -> String {
        let of = match self.tie_out {
            Some(tie_out) if self.reasons > 0 => format!(", on tie-out {tie_out} with {} reasons for differences", self.reasons),
            Some(tie_out) => format!(", on tie-out {tie_out}"),
            None => String::new(),
        };
        let held = match (self.step, self.held, self.released) {
            (CloseStep::Lock, 0, _) => "; what arrives for it is held".to_owned(),
            (CloseStep::Lock, held, _) => format!("; what arrives for it is held, and {held} records that are not delivered"),
            (_, _, 0) => String::new(),
            (_, _, released) => format!("; {released} records are released"),
        };
        format!("{} of {} is {}{of}{held}", self.period, self.company, self.step.text())
    }
}

/// The periods of a company, or of all, in order.
///
/// # Errors
/// [`Refused::UnknownName`]; an error of the ledger.
pub async fn list(process: &Process, company: Option<&str>) -> Result<Vec<PeriodLine>, Refused> {
    check_names(process, company, None).await?;
    view::lines(process, company).await
}

/// One period: its steps with what was signed, its differences with their reasons, and what changed.
///
/// # Errors
/// [`Refused::UnknownName`], [`CloseRefused::NoPeriod`]; an error of the ledger.
pub async fn one(process: &Process, company: &str, period: FiscalPeriod) -> Result<CloseReport, Refused> {
    check_names(process, Some(company), None).await?;
    let line = view::lines(process, Some(company)).await?.into_iter().find(|line| line.period == period);
    let line = line.ok_or_else(|| no_period(company, period))?;
    view::report(process, line).await
}

fn no_period(company: &str, period: FiscalPeriod) -> Refused {
    CloseRefused::NoPeriod { company: company.to_owned(), period }.into()
}

/// Makes a step: prepare, sign, lock or unlock.
///
/// # Errors
/// [`Refused::UnknownName`], [`Refused::Close`]; an error of the ledger.
pub async fn step(
    process: &Process,
    company: &str,
    period: FiscalPeriod,
    step: CloseStep,
    requested: Requested,
) -> Result<Stepped, Refused> {
    check_names(process, Some(company), None).await?;
    let settings = &process.settings.close;
    let state = state_of(process, company, period).await?;
    // the state first: what is missing of a tie-out does not matter for a step that cannot follow
    if !step.follows(state) {
        return Err(CloseRefused::State { company: company.to_owned(), period, step, state }.into());
    }
    let signed = match step {
        CloseStep::Prepare | CloseStep::Sign => {
            let today = process.store.time().await?.with_timezone(&process.settings.syspro.time_zone).date_naive();
            if let Some(end) = Ends::read(process, Some(company)).await?.of(company, period).filter(|end| end.day >= today) {
                return Err(CloseRefused::NotEnded { period, end: end.day, from: end.from }.into());
            }
            Some(Basis::read(process, company, period).await?.signable(settings.tie_out_age)?)
        }
        CloseStep::Lock | CloseStep::Unlock | CloseStep::Suspend => None,
    };
    let ask = match step {
        CloseStep::Unlock => approval::needed(
            process,
            ApprovalKind::Unlock,
            format!("unlock {company} {period}"),
            format!("fiscal period {period} of {company} is open again, and what it held is sent"),
            Concerns::Period { company: company.to_owned(), period },
            &requested,
        ),
        _ => None,
    };
    let (tie_out, reasons) = signed.as_ref().map_or((None, 0), |basis| (Some(basis.tie_out), count(&basis.reasons)));
    let new = NewCloseStep {
        company: company.to_owned(),
        period,
        step,
        actor: requested.by,
        why: requested.why,
        basis: signed,
        second_person: settings.second_person,
    };
    let result = match ask {
        None => process.store.close_step(new).await?,
        Some(ask) => match process.store.close_step_approved(new, ask).await? {
            Gated::Done(result) => result,
            Gated::Asked(row) => return Err(approval::asked(row)),
        },
    };
    match result {
        StepResult::Done { held, released } => Ok(Stepped {
            company: company.to_owned(),
            period,
            step,
            state: step.leads_to(),
            tie_out: tie_out.map(|id| id.0),
            reasons,
            held,
            released,
        }),
        StepResult::State(state) => Err(CloseRefused::State { company: company.to_owned(), period, step, state }.into()),
        StepResult::Newer(tie_out) => Err(CloseRefused::Newer(tie_out).into()),
        StepResult::Changed(documents) => Err(CloseRefused::Changed { period, documents, tie_out: tie_out.unwrap_or_default() }.into()),
        StepResult::SamePerson(preparer) => Err(CloseRefused::SamePerson { period, preparer }.into()),
    }
}

fn count(reasons: &serde_json::Value) -> usize {
    reasons.as_array().map_or(0, Vec::len)
}

async fn state_of(process: &Process, company: &str, period: FiscalPeriod) -> Result<CloseState, Refused> {
    let rows = process.store.close_periods(Some(company.to_owned())).await?;
    Ok(rows.iter().find(|row| row.number == period.number()).map_or(CloseState::Open, |row| row.state))
}

/// Gives reasons for differences of a period, as the newest tie-out names them.
///
/// # Errors
/// [`Refused::UnknownName`], [`CloseRefused::NoItem`]; an error of the ledger.
pub async fn explain(
    process: &Process,
    company: &str,
    period: FiscalPeriod,
    items: &[TieOutItemId],
    requested: Requested,
) -> Result<usize, Refused> {
    check_names(process, Some(company), None).await?;
    let basis = Basis::read(process, company, period).await?;
    let found = |id: &TieOutItemId| basis.items.iter().find(|one| one.item.id == *id);
    if let Some(missing) = items.iter().find(|id| found(id).is_none()) {
        return Err(CloseRefused::NoItem { item: missing.0, period, tie_out: basis.tie_out.id }.into());
    }
    for Explained { item, .. } in items.iter().filter_map(found) {
        let reason = NewCloseReason {
            company: company.to_owned(),
            period,
            item: item.clone(),
            actor: requested.by.clone(),
            why: requested.why.clone(),
        };
        process.store.close_explain(reason).await?;
    }
    Ok(items.len())
}

/// Documents that changed in SYSPRO for periods that were signed or locked, the newest first.
///
/// # Errors
/// [`Refused::UnknownName`]; an error of the ledger.
pub async fn radar(process: &Process, filter: CloseChanges) -> Result<Vec<CloseChangeRow>, Refused> {
    check_names(process, filter.company.as_deref(), None).await?;
    Ok(process.store.close_changes(filter).await?)
}
