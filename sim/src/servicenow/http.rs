//! From HTTP to a [`Call`] and back: faults, authentication, limits, headers.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::middleware::{Compress, Condition, Next, from_fn};
use actix_web::web::{self, Bytes};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};

use crate::faults::{Fault, FaultPlan, NamedFault, play};

use super::fault_answer::replaced;
use super::instance::{Instance, kind};
use super::reply::{Call, Reply, Work};

/// Maximum size of a body in bytes, regardless of the options.
const BODY_LIMIT: usize = 256 << 20;

/// A url longer than this, in bytes, is answered by something in front of the instance.
const URL_LIMIT: usize = 16 << 10;

/// Left in the extensions of a request whose answer will not arrive.
struct AnswerLost;

/// Serves an instance.
pub(super) fn configure(instance: Arc<Instance>) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        let scope = web::scope("")
            .app_data(web::Data::from(instance.clone()))
            .app_data(web::PayloadConfig::new(BODY_LIMIT))
            .wrap(Condition::new(instance.options.gzip, Compress::default()))
            .wrap(from_fn(inject_fault));
        config.service(scope.default_service(web::to(answer)));
    }
}

/// Chooses and applies the fault for a request.
async fn inject_fault<B: MessageBody + 'static>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.path().starts_with("/_sim/") {
        return play(None, request, next).await;
    }
    let instance = request.app_data::<web::Data<Instance>>().cloned();
    let mut text = String::new();
    if instance.as_ref().is_some_and(|instance| instance.faults.reads_bodies()) {
        let body = request.extract::<Bytes>().await?;
        text = String::from_utf8_lossy(&body).into_owned() + &super::batch::texts(&body);
        if body.is_empty() {
            text = url::form_urlencoded::parse(request.query_string().as_bytes()).map(|(name, value)| format!("{name}={value}&")).collect();
        }
        request.set_payload(body.into());
    }
    let fault = match instance {
        Some(instance) => {
            let faults = &instance.faults;
            faults.hold(faults.next_with(request.method().as_str(), request.path(), &text)).await
        }
        None => None,
    };
    let lost = matches!(
        fault,
        Some(
            Fault::RetryAfterCommit(_)
                | Fault::StatusAfterCommit(_)
                | Fault::HangAfterCommit
                | Fault::CutBody
                | Fault::BrokenJsonAfterCommit
                | Fault::DropAfterCommit
        )
    );
    if lost {
        request.extensions_mut().insert(AnswerLost);
    }
    play(fault, request, next).await
}

async fn answer(request: HttpRequest, body: Bytes, instance: web::Data<Instance>) -> HttpResponse {
    let lost = request.extensions().get::<AnswerLost>().is_some();
    let named = request.extensions().get::<NamedFault>().map(|fault| fault.0.clone()).unwrap_or_default();
    if request.path().starts_with("/_sim/") {
        return control(&request, &body, &instance);
    }
    if named == "hibernation" {
        return respond(Reply::page(200, "Instance Hibernating page"), &request, &instance);
    }
    let _running = instance.enter();
    let mut work = Work::default();
    if named == "twice" {
        // a network device sent the request again: the client sees the second answer
        serve(&request, body.clone(), &instance, &named, &mut Work::default()).await;
    }
    let reply = serve(&request, body, &instance, &named, &mut work).await;
    let replaced = if reply.status < 400 { replaced(&named, &reply) } else { None };
    if lost || replaced.is_some() {
        instance.undelivered(work.commits);
    }
    respond(replaced.unwrap_or(reply), &request, &instance)
}

async fn serve(request: &HttpRequest, body: Bytes, instance: &Instance, named: &str, work: &mut Work) -> Reply {
    let options = &instance.options;
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let mut call = Call {
        method: header("x-http-method-override").unwrap_or(request.method().as_str()).to_ascii_uppercase(),
        content_type: header("content-type").map(str::to_owned),
        accept: header("accept").map(str::to_owned),
        no_body: header("x-no-response-body") == Some("true"),
        output_limit: header("x-batchrequest-max-output-size").and_then(|text| text.parse().ok()),
        base: base(request, options.tls),
        ..Call::default()
    };
    if request.uri().path_and_query().is_some_and(|url| url.as_str().len() > URL_LIMIT) {
        return Reply::page(400, "Bad Request");
    }
    call.set_url(&request.uri().to_string());
    instance.count(&kind(&call));
    match named {
        "revoke_tokens" => instance.tokens().revoke_all(),
        "error_in_200" => return Reply { status: 200, ..Reply::cancelled() },
        _ => {}
    }
    if call.path == "/oauth_token.do" {
        let form = call.content_type.unwrap_or_default();
        return instance.tokens().answer(&call.method, &form, header("authorization"), &body, options);
    }
    if call.path == "/oauth_revoke_token.do" {
        return instance.tokens().revoke(call.parameter("token"));
    }
    if options.body_limit.is_some_and(|limit| body.len() > limit) {
        let detail = format!("Content length {} exceeds the maximum of {}", body.len(), options.body_limit.unwrap_or_default());
        return Reply::error(400, "Request payload too large", Some(&detail));
    }
    let session = session_of(request);
    let _turn = match &session {
        Some(session) if options.session_cookies => match instance.load.turn(session).await {
            Some(turn) => Some(turn),
            None => return Reply::empty(202),
        },
        _ => None,
    };
    let _slot = match instance.load.slot().await {
        Ok(slot) => slot,
        Err(reply) => return reply,
    };
    if !instance.tokens().accepts(header("authorization")) {
        return Reply::not_authenticated();
    }
    let rates = match instance.rated(&call.path) {
        Ok(rates) => rates,
        Err(reply) => return reply,
    };
    call.body = body.into();
    let mut reply = match call.path.as_str() {
        "/api/now/batch" => match call.format_problem(options) {
            Some(problem) => problem,
            None => super::batch::handle(instance, &call, header("authorization"), work),
        },
        _ => instance.dispatch(&call, work),
    };
    reply.headers.extend(rates);
    let time = options.record_time * work.records;
    if !time.is_zero() {
        let most = if call.path == "/api/now/batch" { Some(options.batch_budget) } else { options.quota };
        actix_rt::time::sleep(most.map_or(time, |most| time.min(most))).await;
        if let Some(quota) = options.quota
            && call.path != "/api/now/batch"
            && time > quota
        {
            // the records stay: a cancelled transaction may well have committed
            instance.undelivered(work.commits);
            return Reply::cancelled();
        }
    }
    reply
}

