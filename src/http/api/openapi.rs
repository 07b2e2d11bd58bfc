//! The description of the HTTP interface: OpenAPI 3.1, made from the routes, from the parameter tables that the handlers use for their
//! checks, and from the types that they read and answer. schemathesis tests the running service against it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    ArrayBuilder, ComponentsBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder};

use super::texts::{PERIOD, PERIOD_OR_YEAR, TEXT};
use crate::domain::role::Permission;
use crate::http::problem::Problem;
use crate::http::query::Kind;
use crate::http::route::{Described, Route, Routes, Shape, component};
use crate::http::state::AppState;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::other("/api/v1/openapi.json", Some(Permission::Read), "describe", "This description", Shape::Json, show)]
}

/// The document, created once.
static DOCUMENT: OnceLock<String> = OnceLock::new();

async fn show(app_state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    let document = DOCUMENT.get_or_init(|| document(app_state.routes).to_json().unwrap_or_default());
    Ok(HttpResponse::Ok().content_type("application/json").body(web::Bytes::from_static(document.as_bytes())))
}

fn document(routes: &Routes) -> OpenApi {
    let mut components = BTreeMap::new();
    component::<Problem>(&mut components);
    let mut paths = PathsBuilder::new();
    for (route, operation) in routes.iter().filter_map(|route| Some((route, route.described.as_ref()?))) {
        let method = if route.method == "GET" { HttpMethod::Get } else { HttpMethod::Post };
        paths = paths.path(route.path.replace("{*", "{"), PathItem::new(method, described(route, operation, &mut components)));
    }
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, made with `tieline api-key add NAME --role ROLE`"))
        .build();
    let info = InfoBuilder::new().title("Tieline").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Copies records from SYSPRO to ServiceNow. Lists answer `{\"items\", \"next\"}`; send `next` as `after` for the following page. \
         Every action takes `why`, which is stored in the audit, and accepts `Idempotency-Key`, with which it runs once. Refusals say in \
         `next_step` what to do.",
    ));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(components).security_scheme("key", SecurityScheme::Http(key)).build()))
        .tags(Some([
            TagBuilder::new().name("health").description(Some("Open, unless the settings close them")).build(),
            TagBuilder::new().name("lists").description(Some("Read access")).build(),
            TagBuilder::new().name("actions").description(Some("Actions; the audit stores who, when and why")).build(),
        ]))
        .build()
}

fn described(route: &Route, said: &Described, components: &mut BTreeMap<String, RefOr<Schema>>) -> utoipa::openapi::path::Operation {
    let needs = route.needs.map(|needs| format!("\n\nNeeds a key that may {}.", needs.in_words())).unwrap_or_default();
    let tag = match (route.needs, route.method) {
        (None, _) => "health",
        (Some(_), "GET") => "lists",
        _ => "actions",
    };
    let mut operation = OperationBuilder::new().operation_id(Some(said.id)).summary(Some(said.summary)).tag(tag);
    operation = operation.description(Some(format!("{}.{needs}", said.summary)));
    for name in parts(route) {
        let Some((schema, what, example)) = part(name) else { continue };
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
                    .description(Some(
                        "a new UUID for each action; a repeated request with the same value within `retention.idempotency_keys_days` is not carried out \
                         again",
                    ))
                    .schema(Some(text("^[\\x21-\\x7e]+$", 1, Some(255)))),
            );
    }
    let (status, content) = answer(said.answer, components);
    let (kind, schema) = content;
    operation = operation.response(status.as_str(), response("it is done", kind, schema.clone()));
    let mut problems: Vec<(u16, &str)> = vec![
        (400, "the request is not valid"),
        (401, "no key, or one that is wrong, removed or expired"),
        (403, "the key's role may not do this"),
        (500, "an error of Tieline"),
        (503, "the database or another part does not answer"),
    ];
    if route.path.contains('{') || said.body.is_some() {
        problems.push((404, "not found"));
    }
    let names_company = said.params.iter().any(|param| param.name == "company") || route.path.contains("{period}");
    if said.body.is_none() && names_company {
        problems.push((422, "the company or entity is unknown"));
    }
    if said.body.is_some() {
        problems.extend([
            (408, "the body did not arrive in time"),
            (409, "not possible now: an action on the same records or flow is running"),
            (413, "the body is too large"),
            (415, "the body is compressed"),
            (422, "the request contradicts itself, or an earlier request with the same `Idempotency-Key`"),
        ]);
    }
    for (status, what) in problems {
        let mut refused = response(what, "application/problem+json", Ref::from_schema_name("Problem").into());
        if status == 503 && matches!(said.answer, Shape::Health) {
            refused.content.insert(kind.to_owned(), ContentBuilder::new().schema(Some(schema.clone())).build().into());
        }
        operation = operation.response(status.to_string(), refused);
    }
    if route.needs.is_some() {
        operation = operation.security(SecurityRequirement::new("key", Vec::<String>::new()));
    }
    operation.build()
}

