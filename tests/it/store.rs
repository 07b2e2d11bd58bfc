//! The ledger on a real server: the cost of a page, who may write, the audit's chain, migrations, secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tieline::domain::audit::AuditKind;
use tieline::domain::budget::UNRESPONSIVE_AFTER;
use tieline::domain::budget::{Breaker, NodeBudget, OthersBudget, PauseReport, PauseRequest};
use tieline::domain::delivery::{Attempt, FailureReason};
use tieline::domain::ids::{AuditRowId, DocumentId, RunId};
use tieline::domain::run::{RunKind, Trigger};
use tieline::domain::{DocumentKey, FlowId};
use tieline::store::{
    AuditFilter, AuditRow, Dead, DocumentFilter, FailureFilter, Intake, IntakeDocument, IntakeRecord, Lease, LeaseResult, MapFailure, Node,
    Queue, SetNumber, Store, StoreError,
};
use tieline::telemetry::logging::{self, LogFormat};

use crate::support::database::{Database, settings};
use crate::support::{Options, Rig, errors, node, run};

/// The definitions of a ledger that has adopted none.
const UNDER: SetNumber = SetNumber(0);

fn suppliers() -> FlowId {
    FlowId::new("EDU1", "supplier")
}

/// A page of made-up suppliers with one line each; `content` tells one version from another.
fn page(run: RunId, lease: Option<Lease>, count: usize, content: u8) -> Intake {
    let record = |block: &str, record_key: &str, n: usize| IntakeRecord {
        block: block.into(),
        record_key: record_key.into(),
        payload: format!("{{\"u_name\":\"{n} {content}\"}}"),
        refs: None,
        parents: Vec::new(),
    };
    let document = |n: usize| IntakeDocument {
        key: DocumentKey::from_text(format!("S{count}-{n}")),
        hash: [content; 32],
        content: "{}".into(),
        facts: Default::default(),
        mapped: Ok(vec![record("header", "", n), record("lines", "1", n)]),
        warnings: Vec::new(),
        gone: false,
        marks: None,
    };
    Intake {
        lease: lease.map(|lease| (lease, Duration::from_secs(60))),
        ..Intake::of(suppliers(), run, (0..count).map(document).collect())
    }
}

async fn ledger() -> (Database, Store) {
    let database = Database::migrated().await;
    let store = Store::connect(&settings(), &database.url()).unwrap();
    (database, store)
}

#[test]
fn a_page_costs_the_same_statements_whatever_its_size() {
    run(async {
        let (_database, store) = ledger().await;
        let run = store.run_begin(suppliers(), RunKind::Poll, "test".into(), None, UNDER).await.unwrap();
        let mut costs = Vec::new();
        for count in [10, 1_000] {
            let mut cost = Vec::new();
            for content in [1, 2, 2] {
                let before = store.statements();
                let counts = store.intake(page(run, None, count, content)).await.unwrap();
                assert_eq!(counts.read as usize, count);
                cost.push((counts.new > 0, counts.changed > 0, counts.unchanged > 0, store.statements() - before));
            }
            costs.push(cost);
        }
        assert_eq!(costs[0], costs[1], "(new, changed, unchanged, statements) of pages of 10 and of 1,000");
        assert!(costs[0].iter().all(|cost| (1..=40).contains(&cost.3)), "{costs:?}");
    });
}

#[test]
fn no_table_is_emptied_by_a_crash_of_the_server() {
    run(async {
        let database = Database::migrated().await;
        // what an unlogged table holds is gone when Postgres recovers
        assert_eq!(database.psql("SELECT count(*) FROM pg_class WHERE relpersistence = 'u'"), "0");
    });
}

