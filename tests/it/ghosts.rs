//! Flows that the configuration no longer contains, and companies in another spelling.

use std::process::Output;

use serde_json::Value;

use crate::binary::text;
use crate::definitions::{Files, world};
use crate::support::node::{Node, wait_for};
use crate::support::world::World;

/// A command of a site that carries these companies.
fn of(world: &World, companies: &str, arguments: &[&str]) -> Output {
    world.command(arguments).env("TIELINE__SYSPRO__COMPANIES", companies).output().unwrap()
}

fn flows(world: &World, companies: &str) -> Vec<Value> {
    let out = of(world, companies, &["status", "--output", "json"]);
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
    answer["flows"].as_array().unwrap().clone()
}

#[test]
fn a_company_that_was_mistyped_once_is_no_trouble_and_can_be_forgotten() {
    let world = world();
    // SYSPRO has no such company: each of its flows fails, and stays in the ledger
    assert_ne!(of(&world, "EDU9", &["sync"]).status.code(), Some(0));
    let sync = || of(&world, "EDU1", &["sync"]);
    wait_for("everything arrives, and the other company spoils nothing", std::time::Duration::from_secs(60), || {
        (sync().status.code() == Some(0)).then_some(())
    });
    let all = flows(&world, "EDU1");
    let ghosts: Vec<&Value> = all.iter().filter(|flow| flow["configured"] == false).collect();
    assert!(!ghosts.is_empty() && ghosts.iter().all(|flow| flow["company"] == "EDU9"), "{ghosts:?}");
    assert_eq!(all.iter().filter(|flow| flow["configured"] == true).count(), 6);
    let shown = text(&of(&world, "EDU1", &["status"]));
    assert!(shown.contains("no longer configured") && shown.contains("tieline flow forget EDU9"), "{shown}");

    // the service counts them neither as stuck nor in its metrics
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let (status, body) = node.get("/health/flows").unwrap();
    assert!(status == 200 && body.contains("\"configured\":false"), "{status} {body}");
    let metrics = node.get("/metrics").unwrap().1;
    assert!(metrics.contains("company=\"EDU1\"") && !metrics.contains("company=\"EDU9\""), "{metrics}");
    assert_eq!(node.terminate(), Some(0));

    let out = of(&world, "EDU1", &["flow", "forget", "EDU1", "--why", "a test"]);
    assert!(out.status.code() == Some(1) && text(&out).contains("EDU1 is configured"), "{}", text(&out));
    let out = of(&world, "EDU1", &["flow", "forget", "EDU7", "--why", "a test"]);
    assert!(out.status.code() == Some(2) && text(&out).contains("there is no company `EDU7`; did you mean"), "{}", text(&out));
    let out = of(&world, "EDU1", &["flow", "forget", "EDU9", "suplier", "--why", "a test"]);
    assert!(out.status.code() == Some(2) && text(&out).contains("did you mean `supplier`?"), "{}", text(&out));
    let out = of(&world, "EDU1", &["flow", "forget", "EDU9", "--why", "mistyped"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(flows(&world, "EDU1").iter().all(|flow| flow["company"] == "EDU1"));
    let told = "SELECT count(*) FROM audit WHERE kind = 'action' AND company = 'EDU9' AND detail LIKE '%\"forget\"%mistyped%'";
    assert_ne!(world.database.psql(told), "0");
    assert_ne!(world.database.psql("SELECT count(*) FROM run WHERE company = 'EDU9'"), "0", "history stays");
}

#[test]
fn what_a_forgotten_flow_still_had_to_send_is_sent_anew_when_it_comes_back() {
    let world = world();
    let files = Files::new();
    let with_files = |companies: &str, arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("TIELINE__SYSPRO__COMPANIES", companies).env("TIELINE__DEFINITIONS__DIRECTORY", files.path());
        command.output().unwrap()
    };
    let sync = |companies: &str| with_files(companies, &["sync"]);
    // every invoice of the other company is refused by a code list
    let unsettled = "SELECT count(DISTINCT document_id) FROM undelivered WHERE company = '1' AND entity = 'invoice'";
    wait_for("the other company's invoices are refused", std::time::Duration::from_secs(60), || {
        sync("1");
        (world.left() == "0" && world.database.psql(unsettled) != "0").then_some(())
    });
    let records: usize = world.database.psql(unsettled).parse().unwrap();
    // a command that carries EDU1 alone does not count them, as `status` does not
    let out = sync("EDU1");
    let (said, of_edu1) = (text(&out), world.database.psql(&unsettled.replace("'1'", "'EDU1'")));
    assert!(of_edu1 != "0" && said.contains(&format!("{of_edu1} records are not delivered yet")), "{of_edu1}: {said}");

    // no replay reaches them, so that none is advised
    let said = text(&with_files("EDU1", &["failures", "--company", "1"]));
    assert!(said.contains("`tieline flow forget 1 invoice --drop-pending`") && !said.contains("code list or the definition"), "{said}");
    let key = world.database.psql("SELECT min(key) FROM document WHERE company = '1' AND entity = 'invoice'");
    let out = with_files("EDU1", &["flow", "forget", "1", "invoice", "--why", "sold"]);
    let said = text(&out);
    assert!(
        out.status.code() == Some(1) && said.contains(&format!("{records} records of flow 1/invoice")) && said.contains("--drop-pending"),
        "{said}"
    );
    let out = with_files("EDU1", &["flow", "forget", "1", "invoice", "--drop-pending", "--why", "sold", "--output", "json"]);
    let said: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
    assert_eq!((&said["forgotten"][0]["dropped"], &said["forgotten"][0]["kept"]), (&Value::from(records), &Value::from(records)), "{said}");
    assert_eq!(world.database.psql(unsettled), "0");
    let said = text(&with_files("EDU1", &["record", "1", "invoice", &key]));
    assert!(said.contains("never delivered") && said.contains("sold") && !said.contains("sends nothing"), "{said}");
    // it comes back with a list that knows the codes: nothing is missing
    let codes = world.database.psql(
        "SELECT DISTINCT v.content::jsonb ->> 'Currency' FROM document d JOIN version v ON v.document_id = d.id WHERE d.entity = 'invoice'",
    );
    files.list(&codes.lines().collect::<Vec<_>>());
    wait_for("they arrive", std::time::Duration::from_secs(60), || {
        sync("1");
        (world.servicenow.count("x_apo_invoice") == records).then_some(())
    });
}

#[test]
fn a_company_in_another_spelling_is_refused_before_anything_is_read() {
    let world = World::start();
    let before = world.database.psql("SELECT count(*) FROM document");
    for arguments in [&["sync"][..], &["replay", "--all", "--why", "a test"], &["run"]] {
        let out = of(&world, "edu1", arguments);
        let said = text(&out);
        assert_eq!(out.status.code(), Some(4), "{arguments:?}: {said}");
        assert!(said.contains("`edu1`") && said.contains("`EDU1`") && said.contains("flow forget EDU1"), "{said}");
    }
    let doctor = text(&of(&world, "edu1", &["doctor", "--read-only", "--output", "json"]));
    assert!(doctor.contains("a second time"), "{doctor}");
    let check = of(&world, "EDU1,edu1", &["check"]);
    assert!(check.status.code() == Some(4) && text(&check).contains("as `EDU1` and as `edu1`"), "{}", text(&check));
    assert_eq!(world.database.psql("SELECT count(*) FROM document"), before);
    // what the refusal names as the remedy is not refused
    assert_eq!(of(&world, "edu1", &["status"]).status.code(), Some(0));
    // a site where they are two companies says so
    let mut two = world.command(&["sync"]);
    let out = two.env("TIELINE__SYSPRO__COMPANIES", "EDU1,edu1").env("TIELINE__SYSPRO__COMPANIES_DIFFER_BY_CASE", "true").output().unwrap();
    assert_ne!(out.status.code(), Some(4), "{}", text(&out));
}
