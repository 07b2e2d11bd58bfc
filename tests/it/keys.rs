//! API keys from their first day to their last: their end, their person, and what the audit says of them and of settings.

use serde_json::{Value, json};
use tieline::domain::notice::NoticeEvent;
use tieline::store::{NoticeRules, Store};

use crate::binary::{Site, cluster, text, wait_until};
use crate::http::ask;
use crate::support::sql::Sql;
use crate::support::{database, run};

/// What a command prints; it must end with this code.
fn said(site: &Site, code: i32, arguments: &[&str]) -> String {
    let out = site.run(arguments);
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    text(&out)
}

/// The key that a command prints.
fn printed(site: &Site, arguments: &[&str]) -> String {
    let out = site.run(arguments);
    assert!(out.status.success(), "{arguments:?}: {}", text(&out));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// The events of actions, the oldest first: their details, and `actor`.
fn actions(site: &Site) -> Vec<Value> {
    let out = said(site, 0, &["audit", "--kind", "action", "--output", "json"]);
    let mut rows: Vec<Value> = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
    rows.sort_by_key(|row| row["id"].as_i64());
    let with_actor = |row: Value| {
        let mut detail = row["detail"].clone();
        detail["actor"] = row["actor"].clone();
        detail
    };
    rows.into_iter().map(with_actor).collect()
}

fn list(site: &Site) -> Value {
    let out = site.run(&["api-key", "list", "--output", "json"]);
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
}

/// The days from the making of the n-th key to its end.
fn days(list: &Value, n: usize) -> i64 {
    let at = |name: &str| list[n][name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    (at("expires_at") - at("created_at")).num_days()
}

#[test]
fn a_key_has_an_end_a_person_and_events_with_what_changed() {
    let site = Site::alone();
    // an end by default; none only if it is said, with a reason
    let first = printed(&site, &["api-key", "add", "anna", "--role", "viewer"]);
    let words = said(&site, 1, &["api-key", "add", "robot", "--role", "viewer", "--expires", "never"]);
    assert!(words.contains("needs a reason"), "{words}");
    said(&site, 0, &["api-key", "add", "robot", "--role", "viewer", "--expires", "never", "--why", "the monitor cannot rotate"]);
    said(&site, 0, &["api-key", "add", "closing", "--role", "controller", "--person", "anna", "--expires", "30"]);
    let keys = list(&site);
    assert!((364..=365).contains(&days(&keys, 0)) && (29..=30).contains(&days(&keys, 2)), "{keys:#}");
    assert_eq!(
        (&keys[1]["expires_at"], &keys[1]["state"], &keys[2]["person"]),
        (&Value::Null, &json!("valid, without an end"), &json!("anna"))
    );
    let table = said(&site, 0, &["api-key", "list"]);
    assert!(table.contains("never") && table.contains("valid, without an end"), "{table}");
    assert!(table.lines().any(|line| line.contains("closing") && line.contains("anna")), "{table}");
    let out = site.command(&["api-key", "add", "brief", "--role", "viewer"]).env("TIELINE__SIGN_IN__KEY_DAYS", "3").output().unwrap();
    assert!(out.status.success() && (2..=3).contains(&days(&list(&site), 3)), "{}", text(&out));

    // a name is one person's, and cannot pass for another
    let words = said(&site, 1, &["api-key", "add", "anna", "--role", "admin"]);
    assert!(words.contains("a name is one person's") && words.contains("tieline api-key rotate anna"), "{words}");
    for wrong in ["ops (anna)", "anna from 10.0.0.7", " anna"] {
        assert!(said(&site, 2, &["api-key", "add", wrong, "--role", "admin"]).contains("a name has 1 to 100 characters"), "{wrong}");
    }

    // another secret, another end, role and person: each is an event with both values
    said(&site, 2, &["api-key", "rotate", "anna"]);
    let second = printed(&site, &["api-key", "rotate", "anna", "--expires", "60", "--why", "she lost it"]);
    assert_ne!(first, second);
    said(&site, 2, &["api-key", "change", "anna", "--why", "nothing changes"]);
    let words =
        said(&site, 0, &["api-key", "change", "anna", "--role", "auditor", "--person", "berg", "--expires", "never", "--why", "moved"]);
    assert!(words.contains("has the role auditor, belongs to `berg`, and never expires"), "{words}");
    assert!(said(&site, 1, &["api-key", "change", "nobody", "--role", "viewer", "--why", "x"]).contains("there is no key `nobody`"));
    said(&site, 0, &["api-key", "remove", "brief", "--why", "not needed"]);

    let events = actions(&site);
    let of = |action: &str| {
        events.iter().rev().find(|one| one["action"] == action).unwrap_or_else(|| panic!("no {action}: {events:#?}")).clone()
    };
    let rotated = of("api key rotate");
    let prefix = |key: &str| key["tl_".len()..].split('_').next().unwrap().to_owned();
    assert_eq!(rotated["difference"][0], json!(format!("prefix = {}, was {}", prefix(&second), prefix(&first))));
    assert!(rotated["difference"][1].as_str().unwrap().starts_with("expires = ") && rotated["why"] == "she lost it", "{rotated:#}");
    let changed = of("api key change");
    let lines: Vec<&str> = changed["difference"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(lines[..2], ["role = auditor, was viewer", "person = berg, was anna"]);
    assert!(lines[2].starts_with("expires = never, was 2") && lines.len() == 3, "{lines:?}");
    assert_eq!((&of("api key remove")["name"], &of("api key remove")["role"]), (&json!("brief"), &json!("viewer")));
    assert!(events.iter().all(|one| one["actor"].as_str().unwrap().starts_with("user ")), "{events:#?}");
    for secret in [&first, &second] {
        assert!(!format!("{events:?}").contains(&secret["tl_12345678_".len()..]));
    }
    // the audit knows each key as it was last changed, and finds one that was changed behind its back
    let cluster = cluster(&site);
    let database = Sql::new(&cluster.url());
    said(&site, 0, &["audit", "seal"]);
    let words = said(&site, 0, &["audit", "verify"]);
    assert!(!words.contains("not sealed yet"), "{words}");
    database.ask("tieline", "UPDATE api_key SET person = 'mallory' WHERE name = 'anna'").unwrap();
    let words = said(&site, 1, &["audit", "verify"]);
    assert!(words.contains("the API key `anna` was changed"), "{words}");
}

#[test]
fn an_end_is_announced_and_then_refused_with_its_time() {
    let site = Site::alone();
    let cluster = cluster(&site);
    let database = Sql::new(&cluster.url());
    let psql = |sql: &str| database.ask("tieline", sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let key = printed(&site, &["api-key", "add", "anna", "--role", "viewer"]);
    said(&site, 0, &["api-key", "add", "old", "--role", "viewer", "--expires", "never", "--why", "a test"]);
    let finding = || -> Value {
        let out = site.run(&["doctor", "--read-only", "--output", "json", "--why", "a test"]);
        let all: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
        let findings = all.as_array().or_else(|| all["findings"].as_array()).unwrap_or_else(|| panic!("{all:#}"));
        findings.iter().find(|one| one["what"] == "API keys").unwrap_or_else(|| panic!("{all:#}")).clone()
    };
    let found = finding();
    assert_eq!((&found["verdict"], &found["found"]), (&json!("ok"), &json!("have no end: `old`")));

    let store = Store::connect(&database::settings(), &cluster.url()).unwrap();
    let told = || {
        for _ in 0..2 {
            let events = vec![NoticeEvent::KeyExpiring];
            let rules = NoticeRules { events, channels: vec!["webhook".into()], stale_hours: 1000, key_notice_days: 14, flows: Vec::new() };
            run(store.notice_collect(rules, Vec::new())).unwrap();
        }
        psql("SELECT coalesce(string_agg(examples, '; ' ORDER BY id), '') FROM notice WHERE event = 'key_expiring'")
    };
    assert_eq!(told(), "", "nothing ends soon");
    psql("UPDATE api_key SET expires_at = now() + interval '13 days', created_at = now() - interval '300 days' WHERE name = 'anna'");
    let notice = told();
    assert!(notice.contains("key `anna` (viewer) expires at 2") && notice.matches("anna` (").count() == 1, "once: {notice}");
    let found = finding();
    assert!(found["verdict"] == "warning" && found["found"].as_str().unwrap().starts_with("end soon: `anna` ("), "{found:#}");
    assert!(found["to_do"].as_str().unwrap().contains("tieline api-key rotate"), "{found:#}");
    assert_eq!(list(&site)[0]["state"], "expires soon");

    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    assert_eq!(ask(&site, "GET", "/api/v1/flows", Some(&key), "").unwrap().0, 200);
    psql("UPDATE api_key SET expires_at = '2026-01-31 08:00:00Z', created_at = '2025-01-31' WHERE name = 'anna'");
    let (status, _, body) = ask(&site, "GET", "/api/v1/flows", Some(&key), "").unwrap();
    assert!(status == 401 && body.contains("the API key `anna` expired at 2026-01-31 08:00:00Z"), "{status} {body}");
    assert_eq!(list(&site)[0]["state"], "expired");
    // a new secret, and it works again
    let new = printed(&site, &["api-key", "rotate", "anna", "--why", "it had ended"]);
    assert_eq!(ask(&site, "GET", "/api/v1/flows", Some(&new), "").unwrap().0, 200);
    assert_eq!(ask(&site, "GET", "/api/v1/flows", Some(&key), "").unwrap().0, 401);
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn other_settings_and_credentials_are_events_with_what_differs() {
    let site = Site::alone();
    let start = |more: &[(&str, &str)]| {
        let mut command = site.command(&["run"]);
        command.envs(more.iter().copied());
        let mut service = site.serve_as(command);
        wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
        assert_eq!(service.terminate(), Some(0));
    };
    let changes = || actions(&site).into_iter().filter(|one| one["action"] == "settings change").collect::<Vec<_>>();
    start(&[]);
    start(&[]);
    assert!(changes().is_empty(), "the same settings: {:#?}", changes());
    let secret = "http://user:SENTINEL@proxy.example:3128";
    start(&[("TIELINE__CLOSE__SECOND_PERSON", "true"), ("TIELINE__SERVICENOW__PROXY", secret)]);
    let found = changes();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["difference"], json!(["close.second_person = true, was false", "servicenow.proxy = *** added"]));
    assert!(found[0]["actor"].as_str().unwrap().starts_with("user ") && found[0]["hash"] != found[0]["hash_before"], "{found:#?}");
    start(&[]);
    assert_eq!(changes()[1]["difference"], json!(["close.second_person = false, was true", "servicenow.proxy removed, was ***"]));

    site.set_credentials(("OPERATOR", "SENTINEL-one"), ("client", "SENTINEL-two"));
    site.set_credentials(("OTHER", "SENTINEL-three"), ("client", "SENTINEL-four"));
    said(&site, 0, &["credential", "remove", "servicenow"]);
    let events = actions(&site);
    let differences: Vec<&str> = events
        .iter()
        .filter(|one| one["action"].as_str().unwrap().starts_with("credential "))
        .map(|one| one["difference"][0].as_str().unwrap())
        .collect();
    assert_eq!(
        differences,
        [
            "syspro-odata added for `OPERATOR`",
            "servicenow added for `client`",
            "syspro-odata: user name = OTHER, was OPERATOR",
            "servicenow: set again",
            "servicenow removed, was for `client`",
        ]
    );
    assert!(!format!("{events:?}").contains("SENTINEL"));

    // a test of the channels is somebody's action too
    let mut command = site.command(&["notices", "test"]);
    let out = command.env("TIELINE__NOTICES__WEBHOOK_URLS", "http://127.0.0.1:1/hook").output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let last = actions(&site).pop().unwrap();
    assert_eq!((&last["action"], last["channels"][0]["accepted"].as_bool()), (&json!("notices test"), Some(false)), "{last:#}");
    assert!(last["actor"].as_str().unwrap().starts_with("user "), "{last:#}");
}

#[test]
fn two_keys_and_an_account_of_one_person_are_one_person() {
    let site = Site::alone();
    let cluster = cluster(&site);
    let database = Sql::new(&cluster.url());
    let psql = |sql: &str| database.ask("tieline", sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let key = |name: &str, person: &str| printed(&site, &["api-key", "add", name, "--role", "controller", "--person", person]);
    let (closing, own, ben) = (key("closing", "Anna"), key("anna", "anna"), key("ben", "ben"));
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    // asked with one key, and by somebody who signed in through the provider
    for asked_by in ["key closing (Anna) from 10.0.0.7", "person anna from 10.0.0.7"] {
        psql(&format!(
            "INSERT INTO approval (kind, subject, asked_by, why, expires_at) VALUES ('unlock', 'unlock EDU1 2026/03', '{asked_by}', 'a test', now() + interval '1 day')"
        ));
    }
    let answer = |key: &str, id: u8| {
        let (status, _, body) = ask(&site, "POST", &format!("/api/v1/approvals/{id}/approve"), Some(key), r#"{"why":"a test"}"#).unwrap();
        (status, body)
    };
    for id in [1, 2] {
        for key in [&closing, &own] {
            let (status, body) = answer(key, id);
            assert!(status == 409 && body.contains("another person must answer"), "{status} {body}");
        }
        let mut command = site.command(&["approvals", "approve", &id.to_string(), "--why", "a test"]);
        let out = command.env("TIELINE_ACCOUNT", "anna").output().unwrap();
        assert!(!out.status.success() && text(&out).contains("another person must answer"), "{}", text(&out));
        assert_eq!(answer(&ben, id).0, 200);
    }
    let answered = psql("SELECT string_agg(DISTINCT answered_by, ' ') FROM approval");
    assert_eq!(answered, "key ben from 127.0.0.1");
    // the audit names the key and its person
    assert_eq!(ask(&site, "POST", "/api/v1/closes/EDU1/2026-03/prepare", Some(&closing), r#"{"why":"a test"}"#).unwrap().0, 404);
    let person = crate::console::Person::sign_in(&site, &closing);
    assert!(person.get("/").body.contains("closing (controller)"));
    assert_eq!(psql("SELECT actor FROM audit WHERE detail LIKE '%\"sign in\"%'"), "key closing (Anna) from 127.0.0.1");
    assert_eq!(service.terminate(), Some(0));
}
