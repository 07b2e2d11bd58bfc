//! The Batch API: items run one after another and independently, until the time budget ends.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::Fault;

use super::fault_answer::{failure_of, replaced};
use super::instance::{Instance, kind};
use super::reply::{Call, Reply, Work};

#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(default)]
    batch_request_id: Value,
    rest_requests: Vec<Item>,
    #[serde(default)]
    enforce_order: bool,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(default)]
    id: Value,
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    exclude_response_headers: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    batch_request_id: String,
    serviced_requests: Vec<Serviced>,
    unserviced_requests: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Serviced {
    id: String,
    body: String,
    status_code: u16,
    status_text: &'static str,
    headers: Vec<Header>,
    execution_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

/// Identifiers come back as text, whatever they were.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `POST /api/now/batch`
pub(super) fn handle(instance: &Instance, call: &Call, authorization: Option<&str>, work: &mut Work) -> Reply {
    if call.method != "POST" {
        return if call.method == "HEAD" { Reply::empty(200) } else { Reply::error(405, "Method not supported", None) };
    }
    let mut batch: Batch = match serde_json::from_slice(&call.body) {
        Ok(batch) => batch,
        Err(error) => return Reply::unreadable(&error.to_string()),
    };
    let options = &instance.options;
    if options.shuffle_batch && !batch.enforce_order {
        instance.store().random.shuffle(&mut batch.rest_requests);
    }
    let limit = call.output_limit.map_or(options.batch_output_limit, |limit| limit.min(options.batch_output_limit));
    let (start, mut unserviced) = (Instant::now(), Vec::new());
    let mut serviced = Vec::with_capacity(batch.rest_requests.len());
    let mut cancelled = false;
    for item in batch.rest_requests {
        let id = text(&item.id);
        if cancelled {
            unserviced.push(id);
            continue;
        }
        let spent = start.elapsed() + options.record_time * work.records;
        cancelled = spent + options.record_time > options.batch_budget;
        if cancelled && !options.cancelled_item_commits {
            work.records += 1;
        }
        let reply =
            if cancelled && !options.cancelled_item_commits { Reply::cancelled() } else { run(instance, call, &item, authorization, work) };
        if cancelled && !options.cancelled_item_serviced {
            unserviced.push(id);
            continue;
        }
        let reply = if cancelled { Reply::cancelled() } else { reply };
        serviced.push(answer(id, reply, &item, limit, options.record_time));
    }
    let answer = Answer { batch_request_id: text(&batch.batch_request_id), serviced_requests: serviced, unserviced_requests: unserviced };
    match serde_json::to_vec(&answer) {
        Ok(body) => Reply { status: 200, headers: Vec::new(), json: true, body },
        Err(error) => Reply::error(500, "Internal error", Some(&error.to_string())),
    }
}

fn run(instance: &Instance, outer: &Call, item: &Item, authorization: Option<&str>, work: &mut Work) -> Reply {
    let options = &instance.options;
    let header = |name: &str| item.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.clone());
    let Ok(body) = STANDARD.decode(item.body.as_deref().unwrap_or_default()) else {
        return Reply::error(400, "Exception while reading request", Some("The body is not base64"));
    };
    if body.len() > options.batch_item_limit {
        return Reply::error(
            400,
            "Request payload too large",
            Some(&format!("{} bytes, at most {}", body.len(), options.batch_item_limit)),
        );
    }
    let mut call = Call {
        method: item.method.to_ascii_uppercase(),
        inside: true,
        content_type: header("Content-Type"),
        accept: header("Accept"),
        no_body: header("X-no-response-body").as_deref() == Some("true"),
        base: outer.base.clone(),
        body,
        ..Call::default()
    };
    call.set_url(&item.url);
    if call.path == "/api/now/batch" {
        return Reply::error(400, "Requested URI does not represent any resource", Some(&call.path));
    }
    // faults of single items are rules whose path begins with `batch:`
    let text = String::from_utf8_lossy(&call.body).into_owned();
    let fault = instance.faults.next_with(&call.method, &format!("batch:{}", call.path), &text);
    if fault == Some(Fault::Named("revoke_tokens".to_owned())) {
        instance.tokens().revoke_all();
    }
    if options.check_token_per_item && !instance.tokens().accepts(authorization) {
        return Reply::not_authenticated();
    }
    instance.count(&format!("batched {}", kind(&call)));
    if options.rate_inner
        && let Err(reply) = instance.rated(&call.path)
    {
        return reply;
    }
    match fault {
        Some(Fault::Named(named)) => {
            let reply = instance.dispatch(&call, work);
            if reply.status < 400 { replaced(&named, &reply).unwrap_or(reply) } else { reply }
        }
        None | Some(Fault::Slow(_) | Fault::Held) => instance.dispatch(&call, work),
        Some(Fault::StatusAfterCommit(status)) => {
            let done = work.commits;
            let reply = instance.dispatch(&call, work);
            instance.undelivered(work.commits - done);
            if reply.status < 400 { failure_of(status) } else { reply }
        }
        Some(Fault::Status(status)) => failure_of(status),
        Some(fault) => failure_of(if matches!(fault, Fault::RetryAfter(_)) { 429 } else { 500 }),
    }
}

/// The decoded bodies of all items of a batch, for fault rules that match on bodies.
pub(super) fn texts(body: &[u8]) -> String {
    let Ok(batch) = serde_json::from_slice::<serde_json::Value>(body) else { return String::new() };
    let items = batch["rest_requests"].as_array().into_iter().flatten().filter_map(|item| item["body"].as_str());
    items.filter_map(|item| STANDARD.decode(item).ok()).map(|item| String::from_utf8_lossy(&item).into_owned() + "\n").collect()
}

fn answer(id: String, mut reply: Reply, item: &Item, limit: usize, time: Duration) -> Serviced {
    let mut error_message = None;
    if reply.body.len() > limit {
        reply.body.truncate(limit);
        error_message = Some(format!("Response body exceeded the maximum of {limit} bytes"));
    }
    let mut headers = Vec::new();
    if !item.exclude_response_headers {
        if reply.json {
            headers.push(Header { name: "Content-Type".into(), value: "application/json;charset=UTF-8".into() });
        }
        headers.extend(reply.headers.into_iter().map(|(name, value)| Header { name: name.into(), value }));
    }
    let status = actix_web::http::StatusCode::from_u16(reply.status).ok();
    Serviced {
        id,
        body: STANDARD.encode(&reply.body),
        status_code: reply.status,
        status_text: status.and_then(|status| status.canonical_reason()).unwrap_or_default(),
        headers,
        execution_time: (time.as_millis() as u64).max(1),
        error_message,
    }
}
