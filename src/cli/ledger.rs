//! Commands that read the ledger: `status`, `failures`, `audit`, `migrate`.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};

use super::context::{Checked, Context};
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::actors::{heartbeat, unconfigured};
use crate::definition::Lookups;
use crate::definition::set::short;
use crate::doctor::disk;
use crate::domain::audit::AuditKind;
use crate::domain::backlog::Backlog;
use crate::domain::delivery::FailureWord;
use crate::domain::differing::by_place;
use crate::domain::{CompanyId, DocumentKey};
use crate::store::{AuditFilter, AuditRow, CauseRow, FailureFilter, FailureRow, FlowStatus, NodeRow, RunFilter};

/// Rows fetched at a time, so that memory stays flat.
const PAGE: i64 = 1000;

/// Values of a cause that are named.
const VALUES: usize = 8;

/// Audit rows shown to people who name no limit.
const SHOWN: i64 = 200;

/// What to show.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// How many of the last runs
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=100_000))]
    runs: i64,
}

/// Which failures.
#[derive(Debug, clap::Args)]
pub struct FailuresArgs {
    /// Only this company
    #[arg(long)]
    company: Option<String>,
    /// Only this entity
    #[arg(long)]
    entity: Option<String>,
    /// Only this reason or state: rejected, unreadable, missing_parent, poison, exhausted, downstream_failed, conflict, on_hold, throttled, parked, in_doubt, waiting
    #[arg(long)]
    reason: Option<FailureWord>,
    /// Only where the message holds this text
    #[arg(long)]
    text: Option<String>,
    /// Only this cause, by the name that the list of causes gives; lists its records
    #[arg(long, value_name = "NAME")]
    cause: Option<String>,
    /// One row per part of a record instead of one entry per cause; JSON lists parts unless --causes is given
    #[arg(long, conflicts_with = "causes")]
    records: bool,
    /// By cause: an example, the values that differ, the amounts at stake, the parents waited for
    #[arg(long)]
    causes: bool,
    /// Causes that have failed for longest first, not the largest
    #[arg(long)]
    oldest: bool,
    /// At most so many
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
}

/// Which audit rows.
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// What to do with the chain instead of listing
    #[command(subcommand)]
    command: Option<AuditCommand>,
    /// Only this company
    #[arg(long)]
    company: Option<String>,
    /// Only this entity
    #[arg(long)]
    entity: Option<String>,
    /// Only this record's key
    #[arg(long)]
    key: Option<String>,
    /// Only this kind, such as confirmed, parked, version_read
    #[arg(long)]
    kind: Option<AuditKind>,
    /// Only from here on: 2026-01-31 or 2026-01-31T08:00:00Z
    #[arg(long, value_parser = instant)]
    since: Option<DateTime<Utc>>,
    /// Only before this
    #[arg(long, value_parser = instant)]
    until: Option<DateTime<Utc>>,
    /// Only so many, the newest [default: 200; for JSON all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
}

/// The chain over the audit.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AuditCommand {
    /// Recomputes the chain: 0 when it holds, 1 with the first seal that does not
    Verify,
    /// Seals what is final by now
    Seal,
}

/// A date (midnight UTC) or an instant.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| format!("`{text}` is neither a date such as 2026-01-31 nor an instant such as 2026-01-31T08:00:00Z"))
}

/// Runs `work` on the opened ledger.
pub(super) fn with_ledger<F>(global: &Global, work: F) -> Result<Exit, Failure>
where
    F: AsyncFnOnce(&Context) -> Result<Exit, Failure>,
{
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let context = Context::open(checked).await?;
        let result = work(&context).await;
        context.close().await;
        result
    })
}

