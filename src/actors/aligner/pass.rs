//! One run of an alignment: documents, rows and the conflict list in, everything that changes out. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::definition::align::{Aligned, Fields, Item, Kind, ROW, Record, RowState, State, align};
use crate::definition::plan::{AlignPlan, TargetPlan};
use crate::definition::record::source_key;
use crate::definition::{Definitions, Plan};
use crate::domain::merge::{Agreed, Decided, Side};
use crate::domain::{DocumentKey, FlowId};
use crate::servicenow::{Listed, same_value};
use crate::store::{AlignDelivery, AlignedDocument, Compared, ConflictRow, NewConflict};

/// What a run knows.
pub(super) struct Pass<'a> {
    pub(super) flow: &'a FlowId,
    pub(super) plan: &'a Plan,
    pub(super) definitions: &'a Definitions,
    pub(super) target: &'a TargetPlan,
    pub(super) align: &'a AlignPlan,
    /// Every document of the flow.
    pub(super) documents: &'a [AlignedDocument],
    /// Every row, or those that changed and those of documents that changed.
    pub(super) rows: &'a [Listed],
    /// Whether these are all rows.
    pub(super) whole: bool,
    /// Whether the two lists have been put in step.
    pub(super) adopted: bool,
    /// Whether a row without a key must belong to this company.
    pub(super) sole: bool,
    /// Rows that belong to other flows.
    pub(super) others: &'a HashSet<String>,
    /// What is not closed.
    pub(super) standing: &'a [ConflictRow],
    /// What SYSPRO may have been asked to store, by document and field.
    pub(super) called: &'a HashMap<(i64, String), String>,
}

/// What a run changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) links: Vec<(i64, String, String)>,
    pub(super) compared: Vec<Compared>,
    pub(super) deliveries: Vec<AlignDelivery>,
    pub(super) withdrawn: Vec<i64>,
    pub(super) conflicts: Vec<NewConflict>,
    pub(super) closed: Vec<(i64, &'static str)>,
    /// What SYSPRO was asked to store, and shows.
    pub(super) arrived: Vec<(i64, String)>,
    /// Records that change, or vanish, without a person having said so.
    pub(super) by_itself: usize,
    /// Records that SYSPRO has.
    pub(super) list: usize,
    /// Nothing is left that must be decided before the lists are in step.
    pub(super) in_step: bool,
}

/// What is known of the rows.
struct Rows<'a> {
    by_id: HashMap<&'a str, &'a Listed>,
    by_key: HashMap<&'a str, &'a Listed>,
    by_natural: HashMap<Vec<&'a str>, Vec<&'a Listed>>,
}

