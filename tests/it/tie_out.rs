//! `tieline tie-out`: what differs between the two systems is found and named with its cause, and nothing else is. The differences are
//! planted through the simulators, as people would make them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use calamine::{Data, Reader, Xlsx, open_workbook};
use serde_json::{Value, json};
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::ServiceNowOptions;

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::{Node, wait_for};
use crate::support::world::{COMPANY, World};

/// What a tie-out says, and its exit code.
fn tie_out(world: &World) -> (Value, Option<i32>) {
    tie_out_with(world, &[])
}

/// The same with these options.
pub fn tie_out_with(world: &World, options: &[&str]) -> (Value, Option<i32>) {
    said(world.command(&[&["--output", "json", "tie-out", "--why", "month end"], options].concat()))
}

/// What a command says as JSON, and its exit code.
pub fn said(mut command: std::process::Command) -> (Value, Option<i32>) {
    let out = command.output().unwrap();
    (serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out))), out.status.code())
}

/// The differences of the newest tie-out.
pub fn items(world: &World, arguments: &[&str]) -> Vec<Value> {
    let out = world.command(&[&["--output", "json", "tie-out", "items"], arguments].concat()).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
}

/// The parts of a row's key behind company and entity, as SYSPRO has them.
pub fn parts(row: &BTreeMap<String, String>) -> Vec<String> {
    let decoded = |part: &str| part.replace("%20", " ").replace("%2F", "/").replace("%25", "%");
    row["u_source_key"].split('/').skip(2).map(decoded).collect()
}

/// Number of differences by kind, cause and table.
pub fn counted(items: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        *counts.entry((word("kind"), word("cause"))).or_default() += 1;
    }
    counts
}

#[test]
fn both_systems_tie_out_after_a_load_to_the_cent() {
    let world = World::start();
    let (writes, reads) = (world.servicenow.writes(), world.servicenow.requests());
    let (report, exit) = tie_out(&world);
    assert_eq!(items(&world, &[]), Vec::<Value>::new(), "{report:#}");
    assert_eq!((exit, report["state"].as_str()), (Some(0), Some("done")), "{report:#}");
    let buckets = report["buckets"].as_array().unwrap();
    assert!(buckets.iter().all(|bucket| bucket["state"] == "tied"), "{report:#}");
    assert!(report["blocks"].as_array().unwrap().iter().all(|block| block["unverified"].is_null()), "{report:#}");
    // the sums are those of the two systems
    let sum = |entity: &str, block: &str, side: &str| {
        let of = buckets.iter().filter(|bucket| bucket["entity"] == entity && bucket["block"] == block);
        let amounts = of.filter_map(|bucket| bucket[side]["sum"].as_str()).map(|text| text.parse::<rust_decimal::Decimal>().unwrap());
        amounts.sum::<rust_decimal::Decimal>()
    };
    for (entity, block, table, column) in [
        ("invoice", "header", "x_apo_invoice", "u_amount_invoiced"),
        ("invoice", "lines", "x_apo_invoice_line", "u_line_amount_invoiced"),
        ("gl_posting", "lines", "x_apo_gl_posting", "u_amount"),
    ] {
        let there = world.servicenow.sum(table, column);
        assert_eq!(sum(entity, block, "servicenow"), there, "{entity} {block}");
        assert_eq!(sum(entity, block, "syspro"), there, "{entity} {block}");
        assert_eq!(sum(entity, block, "ledger"), there, "{entity} {block}");
    }
    let periods = |entity: &str| buckets.iter().filter(|bucket| bucket["entity"] == entity && bucket["period"].is_string()).count();
    assert!(periods("invoice") > 0 && periods("gl_posting") > 0, "{report:#}");
    // it only reads
    assert_eq!(world.servicenow.writes(), writes);
    let posts = |requests: &BTreeMap<String, u64>| {
        requests.iter().filter(|(name, _)| !name.contains("GET") && !name.contains("oauth")).map(|(_, count)| *count).sum::<u64>()
    };
    assert_eq!(posts(&world.servicenow.requests()), posts(&reads));
    let shown = world.command(&["tie-out", "show"]).output().unwrap();
    assert!(text(&shown).contains("invoice lines"), "{}", text(&shown));
}

