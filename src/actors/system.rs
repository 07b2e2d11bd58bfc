//! The actor system: which actors there are, on which thread, and who knows whom.
//!
//! Three arbiters: control (this thread: Root, both auth actors, Notifier), ingest (Pollers, Mappers), delivery (Writer, AuditRecorder, Downstream).

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::watch;
use tracing::warn;

use super::Deps;
use super::aligner::Aligner;
use super::aligner::write_back::WriteBack;
use super::audit_recorder::{AuditRecorder, Seal};
use super::child::{ChildExited, MAILBOX, Supervision, of_flow, optional, vital};
use super::downstream::Downstream;
use super::flows::flows_of;
use super::in_force::Snapshot;
use super::mapper::Mapper;
use super::notifier::Notifier;
use super::poller::{Poison, PollNow, Poller, Reader};
use super::root::{Root, RootParts};
use super::scheduler::run_set::Recipients;
use super::servicenow_token::{ServiceNowToken, TokenClient};
use super::syspro_session::{EnetClient, EnetQuery, LogOff, SessionHandle, SysproSession, log_off};
use super::writer::{LedgerOwners, Quiet, Writer};
use crate::config::settings::SysproSource;
use crate::domain::FlowId;
use crate::net::HttpClient;
use crate::notice::Sender;
use crate::servicenow::ServiceNow;
use crate::supervision::guard::{LivenessCheck, Observer, Ping, RestartPolicy, start_on};
use crate::supervision::stopping::Stopping;
use crate::supervision::watchdog::Fatal;
use crate::syspro::enet::{Alone, Enet};
use crate::syspro::{OData, SysproError};
use crate::telemetry::labels::System;
use crate::telemetry::metrics::metrics;

crate::answer_ping!(SysproSession, ServiceNowToken, Mapper, Poller, Aligner, Writer, AuditRecorder, Downstream, Notifier);

/// The running actors.
pub struct ActorSystem {
    /// The root: run sets, schedules, health.
    pub root: Addr<Root>,
    /// The actors that a run set sends to.
    pub recipients: Recipients,
    /// Seals the audit.
    pub seal: Recipient<Seal>,
    /// Hands out tokens.
    pub tokens: TokenClient,
    /// Asks e.net.
    pub enet: EnetClient,
    /// Why the process must end, once it must.
    pub fatal: watch::Receiver<Option<Fatal>>,
    quiet: Recipient<Quiet>,
    stopping: Stopping,
    log_off: Recipient<LogOff>,
    draining: watch::Sender<bool>,
    arbiters: Vec<Arbiter>,
}

/// The ways to both systems that the actors keep: the token, and the one e.net session.
#[derive(Clone)]
pub struct Access {
    /// Hands out tokens.
    pub tokens: TokenClient,
    /// Asks e.net.
    pub enet: EnetClient,
}

/// Why the actor system cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ActorSystemError(String);

