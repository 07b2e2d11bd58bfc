//! When the remaining writes are not sent, and how batches are split.

use serde_json::{Value, json};

use super::support::*;
use crate::net::Method;
use crate::servicenow::batch::{ITEM_FRAME, ITEM_LIMIT, REQUEST_LIMIT, chunks};
use crate::servicenow::transport::Op;
use crate::servicenow::*;

fn fine(seen: &ReceivedRequest) -> Reply {
    match seen.path.ends_with("batch") {
        true => batch_answer(items(seen).iter().map(|(id, .., body)| serviced(id, 201, &inserted(name(body)))).collect(), &[]),
        false => reply(201, inserted(name(&seen.json()))),
    }
}

fn name(body: &Value) -> &str {
    body["name"].as_str().unwrap()
}

fn client(server: &Server, limit: usize) -> ServiceNow {
    let mut settings = server.settings();
    settings.batch_limit = limit;
    ServiceNow::new(&settings).unwrap()
}

fn batches(server: &Server) -> usize {
    server.writes().iter().filter(|seen| seen.path.ends_with("batch")).count()
}

#[actix_rt::test]
async fn nothing_is_sent_after_a_batch_that_was_not_taken_in() {
    let deferred = |outcome: &Outcome| matches!(outcome, Outcome::Deferred { .. });
    for status in [402, 429] {
        let server = Server::of_writes(move |_| refusal(status, "Not now", ""));
        let outcomes = client(&server, 2).send(&Tokens::default(), &staging(), &records(4)).await.unwrap();
        assert!(outcomes.iter().all(deferred), "{status}: {outcomes:?}");
        assert_eq!(server.writes().len(), 1, "{status}");
    }
    let server = Server::of_writes(|_| Reply::Cut);
    let outcomes = client(&server, 2).send(&Tokens::default(), &staging(), &records(4)).await.unwrap();
    assert!(matches!(&outcomes[1], Outcome::Unknown { .. }), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Outcome::Deferred { message, .. } if message.contains("the request before it failed")), "{outcomes:?}");
    assert_eq!(server.writes().len(), 1);
    // without a token, the next batch does not request one again
    let server = Server::of_writes(fine);
    let tokens = Tokens::default();
    tokens.broken.set(true);
    let _ = client(&server, 2).send(&tokens, &staging(), &records(6)).await;
    assert_eq!((server.writes().len(), tokens.asked.get()), (0, 1));
}

#[actix_rt::test]
async fn a_record_that_travels_alone_is_sent_after_a_lost_answer_and_not_after_a_request_for_time() {
    let two_and_one = || {
        let mut records = records(3);
        records[2].alone = true;
        records
    };
    let server = Server::of_writes(|seen| if seen.path.ends_with("batch") { Reply::Cut } else { fine(seen) });
    let outcomes = client(&server, 50).send(&Tokens::default(), &staging(), &two_and_one()).await.unwrap();
    assert!(matches!(&outcomes[..2], [Outcome::Unknown { .. }, Outcome::Unknown { .. }]), "{outcomes:?}");
    assert_eq!(ids(&outcomes[2..]), ["Name 3"]);
    let server = Server::of_writes(|seen| if seen.path.ends_with("batch") { refusal(429, "Not now", "") } else { fine(seen) });
    let outcomes = client(&server, 50).send(&Tokens::default(), &staging(), &two_and_one()).await.unwrap();
    assert!(matches!(&outcomes[2], Outcome::Deferred { throttled: true, .. }), "{outcomes:?}");
    assert_eq!(server.writes().len(), 1);
}

#[actix_rt::test]
async fn records_that_are_refused_for_what_they_hold_did_get_through() {
    let server = Server::of_writes(|seen| if seen.path.ends_with("batch") { page(403) } else { refusal(400, "Invalid value", "") });
    let client = client(&server, 50);
    for _ in 0..2 {
        let outcomes = client.send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Rejected { .. })), "{outcomes:?}");
    }
    assert_eq!(batches(&server), 1, "it is the Batch API that is turned away");
}

