//! Columns missing in one row or in all rows: their values are unknown.

use super::*;
use crate::config::settings::AbsentColumns;
use crate::domain::Value;
use crate::domain::next_step::NextStep;

/// Rows as [`many`] makes them; those with these numbers are without one of their columns.
fn without(rows: usize, column: &str, of: &[usize]) -> String {
    let rows = (0..rows).map(|i| match (of.contains(&i), column) {
        (true, "K") => format!(r#"{{"V":{i}}}"#),
        (true, _) => format!(r#"{{"K":"{i:05}"}}"#),
        (false, _) => format!(r#"{{"K":"{i:05}","V":{i}}}"#),
    });
    format!("[{}]", rows.collect::<Vec<_>>().join(","))
}

/// A server that returns these rows for any query, as far as the condition goes: each row has the requested key.
fn leaving_out(rows: usize, column: &'static str, of: &'static [usize]) -> Server {
    let full = Tables::default().with("T", &many(rows));
    let script = move |request: &scripted::Request, tables: &Tables| {
        let answer = tables.answer(request);
        let mut body = String::from_utf8_lossy(&answer.body).into_owned();
        for i in of {
            let (key, value) = (format!(r#""K":"{i:05}""#), format!(r#""V":{i}"#));
            let whole = format!("{{{key},{value}}}");
            body = body.replace(&whole, &format!("{{{}}}", if column == "K" { value } else { key }));
        }
        Some(reply(answer.status, body))
    };
    Server::scripted(full, Box::new(script))
}

fn faulty(documents: &[Document]) -> Vec<&Document> {
    documents.iter().filter(|document| !document.faults.is_empty()).collect()
}

#[test]
fn a_row_without_a_column_fails_alone_and_by_name() {
    for of in [&[4][..], &[0], &[39], &[7, 8], &[0, 1, 2]] {
        for (cap, limit) in [(500, 500), (500, 10), (7, 500), (6, 5)] {
            let mut tables = Tables::default().with("T", &without(40, "V", of));
            // the first row tells the small server which columns there are
            if of.contains(&0) {
                tables = Tables::default().with("T", r#"[{"K":"-","V":1}]"#).with("T", &without(40, "V", of));
            }
            tables.cap = Some(cap);
            let server = Server::start(tables);
            run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, limit, |mut documents, _| {
                documents.retain(|document| document.key.as_str() != "-");
                assert_eq!(documents.len(), 40, "without {of:?}, {cap} rows an answer, {limit} a page");
                let failed = faulty(&documents);
                let expected: Vec<String> = of.iter().map(|i| format!("{i:05}")).collect();
                assert_eq!(failed.iter().map(|document| document.key.as_str()).collect::<Vec<_>>(), expected);
                let fault = &failed[0].faults[0];
                assert!(fault.text.contains("its row of `T` came without column `V`"), "{}", fault.text);
                assert_eq!(fault.next_step, NextStep::ColumnLeftOut { columns: "column `V`".into(), table: "T".into() });
                assert!(documents.iter().filter(|document| document.faults.is_empty()).all(|document| document.root[1] != Value::Null));
            });
        }
    }
}

#[test]
fn where_the_settings_say_so_it_is_empty() {
    let server = Server::start(Tables::default().with("T", &without(9, "V", &[4, 8])));
    let mut settings = server.settings();
    settings.absent_columns = AbsentColumns::Empty;
    run(&settings, &plan(table("T", "K", "V")), ReadScope::All, 500, |documents, _| {
        assert_eq!((documents.len(), faulty(&documents).len()), (9, 0));
        assert_eq!([3, 4, 8].map(|at: usize| documents[at].root[1].to_text()), ["3", "", ""]);
    });
}

#[test]
fn a_row_without_its_key_is_told_of_once_and_nothing_counts_as_gone() {
    for of in [&[4][..], &[0], &[39], &[7, 8]] {
        for limit in [500, 10, 7, 4] {
            let server = leaving_out(40, "K", of);
            run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, limit, |documents, pages| {
                let named = documents.iter().filter(|document| document.faults.is_empty()).count();
                assert_eq!(named, 40 - of.len(), "without {of:?}, {limit} a page: {:?}", keys(&documents));
                let mut failed: Vec<&str> = faulty(&documents).iter().map(|document| document.key.as_str()).collect();
                failed.dedup();
                assert_eq!(failed.len(), of.len(), "{failed:?}");
                assert!(failed.iter().all(|key| DocumentKey::from_text(*key).stands_for_a_row()), "{failed:?}");
                let text = &faulty(&documents)[0].faults[0].text;
                assert!(text.contains("in `T` came without column `K`") && text.contains("as gone"), "{text}");
                assert!(pages.iter().any(|page| page.nameless));
            });
        }
    }
}

#[test]
fn a_column_that_no_row_has_stops_the_read_unless_it_may_be_missing() {
    // the service accepts the column in a query, and returns it in no row
    let script = |request: &scripted::Request, tables: &Tables| {
        let mut request = request.clone();
        let select = request.option("$select").replace(",New", "");
        request.options.insert("$select".into(), select);
        Some(tables.answer(&request))
    };
    let server = Server::scripted(Tables::default().with("T", &many(3)), Box::new(script));
    let mut known = plan(table("T", "K", "V New"));
    let error = outcome(&server.settings(), &known, ReadScope::All, 500).expect_err("a column that no row has");
    assert!(matches!(&error, SysproError::LeftOut { rows: 3, columns, .. } if columns == &["New"]), "{error}");
    assert!(error.to_string().contains("`syspro.absent_columns = \"empty\"`"), "{error}");

    let mut empty = server.settings();
    empty.absent_columns = AbsentColumns::Empty;
    run(&empty, &known, ReadScope::All, 500, |documents, pages| {
        assert_eq!((documents.len(), faulty(&documents).len()), (3, 0));
        assert!(pages[0].missing_columns.is_empty(), "it may well be there");
    });

    known.root.optional = strings("New");
    run(&server.settings(), &known, ReadScope::All, 500, |documents, pages| {
        assert_eq!((documents.len(), faulty(&documents).len()), (3, 0));
        assert_eq!(pages[0].missing_columns, [("T".into(), "New".into())]);
    });
}

#[test]
fn an_optional_column_that_the_site_has_is_no_less_unknown_where_a_row_leaves_it_out() {
    let server = Server::start(Tables::default().with("T", &without(9, "V", &[4])));
    let mut plan = plan(table("T", "K", "V"));
    plan.root.optional = strings("V");
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, _| {
        assert_eq!(faulty(&documents).iter().map(|document| document.key.as_str()).collect::<Vec<_>>(), ["00004"]);
    });
    // alone on its page, after other rows have shown that the site has it
    run(&server.settings(), &plan, ReadScope::All, 1, |documents, _| assert_eq!(faulty(&documents).len(), 1));
}

#[test]
fn a_column_that_the_metadata_lists_is_known_before_any_row_has_it() {
    let csdl = r#"<Schema Namespace="M"><EntityType Name="T"><Property Name="K" Type="Edm.String"/><Property Name="V" Type="Edm.Int32"/></EntityType>
        <EntityContainer><EntitySet Name="T" EntityType="M.T"/></EntityContainer></Schema>"#;
    let script = move |request: &scripted::Request, tables: &Tables| {
        let answer = || {
            let rows = tables.answer(request);
            let body = String::from_utf8_lossy(&rows.body).replace(r#","V":0"#, "").replace(r#","V":1"#, "");
            reply(rows.status, body)
        };
        Some(if request.table == "$metadata" { reply(200, csdl) } else { answer() })
    };
    let server = Server::scripted(Tables::default().with("T", &many(2)), Box::new(script));
    let mut settings = server.settings();
    settings.metadata = true;
    for optional in ["", "V"] {
        let mut plan = plan(table("T", "K", "V"));
        plan.root.optional = strings(optional);
        run(&settings, &plan, ReadScope::All, 500, |documents, _| assert_eq!(faulty(&documents).len(), 2, "optional: {optional}"));
        let findings = actix_rt::System::new().block_on(async {
            let reader = scripted::reader(&settings, &quick_retry());
            reader.probe(&credential(), &"EDU1".into(), &plan).await.expect("an answer")
        });
        assert_eq!((findings[0].left_out.as_slice(), findings[0].missing.len()), (&["V".to_owned()][..], 0));
    }
}

#[test]
fn a_line_without_a_column_fails_its_order_and_one_without_its_order_all_that_it_may_belong_to() {
    let orders_of = r#"[{"PurchaseOrder":"A","Supplier":"S"},{"PurchaseOrder":"B","Supplier":"S"},{"PurchaseOrder":"C","Supplier":"S"}]"#;
    for (line, failed) in [(r#"{"PurchaseOrder":"B","Line":1}"#, &["B"][..]), (r#"{"Line":1,"Price":5}"#, &["B"])] {
        let rows = r#"[{"PurchaseOrder":"A","Line":1,"Price":1},{"PurchaseOrder":"B","Line":1,"Price":5},{"PurchaseOrder":"C","Line":1,"Price":2}]"#;
        let script = move |request: &scripted::Request, tables: &Tables| {
            let answer = tables.answer(request);
            let whole = r#"{"Line":1,"Price":5,"PurchaseOrder":"B"}"#;
            Some(reply(answer.status, String::from_utf8_lossy(&answer.body).replace(whole, line)))
        };
        let server = Server::scripted(Tables::default().with("PorMasterHdr", orders_of).with("PorMasterDetail", rows), Box::new(script));
        run(&server.settings(), &orders(), ReadScope::All, 500, |documents, _| {
            assert_eq!(faulty(&documents).iter().map(|document| document.key.as_str()).collect::<Vec<_>>(), failed, "{line}");
            let text = &faulty(&documents)[0].faults[0].text;
            assert!(text.contains("`PorMasterDetail`") && text.contains("came without column"), "{text}");
        });
    }
}

#[test]
fn a_row_that_the_definition_leaves_out_does_not_fail() {
    let rows = r#"[{"K":"1","V":1,"X":"keep"},{"K":"2","X":"drop"},{"K":"3","V":3}]"#;
    let server = Server::start(Tables::default().with("T", rows));
    let mut plan = plan(table("T", "K", "V X"));
    plan.root.exclude = vec![(2, vec!["drop".into(), String::new()])];
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, _| {
        // whether the third row is excluded is not known either
        assert_eq!(keys(&documents), ["1", "3"]);
        assert_eq!(faulty(&documents).len(), 1);
    });
}

#[test]
fn a_column_that_a_row_has_twice_makes_that_row_unreadable() {
    let script = |request: &scripted::Request, tables: &Tables| {
        let answer = tables.answer(request);
        let body = String::from_utf8_lossy(&answer.body).replace(r#""V":4}"#, r#""V":4,"V":5}"#);
        Some(reply(answer.status, body))
    };
    let server = Server::scripted(Tables::default().with("T", &many(9)), Box::new(script));
    run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500, |documents, _| {
        assert_eq!(faulty(&documents).iter().map(|document| document.key.as_str()).collect::<Vec<_>>(), ["00004"]);
        let text = &faulty(&documents)[0].faults[0].text;
        assert!(text.contains("a row has `V` twice"), "{text}");
    });
}

/// As [`run`], where rows have brought these columns of `T` before.
fn outcome_knowing(server: &Server, plan: &ReadPlan, known: &str, limit: u32) -> Result<(Vec<Document>, Vec<Page>), SysproError> {
    actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        reader.know(&"EDU1".into(), strings(known).into_iter().map(|name| ("T".to_owned(), name)));
        read_all(&reader, plan, ReadScope::All, limit).await
    })
}

#[test]
fn what_rows_have_brought_before_is_never_read_as_empty() {
    let mut plan = plan(table("T", "K", "V"));
    plan.root.optional = strings("V");
    // accepted in a query, and in no row, as after a restart of this program; a single row is enough
    for rows in [3, 1] {
        let script = |request: &scripted::Request, tables: &Tables| {
            let mut request = request.clone();
            request.options.insert("$select".into(), "K".into());
            Some(tables.answer(&request))
        };
        let server = Server::scripted(Tables::default().with("T", &many(rows)), Box::new(script));
        let (documents, _) = outcome_knowing(&server, &plan, "K V", 500).expect("readable");
        assert_eq!(faulty(&documents).len(), rows);
        plan.root.optional.clear();
        let (documents, _) = outcome_knowing(&server, &plan, "K V", 500).expect("readable");
        assert_eq!(faulty(&documents).len(), rows, "one that is needed as well");
        plan.root.optional = strings("V");
        run(&server.settings(), &plan, ReadScope::All, 500, |documents, _| assert_eq!(faulty(&documents).len(), 0, "it may be missing"));
    }
    // refused in a query
    let only_keys = (0..3).map(|i| format!(r#"{{"K":"{i:05}"}}"#)).collect::<Vec<_>>().join(",");
    let server = Server::start(Tables::default().with("T", &format!("[{only_keys}]")));
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, _| assert_eq!((documents.len(), faulty(&documents).len()), (3, 0)));
    let error = outcome_knowing(&server, &plan, "K V", 500).expect_err("a column that was there is gone");
    assert!(matches!(&error, SysproError::ColumnGone { columns, .. } if columns == &["V"]), "{error}");
    // no longer in `$metadata`
    let csdl = r#"<Schema Namespace="M"><EntityType Name="T"><Property Name="K" Type="Edm.String"/></EntityType>
        <EntityContainer><EntitySet Name="T" EntityType="M.T"/></EntityContainer></Schema>"#;
    let script = move |request: &scripted::Request, _: &Tables| (request.table == "$metadata").then(|| reply(200, csdl));
    let server = Server::scripted(Tables::default().with("T", &many(3)), Box::new(script));
    let mut settings = server.settings();
    settings.metadata = true;
    let error = actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&settings, &quick_retry());
        reader.know(&"EDU1".into(), [("T".to_owned(), "V".to_owned())]);
        let error = read_all(&reader, &plan, ReadScope::All, 500).await.expect_err("a column that was there is gone");
        reader.forget_columns(&"EDU1".into());
        let (documents, _) = read_all(&reader, &plan, ReadScope::All, 500).await.expect("accepted");
        assert_eq!(faulty(&documents).len(), 0);
        error
    });
    assert!(matches!(&error, SysproError::ColumnGone { columns, .. } if columns == &["V"]), "{error}");
    // a joined table that does not exist, all of whose columns may be missing
    let mut plan = super::plan(table("T2", "K", "V"));
    plan.columns = strings("K V Mail");
    plan.joins.push(JoinRead { table: table("T", "Key", "Mail"), on: pairs("K=Key"), offset: 2 });
    plan.joins[0].table.optional = strings("Mail");
    let server = Server::start(Tables::default().with("T2", &many(3)));
    let error = outcome_knowing(&server, &plan, "Mail", 500).expect_err("a table that was there is gone");
    assert!(matches!(&error, SysproError::ColumnGone { columns, .. } if columns == &["Mail"]), "{error}");
}

