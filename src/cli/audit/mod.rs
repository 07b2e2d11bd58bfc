//! `tieline audit`: lists the audit; seals, verifies and exports it.

mod export;
mod rotate_key;
mod verify;

use chrono::{DateTime, NaiveDate, Utc};

use super::context::{Context, with_ledger};
use super::failure::{Exit, Failure};
use super::output::at;
use super::words::closed;
use super::{Global, OutputForm, output};
use crate::domain::DocumentKey;
use crate::domain::audit::AuditKind;
use crate::domain::ids::AuditRowId;
use crate::store::{AuditFilter, AuditRow};

/// Rows read at once, so that memory use stays constant.
const PAGE: i64 = 1000;

/// Audit rows shown when no limit is given.
const SHOWN: i64 = 200;

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
    /// Only this kind
    #[arg(long, value_parser = closed::<AuditKind>(AuditKind::WORDS.iter().copied()))]
    kind: Option<AuditKind>,
    /// Only rows from this time on: 2026-01-31 or 2026-01-31T08:00:00Z
    #[arg(long, value_parser = instant)]
    since: Option<DateTime<Utc>>,
    /// Only rows before this time
    #[arg(long, value_parser = instant)]
    until: Option<DateTime<Utc>>,
    /// At most this number of rows, the newest [default: 200; for JSON all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
}

/// What to do with the chain over the audit.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AuditCommand {
    /// Verifies the ledger's audit, or an export: exit code 0 if it holds, else 1 with the first leaf that does not fit
    Verify(verify::VerifyArgs),
    /// Writes the audit into files that anybody can check with `sha256sum` and `ssh-keygen`
    Export(export::ExportArgs),
    /// Prints the end of the audit, to be kept outside
    Head,
    /// Makes another key that signs the audit; the present one signs the first day of the new one too
    RotateKey(rotate_key::RotateKeyArgs),
    /// Seals the audit rows, up to the oldest transaction that is still running
    Seal,
}

/// A date (midnight UTC) or a time.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| format!("`{text}` is neither a date such as 2026-01-31 nor an instant such as 2026-01-31T08:00:00Z"))
}

/// `tieline audit`
pub(super) fn audit(global: &Global, args: &AuditArgs) -> Result<Exit, Failure> {
    if let Some(AuditCommand::Verify(verify)) = &args.command
        && let Some(directory) = &verify.directory
    {
        return verify::export(global, directory, verify);
    }
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
        Some(AuditCommand::Verify(args)) => verify::ledger(context, global, args).await,
        Some(AuditCommand::Export(args)) => export::export(context, global, args).await,
        Some(AuditCommand::Head) => export::head(context, global).await,
        Some(AuditCommand::RotateKey(args)) => rotate_key::rotate_key(context, global, args).await,
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
        after: AuditRowId::default(),
        limit: limit.unwrap_or(i64::MAX),
    };
    let mut left = filter.limit;
    if limit.is_some() {
        match context.store.audit_newest_from(filter.clone()).await? {
            Some(first) => filter.after = AuditRowId(first.0 - 1),
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

/// One object per line; the last line has no line end.
fn json_lines(rows: &[AuditRow]) -> Result<String, Failure> {
    let line = |row: &AuditRow| {
        serde_json::to_string(row)
            .map_err(|error| Failure::new(Exit::Failed, format!("audit row {} cannot be written as JSON: {error}", row.id)))
    };
    Ok(rows.iter().map(line).collect::<Result<Vec<_>, _>>()?.join("\n"))
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
