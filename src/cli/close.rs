//! `tieline close`: closes fiscal periods.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output::at;
use super::who::requested;
use super::{Global, OutputForm, output};
use crate::domain::DocumentKey;
use crate::domain::close::{CloseState, CloseStep, SignedSum};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutItemId;
use crate::domain::money::amount_in;
use crate::domain::reason::Reason;
use crate::domain::tie_out::Cause;
use crate::operations::close::{self, CloseReport, PeriodInSyspro, PeriodItem, PeriodLine, Signature};
use crate::store::{CloseChangeRow, CloseChanges};

/// The parts of `close`.
#[derive(Debug, clap::Subcommand)]
pub enum CloseCommand {
    /// Lists the periods with their states; with --company and --period, everything about one
    Status {
        /// Only this company
        #[arg(long, value_name = "COMPANY")]
        company: Option<String>,
        /// This period of the company: 2026-03
        #[arg(long, value_name = "PERIOD", requires = "company")]
        period: Option<FiscalPeriod>,
    },
    /// Signs a period as preparer
    Prepare(CloseArgs),
    /// Signs a prepared period as reviewer
    Sign(CloseArgs),
    /// Makes a signed period final: what arrives for it is held
    Lock(CloseArgs),
    /// Opens a period again, and releases what it held
    Unlock(CloseArgs),
    /// Gives a reason for differences that a tie-out found, so that the period can be signed
    Explain {
        #[command(flatten)]
        period: CloseArgs,
        /// The number of a difference; may be repeated
        #[arg(long = "item", value_name = "N", required = true)]
        items: Vec<TieOutItemId>,
    },
    /// Lists what changed in SYSPRO for periods that were signed or locked, the newest first
    Radar {
        /// Only of this company
        #[arg(long, value_name = "COMPANY")]
        company: Option<String>,
        /// Only of this period
        #[arg(long, value_name = "PERIOD")]
        period: Option<FiscalPeriod>,
        /// At most this number
        #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
    },
}

/// A period, and why.
#[derive(Debug, clap::Args)]
pub struct CloseArgs {
    /// The company
    #[arg(long, value_name = "COMPANY")]
    company: String,
    /// The fiscal period: 2026-03
    #[arg(long, value_name = "PERIOD")]
    period: FiscalPeriod,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// `tieline close`
pub(super) fn close(global: &Global, command: &CloseCommand) -> Result<Exit, Failure> {
    match command {
        CloseCommand::Status { company: Some(company), period: Some(period) } => with_ledger(global, async |context| {
            let report = close::one(&context.process(), company, *period).await?;
            match global.output {
                OutputForm::Json => output::json(&report)?,
                _ => print(&report)?,
            }
            Ok(Exit::Done)
        }),
        CloseCommand::Status { company, .. } => with_ledger(global, async |context| {
            let lines = close::list(&context.process(), company.as_deref()).await?;
            if global.output == OutputForm::Json {
                output::json(&lines)?;
            } else if lines.is_empty() {
                output::line("No period: `tieline tie-out` finds them, or list them in `close.period_ends`.")?;
            } else {
                let headers = ["company", "period", "ends", "by SYSPRO", "state", "since", "tie-out", "result", "open", "held", "by"];
                output::line(&output::table(&headers, &[8, 9], lines.iter().map(line)))?;
            }
            Ok(Exit::Done)
        }),
        CloseCommand::Prepare(args) => step(global, args, CloseStep::Prepare),
        CloseCommand::Sign(args) => step(global, args, CloseStep::Sign),
        CloseCommand::Lock(args) => step(global, args, CloseStep::Lock),
        CloseCommand::Unlock(args) => step(global, args, CloseStep::Unlock),
        CloseCommand::Explain { period: args, items } => with_ledger(global, async |context| {
            let explained = close::explain(&context.process(), &args.company, args.period, items, requested(&args.why)).await?;
            match global.output {
                OutputForm::Json => output::json(&serde_json::json!({ "explained": explained }))?,
                _ => output::line(&format!("{explained} differences of {} have this reason now.", args.period))?,
            }
            Ok(Exit::Done)
        }),
        CloseCommand::Radar { company, period, limit } => with_ledger(global, async |context| {
            let filter = CloseChanges { company: company.clone(), period: *period, before: None, limit: *limit };
            let changes = close::radar(&context.process(), filter).await?;
            if global.output == OutputForm::Json {
                output::json(&changes)?;
            } else if changes.is_empty() {
                output::line("Nothing has changed in SYSPRO for a signed or locked period.")?;
            } else {
                let headers = ["found", "company", "period", "record", "what", "version", "period was", "run"];
                output::line(&output::table(&headers, &[5], changes.iter().map(change)))?;
            }
            Ok(Exit::Done)
        }),
    }
}

fn step(global: &Global, args: &CloseArgs, step: CloseStep) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let stepped = close::step(&context.process(), &args.company, args.period, step, requested(&args.why)).await?;
        match global.output {
            OutputForm::Json => output::json(&stepped)?,
            _ => {
                output::line(&format!("{}.", stepped.text()))?;
                if stepped.released > 0 {
                    output::line("A running service, or the next `tieline sync`, sends what is released.")?;
                }
            }
        }
        Ok(Exit::Done)
    })
}

