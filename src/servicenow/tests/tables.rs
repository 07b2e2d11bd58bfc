//! Insert, update, and the refusals between them.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::support::*;
use crate::definition::plan::PartialWrite;
use crate::servicenow::*;

const NONE: fn() -> Reply = || reply(200, json!({"result": []}));

async fn send(
    server: &Server,
    change: impl Fn(&mut crate::config::settings::ServiceNowSettings),
    target: &crate::definition::TargetPlan,
    records: &[OutRecord],
) -> Vec<Outcome> {
    let mut settings = server.settings();
    settings.batch = false;
    change(&mut settings);
    ServiceNow::new(&settings).unwrap().send(&Tokens::default(), target, records).await.unwrap()
}

/// Gives back what was sent.
fn echo(seen: &ReceivedRequest, status: u16) -> Reply {
    let mut row = seen.json();
    if let Some(id) = seen.path.strip_prefix("/api/now/table/x_row/") {
        row["sys_id"] = json!(id);
    }
    reply(status, json!({"result": row}))
}

#[actix_rt::test]
async fn new_rows_get_the_derived_sys_id_and_known_rows_are_updated() {
    let server = Server::start(|seen| echo(seen, if seen.method == "POST" { 201 } else { 200 }));
    let mut known = record(2);
    known.sys_id = Some(id("abc"));
    let outcomes = send(&server, |_| (), &table(), &[record(1), known]).await;
    assert_eq!(ids(&outcomes), [record(1).derived_sys_id.as_str(), "abc"]);
    assert!(matches!(&outcomes[0], Outcome::Confirmed { how: How::Inserted, partial, .. } if partial.is_empty()));
    assert!(matches!(&outcomes[1], Outcome::Confirmed { how: How::Updated, .. }));
    let seen = server.seen();
    let post = seen.iter().find(|seen| seen.is("POST", "/api/now/table/x_row")).unwrap();
    assert_eq!(post.json()["sys_id"], record(1).derived_sys_id);
    let patch = seen.iter().find(|seen| seen.is("PATCH", &format!("/api/now/table/x_row/{}", id("abc")))).unwrap();
    assert!(patch.json().get("sys_id").is_none());
    assert_eq!((&patch.json()["u_source_key"], &patch.json()["u_source_version"]), (&json!("EDU1/e/0002"), &json!(version_of(3))));
}

#[actix_rt::test]
async fn fields_that_come_back_otherwise_are_named() {
    let server = Server::start(|_| {
        let row = json!({"sys_id": record(1).derived_sys_id, "u_source_key": "EDU1/e/0001", "u_source_version": version_of(3),
            "name": {"link": "https://h/x", "value": "Name"}});
        reply(201, json!({"result": [row]}))
    });
    let outcomes = send(&server, |_| (), &table(), &[record(1)]).await;
    let Outcome::Confirmed { partial, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
    let difference = |field: &str, sent: &str, returned: Option<&str>| FieldDifference {
        field: field.into(),
        sent: sent.into(),
        returned: returned.map(str::to_owned),
    };
    assert_eq!(partial, &[difference("name", "Name 1", Some("Name")), difference("u_amount", "12.50", None)]);
}

const UNSEEN: fn() -> Reply = || refusal(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval");

#[actix_rt::test]
async fn only_a_row_under_our_own_sys_id_is_made_again() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "PATCH" => UNSEEN(),
        "GET" => NONE(),
        _ => echo(seen, 201),
    });
    let mut own = record(1);
    own.sys_id = Some(id(&own.derived_sys_id));
    let outcomes = send(&server, |_| (), &table(), &[own]).await;
    assert!(matches!(&outcomes[0], Outcome::Confirmed { how: How::Inserted, .. }), "{outcomes:?}");

    // another row may only be hidden: no second row is created
    let mut adopted = record(1);
    adopted.sys_id = Some(id("abc"));
    let before = server.seen().len();
    let outcomes = send(&server, |_| (), &table(), &[adopted.clone()]).await;
    let Outcome::Rejected { message, next_step, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(shortened(message).contains("row abc of `x_row` is no longer visible") && message.contains("ACL restricts"), "{message}");
    assert!(
        next_step.text().contains("let the OAuth application's user read it") && next_step.text().contains("`EDU1/e/0001`"),
        "{next_step}"
    );
    assert!(server.seen()[before..].iter().all(|seen| seen.method != "POST"));

    // a row with the key takes its place
    let server = Server::start(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("PATCH", path) if path.ends_with(id("abc").as_str()) => UNSEEN(),
        ("GET", _) if seen.q("sysparm_query").starts_with("u_source_key") => {
            reply(200, json!({"result": [{"sys_id": "by-hand", "u_source_key": "EDU1/e/0001", "u_source_version": ""}]}))
        }
        ("GET", _) => NONE(),
        _ => echo(seen, 200),
    });
    let outcomes = send(&server, |_| (), &table(), &[adopted]).await;
    assert_eq!(ids(&outcomes), ["by-hand"]);
}

