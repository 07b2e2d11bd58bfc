//! The Aggregate API.

use super::super::AggregateRights;
use super::*;

async fn bench(change: impl FnOnce(&mut ServiceNowOptions)) -> Bench {
    let mut options = ServiceNowOptions::default();
    change(&mut options);
    let bench = Bench::new(options).await;
    for (key, amount, currency) in [("A/1", "10.50", "ZAR"), ("A/2", "-0.50", "ZAR"), ("a/2", "1", "USD"), ("B/1", "3", "ZAR")] {
        let fields = [("u_source_key", key), ("cost", amount), ("part_number", currency)];
        bench.sim.insert_row("proc_po_item", &fields).expect("a row");
    }
    bench
}

#[actix_rt::test]
async fn counts_sums_and_groups_are_texts() {
    let bench = bench(|_| {}).await;
    let functions = "sysparm_count=true&sysparm_sum_fields=cost&sysparm_min_fields=cost&sysparm_avg_fields=cost";
    let all = bench.get(&format!("/api/now/v1/stats/proc_po_item?{functions}")).await;
    let expected = json!({"count": "4", "sum": {"cost": "14"}, "avg": {"cost": "3.5"}, "min": {"cost": "-0.5"}});
    assert_eq!((all.status, &body(&all)["result"]["stats"]), (200, &expected));
    let by = bench
        .get("/api/now/stats/proc_po_item?sysparm_count=true&sysparm_group_by=part_number&sysparm_query=u_source_keySTARTSWITHA")
        .await;
    let groups = rows(&by);
    assert_eq!(groups.len(), 2, "{groups:?}");
    assert_eq!(groups[1], json!({"stats": {"count": "2"}, "groupby_fields": [{"field": "part_number", "value": "ZAR"}]}));
    // the database groups without case
    let twice = "sysparm_count=true&sysparm_group_by=u_source_key&sysparm_having=count%5Eu_source_key%5E%3E%5E1";
    let groups = rows(&bench.get(&format!("/api/now/stats/proc_po_item?{twice}")).await);
    assert_eq!((groups.len(), &groups[0]["stats"]["count"]), (1, &json!("2")), "{groups:?}");
    // nothing that matches, a table that is not there, another verb
    let none = bench.get("/api/now/stats/proc_po_item?sysparm_count=true&sysparm_query=u_source_key=Z").await;
    assert_eq!(body(&none)["result"]["stats"]["count"], "0");
    assert_eq!(bench.get("/api/now/stats/nothing?sysparm_count=true").await.status, 400);
    assert_eq!(bench.post("/api/now/stats/proc_po_item", &json!({})).await.status, 405);
}

#[actix_rt::test]
async fn a_function_over_texts_is_left_out_without_a_word_and_a_column_that_is_not_there_too() {
    let bench = bench(|_| {}).await;
    let answer = bench.get("/api/now/stats/proc_po_item?sysparm_count=true&sysparm_sum_fields=part_number,u_nothing").await;
    let stats = body(&answer)["result"]["stats"].clone();
    assert_eq!(
        (&stats["count"], stats.get("sum").map(|sum| sum["u_nothing"].clone())),
        (&json!("4"), stats.get("sum").map(|_| Value::Null))
    );
    assert_ne!(stats["sum"]["part_number"], json!("0.5"));
}

#[actix_rt::test]
async fn hidden_rows_are_refused_by_older_releases_and_counted_by_newer_ones() {
    let hide = |options: &mut ServiceNowOptions| {
        options.table("proc_po_item").expect("a table").hidden = Some(("part_number".into(), "USD".into()));
    };
    let path = "/api/now/stats/proc_po_item?sysparm_count=true";
    assert_eq!(bench(hide).await.get(path).await.status, 403);
    let newer = bench(|options| {
        hide(options);
        options.aggregate_rights = AggregateRights::Table;
    })
    .await;
    assert_eq!(body(&newer.get(path).await)["result"]["stats"]["count"], "4");
}