fn at(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// `tieline status`
pub(super) fn status(global: &Global, args: &StatusArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let flows = context.flow_status().await?;
        let runs = context.store.run_list(RunFilter { limit: args.runs, ..RunFilter::default() }).await?;
        let nodes = context.store.node_list(heartbeat::SILENT).await?;
        let in_force = context.store.definition_in_force().await?;
        let full = disk::full(context.checked.settings());
        if global.output == OutputForm::Json {
            output::json(
                &serde_json::json!({ "restored": context.uncompared(), "flows": flows, "runs": runs, "nodes": nodes, "definitions": in_force, "disk_full": full.map(|full| full.to_string()) }),
            )?;
            return Ok(Exit::Done);
        }
        if let Some(full) = full {
            output::complaint(&full.to_string());
        }
        if let Some(why) = context.uncompared().and_then(|life| life.why) {
            output::line(&format!(
                "RESTORED, NOT COMPARED: {why}. What stands below is what the backup says, not what ServiceNow has; no flow runs before `tieline restored` \
                 has compared both."
            ))?;
        }
        if flows.is_empty() {
            output::line("No flow has run yet: `tieline sync` runs each once, `tieline run` by their schedules.")?;
            return Ok(Exit::Done);
        }
        let (made, ghosts): (Vec<&FlowStatus>, Vec<&FlowStatus>) = flows.iter().partition(|flow| flow.configured);
        let rows = made.iter().chain(&ghosts).map(|f| {
            let backlog = f.backlog();
            let counts = [f.documents, backlog.moving(), backlog.waiting, backlog.on_hold, backlog.failed];
            let watermark = f.watermark.map_or_else(|| "-".to_owned(), |date| date.to_string());
            [format!("{}/{}", f.company, f.entity), watermark, at(f.last_success_at)]
                .into_iter()
                .chain(counts.iter().map(ToString::to_string))
                .chain([f.stands().0])
                .collect()
        });
        let headers = ["flow", "read up to", "last success", "records", "queued", "waiting", "on hold", "failed", "state"];
        output::line(&output::table(&headers, &[3, 4, 5, 6, 7], rows))?;
        for flow in &made {
            let why = flow.stopped.as_ref().or(flow.last_error.as_ref());
            if let Some(why) = why {
                output::line(&format!("{}/{}: {why}", flow.company, flow.entity))?;
            }
        }
        let rows = runs.iter().map(|r| {
            let flow = format!("{}/{}", r.company, r.entity);
            let backlog = r.backlog();
            let counts =
                [r.read, r.new, r.changed, r.deleted, r.delivered, backlog.moving(), backlog.waiting, backlog.on_hold, backlog.failed];
            let outcome = r.outcome.clone().unwrap_or_else(|| "running".into());
            [at(Some(r.started_at)), flow, r.kind.clone(), outcome].into_iter().chain(counts.iter().map(ToString::to_string)).collect()
        });
        output::line(
            &output::table(
                &[
                    "run began",
                    "flow",
                    "kind",
                    "outcome",
                    "read",
                    "new",
                    "changed",
                    "gone",
                    "delivered",
                    "queued",
                    "waiting",
                    "on hold",
                    "failed",
                ],
                &[4, 5, 6, 7, 8, 9, 10, 11, 12],
                rows,
            )
            .to_string(),
        )?;
        for run in &runs {
            if let Some(error) = &run.error {
                output::line(&format!("{} {}/{}: {error}", at(Some(run.started_at)), run.company, run.entity))?;
            }
        }
        show_nodes(&nodes)?;
        if let Some(set) = &in_force {
            let since = set.in_force_since.map(|since| format!(" since {}", at(Some(since)))).unwrap_or_default();
            output::line(&format!("Definitions {} (number {}) are in force{since}.", short(&set.hash), set.number))?;
        }
        if let Some(ghost) = ghosts.first() {
            let count = if ghosts.len() == 1 { "1 flow is".to_owned() } else { format!("{} flows are", ghosts.len()) };
            output::line(&format!(
                "{count} no longer configured: not read, and no trouble; `tieline flow forget {} {} --why …` takes one off this list.",
                ghost.company, ghost.entity
            ))?;
        }
        let mut outstanding = Backlog::default();
        made.iter().for_each(|flow| outstanding += flow.backlog());
        if outstanding.total() > 0 {
            let what = if outstanding.total() == 1 { "record is" } else { "records are" };
            let (total, said) = (outstanding.total(), outstanding.sentence());
            output::line(&format!("{total} {what} outstanding ({said}); `tieline failures` says why, and what to do."))?;
        }
        if let Some(sentence) = FlowStatus::conflict_sentence(&flows) {
            output::line(&sentence)?;
        }
        if let Some(sentence) = FlowStatus::outdated_sentence(&flows) {
            output::line(&sentence)?;
        }
        let different: i64 = flows.iter().map(|f| f.not_as_sent).sum();
        if different > 0 {
            let records = if different == 1 { "record" } else { "records" };
            output::line(&format!(
                "ServiceNow kept a field of {different} {records} otherwise than it was sent; `tieline audit --kind partial_write` names the fields."
            ))?;
        }
        Ok(Exit::Done)
    })
}

