//! The close of fiscal periods: who signs what, what suspends a signature, and what a locked period holds.

use std::time::Duration;

use serde_json::{Value, json};
use tieline::domain::notice::NoticeEvent;
use tieline::store::{NoticeRules, Store};

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::database;
use crate::support::node::{Node, wait_for};
use crate::support::run;
use crate::support::source::rows;
use crate::support::world::{COMPANY, World};

const INVOICES: &str = "x_apo_invoice";

/// What a command prints, by this person; it must end with this code.
fn by(world: &World, person: &str, code: i32, arguments: &[&str]) -> String {
    let out = world.command(arguments).env("TIELINE_ACCOUNT", person).env("TIELINE__CLOSE__SECOND_PERSON", "true").output().unwrap();
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
    text(&out)
}

/// A step of a close.
fn step(world: &World, person: &str, code: i32, step: &str, period: &str) -> String {
    by(world, person, code, &["close", step, "--company", COMPANY, "--period", period, "--why", "month end"])
}

fn tie_out(world: &World, code: i32) {
    by(world, "anna", code, &["tie-out", "--why", "month end"]);
}

/// Everything about a period.
fn status(world: &World, period: &str) -> Value {
    let out = world.command(&["--output", "json", "close", "status", "--company", COMPANY, "--period", period]).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
}

/// The state of a period, and whether what arrives for it is held.
fn state(world: &World, period: &str) -> (String, bool) {
    let status = status(world, period);
    (status["state"].as_str().unwrap().to_owned(), status["frozen"].as_bool().unwrap())
}

/// An invoice of one period alone: its supplier, its number, and the period.
fn invoice(world: &World, which: usize) -> (String, String, String) {
    let rows = world.database.psql(
        "SELECT key || '/' || fiscal_periods[1] FROM document \
         WHERE entity = 'invoice' AND cardinality(fiscal_periods) = 1 AND key ~ '^[0-9A-Za-z]+/[0-9A-Za-z-]+$' ORDER BY fiscal_periods, key",
    );
    let rows: Vec<&str> = rows.lines().collect();
    let [supplier, invoice, number] = rows[which].split('/').collect::<Vec<_>>().try_into().unwrap();
    (supplier.to_owned(), invoice.to_owned(), format!("{}-{}", &number[..4], &number[4..]))
}

fn change(world: &World, (supplier, invoice, _): &(String, String, String), due: &str) {
    let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
    world.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", due)]).unwrap();
}

/// The due date of an invoice in ServiceNow.
fn due(world: &World, (supplier, invoice, _): &(String, String, String)) -> String {
    let key = format!("{COMPANY}/invoice/{supplier}/{invoice}");
    let row = world.servicenow.rows(INVOICES).into_iter().find(|row| row["u_source_key"] == key);
    row.unwrap_or_else(|| panic!("no row {key}"))["u_due_date"].clone()
}

/// The notices of suspended periods that are found now.
fn notices(world: &World) -> usize {
    let store = Store::connect(&database::settings(), &world.database.url().into()).unwrap();
    for _ in 0..3 {
        let events = vec![NoticeEvent::CloseSuspended];
        let rules = NoticeRules { events, channels: vec!["webhook".into()], stale_hours: 1000, key_notice_days: 14, flows: Vec::new() };
        run(store.notice_collect(rules, Vec::new())).unwrap();
    }
    world.database.psql("SELECT coalesce(sum(count), 0) FROM notice WHERE event = 'close_suspended'").parse().unwrap()
}

