//! Servers that repeat the secrets sent to them, with any status and in any spelling: no message shows them, and data stays unchanged.

use std::io::{self, Read};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};

use super::fake::{Endpoint, Fake, ReceivedRequest, SECRETS, SESSION, Script, json, text, whole};
use super::{set_credentials, site_of};
use crate::binary::Site;
use crate::http::ask;
use crate::support::database::Database;
use crate::support::node::wait_for;
use crate::support::run;

/// With whom each secret is sent.
const ODATA: (&str, &str) = ("OP", SECRETS[0]);
const ENET: (&str, &str) = ("ENETOP", SECRETS[1]);
const CLIENT: (&str, &str) = ("id", SECRETS[2]);
const TOKEN: (&str, &str) = ("", SECRETS[3]);
const COMPANY: (&str, &str) = ("EDU1", "c\"mpany & <w0rd>");
const OPEN: (&str, &str) = ("", SESSION);

/// A secret as a server may write it.
fn spelled((user, secret): (&str, &str)) -> Vec<String> {
    let escaped = |write: fn(char) -> String| -> String {
        secret.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { write(c) }).collect()
    };
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::to_string(secret).unwrap().trim_matches('"').to_owned();
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    vec![
        secret.to_owned(),
        BASE64_STANDARD.encode(format!("{user}:{secret}")),
        form.replace('+', "%20"),
        form.to_lowercase(),
        json.replace('/', "\\/"),
        escaped(|c| format!("\\u{:04X}", u32::from(c))),
        xml,
        escaped(|c| format!("&#{};", u32::from(c))),
        BASE64_STANDARD.encode(secret),
        secret.to_uppercase(),
    ]
}

/// All spellings of the secrets, in turn the first: a message shows the beginning alone.
fn echo(turn: usize, secrets: &[(&str, &str)]) -> String {
    let mut all: Vec<String> = secrets.iter().flat_map(|secret| spelled(*secret)).collect();
    let turn = turn % all.len();
    all.rotate_left(turn);
    format!("no, {}", all.join(" "))
}

