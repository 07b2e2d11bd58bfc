//! Whether the tables can be read and have the columns that will be written, for `doctor`.

use std::collections::{BTreeSet, HashSet};

use crate::definition::plan::{AlignPlan, TargetPlan, WatchRow};

use super::client::ServiceNow;
use super::error::ServiceNowError;
use super::lookup::encode;
use super::outcome::{ProbeFinding, ProbeVerdict};
use super::token::TokenSource;
use super::wire::Row;

/// Columns asked of the dictionary at once; the widest tables of an instance have some hundreds, inherited ones included.
const DICTIONARY: usize = 5000;

/// Tables that a table may extend, one by another.
const GENERATIONS: usize = 8;

pub(super) async fn probe(sn: &ServiceNow, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
    let mut findings = Vec::new();
    for target in targets {
        findings.push(probe_table(sn, tokens, target).await);
        if target.target_table != target.table {
            findings.push(probe_landing(sn, tokens, target).await);
        }
    }
    findings
}

fn written(target: &TargetPlan) -> BTreeSet<&str> {
    let own = target.key_column.iter().chain(&target.version_column).map(String::as_str);
    own.chain(target.fields.iter().map(|field| field.name.as_str())).filter(|name| *name != "sys_id").collect()
}

/// The columns by which rows of an aligned list are chosen, and those that are watched.
fn asked(target: &TargetPlan) -> BTreeSet<&str> {
    let watched = target.watch.iter().filter(|watch| target.table == target.target_table || watch.row == WatchRow::Staging);
    let watched = watched.flat_map(|watch| watch.column.iter().chain(&watch.message)).map(String::as_str);
    target.align.iter().flat_map(AlignPlan::asked).chain(watched).filter(|name| !name.starts_with("sys_")).collect()
}

async fn first_row(sn: &ServiceNow, tokens: &dyn TokenSource, table: &str) -> Result<Option<Row>, ServiceNowError> {
    let path = format!("/api/now/table/{}?sysparm_limit=1&sysparm_display_value=false&sysparm_exclude_reference_link=true", encode(table));
    Ok(sn.read(tokens, &path).await?.into_iter().next())
}

async fn probe_table(sn: &ServiceNow, tokens: &dyn TokenSource, target: &TargetPlan) -> ProbeFinding {
    let table = target.table.clone();
    let row = match first_row(sn, tokens, &target.table).await {
        Ok(row) => row,
        Err(error) => return unreadable(target, &target.table, &error),
    };
    let written: BTreeSet<&str> = written(target).union(&asked(target)).copied().collect();
    let shown = |name: &&&str| row.as_ref().is_some_and(|row| row.text(name).is_some());
    let missing: BTreeSet<&str> = written.iter().filter(|name| !shown(name)).copied().collect();
    let list = |names: &BTreeSet<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let well = format!("readable, with all {} columns that are named", written.len());
    if missing.is_empty() {
        return ProbeFinding { table, verdict: ProbeVerdict::Ok, message: well, next_step: None };
    }
    // a row leaves out what may not be read, so its silence is not yet proof
    match dictionary(sn, tokens, &target.table).await {
        Some(known) => {
            let unknown: BTreeSet<&str> = missing.iter().filter(|name| !known.contains(**name)).copied().collect();
            if unknown.is_empty() {
                return ProbeFinding { table, verdict: ProbeVerdict::Ok, message: well, next_step: None };
            }
            ProbeFinding {
                table,
                verdict: ProbeVerdict::Failed,
                message: format!(
                    "the dictionary has no column {}: what is written there would be dropped without a word, and a condition on it ignored",
                    list(&unknown)
                ),
                next_step: Some(format!(
                    "make the columns, or correct `[{0}.fields]`, the key of `[{0}]` or `[{0}.align]` in the profile's definition",
                    target.block
                )),
            }
        }
        None if row.is_some() => ProbeFinding {
            table,
            verdict: ProbeVerdict::Warning,
            message: format!("readable, but rows come without {}: the columns do not exist, or may not be read", list(&missing)),
            next_step: Some("let the OAuth application's user read these columns, or `sys_dictionary`, so that it can be told".into()),
        },
        None => ProbeFinding {
            table,
            verdict: ProbeVerdict::CouldNotTell,
            message: "readable and empty (or its rows are hidden); whether it has the columns that are written cannot be told".into(),
            next_step: Some("let the OAuth application's user read `sys_dictionary` and `sys_db_object`".into()),
        },
    }
}

