//! What ends with a flow, with a node's life and with a comparison after a restore, on a real server: rows of that flow alone, of that node alone.

use std::time::Duration;

use tieline::domain::FlowId;
use tieline::domain::ids::{DocumentId, LifeId};
use tieline::domain::run::Trigger;
use tieline::store::{
    BlockTable, ComparedPage, ComparedPart, Forgotten, LeaseResult, RestoredRow, RowOwner, RowPlace, SetNumber, Store, Undelivered,
    UnknownRow,
};

use crate::support::database::{Database, settings};
use crate::support::{node, run};

/// The definitions of a ledger that has adopted none.
const UNDER: SetNumber = SetNumber(0);

fn flow(entity: &str) -> FlowId {
    FlowId::new("EDU1", entity)
}

async fn ledger() -> (Database, Store) {
    let database = Database::migrated().await;
    let store = Store::connect(&settings(), &database.url()).unwrap();
    (database, store)
}

#[test]
fn a_node_that_starts_gives_back_the_leases_of_its_earlier_lives_alone() {
    run(async {
        let (database, store) = ledger().await;
        for (entity, name) in [("supplier", "one"), ("invoice", "one-more"), ("gl_account", "two")] {
            let taken =
                store.flow_take(flow(entity), node(name).holder(), Duration::from_secs(60), Trigger::Schedule, None, UNDER).await.unwrap();
            assert!(matches!(taken, LeaseResult::Lease(..)), "{taken:?}");
        }
        store.flow_forget_node("one".into()).await.unwrap();
        let left = "SELECT string_agg(split_part(holder, '/', 1), ' ' ORDER BY holder) FROM flow WHERE lease_until IS NOT NULL";
        assert_eq!(database.psql(left), "one-more two");
        assert_eq!(database.psql("SELECT entity FROM flow WHERE holder IS NULL AND lease_until IS NULL"), "supplier");
    });
}

#[test]
fn what_was_planned_for_a_forgotten_flow_ends_and_nothing_of_another() {
    run(async {
        let (database, store) = ledger().await;
        for (id, entity) in [(1, "supplier"), (2, "invoice")] {
            database.psql(&format!(
                "INSERT INTO flow (company, entity) VALUES ('EDU1', '{entity}');
                 INSERT INTO alignment (company, entity) VALUES ('EDU1', '{entity}');
                 INSERT INTO document (id, company, entity, key, version, hash) VALUES ({id}, 'EDU1', '{entity}', 'K', 1, '');
                 INSERT INTO hold (document_id, held_by, why) VALUES ({id}, 'anna', 'x');
                 INSERT INTO conflict (company, entity, subject, key, field, kind, state, syspro, servicenow, outcome) VALUES
                   ('EDU1', '{entity}', 'a', 'K', 'f', 'both_changed', 'open', 'a', 'b', NULL),
                   ('EDU1', '{entity}', 'b', 'K', 'f', 'both_changed', 'closed', 'a', 'b', 'before');
                 INSERT INTO backfill (company, entity, requested_by, why, state, ended_by) VALUES
                   ('EDU1', '{entity}', 'anna', 'x', 'open', NULL), ('EDU1', '{entity}', 'anna', 'x', 'done', 'anna')"
            ));
        }
        let forgotten = store.flow_forget(flow("supplier"), Undelivered::Keep, "anna".into(), "sold".parse().unwrap()).await.unwrap();
        assert!(matches!(&forgotten, Forgotten::Done(gone) if gone.kept == 1 && gone.dropped == 0), "{forgotten:?}");
        for (table, left) in [("flow", "invoice"), ("alignment", "invoice"), ("hold JOIN document d ON d.id = document_id", "invoice")] {
            assert_eq!(database.psql(&format!("SELECT string_agg(entity, ' ') FROM {table}")), left, "{table}");
        }
        let conflicts =
            "SELECT string_agg(concat_ws(' ', entity, state, outcome, closed_at IS NOT NULL), ', ' ORDER BY entity, subject) FROM conflict";
        let expected = "invoice open f, invoice closed before f, supplier closed flow forgotten t, supplier closed before f";
        assert_eq!(database.psql(conflicts), expected);
        let backfills =
            "SELECT string_agg(concat_ws(' ', entity, state, ended_by, ended_at IS NOT NULL), ', ' ORDER BY entity, id) FROM backfill";
        assert_eq!(database.psql(backfills), "invoice open f, invoice done anna f, supplier cancelled tieline t, supplier done anna f");
    });
}

#[test]
fn a_comparison_stores_how_far_it_has_come_in_each_part() {
    run(async {
        let (database, store) = ledger().await;
        let place = |block: &str| BlockTable { block: block.to_owned(), target_table: "t".to_owned() };
        let row = |n: u8| {
            let place = RowPlace { target_table: "t".into(), sys_id: n.to_string() };
            RestoredRow { block: "header".into(), source_key: format!("EDU1:K{n}"), place, version: None }
        };
        let parts = async |entity: &str| {
            let found = store.restored_parts(7, flow(entity), vec![place("header"), place("lines")]).await.unwrap();
            let said = |part: tieline::store::RestoredPart| {
                let counts = format!("{} {} {} {}", part.hidden, part.adopted, part.again, part.unknown);
                format!("{}/{} {} {} {counts} {}", part.block, part.target_table, part.state, part.after, part.said.unwrap_or_default())
            };
            found.into_iter().map(said).collect::<Vec<_>>()
        };
        let begun = ["lines/t open  0 0 0 0 ", "header/t open  0 0 0 0 ", "/ open  0 0 0 0 "];
        assert_eq!(parts("supplier").await, begun);
        assert_eq!(parts("invoice").await, begun);
        store.restored_keep(7, flow("supplier"), place("header"), vec![row(1), row(2)], Some(("2".into(), 3))).await.unwrap();
        store.restored_keep(7, flow("invoice"), place("header"), vec![row(1)], None).await.unwrap();
        store.restored_unreadable(7, flow("supplier"), place("lines"), "no column".into()).await.unwrap();
        let again = ComparedPart { document_id: DocumentId(1), block: "header".into(), record_key: String::new(), row: None };
        let page = ComparedPage { last_key: "K1".into(), again: vec![again], ..ComparedPage::default() };
        store.restored_compared(7, flow("supplier"), page).await.unwrap();
        let unknown = UnknownRow { row: row(1), owner: Some(RowOwner { key: "K1".into(), record_key: String::new() }) };
        store.restored_adopt(7, LifeId::fresh(), flow("supplier"), vec![unknown]).await.unwrap();
        let so_far = ["lines/t unreadable  0 0 0 0 no column", "header/t open 2 3 0 0 0 ", "/ open K1 0 0 1 1 "];
        assert_eq!(parts("supplier").await, so_far);
        assert_eq!(store.restored_flow_done(7, flow("supplier"), "anna".into()).await.unwrap(), 0);
        assert_eq!(parts("supplier").await[2], "/ done K1 0 0 1 1 ");
        store.restored_flow_aside(7, flow("gl_account"), "anna".into()).await.unwrap();
        assert_eq!(parts("invoice").await, ["lines/t open  0 0 0 0 ", "header/t done  0 0 0 0 ", "/ open  0 0 0 0 "]);
        assert_eq!(database.psql("SELECT string_agg(entity || sys_id, ' ') FROM restored_row"), "invoice1");
    });
}
