//! Operations that need the running process: starts of runs, replays in the background, diagnostics, queries to SYSPRO.

use std::io::{Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::diagnostics::Diagnostics;
use super::evidence::{self, AskedEvidence};
use super::explain::{Explained, known};
use super::flow::configured;
use super::hold::{Named, release};
use super::preview::{self, Preview, PreviewAsked};
use super::replay::{Which, note, take_in};
use super::tie_out::{self, Begun};
use super::{Refused, Requested};
use crate::actors::handle::ActorsHandle;
use crate::actors::poller::PollError;
use crate::actors::system::Access;
use crate::doctor::job::DiagnosticsRun;
use crate::doctor::one_record::{self, Seen};
use crate::doctor::{CheckScope, DiagnosticsParts};
use crate::domain::FlowId;
use crate::domain::chain;
use crate::domain::ids::RunId;
use crate::domain::resent::ResentOutcome;
use crate::domain::run::RunKind;
use crate::domain::tie_out::Scope;
use crate::operations::resend::ReplayReport;
use crate::process::Process;
use crate::retry;
use crate::store::TieOutRun;
use crate::supervision::stopping::Stopping;

/// How long to wait for the start of a run.
const BEGIN_WAIT: Duration = Duration::from_secs(5);
/// Time between two checks whether it has started.
const BEGIN_CHECK: Duration = Duration::from_millis(50);
/// How long to wait for a replay; then it continues in the background.
const REPLAY_WAIT: Duration = Duration::from_secs(15);
/// How long to wait for the results of records that were sent again.
const OUTCOME_WAIT: Duration = Duration::from_secs(10);
/// Concurrent queries of records in SYSPRO.
const QUESTIONS: usize = 2;
/// How long a preview may take: a person waits.
const PREVIEW_WAIT: Duration = Duration::from_secs(60);
/// Time between two checks whether the service stops.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// Time between two checks whether the scheduled tie-out is due, and between two attempts to begin it.
const SCHEDULE_CHECK: Duration = Duration::from_secs(1);
const SCHEDULE_RETRY: Duration = Duration::from_secs(10);
/// How long a stop waits until the ledger has that a tie-out was interrupted.
const INTERRUPT_WAIT: Duration = Duration::from_secs(3);

/// The running service. A clone is the same one.
#[derive(Clone)]
pub struct Service {
    process: Process,
    actors: ActorsHandle,
    access: Access,
    /// One replay at a time.
    replaying: Arc<Semaphore>,
    /// Held while a tie-out is running.
    tying_out: Arc<Semaphore>,
    /// One diagnostics run at a time, and the last one.
    diagnostics: Diagnostics,
    /// Limits the concurrent queries of records in SYSPRO.
    questions: Arc<Semaphore>,
}

/// A requested run.
#[derive(Debug, Clone)]
pub struct RunStarted {
    /// The flow.
    pub flow: FlowId,
    /// A poll or a sweep.
    pub kind: RunKind,
    /// The run's id.
    pub run: RunId,
    /// Whether it has started. If not, it starts soon.
    pub begun: bool,
}

impl Service {
    /// Over a running actor system. `process`: with the connections for callers; `diagnostics`: with those for diagnostics.
    pub fn new(process: Process, diagnostics: DiagnosticsParts, actors: ActorsHandle, access: Access) -> Self {
        Self {
            diagnostics: Diagnostics::of_service(process.store.clone(), diagnostics, access.clone()),
            process,
            actors,
            access,
            replaying: Arc::new(Semaphore::new(1)),
            tying_out: Arc::new(Semaphore::new(1)),
            questions: Arc::new(Semaphore::new(QUESTIONS)),
        }
    }

    /// Runs a flow now, even a paused one; answers once the run has started.
    ///
    /// # Errors
    /// [`Refused::NoFlow`], [`Refused::Running`], [`Refused::NoRun`], [`Refused::NotBegun`]; an error of the ledger.
    pub async fn run(&self, flow: FlowId, kind: RunKind, requested: Requested) -> Result<RunStarted, Refused> {
        configured(&self.process, &flow)?;
        let status = self.process.store.flow_status().await?;
        let row = status.iter().find(|row| row.company == flow.company.as_str() && row.entity == flow.entity.as_str());
        if let Some(node) = row.and_then(|row| row.holder.clone()) {
            return Err(Refused::Running { flow, node });
        }
        let (run, (told, ended)) = (RunId::fresh(), unbounded_channel());
        // the start of the run and the audit row of its request are one transaction
        let mut ask = super::run::asked(vec![(flow.clone(), kind)], requested.by, Some(requested.why));
        ask.runs.insert(flow.clone(), run);
        ask.ended = Some(told);
        self.actors.run(ask).await?;
        let begun = self.has_begun(run, ended).await?;
        Ok(RunStarted { flow, kind, run, begun })
    }

    async fn has_begun(&self, run: RunId, mut ended: UnboundedReceiver<Option<PollError>>) -> Result<bool, Refused> {
        let ask = async || {
            // checked first: a run that has ended and left no row never started
            let result = ended.try_recv();
            match (self.process.store.run_find(run).await?, result) {
                (Some(_), _) => Ok(true),
                (None, Ok(Some(error))) => Err(Refused::NotBegun(error.to_string())),
                (None, _) => Ok(false),
            }
        };
        // it starts once the service's wait is over, which may take long
        retry::until_late(BEGIN_CHECK, BEGIN_WAIT, ask, |begun| *begun || self.process.waits.why().is_some()).await
    }

    /// Sends records again and waits for the results, within limits; `None`: it continues in the background.
    ///
    /// # Errors
    /// [`Refused::OtherDefinitions`], [`Refused::UnknownName`], [`Refused::UnknownRun`], [`Refused::Replaying`], [`Refused::AboveLimit`],
    /// [`Refused::NeverRead`], [`Refused::Stopping`], [`Refused::Crashed`]; an error of the ledger.
    pub async fn replay(&self, which: Which, requested: Requested) -> Result<Option<ReplayReport>, Refused> {
        if let Some(why) = self.process.definitions.view().complaint() {
            return Err(Refused::OtherDefinitions(why));
        }
        let Ok(permit) = self.replaying.clone().try_acquire_owned() else { return Err(Refused::Replaying) };
        let noted = note(&self.process, which, &requested).await?;
        let (process, actors) = (self.process.clone(), self.actors.clone());
        // a task of its own: when a caller disconnects, the run must still be ended
        let task = actix_rt::spawn(async move {
            let _permit = permit;
            // nothing is mapped before the service's wait is over
            if !process.waits.over(&process.stopping).await {
                tracing::warn!("the service stops; a replay that waited for the check of ServiceNow did not start");
                return Err(Refused::Stopping);
            }
            let result = take_in(&process, noted, &requested, |_| {}).await;
            if let Err(Refused::Ledger(error)) = &result {
                tracing::warn!(error = %chain(error), "a replay did not finish; repeating it is safe");
            }
            actors.nudge_all();
            result
        });
        match tokio::time::timeout(REPLAY_WAIT, task).await {
            Ok(Ok(report)) => {
                let mut report = report?;
                if let Some(outdated) = report.outdated.as_ref().filter(|outdated| outdated.above) {
                    return Err(Refused::AboveLimit { report: outdated.to_string(), differing: outdated.differing() });
                }
                // the replay is done, even if its results cannot be read
                report.outcome = report.followed.settle(&self.process, OUTCOME_WAIT).await.unwrap_or_default();
                Ok(Some(report))
            }
            Ok(Err(_)) => Err(Refused::Crashed),
            Err(_) => Ok(None),
        }
    }

    /// Releases records and waits for the results, within limits; no outcome if there was nothing to send.
    ///
    /// # Errors
    /// As [`release`].
    pub async fn release(&self, flow: FlowId, keys: &[String], requested: Requested) -> Result<(Named, Option<ResentOutcome>), Refused> {
        let (named, followed) = release(&self.process, flow, keys, requested).await?;
        self.actors.nudge_all();
        // only of those that had something to release; an unreadable outcome does not undo the release
        let outcome = match followed.is_empty() {
            true => None,
            false => followed.settle(&self.process, OUTCOME_WAIT).await.unwrap_or_default(),
        };
        Ok((named, outcome))
    }

    /// Has what is due sent now, instead of at the next check.
    pub fn nudge(&self) {
        self.actors.nudge_all();
    }

    /// Begins a tie-out, which is then made in the background.
    ///
    /// # Errors
    /// [`Refused::OtherDefinitions`], [`Refused::UnknownName`], [`Refused::TyingOut`], [`Refused::Stopping`]; an error of the ledger.
    pub async fn tie_out(&self, asked: Scope, requested: Requested) -> Result<TieOutRun, Refused> {
        if let Some(why) = self.process.definitions.view().complaint() {
            return Err(Refused::OtherDefinitions(why));
        }
        let (process, access, tying_out) = (self.process.clone(), self.access.clone(), self.tying_out.clone());
        // a task of its own: when a caller disconnects, what was begun must still be made
        let task = actix_rt::spawn(async move {
            let begun = tie_out::begin(&process, &asked, requested).await?;
            let run = begun.run.clone();
            actix_rt::spawn(make_tie_out(process, access, begun, asked, tying_out));
            Ok(run)
        });
        task.await.unwrap_or(Err(Refused::Stopping))
    }

    /// Writes evidence for an auditor to a file.
    ///
    /// # Errors
    /// As [`evidence::write`].
    pub async fn evidence(&self, asked: AskedEvidence, requested: Requested, to: impl Write + Seek) -> Result<usize, Refused> {
        evidence::write(&self.process, &self.access, &asked, requested, to).await
    }

    /// Makes the tie-outs of `[tie_out] schedule`, until the service stops. A time that passes while the service does not run is not made up.
    pub async fn tie_outs_by_schedule(&self) {
        let Some(schedule) = self.process.settings.tie_out.schedule.clone() else { return };
        let mut due = schedule.next_after(Utc::now());
        while let Some(at) = due {
            // in short steps, because the clock may be set, and the service may stop
            retry::until_true(SCHEDULE_CHECK, async || self.process.stopping.has_begun() || Utc::now() >= at).await;
            let next = schedule.next_after(Utc::now().max(at));
            let over = async || self.process.stopping.has_begun() || next.is_some_and(|next| Utc::now() >= next);
            let made = async || over().await || self.scheduled_tie_out(at).await;
            retry::until_true(SCHEDULE_RETRY, made).await;
            if self.process.stopping.has_begun() {
                return;
            }
            due = next;
        }
    }

    /// Begins the tie-out for a time of the schedule. Answers whether that is settled.
    async fn scheduled_tie_out(&self, at: DateTime<Utc>) -> bool {
        if self.process.waits.why().is_some() || self.process.definitions.view().complaint().is_some() {
            return false;
        }
        let Ok(why) = "the schedule of `[tie_out]`".parse() else { return true };
        match tie_out::begin_scheduled(&self.process, at, Requested::new("tieline", why)).await {
            Ok(Some(begun)) => {
                let (process, access, tying_out) = (self.process.clone(), self.access.clone(), self.tying_out.clone());
                actix_rt::spawn(make_tie_out(process, access, begun, Scope::default(), tying_out));
                true
            }
            Ok(None) => true,
            Err(refused) => {
                tracing::warn!(error = refused.what(), "the scheduled tie-out could not begin; Tieline retries until the next one is due");
                false
            }
        }
    }

    /// Waits until the ledger has that a tie-out was interrupted because the service stops, within limits.
    pub async fn interrupted(&self) {
        if tokio::time::timeout(INTERRUPT_WAIT, self.tying_out.acquire()).await.is_err() {
            tracing::warn!("a tie-out did not stop in time; the next tie-out marks it as failed");
        }
    }

    /// Starts diagnostics of both systems, the ledger and the machine. It continues in the background.
    ///
    /// # Errors
    /// [`Refused::DiagnosticsRunning`]; an error of the ledger.
    pub async fn diagnose(&self, scope: CheckScope, requested: Requested) -> Result<(), Refused> {
        let diagnostics_run = self.diagnostics.begin(scope, requested.by, Some(requested.why)).await?;
        // a task of its own: when a caller disconnects, a test row must still be deleted; the last run keeps an error
        actix_rt::spawn(diagnostics_run);
        Ok(())
    }

    /// The last diagnostics run of this process.
    pub fn diagnostics_run(&self) -> Option<DiagnosticsRun> {
        self.diagnostics.last()
    }

    /// The history of a record. For one that was never read, SYSPRO is queried, unless it is being queried for others.
    ///
    /// # Errors
    /// [`Refused::NoFlow`]; an error of the ledger.
    pub async fn explain(&self, flow: &FlowId, key: &str) -> Result<Explained, Refused> {
        if let Some(view) = known(&self.process, flow, key).await? {
            return Ok(Explained::Known(view));
        }
        let seen = match self.questions.try_acquire() {
            Ok(_permit) => one_record::ask(&self.process, Some(&self.access), flow, key).await,
            Err(_) => Seen::Unknown { why: "others are being looked up at the moment".into() },
        };
        Ok(Explained::NeverRead(seen))
    }

    /// Shows what would be sent of records now, unless others are looked up in SYSPRO at the moment.
    ///
    /// # Errors
    /// [`Refused::LookingUp`], and as [`preview`](preview::preview); [`Refused::SysproNotRead`] also when there is no answer in time.
    pub async fn preview(&self, asked: &PreviewAsked) -> Result<Preview, Refused> {
        let Ok(_permit) = self.questions.try_acquire() else { return Err(Refused::LookingUp) };
        let answer = tokio::time::timeout(PREVIEW_WAIT, preview::preview(&self.process, Some(&self.access), asked)).await;
        answer.unwrap_or_else(|_| Err(Refused::SysproNotRead(format!("both systems did not answer within {} s", PREVIEW_WAIT.as_secs()))))
    }
}

/// Makes a tie-out to its end, or until the service stops.
async fn make_tie_out(process: Process, access: Access, begun: Begun, asked: Scope, tying_out: Arc<Semaphore>) {
    let _permit = tying_out.acquire_owned().await;
    let (of, stopping, id) = (process.clone(), process.stopping.clone(), begun.run.id);
    // a task of its own: its crash must end the tie-out, too
    let mut work = actix_rt::spawn(async move { tie_out::run(&of, &access, begun, &asked).await });
    let ended = tokio::select! {
        made = &mut work => match made {
            Ok(made) => made.map(drop),
            Err(_) => tie_out::interrupted(&process, id, "the work crashed").await,
        },
        () = begins(&stopping) => {
            work.abort();
            tie_out::interrupted(&process, id, "the service stopped").await
        }
    };
    if let Err(refused) = ended {
        tracing::warn!(error = refused.what(), number = %id, "the end of a tie-out could not be stored; run another one");
    }
}

/// Completes when the service begins to stop.
async fn begins(stopping: &Stopping) {
    retry::until_true(STOP_CHECK, async || stopping.has_begun()).await;
}
