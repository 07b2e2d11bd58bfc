//! PostgreSQL servers that a test may damage: the service's private one, and a primary with its standby on loopback.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

use super::node::wait_for;
use crate::binary::free_port;

const LIMIT: Duration = Duration::from_secs(60);

/// The private server of a service. It is killed when dropped.
pub struct Private {
    /// The service's state directory.
    pub state: PathBuf,
}

impl Private {
    fn data(&self) -> PathBuf {
        self.state.join("postgres/data")
    }

    /// The server's process, by its lock file.
    pub fn pid(&self) -> Option<i32> {
        pid_of(&self.data())
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().expect("it runs")), signal).unwrap();
    }

    /// Queries the Tieline database; empty while the server is down.
    pub fn psql(&self, sql: &str) -> String {
        let password = fs::read_to_string(self.state.join("postgres/password")).unwrap_or_default();
        let socket = self.state.join("postgres/sock").display().to_string();
        psql(&[("PGPASSWORD", &password)], &["-h", &socket, "-p", "5432", "-U", "tieline", "-d", "tieline"], sql)
    }

    pub fn pg_ctl(&self, arguments: &[&str]) -> bool {
        let (data, log) = (self.data(), self.state.join("postgres/server.log"));
        let owner = fs::metadata(&data).unwrap();
        let mut command = Command::new(program("pg_ctl"));
        if geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.args(arguments).arg("-D").arg(data).arg("-l").arg(log).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin");
        quiet(&mut command).status().unwrap().success()
    }

    /// Asserts that exactly one server uses the data, after the processes of a killed one have ended.
    pub fn one(&self) {
        wait_for("one server works on the data", LIMIT, || {
            let all = processes(&self.data());
            let parents: Vec<i32> =
                all.iter().filter(|(_, parent)| !all.iter().any(|(pid, _)| pid == parent)).map(|(pid, _)| *pid).collect();
            (parents.as_slice() == self.pid().as_slice() && parents.len() == 1).then_some(())
        });
    }

    /// Writes to the server until a write fails.
    pub fn write_until_full(&self) {
        // no server or a refusal: both are expected
        let sql = "CREATE TABLE filler AS SELECT repeat('x', 200) AS x FROM generate_series(1, 100000)";
        wait_for("the server has no space left", LIMIT, || {
            let _ = self.psql(sql);
            fs::read_to_string(self.state.join("postgres/server.log")).unwrap().contains("No space left").then_some(())
        });
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        end(&self.data());
    }
}

/// How a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Open transactions are rolled back and clients are disconnected, as in an administrator's restart.
    Fast,
    /// Immediately; the next start recovers.
    Immediate,
    /// Killed with all its processes.
    Killed,
}

/// A server on loopback that trusts every local connection. It is killed when dropped.
pub struct Server {
    directory: tempfile::TempDir,
    pub port: u16,
}

impl Server {
    /// A new one with an empty database `tieline`; with a synchronous standby to come, without.
    pub fn primary(synchronous: bool) -> Self {
        let server = Self::empty();
        let mut command = server.command("initdb");
        command.args(["--username", "tieline", "--encoding", "UTF8", "--locale", "C", "--auth", "trust", "--no-sync", "-D"]);
        assert!(quiet(command.arg(server.data())).status().unwrap().success(), "initdb");
        server.start(if synchronous { " -c synchronous_standby_names=*" } else { "" });
        if !synchronous {
            server.create_database();
        }
        server
    }

