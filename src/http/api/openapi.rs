//! The description of the HTTP interface: OpenAPI 3.1, made from the table of routes, the tables of parameters that the handlers check by, and
//! the types that they read and answer.
//!
//! A route without an entry in [`OPERATIONS`] fails a test; schemathesis holds the running service against the result.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    ArrayBuilder, ComponentsBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use super::{actions, backfill, conflicts, doctor, hold, lists, runs, sending};
use crate::actors::replay::ReplayReport;
use crate::http::auth::{ROUTES, Route};
use crate::http::problem::Problem;
use crate::http::query::{Kind, Param, Params};
use crate::store::{
    AuditRow, BackfillRow, CauseRow, ConflictRow, DocumentRow, FailureRow, FlowStatus, ForgottenFlow, NodeRow, RecordView, Resumed, RunRow,
};

/// No zero byte, which Postgres cannot keep.
const TEXT: &str = "^[^\\u0000]*$";

/// Why something is asked for, in a few words; the audit keeps it.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$", min_length = 1, max_length = 1000)]
pub(super) struct Why(#[allow(dead_code)] String); // names its form in the description, no more

/// A name or a text, as SYSPRO writes it; without zero bytes.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]*$")]
pub(super) struct Name(#[allow(dead_code)] String); // as above

/// A name or a text that is not empty; without zero bytes.
#[derive(ToSchema)]
#[schema(pattern = "^[^\\u0000]+$", min_length = 1)]
pub(super) struct Filled(#[allow(dead_code)] String); // names its form in the description, no more

/// Puts a type and what it is made of among the components; answers its name.
type Component = fn(&mut BTreeMap<String, RefOr<Schema>>) -> String;

fn component<T: ToSchema>(into: &mut BTreeMap<String, RefOr<Schema>>) -> String {
    let mut parts = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut parts);
    into.extend(parts);
    T::name().into_owned()
}

/// What a route answers when it did what was asked.
#[derive(Clone, Copy)]
enum Answer {
    /// A page of a list.
    Page(Component),
    /// One thing.
    One(u16, Component),
    /// One of two.
    Either(u16, Component, Component),
    /// JSON whose form is told in words alone.
    Json,
    /// How well something stands: 200, or 503 with the same form.
    Health,
    /// Text of this type.
    Text(&'static str),
}

/// What is said of a route.
#[derive(Clone, Copy)]
struct Operation {
    method: &'static str,
    path: &'static str,
    /// Its name in clients that are made from the description.
    id: &'static str,
    summary: &'static str,
    params: &'static [Param],
    body: Option<Component>,
    answer: Answer,
}

const fn get(path: &'static str, id: &'static str, summary: &'static str, params: &'static [Param], answer: Answer) -> Operation {
    Operation { method: "GET", path, id, summary, params, body: None, answer }
}

const fn post(path: &'static str, id: &'static str, summary: &'static str, body: Component, answer: Answer) -> Operation {
    Operation { method: "POST", path, id, summary, params: &[], body: Some(body), answer }
}

/// Every route, in the order in which it is shown.
const OPERATIONS: &[Operation] = &[
    get("/health/live", "isAlive", "Whether the process runs", &[], Answer::Json),
    get("/health/ready", "isReady", "Whether work can be done, and what is missing", &[], Answer::Health),
    get("/health/flows", "flowHealth", "Per flow the age of its last progress; 503 when one is stuck", &[], Answer::Health),
    get("/metrics", "metrics", "The metrics, for Prometheus", &[], Answer::Text("text/plain")),
    get("/api/v1/openapi.json", "describe", "This description", &[], Answer::Json),
    get("/api/v1/flows", "listFlows", "Every flow, and how it stands", &[], Answer::Page(component::<FlowStatus>)),
    get("/api/v1/nodes", "listNodes", "The services on this ledger", &[], Answer::Page(component::<NodeRow>)),
    get(
        "/api/v1/definitions",
        "getDefinitions",
        "The definitions of the node that answers, those in force, and every set that ever was",
        &[],
        Answer::One(200, component::<lists::DefinitionsView>),
    ),
    get("/api/v1/runs", "listRuns", "Runs, the newest first", lists::RUNS, Answer::Page(component::<RunRow>)),
    get("/api/v1/runs/{run}", "getRun", "One run, and what became of its records", &[], Answer::One(200, component::<RunRow>)),
    get(
        "/api/v1/records",
        "listRecords",
        "Records in the order in which they were first read",
        lists::RECORDS,
        Answer::Page(component::<DocumentRow>),
    ),
    get(
        "/api/v1/records/{company}/{entity}/{*key}",
        "getRecord",
        "One record's life, and where it stands and why",
        &[],
        Answer::One(200, component::<RecordView>),
    ),
    post(
        "/api/v1/records/park",
        "parkRecords",
        "Holds records back: nothing of them is sent until they are released",
        component::<hold::HoldBody>,
        Answer::One(200, component::<hold::HoldAnswer>),
    ),
    post(
        "/api/v1/records/release",
        "releaseRecords",
        "Takes holds off, and makes due again what is parked, as it was mapped",
        component::<hold::HoldBody>,
        Answer::One(200, component::<hold::HoldAnswer>),
    ),
    get(
        "/api/v1/failures",
        "listFailures",
        "What did not arrive, with the next step",
        lists::FAILURES,
        Answer::Page(component::<FailureRow>),
    ),
    get(
        "/api/v1/failures/causes",
        "listFailureCauses",
        "The same by cause: an example, the values that differ, what is at stake per currency, and the parents waited for",
        lists::CAUSES,
        Answer::Page(component::<CauseRow>),
    ),
    get("/api/v1/conflicts", "listConflicts", "What waits for a person", conflicts::CONFLICTS, Answer::Page(component::<ConflictRow>)),
    get("/api/v1/conflicts/{id}", "getConflict", "One entry of the conflict list", &[], Answer::One(200, component::<ConflictRow>)),
    post(
        "/api/v1/conflicts/resolve",
        "resolveConflicts",
        "Says whose value counts; the next run acts on it",
        component::<conflicts::ResolveBody>,
        Answer::One(200, component::<conflicts::Resolved>),
    ),
    post(
        "/api/v1/conflicts/adopt",
        "adoptLists",
        "Takes two lists for put in step from now on",
        component::<conflicts::AdoptBody>,
        Answer::One(200, component::<conflicts::Adopted>),
    ),
    get("/api/v1/audit", "listAudit", "Audit rows, the oldest first", lists::AUDIT, Answer::Page(component::<AuditRow>)),
    post(
        "/api/v1/flows/{company}/{entity}/run",
        "runFlow",
        "Runs a flow now",
        component::<actions::FlowBody>,
        Answer::One(202, component::<runs::RunAccepted>),
    ),
    post(
        "/api/v1/flows/{company}/{entity}/pause",
        "pauseFlow",
        "Reads a flow no more until it is resumed",
        component::<actions::FlowBody>,
        Answer::One(200, component::<actions::Paused>),
    ),
    post(
        "/api/v1/flows/{company}/{entity}/resume",
        "resumeFlow",
        "Goes on with a flow that was paused or stopped",
        component::<actions::FlowBody>,
        Answer::One(200, component::<actions::Paused>),
    ),
    post(
        "/api/v1/flows/{company}/{entity}/forget",
        "forgetFlow",
        "Forgets a flow that the configuration no longer makes; its records stay as history",
        component::<actions::FlowBody>,
        Answer::One(200, component::<ForgottenFlow>),
    ),
    get(
        "/api/v1/sending",
        "getSending",
        "The pauses in sending that ServiceNow asked for",
        &[],
        Answer::One(200, component::<sending::SendingPaused>),
    ),
    post(
        "/api/v1/sending/resume",
        "resumeSending",
        "Ends the pauses that ServiceNow asked for: what waits for their end is sent now",
        component::<sending::SendingBody>,
        Answer::One(200, component::<Resumed>),
    ),
    post(
        "/api/v1/replay",
        "replay",
        "Maps stored records anew and sends them again",
        component::<actions::ReplayBody>,
        Answer::Either(202, component::<ReplayReport>, component::<actions::Followed>),
    ),
    post(
        "/api/v1/backfill",
        "backfill",
        "Reads a period of history again, beside the polls",
        component::<backfill::BackfillBody>,
        Answer::One(202, component::<backfill::Accepted>),
    ),
    get("/api/v1/backfills", "listBackfills", "Backfills, the newest first", backfill::BACKFILLS, Answer::Page(component::<BackfillRow>)),
    get("/api/v1/backfills/{id}", "getBackfill", "One backfill, and how far it is", &[], Answer::One(200, component::<BackfillRow>)),
    post(
        "/api/v1/backfills/{id}/cancel",
        "cancelBackfill",
        "Ends a backfill early; what it has read stays",
        component::<backfill::CancelBody>,
        Answer::One(200, component::<BackfillRow>),
    ),
    get(
        "/api/v1/doctor",
        "getExamination",
        "The last examination of both systems by this process",
        &[],
        Answer::One(200, component::<doctor::ExaminationView>),
    ),
    post(
        "/api/v1/doctor",
        "examine",
        "Begins an examination of both systems, rights, clocks, certificates and the database",
        component::<doctor::DoctorBody>,
        Answer::One(202, component::<actions::Followed>),
    ),
];

/// The document, made once.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());

/// `GET /api/v1/openapi.json`
pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Params::parse(request.query_string(), &[])?;
    Ok(HttpResponse::Ok().content_type("application/json").body(web::Bytes::from_static(DOCUMENT.as_bytes())))
}

fn document() -> OpenApi {
    let mut components = BTreeMap::new();
    component::<Problem>(&mut components);
    let mut paths = PathsBuilder::new();
    for route in ROUTES {
        let Some(operation) = OPERATIONS.iter().find(|operation| (operation.method, operation.path) == (route.method, route.path)) else {
            continue; // a test finds it
        };
        let method = if route.method == "GET" { HttpMethod::Get } else { HttpMethod::Post };
        paths = paths.path(route.path.replace("{*", "{"), PathItem::new(method, described(route, operation, &mut components)));
    }
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, made with `tieline api-key add NAME --role ROLE`"))
        .build();
    let info = InfoBuilder::new().title("Tieline").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Carries records from SYSPRO into ServiceNow. Lists answer `{\"items\", \"next\"}`; send `next` as `after` for the following page. \
         Every action takes `why`, which the audit keeps, and may carry `Idempotency-Key`, under which it is done once. Refusals say in \
         `next_step` what to do.",
    ));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(components).security_scheme("key", SecurityScheme::Http(key)).build()))
        .tags(Some([
            TagBuilder::new().name("health").description(Some("Open, unless the settings close them")).build(),
            TagBuilder::new().name("lists").description(Some("What can be read")).build(),
            TagBuilder::new().name("actions").description(Some("What can be done; each names who, when and why in the audit")).build(),
        ]))
        .build()
}

