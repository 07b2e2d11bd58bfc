//! Rows that belong to other rows: read by a range of keys where they are close together, otherwise by lists of keys.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::debug;

use crate::definition::plan::{ColumnKind, TableRead};
use crate::domain::money::parse_decimal;
use crate::domain::{CompanyId, Value};

use super::error::SysproError;
use super::filter::{Column, Condition, encoded_len, excluded};
use super::key_filter::{Bound, lists, one_of, sort_keys, within};
use super::order::Course;
use super::reader::{BadRow, Call, Query, Rows};
use super::value::{is_number, value};
use super::wire::Cell;

/// The most concurrent lists; fewer where the settings allow fewer connections.
const AT_ONCE: usize = 4;

/// A table that is queried for the rows of certain keys.
pub(super) struct Related<'a> {
    /// The table.
    pub(super) table: &'a TableRead,
    /// The requested columns: the table's, then those of key and join that are not among them.
    pub(super) columns: Vec<String>,
    /// The kind of each of them.
    kinds: Vec<ColumnKind>,
    /// Whether each has a number type in `$metadata`; looked up with the first row.
    types: OnceCell<Vec<bool>>,
    /// The columns with the other side's key.
    pub(super) on: Vec<String>,
    on_at: Vec<usize>,
}

/// What a range needs from a page of root rows: the root's key and its position in the rows.
pub(super) struct Contiguous<'a> {
    /// The root table.
    pub(super) root: &'a str,
    /// Pairs (offset in the root rows, column of the related table) for the leading columns of the root's key.
    pub(super) bounds: Vec<(usize, &'a str)>,
}

/// The rows found for certain keys.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The rows.
    pub(super) rows: Vec<Vec<Cell>>,
    /// Rows that cannot be read.
    pub(super) bad: Vec<BadRow>,
}

impl From<Found> for Rows {
    fn from(found: Found) -> Self {
        Rows { rows: found.rows, bad: found.bad, more: false, again: 0 }
    }
}

impl<'a> Related<'a> {
    /// The table, joined on these columns.
    pub(super) fn new(table: &'a TableRead, on: Vec<String>) -> Self {
        let mut columns = table.columns.clone();
        for name in table.key.iter().chain(&on) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        // every name was added just above
        let on_at = on.iter().filter_map(|name| columns.iter().position(|column| column == name)).collect();
        let kinds = columns.iter().map(|name| table.kind(name)).collect();
        Self { table, columns, kinds, types: OnceCell::new(), on, on_at }
    }

    /// Joined only on the first `count` of its columns; the others are only read.
    pub(super) fn joined_on(mut self, count: usize) -> Self {
        self.on.truncate(count);
        self.on_at.truncate(count);
        self
    }

    /// The key that assigns a row to the other side.
    pub(super) fn group(&self, row: &[Cell]) -> Vec<String> {
        self.on_at.iter().map(|at| row[*at].key_text()).collect()
    }

    /// A row of which only the other side's key is known.
    fn known(&self, key: &[Cell]) -> Vec<Cell> {
        let mut cells = vec![Cell::Null; self.columns.len()];
        for (at, cell) in self.on_at.iter().zip(key) {
            cells[*at] = cell.clone();
        }
        cells
    }

    fn query<'q>(&'q self, company: &CompanyId, top: u32, conditions: Vec<Condition>, fixed: usize) -> Query<'q> {
        let mut all: Vec<Condition> = self.table.filter.iter().map(|filter| Condition::fixed(&filter.of(company))).collect();
        all.extend(conditions);
        Query {
            table: &self.table.table,
            columns: &self.columns,
            optional: &self.table.optional,
            key: &self.table.key,
            kinds: self.table.kinds(),
            conditions: all,
            fixed,
            top,
            anchor: &self.on,
            repeats: false,
        }
    }

    /// Whether the definition excludes the row.
    pub(super) fn excluded(&self, row: &[Cell]) -> bool {
        excluded(self.table, row)
    }
}

/// Binary order, as in SYSPRO's own collation; `None` when the two cannot be compared.
pub(super) fn order(a: &Cell, b: &Cell) -> Option<Ordering> {
    match (a, b) {
        (Cell::Number(a), Cell::Number(b)) => Some(parse_decimal(a)?.cmp(&parse_decimal(b)?)),
        (Cell::Text(a), Cell::Text(b)) if !a.ends_with(' ') && !b.ends_with(' ') => Some(a.as_bytes().cmp(b.as_bytes())),
        _ => None,
    }
}