#[actix_rt::test]
async fn a_row_of_ours_that_is_only_hidden_is_named_when_a_second_one_is_refused() {
    for (detail, hidden) in [
        ("Error during insert of x_row, unique key violation", true),
        ("Operation against file 'x_row' was aborted by Business Rule 'Closed periods'", false),
    ] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "PATCH" => UNSEEN(),
            "GET" => NONE(),
            _ => refusal(403, "Operation Failed", detail),
        });
        let mut own = record(1);
        own.sys_id = Some(id(&own.derived_sys_id));
        let derived = own.derived_sys_id.clone();
        let outcomes = send(&server, |_| (), &table(), &[own]).await;
        let Outcome::Rejected { message, next_step, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
        let said = format!("row {derived} of `x_row` is no longer visible, and ServiceNow refused to create it again under its sys_id");
        assert!(message.starts_with(&said) && message.contains(detail), "{message}");
        assert_eq!(next_step.text().contains("let the OAuth application's user read it"), hidden, "{next_step}");
        // there is no such message for a record that never had a row
        let outcomes = send(&server, |_| (), &table(), &[record(2)]).await;
        let Outcome::Rejected { message, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
        assert!(message.contains(detail) && !message.contains("is no longer visible"), "{message}");
    }
}

#[actix_rt::test]
async fn a_write_whose_row_comes_back_as_it_was_did_not_happen() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "PATCH" => {
            let mut old = row(1, 2);
            old["sys_id"] = json!("abc");
            old["u_amount"] = json!("100.00");
            reply(200, json!({"result": old}))
        }
        _ => reply(200, json!({"result": [{"sys_id": "abc", "u_source_key": "EDU1/e/0001", "u_source_version": version_of(2)}]})),
    });
    let mut known = record(1);
    known.sys_id = Some(id("abc"));
    let mut target = table();
    for policy in [PartialWrite::Fail, PartialWrite::Record] {
        target.partial_write = policy;
        let outcomes = send(&server, |_| (), &target, &[known.clone()]).await;
        let Outcome::Rejected { message, field, next_step } = &outcomes[0] else { panic!("{outcomes:?}") };
        assert!(
            message.contains("changed nothing") && message.contains("`u_source_version` = 2-1f1f1f1f1f1f, 3-1f1f1f1f1f1f was sent"),
            "{message}"
        );
        assert_eq!(field.as_deref(), Some("u_source_version"));
        assert!(next_step.text().contains("business rule"), "{next_step}");
    }

    // the answer shows an old state, the row the new one
    let server = Server::start(|seen| match seen.method.as_str() {
        "PATCH" => reply(200, json!({"result": row(1, 2)})),
        _ => reply(200, json!({"result": [row(1, 3)]})),
    });
    let mut own = record(1);
    own.sys_id = Some(id(&own.derived_sys_id));
    let outcomes = send(&server, |_| (), &table(), &[own]).await;
    assert!(matches!(&outcomes[0], Outcome::Confirmed { how: How::Updated, said: Some(_), .. }), "{outcomes:?}");
}

