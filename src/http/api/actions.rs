//! What can be done: run, pause and resume a flow, send records again.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::runs::{RunAccepted, begin};
use super::texts::{Filled, Name, Why};
use crate::actors::replay::{ReplayReport, replay as take_in};
use crate::actors::root::StartRefused;
use crate::actors::tree::flows;
use crate::actors::{Deps, outdated};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::delivery::ParkReason;
use crate::domain::run::RunKind;
use crate::domain::word;
use crate::http::body::LIMIT;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::query::{Params, path_parts};
use crate::http::route::{Route, Shape, acts, component};
use crate::http::surface::Surface;
use crate::store::{FlowBefore, Forgotten, ForgottenFlow, NewAudit, ReplayScope, StoreError};

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::post(
        "/api/v1/flows/{company}/{entity}/run",
        || web::post().to(flow),
        acts("runFlow", "Runs a flow now", component::<FlowBody>, Shape::One(202, component::<RunAccepted>)),
    ),
    Route::post(
        "/api/v1/flows/{company}/{entity}/pause",
        || web::post().to(flow),
        acts("pauseFlow", "Reads a flow no more until it is resumed", component::<FlowBody>, Shape::One(200, component::<Paused>)),
    ),
    Route::post(
        "/api/v1/flows/{company}/{entity}/resume",
        || web::post().to(flow),
        acts("resumeFlow", "Goes on with a flow that was paused or stopped", component::<FlowBody>, Shape::One(200, component::<Paused>)),
    ),
    Route::post(
        "/api/v1/flows/{company}/{entity}/forget",
        || web::post().to(flow),
        acts(
            "forgetFlow",
            "Forgets a flow that the configuration no longer makes; its records stay as history",
            component::<FlowBody>,
            Shape::One(200, component::<ForgottenFlow>),
        ),
    ),
    Route::post(
        "/api/v1/replay",
        || web::post().to(replay),
        acts(
            "replay",
            "Maps stored records anew and sends them again",
            component::<ReplayBody>,
            Shape::Either(202, component::<ReplayReport>, component::<Followed>),
        ),
    ),
];

type Answer = Result<HttpResponse, Problem>;

/// The longest reason, in characters.
const WHY_LIMIT: usize = 1000;
/// Records that one replay can name.
const MOST_KEYS: usize = 1000;
/// What to do about a key that nobody knows.
pub(super) const HOW_KEYS_ARE_WRITTEN: &str =
    "a key is written as SYSPRO stores it, leading zeros and capitals kept, its parts joined by `/`: `GET /api/v1/records` lists them";
/// How long a replay is waited for; then it goes on by itself.
const REPLAY_WAIT: Duration = Duration::from_secs(15);
/// How long it is waited for what became of records that were sent again.
pub(in crate::http) const OUTCOME_WAIT: Duration = Duration::from_secs(10);

/// The body of a flow action.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct FlowBody {
    /// Why, for the audit.
    #[schema(required = true, value_type = Why)]
    pub(in crate::http) why: String,
    /// Of a run: read everything again.
    pub(in crate::http) sweep: bool,
    /// Of forgetting: drop what is not settled.
    pub(in crate::http) drop_pending: bool,
}

