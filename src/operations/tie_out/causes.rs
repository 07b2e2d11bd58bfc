//! Causes that only the two systems can tell: a rule leaves the record out, SYSPRO purged it, ServiceNow hides its row or has not processed
//! it yet.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::work::{Block, FlowWork, Sides, Stop};
use crate::definition::plan::{TargetPlan, WriteMode};
use crate::domain::tie_out::Cause;
use crate::domain::{Document, DocumentKey, Row, Value};
use crate::store::{FoundCause, OneSided};

/// How long ServiceNow's own job may take to process a staged record before a person must look: it runs every 30 minutes.
const PROCESSED_WITHIN: TimeDelta = TimeDelta::hours(2);
/// The name of the case of `gone` for what SYSPRO's period end removes.
const PURGED: &str = "purged";

/// Times for which staged records wait, by their keys.
type Staged = HashMap<String, Option<DateTime<Utc>>>;

impl FlowWork<'_> {
    /// Finds the causes of these documents' differences. `read`: what SYSPRO has of them; `hidden`: the keys of rows that ServiceNow counts
    /// and does not show.
    pub(super) async fn find_causes(
        &self,
        sides: Sides<'_>,
        blocks: &[Block<'_>],
        documents: &[String],
        read: &[Document],
        hidden: &HashSet<String>,
    ) -> Result<(), Stop> {
        let store = &self.process.store;
        let items = store.tie_out_one_sided(self.id, self.flow.clone(), documents.to_vec()).await?;
        if items.is_empty() {
            return Ok(());
        }
        let read: HashMap<&str, &Document> = read.iter().map(|document| (document.key.as_str(), document)).collect();
        let excluded = self.excluded(sides, &items, &read).await?;
        let staged = self.staged(sides, blocks, &items).await;
        let mut found = Vec::new();
        for item in &items {
            let new = |cause: Cause, message: String| FoundCause { id: item.id, cause, message, open: true };
            let document = read.get(item.document_key.as_str()).copied();
            let target = self.plan.targets.iter().find(|target| target.block == item.block);
            let key = self.key_of(&item.document_key, &item.record_key);
            if item.extra {
                let case = || self.plan.gone_marks(&self.last_document(&item.document_key, item.content.as_deref())?).case;
                found.extend(match document {
                    Some(document) => self.withheld(document, target, &item.record_key).map(|why| new(Cause::LeftOut, why)),
                    None if excluded.contains(item.document_key.as_str()) => {
                        self.plan.read.left_out_by(&self.flow.company).map(|why| new(Cause::LeftOut, why))
                    }
                    None => (case().as_deref() == Some(PURGED)).then(|| {
                        new(
                            Cause::Purged,
                            format!("SYSPRO no longer has it, and its last content meets the case `{PURGED}` of the definition"),
                        )
                    }),
                });
            } else if let Some(why) = document.filter(|_| !item.known).and_then(|document| self.before_since(document)) {
                found.push(new(Cause::LeftOut, why));
            } else if hidden.contains(&key) {
                found.push(new(Cause::Hidden, format!("ServiceNow counts a row with the key `{key}` and does not show it")));
            } else if let Some(since) = staged.get(&key) {
                found.push(FoundCause { open: is_late(*since), ..new(Cause::Staged, waited(*since)) });
            }
        }
        if !found.is_empty() {
            store.tie_out_caused(found).await?;
        }
        Ok(())
    }

    /// The documents that SYSPRO has and that the definition's rules exclude from what is read.
    async fn excluded(&self, sides: Sides<'_>, items: &[OneSided], read: &HashMap<&str, &Document>) -> Result<HashSet<String>, Stop> {
        if self.plan.read.left_out_by(&self.flow.company).is_none() {
            return Ok(HashSet::new());
        }
        let wanted: HashSet<&str> =
            items.iter().filter(|item| item.extra).map(|item| item.document_key.as_str()).filter(|key| !read.contains_key(key)).collect();
        let keys: Vec<DocumentKey> = wanted.iter().map(DocumentKey::from_text).collect();
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let bare = self.plan.read.without_rules();
        let page = sides.link.reader.by_key(&sides.link.credential, &self.flow.company, &bare, &keys).await;
        let page = page.map_err(|error| self.not_read(&error))?;
        Ok(page.documents.into_iter().map(|document| document.key.as_str().to_owned()).collect())
    }

    /// Why a document that SYSPRO has makes no such record, if a rule of the profile does that.
    fn withheld(&self, document: &Document, target: Option<&TargetPlan>, record_key: &str) -> Option<String> {
        let target = target?;
        if self.plan.is_withheld(document) {
            return Some("`only_if` of `[header]` leaves the document out".to_owned());
        }
        let child = target.child?;
        let read = self.plan.read.children.get(child)?;
        let key = |row: &Row| String::from(DocumentKey::from_values(read.table.key_at.iter().map(|&at| &row[at])));
        let has = document.children.get(child)?.iter().any(|row| key(row) == record_key);
        has.then(|| format!("`only_if` of `[{}]` leaves the line out", target.block))
    }

    /// Why no run has read a document yet, if all its dates are before `[flows] since`.
    fn before_since(&self, document: &Document) -> Option<String> {
        let since = self.process.settings.flows.since?;
        let root = &self.plan.read.root;
        let own = self.plan.read.changes.iter().filter(|change| change.table == root.table);
        let dates: Vec<NaiveDate> = own
            .flat_map(|change| &change.any_of)
            .filter_map(|name| self.plan.read.columns.iter().position(|column| column == name))
            .filter_map(|at| match document.root.get(at) {
                Some(Value::Date(date)) => Some(*date),
                _ => None,
            })
            .collect();
        let newest = dates.into_iter().max().filter(|date| *date < since)?;
        Some(format!("its newest date is {newest}, and `flows.since` is {since}; a sweep reads it nevertheless"))
    }

    /// The records that ServiceNow has received and not processed, among those that it has no row for.
    async fn staged(&self, sides: Sides<'_>, blocks: &[Block<'_>], items: &[OneSided]) -> Staged {
        let mut all = Staged::new();
        for block in blocks.iter().filter(|block| block.target.write == WriteMode::ImportSet) {
            let of_block = items.iter().filter(|item| !item.extra && item.known && item.block == block.target.block);
            let keys: Vec<String> = of_block.map(|item| self.key_of(&item.document_key, &item.record_key)).collect();
            if !keys.is_empty() {
                // staging rows need not be readable: then the difference has another cause, or none
                all.extend(sides.servicenow.staged(sides.tokens, block.target, &keys).await.unwrap_or_default());
            }
        }
        all
    }
}

fn is_late(since: Option<DateTime<Utc>>) -> bool {
    since.is_some_and(|since| Utc::now() - since > PROCESSED_WITHIN)
}

/// For how long a record has been staged, for people.
fn waited(since: Option<DateTime<Utc>>) -> String {
    let Some(since) = since else { return "ServiceNow has staged it and not processed it".to_owned() };
    let minutes = (Utc::now() - since).num_minutes().max(0);
    let age = match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    };
    format!("staged at {} UTC, {age} ago", since.format("%Y-%m-%d %H:%M"))
}
