//! The sums that ServiceNow itself computes of a table, against those of the rows that it lists: a control total that does not depend on the
//! listing. A table that has not changed since both agreed is not asked again.

use std::collections::BTreeSet;

use tracing::debug;

use super::summed::{Kinds, SumCheck};
use super::values::prefix;
use super::work::{FlowWork, Sides};
use crate::definition::plan::TargetPlan;
use crate::retry::Class;
use crate::servicenow::{GroupSums, ServiceNow};

/// Types of columns whose numbers ServiceNow adds up as they are.
const NUMBERS: [&str; 3] = ["decimal", "integer", "longint"];
/// Types of columns that it adds up in another currency.
const MONEY: [&str; 2] = ["currency", "price"];

impl FlowWork<'_> {
    /// Compares ServiceNow's own sums of a table with those of the rows that it listed; `before`: the table's change vector before the
    /// listing. One request, and a second one where they differ.
    pub(super) async fn check_sums(
        &self,
        sides: Sides<'_>,
        target: &TargetPlan,
        table: &str,
        before: Option<&str>,
        listed: &GroupSums,
    ) -> SumCheck {
        let Some(amount) = target.tie_out.amount.as_deref() else { return SumCheck::NoAmounts };
        let Some(column) = ServiceNow::summed_column(target) else {
            return SumCheck::Not(format!("`{table}` has no column for `{amount}` or for its currency"));
        };
        if let Err(check) = self.can_sum(sides, target, table, column).await {
            return check;
        }
        if let Some(problem) = listed.problem() {
            return SumCheck::Not(format!("`{table}`: {problem}"));
        }
        let Some(before) = before else {
            return SumCheck::Not(format!("ServiceNow does not say whether `{table}` changes while it is listed"));
        };
        let computed = match sides.servicenow.computed_sums(sides.tokens, target, table, &prefix(self.flow)).await {
            Ok(computed) => computed,
            Err(error) if error.class() == Class::Permanent => {
                return SumCheck::Not(format!("ServiceNow does not add up `{column}` of `{table}`: {}", error.chain()));
            }
            Err(error) => return SumCheck::Later(format!("ServiceNow did not add up `{column}` of `{table}`: {}", error.chain())),
        };
        if let Some(problem) = computed.problem() {
            return SumCheck::Not(format!("`{table}`: {problem}"));
        }
        let Some(difference) = listed.difference(&computed) else { return SumCheck::Agree(computed.len()) };
        // rows that changed between the listing and the sums make no difference
        if self.vectors.fresh(self, sides, target, table).await.as_deref() != Some(before) {
            return SumCheck::Later(format!("`{table}` changed while it was listed"));
        }
        SumCheck::Differ(format!("`{table}`, {difference}"))
    }

    /// Whether ServiceNow can add up a column.
    ///
    /// # Errors
    /// [`SumCheck::Not`], or [`SumCheck::Later`] where that could not be found out this time.
    async fn can_sum(&self, sides: Sides<'_>, target: &TargetPlan, table: &str, column: &str) -> Result<(), SumCheck> {
        match target.tie_out.sums {
            Some(true) => return Ok(()),
            Some(false) => {
                return Err(SumCheck::Not(format!("`sums` of the definition says that `{column}` of `{table}` cannot be added up")));
            }
            None => {}
        }
        let kind = self.kind_of(sides, table, column).await?;
        match kind.as_str() {
            kind if NUMBERS.contains(&kind) => Ok(()),
            kind if MONEY.contains(&kind) => Err(SumCheck::Not(format!(
                "`{column}` of `{table}` is of the type `{kind}`, which ServiceNow adds up in its own reference currency"
            ))),
            kind => Err(SumCheck::Not(format!("`{column}` of `{table}` is of the type `{kind}`, which holds no plain numbers"))),
        }
    }

    async fn kind_of(&self, sides: Sides<'_>, table: &str, column: &str) -> Result<String, SumCheck> {
        if self.column_kinds.0.borrow().is_none() {
            let kinds = self.ask_kinds(sides).await;
            *self.column_kinds.0.borrow_mut() = Some(kinds);
        }
        let kinds = self.column_kinds.0.borrow();
        let unknown = || {
            SumCheck::Not(format!("the dictionary does not show the type of `{column}` of `{table}`; `sums` of the definition can say it"))
        };
        match kinds.as_ref() {
            None => Err(unknown()),
            Some(Err((why, class))) => {
                let why = format!("the type of `{column}` of `{table}` is not known: {why}; `sums` of the definition can say it");
                Err(if *class == Class::Permanent { SumCheck::Not(why) } else { SumCheck::Later(why) })
            }
            Some(Ok(kinds)) => {
                if let Some(kind) = kinds.get(&(table.to_owned(), column.to_owned())) {
                    return Ok(kind.clone());
                }
                // a column of a table that this one extends: of one type, whichever table it is
                let all: BTreeSet<&String> = kinds.iter().filter(|((_, name), _)| name == column).map(|(_, kind)| kind).collect();
                match all.len() {
                    1 => all.first().map(|kind| (*kind).clone()).ok_or_else(unknown),
                    _ => Err(unknown()),
                }
            }
        }
    }

    /// Asks for the types of all columns with amounts, of every entity.
    async fn ask_kinds(&self, sides: Sides<'_>) -> Kinds {
        let plans = self.process.flows().iter().filter_map(|flow| self.definitions.plan(&flow.entity)).collect::<Vec<_>>();
        let undecided = plans.iter().flat_map(|plan| &plan.targets).filter(|target| target.tie_out.sums.is_none());
        let columns: BTreeSet<&str> = undecided.filter_map(ServiceNow::summed_column).collect();
        let columns: Vec<&str> = columns.into_iter().collect();
        sides.servicenow.column_kinds(sides.tokens, &columns).await.map_err(|error| {
            debug!(error = error.chain(), "the dictionary of ServiceNow could not be read");
            (format!("the dictionary could not be read ({})", error.chain()), error.class())
        })
    }
}
