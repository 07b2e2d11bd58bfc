//! Two transactions in a certain order: a session of the test holds a lock on a table, so that one of them stops before a certain statement.

use std::time::{Duration, Instant};

use futures_util::future::join;
use tieline::domain::delivery::Attempt;
use tieline::domain::ids::BatchId;
use tieline::domain::run::RunKind;
use tieline::store::{Dead, Forgotten, Undelivered};

use super::*;
use crate::support::run;

/// Backends of this database that wait for a lock on the table.
pub(super) fn waiting_for(table: &str) -> String {
    format!(
        "(SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation' AND relation = '{table}'::regclass \
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
}

/// Backends of this database that wait for another transaction, or for an advisory lock.
pub(super) const WAITING_FOR_OTHERS: &str =
    "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event IN ('transactionid', 'tuple', 'advisory'))";

/// Holds a lock on a table until `until` is true, and runs `then` before it gives the lock back.
fn hold(ledger: &Ledger, lock: &str, until: &str, then: &str) {
    ledger.database.psql(&format!(
        "BEGIN; LOCK TABLE {lock} MODE;
         DO $$ BEGIN
             FOR n IN 1..3000 LOOP
                 EXIT WHEN {until};
                 PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01);
             END LOOP;
             IF NOT ({until}) THEN RAISE 'nobody waits'; END IF;
         END $$;
         {then};
         COMMIT"
    ));
}