/// The body of a replay.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct ReplayBody {
    /// Only this company.
    #[schema(value_type = Option<Filled>)]
    pub(in crate::http) company: Option<String>,
    /// Only this entity.
    #[schema(value_type = Option<Filled>)]
    pub(in crate::http) entity: Option<String>,
    /// Only this record.
    #[schema(value_type = Option<Filled>)]
    pub(in crate::http) key: Option<String>,
    /// Only records that this run read anew.
    pub(in crate::http) run: Option<Uuid>,
    /// Only records of which something is parked.
    pub(in crate::http) failed_only: bool,
    /// Only records whose newest version was read from this instant on.
    pub(in crate::http) since: Option<DateTime<Utc>>,
    /// Only records whose newest version was read before this instant.
    pub(in crate::http) until: Option<DateTime<Utc>>,
    /// Only records of which something is parked for this reason.
    #[schema(value_type = Option<ParkReason>)]
    pub(in crate::http) reason: Option<String>,
    /// Only records of which something is parked with this text in the system's words.
    #[schema(value_type = Option<Filled>)]
    pub(in crate::http) text: Option<String>,
    /// Only records that failed for this cause: the system's words without what differs from record to record, as the console groups them.
    #[schema(value_type = Option<Filled>)]
    pub(in crate::http) cause: Option<String>,
    /// Only these records.
    #[schema(value_type = Option<Vec<Name>>, min_items = 1, max_items = 1000)]
    pub(in crate::http) keys: Option<Vec<String>>,
    /// Only records that were mapped under another definition than the one in force, and of those only what differs from what was sent.
    pub(in crate::http) outdated: bool,
    /// With `outdated`: send as many records as this, whatever `flows.change_limit` says.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    #[serde(deserialize_with = "whole_number")]
    pub(in crate::http) allow: Option<i64>,
    /// Everything there is; without it a request that is not limited is refused.
    pub(in crate::http) all: bool,
    /// Why, for the audit.
    #[schema(required = true, value_type = Why)]
    pub(in crate::http) why: String,
}

/// A whole number, also where a program writes it as `12.0`.
fn whole_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(from)? else { return Ok(None) };
    let text = number.to_string();
    let whole = text.strip_suffix(".0").unwrap_or(&text).parse();
    whole.map(Some).map_err(|_| D::Error::custom(format!("`{text}` is no whole number")))
}

/// A flow was paused, or goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Paused {
    flow: FlowId,
    /// Whether it is paused now.
    paused: bool,
    /// Whether the action changed anything.
    changed: bool,
    /// The node that is running the flow: a pause lets it finish that run.
    running_on: Option<String>,
    /// The same in words.
    text: String,
}

/// Something that takes longer than a request may: it goes on by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Followed {
    pub(super) accepted: bool,
    /// Where to look for it.
    pub(super) follow: &'static str,
}

pub(in crate::http) fn caller(request: &HttpRequest) -> String {
    request.extensions().get::<Caller>().map_or_else(|| "unknown".to_owned(), |caller| caller.name.clone())
}

/// A JSON body; an empty one is an empty object.
pub(super) async fn body<T: for<'de> Deserialize<'de> + Default>(payload: web::Payload) -> Result<T, Problem> {
    let bytes = payload
        .to_bytes_limited(LIMIT)
        .await
        .map_err(|_| Problem::too_large(LIMIT))?
        .map_err(|error| Problem::bad_request(format!("the body did not arrive whole: {error}"), "send it again"))?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    // serde would take an array for the object's members in their order
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Problem::bad_request("the body is no JSON object", "send a JSON object with the documented members"));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        Problem::bad_request(format!("the body cannot be read: {error}"), "send a JSON object with the documented members")
    })
}

pub(in crate::http) fn reason(why: &str) -> Result<String, Problem> {
    match why.trim() {
        long if long.chars().count() > WHY_LIMIT || long.contains('\0') => {
            Err(Problem::bad_request(format!("`why` has more than {WHY_LIMIT} characters, or a zero byte"), "say it in fewer words"))
        }
        "" => Err(Problem::bad_request("`why` is missing", "say why in a few words: the audit keeps it")),
        why => Ok(why.to_owned()),
    }
}

