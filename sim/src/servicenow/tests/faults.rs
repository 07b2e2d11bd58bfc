//! Items 46 to 60: limits, faults, the control routes.

use super::super::{RateRule, SemaphoreRule};
use super::*;
use crate::faults::{Fault, FaultRule};

fn rule(lag: Duration) -> RateRule {
    let (name, path) = ("Import Set API".to_owned(), "/api/now/import".to_owned());
    RateRule { name, path, limit: 3, window: Duration::from_secs(3600), lag }
}

#[actix_rt::test]
async fn rate_rules_count_and_tell_when_to_come_back() {
    let bench = Bench::new(ServiceNowOptions { rates: vec![rule(Duration::ZERO)], ..Default::default() }).await;
    for number in 0..3 {
        let answer = bench.post("/api/now/import/sn_apo_supplier", &json!({"u_source_key": number.to_string()})).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (201, Some("3")));
        assert!(answer.header("x-ratelimit-remaining").is_none());
    }
    let answer = bench.post("/api/now/import/sn_apo_supplier", &json!({"u_source_key": "9"})).await;
    assert_eq!(answer.status, 429);
    let wait: i64 = answer.header("retry-after").expect("header").parse().expect("seconds");
    let reset: i64 = answer.header("x-ratelimit-reset").expect("header").parse().expect("time");
    assert!((3590..=3600).contains(&wait) && (reset - chrono::Utc::now().timestamp() - wait).abs() <= 1);
    let expected = json!({"message": "Rate limit exceeded", "detail": "Rate limit of 3 requests per hour for Import Set API exceeded"});
    assert_eq!(body(&answer)["error"], expected);
    let free = bench.get("/api/now/table/proc_po").await;
    assert!(free.status == 200 && free.header("x-ratelimit-limit").is_none());
    let batch = bench.batch(&[("1", "POST", "/api/now/import/sn_apo_supplier", json!({"u_source_key": "8"}))], true).await;
    assert_eq!(serviced(&batch, "1").expect("item")["status_code"], 429, "items count");
    assert_eq!(bench.sim.count("x_apo_supplier"), 3);
    let options = ServiceNowOptions { rates: vec![rule(Duration::from_secs(30))], nodes: 2, ..Default::default() };
    let late = Bench::new(options).await;
    for number in 0..9 {
        let answer = late.post("/api/now/import/sn_apo_supplier", &json!({"u_source_key": number.to_string()})).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (201, Some("6")), "enforced up to 30 s late");
    }
}

