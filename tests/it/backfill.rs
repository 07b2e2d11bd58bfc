//! Backfills: a period of SYSPRO's history is read again with its own position, beside the polls, without moving their watermark.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::text;
use crate::http::ask;
use crate::support::node::{Node, wait_for};
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// The exit code, and what was said on either channel.
fn say(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let out = world.command(arguments).output().unwrap();
    (out.status.code(), text(&out))
}

fn list(world: &World) -> Vec<Value> {
    let out = world.command(&["--output", "json", "backfill", "list"]).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
}

/// Somebody changes an invoice in SYSPRO without a trace in its dates.
fn edit(world: &World, (supplier, invoice): &(String, String), reference: &str) {
    let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
    world.syspro.update(COMPANY, "ApInvoice", &key, &[("Reference", reference)]).unwrap();
}

fn read_as(world: &World, (supplier, invoice): &(String, String), reference: &str) -> bool {
    let sql = format!(
        "SELECT count(*) FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version WHERE d.entity = 'invoice' \
         AND v.content LIKE '%{reference}%' AND d.key LIKE '%{}%' AND d.key LIKE '%{}%'",
        supplier.trim(),
        invoice.trim()
    );
    world.database.psql(&sql) == "1"
}

/// Every date on which something happened to an invoice, by invoice.
fn dates(world: &World) -> BTreeMap<(String, String), Vec<NaiveDate>> {
    let mut all: BTreeMap<(String, String), Vec<NaiveDate>> = BTreeMap::new();
    let mut note = |key: (String, String), days: Vec<Option<NaiveDate>>| all.entry(key).or_default().extend(days.into_iter().flatten());
    let key = |c: &dyn Fn(&str) -> tieline_sim::dataset::Cell| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned());
    let own = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (key(c), vec![c("InvoiceDate").date(), c("JournalDate").date()]));
    own.into_iter().for_each(|(key, days)| note(key, days));
    let paid = source::rows(&world.syspro, COMPANY, "ApInvoicePay", |c| (key(c), vec![c("JournalDate").date()]));
    paid.into_iter().for_each(|(key, days)| note(key, days));
    all
}

#[test]
fn a_period_is_read_again_and_the_watermark_stays_where_it_was() {
    let world = World::start();
    let today = world.syspro.with(|data| data.today);
    let dates = dates(&world);
    let old = |days: &&Vec<NaiveDate>| days.iter().all(|day| *day < today - Days::new(60));
    let (inside, days) = dates.iter().find(|(_, days)| old(days)).expect("an old invoice");
    let since = days[0];
    let until = since + Days::new(1);
    let within = |days: &[NaiveDate]| days.iter().any(|day| (since..until).contains(day));
    let (outside, _) = dates.iter().find(|(_, days)| old(days) && !within(days)).expect("another one");
    edit(&world, inside, "SEEN AGAIN");
    edit(&world, outside, "NOT ASKED FOR");
    let current = || world.database.psql("SELECT watermark, position, last_success_at FROM flow WHERE entity = 'invoice'");
    world.rest(&["sync"]).unwrap();
    assert!(!read_as(&world, inside, "SEEN AGAIN"), "no poll reads so far back");
    let before = current();

    for (arguments, words) in [
        (vec!["--why", "x"], "name a period with --since and --until"),
        (vec!["--since", "2026-02-01", "--until", "2026-02-01", "--why", "x"], "must be later than"),
        (vec!["--since", "2026-02-30", "--why", "x"], "2026-02-30"),
        (vec!["--all", "--entity", "invoic", "--why", "x"], "did you mean `invoice`?"),
        (vec!["--all"], "--why"),
    ] {
        let (code, said) = say(&world, &[vec!["backfill"], arguments].concat());
        assert!(code != Some(0) && said.contains(words), "{code:?} {said}");
    }
    assert_eq!(list(&world).len(), 0);

    let (from, to) = (since.to_string(), until.to_string());
    let asked = ["backfill", "--entity", "invoice", "--since", &from, "--until", &to, "--why", "auditors asked"];
    let (code, said) = say(&world, &asked);
    assert_eq!(code, Some(0), "{said}");
    assert!(read_as(&world, inside, "SEEN AGAIN") && !read_as(&world, outside, "NOT ASKED FOR"), "{said}");
    assert_eq!(current(), before, "the flow's own reading is where it was");
    world.check().unwrap();
    let entry = &list(&world)[0];
    let brief = (entry["state"].as_str(), entry["changed"].as_i64(), entry["since"].as_str(), entry["why"].as_str());
    assert_eq!(brief, (Some("done"), Some(1), Some(from.as_str()), Some("auditors asked")));
    assert!(entry["read"].as_i64().unwrap() < dates.len() as i64, "{entry}");
    let actions = say(&world, &["audit", "--kind", "action"]).1;
    assert!(actions.contains("auditors asked") && actions.contains("backfill"), "{actions}");

    let whose =
        "SELECT DISTINCT (requested_by = (SELECT min(requested_by) FROM backfill)) || ' ' || reason FROM run WHERE kind = 'backfill'";
    assert_eq!(world.database.psql(whose), "true auditors asked", "its runs are asked for by the same person");

    // once more: nothing has changed, nothing is sent
    let writes = world.servicenow.writes();
    assert_eq!(say(&world, &asked).0, Some(0));
    assert_eq!((world.servicenow.writes(), list(&world)[0]["changed"].as_i64()), (writes, Some(0)));
}

