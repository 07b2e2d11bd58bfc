//! How many pages of the ledger is read by what runs for each page or each cycle beside the deliveries: tie-outs, closes, tasks, approvals,
//! the audit and the metrics. It is the same with many old tie-outs, tasks, approvals and audit days as with few, whatever the server's
//! statistics say.
//!
//! The functions of the store are called, and the server counts the pages that they ask for. No time is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use tieline::domain::FlowId;
use tieline::domain::tie_out::{Scope, Verdict};
use tieline::store::{
    CloseChanges, SetNumber, Store, TaskRules, TieOutAmong, TieOutBlock, TieOutEnd, TieOutFound, TieOutItems, TieOutRow, TieOutSide,
};

use crate::support::database::{Database, settings};
use crate::support::node::wait_for;
use crate::support::run;

const FEW: usize = 40;
const MANY: usize = 4_000;

/// Records of the tie-out that is made.
const RECORDS: usize = 60;

/// What the server believes of the tables.
#[derive(Debug, Clone, Copy)]
enum Statistics {
    /// What they hold.
    True,
    /// Nothing: they were never analysed.
    None,
    /// What they held when there was one old tie-out.
    One,
}

/// A ledger with so many old tie-outs, and ten times as many tasks, approvals, changes in closed periods and events.
fn ledger(n: usize, statistics: Statistics) -> Database {
    let database = run(Database::migrated());
    let all = "SELECT string_agg(format('ALTER TABLE %I SET (autovacuum_enabled = false)', relname), '; ') FROM pg_class \
               WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
    database.psql(&database.psql(all));
    let fill = |from: usize, to: usize| {
        database.psql(&format!(
            "INSERT INTO tie_out (requested_by, why, state, result, open_items, started_at, ended_at)
             SELECT 'x', 'old', 'done', 'untied', 0, now() - interval '1 hour' * ({to} - n), now() FROM generate_series({from}, {to}) n;
             INSERT INTO tie_out_block (tie_out_id, company, entity, block, tables)
             SELECT t.id, 'A', e, 'header', '{{t}}' FROM tie_out t, unnest('{{invoice,supplier,gl_posting}}'::text[]) e
             WHERE NOT EXISTS (SELECT FROM tie_out_block b WHERE b.tie_out_id = t.id);
             INSERT INTO tie_out_bucket (tie_out_id, company, entity, block, year, period, currency, syspro_records, ledger_records, gone_records,
                                         servicenow_records, open_items, timing_items, verdict)
             SELECT t.id, 'A', 'invoice', 'header', 2026, p, 'ZAR', 1, 1, 0, 1, 0, 0, 'tied' FROM tie_out t, generate_series(1, 4) p
             WHERE NOT EXISTS (SELECT FROM tie_out_bucket b WHERE b.tie_out_id = t.id);
             INSERT INTO tie_out_item (tie_out_id, company, entity, block, document_key, record_key, currency, kind, cause)
             SELECT t.id, 'A', 'invoice', 'header', 'OLD' || p, '', 'ZAR', 'missing', 'deleted_in_servicenow' FROM tie_out t, generate_series(1, 6) p
             WHERE NOT EXISTS (SELECT FROM tie_out_item i WHERE i.tie_out_id = t.id);
             INSERT INTO task (kind, subject, company, entity, key, cause, records, title, description, content, opened_at, resolved_at, state,
                               correlation, sys_id, sent)
             SELECT 'record', 'record A invoice T' || n, 'A', 'invoice', 'T' || n, 'x', 1, 't', 'd', 'c', now(), now() - interval '1 day', 'closed',
                    'k' || n, 's' || n, 'c' FROM generate_series({from} * 10, {to} * 10 + 9) n;
             INSERT INTO approval (kind, subject, asked_by, why, expires_at, state, digest)
             SELECT 'replay', 's' || n, 'x', 'y', now() - interval '1 day', 'used', 'd' || n FROM generate_series({from} * 10, {to} * 10 + 9) n;
             INSERT INTO close_change (company, number, document_id, entity, key, version, kind, state, run_id)
             SELECT 'A', 202601 + n % 12, n, 'invoice', 'C' || n, 1, 'altered', 'signed', 'c0000000-0000-0000-0000-000000000001'
             FROM generate_series({from} * 10, {to} * 10 + 9) n;
             INSERT INTO close_step (company, number, step, actor, why)
             SELECT 'A', 202601 + n % 12, (ARRAY['prepare', 'sign', 'suspend'])[1 + n / 12 % 3], 'x', 'y' FROM generate_series({from} * 10, {to} * 10 + 9) n;
             INSERT INTO audit_day (day, manifest, signature) SELECT '1990-01-01'::date + n, 'last-leaf 0', 's' FROM generate_series({from}, {to}) n;
             INSERT INTO event (kind, documents, records, actor, line)
             SELECT 'confirmed', ARRAY[n], 1, 'x', event_line(0, now(), 'confirmed', NULL, NULL, NULL, NULL, 'x', '[' || event_record(n, 1, n, NULL) || ']')
             FROM generate_series({from} * 10, {to} * 10 + 9) n"
        ));
    };
    database.psql(
        "INSERT INTO flow (company, entity) VALUES ('A', 'invoice');
         INSERT INTO close_period (company, number, state) SELECT 'A', 202600 + n, 'signed' FROM generate_series(1, 12) n;
         INSERT INTO close_step (company, number, step, actor, why) SELECT 'A', 202600 + n, 'sign', 'x', 'y' FROM generate_series(1, 12) n",
    );
    fill(1, 1);
    if let Statistics::One = statistics {
        database.psql("ANALYZE");
    }
    fill(2, n);
    // the old events are sealed, as they always are, and the server has summed up their pages, as it does by itself
    database.wait_until_sealable();
    on(&database, async |store| assert!(store.audit_seal().await.unwrap() > 0));
    // a seal ends within a transaction, and all of these were one: the newest is a small one, as they are
    database.psql(
        "INSERT INTO event (kind, documents, records, actor, line)
         VALUES ('confirmed', '{1}', 1, 'x', event_line(0, now(), 'confirmed', NULL, NULL, NULL, NULL, 'x', '[' || event_record(1, 1, 1, NULL) || ']'))",
    );
    database.wait_until_sealable();
    on(&database, async |store| assert!(store.audit_seal().await.unwrap() > 0));
    database.psql("SELECT brin_summarize_new_values('event_xid')");
    database.psql(&format!(
        "INSERT INTO document (company, entity, key, version, hash) SELECT 'A', 'invoice', 'K' || n, 1, '' FROM generate_series(1, {RECORDS}) n"
    ));
    if let Statistics::True = statistics {
        database.psql("ANALYZE");
    }
    database
}