#[test]
fn every_planted_difference_is_found_and_named_with_its_cause() {
    let world = World::start();
    let invoices = || world.servicenow.rows("x_apo_invoice");
    let mut rows = invoices();
    rows.sort_by(|a, b| a["u_source_key"].cmp(&b["u_source_key"]));
    let id = |n: usize| rows[n]["sys_id"].clone();
    // changed and deleted by somebody in ServiceNow; a second row; a row of nobody
    assert!(world.servicenow.edit_row("x_apo_invoice", &id(0), &[("u_amount_invoiced", "0.01")]));
    assert!(world.servicenow.edit_row("x_apo_invoice", &id(1), &[("u_supplier_invoice_number", "edited")]));
    assert!(world.servicenow.delete_row("x_apo_invoice", &id(2)));
    let copy: Vec<(&str, &str)> =
        rows[3].iter().filter(|(name, _)| name.starts_with("u_")).map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.servicenow.insert_row("x_apo_invoice", &copy).unwrap();
    let stranger = [("u_source_key", "EDU1/invoice/NOBODY/1"), ("u_amount_invoiced", "77.00"), ("u_currency", "ZAR")];
    world.servicenow.insert_row("x_apo_invoice", &stranger).unwrap();
    // of another currency
    assert!(world.servicenow.edit_row("x_apo_invoice", &id(4), &[("u_currency", "XTS")]));
    // in SYSPRO, after the last run: changed without a date, new, deleted
    let key = |n: usize| {
        let source = rows[n]["u_source_key"].clone();
        let parts: Vec<String> = source.split('/').skip(2).map(str::to_owned).collect();
        (parts[0].clone(), parts[1].clone())
    };
    let edited = key(5);
    let of = |(supplier, invoice): &(String, String), values: &[(&str, &str)]| {
        world.syspro.update(COMPANY, "ApInvoice", &[("Supplier", supplier), ("Invoice", invoice)], values)
    };
    of(&edited, &[("Reference", "Silent")]).unwrap();
    let new = [("Supplier", "042"), ("Invoice", "NEW1"), ("InvoiceDate", "2026-01-15"), ("OrigInvValue", "12.34"), ("Currency", "R")];
    world.syspro.insert(COMPANY, "ApInvoice", &new).unwrap();

    let (report, exit) = tie_out(&world);
    assert_eq!(exit, Some(3), "{report:#}");
    let found = items(&world, &["--entity", "invoice"]);
    let counts = counted(&found);
    let expected: BTreeMap<(String, String), usize> = [
        (("differs", "changed_in_servicenow"), 4),
        (("missing", "deleted_in_servicenow"), 1),
        (("twice", "twice"), 1),
        (("extra", "unknown_row"), 1),
        (("differs", "not_read_yet"), 1),
        (("missing", "not_read_yet"), 1),
    ]
    .into_iter()
    .map(|((kind, cause), count)| ((kind.to_owned(), cause.to_owned()), count))
    .collect();
    assert_eq!(counts, expected, "{found:#?}");
    // nothing else differs
    assert_eq!(items(&world, &[]).len(), found.len());
    let edit = found.iter().find(|item| item["field"] == "u_supplier_invoice_number" && item["servicenow_value"] == "edited").unwrap();
    assert_eq!(
        (edit["updated_by"].is_string(), edit["syspro_value"].as_str()),
        (true, Some(rows[1]["u_supplier_invoice_number"].as_str())),
        "{edit:#}"
    );
    // the named differences add up to the difference of the sums: no bucket is unverified
    let buckets = report["buckets"].as_array().unwrap();
    assert!(buckets.iter().all(|bucket| bucket["state"] != "unverified"), "{report:#}");
    assert!(buckets.iter().any(|bucket| bucket["state"] == "untied"), "{report:#}");
    // only open ones on request, and people read the cause and the next step
    let open = items(&world, &["--open"]);
    assert_eq!(open.len(), found.len() - 2, "{open:#?}");
    let shown = world.command(&["tie-out", "items"]).output().unwrap();
    let shown = text(&shown);
    assert!(shown.contains("changed in ServiceNow") && shown.contains("next step:"), "{shown}");

    // a sweep sends what SYSPRO changed; the next tie-out names the rest again, first seen before
    world.rest(&["sync", "--sweep"]).unwrap();
    let first = found.iter().find(|item| item["kind"] == "twice").unwrap()["first_seen_at"].clone();
    tie_out(&world);
    let later = items(&world, &[]);
    assert!(later.iter().all(|item| item["cause"] != "not_read_yet"), "{later:#?}");
    assert_eq!(later.iter().find(|item| item["kind"] == "twice").unwrap()["first_seen_at"], first);
}

