//! The ledger as a whole: its connections, and the one way to run a transaction.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, InstrumentationEvent, SimpleConnection as _, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::{CustomizeConnection, Pool, PooledConnection};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::conn::{Conn, Tx};
use super::connecting::{Connector, without_url};
use super::error::{StoreError, TxError};
use super::known_clock::KnownClock;
use super::same_ledger::{self, LifeKnown};
use super::text;
use crate::config::settings::DatabaseSettings;
use crate::failpoint;
use crate::telemetry::metrics::metrics;

/// The ledger. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) pool: Pool<Connector>,
    /// Creates a connection outside the pool.
    pub(super) apart: Arc<Connector>,
    pub(super) permits: Arc<Semaphore>,
    /// A limit on the connections that these callers may use together; `None`: all of the pool.
    share: Option<Arc<Semaphore>>,
    call_timeout: Duration,
    statements: Arc<AtomicU64>,
    trouble: Trouble,
    pub(super) life: LifeKnown,
    pub(super) clock: KnownClock,
}

/// The server, and the size of the ledger.
#[derive(Debug, Clone, QueryableByName)]
pub struct ServerRow {
    /// Its version text.
    #[diesel(sql_type = text::Text)]
    pub version: String,
    /// The same as a number, such as 150004.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub number: i32,
    /// The size of the ledger as text.
    #[diesel(sql_type = text::Text)]
    pub size: String,
}

/// How long an unused connection stays open.
const IDLE_CONNECTION: Duration = Duration::from_secs(60);

/// The time of a call without a limit.
const NO_LIMIT: Duration = Duration::from_hours(7 * 24);

/// How long a call waits for a connection when the server is known to be unreachable.
const KNOWN_AWAY: Duration = Duration::from_secs(2);

/// The settings of a connection, for the statements of pages, batches and polls.
pub(super) const HOT_SESSION: &str = include_str!("sql/hot_session.sql");

/// The start of a transaction without these settings.
pub(super) const COLD_BEGIN: &str = include_str!("sql/cold_begin.sql");

/// Why the last connection could not be opened; cleared by the next success.
type Trouble = Arc<Mutex<Option<String>>>;

/// Sets what every connection needs, and counts its statements. The settings of hot statements are those of the connection, so that they
/// cost no statement of their own. [`Store::run`] sets them aside: its prepared statements are planned at each execution with their
/// parameters, because the filters of people's requests vary.
#[derive(Debug)]
struct Prepare {
    statement_timeout: Duration,
    writes: Writes,
    statements: Arc<AtomicU64>,
    trouble: Trouble,
    life: LifeKnown,
}

/// Whether the connections of a [`Store`] may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// They may.
    Allowed,
    /// The server refuses every statement that would write.
    Refused,
}

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for Prepare {
    fn on_acquire(&self, conn: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        let millis = self.statement_timeout.as_millis();
        let read_only = if self.writes == Writes::Refused { "on" } else { "off" };
        diesel::sql_query(format!(
            "SELECT set_config('statement_timeout', '{millis}', false), set_config('lock_timeout', '{millis}', false), \
             set_config('idle_in_transaction_session_timeout', '{millis}', false), set_config('timezone', 'UTC', false), \
             set_config('application_name', 'tieline', false), \
             set_config('default_transaction_read_only', '{read_only}', false)"
        ))
        .execute(conn)
        .and_then(|_| conn.batch_execute(HOT_SESSION))
        .map_err(diesel::r2d2::Error::QueryError)?;
        same_ledger::same_ledger(conn, &self.life).map_err(diesel::r2d2::Error::QueryError)?;
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let statements = self.statements.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                statements.fetch_add(1, Ordering::Relaxed);
                failpoint::statement(&query, "before");
            }
            InstrumentationEvent::FinishQuery { query, .. } => failpoint::statement(&query, "after"),
            _ => {}
        });
        Ok(())
    }
}

impl Store {
    /// A pool of connections. Does not wait for the server; the first call does.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] when the pool cannot be created.
    pub fn connect(settings: &DatabaseSettings, url: &SecretString) -> Result<Self, StoreError> {
        Self::connect_with(settings, url, Writes::Allowed)
    }

