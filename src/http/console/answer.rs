//! The answer of a console handler: a page, a redirect, or why there is none.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError};
use askama::Template;

use super::signed_in::Session;
use super::view::{CodeText, Layout};
use crate::domain::visible::visible_html;
use crate::http::headers::HEADERS;
use crate::http::problem::Problem;
use crate::operations::{Interface, Refused};
use crate::store::StoreError;

/// The answer of a console handler.
pub(super) type Page = Result<HttpResponse, Refusal>;

/// What a page may load: its own style, script and pictures, nothing inline, nothing from another host.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Why a page cannot be shown.
#[derive(Debug)]
pub(in crate::http) enum Refusal {
    /// For a program.
    Problem(Problem),
    /// For a person.
    Page(Problem),
    /// Not signed in, or no longer signed in; with the page to return to.
    SignIn(String),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Page(problem)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Refusal::Page(Problem::refused(refused, Interface::Console))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Page(error.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Problem(problem) | Refusal::Page(problem) => problem.fmt(f),
            Refusal::SignIn(_) => f.write_str("not signed in"),
        }
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    layout: Layout,
    detail: CodeText,
    next_step: CodeText,
    /// Whether the error is temporary: then the script tries again.
    passing: bool,
}

impl RefusedPage {
    fn of(problem: &Problem, session: Option<&Session>) -> Self {
        let mut title = problem.title.to_owned();
        title.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
        let layout = session.map_or_else(|| Layout::outside(&title), |session| Layout::of(session, "", &title));
        Self {
            layout,
            detail: CodeText(problem.detail.clone()),
            next_step: CodeText(problem.next_step.clone()),
            passing: problem.status == 503,
        }
    }
}

/// Adds the menu of the signed-in person to a refusal page; every other answer stays unchanged.
pub(in crate::http) fn with_layout(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let page = response.response().error().and_then(|error| {
        let Refusal::Page(problem) = error.as_error::<Refusal>()? else { return None };
        let session = response.request().extensions().get::<Session>().cloned()?;
        Some(html(problem.status_code(), &RefusedPage::of(problem, Some(&session))))
    });
    match page {
        Some(page) => response.into_response(page),
        None => response,
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Refusal::Problem(problem) | Refusal::Page(problem) => problem.status_code(),
            Refusal::SignIn(_) => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Refusal::Problem(problem) => problem.error_response(),
            Refusal::Page(problem) => html(problem.status_code(), &RefusedPage::of(problem, None)),
            Refusal::SignIn(to) => {
                let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
                see_other(&format!("/sign-in?{query}"))
            }
        }
    }
}

/// A page, with the headers that a page needs.
pub(super) fn html(status: StatusCode, page: &impl Template) -> HttpResponse {
    let Ok(text) = page.render() else {
        return Problem::unavailable("the page could not be written", "read the log").error_response();
    };
    let mut response = HttpResponse::build(status);
    for header in HEADERS {
        response.insert_header(header);
    }
    // with `no-referrer` the browser would send `Origin: null` with our own forms
    response.insert_header((header::REFERRER_POLICY, "same-origin")).insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    response.content_type("text/html; charset=utf-8").body(visible_html(&text).into_owned())
}

/// A redirect to another page of the console, with GET.
pub(super) fn see_other(to: &str) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    for header in HEADERS {
        response.insert_header(header);
    }
    response.insert_header((header::LOCATION, to)).finish()
}

pub(super) fn ok(page: &impl Template) -> Page {
    Ok(html(StatusCode::OK, page))
}

/// The requested path and query.
pub(super) fn here(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}
