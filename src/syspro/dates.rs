//! Rows within a range of dates: the form of the dates is the one that the server accepts.

use chrono::NaiveDate;
use tracing::debug;

use super::error::SysproError;
use super::filter::{Condition, DateForm, since, until};
use super::order::Course;
use super::position::Position;
use super::reader::{Call, Query, Rows};
use crate::config::settings::{DateLiteral, DateZone};
use crate::definition::plan::ChangeQuery;
use crate::domain::CompanyId;

/// The number of date formats that are tried.
const DATE_WAYS: usize = 4;

/// The range of dates: from the first on, and before the second.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) since: Option<NaiveDate>,
    pub(super) until: Option<NaiveDate>,
}

impl Call<'_> {
    /// Rows within the window. When the server refuses the dates, the other date formats are tried once.
    pub(super) async fn dated(
        &self,
        query: &Query<'_>,
        change: &ChangeQuery,
        dates: Window,
        course: Course,
        limit: u32,
    ) -> Result<(Rows, Option<Position>), SysproError> {
        if change.any_of.is_empty() || (dates.since.is_none() && dates.until.is_none()) {
            return self.page_of(query, course, limit).await;
        }
        let place = self.place(query.table);
        let known = self.reader.learned.borrow().date_way.get(&place).copied();
        let window = |way: usize| {
            let mut query = query.clone();
            let between = |name: &String| {
                let form = self.date_form(&change.table, name, way);
                let (since, until) = (dates.since.map(|from| since(name, from, form)), dates.until.map(|to| until(name, to, form)));
                Condition::all(since.into_iter().chain(until).collect())
            };
            query.conditions.extend(Condition::any(change.any_of.iter().filter_map(between).collect()));
            query
        };
        let way = match known {
            Some(way) => way,
            None if self.reader.settings.date_literal == DateLiteral::Auto => self.way_of_dates(&place, window).await,
            None => 0,
        };
        match self.page_of(&window(way), course, limit).await {
            Err(error @ (SysproError::Refused { .. } | SysproError::Failed { status: 500, .. })) => {
                Err(self.undated(query, change, error).await)
            }
            answer => answer,
        }
    }

    /// The first date format that the server accepts, tested with one row; the likeliest one when it accepts none.
    ///
    /// Some servers answer 500 or 404 to a query that they cannot parse, but also to a temporary failure: such an answer counts when it
    /// comes twice.
    async fn way_of_dates<'q>(&self, place: &(CompanyId, String), window: impl Fn(usize) -> Query<'q>) -> usize {
        for way in 0..DATE_WAYS {
            let query = window(way);
            let mut answer = self.one_row(&query).await;
            if matches!(answer, Err(SysproError::Failed { status: 500, .. } | SysproError::Refused { status: 404, .. })) {
                answer = self.one_row(&query).await;
            }
            match answer {
                Ok(()) => {
                    self.reader.learned.borrow_mut().date_way.insert(place.clone(), way);
                    return way;
                }
                Err(error @ (SysproError::Refused { .. } | SysproError::Failed { status: 500, .. })) => {
                    debug!(%error, table = place.1, way, "dates written this way are refused");
                }
                Err(_) => return 0,
            }
        }
        0
    }

    /// After a refused window: whether one of its columns is missing.
    async fn undated(&self, query: &Query<'_>, change: &ChangeQuery, refusal: SysproError) -> SysproError {
        let columns: Vec<&str> = change.any_of.iter().map(String::as_str).collect();
        let known = (self.company.clone(), String::new());
        match self.diagnose(query, &columns, &known, refusal).await {
            Err(error) => error,
            Ok(_) => SysproError::MissingColumn {
                company: self.company.to_string(),
                table: query.table.to_owned(),
                columns: change.any_of.clone(),
            },
        }
    }

    /// The format of a column's dates: the likeliest first, then the next for each refusal of the server.
    fn date_form(&self, table: &str, column: &str, way: usize) -> DateForm {
        let settings = &self.reader.settings;
        let time = match settings.date_zone {
            DateZone::Label => DateForm::Label,
            DateZone::Instant => DateForm::Instant(settings.time_zone),
        };
        let ways: [DateForm; DATE_WAYS] = match (settings.date_literal, self.metadata.edm(table, column)) {
            (DateLiteral::Date, _) => return DateForm::Plain,
            (DateLiteral::DateTimeOffset, _) => return time,
            (DateLiteral::DateTime, _) => return DateForm::Old,
            (DateLiteral::Text, _) | (DateLiteral::Auto, Some("Edm.String")) => return DateForm::Text,
            (DateLiteral::Auto, Some("Edm.Date")) => [DateForm::Plain, time, DateForm::Old, DateForm::Text],
            (DateLiteral::Auto, Some("Edm.DateTime")) => [DateForm::Old, time, DateForm::Plain, DateForm::Text],
            (DateLiteral::Auto, _) => [time, DateForm::Plain, DateForm::Old, DateForm::Text],
        };
        ways.get(way).copied().unwrap_or(time)
    }
}
