//! A definition states keys and joins, and the data may contradict them. Then the record fails with a message, and no amount is lost
//! silently.

use std::path::Path;

use crate::binary::text;
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// A shipped entity file with something replaced, in a definitions directory of the site.
fn entity(world: &World, name: &str, changes: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/entities").join(format!("{name}.toml"));
    let mut file = std::fs::read_to_string(path).unwrap();
    for (from, to) in changes {
        assert!(file.contains(from), "{name}.toml has no {from}");
        file = file.replace(from, to);
    }
    let directory = world.site.path("definitions/entities");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join(format!("{name}.toml")), file).unwrap();
}

/// The exit code of a command with the site's definitions, and what it said.
fn tieline(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = world.command(arguments);
    let out = command.env("TIELINE__DEFINITIONS__DIRECTORY", world.site.path("definitions")).output().unwrap();
    (out.status.code(), text(&out))
}

fn failures(world: &World) -> Vec<serde_json::Value> {
    let (code, said) = tieline(world, &["failures", "--output", "json"]);
    assert!(matches!(code, Some(0 | 3)), "{said}");
    let start = said.find(['[', '{']).unwrap();
    let all: serde_json::Value = serde_json::from_str(&said[start..]).unwrap_or_else(|error| panic!("{error}: {said}"));
    match all {
        serde_json::Value::Array(rows) => rows,
        other => panic!("not a list: {other}"),
    }
}

