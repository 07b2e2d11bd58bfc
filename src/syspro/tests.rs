//! Reading from a small server: paging, children, refusals, and every kind of error.

mod columns;
mod failing;
mod fuzz;
mod kinds;
mod left_out;
mod long_keys;
mod twins;

use chrono::NaiveDate;

use super::scripted::{Reply, Server, Tables, quick_retry, reply};
use super::*;
use crate::config::settings::SysproSettings;
use crate::credentials::secret::Credential;
use crate::definition::ReadPlan;
use crate::definition::plan::{ChangeQuery, ChildRead, Cut, Derive, Filter, JoinRead, TableRead, TypeChange, ViaRead};
use crate::domain::{CompanyId, Document, DocumentKey};
use crate::retry::Class;

fn strings(names: &str) -> Vec<String> {
    names.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn table(name: &str, key: &str, others: &str) -> TableRead {
    let key = strings(key);
    let columns: Vec<String> = key.iter().cloned().chain(strings(others)).collect();
    let dates = columns.iter().filter(|name| name.ends_with("Date")).cloned().collect();
    let key_at = (0..key.len()).collect();
    TableRead {
        table: name.into(),
        key,
        columns,
        key_at,
        filter: None,
        exclude: vec![],
        optional: vec![],
        dates,
        numbers: vec![],
        derive: None,
    }
}

fn plan(root: TableRead) -> ReadPlan {
    let columns = root.columns.clone();
    ReadPlan {
        root,
        joins: vec![],
        children: vec![],
        changes: vec![],
        columns,
        sweep: None,
        type_change: TypeChange::Stop,
        amounts: Default::default(),
        controls: vec![],
    }
}

fn pairs(on: &str) -> Vec<(String, String)> {
    strings(on).into_iter().map(|pair| pair.split_once('=').map_or((pair.clone(), pair.clone()), |(a, b)| (a.into(), b.into()))).collect()
}

fn orders() -> ReadPlan {
    let mut plan = plan(table("PorMasterHdr", "PurchaseOrder", "Supplier"));
    plan.children.push(ChildRead {
        name: "lines".into(),
        table: table("PorMasterDetail", "PurchaseOrder Line", "Price"),
        on: pairs("PurchaseOrder"),
        via: None,
        amounts: Default::default(),
        may_be_absent: false,
    });
    plan
}

fn invoices() -> ReadPlan {
    let mut plan = plan(table("ApInvoice", "Supplier Invoice", "JournalDate"));
    plan.children.push(ChildRead {
        name: "lines".into(),
        table: table("ApJnlDistrib", "TrnYear Journal EntryNumber SubEntry", "DistrValue"),
        on: pairs("TrnYear Journal EntryNumber"),
        via: Some(ViaRead {
            table: table("ApJnlSummary", "TrnYear Journal EntryNumber", "Supplier Invoice TransactionCode"),
            on: pairs("Supplier Invoice"),
            carry: strings("TransactionCode"),
            matching: None,
        }),
        amounts: Default::default(),
        may_be_absent: false,
    });
    plan.changes.push(ChangeQuery {
        table: "ApInvoice".into(),
        key: strings("Supplier Invoice"),
        any_of: strings("JournalDate"),
        overlap_days: 0,
        filter: None,
        touches: vec![],
        dates: strings("JournalDate"),
        numbers: vec![],
        may_be_absent: false,
    });
    plan.changes.push(ChangeQuery {
        table: "ApInvoicePay".into(),
        key: strings("Supplier Invoice EntryNumber"),
        any_of: strings("PayDate"),
        overlap_days: 0,
        filter: None,
        touches: pairs("Supplier Invoice"),
        dates: strings("PayDate"),
        numbers: vec![],
        may_be_absent: false,
    });
    plan
}

fn credential() -> Credential {
    Credential::new("TIELINE", "s3cret".into())
}

/// Every page of a scope, and how many pages it took.
async fn read_all(reader: &SysproReader, plan: &ReadPlan, scope: ReadScope, limit: u32) -> Result<(Vec<Document>, Vec<Page>), SysproError> {
    let (mut documents, mut pages, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = reader.page(&credential(), &"EDU1".into(), plan, &PageQuery { scope, after, limit }).await?;
        documents.extend(page.documents.iter().cloned());
        // through JSON, as the database stores it
        after = page.next.as_ref().map(|next| serde_json::from_str(&serde_json::to_string(next).expect("JSON")).expect("a position"));
        pages.push(page);
        assert!(pages.len() < 200, "the pages never end");
        if after.is_none() {
            return Ok((documents, pages));
        }
    }
}

fn run<T>(
    settings: &SysproSettings,
    plan: &ReadPlan,
    scope: ReadScope,
    limit: u32,
    check: impl FnOnce(Vec<Document>, Vec<Page>) -> T,
) -> T {
    let (documents, pages) = outcome(settings, plan, scope, limit).expect("readable");
    check(documents, pages)
}

fn outcome(settings: &SysproSettings, plan: &ReadPlan, scope: ReadScope, limit: u32) -> Result<(Vec<Document>, Vec<Page>), SysproError> {
    actix_rt::System::new().block_on(async {
        let reader = scripted::reader(settings, &quick_retry());
        read_all(&reader, plan, scope, limit).await
    })
}

fn keys(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| document.key.as_str()).collect()
}

