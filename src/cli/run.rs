//! `tieline run`: the service.

use std::time::Duration;

use tracing::{info, warn};

use super::Global;
use super::context::{Checked, Context};
use super::failure::{Exit, Failure};
use super::signals::Signals;
use crate::actors::root::RootDoor;
use crate::actors::supervise::RestartPolicy;
use crate::actors::tree::Tree;
use crate::http::{self, Surface};

/// How long running work may take to come to an end after SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// Runs until a signal, or until something fails that all depend on.
pub(super) fn run(global: &Global) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(&checked)?;
    for warning in &checked.loaded.warnings {
        warn!("{warning}");
    }
    super::block_on(async {
        let mut signals = Signals::listen();
        let context = Context::open(checked).await?;
        let result = serve(&context, &mut signals).await;
        context.close().await;
        result
    })
}

pub(super) async fn serve(context: &Context, signals: &mut Signals) -> Result<Exit, Failure> {
    let deps = context.deps();
    let tree = Tree::start(&deps, RestartPolicy::default(), true).map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let surface = Surface::new(deps.clone(), RootDoor::new(tree.root.clone()));
    let server = match http::start(&surface) {
        Ok(server) => server,
        Err(error) => {
            tree.stop(STOP_DEADLINE).await;
            return Err(Failure::new(Exit::Failed, error.to_string()));
        }
    };
    info!(node = deps.node.name, flows = tree.crew.pollers.len(), address = %server.address, "tieline runs");
    notify(sd_notify::NotifyState::Ready);
    let mut fatal = tree.fatal.clone();
    let result = tokio::select! {
        () = signals.next() => Ok(Exit::Done),
        _ = fatal.wait_for(Option::is_some) => {
            let why = tree.fatal.borrow().clone().unwrap_or_default();
            Err(Failure::new(Exit::Failed, why))
        }
    };
    notify(sd_notify::NotifyState::Stopping);
    info!("stopping: what is in hand comes to its end");
    server.stop().await;
    tokio::select! {
        () = tree.stop(STOP_DEADLINE) => {}
        () = signals.next() => warn!("a second signal: stopping at once; what was in hand is looked up at the next start"),
    }
    result
}

/// Tells the service manager, where there is one.
fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "the service manager could not be told");
    }
}
