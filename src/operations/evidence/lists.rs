//! The lists of an evidence pack that come from the ledger and from the settings.

use std::io::{Seek, Write};

use chrono::{DateTime, Utc};

use super::pack::{About, Pack};
use super::{AskedEvidence, instant};
use crate::actors::system::Access;
use crate::doctor::{CheckScope, DiagnosticsParts};
use crate::domain::EntityName;
use crate::domain::audit::AuditKind;
use crate::domain::csv::{lines, lines_with_amounts};
use crate::domain::ids::{AuditRowId, DeliveryId, RunId};
use crate::operations::diagnostics::Diagnostics;
use crate::operations::{Refused, Requested};
use crate::process::Process;
use crate::store::{AuditFilter, AuditRow, FailureFilter, FailureRow, RunFilter, RunRow};

/// Lines read at once.
const STEP: i64 = 1000;

fn written(bytes: Result<Vec<u8>, csv::Error>) -> Result<Vec<u8>, Refused> {
    bytes.map_err(|error| Refused::NoFile(format!("a list could not be written: {error}")))
}

fn ledger(filter: impl Into<String>, what: &'static str) -> About {
    About { what, source: "the ledger".into(), filter: filter.into() }
}

fn within(asked: &AskedEvidence) -> String {
    format!("from {} to before {}", instant(asked.since), instant(asked.until))
}

fn optional(at: Option<DateTime<Utc>>) -> String {
    at.map(instant).unwrap_or_default()
}

