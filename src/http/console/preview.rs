//! What would be sent of records now. The page reads both systems, and writes to neither.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, ok};
use super::filter::{Filter, Spec};
use super::sent::shown;
use super::session;
use super::view::{CodeText, Layout, Time, record_path};
use crate::domain::DocumentKey;
use crate::domain::format::Shown;
use crate::domain::history::{ChildKeys, flatten};
use crate::domain::role::Permission;
use crate::http::api::preview::asked;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::preview::{PartAction, Preview, PreviewDifference, PreviewOutcome, PreviewPart, PreviewRecord};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/preview", Some(Permission::Operate), show)]
}

struct FieldRow {
    name: String,
    shown: Shown,
    empty: bool,
    /// ServiceNow's value, where it is another one.
    there: Option<String>,
    /// The record whose row it names.
    of: String,
}

struct PartCard {
    name: String,
    table: String,
    action: &'static str,
    tone: &'static str,
    row: String,
    notes: Vec<CodeText>,
    fields: Vec<FieldRow>,
    fields_not_compared: String,
}

struct RecordCard {
    path: String,
    key: String,
    outcome: &'static str,
    tone: &'static str,
    next_run: CodeText,
    /// What a person must correct: what is wrong, and what to do.
    wrong: Vec<(CodeText, CodeText)>,
    warnings: Vec<CodeText>,
    source: Vec<(String, String)>,
    parts: Vec<PartCard>,
    /// Whether the page has only this record, which is then open.
    open: bool,
}

struct Found {
    read_at: Time,
    definition: String,
    not_compared: Option<CodeText>,
    notes: Vec<CodeText>,
    more: bool,
    records: Vec<RecordCard>,
}

#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewPage {
    layout: Layout,
    filter: Filter,
    found: Option<Found>,
}

/// `GET /preview`
async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let specs = vec![Spec::Company, Spec::Entity, Spec::Text("key", "Key", 24), Spec::Text("limit", "Records", 4)];
    let (filter, params) = Filter::of(&app_state, request.query_string(), "/preview", specs, &[]).await?;
    let found = match asked(&params)? {
        Some(asked) => Some(Found::from(app_state.service.preview(&asked).await?)),
        None => None,
    };
    ok(&PreviewPage { layout: Layout::of(&session, "/records", "Preview"), filter, found })
}

impl From<Preview> for Found {
    fn from(preview: Preview) -> Self {
        let open = preview.records.len() == 1;
        let definition = preview.definition_words();
        let (company, entity) = (preview.company, preview.entity);
        Self {
            read_at: Time(preview.read_at),
            definition,
            not_compared: preview.not_compared.map(CodeText),
            notes: preview.notes.into_iter().map(CodeText).collect(),
            more: preview.more,
            records: preview.records.into_iter().map(|record| RecordCard::of(&company, &entity, record, open)).collect(),
        }
    }
}

fn tone(outcome: PreviewOutcome) -> &'static str {
    match outcome {
        PreviewOutcome::Unchanged => "good",
        PreviewOutcome::Create | PreviewOutcome::Update => "busy",
        PreviewOutcome::Waits | PreviewOutcome::NotInSyspro => "warn",
        PreviewOutcome::Fails => "bad",
        PreviewOutcome::Excluded | PreviewOutcome::NotCompared => "soft",
    }
}

fn action_tone(action: PartAction) -> &'static str {
    match action {
        PartAction::Nothing => "good",
        PartAction::Create | PartAction::Update => "busy",
        PartAction::Gone => "warn",
        PartAction::NotCompared => "soft",
    }
}

impl RecordCard {
    fn of(company: &str, entity: &str, record: PreviewRecord, open: bool) -> Self {
        let problem = record.problem.map(|problem| (CodeText(problem.text), CodeText(problem.next_step)));
        let codes = record
            .missing_codes
            .into_iter()
            .map(|code| (CodeText(format!("The code list `{}` has no `{}`.", code.list, code.code)), CodeText(code.next_step)));
        let parents = record.missing_parents.into_iter().map(|parent| (CodeText(parent.words()), CodeText(parent.next_step)));
        Self {
            path: record_path(company, entity, &record.key),
            wrong: problem.into_iter().chain(codes).chain(parents).collect(),
            key: DocumentKey::shown(&record.key),
            outcome: record.outcome.words(),
            tone: tone(record.outcome),
            next_run: CodeText(record.next_run),
            warnings: record.warnings.into_iter().map(CodeText).collect(),
            source: record.source.map(|source| flatten(&source, &ChildKeys::new()).into_iter().collect()).unwrap_or_default(),
            parts: record.parts.into_iter().map(PartCard::from).collect(),
            open,
        }
    }
}

impl From<PreviewPart> for PartCard {
    fn from(part: PreviewPart) -> Self {
        let row = part.row.map(|row| {
            let by = row.updated_by.map(|by| format!(" by {by}")).unwrap_or_default();
            let at = row.updated_at.map(|at| format!(", changed{by} at {at} UTC")).unwrap_or_default();
            format!("{} {}{at}", row.table, row.sys_id)
        });
        let mut there: BTreeMap<String, String> =
            part.differences.into_iter().map(|PreviewDifference { field, servicenow, .. }| (field, servicenow)).collect();
        let mut fields = Vec::new();
        for (name, value) in part.fields {
            let shown = shown(&value, part.currencies.get(&name));
            fields.push(FieldRow { there: there.remove(&name), empty: value.is_empty(), shown, name, of: String::new() });
        }
        for one in part.references {
            let shown = Shown { text: one.sys_id.unwrap_or_else(|| "not known".to_owned()), ..Shown::default() };
            let of = format!("the row of {} {}", one.entity, DocumentKey::shown(&one.key));
            fields.push(FieldRow { there: there.remove(&one.field), empty: false, shown, name: one.field, of });
        }
        Self {
            name: part.part,
            table: part.table,
            action: part.action.words(),
            tone: action_tone(part.action),
            row: row.unwrap_or_default(),
            notes: part.not_compared.into_iter().chain(part.notes).map(CodeText).collect(),
            fields,
            fields_not_compared: part.fields_not_compared.join(", "),
        }
    }
}
