//! Requests for approval that two people answer or use at the same moment, and at the moment at which they end.

use futures_util::future::join;
use tieline::domain::approval::{ApprovalKind, ApprovalState};
use tieline::domain::fiscal::FiscalPeriod;
use tieline::store::{Answered, Approval, ApprovedUse, Concerns, NewApproval, Resend};

use super::orders::{WAITING_FOR_OTHERS, waiting_for, while_held};
use super::*;
use crate::support::run;

/// Anna asks for an unlock, or does it.
async fn unlock(ledger: &Ledger) -> Approval {
    let period = FiscalPeriod::of(2026, Some(3)).unwrap();
    let ask = NewApproval {
        kind: ApprovalKind::Unlock,
        subject: "unlock EDU1 2026/03".into(),
        effect: "it is open again".into(),
        concerns: Concerns::Period { company: "EDU1".into(), period },
        actor: "user anna".into(),
        why: "a correction".parse().unwrap(),
        hours: 1,
    };
    ledger.store.approval_use(ask).await.unwrap().unwrap()
}

async fn asked(ledger: &Ledger) -> i64 {
    match unlock(ledger).await {
        Approval::Asked(row) => row.id,
        given @ Approval::Given(_) => panic!("{given:?}"),
    }
}

async fn answer(ledger: &Ledger, id: i64, approve: bool, person: &str) -> Answered {
    ledger.store.approval_answer(id, approve, person.into(), "seen".parse().unwrap()).await.unwrap()
}

fn events(ledger: &Ledger) -> String {
    ledger.database.psql("SELECT string_agg(detail::jsonb ->> 'action', ' ' ORDER BY id) FROM audit WHERE kind = 'approval'")
}

#[test]
fn of_two_answers_and_of_two_uses_at_once_one_counts() {
    run(async {
        let ledger = Arc::new(Ledger::start().await);
        let id = asked(&ledger).await;
        // both wait for the decision before they look
        let both = format!("{} = 2", waiting_for("approval"));
        let answers = while_held(&ledger, "approval IN ACCESS EXCLUSIVE", both.clone(), "SELECT", async {
            join(answer(&ledger, id, true, "user ben"), answer(&ledger, id, false, "user carla")).await
        })
        .await;
        let done = [&answers.0, &answers.1].iter().filter(|answer| matches!(answer, Answered::Done(_))).count();
        assert_eq!(done, 1, "{answers:?}");
        if matches!(answers.1, Answered::Done(_)) {
            // rejected: asked for again, and approved
            let again = asked(&ledger).await;
            assert!(again != id && matches!(answer(&ledger, again, true, "user ben").await, Answered::Done(_)));
        }
        let uses =
            while_held(&ledger, "approval IN ACCESS EXCLUSIVE", both, "SELECT", async { join(unlock(&ledger), unlock(&ledger)).await })
                .await;
        let given = [&uses.0, &uses.1].iter().filter(|one| matches!(one, Approval::Given(_))).count();
        assert_eq!(given, 1, "an approval is used once: {uses:?}");
        assert!(events(&ledger).ends_with("approve use ask"), "{}", events(&ledger));
    });
}

#[test]
fn an_answer_that_waited_beyond_the_end_of_a_request_is_too_late() {
    run(async {
        let ledger = Arc::new(Ledger::start().await);
        let id = asked(&ledger).await;
        // the answer's transaction has begun before the end, and decides after it
        let end = "UPDATE approval SET expires_at = clock_timestamp()";
        let late = while_held(
            &ledger,
            "approval IN ACCESS EXCLUSIVE",
            format!("{} = 1", waiting_for("approval")),
            end,
            answer(&ledger, id, true, "user ben"),
        )
        .await;
        assert!(matches!(late, Answered::State(ApprovalState::Expired)), "{late:?}");
        assert_eq!(events(&ledger), "ask expire");
    });
}

