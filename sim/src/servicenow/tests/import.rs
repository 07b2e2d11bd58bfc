//! Items 29 to 45: import sets and batches.

use super::super::schema::{Abort, BusinessRule, ColumnKind, OnMissing, TableSchema};
use super::*;

const POSTING: &str = "sn_apo_gl_posting";

/// Waits until the simulator shows what is wanted.
async fn until(mut shows: impl AsyncFnMut() -> bool) -> bool {
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while !shows().await {
        if std::time::Instant::now() > end {
            return false;
        }
    }
    true
}

#[actix_rt::test]
async fn an_import_answers_per_map_and_coalesces_without_case() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let answer = bench.post("/api/now/v1/import/sn_apo_supplier", &json!({"u_source_key": "A/1", "u_name": "Bayside"})).await;
    assert_eq!(answer.status, 201);
    let document = body(&answer);
    assert_eq!((&document["import_set"], &document["staging_table"]), (&json!("ISET0010001"), &json!("sn_apo_supplier")));
    let entry = &document["result"][0];
    assert_eq!((&entry["status"], &entry["table"]), (&json!("inserted"), &json!("x_apo_supplier")));
    let link = format!("{}api/now/table/x_apo_supplier/{}", bench.sim.url(), entry["sys_id"].as_str().expect("id"));
    assert_eq!(entry["record_link"], json!(link));
    assert_eq!(bench.import("sn_apo_supplier", &json!({"u_source_key": "a/1", "u_name": "New"})).await["status"], "updated");
    let ignored = bench.import("sn_apo_supplier", &json!({"u_source_key": "a/1", "u_name": "New"})).await;
    assert_eq!((&ignored["status"], &ignored["status_message"]), (&json!("ignored"), &json!("No field values changed")));
    let skipped = bench.import("sn_apo_supplier", &json!({"u_name": "No key"})).await;
    assert_eq!((&skipped["status"], skipped.get("sys_id")), (&json!("skipped"), None));
    assert_eq!((bench.sim.count("x_apo_supplier"), bench.sim.count("sn_apo_supplier"), bench.sim.writes()), (1, 4, 2));
    let staged = rows(&bench.get("/api/now/table/sn_apo_supplier?sysparm_query=sys_import_state=ignored").await);
    assert_eq!(staged.len(), 1);
    assert_eq!((&staged[0]["sys_target_table"], &staged[0]["sys_target_sys_id"]), (&json!("x_apo_supplier"), &entry["sys_id"]));
    let again = bench.get(&format!("/api/now/import/sn_apo_supplier/{}", staged[0]["sys_id"].as_str().expect("id"))).await;
    assert_eq!(body(&again)["result"][0]["status"], "ignored");
    assert_eq!(body(&again)["result"][0]["sys_id"], entry["sys_id"]);
    assert_eq!(bench.post("/api/now/import/cmn_cost_center", &json!({})).await.status, 400, "no staging table");
}

#[actix_rt::test]
async fn without_coalesce_every_call_inserts_and_the_first_match_wins() {
    let mut options = ServiceNowOptions { keep_staging: false, ..Default::default() };
    options.table(POSTING).expect("table").maps[0].coalesce.clear();
    let bench = Bench::new(options).await;
    for _ in 0..2 {
        assert_eq!(bench.import(POSTING, &json!({"u_source_key": "k", "u_amount": "1.10"})).await["status"], "inserted");
    }
    assert_eq!((bench.sim.duplicates("x_apo_gl_posting", "u_source_key"), bench.sim.count(POSTING)), (1, 0));
    assert_eq!(bench.sim.sum("x_apo_gl_posting", "u_amount").to_string(), "2.20");
    let bench = Bench::new(ServiceNowOptions::default()).await;
    for value in ["1", "2"] {
        bench.sim.insert_row("x_apo_gl_posting", &[("u_source_key", "k"), ("u_n", value)]).expect("row");
    }
    assert_eq!(bench.import(POSTING, &json!({"u_source_key": "K", "u_n": "9"})).await["status"], "updated");
    let mut values: Vec<String> = bench.sim.rows("x_apo_gl_posting").iter().map(|row| row["u_n"].clone()).collect();
    values.sort();
    assert_eq!(values, ["2", "9"]);
}