#[test]
fn a_period_is_signed_by_two_people_and_what_arrives_later_suspends_and_is_held() {
    let world = World::start();
    let one = invoice(&world, 0);
    let period = one.2.as_str();
    let before = due(&world, &one);

    // without a tie-out of everything nothing is signed
    let said = step(&world, "anna", 1, "prepare", period);
    assert!(said.contains("there is no tie-out of EDU1") && said.contains("run `tieline tie-out --company EDU1`"), "{said}");
    by(&world, "anna", 0, &["tie-out", "--entity", "invoice", "--why", "month end"]);
    let said = step(&world, "anna", 1, "prepare", period);
    assert!(said.contains("did not compare gl_posting lines: it was not asked for"), "{said}");
    tie_out(&world, 0);
    assert_eq!(state(&world, period), ("open".into(), false));
    let said = step(&world, "anna", 1, "prepare", "1999-01");
    assert!(said.contains("found no record of EDU1 in 1999-01"), "{said}");
    for wrong in ["sign", "lock", "unlock"] {
        assert!(step(&world, "anna", 1, wrong, period).contains("is open, and cannot be"), "{wrong}");
    }

    // the preparer does not review what they prepared
    assert!(step(&world, "anna", 0, "prepare", period).contains("is prepared, on tie-out 2"));
    let said = step(&world, "anna", 1, "sign", period);
    assert!(said.contains("user anna prepared") && said.contains("let another person sign it"), "{said}");
    assert!(step(&world, "ben", 0, "sign", period).contains("is signed, on tie-out 2"));
    assert!(step(&world, "ben", 0, "lock", period).contains("what arrives for it is held"));
    let locked = status(&world, period);
    let signed: Vec<_> = locked["history"].as_array().unwrap().iter().map(|one| (one["step"].clone(), one["by"].clone())).collect();
    assert_eq!(json!(signed), json!([["prepare", "user anna"], ["sign", "user ben"], ["lock", "user ben"]]));
    let sums = locked["history"][1]["sums"].as_array().unwrap();
    assert!(sums.iter().any(|sum| sum["entity"] == "invoice" && sum["syspro_amount"] == sum["servicenow_amount"]), "{locked:#}");
    assert!(sums.iter().all(|sum| sum["verdict"] == "tied"), "{locked:#}");
    assert_eq!(notices(&world), 0);

    // a back-dated change: found by a run, not sent, and the signatures are suspended; another period's records go on
    change(&world, &one, "2031-01-01");
    let other = (1..).map(|n| invoice(&world, n)).find(|other| other.2 != period).unwrap();
    change(&world, &other, "2031-01-02");
    by(&world, "anna", 3, &["sync", "--sweep", "--entity", "invoice"]);
    assert_eq!((due(&world, &one), due(&world, &other)), (before.clone(), "2031-01-02".into()));
    let suspended = status(&world, period);
    assert_eq!((&suspended["state"], &suspended["frozen"], &suspended["held"]), (&json!("suspended"), &json!(true), &json!(1)));
    let history = suspended["history"].as_array().unwrap();
    assert!(history.iter().all(|one| one["stands"] == false), "{suspended:#}");
    assert_eq!(history[3]["why"], format!("invoice {}/{} is changed", one.0, one.1), "{suspended:#}");
    assert!(history[3]["run"].is_string(), "{suspended:#}");
    let change_found = &suspended["changes"][0];
    assert_eq!(
        (&change_found["kind"], &change_found["state"], &change_found["period"]),
        (&json!("altered"), &json!("locked"), &json!(period))
    );
    assert_eq!(state(&world, &other.2).0, "open");
    let radar = by(&world, "anna", 0, &["close", "radar"]);
    assert!(radar.contains(&one.1) && !radar.contains(&other.1), "{radar}");
    let record = by(&world, "anna", 0, &["record", COMPANY, "invoice", &format!("{}/{}", one.0, one.1)]);
    assert!(record.contains(&format!("the lock of {period}")), "{record}");
    // a transaction of another test may hold it back
    wait_for("the notice", Duration::from_secs(60), || (notices(&world) == 1).then_some(()));
    // one further change is noted, and does not suspend once more
    change(&world, &one, "2031-01-03");
    by(&world, "anna", 3, &["sync", "--sweep", "--entity", "invoice"]);
    let again = status(&world, period);
    assert_eq!((again["history"].as_array().unwrap().len(), again["changes"].as_array().unwrap().len()), (4, 2), "{again:#}");
    assert_eq!(again["changes"][0]["state"], "suspended");

    // what the tie-out before the change says is not signed; the new one names what is on hold, and that needs a reason
    let said = step(&world, "anna", 1, "prepare", period);
    assert!(said.contains("1 document was read or moved") && said.contains("after tie-out 2 had begun"), "{said}");
    tie_out(&world, 3);
    let said = step(&world, "anna", 1, "prepare", period);
    assert!(said.contains("is not tied for") && said.contains("has no reason") && said.contains("on hold"), "{said}");
    let items = status(&world, period)["items"].clone();
    let items: Vec<String> = items.as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
    let mut explain = vec!["close", "explain", "--company", COMPANY, "--period", period, "--why", "goes into the next period"];
    assert!(by(&world, "anna", 1, &[&explain[..], &["--item", "999999"]].concat()).contains("has no difference 999999"));
    items.iter().for_each(|item| explain.extend(["--item", item.as_str()]));
    by(&world, "anna", 0, &explain);
    assert!(step(&world, "anna", 0, "prepare", period).contains("reasons for differences"));
    step(&world, "ben", 0, "sign", period);
    let signed = status(&world, period);
    assert_eq!(signed["history"][5]["reasons"][0]["why"], "goes into the next period", "{signed:#}");
    assert_eq!((&signed["state"], &signed["frozen"]), (&json!("signed"), &json!(true)));
    // a reason holds for the same difference of a later tie-out
    tie_out(&world, 3);
    assert_eq!(state(&world, period), ("signed".into(), true));

    // after the unlock, the signatures are still there, and what was held is sent
    assert!(step(&world, "ben", 0, "unlock", period).contains("1 records are released"));
    by(&world, "anna", 0, &["sync", "--entity", "invoice"]);
    assert_eq!(due(&world, &one), "2031-01-03");
    let open = status(&world, period);
    assert_eq!((&open["state"], &open["frozen"], &open["held"]), (&json!("open"), &json!(false), &json!(0)));
    assert_eq!(open["history"].as_array().unwrap().len(), 7, "{open:#}");
    assert_eq!(world.database.psql("SELECT count(*) FROM hold"), "0");

    // each step is in the audit, with who and why
    let audit = by(&world, "anna", 0, &["audit", "--kind", "close", "--output", "json"]);
    for (action, who) in
        [("prepare", "user anna"), ("sign", "user ben"), ("lock", "user ben"), ("suspend", "tieline"), ("unlock", "user ben")]
    {
        let row = audit.lines().find(|line| line.contains(&format!("\"{action}\"")) || line.contains(&format!("\\\"{action}\\\"")));
        assert!(row.is_some_and(|row| row.contains(who) && row.contains(period)), "{action}: {audit}");
    }
}

