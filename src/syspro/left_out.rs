//! Requested columns that are missing in an answer: in some of its rows, or in all of them.
//!
//! OData 4 requires an empty value as `null` (JSON format 4.01, section 7.1), and e.net writes an empty element. A value is missing only if
//! a serializer was set to leave it out; some also leave out zeros. So the value of such a column is not known, unless the settings say it.

use std::cmp::Ordering;

use crate::config::settings::AbsentColumns;
use crate::definition::plan::TableRead;
use crate::domain::CompanyId;

use super::comparison::Comparison;
use super::error::SysproError;
use super::reader::{BadRow, Call, Query, RowProblem, SysproReader, asked};
use super::wire::{Answer, Cell};

/// The rows of one answer, each with the query's columns.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The rows with all required columns.
    pub(super) rows: Vec<Vec<Cell>>,
    /// The keys of all rows with a key, in the order received.
    pub(super) keys: Vec<Vec<Cell>>,
    /// For each of them, whether its row is among `rows`.
    pub(super) kept: Vec<bool>,
    /// Rows with a missing column. A row without its key, or without the columns that assign it, has no cells.
    pub(super) bad: Vec<BadRow>,
}

/// How to treat the columns of an answer that its rows may leave out.
struct Judged {
    /// For each column of the answer: whether a row without it is complete.
    may_lack: Vec<bool>,
    /// For each column of the query: its position in the answer; `None`: it was not requested.
    at: Vec<Option<usize>>,
    /// Positions in the answer of the key and of the columns that assign a row.
    needed: Vec<usize>,
}

/// The key column that is null although the row comes after one with a key. OData sorts null before every value (protocol 4.01, section
/// 11.2.6.2), so such a row has no place among the others, and must not stop them.
fn null_out_of_place<'q>(query: &Query<'q>, comparison: &Comparison, before: &[Cell], key: &[Cell]) -> Option<&'q str> {
    let column = key.iter().position(|cell| *cell == Cell::Null)?;
    let behind = comparison.order(before, key) == Some(Ordering::Greater);
    behind.then(|| query.key[column].as_str())
}

impl SysproReader {
    /// Tells the reader which columns of a company's tables had values before this process started.
    pub fn know(&self, company: &CompanyId, columns: impl IntoIterator<Item = (String, String)>) {
        let mut learned = self.inner.learned.borrow_mut();
        for (table, column) in columns {
            learned.given.entry((company.clone(), table)).or_default().insert(column);
        }
    }

    /// Forgets which columns had values: a person said that the tables have changed.
    pub fn forget_columns(&self, company: &CompanyId) {
        self.inner.learned.borrow_mut().given.retain(|(of, _), _| of != company);
    }
}

