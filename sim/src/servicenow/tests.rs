//! Each group of numbered behaviours, driven over real HTTP.

mod aggregate;
mod client;
mod faults;
mod fuzz;
mod import;
mod second_stage;
mod table;
mod token;

use std::time::Duration;

use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use self::client::{Client, Method, Response};
use super::{ServiceNowOptions, ServiceNowSim};

/// A simulator, a client and a token for it.
struct Bench {
    sim: ServiceNowSim,
    http: Client,
    token: String,
}

impl Bench {
    async fn new(options: ServiceNowOptions) -> Self {
        let sim = ServiceNowSim::start(options).expect("simulator");
        let http = Client::new(sim.ca_pem());
        let mut bench = Self { sim, http, token: String::new() };
        bench.log_on().await;
        bench
    }

    async fn log_on(&mut self) {
        let answer = self.ask_token(&[]).await;
        self.token = body(&answer)["access_token"].as_str().unwrap_or_default().to_owned();
    }

    /// Asks for a token; `change` replaces fields of the form.
    async fn ask_token(&self, change: &[(&str, &str)]) -> Response {
        let options = self.sim.options();
        let mut form =
            vec![("grant_type", "client_credentials"), ("client_id", &options.client_id), ("client_secret", &options.client_secret)];
        for (name, value) in change {
            form.retain(|(old, _)| old != name);
            form.push((name, value));
        }
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let url = self.sim.url().join("oauth_token.do").expect("url");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.http.send(Method::POST, &url, &headers, Bytes::from(form)).await.expect("answer")
    }

    async fn try_send(&self, method: Method, path: &str, more: &[(&str, &str)], body: Bytes) -> Result<Response, String> {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", bearer.as_str()), ("accept", "application/json"), ("content-type", "application/json")];
        for (name, value) in more {
            headers.retain(|(old, _)| old != name);
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        self.http.send(method, &self.sim.url().join(path).expect("url"), &headers, body).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.try_send(method, path, &[], body).await.expect("answer")
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, &Value::Null).await
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, body).await
    }

    /// Stages one row; the only entry of the answer.
    async fn import(&self, table: &str, row: &Value) -> Value {
        let answer = self.post(&format!("/api/now/import/{table}"), row).await;
        assert_eq!(answer.status, 201, "{}", answer.excerpt());
        body(&answer)["result"][0].clone()
    }

    /// Sends items `(id, method, url, body)` as one batch; the answer with bodies decoded.
    async fn batch(&self, items: &[(&str, &str, &str, Value)], ordered: bool) -> Value {
        let items: Vec<Value> = items
            .iter()
            .map(|(id, method, url, body)| {
                let headers =
                    json!([{"name": "Content-Type", "value": "application/json"}, {"name": "Accept", "value": "application/json"}]);
                json!({"id": id, "method": method, "url": url, "headers": headers, "body": STANDARD.encode(body.to_string())})
            })
            .collect();
        let answer =
            self.post("/api/now/v1/batch", &json!({"batch_request_id": 7, "enforce_order": ordered, "rest_requests": items})).await;
        assert_eq!(answer.status, 200, "{}", answer.excerpt());
        let mut answer = body(&answer);
        for item in answer["serviced_requests"].as_array_mut().into_iter().flatten() {
            let text = STANDARD.decode(item["body"].as_str().unwrap_or_default()).expect("base64");
            item["body"] = serde_json::from_slice(&text).unwrap_or(Value::Null);
        }
        answer
    }
}

fn body(answer: &Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.excerpt()))
}

/// The one row of a list.
fn rows(answer: &Response) -> Vec<Value> {
    body(answer)["result"].as_array().cloned().unwrap_or_else(|| panic!("no list: {}", answer.excerpt()))
}

fn serviced<'a>(batch: &'a Value, id: &str) -> Option<&'a Value> {
    batch["serviced_requests"].as_array()?.iter().find(|item| item["id"] == id)
}
