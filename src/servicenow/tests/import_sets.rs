//! The verdict of a transform, and unknown outcomes that staging rows settle.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::support::*;
use crate::definition::plan::{Form, WriteMode};
use crate::servicenow::*;

async fn verdict(result: Value) -> Outcome {
    let server = Server::start(move |_| reply(201, json!({"import_set": "I", "staging_table": "x_stage", "result": result})));
    server.client().send(&Tokens::default(), &staging(), &records(1)).await.unwrap().remove(0)
}

#[actix_rt::test]
async fn the_body_decides_not_the_status() {
    for (status, how) in [("inserted", How::Inserted), ("updated", How::Updated)] {
        let expected = Outcome::Confirmed { sys_id: id("a1"), table: "x_landed".into(), how, partial: Vec::new(), said: None };
        assert_eq!(verdict(json!([{"table": "x_landed", "status": status, "sys_id": "a1"}])).await, expected);
        assert_eq!(verdict(json!({"table": "x_landed", "status": status, "sys_id": "a1"})).await, expected, "`result` as an object");
    }
    let link = format!("https://h/api/now/table/x_landed/{}", id("a2"));
    let linked = verdict(json!([{"table": "x_landed", "status": "inserted", "record_link": link}])).await;
    assert_eq!(ids(&[linked]), ["a2"]);

    for entry in [
        json!({"table": "x_landed", "status": "inserted", "record_link": "https://h/api/now/table/x_landed/a2"}),
        json!({"table": "x_landed", "status": "ignored", "sys_target_sys_id": {"value": "../sys_user"}}),
    ] {
        let unknown = verdict(json!([entry])).await;
        assert!(matches!(&unknown, Outcome::Unknown { message } if message.contains("is no `sys_id`")), "{unknown:?}");
    }

    let error =
        verdict(json!([{"table": "x_landed", "status": "error", "error_message": "Amount must not be negative", "status_message": "row"}]))
            .await;
    let Outcome::Rejected { message, field, next_step } = error else { panic!("{error:?}") };
    assert_eq!((message.as_str(), field.as_deref()), ("Amount must not be negative; row", Some("u_amount")));
    assert!(!next_step.text().is_empty());
    let skipped = verdict(json!([{"status": "skipped", "status_message": "coalesce values not present"}])).await;
    assert!(
        matches!(&skipped, Outcome::Rejected { message, next_step, .. } if message.contains("coalesce") && next_step.text().contains("transform map"))
    );
    let silent = verdict(json!([{"status": "error"}])).await;
    assert!(matches!(&silent, Outcome::Rejected { message, .. } if message.contains("`error`")), "{silent:?}");
}

#[actix_rt::test]
async fn of_several_transform_maps_the_target_table_s_decides() {
    let other = |status| json!({"table": "x_other", "status": status, "sys_id": "o"});
    let own = |status| json!({"table": "x_landed", "status": status, "sys_id": "t", "error_message": "no"});
    assert_eq!(ids(&[verdict(json!([other("error"), own("inserted")])).await]), ["t"]);
    assert!(matches!(verdict(json!([other("inserted"), own("error")])).await, Outcome::Rejected { .. }));
    assert!(matches!(verdict(json!([own("inserted"), own("error")])).await, Outcome::Rejected { .. }));
    assert!(matches!(verdict(json!([other("inserted"), other("error")])).await, Outcome::Rejected { .. }));
    assert_eq!(ids(&[verdict(json!([other("inserted"), other("updated")])).await]), ["o"]);
}

#[actix_rt::test]
async fn what_is_only_loaded_is_unknown() {
    for result in [
        json!([{"table": "x_landed", "status": "pending"}]),
        json!([{"table": "x_stage", "status": "inserted", "sys_id": "s"}]),
        json!([{"table": "x_landed", "status": "queued"}]),
        json!([{"table": "x_landed"}]),
    ] {
        let outcome = verdict(result.clone()).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{result}: {outcome:?}");
    }
}

