//! The target of an import set: creates a staging row without a key, which a transform map that coalesces on the key skips.
//!
//! The POST runs the transform maps with system rights, past every access rule. So the test is made only where it is certain that nothing
//! in the target table can change: the table is known, may be read, and has no row with an empty key that a map with empty values could
//! match. If a map still creates a row, the answer names the row; then it is deleted and reported.

use std::collections::BTreeMap;

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::domain::next_step::NextStep;
use crate::net::Method;

use super::trial_row::{Place, Said, TRIAL, failed, no_verdict, not_tried, take_away, unknown, well};
use crate::servicenow::error::ServiceNowError;
use crate::servicenow::outcome::ProbeVerdict;
use crate::servicenow::query::encode;
use crate::servicenow::token::TokenSource;
use crate::servicenow::transport::{Judged, Op, Transport};
use crate::servicenow::wire::Row;

const ROLE: &str = "the role `import_transformer`, or another that writes this staging table";

pub(super) async fn try_one(transport: &Transport, tokens: &dyn TokenSource, target: &TargetPlan) -> Said {
    let (Some(key), Some(version)) = (target.key_column.as_deref(), target.version_column.as_deref()) else {
        return unknown(
            "not tried: the definition names no `key_column` or no `version_column`, and without them a staging row could change any row",
            NextStep::FirstRecordTells,
        );
    };
    let more = &["sys_import_state", "sys_target_table", "sys_target_sys_id"];
    let place = Place { transport, tokens, table: &target.table, column: version, mark: TRIAL.to_owned(), more };
    match place.clear().await {
        Err(error) => return not_tried(&error),
        Ok(Err((id, problem))) => return staged(&place, &id, &problem),
        Ok(Ok(())) => {}
    }
    match safe(transport, tokens, target, key).await {
        Err(error) => return not_tried(&error),
        Ok(Err(said)) => return *said,
        Ok(Ok(())) => {}
    }
    let op = Op {
        alone: true,
        method: Method::POST,
        path: format!("/api/now/import/{}", encode(&target.table)),
        body: serde_json::to_vec(&BTreeMap::from([(version, TRIAL)])).unwrap_or_default(),
    };
    let judged = transport.write(tokens, &op).await;
    let entries: Vec<Row> = match &judged {
        Judged::Done(document) => document.result.clone().unwrap_or_default(),
        _ => Vec::new(),
    };
    let sent = match &judged {
        Judged::NotSent(_) | Judged::Throttled { .. } => false,
        Judged::Failed(error) => matches!(error, ServiceNowError::Forbidden { .. }),
        _ => true,
    };
    // the staging rows first: a row that has not been transformed yet is then never transformed
    let rows = match if sent { place.rows_in_time().await } else { Ok(Vec::new()) } {
        Ok(rows) => rows,
        Err(error) => return not_tried(&error),
    };
    let pending = entries.iter().filter(|entry| entry.text("table") == Some(target.table.as_str()));
    // a lost answer is also in the staging row
    let from_staging: Vec<Row> = if entries.is_empty() { rows.iter().map(verdict_of).collect() } else { Vec::new() };
    let mut ids: Vec<SysId> = rows.iter().chain(pending).filter_map(|row| row.filled("sys_id").and_then(SysId::new)).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut left = None;
    for id in ids {
        if let Err(problem) = take_away(transport, tokens, &target.table, &id).await {
            left = Some(staged(&place, &id, &problem));
        }
    }
    // a row that a map made without a key is worse than a staging row, which the instance deletes by itself
    if let Some(said) = landed(transport, tokens, target, entries.iter().chain(&from_staging)).await {
        return said;
    }
    if let Some(said) = left {
        return said;
    }
    if !matches!(judged, Judged::Done(_)) && rows.is_empty() {
        return no_verdict(&judged, ROLE);
    }
    if rows.is_empty() && entries.iter().all(|entry| entry.filled("sys_id").is_none()) {
        let text = format!(
            "a row could be staged, and its transform created no row; the staging row does not show `{version}` = `{TRIAL}`, so it could \
             not be found and stays until the instance removes it after seven days"
        );
        return (ProbeVerdict::Warning, text, Some(NextStep::VersionColumn { table: target.table.clone(), column: version.to_owned() }));
    }
    well("a row could be staged, its transform created no row, and the staging row was deleted")
}

