//! Starts the actors of every flow: its Mapper, its Poller, and its Aligner where the flow is aligned. Plain functions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use url::Url;

use super::aligner::write_back::WriteBack;
use super::aligner::{AlignNow, Aligner, AlignerParts};
use super::child::{Supervision, of_flow};
use super::clients::Clients;
use super::mapper::Mapper;
use super::poller::{Poison, PollNow, Poller, PollerParts, Reader};
use super::servicenow_token::TokenClient;
use super::syspro_session::{EnetQuery, SessionHandle, SysproSession};
use super::writer::Writer;
use crate::config::Settings;
use crate::config::settings::{SysproSettings, SysproSource};
use crate::domain::FlowId;
use crate::net::{ClientParts, HttpClient};
use crate::process::flows::flows_of;
use crate::process::heartbeat::Heartbeat;
use crate::process::in_force::{InForce, Snapshot};
use crate::servicenow::ServiceNow;
use crate::supervision::crash::CrashPoints;
use crate::supervision::guard::{Child, LivenessCheck, RestartPolicy, start_on};
use crate::syspro::{SysproConnections, SysproReader};
use crate::telemetry::metrics::metrics;

/// Starts the actors of flows, now and whenever new definitions come into force.
pub struct FlowStarter {
    pub(super) settings: Arc<Settings>,
    pub(super) clients: Clients,
    pub(super) definitions: InForce,
    pub(super) poller: PollerParts,
    pub(super) aligner: AlignerParts,
    pub(super) crash: CrashPoints,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) ingest: ArbiterHandle,
    pub(super) supervision: Supervision,
    pub(super) session: Addr<SysproSession>,
    pub(super) writer: Addr<Writer>,
    pub(super) tokens: TokenClient,
}

/// The actors of all flows, made with one set of definitions.
pub struct StartedFlows {
    /// The actors to which a run set sends.
    pub pollers: BTreeMap<FlowId, Recipient<PollNow>>,
    /// Liveness checks of all of them. When these and the pollers are dropped, the actors finish their work and end.
    pub liveness_checks: Vec<LivenessCheck>,
}

impl FlowStarter {
    /// Starts the actors of every flow with the current definitions.
    pub fn start_all(&self) -> StartedFlows {
        let definitions = self.definitions.now();
        let flows = flows_of(&self.settings.syspro.companies, &definitions);
        metrics().announce(&flows, self.settings.per_flow.of(flows.len()));
        let (mut pollers, mut liveness_checks) = (BTreeMap::new(), Vec::new());
        for flow in flows {
            let mapper = self.mapper(&definitions, &flow);
            let aligned = definitions.plan(&flow.entity).is_some_and(|plan| plan.aligned().is_some());
            let aligner = aligned.then(|| self.aligner(&definitions, &flow));
            liveness_checks.push(mapper.liveness_check());
            liveness_checks.extend(aligner.iter().map(|aligner| aligner.liveness_check()));
            let poller = self.poller(&definitions, &flow, mapper.addr, aligner.map(|aligner| aligner.addr.recipient()));
            liveness_checks.push(poller.liveness_check());
            pollers.insert(flow, poller.addr.recipient());
        }
        StartedFlows { pollers, liveness_checks }
    }

    fn mapper(&self, definitions: &Snapshot, flow: &FlowId) -> Child<Mapper> {
        let supervision = Supervision { policy: patient(self.supervision.policy), ..self.supervision.clone() };
        let (definitions, flow_id, crash) = (definitions.clone(), flow.clone(), self.crash.clone());
        start_on(&self.ingest, of_flow("mapper", flow), &supervision, move |_| {
            Mapper::new(definitions, flow_id.company, flow_id.entity, crash)
        })
    }

    fn aligner(&self, definitions: &Snapshot, flow: &FlowId) -> Child<Aligner> {
        let (parts, settings, clients) = (self.aligner.clone(), self.settings.clone(), self.clients.clone());
        let (tokens, session) = (self.tokens.clone(), self.session.clone());
        let (definitions, flow_id, heartbeat) = (definitions.clone(), flow.clone(), self.heartbeat.clone());
        start_on(&self.ingest, of_flow("aligner", flow), &self.supervision, move |_| {
            let servicenow = ServiceNow::over(&settings.servicenow, &clients.servicenow);
            let writes = definitions.plan(&flow_id.entity).is_some_and(|plan| plan.setup.is_some());
            let write_back = writes.then(|| WriteBack {
                reader: reader(&settings, &clients, session.clone().recipient()),
                credential: session.clone().recipient(),
                session: session.clone().recipient(),
                log_off: session.recipient(),
                heartbeat: heartbeat.clone(),
            });
            Aligner::new(parts, definitions, flow_id, servicenow, tokens, write_back)
        })
    }

    fn poller(&self, definitions: &Snapshot, flow: &FlowId, mapper: Addr<Mapper>, aligner: Option<Recipient<AlignNow>>) -> Child<Poller> {
        let (parts, settings, clients) = (self.poller.clone(), self.settings.clone(), self.clients.clone());
        let (session, writer) = (self.session.clone(), self.writer.clone());
        let (definitions, flow_id) = (definitions.clone(), flow.clone());
        start_on(&self.ingest, of_flow("poller", flow), &self.supervision, move |_| {
            let syspro = reader(&settings, &clients, session.clone().recipient());
            Poller::new(Reader {
                parts,
                flow: flow_id,
                definitions,
                syspro,
                session: session.clone().recipient(),
                refused: session.recipient(),
                mapper: mapper.recipient(),
                aligner,
                nudge: writer.clone().recipient(),
                drain: writer.recipient(),
                poison: Poison::default(),
                newest_checked: Rc::default(),
                took_in: Rc::default(),
            })
        })
    }
}

/// A Mapper has no state to lose, and each record that crashes it does so twice: some dozens of such records must not stop their flow.
fn patient(policy: RestartPolicy) -> RestartPolicy {
    RestartPolicy { max: policy.max.min(Duration::from_secs(1)), limit: policy.limit.max(100), ..policy }
}

thread_local! {
    /// The connections of all readers on this thread, as long as there are any: `syspro.connections` limits their requests together. An
    /// arbiter's thread belongs to one actor system, which has one set of settings.
    static CONNECTIONS: RefCell<Weak<SysproConnections>> = const { RefCell::new(Weak::new()) };
}

/// The connections of this thread's readers.
fn connections(url: &Url, syspro: &SysproSettings, parts: &ClientParts) -> Rc<SysproConnections> {
    CONNECTIONS.with_borrow_mut(|known| {
        if let Some(connections) = known.upgrade() {
            return connections;
        }
        let connections = Rc::new(SysproConnections::over(url, syspro, HttpClient::of(parts)));
        *known = Rc::downgrade(&connections);
        connections
    })
}

/// The reader over the transport named in the settings.
fn reader(settings: &Settings, clients: &Clients, session: Recipient<EnetQuery>) -> SysproReader {
    let (syspro, retry) = (&settings.syspro, &settings.retry);
    match &syspro.source {
        SysproSource::OData { url } => SysproReader::over(connections(url, syspro, &clients.odata), retry),
        SysproSource::Enet { .. } => SysproReader::over_enet(syspro, retry, Rc::new(SessionHandle(session))),
    }
}
