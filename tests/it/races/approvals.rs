//! Requests for approval that two people answer or use at the same moment, and at the moment at which they end.

use futures_util::future::join;
use tieline::domain::approval::{ApprovalKind, ApprovalState};
use tieline::domain::fiscal::FiscalPeriod;
use tieline::store::{Answered, Approval, Concerns, NewApproval};

use super::orders::{waiting_for, while_held};
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