#[actix_rt::test]
async fn an_update_that_is_answered_with_another_row_is_a_conflict() {
    let server = Server::start(|seen| {
        let mut row = seen.json();
        row["sys_id"] = json!("second");
        reply(200, json!({"result": row}))
    });
    let mut known = record(1);
    known.sys_id = Some(id("first"));
    let outcomes = send(&server, |_| (), &table(), &[known]).await;
    assert!(
        matches!(&outcomes[0], Outcome::Conflict { message, .. } if shortened(message).contains("row first of") && shortened(message).contains("row second was")),
        "{outcomes:?}"
    );
}

#[actix_rt::test]
async fn two_records_of_a_batch_never_adopt_one_row() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => reply(200, json!({"result": [{"sys_id": "free", "name": "Name 1", "u_source_key": ""}]})),
        "POST" => echo(seen, 201),
        _ => echo(seen, 200),
    });
    let mut target = table();
    target.natural_key = vec!["name".into()];
    let mut twin = record(2);
    twin.fields.insert("name".into(), "Name 1".into());
    let outcomes = send(&server, |settings| settings.adopt = true, &target, &[record(1), twin]).await;
    assert!(matches!(&outcomes[0], Outcome::Confirmed { sys_id, .. } if *sys_id == id("free")), "{outcomes:?}");
    let Outcome::Conflict { message, next_step } = &outcomes[1] else { panic!("{outcomes:?}") };
    assert!(message.contains("EDU1/e/0001") && message.contains("EDU1/e/0002") && shortened(message).contains("row free"), "{message}");
    assert!(next_step.text().contains("natural key"), "{next_step}");
    assert_eq!(server.seen().iter().filter(|seen| seen.method != "GET").count(), 1, "nothing was written of the second");
}

#[actix_rt::test]
async fn a_default_that_the_instance_puts_into_a_new_row_is_no_difference() {
    let server = Server::start(|seen| {
        let mut row = seen.json();
        if row["name"] == "" {
            row["name"] = json!("default");
        }
        if let Some(id) = seen.path.strip_prefix("/api/now/table/x_row/") {
            row["sys_id"] = json!(id);
        }
        reply(200, json!({"result": row}))
    });
    let mut new = record(1);
    new.fields.insert("name".into(), String::new());
    let mut known = new.clone();
    known.sys_id = Some(id("abc"));
    let outcomes = send(&server, |_| (), &table(), &[new, known]).await;
    assert!(matches!(&outcomes[0], Outcome::Confirmed { partial, .. } if partial.is_empty()), "{outcomes:?}");
    // a field that should be empty and still has a value is a difference
    assert!(matches!(&outcomes[1], Outcome::Confirmed { partial, .. } if partial[0].field == "name"), "{outcomes:?}");
}

/// An instance that refuses every insert and shows `rows`.
fn refusing(detail: &'static str, rows: Vec<Value>) -> Server {
    Server::start(move |seen| match seen.method.as_str() {
        "POST" => refusal(403, "Operation Failed", detail),
        "PATCH" => echo(seen, 200),
        _ => reply(200, json!({"result": rows})),
    })
}

#[actix_rt::test]
async fn a_refused_insert_may_hide_a_row() {
    // the row holds this version: the write was committed, or an earlier try was
    let server = refusing("Error during insert of x_row (1)", vec![row(1, 3)]);
    let outcomes = send(&server, |_| (), &table(), &[record(1)]).await;
    assert_eq!(ids(&outcomes), [record(1).derived_sys_id]);
    assert!(server.seen().iter().all(|seen| seen.method != "PATCH"));

    // it holds an earlier one: it is updated
    let server = refusing("Error during insert of x_row (1)", vec![row(1, 2)]);
    let outcomes = send(&server, |_| (), &table(), &[record(1)]).await;
    assert!(matches!(&outcomes[0], Outcome::Confirmed { how: How::Updated, .. }), "{outcomes:?}");
    assert!(server.seen().iter().any(|seen| seen.method == "PATCH"));

    // there is none: the refusal counts
    let server = refusing("Data Policy Exception: u_amount is mandatory", vec![]);
    let outcomes = send(&server, |_| (), &table(), &[record(1)]).await;
    assert!(
        matches!(&outcomes[0], Outcome::Rejected { message, field: Some(field), .. } if message.contains("Data Policy") && field == "u_amount"),
        "{outcomes:?}"
    );

    // it is another record's
    let mut other = row(1, 3);
    other["u_source_key"] = json!("EDU1/e/9999");
    let server = refusing("Error during insert of x_row (1)", vec![other]);
    let outcomes = send(&server, |_| (), &table(), &[record(1)]).await;
    assert!(matches!(&outcomes[0], Outcome::Conflict { message, .. } if message.contains("EDU1/e/9999")), "{outcomes:?}");
}