#[actix_rt::test]
async fn composite_keys_and_concurrent_equal_keys_leave_one_row() {
    let mut options = ServiceNowOptions { workers: 2, record_time: Duration::from_millis(20), ..Default::default() };
    options.table(POSTING).expect("table").maps[0].coalesce = vec!["u_company".into(), "u_entry".into()];
    let bench = Bench::new(options).await;
    let row = json!({"u_company": "A", "u_entry": "1"});
    let calls = (0..30).map(|_| bench.import(POSTING, &row));
    let states = futures_util::future::join_all(calls).await;
    assert_eq!(states.iter().filter(|entry| entry["status"] == "inserted").count(), 1);
    assert_eq!(bench.import(POSTING, &json!({"u_company": "A", "u_entry": "2"})).await["status"], "inserted");
    assert_eq!(bench.sim.count("x_apo_gl_posting"), 2);
    assert!(bench.sim.max_concurrency() > 1);
}

#[actix_rt::test]
async fn values_that_are_no_texts_arrive_mangled_and_null_clears() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    bench.import(POSTING, &json!({"u_source_key": "k", "u_amount": 1.10, "u_more": {"a": "b"}, "u_text": "x"})).await;
    let row = bench.sim.find("x_apo_gl_posting", "u_source_key", "k").expect("row");
    assert_eq!((row["u_amount"].as_str(), row["u_more"].as_str()), ("1.1", "{a=b}"));
    assert_eq!(bench.import(POSTING, &json!({"u_source_key": "k", "u_text": "NULL"})).await["status"], "updated");
    assert_eq!(bench.sim.find("x_apo_gl_posting", "u_source_key", "k").expect("row").get("u_text"), None);
    let wide = bench.import(POSTING, &json!({"u_source_key": "w", "u_a": "x".repeat(255)})).await;
    assert_eq!(wide["status"], "inserted");
}

#[actix_rt::test]
async fn a_failed_transform_is_still_201() {
    let mut options = ServiceNowOptions::default();
    let target = options.table("x_apo_gl_posting").expect("table");
    target.rules.push(BusinessRule {
        name: "Closed period".into(),
        column: "u_date".into(),
        abort: Abort::StartsWith("2025-12".into()),
        silent: false,
    });
    let bench = Bench::new(options).await;
    let entry = bench.import(POSTING, &json!({"u_source_key": "k", "u_date": "2025-12-31"})).await;
    assert_eq!(entry["status"], "error");
    assert!(entry["error_message"].as_str().is_some_and(|text| text.contains("'Closed period^")), "{entry}");
    assert_eq!((bench.sim.count("x_apo_gl_posting"), bench.sim.writes()), (0, 0));
}

#[actix_rt::test]
async fn references_are_made_left_empty_or_refused() {
    for (rule, status, companies, value) in
        [(OnMissing::Create, "inserted", 1, true), (OnMissing::Ignore, "inserted", 0, false), (OnMissing::Reject, "error", 0, false)]
    {
        let mut options = ServiceNowOptions::default();
        options.table("x_apo_invoice").expect("table").set_column("u_vendor", ColumnKind::Reference("core_company".into()));
        options.table("sn_apo_invoice").expect("table").maps[0].references.insert("u_vendor".into(), rule);
        let bench = Bench::new(options).await;
        let entry = bench.import("sn_apo_invoice", &json!({"u_source_key": "i", "u_vendor": "Bayside"})).await;
        assert_eq!((&entry["status"], bench.sim.count("core_company")), (&json!(status), companies), "{rule:?}");
        let row = bench.sim.find("x_apo_invoice", "u_source_key", "i").unwrap_or_default();
        assert_eq!(row.contains_key("u_vendor"), value, "{rule:?}");
    }
}

