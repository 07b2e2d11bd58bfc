//! The HTTP surface of the real service.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tieline::domain::role::{Permission, Role};
use tieline::http::ROUTES;

use crate::binary::{Site, text, wait_until};

/// Status, headers and body of one request on a connection of its own.
fn ask(site: &Site, method: &str, path: &str, key: Option<&str>, body: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", site.port)).ok()?;
    let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, head.to_ascii_lowercase(), body.to_owned()))
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn key(site: &Site, name: &str, role: &str) -> String {
    let out = site.run(&["api-key", "add", name, "--role", role]);
    assert!(out.status.success(), "{:?} {}", out.status, text(&out));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_route_asks_for_its_role_and_says_what_is_wrong() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    let ask = |method: &str, path: &str, key: Option<&str>, body: &str| ask(&site, method, path, key, body).unwrap();

    // not ready: the credentials are missing, and it says which
    let (status, _, body) = ask("GET", "/health/ready", None, "");
    assert_eq!(status, 503);
    assert!(json_of(&body)["missing"].to_string().contains("syspro-odata"), "{body}");
    site.set_credentials(("U", "p"), ("C", "s"));
    assert_eq!(ask("GET", "/health/ready", None, "").0, 200);
    assert_eq!(ask("GET", "/health/flows", None, "").0, 200);
    let (status, head, body) = ask("GET", "/metrics", None, "");
    assert_eq!(status, 200);
    assert!(body.contains("tieline_") && body.contains("# HELP"), "{body}");
    assert!(head.contains("x-content-type-options: nosniff") && head.contains("cache-control: no-store"), "{head}");

    let keys: Vec<(Role, String)> = Role::ALL.iter().map(|role| (*role, key(&site, role.as_str(), role.as_str()))).collect();
    for route in ROUTES.iter().filter(|route| route.needs.is_some()) {
        let path = route.path.replacen("{}", "EDU1", 1).replacen("{}", "invoice", 1).replace("{*}", "nobody/0042");
        let needs = route.needs.unwrap();
        assert_eq!(ask(route.method, &path, None, "").0, 401, "{path}");
        assert_eq!(ask(route.method, &path, Some("tl_00000000_nonsense"), "").0, 401, "{path}");
        for (role, key) in &keys {
            let (status, _, body) = ask(route.method, &path, Some(key), "");
            assert_eq!(status == 403, !role.allows(needs), "{role} {path}: {status} {body}");
            if status >= 400 {
                let problem = json_of(&body);
                assert_eq!(problem["status"], status);
                assert!(!problem["next_step"].as_str().unwrap().is_empty(), "{body}");
            }
            // an action without a reason is refused, never done
            if role.allows(Permission::Operate) && route.method == "POST" {
                assert_eq!(status, 400, "{path}: {body}");
            }
        }
    }
    // another spelling of a path is the same path: it needs the same role
    let viewer = &keys.iter().find(|(role, _)| *role == Role::Viewer).unwrap().1;
    for (method, path) in [
        ("GET", "/api/v1/%61udit"),
        ("POST", "/api/v1/repla%79"),
        ("POST", "/api/v1/flows/EDU1/invoice/%70ause"),
        ("POST", "/api/v1/flows/EDU1/invoice/%72un"),
    ] {
        let (status, _, body) = ask(method, path, Some(viewer), r#"{"why":"not allowed to","all":true}"#);
        assert!([403, 404].contains(&status), "{path}: {status} {body}");
    }
    let admin = &keys.iter().find(|(role, _)| *role == Role::Admin).unwrap().1;
    assert_eq!(ask("GET", "/api/v1/runs?limit=0", Some(admin), "").0, 400);
    assert_eq!(ask("GET", "/api/v1/runs?colour=red", Some(admin), "").0, 400);
    assert_eq!(ask("GET", "/api/v1/nowhere", Some(admin), "").0, 404);
    assert_eq!(ask("DELETE", "/api/v1/runs", Some(admin), "").0, 405);
    assert_eq!(ask("POST", "/api/v1/replay", Some(admin), r#"{"why":"all of it"}"#).0, 400);
    let (status, head, body) = ask("POST", "/api/v1/replay", Some(admin), &format!(r#"{{"why":"{}"}}"#, "x".repeat(70_000)));
    assert_eq!((status, &json_of(&body)["status"]), (413, &json!(413)));
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    // a key is decoded once and keeps its slashes
    for (path, key) in [("042%2FINV%207", "042/INV 7"), ("042/INV%207", "042/INV 7"), ("a%252Fb", "a%2Fb")] {
        let (status, _, body) = ask("GET", &format!("/api/v1/records/EDU1/invoice/{path}"), Some(admin), "");
        let detail = json_of(&body)["detail"].as_str().unwrap().to_owned();
        assert!(status == 404 && detail.contains(&format!("`{key}`")), "{path}: {status} {detail}");
    }
    assert_eq!(ask("GET", "/api/v1/records?prefix=%00", Some(admin), "").0, 400);
    assert_eq!(ask("POST", "/api/v1/flows/EDU1/invoice/pause", Some(admin), r#"{"why":"month end"}"#).0, 200);
    assert_eq!(ask("POST", "/api/v1/flows/EDU9/invoice/pause", Some(admin), r#"{"why":"month end"}"#).0, 404);
    assert_eq!(ask("POST", "/api/v1/replay", Some(admin), r#"{"entity":"invoice","why":"try again"}"#).0, 202);
    let (status, _, body) = ask("GET", "/api/v1/audit?kind=action&limit=1000", Some(admin), "");
    assert_eq!(status, 200);
    let items = json_of(&body)["items"].clone();
    let pause = items.as_array().unwrap().iter().find(|row| row["detail"]["action"] == json!("pause")).expect("the pause is in the audit");
    assert_eq!((&pause["detail"]["why"], &pause["company"]), (&json!("month end"), &json!("EDU1")));
    assert!(pause["actor"].as_str().unwrap().starts_with("key admin from 127.0.0.1"), "{pause}");

    assert_eq!(ask("POST", "/api/v1/flows/EDU1/invoice/run", Some(admin), r#"{"why":"a look"}"#).0, 202);
    let of_run = |row: &Value| row["detail"]["action"] == json!("run") && row["detail"]["why"] == json!("a look");
    let audit = || json_of(&ask("GET", "/api/v1/audit?kind=action&limit=1000", Some(admin), "").2)["items"].clone();
    wait_until("the run stands in the audit", || audit().as_array().unwrap().iter().any(of_run));

    // a second service cannot have the port, and says so
    let second = site.run(&["run"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second).contains("http.listen"), "{}", text(&second));
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn closed_health_needs_a_key_but_life_is_always_told() {
    let site = Site::alone();
    let mut command = site.command(&["run"]);
    command.env("TIELINE__HTTP__OPEN_HEALTH", "false").env("TIELINE__HTTP__OPEN_METRICS", "false");
    let mut service = site.serve_as(command);
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    let viewer = key(&site, "viewer", "viewer");
    let ask = |path: &str, key: Option<&str>| ask(&site, "GET", path, key, "").unwrap();
    for path in ["/health/ready", "/health/flows", "/metrics", "/health/nowhere"] {
        let (status, head, _) = ask(path, None);
        assert_eq!(status, 401, "{path}");
        assert!(head.contains("www-authenticate: bearer") && head.contains("cache-control: no-store"), "{head}");
        assert_ne!(ask(path, Some(&viewer)).0, 401, "{path}");
    }
    assert_eq!(ask("/health/nowhere", Some(&viewer)).0, 404);
    // the same key, cut short or with another end, is no key
    assert_eq!(ask("/metrics", Some(&viewer[..viewer.len() - 1])).0, 401);
    let (_, _, metrics) = ask("/metrics", Some(&viewer));
    let refused = metrics.lines().find_map(|line| line.strip_prefix("tieline_http_sign_ins_refused_total ")).unwrap();
    assert_eq!(refused, "5", "four without a key, one with a wrong one");
    // removed, it opens nothing any more
    assert!(site.run(&["api-key", "remove", "viewer"]).status.success());
    assert_eq!(ask("/metrics", Some(&viewer)).0, 401);
    assert_eq!(service.terminate(), Some(0));
}
