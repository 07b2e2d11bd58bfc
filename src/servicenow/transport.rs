//! Requests with a token: the headers, one repeat after a 401, reads with retries, and the judgement of an answer to a write.
//!
//! All other modules that send requests to the instance use this one.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tracing::{debug, warn};
use url::Url;

use crate::config::settings::ServiceNowSettings;
use crate::definition::plan::TargetPlan;
use crate::domain::{NoSysId, SysId};
use crate::net::{Bytes, HttpClient, LargeBodyPermit, Method, NetError};
use crate::redact::Quoted;
use crate::retry::{self, Backoff};
use crate::telemetry::labels::System;

use super::error::ServiceNowError;
use super::learned::Learned;
use super::outcome::{Outcome, RecordResult};
use super::token::TokenSource;
use super::wire::{Body, Document, Row, Words, read_body, read_list};

/// Attempts of one read.
const READ_TRIES: u32 = 3;

/// The waits between them.
const READ_AGAIN: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));

/// A read waits up to this long for an instance that asks for a pause; a longer wait is the caller's decision.
const PATIENCE: Duration = Duration::from_secs(5);

/// Access to the instance for one arbiter thread. Clones share what was learned of it.
#[derive(Clone)]
pub(super) struct Transport {
    shared: Rc<Shared>,
    /// No other node may take over the work before this time, while the function returns `true`; `None` without a lease.
    lease: Option<(Instant, Rc<dyn Fn() -> bool>)>,
    /// Attempts of a read.
    read_tries: u32,
    /// Whether a refused read is repeated too: the state of a record depends on it.
    doubts_refusals: bool,
}

struct Shared {
    http: HttpClient,
    settings: ServiceNowSettings,
    learned: Learned,
}

/// An answer with any status except 401.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    /// The number of all rows of a list, if the instance gives it.
    pub(super) total: Option<u64>,
    pub(super) body: Bytes,
    /// The generation of the token of the request.
    pub(super) generation: u64,
    /// The permit to keep a large answer in memory.
    pub(super) _permit: LargeBodyPermit,
}

impl Answer {
    /// The answer without its body.
    pub(super) fn without_body(&self) -> Self {
        Self {
            status: self.status,
            retry_after: None,
            total: None,
            body: Bytes::new(),
            generation: self.generation,
            _permit: LargeBodyPermit::default(),
        }
    }
}

/// One write.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) method: Method,
    /// Path and query, relative to the instance.
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    /// Whether it must never share a batch with others.
    pub(super) alone: bool,
}

/// The judgement of an answer to a write, or of a missing answer.
#[derive(Debug)]
pub(super) enum Judged {
    /// Status 200 or 201 with a document that contains no error.
    Done(Document),
    /// The instance asks for a pause.
    Throttled { words: Quoted, retry_after: Option<Duration> },
    /// A status below 500 with the instance's message.
    Refused { status: u16, words: Words },
    /// It may have been done.
    Doubt(Quoted),
    /// It was certainly not done, for a temporary reason.
    NotSent(Quoted),
    /// It was certainly not done, for a reason that is not the record.
    Failed(ServiceNowError),
}

impl Transport {
    /// A transport for one thread.
    ///
    /// # Errors
    /// [`ServiceNowError::Setup`] when a certificate file or the proxy cannot be used.
    pub(super) fn new(settings: &ServiceNowSettings) -> Result<Self, ServiceNowError> {
        let http = HttpClient::new(System::ServiceNow, &settings.connection)
            .map_err(|error| ServiceNowError::Setup { source: Arc::new(error) })?;
        Ok(Self::over(settings, http))
    }

    /// A transport over this client.
    pub(super) fn over(settings: &ServiceNowSettings, http: HttpClient) -> Self {
        let shared = Shared { http, settings: settings.clone(), learned: Learned::new(settings.batch) };
        Self { shared: Rc::new(shared), lease: None, read_tries: READ_TRIES, doubts_refusals: false }
    }

    /// The same transport for work whose lease ends at `deadline`, or earlier when `alive` returns `false`: a request that could still be
    /// running by then is not started.
    pub(super) fn leased_until(&self, deadline: Instant, alive: Rc<dyn Fn() -> bool>) -> Self {
        Self { lease: Some((deadline, alive)), ..self.clone() }
    }

    /// The same transport for reads that can be made at another time: each is tried once, without waiting.
    pub(super) fn impatient(&self) -> Self {
        Self { read_tries: 1, ..self.clone() }
    }

    /// The same transport for reads that decide whether a record arrived: a refusal must come repeatedly to count.
    pub(super) fn thorough(&self) -> Self {
        Self { doubts_refusals: true, ..self.clone() }
    }

