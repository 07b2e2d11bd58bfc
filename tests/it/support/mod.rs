//! Shared by the tests of the whole pipeline: both simulators, a Tieline database for each test, and cycles as `tieline sync` runs them.

pub mod database;
pub mod node;
pub mod receivers;
pub mod servers;
pub mod source;
pub mod sql;
pub mod world;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use tieline::actors::poller::{PollError, PollReport};
use tieline::actors::scheduler::ExecuteRunSet;
use tieline::actors::scheduler::run_set::{RunSetReport, RunSetRequest};
use tieline::actors::system::ActorSystem;
use tieline::credentials::credential_store::{CredentialStore, SERVICENOW, SYSPRO_ENET, SYSPRO_ODATA};
use tieline::credentials::key_ring::Ciphertexts;
use tieline::domain::FlowId;
use tieline::domain::audit::AuditKind;
use tieline::domain::ids::Incarnation;
use tieline::domain::run::RunKind;
use tieline::operations::Requested;
use tieline::operations::replay::{Which, replay};
use tieline::operations::resend::ReplayReport;
use tieline::process::Process;
use tieline::process::in_force::{InForce, SetStatus};
use tieline::process::mode::Mode;
use tieline::process::waits::Waits;
use tieline::store::{
    AdoptResult, Adopter, AuditFilter, AuditRow, EncryptedCredential, FailureFilter, FailureRow, MayAdopt, Node, ReplayScope, Store,
};
use tieline::supervision::crash::CrashPoints;
use tieline::supervision::guard::RestartPolicy;
use tieline::supervision::stopping::Stopping;
use tieline::telemetry::progress::Progress;
use tieline::{config, definition};
use tieline_sim::dataset::DatasetOptions;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use self::database::Database;

/// Options of a test.
pub struct Options {
    pub syspro: SysproOptions,
    pub servicenow: ServiceNowOptions,
    /// Settings as environment variables, such as `TIELINE__FLOWS__BACKLOG`; they override those of every test.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// Both companies, N invoices in the larger one.
    pub fn new(documents: u32) -> Self {
        let dataset = DatasetOptions { documents, ..DatasetOptions::default() };
        Self {
            syspro: SysproOptions { dataset, ..SysproOptions::default() },
            servicenow: ServiceNowOptions::default(),
            settings: Vec::new(),
        }
    }

    /// Only the larger company.
    pub fn of_one_company(documents: u32) -> Self {
        Self::new(documents).with("SYSPRO__COMPANIES", "EDU1")
    }

    /// With a setting: `FLOWS__BACKLOG`.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.push((format!("TIELINE__{key}"), value.to_owned()));
        self
    }
}

/// Everything that runs in a test.
pub struct Rig {
    pub syspro: SysproSim,
    pub servicenow: ServiceNowSim,
    pub process: Process,
    pub store: Store,
    pub database: Database,
    _state: tempfile::TempDir,
}

/// Runs a test inside an actix system.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(test)
}

/// Activates the definitions, as a service does.
pub async fn in_force(store: &Store, definitions: definition::Definitions) -> InForce {
    let who = Adopter { node: Some("one".into()), actor: "test".into(), why: None, may: MayAdopt::Any, approval_hours: None };
    let AdoptResult::InForce { number, .. } = store.definition_adopt(definitions.set.clone(), who).await.unwrap() else {
        panic!("they are adopted")
    };
    InForce::new(Arc::new(definitions), number, SetStatus::InForce)
}

/// A new start of another node.
pub fn node(name: &str) -> Node {
    Node { name: name.into(), incarnation: Incarnation::fresh() }
}

impl Rig {
    /// Queues the records of a scope again, as `tieline replay` does.
    pub async fn replay(&self, scope: ReplayScope, why: &str) -> ReplayReport {
        let requested = Requested::new("test", why.parse().unwrap());
        replay(&self.process, Which::Scope(scope), &requested, |_| {}).await.unwrap()
    }

    pub async fn start(options: Options) -> Self {
        let database = Database::migrated().await;
        let (operator, client) = (options.syspro.clone(), options.servicenow.clone());
        let syspro = SysproSim::start(options.syspro).unwrap();
        let servicenow = ServiceNowSim::start(options.servicenow).unwrap();
        let state = tempfile::tempdir().unwrap();
        let text = configuration(&syspro, &servicenow, state.path());
        let settings = config::load_text(&text, None, options.settings).unwrap().settings;
        let definitions = definition::load(
            settings.definitions.directory.as_deref(),
            &settings.servicenow.profile,
            &settings.flows.entities,
            &settings.companies,
        )
        .unwrap();
        let store = Store::connect(&database::settings(), &database.url()).unwrap();
        let definitions = in_force(&store, definitions).await;
        let credential_store = CredentialStore::new(store.clone(), settings.state.key_file.clone(), None);
        let (enet_operator, enet_password) = operator.enet.operators[0].clone();
        let credentials = [
            (SYSPRO_ODATA, operator.username, operator.password),
            (SYSPRO_ENET, enet_operator, enet_password),
            (SERVICENOW, client.client_id, client.client_secret),
        ];
        set_credentials(&store, &credential_store, credentials).await;
        let process = Process {
            settings: Arc::new(settings),
            definitions,
            store: store.clone(),
            credential_store,
            progress: Arc::new(Progress::default()),
            node: node("one"),
            stopping: Stopping::default(),
            waits: Waits::default(),
            crash: CrashPoints::default(),
        };
        Self { syspro, servicenow, process, store, database, _state: state }
    }

    /// The actors, without schedules.
    pub fn system(&self) -> ActorSystem {
        ActorSystem::start(&self.process, RestartPolicy::default(), Mode::Command).unwrap()
    }

