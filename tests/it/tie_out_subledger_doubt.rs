//! What the sub-ledger does not tell is said, and never taken for a zero: months of accounts payable that are not those of the general
//! ledger, amounts in other currencies that cancel each other, and values that are no numbers.

use serde_json::{Value, json};
use tieline_sim::syspro::RawText;

use crate::support::world::{COMPANY, World};
use crate::tie_out::{said, tie_out_with};
use crate::tie_out_subledger::{HOME, current, invoice, line};

/// An open invoice without a journal.
fn open(world: &World, number: &str, currency: &str, values: &[(&str, &str)]) {
    let (year, period) = current(world);
    let (year, period) = (year.to_string(), period.to_string());
    let header = [
        ("Supplier", "042"),
        ("Invoice", number),
        ("Branch", "10"),
        ("Currency", currency),
        ("InvoiceYear", year.as_str()),
        ("InvoiceMonth", period.as_str()),
    ];
    world.syspro.insert(COMPANY, "ApInvoice", &[&header, values].concat()).unwrap();
}

/// The period that is so many periods earlier, in a year of 12.
fn earlier((year, period): (i64, i64), by: i64) -> String {
    let months = year * 12 + period - 1 - by;
    format!("{}-{:02}", months.div_euclid(12), months.rem_euclid(12) + 1)
}

/// What a tie-out of a period says, with these settings.
fn of_period(world: &World, period: &str, settings: &[(&str, &str)]) -> Value {
    let mut command = world.command(&["--output", "json", "tie-out", "--why", "month end", "--period", period]);
    for (name, value) in settings {
        command.env(format!("TIELINE__SUBLEDGER__{name}"), value);
    }
    said(command).0
}

#[test]
fn a_tie_out_of_a_period_has_the_ap_month_that_belongs_to_it() {
    let world = World::start();
    let now = current(&world);
    invoice(&world, "LATE-1", "990001", "10.00");
    // the general ledger is one period behind accounts payable
    let shifted = [("PERIODS_AHEAD", "-1")];
    let report = of_period(&world, &earlier(now, 1), &shifted);
    let own = line(&report, HOME, 0);
    assert_eq!(report["subledger"].as_array().unwrap().iter().filter(|one| one["account"] == HOME).count(), 1, "{report:#}");
    assert_eq!((&own["month"], &own["period"]), (&json!(earlier(now, 0)), &json!(earlier(now, 1))), "{own:#}");
    // a journal that is still to come is named by its AP month
    assert!(own["entries"].as_array().unwrap().iter().any(|entry| entry["journal"] == "990001"), "{own:#}");
    // the settings name no table with the AP month itself
    assert!(own["why"].as_str().unwrap().contains("is assumed to be this period: `subledger.month_table` is `GenControl`"), "{own:#}");

    // SYSPRO's own AP month, in a table of its own
    let months = |back: i64| {
        let month = earlier(now, back);
        let (year, period) = month.split_once('-').unwrap();
        let row = [("Branch", COMPANY), ("PoNextNumber", year), ("GrnNextNumber", period.trim_start_matches('0'))];
        world.syspro.delete(COMPANY, "ApBranch", &[("Branch", COMPANY)]).ok();
        world.syspro.insert(COMPANY, "ApBranch", &row).unwrap();
    };
    let own_table =
        [("MONTH_TABLE", "ApBranch"), ("MONTH_COMPANY", "Branch"), ("MONTH_YEAR", "PoNextNumber"), ("MONTH_PERIOD", "GrnNextNumber")];
    months(0);
    let report = of_period(&world, &earlier(now, 0), &own_table);
    let own = line(&report, HOME, 0);
    assert_eq!((&own["month"], &own["why"]), (&json!(earlier(now, 0)), &Value::Null), "{own:#}");
    // an AP month that cannot be the current one
    months(1);
    let report = of_period(&world, &earlier(now, 1), &own_table);
    let own = line(&report, HOME, 0);
    assert_eq!(own["state"], "not_compared", "{own:#}");
    assert!(own["why"].as_str().unwrap().contains("which is later than the current one"), "{own:#}");

    // a period of which SYSPRO keeps no balances is no empty list
    let report = of_period(&world, &earlier(now, 30), &[]);
    let lines = report["subledger"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["state"]), (1, &json!("not_compared")), "{report:#}");
    assert!(lines[0]["why"].as_str().unwrap().contains(&format!("{} is none of them", earlier(now, 30))), "{report:#}");
}

