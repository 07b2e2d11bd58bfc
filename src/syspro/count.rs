//! The number of rows of a table, if the service can count: a whole read is compared with it.
//!
//! It is not documented whether SYSPRO's service counts. Each way is tried once per table; if none works, the read continues without a
//! count.

use tracing::debug;

use crate::credentials::secret::Credential;
use crate::definition::ReadPlan;
use crate::definition::plan::TableRead;
use crate::domain::CompanyId;

use super::error::SysproError;
use super::filter::{Condition, encode};
use super::reader::{Call, SysproReader};
use super::transport::{Request, Transport};

/// How a table is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountWay {
    /// `$count=true` beside a query.
    Inline,
    /// `$inlinecount=allpages`, as in OData 3.
    OldInline,
    /// `Table/$count`.
    Segment,
    /// The service does not count.
    Never,
}

/// What to find out of the size of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The number of its rows, where the service counts.
    Count,
    /// Whether there is any row.
    AnyRow,
}

/// The number of rows of a table, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// The table.
    pub table: String,
    /// The number; if the service does not count, a lower bound (0 or 1).
    pub rows: u64,
    /// Whether they were counted.
    pub counted: bool,
}

impl SysproReader {
    /// The number of rows that a whole read of the root table must return; `None` if the service does not count, or not at present.
    ///
    /// # Errors
    /// [`SysproError`] when a condition of the definition cannot be written as a query.
    pub async fn count_root(&self, credential: &Credential, company: &CompanyId, plan: &ReadPlan) -> Result<Option<u64>, SysproError> {
        if !self.inner.settings.count_check || plan.root.derive.is_some() {
            return Ok(None);
        }
        let call = self.call(credential, company).await;
        call.count(&plan.root.table, &plan.root.key, call.fixed(plan.root.filter.as_ref())).await
    }

    /// The numbers of rows of the tables that are joined to the root or are its children. A table that may be absent,
    /// and is, has no rows; a table that cannot be queried is left out.
    pub async fn sizes(&self, credential: &Credential, company: &CompanyId, plan: &ReadPlan, measure: Measure) -> Vec<TableSize> {
        let call = self.call(credential, company).await;
        let measure = if self.inner.settings.count_check { measure } else { Measure::AnyRow };
        let vias = plan.children.iter().filter_map(|child| child.via.as_ref().map(|via| (&via.table, child.may_be_absent)));
        let joins = plan.joins.iter().map(|join| (&join.table, false));
        let tables = joins.chain(plan.children.iter().map(|child| (&child.table, child.may_be_absent))).chain(vias);
        let mut sizes: Vec<TableSize> = Vec::new();
        for (table, may_be_absent) in tables {
            if sizes.iter().any(|size| size.table == table.table) {
                continue;
            }
            match call.size(table, measure).await {
                Ok(size) => sizes.push(size),
                // the read of the table reports the reason
                Err(error) => {
                    if may_be_absent && call.lacks(table, error).await {
                        sizes.push(TableSize { table: table.table.clone(), rows: 0, counted: true });
                    }
                }
            }
        }
        sizes
    }
}

impl Call<'_> {
    async fn size(&self, table: &TableRead, measure: Measure) -> Result<TableSize, SysproError> {
        let filter = self.fixed(table.filter.as_ref());
        if measure == Measure::Count
            && let Ok(Some(rows)) = self.count(&table.table, &table.key, filter.clone()).await
        {
            return Ok(TableSize { table: table.table.clone(), rows, counted: true });
        }
        let any = self.any_row(table, filter).await?;
        Ok(TableSize { table: table.table.clone(), rows: u64::from(any), counted: false })
    }

    /// The number of rows that meet a condition. `None`: the service does not count, or not at present.
    pub(super) async fn count(&self, table: &str, key: &[String], filter: Option<Condition>) -> Result<Option<u64>, SysproError> {
        if matches!(self.reader.transport, Transport::Enet(_)) {
            return Ok(None);
        }
        let place = self.place(table);
        let known = self.reader.learned.borrow().counts.get(&place).copied();
        let ways = match known {
            Some(way) => vec![way],
            None => vec![CountWay::Inline, CountWay::Segment, CountWay::OldInline],
        };
        let filter = filter.map_or(String::new(), |filter| format!("$filter={}", encode(&self.metadata.respelled(table, &filter.text))));
        let names: Vec<&str> = key.iter().map(String::as_str).collect();
        for way in ways {
            let counted = match way {
                CountWay::Never => return Ok(None),
                CountWay::Inline | CountWay::OldInline => {
                    let option = if way == CountWay::Inline { "$count=true" } else { "$inlinecount=allpages" };
                    let and = if filter.is_empty() { "" } else { "&" };
                    let query = format!("{filter}{and}{option}&$top=1{}", self.select(table, &names));
                    let ask = Request::Address(self.address(table, &query)?);
                    self.attempt(table, &ask, &names, 1).await.map(|answer| answer.count)
                }
                CountWay::Segment => self.count_segment(table, &filter).await,
            };
            match counted {
                Ok(Some(count)) => {
                    self.reader.learned.borrow_mut().counts.insert(place, way);
                    return Ok(Some(count));
                }
                Ok(None) | Err(SysproError::Refused { .. }) => {}
                // a temporary error does not show whether it can count
                Err(error) => {
                    debug!(%error, table, "the rows of a table cannot be counted now");
                    return Ok(None);
                }
            }
        }
        debug!(table, company = %self.company, "the service does not count the rows of this table");
        self.reader.learned.borrow_mut().counts.insert(place, CountWay::Never);
        Ok(None)
    }
}