/// The services that run, and what ServiceNow accepts from each.
fn show_nodes(nodes: &[NodeRow]) -> Result<(), Failure> {
    let alive: Vec<&NodeRow> = nodes.iter().filter(|node| node.alive).collect();
    if alive.is_empty() {
        return Ok(());
    }
    let rows = alive.iter().map(|node| {
        let sending = match node.breaker.as_str() {
            _ if !node.in_force => {
                format!("does nothing: it has definitions number {}, and others are in force", node.definition.unwrap_or_default())
            }
            "open" => format!("nothing gets through, tried again at {}", at(Some(node.paused_until))),
            "half_open" => "tries one batch".to_owned(),
            _ if node.paused_until > Utc::now() => match node.pause_asked {
                Some(asked) => format!(
                    "asked to wait {asked:.0} s, waits until {}, tries one record now and then; `tieline resume` ends it",
                    at(Some(node.paused_until))
                ),
                None => format!("asked to wait until {}", at(Some(node.paused_until))),
            },
            _ => "goes on".to_owned(),
        };
        vec![node.name.clone(), at(Some(node.seen_at)), node.batch_size.to_string(), node.concurrency.to_string(), sending]
    });
    let headers = ["service", "seen", "records a batch", "batches at once", "sending"];
    output::line(&output::table(&headers, &[2, 3], rows))
}

/// `tieline failures`
pub(super) fn failures(global: &Global, args: &FailuresArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        context.check_names(args.company.as_deref(), args.entity.as_deref()).await?;
        let filter = FailureFilter {
            company: args.company.clone(),
            entity: args.entity.clone(),
            reason: args.reason,
            text: args.text.clone(),
            cause: args.cause.clone(),
            oldest: args.oldest,
            limit: args.limit,
            ..FailureFilter::default()
        };
        let json = global.output == OutputForm::Json;
        let parts = args.records || args.cause.is_some() || (json && !args.causes);
        let (number, what) = if parts {
            let rows = unconfigured::failure_list(&context.deps(), filter).await?;
            if json {
                return output::json(&rows).map(|()| Exit::Done);
            }
            if !rows.is_empty() {
                output::line(&parts_table(&rows))?;
            }
            (rows.len(), "parts of records")
        } else {
            let rows = unconfigured::failure_causes(&context.deps(), filter).await?;
            if json {
                return output::json(&rows).map(|()| Exit::Done);
            }
            let all: Vec<String> = rows.iter().map(|row| cause_text(row, &context.checked.definitions.lookups)).collect();
            if let Some(first) = rows.first() {
                output::line(&format!("{}\n\n{}", all.join("\n\n"), first.sum()))?;
            }
            (rows.len(), "causes")
        };
        if number == 0 {
            let conflicts = FlowStatus::conflict_sentence(&context.flow_status().await?);
            output::line(&match context.store.failure_count().await? {
                0 => ["No failed or pending records.".to_owned()].into_iter().chain(conflicts).collect::<Vec<_>>().join(" "),
                all => format!("No failure matches this filter ({all} without the filter)."),
            })?;
        } else if number as i64 == args.limit {
            output::line(&format!(
                "These are the first {} {what}; narrow the list by --entity, --reason or --text, or raise --limit.",
                args.limit
            ))?;
        }
        Ok(Exit::Done)
    })
}