#[test]
fn amounts_in_other_currencies_that_cancel_each_other_are_listed() {
    let world = World::start();
    open(&world, "FX-1", "USD", &[("MthInvBal1", "10.00")]);
    open(&world, "FX-2", "USD", &[("MthInvBal1", "-10.00")]);
    open(&world, "FX-3", "GBP", &[("MthInvBal1", "5.00")]);
    open(&world, "FX-4", "EUR", &[("MthInvBal1", "-5.00")]);
    let (report, _) = tie_out_with(&world, &[]);
    let own = line(&report, HOME, 0);
    let others: Vec<&str> = own["other_currencies"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!((others, &own["state"]), (vec!["EUR -5.00", "GBP 5.00", "USD 0.00"], &json!("not_compared")), "{own:#}");
    // they were not open in the months before
    assert_eq!((&line(&report, HOME, 1)["other_currencies"], &line(&report, HOME, 1)["state"]), (&json!([]), &json!("agrees")));
}

#[test]
fn a_value_that_is_no_number_is_named_and_keeps_back_the_sums_that_it_is_part_of() {
    let world = World::start();
    let garbled = |text: &str| RawText { text: text.into(), json: b"\"n/a\"".to_vec(), xml: "n/a".into() };
    // the balance of one month
    open(&world, "BAD-1", "R", &[("MthInvBal1", "77001.01"), ("MthInvBal2", "77002.02")]);
    world.syspro.switch(|switches| switches.raw = vec![garbled("77002.02")]);
    let (report, _) = tie_out_with(&world, &[]);
    let former = line(&report, HOME, 1);
    assert_eq!(former["state"], "not_compared", "{former:#}");
    assert!(former["why"].as_str().unwrap().contains("`MthInvBal2` of `ApInvoice` 042/BAD-1 is `n/a`: not a number"), "{former:#}");
    assert_eq!((&former["subledger"]["balance"], &former["subledger"]["movement"]), (&Value::Null, &Value::Null), "{former:#}");
    // the month after it has its balance, and no movement; the one before is as it was
    let now = line(&report, HOME, 0);
    assert_eq!((&now["state"], &now["subledger"]["movement"]), (&json!("differs"), &Value::Null), "{now:#}");
    assert_eq!(line(&report, HOME, 2)["state"], "agrees", "{report:#}");
    world.syspro.delete(COMPANY, "ApInvoice", &[("Supplier", "042"), ("Invoice", "BAD-1")]).unwrap();

    // a posting on the account
    let (year, period) = current(&world);
    let (year, period) = (year.to_string(), period.to_string());
    let posting = [
        ("Company", COMPANY),
        ("GlCode", HOME),
        ("GlYear", year.as_str()),
        ("GlPeriod", &period),
        ("GlLine", "990001"),
        ("Source", "JE"),
        ("EntryValue", "-77003.03"),
    ];
    world.syspro.insert(COMPANY, "GenTransaction", &posting).unwrap();
    world.syspro.switch(|switches| switches.raw = vec![garbled("-77003.03")]);
    let (report, _) = tie_out_with(&world, &[]);
    let now = line(&report, HOME, 0);
    assert_eq!((&now["state"], &now["foreign"]["count"]), (&json!("not_compared"), &json!(0)), "{now:#}");
    let why = now["why"].as_str().unwrap();
    assert!(why.contains("`EntryValue` of `GenTransaction` 10.000.2100/") && why.contains("/990001 is `n/a`"), "{why}");
    assert_eq!(line(&report, HOME, 1)["state"], "agrees", "{report:#}");
}
