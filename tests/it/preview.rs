//! A preview shows what a run would send, as both systems are now, and writes nothing: no row of the ledger, no row of ServiceNow.

use std::collections::BTreeMap;

use serde_json::Value;
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::{text, wait_until};
use crate::console::Person;
use crate::http::ask;
use crate::sent::add_invoice;
use crate::support::node::{ENTITIES, Node};
use crate::support::world::{COMPANY, World};

const KEY: &str = "SENT/S-1";
const INVOICE: &[(&str, &str)] = &[("Supplier", "SENT"), ("Invoice", "S-1")];

/// The answer of a preview, after a check that it wrote nothing.
fn preview(world: &World, code: i32, arguments: &[&str]) -> Value {
    let before = (contents(world), world.servicenow.writes());
    let out = world.command(&[&["preview", "--output", "json", COMPANY], arguments].concat()).output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    let after = (contents(world), world.servicenow.writes());
    assert_eq!(before, after, "{arguments:?} wrote something");
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
}

/// A digest of every table of the ledger.
fn contents(world: &World) -> BTreeMap<String, String> {
    let tables = world.database.psql(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = 'public'",
    );
    let digest = |table: &str| {
        world.database.psql(&format!("SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{table}\" t"))
    };
    let found: BTreeMap<String, String> = tables.lines().map(|table| (table.to_owned(), digest(table))).collect();
    assert!(found.len() > 30 && found.values().all(|digest| !digest.is_empty()), "{found:?}");
    found
}

fn run(world: &World, code: i32, arguments: &[&str]) -> String {
    let out = world.command(arguments).output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    String::from_utf8(out.stdout).unwrap()
}

fn only(preview: &Value) -> &Value {
    let records = preview["records"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{preview}");
    &records[0]
}

fn part<'a>(record: &'a Value, name: &str) -> &'a Value {
    record["parts"].as_array().unwrap().iter().find(|part| part["part"] == name).unwrap_or_else(|| panic!("no {name}: {record}"))
}

/// The fields of each part as Tieline has sent them last.
fn sent(world: &World) -> BTreeMap<String, Value> {
    let answer: Value = serde_json::from_str(&run(world, 0, &["record", COMPANY, "invoice", KEY, "--output", "json", "--sent"])).unwrap();
    // the newest first
    let items = answer["items"].as_array().unwrap().iter().rev();
    items.map(|item| (item["part"].as_str().unwrap().to_owned(), item["fields"].clone())).collect()
}

fn shown(record: &Value) -> BTreeMap<String, Value> {
    let parts = record["parts"].as_array().unwrap().iter();
    parts.map(|part| (part["part"].as_str().unwrap().to_owned(), part["fields"].clone())).collect()
}