#[test]
fn a_later_tie_out_with_other_sums_suspends_a_signature_and_an_untied_period_is_not_signed() {
    let world = World::start();
    let one = invoice(&world, 0);
    let period = one.2.as_str();
    tie_out(&world, 0);
    step(&world, "anna", 0, "prepare", period);
    step(&world, "ben", 0, "sign", period);
    // nothing changed: the signature stands
    tie_out(&world, 0);
    assert_eq!(state(&world, period).0, "signed");
    // somebody changes an amount in ServiceNow
    let key = format!("{COMPANY}/invoice/{}/{}", one.0, one.1);
    let row = world.servicenow.rows(INVOICES).into_iter().find(|row| row["u_source_key"] == key).unwrap();
    assert!(world.servicenow.edit_row(INVOICES, &row["sys_id"], &[("u_amount_invoiced", "0.01")]));
    // a tie-out of other flows says nothing about it
    by(&world, "anna", 0, &["tie-out", "--entity", "gl_posting", "--why", "a part"]);
    assert_eq!(state(&world, period).0, "signed");
    tie_out(&world, 3);
    let suspended = status(&world, period);
    assert_eq!(suspended["state"], "suspended", "{suspended:#}");
    let why = suspended["history"][2]["why"].as_str().unwrap();
    assert!(why.starts_with("tie-out 4: ServiceNow has ") && why.contains("when it was signed"), "{why}");
    let said = step(&world, "anna", 1, "prepare", period);
    assert!(said.contains("is not tied for") && said.contains("changed in ServiceNow"), "{said}");
    // other periods are not concerned
    let lines = by(&world, "anna", 0, &["close", "status", "--company", COMPANY, "--output", "json"]);
    let lines: Vec<Value> = serde_json::from_str(&lines).unwrap();
    assert!(lines.len() > 1 && lines.iter().filter(|line| line["state"] != "open").count() == 1, "{lines:#?}");
    // put back, it ties again, and is signed again; the old signatures stay
    assert!(world.servicenow.edit_row(INVOICES, &row["sys_id"], &[("u_amount_invoiced", row["u_amount_invoiced"].as_str())]));
    tie_out(&world, 0);
    step(&world, "ben", 0, "prepare", period);
    step(&world, "anna", 0, "sign", period);
    let signed = status(&world, period);
    let stands: Vec<&Value> = signed["history"].as_array().unwrap().iter().map(|one| &one["stands"]).collect();
    assert_eq!(stands, [false, false, false, true, true], "{signed:#}");
}

