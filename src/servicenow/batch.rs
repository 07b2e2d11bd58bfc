//! Many writes in few requests through the Batch API; single requests where the instance does not have it.
//!
//! The order within a batch is not documented, and a batch is not a transaction: each item succeeds or fails alone.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::StreamExt;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::domain::json_text;
use crate::net::Method;
use crate::redact::Quoted;

use super::batch_route::BatchRoute;
use super::error::ServiceNowError;
use super::token::TokenSource;
use super::transport::{Answer, Judged, Op, Transport, What, judge, retry_after, unanswered};
use super::wire::{self, Body, Serviced, Words, read_body, scalar};

/// The largest request sent, in bytes; the documented ceiling is 10 MB.
pub(super) const REQUEST_LIMIT: usize = 8_000_000;

/// Larger items are sent alone; the documented limit of one item is 5 MB.
pub(super) const ITEM_LIMIT: usize = 4_000_000;

/// Concurrent single requests where there is no Batch API.
const SINGLES_AT_ONCE: usize = 8;

/// Headers, punctuation and ids of one item, in bytes.
pub(super) const ITEM_FRAME: usize = 300;

/// Performs the writes: one judgement per write, in order. Writes that are sent alone come last.
pub(super) async fn perform(transport: &Transport, tokens: &dyn TokenSource, ops: Vec<Op>) -> Vec<Judged> {
    let (alone, together): (Vec<(usize, Op)>, Vec<(usize, Op)>) = ops.into_iter().enumerate().partition(|(_, op)| op.alone);
    let (mut places, together): (Vec<usize>, Vec<Op>) = together.into_iter().unzip();
    let (places_alone, alone): (Vec<usize>, Vec<Op>) = alone.into_iter().unzip();
    let mut judged = Vec::with_capacity(together.len() + alone.len());
    for chunk in chunks(&together, transport.settings().batch_limit.max(1)) {
        let stop = judged.last().and_then(abort_reason);
        match stop {
            Some(stop) => judged.extend(chunk.iter().map(|_| stop.again())),
            None => judged.extend(perform_chunk(transport, tokens, chunk).await),
        }
    }
    // one lost answer shows nothing about the writes that are sent alone
    match judged.last().filter(|last| !matches!(last, Judged::Doubt(_))).and_then(abort_reason) {
        Some(stop) => judged.extend(alone.iter().map(|_| stop.again())),
        None => judged.extend(singles(transport, tokens, &alone).await),
    }
    places.extend(places_alone);
    let mut judged: Vec<(usize, Judged)> = places.into_iter().zip(judged).collect();
    judged.sort_by_key(|(place, _)| *place);
    judged.into_iter().map(|(_, judged)| judged).collect()
}

/// Whether the instance handled the record itself, and did not reject the request as it may reject batches.
fn got_through(judged: &Judged) -> bool {
    match judged {
        Judged::Done(_) => true,
        Judged::Refused { status, .. } => !matches!(status, 403 | 405 | 406 | 415),
        _ => false,
    }
}

async fn perform_chunk(transport: &Transport, tokens: &dyn TokenSource, ops: &[Op]) -> Vec<Judged> {
    let rests = transport.learned().batch_after.get().is_some_and(|after| Instant::now() < after);
    if ops.len() > 1 && rests {
        let judged = singles(transport, tokens, ops).await;
        // if single requests fail as well, the Batch API is not the cause
        if !judged.iter().any(got_through) {
            transport.learned().batch_after.set(None);
        }
        return judged;
    }
    if ops.len() > 1 {
        // tries at most both routes
        while let (route, Some(path)) = (transport.learned().batch_route.get(), transport.learned().batch_route.get().path()) {
            match batch(transport, tokens, path, ops).await {
                Batched::Judged(judged) => return judged,
                Batched::Unsupported(words) => {
                    // another call may have learned it in the meantime
                    let first = transport.learned().batch_route.get() == route;
                    if first {
                        transport.learned().batch_route.set(route.next());
                    }
                    if first && route.next() == BatchRoute::None {
                        warn!(%words, "the instance has no usable Batch API; records are sent one by one from now on");
                    }
                }
                Batched::TurnedAway(words) => {
                    let judged = singles(transport, tokens, ops).await;
                    // if a record is also rejected when sent alone, the record is the cause; if all succeed, it is the Batch API
                    if judged.iter().all(got_through) {
                        let again = transport.settings().batch_again;
                        transport.learned().batch_after.set(Some(Instant::now() + again));
                        warn!(%words, minutes = again.as_secs() / 60, "the instance refuses batches; records are sent one by one until the \
                             next trial");
                    } else {
                        warn!(%words, items = ops.len(), "a batch was rejected; its records were sent one by one");
                    }
                    return judged;
                }
                Batched::RefusedWhole(words) => {
                    warn!(%words, items = ops.len(), "a batch was refused as a whole; its records are sent one by one");
                    break;
                }
            }
        }
    }
    singles(transport, tokens, ops).await
}

