//! A typing mistake in a filter is refused in every interface: an empty list would look like an all-clear.

use serde_json::Value;
use tieline::domain::delivery::RecordState;

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

/// A record in each state, by its key.
const STATES: &str = "INSERT INTO document (id, company, entity, key, version, hash, deleted) \
     SELECT n, 'EDU1', 'supplier', key, 1, '\\x00', key = 'gone' FROM unnest(ARRAY['failed', 'on_hold', 'unknown', 'waiting', 'retrying', 'sending', 'queued', \
     'in_conflict', 'gone', 'delivered']) WITH ORDINALITY AS k (key, n); \
     INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash) \
     SELECT id, id, 1, 'header', '', 'upsert', '{}', '\\x00' FROM document; \
     INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message, batch_id, not_before) \
     SELECT id, id, 'EDU1', 'supplier', 1, 'header', '', CASE WHEN key IN ('retrying', 'sending') THEN 'queued' ELSE key END, \
     CASE key WHEN 'failed' THEN 'unmapped' WHEN 'on_hold' THEN 'on_hold' WHEN 'waiting' THEN 'missing_parent' END, \
     CASE WHEN key IN ('sending', 'queued') THEN NULL ELSE 'a message' END, \
     CASE WHEN key = 'sending' THEN '00000000-0000-7000-8000-000000000001'::uuid END, now() + interval '1 day' FROM document WHERE id < 8; \
     INSERT INTO awaited_parent (document_id, company, entity, key) SELECT id, 'EDU1', 'gl_account', 'none' FROM document WHERE key = 'waiting'; \
     INSERT INTO hold (document_id, held_by, why) SELECT id, 'somebody', 'in dispute' FROM document WHERE key = 'on_hold'; \
     INSERT INTO conflict (company, entity, subject, document_id, key, field, kind, state, syspro, servicenow) \
     SELECT 'EDU1', 'supplier', id, id, key, 'name', 'both_changed', 'open', 'a', 'b' FROM document WHERE key = 'in_conflict'";

#[test]
fn the_list_of_records_and_its_filter_have_every_state() {
    let site = Site::alone();
    let mut service = site.serve();
    wait_until("the service answers", || ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    Private { state: site.path("state") }.psql(STATES);
    let out = site.run(&["api-key", "add", "reader", "--role", "viewer"]);
    let key = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    let items = |path: &str| {
        let (status, _, body) = ask(&site, "GET", path, Some(&key), "").unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["items"].as_array().unwrap().clone()
    };
    let person = Person::sign_in(&site, &key);
    let page = person.get("/records").body;
    for state in RecordState::ALL {
        let word = state.as_str();
        let keys: Vec<String> =
            items(&format!("/api/v1/records?state={word}")).iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect();
        // what is gone from SYSPRO and not outstanding is in ServiceNow too
        let expected = if *state == RecordState::Delivered { vec!["gone", "delivered"] } else { vec![word] };
        assert_eq!(keys, expected, "{word}");
        let row = page.split("<tr>").find(|row| row.contains(&format!("supplier/{word}\""))).unwrap_or_else(|| panic!("{word}: {page}"));
        assert!(row.contains(&format!("\">{}</span>", state.text())), "{row}");
        assert!(page.contains(&format!("<option value=\"{word}\"")), "{word}: {page}");
        let found = person.get(&format!("/records?state={word}")).body;
        assert!(found.contains(&format!("supplier/{word}\"")), "{word}: {found}");
    }
    let all = items("/api/v1/records");
    for (at, name) in ["failed", "on_hold", "unknown", "waiting", "retrying", "sending", "queued"].iter().enumerate() {
        assert_eq!(all[at][*name], 1, "{name}: {}", all[at]);
    }
    for (reason, entries) in [("unmapped", 1), ("downstream", 0)] {
        assert_eq!(items(&format!("/api/v1/failures?reason={reason}")).len(), entries, "{reason}");
        let out = site.run(&["failures", "--reason", reason, "--output", "json"]);
        assert_eq!(out.status.code(), Some(0), "{reason}: {}", text(&out));
        assert_eq!(serde_json::from_slice::<Vec<Value>>(&out.stdout).unwrap().len(), entries, "{reason}");
    }
    assert_eq!(site.run(&["failures", "--reason", "downstream_failed"]).status.code(), Some(2));
    assert_eq!(service.terminate(), Some(0));
}
