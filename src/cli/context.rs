//! The context of a command: settings, definitions, the ledger and the identity of this node.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::checked::Checked;
use super::failure::{Exit, Failure};
use super::postgres_watchdog::restart_when_dead;
use super::{Global, high_water};
use crate::config::settings::SysproSource;
use crate::config::{self, Settings};
use crate::credentials::credential_store::CredentialStore;
use crate::definition::SetText;
use crate::definition::set::short;
use crate::doctor::disk;
use crate::domain::approval::ApprovalKind;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::chain;
use crate::domain::ids::Incarnation;
use crate::domain::life::Life;
use crate::domain::name::{doubles, twice};
use crate::postgres::{self, Cluster};
use crate::process::Process;
use crate::process::in_force::{InForce, SetStatus, request_words};
use crate::process::waits::Waits;
use crate::retry;
use crate::store::{AdoptResult, Adopter, Dead, FlowStatus, MayAdopt, Node, NodeSettings, SetNumber, Store, StoreError, Writes};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::progress::Progress;

/// How long a command waits for a service to load files that were changed a moment ago.
const TAKEN_UP: Duration = Duration::from_secs(6);
/// What must be done with a restored ledger.
const TO_COMPARE: &str =
    "nothing is read or sent before `tieline restored` has compared the ledger with what ServiceNow has (docs/backup.md)";
/// Time between two checks whether it has loaded them.
const CHECK_EVERY: Duration = Duration::from_millis(300);

/// Everything for a command that works with the ledger.
pub(super) struct Context {
    /// Settings and definitions.
    pub(super) checked: Checked,
    /// The ledger, with the newest schema.
    pub(super) store: Store,
    /// The identity of this node.
    pub(super) node: Node,
    /// The migrations that were run just now.
    pub(super) migrated: Vec<String>,
    cluster: Option<Cluster>,
    /// The task that restarts the private cluster when it dies.
    keeping: Option<JoinHandle<()>>,
    /// Held while this process lives: it shows that an earlier process of this node is dead.
    alone: Option<File>,
}

impl Context {
    /// Checks everything, starts the private cluster if there is no database url, and migrates the ledger.
    pub(super) async fn open(checked: Checked) -> Result<Self, Failure> {
        let settings = checked.settings().clone();
        Self::open_ledger(checked).await.map_err(|failure| match disk::full(&settings) {
            Some(full) => Failure::new(failure.exit, format!("{full}. What failed: {}", failure.text)),
            None => failure,
        })
    }

    async fn open_ledger(checked: Checked) -> Result<Self, Failure> {
        let settings = checked.settings().clone();
        let directory = settings.state.directory.clone();
        let (cluster, url) = match &settings.database.url {
            Some(url) => {
                config::make_state_directory(&directory, None).map_err(|error| Failure::plain(&error))?;
                (None, url.clone())
            }
            None => {
                let cluster = start_cluster(&settings).await?;
                let url = cluster.url();
                (Some(cluster), url)
            }
        };
        let store = Store::connect(&settings.database, &url)?;
        match Self::join(&store, &directory).await {
            Ok((migrated, node, alone)) => {
                let keeping = cluster.as_ref().map(|cluster| tokio::spawn(restart_when_dead(cluster.watchdog())));
                Ok(Self { checked, store, node, migrated, cluster, keeping, alone })
            }
            Err(failure) => {
                stop_cluster(cluster).await;
                Err(failure)
            }
        }
    }

    /// The same for a command that must change nothing: the ledger is neither migrated nor written, and this process is no node of it. If
    /// SYSPRO is read through e.net, its session is kept in the ledger, as for every reader.
    pub(super) async fn open_to_read(checked: Checked) -> Result<Self, Failure> {
        let settings = checked.settings();
        let (cluster, url) = match &settings.database.url {
            Some(url) => (None, url.clone()),
            None => {
                let cluster = start_cluster(settings).await?;
                let url = cluster.url();
                (Some(cluster), url)
            }
        };
        let writes = match settings.syspro.source {
            SysproSource::OData { .. } => Writes::Refused,
            SysproSource::Enet { .. } => Writes::Allowed,
        };
        let store = Store::connect_with(&settings.database, &url, writes)?;
        if let Err(failure) = check_schema(&store).await {
            stop_cluster(cluster).await;
            return Err(failure);
        }
        let node = beside_the_node();
        Ok(Self { checked, store, node, migrated: Vec::new(), cluster, keeping: None, alone: None })
    }