#[actix_rt::test]
async fn a_full_semaphore_answers_429_without_a_hint() {
    let options = ServiceNowOptions {
        semaphore: Some(SemaphoreRule { running: 2, queued: 3 }),
        record_time: Duration::from_millis(300),
        session_cookies: false,
        ..Default::default()
    };
    let bench = Bench::new(options).await;
    let answers = futures_util::future::join_all((0..12).map(|_| bench.get("/api/now/table/proc_po"))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(refused.len(), 7);
    assert!(refused.iter().all(|answer| !answer.is_json() && answer.header("retry-after").is_none()));
    assert!(answers[0].header("set-cookie").is_none());
}

#[actix_rt::test]
async fn quotas_and_sizes_refuse() {
    let options = ServiceNowOptions {
        quota: Some(Duration::from_millis(50)),
        record_time: Duration::from_millis(20),
        insert_multiple_synchronous: true,
        body_limit: Some(2000),
        ..Default::default()
    };
    let bench = Bench::new(options).await;
    let path = "/api/now/import/sn_apo_supplier/insertMultiple";
    let records: Vec<Value> = (0..4).map(|key| json!({"Source key": key.to_string()})).collect();
    let answer = bench.post(path, &json!({"records": records})).await;
    assert_eq!((answer.status, bench.sim.count("x_apo_supplier")), (500, 4), "cancelled, and committed all the same");
    assert_eq!(body(&answer)["error"]["message"], "Transaction cancelled: maximum execution time exceeded");
    assert_eq!(bench.sim.undelivered(), 4);
    let answer = bench.post("/api/now/import/sn_apo_supplier", &json!({"u_source_key": "x".repeat(2000)})).await;
    assert_eq!(answer.status, 400);
}

#[actix_rt::test]
async fn answers_get_lost_after_the_commit() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let faults = [
        Fault::DropAfterCommit,
        Fault::CutBody,
        Fault::StatusAfterCommit(500),
        Fault::BrokenJsonAfterCommit,
        Fault::Named("operation_failed_after_commit".into()),
        Fault::Named("cancelled_after_commit".into()),
        Fault::Named("error_in_200_after_commit".into()),
        Fault::Named("broken_result_after_commit".into()),
    ];
    for (at, fault) in faults.iter().enumerate() {
        bench.sim.set_fault(FaultRule::always(fault.clone()).on_path("/api/now/import").times(1));
        let row = Bytes::from(json!({"u_source_key": at.to_string()}).to_string());
        let answer = bench.try_send(Method::POST, "/api/now/import/sn_apo_supplier", &[], row).await;
        let believed = answer.as_ref().is_ok_and(|answer| {
            answer.status < 300 && serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| body.get("result").is_some())
        });
        assert!(!believed, "{fault:?}: {answer:?}");
        match (fault, answer) {
            (Fault::Named(name), Ok(answer)) if name == "operation_failed_after_commit" => assert_eq!(answer.status, 403),
            (Fault::Named(name), Ok(answer)) if name == "cancelled_after_commit" => assert_eq!(answer.status, 500),
            (Fault::Named(_) | Fault::BrokenJsonAfterCommit, Ok(answer)) => assert_eq!(answer.status, if at == 3 { 201 } else { 200 }),
            (Fault::StatusAfterCommit(_), Ok(answer)) => assert!(answer.status == 500 && !answer.is_json()),
            (_, answer) => assert!(answer.is_err(), "{fault:?}"),
        }
        assert_eq!((bench.sim.count("x_apo_supplier"), bench.sim.undelivered()), (at + 1, at as u64 + 1), "{fault:?}");
    }
    assert_eq!(bench.import("sn_apo_supplier", &json!({"u_source_key": "0"})).await["status"], "ignored");
}

#[actix_rt::test]
async fn nothing_is_done_behind_a_gateway_or_a_hibernating_instance() {
    let mut bench = Bench::new(ServiceNowOptions::default()).await;
    let row = json!({"u_source_key": "1"});
    for (fault, status) in
        [(Fault::Status(502), 502), (Fault::Named("hibernation".into()), 200), (Fault::Named("error_in_200".into()), 200)]
    {
        bench.sim.set_fault(FaultRule::always(fault.clone()));
        let answer = bench.post("/api/now/import/sn_apo_supplier", &row).await;
        assert_eq!((answer.status, bench.sim.count("x_apo_supplier")), (status, 0), "{fault:?}");
        if fault == Fault::Named("hibernation".into()) {
            assert!(answer.excerpt().contains("Hibernating") && !answer.is_json());
            assert!(!bench.ask_token(&[]).await.is_json(), "on every path");
        }
        bench.sim.clear_faults();
    }
    bench.sim.set_fault(FaultRule::always(Fault::Named("revoke_tokens".into())).times(1));
    assert_eq!(bench.post("/api/now/import/sn_apo_supplier", &row).await.status, 401);
    bench.log_on().await;
    assert_eq!(bench.import("sn_apo_supplier", &row).await["status"], "inserted");
}

