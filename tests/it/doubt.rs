//! A person sends a record again while the outcome of its last delivery is unknown: nothing is sent before that was looked up.

use std::sync::Arc;
use std::time::Duration;

use tieline::domain::delivery::Attempt;
use tieline::domain::ids::{DeliveryId, RunId};
use tieline::domain::next_step::NextStep;
use tieline::domain::run::RunKind;
use tieline::domain::{DocumentKey, FlowId};
use tieline::store::{Claim, DeliveryOutcome, Intake, IntakeDocument, IntakeRecord, Queue, Resend, SetNumber, Settlement, Store};
use tieline_sim::faults::{Fault, FaultRule};

use crate::support::database::{Database, settings};
use crate::support::world::{COMPANY, World};
use crate::support::{node, run};

fn flow() -> FlowId {
    FlowId::new("EDU1", "supplier")
}

/// One supplier with one record, sent again when it is known already.
fn supplier(run: RunId, text: &str) -> Intake {
    let record = IntakeRecord {
        block: "header".into(),
        record_key: String::new(),
        payload: format!("{{\"u_name\":\"{text}\"}}"),
        refs: None,
        parents: Vec::new(),
    };
    let document = IntakeDocument {
        key: DocumentKey::from_text("042"),
        hash: [1; 32],
        content: "{}".into(),
        mapped: Ok(vec![record]),
        warnings: Vec::new(),
        facts: Default::default(),
        gone: false,
        marks: None,
    };
    Intake { resend: Resend::Everything, ..Intake::of(flow(), run, vec![document]) }
}

struct Ledger {
    store: Store,
    database: Database,
    run: RunId,
}

impl Ledger {
    async fn start() -> Self {
        let database = Database::migrated().await;
        let store = Store::connect(&settings(), &database.url()).unwrap();
        let run = store.run_begin(flow(), RunKind::Poll, "test".into(), None, SetNumber(0)).await.unwrap();
        Self { store, database, run }
    }

    async fn claim(&self, attempt: Attempt) -> Claim {
        let queue = Queue { entity: "supplier".into(), block: "header".into() };
        self.store.delivery_claim(queue, node("one"), 10, Duration::from_secs(60), attempt, SetNumber(0)).await.unwrap()
    }

    /// Claims what there is and stores the same outcome for all of it.
    async fn settle(&self, attempt: Attempt, verdict: DeliveryOutcome) -> Vec<DeliveryId> {
        let queue = Queue { entity: "supplier".into(), block: "header".into() };
        let node = node("one");
        let claim = self.store.delivery_claim(queue, node.clone(), 10, Duration::from_secs(60), attempt, SetNumber(0)).await.unwrap();
        let one = |delivery: &tieline::store::Claimed| Settlement {
            delivery_id: delivery.delivery_id,
            document_id: delivery.document_id,
            version: delivery.version,
            record_key: delivery.record_key.clone(),
            known: delivery.known,
            verdict: verdict.clone(),
            poll_after: None,
            payload: None,
            run_id: None,
        };
        let outcomes: Arc<[Settlement]> = claim.deliveries.iter().map(one).collect();
        self.store.settle(claim.batch_id, claim.queue.clone(), node, outcomes, Vec::new().into(), attempt).await.unwrap();
        claim.deliveries.iter().map(|delivery| delivery.delivery_id).collect()
    }
}

fn unknown() -> DeliveryOutcome {
    DeliveryOutcome::Unknown { message: "the answer was lost".into(), wait: Duration::ZERO, failed_lookups: 0 }
}

fn absent() -> DeliveryOutcome {
    let message = "looked up and not found".into();
    DeliveryOutcome::Deferred {
        message,
        wait: Duration::ZERO,
        throttled: false,
        counted: true,
        unanswered: true,
        next_step: NextStep::Retried,
    }
}

#[test]
fn a_wait_is_kept_by_the_clock_of_the_ledgers_server() {
    run(async {
        for skew in ["1 hour", "-1 hour"] {
            let ledger = Ledger::start().await;
            crate::clock_back::show_another_time(&|sql| ledger.database.psql(sql), skew);
            // what is connected already reads the clock as before
            let store = Store::connect(&settings(), &ledger.database.url()).unwrap();
            let ledger = Ledger { store, ..ledger };
            ledger.store.intake(supplier(ledger.run, "first")).await.unwrap();
            ledger.database.psql("UPDATE pending SET not_before = now()");
            let DeliveryOutcome::Deferred { message, throttled, counted, unanswered, next_step, .. } = absent() else { unreachable!() };
            let wait = Duration::from_secs(600);
            ledger.settle(Attempt::Send, DeliveryOutcome::Deferred { message, wait, throttled, counted, unanswered, next_step }).await;
            let waits = "SELECT round(extract(epoch FROM not_before - now()) / 60) FROM undelivered";
            assert_eq!(ledger.database.psql(waits), "10", "{skew}");
            assert_eq!(ledger.claim(Attempt::Send).await.deliveries.len(), 0, "{skew}: it is not due");
            ledger.database.psql("UPDATE pending SET not_before = now()");
            ledger.settle(Attempt::Send, DeliveryOutcome::Unknown { message: "the answer was lost".into(), wait, failed_lookups: 0 }).await;
            assert_eq!(ledger.database.psql(waits), "10", "{skew}");
        }
    });
}

