//! The sums of a tie-out by supplier, account and document type: each division adds up to the sum, and each side is what its own system has.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::world::{COMPANY, World};
use crate::tie_out::{quiet_node, said, tie_out_with};

/// Count and sum of one side.
type Side = (i64, Decimal);

fn side(value: &Value) -> Side {
    (value["count"].as_i64().unwrap(), value["sum"].as_str().map(|sum| sum.parse().unwrap()).unwrap_or_default())
}

/// What names a sum.
fn place(value: &Value) -> [String; 4] {
    ["entity", "block", "period", "currency"].map(|name| value[name].as_str().unwrap_or_default().to_owned())
}

/// Both sides by the place of the sum.
fn sums(values: &[&Value]) -> BTreeMap<[String; 4], (Side, Side)> {
    let mut sums: BTreeMap<[String; 4], (Side, Side)> = BTreeMap::new();
    for value in values {
        let (syspro, servicenow) = (side(&value["syspro"]), side(&value["servicenow"]));
        let sum = sums.entry(place(value)).or_default();
        (sum.0.0, sum.0.1) = (sum.0.0 + syspro.0, sum.0.1 + syspro.1);
        (sum.1.0, sum.1.1) = (sum.1.0 + servicenow.0, sum.1.1 + servicenow.1);
    }
    sums
}

fn groups(report: &Value) -> Vec<&Value> {
    report["groups"].as_array().unwrap_or_else(|| panic!("{report:#}")).iter().collect()
}

