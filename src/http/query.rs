//! Query parameters: known names, once each, with checked values; and the parts of a path, decoded once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use serde::Serialize;

use super::problem::Problem;
use super::route::Route;
use crate::domain::delivery::FailureWord;
use crate::domain::{percent, word};

/// Items per page by default.
const LIMIT: i64 = 100;
/// The most items per page.
const MOST: i64 = 1000;

/// The kind of a parameter. Both the check and the description of the API use it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text; an empty one counts as missing.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A reason or state of a failure.
    Failure,
    /// A time (RFC 3339).
    Instant,
    /// A whole number in this range.
    Number(i64, i64),
    /// A UUID.
    Uuid,
    /// A fiscal year and period.
    Period,
}

impl Kind {
    /// The possible words.
    pub(super) fn words(self) -> Vec<&'static str> {
        match self {
            Self::Word(words) => words.to_vec(),
            Self::Failure => FailureWord::words().collect(),
            Self::Text | Self::Instant | Self::Number(..) | Self::Uuid | Self::Period => Vec::new(),
        }
    }
}

/// A parameter of a route.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Its effect, for the description.
    pub(super) what: &'static str,
}

pub(super) const fn param(name: &'static str, kind: Kind, what: &'static str) -> Param {
    Param { name, kind, what }
}

/// Refuses a query that the route does not describe, for every route that needs a key. Health and metrics take any query: monitors add
/// their own. Pages of the console check theirs, which they share with their forms.
pub(super) async fn check<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let checked = {
        let extensions = request.extensions();
        let checks = extensions.get::<Route>().is_some_and(|route| route.needs.is_some() && !route.is_page());
        if checks { Params::of(&extensions, request.query_string()).map(drop) } else { Ok(()) }
    };
    match checked {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_boxed_body()),
    }
}

/// The page size, a parameter of every long list.
pub(super) const LIMITED: Param = param("limit", Kind::Number(1, MOST), "items per page; 100 unless given");
/// The start of a page, in a list ordered by numbers.
pub(super) const AFTER: Param = param("after", Kind::Number(0, i64::MAX), "the `next` of the page before");

/// The parameters of a query.
#[derive(Debug)]
pub(super) struct Params(BTreeMap<String, String>);

/// One page of a list. Send `next` as `after` to get the next page; `null`: this was the last one.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    /// A page from rows that were read with one more than the limit.
    pub(super) fn of(mut rows: Vec<T>, limit: i64, id: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(id) } else { None };
        Self { items: rows, next }
    }
}

impl Params {
    /// Reads a query of the API. `extensions`: of the request, with its route.
    ///
    /// # Errors
    /// 400 for a name that the route does not describe, that occurs twice, or that has a value of another kind.
    pub(super) fn of(extensions: &Extensions, query: &str) -> Result<Self, Problem> {
        let described = extensions.get::<Route>().and_then(|route| route.described);
        Self::described(query, described.map_or(&[], |described| described.params))
    }

    fn described(query: &str, allowed: &[Param]) -> Result<Self, Problem> {
        let params = Self::parse(query, &allowed.iter().map(|param| param.name).collect::<Vec<_>>())?;
        for param in allowed {
            let Some(text) = params.0.get(param.name) else { continue };
            match param.kind {
                _ if text.is_empty() => {
                    return Err(Problem::bad_request(format!("parameter `{}` is empty", param.name), "leave it out, or give it a value"));
                }
                Kind::Word(_) | Kind::Failure => {
                    word::check("value", text, param.kind.words().iter().copied()).map_err(|unknown| {
                        Problem::bad_request(
                            format!("parameter `{}`: {}", param.name, unknown.detail()),
                            format!("send one of {}", unknown.choices()),
                        )
                    })?;
                }
                // checked where they are used
                Kind::Text | Kind::Instant | Kind::Number(..) | Kind::Uuid | Kind::Period => {}
            }
        }
        Ok(params)
    }

    /// Reads a query whose values are checked where they are used.
    ///
    /// # Errors
    /// 400 for a name that is not in `allowed`, or occurs twice.
    pub(super) fn parse(query: &str, allowed: &[&str]) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if !allowed.contains(&name.as_ref()) {
                let known = match allowed {
                    [] => "leave it out: this path takes no parameters".to_owned(),
                    _ => format!("use {}", allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
                };
                return Err(Problem::bad_request(format!("there is no parameter `{name}`"), known));
            }
            if value.contains('\0') {
                // Postgres cannot store it, so nothing can contain it
                return Err(Problem::bad_request(format!("parameter `{name}` contains a zero byte"), "send text"));
            }
            if found.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Problem::bad_request(format!("parameter `{name}` occurs twice"), "send it once"));
            }
        }
        Ok(Self(found))
    }

    /// A text; an empty one counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|text| !text.is_empty()).cloned()
    }

    /// A value parsed from its text.
    ///
    /// # Errors
    /// 400 when it cannot be parsed; the message says what it should be.
    pub(super) fn value<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Problem>
    where
        T::Err: Display,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        let problem =
            |error: T::Err| Problem::bad_request(format!("parameter `{name}`: `{text}` is not {what}: {error}"), format!("send {what}"));
        text.parse().map(Some).map_err(problem)
    }

    /// The number after which a page begins.
    ///
    /// # Errors
    /// 400 when it is not a number.
    pub(super) fn after(&self) -> Result<i64, Problem> {
        let after = self.value("after", "the `next` of the page before")?.unwrap_or(0);
        if after < 0 {
            return Err(Problem::bad_request(format!("`after` must not be negative, got `{after}`"), "send the `next` of the page before"));
        }
        Ok(after)
    }

    /// The page size.
    ///
    /// # Errors
    /// 400 when it is not between 1 and 1000.
    pub(super) fn limit(&self) -> Result<i64, Problem> {
        let limit = self.value("limit", "a number between 1 and 1000")?.unwrap_or(LIMIT);
        if !(1..=MOST).contains(&limit) {
            let detail = format!("`limit` must be between 1 and {MOST}, got `{limit}`");
            return Err(Problem::bad_request(detail, format!("leave it out for {LIMIT}")));
        }
        Ok(limit)
    }
}

