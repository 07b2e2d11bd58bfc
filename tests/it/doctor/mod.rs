//! `tieline doctor` through the binary: what it finds, what it leaves, and its exit codes.

mod certificates;
mod enet;
mod rights;
mod service;

use serde_json::Value;
use tieline::sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline::sim::syspro::{SysproOptions, SysproSim};

use crate::binary::{Site, free_port, text};
use crate::cli::{json, said};

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
    assert!(!site.path("state/master.key").exists(), "looking made a key");
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
    assert_eq!(rows(&answer, "ServiceNow cmn_cost_center")[0]["verdict"], "could_not_tell", "{answer}");
    said(&site.run(&["sync", "--entity", "cost_center"]), 0);
    assert_eq!(rows(&json(&doctor(), 0), "ServiceNow cmn_cost_center")[0]["verdict"], "ok");
    site.set_credentials(("TIELINE", "SENTINEL-one"), ("tieline", "SENTINEL-two"));
    let out = doctor();
    let answer = json(&out, 1);
    assert_eq!(rows(&answer, "ServiceNow token")[0]["verdict"], "failed", "{answer}");
    assert!(rows(&answer, "SYSPRO EDU1")[0]["found"].as_str().unwrap().contains("401"), "{answer}");
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
    assert!(rows(&answer, "clock").iter().all(|row| row["verdict"] == "could_not_tell"), "{answer}");
    let url = format!("postgres://u:SENTINEL-db@127.0.0.1:{}/x", free_port());
    let out = site.command(&["doctor", "--output", "json"]).env("TIELINE__DATABASE__URL", url).output().unwrap();
    let answer = json(&out, 5);
    assert_eq!(rows(&answer, "database")[0]["verdict"], "failed", "{answer}");
    assert_eq!(rows(&answer, "SYSPRO")[0]["verdict"], "could_not_tell", "{answer}");
    assert!(!text(&out).contains("SENTINEL"), "{}", text(&out));
}
