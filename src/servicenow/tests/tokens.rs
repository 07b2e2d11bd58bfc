//! The token request.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use super::support::*;
use crate::credentials::secret::Credential;
use crate::net::HttpClient;
use crate::retry::Class;
use crate::servicenow::*;
use crate::telemetry::labels::System;

async fn fetch(
    scope: Option<&str>,
    script: impl FnMut(&ReceivedRequest) -> Reply + Send + 'static,
) -> (Result<TokenAnswer, ServiceNowError>, ReceivedRequest) {
    let server = Server::start(script);
    let mut settings = server.settings();
    settings.scope = scope.map(str::to_owned);
    let http = HttpClient::new(System::ServiceNow, &settings.connection).unwrap();
    let credential = Credential::new("client id", "s&cret=1".into());
    let answer = fetch_token(&http, &settings, &credential).await;
    (answer, server.seen().remove(0))
}

#[actix_rt::test]
async fn a_token_is_asked_for_by_form() {
    let good = |_: &ReceivedRequest| {
        reply(200, json!({"scope": "useraccount", "token_type": "Bearer", "expires_in": 1799, "access_token": "sesame"}))
    };
    let (answer, seen) = fetch(Some("useraccount"), good).await;
    let answer = answer.unwrap();
    assert_eq!((answer.access_token.expose_secret(), answer.expires_in), ("sesame", Some(Duration::from_secs(1799))));
    assert!(seen.is("POST", "/oauth_token.do"));
    assert_eq!(seen.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(seen.body, "grant_type=client_credentials&client_id=client+id&client_secret=s%26cret%3D1&scope=useraccount");
    assert!(!seen.headers.contains_key("authorization"));

    let (answer, _) = fetch(None, |_| reply(200, json!({"access_token": "t", "expires_in": "60"}))).await;
    assert_eq!(answer.unwrap().expires_in, Some(Duration::from_secs(60)));
    let (answer, _) = fetch(None, |_| reply(200, json!({"access_token": "t"}))).await;
    assert_eq!(answer.unwrap().expires_in, None);
}

#[actix_rt::test]
async fn a_refusal_says_what_to_check_and_trouble_passes() {
    let (answer, _) = fetch(None, |_| reply(401, json!({"error_description": "access_denied", "error": "server_error"}))).await;
    let error = answer.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.class(), Class::Permanent);
    for word in ["server_error: access_denied", "client.credential.grant_type.enabled", "application user", "client id"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(!text.contains("s&cret") && !text.contains("s%26cret"), "{text}");

    let scripts: [fn() -> Reply; 5] =
        [|| page(200), || page(503), || Reply::Cut, || refusal(500, "x", ""), || Reply::Http(200, vec![], r#"{"access_token":"a"#.into())];
    for (at, script) in scripts.into_iter().enumerate() {
        let (answer, _) = fetch(None, move |_| script()).await;
        assert_eq!(answer.unwrap_err().class(), Class::Transient, "{at}");
    }
    let (answer, _) = fetch(None, |_| Reply::Http(429, vec![("Retry-After", "3".into())], String::new())).await;
    assert_eq!(answer.unwrap_err().retry_after(), Some(Duration::from_secs(3)));
    let (answer, _) = fetch(None, |_| reply(200, json!({"token_type": "Bearer"}))).await;
    assert!(answer.unwrap_err().to_string().contains("`access_token`"));
}
