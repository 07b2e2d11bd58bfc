//! Changes by a live reload of the definitions: entities that are added, removed, rescheduled or aligned, and settings that decide values
//! as files do.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary::{Site, text};
use crate::definitions::{Files, node, world};
use crate::http::ask;
use crate::support::node::{ENTITIES, Node, wait_for};
use crate::support::world::{COMPANY, World};

const LIMIT: Duration = Duration::from_secs(60);
/// Once a year: what runs in this test runs because something changed.
const YEARLY: &str = "0 0 1 1 *";

/// A seventh entity: the cost centres under another name, into another table.
const BANDS: &str = "schedule = \"0 0 1 1 *\"\n\n[root]\ntable = \"BomCostCentre\"\nkey = [\"CostCentre\"]\ncolumns = [\"Description\"]\n";
const BANDS_GO: &str = "[header]\ntable = \"x_apo_gl_posting\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n\n[header.fields]\nu_name = \"Description\"\n";

/// A node with these files all of whose schedules are far away, but for a first run of each flow. Cost centres run as their file says.
fn quiet(world: &World, files: &Files) -> Node {
    let others = ENTITIES.iter().filter(|entity| **entity != "cost_center");
    let schedules: String = others.map(|entity| format!("{entity} = \"{YEARLY}\"\n")).collect();
    let site = Site::new(world.syspro.url.as_str(), world.servicenow.url().as_str(), &format!("[schedule]\n{schedules}"));
    let mut node = node(world, files);
    node.site = site;
    node
}

/// One flow as the service's health shows it.
fn flow(node: &Node, entity: &str) -> Option<Value> {
    let (_, body) = node.get("/health/flows")?;
    let flows: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let all = flows["flows"].as_array().unwrap_or_else(|| panic!("{flows}")).clone();
    all.into_iter().find(|flow| flow["entity"] == entity)
}

fn pid_of(node: &Node) -> u32 {
    node.service.as_ref().expect("it runs").child.id()
}

fn number(world: &World) -> i32 {
    world.database.psql("SELECT coalesce(max(number), 0) FROM definition_in_force").parse().unwrap()
}

/// Another set than this one is in force.
fn wait_for_next(world: &World, node: &Node, before: i32) -> i32 {
    wait_for(format!("other definitions are in force: {}", node.log()), LIMIT, || Some(number(world)).filter(|now| *now != before))
}

