//! The close of fiscal periods: its states, signatures, reasons for differences, and what changed since.
//!
//! `step` makes a person's step. `watch` suspends signatures when something arrives later, and holds what arrives for a locked period. This
//! file lists, and `rows` has what it answers.

mod rows;
mod step;
mod watch;

use std::collections::BTreeMap;

pub use self::rows::{CloseChangeRow, ClosePeriodRow, CloseReasonRow, CloseStepRow, TiedPeriod};
pub use self::step::{CloseBasis, NewCloseReason, NewCloseStep, StepResult};
pub(super) use self::watch::{Touched, suspend_what_differs, touch};
use super::schema::{close_change, close_period, close_step, tie_out_bucket, tie_out_item};
use super::tie_out::{TieOutBucket, TieOutItem};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::close::{CloseState, CloseStep};
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::store::text::{Text, text};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Nullable};

/// Which changes to list.
#[derive(Debug, Clone, Default)]
pub struct CloseChanges {
    /// Only of this company.
    pub company: Option<String>,
    /// Only of this period.
    pub period: Option<FiscalPeriod>,
    /// Only those before this one; the newest come first.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    company: String,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The numbers of the newest step of each of these kinds of each period; of one company, if given.
fn newest_steps(conn: &mut Conn, company: Option<String>, kinds: &[CloseStep]) -> Tx<Vec<i64>> {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let newest: Vec<Numbered> = sql_query(include_str!("../sql/close_newest_steps.sql"))
        .bind::<Nullable<Text>, _>(company)
        .bind::<Array<Text>, _>(words)
        .load(conn)?;
    Ok(newest.into_iter().map(|step| step.id).collect())
}

impl Store {
    /// The periods with a close, in order; of one company, if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_periods(&self, company: Option<String>) -> Result<Vec<ClosePeriodRow>, StoreError> {
        self.run("list closes", move |conn| {
            let mut rows = close_period::table.order((close_period::company, close_period::number)).into_boxed::<Pg>();
            if let Some(company) = &company {
                rows = rows.filter(close_period::company.eq(text(company)));
            }
            Ok(rows.select(ClosePeriodRow::as_select()).load(conn)?)
        })
        .await
    }

    /// What the newest tie-outs say about each period; of one company, if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_tied(&self, company: Option<String>) -> Result<Vec<TiedPeriod>, StoreError> {
        self.run("list what closes may be based on", move |conn| {
            Ok(sql_query(include_str!("../sql/close_tied.sql")).bind::<Nullable<Text>, _>(company).load(conn)?)
        })
        .await
    }

    /// The newest step of each kind of each period, without what was signed; of one company, if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_newest_steps(&self, company: Option<String>) -> Result<Vec<CloseStepRow>, StoreError> {
        self.run("list the newest steps of closes", move |conn| {
            let of = close_step::id.eq_any(newest_steps(conn, company, CloseStep::ALL)?);
            let in_order = (close_step::company, close_step::number, close_step::step);
            Ok(close_step::table.filter(of).order(in_order).select(CloseStepRow::as_select()).load(conn)?)
        })
        .await
    }

    /// All steps of a period, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_steps(&self, company: String, period: FiscalPeriod) -> Result<Vec<CloseStepRow>, StoreError> {
        self.run("list the steps of a close", move |conn| {
            let of = close_step::company.eq(text(&company)).and(close_step::number.eq(period.number()));
            Ok(close_step::table.filter(of).order(close_step::id).select(CloseStepRow::as_select()).load(conn)?)
        })
        .await
    }

    /// The reasons that were given for differences of a period, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_reasons(&self, company: String, period: FiscalPeriod) -> Result<Vec<CloseReasonRow>, StoreError> {
        self.run("list the reasons of a close", move |conn| watch::reasons(conn, &company, period)).await
    }

    /// The newest tie-out that is done and looked at the company.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_newest_tie_out(&self, company: String) -> Result<Option<TieOutId>, StoreError> {
        self.run("find the newest tie-out of a company", move |conn| step::newest_tie_out(conn, &company)).await
    }

    /// The sums of a tie-out for one period, and its differences: of the period, and without a period.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_compared(
        &self,
        of: TieOutId,
        company: String,
        period: FiscalPeriod,
        limit: i64,
    ) -> Result<(Vec<TieOutBucket>, Vec<TieOutItem>), StoreError> {
        self.run("read what a close is based on", move |conn| {
            let buckets = tie_out_bucket::table
                .filter(tie_out_bucket::tie_out_id.eq(of))
                .filter(tie_out_bucket::company.eq(text(&company)))
                .filter(tie_out_bucket::year.eq(period.year()))
                .filter(tie_out_bucket::period.is_not_distinct_from(period.period()))
                .order((tie_out_bucket::entity, tie_out_bucket::block, tie_out_bucket::currency))
                .select(TieOutBucket::as_select())
                .load(conn)?;
            let dated = tie_out_item::year.eq(period.year()).and(tie_out_item::period.is_not_distinct_from(period.period()));
            let items = tie_out_item::table
                .filter(tie_out_item::tie_out_id.eq(of))
                .filter(tie_out_item::company.eq(text(&company)))
                .filter(dated.assume_not_null().or(tie_out_item::year.is_null()))
                .order(tie_out_item::id)
                .limit(limit)
                .select(TieOutItem::as_select())
                .load(conn)?;
            Ok((buckets, items))
        })
        .await
    }

    /// Documents that changed for periods that were signed or locked, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_changes(&self, filter: CloseChanges) -> Result<Vec<CloseChangeRow>, StoreError> {
        self.run("list what changed in closed periods", move |conn| {
            let mut rows = close_change::table
                .filter(close_change::state.ne(text(CloseState::Open.as_str())))
                .order(close_change::id.desc())
                .limit(filter.limit)
                .into_boxed::<Pg>();
            if let Some(company) = &filter.company {
                rows = rows.filter(close_change::company.eq(text(company)));
            }
            if let Some(period) = filter.period {
                rows = rows.filter(close_change::number.eq(period.number()));
            }
            if let Some(before) = filter.before {
                rows = rows.filter(close_change::id.lt(before));
            }
            Ok(rows.select(CloseChangeRow::as_select()).load(conn)?)
        })
        .await
    }

    /// By company and period, how many records a lock holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_held(&self) -> Result<BTreeMap<(String, i32), i64>, StoreError> {
        self.run("count what locked periods hold", move |conn| {
            let rows: Vec<Counted> = sql_query(
                "SELECT d.company, h.locked_period AS number, count(*) FROM hold h JOIN document d ON d.id = h.document_id \
                 WHERE h.locked_period IS NOT NULL GROUP BY d.company, h.locked_period",
            )
            .load(conn)?;
            Ok(rows.into_iter().map(|row| ((row.company, row.number), row.count)).collect())
        })
        .await
    }
}