fn described(route: &Route, said: &Operation, components: &mut BTreeMap<String, RefOr<Schema>>) -> utoipa::openapi::path::Operation {
    let needs = route.needs.map(|needs| format!("\n\nNeeds a key that may {}.", needs.in_words())).unwrap_or_default();
    let tag = match (route.needs, route.method) {
        (None, _) => "health",
        (Some(_), "GET") => "lists",
        _ => "actions",
    };
    let mut operation = OperationBuilder::new().operation_id(Some(said.id)).summary(Some(said.summary)).tag(tag);
    operation = operation.description(Some(format!("{}.{needs}", said.summary)));
    for part in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let name = part.trim_start_matches('*');
        let schema = match name {
            "id" => number(1, i64::MAX),
            "run" => schema_of(Kind::Uuid),
            _ => text(TEXT, 1, None),
        };
        let (what, example) = match name {
            "company" => ("the SYSPRO company", json!("EDU1")),
            "entity" => ("the entity", json!("supplier")),
            "key" => ("the key as lists show it, its parts joined by `/`, percent-encoded", json!("0000104")),
            "run" => ("its id", json!("01936b2e-0000-7000-8000-000000000000")),
            _ => ("its number", json!(17)),
        };
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(what))
                .example(Some(example))
                .schema(Some(schema)),
        );
    }
    for param in said.params {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(param.name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(param.what))
                .schema(Some(schema_of(param.kind))),
        );
    }
    if let Some(body) = said.body {
        let name = body(components);
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
        operation = operation
            .request_body(Some(RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content).build()))
            .parameter(
                ParameterBuilder::new()
                    .name("Idempotency-Key")
                    .parameter_in(ParameterIn::Header)
                    .required(Required::False)
                    .description(Some("a fresh UUID for each action: asked for again with it within 24 hours, it is not done again"))
                    .schema(Some(text("^[\\x21-\\x7e]+$", 1, Some(255)))),
            );
    }
    let (status, content) = answer(said.answer, components);
    let (kind, schema) = content;
    operation = operation.response(status.to_string(), response("it is done", kind, schema.clone()));
    let mut problems: Vec<(u16, &str)> = vec![
        (400, "the request cannot be understood"),
        (401, "no key, or one that is wrong, removed or expired"),
        (403, "the key's role may not do this"),
        (500, "a mistake of ours"),
        (503, "something that this needs does not answer"),
    ];
    if route.path.contains('{') || said.body.is_some() {
        problems.push((404, "there is no such thing"));
    }
    if said.body.is_none() && said.params.iter().any(|param| param.name == "company") {
        problems.push((422, "it names a company or an entity that there is not"));
    }
    if said.body.is_some() {
        problems.extend([
            (408, "the body did not arrive in time"),
            (409, "not now: something of this is on its way"),
            (413, "the body is too large"),
            (415, "the body is compressed"),
            (422, "what is asked for contradicts itself, or an earlier request with the same `Idempotency-Key`"),
        ]);
    }
    for (status, what) in problems {
        let mut refused = response(what, "application/problem+json", Ref::from_schema_name("Problem").into());
        if status == 503 && matches!(said.answer, Answer::Health) {
            refused.content.insert(kind.to_owned(), ContentBuilder::new().schema(Some(schema.clone())).build().into());
        }
        operation = operation.response(status.to_string(), refused);
    }
    if route.needs.is_some() {
        operation = operation.security(SecurityRequirement::new("key", Vec::<String>::new()));
    }
    operation.build()
}

