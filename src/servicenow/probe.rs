//! Checks for `doctor` whether the tables can be read and have the columns that are written.

use std::collections::{BTreeSet, HashMap};

use crate::definition::plan::{AlignPlan, FieldPlan, FieldSource, ReferenceForm, TargetPlan, WatchRow, WriteMode};
use crate::definition::record::KEY_LENGTH;
use crate::domain::next_step::NextStep;
use crate::domain::version::VERSION_LENGTH;

use super::error::ServiceNowError;
use super::outcome::{ProbeFinding, ProbeVerdict};
use super::query::encode;
use super::token::TokenSource;
use super::transport::Transport;
use super::wire::Row;

/// The most dictionary columns requested at once; the widest tables of an instance have some hundreds, inherited ones included.
const DICTIONARY: usize = 5000;

/// The most tables in a chain of extended tables.
const GENERATIONS: usize = 8;

/// A table to check once, whatever the number of blocks that need it.
struct Wanted<'a> {
    table: &'a str,
    /// The columns that are written, queried or tracked.
    columns: BTreeSet<&'a str>,
    /// The blocks of the definitions that write to it.
    blocks: BTreeSet<&'a str>,
    /// The staging tables that are transformed into it.
    from: BTreeSet<&'a str>,
    /// Whether it is written through the Import Set API, or only by a transform.
    indirect: bool,
    /// The key columns: a shortened key makes one row of two records.
    keys: BTreeSet<&'a str>,
    /// The version columns: a shortened version never equals the sent one.
    versions: BTreeSet<&'a str>,
}

/// The tables of all targets, in their order: the tables that are written, and the tables that receive the records.
fn wanted<'a>(targets: &[&'a TargetPlan]) -> Vec<Wanted<'a>> {
    let mut all: Vec<Wanted<'a>> = Vec::new();
    let at = |all: &mut Vec<Wanted<'a>>, table: &'a str| {
        all.iter().position(|wanted| wanted.table == table).unwrap_or_else(|| {
            let none = BTreeSet::new;
            all.push(Wanted { table, columns: none(), blocks: none(), from: none(), indirect: true, keys: none(), versions: none() });
            all.len() - 1
        })
    };
    // system columns are in every table, or in every staging table
    let own = |name: &&str| !name.starts_with("sys_");
    for target in targets {
        let here = at(&mut all, &target.table);
        all[here].columns.extend(written(target));
        all[here].columns.extend(target.align.iter().flat_map(AlignPlan::asked).filter(own));
        all[here].blocks.insert(&target.block);
        all[here].keys.extend(target.key_column.as_deref());
        all[here].versions.extend(target.version_column.as_deref());
        let source_key = |field: &&FieldPlan| matches!(field.source, FieldSource::Reference { write: ReferenceForm::SourceKey, .. });
        all[here].keys.extend(target.fields.iter().filter(source_key).map(|field| field.name.as_str()));
        all[here].indirect &= target.write == WriteMode::ImportSet;
        let landing = at(&mut all, &target.target_table);
        all[landing].keys.extend(target.key_column.as_deref());
        all[landing].versions.extend(target.version_column.as_deref());
        if target.target_table != target.table {
            all[landing].from.insert(&target.table);
        }
        // a record is tracked in the table that received it, or in its staging row
        if let Some(watch) = &target.watch {
            let watched_in = if watch.row == WatchRow::Staging { here } else { landing };
            all[watched_in].columns.extend(watch.column.iter().chain(&watch.message).map(String::as_str).filter(own));
        }
    }
    all
}

pub(super) async fn probe(transport: &Transport, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
    let mut findings = Vec::new();
    for wanted in wanted(targets) {
        findings.push(probe_table(transport, tokens, &wanted).await);
    }
    findings
}

fn written(target: &TargetPlan) -> impl Iterator<Item = &str> {
    let own = target.key_column.iter().chain(&target.version_column).map(String::as_str);
    own.chain(target.fields.iter().map(|field| field.name.as_str())).filter(|name| *name != "sys_id")
}

/// A `sysparm_fields` longer than this is omitted, and all columns are requested.
const FIELDS_LIMIT: usize = 1500;

