//! What was sent of one record: each delivery with its fields, the definition that was in force, and its attempts.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, ok};
use super::session;
use super::view::{CodeText, Layout, Time, record_path};
use crate::domain::DocumentKey;
use crate::domain::currency::minor_units;
use crate::domain::delivery::PartState;
use crate::domain::format::Shown;
use crate::domain::ids::DeliveryId;
use crate::domain::money::{format_decimal, parse_decimal, thousands};
use crate::domain::role::Permission;
use crate::http::query::{Params, record_parts};
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::sent::{self, NotAsSent, SentAttempt, SentPart, SentReference};
use crate::store::SentFilter;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/records/{company}/{entity}/{*key}/sent", Some(Permission::Read), show)]
}

/// Deliveries on a page.
const PAGE: i64 = 20;

struct FieldRow {
    name: String,
    /// As it was sent.
    exact: String,
    shown: Shown,
}

struct AttemptRow {
    at: Time,
    began: Option<Time>,
    how: &'static str,
    words: String,
    tone: &'static str,
    table: String,
    sys_id: String,
    message: Option<CodeText>,
    not_as_sent: Vec<NotAsSent>,
    batch: String,
}

struct PartCard {
    /// `version 2, header`.
    title: String,
    number: String,
    action: &'static str,
    state: String,
    tone: &'static str,
    queued: Option<Time>,
    run: Option<String>,
    definition: String,
    hashes: Option<String>,
    notes: Vec<CodeText>,
    maps_the_same: bool,
    fields: Vec<FieldRow>,
    known: bool,
    references: Vec<SentReference>,
    attempts: Vec<AttemptRow>,
}

#[derive(Template)]
#[template(path = "sent.html")]
struct SentPage {
    layout: Layout,
    company: String,
    entity: String,
    key: String,
    record: String,
    newest: i32,
    version: String,
    part: String,
    notes: Vec<CodeText>,
    parts: Vec<PartCard>,
    next: Option<String>,
    later: bool,
}

/// `GET /records/{company}/{entity}/{key}/sent`; the key may contain slashes.
async fn show(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let params = Params::parse(request.query_string(), &["version", "part", "after"])?;
    let [company, entity, key] = record_parts(request.uri().path(), 1, "/sent")?;
    let version: Option<i32> = params.value("version", "the number of a version")?;
    let (part, before) = (params.text("part"), DeliveryId(params.after()?));
    let asked = SentFilter { company, entity, key, version, part: part.clone(), before, limit: PAGE };
    let found = sent::sent(&app_state.process, asked).await?;
    let record = record_path(&found.company, &found.entity, &found.key);
    let next = found.next.map(|next| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(version) = version {
            query.append_pair("version", &version.to_string());
        }
        if let Some(part) = &part {
            query.append_pair("part", part);
        }
        format!("{record}/sent?{}", query.append_pair("after", &next).finish())
    });
    let key = DocumentKey::shown(&found.key);
    ok(&SentPage {
        layout: Layout::of(&session, "/records", &format!("{} {key}: what was sent", found.entity)),
        newest: found.newest_version,
        version: version.map(|version| version.to_string()).unwrap_or_default(),
        part: part.unwrap_or_default(),
        notes: found.notes.into_iter().map(CodeText).collect(),
        parts: found.items.into_iter().map(PartCard::from).collect(),
        later: before.0 > 0,
        company: found.company,
        entity: found.entity,
        key,
        record,
        next,
    })
}

/// A field as the page of a record shows content: an amount with its currency and separators.
pub(super) fn shown(text: &str, currency: Option<&String>) -> Shown {
    let plain = || Shown { text: text.to_owned(), ..Shown::default() };
    let Some(currency) = currency else { return plain() };
    let Some(number) = parse_decimal(text) else { return plain() };
    // no digit is hidden
    let places = number.scale().max(minor_units(currency).unwrap_or_default());
    Shown { text: thousands(&format_decimal(number, places)), currency: currency.clone(), number: true, date: false }
}

fn tone(state: &str) -> &'static str {
    match state.parse() {
        Ok(PartState::Delivered) => "good",
        Ok(PartState::Failed) => "bad",
        Ok(PartState::Superseded) | Err(_) => "soft",
        Ok(_) => "warn",
    }
}

impl From<SentPart> for PartCard {
    fn from(part: SentPart) -> Self {
        let version = part.version.map_or_else(|| "Version not known".to_owned(), |version| format!("Version {version}"));
        let of = part.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
        let hashes = [
            part.definition.hash.as_ref().map(|hash| format!("definition {hash}")),
            part.definition.mapping_hash.as_ref().map(|hash| format!("mapping {hash}")),
        ];
        let hashes: Vec<String> = hashes.into_iter().flatten().collect();
        let field = |(name, exact): (String, String), currencies: &BTreeMap<String, String>| FieldRow {
            shown: shown(&exact, currencies.get(&name)),
            name,
            exact,
        };
        let currencies = part.currencies;
        Self {
            title: format!("{version}{of}"),
            number: part.delivery_id.to_string(),
            action: sent::action_words(part.action),
            tone: tone(part.state.as_deref().unwrap_or_default()),
            state: part.state.unwrap_or_else(|| "state not known".to_owned()).replace('_', " "),
            queued: part.queued_at.map(Time),
            run: part.run_id.map(|run| run.to_string()),
            definition: part.definition.words(),
            hashes: (!hashes.is_empty()).then(|| hashes.join(", ")),
            notes: part.notes.into_iter().map(CodeText).collect(),
            maps_the_same: part.maps_the_same == Some(true),
            known: part.fields.is_some(),
            fields: part.fields.unwrap_or_default().into_iter().map(|pair| field(pair, &currencies)).collect(),
            references: part.references,
            attempts: part.attempts.into_iter().map(AttemptRow::from).collect(),
        }
    }
}

impl From<SentAttempt> for AttemptRow {
    fn from(attempt: SentAttempt) -> Self {
        Self {
            how: attempt.how_words(),
            words: attempt.words(),
            tone: match attempt.is_confirmed() {
                true if attempt.not_as_sent.is_empty() => "good",
                _ if attempt.outcome == "failed" => "bad",
                _ => "warn",
            },
            at: Time(attempt.at),
            began: attempt.began_at.map(Time),
            table: attempt.table.unwrap_or_default(),
            sys_id: attempt.sys_id.unwrap_or_default(),
            message: attempt.message.map(CodeText),
            not_as_sent: attempt.not_as_sent,
            batch: attempt.batch_id.map(|batch| batch.to_string()).unwrap_or_default(),
        }
    }
}