#[actix_rt::test]
async fn the_row_behind_a_refusal_of_a_staged_row_is_read() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("POST", _) if seen.json()["u_source_key"] == "EDU1/e/0001" => {
            refusal(403, "Operation Failed", "Data Policy Exception: name is mandatory")
        }
        ("POST", _) => refusal(403, "Operation Failed", "x"),
        (_, "/api/now/table/x_stage") => {
            let row = json!({"sys_id": "s", "u_source_key": "EDU1/e/0002", "u_source_version": version_of(3), "sys_import_state": "inserted", "sys_target_sys_id": "t2"});
            reply(200, json!({"result": [row]}))
        }
        _ => reply(200, json!({"result": []})),
    });
    let mut settings = server.settings();
    settings.batch = false;
    let outcomes = ServiceNow::new(&settings).unwrap().send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Rejected { field: Some(field), .. } if field == "name"), "{outcomes:?}");
    assert_eq!(ids(&outcomes[1..]), ["t2"]);
}

#[actix_rt::test]
async fn doubt_is_settled_by_the_staging_rows_then_by_the_target() {
    let server = Server::start(|seen| {
        let staged = |n: usize, version: &str, state: &str| {
            json!({"sys_id": format!("s{n}{version}{state}"), "u_source_key": format!("EDU1/e/{n:04}"), "u_source_version": version_of(version.parse().unwrap()),
                "sys_import_state": state, "sys_target_sys_id": format!("t{n}"), "sys_target_table": "x_real", "sys_import_state_comment": "name is unknown",
                "sys_created_on": "2026-01-01 00:00:00"})
        };
        match seen.path.as_str() {
            "/api/now/table/x_stage" => reply(
                200,
                json!({"result": [staged(1, "3", "inserted"), staged(2, "3", "error"), staged(3, "3", "pending"), staged(4, "2", "inserted"),
                    staged(6, "3", "error"), staged(6, "3", "updated")]}),
            ),
            "/api/now/table/x_landed" => reply(200, json!({"result": [row(4, 2), row(5, 3)]})),
            other => panic!("{other}"),
        }
    });
    let settled = server.client().settle(&Tokens::default(), &staging(), &records(7)).await.unwrap();
    let confirmed = |sys_id: &str, table: &str, said: Option<&str>| {
        let difference = |field: &str, sent: String| FieldDifference { field: field.into(), sent, returned: None };
        let n = sys_id.trim_start_matches(['t', '0']);
        // the staging rows of this server show none of the fields
        let dropped = vec![difference("name", format!("Name {n}")), difference("u_amount", "12.50".into())];
        let partial = if said.is_some() { dropped } else { Vec::new() };
        Settled::Confirmed { sys_id: id(sys_id), table: Some(table.to_owned()), partial, said: said.map(Into::into) }
    };
    assert_eq!(settled[0], confirmed("t1", "x_real", Some("name is unknown")));
    assert!(matches!(&settled[1], Settled::Rejected { field: Some(field), .. } if field == "name"), "{settled:?}");
    assert_eq!(settled[2], Settled::StillPending);
    assert_eq!(settled[3], Settled::Absent, "only an earlier version is there");
    assert_eq!(settled[4], confirmed(&format!("{:032x}", 5), "x_landed", None), "no staging row, but the target holds this version");
    assert_eq!(settled[5], confirmed("t6", "x_real", Some("name is unknown")), "a later try got through");
    assert_eq!(settled[6], Settled::Absent);
}

