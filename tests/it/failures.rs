//! The lists of undelivered records: an example, the values, the amounts, since when, and the parent that causes them.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::Node;
use crate::support::source;
use crate::support::world::{COMPANY, World};

fn run(world: &World, arguments: &[&str]) -> String {
    let out = world.command(arguments).output().unwrap();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{arguments:?}: {}", text(&out));
    String::from_utf8(out.stdout).unwrap()
}

fn causes(world: &World, filter: &[&str]) -> Vec<Value> {
    let said = run(world, &[&["failures", "--causes", "--output", "json"], filter].concat());
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}`: {value}"))
}

#[test]
fn amounts_in_the_company_s_own_currency_are_named_by_it() {
    let world = World::start();
    let journal = source::rows(&world.syspro, COMPANY, "GenJournalCtl", |c| {
        let number = |name| c(name).number().to_string();
        (c("JnlStatus").text() == "P").then(|| [number("GlYear"), number("GlPeriod"), number("GlJournal")])
    });
    let [year, period, number] = journal.into_iter().flatten().next().unwrap();
    let key = [("GlYear", year.as_str()), ("GlPeriod", period.as_str()), ("Journal", number.as_str()), ("EntryNumber", "1")];
    world.syspro.update(COMPANY, "GenJournalDetail", &key, &[("GlCode", "9-NONE")]).unwrap();
    run(&world, &["sync", "--sweep", "--entity", "gl_account"]);
    run(&world, &["sync", "--sweep", "--entity", "gl_posting"]);
    let said = run(&world, &["failures", "--entity", "gl_posting"]);
    assert!(said.contains("at stake      ZAR ") && !said.contains("company currency"), "{said}");
    let mut node = Node::new(&world).with("SCHEDULE__GL_POSTING", "0 0 1 1 *");
    node.start_and_wait(&world);
    let api = node.key(&world);
    let page = Person::sign_in(&node.site, &api).get("/failures?entity=gl_posting").body;
    assert!(page.contains("ZAR") && !page.contains("company currency"), "{page}");
}

#[test]
fn a_cause_has_an_example_its_values_its_amounts_per_currency_and_its_first_failure() {
    let world = World::start();
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| {
        (c("Supplier").text().to_owned(), c("Invoice").text().to_owned(), Decimal::new(c("OrigInvValue").number(), 2))
    });
    assert!(invoices.len() > 6, "too few invoices");
    let mut at_stake = [("R2", Decimal::ZERO), ("X-9", Decimal::ZERO)];
    for (number, (supplier, invoice, amount)) in invoices.iter().take(6).enumerate() {
        let which = usize::from(number >= 4);
        at_stake[which].1 += amount;
        let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
        world.syspro.update(COMPANY, "ApInvoice", &key, &[("Currency", at_stake[which].0)]).unwrap();
    }
    run(&world, &["sync", "--sweep", "--entity", "invoice"]);

    let found = causes(&world, &["--entity", "invoice"]);
    let [cause] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((word(cause, "company"), word(cause, "reason"), &cause["documents"]), (COMPANY, "unmapped", &Value::from(6)));
    let counted = |name: &str, what: &str| -> Vec<(String, i64)> {
        let list = cause[name].as_array().unwrap();
        list.iter().map(|one| (word(one, what).to_owned(), one["documents"].as_i64().unwrap())).collect()
    };
    assert_eq!(counted("values", "value"), [("R2".to_owned(), 4), ("X-9".to_owned(), 2)]);
    assert_eq!(counted("amounts", "currency"), [("R2".to_owned(), 4), ("X-9".to_owned(), 2)]);
    for (one, (currency, amount)) in cause["amounts"].as_array().unwrap().iter().zip(at_stake) {
        assert_eq!(word(one, "amount").parse::<Decimal>().unwrap(), amount, "{currency}: {cause}");
    }
    // whole, and nothing of it masked
    let example = word(cause, "example");
    assert!(example.contains("`Currency`") || example.contains("Currency = `"), "{example}");
    assert!(!example.contains('…') && !example.contains('#'), "{example}");
    assert!(word(cause, "next_step").contains("code list"), "{cause}");

    // a retry that fails again does not move since when the record has not arrived
    let first = word(cause, "first_failed_at").to_owned();
    run(&world, &["replay", "--reason", "unmapped", "--why", "a try"]);
    let again = causes(&world, &["--entity", "invoice"]);
    assert_eq!(word(&again[0], "first_failed_at"), first);
    let rows: Vec<Value> = serde_json::from_str(&run(&world, &["failures", "--entity", "invoice", "--output", "json"])).unwrap();
    assert!(rows.iter().all(|row| word(row, "since") > first.as_str() && word(row, "first_failed_at") < word(row, "since")), "{rows:?}");

    let said = run(&world, &["failures", "--entity", "invoice"]);
    for words in [
        "EDU1/invoice  unmapped  6 records",
        "values        `R2` 4, `X-9` 2",
        "at stake      R2 ",
        "first failed",
        "tieline failures --cause ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // `%` and `_` are characters like any other, here and where it is sent again
    for (pattern, whole) in [("Currency", 6), ("Curren_y", 0), ("Cur%ncy", 0), ("%", 0), ("\\", 0)] {
        let rows: Vec<Value> = serde_json::from_str(&run(&world, &["failures", "--text", pattern, "--output", "json"])).unwrap();
        assert_eq!(rows.len(), whole, "{pattern}");
    }
    assert!(run(&world, &["replay", "--text", "Cur%", "--why", "a try"]).contains("No record in the ledger matches"));
    let name = word(cause, "cause");
    assert_eq!(run(&world, &["failures", "--cause", name]).matches("EDU1/invoice ").count(), 6);

    // corrected, it arrives, and what fails later starts again
    for (supplier, invoice, _) in invoices.iter().take(6) {
        let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
        world.syspro.update(COMPANY, "ApInvoice", &key, &[("Currency", "EUR")]).unwrap();
    }
    world.rest(&["sync", "--sweep", "--entity", "invoice"]).unwrap();
    assert!(run(&world, &["failures"]).contains("No failures; "));
}

