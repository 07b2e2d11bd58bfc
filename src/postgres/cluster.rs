//! Creates, starts, adopts and stops the server.
//!
//! `<state>/postgres/` contains `data/`, `sock/`, `password`, `server.log` and two lock files. `start.lock` allows one process at a time to
//! start or stop the server. `users.lock` is held, shared, by every process that uses the server: a second process adopts the running
//! server, and the last one to leave stops it. The kernel releases both when a process dies, so a server left by a killed process has an
//! owner again at the next start.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tracing::{info, warn};

use crate::config::settings::{DatabaseSettings, StateSettings};
use crate::config::{make_state_directory, open_private};
use crate::credentials::key_ring::random;
use crate::retry;

use super::ClusterError;
use super::account::Account;
use super::installed_servers::{Places, Programs, find};

/// The name of the superuser, the database, and the connections.
const NAME: &str = "tieline";
/// `sun_path` holds 107 bytes and a zero (unix(7)).
const SOCKET_LIMIT: usize = 107;
/// How long the server may take to start, recovery included, or to stop, in seconds.
const START_LIMIT: u64 = 300;
const STOP_LIMIT: u64 = 60;
/// After a crash: how long the dead server's children may hold its shared memory, and how long a server may refuse connections.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
/// At a start, a log larger than this (in bytes) is replaced; one old log is kept.
const LOG_LIMIT: u64 = 16 << 20;
/// Enough for a small server on one machine; the operating system's page cache does the rest.
const SHARED_BUFFERS: &str = "64MB";
const MAX_CONNECTIONS: u32 = 40;

/// How the server was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// New data were created.
    Created,
    /// Existing data.
    Started,
    /// It was running already.
    Adopted,
}

/// A running private cluster. Dropping it does not stop the server; [`Cluster::stop`] stops it unless others use it.
#[derive(Debug)]
pub struct Cluster {
    place: Place,
    password: SecretString,
    origin: Origin,
    users: File,
    /// Set once this process no longer uses the server: then it must not be restarted.
    left: Arc<AtomicBool>,
}

/// Restarts a cluster's server after it has died. Cheap to clone; does nothing once the [`Cluster`] was left.
#[derive(Debug, Clone)]
pub struct ServerWatchdog {
    place: Place,
    password: SecretString,
    left: Arc<AtomicBool>,
}

/// Starts the private cluster, or joins a running one. Creates its data at the first use (1 to 2 s, later 0.1 s).
///
/// # Errors
/// Every [`ClusterError`].
pub fn start(state: &StateSettings, database: &DatabaseSettings) -> Result<Cluster, ClusterError> {
    let directory = state.directory.join("postgres");
    check_path(&directory)?;
    let account = Account::choose(&directory.join("data"), &state.directory)?;
    let made = |path: &Path| {
        let path = path.to_owned();
        move |source| ClusterError::File { path, action: "made", source }
    };
    make_state_directory(&state.directory, account.passer())?;
    account.reaches(&directory)?;
    for path in [directory.clone(), directory.join("sock")] {
        fs::create_dir_all(&path).and_then(|()| account.own(&path, 0o700)).map_err(made(&path))?;
    }

    let _starting = lock(&directory.join("start.lock"))?;
    let data = directory.join("data");
    let major = data_version(&data)?;
    let programs = find(&Places::of_this_machine(database.bin_directory.clone()), major.map(|major| (major, data.as_path())))?;
    let place = Place { programs, account, directory };
    let password = if major.is_some() { place.stored_password()? } else { place.new_password()? };
    let mut origin = Origin::Adopted;
    if major.is_none() {
        place.init(database.durable)?;
        origin = Origin::Created;
    }

    let launched = place.bring_up(&password, Some(database))?;
    if launched && origin == Origin::Adopted {
        origin = Origin::Started;
    }
    place.create_database(&password)?;
    let users = open(&place.directory.join("users.lock"))?;
    users.lock_shared().map_err(|source| place.file("users.lock", "locked", source))?;
    info!(directory = %place.directory.display(), postgres = place.programs.major, ?origin, "private database runs");
    Ok(Cluster { place, password, origin, users, left: Arc::default() })
}

