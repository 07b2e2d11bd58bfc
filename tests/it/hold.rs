//! Records that a person holds: nothing of them is sent, newer versions included, until a person releases them.

use serde_json::{Value, json};
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};

use crate::binary::{text, wait_until};
use crate::http::ask;
use crate::support::node::Node;
use crate::support::source;
use crate::support::world::{COMPANY, REFUSED_DATE, World};

const INVOICES: &str = "x_apo_invoice";

/// The due dates that ServiceNow shows of an invoice: one for each row there is.
fn due_dates(world: &World, invoice: &str) -> Vec<String> {
    let rows = world.servicenow.rows(INVOICES);
    rows.iter().filter(|row| row["u_supplier_invoice_number"] == invoice).map(|row| row["u_due_date"].clone()).collect()
}

/// Its key as the ledger writes it: in it a leading blank, for one, is escaped.
fn ledger_key(world: &World, (_, invoice): &(String, String)) -> String {
    let key = world.database.psql(&format!("SELECT key FROM document WHERE entity = 'invoice' AND key LIKE '%/{invoice}'"));
    assert!(!key.is_empty() && !key.contains('\n'), "{invoice}: {key}");
    key
}

fn change(world: &World, (supplier, invoice): &(String, String), due: &str) {
    let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
    world.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", due)]).unwrap();
}

/// What the program says of a record, as JSON.
fn record(world: &World, key: &str) -> Value {
    let out = world.command(&["--output", "json", "record", COMPANY, "invoice", key]).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
}

fn run(world: &World, code: i32, arguments: &[&str]) -> String {
    let out = world.command(arguments).output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    text(&out)
}

