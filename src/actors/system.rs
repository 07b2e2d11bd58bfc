//! The actor system: which actors there are, on which threads, and which actor has whose address.
//!
//! Three arbiters: control (this thread: Root, Scheduler, Node, ServiceNowToken, SysproSession, Notifier, Retention), ingest (Pollers,
//! Mappers, Aligners), delivery (Writer, AuditRecorder, AuditOutside, Downstream, Tasks).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::watch;
use tracing::{info, warn};

use super::aligner::{Aligner, AlignerParts};
use super::audit_outside::{AuditOutside, Outside};
use super::audit_recorder::{AuditRecorder, AuditRecorderParts, Seal};
use super::child::{self, ChildExited, MAILBOX, Supervision, optional, vital};
pub use super::clients::ActorSystemError;
use super::clients::Clients;
use super::downstream::{Downstream, DownstreamParts};
use super::flow_starter::FlowStarter;
use super::handle::ActorsHandle;
use super::mapper::Mapper;
use super::node::{Node, NodeParts};
use super::notifier::{Notifier, NotifierParts};
use super::poller::{Poller, PollerParts};
use super::retention::{Retention, RetentionParts};
use super::root::{Root, RootParts};
use super::scheduler::run_set::{Recipients, RunSetParts};
use super::scheduler::{LOG_WAITING, Scheduler, SchedulerParts};
use super::servicenow_token::{ServiceNowToken, TokenClient};
use super::syspro_session::{EnetClient, LogOff, SysproSession, SysproSessionParts, log_off};
use super::tasks::{Tasks, TasksParts};
use super::writer::{LedgerOwners, Nudge, Quiet, Writer, WriterParts};
use crate::net::HttpClient;
use crate::notice::Sender;
use crate::process::Process;
use crate::process::budget::Budget;
use crate::process::heartbeat::Heartbeat;
use crate::process::in_force::InForce;
use crate::process::mode::Mode;
use crate::servicenow::ServiceNow;
use crate::supervision::guard::{Child, Death, Observer, RestartPolicy, start_on};
use crate::supervision::runtime::runtime;
use crate::supervision::stopping::Stopping;
use crate::supervision::watchdog::{Fatal, Watchdog};
use crate::syspro::enet::EnetTransport;
use crate::telemetry::labels::DeathCause;
use crate::telemetry::metrics::metrics;

crate::answer_ping!(
    Scheduler,
    Node,
    SysproSession,
    ServiceNowToken,
    Mapper,
    Poller,
    Aligner,
    Writer,
    AuditRecorder,
    AuditOutside,
    Downstream,
    Notifier,
    Retention,
    Tasks
);

/// The running actors.
pub struct ActorSystem {
    /// Runs flows.
    pub scheduler: Addr<Scheduler>,
    /// The actors to which a run set sends.
    pub recipients: Recipients,
    /// Seals the audit.
    pub seal: Recipient<Seal>,
    /// Provides tokens.
    pub tokens: TokenClient,
    /// Sends calls to e.net.
    pub enet: EnetClient,
    /// Why the process must end; `None` while it need not.
    pub fatal: watch::Receiver<Option<Fatal>>,
    /// Finds the actors that do not answer.
    pub watchdog: Arc<Watchdog>,
    root: Addr<Root>,
    definitions: InForce,
    nudge: Recipient<Nudge>,
    quiet: Recipient<Quiet>,
    stopping: Stopping,
    log_off: Recipient<LogOff>,
    draining: watch::Sender<bool>,
    arbiters: Vec<Arbiter>,
}

/// Access to both systems as the actors keep it: the token, and the one e.net session.
#[derive(Clone)]
pub struct Access {
    /// Provides tokens.
    pub tokens: TokenClient,
    /// Sends calls to e.net.
    pub enet: EnetClient,
}

impl Access {
    /// The e.net session, for a reader of its own.
    pub fn enet_transport(&self) -> Rc<dyn EnetTransport> {
        Rc::new(self.enet.handle())
    }
}