impl Call<'_> {
    /// The values of a row's first `width` columns.
    pub(super) fn values<'r>(&'r self, related: &'r Related<'_>, row: &'r [Cell], width: usize) -> impl Iterator<Item = Value> + 'r {
        let types = related.types.get_or_init(|| {
            let number = |name: &String| self.metadata.edm(&related.table.table, name).is_some_and(is_number);
            related.columns.iter().map(number).collect()
        });
        let (columns, dates) = (related.kinds.iter().zip(types).zip(row).take(width), self.dates());
        columns.map(move |((kind, number), cell)| value(cell, *kind, *number, dates))
    }

    /// The rows that belong to `rows`; `left` is the position of their key for this table.
    pub(super) async fn related(
        &self,
        related: &Related<'_>,
        rows: &[Vec<Cell>],
        left: &[usize],
        contiguous: Option<Contiguous<'_>>,
    ) -> Result<Found, SysproError> {
        let mut keys: Vec<Vec<Cell>> = rows.iter().map(|row| left.iter().map(|at| row[*at].clone()).collect()).collect();
        keys.retain(|key: &Vec<Cell>| key.iter().all(|cell| *cell != Cell::Null && cell.is_askable()));
        sort_keys(&mut keys);
        if keys.is_empty() {
            return Ok(Found::default());
        }
        if let Some(contiguous) = contiguous
            && self.split(related, &keys).len() > 1
            && let Some(found) = self.by_range(related, rows, &keys, &contiguous).await?
        {
            return Ok(found);
        }
        self.by_keys(related, &keys).await
    }

    fn typed<'c>(&'c self, related: &'c Related<'_>) -> Vec<Column<'c>> {
        related.on.iter().map(|name| self.column(&related.table.table, name, related.table.kind(name))).collect()
    }

    /// Splits keys into lists of a size that the server has accepted so far.
    fn split<'k>(&self, related: &Related<'_>, keys: &'k [Vec<Cell>]) -> Vec<&'k [Vec<Cell>]> {
        let query = related.query(self.company, self.reader.settings.row_cap, vec![], 0);
        let fixed: usize = query.conditions.iter().map(|condition| condition.comparisons).sum();
        let size: usize = query.conditions.iter().map(|condition| encoded_len(&condition.text)).sum();
        let learned = self.reader.learned.borrow();
        let comparisons = learned.comparisons.saturating_sub(fixed).max(1);
        let bytes = learned.bytes.saturating_sub(size + self.overhead(&query)).max(1);
        drop(query);
        lists(&self.typed(related), keys, comparisons, bytes)
    }

    /// The rows of sorted keys, requested in lists, several at once.
    pub(super) async fn by_keys(&self, related: &Related<'_>, keys: &[Vec<Cell>]) -> Result<Found, SysproError> {
        let at_once = self.reader.settings.connection.connections.clamp(1, AT_ONCE);
        let lists: Vec<Found> =
            stream::iter(self.split(related, keys)).map(|list| self.by_list(related, list)).buffer_unordered(at_once).try_collect().await?;
        let mut all = Found::default();
        for list in lists {
            all.rows.extend(list.rows.into_iter().filter(|row| !related.excluded(row)));
            all.bad.extend(list.bad.into_iter().filter(|bad| !bad.is_excluded(related.table)));
        }
        Ok(all)
    }

    /// One list; it is halved while the server refuses it, and while a row in it cannot be assigned to a key: in a list of one key, the row
    /// belongs to that key.
    async fn by_list(&self, related: &Related<'_>, list: &[Vec<Cell>]) -> Result<Found, SysproError> {
        let columns = self.typed(related);
        // a service that compares without case returns the same row for several lists
        let own: HashSet<Vec<String>> = list.iter().map(|key| key.iter().map(Cell::key_text).collect()).collect();
        let (mut todo, mut found, mut refused) = (vec![list], Found::default(), false);
        while let Some(part) = todo.pop() {
            // a concurrent list may have found a smaller limit
            let parts = self.split(related, part);
            if parts.len() > 1 {
                todo.extend(parts.into_iter().rev());
                continue;
            }
            let keys: Vec<&[Cell]> = part.iter().map(Vec::as_slice).collect();
            let condition = one_of(&columns, &keys);
            let comparisons = condition.as_ref().map_or(0, |condition| condition.comparisons);
            let single = part.len() == 1 && !part[0].iter().any(|cell| matches!(cell, Cell::Text(text) if text.ends_with(' ')));
            let fixed = if single { related.table.key.iter().take_while(|name| related.on.contains(name)).count() } else { 0 };
            let query = related.query(self.company, self.reader.settings.row_cap, condition.into_iter().collect(), fixed);
            match self.read(&query, &mut Course::default(), usize::MAX).await {
                Ok(rows) if part.len() > 1 && rows.bad.iter().any(|bad| bad.cells.is_none()) => {
                    let (front, back) = part.split_at(part.len() / 2);
                    todo.extend([back, front]);
                }
                Ok(rows) => {
                    found.rows.extend(rows.rows.into_iter().filter(|row| own.contains(&related.group(row))));
                    let own = |bad: BadRow| BadRow { cells: bad.cells.or_else(|| Some(related.known(part.first()?))), ..bad };
                    found.bad.extend(rows.bad.into_iter().map(own));
                    if std::mem::take(&mut refused) {
                        let mut learned = self.reader.learned.borrow_mut();
                        learned.comparisons = learned.comparisons.min(comparisons.max(1));
                    }
                }
                Err(error) if part.len() > 1 && error.is_refusal() => {
                    debug!(%error, table = related.table.table, keys = part.len(), "a list of keys was refused and is halved");
                    refused = true;
                    let (front, back) = part.split_at(part.len() / 2);
                    todo.extend([back, front]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The rows between the first and the last key of a page. `None`: a range is not safe here, or includes too many rows.
    async fn by_range(
        &self,
        related: &Related<'_>,
        rows: &[Vec<Cell>],
        keys: &[Vec<Cell>],
        contiguous: &Contiguous<'_>,
    ) -> Result<Option<Found>, SysproError> {
        let place = (contiguous.root.to_owned(), related.table.table.clone());
        if contiguous.bounds.is_empty() || self.reader.learned.borrow().sparse.contains(&place) {
            return Ok(None);
        }
        let bound = |row: &Vec<Cell>| contiguous.bounds.iter().map(|(at, _)| row[*at].clone()).collect::<Vec<Cell>>();
        // if the page is not in binary order, the server sorts by another collation. Whether it also compares by it is unknown, and a range
        // that it reads differently would lose rows silently
        let ordered = rows.windows(2).all(|pair| ascends(&bound(&pair[0]), &bound(&pair[1])));
        let (Some(first), Some(last)) = (rows.first().map(bound), rows.last().map(bound)) else { return Ok(None) };
        let column = |name| self.column(&related.table.table, name, related.table.kind(name));
        let columns: Vec<Column<'_>> = contiguous.bounds.iter().map(|(_, name)| column(name)).collect();
        let (Some(first), Some(last)) = (Bound::all(&first), Bound::all(&last)) else { return Ok(None) };
        let Some(range) = within(&columns, &first, &last).filter(|_| ordered) else { return Ok(None) };
        let wanted: HashSet<Vec<String>> = keys.iter().map(|key| key.iter().map(Cell::key_text).collect()).collect();
        let query = related.query(self.company, self.reader.settings.row_cap, vec![range], 0);
        let (mut found, mut foreign, mut course, mut held) = (Found::default(), 0, Course::default(), Vec::new());
        loop {
            let kept = self.kept.get();
            let mut page = match self.read(&query, &mut course, query.top as usize).await {
                Err(error) if error.is_refusal() => {
                    debug!(%error, table = related.table.table, "a range of keys was refused; Tieline reads by lists");
                    return Ok(None);
                }
                page => page?,
            };
            let first = page
                .rows
                .first()
                .map(|row| self.key_offsets(&query).map(|at| at.iter().map(|at| row[*at].clone()).collect()))
                .transpose()?;
            let before = self.not_again(&query, std::mem::take(&mut held), first.as_ref())?;
            found.rows.extend(before.into_iter().filter(|row| wanted.contains(&related.group(row))));
            if page.more {
                held = self.hold_back(&query, &mut course, &mut page)?;
            }
            // in lists, such a row can be assigned to its key
            if page.bad.iter().any(|bad| bad.cells.is_none()) {
                return Ok(None);
            }
            let before = found.rows.len();
            let count = page.rows.len();
            found.rows.extend(page.rows.into_iter().filter(|row| wanted.contains(&related.group(row))));
            found.bad.extend(page.bad.into_iter().filter(|bad| !bad.is_excluded(related.table)));
            self.drop_rows(kept, &found.rows[before..]);
            foreign += count - (found.rows.len() - before);
            if foreign > 4 * found.rows.len() + 1000 {
                debug!(table = related.table.table, foreign, "a range of keys is too large; Tieline reads by lists");
                self.reader.learned.borrow_mut().sparse.insert(place);
                return Ok(None);
            }
            if !page.more {
                found.rows.retain(|row| !related.excluded(row));
                return Ok(Some(found));
            }
        }
    }
}

fn ascends(a: &[Cell], b: &[Cell]) -> bool {
    for (a, b) in a.iter().zip(b) {
        match order(a, b) {
            Some(Ordering::Less) => return true,
            Some(Ordering::Equal) => {}
            _ => return false,
        }
    }
    // equal leading columns: the rest of the key differs
    a.iter().all(|cell| order(cell, cell).is_some())
}
