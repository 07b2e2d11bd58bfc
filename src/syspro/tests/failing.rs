//! A service that fails (500) on one row, and one that fails on everything: only the first is caused by the row.

use super::*;

/// A server that fails on every answer with one of these rows in it, unless only its key is requested.
fn failing(rows: usize, bad: &'static [&'static str]) -> Server {
    let script = move |request: &scripted::Request, tables: &Tables| {
        let answer = tables.answer(request);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let hit = bad.iter().any(|key| body.contains(&format!("\"K\":\"{key}\"")));
        let fails = hit && request.table == "T" && request.option("$select").contains('V');
        Some(if fails { reply(500, r#"{"error":{"message":"An error has occurred."}}"#) } else { answer })
    };
    Server::scripted(Tables::default().with("T", &many(rows)), Box::new(script))
}

#[test]
fn a_row_that_the_service_fails_over_fails_alone() {
    for (rows, bad) in [
        (40, &["00004"][..]),
        (40, &["00000"]),
        (40, &["00039"]),
        (40, &["00007", "00023"]),
        (40, &["00007", "00008"]),
        (3, &["00000"]),
        (2, &["00001"]),
    ] {
        for limit in [500, 10] {
            let server = failing(rows, bad);
            run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, limit, |documents, _| {
                let failed: Vec<&str> =
                    documents.iter().filter(|document| !document.faults.is_empty()).map(|document| document.key.as_str()).collect();
                assert_eq!((documents.len(), failed.as_slice()), (rows, bad), "{limit} a page");
                let text = &documents.iter().find(|document| !document.faults.is_empty()).expect("one").faults[0].text;
                assert!(text.contains("cannot be read") && text.contains("status 500"), "{text}");
            });
        }
    }
}

#[test]
fn a_service_that_fails_over_everything_is_no_rows_fault() {
    // fails on every request with all columns: only the keys can be read
    let script =
        |request: &scripted::Request, _: &Tables| request.option("$select").contains('V').then(|| reply(500, "<html>later</html>"));
    let server = Server::scripted(Tables::default().with("T", &many(40)), Box::new(script));
    let error = outcome(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500).expect_err("an outage");
    assert!(matches!(error, SysproError::Failed { status: 500, .. }), "{error}");
    assert!(server.requests().len() < 25, "{}", server.requests().len());
    // a table with one row: nothing shows that the row is the reason
    let server = failing(1, &["00000"]);
    outcome(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500).expect_err("nothing to compare with");
}

#[test]
fn a_row_that_can_be_read_in_the_end_is_no_fault() {
    // fails on the row until it has been requested this often
    let tries = std::sync::atomic::AtomicU32::new(0);
    let script = move |request: &scripted::Request, tables: &Tables| {
        let answer = tables.answer(request);
        let hit = String::from_utf8_lossy(&answer.body).contains("\"K\":\"00004\"") && request.option("$select").contains('V');
        let failed = hit && tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 10;
        Some(if failed { reply(500, "<html>later</html>") } else { answer })
    };
    let server = Server::scripted(Tables::default().with("T", &many(8)), Box::new(script));
    run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, 500, |documents, _| {
        assert_eq!(documents.len(), 8);
        assert!(documents.iter().all(|document| document.faults.is_empty()));
        assert_eq!(documents[4].root[1].to_text(), "4");
    });
}
