//! Finds the one row that makes an answer unreadable: reports it by its key if the key can be read alone, and otherwise skips it, so that
//! the others continue.

use super::error::SysproError;
use super::left_out::Settled;
use super::order::Course;
use super::reader::{BadRow, Call, Query, RowProblem, Rows};
use super::wire::{Answer, Cell};
use crate::domain::chain;

/// The most consecutive unreadable rows; beyond it the answers themselves are the problem.
const BAD_IN_A_ROW: u32 = 20;
/// The same for rows whose key cannot be read.
const NAMELESS_IN_A_ROW: usize = 3;

/// What happened since the service first failed on a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SinceFailure {
    /// Rows were read: the service works for them.
    RowsRead,
    /// No row was read.
    NothingRead,
}

impl Call<'_> {
    /// Handles the next row, which cannot be read: by its key, if the key can be read alone. Answers whether there are more rows.
    ///
    /// # Errors
    /// The error itself when no row after it can be read, or when one row after another cannot: then no row is the reason.
    pub(super) async fn salvage(
        &self,
        query: &Query<'_>,
        course: &mut Course,
        found: &mut Rows,
        error: SysproError,
    ) -> Result<bool, SysproError> {
        course.unreadable += 1;
        if course.unreadable > BAD_IN_A_ROW {
            return Err(error);
        }
        let problem = chain(&error);
        let wanted: Vec<&str> =
            query.columns.iter().filter(|name| query.key.contains(name) || query.anchor.contains(name)).map(String::as_str).collect();
        let after = course.after.clone();
        let ask = self.ask(query, &wanted, after.as_deref(), 1)?;
        let tries = if course.unreadable > 1 { 2 } else { self.reader.retry.read_attempts };
        match self.attempt_times(query.table, &ask, &wanted, 1, tries).await {
            // it was deleted in the meantime
            Ok(answer) if answer.rows.is_empty() => Ok(false),
            Ok(answer) => {
                let Some(row) = answer.rows.into_iter().next().and_then(whole) else { return Err(error) };
                let (cells, _) = self.placed(query, course, &wanted, &row)?;
                if course.after == after {
                    return Err(error);
                }
                found.bad.push(BadRow { cells: Some(cells), after, problem: RowProblem::Unreadable(problem) });
                Ok(true)
            }
            Err(alone) if alone.is_unreadable() => self.pass_over(query, course, found, error, &wanted).await,
            _ => Err(error),
        }
    }

    /// Handles the next row, on which the service fails (500). An outage gives the same answer. So the row is the cause only if its key can
    /// be read alone, complete rows can be read beside it, and it fails once more when requested alone.
    ///
    /// # Errors
    /// The failure itself, when no row is shown to be the reason.
    pub(super) async fn salvage_failing(
        &self,
        query: &Query<'_>,
        course: &mut Course,
        found: &mut Rows,
        error: SysproError,
        since: SinceFailure,
    ) -> Result<bool, SysproError> {
        let known = found.bad.len();
        let failure = |error: &SysproError| match error {
            SysproError::Failed { asked, status, answer } => {
                Some(SysproError::Failed { asked: asked.clone(), status: *status, answer: answer.clone() })
            }
            _ => None,
        };
        let Some(same) = failure(&error) else { return Err(error) };
        let more = self.salvage(query, course, found, same).await?;
        let Some(key) = course.after.clone().filter(|_| found.bad.len() > known) else { return Ok(more) };
        let selected = self.selected(query);
        let beyond = self.ask(query, &selected, Some(&key), 1)?;
        let beside = since == SinceFailure::RowsRead
            || self.attempt_times(query.table, &beyond, &selected, 1, 1).await.is_ok_and(|answer| !answer.rows.is_empty());
        if !beside {
            return Err(error);
        }
        let one = Query { conditions: query.conditions.iter().cloned().chain(self.exactly(query, &key)).collect(), ..query.clone() };
        match self.query(&one, None, 2, 1).await {
            Ok(answer) => {
                found.bad.truncate(known);
                self.take_alone(query, course, found, answer)?;
                Ok(more)
            }
            Err(again) if again.is_failure_within() => Ok(more),
            Err(_) => Err(error),
        }
    }

    /// The key cannot be read either: searches for the first readable row after it.
    async fn pass_over(
        &self,
        query: &Query<'_>,
        course: &mut Course,
        found: &mut Rows,
        error: SysproError,
        wanted: &[&str],
    ) -> Result<bool, SysproError> {
        let after = course.after.clone();
        let nameless = || BadRow { cells: None, after: after.clone(), problem: RowProblem::Unreadable(chain(&error)) };
        let mut skipped = 1;
        let row = loop {
            let ask = self.ask_behind(query, wanted, after.as_deref(), skipped)?;
            match self.attempt_times(query.table, &ask, wanted, 1, 1).await {
                Ok(answer) => break answer.rows.into_iter().next(),
                Err(another) if another.is_unreadable() && skipped < NAMELESS_IN_A_ROW => skipped += 1,
                Err(_) => return Err(error),
            }
        };
        found.bad.extend((0..skipped).map(|_| nameless()));
        let Some(row) = row else { return Ok(false) };
        let Some(row) = whole(row) else { return Err(error) };
        let (cells, key) = self.placed(query, course, wanted, &row)?;
        let one = Query { conditions: query.conditions.iter().cloned().chain(self.exactly(query, &key)).collect(), ..query.clone() };
        match self.query(&one, None, 2, self.reader.retry.read_attempts).await {
            Ok(answer) => {
                self.take_alone(query, course, found, answer)?;
            }
            Err(error) if error.is_unreadable() => {
                found.bad.push(BadRow { cells: Some(cells), after, problem: RowProblem::Unreadable(chain(&error)) });
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// The result of a row that was requested alone, by its key.
    fn take_alone(&self, query: &Query<'_>, course: &mut Course, found: &mut Rows, answer: Answer) -> Result<(), SysproError> {
        self.rows.set(self.rows.get() + answer.rows.len() as u64);
        let Settled { rows, bad, .. } = self.settle(query, answer, course.after.as_deref())?;
        found.rows.extend(rows);
        found.bad.extend(bad);
        course.unreadable = 0;
        Ok(())
    }

    /// Converts a row of the requested columns to a row of the query, with its key, after its position was checked.
    fn placed(&self, query: &Query<'_>, course: &mut Course, wanted: &[&str], row: &[Cell]) -> Result<(Vec<Cell>, Vec<Cell>), SysproError> {
        let cell =
            |name: &String| wanted.iter().position(|wanted| wanted == name).and_then(|at| row.get(at)).cloned().unwrap_or(Cell::Null);
        let cells: Vec<Cell> = query.columns.iter().map(cell).collect();
        let key: Vec<Cell> = self.key_offsets(query)?.iter().map(|at| cells[*at].clone()).collect();
        let (after, keys) = (course.after.clone(), [key]);
        course.awaited = None;
        course
            .take(&self.comparison(query), after.as_deref(), &keys)
            .map_err(|(at, how)| self.misplaced(query, &keys, at, &how, after.as_deref()))?;
        let [key] = keys;
        Ok((cells, key))
    }
}

/// A row without missing columns.
fn whole(row: Vec<Option<Cell>>) -> Option<Vec<Cell>> {
    row.into_iter().collect()
}