#[actix_rt::test]
async fn a_line_needs_its_header() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let line = json!({"u_source_key": "i/1", "u_header_key": "i"});
    let entry = bench.import("sn_apo_invoice_line", &line).await;
    assert_eq!((&entry["status"], &entry["error_message"]), (&json!("error"), &json!("Target record not found: x_apo_invoice i")));
    bench.import("sn_apo_invoice", &json!({"u_source_key": "i"})).await;
    assert_eq!(bench.import("sn_apo_invoice_line", &line).await["status"], "inserted");
    let open = Bench::new(ServiceNowOptions { lines_need_header: false, ..Default::default() }).await;
    assert_eq!(open.import("sn_apo_invoice_line", &line).await["status"], "inserted");
}

#[actix_rt::test]
async fn insert_multiple_tells_no_outcome_and_reads_labels() {
    let options = ServiceNowOptions { import_delay: Duration::from_millis(200), ..Default::default() };
    let bench = Bench::new(options).await;
    let records = json!({"records": [{"Source key": "a", "u_amount": "1"}, {"Source key": "b"}, {"Amount": "3"}]});
    let answer = bench.post(&format!("/api/now/import/{POSTING}/insertMultiple"), &records).await;
    assert_eq!(answer.status, 201);
    let ids = body(&answer);
    assert!(ids.get("result").is_none() && ids["multi_import_set_id"].is_string(), "{ids}");
    let query = |state: &str| {
        let set = ids["import_set_id"].as_str().expect("id");
        format!("/api/now/table/{POSTING}?sysparm_query=sys_import_set={set}^sys_import_state={state}")
    };
    assert_eq!(rows(&bench.get(&query("pending")).await).len(), 3);
    assert!(until(async || rows(&bench.get(&query("inserted")).await).len() == 2).await, "never transformed");
    assert_eq!(rows(&bench.get(&query("skipped")).await).len(), 1);
    let run = &bench.sim.rows("sys_import_set_run")[0];
    assert_eq!(
        (run["total"].as_str(), run["inserts"].as_str(), run["skipped"].as_str(), run["state"].as_str()),
        ("3", "2", "1", "complete")
    );
    assert!(bench.sim.find("x_apo_gl_posting", "u_amount", "1").is_none(), "a column name was read as a label");
    let names = ServiceNowOptions { insert_multiple_names: true, insert_multiple_synchronous: true, ..Default::default() };
    let bench = Bench::new(names).await;
    bench.post(&format!("/api/now/import/{POSTING}/insertMultiple"), &json!({"records": [{"u_source_key": "a"}]})).await;
    assert_eq!(bench.sim.count("x_apo_gl_posting"), 1);
}

#[actix_rt::test]
async fn a_table_can_be_asynchronous() {
    let bench = Bench::new(ServiceNowOptions { import_asynchronous: true, ..Default::default() }).await;
    let entry = bench.import("sn_apo_invoice", &json!({"u_source_key": "i"})).await;
    assert_eq!((&entry["status"], &entry["table"]), (&json!("pending"), &json!("sn_apo_invoice")));
    assert_eq!(bench.sim.count("x_apo_invoice"), 0);
}

#[actix_rt::test]
async fn a_post_to_a_staging_table_transforms_too() {
    let mut options = ServiceNowOptions::default();
    options.tables.push(TableSchema::new("u_stage", "u_id", "u_id:text(5)").staged("cmn_cost_center", &["name"]));
    options.table("u_stage").expect("table").maps[0].fields.push(("u_id".into(), "name".into()));
    let bench = Bench::new(options).await;
    let answer = bench.post("/api/now/table/u_stage", &json!({"u_id": "too long", "u_other": "x"})).await;
    assert_eq!((answer.status, &body(&answer)["result"]["sys_import_state"]), (201, &json!("inserted")));
    assert_eq!(body(&answer)["result"].get("u_other"), None, "a column the table does not have");
    assert_eq!(bench.sim.rows("cmn_cost_center")[0]["name"], "too l");
}

