//! ServiceNow asks for a pause of decades: Tieline grants an hour, makes trials, shows the pause everywhere, and a person can end it.

use std::io;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::fake::{Endpoint, Fake, ReceivedRequest, json, whole};
use super::{set_credentials, site_of};
use crate::binary::{Service, Site, text};
use crate::http::ask;
use crate::support::database::Database;
use crate::support::node::wait_for;
use crate::support::run;

const LIMIT: Duration = Duration::from_secs(60);

/// A service with an instance that asks for a pause until 2099 as long as the test says so.
struct Bench {
    fake: Fake,
    asks: Arc<AtomicBool>,
    database: Database,
    site: Site,
    command: Box<dyn Fn(&Site, &[&str]) -> Command>,
    _service: Service,
    admin: String,
}

fn answer(asks: &AtomicBool, seen: &ReceivedRequest, stream: &mut TcpStream) -> io::Result<()> {
    if asks.load(Ordering::SeqCst) {
        return whole(stream, "429 Too Many Requests", &[("Retry-After", "Fri, 31 Dec 2099 23:59:59 GMT")], b"");
    }
    let mut row: Value = serde_json::from_str(&seen.body).unwrap_or_else(|_| json!({}));
    if row.get("sys_id").is_none() {
        row["sys_id"] = json!("0123456789abcdef0123456789abcdef");
    }
    json(stream, &json!({ "result": row }).to_string())
}

impl Bench {
    /// With so long between two trials.
    fn start(max_delay: &str) -> Self {
        let asks = Arc::new(AtomicBool::new(true));
        let own = asks.clone();
        let fake = Fake::start(Endpoint::Send, Arc::new(move |seen: &ReceivedRequest, stream: &mut TcpStream| answer(&own, seen, stream)));
        let database = run(Database::migrated());
        let settings = [("SERVICENOW__BATCH", "false".to_owned()), ("RETRY__MAX_DELAY_SECONDS", max_delay.to_owned())];
        let (site, command) = site_of(&fake, &database, &settings);
        set_credentials(&site, &command);
        let key = command(&site, &["api-key", "add", "boss", "--role", "admin"]).output().unwrap();
        let admin = String::from_utf8(key.stdout).unwrap().trim().to_owned();
        let service = site.serve_as(command(&site, &["run"]));
        wait_for("the service answers", LIMIT, || ask(&site, "GET", "/health/ready", None, "").filter(|answer| answer.0 == 200));
        let bench = Self { fake, asks, database, site, command: Box::new(command), _service: service, admin };
        let run = bench.post("/api/v1/flows/EDU1/cost_center/run", &bench.admin, r#"{"why":"a test"}"#);
        assert_eq!(run.0, 202, "{}", run.1);
        bench
    }

    fn post(&self, path: &str, key: &str, body: &str) -> (u16, String) {
        ask(&self.site, "POST", path, Some(key), body).map(|(status, _, body)| (status, body)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> String {
        text(&(self.command)(&self.site, arguments).output().unwrap())
    }

    /// What health says of the pause.
    fn paused(&self) -> Option<String> {
        let (status, _, body) = ask(&self.site, "GET", "/health/ready", None, "")?;
        assert_eq!(status, 200, "a pause is no trouble of the service: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["sending_paused"].as_array()?.first()?.as_str().map(str::to_owned)
    }

    /// Waits until there is something; a wait in vain prints the service's output.
    fn wait<T>(&self, what: &str, check: impl FnMut() -> Option<T>) -> T {
        let mut check = check;
        let started = Instant::now();
        loop {
            if let Some(found) = check() {
                return found;
            }
            let log = || std::fs::read_to_string(self.site.path("service.log")).unwrap_or_default();
            assert!(started.elapsed() < LIMIT, "waited in vain: {what}; {} requests\n{}", self.fake.asked(), log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn outstanding(&self) -> String {
        self.database.psql("SELECT count(*) FROM undelivered")
    }
}

#[test]
fn a_date_far_away_is_granted_an_hour_and_ended_by_a_person() {
    for by_api in [false, true] {
        let bench = Bench::start("900");
        let said = bench.wait("health says it", || bench.paused());
        // what was asked for, until when it is granted, and what to do
        let until = said.split("until ").nth(1).unwrap().split(" UTC").next().unwrap();
        let until = DateTime::parse_from_str(&format!("{until} +0000"), "%Y-%m-%d %H:%M:%S %z").unwrap().to_utc();
        let granted = (until - Utc::now()).num_seconds();
        assert!((3400..=3600).contains(&granted), "{granted} s: {said}");
        let asked: f64 = said.split("it asked for ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(asked > 2e9, "{said}");
        assert!(said.contains("429") && said.contains("`tieline resume`"), "{said}");
        let status = bench.run(&["status"]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(status.contains("asked to wait") && status.contains("tieline resume"), "{status}");
        let flows = ask(&bench.site, "GET", "/health/flows", None, "").unwrap().2;
        assert!(flows.contains("it asked for"), "{flows}");
        assert_ne!(bench.outstanding(), "0");

        let before = bench.fake.asked();
        bench.asks.store(false, Ordering::SeqCst);
        if by_api {
            let viewer = bench.run(&["api-key", "add", "reader", "--role", "viewer"]);
            let viewer = viewer.split_whitespace().find(|word| word.len() > 30).unwrap().to_owned();
            assert_eq!(bench.post("/api/v1/sending/resume", &viewer, r#"{"why":"x"}"#).0, 403);
            assert_eq!(bench.post("/api/v1/sending/resume", &bench.admin, "{}").0, 400, "without a reason");
            let (status, body) = bench.post("/api/v1/sending/resume", &bench.admin, r#"{"why":"they fixed it"}"#);
            assert!(status == 200 && body.contains("\"pauses\":1"), "{status} {body}");
        } else {
            let said = bench.run(&["resume", "--why", "they fixed it"]);
            assert!(said.contains("1 pause that ServiceNow asked for is over") && said.contains("due now"), "{said}");
        }
        let resumed = Instant::now();
        bench.wait("everything arrives", || (bench.outstanding() == "0").then_some(()));
        println!(
            "resumed by {}: everything had arrived after {:.1} s",
            if by_api { "API" } else { "command" },
            resumed.elapsed().as_secs_f32()
        );
        assert!(bench.fake.asked() > before && bench.paused().is_none());
        let audit = bench.run(&["audit", "--kind", "action"]);
        assert!(audit.contains("resume sending") && audit.contains("they fixed it"), "{audit}");
    }
}

#[test]
fn a_long_pause_is_tried_now_and_then_and_ends_when_that_gets_through() {
    let bench = Bench::start("6");
    bench.wait("health says it", || bench.paused());
    let (started, before) = (Instant::now(), bench.fake.asked());
    bench.wait("three trials", || (bench.fake.asked() >= before + 3).then_some(()));
    // one request each, the time between two of them apart
    assert!(bench.fake.asked() <= before + 3 && started.elapsed() >= Duration::from_secs(11), "{:?}", started.elapsed());
    assert!(bench.paused().is_some());
    bench.asks.store(false, Ordering::SeqCst);
    bench.wait("everything arrives", || (bench.outstanding() == "0").then_some(()));
    assert!(bench.paused().is_none());
}
