//! SYSPRO's fiscal periods, as tie-outs read them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Bool, Date, Integer, Nullable};

use super::audit::{NewAudit, audit_append};
use super::schema::{fiscal_calendar, fiscal_calendar_period};
use super::text::{Text, text};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::CompanyId;
use crate::domain::audit::AuditKind;
use crate::domain::calendar::{Calendar, CalendarPeriod};
use crate::domain::fiscal::FiscalPeriod;

/// A company's calendar with the time of its last read.
#[derive(Debug, Clone)]
pub struct KeptCalendar {
    /// When it was read, or could not be read, the last time.
    pub read_at: DateTime<Utc>,
    /// Why it could not be read then; what was read before is still there.
    pub problem: Option<String>,
    /// The periods, those of earlier years included.
    pub calendar: Calendar,
}

/// A row: company, number, last day, SYSPRO's word, open.
type PeriodRow = (String, i32, NaiveDate, String, Option<bool>);

fn periods(conn: &mut Conn, company: Option<&str>) -> Tx<Vec<PeriodRow>> {
    let columns = (
        fiscal_calendar_period::company,
        fiscal_calendar_period::number,
        fiscal_calendar_period::ends,
        fiscal_calendar_period::status,
        fiscal_calendar_period::open,
    );
    let order = (fiscal_calendar_period::company, fiscal_calendar_period::number);
    let mut rows = fiscal_calendar_period::table.select(columns).order(order).into_boxed::<Pg>();
    if let Some(company) = company {
        rows = rows.filter(fiscal_calendar_period::company.eq(text(company)));
    }
    Ok(rows.load(conn)?)
}

fn period((_, number, ends, status, open): PeriodRow) -> CalendarPeriod {
    CalendarPeriod { period: FiscalPeriod::from_number(number), ends, status, open }
}

impl Store {
    /// Keeps what was read of a company's calendar, or why it could not be read. Periods of the years that were read and that are not there
    /// any more are removed. The audit says what changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calendar_keep(&self, company: CompanyId, read: Result<Calendar, String>) -> Result<(), StoreError> {
        self.run("keep a fiscal calendar", move |conn| {
            let of = text(company.as_str());
            let (problem, current) = match &read {
                Ok(calendar) => (None, calendar.current.map(FiscalPeriod::number)),
                Err(problem) => (Some(problem.as_str()), None),
            };
            sql_query(
                "INSERT INTO fiscal_calendar (company, read_at, current, problem) VALUES ($1, now(), $2, $3) ON CONFLICT (company) DO UPDATE \
                 SET read_at = now(), problem = excluded.problem, \
                     current = CASE WHEN excluded.problem IS NULL THEN excluded.current ELSE fiscal_calendar.current END",
            )
            .bind::<Text, _>(company.as_str())
            .bind::<Nullable<Integer>, _>(current)
            .bind::<Nullable<Text>, _>(problem)
            .execute(conn)?;
            let Ok(calendar) = read else { return Ok(()) };
            let years: Vec<i32> = calendar.periods.iter().map(|one| one.period.year()).collect();
            let before: Vec<CalendarPeriod> = periods(conn, Some(company.as_str()))?.into_iter().map(period).collect();
            let before: Vec<CalendarPeriod> = before.into_iter().filter(|one| years.contains(&one.period.year())).collect();
            let mut now = calendar.periods;
            now.sort_by_key(|one| one.period);
            if before == now {
                return Ok(());
            }
            let own = fiscal_calendar_period::table.filter(fiscal_calendar_period::company.eq(of));
            let gone: Vec<i32> = before.iter().map(|one| one.period.number()).collect();
            diesel::delete(own.filter(fiscal_calendar_period::number.eq_any(gone))).execute(conn)?;
            sql_query(
                "INSERT INTO fiscal_calendar_period (company, number, ends, status, open) \
                 SELECT $1, n.* FROM unnest($2::integer[], $3::date[], $4::text[], $5::boolean[]) AS n",
            )
            .bind::<Text, _>(company.as_str())
            .bind::<Array<Integer>, _>(now.iter().map(|one| one.period.number()).collect::<Vec<_>>())
            .bind::<Array<Date>, _>(now.iter().map(|one| one.ends).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(now.iter().map(|one| one.status.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Bool>>, _>(now.iter().map(|one| one.open).collect::<Vec<_>>())
            .execute(conn)?;
            let changed = |one: &&CalendarPeriod| !before.contains(one);
            let removed = before.iter().filter(|one| !now.iter().any(|other| other.period == one.period)).map(|one| one.period);
            let mut row = NewAudit::of(AuditKind::Close).detail(&serde_json::json!({
                "action": "calendar",
                "changed": now.iter().filter(changed).collect::<Vec<_>>(),
                "removed": removed.collect::<Vec<_>>(),
            }));
            (row.actor, row.company) = ("tieline".to_owned(), Some(company.as_str().to_owned()));
            audit_append(conn, &[row])
        })
        .await
    }

    /// The calendars of all companies, or of this one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calendars(&self, company: Option<String>) -> Result<BTreeMap<String, KeptCalendar>, StoreError> {
        self.run("list fiscal calendars", move |conn| {
            let columns = (fiscal_calendar::company, fiscal_calendar::read_at, fiscal_calendar::current, fiscal_calendar::problem);
            let mut rows = fiscal_calendar::table.select(columns).into_boxed::<Pg>();
            if let Some(company) = &company {
                rows = rows.filter(fiscal_calendar::company.eq(text(company)));
            }
            let rows: Vec<(String, DateTime<Utc>, Option<i32>, Option<String>)> = rows.load(conn)?;
            let kept = |(company, read_at, current, problem): (String, DateTime<Utc>, Option<i32>, Option<String>)| {
                let calendar = Calendar { current: current.map(FiscalPeriod::from_number), periods: Vec::new() };
                (company, KeptCalendar { read_at, problem, calendar })
            };
            let mut all: BTreeMap<String, KeptCalendar> = rows.into_iter().map(kept).collect();
            for row in periods(conn, company.as_deref())? {
                if let Some(kept) = all.get_mut(&row.0) {
                    kept.calendar.periods.push(period(row));
                }
            }
            Ok(all)
        })
        .await
    }
}
