//! Entries that wait for a person: both values, and the decision which value wins.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok, see_other};
use super::files::{self, ABOUT, Files};
use super::filter::{Filter, Spec};
use super::flash::FlashMessage;
use super::session::{self, Form};
use super::view::{CodeText, Layout, Time, record_path};
use crate::domain::conflict::{ConflictKind, ConflictState};
use crate::domain::ids::ConflictId;
use crate::domain::merge::Side;
use crate::domain::role::Permission;
use crate::domain::{DocumentKey, FlowId};
use crate::http::api::actions::requested;
use crate::http::api::conflicts::side;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};
use crate::operations::{self, Refused};
use crate::store::{ConflictFilter, ConflictRow, StoreError};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/conflicts.csv", "/conflicts.xlsx"], Permission::Read, file);
    let pages = vec![
        Route::page("/conflicts", Some(Permission::Read), conflicts),
        Route::form("/conflicts/resolve", Some(Permission::Operate), resolve),
        Route::form("/conflicts/adopt", Some(Permission::Operate), adopt),
    ];
    [pages, files].concat()
}

/// Entries on a page.
const PAGE: usize = 100;

struct ConflictView {
    id: ConflictId,
    path: String,
    flow: String,
    key: String,
    field: String,
    kind: String,
    state: String,
    tone: &'static str,
    opened: Time,
    closed: Option<Time>,
    outcome: Option<String>,
    /// What happens next to a decided entry.
    next: Option<CodeText>,
    /// Whether a person may decide which value wins; also again, if SYSPRO does not accept the decided value.
    decidable: bool,
    agreed: String,
    syspro: String,
    syspro_at: Option<Time>,
    servicenow: String,
    servicenow_at: Option<Time>,
    decided: Option<String>,
    decided_at: Option<Time>,
    why: Option<String>,
    /// Why SYSPRO does not show the value yet.
    said: Option<String>,
}

impl From<ConflictRow> for ConflictView {
    fn from(row: ConflictRow) -> Self {
        let decided = row.side.map(|side| {
            let side = match side {
                Side::Syspro => "SYSPRO",
                Side::ServiceNow => "ServiceNow",
            };
            format!("{side} wins, decided by {}", row.decided_by.as_deref().unwrap_or("tieline"))
        });
        Self {
            id: row.id,
            next: (row.state == ConflictState::Decided).then(|| CodeText(row.next_of_decided().to_string())),
            path: record_path(&row.company, &row.entity, &row.key),
            flow: format!("{}/{}", row.company, row.entity),
            key: DocumentKey::shown(&row.key),
            field: if row.field == "@row" { "the record itself".to_owned() } else { row.field },
            decidable: row.state != ConflictState::Closed && row.kind != ConflictKind::Ambiguous,
            kind: row.kind.as_str().replace('_', " "),
            tone: match row.state {
                ConflictState::Open => "bad",
                ConflictState::Closed => "good",
                ConflictState::Decided | ConflictState::ToApply => "warn",
            },
            state: row.state.as_str().replace('_', " "),
            opened: Time(row.opened_at),
            closed: row.closed_at.map(Time),
            outcome: row.outcome.map(|outcome| outcome.replace('_', " ")),
            decided_at: row.decided_at.map(Time),
            why: row.why,
            agreed: row.agreed.unwrap_or_default(),
            syspro: row.syspro,
            syspro_at: row.syspro_at.map(Time),
            servicenow: row.servicenow,
            servicenow_at: row.servicenow_at.map(Time),
            decided,
            said: row.said,
        }
    }
}

/// Two lists that have not been matched yet.
struct FirstContact {
    company: String,
    entity: String,
}

#[derive(Template)]
#[template(path = "conflicts.html")]
struct ConflictsPage {
    layout: Layout,
    filter: Filter,
    files: Files,
    first: Vec<FirstContact>,
    rows: Vec<ConflictView>,
    /// Whether some of them can be decided by this person.
    decidable: bool,
    next: Option<String>,
}

/// The filter, what it selects from this place on, and the other parameters. Open entries, unless a state is selected.
async fn chosen(app_state: &AppState, request: &HttpRequest, more: &[&str]) -> Result<(Filter, ConflictFilter, Params), Refusal> {
    let specs = vec![
        Spec::Company,
        Spec::Entity,
        Spec::Text("key", "Key", 16),
        Spec::words("state", "State", "not closed", ConflictState::WORDS.iter().copied()),
        Spec::words("kind", "Kind", "every kind", ConflictKind::WORDS.iter().copied()),
    ];
    let (filter, params) = Filter::of(app_state, request.query_string(), "/conflicts", specs, more).await?;
    let filter = filter.listing("conflict");
    let asked = ConflictFilter {
        company: filter.text("company"),
        entity: filter.text("entity"),
        key: filter.text("key"),
        state: params.value("state", "a state of a conflict")?,
        kind: params.value("kind", "a kind of conflict")?,
        ids: Vec::new(),
        after: ConflictId(params.after()?),
        limit: PAGE as i64 + 1,
    };
    Ok((filter, asked, params))
}

