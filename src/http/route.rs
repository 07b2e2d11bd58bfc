//! A route: everything about it is in its entry in the list `routes()` of its file. The entry states the method, the path, the permission,
//! the parameters, the body, the answer and the handler once. The compiler compares body and answer with the types of the handler
//! (`api/entry.rs`).
//! The router, the check of permissions, the response cache and the description of the API are loops over the entries.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{FromRequest, Handler, Responder, web};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::query::Param;
use crate::domain::role::Permission;

/// One route. In the path, `{name}` matches one part, and `{*name}` one or more parts: the rest of the path, or the rest before a fixed end.
#[derive(Debug, Clone)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, without a query.
    pub path: &'static str,
    /// The permission that a key needs; `None`: open, or as the settings say.
    pub needs: Option<Permission>,
    /// The description for programs; `None`: a page for people, who have a session instead of a key.
    pub(super) described: Option<Described>,
    /// Whether its answer may be shared by identical requests.
    pub(super) cached: Cached,
    registration: Registration,
}

/// Makes the route of actix, once for each server thread.
#[derive(Clone)]
struct Registration(Arc<dyn Fn() -> actix_web::Route + Send + Sync>);

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registration")
    }
}

/// How old a shared answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cached {
    /// Each request gets its own answer.
    No,
    /// One second, if it is not an error and not large: the lists of the API.
    Second,
    /// Never older than the request: health and metrics, which take no parameters.
    Shared,
}

/// The description of a route in the API's description.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    /// Its name in generated clients.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) params: &'static [Param],
    pub(super) body: Option<Component>,
    pub(super) answer: Shape,
}

/// The answer of a successful request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A page of a list.
    Page(Component),
    /// A single object.
    One(StatusCode, Component),
    /// One of two objects.
    Either(StatusCode, Component, Component),
    /// JSON whose form is described in words.
    Json,
    /// The health of something: 200, or 503 with the same form.
    Health,
    /// Text of this type.
    Text(&'static str),
}

/// Adds a type and its parts to the components; answers its name.
pub(super) type Component = fn(&mut BTreeMap<String, RefOr<Schema>>) -> String;

/// The component that describes `T`.
pub(super) fn component<T: ToSchema>(into: &mut BTreeMap<String, RefOr<Schema>>) -> String {
    let mut parts = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut parts);
    into.extend(parts);
    T::name().into_owned()
}

impl Route {
    /// A route from which programs read something that is not one type as JSON; `needs` is `None`: as the settings say.
    pub(super) fn other<Args: FromRequest + 'static>(
        path: &'static str,
        needs: Option<Permission>,
        id: &'static str,
        summary: &'static str,
        answer: Shape,
        handler: impl Handler<Args, Output: Responder + 'static> + Send + Sync,
    ) -> Self {
        let described = Described { id, summary, params: &[], body: None, answer };
        Self::of("GET", path, needs, Some(described), move || web::get().to(handler.clone()))
    }

    /// A page of the console; `None`: also for people who are not signed in.
    pub(super) fn page<Args: FromRequest + 'static>(
        path: &'static str,
        needs: Option<Permission>,
        handler: impl Handler<Args, Output: Responder + 'static> + Send + Sync,
    ) -> Self {
        Self::of("GET", path, needs, None, move || web::get().to(handler.clone()))
    }

    /// The action of a console form.
    pub(super) fn form<Args: FromRequest + 'static>(
        path: &'static str,
        needs: Option<Permission>,
        handler: impl Handler<Args, Output: Responder + 'static> + Send + Sync,
    ) -> Self {
        Self::of("POST", path, needs, None, move || web::post().to(handler.clone()))
    }

    /// One of any kind.
    pub(super) fn of(
        method: &'static str,
        path: &'static str,
        needs: Option<Permission>,
        described: Option<Described>,
        registration: impl Fn() -> actix_web::Route + Send + Sync + 'static,
    ) -> Self {
        Self { method, path, needs, described, cached: Cached::No, registration: Registration(Arc::new(registration)) }
    }

    /// The parameters of its query.
    pub(super) fn params(mut self, params: &'static [Param]) -> Self {
        self.described = self.described.map(|described| Described { params, ..described });
        self
    }

    /// Lets identical requests share its answer.
    pub(super) fn cached(mut self, cached: Cached) -> Self {
        self.cached = cached;
        self
    }

    /// Whether it is a page or a form of the console.
    pub fn is_page(&self) -> bool {
        self.described.is_none()
    }

    /// Whether a request's path is this route's.
    pub fn matches_path(&self, path: &str) -> bool {
        let mut wanted = self.path.split('/');
        let mut given = path.split('/');
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(rest), Some(first)) if rest.starts_with("{*") => {
                    let (end, rest): (Vec<&str>, Vec<&str>) = (wanted.collect(), given.collect());
                    return !first.is_empty() && rest.ends_with(&end);
                }
                (Some(any), Some(part)) if any.starts_with('{') && !part.is_empty() => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    }

    /// How much its path leaves open: the number of variable parts, and whether the last one is the rest of the path. The least goes first.
    fn openness(&self) -> (usize, bool) {
        (self.path.matches('{').count(), self.path.contains("{*") && self.path.ends_with('}'))
    }
}