    pub(super) fn http(&self) -> &HttpClient {
        &self.shared.http
    }

    pub(super) fn settings(&self) -> &ServiceNowSettings {
        &self.shared.settings
    }

    pub(super) fn learned(&self) -> &Learned {
        &self.shared.learned
    }

    /// One request with a token. A 401 is repeated once with a new token.
    pub(super) async fn call(&self, tokens: &dyn TokenSource, method: &Method, path: &str, body: Bytes) -> Result<Answer, ServiceNowError> {
        let url = endpoint(&self.shared.settings.instance_url, path)?;
        let what = || what(method, path);
        for fresh in [false, true] {
            let token = tokens.token().await?;
            if let Some((deadline, alive)) = &self.lease
                && (Instant::now() + self.shared.settings.connection.longest() > *deadline || !alive())
            {
                return Err(ServiceNowError::LeaseEnds { what: what() });
            }
            let authorization = token.authorization();
            let headers = [("Authorization", authorization.as_str()), ("Accept", "application/json"), ("Content-Type", "application/json")];
            let sent = self.shared.http.send(method.clone(), &url, &headers, body.clone()).await;
            let answer = sent.map_err(|error| ServiceNowError::Net { what: what(), source: Arc::new(error) })?;
            debug!(what = %what(), status = answer.status, "answered");
            if answer.status != 401 {
                let retry_after = retry_after(|name| answer.header(name));
                let total = answer.header("X-Total-Count").and_then(|text| text.trim().parse().ok());
                return Ok(Answer {
                    status: answer.status,
                    retry_after,
                    total,
                    body: answer.body,
                    generation: token.generation,
                    _permit: answer.permit,
                });
            }
            tokens.refused(token.generation);
            if !fresh {
                debug!(what = %what(), generation = token.generation, "the token was refused; Tieline requests another");
            }
        }
        Err(ServiceNowError::Unauthorized { what: what() })
    }

    /// The rows of a list request. After temporary errors it is repeated, up to three attempts.
    pub(super) async fn read(&self, tokens: &dyn TokenSource, path: &str) -> Result<Vec<Row>, ServiceNowError> {
        Ok(self.read_counted(tokens, path).await?.0)
    }

    /// The same, with the number of all rows, invisible ones included.
    pub(super) async fn read_counted(&self, tokens: &dyn TokenSource, path: &str) -> Result<(Vec<Row>, Option<u64>), ServiceNowError> {
        self.read_as(tokens, path, |answer| Ok((read_rows(path, answer)?, answer.total))).await
    }

    /// The answer to a request whose JSON is no list of rows. It is repeated as a read of rows is.
    ///
    /// # Errors
    /// As for a list; [`ServiceNowError::BadAnswer`] when the JSON is not the one expected.
    pub(super) async fn read_json<T: serde::de::DeserializeOwned>(
        &self,
        tokens: &dyn TokenSource,
        path: &str,
    ) -> Result<T, ServiceNowError> {
        let read = |answer: &Answer| {
            let wrong = |problem: String| ServiceNowError::BadAnswer {
                what: what(&Method::GET, path),
                status: answer.status,
                problem: problem.into(),
            };
            match serde_json::from_slice(&answer.body) {
                Ok(value) if answer.status == 200 => Ok(value),
                // every other answer is judged as that of a list
                parsed => match (read_rows(path, answer), parsed) {
                    (Err(error), _) => Err(error),
                    (Ok(_), Err(error)) => Err(wrong(format!("it is not the JSON expected ({error})"))),
                    (Ok(_), Ok(_)) => Err(wrong("it has an unexpected status".to_owned())),
                },
            }
        };
        self.read_as(tokens, path, read).await
    }

    async fn read_as<T>(
        &self,
        tokens: &dyn TokenSource,
        path: &str,
        parse: impl Fn(&Answer) -> Result<T, ServiceNowError>,
    ) -> Result<T, ServiceNowError> {
        let read = || async { parse(&self.call(tokens, &Method::GET, path, Bytes::new()).await?) };
        let retries = self.read_tries.saturating_sub(1) as usize;
        let mut attempt = 0;
        read.retry(retry::delays(READ_AGAIN).with_max_times(retries))
            .when(|error: &ServiceNowError| match error.class() {
                retry::Class::Transient | retry::Class::Throttled => true,
                _ => self.doubts_refusals && matches!(error, ServiceNowError::Forbidden { .. } | ServiceNowError::Refused { .. }),
            })
            .adjust(|error, delay| {
                let throttled = error.class() == retry::Class::Throttled;
                let asked = throttled.then(|| error.retry_after().unwrap_or(Duration::from_secs(1)));
                // no delay is left: that was the last attempt
                delay.map(|delay| asked.unwrap_or(delay)).filter(|wait| *wait <= PATIENCE)
            })
            .notify(|error, _| {
                attempt += 1;
                warn!(error = %error.chain(), attempt, "a query failed; Tieline retries");
            })
            .await
    }