fn response(what: &str, kind: &str, schema: RefOr<Schema>) -> Response {
    ResponseBuilder::new().description(what).content(kind, ContentBuilder::new().schema(Some(schema)).build()).build()
}

/// The status, the content's type and its schema.
fn answer(answer: Answer, components: &mut BTreeMap<String, RefOr<Schema>>) -> (u16, (&'static str, RefOr<Schema>)) {
    const JSON: &str = "application/json";
    let reference = |name: String| RefOr::<Schema>::from(Ref::from_schema_name(name));
    match answer {
        Answer::Page(item) => {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(item(components))).build();
            let next = ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                .description(Some("to be sent as `after`; null: that was all"));
            let page = ObjectBuilder::new().property("items", items).property("next", next).required("items").required("next").build();
            (200, (JSON, Schema::Object(page).into()))
        }
        Answer::One(status, one) => (status, (JSON, reference(one(components)))),
        Answer::Either(status, one, other) => {
            let either = utoipa::openapi::OneOfBuilder::new().item(reference(one(components))).item(reference(other(components))).build();
            (status, (JSON, Schema::OneOf(either).into()))
        }
        Answer::Json | Answer::Health => (200, (JSON, Schema::Object(Object::with_type(Type::Object)).into())),
        Answer::Text(kind) => (200, (kind, Schema::Object(Object::with_type(Type::String)).into())),
    }
}

