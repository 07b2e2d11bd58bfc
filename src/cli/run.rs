//! `tieline run`: the service.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use super::Global;
use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::reload::Reloader;
use super::signals::Signals;
use crate::actors::system::ActorSystem;
use crate::domain::chain;
use crate::http::{self, AppState, HttpError};
use crate::operations::other_side;
use crate::process::Process;
use crate::process::mode::Mode;
use crate::retry;
use crate::supervision::guard::RestartPolicy;
use crate::supervision::watchdog::Watchdog;

/// How long running work may take to finish after SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How long requests that wait for the first check have to answer that it will not come.
const TO_ANSWER: Duration = Duration::from_secs(1);

/// How often to check whether the ledger is still the one from the start.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The ledger's last row is stored beside it at every n-th check.
const MARK_EVERY: u32 = 5;

/// Requests for approval whose time is over are ended at every n-th check.
const APPROVALS_EVERY: u32 = 30;

/// Whether ServiceNow is still the known instance is checked at every n-th check: once an hour.
const OTHER_SIDE_EVERY: u32 = 3600;

/// Runs until a signal, or until a vital part fails.
pub(super) fn run(global: &Global) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Service)?;
    for warning in &checked.loaded.warnings {
        warn!("{warning}");
    }
    super::block_on(async {
        let mut signals = Signals::listen();
        let context = Context::open(checked).await?;
        let result = serve(&context, &mut signals, Reload::OnChange).await;
        context.close().await;
        if let Err(Failure { exit: Exit::Stuck, text }) = &result {
            super::output::complaint(text);
            // returning would wait for the stuck thread
            std::process::exit(Exit::Stuck as i32);
        }
        result
    })
}

/// What is done about definition files that change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reload {
    /// They are taken up, at SIGHUP too.
    OnChange,
    /// The demo's files do not change.
    #[cfg(feature = "demo")]
    Never,
}

/// Serves until a signal.
pub(super) async fn serve(context: &Context, signals: &mut Signals, reload: Reload) -> Result<Exit, Failure> {
    let process = context.service_process().await?;
    process.waits.begin(other_side::CHECKING);
    let system = ActorSystem::start(&process, RestartPolicy::default(), Mode::Service)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let (actors, loaded) = (system.handle(), Arc::new(context.checked.loaded.clone()));
    let watchdog = system.watchdog.clone();
    let app_state = AppState::new(process.clone(), actors.clone(), system.access(), loaded.clone());
    let server = match http::start(&app_state) {
        Ok(server) => server,
        Err(error) => {
            system.stop(STOP_DEADLINE).await;
            let exit = if matches!(error, HttpError::Bind { .. }) { Exit::Failed } else { Exit::Configuration };
            return Err(Failure::new(exit, chain(&error)));
        }
    };
    let guarded = watchdog.guard_root(process.settings.flows.stuck, |why| {
        error!(why, "the service cannot continue and ends; the service manager restarts it");
        std::process::exit(Exit::Stuck as i32);
    });
    if let Err(error) = guarded {
        warn!(%error, "the thread that watches Root could not be started");
    }
    info!(node = process.node.name, flows = system.recipients.pollers.len(), address = %server.address, "tieline runs");
    notify(sd_notify::NotifyState::Ready);
    if let Some(every) = sd_notify::watchdog_enabled() {
        notify_service_manager(watchdog.clone(), process.settings.flows.stuck, every);
    }
    if let Some(complaint) = process.definitions.view().complaint() {
        error!(complaint, "this node waits");
    }
    // the HTTP server answers from now on, however long ServiceNow takes
    let mut checking = actix_rt::spawn(check_first(process.clone()));
    let reloading = (reload == Reload::OnChange).then(|| actix_rt::spawn(Reloader { process: process.clone(), actors, loaded }.run()));
    let tying_out = actix_rt::spawn(app_state.clone().tie_outs_by_schedule());
    let mut fatal = system.fatal.clone();
    let result = tokio::select! {
        () = signals.next() => Ok(Exit::Done),
        why = witness(context, &process) => Err(Failure::new(Exit::Configuration, why)),
        // without this check nothing would ever start
        Err(_) = &mut checking => Err(Failure::new(Exit::Failed, "the first check of ServiceNow crashed; the service manager starts the service again")),
        _ = fatal.wait_for(Option::is_some) => {
            let fatal = system.fatal.borrow().clone();
            let exit = if fatal.as_ref().is_some_and(|fatal| fatal.stuck) { Exit::Stuck } else { Exit::Failed };
            Err(Failure::new(exit, fatal.map(|fatal| fatal.why).unwrap_or_default()))
        }
    };
    watchdog.dismiss();
    checking.abort();
    tying_out.abort();
    if let Some(reloading) = reloading {
        reloading.abort();
    }
    if let Err(Failure { exit: Exit::Stuck, .. }) = &result {
        // stuck work does not finish; it is looked up at the next start
        return result;
    }
    notify(sd_notify::NotifyState::Stopping);
    info!("stopping: running work is finished first");
    // before the HTTP server stops: it answers requests that wait for the first check
    process.stopping.begin();
    if process.waits.why().is_some() {
        // waiting tasks check again within a tenth of a second, and their answer must still be sent
        tokio::time::sleep(TO_ANSWER).await;
    }
    app_state.interrupted().await;
    server.stop().await;
    tokio::select! {
        () = system.stop(STOP_DEADLINE) => {}
        () = signals.next() => warn!("a second signal: stopping at once; interrupted batches are looked up at the next start"),
    }
    result
}