#[actix_rt::test]
async fn a_row_that_shows_late_is_waited_for_and_an_unreadable_one_leaves_doubt() {
    let reads = Arc::new(Mutex::new(0));
    let count = reads.clone();
    let server = Server::start(move |seen| match seen.method.as_str() {
        "POST" => refusal(403, "Operation Failed", "Error during insert of x_row (1)"),
        _ => {
            *count.lock().unwrap() += 1;
            if *count.lock().unwrap() < 3 { NONE() } else { reply(200, json!({"result": [row(1, 3)]})) }
        }
    });
    let mut again = record(1);
    again.may_exist = true;
    assert_eq!(ids(&send(&server, |_| (), &table(), &[again]).await), [record(1).derived_sys_id]);

    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => refusal(403, "Operation Failed", "x"),
        _ => refusal(403, "Insufficient rights to query records", ""),
    });
    let outcomes = send(&server, |_| (), &table(), &[record(1)]).await;
    assert!(matches!(&outcomes[0], Outcome::Unknown { .. }), "{outcomes:?}");
}

#[actix_rt::test]
async fn an_instance_that_chooses_its_own_sys_id_is_believed() {
    let server = Server::start(|seen| {
        let mut row = seen.json();
        row["sys_id"] = json!("theirs");
        reply(201, json!({"result": row}))
    });
    assert_eq!(ids(&send(&server, |_| (), &table(), &[record(1)]).await), ["theirs"]);
}

#[actix_rt::test]
async fn without_derived_sys_ids_each_record_is_searched_for_first() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => {
            let mut found = row(2, 2);
            found["sys_id"] = json!("theirs");
            reply(200, json!({"result": [found]}))
        }
        "POST" => {
            assert!(seen.json().get("sys_id").is_none());
            reply(201, json!({"result": {"sys_id": "new"}}))
        }
        _ => echo(seen, 200),
    });
    let outcomes = send(&server, |settings| settings.derived_sys_id = false, &table(), &records(2)).await;
    assert_eq!(ids(&outcomes), ["new", "theirs"]);
}

#[actix_rt::test]
async fn rows_of_others_are_adopted_by_natural_key_and_never_taken_from_another_record() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => {
            let found = |n: usize, id: &str, key: &str| json!({"sys_id": id, "name": format!("Name {n}"), "u_source_key": key});
            // a match except for case is no match; two rows are one too many
            let near = json!({"sys_id": "near", "name": "NAME 4", "u_source_key": ""});
            reply(
                200,
                json!({"result": [found(1, "free", ""), found(2, "other", "EDU1/e/9999"), found(3, "a", ""), found(3, "b", ""), near]}),
            )
        }
        "POST" => echo(seen, 201),
        _ => echo(seen, 200),
    });
    let mut target = table();
    target.natural_key = vec!["name".into()];
    let outcomes = send(&server, |settings| settings.adopt = true, &target, &records(4)).await;
    assert!(matches!(&outcomes[0], Outcome::Confirmed { sys_id, how: How::Updated, .. } if *sys_id == id("free")), "{outcomes:?}");
    // another record's row, as when two companies both have an account of this number: the record gets its own row
    assert!(matches!(&outcomes[1], Outcome::Confirmed { sys_id, how: How::Inserted, .. } if *sys_id != id("other")), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Outcome::Rejected { message, .. } if message.contains("2 rows") && shortened(message).contains("a, b")));
    assert!(matches!(&outcomes[3], Outcome::Confirmed { how: How::Inserted, .. }));
    assert_eq!(server.seen().iter().filter(|seen| seen.method == "GET").count(), 1, "many per request");
}

