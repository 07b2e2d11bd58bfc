//! With real servers: created, started, adopted, killed. Under root they run as the account `postgres`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;
use crate::config::settings::{DatabaseSettings, StateSettings};

/// A state directory whose server is stopped at the end, whatever the test did.
struct State(TempDir);

impl State {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("tieline-").tempdir().expect("directory");
        // the server's account must be able to enter it
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("mode");
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn start_with(&self, database: &DatabaseSettings) -> Result<Cluster, ClusterError> {
        let directory = self.path().join("state");
        start(&StateSettings { key_file: directory.join("master.key"), directory }, database)
    }

    fn start(&self) -> Result<Cluster, ClusterError> {
        self.start_with(&database())
    }

    fn pid(&self) -> Option<i32> {
        let text = fs::read_to_string(self.path().join("state/postgres/data/postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(pid) = self.pid().filter(|pid| *pid != std::process::id() as i32) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT); // Postgres: stop at once
        }
    }
}

fn database() -> DatabaseSettings {
    let second = Duration::from_secs(1);
    DatabaseSettings { url: None, pool_size: 4, statement_timeout: second, call_timeout: second, bin_directory: None, durable: false }
}

#[test]
fn made_at_the_first_start_and_kept_over_a_stop() {
    let state = State::new();
    let cluster = state.start().expect("made");
    assert_eq!(cluster.origin(), Origin::Created);
    cluster.query("create table kept (n int); insert into kept values (7)");
    assert_eq!(cluster.query("show listen_addresses"), "");
    assert_eq!(cluster.query("show data_checksums"), "on");
    let url = cluster.url();
    let host = std::env::temp_dir().display().to_string().replace('/', "%2F");
    assert!(url.expose_secret().starts_with("postgresql://tieline:") && url.expose_secret().contains(&format!("@/tieline?host={host}%2F")));
    let password = fs::read_to_string(cluster.directory().join("password")).expect("readable");
    assert!(url.expose_secret().contains(&password) && !format!("{cluster:?}").contains(&password));
    let refused = cluster.psql("select 1").env("PGPASSWORD", "wrong").output().expect("psql runs");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("password authentication failed"), "{refused:?}");
    cluster.stop().expect("stopped");
    assert_eq!(state.pid(), None);

    let cluster = state.start().expect("started");
    assert_eq!((cluster.origin(), cluster.query("select n from kept").as_str()), (Origin::Started, "7"));
    cluster.stop().expect("stopped");

    fs::remove_file(state.path().join("state/postgres/password")).expect("removed");
    let text = state.start().expect_err("the password is gone").to_string();
    assert!(text.contains("postgres/password is missing, and the data beside it need it"), "{text}");
    fs::write(state.path().join("state/postgres/data/PG_VERSION"), "9\n").expect("written");
    let text = state.start().expect_err("other version").to_string();
    assert!(text.contains("were created by PostgreSQL 9, and only PostgreSQL "), "{text}");
}

#[test]
fn a_killed_server_recovers_at_the_next_start() {
    let state = State::new();
    let cluster = state.start().expect("made");
    cluster.query("create table kept (n int); insert into kept values (7)");
    let pid = state.pid().expect("running");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
    drop(cluster);
    let cluster = state.start().expect("recovered");
    assert_eq!((cluster.origin(), cluster.query("select n from kept").as_str()), (Origin::Started, "7"));
    assert_ne!(state.pid(), Some(pid));
    cluster.stop().expect("stopped");

    // the process number in a leftover lock file may belong to another process by now, here to this test; or, where nobody reaps children,
    // to a zombie
    let mut child = Command::new("/bin/true").spawn().expect("spawned");
    let zombie = || fs::read_to_string(format!("/proc/{}/stat", child.id())).is_ok_and(|stat| stat.contains(") Z "));
    let deadline = Instant::now() + Duration::from_secs(10);
    while cfg!(target_os = "linux") && !zombie() {
        assert!(Instant::now() < deadline, "the child does not end");
        std::thread::yield_now();
    }
    let data = state.path().join("state/postgres/data");
    for pid in [std::process::id(), child.id()] {
        fs::write(data.join("postmaster.pid"), format!("{pid}\n{}\n1\n5432\n\n\n\nready\n", data.display())).expect("written");
        let cluster = state.start().expect("started");
        assert_eq!((cluster.origin(), cluster.query("select n from kept").as_str()), (Origin::Started, "7"));
        cluster.stop().expect("stopped");
    }
    child.wait().expect("reaped");
}

