//! Access control: a bearer key, or a session of the console, whose role allows the route.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tokio::time::timeout;

use super::body;
use super::caller::{Caller, actor, key_of};
use super::console::SignInFailed;
use super::console::{self, Refusal};
use super::problem::Problem;
use super::route::{Route, Routes};
use super::state::AppState;
use crate::domain::person::key_actor;
use crate::domain::role::Permission;
use crate::store::ApiKeyRow;
use crate::telemetry::metrics;

/// The time limit of a whole request. Longer work continues in the background; the ledger has its progress.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Lets a request pass if its key allows the route.
pub(super) async fn check<B: MessageBody + 'static>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let Some(app_state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return Ok(request.error_response(Problem::unauthorized()).map_into_boxed_body());
    };
    // the path as the router sees it, with escapes decoded: another spelling of a path must not need another role
    let path = request.match_info().as_str().to_owned();
    let routes = app_state.routes;
    let on_console = routes.at(&path).any(Route::is_page);
    let route = routes.at(&path).find(|route| route.method == request.method().as_str());
    // depends on nothing: not on the ledger, which has the keys
    if path == "/health/live" && route.is_some() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    if let Err(problem) = app_state.names.check(&request) {
        return Ok(request.error_response(problem).map_into_boxed_body());
    }
    // read first, so that nothing is reserved for a slow sender
    if let Err(problem) = body::take_in(&mut request).await {
        return Ok(request.error_response(problem).map_into_boxed_body());
    }
    let permitted = timeout(REQUEST_LIMIT, async {
        if let (true, Some(route)) = (on_console, route) {
            return console::permit(&request, &app_state, route.needs).await;
        }
        if is_astray(&request, routes, &path) {
            console::permit(&request, &app_state, Some(Permission::Read)).await?;
            return Err(Problem::not_found(format!("there is no page `{path}`"), "use the menu above").into());
        }
        permit(&request, &app_state, route, &path).await.map_err(Refusal::Problem)
    });
    let caller = match permitted.await {
        Ok(Ok(permitted)) => permitted,
        Ok(Err(Refusal::Problem(problem))) => {
            if problem.status == 401 {
                refused(request.peer_addr(), &app_state).await;
            }
            return Ok(request.error_response(problem).map_into_boxed_body());
        }
        Ok(Err(page)) => return Ok(console::with_layout(request.error_response(page).map_into_boxed_body())),
        Err(_) => return Ok(request.error_response(overtime()).map_into_boxed_body()),
    };
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    if let Some(route) = route {
        request.extensions_mut().insert(route.clone());
    }
    let peer = request.peer_addr();
    match timeout(REQUEST_LIMIT.saturating_sub(started.elapsed()), next.call(request)).await {
        Ok(response) => {
            let response = response?.map_into_boxed_body();
            if response.response().extensions().get::<SignInFailed>().is_some() {
                refused(peer, &app_state).await;
            }
            Ok(console::with_layout(response))
        }
        // the router consumed the request, so an error becomes the answer here
        Err(_) => Err(overtime().into()),
    }
}

/// Whether a person's browser requests a page that does not exist: a mistake, and not a wrong key.
fn is_astray(request: &ServiceRequest, routes: &Routes, path: &str) -> bool {
    let for_programs = path == "/metrics" || ["/api/", "/health/"].iter().any(|prefix| path.starts_with(prefix));
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let nowhere = routes.at(path).next().is_none();
    nowhere && !for_programs && accepts.contains("text/html") && !request.headers().contains_key(header::AUTHORIZATION)
}

fn overtime() -> Problem {
    Problem::unavailable(format!("no answer within {} s", REQUEST_LIMIT.as_secs()), "try again; `/health/ready` shows what does not answer")
}

/// Counts a refusal, and delays its answer when there were several from that address.
async fn refused(peer: Option<SocketAddr>, app_state: &AppState) {
    metrics().service.sign_in_refused();
    let Some(address) = peer else { return };
    let refused = app_state.login_throttle.failed(address.ip(), Instant::now());
    if let Some(requests) = refused.logged {
        tracing::warn!(address = %address.ip(), requests, "many requests without a valid API key; Tieline logs their number once a minute");
    }
    tokio::time::sleep(refused.delay).await;
}

/// The caller, or why there is none. Only a caller with a key, or a request under an open prefix, learns that a path does not exist; such a
/// request goes no further.
async fn permit(request: &ServiceRequest, app_state: &AppState, route: Option<&Route>, path: &str) -> Result<Option<Caller>, Problem> {
    let settings = &app_state.process.settings.http;
    let open = match path {
        path if path.starts_with("/health/") => settings.open_health,
        "/metrics" => settings.open_metrics,
        _ => false,
    };
    let nowhere = || nowhere(request.method().as_str(), path, app_state.routes);
    if open {
        return route.map(|_| None).ok_or_else(nowhere);
    }
    let key = known_key(request, app_state).await?;
    let role = key.role;
    let needs = route.ok_or_else(nowhere)?.needs.unwrap_or(Permission::Read);
    if !role.allows(needs) {
        return Err(Problem::forbidden(
            format!("key `{}` has the role {role}", key.name),
            "use a key with a role that may do this: viewer reads, auditor reads the audit, operator acts, controller closes periods, admin may do all",
        ));
    }
    let who = key_actor(&key.name, key.person.as_deref());
    Ok(Some(Caller { name: actor(&who, request.peer_addr()), key: key.name, id: Some(key.id) }))
}

/// The problem for an unknown route, with the existing alternatives.
fn nowhere(method: &str, path: &str, routes: &Routes) -> Problem {
    let methods: Vec<&str> = routes.at(path).map(|route| route.method).collect();
    if methods.is_empty() {
        return Problem::not_found(format!("there is no path `{path}`"), "the paths are under /health, /metrics and /api/v1");
    }
    Problem::method_not_allowed(method, &methods)
}

async fn known_key(request: &ServiceRequest, app_state: &AppState) -> Result<ApiKeyRow, Problem> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let text = given.and_then(bearer).ok_or_else(Problem::unauthorized)?;
    key_of(text, app_state).await
}

/// The key of an `Authorization` header. The scheme's name is not case-sensitive (RFC 9110, section 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ROUTES;

    #[test]
    fn the_schemes_name_is_written_in_any_case() {
        assert_eq!((bearer("bearer  tl_x"), bearer("Basic tl_x"), bearer("Bearer")), (Some("tl_x"), None, None));
    }

    #[test]
    fn what_is_nowhere_is_said_with_the_methods_there_are() {
        assert_eq!(nowhere("GET", "/api/v1/auditx", &ROUTES).status, 404);
        let problem = nowhere("GET", "/api/v1/replay", &ROUTES);
        assert_eq!((problem.status, problem.next_step.as_str()), (405, "use POST"));
    }

    #[test]
    fn everything_but_health_and_metrics_needs_a_key_and_no_action_only_the_right_to_read() {
        for route in ROUTES.iter().filter(|route| !route.is_page()) {
            let outside = route.path.starts_with("/health/") || route.path == "/metrics";
            assert_eq!(route.needs.is_none(), outside, "{}", route.path);
            if route.method == "POST" {
                let acts = [Permission::Operate, Permission::TieOut, Permission::Close];
                assert!(route.needs.is_some_and(|needs| acts.contains(&needs)), "{}", route.path);
            }
        }
    }
}