/// An invalid id in an answer is never used as an id, and never requested.
#[actix_rt::test]
async fn an_answer_with_an_id_that_is_none_is_unknown_and_a_query_with_one_an_error() {
    const WRONG: &str = "../sys_user/6816f79cc0a8016401c5a33be04be441";
    for batch in [false, true] {
        let server = Server::start(move |seen| {
            // not through `reply`, which converts short ids to full ones
            let wrong = |row: Value| row.to_string().replace("00000000000000000000000000000001", WRONG);
            if seen.path.ends_with("/batch") {
                let one = |(id, _, _, _, sent): (String, String, String, Value, Value)| {
                    let n = if sent["u_source_key"] == "EDU1/e/0001" { 1 } else { 2 };
                    let body = wrong(json!({"result": row(n, 3)}));
                    json!({"id": id, "status_code": 201, "body": BASE64_STANDARD.encode(body), "execution_time": 3})
                };
                return batch_answer(items(seen).into_iter().map(one).collect(), &[]);
            }
            let n = if seen.method == "GET" || seen.body.contains("0001") { 1 } else { 2 };
            Reply::Http(if seen.method == "GET" { 200 } else { 201 }, vec![], wrong(json!({"result": [row(n, 3)]})))
        });
        let outcomes = send(&server, |settings| settings.batch = batch, &table(), &records(2)).await;
        assert!(
            matches!(&outcomes[0], Outcome::Unknown { message } if message.contains("`x_row` accepted the record") && message.contains(WRONG)),
            "{outcomes:?}"
        );
        assert!(matches!(&outcomes[1], Outcome::Confirmed { .. }), "{outcomes:?}");
        let error = server.client().find_by_key(&Tokens::default(), &table(), &[record(1).source_key]).await.unwrap_err();
        assert!(error.chain().contains("a row's `../sys_user/6816f79cc0a8016401c5a33be04be441` is no `sys_id`"), "{}", error.chain());
        assert!(server.seen().iter().all(|seen| !seen.path.contains("sys_user")));
    }
}

fn found(sys_id: &str) -> Settled {
    Settled::Confirmed { sys_id: id(sys_id), table: None, partial: Vec::new(), said: None }
}

#[actix_rt::test]
async fn doubt_about_rows_is_settled_by_sys_id_then_by_key() {
    let server = Server::start(|seen| {
        if seen.q("sysparm_query").starts_with("sys_idIN") {
            return reply(200, json!({"result": [row(1, 3), row(2, 2)]}));
        }
        let mut elsewhere = row(3, 3);
        elsewhere["sys_id"] = json!("theirs");
        reply(200, json!({"result": [elsewhere]}))
    });
    let settled = server.client().settle(&Tokens::default(), &table(), &records(4)).await.unwrap();
    assert_eq!(settled, [found(&record(1).derived_sys_id), Settled::Absent, found("theirs"), Settled::Absent]);

    // without a version column the fields decide
    let mut target = table();
    target.version_column = None;
    let mut changed = record(2);
    changed.fields.insert("name".into(), "New name".into());
    let settled = server.client().settle(&Tokens::default(), &target, &[record(1), changed]).await.unwrap();
    assert_eq!(settled, [found(&record(1).derived_sys_id), Settled::Absent]);
}

