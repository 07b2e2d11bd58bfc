//! What a tie-out is asked to compare: one fiscal period, companies and entities; and how it is printed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::world::{COMPANY, World};
use crate::tie_out::{items, quiet_node, tie_out_with};

/// The names of an object's members.
fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The fiscal periods of the sums of an entity.
fn periods(report: &Value, entity: &str) -> BTreeSet<String> {
    let of = report["buckets"].as_array().unwrap().iter().filter(|bucket| bucket["entity"] == entity);
    of.filter_map(|bucket| bucket["period"].as_str()).map(str::to_owned).collect()
}

#[test]
fn one_fiscal_period_is_compared_alone_and_the_rest_is_not_listed() {
    let world = World::start();
    let (all, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "{all:#}");
    let known = periods(&all, "invoice");
    let (period, other) = (known.first().unwrap().as_str(), known.last().unwrap().as_str());
    assert_ne!(period, other);
    // one row of each period is changed by somebody, and one is of nobody
    let of_period = |period: &str| {
        let (year, month) = period.split_once('-').unwrap();
        let number = |text: &str| text.trim_start_matches('0').to_owned();
        let rows = world.servicenow.rows("x_apo_invoice").into_iter();
        let mut rows = rows.filter(|row| number(&row["u_posting_year"]) == year && number(&row["u_posting_period"]) == number(month));
        rows.next().unwrap()
    };
    for period in [period, other] {
        assert!(world.servicenow.edit_row("x_apo_invoice", &of_period(period)["sys_id"], &[("u_amount_invoiced", "0.07")]));
    }
    let stranger = [("u_source_key", "EDU1/invoice/NOBODY/1"), ("u_amount_invoiced", "77.00"), ("u_currency", "ZAR")];
    world.servicenow.insert_row("x_apo_invoice", &stranger).unwrap();
    let (one, exit) = tie_out_with(&world, &["--period", period, "--entity", "invoice"]);
    assert_eq!(exit, Some(3), "{one:#}");
    assert_eq!(periods(&one, "invoice"), BTreeSet::from([period.to_owned()]), "{one:#}");
    let found = one["differences"].as_array().unwrap();
    assert_eq!((found.len(), &found[0]["period"], &found[0]["cause"]), (1, &json!(period), &json!("changed_in_servicenow")), "{one:#}");
    assert_eq!(found[0]["servicenow"], "0.07");
    // the row of nobody belongs to no known period, and that is said
    let header = one["blocks"].as_array().unwrap().iter().find(|block| block["block"] == "header").unwrap();
    assert_eq!(header["without_period"], 1, "{one:#}");
    // the sums of the period are those of a tie-out of everything
    let sums = |report: &Value| -> Vec<Value> {
        let of = report["buckets"].as_array().unwrap().iter();
        of.filter(|bucket| bucket["entity"] == "invoice" && bucket["period"] == period).map(|bucket| bucket["syspro"].clone()).collect()
    };
    assert_eq!(sums(&one), sums(&all));
    // what was asked is kept, shown and in the audit
    assert_eq!(one["scope"], json!({ "companies": [], "entities": ["invoice"], "period": period, "fresh": false }));
    let listed = text(&world.command(&["tie-out", "list"]).output().unwrap());
    assert!(listed.contains(&format!("invoice; period {period}")), "{listed}");
    let audit = world
        .database
        .psql("SELECT detail FROM audit WHERE kind = 'action' AND detail LIKE '%\"action\":\"tie_out\"%' ORDER BY id DESC LIMIT 1");
    assert!(audit.contains(&format!("\"period\":\"{period}\"")) && audit.contains("\"entities\":[\"invoice\"]"), "{audit}");
    // entities without a period are not compared, and a period without records proves nothing
    let (none, exit) = tie_out_with(&world, &["--period", period, "--entity", "supplier"]);
    assert_eq!(exit, Some(8), "{none:#}");
    assert!(none["blocks"][0]["left_out"].as_str().unwrap().contains("no fiscal period"), "{none:#}");
    assert_eq!(tie_out_with(&world, &["--period", "2062-03", "--entity", "invoice"]).1, Some(8));
    let refused = world.command(&["tie-out", "--period", "March"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("not a fiscal period"), "{}", text(&refused));
}

#[test]
fn json_has_the_fixed_members_and_csv_the_same_sums() {
    let world = World::start();
    let row = world.servicenow.rows("x_apo_invoice").swap_remove(0);
    assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_amount_invoiced", "0.07")]));
    let (report, exit) = tie_out_with(&world, &["--company", COMPANY]);
    assert_eq!(exit, Some(3), "{report:#}");
    let has = |value: &Value, members: &[&str]| {
        let missing: Vec<_> = members.iter().filter(|name| !names(value).contains(**name)).collect();
        assert!(missing.is_empty(), "{missing:?}: {value:#}");
    };
    has(&report, &["as_of", "cut", "buckets", "differences", "controls"]);
    for bucket in report["buckets"].as_array().unwrap() {
        has(bucket, &["company", "entity", "period", "currency", "syspro", "ledger", "servicenow", "difference", "state"]);
        for side in ["syspro", "ledger", "servicenow"] {
            assert!(bucket[side]["count"].is_u64(), "{bucket:#}");
            assert!(bucket[side]["sum"].is_string() || bucket["currency"] == "", "{bucket:#}");
        }
        assert!(bucket["difference"].is_string(), "{bucket:#}");
    }
    let difference = &report["differences"][0];
    has(difference, &["company", "entity", "key", "record_key", "cause", "syspro", "servicenow", "next_step"]);
    let shown = world.command(&["record", COMPANY, "invoice", difference["key"].as_str().unwrap()]).output().unwrap();
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown));
    // the watermark of each flow is part of the cut
    let watermarks = report["cut"]["watermarks"].as_array().unwrap();
    assert!(watermarks.iter().any(|one| one["entity"] == "invoice" && one["watermark"].is_string()), "{report:#}");
    let csv = |arguments: &[&str]| {
        let out = world.command(&[&["--output", "csv", "tie-out"], arguments].concat()).output().unwrap();
        (String::from_utf8(out.stdout).unwrap(), out.status.code())
    };
    let (sums, exit) = csv(&["show"]);
    assert_eq!((exit, sums.lines().count()), (Some(3), report["buckets"].as_array().unwrap().len() + 1), "{sums}");
    let (differences, _) = csv(&["items"]);
    assert_eq!(differences.lines().count(), items(&world, &[]).len() + 1, "{differences}");
    let refused = world.command(&["--output", "csv", "status"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
}

#[test]
fn the_api_and_the_console_take_a_period_and_their_files_have_what_the_page_shows() {
    let world = World::start();
    let rows = world.servicenow.rows("x_apo_invoice");
    assert!(world.servicenow.edit_row("x_apo_invoice", &rows[0]["sys_id"], &[("u_amount_invoiced", "0.07")]));
    tie_out_with(&world, &[]);
    let found = items(&world, &[]);
    let (year, month) = (found[0]["year"].as_i64().unwrap(), found[0]["period"].as_i64().unwrap());
    let period = format!("{year}-{month:02}");
    let mut node = quiet_node(&world);
    let key = node.key(&world);
    let call = |method: &str, path: &str, body: &str| {
        let (status, _, answer) = ask(&node.site, method, path, Some(&key), body).unwrap();
        (status, serde_json::from_str::<Value>(&answer).unwrap_or_else(|error| panic!("{error}: {answer}")))
    };
    let count = |query: &str| call("GET", &format!("/api/v1/tie-outs/newest/items?{query}"), "").1["items"].as_array().unwrap().len();
    assert_eq!([count(&format!("period={period}")), count("period=1999-01")], [1, 0]);
    assert_eq!(call("GET", "/api/v1/tie-outs/newest/items?period=March", "").0, 400);
    assert_eq!(call("POST", "/api/v1/tie-outs", &json!({ "why": "x", "period": "March" }).to_string()).0, 400);
    let newest = call("GET", "/api/v1/tie-outs/newest", "").1;
    assert_eq!((&newest["companies"], &newest["year"]), (&json!([]), &Value::Null), "{newest:#}");
    // the page, and the file with the same filter: only the sums to which a difference with this cause belongs
    let person = Person::sign_in(&node.site, &key);
    let id = &newest["id"];
    let lines = |query: &str| person.get(&format!("/tie-out/{id}/sums.csv?about=no&{query}")).body.lines().count() - 1;
    assert_eq!([lines("cause=changed_in_servicenow"), lines("cause=on_hold")], [1, 0]);
    assert!(lines("") > 1);
    let page = person.get(&format!("/tie-out/{id}?cause=on_hold")).body;
    assert!(page.contains("No sum matches this filter"), "{page}");
    assert_eq!(person.post("/tie-out", &format!("why=close&period={period}&entity=invoice&company=")).status, 303);
    let page = person.get("/live/tie-out").body;
    assert!(page.contains(&format!("only invoice; period {period}")), "{page}");
    assert_eq!(person.post("/tie-out", "why=close&period=March").status, 400);
    assert_eq!(node.terminate(), Some(0));
}
