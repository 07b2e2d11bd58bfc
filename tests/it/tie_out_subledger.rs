//! SYSPRO's AP sub-ledger against its control accounts: what stands between both is named, for information alone. It is planted in SYSPRO's
//! tables, as a person or an interrupted integration would leave it.

use calamine::{Reader, Xlsx, open_workbook};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::source::rows;
use crate::support::world::{COMPANY, World};
use crate::tie_out::{quiet_node, said, tie_out_with};

/// The control account of the branches for suppliers at home, and that of the branch for those abroad.
pub const HOME: &str = "10.000.2100";
const ABROAD: &str = "10.000.2110";

/// The line of an account; `back`: months before the current one.
pub fn line(report: &Value, account: &str, back: i64) -> Value {
    let lines = report["subledger"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let found = lines.iter().find(|line| line["account"] == account && line["months_back"] == back);
    found.unwrap_or_else(|| panic!("{account} {back}: {report:#}")).clone()
}

fn amount(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

/// The current period of SYSPRO's general ledger.
pub fn current(world: &World) -> (i64, i64) {
    rows(&world.syspro, COMPANY, "GenControl", |c| (c("GlYear").number(), c("GlPeriod").number()))[0]
}

/// The sum of a column of the open invoices in the company's own currency, as SYSPRO has them.
fn owed(world: &World, column: &str) -> Decimal {
    let sums = rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Currency").text() == "R").then(|| Decimal::new(c(column).number(), 2)));
    sums.into_iter().flatten().sum()
}

/// Changes the balance of the control account.
fn move_balance(world: &World, by: Decimal) {
    let key = [("Company", COMPANY), ("GlCode", HOME)];
    let now = rows(&world.syspro, COMPANY, "GenMaster", |c| {
        ((c("Company").text(), c("GlCode").text()) == (COMPANY, HOME)).then(|| Decimal::new(c("CurrentBalance").number(), 2))
    });
    let now = now.into_iter().flatten().next().unwrap() + by;
    world.syspro.update(COMPANY, "GenMaster", &key, &[("CurrentBalance", &now.to_string())]).unwrap();
}

/// An invoice with its AP journal, and without a journal of the general ledger.
pub fn invoice(world: &World, number: &str, journal: &str, value: &str) {
    let (year, period) = current(world);
    let (year, period) = (year.to_string(), period.to_string());
    let header = [
        ("Supplier", "042"),
        ("Invoice", number),
        ("Branch", "10"),
        ("Currency", "R"),
        ("InvoiceYear", year.as_str()),
        ("InvoiceMonth", &period),
        ("Journal", journal),
        ("OrigInvValue", value),
        ("MthInvBal1", value),
    ];
    world.syspro.insert(COMPANY, "ApInvoice", &header).unwrap();
    let summary = [
        ("TrnYear", year.as_str()),
        ("TrnMonth", &period),
        ("Journal", journal),
        ("EntryNumber", "1"),
        ("Supplier", "042"),
        ("Invoice", number),
        ("TransactionCode", "I"),
        ("InvoiceValue", value),
        ("SupplierGlCode", HOME),
    ];
    world.syspro.insert(COMPANY, "ApJnlSummary", &summary).unwrap();
}

#[test]
fn the_sub_ledger_and_its_control_account_agree_and_other_currencies_are_apart() {
    let world = World::start();
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    for (back, column) in [(0, "MthInvBal1"), (1, "MthInvBal2"), (2, "MthInvBal3")] {
        let line = line(&report, HOME, back);
        assert_eq!((&line["state"], &line["next_step"]), (&json!("agrees"), &Value::Null), "{line:#}");
        assert_eq!(amount(&line["subledger"]["balance"]), owed(&world, column), "{line:#}");
        assert_eq!(amount(&line["control"]["balance"]), owed(&world, column), "{line:#}");
        match back {
            // that a number is not known is a fact, and no zero
            2 => {
                assert!(line["subledger"]["movement"].is_null(), "{line:#}");
                let why = line["why"].as_str().unwrap();
                assert!(why.contains("is not known, because SYSPRO keeps no balance of the month before it"), "{line:#}");
            }
            _ => {
                assert_eq!(line["why"], Value::Null, "{line:#}");
                assert_eq!(amount(&line["subledger"]["movement"]), amount(&line["control"]["movement"]), "{line:#}");
            }
        }
        assert_eq!((&line["currency"], &line["branches"]), (&json!("ZAR"), &json!(["10", "20", "30"])), "{line:#}");
        assert_eq!(line["month"], line["period"], "{line:#}");
    }
    let (year, period) = current(&world);
    assert_eq!(line(&report, HOME, 0)["period"], format!("{year}-{period:02}"));
    // what is owed in other currencies is said apart, each by itself, and no difference is claimed
    let abroad = line(&report, ABROAD, 0);
    assert_eq!(abroad["subledger"]["balance"].as_str().unwrap().parse::<Decimal>().unwrap(), Decimal::ZERO, "{abroad:#}");
    assert_eq!(abroad["state"], "not_compared", "{abroad:#}");
    let others: Vec<&str> = abroad["other_currencies"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(others.iter().any(|one| one.starts_with("JPY ")) && others.iter().any(|one| one.starts_with("KWD ")), "{abroad:#}");
    // in words
    let shown = text(&world.command(&["tie-out", "show"]).output().unwrap());
    assert!(shown.contains("SYSPRO's AP sub-ledger against its control accounts, for information"), "{shown}");
    assert!(shown.contains("not compared, because invoices in other currencies"), "{shown}");
    // a tie-out of some entities says nothing about it, and it can be turned off
    assert_eq!(tie_out_with(&world, &["--entity", "invoice"]).0["subledger"], json!([]));
    let mut off = world.command(&["--output", "json", "tie-out", "--why", "month end"]);
    off.env("TIELINE__SUBLEDGER__COMPARE", "false");
    assert_eq!(said(off).0["subledger"], json!([]));
}

#[test]
fn what_stands_between_both_is_named_and_unties_nothing() {
    let world = World::start();
    let (before, _) = tie_out_with(&world, &[]);
    let balance = amount(&line(&before, HOME, 0)["control"]["balance"]);
    let (year, period) = current(&world);
    let (year, period) = (year.to_string(), period.to_string());

    // a posting from elsewhere than AP: the account owes 7.00 more
    let posting = [
        ("Company", COMPANY),
        ("GlCode", HOME),
        ("GlYear", year.as_str()),
        ("GlPeriod", &period),
        ("GlLine", "990001"),
        ("Source", "JE"),
        ("Journal", "77001"),
        ("Reference", "BY HAND"),
        ("EntryValue", "-7.00"),
    ];
    world.syspro.insert(COMPANY, "GenTransaction", &posting).unwrap();
    move_balance(&world, Decimal::new(-700, 2));
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "it is for information: {report:#}");
    assert!(report["buckets"].as_array().unwrap().iter().all(|bucket| bucket["state"] == "tied"), "{report:#}");
    let foreign = line(&report, HOME, 0);
    assert_eq!((&foreign["state"], &foreign["difference"]), (&json!("foreign"), &json!("-7.00")), "{foreign:#}");
    assert_eq!(amount(&foreign["control"]["balance"]), balance + Decimal::new(700, 2));
    assert_eq!(foreign["foreign"], json!({ "count": 1, "sum": "7.00" }), "{foreign:#}");
    let entry = &foreign["entries"][0];
    assert_eq!(
        (&entry["journal"], &entry["source"], &entry["reference"]),
        (&json!("77001"), &json!("JE"), &json!("BY HAND")),
        "{foreign:#}"
    );
    assert!(foreign["next_step"].as_str().unwrap().starts_with("find out who posted"), "{foreign:#}");
    // months before it are as they were
    assert_eq!(line(&report, HOME, 1)["state"], "agrees");
    // a site where that source is one of AP's
    let mut own = world.command(&["--output", "json", "tie-out", "--why", "month end"]);
    own.env("TIELINE__SUBLEDGER__SOURCES", "AP,JE");
    assert_eq!(line(&said(own).0, HOME, 0)["foreign"]["count"], 0);

    // a journal that is made and not posted, and an AP journal that was not integrated
    invoice(&world, "LATE-1", "990001", "10.00");
    let journal = [("GlYear", year.as_str()), ("GlPeriod", &period), ("GlJournal", "77002"), ("JnlStatus", "H"), ("JournalSource", "AP")];
    world.syspro.insert(COMPANY, "GenJournalCtl", &journal).unwrap();
    for (number, code, value) in [("1", HOME, "-10.00"), ("2", "10.100.6010", "10.00")] {
        let entry = [
            ("GlYear", year.as_str()),
            ("GlPeriod", &period),
            ("Journal", "77002"),
            ("EntryNumber", number),
            ("Company", COMPANY),
            ("GlCode", code),
            ("EntryValue", value),
            ("Source", "AP"),
            ("SubModJournal", "990001"),
        ];
        world.syspro.insert(COMPANY, "GenJournalDetail", &entry).unwrap();
    }
    invoice(&world, "LATE-2", "990002", "20.00");
    let (report, _) = tie_out_with(&world, &[]);
    let both = line(&report, HOME, 0);
    assert_eq!(both["unposted"], json!({ "count": 1, "sum": "10.00" }), "{both:#}");
    assert_eq!(both["not_integrated"], json!({ "count": 1, "sum": "20.00" }), "{both:#}");
    assert_eq!((&both["state"], &both["difference"]), (&json!("foreign"), &json!("23.00")), "{both:#}");
    let named: Vec<(&Value, &Value)> =
        both["entries"].as_array().unwrap().iter().map(|entry| (&entry["kind"], &entry["journal"])).collect();
    for (kind, journal) in [("foreign", "77001"), ("unposted", "77002"), ("not_integrated", "990002")] {
        assert!(named.contains(&(&json!(kind), &json!(journal))), "{kind} {journal}: {both:#}");
    }
    // without the posting from elsewhere, it is a matter of time alone
    let key = [("Company", COMPANY), ("GlCode", HOME), ("GlYear", year.as_str()), ("GlPeriod", &period), ("GlLine", "990001")];
    world.syspro.delete(COMPANY, "GenTransaction", &key).unwrap();
    move_balance(&world, Decimal::new(700, 2));
    let (report, _) = tie_out_with(&world, &[]);
    let timing = line(&report, HOME, 0);
    assert_eq!((&timing["state"], &timing["difference"]), (&json!("timing"), &json!("30.00")), "{timing:#}");

    // and one cent more is a difference
    move_balance(&world, Decimal::new(1, 2));
    let (report, _) = tie_out_with(&world, &[]);
    let differs = line(&report, HOME, 0);
    assert_eq!((&differs["state"], &differs["difference"]), (&json!("differs"), &json!("30.01")), "{differs:#}");
    assert!(differs["next_step"].as_str().unwrap().contains("AP at a Glance by Branch"), "{differs:#}");

    // everywhere a controller reads
    let out = world.command(&["tie-out", "subledger"]).output().unwrap();
    let shown = text(&out);
    assert!(out.status.success() && shown.contains("77002") && shown.contains("made, not posted") && shown.contains("30.01"), "{shown}");
    let path = world.site.path("tie-out.xlsx");
    let mut show = world.command(&["tie-out", "show", "--to"]);
    show.arg(&path);
    show.output().unwrap();
    let mut book: Xlsx<_> = open_workbook(&path).unwrap();
    let sheet = book.worksheet_range("Sub-ledger").unwrap();
    let cells: Vec<String> = sheet.rows().flatten().map(ToString::to_string).collect();
    assert!(cells.contains(&HOME.to_owned()) && cells.contains(&"30.01".to_owned()) && cells.contains(&"differs".to_owned()), "{cells:?}");
    let path = world.site.path("tie-out.pdf");
    let mut show = world.command(&["tie-out", "show", "--to"]);
    show.arg(&path);
    show.output().unwrap();
    assert!(std::fs::read(&path).unwrap().starts_with(b"%PDF"));
    let mut node = quiet_node(&world);
    let key = node.key(&world);
    let call = |path: &str| {
        let (status, _, answer) = ask(&node.site, "GET", path, Some(&key), "").unwrap();
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let newest = call("/api/v1/tie-outs/newest");
    let own = newest["subledger"].as_array().unwrap().iter().find(|one| one["account"] == HOME && one["months_back"] == 0).unwrap();
    assert_eq!((&own["verdict"], &own["unposted_amount"]), (&json!("differs"), &json!("10.00")), "{own:#}");
    let entries = call("/api/v1/tie-outs/newest/subledger?limit=1");
    assert_eq!(entries["items"].as_array().unwrap().len(), 1, "{entries:#}");
    assert!(entries["next"].is_string(), "{entries:#}");
    let page = Person::sign_in(&node.site, &key).get("/tie-out").body;
    assert!(page.contains("SYSPRO’s sub-ledger and general ledger") && page.contains("30.01") && page.contains("AP at a Glance"), "{page}");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn what_cannot_be_read_is_not_compared_and_the_tie_out_goes_on() {
    let world = World::start();
    // closing balances alone: the current month needs none
    world.syspro.lack(&["GenHistory"]);
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, &line(&report, HOME, 0)["state"]), (Some(0), &json!("agrees")), "{report:#}");
    let former = line(&report, HOME, 1);
    assert_eq!(former["state"], "not_compared", "{former:#}");
    assert!(former["why"].as_str().unwrap().contains("GenHistory"), "{former:#}");
    // no postings at all
    world.syspro.lack(&["GenTransaction"]);
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(0), "{report:#}");
    assert!(report["buckets"].as_array().unwrap().iter().all(|bucket| bucket["state"] == "tied"), "{report:#}");
    let lines = report["subledger"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[0]["state"]), (1, &json!("not_compared")), "{report:#}");
    assert!(lines[0]["why"].as_str().unwrap().contains("GenTransaction"), "{report:#}");
    assert!(lines[0]["next_step"].as_str().unwrap().contains("[subledger]"), "{report:#}");
    // a name that is none is refused before anything is read
    let mut wrong = world.command(&["tie-out", "--why", "month end"]);
    let out = wrong.env("TIELINE__SUBLEDGER__HISTORY_TABLE", "Gen History").output().unwrap();
    assert!(out.status.code() == Some(4) && text(&out).contains("`subledger.history_table` must be the name"), "{}", text(&out));
}
