//! SYSPRO's answers are checked: order, number, keys and every single row.

mod left_out;
mod placeholders;
mod shown;
mod unreadable;

use std::process::Command;

use serde_json::Value;
use tieline_sim::syspro::{RawText, Release};

use crate::binary::text;
use crate::support::source;
use crate::support::world::{COMPANY, World};

const SWEEP: &[&str] = &["sync", "--entity", "supplier", "--sweep"];
const TABLE: &str = "x_apo_supplier";

/// The exit code, and what was said on either channel.
fn say(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let out = world.command(arguments).output().unwrap();
    (out.status.code(), text(&out))
}

fn flow(world: &World, entity: &str) -> Value {
    let out = world.command(&["--output", "json", "status"]).output().unwrap();
    let status: Value = serde_json::from_slice(&out.stdout).unwrap();
    status["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == entity).unwrap().clone()
}

fn failures(world: &World, entity: &str) -> Vec<Value> {
    let out = world.command(&["--output", "json", "failures"]).output().unwrap();
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    let rows = all.as_array().or_else(|| all["failures"].as_array()).unwrap_or_else(|| panic!("{all}"));
    rows.iter().filter(|row| row["entity"] == entity).cloned().collect()
}

fn failed(world: &World) -> Vec<(String, String)> {
    failed_of(world, "supplier")
}

/// Key and message of what failed, in the order of the keys.
fn failed_of(world: &World, entity: &str) -> Vec<(String, String)> {
    let word = |row: &Value, name: &str| row[name].as_str().unwrap_or_else(|| panic!("{row}")).to_owned();
    let mut all: Vec<(String, String)> = failures(world, entity).iter().map(|row| (word(row, "key"), word(row, "message"))).collect();
    all.sort();
    all
}

/// Gives the credential of one of the interfaces.
fn set_source(world: &mut World, source: &str) {
    if source == "enet" {
        world.credentials[0] = ("syspro-enet", "TIELINE".into(), "enet-secret".into());
    }
    world.set_credentials(&|arguments| world.command(arguments));
}

/// A command that reads through one of the interfaces.
fn sourced(world: &World, source: &str, arguments: &[&str]) -> Command {
    let mut command = world.command(arguments);
    command.env("TIELINE__SYSPRO__SOURCE", source).env("TIELINE__SYSPRO__ENET_URL", world.syspro.enet_url.as_str());
    command
}

/// The exit code, and what was said on either channel.
fn through(world: &World, source: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let out = sourced(world, source, arguments).output().unwrap();
    (out.status.code(), text(&out))
}

fn supplier(world: &World, number: &str, name: &str) {
    let values = [("Supplier", number), ("SupplierName", name), ("Currency", "R")];
    world.syspro.insert(COMPANY, "ApSupplier", &values).unwrap();
    world.syspro.insert(COMPANY, "ApSupplierAddr", &[("Supplier", number)]).unwrap();
}

fn arrived(world: &World, number: &str) -> Option<String> {
    world.servicenow.find(TABLE, "u_supplier_number", number).map(|row| row["u_name"].clone())
}

fn gone(world: &World) -> String {
    world.database.psql("SELECT count(*) FROM document WHERE deleted")
}

fn raw(text: &str, json: &[u8], xml: &str) -> RawText {
    RawText { text: text.into(), json: json.into(), xml: xml.into() }
}

#[test]
fn a_service_that_ignores_the_order_is_named_and_nothing_is_marked_as_gone() {
    let world = World::start();
    let watermark = "SELECT watermark, last_sweep_at FROM flow WHERE entity = 'supplier'";
    let (before, writes) = (world.database.psql(watermark), world.servicenow.writes());
    world.syspro.switch(|switches| (switches.ignore_order, switches.row_cap) = (true, 7));
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`ApSupplier`") && said.contains("is not in the order of the key asked for (Supplier)"), "{said}");
    assert!(said.contains("Reading again gives the same") && said.contains("`syspro.key_order = \"any\"`"), "{said}");
    assert_eq!((gone(&world).as_str(), world.servicenow.writes(), world.database.psql(watermark)), ("0", writes, before.clone()));

    // another collation is believed as far as all collations agree: digits out of order are not
    let mut any = world.command(SWEEP);
    let out = any.env("TIELINE__SYSPRO__KEY_ORDER", "any").output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert_eq!(gone(&world), "0");

    world.syspro.switch(|switches| (switches.ignore_order, switches.row_cap) = (false, 7));
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(0), "{said}");
    assert_ne!(world.database.psql(watermark), before);
    world.check().unwrap();
}

