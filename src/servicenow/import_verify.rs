//! Checks import set answers that prove nothing by themselves against the rows: an ignored row, an answer without a row, a second row for
//! one record, fields that should be empty.

use std::collections::{BTreeMap, HashMap};

use tracing::debug;

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;
use crate::domain::next_step::NextStep;
use crate::redact::Quoted;

use super::compare::{differences_found, same_value};
use super::error::ServiceNowError;
use super::import_answer::Answered;
use super::import_staged::staged_as_sent;
use super::outcome::{FieldDifference, Found, How, OutRecord, Outcome, RecordResult, Settled};
use super::query;
use super::token::TokenSource;
use super::transport::Transport;

/// Whether a found row belongs to a record.
#[derive(Debug)]
pub(super) enum RowMatch {
    /// It has this version, or nothing in it contradicts; then the text says what could not be compared.
    Yes(Option<String>),
    /// It has another content.
    No(String),
    /// It has another record's key.
    Other(String),
}

/// Whether a row is this version of a record, by the columns that the row has.
pub(super) fn match_row(target: &TargetPlan, record: &OutRecord, table: &str, found: &Found) -> RowMatch {
    let carried = target.key_column.as_ref().and_then(|column| found.fields.get(column)).map(|key| key.trim());
    if let Some(key) = carried.filter(|key| !key.is_empty() && *key != record.source_key) {
        return RowMatch::Other(key.to_owned());
    }
    // columns of the staging table that the target does not have show nothing
    let common = record.fields.iter().filter(|(name, _)| found.fields.contains_key(*name));
    let compared = common.clone().count();
    let different = differences_found(target, common, &found.fields);
    let first = different.first().map(|d| {
        let there = d.returned.as_deref().unwrap_or_default();
        format!("`{}` is `{there}` there, and `{}` was sent", d.field, d.sent)
    });
    let said = found.version.as_ref().map(|there| (there, there.is(&record.version)));
    match (said, first) {
        (Some((_, Some(true))), _) => RowMatch::Yes(None),
        (Some((there, Some(false))), first) => {
            let first = first.map(|first| format!("; {first}")).unwrap_or_default();
            RowMatch::No(format!("row {} of `{table}` carries version {there}, not {}{first}", found.sys_id, record.version))
        }
        (_, Some(first)) => RowMatch::No(format!("row {} of `{table}` is not as it was sent: {first}", found.sys_id)),
        (said, None) => {
            let column = target.version_column.as_deref().unwrap_or("version column");
            let compared = if compared == 0 { "nothing of the row".to_owned() } else { format!("{compared} columns") };
            RowMatch::Yes(Some(match said {
                Some((there, _)) => {
                    format!("`{column}` of the row is {there}, which says nothing about the content, so {compared} could be compared")
                }
                None => format!("`{table}` has no `{column}`, so {compared} could be compared"),
            }))
        }
    }
}

/// Whether the answer names another row than the one that the ledger has for the record in that table.
fn second_row(record: &OutRecord, table: &str, sys_id: &SysId) -> bool {
    let same_table = record.sys_table.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(table));
    same_table && record.sys_id.as_ref().is_some_and(|known| !known.names(sys_id))
}

/// The rows named by the answers or the ledger, by sys_id, and the rows with the records' keys.
struct Rows {
    by_id: HashMap<String, Found>,
    by_key: Vec<Option<Found>>,
}

impl Rows {
    async fn read(
        transport: &Transport,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        table: &str,
        records: &[&OutRecord],
        named: &[&SysId],
    ) -> Result<Self, ServiceNowError> {
        let mut ids: Vec<&str> = named.iter().map(|id| id.as_str()).collect();
        ids.extend(records.iter().filter_map(|record| record.sys_id.as_deref()));
        ids.sort_unstable();
        ids.dedup();
        let by_id = if ids.is_empty() { HashMap::new() } else { query::find_by_id_in(transport, tokens, target, table, &ids).await? };
        let keys: Vec<String> = records.iter().map(|record| record.source_key.clone()).collect();
        let by_key = match query::find_by_key_in(transport, tokens, target, table, &keys).await {
            Ok(found) => found,
            // a target without the key column is common
            Err(ServiceNowError::UnknownColumn { .. }) => vec![None; keys.len()],
            Err(error) => return Err(error),
        };
        Ok(Self { by_id, by_key })
    }
}

