//! The causes behind refusals of the Table API, the queries before and after them, and the messages about them.

use std::collections::HashSet;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::support::*;
use crate::config::settings::ServiceNowSettings;
use crate::definition::TargetPlan;
use crate::servicenow::*;

const NONE: fn() -> Reply = || reply(200, json!({"result": []}));

fn echo(seen: &ReceivedRequest) -> Reply {
    let mut row = seen.json();
    if let Some(id) = seen.path.strip_prefix("/api/now/table/x_row/") {
        row["sys_id"] = json!(id);
    }
    reply(if seen.method == "POST" { 201 } else { 200 }, json!({"result": row}))
}

fn settings(server: &Server, derived: bool, adopt: bool) -> ServiceNowSettings {
    ServiceNowSettings { batch: false, derived_sys_id: derived, adopt, ..server.settings() }
}

async fn send(server: &Server, target: &TargetPlan, records: &[OutRecord]) -> Vec<Outcome> {
    ServiceNow::new(&settings(server, true, false)).unwrap().send(&Tokens::default(), target, records).await.unwrap()
}

fn queries(server: &Server) -> usize {
    server.seen().iter().filter(|seen| seen.method == "GET").count()
}

#[actix_rt::test]
async fn rows_are_searched_by_their_natural_key_only_where_rows_are_adopted() {
    let natural = || TargetPlan { natural_key: vec!["name".into()], ..table() };
    for (adopt, target, asked) in [(false, natural(), 0), (true, table(), 0), (true, natural(), 1)] {
        let server = Server::start(|seen| if seen.method == "GET" { NONE() } else { echo(seen) });
        let client = ServiceNow::new(&settings(&server, true, adopt)).unwrap();
        assert_eq!(client.send(&Tokens::default(), &target, &records(2)).await.unwrap().len(), 2);
        assert_eq!(queries(&server), asked);
    }
    // a known row is not searched for
    let server = Server::start(|seen| if seen.method == "GET" { NONE() } else { echo(seen) });
    let known = OutRecord { sys_id: Some(id("abc")), ..record(1) };
    ServiceNow::new(&settings(&server, true, true)).unwrap().send(&Tokens::default(), &natural(), &[known]).await.unwrap();
    assert_eq!(queries(&server), 0);
}

/// Reports these rows as another record's.
struct Owned(&'static [&'static str]);

impl RowOwners for Owned {
    fn owned<'a>(&'a self, sys_ids: Vec<String>) -> LocalBoxFuture<'a, Result<HashSet<String>, String>> {
        Box::pin(async move { Ok(sys_ids.into_iter().filter(|id| self.0.contains(&short(id).as_str())).collect()) })
    }
}

#[actix_rt::test]
async fn a_row_that_was_written_for_another_record_is_not_adopted() {
    for (owned, inserted) in [(&[][..], false), (&["free"], true), (&["else"], false)] {
        let server = Server::start(|seen| match seen.method.as_str() {
            "GET" => reply(200, json!({"result": [{"sys_id": "free", "name": "Name 1", "u_source_key": ""}]})),
            _ => echo(seen),
        });
        let target = TargetPlan { natural_key: vec!["name".into()], ..table() };
        let client = ServiceNow::new(&settings(&server, true, true)).unwrap().with_owners(Rc::new(Owned(owned)));
        let outcomes = client.send(&Tokens::default(), &target, &[record(1)]).await.unwrap();
        let expected = if inserted { record(1).derived_sys_id } else { "free".to_owned() };
        assert_eq!(ids(&outcomes), [expected.as_str()], "{owned:?}");
    }
    // a row under the record's own sys_id is its own, whatever the ledger says of it
    let own = record(1).derived_sys_id;
    let shown = own.clone();
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => reply(200, json!({"result": [{"sys_id": shown, "name": "Name 1", "u_source_key": ""}]})),
        _ => echo(seen),
    });
    struct All;
    impl RowOwners for All {
        fn owned<'a>(&'a self, sys_ids: Vec<String>) -> LocalBoxFuture<'a, Result<HashSet<String>, String>> {
            Box::pin(async move { Ok(sys_ids.into_iter().collect()) })
        }
    }
    let target = TargetPlan { natural_key: vec!["name".into()], ..table() };
    let client = ServiceNow::new(&settings(&server, true, true)).unwrap().with_owners(Rc::new(All));
    let outcomes = client.send(&Tokens::default(), &target, &[record(1)]).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Confirmed { how: How::Updated, sys_id, .. } if sys_id.as_str() == own), "{outcomes:?}");
}

