//! Many pages of one query: by key range or by link, until the end or until there are enough rows.

use tracing::debug;
use url::Url;

use super::error::SysproError;
use super::left_out::Settled;
use super::order::{Begun, Course};
use super::reader::{Call, Query, Rows, asked};
use super::salvage::SinceFailure;
use super::transport::Request;
use super::wire::Cell;

/// The most consecutive empty pages with a link to the next one that are followed.
const EMPTY_PAGES: u32 = 100;
/// Why a link is not followed.
const UNUSABLE_LINK: &str =
    "the link is not followed: it pages by row number, which misses rows that come or go meanwhile, or it leads to another server";
/// This few rows are not a server's silent limit.
const NO_CAP: usize = 5;

/// Whether a page without a link may have been truncated silently: it is full, or not smaller than the largest answer of the table so far.
/// A server that returned more rows in one answer does not truncate at fewer.
fn maybe_more(count: usize, top: usize, largest: usize) -> bool {
    count >= top || (count >= NO_CAP && count >= largest)
}

/// How many rows to request instead of so many that did not suffice.
pub(super) fn more_than(rows: usize) -> usize {
    (rows * 4).clamp(10, 5000)
}

impl Call<'_> {
    /// Reads pages of one query until the end, or until there are at least `want` rows.
    ///
    /// An answer that cannot be read is requested again with half the rows, down to the one row that is the reason.
    pub(super) async fn read(&self, query: &Query<'_>, course: &mut Course, want: usize) -> Result<Rows, SysproError> {
        let comparison = self.comparison(query);
        let (mut found, mut link, mut cap, mut empty) = (Rows::default(), None::<Url>, self.rows_per_request(query.top), 0);
        let (mut asked_for, mut since) = (0, 0);
        // one of this many rows after the last one cannot be read
        let mut suspect = None::<usize>;
        let (mut unaskable, mut least, mut odd) = (0, 1, 0);
        // rows with the last key of an answer, which are requested once more
        let mut held = Vec::new();
        // the rows before the last request by key
        let mut before_last = None;
        let mut since_failure = SinceFailure::NothingRead;
        loop {
            let whole = cap.min(want.saturating_sub(found.rows.len() + found.bad.len())).max(least);
            // an unreadable row is often followed by another: it is requested alone before the rows are halved
            let beside = course.unreadable > 0;
            let top = suspect.map_or(whole, |rows| if beside { 1 } else { (rows / 2).clamp(1, whole) });
            let by_link = link.is_some();
            if !by_link {
                asked_for = top;
            }
            let bound = course.after.clone();
            let tries = match top {
                1 if beside => 2,
                1 => self.reader.retry.read_attempts,
                _ if beside || suspect.is_some() => 1,
                _ => self.reader.retry.read_attempts,
            };
            let answer = match link.take() {
                Some(url) => {
                    self.follow(query, &mut course.trail, &url)?;
                    self.attempt_times(query.table, &Request::Address(url), &self.selected(query), asked_for, tries).await
                }
                None => {
                    self.ask_beyond(query, &mut course.trail, bound.as_deref())?;
                    self.query(query, bound.as_deref(), top, tries).await
                }
            };
            let answer = match answer {
                // more rows were requested than it allows; for another reason the same error comes back
                Err(SysproError::Refused { status: 400, answer, .. }) if top > 10 && answer.to_ascii_lowercase().contains("top") => {
                    cap = if top > 1000 {
                        1000
                    } else if top > 100 {
                        100
                    } else {
                        10
                    };
                    self.reader.learned.borrow_mut().top = cap;
                    continue;
                }
                // rows behind a link are requested by key instead
                Err(error) if (error.is_unreadable() || error.is_failure_within()) && (by_link || top > 1) => {
                    debug!(%error, table = query.table, top, "an answer cannot be read; Tieline requests fewer rows");
                    if suspect.is_none() {
                        since_failure = SinceFailure::NothingRead;
                    }
                    suspect = Some(if by_link { asked_for.saturating_sub(since).max(1) } else { top });
                    continue;
                }
                Err(error) if error.is_unreadable() || error.is_failure_within() => {
                    held.clear();
                    found.more = match error.is_failure_within() {
                        true => self.salvage_failing(query, course, &mut found, error, since_failure).await?,
                        false => self.salvage(query, course, &mut found, error).await?,
                    };
                    suspect = None;
                    if !found.more || found.rows.len() + found.bad.len() >= want {
                        return Ok(found);
                    }
                    continue;
                }
                answer => answer?,
            };
            self.rows.set(self.rows.get() + answer.rows.len() as u64);
            let has_link = answer.next_link.is_some();
            link = answer.next_link.as_deref().and_then(|text| self.usable_link(query.table, text));
            let count = answer.rows.len();
            if count == 0 {
                empty += 1;
                if !has_link {
                    if let Some(rows) = self.passed_over(query, course, &Settled::default(), &mut held, &mut found, before_last).await? {
                        least = least.max(rows);
                        continue;
                    }
                    found.rows.append(&mut held);
                    found.more = false;
                    return Ok(found);
                }
                if link.is_none() || empty > EMPTY_PAGES {
                    let why = if link.is_some() { "so did a hundred answers before it" } else { UNUSABLE_LINK };
                    return Err(SysproError::Linked { asked: asked(self.company, query.table), why });
                }
                continue;
            }
            empty = 0;
            since_failure = SinceFailure::RowsRead;
            suspect = suspect.map(|rows| rows.saturating_sub(count)).filter(|rows| *rows > 0);
            let mut settled = self.settle(query, answer, course.after.as_deref())?;
            if by_link {
                course.begun.rows += count;
            } else {
                if let Some(rows) = self.passed_over(query, course, &settled, &mut held, &mut found, before_last).await? {
                    least = least.max(rows);
                    continue;
                }
                course.begun = Begun { after: bound.clone(), rows: count };
                before_last = Some((found.rows.len(), found.bad.len()));
            }
            let beyond = if by_link { None } else { bound.as_deref() };
            self.check_places(query, course, &comparison, beyond, &mut settled, &mut odd).await?;
            let Settled { rows, keys, bad, .. } = settled;
            course.unreadable = 0;
            // links continue within one request's `$top` rows, not beyond them
            since = if by_link { since + count } else { count };
            found.more = has_link || maybe_more(count, top, self.largest(query.table, count)) || since >= asked_for;
            if course.after == bound && found.more && link.is_none() {
                // only keys that cannot be used in a query: they come again, with the rows after them
                if count <= unaskable {
                    let asked = asked(self.company, query.table);
                    return Err(match bad.iter().find_map(|bad| bad.key_left_out(query.key)).filter(|_| keys.is_empty()) {
                        Some(column) => SysproError::NoKey { asked, column },
                        None => SysproError::Stuck { asked },
                    });
                }
                (unaskable, least) = (count, more_than(count));
                continue;
            }
            found.rows.extend(self.not_again(query, std::mem::take(&mut held), keys.first())?);
            self.keep(query, &rows)?;
            found.rows.extend(rows);
            found.bad.extend(bad);
            let left = match found.more && (link.is_none() || found.rows.len() + found.bad.len() >= want) {
                true => self.leave_tail(query, course, &keys, &mut found)?,
                false => false,
            };
            if !found.more || found.rows.len() + found.bad.len() >= want {
                return Ok(found);
            }
            // the next request starts after the last key: another row with that key would never be seen. If other rows already follow the
            // last key, there is none
            if link.is_none() && !query.repeats && !left && keys.first() != keys.last() {
                held = self.hold_back(query, course, &mut found)?;
                suspect = suspect.map(|rows| rows + held.len());
            }
        }
    }

    /// Removes the rows after the last key that can be used in a query: the next request starts after that key and returns them again.
    /// `keys` are those of the last answer. Answers whether there was any such key.
    fn leave_tail(&self, query: &Query<'_>, course: &Course, keys: &[Vec<Cell>], found: &mut Rows) -> Result<bool, SysproError> {
        let key_at = self.key_offsets(query)?;
        let askable = |key: &Vec<Cell>| key.iter().all(Cell::is_askable);
        let tail = &keys[keys.iter().rposition(askable).map_or(0, |last| last + 1)..];
        let among = |row: &Vec<Cell>| tail.iter().any(|key| key_at.iter().zip(key).all(|(at, cell)| row[*at] == *cell));
        found.rows.retain(|row| !among(row));
        found.bad.retain(|bad| match &bad.cells {
            Some(cells) => !among(cells),
            None => bad.after != course.after && !bad.after.as_ref().is_some_and(|after| tail.contains(after)),
        });
        Ok(!tail.is_empty())
    }

    /// The most rows that a table has returned in one answer before this one; this one counts from now on.
    fn largest(&self, table: &str, count: usize) -> usize {
        let mut learned = self.reader.learned.borrow_mut();
        let largest = learned.largest.entry(self.place(table)).or_default();
        let before = *largest;
        *largest = before.max(count);
        before
    }

    fn rows_per_request(&self, wanted: u32) -> usize {
        let wanted = wanted.max(1) as usize;
        match self.reader.learned.borrow().top {
            0 => wanted,
            top => wanted.min(top),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_suspicious_size_are_not_the_end() {
        for (count, top, largest, more) in [
            (500, 500, 5000, true),
            (499, 500, 500, false),
            (7, 500, 0, true),
            (7, 500, 7, true),
            (7, 500, 8, false),
            (100, 500, 100, true),
            (100, 500, 101, false),
            (4, 500, 0, false),
        ] {
            assert_eq!(maybe_more(count, top, largest), more, "{count} of {top}, {largest} before");
        }
    }
}
