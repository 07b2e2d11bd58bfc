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
    assert!(out.status.success(), "{}", text(&out));
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
    let admin = &keys.iter().find(|(role, _)| *role == Role::Admin).unwrap().1;
    assert_eq!(ask("GET", "/api/v1/runs?limit=0", Some(admin), "").0, 400);
    assert_eq!(ask("GET", "/api/v1/runs?colour=red", Some(admin), "").0, 400);
    assert_eq!(ask("GET", "/api/v1/nowhere", Some(admin), "").0, 404);
    assert_eq!(ask("DELETE", "/api/v1/runs", Some(admin), "").0, 405);
    assert_eq!(ask("POST", "/api/v1/replay", Some(admin), r#"{"why":"all of it"}"#).0, 400);
    assert_eq!(ask("POST", "/api/v1/replay", Some(admin), &format!(r#"{{"why":"{}"}}"#, "x".repeat(70_000))).0, 413);
    assert_eq!(ask("POST", "/api/v1/flows/EDU1/invoice/pause", Some(admin), r#"{"why":"month end"}"#).0, 200);
    assert_eq!(ask("POST", "/api/v1/flows/EDU9/invoice/pause", Some(admin), r#"{"why":"month end"}"#).0, 404);
    assert_eq!(ask("POST", "/api/v1/replay", Some(admin), r#"{"entity":"invoice","why":"try again"}"#).0, 202);
    let (status, _, body) = ask("GET", "/api/v1/audit?kind=action&limit=1000", Some(admin), "");
    assert_eq!(status, 200);
    let items = json_of(&body)["items"].clone();
    let pause = items.as_array().unwrap().iter().find(|row| row["detail"]["action"] == json!("pause")).expect("the pause is in the audit");
    assert_eq!((&pause["detail"]["why"], &pause["company"]), (&json!("month end"), &json!("EDU1")));
    assert!(pause["actor"].as_str().unwrap().starts_with("key admin from 127.0.0.1"), "{pause}");

    // a second service cannot have the port, and says so
    let second = site.run(&["run"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second).contains("http.listen"), "{}", text(&second));
    assert_eq!(service.terminate(), Some(0));
}
