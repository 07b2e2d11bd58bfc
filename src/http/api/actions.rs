//! The actions: run, pause and resume a flow; send records again.

use actix_web::{HttpMessage, HttpRequest, web};
use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::entry::{Either, InBackground};
use super::texts::{Filled, Name, Why};
use crate::domain::FlowId;
use crate::domain::delivery::FailureReason;
use crate::domain::ids::RunId;
use crate::domain::role::Permission;
use crate::domain::run::RunKind;
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::problem::{Problem, reason};
use crate::http::query::path_parts;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::replay::{Selection, Which};
use crate::operations::resend::ReplayReport;
use crate::operations::{self, Refused, Requested, RunStarted};
use crate::store::{FlowAction, FlowBefore, ForgottenFlow, ReplayScope, SmallerTables, Undelivered};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::post::<RunBody, InBackground<RunAccepted>>(
            "/api/v1/flows/{company}/{entity}/run",
            Permission::Operate,
            "runFlow",
            "Runs a flow now",
            run,
        ),
        Route::post::<PauseBody, Paused>(
            "/api/v1/flows/{company}/{entity}/pause",
            Permission::Operate,
            "pauseFlow",
            "Stops reading a flow until it is resumed",
            pause,
        ),
        Route::post::<ResumeBody, Paused>(
            "/api/v1/flows/{company}/{entity}/resume",
            Permission::Operate,
            "resumeFlow",
            "Resumes a flow that a person paused or that Tieline stopped",
            resume,
        ),
        Route::post::<ForgetBody, ForgottenFlow>(
            "/api/v1/flows/{company}/{entity}/forget",
            Permission::Operate,
            "forgetFlow",
            "Forgets a flow that is no longer configured; its records stay as history",
            forget,
        ),
        Route::post::<ReplayBody, InBackground<Either<ReplayReport, Followed>>>(
            "/api/v1/replay",
            Permission::Operate,
            "replay",
            "Maps stored records again and sends them",
            replay,
        ),
    ]
}

/// The body of a run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct RunBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
    /// Read everything again.
    sweep: bool,
}

/// The body of a pause.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct PauseBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
}

/// The body of a resumption.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct ResumeBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
    /// For a flow that stopped because SYSPRO has fewer rows: accept that until the next read of the whole table has ended.
    accept_smaller: bool,
}

/// The body of forgetting a flow.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct ForgetBody {
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    why: String,
    /// Drop what is not settled.
    drop_pending: bool,
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
    /// Only records whose content changed in this run.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub(in crate::http) run: Option<RunId>,
    /// Only records with a part that failed, waits for a parent or is on hold.
    pub(in crate::http) failed_only: bool,
    /// Only records whose newest version was read at this time or later.
    pub(in crate::http) since: Option<DateTime<Utc>>,
    /// Only records whose newest version was read before this time.
    pub(in crate::http) until: Option<DateTime<Utc>>,
    /// Only records with a part that failed, waits or is on hold for this reason.
    #[schema(value_type = Option<FailureReason>)]
    pub(in crate::http) reason: Option<String>,
    /// Only records with a failed part whose message contains this text.
    #[schema(value_type = Option<Filled>)]
    pub(in crate::http) text: Option<String>,
    /// Only records that failed for this cause: the error message without the parts that differ between records, as the console groups
    /// them.
    #[schema(value_type = Option<Filled>)]
    pub(in crate::http) cause: Option<String>,
    /// Only these records.
    #[schema(value_type = Option<Vec<Name>>, min_items = 1, max_items = 1000)]
    pub(in crate::http) keys: Option<Vec<String>>,
    /// Only records that were mapped under another definition than the one in force, and of those only the parts that differ from what was
    /// sent.
    pub(in crate::http) outdated: bool,
    /// With `outdated`: sends up to this many records, regardless of `flows.change_limit`.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    #[serde(deserialize_with = "whole_number")]
    pub(in crate::http) allow: Option<i64>,
    /// All records; without it, a request without a limit is refused.
    pub(in crate::http) all: bool,
    /// The reason, for the audit.
    #[schema(required = true, value_type = Why)]
    pub(in crate::http) why: String,
}

/// A whole number; a program may also write it as `12.0`.
fn whole_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(from)? else { return Ok(None) };
    let text = number.to_string();
    let whole = text.strip_suffix(".0").unwrap_or(&text).parse();
    whole.map(Some).map_err(|_| D::Error::custom(format!("`{text}` is not a whole number")))
}

/// A flow was paused or resumed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Paused {
    flow: FlowId,
    /// Whether it is paused now.
    paused: bool,
    /// Whether the action changed anything.
    changed: bool,
    /// The node that is running the flow: a pause lets it finish that run.
    running_on: Option<String>,
    /// The same as a sentence.
    text: String,
}

impl Paused {
    fn of(flow: FlowId, action: FlowAction, before: FlowBefore) -> Self {
        let (changed, text) = (before.changes(action), before.said(&flow, action));
        Self { flow, paused: action.pauses(), changed, running_on: before.running_on, text }
    }
}

/// A requested run.
#[derive(Debug, Serialize, ToSchema)]
struct RunAccepted {
    flow: FlowId,
    /// The kind of run.
    #[schema(value_type = String)]
    accepted: RunKind,
    /// The run's id.
    run: RunId,
    /// Whether it has started. If not, it starts soon, and until then `follow` answers 404.
    begun: bool,
    /// The path of its result: request it until `outcome` is `done` or `failed`.
    follow: String,
}