#[actix_rt::test]
async fn where_neither_table_can_be_read_nothing_is_claimed() {
    let server = Server::start(|_| refusal(403, "Insufficient rights to query records", ""));
    let settled = server.client().settle(&Tokens::default(), &staging(), &records(1)).await.unwrap();
    assert!(matches!(&settled[0], Settled::Unknown { reason } if reason.contains("x_stage") && reason.contains("x_landed")), "{settled:?}");

    // the target table has no such column: unrelated rows come back, and the staging table decides
    let server = Server::start(|seen| match seen.path.as_str() {
        "/api/now/table/x_landed" => reply(200, json!({"result": [{"sys_id": "z"}]})),
        _ => reply(200, json!({"result": []})),
    });
    assert_eq!(server.client().settle(&Tokens::default(), &staging(), &records(1)).await.unwrap(), [Settled::Absent]);

    let server = Server::start(|_| page(503));
    assert!(server.client().settle(&Tokens::default(), &staging(), &records(1)).await.is_err(), "an instance that is down settles nothing");
}

#[actix_rt::test]
async fn a_staging_row_is_never_taken_for_the_row_of_the_target() {
    // as shipped, the definition does not name the table behind the staging table
    let target = target("x_stage", "x_stage", WriteMode::ImportSet);
    let staged =
        || json!({"sys_id": format!("{:032x}", 9), "u_source_key": "EDU1/e/0001", "u_source_version": version_of(3), "name": "Name 1"});
    // the columns of the transform's result may not be read, the others may
    let server = Server::start(move |seen| match seen.q("sysparm_fields").contains("sys_import_state") {
        true => refusal(403, "Operation Failed", ""),
        false => reply(200, json!({"result": [staged()]})),
    });
    let settled = server.client().settle(&Tokens::default(), &target, &records(1)).await.unwrap();
    assert!(matches!(&settled[0], Settled::Unknown { reason } if reason.contains("Operation Failed")), "{settled:?}");

    // the row is staged, and nothing says that it was transformed
    let server = Server::start(move |_| reply(200, json!({"result": [staged()]})));
    assert_eq!(server.client().settle(&Tokens::default(), &target, &records(1)).await.unwrap(), [Settled::Absent]);
}

#[actix_rt::test]
async fn a_single_refusal_of_the_staging_rows_is_not_believed() {
    let target = target("x_stage", "x_stage", WriteMode::ImportSet);
    let refusals = AtomicUsize::new(1);
    let server = Server::start(move |seen| {
        let staged = json!({
            "sys_id": format!("{:032x}", 9), "u_source_key": "EDU1/e/0001", "u_source_version": version_of(3), "name": "Name 1",
            "sys_import_state": "inserted", "sys_target_table": "x_landed", "sys_target_sys_id": format!("{:032x}", 1),
        });
        if seen.path != "/api/now/table/x_stage" {
            return reply(200, json!({"result": [row(1, 3)]}));
        }
        match refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => refusal(403, "Operation Failed", ""),
            Err(_) => reply(200, json!({"result": [staged]})),
        }
    });
    let settled = server.client().settle(&Tokens::default(), &target, &records(1)).await.unwrap();
    assert!(matches!(&settled[0], Settled::Confirmed { table: Some(table), .. } if table == "x_landed"), "{settled:?}");
}

/// An instance whose answer to the write is `entry`, and that shows these rows of the target.
async fn outcome_by_rows(entry: Value, rows: Vec<Value>, record: OutRecord) -> Outcome {
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("POST", _) => reply(201, json!({"import_set": "I", "staging_table": "x_stage", "result": [entry]})),
        (_, "/api/now/table/x_landed") => {
            let query = seen.q("sysparm_query");
            let asked = |row: &&Value| query.contains(&whole(row["sys_id"].as_str().unwrap())) || query.starts_with("u_source_key");
            reply(200, json!({"result": rows.iter().filter(asked).collect::<Vec<_>>()}))
        }
        _ => reply(200, json!({"result": []})),
    });
    server.client().send(&Tokens::default(), &staging(), &[record]).await.unwrap().remove(0)
}