/// All matching entries as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let (filter, chosen, _) = chosen(&app_state, &request, &[ABOUT]).await?;
    let mut asked = files::asked(&request, &filter)?;
    if chosen.state.is_none() {
        let more = if asked.filter.is_empty() { "" } else { ", " };
        asked.filter = format!("{}{more}without closed entries", asked.filter);
    }
    Ok(export::conflicts(&app_state.process, chosen, asked).await?)
}

pub(super) async fn conflicts(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let (filter, asked, params) = chosen(&app_state, &request, &["after", "done"]).await?;
    let mut rows = app_state.process.store.conflict_list(asked).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|row| filter.next(&row.id.to_string()));
    let layout = Layout::of(&session, "/conflicts", "Conflicts").done(params.text("done").as_deref());
    let first = first_contacts(&app_state).await?;
    let rows: Vec<ConflictView> = rows.into_iter().map(ConflictView::from).collect();
    let decidable = layout.operates() && rows.iter().any(|row| row.decidable);
    let files = Files::of(&filter, "/conflicts", "these conflicts");
    ok(&ConflictsPage { layout, filter, files, first, decidable, rows, next })
}

/// Aligned flows whose two lists have been compared, but not matched yet.
async fn first_contacts(app_state: &AppState) -> Result<Vec<FirstContact>, StoreError> {
    let mut first = Vec::new();
    for flow in app_state.process.flows() {
        let aligned = app_state.process.definitions.now().plan(&flow.entity).is_some_and(|plan| plan.aligned().is_some());
        if !aligned {
            continue;
        }
        let alignment = app_state.process.store.alignment(flow.clone()).await?;
        if alignment.swept_ago.is_some() && !alignment.adopted {
            first.push(FirstContact { company: flow.company.to_string(), entity: flow.entity.to_string() });
        }
    }
    Ok(first)
}

/// The fields of the form that matches two lists.
pub(super) const ADOPT_FIELDS: &[&str] = &["company", "entity", "prefer", "why"];
/// The fields of the form that decides entries.
pub(super) const RESOLVE_FIELDS: &[&str] = &["id", "take", "why"];

pub(super) async fn adopt(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, ADOPT_FIELDS).await?;
    let flow = FlowId::new(form.text("company"), form.text("entity"));
    let prefer = match form.text("prefer") {
        "" => None,
        side => Some(side.parse().map_err(|problem: String| Problem::bad_request(problem, "load the page again"))?),
    };
    let requested = requested(&request, form.text("why"))?;
    let adopted = operations::conflict::adopt(&app_state.process, flow.clone(), prefer, requested).await?;
    let decided = if adopted.is_empty() { String::new() } else { format!(" {} entries are decided with it.", adopted.len()) };
    let said = format!("The two lists of {flow} are now aligned.{decided} The flow’s next run acts on it.");
    Ok(see_other(&FlashMessage::text(said).on(&session, "/conflicts")))
}

pub(super) async fn resolve(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, RESOLVE_FIELDS).await?;
    let id = |text: &String| text.parse().map_err(|_| Refused::NoConflict(text.clone()));
    let ids = form.all("id").iter().map(id).collect::<Result<Vec<ConflictId>, _>>()?;
    let take: Option<Side> = form.text("take").parse().ok();
    let requested = requested(&request, form.text("why"))?;
    let take = side(take)?;
    if ids.is_empty() {
        return Err(Problem::bad_request("no entry is selected", "go back and select at least one").into());
    }
    let operations::conflict::Resolved { decided, left_out } =
        operations::conflict::resolve(&app_state.process, &ids, take, requested).await?;
    let left = match left_out.len() {
        0 => String::new(),
        count => format!(" {count} could not be decided: closed meanwhile, or several rows could be meant."),
    };
    let said = match decided.len() {
        1 => format!("1 entry is decided; the flow’s next run acts on it.{left}"),
        count => format!("{count} entries are decided; the flow’s next run acts on them.{left}"),
    };
    Ok(see_other(&FlashMessage::text(said).on(&session, "/conflicts")))
}