#[test]
fn a_service_that_leaves_rows_out_is_found_by_its_own_count_or_by_what_is_missing() {
    let world = World::start();
    let writes = world.servicenow.writes();
    world.syspro.switch(|switches| switches.left_out = Some(("ApSupplier".into(), 5)));
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the read is not complete") && said.contains("`syspro.count_check = false`"), "{said}");
    assert!(flow(&world, "supplier")["stopped"].is_null(), "rows may have come and gone: the next run reads again");

    // a service that cannot count: half of the table is more than may go missing
    world.syspro.switch(|switches| (switches.left_out, switches.count) = (Some(("ApSupplier".into(), 2)), false));
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("did not see") && said.contains("`flows.max_shrink_percent` (30)") && said.contains("--accept-smaller"),
        "{said}"
    );
    assert_eq!((gone(&world).as_str(), world.servicenow.writes()), ("0", writes));
    assert!(flow(&world, "supplier")["stopped"].as_str().unwrap().contains("did not see"));

    // resumed while it goes on, it stops again; put right, it goes on
    assert_eq!(say(&world, &["flow", "resume", COMPANY, "supplier", "--why", "checked"]).0, Some(0));
    assert!(say(&world, SWEEP).1.contains("did not see"));
    world.syspro.switch(|switches| switches.left_out = None);
    assert!(say(&world, SWEEP).1.contains("is stopped"));
    assert_eq!(say(&world, &["flow", "resume", COMPANY, "supplier", "--why", "the view was corrected"]).0, Some(0));
    assert_eq!(say(&world, SWEEP).0, Some(0));
    assert_eq!((gone(&world).as_str(), world.servicenow.writes()), ("0", writes));
}

#[test]
fn a_table_that_was_full_and_is_empty_stops_its_flow_before_anything_is_emptied_until_a_person_accepts_it() {
    let world = World::start();
    for n in 0..6 {
        supplier(&world, &format!("FULL{n}"), "Full");
        world.syspro.update(COMPANY, "ApSupplierAddr", &[("Supplier", &format!("FULL{n}"))], &[("SupAddr1", "1 Main Road")]).unwrap();
    }
    world.rest(SWEEP).unwrap();
    let street = |number: &str| street(&world, number);
    assert_eq!(street("FULL0"), "1 Main Road");
    let rows: Vec<String> = world.syspro.with(|data| {
        let table = data.company(COMPANY).unwrap().table("ApSupplierAddr").unwrap();
        table.slots().map(|slot| table.cell(slot, 0).text().to_owned()).collect()
    });
    for number in &rows {
        world.syspro.delete(COMPANY, "ApSupplierAddr", &[("Supplier", number)]).unwrap();
    }
    let writes = world.servicenow.writes();
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("table `ApSupplierAddr` had ") && said.contains("and now has 0") && said.contains("--accept-smaller"), "{said}");
    assert_eq!((world.servicenow.writes(), street("FULL0").as_str()), (writes, "1 Main Road"));
    assert!(flow(&world, "supplier")["stopped"].as_str().unwrap().contains("ApSupplierAddr"));

    let resume = ["flow", "resume", COMPANY, "supplier", "--accept-smaller", "--why", "addresses are kept elsewhere now"];
    assert_eq!(say(&world, &resume).0, Some(0));
    world.rest(SWEEP).unwrap();
    assert_eq!(street("FULL0"), "");
    // accepted once: it has no row now, and the next loss is another one
    assert_eq!(world.database.psql("SELECT sizes ->> 'accept' FROM flow WHERE entity = 'supplier'"), "");
    world.rest(SWEEP).unwrap();
}

/// The street of a supplier as it was last sent.
fn street(world: &World, number: &str) -> String {
    world.database.psql(&format!(
        "SELECT l.payload::jsonb ->> 'u_street' FROM delivery l JOIN document d ON d.id = l.document_id \
         WHERE d.entity = 'supplier' AND d.key = '{number}' ORDER BY l.id DESC LIMIT 1"
    ))
}

fn has_street(world: &World, number: &str) -> bool {
    street(world, number).starts_with("1 Main Road")
}

