//! What people see of a close.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::basis::{Basis, Explained};
use super::ends::{Ends, PeriodInSyspro};
use super::refused::CloseRefused;
use crate::domain::calendar::EndFrom;
use crate::domain::close::{CloseState, CloseStep, SignedSum};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::tie_out::Verdict;
use crate::operations::Refused;
use crate::process::Process;
use crate::store::{CloseChangeRow, CloseChanges, CloseStepRow, TieOutItem, TiedPeriod};

/// The most changes of a period that its page lists.
const CHANGES: i64 = 100;

/// What the newest tie-out says about a period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeriodTieOut {
    /// Its number.
    pub tie_out: i64,
    /// As of when it is.
    pub at: DateTime<Utc>,
    /// The worst result of the period's sums.
    pub verdict: Verdict,
    /// Differences that a person must look at.
    pub open_items: i64,
    /// Differences that the next runs end.
    pub timing_items: i64,
}

impl From<&TiedPeriod> for PeriodTieOut {
    fn from(row: &TiedPeriod) -> Self {
        Self { tie_out: row.tie_out.0, at: row.at, verdict: row.verdict, open_items: row.open_items, timing_items: row.timing_items }
    }
}

/// A step of a close.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Signature {
    /// Its number, ascending.
    pub id: i64,
    /// The step.
    pub step: CloseStep,
    /// In which role: `preparer`, `reviewer`, `controller`; empty for a suspension.
    pub role: &'static str,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why; for a suspension, what changed.
    pub why: String,
    /// Whether it counts: it is a signature, and nothing suspended or undid it.
    pub stands: bool,
    /// The tie-out that was signed, or that found the change.
    pub tie_out: Option<i64>,
    /// As of when that is.
    pub tie_out_at: Option<DateTime<Utc>>,
    /// The run that found the change.
    pub run: Option<String>,
    /// The sums that were signed.
    pub sums: Vec<SignedSum>,
    /// The reasons for differences that were signed, as JSON.
    #[schema(value_type = Vec<Object>)]
    pub reasons: serde_json::Value,
}

impl Signature {
    /// `ended`: the number of the newest step that suspended or undid earlier ones.
    fn of(row: CloseStepRow, ended: i64) -> Self {
        Self {
            id: row.id,
            step: row.step,
            role: row.step.role(),
            by: row.actor,
            at: row.at,
            why: row.why,
            stands: row.step.is_signature() && row.id > ended,
            tie_out: row.tie_out_id.map(|id| id.0),
            tie_out_at: row.tie_out_at,
            run: row.run_id.map(|run| run.to_string()),
            sums: serde_json::from_value(row.sums).unwrap_or_default(),
            reasons: row.reasons,
        }
    }
}

/// The close of one period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeriodLine {
    /// The company.
    pub company: String,
    /// The period: `2026-03`.
    #[schema(value_type = String)]
    pub period: FiscalPeriod,
    /// Its last day, if it is known.
    pub ends: Option<NaiveDate>,
    /// Where that comes from.
    pub ends_from: Option<EndFrom>,
    /// What SYSPRO's calendar says of it.
    pub syspro: Option<PeriodInSyspro>,
    /// The state.
    pub state: CloseState,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Whether what arrives for it is held.
    pub frozen: bool,
    /// Records that it holds.
    pub held: i64,
    /// The step that usually follows.
    pub next: Option<CloseStep>,
    /// What the newest tie-out says.
    pub tie_out: Option<PeriodTieOut>,
    /// The newest step of each kind.
    pub steps: Vec<Signature>,
}

/// A difference of a period, and the reason for it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeriodItem {
    /// The difference.
    #[serde(flatten)]
    pub item: TieOutItem,
    /// The reason for it.
    pub reason: Option<String>,
    /// Who gave it.
    pub reason_by: Option<String>,
    /// When.
    pub reason_at: Option<DateTime<Utc>>,
}

impl From<Explained> for PeriodItem {
    fn from(one: Explained) -> Self {
        let (by, at, why) = match one.reason {
            Some((by, at, why)) => (Some(by), Some(at), Some(why)),
            None => (None, None, None),
        };
        Self { item: one.item, reason: why, reason_by: by, reason_at: at }
    }
}

