//! Records that are parts of a column: one for each distinct part of the codes of a table.

use std::collections::HashSet;

use crate::definition::ReadPlan;
use crate::definition::plan::Derive;
use crate::domain::{Document, DocumentKey, Value};

use super::error::SysproError;
use super::faults;
use super::filter::excluded;
use super::order::Course;
use super::reader::{Call, Query};
use super::value::{is_number, value};
use super::wire::Cell;

impl Call<'_> {
    /// One document for each distinct part of a column. A row that cannot be read fails under the part of its code; if the code itself
    /// cannot be read, under the row before it.
    pub(super) async fn derived(&self, plan: &ReadPlan, limit: u32) -> Result<Vec<Document>, SysproError> {
        let root = &plan.root;
        let Some(derive) = &root.derive else { return Ok(Vec::new()) };
        let key = [derive.from.clone()];
        let mut columns = key.to_vec();
        columns.extend(root.columns.iter().filter(|name| **name != derive.column_out && **name != derive.from).cloned());
        // paged by the column itself: rows with the last page's value are skipped, since they give no new part
        let query = Query {
            table: &root.table,
            columns: &columns,
            optional: &root.optional,
            key: &key,
            kinds: root.kinds(),
            conditions: self.fixed(root.filter.as_ref()).into_iter().collect(),
            fixed: 0,
            top: limit,
            anchor: &[],
            repeats: true,
        };
        let mut course = Course::default();
        let (mut seen, mut documents) = (HashSet::new(), Vec::new());
        let (mut spoilt, mut nameless) = (Vec::new(), Vec::new());
        loop {
            let kept = self.kept.get();
            let page = self.read(&query, &mut course, limit as usize).await?;
            // a row is dropped as soon as its part is known
            self.drop_rows(kept, &[]);
            for bad in page.bad {
                match bad.cells {
                    Some(cells) => spoilt.push((cells, faults::bad_root(&root.table, &bad.problem))),
                    None => nameless.push(bad),
                }
            }
            for row in page.rows {
                if matches!(row[0], Cell::Escaped(_)) {
                    let fault = faults::unheld(&derive.from, &row[0], &root.table);
                    spoilt.push((row, fault));
                } else if let Some(document) = self.part(plan, derive, &columns, &row)
                    && seen.insert(document.key.clone())
                {
                    self.keep(&query, std::slice::from_ref(&row))?;
                    documents.push(document);
                }
            }
            if !page.more {
                break;
            }
        }
        // the part is known if another row has it
        for (row, fault) in spoilt {
            if let Some(document) = self.part(plan, derive, &columns, &row)
                && seen.insert(document.key.clone())
            {
                documents.push(Document { faults: vec![fault], ..document });
            }
        }
        self.nameless.set(self.nameless.get() || !nameless.is_empty());
        documents.extend(faults::rows_after(plan, &nameless));
        Ok(documents)
    }

    /// The document of a row's part; `None` where the code has no such part, or the definition excludes it.
    fn part(&self, plan: &ReadPlan, derive: &Derive, columns: &[String], row: &[Cell]) -> Option<Document> {
        let root = &plan.root;
        let whole = row[0].key_text();
        let part = derive.cut.of(&whole)?;
        let cells: Vec<Cell> = root
            .columns
            .iter()
            .map(|name| match columns.iter().position(|column| column == name) {
                Some(at) => row[at].clone(),
                None => Cell::Text(part.into()),
            })
            .collect();
        if excluded(root, &cells) {
            return None;
        }
        let mut values: Vec<Value> = vec![Value::Null; plan.columns.len().max(root.columns.len())];
        for ((at, name), cell) in root.columns.iter().enumerate().zip(&cells) {
            values[at] = value(cell, root.kind(name), self.metadata.edm(&root.table, name).is_some_and(is_number), self.dates());
        }
        let key = DocumentKey::from_values(root.key_at.iter().filter_map(|at| values.get(*at)));
        Some(Document { key, root: values.into(), children: vec![Vec::new(); plan.children.len()], faults: Vec::new() })
    }
}
