//! The console of the real service, as a browser's requests see it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use tieline::domain::role::Role;
use tieline::http::ROUTES;
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::{Site, text, wait_until};
use crate::support::node::wait_for;
use crate::support::servers::Private;
use crate::support::world::World;

pub struct Answer {
    pub status: u16,
    pub head: String,
    /// Of a file that is no text, what is not UTF-8 is replaced.
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |line: &&str| line.split_once(": ").is_some_and(|(given, _)| given.eq_ignore_ascii_case(name));
        self.head.lines().find(same).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

fn ask(site: &Site, method: &str, path: &str, headers: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", site.port)).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut bytes = bytes.split_off(end + 4);
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        bytes = whole(&bytes)?;
    }
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Some(Answer { status: head.split(' ').nth(1)?.parse().ok()?, head, body, bytes })
}

/// The chunks of an answer as one; `None`: it was cut off.
fn whole(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(bytes);
        }
        bytes.extend_from_slice(chunks.get(end + 2..end + 2 + length)?);
        chunks = chunks.get(end + 4 + length..)?;
    }
}

/// Somebody who is signed in.
pub struct Person<'a> {
    site: &'a Site,
    cookie: String,
    csrf: String,
}

impl<'a> Person<'a> {
    pub fn sign_in(site: &'a Site, key: &str) -> Self {
        let answer = ask(site, "POST", "/sign-in", "Origin: http://localhost\r\n", &format!("key={key}&to=%2Fruns")).unwrap();
        assert_eq!((answer.status, answer.header("location")), (303, Some("/runs")), "{}", answer.body);
        let set = answer.header("set-cookie").unwrap().to_owned();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(set.contains(part), "{set}");
        }
        let cookie = format!("Cookie: {}\r\n", set.split(';').next().unwrap());
        let page = ask(site, "GET", "/", &cookie, "").unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        Self { site, cookie, csrf }
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.site, "GET", path, &self.cookie, "").unwrap()
    }

    pub fn post(&self, path: &str, fields: &str) -> Answer {
        ask(self.site, "POST", path, &self.cookie, &format!("csrf={}&{fields}", self.csrf)).unwrap()
    }
}

/// Where an action leads to, which is this page with what was done.
fn said(answer: &Answer, path: &str) -> String {
    let location = answer.header("location").unwrap_or_default().to_owned();
    assert!(answer.status == 303 && location.starts_with(&format!("{path}?done=")), "{} {location} {}", answer.status, answer.body);
    location
}