/// A period with all of its steps.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CloseReport {
    /// The period.
    #[serde(flatten)]
    pub line: PeriodLine,
    /// All steps, the oldest first, each with what was signed.
    pub history: Vec<Signature>,
    /// The sums of the newest tie-out.
    pub sums: Vec<SignedSum>,
    /// Its differences, and those without a period.
    pub items: Vec<PeriodItem>,
    /// Why the period cannot be signed now; null: it can.
    pub refused: Option<String>,
    /// What changed in SYSPRO after a signature, the newest first; at most 100.
    pub changes: Vec<CloseChangeRow>,
}

/// The number of the newest step that suspended or undid earlier ones.
fn ended(steps: &[CloseStepRow]) -> i64 {
    let ends = steps.iter().filter(|row| matches!(row.step, CloseStep::Suspend | CloseStep::Unlock));
    ends.map(|row| row.id).max().unwrap_or(0)
}

/// The periods of a company, or of all, in order.
pub(super) async fn lines(process: &Process, company: Option<&str>) -> Result<Vec<PeriodLine>, Refused> {
    let (store, of) = (&process.store, company.map(str::to_owned));
    let (rows, tied) = (store.close_periods(of.clone()).await?, store.close_tied(of.clone()).await?);
    let (steps, held) = (store.close_newest_steps(of).await?, store.close_held().await?);
    let mut lines: BTreeMap<(String, FiscalPeriod), PeriodLine> = BTreeMap::new();
    let ends = Ends::read(process, company).await?;
    let mut line = |company: &str, period: FiscalPeriod, change: &dyn Fn(&mut PeriodLine)| {
        let fresh = || PeriodLine {
            company: company.to_owned(),
            period,
            ends: ends.of(company, period).map(|end| end.day),
            ends_from: ends.of(company, period).map(|end| end.from),
            syspro: ends.in_syspro(company, period),
            state: CloseState::Open,
            since: None,
            frozen: false,
            held: held.get(&(company.to_owned(), period.number())).copied().unwrap_or(0),
            next: CloseState::Open.next(),
            tie_out: None,
            steps: Vec::new(),
        };
        change(lines.entry((company.to_owned(), period)).or_insert_with(fresh));
    };
    for of in process.settings.syspro.companies.iter().filter(|one| company.is_none_or(|company| company == one.as_str())) {
        for period in ends.periods(of.as_str()) {
            line(of.as_str(), period, &|_| {});
        }
    }
    for row in &tied {
        line(&row.company, FiscalPeriod::from_number(row.number), &|line| line.tie_out = Some(row.into()));
    }
    for row in &rows {
        line(&row.company, FiscalPeriod::from_number(row.number), &|line| {
            (line.state, line.frozen, line.since, line.next) = (row.state, row.frozen, Some(row.since), row.state.next());
        });
    }
    let mut by_period: BTreeMap<(String, i32), Vec<CloseStepRow>> = BTreeMap::new();
    for row in steps {
        by_period.entry((row.company.clone(), row.number)).or_default().push(row);
    }
    for ((company, number), mut steps) in by_period {
        steps.sort_by_key(|row| row.id);
        let ended = ended(&steps);
        let steps: Vec<Signature> = steps.into_iter().map(|row| Signature::of(row, ended)).collect();
        line(&company, FiscalPeriod::from_number(number), &|line| line.steps.clone_from(&steps));
    }
    Ok(lines.into_values().collect())
}

/// All of one period.
pub(super) async fn report(process: &Process, line: PeriodLine) -> Result<CloseReport, Refused> {
    let steps = process.store.close_steps(line.company.clone(), line.period).await?;
    let ended = ended(&steps);
    let changes = CloseChanges { company: Some(line.company.clone()), period: Some(line.period), before: None, limit: CHANGES };
    let changes = process.store.close_changes(changes).await?;
    let (sums, items, refused) = match Basis::read(process, &line.company, line.period).await {
        Ok(basis) => {
            let refused = basis.signable(process.settings.close.tie_out_age).err().map(|refused| refused.what());
            let sums = basis.buckets.iter().map(|bucket| bucket.signed()).collect();
            (sums, basis.items.into_iter().map(PeriodItem::from).collect(), refused)
        }
        Err(Refused::Close(refused @ CloseRefused::NoTieOut { .. })) => (Vec::new(), Vec::new(), Some(refused.what())),
        Err(refused) => return Err(refused),
    };
    let history = steps.into_iter().map(|row| Signature::of(row, ended)).collect();
    Ok(CloseReport { line, history, sums, items, refused, changes })
}
