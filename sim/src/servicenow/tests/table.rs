//! Items 11 to 28: the Table API.

use super::super::schema::{Abort, BusinessRule};
use super::super::{CallerSysId, LongText};
use super::*;

const ID: &str = "aaaabbbbccccddddeeeeffff00001111";

#[actix_rt::test]
async fn a_record_is_made_read_changed_and_deleted() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let made = bench.post("/api/now/v2/table/cmn_cost_center", &json!({"name": "Stores", "code": "100", "u_unknown": "x"})).await;
    let record = body(&made)["result"].clone();
    let path = format!("/api/now/table/cmn_cost_center/{}", record["sys_id"].as_str().expect("id"));
    assert_eq!((made.status, made.header("location")), (201, Some(&*format!("{}{}", bench.sim.url(), &path[1..]))));
    assert_eq!((&record["name"], &record["manager"], record.get("u_unknown")), (&json!("Stores"), &json!(""), None));
    assert!(chrono::NaiveDateTime::parse_from_str(record["sys_created_on"].as_str().expect("time"), "%Y-%m-%d %H:%M:%S").is_ok());
    let changed = bench.send(Method::PATCH, &path, &json!({"name": "Depot"})).await;
    assert_eq!((changed.status, &body(&changed)["result"]["code"]), (200, &json!("100")), "other columns stay");
    assert_eq!(body(&changed)["result"]["sys_mod_count"], "1");
    assert_eq!(bench.send(Method::PUT, &path, &json!({"code": ""})).await.status, 200);
    assert_eq!(body(&bench.get(&path).await)["result"]["code"], "", "an empty text clears");
    let gone = bench.send(Method::DELETE, &path, &Value::Null).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let missing = bench.send(Method::PATCH, &path, &json!({"name": "x"})).await;
    assert_eq!(missing.status, 404);
    let expected = json!({"error": {"message": "No Record found", "detail": "Record doesn't exist or ACL restricts the record retrieval"}, "status": "failure"});
    assert_eq!(body(&missing), expected);
    assert_eq!((bench.sim.count("cmn_cost_center"), bench.sim.writes()), (0, 4));
}

#[actix_rt::test]
async fn a_table_rule_keeps_callers_from_creating_and_deleting() {
    let mut options = ServiceNowOptions::default();
    options.table("proc_po").expect("a table").no_create = true;
    options.table("sn_apo_supplier").expect("a table").no_create = true;
    options.table("proc_po_item").expect("a table").no_delete = true;
    let bench = Bench::new(options).await;
    let refused = |what: &str| {
        let detail = format!("ACL Exception {what} Failed due to security constraints");
        (403, json!({"message": "Operation Failed", "detail": detail}))
    };
    let error = |answer: &Response| (answer.status, body(answer)["error"].clone());
    for path in ["/api/now/table/proc_po", "/api/now/import/sn_apo_supplier", "/api/now/table/sn_apo_supplier"] {
        assert_eq!(error(&bench.post(path, &json!({"number": "1"})).await), refused("Insert"), "{path}");
    }
    let made = bench.post("/api/now/table/proc_po_item", &json!({"number": "1"})).await;
    let path = format!("/api/now/table/proc_po_item/{}", body(&made)["result"]["sys_id"].as_str().expect("id"));
    assert_eq!(error(&bench.send(Method::DELETE, &path, &Value::Null).await), refused("Delete"));
    let counts = ["proc_po", "sn_apo_supplier", "proc_po_item"].map(|table| bench.sim.count(table));
    assert_eq!((counts, bench.sim.writes()), ([0, 0, 1], 1));
}

