//! The kind of a value: from the entity's file, the JSON type and `$metadata`, never from the form of a text.

use super::*;
use crate::domain::Value;

#[test]
fn keys_with_the_form_of_a_date_and_a_time_are_two_keys_and_are_asked_for_as_texts() {
    let rows = r#"[{"Supplier":"0000104","Invoice":"2026-01-31T08:30","JournalDate":"2026-02-01T00:00:00Z"},
        {"Supplier":"0000104","Invoice":"2026-01-31T09:15","JournalDate":"0000-00-00"},
        {"Supplier":"0000104","Invoice":"%2026/1","JournalDate":null}]"#;
    let server = Server::start(Tables::default().with("ApInvoice", rows).with("ApJnlSummary", "[]").with("ApJnlDistrib", "[]"));
    let mut plan = plan(table("ApInvoice", "Supplier Invoice", "JournalDate"));
    plan.root.numbers = vec![];
    // one row per page: each key is also a bound of the next query
    let (documents, _) = outcome(&server.settings(), &plan, ReadScope::All, 1).expect("readable");
    let mut found: Vec<&str> = keys(&documents);
    found.sort_unstable();
    assert_eq!(found, ["0000104/%252026%2F1", "0000104/2026-01-31T08:30", "0000104/2026-01-31T09:15"]);
    let wanted: Vec<DocumentKey> = documents.iter().map(|document| document.key.clone()).collect();
    let by_key = actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        reader.by_key(&credential(), &"EDU1".into(), &plan, &wanted).await.expect("an answer")
    });
    assert_eq!(by_key.documents.len(), 3, "each is found again by its own text");
    let dated = |key: &str| documents.iter().find(|document| document.key.as_str() == key).expect("read").root[2].clone();
    assert_eq!(dated("0000104/2026-01-31T08:30").to_text(), "2026-02-01");
    assert_eq!(dated("0000104/2026-01-31T09:15"), Value::Null, "no date, in a column that is named as one");
    assert!(server.requests().iter().any(|request| request.option("$filter").contains("'2026-01-31T08:30'")));
}

#[test]
fn a_text_is_kept_whatever_its_form_and_what_is_no_date_is_left_for_the_mapping_to_name() {
    let rows = r#"[{"K":"1","Code":"1200-05-10","Phone":"0800-10-20","MadeDate":"soon"},{"K":"2","Code":"0000-00-00","Phone":"12.50","MadeDate":"1900-01-01T00:00:00Z"}]"#;
    let server = Server::start(Tables::default().with("T", rows));
    let mut plan = plan(table("T", "K", "Code Phone MadeDate"));
    plan.root.dates = strings("MadeDate");
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, _| {
        let texts = |at: usize| documents[at].root.iter().skip(1).cloned().collect::<Vec<Value>>();
        assert_eq!(texts(0), ["1200-05-10", "0800-10-20", "soon"].map(Value::text));
        assert_eq!(texts(1), [Value::text("0000-00-00"), Value::text("12.50"), Value::Null]);
    });
}

#[test]
fn every_table_is_asked_for_the_company_and_never_for_the_placeholder() {
    let rows = |table: &str| {
        format!(
            r#"[{{"Supplier":"S","Invoice":"1","TrnYear":1,"Journal":1,"EntryNumber":1,"SubEntry":1,"JournalDate":null,
            "TransactionCode":"I","DistrValue":1,"T":"{table}"}}]"#
        )
    };
    let names = ["ApInvoice", "ApJnlSummary", "ApJnlDistrib", "ApInvoiceExt", "ApInvoicePay"];
    let tables = names.iter().fold(Tables::default(), |tables, name| tables.with(name, &rows(name)));
    // this server ignores the condition: it answers as if it held
    let server = Server::scripted(
        tables,
        Box::new(|request, _| (request.option("$filter").contains("{company}")).then(|| reply(400, r#"{"error":{"message":"a brace"}}"#))),
    );
    let mut plan = invoices();
    let filter = || Some(Filter::new("T ne '{company}'"));
    plan.root.filter = filter();
    plan.joins.push(JoinRead { table: table("ApInvoiceExt", "Supplier Invoice", "T"), on: pairs("Supplier Invoice"), offset: 3 });
    plan.columns.push("T".into());
    plan.joins[0].table.filter = filter();
    plan.children[0].table.filter = filter();
    plan.children[0].via.as_mut().expect("a table between").table.filter = filter();
    for change in &mut plan.changes {
        change.any_of.clear();
        change.filter = filter();
    }
    let (odd, wanted) = (CompanyId::new("O'1"), [DocumentKey::from_text("S/1")]);
    actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        let scopes = [
            ReadScope::All,
            ReadScope::Changed { query: 0, since: None, until: None },
            ReadScope::Changed { query: 1, since: None, until: None },
        ];
        for scope in scopes {
            let page = reader.page(&credential(), &odd, &plan, &PageQuery { scope, after: None, limit: 50 }).await.expect("an answer");
            assert_eq!(page.documents.len(), 1, "{scope:?}");
        }
        assert_eq!(reader.by_key(&credential(), &odd, &plan, &wanted).await.expect("an answer").documents.len(), 1);
    });
    let asked = server.requests();
    for name in names {
        let filters: Vec<&str> = asked.iter().filter(|one| one.table == name).map(|one| one.option("$filter")).collect();
        assert!(!filters.is_empty() && filters.iter().all(|filter| filter.contains("T ne 'O''1'")), "{name}: {filters:?}");
    }
}

