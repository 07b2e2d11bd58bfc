//! The conditions of a query, its limit of rows, and the effect of invisible rows.

use serde_json::{Value, json};

use super::support::*;
use crate::definition::TargetPlan;
use crate::servicenow::*;

/// Rows, and the number that the instance counts.
fn counted(rows: Value, total: usize) -> Reply {
    let headers = vec![("Content-Type", "application/json".to_owned()), ("X-Total-Count", total.to_string())];
    Reply::Http(200, headers, json!({"result": rows}).to_string())
}

fn echo(seen: &ReceivedRequest) -> Reply {
    let mut row = seen.json();
    row["sys_id"] = json!(seen.path.rsplit('/').next().filter(|last| *last != "x_row").unwrap_or("new"));
    reply(if seen.method == "POST" { 201 } else { 200 }, json!({"result": row}))
}

/// The conditions asked for.
fn conditions(server: &Server) -> Vec<String> {
    let gets = server.seen().into_iter().filter(|seen| seen.method == "GET");
    gets.map(|seen| seen.q("sysparm_query").trim_end_matches("^ORDERBYsys_id").to_owned()).collect()
}

/// Sends without derived sys_ids.
async fn sent(server: &Server, target: &TargetPlan, count: usize, adopt: bool) -> Vec<Outcome> {
    let mut settings = server.settings();
    (settings.batch, settings.derived_sys_id, settings.adopt) = (false, adopt, adopt);
    ServiceNow::new(&settings).unwrap().send(&Tokens::default(), target, &records(count)).await.unwrap()
}

#[actix_rt::test]
async fn where_more_rows_are_counted_than_shown_each_missing_value_is_asked_for_by_itself() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.q("sysparm_query")) {
        ("GET", query) if query.starts_with("u_source_keyIN") => counted(json!([row(1, 2)]), 2),
        ("GET", query) if query.starts_with("u_source_key=EDU1/e/0002") => counted(json!([]), 1),
        ("GET", _) => counted(json!([]), 0),
        _ => echo(seen),
    });
    let outcomes = sent(&server, &table(), 3, false).await;
    assert!(matches!(&outcomes[0], Outcome::Confirmed { how: How::Updated, .. }), "{outcomes:?}");
    let Outcome::Rejected { message, next_step, .. } = &outcomes[1] else { panic!("{outcomes:?}") };
    assert!(message.contains("`u_source_key` = `EDU1/e/0002` cannot be seen: ServiceNow counts more rows than it shows"), "{message}");
    assert!(next_step.text().contains("`u_source_key`"), "{next_step}");
    assert!(matches!(&outcomes[2], Outcome::Confirmed { how: How::Inserted, .. }), "{outcomes:?}");
    let asked = conditions(&server);
    assert_eq!(asked[1..], ["u_source_key=EDU1/e/0002", "u_source_key=EDU1/e/0003"], "not what was shown: {asked:?}");
    let limits: Vec<String> = server.seen()[..2].iter().map(|seen| seen.q("sysparm_limit").to_owned()).collect();
    assert_eq!(limits, ["32", "200"], "four rows for each key, and some to spare");
}

#[actix_rt::test]
async fn where_as_many_rows_are_shown_as_are_counted_nothing_more_is_asked() {
    let server = Server::start(|seen| if seen.method == "GET" { counted(json!([row(1, 2)]), 1) } else { echo(seen) });
    let outcomes = sent(&server, &table(), 2, false).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Confirmed { .. })), "{outcomes:?}");
    assert_eq!(conditions(&server), ["u_source_keyINEDU1/e/0001,EDU1/e/0002"]);
}

