//! The controls of a flow's definition: counted over all documents that were read, with those that violate one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::seen::Seen;
use super::work::{AGAIN, FlowWork, Sides, Stop};
use crate::definition::Plan;
use crate::definition::control::{Control, Referred};
use crate::definition::plan::{ControlRule, ExistsControl};
use crate::domain::{Document, DocumentKey};
use crate::store::{NewViolation, StoreError, TieOutControl};

/// Whether a record that is referred to exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Active,
    Inactive,
    Absent,
}

/// The records of other entities that are remembered between pages, such as accounts of the general ledger. A site may have more: then one
/// that was not used for some time is looked up again.
const REMEMBERED: usize = 20_000;

/// Records of other entities, by the place of the control and their key.
type KnownRecords = HashMap<(usize, String), Known>;

/// The controls of one flow, and what they have shown so far.
pub(super) struct Controls {
    counts: Vec<TieOutControl>,
    /// Records of other entities that were looked up in SYSPRO, for each control.
    known: Vec<Seen<Known>>,
}

impl Controls {
    /// Those of a flow, before any document.
    pub(super) fn of(work: &FlowWork<'_>) -> Self {
        let counts = work.plan.read.controls.iter().enumerate().map(|(at, control)| TieOutControl {
            company: work.flow.company.to_string(),
            entity: work.flow.entity.to_string(),
            number: i32::try_from(at + 1).unwrap_or(i32::MAX),
            name: control.name.clone(),
            checked: 0,
            violated: 0,
            unchecked: 0,
            left_out: match &control.rule {
                ControlRule::Exists(exists) if work.definitions.plan(&exists.entity).is_none() => {
                    Some(format!("the entity `{}` is not among those that Tieline copies", exists.entity))
                }
                _ => None,
            },
        });
        let counts: Vec<TieOutControl> = counts.collect();
        let most = REMEMBERED / counts.len().max(1);
        Self { known: counts.iter().map(|_| Seen::of_most(most)).collect(), counts }
    }

    /// Checks a page of documents; `counts`: which of them count.
    pub(super) async fn check(
        &mut self,
        work: &FlowWork<'_>,
        sides: Sides<'_>,
        documents: &[Document],
        counts: &[bool],
    ) -> Result<(), Stop> {
        if self.counts.is_empty() {
            return Ok(());
        }
        let counted: Vec<&Document> = documents.iter().zip(counts).filter(|(_, counts)| **counts).map(|(document, _)| document).collect();
        let found = self.found(work, sides, &counted).await?;
        let violated: Vec<DocumentKey> = found.iter().filter(|(_, one)| !one.is_empty()).map(|(at, _)| counted[*at].key.clone()).collect();
        let mut all = Vec::new();
        let mut add = |counts: &mut Vec<TieOutControl>, document: &Document, found: Vec<NewViolation>| {
            for control in counts.iter_mut().filter(|control| control.left_out.is_none()) {
                let of = |unchecked: bool| found.iter().any(|one| one.number == control.number && one.unchecked == unchecked);
                control.unchecked += i64::from(of(true));
                control.violated += i64::from(of(false));
                control.checked += i64::from(!of(true));
            }
            let key = document.key.shortened().unwrap_or_else(|| document.key.clone());
            all.extend(found.into_iter().map(|one| NewViolation { document_key: key.as_str().to_owned(), ..one }));
        };
        for (at, found) in found.into_iter().filter(|(_, found)| found.is_empty()) {
            add(&mut self.counts, counted[at], found);
        }
        // SYSPRO writes a document in several steps: only what is still so at a second look counts
        for keys in violated.chunks(AGAIN as usize) {
            let link = sides.link;
            let page = link.reader.by_key(&link.credential, &work.flow.company, &work.plan.read, keys).await;
            let page = page.map_err(|error| work.not_read(&error))?;
            let again: Vec<&Document> = page.documents.iter().collect();
            for (at, found) in self.found(work, sides, &again).await? {
                add(&mut self.counts, again[at], found);
            }
        }
        if !all.is_empty() {
            work.process.store.tie_out_violated(work.id, work.flow.clone(), all).await?;
        }
        Ok(())
    }