impl ActorSystem {
    /// Starts every actor. Must be called on a thread that runs an actix system.
    ///
    /// # Errors
    /// [`ActorSystemError`] when a client cannot be made from the settings: a certificate file that cannot be read, for example.
    pub fn start(process: &Process, policy: RestartPolicy, mode: Mode) -> Result<Self, ActorSystemError> {
        let clients = Clients::read(&process.settings)?;
        // each actor system stops by itself
        let process = &Process { stopping: Stopping::default(), ..process.clone() };
        let (heartbeat, budget, watchdog) = (Arc::<Heartbeat>::default(), Arc::<Budget>::default(), Arc::<Watchdog>::default());
        let (draining, drained) = watch::channel(false);
        let (fatal_sender, fatal) = watch::channel(None);
        let (root_sender, root_receiver) = actix::dev::channel::channel(MAILBOX);
        let root: Addr<Root> = Addr::new(root_sender);
        let supervision = Supervision { policy, draining: drained, parent: root.clone().recipient::<ChildExited>(), observer: counted() };
        let control = Arbiter::current();
        let (ingest, delivery) = (Arbiter::with_tokio_rt(runtime), Arbiter::with_tokio_rt(runtime));

        let session_parts = SysproSessionParts::new(process, clients.enet.clone());
        let session = start_on(&control, vital("syspro_session"), &supervision, move |_| SysproSession::new(session_parts));
        let log_off = session.addr.clone().recipient();
        let enet = EnetClient { query: session.addr.clone().recipient(), visit: session.addr.clone().recipient() };
        let token = start_token(&control, process, &clients, &supervision);
        let tokens = TokenClient { get: token.addr.clone().recipient(), refused: token.addr.clone().recipient() };

        let writer = {
            let (parts, heartbeat, budget, tokens) = (WriterParts::from(process), heartbeat.clone(), budget.clone(), tokens.clone());
            let client = clients.servicenow.clone();
            start_on(&delivery.handle(), vital("writer"), &supervision, move |_| {
                let owners = Rc::new(LedgerOwners(parts.store.clone()));
                let servicenow = ServiceNow::over(&parts.settings.servicenow, &client).with_owners(owners);
                Writer::new(parts, heartbeat, budget, servicenow, tokens)
            })
        };
        let recorder = {
            let parts = AuditRecorderParts::from(process);
            start_on(&delivery.handle(), vital("audit_recorder"), &supervision, move |_| AuditRecorder::new(parts))
        };
        let audit = &process.settings.audit;
        let outside = (mode.is_service() && (audit.head.is_some() || audit.timestamp_url.is_some()))
            .then(|| start_outside(&delivery.handle(), process, &clients, &supervision, &tokens));

        let downstream = start_downstream(&delivery.handle(), process, &clients, &supervision, &tokens, mode);
        let told = !crate::notice::channels(&process.settings.notices).is_empty();
        let notifier = told.then(|| start_notifier(&control, process, &clients, &supervision, mode));

        let tasks = (mode.is_service() && process.settings.tasks.enabled)
            .then(|| start_tasks(&delivery.handle(), process, &clients, &supervision, &tokens));
        let retention = mode.is_service().then(|| {
            let parts = RetentionParts::from(process);
            start_on(&control, optional("retention"), &supervision, move |_| Retention::new(parts))
        });

        let mut liveness_checks =
            vec![session.liveness_check(), token.liveness_check(), writer.liveness_check(), recorder.liveness_check()];
        liveness_checks.push(downstream.liveness_check());
        liveness_checks.extend(outside.iter().map(|outside| outside.liveness_check()));
        liveness_checks.extend(notifier.iter().map(|notifier| notifier.liveness_check()));
        liveness_checks.extend(tasks.iter().map(|tasks| tasks.liveness_check()));
        liveness_checks.extend(retention.iter().map(|retention| retention.liveness_check()));
        let starter = FlowStarter {
            settings: process.settings.clone(),
            clients: clients.clone(),
            definitions: process.definitions.clone(),
            poller: PollerParts::from(process),
            aligner: AlignerParts::from(process),
            crash: process.crash.clone(),
            heartbeat: heartbeat.clone(),
            ingest: ingest.handle(),
            supervision: supervision.clone(),
            session: session.addr.clone(),
            writer: writer.addr.clone(),
            tokens: tokens.clone(),
        };
        let started = starter.start_all();
        let recipients = Recipients {
            pollers: started.pollers,
            drain: writer.addr.clone().recipient(),
            // in a service these poll and notify by timer: a slow receiver does not delay a run set
            downstream: (!mode.is_service()).then(|| downstream.addr.recipient()),
            notifier: notifier.filter(|_| !mode.is_service()).map(|notifier| notifier.addr.recipient()),
        };
        let nudge: Recipient<Nudge> = writer.addr.clone().recipient();
        // their state exists nowhere else, or is too old after a wait: the first crash ends the process
        let never_restarted = Supervision { policy: RestartPolicy { limit: 0, ..policy }, ..supervision };
        let parts = SchedulerParts {
            settings: process.settings.clone(),
            definitions: process.definitions.clone(),
            permission: process.permission(),
            run_sets: RunSetParts::from(process),
            recipients: recipients.clone(),
            nudge: nudge.clone(),
            mode,
        };
        let scheduler = start_on(&control, vital("scheduler"), &never_restarted, move |_| Scheduler::new(parts));
        liveness_checks.push(scheduler.liveness_check());
        // a command that runs once sends no heartbeat, and is trusted until its leases end
        let node = mode.is_service().then(|| {
            let parts = NodeParts {
                node: process.node.clone(),
                definitions: process.definitions.clone(),
                permission: process.permission(),
                store: process.store.clone(),
                stopping: process.stopping.clone(),
                heartbeat,
                budget,
                nudge: nudge.clone(),
                backfills: scheduler.addr.clone().recipient(),
            };
            start_on(&control, vital("node"), &never_restarted, move |_| Node::new(parts))
        });
        liveness_checks.extend(node.iter().map(|node| node.liveness_check()));
        let parts = RootParts {
            watchdog: watchdog.clone(),
            stuck: process.settings.flows.stuck,
            scheduler: scheduler.addr.clone(),
            liveness_checks,
            flow_liveness_checks: started.liveness_checks,
            starter: Some(starter),
            fatal: fatal_sender,
            watched: mode.is_service(),
        };
        Context::with_receiver(root_receiver).run(Root::new(parts));
        Ok(Self {
            scheduler: scheduler.addr,
            watchdog,
            root,
            definitions: process.definitions.clone(),
            nudge,
            recipients,
            seal: recorder.addr.recipient(),
            tokens,
            enet,
            fatal,
            quiet: writer.addr.recipient(),
            stopping: process.stopping.clone(),
            log_off,
            draining,
            arbiters: vec![ingest, delivery],
        })
    }