/// Both systems, the flows with their schedules, and the nodes.
pub(super) async fn interface<W: Write + Seek>(process: &Process, pack: &mut Pack<W>) -> Result<(), Refused> {
    let settings = &process.settings;
    let definitions = process.definitions.now();
    let mut text = String::from("What Tieline connects\n\n");
    text.push_str(&format!("SYSPRO: {}\n", settings.syspro.source_words()));
    text.push_str(&format!("Companies: {}\n", settings.syspro.companies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    text.push_str(&format!("ServiceNow: {}\n", settings.servicenow.instance_url.host_str().unwrap_or_default()));
    text.push_str("\nOwners, as the site names them:\n");
    text.push_str(&said(&settings.evidence.owners, "nobody is named: `evidence.owners` in tieline.toml is empty"));
    text.push_str("\nCredentials by name (the values are encrypted and are never shown):\n");
    for credential in process.store.credential_list().await? {
        text.push_str(&format!("  {} (set {})\n", credential.name, instant(credential.updated_at)));
    }
    text.push_str("\nFlows:\n");
    for row in process.flow_status().await? {
        let entity = EntityName::new(&row.entity);
        let own = settings.schedule.get(&entity).map(String::as_str);
        let schedule = own.or_else(|| definitions.schedule(&entity)).unwrap_or("none");
        let paused = row.paused_by.as_ref().map(|by| format!(", paused by {by}")).unwrap_or_default();
        text.push_str(&format!(
            "  {}/{}: schedule `{schedule}`, last success {}, {} records{paused}\n",
            row.company,
            row.entity,
            optional(row.last_success_at),
            row.documents
        ));
    }
    let about = About { what: "both systems, flows, schedules and accounts", source: "settings and ledger".into(), filter: String::new() };
    pack.file("interface.txt", about, text.as_bytes(), None, "")
}

/// Lines of the site, or why there are none.
fn said(lines: &[String], nothing: &str) -> String {
    if lines.is_empty() {
        return format!("  {nothing}\n");
    }
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

/// The rights of the service accounts on both sides, and everything else that the diagnostics check now. Nothing is written for it.
pub(super) async fn rights<W: Write + Seek>(
    process: &Process,
    access: &Access,
    requested: &Requested,
    pack: &mut Pack<W>,
) -> Result<(), Refused> {
    let diagnostics = Diagnostics::of_service(process.store.clone(), DiagnosticsParts::from(process), access.clone());
    diagnostics.begin(CheckScope::ReadOnly, requested.by.clone(), Some(requested.why.clone())).await?.await?;
    let findings = diagnostics.last().map(|run| run.findings()).unwrap_or_default();
    let head = ["system", "what", "result", "found", "to_do"].map(str::to_owned);
    let rows = findings
        .iter()
        .map(|one| [one.part.title().to_owned(), one.what.clone(), one.verdict.word().to_owned(), one.found.clone(), one.to_do.clone()]);
    let bytes = written(lines(std::iter::once(head).chain(rows)))?;
    let about = About {
        what: "the rights of the service accounts on both sides, and the other diagnostics",
        source: "both systems, the ledger and this machine, asked for this pack".into(),
        filter: "checks that only read".into(),
    };
    pack.file("rights.csv", about, &bytes, Some(findings.len() as u64), "")
}

/// The definitions of the period's runs, and their files.
pub(super) async fn definitions<W: Write + Seek>(process: &Process, pack: &mut Pack<W>, asked: &AskedEvidence) -> Result<(), Refused> {
    let sets = process.store.definition_of_runs(asked.since, asked.until).await?;
    let head = ["number", "sha256", "profile", "known_since"].map(str::to_owned);
    let rows = sets.iter().map(|set| [set.number.to_string(), set.hash.clone(), set.profile.clone(), instant(set.known_since)]);
    let bytes = written(lines(std::iter::once(head).chain(rows)))?;
    let filter = format!("those of the runs {}, and those in force now", within(asked));
    let about = ledger(filter.clone(), "the definitions that were in force; changes.csv says who put them into force, and when");
    pack.file("definitions.csv", about, &bytes, Some(sets.len() as u64), "")?;
    for set in sets {
        for (name, content) in set.files {
            let about = ledger(format!("definitions {}", set.number), "a file of these definitions");
            pack.file(&format!("definitions/{}/{name}", set.number), about, content.as_bytes(), None, "")?;
        }
    }
    Ok(())
}

/// Every run that started in the period.
pub(super) async fn runs<W: Write + Seek>(process: &Process, pack: &mut Pack<W>, asked: &AskedEvidence) -> Result<(), Refused> {
    let head = [
        "id",
        "company",
        "entity",
        "kind",
        "requested_by",
        "why",
        "started_at",
        "ended_at",
        "outcome",
        "error",
        "read",
        "new",
        "changed",
        "unchanged",
        "gone",
        "records",
        "delivered",
        "replaced",
        "parts",
        "sent",
        "confirmed",
    ];
    let mut before: Option<RunId> = None;
    let mut done = false;
    let next = async || {
        if done {
            return Ok(None);
        }
        let filter = RunFilter { since: Some(asked.since), until: Some(asked.until), before, limit: STEP, ..RunFilter::default() };
        let rows = process.store.run_list(filter).await?;
        before = rows.last().map(|row| row.id);
        done = (rows.len() as i64) < STEP;
        Ok(Some((written(lines(rows.iter().map(run)))?, rows.len() as u64)))
    };
    let about = ledger(within(asked), "every run: who asked, when, and what it read and delivered");
    pack.pages("runs.csv", about, written(lines([head.map(str::to_owned)]))?, next).await?;
    Ok(())
}

fn run(row: &RunRow) -> [String; 21] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        row.id.to_string(),
        row.company.clone(),
        row.entity.clone(),
        row.kind.to_string(),
        row.requested_by.clone(),
        text(&row.reason),
        instant(row.started_at),
        optional(row.ended_at),
        row.outcome.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(&row.error),
        row.read.to_string(),
        row.new.to_string(),
        row.changed.to_string(),
        row.unchanged.to_string(),
        row.deleted.to_string(),
        row.records.to_string(),
        row.delivered.to_string(),
        row.replaced.to_string(),
        row.parts.to_string(),
        row.sent.to_string(),
        row.confirmed.to_string(),
    ]
}

/// The events of the audit by subject. Each list has the events of some kinds.
pub(super) async fn events<W: Write + Seek>(process: &Process, pack: &mut Pack<W>, asked: &AskedEvidence) -> Result<(), Refused> {
    use AuditKind::{
        Action, Approval, Close, Conflict, Deferred, Definition, LookedUp, Notice, PartialWrite, Released, Replayed, Restored, Retention,
        Unknown,
    };
    let lists: [(&str, &'static str, &[AuditKind]); 5] = [
        ("partial_writes.csv", "fields that ServiceNow did not keep as they were sent", &[PartialWrite]),
        (
            "restarts.csv",
            "lost answers and how each was settled, temporary errors, restored ledgers",
            &[Unknown, LookedUp, Deferred, Restored],
        ),
        ("interventions.csv", "what people did, with their reasons", &[Action, Replayed, Released, Conflict, Close, Approval]),
        ("changes.csv", "definitions that came into force, and what retention removed", &[Definition, Retention]),
        ("notices.csv", "what people were told, and whether they could be told", &[Notice]),
    ];
    for (name, what, kinds) in lists {
        let words = kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        events_of(process, pack, asked, name, ledger(format!("{}; kinds {words}", within(asked)), what), kinds, None).await?;
    }
    let about = ledger(format!("{}; actions `forced_error`", within(asked)), "forced errors, by which the control was tested");
    events_of(process, pack, asked, "control_test.csv", about, &[Action], Some("\"action\":\"forced_error\"")).await
}

/// A list of the events of some kinds, one kind after the other; `only`: those whose details contain this.
async fn events_of<W: Write + Seek>(
    process: &Process,
    pack: &mut Pack<W>,
    asked: &AskedEvidence,
    name: &str,
    about: About,
    kinds: &[AuditKind],
    only: Option<&str>,
) -> Result<(), Refused> {
    let head = ["id", "at", "kind", "company", "entity", "key", "version", "part", "who", "run", "batch", "details"];
    let mut kinds = kinds.iter();
    let mut kind = kinds.next();
    let mut after = AuditRowId::default();
    let next = async || {
        let Some(now) = kind else { return Ok(None) };
        let filter = AuditFilter {
            kind: Some(*now),
            since: Some(asked.since),
            until: Some(asked.until),
            after,
            limit: STEP,
            ..AuditFilter::default()
        };
        let rows = process.store.audit_list(filter).await?;
        match rows.last() {
            Some(last) if rows.len() as i64 == STEP => after = last.id,
            _ => (kind, after) = (kinds.next(), AuditRowId::default()),
        }
        let wanted = rows.iter().filter(|row| only.is_none_or(|text| row.detail.as_deref().is_some_and(|detail| detail.contains(text))));
        let rows: Vec<[String; 12]> = wanted.map(event).collect();
        let count = rows.len() as u64;
        Ok(Some((written(lines(rows))?, count)))
    };
    pack.pages(name, about, written(lines([head.map(str::to_owned)]))?, next).await?;
    Ok(())
}

fn event(row: &AuditRow) -> [String; 12] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let part = match (&row.block, &row.record_key) {
        (Some(block), Some(key)) if !key.is_empty() => format!("{block} {key}"),
        (Some(block), _) => block.clone(),
        _ => String::new(),
    };
    [
        row.id.to_string(),
        instant(row.at),
        row.kind.clone(),
        text(&row.company),
        text(&row.entity),
        text(&row.key),
        row.version.map(|version| version.to_string()).unwrap_or_default(),
        part,
        row.actor.clone(),
        row.run_id.map(|run| run.to_string()).unwrap_or_default(),
        row.batch_id.map(|batch| batch.to_string()).unwrap_or_default(),
        text(&row.detail),
    ]
}

/// What is not delivered now.
pub(super) async fn not_delivered<W: Write + Seek>(process: &Process, pack: &mut Pack<W>) -> Result<(), Refused> {
    let head = [
        "company",
        "entity",
        "key",
        "version",
        "part",
        "state",
        "reason",
        "message",
        "field",
        "next_step",
        "attempts",
        "since",
        "not_delivered_since",
        "amount",
        "currency",
    ];
    let mut after = DeliveryId::default();
    let mut done = false;
    let next = async || {
        if done {
            return Ok(None);
        }
        let rows = process.store.failure_list(FailureFilter { after, limit: STEP, ..FailureFilter::default() }).await?;
        after = rows.last().map_or(after, |row| row.delivery_id);
        done = (rows.len() as i64) < STEP;
        Ok(Some((written(lines_with_amounts(rows.iter().map(failure)))?, rows.len() as u64)))
    };
    let about = ledger("now", "what failed, waits, is on hold, is unknown or is retried");
    pack.pages("not_delivered.csv", about, written(lines([head.map(str::to_owned)]))?, next).await?;
    Ok(())
}

fn failure(row: &FailureRow) -> [String; 15] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        row.company.clone(),
        row.entity.clone(),
        row.key.clone(),
        row.version.to_string(),
        format!("{} {}", row.block, row.record_key).trim_end().to_owned(),
        row.state.to_string(),
        row.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(&row.message),
        text(&row.field),
        text(&row.next_step),
        row.attempts.to_string(),
        instant(row.since),
        instant(row.first_failed_at),
        text(&row.amount),
        text(&row.currency),
    ]
}