#[test]
fn a_replay_waits_for_the_outcome_and_then_replaces_what_did_not_arrive() {
    run(async {
        let ledger = Ledger::start().await;
        ledger.store.intake(supplier(ledger.run, "first")).await.unwrap();
        let first = ledger.settle(Attempt::Send, unknown()).await;
        assert_eq!(first.len(), 1);
        ledger.store.intake(supplier(ledger.run, "again")).await.unwrap();
        let states = || ledger.database.psql("SELECT string_agg(version || ' ' || state, ', ' ORDER BY delivery_id) FROM undelivered");
        assert_eq!(states(), "1 unknown, 1 queued");
        assert_eq!(ledger.claim(Attempt::Send).await.deliveries.len(), 0, "nothing is sent before it has been looked up");
        assert_eq!(ledger.settle(Attempt::LookUp, absent()).await, first);
        assert_eq!(states(), "1 queued", "the newer one replaces what did not arrive");
        let claimed = ledger.claim(Attempt::Send).await.deliveries;
        assert!(claimed.len() == 1 && claimed[0].payload.contains("again") && claimed[0].delivery_id > first[0], "{claimed:?}");
        assert!(claimed[0].sent_ago.is_some(), "the older one may still have arrived");
        let told = "SELECT count(*) FROM audit WHERE kind = 'superseded' AND delivery_id = ";
        assert_eq!(ledger.database.psql(&format!("{told}{}", first[0])), "1");
    });
}

#[test]
fn the_third_of_a_record_also_waits_for_the_first() {
    run(async {
        for sending in [false, true] {
            let ledger = Ledger::start().await;
            ledger.store.intake(supplier(ledger.run, "first")).await.unwrap();
            if sending {
                assert_eq!(ledger.claim(Attempt::Send).await.deliveries.len(), 1);
            } else {
                ledger.settle(Attempt::Send, unknown()).await;
            }
            // the third one replaces the second one, which waits for the first one
            ledger.store.intake(supplier(ledger.run, "again")).await.unwrap();
            ledger.store.intake(supplier(ledger.run, "once more")).await.unwrap();
            let states = ledger.database.psql("SELECT string_agg(state, ', ' ORDER BY delivery_id) FROM undelivered");
            assert_eq!(states, if sending { "sending, queued" } else { "unknown, queued" });
            assert_eq!(ledger.claim(Attempt::Send).await.deliveries.len(), 0, "nothing is sent beside the first one ({states})");
        }
    });
}

#[test]
fn a_record_that_is_refused_does_not_keep_its_newer_version_waiting() {
    run(async {
        let ledger = Ledger::start().await;
        ledger.store.intake(supplier(ledger.run, "first")).await.unwrap();
        ledger.settle(Attempt::Send, unknown()).await;
        ledger.store.intake(Intake { ..supplier(ledger.run, "again") }).await.unwrap();
        let refused = DeliveryOutcome::Failed {
            reason: tieline::domain::delivery::FailureReason::Rejected,
            message: "no".into(),
            field: None,
            next_step: NextStep::Exhausted,
        };
        ledger.settle(Attempt::LookUp, refused).await;
        assert_eq!(ledger.claim(Attempt::Send).await.deliveries.len(), 1);
    });
}

#[test]
fn what_is_due_is_what_may_be_claimed() {
    run(async {
        let ledger = Ledger::start().await;
        ledger.store.intake(supplier(ledger.run, "first")).await.unwrap();
        let due = async || ledger.store.delivery_due().await.unwrap();
        assert_eq!(due().await, ["supplier"]);
        ledger.database.psql("INSERT INTO flow (company, entity, stopped) VALUES ('EDU1', 'supplier', 'a column changed')");
        assert_eq!((due().await.len(), ledger.claim(Attempt::Send).await.deliveries.len()), (0, 0), "nobody is nudged for a stopped flow");
        let backlog =
            async |company: &str| ledger.store.delivery_backlog(FlowId::new(company, "supplier"), vec!["header".into()], 10).await.unwrap();
        assert_eq!(backlog("EDU1").await.stopped.as_deref(), Some("a column changed"));
        assert_eq!((backlog("EDU1").await.waiting, backlog("EDU2").await.waiting), (1, 0), "a flow's own backlog");
        ledger.database.psql("UPDATE flow SET stopped = NULL");
        assert_eq!(due().await, ["supplier"]);
        ledger.settle(Attempt::Send, unknown()).await;
        assert_eq!(due().await, ["supplier"], "a doubt is to be looked up");
        ledger.database.psql("UPDATE pending SET not_before = now() + interval '1 hour' WHERE state = 'unknown'");
        ledger.store.intake(supplier(ledger.run, "again")).await.unwrap();
        assert_eq!((due().await.len(), ledger.claim(Attempt::Send).await.deliveries.len()), (0, 0), "nor for what waits for a doubt");
    });
}

