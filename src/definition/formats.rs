//! How the columns of an entity are displayed: amounts and dates as declared in the entity's file, numbers as its targets write them.

use super::Plan;
use super::plan::{ColumnKind, Decimals, FieldSource, NumberFrom, NumberPlan, Place, TargetPlan};
use crate::domain::format::{Currency, Format, Formats};

/// Decimals of an amount if its currency defines none.
const USUAL_PLACES: u32 = 2;

impl Plan {
    /// The display format of each column. `own` is the company's own currency, if known.
    pub fn formats(&self, own: Option<&str>) -> Formats {
        let mut formats = Formats::default();
        let root = self.read.columns.iter().cloned().zip(self.read.kinds());
        let children = self.read.children.iter().flat_map(|child| {
            child.column_names().zip(child.kinds()).map(move |(column, kind)| (format!("{}.{column}", child.name), kind))
        });
        for (column, _) in root.chain(children).filter(|(_, kind)| *kind == ColumnKind::Date) {
            formats.add(column, Format::Date);
        }
        for (at, currency) in &self.read.amounts {
            let Some(column) = self.read.columns.get(*at) else { continue };
            formats.add(column.clone(), Format::Amount { places: USUAL_PLACES, currency: self.currency(None, *currency, own) });
        }
        for (i, child) in self.read.children.iter().enumerate() {
            for (at, currency) in &child.amounts {
                let Some(column) = child.column_names().nth(*at) else { continue };
                let format = Format::Amount { places: USUAL_PLACES, currency: self.currency(Some(i), *currency, own) };
                formats.add(format!("{}.{column}", child.name), format);
            }
        }
        for target in &self.targets {
            for field in &target.fields {
                self.add(&mut formats, target, &field.source, own);
            }
        }
        formats
    }

    fn add(&self, formats: &mut Formats, target: &TargetPlan, source: &FieldSource, own: Option<&str>) {
        match source {
            FieldSource::First(cases) => cases.iter().for_each(|case| self.add(formats, target, &case.source, own)),
            FieldSource::Number(plan) => {
                let columns = match plan.from {
                    NumberFrom::Column(at) => vec![self.column(target.child, at)],
                    NumberFrom::Sum { child, at } => vec![self.column(Some(child), Place::Child(at))],
                };
                // a computed number differs from the value of its column
                let format = self.number(target, plan, own);
                for column in columns.into_iter().flatten().filter(|_| !plan.is_computed() && plan.foreign.is_none()) {
                    formats.add(column, format.clone());
                }
            }
            _ => {}
        }
    }

    fn number(&self, target: &TargetPlan, plan: &NumberPlan, own: Option<&str>) -> Format {
        let places = match plan.decimals {
            Decimals::Places { least, .. } => least,
            Decimals::OfCurrency => USUAL_PLACES,
        };
        Format::Amount { places, currency: plan.currency.and_then(|at| self.currency(target.child, at, own)) }
    }

    fn currency(&self, child: Option<usize>, at: Place, own: Option<&str>) -> Option<Currency> {
        match at {
            Place::Root(at) => self.read.columns.get(at).cloned().map(Currency::OfRoot),
            Place::Child(at) => self.read.children.get(child?)?.column_names().nth(at).map(|column| Currency::OfRow(column.to_owned())),
            Place::Currency => own.map(|code| Currency::Is(code.to_owned())),
            Place::Company => None,
        }
    }

    /// `Column` of the root row, `lines.Column` of a child's.
    fn column(&self, child: Option<usize>, at: Place) -> Option<String> {
        match at {
            Place::Root(at) => self.read.columns.get(at).cloned(),
            Place::Child(at) => {
                let child = self.read.children.get(child?)?;
                Some(format!("{}.{}", child.name, child.column_names().nth(at)?))
            }
            Place::Company | Place::Currency => None,
        }
    }
}