/// Splits writes into groups that fit into one request.
pub(super) fn chunks(ops: &[Op], limit: usize) -> Vec<&[Op]> {
    let mut chunks = Vec::new();
    let (mut from, mut size) = (0, 0);
    for (at, op) in ops.iter().enumerate() {
        let own = op.body.len().div_ceil(3) * 4 + op.path.len() + ITEM_FRAME;
        let alone = op.body.len() > ITEM_LIMIT;
        let full = at - from >= limit || size + own > REQUEST_LIMIT || alone;
        if full && at > from {
            chunks.push(&ops[from..at]);
            (from, size) = (at, 0);
        }
        size += own;
        if alone {
            size = REQUEST_LIMIT;
        }
    }
    if from < ops.len() {
        chunks.push(&ops[from..]);
    }
    chunks
}

/// Reasons to send nothing more: the instance asks for a pause, cannot be reached, or rejects the credential.
enum Stop {
    Throttled(Quoted, Option<std::time::Duration>),
    NotSent(Quoted),
    Failed(ServiceNowError),
}

impl Stop {
    fn again(&self) -> Judged {
        match self {
            Stop::Throttled(words, retry_after) => Judged::Throttled { words: words.clone(), retry_after: *retry_after },
            Stop::NotSent(message) => Judged::NotSent(message.clone()),
            Stop::Failed(error) => Judged::Failed(error.clone()),
        }
    }
}

fn abort_reason(judged: &Judged) -> Option<Stop> {
    match judged {
        Judged::Throttled { words, retry_after } => Some(Stop::Throttled(words.clone(), *retry_after)),
        Judged::NotSent(message) => Some(Stop::NotSent(message.clone())),
        Judged::Doubt(message) => Some(Stop::NotSent(format!("not sent, because the request before it failed ({message})").into())),
        Judged::Failed(error) => Some(Stop::Failed(error.clone())),
        _ => None,
    }
}

async fn singles(transport: &Transport, tokens: &dyn TokenSource, ops: &[Op]) -> Vec<Judged> {
    let stop: RefCell<Option<Stop>> = RefCell::default();
    let one = async |op: &Op| {
        if let Some(stop) = &*stop.borrow() {
            return stop.again();
        }
        let judged = transport.write(tokens, op).await;
        // one lost answer shows nothing about the others
        if let (Some(found), false) = (abort_reason(&judged), matches!(judged, Judged::Doubt(_))) {
            stop.replace(Some(found));
        }
        judged
    };
    futures_util::stream::iter(ops).map(one).buffered(SINGLES_AT_ONCE).collect().await
}

enum Batched {
    Judged(Vec<Judged>),
    /// This instance has no such API.
    Unsupported(Quoted),
    /// Refused for a reason that may be the instance's, a firewall's, or one record's: this does not prove that there is no such API.
    TurnedAway(Quoted),
    RefusedWhole(Quoted),
}