    /// A streaming standby of this one, connected.
    pub fn standby(&self) -> Self {
        let standby = Self::empty();
        let mut command = standby.command("pg_basebackup");
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "tieline",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
            "-D",
        ]);
        assert!(quiet(command.arg(standby.data())).status().unwrap().success(), "pg_basebackup");
        standby.start("");
        wait_for("the standby streams", LIMIT, || {
            (self.ask("postgres", "SELECT sync_state FROM pg_stat_replication") == "sync").then_some(())
        });
        standby
    }

    pub fn create_database(&self) {
        self.ask("postgres", "CREATE DATABASE tieline");
    }

    fn empty() -> Self {
        let directory = tempfile::Builder::new().prefix("tieline-pg-").tempdir().unwrap();
        if let Some(user) = account() {
            chown(directory.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        }
        Self { directory, port: free_port() }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        if let Some(user) = account() {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
        command
    }

    fn start(&self, more: &str) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=32MB -c max_connections=60{more}",
            self.port
        );
        let log = self.directory.path().join("server.log");
        let mut command = self.command("pg_ctl");
        command.args(["start", "-w", "-o", &options, "-D"]).arg(self.data()).arg("-l").arg(&log);
        assert!(quiet(&mut command).status().unwrap().success(), "{}", fs::read_to_string(log).unwrap_or_default());
    }

    pub fn url(&self) -> String {
        format!("postgresql://tieline@127.0.0.1:{}/tieline", self.port)
    }

    /// Queries the Tieline database; empty while the server is down.
    pub fn psql(&self, sql: &str) -> String {
        self.ask("tieline", sql)
    }

    fn ask(&self, database: &str, sql: &str) -> String {
        psql(&[], &["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "tieline", "-d", database], sql)
    }

    /// `kill -9` of the server and all its processes, as when its machine fails.
    pub fn kill(&self) {
        signal_all(&self.data(), Signal::SIGKILL);
    }

    /// Stops the server in this way and starts it again.
    pub fn restart(&self, end: End) {
        if end == End::Killed {
            self.kill();
            wait_for("the server's processes are gone", LIMIT, || processes(&self.data()).is_empty().then_some(()));
            // without a parent that reaps it, the dead server stays a zombie, and the next one would take it for alive
            let _ = fs::remove_file(self.data().join("postmaster.pid"));
        } else {
            let mut command = self.command("pg_ctl");
            command.args(["stop", "-w", "-m", if end == End::Fast { "fast" } else { "immediate" }, "-D"]).arg(self.data());
            assert!(quiet(&mut command).status().unwrap().success(), "pg_ctl stop");
        }
        self.start("");
    }

    /// A backup by `pg_dump`.
    pub fn dump(&self, to: &Path) {
        let mut command = self.client("pg_dump");
        assert!(command.args(["--format=custom", "--file"]).arg(to).status().unwrap().success(), "pg_dump");
    }

    /// Loads such a backup into the empty database.
    pub fn load(&self, from: &Path) {
        let mut command = self.client("pg_restore");
        assert!(command.args(["--exit-on-error", "--no-owner", "--dbname", "tieline"]).arg(from).status().unwrap().success(), "pg_restore");
    }

    /// Loads such a backup over the contents of the database, while clients are connected.
    pub fn load_over(&self, from: &Path) {
        let mut command = self.client("pg_restore");
        let how = ["--clean", "--if-exists", "--exit-on-error", "--no-owner", "--dbname", "tieline"];
        assert!(command.args(how).arg(from).status().unwrap().success(), "pg_restore");
    }

    /// Drops the database and creates it again, empty.
    pub fn empty_database(&self) {
        self.ask("postgres", "DROP DATABASE tieline WITH (FORCE)");
        self.create_database();
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.env("PGDATABASE", "tieline").args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "tieline", "-w"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// A copy of its files, like a file system snapshot.
    pub fn keep_files(&self) {
        self.stop();
        self.copy("data", "kept");
        self.start("");
    }

    /// Restores its files from that copy.
    pub fn put_files_back(&self) {
        self.stop();
        fs::remove_dir_all(self.data()).unwrap();
        self.copy("kept", "data");
        self.start("");
    }

    fn copy(&self, from: &str, to: &str) {
        let place = |name: &str| self.directory.path().join(name);
        assert!(Command::new("cp").arg("-a").arg(place(from)).arg(place(to)).status().unwrap().success(), "cp");
    }

    fn stop(&self) {
        let mut command = self.command("pg_ctl");
        assert!(quiet(command.args(["stop", "-w", "-m", "fast", "-D"]).arg(self.data())).status().unwrap().success(), "pg_ctl stop");
    }

    pub fn promote(&self) {
        let mut command = self.command("pg_ctl");
        assert!(quiet(command.args(["promote", "-w", "-D"]).arg(self.data())).status().unwrap().success(), "promote");
    }

    /// Suspends all its processes until the value is dropped.
    pub fn hang(&self) -> Hanging {
        signal_all(&self.data(), Signal::SIGSTOP);
        Hanging(self.data())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&self.data());
    }
}

/// A suspended server.
pub struct Hanging(PathBuf);

impl Drop for Hanging {
    fn drop(&mut self) {
        signal_all(&self.0, Signal::SIGCONT);
    }
}

/// A small disk of its own.
pub struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// A disk of N megabytes; `None` if the test may not mount one.
    pub fn mount(megabytes: u32) -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("tieline-disk-").tempdir_in("/tmp").unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=755"), "tmpfs"]).arg(directory.path());
        let mounted = geteuid().is_root() && quiet(&mut command).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills all free space.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.path().join("filler")).unwrap();
        fs::set_permissions(self.path().join("filler"), fs::Permissions::from_mode(0o600)).unwrap();
        let block = vec![7_u8; 1 << 16];
        while file.write_all(&block).is_ok() {}
    }

    pub fn free(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = quiet(Command::new("umount").arg("-l").arg(self.0.path())).status();
    }
}

/// The account a server runs as when the test runs as root, which PostgreSQL refuses.
fn account() -> Option<User> {
    if geteuid().is_root() { User::from_name("postgres").unwrap() } else { None }
}

/// A program of PostgreSQL: of the newest version under `/usr/lib/postgresql`, or on the PATH.
fn program(name: &str) -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.exists()).collect();
    places.sort();
    places.pop().unwrap_or_else(|| name.into())
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// Empty when it fails.
fn psql(environment: &[(&str, &str)], place: &[&str], sql: &str) -> String {
    let mut command = Command::new(program("psql"));
    command.envs(environment.iter().copied()).env("PGCONNECT_TIMEOUT", "5").args(place);
    let output = command.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
    if output.status.success() { String::from_utf8(output.stdout).unwrap().trim_end().to_owned() } else { String::new() }
}

fn pid_of(data: &Path) -> Option<i32> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

/// The running processes that use this data directory, each with its parent.
fn processes(data: &Path) -> Vec<(i32, i32)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let of = |entry: fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        if fs::read_link(entry.path().join("cwd")).ok()? != data {
            return None;
        }
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
        let state = rest.next()?;
        (!["Z", "X"].contains(&state)).then_some((pid, rest.next()?.parse().ok()?))
    };
    entries.filter_map(of).collect()
}

fn signal_all(data: &Path, signal: Signal) {
    for (pid, _) in processes(data) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn end(data: &Path) {
    signal_all(data, Signal::SIGKILL);
    // their directory is removed next
    wait_for("the server's processes are gone", LIMIT, || processes(data).is_empty().then_some(()));
}
