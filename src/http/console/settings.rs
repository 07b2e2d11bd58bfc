//! The settings in force, and the origin of each value.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok};
use super::files::{self, Files};
use super::session;
use super::view::{CodeText, Layout, Time};
use crate::domain::role::Permission;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/settings.csv", "/settings.xlsx"], Permission::Administer, file);
    [vec![Route::page("/settings", Some(Permission::Administer), settings)], files].concat()
}

struct SettingView {
    key: String,
    value: String,
    origin: String,
    /// Whether the file or a variable sets it.
    own: bool,
}

struct SectionView {
    name: String,
    settings: Vec<SettingView>,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    layout: Layout,
    files: Files,
    file: Option<String>,
    /// Whether some values come from a text of the command itself, as in `tieline demo`.
    brought: bool,
    sections: Vec<SectionView>,
    warnings: Vec<String>,
    definitions: DefinitionsView,
}

/// The definitions of this node.
struct DefinitionsView {
    hash: String,
    number: i32,
    loaded_at: Time,
    /// Why this node does no work.
    complaint: Option<CodeText>,
    /// Changed files wait for a second person.
    awaited: Option<CodeText>,
    refused_at: Option<Time>,
    refused: Vec<String>,
    directory: Option<String>,
    watched: bool,
}

impl DefinitionsView {
    fn of(app_state: &AppState) -> Self {
        let view = app_state.process.definitions.view();
        let settings = &app_state.process.settings.definitions;
        Self {
            complaint: view.complaint().map(CodeText),
            awaited: view.awaited.as_ref().filter(|_| view.complaint().is_none()).map(|awaited| CodeText(awaited.words())),
            hash: view.hash,
            number: view.number.0,
            loaded_at: Time(view.loaded_at),
            refused_at: view.refused.as_ref().map(|refused| Time(refused.at)),
            refused: view.refused.map(|refused| refused.problems).unwrap_or_default(),
            directory: settings.directory.as_ref().map(|directory| directory.display().to_string()),
            watched: settings.watch,
        }
    }
}

/// Passwords are shown as `***`.
pub(super) async fn settings(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    Params::parse(request.query_string(), &[])?;
    let loaded = &app_state.loaded;
    let mut sections: Vec<SectionView> = Vec::new();
    for (path, origin) in &loaded.origins {
        let (section, key) = path.split_once('.').unwrap_or(("", path));
        let own = *origin != crate::config::Origin::Default;
        let value = loaded.values.get(path).cloned().unwrap_or_default();
        let setting = SettingView { key: key.to_owned(), value, origin: origin.to_string(), own };
        match sections.last_mut().filter(|last| last.name == section) {
            Some(last) => last.settings.push(setting),
            None => sections.push(SectionView { name: section.to_owned(), settings: vec![setting] }),
        }
    }
    ok(&SettingsPage {
        layout: Layout::of(&session, "/settings", "Settings"),
        files: Files::at("/settings", "these settings"),
        brought: loaded.file.is_none() && loaded.origins.values().any(|origin| matches!(origin, crate::config::Origin::File { .. })),
        file: loaded.file.as_ref().map(|file| file.display().to_string()),
        sections,
        warnings: loaded.warnings.clone(),
        definitions: DefinitionsView::of(&app_state),
    })
}

/// All settings as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let loaded = &app_state.loaded;
    let setting = |path: &String| loaded.values.get(path).cloned().unwrap_or_default();
    let settings = loaded.origins.iter().map(|(path, origin)| [path.clone(), setting(path), origin.to_string()]).collect();
    Ok(export::settings(&app_state.process, settings, files::asked_all(&request)?).await?)
}