#[test]
fn dates_are_held_against_the_metadata() {
    let csdl = r#"<Schema Namespace="M"><EntityType Name="I"><Property Name="K" Type="Edm.String"/><Property Name="Made" Type="Edm.DateTimeOffset"/>
        <Property Name="Phone" Type="Edm.String"/><Property Name="Day" Type="Edm.String"/><Property Name="Number" Type="Edm.Int32"/></EntityType>
        <EntityContainer><EntitySet Name="T" EntityType="M.I"/></EntityContainer></Schema>"#;
    let script = move |request: &scripted::Request, _: &Tables| (request.table == "$metadata").then(|| reply(200, csdl));
    let rows = r#"[{"K":"1","Made":"2026-01-31T00:00:00Z","Phone":"0800-10-20","Day":"2026-01-31","Number":7}]"#;
    let server = Server::scripted(Tables::default().with("T", rows), Box::new(script));
    let mut settings = server.settings();
    settings.metadata = true;
    let mut plan = plan(table("T", "K", "Made Phone Day Number"));
    let probe = |plan: &ReadPlan| {
        actix_rt::System::new().block_on(async {
            let reader = scripted::reader(&settings, &quick_retry());
            reader.probe(&credential(), &"EDU1".into(), plan).await.expect("an answer").remove(0)
        })
    };
    plan.root.dates = strings("Day Phone Number");
    let found = probe(&plan);
    assert_eq!(found.unnamed_dates, ["Made (Edm.DateTimeOffset)"]);
    assert_eq!(found.not_dates, ["Phone (Edm.String, which holds `0800-10-20`)", "Number (Edm.Int32)"], "a day written as text is one");
    plan.root.dates = strings("Made Day");
    let found = probe(&plan);
    assert_eq!((found.unnamed_dates, found.not_dates), (vec![], vec![]));
    // nothing is emptied unless the column is declared as a date
    plan.root.dates.clear();
    run(&settings, &plan, ReadScope::All, 500, |documents, _| assert_eq!(documents[0].root[1], Value::text("2026-01-31T00:00:00Z")));
}

#[test]
fn a_wait_that_is_asked_for_as_a_date_is_obeyed() {
    let at = (chrono::Utc::now() + chrono::Duration::seconds(90)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let (error, requests) = failure(move |_| {
        let mut busy = reply(503, "busy");
        busy.headers.push(("Retry-After", at.clone()));
        Some(busy)
    });
    let wait = error.retry_after().expect("it says so").as_secs();
    assert!((60..=90).contains(&wait), "{wait}");
    assert_eq!(requests, 1, "longer than a call waits for: the caller decides");
}

#[test]
fn numbers_that_come_as_texts_and_are_not_named_are_told_from_another_collation() {
    let rows: Vec<String> = (8..12).map(|number| format!(r#"{{"K":"{number}","V":1}}"#)).collect();
    let page = format!(r#"{{"value":[{}]}}"#, rows.join(","));
    let script = move |request: &scripted::Request, _: &Tables| (request.table == "T").then(|| reply(200, page.as_str()));
    let server = Server::scripted(Tables::default(), Box::new(script));
    let mut plan = plan(table("T", "K", "V"));
    let error = outcome(&server.settings(), &plan, ReadScope::All, 500).expect_err("not in the order of texts").to_string();
    assert!(error.contains("`10` comes after `9`") && error.contains("name it in `numbers`") && error.contains("`K`"), "{error}");
    assert!(!error.contains("key_order"), "{error}");
    plan.root.numbers = strings("K");
    let error = outcome(&server.settings(), &plan, ReadScope::All, 500).err().map(|error| error.to_string());
    assert!(error.is_none_or(|error| !error.contains("comes after")), "named, they are in order");
}