    /// Stores the counts.
    pub(super) async fn store(self, work: &FlowWork<'_>) -> Result<(), StoreError> {
        if self.counts.is_empty() {
            return Ok(());
        }
        work.process.store.tie_out_controlled(work.id, self.counts).await
    }

    /// What the controls show on each of these documents, by their places.
    async fn found(
        &mut self,
        work: &FlowWork<'_>,
        sides: Sides<'_>,
        documents: &[&Document],
    ) -> Result<Vec<(usize, Vec<NewViolation>)>, Stop> {
        let (company, lists) = (&work.flow.company, &work.definitions.code_lists);
        let shown: Vec<Vec<Control>> = documents.iter().map(|document| work.plan.check_controls(company, document, lists)).collect();
        let mut known = KnownRecords::new();
        for (at, control) in work.plan.read.controls.iter().enumerate() {
            let ControlRule::Exists(exists) = &control.rule else { continue };
            let Some(other) = work.definitions.plan(&exists.entity) else { continue };
            let asked = shown.iter().filter_map(|controls| match controls.get(at)? {
                Control::If(referred) => Some(referred),
                _ => None,
            });
            self.look_up(work, sides, (at, exists, other), asked.flatten(), &mut known).await?;
        }
        let found = shown.into_iter().enumerate().map(|(document, controls)| {
            let violations = controls.into_iter().enumerate().filter(|(at, _)| self.counts[*at].left_out.is_none());
            (document, violations.flat_map(|(at, control)| self.violations(work, &known, at, control)).collect())
        });
        Ok(found.collect())
    }

    /// Looks up in SYSPRO which of these records exist. `known` is what one page needs.
    async fn look_up<'d>(
        &mut self,
        work: &FlowWork<'_>,
        sides: Sides<'_>,
        (at, exists, other): (usize, &ExistsControl, &Plan),
        asked: impl Iterator<Item = &'d Referred>,
        known: &mut KnownRecords,
    ) -> Result<(), Stop> {
        let Some(seen) = self.known.get_mut(at) else { return Ok(()) };
        let mut keys: Vec<DocumentKey> = Vec::new();
        for one in asked {
            if let Entry::Vacant(vacant) = known.entry((at, one.key.as_str().to_owned())) {
                let before = seen.get(one.key.as_str());
                vacant.insert(before.unwrap_or(Known::Absent));
                if before.is_none() {
                    keys.push(one.key.clone());
                }
            }
        }
        for keys in keys.chunks(AGAIN as usize) {
            let page = sides.link.reader.by_key(&sides.link.credential, &work.flow.company, &other.read, keys).await;
            for document in page.map_err(|error| work.not_read(&error))?.documents {
                let active = exists.active.as_ref().is_none_or(|active| active.holds(other, &document));
                known.insert((at, document.key.as_str().to_owned()), if active { Known::Active } else { Known::Inactive });
            }
            for key in keys {
                let found = known.get(&(at, key.as_str().to_owned())).copied().unwrap_or(Known::Absent);
                seen.put(key.as_str().to_owned(), found);
            }
        }
        Ok(())
    }

    fn violations(&self, work: &FlowWork<'_>, known: &KnownRecords, at: usize, control: Control) -> Vec<NewViolation> {
        let number = self.counts[at].number;
        let new = |record_key: String, unchecked: bool, message: String| NewViolation {
            number,
            document_key: String::new(),
            record_key,
            unchecked,
            message,
        };
        match control {
            Control::Holds => Vec::new(),
            Control::Violated(message) => vec![new(String::new(), false, message)],
            Control::Unchecked(message) => vec![new(String::new(), true, message)],
            Control::If(referred) => {
                let Some(ControlRule::Exists(exists)) = work.plan.read.controls.get(at).map(|control| &control.rule) else {
                    return Vec::new();
                };
                let wrong = referred.into_iter().filter_map(|one| {
                    let said = match known.get(&(at, one.key.as_str().to_owned())) {
                        Some(Known::Active) => return None,
                        Some(Known::Inactive) => "is not active",
                        Some(Known::Absent) | None => "does not exist",
                    };
                    let message = format!("`{}` of `{}` {said} in SYSPRO", DocumentKey::shown(one.key.as_str()), exists.entity);
                    Some(new(one.record_key, false, message))
                });
                wrong.collect()
            }
        }
    }
}