async fn batch(transport: &Transport, tokens: &dyn TokenSource, path: &str, ops: &[Op]) -> Batched {
    let body = body_of(&uuid::Uuid::now_v7().simple().to_string(), ops);
    let all = |judged: &dyn Fn() -> Judged| Batched::Judged(ops.iter().map(|_| judged()).collect());
    let answer = match transport.call(tokens, &Method::POST, path, body.into()).await {
        Ok(answer) => answer,
        Err(error) => return all(&|| unanswered(error.clone())),
    };
    let outer = What::of(&Method::POST, path);
    if matches!(answer.status, 200..=299)
        && let Some(judged) = read_batch(tokens, ops, &answer)
    {
        return Batched::Judged(judged);
    }
    let refusal = |body: &[u8]| if let Body::Failure(words) = read_body(body) { words } else { Words::default() };
    match answer.status {
        403 | 405 | 406 | 415 => Batched::TurnedAway(format!("status {}: {}", answer.status, refusal(&answer.body).line()).into()),
        404 | 410 | 501 => Batched::Unsupported(format!("status {}: {}", answer.status, refusal(&answer.body).line()).into()),
        400 if refusal(&answer.body).say("does not represent any resource") => {
            Batched::Unsupported(format!("status 400: {}", refusal(&answer.body).line()).into())
        }
        400 | 413 | 422 => Batched::RefusedWhole(format!("status {}: {}", answer.status, refusal(&answer.body).line()).into()),
        200..=299 => all(&|| match judge(outer, &answer) {
            Judged::Done(_) => Judged::Doubt(format!("{outer}: status {} without the members of a batch answer", answer.status).into()),
            other => other,
        }),
        _ => all(&|| match judge(outer, &answer) {
            Judged::Refused { status, words } => Judged::NotSent(format!("{outer}: status {status}: {}", words.line()).into()),
            other => other,
        }),
    }
}