#[test]
fn a_period_has_a_last_day_and_a_tie_out_an_age() {
    let world = World::start();
    let one = invoice(&world, 0);
    tie_out(&world, 0);
    let with = |key: &str, value: &str, arguments: &[&str]| {
        let out = world.command(arguments).env(key, value).output().unwrap();
        (out.status.code(), text(&out))
    };
    let prepare = ["close", "prepare", "--company", COMPANY, "--period", &one.2, "--why", "month end"];
    let ends = format!("{} 2999-12-31,{COMPANY} 2999-01 2999-12-31", one.2);
    let (code, said) = with("TIELINE__CLOSE__PERIOD_ENDS", &ends, &prepare);
    assert!(code == Some(1) && said.contains("has not ended: its last day is 2999-12-31"), "{said}");
    let (code, said) = with("TIELINE__CLOSE__PERIOD_ENDS", &ends, &["close", "status"]);
    assert!(code == Some(0) && said.contains("2999-01"), "{said}");
    let (code, said) = with("TIELINE__CLOSE__PERIOD_ENDS", "March 2999-12-31", &prepare);
    assert!(code == Some(4) && said.contains("`close.period_ends` must hold texts such as"), "{said}");
    world.database.psql("UPDATE tie_out SET started_at = started_at - interval '25 hours'");
    let (code, said) = with("TIELINE__CLOSE__TIE_OUT_HOURS", "24", &prepare);
    assert!(code == Some(1) && said.contains("is 25 hours old, and a signature needs one of the last 24"), "{said}");
    // without the setting one person may do both
    world.database.psql("UPDATE tie_out SET started_at = started_at + interval '25 hours'");
    let sign = ["close", "sign", "--company", COMPANY, "--period", &one.2, "--why", "month end"];
    for arguments in [prepare, sign] {
        let (code, said) = with("TIELINE__CLOSE__TIE_OUT_HOURS", "24", &arguments);
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn syspros_own_periods_end_a_period_unless_the_settings_say_otherwise() {
    let world = World::start();
    let lines = |change: &dyn Fn(&mut std::process::Command)| -> Vec<Value> {
        let mut command = world.command(&["--output", "json", "close", "status", "--company", COMPANY]);
        change(&mut command);
        let out = command.output().unwrap();
        serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
    };
    let find =
        |lines: &[Value], period: &str| lines.iter().find(|line| line["period"] == period).cloned().unwrap_or_else(|| panic!("{lines:#?}"));
    // nobody has read it yet
    assert_eq!(lines(&|_| ()), Vec::<Value>::new());
    tie_out(&world, 0);
    let control = rows(&world.syspro, COMPANY, "GenControl", |c| {
        let (year, period) = (c("GlYear").number(), c("GlPeriod").number());
        let ends = (1..=period).map(|n| (c(&format!("CurYrPrdEnd{n}")).date().unwrap(), c(&format!("CurYrPrdStat{n}")).text().to_owned()));
        (year, period, ends.collect::<Vec<_>>())
    });
    let (year, current, ends) = control[0].clone();
    let all = lines(&|_| ());
    for (n, (day, state)) in (1..).zip(&ends) {
        let line = find(&all, &format!("{year}-{n:02}"));
        assert_eq!((&line["ends"], &line["ends_from"]), (&json!(day.to_string()), &json!("syspro")), "{line:#}");
        let there = &line["syspro"];
        assert_eq!((&there["status"], &there["open"]), (&json!(state), &json!(state == "O")), "{line:#}");
        assert_eq!(there["current"], n == current, "{line:#}");
    }
    // periods that have not begun are not listed
    assert!(!all.iter().any(|line| line["period"] == format!("{year}-{:02}", current + 1)), "{all:#?}");
    let now = format!("{year}-{current:02}");
    // the simulator's dates are those of this machine, and the site's zone may be a day ahead
    let mut early = world.command(&["close", "prepare", "--company", COMPANY, "--period", &now, "--why", "month end"]);
    let out = early.env("TIELINE_ACCOUNT", "anna").env("TIELINE__SYSPRO__TIME_ZONE", "UTC").output().unwrap();
    let said = text(&out);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("has not ended") && said.contains("by SYSPRO's calendar") && said.contains("correct it in SYSPRO"), "{said}");
    let shown = by(&world, "anna", 0, &["close", "status", "--company", COMPANY, "--period", &now]);
    assert!(shown.contains("by SYSPRO's calendar") && shown.contains("open (O), current"), "{shown}");
    // the settings override it, and only where they say something
    let set = format!("{COMPANY} {now} 2001-01-31");
    let overridden = lines(&|command| {
        command.env("TIELINE__CLOSE__PERIOD_ENDS", &set);
    });
    let line = find(&overridden, &now);
    assert_eq!((&line["ends"], &line["ends_from"]), (&json!("2001-01-31"), &json!("settings")), "{line:#}");
    assert_eq!(line["syspro"]["ends"], ends.last().unwrap().0.to_string(), "{line:#}");
    if current > 1 {
        assert_eq!(find(&overridden, &format!("{year}-{:02}", current - 1))["ends_from"], "syspro");
    }
    // a site with other words for open and closed
    let other = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = world.command(&["tie-out", "--why", "month end"]);
        change(&mut command);
        assert_eq!(command.output().unwrap().status.code(), Some(0));
        find(&lines(&|_| ()), &now)["syspro"].clone()
    };
    let unknown = other(&|command| {
        command.env("TIELINE__CALENDAR__OPEN", "Y").env("TIELINE__CALENDAR__CLOSED", "N");
    });
    assert_eq!((&unknown["status"], &unknown["open"]), (&json!("O"), &Value::Null), "{unknown:#}");
    // what SYSPRO changes is read at the next tie-out, and is in the audit
    let column = format!("CurYrPrdEnd{current}");
    world.syspro.update(COMPANY, "GenControl", &[("Company", COMPANY)], &[(column.as_str(), "2001-02-28")]).unwrap();
    assert_eq!(other(&|_| ())["ends"], "2001-02-28");
    let audit = by(&world, "anna", 0, &["audit", "--kind", "close", "--output", "json"]);
    assert!(audit.contains("2001-02-28") && audit.contains("calendar"), "{audit}");
    // a table that cannot be read leaves what was read before, and says so
    world.syspro.lack(&["GenControl"]);
    let lost = other(&|_| ());
    assert!(lost["ends"] == "2001-02-28" && lost["problem"].as_str().unwrap().contains("GenControl"), "{lost:#}");
    let shown = by(&world, "anna", 0, &["close", "status", "--company", COMPANY, "--period", &now]);
    assert!(shown.contains("could not be read then"), "{shown}");
}

