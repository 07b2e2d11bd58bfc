//! The rows of a document's children.

use std::collections::{HashMap, HashSet};

use tracing::warn;

use crate::definition::ReadPlan;
use crate::definition::order;
use crate::definition::plan::ChildRead;
use crate::domain::{CompanyId, Fault, Row, Value};

use super::error::SysproError;
use super::faults;
use super::matching::{Places, matched};
use super::read::{group, offsets};
use super::reader::{Call, SysproReader};
use super::related::{Contiguous, Related};
use super::wire::Cell;

impl SysproReader {
    /// Forgets which tables a company lacks, so that they are requested again: the answer that a table does not exist may have been
    /// temporary.
    pub fn forget_absent(&self, company: &CompanyId) {
        self.inner.learned.borrow_mut().absent.retain(|(of, _)| of != company);
    }
}

impl Call<'_> {
    /// The rows of one child, per root row; empty where the company lacks a table that may be absent.
    pub(super) async fn children(
        &self,
        plan: &ReadPlan,
        child: &ChildRead,
        rows: &[Vec<Cell>],
        contiguous: Option<Contiguous<'_>>,
        faults: &mut [Vec<Fault>],
    ) -> Result<Vec<Vec<Row>>, SysproError> {
        if !child.may_be_absent {
            return self.present_children(plan, child, rows, contiguous, faults).await;
        }
        let via = child.via.as_ref().map(|via| &via.table.table);
        if !via.into_iter().chain([&child.table.table]).any(|table| self.is_absent(table)) {
            match self.present_children(plan, child, rows, contiguous, faults).await {
                Err(SysproError::UnknownTable { table, .. }) => self.note_absent_table(&table),
                found => return found,
            }
        }
        Ok(vec![Vec::new(); rows.len()])
    }

    /// Whether the company lacks a table that may be absent, as found before.
    pub(super) fn is_absent(&self, table: &str) -> bool {
        self.reader.learned.borrow().absent.contains(&self.place(table))
    }

    /// Notes that the company lacks a table that may be absent, so that not every page requests it again.
    pub(super) fn note_absent_table(&self, table: &str) {
        warn!(company = %self.company, table, "the company has no such table, which the definition allows: it is read as empty");
        self.reader.learned.borrow_mut().absent.insert(self.place(table));
    }

    async fn present_children(
        &self,
        plan: &ReadPlan,
        child: &ChildRead,
        rows: &[Vec<Cell>],
        contiguous: Option<Contiguous<'_>>,
        faults: &mut [Vec<Fault>],
    ) -> Result<Vec<Vec<Row>>, SysproError> {
        let related = Related::new(&child.table, child.on.iter().map(|(_, column)| column.clone()).collect());
        let width = child.table.columns.len();
        let key_of = |row: &[Cell], left: &[usize]| left.iter().map(|at| row[*at].key_text()).collect::<Vec<String>>();
        let Some(via) = &child.via else {
            let left = offsets(self, &plan.columns, child.on.iter().map(|(column, _)| column), &plan.root.table)?;
            let found = self.related(&related, rows, &left, contiguous).await?;
            faults::unreadable(&related, &found.bad, rows, &left, faults);
            let found = group(&related, found.rows);
            let lines = rows.iter().zip(faults).map(|(row, faults)| {
                if let Some(odd) = left.iter().find(|at| !row[**at].is_askable()) {
                    faults::first(faults, || faults::unaskable(&plan.columns[*odd], &row[*odd], &child.table.table));
                }
                let own = found.get(&key_of(row, &left)).map(Vec::as_slice).unwrap_or_default();
                lines(child, own.iter().map(|row| self.values(&related, row, width).collect()))
            });
            return Ok(lines.collect());
        };
        let between = Related::new(
            &via.table,
            via.on.iter().map(|(_, column)| column.clone()).chain(child.on.iter().map(|(column, _)| column.clone())).collect(),
        );
        // the join's own columns first: a root row's key has only these
        let between = between.joined_on(via.on.len());
        let to_via = offsets(self, &plan.columns, via.on.iter().map(|(column, _)| column), &plan.root.table)?;
        let vias = self.related(&between, rows, &to_via, contiguous).await?;
        faults::unreadable(&between, &vias.bad, rows, &to_via, faults);
        let vias = group(&between, vias.rows);
        let to_child = offsets(self, &between.columns, child.on.iter().map(|(column, _)| column), &via.table.table)?;
        let carry = offsets(self, &between.columns, via.carry.iter(), &via.table.table)?;
        let owned: Vec<&[Vec<Cell>]> =
            rows.iter().map(|row| vias.get(&key_of(row, &to_via)).map(Vec::as_slice).unwrap_or_default()).collect();
        let all: Vec<Vec<Cell>> = owned.iter().flat_map(|rows| rows.iter().cloned()).collect();
        let found = self.related(&related, &all, &to_child, None).await?;
        for (own, faults) in owned.iter().zip(faults.iter_mut()) {
            // a child row that belongs to any of the rows in between
            let mut any = vec![Vec::new(); own.len()];
            faults::unreadable(&related, &found.bad, own, &to_child, &mut any);
            if let Some(fault) = any.into_iter().flatten().next() {
                faults::first(faults, || fault);
            }
        }
        let found = group(&related, found.rows);
        if let Some(matching) = &via.matching {
            let (left, right): (Vec<_>, Vec<_>) = matching.narrow.iter().map(|(left, right)| (left, right)).unzip();
            let places = Places {
                net: offsets(self, &between.columns, std::iter::once(&matching.net), &via.table.table)?[0],
                on: to_child,
                narrow: (
                    offsets(self, &between.columns, left.into_iter(), &via.table.table)?,
                    offsets(self, &related.columns, right.into_iter(), &child.table.table)?,
                ),
            };
            let rows = |vias: &[Vec<Cell>]| {
                let own = matched(vias, &found, &places);
                lines(child, own.into_iter().map(|row| self.values(&related, row, width).collect()))
            };
            return Ok(owned.into_iter().map(rows).collect());
        }
        // rows that belong to two documents would be counted in both
        let mut owners: HashMap<Vec<String>, HashSet<Vec<String>>> = HashMap::new();
        for (row, vias) in rows.iter().zip(&owned) {
            for via in *vias {
                owners.entry(key_of(via, &to_child)).or_default().insert(key_of(row, &to_via));
            }
        }
        let lines = owned.into_iter().zip(faults).map(|(vias, faults)| {
            let shared = vias.iter().map(|via| key_of(via, &to_child)).filter(|key| owners.get(key).is_some_and(|all| all.len() > 1)).min();
            if let Some(key) = shared {
                faults::first(faults, || faults::several_owners(child, via, &key, &owners[&key]));
            }
            // one child row reached through several rows in between is one row, unless they add different values to it
            let mut led_to = HashSet::new();
            let carrying = |via: &Vec<Cell>| carry.iter().map(|at| via[*at].clone()).collect::<Vec<_>>();
            let vias: Vec<&Vec<Cell>> = vias.iter().filter(|via| led_to.insert((key_of(via, &to_child), carrying(via)))).collect();
            let rows = vias.iter().flat_map(|via| {
                let carried: Vec<Value> = self.values(&between, via, between.columns.len()).collect();
                let own = found.get(&key_of(via, &to_child)).map(Vec::as_slice).unwrap_or_default();
                let (carry, related) = (&carry, &related);
                own.iter().map(move |row| {
                    let carried = carry.iter().map(|at| carried[*at].clone());
                    self.values(related, row, width).chain(carried).collect::<Vec<Value>>()
                })
            });
            lines(child, rows)
        });
        Ok(lines.collect())
    }
}

/// Child rows in the order of their key, then of their other values, so that the content's hash does not depend on the order received. Rows
/// with the same key all stay: the mapping refuses them with a message, since nobody can know which is correct.
fn lines(child: &ChildRead, rows: impl Iterator<Item = Vec<Value>>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.map(Into::into).collect();
    rows.sort_by(|a, b| order(child, a, b).then_with(|| a.iter().map(Value::to_text).cmp(b.iter().map(Value::to_text))));
    rows
}