fn parts_table(rows: &[FailureRow]) -> String {
    let table = rows.iter().map(|r| {
        let line = if r.record_key.is_empty() { r.block.clone() } else { format!("{} {}", r.block, r.record_key) };
        let why = r.reason.clone().unwrap_or_else(|| r.state.clone());
        vec![
            format!("{}/{} {}", r.company, r.entity, DocumentKey::shown(&r.key)),
            line,
            why,
            r.message.clone().unwrap_or_default(),
            r.field.clone().unwrap_or_default(),
            r.next_step.clone().unwrap_or_default(),
            r.attempts.to_string(),
            at(Some(r.first_failed_at)),
        ]
    });
    let headers = ["record", "part", "why", "message", "field", "next step", "tries", "since"];
    output::table(&headers, &[6], table)
}

/// A value before a number or a comma: in quotes where it would run into them.
fn set_apart(value: &str) -> Cow<'_, str> {
    match value.contains([' ', ',']) || value.ends_with(|c: char| c.is_ascii_digit()) {
        true => Cow::Owned(format!("`{value}`")),
        false => Cow::Borrowed(value),
    }
}

/// A cause, one fact a line: readable at any width.
fn cause_text(row: &CauseRow, lookups: &Lookups) -> String {
    let records = |number: i64| if number == 1 { "1 record".to_owned() } else { format!("{number} records") };
    let mut lines = vec![format!("{}/{}  {}  {}", row.company, row.entity, row.reason, row.counted())];
    let mut fact = |name: &str, text: String| lines.push(format!("  {name:<13} {text}"));
    // what somebody put on hold did not fail
    fact(if row.reason == "on_hold" { "on hold since" } else { "first failed" }, at(Some(row.first_failed_at)));
    if !row.example.is_empty() {
        fact("example", format!("{}: {}", DocumentKey::shown(&row.example_key), row.example));
    }
    for (number, values) in by_place(&row.values).into_iter().enumerate() {
        let named: Vec<String> = values.iter().take(VALUES).map(|one| format!("{} {}", set_apart(one.shown()), one.documents)).collect();
        let more = values.len().saturating_sub(VALUES);
        let name = if number == 0 { "values" } else { "and values" };
        fact(name, named.join(", ") + &if more > 0 { format!(", and {more} more") } else { String::new() });
    }
    if let Some(newest) = row.values_of_newest.filter(|_| !row.values.is_empty()) {
        fact("", format!("(values of the newest {newest} records)"));
    }
    if !row.amounts.is_empty() {
        let company = CompanyId::new(&row.company);
        let amounts = row.amounts.iter().map(|one| {
            let currency = lookups.currency_shown(&company, &one.currency);
            format!("{currency} {} ({})", one.shown(&currency), records(one.documents))
        });
        fact("at stake", amounts.collect::<Vec<_>>().join(", "));
    }
    for parent in &row.parents {
        fact(
            "waits for",
            format!("{} {}: {} ({})", parent.entity, DocumentKey::shown(&parent.key), parent.words(), records(parent.documents)),
        );
        fact("", format!("tieline record {} {} {}", parent.company, parent.entity, parent.key));
    }
    let more = row.parents.first().map_or(0, |one| one.parents) - row.parents.len() as i64;
    if more > 0 {
        fact("", format!("and {more} other parents"));
    }
    if let Some(step) = &row.next_step {
        fact("next step", step.clone());
    }
    fact("records", format!("tieline failures --cause {}", row.cause));
    lines.join("\n")
}

/// `tieline audit`
pub(super) fn audit(global: &Global, args: &AuditArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| match &args.command {
        Some(AuditCommand::Seal) => {
            let rows = context.store.audit_seal().await?;
            if global.output == OutputForm::Json {
                output::json(&serde_json::json!({ "sealed": rows }))?;
            } else {
                output::line(&format!("{rows} rows sealed."))?;
            }
            Ok(Exit::Done)
        }
        Some(AuditCommand::Verify) => {
            let report = context.store.audit_verify().await?;
            if global.output == OutputForm::Json {
                // a broken chain is told by the exit code too
                output::even_unread(output::json(&report))?;
            }
            match report.broken_at {
                None => {
                    if global.output == OutputForm::Table {
                        let plural = if report.seals == 1 { "" } else { "s" };
                        output::line(&format!("The chain holds: {} rows under {} seal{plural}.", report.rows, report.seals))?;
                        if report.unsealed > 0 {
                            output::line(&format!("{} rows are not sealed yet; `tieline audit seal` seals them.", report.unsealed))?;
                        }
                    }
                    Ok(Exit::Done)
                }
                Some(seal) => Err(Failure::new(
                    Exit::Failed,
                    format!(
                        "the audit was changed: seal {seal} does not fit the rows under it; compare with a backup from before the change"
                    ),
                )),
            }
        }
        None => list(context, global, args).await,
    })
}