/// Does something with a store of its own, whose connections are closed afterwards: then the server has counted everything.
fn on(database: &Database, work: impl AsyncFnOnce(&Store)) {
    run(async {
        let store = Store::connect(&settings(), &database.url()).unwrap();
        work(&store).await;
    });
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    wait_for("all connections are closed", Duration::from_secs(60), || (database.psql(others) == "0").then_some(()));
}

/// The pages of tables and indexes asked for so far, by table.
fn counted(database: &Database) -> BTreeMap<String, i64> {
    let all = "SELECT relname, coalesce(heap_blks_read, 0) + coalesce(heap_blks_hit, 0) + coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0) \
               FROM pg_statio_user_tables ORDER BY 1";
    // the connection of the test stays open, and would report at some later time what it counted
    database.psql("SELECT pg_stat_force_next_flush()");
    // another reports what it counted a moment after it is gone
    let (mut last, mut same) = (database.psql(all), 0);
    wait_for("every connection has reported", Duration::from_secs(60), || {
        let now = database.psql(all);
        same = if now == last { same + 1 } else { 0 };
        last = now;
        (same == 5).then_some(())
    });
    last.lines().filter_map(|line| line.split_once('|')).map(|(name, pages)| (name.to_owned(), pages.parse().unwrap())).collect()
}

