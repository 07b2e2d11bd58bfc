//! Fault injection: rules by path or table, by rate or by count, from TOML, JSON or a test.
//!
//! [`inject`] is a middleware that applies the common faults in any simulator; it does not depend on what the simulator serves.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::lock::lock;

/// One way in which an answer goes wrong. Only `CutBody`, `Slow`, `Held`, `Named` and the faults named `…AfterCommit` let the request take effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// This status with a short HTML page; the request has no effect.
    Status(u16),
    /// 429 with `Retry-After` of N seconds; the request has no effect.
    RetryAfter(u32),
    /// 429 with `Retry-After` of N seconds although the request took effect.
    RetryAfterCommit(u32),
    /// This status although the request took effect.
    StatusAfterCommit(u16),
    /// No answer, ever; the request has no effect.
    Hang,
    /// The request takes effect, and no answer ever comes.
    HangAfterCommit,
    /// The request takes effect, and the answer is cut in the middle of its body.
    CutBody,
    /// Status 200 with an HTML log-in page; the request has no effect.
    HtmlPage200,
    /// Status 200 and the first half of the body, with a matching length, so that it is not valid JSON; the request takes effect.
    BrokenJsonAfterCommit,
    /// The answer begins this many milliseconds late.
    Slow(u64),
    /// The request waits until the rules are cleared or replaced, and takes effect then.
    Held,
    /// The connection is closed without an answer; the request has no effect.
    Drop,
    /// The request takes effect, and the connection is closed without an answer.
    DropAfterCommit,
    /// A fault that the simulator itself implements, for example `expire_session`; the middleware passes the request on.
    Named(String),
}

/// When a fault applies. Every condition that is set must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The path begins with this; every path when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// One segment of the path is this table; every table when absent.
    #[serde(default)]
    pub table: Option<String>,
    /// The HTTP verb in capitals; every verb when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// The body contains this text; for a batch, the body of one of its items; for a ServiceNow request without a body, the query. Every
    /// request when absent.
    #[serde(default)]
    pub body: Option<String>,
    /// The rule lets N matching requests through first.
    #[serde(default)]
    pub after: u64,
    /// The rule ends after this many faults; never when absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// The share of matching requests that fail, 0.0 to 1.0; all of them when absent.
    #[serde(default)]
    pub rate: Option<f64>,
    /// What goes wrong.
    pub fault: Fault,
}

impl FaultRule {
    /// A rule for every request; narrow it with the other functions.
    pub fn always(fault: Fault) -> Self {
        Self { path: None, table: None, method: None, body: None, after: 0, count: None, rate: None, fault }
    }

    /// Only requests for this table.
    #[must_use]
    pub fn on_table(mut self, table: &str) -> Self {
        self.table = Some(table.to_owned());
        self
    }

    /// Only paths that begin with this.
    #[must_use]
    pub fn on_path(mut self, prefix: &str) -> Self {
        self.path = Some(prefix.to_owned());
        self
    }

    /// Only this verb.
    #[must_use]
    pub fn on_method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests whose body holds this text.
    #[must_use]
    pub fn on_body(mut self, text: &str) -> Self {
        self.body = Some(text.to_owned());
        self
    }

    /// Only N times.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Only after N matching requests went through.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// Only this share of the requests, 0.0 to 1.0.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = Some(rate);
        self
    }

    fn matches(&self, method: &str, path: &str, body: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_str()))
            && self.table.as_ref().is_none_or(|table| path.split('/').any(|segment| segment == table))
            && self.body.as_ref().is_none_or(|text| body.contains(text.as_str()))
    }
}

/// A file of faults: `seed = 7` and any number of `[[fault]]` blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Makes rates repeatable.
    #[serde(default)]
    pub seed: u64,
    /// The rules; the first one that applies wins.
    #[serde(default, rename = "fault")]
    pub rules: Vec<FaultRule>,
}

/// Why a file of faults cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The file cannot be read.
    #[error("the fault file `{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is neither the TOML nor the JSON that is expected.
    #[error("the fault plan is not valid: {problem}")]
    Malformed {
        /// Where and what.
        problem: String,
    },
}

impl FaultPlan {
    /// Reads TOML, or JSON when the text begins with `{`.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let plan: Self = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| FaultError::Malformed { problem: error.to_string() })?
        } else {
            toml::from_str(text).map_err(|error| FaultError::Malformed { problem: error.to_string() })?
        };
        match plan.rules.iter().find_map(|rule| rule.rate.filter(|rate| !(0.0..=1.0).contains(rate))) {
            Some(rate) => Err(FaultError::Malformed { problem: format!("`rate` must be between 0.0 and 1.0, got `{rate}`") }),
            None => Ok(plan),
        }
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, FaultError> {
        let text = std::fs::read_to_string(path).map_err(|source| FaultError::Unreadable { path: path.display().to_string(), source })?;
        Self::parse(&text)
    }
}