#[test]
fn a_record_on_hold_is_not_sent_until_it_is_released_and_its_neighbours_are() {
    let world = World::start();
    let all = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    let [held, other, refused] = [&all[0], &all[1], &all[2]];
    let name = |invoice: &(String, String)| ledger_key(&world, invoice);
    let was = due_dates(&world, &held.1);
    assert_eq!(was.len(), 1);

    // everything of it has arrived: a hold concerns what comes later
    assert!(run(&world, 0, &["hold", COMPANY, "invoice", &name(held), "--why", "in dispute"]).contains("is on hold: 0 parts held"));
    assert!(run(&world, 0, &["hold", COMPANY, "invoice", &name(held), "--why", "again"]).contains("on hold already"));
    let explanation = record(&world, &name(held))["explanation"].as_str().unwrap().to_owned();
    assert!(explanation.starts_with("delivered at") && explanation.ends_with("in dispute"), "{explanation}");
    for due in ["2031-01-01", "2031-01-02"] {
        change(&world, held, due);
        change(&world, other, due);
        run(&world, 3, &["sync", "--sweep", "--entity", "invoice"]);
        assert_eq!((due_dates(&world, &held.1), due_dates(&world, &other.1)), (was.clone(), vec![due.to_owned()]));
    }
    let seen = record(&world, &name(held));
    assert!(seen["explanation"].as_str().unwrap().starts_with("on hold: a person holds it"), "{seen}");
    assert!(seen["hold"]["why"] == "in dispute" && seen["hold"]["held_at"].is_string(), "{seen}");
    let failures = run(&world, 0, &["failures", "--entity", "invoice"]);
    assert!(failures.contains("on_hold") && failures.contains("tieline release"), "{failures}");
    // sent again by hand it is still on hold
    run(&world, 3, &["replay", "--key", &name(held), "--why", "a try"]);
    assert_eq!(due_dates(&world, &held.1), was);

    // over the API: what is on hold is listed, unknown keys are said, and what may not goes on being refused
    let mut node = Node::new(&world).with("SCHEDULE__INVOICE", "0 0 1 1 *");
    node.start_and_wait(&world);
    let admin = node.key(&world);
    let post = |action: &str, body: Value| {
        let (status, _, body) = ask(&node.site, "POST", &format!("/api/v1/records/{action}"), Some(&admin), &body.to_string()).unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let of = |keys: &[&str], why: &str| json!({ "company": COMPANY, "entity": "invoice", "keys": keys, "why": why });
    let listed = || {
        let (_, _, body) = ask(&node.site, "GET", "/api/v1/records?state=on_hold", Some(&admin), "").unwrap();
        let list: Value = serde_json::from_str(&body).unwrap();
        list["items"].as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(), [name(held)]);
    assert_eq!(post("release", of(&["nobody"], "paid")).0, 404);
    assert_eq!(post("release", of(&[&name(held)], " ")).0, 400);
    assert_eq!(post("release", of(&[], "paid")).0, 400);
    let (status, answer) = post("release", of(&[&name(held), "nobody"], "settled with the supplier"));
    assert_eq!((status, &answer["unknown"], &answer["records"][0]["changed"]), (200, &json!(["nobody"]), &json!(true)), "{answer}");
    wait_until("what was on hold arrives", || due_dates(&world, &held.1) == ["2031-01-02"]);
    wait_until("it is at rest", || record(&world, &name(held))["explanation"].as_str().unwrap().starts_with("delivered at"));
    assert_eq!(listed(), Vec::<String>::new());
    let (status, answer) = post("hold", of(&[&name(refused)], "who is that"));
    assert_eq!((status, &answer["records"][0]["deliveries"]), (200, &json!(0)), "{answer}");
    assert_eq!(node.terminate(), Some(0));

    // who, when and why is in the audit
    let audit = run(&world, 0, &["audit", "--kind", "action", "--output", "json"]);
    for (action, why) in [("hold", "in dispute"), ("release", "settled with the supplier"), ("hold", "who is that")] {
        let row = audit.lines().find(|line| line.contains(&format!("\"{action}\"")) && line.contains(why));
        assert!(row.is_some_and(|row| row.contains("invoice")), "{action}: {audit}");
    }
}

#[test]
fn what_was_refused_goes_again_as_it_was_mapped_once_it_is_released() {
    let mut world = World::start();
    let all = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    change(&world, &all[0], REFUSED_DATE);
    run(&world, 3, &["sync", "--sweep", "--entity", "invoice"]);
    let name = ledger_key(&world, &all[0]);
    let refusals = world.database.psql("SELECT count(*) FROM audit WHERE kind = 'failed'");
    // still refused: it is sent, comes back, and the person who released it is told
    let said = run(&world, 3, &["release", COMPANY, "invoice", &name, "--why", "try again"]);
    assert!(said.contains("is released: 1 part queued"), "{said}");
    assert!(said.contains("1 sent again: 0 delivered; 1 failed for the same reason: "), "{said}");
    assert_ne!(world.database.psql("SELECT count(*) FROM audit WHERE kind = 'failed'"), refusals);
    let out = world.command(&["--output", "json", "release", COMPANY, "invoice", &name, "--why", "once more"]).output().unwrap();
    let told: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
    let outcome = &told["outcome"];
    let counts = [&outcome["sent_again"], &outcome["delivered"], &outcome["failed"], &outcome["failed_as_before"]];
    assert_eq!(counts, [1, 0, 1, 1], "{told}");
    assert_eq!((out.status.code(), &told["records"][0]["deliveries"]), (Some(3), &json!(1)), "{told}");
    // without sending nothing is promised
    let said = run(&world, 0, &["release", COMPANY, "invoice", &name, "--no-send", "--why", "later"]);
    assert!(said.contains("1 part queued") && said.contains("sends what is queued") && !said.contains("sent again"), "{said}");
    run(&world, 3, &["sync", "--entity", "invoice"]);
    // the same address without the rule, and without any row: what arrives now was sent now
    let listen = world.servicenow.url().socket_addrs(|| None).unwrap()[0].to_string();
    let elsewhere = ServiceNowSim::start(ServiceNowOptions::default()).unwrap();
    std::mem::replace(&mut world.servicenow, elsewhere).stop();
    world.servicenow = ServiceNowSim::start(ServiceNowOptions { listen, ..ServiceNowOptions::default() }).unwrap();
    let made = || world.database.psql("SELECT count(*) FROM delivery");
    let before = made();
    let said = run(&world, 0, &["release", COMPANY, "invoice", &name, "--why", "the period is open again"]);
    assert!(said.contains("1 sent again: 1 delivered."), "{said}");
    assert_eq!((due_dates(&world, &all[0].1), made()), (vec![REFUSED_DATE.to_owned()], before), "as it was mapped");
    assert!(run(&world, 0, &["release", COMPANY, "invoice", &name, "--why", "again"]).contains("nothing to release"));
    let wrong = run(&world, 1, &["release", COMPANY, "invoice", "nobody/7", "--why", "typing error"]);
    assert!(wrong.contains("`nobody/7` was never read"), "{wrong}");
}