/// `POST /api/now/v1/batch`, as sent. `id`: the answer returns it. The bodies are in base64, which needs no escapes, so each is encoded
/// where it is sent from. Inner requests need `Accept` and `Content-Type` too. Without response headers, a 429 inside would not say how long
/// to wait.
fn body_of(id: &str, ops: &[Op]) -> Vec<u8> {
    const HEADERS: &str = r#"[{"name":"Accept","value":"application/json"},{"name":"Content-Type","value":"application/json"}]"#;
    let mut out =
        String::with_capacity(ops.iter().map(|op| op.body.len().div_ceil(3) * 4 + op.path.len() + ITEM_FRAME).sum::<usize>() + 100);
    out.push_str(r#"{"batch_request_id":"#);
    json_text::write(&mut out, id);
    out.push_str(r#","rest_requests":["#);
    for (at, op) in ops.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(r#"{"id":"#);
        json_text::write(&mut out, &(at + 1).to_string());
        out.push_str(r#","method":"#);
        json_text::write(&mut out, op.method.as_str());
        out.push_str(r#","url":"#);
        json_text::write(&mut out, &op.path);
        out.push_str(r#","headers":"#);
        out.push_str(HEADERS);
        out.push_str(r#","body":""#);
        BASE64_STANDARD.encode_string(&op.body, &mut out);
        out.push_str(r#"","exclude_response_headers":false}"#);
    }
    out.push_str("]}");
    out.into_bytes()
}

/// One judgement per item; `None` when the answer is not a batch answer.
pub(super) fn read_batch(tokens: &dyn TokenSource, ops: &[Op], answer: &Answer) -> Option<Vec<Judged>> {
    let response = wire::read_batch(&answer.body)?;
    if response.serviced_requests.is_none() && response.unserviced_requests.is_none() {
        return None;
    }
    let id = |raw: &RawValue| scalar(raw).trim().to_owned();
    let unserviced = response.unserviced_requests.unwrap_or_default().0;
    let unserviced: Vec<String> = unserviced.iter().map(|raw| id(raw)).collect();
    let serviced = response.serviced_requests.unwrap_or_default().0;
    let serviced: HashMap<String, &Serviced<'_>> = serviced.iter().map(|item| (id(item.id), item)).collect();
    let mut refused = false;
    let judged = ops.iter().enumerate().map(|(at, op)| {
        let id = (at + 1).to_string();
        let judged = match serviced.get(&id) {
            Some(item) => judge_item(op, item, answer),
            None if unserviced.contains(&id) => Judged::NotSent("the batch ended before this record's turn".into()),
            None => Judged::Doubt("the batch's answer does not name this record".into()),
        };
        refused |= matches!(judged, Judged::Refused { status: 401, .. });
        match judged {
            Judged::Refused { status: 401, .. } => Judged::NotSent("the token was refused within the batch".into()),
            other => other,
        }
    });
    let judged = judged.collect();
    if refused {
        tokens.refused(answer.generation);
    }
    debug!(items = ops.len(), serviced = serviced.len(), unserviced = unserviced.len(), "batch answered");
    Some(judged)
}

fn judge_item(op: &Op, item: &Serviced<'_>, batch: &Answer) -> Judged {
    let number = |raw: &RawValue| scalar(raw).trim().parse::<u16>().ok();
    let Some(status) = item.status_code.and_then(number) else {
        let words = item.error_message.map(scalar).unwrap_or_default();
        return Judged::Doubt(format!("the batch's answer has no status for this record {words}").trim_end().into());
    };
    let asked_to_wait = || {
        let headers: HashMap<String, String> = item.headers.iter().flat_map(|few| &few.0).map(header).collect();
        retry_after(|name| headers.get(&name.to_ascii_lowercase()).map(String::as_str))
    };
    // only a 429 says how long to wait
    let retry_after = if status == 429 { asked_to_wait() } else { None };
    let body = item.body.map(decode).unwrap_or_default().into();
    let answer = Answer { status, retry_after, body, ..batch.without_body() };
    judge(What::of(&op.method, &op.path), &answer)
}

fn header(header: &super::wire::ServicedHeader<'_>) -> (String, String) {
    (header.name.to_ascii_lowercase(), header.value.map(scalar).unwrap_or_default())
}

/// Documented as base64; a body that is not base64 is used unchanged.
fn decode(raw: &RawValue) -> Vec<u8> {
    if !raw.get().starts_with('"') {
        return scalar(raw).into_bytes();
    }
    // base64 needs no escapes, so it can be read from the raw text
    if let Ok(body) = BASE64_STANDARD.decode(raw.get().trim_matches('"')) {
        return body;
    }
    let text = scalar(raw);
    let dense: String = text.split_whitespace().collect();
    BASE64_STANDARD.decode(&dense).unwrap_or_else(|_| text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops(sizes: &[usize]) -> Vec<Op> {
        sizes.iter().map(|size| Op { method: Method::POST, path: "/p".into(), body: vec![b'x'; *size], alone: false }).collect()
    }

    #[test]
    fn a_batch_is_written_as_documented() {
        let op = |path: &str, body: &str| Op { method: Method::PATCH, path: path.into(), body: body.into(), alone: false };
        let body = body_of("4f", &[op("/a?b=\"c\"", r#"{"x":"1"}"#), op("/d", "")]);
        let headers = r#"[{"name":"Accept","value":"application/json"},{"name":"Content-Type","value":"application/json"}]"#;
        let item = |id: &str, url: &str, body: &str| {
            format!(r#"{{"id":"{id}","method":"PATCH","url":{url},"headers":{headers},"body":"{body}","exclude_response_headers":false}}"#)
        };
        let items = [item("1", r#""/a?b=\"c\"""#, "eyJ4IjoiMSJ9"), item("2", "\"/d\"", "")].join(",");
        assert_eq!(String::from_utf8(body).expect("text"), format!(r#"{{"batch_request_id":"4f","rest_requests":[{items}]}}"#));
    }

    #[test]
    fn batches_stay_below_the_limits_of_count_and_size() {
        let lengths = |sizes: &[usize], limit| chunks(&ops(sizes), limit).iter().map(|chunk| chunk.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&[1; 7], 3), [3, 3, 1]);
        assert_eq!(lengths(&[2_500_000, 2_500_000, 2_500_000], 100), [2, 1]);
        assert_eq!(lengths(&[10, 4_500_000, 10, 10], 100), [1, 1, 2]);
        assert!(lengths(&[], 3).is_empty());
    }
}