type Counts = BTreeMap<&'static str, BTreeMap<String, i64>>;

/// Everything that runs for each page or each cycle, with the pages that it asks for.
fn measure(database: &Database) -> Counts {
    let mut found = Counts::new();
    let mut count = |name: &'static str, work: &dyn Fn(&Database)| {
        let before = counted(database);
        work(database);
        let mut after = counted(database);
        after.iter_mut().for_each(|(table, pages)| *pages -= before.get(table).copied().unwrap_or_default());
        after.retain(|_, pages| *pages > 0);
        found.insert(name, after);
    };
    // first those that only read
    count("a connection", &|database| on(database, async |store| assert!(store.time().await.is_ok())));
    count("metrics", &|database| on(database, async |store| assert!(store.gauges().await.is_ok())));
    count("newest tie-out", &|database| on(database, async |store| assert!(store.tie_out_newest().await.is_ok())));
    count("newest tie-out of a company", &|database| {
        on(database, async |store| assert!(store.close_newest_tie_out("A".into()).await.unwrap().is_some()));
    });
    count("what closes may be based on", &|database| {
        on(database, async |store| assert_eq!(store.close_tied(None).await.unwrap().len(), 4));
    });
    count("closes", &|database| {
        on(database, async |store| {
            store.close_periods(None).await.unwrap();
            assert_eq!(store.close_newest_steps(None).await.unwrap().len(), 3 * 12, "the newest of each kind of each period");
        });
    });
    count("a page of changes in closed periods", &|database| {
        on(database, async |store| {
            let page = CloseChanges { company: None, period: None, before: None, limit: 50 };
            assert_eq!(store.close_changes(page).await.unwrap().len(), 50);
        });
    });
    count("a page of approvals", &|database| {
        on(database, async |store| assert_eq!(store.approval_list(None, 50).await.unwrap().len(), 50));
    });
    count("approvals that are too late", &|database| on(database, async |store| store.approval_expire().await.unwrap()));
    count("days to sign", &|database| on(database, async |store| assert!(store.audit_days_now().await.is_ok())));
    count("newest signed day", &|database| on(database, async |store| assert!(store.audit_day_newest().await.is_ok())));
    count("what a day covers", &|database| {
        on(database, async |store| {
            let today = store.time().await.unwrap().date_naive();
            store.audit_day_range(today).await.unwrap();
        });
    });
    count("nothing to seal", &|database| on(database, async |store| assert!(store.audit_seal().await.is_ok())));
    count("tasks in numbers", &|database| on(database, async |store| assert!(store.task_counts().await.is_ok())));
    // then those that write
    count("what needs a task", &|database| {
        on(database, async |store| {
            let rules = TaskRules { together_above: 3, most: 100, console: None };
            store.task_collect(rules).await.unwrap();
        });
    });
    count("a task to do", &|database| {
        on(database, async |store| {
            let hour = Duration::from_secs(3600);
            assert!(store.task_take(hour, hour).await.unwrap().is_some());
            store.task_to_check(hour, 50).await.unwrap();
        });
    });
    count("abandoned tie-outs", &|database| on(database, async |store| store.tie_out_abandon().await.unwrap()));
    count("a tie-out", &|database| on(database, tie_out));
    database.wait_until_sealable();
    count("a seal", &|database| on(database, async |store| assert!(store.audit_seal().await.unwrap() > 0)));
    found
}