#[test]
fn a_preview_shows_what_a_run_then_sends_and_how_servicenow_differs() {
    let world = World::start();
    add_invoice(&world);

    // a new invoice of a supplier that is not delivered
    let waits = preview(&world, 3, &["invoice", KEY]);
    assert!(waits["not_compared"].is_null() && waits["definition_in_force"] == true, "{waits}");
    let record = only(&waits);
    assert_eq!((&record["outcome"], &record["version"]), (&Value::from("waits"), &Value::Null), "{record}");
    assert!(record["next_run"].as_str().unwrap().contains("Tieline has never read it"), "{record}");
    assert_eq!((&record["source"]["OrigInvValue"], record["source"]["lines"].as_array().unwrap().len()), (&serde_json::json!(1250.50), 2));
    let parent = &record["missing_parents"][0];
    assert_eq!(
        (&parent["entity"], &parent["key"], &parent["waits"], &parent["in_servicenow"]),
        (&Value::from("supplier"), &Value::from("SENT"), &Value::from(true), &Value::from(false))
    );
    let header = part(record, "header");
    assert_eq!((&header["action"], &header["row"]), (&Value::from("create"), &Value::Null), "{header}");
    assert_eq!(header["currencies"]["u_amount_invoiced"], "ZAR");

    run(&world, 0, &["sync", "--entity", "supplier"]);
    let new = preview(&world, 0, &["invoice", KEY]);
    assert_eq!(only(&new)["outcome"], "create", "{new}");
    run(&world, 0, &["sync", "--entity", "invoice"]);
    assert_eq!(shown(only(&new)), sent(&world), "what was sent is what was shown");

    // the same on both sides
    let same = preview(&world, 0, &["invoice", KEY]);
    assert_eq!(only(&same)["outcome"], "unchanged", "{same}");
    assert!(only(&same)["next_run"].as_str().unwrap().contains("that of version 1"), "{same}");
    assert_eq!(part(only(&same), "header")["action"], "nothing");

    // changed in SYSPRO, and by hand in ServiceNow: the ledger knows neither
    world.syspro.update(COMPANY, "ApInvoice", INVOICE, &[("OrigInvValue", "1300.00")]).unwrap();
    let line = world.servicenow.find("x_apo_invoice_line", "u_supplier_invoice_number", "S-1").unwrap();
    let was = line["u_line_amount_invoiced"].clone();
    assert!(world.servicenow.edit_row("x_apo_invoice_line", &line["sys_id"], &[("u_line_amount_invoiced", "7.00")]));
    let changed = preview(&world, 0, &["invoice", KEY]);
    let record = only(&changed);
    assert_eq!((&record["outcome"], &record["version"]), (&Value::from("update"), &Value::from(1)), "{record}");
    assert!(record["next_run"].as_str().unwrap().contains("has changed since version 1"), "{record}");
    let difference =
        |field: &str, mapped: &str, there: &str| serde_json::json!([{ "field": field, "mapped": mapped, "servicenow": there }]);
    let header = part(record, "header");
    assert_eq!(header["differences"], difference("u_amount_invoiced", "1300.00", "1250.50"), "{header}");
    assert!(header["row"]["sys_id"].is_string() && header["row"]["table"] == "x_apo_invoice", "{header}");
    let edited = part(record, &format!("lines 2030/1/91/1/{}", line["u_line_number"]));
    assert_eq!(edited["differences"], difference("u_line_amount_invoiced", &was, "7.00"), "{edited}");

    // for a person
    let words = run(&world, 0, &["preview", COMPANY, "invoice", KEY]).split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["=== SENT/S-1: update ===", "u_amount_invoiced 1300.00 (ZAR) ServiceNow has: 1250.50", "Nothing was written."] {
        assert!(words.contains(said), "no `{said}`: {words}");
    }

    // a line that SYSPRO no longer has
    let gone = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "91"), ("EntryNumber", "1"), ("SubEntry", "2")];
    world.syspro.delete(COMPANY, "ApJnlDistrib", &gone).unwrap();
    let without = preview(&world, 0, &["invoice", KEY]);
    assert_eq!(part(only(&without), "lines 2030/1/91/1/2")["action"], "gone", "{without}");

    // a record that SYSPRO does not have
    let nobody = preview(&world, 3, &["invoice", "SENT/NONE"]);
    let record = only(&nobody);
    assert_eq!((&record["outcome"], &record["source"]), (&Value::from("not_in_syspro"), &Value::Null), "{record}");
    assert!(record["problem"]["text"].as_str().unwrap().contains("SYSPRO does not have it"), "{record}");
    let other = preview(&world, 3, &["invoice", "SENT"]);
    assert!(only(&other)["problem"]["text"].as_str().unwrap().contains("Supplier/Invoice"), "{other}");
    // what is not there
    assert_eq!(world.command(&["preview", COMPANY, "nothing"]).output().unwrap().status.code(), Some(2));
    // a system that does not answer
    world.syspro.faults.push(FaultRule::always(Fault::Status(503)));
    let out = world.command(&["preview", COMPANY, "invoice", KEY]).output().unwrap();
    assert!(out.status.code() == Some(5) && text(&out).contains("SYSPRO could not be read"), "{}", text(&out));
}

#[test]
fn missing_codes_are_named_and_stop_no_other_record_and_other_definitions_can_be_tried() {
    let world = World::before();
    // SYSPRO's credential alone
    let (name, user, password) = &world.credentials[0];
    let path = world.site.path("password");
    std::fs::write(&path, password).unwrap();
    run(&world, 0, &["migrate"]);
    let mut set = world.command(&["credential", "set", name, "--username", user, "--password-stdin"]);
    assert!(set.stdin(std::fs::File::open(path).unwrap()).output().unwrap().status.success());
    add_invoice(&world);
    world.syspro.update(COMPANY, "ApInvoice", INVOICE, &[("Currency", "@")]).unwrap();

    let alone = preview(&world, 3, &["invoice", KEY]);
    assert!(alone["not_compared"].as_str().unwrap().contains("there is no credential `servicenow`"), "{alone}");
    let record = only(&alone);
    assert_eq!((&record["outcome"], &record["problem"]["field"]), (&Value::from("fails"), &Value::from("u_currency")), "{record}");
    let code = &record["missing_codes"][0];
    assert_eq!((&code["list"], &code["code"]), (&Value::from("currency"), &Value::from("@")), "{record}");

    // beside others: the first of SYSPRO's keys, and the same record among all of them
    let first = preview(&world, 3, &["invoice", "--limit", "3"]);
    assert_eq!((first["records"].as_array().unwrap().len(), &first["more"]), (3, &Value::from(true)), "{first}");
    let all = preview(&world, 3, &["invoice", "--limit", "1000"]);
    let outcomes: Vec<&str> = all["records"].as_array().unwrap().iter().map(|record| record["outcome"].as_str().unwrap()).collect();
    assert_eq!((outcomes.iter().filter(|outcome| **outcome == "fails").count(), &all["more"]), (1, &Value::from(false)), "{outcomes:?}");
    assert!(outcomes.len() > 20, "{outcomes:?}");

    // definitions that are not in force, and a directory with a mistake
    let directory = world.site.path("tried");
    std::fs::create_dir_all(directory.join("lookups")).unwrap();
    let list = directory.join("lookups/currency.toml");
    std::fs::write(&list, "otherwise = \"iso\"\n[codes]\n\"$\" = \"USD\"\n\"R\" = \"ZAR\"\n\"@\" = \"EUR\"\n").unwrap();
    let tried = ["invoice", KEY, "--definitions", directory.to_str().unwrap()];
    let found = preview(&world, 3, &tried);
    assert_eq!(found["definition_in_force"], false);
    let record = only(&found);
    assert_eq!(
        (&record["outcome"], &part(record, "header")["fields"]["u_currency"]),
        (&Value::from("waits"), &Value::from("EUR")),
        "{record}"
    );
    assert_eq!(part(record, "header")["action"], "not_compared", "{record}");
    std::fs::write(&list, "colour = 1\n").unwrap();
    let out = world.command(&[&["preview", COMPANY], &tried[..]].concat()).output().unwrap();
    assert!(out.status.code() == Some(4) && text(&out).contains("colour"), "{}", text(&out));

    // a ledger without tables is not given any
    let empty = World::before();
    empty.database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    let out = empty.command(&["preview", COMPANY, "invoice"]).output().unwrap();
    assert!(out.status.code() == Some(4) && text(&out).contains("tieline migrate"), "{}", text(&out));
    assert_eq!(
        empty.database.psql("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"),
        "0"
    );
}

