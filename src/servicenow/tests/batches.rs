//! The Batch API, its absence, and every possible error in its answer.

use std::time::Duration;

use serde_json::json;

use super::support::*;
use crate::servicenow::*;

fn deferred(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Deferred { throttled: false, .. })
}

#[actix_rt::test]
async fn items_are_told_apart_by_id_whatever_the_order() {
    let server = Server::of_writes(|seen| {
        let mut answers: Vec<_> =
            items(seen).iter().map(|(id, .., body)| serviced(id, 201, &inserted(body["name"].as_str().unwrap()))).collect();
        answers.reverse();
        batch_answer(answers, &[])
    });
    let outcomes = server.client().send(&Tokens::default(), &staging(), &records(3)).await.unwrap();
    assert_eq!(ids(&outcomes), ["Name 1", "Name 2", "Name 3"]);
    let seen = server.writes();
    assert!(seen.len() == 1 && seen[0].is("POST", "/api/now/v1/batch"));
    for (_, method, url, headers, _) in items(&seen[0]) {
        assert_eq!((method.as_str(), url.as_str()), ("POST", "/api/now/import/x_stage"));
        let header = |name: &str| headers.as_array().unwrap().iter().find(|h| h["name"] == name).unwrap()["value"].clone();
        assert_eq!((header("Accept"), header("Content-Type")), (json!("application/json"), json!("application/json")));
    }
    assert!(seen[0].json()["batch_request_id"].is_string());
}

#[actix_rt::test]
async fn each_item_has_its_own_fate() {
    let server = Server::of_writes(|_| {
        let cancelled =
            json!({"error": {"message": "Transaction cancelled: maximum execution time exceeded", "detail": null}, "status": "failure"});
        let denied = json!({"error": {"message": "User Not Authenticated"}, "status": "failure"});
        let mut busy = serviced("4", 429, &json!({}));
        busy["headers"] = json!([{"name": "Retry-After", "value": "9"}]);
        // ids and statuses of other types than documented, and a body that is not base64
        let loose = json!({"id": 7, "status_code": "201", "body": inserted("id7")});
        batch_answer(
            vec![serviced("3", 500, &cancelled), serviced("1", 201, &inserted("id1")), busy, serviced("5", 401, &denied), loose],
            &["2"],
        )
    });
    let tokens = Tokens::default();
    let outcomes = server.client().send(&tokens, &staging(), &records(7)).await.unwrap();
    assert_eq!(ids(&outcomes[..1]), ["id1"]);
    assert!(deferred(&outcomes[1]), "not reached");
    assert!(matches!(&outcomes[2], Outcome::Unknown { message } if message.contains("maximum execution time")), "{:?}", outcomes[2]);
    assert!(matches!(&outcomes[3], Outcome::Deferred { throttled: true, retry_after: Some(wait), .. } if *wait == Duration::from_secs(9)));
    assert!(deferred(&outcomes[4]) && tokens.refused.borrow().as_slice() == [1]);
    assert!(matches!(&outcomes[5], Outcome::Unknown { .. }), "in neither list");
    assert_eq!(ids(&outcomes[6..]), ["id7"]);
}

#[actix_rt::test]
async fn a_batch_that_cannot_be_believed_leaves_every_item_unknown() {
    let scripts: [fn() -> Reply; 7] = [
        || page(200),
        || refusal(200, "x", ""),
        || reply(200, json!({"batch_request_id": "1"})),
        || Reply::Http(200, vec![], r#"{"serviced_requests":[{"id":"1","#.into()),
        || refusal(500, "x", ""),
        || Reply::Cut,
        || Reply::Hang,
    ];
    for (at, script) in scripts.into_iter().enumerate() {
        let server = Server::start(move |_| script());
        let outcomes = server.client().send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unknown { .. })), "{at}: {outcomes:?}");
        assert_eq!(server.seen().len(), 1, "{at}");
    }
}

#[actix_rt::test]
async fn an_outer_401_is_repeated_once() {
    let server = Server::of_writes(|seen| match seen.headers["authorization"].as_str() {
        "Bearer token-1" => refusal(401, "User Not Authenticated", ""),
        _ => batch_answer(items(seen).iter().map(|item| serviced(&item.0, 201, &inserted("x"))).collect(), &[]),
    });
    let outcomes = server.client().send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
    assert_eq!((ids(&outcomes).len(), server.writes().len()), (2, 2));
}

#[actix_rt::test]
async fn without_a_batch_api_records_go_one_by_one_and_the_instance_is_not_asked_again() {
    let absent: [fn() -> Reply; 3] = [
        || refusal(400, "Requested URI does not represent any resource", "/now/v1/batch"),
        || refusal(404, "Requested URI does not represent any resource", ""),
        || page(404),
    ];
    for (at, script) in absent.into_iter().enumerate() {
        let server = Server::of_writes(move |seen| {
            if seen.path.ends_with("batch") { script() } else { reply(201, inserted(seen.json()["name"].as_str().unwrap())) }
        });
        let (client, tokens) = (server.client(), Tokens::default());
        let outcomes = client.send(&tokens, &staging(), &records(20)).await.unwrap();
        let names: Vec<String> = (1..=20).map(|n| format!("Name {n}")).collect();
        assert_eq!(ids(&outcomes), names, "{at}");
        client.clone().send(&tokens, &staging(), &records(2)).await.unwrap();
        let batches: Vec<String> = server.writes().into_iter().map(|seen| seen.path).filter(|path| path.ends_with("batch")).collect();
        assert_eq!(batches, ["/api/now/v1/batch", "/api/now/batch"], "{at}");
    }
}

