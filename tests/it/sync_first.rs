//! `tieline sync` of a flow whose records wait for others says what to run first: through the binary.

use crate::cli::{json, said};
use crate::support::world::World;

/// The command between the backquotes.
fn advised(words: &str) -> Vec<String> {
    let (_, rest) = words.split_once(": run `tieline ").unwrap_or_else(|| panic!("nothing is advised: {words}"));
    rest.split('`').next().unwrap().split(' ').map(str::to_owned).collect()
}

#[test]
fn what_is_advised_brings_what_waits() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    let out = world.command(&["sync", "--entity", "invoice"]).output().unwrap();
    let words = said(&out, 3);
    let waiting =
        world.database.psql("SELECT count(DISTINCT document_id) FROM undelivered WHERE reason = 'missing_parent' AND entity = 'invoice'");
    let count = |entity: &str| world.database.psql(&format!("SELECT count(DISTINCT key) FROM awaited_parent WHERE entity = '{entity}'"));
    let line = words
        .lines()
        .find(|line| line.contains(&format!("tieline: {waiting} invoices wait for ")))
        .unwrap_or_else(|| panic!("{waiting}: {words}"));
    for (entity, name) in [("supplier", "suppliers"), ("gl_account", "GL accounts")] {
        assert!(line.contains(&format!(" {} {name}", count(entity))) && line.contains(&format!(" --entity {entity}")), "{entity}: {line}");
    }
    assert!(line.ends_with("` first"), "{line}");
    let answer = json(&world.command(&["sync", "--entity", "invoice", "--output", "json"]).output().unwrap(), 3);
    assert_eq!(format!("tieline: {}", answer["run_first"][0].as_str().unwrap()), line);

    // the advised command is run unchanged, and what waited has arrived
    let advised = advised(&words);
    let advised: Vec<&str> = advised.iter().map(String::as_str).collect();
    let words = said(&world.command(&advised).output().unwrap(), 0);
    assert!(!words.contains(" first"), "{words}");
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "0");
    assert_eq!(world.servicenow.count("x_apo_invoice"), world.syspro.count("EDU1", "ApInvoice").unwrap());
}

#[test]
fn a_parent_that_a_run_did_not_find_is_not_advised_again() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    let victim = world.syspro.with(|database| {
        let table = database.company("EDU1").unwrap().table("ApInvoice").unwrap();
        table.cell(table.slots().next().unwrap(), 0).text().to_owned()
    });
    for table in ["ApSupplier", "ApSupplierAddr"] {
        world.syspro.delete("EDU1", table, &[("Supplier", &victim)]).unwrap();
    }
    // the suppliers were run: running them once more would not help
    let words = said(&world.command(&["sync"]).output().unwrap(), 3);
    assert!(words.contains("waiting") && !words.contains(" first"), "{words}");
}