/// The API and the console show the same as the command, to those who operate.
fn the_interfaces_agree(world: &World, node: &Node, found: &Value) {
    let key = node.key(world);
    let get = |query: &str, key: &str| {
        let (status, _, body) = ask(&node.site, "GET", &format!("/api/v1/preview{query}"), Some(key), "").unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let wanted = format!("?company={COMPANY}&entity=purchase_order&limit=2");
    let person = Person::sign_in(&node.site, &key);
    let written = || {
        (
            world.database.psql("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM version), (SELECT count(*) FROM delivery)"),
            world.servicenow.writes(),
        )
    };
    let before = written();
    let (status, answer) = get(&wanted, &key);
    assert_eq!((status, &answer["records"], &answer["more"]), (200, &found["records"], &Value::from(true)), "{answer}");
    let order = found["records"][0]["key"].as_str().unwrap();
    let one = get(&format!("?company={COMPANY}&entity=purchase_order&key={order}"), &key).1;
    assert_eq!(only(&one), &found["records"][0]);
    for (query, status) in [("?company=EDU1", 422), ("?company=EDU1&entity=supplier&limit=51", 400), ("?company=EDU1&entity=nothing", 422)]
    {
        assert_eq!(get(query, &key).0, status, "{query}");
    }
    let page = person.get(&format!("/preview?company={COMPANY}&entity=purchase_order&key={order}"));
    assert_eq!(page.status, 200, "{}", page.body);
    for words in ["unchanged</span>", "nothing: the row has these values", "that of version 1", "OrderEntryDate"] {
        assert!(page.body.contains(words), "no {words}: {}", page.body);
    }
    let words = ["/preview?company", "href=\"/preview\""];
    for (path, link) in [(format!("/records/{COMPANY}/purchase_order/{order}"), words[0]), ("/records".to_owned(), words[1])] {
        assert!(person.get(&path).body.contains(link), "no {link} on {path}");
    }
    assert_eq!(person.get("/preview").status, 200);
    assert_eq!(written(), before);
    // those who only read do not
    let out = node.command(world, &["api-key", "add", "reader", "--role", "viewer"]).output().unwrap();
    let reader = String::from_utf8(out.stdout).unwrap();
    assert_eq!(get(&wanted, reader.trim()).0, 403);
    let reader = Person::sign_in(&node.site, reader.trim());
    assert_eq!(reader.get("/preview").status, 403);
    assert!(!reader.get("/records").body.contains("href=\"/preview"));
}

#[test]
fn a_preview_works_while_the_service_runs() {
    let world = World::start();
    let mut node = Node::new(&world);
    for entity in ENTITIES {
        node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    wait_until("the first polls", || {
        world.database.psql("SELECT count(*) >= 6 AND bool_and(ended_at IS NOT NULL) FROM run WHERE requested_by = 'schedule'") == "t"
    });
    let nodes = world.database.psql("SELECT count(*) FROM node");
    let out = node.command(&world, &["preview", "--output", "json", COMPANY, "purchase_order", "--limit", "2"]).output().unwrap();
    let found: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
    let records = found["records"].as_array().unwrap();
    assert!(records.len() == 2 && records.iter().all(|record| record["outcome"] == "unchanged"), "{found}");
    assert_eq!(world.database.psql("SELECT count(*) FROM node"), nodes, "it is no node");
    // a line has the sys_id of its order's row, as ServiceNow has it
    let line = records.iter().flat_map(|record| record["parts"].as_array().unwrap()).find(|part| part["part"] != "header").unwrap();
    let reference = &line["references"][0];
    let order = world.servicenow.row("proc_po", reference["sys_id"].as_str().unwrap()).unwrap();
    assert_eq!(order["u_source_key"], format!("{COMPANY}/purchase_order/{}", reference["key"].as_str().unwrap()), "{line}");
    the_interfaces_agree(&world, &node, &found);
    assert_eq!(node.terminate(), Some(0));
}