/// The rules in force, shared by the workers of a simulator and by the test that changes them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    /// Counts the times that the rules were cleared or replaced; a held request waits for the next.
    releases: Arc<tokio::sync::watch::Sender<u64>>,
}

#[derive(Debug)]
struct State {
    rules: Vec<Armed>,
    random: fastrand::Rng,
    triggered: u64,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u64,
    triggered: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { rules: vec![], random: fastrand::Rng::with_seed(0), triggered: 0 }
    }
}

impl Faults {
    /// The rules of a plan, its seed included.
    pub fn new(plan: &FaultPlan) -> Self {
        let faults = Self::default();
        faults.replace(plan);
        faults
    }

    /// Replaces all rules by this plan. The number of triggered faults is kept.
    pub fn replace(&self, plan: &FaultPlan) {
        let mut state = self.lock();
        state.random = fastrand::Rng::with_seed(plan.seed);
        state.rules = plan.rules.iter().map(|rule| Armed { rule: rule.clone(), seen: 0, triggered: 0 }).collect();
        self.releases.send_modify(|releases| *releases += 1);
    }

    /// Adds one rule after the others.
    pub fn push(&self, rule: FaultRule) {
        self.lock().rules.push(Armed { rule, seen: 0, triggered: 0 });
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.lock().rules.clear();
        self.releases.send_modify(|releases| *releases += 1);
    }

    /// Waits while a chosen fault is [`Fault::Held`]; gives the fault that is left to apply.
    pub async fn hold(&self, fault: Option<Fault>) -> Option<Fault> {
        if fault != Some(Fault::Held) {
            return fault;
        }
        let _ = self.releases.subscribe().changed().await;
        None
    }

    /// How many faults have been triggered so far.
    pub fn triggered(&self) -> u64 {
        self.lock().triggered
    }

    /// Whether some rule reads bodies.
    pub fn reads_bodies(&self) -> bool {
        self.lock().rules.iter().any(|armed| armed.rule.body.is_some())
    }

    /// Decides about one request without a body, and counts it.
    pub fn next(&self, method: &str, path: &str) -> Option<Fault> {
        self.next_with(method, path, "")
    }

    /// Decides about one request, and counts it.
    pub fn next_with(&self, method: &str, path: &str, body: &str) -> Option<Fault> {
        let state = &mut *self.lock();
        for armed in &mut state.rules {
            if !armed.rule.matches(method, path, body) {
                continue;
            }
            armed.seen += 1;
            let spent = armed.rule.count.is_some_and(|count| armed.triggered >= count);
            if armed.seen <= armed.rule.after || spent || armed.rule.rate.is_some_and(|rate| state.random.f64() >= rate) {
                continue;
            }
            armed.triggered += 1;
            state.triggered += 1;
            return Some(armed.rule.fault.clone());
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A middleware for `actix_web::middleware::from_fn`; the app must hold a `web::Data<Faults>`. Without one, or without a rule, it does nothing.
/// The name of a [`Fault::Named`] is left in the request's extensions as [`NamedFault`].
pub async fn inject<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(faults) = request.app_data::<web::Data<Faults>>().cloned() else { return play(None, request, next).await };
    let fault = faults.hold(faults.next(request.method().as_str(), request.path())).await;
    play(fault, request, next).await
}

/// Applies a chosen fault, for simulators with a middleware of their own. `None` passes the request on.
pub async fn play<B: MessageBody + 'static>(
    fault: Option<Fault>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(fault) = fault else { return Ok(next.call(request).await?.map_into_boxed_body()) };
    match fault {
        Fault::Status(status) => Ok(request.into_response(page(status))),
        Fault::RetryAfter(seconds) => Ok(request.into_response(too_many(seconds))),
        Fault::HtmlPage200 => Ok(request.into_response(page(200))),
        // held by `Faults::hold` before this; without a holder it never ends
        Fault::Hang | Fault::Held => std::future::pending().await,
        Fault::Drop => Ok(request.into_response(dropped())),
        Fault::Slow(milliseconds) => {
            actix_rt::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Fault::Named(name) => {
            actix_web::HttpMessage::extensions_mut(&request).insert(NamedFault(name));
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Fault::StatusAfterCommit(status) => Ok(next.call(request).await?.into_response(page(status))),
        Fault::RetryAfterCommit(seconds) => Ok(next.call(request).await?.into_response(too_many(seconds))),
        Fault::HangAfterCommit => {
            next.call(request).await?;
            std::future::pending().await
        }
        Fault::DropAfterCommit => Ok(next.call(request).await?.into_response(dropped())),
        Fault::CutBody | Fault::BrokenJsonAfterCommit => {
            let (request, response) = next.call(request).await?.into_parts();
            let (response, body) = response.into_parts();
            let whole = actix_web::body::to_bytes(body).await.unwrap_or_default();
            let half = whole.slice(..whole.len() / 2);
            let response = if fault == Fault::CutBody {
                response.set_body(BoxBody::new(Cut { declared: whole.len() as u64, part: Some(half), flushed: false }))
            } else {
                response.set_body(BoxBody::new(half))
            };
            Ok(ServiceResponse::new(request, response))
        }
    }
}

/// Left in the extensions of a request to which a [`Fault::Named`] applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFault(pub String);

fn page(status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = if status.is_success() { "Log in" } else { status.canonical_reason().unwrap_or("Error") };
    HttpResponse::build(status).content_type(ContentType::html()).body(format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h2>{title}</h2><p>Please try again later.</p></body></html>\n"
    ))
}

fn too_many(seconds: u32) -> HttpResponse {
    HttpResponse::TooManyRequests().insert_header((RETRY_AFTER, seconds.to_string())).finish()
}

fn dropped() -> HttpResponse {
    HttpResponse::Ok().body(Cut { declared: 1, part: None, flushed: true })
}

/// A body that declares more bytes than it has. Its error makes the server close the connection; without a part, before the head is sent.
struct Cut {
    declared: u64,
    part: Option<Bytes>,
    flushed: bool,
}

impl MessageBody for Cut {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.declared)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(part) = self.part.take() {
            return Poll::Ready(Some(Ok(part)));
        }
        if !self.flushed {
            // the server flushes what it has when a body is not ready; an error at once would lose it
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::other("cut on purpose"))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use actix_web::middleware::from_fn;

    use super::*;
    use crate::server::serve;

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "seed = 7\n[[fault]]\ntable = \"ApInvoice\"\nrate = 0.25\nfault = { status = 503 }\n[[fault]]\ncount = 2\nfault = \"cut_body\"\n";
        let plan = FaultPlan::parse(toml).expect("TOML");
        let json = serde_json::to_string(&plan).expect("JSON");
        assert_eq!(FaultPlan::parse(&json).expect("JSON"), plan);
        assert_eq!(plan.rules[0].fault, Fault::Status(503));
        let error = FaultPlan::parse("[[fault]]\nrate = 2.0\nfault = \"hang\"\n").expect_err("rate");
        assert!(error.to_string().contains("`2`"), "{error}");
    }