#[actix_rt::test]
async fn errors_have_their_statuses_and_texts() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let error = |answer: &Response| (answer.status, body(answer)["error"].clone());
    assert_eq!(error(&bench.get("/api/now/table/nothing").await), (400, json!({"message": "Invalid table nothing", "detail": null})));
    assert_eq!(
        error(&bench.get("/api/now/other").await),
        (400, json!({"message": "Requested URI does not represent any resource", "detail": "/api/now/other"}))
    );
    let raw = async |more: &[(&str, &str)], body: &'static str| {
        bench.try_send(Method::POST, "/api/now/table/proc_po", more, Bytes::from_static(body.as_bytes())).await.expect("answer").status
    };
    assert_eq!(raw(&[], "{").await, 400);
    assert_eq!(raw(&[("accept", "")], "{}").await, 400);
    assert_eq!(raw(&[("content-type", "")], "{}").await, 400);
    assert_eq!(raw(&[("content-type", "text/plain")], "{}").await, 415);
    assert_eq!(raw(&[("accept", "text/csv")], "{}").await, 406);
    assert_eq!(raw(&[("x-http-method-override", "GET")], "").await, 200);
    assert_eq!(raw(&[], "").await, 201, "mandatory columns of the dictionary are not enforced");
    assert_eq!(bench.send(Method::PUT, "/api/now/table/proc_po", &json!({})).await.status, 405);
    let headers = [("content-type", "")];
    let path = format!("/api/now/table/proc_po/{ID}");
    assert_eq!(bench.try_send(Method::DELETE, &path, &headers, Bytes::new()).await.expect("answer").status, 400);
    let lenient = Bench::new(ServiceNowOptions { delete_needs_content_type: false, ..Default::default() }).await;
    assert_eq!(lenient.try_send(Method::DELETE, &path, &headers, Bytes::new()).await.expect("answer").status, 404);
    let quiet = [("x-no-response-body", "true")];
    let answer = bench.try_send(Method::POST, "/api/now/table/proc_po", &quiet, Bytes::from_static(b"{}")).await.expect("answer");
    assert!(answer.status == 201 && answer.body.is_empty() && answer.header("location").is_some());
}

#[actix_rt::test]
async fn a_list_of_records_keeps_the_first() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    bench.post("/api/now/table/proc_po", &json!([{"number": "1"}, {"number": "2"}])).await;
    assert_eq!(bench.sim.rows("proc_po").iter().map(|row| row["number"].as_str()).collect::<Vec<_>>(), ["1"]);
    bench.post("/api/now/table/proc_po", &json!({"records": [{"number": "3"}]})).await;
    assert_eq!(bench.sim.count("proc_po"), 2);
    assert!(bench.sim.find("proc_po", "number", "3").is_none());
}

#[actix_rt::test]
async fn lists_have_pages_links_and_counts() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    for number in 0..25 {
        bench.sim.insert_row("proc_po", &[("number", &format!("PO{number:02}")), ("status", "ordered")]).expect("row");
    }
    let query = "/api/now/table/proc_po?sysparm_query=status=ordered^ORDERBYnumber&sysparm_fields=number,nothing&sysparm_limit=10";
    let page = bench.get(&format!("{query}&sysparm_offset=10")).await;
    assert_eq!(rows(&page)[0], json!({"number": "PO10"}), "unknown fields are left out");
    assert_eq!((rows(&page).len(), page.header("x-total-count")), (10, Some("25")));
    let links = page.header("link").expect("links").to_owned();
    for relation in ["first", "prev", "next", "last"] {
        assert!(links.contains(&format!(">;rel=\"{relation}\"")), "{links}");
    }
    assert!(links.contains("sysparm_offset=20>;rel=\"next\"") && links.starts_with(&format!("<{}", bench.sim.url())), "{links}");
    let bare = bench.get(&format!("{query}&sysparm_no_count=true&sysparm_suppress_pagination_header=true")).await;
    assert!(bare.header("x-total-count").is_none() && bare.header("link").is_none());
    let mut seen = Vec::new();
    let mut last = String::new();
    loop {
        let path = format!("/api/now/table/proc_po?sysparm_query=sys_id>{last}^ORDERBYsys_id&sysparm_fields=sys_id&sysparm_limit=7");
        let page = rows(&bench.get(&path).await);
        let Some(end) = page.last() else { break };
        last = end["sys_id"].as_str().expect("id").to_owned();
        seen.extend(page);
    }
    assert_eq!(seen.len(), 25, "paging by key finds each row once");
    let order = async || rows(&bench.get("/api/now/table/proc_po?sysparm_fields=number").await);
    let (first, mut differs) = (order().await, false);
    for _ in 0..5 {
        differs |= order().await != first;
    }
    assert!(differs, "an order nobody asked for is kept");
    assert_eq!(bench.get("/api/now/table/proc_po?sysparm_query=number=none").await.status, 200);
    assert_eq!(bench.get("/api/now/v1/table/proc_po?sysparm_query=number=none").await.status, 404);
}

