//! What a command works with: settings, definitions, the ledger and who we are.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::Global;
use super::failure::{Exit, Failure};
use crate::actors::Deps;
use crate::actors::progress::Progress;
use crate::actors::vault::Vault;
use crate::config::Settings;
use crate::config::{self as config, Loaded};
use crate::definition::{self, Definitions};
use crate::postgres::{self, Cluster};
use crate::store::{Dead, Node, Store};

/// Settings and definitions, checked; nothing has been started.
pub(super) struct Checked {
    /// The settings and where they come from.
    pub(super) loaded: Loaded,
    /// The plans.
    pub(super) definitions: Arc<Definitions>,
}

/// Everything a command that works with the ledger needs.
pub(super) struct Context {
    /// Settings and definitions.
    pub(super) checked: Checked,
    /// The ledger, brought up to date.
    pub(super) store: Store,
    /// Who we are.
    pub(super) node: Node,
    cluster: Option<Cluster>,
    /// Held while this process lives: an earlier life of this node is dead.
    _alone: Option<File>,
}

impl Checked {
    /// Reads and checks settings and definitions.
    pub(super) fn load(global: &Global) -> Result<Self, Failure> {
        let loaded = config::load(global.config.as_deref(), config::environment())
            .map_err(|error| Failure::new(Exit::Configuration, crate::actors::chain(&error)))?;
        Self::with(loaded)
    }

    /// Checks the definitions of given settings.
    pub(super) fn with(loaded: Loaded) -> Result<Self, Failure> {
        let settings = &loaded.settings;
        let definitions =
            definition::load(settings.definitions.directory.as_deref(), &settings.servicenow.profile, &settings.flows.entities);
        match definitions {
            Ok(definitions) => Ok(Self { loaded, definitions: Arc::new(definitions) }),
            Err(problems) => {
                let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
                let count = problems.len();
                let plural = if count == 1 { "" } else { "s" };
                Err(Failure::new(Exit::Configuration, format!("the definitions have {count} problem{plural}\n{}", lines.join("\n"))))
            }
        }
    }

    /// The settings.
    pub(super) fn settings(&self) -> &Settings {
        &self.loaded.settings
    }
}

impl Context {
    /// Checks everything, starts the private cluster where there is no database url, brings the ledger up to date.
    pub(super) async fn open(checked: Checked) -> Result<Self, Failure> {
        let settings = checked.settings().clone();
        let directory = settings.state.directory.clone();
        std::fs::create_dir_all(&directory).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("the state directory {} cannot be made: {error}; make it, or set `state.directory`", directory.display()),
            )
        })?;
        let (cluster, url) = match &settings.database.url {
            Some(url) => (None, url.clone()),
            None => {
                let (state, database) = (settings.state.clone(), settings.database.clone());
                let started = tokio::task::spawn_blocking(move || postgres::start(&state, &database)).await;
                let cluster = started
                    .map_err(|_| Failure::new(Exit::Failed, "starting the private database crashed"))?
                    .map_err(|error| Failure::plain(&error))?;
                let url = cluster.url();
                (Some(cluster), url)
            }
        };
        let store = Store::connect(&settings.database, &url)?;
        if let Err(error) = store.migrate().await {
            stop_cluster(cluster).await;
            return Err(error.into());
        }
        let (node, alone) = node(&directory)?;
        if alone.is_some() {
            store.flow_forget_node(node.name.clone()).await?;
        }
        store.delivery_recover(node.clone(), if alone.is_some() { Dead::PastLives } else { Dead::Expired }).await?;
        Ok(Self { checked, store, node, cluster, _alone: alone })
    }

    /// What the actors need.
    pub(super) fn deps(&self) -> Deps {
        Deps {
            settings: Arc::new(self.checked.settings().clone()),
            definitions: self.checked.definitions.clone(),
            store: self.store.clone(),
            vault: self.vault(),
            progress: Arc::new(Progress::default()),
            node: self.node.clone(),
        }
    }

    /// The credentials.
    pub(super) fn vault(&self) -> Vault {
        let handed_over = std::env::var_os("CREDENTIALS_DIRECTORY").map(Into::into);
        Vault::new(self.store.clone(), self.checked.settings().state.key_file.clone(), handed_over)
    }

    /// Stops the private cluster if this process started it.
    pub(super) async fn close(self) {
        stop_cluster(self.cluster).await;
    }
}

async fn stop_cluster(cluster: Option<Cluster>) {
    let Some(cluster) = cluster else { return };
    match tokio::task::spawn_blocking(move || cluster.stop()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %crate::actors::chain(&error), "the private database was not stopped cleanly"),
        Err(_) => tracing::warn!("stopping the private database crashed"),
    }
}

/// This node's name, kept in the state directory. The lock says whether we are its only life: then whatever an earlier
/// one left in hand is known to be dead. A command beside a running service gets a name of its own.
fn node(directory: &Path) -> Result<(Node, Option<File>), Failure> {
    let path = directory.join("node");
    let failed =
        |error: std::io::Error| Failure::new(Exit::Failed, format!("the node's name cannot be kept in {}: {error}", path.display()));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    let incarnation = Uuid::now_v7();
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok((Node { name: format!("command-{}", incarnation.simple()), incarnation }, None)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    let name = match text.trim() {
        "" => {
            let name = format!("node-{}", incarnation.simple());
            file.write_all(name.as_bytes()).map_err(failed)?;
            name
        }
        name => name.to_owned(),
    };
    Ok((Node { name, incarnation }, Some(file)))
}
