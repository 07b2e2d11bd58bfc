//! The HTTP server of the real service.

mod crowd;
mod host;
mod slow;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tieline::domain::role::Role;
use tieline::http::ROUTES;
use tieline_sim::dataset::DatasetOptions;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use crate::binary::{Site, text, wait_until};
use crate::support::sql::Sql;

/// Status, headers and body of one request on a connection of its own.
pub fn ask(site: &Site, method: &str, path: &str, key: Option<&str>, body: &str) -> Option<(u16, String, String)> {
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
    for route in ROUTES.iter().filter(|route| !route.is_page() && route.needs.is_some()) {
        let path = [
            ("{company}", "EDU1"),
            ("{entity}", "invoice"),
            ("{*key}", "nobody/0042"),
            ("{id}", "17"),
            ("{tie_out}", "17"),
            ("{period}", "2026-03"),
        ]
        .iter()
        .fold(route.path.to_owned(), |path, (part, with)| path.replace(part, with));
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
            if role.allows(needs) && route.method == "POST" {
                assert_eq!(status, 400, "{path}: {body}");
            }
            // no route ignores a parameter that it does not describe
            if role.allows(needs) {
                let (status, _, body) = ask(route.method, &format!("{path}?colour=red"), Some(key), r#"{"why":"a test"}"#);
                assert!(status == 400 && body.contains("there is no parameter `colour`"), "{} {path}: {status} {body}", route.method);
            }
            // nor a member of a body
            if role.allows(needs) && route.method == "POST" {
                let (status, _, body) = ask("POST", &path, Some(key), r#"{"why":"a test","colour":"red"}"#);
                let problem = json_of(&body);
                assert_eq!((status, &problem["detail"]), (400, &json!("the body: there is no member `colour`")), "{path}");
                assert!(problem["next_step"].as_str().unwrap().contains("`why`"), "{path}: {body}");
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
    assert_eq!(ask("POST", "/api/v1/replay", Some(admin), r#"{"why":"all of it"}"#).0, 422);
    // a member of another action of flows is refused, whatever its value
    let own = [("run", "`sweep`, `why`"), ("pause", "`why`"), ("resume", "`accept_smaller`, `why`"), ("forget", "`drop_pending`, `why`")];
    for (action, takes) in own {
        for member in ["sweep", "accept_smaller", "drop_pending"].iter().filter(|member| !takes.contains(*member)) {
            let body = format!(r#"{{"why":"a test","{member}":false}}"#);
            let (status, _, body) = ask("POST", &format!("/api/v1/flows/EDU1/invoice/{action}"), Some(admin), &body);
            let problem = json_of(&body);
            assert_eq!(status, 400, "{action} {member}: {body}");
            assert_eq!(problem["detail"], json!(format!("the body: there is no member `{member}`")), "{action}");
            assert_eq!(problem["next_step"], json!(format!("leave it out: the body of this action takes {takes}")), "{action}");
        }
    }
    // a path that names a part is not the one that takes any
    let (status, head, _) = ask("GET", "/api/v1/conflicts/adopt", Some(admin), "");
    assert!(status == 405 && head.contains("allow: post\r\n"), "{head}");
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
    // lists may be one second old, but not for a caller that has just acted
    let paused = || {
        let flows = json_of(&ask("GET", "/api/v1/flows", Some(admin), "").2)["items"].clone();
        flows.as_array().unwrap().iter().any(|flow| flow["entity"] == json!("invoice") && !flow["paused_at"].is_null())
    };
    assert!(!paused());
    assert_eq!(ask("POST", "/api/v1/flows/EDU1/invoice/pause", Some(admin), r#"{"why":"month end"}"#).0, 200);
    assert!(paused());
    assert_eq!(ask("POST", "/api/v1/flows/EDU9/invoice/pause", Some(admin), r#"{"why":"month end"}"#).0, 404);
    assert_eq!(ask("POST", "/api/v1/replay", Some(admin), r#"{"entity":"invoice","why":"try again"}"#).0, 202);
    let unknown = ask("POST", "/api/v1/replay", Some(admin), r#"{"company":"EDU1","entity":"invoice","key":"NOBODY","why":"a test"}"#);
    assert!(unknown.0 == 404 && unknown.2.contains("EDU1/invoice `NOBODY` was never read"), "{unknown:?}");
    let empty = ask("POST", "/api/v1/replay", Some(admin), r#"{"company":"","entity":"invoice","why":"a test"}"#);
    assert!(empty.0 == 400 && empty.2.contains("`company` is empty"), "{empty:?}");
    let (status, _, body) = ask("GET", "/api/v1/audit?kind=action&limit=1000", Some(admin), "");
    assert_eq!(status, 200);
    let items = json_of(&body)["items"].clone();
    let pause = items.as_array().unwrap().iter().find(|row| row["detail"]["action"] == json!("pause")).expect("the pause is in the audit");
    assert_eq!((&pause["detail"]["why"], &pause["company"]), (&json!("month end"), &json!("EDU1")));
    assert!(pause["actor"].as_str().unwrap().starts_with("key admin from 127.0.0.1"), "{pause}");

    // an action with a key is done once, whichever request asks for its answer again
    let keyed = |path: &str, key: &str, idempotency: &str, body: &str| {
        let extra = format!("Bearer {key}\r\nIdempotency-Key: {idempotency}");
        let stream = &mut TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {extra}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse::<u16>().unwrap(),
            head.to_ascii_lowercase().contains("idempotency-repeated"),
            body.to_owned(),
        )
    };
    let pauses = || {
        let (_, _, body) = ask("GET", "/api/v1/audit?kind=action&limit=1000", Some(admin), "");
        json_of(&body)["items"].as_array().unwrap().iter().filter(|row| row["detail"]["why"] == json!("once only")).count()
    };
    let (path, body) = ("/api/v1/flows/EDU1/supplier/pause", r#"{"why":"once only"}"#);
    let first = keyed(path, admin, "a-1", body);
    assert_eq!((first.0, first.1), (200, false), "{}", first.2);
    let again = keyed(path, admin, "a-1", body);
    assert_eq!((again.0, again.1, &again.2, pauses()), (200, true, &first.2, 1));
    let (status, _, other) = keyed(path, admin, "a-1", r#"{"why":"another"}"#);
    assert_eq!((status, json_of(&other)["status"].as_u64()), (422, Some(422)), "{other}");
    assert_eq!(keyed("/api/v1/flows/EDU1/supplier/resume", admin, "a-1", body).0, 422);
    let operator = &keys.iter().find(|(role, _)| *role == Role::Operator).unwrap().1;
    assert_eq!((keyed(path, operator, "a-1", body).0, pauses()), (200, 2), "another caller's key is another key");
    // so is a key that was re-created under an old one's name: what it asks for is done
    assert!(site.run(&["api-key", "remove", "operator"]).status.success());
    let renewed = self::key(&site, "operator", "operator");
    let done = keyed(path, &renewed, "a-1", body);
    assert_eq!((done.0, done.1, pauses()), (200, false, 3), "{}", done.2);
    let refused = keyed(path, admin, "a-2", "{}");
    assert_eq!((refused.0, keyed(path, admin, "a-2", "{}").0, keyed(path, admin, "a-2", "{}").1), (400, 400, true));
    // what cannot be done now may be asked for again under its key
    let forget = "/api/v1/flows/EDU1/supplier/forget";
    for _ in 0..2 {
        let (status, repeated, answer) = keyed(forget, admin, "a-4", body);
        assert_eq!((status, repeated), (409, false), "{answer}");
    }
    for wrong in [&*"x".repeat(300), "two words", "caf\u{e9}", "a-5\r\nIdempotency-Key: a-6"] {
        assert_eq!(keyed(path, admin, wrong, body).0, 400, "{wrong}");
    }
    assert_eq!(keyed(path, viewer, "a-3", body).0, 403);
    assert_eq!(ask("POST", "/api/v1/flows/EDU1/supplier/resume", Some(admin), r#"{"why":"a test"}"#).0, 200);
    for (path, status) in [
        ("/api/v1/runs?kind=replay&outcome=done&since=2020-01-01T00:00:00Z&until=2099-01-01T00:00:00Z", 200),
        ("/api/v1/runs?outcome=lost", 400),
        ("/api/v1/runs?kind=walk", 400),
        ("/api/v1/records?text=period&since=2020-01-01T00:00:00Z", 200),
        ("/api/v1/failures?key=a&since=2020-01-01T00:00:00Z&until=soon", 400),
        ("/api/v1/failures?key=a&until=2020-01-01T00:00:00Z", 200),
    ] {
        assert_eq!(ask("GET", path, Some(admin), "").0, status, "{path}");
    }

    assert_eq!(ask("POST", "/api/v1/flows/EDU1/invoice/run", Some(admin), r#"{"why":"a check"}"#).0, 202);
    let of_run = |row: &Value| row["detail"]["action"] == json!("run") && row["detail"]["why"] == json!("a check");
    let audit = || json_of(&ask("GET", "/api/v1/audit?kind=action&limit=1000", Some(admin), "").2)["items"].clone();
    wait_until("the run is in the audit", || audit().as_array().unwrap().iter().any(of_run));

    // a second service cannot have the port, and says so
    let second = site.run(&["run"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second).contains("http.listen"), "{}", text(&second));
    assert_eq!(service.terminate(), Some(0));
}

/// Both systems and the service over them, with an admin's key.
struct Busy {
    site: Site,
    syspro: SysproSim,
    _servicenow: ServiceNowSim,
    key: String,
}

impl Busy {
    fn start() -> (Self, crate::binary::Service) {
        let dataset = DatasetOptions { documents: 40, ..DatasetOptions::default() };
        let options = SysproOptions { dataset, ..SysproOptions::default() };
        let operator = (options.username.clone(), options.password.clone());
        let syspro = SysproSim::start(options).unwrap();
        let options = ServiceNowOptions::default();
        let client = (options.client_id.clone(), options.client_secret.clone());
        let servicenow = ServiceNowSim::start(options).unwrap();
        let site = Site::new(syspro.url.as_str(), servicenow.url().as_str(), "");
        site.set_credentials((&operator.0, &operator.1), (&client.0, &client.1));
        let out = site.run(&["sync"]);
        assert!([Some(0), Some(3)].contains(&out.status.code()), "{}", text(&out));
        let key = key(&site, "admin", "admin");
        let service = site.serve();
        wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
        (Self { site, syspro, _servicenow: servicenow, key }, service)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, _, body) = ask(&self.site, method, path, Some(&self.key), body).unwrap();
        (status, json_of(&body))
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Every item of a list, page by page; no page but the last is short.
    fn pages(&self, path: &str, limit: usize) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{separator}limit={limit}{after}"));
            let items = page["items"].as_array().unwrap();
            all.extend(items.iter().cloned());
            let Some(next) = page["next"].as_str() else { return all };
            assert_eq!(items.len(), limit, "{path}");
            after = format!("&after={next}");
        }
    }
}

#[test]
fn lists_are_paged_without_gaps_or_repeats_and_a_running_flow_is_not_run_twice() {
    let (busy, mut service) = Busy::start();
    let count = |path: &str| busy.pages(path, 500).len();
    let (all, of_one) = (count("/api/v1/records?company=EDU1"), count("/api/v1/records?company=EDU1&entity=supplier"));
    assert!(all > of_one && of_one > 0);
    assert_eq!(count("/api/v1/records?company=EDU1&since=2020-01-01T00:00:00Z&until=2099-01-01T00:00:00Z"), all);
    for none in [
        "records?since=2099-01-01T00:00:00Z",
        "records?until=2020-01-01T00:00:00Z",
        "records?text=nobody-says-this",
        "runs?kind=replay",
        "runs?until=2020-01-01T00:00:00Z",
        "failures?key=nobody",
    ] {
        assert_eq!(count(&format!("/api/v1/{none}")), 0, "{none}");
    }
    assert!(count("/api/v1/runs?kind=poll&outcome=done&since=2020-01-01T00:00:00Z") > 0);
    // the service's own first cycle
    wait_until("the first cycle has ended", || {
        let flows = busy.get("/api/v1/flows");
        let rows = flows["items"].as_array().unwrap().clone();
        rows.iter().all(|row| row["holder"].is_null() && row["waiting"] == json!(0) && !row["last_success_at"].is_null())
            && busy.get("/api/v1/runs?limit=1000")["items"].as_array().unwrap().len() == 2 * rows.len()
    });
    let lists: [(&str, &str, usize); 5] = [
        ("/api/v1/records", "id", 97),
        ("/api/v1/records?company=EDU1&entity=supplier", "id", 7),
        ("/api/v1/runs", "id", 5),
        ("/api/v1/audit?company=EDU1&entity=invoice", "id", 89),
        ("/api/v1/audit?kind=run", "id", 3),
    ];
    for (path, id, limit) in lists {
        let items = busy.pages(path, limit);
        let whole = busy.pages(path, 1000);
        assert!(items.len() > 2 * limit, "{path}: only {} items", items.len());
        assert_eq!(items, whole, "{path}");
        let ids: std::collections::BTreeSet<String> = items.iter().map(|item| item[id].to_string()).collect();
        assert_eq!(ids.len(), items.len(), "{path}");
    }
    let suppliers = busy.pages("/api/v1/records?company=EDU1&entity=supplier", 7);
    assert_eq!(suppliers.len(), busy.syspro.count("EDU1", "ApSupplier").unwrap());
    assert!(suppliers.iter().all(|row| row["company"] == "EDU1" && row["entity"] == "supplier"));
    // a page that ends with the list has no next one
    let exact = busy.get(&format!("/api/v1/records?company=EDU1&entity=supplier&limit={}", suppliers.len()));
    assert!(exact["next"].is_null() && exact["items"].as_array().unwrap().len() == suppliers.len());

    // while a flow is read, it is not run a second time; others are
    busy.syspro.switch(|switches| switches.latency_ms = 3_000);
    let why = r#"{"why":"a check"}"#;
    let runs = |entity: &str| busy.get(&format!("/api/v1/runs?company=EDU1&entity={entity}&limit=1000"))["items"].as_array().unwrap().len();
    let before = runs("gl_account");
    assert_eq!(busy.ask("POST", "/api/v1/flows/EDU1/gl_account/run", why).0, 202);
    let (status, problem) = busy.ask("POST", "/api/v1/flows/EDU1/gl_account/run", why);
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("EDU1/gl_account") && problem["next_step"].is_string(), "{problem}");
    assert_eq!(busy.ask("POST", "/api/v1/flows/EDU1/cost_center/run", why).0, 202);
    wait_until("the run has begun", || runs("gl_account") == before + 1);
    // now it holds its lease as well
    assert_eq!(busy.ask("POST", "/api/v1/flows/EDU1/gl_account/run", r#"{"why":"a check","sweep":true}"#).0, 409);
    busy.syspro.switch(|switches| switches.latency_ms = 0);
    wait_until("it may run again", || busy.ask("POST", "/api/v1/flows/EDU1/gl_account/run", why).0 == 202);
    wait_until("it has run again", || runs("gl_account") == before + 2);
    assert_eq!(service.terminate(), Some(0));
}

/// A table of the ledger that nobody else may read, until this is dropped.
struct Locked(std::process::Child);

impl Locked {
    fn table(cluster: &tieline::postgres::Cluster, table: &str) -> Self {
        let mut holder = std::process::Command::new("psql")
            .args(["-X", "-q", "-d", secrecy::ExposeSecret::expose_secret(&cluster.url())])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let input = holder.stdin.as_mut().unwrap();
        writeln!(input, "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'locked';").unwrap();
        input.flush().unwrap();
        let mut said = std::io::BufReader::new(holder.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("locked") {
            assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "psql ended");
        }
        Self(holder)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // its transaction ends with what it reads
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[test]
fn an_expired_key_opens_nothing_and_a_stuck_request_is_answered() {
    let site = Site::alone();
    // the ledger on a server that the test can reach
    let cluster = crate::binary::cluster(&site);
    let database = Sql::new(&cluster.url());
    let psql = |sql: &str| database.ask("tieline", sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    let out = site.run(&["api-key", "add", "short", "--role", "viewer", "--expires-days", "1"]);
    let short = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    let viewer = key(&site, "viewer", "viewer");
    assert_eq!(ask(&site, "GET", "/api/v1/flows", Some(&short), "").unwrap().0, 200);
    psql("UPDATE api_key SET expires_at = now() - interval '1 second' WHERE name = 'short'");
    let (status, head, expired) = ask(&site, "GET", "/api/v1/flows", Some(&short), "").unwrap();
    assert!(status == 401 && head.contains("www-authenticate: bearer"), "{status} {head}");
    // who has the whole key learns when it ended; anybody else learns nothing of it
    let problem = json_of(&expired);
    assert!(problem["detail"].as_str().unwrap().starts_with("the API key `short` expired at 2"), "{expired}");
    assert!(problem["next_step"].as_str().unwrap().contains("tieline api-key rotate short"), "{expired}");
    let guess = format!("{}x", &short[..short.len() - 1]);
    let guessed = ask(&site, "GET", "/api/v1/flows", Some(&guess), "").unwrap().2;
    assert_eq!(guessed, ask(&site, "GET", "/api/v1/flows", Some("tl_00000000_nonsense"), "").unwrap().2);
    assert_eq!(ask(&site, "GET", "/api/v1/flows", Some(&viewer), "").unwrap().0, 200);

    // a table that nobody may read for a while: the request is answered in time, and health and metrics continue
    let locked = Locked::table(&cluster, "run");
    let begun = std::time::Instant::now();
    let (status, head, body) = ask(&site, "GET", "/api/v1/runs", Some(&viewer), "").unwrap();
    let took = begun.elapsed().as_secs();
    assert!(status == 503 && (25..45).contains(&took), "{status} after {took} s: {body}");
    assert!(head.contains("retry-after") && json_of(&body)["next_step"].is_string(), "{head} {body}");
    assert_eq!(ask(&site, "GET", "/health/live", None, "").unwrap().0, 200);
    assert_eq!(ask(&site, "GET", "/metrics", None, "").unwrap().0, 200);
    drop(locked);
    wait_until("it is answered again", || ask(&site, "GET", "/api/v1/runs", Some(&viewer), "").unwrap().0 == 200);
    assert_eq!(service.terminate(), Some(0));
    cluster.stop().unwrap();
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
    // the same key, shortened or with another end, is not a key
    assert_eq!(ask("/metrics", Some(&viewer[..viewer.len() - 1])).0, 401);
    let (_, _, metrics) = ask("/metrics", Some(&viewer));
    let refused = metrics.lines().find_map(|line| line.strip_prefix("tieline_http_sign_ins_refused_total ")).unwrap();
    assert_eq!(refused, "5", "four without a key, one with a wrong one");
    // removed, it opens nothing any more
    assert!(site.run(&["api-key", "remove", "viewer"]).status.success());
    assert_eq!(ask("/metrics", Some(&viewer)).0, 401);
    assert_eq!(service.terminate(), Some(0));
}