/// A row with these columns: the instance leaves out columns that it does not have or does not show.
async fn first_row(
    transport: &Transport,
    tokens: &dyn TokenSource,
    table: &str,
    columns: impl Iterator<Item = &str>,
) -> Result<Option<Row>, ServiceNowError> {
    let fields = encode(&std::iter::once("sys_id").chain(columns).collect::<Vec<_>>().join(","));
    let fields = if fields.len() > FIELDS_LIMIT { String::new() } else { format!("&sysparm_fields={fields}") };
    let path =
        format!("/api/now/table/{}?sysparm_limit=1{fields}&sysparm_display_value=false&sysparm_exclude_reference_link=true", encode(table));
    Ok(transport.read(tokens, &path).await?.into_iter().next())
}

/// Rows that are searched for a filled column: a condition that the instance does not know is ignored.
const FILLED: usize = 20;

/// Whether a row with our key has this column filled. What cannot be read is taken for none.
pub(super) async fn keeps_field(transport: &Transport, tokens: &dyn TokenSource, target: &TargetPlan, field: &str) -> bool {
    let keyed = target.key_column.as_ref().map(|column| format!("^{column}ISNOTEMPTY")).unwrap_or_default();
    let query = encode(&format!("{field}ISNOTEMPTY{keyed}^ORDERBYsys_id"));
    let fields = encode(&["sys_id", field].into_iter().chain(target.key_column.as_deref()).collect::<Vec<_>>().join(","));
    let path = format!(
        "/api/now/table/{}?sysparm_query={query}&sysparm_limit={FILLED}&sysparm_fields={fields}&sysparm_display_value=false",
        encode(&target.table)
    );
    let own = |row: &Row| target.key_column.as_deref().is_none_or(|column| row.filled(column).is_some());
    transport.read(tokens, &path).await.is_ok_and(|rows| rows.iter().any(|row| own(row) && row.filled(field).is_some()))
}

/// Whether a table has a column, as a row of it or the dictionary shows; `None`: neither can be read, or there is no row.
pub(super) async fn knows_column(transport: &Transport, tokens: &dyn TokenSource, table: &str, column: &str) -> Option<bool> {
    let row = first_row(transport, tokens, table, std::iter::once(column)).await.ok().flatten();
    if row.as_ref().is_some_and(|row| row.text(column).is_some()) {
        return Some(true);
    }
    // a row also leaves out columns that may not be read: they cannot be searched either
    let known = dictionary(transport, tokens, table).await.map(|known| known.contains_key(column));
    known.or(row.map(|_| false))
}

/// Whether the instance shows that a table has a column.
pub(super) async fn has_column(transport: &Transport, tokens: &dyn TokenSource, table: &str, column: &str) -> bool {
    knows_column(transport, tokens, table, column).await == Some(true)
}