    /// Access to both systems as the actors keep it.
    pub fn access(&self) -> Access {
        Access { tokens: self.tokens.clone(), enet: self.enet.clone() }
    }

    /// Sends requests to the actors from outside.
    pub fn handle(&self) -> ActorsHandle {
        ActorsHandle {
            root: self.root.clone().recipient(),
            scheduler: self.scheduler.clone(),
            nudge: self.nudge.clone(),
            definitions: self.definitions.clone(),
            watchdog: self.watchdog.clone(),
        }
    }

    /// Waits for work in progress to finish, up to a deadline, and stops the threads.
    pub async fn stop(self, deadline: Duration) {
        let _ = self.draining.send(true);
        self.stopping.begin();
        let ending = async {
            let _ = self.root.send(super::root::Stop).await;
            let _ = saying_so("waiting for the batches that ServiceNow has not answered", self.quiet.send(Quiet)).await;
            let _ = self.seal.send(Seal).await;
        };
        if tokio::time::timeout(deadline, ending).await.is_err() {
            warn!(?deadline, "the work in progress did not finish in time; the next start looks up its outcome");
        }
        log_off(&self.log_off, deadline).await;
        for arbiter in self.arbiters {
            arbiter.stop();
        }
    }
}

/// Logs what is waited for as long as this work takes: after a second, and then every 10 s.
async fn saying_so<F: Future>(what: &str, work: F) -> F::Output {
    const AFTER: Duration = Duration::from_secs(1);
    let mut due = tokio::time::interval_at(tokio::time::Instant::now() + AFTER, LOG_WAITING);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = due.tick() => info!("{what}"),
        }
    }
}

