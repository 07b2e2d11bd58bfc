//! The findings of the last diagnostics run, and the form that starts another.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::answer::{Page, Refusal, ok, see_other};
use super::files::{self, Files};
use super::session::{self, Form};
use super::view::{Layout, Time};
use crate::doctor::{CheckResult, CheckScope, Finding, Part};
use crate::domain::role::Permission;
use crate::http::api::actions::requested;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::{self, ListFile};

/// The fields of the form.
pub(super) const FIELDS: &[&str] = &["read_only", "why"];

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/doctor.csv", "/doctor.xlsx"], Permission::Read, file);
    let pages = vec![Route::page("/doctor", Some(Permission::Read), page), Route::form("/doctor", Some(Permission::Operate), begin)];
    [pages, files].concat()
}

/// The page reloads itself after this many seconds while diagnostics are running.
const AGAIN: u32 = 2;

struct PartView {
    title: &'static str,
    counts: String,
    rows: Vec<RowView>,
}

struct RowView {
    what: String,
    verdict: &'static str,
    tone: &'static str,
    found: String,
    to_do: String,
}

/// A finished or running diagnostics run.
struct LastView {
    began: Time,
    ended: Option<Time>,
    by: String,
    why: String,
    read_only: bool,
    problem: Option<String>,
    step: String,
    number: usize,
    of: usize,
    counts: String,
}

#[derive(Template)]
#[template(path = "doctor.html")]
struct DoctorPage {
    layout: Layout,
    files: Files,
    last: Option<LastView>,
    parts: Vec<PartView>,
    again: Option<u32>,
}

pub(super) async fn page(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let done = Params::parse(request.query_string(), &["done"])?.text("done");
    let last = app_state.service.diagnostics_run();
    let findings = last.as_ref().map(|last| last.findings()).unwrap_or_default();
    let running = last.as_ref().is_some_and(|last| last.ended.is_none());
    let view = last.map(|last| {
        let far = last.progress();
        LastView {
            began: Time(last.began),
            ended: last.ended.map(Time),
            by: last.asked.by,
            why: last.asked.why.unwrap_or_default(),
            read_only: last.asked.scope == CheckScope::ReadOnly,
            problem: last.problem,
            step: far.step,
            number: far.number,
            of: far.of,
            counts: counts(&findings),
        }
    });
    let layout = Layout::of(&session, "/doctor", "Doctor").done(done.as_deref().filter(|_| running));
    let files = Files::at("/doctor", "these findings");
    ok(&DoctorPage { layout, files, last: view, parts: parts(&findings), again: running.then_some(AGAIN) })
}

/// All findings as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    Ok(export::findings(&app_state.process, app_state.service.diagnostics_run(), files::asked_all(&request)?).await?)
}

pub(super) async fn begin(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = session::of(&request)?;
    let form = Form::of(&session, payload, FIELDS).await?;
    let scope = if form.text("read_only") == "yes" { CheckScope::ReadOnly } else { CheckScope::Create };
    app_state.service.diagnose(scope, requested(&request, form.text("why"))?).await?;
    Ok(see_other("/doctor?done=doctor"))
}

/// Findings by part; in each part, those that need a person come first.
fn parts(findings: &[Finding]) -> Vec<PartView> {
    let of = |part: Part| {
        let mut own: Vec<&Finding> = findings.iter().filter(|finding| finding.part == part).collect();
        own.sort_by_key(|finding| rank(finding.verdict));
        let rows = own.iter().map(|finding| RowView {
            what: finding.what.clone(),
            verdict: word(finding.verdict),
            tone: tone(finding.verdict),
            found: finding.found.clone(),
            to_do: finding.to_do.clone(),
        });
        let rows: Vec<RowView> = rows.collect();
        let own: Vec<Finding> = own.into_iter().cloned().collect();
        PartView { title: part.title(), counts: counts(&own), rows }
    };
    Part::ALL.into_iter().map(of).filter(|part| !part.rows.is_empty()).collect()
}

fn rank(verdict: CheckResult) -> u8 {
    match verdict {
        CheckResult::Failed => 0,
        CheckResult::Warning => 1,
        CheckResult::Unknown => 2,
        CheckResult::Ok => 3,
    }
}

fn word(verdict: CheckResult) -> &'static str {
    if verdict == CheckResult::Failed { "failed" } else { verdict.word() }
}

fn tone(verdict: CheckResult) -> &'static str {
    match verdict {
        CheckResult::Ok => "good",
        CheckResult::Warning => "warn",
        CheckResult::Failed => "bad",
        CheckResult::Unknown => "soft",
    }
}

/// `1 failed, 2 warning, 3 unknown, 20 ok`
fn counts(findings: &[Finding]) -> String {
    let all = [CheckResult::Failed, CheckResult::Warning, CheckResult::Unknown, CheckResult::Ok];
    let count = |verdict: CheckResult| (findings.iter().filter(|finding| finding.verdict == verdict).count(), verdict);
    let some = all.into_iter().map(count).filter(|(count, _)| *count > 0);
    some.map(|(count, verdict)| format!("{count} {}", word(verdict))).collect::<Vec<_>>().join(", ")
}
