//! How the columns of an entity look to people, as far as its targets tell: what is written as a decimal is an amount. Dates are
//! what the entity's file names so.

use super::Plan;
use super::plan::{ColumnKind, FieldPlan, FieldSource, Place, TargetPlan, Transform};
use crate::domain::look::{Currency, Look, Looks};

impl Plan {
    /// How each column looks.
    pub fn looks(&self) -> Looks {
        let mut looks = Looks::default();
        let root = self.read.columns.iter().cloned().zip(self.read.kinds());
        let children = self.read.children.iter().flat_map(|child| {
            child.column_names().zip(child.kinds()).map(move |(column, kind)| (format!("{}.{column}", child.name), kind))
        });
        for (column, _) in root.chain(children).filter(|(_, kind)| *kind == ColumnKind::Date) {
            looks.add(column, Look::Date);
        }
        let fields = self.targets.iter().flat_map(|target| target.fields.iter().map(move |field| (target, field)));
        for (target, field) in fields {
            let Some((column, look)) = self.look(target, field) else { continue };
            looks.add(column, look);
        }
        looks
    }

    fn look(&self, target: &TargetPlan, field: &FieldPlan) -> Option<(String, Look)> {
        let (column, look) = match &field.source {
            FieldSource::Column { at, transform: Transform::Decimal(places) } => {
                (self.name(target, *at)?, self.amount(target, field, *places))
            }
            FieldSource::Sum { child, at, places } => {
                let child = self.read.children.get(*child)?;
                (format!("{}.{}", child.name, child.column_names().nth(*at)?), self.amount(target, field, *places))
            }
            _ => return None,
        };
        Some((column, look))
    }

    fn amount(&self, target: &TargetPlan, field: &FieldPlan, places: u32) -> Look {
        let currency = match field.currency {
            Some(Place::Root(at)) => self.read.columns.get(at).cloned().map(Currency::OfRoot),
            Some(at @ Place::Child(_)) => {
                let name = self.name(target, at);
                name.and_then(|name| name.rsplit_once('.').map(|(_, column)| Currency::OfRow(column.to_owned())))
            }
            Some(Place::Company) | None => None,
        };
        Look::Amount { places, currency }
    }

    /// `Column` of the root row, `lines.Column` of a child's.
    fn name(&self, target: &TargetPlan, at: Place) -> Option<String> {
        match at {
            Place::Root(at) => self.read.columns.get(at).cloned(),
            Place::Child(at) => {
                let child = self.read.children.get(target.child?)?;
                Some(format!("{}.{}", child.name, child.column_names().nth(at)?))
            }
            Place::Company => None,
        }
    }
}