fn world() -> World {
    let world = World::before();
    std::fs::create_dir_all(world.site.path("definitions")).unwrap();
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

/// An invoice of today with lines of these amounts.
fn add_invoice(world: &World, invoice: &str, entry: &str, amounts: &[&str]) {
    let today = chrono::Utc::now().date_naive().to_string();
    let add = |table: &str, values: &[(&str, &str)]| world.syspro.insert(COMPANY, table, values).unwrap();
    let own = [("Supplier", "042"), ("Invoice", invoice)];
    add(
        "ApInvoice",
        &[&own[..], &[("InvoiceDate", &today), ("JournalDate", &today), ("OrigInvValue", "100.00"), ("Currency", "R")]].concat(),
    );
    let journal = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "77"), ("EntryNumber", entry)];
    add("ApJnlSummary", &[&journal[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
    for (n, amount) in (1..).zip(amounts) {
        let line = [("SubEntry", format!("{n}")), ("ExpenseGlCode", "10.100.6010".to_owned()), ("DistrValue", (*amount).to_owned())];
        let line: Vec<(&str, &str)> = line.iter().map(|(name, value)| (*name, value.as_str())).collect();
        add("ApJnlDistrib", &[&journal[..], &line[..]].concat());
    }
}

#[test]
fn two_lines_with_one_stated_key_fail_by_name_and_recover_with_the_definition() {
    let world = world();
    add_invoice(&world, "TWO-LINES", "1", &["60.00", "40.00"]);
    add_invoice(&world, "ONE-LINE", "2", &["100.00"]);
    let key = r#"key = ["TrnYear", "TrnMonth", "Journal", "EntryNumber", "SubEntry"]"#;
    let columns = r#"columns = ["ExpenseGlCode","#;
    let short =
        [(key, r#"key = ["TrnYear", "TrnMonth", "Journal", "EntryNumber"]"#), (columns, r#"columns = ["SubEntry", "ExpenseGlCode","#)];
    entity(&world, "invoice", &short);
    let (code, said) = tieline(&world, &["sync"]);
    assert_eq!(code, Some(3), "{said}");
    let of = |invoice: &str| {
        let lines = world.servicenow.rows("x_apo_invoice_line").into_iter().filter(|row| row["u_supplier_invoice_number"] == invoice);
        let mut amounts: Vec<String> = lines.map(|row| row["u_line_amount_invoiced"].clone()).collect();
        amounts.sort();
        (world.servicenow.find("x_apo_invoice", "u_supplier_invoice_number", invoice).is_some(), amounts)
    };
    assert_eq!(of("TWO-LINES"), (false, vec![]), "nothing of it may arrive while an amount is in question");
    assert_eq!(of("ONE-LINE"), (true, vec!["100.00".to_owned()]), "its neighbours go on");
    let all = failures(&world);
    let failed = all.iter().find(|row| row["key"] == "042/TWO-LINES").unwrap_or_else(|| panic!("{all:#?}"));
    let said = failed["message"].as_str().unwrap();
    for part in ["`ApJnlDistrib`", "EntryNumber=1", "DistrValue=60", "DistrValue=40"] {
        assert!(said.contains(part), "{part}: {failed:#}");
    }
    assert!(failed["next_step"].as_str().unwrap().contains("entities/invoice.toml"), "{failed:#}");

    // with the whole key, what was stored is enough
    entity(&world, "invoice", &[]);
    let (code, said) = tieline(&world, &["replay", "--entity", "invoice", "--failed-only", "--why", "the key is whole now"]);
    assert!(matches!(code, Some(0 | 3)), "{said}");
    assert_eq!(of("TWO-LINES"), (true, vec!["40.00".to_owned(), "60.00".to_owned()]));
    assert_eq!(failures(&world), Vec::<serde_json::Value>::new());
    world.check().unwrap();
}

#[test]
fn a_companion_table_with_two_rows_for_one_record_fails_it_until_the_rows_are_corrected() {
    let world = world();
    world
        .syspro
        .insert(COMPANY, "ApSupplier", &[("Supplier", "JOINED"), ("SupplierName", "Joined"), ("Branch", "B"), ("Currency", "R")])
        .unwrap();
    let amendment = |line: &str| {
        [("JnlDate", "2026-01-02"), ("JnlTime", "1"), ("JnlLine", line), ("Supplier", "JOINED"), ("Before", line)]
            .map(|(a, b)| (a, b.to_owned()))
    };
    for line in ["1", "2"] {
        let row = amendment(line);
        let row: Vec<(&str, &str)> = row.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.syspro.insert(COMPANY, "ApAmendmentJnl", &row).unwrap();
    }
    let join = "[[join]]\ntable = \"ApAmendmentJnl\"\ncolumns = [\"Before\"]\n\n[[join]]\ntable = \"ApSupplierAddr\"";
    entity(&world, "supplier", &[("[[join]]\ntable = \"ApSupplierAddr\"", join)]);
    let (code, said) = tieline(&world, &["sync", "--entity", "supplier"]);
    assert_eq!(code, Some(3), "{said}");
    let there = |number: &str| world.servicenow.find("x_apo_supplier", "u_supplier_number", number).is_some();
    assert!(!there("JOINED") && there("042"), "only the record with two companions is left out");
    let all = failures(&world);
    let failed = all.iter().find(|row| row["key"] == "JOINED").unwrap_or_else(|| panic!("{all:#?}"));
    assert!(failed["message"].as_str().unwrap().contains("`ApAmendmentJnl` has 2 rows with Supplier=JOINED"), "{failed:#}");
    assert!(failed["next_step"].as_str().unwrap().contains("`[[join]]`"), "{failed:#}");
    let key = [("JnlDate", "2026-01-02"), ("JnlTime", "1"), ("JnlLine", "2")];
    world.syspro.delete(COMPANY, "ApAmendmentJnl", &key).unwrap();
    let (code, said) = tieline(&world, &["sync", "--entity", "supplier"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(there("JOINED"));
}

#[test]
fn lines_that_two_rows_in_between_lead_to_are_counted_for_nobody() {
    let world = world();
    // the same journal entry with two numbers of a column that the join does not name: the lines belong to both, or to neither
    add_invoice(&world, "SHARED-A", "1", &["60.00", "40.00"]);
    let today = chrono::Utc::now().date_naive().to_string();
    let own = [("Supplier", "042"), ("Invoice", "SHARED-B")];
    let header = [("InvoiceDate", today.as_str()), ("JournalDate", &today), ("OrigInvValue", "100.00"), ("Currency", "R")];
    world.syspro.insert(COMPANY, "ApInvoice", &[&own[..], &header[..]].concat()).unwrap();
    let between = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "77"), ("EntryNumber", "2"), ("TransactionCode", "I")];
    world.syspro.insert(COMPANY, "ApJnlSummary", &[&between[..], &own[..]].concat()).unwrap();
    let on = r#"via = { table = "ApJnlSummary", on = ["TrnYear", "TrnMonth", "Journal", "EntryNumber"]"#;
    entity(
        &world,
        "invoice",
        &[(
            on,
            r#"via = { table = "ApJnlSummary", key = ["TrnYear", "TrnMonth", "Journal", "EntryNumber"], on = ["TrnYear", "TrnMonth", "Journal"]"#,
        )],
    );
    let (code, said) = tieline(&world, &["sync"]);
    assert_eq!(code, Some(3), "{said}");
    let all = failures(&world);
    for key in ["042/SHARED-A", "042/SHARED-B"] {
        let failed = all.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key}: {all:#?}"));
        let said = failed["message"].as_str().unwrap();
        assert!(said.contains("belong to 2 records") && said.contains("Invoice=SHARED-B"), "{failed:#}");
    }
    entity(&world, "invoice", &[]);
    let (code, said) = tieline(&world, &["sync", "--entity", "invoice", "--sweep"]);
    // the others read as they did, and were mapped by the definition that is corrected now
    assert!(code == Some(3) && said.contains("mapped under another definition"), "{said}");
    let (code, said) = tieline(&world, &["replay", "--outdated", "--why", "the definition is corrected"]);
    assert_eq!(code, Some(0), "{said}");
    world.check().unwrap();
    assert_eq!(source::distributions(&world.syspro, COMPANY).len(), world.servicenow.count("x_apo_invoice_line"));
}