fn since(query: usize, day: u32) -> ReadScope {
    ReadScope::Changed { query, since: NaiveDate::from_ymd_opt(2026, 1, day), until: None }
}

#[test]
fn composite_keys_are_paged_without_loss_whatever_they_hold() {
    let rows = r#"[{"S":"A","I":"1","V":1},{"S":"A","I":"2","V":2},{"S":"A","I":"3","V":3},{"S":"A","I":"O'N & 50%+#","V":4},
        {"S":" 00001","I":"1","V":5},{"S":"abc","I":"1","V":6},{"S":"ABC","I":"1","V":7},{"S":"Abc","I":"1","V":8},
        {"S":"042","I":"x  ","V":9},{"S":"42","I":"x  ","V":10},{"S":"A","I":"é","V":null},{"S":null,"I":"1","V":11},{"S":null,"I":"2","V":12}]"#;
    for limit in [1, 2, 3, 5, 13, 50] {
        let server = Server::start(Tables::default().with("T", rows));
        run(&server.settings(), &plan(table("T", "S I", "V")), ReadScope::All, limit, |documents, _| {
            let mut found = keys(&documents);
            assert_eq!(found.len(), 13, "limit {limit}: {found:?}");
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), 13, "limit {limit}: no key twice");
            assert!(found.contains(&"%2000001/1"), "{found:?}");
            assert!(found.contains(&"042/x") && found.contains(&"42/x") && found.contains(&"A/O'N & 50%25+#"));
        });
        let requests = server.requests();
        assert!(requests.iter().all(|request| !request.target.contains("skip") && request.option("$orderby") == "S asc,I asc"));
        assert!(requests.iter().all(|request| request.authorization == "Basic VElFTElORTpzM2NyZXQ="));
    }
}

fn many(count: usize) -> String {
    let rows: Vec<String> = (0..count).map(|i| format!(r#"{{"K":"{i:05}","V":{i}}}"#)).collect();
    format!("[{}]", rows.join(","))
}

#[test]
fn silent_caps_and_links_lose_nothing() {
    for (cap, link) in [(Some(100), false), (Some(64), false), (Some(7), true), (None, false)] {
        let mut tables = Tables::default().with("T", &many(230));
        tables.cap = cap;
        tables.link_base = link.then(String::new);
        let server = Server::start(tables);
        for limit in [500, 21, 70] {
            run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, limit, |documents, _| {
                assert_eq!(documents.len(), 230, "cap {cap:?}, limit {limit}");
            });
        }
    }
}

#[test]
fn a_limit_of_the_server_on_top_is_obeyed() {
    let script = |request: &scripted::Request, _: &Tables| {
        let top: usize = request.option("$top").parse().unwrap_or(0);
        (top > 100).then(|| reply(400, r#"{"error":{"code":"","message":"The limit of '100' for Top query has been exceeded."}}"#))
    };
    let server = Server::scripted(Tables::default().with("T", &many(230)), Box::new(script));
    run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 2000, |documents, _| assert_eq!(documents.len(), 230));
}

#[test]
fn a_full_last_page_is_followed_by_one_more_question() {
    // the last row of a full page comes again with the next one
    let server = Server::start(Tables::default().with("T", &many(21)));
    run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 10, |documents, pages| {
        assert_eq!((documents.len(), pages.len()), (21, 3));
    });
}

#[test]
fn links_to_another_server_are_not_followed() {
    let elsewhere = Server::start(Tables::default().with("T", "[]"));
    let mut tables = Tables::default().with("T", &many(30));
    (tables.cap, tables.link_base) = (Some(7), Some(format!("http://127.0.0.1:{}", elsewhere.port)));
    let server = Server::start(tables);
    run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500, |documents, _| assert_eq!(documents.len(), 30));
    assert_eq!(elsewhere.requests().len(), 0, "the password went to another server");
}