/// The names of the variable parts of its path.
fn parts(route: &Route) -> impl Iterator<Item = &'static str> {
    let parts = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parts.map(|name| name.trim_start_matches('*'))
}

/// The form of a variable part of a path, what it is, and an example.
fn part(name: &str) -> Option<(Schema, &'static str, serde_json::Value)> {
    let name_of = || text(TEXT, 1, None);
    Some(match name {
        "company" => (name_of(), "the SYSPRO company", json!("EDU1")),
        "entity" => (name_of(), "the entity", json!("supplier")),
        "key" => (name_of(), "the key as lists show it, its parts joined by `/`, percent-encoded", json!("0000104")),
        "tie_out" => {
            let schema = text("^(newest|[1-9][0-9]{0,17})$", 1, Some(18));
            (schema, "its number, or `newest` for the newest one that is done", json!("newest"))
        }
        "period" => {
            let schema = text(PERIOD_OR_YEAR, 4, Some(7));
            (schema, "the fiscal year, and the period after a `-`", json!("2026-03"))
        }
        "run" => (schema_of(Kind::Uuid), "its id", json!("01936b2e-0000-7000-8000-000000000000")),
        "id" => (number(1, i64::MAX), "its number", json!(17)),
        _ => return None,
    })
}

fn response(what: &str, kind: &str, schema: RefOr<Schema>) -> Response {
    ResponseBuilder::new().description(what).content(kind, ContentBuilder::new().schema(Some(schema)).build()).build()
}

/// The status, the content type and the schema.
fn answer(answer: Shape, components: &mut BTreeMap<String, RefOr<Schema>>) -> (StatusCode, (&'static str, RefOr<Schema>)) {
    const JSON: &str = "application/json";
    let reference = |name: String| RefOr::<Schema>::from(Ref::from_schema_name(name));
    match answer {
        Shape::Page(item) => {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(item(components))).build();
            let next = ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                .description(Some("send it as `after` for the following page; null: this is the last page"));
            let page = ObjectBuilder::new().property("items", items).property("next", next).required("items").required("next").build();
            (StatusCode::OK, (JSON, Schema::Object(page).into()))
        }
        Shape::One(status, one) => (status, (JSON, reference(one(components)))),
        Shape::Either(status, one, other) => {
            let either = utoipa::openapi::OneOfBuilder::new().item(reference(one(components))).item(reference(other(components))).build();
            (status, (JSON, Schema::OneOf(either).into()))
        }
        Shape::Json | Shape::Health => (StatusCode::OK, (JSON, Schema::Object(Object::with_type(Type::Object)).into())),
        Shape::Text(kind) => (StatusCode::OK, (kind, Schema::Object(Object::with_type(Type::String)).into())),
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
        Kind::Period => text(PERIOD, 7, Some(7)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::reason::Reason;
    use crate::http::ROUTES;
    use crate::operations::MOST_NAMED;

    #[test]
    fn operations_have_names_of_their_own() {
        let ids: Vec<&str> = ROUTES.iter().filter_map(|route| Some(route.described?.id)).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn the_document_is_of_version_3_1_and_refers_to_nothing_that_is_missing() {
        let text = document(&ROUTES).to_json().expect("JSON");
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(document["openapi"].as_str().expect("version").starts_with("3.1"));
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for reference in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let name = reference.strip_prefix("#/components/schemas/").expect(reference);
            assert!(schemas.contains_key(name), "{reference}");
        }
        // the attributes of a schema take literals alone
        assert_eq!(schemas["Why"]["maxLength"], Reason::LONGEST, "{}", schemas["Why"]);
        for (body, list) in [("ReplayBody", "keys"), ("HoldBody", "keys"), ("ResolveBody", "ids")] {
            assert_eq!(schemas[body]["properties"][list]["maxItems"], MOST_NAMED, "{body}: {}", schemas[body]);
        }
    }

    #[test]
    fn every_part_of_a_path_is_described() {
        for route in ROUTES.iter().filter(|route| !route.is_page()) {
            assert!(parts(route).all(|name| part(name).is_some()), "`part` lacks one of {}", route.path);
        }
    }

    #[test]
    fn every_body_has_its_members_alone_and_needs_a_reason() {
        let document: serde_json::Value = serde_json::from_str(&document(&ROUTES).to_json().expect("JSON")).expect("JSON");
        for route in ROUTES.iter() {
            let Some(body) = route.described.and_then(|described| described.body) else { continue };
            let schema = &document["components"]["schemas"][body(&mut BTreeMap::new())];
            assert_eq!(schema["additionalProperties"], false, "{}: {schema}", route.path);
            let needed = schema["required"].as_array().expect("required");
            assert!(needed.contains(&json!("why")), "{}: {schema}", route.path);
        }
    }
}