/// `POST /api/v1/flows/{company}/{entity}/run|pause|resume`
pub(super) async fn flow(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let parts: [String; 3] = path_parts(request.uri().path(), 3, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no flow", "use /api/v1/flows/COMPANY/ENTITY/run"))?;
    let asked: FlowBody = body(payload).await?;
    Ok(match flow_done(&surface, parts, &asked, caller(&request)).await? {
        FlowDone::Paused(flow, paused, before) => {
            let (changed, text) = (before.changes(paused), before.said(&flow, paused));
            HttpResponse::Ok().json(Paused { flow, paused, changed, running_on: before.running_on, text })
        }
        FlowDone::Begun(accepted) => HttpResponse::Accepted().json(accepted),
        FlowDone::Forgotten(forgotten) => HttpResponse::Ok().json(forgotten),
    })
}

/// What an action did with a flow.
pub(in crate::http) enum FlowDone {
    /// It is paused (true), or no longer; it stood so before.
    Paused(FlowId, bool, FlowBefore),
    /// A run was asked for.
    Begun(RunAccepted),
    /// It is forgotten.
    Forgotten(ForgottenFlow),
}

/// Forgets a flow that the configuration no longer makes.
async fn forget(surface: &Surface, flow: FlowId, drop_pending: bool, why: String, who: String) -> Result<FlowDone, Problem> {
    if flows(&surface.deps).contains(&flow) {
        let step = "take its company out of `syspro.companies`, or its entity out of the definitions, and restart the service";
        return Err(Problem::conflict(format!("flow {flow} is configured: it would be made again"), step));
    }
    let said = match surface.deps.store.flow_forget(flow.clone(), drop_pending, who, why).await? {
        Forgotten::Done(done) => return Ok(FlowDone::Forgotten(done)),
        other => refused_to_forget(&flow, &other),
    };
    Err(match said {
        None => Problem::not_found(format!("the ledger has no flow {flow}"), "`GET /api/v1/flows` lists them"),
        Some((detail, step)) => Problem::conflict(detail, step),
    })
}

/// Why a flow was not forgotten, and what to do; nothing where the ledger does not know it.
pub(crate) fn refused_to_forget(flow: &FlowId, why: &Forgotten) -> Option<(String, String)> {
    match why {
        Forgotten::Done(_) | Forgotten::Unknown => None,
        Forgotten::Held => Some((
            format!("a node is reading flow {flow}: its configuration still has it"),
            "change that configuration first, and restart that node".into(),
        )),
        Forgotten::Unknowable { parts } => Some((
            format!("{parts} parts of records of flow {flow} were sent, and what became of them is not known yet"),
            "wait until a running service has looked them up, then repeat".into(),
        )),
        Forgotten::Unsettled { records } => Some((
            format!("{records} records of flow {flow} are queued, waiting, failed or on hold"),
            "let them be delivered, or drop them: `--drop-pending`, or \"drop_pending\": true".into(),
        )),
    }
}

/// Runs, pauses, resumes or forgets a flow, for whoever asks, over the API or in the console.
///
/// # Errors
/// 400 without a reason, 404 for an unknown flow or action, 409 while it runs or where something of it is not settled.
pub(in crate::http) async fn flow_done(surface: &Surface, parts: [String; 3], asked: &FlowBody, who: String) -> Result<FlowDone, Problem> {
    let [company, entity, action] = parts;
    let (why, sweep) = (reason(&asked.why)?, asked.sweep);
    if action == "forget" {
        return forget(surface, FlowId::new(company.as_str(), entity.as_str()), asked.drop_pending, why, who).await;
    }
    let flow = FlowId::new(company.as_str(), entity.as_str());
    let known =
        surface.deps.settings.syspro.companies.contains(&flow.company) && surface.deps.definitions.now().plan(&flow.entity).is_some();
    if !known {
        return Err(Problem::not_found(format!("there is no flow {flow}"), "`GET /api/v1/flows` lists them"));
    }
    match action.as_str() {
        "pause" | "resume" => {
            let before = surface.deps.store.flow_pause(flow.clone(), action == "pause", who, why).await?;
            Ok(FlowDone::Paused(flow, action == "pause", before))
        }
        "run" => {
            let status = surface.deps.store.flow_status().await?;
            let row = status.iter().find(|row| row.company == company && row.entity == entity);
            if let Some(holder) = row.and_then(|row| row.holder.as_ref()) {
                return Err(Problem::conflict(
                    format!("flow {flow} is running on node `{holder}`"),
                    "wait until it has ended; `GET /health/flows` shows its progress",
                ));
            }
            let kind = if sweep { RunKind::Sweep } else { RunKind::Poll };
            let begun = begin(surface, flow, kind, who.clone(), why.clone()).await?;
            // the run's own row says who and why as well, once it begins; this one stands whatever becomes of it
            let mut row = NewAudit::of(AuditKind::Action).detail(&json!({ "action": "run", "kind": kind, "why": why }));
            (row.company, row.entity, row.actor) = (Some(company), Some(entity), who);
            surface.deps.store.audit_write(row).await?;
            Ok(FlowDone::Begun(begun))
        }
        other => Err(Problem::not_found(format!("a flow has no action `{other}`"), "use run, pause, resume or forget")),
    }
}

pub(super) fn no_run(refused: &StartRefused) -> Problem {
    match refused {
        StartRefused::Running(_) => {
            Problem::conflict(refused.to_string(), "wait until it has ended; `GET /health/flows` shows its progress")
        }
        StartRefused::GaveUp { .. } => Problem::conflict(refused.to_string(), "restart the service, and look at its log"),
        StartRefused::OtherDefinitions(_) => {
            Problem::conflict(refused.to_string(), "give this node the files in force, or `tieline definitions adopt`")
        }
        StartRefused::Stopping => Problem::unavailable(refused.to_string(), "try again when it runs again"),
        StartRefused::Silent => Problem::unavailable(refused.to_string(), "look at `/health/ready` and the log"),
    }
}

/// What a replay is asked for: limited in some way, or expressly all.
fn scope(asked: ReplayBody) -> Result<ReplayScope, Problem> {
    let (company, entity, key, why_parked, words, cause) = (asked.company, asked.entity, asked.key, asked.reason, asked.text, asked.cause);
    // a name or a list that came out empty names nothing: it must not mean all
    let texts = [("company", &company), ("entity", &entity), ("key", &key), ("reason", &why_parked), ("text", &words), ("cause", &cause)];
    if let Some((name, _)) = texts.into_iter().find(|(_, text)| text.as_deref() == Some("")) {
        return Err(Problem::bad_request(format!("`{name}` is empty"), "leave it out, or say which"));
    }
    if asked.keys.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::bad_request("`keys` names no record", "leave it out for every record that the rest of the request names"));
    }
    let keys = asked.keys.unwrap_or_default();
    let names = [&company, &entity, &key, &why_parked, &words, &cause].into_iter().flatten();
    if names.chain(&keys).any(|text| text.contains('\0')) {
        return Err(Problem::bad_request("a name holds a zero byte", "send text"));
    }
    if let Some(word) = &why_parked {
        word::check("reason why records are parked", word, ParkReason::WORDS.iter().copied())
            .map_err(|unknown| Problem::bad_request(unknown.detail(), format!("send one of {}", unknown.choices())))?;
    }
    if keys.len() > MOST_KEYS {
        let detail = format!("`keys` names {} records, more than {MOST_KEYS}", keys.len());
        return Err(Problem::bad_request(detail, "send them in several requests, or say what they have in common"));
    }
    if !keys.is_empty() && (company.is_none() || entity.is_none()) {
        return Err(Problem::unprocessable("`keys` alone could be records of several flows", "name `company` and `entity` beside them"));
    }
    let scope = ReplayScope {
        company,
        entity,
        key,
        run: asked.run,
        failed_only: asked.failed_only,
        since: asked.since,
        until: asked.until,
        reason: why_parked,
        text: words,
        cause,
        keys,
    };
    let limited = scope.is_limited();
    if asked.allow.is_some() && !asked.outdated {
        return Err(Problem::unprocessable("`allow` belongs to `outdated`", "leave it out, or send \"outdated\": true"));
    }
    if asked.allow.is_some_and(|most| !(0..=1_000_000_000).contains(&most)) {
        return Err(Problem::bad_request("`allow` is below 0 or above 1000000000", "say how many records may be sent"));
    }
    let by_flow = ReplayScope { company: None, entity: None, ..scope.clone() };
    if asked.outdated && (asked.all || by_flow.is_limited()) {
        return Err(Problem::unprocessable("`outdated` goes with `company` and `entity` alone", "leave the rest out"));
    }
    if !limited && !asked.all && !asked.outdated {
        return Err(Problem::unprocessable(
            "this would send every record again",
            "name company, entity, key, run, since, until, reason, text, cause, keys or failed_only, or send \"all\": true",
        ));
    }
    if limited && asked.all {
        return Err(Problem::unprocessable("`all` and a limited scope contradict each other", "send one of both"));
    }
    Ok(scope)
}