#[test]
fn no_setting_makes_a_key_or_a_link_empty() {
    let server = leaving_out(9, "K", &[0, 4]);
    let mut settings = server.settings();
    settings.absent_columns = AbsentColumns::Empty;
    run(&settings, &plan(table("T", "K", "V")), ReadScope::All, 500, |documents, pages| {
        assert_eq!((documents.len(), faulty(&documents).len()), (9, 2));
        assert!(pages[0].nameless);
        let step = faulty(&documents)[0].faults[0].next_step.text().into_owned();
        assert!(step.contains("whatever the settings") && !step.contains("absent_columns"), "{step}");
    });
    // a line without the order that it belongs to must not be a silently missing line of an order
    let script = |request: &scripted::Request, tables: &Tables| {
        let answer = tables.answer(request);
        let whole = r#"{"Line":2,"Price":5,"PurchaseOrder":"A"}"#;
        Some(reply(answer.status, String::from_utf8_lossy(&answer.body).replace(whole, r#"{"Line":2,"Price":5}"#)))
    };
    let orders_of = r#"[{"PurchaseOrder":"A","Supplier":"S"}]"#;
    let lines = r#"[{"PurchaseOrder":"A","Line":1,"Price":1},{"PurchaseOrder":"A","Line":2,"Price":5}]"#;
    let server = Server::scripted(Tables::default().with("PorMasterHdr", orders_of).with("PorMasterDetail", lines), Box::new(script));
    let mut settings = server.settings();
    settings.absent_columns = AbsentColumns::Empty;
    run(&settings, &orders(), ReadScope::All, 500, |documents, _| assert_eq!(faulty(&documents).len(), 1));
}

#[test]
fn a_page_of_rows_without_keys_ends_whatever_link_it_carries() {
    let full = || {
        let mut tables = Tables::default().with("T", &many(12));
        tables.cap = Some(3);
        tables
    };
    // links that count rows are not followed: the rows after the last key are requested by key
    for link in [true, false] {
        let script = move |request: &scripted::Request, tables: &Tables| {
            let answer = tables.answer(request);
            let mut body = String::from_utf8_lossy(&answer.body).into_owned();
            for i in 3..6 {
                body = body.replace(&format!(r#""K":"{i:05}","#), "");
            }
            if link {
                body = body.replace("\"value\":", "\"@odata.nextLink\":\"T?$skiptoken=3\",\"value\":");
            }
            Some(reply(answer.status, body))
        };
        let server = Server::scripted(full(), Box::new(script));
        match outcome(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500) {
            Ok((documents, _)) => assert!(!link && documents.len() >= 3, "{:?}", keys(&documents)),
            Err(error) => assert!(matches!(&error, SysproError::NoKey { column, .. } if column == "K"), "{error}"),
        }
        assert!(server.requests().len() < 20, "{} requests", server.requests().len());
    }
}
