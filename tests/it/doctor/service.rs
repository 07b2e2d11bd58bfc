//! Diagnostics in the running service: through the API and the console's page, with the sessions of its actors.

use std::time::Duration;

use serde_json::Value;
use tieline::domain::role::Role;
use tieline_sim::faults::{Fault, FaultRule};

use super::rows;
use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::{Node, wait_for};
use crate::support::world::World;

fn key(node: &Node, world: &World, role: Role) -> String {
    let out = node.command(world, &["api-key", "add", role.as_str(), "--role", role.as_str()]).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// A node that reads through e.net, and nothing by its schedules after the first time.
fn node(world: &World) -> Node {
    let mut node = Node::new(world).with("SYSPRO__SOURCE", "enet").with("SYSPRO__ENET_URL", world.syspro.enet_url.as_str());
    for entity in crate::support::node::ENTITIES {
        node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 1 1 *");
    }
    node
}

#[test]
fn it_is_begun_followed_and_read_through_the_services_own_session_and_token() {
    let mut world = World::before();
    world.credentials[0] = ("syspro-enet", "TIELINE".into(), "enet-secret".into());
    let client = ("servicenow", world.servicenow.options().client_id.clone(), world.servicenow.options().client_secret.clone());
    world.credentials[1] = client;
    let mut node = node(&world);
    world.set_credentials(&|arguments| world.command(arguments));
    node.start_and_wait(&world);
    let quiet = "SELECT (SELECT count(*) FROM run WHERE ended_at IS NOT NULL) >= 6 AND NOT EXISTS (SELECT FROM run WHERE ended_at IS NULL)";
    wait_for("the first polls", Duration::from_secs(120), || (world.database.psql(quiet) == "t").then_some(()));
    let (viewer, operator) = (key(&node, &world, Role::Viewer), key(&node, &world, Role::Operator));
    let get = || -> Value {
        let (status, _, body) = ask(&node.site, "GET", "/api/v1/doctor", Some(&viewer), "").unwrap();
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let post = |key: &str, body: &str| {
        let (status, _, body) = ask(&node.site, "POST", "/api/v1/doctor", Some(key), body).unwrap();
        (status, body)
    };
    assert_eq!(get()["state"], "never");
    let person = Person::sign_in(&node.site, &operator);
    let page = person.get("/doctor").body;
    assert!(page.contains("No diagnostics have run") && page.contains("Run diagnostics"), "{page}");
    assert!(!Person::sign_in(&node.site, &viewer).get("/doctor").body.contains("action=\"/doctor\""), "a viewer begins nothing");

    let (tokens, logons) = (world.servicenow.token_requests(), world.syspro.enet_stats().sessions);
    assert!(logons.open <= 1 && logons.most_open == 1, "{logons:?}");
    assert_eq!(post(&viewer, r#"{"why":"a check"}"#).0, 403);
    assert_eq!(post(&operator, r#"{"why":""}"#).0, 400);
    assert_eq!(post(&operator, r#"{"why":"a check","colour":"red"}"#).0, 400);
    // it takes its time, so that it can be watched
    world.servicenow.set_fault(FaultRule::always(Fault::Slow(300)).on_method("GET"));
    let (status, body) = post(&operator, r#"{"why":"a check <b>"}"#);
    assert_eq!(status, 202, "{body}");
    assert_eq!(post(&operator, r#"{"why":"another"}"#).0, 409);
    let running = get();
    assert!(running["state"] == "running" && running["progress"]["of"] == 8, "{running}");
    let page = person.get("/doctor").body;
    assert!(page.contains("data-again=") && page.contains("Diagnostics are running") && !page.contains("Run diagnostics"), "{page}");
    assert_eq!(person.post("/doctor", "why=too").status, 409);
    let done = wait_for("the diagnostics end", Duration::from_secs(60), || Some(get()).filter(|last| last["state"] == "done"));
    assert!(done["problem"].is_null() && done["by"].as_str().unwrap().starts_with("key operator from "), "{done}");
    let findings = &done["findings"];
    for what in
        ["database", "master key", "e.net sign-in EDU1", "SYSPRO EDU1 ApSupplier", "ServiceNow token", "right to create in cmn_cost_center"]
    {
        let rows = rows(findings, what);
        assert!(!rows.is_empty() && rows[0]["verdict"] == "ok", "{what}: {findings}");
    }
    assert_eq!(world.servicenow.token_requests(), tokens, "the service's token serves");
    let sessions = world.syspro.enet_stats().sessions;
    assert!(sessions.most_open == 1 && sessions.evicted == 0 && sessions.leaked == 0, "{sessions:?}");
    world.servicenow.clear_faults();
    let told =
        "SELECT count(*) FROM audit WHERE kind = 'action' AND actor LIKE 'key operator from %' AND detail LIKE '%\"doctor\"%a check <b>%'";
    assert_eq!(world.database.psql(told), "1");
    let page = person.get("/doctor").body;
    assert!(page.contains("a check &#60;b&#62;") && page.contains("right to create in cmn_cost_center"), "{page}");
    assert!(page.contains("Run diagnostics") && !page.contains("data-again"), "{page}");

    // from the page, and read only: the last run is this one then
    let answer = person.post("/doctor", "why=from+the+page&read_only=yes");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/doctor?done=doctor")), "{}", answer.body);
    let done = wait_for("the second ends", Duration::from_secs(60), || Some(get()).filter(|last| last["state"] == "done"));
    assert!(done["read_only"] == true && done["why"] == "from the page", "{done}");
    assert_eq!(rows(&done["findings"], "right to create in cmn_cost_center")[0]["verdict"], "unknown");
    assert!(world.servicenow.find("cmn_cost_center", "u_source_key", "tieline-doctor/cmn_cost_center").is_none());
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn one_that_crashes_says_so_and_does_not_stand_in_the_way_of_the_next() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    let mut node = Node::new(&world);
    for entity in crate::support::node::ENTITIES {
        node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 1 1 *");
    }
    let mut command = node.command(&world, &["run"]);
    // only the diagnostics query the dictionary
    command.env("TIELINE_FAILPOINT", "panic@http:GET:/api/now/table/sys_db_object:before");
    node.service = Some(node.site.serve_as(command));
    wait_for("the service answers", Duration::from_secs(30), || node.get("/health/live"));
    let key = node.key(&world);
    let last = || -> Value {
        let (_, _, body) = ask(&node.site, "GET", "/api/v1/doctor", Some(&key), "").unwrap();
        serde_json::from_str(&body).unwrap()
    };
    let examined = || {
        let (status, _, body) = ask(&node.site, "POST", "/api/v1/doctor", Some(&key), r#"{"why":"a check"}"#).unwrap();
        assert_eq!(status, 202, "{body}");
        wait_for("it ends", Duration::from_secs(60), || Some(last()).filter(|last| last["state"] == "done"))
    };
    let crashed = examined();
    assert!(crashed["problem"].as_str().unwrap().contains("the service's log"), "{crashed}");
    assert!(!rows(&crashed["findings"], "database").is_empty(), "what was found until then stays: {crashed}");
    let page = Person::sign_in(&node.site, &key).get("/doctor").body;
    assert!(page.contains("did not finish") && page.contains("Run diagnostics"), "{page}");
    let well = examined();
    assert!(well["problem"].is_null() && !rows(&well["findings"], "clock and ServiceNow").is_empty(), "{well}");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn the_command_and_the_service_make_the_same_checks() {
    // everything is delivered: a first load of the service would fill tables between the two
    let world = World::start();
    let mut node = Node::new(&world);
    for entity in crate::support::node::ENTITIES {
        node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    let key = node.key(&world);
    let (status, _, body) = ask(&node.site, "POST", "/api/v1/doctor", Some(&key), r#"{"why":"through the API"}"#).unwrap();
    assert_eq!(status, 202, "{body}");
    let last = || -> Value { serde_json::from_str(&ask(&node.site, "GET", "/api/v1/doctor", Some(&key), "").unwrap().2).unwrap() };
    let done = wait_for("the diagnostics end", Duration::from_secs(60), || Some(last()).filter(|last| last["state"] == "done"));
    let out = node.command(&world, &["doctor", "--output", "json", "--why", "through the command"]).output().unwrap();
    let by_command: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));

    let checks = |findings: &Value| -> Vec<String> {
        let named = |row: &Value| format!("{}: {}", row["what"].as_str().unwrap(), row["verdict"].as_str().unwrap());
        findings.as_array().unwrap().iter().map(named).collect()
    };
    assert!(checks(&by_command).len() > 20, "{by_command}");
    assert_eq!(checks(&by_command), checks(&done["findings"]));
    let told = |why: &str| {
        let sql = format!("SELECT kind || ' ' || replace(detail, '{why}', 'WHY') FROM audit WHERE detail LIKE '%\"doctor\"%{why}%'");
        world.database.psql(&sql)
    };
    assert!(!told("through the API").is_empty());
    assert_eq!(told("through the command"), told("through the API"));
    assert_eq!(node.terminate(), Some(0));
}