fn order_rows(orders: usize, lines: usize) -> (String, String) {
    let heads: Vec<String> = (0..orders).map(|o| format!(r#"{{"PurchaseOrder":"{o:015}","Supplier":"S"}}"#)).collect();
    let details = (0..orders).flat_map(|o| (0..lines).map(move |l| format!(r#"{{"PurchaseOrder":"{o:015}","Line":{l},"Price":0.10}}"#)));
    (format!("[{}]", heads.join(",")), format!("[{}]", details.collect::<Vec<_>>().join(",")))
}

#[test]
fn children_of_dense_pages_come_by_range_and_of_others_by_lists() {
    let (heads, lines) = order_rows(61, 3);
    let server = Server::start(Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &lines));
    run(&server.settings(), &orders(), ReadScope::All, 500, |documents, pages| {
        assert_eq!(documents.len(), 61);
        assert!(documents.iter().all(|document| document.children[0].len() == 3));
        assert_eq!(
            pages[0].requests, 4,
            "one for the orders, one for all their lines, and one beyond each: nothing shows yet that no page is cut"
        );
        assert_eq!(pages[0].rows_read, 246, "the last row of each comes again with what lies beyond");
    });
}

#[test]
fn a_document_with_more_lines_than_a_page_is_whole_and_sorted() {
    let (heads, lines) = order_rows(2, 333);
    let server = Server::start(Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &lines));
    let mut settings = server.settings();
    settings.row_cap = 10;
    run(&settings, &orders(), ReadScope::All, 500, |documents, _| {
        for document in &documents {
            let lines: Vec<String> = document.children[0].iter().map(|row| row[1].to_text()).collect();
            let expected: Vec<String> = (0..333).map(|line| line.to_string()).collect();
            assert_eq!(lines, expected, "all lines, by number and not by text");
        }
    });
}

#[test]
fn the_end_of_a_chain_of_links_is_not_the_end_of_the_table() {
    let (heads, lines) = order_rows(1, 100);
    let mut tables = Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &lines);
    (tables.cap, tables.link_base) = (Some(7), Some(String::new()));
    let server = Server::start(tables);
    let mut settings = server.settings();
    settings.row_cap = 20;
    run(&settings, &orders(), ReadScope::All, 500, |documents, _| assert_eq!(documents[0].children[0].len(), 100));
    assert!(server.requests().iter().any(|request| request.option("$skiptoken").starts_with("at-")), "links are followed");
}

#[test]
fn an_empty_answer_with_a_link_that_counts_rows_is_named_for_what_it_is() {
    let (heads, lines) = order_rows(20, 1);
    let tables = Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &lines);
    let empty = |request: &scripted::Request, _: &Tables| {
        let asked = request.target.contains("PorMasterHdr") && request.option("$filter").contains(" gt ");
        asked.then(|| reply(200, format!(r#"{{"value":[],"@odata.nextLink":"{}&$skiptoken=7"}}"#, request.target)))
    };
    let server = Server::scripted(tables, Box::new(empty));
    let error = outcome(&server.settings(), &orders(), ReadScope::All, 5).expect_err("no row and no way on");
    assert!(matches!(error, SysproError::Linked { .. }), "{error:?}");
    assert!(error.to_string().contains("with no row and a link to further rows"), "{error}");
}

#[test]
fn a_range_that_takes_in_too_much_is_given_up_for_lists() {
    // the page has every order except those with many lines, which the definition's filter excludes
    let (heads, _) = order_rows(60, 0);
    let heads =
        heads.replace(r#"{"PurchaseOrder":"000000000000030","Supplier":"S"}"#, r#"{"PurchaseOrder":"000000000000030","Supplier":"X"}"#);
    let lines: Vec<String> = (0..4000)
        .map(|l| format!(r#"{{"PurchaseOrder":"000000000000030","Line":{l},"Price":1}}"#))
        .chain((0..60).filter(|o| *o != 30).map(|o| format!(r#"{{"PurchaseOrder":"{o:015}","Line":1,"Price":1}}"#)))
        .collect();
    let server = Server::start(Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &format!("[{}]", lines.join(","))));
    let mut settings = server.settings();
    settings.row_cap = 500;
    let mut plan = orders();
    plan.root.filter = Some(Filter::new("Supplier eq 'S'"));
    run(&settings, &plan, ReadScope::All, 500, |documents, pages| {
        assert_eq!(documents.len(), 59);
        assert!(documents.iter().all(|document| document.children[0].len() == 1));
        assert!(pages[0].rows_read < 2000, "{} rows read", pages[0].rows_read);
    });
}

#[test]
fn refused_lists_are_halved_and_the_limit_is_remembered() {
    let (heads, lines) = order_rows(400, 1);
    let mut tables = Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &lines);
    tables.comparisons = Some(6);
    let server = Server::start(tables);
    let mut plan = orders();
    plan.changes.push(ChangeQuery {
        table: "PorMasterHdr".into(),
        key: strings("PurchaseOrder"),
        any_of: vec![],
        overlap_days: 0,
        filter: None,
        touches: vec![],
        dates: strings("JournalDate"),
        numbers: vec![],
        may_be_absent: false,
    });
    run(&server.settings(), &plan, ReadScope::Changed { query: 0, since: None, until: None }, 500, |documents, _| {
        assert_eq!(documents.len(), 400);
        assert!(documents.iter().all(|document| document.children[0].len() == 1));
    });
    let comparisons = |request: &scripted::Request| request.option("$filter").matches(" eq ").count();
    let refused = server.requests().iter().filter(|request| comparisons(request) > 6).count();
    assert!((3..=20).contains(&refused), "{refused} lists were refused: the limit is remembered after the first ones");
}

#[test]
fn a_refused_single_key_is_an_error() {
    let (heads, lines) = order_rows(3, 1);
    let script = |request: &scripted::Request, _: &Tables| {
        (request.table == "PorMasterDetail" && request.options.contains_key("$filter")).then(|| reply(414, "<html>"))
    };
    let server = Server::scripted(Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &lines), Box::new(script));
    let error = outcome(&server.settings(), &orders(), ReadScope::All, 500).expect_err("refused");
    assert!(matches!(error, SysproError::Refused { status: 414, .. }), "{error}");
    assert_eq!(error.class(), Class::Permanent);
    assert!(error.to_string().contains("PorMasterDetail") && !error.to_string().contains("0000000"), "{error}");
}

fn invoice_tables() -> Tables {
    Tables::default()
        .with(
            "ApInvoice",
            r#"[{"Supplier":"S1","Invoice":"I1","JournalDate":"2026-01-05T00:00:00Z"},{"Supplier":"S1","Invoice":"I2","JournalDate":null},
                {"Supplier":"S2","Invoice":"I1","JournalDate":"2026-01-20T00:00:00Z"}]"#,
        )
        .with(
            "ApJnlSummary",
            r#"[{"TrnYear":2026,"Journal":7,"EntryNumber":1,"Supplier":"S1","Invoice":"I1","TransactionCode":"I"},
                {"TrnYear":2026,"Journal":7,"EntryNumber":2,"Supplier":"S2","Invoice":"I1","TransactionCode":"I"},
                {"TrnYear":2026,"Journal":9,"EntryNumber":1,"Supplier":"S1","Invoice":"I1","TransactionCode":"C"}]"#,
        )
        .with(
            "ApJnlDistrib",
            r#"[{"TrnYear":2026,"Journal":9,"EntryNumber":1,"SubEntry":1,"DistrValue":-12345678901234.567891},
                {"TrnYear":2026,"Journal":7,"EntryNumber":1,"SubEntry":10,"DistrValue":3},
                {"TrnYear":2026,"Journal":7,"EntryNumber":1,"SubEntry":9,"DistrValue":2},
                {"TrnYear":2026,"Journal":7,"EntryNumber":2,"SubEntry":1,"DistrValue":1},
                {"TrnYear":2026,"Journal":8,"EntryNumber":1,"SubEntry":1,"DistrValue":99}]"#,
        )
        .with(
            "ApInvoicePay",
            r#"[{"Supplier":"S1","Invoice":"I1","EntryNumber":1,"PayDate":"2026-01-10T00:00:00Z"},
                {"Supplier":"S1","Invoice":"I1","EntryNumber":2,"PayDate":"2026-01-11T00:00:00Z"},
                {"Supplier":"S1","Invoice":"I2","EntryNumber":1,"PayDate":"2026-01-02T00:00:00Z"}]"#,
        )
}

fn line_texts(document: &Document) -> Vec<String> {
    document.children[0].iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")).collect()
}

#[test]
fn lines_are_found_through_the_table_in_between() {
    let server = Server::start(invoice_tables());
    run(&server.settings(), &invoices(), ReadScope::All, 500, |documents, _| {
        assert_eq!(keys(&documents), ["S1/I1", "S1/I2", "S2/I1"]);
        assert_eq!(line_texts(&documents[0]), ["2026,7,1,9,2,I", "2026,7,1,10,3,I", "2026,9,1,1,-12345678901234.567891,C"]);
        assert_eq!(line_texts(&documents[1]), [""; 0]);
        assert_eq!(line_texts(&documents[2]), ["2026,7,2,1,1,I"]);
    });
}

#[test]
fn changes_are_windows_and_other_tables_touch_documents_once() {
    let server = Server::start(invoice_tables());
    run(&server.settings(), &invoices(), since(0, 6), 500, |documents, _| assert_eq!(keys(&documents), ["S2/I1"]));
    run(&server.settings(), &invoices(), since(1, 5), 500, |documents, _| {
        assert_eq!(keys(&documents), ["S1/I1"]);
        assert_eq!(documents[0].children[0].len(), 3);
    });
    run(&server.settings(), &invoices(), since(1, 1), 1, |documents, pages| {
        assert_eq!(keys(&documents), ["S1/I1", "S1/I1", "S1/I2"], "page by page a document may come again");
        assert_eq!(pages.len(), 3);
    });
}

#[test]
fn the_other_date_literal_is_tried_once_and_remembered() {
    let mut tables = Tables::default().with("ApInvoice", r#"[{"Supplier":"S","Invoice":"1","JournalDate":"2026-01-20"}]"#);
    tables.date_form = Some("plain");
    let server = Server::start(tables.with("ApJnlSummary", "[]").with("ApJnlDistrib", "[]"));
    actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        for _ in 0..2 {
            let (documents, _) = read_all(&reader, &invoices(), since(0, 6), 500).await.expect("readable");
            assert_eq!(keys(&documents), ["S/1"]);
        }
    });
    let refused = server.requests().iter().filter(|request| request.option("$filter").contains("T00:00:00Z")).count();
    assert_eq!(refused, 1);
}

#[test]
fn dates_are_written_as_the_server_takes_them_even_where_it_says_500_to_all_else() {
    // as a published OData 4 server does, which parses filters as OData 3
    let script = |request: &scripted::Request, _: &Tables| {
        let filter = request.option("$filter");
        let answer = r#"{"error":{"code":500,"message":"Expected [0-9] but \"-\" found."}}"#;
        (filter.contains("2026-") && !filter.contains("datetime'2026-01-06T00:00:00'")).then(|| reply(500, answer)).or_else(|| {
            filter
                .contains("datetime'")
                .then(|| reply(200, r#"{"value":[{"Supplier":"S","Invoice":"1","JournalDate":"2026-01-20T00:00:00.000Z"}]}"#))
        })
    };
    let tables = Tables::default().with("ApInvoice", "[]").with("ApJnlSummary", "[]").with("ApJnlDistrib", "[]");
    let server = Server::scripted(tables, Box::new(script));
    actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        for _ in 0..2 {
            let (documents, _) = read_all(&reader, &invoices(), since(0, 6), 500).await.expect("readable");
            assert_eq!(keys(&documents), ["S/1"]);
        }
    });
    let refused = server.requests().iter().filter(|request| request.option("$filter").contains("2026-01-06T00:00:00Z")).count();
    assert_eq!(refused, 2, "what may be a passing failure is asked twice, then never again");
}

#[test]
fn a_cap_smaller_than_usual_loses_nothing() {
    for cap in [10, 20, 25, 30] {
        let mut tables = Tables::default().with("T", &many(60));
        tables.cap = Some(cap);
        let server = Server::start(tables);
        run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500, |documents, _| {
            assert_eq!(documents.len(), 60, "cap {cap}")
        });
    }
}

#[test]
fn cost_centres_are_derived_from_codes() {
    let rows = r#"[{"GlCode":"10-200-1"},{"GlCode":"10-300-1"},{"GlCode":"20-200-1"},{"GlCode":"FORCED"},{"GlCode":"9-042-1"},{"GlCode":"9-42-1"}]"#;
    let server = Server::start(Tables::default().with("GenMaster", rows));
    let mut root = table("GenMaster", "CostCentre", "");
    root.derive =
        Some(Derive { from: "GlCode".into(), cut: Cut::Part { separator: "-".into(), part: 2 }, column_out: "CostCentre".into() });
    run(&server.settings(), &plan(root), ReadScope::All, 2, |documents, pages| {
        assert_eq!(keys(&documents), ["200", "300", "042", "42"]);
        assert_eq!(pages.len(), 1);
    });
}

#[test]
fn documents_are_found_by_their_key_text() {
    let server = Server::start(invoice_tables());
    let found = actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        let wanted = ["S2/I1", "S9/I9", "S1/I1"].map(DocumentKey::from_text);
        reader.by_key(&credential(), &"EDU1".into(), &invoices(), &wanted).await.expect("an answer")
    });
    assert_eq!(keys(&found.documents), ["S1/I1", "S2/I1"]);
}

