//! The console of the real service, as a browser's requests see it.

use std::io::{Read, Write};
use std::net::TcpStream;

use tieline::domain::role::Role;
use tieline::http::console::ROUTES;

use crate::binary::{Site, text, wait_until};
use crate::support::servers::Private;

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
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
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some(Answer { status: head.split(' ').nth(1)?.parse().ok()?, head: head.to_owned(), body: body.to_owned() })
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

fn key(site: &Site, role: Role) -> String {
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
    assert!(wrong.status == 401 && wrong.header("set-cookie").is_none() && wrong.body.contains("opens nothing"), "{}", wrong.body);
    assert_eq!(ask(&site, "POST", "/sign-in", "Origin: http://evil.example\r\n", "key=x").unwrap().status, 403);

    let keys: Vec<(Role, String)> = Role::ALL.iter().map(|role| (*role, key(&site, *role))).collect();
    let people: Vec<(Role, Person<'_>)> = keys.iter().map(|(role, key)| (*role, Person::sign_in(&site, key))).collect();
    for route in ROUTES.iter().filter(|route| route.path != "/sign-out") {
        let Some(needs) = route.needs else { continue };
        let path = route.path.replacen("{}", "EDU1", 1).replacen("{}", "invoice", 1).replace("{*}", "nobody/0042");
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
                let page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
                assert_eq!(answer.body.matches("<h1").count(), usize::from(page), "{role} {path}");
                assert!(!answer.body.contains("<script>") && !answer.body.contains("style="), "nothing inline: {path}");
            } else {
                let answer = ask(&site, "POST", &path, &person.cookie, "why=x&csrf=0").unwrap();
                assert_eq!(answer.status, 403, "{role} {path} without its token: {}", answer.body);
                let answer = person.post(&path, "why=");
                assert_eq!(answer.status, if allowed { 400 } else { 403 }, "{role} {path} without a reason: {}", answer.body);
            }
        }
    }

    let (_, admin) = people.iter().find(|(role, _)| *role == Role::Admin).unwrap();
    let answer = admin.post("/flows/EDU1/invoice/pause", "why=month+%3Cend%3E");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/?done=pause")), "{}", answer.body);
    let page = admin.get("/?done=pause");
    assert!(page.body.contains("The flow is paused") && page.body.contains("key admin from 127.0.0.1"), "{}", page.body);
    assert_eq!(admin.post("/flows/EDU9/invoice/pause", "why=x").status, 404);
    let audit = text(&site.run(&["audit", "--kind", "action", "--output", "json"]));
    assert!(audit.contains("month <end>") && audit.contains("sign in"), "{audit}");

    // a session ends: unused for an hour, by its key, and by its person
    let (_, viewer) = people.iter().find(|(role, _)| *role == Role::Viewer).unwrap();
    let (_, auditor) = people.iter().find(|(role, _)| *role == Role::Auditor).unwrap();
    assert_eq!((viewer.get("/").status, auditor.get("/").status), (200, 200));
    assert!(site.run(&["api-key", "remove", "viewer"]).status.success());
    assert_eq!((viewer.get("/").status, auditor.get("/").status), (303, 200));
    let ledger = Private { state: site.path("state") };
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
        "INSERT INTO audit (kind, actor, entity, detail) SELECT 'action', 'test', 'invoice', '=1+' || n FROM generate_series(1, 3500) n",
    );
    let answer = auditor.get("/audit.csv?entity=invoice");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.header("content-type").unwrap().starts_with("text/csv"), "{}", answer.head);
    let count = |n: u32| answer.body.matches(&format!("\"'=1+{n}\"\r\n")).count();
    assert_eq!((1..=3500).map(count).filter(|count| *count != 1).count(), 0, "a row is missing or there twice");
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
    let open = row("10", "open", "value", "");
    let refused = row("20", "to_apply", "value", "SYSPRO refused the change");
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
    assert_eq!((done.status, done.header("location")), (303, Some("/conflicts?done=decided")), "{}", done.body);
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
    assert!(!operator.get("/conflicts").body.contains("Two lists meet"), "they have not been compared yet");
    ledger.psql("INSERT INTO alignment (company, entity, swept_at) VALUES ('EDU1', 'cost_center', now())");
    ledger.psql(
        "INSERT INTO conflict (company, entity, subject, key, field, kind, state, syspro, servicenow) \
         VALUES ('EDU1', 'cost_center', '7', '7', 'name', 'first_contact', 'open', 'a', 'b')",
    );
    let page = operator.get("/conflicts").body;
    assert!(page.contains("Two lists meet: EDU1/cost_center") && page.contains("action=\"/conflicts/adopt\""), "{page}");
    let viewer = Person::sign_in(&site, &key(&site, Role::Viewer));
    let seen = viewer.get("/conflicts").body;
    assert!(seen.contains("Two lists meet") && !seen.contains("/conflicts/adopt"), "{seen}");
    let of = "company=EDU1&entity=cost_center";
    assert_eq!(operator.post("/conflicts/adopt", &format!("{of}&prefer=&why=")).status, 400);
    assert_eq!(operator.post("/conflicts/adopt", &format!("{of}&prefer=both&why=x")).status, 400);
    assert_eq!(operator.post("/conflicts/adopt", "company=EDU1&entity=invoice&why=x").status, 404);
    let done = operator.post("/conflicts/adopt", &format!("{of}&prefer=syspro&why=go+live"));
    assert_eq!((done.status, done.header("location")), (303, Some("/conflicts?done=adopted")), "{}", done.body);
    assert_eq!(ledger.psql("SELECT state || ' ' || side || ' ' || why FROM conflict"), "decided syspro go live");

    assert_eq!(operator.get("/settings").status, 403);
    let admin = Person::sign_in(&site, &key(&site, Role::Admin));
    let page = admin.get("/settings").body;
    assert!(page.contains("odata_url") && page.contains("tieline.toml line ") && page.contains("default"), "{page}");
    assert!(page.contains("***") && !page.contains("a-token"), "{page}");
    assert_eq!(service.terminate(), Some(0));
}
