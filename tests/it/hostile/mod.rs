//! Hostile upstreams: whatever a system in the place of SYSPRO or ServiceNow answers, the program reports the problem in time, keeps its
//! memory limited, and repeats no secret. One row of a table is one answer.

mod bounds;
mod echo;
mod fake;
mod pause;
mod rows;

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use self::fake::{Endpoint, Fake, SECRETS, Script};
use crate::binary::Site;
use crate::http::ask;
use crate::support::database::Database;
use crate::support::node::wait_for;
use crate::support::run;

/// The most memory that a release build may have used, in MiB. The code of a debug build alone takes 18 MiB more.
const MEMORY: u64 = 128;
const MEMORY_OF_DEBUG_BUILD: u64 = 146;

/// One hostile answer.
struct Row {
    name: String,
    endpoint: Endpoint,
    script: Script,
    /// What the program says of it: each of these words.
    says: Vec<&'static str>,
    /// How often it may be asked for it.
    requests: usize,
    /// How long the run may take, in seconds.
    seconds: u64,
    /// Settings of its own, as environment variables without their prefix.
    settings: Vec<(&'static str, String)>,
    /// Records that are read in spite of their neighbours.
    arrives: Vec<&'static str>,
}

/// What came of it.
struct Outcome {
    code: Option<i32>,
    /// Everything that was written: the command's own words, its log, and the list of failed records.
    said: String,
    took: Duration,
    /// The most memory that the process had, in KiB.
    memory: u64,
    requests: usize,
    /// The records that the ledger has and that could be read.
    read: Vec<String>,
}

fn site_of(fake: &Fake, database: &Database, own: &[(&'static str, String)]) -> (Site, impl Fn(&Site, &[&str]) -> Command + use<>) {
    let site = Site::new(&fake.url("odata"), &fake.url(""), "");
    let url = database.url().expose_secret().to_owned();
    let enet = fake.url("SYSPROWCFService/Rest");
    let own: Vec<(&'static str, String)> = own.to_vec();
    let command = move |site: &Site, arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env("TIELINE__DATABASE__URL", &url).env("TIELINE__SYSPRO__ENET_URL", &enet).env("NO_COLOR", "1");
        for (key, value) in [
            ("SYSPRO__COMPANIES", "EDU1"),
            ("SYSPRO__REQUEST_TIMEOUT_SECONDS", "3"),
            ("SYSPRO__BODY_TIMEOUT_SECONDS", "3"),
            ("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "3"),
            ("SERVICENOW__BODY_TIMEOUT_SECONDS", "3"),
            ("SERVICENOW__BATCH_QUOTA_SECONDS", "1"),
            ("SERVICENOW__REQUEST_QUOTA_SECONDS", "1"),
            ("SERVICENOW__READ_DELAY_SECONDS", "0"),
            ("RETRY__MIN_DELAY_SECONDS", "1"),
            ("RETRY__MAX_DELAY_SECONDS", "1"),
            ("RETRY__READ_ATTEMPTS", "2"),
            ("RETRY__MAX_ATTEMPTS", "2"),
            ("LOG__LEVEL", "tieline=debug"),
        ] {
            command.env(format!("TIELINE__{key}"), value);
        }
        for (key, value) in &own {
            command.env(format!("TIELINE__{key}"), value);
        }
        command
    };
    (site, command)
}

fn set_credentials(site: &Site, command: &impl Fn(&Site, &[&str]) -> Command) {
    for (name, user, password) in
        [("syspro-odata", "OP", SECRETS[0]), ("syspro-enet", "ENETOP", SECRETS[1]), ("servicenow", "id", SECRETS[2])]
    {
        let path = site.path("password");
        fs::write(&path, password).unwrap();
        let mut command = command(site, &["credential", "set", name, "--username", user, "--password-stdin"]);
        assert!(command.stdin(File::open(path).unwrap()).output().unwrap().status.success());
    }
}

/// Runs one flow of the real program against the answer.
fn face(row: &Row) -> Outcome {
    let fake = Fake::start(row.endpoint, row.script.clone());
    let database = run(Database::migrated());
    let (site, command) = site_of(&fake, &database, &row.settings);
    set_credentials(&site, &command);
    let mut sync = command(&site, &["sync", "--entity", "cost_center"]);
    if matches!(row.endpoint, Endpoint::Enet | Endpoint::Logon) {
        sync.env("TIELINE__SYSPRO__SOURCE", "enet");
    }
    let log = site.path("sync.log");
    let started = Instant::now();
    let out = File::create(&log).unwrap();
    let mut child = sync.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
    let mut memory = 0;
    let code = loop {
        memory = memory.max(peak(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if started.elapsed() > Duration::from_secs(row.seconds) {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let took = started.elapsed();
    let failures = command(&site, &["failures"]).output().unwrap();
    let audit = command(&site, &["audit", "export"]).output().unwrap();
    let sql =
        "SELECT d.key FROM document d WHERE NOT EXISTS (SELECT FROM undelivered p WHERE p.document_id = d.id AND p.reason = 'unreadable')";
    let read = database.psql(sql).lines().map(str::to_owned).collect();
    let said = [&fs::read(&log).unwrap()[..], &failures.stdout, &failures.stderr, &audit.stdout].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Outcome { code, said, took, memory, requests: fake.asked(), read }
}

/// The most memory that a process has had, in KiB; 0 once it has ended.
pub fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What is wrong with an outcome.
fn judge(row: &Row, outcome: &Outcome) -> Vec<String> {
    let words = outcome.said.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut wrong = Vec::new();
    match outcome.code {
        None => wrong.push(format!("it had no end within {} s", row.seconds)),
        Some(0) => wrong.push("it ended as if all were well".into()),
        Some(code) if ![1, 3, 5].contains(&code) => wrong.push(format!("exit code {code}")),
        Some(_) => {}
    }
    wrong.extend(row.says.iter().filter(|says| !words.contains(**says)).map(|says| format!("it does not say `{says}`")));
    let most = if std::env::var_os("TIELINE_BINARY").is_some() { MEMORY } else { MEMORY_OF_DEBUG_BUILD };
    if outcome.memory > most << 10 {
        wrong.push(format!("{} MiB of memory", outcome.memory >> 10));
    }
    if outcome.requests > row.requests {
        wrong.push(format!("{} requests, and {} are allowed", outcome.requests, row.requests));
    }
    let missing = row.arrives.iter().filter(|key| !outcome.read.iter().any(|read| read == *key));
    wrong.extend(missing.map(|key| format!("record `{key}` was not read beside them, only {:?}", outcome.read)));
    if outcome.requests == 0 {
        wrong.push("it never asked".into());
    }
    wrong.extend(SECRETS.iter().filter(|secret| outcome.said.contains(**secret)).map(|secret| format!("it repeats the secret `{secret}`")));
    if outcome.said.contains("panicked") {
        wrong.push("it panicked".into());
    }
    wrong
}

/// All rows, one after another; the output has the duration of each.
fn hold(rows: Vec<Row>) {
    let only = std::env::var("TIELINE_HOSTILE_ROW").ok();
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| only.as_ref().is_none_or(|only| row.name.contains(only.as_str()))) {
        let outcome = face(row);
        let seconds = outcome.took.as_secs_f32();
        println!(
            "{:?} {}: exit {:?}, {seconds:.1} s, {} MiB, {} requests",
            row.endpoint,
            row.name,
            outcome.code,
            outcome.memory >> 10,
            outcome.requests
        );
        for what in judge(row, &outcome) {
            let said = outcome.said.lines().filter(|line| !line.contains("DEBUG")).collect::<Vec<_>>().join("\n");
            let said: String = said.chars().take(3000).collect();
            wrong.push(format!("{:?} {}: {what}\n{said}", row.endpoint, row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
}

/// The answers at full size, which take gigabytes and minutes.
fn full() -> bool {
    std::env::var("TIELINE_HOSTILE").is_ok_and(|size| size == "full")
}

#[test]
fn odata_may_answer_what_it_likes() {
    hold(rows::odata());
}

#[test]
fn e_net_may_answer_what_it_likes() {
    hold(rows::enet());
}

#[test]
fn servicenow_may_answer_what_it_likes() {
    hold(rows::servicenow());
}

#[test]
fn a_circle_is_a_trouble_to_health() {
    let circle = rows::odata().into_iter().find(|row| row.name.starts_with("links that lead")).unwrap();
    let fake = Fake::start(circle.endpoint, circle.script);
    let database = run(Database::migrated());
    let (site, command) = site_of(&fake, &database, &[]);
    set_credentials(&site, &command);
    assert_eq!(command(&site, &["sync", "--entity", "cost_center"]).output().unwrap().status.code(), Some(1));
    let _service = site.serve_as(command(&site, &["run"]));
    let flows = wait_for("health answers", Duration::from_secs(60), || ask(&site, "GET", "/health/flows", None, ""));
    let said: serde_json::Value = serde_json::from_str(&flows.2).unwrap();
    let flow = said["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == "cost_center").unwrap().clone();
    assert_eq!((flows.0, &said["healthy"], &flow["last_error_lasts"]), (503, &false.into(), &true.into()), "{said}");
    assert!(flow["last_error"].as_str().unwrap().contains("repeats its answers"), "{said}");
}