async fn probe_table(transport: &Transport, tokens: &dyn TokenSource, wanted: &Wanted<'_>) -> ProbeFinding {
    let table = wanted.table.to_owned();
    let row = match first_row(transport, tokens, wanted.table, wanted.columns.iter().copied()).await {
        Ok(row) => row,
        Err(error) => return unreadable(wanted, &error),
    };
    let shown = |name: &&&str| row.as_ref().is_some_and(|row| row.text(name).is_some());
    let missing: BTreeSet<&str> = wanted.columns.iter().filter(|name| !shown(name)).copied().collect();
    let list = |names: &BTreeSet<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let into = if wanted.from.is_empty() {
        String::new()
    } else {
        format!("; {} transformed into it", is_are(&list(&wanted.from), wanted.from.len()))
    };
    let well = match wanted.columns.len() {
        0 => format!("readable{into}"),
        count => format!("readable, with all {count} columns that are named{into}"),
    };
    // a row leaves out columns that may not be read, so a missing column is no proof
    let known = dictionary(transport, tokens, wanted.table).await;
    let shorter = |names: &BTreeSet<&'_ str>, least: usize| {
        let length = |name: &&str| known.as_ref()?.get(*name)?.length;
        names.iter().find_map(|name| Some(((*name).to_owned(), length(name).filter(|length| *length < least)?)))
    };
    let short = shorter(&wanted.keys, KEY_LENGTH);
    if let Some((name, length)) = short {
        return ProbeFinding {
            table,
            verdict: ProbeVerdict::Failed,
            message: format!(
                "`{name}` holds {length} characters; keys have up to {KEY_LENGTH}, and two keys that become equal when cut share one row"
            )
            .into(),
            next_step: Some(NextStep::LongerKey { column: name.to_owned(), length: KEY_LENGTH.to_string() }),
        };
    }
    let no_text = wanted.versions.iter().find_map(|name| Some((*name, known.as_ref()?.get(*name)?.no_text()?)));
    if let Some((name, kind)) = no_text {
        return ProbeFinding {
            table,
            verdict: ProbeVerdict::Failed,
            message: format!(
                "`{name}` is of the type `{kind}`; a version is a text such as `7-1f2e3d4c5b6a`, and what such a column makes of it is \
                 another version: the record then fails although it was written"
            )
            .into(),
            next_step: Some(NextStep::LongerVersion { column: name.to_owned(), length: VERSION_LENGTH.to_string() }),
        };
    }
    if let Some((name, length)) = shorter(&wanted.versions, VERSION_LENGTH) {
        return ProbeFinding {
            table,
            verdict: ProbeVerdict::Failed,
            message: format!(
                "`{name}` holds {length} characters; versions have up to {VERSION_LENGTH}, and a cut version is another version: the \
                 record then fails although it was written"
            )
            .into(),
            next_step: Some(NextStep::LongerVersion { column: name.to_owned(), length: VERSION_LENGTH.to_string() }),
        };
    }
    if missing.is_empty() {
        return ProbeFinding { table, verdict: ProbeVerdict::Ok, message: well.into(), next_step: None };
    }
    match known {
        Some(known) => {
            let unknown: BTreeSet<&str> = missing.iter().filter(|name| !known.contains_key(**name)).copied().collect();
            if unknown.is_empty() {
                return ProbeFinding { table, verdict: ProbeVerdict::Ok, message: well.into(), next_step: None };
            }
            ProbeFinding {
                table,
                verdict: ProbeVerdict::Failed,
                message: format!(
                    "the dictionary has no column {}: values for them would be dropped silently, and conditions on them ignored",
                    list(&unknown)
                )
                .into(),
                next_step: Some(correct(wanted)),
            }
        }
        None if row.is_some() => ProbeFinding {
            table,
            verdict: ProbeVerdict::Failed,
            message: format!(
                "rows come without {}: the columns do not exist or may not be read, so their values cannot be confirmed",
                list(&missing)
            )
            .into(),
            next_step: Some(read_or_correct(wanted)),
        },
        None => ProbeFinding {
            table,
            verdict: ProbeVerdict::Unknown,
            message: "readable and empty (or its rows are hidden); it is unknown whether it has the written columns".into(),
            next_step: Some(NextStep::ReadDictionary),
        },
    }
}

fn is_are(names: &str, count: usize) -> String {
    format!("{names} {}", if count == 1 { "is" } else { "are" })
}

/// The place where a column is named: in blocks that write to the table, or in blocks whose records end up in it.
enum Named {
    Blocks(String),
    Tables(String),
}

fn named(wanted: &Wanted<'_>) -> Named {
    let list = |names: &BTreeSet<&str>, left: &str, right: &str| {
        names.iter().map(|name| format!("`{left}{name}{right}`")).collect::<Vec<_>>().join(", ")
    };
    match wanted.blocks.is_empty() {
        true => Named::Tables(list(&wanted.from, "", "")),
        false => Named::Blocks(list(&wanted.blocks, "[", "]")),
    }
}

fn correct(wanted: &Wanted<'_>) -> NextStep {
    match named(wanted) {
        Named::Tables(tables) => NextStep::MakeWatchedColumns { tables },
        Named::Blocks(blocks) => NextStep::MakeColumns { blocks },
    }
}

fn read_or_correct(wanted: &Wanted<'_>) -> NextStep {
    match named(wanted) {
        Named::Tables(tables) => NextStep::ReadOrMakeWatchedColumns { tables },
        Named::Blocks(blocks) => NextStep::ReadOrMakeColumns { blocks },
    }
}

