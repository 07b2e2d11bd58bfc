//! A page of records and a signature at the same moment: the page is counted as a change before the signature, or it suspends it.

use futures_util::future::join;
use tieline::domain::close::CloseStep;
use tieline::domain::fiscal::FiscalPeriod;
use tieline::domain::ids::TieOutId;
use tieline::store::{CloseBasis, NewCloseStep, StepResult};

use super::orders::{WAITING_FOR_OTHERS, wait_until, waiting_for, while_held};
use super::*;
use crate::support::run;

fn period() -> FiscalPeriod {
    FiscalPeriod::of(2026, Some(3)).unwrap()
}

/// Reads a document of the period.
async fn read(ledger: &Ledger, text: u32) {
    let run = ledger.run(RunKind::Poll).await;
    let mut document = Content::of(text, &[]).document("1");
    document.facts.periods = vec![period()];
    ledger.store.intake(Intake::of(flow(), run, vec![document])).await.unwrap();
}

/// A ledger with a document of the period, and a tie-out that is done after it was read.
async fn ledger() -> (Arc<Ledger>, CloseBasis) {
    let ledger = Arc::new(Ledger::start().await);
    read(&ledger, 1).await;
    ledger.database.psql(
        "INSERT INTO tie_out (requested_by, state) VALUES ('a test', 'done');
         INSERT INTO tie_out_block (tie_out_id, company, entity, block) VALUES (1, 'EDU1', 'invoice', 'header')",
    );
    let at = ledger.store.time().await.unwrap();
    (ledger, CloseBasis { tie_out: TieOutId(1), at, sums: serde_json::json!([]), reasons: serde_json::json!([]) })
}

async fn prepare(ledger: &Ledger, basis: CloseBasis) -> StepResult {
    let step = NewCloseStep {
        company: "EDU1".into(),
        period: period(),
        step: CloseStep::Prepare,
        actor: "user anna".into(),
        why: "month end".parse().unwrap(),
        basis: Some(basis),
        second_person: true,
    };
    ledger.store.close_step(step).await.unwrap()
}

#[test]
fn a_page_that_is_being_stored_is_waited_for_and_counts_as_a_change() {
    run(async {
        let (ledger, basis) = ledger().await;
        // the page stops before its version; the signature begins meanwhile
        let both = format!("{} > 0 AND {WAITING_FOR_OTHERS} > 0", waiting_for("version"));
        let ((), signed) = while_held(&ledger, "version IN SHARE", both, "SELECT", async {
            join(read(&ledger, 2), async {
                wait_until(&ledger, &format!("{} = 1", waiting_for("version"))).await;
                prepare(&ledger, basis.clone()).await
            })
            .await
        })
        .await;
        assert_eq!(signed, StepResult::Changed(1));
        assert_eq!(ledger.database.psql("SELECT count(*) FROM close_step"), "0");
        let later = CloseBasis { at: ledger.store.time().await.unwrap(), ..basis };
        assert_eq!(prepare(&ledger, later).await, StepResult::Done { held: 0, released: 0 });
    });
}

#[test]
fn a_page_that_comes_during_a_signature_suspends_it() {
    run(async {
        let (ledger, basis) = ledger().await;
        // the signature stops before its step is stored; the page begins meanwhile
        let both = format!("{} > 0 AND {WAITING_FOR_OTHERS} > 0", waiting_for("close_step"));
        let (signed, ()) = while_held(&ledger, "close_step IN SHARE", both, "SELECT", async {
            join(prepare(&ledger, basis), async {
                wait_until(&ledger, &format!("{} = 1", waiting_for("close_step"))).await;
                read(&ledger, 2).await;
            })
            .await
        })
        .await;
        assert_eq!(signed, StepResult::Done { held: 0, released: 0 });
        assert_eq!(ledger.database.psql("SELECT state FROM close_period"), "suspended");
        assert_eq!(ledger.database.psql("SELECT string_agg(step, ' ' ORDER BY id) FROM close_step"), "prepare suspend");
    });
}
