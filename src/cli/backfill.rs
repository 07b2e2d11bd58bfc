//! `tieline backfill`: reads a period of SYSPRO's history again, beside the polls and without moving their watermark.

use std::time::Duration;

use chrono::NaiveDate;

use super::checked::Checked;
use super::context::Context;
use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::signals::Signals;
use super::words::closed;
use super::{Global, OutputForm, output, sync, who};
use crate::actors::poller::PollError;
use crate::actors::system::ActorSystem;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::ids::BackfillId;
use crate::domain::reason::Reason;
use crate::domain::run::BackfillState;
use crate::operations::{self, backfill::Period};
use crate::process::mode::Mode;
use crate::store::{BackfillFilter, BackfillRow};
use crate::supervision::guard::RestartPolicy;

/// How long running work may take to finish.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// What to read again, or what to do with earlier backfills.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BackfillArgs {
    #[command(subcommand)]
    command: Option<BackfillCommand>,
    /// Only these companies
    #[arg(long = "company", value_name = "COMPANY")]
    companies: Vec<String>,
    /// Only these entities
    #[arg(long = "entity", value_name = "ENTITY")]
    entities: Vec<String>,
    /// The first date, such as 2026-01-31
    #[arg(long, value_name = "DATE")]
    since: Option<NaiveDate>,
    /// The first date that is not read
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// All history
    #[arg(long)]
    all: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", required = true)]
    why: Option<Reason>,
    /// Only queue it for a running service
    #[arg(long)]
    no_wait: bool,
}

impl BackfillArgs {
    fn period(&self) -> Period {
        let (companies, entities) = (self.companies.clone(), self.entities.clone());
        Period { companies, entities, since: self.since, until: self.until, all: self.all }
    }
}

/// The commands for backfills.
#[derive(Debug, clap::Subcommand)]
pub(super) enum BackfillCommand {
    /// Lists backfills, the newest first
    List {
        /// Only this state
        #[arg(long, value_parser = closed::<BackfillState>(BackfillState::WORDS.iter().copied()))]
        state: Option<BackfillState>,
        /// At most this number
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
    },
    /// Cancels a backfill; what it has read stays
    Cancel {
        /// Its number
        id: BackfillId,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        why: Reason,
    },
}

/// Runs the command.
pub(super) fn backfill(global: &Global, args: &BackfillArgs) -> Result<Exit, Failure> {
    match &args.command {
        Some(BackfillCommand::List { state, limit }) => with_ledger(global, async |context| {
            let filter = BackfillFilter { state: *state, limit: *limit, ..BackfillFilter::default() };
            print(global, &context.store.backfill_list(filter).await?)?;
            Ok(Exit::Done)
        }),
        Some(BackfillCommand::Cancel { id, why }) => with_ledger(global, async |context| {
            let row = operations::backfill::cancel(&context.process(), *id, who::requested(why)).await?;
            print(global, &[row]).map(|()| Exit::Done)
        }),
        None => start(global, args),
    }
}

fn start(global: &Global, args: &BackfillArgs) -> Result<Exit, Failure> {
    args.period().check()?;
    let checked = Checked::load(global)?;
    sync::check_names(&checked, &args.companies, &args.entities)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let mut signals = Signals::listen();
        let context = Context::open(checked).await?;
        let result = run(&context, global, args, &mut signals).await;
        context.close().await;
        result
    })
}

async fn run(context: &Context, global: &Global, args: &BackfillArgs, signals: &mut Signals) -> Result<Exit, Failure> {
    // a backfill that is only queued is read with the definitions of the service
    let process = if args.no_wait { context.process() } else { context.working_process().await? };
    // clap has already required a reason
    let Some(why) = &args.why else { return Err(Failure::new(Exit::Usage, "no reason is given; say why with --why")) };
    let rows = operations::backfill::ask(&process, args.period(), who::requested(why)).await?;
    let ids: Vec<BackfillId> = rows.iter().map(|row| row.id).collect();
    if args.no_wait {
        output::even_unread(print(global, &rows))?;
        if global.output == OutputForm::Table {
            let alive = context.store.node_list(UNRESPONSIVE_AFTER).await?.iter().any(|node| node.alive);
            let who = if alive { "A running service reads it beside its polls" } else { "No service is running; the next one reads it" };
            output::even_unread(output::line(&format!("{who}. `tieline backfill list` shows its progress.")))?;
        }
        return Ok(Exit::Done);
    }
    let system = ActorSystem::start(&process, RestartPolicy::default(), Mode::Command)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let last =
        operations::backfill::read(&process, &ids, async |flows| sync::execute_run_set(&process, &system, flows, None, signals).await)
            .await;
    system.stop(STOP_DEADLINE).await;
    let last = last?;
    let status = context.flow_status().await?;
    let rows = context.store.backfill_list(BackfillFilter { ids, limit: i64::MAX, ..BackfillFilter::default() }).await?;
    output::even_unread(print(global, &rows))?;
    let held = last.flows.iter().filter_map(|(_, result)| result.as_ref().err()).any(|error| matches!(error, PollError::Held { .. }));
    sync::print_errors(&last);
    if held {
        output::complaint("another node holds a flow; a running service continues its backfill");
    }
    sync::say_why(&status);
    Ok(sync::exit_code(&last, &status))
}

fn print(global: &Global, rows: &[BackfillRow]) -> Result<(), Failure> {
    if global.output == OutputForm::Json {
        return output::json(&rows);
    }
    if rows.is_empty() {
        return output::line("No backfills yet.");
    }
    let date = |date: Option<NaiveDate>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
    let headers = ["id", "company", "entity", "since", "until", "state", "read", "new", "changed", "unchanged", "asked by", "error"];
    let lines = rows.iter().map(|row| {
        let numbers = [row.read, row.new, row.changed, row.unchanged];
        [row.id.to_string(), row.company.clone(), row.entity.clone(), date(row.since), date(row.until), row.state.to_string()]
            .into_iter()
            .chain(numbers.iter().map(ToString::to_string))
            .chain([row.requested_by.clone(), row.error.clone().unwrap_or_default()])
            .collect()
    });
    output::line(&output::table(&headers, &[0, 6, 7, 8, 9], lines))
}