/// Counts restarts in the metrics.
fn counted() -> Observer {
    Arc::new(|restart| {
        let cause = match restart.death {
            Death::Panic => DeathCause::Panic,
            Death::Stop => DeathCause::Stop,
        };
        metrics().service.actor_died(restart.child.kind, cause);
    })
}

fn start_token(on: &ArbiterHandle, process: &Process, clients: &Clients, supervision: &Supervision) -> Child<ServiceNowToken> {
    let client = clients.servicenow.clone();
    let (credential_store, settings, crash) =
        (process.credential_store.clone(), process.settings.servicenow.clone(), process.crash.clone());
    start_on(on, child::token("servicenow_token"), supervision, move |_| {
        ServiceNowToken::new(credential_store, settings, HttpClient::of(&client), crash)
    })
}

/// Starts it even where nothing is tracked: new definitions may change that.
fn start_downstream(
    on: &ArbiterHandle,
    process: &Process,
    clients: &Clients,
    supervision: &Supervision,
    tokens: &TokenClient,
    mode: Mode,
) -> Child<Downstream> {
    let (parts, settings, tokens) = (DownstreamParts::from(process), process.settings.clone(), tokens.clone());
    let client = clients.servicenow.clone();
    start_on(on, optional("downstream"), supervision, move |_| {
        let servicenow = ServiceNow::over(&settings.servicenow, &client);
        Downstream::new(parts, servicenow, tokens, mode)
    })
}

fn start_outside(
    on: &ArbiterHandle,
    process: &Process,
    clients: &Clients,
    supervision: &Supervision,
    tokens: &TokenClient,
) -> Child<AuditOutside> {
    let (store, settings, tokens) = (process.store.clone(), process.settings.clone(), tokens.clone());
    let (permission, stopping) = (process.permission(), process.stopping.clone());
    let (servicenow, timestamp) = (clients.servicenow.clone(), clients.timestamp.clone());
    start_on(on, optional("audit_outside"), supervision, move |_| {
        AuditOutside::new(Outside {
            settings: settings.audit.clone(),
            store,
            permission,
            stopping,
            servicenow: ServiceNow::over(&settings.servicenow, &servicenow),
            tokens,
            http: HttpClient::of(&timestamp),
        })
    })
}

fn start_tasks(on: &ArbiterHandle, process: &Process, clients: &Clients, supervision: &Supervision, tokens: &TokenClient) -> Child<Tasks> {
    let (parts, settings, tokens) = (TasksParts::from(process), process.settings.clone(), tokens.clone());
    let client = clients.servicenow.clone();
    start_on(on, optional("tasks"), supervision, move |_| Tasks::new(parts, ServiceNow::over(&settings.servicenow, &client), tokens))
}

fn start_notifier(on: &ArbiterHandle, process: &Process, clients: &Clients, supervision: &Supervision, mode: Mode) -> Child<Notifier> {
    let (parts, notices) = (NotifierParts::from(process), clients.notices.clone());
    start_on(on, optional("notifier"), supervision, move |_| Notifier::new(parts, Sender::of(&notices), mode))
}