#[actix_rt::test]
async fn of_rows_with_one_key_the_newest_counts_and_of_equals_the_first() {
    let carried = |id: &str, version: &str| json!({"sys_id": id, "u_source_key": "EDU1/e/0001", "u_source_version": version});
    for (rows, first) in [
        (vec![carried("a", "2"), carried("b", "5"), carried("c", "5")], "b"),
        (vec![carried("a", "5"), carried("b", "2")], "a"),
        (vec![carried("a", ""), carried("b", "1")], "b"),
    ] {
        let server = Server::start(move |_| reply(200, json!({"result": rows})));
        let found = server.client().find_by_key(&Tokens::default(), &table(), &["EDU1/e/0001".to_owned()]).await.unwrap();
        assert_eq!(found[0].as_ref().map(|found| short(&found.sys_id)).as_deref(), Some(first));
    }
}

#[actix_rt::test]
async fn a_list_holds_a_hundred_values() {
    let server = Server::start(|_| reply(200, json!({"result": []})));
    let keys: Vec<String> = (0..101).map(|n| format!("k{n:03}")).collect();
    server.client().find_by_key(&Tokens::default(), &table(), &keys).await.unwrap();
    let mut sizes: Vec<usize> = conditions(&server).iter().map(|asked| asked.split(',').count()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 100]);
}

#[actix_rt::test]
async fn the_columns_wanted_are_named_up_to_a_length() {
    let base = "sys_id%2Cu_source_key%2Cu_source_version%2C".len();
    for (length, named) in [(900, true), (901, false), (1200, false)] {
        let server = Server::start(|_| reply(200, json!({"result": []})));
        let mut target = table();
        target.fields.truncate(1);
        target.fields[0].name = "x".repeat(length - base);
        server.client().find_by_key(&Tokens::default(), &target, &["k".to_owned()]).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen[0].query.contains_key("sysparm_fields"), named, "{length}");
    }
}

fn natural_target(columns: &[&str]) -> TargetPlan {
    TargetPlan { natural_key: columns.iter().map(|column| (*column).to_owned()).collect(), ..table() }
}

#[actix_rt::test]
async fn the_room_for_rows_of_a_natural_key_is_larger_where_one_column_alone_does_not_tell() {
    for (columns, limit) in [(&["name"][..], "28"), (&["name", "u_amount"], "120")] {
        let server = Server::start(|_| reply(200, json!({"result": []})));
        let found = server.client().find_by_natural_key(&Tokens::default(), &natural_target(columns), &records(2)).await.unwrap();
        assert_eq!(found, [None, None], "no row is no unknown column");
        assert_eq!(server.seen()[0].q("sysparm_limit"), limit);
    }
}

#[actix_rt::test]
async fn a_column_of_a_natural_key_that_no_row_has_is_named() {
    let server = Server::start(|_| reply(200, json!({"result": [{"sys_id": "a", "name": "Name 1", "u_source_key": ""}]})));
    let error = server.client().find_by_natural_key(&Tokens::default(), &natural_target(&["name", "u_amount"]), &records(2)).await;
    assert!(matches!(&error, Err(ServiceNowError::UnknownColumn { column, .. }) if column == "u_amount"), "{error:?}");
}

#[actix_rt::test]
async fn a_row_that_is_shown_twice_is_one_row() {
    let twice = json!({"sys_id": "a", "name": "Name 1", "u_source_key": ""});
    let server = Server::start(move |seen| if seen.method == "GET" { reply(200, json!({"result": [twice, twice]})) } else { echo(seen) });
    let outcomes = sent(&server, &natural_target(&["name"]), 1, true).await;
    assert_eq!(ids(&outcomes), ["a"]);
}

#[actix_rt::test]
async fn a_row_with_the_natural_key_that_cannot_be_seen_stops_a_second_one() {
    let server = Server::start(|seen| if seen.method == "GET" { counted(json!([]), 1) } else { echo(seen) });
    let outcomes = sent(&server, &natural_target(&["name", "u_amount"]), 1, true).await;
    let Outcome::Rejected { message, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(message.contains("a row of `x_row` with `name` = `Name 1`, `u_amount` = `12.50` cannot be seen"), "{message}");
    assert!(server.writes().is_empty());
}