#[test]
fn a_parent_that_does_not_come_is_named_with_why_after_a_whole_read() {
    let world = World::start();
    // one line of an account that SYSPRO does not have, one of an account that the definition leaves out
    let lines = world.database.psql(
        "SELECT min(l.record_key) FROM delivery l JOIN document d ON d.id = l.document_id WHERE d.entity = 'invoice' AND l.block = 'lines' GROUP BY d.id ORDER BY d.id LIMIT 2",
    );
    for (line, code) in lines.lines().zip(["NOWHERE-1", "RETAINED"]) {
        let key: Vec<(&str, &str)> =
            ["TrnYear", "TrnMonth", "Journal", "EntryNumber", "SubEntry"].into_iter().zip(line.split('/')).collect();
        assert_eq!(key.len(), 5, "{line}");
        world.syspro.update(COMPANY, "ApJnlDistrib", &key, &[("ExpenseGlCode", code)]).unwrap();
    }
    run(&world, &["sync", "--sweep", "--entity", "invoice"]);
    let waiting = causes(&world, &["--reason", "missing_parent"]);
    let step = |cause: &Value| word(cause, "next_step").to_owned();
    assert!(!waiting.is_empty() && waiting.iter().all(|cause| step(cause).contains("once the parent is delivered")), "{waiting:?}");

    // the accounts are read whole at every run
    run(&world, &["sync", "--entity", "gl_account"]);
    let parents: Vec<Value> =
        causes(&world, &["--reason", "missing_parent"]).iter().flat_map(|cause| cause["parents"].as_array().unwrap().clone()).collect();
    let named =
        |key: &str| parents.iter().find(|parent| word(parent, "key").ends_with(key)).unwrap_or_else(|| panic!("{key}: {parents:?}"));
    for key in ["NOWHERE-1", "RETAINED"] {
        assert!(word(named(key), "entity") == "gl_account" && named(key)["absent_since"].is_string(), "{parents:?}");
    }
    let said = run(&world, &["failures", "--reason", "missing_parent"]);
    for words in [
        "which is not in SYSPRO (whole read of ",
        "which the definition leaves out: rows whose `GlCode` is ",
        "tieline record EDU1 gl_account ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("automatically once the parent"), "{said}");
    let key = world
        .database
        .psql("SELECT d.key FROM document d JOIN undelivered p ON p.document_id = d.id WHERE p.message LIKE '%NOWHERE-1%' LIMIT 1");
    let record: Value = serde_json::from_str(&run(&world, &["record", COMPANY, "invoice", &key, "--output", "json"])).unwrap();
    assert!(word(&record, "explanation").starts_with("waiting for a parent that will not arrive"), "{record}");
    // said once: the next whole read finds nothing new
    let told = "SELECT count(*) FROM audit WHERE kind = 'waiting' AND detail::jsonb ->> 'absent' = 'true'";
    let before = world.database.psql(told);
    assert_ne!(before, "0");
    run(&world, &["sync", "--entity", "gl_account"]);
    assert_eq!(world.database.psql(told), before);

    // the console links to the parent, and the API has the same
    let mut node = Node::new(&world).with("SCHEDULE__INVOICE", "0 0 1 1 *").with("SCHEDULE__GL_ACCOUNT", "0 0 1 1 *");
    node.start_and_wait(&world);
    let api = node.key(&world);
    let page = Person::sign_in(&node.site, &api).get("/failures?reason=missing_parent").body;
    assert!(page.contains("href=\"/records/EDU1/gl_account/") && page.contains("is not in SYSPRO"), "{page}");
    let (status, _, body) = ask(&node.site, "GET", "/api/v1/failures/causes?reason=missing_parent&order=oldest", Some(&api), "").unwrap();
    let listed: Value = serde_json::from_str(&body).unwrap();
    assert!(status == 200 && listed["items"][0]["parents"][0]["entity"] == "gl_account", "{body}");
    assert_eq!(node.terminate(), Some(0));

    // the account is made in SYSPRO: what waited for it goes
    let account =
        source::rows(&world.syspro, COMPANY, "GenMaster", |c| (c("Company").text().to_owned(), c("AccountType").text().to_owned()));
    let (of, kind) = &account[0];
    let made = [("Company", of.as_str()), ("GlCode", "NOWHERE-1"), ("Description", "made now"), ("AccountType", kind.as_str())];
    world.syspro.insert(COMPANY, "GenMaster", &made).unwrap();
    world.rest(&["sync", "--entity", "gl_account"]).unwrap();
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered WHERE message LIKE '%NOWHERE-1%'"), "0");
}

#[test]
fn a_missing_table_is_not_said_to_pass_by_itself() {
    let world = World::with(|instance| instance.tables.retain(|table| table.name != "sn_apo_supplier"));
    world.set_credentials(&|arguments| world.command(arguments));
    let out = world.command(&["sync", "--entity", "supplier"]).output().unwrap();
    assert_ne!(out.status.code(), Some(0), "{}", text(&out));
    let said = run(&world, &["failures", "--entity", "supplier"]);
    assert!(said.contains("has no table") && said.contains("create the table in ServiceNow"), "{said}");
    assert!(!said.contains("nothing: "), "{said}");
}

#[test]
fn values_that_differ_at_two_places_are_counted_each_and_of_many_records_the_newest() {
    let world = World::before();
    world.database.psql(
        "INSERT INTO document (company, entity, key, version, hash) SELECT 'EDU1', 'invoice', '0000104/' || n, 1, '\\x00' FROM generate_series(1, 1500) n ORDER BY n",
    );
    world.database.psql(
        "INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message, first_failed_at) \
         SELECT id, id, company, entity, 1, 'header', '', 'failed', 'rejected', \
         format('terms `%s` and currency `%s` of `%s` are not known', CASE WHEN n % 2 = 0 THEN '30' ELSE '60' END, CASE WHEN n <= 1100 THEN 'EUR' ELSE 'R' END, key), now() \
         FROM (SELECT *, split_part(key, '/', 2)::int AS n FROM document) d",
    );
    let found = causes(&world, &[]);
    let [cause] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&cause["documents"], &cause["values_of_newest"]), (&Value::from(1500), &Value::from(1000)), "{cause}");
    let counted: Vec<(i64, &str, i64)> = cause["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["place"].as_i64().unwrap(), word(one, "value"), one["documents"].as_i64().unwrap()))
        .collect();
    assert_eq!(counted, [(1, "30", 500), (1, "60", 500), (2, "EUR", 600), (2, "R", 400)]);
    let said = run(&world, &["failures", "--causes"]);
    for words in ["values        `30` 500, `60` 500", "and values    EUR 600, R 400", "(values of the newest 1000 records)"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // of a smaller group all are counted, and nothing is said of a limit
    world.database.psql("DELETE FROM pending WHERE delivery_id > 900");
    let few = causes(&world, &[]);
    assert!(few[0]["values_of_newest"].is_null() && few[0]["values"][0]["documents"] == 450, "{few:?}");
    assert!(!run(&world, &["failures", "--causes"]).contains("newest"));
}

#[test]
fn a_blank_that_begins_a_key_is_shown_as_20_and_taken_as_it_is_typed() {
    let world = World::start();
    world.syspro.insert(COMPANY, "ApSupplier", &[("Supplier", " 00097"), ("SupplierName", "Blank & Sons")]).unwrap();
    let order = source::rows(&world.syspro, COMPANY, "PorMasterHdr", |c| c("PurchaseOrder").text().to_owned()).remove(0);
    world.syspro.update(COMPANY, "PorMasterHdr", &[("PurchaseOrder", order.as_str())], &[("Supplier", " 00098")]).unwrap();
    run(&world, &["sync", "--sweep", "--entity", "supplier", "--entity", "purchase_order"]);
    assert_eq!(world.database.psql("SELECT count(*) FROM document WHERE key = '%2000097'"), "1");

    // whether it is typed as SYSPRO shows it or as it is shown here, it is the same record; what is shown can be seen and copied
    for typed in [" 00097", "%2000097"] {
        let said = run(&world, &["record", COMPANY, "supplier", typed]);
        assert!(said.contains("EDU1/supplier %2000097"), "{typed}: {said}");
        let said = run(&world, &["hold", COMPANY, "supplier", typed, "--why", "a test"]);
        assert!(said.starts_with("%2000097 is on hold"), "{typed}: {said}");
    }
    assert!(run(&world, &["release", COMPANY, "supplier", " 00097", "--why", "a test"]).starts_with("%2000097 is released"));
    assert!(run(&world, &["replay", "--entity", "supplier", "--key", " 00097", "--why", "a test"]).contains("1 sent again"));

    // a message that names it names it so
    let said = run(&world, &["failures", "--entity", "purchase_order"]);
    assert!(said.contains("refers to supplier `%2000098`"), "{said}");
    run(&world, &["sync", "--sweep", "--entity", "supplier"]);
    let said = run(&world, &["failures", "--entity", "purchase_order"]);
    assert!(said.contains("refers to supplier `%2000098` of company EDU1, which is not in SYSPRO"), "{said}");

    let mut node = Node::new(&world).with("SCHEDULE__SUPPLIER", "0 0 1 1 *");
    node.start_and_wait(&world);
    let person = Person::sign_in(&node.site, &node.key(&world));
    let page = person.get("/records/EDU1/supplier/%252000097").body;
    assert!(page.contains("<span class=\"key\">%2000097</span>"), "{page}");
    assert_eq!(node.terminate(), Some(0));
}
