//! Rows with one key: wherever an answer or a page ends, both are seen, and both are named.

use super::*;

/// Whether exactly one document failed, with a message that names both values.
fn both_named(documents: &[Document], key: &str) {
    let failed: Vec<&Document> = documents.iter().filter(|document| !document.faults.is_empty()).collect();
    assert_eq!(failed.iter().map(|document| document.key.as_str()).collect::<Vec<_>>(), [key]);
    let text = &failed[0].faults[0].text;
    assert!(text.contains("`first`") && text.contains("`second`"), "{text}");
}

#[test]
fn two_root_rows_are_seen_wherever_an_answer_ends() {
    let rows = |twin: usize| {
        let mut rows: Vec<String> = (0..9).map(|i| format!(r#"{{"K":"{i:05}","V":"first"}}"#)).collect();
        rows.insert(twin + 1, format!(r#"{{"K":"{twin:05}","V":"second"}}"#));
        format!("[{}]", rows.join(","))
    };
    for twin in 0..9 {
        // a link that leads elsewhere is not followed: the rows after the last key are requested by key
        for (cap, limit, link) in [(3, 500, "http://x"), (2, 500, "http://x"), (4, 5, "http://x"), (3, 2, "http://x"), (3, 500, "")] {
            let mut tables = Tables::default().with("T", &rows(twin));
            (tables.cap, tables.link_base) = (Some(cap), Some(link.to_owned()));
            let server = Server::start(tables);
            run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, limit, |documents, _| {
                assert_eq!(documents.len(), 9, "the twin {twin}, {cap} rows an answer, {limit} a page");
                both_named(&documents, &format!("{twin:05}"));
            });
        }
    }
}

#[test]
fn two_child_rows_are_seen_wherever_an_answer_ends() {
    let orders_of = |count: usize| {
        let rows: Vec<String> = (0..count).map(|i| format!(r#"{{"PurchaseOrder":"{i:05}","Supplier":"S"}}"#)).collect();
        format!("[{}]", rows.join(","))
    };
    let line = |order: usize, line: usize, price: u32| format!(r#"{{"PurchaseOrder":"{order:05}","Line":{line},"Price":{price}}}"#);
    // by lists of keys, and by a range where a list holds fewer keys than the page
    for keys_a_list in [100, 2] {
        for twin in 0..6 {
            let mut rows: Vec<String> = (0..3).flat_map(|order| (0..2).map(move |at| line(order, at, 60))).collect();
            rows.insert(twin + 1, line(twin / 2, twin % 2, 40));
            let tables = Tables::default().with("PorMasterHdr", &orders_of(3)).with("PorMasterDetail", &format!("[{}]", rows.join(",")));
            let server = Server::start(tables);
            let mut settings = server.settings();
            (settings.row_cap, settings.filter_limit) = (2, keys_a_list);
            run(&settings, &orders(), ReadScope::All, 500, |documents, _| {
                let found: Vec<usize> = documents.iter().map(|document| document.children[0].len()).collect();
                let expected: Vec<usize> = (0..3).map(|order| if order == twin / 2 { 3 } else { 2 }).collect();
                assert_eq!(found, expected, "the twin of line {twin}, {keys_a_list} keys a list");
            });
        }
    }
}

#[test]
fn two_keys_that_would_become_one_record_are_named() {
    let rows = r#"[{"K":"1","V":"first"},{"K":"1.0","V":"second"},{"K":"2","V":"first"}]"#;
    let server = Server::start(Tables::default().with("T", rows));
    let mut plan = plan(table("T", "K", "V"));
    plan.root.numbers = strings("K");
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, _| both_named(&documents, "1"));
}

#[test]
fn a_service_that_compares_without_case_gives_no_row_twice() {
    // as with a collation without case: a request for one key returns all its spellings
    let rows = r#"[{"K":"ABC","V":"first"},{"K":"Abc","V":"second"},{"K":"abc","V":"third"},{"K":"x","V":"fourth"}]"#;
    let server = Server::scripted(
        Tables::default().with("T", rows),
        Box::new(|request, tables| {
            let filter = request.option("$filter");
            let folded = if filter.to_lowercase().contains("'abc'") { "K ne 'x'" } else { filter };
            let options = request.options.iter().map(|(name, value)| (name.clone(), value.clone()));
            let options = options.chain([("$filter".to_owned(), folded.to_owned())]).collect();
            Some(tables.answer(&super::super::scripted::Request { options, ..request.clone() }))
        }),
    );
    let mut settings = server.settings();
    // one key per query
    settings.filter_limit = 1;
    let wanted: Vec<DocumentKey> = ["ABC", "Abc", "abc", "x"].map(DocumentKey::from_text).into();
    let page = actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&settings, &quick_retry());
        reader.by_key(&credential(), &"EDU1".into(), &plan(table("T", "K", "V")), &wanted).await.expect("an answer")
    });
    assert!(page.documents.iter().all(|document| document.faults.is_empty()), "{:?}", page.documents);
    let mut found: Vec<(&str, String)> =
        page.documents.iter().map(|document| (document.key.as_str(), document.root[1].to_text())).collect();
    found.sort_unstable();
    assert_eq!(found, [("ABC", "first"), ("Abc", "second"), ("abc", "third"), ("x", "fourth")].map(|(key, value)| (key, value.to_owned())));
}
