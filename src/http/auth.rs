//! Who may do what: bearer keys, and one table of routes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use chrono::{DateTime, Utc};
use tokio::time::timeout;

use super::body;
use super::console::{self, Refusal};
use super::problem::Problem;
use super::{Surface, console::SignInFailed};
use crate::config::api_key;
use crate::domain::role::{Permission, Role};
use crate::store::ApiKeyRow;
use crate::telemetry::metrics;

/// One route and what it needs. `{name}` in the path stands for one part, `{*name}` at its end for the rest.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// What a key must allow; `None`: open, or as the settings say.
    pub needs: Option<Permission>,
}

pub(super) const fn route(method: &'static str, path: &'static str, needs: Option<Permission>) -> Route {
    Route { method, path, needs }
}

/// Every route there is.
pub const ROUTES: &[Route] = &[
    route("GET", "/health/live", None),
    route("GET", "/health/ready", None),
    route("GET", "/health/flows", None),
    route("GET", "/metrics", None),
    route("GET", "/api/v1/openapi.json", Some(Permission::Read)),
    route("GET", "/api/v1/flows", Some(Permission::Read)),
    route("GET", "/api/v1/nodes", Some(Permission::Read)),
    route("GET", "/api/v1/definitions", Some(Permission::Read)),
    route("GET", "/api/v1/runs", Some(Permission::Read)),
    route("GET", "/api/v1/runs/{run}", Some(Permission::Read)),
    route("GET", "/api/v1/records", Some(Permission::Read)),
    route("GET", "/api/v1/records/{company}/{entity}/{*key}", Some(Permission::Read)),
    route("POST", "/api/v1/records/park", Some(Permission::Operate)),
    route("POST", "/api/v1/records/release", Some(Permission::Operate)),
    route("GET", "/api/v1/failures", Some(Permission::Read)),
    route("GET", "/api/v1/failures/causes", Some(Permission::Read)),
    route("GET", "/api/v1/conflicts", Some(Permission::Read)),
    route("GET", "/api/v1/conflicts/{id}", Some(Permission::Read)),
    route("POST", "/api/v1/conflicts/resolve", Some(Permission::Operate)),
    route("POST", "/api/v1/conflicts/adopt", Some(Permission::Operate)),
    route("GET", "/api/v1/audit", Some(Permission::ReadAudit)),
    route("POST", "/api/v1/flows/{company}/{entity}/run", Some(Permission::Operate)),
    route("POST", "/api/v1/flows/{company}/{entity}/pause", Some(Permission::Operate)),
    route("POST", "/api/v1/flows/{company}/{entity}/resume", Some(Permission::Operate)),
    route("POST", "/api/v1/flows/{company}/{entity}/forget", Some(Permission::Operate)),
    route("GET", "/api/v1/sending", Some(Permission::Read)),
    route("POST", "/api/v1/sending/resume", Some(Permission::Operate)),
    route("POST", "/api/v1/replay", Some(Permission::Operate)),
    route("POST", "/api/v1/backfill", Some(Permission::Operate)),
    route("GET", "/api/v1/backfills", Some(Permission::Read)),
    route("GET", "/api/v1/backfills/{id}", Some(Permission::Read)),
    route("POST", "/api/v1/backfills/{id}/cancel", Some(Permission::Operate)),
    route("GET", "/api/v1/doctor", Some(Permission::Read)),
    route("POST", "/api/v1/doctor", Some(Permission::Operate)),
];

impl Route {
    /// Whether a request's path is this route's.
    pub fn matches_path(&self, path: &str) -> bool {
        let mut wanted = self.path.split('/');
        let mut given = path.split('/');
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(rest), Some(first)) if rest.starts_with("{*") => return !first.is_empty(),
                (Some(any), Some(part)) if any.starts_with('{') && !part.is_empty() => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    }
}

/// The routes of a path. One that names a part goes before one that takes any: `/conflicts/adopt` is not the conflict `adopt`.
fn routes_at<'a>(table: &'a [Route], path: &str) -> impl Iterator<Item = &'a Route> {
    let any = |route: &Route| route.path.matches('{').count();
    let matching: Vec<&Route> = table.iter().filter(|route| route.matches_path(path)).collect();
    let fewest = matching.iter().map(|route| any(route)).min();
    matching.into_iter().filter(move |route| Some(any(route)) == fewest)
}

/// Who a request comes from; put into it by the middleware.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The key's name, as the audit shows it, with the address it came from.
    pub(super) name: String,
    /// The key's name alone.
    pub(super) key: String,
    /// The key itself, as no other key is called, also one that gets its name later; `None`: a person with a session.
    pub(super) id: Option<i64>,
}