async fn probe_landing(sn: &ServiceNow, tokens: &dyn TokenSource, target: &TargetPlan) -> ProbeFinding {
    match first_row(sn, tokens, &target.target_table).await {
        Ok(_) => ProbeFinding {
            table: target.target_table.clone(),
            verdict: ProbeVerdict::Ok,
            message: format!("readable; `{}` is transformed into it", target.table),
            next_step: None,
        },
        Err(error) => unreadable(target, &target.target_table, &error),
    }
}

fn unreadable(target: &TargetPlan, table: &str, error: &ServiceNowError) -> ProbeFinding {
    let (verdict, next_step) = match error {
        ServiceNowError::Refused { status: 400 | 404, .. } => {
            let key = if table == target.table { "table" } else { "target_table" };
            let step = format!("correct `{key}` of the block `[{}]` in the profile's definition, or have the table made", target.block);
            (ProbeVerdict::Failed, step)
        }
        ServiceNowError::Forbidden { .. } if target.table != target.target_table => (
            ProbeVerdict::Warning,
            "give the application user read access (for staging tables the role `import_transformer`): lost answers are settled by reading"
                .into(),
        ),
        ServiceNowError::Forbidden { .. } => {
            (ProbeVerdict::Failed, "give the OAuth application's user a role that reads and writes this table".into())
        }
        error if error.class() == crate::retry::Class::Permanent => (ProbeVerdict::Failed, "do what the message says".into()),
        _ => (ProbeVerdict::CouldNotTell, "try again when the instance answers".into()),
    };
    ProbeFinding { table: table.to_owned(), verdict, message: error.chain(), next_step: Some(next_step) }
}

/// The columns of a table and of those it extends; `None` when the dictionary does not let us know.
async fn dictionary(sn: &ServiceNow, tokens: &dyn TokenSource, table: &str) -> Option<HashSet<String>> {
    let mut tables = vec![table.to_owned()];
    // a parent that cannot be asked for may have the columns that are missing here
    while let Some(parent) = parent(sn, tokens, tables.last()?).await.ok()? {
        if tables.len() >= GENERATIONS || tables.contains(&parent) {
            break;
        }
        tables.push(parent);
    }
    let query = encode(&format!("nameIN{}^ORDERBYsys_id", tables.join(",")));
    let path = format!("/api/now/table/sys_dictionary?sysparm_query={query}&sysparm_fields=name,element&sysparm_limit={DICTIONARY}");
    let rows = sn.read(tokens, &path).await.ok()?;
    // a list that was cut off proves nothing of what is not in it
    if rows.len() >= DICTIONARY {
        return None;
    }
    let own = |row: &&Row| row.text("name").is_some_and(|name| tables.iter().any(|table| table == name));
    let columns: HashSet<String> = rows.iter().filter(own).filter_map(|row| row.filled("element").map(str::to_owned)).collect();
    (!columns.is_empty()).then_some(columns)
}

/// The table that a table extends; `None` when it extends none, or the instance shows no such row.
async fn parent(sn: &ServiceNow, tokens: &dyn TokenSource, table: &str) -> Result<Option<String>, ServiceNowError> {
    let query = encode(&format!("name={table}^ORDERBYsys_id"));
    let path = format!("/api/now/table/sys_db_object?sysparm_query={query}&sysparm_fields=name,super_class.name&sysparm_limit=2");
    let rows = sn.read(tokens, &path).await?;
    let row = rows.iter().find(|row| row.text("name") == Some(table));
    Ok(row.and_then(|row| row.filled("super_class.name")).map(str::to_owned))
}
