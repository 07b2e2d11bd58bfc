//! A typing mistake in a filter is refused in every interface: an empty list would look like an all-clear.

use serde_json::Value;

use crate::binary::{Site, text, wait_until};
use crate::console::Person;
use crate::http::ask;
use crate::support::servers::Private;

/// Two refused suppliers of one company; a company that the configuration no longer has still has records.
const LEDGER: &str = "INSERT INTO document (id, company, entity, key, version, hash) VALUES \
     (1, 'EDU1', 'supplier', '0001', 1, '\\x00'), (2, 'EDU1', 'supplier', '0002', 1, '\\x00'), (3, 'OLD1', 'supplier', '0003', 1, '\\x00'); \
     INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash) \
     SELECT n, n, 1, 'header', '', 'upsert', '{}', '\\x00' FROM generate_series(1, 2) n; \
     INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message) \
     SELECT n, n, 'EDU1', 'supplier', 1, 'header', '', 'failed', 'rejected', 'no name' FROM generate_series(1, 2) n";

#[test]
fn an_unknown_word_is_refused_with_the_nearest_and_an_empty_list_says_what_the_filter_hides() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    Private { state: site.path("state") }.psql(LEDGER);

    // the command line: exit code 2, what is wrong, the nearest word, and every word there is
    for (arguments, said) in [
        ("failures --reason waitng", "did you mean `waiting`?"),
        ("failures --entity invoicex", "did you mean `invoice`? use one of `cost_center`,"),
        ("failures --company EDU9", "did you mean `EDU1`? use one of `1`, `EDU1`, `OLD1`"),
        ("audit --entity suplier", "did you mean `supplier`?"),
        ("audit --company edu1", "did you mean `EDU1`?"),
        ("audit --kind confirmd", "did you mean `confirmed`?"),
        ("conflicts list --entity gl_acount", "did you mean `gl_account`?"),
        ("conflicts list --state opn", "did you mean `open`?"),
        ("conflicts list --kind edit", "did you mean `edited`?"),
        ("backfill list --state opened", "did you mean `open`?"),
        ("replay --entity invoic --why x", "did you mean `invoice`?"),
        ("replay --reason rejectd --why x", "did you mean `rejected`?"),
        ("sync --company EDU9", "did you mean `EDU1`?"),
        ("backfill --all --entity invoic --why x", "did you mean `invoice`?"),
        ("record EDU1 suplier 0001", "did you mean `supplier`?"),
        ("hold EDU9 supplier 0001 --why x", "did you mean `EDU1`?"),
        ("flow pause EDU1 suplier --why x", "did you mean `supplier`?"),
    ] {
        let out = site.run(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(out.status.code(), Some(2), "{arguments}: {}", text(&out));
        let complaint = String::from_utf8_lossy(&out.stderr);
        assert!(complaint.contains(said), "{arguments}: {complaint}");
    }
    let shown = |arguments: &str| {
        let out = site.run(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(out.status.code(), Some(0), "{arguments}: {}", text(&out));
        String::from_utf8(out.stdout).unwrap()
    };
    assert!(shown("failures --entity invoice").contains("No failure matches this filter (2 without the filter)."));
    assert!(shown("failures --company OLD1").contains("(2 without the filter)"), "the ledger still has records of this company");
    assert!(shown("audit --kind notice").contains("No audit row matches this filter (without the filter there are rows up to number "));
    assert!(shown("failures --reason failed").contains("no name"));

    // the API: 400 for a word, 422 for a name
    let out = site.run(&["api-key", "add", "all", "--role", "admin"]);
    let key = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    for (method, path, body, status, said) in [
        ("GET", "/api/v1/failures?reason=waitng", "", 400, "did you mean `waiting`?"),
        ("GET", "/api/v1/failures?entity=invoicex", "", 422, "did you mean `invoice`?"),
        ("GET", "/api/v1/failures?company=EDU9", "", 422, "did you mean `EDU1`?"),
        ("GET", "/api/v1/records?state=faild", "", 400, "did you mean `failed`?"),
        ("GET", "/api/v1/records?company=EDU9", "", 422, "did you mean `EDU1`?"),
        ("GET", "/api/v1/runs?kind=pol", "", 400, "did you mean `poll`?"),
        ("GET", "/api/v1/runs?entity=suplier", "", 422, "did you mean `supplier`?"),
        ("GET", "/api/v1/audit?entity=suplier", "", 422, "did you mean `supplier`?"),
        ("GET", "/api/v1/conflicts?entity=suplier", "", 422, "did you mean `supplier`?"),
        ("GET", "/api/v1/backfills?company=EDU9", "", 422, "did you mean `EDU1`?"),
        ("POST", "/api/v1/replay", r#"{"entity":"suplier","why":"x"}"#, 422, "did you mean `supplier`?"),
        ("POST", "/api/v1/replay", r#"{"reason":"rejectd","why":"x"}"#, 400, "did you mean `rejected`?"),
        ("POST", "/api/v1/records/hold", r#"{"company":"EDU9","entity":"supplier","keys":["1"],"why":"x"}"#, 422, "did you mean `EDU1`?"),
    ] {
        let (answered, _, answer) = ask(&site, method, path, Some(&key), body).unwrap();
        let problem: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answered, status, "{path}: {answer}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{path}: {answer}");
        assert!(problem["next_step"].as_str().unwrap().contains('`'), "the words there are: {path}: {answer}");
    }
    let (status, _, answer) = ask(&site, "GET", "/api/v1/records?company=OLD1", Some(&key), "").unwrap();
    assert!(status == 200 && answer.contains("0003"), "{answer}");

    // the console
    let person = Person::sign_in(&site, &key);
    for (path, status, said) in [
        ("/failures?reason=waitng", 400, "did you mean"),
        ("/failures?company=EDU9", 422, "did you mean"),
        ("/records?state=faild", 400, "did you mean"),
        ("/audit?entity=suplier", 422, "did you mean"),
        ("/runs?kind=pol", 400, "did you mean"),
        ("/failures?entity=invoice", 200, "No failure matches this filter (2 without the filter)"),
        ("/failures?company=OLD1", 200, "OLD1"),
    ] {
        let answer = person.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(said), "{path}: {}", answer.body);
    }
    assert_eq!(service.terminate(), Some(0));
}