/// The parts of a path from the `skip`-th on, at most `most` of them, each percent-decoded once; the last one keeps its slashes.
///
/// # Errors
/// 400 when an escape is invalid or not UTF-8, or is a zero byte, which Postgres cannot store.
pub(super) fn path_parts(path: &str, skip: usize, most: usize) -> Result<Vec<String>, Problem> {
    path.trim_start_matches('/').splitn(skip + most, '/').skip(skip).map(decode).collect()
}

/// The company, the entity and the key in a path that names a record, after `skip` parts and before the end `end`.
///
/// # Errors
/// As [`path_parts`]; 404 where the path names no record.
pub(super) fn record_parts(path: &str, skip: usize, end: &str) -> Result<[String; 3], Problem> {
    let parts = path_parts(path.strip_suffix(end).unwrap_or(path), skip, 3)?;
    parts.try_into().map_err(|_| Problem::not_found("the path names no record", "name its company, its entity and its key"))
}

fn decode(text: &str) -> Result<String, Problem> {
    let broken = || {
        Problem::bad_request(
            format!("`{text}` in the path is not percent-encoded UTF-8"),
            "encode each byte outside ASCII, and `%` itself, as %XX",
        )
    };
    percent::decode(text).ok().filter(|text| !text.contains('\0')).ok_or_else(broken)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn unknown_and_doubled_names_are_refused() {
        let problem = Params::parse("companny=EDU1", &["company", "limit"]).expect_err("unknown");
        assert_eq!((problem.status, problem.detail.as_str()), (400, "there is no parameter `companny`"));
        assert_eq!(problem.next_step, "use `company`, `limit`");
        let problem = Params::parse("limit=1&limit=2", &["limit"]).expect_err("twice");
        assert_eq!(problem.detail, "parameter `limit` occurs twice");
        assert!(Params::parse("x=", &[]).expect_err("none").next_step.contains("no parameters"));
    }

    #[test]
    fn values_are_checked() {
        let parse = |query| Params::parse(query, &["after", "limit", "since", "company"]).expect("names");
        assert_eq!(parse("").limit().expect("default"), 100);
        assert_eq!(parse("limit=1000").limit().expect("most"), 1000);
        for query in ["limit=0", "limit=1001", "limit=ten", "limit=-1"] {
            assert_eq!(parse(query).limit().expect_err(query).status, 400);
        }
        assert_eq!(parse("after=7").after().expect("number"), 7);
        for query in ["after=-7", "after=x"] {
            assert_eq!(parse(query).after().expect_err(query).status, 400);
        }
        assert!(parse("since=2026-01-31T00:00:00%2B02:00").value::<DateTime<Utc>>("since", "an instant").expect("instant").is_some());
        assert_eq!(parse("since=yesterday").value::<DateTime<Utc>>("since", "an instant").expect_err("no instant").status, 400);
        assert_eq!(Params::parse("company=a%00", &["company"]).expect_err("zero byte").status, 400);
        assert_eq!(parse("company=").text("company"), None);
        assert_eq!(parse("company=A%20B+C").text("company").as_deref(), Some("A B C"));
    }

    #[test]
    fn a_page_names_the_next_one_only_when_there_is_one() {
        let page = Page::of(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!(serde_json::to_value(page).expect("JSON"), serde_json::json!({ "items": [1, 2], "next": "2" }));
        let page = Page::of(vec![1, 2], 2, ToString::to_string);
        assert_eq!(serde_json::to_value(page).expect("JSON"), serde_json::json!({ "items": [1, 2], "next": null }));
    }

    #[test]
    fn a_key_is_decoded_once_and_keeps_its_slashes() {
        let parts = |path| path_parts(path, 3, 3).expect("parts");
        assert_eq!(parts("/api/v1/records/EDU1/invoice/042/INV%207"), ["EDU1", "invoice", "042/INV 7"]);
        assert_eq!(parts("/api/v1/records/EDU1/invoice/042%2FINV%207"), ["EDU1", "invoice", "042/INV 7"]);
        assert_eq!(parts("/api/v1/records/EDU1/invoice/a%252Fb"), ["EDU1", "invoice", "a%2Fb"]);
        assert_eq!(parts("/api/v1/records/E%201/invoice/a+b"), ["E 1", "invoice", "a+b"]);
        for broken in [
            "/api/v1/records/EDU1/invoice/a%2",
            "/api/v1/records/EDU1/invoice/%zz",
            "/api/v1/records/EDU1/invoice/%ff",
            "/api/v1/records/E/i/%00",
        ] {
            assert_eq!(path_parts(broken, 3, 3).expect_err(broken).status, 400);
        }
    }
}
