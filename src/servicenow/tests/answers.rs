//! What each kind of answer means for one record, and what every request contains.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;

use super::support::*;
use crate::retry::Class;
use crate::servicenow::*;

async fn one(script: impl FnMut(&ReceivedRequest) -> Reply + Send + 'static) -> (Result<Outcome, ServiceNowError>, Server, Tokens) {
    let (server, tokens) = (Server::start(script), Tokens::default());
    let sent = server.client().send(&tokens, &staging(), &records(1)).await;
    (sent.map(|mut outcomes| outcomes.remove(0)), server, tokens)
}

#[actix_rt::test]
async fn every_request_carries_the_token_and_the_formats_and_never_a_cookie() {
    let server = Server::start(|_| reply(201, inserted("id1")));
    let (client, tokens) = (server.client(), Tokens::default());
    for _ in 0..2 {
        client.send(&tokens, &staging(), &records(1)).await.unwrap();
    }
    client.find_by_key(&tokens, &staging(), &["k".into()]).await.unwrap_err();
    let seen = server.seen();
    assert!(seen.len() >= 3);
    for request in &seen {
        assert_eq!(request.headers["authorization"], "Bearer token-1");
        assert_eq!(
            (request.headers["accept"].as_str(), request.headers["content-type"].as_str()),
            ("application/json", "application/json")
        );
        assert!(request.headers["accept-encoding"].contains("gzip"));
        assert!(!request.headers.contains_key("cookie"), "the server set one with every answer");
    }
    assert_eq!(tokens.asked.get(), seen.len(), "asked for before every request");
    let body = seen[0].json();
    assert_eq!(
        (&body["u_source_key"], &body["u_source_version"], &body["u_amount"]),
        (&json!("EDU1/e/0001"), &json!(version_of(3)), &json!("12.50"))
    );
}

#[actix_rt::test]
async fn a_refused_token_is_replaced_once() {
    let unauthorized = || refusal(401, "User Not Authenticated", "Required to provide Auth information");
    let fresh_only = move |seen: &ReceivedRequest| {
        if seen.headers["authorization"].ends_with("-1") { unauthorized() } else { reply(201, inserted("id1")) }
    };
    let (outcome, server, tokens) = one(fresh_only).await;
    assert!(matches!(outcome.unwrap(), Outcome::Confirmed { .. }));
    assert_eq!((server.writes().len(), tokens.refused.borrow().as_slice()), (2, &[1][..]));

    let (outcome, server, tokens) = one(move |_| unauthorized()).await;
    let error = outcome.unwrap_err();
    assert!(matches!(&error, ServiceNowError::Unauthorized { what } if what == "POST /api/now/import/x_stage"), "{error:?}");
    assert!(error.to_string().contains("auth scope"));
    assert_eq!((server.writes().len(), tokens.refused.borrow().len()), (2, 2));
}

#[actix_rt::test]
async fn answers_that_prove_nothing_leave_the_record_unknown() {
    let broken = r#"{"import_set":"I","result":[{"status":"inserted"},"#;
    let scripts: Vec<(&str, fn() -> Reply)> = vec![
        ("500", || refusal(500, "Transaction cancelled: maximum execution time exceeded", "")),
        ("502 page", || page(502)),
        ("hibernating", || page(200)),
        ("page with 403", || page(403)),
        ("failure in 200", || refusal(200, "x", "y")),
        ("partial result and error", || {
            reply(200, json!({"result": [{"status": "inserted", "sys_id": "a"}], "error": {"message": "cancelled"}}))
        }),
        ("202", || reply(202, json!({}))),
        ("no result", || reply(201, json!({"import_set": "I"}))),
        ("empty result", || reply(201, json!({"result": []}))),
        ("empty body", || Reply::Http(201, vec![], String::new())),
        ("redirect", || Reply::Http(302, vec![("Location", "/login.do".into())], String::new())),
        ("cut", || Reply::Cut),
        ("silence", || Reply::Hang),
    ];
    for (name, script) in scripts {
        let (outcome, server, _) = one(move |_| script()).await;
        assert!(matches!(outcome, Ok(Outcome::Unknown { .. })), "{name}: {outcome:?}");
        assert_eq!(server.seen().len(), 1, "{name}: a write is never repeated by itself");
    }
    let (outcome, ..) = one(move |_| Reply::Http(200, vec![("Content-Type", "application/json".into())], broken.into())).await;
    assert!(matches!(outcome, Ok(Outcome::Unknown { .. })), "{outcome:?}");
}

#[actix_rt::test]
async fn an_instance_that_asks_for_time_says_how_much_or_does_not() {
    async fn wait(headers: Vec<(&'static str, String)>, body: &'static str) -> Option<Duration> {
        match one(move |_| Reply::Http(429, headers.clone(), body.into())).await.0 {
            Ok(Outcome::Deferred { retry_after, throttled: true, .. }) => retry_after,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        wait(vec![("Retry-After", "17".into())], r#"{"error":{"message":"Rate limit exceeded"}}"#).await,
        Some(Duration::from_secs(17))
    );
    let date = (Utc::now() + chrono::Duration::seconds(100)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let by_date = wait(vec![("Retry-After", date)], "{}").await.unwrap();
    assert!(by_date > Duration::from_secs(90) && by_date <= Duration::from_secs(100), "{by_date:?}");
    assert_eq!(wait(vec![], "too busy").await, None, "a full semaphore queue sends neither header nor JSON");
}

#[actix_rt::test]
async fn without_a_connection_nothing_was_sent() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let client = ServiceNow::new(&settings(&free)).unwrap();
    for count in [1, 3] {
        for outcome in client.send(&Tokens::default(), &staging(), &records(count)).await.unwrap() {
            assert!(matches!(outcome, Outcome::Deferred { throttled: false, .. }), "{outcome:?}");
        }
    }
}

#[actix_rt::test]
async fn trouble_that_is_no_record_s_fault_is_an_error() {
    let (outcome, ..) = one(|_| refusal(400, "Invalid table x_stage", "")).await;
    let error = outcome.unwrap_err();
    assert!(matches!(&error, ServiceNowError::UnknownTable { table, block, .. } if table == "x_stage" && block == "header"), "{error:?}");
    assert_eq!(error.class(), Class::Permanent);

    let (outcome, ..) = one(|_| refusal(403, "User Not Authorized", "Failed API level ACL Validation")).await;
    assert!(matches!(outcome, Err(ServiceNowError::Forbidden { .. })), "{outcome:?}");

    let (server, tokens) = (Server::start(|_| reply(201, inserted("x"))), Tokens::default());
    tokens.broken.set(true);
    let error = server.client().send(&tokens, &staging(), &records(3)).await.unwrap_err();
    assert_eq!((error.class(), server.seen().len()), (Class::Transient, 0));
}
