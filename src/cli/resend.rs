//! The common part of the commands that send records again: they send what is queued, wait, and report the results.

use std::time::Duration;

use super::context::Context;
use super::failure::{Exit, Failure};
use super::signals::Signals;
use super::{output, sync};
use crate::actors::scheduler::run_set::RunSetReport;
use crate::actors::system::ActorSystem;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::resent::ResentOutcome;
use crate::operations::resend::Followed;
use crate::process::Process;
use crate::process::mode::Mode;
use crate::store::FlowStatus;
use crate::supervision::guard::RestartPolicy;

/// How long running work may take to finish.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// How long to wait for records that a running service is sending.
const OTHERS_WAIT: Duration = Duration::from_secs(10);

/// The results of records that were sent again.
pub(super) struct Sent {
    /// `None` when there are too many of them.
    pub(super) outcome: Option<ResentOutcome>,
    pub(super) run_set: RunSetReport,
    pub(super) status: Vec<FlowStatus>,
}

/// Sends what is queued, and reads the states of these records after that.
pub(super) async fn send(context: &Context, process: &Process, followed: &Followed) -> Result<Sent, Failure> {
    let system = ActorSystem::start(process, RestartPolicy::default(), Mode::Command)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    // a run set without flows reads nothing and sends what is due
    let mut signals = Signals::listen();
    let run_set = sync::execute_run_set(process, &system, Vec::new(), None, &mut signals).await;
    system.stop(STOP_DEADLINE).await;
    let run_set = run_set?;
    // a service may have claimed some of them before this command did
    let others = process.store.node_list(UNRESPONSIVE_AFTER).await?.iter().any(|node| node.alive);
    let outcome = followed.settle(process, if others { OTHERS_WAIT } else { Duration::ZERO }).await?;
    Ok(Sent { outcome, run_set, status: context.flow_status().await? })
}

impl Sent {
    /// Prints the results of the records, and the reasons why others were not sent.
    pub(super) fn say(&self) -> Result<(), Failure> {
        if let Some(outcome) = &self.outcome {
            output::even_unread(output::line(&outcome.text))?;
        }
        sync::print_errors(&self.run_set);
        sync::say_why(&self.status);
        Ok(())
    }

    /// The reasons why records were not sent.
    pub(super) fn errors(&self) -> Vec<String> {
        self.run_set.write_errors.iter().map(ToString::to_string).collect()
    }

    /// The worst result decides.
    pub(super) fn exit(&self) -> Exit {
        sync::exit_code(&self.run_set, &self.status)
    }
}
