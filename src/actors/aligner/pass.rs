//! One comparison, a page at a time: documents, rows and the conflict list in, everything that changes out. Pure.

use std::collections::{BTreeMap, HashMap};

use tracing::error;

use super::key::natural;
use super::rows::Kept;
use crate::definition::align::{Aligned, Fields, Item, ROW, Record, RowState, align};
use crate::definition::plan::{AlignPlan, TargetPlan};
use crate::definition::record::source_key;
use crate::definition::{Definitions, Plan};
use crate::domain::conflict::{ConflictKind as Kind, ConflictState as State};
use crate::domain::delivery::DeliveryAction;
use crate::domain::ids::{ConflictId, DocumentId};
use crate::domain::merge::{BaseVersion, Decided, Side};
use crate::domain::{DocumentKey, FlowId};
use crate::servicenow::same;
use crate::store::{AlignDelivery, AlignedDocument, Compared, ConflictRow, LinkedRow, NewConflict, RowPlace};

/// What holds for every page of a comparison.
pub(super) struct Pass<'a> {
    pub(super) flow: &'a FlowId,
    pub(super) plan: &'a Plan,
    pub(super) definitions: &'a Definitions,
    pub(super) target: &'a TargetPlan,
    pub(super) align: &'a AlignPlan,
    /// Whether the ledger holds all rows, and not only the changed rows and the rows of changed documents.
    pub(super) whole: bool,
    /// Whether the two lists have been matched once.
    pub(super) adopted: bool,
    /// Whether a row without a key must belong to this company.
    pub(super) sole: bool,
}

/// What a document's content becomes in ServiceNow.
#[derive(Debug, Clone)]
pub(super) enum Made {
    /// The record as ServiceNow would hold it.
    Record(Fields),
    /// The definition's conditions exclude it.
    LeftOut,
    /// SYSPRO has it, but its content cannot be read or mapped; the intake has stored a failure for it. Holds the columns of its natural
    /// key where the key alone gives them.
    Unread(Option<Fields>),
}

impl Made {
    /// The columns that identify its row, as far as they are known.
    pub(super) fn known(&self) -> Option<&Fields> {
        match self {
            Self::Record(fields) | Self::Unread(Some(fields)) => Some(fields),
            Self::LeftOut | Self::Unread(None) => None,
        }
    }
}

/// A page of documents and everything that is known of them.
pub(super) struct PageInput {
    /// Each with what its content becomes.
    pub(super) documents: Vec<(AlignedDocument, Made)>,
    /// The rows that may be theirs.
    pub(super) rows: Vec<Kept>,
    /// Entries of the conflict list about these documents.
    pub(super) conflicts: Vec<ConflictRow>,
    /// Values that SYSPRO may have been asked to store, by document and field.
    pub(super) called: HashMap<(DocumentId, String), String>,
}

/// What a page changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) links: Vec<LinkedRow>,
    pub(super) compared: Vec<Compared>,
    pub(super) deliveries: Vec<AlignDelivery>,
    pub(super) withdrawn: Vec<DocumentId>,
    pub(super) conflicts: Vec<NewConflict>,
    pub(super) closed: Vec<(ConflictId, &'static str)>,
    /// Values that SYSPRO was asked to store and now shows.
    pub(super) arrived: Vec<(DocumentId, String)>,
    /// Records that change or vanish without a person's decision.
    pub(super) by_itself: usize,
    /// Rows that were found for documents, by sys_id: no other document may have them.
    pub(super) claims: Vec<(String, DocumentId)>,
    /// A document cannot be read, and any row may be its row.
    pub(super) any_row: bool,
}

impl Changes {
    /// Nothing is to be written.
    pub(super) fn is_empty(&self) -> bool {
        let Self { links, compared, deliveries, withdrawn, conflicts, closed, arrived, by_itself: _, claims: _, any_row: _ } = self;
        links.is_empty()
            && compared.is_empty()
            && deliveries.is_empty()
            && withdrawn.is_empty()
            && conflicts.is_empty()
            && closed.is_empty()
            && arrived.is_empty()
    }
}