/// All routes.
#[derive(Debug)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// The routes of all files.
    pub(super) fn of(mut all: Vec<Route>) -> Self {
        // the router takes the first match: `/conflicts/adopt` is not the conflict `adopt`
        all.sort_by_key(Route::openness);
        Self(all)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The routes of a path; empty if there is no such path.
    pub(super) fn at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Route> + 'a {
        let least = self.iter().find(|route| route.matches_path(path)).map(Route::openness);
        self.iter().filter(move |route| Some(route.openness()) == least && route.matches_path(path))
    }

    /// Registers each with the router.
    pub(super) fn configure(&self, config: &mut web::ServiceConfig) {
        for route in &self.0 {
            let path = match route.path.split_once("{*") {
                Some((before, rest)) => format!("{before}{{{}", rest.replace('}', ":.*}")),
                None => route.path.to_owned(),
            };
            config.route(&path, (route.registration.0)());
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;

    use super::*;

    async fn nothing() -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    #[test]
    fn routes_match_whole_paths_and_fixed_ones_go_first() {
        let read = Some(Permission::Read);
        let routes = Routes::of(vec![
            Route::page("/things/{id}", read, nothing),
            Route::page("/records/{company}/{entity}/{*key}", read, nothing),
            Route::page("/records/{company}/{entity}/{*key}/sent", read, nothing),
            Route::form("/things/{id}", read, nothing),
            Route::form("/things/adopt", read, nothing),
            Route::page("/", read, nothing),
        ]);
        let at = |path: &str| routes.at(path).map(|route| format!("{} {}", route.method, route.path)).collect::<Vec<_>>();
        assert_eq!(at("/records/EDU1/invoice/0042/INV/7"), ["GET /records/{company}/{entity}/{*key}"]);
        assert_eq!(at("/records/EDU1/invoice/0042/INV/7/sent"), ["GET /records/{company}/{entity}/{*key}/sent"]);
        assert_eq!(at("/records/EDU1/invoice/0042%2Fsent"), ["GET /records/{company}/{entity}/{*key}"], "a key that ends like this");
        assert_eq!(at("/records/EDU1/supplier/sent"), ["GET /records/{company}/{entity}/{*key}"]);
        assert_eq!(at("/things/7"), ["GET /things/{id}", "POST /things/{id}"]);
        assert_eq!(at("/things/adopt"), ["POST /things/adopt"]);
        assert_eq!(at("/"), ["GET /"]);
        for path in ["/records/EDU1/invoice", "/records/EDU1/invoice/", "/things/", "/things", "/records//x/y", "/x"] {
            assert!(at(path).is_empty(), "{path}");
        }
    }
}