impl ActorSystem {
    /// Starts every actor. Must be called on a thread that runs an actix system.
    ///
    /// # Errors
    /// [`ActorSystemError`] when a client cannot be made from the settings: a certificate file that cannot be read, for example.
    pub fn start(deps: &Deps, policy: RestartPolicy, scheduled: bool) -> Result<Self, ActorSystemError> {
        check_clients(deps)?;
        // each actor system stops by itself
        let deps = &Deps { stopping: Stopping::default(), ..deps.clone() };
        let (draining, drained) = watch::channel(false);
        let (fatal_sender, fatal) = watch::channel(None);
        let observer: Observer = Arc::new(|restart| metrics().actor_restarted(restart.child.kind));
        let root_deps = deps.clone();
        let (root_sender, root_receiver) = actix::dev::channel::channel(MAILBOX);
        let root: Addr<Root> = Addr::new(root_sender);
        let supervision = Supervision { policy, draining: drained, parent: root.clone().recipient::<ChildExited>(), observer };
        let control = Arbiter::current();
        let (ingest, delivery) = (Arbiter::new(), Arbiter::new());

        let session_deps = deps.clone();
        let session = start_on(&control, vital("syspro_session"), &supervision, move |_| SysproSession::new(session_deps));
        let log_off = session.addr.clone().recipient();
        let enet = EnetClient { query: session.addr.clone().recipient(), visit: session.addr.clone().recipient() };
        let token_deps = deps.clone();
        let token = start_on(&control, vital("servicenow_token"), &supervision, move |_| {
            let settings = token_deps.settings.servicenow.clone();
            let http = HttpClient::new(System::ServiceNow, &settings.connection).unwrap_or_else(|error| panic!("{error}"));
            ServiceNowToken::new(token_deps.credential_store, settings, http, token_deps.crash)
        });
        let tokens = TokenClient { get: token.addr.clone().recipient(), refused: token.addr.clone().recipient() };

        let (writer_deps, writer_tokens) = (deps.clone(), tokens.clone());
        let writer = start_on(&delivery.handle(), vital("writer"), &supervision, move |_| {
            let owners = std::rc::Rc::new(LedgerOwners(writer_deps.store.clone()));
            let servicenow = ServiceNow::with_owners(&writer_deps.settings.servicenow, owners);
            let servicenow = servicenow.unwrap_or_else(|error| panic!("{}", error.chain()));
            Writer::new(writer_deps, servicenow, writer_tokens)
        });
        let (store, crash) = (deps.store.clone(), deps.crash.clone());
        let recorder = start_on(&delivery.handle(), vital("audit_recorder"), &supervision, move |_| AuditRecorder::new(store, crash));

        // whether anything is watched may change with the definitions
        let downstream = {
            let (deps, tokens) = (deps.clone(), tokens.clone());
            start_on(&delivery.handle(), optional("downstream"), &supervision, move |_| {
                let servicenow = ServiceNow::new(&deps.settings.servicenow).unwrap_or_else(|error| panic!("{}", error.chain()));
                Downstream::new(deps, servicenow, tokens, scheduled)
            })
        };

        let told = !crate::notice::channels(&deps.settings.notices).is_empty();
        let notifier = told.then(|| {
            let deps = deps.clone();
            start_on(&control, optional("notifier"), &supervision, move |_| {
                let sender = Sender::new(&deps.settings.notices).unwrap_or_else(|problem| panic!("{problem}"));
                Notifier::new(deps, sender, scheduled)
            })
        });

        let mut liveness_checks =
            vec![session.liveness_check(), token.liveness_check(), writer.liveness_check(), recorder.liveness_check()];
        liveness_checks.push(downstream.liveness_check());
        liveness_checks.extend(notifier.iter().map(|notifier| notifier.liveness_check()));
        let starter = FlowStarter {
            deps: deps.clone(),
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
            // in a service these poll and notify by their timers: a receiver that is slow keeps no run set waiting
            downstream: (!scheduled).then(|| downstream.addr.recipient()),
            notifier: notifier.filter(|_| !scheduled).map(|notifier| notifier.addr.recipient()),
        };
        let parts = RootParts {
            deps: root_deps,
            recipients: recipients.clone(),
            nudge: writer.addr.clone().recipient(),
            liveness_checks,
            flow_liveness_checks: started.liveness_checks,
            starter: Some(starter),
            fatal: fatal_sender,
            scheduled,
        };
        Context::with_receiver(root_receiver).run(Root::new(parts));
        Ok(Self {
            root,
            recipients,
            seal: recorder.addr.recipient(),
            tokens,
            enet,
            fatal,
            quiet: writer.addr.recipient(),
            stopping: deps.stopping.clone(),
            log_off,
            draining,
            arbiters: vec![ingest, delivery],
        })
    }

    /// The ways to both systems that the actors keep.
    pub fn access(&self) -> Access {
        Access { tokens: self.tokens.clone(), enet: self.enet.clone() }
    }

    /// Lets what is in hand come to an end, up to a deadline, and stops the threads.
    pub async fn stop(self, deadline: Duration) {
        let _ = self.draining.send(true);
        self.stopping.begin();
        let ending = async {
            let _ = self.root.send(super::root::Stop).await;
            let _ = self.quiet.send(Quiet).await;
            let _ = self.seal.send(Seal).await;
        };
        if tokio::time::timeout(deadline, ending).await.is_err() {
            warn!(?deadline, "what was in hand did not come to its end in time; it is looked up at the next start");
        }
        log_off(&self.log_off, deadline).await;
        for arbiter in self.arbiters {
            arbiter.stop();
        }
    }
}

/// The clients are made on their own threads later; a mistake in the settings is reported here, where somebody reads it.
fn check_clients(deps: &Deps) -> Result<(), ActorSystemError> {
    match deps.settings.syspro.source {
        SysproSource::OData => {
            drop(OData::new(&deps.settings.syspro, &deps.settings.retry).map_err(|error| ActorSystemError(super::chain(&error)))?)
        }
        SysproSource::Enet => {
            drop(
                Enet::new(&deps.settings.syspro, String::new().into(), Rc::new(Alone))
                    .map_err(|error| ActorSystemError(super::chain(&error)))?,
            );
        }
    }
    ServiceNow::new(&deps.settings.servicenow).map_err(|error| ActorSystemError(error.chain()))?;
    Sender::new(&deps.settings.notices).map_err(ActorSystemError)?;
    Ok(())
}

/// A Mapper has nothing to lose, and each record that it cannot bear kills it twice: some dozens of them must not stop their flow.
fn patient(policy: RestartPolicy) -> RestartPolicy {
    RestartPolicy { max: policy.max.min(Duration::from_secs(1)), limit: policy.limit.max(100), ..policy }
}