    /// Migrates the ledger and registers this node in it.
    async fn join(store: &Store, directory: &Path) -> Result<(Vec<String>, Node, Option<File>), Failure> {
        let migrated = store.migrate().await?;
        let (node, alone) = node(directory)?;
        // before anything else is read or written: in a restored ledger, the transaction numbers are no longer valid
        let (life, begun) = store.life_check(high_water::kept(directory).await, None).await?;
        match (&life.why, life.compared_at) {
            (Some(why), None) => tracing::error!(life = life.number, "{why}; {TO_COMPARE}"),
            (Some(why), Some(_)) if begun => tracing::error!(life = life.number, "{why}"),
            _ => {}
        }
        if let Some(set_back) = store.clock_follow().await? {
            tracing::warn!("{set_back}");
        }
        if alone.is_some() {
            high_water::renew(store, directory).await;
        }
        if alone.is_some() {
            store.flow_forget_node(node.name.clone()).await?;
        }
        store.delivery_recover(node.clone(), if alone.is_some() { Dead::PastLives } else { Dead::Expired }, UNRESPONSIVE_AFTER).await?;
        Ok((migrated, node, alone))
    }

    /// The process of a command that only reads: the ledger allows no work under definitions without a number.
    pub(super) fn process(&self) -> Process {
        self.process_with(InForce::new(self.checked.definitions.clone(), SetNumber(0), SetStatus::InForce))
    }

    /// The process of a command that maps or sends.
    ///
    /// # Errors
    /// [`Exit::Configuration`] when other definitions than those of this command are in force.
    pub(super) async fn working_process(&self) -> Result<Process, Failure> {
        self.check_compared().await?;
        self.check_companies().await?;
        let ask = || self.adopt(MayAdopt::IfNoNodeAlive { unresponsive_after: UNRESPONSIVE_AFTER });
        // the files were changed a moment ago: a service with the same files loads them
        let is_final = |result: &AdoptResult| !matches!(result, AdoptResult::Other { number: None, alive: true, .. });
        match retry::until_late(CHECK_EVERY, TAKEN_UP, ask, is_final).await? {
            AdoptResult::InForce { number, .. } => {
                self.store_settings().await?;
                Ok(self.process_with(InForce::new(self.checked.definitions.clone(), number, SetStatus::InForce)))
            }
            AdoptResult::Other { hash, alive, .. } => {
                let set = &self.checked.definitions.set;
                let services = if alive { Services::Running } else { Services::None };
                let text = not_in_force(set.short(), short(&hash), services);
                Err(Failure::new(Exit::Configuration, text + &self.checked.source()))
            }
            AdoptResult::Unapproved { hash, asked, .. } => {
                let text = format!(
                    "the definitions of this command ({}) are not those that were approved ({}); nothing was mapped or sent; `tieline \
                     definitions show` lists which files and settings differ; {}",
                    self.checked.definitions.set.short(),
                    short(&hash),
                    request_words(asked.as_deref())
                );
                Err(Failure::new(Exit::Configuration, text + &self.checked.source()))
            }
        }
    }

    /// The process of a service, which may wait for its definitions to come into force.
    pub(super) async fn service_process(&self) -> Result<Process, Failure> {
        self.check_compared().await?;
        self.check_companies().await?;
        let result = self.adopt(MayAdopt::Changed).await?;
        self.store_settings().await?;
        let number = match &result {
            AdoptResult::InForce { number, .. } => *number,
            AdoptResult::Other { number, .. } => number.unwrap_or(SetNumber(0)),
            AdoptResult::Unapproved { .. } => SetNumber(0),
        };
        Ok(self.process_with(InForce::new(self.checked.definitions.clone(), number, SetStatus::of(&result))))
    }

    /// Stores the settings under which this node works, with an event if they are others than before. A command beside a running service
    /// has no settings that last.
    async fn store_settings(&self) -> Result<(), Failure> {
        let Some(node) = self.own_name() else { return Ok(()) };
        let (fingerprint, values) = (self.checked.settings().fingerprint.clone(), self.checked.loaded.values.clone());
        Ok(self.store.node_settings(NodeSettings { node, fingerprint, values }, super::who::user()).await?)
    }