#[test]
fn documents_are_counted_as_they_come_in_and_listed_by_what_is_outstanding() {
    run(async {
        let (database, store) = ledger().await;
        let lease = match store
            .flow_take(suppliers(), node("one").holder(), Duration::from_secs(60), Trigger::Schedule, None, UNDER)
            .await
            .unwrap()
        {
            LeaseResult::Lease(lease, _) => lease,
            other => panic!("{other:?}"),
        };
        let run = store.run_begin(suppliers(), RunKind::Poll, "test".into(), None, UNDER).await.unwrap();
        for (count, content) in [(12, 1), (5, 1), (12, 2), (5, 2)] {
            store.intake(page(run, Some(lease.clone()), count, content)).await.unwrap();
        }
        let status = store.flow_status().await.unwrap();
        assert_eq!(status.iter().map(|flow| flow.documents).collect::<Vec<_>>(), [17]);

        // one document's records have different states, and some have nothing outstanding
        database.psql(
            "INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, run_id) \
             SELECT delivery_id, document_id, company, entity, version, block, record_key, own_state, run_id FROM undelivered u \
             WHERE NOT EXISTS (SELECT FROM pending p WHERE p.delivery_id = u.delivery_id); \
             DELETE FROM outbox; \
             DELETE FROM pending WHERE document_id % 3 = 0",
        );
        database.psql(
            "UPDATE pending SET own_state = (ARRAY['queued', 'after_header', 'queued', 'unknown', 'failed'])[1 + delivery_id % 5], \
                       batch_id = CASE delivery_id % 5 WHEN 2 THEN gen_random_uuid() END, message = CASE WHEN delivery_id % 10 = 0 THEN 'a message' END",
        );
        let list = async |state: &str, entity: &str| -> Vec<DocumentId> {
            let (mut found, mut after) = (Vec::new(), DocumentId::default());
            loop {
                let (state, entity) = (Some(state.parse().unwrap()), Some(entity.to_owned()));
                let rows =
                    store.document_list(DocumentFilter { state, entity, after, limit: 2, ..DocumentFilter::default() }).await.unwrap();
                let Some(last) = rows.last() else { return found };
                after = last.id;
                found.extend(rows.iter().map(|row| row.id));
            }
        };
        let outstanding = "FROM document d WHERE EXISTS (SELECT FROM undelivered p WHERE p.document_id = d.id AND p.state";
        for (state, of) in [
            ("failed", format!("{outstanding} = 'failed')")),
            ("unknown", format!("{outstanding} = 'unknown')")),
            ("retrying", format!("{outstanding} = 'queued' AND p.message IS NOT NULL)")),
            ("sending", format!("{outstanding} = 'sending')")),
            ("queued", format!("{outstanding} IN ('queued', 'after_header') AND p.message IS NULL)")),
            ("delivered", "FROM document d WHERE NOT EXISTS (SELECT FROM undelivered p WHERE p.document_id = d.id)".to_owned()),
        ] {
            let expected = database.psql(&format!("SELECT string_agg(d.id::text, ' ' ORDER BY d.id) {of}"));
            let found: Vec<String> = list(state, "supplier").await.iter().map(DocumentId::to_string).collect();
            assert!(!found.is_empty() && found.join(" ") == expected, "{state}: {found:?}, and not {expected}");
            assert_eq!(list(state, "invoice").await, Vec::<DocumentId>::new(), "{state}");
        }
    });
}

