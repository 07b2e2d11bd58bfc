//! One record's life, and the search for keys.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::session;
use super::view::{Frame, Time, part};
use super::{Page, ok};
use crate::domain::history::{Change, ChildKeys, changes};
use crate::http::Surface;
use crate::http::problem::Problem;
use crate::http::query::{Params, path_parts};
use crate::store::{DocumentFilter, DocumentRow, RecordView};

/// Records on a page of the search.
const PAGE: usize = 100;

struct FoundView {
    path: String,
    key: String,
    flow: String,
    version: i32,
    state: &'static str,
    tone: &'static str,
}

impl From<DocumentRow> for FoundView {
    fn from(row: DocumentRow) -> Self {
        let (state, tone) = match &row {
            row if row.parked > 0 => ("parked", "bad"),
            row if row.in_doubt > 0 => ("in doubt", "warn"),
            row if row.sending > 0 => ("on its way", "warn"),
            row if row.waiting > 0 => ("waiting", "warn"),
            row if row.deleted => ("gone from SYSPRO", "soft"),
            _ => ("nothing outstanding", "good"),
        };
        let path = format!("/records/{}/{}/{}", part(&row.company), part(&row.entity), part(&row.key));
        Self { path, key: row.key, flow: format!("{}/{}", row.company, row.entity), version: row.version, state, tone }
    }
}

#[derive(Template)]
#[template(path = "records.html")]
struct RecordsPage {
    frame: Frame,
    prefix: String,
    found: Vec<FoundView>,
    next: Option<String>,
}

/// `GET /records`
pub(super) async fn search(surface: web::Data<Surface>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["prefix", "after"])?;
    let prefix = params.text("prefix").map(|text| text.trim().to_owned()).unwrap_or_default();
    let filter = DocumentFilter {
        text: None,
        since: None,
        until: None,
        prefix: Some(prefix.clone()).filter(|text| !text.is_empty()),
        after: params.after()?,
        limit: PAGE as i64 + 1,
        ..DocumentFilter::default()
    };
    let mut rows = surface.deps.store.document_list(filter).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|row| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("/records?{}", query.append_pair("prefix", &prefix).append_pair("after", &row.id.to_string()).finish())
    });
    ok(&RecordsPage {
        frame: Frame::of(&session, "/records", "Records"),
        prefix,
        found: rows.into_iter().map(FoundView::from).collect(),
        next,
    })
}

struct VersionRow {
    number: i32,
    read: Time,
    deleted: bool,
    first: bool,
    changes: Vec<Change>,
}

struct DeliveryRow {
    part: String,
    version: i32,
    state: String,
    message: Option<String>,
    next_step: Option<String>,
    target: String,
}

struct StepRow {
    at: Time,
    kind: String,
    part: String,
    version: Option<i32>,
    actor: String,
    detail: String,
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    frame: Frame,
    company: String,
    entity: String,
    key: String,
    stands: String,
    versions: Vec<VersionRow>,
    deliveries: Vec<DeliveryRow>,
    steps: Vec<StepRow>,
}

/// `GET /records/{company}/{entity}/{key}`; the key may hold slashes.
pub(super) async fn record(surface: web::Data<Surface>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let done = Params::parse(request.query_string(), &["done"])?.text("done");
    let parts: [String; 3] = path_parts(request.uri().path(), 1, 3)?
        .try_into()
        .map_err(|_| Problem::not_found("the path names no record", "look for its key in the box above"))?;
    let [company, entity, key] = parts;
    let view = surface.deps.store.record_view(company.clone(), entity.clone(), key.clone()).await?;
    if !view.known {
        let detail = format!("{company}/{entity} `{key}`: {}", view.stands);
        let step = "it is not there, the definition's filter leaves it out, its flow has not run, or the key is written otherwise (parts joined by `/`)";
        return Err(Problem::not_found(detail, step).into());
    }
    let plan = surface.deps.definitions.plan(&entity.as_str().into());
    let keys: ChildKeys =
        plan.map(|plan| plan.read.children.iter().map(|child| (child.name.clone(), child.table.key.clone())).collect()).unwrap_or_default();
    let frame = Frame::of(&session, "/records", &format!("{entity} {key}")).done(done.as_deref());
    ok(&page(frame, view, &keys))
}

fn page(frame: Frame, view: RecordView, keys: &ChildKeys) -> RecordPage {
    let differences = changes(view.versions.iter().map(|version| version.content.as_str()), keys);
    let versions = view.versions.iter().zip(differences).map(|(version, changes)| VersionRow {
        number: version.version,
        read: Time(version.read_at),
        deleted: version.deleted,
        first: version.version == 1,
        changes,
    });
    let versions = versions.collect();
    let deliveries = view.deliveries.into_iter().map(|row| DeliveryRow {
        part: format!("{} {}", row.block, row.record_key).trim_end().to_owned(),
        version: row.version,
        state: row.reason.map_or_else(|| row.state.clone(), |reason| format!("{}: {reason}", row.state)).replace('_', " "),
        message: row.message,
        next_step: row.next_step,
        target: [row.target_table, row.sys_id].into_iter().flatten().collect::<Vec<_>>().join(" "),
    });
    let steps = view.steps.into_iter().map(|row| StepRow {
        at: Time(row.at),
        kind: row.kind.replace('_', " "),
        part: [row.block, row.record_key].into_iter().flatten().collect::<Vec<_>>().join(" ").trim_end().to_owned(),
        version: row.version,
        actor: row.actor,
        detail: row.detail.unwrap_or_default(),
    });
    RecordPage {
        frame,
        stands: view.stands,
        versions,
        deliveries: deliveries.collect(),
        steps: steps.collect(),
        company: view.company,
        entity: view.entity,
        key: view.key,
    }
}