/// Whether a row without a key can change nothing in the target table; if that is not known, the message says why.
async fn safe(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    key: &str,
) -> Result<Result<(), Box<Said>>, ServiceNowError> {
    let no = |text: String, step: NextStep| Ok(Err(Box::new(unknown(text, step))));
    let landing =
        if target.target_table == target.table { landing(transport, tokens, target).await? } else { Some(target.target_table.clone()) };
    let Some(landing) = landing else {
        return no(
            format!(
                "not tried: the target table of the transform of `{}` is unknown, so Tieline could not see whether the transform creates a \
                 row without a key. To read its rows, the user needs the same role as to write them",
                target.table
            ),
            NextStep::NameTargetTable,
        );
    };
    let query = encode(&format!("{key}ISEMPTY^ORDERBYsys_id"));
    let path = format!(
        "/api/now/table/{}?sysparm_query={query}&sysparm_fields={}&sysparm_limit=1&sysparm_display_value=false",
        encode(&landing),
        encode(&format!("sys_id,{key}"))
    );
    let (rows, total) = match transport.read_counted(tokens, &path).await {
        Ok(read) => read,
        Err(error) if error.class() == crate::retry::Class::Permanent => {
            return no(
                format!("not tried: `{landing}`, where the transform puts records, cannot be read: {}", error.chain()),
                NextStep::ReadTargetTable,
            );
        }
        Err(error) => return Err(error),
    };
    match rows.first().map(|row| row.text(key)) {
        Some(None) => no(
            format!("not tried: rows of `{landing}` show no column `{key}`, so the transform map coalesces on another column"),
            NextStep::FirstRecordTells,
        ),
        Some(Some(text)) if !text.trim().is_empty() => {
            no(format!("not tried: `{landing}` was asked for rows with an empty `{key}` and returned others"), NextStep::FirstRecordTells)
        }
        Some(Some(_)) => no(
            format!("not tried: `{landing}` has rows with an empty `{key}`, and a map that accepts empty values would update one of them"),
            NextStep::FirstRecordTells,
        ),
        None if total.is_some_and(|total| total > 0) => {
            no(format!("not tried: `{landing}` has rows with an empty `{key}` that may not be read"), NextStep::FirstRecordTells)
        }
        None => Ok(Ok(())),
    }
}

/// The table that recently received rows from this staging table; `None` when no row names it.
async fn landing(transport: &Transport, tokens: &dyn TokenSource, target: &TargetPlan) -> Result<Option<String>, ServiceNowError> {
    let path = format!(
        "/api/now/table/{}?sysparm_query={}&sysparm_fields=sys_id,sys_target_table&sysparm_limit=20&sysparm_display_value=false",
        encode(&target.table),
        encode("sys_import_state=inserted^ORsys_import_state=updated^ORDERBYDESCsys_created_on")
    );
    let rows = transport.read(tokens, &path).await?;
    let name = rows.iter().find_map(|row| row.filled("sys_target_table"));
    Ok(name.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).map(str::to_owned))
}

/// The rows that the maps created; there should be none.
async fn landed<'a>(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    entries: impl Iterator<Item = &'a Row>,
) -> Option<Said> {
    let mut said = None;
    for entry in entries {
        let (table, id) = (entry.filled("table").unwrap_or(&target.target_table), entry.filled("sys_id").unwrap_or_default());
        if table == target.table || id.is_empty() {
            continue;
        }
        match entry.filled("status").unwrap_or_default().to_ascii_lowercase().as_str() {
            "inserted" | "insert" => match made_away(transport, tokens, table, id).await {
                Ok(()) if said.is_none() => {
                    let text =
                        format!("a row could be staged; its transform created a row of `{table}` without a key, and Tieline deleted it");
                    said = Some((ProbeVerdict::Warning, text, Some(NextStep::CoalesceWithoutEmpty)));
                }
                Ok(()) => {}
                Err(problem) => {
                    let text = format!(
                        "a row could be staged; its transform created row {id} of `{table}` without a key, and it could not be deleted: \
                         {problem}"
                    );
                    said = Some(failed(text, NextStep::DeleteRowThenCoalesce));
                }
            },
            "updated" | "update" => {
                let text =
                    format!("a row could be staged; its transform changed row {id} of `{table}`, although the staged row has no key");
                said = Some(failed(text, NextStep::CheckRowThenCoalesce));
            }
            _ => {}
        }
    }
    said
}

/// Like [`take_away`], for an id from an answer.
async fn made_away(transport: &Transport, tokens: &dyn TokenSource, table: &str, id: &str) -> Result<(), String> {
    match SysId::read(id) {
        Ok(Some(id)) => take_away(transport, tokens, table, &id).await,
        Ok(None) => Err("the answer does not name it".into()),
        Err(error) => Err(format!("the answer names it by {error}")),
    }
}

/// Renames a staging row's columns to the names in the POST's answer.
fn verdict_of(row: &Row) -> Row {
    let names = [("sys_target_table", "table"), ("sys_target_sys_id", "sys_id"), ("sys_import_state", "status")];
    Row::of(names.iter().filter_map(|(column, name)| Some((*name, row.text(column)?, row.display(column)))))
}

/// A staging row that could not be deleted: the instance deletes it by itself later.
fn staged(place: &Place<'_>, id: &str, problem: &str) -> Said {
    let text = format!(
        "rows can be staged, but a test row could not be deleted: row {id} of `{}`, `{}` = `{}`: {problem}",
        place.table, place.column, place.mark
    );
    (ProbeVerdict::Warning, text, Some(NextStep::StagingRowLeft))
}