pub fn key(site: &Site, role: Role) -> String {
    let out = site.run(&["api-key", "add", role.as_str(), "--role", role.as_str()]);
    assert!(out.status.success(), "{}", text(&out));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_page_and_form_asks_for_its_role_and_its_session() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));

    let page = ask(&site, "GET", "/sign-in?to=//evil.example", "", "").unwrap();
    assert!(page.status == 200 && page.body.contains("name=\"to\" value=\"/\""), "{}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let style = page.body.split("href=\"/assets/console-").nth(1).unwrap().split('"').next().unwrap();
    let asset = ask(&site, "GET", &format!("/assets/console-{style}"), "", "").unwrap();
    assert!(asset.status == 200 && asset.header("cache-control").unwrap().contains("immutable"), "{}", asset.head);
    assert_eq!(ask(&site, "GET", "/assets/console-0.css", "", "").unwrap().status, 404);

    let wrong = ask(&site, "POST", "/sign-in", "", "key=tl_00000000_nonsense").unwrap();
    assert!(
        wrong.status == 401 && wrong.header("set-cookie").is_none() && wrong.body.contains("is wrong, removed or expired"),
        "{}",
        wrong.body
    );
    assert_eq!(ask(&site, "POST", "/sign-in", "Origin: http://evil.example\r\n", "key=x").unwrap().status, 403);

    let keys: Vec<(Role, String)> = Role::ALL.iter().map(|role| (*role, key(&site, *role))).collect();
    let people: Vec<(Role, Person<'_>)> = keys.iter().map(|(role, key)| (*role, Person::sign_in(&site, key))).collect();
    for route in ROUTES.iter().filter(|route| route.is_page() && route.path != "/sign-out") {
        let Some(needs) = route.needs else { continue };
        let path = [
            ("{company}", "EDU1"),
            ("{entity}", "invoice"),
            ("{*key}", "nobody/0042"),
            ("{id}", "17"),
            ("{cause}", "none"),
            ("{period}", "2026-03"),
        ]
        .iter()
        .fold(route.path.to_owned(), |path, (part, with)| path.replace(part, with));
        for cookie in ["", "Cookie: tieline_session=0000\r\n", &format!("Cookie: tieline_session={}\r\n", "0".repeat(64))] {
            let answer = ask(&site, route.method, &path, cookie, "why=x").unwrap();
            assert_eq!(answer.status, 303, "{path}");
            assert!(answer.header("location").unwrap().starts_with("/sign-in?to="), "{path}");
        }
        for (role, person) in &people {
            let allowed = role.allows(needs);
            if route.method == "GET" {
                let answer = person.get(&path);
                assert_eq!(answer.status == 403, !allowed, "{role} {path}: {}", answer.status);
                assert!([200, 403, 404].contains(&answer.status), "{role} {path}: {}", answer.body);
                // what the script asks for is a part of a page; refused, it is a page
                let whole = !path.starts_with("/live/") || answer.status != 200;
                let page = whole && answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
                assert_eq!(answer.body.matches("<h1").count(), usize::from(page), "{role} {path}");
                assert!(!answer.body.contains("<script>") && !answer.body.contains("style="), "nothing inline: {path}");
            } else {
                let answer = ask(&site, "POST", &path, &person.cookie, "why=x&csrf=0").unwrap();
                assert_eq!(answer.status, 403, "{role} {path} without its token: {}", answer.body);
                let answer = person.post(&path, "why=");
                assert_eq!(answer.status, if allowed { 400 } else { 403 }, "{role} {path} without a reason: {}", answer.body);
                if allowed {
                    let answer = person.post(&path, "why=x&colour=red");
                    assert!(answer.status == 400 && answer.body.contains("colour"), "{role} {path} ignores a field: {}", answer.body);
                }
            }
        }
    }

    let (_, admin) = people.iter().find(|(role, _)| *role == Role::Admin).unwrap();
    let answer = admin.post("/flows/EDU1/invoice/pause", "why=month+%3Cend%3E");
    let said = said(&answer, "/");
    let page = admin.get(&said);
    assert!(
        page.body.contains("Flow EDU1/invoice is paused: no run starts")
            && page.body.contains("role=\"status\"")
            && page.body.contains("key admin from 127.0.0.1"),
        "{}",
        page.body
    );
    let (_, other) = people.iter().find(|(role, _)| *role == Role::Operator).unwrap();
    assert!(
        !other.get(&said).body.contains("role=\"status\"><p") && !other.get(&said).body.contains("no run starts"),
        "not said to this session"
    );
    assert!(!admin.get("/?done=The+records+are+delivered").body.contains("The records are delivered"), "a text out of an address");
    assert_eq!(admin.post("/flows/EDU9/invoice/pause", "why=x").status, 404);
    assert_eq!(admin.post("/flows/EDU1/invoice/forget", "why=x").status, 409, "a flow that is configured");
    assert_eq!(admin.post("/flows/EDU9/invoice/forget", "why=x").status, 404);
    let audit = text(&site.run(&["audit", "--kind", "action", "--output", "json"]));
    assert!(audit.contains("month <end>") && audit.contains("sign in"), "{audit}");

    // a session ends: unused for an hour, by its key, and by its person
    let (_, viewer) = people.iter().find(|(role, _)| *role == Role::Viewer).unwrap();
    let (_, auditor) = people.iter().find(|(role, _)| *role == Role::Auditor).unwrap();
    assert_eq!((viewer.get("/").status, auditor.get("/").status), (200, 200));
    // a page that refreshes itself is no use: an open window must not keep a session alive
    let used = "SELECT used_at < now() - interval '20 minutes' FROM console_session WHERE api_key_id = (SELECT id FROM api_key WHERE name = 'auditor')";
    let ledger = Private { state: site.path("state") };
    ledger.psql("UPDATE console_session SET used_at = now() - interval '30 minutes' WHERE api_key_id = (SELECT id FROM api_key WHERE name = 'auditor')");
    for path in ["/live/overview", "/live/runs", "/live/failures", "/live/backfills"] {
        assert_eq!((auditor.get(path).status, ledger.psql(used).as_str()), (200, "t"), "{path}");
    }
    assert_eq!((auditor.get("/").status, ledger.psql(used).as_str()), (200, "f"));
    assert!(site.run(&["api-key", "remove", "viewer"]).status.success());
    assert_eq!((viewer.get("/").status, auditor.get("/").status), (303, 200));
    ledger.psql("UPDATE console_session SET used_at = now() - interval '61 minutes' WHERE api_key_id = (SELECT id FROM api_key WHERE name = 'auditor')");
    assert_eq!(auditor.get("/").status, 303);
    let sent = admin.post("/sign-out", "");
    assert!(sent.status == 303 && sent.header("set-cookie").unwrap().contains("Max-Age=0"), "{}", sent.head);
    assert_eq!(admin.get("/").status, 303, "the cookie opens nothing any more");
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn the_csv_of_the_audit_holds_every_row_once() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));
    let ledger = Private { state: site.path("state") };
    let auditor = Person::sign_in(&site, &key(&site, Role::Auditor));
    // several times what is read at once, and a text that a spreadsheet must not take for a formula
    ledger.psql(
        "INSERT INTO audit (kind, actor, entity, detail) SELECT 'action', 'test', 'invoice', to_json('=1+' || n)::text FROM generate_series(1, 3500) n",
    );
    let answer = auditor.get("/audit.csv?entity=invoice");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.header("content-type").unwrap().starts_with("text/csv"), "{}", answer.head);
    let count = |n: u32| answer.body.matches(&format!("\"'=1+{n}\"\r\n")).count();
    assert_eq!((1..=3500).map(count).filter(|count| *count != 1).count(), 0, "a row is missing or there twice");
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn causes_are_counted_over_all_failures_and_sent_again_one_by_one_or_whole() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));
    let ledger = Private { state: site.path("state") };
    // far more than one page has, in two causes that differ by more than values and numbers, and one that needs no one
    ledger.psql(
        "INSERT INTO document (id, company, entity, key, version, hash) SELECT n, 'EDU1', 'supplier', 'S' || n, 1, decode(repeat('00', 32), 'hex') FROM generate_series(1, 1900) n; \
         INSERT INTO run (id, company, entity, kind, requested_by, outcome, ended_at) \
         SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'EDU1', 'supplier', 'poll', 'test', 'done', now() FROM generate_series(0, 1) n; \
         INSERT INTO version (document_id, version, run_id, hash, content) \
         SELECT n, 1, ('00000000-0000-7000-8000-00000000000' || n % 2)::uuid, decode(repeat('00', 32), 'hex'), '{\"Supplier\":\"S' || n || '\"}' FROM generate_series(1, 1900) n; \
         INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash) \
         SELECT n, n, 1, 'header', '', 'upsert', '{}', decode(repeat('00', 32), 'hex') FROM generate_series(1, 1900) n; \
         INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message, next_step, since, not_before) \
         SELECT n, n, 'EDU1', 'supplier', 1, 'header', '', CASE WHEN n > 1800 THEN 'unknown' ELSE 'failed' END, CASE WHEN n <= 1800 THEN 'rejected' END, \
                CASE WHEN n <= 1500 THEN 'no currency `' || chr(65 + n % 26) || '` in row ' || n WHEN n <= 1800 THEN 'no name in row ' || n ELSE 'no answer' END, \
                'do something', timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second', now() + interval '1 day' FROM generate_series(1, 1900) n; \
         SELECT setval(pg_get_serial_sequence('document', 'id'), 5000), setval(pg_get_serial_sequence('delivery', 'id'), 5000)",
    );
    let operator = Person::sign_in(&site, &key(&site, Role::Operator));
    let page = operator.get("/failures").body;
    let cause = |page: &str, words: &str| {
        let card = page.split("<section").find(|card| card.contains(words)).unwrap_or_else(|| panic!("{words}: {page}")).to_owned();
        let name = card.split("href=\"/failures/").nth(1).unwrap()[..16].to_owned();
        (name, card)
    };
    let (currency, card) = cause(&page, "no currency");
    assert!(
        card.contains("1,500 records") && card.contains("2026-01-01T00:00:01.000Z") && card.contains("2026-01-01T00:25:00.000Z"),
        "{card}"
    );
    assert!(card.contains("do something") && page.contains("1,900 records, for 3 causes: "), "{page}");
    assert!(cause(&page, "no name").1.contains("300 records"), "{page}");
    let (doubt, card) = cause(&page, "no answer");
    assert!(!card.contains("/replay"), "what is unknown is not sent by hand: {card}");
    // filters
    for (query, there, gone) in [
        ("text=name", "300 records", "1,500 records"),
        ("reason=unknown", "100 records", "300 records"),
        ("since=2026-01-01T00:29:00Z&until=2026-01-01T00:30:00Z", "60 records", "1,500 records"),
    ] {
        let page = operator.get(&format!("/failures?{query}")).body;
        assert!(page.contains(there) && !page.contains(gone), "{query}: {page}");
    }
    assert!(operator.get("/failures?company=1").body.contains("Clear the filter"));
    // its records, page by page, each once
    let mut path = format!("/failures/{currency}");
    let mut keys = Vec::new();
    loop {
        let page = operator.get(&path).body;
        keys.extend(page.split("name=\"keys\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        let Some(next) = page.split("rel=\"next\" href=\"").nth(1) else { break };
        path = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    }
    let mut expected: Vec<String> = (1..=1500).map(|n| format!("S{n}")).collect();
    keys.sort();
    expected.sort();
    assert_eq!(keys, expected);
    assert!(operator.get(&format!("/failures/{doubt}")).body.contains("You need not send anything"));

    // a form without a choice sends nothing; chosen ones alone, then the whole cause, then what a run read again
    let replayed = |why: &str| {
        let asked = format!(
            "SELECT count(DISTINCT a.document_id) || ' ' || count(DISTINCT d.id) FROM audit a JOIN run r ON r.id = a.run_id LEFT JOIN document d ON d.id = a.document_id AND d.id <= 1500 WHERE a.kind = 'replayed' AND r.reason = '{why}'"
        );
        ledger.psql(&asked)
    };
    let of = format!("cause={currency}&company=EDU1&entity=supplier");
    let none = operator.post("/replay", &format!("{of}&take=chosen&why=none"));
    assert!(none.status == 400 && none.body.contains("no record is selected") && none.body.contains("Sign out"), "{}", none.body);
    let done = operator.post("/replay", &format!("{of}&take=chosen&keys=S7&keys=S1700&keys=S8&why=two"));
    let page = operator.get(&said(&done, &format!("/failures/{currency}"))).body;
    assert!(page.contains("2 sent again: 0 delivered;"), "nothing can arrive here, and the page says so: {page}");
    assert_eq!(replayed("two"), "2 2", "S1700 is of another cause");
    let done = operator.post("/replay", "run=00000000-0000-7000-8000-000000000001&why=run");
    said(&done, "/runs/00000000-0000-7000-8000-000000000001");
    assert_eq!(replayed("run"), "950 750");
    let (name, _) = cause(&operator.get("/failures").body, "no name");
    let done = operator.post("/replay", &format!("cause={name}&why=whole"));
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(replayed("whole"), "150 0", "those that the run did not take with it");
    let records = operator.get("/records?run=00000000-0000-7000-8000-000000000001&prefix=S19").body;
    assert_eq!(records.matches("class=\"key\"").count(), 6, "S19 and five of S190 to S199: {records}");
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn a_run_is_shown_as_it_goes_and_a_backfill_is_asked_for_and_cancelled() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));
    let ledger = Private { state: site.path("state") };
    let operator = Person::sign_in(&site, &key(&site, Role::Operator));
    let run = "00000000-0000-7000-8000-000000000001";
    ledger.psql(&format!("INSERT INTO run (id, company, entity, kind, requested_by, reason, read) VALUES ('{run}', 'EDU1', 'invoice', 'replay', 'test', 'a <b> test', 12345)"));
    for path in ["/live/runs?kind=replay", &format!("/live/runs/{run}"), "/live/overview"] {
        let part = operator.get(path);
        assert!(part.status == 200 && part.body.contains("data-busy") && !part.body.contains("<html"), "{path}: {}", part.body);
    }
    let page = operator.get(&format!("/runs/{run}")).body;
    assert!(page.contains("12,345") && page.contains("a &#60;b&#62; test") && page.contains("running"), "{page}");
    ledger.psql(&format!(
        "UPDATE run SET ended_at = started_at + interval '61 seconds', outcome = 'failed', error = 'no `X`' WHERE id = '{run}'"
    ));
    let part = operator.get(&format!("/live/runs/{run}")).body;
    assert!(
        !part.contains("data-busy") && part.contains("1 min 1 s") && part.contains("What to do") && part.contains(">X</code>"),
        "{part}"
    );
    assert!(operator.get("/runs?kind=sweep").body.contains("Clear the filter"));
    assert!(operator.get("/runs?outcome=failed&until=2020-01-01").body.contains("Clear the filter"));
    assert!(operator.get("/runs?outcome=failed").body.contains(run));
    assert_eq!(operator.get("/runs?outcome=lost").status, 400);

    // SYSPRO is not there, so what is asked for stays open
    assert_eq!(operator.post("/backfills", "company=EDU1&entity=invoice&why=x").status, 422, "neither a period nor everything");
    assert_eq!(operator.post("/backfills", "entity=nothing&all=yes&why=x").status, 404);
    assert_eq!(operator.post("/backfills", "since=soon&why=x").status, 400);
    let done = operator.post("/backfills", "company=EDU1&entity=invoice&since=2025-01-01&last=2025-12-31&why=asked+by+auditors");
    assert!(operator.get(&said(&done, "/backfills")).body.contains("1 backfill is queued"));
    let kept = "SELECT id || ' ' || since || ' ' || until || ' ' || requested_by || ' ' || why FROM backfill";
    assert_eq!(ledger.psql(kept), "1 2025-01-01 2026-01-01 key operator from 127.0.0.1 asked by auditors");
    let page = operator.get("/backfills").body;
    assert!(page.contains("2025-01-01 to 2025-12-31") && page.contains("action=\"/backfills/1/cancel\""), "{page}");
    assert_eq!(operator.post("/backfills/2/cancel", "why=x").status, 404);
    let done = operator.post("/backfills/1/cancel", "why=by+mistake");
    assert!(operator.get(&said(&done, "/backfills")).body.contains("Backfill 1 is cancelled"));
    assert_eq!(operator.post("/backfills/1/cancel", "why=x").status, 409);
    assert_eq!(operator.get("/backfills?state=open").body.matches("EDU1/invoice").count(), 0);
    let told = "SELECT count(*) FROM audit WHERE kind = 'action' AND detail LIKE '%by mistake%' AND actor LIKE 'key operator%'";
    assert_eq!(ledger.psql(told), "1");
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn a_record_says_its_amounts_with_their_currency_and_its_steps_in_words() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));
    let ledger = Private { state: site.path("state") };
    let content = |due: &str, value: &str| {
        format!(
            r#"{{"Supplier":"0042","Invoice":"7","DueDate":"{due}","OrigInvValue":{value},"Currency":"R","lines":[{{"TrnYear":2026,"TrnMonth":1,"Journal":7,"EntryNumber":1,"SubEntry":1,"DistrValue":-1234.5}}]}}"#
        )
    };
    ledger.psql(&format!(
        "INSERT INTO document (id, company, entity, key, version, hash) VALUES (1, 'EDU1', 'invoice', '0042/7', 2, '\\x00'); \
         INSERT INTO version (document_id, version, run_id, hash, content) VALUES (1, 1, '00000000-0000-7000-8000-000000000001', '\\x00', '{}'), \
         (1, 2, '00000000-0000-7000-8000-000000000001', '\\x01', '{}'); \
         INSERT INTO audit (kind, document_id, version, actor, detail) VALUES ('failed', 1, 2, 'tieline', '{{\"reason\":\"rejected\",\"message\":\"period closed\",\"next_step\":\"open it\"}}')",
        content("2026-01-31", "12345678901234.567891"),
        content("2026-02-28", "12345678901234.567892"),
    ));
    let viewer = Person::sign_in(&site, &key(&site, Role::Viewer));
    let page = viewer.get("/records/EDU1/invoice/0042/7").body;
    // the code list says that `R` is ZAR; no digit is lost or hidden
    for amount in ["12,345,678,901,234.567891", "12,345,678,901,234.567892", "-1,234.50"] {
        assert!(page.contains(&format!("{amount} <span class=\"currency\">ZAR</span>")), "{amount}: {page}");
    }
    assert!(
        page.contains("<time class=\"date\" datetime=\"2026-02-28\"") && page.contains("<time class=\"date\" datetime=\"2026-01-31\""),
        "{page}"
    );
    assert!(page.contains("Failed: it was refused. Period closed.") && page.contains("<strong>What to do:</strong> open it"), "{page}");
    let unknown = viewer.get("/records/EDU1/invoice/0042/8");
    assert!(
        unknown.status == 404
            && unknown.body.contains("could not check whether SYSPRO has it")
            && unknown.body.contains("href=\"/records?prefix=0042\""),
        "{}",
        unknown.body
    );
    assert!(viewer.get("/records/EDU1/nothing/1").body.contains("there is no entity <code class=\"inline\">nothing</code>"));
    let found = |query: &str| viewer.get(&format!("/records?{query}")).body.contains("0042/7");
    assert!(
        found("entity=invoice&prefix=0042")
            && found("state=delivered")
            && !found("state=failed")
            && !found("until=2020-01-01")
            && !found("company=EDU2")
    );
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn conflicts_are_found_again_with_what_was_decided_and_why() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));
    let ledger = Private { state: site.path("state") };
    ledger.psql(
        "INSERT INTO conflict (company, entity, subject, key, field, kind, state, syspro, servicenow, side, decided_by, decided_at, why, closed_at, outcome) VALUES \
         ('EDU1', 'gl_account', '10', '10', 'name', 'both_changed', 'open', 'a', 'b', NULL, NULL, NULL, NULL, NULL, NULL), \
         ('EDU1', 'cost_center', '20', '20', 'name', 'both_changed', 'closed', 'a', 'b', 'syspro', 'key ops', now(), 'as agreed', now(), 'syspro')",
    );
    let viewer = Person::sign_in(&site, &key(&site, Role::Viewer));
    let there = |query: &str, key: &str| viewer.get(&format!("/conflicts{query}")).body.contains(&format!(">{key}</a>"));
    for (query, open, closed) in [
        ("", true, false),
        ("?state=closed", false, true),
        ("?entity=gl_account", true, false),
        ("?key=20&state=closed", false, true),
        ("?kind=ambiguous", false, false),
    ] {
        assert_eq!((there(query, "10"), there(query, "20")), (open, closed), "{query}");
    }
    let page = viewer.get("/conflicts?state=closed").body;
    assert!(page.contains("SYSPRO wins, decided by key ops") && page.contains("Why: as agreed"), "{page}");
    assert!(viewer.get("/conflicts?kind=ambiguous").body.contains("Clear the filter"));
    // decided, and not acted on; then queued; then confirmed
    ledger.psql(
        "INSERT INTO conflict (company, entity, subject, document_id, key, field, kind, state, syspro, servicenow, side, decided_by, decided_at, why) \
         VALUES ('EDU1', 'cost_center', '7', 7, '70', 'name', 'both_changed', 'decided', 'a', 'b', 'syspro', 'key ops', now(), 'as agreed')",
    );
    let shown = || viewer.get("/conflicts?state=decided").body;
    assert!(shown().contains("Next: nothing: the flow"), "{}", shown());
    ledger.psql(
        "INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash) \
         VALUES (70, 7, 1, 'header', '', 'upsert', '{\"name\":\"a\"}', decode(repeat('00', 32), 'hex')); \
         INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, not_before) \
         VALUES (70, 7, 'EDU1', 'cost_center', 1, 'header', '', 'failed', now() + interval '1 day')",
    );
    assert!(shown().contains("has not been delivered yet"), "{}", shown());
    ledger.psql(
        "DELETE FROM pending WHERE delivery_id = 70; \
         INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id) VALUES (7, 'header', '', 'abc', 'cmn_cost_center', 1, 70)",
    );
    assert!(shown().contains("Next: nothing: delivered; the next run of the flow compares it and closes it"), "{}", shown());
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn a_person_decides_conflicts_and_reads_why_syspro_does_not_take_one() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));
    let ledger = Private { state: site.path("state") };
    let row = |key: &str, state: &str, kind: &str, said: &str| {
        ledger.psql(&format!(
            "INSERT INTO conflict (company, entity, subject, key, field, kind, state, agreed, syspro, servicenow, said) \
             VALUES ('EDU1', 'gl_account', '{key}', '{key}', 'name', '{kind}', '{state}', 'old', 'one <b>', 'other', '{said}') RETURNING id"
        ))
    };
    let open = row("10", "open", "both_changed", "");
    let refused = row("20", "to_apply", "both_changed", "SYSPRO refused the change");
    let ambiguous = row("30", "open", "ambiguous", "");
    let operator = Person::sign_in(&site, &key(&site, Role::Operator));
    let page = operator.get("/conflicts").body;
    assert!(page.contains("one &#60;b&#62;") && page.contains("SYSPRO refused the change"), "{page}");
    let choice = |id: &str| page.contains(&format!("name=\"id\" value=\"{id}\""));
    assert_eq!([&open, &refused, &ambiguous].map(|id| choice(id)), [true, true, false], "{page}");
    let viewer = Person::sign_in(&site, &key(&site, Role::Viewer));
    assert!(!viewer.get("/conflicts").body.contains("name=\"take\""), "a viewer decides nothing");
    assert_eq!(operator.post("/conflicts/resolve", &format!("id={open}&take=neither&why=x")).status, 400);
    let done = operator.post("/conflicts/resolve", &format!("id={open}&id={refused}&take=syspro&why=agreed+with+finance"));
    assert!(operator.get(&said(&done, "/conflicts")).body.contains("2 entries are decided"));
    let decided = format!("SELECT string_agg(state || ' ' || side || ' ' || why, ',') FROM conflict WHERE id IN ({open}, {refused})");
    assert_eq!(ledger.psql(&decided), "decided syspro agreed with finance,decided syspro agreed with finance");
    let told = "SELECT count(*) FROM audit WHERE kind = 'conflict' AND actor LIKE '%operator%' AND detail LIKE '%agreed with finance%'";
    assert_eq!(ledger.psql(told), "2");
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn two_lists_are_put_in_step_and_the_settings_are_shown_with_their_origins() {
    let site = Site::alone();
    let folder = site.path("definitions/profiles/apo");
    std::fs::create_dir_all(&folder).unwrap();
    let cost = include_str!("../../config/profiles/apo/cost_center.toml");
    std::fs::write(folder.join("cost_center.toml"), format!("{cost}\n[header.align]\n")).unwrap();
    let file = site.path("tieline.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let more = format!(
        "[definitions]\ndirectory = \"{}\"\n[notices]\nwebhook_urls = [\"https://hooks.example/a-token\"]\n",
        site.path("definitions").display()
    );
    std::fs::write(&file, settings + &more).unwrap();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", "", "").is_some_and(|answer| answer.status == 200));
    let ledger = Private { state: site.path("state") };
    let operator = Person::sign_in(&site, &key(&site, Role::Operator));
    assert!(!operator.get("/conflicts").body.contains("Compare two lists"), "they have not been compared yet");
    ledger.psql("INSERT INTO alignment (company, entity, swept_at) VALUES ('EDU1', 'cost_center', now())");
    ledger.psql(
        "INSERT INTO conflict (company, entity, subject, key, field, kind, state, syspro, servicenow) \
         VALUES ('EDU1', 'cost_center', '7', '7', 'name', 'first_contact', 'open', 'a', 'b')",
    );
    let page = operator.get("/conflicts").body;
    assert!(page.contains("Compare two lists: EDU1/cost_center") && page.contains("action=\"/conflicts/adopt\""), "{page}");
    let viewer = Person::sign_in(&site, &key(&site, Role::Viewer));
    let seen = viewer.get("/conflicts").body;
    assert!(seen.contains("Compare two lists") && !seen.contains("/conflicts/adopt"), "{seen}");
    let of = "company=EDU1&entity=cost_center";
    assert_eq!(operator.post("/conflicts/adopt", &format!("{of}&prefer=&why=")).status, 400);
    assert_eq!(operator.post("/conflicts/adopt", &format!("{of}&prefer=both&why=x")).status, 400);
    assert_eq!(operator.post("/conflicts/adopt", "company=EDU1&entity=invoice&why=x").status, 404);
    let done = operator.post("/conflicts/adopt", &format!("{of}&prefer=syspro&why=go+live"));
    assert!(operator.get(&said(&done, "/conflicts")).body.contains("The two lists of EDU1/cost_center are now aligned"));
    assert_eq!(ledger.psql("SELECT state || ' ' || side || ' ' || why FROM conflict"), "decided syspro go live");

    assert_eq!(operator.get("/settings").status, 403);
    let admin = Person::sign_in(&site, &key(&site, Role::Admin));
    let page = admin.get("/settings").body;
    assert!(page.contains("odata_url") && page.contains("tieline.toml line ") && page.contains("default"), "{page}");
    assert!(page.contains("***") && !page.contains("a-token"), "{page}");
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn what_a_run_delivers_is_counted_while_it_runs_and_once() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    world.servicenow.set_fault(FaultRule::always(Fault::Slow(500)).on_path("/api/now"));
    let mut sync = world.command(&["sync"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let under_way = "SELECT count(*) > 0 FROM run_total WHERE ended_at IS NULL AND confirmed > 0";
    wait_for("a run that is under way says what it has delivered", Duration::from_secs(90), || {
        (world.database.psql(under_way) == "t").then_some(())
    });
    world.servicenow.clear_faults();
    assert!(matches!(sync.wait().unwrap().code(), Some(0 | 3)));
    let confirmed = "kind IN ('confirmed', 'partial_write') OR (kind = 'looked_up' AND detail LIKE '%sys_id%')";
    let counted = format!("SELECT sum(confirmed) || ' of ' || (SELECT count(*) FROM audit WHERE {confirmed}) FROM run_total");
    let counted = world.database.psql(&counted);
    let (runs, audit) = counted.split_once(" of ").unwrap();
    assert_eq!(runs, audit);
}