#[test]
fn what_cannot_be_read_completely_is_not_verified_and_does_not_keep_others_from_it() {
    let hides = |options: &mut ServiceNowOptions| {
        options.table("x_apo_gl_posting").unwrap().hidden = Some(("u_comment".into(), "not for you".into()));
    };
    let world = World::with(hides).settled();
    let posting = world.servicenow.rows("x_apo_gl_posting").swap_remove(0);
    assert!(world.servicenow.edit_row("x_apo_gl_posting", &posting["sys_id"], &[("u_comment", "not for you")]));
    let (report, exit) = tie_out(&world);
    assert_eq!(exit, Some(8), "{report:#}");
    let blocks = report["blocks"].as_array().unwrap();
    let why = |entity: &str| blocks.iter().find(|block| block["entity"] == entity).unwrap()["unverified"].clone();
    assert!(why("gl_posting").as_str().unwrap().contains("1 rows of `x_apo_gl_posting` are hidden"), "{report:#}");
    assert!(why("invoice").is_null(), "{report:#}");
    let buckets = report["buckets"].as_array().unwrap();
    let all = |entity: &str, verdict: &str| buckets.iter().filter(|one| one["entity"] == entity).all(|one| one["state"] == verdict);
    assert!(all("gl_posting", "unverified") && all("invoice", "tied"), "{report:#}");
    // SYSPRO does not answer
    world.syspro.faults.push(FaultRule::always(Fault::Status(500)).on_path(&world.table_path("ApInvoice")));
    let (report, exit) = tie_out(&world);
    assert_eq!(exit, Some(5), "{report:#}");
    let blocks = report["blocks"].as_array().unwrap();
    let unverified = |entity: &str| blocks.iter().filter(|one| one["entity"] == entity).all(|one| one["unverified"].is_string());
    assert!(unverified("invoice") && !unverified("supplier"), "{report:#}");
    // a part of a side is shown as no sum
    assert!(report["buckets"].as_array().unwrap().iter().all(|one| one["entity"] != "invoice"), "{report:#}");
}