#[test]
fn types_of_the_metadata_decide_literals() {
    let csdl = r#"<Schema Namespace="M"><EntityType Name="I"><Property Name="Supplier" Type="Edm.String"/><Property Name="Invoice" Type="Edm.Decimal"/>
        <Property Name="JournalDate" Type="Edm.Date"/></EntityType><EntityContainer><EntitySet Name="ApInvoice" EntityType="M.I"/></EntityContainer></Schema>"#;
    let script = move |request: &scripted::Request, _: &Tables| (request.table == "$metadata").then(|| reply(200, csdl));
    let rows = r#"[{"Supplier":"S","Invoice":1,"JournalDate":"2026-01-20"},{"Supplier":"S","Invoice":2,"JournalDate":"2026-01-20"}]"#;
    let tables = Tables::default().with("ApInvoice", rows).with("ApJnlSummary", "[]").with("ApJnlDistrib", "[]");
    let server = Server::scripted(tables, Box::new(script));
    let mut settings = server.settings();
    settings.metadata = true;
    run(&settings, &invoices(), since(0, 6), 1, |documents, _| assert_eq!(keys(&documents), ["S/1", "S/2"]));
    let requests = server.requests();
    assert_eq!(requests.iter().filter(|request| request.table == "$metadata").count(), 1);
    assert!(requests.iter().any(|request| request.option("$filter").contains("JournalDate ge 2026-01-06 ")), "{requests:?}");
}