#[actix_rt::test]
async fn several_rows_and_shared_rows_are_told_by_what_they_share() {
    let shown = |id: &str| json!({"sys_id": id, "name": "Name 1", "u_amount": "12.50", "u_source_key": ""});
    let mut target = TargetPlan { natural_key: vec!["name".into(), "u_amount".into()], ..table() };
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => reply(200, json!({"result": [shown("a"), shown("b")]})),
        _ => echo(seen),
    });
    let client = ServiceNow::new(&settings(&server, true, true)).unwrap();
    let outcomes = client.send(&Tokens::default(), &target, &[record(1)]).await.unwrap();
    let Outcome::Rejected { message, next_step, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(shortened(message), "2 rows of `x_row` have `name` = `Name 1`, `u_amount` = `12.50`: a, b");
    assert!(next_step.text().contains("`u_source_key`"), "{next_step}");
    target.key_column = None;
    target.version_column = None;
    let outcomes = client.send(&Tokens::default(), &target, &[record(1)]).await.unwrap();
    let Outcome::Rejected { next_step, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(next_step.text().contains("the key column"), "{next_step}");
}

#[actix_rt::test]
async fn the_answer_to_a_write_is_asked_for_with_each_column_up_to_a_length() {
    let server = Server::start(echo);
    send(&server, &table(), &[record(1), OutRecord { sys_id: Some(id("abc")), ..record(2) }]).await;
    for seen in server.seen() {
        assert_eq!(seen.q("sysparm_fields"), "sys_id,name,u_amount,u_source_key,u_source_version", "{}", seen.method);
    }
    let base = "sys_id%2C%2Cu_source_key%2Cu_source_version".len();
    for (length, named) in [(900, true), (901, false)] {
        let server = Server::start(echo);
        let fields = [("a".repeat(length - base), "1".to_owned())].into();
        send(&server, &table(), &[OutRecord { fields, ..record(1) }]).await;
        assert_eq!(server.seen()[0].query.contains_key("sysparm_fields"), named, "{length}");
    }
}

#[actix_rt::test]
async fn only_a_new_row_under_another_sys_id_is_warned_of() {
    let server = Server::start(echo);
    let client = ServiceNow::new(&settings(&server, true, false)).unwrap();
    let known = OutRecord { sys_id: Some(id("abc")), ..record(2) };
    client.send(&Tokens::default(), &table(), &[record(1), known]).await.unwrap();
    assert!(!client.learned().warned_sys_id.get(), "kept, and known before");
    let own = || Server::start(|_| reply(201, json!({"result": {"sys_id": "own", "u_source_version": version_of(3)}})));
    let server = own();
    let client = ServiceNow::new(&settings(&server, true, false)).unwrap();
    client.send(&Tokens::default(), &table(), &[record(1)]).await.unwrap();
    assert!(client.learned().warned_sys_id.get());
    let server = own();
    let target = TargetPlan { key_column: None, ..table() };
    let client = ServiceNow::new(&settings(&server, false, false)).unwrap();
    client.send(&Tokens::default(), &target, &[record(1)]).await.unwrap();
    assert!(!client.learned().warned_sys_id.get(), "none was sent");
}

#[actix_rt::test]
async fn a_row_that_is_there_and_cannot_be_updated_is_not_tried_again_and_again() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => reply(200, json!({"result": [{"sys_id": "abc", "u_source_key": "EDU1/e/0001", "u_source_version": version_of(2)}]})),
        _ => refusal(404, "No Record found", "ACL restricts"),
    });
    let outcomes = send(&server, &table(), &[OutRecord { sys_id: Some(id("abc")), ..record(1) }]).await;
    assert!(
        matches!(&outcomes[0], Outcome::Rejected { message, .. } if shortened(message).contains("row abc of `x_row` is no longer visible"))
    );
    assert_eq!(server.writes().len(), 1);
}