impl Cluster {
    /// The url of the database `tieline`, password included.
    pub fn url(&self) -> SecretString {
        let socket = self.place.directory.join("sock");
        let host: String = url::form_urlencoded::byte_serialize(socket.as_os_str().as_encoded_bytes()).collect();
        let password = self.password.expose_secret();
        format!("postgresql://{NAME}:{password}@/{NAME}?host={host}&port=5432&application_name={NAME}").into()
    }

    /// How the server was started.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The major version of the server.
    pub fn major(&self) -> u32 {
        self.place.programs.major
    }

    /// The directory of the server's programs.
    pub fn programs(&self) -> &Path {
        &self.place.programs.directory
    }

    /// `<state>/postgres`, which holds the data, the socket and the log.
    pub fn directory(&self) -> &Path {
        &self.place.directory
    }

    /// The task that restarts the server while it is used.
    pub fn watchdog(&self) -> ServerWatchdog {
        ServerWatchdog { place: self.place.clone(), password: self.password.clone(), left: self.left.clone() }
    }

    /// Leaves the server, and stops it when nobody else uses it. Open transactions are rolled back.
    ///
    /// # Errors
    /// When `pg_ctl stop` fails, or the server does not stop within a minute.
    pub fn stop(self) -> Result<(), ClusterError> {
        let Self { place, users, left, .. } = self;
        let _stopping = lock(&place.directory.join("start.lock"))?;
        left.store(true, Ordering::SeqCst);
        drop(users);
        let users = open(&place.directory.join("users.lock"))?;
        match users.try_lock() {
            Ok(()) => place.shut_down(),
            Err(fs::TryLockError::WouldBlock) => {
                info!(directory = %place.directory.display(), "private database keeps running, because other processes use it");
                Ok(())
            }
            Err(fs::TryLockError::Error(source)) => Err(place.file("users.lock", "locked", source)),
        }
    }

    #[cfg(test)]
    pub(super) fn psql(&self, sql: &str) -> Command {
        self.place.psql(&self.password, NAME, sql)
    }

    #[cfg(test)]
    pub(super) fn query(&self, sql: &str) -> String {
        self.place.query(&self.password, NAME, sql).expect("psql runs").expect("the statement is good")
    }
}

impl ServerWatchdog {
    /// Checks once; `true` when the server was dead and runs again. A server that runs and does not answer is not touched, because two
    /// servers on one directory would destroy it. Nothing is done either while another process starts or stops the server.
    ///
    /// # Errors
    /// Every [`ClusterError`] of a start: check again later.
    pub fn check(&self) -> Result<bool, ClusterError> {
        let starting = open(&self.place.directory.join("start.lock"))?;
        match starting.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(false),
            Err(fs::TryLockError::Error(source)) => return Err(self.place.file("start.lock", "locked", source)),
        }
        if self.left.load(Ordering::SeqCst) || self.place.alive()? {
            return Ok(false);
        }
        warn!(directory = %self.place.directory.display(), "the private database has died; it is started again");
        self.place.bring_up(&self.password, None)
    }
}

/// The place of the server, and its configuration.
#[derive(Debug, Clone)]
pub(super) struct Place {
    programs: Programs,
    account: Account,
    pub(super) directory: PathBuf,
}

impl Place {
    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn file(&self, name: &str, action: &'static str, source: io::Error) -> ClusterError {
        ClusterError::File { path: self.directory.join(name), action, source }
    }

    fn command(&self, program: &str) -> Command {
        self.account.command(&self.programs.directory.join(program))
    }

    fn run(&self, program: &'static str, command: &mut Command) -> Result<Output, ClusterError> {
        command.output().map_err(|source| ClusterError::Run { program: self.programs.directory.join(program), source })
    }