#[actix_rt::test]
async fn queries_compare_without_case_and_drop_what_they_do_not_know() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    for (number, status, cost) in [("Abc-1", "ordered", "9.50"), ("abc-2", "received", "10.00"), ("x", "", "")] {
        bench.sim.insert_row("proc_po", &[("number", number), ("status", status), ("total_cost", cost)]).expect("row");
    }
    let found = async |query: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let mut numbers: Vec<String> = rows(&bench.get(&format!("/api/now/table/proc_po?sysparm_query={encoded}")).await)
            .iter()
            .map(|row| row["number"].as_str().expect("number").to_lowercase())
            .collect();
        if !query.contains("ORDERBY") {
            numbers.sort();
        }
        numbers.join(" ")
    };
    for (query, expected) in [
        ("number=ABC-1", "abc-1"),
        ("numberINabc-1,ABC-2,none", "abc-1 abc-2"),
        ("numberNOT INabc-1,ABC-2", "x"),
        ("number!=x", "abc-1 abc-2"),
        ("numberSTARTSWITHABC", "abc-1 abc-2"),
        ("numberLIKEC-2", "abc-2"),
        ("numberENDSWITH1", "abc-1"),
        ("statusISEMPTY", "x"),
        ("statusISNOTEMPTY^number!=abc-1", "abc-2"),
        ("total_cost>9.5", "abc-2"),
        ("total_cost>=9.5^total_cost<10", "abc-1"),
        ("total_cost<=9.5^statusISNOTEMPTY", "abc-1"),
        ("number=x^ORnumber=abc-2", "abc-2 x"),
        ("statusISNOTEMPTY^number=x^ORnumber=abc-2", "abc-2"),
        ("ORDERBYDESCnumber", "x abc-2 abc-1"),
        ("correlation_id=none", "abc-1 abc-2 x"),
        ("correlation_id=none^number=x", "x"),
    ] {
        assert_eq!(found(query).await, expected, "{query}");
    }
    let strict = Bench::new(ServiceNowOptions { invalid_query_returns_no_rows: true, ..Default::default() }).await;
    strict.sim.insert_row("proc_po", &[("number", "1")]).expect("row");
    assert!(rows(&strict.get("/api/now/table/proc_po?sysparm_query=correlation_id=x").await).is_empty());
    assert_eq!(rows(&strict.get("/api/now/table/proc_po?sysparm_query=number=1").await).len(), 1);
    let keyless = Bench::new(ServiceNowOptions::default().without_platform_key_columns()).await;
    let made = keyless.post("/api/now/table/proc_po", &json!({"number": "1", "u_source_key": "k"})).await;
    assert_eq!(body(&made)["result"].get("u_source_key"), None);
    assert_eq!(rows(&keyless.get("/api/now/table/proc_po?sysparm_query=u_source_key=other").await).len(), 1, "the trap");
}

