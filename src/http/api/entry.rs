//! The entries of the API's routes: an entry states the types of body and answer, and its handler has them.

use actix_web::http::StatusCode;
use actix_web::{Handler, HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::role::Permission;
use crate::http::body::{Body, Members};
use crate::http::problem::Problem;
use crate::http::query::Page;
use crate::http::route::{Described, Route, Shape, component};
use crate::http::state::AppState;

/// What a handler of the API answers: sent as JSON, and described as that.
pub(super) trait Answer: Serialize {
    /// The status of a success.
    const STATUS: StatusCode = StatusCode::OK;

    /// Its form, for the description.
    fn shape() -> Shape;
}

impl<T: Serialize + ToSchema> Answer for T {
    fn shape() -> Shape {
        Shape::One(Self::STATUS, component::<T>)
    }
}

impl<T: Serialize + ToSchema> Answer for Page<T> {
    fn shape() -> Shape {
        Shape::Page(component::<T>)
    }
}

/// The answer of an action that continues after it: 202.
#[derive(Debug, Serialize)]
pub(super) struct InBackground<T>(pub(super) T);

impl<T: Serialize + ToSchema> Answer for InBackground<T> {
    const STATUS: StatusCode = StatusCode::ACCEPTED;

    fn shape() -> Shape {
        Shape::One(Self::STATUS, component::<T>)
    }
}

/// One of two objects.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Either<A, B> {
    Left(A),
    Right(B),
}

impl<A: Serialize + ToSchema, B: Serialize + ToSchema> Answer for InBackground<Either<A, B>> {
    const STATUS: StatusCode = StatusCode::ACCEPTED;

    fn shape() -> Shape {
        Shape::Either(Self::STATUS, component::<A>, component::<B>)
    }
}

async fn sent<A: Answer>(answer: impl Future<Output = Result<A, Problem>>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::build(A::STATUS).json(answer.await?))
}

/// The arguments of a handler that reads.
type Reads = (web::Data<AppState>, HttpRequest);
/// The arguments of a handler that acts on a body.
type Acts<B> = (web::Data<AppState>, HttpRequest, Body<B>);

impl Route {
    /// A route from which programs read `A`.
    pub(super) fn get<A: Answer + 'static>(
        path: &'static str,
        needs: Permission,
        id: &'static str,
        summary: &'static str,
        handler: impl Handler<Reads, Output = Result<A, Problem>> + Send + Sync,
    ) -> Self {
        let registration = move || {
            let handler = handler.clone();
            web::get().to(move |app_state: web::Data<AppState>, request: HttpRequest| sent(handler.call((app_state, request))))
        };
        let described = Described { id, summary, params: &[], body: None, answer: A::shape() };
        Self::of("GET", path, Some(needs), Some(described), registration)
    }

    /// An action for programs: takes the body `B` and answers `A`.
    pub(super) fn post<B: Members + 'static, A: Answer + 'static>(
        path: &'static str,
        needs: Permission,
        id: &'static str,
        summary: &'static str,
        handler: impl Handler<Acts<B>, Output = Result<A, Problem>> + Send + Sync,
    ) -> Self {
        let registration = move || {
            let handler = handler.clone();
            web::post().to(move |app_state: web::Data<AppState>, request: HttpRequest, body: Body<B>| {
                sent(handler.call((app_state, request, body)))
            })
        };
        let described = Described { id, summary, params: &[], body: Some(component::<B>), answer: A::shape() };
        Self::of("POST", path, Some(needs), Some(described), registration)
    }
}
