//! The second stage, on the instance's own clock.

use super::super::schema::Abort;
use super::super::{LateFailure, SecondStage};
use super::*;

const STAGED: &str = "sn_apo_invoice";
const INVOICES: &str = "x_apo_invoice";
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);
const DAY: Duration = Duration::from_secs(86_400);

fn blocked() -> LateFailure {
    let message = "the vendor is blocked".to_owned();
    LateFailure { column: "u_supplier".into(), when: Abort::StartsWith("BAD".into()), state: "rejected".into(), message }
}

fn options(again_unchanged: bool) -> ServiceNowOptions {
    let stage = SecondStage { failures: vec![blocked()], again_unchanged, ..SecondStage::of_invoices(STAGED) };
    ServiceNowOptions { second_stages: vec![stage], ..Default::default() }
}

impl Bench {
    /// State and error of the only invoice, as a caller reads them.
    async fn state(&self) -> (String, String) {
        let rows = rows(&self.get(&format!("/api/now/table/{INVOICES}?sysparm_fields=u_state,u_error")).await);
        assert_eq!(rows.len(), 1);
        let text = |column: &str| rows[0][column].as_str().unwrap_or_default().to_owned();
        (text("u_state"), text("u_error"))
    }
}

#[actix_rt::test]
async fn a_row_goes_through_its_life_or_fails_and_only_reading_tells() {
    let bench = Bench::new(options(true)).await;
    let good = json!({"u_source_key": "i", "u_supplier": "GOOD"});
    assert_eq!(bench.import(STAGED, &good).await["status"], "inserted");
    assert_eq!(bench.state().await.0, "draft");
    let writes = bench.sim.writes();
    for state in ["approved", "pending_payment", "paid", "paid"] {
        bench.sim.advance(HALF_AN_HOUR);
        assert_eq!(bench.state().await.0, state);
    }
    assert_eq!(bench.sim.writes(), writes, "no caller has written");

    // a newer content starts again, and fails
    let bad = json!({"u_source_key": "i", "u_supplier": "BAD-1"});
    assert_eq!(bench.import(STAGED, &bad).await["status"], "updated");
    assert_eq!(bench.state().await, ("draft".into(), String::new()));
    bench.sim.advance(HALF_AN_HOUR);
    assert_eq!(bench.state().await, ("rejected".into(), "the vendor is blocked".into()));
    let staged = bench.sim.find(STAGED, "u_supplier", "BAD-1").expect("kept");
    assert_eq!(
        ["sys_import_state", "sys_import_state_comment", "u_error"].map(|column| staged[column].as_str()),
        ["error", "the vendor is blocked", "the vendor is blocked"]
    );
    bench.sim.advance(DAY / 2);
    assert_eq!(bench.state().await.0, "rejected", "it stays so");

    // fixed in the instance, and sent again unchanged
    bench.sim.set_late_failures(STAGED, &[]);
    assert_eq!(bench.import(STAGED, &bad).await["status"], "ignored");
    assert_eq!(bench.state().await, ("draft".into(), String::new()));
    bench.sim.advance(DAY);
    assert_eq!(bench.state().await.0, "paid", "every state that was due");

    let bench = Bench::new(options(false)).await;
    bench.import(STAGED, &bad).await;
    bench.sim.advance(HALF_AN_HOUR);
    bench.import(STAGED, &bad).await;
    assert_eq!(bench.state().await.0, "rejected", "where a row that changed nothing is not worked on");
}

#[actix_rt::test]
async fn a_later_write_ends_the_way_of_the_earlier_and_a_deleted_row_has_none() {
    let bench = Bench::new(options(true)).await;
    bench.import(STAGED, &json!({"u_source_key": "i", "u_supplier": "BAD-1"})).await;
    bench.sim.advance(HALF_AN_HOUR / 2);
    bench.import(STAGED, &json!({"u_source_key": "i", "u_supplier": "GOOD"})).await;
    bench.sim.advance(HALF_AN_HOUR / 2 + Duration::from_secs(1));
    assert_eq!(bench.state().await.0, "draft", "the earlier write's time has come, the later one's has not");
    bench.sim.advance(HALF_AN_HOUR / 2);
    assert_eq!(bench.state().await.0, "approved");
    let id = bench.sim.rows(INVOICES)[0]["sys_id"].clone();
    assert!(bench.sim.delete_row(INVOICES, &id));
    bench.sim.advance(DAY);
    assert_eq!(bench.sim.count(INVOICES), 0);
}

#[actix_rt::test]
async fn staging_rows_are_deleted_after_seven_days() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    bench.import(STAGED, &json!({"u_source_key": "old"})).await;
    bench.sim.advance(DAY * 2);
    bench.import(STAGED, &json!({"u_source_key": "new"})).await;
    bench.sim.advance(DAY * 4);
    assert_eq!(bench.sim.count(STAGED), 2);
    let id = bench.sim.find(STAGED, "u_source_key", "old").expect("kept")["sys_id"].clone();
    bench.sim.advance(DAY);
    assert_eq!(bench.sim.rows(STAGED).iter().map(|row| row["u_source_key"].as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(bench.get(&format!("/api/now/import/{STAGED}/{id}")).await.status, 404);
    assert_eq!(bench.sim.count(INVOICES), 2, "what they became stays");
}

#[actix_rt::test]
async fn a_line_that_came_before_its_header_is_tried_again_by_a_job() {
    for every in [None, Some(HALF_AN_HOUR)] {
        let bench = Bench::new(ServiceNowOptions { retrigger_every: every, ..Default::default() }).await;
        let line = json!({"u_source_key": "i/1", "u_header_key": "i", "u_amount": "5"});
        assert_eq!(bench.import("sn_apo_invoice_line", &line).await["status"], "error");
        bench.sim.retrigger();
        assert_eq!(bench.sim.count("x_apo_invoice_line"), 0, "there is no header yet");
        bench.import(STAGED, &json!({"u_source_key": "i"})).await;
        bench.sim.advance(DAY);
        assert_eq!(bench.sim.count("x_apo_invoice_line"), usize::from(every.is_some()), "by itself where it is on");
        let writes = bench.sim.writes();
        bench.sim.retrigger();
        assert_eq!(bench.sim.writes() - writes, u64::from(every.is_none()), "what has succeeded is not tried again");
        let staged = &bench.sim.rows("sn_apo_invoice_line")[0];
        assert_eq!((staged["sys_import_state"].as_str(), staged.get("sys_import_state_comment")), ("inserted", None));
        assert_eq!(bench.sim.rows("x_apo_invoice_line")[0]["u_amount"], "5");
    }
}
