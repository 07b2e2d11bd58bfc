//! `tieline flow pause|resume|forget`.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output;
use super::who::requested;
use super::{Global, OutputForm};
use crate::domain::FlowId;
use crate::domain::reason::Reason;
use crate::domain::word::Names;
use crate::operations::flow::SmallerTables;
use crate::operations::{self, Interface, Refused};
use crate::store::{FlowAction, FlowStatus, Undelivered};

/// What to do with a flow.
#[derive(Debug, clap::Subcommand)]
pub enum FlowCommand {
    /// Stops reading the flow until it is resumed; what is queued is still sent
    Pause(FlowArgs),
    /// Resumes a flow that a person paused or that Tieline stopped
    Resume(ResumeArgs),
    /// Forgets flows that are no longer configured; their records stay as history
    Forget(ForgetArgs),
}

/// Which flows to forget, and why.
#[derive(Debug, clap::Args)]
pub struct ForgetArgs {
    /// The company
    company: String,
    /// The entity; without one, every flow of the company that is no longer configured
    entity: Option<String>,
    /// Drop its records that are queued, waiting, failed or on hold; if the flow comes back, they are sent again
    #[arg(long)]
    drop_pending: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// Which flow, and why.
#[derive(Debug, clap::Args)]
pub struct FlowArgs {
    /// The company
    company: String,
    /// The entity
    entity: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// The resume of a flow.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    flow: FlowArgs,
    /// SYSPRO really has so few rows: accept it until the next whole read has ended
    #[arg(long)]
    accept_smaller: bool,
}

/// Pauses or resumes.
pub(super) fn flow(global: &Global, command: &FlowCommand) -> Result<Exit, Failure> {
    let (args, action, smaller) = match command {
        FlowCommand::Pause(args) => (args, FlowAction::Pause, SmallerTables::Fault),
        FlowCommand::Resume(ResumeArgs { flow, accept_smaller }) => (flow, FlowAction::Resume, SmallerTables::accepted(*accept_smaller)),
        FlowCommand::Forget(args) => return forget(global, args),
    };
    with_ledger(global, async |context| {
        let flow = FlowId::new(args.company.as_str(), args.entity.as_str());
        super::sync::check_names(&context.checked, std::slice::from_ref(&args.company), std::slice::from_ref(&args.entity))?;
        let (deps, requested) = (context.deps(), requested(&args.why));
        let before = match action {
            FlowAction::Pause => operations::flow::pause(&deps, flow.clone(), requested).await?,
            FlowAction::Resume => operations::flow::resume(&deps, flow.clone(), smaller, requested).await?,
        };
        let text = before.said(&flow, action);
        if global.output == OutputForm::Json {
            let changed = before.changes(action);
            output::json(
                &serde_json::json!({ "flow": flow, "paused": action.pauses(), "changed": changed, "running_on": before.running_on, "text": text }),
            )?;
        } else {
            output::line(&text)?;
        }
        Ok(Exit::Done)
    })
}

/// Forgets flows one by one; a flow that cannot be forgotten does not stop the others.
fn forget(global: &Global, args: &ForgetArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let all = context.flow_status().await?;
        let named = |row: &&FlowStatus| row.company == args.company && args.entity.as_ref().is_none_or(|entity| *entity == row.entity);
        let chosen: Vec<&FlowStatus> = all.iter().filter(named).collect();
        let name = format!("{}{}", args.company, args.entity.as_ref().map(|entity| format!("/{entity}")).unwrap_or_default());
        if chosen.is_empty() {
            let names = Names {
                companies: all.iter().map(|row| row.company.clone()).collect(),
                entities: all.iter().map(|row| row.entity.clone()).collect(),
            };
            names.check(Some(&args.company), args.entity.as_deref()).map_err(|unknown| Failure::new(Exit::Usage, unknown.to_string()))?;
            return Err(Failure::new(Exit::Failed, format!("the ledger has no flow {name}; `tieline status` lists them")));
        }
        if chosen.iter().all(|row| row.configured) {
            let text = format!(
                "{name} is configured, and would be made again; take the company out of `syspro.companies`, or the entity out of the definitions, first"
            );
            return Err(Failure::new(Exit::Failed, text));
        }
        let undelivered = if args.drop_pending { Undelivered::Drop } else { Undelivered::Keep };
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        for row in chosen.into_iter().filter(|row| !row.configured) {
            let flow = FlowId::new(row.company.as_str(), row.entity.as_str());
            match operations::flow::forget(&context.deps(), flow, undelivered, requested(&args.why)).await {
                Ok(forgotten) => done.push(forgotten),
                Err(Refused::Ledger(error)) => return Err(error.into()),
                Err(why) => refused.push((why.what(), why.next_step(Interface::Cli))),
            }
        }
        if global.output == OutputForm::Json {
            output::json(&serde_json::json!({ "forgotten": done, "refused": refused.iter().map(|(what, _)| what).collect::<Vec<_>>() }))?;
        } else {
            for gone in &done {
                output::line(&gone.to_string())?;
            }
        }
        for (what, step) in &refused {
            output::complaint(&format!("{what}: {step}"));
        }
        Ok(if refused.is_empty() { Exit::Done } else { Exit::Failed })
    })
}
