//! The sums of a tie-out, and those of them by supplier, account or document type.

use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Integer, Nullable};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{TieOutBucket, of_block};
use crate::domain::FlowId;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::ids::TieOutId;
use crate::domain::tie_out_group::GroupBy;
use crate::store::schema::tie_out_group;
use crate::store::text::{Text, text};
use crate::store::{Conn, Store, StoreError, Tx};

/// The tie-outs whose groups are kept: with many suppliers, a tie-out has many of them.
const KEPT: usize = 30;

/// The sums of one group.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_group, check_for_backend(Pg))]
pub struct TieOutGroup {
    /// Its number, ascending.
    pub id: i64,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// `header`, or the name of the lines.
    pub block: String,
    /// The fiscal year; null: the records have none.
    pub year: Option<i32>,
    /// The fiscal period; null: the records have none.
    pub period: Option<i32>,
    /// The ISO code of the currency; empty: there are no amounts.
    pub currency: String,
    /// What divides the sum.
    pub grouped_by: GroupBy,
    /// The supplier, account or document type; empty: the records name none.
    pub value: String,
    /// Records in SYSPRO.
    pub syspro_records: i64,
    /// Their amount.
    #[schema(value_type = Option<String>)]
    pub syspro_amount: Option<Decimal>,
    /// Records that SYSPRO no longer has, and that ServiceNow keeps with a mark.
    pub gone_records: i64,
    /// Their amount.
    #[schema(value_type = Option<String>)]
    pub gone_amount: Option<Decimal>,
    /// Rows in ServiceNow.
    pub servicenow_records: i64,
    /// Their amount.
    #[schema(value_type = Option<String>)]
    pub servicenow_amount: Option<Decimal>,
}

impl TieOutGroup {
    /// ServiceNow's amount less SYSPRO's and what is gone.
    pub fn difference(&self) -> Decimal {
        let amount = |amount: Option<Decimal>| amount.unwrap_or_default();
        amount(self.servicenow_amount) - amount(self.syspro_amount) - amount(self.gone_amount)
    }

    /// ServiceNow's rows less SYSPRO's records and those that are gone.
    pub fn records_difference(&self) -> i64 {
        self.servicenow_records - self.syspro_records - self.gone_records
    }
}

/// Which groups to list.
#[derive(Debug, Clone)]
pub struct TieOutGroups {
    /// Of this tie-out.
    pub of: TieOutId,
    /// Divided by this.
    pub by: GroupBy,
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this block of it.
    pub block: Option<String>,
    /// Only this fiscal year and period.
    pub period: Option<FiscalPeriod>,
    /// Only this currency; empty: records without amounts.
    pub currency: Option<String>,
    /// After this one.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
}

impl TieOutGroups {
    /// All groups of a tie-out, up to `limit`.
    pub fn of(of: TieOutId, by: GroupBy, limit: i64) -> Self {
        Self { of, by, company: None, entity: None, block: None, period: None, currency: None, after: 0, limit }
    }

    /// Whether a sum is one of those that are divided.
    pub fn fit(&self, bucket: &TieOutBucket) -> bool {
        let is = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        is(&self.company, &bucket.company)
            && is(&self.entity, &bucket.entity)
            && is(&self.block, &bucket.block)
            && is(&self.currency, &bucket.currency)
            && self.period.is_none_or(|of| (Some(of.year()), of.period()) == (bucket.year, bucket.period))
    }
}

/// A block whose sums are divided: its name, and the field for each division.
pub type DividedBlock = (String, BTreeMap<GroupBy, String>);

/// Finds the sums of a block, and divides them. `amount`: the field of its amounts.
pub(super) fn sum(
    conn: &mut Conn,
    id: TieOutId,
    flow: &FlowId,
    (block, fields): &DividedBlock,
    amount: Option<&str>,
    of: Option<FiscalPeriod>,
) -> Tx<()> {
    let field = |by: GroupBy| fields.get(&by).map(String::as_str);
    of_block!(include_str!("../sql/tie_out_sums.sql"), (id, flow, block))
        .bind::<Nullable<Text>, _>(amount)
        .bind::<Nullable<Integer>, _>(of.map(FiscalPeriod::year))
        .bind::<Nullable<Integer>, _>(of.and_then(FiscalPeriod::period))
        .bind::<Array<Text>, _>(fields.keys().map(|by| by.as_str()).collect::<Vec<_>>())
        .bind::<Nullable<Text>, _>(field(GroupBy::Supplier))
        .bind::<Nullable<Text>, _>(field(GroupBy::Account))
        .bind::<Nullable<Text>, _>(field(GroupBy::Type))
        .execute(conn)?;
    Ok(())
}

/// Removes the groups of all tie-outs but the newest ones, and those whose results the next one may take over.
pub(super) fn drop_old(conn: &mut Conn) -> Tx<()> {
    sql_query(format!(
        "DELETE FROM tie_out_group WHERE tie_out_id < (SELECT min(id) FROM (SELECT id FROM tie_out ORDER BY id DESC LIMIT {KEPT}) n) \
           AND NOT tie_out_id IN (SELECT tie_out_id FROM tie_out_read)"
    ))
    .execute(conn)?;
    Ok(())
}

impl Store {
    /// A page of groups.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_groups(&self, filter: TieOutGroups) -> Result<Vec<TieOutGroup>, StoreError> {
        self.run("list the groups of a tie-out", move |conn| {
            let mut groups = tie_out_group::table
                .filter(tie_out_group::tie_out_id.eq(filter.of))
                .filter(tie_out_group::grouped_by.eq(text(filter.by.as_str())))
                .filter(tie_out_group::id.gt(filter.after))
                .into_boxed::<Pg>();
            if let Some(company) = &filter.company {
                groups = groups.filter(tie_out_group::company.eq(text(company)));
            }
            if let Some(entity) = &filter.entity {
                groups = groups.filter(tie_out_group::entity.eq(text(entity)));
            }
            if let Some(block) = &filter.block {
                groups = groups.filter(tie_out_group::block.eq(text(block)));
            }
            if let Some(currency) = &filter.currency {
                groups = groups.filter(tie_out_group::currency.eq(text(currency)));
            }
            if let Some(of) = filter.period {
                groups = groups.filter(tie_out_group::year.eq(of.year())).filter(tie_out_group::period.is_not_distinct_from(of.period()));
            }
            Ok(groups.order(tie_out_group::id).limit(filter.limit).select(TieOutGroup::as_select()).load(conn)?)
        })
        .await
    }
}