#[test]
fn that_nothing_stands_twice_is_proven_by_two_requests_per_table() {
    let world = World::start();
    let prove = || {
        let out = world.command(&["--output", "json", "prove"]).output().unwrap();
        let said: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
        (said["tables"].as_array().unwrap().clone(), said, out.status.code())
    };
    let requests = || world.servicenow.requests().get("GET /api/now/stats").copied().unwrap_or_default();
    let (proofs, said, exit) = prove();
    assert_eq!((exit, &said["duplicates"]), (Some(0), &json!([])), "{said:#}");
    assert_eq!(said["rows"].as_u64().unwrap(), proofs.iter().map(|proof| proof["rows"].as_u64().unwrap()).sum::<u64>());
    assert_eq!(requests(), 2 * proofs.len() as u64);
    for proof in &proofs {
        let table = proof["table"].as_str().unwrap();
        assert_eq!(proof["rows"].as_u64().unwrap(), world.servicenow.count(table) as u64, "{table}");
    }
    let row = world.servicenow.rows("x_apo_invoice").swap_remove(0);
    let copy: Vec<(&str, &str)> =
        row.iter().filter(|(name, _)| name.starts_with("u_")).map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let second = world.servicenow.insert_row("x_apo_invoice", &copy).unwrap();
    let (_, said, exit) = prove();
    let found = said["duplicates"].as_array().unwrap();
    assert_eq!((exit, found.len()), (Some(3), 1), "{said:#}");
    assert_eq!((&found[0]["table"], &found[0]["key"]), (&json!("x_apo_invoice"), &json!(row["u_source_key"])), "{said:#}");
    let mut ids: Vec<&str> = found[0]["sys_ids"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut both = vec![row["sys_id"].as_str(), second.as_str()];
    ids.sort_unstable();
    both.sort_unstable();
    assert_eq!(ids, both);
    // an instance that does not let the user count
    world.servicenow.set_fault(FaultRule::always(Fault::Status(403)).on_path("/api/now/stats/x_apo_invoice_line"));
    let out = world.command(&["prove"]).output().unwrap();
    assert_eq!(out.status.code(), Some(8));
    let said = text(&out);
    assert!(said.contains("not proven") && said.contains("carry the key"), "{said}");
}

/// The same service, which does not poll by itself.
pub fn quiet(mut node: Node) -> Node {
    for entity in ["SUPPLIER", "INVOICE", "PURCHASE_ORDER", "GL_ACCOUNT", "COST_CENTER", "GL_POSTING"] {
        node = node.with(&format!("SCHEDULE__{entity}"), "0 0 1 1 *");
    }
    node
}

/// A service that does not poll by itself.
pub fn quiet_node(world: &World) -> Node {
    let mut node = quiet(Node::new(world));
    node.start_and_wait(world);
    node
}

#[test]
fn the_service_makes_one_for_the_api_and_the_console_and_names_what_differs() {
    let world = World::start();
    let rows = world.servicenow.rows("x_apo_invoice");
    let row = rows.iter().min_by_key(|row| row["u_source_key"].clone()).unwrap();
    assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_supplier_invoice_number", "edited")]));
    let mut node = quiet_node(&world);
    let key = node.key(&world);
    let call = |method: &str, path: &str, body: &str| {
        let (status, _, answer) = ask(&node.site, method, path, Some(&key), body).unwrap();
        (status, serde_json::from_str::<Value>(&answer).unwrap_or_else(|error| panic!("{error}: {answer}")))
    };
    let person = Person::sign_in(&node.site, &key);
    // none yet
    let (status, problem) = call("GET", "/api/v1/tie-outs/newest", "");
    assert!(status == 404 && problem["next_step"].as_str().unwrap().contains("POST /api/v1/tie-outs"), "{problem:#}");
    assert!(person.get("/tie-out").body.contains("There is no tie-out yet"));
    for (body, status) in [(json!({ "why": "x", "companies": ["EDU7"] }), 422), (json!({ "companies": ["EDU1"] }), 400)] {
        assert_eq!(call("POST", "/api/v1/tie-outs", &body.to_string()).0, status, "{body}");
    }

    // one is made, slowly, and meanwhile no other one
    world.servicenow.set_fault(FaultRule::always(Fault::Held).on_method("GET").on_path("/api/now/table/x_apo_invoice"));
    let body = json!({ "companies": [COMPANY], "entities": ["invoice"], "why": "month end" }).to_string();
    let (status, begun) = call("POST", "/api/v1/tie-outs", &body);
    assert_eq!((status, begun["state"].as_str(), begun["why"].as_str()), (202, Some("running"), Some("month end")), "{begun:#}");
    let (status, problem) = call("POST", "/api/v1/tie-outs", &body);
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("another tie-out"), "{problem:#}");
    assert_eq!(person.post("/tie-out", "why=me+too").status, 409);
    let follow = begun["follow"].as_str().unwrap().to_owned();
    assert_eq!(call("GET", &follow, "").1["state"], "running");
    assert!(person.get("/live/tie-out").body.contains("data-busy"));
    world.servicenow.clear_faults();
    let done = wait_for("the tie-out is done", Duration::from_secs(60), || {
        Some(call("GET", &follow, "").1).filter(|one| one["state"] != "running")
    });
    assert_eq!(done["state"], "done", "{done:#}");
    assert!(
        done["blocks"].as_array().unwrap().iter().all(|block| block["entity"] == "invoice" && block["unverified"].is_null()),
        "{done:#}"
    );
    assert_eq!(call("GET", "/api/v1/tie-outs/newest", "").1["id"], begun["id"]);
    assert_eq!(call("GET", "/api/v1/tie-outs?limit=1", "").1["items"][0]["id"], begun["id"]);

    // the planted difference has its cause
    let (_, found) = call("GET", &format!("{follow}/items"), "");
    let items = found["items"].as_array().unwrap();
    assert_eq!((items.len(), &found["next"]), (1, &Value::Null), "{found:#}");
    let item = &items[0];
    let words = ["kind", "cause", "cause_text", "field", "servicenow_value"].map(|name| item[name].as_str().unwrap_or_default());
    assert_eq!(words, ["differs", "changed_in_servicenow", "changed in ServiceNow", "u_supplier_invoice_number", "edited"], "{item:#}");
    assert!(item["next_step"].as_str().unwrap().contains("ask who changed the row"), "{item:#}");
    let count = |query: &str| call("GET", &format!("/api/v1/tie-outs/newest/items?{query}"), "").1["items"].as_array().unwrap().len();
    assert_eq!([count("cause=changed_in_servicenow&open=true"), count("cause=on_hold"), count("entity=supplier")], [1, 0, 0]);
    assert_eq!(call("GET", &format!("{follow}/items?cause=nonsense"), "").0, 400);

    // so has the page, with its filters and its files
    let page = person.get("/tie-out").body;
    for words in ["Invoices, lines", "changed in ServiceNow", "edited", "ask who changed the row", "/records/EDU1/invoice/"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let one = format!("/tie-out/{}", begun["id"]);
    assert!(person.get(&format!("{one}?cause=on_hold")).body.contains("No difference matches this filter"));
    assert!(person.get(&format!("{one}?entity=supplier&show=not_tied&period=1999%2F01")).body.contains("No sum matches this filter"));
    assert_eq!(person.get(&format!("{one}?period=March")).status, 400);
    let differences = person.get(&format!("{one}/differences.csv")).body;
    assert!(differences.contains("id,company,") && differences.contains("\"changed_in_servicenow\""), "{differences}");
    let sums = person.get(&format!("{one}/sums.csv?show=not_tied")).body;
    assert!(sums.starts_with("# Table: Tie-out") && sums.contains("\r\ncompany,entity,") && !sums.contains("\"tied\""), "{sums}");

    // for a spreadsheet, and for paper
    for (name, form, start) in [
        ("tie-out.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"),
        ("tie-out.pdf", "application/pdf", "%PDF-"),
    ] {
        assert!(page.contains(&format!("{one}/{name}")), "{name}: {page}");
        let file = person.get(&format!("{one}/{name}?cause=changed_in_servicenow"));
        assert_eq!((file.status, file.header("content-type")), (200, Some(form)), "{name}");
        assert!(file.body.starts_with(start) && file.header("content-disposition").unwrap().contains("attachment"), "{name}");
    }
    assert!(page.contains("Open differences by age") && page.contains("less than a day"), "{page}");

    // a stop interrupts one, and says so at once
    world.servicenow.set_fault(FaultRule::always(Fault::Held).on_method("GET").on_path("/api/now/table/x_apo_invoice"));
    assert_eq!(call("POST", "/api/v1/tie-outs", &body).0, 202);
    let stopping = std::time::Instant::now();
    assert_eq!(node.terminate(), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(15), "{:?}", stopping.elapsed());
    assert_eq!(world.database.psql("SELECT state || ': ' || error FROM tie_out ORDER BY id DESC LIMIT 1"), "failed: the service stopped");
}

/// The texts of a sheet, row by row. An amount is a number there.
fn sheet(book: &mut Xlsx<BufReader<File>>, name: &str) -> Vec<Vec<Data>> {
    book.worksheet_range(name).unwrap().rows().map(<[Data]>::to_vec).collect()
}

#[test]
fn a_workbook_has_every_sum_and_difference_with_exact_amounts_and_totals_that_can_be_followed() {
    let world = World::start();
    let row = world.servicenow.rows("x_apo_invoice").into_iter().min_by_key(|row| row["u_source_key"].clone()).unwrap();
    assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_amount_invoiced", "123456789012345678.91")]));
    let file = world.site.directory.path().join("tie-out.xlsx");
    let arguments = ["--output", "json", "tie-out", "--why", "month end", "--to", file.to_str().unwrap()];
    let out = world.command(&arguments).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", text(&out));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let mut book: Xlsx<_> = open_workbook(&file).unwrap();
    assert_eq!(
        book.sheet_names(),
        ["About", "Sums", "Totals", "Differences", "Controls", "Sub-ledger", "Sub-ledger entries", "Not compared"]
    );

    // what the file says of itself
    let about = sheet(&mut book, "About").into_iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(": "));
    let about = about.collect::<Vec<_>>().join("\n");
    let number = report["id"].to_string();
    for said in [
        &format!("Tie-out: {number} (done)"),
        "Why: month end",
        "Filter: none",
        "SHA-256",
        "Tieline 0.",
        "x_apo_invoice",
        "Differences: 1;",
    ] {
        assert!(about.contains(said), "{said}: {about}");
    }

    // the sums are those of the report, to the cent
    let sums = sheet(&mut book, "Sums");
    let buckets = report["buckets"].as_array().unwrap();
    assert_eq!(sums.len(), buckets.len() + 1);
    let heads: Vec<String> = sums[0].iter().map(ToString::to_string).collect();
    let at = |name: &str| heads.iter().position(|head| head == name).unwrap_or_else(|| panic!("{name}: {heads:?}"));
    for (row, bucket) in sums[1..].iter().zip(buckets) {
        for (column, name) in [("SYSPRO amount", "syspro"), ("ServiceNow amount", "servicenow")] {
            let amount = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
            match (&row[at(column)], bucket[name]["sum"].as_str()) {
                (Data::Empty, None) => {}
                (Data::Float(number), Some(exact)) => assert_eq!(amount(&number.to_string()), amount(exact).normalize()),
                (Data::String(written), Some(exact)) => {
                    assert_eq!(amount(written), amount(exact), "an amount that a number of a spreadsheet cannot hold is a text");
                    assert!(amount(exact).normalize().mantissa().abs() > 999_999_999_999_999, "{exact}");
                }
                (cell, amount) => panic!("{cell:?} for {amount:?}"),
            }
        }
    }
    assert!(sums[1..].iter().any(|row| matches!(row[at("ServiceNow amount")], Data::String(_))), "the edited amount has too many digits");

    // the difference is there, and its amount too
    let differences = sheet(&mut book, "Differences");
    assert_eq!(differences.len(), 2);
    let words: Vec<String> = differences[1].iter().map(ToString::to_string).collect();
    assert!(
        words.iter().any(|word| word == "123456789012345678.91") && words.iter().any(|word| word == "changed in ServiceNow"),
        "{words:?}"
    );
}

