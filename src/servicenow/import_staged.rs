//! Finds values that a staging table, or the table behind its transform, does not store completely. The answer shows no field, so the rows
//! of some records are read back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tracing::debug;

use crate::definition::plan::TargetPlan;
use crate::domain::SysId;

use super::compare::{differences, keeps_less};
use super::outcome::{FieldDifference, How, OutRecord, Outcome, RecordResult, Written};
use super::query::{self, columns};
use super::staging::{self, staged};
use super::staging_proof::Size;
use super::token::TokenSource;
use super::transport::Transport;

/// The number of records of a batch whose staging rows are read, as long as a column of the staging table is not proven.
const SAMPLE: usize = 20;

/// A staging table silently drops columns that it does not have, and shortens texts that are longer than their column. So the staging rows
/// of some records are read back until each written column has been seen filled. The row of every record with the longest text of a column
/// so far is read back as well. If one row shows a difference, the rows of the whole batch are read.
pub(super) async fn staged_as_sent(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    records: &[OutRecord],
    verdicts: &mut [RecordResult],
) {
    let Some(key_column) = target.key_column.as_deref() else { return };
    // do not send more requests to an instance that asks for a pause
    if verdicts
        .iter()
        .any(|verdict| !matches!(verdict, Ok(outcome) if !matches!(outcome, Outcome::Deferred { .. } | Outcome::Unknown { .. })))
    {
        return;
    }
    let transport = &transport.impatient();
    let confirmed: Vec<usize> =
        (0..records.len()).filter(|at| matches!(&verdicts[*at], Ok(Outcome::Confirmed { how, .. }) if *how != How::Unchanged)).collect();
    if transport.learned().proof.has_given_up(target) {
        return;
    }
    let fields: BTreeMap<usize, Written<'_>> = confirmed.iter().map(|at| (*at, filled(target, &records[*at]))).collect();
    let open = transport.learned().proof.open(target, &fields);
    let longest = transport.learned().proof.longest(target, &fields);
    let sample: BTreeSet<usize> = open.unseen.iter().copied().take(SAMPLE).chain(longest).collect();
    let rest: Vec<usize> = open.unseen.union(&open.longer).copied().filter(|at| !sample.contains(at)).collect();
    for (ats, more) in [(sample.into_iter().collect(), true), (rest, false)] {
        if ats.is_empty() {
            return;
        }
        let keys: Vec<&str> = ats.iter().map(|at| records[*at].source_key.as_str()).collect();
        let rows = match staging::rows_by_key(transport, tokens, target, key_column, &keys, columns(target)).await {
            Ok(rows) => rows,
            Err(error) if error.passes() => return,
            Err(error) => return transport.learned().proof.give_up(target, &error.chain()),
        };
        if rows.is_empty() {
            return transport.learned().proof.missed(target);
        }
        let mut less = kept_less(transport, tokens, target, &ats, &fields, verdicts).await;
        let mut different = false;
        for at in ats {
            let newest = rows
                .get(records[at].source_key.as_str())
                .and_then(|rows| rows.iter().find(|row| staging::of_version(target, row, &records[at].version).unwrap_or(true)));
            let Some(row) = newest else { continue };
            let sent = &fields[&at];
            let mut found = differences(target, sent.iter(), row);
            let less = less.remove(&at).unwrap_or_default();
            let new = less.into_iter().filter(|d| found.iter().all(|known| known.field != d.field)).collect::<Vec<_>>();
            found.extend(new);
            let difference = |name: &str| found.iter().find(|d| d.field == name);
            let kept = |name: &str| difference(name).is_none_or(|d| !d.returned.as_deref().unwrap_or_default().trim().is_empty());
            transport.learned().proof.seen(target, sent.iter().map(|(name, _)| name).filter(|name| kept(name)));
            let whole = sent.iter().filter(|(name, _)| difference(name).is_none());
            transport.learned().proof.whole(target, whole.map(|(name, text)| (name, Size::of(text))));
            different |= !found.is_empty();
            if let Ok(Outcome::Confirmed { partial, .. }) = &mut verdicts[at] {
                *partial = found;
            }
        }
        if !different && more {
            return;
        }
    }
}

/// The fields that the tables behind the transform store incompletely: a shortened text, a rounded number. A row that may not be read shows
/// nothing.
async fn kept_less(
    transport: &Transport,
    tokens: &dyn TokenSource,
    target: &TargetPlan,
    ats: &[usize],
    fields: &BTreeMap<usize, Written<'_>>,
    verdicts: &[RecordResult],
) -> HashMap<usize, Vec<FieldDifference>> {
    let mut by_table: BTreeMap<&str, Vec<(usize, &SysId)>> = BTreeMap::new();
    for at in ats {
        if let Ok(Outcome::Confirmed { sys_id, table, .. }) = &verdicts[*at] {
            by_table.entry(table).or_default().push((*at, sys_id));
        }
    }
    let mut less = HashMap::new();
    for (table, rows) in by_table.into_iter().filter(|(table, _)| !table.eq_ignore_ascii_case(&target.table)) {
        let ids: Vec<&str> = rows.iter().map(|(_, id)| id.as_str()).collect();
        let found = match query::find_by_id_in(transport, tokens, target, table, &ids).await {
            Ok(found) => found,
            Err(error) => {
                debug!(table, error = error.chain(), "whether the table keeps what was sent could not be read");
                continue;
            }
        };
        for (at, id) in rows {
            let Some(row) = found.values().find(|row| row.sys_id.names(id)) else { continue };
            let kept_less = |(name, sent): (&str, &str)| {
                let there = row.fields.get(name).filter(|there| keeps_less(target.form(name), sent, there))?;
                Some(FieldDifference { field: name.to_owned(), sent: sent.to_owned(), returned: Some(there.clone()) })
            };
            // a shortened key makes one row of two records; the rows themselves show that
            let told = |name: &str| target.key_column.as_deref() == Some(name);
            less.insert(at, fields[&at].iter().filter(|(name, _)| !told(name)).filter_map(kept_less).collect::<Vec<_>>());
        }
    }
    less
}

/// The values of a record that its staging row must show.
fn filled<'a>(target: &'a TargetPlan, record: &'a OutRecord) -> Written<'a> {
    let mut fields = staged(target, record);
    fields.retain(|name, text| !text.trim().is_empty() && !record.cleared.contains(name));
    fields
}