    /// The stored name of this node; `None` for a command beside a running service.
    pub(super) fn own_name(&self) -> Option<String> {
        self.alone.is_some().then(|| self.node.name.clone())
    }

    /// Puts the definitions of this process into force where `may` allows it, and prints what changed.
    pub(super) async fn adopt(&self, may: MayAdopt) -> Result<AdoptResult, Failure> {
        let approval_hours = self.checked.settings().approvals.hours_of(ApprovalKind::Definition);
        let who = Adopter { node: self.own_name(), actor: super::who::user(), why: None, may, approval_hours };
        let result = self.store.definition_adopt(self.checked.definitions.set.clone(), who).await?;
        say_adopted(&self.checked.definitions.set, &result);
        Ok(result)
    }

    fn process_with(&self, definitions: InForce) -> Process {
        Process {
            settings: Arc::new(self.checked.settings().clone()),
            definitions,
            store: self.store.clone(),
            credential_store: self.credential_store(),
            progress: Arc::new(Progress::default()),
            node: self.node.clone(),
            stopping: Stopping::default(),
            waits: Waits::default(),
            crash: CrashPoints::default(),
        }
    }

    /// Refuses a company or an entity that neither the configuration nor the ledger contains: an empty list would look like an all-clear.
    pub(super) async fn check_names(&self, company: Option<&str>, entity: Option<&str>) -> Result<(), Failure> {
        if company.is_some() || entity.is_some() {
            self.process().names().await?.check(company, entity)?;
        }
        Ok(())
    }

    /// The state of every flow; flows that the configuration no longer contains are marked.
    pub(super) async fn flow_status(&self) -> Result<Vec<FlowStatus>, Failure> {
        let mut rows = self.process().flow_status().await?;
        if self.uncompared().is_some() {
            rows.iter_mut().filter(|row| row.configured).for_each(|row| row.waits_for = Some(TO_COMPARE.to_owned()));
        }
        Ok(rows)
    }

    /// The life of a ledger that was restored and not compared with ServiceNow since: its records may be wrong.
    pub(super) fn uncompared(&self) -> Option<Life> {
        self.store.life().filter(|life| life.why.is_some() && life.compared_at.is_none())
    }

    /// Refuses to read or send anything while the ledger may differ from ServiceNow.
    pub(super) async fn check_compared(&self) -> Result<(), Failure> {
        let (life, _) = self.store.life_now().await?;
        match (&life.why, life.compared_at) {
            (Some(why), None) => Err(Failure::new(Exit::Configuration, format!("{why}; {TO_COMPARE}"))),
            _ => Ok(()),
        }
    }

    /// Refuses companies that the ledger has in another spelling: their records have other keys, and everything would arrive twice.
    async fn check_companies(&self) -> Result<(), Failure> {
        let syspro = &self.checked.settings().syspro;
        match doubles(&syspro.companies, &self.store.companies().await?) {
            Some((ours, known)) if !syspro.companies_differ_by_case => {
                Err(Failure::new(Exit::Configuration, twice(&ours, &known) + &self.checked.source()))
            }
            _ => Ok(()),
        }
    }

    /// The credentials.
    pub(super) fn credential_store(&self) -> CredentialStore {
        let handed_over = std::env::var_os("CREDENTIALS_DIRECTORY").map(Into::into);
        CredentialStore::new(self.store.clone(), self.checked.settings().state.key_file.clone(), handed_over)
    }

    /// Stops the private cluster if this process started it.
    pub(super) async fn close(self) {
        if self.alone.is_some() && self.store.restored_under().is_none() && self.store.trouble().is_none() {
            high_water::renew(&self.store, &self.checked.settings().state.directory).await;
        }
        // first our own connections: if the server stops before, they print an error to standard error; a connection that is being opened
        // in the background may still be too late
        drop(self.store);
        if let Some(keeping) = self.keeping {
            keeping.abort();
        }
        stop_cluster(self.cluster).await;
    }
}

