//! Who may do what: bearer keys, and one table of routes.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use chrono::Utc;

use super::Surface;
use super::problem::Problem;
use crate::config::api_key;
use crate::domain::role::{Permission, Role};
use crate::telemetry::metrics;

/// One route and what it needs. `{}` in the path stands for one part, `{*}` at its end for the rest.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// What a key must allow; `None`: open, or as the settings say.
    pub needs: Option<Permission>,
}

const fn route(method: &'static str, path: &'static str, needs: Option<Permission>) -> Route {
    Route { method, path, needs }
}

/// Every route there is.
pub const ROUTES: &[Route] = &[
    route("GET", "/health/live", None),
    route("GET", "/health/ready", None),
    route("GET", "/health/flows", None),
    route("GET", "/metrics", None),
    route("GET", "/api/v1/flows", Some(Permission::Read)),
    route("GET", "/api/v1/runs", Some(Permission::Read)),
    route("GET", "/api/v1/records", Some(Permission::Read)),
    route("GET", "/api/v1/records/{}/{}/{*}", Some(Permission::Read)),
    route("GET", "/api/v1/failures", Some(Permission::Read)),
    route("GET", "/api/v1/audit", Some(Permission::ReadAudit)),
    route("POST", "/api/v1/flows/{}/{}/run", Some(Permission::Operate)),
    route("POST", "/api/v1/flows/{}/{}/pause", Some(Permission::Operate)),
    route("POST", "/api/v1/flows/{}/{}/resume", Some(Permission::Operate)),
    route("POST", "/api/v1/replay", Some(Permission::Operate)),
];

impl Route {
    /// Whether a request's path is this route's.
    pub fn matches_path(&self, path: &str) -> bool {
        let mut wanted = self.path.split('/');
        let mut given = path.split('/');
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some("{*}"), Some(first)) => return !first.is_empty(),
                (Some("{}"), Some(part)) if !part.is_empty() => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    }
}

/// Who a request comes from; put into it by the middleware.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The key's name, as the audit shows it, with the address it came from.
    pub(super) name: String,
}

/// How long a refusal waits, so that guessing keys is slow.
const REFUSAL_DELAY: Duration = Duration::from_millis(200);

/// Lets a request pass whose key allows its route.
pub(super) async fn check<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let route = ROUTES.iter().find(|route| route.method == request.method().as_str() && route.matches_path(request.path()));
    match permit(&request, route).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(problem) => {
            if problem.status == 401 {
                metrics().sign_in_refused();
                actix_web::rt::time::sleep(REFUSAL_DELAY).await;
            }
            Ok(request.error_response(problem).map_into_boxed_body())
        }
    }
}

/// Who it is, or why not. A path that does not exist is told only to who has a key, or under an open prefix.
async fn permit(request: &ServiceRequest, route: Option<&Route>) -> Result<Option<Caller>, Problem> {
    let surface = request.app_data::<web::Data<Surface>>().ok_or_else(Problem::unauthorized)?;
    let settings = &surface.deps.settings.http;
    let open = match request.path() {
        path if path.starts_with("/health/") => settings.open_health,
        "/metrics" => settings.open_metrics,
        _ => false,
    };
    if open {
        return Ok(None);
    }
    let (name, role) = known_key(request, surface).await?;
    let needs = route.and_then(|route| route.needs).unwrap_or(Permission::Read);
    if !role.allows(needs) {
        return Err(Problem::forbidden(
            format!("key `{name}` has the role {role}"),
            "use a key with a role that may do this: viewer reads, auditor reads the audit, operator acts, admin may do all",
        ));
    }
    let from = request.peer_addr().map_or_else(String::new, |address| format!(" from {}", address.ip()));
    Ok(Some(Caller { name: format!("key {name}{from}") }))
}

async fn known_key(request: &ServiceRequest, surface: &Surface) -> Result<(String, Role), Problem> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let text = given.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim).ok_or_else(Problem::unauthorized)?;
    let prefix = api_key::prefix(text).ok_or_else(Problem::unauthorized)?;
    let row = surface.deps.store.api_key_find(prefix.to_owned()).await?.ok_or_else(Problem::unauthorized)?;
    let expired = row.expires_at.is_some_and(|end| end <= Utc::now());
    if expired || !api_key::check(text, &row.hash) {
        return Err(Problem::unauthorized());
    }
    let role = row.role.parse().map_err(|_| Problem::unauthorized())?;
    Ok((row.name, role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_match_whole_paths() {
        let matches = |path: &str| ROUTES.iter().filter(|route| route.matches_path(path)).map(|route| route.path).collect::<Vec<_>>();
        assert_eq!(matches("/api/v1/records/EDU1/invoice/0042/INV/7"), ["/api/v1/records/{}/{}/{*}"]);
        assert_eq!(matches("/api/v1/flows/EDU1/invoice/run"), ["/api/v1/flows/{}/{}/run"]);
        for path in
            ["/api/v1/records/EDU1/invoice", "/api/v1/records/EDU1/invoice/", "/api/v1/flows/", "/api/v1/flows/EDU1//run", "/", "/api"]
        {
            assert!(matches(path).is_empty(), "{path}");
        }
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