#[test]
fn a_backfill_that_was_cut_off_goes_on_where_it_was_and_the_service_does_it_beside_its_polls() {
    let world = World::start();
    let invoices = i64::try_from(world.syspro.count(COMPANY, "ApInvoice").unwrap()).unwrap();
    let mut node = Node::new(&world).with("SYSPRO__PAGE_SIZE", "3").with("RETRY__READ_ATTEMPTS", "1");
    let rule = FaultRule::always(Fault::Status(503)).on_path(&world.table_path("ApInvoice")).after(4);
    world.syspro.faults.push(rule);
    let ask_for = |arguments: &[&str]| node.command(&world, &[&["backfill", "--entity", "invoice"], arguments].concat()).output().unwrap();
    let out = ask_for(&["--all", "--why", "go live"]);
    assert!(!out.status.success(), "{}", text(&out));
    let entry = list(&world).remove(0);
    let read = entry["read"].as_i64().unwrap();
    assert!(entry["state"] == "open" && (1..invoices).contains(&read), "{entry}");
    assert!(entry["error"].as_str().is_some_and(|error| error.contains("503")), "{entry}");

    // a second one is only noted; the service continues with both, each page read once
    assert!(ask_for(&["--since", "2020-01-01", "--no-wait", "--why", "to be cancelled"]).status.success());
    let id = list(&world)[0]["id"].to_string();
    assert_eq!(say(&world, &["backfill", "cancel", &id, "--why", "not needed"]).0, Some(0));
    assert_ne!(say(&world, &["backfill", "cancel", &id, "--why", "twice"]).0, Some(0));
    world.syspro.faults.clear();
    node.start_and_wait(&world);
    let key = node.key(&world);
    let of = |method: &str, path: &str, body: Value| -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, _, body) = ask(&node.site, method, path, Some(&key), &body).unwrap();
        (status, serde_json::from_str(&body).unwrap())
    };
    let path = format!("/api/v1/backfills/{}", entry["id"]);
    let done = wait_for("the backfill is done", Duration::from_secs(60), || {
        Some(of("GET", &path, Value::Null).1).filter(|entry| entry["state"] == "done")
    });
    assert_eq!((done["read"].as_i64(), done["error"].is_null(), done["why"].as_str()), (Some(invoices), true, Some("go live")));

    // over HTTP
    for (body, status) in [
        (json!({ "why": "x" }), 422),
        (json!({ "all": true }), 400),
        (json!({ "since": "2026-02-30", "why": "x" }), 400),
        (json!({ "since": "2026-02-02", "until": "2026-02-01", "why": "x" }), 422),
        (json!({ "all": true, "company": "NOPE", "why": "x" }), 404),
    ] {
        assert_eq!(of("POST", "/api/v1/backfill", body.clone()).0, status, "{body}");
    }
    let (status, answer) = of("POST", "/api/v1/backfill", json!({ "all": true, "entity": "supplier", "why": "by HTTP" }));
    assert_eq!((status, answer["items"].as_array().map(Vec::len)), (202, Some(1)), "{answer}");
    let path = format!("/api/v1/backfills/{}", answer["items"][0]["id"]);
    wait_for("the second is done", Duration::from_secs(60), || (of("GET", &path, Value::Null).1["state"] == "done").then_some(()));
    assert_eq!(of("POST", &format!("{path}/cancel"), json!({ "why": "too late" })).0, 409);
    assert_eq!(of("GET", "/api/v1/backfills/999999", Value::Null).0, 404);
    let open = of("GET", "/api/v1/backfills?state=open", Value::Null).1;
    assert_eq!(open["items"].as_array().map(Vec::len), Some(0), "{open}");
    let (_, page) = of("GET", "/api/v1/backfills?limit=2", Value::Null);
    let (_, rest) = of("GET", &format!("/api/v1/backfills?limit=2&after={}", page["next"].as_str().unwrap()), Value::Null);
    assert_eq!(
        (page["items"].as_array().map(Vec::len), rest["items"].as_array().map(Vec::len), &rest["next"]),
        (Some(2), Some(1), &Value::Null)
    );
    assert_eq!(node.terminate(), Some(0));
    world.check().unwrap();
}
