//! What was sent of a record is shown as ServiceNow received it: for each version and attempt the fields, the definition and the outcome.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::{ENTITIES, Node};
use crate::support::world::{COMPANY, REFUSED_DATE, World};

const KEY: &str = "SENT/S-1";
const INVOICE: &[(&str, &str)] = &[("Supplier", "SENT"), ("Invoice", "S-1")];
const JOURNAL: &[(&str, &str)] = &[("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "91"), ("EntryNumber", "1")];

type Row = BTreeMap<String, String>;

fn ended(world: &World, code: i32, arguments: &[&str]) -> String {
    let out = world.command(arguments).output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    String::from_utf8(out.stdout).unwrap()
}

fn sent(world: &World, entity: &str, key: &str, more: &[&str]) -> Value {
    let said = ended(world, 0, &[&["record", COMPANY, entity, key, "--output", "json", "--sent"], more].concat());
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn items(sent: &Value) -> &Vec<Value> {
    sent["items"].as_array().unwrap()
}

fn set(world: &World, values: &[(&str, &str)]) {
    world.syspro.update(COMPANY, "ApInvoice", INVOICE, values).unwrap();
}

/// The rows that the simulator received for a part, in their order. Its staging tables keep them as they came.
fn received(world: &World, table: &str, column: &str, value: &str) -> Vec<Row> {
    world.servicenow.rows(table).into_iter().filter(|row| row.get(column).is_some_and(|text| text == value)).collect()
}

/// Asserts that a shown delivery has the fields of a received row.
fn same(shown: &Value, received: &Row) {
    let fields = shown["fields"].as_object().unwrap();
    assert!(fields.len() > 10, "{shown}");
    for (name, value) in fields {
        // an import set clears a field by the word NULL, and the simulator leaves empty columns out
        let there = received.get(name).map(String::as_str).filter(|text| *text != "NULL").unwrap_or_default();
        assert_eq!(value.as_str().unwrap(), there, "{name} of {shown}, received {received:?}");
    }
}

/// An invoice with two lines, of a supplier of its own.
pub fn add_invoice(world: &World) {
    let today = chrono::Utc::now().date_naive().to_string();
    let add = |table: &str, values: &[&[(&str, &str)]]| world.syspro.insert(COMPANY, table, &values.concat()).unwrap();
    add("ApSupplier", &[&[("Supplier", "SENT"), ("SupplierName", "Sent Ltd"), ("Currency", "R")]]);
    let values = [
        ("InvoiceDate", today.as_str()),
        ("JournalDate", &today),
        ("OrigInvValue", "1250.50"),
        ("MthInvBal1", "1250.50"),
        ("Currency", "R"),
    ];
    add("ApInvoice", &[INVOICE, &values]);
    add("ApJnlSummary", &[JOURNAL, INVOICE, &[("TransactionCode", "I"), ("TrnDate", &today)]]);
    for (line, amount) in [("1", "1000.00"), ("2", "250.50")] {
        add("ApJnlDistrib", &[JOURNAL, &[("SubEntry", line), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", amount)]]);
    }
}

fn delete_invoice(world: &World) {
    let delete = |table: &str, key: &[&[(&str, &str)]]| world.syspro.delete(COMPANY, table, &key.concat()).unwrap();
    delete("ApInvoice", &[INVOICE]);
    delete("ApJnlSummary", &[JOURNAL]);
    for line in ["1", "2"] {
        delete("ApJnlDistrib", &[JOURNAL, &[("SubEntry", line)]]);
    }
}

#[test]
fn every_version_and_attempt_shows_the_fields_that_servicenow_received() {
    let world = World::start();
    add_invoice(&world);
    ended(&world, 0, &["sync"]);
    // a changed amount, a version that ServiceNow refuses, its correction, a replay, and the end of the record in SYSPRO
    set(&world, &[("OrigInvValue", "1300.00"), ("MthInvBal1", "1300.00")]);
    ended(&world, 0, &["sync", "--entity", "invoice"]);
    set(&world, &[("DueDate", REFUSED_DATE)]);
    ended(&world, 3, &["sync", "--entity", "invoice"]);
    set(&world, &[("DueDate", "2031-01-02")]);
    ended(&world, 0, &["sync", "--entity", "invoice"]);
    ended(&world, 0, &["replay", "--company", COMPANY, "--entity", "invoice", "--key", KEY, "--why", "a test"]);
    delete_invoice(&world);
    ended(&world, 0, &["sync", "--sweep", "--entity", "invoice"]);

    let all = sent(&world, "invoice", KEY, &[]);
    assert_eq!((all["newest_version"].as_i64(), &all["next"], &all["notes"]), (Some(5), &Value::Null, &serde_json::json!([])), "{all}");
    let headers: Vec<&Value> = items(&all).iter().rev().filter(|item| item["part"] == "header").collect();
    let of = |item: &Value| {
        (item["version"].as_i64().unwrap(), item["action"].as_str().unwrap().to_owned(), item["state"].as_str().unwrap_or("-").to_owned())
    };
    let told: Vec<_> = headers.iter().map(|item| of(item)).collect();
    let expected = [
        (1, "upsert", "delivered"),
        (2, "upsert", "delivered"),
        (3, "upsert", "superseded"),
        (4, "upsert", "delivered"),
        (4, "upsert", "delivered"),
        (5, "gone", "delivered"),
    ];
    assert_eq!(told, expected.map(|(version, action, state)| (version, action.to_owned(), state.to_owned())));

    // the header as it arrived each time
    let staged = received(&world, "sn_apo_invoice", "u_supplier_invoice_number", "S-1");
    assert_eq!(staged.len(), headers.len(), "{staged:?}");
    headers.iter().zip(&staged).for_each(|(shown, received)| same(shown, received));
    let amount = |item: &Value| item["fields"]["u_amount_invoiced"].as_str().unwrap().to_owned();
    assert_eq!((amount(headers[0]), amount(headers[1])), ("1250.50".to_owned(), "1300.00".to_owned()));
    assert_eq!(headers[0]["currencies"]["u_amount_invoiced"], "ZAR");
    assert_eq!(headers[5]["fields"]["u_source_state"], "removed", "{}", headers[5]);
    // and each line
    for line in ["1", "2"] {
        let key = format!("lines 2030/1/91/1/{line}");
        let shown: Vec<&Value> = items(&all).iter().rev().filter(|item| item["part"] == key.as_str()).collect();
        let mut staged = received(&world, "sn_apo_invoice_line", "u_supplier_invoice_number", "S-1");
        staged.retain(|row| row["u_line_number"] == line);
        assert_eq!((shown.len(), staged.len()), (3, 3), "{key}: {shown:?} {staged:?}");
        shown.iter().zip(&staged).for_each(|(shown, received)| same(shown, received));
        assert_eq!(shown[0]["currencies"]["u_line_amount_invoiced"], "ZAR");
    }

    // the attempts, with the row and ServiceNow's words
    let row = world.servicenow.find("x_apo_invoice", "u_supplier_invoice_number", "S-1").unwrap();
    for (item, (version, _, state)) in headers.iter().zip(&told) {
        let attempt = item["attempts"].as_array().unwrap().first().unwrap_or_else(|| panic!("{item}"));
        assert!(attempt["how"] == "sent" && attempt["batch_id"].is_string() && attempt["began_at"].is_string(), "{attempt}");
        assert_eq!(attempt["sys_id"].as_str(), (state == "delivered").then_some(row["sys_id"].as_str()), "{version}: {attempt}");
    }
    let refused = &headers[2]["attempts"];
    assert!(refused[0]["outcome"] == "failed" && refused[0]["message"].as_str().unwrap().contains("Period is closed"), "{refused}");
    assert!(refused[1]["outcome"] == "superseded" && refused[1]["how"].is_null(), "{refused}");

    // the definition in force, and the same mapping gives the same fields
    let in_force: Value = serde_json::from_str(&ended(&world, 0, &["definitions", "list", "--output", "json"])).unwrap();
    let newest = in_force.as_array().unwrap_or_else(|| in_force["items"].as_array().unwrap()).first().unwrap().clone();
    for item in &headers {
        assert_eq!((&item["definition"]["number"], &item["definition"]["hash"]), (&newest["number"], &newest["hash"]), "{item}");
        assert!(item["definition"]["mapping_hash"].is_string(), "{item}");
        assert_eq!(item["maps_the_same"].as_bool(), (item["action"] == "upsert").then_some(true), "{item}");
    }

    // one version, one part
    let second = sent(&world, "invoice", KEY, &["2"]);
    assert!(items(&second).iter().all(|item| item["version"] == 2) && items(&second).len() == 1, "{second}");
    assert_eq!(items(&sent(&world, "invoice", KEY, &["--part", "lines"])).len(), 6);
    let none = sent(&world, "invoice", KEY, &["9"]);
    assert!(items(&none).is_empty() && none["notes"][0] == "There is no version 9: the newest is version 5.", "{none}");
    let shell = ended(&world, 0, &["record", COMPANY, "invoice", KEY, "--sent", "2"]);
    let words = shell.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("u_amount_invoiced 1300.00 (ZAR)") && words.contains("sent: ServiceNow has it: updated, x_apo_invoice"),
        "{shell}"
    );
    let wide: Vec<&str> = shell.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "wider than 80 columns: {wide:?}");

    the_interfaces_agree(&world, &all);

    // a stored field that somebody changed differs from what the same mapping makes of the version
    world.database.psql("UPDATE delivery SET payload = replace(payload, '1300.00', '1.00') WHERE version = 2 AND payload LIKE '%1300.00%'");
    let changed = sent(&world, "invoice", KEY, &["2"]);
    let item = &items(&changed)[0];
    assert!(item["maps_the_same"] == false && item["notes"][0].as_str().unwrap().contains("u_amount_invoiced"), "{item}");

    // what retention removed is said to be unknown, with what the audit still has
    let id = world.database.psql("SELECT id FROM document WHERE entity = 'invoice' AND key = 'SENT/S-1'");
    world.database.psql(&format!(
        "DELETE FROM delivery WHERE document_id = {id} AND version = 2; DELETE FROM version WHERE document_id = {id} AND version = 2"
    ));
    let removed = sent(&world, "invoice", KEY, &["2"]);
    let item = &items(&removed)[0];
    assert!(item["fields"].is_null() && item["part"].is_null() && item["definition"]["number"].is_null(), "{item}");
    assert!(item["notes"][0].as_str().unwrap().starts_with("Retention removed this delivery"), "{item}");
    assert_eq!(
        (item["state"].as_str(), item["attempts"][0]["sys_id"].as_str()),
        (Some("delivered"), Some(row["sys_id"].as_str())),
        "{item}"
    );
    // without the events too, nothing is known
    world.database.psql(&format!("DELETE FROM event WHERE documents @> ARRAY[{id}::bigint]"));
    let gone = sent(&world, "invoice", KEY, &["2"]);
    assert_eq!(gone["notes"][0], "Version 2 and what was sent of it are not known any more: retention removed them.", "{gone}");
}

/// The API and the console show the same as the command.
fn the_interfaces_agree(world: &World, all: &Value) {
    let mut node = Node::new(world);
    for entity in ENTITIES {
        node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 1 1 *");
    }
    node.start_and_wait(world);
    let key = node.key(world);
    let get = |path: &str| {
        let (status, _, body) = ask(&node.site, "GET", path, Some(&key), "").unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let path = format!("/api/v1/records/{COMPANY}/invoice/{KEY}/sent");
    let (status, answer) = get(&path);
    assert_eq!((status, &answer["items"]), (200, &all["items"]));
    assert_eq!(get(&path.replace("T/S", "T%2FS")).1["items"], all["items"], "the slash of the key, encoded");
    // page by page
    let (mut after, mut pages) = (String::new(), Vec::new());
    loop {
        let (_, page) = get(&format!("{path}?limit=5{after}"));
        pages.extend(items(&page).clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(&pages, items(all));
    assert_eq!(get(&format!("{path}?version=2&part=header")).1["items"].as_array().unwrap().len(), 1);
    for wrong in ["version=0", "version=x", "limit=0"] {
        assert_eq!(get(&format!("{path}?{wrong}")).0, 400, "{wrong}");
    }
    assert_eq!(get(&format!("/api/v1/records/{COMPANY}/invoice/NOBODY/1/sent")).0, 404);

    let person = Person::sign_in(&node.site, &key);
    let page = person.get(&format!("/records/{COMPANY}/invoice/SENT%2FS-1/sent?version=2"));
    assert_eq!(page.status, 200, "{}", page.body);
    for words in
        ["1,300.00 <span class=\"currency\">ZAR</span>", "Version 2, header", "ServiceNow has it: updated", "gives the same fields"]
    {
        assert!(page.body.contains(words), "no {words}: {}", page.body);
    }
    let record = person.get(&format!("/records/{COMPANY}/invoice/SENT%2FS-1"));
    assert!(record.body.contains(&format!("/records/{COMPANY}/invoice/SENT%2FS-1/sent?version=2")), "{}", record.body);
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_reference_by_sys_id_shows_the_record_and_its_row() {
    let world = World::start();
    let order = world.database.psql(
        "SELECT d.key FROM document d JOIN delivery l ON l.document_id = d.id \
         WHERE d.entity = 'purchase_order' AND l.block = 'lines' ORDER BY l.id LIMIT 1",
    );
    let shown = sent(&world, "purchase_order", &order, &["--part", "lines"]);
    let line = &items(&shown)[0];
    let reference = &line["references"][0];
    assert_eq!((reference["field"].as_str(), reference["entity"].as_str()), (Some("purchase_order"), Some("purchase_order")), "{line}");
    let row = world.servicenow.rows("proc_po").into_iter().find(|row| Some(row["sys_id"].as_str()) == reference["sys_id"].as_str());
    assert!(row.is_some() && reference["key"] == order.as_str(), "{reference} of {order}");
    let items = world.servicenow.rows("proc_po_item");
    let item = items.iter().find(|row| Some(row["sys_id"].as_str()) == line["attempts"][0]["sys_id"].as_str()).expect("its row");
    assert_eq!(Some(item["purchase_order"].as_str()), reference["sys_id"].as_str());
}