    /// One write as a single request.
    pub(super) async fn write(&self, tokens: &dyn TokenSource, op: &Op) -> Judged {
        match self.call(tokens, &op.method, &op.path, op.body.clone().into()).await {
            Ok(answer) => judge(What::of(&op.method, &op.path), &answer),
            Err(error) => unanswered(error),
        }
    }
}

/// A write without an answer.
pub(super) fn unanswered(error: ServiceNowError) -> Judged {
    match &error {
        ServiceNowError::Net { source, .. } if source.may_have_been_sent() => Judged::Doubt(error.chain().into()),
        ServiceNowError::Net { source, .. } | ServiceNowError::NoTokenAnswer { source, .. }
            if matches!(**source, NetError::Connect { .. }) =>
        {
            Judged::NotSent(error.chain().into())
        }
        ServiceNowError::LeaseEnds { .. } => Judged::NotSent(error.chain().into()),
        _ => Judged::Failed(error),
    }
}

/// Judges an answer to a write.
pub(super) fn judge(what: What<'_>, answer: &Answer) -> Judged {
    let status = answer.status;
    let body = read_body(&answer.body);
    if status == 429 {
        let said = too_many(&body);
        return Judged::Throttled { words: format!("{what} was refused with status 429: {said}").into(), retry_after: answer.retry_after };
    }
    let words = match (status, body) {
        (200 | 201, Body::Document(document)) => return Judged::Done(document),
        (200 | 201, Body::Failure(words)) => {
            return Judged::Doubt(format!("{what}: status {status} with an error inside: {}", words.line()).into());
        }
        (_, Body::Page(title)) => {
            return Judged::Doubt(
                ServiceNowError::Page { what: what.to_string(), status, title: quoted(&title).into() }.to_string().into(),
            );
        }
        (200 | 201, Body::Empty) => return Judged::Doubt(format!("{what}: status {status} without a body").into()),
        (200 | 201, Body::Garbage(problem)) => {
            return Judged::Doubt(format!("{what}: status {status}, but the body cannot be read: {problem}").into());
        }
        (_, Body::Failure(words)) => words,
        (400..=498, Body::Garbage(problem)) => {
            return Judged::Doubt(format!("{what}: status {status}, but the body cannot be read: {problem}").into());
        }
        _ => Words::default(),
    };
    match status {
        408 | 499 => Judged::Doubt(format!("{what}: status {status}: {}", words.line()).into()),
        403 if words.say("User Not Authorized") || words.say("API level ACL") => {
            Judged::Failed(ServiceNowError::Forbidden { what: what.to_string(), words: words.line() })
        }
        400..=498 => Judged::Refused { status, words },
        _ => Judged::Doubt(format!("{what}: status {status}: {}", words.line()).into()),
    }
}

impl Judged {
    /// The outcome of a judgement that is neither done nor refused.
    pub(super) fn without_verdict(self) -> RecordResult {
        Ok(match self {
            Judged::Throttled { words, retry_after } => Outcome::Deferred { message: words, retry_after, throttled: true },
            Judged::NotSent(message) => Outcome::Deferred { message, retry_after: None, throttled: false },
            Judged::Doubt(message) => Outcome::Unknown { message },
            Judged::Failed(error) => return Err(error),
            Judged::Done(_) => Outcome::Unknown { message: "answered without a result".into() },
            Judged::Refused { status, words } => Outcome::Unknown { message: format!("status {status}: {}", words.line()).into() },
        })
    }
}

/// The error if a refusal says that the table does not exist.
pub(super) fn unknown_table(target: &TargetPlan, status: u16, words: &Words) -> Option<ServiceNowError> {
    let said = words.say("Invalid table") || words.say("Invalid staging table") || words.say("does not represent any resource");
    let said = said || (words.say("table") && words.say("does not exist"));
    (matches!(status, 400 | 404) && said).then(|| ServiceNowError::UnknownTable {
        table: target.table.clone(),
        block: target.block.clone(),
        words: words.line(),
    })
}

/// The message of a 429.
fn too_many(body: &Body) -> Quoted {
    if let Body::Failure(words) = body { words.line() } else { "too many requests".into() }
}

