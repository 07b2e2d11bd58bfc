//! `Tasks`: keeps tasks in ServiceNow for what people must look at.
//!
//! The ledger has which tasks there must be, what ServiceNow has of them, and who works on which, so that a restart loses nothing: a task that
//! was taken and has no result is taken again. Before a task is created, it is searched by its name; where ServiceNow does not keep names, none
//! is created. An attempt without an answer is
//! repeated only when the instance can no longer be working on it. One request at a time is made, so that deliveries keep their speed, and
//! none while ServiceNow has asked for a pause. Runs on the delivery arbiter.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::Instant;
use tracing::{info, warn};

use super::servicenow_token::TokenClient;
use crate::config::settings::{ServiceNowSettings, TaskSettings};
use crate::domain::chain;
use crate::domain::task::TaskState;
use crate::process::Process;
use crate::process::permission::Permission;
use crate::retry::{self, Backoff};
use crate::servicenow::{ServiceNow, ServiceNowError, TaskThere, TaskWritten};
use crate::store::{Store, TaskResult, TaskRow, TaskRules, TaskSeen};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::labels::TaskOutcome;
use crate::telemetry::metrics::metrics;

/// Time between two looks at what needs a task.
const EVERY: Duration = Duration::from_secs(5);
/// The time between two looks is at least so many times as long as a look takes.
const SHARE: u32 = 20;
/// Requests for one task: a search or a read, and a write.
const REQUESTS: u32 = 2;
/// Time for the ledger within the time for which a task is taken.
const MARGIN: Duration = Duration::from_secs(5);
/// Tasks whose rows are read at once.
const PAGE: i64 = 100;

/// What Tasks works with.
#[derive(Clone)]
pub struct TasksParts {
    /// `[tasks]`
    pub settings: TaskSettings,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// The address of the console, for links.
    pub console: Option<String>,
    /// Whether this process waits for something.
    pub permission: Permission,
    /// The ledger.
    pub store: Store,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for TasksParts {
    fn from(process: &Process) -> Self {
        let console = process.settings.notices.public_url.as_ref().map(|url| format!("{}/", url.as_str().trim_end_matches('/')));
        Self {
            settings: process.settings.tasks.clone(),
            backoff: process.settings.retry.backoff,
            console,
            permission: process.permission(),
            store: process.store.clone(),
            stopping: process.stopping.clone(),
            crash: process.crash.clone(),
        }
    }
}

/// Keeps tasks.
pub struct Tasks {
    work: Work,
}

/// Reminder. Looks, and sets the next reminder.
#[derive(Message)]
#[rtype(result = "()")]
struct LookDue;

impl Tasks {
    /// At rest.
    pub fn new(parts: TasksParts, servicenow: ServiceNow, tokens: TokenClient) -> Self {
        Self { work: Work { parts, servicenow, tokens, names_checked: Rc::default(), nameless: Rc::default() } }
    }
}

impl Actor for Tasks {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.notify_later(LookDue, EVERY);
    }
}

impl Supervised for Tasks {}

impl Handler<LookDue> for Tasks {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: LookDue, _: &mut Self::Context) -> Self::Result {
        let work = self.work.clone();
        // set after the work, so that looks never overlap
        Box::pin(async move { work.run().await }.into_actor(self).map(|wait, _, ctx| {
            ctx.notify_later(LookDue, wait);
        }))
    }
}

#[derive(Clone)]
struct Work {
    parts: TasksParts,
    servicenow: ServiceNow,
    tokens: TokenClient,
    /// Whether nothing speaks against names, as far as the instance shows it.
    names_checked: Rc<Cell<bool>>,
    /// Why no task may be created.
    nameless: Rc<RefCell<Option<String>>>,
}

impl Work {
    /// One look; answers when the next one is due.
    async fn run(&self) -> Duration {
        // after a restore of the ledger, it does not know yet which tasks there are
        if self.parts.permission.is_waiting() {
            return EVERY;
        }
        let began = Instant::now();
        let settings = &self.parts.settings;
        let (together_above, most, console) = (settings.together_above, settings.most, self.parts.console.clone());
        match self.parts.store.task_collect(TaskRules { together_above, most, console }).await {
            Ok(collected) => metrics().service.set_tasks_left_out(collected.left_out),
            Err(error) => warn!(error = %chain(&error), "what needs a task could not be found; Tieline retries"),
        }
        let wait = (began.elapsed() * SHARE).max(EVERY);
        if let Err(error) = self.send().await {
            warn!(error, "tasks could not be sent; Tieline retries");
        }
        wait
    }

