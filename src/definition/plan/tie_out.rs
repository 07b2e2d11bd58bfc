//! How the records of a target are compared in both systems.

use std::collections::BTreeMap;

use super::{FieldPlan, FieldSource, Place, TargetPlan};
use crate::domain::tie_out_group::GroupBy;

/// The comparison of one target's records. Empty: the records are counted, and their fields are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TieOutPlan {
    /// The field whose amounts are summed.
    pub amount: Option<String>,
    /// The field with the currency of the amounts.
    pub currency: Option<String>,
    /// The SYSPRO column with the fiscal year.
    pub year: Option<Place>,
    /// The SYSPRO column with the fiscal period.
    pub period: Option<Place>,
    /// The fields by which the sums are divided further.
    pub groups: BTreeMap<GroupBy, String>,
    /// Whether ServiceNow can add up the amounts; `None`: its dictionary decides.
    pub sums: Option<bool>,
    /// Columns of the table that finally has the record, by field, where the names differ. Empty: it has no such column.
    pub columns: BTreeMap<String, String>,
}

impl TieOutPlan {
    /// The column of a field in the table that finally has the record; `None`: it has none.
    pub fn column<'a>(&'a self, field: &'a str) -> Option<&'a str> {
        self.columns.get(field).map_or(Some(field), |column| Some(column.as_str()).filter(|column| !column.is_empty()))
    }
}

impl TargetPlan {
    /// The field that copies a column of SYSPRO.
    pub fn copy_of(&self, place: Place) -> Option<&FieldPlan> {
        self.fields.iter().find(|field| matches!(&field.source, FieldSource::Column { at, .. } if *at == place))
    }
}