#[test]
fn every_division_adds_up_to_the_sum_and_shows_in_which_group_it_differs() {
    let world = World::start();
    for (by, blocks) in [
        ("supplier", &[("invoice", "header"), ("gl_posting", "lines")][..]),
        ("account", &[("invoice", "lines"), ("gl_posting", "lines")]),
        ("type", &[("invoice", "lines"), ("gl_posting", "lines")]),
    ] {
        let (report, exit) = tie_out_with(&world, &["--by", by]);
        assert_eq!(exit, Some(0), "{report:#}");
        let divided = groups(&report);
        assert!(divided.iter().all(|group| group["by"] == by && amount(&group["difference"]).is_zero()), "{report:#}");
        let all = sums(&divided);
        for (entity, block) in blocks {
            let of = |value: &&Value| value["entity"] == *entity && value["block"] == *block;
            let whole = sums(&report["buckets"].as_array().unwrap().iter().filter(of).collect::<Vec<_>>());
            assert!(!whole.is_empty(), "{report:#}");
            for (place, sum) in whole {
                assert_eq!(all.get(&place), Some(&sum), "{by}: {place:?}");
            }
            assert!(divided.iter().filter(|group| of(group)).any(|group| group["value"] != ""), "{by} {entity}: {report:#}");
        }
    }
    // the values are those of the rows in ServiceNow
    let (report, _) = tie_out_with(&world, &["--by", "supplier", "--entity", "invoice"]);
    let rows = world.servicenow.rows("x_apo_invoice");
    let mut there: BTreeMap<String, Side> = BTreeMap::new();
    for row in &rows {
        let sum = there.entry(row["u_supplier"].clone()).or_default();
        *sum = (sum.0 + 1, sum.1 + row["u_amount_invoiced"].parse::<Decimal>().unwrap());
    }
    let mut divided: BTreeMap<String, Side> = BTreeMap::new();
    for group in groups(&report).into_iter().filter(|group| group["block"] == "header") {
        let (count, sum) = side(&group["servicenow"]);
        let all = divided.entry(group["value"].as_str().unwrap().to_owned()).or_default();
        *all = (all.0 + count, all.1 + sum);
    }
    assert_eq!(divided, there);

    // an amount is changed for one supplier, and a row is moved to another one
    let changed = rows.iter().find(|row| row["u_amount_invoiced"] != "0.00").unwrap();
    let other = rows.iter().find(|row| row["u_supplier"] != changed["u_supplier"]).unwrap();
    let moved = rows.iter().find(|row| row["sys_id"] != changed["sys_id"] && row["u_supplier"] != other["u_supplier"]).unwrap();
    assert!(world.servicenow.edit_row("x_apo_invoice", &changed["sys_id"], &[("u_amount_invoiced", "0.07")]));
    assert!(world.servicenow.edit_row("x_apo_invoice", &moved["sys_id"], &[("u_supplier", "NOBODY")]));
    let (report, exit) = tie_out_with(&world, &["--by", "supplier", "--entity", "invoice"]);
    assert_eq!(exit, Some(3), "{report:#}");
    let differing: Vec<&Value> =
        groups(&report).into_iter().filter(|group| group["block"] == "header" && group["syspro"] != group["servicenow"]).collect();
    let total = |value: &str| -> Decimal {
        differing.iter().filter(|group| group["value"] == value).map(|group| amount(&group["difference"])).sum()
    };
    let moved_amount: Decimal = moved["u_amount_invoiced"].parse().unwrap();
    assert_eq!(total("NOBODY"), moved_amount, "{differing:#?}");
    let wrong: Decimal = Decimal::new(7, 2) - changed["u_amount_invoiced"].parse::<Decimal>().unwrap();
    let same = changed["u_supplier"] == moved["u_supplier"];
    assert_eq!(total(&changed["u_supplier"]), if same { wrong - moved_amount } else { wrong }, "{differing:#?}");
    if !same {
        assert_eq!(total(&moved["u_supplier"]), -moved_amount, "{differing:#?}");
    }

    // the same of a stored tie-out, in words, as CSV, through the API and on the page to which each sum leads
    let (shown, _) = said(world.command(&["--output", "json", "tie-out", "show", "--by", "supplier"]));
    assert_eq!(shown["groups"], report["groups"]);
    let words = text(&world.command(&["tie-out", "show", "--by", "supplier"]).output().unwrap());
    assert!(words.contains("NOBODY"), "{words}");
    let csv =
        String::from_utf8(world.command(&["--output", "csv", "tie-out", "show", "--by", "supplier"]).output().unwrap().stdout).unwrap();
    assert_eq!(csv.lines().count(), report["groups"].as_array().unwrap().len() + 1, "{csv}");
    let none = text(&world.command(&["tie-out", "show", "--by", "type"]).output().unwrap());
    assert!(none.contains("invoice lines"), "{none}");
    let mut node = quiet_node(&world);
    let key = node.key(&world);
    let call = |query: &str| {
        let (status, _, answer) = ask(&node.site, "GET", &format!("/api/v1/tie-outs/newest/groups?{query}"), Some(&key), "").unwrap();
        (status, serde_json::from_str::<Value>(&answer).unwrap())
    };
    let (status, page) = call("by=supplier&entity=invoice&limit=1000");
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, report["groups"].as_array().unwrap().len()), "{page:#}");
    let nobody = page["items"].as_array().unwrap().iter().find(|one| one["value"] == "NOBODY").unwrap().clone();
    assert_eq!((amount(&nobody["difference"]), &nobody["syspro_records"]), (moved_amount, &json!(0)), "{nobody:#}");
    let period = format!("{}-{:02}", nobody["year"], nobody["period"].as_i64().unwrap());
    let (_, page) = call(&format!("by=supplier&period={period}&currency={}", nobody["currency"].as_str().unwrap()));
    assert!(page["items"].as_array().unwrap().iter().all(|one| one["currency"] == nobody["currency"]), "{page:#}");
    assert_eq!(call("by=weight").0, 400);
    let person = Person::sign_in(&node.site, &key);
    let page = person.get("/tie-out").body;
    let link = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(link, _)| link.replace("&amp;", "&").replace("&#38;", "&"));
    let own = format!("period={period}");
    let link =
        link.into_iter().find(|link| link.contains("/groups?by=supplier") && link.contains(&own)).unwrap_or_else(|| panic!("{page}"));
    assert!(link.contains(&format!("company={COMPANY}")), "{link}");
    let page = person.get(&link).body;
    assert!(page.contains("by supplier") && page.contains(&period), "{page}");
    let page = person.get(link.split("&currency").next().unwrap()).body;
    assert!(page.contains("NOBODY"), "{page}");
    let file = person.get(&link.replace("/groups?", "/groups.csv?")).body;
    assert!(file.contains("company,entity") && file.contains("\"supplier\""), "{file}");
    assert_eq!(node.terminate(), Some(0));
}

fn amount(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}