#[test]
fn a_keeper_starts_what_died_and_nothing_else() {
    let state = State::new();
    let cluster = state.start().expect("made");
    let watchdog = cluster.watchdog();
    assert!(!watchdog.check().expect("checked"), "it runs");
    let first = Pid::from_raw(state.pid().expect("pid"));
    // a hanging server may still write: it is not touched
    kill(first, Signal::SIGSTOP).expect("stopped");
    assert!(!watchdog.check().expect("checked"), "it hangs");
    kill(first, Signal::SIGKILL).expect("killed");
    let lock = fs::File::open(state.path().join("state/postgres/start.lock")).expect("opened");
    lock.lock().expect("locked");
    assert!(!watchdog.check().expect("checked"), "another process starts or stops it");
    drop(lock);
    let deadline = Instant::now() + Duration::from_secs(20);
    // a killed process still exists for a moment
    while !watchdog.check().expect("started") {
        assert!(Instant::now() < deadline, "not started");
    }
    assert_ne!(state.pid(), Some(first.as_raw()));
    assert_eq!(cluster.query("select 1"), "1");
    cluster.stop().expect("stopped");
    assert!(!watchdog.check().expect("checked"), "it was left on purpose");
    assert_eq!(state.pid(), None);
}

/// Two servers on the same data would destroy them. A lock file with another process in it is removed, so only Postgres' own check protects
/// the data: it checks the shared memory, which a killed server's children hold until they end.
#[test]
fn a_killed_servers_children_are_waited_for() {
    let state = State::new();
    let cluster = state.start().expect("made");
    let busy = "do $$ declare t timestamptz := clock_timestamp(); begin while clock_timestamp() < t + interval '3 s' loop end loop; end $$";
    let mut child = cluster.psql(busy).stderr(std::process::Stdio::null()).spawn().expect("psql runs");
    let deadline = Instant::now() + Duration::from_secs(10);
    let orphan = loop {
        let found = cluster.query("select pid from pg_stat_activity where query like 'do $$%'");
        if let Ok(pid) = found.parse::<i32>() {
            break Pid::from_raw(pid);
        }
        assert!(Instant::now() < deadline, "the statement does not begin");
    };
    kill(Pid::from_raw(state.pid().expect("running")), Signal::SIGKILL).expect("killed");
    drop(cluster);
    let data = state.path().join("state/postgres/data");
    fs::write(data.join("postmaster.pid"), format!("{}\n{}\n1\n5432\n\n\n\nready\n", std::process::id(), data.display())).expect("written");
    assert!(kill(orphan, None).is_ok(), "the statement ended before the test could ask");
    let cluster = state.start().expect("started");
    let stat = fs::read_to_string(format!("/proc/{orphan}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "two servers on the same data: {stat}");
    cluster.stop().expect("stopped");
    let _ = child.wait();
}

#[test]
fn two_at_once_share_one_server_and_the_last_stops_it() {
    let state = State::new();
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(|| state.start());
        (state.start().expect("one"), other.join().expect("no panic").expect("two"))
    });
    let mut origins = [one.origin(), two.origin()];
    origins.sort_by_key(|origin| *origin == Origin::Adopted);
    assert_eq!(origins, [Origin::Created, Origin::Adopted]);
    one.stop().expect("left");
    assert_eq!(two.query("select 1"), "1", "the server was stopped under someone who used it");
    // a process that dies without cleanup leaves the server running; the next one adopts it, and stops it
    drop(two);
    assert!(state.pid().is_some());
    let three = state.start().expect("adopted");
    assert_eq!(three.origin(), Origin::Adopted);
    three.stop().expect("stopped");
    assert_eq!(state.pid(), None);
}

