//! A row without its own key is a failure, reported once, and never counts as a record.

use super::*;
use crate::console::Person;
use crate::support::node::Node;

/// Suppliers without an address, whose row is then the only one that has their number.
fn bare(world: &World, numbers: &[String]) {
    for number in numbers {
        world.syspro.insert(COMPANY, "ApSupplier", &[("Supplier", number), ("SupplierName", "Bare"), ("Currency", "R")]).unwrap();
    }
}

fn records(world: &World, entity: &str) -> i64 {
    flow(world, entity)["documents"].as_i64().unwrap()
}

fn keys(world: &World, entity: &str) -> Vec<String> {
    failed_of(world, entity).into_iter().map(|(key, _)| key).collect()
}

/// Records that are marked as gone.
fn records_gone(world: &World) -> String {
    world.database.psql("SELECT count(*) FROM document WHERE deleted AND key NOT LIKE '(%'")
}

/// What the last run of a flow counted: new, changed, gone, queued for ServiceNow, replaced, and the parts of both.
fn counted(world: &World, entity: &str) -> String {
    world.database.psql(&format!(
        "SELECT concat_ws(' ', new, changed, deleted, records, replaced, parts, parts_replaced) FROM run WHERE entity = '{entity}' \
         ORDER BY id DESC LIMIT 1"
    ))
}

#[test]
fn rows_without_a_key_count_neither_as_known_nor_as_gone_in_any_change_limit() {
    let world = World::start();
    let numbers: Vec<String> = (0..120).map(|n| format!("BARE{n:03}")).collect();
    bare(&world, &numbers);
    world.rest(SWEEP).unwrap();
    let before = records(&world, "supplier");
    world.syspro.switch(|switches| (switches.omitted, switches.count) = (numbers.iter().map(|n| n.as_str().into()).collect(), false));
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(3), "{said}");
    assert_eq!((keys(&world, "supplier").len(), records(&world, "supplier")), (120, before));
    assert_eq!(counted(&world, "supplier"), "0 0 0 0 0 0 0");

    world.syspro.switch(|switches| switches.omitted.clear());
    let out = world.command(SWEEP).env("TIELINE__FLOWS__MAX_GONE_PER_SWEEP", "10").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(flow(&world, "supplier")["stopped"].is_null());
    assert_eq!((keys(&world, "supplier").len(), records(&world, "supplier"), records_gone(&world).as_str()), (0, before, "0"));
    assert_eq!(counted(&world, "supplier"), "0 0 0 0 0 0 0");
}

/// One row whose place changes as neighbours come, through either interface.
fn one_row(source: &'static str) {
    let mut world = World::start();
    bare(&world, &["BAREA".into(), "BAREK".into(), "BARED".into()]);
    world.rest(SWEEP).unwrap();
    set_source(&mut world, source);
    let before = records(&world, "supplier");
    let command = |arguments: &[&str]| through(&world, source, arguments);
    world.syspro.switch(|switches| switches.omitted = vec!["BAREK".into()]);
    for (round, (new, place)) in
        [("BAREE", "(row after BAREE)"), ("BAREF", "(row after BAREF)"), ("BAREG", "(row after BAREG)")].iter().enumerate()
    {
        bare(&world, &[(*new).to_owned()]);
        let (code, said) = command(SWEEP);
        assert_eq!(code, Some(3), "{said}");
        assert_eq!(keys(&world, "supplier"), [*place]);
        assert_eq!(records(&world, "supplier"), before + 1 + round as i64);
        assert!(counted(&world, "supplier").starts_with("1 0 0 1 0 1 0"), "{}", counted(&world, "supplier"));
    }
    // any of those not seen could be the one
    world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", "BARED")]).unwrap();
    assert_eq!(command(SWEEP).0, Some(3));
    assert_eq!((records_gone(&world).as_str(), keys(&world, "supplier").len()), ("0", 1));
    world.syspro.switch(|switches| switches.omitted.clear());
    let (code, said) = command(SWEEP);
    assert!(matches!(code, Some(0)), "{said}");
    assert_eq!((records_gone(&world).as_str(), keys(&world, "supplier").len(), records(&world, "supplier")), ("1", 0, before + 3));
}

#[test]
fn a_row_without_a_key_is_told_of_once_however_its_neighbours_change_through_odata() {
    one_row("odata");
}

#[test]
fn a_row_without_a_key_is_told_of_once_however_its_neighbours_change_through_enet() {
    one_row("enet");
}

