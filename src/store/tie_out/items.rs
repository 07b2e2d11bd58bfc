//! The differences of a tie-out: lists and counts.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::tie_out::{Age, Cause, Difference};
use crate::store::schema::tie_out_item;
use crate::store::text::{Text, text};
use crate::store::{Store, StoreError};

/// One difference.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_item, check_for_backend(Pg))]
pub struct TieOutItem {
    /// Its number, ascending.
    #[schema(value_type = i64)]
    pub id: TieOutItemId,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// `header`, or the name of the lines.
    pub block: String,
    /// The document's key.
    pub document_key: String,
    /// The line's key; empty for a header.
    pub record_key: String,
    /// The fiscal year.
    pub year: Option<i32>,
    /// The fiscal period.
    pub period: Option<i32>,
    /// The currency of `amount`.
    pub currency: String,
    /// What it adds to ServiceNow's amount less SYSPRO's.
    #[schema(value_type = Option<String>)]
    pub amount: Option<Decimal>,
    /// How the record differs.
    pub kind: Difference,
    /// The field, for `differs`.
    pub field: Option<String>,
    /// Its value by SYSPRO's record.
    pub syspro_value: Option<String>,
    /// Its value in ServiceNow.
    pub servicenow_value: Option<String>,
    /// The row in ServiceNow.
    pub sys_id: Option<String>,
    /// Its table.
    pub target_table: Option<String>,
    /// The user who changed it last.
    pub updated_by: Option<String>,
    /// When, in UTC, as ServiceNow writes it.
    pub updated_at: Option<String>,
    /// Why it differs.
    pub cause: Option<Cause>,
    /// Whether a person must look at it.
    pub open: bool,
    /// The message of its delivery, or of the mapping.
    pub message: Option<String>,
    /// When the first of the tie-outs in a row that found it was made.
    pub first_seen_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct AgeRow {
    #[diesel(sql_type = Text)]
    age: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Which differences to list.
#[derive(Debug, Clone, Default)]
pub struct TieOutItems {
    /// Of this tie-out.
    pub of: TieOutId,
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this fiscal year and period.
    pub period: Option<FiscalPeriod>,
    /// Only this cause.
    pub cause: Option<Cause>,
    /// Only those that a person must look at.
    pub open: bool,
    /// After this one.
    pub after: TieOutItemId,
    /// At most so many.
    pub limit: i64,
}

impl Store {
    /// The open differences that match, by their age at the time of the tie-out; every age is in the list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_ages(&self, filter: TieOutItems) -> Result<Vec<(Age, i64)>, StoreError> {
        self.run("count the differences of a tie-out by age", move |conn| {
            let (year, period) = (filter.period.map(FiscalPeriod::year), filter.period.and_then(FiscalPeriod::period));
            let rows: Vec<AgeRow> = diesel::sql_query(include_str!("../sql/tie_out_ages.sql"))
                .bind::<BigInt, _>(filter.of)
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Integer>, _>(year)
                .bind::<Nullable<Integer>, _>(period)
                .bind::<Nullable<Text>, _>(filter.cause.map(|cause| cause.as_str()))
                .load(conn)?;
            let count = |age: &Age| rows.iter().find(|row| row.age == age.as_str()).map_or(0, |row| row.count);
            Ok(Age::ALL.iter().map(|age| (*age, count(age))).collect())
        })
        .await
    }

    /// The number of differences that match; place and limit of the filter do not matter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_count(&self, filter: TieOutItems) -> Result<i64, StoreError> {
        self.run("count the differences of a tie-out", move |conn| Ok(matching(&filter).count().get_result(conn)?)).await
    }

    /// A page of differences.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_items(&self, filter: TieOutItems) -> Result<Vec<TieOutItem>, StoreError> {
        self.run("list the differences of a tie-out", move |conn| {
            let items = matching(&filter).filter(tie_out_item::id.gt(filter.after)).order(tie_out_item::id).limit(filter.limit);
            Ok(items.select(TieOutItem::as_select()).load(conn)?)
        })
        .await
    }
}

/// The differences that match, from the first to the last.
fn matching(filter: &TieOutItems) -> tie_out_item::BoxedQuery<'_, Pg> {
    let mut items = tie_out_item::table.filter(tie_out_item::tie_out_id.eq(filter.of)).into_boxed::<Pg>();
    if let Some(company) = &filter.company {
        items = items.filter(tie_out_item::company.eq(text(company)));
    }
    if let Some(entity) = &filter.entity {
        items = items.filter(tie_out_item::entity.eq(text(entity)));
    }
    if let Some(of) = filter.period {
        items = items.filter(tie_out_item::year.eq(of.year())).filter(tie_out_item::period.is_not_distinct_from(of.period()));
    }
    if let Some(cause) = filter.cause {
        items = items.filter(tie_out_item::cause.eq(text(cause.as_str())));
    }
    if filter.open {
        items = items.filter(tie_out_item::open);
    }
    items
}