fn text(pattern: &str, shortest: usize, longest: Option<usize>) -> Schema {
    let built = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).min_length(Some(shortest)).max_length(longest);
    Schema::Object(built.build())
}

fn number(least: i64, most: i64) -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    Schema::Object(ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).minimum(Some(least)).maximum(Some(most)).build())
}

fn schema_of(kind: Kind) -> Schema {
    let formatted =
        |format| Schema::Object(ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format))).build());
    match kind {
        Kind::Text => text(TEXT, 1, None),
        Kind::Word(_) | Kind::Failure => {
            let words = kind.words().into_iter().map(|word| json!(word));
            Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build())
        }
        Kind::Instant => formatted(KnownFormat::DateTime),
        Kind::Number(least, most) => number(least, most),
        Kind::Uuid => formatted(KnownFormat::Uuid),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_once_and_nothing_else_is() {
        let routes: Vec<_> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
        let said: Vec<_> = OPERATIONS.iter().map(|operation| (operation.method, operation.path)).collect();
        assert_eq!(routes.iter().collect::<BTreeSet<_>>(), said.iter().collect::<BTreeSet<_>>());
        assert_eq!(routes.len(), said.len());
        let ids: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
        assert_eq!(ids.len(), OPERATIONS.len(), "names of operations are their own");
    }

    #[test]
    fn the_document_is_of_version_3_1_and_refers_to_nothing_that_is_missing() {
        let text = DOCUMENT.as_str();
        let document: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert!(document["openapi"].as_str().expect("version").starts_with("3.1"));
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for reference in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let name = reference.strip_prefix("#/components/schemas/").expect(reference);
            assert!(schemas.contains_key(name), "{reference}");
        }
        assert_eq!(schemas["Why"]["maxLength"], 1000, "{}", schemas["Why"]);
        assert_eq!(schemas["FlowBody"]["additionalProperties"], false);
        assert_eq!(schemas["FlowBody"]["required"], serde_json::json!(["why"]));
    }
}