/// The API keys, without their secrets, and the people who signed in through the provider of the site.
pub(super) async fn access<W: Write + Seek>(process: &Process, pack: &mut Pack<W>) -> Result<(), Refused> {
    let (keys, people) = (process.store.api_key_list().await?, process.store.person_list().await?);
    let head = ["name", "person", "role", "through", "begins_with", "created_at", "expires_at", "last_used_at"].map(str::to_owned);
    let of_keys = keys.iter().map(|key| {
        [
            key.name.clone(),
            key.person.clone().unwrap_or_else(|| key.name.clone()),
            key.role.to_string(),
            "API key".to_owned(),
            key.prefix.clone(),
            instant(key.created_at),
            optional(key.expires_at),
            optional(key.last_used_at),
        ]
    });
    let of_people = people.iter().map(|person| {
        [
            person.name.clone(),
            person.name.clone(),
            person.role.to_string(),
            format!("{} ({})", person.issuer, person.subject),
            String::new(),
            instant(person.first_signed_in_at),
            optional(person.freed_at),
            instant(person.last_signed_in_at),
        ]
    });
    let bytes = written(lines(std::iter::once(head).chain(of_keys).chain(of_people)))?;
    let count = (keys.len() + people.len()) as u64;
    pack.file("access.csv", ledger("now", "API keys and people, with their roles"), &bytes, Some(count), "")
}

/// Versions, clocks, the database and backups.
pub(super) async fn operations<W: Write + Seek>(process: &Process, pack: &mut Pack<W>, now: DateTime<Utc>) -> Result<(), Refused> {
    let server = process.store.server().await?;
    let size = process.store.ledger_size().await?;
    let own = Utc::now();
    let apart = (own - now).num_milliseconds();
    let (life, _) = process.store.life_now().await?;
    let text = format!(
        "Program: Tieline {}\nDatabase: {}\nSize of the ledger: {} bytes\nClock of the database: {}\nClock of this machine: {} ({apart} ms ahead)\n\
         Life of the ledger: {} (a restored backup begins a new one; restarts.csv has them)\n\
         Backups and the last restore test, as the site says (Tieline makes no backups):\n{}",
        env!("CARGO_PKG_VERSION"),
        server.version,
        size.bytes,
        instant(now),
        instant(own),
        life.number,
        said(&process.settings.evidence.backups, "nothing is said: `evidence.backups` in tieline.toml is empty"),
    );
    let about =
        About { what: "versions, clocks, the database and backups", source: "the ledger and this machine".into(), filter: "now".into() };
    pack.file("operations.txt", about, text.as_bytes(), None, "")
}