fn unreadable(wanted: &Wanted<'_>, error: &ServiceNowError) -> ProbeFinding {
    let (verdict, next_step) = match error {
        ServiceNowError::Refused { status: 400 | 404, .. } => {
            let (key, named) = if wanted.blocks.is_empty() { ("target_table", &wanted.from) } else { ("table", &wanted.blocks) };
            let named: Vec<String> = named.iter().map(|name| format!("`{name}`")).collect();
            (ProbeVerdict::Failed, NextStep::CorrectTable { setting: key.to_owned(), named: named.join(", ") })
        }
        ServiceNowError::Forbidden { .. } if wanted.indirect => (ProbeVerdict::Warning, NextStep::ReadIndirect),
        ServiceNowError::Forbidden { .. } => (ProbeVerdict::Failed, NextStep::ReadAndWrite),
        error if error.class() == crate::retry::Class::Permanent => (ProbeVerdict::Failed, NextStep::InstanceRefuses),
        _ => (ProbeVerdict::Unknown, NextStep::InstanceSilent),
    };
    ProbeFinding { table: wanted.table.to_owned(), verdict, message: error.chain().into(), next_step: Some(next_step) }
}

/// A column of the dictionary.
pub(super) struct Column {
    /// Its type, in ServiceNow's word; empty when the dictionary does not show it.
    kind: String,
    /// The most characters of a text.
    pub(super) length: Option<usize>,
}

impl Column {
    /// The type, if a column of it does not keep a text as it is. Other types than these are some kind of text.
    fn no_text(&self) -> Option<&str> {
        const NO_TEXTS: [&str; 15] = [
            "boolean",
            "currency",
            "currency2",
            "date",
            "decimal",
            "due_date",
            "float",
            "glide_date",
            "glide_date_time",
            "glide_duration",
            "glide_time",
            "integer",
            "longint",
            "price",
            "reference",
        ];
        NO_TEXTS.contains(&self.kind.as_str()).then_some(&self.kind)
    }
}

/// The columns of a table and of those it extends; `None` when the dictionary is not readable.
pub(super) async fn dictionary(transport: &Transport, tokens: &dyn TokenSource, table: &str) -> Option<HashMap<String, Column>> {
    let mut tables = vec![table.to_owned()];
    // a parent that cannot be queried may have the columns that are missing here
    while let Some(parent) = parent(transport, tokens, tables.last()?).await.ok()? {
        if tables.len() >= GENERATIONS || tables.contains(&parent) {
            break;
        }
        tables.push(parent);
    }
    let query = encode(&format!("nameIN{}^ORDERBYsys_id", tables.join(",")));
    let path = format!(
        "/api/now/table/sys_dictionary?sysparm_query={query}&sysparm_fields=name,element,internal_type,max_length&sysparm_limit={DICTIONARY}"
    );
    let rows = transport.read(tokens, &path).await.ok()?;
    // a truncated list proves nothing about missing columns
    if rows.len() >= DICTIONARY {
        return None;
    }
    let own = |row: &&Row| row.text("name").is_some_and(|name| tables.iter().any(|table| table == name));
    let column = |row: &Row| {
        let kind = row.text("internal_type").unwrap_or_default().to_owned();
        // only a text is shortened to its length
        let length = row.filled("max_length").filter(|_| kind == "string").and_then(|length| length.parse().ok());
        Column { kind, length }
    };
    let columns: HashMap<String, Column> =
        rows.iter().filter(own).filter_map(|row| Some((row.filled("element")?.to_owned(), column(row)))).collect();
    (!columns.is_empty()).then_some(columns)
}

/// The table that a table extends; `None` when it extends none, or the instance shows no such row.
async fn parent(transport: &Transport, tokens: &dyn TokenSource, table: &str) -> Result<Option<String>, ServiceNowError> {
    let query = encode(&format!("name={table}^ORDERBYsys_id"));
    let path = format!("/api/now/table/sys_db_object?sysparm_query={query}&sysparm_fields=name,super_class.name&sysparm_limit=2");
    let rows = transport.read(tokens, &path).await?;
    let row = rows.iter().find(|row| row.text("name") == Some(table));
    Ok(row.and_then(|row| row.filled("super_class.name")).map(str::to_owned))
}
