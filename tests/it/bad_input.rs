//! Bad input through the binary: each kind has its own message and exit code, and nothing is lost.

use std::process::Command;

use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use crate::binary::{Site, text};

/// The words of a refusal with its exit code.
fn refused(out: &std::process::Output, code: i32, words: &[&str]) {
    let said = text(out);
    assert_eq!(out.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
}

#[test]
fn an_unknown_key_in_the_configuration_is_named_with_its_line() {
    let site = Site::alone();
    let path = site.path("tieline.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("time_zone", "timezone");
    std::fs::write(&path, text).unwrap();
    refused(&site.run(&["check"]), 4, &["timezone", "line 5", "time_zone"]);
    let out = site.command(&["check"]).env("TIELINE__SERVICENOW__BATCH_SIZE", "0").output().unwrap();
    refused(&out, 4, &["timezone", "TIELINE__SERVICENOW__BATCH_SIZE", "between 1 and"]);
}

#[test]
fn six_mistakes_in_the_definitions_are_reported_at_once() {
    let site = Site::alone();
    let entities = site.path("definitions/entities");
    std::fs::create_dir_all(&entities).unwrap();
    std::fs::create_dir_all(site.path("definitions/profiles/apo")).unwrap();
    std::fs::write(
        entities.join("supplier.toml"),
        "after = [\"nobody\"]\ncolour = \"red\"\n[root]\ntable = \"ApSupplier\"\nkey = [\"Supplier\"]\ncolumns = [\"SupplierName\", \"SupplierName\"]\n",
    )
    .unwrap();
    std::fs::write(
        site.path("definitions/profiles/apo/supplier.toml"),
        "[header]\ntable = \"sn_apo_supplier\"\nwrite = \"carrier pigeon\"\n[header.fields]\nu_name = \"SuplierName\"\nu_date = { from = \"SupplierName\", as = \"daet\" }\n[lines]\ntable = \"x\"\nwrite = \"table\"\n[lines.fields]\n",
    )
    .unwrap();
    let config = std::fs::read_to_string(site.path("tieline.toml")).unwrap();
    std::fs::write(site.path("tieline.toml"), format!("{config}\n[definitions]\ndirectory = \"{}\"\n", site.path("definitions").display()))
        .unwrap();
    let out = site.run(&["check"]);
    refused(&out, 4, &["nobody", "colour", "carrier pigeon", "SuplierName", "daet", "lines"]);
    let lines = text(&out).lines().filter(|line| line.contains("supplier.toml:")).count();
    assert!(lines >= 6, "{}", text(&out));
}

#[test]
fn wrong_usage_unknown_names_and_empty_passwords() {
    let site = Site::alone();
    assert_eq!(site.run(&["snyc"]).status.code(), Some(2));
    refused(&site.run_with(&["credential", "set", "sypsro", "--username", "U", "--password-stdin"], "x\n"), 2, &["sypsro", "syspro-odata"]);
    refused(&site.run(&["credential", "remove", "sypsro"]), 2, &["sypsro", "syspro-odata"]);
    refused(&site.run(&["credential", "remove", "servicenow"]), 1, &["`servicenow` is not set", "credential list"]);
    refused(&site.run_with(&["credential", "set", "servicenow", "--username", "U", "--password-stdin"], "\n"), 1, &["no password"]);
    refused(&site.run(&["sync", "--company", "EDU9"]), 2, &["EDU9", "EDU1"]);
    refused(&site.run(&["sync", "--entity", "invocie"]), 2, &["invocie", "invoice"]);
    refused(&site.run(&["replay", "--why", "x"]), 2, &["every record", "--failed-only"]);
    // nothing was set: both say which credential is missing, and how to set it
    refused(&site.run(&["sync"]), 1, &["syspro-odata", "credential set"]);
}

#[test]
fn a_key_file_that_is_missing_open_or_wrong_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::alone();
    site.set_credentials(("U", "SENTINEL-one"), ("C", "SENTINEL-two"));
    let list = site.run(&["credential", "list"]);
    assert!(text(&list).contains("servicenow") && !text(&list).contains("SENTINEL"), "{}", text(&list));
    let key = site.path("state/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&site.run(&["sync"]), 1, &["master.key", "600"]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let good = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    refused(&site.run(&["sync"]), 1, &["master.key"]);
    std::fs::write(&key, "not a key\n").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    refused(&site.run(&["sync"]), 1, &["master.key"]);
    std::fs::write(&key, good).unwrap();
    refused(&site.run(&["credential", "rotate-key"]), 0, &["2 credentials"]);
    // both systems are away, which is only said once the credentials could be opened with the new key
    refused(&site.run(&["sync"]), 5, &["cannot connect"]);
}

#[test]
fn a_database_of_a_newer_schema_is_left_alone() {
    let site = Site::alone();
    refused(&site.run(&["migrate"]), 0, &["up to date"]);
    let database = tieline::config::load_text(&std::fs::read_to_string(site.path("tieline.toml")).unwrap(), None, std::iter::empty())
        .unwrap()
        .settings;
    let cluster = tieline::postgres::start(&database.state, &database.database).unwrap();
    let url = secrecy::ExposeSecret::expose_secret(&cluster.url()).to_owned();
    let done = Command::new("psql")
        .arg(&url)
        .args(["-qc", "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')"])
        .status()
        .unwrap();
    assert!(done.success());
    cluster.stop().unwrap();
    refused(&site.run(&["status"]), 1, &["29990101000000", "newer"]);
}

#[test]
fn each_refusal_of_the_systems_is_said_in_its_own_words() {
    let syspro = SysproSim::start(SysproOptions::default()).unwrap();
    let servicenow = ServiceNowSim::start(ServiceNowOptions::default()).unwrap();
    let site = Site::new(syspro.url.as_str(), servicenow.url().as_str(), "");
    site.set_credentials(("TIELINE", "SENTINEL-wrong"), ("tieline", "simulated-secret"));
    let out = site.run(&["sync", "--entity", "cost_center"]);
    refused(&out, 1, &["TIELINE", "401", "syspro-odata"]);
    assert!(!text(&out).contains("SENTINEL"));
    site.set_credentials(("TIELINE", "odata-secret"), ("tieline", "SENTINEL-wrong"));
    let out = site.run(&["sync", "--entity", "cost_center"]);
    refused(&out, 1, &["access_denied", "client.credential.grant_type.enabled"]);
    assert!(!text(&out).contains("SENTINEL"));
    site.set_credentials(("TIELINE", "odata-secret"), ("tieline", "simulated-secret"));
    let out = site.command(&["sync", "--entity", "cost_center"]).env("TIELINE__SYSPRO__COMPANIES", "EDU9").output().unwrap();
    refused(&out, 1, &["EDU9"]);
    refused(&site.run(&["sync", "--entity", "cost_center"]), 0, &["cost_center"]);
    // the service of one table is gone, and a target table was misspelt
    std::fs::create_dir_all(site.path("definitions/entities")).unwrap();
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/entities/cost_center.toml")).unwrap();
    std::fs::write(site.path("definitions/entities/cost_center.toml"), shipped.replace("\"BomCostCentre\"", "\"BomCostCenter\"")).unwrap();
    let directory = site.path("definitions").display().to_string();
    let out = site.command(&["sync", "--entity", "cost_center"]).env("TIELINE__DEFINITIONS__DIRECTORY", &directory).output().unwrap();
    refused(&out, 1, &["BomCostCenter"]);
}