#[test]
fn a_nul_in_any_text_is_written_out_and_fails_no_transaction() {
    run(async {
        let (_database, store) = ledger().await;
        let nul = |text: &str| format!("{text}\u{0}!");
        let run = store.run_begin(suppliers(), RunKind::Poll, nul("by"), Some(nul("why")), UNDER).await.unwrap();
        let LeaseResult::Lease(lease, _) =
            store.flow_take(suppliers(), node("one").holder(), Duration::from_secs(60), Trigger::Schedule, None, UNDER).await.unwrap()
        else {
            panic!("it is free")
        };
        let mut intake = page(run, Some(lease.clone()), 3, 1);
        intake.notes = vec![nul("note")];
        (intake.position, intake.kinds) = (Some(serde_json::json!({ "after": nul("x") })), Some(serde_json::json!([nul("k")])));
        intake.documents[0].warnings = vec![(tieline::domain::warning::WarningKind::Cut, nul("warning").into())];
        intake.documents[1].mapped = Err(MapFailure {
            reason: FailureReason::Rejected,
            block: "header".into(),
            message: nul("message").into(),
            field: nul("field"),
            next_step: tieline::domain::next_step::NextStep::JoinKeyTooShort { table: nul("next") },
        });
        intake.documents[2].key = DocumentKey::from_text(nul("key"));
        intake.documents[2].content = serde_json::json!({ "v": nul("content") }).to_string();
        let counts = store.intake(intake).await.unwrap();
        assert_eq!(counts.new, 3);
        let failures = store.failure_list(FailureFilter { limit: 10, ..FailureFilter::default() }).await.unwrap();
        let failed = failures.iter().find(|row| row.reason.map(|reason| reason.as_str()) == Some("rejected")).unwrap();
        assert_eq!(failed.message.as_deref(), Some("message\\u0000!"));
        store.run_end(suppliers(), run, Some(nul("error"))).await.unwrap();
        store.flow_release(lease, Some(nul("error")), RunKind::Poll, tieline::store::AfterError::Stop).await.unwrap();
        let status = store.flow_status().await.unwrap();
        assert_eq!(status[0].last_error.as_deref(), Some("error\\u0000!"));
        store.flow_resume(suppliers(), tieline::store::SmallerTables::Fault, nul("who"), "why".parse().unwrap()).await.unwrap();
        let audit = store.audit_list(AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap();
        let said: Vec<&str> = audit.iter().filter_map(|row| row.detail.as_deref()).collect();
        for text in ["note\\\\u0000!", "warning\\\\u0000!", "message\\\\u0000!", "why\\\\u0000!"] {
            assert!(said.iter().any(|detail| detail.contains(text)), "{text}: {said:#?}");
        }
        let details: Vec<_> = said.iter().map(|detail| serde_json::from_str::<serde_json::Value>(detail).unwrap()).collect();
        assert!(!details.is_empty());
        // statements that read the details as jsonb still work: notices are collected from them
        store.audit_seal().await.unwrap();
    });
}

#[test]
fn the_audit_is_listed_from_either_end_and_by_record() {
    run(async {
        let (_database, store) = ledger().await;
        let run = store.run_begin(suppliers(), RunKind::Poll, "test".into(), None, UNDER).await.unwrap();
        store.intake(page(run, None, 6, 1)).await.unwrap();
        store.intake(page(run, None, 6, 2)).await.unwrap();
        let first = AuditRowId::default();
        let of = |key: Option<&str>, after, limit| AuditFilter { key: key.map(str::to_owned), after, limit, ..AuditFilter::default() };
        let ids = |rows: Vec<AuditRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
        let all = ids(store.audit_list(of(None, first, 1000)).await.unwrap());
        let mut newest = ids(store.audit_newest(of(None, first, 5)).await.unwrap());
        assert_eq!(store.audit_newest_from(of(None, first, 5)).await.unwrap(), newest.last().copied());
        newest.extend(ids(store.audit_newest(of(None, newest[4], 1000)).await.unwrap()));
        newest.reverse();
        assert!(all.len() >= 12 && all == newest, "{all:?} {newest:?}");
        let rows = store.audit_list(of(Some("S6-3"), first, 1000)).await.unwrap();
        assert!(rows.len() >= 2 && rows.iter().all(|row| row.key.as_deref() == Some("S6-3")), "{rows:?}");
        assert_eq!(store.audit_list(AuditFilter { company: Some("1".into()), ..of(Some("S6-3"), first, 1000) }).await.unwrap().len(), 0);
    });
}

#[test]
fn a_holder_that_was_replaced_writes_nothing() {
    run(async {
        let (database, store) = ledger().await;
        let take = async |name: &str, ttl| match store
            .flow_take(suppliers(), node(name).holder(), ttl, Trigger::Schedule, None, UNDER)
            .await
            .unwrap()
        {
            LeaseResult::Lease(lease, _) => lease,
            other => panic!("{other:?}"),
        };
        // a lease that has run out at once
        let old = take("one", Duration::ZERO).await;
        let new = take("two", Duration::from_secs(60)).await;
        assert!(new.epoch > old.epoch);
        let run = store.run_begin(suppliers(), RunKind::Poll, "test".into(), None, UNDER).await.unwrap();
        let refused = store.intake(page(run, Some(old), 3, 1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
        let count = || {
            database.psql("SELECT (SELECT count(*) FROM document) + (SELECT count(*) FROM undelivered) + (SELECT count(*) FROM version)")
        };
        assert_eq!(count(), "0");
        let held =
            store.flow_take(suppliers(), node("three").holder(), Duration::from_secs(1), Trigger::Schedule, None, UNDER).await.unwrap();
        assert!(matches!(&held, LeaseResult::Held { holder, .. } if *holder == new.holder), "{held:?}");
        store.intake(page(run, Some(new), 3, 1)).await.unwrap();
        assert_eq!(count(), "12");
    });
}

#[test]
fn what_a_silent_node_had_in_hand_is_unknown_long_before_its_lease_ends() {
    run(async {
        let (database, store) = ledger().await;
        let run = store.run_begin(suppliers(), RunKind::Poll, "test".into(), None, UNDER).await.unwrap();
        store.intake(page(run, None, 3, 1)).await.unwrap();
        let (one, two) = (node("one"), node("two"));
        let queue = Queue { entity: "supplier".into(), block: "header".into() };
        let claim = store.delivery_claim(queue, one.clone(), 10, Duration::from_secs(300), Attempt::Send, UNDER).await.unwrap();
        assert_eq!(claim.deliveries.len(), 3);
        let recovered = async || store.delivery_recover(two.clone(), Dead::Expired, UNRESPONSIVE_AFTER).await.unwrap();
        assert_eq!(recovered().await, 0, "a node that shows no signs of life is trusted to the end of its lease");
        store.node_heartbeat(one.clone(), NodeBudget::default(), PauseReport::default(), UNRESPONSIVE_AFTER, None).await.unwrap();
        assert_eq!(recovered().await, 0);
        database.psql("UPDATE node SET seen_at = now() - interval '13 seconds'");
        assert_eq!(recovered().await, 3);
        assert_eq!(database.psql("SELECT DISTINCT state FROM undelivered WHERE block = 'header'"), "unknown");
        let late =
            store.settle(claim.batch_id, claim.queue.clone(), one, Vec::new().into(), Vec::new().into(), Attempt::Send).await.unwrap_err();
        assert!(matches!(late, StoreError::Fenced { .. }), "{late}");
    });
}

#[test]
fn nodes_tell_one_another_what_the_instance_accepts() {
    run(async {
        let (database, store) = ledger().await;
        let (one, two) = (node("one"), node("two"));
        let beat = async |node: &Node, own| {
            store.node_heartbeat(node.clone(), own, PauseReport::default(), UNRESPONSIVE_AFTER, None).await.unwrap().others
        };
        let fine = NodeBudget { batch_size: 50, concurrency: 4, ..NodeBudget::default() };
        let told = NodeBudget { pause: Duration::from_secs(60), ..fine };
        assert_eq!(beat(&one, told).await, OthersBudget::default(), "it is alone");
        let heard = beat(&two, fine).await;
        assert!(heard.nodes == 1 && !heard.broken && heard.pause > Duration::from_secs(50) && heard.pause <= told.pause, "{heard:?}");
        let heard = beat(&one, NodeBudget { breaker: Breaker::Open, ..told }).await;
        assert_eq!(heard, OthersBudget { nodes: 1, ..OthersBudget::default() });
        assert!(beat(&two, fine).await.broken);
        let rows = store.node_list(UNRESPONSIVE_AFTER).await.unwrap();
        let row = rows.iter().find(|row| row.name == "one").unwrap();
        assert_eq!((row.alive, row.batch_size, row.concurrency, row.breaker.as_str()), (true, 50, 4, "open"));
        database.psql("UPDATE node SET seen_at = now() - interval '13 seconds' WHERE name = 'one'");
        assert_eq!(beat(&two, fine).await, OthersBudget::default(), "what a silent node was told is no news");
        assert!(!store.node_list(UNRESPONSIVE_AFTER).await.unwrap().iter().any(|row| row.name == "one" && row.alive));
    });
}

#[test]
fn what_servicenow_asked_for_holds_over_a_restart_and_is_ended_for_all_nodes() {
    run(async {
        let (database, store) = ledger().await;
        let (one, two) = (node("one"), node("two"));
        let pausing = NodeBudget { pause: Duration::from_secs(3600), ..NodeBudget::default() };
        let asked = |ago: u64| PauseReport {
            of: Some(PauseRequest { asked: Duration::from_secs(1 << 31), said: "429: 2099".into(), ago: Duration::from_secs(ago) }),
            lifted: false,
        };
        let beat = async |node: &Node, own, asked| store.node_heartbeat(node.clone(), own, asked, UNRESPONSIVE_AFTER, None).await.unwrap();
        let hears = async || beat(&two, NodeBudget::default(), PauseReport::default()).await;
        beat(&one, pausing, asked(10)).await;
        database.psql("UPDATE node SET seen_at = now() - interval '1 hour' WHERE name = 'one'");
        let heard = hears().await;
        assert!(
            heard.others.nodes == 0 && heard.others.pause > Duration::from_secs(3500),
            "the node has gone, the pause has not: {heard:?}"
        );
        let paused = store.sending_paused().await.unwrap();
        assert_eq!((paused.len(), paused[0].said.as_deref(), paused[0].asked_seconds > 2e9), (1, Some("429: 2099"), true));

        let resumed = store.sending_resume("anna".into(), "they fixed it".parse().unwrap()).await.unwrap();
        assert_eq!((resumed.pauses, resumed.parts), (1, 0));
        // a node that has not heard of it yet tells the old pause once more
        beat(&one, pausing, asked(20)).await;
        let heard = hears().await;
        assert!(heard.others.pause.is_zero() && heard.resumed.is_some(), "{heard:?}");
        assert!(store.sending_paused().await.unwrap().is_empty());
        // a pause that starts later is another one, and ends for all when a trial succeeds
        beat(&one, pausing, asked(0)).await;
        assert!(hears().await.others.pause > Duration::from_secs(3500));
        beat(&one, NodeBudget::default(), PauseReport { of: None, lifted: true }).await;
        beat(&one, pausing, asked(1)).await;
        assert!(hears().await.others.pause.is_zero());
    });
}

#[test]
fn every_delivery_is_accounted_for_and_the_chain_shows_tampering() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        rig.sync_well().await;
        let rows: i64 = rig.database.psql("SELECT count(*) FROM audit").parse().unwrap();
        rig.seal_all().await;
        let report = rig.store.audit_verify().await.unwrap();
        assert_eq!((report.rows, report.broken_at), (rows, None));

        let all = rig.store.audit_list(AuditFilter { limit: 1_000_000, ..AuditFilter::default() }).await.unwrap();
        let of = |kind: &'static str| all.iter().filter(move |row| row.kind == kind);
        let read: BTreeSet<_> = of("version_read").map(|row| (&row.entity, &row.key, row.version)).collect();
        let attempted: BTreeMap<_, _> = of("attempted").map(|row| (row.batch_id.unwrap(), row.id)).collect();
        assert!(of("confirmed").count() > 500);
        for row in of("confirmed") {
            assert!(read.contains(&(&row.entity, &row.key, row.version)), "{row:?}");
            assert!(attempted[&row.batch_id.unwrap()] < row.id, "{row:?}");
        }
        assert_eq!(of("unknown").map(|row| &row.detail).collect::<Vec<_>>(), Vec::<&Option<String>>::new());
        let confirmed = of("confirmed").map(|row| row.delivery_id).collect::<BTreeSet<_>>().len();
        assert_eq!(rig.database.psql("SELECT count(*) FROM delivery"), confirmed.to_string());

        rig.database.psql("UPDATE event SET actor = 'nobody' WHERE id = (SELECT max(id) FROM event WHERE kind = 'confirmed')");
        assert!(rig.store.audit_verify().await.unwrap().broken_at.is_some());
    });
}