    /// The superuser's password, created with the data.
    fn stored_password(&self) -> Result<SecretString, ClusterError> {
        let path = self.directory.join("password");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ClusterError::PasswordMissing { path }),
            Err(source) => Err(self.file("password", "read", source)),
        }
    }

    /// Creates the superuser's password, for data that are created next.
    fn new_password(&self) -> Result<SecretString, ClusterError> {
        let path = self.directory.join("password");
        let password = SecretString::from(hex::encode(random::<24>()?));
        let write = || {
            let _ = fs::remove_file(&path);
            let mut file = private_file(&path)?;
            self.account.own(&path, 0o600)?;
            file.write_all(password.expose_secret().as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| self.file("password", "written", source))?;
        Ok(password)
    }

    /// Creates the data under another name and renames them when they are complete, so that a kill in between leaves none.
    fn init(&self, durable: bool) -> Result<(), ClusterError> {
        info!(directory = %self.directory.display(), postgres = self.programs.major, "making the private database");
        let draft = self.directory.join("data.new");
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(|source| self.file("data.new", "removed", source))?;
        }
        let mut command = self.command("initdb");
        // locale C: an upgrade of the C library cannot break the order of an index
        command.args(["--username", NAME, "--encoding", "UTF8", "--locale", "C", "--data-checksums"]);
        command.args(["--auth-local", "scram-sha-256", "--auth-host", "scram-sha-256"]);
        command.arg("--pwfile").arg(self.directory.join("password")).arg("-D").arg(&draft);
        if !durable {
            command.arg("--no-sync");
        }
        let output = self.run("initdb", &mut command)?;
        if !output.status.success() {
            let _ = fs::remove_dir_all(&draft);
            return Err(ClusterError::program(self.directory.clone(), "initdb", said(&output)));
        }
        let finish = || {
            let mut file = File::options().append(true).open(draft.join("postgresql.conf"))?;
            file.write_all(b"\n# Tieline writes tieline.conf again at every start. Settings below this line win.\ninclude_if_exists = 'tieline.conf'\n")?;
            file.sync_all()?;
            fs::rename(&draft, self.data())?;
            File::open(&self.directory)?.sync_all()
        };
        finish().map_err(|source| self.file("data", "made", source))
    }

    /// The settings that depend on the place of the data and on Tieline's own settings.
    fn configure(&self, database: &DatabaseSettings) -> Result<(), ClusterError> {
        let socket = self.directory.join("sock").display().to_string().replace('\'', "''");
        let connections = MAX_CONNECTIONS.max(database.pool_size + 16);
        let mut text = format!(
            "# Written by Tieline at every start: changes here are lost. Put yours at the end of postgresql.conf.\n\
             listen_addresses = ''\nport = 5432\nunix_socket_directories = '\"{socket}\"'\nunix_socket_permissions = 0700\n\
             shared_buffers = {SHARED_BUFFERS}\nmax_connections = {connections}\njit = off\n\
             wal_compression = on\nmin_wal_size = 80MB\nmax_wal_size = 1GB\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n\
             log_min_messages = warning\nlog_error_verbosity = terse\nlog_checkpoints = off\nlog_line_prefix = '%m [%p] '\n"
        );
        if !database.durable {
            // commits still reach the operating system: a killed server loses nothing, only a power failure does
            text.push_str("fsync = off\nfull_page_writes = off\n");
        }
        let path = self.data().join("tieline.conf");
        fs::write(&path, text)
            .and_then(|()| self.account.own(&path, 0o600))
            .map_err(|source| self.file("data/tieline.conf", "written", source))
    }

    /// Whether the server of these data runs. Removes a `postmaster.pid` with a process that is certainly not this server: after a restart
    /// of a container the number may belong to any process, and without an init that reaps children a dead server stays as a zombie;
    /// Postgres considers both alive.
    fn alive(&self) -> Result<bool, ClusterError> {
        let path = self.data().join("postmaster.pid");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(self.file("data/postmaster.pid", "read", source)),
        };
        let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<i32>().ok()).filter(|pid| *pid > 0) else {
            return Ok(false); // half written: Postgres decides
        };
        if nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) == Err(nix::errno::Errno::ESRCH) {
            return Ok(false); // Postgres itself clears up after it
        }
        match is_server_of(pid, &self.data()) {
            Some(false) => {
                warn!(pid, directory = %self.directory.display(), "the private database was not stopped properly; its lock file names another process and is removed");
                fs::remove_file(&path).map_err(|source| self.file("data/postmaster.pid", "removed", source))?;
                Ok(false)
            }
            Some(true) | None => Ok(true),
        }
    }

    /// Starts the server unless it runs, and waits until it accepts connections; `true` when it was started. The caller holds `start.lock`.
    /// Without settings, those of the last start are used.
    fn bring_up(&self, password: &SecretString, database: Option<&DatabaseSettings>) -> Result<bool, ClusterError> {
        let mut launched = false;
        let ask = || {
            if !self.alive()? {
                if let Some(database) = database {
                    self.configure(database)?;
                }
                self.launch()?;
                launched = true;
            }
            // a running process is not enough: it may be starting, stopping, or another user's
            self.query(password, "postgres", "select 1")
        };
        let is_final = |answer: &Result<_, String>| answer.as_ref().err().is_none_or(|output| output.contains("authentication failed"));
        match retry::until_late_blocking(POLL, PATIENCE, ask, is_final)? {
            Ok(_) => Ok(launched),
            Err(output) => Err(ClusterError::NoAnswer { path: self.directory.clone(), seconds: PATIENCE.as_secs(), output }),
        }
    }

    fn launch(&self) -> Result<(), ClusterError> {
        let log = self.directory.join("server.log");
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > LOG_LIMIT) {
            let kept = self.directory.join("server.log.old");
            fs::rename(&log, kept).map_err(|source| self.file("server.log", "renamed", source))?;
        }
        // after a kill, the old server's children hold its shared memory until they notice
        let passing = |output: &String| output.contains("pre-existing shared memory block") || output.contains("already exists");
        let is_final = |refusal: &Option<String>| !refusal.as_ref().is_some_and(passing);
        match retry::until_late_blocking(POLL, PATIENCE, || self.launch_once(&log), is_final)? {
            None => Ok(()),
            Some(output) => Err(ClusterError::program(self.directory.clone(), "pg_ctl start", output)),
        }
    }

    /// One attempt; answers what the server wrote to its log if it did not start.
    fn launch_once(&self, log: &Path) -> Result<Option<String>, ClusterError> {
        let before = fs::metadata(log).map_or(0, |metadata| metadata.len());
        let mut command = self.command("pg_ctl");
        command.args(["start", "-w", "-t", &START_LIMIT.to_string()]).arg("-D").arg(self.data()).arg("-l").arg(log);
        // never a pipe: the server would keep its other end open, and we would wait for its end forever
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let status = status.map_err(|source| ClusterError::Run { program: self.programs.directory.join("pg_ctl"), source })?;
        if status.success() {
            return Ok(None);
        }
        let output = tail(log, before);
        Ok(Some(if output.is_empty() { format!("{status}; see {}", log.display()) } else { output }))
    }

    fn psql(&self, password: &SecretString, database: &str, sql: &str) -> Command {
        let mut command = self.command("psql");
        command.env("PGPASSWORD", password.expose_secret()).env("PGCONNECT_TIMEOUT", "5");
        command.args(["-X", "-A", "-t", "-q", "-w", "-p", "5432", "-U", NAME, "-d", database, "-c", sql]);
        command.arg("-h").arg(self.directory.join("sock"));
        command
    }

    /// Runs one statement. The inner error is the server's.
    fn query(&self, password: &SecretString, database: &str, sql: &str) -> Result<Result<String, String>, ClusterError> {
        let output = self.run("psql", &mut self.psql(password, database, sql))?;
        Ok(if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()) } else { Err(said(&output)) })
    }

    fn create_database(&self, password: &SecretString) -> Result<(), ClusterError> {
        let ask = |sql: &str| {
            let answer = self.query(password, "postgres", sql)?;
            answer.map_err(|output| ClusterError::program(self.directory.clone(), "psql", output))
        };
        if ask(&format!("select 1 from pg_database where datname = '{NAME}'"))?.is_empty() {
            ask(&format!("create database {NAME}"))?;
        }
        Ok(())
    }

    fn shut_down(&self) -> Result<(), ClusterError> {
        if !self.alive()? {
            return Ok(());
        }
        let mut command = self.command("pg_ctl");
        command.args(["stop", "-w", "-t", &STOP_LIMIT.to_string(), "-m", "fast"]).arg("-D").arg(self.data());
        let output = self.run("pg_ctl", &mut command)?;
        if !output.status.success() && self.alive()? {
            return Err(ClusterError::program(self.directory.clone(), "pg_ctl stop", said(&output)));
        }
        info!(directory = %self.directory.display(), "private database stopped");
        Ok(())
    }
}