#[test]
fn an_entity_that_is_added_is_read_and_sent_and_one_that_is_removed_no_more() {
    let world = world();
    let files = Files::new();
    let mut node = quiet(&world, &files);
    node.start_and_wait(&world);
    let key = node.key(&world);
    let pid = pid_of(&node);
    wait_for("the first runs end", LIMIT, || flow(&node, "cost_center").filter(|flow| flow["last_success_at"].is_string()));
    assert!(flow(&node, "band").is_none());
    let rows = || world.servicenow.rows("x_apo_gl_posting").into_iter().filter(|row| row["u_source_key"].contains("band")).count();
    let before = number(&world);

    files.write("profiles/apo/band.toml", BANDS_GO);
    files.write("entities/band.toml", BANDS);
    let centres = world.servicenow.count("cmn_cost_center");
    assert!(centres > 0);
    wait_for(format!("the added entity arrives: {}", node.log()), LIMIT, || (rows() == centres).then_some(()));
    let added = number(&world);
    assert_ne!(added, before);
    // it is a flow like every other: with a schedule, a run and an action of its own
    let seen = flow(&node, "band").expect("the added flow");
    // in the zone of the SYSPRO server it is the first of January
    assert!(seen["next_run_at"].as_str().is_some_and(|at| at.contains("-01-01T") || at.contains("-12-31T")), "{seen}");
    let run = |entity: &str| {
        let path = format!("/api/v1/flows/{COMPANY}/{entity}/run");
        let (status, _, body) = ask(&node.site, "POST", &path, Some(&key), r#"{"why":"a test"}"#).unwrap();
        (status, body)
    };
    // unless it is running still
    let at_rest = |entity: &str| wait_for("the flow is at rest", LIMIT, || Some(run(entity)).filter(|(_, body)| !body.contains("running")));
    let (status, body) = at_rest("band");
    assert_eq!(status, 202, "{body}");
    let mapped = "SELECT DISTINCT definition FROM run WHERE entity = 'band'";
    assert_eq!(world.database.psql(mapped), added.to_string());

    std::fs::remove_file(Path::new(&files.path()).join("entities/band.toml")).unwrap();
    std::fs::remove_file(Path::new(&files.path()).join("profiles/apo/band.toml")).unwrap();
    wait_for_next(&world, &node, added);
    let (status, body) = wait_for("its flow is gone", LIMIT, || Some(run("band")).filter(|(status, _)| *status == 404));
    assert!(body.contains("there is no entity `band`"), "{status} {body}");
    let runs = world.database.psql("SELECT count(*) FROM run WHERE entity = 'band'");
    let (status, body) = at_rest("cost_center");
    assert_eq!(status, 202, "the others go on: {body}");
    assert_eq!(world.database.psql("SELECT count(*) FROM run WHERE entity = 'band'"), runs);
    let out = world.command(&["status"]).env("TIELINE__DEFINITIONS__DIRECTORY", files.path()).output().unwrap();
    assert!(text(&out).contains("EDU1/band"), "what was read of it stays as history: {}", text(&out));
    assert_eq!(pid_of(&node), pid, "without a restart");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn another_schedule_and_an_alignment_take_effect_without_a_restart() {
    let world = world();
    let files = Files::new();
    let mut node = quiet(&world, &files);
    node.start_and_wait(&world);
    let key = node.key(&world);
    let pid = pid_of(&node);
    let first = wait_for("the first run ends", LIMIT, || {
        flow(&node, "cost_center").filter(|flow| flow["last_success_at"].is_string() && flow["next_run_at"].is_string())
    });
    // as shipped: a quarter past two
    assert!(first["next_run_at"].as_str().unwrap().contains(":15:00"), "{first}");
    let shipped = include_str!("../../config/entities/cost_center.toml");
    let other = shipped.replace("schedule = \"15 2 * * *\"", "schedule = \"7 0 1 1 *\"");
    assert_ne!(other, shipped);
    files.write("entities/cost_center.toml", &other);
    let next = wait_for(format!("the schedule is another: {}", node.log()), LIMIT, || {
        flow(&node, "cost_center").and_then(|flow| flow["next_run_at"].as_str().map(str::to_owned)).filter(|next| next.contains(":07:00"))
    });
    assert!(next.contains("-01-01T") || next.contains("-12-31T"), "{next}");

    // nothing has requested the other side's list until now
    let adopt = || {
        let body = format!(r#"{{"company":"{COMPANY}","entity":"cost_center","why":"a test"}}"#);
        let (status, _, body) = ask(&node.site, "POST", "/api/v1/conflicts/adopt", Some(&key), &body).unwrap();
        (status, body)
    };
    assert_eq!(adopt().0, 404);
    let before = number(&world);
    let profile = include_str!("../../config/profiles/apo/cost_center.toml");
    files.write("profiles/apo/cost_center.toml", &format!("{profile}\n[header.align]\nrule = \"review\"\n"));
    node.signal(Signal::SIGHUP);
    wait_for_next(&world, &node, before);
    let path = format!("/api/v1/flows/{COMPANY}/cost_center/run");
    let begun = wait_for("the aligned flow runs", LIMIT, || {
        let (status, _, body) = ask(&node.site, "POST", &path, Some(&key), r#"{"why":"a test"}"#).unwrap();
        (status == 202).then(|| serde_json::from_str::<Value>(&body).unwrap())
    });
    let ended = wait_for("its run ends", LIMIT, || {
        let (_, _, body) = ask(&node.site, "GET", begun["follow"].as_str().unwrap(), Some(&key), "").unwrap();
        serde_json::from_str::<Value>(&body).ok().filter(|run| run["outcome"].is_string())
    });
    assert_eq!(ended["outcome"], "done", "{ended}");
    // both lists were compared: every row of the other side is in the ledger
    let compared = world.database.psql("SELECT count(*) FROM aligned_row");
    assert_eq!(compared, world.servicenow.count("cmn_cost_center").to_string(), "{}", node.log());
    let (status, body) = adopt();
    assert_eq!(status, 200, "{body}");
    assert_eq!(pid_of(&node), pid, "without a restart");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_company_s_currency_is_part_of_what_is_in_force() {
    let world = world();
    let files = Files::new();
    let mut node = quiet(&world, &files);
    node.start_and_wait(&world);
    wait_for("the first runs end", LIMIT, || flow(&node, "cost_center").filter(|flow| flow["last_success_at"].is_string()));
    let command = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("TIELINE__DEFINITIONS__DIRECTORY", files.path()).env("TIELINE__COMPANY__EDU1__CURRENCY", "CHF");
        let out = command.output().unwrap();
        (out.status.code(), text(&out))
    };
    // the books are not in francs: this command would label amounts differently from the service
    let (code, said) = command(&["replay", "--entity", "supplier", "--why", "a test"]);
    assert!(code == Some(4) && said.contains("nothing was mapped or sent"), "{code:?} {said}");
    assert_eq!(world.database.psql("SELECT count(*) FROM run WHERE kind = 'replay'"), "0");
    let (_, shown) = command(&["definitions", "show"]);
    assert!(shown.contains("tieline.toml: company.EDU1.currency = \"CHF\", was \"ZAR\""), "{shown}");
    // a second service with it: one of both works, the other says why it does not
    let mut other = quiet(&world, &files).with("COMPANY__EDU1__CURRENCY", "CHF");
    other.start_and_wait(&world);
    let idle = |node: &Node| node.ready().is_some_and(|(status, body)| status == 503 && body.contains("reads, maps and sends nothing"));
    wait_for(format!("one of both does nothing: {}{}", node.log(), other.log()), LIMIT, || (idle(&node) != idle(&other)).then_some(()));
    let said = world.database.psql("SELECT detail FROM audit WHERE kind = 'definition' ORDER BY id DESC LIMIT 1");
    assert!(said.contains("company.EDU1.currency"), "{said}");
    assert_eq!([node.terminate(), other.terminate()], [Some(0), Some(0)]);
}
