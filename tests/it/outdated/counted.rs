//! The stored numbers of records by mapping equal a count of all documents, whoever wrote them.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Under, under, world};
use crate::support::database::Database;
use crate::support::world::{COMPANY, World};
use crate::support::{run, source};

/// How many flows and mappings have a number that differs from a count of all documents.
const WRONG: &str = "WITH counted AS (
    SELECT company, entity, mapping AS number, count(*) AS documents FROM document
    WHERE key NOT LIKE '(row %)' AND key NOT LIKE '(first row%)' GROUP BY 1, 2, 3
), kept AS (SELECT company, entity, number, documents FROM mapping_count WHERE documents <> 0)
SELECT (SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM counted) a) + (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT * FROM kept) b)
     + (SELECT count(*) FROM document_count c WHERE c.documents <> (SELECT count(*) FROM document d WHERE d.company = c.company AND d.entity = c.entity))";

fn agree(world: &World, when: &str) {
    assert_eq!(world.database.psql(WRONG), "0", "{when}: {}", world.database.psql("SELECT * FROM mapping_count ORDER BY 1, 2, 3"));
}

/// What somebody writes into the table of documents: any writer, in whatever statement.
fn written() -> impl Strategy<Value = String> {
    let flow = (prop::sample::select(vec!["A", "B"]), prop::sample::select(vec!["invoice", "supplier"]));
    let key = prop::sample::select(vec!["'k' || n", "'(row after ' || n || ')'", "'(row ' || n || ')x'", "'(first row) ' || n"]);
    let insert = (flow, key, 1..5u32, prop::option::of(0..4u32)).prop_map(|((company, entity), key, count, mapping)| {
        let (column, value) = mapping.map_or((String::new(), String::new()), |number| (", mapping".into(), format!(", {number}")));
        format!(
            "INSERT INTO document (company, entity, key, version, hash{column})
             SELECT '{company}', '{entity}', {key}, 1, ''{value} FROM generate_series(1, {count}) n ON CONFLICT DO NOTHING"
        )
    });
    prop_oneof![
        4 => insert,
        3 => (0..4u32, 1..4u32).prop_map(|(number, share)| format!("UPDATE document SET mapping = {number}, version = version + 1 WHERE id % {share} = 0")),
        1 => (1..4u32).prop_map(|share| format!("UPDATE document SET hash = 'x', reading = 3 WHERE id % {share} = 0")),
        1 => (2..4u32).prop_map(|share| format!("UPDATE document SET mapping = mapping + 1, key = '(row ' || id || ')' WHERE id % {share} = 0")),
        2 => (2..5u32).prop_map(|share| format!("DELETE FROM document WHERE id % {share} = 0")),
        1 => Just("BEGIN; INSERT INTO document (company, entity, key, version, hash) VALUES ('A', 'invoice', 'undone', 1, ''); ROLLBACK".to_owned()),
    ]
}

#[test]
fn whoever_writes_documents_the_numbers_by_mapping_are_those_of_a_whole_count() {
    run(async {
        let database = Database::migrated().await;
        let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
        let cases = prop::collection::vec(written(), 1..14);
        runner
            .run(&cases, |statements| {
                let each: String = statements.iter().map(|sql| format!("{sql};\n{WRONG};\n")).collect();
                let said =
                    database.psql(&format!("DELETE FROM document;\nDELETE FROM mapping_count;\nDELETE FROM document_count;\n{each}"));
                let numbers: Vec<&str> = said.lines().filter(|line| line.chars().all(|c| c.is_ascii_digit())).collect();
                prop_assert_eq!(numbers.len(), statements.len(), "{}", said);
                prop_assert!(numbers.iter().all(|wrong| *wrong == "0"), "{} after {}", said, statements.join("\n"));
                Ok(())
            })
            .unwrap();
    });
}

/// An invoice that a node of the release before takes in: it knows nothing of mappings.
fn taken_in_by_the_release_before(world: &World, number: u32) {
    world.database.psql(&format!(
        "WITH d AS (INSERT INTO document (company, entity, key, version, hash)
                    SELECT company, entity, key || '{number}', 1, hash FROM document WHERE entity = 'invoice' AND key NOT LIKE '(%' ORDER BY id LIMIT 1
                    RETURNING id, hash),
              v AS (SELECT content, run_id FROM version v JOIN document d ON d.id = v.document_id AND d.entity = 'invoice' ORDER BY d.id LIMIT 1)
         INSERT INTO version (document_id, version, run_id, hash, content) SELECT d.id, 1, v.run_id, d.hash, v.content FROM d, v"
    ));
}

#[test]
fn reads_replays_deletions_and_a_definition_that_goes_back_and_forth_keep_the_numbers_true() {
    let world = world();
    let (apo, s2p) = (under(&world, &[("SERVICENOW__PROFILE", "apo")]), under(&world, &[("SERVICENOW__PROFILE", "s2p")]));
    let outdated = |site: &Under<'_>| site.outdated("invoice");
    apo.says(&["sync"], 0);
    agree(&world, "after the first load");
    taken_in_by_the_release_before(&world, 1);
    agree(&world, "after a node of the release before");
    assert_eq!(outdated(&apo), 1, "how it was mapped is not known");
    world.syspro.tick(5).unwrap();
    s2p.run(&["sync"]);
    agree(&world, "after another profile read what changed");
    let known = outdated(&s2p);
    s2p.run(&["replay", "--entity", "invoice", "--all", "--company", COMPANY, "--why", "all of them"]);
    agree(&world, "after a replay of everything");
    assert!(outdated(&s2p) < known, "{known}");
    taken_in_by_the_release_before(&world, 2);
    s2p.run(&["replay", "--outdated", "--allow", "100000", "--why", "the profile changed"]);
    agree(&world, "after a replay of what is outdated");
    // SYSPRO has them no more
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    for (supplier, invoice) in invoices.iter().take(3) {
        world.syspro.delete(COMPANY, "ApInvoice", &[("Supplier", supplier), ("Invoice", invoice)]).unwrap();
    }
    apo.run(&["sync", "--sweep", "--entity", "invoice"]);
    agree(&world, "after invoices went");
    world.database.psql("DELETE FROM document WHERE entity = 'invoice' AND id % 5 = 0");
    agree(&world, "after a person deleted some");
    s2p.run(&["sync"]);
    apo.run(&["replay", "--outdated", "--allow", "100000", "--why", "back"]);
    agree(&world, "after the definition went back and forth");
}
