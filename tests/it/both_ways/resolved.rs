//! A person lists and resolves conflicts.

use serde_json::{Value, json};

use super::*;
use crate::binary::{text, wait_until};
use crate::http::ask;
use crate::support::world::World;

#[test]
fn conflicts_are_listed_shown_and_resolved_from_a_shell_and_over_http() {
    let world = World::before();
    let site = tempfile::tempdir().unwrap();
    let folder = site.path().join("profiles/apo");
    std::fs::create_dir_all(&folder).unwrap();
    let cost = include_str!("../../../config/profiles/apo/cost_center.toml");
    std::fs::write(folder.join("cost_center.toml"), format!("{cost}\n[header.align]\n")).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("TIELINE__DEFINITIONS__DIRECTORY", site.path());
        command
    };
    let tieline = |arguments: &[&str]| {
        let out = command(arguments).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned(), text(&out))
    };
    let done = |arguments: &[&str]| {
        let (code, out, all) = tieline(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {all}");
        out
    };
    world.set_credentials(&command);
    world.servicenow.insert_row(COST, &[("code", "100"), ("account_number", "100"), ("name", "By hand")]).unwrap();
    let sync = ["sync", "--entity", "cost_center"];
    // what waits for a decision counts as outstanding, and no screen says that it was delivered
    let (code, _, all) = tieline(&sync);
    assert!(code == Some(3) && all.contains("in conflict"), "{code:?} {all}");
    assert_eq!(world.servicenow.writes(), 0);
    let said = done(&["record", "EDU1", "cost_center", "100"]);
    assert!(said.contains("in conflict, never sent by Tieline: `name`: SYSPRO has `Foundry`, ServiceNow `By hand`"), "{said}");
    for arguments in [&["status"][..], &["failures"]] {
        let said = done(arguments);
        assert!(said.contains("in conflict: ServiceNow keeps its own values") && !said.contains("all delivered"), "{said}");
    }
    let list = |more: &[&str]| -> Vec<Value> {
        let arguments = [&["conflicts", "list", "--output", "json"], more].concat();
        serde_json::from_str(&done(&arguments)).unwrap()
    };
    let first = list(&["--kind", "first_contact"]);
    assert_eq!((first.len(), &first[0]["key"], &first[0]["servicenow"]), (1, &json!("100"), &json!("By hand")));
    let id = first[0]["id"].to_string();
    let shown = done(&["conflicts", "show", &id]);
    assert!(shown.contains("`By hand`") && shown.contains("`Foundry`") && shown.contains("column Description"), "{shown}");
    assert!(done(&["conflicts", "list", "--csv"]).lines().any(|line| line.contains("\"By hand\"")), "no such row");

    // refusals say what to do
    for (arguments, word) in [
        (&["conflicts", "resolve", "99999", "--take", "syspro", "--why", "x"][..], "tieline conflicts list"),
        (&["conflicts", "adopt", "--company", "EDU1", "--entity", "invoice", "--why", "x"], "[header.align]"),
        (&["conflicts", "show", "99999"], "99999"),
    ] {
        let (code, _, all) = tieline(arguments);
        assert!(code == Some(1) && all.contains(word), "{arguments:?}: {code:?} {all}");
    }
    assert_eq!(tieline(&["conflicts", "resolve", &id, "--take", "both", "--why", "x"]).0, Some(2));
    assert_eq!(tieline(&["conflicts", "resolve", &id, "--take", "syspro"]).0, Some(2), "no reason");

    done(&["conflicts", "adopt", "--company", "EDU1", "--entity", "cost_center", "--why", "go live"]);
    done(&["conflicts", "resolve", &id, "--take", "servicenow", "--why", "the name is right there"]);
    done(&sync);
    let left = list(&["--state", "to_apply"]);
    assert_eq!((left.len(), &left[0]["key"], &left[0]["why"]), (1, &json!("100"), &json!("the name is right there")));

    // the same over HTTP
    let out = command(&["api-key", "add", "ops", "--role", "operator"]).output().unwrap();
    let key = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    let out = command(&["api-key", "add", "eyes", "--role", "viewer"]).output().unwrap();
    let viewer = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    let mut serve = command(&["run"]);
    // far from any schedule: nothing runs meanwhile
    serve.env("TIELINE__SCHEDULE__COST_CENTER", "0 3 1 1 *");
    let service = world.site.serve_as(serve);
    let site_ask = |method: &str, path: &str, key: &str, body: &str| ask(&world.site, method, path, Some(key), body).unwrap();
    wait_until("the service answers", || ask(&world.site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    let (status, _, body) = site_ask("GET", "/api/v1/conflicts?entity=cost_center", &viewer, "");
    let page: Value = serde_json::from_str(&body).unwrap();
    let found = page["items"].as_array().unwrap().iter().find(|row| row["key"] == "100" && row["field"] == "name");
    assert!(status == 200 && found.is_some(), "{status} {body}");
    assert_eq!(site_ask("GET", &format!("/api/v1/conflicts/{id}"), &viewer, "").0, 200);
    // ServiceNow's value wins by now: that is decided, and nothing is outstanding
    let (_, _, body) = site_ask("GET", "/api/v1/records?state=delivered&entity=cost_center&prefix=100", &viewer, "");
    assert!(body.contains("\"key\":\"100\""), "{body}");
    let (_, _, shown) = ask(&world.site, "GET", "/metrics", None, "").unwrap();
    for line in [
        "tieline_conflicts{entity=\"cost_center\",kind=\"first_contact\",state=\"to_apply\"} 1",
        "tieline_conflicts{entity=\"cost_center\",kind=\"edited\",state=\"open\"} 0",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    let resolve = format!(r#"{{"ids":[{id}],"take":"syspro","why":"changed our minds"}}"#);
    assert_eq!(site_ask("POST", "/api/v1/conflicts/resolve", &viewer, &resolve).0, 403);
    for wrong in [r#"{"ids":[],"take":"syspro","why":"x"}"#, r#"{"ids":[1],"why":"x"}"#, r#"{"ids":[1],"take":"both","why":"x"}"#] {
        assert_eq!(site_ask("POST", "/api/v1/conflicts/resolve", &key, wrong).0, 400, "{wrong}");
    }
    assert_eq!(site_ask("POST", "/api/v1/conflicts/resolve", &key, r#"{"ids":[99999],"take":"syspro","why":"x"}"#).0, 404);
    let (status, _, body) = site_ask("POST", "/api/v1/conflicts/resolve", &key, &resolve);
    assert_eq!(status, 200, "{body}");
    drop(service);
    done(&sync);
    assert_eq!(world.servicenow.find(COST, "code", "100").unwrap()["name"], "Foundry");
    // the value is there, and the command says so before the next run closes the entry
    let words = "nothing: delivered; the next run of the flow compares it and closes it";
    assert!(done(&["conflicts", "show", &id]).contains(words), "{}", done(&["conflicts", "show", &id]));
    assert!(list(&["--state", "decided"]).iter().any(|row| row["key"] == "100" && row["delivery"] == "delivered"));
    done(&sync);
    assert!(list(&[]).iter().all(|row| row["key"] != "100"), "both sides are in step");
    let audit = done(&["audit", "--kind", "conflict", "--output", "json"]);
    for part in ["the name is right there", "changed our minds", "key ops from 127.0.0.1"] {
        assert!(audit.contains(part), "{part}");
    }
}
