//! Items 1 to 10: the token endpoint, authentication, sessions.

use super::*;

#[actix_rt::test]
async fn a_token_is_given_reused_and_runs_out() {
    let bench = Bench::new(ServiceNowOptions { token_lifetime: Duration::from_millis(1500), ..Default::default() }).await;
    let first = bench.ask_token(&[]).await;
    let answer = body(&first);
    assert_eq!((first.status, &answer["scope"], &answer["token_type"]), (200, &json!("useraccount"), &json!("Bearer")));
    assert_eq!((&answer["expires_in"], answer.get("refresh_token")), (&json!(1), None));
    assert_eq!(answer["access_token"], bench.token.as_str(), "a repeated request gives the same token");
    assert_eq!(bench.sim.token_requests(), 2);
    assert_eq!(bench.get("/api/now/table/cmn_cost_center").await.status, 200);
    let end = std::time::Instant::now() + Duration::from_secs(10);
    let refused = loop {
        let answer = bench.get("/api/now/table/cmn_cost_center").await;
        if answer.status != 200 || std::time::Instant::now() > end {
            break answer;
        }
    };
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), Some("BASIC realm=\"Service-now\""));
    let expected =
        json!({"error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}, "status": "failure"});
    assert_eq!(body(&refused), expected);
    assert_ne!(body(&bench.ask_token(&[]).await)["access_token"], bench.token.as_str());
}

#[actix_rt::test]
async fn a_fresh_token_of_thirty_minutes_says_so() {
    let bench = Bench::new(ServiceNowOptions { token_reuse: false, refresh_token: true, ..Default::default() }).await;
    let answer = body(&bench.ask_token(&[]).await);
    assert!([1799, 1800].contains(&answer["expires_in"].as_u64().expect("number")), "{answer}");
    assert_ne!(answer["access_token"], bench.token.as_str());
    let refresh = answer["refresh_token"].as_str().expect("refresh token");
    let again = bench.ask_token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!((again.status, body(&again).get("refresh_token")), (200, None));
}

#[actix_rt::test]
async fn every_refusal_reads_the_same() {
    let denied = json!({"error_description": "access_denied", "error": "server_error"});
    let bench = Bench::new(ServiceNowOptions::default()).await;
    for change in [("client_secret", "x"), ("client_id", "x"), ("grant_type", "password")] {
        let answer = bench.ask_token(&[change]).await;
        assert_eq!((answer.status, body(&answer)), (401, denied.clone()), "{change:?}");
    }
    let answer = bench.post("/oauth_token.do", &json!({"grant_type": "client_credentials"})).await;
    assert_eq!((answer.status, body(&answer)), (401, denied.clone()), "a JSON body");
    let off = Bench::new(ServiceNowOptions { client_credentials_enabled: false, ..Default::default() }).await;
    assert_eq!(off.ask_token(&[]).await.status, 401);
}

#[actix_rt::test]
async fn the_client_may_use_a_basic_header_only_where_that_is_on() {
    for (basic_client, status) in [(false, 401), (true, 200)] {
        let bench = Bench::new(ServiceNowOptions { basic_client, ..Default::default() }).await;
        let url = bench.sim.url().join("oauth_token.do").expect("url");
        let basic = format!("Basic {}", STANDARD.encode("tieline:simulated-secret"));
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", basic.as_str())];
        let body = Bytes::from_static(b"grant_type=client_credentials");
        assert_eq!(bench.http.send(Method::POST, &url, &headers, body).await.expect("answer").status, status);
    }
}

#[actix_rt::test]
async fn tokens_can_be_revoked() {
    let mut bench = Bench::new(ServiceNowOptions::default()).await;
    bench.sim.revoke_tokens();
    assert_eq!(bench.get("/api/now/table/proc_po").await.status, 401);
    bench.log_on().await;
    assert_eq!(bench.get("/api/now/table/proc_po").await.status, 200);
    let url = format!("/oauth_revoke_token.do?token={}", bench.token);
    assert_eq!(bench.try_send(Method::GET, &url, &[("authorization", "")], Bytes::new()).await.expect("answer").status, 200);
    assert_eq!(bench.get("/api/now/table/proc_po").await.status, 401);
}

#[actix_rt::test]
async fn it_is_served_over_tls() {
    let bench = Bench::new(ServiceNowOptions { tls: true, ..Default::default() }).await;
    assert_eq!(bench.sim.url().scheme(), "https");
    assert_eq!(bench.get("/api/now/table/proc_po").await.status, 200);
}

#[actix_rt::test]
async fn a_client_that_keeps_its_session_is_run_one_call_at_a_time() {
    let bench = Bench::new(ServiceNowOptions { record_time: Duration::from_millis(100), ..Default::default() }).await;
    let first = bench.get("/api/now/table/proc_po").await;
    let cookie = first.headers.get_all("set-cookie").next().and_then(|value| value.to_str().ok()).expect("cookie");
    let cookie = cookie.split(';').next().expect("name").to_owned();
    let start = std::time::Instant::now();
    let headers = [("cookie", cookie.as_str())];
    let calls = (0..20).map(|_| bench.try_send(Method::GET, "/api/now/table/proc_po", &headers, Bytes::new()));
    let answers = futures_util::future::join_all(calls).await;
    let dropped = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 202)).count();
    let done = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)).count();
    assert!(dropped >= 5 && done >= 10 && dropped + done == 20, "{dropped} dropped, {done} done");
    assert!(start.elapsed() >= Duration::from_millis(100) * done as u32, "calls of one session ran side by side");
    assert_eq!(bench.sim.cookies_seen(), 20);
}
