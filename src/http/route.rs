//! A route: everything about it is in one place, next to its handler. The router, the check of permissions, the response cache and the
//! description of the API are loops over these.

use std::collections::BTreeMap;

use actix_web::web;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::query::Param;
use crate::domain::role::Permission;

/// Creates the handler, once for each server thread.
type Handler = fn() -> actix_web::Route;

/// One route. In the path, `{name}` matches one part, and `{*name}` at its end the rest.
#[derive(Debug, Clone, Copy)]
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
    handler: Handler,
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
    One(u16, Component),
    /// One of two objects.
    Either(u16, Component, Component),
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
    /// A route from which programs read.
    pub(super) const fn get(path: &'static str, needs: Option<Permission>, handler: Handler, said: Described) -> Self {
        Self { method: "GET", path, needs, described: Some(said), cached: Cached::No, handler }
    }

    /// An action for programs.
    pub(super) const fn post(path: &'static str, handler: Handler, said: Described) -> Self {
        Self { method: "POST", path, needs: Some(Permission::Operate), described: Some(said), cached: Cached::No, handler }
    }

    /// A page of the console; `None`: also for people who are not signed in.
    pub(super) const fn page(path: &'static str, needs: Option<Permission>, handler: Handler) -> Self {
        Self { method: "GET", path, needs, described: None, cached: Cached::No, handler }
    }

    /// The action of a console form.
    pub(super) const fn form(path: &'static str, needs: Option<Permission>, handler: Handler) -> Self {
        Self { method: "POST", path, needs, described: None, cached: Cached::No, handler }
    }

    /// Lets identical requests share its answer.
    pub(super) const fn cached(mut self, cached: Cached) -> Self {
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
                (Some(rest), Some(first)) if rest.starts_with("{*") => return !first.is_empty(),
                (Some(any), Some(part)) if any.starts_with('{') && !part.is_empty() => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    }

    /// The number of variable parts in its path.
    fn open_parts(&self) -> usize {
        self.path.matches('{').count()
    }
}

/// The description of a route that reads.
pub(super) const fn reads(id: &'static str, summary: &'static str, params: &'static [Param], answer: Shape) -> Described {
    Described { id, summary, params, body: None, answer }
}

/// The description of a route that acts.
pub(super) const fn acts(id: &'static str, summary: &'static str, body: Component, answer: Shape) -> Described {
    Described { id, summary, params: &[], body: Some(body), answer }
}

/// All routes.
#[derive(Debug)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// The routes of these files.
    pub(super) fn of(files: &[&[Route]]) -> Self {
        let mut all = files.concat();
        // the router takes the first match: `/conflicts/adopt` is not the conflict `adopt`
        all.sort_by_key(Route::open_parts);
        Self(all)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The routes of a path; empty if there is no such path.
    pub(super) fn at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Route> + 'a {
        let fewest = self.iter().find(|route| route.matches_path(path)).map(Route::open_parts);
        self.iter().filter(move |route| Some(route.open_parts()) == fewest && route.matches_path(path))
    }

    /// Registers each with the router.
    pub(super) fn configure(&self, config: &mut web::ServiceConfig) {
        for route in &self.0 {
            let path = match route.path.split_once("{*") {
                Some((before, rest)) => format!("{before}{{{}", rest.replace('}', ":.*}")),
                None => route.path.to_owned(),
            };
            config.route(&path, (route.handler)());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> actix_web::Route {
        web::get().to(actix_web::HttpResponse::Ok)
    }

    #[test]
    fn routes_match_whole_paths_and_fixed_ones_go_first() {
        let read = Some(Permission::Read);
        let routes = Routes::of(&[&[
            Route::page("/things/{id}", read, nothing),
            Route::page("/records/{company}/{entity}/{*key}", read, nothing),
            Route::form("/things/{id}", read, nothing),
            Route::form("/things/adopt", read, nothing),
            Route::page("/", read, nothing),
        ]]);
        let at = |path: &str| routes.at(path).map(|route| format!("{} {}", route.method, route.path)).collect::<Vec<_>>();
        assert_eq!(at("/records/EDU1/invoice/0042/INV/7"), ["GET /records/{company}/{entity}/{*key}"]);
        assert_eq!(at("/things/7"), ["GET /things/{id}", "POST /things/{id}"]);
        assert_eq!(at("/things/adopt"), ["POST /things/adopt"]);
        assert_eq!(at("/"), ["GET /"]);
        for path in ["/records/EDU1/invoice", "/records/EDU1/invoice/", "/things/", "/things", "/records//x/y", "/x"] {
            assert!(at(path).is_empty(), "{path}");
        }
    }
}