#[actix_rt::test]
async fn references_and_display_values_have_their_shapes() {
    let bench = Bench::new(ServiceNowOptions { user_offset_minutes: 120, ..Default::default() }).await;
    bench.post("/api/now/table/core_company", &json!({"name": "Bayside", "sys_id": ID})).await;
    bench.post("/api/now/table/proc_po", &json!({"number": "P", "vendor": ID, "po_date": "2026-01-31 08:00:00"})).await;
    let show = async |more: &str| {
        let fields = "sysparm_fields=vendor,ship_to,number,po_date,vendor.name";
        rows(&bench.get(&format!("/api/now/table/proc_po?{fields}{more}")).await)[0].clone()
    };
    let link = format!("{}api/now/table/core_company/{ID}", bench.sim.url());
    let plain = show("").await;
    assert_eq!((&plain["vendor"], &plain["ship_to"]), (&json!({"link": link, "value": ID}), &json!("")));
    assert_eq!((&plain["vendor.name"], &plain["po_date"]), (&json!("Bayside"), &json!("2026-01-31 08:00:00")));
    assert_eq!(show("&sysparm_exclude_reference_link=true").await["vendor"], json!(ID));
    let display = show("&sysparm_display_value=true").await;
    assert_eq!(
        (&display["vendor"], &display["po_date"]),
        (&json!({"display_value": "Bayside", "link": link}), &json!("2026-01-31 10:00:00"))
    );
    let all = show("&sysparm_display_value=all").await;
    assert_eq!(all["vendor"], json!({"display_value": "Bayside", "link": link, "value": ID}));
    assert_eq!(all["number"], json!({"display_value": "P", "value": "P"}));
    let body = json!({"number": "Q", "vendor": "Bayside", "po_date": "2026-01-31 10:00:00"});
    bench.post("/api/now/table/proc_po?sysparm_input_display_value=true", &body).await;
    let row = bench.sim.find("proc_po", "number", "Q").expect("row");
    assert_eq!((row["vendor"].as_str(), row["po_date"].as_str()), (ID, "2026-01-31 08:00:00"));
}

#[actix_rt::test]
async fn values_are_cut_ignored_or_kept() {
    let bench = Bench::new(ServiceNowOptions::default()).await;
    let body = json!({"number": "x".repeat(50), "status": "odd", "total_cost": "ten", "vendor": ID});
    assert_eq!(bench.post("/api/now/table/proc_po", &body).await.status, 201);
    let row = &bench.sim.rows("proc_po")[0];
    assert_eq!((row["number"].len(), row.get("status"), row.get("total_cost"), row["vendor"].as_str()), (40, None, None, ID));
    let options = ServiceNowOptions { long_text: LongText::Refuse, any_choice: true, dangling_references: false, ..Default::default() };
    let strict = Bench::new(options).await;
    assert_eq!(strict.post("/api/now/table/proc_po", &body).await.status, 403);
    strict.post("/api/now/table/core_company", &json!({"name": "other"})).await;
    strict.post("/api/now/table/proc_po", &json!({"number": "1", "status": "odd", "vendor": ID})).await;
    let row = &strict.sim.rows("proc_po")[0];
    assert_eq!((row["status"].as_str(), row.get("vendor")), ("odd", None));
}

#[actix_rt::test]
async fn a_callers_id_is_kept_and_a_repeat_answered_as_chosen() {
    for (policy, second, count, kept) in [
        (CallerSysId::Kept, 403, 1, true),
        (CallerSysId::KeptOnce, 201, 2, true),
        (CallerSysId::Ignored, 201, 2, false),
        (CallerSysId::Refused, 403, 0, false),
    ] {
        let bench = Bench::new(ServiceNowOptions { caller_sys_id: policy, ..Default::default() }).await;
        let record = json!({"sys_id": ID.to_uppercase(), "name": "x"});
        bench.post("/api/now/table/cmn_cost_center", &record).await;
        let again = bench.post("/api/now/table/cmn_cost_center", &record).await;
        assert_eq!((again.status, bench.sim.count("cmn_cost_center")), (second, count), "{policy:?}");
        if second == 403 {
            assert_eq!(body(&again)["error"]["message"], "Operation Failed");
        }
        let found = bench.get(&format!("/api/now/table/cmn_cost_center/{ID}")).await;
        assert_eq!(found.status == 200, kept, "{policy:?}");
        assert!(!kept || body(&found)["result"]["sys_id"] == ID.to_uppercase(), "{policy:?}");
    }
}