#[actix_rt::test]
async fn no_request_begins_that_could_outlive_the_lease() {
    let server = Server::start(|seen| echo(seen, 201));
    let client = server.client();
    let longest = server.settings().connection.longest();
    let second = std::time::Duration::from_secs(1);
    let late = client.leased_until(tokio::time::Instant::now() + longest - second, std::rc::Rc::new(|| true));
    let outcomes = late.send(&Tokens::default(), &table(), &[record(1)]).await;
    let told = match &outcomes {
        Ok(outcomes) => format!("{outcomes:?}"),
        Err(error) => error.chain(),
    };
    assert!(told.contains("was not started"), "{told}");
    let dead = client.leased_until(tokio::time::Instant::now() + longest + 60 * second, std::rc::Rc::new(|| false));
    assert!(
        !matches!(dead.send(&Tokens::default(), &table(), &[record(1)]).await, Ok(outcomes) if outcomes.iter().any(|o| matches!(o, Outcome::Confirmed { .. })))
    );
    assert!(server.seen().is_empty());
    let in_time = client.leased_until(tokio::time::Instant::now() + longest + 60 * second, std::rc::Rc::new(|| true));
    assert_eq!(in_time.send(&Tokens::default(), &table(), &[record(1)]).await.unwrap().len(), 1);
}

#[actix_rt::test]
async fn a_row_that_no_longer_says_what_is_expected_is_left_alone() {
    // the current row, the record's new name, and the outcome
    let rows = [
        ("as expected", Some("Old"), "confirmed"),
        ("edited by a user", Some("Edited"), "withdrawn"),
        ("says it already", Some("Name 1"), "confirmed"),
        ("gone", None, "withdrawn"),
    ];
    for (case, now, then) in rows {
        let row = move || now.map(|name| json!({"sys_id": "abc", "name": name, "u_amount": "12.5", "u_source_key": "EDU1/e/0001"}));
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" => reply(200, json!({"result": row().into_iter().collect::<Vec<_>>()})),
            _ => echo(seen, 200),
        });
        let fields = [("name".to_owned(), "Name 1".to_owned())].into();
        let expects = Some([("name".to_owned(), "Old".to_owned())].into());
        let aligned = OutRecord { sys_id: Some(id("abc")), fields, expects, ..record(1) };
        let outcomes = send(&server, |_| (), &table(), &[aligned]).await;
        let word = match &outcomes[0] {
            Outcome::Confirmed { .. } => "confirmed",
            Outcome::Withdrawn { .. } => "withdrawn",
            other => panic!("{case}: {other:?}"),
        };
        let writes = server.seen().iter().filter(|seen| seen.method != "GET").count();
        assert_eq!((word, writes), (then, usize::from(case == "as expected")), "{case}: {outcomes:?}");
    }
}

#[actix_rt::test]
async fn an_expected_row_that_is_deleted_meanwhile_is_not_made_again_in_part() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => reply(200, json!({"result": [{"sys_id": "abc", "name": "Old"}]})),
        "PATCH" => refusal(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
        _ => echo(seen, 201),
    });
    let expects = Some([("name".to_owned(), "Old".to_owned())].into());
    let outcomes = send(&server, |_| (), &table(), &[OutRecord { sys_id: Some(id("abc")), expects, ..record(1) }]).await;
    assert!(matches!(&outcomes[0], Outcome::Withdrawn { .. }), "{outcomes:?}");
    assert!(server.seen().iter().all(|seen| seen.method != "POST"));
}

#[actix_rt::test]
async fn a_doubt_about_one_of_several_records_of_a_version_is_settled_by_its_fields() {
    for (name, settled) in [("Name 1", true), ("Edited", false)] {
        let server = Server::start(move |_| {
            let row = json!({"sys_id": "abc", "name": name, "u_amount": "12.5", "u_source_key": "EDU1/e/0001", "u_source_version": version_of(3)});
            reply(200, json!({"result": [row]}))
        });
        let expects = Some([("name".to_owned(), "Old".to_owned())].into());
        let doubtful = OutRecord { sys_id: Some(id("abc")), expects, may_exist: true, ..record(1) };
        let found = server.client().settle(&Tokens::default(), &table(), &[doubtful]).await.unwrap();
        assert_eq!(matches!(found[0], Settled::Confirmed { .. }), settled, "{found:?}");
    }
}