#[test]
fn a_row_without_a_key_is_told_of_once_by_polls_and_whole_reads() {
    let world = World::start();
    let (code, said) = say(&world, &["sync"]);
    assert_eq!(code, Some(0), "{said}");
    let today = chrono::Utc::now().date_naive().to_string();
    bare(&world, &["BARE".into()]);
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(0), "{said}");
    let before = records(&world, "invoice");
    let own = [("Supplier", "BARE"), ("Invoice", "BARE5"), ("OrigInvValue", "12.50"), ("Currency", "R")];
    world.syspro.insert(COMPANY, "ApInvoice", &[&own[..], &[("InvoiceDate", &today), ("JournalDate", &today)]].concat()).unwrap();
    world.syspro.switch(|switches| switches.omitted = vec!["BARE5".into()]);
    let poll = &["sync", "--entity", "invoice"][..];
    let sweep = &["sync", "--entity", "invoice", "--sweep"][..];
    let mut places = Vec::new();
    for (round, command) in [poll, poll, sweep, poll, sweep].into_iter().enumerate() {
        let (code, said) = say(&world, command);
        assert_eq!(code, Some(3), "{said}");
        let told = keys(&world, "invoice");
        assert_eq!((told.len(), records(&world, "invoice")), (1, before), "round {round}: {told:?}");
        places.extend(told);
    }
    assert_ne!(places[0], places[2], "a poll and a whole read give it another place");
    world.syspro.switch(|switches| switches.omitted.clear());
    let (code, said) = say(&world, sweep);
    assert_eq!(code, Some(0), "{said}\n{:?}", failed_of(&world, "invoice"));
    assert_eq!((keys(&world, "invoice").len(), records(&world, "invoice")), (0, before + 1));
}

#[test]
fn the_ledger_and_the_service_agree_on_which_keys_stand_for_a_row() {
    use tieline::domain::DocumentKey;
    let world = World::start();
    let all = [
        "(row after 7)",
        "(row 2 after 7)",
        "(first row)",
        "(first row of T)",
        "(row of T for 7)",
        "(row) 7",
        "(a row)",
        "row after 7",
        "7",
        "",
    ];
    for key in all {
        let before = records(&world, "supplier");
        world
            .database
            .psql(&format!("INSERT INTO document (company, entity, key, version, hash) VALUES ('{COMPANY}', 'supplier', '{key}', 1, '')"));
        let counted = records(&world, "supplier") - before;
        assert_eq!(counted == 0, DocumentKey::from_text(key).stands_for_a_row(), "{key}");
    }
}

#[test]
fn a_record_that_could_not_be_read_says_so_and_is_not_offered_what_cannot_help() {
    let world = World::start();
    supplier(&world, "UNREAD", "Known before");
    let update = |values: &[(&str, &str)]| world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", "UNREAD")], values).unwrap();
    update(&[("Telephone", "011 555")]);
    world.rest(SWEEP).unwrap();
    world.syspro.switch(|switches| switches.omitted = vec!["Known before".into()]);
    assert_eq!(say(&world, SWEEP).0, Some(3));
    assert_eq!(failures(&world, "supplier")[0]["reason"], "unreadable");
    let record = || say(&world, &["record", COMPANY, "supplier", "UNREAD"]).1;
    let said = record();
    assert!(said.contains("  could not be read: its row of `ApSupplier` came without") && said.contains("  what to do: "), "{said}");
    assert!(!said.contains("is gone") && !said.contains("refused") && !said.contains("011 555"), "{said}");

    // what is read again is compared with what was known
    update(&[("SupplierName", "Known again")]);
    world.rest(SWEEP).unwrap();
    let said = record();
    assert!(
        said.contains("`Known before` is now `Known again`") && !said.contains("nothing is now") && !said.contains("$faults"),
        "{said}"
    );

    world.syspro.switch(|switches| switches.omitted = vec!["Known again".into()]);
    assert_eq!(say(&world, SWEEP).0, Some(3));
    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let key = node.key(&world);
    let person = Person::sign_in(&node.site, &key);
    let page = person.get(&format!("/records/{COMPANY}/supplier/UNREAD")).body;
    for words in ["It could not be read: its row of", "What to do:", "failed: it could not be read", ">Hold<"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for words in ["$faults", "it was refused", "rejected", "Send it again", "Release it", ">nothing<"] {
        assert!(!page.contains(words), "{words}: {page}");
    }
    let page = person.get("/failures").body;
    assert!(page.contains("Could not be read") && !page.contains("Send again …") && !page.contains("state bad\">Refused"), "{page}");
    let cause = page.split("href=\"/failures/").nth(1).unwrap().split('"').next().unwrap();
    let page = person.get(&format!("/failures/{cause}")).body;
    assert!(page.contains("You need not send anything: Tieline stores the record") && !page.contains("name=\"take\""), "{page}");
    let page = person.get("/settings").body;
    let hooks = page.split("webhook_urls").nth(1).unwrap();
    assert!(hooks.split("</tr>").next().unwrap().contains("[]"), "what is not set is no secret: {page}");
}
