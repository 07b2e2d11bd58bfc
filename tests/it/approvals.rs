//! Actions that need a second person: changed definitions, amounts, and what a site names, from all three interfaces.

use std::collections::BTreeMap;
use std::process::Output;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tieline::domain::notice::NoticeEvent;
use tieline::store::{NoticeRules, Store};

use crate::binary::text;
use crate::console::Person;
use crate::definitions::{self, Files, all_refused, currencies};
use crate::http::ask;
use crate::support::database;
use crate::support::node::{ENTITIES, Node, wait_for};
use crate::support::run;
use crate::support::world::{COMPANY, World};

const LIMIT: Duration = Duration::from_secs(60);

/// A command of a person on the machine.
fn by(node: &Node, world: &World, person: &str, arguments: &[&str]) -> Output {
    node.command(world, arguments).env("TIELINE_ACCOUNT", person).output().unwrap()
}

/// What it prints; it must end with this code.
fn says(node: &Node, world: &World, person: &str, code: i32, arguments: &[&str]) -> String {
    let out = by(node, world, person, arguments);
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    text(&out)
}

fn key(node: &Node, world: &World, name: &str, role: &str) -> String {
    let out = node.command(world, &["api-key", "add", name, "--role", role]).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn post(node: &Node, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let (status, _, answer) = ask(&node.site, "POST", path, Some(key), &body.to_string()).unwrap();
    (status, serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

/// The answer to a request, by its number.
fn answer(node: &Node, key: &str, id: i64, word: &str) -> (u16, Value) {
    post(node, key, &format!("/api/v1/approvals/{id}/{word}"), &json!({ "why": "looked at" }))
}

/// The newest request: number, kind, state.
fn newest(world: &World) -> (i64, String, String) {
    let row = world.database.psql("SELECT id || '|' || kind || '|' || state FROM approval ORDER BY id DESC LIMIT 1");
    let [id, kind, state] = row.split('|').collect::<Vec<_>>().try_into().unwrap_or_else(|row| panic!("{row:?}"));
    (id.parse().unwrap(), kind.to_owned(), state.to_owned())
}

/// The steps of all requests, in their order.
fn steps(world: &World) -> String {
    world.database.psql("SELECT string_agg(detail::jsonb ->> 'action', ' ' ORDER BY id) FROM audit WHERE kind = 'approval'")
}

fn in_force(world: &World) -> String {
    world.database.psql("SELECT number FROM definition_in_force")
}

/// The body of the readiness check.
fn ready(node: &Node) -> Option<(u16, Value)> {
    let (status, body) = node.ready()?;
    Some((status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))))
}

/// A node all of whose schedules are far away.
pub fn yearly(mut node: Node) -> Node {
    for entity in ENTITIES {
        node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 1 1 *");
    }
    node
}

#[test]
fn changed_definitions_come_into_force_when_a_second_person_approves_their_hash() {
    let world = definitions::world();
    let files = Files::new();
    let mut node = definitions::node(&world, &files).with("APPROVALS__NEEDED", "definition");
    // the first set of a ledger changes nothing, and needs nobody
    let all = all_refused(&world, &mut node);
    assert_eq!(in_force(&world), "1");
    let codes: Vec<String> = currencies(&world).into_iter().map(|(code, _)| code).collect();
    files.list(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    let said = wait_for(format!("the change is seen: {}", node.log()), LIMIT, || {
        let (status, body) = ready(&node)?;
        assert_eq!(status, 200, "it works on with the approved definitions: {body}");
        body["definitions_waiting"].as_str().map(str::to_owned)
    });
    assert!(said.contains("nobody has asked for an approval: `tieline definitions adopt --why …`"), "{said}");
    let admin = node.key(&world);
    let api = |path: &str| serde_json::from_str::<Value>(&ask(&node.site, "GET", path, Some(&admin), "").unwrap().2).unwrap();
    let shown = api("/api/v1/definitions");
    assert!(shown["in_force"] == true && shown["waiting"] != shown["hash"] && shown["approval"].is_null(), "{shown:#}");

    // a command with the same files does nothing either, and the service goes on with the approved set
    let said = says(&node, &world, "anna", 4, &["replay", "--entity", "invoice", "--why", "a test"]);
    assert!(said.contains("nothing was mapped or sent"), "{said}");
    let replay = json!({ "entity": "invoice", "failed_only": true, "why": "a test" });
    let (status, replayed) = post(&node, &admin, "/api/v1/replay", &replay);
    assert!(status == 202 && replayed["documents"] == all, "{replayed:#}");
    assert_eq!((world.servicenow.count("x_apo_invoice"), in_force(&world).as_str()), (0, "1"), "under the approved set all are refused");

    // asked by name, with what changes; the person who asks does not approve
    let said = says(&node, &world, "anna", 1, &["definitions", "adopt", "--why", "the codes are known"]);
    assert!(said.contains("request 1 (put definitions") && said.contains("invoice_currency.toml"), "{said}");
    let said = says(&node, &world, "anna", 1, &["approvals", "approve", "1", "--why", "mine"]);
    assert!(said.contains("another person must answer"), "{said}");
    let said = says(&node, &world, "anna", 0, &["definitions", "show"]);
    assert!(said.contains("request 1 of user anna waits for another person's approval"), "{said}");
    assert_eq!((in_force(&world).as_str(), newest(&world).2.as_str()), ("1", "asked"));
    let page = Person::sign_in(&node.site, &admin).get("/approvals").body;
    assert!(
        page.contains("What will happen: they replace") && page.contains("user anna") && page.contains("the codes are known"),
        "{page}"
    );

    // approved by another one: the service puts them into force by itself, once
    says(&node, &world, "ben", 0, &["approvals", "approve", "1", "--why", "checked the codes"]);
    wait_for(format!("they are in force: {}", node.log()), LIMIT, || (in_force(&world) == "2").then_some(()));
    wait_for("nothing waits", LIMIT, || ready(&node).filter(|(_, body)| body["definitions_waiting"].is_null()));
    let (status, replayed) = post(&node, &admin, "/api/v1/replay", &replay);
    assert!(status == 202 && replayed["documents"] == all, "{replayed:#}");
    wait_for("they are delivered", LIMIT, || (world.servicenow.count("x_apo_invoice") == all).then_some(()));
    assert_eq!(steps(&world), "ask approve use");
    let seen = "SELECT count(*) FROM audit WHERE kind = 'definition' AND detail::jsonb ->> 'action' = 'unapproved'";
    assert_eq!(world.database.psql(seen), "1", "the change was written down once, before anybody asked");

    // a start with files that nobody approved: it says so, reads and sends nothing, and loses nothing
    assert_eq!(node.terminate(), Some(0));
    files.list(&[]);
    let runs = || world.database.psql("SELECT count(*) FROM run");
    let before = runs();
    node.start_and_wait(&world);
    let said = wait_for("it does not work", LIMIT, || ready(&node).filter(|(status, _)| *status == 503)).1.to_string();
    assert!(said.contains("not those that were approved") && said.contains("reads, maps and sends nothing"), "{said}");
    says(&node, &world, "anna", 1, &["definitions", "adopt", "--why", "back to none"]);
    assert_eq!(answer(&node, &admin, 2, "reject").0, 200);
    let said =
        wait_for("the answer is said", LIMIT, || ready(&node).filter(|(_, body)| body.to_string().contains("request 2 is rejected")));
    assert_eq!((said.0, runs(), in_force(&world).as_str()), (503, before, "2"));
    // the approved files again need nobody
    files.list(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    wait_for(format!("it works again: {}", node.log()), LIMIT, || ready(&node).filter(|(status, _)| *status == 200));
    assert_eq!((in_force(&world).as_str(), steps(&world).as_str()), ("2", "ask approve use ask reject"));
    assert_eq!(node.terminate(), Some(0));
}

/// Invoices with an amount: key, currency as SYSPRO has it, and the amount without its sign; those of the most frequent currency first.
fn amounts(world: &World) -> Vec<(String, String, Decimal)> {
    let rows = world.database.psql(
        "SELECT d.key, d.currency, abs(d.amount) FROM document d WHERE d.entity = 'invoice' AND d.amount <> 0 AND d.currency IS NOT NULL \
         AND d.key ~ '^[0-9A-Za-z]+/[0-9A-Za-z-]+$' ORDER BY count(*) OVER (PARTITION BY d.currency) DESC, d.currency, d.key",
    );
    let row = |row: &str| {
        let [key, currency, amount] = row.split('|').collect::<Vec<_>>().try_into().unwrap();
        (String::from(key), String::from(currency), amount.parse().unwrap())
    };
    rows.lines().map(row).collect()
}

/// The code of ISO 4217, as the shipped list has it.
fn iso(code: &str) -> &str {
    match code {
        "$" => "USD",
        "R" => "ZAR",
        code => code,
    }
}

/// Each request that was made for an audit's notice.
fn notices(world: &World) -> i64 {
    let store = Store::connect(&database::settings(), &world.database.url().into()).unwrap();
    for _ in 0..3 {
        let events = vec![NoticeEvent::ApprovalNeeded];
        let rules = NoticeRules { events, channels: vec!["webhook".into()], stale_hours: 1000, key_notice_days: 14, flows: Vec::new() };
        run(store.notice_collect(rules, Vec::new())).unwrap();
    }
    world.database.psql("SELECT coalesce(sum(count), 0) FROM notice WHERE event = 'approval_needed'").parse().unwrap()
}

#[test]
fn the_amounts_of_all_records_together_decide_whether_a_second_person_is_needed() {
    let world = World::start();
    let invoices = amounts(&world);
    let [(one, currency, first), (two, other, second)] = [&invoices[0], &invoices[1]];
    assert_eq!(currency, other, "two invoices in one currency");
    let limit = *first.max(second);
    let foreign = invoices.iter().find(|(_, code, _)| code != currency).map(|(key, ..)| key);
    let amount = format!("{} {limit}", iso(currency));
    let mut node = yearly(Node::new(&world).with("APPROVALS__NEEDED", "replay,release").with("APPROVALS__AMOUNTS", &amount));
    node.start_and_wait(&world);
    let (anna, ben) = (key(&node, &world, "anna", "admin"), key(&node, &world, "ben", "controller"));
    let replay = |keys: &[&str]| {
        let body = json!({ "company": COMPANY, "entity": "invoice", "keys": keys, "why": "a correction" });
        post(&node, &anna, "/api/v1/replay", &body)
    };
    // each alone is within the limit, both together are not
    for key in [one, two] {
        assert_eq!(replay(&[key]).0, 202, "{key}");
    }
    let (status, problem) = replay(&[one, two]);
    let detail = problem["detail"].as_str().unwrap();
    assert!(status == 409 && detail.contains("request 1") && detail.contains("2 records: 2 of EDU1/invoice"), "{problem:#}");
    assert!(detail.contains(iso(currency)), "{detail}");
    // so is everything at once, by a filter, from the command line
    let said = says(&node, &world, "anna", 1, &["replay", "--entity", "invoice", "--why", "all", "--no-send"]);
    assert!(said.contains("request 2 (send again: entity `invoice`"), "{said}");
    // a currency without a limit
    if let Some(foreign) = foreign {
        assert_eq!(replay(&[foreign]).0, 409);
    }
    // records without amounts by their definition have none
    let body = json!({ "company": COMPANY, "entity": "supplier", "failed_only": false, "why": "a correction" });
    assert_eq!(post(&node, &anna, "/api/v1/replay", &body).0, 202);
    assert!(notices(&world) >= 2);

    // approved for the records as they are; one changes meanwhile, and drops out of the approval
    assert_eq!(answer(&node, &ben, 1, "approve").0, 200);
    let (supplier, invoice) = one.split_once('/').unwrap();
    let of = [("Supplier", supplier), ("Invoice", invoice)];
    world.syspro.update(COMPANY, "ApInvoice", &of, &[("DueDate", "2031-01-01")]).unwrap();
    let sweep = json!({ "sweep": true, "why": "a change" });
    wait_for("the flow is at rest", LIMIT, || {
        let (status, _) = post(&node, &anna, &format!("/api/v1/flows/{COMPANY}/invoice/run"), &sweep);
        (status == 202).then_some(())
    });
    let version = format!("SELECT version FROM document WHERE entity = 'invoice' AND key = '{one}'");
    wait_for("the change is read", LIMIT, || (world.database.psql(&version) == "2").then_some(()));
    let (status, done) = replay(&[one, two]);
    assert!(status == 202 && done["documents"] == 1, "{done:#}");
    assert_eq!(done["approved"], json!({ "number": 1, "approved": 2, "held": 1, "selected": 2 }));
    assert_eq!(world.database.psql("SELECT state FROM approval WHERE id = 1"), "used");
    let said = "SELECT detail::jsonb ->> 'left_out' FROM audit WHERE detail::jsonb ->> 'action' = 'replay' ORDER BY id DESC LIMIT 1";
    assert!(world.database.psql(said).contains("1 has changed since"), "{}", world.database.psql(said));
    // both again: another request, for both as they are now
    let (status, problem) = replay(&[one, two]);
    let (id, kind, state) = newest(&world);
    assert!(id != 1 && problem["detail"].as_str().unwrap().contains("2 records"), "{problem:#}");
    assert_eq!((status, kind.as_str(), state.as_str()), (409, "replay", "asked"), "{problem:#}");
    assert_eq!(answer(&node, &ben, id, "approve").0, 200);
    let (status, done) = replay(&[one, two]);
    assert!(status == 202 && done["documents"] == 2, "{done:#}");
    let used = "SELECT detail::jsonb ->> 'approval' FROM audit WHERE detail::jsonb ->> 'action' = 'replay' ORDER BY id DESC LIMIT 1";
    assert_eq!(world.database.psql(used), id.to_string());
    assert_eq!(replay(&[one, two]).0, 409, "an approval is used once");

    // an amount that is not known counts as above
    world.database.psql(&format!("UPDATE document SET amount = NULL WHERE entity = 'invoice' AND key = '{two}'"));
    let (status, problem) = replay(&[two]);
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("1 record whose amount is not known"), "{problem:#}");

    // a release, on the console: asked, withdrawn by the one who asked, asked again, rejected, asked, approved, done
    let record = format!("company={COMPANY}&entity=invoice&key={}&why=seen", two.replace('/', "%2F"));
    let (asker, reviewer) = (Person::sign_in(&node.site, &anna), Person::sign_in(&node.site, &ben));
    assert_eq!(asker.post("/hold", &record).status, 303);
    let release = || {
        let answer = asker.post("/release", &record);
        (answer.status, newest(&world))
    };
    let word = |person: &Person<'_>, id: i64, word: &str| person.post("/approvals", &format!("id={id}&answer={word}&why=seen")).status;
    let (status, (id, kind, _)) = release();
    assert_eq!((status, kind.as_str()), (409, "release"));
    assert_eq!(word(&reviewer, id, "withdraw"), 409, "only the person who asked withdraws");
    assert_eq!(word(&asker, id, "approve"), 409, "the person who asked never approves");
    assert_eq!(word(&asker, id, "withdraw"), 303);
    let (status, (id, ..)) = release();
    assert_eq!((status, word(&reviewer, id, "reject")), (409, 303));
    let (status, (id, ..)) = release();
    assert_eq!((status, word(&reviewer, id, "approve")), (409, 303));
    let (status, (same, _, state)) = release();
    assert_eq!((status, same, state.as_str()), (303, id, "used"));
    assert_eq!(world.database.psql("SELECT count(*) FROM hold"), "0");

    // too late: the service ends requests by itself
    let (status, problem) = replay(&[one, two]);
    assert_eq!(status, 409, "{problem:#}");
    world.database.psql("UPDATE approval SET expires_at = now() WHERE state = 'asked'");
    wait_for("late requests end", LIMIT * 2, || {
        (world.database.psql("SELECT count(*) FROM approval WHERE state = 'asked'") == "0").then_some(())
    });
    assert!(steps(&world).ends_with("expire"), "{}", steps(&world));
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn an_adoption_and_more_than_the_change_limit_are_asked_for_from_every_interface() {
    let world = definitions::world();
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(site.path().join("profiles/apo")).unwrap();
    let profile = include_str!("../../config/profiles/apo/cost_center.toml");
    let aligned = format!("{profile}\n[header.align]\nrule = \"review\"\n");
    std::fs::write(site.path().join("profiles/apo/cost_center.toml"), aligned).unwrap();
    let directory = site.path().display().to_string();
    let mut node = yearly(Node::new(&world)).with("DEFINITIONS__DIRECTORY", &directory).with("APPROVALS__NEEDED", "adopt,change_limit");
    node.start_and_wait(&world);
    let open = || world.database.psql("SELECT count(*) FROM conflict WHERE state = 'open'");
    wait_for(format!("both lists are compared: {}", node.log()), LIMIT, || (open() != "0").then_some(()));
    let (anna, ben) = (key(&node, &world, "anna", "admin"), key(&node, &world, "ben", "controller"));
    let console = Person::sign_in(&node.site, &anna);
    let reviewer = Person::sign_in(&node.site, &ben);
    let flow = ["--company", COMPANY, "--entity", "cost_center"];

    // each asks, is refused, and does it once another person has approved: the command line approves what the API asked for, and so on
    let adopt: BTreeMap<&str, Box<dyn Fn() -> bool>> = BTreeMap::from([
        (
            "cli",
            Box::new(|| by(&node, &world, "anna", &[&["conflicts", "adopt", "--why", "go live"], &flow[..]].concat()).status.success())
                as Box<dyn Fn() -> bool>,
        ),
        (
            "api",
            Box::new(|| {
                post(&node, &anna, "/api/v1/conflicts/adopt", &json!({ "company": COMPANY, "entity": "cost_center", "why": "go live" })).0
                    == 200
            }),
        ),
        (
            "console",
            Box::new(|| console.post("/conflicts/adopt", &format!("company={COMPANY}&entity=cost_center&why=go+live")).status == 303),
        ),
    ]);
    let limit: BTreeMap<&str, Box<dyn Fn() -> bool>> = BTreeMap::from([
        (
            "cli",
            Box::new(|| {
                by(&node, &world, "anna", &["replay", "--outdated", "--allow", "5", "--no-send", "--why", "intended"]).status.success()
            }) as Box<dyn Fn() -> bool>,
        ),
        ("api", Box::new(|| post(&node, &anna, "/api/v1/replay", &json!({ "outdated": true, "allow": 5, "why": "intended" })).0 == 202)),
    ]);
    let approve: [&dyn Fn(i64) -> bool; 3] = [
        &|id| by(&node, &world, "ben", &["approvals", "approve", &id.to_string(), "--why", "agreed"]).status.success(),
        &|id| answer(&node, &ben, id, "approve").0 == 200,
        &|id| reviewer.post("/approvals", &format!("id={id}&answer=approve&why=agreed")).status == 303,
    ];
    for (kind, ways) in [("adopt", &adopt), ("change_limit", &limit)] {
        for ((from, act), approve) in ways.iter().zip(approve.iter().cycle()) {
            assert!(!act(), "{kind} from {from} without an approval");
            let (id, asked, state) = newest(&world);
            assert_eq!((asked.as_str(), state.as_str()), (kind, "asked"), "{from}");
            if kind == "adopt" && *from == "api" {
                // the list changes before anybody answers: what is approved is not what would be decided
                world.database.psql("UPDATE conflict SET syspro = syspro || ' changed' WHERE state = 'open'");
                assert!(approve(id) && !act(), "{from}: the list is another one");
                assert_eq!(world.database.psql(&format!("SELECT state FROM approval WHERE id = {id}")), "withdrawn");
                assert!(approve(newest(&world).0) && act());
                continue;
            }
            assert!(approve(id), "{kind} from {from}");
            assert!(act(), "{kind} from {from} with an approval");
            assert_eq!(newest(&world), (id, kind.to_owned(), "used".to_owned()), "{from}");
        }
    }
    assert_eq!(open(), "0", "the lists are adopted");
    drop((adopt, limit));
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn an_approval_is_used_by_what_is_queued_and_given_back_for_the_rest() {
    let world = World::start();
    let node = yearly(Node::new(&world).with("APPROVALS__NEEDED", "replay").with("APPROVALS__AMOUNTS", "USD 1"));
    let replay = ["replay", "--all", "--no-send", "--why", "a correction"];
    let state = |id: i64| world.database.psql(&format!("SELECT state FROM approval WHERE id = {id}"));
    let queued = || -> i64 { world.database.psql("SELECT count(*) FROM audit WHERE kind = 'replayed'").parse().unwrap() };
    let killed_at = |point: &str| {
        let out = node
            .command(&world, &replay)
            .env("TIELINE_ACCOUNT", "anna")
            .env("TIELINE_FAILPOINT", format!("kill@{point}"))
            .output()
            .unwrap();
        assert_eq!(out.status.code(), None, "killed at {point}: {}", text(&out));
    };
    says(&node, &world, "anna", 1, &replay);
    says(&node, &world, "ben", 0, &["approvals", "approve", "1", "--why", "agreed"]);
    let before = queued();
    let all: i64 = world.database.psql("SELECT count(*) FROM approval_record").parse().unwrap();

    // killed before the first record was queued: nothing was used
    killed_at("ledger:take_a_page_in:*");
    assert_eq!((state(1).as_str(), queued()), ("approved", before));

    // killed after the records of the first flow: used, and given back for the others once nobody can be at work on them
    killed_at("ledger:take_a_page_in:1_*#3");
    let first = queued() - before;
    assert!(first > 0 && state(1) == "used", "{first}");
    says(&node, &world, "anna", 0, &["approvals", "list"]);
    assert_eq!(state(1), "used", "the execution may still be at work");
    world.database.psql("UPDATE approval SET used_until = now()");
    says(&node, &world, "anna", 0, &["approvals", "list"]);
    assert_eq!((state(1).as_str(), steps(&world).as_str()), ("approved", "ask approve use give back"));

    // the rest, each record once; and no third time
    let said = says(&node, &world, "anna", 0, &replay);
    assert!(said.contains("Request 1 holds for"), "{said}");
    assert_eq!(state(1), "used");

    let twice = "SELECT count(*) FROM (SELECT FROM audit WHERE kind = 'replayed' GROUP BY document_id HAVING count(*) > 1) t";
    assert_eq!((queued() - before, world.database.psql(twice).as_str()), (all, "0"));
    let said = says(&node, &world, "anna", 1, &replay);
    assert!(said.contains("request 2"), "{said}");

    // killed when everything was queued: nothing is left to be given back
    says(&node, &world, "ben", 0, &["approvals", "approve", "2", "--why", "agreed"]);
    killed_at("ledger:end_the_use_of_an_approval:*");
    world.database.psql("UPDATE approval SET used_until = now() WHERE used_until IS NOT NULL");
    says(&node, &world, "anna", 0, &["approvals", "list"]);
    assert_eq!((state(2).as_str(), queued() - before), ("used", 2 * all));
}