/// What is known of the rows.
struct Rows<'a> {
    by_id: HashMap<&'a str, &'a Kept>,
    by_key: HashMap<&'a str, &'a Kept>,
    by_natural: HashMap<&'a str, Vec<&'a Kept>>,
    /// The document that has the row.
    owner: HashMap<&'a str, DocumentId>,
}

impl<'a> Rows<'a> {
    fn of(kept: &'a [Kept]) -> Self {
        let mut rows = Self { by_id: HashMap::new(), by_key: HashMap::new(), by_natural: HashMap::new(), owner: HashMap::new() };
        for row in kept {
            rows.by_id.insert(&row.sys_id, row);
            if !row.key.is_empty() {
                rows.by_key.insert(&row.key, row);
            }
            if let Some(natural) = &row.natural {
                rows.by_natural.entry(natural).or_default().push(row);
            }
            if let Some(document) = row.document {
                rows.owner.insert(&row.sys_id, document);
            }
        }
        rows
    }

    fn free(&self, row: &Kept, document: DocumentId) -> bool {
        self.owner.get(row.sys_id.as_str()).is_none_or(|owner| *owner == document)
    }

    fn claim(&mut self, row: &'a Kept, document: DocumentId, changes: &mut Changes) {
        if self.owner.insert(&row.sys_id, document) != Some(document) {
            changes.claims.push((row.sys_id.clone(), document));
        }
    }
}

/// What a new row with the code of a deleted one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SameCode {
    /// Another record, until a person decides otherwise.
    AnotherRecord,
    /// The record: a person decided that it is created again.
    ThisRecord,
}