#[actix_rt::test]
async fn a_batch_has_an_outcome_per_item() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let import = format!("/api/now/import/{POSTING}");
    let items = [
        ("1", "POST", import.as_str(), json!({"u_source_key": "a"})),
        ("2", "POST", "/api/now/table/nothing", json!({})),
        ("3", "GET", "/api/now/table/x_apo_gl_posting?sysparm_fields=u_source_key", Value::Null),
    ];
    let answer = bench.batch(&items, true).await;
    assert_eq!(answer["batch_request_id"], "7", "an identifier comes back as text");
    assert_eq!(answer["unserviced_requests"], json!([]));
    let first = serviced(&answer, "1").expect("item");
    assert_eq!((&first["status_code"], &first["status_text"]), (&json!(201), &json!("Created")));
    assert_eq!(first["body"]["result"][0]["status"], "inserted");
    assert!(first["headers"].as_array().is_some_and(|headers| !headers.is_empty()) && first["execution_time"].is_u64());
    let second = serviced(&answer, "2").expect("item");
    assert_eq!((&second["status_code"], &second["body"]["error"]["message"]), (&json!(400), &json!("Invalid table nothing")));
    assert_eq!(serviced(&answer, "3").expect("item")["body"]["result"], json!([{"u_source_key": "a"}]));
    assert_eq!(bench.sim.requests()["batched POST /api/now/import"], 1);
}

#[actix_rt::test]
async fn items_run_in_another_order_unless_that_is_enforced() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let import = format!("/api/now/import/{POSTING}");
    let ids: Vec<String> = (0..40).map(|id| id.to_string()).collect();
    let items: Vec<_> = ids.iter().map(|id| (id.as_str(), "POST", import.as_str(), json!({"u_source_key": id}))).collect();
    for (ordered, same) in [(true, true), (false, false)] {
        let answer = bench.batch(&items, ordered).await;
        let order: Vec<&str> =
            answer["serviced_requests"].as_array().expect("list").iter().map(|item| item["id"].as_str().expect("id")).collect();
        assert_eq!(order == ids, same, "{order:?}");
    }
    assert_eq!(bench.sim.count("x_apo_gl_posting"), 40);
}

#[actix_rt::test]
async fn the_budget_leaves_items_behind_and_may_commit_the_running_one() {
    for (serviced_500, commits, expected) in [(true, true, 4), (false, true, 4), (true, false, 3)] {
        let options = ServiceNowOptions {
            batch_budget: Duration::from_millis(350),
            record_time: Duration::from_millis(100),
            cancelled_item_serviced: serviced_500,
            cancelled_item_commits: commits,
            ..Default::default()
        };
        let bench = Bench::new(options).await;
        let import = format!("/api/now/import/{POSTING}");
        let ids: Vec<String> = (0..8).map(|id| id.to_string()).collect();
        let items: Vec<_> = ids.iter().map(|id| (id.as_str(), "POST", import.as_str(), json!({"u_source_key": id}))).collect();
        let answer = bench.batch(&items, true).await;
        let left = answer["unserviced_requests"].as_array().expect("list").len();
        assert_eq!(left, if serviced_500 { 4 } else { 5 });
        let running = serviced(&answer, "3");
        assert_eq!(running.map(|item| &item["status_code"]), serviced_500.then_some(&json!(500)));
        assert_eq!(bench.sim.count("x_apo_gl_posting"), expected);
    }
}

