//! Reads ServiceNow's list into the ledger, where it stays during the comparison, and reads it back page by page.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::debug;

use super::key::{fitting, natural};
use super::work::{AlignError, AlignNow, PAGE, Work};
use crate::definition::plan::{AlignPlan, TargetPlan};
use crate::domain::ids::DocumentId;
use crate::domain::run::RunKind;
use crate::servicenow::{ListPosition, Listed};
use crate::store::{AlignedRow, Alignment, StoreError};

/// A row as it is compared.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) sys_id: String,
    pub(super) updated_at: Option<DateTime<Utc>>,
    /// The columns that could be read.
    pub(super) fields: BTreeMap<String, String>,
    /// The value of its key column; may be empty.
    pub(super) key: String,
    /// Its natural key; only for a row without a key.
    pub(super) natural: Option<String>,
    /// The document that has it.
    pub(super) document: Option<DocumentId>,
    /// A document of another flow has it.
    pub(super) of_other: bool,
}

impl Kept {
    /// Converts a row of the ledger.
    pub(super) fn of(row: AlignedRow) -> Result<Self, AlignError> {
        let wrong = |error: serde_json::Error| StoreError::Corrupt {
            what: format!("the columns of row `{}` of ServiceNow's list", row.sys_id),
            problem: error.to_string(),
        };
        let fields = serde_json::from_str(&row.fields).map_err(wrong)?;
        let AlignedRow { sys_id, updated_at, source_key, natural_key, document_id, of_other, .. } = row;
        Ok(Self { sys_id, updated_at, fields, key: source_key, natural: natural_key, document: document_id, of_other })
    }
}

/// Converts a row for the ledger.
fn kept(target: &TargetPlan, row: &Listed) -> AlignedRow {
    let of = |column: &str| row.fields.get(column).map(|text| text.trim());
    let source_key = fitting(target.key_column.as_deref().and_then(of).unwrap_or_default().to_owned());
    let natural_key = if source_key.is_empty() { natural(target, of) } else { None };
    let fields = serde_json::to_string(&row.fields).unwrap_or_else(|_| "{}".into());
    AlignedRow {
        sys_id: row.sys_id.clone(),
        updated_at: row.updated_at,
        fields,
        source_key,
        natural_key,
        document_id: None,
        of_other: false,
    }
}

/// What was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    /// Whether these are all rows of the table.
    pub(super) whole: bool,
    /// The number of rows.
    pub(super) rows: usize,
    /// Every change before this time of the instance's clock was read.
    pub(super) seen_to: Option<DateTime<Utc>>,
}

impl Work {
    /// Reads the rows to be compared into the ledger: all rows, or only the changed rows and the rows of changed documents.
    pub(super) async fn read(
        &self,
        target: &TargetPlan,
        align: &AlignPlan,
        ask: &AlignNow,
        alignment: &Alignment,
    ) -> Result<Read, AlignError> {
        let since = alignment.seen_to.filter(|_| !due_whole(align, alignment, ask.kind));
        let from = since.map(|since| since - TimeDelta::seconds(i64::from(align.overlap_seconds)));
        let ttl = self.parts.lease;
        self.parts.store.aligned_rows_clear(ask.lease.clone(), ttl).await?;
        let begun = Instant::now();
        let mut read = Read { whole: since.is_none(), rows: 0, seen_to: None };
        let mut at = Some(ListPosition::default());
        while let Some(position) = at {
            let (page, next) = self.servicenow.list(&self.tokens, target, align, &self.flow.company, from, position).await?;
            read.seen_to = page.iter().filter_map(|row| row.updated_at).chain(read.seen_to).max();
            read.rows += page.len();
            self.keep(target, ask, &page).await?;
            at = next;
        }
        // a row may change after it was read: only changes before the start of the read are certain to be included
        let took = TimeDelta::from_std(begun.elapsed()).unwrap_or_default();
        read.seen_to = read.seen_to.map(|newest| newest - took);
        if !read.whole {
            read.rows += self.read_by_id(target, align, ask).await?;
        }
        self.parts.store.aligned_rows_own(ask.lease.clone(), ttl).await?;
        debug!(flow = %self.flow, whole = read.whole, rows = read.rows, "the rows to be compared are in the ledger");
        Ok(read)
    }

    async fn keep(&self, target: &TargetPlan, ask: &AlignNow, page: &[Listed]) -> Result<(), AlignError> {
        if page.is_empty() {
            return Ok(());
        }
        let rows = page.iter().map(|row| kept(target, row)).collect();
        Ok(self.parts.store.aligned_rows_put(ask.lease.clone(), self.parts.lease, rows).await?)
    }

    /// Reads unchanged rows of changed documents.
    async fn read_by_id(&self, target: &TargetPlan, align: &AlignPlan, ask: &AlignNow) -> Result<usize, AlignError> {
        let (mut after, mut rows) = (DocumentId::default(), 0);
        loop {
            let page = self.parts.store.aligned_rows_unread(self.flow.clone(), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(rows) };
            after = last.document_id;
            let ids: Vec<String> = page.into_iter().map(|row| row.sys_id).collect();
            let read = self.servicenow.list_by_id(&self.tokens, target, align, &ids).await?;
            rows += read.len();
            self.keep(target, ask, &read).await?;
        }
    }
}

/// Whether the whole list must be read: the interval is over, a person asked for it, or a document has no row yet.
fn due_whole(align: &AlignPlan, alignment: &Alignment, kind: RunKind) -> bool {
    let old = alignment.swept_ago.is_none_or(|ago| ago >= i64::from(align.sweep_hours) * 3600);
    kind == RunKind::Sweep || !alignment.adopted || old || alignment.unlinked
}
