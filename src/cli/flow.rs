//! `tieline flow pause|resume|forget`.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output;
use super::who::requested;
use super::{Global, OutputForm};
use crate::domain::reason::Reason;
use crate::domain::{CompanyId, EntityName, FlowId};
use crate::operations::flow::ForgottenFlows;
use crate::operations::{self, Interface, Refused};
use crate::store::{FlowAction, SmallerTables, Undelivered};

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
    /// Accept that SYSPRO has fewer rows than before, until the next whole read has ended
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
        let (process, requested) = (context.process(), requested(&args.why));
        let before = match action {
            FlowAction::Pause => operations::flow::pause(&process, flow.clone(), requested).await,
            FlowAction::Resume => operations::flow::resume(&process, flow.clone(), smaller, requested).await,
        };
        let before = before.map_err(|refused| context.checked.refused(refused))?;
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

/// Forgets one flow, or every flow of a company that is no longer configured.
fn forget(global: &Global, args: &ForgetArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let (process, requested) = (context.process(), requested(&args.why));
        let undelivered = if args.drop_pending { Undelivered::Drop } else { Undelivered::Keep };
        let entity = args.entity.as_ref().map(EntityName::new);
        let forgotten = operations::flow::forget_all(&process, CompanyId::new(&args.company), entity, undelivered, requested).await?;
        let ForgottenFlows { done, refused } = forgotten;
        if global.output == OutputForm::Json {
            let refused: Vec<String> = refused.iter().map(Refused::what).collect();
            output::json(&serde_json::json!({ "forgotten": done, "refused": refused }))?;
        } else {
            done.iter().try_for_each(|gone| output::line(&gone.to_string()))?;
        }
        for why in &refused {
            output::complaint(&format!("{}: {}", why.what(), why.next_step(Interface::Cli)));
        }
        Ok(if refused.is_empty() { Exit::Done } else { Exit::Failed })
    })
}