#[actix_rt::test]
async fn an_ignored_record_counts_as_delivered_only_where_a_row_has_this_version() {
    let with_row =
        || json!({"table": "x_landed", "status": "ignored", "sys_id": format!("{:032x}", 1), "status_message": "No field values changed"});
    let without = || json!({"table": "x_landed", "status": "ignored", "status_message": "Ignored by a script"});

    for entry in [with_row(), without()] {
        let outcome = outcome_by_rows(entry.clone(), vec![row(1, 3)], record(1)).await;
        let Outcome::Confirmed { sys_id, how: How::Unchanged, said: Some(said), .. } = &outcome else { panic!("{entry}: {outcome:?}") };
        assert_eq!(*sys_id, format!("{:032x}", 1).as_str());
        assert!(said.contains(entry["status_message"].as_str().unwrap()), "{said}");
    }

    // an earlier version, with the value that stayed
    let mut earlier = row(1, 2);
    earlier["u_amount"] = json!("100.00");
    let outcome = outcome_by_rows(with_row(), vec![earlier], record(1)).await;
    let Outcome::Rejected { message, next_step, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(
        message.contains("No field values changed") && message.contains("carries version 2-1f1f1f1f1f1f, not 3-1f1f1f1f1f1f"),
        "{message}"
    );
    assert!(
        message.contains("`u_amount` is `100.00` there, and `12.50` was sent") && next_step.text().contains("transform map"),
        "{message}"
    );

    // no row at all
    let outcome = outcome_by_rows(without(), vec![], record(1)).await;
    assert!(
        matches!(&outcome, Outcome::Rejected { message, .. } if message.contains("Ignored by a script") && message.contains("no row of `x_landed`")),
        "{outcome:?}"
    );

    // another record's row
    let mut other = row(1, 3);
    other["u_source_key"] = json!("EDU1/e/00");
    let outcome = outcome_by_rows(with_row(), vec![other], record(1)).await;
    assert!(matches!(&outcome, Outcome::Conflict { message, .. } if message.contains("`EDU1/e/00`")), "{outcome:?}");

    // a table without the version column: the other columns are compared, and the message says what could not be
    let plain = |name: &str| json!({"sys_id": format!("{:032x}", 1), "u_source_key": "EDU1/e/0001", "name": name});
    let outcome = outcome_by_rows(with_row(), vec![plain("Name 1")], record(1)).await;
    assert!(
        matches!(&outcome, Outcome::Confirmed { said: Some(said), .. } if said.contains("no `u_source_version`, so 1 columns could be compared")),
        "{outcome:?}"
    );
    let outcome = outcome_by_rows(with_row(), vec![plain("Name 9")], record(1)).await;
    assert!(matches!(&outcome, Outcome::Rejected { message, .. } if message.contains("`name` is `Name 9` there")), "{outcome:?}");
}

#[actix_rt::test]
async fn a_second_row_for_one_record_is_a_conflict_unless_the_first_is_gone() {
    let entry = || json!({"table": "x_landed", "status": "inserted", "sys_id": "second"});
    let known = || OutRecord { sys_id: Some(id("first")), sys_table: Some("x_landed".into()), ..record(1) };
    let shown = |sys_id: &str| json!({"sys_id": sys_id, "u_source_key": "EDU1/e/0001", "u_source_version": version_of(3)});

    let outcome = outcome_by_rows(entry(), vec![shown("first"), shown("second")], known()).await;
    let Outcome::Conflict { message, next_step } = &outcome else { panic!("{outcome:?}") };
    let message = shortened(message);
    assert!(message.contains("row second") && message.contains("row first") && message.contains("two rows"), "{message}");
    assert!(next_step.text().contains("coalesce on `u_source_key`"), "{next_step}");
    let outcome = outcome_by_rows(entry(), vec![], known()).await;
    assert!(
        matches!(&outcome, Outcome::Conflict { message, .. } if message.contains("it is unknown whether that one still exists")),
        "{outcome:?}"
    );

    let outcome = outcome_by_rows(entry(), vec![shown("second")], known()).await;
    assert!(
        matches!(&outcome, Outcome::Confirmed { said: Some(said), .. } if shortened(said).contains("row first is no longer there")),
        "{outcome:?}"
    );
    // a row of another table says nothing
    let moved = OutRecord { sys_table: Some("x_before".into()), ..known() };
    assert!(matches!(outcome_by_rows(entry(), vec![], moved).await, Outcome::Confirmed { said: None, .. }));
}

#[actix_rt::test]
async fn words_beside_a_success_are_kept() {
    let own =
        json!({"table": "x_landed", "status": "inserted", "sys_id": "t", "error_message": "choice rejected", "status_message": "see log"});
    let other = json!({"transform_map": "Contacts", "table": "x_contact", "status": "error", "error_message": "no such person"});
    let outcome = verdict(json!([own, other])).await;
    let Outcome::Confirmed { said: Some(said), .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(said, "choice rejected; see log; transform map `Contacts` into `x_contact` ended as `error`: no such person");
}

#[actix_rt::test]
async fn a_column_that_the_staging_table_does_not_keep_is_named_for_the_whole_batch() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => {
            let item = |(id, _, _, _, body): &(String, String, String, Value, Value)| {
                serviced(id, 201, &inserted(body["u_source_key"].as_str().unwrap()))
            };
            batch_answer(items(seen).iter().map(item).collect(), &[])
        }
        _ => {
            let query = seen.q("sysparm_query").to_owned();
            let wanted = (1..=60).filter(|n| query.contains(&format!("EDU1/e/{n:04}")));
            // `name` is not a column of this table
            let staged = |n: usize| {
                json!({"sys_id": format!("s{n}"), "u_source_key": format!("EDU1/e/{n:04}"), "u_source_version": version_of(3),
                "u_amount": "12.50", "sys_created_on": "2026-01-01 00:00:00"})
            };
            reply(200, json!({"result": wanted.map(staged).collect::<Vec<_>>()}))
        }
    });
    let outcomes = server.client().send(&Tokens::default(), &staging(), &records(50)).await.unwrap();
    for outcome in &outcomes {
        let Outcome::Confirmed { partial, .. } = outcome else { panic!("{outcome:?}") };
        assert!(matches!(&partial[..], [FieldDifference { field, returned: None, .. }] if field == "name"), "{partial:?}");
    }

    // once every column has been seen, nothing is read back any more
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => reply(201, inserted(seen.json()["u_source_key"].as_str().unwrap())),
        _ => reply(200, json!({"result": [row(1, 3)]})),
    });
    let client = server.client();
    for _ in 0..3 {
        client.send(&Tokens::default(), &staging(), &[record(1)]).await.unwrap();
    }
    let read = |table: &str| server.seen().iter().filter(|seen| seen.method == "GET" && seen.path.ends_with(table)).count();
    assert_eq!((read("/x_stage"), read("/x_landed")), (1, 1), "the staging row, and the row that was made of it");
}