/// How long a request may take altogether. Longer work goes on by itself and is followed in the ledger.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Lets a request pass whose key allows its route.
pub(super) async fn check<B: MessageBody + 'static>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let Some(surface) = request.app_data::<web::Data<Surface>>().cloned() else {
        return Ok(request.error_response(Problem::unauthorized()).map_into_boxed_body());
    };
    // the path as routing sees it, escapes resolved: another spelling of a path must not need another role
    let path = request.match_info().as_str().to_owned();
    let on_console = console::ROUTES.iter().any(|route| route.matches_path(&path));
    let table = if on_console { console::ROUTES } else { ROUTES };
    let route = routes_at(table, &path).find(|route| route.method == request.method().as_str());
    // depends on nothing: not on the ledger, where keys are
    if path == "/health/live" && route.is_some() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    if let Err(problem) = surface.names.check(&request) {
        return Ok(request.error_response(problem).map_into_boxed_body());
    }
    // nothing waits for whoever sends slowly
    if let Err(problem) = body::take_in(&mut request).await {
        return Ok(request.error_response(problem).map_into_boxed_body());
    }
    let permitted = timeout(REQUEST_LIMIT, async {
        if let (true, Some(route)) = (on_console, route) {
            return console::permit(&request, &surface, route).await;
        }
        if is_astray(&request, &path) {
            console::permit(&request, &surface, &ANY_PAGE).await?;
            return Err(Problem::not_found(format!("there is no page `{path}`"), "the menu above leads to every page").into());
        }
        permit(&request, &surface, route, &path).await.map_err(Refusal::Problem)
    });
    let caller = match permitted.await {
        Ok(Ok(permitted)) => permitted,
        Ok(Err(Refusal::Problem(problem))) => {
            if problem.status == 401 {
                refused(request.peer_addr(), &surface).await;
            }
            return Ok(request.error_response(problem).map_into_boxed_body());
        }
        Ok(Err(page)) => return Ok(console::framed(request.error_response(page).map_into_boxed_body())),
        Err(_) => return Ok(request.error_response(overtime()).map_into_boxed_body()),
    };
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    let peer = request.peer_addr();
    match timeout(REQUEST_LIMIT.saturating_sub(started.elapsed()), next.call(request)).await {
        Ok(response) => {
            let response = response?.map_into_boxed_body();
            if response.response().extensions().get::<SignInFailed>().is_some() {
                refused(peer, &surface).await;
            }
            Ok(console::framed(response))
        }
        // routing wants the request for itself alone, so there is none left here to answer: the error becomes the answer
        Err(_) => Err(overtime().into()),
    }
}

/// What any page of the console needs.
const ANY_PAGE: Route = route("GET", "/", Some(Permission::Read));

/// Whether a person's browser asks for a page that there is not: a slip, and no wrong key.
fn is_astray(request: &ServiceRequest, path: &str) -> bool {
    let for_programs = path == "/metrics" || ["/api/", "/health/"].iter().any(|prefix| path.starts_with(prefix));
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let nowhere = routes_at(ROUTES, path).next().is_none() && routes_at(console::ROUTES, path).next().is_none();
    nowhere && !for_programs && accepts.contains("text/html") && !request.headers().contains_key(header::AUTHORIZATION)
}

fn overtime() -> Problem {
    Problem::unavailable(format!("no answer within {} s", REQUEST_LIMIT.as_secs()), "try again; `/health/ready` says what does not answer")
}

/// Counts a refusal, and holds its answer back when there were several from there.
async fn refused(peer: Option<SocketAddr>, surface: &Surface) {
    metrics().sign_in_refused();
    let Some(address) = peer else { return };
    let refused = surface.doorman.failed(address.ip(), Instant::now());
    if let Some(requests) = refused.told {
        tracing::warn!(address = %address.ip(), requests, "many requests without a valid API key; they are summed up for a minute");
    }
    tokio::time::sleep(refused.delay).await;
}

/// Who it is, or why not. A path that does not exist is told only to who has a key, or under an open prefix; it goes no further.
async fn permit(request: &ServiceRequest, surface: &Surface, route: Option<&Route>, path: &str) -> Result<Option<Caller>, Problem> {
    let settings = &surface.deps.settings.http;
    let open = match path {
        path if path.starts_with("/health/") => settings.open_health,
        "/metrics" => settings.open_metrics,
        _ => false,
    };
    let nowhere = || nowhere(request.method().as_str(), path);
    if open {
        return route.map(|_| None).ok_or_else(nowhere);
    }
    let (key, role) = known_key(request, surface).await?;
    let needs = route.ok_or_else(nowhere)?.needs.unwrap_or(Permission::Read);
    if !role.allows(needs) {
        return Err(Problem::forbidden(
            format!("key `{}` has the role {role}", key.name),
            "use a key with a role that may do this: viewer reads, auditor reads the audit, operator acts, admin may do all",
        ));
    }
    Ok(Some(Caller { name: actor(&key.name, request.peer_addr()), key: key.name, id: Some(key.id) }))
}

