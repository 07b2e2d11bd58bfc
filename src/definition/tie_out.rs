//! The records that SYSPRO's current content should make in ServiceNow, each with its fiscal period. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::domain::fiscal::FiscalPeriod;
use crate::domain::{CompanyId, Document, DocumentKey, Row, Value};

use super::code_lists::CodeLists;
use super::map::Mapped;
use super::plan::{Place, Plan};
use super::record::{MapError, TargetRecord};

/// A record with the fiscal period that it belongs to.
#[derive(Debug, Clone)]
pub struct PeriodRecord {
    /// The record.
    pub record: TargetRecord,
    /// The fiscal year and period; `None`: the definition names no column, or it holds no number.
    pub year: Option<i32>,
    /// The fiscal period, from 1.
    pub period: Option<i32>,
}

impl Plan {
    /// Maps a document as [`Plan::map`] does, and finds the fiscal period of each record.
    ///
    /// # Errors
    /// As [`Plan::map`].
    pub fn records_by_period(
        &self,
        company: &CompanyId,
        document: &Document,
        code_lists: &CodeLists,
    ) -> Result<Vec<PeriodRecord>, MapError> {
        let Mapped { records, .. } = self.map(company, document, code_lists)?;
        let mut rows: HashMap<(usize, String), &Row> = HashMap::new();
        for (child, rows_of) in document.children.iter().enumerate() {
            let Some(read) = self.read.children.get(child) else { continue };
            let wanted = self.targets.iter().any(|target| target.child == Some(child) && target.tie_out.year.is_some());
            for row in rows_of.iter().filter(|_| wanted) {
                rows.insert((child, DocumentKey::from_values(read.table.key_at.iter().map(|&at| &row[at])).into()), row);
            }
        }
        let with_period = |record: TargetRecord| {
            let target = self.targets.get(record.target);
            let row = target.and_then(|target| rows.get(&(target.child?, record.record_key.clone())).copied());
            let number = |place: Option<Place>| match place? {
                Place::Root(at) => whole(document.root.get(at)?),
                Place::Child(at) => whole(row?.get(at)?),
                Place::Company | Place::Currency => None,
            };
            let tie_out = target.map(|target| &target.tie_out);
            let (year, period) = tie_out.map_or((None, None), |plan| (number(plan.year), number(plan.period)));
            PeriodRecord { record, year, period }
        };
        Ok(records.into_iter().map(with_period).collect())
    }

    /// The fiscal periods of all rows of a document, in order, whether or not they make records.
    pub fn periods(&self, document: &Document) -> Vec<FiscalPeriod> {
        let mut periods = BTreeSet::new();
        for target in &self.targets {
            let Some(year) = target.tie_out.year else { continue };
            let of = |row: Option<&Row>| {
                let number = |place: Place| match place {
                    Place::Root(at) => whole(document.root.get(at)?),
                    Place::Child(at) => whole(row?.get(at)?),
                    Place::Company | Place::Currency => None,
                };
                FiscalPeriod::of(number(year)?, target.tie_out.period.and_then(number))
            };
            match target.child.and_then(|child| document.children.get(child)) {
                Some(rows) => periods.extend(rows.iter().filter_map(|row| of(Some(row)))),
                None => periods.extend(of(None)),
            }
        }
        periods.into_iter().collect()
    }
}

/// A whole number, in whatever form the service gave it.
fn whole(value: &Value) -> Option<i32> {
    let text = value.to_text();
    let text = text.trim();
    text.split_once('.').map_or(text, |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { text }).parse().ok()
}
