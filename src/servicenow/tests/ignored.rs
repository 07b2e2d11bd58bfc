//! Import sets whose unknown outcome is settled by the staging rows and the target together.

use serde_json::{Value, json};

use super::support::*;
use crate::definition::plan::{ClearWith, TargetPlan};
use crate::servicenow::*;

/// Record 1 as its staging row says.
fn staged(state: &str, comment: &str) -> Value {
    json!({"sys_id": "s1", "u_source_key": "EDU1/e/0001", "u_source_version": version_of(3), "name": "Name 1", "u_amount": "12.50",
        "sys_import_state": state, "sys_import_state_comment": comment, "sys_target_table": "x_landed", "sys_target_sys_id": ""})
}

async fn settled(staging_row: Value, landed: impl Fn() -> Reply + Send + 'static) -> Result<Settled, ServiceNowError> {
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/api/now/table/x_stage" => reply(200, json!({"result": [staging_row]})),
        _ => landed(),
    });
    server.client().settle(&Tokens::default(), &staging(), &records(1)).await.map(|mut settled| settled.remove(0))
}

#[actix_rt::test]
async fn what_the_transform_ignored_is_told_by_the_row_that_is_there() {
    let row_of = |key: &str, version: i64| {
        let mut shown = row(1, version);
        shown["u_source_key"] = json!(key);
        move || reply(200, json!({"result": [shown]}))
    };
    let here = settled(staged("ignored", "No change"), row_of("EDU1/e/0001", 3)).await.unwrap();
    let Settled::Confirmed { sys_id, table, said: Some(said), .. } = &here else { panic!("{here:?}") };
    assert_eq!((sys_id.as_str(), table.as_deref()), (record(1).derived_sys_id.as_str(), Some("x_landed")));
    assert!(said.contains("No change"), "{said}");
    // without a message of the transform there is none to repeat
    let silent = settled(staged("ignored", ""), row_of("EDU1/e/0001", 3)).await.unwrap();
    assert!(matches!(&silent, Settled::Confirmed { .. }), "{silent:?}");
    assert_ne!(silent, here);
    let earlier = settled(staged("ignored", "No change"), row_of("EDU1/e/0001", 2)).await.unwrap();
    assert!(matches!(&earlier, Settled::Rejected { message, .. } if message.contains("No change")), "{earlier:?}");
    let unread = settled(staged("ignored", "No change"), || refusal(403, "Insufficient rights", "")).await.unwrap();
    assert!(
        matches!(&unread, Settled::Unknown { reason } if reason.starts_with("the transform ignored it, and its row could not be read: "))
    );
}

#[actix_rt::test]
async fn an_instance_that_lets_nobody_in_settles_nothing() {
    for closed in ["/api/now/table/x_stage", "/api/now/table/x_landed"] {
        let server = Server::start(move |seen| match seen.path == closed {
            true => refusal(401, "User Not Authenticated", ""),
            false => reply(200, json!({"result": []})),
        });
        let found = server.client().settle(&Tokens::default(), &staging(), &records(1)).await;
        assert!(matches!(&found, Err(ServiceNowError::Unauthorized { .. })), "{closed}: {found:?}");
    }
}

#[actix_rt::test]
async fn a_refused_write_whose_row_is_staged_all_the_same_is_unknown() {
    let pending = || staged("pending", "");
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/api/now/table/x_stage") => reply(200, json!({"result": [pending()]})),
        ("GET", _) => reply(200, json!({"result": []})),
        _ => refusal(403, "Operation Failed", "Closed"),
    });
    let outcomes = server.client().send(&Tokens::default(), &staging(), &records(1)).await.unwrap();
    assert!(
        matches!(&outcomes[0], Outcome::Unknown { message } if message == "refused (Operation Failed: Closed), but the row is staged"),
        "{outcomes:?}"
    );
}

#[actix_rt::test]
async fn what_cannot_be_read_after_an_answer_that_proves_nothing_is_unknown_where_that_passes() {
    // `reads`: the answers to the reads, in order; the last one repeats
    let send = async |target: TargetPlan, answer: fn() -> Reply, reads: Vec<fn() -> Reply>| {
        let times = std::sync::atomic::AtomicUsize::new(0);
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" => reads[times.fetch_add(1, std::sync::atomic::Ordering::Relaxed).min(reads.len() - 1)](),
            _ => answer(),
        });
        server.client().send(&Tokens::default(), &target, &records(1)).await.unwrap().remove(0)
    };
    let refused: fn() -> Reply = || refusal(403, "Operation Failed", "Closed");
    let ignored: fn() -> Reply =
        || reply(201, json!({"result": [{"table": "x_landed", "status": "ignored", "status_message": "No change"}]}));
    let no_right: fn() -> Reply = || refusal(403, "Insufficient rights", "");
    let there: fn() -> Reply = || reply(200, json!({"result": [row(1, 3)]}));
    let unread = |message: &str| message.contains("could not be read") || message.contains("could not read");

    let passing = send(staging(), refused, vec![|| page(502)]).await;
    let Outcome::Unknown { message } = passing else { panic!("{passing:?}") };
    assert!(message.starts_with("refused (Operation Failed: Closed), and Tieline could not read whether the row is there: "), "{message}");
    let passing = send(staging(), ignored, vec![|| page(502)]).await;
    let Outcome::Unknown { message } = passing else { panic!("{passing:?}") };
    assert!(message.starts_with("ServiceNow ignored the record (No change), and the row in `x_landed` could not be read"), "{message}");

    // a missing right is missing every time; the message says that the rows could not be read
    for answer in [refused, ignored] {
        let blind = send(staging(), answer, vec![no_right]).await;
        assert!(matches!(&blind, Outcome::Rejected { message, .. } if unread(message)), "{blind:?}");
        let once = send(staging(), answer, vec![no_right, there]).await;
        assert!(matches!(&once, Outcome::Confirmed { .. }), "refused to be read once: {once:?}");
    }
    // if the definition has no column to search by, only the refusal counts
    let blind = send(TargetPlan { key_column: None, ..staging() }, refused, vec![there]).await;
    assert!(matches!(&blind, Outcome::Rejected { message, .. } if message.contains("Closed") && !unread(message)), "{blind:?}");
}

#[actix_rt::test]
async fn an_emptied_field_is_cleared_by_the_word_or_by_an_empty_text() {
    for (clear_with, text) in [(ClearWith::Null, "NULL"), (ClearWith::Empty, "")] {
        let server = Server::of_writes(|_| reply(201, inserted("a")));
        let mut emptied = record(1);
        emptied.fields.insert("name".into(), String::new());
        emptied.cleared.insert("name".into());
        let target = TargetPlan { clear_with, ..staging() };
        server.client().send(&Tokens::default(), &target, &[emptied]).await.unwrap();
        assert_eq!(server.writes()[0].json()["name"], text, "{clear_with:?}");
    }
}
