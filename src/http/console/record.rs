//! One record's history: its state, its content, and every step.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, html, ok};
use super::session;
use super::steps::{Step, step};
use super::view::{CodeText, Layout, Sentence, Time, part, record_path};
use crate::doctor::one_record::Seen;
use crate::domain::delivery::{FailureReason, PartState};
use crate::domain::format::{Child, Content, Formats, Shown};
use crate::domain::history::{ChildKeys, Compared, Flat, faults};
use crate::domain::role::Permission;
use crate::domain::{CompanyId, DocumentKey, Fault, FlowId};
use crate::http::problem::Problem;
use crate::http::query::{Params, path_parts};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::explain::Explained;
use crate::process::Process;
use crate::store::{RecordView, VersionView};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/records/{company}/{entity}/{*key}", Some(Permission::Read), record)]
}

/// The most lines, target records and steps on the page, unless all are requested.
const SHOWN: usize = 100;

struct ChangeRow {
    field: String,
    before: Option<Shown>,
    after: Option<Shown>,
}

/// What was wrong with the received rows, and what to do.
struct FaultRow {
    text: CodeText,
    next_step: CodeText,
}

struct VersionRow {
    /// Why it could not be read; then no differences are shown.
    faults: Vec<FaultRow>,
    number: i32,
    read: Time,
    deleted: bool,
    first: bool,
    changes: Vec<ChangeRow>,
}

struct DeliveryRow {
    part: String,
    version: i32,
    state: String,
    tone: &'static str,
    message: Option<CodeText>,
    next_step: Option<CodeText>,
    next: Option<Time>,
    confirmed: Option<Time>,
    table: String,
    sys_id: String,
    payload: Vec<(String, String)>,
}

struct StepRow {
    at: Time,
    kind: String,
    part: String,
    version: Option<i32>,
    actor: String,
    step: Step,
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    layout: Layout,
    company: String,
    entity: String,
    key: String,
    /// The page with what was sent of it.
    sent: String,
    explanation: Sentence,
    tone: &'static str,
    /// Since when a person holds it.
    held: Option<Time>,
    /// Whether its newest version could be read: then the stored content can be sent again.
    sendable: bool,
    /// Whether a part failed, or is on hold, and could be sent as it is.
    releasable: bool,
    number: i32,
    read: Option<Time>,
    content: Content,
    /// Whether some of the fields are amounts.
    amounts: bool,
    versions: Vec<VersionRow>,
    deliveries: Vec<DeliveryRow>,
    steps: Vec<StepRow>,
    /// The most items of each list, and steps before the first shown.
    most: usize,
    earlier: usize,
}

#[derive(Template)]
#[template(path = "record_unknown.html")]
struct UnknownPage {
    layout: Layout,
    company: String,
    entity: String,
    key: String,
    explanation: String,
    step: String,
    /// Whether the flow exists.
    flow: bool,
    search: String,
}

/// `GET /records/{company}/{entity}/{key}`; the key may contain slashes.
pub(super) async fn record(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["done", "all"])?;
    let done = params.text("done");
    let most = if params.text("all").as_deref() == Some("yes") { usize::MAX } else { SHOWN };
    let parts: [String; 3] = path_parts(request.uri().path(), 1, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no record", "search for its key in the box above"))?;
    let [company, entity, key] = parts;
    let explained = app_state.service.explain(&FlowId::new(company.as_str(), entity.as_str()), &key).await?;
    let layout = Layout::of(&session, "/records", &format!("{entity} {key}")).done(done.as_deref());
    let definitions = app_state.process.definitions.now();
    let plan = definitions.plan(&entity.as_str().into());
    let view = match explained {
        Explained::Known(view) => *view,
        Explained::NeverRead(seen) => {
            let first = key.split('/').next().unwrap_or_default();
            let search = format!("/records?prefix={}", part(first));
            let (explanation, step) = (format!("never read: {seen}"), seen.next_step().to_string());
            let flow = seen != Seen::NoFlow;
            return Ok(html(StatusCode::NOT_FOUND, &UnknownPage { layout, explanation, step, flow, search, company, entity, key }));
        }
    };
    let keys: ChildKeys =
        plan.map(|plan| plan.read.children.iter().map(|child| (child.name.clone(), child.table.key.clone())).collect()).unwrap_or_default();
    let own = definitions.code_lists.currency_of(&CompanyId::new(&company)).map(ToString::to_string);
    let formats = plan.map(|plan| plan.formats(own.as_deref())).unwrap_or_default();
    ok(&page(layout, view, most, &keys, &Writing { process: &app_state.process, company: CompanyId::new(&company), formats }))
}

impl From<Fault> for FaultRow {
    fn from(fault: Fault) -> Self {
        Self { next_step: CodeText(fault.next_step.text().into_owned()), text: CodeText(fault.text.into()) }
    }
}

/// How to write this record's values.
struct Writing<'a> {
    process: &'a Process,
    company: CompanyId,
    formats: Formats,
}