    #[test]
    fn counts_places_and_rates_are_obeyed() {
        let faults = Faults::default();
        faults.push(FaultRule::always(Fault::Hang).on_table("ApInvoice").after(1).times(2));
        let triggers: Vec<bool> = (0..5).map(|_| faults.next("GET", "/x/ApInvoice").is_some()).collect();
        assert_eq!(triggers, [false, true, true, false, false]);
        assert_eq!(faults.next("GET", "/x/ApInvoicePay"), None);
        let run = || {
            let faults = Faults::new(&FaultPlan { seed: 3, rules: vec![FaultRule::always(Fault::Drop).rate(0.3)] });
            (0..1000).map(|_| faults.next("GET", "/").is_some()).collect::<Vec<_>>()
        };
        let first = run();
        assert_eq!(first, run(), "the same seed strikes the same requests");
        let triggered = first.iter().filter(|triggered| **triggered).count();
        assert!((200..400).contains(&triggered), "{triggered}");
    }

    #[test]
    fn a_client_sees_each_fault_on_the_wire() {
        let faults = Faults::default();
        let data = web::Data::new(faults.clone());
        let server = serve((Ipv4Addr::LOCALHOST, 0).into(), false, 1, move |config| {
            let scope = web::scope("").app_data(data.clone()).wrap(from_fn(inject));
            config.service(scope.route("/", web::get().to(|| async { "0123456789" })));
        })
        .expect("server");
        let ask = |fault: Option<Fault>| {
            faults.clear();
            if let Some(fault) = fault {
                faults.push(FaultRule::always(fault));
            }
            let mut stream = TcpStream::connect(("127.0.0.1", server.url.port().expect("port"))).expect("connection");
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("request");
            let mut answer = String::new();
            // a connection reset is an acceptable end too
            let _ = stream.read_to_string(&mut answer);
            answer
        };
        assert!(ask(None).ends_with("\r\n\r\n0123456789"));
        assert!(ask(Some(Fault::Status(503))).starts_with("HTTP/1.1 503"));
        let cut = ask(Some(Fault::CutBody));
        assert!(cut.contains("content-length: 10") && cut.ends_with("01234"), "{cut}");
        assert_eq!(ask(Some(Fault::Drop)), "");
        assert_eq!(ask(Some(Fault::DropAfterCommit)), "");
        let html = ask(Some(Fault::HtmlPage200));
        assert!(html.starts_with("HTTP/1.1 200") && html.contains("<html>"), "{html}");
        assert!(ask(Some(Fault::RetryAfter(17))).contains("retry-after: 17"));
        let broken = ask(Some(Fault::BrokenJsonAfterCommit));
        assert!(broken.contains("content-length: 5\r\n") && broken.ends_with("01234"), "{broken}");
        server.stop();
    }
}