#[test]
fn migrations_can_be_undone_and_redone() {
    run(async {
        let database = Database::empty();
        let store = Store::connect(&settings(), &database.url()).unwrap();
        let done = store.migrate().await.unwrap();
        assert!(!done.is_empty());
        let tables = || {
            database.psql("SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, column_name) FROM (SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public') c")
        };
        let before = tables();
        assert_eq!(store.migrations_redo().await.unwrap(), done.len());
        assert_eq!(tables(), before);
        assert_eq!(store.migrate().await.unwrap(), Vec::<String>::new());
        database.psql("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
        assert!(matches!(store.migrate().await, Err(StoreError::NewerSchema { version }) if version == "99990101000000"));
    });
}

#[test]
fn stored_reasons_states_and_causes_get_their_new_words() {
    run(async {
        let database = Database::migrated().await;
        database.psql(
            "INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash) \
             SELECT n, n, 1, 'header', '', CASE WHEN n = 2 THEN 'unmapped' ELSE 'upsert' END, '{}', '\\x00' FROM generate_series(1, 4) n; \
             INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message) \
             SELECT n, n, 'A', 'invoice', 1, 'header', '', 'failed', CASE WHEN n = 1 THEN 'downstream_failed' ELSE 'rejected' END, \
             CASE WHEN n = 3 THEN 'it was mapped under another definition, for another table than the current one; nothing of it was sent' ELSE 'no' END \
             FROM generate_series(1, 4) n; \
             INSERT INTO downstream (document_id, block, record_key, delivery_id, company, entity, state, next_check) \
             VALUES (5, 'header', '', 5, 'A', 'invoice', 'could_not_tell', now()), (6, 'header', '', 6, 'A', 'invoice', 'open', now()); \
             INSERT INTO tie_out (requested_by) VALUES ('a test'); \
             INSERT INTO tie_out_item (tie_out_id, company, entity, block, document_key, record_key, currency, kind, cause) \
             SELECT 1, 'A', 'invoice', 'header', cause, '', '', 'missing', cause FROM unnest(ARRAY['could_not_tell', 'downstream_failed', 'unknown']) cause",
        );
        let words = || {
            database.psql(
                "SELECT concat_ws(' ', (SELECT string_agg(reason, ',' ORDER BY delivery_id) FROM pending), \
                 (SELECT string_agg(state, ',' ORDER BY document_id) FROM downstream), (SELECT string_agg(cause, ',' ORDER BY id) FROM tie_out_item))",
            )
        };
        let before = words();
        database.psql(include_str!("../../migrations/2026-11-30-090000_name_reasons/up.sql"));
        assert_eq!(words(), "downstream,unmapped,unmapped,rejected unknown,open unexplained,downstream,unknown");
        database.psql(include_str!("../../migrations/2026-11-30-090000_name_reasons/down.sql"));
        assert_eq!(words(), before);
    });
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_secret_is_told() {
    run(async {
        let log = Page::default();
        let writer = log.clone();
        logging::init_with("debug", LogFormat::Text, move || writer.clone()).unwrap();
        let mut options = Options::of_one_company(26);
        options.syspro.password = "SENTINEL-odata".into();
        options.servicenow.client_secret = "SENTINEL-client".into();
        let rig = Rig::start(options).await;
        rig.sync_well().await;
        // errors of every kind have their say too
        rig.servicenow.revoke_tokens();
        rig.syspro.set_operator("TIELINE", "changed");
        rig.syspro.restart_service();
        let said = errors(&rig.sync().await);
        assert!(!said.is_empty());
        let ledger: String = ["audit", "run", "flow", "pending", "delivery", "credential"]
            .map(|table| rig.database.psql(&format!("SELECT row_to_json(t) FROM {table} t")))
            .concat();
        assert!(ledger.contains("credential set"));
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("run ended"), "there is no log to search");
        use base64::Engine;
        let header = base64::prelude::BASE64_STANDARD.encode("TIELINE:SENTINEL-odata");
        for (name, text) in [("errors", said.join("\n")), ("ledger", ledger), ("log", log)] {
            for secret in ["SENTINEL", &header] {
                let at = text.find(secret);
                assert_eq!(at, None, "{name}: {:?}", at.map(|at| &text[at.saturating_sub(80)..at]));
            }
        }
        assert!(rig.audit(AuditKind::Action).await.iter().any(|row| row.actor == "test"));
    });
}