#[actix_rt::test]
async fn one_record_that_is_turned_away_does_not_end_the_rest_of_the_batch_api() {
    let server = Server::of_writes(|seen| match seen.path.ends_with("batch") || name(&seen.json()) == "Name 9" {
        true => page(405),
        false => fine(seen),
    });
    let client = client(&server, 50);
    client.send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
    client.send(&Tokens::default(), &staging(), &[record(9)]).await.unwrap();
    client.send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
    assert_eq!(batches(&server), 1);
}

#[actix_rt::test]
async fn a_batch_that_is_refused_as_a_whole_is_sent_one_by_one_and_the_next_one_is_a_batch() {
    for (status, words) in [(400, "Invalid request"), (413, "Too large"), (422, "Unprocessable")] {
        let server = Server::of_writes(move |seen| if seen.path.ends_with("batch") { refusal(status, words, "") } else { fine(seen) });
        let client = client(&server, 50);
        for _ in 0..2 {
            assert_eq!(ids(&client.send(&Tokens::default(), &staging(), &records(2)).await.unwrap()), ["Name 1", "Name 2"], "{status}");
        }
        let asked: Vec<String> = server.writes().into_iter().map(|seen| seen.path).filter(|path| path.ends_with("batch")).collect();
        assert_eq!(asked, ["/api/now/v1/batch", "/api/now/v1/batch"], "{status}");
    }
}

#[actix_rt::test]
async fn one_list_of_the_answer_is_enough_and_none_is_doubt() {
    let server = Server::of_writes(|seen| {
        let done: Vec<Value> = items(seen).iter().map(|(id, .., body)| serviced(id, 201, &inserted(name(body)))).collect();
        reply(200, json!({"batch_request_id": "1", "serviced_requests": done}))
    });
    assert_eq!(ids(&client(&server, 50).send(&Tokens::default(), &staging(), &records(2)).await.unwrap()), ["Name 1", "Name 2"]);
    let server = Server::of_writes(|_| reply(200, json!({"batch_request_id": "1", "unserviced_requests": ["1", "2"]})));
    let outcomes = client(&server, 50).send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Deferred { .. })), "{outcomes:?}");
    let server = Server::of_writes(|_| reply(200, json!({"batch_request_id": "1"})));
    let outcomes = client(&server, 50).send(&Tokens::default(), &staging(), &records(2)).await.unwrap();
    let told =
        |outcome: &Outcome| matches!(outcome, Outcome::Unknown { message } if message.contains("without the members of a batch answer"));
    assert!(outcomes.iter().all(told), "{outcomes:?}");
}

#[test]
fn a_batch_is_cut_at_its_size_to_the_byte() {
    let op = |body: usize| Op { method: Method::POST, path: "/p".into(), body: vec![b'x'; body], alone: false };
    let sizes = |bodies: &[usize]| -> Vec<usize> {
        let ops: Vec<Op> = bodies.iter().map(|body| op(*body)).collect();
        chunks(&ops, 10).iter().map(|chunk| chunk.len()).collect()
    };
    let frame = ITEM_FRAME + "/p".len();
    // two items that fill a request to the last byte: base64 makes four bytes of three
    let half = (REQUEST_LIMIT / 2 - frame) / 4 * 3;
    let rest = REQUEST_LIMIT - 2 * (half / 3 * 4 + frame);
    assert!(rest < 8 && half <= ITEM_LIMIT);
    let path = |extra: usize| {
        let mut ops = vec![op(half), op(half)];
        ops[1].path = "p".repeat("/p".len() + rest + extra);
        chunks(&ops, 10).iter().map(|chunk| chunk.len()).collect::<Vec<_>>()
    };
    assert_eq!((path(0), path(1)), (vec![2], vec![1, 1]));
    assert_eq!(sizes(&[1, ITEM_LIMIT, 1]), [3], "{ITEM_LIMIT} bytes are not too many");
    assert_eq!(sizes(&[1, ITEM_LIMIT + 1, 1]), [1, 1, 1]);
    assert_eq!(sizes(&[ITEM_LIMIT + 1]), [1], "no chunk is empty");
    assert_eq!(sizes(&[1; 10]), [10]);
    assert_eq!(sizes(&[1; 21]), [10, 10, 1]);
    assert_eq!(sizes(&[]), [0; 0]);
}
