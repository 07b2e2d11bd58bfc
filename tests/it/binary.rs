//! The real binary in its own directory, with simulators.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tieline::config::settings::{DatabaseSettings, StateSettings};
use tieline::postgres::{self, Cluster};

/// How long anything may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);

/// A site: a directory with `tieline.toml` and the state.
pub struct Site {
    pub directory: tempfile::TempDir,
    pub port: u16,
}

impl Site {
    /// A site whose systems are at these addresses; more lines may follow.
    pub fn new(odata_url: &str, instance_url: &str, more: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("tieline-it-").tempdir().unwrap();
        open_to_others(directory.path());
        let port = free_port();
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:{port}\"\n[syspro]\nodata_url = \"{odata_url}\"\ntime_zone = \"Africa/Johannesburg\"\ncompanies = [\"EDU1\", \"1\"]\ncurrency = \"ZAR\"\n\
             [servicenow]\ninstance_url = \"{instance_url}\"\n[database]\ndurable = false\n[state]\ndirectory = \"{}\"\n[log]\nlevel = \"info\"\n{more}",
            directory.path().join("state").display()
        );
        std::fs::write(directory.path().join("tieline.toml"), text).unwrap();
        Self { directory, port }
    }

    /// A site whose systems do not answer.
    pub fn alone() -> Self {
        let closed = free_port();
        Self::new(&format!("http://127.0.0.1:{closed}/odata"), &format!("http://127.0.0.1:{closed}/"), "[retry]\nread_attempts = 1\n")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The binary with this site's configuration: the one that was built with the tests, or another build of it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("TIELINE_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_tieline").into()));
        command.arg("--config").arg(self.path("tieline.toml")).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// With something on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // a command that refuses its arguments does not read
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub fn set_credentials(&self, syspro: (&str, &str), servicenow: (&str, &str)) {
        for (name, (user, password)) in [("syspro-odata", syspro), ("servicenow", servicenow)] {
            let out = self.run_with(&["credential", "set", name, "--username", user, "--password-stdin"], &format!("{password}\n"));
            assert!(out.status.success(), "{:?} {}", out.status, text(&out));
        }
    }

    /// The service, until it is dropped.
    pub fn serve(&self) -> Service {
        self.serve_as(self.command(&["run"]))
    }

    /// The service by a command of its own, until it is dropped.
    pub fn serve_as(&self, mut command: Command) -> Service {
        let log = std::fs::File::create(self.path("service.log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Service { child }
    }
}

/// A running service; killed when dropped.
pub struct Service {
    pub child: Child,
}

impl Service {
    /// SIGTERM, and the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        wait_until("the service ends", || self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
            let _ = self.child.wait();
        }
    }
}

/// Polls until it is so.
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < LIMIT, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs into a pipe that nobody reads.
pub fn unread(command: &mut Command) -> Output {
    command.stdout(nobody()).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

/// The exit code when nobody reads any output, standard error included.
pub fn unheard(command: &mut Command) -> Option<i32> {
    command.stdout(nobody()).stderr(nobody()).status().unwrap().code()
}

/// The writing end of a pipe whose reader has gone.
fn nobody() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

/// The site's private server, adopted while the service runs, or started.
pub fn cluster(site: &Site) -> Cluster {
    let directory = site.path("state");
    std::fs::create_dir_all(&directory).unwrap();
    let limit = Duration::from_secs(60);
    let database =
        DatabaseSettings { url: None, pool_size: 2, statement_timeout: limit, call_timeout: limit, bin_directory: None, durable: false };
    postgres::start(&StateSettings { key_file: directory.join("master.key"), directory }, &database).unwrap()
}

/// Standard output and standard error.
pub fn text(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// As root the private cluster runs under another account, which must be able to reach its directory.
fn open_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
