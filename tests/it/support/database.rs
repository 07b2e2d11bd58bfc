//! One private PostgreSQL server for all tests of a working tree, with a fresh database for each test.
//!
//! The first test starts the server, other tests and test processes use it too, and the last one stops it. A database is a copy of a
//! template that the first user of a server migrates.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tieline::config::settings::{DatabaseSettings, StateSettings};
use tieline::postgres::{self, Cluster, Origin};
use tieline::store::Store;

use super::node::wait_for;
use super::sql::Sql;

/// A database of its own, dropped at the end.
pub struct Database {
    name: String,
    server: Arc<Server>,
}

struct Server {
    cluster: Option<Cluster>,
    url: SecretString,
    sql: Sql,
}

/// The server that this process uses, if any.
static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Settings for small tests; the server never waits for the disk.
pub fn settings() -> DatabaseSettings {
    DatabaseSettings {
        url: None,
        pool_size: 4,
        statement_timeout: Duration::from_secs(60),
        call_timeout: Duration::from_secs(90),
        bin_directory: None,
        durable: false,
    }
}

/// The data directory: a short path, because socket paths have a limit, and a different one for each working tree.
fn directory() -> PathBuf {
    let digest = Sha256::digest(env!("CARGO_MANIFEST_DIR").as_bytes());
    let name = format!("tieline-it-{}-{:02x}{:02x}{:02x}", nix::unistd::geteuid(), digest[0], digest[1], digest[2]);
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory).unwrap();
    // as root, the server runs as another account, which needs access to this directory
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

impl Server {
    fn get() -> Arc<Self> {
        let mut current = SERVER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(server) = current.upgrade() {
            return server;
        }
        let state = directory().join("state");
        // room for the pools of many tests at once
        let roomy = DatabaseSettings { pool_size: 200, ..settings() };
        let cluster = postgres::start(&StateSettings { key_file: state.join("master.key"), directory: state }, &roomy).unwrap();
        let server = Self { url: cluster.url(), sql: Sql::new(&cluster.url()), cluster: Some(cluster) };
        let lock = File::create(directory().join("template.lock")).unwrap();
        lock.lock().unwrap();
        if server.cluster.as_ref().is_some_and(|cluster| cluster.origin() != Origin::Adopted) {
            // no process can be using what an earlier run left
            let left = server.psql("tieline", "SELECT datname FROM pg_database WHERE datname LIKE 'it\\_%'");
            for name in left.lines() {
                server.psql("tieline", &format!("DROP DATABASE \"{name}\""));
            }
        }
        let server = Arc::new(server);
        *current = Arc::downgrade(&server);
        server
    }

    /// The name of the migrated database that others are copies of. It names the program that made it: a server can be used by tests of two
    /// builds, each with migrations of its own.
    async fn template(&self) -> String {
        let program = fs::metadata(std::env::current_exe().unwrap()).unwrap();
        let built = program.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        let name = format!("{built:x}_{:x}", program.len());
        let name = format!("it_template_{name}");
        let lock = File::create(directory().join("template.lock")).unwrap();
        lock.lock().unwrap();
        if self.psql("tieline", &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).is_empty() {
            // under another name until it is complete, so that a killed process leaves no partial template
            let new = format!("{name}_new");
            self.psql("tieline", &format!("DROP DATABASE IF EXISTS {new} WITH (FORCE)"));
            self.psql("tieline", &format!("CREATE DATABASE {new} TEMPLATE template0"));
            Store::connect(&settings(), &self.url_of(&new)).unwrap().migrate().await.unwrap();
            self.psql("tieline", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{new}'"));
            self.psql("tieline", &format!("ALTER DATABASE {new} RENAME TO {name}"));
        }
        name
    }

    fn url_of(&self, database: &str) -> SecretString {
        self.url.expose_secret().replacen("@/tieline?", &format!("@/{database}?"), 1).into()
    }

    fn psql(&self, database: &str, sql: &str) -> String {
        self.sql.ask(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.take()
            && let Err(error) = cluster.stop()
        {
            eprintln!("the tests' database server was not stopped: {error}");
        }
    }
}

impl Database {
    /// An empty database.
    pub fn empty() -> Self {
        Self::copy_of(Server::get(), "template0")
    }

    /// A database with the current schema: a copy of one that the first user of a server migrates.
    pub async fn migrated() -> Self {
        let server = Server::get();
        let template = server.template().await;
        Self::copy_of(server, &template)
    }

    fn copy_of(server: Arc<Server>, template: &str) -> Self {
        let name = format!("it_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // the copy of files costs half of what the log of their pages costs
        server.psql("tieline", &format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"));
        Self { name, server }
    }

    /// A copy of this database, for a test that damages it.
    pub fn copy(&self) -> Self {
        let others = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name);
        self.server.psql("tieline", &others);
        Self::copy_of(self.server.clone(), &self.name)
    }

    pub fn url(&self) -> SecretString {
        self.server.url_of(&self.name)
    }

    /// Queries the Tieline database for something that no interface of the product shows. Columns are joined by `|`.
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }

    /// The same for a statement that the server may refuse.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub fn try_psql(&self, sql: &str) -> Result<String, String> {
        self.server.sql.ask(&self.name, sql)
    }

    /// Waits until every event can be sealed: a transaction that is older, in whichever database of the server, delays it.
    pub fn wait_until_sealable(&self) {
        let newest = self.psql("SELECT pg_current_xact_id()");
        let sealable = format!("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > {newest}");
        wait_for("no older transaction runs", Duration::from_secs(120), || (self.psql(&sealable) == "t").then_some(()));
    }

    /// The same on a connection that has done nothing else, for what the server counts per connection.
    pub fn psql_first(&self, sql: &str) -> String {
        self.server.sql.ask_first(&self.name, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // a failure here must not hide the test's own
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.server.psql("tieline", &sql))).is_err() {
            eprintln!("database {} was left behind", self.name);
        }
    }
}