/// Executions of the replay that was approved.
const ONE: &str = "a0000000-0000-0000-0000-000000000001";
const OTHER: &str = "a0000000-0000-0000-0000-000000000002";

fn used(execution: &str) -> ApprovedUse {
    ApprovedUse { approval: 1, execution: execution.parse().unwrap(), actor: "user anna".into(), why: "a correction".parse().unwrap() }
}

/// Three records, and an approval to send them again.
async fn approved() -> Arc<Ledger> {
    let ledger = Arc::new(Ledger::start().await);
    for key in ["1", "2", "3"] {
        ledger.read(key, &Content::of(1, &[])).await;
    }
    ledger.database.psql(
        "INSERT INTO approval (kind, subject, digest, asked_by, why, expires_at, state)
         VALUES ('replay', 'send again', 'x', 'user anna', 'a correction', now() + interval '1 hour', 'approved');
         INSERT INTO approval_record (approval_id, document_id, version) SELECT 1, id, version FROM document",
    );
    ledger
}

/// An execution queues a record again; whether it may.
async fn queue_again(ledger: &Ledger, execution: &str, key: &str) -> bool {
    let run = ledger.run(RunKind::Replay).await;
    let documents = vec![Content::of(1, &[]).document(key)];
    let page = Intake { resend: Resend::Everything, approval: Some(used(execution)), ..Intake::of(flow(), run, documents) };
    match ledger.store.intake(page).await {
        Ok(_) => true,
        Err(StoreError::NotApproved { number: 1 }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The keys that were queued again, and those for which the approval is left.
fn queued_and_left(ledger: &Ledger) -> (String, String) {
    let keys = |of: &str| {
        ledger.database.psql(&format!("SELECT coalesce(string_agg(key, ' ' ORDER BY key), '') FROM document WHERE id IN ({of})"))
    };
    (keys("SELECT document_id FROM audit WHERE kind = 'replayed'"), keys("SELECT document_id FROM approval_record"))
}

#[test]
fn of_two_executions_at_once_one_uses_the_approval_until_it_ends() {
    run(async {
        let ledger = approved().await;
        // both are about to queue a record when they look at the approval
        let both = format!("{} + {WAITING_FOR_OTHERS} = 2", waiting_for("approval"));
        let done = while_held(&ledger, "approval IN ACCESS EXCLUSIVE", both, "SELECT", async {
            join(queue_again(&ledger, ONE, "1"), queue_again(&ledger, OTHER, "2")).await
        })
        .await;
        let (winner, loser, first) = match done {
            (true, false) => (ONE, OTHER, "1"),
            (false, true) => (OTHER, ONE, "2"),
            both => panic!("one of them: {both:?}"),
        };
        let left = if first == "1" { "2 3" } else { "1 3" };
        assert_eq!(queued_and_left(&ledger), (first.into(), left.into()));
        // the other one cannot go on for the rest, and the first one can until it has ended
        assert!(!queue_again(&ledger, loser, "3").await && queue_again(&ledger, winner, "3").await);
        ledger.store.approval_used(used(winner)).await.unwrap();
        let rest = if first == "1" { "2" } else { "1" };
        assert!(!queue_again(&ledger, winner, rest).await && !queue_again(&ledger, loser, rest).await);
        assert_eq!(queued_and_left(&ledger), (format!("{first} 3"), rest.into()));
        assert_eq!(events(&ledger), "use");
    });
}

#[test]
fn an_execution_that_begins_after_the_end_of_its_approval_queues_nothing() {
    run(async {
        let ledger = approved().await;
        // its transaction has begun before the end
        let end = "UPDATE approval SET expires_at = clock_timestamp()";
        let waits = format!("{} = 1", waiting_for("approval"));
        let queued = while_held(&ledger, "approval IN ACCESS EXCLUSIVE", waits, end, queue_again(&ledger, ONE, "1")).await;
        assert!(!queued);
        assert_eq!(queued_and_left(&ledger), (String::new(), "1 2 3".into()));
    });
}