/// The error when everything gets the same answer.
fn failure(answer: impl Fn(&scripted::Request) -> Option<Reply> + Send + Sync + 'static) -> (SysproError, usize) {
    let server = Server::scripted(Tables::default().with("T", &many(3)), Box::new(move |request, _| answer(request)));
    let error = outcome(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500).expect_err("a failure");
    let text = error.to_string();
    assert!(!text.contains("s3cret") && !text.contains("$top") && !text.contains("VElFTElORTpz"), "{text}");
    (error, server.requests().len())
}

#[test]
fn failures_are_told_apart_and_passing_ones_are_repeated() {
    let (error, requests) = failure(|_| Some(reply(401, "")));
    assert!(matches!(error, SysproError::WrongPassword { .. }) && requests == 1, "{error}");
    assert!(error.to_string().contains("TIELINE") && error.to_string().contains("only when it starts"), "{error}");

    let (error, _) = failure(|_| Some(reply(403, "<html>no</html>")));
    assert!(matches!(error, SysproError::Forbidden { .. }) && error.class() == Class::Permanent, "{error}");

    let (error, requests) = failure(|_| Some(reply(200, "<html><body>Log in</body></html>")));
    assert!(matches!(error, SysproError::NotData { .. }) && error.class() == Class::Transient && requests == 3, "{error}");

    let (error, requests) = failure(|_| Some(Reply { length: Some(500), ..reply(200, r#"{"value":[{"K":"0"#) }));
    assert!(error.class() == Class::Transient && requests < 20, "{error}: {requests}");

    // requested down to one row, its key and the row after it: the server is the cause, and not a row
    let (error, requests) = failure(|_| Some(reply(200, r#"{"value":[{"K":"0"#)));
    assert!(matches!(error, SysproError::Malformed { .. }) && requests < 20, "{error}: {requests}");

    let (error, requests) = failure(|_| Some(reply(503, "")));
    assert!(matches!(error, SysproError::Busy { .. }) && error.class() == Class::Throttled && requests == 3, "{error}");

    let (error, _) = failure(|_| Some(Reply { headers: vec![("Location", "https://login.example/x?token=1".into())], ..reply(302, "") }));
    assert!(matches!(error, SysproError::Redirected { .. }) && !error.to_string().contains("token"), "{error}");

    let (error, _) = failure(|_| Some(reply(404, "<html>404</html>")));
    assert!(matches!(error, SysproError::UnknownCompany { .. }), "{error}");

    let (error, _) = failure(|request| if request.table.is_empty() { Some(reply(200, "{}")) } else { Some(reply(404, "")) });
    assert!(matches!(error, SysproError::UnknownTable { .. }), "{error}");

    let (error, _) = failure(|_| Some(reply(200, r#"{"value":[{"V":1}]}"#)));
    assert!(matches!(&error, SysproError::NoKey { column, .. } if column == "K"), "{error}");

    let same = many(50);
    let (error, requests) = failure(move |_| Some(reply(200, same.clone())));
    assert!(matches!(error, SysproError::Order { .. }) && requests <= 5, "a filter that is ignored must not loop: {error}");
}

#[test]
fn a_passing_failure_passes() {
    let script = |request: &scripted::Request, _: &Tables| (request.number < 2).then(|| reply(500, "<html>"));
    let server = Server::scripted(Tables::default().with("T", &many(3)), Box::new(script));
    run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500, |documents, _| assert_eq!(documents.len(), 3));
}

#[test]
fn nobody_listening_is_a_passing_failure() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut settings = Server::start(Tables::default()).settings();
    settings.source = scripted::odata(listener.local_addr().expect("an address").port());
    drop(listener);
    let error = outcome(&settings, &plan(table("T", "K", "V")), ReadScope::All, 5).expect_err("nobody there");
    assert!(matches!(error, SysproError::Unreachable { .. }) && error.class() == Class::Transient, "{error}");
}

#[test]
fn a_company_is_a_path_segment_whatever_it_holds() {
    let server = Server::start(Tables::default().with("T", &many(1)));
    actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        let company = CompanyId::new("A/B");
        let query = PageQuery { scope: ReadScope::All, after: None, limit: 10 };
        reader.page(&credential(), &company, &plan(table("T", "K", "V")), &query).await.expect("readable");
    });
    assert!(server.requests()[0].target.starts_with("/SYSPRO8Odata/SYSPROOData/A%2FB/T?"), "{}", server.requests()[0].target);
}

#[test]
fn a_server_that_sorts_by_another_collation_loses_no_lines() {
    let names = ["a1", "B1", "c1", "D1", "e1", "F1"];
    let heads: Vec<String> = names.iter().map(|name| format!(r#"{{"PurchaseOrder":"{name}","Supplier":"S"}}"#)).collect();
    let lines: Vec<String> = names.iter().map(|name| format!(r#"{{"PurchaseOrder":"{name}","Line":1,"Price":1}}"#)).collect();
    let page = format!(r#"{{"value":[{}]}}"#, heads.join(","));
    // a row is found by its key; a range of keys in binary order is empty
    let script = move |request: &scripted::Request, _: &Tables| {
        let filter = request.option("$filter");
        let by_key = || names.iter().position(|name| filter == format!("PurchaseOrder eq '{name}'"));
        let rows = match (filter.is_empty(), by_key()) {
            (true, _) => page.clone(),
            (false, found) => format!(r#"{{"value":[{}]}}"#, found.map(|at| heads[at].as_str()).unwrap_or_default()),
        };
        (request.table == "PorMasterHdr").then(|| reply(200, rows))
    };
    let server = Server::scripted(Tables::default().with("PorMasterDetail", &format!("[{}]", lines.join(","))), Box::new(script));
    let mut settings = server.settings();
    settings.filter_limit = 4;
    let error = outcome(&settings, &orders(), ReadScope::All, 500).expect_err("not in the order that SYSPRO's own collation has");
    assert!(error.to_string().contains("`B1` comes after `a1`") && error.to_string().contains("key_order"), "{error}");
    settings.key_order = crate::config::settings::KeyOrder::Any;
    run(&settings, &orders(), ReadScope::All, 500, |documents, _| {
        assert_eq!(documents.len(), 6);
        assert!(documents.iter().all(|document| document.children[0].len() == 1), "a range in binary order is empty here");
    });
}

#[test]
fn neighbours_taken_in_by_a_run_of_numbers_are_left_out() {
    let rows: Vec<String> = (1..8).map(|n| format!(r#"{{"N":{n},"V":{n}}}"#)).collect();
    let touched = r#"[{"Id":1,"N":1},{"Id":2,"N":5},{"Id":3,"N":3},{"Id":4,"N":3}]"#;
    let server = Server::start(Tables::default().with("T", &format!("[{}]", rows.join(","))).with("Log", touched));
    let mut plan = plan(table("T", "N", "V"));
    plan.changes.push(ChangeQuery {
        table: "Log".into(),
        key: strings("Id"),
        any_of: vec![],
        overlap_days: 0,
        filter: None,
        touches: pairs("N"),
        dates: vec![],
        numbers: vec![],
        may_be_absent: false,
    });
    run(&server.settings(), &plan, ReadScope::Changed { query: 0, since: None, until: None }, 500, |documents, _| {
        assert_eq!(keys(&documents), ["1", "3", "5"]);
    });
    assert!(server.requests().iter().any(|request| request.option("$filter") == "N ge 1 and N le 5"), "asked as a run");
}

#[test]
fn a_passing_failure_is_not_taken_for_a_missing_column() {
    let down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_down = down.clone();
    let script = move |request: &scripted::Request, _: &Tables| {
        let failing = is_down.load(std::sync::atomic::Ordering::Relaxed) && request.option("$select").contains('V');
        failing.then(|| reply(500, "<html>try later</html>"))
    };
    let server = Server::scripted(Tables::default().with("T", &many(3)), Box::new(script));
    let mut plan = plan(table("T", "K", "V"));
    plan.root.optional = strings("V");
    actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        for _ in 0..2 {
            read_all(&reader, &plan, ReadScope::All, 500).await.expect_err("nothing but failures");
        }
        down.store(false, std::sync::atomic::Ordering::Relaxed);
        let (documents, pages) = read_all(&reader, &plan, ReadScope::All, 500).await.expect("readable again");
        assert_eq!(documents[2].root[1].to_text(), "2", "the column is there");
        assert!(pages[0].missing_columns.is_empty());
    });
}

#[test]
fn a_failure_that_names_a_column_is_a_missing_one() {
    let script = |request: &scripted::Request, _: &Tables| {
        request.option("$select").contains("Newer").then(|| reply(500, r#"{"error":{"message":"Invalid column name 'Newer'."}}"#))
    };
    let server = Server::scripted(Tables::default().with("T", &many(3)), Box::new(script));
    let mut plan = plan(table("T", "K", "V Newer"));
    plan.root.optional = strings("Newer");
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, pages| {
        assert_eq!(documents.len(), 3);
        assert_eq!(pages[0].missing_columns, [("T".into(), "Newer".into())]);
    });
}