/// Which row is a document's.
enum Match<'a> {
    Row(&'a Listed),
    Found(&'a Listed),
    Missing,
    Never,
    Several(Vec<&'a Listed>),
}

impl<'a> Pass<'a> {
    /// Compares every document that may have changed on either side.
    pub(super) fn run(&self) -> Changes {
        let mut changes = Changes { list: self.documents.iter().filter(|d| !d.deleted).count(), ..Changes::default() };
        let rows = self.index();
        let mut claimed: HashSet<&str> = self.documents.iter().filter_map(|document| document.sys_id.as_deref()).collect();
        let mut standing: HashMap<&str, Vec<&ConflictRow>> = HashMap::new();
        for conflict in self.standing {
            standing.entry(conflict.subject.as_str()).or_default().push(conflict);
        }
        for document in self.documents {
            let subject = document.id.to_string();
            let stands = standing.remove(subject.as_str()).unwrap_or_default();
            self.document(document, &subject, &stands, &rows, &mut claimed, &mut changes);
        }
        if self.whole {
            self.rows_alone(&claimed, &mut standing, &mut changes);
        }
        changes.in_step = self.whole && !self.documents.is_empty() && !self.undecided(&changes);
        changes
    }

    fn index(&self) -> Rows<'a> {
        let of = |row: &'a Listed, column: &str| row.fields.get(column).map_or("", |text| text.trim());
        let mut rows = Rows { by_id: HashMap::new(), by_key: HashMap::new(), by_natural: HashMap::new() };
        for row in self.rows {
            rows.by_id.insert(&row.sys_id, row);
            let key = self.target.key_column.as_deref().map_or("", |column| of(row, column));
            if !key.is_empty() {
                rows.by_key.insert(key, row);
            } else if !self.others.contains(&row.sys_id) {
                let natural: Vec<&str> = self.target.natural_key.iter().map(|column| of(row, column)).collect();
                if natural.iter().all(|text| !text.is_empty()) {
                    rows.by_natural.entry(natural).or_default().push(row);
                }
            }
        }
        rows
    }

    fn document(
        &self,
        document: &AlignedDocument,
        subject: &str,
        stands: &[&ConflictRow],
        rows: &Rows<'a>,
        claimed: &mut HashSet<&'a str>,
        changes: &mut Changes,
    ) {
        let touched = document.again || document.compared != Some(document.version) || !stands.is_empty();
        let row_seen = document.sys_id.as_deref().is_some_and(|id| rows.by_id.contains_key(id));
        if !(self.whole || touched || row_seen) {
            return;
        }
        let later = |version| Compared { document_id: document.id, version, fields: "{}".into(), again: true };
        if document.busy {
            // what is on its way is settled first; this run's reading may be older than it
            return changes.compared.push(later(document.compared.unwrap_or(0)));
        }
        let Some(syspro) = self.mapped(document) else { return };
        if !self.whole && document.sys_id.is_none() {
            return;
        }
        let decided = decided(stands);
        let remade = decided.get(ROW).is_some_and(|decided| decided.side == Side::Syspro);
        let found = self.find(document, &syspro, remade, rows, claimed);
        let (row, state) = match &found {
            Match::Row(row) | Match::Found(row) => (Some(*row), RowState::There(&row.fields)),
            Match::Missing => (None, RowState::Missing),
            Match::Never => (None, RowState::Never),
            Match::Several(rows) => {
                claimed.extend(rows.iter().map(|row| row.sys_id.as_str()));
                (None, RowState::Ambiguous)
            }
        };
        let mut agreed: BTreeMap<String, Agreed> =
            document.agreed.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if let Match::Found(row) = &found {
            claimed.insert(&row.sys_id);
            changes.links.push((document.id, row.sys_id.clone(), self.target.target_table.clone()));
            // another row: nothing was ever agreed about it
            agreed.clear();
        }
        let ours = self.arrived(document, &syspro, &mut agreed, changes);
        let record =
            Record { syspro: &syspro, present: !document.deleted, row: state, agreed: &agreed, decided: &decided, adopted: self.adopted };
        let mut aligned = align(self.target, self.align, record, &same_value);
        for (field, pair) in ours {
            aligned.pairs.entry(field).or_insert(pair);
        }
        let news = self.put(document, &aligned, changes) | self.list(document, subject, row, stands, &aligned.items, changes);
        changes.by_itself += usize::from(news && aligned.by_itself > 0);
        let fields = serde_json::to_string(&aligned.pairs).unwrap_or_else(|_| "{}".into());
        let idle = document.compared == Some(document.version) && !document.again && aligned.pairs.is_empty();
        if !idle {
            changes.compared.push(Compared { document_id: document.id, version: document.version, fields, again: false });
        }
    }

    /// What SYSPRO shows because we asked it to is agreed: an edit made in ServiceNow since is an edit of that, and not of what was before.
    fn arrived(
        &self,
        document: &AlignedDocument,
        syspro: &Fields,
        agreed: &mut BTreeMap<String, Agreed>,
        changes: &mut Changes,
    ) -> Vec<(String, Agreed)> {
        let mut ours = Vec::new();
        for field in &self.align.fields {
            let Some(wanted) = self.called.get(&(document.id, field.name.clone())) else { continue };
            if syspro.get(&field.name).is_some_and(|now| same_value(now, wanted)) {
                let pair = Agreed { syspro: syspro[&field.name].clone(), servicenow: wanted.clone() };
                agreed.insert(field.name.clone(), pair.clone());
                changes.arrived.push((document.id, field.name.clone()));
                ours.push((field.name.clone(), pair));
            }
        }
        ours
    }

    /// SYSPRO's content as ServiceNow would hold it; `None` when it cannot be mapped, which the intake has parked, or is not carried.
    fn mapped(&self, document: &AlignedDocument) -> Option<Fields> {
        let content = self.plan.content_from_json(DocumentKey::from_text(&document.key), &document.content).ok()?;
        let mapped = self.plan.map(&self.flow.company, &content, &self.definitions.lookups).ok()?;
        mapped.records.into_iter().find(|record| self.plan.targets[record.target].block == self.target.block).map(|record| record.fields)
    }

    fn find(&self, document: &AlignedDocument, syspro: &Fields, remade: bool, rows: &Rows<'a>, claimed: &HashSet<&str>) -> Match<'a> {
        if let Some(row) = document.sys_id.as_deref().and_then(|id| rows.by_id.get(id)) {
            return Match::Row(row);
        }
        let without = if document.sys_id.is_some() { Match::Missing } else { Match::Never };
        if !self.whole {
            return without;
        }
        let key = source_key(&self.flow.company, &self.flow.entity, &DocumentKey::from_text(&document.key), "");
        if let Some(row) = rows.by_key.get(key.as_str()).filter(|row| !claimed.contains(row.sys_id.as_str())) {
            return Match::Found(row);
        }
        // a row of the same code in the place of one that was deleted is another record until a person says that it is not
        if document.sys_id.is_some() && !remade {
            return without;
        }
        let natural: Option<Vec<&str>> = self.target.natural_key.iter().map(|column| syspro.get(column).map(|text| text.trim())).collect();
        let free: Vec<&Listed> = natural
            .and_then(|natural| rows.by_natural.get(&natural))
            .into_iter()
            .flatten()
            .copied()
            .filter(|row| !claimed.contains(row.sys_id.as_str()))
            .collect();
        match free.as_slice() {
            [] => without,
            [row] => Match::Found(row),
            _ => Match::Several(free),
        }
    }

    /// What is to be sent; says whether that is news.
    fn put(&self, document: &AlignedDocument, aligned: &Aligned, changes: &mut Changes) -> bool {
        let Some(send) = &aligned.send else {
            if document.unsent.is_some() {
                changes.withdrawn.push(document.id);
            }
            return false;
        };
        let text = |fields: &Fields| serde_json::to_string(fields).unwrap_or_default();
        let delivery = AlignDelivery {
            document_id: document.id,
            version: document.version,
            action: if send.gone { "gone" } else { "upsert" },
            payload: text(&send.fields),
            expects: send.expects.as_ref().map(text),
        };
        // due already, or refused before: the same once more would change nothing
        let same = document.unsent.as_deref() == Some(delivery.payload.as_str())
            && document.unsent_action.as_deref() == Some(delivery.action)
            && document.unsent_expects == delivery.expects;
        if !same {
            changes.deliveries.push(delivery);
        }
        !same
    }

    /// What stands in the conflict list of one document, and what leaves it; says whether there is news.
    fn list(
        &self,
        document: &AlignedDocument,
        subject: &str,
        row: Option<&Listed>,
        stands: &[&ConflictRow],
        items: &[Item],
        changes: &mut Changes,
    ) -> bool {
        let before = changes.conflicts.len();
        for item in items {
            let known = stands.iter().find(|conflict| conflict.field == item.field);
            if known.is_some_and(|known| stands_so(known, item)) {
                continue;
            }
            changes.conflicts.push(NewConflict {
                subject: subject.to_owned(),
                document_id: Some(document.id),
                key: document.key.clone(),
                sys_id: row.map(|row| row.sys_id.clone()).or_else(|| document.sys_id.clone()),
                field: item.field.clone(),
                source: self.align.fields.iter().find(|field| field.name == item.field).and_then(|field| field.column.clone()),
                kind: item.kind.as_str(),
                state: item.state.as_str(),
                agreed: item.agreed.clone(),
                syspro: item.syspro.clone(),
                syspro_at: Some(document.read_at),
                servicenow: item.servicenow.clone(),
                servicenow_at: row.and_then(|row| row.updated_at),
            });
        }
        let over = stands.iter().filter(|conflict| !items.iter().any(|item| item.field == conflict.field));
        changes.closed.extend(over.map(|conflict| (conflict.id, "in step")));
        changes.conflicts.len() > before
    }

    /// Rows that no document belongs to.
    fn rows_alone(&self, claimed: &HashSet<&str>, standing: &mut HashMap<&str, Vec<&ConflictRow>>, changes: &mut Changes) {
        let own = format!("{}/{}/", self.flow.company, self.flow.entity);
        for row in self.rows.iter().filter(|row| !claimed.contains(row.sys_id.as_str())) {
            let key = self.target.key_column.as_deref().and_then(|column| row.fields.get(column)).map_or("", |text| text.trim());
            let ours = if key.is_empty() { self.sole && !self.others.contains(&row.sys_id) } else { key.starts_with(&own) };
            let inactive =
                self.align.inactive.iter().any(|(column, text)| row.fields.get(column).is_some_and(|value| value.trim() == text));
            if !ours || inactive {
                continue;
            }
            let stands = standing.remove(row.sys_id.as_str()).unwrap_or_default();
            let side = decided(&stands).get(ROW).map(|decided| decided.side);
            let state = match side.or_else(|| self.align.rule.side().filter(|side| *side == Side::ServiceNow)) {
                Some(Side::ServiceNow) => State::ToApply,
                Some(Side::Syspro) => State::Decided,
                None if self.adopted => State::ToApply,
                None => State::Open,
            };
            let said: Vec<String> =
                self.target.fields.iter().filter_map(|field| Some(format!("{} = {}", field.name, row.fields.get(&field.name)?))).collect();
            let item = Item {
                field: ROW.into(),
                kind: Kind::OnlyServiceNow,
                state,
                agreed: None,
                syspro: "gone".into(),
                servicenow: said.join(", "),
            };
            if stands.iter().any(|known| stands_so(known, &item)) {
                continue;
            }
            changes.by_itself += usize::from(self.adopted && side.is_none() && stands.is_empty());
            let natural: Vec<&str> =
                self.target.natural_key.iter().filter_map(|column| row.fields.get(column).map(String::as_str)).collect();
            changes.conflicts.push(NewConflict {
                subject: row.sys_id.clone(),
                document_id: None,
                key: if key.is_empty() { natural.join("/") } else { key.to_owned() },
                sys_id: Some(row.sys_id.clone()),
                field: item.field,
                source: None,
                kind: item.kind.as_str(),
                state: item.state.as_str(),
                agreed: None,
                syspro: item.syspro,
                syspro_at: None,
                servicenow: item.servicenow,
                servicenow_at: row.updated_at,
            });
        }
        // rows that are a document's by now, or gone
        changes.closed.extend(standing.values().flatten().map(|conflict| (conflict.id, "no longer alone")));
        standing.clear();
    }

    /// Whether anything of a first contact is left open.
    fn undecided(&self, changes: &Changes) -> bool {
        let first = |kind: &str| ["first_contact", "only_syspro", "only_servicenow", "ambiguous"].contains(&kind);
        let new = changes.conflicts.iter().any(|conflict| conflict.state == "open" && first(conflict.kind));
        let closed: HashSet<i64> = changes.closed.iter().map(|(id, _)| *id).collect();
        let replaced: HashSet<(&str, &str)> = changes.conflicts.iter().map(|c| (c.subject.as_str(), c.field.as_str())).collect();
        new || self.standing.iter().any(|conflict| {
            conflict.state == "open"
                && first(&conflict.kind)
                && !closed.contains(&conflict.id)
                && !replaced.contains(&(conflict.subject.as_str(), conflict.field.as_str()))
        })
    }
}

/// What persons decided about a record, by field.
fn decided(stands: &[&ConflictRow]) -> BTreeMap<String, Decided> {
    let side = |conflict: &ConflictRow| conflict.side.as_deref().and_then(|side| side.parse().ok());
    let one = |conflict: &&ConflictRow| {
        let decided = Decided { side: side(conflict)?, syspro: conflict.syspro.clone(), servicenow: conflict.servicenow.clone() };
        Some((conflict.field.clone(), decided))
    };
    stands.iter().filter_map(one).collect()
}

fn stands_so(known: &ConflictRow, item: &Item) -> bool {
    let values = known.syspro == item.syspro && known.servicenow == item.servicenow;
    values && known.kind == item.kind.as_str() && known.state == item.state.as_str()
}

/// The newest change among rows.
pub(super) fn newest(rows: &[Listed]) -> Option<DateTime<Utc>> {
    rows.iter().filter_map(|row| row.updated_at).max()
}