/// A page's title for an error message.
pub(super) fn quoted(title: &str) -> String {
    if title.is_empty() { String::new() } else { format!(" `{title}`") }
}

/// The number of rows that a path requests.
fn limit_of(path: &str) -> usize {
    let limit = path.split(['?', '&']).find_map(|part| part.strip_prefix("sysparm_limit="));
    limit.and_then(|limit| limit.parse().ok()).unwrap_or(LIST_LIMIT)
}

/// The most rows of a list requested without a limit.
const LIST_LIMIT: usize = 10_000;

/// An invalid id in a row: such a row is not used.
fn no_id(row: &Row) -> Option<NoSysId> {
    ["sys_id", "sys_target_sys_id"].iter().find_map(|column| SysId::read(row.text(column)?).err())
}

fn read_rows(path: &str, answer: &Answer) -> Result<Vec<Row>, ServiceNowError> {
    let (status, what) = (answer.status, what(&Method::GET, path));
    match (status, read_list(&answer.body, limit_of(path))) {
        (200, Body::Document(Document { result: Some(rows) })) => match rows.iter().find_map(no_id) {
            None => Ok(rows),
            Some(error) => Err(ServiceNowError::BadAnswer { what, status, problem: format!("a row's {error}").into() }),
        },
        (200, Body::Document(_)) => Err(ServiceNowError::BadAnswer { what, status, problem: "it has no `result`".into() }),
        (429, body) => Err(ServiceNowError::Throttled { what, words: too_many(&body), retry_after: answer.retry_after }),
        (_, Body::Page(title)) => Err(ServiceNowError::Page { what, status, title: quoted(&title).into() }),
        // version 1 of the API, and a record behind an access rule
        (404, Body::Failure(words)) if words.say("No Record found") => Ok(Vec::new()),
        (403, Body::Failure(words)) => Err(ServiceNowError::Forbidden { what, words: words.line() }),
        (400..=498, Body::Failure(words)) if status != 408 => Err(ServiceNowError::Refused { what, status, words: words.line() }),
        (_, Body::Failure(words)) => Err(ServiceNowError::BadAnswer { what, status, problem: words.line() }),
        (_, Body::Garbage(problem)) => Err(ServiceNowError::BadAnswer { what, status, problem }),
        (_, _) => Err(ServiceNowError::BadAnswer { what, status, problem: "its body has no message".into() }),
    }
}

/// Method and path without the query: safe to print.
pub(super) fn what(method: &Method, path: &str) -> String {
    What::of(method, path).to_string()
}

/// A request for a message, written only if there is one: its method and its path without the query.
#[derive(Clone, Copy)]
pub(super) struct What<'a> {
    method: &'a Method,
    path: &'a str,
}

impl<'a> What<'a> {
    pub(super) fn of(method: &'a Method, path: &'a str) -> Self {
        Self { method, path: path.split('?').next().unwrap_or_default() }
    }
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A path on the instance.
pub(super) fn endpoint(instance: &Url, path: &str) -> Result<Url, ServiceNowError> {
    let base = instance.as_str().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    Url::parse(&format!("{base}{path}")).map_err(|error| {
        let what = format!("`servicenow.instance_url` gives no usable address: {error}");
        ServiceNowError::Setup { source: Arc::new(NetError::Setup { what }) }
    })
}

/// The longest wait: adding it to a clock cannot overflow.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// `Retry-After` as seconds or as a date; without it `X-RateLimit-Reset`, a Unix time.
pub(super) fn retry_after<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let until = |at: DateTime<Utc>| (at - Utc::now()).to_std().unwrap_or_default();
    let stated = header("Retry-After").and_then(retry::after);
    let reset = || header("X-RateLimit-Reset")?.trim().parse().ok().and_then(|at| DateTime::from_timestamp(at, 0)).map(until);
    // the Writer decides how much of it is granted, and shows people what was asked for
    stated.or_else(reset).map(|wait| wait.min(CENTURY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_answer_to_the_request_for_a_token_nothing_can_have_arrived() {
        let lost = || Arc::new(NetError::Timeout { host: "h".into(), seconds: 3 });
        let write = ServiceNowError::Net { what: "POST /api".into(), source: lost() };
        assert!(matches!(unanswered(write), Judged::Doubt(_)));
        let token = ServiceNowError::NoTokenAnswer { what: "POST /oauth_token.do".into(), source: lost() };
        assert!(token.chain().starts_with("POST /oauth_token.do got no answer: "), "{}", token.chain());
        assert!(matches!(unanswered(token), Judged::Failed(ServiceNowError::NoTokenAnswer { .. })));
    }
}