    async fn send(&self) -> Result<(), String> {
        let store = &self.parts.store;
        // the pause is for all requests
        if !store.sending_paused().await.map_err(|error| chain(&error))?.is_empty() {
            return Ok(());
        }
        self.check().await?;
        // before the first one is created, because it costs several requests; `doctor` does it as well
        if !self.names_checked.get() && self.has_due().await? {
            let nameless = self.servicenow.task_nameless(&self.tokens, &self.parts.settings).await;
            self.names_checked.set(nameless.is_none());
            self.nameless.replace(nameless);
        }
        let servicenow = self.servicenow.settings();
        let (longest, quota) = (servicenow.connection.longest(), servicenow.request_quota);
        while !self.parts.stopping.has_begun() {
            let until = Instant::now() + longest * REQUESTS + MARGIN;
            let taken = store.task_take(longest * REQUESTS + MARGIN + quota, self.parts.settings.check).await;
            let Some(task) = taken.map_err(|error| chain(&error))? else { break };
            self.parts.crash.at("tasks:before_send", &task.subject);
            let (result, outcome, goes_on) = self.one(&task, until, servicenow).await;
            self.parts.crash.at("tasks:after_send", &task.subject);
            metrics().service.task_sent(outcome);
            match &result {
                TaskResult::Failed(error, _) | TaskResult::Unnamed { error, .. } => {
                    warn!(task = task.subject, error, "a task could not be written; Tieline retries")
                }
                done => info!(task = task.subject, number = task.number, ?done, "a task was written"),
            }
            store.task_settle(task, result).await.map_err(|error| chain(&error))?;
            if !goes_on {
                break;
            }
        }
        let counts = store.task_counts().await.map_err(|error| chain(&error))?;
        metrics().service.set_tasks(&counts.states, counts.failing);
        Ok(())
    }

    async fn has_due(&self) -> Result<bool, String> {
        let counts = self.parts.store.task_counts().await.map_err(|error| chain(&error))?;
        Ok(counts.states.iter().any(|(state, tasks)| *state == TaskState::Due && *tasks > 0))
    }

    /// Looks whether somebody closed tasks in ServiceNow, or opened them again.
    async fn check(&self) -> Result<(), String> {
        let store = &self.parts.store;
        let due = store.task_to_check(self.parts.settings.check, PAGE).await.map_err(|error| chain(&error))?;
        if due.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = due.iter().map(|(_, sys_id)| sys_id.as_str()).collect();
        let found = self.servicenow.task_read(&self.tokens, &self.parts.settings, &ids).await.map_err(|error| error.chain())?;
        let seen = |sys_id: &str| match found.get(sys_id) {
            Some(task) if task.closed => TaskSeen::Closed,
            Some(_) => TaskSeen::Open,
            None => TaskSeen::Missing,
        };
        let seen = due.iter().map(|(id, sys_id)| (*id, seen(sys_id))).collect();
        store.task_seen(seen).await.map_err(|error| chain(&error))
    }

    /// Does what is due for one task. The last value: whether another task may be tried after it.
    async fn one(&self, task: &TaskRow, until: Instant, settings: &ServiceNowSettings) -> (TaskResult, TaskOutcome, bool) {
        let client = self.servicenow.leased_until(until, Rc::new(|| true));
        let done = Written { client, work: self, task };
        match done.write().await {
            Ok(Done::Settled(result)) => {
                let outcome = match &result {
                    TaskResult::Written { created: true, .. } => TaskOutcome::Created,
                    TaskResult::Written { .. } => TaskOutcome::Updated,
                    TaskResult::Closed { .. } | TaskResult::Missing => TaskOutcome::Closed,
                    TaskResult::Unnamed { .. } | TaskResult::Failed(..) => TaskOutcome::Failed,
                };
                (result, outcome, true)
            }
            // the next attempt looks whether it was done, when the instance can no longer be working on it
            Ok(Done::Doubt(why)) => (TaskResult::Failed(why, self.wait(task, settings.request_quota)), TaskOutcome::Failed, true),
            Ok(Done::Not(why, asked)) => {
                (TaskResult::Failed(why, self.wait(task, asked.unwrap_or_default())), TaskOutcome::Failed, asked.is_none())
            }
            Err(error) => {
                let wait = self.wait(task, error.retry_after().unwrap_or_default());
                // an error that is not the task's own would be the same for the next one
                (TaskResult::Failed(error.chain(), wait), TaskOutcome::Failed, false)
            }
        }
    }

    /// The time to the next attempt, and at least so long.
    fn wait(&self, task: &TaskRow, least: Duration) -> Duration {
        retry::delay(u32::try_from(task.tries).unwrap_or(1), self.parts.backoff).max(least)
    }
}