impl Writing<'_> {
    /// Uses the currency as ServiceNow has it, if the site's code list contains it.
    fn iso(&self, mut shown: Shown) -> Shown {
        if let Ok(code) = self.process.definitions.now().code_lists.resolve("currency", &self.company, &shown.currency) {
            shown.currency = code.into_owned();
        }
        shown
    }

    fn content(&self, content: &str) -> Content {
        let Content { fields, children } = self.formats.content(content);
        let child = |child: Child| Child {
            rows: child.rows.into_iter().map(|row| row.into_iter().map(|shown| self.iso(shown)).collect()).collect(),
            ..child
        };
        Content {
            fields: fields.into_iter().map(|(name, shown)| (name, self.iso(shown))).collect(),
            children: children.into_iter().map(child).collect(),
        }
    }

    /// Every version with its differences from the one before.
    fn versions(&self, versions: &[VersionView], keys: &ChildKeys) -> Vec<VersionRow> {
        let compared = Compared::of(versions.iter().map(|version| version.content.as_str()), keys);
        let nothing = Flat::new();
        let row = |(at, version): (usize, &VersionView)| {
            let (now, before) = compared.pair(at).unwrap_or((&nothing, &nothing));
            let show = |field: &str, value: Option<String>, all: &Flat| value.map(|value| self.iso(self.formats.show(field, &value, all)));
            let change = |change: crate::domain::history::Change| ChangeRow {
                before: show(&change.field, change.before, before),
                after: show(&change.field, change.after, now),
                field: change.field,
            };
            VersionRow {
                number: version.version,
                read: Time(version.read_at),
                deleted: version.deleted,
                first: version.version == 1,
                changes: compared.changes(at).into_iter().map(change).collect(),
                faults: faults(&version.content).into_iter().map(FaultRow::from).collect(),
            }
        };
        versions.iter().enumerate().map(row).collect()
    }
}

/// How urgent the sentence about a record's state is.
fn tone(states: &[&str]) -> &'static str {
    use PartState::{Failed, OnHold, Queued, Retrying, Sending, Unknown, Waiting};

    let any = |wanted: &[PartState]| states.iter().any(|state| wanted.iter().any(|word| word.as_str() == *state));
    if any(&[Failed]) {
        "bad"
    } else if any(&[Queued, Sending, Retrying, Unknown, Waiting, OnHold]) {
        "warn"
    } else {
        "good"
    }
}

fn page(layout: Layout, view: RecordView, most: usize, keys: &ChildKeys, writing: &Writing<'_>) -> RecordPage {
    let states: Vec<&str> = view.deliveries.iter().map(|delivery| delivery.state.as_str()).collect();
    let tone_of_all = tone(&states);
    let mut reasons = view.deliveries.iter().filter_map(|row| row.reason.as_deref()?.parse::<FailureReason>().ok());
    let releasable = reasons.any(|reason| FailureReason::RELEASABLE.contains(&reason));
    let newest = view.versions.first();
    let (number, read) = (newest.map_or(0, |version| version.version), newest.map(|version| Time(version.read_at)));
    let content = newest.map(|version| writing.content(&version.content)).unwrap_or_default();
    let versions = writing.versions(&view.versions, keys);
    let deliveries = view.deliveries.into_iter().map(|row| DeliveryRow {
        part: format!("{} {}", row.block, row.record_key).trim_end().to_owned(),
        version: row.version,
        tone: tone(&[row.state.as_str()]),
        next: row.not_before.filter(|_| matches!(row.state.parse(), Ok(PartState::Retrying | PartState::Unknown))).map(Time),
        state: row.reason.map_or_else(|| row.state.clone(), |reason| format!("{}: {reason}", row.state)).replace('_', " "),
        message: row.message.map(CodeText),
        next_step: row.next_step.map(CodeText),
        confirmed: row.confirmed_at.map(Time),
        table: row
            .target_table
            .map(|table| if row.former { format!("{table}, which is no longer written") } else { table })
            .unwrap_or_default(),
        sys_id: row.sys_id.unwrap_or_default(),
        payload: serde_json::from_str::<BTreeMap<String, String>>(&row.payload).unwrap_or_default().into_iter().collect(),
    });
    let mut deliveries: Vec<DeliveryRow> = deliveries.collect();
    // rows that need a person come first, whatever is left out
    deliveries.sort_by_key(|row| row.tone == "good");
    let earlier = view.steps.len().saturating_sub(most);
    let steps = view.steps.into_iter().map(|row| StepRow {
        step: step(&row),
        at: Time(row.at),
        kind: row.kind.replace('_', " "),
        part: [row.block, row.record_key].into_iter().flatten().collect::<Vec<_>>().join(" ").trim_end().to_owned(),
        version: row.version,
        actor: row.actor,
    });
    RecordPage {
        layout,
        sendable: versions.first().is_none_or(|version| version.faults.is_empty()),
        releasable: view.hold.is_some() || releasable,
        held: view.hold.map(|hold| Time(hold.held_at)),
        explanation: Sentence(view.explanation),
        tone: tone_of_all,
        number,
        read,
        amounts: content.fields.iter().any(|(_, shown)| shown.number),
        content,
        versions,
        deliveries,
        most,
        earlier,
        steps: steps.collect(),
        sent: format!("{}/sent", record_path(&view.company, &view.entity, &view.key)),
        company: view.company,
        entity: view.entity,
        key: DocumentKey::shown(&view.key),
    }
}