/// Every supplier with a street, as it has arrived; their numbers in order.
fn with_streets(world: &World) -> Vec<String> {
    for n in 0..8 {
        supplier(world, &format!("000000{n}"), "Full");
    }
    let mut all = source::rows(&world.syspro, COMPANY, "ApSupplierAddr", |c| c("Supplier").text().to_owned());
    all.sort();
    for number in &all {
        world.syspro.update(COMPANY, "ApSupplierAddr", &[("Supplier", number)], &[("SupAddr1", "1 Main Road")]).unwrap();
    }
    world.rest(SWEEP).unwrap();
    // an apostrophe and a leading blank are written otherwise in a statement and in a key
    all.retain(|number| number.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(all.iter().all(|number| has_street(world, number)));
    all
}

#[test]
fn what_a_whole_read_leaves_out_and_a_question_by_key_does_not_is_not_gone() {
    let world = World::start();
    let writes = world.servicenow.writes();
    world.syspro.switch(|switches| {
        (switches.left_out, switches.left_out_of_scans, switches.count) = (Some(("ApSupplier".into(), 9)), true, false);
    });
    for _ in 0..2 {
        let (code, said) = say(&world, SWEEP);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("when Tieline read them by key") && said.contains("the read is not complete"), "{said}");
        assert_eq!((gone(&world).as_str(), world.servicenow.writes()), ("0", writes));
    }
    assert!(flow(&world, "supplier")["stopped"].is_null(), "the next run reads again");
    // what is not there by key either is gone
    world.syspro.switch(|switches| switches.left_out = None);
    let (number, ended) = ("GONE1", "SELECT count(*) FROM document WHERE deleted AND key = 'GONE1'");
    supplier(&world, number, "Gone soon");
    world.rest(SWEEP).unwrap();
    world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", number)]).unwrap();
    world.rest(SWEEP).unwrap();
    assert_eq!(world.database.psql(ended), "1");
}

#[test]
fn of_a_table_that_shrinks_and_is_not_counted_no_record_is_emptied_before_the_flow_stops() {
    let world = World::start();
    let all = with_streets(&world);
    world.syspro.switch(|switches| switches.count = false);
    world.rest(SWEEP).unwrap();
    // the last two stay, so that the table is not empty
    for number in &all[..all.len() - 2] {
        world.syspro.delete(COMPANY, "ApSupplierAddr", &[("Supplier", number)]).unwrap();
    }
    let writes = world.servicenow.writes();
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("have lost most of their rows of table `ApSupplierAddr`"), "{said}");
    assert_eq!(world.servicenow.writes(), writes, "not even the first page's");
    assert!(all.iter().all(|number| has_street(&world, number)));
    assert!(flow(&world, "supplier")["stopped"].as_str().unwrap().contains("ApSupplierAddr"));
}

#[test]
fn a_loss_of_rows_is_believed_when_a_second_read_agrees() {
    let world = World::start();
    let all = with_streets(&world);
    // so few comparisons in one query that a page's addresses are read by a range
    let sweep = || {
        let out = world.command(SWEEP).env("TIELINE__SYSPRO__FILTER_LIMIT", "4").output().unwrap();
        (out.status.code(), text(&out))
    };
    world.syspro.switch(|switches| {
        (switches.left_out, switches.left_out_of_scans, switches.count) = (Some(("ApSupplierAddr".into(), 11)), true, false);
    });
    let writes = world.servicenow.writes();
    let (code, said) = sweep();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("had 0 rows of table `ApSupplierAddr`, and 1 when Tieline read it once more"), "{said}");
    assert_eq!(world.servicenow.writes(), writes);
    assert!(flow(&world, "supplier")["stopped"].is_null(), "the next run reads again");

    world.syspro.switch(|switches| switches.left_out = None);
    for number in &all[1..3] {
        world.syspro.delete(COMPANY, "ApSupplierAddr", &[("Supplier", number)]).unwrap();
    }
    let (code, said) = sweep();
    assert_eq!(code, Some(0), "{said}");
    for (at, number) in all.iter().enumerate() {
        assert_eq!(has_street(&world, number), ![1, 2].contains(&at), "{number}");
    }
}

#[test]
fn two_rows_with_one_key_fail_by_name_and_their_neighbours_go_on() {
    let world = World::start();
    for (number, name) in [("TWIN1", "First of two"), ("TWIN2", "Second of two"), ("TWIN3", "Neighbour")] {
        supplier(&world, number, name);
    }
    world.syspro.switch(|switches| switches.raw = vec![raw("TWIN2", b"\"TWIN1\"", "TWIN1")]);
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(3), "{said}");
    assert_eq!((arrived(&world, "TWIN1"), arrived(&world, "TWIN3").as_deref()), (None, Some("Neighbour")));
    let all = failed(&world);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].0, "TWIN1");
    for part in ["two rows of `ApSupplier` have this key (Supplier)", "`First of two` in one", "`Second of two` in the other"] {
        assert!(all[0].1.contains(part), "{part}: {}", all[0].1);
    }
    // the same at every read: no change, and no other choice
    let versions = world.database.psql("SELECT count(*) FROM version");
    say(&world, SWEEP);
    assert_eq!(world.database.psql("SELECT count(*) FROM version"), versions);
    // a replay maps what is stored, and makes no record of one of the two
    say(&world, &["replay", "--entity", "supplier", "--why", "try"]);
    assert_eq!(arrived(&world, "TWIN1"), None);

    world.syspro.switch(|switches| switches.raw.clear());
    world.rest(SWEEP).unwrap();
    assert_eq!((arrived(&world, "TWIN1").as_deref(), arrived(&world, "TWIN2").as_deref()), (Some("First of two"), Some("Second of two")));
    assert_eq!(failed(&world), []);
}

