//! An action reports its result, or where the result will be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::text;
use crate::http::ask;
use crate::support::node::{Node, wait_for};
use crate::support::world::{COMPANY, World};

const LIMIT: Duration = Duration::from_secs(60);

fn world() -> World {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

#[test]
fn a_run_that_was_begun_has_an_id_and_a_link_that_says_how_it_went() {
    let world = world();
    // nobody is there yet to do what is only stored
    let out = world.command(&["backfill", "--entity", "gl_account", "--all", "--no-wait", "--why", "a test"]).output().unwrap();
    assert!(text(&out).contains("No service is running; the next one reads it."), "{}", text(&out));
    let mut node = Node::new(&world).with("SCHEDULE__SUPPLIER", "0 0 1 1 *").with("SCHEDULE__INVOICE", "0 0 1 1 *");
    node.start_and_wait(&world);
    let key = node.key(&world);
    let post = |path: &str| {
        let (status, _, body) =
            ask(&node.site, "POST", &format!("/api/v1/flows/{COMPANY}/{path}"), Some(&key), r#"{"why":"a test"}"#).unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    };
    let get = |path: &str| {
        let (status, _, body) = ask(&node.site, "GET", path, Some(&key), "").unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    };
    let (status, begun) = wait_for("a run begins", LIMIT, || Some(post("supplier/run")).filter(|(status, _)| *status == 202));
    assert_eq!((status, &begun["begun"], &begun["accepted"]), (202, &json!(true), &json!("poll")), "{begun}");
    let follow = begun["follow"].as_str().unwrap();
    assert_eq!(follow, format!("/api/v1/runs/{}", begun["run"].as_str().unwrap()));
    let ended = wait_for("the run ends", LIMIT, || {
        let (status, run) = get(follow);
        assert_eq!(status, 200, "{run}");
        run["outcome"].is_string().then_some(run)
    });
    assert_eq!((&ended["outcome"], &ended["kind"], &ended["entity"]), (&json!("done"), &json!("poll"), &json!("supplier")), "{ended}");
    assert!(ended["read"].as_i64() > Some(0) && ended["reason"] == "a test", "{ended}");
    for path in ["/api/v1/runs/nobody", "/api/v1/runs/01936b2e-0000-7000-8000-000000000000"] {
        assert_eq!(get(path).0, 404, "{path}");
    }

    // one that does not start is not said to have begun
    wait_for("the first run of the invoices ends", LIMIT, || {
        (world.database.psql("SELECT count(*) FROM run WHERE entity = 'invoice' AND ended_at IS NOT NULL") == "1").then_some(())
    });
    world.database.psql(&format!("INSERT INTO flow (company, entity, stopped) VALUES ('{COMPANY}', 'invoice', 'a column changed') ON CONFLICT (company, entity) DO UPDATE SET stopped = excluded.stopped"));
    let (status, problem) = wait_for("the flow is at rest", LIMIT, || {
        Some(post("invoice/run")).filter(|(_, answer)| !answer["detail"].as_str().unwrap_or_default().contains("running"))
    });
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("is stopped: a column changed"), "{status} {problem}");
    assert_eq!(world.database.psql("SELECT count(*) FROM run WHERE entity = 'invoice'"), "1");

    // a pause or a resumption says whether it changed anything
    let (_, resumed) = post("invoice/resume");
    assert_eq!((&resumed["changed"], &resumed["paused"]), (&json!(true), &json!(false)), "{resumed}");
    assert!(resumed["text"].as_str().unwrap().ends_with("it had been stopped: a column changed"), "{resumed}");
    for (action, changed, said) in [
        ("resume", false, "was neither paused nor stopped; nothing changed"),
        ("pause", true, "is paused: no run starts until somebody resumes it"),
        ("pause", false, "was paused already; nothing changed"),
        ("resume", true, "is resumed"),
    ] {
        let (_, answer) = post(&format!("invoice/{action}"));
        assert_eq!(answer["changed"], json!(changed), "{action}: {answer}");
        assert!(answer["text"].as_str().unwrap().contains(said), "{action}: {answer}");
    }
    let out = world.command(&["flow", "resume", COMPANY, "invoice", "--why", "again"]).output().unwrap();
    assert!(text(&out).contains("neither paused nor stopped; nothing changed"), "{}", text(&out));

    // what is only noted says where it can be followed
    let body = r#"{"company":"EDU1","entity":"supplier","since":"2026-01-01","why":"a test"}"#;
    let (status, _, body) = ask(&node.site, "POST", "/api/v1/backfill", Some(&key), body).unwrap();
    let noted: Value = serde_json::from_str(&body).unwrap();
    let link = noted["follow"].as_str().unwrap().replace("{id}", &noted["items"][0]["id"].to_string());
    assert_eq!((status, get(&link).0), (202, 200), "{noted}");
    assert_eq!(node.terminate(), Some(0));
}
