//! The amounts of money among the fields that a target writes, and where the currency of each is.

use std::collections::BTreeMap;

use super::Plan;
use super::plan::{FieldSource, NumberPlan, Place, TargetPlan};

/// Where the currency of a written amount is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrittenCurrency {
    /// It is the company's own currency.
    Own,
    /// In this field of the same target.
    Field(String),
    /// In this column of the root row, in SYSPRO's code.
    Column(String),
    /// Nowhere that is shown.
    Unknown,
}

impl Plan {
    /// The fields of a block that are amounts of money, each with the place of its currency. Quantities and counts are not among them.
    pub fn written_amounts(&self, block: &str) -> BTreeMap<String, WrittenCurrency> {
        let Some(target) = self.targets.iter().find(|target| target.block == block) else { return BTreeMap::new() };
        let amount = |source| Some(self.written_currency(target, number(source)?.currency?));
        target.fields.iter().filter_map(|field| Some((field.name.clone(), amount(&field.source)?))).collect()
    }

    fn written_currency(&self, target: &TargetPlan, at: Place) -> WrittenCurrency {
        let names_it = |source: &FieldSource| match source {
            FieldSource::CurrencyCode(place) | FieldSource::Column { at: place, .. } => *place == at,
            _ => false,
        };
        match (at, target.fields.iter().find(|field| names_it(&field.source))) {
            (Place::Currency, _) => WrittenCurrency::Own,
            (_, Some(field)) => WrittenCurrency::Field(field.name.clone()),
            (Place::Root(at), None) => {
                self.read.columns.get(at).map_or(WrittenCurrency::Unknown, |name| WrittenCurrency::Column(name.clone()))
            }
            (Place::Child(_) | Place::Company, None) => WrittenCurrency::Unknown,
        }
    }
}

/// The amount that a field writes. One with its currency before it needs no other.
fn number(source: &FieldSource) -> Option<&NumberPlan> {
    match source {
        FieldSource::Number(plan) => Some(plan).filter(|plan| !plan.with_currency).map(|plan| &**plan),
        FieldSource::First(cases) => cases.iter().find_map(|case| number(&case.source)),
        _ => None,
    }
}