#[test]
fn a_null_and_an_empty_text_as_a_key_fail_by_name_and_their_neighbours_go_on() {
    let world = World::start();
    // they sort before every other key
    for (number, name) in [(" !A", "No key"), (" !B", "Empty key"), ("TWIN3", "Neighbour")] {
        supplier(&world, number, name);
    }
    world.syspro.switch(|switches| switches.raw = vec![raw(" !A", b"null", ""), raw(" !B", b"\"\"", "")]);
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(arrived(&world, "TWIN3").as_deref(), Some("Neighbour"));
    let names = world.servicenow.rows(TABLE).into_iter().filter_map(|row| row.get("u_name").cloned());
    assert!(!names.into_iter().any(|name| ["No key", "Empty key"].contains(&name.as_str())), "neither counts");
    let all = failed(&world);
    assert_eq!(all.len(), 1, "{all:?}");
    for part in ["two rows of `ApSupplier` have this key (Supplier)", "null in one", "`No key`", "`Empty key`"] {
        assert!(all[0].1.contains(part), "{part}: {all:?}");
    }
    world.syspro.switch(|switches| switches.raw.clear());
    world.rest(SWEEP).unwrap();
    assert_eq!(failed(&world), []);
}

#[test]
fn keys_that_differ_by_case_alone_stay_two_records_under_any_collation() {
    let world = World::start();
    for (number, name) in [("CASE1", "Capitals"), ("Case1", "One capital"), ("case1", "None")] {
        supplier(&world, number, name);
    }
    // pages of one record, so that the twins are on either side of each boundary
    let mut any = world.command(SWEEP);
    let out = any.env("TIELINE__SYSPRO__KEY_ORDER", "any").env("TIELINE__SYSPRO__PAGE_SIZE", "1").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    for (number, name) in [("CASE1", "Capitals"), ("Case1", "One capital"), ("case1", "None")] {
        assert_eq!(arrived(&world, number).as_deref(), Some(name));
    }
    assert_eq!((failed(&world), gone(&world).as_str()), (vec![], "0"));
}

#[test]
fn the_doctor_says_in_which_order_the_service_answers_and_whether_it_counts() {
    let world = World::start();
    let examined = |key_order: &str| {
        let mut command = world.command(&["doctor", "--output", "json", "--read-only"]);
        let out = command.env("TIELINE__SYSPRO__KEY_ORDER", key_order).output().unwrap();
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", text(&out)));
        let row = crate::doctor::rows(&answer, "SYSPRO EDU1 order and count")[0].clone();
        (row["verdict"].as_str().unwrap().to_owned(), row["found"].as_str().unwrap().to_owned())
    };
    let (verdict, found) = examined("binary");
    assert!(verdict == "ok" && found.contains("by code point, as `Latin1_General_BIN` sorts them"), "{found}");
    assert!(found.contains("rows are counted (`$count=true`)"), "{found}");
    world.syspro.switch(|switches| switches.count = false);
    let (verdict, found) = examined("binary");
    assert!(verdict == "ok" && found.contains("does not count rows") && found.contains("reads the record once more"), "{found}");
    world.syspro.switch(|switches| switches.ignore_order = true);
    let (verdict, found) = examined("any");
    assert!(verdict == "failed" && found.contains("do not come in the requested order: `"), "{found}");
}

#[test]
fn a_record_that_the_ledger_refuses_fails_alone() {
    let world = World::start();
    world.database.psql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.content LIKE '%Refused Ltd%' THEN \
         RAISE EXCEPTION 'this content cannot be kept' USING ERRCODE = '54000'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON version FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    for number in 0..20 {
        supplier(&world, &format!("R{number:02}"), if number == 13 { "Refused Ltd" } else { "Good" });
    }
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(3), "{said}");
    let all = failed(&world);
    assert_eq!(all.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["R13"], "{all:?}");
    assert!(all[0].1.contains("the ledger refuses this record") && all[0].1.contains("this content cannot be kept"), "{}", all[0].1);
    for number in (0..20).filter(|number| *number != 13) {
        assert_eq!(arrived(&world, &format!("R{number:02}")).as_deref(), Some("Good"));
    }
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", "R13")], &[("SupplierName", "Good again")]).unwrap();
    world.rest(SWEEP).unwrap();
    assert_eq!(failed(&world), []);
    assert_eq!(arrived(&world, "R13").as_deref(), Some("Good again"));
}
