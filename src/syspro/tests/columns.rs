//! Columns and tables that are missing, are spelled differently, or only seem to be missing.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;

#[test]
fn a_server_without_select_gives_whole_rows() {
    let script = |request: &scripted::Request, _: &Tables| {
        (!request.option("$select").is_empty()).then(|| reply(501, r#"{"error":{"message":"$select is not supported"}}"#))
    };
    let server = Server::scripted(Tables::default().with("T", &many(3)), Box::new(script));
    let mut plan = plan(table("T", "K", "V Newer"));
    plan.root.optional = strings("Newer");
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, pages| {
        assert_eq!(documents[2].root.iter().map(ToString::to_string).collect::<Vec<_>>(), ["00002", "2", ""]);
        assert_eq!(pages[0].missing_columns, [("T".into(), "Newer".into())]);
    });
    let findings = actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        let first = reader.probe(&credential(), &"EDU1".into(), &plan).await.expect("an answer");
        plan.root.optional.clear();
        [first, reader.probe(&credential(), &"EDU1".into(), &plan).await.expect("an answer")]
    });
    assert!(findings[0][0].is_ok(), "{findings:?}");
    assert_eq!(findings[1][0].missing, ["Newer"], "whole rows show what the table lacks");
}

#[test]
fn names_in_another_case_are_asked_for_as_the_server_spells_them() {
    let csdl = r#"<Schema Namespace="M"><EntityType Name="T"><Property Name="k" Type="Edm.String"/><Property Name="v" Type="Edm.Int32"/></EntityType>
        <EntityContainer><EntitySet Name="t" EntityType="M.T"/></EntityContainer></Schema>"#;
    let script = move |request: &scripted::Request, _: &Tables| (request.table == "$metadata").then(|| reply(200, csdl));
    let rows = many(3).replace(r#""K""#, r#""k""#).replace(r#""V""#, r#""v""#);
    let server = Server::scripted(Tables::default().with("t", &rows), Box::new(script));
    let mut settings = server.settings();
    settings.metadata = true;
    let mut plan = plan(table("T", "K", "V"));
    plan.root.filter = Some(crate::definition::plan::Filter::new("V ne 1"));
    run(&settings, &plan, ReadScope::All, 2, |documents, _| assert_eq!(keys(&documents), ["00000", "00002"]));
}

#[test]
fn missing_columns_are_left_out_when_optional_and_named_when_not() {
    let tables = || Tables::default().with("T", &many(3));
    let server = Server::start(tables());
    let mut known = plan(table("T", "K", "V New Newer"));
    known.root.optional = strings("New Newer");
    run(&server.settings(), &known, ReadScope::All, 500, |documents, pages| {
        assert_eq!(documents.len(), 3);
        assert_eq!(documents[2].root.iter().map(ToString::to_string).collect::<Vec<_>>(), ["00002", "2", "", ""]);
        assert_eq!(pages[0].missing_columns, [("T".into(), "New".into()), ("T".into(), "Newer".into())]);
    });
    known.root.optional = strings("New");
    let error = outcome(&server.settings(), &known, ReadScope::All, 500).expect_err("a column is missing");
    assert!(matches!(&error, SysproError::MissingColumn { columns, .. } if columns == &["Newer"]), "{error}");
    let findings = actix_rt::System::new().block_on(async {
        let reader = scripted::reader(&server.settings(), &quick_retry());
        reader.probe(&credential(), &"EDU1".into(), &known).await.expect("an answer")
    });
    assert_eq!((findings[0].missing.as_slice(), findings[0].missing_optional.as_slice()), (&["Newer".into()][..], &["New".into()][..]));
}

#[test]
fn a_server_in_trouble_blanks_nothing() {
    // refuses a new query a few times, then answers it; other queries succeed in the meantime
    for times in 1..=3 {
        let asked = Mutex::new(BTreeMap::<String, u32>::new());
        let script = move |request: &scripted::Request, _: &Tables| {
            let mut asked = asked.lock().expect("no panic");
            let about = request.target.contains("Mail") || request.target.contains("T%2B");
            let count = asked.entry(format!("{}?{}", request.table, request.option("$select"))).or_default();
            *count += 1;
            (about && *count <= times).then(|| reply(404, "<html><h1>Not Found</h1></html>"))
        };
        let mut plan = plan(table("T", "K", "V Mail"));
        plan.columns = strings("K V Mail Site");
        plan.root.optional = strings("Mail");
        plan.joins.push(JoinRead { table: table("T+", "Key", "Site"), on: pairs("K=Key"), offset: 3 });
        plan.joins[0].table.optional = strings("Site");
        let rows = r#"[{"K":"00001","V":1,"Mail":"a@b"}]"#;
        let tables = Tables::default().with("T", rows).with("T+", r#"[{"Key":"00001","Site":"X"}]"#);
        let server = Server::scripted(tables, Box::new(script));
        let said = actix_rt::System::new().block_on(async {
            let reader = scripted::reader(&server.settings(), &quick_retry());
            let mut said = Vec::new();
            // as often as a flow would retry
            for _ in 0..8 {
                match read_all(&reader, &plan, ReadScope::All, 500).await {
                    Ok((documents, _)) => {
                        said.push(documents[0].root.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
                    }
                    Err(error) => assert!(matches!(error, SysproError::Refused { status: 404, .. }), "{error}"),
                }
            }
            said
        });
        assert!(!said.is_empty() && said.iter().all(|row| row == "00001,1,a@b,X"), "{times}: {said:?}");
    }
}

#[test]
fn companions_are_laid_beside_the_root_row_and_may_be_missing() {
    let mut plan = plan(table("T", "K", "V"));
    plan.columns = strings("K V Mail Site");
    plan.joins.push(JoinRead { table: table("T+", "Key", "Mail Site"), on: pairs("K=Key"), offset: 2 });
    let tables = Tables::default().with("T", &many(3)).with("T+", r#"[{"Key":"00001","Mail":"a@b","Site":"X"}]"#);
    let server = Server::start(tables);
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, _| {
        let texts: Vec<String> = documents.iter().map(|d| d.root.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")).collect();
        assert_eq!(texts, ["00000,0,,", "00001,1,a@b,X", "00002,2,,"]);
    });
    assert!(server.requests().iter().any(|request| request.target.contains("/T%2B?")), "the plus would be read as a blank");
    plan.joins[0].table.optional = strings("Mail Site");
    let server = Server::start(Tables::default().with("T", &many(1)));
    run(&server.settings(), &plan, ReadScope::All, 500, |documents, pages| {
        assert_eq!((documents.len(), pages[0].missing_columns.len()), (1, 2));
    });
}

#[test]
fn a_table_is_not_missing_because_the_first_questions_about_it_are_answered_404() {
    let mut plan = orders();
    plan.children[0].may_be_absent = true;
    let rows = |settings: &SysproSettings| {
        let sizes = actix_rt::System::new().block_on(async {
            let reader = scripted::reader(settings, &quick_retry());
            reader.sizes(&credential(), &"EDU1".into(), &plan, Measure::Count).await
        });
        sizes.into_iter().find(|size| size.table == "PorMasterDetail").map(|size| size.rows)
    };
    let (heads, lines) = order_rows(2, 2);
    let full = || Tables::default().with("PorMasterHdr", &heads).with("PorMasterDetail", &lines);
    let lines_asked = |request: &scripted::Request| request.target.contains("PorMasterDetail");
    // counting is tried in three ways, then a row is requested
    for times in 1..=6 {
        let asked = Mutex::new(0);
        let script = move |request: &scripted::Request, _: &Tables| {
            let mut asked = asked.lock().expect("no panic");
            *asked += u32::from(lines_asked(request));
            (lines_asked(request) && *asked <= times).then(|| reply(404, "<html><h1>Not Found</h1></html>"))
        };
        let server = Server::scripted(full(), Box::new(script));
        assert_ne!(rows(&server.settings()), Some(0), "{times} times");
    }
    // a table that the service lists exists, however often the service answers 404
    let csdl = r#"<Schema Namespace="M"><EntityType Name="L"><Property Name="PurchaseOrder" Type="Edm.String"/></EntityType>
        <EntityContainer><EntitySet Name="PorMasterDetail" EntityType="M.L"/></EntityContainer></Schema>"#;
    for (listed, expected) in [(true, None), (false, Some(0))] {
        let script = move |request: &scripted::Request, _: &Tables| match request.table.as_str() {
            "$metadata" if listed => Some(reply(200, csdl)),
            "" => Some(reply(200, "{}")),
            _ => lines_asked(request).then(|| reply(404, "<html><h1>Not Found</h1></html>")),
        };
        let server = Server::scripted(full(), Box::new(script));
        let mut settings = server.settings();
        settings.metadata = true;
        assert_eq!(rows(&settings), expected, "listed: {listed}");
    }
}