/// What an attempt led to.
enum Done {
    Settled(TaskResult),
    Doubt(String),
    Not(String, Option<Duration>),
}

/// A task that is closed there.
fn closed(there: TaskThere) -> Done {
    Done::Settled(TaskResult::Closed { there: Some((there.sys_id, there.number)) })
}

/// The work on one task.
struct Written<'a> {
    client: ServiceNow,
    work: &'a Work,
    task: &'a TaskRow,
}

impl Written<'_> {
    async fn write(&self) -> Result<Done, ServiceNowError> {
        let (task, settings, tokens) = (self.task, &self.work.parts.settings, &self.work.tokens);
        let there = match &task.sys_id {
            Some(sys_id) => match self.client.task_read(tokens, settings, &[sys_id]).await?.remove(sys_id) {
                Some(there) => Some(there),
                None => return Ok(Done::Settled(TaskResult::Missing)),
            },
            // one whose answer was lost, or that an earlier process created
            None => self.client.task_find(tokens, settings, &task.correlation).await?,
        };
        match (task.state, there) {
            (_, Some(there)) if there.closed => Ok(closed(there)),
            (TaskState::Resolving, None) => Ok(Done::Settled(TaskResult::Closed { there: None })),
            (TaskState::Resolving, Some(there)) => self.close(&there).await,
            // one that is there already may have other texts: those of the attempt that created it
            (_, there) => self.put(there).await,
        }
    }

    /// Creates the task, or changes its texts.
    async fn put(&self, there: Option<TaskThere>) -> Result<Done, ServiceNowError> {
        let (task, settings) = (self.task, &self.work.parts.settings);
        let mut fields = vec![(settings.title_field.clone(), task.title.clone()), (settings.text_field.clone(), task.description.clone())];
        if there.as_ref().is_none_or(|there| there.correlation.as_ref() != Some(&task.correlation)) {
            fields.push((settings.correlation_field.clone(), task.correlation.clone()));
        }
        if there.is_none() {
            if let Some(why) = &*self.work.nameless.borrow() {
                return Ok(Done::Not(format!("{why}; until then Tieline creates no task"), None));
            }
            fields.extend(settings.assignment_group.iter().map(|group| ("assignment_group".to_owned(), group.clone())));
            fields.extend(settings.fields.iter().map(|(column, value)| (column.clone(), value.clone())));
        }
        let sys_id = there.as_ref().map(|there| there.sys_id.as_str());
        let created = task.sys_id.is_none();
        Ok(match self.client.task_write(&self.work.tokens, settings, sys_id, &fields).await? {
            TaskWritten::Done(TaskThere { sys_id, number, correlation, .. }) if correlation.as_ref() != Some(&task.correlation) => {
                let error = format!(
                    "ServiceNow did not keep the name of the task in `{}` of `{}`: {}. Until it does, Tieline creates no other task, because it \
                     could not find it again. Correct `tasks.correlation_field`, or the column's length and its access rules",
                    settings.correlation_field,
                    settings.table,
                    correlation.map_or_else(|| "the answer does not show the column".to_owned(), |is| format!("it has `{is}`"))
                );
                Done::Settled(TaskResult::Unnamed { sys_id, number, error, wait: self.work.wait(task, Duration::ZERO) })
            }
            TaskWritten::Done(TaskThere { sys_id, number, .. }) => Done::Settled(TaskResult::Written { sys_id, number, created }),
            TaskWritten::Doubt(why) => Done::Doubt(why.into()),
            TaskWritten::Not { why, retry_after } => Done::Not(why.into(), retry_after),
        })
    }

    async fn close(&self, there: &TaskThere) -> Result<Done, ServiceNowError> {
        let settings = &self.work.parts.settings;
        let mut fields = vec![(settings.state_field.clone(), settings.closed_state.clone())];
        let resolved = self.task.resolved_at.map(|at| at.format(" at %Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
        fields.extend(settings.note_field.iter().map(|column| (column.clone(), format!("Resolved in Tieline{resolved}."))));
        Ok(match self.client.task_write(&self.work.tokens, settings, Some(&there.sys_id), &fields).await? {
            TaskWritten::Done(there) if there.closed => closed(there),
            TaskWritten::Done(_) => Done::Not(
                format!(
                    "ServiceNow answered that it changed the task, and did not store `{}` in `{}`: a rule of the table keeps it open",
                    settings.closed_state, settings.state_field
                ),
                None,
            ),
            TaskWritten::Doubt(why) => Done::Doubt(why.into()),
            TaskWritten::Not { why, retry_after } => Done::Not(why.into(), retry_after),
        })
    }
}