#[actix_rt::test]
async fn the_row_behind_a_refusal_is_read_once_and_three_times_where_an_earlier_try_may_have_made_the_row() {
    for (may_exist, reads) in [(false, 1), (true, 3)] {
        let mut by_id = 0;
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" if seen.q("sysparm_query").starts_with("sys_id") => {
                by_id += 1;
                // a client that asks endlessly gets another answer
                if by_id > 3 { refusal(403, "Enough", "") } else { NONE() }
            }
            "GET" => NONE(),
            _ => refusal(403, "Operation Failed", "Closed"),
        });
        let outcomes = send(&server, &table(), &[OutRecord { may_exist, ..record(1) }]).await;
        assert!(matches!(&outcomes[0], Outcome::Rejected { message, .. } if message.contains("Operation Failed")), "{outcomes:?}");
        let seen = server.seen();
        let by_id = seen.iter().filter(|seen| seen.method == "GET" && seen.q("sysparm_query").starts_with("sys_id")).count();
        assert_eq!(by_id, reads);
    }
}

#[actix_rt::test]
async fn a_refusal_whose_row_cannot_be_read_says_what_was_answered_first() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => refusal(403, "Insufficient rights", ""),
        _ => refusal(403, "Operation Failed", "Closed"),
    });
    let outcomes = send(&server, &table(), &[record(1)]).await;
    let Outcome::Unknown { message } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(message.starts_with("refused (Operation Failed: Closed), and Tieline could not read whether the row is there: "), "{message}");
}

#[actix_rt::test]
async fn a_row_that_holds_what_was_refused_is_confirmed_with_the_words() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => reply(200, json!({"result": [row(1, 3)]})),
        _ => refusal(403, "Operation Failed", "Closed"),
    });
    let outcomes = send(&server, &table(), &[record(1)]).await;
    assert!(
        matches!(&outcomes[0], Outcome::Confirmed { said: Some(said), .. } if said == "refused (Operation Failed: Closed)"),
        "{outcomes:?}"
    );
}

#[actix_rt::test]
async fn doubt_is_settled_by_what_can_tell_rows_apart() {
    let keyless = || TargetPlan { key_column: None, version_column: None, ..table() };
    let settle = async |derived: bool, target: TargetPlan, records: &[OutRecord]| {
        let server = Server::start(|seen| match seen.q("sysparm_query") {
            query if query.starts_with("sys_id") => NONE(),
            _ => reply(200, json!({"result": [{"sys_id": "a", "name": "x"}]})),
        });
        let client = ServiceNow::new(&settings(&server, derived, false)).unwrap();
        client.settle(&Tokens::default(), &target, records).await
    };
    assert!(
        matches!(&settle(false, keyless(), &records(1)).await.unwrap()[..], [Settled::Unknown { reason }] if reason.contains("neither"))
    );
    assert_eq!(settle(true, keyless(), &records(1)).await.unwrap(), [Settled::Absent]);
    // without the key column in the table, the derived sys_id alone has decided
    assert_eq!(settle(true, table(), &records(2)).await.unwrap(), [Settled::Absent, Settled::Absent]);
    let error = settle(false, table(), &records(2)).await;
    assert!(matches!(&error, Err(ServiceNowError::UnknownColumn { .. })), "{error:?}");
}

#[actix_rt::test]
async fn a_doubt_whose_row_carries_another_key_is_a_conflict() {
    let mut taken = row(1, 3);
    taken["u_source_key"] = json!("EDU1/e/9999");
    let server = Server::start(move |_| reply(200, json!({"result": [taken]})));
    let settled = server.client().settle(&Tokens::default(), &table(), &records(1)).await.unwrap();
    assert!(matches!(&settled[..], [Settled::Conflict { message, .. }] if message.contains("belongs to `EDU1/e/9999`")), "{settled:?}");
}