#[actix_rt::test]
async fn what_the_table_behind_the_staging_table_cuts_or_rounds_is_named() {
    let sent = |n: usize, name: &str, amount: &str| {
        let mut record = record(n);
        record.fields.insert("name".into(), name.into());
        record.fields.insert("u_amount".into(), amount.into());
        record
    };
    // the staging table stores all, the other one ten characters and two decimals; it replaces known names by codes
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path.rsplit('/').next().unwrap()) {
        ("POST", _) => {
            let body = seen.json();
            let number = body["u_source_key"].as_str().unwrap().rsplit('/').next().unwrap().parse::<usize>().unwrap();
            let result = json!([{"transform_map": "m", "table": "x_landed", "status": "inserted", "sys_id": format!("{number:032x}")}]);
            reply(201, json!({"import_set": "I", "staging_table": "x_stage", "result": result}))
        }
        (_, table) => {
            let landed = table == "x_landed";
            let row = |n: usize, name: &str, amount: &str| {
                let mut row = row(n, 3);
                (row["name"], row["u_amount"]) = (name.into(), amount.into());
                row
            };
            let (name, amount) = if landed { ("A name of ", "12.35") } else { ("A name of twenty letters", "12.345") };
            let rows = [row(1, name, amount), row(2, if landed { "30" } else { "30 days net" }, "12.00")];
            reply(200, json!({"result": rows}))
        }
    });
    let mut target = staging();
    target.fields[1].form = Form::Number;
    let settled = async |record| server.client().send(&Tokens::default(), &target, &[record]).await.unwrap().remove(0);
    let Outcome::Confirmed { partial, .. } = settled(sent(1, "A name of twenty letters", "12.345")).await else { panic!("refused") };
    let named: Vec<_> = partial.iter().map(|d| (d.field.as_str(), d.sent.as_str(), d.returned.as_deref().unwrap_or_default())).collect();
    assert_eq!(named, [("name", "A name of twenty letters", "A name of "), ("u_amount", "12.345", "12.35")]);
    let Outcome::Confirmed { partial, .. } = settled(sent(2, "30 days net", "12")).await else { panic!("refused") };
    assert_eq!(partial, [], "what a map makes of a value is its own business");
}