/// `POST /api/v1/replay`: a long one goes on after its answer.
pub(super) async fn replay(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Answer {
    Params::parse(request.query_string(), &[])?;
    let asked: ReplayBody = body(payload).await?;
    replay_action(&surface, asked, caller(&request)).await
}

/// Sends records again, for whoever asks, over the API or in the console.
///
/// # Errors
/// 400 without a reason, 422 without a scope, 409 while another replay is on its way.
pub(in crate::http) async fn replay_action(surface: &Surface, asked: ReplayBody, who: String) -> Answer {
    Ok(match replay_done(surface, asked, who).await? {
        Some(report) => HttpResponse::Accepted().json(report),
        None => HttpResponse::Accepted().json(Followed { accepted: true, follow: "/api/v1/runs?kind=replay" }),
    })
}

/// What differs of records that were mapped under another definition, as long as that is no more than may be sent.
async fn take_in_outdated(deps: &Deps, scope: &ReplayScope, allow: Option<i64>, who: &str, why: &str) -> Result<ReplayReport, StoreError> {
    let mut compared = outdated::compare(deps, scope.company.as_deref(), scope.entity.as_deref(), allow).await?;
    let mut report = if compared.above { ReplayReport::default() } else { outdated::send(deps, &mut compared, who, why).await? };
    report.outdated = Some(compared);
    Ok(report)
}

/// Sends records again and waits for what becomes of them, within limits; `None` while the taking in goes on by itself.
///
/// # Errors
/// 400 without a reason, 422 without a scope, 409 while another replay is on its way, or where other definitions are in force.
pub(in crate::http) async fn replay_done(surface: &Surface, asked: ReplayBody, who: String) -> Result<Option<ReplayReport>, Problem> {
    if let Some(why) = surface.deps.definitions.view().complaint() {
        return Err(Problem::conflict(why, "ask a node that has the definitions in force"));
    }
    let why = reason(&asked.why)?;
    let outdated = asked.outdated.then_some(asked.allow);
    let scope = scope(asked)?;
    surface.check_names(scope.company.as_deref(), scope.entity.as_deref()).await?;
    let named = scope.by_key_alone().map(str::to_owned);
    let Ok(turn) = surface.replaying.clone().try_acquire_owned() else {
        return Err(Problem::conflict("a replay is on its way", "wait until it has ended; `GET /api/v1/runs` shows it"));
    };
    let mut row = NewAudit::of(AuditKind::Action)
        .detail(&json!({ "action": "replay", "why": why, "company": scope.company, "entity": scope.entity, "key": scope.key, "run": scope.run, "failed_only": scope.failed_only, "since": scope.since, "until": scope.until, "reason": scope.reason, "text": scope.text, "cause": scope.cause, "keys": scope.keys, "outdated": outdated.is_some(), "allow": outdated.flatten() }));
    row.actor.clone_from(&who);
    surface.deps.store.audit_write(row).await?;
    let (deps, root, patient) = (surface.deps.clone(), surface.root.clone(), surface.deps.clone());
    // a task of its own: a caller that goes away must not leave a run without an end
    let task = actix_web::rt::spawn(async move {
        let _turn = turn;
        // nothing is mapped before anything may begin
        if !deps.waits.over(&deps.stopping).await {
            tracing::warn!("the service stops; a replay that waited for the look at ServiceNow did not begin");
            return Err(Problem::unavailable(
                "the service is stopping; nothing was mapped or sent again",
                "ask again once the service runs: that is harmless",
            ));
        }
        let result = match outdated {
            Some(allow) => take_in_outdated(&deps, &scope, allow, &who, &why).await,
            None => take_in(&deps, scope, &who, Some(why)).await,
        };
        if let Err(error) = &result {
            tracing::warn!(error = %crate::actors::chain(error), "a replay did not come to its end; doing it again is harmless");
        }
        root.nudge_all();
        result.map_err(Problem::from)
    });
    match tokio::time::timeout(REPLAY_WAIT, task).await {
        Ok(Ok(report)) => {
            let mut report = report?;
            if let Some(outdated) = report.outdated.as_ref().filter(|outdated| outdated.above) {
                let fix = format!("look at some of them, then send `\"allow\": {}` if the change is meant", outdated.differing());
                return Err(Problem::conflict(outdated.to_string(), fix));
            }
            if let Some(key) = named.filter(|_| report.documents == 0 && report.skipped.is_empty()) {
                return Err(Problem::not_found(format!("no record `{key}` was ever read from SYSPRO"), HOW_KEYS_ARE_WRITTEN));
            }
            // without an outcome it is done all the same
            report.outcome = report.followed.settle(&patient, OUTCOME_WAIT).await.unwrap_or_default();
            Ok(Some(report))
        }
        Ok(Err(_)) => Err(Problem::unavailable("the replay crashed; what it did stays done", "do it again: that is harmless")),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(json: &str) -> Result<ReplayScope, String> {
        let asked: ReplayBody = serde_json::from_str(json).map_err(|error| error.to_string())?;
        scope(asked).map_err(|problem| problem.detail)
    }

    #[test]
    fn a_replay_is_limited_or_expressly_of_all() {
        assert_eq!(ask("{}").expect_err("no limit"), "this would send every record again");
        for name in ["company", "entity", "key", "reason", "text", "cause"] {
            // a script whose variable is empty must not send more than it meant
            let one = format!(r#"{{"{name}":"","failed_only":true}}"#);
            assert_eq!(ask(&one).expect_err("an empty name limits nothing"), format!("`{name}` is empty"));
        }
        assert!(ask(r#"{"all":true}"#).is_ok());
        assert!(ask(r#"{"outdated":true,"allow":12.0}"#).is_ok());
        assert!(ask(r#"{"outdated":true,"allow":12.5}"#).expect_err("half a record").contains("no whole number"));
        assert!(ask(r#"{"failed_only":true}"#).expect("limited").failed_only);
        assert!(ask(r#"{"all":true,"failed_only":true}"#).expect_err("both").contains("contradict"));
        assert!(ask(r#"{"entitty":"invoice"}"#).expect_err("unknown").contains("unknown field `entitty`"));
        assert!(ask(r#"{"run":"7"}"#).is_err());
        assert!(ask(r#"{"reason":"lost"}"#).expect_err("no reason").contains("there is no reason why records are parked `lost`"));
        assert!(ask(r#"{"since":"2026-01-31T08:00:00Z","text":"period"}"#).expect("limited").since.is_some());
        assert_eq!(ask(r#"{"cause":"0123"}"#).expect("limited").cause.as_deref(), Some("0123"));
        assert!(ask(r#"{"keys":["7"]}"#).expect_err("of which flow").contains("several flows"));
        assert_eq!(ask(r#"{"company":"EDU1","entity":"invoice","keys":["7"]}"#).expect("limited").keys, ["7"]);
        let none = ask(r#"{"company":"EDU1","entity":"invoice","keys":[]}"#);
        assert_eq!(none.expect_err("an empty list is not the whole flow"), "`keys` names no record");
        let many = format!(r#"{{"company":"EDU1","entity":"invoice","keys":{}}}"#, serde_json::json!(vec!["7"; 1001]));
        assert!(ask(&many).expect_err("too many").contains("more than 1000"));
        assert!(ask(r#"{"key":"a\u0000"}"#).expect_err("zero").contains("zero byte"));
    }

    #[test]
    fn a_reason_says_something_and_is_bounded() {
        assert_eq!(reason("  wrong code list "), Ok("wrong code list".to_owned()));
        for why in [String::new(), "  ".into(), "x".repeat(1001), "a\0".into()] {
            assert_eq!(reason(&why).expect_err("refused").status, 400);
        }
    }

    #[test]
    fn refusals_of_a_run_have_their_statuses() {
        let flow = FlowId::new("EDU1", "invoice");
        assert_eq!(no_run(&StartRefused::Running(flow.clone())).status, 409);
        assert_eq!(no_run(&StartRefused::GaveUp { flow, cause: "x".into() }).status, 409);
        assert_eq!(no_run(&StartRefused::Stopping).status, 503);
    }
}