struct Case {
    name: &'static str,
    endpoint: Endpoint,
    says: &'static str,
    secrets: &'static [(&'static str, &'static str)],
    settings: Vec<(&'static str, String)>,
    script: Box<dyn Fn(&ReceivedRequest, &mut TcpStream, &str) -> io::Result<()> + Send + Sync>,
}

fn case(
    name: &'static str,
    endpoint: Endpoint,
    says: &'static str,
    secrets: &'static [(&'static str, &'static str)],
    script: impl Fn(&ReceivedRequest, &mut TcpStream, &str) -> io::Result<()> + Send + Sync + 'static,
) -> Case {
    Case { name, endpoint, says, secrets, settings: Vec::new(), script: Box::new(script) }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// An answer that is a JSON object, with its status.
fn refused(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    whole(stream, status, &[("Content-Type", "application/json")], body.as_bytes())
}

fn page(stream: &mut TcpStream, status: &str, said: &str) -> io::Result<()> {
    let body = format!("<html><head><title>{said}</title></head><body>{said}</body></html>");
    whole(stream, status, &[("Content-Type", "text/html")], body.as_bytes())
}

/// Runs one flow against the case, as a command and as the service; what is wrong with what it tells.
fn tell(turn: usize, case: Case) -> Vec<String> {
    let (name, echoed) = (case.name, echo(turn, case.secrets));
    let script: Script = Arc::new(move |seen: &ReceivedRequest, stream: &mut TcpStream| (case.script)(seen, stream, &echoed));
    let fake = Fake::start(case.endpoint, script);
    let database = run(Database::migrated());
    let mut settings = case.settings;
    if matches!(case.endpoint, Endpoint::Enet | Endpoint::Logon) {
        settings.push(("SYSPRO__SOURCE", "enet".into()));
    }
    let (site, command) = site_of(&fake, &database, &settings);
    set_credentials(&site, &command);
    company_password(&site, &command);
    let mut said = Vec::new();
    let mut run_it = |arguments: &[&str]| {
        let out = command(&site, arguments).output().unwrap();
        let words = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        said.push((arguments.join(" "), words));
    };
    let key = command(&site, &["api-key", "add", "op", "--role", "admin"]).output().unwrap();
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    for arguments in [
        &["sync", "--entity", "cost_center"][..],
        &["failures"],
        &["status"],
        &["audit", "export"],
        &["record", "EDU1", "cost_center", "CC1"],
        &["doctor"],
    ] {
        run_it(arguments);
    }
    said.extend(served(&site, command(&site, &["run"]), &key));
    let dump = Command::new("pg_dump").args(["--data-only", "--inserts", "-d", database.url().expose_secret()]).output().unwrap();
    assert!(dump.status.success() && fake.asked() > 0, "{name}: it was never asked, or there is no dump");
    said.push(("the ledger".into(), String::from_utf8_lossy(&dump.stdout).into_owned()));

    let mut wrong = Vec::new();
    // some say it of the run, some of each record
    let all: String = said.iter().map(|(_, words)| words.as_str()).collect();
    if !all.contains(case.says) || !all.contains("***") {
        wrong.push(format!("{name}: it does not say `{}` with `***`: {all}", case.says));
    }
    for (place, words) in &said {
        let low = words.to_lowercase();
        for spelling in case.secrets.iter().flat_map(|secret| spelled(*secret)) {
            if let Some(at) = low.find(&spelling.to_lowercase()) {
                let from = low.floor_char_boundary(at.saturating_sub(200));
                wrong.push(format!("{name}: `{place}` tells `{spelling}`: {}", &low[from..at + spelling.len()]));
            }
        }
    }
    wrong
}

/// What the service says of itself, its log included.
fn served(site: &Site, mut command: Command, key: &str) -> Vec<(String, String)> {
    let log = site.path("service.log");
    let out = std::fs::File::create(&log).unwrap();
    command.stdout(out.try_clone().unwrap()).stderr(out);
    let mut service = site.serve_as(command);
    let mut said = Vec::new();
    wait_for("the service answers", Duration::from_secs(60), || ask(site, "GET", "/health/ready", None, ""));
    for path in ["/health/ready", "/health/flows", "/metrics", "/health/live"] {
        said.extend(ask(site, "GET", path, None, "").map(|(_, head, body)| (path.to_owned(), head + &body)));
    }
    for path in ["flows", "failures", "audit", "runs", "records", "conflicts", "records/EDU1/cost_center/CC1"] {
        let path = format!("/api/v1/{path}");
        said.extend(ask(site, "GET", &path, Some(key), "").map(|(_, head, body)| (path, head + &body)));
    }
    assert!(said.len() == 11, "{} pages", said.len());
    assert_eq!(service.terminate(), Some(0));
    let mut words = String::new();
    std::fs::File::open(&log).unwrap().read_to_string(&mut words).unwrap();
    said.push(("the service's log".into(), words));
    said
}

fn company_password(site: &Site, command: &impl Fn(&Site, &[&str]) -> Command) {
    let path = site.path("password");
    std::fs::write(&path, COMPANY.1).unwrap();
    let mut set = command(site, &["credential", "set", "syspro-enet-company", "--username", "EDU1", "--password-stdin"]);
    let out = set.stdin(std::fs::File::open(path).unwrap()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

fn hold(cases: Vec<Case>) {
    let wrong: Vec<String> = cases.into_iter().enumerate().flat_map(|(turn, case)| tell(turn, case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
}

#[test]
fn what_odata_repeats_is_not_told() {
    let (endpoint, secrets) = (Endpoint::OData, &[ODATA][..]);
    hold(vec![
        case("a page with status 200", endpoint, "a page instead of data", secrets, |_, stream, said| page(stream, "200 OK", said)),
        case("an error with status 200", endpoint, "cannot be read", secrets, |_, stream, said| {
            json(stream, &format!("{{\"error\":{},\"value\":{}}}", quoted(said), quoted(said)))
        }),
        case("a value of the wrong kind", endpoint, "cannot be read", secrets, |_, stream, said| {
            json(stream, &format!("{{\"value\":{}}}", quoted(said)))
        }),
        case("JSON that breaks off", endpoint, "cannot be read", secrets, |_, stream, said| {
            json(stream, &format!("{{\"value\":[{{\"CostCentre\":\"A\",\"Description\":{}}} no", quoted(said)))
        }),
        case("status 400", endpoint, "refused", secrets, |_, stream, said| {
            refused(stream, "400 Bad Request", &format!("{{\"error\":{{\"code\":\"x\",\"message\":{}}}}}", quoted(said)))
        }),
        case("status 500", endpoint, "failed on", secrets, |_, stream, said| whole(stream, "500 Oops", &[], said.as_bytes())),
        case("a redirect", endpoint, "follows no redirects", secrets, |_, stream, said| {
            let place = format!("/at/{}", said.replace(['"', '\\', ' '], "-"));
            whole(stream, "302 Found", &[("Location", place.as_str())], b"")
        }),
    ]);
}

#[test]
fn what_e_net_repeats_is_not_told() {
    let (logon, all) = (&[ENET, COMPANY][..], &[ENET, COMPANY, OPEN][..]);
    hold(vec![
        case("a refused logon", Endpoint::Logon, "refused the logon", logon, |_, stream, said| text(stream, &format!("ERROR: {said}"))),
        case("a page for the logon", Endpoint::Logon, "a page instead of data", logon, |_, stream, said| page(stream, "200 OK", said)),
        case("a refused query", Endpoint::Enet, "the e.net session ended", all, |_, stream, said| text(stream, &format!("ERROR: {said}"))),
        case("a page for a query", Endpoint::Enet, "a page instead of data", all, |_, stream, said| page(stream, "200 OK", said)),
        case("no XML", Endpoint::Enet, "it is not XML", all, |_, stream, said| text(stream, said)),
        case("status 400", Endpoint::Enet, "refused", all, |_, stream, said| whole(stream, "400 Bad Request", &[], said.as_bytes())),
    ]);
}

#[test]
fn what_the_token_endpoint_repeats_is_not_told() {
    let (endpoint, secrets) = (Endpoint::Token, &[CLIENT][..]);
    let error = |said: &str| format!("{{\"error\":\"server_error\",\"error_description\":{}}}", quoted(said));
    hold(vec![
        case("an error with status 200", endpoint, "refused the token request", secrets, move |_, stream, said| json(stream, &error(said))),
        case("an error with status 400", endpoint, "refused the token request", secrets, move |_, stream, said| {
            refused(stream, "400 Bad Request", &error(said))
        }),
        case("status 429", endpoint, "429", secrets, move |_, stream, said| refused(stream, "429 Slow Down", &error(said))),
        case("a page", endpoint, "with a page", secrets, |_, stream, said| page(stream, "200 OK", said)),
    ]);
}

/// Each item of a batch, or the one record sent alone, is answered with this status and body.
fn items(seen: &ReceivedRequest, stream: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    if seen.method == "GET" {
        return json(stream, "{\"result\":[]}");
    }
    if !seen.path.ends_with("/batch") {
        return refused(stream, &format!("{status} Said"), body);
    }
    let inner = BASE64_STANDARD.encode(body);
    let sent: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    let answer = |item: &serde_json::Value| format!("{{\"id\":{},\"status_code\":{status},\"body\":\"{inner}\"}}", item["id"]);
    let all: Vec<String> = sent["rest_requests"].as_array().unwrap().iter().map(answer).collect();
    json(stream, &format!("{{\"serviced_requests\":[{}],\"unserviced_requests\":[]}}", all.join(",")))
}

#[test]
fn what_servicenow_repeats_is_not_told() {
    let secrets = &[CLIENT, TOKEN][..];
    let error = |said: &str| format!("{{\"error\":{{\"message\":{},\"detail\":\"\"}},\"status\":\"failure\"}}", quoted(said));
    let row =
        |said: &str| format!("{{\"result\":[{{\"status\":\"error\",\"error_message\":{},\"table\":\"cmn_cost_center\"}}]}}", quoted(said));
    let staged = |mut case: Case| {
        case.settings.push(("SERVICENOW__PROFILE", "s2p".into()));
        case
    };
    hold(vec![
        case("status 429", Endpoint::Write, "429", secrets, move |_, stream, said| {
            whole(stream, "429 Slow Down", &[("Content-Type", "application/json"), ("Retry-After", "1")], error(said).as_bytes())
        }),
        case("a refused query", Endpoint::Query, "refused", secrets, move |_, stream, said| {
            refused(stream, "400 Bad Request", &error(said))
        }),
        case("a page", Endpoint::Write, "answered with a page", secrets, |_, stream, said| page(stream, "200 OK", said)),
        case("an item that is refused", Endpoint::Write, "no, ", secrets, move |seen, stream, said| items(seen, stream, 400, &error(said))),
        case("an item for which there is no time", Endpoint::Write, "429", secrets, move |seen, stream, said| {
            items(seen, stream, 429, &error(said))
        }),
        staged(case("a row that is not transformed", Endpoint::Write, "no, ", secrets, move |seen, stream, said| {
            items(seen, stream, 201, &row(said))
        })),
        staged(case("a staged row that is refused", Endpoint::Write, "no, ", secrets, move |seen, stream, said| {
            items(seen, stream, 403, &error(said))
        })),
    ]);
}

#[test]
fn a_value_that_equals_a_password_arrives_unchanged() {
    let script: Script = Arc::new(|seen: &ReceivedRequest, stream: &mut TcpStream| {
        let row = format!("{{\"CostCentre\":\"CC1\",\"Description\":{}}}", quoted(&format!("to {} and back", SECRETS[0])));
        let none = seen.option("$filter").contains(" gt ");
        json(stream, &format!("{{\"value\":[{}]}}", if none { "" } else { row.as_str() }))
    });
    let fake = Fake::start(Endpoint::OData, script);
    let options = ServiceNowOptions { client_id: "id".into(), client_secret: SECRETS[2].into(), ..ServiceNowOptions::default() };
    let servicenow = ServiceNowSim::start(options).unwrap();
    let database = run(Database::migrated());
    let instance = ("SERVICENOW__INSTANCE_URL", servicenow.url().to_string());
    let (site, command) = site_of(&fake, &database, &[instance, ("SERVICENOW__PROFILE", "apo".into())]);
    set_credentials(&site, &command);
    let out = command(&site, &["sync", "--entity", "cost_center"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    let rows = servicenow.rows("cmn_cost_center");
    let names: Vec<&String> = rows.iter().filter_map(|row| row.get("name")).collect();
    assert!(names.contains(&&format!("to {} and back", SECRETS[0])), "{names:?}");
}