#[test]
fn a_controller_closes_through_the_api_and_the_console_and_others_only_read() {
    let world = World::start();
    let one = invoice(&world, 0);
    let mut node = Node::new(&world).with("CLOSE__SECOND_PERSON", "true");
    for entity in ["SUPPLIER", "INVOICE", "PURCHASE_ORDER", "GL_ACCOUNT", "COST_CENTER", "GL_POSTING"] {
        node = node.with(&format!("SCHEDULE__{entity}"), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    let polls = "SELECT (SELECT count(*) FROM run WHERE requested_by = 'schedule' AND ended_at IS NOT NULL) >= 6 \
                 AND NOT EXISTS (SELECT FROM run WHERE ended_at IS NULL)";
    wait_for("the first polls", Duration::from_secs(60), || (world.database.psql(polls) == "t").then_some(()));
    let key = |name: &str, role: &str| {
        let out = node.command(&world, &["api-key", "add", name, "--role", role]).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let (anna, ben, viewer, operator) =
        (key("anna", "controller"), key("ben", "controller"), key("vera", "viewer"), key("olga", "operator"));
    let call = |key: &str, method: &str, path: &str, body: Value| {
        let (status, _, answer) = ask(&node.site, method, path, Some(key), &body.to_string()).unwrap();
        (status, serde_json::from_str::<Value>(&answer).unwrap_or_else(|error| panic!("{error}: {answer}")))
    };
    let place = format!("/api/v1/closes/{COMPANY}/{}", one.2);
    let step = |key: &str, step: &str| call(key, "POST", &format!("{place}/{step}"), json!({ "why": "month end" }));
    let show = || call(&viewer, "GET", &place, Value::Null).1;

    // a controller makes a tie-out; nobody signs before
    let (status, problem) = step(&anna, "prepare");
    assert!(status == 404 && problem["next_step"].as_str().unwrap().contains("POST /api/v1/tie-outs"), "{problem:#}");
    let (status, begun) = call(&anna, "POST", "/api/v1/tie-outs", json!({ "why": "month end" }));
    assert_eq!(status, 202, "{begun:#}");
    let follow = begun["follow"].as_str().unwrap().to_owned();
    let done = wait_for("the tie-out is done", Duration::from_secs(60), || {
        Some(call(&viewer, "GET", &follow, Value::Null).1).filter(|one| one["state"] != "running")
    });
    assert_eq!(done["state"], "done", "{done:#}");
    assert_eq!((step(&viewer, "prepare").0, step(&operator, "prepare").0), (403, 403));
    assert_eq!(call(&anna, "POST", &format!("/api/v1/flows/{COMPANY}/invoice/run"), json!({ "why": "no operator" })).0, 403);
    assert_eq!(call(&anna, "POST", &format!("{place}/prepare"), json!({})).0, 400);
    let (status, prepared) = step(&anna, "prepare");
    assert_eq!((status, &prepared["state"], &prepared["tie_out"]), (200, &json!("prepared"), &begun["id"]), "{prepared:#}");
    let (status, problem) = step(&anna, "sign");
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("asks for another person"), "{problem:#}");

    // the second person signs and locks on the page; who only reads sees no button
    let (reviewer, reader) = (Person::sign_in(&node.site, &ben), Person::sign_in(&node.site, &viewer));
    let page = format!("/close/{COMPANY}/{}", one.2);
    let shown = reviewer.get(&page).body;
    assert!(shown.contains("Sign as reviewer") && shown.contains("key anna"), "{shown}");
    assert!(!reader.get(&page).body.contains("Sign as reviewer"));
    assert_eq!(reader.post(&format!("{page}/step"), "step=sign&why=x").status, 403);
    assert_eq!(reviewer.post(&format!("{page}/step"), "step=sign&why=").status, 400);
    assert_eq!(reviewer.post(&format!("{page}/step"), "step=sign&why=month+end").status, 303);
    assert_eq!(reviewer.post(&format!("{page}/step"), "step=lock&why=final").status, 303);
    assert!(reader.get("/close").body.contains("locked by key ben"), "{}", reader.get("/close").body);
    // the list as files, with the filter of the page
    let csv = reader.get("/close.csv?state=locked").body;
    assert!(csv.contains("\r\ncompany,period,") && csv.contains(&format!("\"{COMPANY}\",\"{}\"", one.2)), "{csv}");
    assert!(csv.contains("key ben") && !reader.get("/close.csv?state=open").body.contains(&format!("\"{}\"", one.2)), "{csv}");
    assert!(reader.get("/close.xlsx").body.starts_with("PK"), "a workbook");
    let steps = reader.get(&format!("{page}/steps.csv")).body;
    assert!(steps.contains("\"prepare\"") && steps.contains("\"lock\"") && steps.contains("# Rows: 3\r\n"), "{steps}");
    let signed = reader.get(&format!("{page}/signed.csv")).body;
    assert!(signed.contains("key ben") && signed.contains("\r\nstep_id,step,by,entity"), "{signed}");
    assert!(reader.get(&format!("{page}/sums.csv")).body.contains("\"invoice\",\"header\""));
    assert!(reader.get(&format!("{page}/period.xlsx")).body.starts_with("PK"), "a workbook");
    assert!(reader.get("/close-changes.csv").body.contains("\r\nfound_at,company,period,"));

    // a new invoice is found for the locked period: it is held, and everybody sees why
    let (supplier, year, month) = (one.0.as_str(), &one.2[..4], &one.2[5..]);
    let new = [
        ("Supplier", supplier),
        ("Invoice", "LATE1"),
        ("InvoiceDate", "2026-01-15"),
        ("InvoiceYear", year),
        ("InvoiceMonth", month),
        ("OrigInvValue", "12.34"),
        ("Currency", "R"),
    ];
    world.syspro.insert(COMPANY, "ApInvoice", &new).unwrap();
    let out = world.command(&["sync", "--sweep", "--entity", "invoice"]).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", text(&out));
    let late = (supplier.to_owned(), "LATE1".to_owned(), String::new());
    let arrived = || world.servicenow.rows(INVOICES).iter().any(|row| row["u_supplier_invoice_number"] == "LATE1");
    assert!(!arrived());
    let suspended = show();
    assert_eq!((&suspended["state"], &suspended["held"]), (&json!("suspended"), &json!(1)), "{suspended:#}");
    let (_, radar) = call(&viewer, "GET", &format!("/api/v1/close-changes?company={COMPANY}"), Value::Null);
    assert_eq!(
        (&radar["items"][0]["kind"], &radar["items"][0]["key"]),
        (&json!("added"), &json!(format!("{supplier}/LATE1"))),
        "{radar:#}"
    );
    for (path, words) in [("/close", "LATE1"), (page.as_str(), "The signatures are suspended"), (page.as_str(), "1 records are held")] {
        assert!(reader.get(path).body.contains(words), "{words}: {}", reader.get(path).body);
    }
    // one person releases one record with a reason, and it goes although the period stays locked
    let body = json!({ "company": COMPANY, "entity": "invoice", "keys": [format!("{}/{}", late.0, late.1)], "why": "agreed" });
    let (status, released) = call(&operator, "POST", "/api/v1/records/release", body);
    assert_eq!((status, &released["records"][0]["changed"]), (200, &json!(true)), "{released:#}");
    wait_for("the released invoice", Duration::from_secs(60), || arrived().then_some(()));
    assert_eq!((&show()["frozen"], &show()["held"]), (&json!(true), &json!(0)));

    // what it holds is released when a controller unlocks it, and the service sends it at once
    change(&world, &one, "2031-01-01");
    let out = world.command(&["sync", "--sweep", "--entity", "invoice"]).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", text(&out));
    assert_ne!(due(&world, &one), "2031-01-01");
    assert_eq!(step(&operator, "unlock").0, 403);
    let (status, unlocked) = step(&anna, "unlock");
    assert_eq!((status, &unlocked["state"], &unlocked["released"]), (200, &json!("open"), &json!(1)), "{unlocked:#}");
    wait_for("what was held", Duration::from_secs(60), || (due(&world, &one) == "2031-01-01").then_some(()));
    let (_, list) = call(&viewer, "GET", &format!("/api/v1/closes?company={COMPANY}"), Value::Null);
    let line = list["items"].as_array().unwrap().iter().find(|line| line["period"] == one.2.as_str()).unwrap();
    assert_eq!((&line["state"], &line["frozen"]), (&json!("open"), &json!(false)), "{line:#}");
    assert_eq!(call(&viewer, "GET", "/api/v1/closes/EDU1/March", Value::Null).0, 400);
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_document_that_moves_concerns_both_periods() {
    let world = World::start();
    let one = invoice(&world, 0);
    let other = (1..).map(|n| invoice(&world, n)).find(|other| other.2 != one.2).unwrap();
    tie_out(&world, 0);
    for period in [&one.2, &other.2] {
        step(&world, "anna", 0, "prepare", period);
        step(&world, "ben", 0, "sign", period);
    }
    let key = [("Supplier", one.0.as_str()), ("Invoice", one.1.as_str())];
    let to = [("InvoiceYear", &other.2[..4]), ("InvoiceMonth", &other.2[5..])];
    world.syspro.update(COMPANY, "ApInvoice", &key, &to).unwrap();
    let out = world.command(&["sync", "--sweep", "--entity", "invoice"]).output().unwrap();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
    let kinds = world.database.psql("SELECT string_agg(number || ' ' || kind, ', ' ORDER BY kind) FROM close_change");
    assert!(kinds.contains(&format!("{} moved_out", one.2.replace('/', ""))) || kinds.contains("altered"), "{kinds}");
    assert_eq!((state(&world, &one.2), state(&world, &other.2)), (("suspended".into(), false), ("suspended".into(), false)), "{kinds}");
}

#[test]
fn what_needs_a_second_person_is_asked_for_answered_and_done_once() {
    let world = World::start();
    let one = invoice(&world, 0);
    let mut node = Node::new(&world).with("APPROVALS__NEEDED", "unlock,adopt,change_limit");
    for entity in ["SUPPLIER", "INVOICE", "PURCHASE_ORDER", "GL_ACCOUNT", "COST_CENTER", "GL_POSTING"] {
        node = node.with(&format!("SCHEDULE__{entity}"), "0 0 1 1 *");
    }
    tie_out(&world, 0);
    step(&world, "anna", 0, "prepare", &one.2);
    step(&world, "ben", 0, "sign", &one.2);
    step(&world, "ben", 0, "lock", &one.2);
    node.start_and_wait(&world);
    let key = |name: &str, role: &str| {
        let out = node.command(&world, &["api-key", "add", name, "--role", role]).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let (anna, ben, operator) = (key("anna", "controller"), key("ben", "controller"), key("olga", "operator"));
    let call = |key: &str, path: &str| {
        let (status, _, answer) = ask(&node.site, "POST", path, Some(key), &json!({ "why": "a correction" }).to_string()).unwrap();
        (status, serde_json::from_str::<Value>(&answer).unwrap_or_else(|error| panic!("{error}: {answer}")))
    };
    let unlock = format!("/api/v1/closes/{COMPANY}/{}/unlock", one.2);
    // asked for, once, and not done
    for _ in 0..2 {
        let (status, problem) = call(&anna, &unlock);
        assert!(status == 409 && problem["detail"].as_str().unwrap().contains("request 1"), "{problem:#}");
        assert!(problem["next_step"].as_str().unwrap().contains("/api/v1/approvals/1/approve"), "{problem:#}");
    }
    assert_eq!(state(&world, &one.2), ("locked".into(), true));
    let (status, problem) = call(&anna, "/api/v1/approvals/1/approve");
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("another person must answer"), "{problem:#}");
    assert_eq!(call(&operator, "/api/v1/approvals/1/approve").0, 403);
    assert_eq!(call(&ben, "/api/v1/approvals/7/approve").0, 404);
    // another person's request is another one; rejected, it is not done
    assert_eq!(call(&ben, &unlock).0, 409);
    let reviewer = Person::sign_in(&node.site, &anna);
    assert!(reviewer.get("/approvals").body.contains(&format!("unlock {COMPANY} {}", one.2)));
    assert_eq!(reviewer.post("/approvals", "id=2&answer=reject&why=not+now").status, 303);
    assert_eq!(call(&ben, "/api/v1/approvals/2/approve").0, 409);
    // approved, it is done by the person who asked, once
    let (status, approved) = call(&ben, "/api/v1/approvals/1/approve");
    assert_eq!((status, &approved["state"]), (200, &json!("approved")), "{approved:#}");
    let (status, unlocked) = call(&anna, &unlock);
    assert_eq!((status, &unlocked["state"]), (200, &json!("open")), "{unlocked:#}");
    let list = node.command(&world, &["--output", "json", "approvals", "list"]).output().unwrap();
    let list: Vec<Value> = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!((&list[1]["state"], &list[0]["state"]), (&json!("used"), &json!("rejected")), "{list:#?}");
    step(&world, "anna", 0, "prepare", &one.2);
    assert_eq!(call(&anna, &unlock).0, 409, "the approval is used up");
    // not answered in time
    world.database.psql("UPDATE approval SET expires_at = now() WHERE state = 'asked'");
    assert_eq!(call(&ben, "/api/v1/approvals/3/approve").0, 409);
    assert_eq!(node.terminate(), Some(0));
    let events = world.database.psql("SELECT string_agg(detail::jsonb ->> 'action', ' ' ORDER BY id) FROM audit WHERE kind = 'approval'");
    assert_eq!(events, "ask ask reject approve use ask expire");
}