/// A period in the list.
fn line(line: &PeriodLine) -> Vec<String> {
    let newest = line.steps.last();
    let tie_out = line.tie_out.as_ref();
    vec![
        line.company.clone(),
        line.period.to_string(),
        line.ends.map(|day| day.to_string()).unwrap_or_default(),
        line.syspro.as_ref().map(PeriodInSyspro::text).unwrap_or_default(),
        if line.frozen && line.state != CloseState::Locked { format!("{} (locked)", line.state) } else { line.state.to_string() },
        at(line.since),
        tie_out.map(|one| one.tie_out.to_string()).unwrap_or_default(),
        tie_out.map(|one| one.verdict.to_string()).unwrap_or_default(),
        tie_out.map(|one| one.open_items.to_string()).unwrap_or_default(),
        line.held.to_string(),
        newest.map(|step| step.by.clone()).unwrap_or_default(),
    ]
}

fn change(row: &CloseChangeRow) -> Vec<String> {
    vec![
        at(Some(row.found_at)),
        row.company.clone(),
        FiscalPeriod::from_number(row.number).to_string(),
        format!("{} {}", row.entity, DocumentKey::shown(&row.key)),
        row.kind.text().to_owned(),
        row.version.to_string(),
        row.state.to_string(),
        row.run_id.to_string(),
    ]
}

/// Everything about one period.
fn print(report: &CloseReport) -> Result<(), Failure> {
    let line = &report.line;
    let from = line.ends_from.map(|from| format!(" by {}", from.text())).unwrap_or_default();
    let ends = line.ends.map(|day| format!(", ends {day}{from}")).unwrap_or_default();
    output::line(&format!("{} of {}: {}{ends}.", line.period, line.company, line.state))?;
    if let Some(syspro) = &line.syspro {
        output::line(&format!("In SYSPRO it ends {} and is {}; read {}.", syspro.ends, syspro.text(), at(Some(syspro.read_at))))?;
        if let Some(problem) = &syspro.problem {
            output::line(&format!("SYSPRO's calendar could not be read then: {problem}. What was read before is used."))?;
        }
    } else if line.ends.is_none() {
        output::line("Its last day is not known: a tie-out reads SYSPRO's calendar, and `close.period_ends` overrides it.")?;
    }
    if line.frozen {
        output::line(&format!("It is locked: what arrives for it is held; {} records are held.", line.held))?;
    }
    if let Some(why) = &report.refused {
        output::line(&format!("It cannot be signed now: {why}."))?;
    }
    if !report.sums.is_empty() {
        let headers = ["records", "in", "SYSPRO", "ServiceNow", "rows", "open", "result"];
        let title = line.tie_out.as_ref().map(|one| format!("\nTie-out {}, as of {}:", one.tie_out, at(Some(one.at))));
        output::line(&title.unwrap_or_default())?;
        output::line(&output::table(&headers, &[2, 3, 4, 5], report.sums.iter().map(sum)))?;
    }
    if !report.items.is_empty() {
        output::line("\nDifferences:")?;
        output::line(&output::sentences(&["number", "record", "cause", "differs by", "reason"], report.items.iter().map(item)))?;
    }
    if !report.history.is_empty() {
        output::line("\nSignatures:")?;
        output::line(&output::sentences(&["step", "role", "by", "at", "why", "tie-out", "stands"], report.history.iter().map(signature)))?;
    }
    if !report.changes.is_empty() {
        output::line("\nChanged in SYSPRO after a signature:")?;
        let headers = ["found", "company", "period", "record", "what", "version", "period was", "run"];
        output::line(&output::table(&headers, &[5], report.changes.iter().map(change)))?;
    }
    Ok(())
}

fn sum(sum: &SignedSum) -> Vec<String> {
    let amounts = !sum.currency.is_empty();
    let side = |amount, records: i64| if amounts { amount_in(amount, &sum.currency) } else { records.to_string() };
    vec![
        if sum.block == "header" { sum.entity.clone() } else { format!("{} {}", sum.entity, sum.block) },
        if amounts { sum.currency.clone() } else { "records".to_owned() },
        side(sum.syspro_amount, sum.syspro_records),
        side(sum.servicenow_amount, sum.servicenow_records),
        format!("{}/{}", sum.syspro_records, sum.servicenow_records),
        sum.open_items.to_string(),
        sum.verdict.to_string(),
    ]
}

fn item(one: &PeriodItem) -> Vec<String> {
    let item = &one.item;
    let line = if item.record_key.is_empty() { String::new() } else { format!(" line {}", DocumentKey::shown(&item.record_key)) };
    let amount = item.amount.filter(|amount| !amount.is_zero());
    vec![
        item.id.to_string(),
        format!("{} {}{line}", item.entity, DocumentKey::shown(&item.document_key)),
        item.cause.unwrap_or(Cause::Unexplained).text().to_owned(),
        amount.map(|amount| format!("{} {}", amount_in(amount, &item.currency), item.currency)).unwrap_or_default(),
        match (&one.reason, &one.reason_by) {
            (Some(why), Some(by)) => format!("{why} ({by})"),
            _ => "none yet".to_owned(),
        },
    ]
}

fn signature(one: &Signature) -> Vec<String> {
    vec![
        one.step.text().to_owned(),
        one.role.to_owned(),
        one.by.clone(),
        at(Some(one.at)),
        one.why.clone(),
        one.tie_out.map(|id| id.to_string()).unwrap_or_default(),
        if one.step.is_signature() { (if one.stands { "yes" } else { "no" }).to_owned() } else { String::new() },
    ]
}