async fn list(context: &Context, global: &Global, args: &AuditArgs) -> Result<Exit, Failure> {
    context.check_names(args.company.as_deref(), args.entity.as_deref()).await?;
    let json = global.output == OutputForm::Json;
    let limit = args.limit.or((!json).then_some(SHOWN));
    let mut filter = AuditFilter {
        company: args.company.clone(),
        entity: args.entity.clone(),
        key: args.key.clone(),
        kind: args.kind,
        since: args.since,
        until: args.until,
        after: 0,
        limit: limit.unwrap_or(i64::MAX),
    };
    let mut left = filter.limit;
    if limit.is_some() {
        match context.store.audit_newest_from(filter.clone()).await? {
            Some(first) => filter.after = first - 1,
            None => left = 0,
        }
    }
    let mut shown: Vec<AuditRow> = Vec::new();
    while left > 0 {
        filter.limit = left.min(PAGE);
        let rows = context.store.audit_list(filter.clone()).await?;
        let Some(last) = rows.last() else { break };
        filter.after = last.id;
        left -= rows.len() as i64;
        if json {
            output::line(&json_lines(&rows)?)?;
        } else {
            shown.extend(rows);
        }
    }
    if !json && shown.is_empty() {
        let filtered = [&args.company, &args.entity, &args.key].iter().any(|text| text.is_some())
            || args.kind.is_some()
            || args.since.is_some()
            || args.until.is_some();
        let newest = AuditFilter { limit: 1, ..AuditFilter::default() };
        output::line(&match if filtered { context.store.audit_newest_from(newest).await? } else { None } {
            Some(newest) => format!("No audit row matches this filter (without the filter there are rows up to number {newest})."),
            None => "The audit has no row yet.".to_owned(),
        })?;
    } else if !json {
        let rows = shown.into_iter().map(|r| {
            let record = match (r.company, r.entity, r.key) {
                (Some(company), Some(entity), Some(key)) => format!("{company}/{entity} {}", DocumentKey::shown(&key)),
                (company, entity, _) => [company, entity].into_iter().flatten().collect::<Vec<_>>().join("/"),
            };
            let version = r.version.map(|version| version.to_string()).unwrap_or_default();
            vec![r.id.to_string(), at(Some(r.at)), r.kind, record, version, r.actor, r.detail.unwrap_or_default()]
        });
        output::line(&output::table(&["id", "at", "kind", "record", "version", "who", "detail"], &[0, 4], rows))?;
    }
    Ok(Exit::Done)
}

/// One object per line, without the end of the last line.
fn json_lines(rows: &[AuditRow]) -> Result<String, Failure> {
    let line = |row: &AuditRow| {
        serde_json::to_string(row)
            .map_err(|error| Failure::new(Exit::Failed, format!("audit row {} cannot be written as JSON: {error}", row.id)))
    };
    Ok(rows.iter().map(line).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// `tieline migrate`
pub(super) fn migrate(global: &Global) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let run = &context.migrated;
        if global.output == OutputForm::Json {
            output::json(&serde_json::json!({ "migrations_run": run }))?;
        } else if run.is_empty() {
            output::line("The database is up to date.")?;
        } else {
            let plural = if run.len() == 1 { "" } else { "s" };
            output::line(&format!("{} migration{plural} run: {}. The database is up to date.", run.len(), run.join(", ")))?;
        }
        Ok(Exit::Done)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_dates_or_rfc_3339() {
        assert_eq!(instant("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
        assert_eq!(instant("2026-01-31T10:00:00+02:00").unwrap().to_rfc3339(), "2026-01-31T08:00:00+00:00");
        assert!(instant("yesterday").unwrap_err().contains("yesterday"));
    }
}