#[actix_rt::test]
async fn single_items_of_a_batch_fail_by_their_own_rules() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    bench.sim.set_fault(FaultRule::always(Fault::StatusAfterCommit(500)).on_path("batch:/api/now/import").times(1));
    let import = "/api/now/import/sn_apo_supplier";
    let items = [("1", "POST", import, json!({"u_source_key": "a"})), ("2", "POST", import, json!({"u_source_key": "b"}))];
    let answer = bench.batch(&items, true).await;
    let status = |id| serviced(&answer, id).expect("item")["status_code"].clone();
    assert_eq!((status("1"), status("2")), (json!(500), json!(201)));
    assert_eq!((bench.sim.count("x_apo_supplier"), bench.sim.undelivered()), (2, 1));
}

#[actix_rt::test]
async fn the_control_routes_tell_and_arm() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    for (key, amount) in [("a", "10.10"), ("b", "0.05")] {
        bench.import("sn_apo_gl_posting", &json!({"u_source_key": key, "u_amount": amount})).await;
    }
    let id = bench.sim.insert_row("x_apo_gl_posting", &[("u_source_key", "A"), ("u_amount", "1")]).expect("row");
    let stats = body(&bench.get("/_sim/stats").await);
    let table = &stats["tables"]["x_apo_gl_posting"];
    assert_eq!(table, &json!({"count": 3, "keys": 2, "duplicates": 1, "sums": {"u_amount": "11.15"}}));
    assert_eq!((&stats["token_requests"], &stats["writes"], &stats["undelivered"]), (&json!(1), &json!(2), &json!(0)));
    assert!(bench.sim.edit_row("x_apo_gl_posting", &id, &[("u_amount", "2")]) && bench.sim.delete_row("x_apo_gl_posting", &id));
    assert!(!bench.sim.delete_row("x_apo_gl_posting", &id));
    let plan = json!({"fault": [{"path": "/api/now", "count": 1, "fault": {"status": 503}}]});
    assert_eq!(bench.post("/_sim/faults", &plan).await.status, 204);
    assert_eq!(bench.get("/api/now/table/proc_po").await.status, 503);
    assert_eq!(bench.get("/api/now/table/proc_po").await.status, 200);
    assert_eq!(bench.post("/_sim/faults", &json!({"fault": 1})).await.status, 400);
    assert_eq!(bench.sim.requests()["GET /api/now/table"], 1, "a request that a gateway answers never arrives");
}

#[actix_rt::test]
async fn answers_are_compressed_when_that_is_accepted() {
    for (gzip, encoding) in [(true, Some("gzip")), (false, None)] {
        let bench = Bench::new(ServiceNowOptions { gzip, ..Default::default() }).await;
        let headers = [("accept-encoding", "gzip")];
        let answer = bench.try_send(Method::GET, "/api/now/table/proc_po", &headers, Bytes::new()).await.expect("answer");
        assert_eq!(answer.header("content-encoding"), encoding);
        assert_eq!(answer.body, "{\"result\":[]}");
    }
}

#[actix_rt::test]
async fn a_token_that_dies_during_a_batch_stops_items_only_where_that_is_on() {
    for (check_token_per_item, second) in [(false, 201), (true, 401)] {
        let bench = Bench::new(ServiceNowOptions { check_token_per_item, ..Default::default() }).await;
        bench.sim.set_fault(FaultRule::always(Fault::Named("revoke_tokens".into())).on_path("batch:").after(1).times(1));
        let import = "/api/now/import/sn_apo_supplier";
        let items = [("1", "POST", import, json!({"u_source_key": "a"})), ("2", "POST", import, json!({"u_source_key": "b"}))];
        let answer = bench.batch(&items, true).await;
        let status = |id| serviced(&answer, id).expect("item")["status_code"].clone();
        assert_eq!((status("1"), status("2")), (json!(201), json!(second)));
        assert_eq!(bench.get("/api/now/table/proc_po").await.status, 401);
    }
}

#[actix_rt::test]
async fn a_url_that_is_far_too_long_is_answered_by_a_page() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let answer = bench.get(&format!("/api/now/table/{}", "x".repeat(23_000))).await;
    assert!(answer.status >= 400 && !answer.is_json(), "{answer:?}");
}
