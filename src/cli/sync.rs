//! `tieline sync`: one run set in dependency order, then exit.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::{self, Bars};
use super::signals::Signals;
use super::who::user;
use super::{Global, OutputForm, first};
use crate::actors::poller::PollError;
use crate::actors::scheduler::run_set::RunSetReport;
use crate::actors::system::ActorSystem;
use crate::actors::writer::WriteError;
use crate::doctor::disk;
use crate::domain::backlog::Backlog;
use crate::domain::reason::Reason;
use crate::domain::run::{RunCounts, RunKind};
use crate::domain::word::Names;
use crate::domain::{CompanyId, EntityName, FlowId};
use crate::operations::{self, Refused};
use crate::process::Process;
use crate::process::mode::Mode;
use crate::retry::Class;
use crate::store::FlowStatus;
use crate::supervision::guard::RestartPolicy;

/// How long running work may take to finish.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// What to run.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SyncArgs {
    /// Only these entities
    #[arg(long = "entity", value_name = "ENTITY")]
    entities: Vec<String>,
    /// Only these companies
    #[arg(long = "company", value_name = "COMPANY")]
    companies: Vec<String>,
    /// Re-read everything: finds silent edits, and what SYSPRO no longer has
    #[arg(long)]
    sweep: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Option<Reason>,
}

/// The line of one flow in the summary.
#[derive(Debug, Serialize)]
struct FlowLine {
    company: String,
    entity: String,
    /// Counts of this command, in records; `sent` and `confirmed` count parts.
    #[serde(flatten)]
    counts: RunCounts,
    /// Undelivered records of the flow, whichever run read them.
    outstanding: Backlog,
    /// Records that were last mapped under another definition than the one in force.
    outdated: i64,
    error: Option<String>,
}

/// Runs the command.
pub(super) fn sync(global: &Global, args: &SyncArgs) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    let flows = choose(&checked, args)?;
    super::block_on(async {
        let mut signals = Signals::listen();
        let context = Context::open(checked).await?;
        let result = sync_flows(&context, global, flows, args.why.as_ref(), &mut signals).await;
        context.close().await;
        result
    })
}

/// Refuses an unknown company or entity.
pub(super) fn check_names(checked: &Checked, companies: &[String], entities: &[String]) -> Result<(), Failure> {
    let names = Names::of(&checked.settings().syspro.companies, checked.definitions.plans.iter().map(|plan| &plan.entity));
    names.check_all(companies, entities).map_err(|unknown| checked.refused(Refused::NoFlow(unknown)))
}

/// The requested flows; an unknown name is refused.
fn choose(checked: &Checked, args: &SyncArgs) -> Result<Vec<(FlowId, RunKind)>, Failure> {
    check_names(checked, &args.companies, &args.entities)?;
    let companies: BTreeSet<&CompanyId> = checked.settings().syspro.companies.iter().collect();
    let entities: Vec<&EntityName> = checked.definitions.plans.iter().map(|plan| &plan.entity).collect();
    let kind = if args.sweep { RunKind::Sweep } else { RunKind::Poll };
    let wanted = |all: &[String], name: &str| all.is_empty() || all.iter().any(|one| one == name);
    Ok(entities
        .iter()
        .filter(|entity| wanted(&args.entities, entity.as_str()))
        .flat_map(|entity| companies.iter().map(|company| FlowId { company: (*company).clone(), entity: (*entity).clone() }))
        .filter(|flow| wanted(&args.companies, flow.company.as_str()))
        .map(|flow| (flow, kind))
        .collect())
}

async fn sync_flows(
    context: &Context,
    global: &Global,
    flows: Vec<(FlowId, RunKind)>,
    why: Option<&Reason>,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let process = context.working_process().await?;
    operations::other_side::check(&process).await?;
    let system = ActorSystem::start(&process, RestartPolicy::default(), Mode::Command)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let report = execute_run_set(&process, &system, flows, why, signals).await;
    system.stop(STOP_DEADLINE).await;
    let report = report?;
    let status = context.flow_status().await?;
    // the exit code shows the results of the records, whether or not anybody reads the summary
    let awaited = if status.iter().any(|row| row.backlog().waiting > 0) { context.store.parents_awaited().await? } else { Vec::new() };
    let advice = first::advice(&report, &awaited, process.settings.syspro.companies.len());
    output::even_unread(print(global, &process, &report, &status, &advice))?;
    Ok(exit_code(&report, &status))
}

/// Runs one run set with bars. `why`: the person's reason, for the audit of each run.
pub(super) async fn execute_run_set(
    process: &Process,
    system: &ActorSystem,
    flows: Vec<(FlowId, RunKind)>,
    why: Option<&Reason>,
    signals: &mut Signals,
) -> Result<RunSetReport, Failure> {
    let bars = Bars::start(process.progress.clone());
    let mut fatal = system.fatal.clone();
    let report = tokio::select! {
        report = operations::run::run_set(system, flows, user(), why.cloned()) => report.map_err(|_| Failure::new(Exit::Failed, "the run was interrupted; nothing is lost, run it again")),
        _ = fatal.wait_for(Option::is_some) => {
            let why = system.fatal.borrow().clone().map(|fatal| fatal.why).unwrap_or_default();
            Err(Failure::new(Exit::Failed, format!("{why}; nothing is lost, run it again")))
        }
        () = signals.next() => Err(Failure::new(Exit::Failed, "stopped by a signal; nothing is lost, and the next run continues there")),
    };
    bars.finish().await;
    report
}