fn check_path(directory: &Path) -> Result<(), ClusterError> {
    let bad = |problem: String| Err(ClusterError::BadPath { path: directory.to_owned(), problem });
    let socket = directory.join("sock/.s.PGSQL.5432");
    let length = socket.as_os_str().len();
    if length > SOCKET_LIMIT {
        return bad(format!("the path of its socket would be {length} bytes long, and a Unix socket can have {SOCKET_LIMIT}"));
    }
    // `pg_ctl` puts the path in double quotes into a shell command
    match directory.to_str() {
        None => bad("its name is not UTF-8".into()),
        Some(text) if text.contains(['"', '$', '`', '\\']) || text.contains(char::is_control) => {
            bad("its name holds one of `\"`, `$`, a backquote, `\\` or a control character".into())
        }
        Some(_) => Ok(()),
    }
}

/// The major version of the data; `None` when there are none.
fn data_version(data: &Path) -> Result<Option<u32>, ClusterError> {
    let path = data.join("PG_VERSION");
    let fail = |source| ClusterError::File { path: path.clone(), action: "read", source };
    match fs::read_to_string(&path) {
        Ok(text) => {
            let major = text.trim().split('.').next().and_then(|major| major.parse().ok());
            let wrong = || fail(io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is no version", text.trim())));
            major.map(Some).ok_or_else(wrong)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(fail(source)),
    }
}

/// Whether a live process is the server of these data; `None` if that is unknown (no `/proc`, or no permission).
fn is_server_of(pid: i32, data: &Path) -> Option<bool> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let dead = matches!(rest.trim_start().chars().next(), Some('Z' | 'X'));
    if dead || !(name.starts_with("postgres") || name.starts_with("postmaster")) {
        return Some(false);
    }
    // the server works in its data directory
    let cwd = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    Some(cwd == fs::canonicalize(data).ok()?)
}

fn open(path: &Path) -> Result<File, ClusterError> {
    open_private(path).map_err(|source| ClusterError::File { path: path.to_owned(), action: "opened", source })
}

/// Waits until no other process starts or stops the server.
fn lock(path: &Path) -> Result<File, ClusterError> {
    let file = open(path)?;
    file.lock().map_err(|source| ClusterError::File { path: path.to_owned(), action: "locked", source })?;
    Ok(file)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A program's output on one line.
fn said(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    last_lines(&text)
}

/// The content of a log after an offset.
fn tail(log: &Path, from: u64) -> String {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(64 << 10).read_to_end(&mut text)
    });
    read.map_or_else(|_| String::new(), |_| last_lines(&String::from_utf8_lossy(&text)))
}

/// The last lines as one, without empty ones.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].join(" / ")
}
