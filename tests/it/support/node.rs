//! The service as a process that a test kills, stops and continues: one node with its own state directory.

use std::fmt::Display;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::{COMPANY, World};
use crate::binary::{Service, Site, text};
use crate::http::ask;

/// Every entity, parents first.
pub const ENTITIES: &[&str] = &["cost_center", "gl_account", "supplier", "purchase_order", "invoice", "gl_posting"];

/// Short limits, so that a dead node's leases run out within a test. A batch's lease is twice the longest request and 10 s.
const SHORT: &[(&str, &str)] = &[
    ("FLOWS__LEASE_SECONDS", "5"),
    ("SERVICENOW__CONNECT_TIMEOUT_SECONDS", "1"),
    ("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "1"),
    ("SERVICENOW__BODY_TIMEOUT_SECONDS", "1"),
    ("SYSPRO__REQUEST_TIMEOUT_SECONDS", "5"),
];

/// A node; killed when dropped.
pub struct Node {
    pub site: Site,
    pub service: Option<Service>,
    /// Its own settings, as environment variables without their prefix; an empty value removes one.
    pub settings: Vec<(String, String)>,
}

impl Node {
    /// A node that does not run yet. Every flow is due each minute.
    pub fn new(world: &World) -> Self {
        let schedules: String = ENTITIES.iter().map(|entity| format!("{entity} = \"* * * * *\"\n")).collect();
        let site = Site::new(world.syspro.url.as_str(), world.servicenow.url().as_str(), &format!("[schedule]\n{schedules}"));
        let key = ("STATE__KEY_FILE".to_owned(), world.site.path("state/master.key").display().to_string());
        Self { site, service: None, settings: vec![key] }
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The binary as this node.
    pub fn command(&self, world: &World, arguments: &[&str]) -> Command {
        let mut command = world.command_at(&self.site, arguments);
        let own = self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in SHORT.iter().copied().chain(own) {
            let key = format!("TIELINE__{key}");
            if value.is_empty() {
                command.env_remove(key)
            } else {
                command.env(key, value)
            };
        }
        command
    }

    pub fn start(&mut self, world: &World) {
        self.service = Some(self.site.serve_as(self.command(world, &["run"])));
    }

    /// Starts it and waits until its HTTP interface answers.
    pub fn start_and_wait(&mut self, world: &World) {
        self.start(world);
        let started = Instant::now();
        while self.get("/health/live").is_none() {
            let ended = self.service.as_mut().unwrap().child.try_wait().unwrap();
            assert!(ended.is_none() && started.elapsed() < Duration::from_secs(30), "it does not run: {ended:?} {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn signal(&self, signal: Signal) {
        let id = self.service.as_ref().expect("it runs").child.id();
        kill(Pid::from_raw(i32::try_from(id).unwrap()), signal).unwrap();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut service = self.service.take().expect("it runs");
        service.child.kill().unwrap();
        service.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.service.take().expect("it runs").terminate()
    }

    /// Its name in the Tieline database.
    pub fn name(&self) -> String {
        std::fs::read_to_string(self.site.path("state/node")).unwrap_or_default().trim().to_owned()
    }

    /// Its output since it was started.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.site.path("service.log")).unwrap_or_default()
    }

    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        ask(&self.site, "GET", path, None, "").map(|(status, _, body)| (status, body))
    }

    /// The body of the readiness check; `None` while nothing listens.
    pub fn ready(&self) -> Option<(u16, String)> {
        self.get("/health/ready")
    }

    /// An administrator's key.
    pub fn key(&self, world: &World) -> String {
        let out = self.command(world, &["api-key", "add", "test", "--role", "admin"]).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Requests a run of every flow. A running flow continues, and a request to a stopped node has no effect.
    pub fn run_all(&self, key: &str) {
        for entity in ENTITIES {
            let path = format!("/api/v1/flows/{COMPANY}/{entity}/run");
            if let Some((status, _, body)) = ask(&self.site, "POST", &path, Some(key), r#"{"why":"a test"}"#) {
                assert!([202, 409, 503].contains(&status), "{path}: {status} {body}");
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            // a suspended process would not handle SIGTERM
            let _ = service.child.kill();
        }
    }
}

/// Polls until there is a value.
pub fn wait_for<T>(what: impl Display, limit: Duration, mut check: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(started.elapsed() < limit, "waited {} s: {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Polls until every record is delivered once, and runs all flows again from time to time.
pub fn wait_until_right(node: &Node, key: &str, limit: Duration, check: impl Fn() -> Result<(), String>) {
    let (started, mut asked) = (Instant::now(), None::<Instant>);
    loop {
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(3)) {
            node.run_all(key);
            asked = Some(Instant::now());
        }
        match check() {
            Ok(()) => return,
            Err(why) => assert!(started.elapsed() < limit, "after {} s: {why}\n{}", limit.as_secs(), node.log()),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