#[actix_rt::test]
async fn rules_policies_and_access_control_act_on_writes() {
    let mut options = ServiceNowOptions::default();
    let table = options.table("proc_po").expect("table");
    table.unwritable.push("description".into());
    table.mandatory.push("number".into());
    table.rules.push(BusinessRule { name: "No refunds".into(), column: "total_cost".into(), abort: Abort::Negative, silent: false });
    table.hidden = Some(("status".into(), "canceled".into()));
    let bench = Bench::new(options).await;
    let missing = bench.post("/api/now/table/proc_po", &json!({"records": [{"number": "1"}]})).await;
    assert_eq!((missing.status, &body(&missing)["error"]["message"]), (403, &json!("Operation Failed")));
    assert_eq!(body(&missing)["error"]["detail"], "Data Policy Exception: The following fields are mandatory: number");
    let negative = bench.post("/api/now/table/proc_po", &json!({"number": "1", "total_cost": "-0.01"})).await;
    let detail = body(&negative)["error"]["detail"].as_str().expect("detail").to_owned();
    assert!(negative.status == 403 && detail.contains("Operation against file 'proc_po'") && detail.contains("'No refunds^"), "{detail}");
    let made = bench.post("/api/now/table/proc_po", &json!({"number": "1", "description": "secret"})).await;
    assert_eq!((made.status, &body(&made)["result"]["description"]), (201, &json!("")), "dropped without a word");
    let path = format!("/api/now/table/proc_po/{}", body(&made)["result"]["sys_id"].as_str().expect("id"));
    let changed = bench.send(Method::PATCH, &path, &json!({"description": "again"})).await;
    assert_eq!((changed.status, &body(&changed)["result"]["sys_mod_count"]), (200, &json!("0")));
    let hidden = bench.sim.insert_row("proc_po", &[("number", "2"), ("status", "canceled")]).expect("row");
    let list = bench.get("/api/now/table/proc_po?sysparm_limit=2").await;
    assert_eq!((rows(&list).len(), list.header("x-total-count")), (1, Some("2")), "the limit counts before access control");
    assert_eq!(bench.get(&format!("/api/now/table/proc_po/{hidden}")).await.status, 404);
}

#[actix_rt::test]
async fn a_new_record_may_not_be_readable_at_once() {
    let bench = Bench::new(ServiceNowOptions { read_delay: Duration::from_millis(400), ..Default::default() }).await;
    let made = bench.post("/api/now/table/proc_po", &json!({"number": "1"})).await;
    let path = format!("/api/now/table/proc_po/{}", body(&made)["result"]["sys_id"].as_str().expect("id"));
    assert_eq!((made.status, bench.get(&path).await.status), (201, 404));
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while bench.get(&path).await.status != 200 {
        assert!(std::time::Instant::now() < end, "never readable");
    }
}

#[actix_rt::test]
async fn orders_compute_their_cost_out_of_their_lines() {
    for (procurement_rules, total, remaining) in [(true, "25.20", "1.00"), (false, "1.00", "9.00")] {
        let bench = Bench::new(ServiceNowOptions { procurement_rules, ..Default::default() }).await;
        bench.post("/api/now/table/proc_po", &json!({"sys_id": ID, "number": "1", "total_cost": "1"})).await;
        for cost in ["10.10", "2.50"] {
            let line = json!({"purchase_order": ID, "cost": cost, "ordered_quantity": "2", "received_quantity": "1",
                "remaining_quantity": "9", "total_cost": "0"});
            bench.post("/api/now/table/proc_po_item", &line).await;
        }
        assert_eq!(bench.sim.rows("proc_po")[0]["total_cost"], total);
        assert_eq!(bench.sim.rows("proc_po_item")[0]["remaining_quantity"], remaining);
    }
}
