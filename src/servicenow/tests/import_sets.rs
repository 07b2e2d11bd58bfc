//! The verdict of a transform, and the settling of doubt by staging rows.

use serde_json::{Value, json};

use super::support::*;
use crate::servicenow::*;

async fn verdict(result: Value) -> Outcome {
    let server = Server::start(move |_| reply(201, json!({"import_set": "I", "staging_table": "x_stage", "result": result})));
    server.client().send(&Tokens::default(), &staging(), &records(1)).await.unwrap().remove(0)
}

#[actix_rt::test]
async fn the_body_decides_not_the_status() {
    for (status, how) in [("inserted", How::Inserted), ("updated", How::Updated), ("ignored", How::Unchanged)] {
        let expected = Outcome::Confirmed { sys_id: "a1".into(), table: "x_landed".into(), how, partial: Vec::new() };
        assert_eq!(verdict(json!([{"table": "x_landed", "status": status, "sys_id": "a1"}])).await, expected);
        assert_eq!(verdict(json!({"table": "x_landed", "status": status, "sys_id": "a1"})).await, expected, "`result` as an object");
    }
    let linked = verdict(json!([{"table": "x_landed", "status": "inserted", "record_link": "https://h/api/now/table/x_landed/a2"}])).await;
    assert_eq!(ids(&[linked]), ["a2"]);

    let error =
        verdict(json!([{"table": "x_landed", "status": "error", "error_message": "Amount must not be negative", "status_message": "row"}]))
            .await;
    let Outcome::Rejected { message, field, next_step } = error else { panic!("{error:?}") };
    assert_eq!((message.as_str(), field.as_deref()), ("Amount must not be negative", Some("u_amount")));
    assert!(!next_step.is_empty());
    let skipped = verdict(json!([{"status": "skipped", "status_message": "coalesce values not present"}])).await;
    assert!(
        matches!(&skipped, Outcome::Rejected { message, next_step, .. } if message.contains("coalesce") && next_step.contains("transform map"))
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
async fn what_is_only_loaded_is_in_doubt() {
    for result in [
        json!([{"table": "x_landed", "status": "pending"}]),
        json!([{"table": "x_stage", "status": "inserted", "sys_id": "s"}]),
        json!([{"table": "x_landed", "status": "queued"}]),
        json!([{"table": "x_landed"}]),
    ] {
        let outcome = verdict(result.clone()).await;
        assert!(matches!(outcome, Outcome::InDoubt { .. }), "{result}: {outcome:?}");
    }
}

#[actix_rt::test]
async fn a_refusal_of_a_staged_row_is_looked_behind() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("POST", _) if seen.json()["u_source_key"] == "EDU1/e/0001" => {
            refusal(403, "Operation Failed", "Data Policy Exception: name is mandatory")
        }
        ("POST", _) => refusal(403, "Operation Failed", "x"),
        (_, "/api/now/table/x_stage") => {
            let row = json!({"sys_id": "s", "u_source_key": "EDU1/e/0002", "u_source_version": "3", "sys_import_state": "inserted", "sys_target_sys_id": "t2"});
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
            json!({"sys_id": format!("s{n}{version}{state}"), "u_source_key": format!("EDU1/e/{n:04}"), "u_source_version": version,
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
    let confirmed = |id: &str, table: Option<&str>| Settled::Confirmed { sys_id: id.into(), table: table.map(str::to_owned) };
    assert_eq!(settled[0], confirmed("t1", Some("x_real")));
    assert!(matches!(&settled[1], Settled::Rejected { field: Some(field), .. } if field == "name"), "{settled:?}");
    assert_eq!(settled[2], Settled::StillPending);
    assert_eq!(settled[3], Settled::Absent, "only an earlier version is there");
    assert_eq!(settled[4], confirmed(&format!("{:032x}", 5), None), "no staging row, but the target holds this version");
    assert_eq!(settled[5], confirmed("t6", Some("x_real")), "a later try got through");
    assert_eq!(settled[6], Settled::Absent);
}

#[actix_rt::test]
async fn where_neither_table_can_be_read_nothing_is_claimed() {
    let server = Server::start(|_| refusal(403, "Insufficient rights to query records", ""));
    let settled = server.client().settle(&Tokens::default(), &staging(), &records(1)).await.unwrap();
    assert!(matches!(&settled[0], Settled::Unknown { reason } if reason.contains("x_stage") && reason.contains("x_landed")), "{settled:?}");

    // the target table has no such column: unrelated rows come back, and the staging table has the last word
    let server = Server::start(|seen| match seen.path.as_str() {
        "/api/now/table/x_landed" => reply(200, json!({"result": [{"sys_id": "z"}]})),
        _ => reply(200, json!({"result": []})),
    });
    assert_eq!(server.client().settle(&Tokens::default(), &staging(), &records(1)).await.unwrap(), [Settled::Absent]);

    let server = Server::start(|_| page(503));
    assert!(server.client().settle(&Tokens::default(), &staging(), &records(1)).await.is_err(), "an instance that is down settles nothing");
}
