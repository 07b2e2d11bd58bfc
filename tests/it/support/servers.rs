//! Servers that a test may harm: the service's private one, and a primary with its standby on loopback.

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

/// The private server of a service; gone at the end, whatever the test did.
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

    /// Asks the ledger; empty while the server is away.
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

    /// One server alone works on the data, once what a killed one left has gone.
    pub fn one(&self) {
        wait_for("one server works on the data", LIMIT, || {
            let all = processes(&self.data());
            let parents: Vec<i32> =
                all.iter().filter(|(_, parent)| !all.iter().any(|(pid, _)| pid == parent)).map(|(pid, _)| *pid).collect();
            (parents.as_slice() == self.pid().as_slice() && parents.len() == 1).then_some(())
        });
    }

    /// Writes to the server until it cannot any more.
    pub fn write_until_full(&self) {
        // away or refused: both are what was wanted
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

/// How a server goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Open transactions are rolled back and clients told, as an administrator's restart does.
    Fast,
    /// Without a word; the next start recovers.
    Immediate,
    /// Killed with everything that works for it.
    Killed,
}

/// A server on loopback that trusts everyone there; gone at the end.
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
        let directory = tempfile::Builder::new().prefix("tieline-pg-").tempdir_in("/tmp").unwrap();
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

    /// Asks the ledger; empty while the server is away.
    pub fn psql(&self, sql: &str) -> String {
        self.ask("tieline", sql)
    }

    fn ask(&self, database: &str, sql: &str) -> String {
        psql(&[], &["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "tieline", "-d", database], sql)
    }

    /// `kill -9` of the server and everything that works for it, as when its machine dies.
    pub fn kill(&self) {
        signal_all(&self.data(), Signal::SIGKILL);
    }

    /// Goes away in this manner, and is there again when this returns.
    pub fn restart(&self, end: End) {
        if end == End::Killed {
            self.kill();
            wait_for("the server's processes are gone", LIMIT, || processes(&self.data()).is_empty().then_some(()));
            // where no one reaps it, the dead one stays as a zombie, which the next one takes for alive
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

    /// Loads such a backup over what stands in the database, under those who are connected to it.
    pub fn load_over(&self, from: &Path) {
        let mut command = self.client("pg_restore");
        let how = ["--clean", "--if-exists", "--exit-on-error", "--no-owner", "--dbname", "tieline"];
        assert!(command.args(how).arg(from).status().unwrap().success(), "pg_restore");
    }

    /// Drops the database, and makes it again without anything in it.
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

    /// A copy of its files, as a file system's snapshot is.
    pub fn keep_files(&self) {
        self.stop();
        self.copy("data", "kept");
        self.start("");
    }

    /// Its files as they were then.
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

    /// Nothing of it answers any more, until the value is dropped.
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

/// A server that hangs.
pub struct Hanging(PathBuf);

impl Drop for Hanging {
    fn drop(&mut self) {
        signal_all(&self.0, Signal::SIGCONT);
    }
}

/// A small disk of its own.
pub struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    /// N megabytes; `None` where that is not allowed.
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

    /// Takes all the space that is left.
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

/// Whom a server runs as when we are root, whom it refuses.
fn account() -> Option<User> {
    if geteuid().is_root() { User::from_name("postgres").unwrap() } else { None }
}

/// A server program: beside `psql`'s real place, or on the path.
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
    let mut command = Command::new("psql");
    command.envs(environment.iter().copied()).env("PGCONNECT_TIMEOUT", "5").args(place);
    let output = command.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
    if output.status.success() { String::from_utf8(output.stdout).unwrap().trim_end().to_owned() } else { String::new() }
}

fn pid_of(data: &Path) -> Option<i32> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

/// The living processes that work in these data, each with its parent.
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