    /// Every flow polled once, as `tieline sync` does it.
    pub async fn sync(&self) -> RunSetReport {
        run_set(&self.process, self.process.flows(), RunKind::Poll).await
    }

    /// Every flow of these entities swept once.
    pub async fn sweep(&self, entities: &[&str]) -> RunSetReport {
        let flows = self.process.flows().into_iter().filter(|flow| entities.contains(&flow.entity.as_str())).collect();
        run_set(&self.process, flows, RunKind::Sweep).await
    }

    /// Polls every flow once and asserts that all succeed.
    pub async fn sync_well(&self) -> RunSetReport {
        let report = self.sync().await;
        assert_eq!(errors(&report), Vec::<String>::new());
        report
    }

    /// Every delivery that is failed, waiting, on hold, unknown or retrying.
    pub async fn failures(&self) -> Vec<FailureRow> {
        self.store.failure_list(FailureFilter { limit: 100_000, ..FailureFilter::default() }).await.unwrap()
    }

    /// Whether any delivery may still change state without a person.
    pub async fn unsettled(&self) -> bool {
        self.store.flow_status().await.unwrap().iter().any(|row| row.backlog().moving() > 0)
    }

    /// Runs cycles until no delivery is pending.
    pub async fn sync_until_settled(&self, most: usize) -> usize {
        for cycle in 1..=most {
            let report = self.sync().await;
            if !self.unsettled().await && errors(&report).is_empty() {
                return cycle;
            }
            // the wait after a lost answer takes real time; between checks the test only yields
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let left: Vec<_> = self.failures().await.into_iter().take(5).collect();
        panic!("after {most} cycles there is still something on its way: {left:#?}");
    }

    /// Seals the audit trail until every row is sealed. A transaction in any other test's database delays sealing while it runs.
    pub async fn seal_all(&self) {
        let started = Instant::now();
        while self.store.audit_verify().await.unwrap().unsealed > 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "the audit cannot be sealed");
            self.store.audit_seal().await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    pub async fn audit(&self, kind: AuditKind) -> Vec<AuditRow> {
        let filter = AuditFilter { kind: Some(kind), limit: 1_000_000, ..AuditFilter::default() };
        self.store.audit_list(filter).await.unwrap()
    }

    /// The exact sum of a column of a target table.
    pub fn sum(&self, table: &str, column: &str) -> Decimal {
        self.servicenow.sum(table, column)
    }
}

/// Starts actors and runs a cycle with them.
pub async fn run_set(process: &Process, flows: Vec<FlowId>, kind: RunKind) -> RunSetReport {
    let system = ActorSystem::start(process, RestartPolicy::default(), Mode::Command).unwrap();
    let report = ask(&system, flows, kind).await;
    system.stop(Duration::from_secs(20)).await;
    report
}

/// Runs a cycle with running actors.
pub async fn ask(system: &ActorSystem, flows: Vec<FlowId>, kind: RunKind) -> RunSetReport {
    let flows = flows.into_iter().map(|flow| (flow, kind)).collect();
    system.scheduler.send(ExecuteRunSet(RunSetRequest::by_hand(flows, "test".into(), None))).await.unwrap()
}

/// The simulator's companies and their local currency.
pub fn own_currency() -> std::collections::BTreeMap<tieline::domain::CompanyId, Option<String>> {
    ["EDU1", "1"].into_iter().map(|company| (company.into(), Some("ZAR".to_owned()))).collect()
}

/// The result of one flow.
pub fn flow<'a>(report: &'a RunSetReport, company: &str, entity: &str) -> &'a Result<PollReport, PollError> {
    let found = report.flows.iter().find(|(flow, _)| flow.company.as_str() == company && flow.entity.as_str() == entity);
    &found.unwrap().1
}

/// Every error of a cycle.
pub fn errors(report: &RunSetReport) -> Vec<String> {
    let polls = report.flows.iter().filter_map(|(_, result)| result.as_ref().err().map(ToString::to_string));
    let within = report.flows.iter().filter_map(|(_, result)| result.as_ref().ok()?.write_error.as_ref());
    polls.chain(report.write_errors.iter().chain(within).map(ToString::to_string)).collect()
}

/// Stores encrypted credentials as `tieline credential set` does.
pub async fn set_credentials(
    store: &Store,
    credential_store: &CredentialStore,
    all: impl IntoIterator<Item = (&'static str, String, String)>,
) {
    let keys = credential_store.keys(Ciphertexts::None).unwrap();
    let encrypted = |(name, username, password): (&str, String, String)| {
        let encrypted = keys.encrypt(name, &username, &password).unwrap();
        EncryptedCredential {
            name: name.to_owned(),
            username,
            key_id: encrypted.key_id,
            nonce: encrypted.nonce,
            ciphertext: encrypted.ciphertext,
            updated_at: chrono::Utc::now(),
        }
    };
    store.credential_put(all.into_iter().map(encrypted).collect(), "test".into(), "credential set").await.unwrap();
}

fn configuration(syspro: &SysproSim, servicenow: &ServiceNowSim, state: &std::path::Path) -> String {
    format!(
        r#"
[syspro]
odata_url = "{syspro}"
enet_url = "{enet}"
time_zone = "UTC"
companies = ["EDU1", "1"]
currency = "ZAR"
[servicenow]
instance_url = "{servicenow}"
batch_quota_seconds = 1
request_quota_seconds = 1
read_delay_seconds = 0
[retry]
min_delay_seconds = 1
max_delay_seconds = 1
max_attempts = 1000
[state]
directory = "{state}"
"#,
        syspro = syspro.url,
        enet = syspro.enet_url,
        servicenow = servicenow.url(),
        state = state.display(),
    )
}