/// Starts the actors of flows, now and whenever other definitions come into force.
pub struct FlowStarter {
    deps: Deps,
    ingest: ArbiterHandle,
    supervision: Supervision,
    session: Addr<SysproSession>,
    writer: Addr<Writer>,
    tokens: TokenClient,
}

/// The actors of all flows, made with one set of definitions.
pub struct StartedFlows {
    /// The actors that a run set sends to.
    pub pollers: BTreeMap<FlowId, Recipient<PollNow>>,
    /// Liveness checks of all of them. Whoever drops these and the pollers lets them end with what is in hand.
    pub liveness_checks: Vec<LivenessCheck>,
}

impl FlowStarter {
    /// The actors of every flow, with the definitions as they are now.
    pub fn start_all(&self) -> StartedFlows {
        let definitions = self.deps.definitions.now();
        let flows = flows_of(&self.deps, &definitions);
        metrics().announce(&flows);
        let (mut pollers, mut liveness_checks) = (BTreeMap::new(), Vec::new());
        for flow in flows {
            let (deps, session, writer) = (&self.deps, &self.session, &self.writer);
            let (poller, more) = start_flow(deps, &definitions, &flow, &self.ingest, &self.supervision, session, writer, &self.tokens);
            liveness_checks.extend(more);
            pollers.insert(flow, poller.recipient());
        }
        StartedFlows { pollers, liveness_checks }
    }
}

#[allow(clippy::too_many_arguments)] // what the three actors of a flow know of the others
fn start_flow(
    deps: &Deps,
    definitions: &Snapshot,
    flow: &FlowId,
    ingest: &ArbiterHandle,
    supervision: &Supervision,
    session: &Addr<SysproSession>,
    writer: &Addr<Writer>,
    tokens: &TokenClient,
) -> (Addr<Poller>, Vec<LivenessCheck>) {
    let (of_mapper, mapped, crash) = (definitions.clone(), flow.clone(), deps.crash.clone());
    let patient = Supervision { policy: patient(supervision.policy), ..supervision.clone() };
    let mapper = start_on(ingest, of_flow("mapper", flow), &patient, move |_| Mapper::new(of_mapper, mapped.company, mapped.entity, crash));
    let aligned = definitions.plan(&flow.entity).is_some_and(|plan| plan.aligned().is_some());
    let aligner = aligned.then(|| {
        let (deps, flow_id, tokens, session) = (deps.clone(), flow.clone(), tokens.clone(), session.clone());
        let definitions = definitions.clone();
        start_on(ingest, of_flow("aligner", flow), supervision, move |_| {
            let servicenow = ServiceNow::new(&deps.settings.servicenow).unwrap_or_else(|error| panic!("{}", error.chain()));
            let writes = definitions.plan(&flow_id.entity).is_some_and(|plan| plan.setup.is_some());
            let write_back = writes.then(|| WriteBack {
                odata: reader(&deps, session.clone().recipient()).unwrap_or_else(|error| panic!("{}", super::chain(&error))),
                credential: session.clone().recipient(),
                session: session.clone().recipient(),
                log_off: session.recipient(),
            });
            Aligner::new(deps, definitions, flow_id, servicenow, tokens, write_back)
        })
    });
    let mut liveness_checks = vec![mapper.liveness_check()];
    liveness_checks.extend(aligner.iter().map(|aligner| aligner.liveness_check()));
    let align = aligner.map(|aligner| aligner.addr.recipient());
    let definitions = definitions.clone();
    let (deps, flow_id, session, writer, map) =
        (deps.clone(), flow.clone(), session.clone(), writer.clone(), mapper.addr.clone().recipient());
    let poller = start_on(ingest, of_flow("poller", flow), supervision, move |_| {
        let odata = reader(&deps, session.clone().recipient()).unwrap_or_else(|error| panic!("{}", super::chain(&error)));
        Poller::new(Reader {
            deps,
            flow: flow_id,
            definitions: definitions.clone(),
            odata,
            session: session.clone().recipient(),
            refused: session.recipient(),
            mapper: map,
            aligner: align.clone(),
            nudge: writer.clone().recipient(),
            drain: writer.recipient(),
            poison: Poison::default(),
            newest_checked: Rc::default(),
        })
    });
    liveness_checks.push(poller.liveness_check());
    (poller.addr, liveness_checks)
}

/// The reader over the transport that the settings name.
fn reader(deps: &Deps, session: Recipient<EnetQuery>) -> Result<OData, SysproError> {
    let (syspro, retry) = (&deps.settings.syspro, &deps.settings.retry);
    match syspro.source {
        SysproSource::OData => OData::new(syspro, retry),
        SysproSource::Enet => Ok(OData::over_enet(syspro, retry, Rc::new(SessionHandle(session)))),
    }
}

impl Handler<Ping> for Root {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}