/// The whole way, with the real binary.
#[test]
fn a_record_that_is_replayed_while_its_outcome_is_unknown_leaves_no_second_request_before_the_look_up() {
    let world = World::start();
    let row = |name: &str| world.servicenow.rows("x_apo_supplier").iter().filter(|row| row["u_supplier_number"] == name).count();
    world.syspro.insert(COMPANY, "ApSupplier", &[("Supplier", "NEW1"), ("SupplierName", "New"), ("Currency", "R")]).unwrap();
    // the write is done and its answer is lost; nothing can be looked up
    world.servicenow.set_fault(FaultRule::always(Fault::DropAfterCommit).on_method("POST").on_path("/api/now").times(1));
    world.servicenow.set_fault(FaultRule::always(Fault::Status(500)).on_method("GET").on_path("/api/now"));
    // both end with exit code 5: ServiceNow cannot be asked
    let run = |arguments: &[&str]| assert_eq!(world.command(arguments).output().unwrap().status.code(), Some(5), "{arguments:?}");
    run(&["sync", "--entity", "supplier"]);
    let states = || world.database.psql("SELECT string_agg(state, ', ' ORDER BY delivery_id) FROM undelivered");
    assert_eq!((row("NEW1"), states().as_str()), (1, "unknown"));
    let writes = || -> u64 {
        let write = |kind: &str| kind.contains("batch") || kind.starts_with("POST") || kind.starts_with("PATCH") || kind.starts_with("PUT");
        world.servicenow.requests().iter().filter(|(kind, _)| write(kind) && !kind.contains("oauth")).map(|(_, n)| n).sum()
    };
    let before = (writes(), world.servicenow.writes());
    run(&["replay", "--company", COMPANY, "--entity", "supplier", "--key", "NEW1", "--why", "is it there?"]);
    assert_eq!(states(), "unknown, queued");
    assert_eq!((writes(), world.servicenow.writes()), before, "nothing may leave before the look-up");
    world.servicenow.clear_faults();
    world.rest(&["sync", "--entity", "supplier"]).unwrap();
    assert_eq!((row("NEW1"), states().as_str()), (1, ""));
    world.check().unwrap();
}

#[test]
fn neither_a_try_nor_a_look_up_moves_since_when_a_record_is_on_its_way() {
    run(async {
        let ledger = Ledger::start().await;
        ledger.store.intake(supplier(ledger.run, "first")).await.unwrap();
        ledger
            .database
            .psql("UPDATE outbox SET queued_at = now() - interval '1 hour'; UPDATE delivery SET created_at = now() - interval '1 hour'");
        let age = async || {
            let counts = ledger.store.pending_counts().await.unwrap();
            assert_eq!(counts.len(), 1);
            (counts[0].state.clone(), (chrono::Utc::now() - counts[0].queued_at).num_minutes())
        };
        let soon = Duration::from_secs(600);
        let unknown = |wait| DeliveryOutcome::Unknown { message: "the answer was lost".into(), wait, failed_lookups: 0 };
        ledger.settle(Attempt::Send, unknown(Duration::ZERO)).await;
        assert_eq!(age().await, ("unknown".into(), 60));
        ledger.settle(Attempt::LookUp, unknown(soon)).await;
        assert_eq!(age().await, ("unknown".into(), 60), "it is looked up again in ten minutes");
        ledger.database.psql("UPDATE pending SET not_before = now()");
        let DeliveryOutcome::Deferred { message, throttled, counted, unanswered, next_step, .. } = absent() else { unreachable!() };
        ledger.settle(Attempt::LookUp, DeliveryOutcome::Deferred { message, wait: soon, throttled, counted, unanswered, next_step }).await;
        assert_eq!(age().await, ("queued".into(), 60), "it is sent again in ten minutes");

        // a hold stops the time
        let key = || vec!["042".to_owned()];
        ledger.store.hold_put(flow(), key(), "tester".into(), "asked for".parse().unwrap()).await.unwrap();
        ledger.store.hold_end(flow(), key(), "tester".into(), "done".parse().unwrap()).await.unwrap();
        assert_eq!(age().await, ("queued".into(), 0));
    });
}