impl Call<'_> {
    /// The rows of an answer. `after`: the last key before it, which identifies a row without a key.
    ///
    /// # Errors
    /// [`SysproError::NoKey`], [`SysproError::MissingColumn`] and [`SysproError::LeftOut`], if a column is in no row, and nothing shows
    /// that the table has it.
    pub(super) fn settle(&self, query: &Query<'_>, answer: Answer, after: Option<&[Cell]>) -> Result<Settled, SysproError> {
        if answer.rows.is_empty() {
            return Ok(Settled::default());
        }
        let judged = self.judge_columns(query, &answer)?;
        let key_at = self.key_offsets(query)?;
        let mut settled = Settled::default();
        let comparison = self.comparison(query);
        let mut no_values = answer.no_values.iter().peekable();
        for (number, row) in answer.rows.into_iter().enumerate() {
            let no_value = no_values.next_if(|value| value.row == number).copied();
            while no_values.next_if(|value| value.row == number).is_some() {}
            let left_out: Vec<String> = row
                .iter()
                .zip(&judged.may_lack)
                .zip(&answer.columns)
                .filter(|((cell, may_lack), _)| cell.is_none() && !**may_lack)
                .map(|(_, name)| name.clone())
                .collect();
            let nameless = !left_out.is_empty() && judged.needed.iter().any(|at| row[*at].is_none());
            let before = || settled.keys.last().map(Vec::as_slice).or(after).map(<[Cell]>::to_vec);
            if nameless {
                let bad = BadRow { cells: None, after: before(), problem: RowProblem::LeftOut(left_out) };
                settled.bad.push(bad);
                continue;
            }
            let no_value = no_value.map(|value| {
                let column = answer.columns[value.column].clone();
                match value.nested {
                    true => RowProblem::Nested { column },
                    false => RowProblem::Oversized { column, bytes: value.bytes, limit: self.reader.settings.limits.value_bytes },
                }
            });
            if let Some(RowProblem::Oversized { column, .. } | RowProblem::Nested { column }) = &no_value
                && (query.key.contains(column) || query.anchor.contains(column))
            {
                settled.bad.extend(no_value.map(|problem| BadRow { cells: None, after: before(), problem }));
                continue;
            }
            let cells = judged.cells(row);
            let key: Vec<Cell> = key_at.iter().map(|at| cells[*at].clone()).collect();
            let last = settled.keys.last().map(Vec::as_slice).or(after);
            if let Some(column) = last.and_then(|last| null_out_of_place(query, &comparison, last, &key)) {
                let problem = RowProblem::Unreadable(format!("its key column `{column}` is null, and rows with keys come before it"));
                settled.bad.push(BadRow { cells: None, after: before(), problem });
                continue;
            }
            let problem = no_value.or_else(|| (!left_out.is_empty()).then_some(RowProblem::LeftOut(left_out)));
            settled.kept.push(problem.is_none());
            match problem {
                None => settled.rows.push(cells),
                Some(problem) => {
                    let bad = BadRow { cells: Some(cells), after: before(), problem };
                    settled.bad.push(bad);
                }
            }
            settled.keys.push(key);
        }
        Ok(settled)
    }

    fn judge_columns(&self, query: &Query<'_>, answer: &Answer) -> Result<Judged, SysproError> {
        let place = self.place(query.table);
        let empty = self.reader.settings.absent_columns == AbsentColumns::Empty;
        let mut may_lack = Vec::with_capacity(answer.columns.len());
        let mut unknown = Vec::new();
        for (at, name) in answer.columns.iter().enumerate() {
            let given = answer.gives(at);
            if given {
                let mut learned = self.reader.learned.borrow_mut();
                let known = learned.given.entry(place.clone()).or_default();
                if !known.contains(name) {
                    known.insert(name.clone());
                }
            } else if query.key.contains(name) && !self.is_known(query.table, name) {
                return Err(SysproError::NoKey { asked: asked(self.company, query.table), column: name.clone() });
            }
            let optional = query.optional.contains(name);
            if !given && !optional && self.metadata.lacks(query.table, name) {
                return Err(SysproError::MissingColumn {
                    company: self.company.to_string(),
                    table: query.table.to_owned(),
                    columns: vec![name.clone()],
                });
            }
            let exists = given || self.is_known(query.table, name);
            // a row must have the columns that identify its record, or that assign it to one
            let empty = empty && !query.key.contains(name) && !query.anchor.contains(name);
            if !exists && optional {
                self.note_missing(query.table, name);
            } else if !exists && !empty {
                unknown.push(name.clone());
            }
            may_lack.push(empty || (!exists && optional));
        }
        if !unknown.is_empty() {
            return Err(SysproError::LeftOut { asked: asked(self.company, query.table), rows: answer.rows.len(), columns: unknown });
        }
        for name in query.columns.iter().filter(|name| !answer.columns.contains(name)) {
            self.note_missing(query.table, name);
        }
        let place_of = |name: &String| answer.columns.iter().position(|other| other == name);
        let at = query.columns.iter().map(place_of).collect();
        let needed = query.key.iter().chain(query.anchor).filter_map(place_of).collect();
        Ok(Judged { may_lack, at, needed })
    }

    /// Checks that a query still requests all columns that had values before: a missing one would be read as empty.
    ///
    /// # Errors
    /// [`SysproError::ColumnGone`].
    pub(super) fn hold_known(&self, query: &Query<'_>, selected: &[&str]) -> Result<(), SysproError> {
        let gone = query.columns.iter().filter(|name| !selected.contains(&name.as_str()));
        self.gone(query.table, gone.cloned().collect())
    }

    /// Refuses to continue without columns that had values before.
    ///
    /// # Errors
    /// [`SysproError::ColumnGone`].
    pub(super) fn gone(&self, table: &str, mut columns: Vec<String>) -> Result<(), SysproError> {
        columns.retain(|name| self.was_given(table, name));
        match columns.is_empty() {
            true => Ok(()),
            false => Err(SysproError::ColumnGone { company: self.company.to_string(), table: table.to_owned(), columns }),
        }
    }

    fn was_given(&self, table: &str, name: &str) -> bool {
        self.reader.learned.borrow().given.get(&self.place(table)).is_some_and(|given| given.contains(name))
    }

    /// Whether the table is known to have the column: rows had values in it before, or `$metadata` lists it.
    pub(super) fn is_known(&self, table: &str, name: &str) -> bool {
        let listed = self.metadata.has_tables() && self.metadata.edm(table, name).is_some();
        listed || self.was_given(table, name)
    }
}

impl Judged {
    /// The query's columns of a row of the answer; missing ones are null.
    fn cells(&self, mut row: Vec<Option<Cell>>) -> Vec<Cell> {
        let mut cell = |at: &Option<usize>| at.and_then(|at| row.get_mut(at)?.take()).unwrap_or(Cell::Null);
        self.at.iter().map(&mut cell).collect()
    }
}

impl BadRow {
    /// The missing key column of the row.
    pub(super) fn key_left_out(&self, key: &[String]) -> Option<String> {
        let RowProblem::LeftOut(left_out) = &self.problem else { return None };
        left_out.iter().find(|name| key.contains(name)).cloned()
    }

    /// Whether the definition excludes the row, by the columns that it has.
    pub(super) fn is_excluded(&self, table: &TableRead) -> bool {
        let (Some(cells), RowProblem::LeftOut(left_out)) = (&self.cells, &self.problem) else { return false };
        let given = |at: &usize| table.columns.get(*at).is_some_and(|name| !left_out.contains(name));
        table.exclude.iter().any(|(at, values)| given(at) && cells.get(*at).is_some_and(|cell| values.contains(&cell.key_text())))
    }
}
