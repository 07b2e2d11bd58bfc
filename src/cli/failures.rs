//! `tieline failures`: undelivered records, by cause or one by one.

use std::borrow::Cow;

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output::at;
use super::words::closed;
use super::{Global, OutputForm, output};
use crate::definition::CodeLists;
use crate::domain::backlog::Backlog;
use crate::domain::delivery::{CauseOrder, FailureReason, FailureWord};
use crate::domain::differing::by_place;
use crate::domain::{CompanyId, DocumentKey};
use crate::operations::failures;
use crate::store::{CauseRow, FailureFilter, FailureRow, FlowStatus};

/// The most values of a cause that are named.
const VALUES: usize = 8;

/// Which failures.
#[derive(Debug, clap::Args)]
pub struct FailuresArgs {
    /// Only this company
    #[arg(long)]
    company: Option<String>,
    /// Only this entity
    #[arg(long)]
    entity: Option<String>,
    /// Only this reason or state
    #[arg(long, value_parser = closed::<FailureWord>(FailureWord::words()))]
    reason: Option<FailureWord>,
    /// Only messages that contain this text
    #[arg(long)]
    text: Option<String>,
    /// Only the records of this cause, by its name in the list of causes
    #[arg(long, value_name = "NAME")]
    cause: Option<String>,
    /// List parts of records instead of causes; JSON lists parts unless --causes is given
    #[arg(long, conflicts_with = "causes")]
    records: bool,
    /// List causes: an example, the values that differ, the amounts at stake, the parents
    #[arg(long)]
    causes: bool,
    /// List first the causes that have failed for longest, not the largest
    #[arg(long)]
    oldest: bool,
    /// At most this number
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
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
            order: if args.oldest { CauseOrder::Oldest } else { CauseOrder::Largest },
            limit: args.limit,
            ..FailureFilter::default()
        };
        let json = global.output == OutputForm::Json;
        let parts = args.records || args.cause.is_some() || (json && !args.causes);
        let (number, what) = if parts {
            let rows = failures::failure_list(&context.process(), filter).await?;
            if json {
                return output::json(&rows).map(|()| Exit::Done);
            }
            if !rows.is_empty() {
                output::line(&parts_table(&rows))?;
            }
            (rows.len(), "parts of records")
        } else {
            let rows = failures::failure_causes(&context.process(), filter).await?;
            if json {
                return output::json(&rows).map(|()| Exit::Done);
            }
            let all: Vec<String> = rows.iter().map(|row| cause_text(row, &context.checked.definitions.code_lists)).collect();
            if let Some(first) = rows.first() {
                output::line(&format!("{}\n\n{}", all.join("\n\n"), first.sum()))?;
            }
            (rows.len(), "causes")
        };
        if number == 0 {
            let flows = context.flow_status().await?;
            let mut all = Backlog::default();
            flows.iter().for_each(|flow| all += flow.backlog());
            output::line(&match context.store.failure_count().await? {
                0 => [all.no_failures()].into_iter().chain(FlowStatus::conflict_sentence(&flows)).collect::<Vec<_>>().join(" "),
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
        let why = r.reason.map_or(r.state.as_str(), FailureWord::as_str).to_owned();
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
    let headers = ["record", "part", "why", "message", "field", "next step", "attempts", "since"];
    output::table(&headers, &[6], table)
}

/// A value before a number or a comma: in quotes if it could be confused with them.
fn set_apart(value: &str) -> Cow<'_, str> {
    match value.contains([' ', ',']) || value.ends_with(|c: char| c.is_ascii_digit()) {
        true => Cow::Owned(format!("`{value}`")),
        false => Cow::Borrowed(value),
    }
}

/// A cause, one fact per line: readable at any width.
fn cause_text(row: &CauseRow, code_lists: &CodeLists) -> String {
    let records = |number: i64| if number == 1 { "1 record".to_owned() } else { format!("{number} records") };
    let mut lines = vec![format!("{}/{}  {}  {}", row.company, row.entity, row.reason, row.counted())];
    let mut fact = |name: &str, text: String| lines.push(format!("  {name:<13} {text}"));
    // a record that somebody put on hold did not fail
    fact(
        if row.reason == FailureWord::Reason(FailureReason::OnHold) { "on hold since" } else { "first failed" },
        at(Some(row.first_failed_at)),
    );
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
            let currency = code_lists.currency_shown(&company, &one.currency);
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