#[actix_rt::test]
async fn a_text_longer_than_any_that_came_back_whole_is_read_back_and_a_cut_one_is_named() {
    const LENGTH: usize = 20;
    let mut kept = Vec::<Value>::new();
    let server = Server::start(move |seen| match seen.method.as_str() {
        "POST" => {
            let mut item = |(id, _, _, _, body): &(String, String, String, Value, Value)| {
                let mut row = body.clone();
                row["name"] = body["name"].as_str().unwrap().chars().take(LENGTH).collect::<String>().into();
                row["sys_id"] = format!("s{}", kept.len()).into();
                kept.push(row);
                serviced(id, 201, &inserted(body["u_source_key"].as_str().unwrap()))
            };
            batch_answer(items(seen).iter().map(&mut item).collect(), &[])
        }
        _ => {
            let asked = |row: &&Value| seen.q("sysparm_query").contains(row["u_source_key"].as_str().unwrap());
            let rows: Vec<Value> = kept.iter().filter(asked).cloned().collect();
            reply(200, json!({"result": rows}))
        }
    });
    let client = server.client();
    let named = |first: usize, names: &[(usize, &str)]| {
        let mut records: Vec<_> = (first..first + 40).map(record).collect();
        for (at, name) in names {
            records[*at].fields.insert("name".into(), (*name).into());
        }
        records
    };
    let reads = || server.seen().iter().filter(|seen| seen.method == "GET" && seen.path.ends_with("/x_stage")).count();
    let send = async |records: Vec<_>| {
        let outcomes = client.send(&Tokens::default(), &staging(), &records).await.unwrap();
        let cut = |(at, outcome): (usize, &Outcome)| match outcome {
            Outcome::Confirmed { partial, .. } => partial.first().map(|d| (at, d.field.clone(), d.returned.clone().unwrap_or_default())),
            other => panic!("{other:?}"),
        };
        outcomes.iter().enumerate().filter_map(cut).collect::<Vec<_>>()
    };
    assert_eq!(send(named(1, &[(30, "just twenty letters!")])).await, []);
    assert_eq!(reads(), 1);
    // nothing is longer: nothing is read back
    assert_eq!(send(named(41, &[(3, "not twenty letters!")])).await, []);
    assert_eq!(reads(), 1);
    // two that are too long, beyond the sample of a batch: both are named, and no others
    let long = "a name of more than twenty letters";
    let cut = |at| (at, "name".to_owned(), "a name of more than ".to_owned());
    assert_eq!(send(named(81, &[(25, long), (37, "a name of more than that")])).await, [cut(25), cut(37)]);
    // they are named every time
    assert_eq!(send(named(121, &[(39, long)])).await, [cut(39)]);
}