impl From<RunStarted> for RunAccepted {
    fn from(RunStarted { flow, kind, run, begun }: RunStarted) -> Self {
        Self { flow, accepted: kind, run, begun, follow: format!("/api/v1/runs/{run}") }
    }
}

/// Work that takes longer than a request may: it continues in the background.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Followed {
    pub(super) accepted: bool,
    /// The path of its result.
    pub(super) follow: &'static str,
}

pub(in crate::http) fn caller(request: &HttpRequest) -> String {
    request.extensions().get::<Caller>().map_or_else(|| "unknown".to_owned(), |caller| caller.name.clone())
}

/// The person who requests an action, and the reason.
///
/// # Errors
/// 400 without a reason.
pub(in crate::http) fn requested(request: &HttpRequest, why: &str) -> Result<Requested, Problem> {
    Ok(Requested::new(caller(request), reason(why)?))
}

/// The flow in a path.
fn flow_of(request: &HttpRequest) -> Result<FlowId, Problem> {
    let parts: [String; 3] = path_parts(request.uri().path(), 3, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no flow", "use /api/v1/flows/COMPANY/ENTITY/run"))?;
    let [company, entity, _] = parts;
    Ok(FlowId::new(company.as_str(), entity.as_str()))
}

async fn run(
    app_state: web::Data<AppState>,
    request: HttpRequest,
    Body(asked): Body<RunBody>,
) -> Result<InBackground<RunAccepted>, Problem> {
    let flow = flow_of(&request)?;
    let kind = if asked.sweep { RunKind::Sweep } else { RunKind::Poll };
    let started = app_state.service.run(flow, kind, requested(&request, &asked.why)?).await?;
    Ok(InBackground(RunAccepted::from(started)))
}

async fn pause(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<PauseBody>) -> Result<Paused, Problem> {
    let flow = flow_of(&request)?;
    let before = operations::flow::pause(&app_state.process, flow.clone(), requested(&request, &asked.why)?).await?;
    Ok(Paused::of(flow, FlowAction::Pause, before))
}

async fn resume(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<ResumeBody>) -> Result<Paused, Problem> {
    let flow = flow_of(&request)?;
    let smaller = SmallerTables::accepted(asked.accept_smaller);
    let before = operations::flow::resume(&app_state.process, flow.clone(), smaller, requested(&request, &asked.why)?).await?;
    Ok(Paused::of(flow, FlowAction::Resume, before))
}

async fn forget(app_state: web::Data<AppState>, request: HttpRequest, Body(asked): Body<ForgetBody>) -> Result<ForgottenFlow, Problem> {
    let flow = flow_of(&request)?;
    let undelivered = if asked.drop_pending { Undelivered::Drop } else { Undelivered::Keep };
    let forgotten = operations::flow::forget(&app_state.process, flow, undelivered, requested(&request, &asked.why)?).await?;
    Ok(forgotten)
}

/// The scope of a replay: limited in some way, or explicitly all.
///
/// # Errors
/// As [`Which::of`].
pub(in crate::http) fn which(asked: ReplayBody) -> Result<Which, Refused> {
    let ReplayBody { company, entity, key, run, failed_only, since, until, reason, text, cause, keys, outdated, allow, all, why: _ } =
        asked;
    let scope = ReplayScope { company, entity, key, run, failed_only, since, until, reason, text, cause, keys: Vec::new(), approval: None };
    Which::of(Selection { scope, keys, all, outdated, allow })
}

/// A long replay continues after its answer.
async fn replay(
    app_state: web::Data<AppState>,
    request: HttpRequest,
    Body(asked): Body<ReplayBody>,
) -> Result<InBackground<Either<ReplayReport, Followed>>, Problem> {
    let requested = requested(&request, &asked.why)?;
    Ok(InBackground(match app_state.service.replay(which(asked)?, requested).await? {
        Some(report) => Either::Left(report),
        None => Either::Right(Followed { accepted: true, follow: "/api/v1/runs?kind=replay" }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(json: &str) -> Result<ReplayScope, String> {
        let asked: ReplayBody = serde_json::from_str(json).map_err(|error| error.to_string())?;
        match which(asked).map_err(|refused| refused.what())? {
            Which::Scope(scope) | Which::Outdated { scope, .. } => Ok(scope),
        }
    }

    #[test]
    fn a_replay_is_limited_or_expressly_of_all() {
        assert_eq!(ask("{}").expect_err("no limit"), "this would send every record again");
        for name in ["company", "entity", "key", "reason", "text", "cause"] {
            // a script with an empty variable must not send more than it meant to
            let one = format!(r#"{{"{name}":"","failed_only":true}}"#);
            assert_eq!(ask(&one).expect_err("an empty name limits nothing"), format!("`{name}` is empty"));
        }
        assert!(ask(r#"{"all":true}"#).is_ok());
        assert!(ask(r#"{"outdated":true,"allow":12.0}"#).is_ok());
        assert!(ask(r#"{"outdated":true,"allow":12.5}"#).expect_err("half a record").contains("not a whole number"));
        assert!(ask(r#"{"failed_only":true}"#).expect("limited").failed_only);
        assert!(ask(r#"{"all":true,"failed_only":true}"#).expect("all within the limit").failed_only);
        assert!(ask(r#"{"entitty":"invoice"}"#).expect_err("unknown").contains("unknown field `entitty`"));
        assert!(ask(r#"{"run":"7"}"#).is_err());
        assert!(ask(r#"{"reason":"lost"}"#).expect_err("no reason").contains("there is no reason `lost`"));
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
}
