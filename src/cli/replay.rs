//! `tieline replay`: records are mapped anew from their stored content and sent again.

use std::time::Duration;

use uuid::Uuid;

use super::context::{Checked, Context};
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, sync};
use crate::actors::replay::replay as take_in;
use crate::actors::supervise::RestartPolicy;
use crate::actors::tree::Tree;
use crate::store::ReplayScope;

/// How long running work may take to come to an end.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Which records.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Only this company
    #[arg(long)]
    company: Option<String>,
    /// Only this entity
    #[arg(long)]
    entity: Option<String>,
    /// Only this record
    #[arg(long)]
    key: Option<String>,
    /// Only records that this run read anew
    #[arg(long)]
    run: Option<Uuid>,
    /// Only records of which something is parked
    #[arg(long)]
    failed_only: bool,
    /// Everything there is
    #[arg(long)]
    all: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Only make the records due; a running service, or the next sync, sends them
    #[arg(long)]
    no_send: bool,
}

/// Runs the command.
pub(super) fn replay(global: &Global, args: &ReplayArgs) -> Result<Exit, Failure> {
    let scope = ReplayScope {
        company: args.company.clone(),
        entity: args.entity.clone(),
        key: args.key.clone(),
        run: args.run,
        failed_only: args.failed_only,
    };
    let limited = scope.company.is_some() || scope.entity.is_some() || scope.key.is_some() || scope.run.is_some() || scope.failed_only;
    if !limited && !args.all {
        return Err(Failure::new(
            Exit::Failed,
            "this would send every record again; say which with --company, --entity, --key, --run or --failed-only, or --all if you mean it",
        ));
    }
    let checked = Checked::load(global)?;
    super::start_logging(&checked)?;
    super::block_on(async {
        let context = Context::open(checked).await?;
        let result = run(&context, global, args, scope).await;
        context.close().await;
        result
    })
}

async fn run(context: &Context, global: &Global, args: &ReplayArgs, scope: ReplayScope) -> Result<Exit, Failure> {
    let deps = context.deps();
    let report = take_in(&deps, scope, &sync::user(), Some(args.why.clone())).await?;
    if global.output == OutputForm::Json {
        output::json(&report)?;
    } else {
        output::line(&format!("{} documents are due again.", report.documents))?;
        for skipped in &report.skipped {
            output::line(&format!("left out: {skipped}"))?;
        }
    }
    if args.no_send || report.documents == 0 {
        return Ok(if report.skipped.is_empty() { Exit::Done } else { Exit::Partly });
    }
    let tree = Tree::start(&deps, RestartPolicy::default(), false).map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    // a cycle without flows reads nothing and sends what is due
    let cycle = sync::run_cycle(&deps, &tree, Vec::new()).await;
    tree.stop(STOP_DEADLINE).await;
    let cycle = cycle?;
    sync::print_errors(&cycle);
    let status = context.store.flow_status().await?;
    if global.output == OutputForm::Table {
        for (flow, counts) in deps.progress.all() {
            output::line(&format!("{flow}: sent {}, confirmed {}, parked {}", counts.sent, counts.confirmed, counts.parked))?;
        }
    }
    Ok(sync::exit_code(&cycle, &status))
}