/// A tie-out of one flow in which some records are missing.
async fn tie_out(store: &Store) {
    let flow = FlowId::new("A", "invoice");
    let begun = store.tie_out_begin("x".into(), "now".parse().unwrap(), SetNumber(1), Scope::default(), None).await.unwrap();
    let block = || "header".to_owned();
    let row =
        |n: usize| TieOutRow { document_key: format!("K{n}"), document_hash: Some([0; 32]), fields: "{}".into(), ..TieOutRow::default() };
    let found = |n: usize| TieOutFound {
        document_key: format!("K{n}"),
        fields: "{}".into(),
        sys_id: format!("s{n}"),
        target_table: "t".into(),
        ..TieOutFound::default()
    };
    let all = TieOutAmong::default;
    store.tie_out_listings(flow.clone(), block()).await.unwrap();
    store.tie_out_unlist(flow.clone(), block()).await.unwrap();
    store.tie_out_block(begun.id, flow.clone(), compared(&flow)).await.unwrap();
    store.tie_out_keep(begun.id, flow.clone(), block(), TieOutSide::Syspro, (1..=RECORDS).map(row).collect()).await.unwrap();
    store.tie_out_gone(begun.id, flow.clone(), String::new(), None, 50).await.unwrap();
    store.tie_out_found(flow.clone(), block(), (10..=RECORDS).map(found).collect()).await.unwrap();
    store.tie_out_extras(begun.id, flow.clone(), block(), None, Default::default(), 50).await.unwrap();
    store.tie_out_sets(begun.id, flow.clone(), block(), all()).await.unwrap();
    store.tie_out_pairs(begun.id, flow.clone(), block(), all(), Default::default(), 50).await.unwrap();
    let differing = store.tie_out_differing(begun.id, flow.clone(), String::new(), 50).await.unwrap();
    assert_eq!(differing.len(), 9);
    store.tie_out_read_again(begun.id, flow.clone(), differing[..3].to_vec(), Vec::new()).await.unwrap();
    store.tie_out_judge(begun.id, flow.clone(), vec![((block(), BTreeMap::new()), None)], None).await.unwrap();
    let items = TieOutItems { of: begun.id, limit: 50, ..TieOutItems::default() };
    assert_eq!(store.tie_out_items(items).await.unwrap().len(), 6);
    store.tie_out_buckets(begun.id).await.unwrap();
    store.tie_out_end(begun.id, Ok(TieOutEnd { result: Verdict::Untied, open: 6 })).await.unwrap();
}

fn compared(flow: &FlowId) -> TieOutBlock {
    TieOutBlock {
        company: flow.company.to_string(),
        entity: flow.entity.to_string(),
        block: "header".into(),
        tables: vec!["t".into()],
        not_compared: Vec::new(),
        unverified: None,
        unread: false,
        left_out: None,
        watermark: None,
        without_period: 0,
        listed_at: None,
        summed_groups: None,
        not_summed: None,
        read_at: None,
    }
}

#[test]
fn what_runs_for_each_page_or_cycle_reads_as_many_pages_with_much_history_as_with_little() {
    let few = measure(&ledger(FEW, Statistics::True));
    let mut wrong = Vec::new();
    for (statistics, n) in [(Statistics::True, MANY), (Statistics::None, FEW), (Statistics::None, MANY), (Statistics::One, MANY)] {
        for (name, pages) in measure(&ledger(n, statistics)) {
            let sum = |pages: &BTreeMap<String, i64>| pages.values().sum::<i64>();
            let (before, now) = (sum(&few[name]), sum(&pages));
            // a tree of some rows has one level, one of many has three
            let most = before * 2 + 40;
            println!("{name}, {n} old tie-outs, statistics: {statistics:?}: {now} of {most} pages");
            if now > most {
                let mut each: Vec<(&String, &i64)> = pages.iter().filter(|(_, pages)| **pages > 5).collect();
                each.sort_by_key(|(_, pages)| -**pages);
                wrong.push(format!("{name}, {n} old tie-outs, statistics: {statistics:?}: {now} pages, {before} with few: {each:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