/// Logs which definitions came into force just now, and their differences.
pub(super) fn say_adopted(set: &SetText, result: &AdoptResult) {
    if let AdoptResult::InForce { number, adopted: Some(difference) } = result {
        tracing::info!(number = number.0, hash = set.short(), changes = difference.join("; "), "these definitions are in force now");
    }
}

/// Whether a service works with the definitions in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Services {
    Running,
    None,
}

/// Why a command does nothing, and what to do.
fn not_in_force(ours: &str, in_force: &str, services: Services) -> String {
    let what = format!(
        "the definitions of this command ({ours}) are not those in force in the ledger ({in_force}); nothing was mapped or sent; \
         `tieline definitions show` lists which files and settings differ"
    );
    let adopt = "`tieline definitions adopt --why …` puts those of this command into force";
    match services {
        Services::Running => format!(
            "{what}. A running service works with those in force: it loads its own changed files within seconds, or at once on SIGHUP; \
             then repeat the command. Otherwise {adopt}, and services that have other files stop working"
        ),
        Services::None => {
            format!("{what}. They were in force before, and this machine has not loaded the newer ones; {adopt}")
        }
    }
}

/// Starts the private cluster, on a thread that may block.
pub(super) async fn start_cluster(settings: &Settings) -> Result<Cluster, Failure> {
    let (state, database) = (settings.state.clone(), settings.database.clone());
    let started = tokio::task::spawn_blocking(move || postgres::start(&state, &database)).await;
    started.map_err(|_| Failure::new(Exit::Failed, "starting the private database crashed"))?.map_err(|error| Failure::plain(&error))
}

/// Stops the private cluster, if there is one. A failure is a warning in the log.
pub(super) async fn stop_cluster(cluster: Option<Cluster>) {
    let Some(cluster) = cluster else { return };
    match tokio::task::spawn_blocking(move || cluster.stop()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %chain(&error), "the private database was not stopped cleanly"),
        Err(_) => tracing::warn!("stopping the private database crashed"),
    }
}

/// The identity of a command beside a running service.
fn beside_the_node() -> Node {
    let incarnation = Incarnation::fresh();
    Node { name: format!("command-{}", incarnation.0.simple()), incarnation }
}

/// Refuses a ledger with another schema than this program's.
async fn check_schema(store: &Store) -> Result<(), Failure> {
    const MIGRATE: &str =
        "this command changes nothing, so it does not migrate the ledger; `tieline migrate` does, and so does every start of the service";
    if let Some(version) = store.schema_unknown().await.ok().flatten() {
        return Err(StoreError::NewerSchema { version }.into());
    }
    match store.schema_state().await {
        Ok(state) if state.pending.is_empty() => Ok(()),
        Ok(state) => Err(Failure::new(Exit::Configuration, format!("the ledger lacks {} migrations; {MIGRATE}", state.pending.len()))),
        Err(error @ (StoreError::Unreachable { .. } | StoreError::Hanging { .. })) => Err(error.into()),
        Err(error) => Err(Failure::new(Exit::Configuration, format!("the ledger has no tables yet ({error}); {MIGRATE}"))),
    }
}

/// This node's name, stored in the state directory. The lock shows whether this is the only process of the node: then an earlier one is
/// known to be dead. A command beside a running service gets its own name.
fn node(directory: &Path) -> Result<(Node, Option<File>), Failure> {
    let path = directory.join("node");
    let failed =
        |error: std::io::Error| Failure::new(Exit::Failed, format!("the node's name cannot be kept in {}: {error}", path.display()));
    let mut file = config::open_private(&path).map_err(failed)?;
    let incarnation = Incarnation::fresh();
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok((beside_the_node(), None)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    let name = match text.trim() {
        "" => {
            let name = format!("node-{}", incarnation.0.simple());
            file.write_all(name.as_bytes()).map_err(failed)?;
            name
        }
        name => name.to_owned(),
    };
    Ok((Node { name, incarnation }, Some(file)))
}

/// Runs `work` on the opened ledger.
pub(super) fn with_ledger<F>(global: &Global, work: F) -> Result<Exit, Failure>
where
    F: AsyncFnOnce(&Context) -> Result<Exit, Failure>,
{
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let context = Context::open(checked).await?;
        let result = work(&context).await;
        context.close().await;
        result
    })
}
