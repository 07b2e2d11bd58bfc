//! `tieline flow pause|resume`.

use super::Global;
use super::failure::{Exit, Failure};
use super::ledger::with_ledger;
use super::output;
use crate::domain::FlowId;

/// What to do with a flow.
#[derive(Debug, clap::Subcommand)]
pub enum FlowCommand {
    /// Reads it no more until it is resumed; what is due is still sent
    Pause(FlowArgs),
    /// Goes on with a flow that was paused, or that tieline itself stopped
    Resume(ResumeArgs),
}

/// Which flow, and why.
#[derive(Debug, clap::Args)]
pub struct FlowArgs {
    /// The company
    company: String,
    /// The entity
    entity: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    why: String,
}

/// How a flow goes on.
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
    let (args, paused, accept) = match command {
        FlowCommand::Pause(args) => (args, true, false),
        FlowCommand::Resume(ResumeArgs { flow, accept_smaller }) => (flow, false, *accept_smaller),
    };
    with_ledger(global, async |context| {
        let flow = FlowId::new(args.company.as_str(), args.entity.as_str());
        super::sync::check_names(&context.checked, std::slice::from_ref(&args.company), std::slice::from_ref(&args.entity))?;
        if accept {
            context.store.flow_accept_smaller(flow.clone(), super::sync::user(), args.why.clone()).await?;
        }
        context.store.flow_pause(flow.clone(), paused, super::sync::user(), args.why.clone()).await?;
        output::line(&format!("flow {flow} is {}", if paused { "paused" } else { "resumed" }))?;
        Ok(Exit::Done)
    })
}
