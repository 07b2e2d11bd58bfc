//! `tieline doctor` through the binary: what it finds, what it leaves, and its exit codes.

mod application;
mod certificates;
mod dictionary;
mod enet;
mod rights;
mod service;
mod syspro;

use serde_json::Value;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use crate::binary::{Site, free_port, text};
use crate::cli::{json, said};
use crate::support::world::World;

/// The rows of the doctor whose `what` begins so.
pub fn rows<'a>(answer: &'a Value, what: &str) -> Vec<&'a Value> {
    let rows = answer.as_array().unwrap().iter();
    rows.filter(|row| row["what"].as_str().unwrap().starts_with(what)).collect()
}

#[test]
fn the_doctor_finds_two_healthy_systems_and_what_is_wrong_with_them() {
    let syspro = SysproSim::start(SysproOptions::default()).unwrap();
    let servicenow = ServiceNowSim::start(ServiceNowOptions::default()).unwrap();
    let site = Site::new(syspro.url.as_str(), servicenow.url().as_str(), "");
    let doctor = || site.run(&["doctor", "--output", "json"]);
    let answer = json(&doctor(), 1);
    assert_eq!(rows(&answer, "master key")[0]["verdict"], "warning", "{answer}");
    assert!(!site.path("state/master.key").exists(), "reading made a key");
    assert!(rows(&answer, "SYSPRO credential")[0]["found"].as_str().unwrap().contains("tieline credential set syspro-odata"));

    site.set_credentials(("TIELINE", "odata-secret"), ("tieline", "simulated-secret"));
    said(&site.run(&["credential", "rotate-key"]), 0);
    let answer = json(&doctor(), 0);
    for what in
        ["settings", "database", "master key", "SYSPRO EDU1 ", "SYSPRO 1 ", "ServiceNow token", "clock and SYSPRO", "clock and ServiceNow"]
    {
        let rows = rows(&answer, what);
        assert!(!rows.is_empty() && rows.iter().all(|row| row["verdict"] == "ok"), "{what}: {rows:?}");
    }
    assert!(rows(&answer, "database")[0]["found"].as_str().unwrap().contains("PostgreSQL"));
    assert!(rows(&answer, "state directory")[0]["found"].as_str().unwrap().contains("MiB free"));

    // one token was enough for all of it; empty tables do not show which columns they have, the first row does
    assert_eq!(servicenow.token_requests(), 1);
    assert_eq!(rows(&answer, "ServiceNow cmn_cost_center")[0]["verdict"], "unknown", "{answer}");
    said(&site.run(&["sync", "--entity", "cost_center"]), 0);
    assert_eq!(rows(&json(&doctor(), 0), "ServiceNow cmn_cost_center")[0]["verdict"], "ok");
    site.set_credentials(("TIELINE", "SENTINEL-one"), ("tieline", "SENTINEL-two"));
    let out = doctor();
    let answer = json(&out, 1);
    assert_eq!(rows(&answer, "ServiceNow token")[0]["verdict"], "failed", "{answer}");
    let refused = rows(&answer, "SYSPRO EDU1")[0];
    assert!(refused["found"].as_str().unwrap().contains("401"), "{answer}");
    assert!(refused["to_do"].as_str().unwrap().contains("tieline credential set"), "{answer}");
    let told = said(&site.run(&["audit", "--kind", "action", "--output", "json"]), 0);
    assert!(told.lines().any(|row| row.contains("\"action\":\"doctor\"")), "the audit knows of what is created: {told}");
    assert!(!text(&out).contains("SENTINEL"));
}

#[test]
fn the_doctor_says_what_cannot_be_reached_and_goes_on() {
    let site = Site::alone();
    site.set_credentials(("TIELINE", "SENTINEL-one"), ("tieline", "SENTINEL-two"));
    let answer = json(&site.run(&["doctor", "--output", "json"]), 5);
    assert_eq!(rows(&answer, "database")[0]["verdict"], "ok");
    assert_eq!(rows(&answer, "ServiceNow token")[0]["unreachable"], true, "{answer}");
    assert_eq!(rows(&answer, "SYSPRO EDU1")[0]["unreachable"], true, "{answer}");
    assert!(rows(&answer, "clock").iter().all(|row| row["verdict"] == "unknown"), "{answer}");
    let url = format!("postgres://u:SENTINEL-db@127.0.0.1:{}/x", free_port());
    let out = site.command(&["doctor", "--output", "json"]).env("TIELINE__DATABASE__URL", url).output().unwrap();
    let answer = json(&out, 5);
    assert_eq!(rows(&answer, "database")[0]["verdict"], "failed", "{answer}");
    assert_eq!(rows(&answer, "SYSPRO")[0]["verdict"], "unknown", "{answer}");
    assert!(!text(&out).contains("SENTINEL"), "{}", text(&out));
}

#[test]
fn the_ledger_and_the_key_are_told() {
    let site = Site::alone();
    site.set_credentials(("TIELINE", "SENTINEL-one"), ("tieline", "SENTINEL-two"));
    let examined = |code: i32, change: &dyn Fn(&mut std::process::Command)| {
        let mut command = site.command(&["doctor", "--output", "json", "--read-only"]);
        change(&mut command);
        json(&command.output().unwrap(), code)
    };
    let found = |answer: &Value, what: &str, verdict: &str| {
        let row = rows(answer, what)[0].clone();
        assert_eq!(row["verdict"], verdict, "{row}");
        row["found"].as_str().unwrap().to_owned()
    };
    let answer = examined(5, &|_| ());
    assert!(found(&answer, "database schema", "ok").starts_with("up to date: "), "{answer}");
    let space = found(&answer, "database space", "ok");
    assert!(space.contains("MiB free at") && space.contains("state/postgres"), "{space}");
    let (key, held) = (site.path("state/master.key"), found(&answer, "master key", "ok"));
    assert!(held.contains(&key.display().to_string()) && held.contains("mode 0600"), "{held}");

    // handed over by the service manager, then open to others
    let handed = site.path("credentials");
    std::fs::create_dir_all(&handed).unwrap();
    std::fs::copy(&key, handed.join("tieline-master-key")).unwrap();
    let answer = examined(5, &|command| {
        command.env("CREDENTIALS_DIRECTORY", &handed);
    });
    assert!(found(&answer, "master key", "ok").contains("LoadCredential"), "{answer}");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let exposed = found(&examined(1, &|_| ()), "master key", "failed");
    assert!(exposed.contains("chmod 600") && exposed.contains("0644"), "{exposed}");
}

#[test]
fn a_sites_own_server_tells_its_size_and_not_its_space() {
    let world = World::before();
    let answer = json(&world.command(&["doctor", "--output", "json", "--read-only"]).output().unwrap(), 1);
    let row = rows(&answer, "database space")[0];
    assert!(row["verdict"] == "unknown" && row["found"].as_str().unwrap().contains("the ledger holds "), "{row}");
}
