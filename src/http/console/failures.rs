//! What did not arrive, grouped by cause.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use askama::Template;

use super::session::{self, Form};
use super::view::{Frame, Time, part};
use super::{Page, ok, see_other};
use crate::http::Surface;
use crate::http::api::actions::{ReplayBody, caller, replay_action};
use crate::http::query::Params;
use crate::store::{FailureFilter, FailureRow};

/// Failures that one page groups.
const PAGE: usize = 1000;
/// Records listed per group; the count says how many there are.
const LISTED: usize = 50;
/// Characters of the system's words that make a cause.
const WORDS: usize = 140;

struct GroupView {
    cause: &'static str,
    company: String,
    entity: String,
    words: String,
    next_step: Option<String>,
    count: usize,
    rows: Vec<RowView>,
}

struct RowView {
    path: String,
    key: String,
    part: String,
    message: String,
    attempts: i32,
    since: Time,
}

#[derive(Template)]
#[template(path = "failures.html")]
struct FailuresPage {
    frame: Frame,
    groups: Vec<GroupView>,
    flow: Option<String>,
    next: Option<String>,
}

/// `GET /failures`
pub(super) async fn failures(surface: web::Data<Surface>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["company", "entity", "after", "done"])?;
    let (company, entity) = (params.text("company"), params.text("entity"));
    let filter = FailureFilter {
        key: None,
        since: None,
        until: None,
        company: company.clone(),
        entity: entity.clone(),
        after: params.after()?,
        limit: PAGE as i64 + 1,
        ..FailureFilter::default()
    };
    let mut rows = surface.deps.store.failure_list(filter).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("company", &company), ("entity", &entity)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let next =
        rows.last().filter(|_| more).map(|row| format!("/failures?{}", query.append_pair("after", &row.delivery_id.to_string()).finish()));
    let flow = [company, entity].into_iter().flatten().collect::<Vec<_>>().join("/");
    ok(&FailuresPage {
        frame: Frame::of(&session, "/failures", "Failures").done(params.text("done").as_deref()),
        groups: groups(rows),
        flow: (!flow.is_empty()).then_some(flow),
        next,
    })
}

/// A cause in words.
fn cause(row: &FailureRow) -> &'static str {
    match row.reason.as_deref().unwrap_or(&row.state) {
        "rejected" => "Refused",
        "missing_parent" => "Waiting for a parent",
        "poison" => "Crashed the mapping",
        "exhausted" => "Out of tries",
        "downstream_failed" => "Failed in ServiceNow later",
        "in_doubt" => "In doubt",
        _ => "Waiting for its next try",
    }
}

/// The largest group first.
fn groups(rows: Vec<FailureRow>) -> Vec<GroupView> {
    let mut found: BTreeMap<(&'static str, String, String, String), GroupView> = BTreeMap::new();
    for row in rows {
        let message = row.message.clone().unwrap_or_default();
        let (cause, words) = (cause(&row), shortened(&message));
        let group = found.entry((cause, row.company.clone(), row.entity.clone(), words.clone())).or_insert_with(|| GroupView {
            cause,
            company: row.company.clone(),
            entity: row.entity.clone(),
            words,
            next_step: row.next_step.clone(),
            count: 0,
            rows: Vec::new(),
        });
        group.count += 1;
        if group.rows.len() < LISTED {
            group.rows.push(RowView {
                path: format!("/records/{}/{}/{}", part(&row.company), part(&row.entity), part(&row.key)),
                part: format!("{} {}", row.block, row.record_key).trim_end().to_owned(),
                key: row.key,
                message,
                attempts: row.attempts,
                since: Time(row.since),
            });
        }
    }
    let mut groups: Vec<GroupView> = found.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

/// The system's words without what differs from record to record: quoted values and numbers.
fn shortened(message: &str) -> String {
    let mut words = String::new();
    for (at, piece) in message.split('`').enumerate() {
        if at % 2 == 1 {
            words.push_str("`…`");
            continue;
        }
        let mut digits = false;
        for letter in piece.chars() {
            if letter.is_ascii_digit() {
                if !digits {
                    words.push('#');
                }
            } else {
                words.push(letter);
            }
            digits = letter.is_ascii_digit();
        }
    }
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// `POST /replay`: the records of one flow that failed, or one record.
pub(super) async fn replay(surface: web::Data<Surface>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload).await?;
    let text = |name: &str| Some(form.text(name).to_owned()).filter(|text| !text.is_empty());
    let asked = ReplayBody {
        company: text("company"),
        entity: text("entity"),
        key: text("key"),
        failed_only: form.text("failed_only") == "yes",
        why: form.text("why").to_owned(),
        ..ReplayBody::default()
    };
    let to = match (&asked.company, &asked.entity, &asked.key) {
        (Some(company), Some(entity), Some(key)) => format!("/records/{}/{}/{}?done=replay", part(company), part(entity), part(key)),
        _ => "/failures?done=replay".to_owned(),
    };
    replay_action(&surface, asked, caller(&request)).await?;
    Ok(see_other(&to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_record_to_record_makes_no_cause() {
        let (one, other) = ("supplier `0042` has no currency `XXX`: 403", "supplier `17` has no currency `Y`: 403");
        assert_eq!(shortened(one), "supplier `…` has no currency `…`: #");
        assert_eq!(shortened(one), shortened(other));
        assert_ne!(shortened(one), shortened("supplier `0042` has no name: 403"));
        assert_eq!(shortened(&"é".repeat(200)).chars().count(), WORDS + 1);
    }
}