#[actix_rt::test]
async fn where_batches_are_turned_away_and_records_are_not_it_is_asked_again_later() {
    for status in [403, 405, 406, 415] {
        let server = Server::of_writes(move |seen| match seen.path.ends_with("batch") {
            true => page(status),
            false => reply(201, inserted(seen.json()["name"].as_str().unwrap())),
        });
        let mut settings = server.settings();
        settings.batch_again = Duration::from_secs(600);
        let (client, tokens) = (ServiceNow::new(&settings).unwrap(), Tokens::default());
        let asked = || server.seen().iter().filter(|seen| seen.path.ends_with("batch")).count();
        for _ in 0..3 {
            assert_eq!(ids(&client.send(&tokens, &staging(), &records(3)).await.unwrap()).len(), 3, "{status}");
        }
        assert_eq!(asked(), 1, "{status}: it rests");
        settings.batch_again = Duration::ZERO;
        let client = ServiceNow::new(&settings).unwrap();
        for _ in 0..2 {
            client.send(&tokens, &staging(), &records(3)).await.unwrap();
        }
        assert_eq!(asked(), 3, "{status}: its time has come");
    }
}

#[actix_rt::test]
async fn a_record_that_is_turned_away_by_itself_too_says_nothing_of_the_batch_api() {
    let server = Server::start(|seen| match seen.path.ends_with("batch") {
        true if items(seen).iter().any(|item| item.4["name"] == "Name 2") => page(403),
        true => batch_answer(items(seen).iter().map(|item| serviced(&item.0, 201, &inserted("x"))).collect(), &[]),
        false if seen.json()["name"] == "Name 2" => page(403),
        false => reply(201, inserted("x")),
    });
    let (client, tokens) = (server.client(), Tokens::default());
    let outcomes = client.send(&tokens, &staging(), &records(3)).await.unwrap();
    assert!(matches!(&outcomes[1], Outcome::Unknown { message } if message.contains("403")), "{outcomes:?}");
    let mut again = records(4);
    again[1].alone = true;
    client.send(&tokens, &staging(), &again).await.unwrap();
    let paths: Vec<String> = server.seen().into_iter().map(|seen| seen.path).collect();
    let batches = paths.iter().filter(|path| path.ends_with("batch")).count();
    assert_eq!((batches, paths.len()), (2, 1 + 3 + 2), "the batch is used again, and the record travels alone: {paths:?}");
}

#[actix_rt::test]
async fn the_route_without_a_version_is_used_where_it_is_the_only_one() {
    let server = Server::of_writes(|seen| match seen.path.as_str() {
        "/api/now/batch" => batch_answer(items(seen).iter().map(|item| serviced(&item.0, 201, &inserted("x"))).collect(), &[]),
        _ => refusal(404, "Requested URI does not represent any resource", ""),
    });
    let (client, tokens) = (server.client(), Tokens::default());
    for _ in 0..2 {
        assert_eq!(ids(&client.send(&tokens, &staging(), &records(2)).await.unwrap()).len(), 2);
    }
    assert_eq!(server.writes().len(), 3);
}

#[actix_rt::test]
async fn batches_are_cut_at_the_limit_and_stop_when_the_instance_asks_for_time() {
    let mut calls = 0;
    let server = Server::of_writes(move |seen| {
        calls += 1;
        match calls {
            1 => batch_answer(items(seen).iter().map(|item| serviced(&item.0, 201, &inserted("x"))).collect(), &[]),
            _ => Reply::Http(429, vec![("Retry-After", "5".into())], String::new()),
        }
    });
    let mut settings = server.settings();
    settings.batch_limit = 3;
    let outcomes = ServiceNow::new(&settings).unwrap().send(&Tokens::default(), &staging(), &records(9)).await.unwrap();
    assert_eq!(ids(&outcomes[..3]).len(), 3);
    let waits = outcomes[3..].iter().filter(|o| matches!(o, Outcome::Deferred { throttled: true, retry_after: Some(_), .. })).count();
    assert_eq!(waits, 6);
    let sizes: Vec<usize> = server.writes().iter().map(|seen| items(seen).len()).collect();
    assert_eq!(sizes, [3, 3], "the third batch was not sent");
}

#[actix_rt::test]
async fn the_setting_leaves_the_batch_api_alone() {
    let server = Server::of_writes(|_| reply(201, inserted("x")));
    let mut settings = server.settings();
    settings.batch = false;
    ServiceNow::new(&settings).unwrap().send(&Tokens::default(), &staging(), &records(4)).await.unwrap();
    assert!(server.writes().len() == 4 && server.writes().iter().all(|seen| seen.path == "/api/now/import/x_stage"));
}