/// One verdict per record. What an answer proves by itself costs nothing; the rest is queried together, table by table.
pub(super) async fn verify(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    answered: Vec<Answered>,
) -> Vec<RecordResult> {
    let mut open: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, answer) in answered.iter().enumerate() {
        match answer {
            Answered::Final(_) => {}
            Answered::Written { sys_id: Some(sys_id), table, .. } if !second_row(&records[at], table, sys_id) => {}
            Answered::Written { table, .. } | Answered::Ignored { table, .. } => open.entry(table).or_default().push(at),
        }
    }
    let mut checked: HashMap<usize, Outcome> = HashMap::new();
    for (table, ats) in open {
        let asked: Vec<&OutRecord> = ats.iter().map(|at| &records[*at]).collect();
        let named = |at: &usize| match &answered[*at] {
            Answered::Written { sys_id, .. } | Answered::Ignored { sys_id, .. } => sys_id.as_ref(),
            Answered::Final(_) => None,
        };
        let named: Vec<&SysId> = ats.iter().filter_map(named).collect();
        let rows = Rows::read(&transport.thorough(), tokens, target, table, &asked, &named).await;
        for (position, at) in ats.into_iter().enumerate() {
            checked.insert(at, by_rows(target, &records[at], &answered[at], table, rows.as_ref().map(|rows| (rows, position))));
        }
    }
    let verdict = |(at, answer)| match (checked.remove(&at), answer) {
        (Some(outcome), _) => Ok(outcome),
        (None, Answered::Final(verdict)) => verdict,
        (None, Answered::Written { sys_id: Some(sys_id), table, how, said }) => {
            Ok(Outcome::Confirmed { sys_id, table, how, partial: Vec::new(), said })
        }
        (None, _) => Ok(Outcome::Unknown { message: "the answer names no row".into() }),
    };
    let mut verdicts: Vec<RecordResult> = answered.into_iter().enumerate().map(verdict).collect();
    staged_as_sent(transport, tokens, target, records, &mut verdicts).await;
    cleared(transport, tokens, target, records, &mut verdicts).await;
    verdicts
}

/// Checks fields that should be empty: a transform map copies empty values only if it is set so, and the rows are therefore read back.
async fn cleared(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    verdicts: &mut [RecordResult],
) {
    let mut open: BTreeMap<String, Vec<(usize, SysId)>> = BTreeMap::new();
    for (at, verdict) in verdicts.iter().enumerate().filter(|(at, _)| !records[*at].cleared.is_empty()) {
        if let Ok(Outcome::Confirmed { sys_id, table, .. }) = verdict {
            open.entry(table.clone()).or_default().push((at, sys_id.clone()));
        }
    }
    for (table, rows) in open {
        let ids: Vec<&str> = rows.iter().map(|(_, id)| id.as_str()).collect();
        let found = query::find_by_id_in(transport, tokens, target, &table, &ids).await;
        for (at, id) in &rows {
            let Ok(Outcome::Confirmed { partial, said, .. }) = &mut verdicts[*at] else { continue };
            match found.as_ref().map(|found| found.get(id.as_str())) {
                Ok(Some(row)) => {
                    for name in &records[*at].cleared {
                        let there = row.fields.get(name).filter(|text| !same_value("", text));
                        let difference =
                            |text: &String| FieldDifference { field: name.clone(), sent: String::new(), returned: Some(text.clone()) };
                        partial.extend(there.map(difference));
                    }
                }
                _ => {
                    let names: Vec<String> = records[*at].cleared.iter().map(|name| format!("`{name}`")).collect();
                    let note = format!("Tieline could not read whether {} is now empty in `{table}`", names.join(", "));
                    *said = Some(said.take().map_or_else(|| note.clone(), |said| format!("{said}; {note}")).into());
                }
            }
        }
    }
}

/// What the rows show about an answer that proves nothing by itself.
fn by_rows(
    target: &TargetPlan,
    record: &OutRecord,
    answer: &Answered,
    table: &str,
    rows: Result<(&Rows, usize), &ServiceNowError>,
) -> Outcome {
    let (rows, position) = match rows {
        Ok(rows) => rows,
        Err(error) if error.passes() => {
            return Outcome::Unknown { message: format!("{}: {}", unverified(answer, table), error.chain()).into() };
        }
        Err(error) => {
            return Outcome::Rejected {
                message: format!("{}: {}", unverified(answer, table), error.chain()).into(),
                field: None,
                next_step: NextStep::RowUnreadable { table: table.to_owned() },
            };
        }
    };
    let by_id = |id: &SysId| rows.by_id.values().find(|found| found.sys_id.names(id));
    let (by_key, own) = (rows.by_key[position].as_ref(), record.sys_id.as_ref().and_then(by_id));
    match answer {
        Answered::Ignored { sys_id, said, .. } => {
            let row = sys_id.as_ref().and_then(by_id).or(by_key).or(own);
            ignored(target, record, table, row, said.as_deref())
        }
        Answered::Written { sys_id: Some(new), how, said, .. } => {
            let old = record.sys_id.as_ref().map(SysId::as_str).unwrap_or_default();
            second(target, record, table, (old, own.is_some()), (new, by_id(new).is_some()), *how, said.clone())
        }
        Answered::Written { sys_id: None, how, said, .. } => match by_key {
            Some(found) => Outcome::Confirmed {
                sys_id: found.sys_id.clone(),
                table: table.to_owned(),
                how: *how,
                partial: Vec::new(),
                said: said.clone(),
            },
            None => Outcome::Unknown { message: format!("the answer names no row, and none in `{table}` carries the key").into() },
        },
        Answered::Final(_) => Outcome::Unknown { message: "answered without a result".into() },
    }
}