/// Who did it, as the audit shows it.
pub(super) fn actor(key: &str, peer: Option<SocketAddr>) -> String {
    let from = peer.map_or_else(String::new, |address| format!(" from {}", address.ip()));
    format!("key {key}{from}")
}

/// There is no such route: what there is instead.
fn nowhere(method: &str, path: &str) -> Problem {
    let methods: Vec<&str> = routes_at(ROUTES, path).map(|route| route.method).collect();
    if methods.is_empty() {
        return Problem::not_found(format!("there is no path `{path}`"), "the paths are under /health, /metrics and /api/v1");
    }
    Problem::method_not_allowed(method, &methods)
}

async fn known_key(request: &ServiceRequest, surface: &Surface) -> Result<(ApiKeyRow, Role), Problem> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let text = given.and_then(bearer).ok_or_else(Problem::unauthorized)?;
    key_of(text, surface).await
}

/// The key with this text, and its role.
///
/// # Errors
/// 401 when there is none; 503 when the ledger does not answer.
pub(super) async fn key_of(text: &str, surface: &Surface) -> Result<(ApiKeyRow, Role), Problem> {
    let prefix = api_key::prefix(text).ok_or_else(Problem::unauthorized)?;
    let row = surface.deps.store.api_key_find(prefix.to_owned()).await?;
    let role = opens(text, row.as_ref(), Utc::now()).ok_or_else(Problem::unauthorized)?;
    row.map(|row| (row, role)).ok_or_else(Problem::unauthorized)
}

/// The key of an `Authorization` header. The scheme's name is not case-sensitive (RFC 9110, section 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The role that a key gives, if it is the one that is kept and in time.
fn opens(text: &str, row: Option<&ApiKeyRow>, now: DateTime<Utc>) -> Option<Role> {
    // a prefix that nobody has takes as long as one that somebody has
    let right = api_key::check(text, row.map_or(&[0_u8; 32], |row| row.hash.as_slice()));
    let row = row.filter(|row| right && row.expires_at.is_none_or(|end| end > now))?;
    // a role that this version does not know opens nothing
    row.role.parse().ok()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::config::api_key::ApiKey;

    #[test]
    fn routes_match_whole_paths() {
        let matches = |path: &str| ROUTES.iter().filter(|route| route.matches_path(path)).map(|route| route.path).collect::<Vec<_>>();
        assert_eq!(matches("/api/v1/records/EDU1/invoice/0042/INV/7"), ["/api/v1/records/{company}/{entity}/{*key}"]);
        assert_eq!(matches("/api/v1/flows/EDU1/invoice/run"), ["/api/v1/flows/{company}/{entity}/run"]);
        for path in
            ["/api/v1/records/EDU1/invoice", "/api/v1/records/EDU1/invoice/", "/api/v1/flows/", "/api/v1/flows/EDU1//run", "/", "/api"]
        {
            assert!(matches(path).is_empty(), "{path}");
        }
    }

    #[test]
    fn only_the_right_key_in_time_opens() {
        let now = Utc::now();
        let (key, other) = (ApiKey::generate(Role::Viewer).expect("key"), ApiKey::generate(Role::Admin).expect("key"));
        let row = |role: &str, expires_at| ApiKeyRow {
            id: 1,
            name: "ops".into(),
            role: role.into(),
            prefix: key.prefix.clone(),
            hash: key.hash.to_vec(),
            created_at: now,
            expires_at,
            last_used_at: None,
        };
        assert_eq!(opens(key.expose(), Some(&row("viewer", None)), now), Some(Role::Viewer));
        assert_eq!(opens(other.expose(), Some(&row("viewer", None)), now), None, "another key");
        assert_eq!(opens(key.expose(), None, now), None, "removed");
        assert_eq!(opens(key.expose(), Some(&row("viewer", Some(now))), now), None, "expired");
        assert_eq!(opens(key.expose(), Some(&row("viewer", Some(now + TimeDelta::seconds(1)))), now), Some(Role::Viewer));
        assert_eq!(opens(key.expose(), Some(&row("owner", None)), now), None, "an unknown role");
        assert_eq!((bearer("bearer  tl_x"), bearer("Basic tl_x"), bearer("Bearer")), (Some("tl_x"), None, None));
    }

    #[test]
    fn what_is_nowhere_is_said_with_the_methods_there_are() {
        assert_eq!(nowhere("GET", "/api/v1/auditx").status, 404);
        let problem = nowhere("GET", "/api/v1/replay");
        assert_eq!((problem.status, problem.next_step.as_str()), (405, "use POST"));
    }

    #[test]
    fn everything_but_health_and_metrics_needs_a_key_and_actions_need_an_operator() {
        for route in ROUTES {
            let outside = route.path.starts_with("/health/") || route.path == "/metrics";
            assert_eq!(route.needs.is_none(), outside, "{}", route.path);
            if route.method == "POST" {
                assert_eq!(route.needs, Some(Permission::Operate), "{}", route.path);
            }
        }
    }
}