/// The row of a document.
enum Match<'a> {
    Row(&'a Kept),
    Found(&'a Kept),
    Missing,
    Never,
    Several(Vec<&'a Kept>),
}

impl Pass<'_> {
    /// Compares a page of documents with their rows.
    pub(super) fn documents(&self, page_input: &PageInput) -> Changes {
        let mut changes = Changes::default();
        let mut rows = Rows::of(&page_input.rows);
        let mut by_subject: HashMap<&str, Vec<&ConflictRow>> = HashMap::new();
        for conflict in &page_input.conflicts {
            by_subject.entry(conflict.subject.as_str()).or_default().push(conflict);
        }
        for (document, made) in &page_input.documents {
            let subject = document.id.to_string();
            let conflicts = by_subject.remove(subject.as_str()).unwrap_or_default();
            self.document(document, made, &page_input.called, &subject, &conflicts, &mut rows, &mut changes);
        }
        changes
    }

    #[expect(clippy::too_many_arguments, reason = "one document with all that is known of it")]
    fn document<'s>(
        &self,
        document: &AlignedDocument,
        made: &Made,
        called: &HashMap<(DocumentId, String), String>,
        subject: &str,
        conflicts: &[&ConflictRow],
        rows: &mut Rows<'s>,
        changes: &mut Changes,
    ) {
        let touched = document.again || document.compared != Some(document.version) || !conflicts.is_empty();
        let row_seen = document.sys_id.as_deref().is_some_and(|id| rows.by_id.contains_key(id));
        if !(self.whole || touched || row_seen) {
            return;
        }
        let later = |version| Compared { document_id: document.id, version, fields: "{}".into(), again: true };
        if document.busy {
            // deliveries in progress are settled first: what this run has read may be older than they are
            return changes.compared.push(later(document.compared.unwrap_or(0)));
        }
        let nothing = Fields::new();
        let syspro = match made {
            Made::Record(fields) => fields,
            // its former content does not matter any more
            Made::LeftOut | Made::Unread(_) if document.deleted => &nothing,
            Made::LeftOut => {
                if document.unsent.is_some() {
                    changes.withdrawn.push(document.id);
                }
                return changes.closed.extend(conflicts.iter().map(|conflict| (conflict.id, "the definition leaves its record out")));
            }
            Made::Unread(known) => return self.unread(document, known.as_ref(), conflicts, rows, changes),
        };
        if !self.whole && document.sys_id.is_none() && !document.deleted {
            return;
        }
        // the decision to create the record was made once and carried out: a row that has vanished since needs a new decision
        let made = |conflict: &&&ConflictRow| document.sys_id.is_some() && conflict.kind == Kind::OnlySyspro;
        let open: Vec<&ConflictRow> = conflicts.iter().filter(|conflict| !made(conflict)).copied().collect();
        let decided = decided(&open);
        let recreated = decided.get(ROW).is_some_and(|decided| decided.side == Side::Syspro);
        let same_code = if recreated { SameCode::ThisRecord } else { SameCode::AnotherRecord };
        let found = self.find(document, syspro, same_code, rows);
        let (row, state) = match &found {
            Match::Row(row) | Match::Found(row) => (Some(*row), RowState::There(&row.fields)),
            Match::Missing => (None, RowState::Missing),
            Match::Never => (None, RowState::Never),
            Match::Several(several) => {
                several.iter().for_each(|row| rows.claim(row, document.id, changes));
                (None, RowState::Ambiguous)
            }
        };
        let mut agreed: BTreeMap<String, BaseVersion> = match document.agreed.as_deref().map(serde_json::from_str).transpose() {
            Ok(agreed) => agreed.unwrap_or_default(),
            // without the base version, an edit cannot be distinguished from the value before it
            Err(problem) => {
                error!(
                    flow = %self.flow, key = document.key, %problem,
                    "the base version of this record cannot be read from the ledger; the record is not compared until that is repaired"
                );
                return changes.compared.push(later(document.compared.unwrap_or(0)));
            }
        };
        if let Match::Found(row) = &found {
            rows.claim(row, document.id, changes);
            let place = RowPlace { target_table: self.target.target_table.clone(), sys_id: row.sys_id.clone() };
            changes.links.push(LinkedRow { document_id: document.id, row: place });
            // this is another row: it has no base version
            agreed.clear();
        }
        let ours = self.arrived(document, syspro, called, &mut agreed, changes);
        let record = Record { syspro, present: !document.deleted, row: state, agreed: &agreed, decided: &decided, adopted: self.adopted };
        let mut aligned = align(self.target, self.align, record, &same);
        for (field, pair) in ours {
            aligned.pairs.entry(field).or_insert(pair);
        }
        let changed = self.put(document, &aligned, changes) | self.list(document, subject, row, conflicts, &aligned.items, changes);
        changes.by_itself += usize::from(changed && aligned.by_itself > 0);
        let fields = serde_json::to_string(&aligned.pairs).unwrap_or_else(|_| "{}".into());
        let idle = document.compared == Some(document.version) && !document.again && aligned.pairs.is_empty();
        if !idle {
            changes.compared.push(Compared { document_id: document.id, version: document.version, fields, again: false });
        }
    }

    /// SYSPRO has the record, but its content is not known: nothing is compared or written until it can be read. Its entries in the
    /// conflict list are removed, because they compare values that are no longer known. A row that may be its row is not treated as missing
    /// in SYSPRO.
    fn unread<'s>(
        &self,
        document: &AlignedDocument,
        known: Option<&Fields>,
        conflicts: &[&ConflictRow],
        rows: &mut Rows<'s>,
        changes: &mut Changes,
    ) {
        changes.closed.extend(conflicts.iter().map(|conflict| (conflict.id, "its record in SYSPRO cannot be read")));
        match self.find(document, known.unwrap_or(&Fields::new()), SameCode::AnotherRecord, rows) {
            Match::Row(_) => {}
            Match::Found(row) => rows.claim(row, document.id, changes),
            Match::Several(several) => several.iter().for_each(|row| rows.claim(row, document.id, changes)),
            Match::Missing | Match::Never => changes.any_row |= document.sys_id.is_none() && known.is_none(),
        }
    }

    /// What SYSPRO shows because Tieline asked for it becomes the base version. A later edit in ServiceNow is then compared with this value
    /// and not with the one before.
    fn arrived(
        &self,
        document: &AlignedDocument,
        syspro: &Fields,
        called: &HashMap<(DocumentId, String), String>,
        agreed: &mut BTreeMap<String, BaseVersion>,
        changes: &mut Changes,
    ) -> Vec<(String, BaseVersion)> {
        let mut ours = Vec::new();
        for field in &self.align.fields {
            let Some(wanted) = called.get(&(document.id, field.name.clone())) else { continue };
            if syspro.get(&field.name).is_some_and(|now| same(self.target.form(&field.name), now, wanted)) {
                let pair = BaseVersion { syspro: syspro[&field.name].clone(), servicenow: wanted.clone() };
                agreed.insert(field.name.clone(), pair.clone());
                changes.arrived.push((document.id, field.name.clone()));
                ours.push((field.name.clone(), pair));
            }
        }
        ours
    }

    /// What SYSPRO's content becomes in ServiceNow.
    pub(super) fn made(&self, document: &AlignedDocument) -> Made {
        let key = DocumentKey::from_text(&document.key);
        let content = self.plan.content_from_json(key.clone(), &document.content).ok();
        let Some(mapped) = content.and_then(|content| self.plan.map(&self.flow.company, &content, &self.definitions.code_lists).ok())
        else {
            let known = || self.plan.natural_of_key(&self.flow.company, self.target, &key, &self.definitions.code_lists);
            // a placeholder for a row without a key is not the key of a record
            return Made::Unread(if key.stands_for_a_row() { None } else { known() });
        };
        let record = mapped.records.into_iter().find(|record| self.plan.targets[record.target].block == self.target.block);
        record.map_or(Made::LeftOut, |record| Made::Record(record.fields.to_map()))
    }

    /// The natural key of a record as text, as rows are stored by it; `None` when a part of it is empty.
    pub(super) fn natural(&self, fields: &Fields) -> Option<String> {
        natural(self.target, |column| fields.get(column).map(String::as_str))
    }

    fn find<'s>(&self, document: &AlignedDocument, syspro: &Fields, same_code: SameCode, rows: &Rows<'s>) -> Match<'s> {
        if let Some(row) = document.sys_id.as_deref().and_then(|id| rows.by_id.get(id)) {
            return Match::Row(row);
        }
        let without = if document.sys_id.is_some() { Match::Missing } else { Match::Never };
        if !self.whole {
            return without;
        }
        let key = source_key(&self.flow.company, &self.flow.entity, &DocumentKey::from_text(&document.key), "");
        if let Some(row) = rows.by_key.get(key.as_str()).filter(|row| rows.free(row, document.id)) {
            return Match::Found(row);
        }
        if document.sys_id.is_some() && same_code == SameCode::AnotherRecord {
            return without;
        }
        let natural = self.natural(syspro).and_then(|natural| rows.by_natural.get(natural.as_str()));
        let free: Vec<&Kept> = natural.into_iter().flatten().copied().filter(|row| rows.free(row, document.id)).collect();
        match free.as_slice() {
            [] => without,
            [row] => Match::Found(row),
            _ => Match::Several(free),
        }
    }

    /// Queues what is to be sent; answers whether anything changed.
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
            action: if send.gone { DeliveryAction::Gone } else { DeliveryAction::Upsert },
            payload: text(&send.fields),
            expects: send.expects.as_ref().map(text),
        };
        // queued already, or refused before: sending the same again would change nothing
        let same = document.unsent.as_deref() == Some(delivery.payload.as_str())
            && document.unsent_action == Some(delivery.action)
            && document.unsent_expects == delivery.expects;
        if !same {
            changes.deliveries.push(delivery);
        }
        !same
    }

    /// Updates the entries of the conflict list for one document; answers whether anything changed.
    fn list(
        &self,
        document: &AlignedDocument,
        subject: &str,
        row: Option<&Kept>,
        conflicts: &[&ConflictRow],
        items: &[Item],
        changes: &mut Changes,
    ) -> bool {
        let before = changes.conflicts.len();
        for item in items {
            let known = conflicts.iter().find(|conflict| conflict.field == item.field);
            if known.is_some_and(|known| is_same(known, item)) {
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
        let over = conflicts.iter().filter(|conflict| !items.iter().any(|item| item.field == conflict.field));
        changes.closed.extend(over.map(|conflict| (conflict.id, "in step")));
        changes.conflicts.len() > before
    }

    /// Whether a row without a document belongs to this flow and is in use.
    fn alone(&self, row: &Kept) -> bool {
        let own = format!("{}/{}/", self.flow.company, self.flow.entity);
        let ours = if row.key.is_empty() { self.sole } else { row.key.starts_with(&own) };
        let inactive = self.align.inactive.iter().any(|(column, text)| row.fields.get(column).is_some_and(|value| value.trim() == text));
        ours && !inactive
    }

    /// Removes entries about rows that have a document by now or have vanished; `rows` are those that still have no document.
    pub(super) fn no_longer_alone(&self, conflicts: &[ConflictRow], rows: &[Kept]) -> Changes {
        let alone = |conflict: &&ConflictRow| rows.iter().any(|row| row.sys_id == conflict.subject && self.alone(row));
        let closed = conflicts.iter().filter(|conflict| !alone(conflict)).map(|conflict| (conflict.id, "no longer alone")).collect();
        Changes { closed, ..Changes::default() }
    }

    /// Removes entries about rows that may belong to a record that cannot be read.
    pub(super) fn perhaps_not_alone(&self, conflicts: &[ConflictRow]) -> Changes {
        let closed = conflicts.iter().map(|conflict| (conflict.id, "it may be a record of SYSPRO that cannot be read")).collect();
        Changes { closed, ..Changes::default() }
    }

    /// Rows that have no document.
    pub(super) fn rows_alone(&self, rows: &[Kept], conflicts: &[ConflictRow]) -> Changes {
        let mut changes = Changes::default();
        for row in rows.iter().filter(|row| self.alone(row)) {
            let own: Vec<&ConflictRow> = conflicts.iter().filter(|conflict| conflict.subject == row.sys_id).collect();
            let side = decided(&own).get(ROW).map(|decided| decided.side);
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
            if own.iter().any(|known| is_same(known, &item)) {
                continue;
            }
            changes.by_itself += usize::from(self.adopted && side.is_none() && own.is_empty());
            let natural: Vec<&str> =
                self.target.natural_key.iter().filter_map(|column| row.fields.get(column).map(String::as_str)).collect();
            changes.conflicts.push(NewConflict {
                subject: row.sys_id.clone(),
                document_id: None,
                key: if row.key.is_empty() { natural.join("/") } else { row.key.clone() },
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
        changes
    }
}

/// What people decided about a record, by field.
fn decided(conflicts: &[&ConflictRow]) -> BTreeMap<String, Decided> {
    let one = |conflict: &&ConflictRow| {
        let decided = Decided { side: conflict.side?, syspro: conflict.syspro.clone(), servicenow: conflict.servicenow.clone() };
        Some((conflict.field.clone(), decided))
    };
    conflicts.iter().filter_map(one).collect()
}

/// Whether the conflict list already has this entry with the same values.
fn is_same(known: &ConflictRow, item: &Item) -> bool {
    let values = known.syspro == item.syspro && known.servicenow == item.servicenow;
    values && known.kind == item.kind && known.state == item.state
}