#[test]
fn totals_are_formulas_whose_values_are_right_and_a_document_can_be_signed() {
    let world = World::start();
    let (workbook, document) = (world.site.directory.path().join("tie-out.xlsx"), world.site.directory.path().join("tie-out.pdf"));
    let out = world.command(&["tie-out", "--why", "month end", "--to", workbook.to_str().unwrap()]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let mut book: Xlsx<_> = open_workbook(&workbook).unwrap();
    let totals = sheet(&mut book, "Totals");
    let formulas = book.worksheet_formula("Totals").unwrap();
    let invoices = totals.iter().position(|row| row[0] == "invoice" && row[1] == "header").unwrap();
    let formula = formulas.get_value((invoices as u32, 8)).unwrap();
    assert!(formula.starts_with("SUMIFS(Sums!$K$2:$K$") && formula.contains("\"invoice\""), "{formula}");
    let there: rust_decimal::Decimal = world.servicenow.sum("x_apo_invoice", "u_amount_invoiced");
    let all: rust_decimal::Decimal = totals[1..]
        .iter()
        .filter(|row| row[0] == "invoice" && row[1] == "header")
        .map(|row| row[8].to_string().parse::<rust_decimal::Decimal>().unwrap())
        .sum();
    assert_eq!(all, there, "the totals of all currencies");

    // the same tie-out always makes the same files
    let again = world.site.directory.path().join("again.xlsx");
    for file in [&again, &document] {
        let out = world.command(&["tie-out", "show", "--to", file.to_str().unwrap()]).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    }
    assert_eq!(std::fs::read(&workbook).unwrap(), std::fs::read(&again).unwrap());
    for (form, file) in [("xlsx", &workbook), ("pdf", &document)] {
        let out = world.command(&["--output", form, "tie-out", "show"]).output().unwrap();
        assert!(out.status.success() && out.stdout == std::fs::read(file).unwrap(), "{form}");
        assert_eq!(world.command(&["--output", form, "tie-out", "list"]).output().unwrap().status.code(), Some(2), "{form}");
    }
    let pdf = String::from_utf8_lossy(&std::fs::read(&document).unwrap()).into_owned();
    for said in ["(Prepared by) Tj", "(Reviewed by) Tj", "(month end) Tj", "(tied) Tj", "(None.) Tj", "/Helvetica-Bold"] {
        assert!(pdf.contains(said), "{said}");
    }
    let out = world.command(&["tie-out", "show", "--to", "tie-out.doc"]).output().unwrap();
    assert!(out.status.code() == Some(2) && text(&out).contains(".xlsx"), "{}", text(&out));
}