/// Waits until a statement answers with `true`.
pub(super) async fn wait_until(ledger: &Ledger, condition: &str) {
    let started = Instant::now();
    while ledger.database.psql(&format!("SELECT {condition}")) != "t" {
        assert!(started.elapsed() < Duration::from_secs(30), "waited for {condition}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs `during` while a session holds the lock; the session begins first.
pub(super) async fn while_held<T>(
    ledger: &Arc<Ledger>,
    lock: &'static str,
    until: String,
    then: &'static str,
    during: impl Future<Output = T>,
) -> T {
    let table = lock.split_whitespace().next().unwrap();
    let held = format!(
        "EXISTS (SELECT FROM pg_locks WHERE granted AND relation = '{table}'::regclass AND mode IN ('ShareLock', 'AccessExclusiveLock') \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    );
    let own = ledger.clone();
    let session = std::thread::spawn(move || hold(&own, lock, &until, then));
    wait_until(ledger, &held).await;
    let done = during.await;
    session.join().unwrap();
    done
}

#[test]
fn a_record_is_counted_once_while_a_claim_takes_the_rest_of_it() {
    run(async {
        let ledger = Arc::new(Ledger::start().await);
        let read = ledger.read("1", &Content::lines(&[1, 2])).await;
        let first = ledger.claim("lines", 1).await;
        // the other line is claimed while the first one is settled, after its transaction has seen which batches are on their way
        let claim = "WITH gone AS (DELETE FROM outbox RETURNING *)
             INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, taken, documents, lease_until)
             SELECT 'a0000000-0000-0000-0000-000000000002', i.node, i.incarnation, g.entity, g.block, 1, '{}', g.deliveries, ARRAY[g.document_id], i.lease_until
             FROM gone g, intent i";
        let lock = "outbox IN ACCESS EXCLUSIVE";
        while_held(&ledger, lock, format!("{} > 0", waiting_for("outbox")), claim, ledger.confirm(&first)).await;
        assert_eq!((ledger.wrong(), ledger.counts(read)), (String::new(), "1|0|0|2|1|0".into()), "its other line is on its way");
        let mut line = first.deliveries[0].clone();
        line.delivery_id = ledger.database.psql("SELECT max(id) FROM delivery").parse().map(tieline::domain::ids::DeliveryId).unwrap();
        line.record_key = "1".into();
        ledger.confirm(&batch(vec![line], "lines", BatchId("a0000000-0000-0000-0000-000000000002".parse().unwrap()))).await;
        assert_eq!((ledger.wrong(), ledger.counts(read)), (String::new(), "1|1|0|2|2|0".into()));
    });
}

#[test]
fn a_record_is_counted_however_long_the_commit_of_an_earlier_part_takes() {
    run(async {
        let ledger = Arc::new(Ledger::start().await);
        let read = ledger.read("1", &Content::lines(&[1, 2])).await;
        let first = ledger.claim("lines", 1).await;
        // both transactions stop before they count; the first one has seen that the other line still waits
        let both = format!("{} + {WAITING_FOR_OTHERS} > 1", waiting_for("run_count"));
        while_held(&ledger, "run_count IN SHARE", both, "SELECT", async {
            join(ledger.confirm(&first), async {
                wait_until(&ledger, &format!("{} = 1", waiting_for("run_count"))).await;
                let second = ledger.claim("lines", 1).await;
                assert_eq!(second.deliveries.len(), 1);
                ledger.confirm(&second).await;
            })
            .await;
        })
        .await;
        assert_eq!((ledger.wrong(), ledger.counts(read)), (String::new(), "1|1|0|2|2|0".into()));
    });
}

#[test]
fn lines_that_are_read_while_their_header_is_settled_are_sent() {
    run(async {
        for header_first in [false, true] {
            let ledger = Arc::new(Ledger::start().await);
            ledger.read("1", &Content::of(1, &[1])).await;
            let header = ledger.claim("header", 10).await;
            if header_first {
                // the header's transaction stops before it counts, and a new version of the line is read
                let both = format!("{} + {WAITING_FOR_OTHERS} > 1", waiting_for("run_count"));
                while_held(&ledger, "run_count IN SHARE", both, "SELECT", async {
                    join(ledger.confirm(&header), async {
                        wait_until(&ledger, &format!("{} = 1", waiting_for("run_count"))).await;
                        ledger.read("1", &Content::of(1, &[2])).await
                    })
                    .await;
                })
                .await;
            } else {
                // a new version of the line is read, but not committed, and the header is settled
                let both = format!("{} = 1 AND {WAITING_FOR_OTHERS} = 1", waiting_for("delivery"));
                while_held(&ledger, "delivery IN SHARE", both, "SELECT", async {
                    join(ledger.read("1", &Content::of(1, &[2])), async {
                        wait_until(&ledger, &format!("{} = 1", waiting_for("delivery"))).await;
                        ledger.confirm(&header).await;
                    })
                    .await;
                })
                .await;
            }
            assert_eq!(ledger.wrong(), "", "header first: {header_first}");
            let lines = ledger.claim("lines", 10).await;
            assert_eq!(lines.deliveries.iter().map(|line| line.version).collect::<Vec<_>>(), [2], "header first: {header_first}");
        }
    });
}

#[test]
fn a_version_that_fails_while_a_newer_one_is_read_is_replaced_by_it() {
    run(async {
        let ledger = Arc::new(Ledger::start().await);
        let first = ledger.read("1", &Content::of(1, &[])).await;
        let claim = ledger.claim("header", 10).await;
        // the settling transaction ends, or waits for the other one
        let settled = format!(
            "{} = 1 AND ({WAITING_FOR_OTHERS} = 1 OR EXISTS (SELECT FROM pending WHERE state = 'failed'))",
            waiting_for("delivery")
        );
        let (second, ()) = while_held(&ledger, "delivery IN SHARE", settled, "SELECT", async {
            join(ledger.read("1", &Content::of(2, &[])), async {
                wait_until(&ledger, &format!("{} = 1", waiting_for("delivery"))).await;
                ledger.settle(&claim, Attempt::Send, |_| failed()).await.unwrap();
            })
            .await
        })
        .await;
        let left = ledger.database.psql("SELECT version, state FROM undelivered");
        assert_eq!(left, "2|queued", "a person who releases what failed would send the older version over the newer one");
        assert_eq!((ledger.wrong(), ledger.counts(first)), (String::new(), "1|0|1|1|0|1".into()));
        let next = ledger.claim("header", 10).await;
        assert!(next.deliveries[0].sent_ago.is_some(), "what failed may have arrived");
        ledger.confirm(&next).await;
        assert_eq!((ledger.wrong(), ledger.counts(second)), (String::new(), "1|1|0|1|1|0".into()));
    });
}

#[test]
fn a_flow_is_not_forgotten_while_a_batch_takes_its_deliveries() {
    run(async {
        let ledger = Arc::new(Ledger::start().await);
        let read = ledger.read("1", &Content::of(1, &[])).await;
        let own = ledger.clone();
        // a claim that is committed after the flow's deliveries were counted
        let claimed = std::thread::spawn(move || {
            own.database.psql(&format!(
                "BEGIN;
                 WITH gone AS (DELETE FROM outbox RETURNING *)
                 INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, taken, documents, lease_until)
                 SELECT 'a0000000-0000-0000-0000-000000000002', '{}', '{}', g.entity, g.block, 1, '{{}}', g.deliveries, ARRAY[g.document_id], now() + interval '1 hour'
                 FROM gone g;
                 DO $$ BEGIN FOR n IN 1..3000 LOOP EXIT WHEN {WAITING_FOR_OTHERS} > 0; PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01); END LOOP; END $$;
                 COMMIT",
                own.node.name, own.node.incarnation
            ))
        });
        wait_until(
            &ledger,
            "EXISTS (SELECT FROM pg_locks WHERE granted AND relation = 'intent'::regclass AND mode = 'RowExclusiveLock' \
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        )
        .await;
        let forgotten =
            ledger.store.flow_forget(flow(), Undelivered::Drop, "tester".into(), "no longer needed".parse().unwrap()).await.unwrap();
        claimed.join().unwrap();
        assert_eq!(forgotten, Forgotten::Unknowable { parts: 1 });
        assert_eq!((ledger.wrong(), ledger.counts(read)), (String::new(), "1|0|0|1|0|0".into()));
        assert_eq!(ledger.store.delivery_recover(ledger.node.clone(), Dead::ThisWriter, Duration::from_secs(60)).await.unwrap(), 1);
        let found = ledger.claim_to("header", 10, Attempt::LookUp).await.unwrap();
        ledger.settle(&found, Attempt::LookUp, confirmed("header")).await.unwrap();
        assert_eq!((ledger.wrong(), ledger.counts(read)), (String::new(), "1|1|0|1|1|0".into()));
    });
}

#[test]
fn counts_are_added_by_two_at_the_same_moment() {
    run(async {
        let ledger = Ledger::start().await;
        let runs = [ledger.run(RunKind::Poll).await, ledger.run(RunKind::Replay).await];
        for round in 0..20 {
            let [one, other] = runs;
            ledger.database.psql(&format!(
                "INSERT INTO run_count (run_id, read) SELECT CASE WHEN n % 2 = {} THEN '{one}'::uuid ELSE '{other}'::uuid END, 1 FROM generate_series(1, 1500) n",
                round % 2
            ));
            let add = || ledger.store.run_add_counts();
            for added in futures_util::future::join_all([add(), add(), add(), add()]).await {
                added.unwrap();
            }
        }
        let read = ledger.database.psql("SELECT sum(read) FROM run_total");
        assert_eq!(read, "30000");
    });
}