#[actix_rt::test]
async fn items_and_answers_have_a_largest_size() {
    let options = ServiceNowOptions { batch_item_limit: 200, batch_output_limit: 100, ..Default::default() };
    let bench = Bench::new(options).await;
    let import = format!("/api/now/import/{POSTING}");
    let items = [
        ("1", "POST", import.as_str(), json!({"u_source_key": "a", "u_text": "x".repeat(200)})),
        ("2", "POST", import.as_str(), json!({"u_source_key": "b"})),
    ];
    let answer = bench.batch(&items, true).await;
    assert_eq!(serviced(&answer, "1").expect("item")["status_code"], 400);
    let second = serviced(&answer, "2").expect("item");
    assert_eq!((&second["status_code"], &second["body"]), (&json!(201), &Value::Null), "a cut body is no JSON");
    assert!(second["error_message"].is_string() && bench.sim.count("x_apo_gl_posting") == 1);
}

#[actix_rt::test]
async fn a_map_renames_columns_on_their_way_to_a_platform_table() {
    let row = json!({"u_source_key": "A/100", "u_code": "100", "u_name": "Stores", "u_legal_entity": "A"});
    let bench = Bench::new(ServiceNowOptions::default()).await;
    assert_eq!(bench.import("sn_fcms_intg_imp_cost_center", &row).await["status"], "inserted");
    let kept = &bench.sim.rows("cmn_cost_center")[0];
    assert_eq!((kept["code"].as_str(), kept["name"].as_str(), kept.get("u_legal_entity")), ("100", "Stores", None));
    let keyless = Bench::new(ServiceNowOptions::default().without_platform_key_columns()).await;
    assert_eq!(keyless.import("sn_fcms_intg_imp_cost_center", &row).await["status"], "skipped");
}

#[actix_rt::test]
async fn items_may_leave_their_formats_out_unless_that_is_on() {
    for (items_need_formats, status) in [(false, 201), (true, 400)] {
        let bench = Bench::new(ServiceNowOptions { items_need_formats, ..Default::default() }).await;
        let item = json!({"id": "1", "method": "POST", "url": "/api/now/table/proc_po", "body": STANDARD.encode("{}")});
        let answer = bench.post("/api/now/batch", &json!({"batch_request_id": "1", "rest_requests": [item]})).await;
        assert_eq!(body(&answer)["serviced_requests"][0]["status_code"], status);
    }
}

/// How fast one worker takes rows in batches of 200, the client's own work included.
#[actix_rt::test]
#[ignore = "measures: run it alone, with --release"]
async fn many_rows_go_through_the_batch_api() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let total = 20_000;
    let body = |batch: usize| {
        let items: Vec<Value> = (0..200)
            .map(|item| {
                let key = format!("EDU1/gl_posting/2026-01-{batch:04}-{item:04}");
                let row = json!({"u_source_key": key, "u_source_version": "1", "u_company": "EDU1", "u_year": "2026", "u_period": "1",
                    "u_journal": "0000123", "u_entry_number": item.to_string(), "u_gl_account": "00-4530", "u_amount": "1234.56",
                    "u_posting_date": "2026-01-31", "u_reference": "Invoice 0012345", "u_comment": "some comment"});
                let headers =
                    json!([{"name": "Content-Type", "value": "application/json"}, {"name": "Accept", "value": "application/json"}]);
                json!({"id": item.to_string(), "method": "POST", "url": "/api/now/import/sn_apo_gl_posting", "headers": headers,
                    "exclude_response_headers": true, "body": STANDARD.encode(row.to_string())})
            })
            .collect();
        Bytes::from(json!({"batch_request_id": "b", "rest_requests": items}).to_string())
    };
    let bodies: Vec<Bytes> = (0..total / 200).map(body).collect();
    let start = std::time::Instant::now();
    for body in bodies {
        let answer = bench.try_send(Method::POST, "/api/now/batch", &[], body).await.expect("answer");
        assert_eq!(answer.status, 200);
    }
    let rate = total as u128 * 1000 / start.elapsed().as_millis().max(1);
    println!("{rate} rows per second");
    assert_eq!(bench.sim.count("x_apo_gl_posting"), total);
    assert!(rate >= 15_000, "{rate} rows per second");
}