    /// The same, with connections that may write or may not.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub fn connect_with(settings: &DatabaseSettings, url: &SecretString, writes: Writes) -> Result<Self, StoreError> {
        let statements = Arc::new(AtomicU64::new(0));
        let manager = Connector::new(with_limits(url.expose_secret()));
        let apart = Arc::new(Connector::new(with_limits(url.expose_secret())));
        let trouble = Trouble::default();
        let life = LifeKnown::default();
        let prepare = Prepare {
            statement_timeout: settings.statement_timeout,
            writes,
            statements: statements.clone(),
            trouble: trouble.clone(),
            life: life.clone(),
        };
        let pool = Pool::builder()
            .max_size(settings.pool_size)
            // opened on demand: a short command needs only one
            .min_idle(Some(0))
            // each keeps a process of the server; an idle service needs one
            .idle_timeout(Some(IDLE_CONNECTION))
            .connection_timeout(settings.call_timeout.min(Duration::from_secs(10)))
            // a lost connection is found when its next transaction begins; a test of its own would be one more statement for each
            .test_on_check_out(false)
            .connection_customizer(Box::new(prepare))
            .error_handler(Box::new(QuietHandler(trouble.clone())))
            .build_unchecked(manager);
        let permits = Arc::new(Semaphore::new(settings.pool_size as usize));
        Ok(Self {
            pool,
            apart,
            permits,
            share: None,
            call_timeout: settings.call_timeout,
            statements,
            trouble,
            life,
            clock: KnownClock::default(),
        })
    }

    /// The same ledger for callers that may use this many connections together, so that others always find one.
    pub fn shared_by(&self, connections: usize) -> Self {
        Self { share: Some(Arc::new(Semaphore::new(connections.max(1)))), ..self.clone() }
    }

    /// The same ledger for a call that may take as long as it needs. A lost server still ends it: the connection has limits of its own.
    pub(super) fn without_time_limit(&self) -> Self {
        Self { call_timeout: NO_LIMIT, ..self.clone() }
    }

    /// Runs `work` in one transaction on a thread that may block.
    ///
    /// # Errors
    /// Every [`StoreError`]. If the caller stops waiting, the transaction still ends, with a commit or a rollback.
    pub(crate) async fn run<T, F>(&self, what: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Tx<T> + Send + 'static,
    {
        self.run_within(what, COLD_BEGIN, work).await
    }

    /// Like [`Store::run`], for statements that run with every page, every batch or every second: each connection plans them once, as
    /// written, whatever the server's statistics say about the sizes of the tables.
    ///
    /// # Errors
    /// As for [`Store::run`].
    pub(crate) async fn run_hot<T, F>(&self, what: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Tx<T> + Send + 'static,
    {
        self.run_within(what, "BEGIN", work).await
    }

    /// Runs a single statement, like [`Store::run_hot`], without a transaction around it: the statement is its own. If the server refuses
    /// it, or the connection was lost, it is repeated; a transaction then shows whether the ledger is still the same one. A statement that
    /// writes must check this itself, and must do no harm when it is repeated after a lost answer.
    ///
    /// # Errors
    /// As for [`Store::run`].
    pub(crate) async fn run_single<T, F>(&self, what: &'static str, statement: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Conn) -> Tx<T> + Send + 'static,
    {
        self.measured(what, move |caller| caller.single(&statement)).await
    }

    async fn run_within<T, F>(&self, what: &'static str, begin: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Tx<T> + Send + 'static,
    {
        self.measured(what, move |caller| caller.transaction(begin, work)).await
    }

    async fn measured<T, F>(&self, what: &'static str, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Caller) -> Result<T, StoreError> + Send + 'static,
    {
        let started = Instant::now();
        let done = self.in_time(what, call).await;
        metrics().ledger.store_called(what, started.elapsed());
        done
    }

    async fn in_time<T, F>(&self, what: &'static str, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Caller) -> Result<T, StoreError> + Send + 'static,
    {
        let hanging = || StoreError::Hanging { what, seconds: self.call_timeout.as_secs() };
        let started = Instant::now();
        let permits = async {
            let share = match &self.share {
                Some(share) => Some(share.clone().acquire_owned().await),
                None => None,
            };
            (share, self.permits.clone().acquire_owned().await)
        };
        let permits = tokio::time::timeout(self.call_timeout, permits).await.map_err(|_| hanging())?;
        // while the server is known to be unreachable, calls wait only briefly, because other calls wait for the same permits
        let longest = self.pool.connection_timeout();
        let patience = if self.trouble().is_some() { KNOWN_AWAY.min(longest) } else { longest };
        let (pool, trouble, life) = (self.pool.clone(), self.trouble.clone(), self.life.clone());
        let caller = Caller { what, started, pool, patience, trouble, life };
        let task = tokio::task::spawn_blocking(move || {
            // kept until the work ends, even if the caller stops waiting
            let _permits = permits;
            failpoint::transaction(Some(what));
            let done = call(&caller);
            failpoint::transaction(None);
            done
        });
        match tokio::time::timeout(self.call_timeout, task).await {
            Err(_) => Err(hanging()),
            Ok(Err(_)) => Err(StoreError::Panicked { what }),
            Ok(Ok(result)) => result,
        }
    }

    /// Why no connection can be opened at present, without a call; `None` as far as this process knows that it works.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections in use and idle.
    pub fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections - state.idle_connections.min(state.connections), state.idle_connections)
    }

    /// Statements sent since the start, for the test of a page's statement budget.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The server and the size of the ledger, for `doctor`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn server(&self) -> Result<ServerRow, StoreError> {
        self.run("say what it is", |conn| {
            let row = diesel::sql_query(
                "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int4 AS number, \
                 pg_size_pretty(pg_database_size(current_database())) AS size",
            );
            Ok(row.get_result(conn)?)
        })
        .await
    }

    /// Checks that the server answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.run("say that it is alive", |conn| Ok(diesel::sql_query("SELECT 1").execute(conn).map(drop)?)).await
    }
}

/// Why no connection was available. The pool reports its last error only to the first waiting call and a timeout to the others; the error
/// that was kept says more.
fn unreachable(trouble: &Trouble, error: &r2d2::Error) -> StoreError {
    let known = trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
    StoreError::Unreachable { problem: known.unwrap_or_else(|| without_url(&error.to_string())) }
}

/// Why no transaction was begun.
enum NotBegun {
    Sql(Box<PooledConnection<Connector>>, diesel::result::Error),
    Pool(r2d2::Error),
}

/// A call on the thread that may block.
struct Caller {
    what: &'static str,
    /// When it began to wait for a connection.
    started: Instant,
    pool: Pool<Connector>,
    patience: Duration,
    trouble: Trouble,
    life: LifeKnown,
}

impl Caller {
    /// Runs `work` in a transaction.
    fn transaction<T>(&self, begin: &str, work: impl FnOnce(&mut Conn) -> Tx<T>) -> Result<T, StoreError> {
        // the settings in `begin` cost no statement of their own
        let sql = same_ledger::begin_in_life(begin, &self.life);
        match self.on_live_connection(|conn| AnsiTransactionManager::begin_transaction_sql(conn, &sql)) {
            Ok((mut conn, ())) => in_transaction(&mut conn, work).map_err(|error| error.into_store(self.what)),
            Err(NotBegun::Sql(mut conn, error)) => {
                // ends what was started before the error
                let _ = conn.batch_execute("ROLLBACK");
                Err(same_ledger::not_begun(error, &self.life).into_store(self.what))
            }
            Err(NotBegun::Pool(error)) => Err(unreachable(&self.trouble, &error)),
        }
    }

    /// Runs a statement alone; see [`Store::run_single`].
    fn single<T>(&self, statement: &impl Fn(&mut Conn) -> Tx<T>) -> Result<T, StoreError> {
        let run = |conn: &mut Conn| match statement(conn) {
            Ok(value) => Ok(Ok(value)),
            Err(TxError::Sql(error)) => Err(error),
            Err(TxError::Store(error)) => Ok(Err(error)),
        };
        match self.on_live_connection(run) {
            Ok((_, done)) => done,
            Err(NotBegun::Sql(conn, _)) => {
                drop(conn);
                self.transaction("BEGIN", statement)
            }
            Err(NotBegun::Pool(error)) => Err(unreachable(&self.trouble, &error)),
        }
    }

    /// Runs `first` on a connection. A connection that the server has closed since it was last used is replaced, by another unused one or
    /// by a new one.
    fn on_live_connection<T>(&self, first: impl Fn(&mut Conn) -> QueryResult<T>) -> Result<(PooledConnection<Connector>, T), NotBegun> {
        let mut lost = 0;
        loop {
            let mut conn = self.pool.get_timeout(self.patience).map_err(NotBegun::Pool)?;
            metrics().ledger.store_waited(self.started.elapsed());
            let error = match first(&mut conn) {
                Ok(value) => return Ok((conn, value)),
                Err(error) => error,
            };
            if !is_lost(&error) {
                return Err(NotBegun::Sql(Box::new(conn), error));
            }
            // the pool then drops it
            AnsiTransactionManager::transaction_manager_status_mut(&mut *conn).set_in_error();
            lost += 1;
            // more than all of the pool: the last one was new
            if lost > self.pool.max_size() {
                return Err(NotBegun::Sql(Box::new(conn), error));
            }
        }
    }
}

/// Whether the connection itself is gone.
fn is_lost(error: &diesel::result::Error) -> bool {
    use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    matches!(error, diesel::result::Error::DatabaseError(ClosedConnection | UnableToSendCommand, _))
}

/// Runs `work` in the transaction that was begun, and ends it.
fn in_transaction<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Tx<T>) -> Tx<T> {
    match work(conn) {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => match AnsiTransactionManager::rollback_transaction(conn) {
            // the error that lost the connection says more than the loss
            Ok(()) | Err(diesel::result::Error::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback.into()),
        },
    }
}

/// r2d2 logs every failed connection attempt at error level; these errors are reported where they are handled.
#[derive(Debug)]
struct QuietHandler(Trouble);

impl<E: std::error::Error> r2d2::HandleError<E> for QuietHandler {
    fn handle_error(&self, error: E) {
        let problem = without_url(&error.to_string());
        tracing::debug!(error = problem, "no database connection");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }
}

/// Adds time limits to a url that has none.
fn with_limits(url: &str) -> String {
    let mut text = url.to_owned();
    for (key, value) in [
        ("connect_timeout", "5"),
        ("keepalives_idle", "15"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "30000"),
    ] {
        if !text.contains(&format!("{key}=")) {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(&format!("{key}={value}"));
        }
    }
    text
}
