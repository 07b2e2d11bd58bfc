//! Rows whose key SYSPRO shows otherwise than it compares it: a service that cuts blanks, changes case, or replaces letters of another width
//! or with accents. The text that it shows is then another key to the database, at another place of the order.
//!
//! SQL Server compares keys by the collation of the column, and ignores only spaces at the end. Pages are ranges of keys, so such a row
//! comes again where rows beyond its key are requested, seems to be out of order, or passes over rows. Whether it is such a row, the
//! database itself says: it does not find the row by the key that it shows. That row alone is held, and the others are read on.

use std::cmp::Ordering;

use tracing::warn;

use super::comparison::{Comparison, Misplaced};
use super::error::SysproError;
use super::left_out::Settled;
use super::order::Course;
use super::pages::more_than;
use super::reader::{BadRow, Call, Query, RowProblem, Rows, shown};
use super::wire::Cell;

/// The most such rows of one read: beyond it, the service or its order is the problem.
const MOST: usize = 20;

impl Call<'_> {
    /// Checks the keys of an answer against the request and the keys before. A row whose key SYSPRO shows otherwise is removed: the row of
    /// `beyond` that came again, because it was read before, and any other one as a row whose key cannot be read. `odd`: how many of them
    /// there were in this read.
    ///
    /// # Errors
    /// [`SysproError::Order`] for a row that is out of place and that SYSPRO finds by its key; an error of the request.
    pub(super) async fn check_places(
        &self,
        query: &Query<'_>,
        course: &mut Course,
        comparison: &Comparison,
        beyond: Option<&[Cell]>,
        settled: &mut Settled,
        odd: &mut usize,
    ) -> Result<(), SysproError> {
        let mut from = 0;
        let before = course.after.clone();
        loop {
            let Err((at, how)) = course.take(comparison, beyond, &settled.keys[from..]) else { return Ok(()) };
            let at = from + at;
            let error = || self.misplaced(query, &settled.keys, at, &how, beyond.or(before.as_deref()));
            if *odd >= MOST {
                return Err(error());
            }
            // at the front alone: behind another row it is not the row of the bound
            let again = at == 0
                && how == Misplaced::NotBeyond
                && beyond.is_some_and(|bound| comparison.order(bound, &settled.keys[at]) == Some(Ordering::Equal));
            // the row itself, or the one before it, whose key is shown too high
            let own = (at, again);
            let neighbour = (how == Misplaced::Disordered && at > 0).then(|| (at - 1, false));
            let mut culprit = None;
            for (of, again) in std::iter::once(own).chain(neighbour) {
                let Some(row) = settled.row(of) else { continue };
                let missed = !self.finds(query, &settled.keys[of], row).await?;
                // a service that finds no row by its key says nothing about this one
                if missed && (again || self.finds_another(query, settled, of).await? || self.finds_any(query, beyond).await?) {
                    culprit = Some((of, again));
                    break;
                }
            }
            let Some((of, again)) = culprit else { return Err(error()) };
            *odd += 1;
            let key = settled.keys[of].clone();
            warn!(table = query.table, key = shown(&key), "SYSPRO shows a key otherwise than it compares it");
            if of < at {
                let last = of.checked_sub(1).map(|last| settled.keys[last].clone()).or_else(|| before.clone());
                course.forget(last, &key);
            }
            settled.remove(of);
            from = of;
            if !again {
                let after = of.checked_sub(1).map(|last| settled.keys[last].clone()).or_else(|| before.clone());
                let problem = RowProblem::ShownOtherwise(format!(
                    "SYSPRO shows its key ({}) as {} and does not find it by that: the service or a view changes blanks, case or letters",
                    query.key.join(", "),
                    shown(&key)
                ));
                settled.bad.push(BadRow { cells: None, after, problem });
            }
        }
    }

    /// Whether SYSPRO finds this row by the key that it shows. A request that says nothing about the row counts as yes.
    async fn finds(&self, query: &Query<'_>, key: &[Cell], row: &[Cell]) -> Result<bool, SysproError> {
        Ok(self.by_shown_key(query, key).await?.is_none_or(|rows| rows.iter().any(|found| found == row)))
    }

    /// Whether SYSPRO finds the row before the first one of an answer by its key.
    async fn finds_any(&self, query: &Query<'_>, key: Option<&[Cell]>) -> Result<bool, SysproError> {
        let Some(key) = key else { return Ok(false) };
        Ok(self.by_shown_key(query, key).await?.is_some_and(|rows| !rows.is_empty()))
    }

    /// Whether SYSPRO finds some other row of an answer by its key.
    async fn finds_another(&self, query: &Query<'_>, settled: &Settled, of: usize) -> Result<bool, SysproError> {
        let near = [of + 1, of.wrapping_sub(1), of + 2, of.wrapping_sub(2)];
        for other in near.into_iter().filter(|other| settled.keys.get(*other).is_some_and(|key| *key != settled.keys[of])) {
            if let Some(row) = settled.row(other)
                && self.finds(query, &settled.keys[other], row).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rows that SYSPRO finds by a key; `None`: it cannot be told.
    async fn by_shown_key(&self, query: &Query<'_>, key: &[Cell]) -> Result<Option<Vec<Vec<Cell>>>, SysproError> {
        let Some(exactly) = self.exactly(query, key) else { return Ok(None) };
        let one = Query { conditions: query.conditions.iter().cloned().chain([exactly]).collect(), ..query.clone() };
        // an answer that is no answer to this leaves the question open, and what is wrong is said as before
        let Ok(answer) = self.query(&one, None, 2, self.reader.retry.read_attempts).await else { return Ok(None) };
        self.rows.set(self.rows.get() + answer.rows.len() as u64);
        Ok(Some(self.settle(&one, answer, None)?.rows))
    }

    /// Looks for the row with which the answer to a request beyond a key must begin. If the answer lacks it, SYSPRO is asked for it and for
    /// the row before it, each by its key:
    ///
    /// - SYSPRO has the row: the key before it is shown otherwise, and rows between that key's two places would be lost. The row is added,
    ///   and the read goes on behind it.
    /// - SYSPRO has only the row before it: the row was deleted meanwhile.
    /// - SYSPRO finds neither: both may be shown otherwise. The read goes back, and requests more rows, so that others follow them.
    ///
    /// `before_last`: the rows and bad rows of this read before its last request by key. Answers how many rows to request at least; `None`:
    /// the read goes on as it is.
    pub(super) async fn passed_over(
        &self,
        query: &Query<'_>,
        course: &mut Course,
        came: &Settled,
        held: &mut Vec<Vec<Cell>>,
        found: &mut Rows,
        before_last: Option<(usize, usize)>,
    ) -> Result<Option<usize>, SysproError> {
        let Some(awaited) = course.awaited.take() else { return Ok(None) };
        let unknown = came.bad.iter().any(|bad| bad.cells.is_none());
        if unknown || came.keys.contains(&awaited) {
            return Ok(None);
        }
        let Some(rows) = self.by_shown_key(query, &awaited).await? else { return Ok(None) };
        if rows.is_empty() {
            let bound = course.after.clone().unwrap_or_default();
            if self.by_shown_key(query, &bound).await?.is_none_or(|rows| !rows.is_empty()) {
                return Ok(None);
            }
            warn!(table = query.table, key = shown(&bound), "SYSPRO does not find the last rows before a request by their keys");
            held.clear();
            let came = course.begin_again();
            match before_last {
                Some((rows, bad)) => {
                    found.rows.truncate(rows);
                    found.bad.truncate(bad);
                }
                // the last one of them was left out there
                None => found.again = came.saturating_sub(1),
            }
            return Ok(Some(more_than(came)));
        }
        // rows may have come in before it
        if came.keys.first().is_some_and(|first| self.comparison(query).order(first, &awaited) == Some(Ordering::Less)) {
            course.awaited = Some(awaited);
            return Ok(None);
        }
        warn!(
            table = query.table,
            key = shown(&awaited),
            "SYSPRO leaves out a row beyond a key: it shows that key otherwise than it compares it"
        );
        match held.is_empty() {
            true => found.rows.extend(rows),
            false => found.rows.append(held),
        }
        course.begin_at(awaited);
        Ok(Some(1))
    }
}

impl Settled {
    /// The row of a key; `None`: it cannot be read.
    fn row(&self, at: usize) -> Option<&Vec<Cell>> {
        self.kept.get(at)?.then(|| self.rows.get(self.place_of(at)))?
    }

    fn place_of(&self, at: usize) -> usize {
        self.kept[..at].iter().filter(|kept| **kept).count()
    }

    fn remove(&mut self, at: usize) {
        let place = self.place_of(at);
        if self.kept[at] {
            self.rows.remove(place);
        }
        self.keys.remove(at);
        self.kept.remove(at);
    }
}