/// A record that the transform ignored: it counts as delivered only if a row has this version.
pub(super) fn ignored(target: &TargetPlan, record: &OutRecord, table: &str, row: Option<&Found>, said: Option<&str>) -> Outcome {
    let words = said.map_or_else(|| "without a reason".to_owned(), |said| format!("({said})"));
    let refused = |what: String| Outcome::Rejected {
        message: format!("ServiceNow ignored the record {words}; {what}").into(),
        field: None,
        next_step: NextStep::MapIgnores,
    };
    let Some(found) = row else {
        return refused(format!("no row of `{table}` carries its key `{}`", record.source_key));
    };
    match match_row(target, record, table, found) {
        RowMatch::Yes(note) => Outcome::Confirmed {
            sys_id: found.sys_id.clone(),
            table: table.to_owned(),
            how: How::Unchanged,
            partial: Vec::new(),
            said: [said.map(str::to_owned), note].into_iter().flatten().reduce(|one, other| format!("{one}; {other}")).map(Quoted::from),
        },
        RowMatch::No(what) => refused(what),
        RowMatch::Other(key) => other_record(target, record, table, &found.sys_id, &key),
    }
}

/// A row with another record's key.
pub(super) fn other_record(target: &TargetPlan, record: &OutRecord, table: &str, sys_id: &SysId, key: &str) -> Outcome {
    let column = target.key_column.as_deref().unwrap_or("key column");
    Outcome::Conflict {
        message: format!("row {sys_id} of `{table}` carries the key `{key}` in `{column}`, not `{}`", record.source_key).into(),
        next_step: NextStep::KeyColumnTooShort { column: column.to_owned() },
    }
}

/// An answer with another row than the ledger has: correct only if the former row is gone.
fn second(
    target: &TargetPlan,
    record: &OutRecord,
    table: &str,
    (old, old_there): (&str, bool),
    (new, new_there): (&SysId, bool),
    how: How,
    said: Option<Quoted>,
) -> Outcome {
    if new_there && !old_there {
        debug!(delivery = record.delivery.0, old, new = new.as_str(), "the old row is gone, and a new one replaces it");
        let note = format!("row {old} is no longer there");
        let said = Some(said.map_or_else(|| note.clone(), |said| format!("{said}; {note}")).into());
        return Outcome::Confirmed { sys_id: new.clone(), table: table.to_owned(), how, partial: Vec::new(), said };
    }
    let there = if old_there { "which is still there" } else { "and it is unknown whether that one still exists" };
    let column = target.key_column.as_deref().map_or_else(|| "the key column".to_owned(), |column| format!("`{column}`"));
    Outcome::Conflict {
        message: format!(
            "`{}` was answered with row {new} of `{table}`; until now it was row {old}, {there}: two rows for one record",
            record.source_key
        )
        .into(),
        next_step: NextStep::SecondRow { column },
    }
}

/// The message about an answer that cannot be checked against the rows: the record may be there.
fn unverified(answer: &Answered, table: &str) -> String {
    let (what, said) = match answer {
        Answered::Ignored { said, .. } => ("ServiceNow ignored the record", said.as_deref()),
        Answered::Written { said, .. } => ("ServiceNow answered with another row than before, or with none", said.as_deref()),
        Answered::Final(_) => ("ServiceNow answered without a result", None),
    };
    let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
    format!("{what}{said}, and the row in `{table}` could not be read to see whether it is there")
}

/// Records found by a look-up with another row than the ledger has.
pub(super) async fn second_rows(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    settled: &mut [Settled],
) -> Result<(), ServiceNowError> {
    let mut open: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, one) in settled.iter().enumerate() {
        let Settled::Confirmed { sys_id, table, .. } = one else { continue };
        let table = table.as_deref().unwrap_or(&target.target_table);
        if second_row(&records[at], table, sys_id) {
            open.entry(table.to_owned()).or_default().push(at);
        }
    }
    for (table, ats) in open {
        let named: Vec<SysId> = ats
            .iter()
            .filter_map(|at| if let Settled::Confirmed { sys_id, .. } = &settled[*at] { Some(sys_id.clone()) } else { None })
            .collect();
        let ids: Vec<&str> = named.iter().map(SysId::as_str).chain(ats.iter().filter_map(|at| records[*at].sys_id.as_deref())).collect();
        let rows = match query::find_by_id_in(transport, tokens, target, &table, &ids).await {
            Ok(rows) => rows,
            Err(error) if error.passes() => return Err(error),
            Err(_) => HashMap::new(),
        };
        let there = |id: &str| rows.values().any(|found| found.sys_id.names(id));
        for (at, new) in ats.into_iter().zip(named) {
            let old = records[at].sys_id.as_deref().unwrap_or_default();
            let outcome = second(target, &records[at], &table, (old, there(old)), (&new, there(&new)), How::Updated, None);
            if let Outcome::Conflict { message, next_step } = outcome {
                settled[at] = Settled::Conflict { message, next_step };
            }
        }
    }
    Ok(())
}