/// A line for each requested flow, and for each other flow with records that this command delivered or that are not delivered yet. Records of
/// a flow that the configuration no longer contains are not an error, as in `status`.
fn lines(process: &Process, report: &RunSetReport, status: &[FlowStatus]) -> Vec<FlowLine> {
    let backlog = |flow: &FlowId| {
        let row = status.iter().find(|row| row.company == flow.company.as_str() && row.entity == flow.entity.as_str());
        row.map(FlowStatus::backlog).unwrap_or_default()
    };
    let line = |flow: &FlowId, error: Option<String>| FlowLine {
        company: flow.company.to_string(),
        entity: flow.entity.to_string(),
        counts: process.progress.of(flow),
        outstanding: backlog(flow),
        outdated: status.iter().find(|row| row.is_of(flow)).map_or(0, |row| row.outdated),
        error,
    };
    let asked: BTreeSet<&FlowId> = report.flows.iter().map(|(flow, _)| flow).collect();
    let mut all: Vec<FlowLine> =
        report.flows.iter().map(|(flow, result)| line(flow, result.as_ref().err().map(ToString::to_string))).collect();
    let others = status.iter().map(|row| (row.configured, FlowId::new(row.company.as_str(), row.entity.as_str())));
    let others = others.filter(|(_, flow)| !asked.contains(flow)).map(|(made, flow)| (made, line(&flow, None)));
    let told = others.filter(|(made, line)| line.counts.delivered > 0 || (*made && (line.outstanding.total() > 0 || line.outdated > 0)));
    all.extend(told.map(|(_, line)| line));
    all
}

fn print(global: &Global, process: &Process, report: &RunSetReport, status: &[FlowStatus], advice: &[String]) -> Result<(), Failure> {
    let lines = lines(process, report, status);
    let errors: Vec<String> = write_errors(report).map(ToString::to_string).collect();
    if global.output == OutputForm::Json {
        let answer = serde_json::json!({
            "flows": lines, "write_errors": errors, "run_first": advice, "statements": process.store.statements()
        });
        return output::json(&answer);
    }
    let rows = lines.iter().map(|l| {
        let (c, open) = (&l.counts, &l.outstanding);
        let numbers = [c.read, c.new, c.changed, c.deleted, c.delivered, open.moving(), open.waiting, open.on_hold, open.failed];
        [l.company.clone(), l.entity.clone()].into_iter().chain(numbers.iter().map(ToString::to_string)).collect()
    });
    let headers = ["company", "entity", "read", "new", "changed", "gone", "delivered", "in progress", "waiting", "on hold", "failed"];
    let printed = output::line(&output::table(&headers, &[2, 3, 4, 5, 6, 7, 8, 9, 10], rows));
    print_errors(report);
    if let Some(full) = disk::full(&process.settings) {
        output::complaint(&full.to_string());
    }
    say_why(status);
    advice.iter().for_each(|line| output::complaint(line));
    printed
}

/// Why the exit code is 3, if records are the reason.
pub(super) fn say_why(status: &[FlowStatus]) {
    let mut all = Backlog::default();
    for row in status.iter().filter(|row| row.configured) {
        all += row.backlog();
    }
    if let Some(sentence) = FlowStatus::outdated_sentence(status) {
        output::complaint(sentence.trim_end_matches('.'));
    }
    if let Some(sentence) = FlowStatus::conflict_sentence(status) {
        output::complaint(sentence.trim_end_matches('.'));
    }
    if let Some(sentence) = all.not_delivered() {
        output::complaint(&sentence);
    }
}

/// The reasons why flows did not finish, each printed once.
pub(super) fn print_errors(report: &RunSetReport) {
    let mut said = BTreeSet::new();
    let polls = report.flows.iter().filter_map(|(_, result)| result.as_ref().err().map(ToString::to_string));
    let writes = write_errors(report).map(|error| format!("sending stopped: {error}"));
    for error in polls.chain(writes).filter(|error| said.insert(error.clone())) {
        output::complaint(&error);
    }
}

fn write_errors(report: &RunSetReport) -> impl Iterator<Item = &WriteError> {
    let within = report.flows.iter().filter_map(|(_, result)| result.as_ref().ok()?.write_error.as_ref());
    report.write_errors.iter().chain(within)
}

/// The worst result decides.
pub(super) fn exit_code(report: &RunSetReport, status: &[FlowStatus]) -> Exit {
    let polls = || report.flows.iter().filter_map(|(_, result)| result.as_ref().err());
    let unreachable = polls().any(|error| matches!(error, PollError::Syspro { unreachable: true, .. }))
        || write_errors(report).any(|error| matches!(error, WriteError::ServiceNow { class: Class::Transient, .. }));
    if polls().any(|error| matches!(error, PollError::Held { .. })) {
        Exit::Held
    } else if unreachable {
        Exit::Unreachable
    } else if polls().next().is_some() || write_errors(report).next().is_some() {
        Exit::Failed
    } else if status.iter().filter(|row| row.configured).any(|row| row.backlog().total() > 0 || row.outdated > 0 || row.in_conflict > 0) {
        Exit::Partly
    } else {
        Exit::Done
    }
}