/// Checks whether ServiceNow was set back, and only then lets anything start.
async fn check_first(process: Process) {
    let check = async || {
        // with other definitions than those in force, nothing starts anyway
        if !process.definitions.is_in_force() {
            return false;
        }
        let checked = other_side::check(&process).await;
        if let Err(error) = &checked {
            warn!(
                error = %chain(error),
                "Tieline could not check whether ServiceNow was restored to an earlier state; no flow starts before that; Tieline retries"
            );
        }
        checked.is_ok()
    };
    retry::until_true(CHECK_EVERY, check).await;
    process.waits.end();
}

/// Stores the ledger's last row beside it, and ends when the ledger was restored while this process ran.
async fn witness(context: &Context, process: &Process) -> String {
    let directory = context.checked.settings().state.directory.clone();
    let mut checks = 0_u32;
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        if let Some(why) = context.store.restored_under() {
            return format!("{why}; start the service again, so that it reads the current ledger");
        }
        checks = checks.wrapping_add(1);
        if checks.is_multiple_of(OTHER_SIDE_EVERY)
            && process.definitions.is_in_force()
            && let Err(error) = other_side::check(process).await
        {
            warn!(error = %chain(&error), "Tieline could not check whether ServiceNow still has the newest delivered records");
        }
        if checks.is_multiple_of(APPROVALS_EVERY)
            && !process.settings.approvals.needed.is_empty()
            && let Err(error) = process.store.approval_expire().await
        {
            warn!(error = %chain(&error), "requests for approval that are too late could not be ended; Tieline retries");
        }
        if checks.is_multiple_of(MARK_EVERY) && context.own_name().is_some() && context.store.trouble().is_none() {
            super::high_water::renew(&context.store, &directory).await;
        }
    }
}

/// Tells the service manager twice per interval that every actor answers. The manager kills a process that stops doing so: the last resort,
/// if not even the thread that would end the process runs. It has its own thread, because a manager that does not read blocks it.
fn notify_service_manager(watchdog: Arc<Watchdog>, stuck: Duration, every: Duration) {
    let tell = move || {
        loop {
            std::thread::sleep(every / 2);
            if watchdog.unresponsive_actors(stuck).is_empty() {
                notify(sd_notify::NotifyState::Watchdog);
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("pulse".into()).spawn(tell) {
        warn!(%error, "no thread could be started to notify the service manager; it will stop the service");
    }
}

/// Notifies the service manager, if there is one.
fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "the service manager could not be notified");
    }
}