#[test]
fn a_draft_left_by_a_killed_initdb_does_no_harm() {
    let state = State::new();
    let draft = state.path().join("state/postgres/data.new");
    fs::create_dir_all(&draft).expect("directory");
    fs::write(draft.join("PG_VERSION"), "15\n").expect("written");
    for made in [state.path().join("state"), state.path().join("state/postgres")] {
        fs::set_permissions(made, fs::Permissions::from_mode(0o755)).expect("mode");
    }
    let cluster = state.start().expect("made");
    assert_eq!(cluster.origin(), Origin::Created);
    cluster.stop().expect("stopped");
}

#[test]
fn a_directory_that_the_server_cannot_reach_is_named() {
    if !geteuid().is_root() {
        return; // an ordinary user's server runs as that user
    }
    let state = State::new();
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).expect("mode");
    let text = state.start().expect_err("private home").to_string();
    let blocked = state.path().display();
    assert!(
        text.starts_with(&format!("user `postgres`, who runs the private PostgreSQL, cannot pass through {blocked} (mode 0700) to ")),
        "{text}"
    );
    assert!(text.contains(&format!("`chmod o+x {blocked}`")), "{text}");
}

#[test]
fn names_that_cannot_work_are_refused_before_anything_is_made() {
    let try_at = |directory: &str| {
        let directory = std::path::PathBuf::from(directory);
        let error = start(&StateSettings { key_file: directory.join("master.key"), directory: directory.clone() }, &database());
        assert!(!directory.exists());
        error.expect_err("refused").to_string()
    };
    let text = try_at(&format!("/tmp/{}", "x".repeat(90)));
    assert!(text.contains("socket would be 123 bytes long, and a Unix socket can have 107; use another `state.directory`"), "{text}");
    assert!(try_at("/tmp/tie$line").contains("its name holds one of"));
}

/// Programs of a server whose `initdb` fails with this message.
fn failing(directory: &Path, words: &str) -> DatabaseSettings {
    let script = format!("#!/bin/sh\ncase $0 in *postgres) echo 'postgres (PostgreSQL) 15.1';; *) echo \"{words}\" >&2; exit 1;; esac\n");
    let write = "for p in initdb pg_ctl postgres psql; do printf '%s' \"$1\" > $p && chmod 755 $p; done";
    let status = Command::new("/bin/sh").args(["-c", write, "sh", &script]).current_dir(directory).status();
    assert!(status.expect("a shell").success());
    DatabaseSettings { bin_directory: Some(directory.to_owned()), ..database() }
}

#[test]
fn what_initdb_says_is_passed_on() {
    let state = State::new();
    let settings = failing(state.path(), "initdb: error: could not write: No space left on device");
    let error = state.start_with(&settings).expect_err("disk full");
    assert!(matches!(error, ClusterError::DiskFull { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("free some, then start again; initdb said: initdb: error: could not write: No space left"), "{text}");
    let settings = failing(state.path(), "initdb: error: out of luck");
    let text = state.start_with(&settings).expect_err("failed").to_string();
    assert!(text.ends_with("state/postgres: `initdb` failed: initdb: error: out of luck"), "{text}");
}

#[test]
fn what_the_server_says_is_passed_on() {
    let state = State::new();
    state.start().expect("made").stop().expect("stopped");
    let conf = state.path().join("state/postgres/data/postgresql.conf");
    let good = fs::read_to_string(&conf).expect("readable");
    fs::write(&conf, format!("{good}\nshared_buffers = lots\n")).expect("written");
    let text = state.start().expect_err("bad setting").to_string();
    assert!(
        text.contains("`pg_ctl start` failed: ") && text.contains("invalid value for parameter \"shared_buffers\": \"lots\""),
        "{text}"
    );
}