/// Scheme and host as the caller wrote them.
fn base(request: &HttpRequest, tls: bool) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("{}://{host}", if tls { "https" } else { "http" })
}

/// The session a request's cookies name.
fn session_of(request: &HttpRequest) -> Option<String> {
    let cookies = request.headers().get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("JSESSIONID=").map(str::to_owned))
}

fn respond(reply: Reply, request: &HttpRequest, instance: &Instance) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in reply.headers {
        response.insert_header((name, value));
    }
    response.insert_header((header::CACHE_CONTROL, "no-cache,no-store,must-revalidate,max-age=-1"));
    response.insert_header(("Server-Timing", "sem_wait;dur=0, sesh_wait;dur=0"));
    match session_of(request) {
        Some(_) => instance.cookie_seen(),
        None if instance.options.session_cookies => {
            let session = format!("{:032X}", fastrand::u128(..));
            response.append_header((header::SET_COOKIE, format!("JSESSIONID={session}; Path=/; HttpOnly")));
            response.append_header((header::SET_COOKIE, "glide_user_route=glide.simulated; Path=/; HttpOnly"));
        }
        None => {}
    }
    if reply.body.is_empty() {
        return response.finish();
    }
    response.content_type(if reply.json { "application/json;charset=UTF-8" } else { "text/html;charset=UTF-8" });
    if request.method() == "HEAD" {
        return response.finish();
    }
    // chunked, like the instance
    response.streaming(futures_util::stream::iter([Ok::<_, Error>(Bytes::from(reply.body))]))
}

/// The control routes, for a simulator in its own process. They need no credentials: the simulator listens on loopback.
fn control(request: &HttpRequest, body: &[u8], instance: &Instance) -> HttpResponse {
    match (request.method().as_str(), request.path()) {
        ("GET", "/_sim/stats") => HttpResponse::Ok().json(instance.stats()),
        ("POST", "/_sim/revoke") => {
            instance.tokens().revoke_all();
            HttpResponse::NoContent().finish()
        }
        ("POST", "/_sim/faults") => match FaultPlan::parse(&String::from_utf8_lossy(body)) {
            Ok(plan) => {
                instance.faults.replace(&plan);
                HttpResponse::NoContent().finish()
            }
            Err(error) => HttpResponse::BadRequest().body(format!("{error}\n")),
        },
        ("POST", "/_sim/edit") => match serde_json::from_slice::<Edit>(body) {
            Ok(edit) => match edit.apply(instance) {
                Some(sys_id) => HttpResponse::Ok().json(serde_json::json!({ "sys_id": sys_id })),
                None => HttpResponse::Conflict().json(serde_json::json!({ "error": "no such table or row" })),
            },
            Err(error) => HttpResponse::BadRequest().json(serde_json::json!({ "error": error.to_string() })),
        },
        _ => HttpResponse::NotFound().finish(),
    }
}

/// A change by a user of the instance: `POST /_sim/edit`. `sys_id` and `set` change a row, `sys_id` alone deletes it, `set` alone inserts
/// one.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    table: String,
    #[serde(default)]
    sys_id: String,
    #[serde(default)]
    set: std::collections::BTreeMap<String, String>,
}

impl Edit {
    /// Applies the change. Returns the row's `sys_id`; `None` if it could not be applied.
    fn apply(self, instance: &Instance) -> Option<String> {
        let fields: Vec<(&str, &str)> = self.set.iter().map(|(column, value)| (column.as_str(), value.as_str())).collect();
        match (self.sys_id.is_empty(), fields.is_empty()) {
            (true, _) => instance.insert_by_hand(&self.table, &fields),
            (false, true) => instance.delete_by_hand(&self.table, &self.sys_id).then_some(self.sys_id),
            (false, false) => instance.edit_by_hand(&self.table, &self.sys_id, &fields).then_some(self.sys_id),
        }
    }
}
