//! Compiles `[shows]` of `config/entities/<entity>.toml` to `Shows`.

use super::compile_condition::conditions;
use super::compile_number::{Computation, OWN_CURRENCY, RowNames, child_column};
use super::parse::{Table, Text};
use super::plan::{ChildRead, ColumnKind, Decimals, NumberFrom, NumberPlan, Place, ReadPlan, RowNumber, RowSum, ShownAmount, Shows};
use super::problem::{Report, list, unknown_column};
use super::shape::{AmountShape, EntityFile, RowNumberShape, RowSumShape};

const EACH: &str = "each = [{ from = \"…\", times = \"…\" }]";

/// The values of a record for lists and sums.
pub(super) fn shows(file: &EntityFile, read: &ReadPlan, report: &mut Report<'_>) -> Shows {
    let Some(shape) = &file.shows else { return Shows::default() };
    let mut place = |name: Option<&Text>, key: &str| {
        let name = name.filter(|name| name.line > 0)?;
        let at = read.columns.iter().position(|column| *column == name.value);
        if at.is_none() {
            let known = list(&read.columns);
            report.add(name.line, format!("shows.{key}"), format!("the root row has no column `{}`; there are {known}", name.value));
        }
        at
    };
    let (currency, date) = (place(shape.currency.as_ref(), "currency"), place(shape.date.as_ref(), "date"));
    let amount = match &shape.amount {
        None => None,
        Some(AmountShape::Column(name)) => place(Some(name), "amount").map(ShownAmount::Column),
        Some(AmountShape::Sum(sum)) => row_sum(sum, file, read, currency, report).map(ShownAmount::Sum),
    };
    if let (None, Some(currency)) = (&shape.amount, &shape.currency) {
        report.add(currency.line, "shows.currency", "needs `amount`, which is missing");
    }
    Shows { amount, currency, date }
}

/// A sum over the rows of a child; `None` when nothing can be added up.
fn row_sum(shape: &RowSumShape, file: &EntityFile, read: &ReadPlan, currency: Option<usize>, report: &mut Report<'_>) -> Option<RowSum> {
    const KEY: &str = "shows.amount.sum";
    if shape.sum.line == 0 {
        return None;
    }
    let (at, column) = match shape.sum.split_once('.') {
        Some((child, column)) => {
            if shape.each.is_some() {
                let text = format!(
                    "`{}` names the column that is added up, and `each` does too: write `sum = \"{child}\"` beside `each`, or leave `each` out",
                    shape.sum.value
                );
                report.add(shape.sum.line, KEY, text);
            }
            let (at, _) = child_column(&shape.sum, &read.children, KEY, report)?;
            (at, Some(Text { value: column.to_owned(), line: shape.sum.line }))
        }
        None => {
            let Some(at) = read.children.iter().position(|child| child.name == shape.sum.value) else {
                let known = list(read.children.iter().map(|child| &child.name));
                report.add(shape.sum.line, KEY, format!("the entity has no child `{}`; there are {known}", shape.sum.value));
                return None;
            };
            (at, None)
        }
    };
    let child = &read.children[at];
    let own = child.columns();
    let row = Row {
        child,
        names: RowNames { table: &child.table.table, own: &own, root: Some(&read.columns) },
        currency: currency.map_or(Place::Currency, Place::Root),
        // an unreadable currency was reported already; its consequences are not reported as well
        currency_known: file.shows.as_ref().is_none_or(|shows| shows.currency.is_none()) || currency.is_some(),
        amounts: file.children.iter().flatten().nth(at).and_then(|child| child.amounts.as_ref()),
        root: &read.columns,
    };
    let each = match (&shape.each, column) {
        (_, Some(column)) => vec![row.number("shows.amount.sum", &RowNumberShape { from: column, ..RowNumberShape::default() }, report)],
        (Some(each), None) if !each.is_empty() => {
            let numbers = each.iter().enumerate().filter(|(_, number)| number.line > 0);
            numbers.map(|(i, number)| row.number(&format!("shows.amount.each.{}", i + 1), number, report)).collect()
        }
        (each, None) => {
            let (key, what) = match each {
                Some(_) => ("shows.amount.each", "must hold at least one number".to_owned()),
                None => ("shows.amount", "the key `each` is missing".to_owned()),
            };
            let text =
                format!("{what}: what a row of `{0}` counts, such as `{EACH}`; of one column, write `sum = \"{0}.Column\"`", child.name);
            report.add(shape.line, key, text);
            Vec::new()
        }
    };
    let only_if = conditions(shape.only_if.as_deref(), "shows.amount.only_if", Some((&child.table.table, &own)), report);
    Some(RowSum { child: at, only_if, each: each.into_iter().flatten().collect() })
}

/// The row of a number.
struct Row<'a> {
    child: &'a ChildRead,
    names: RowNames<'a>,
    /// The currency of the sum.
    currency: Place,
    currency_known: bool,
    /// The currencies of the row's columns, by the file.
    amounts: Option<&'a Table<Text>>,
    root: &'a [String],
}

impl Row<'_> {
    fn number(&self, key: &str, shape: &RowNumberShape, report: &mut Report<'_>) -> Option<RowNumber> {
        let from = match key.ends_with(".sum") {
            true => key.to_owned(),
            false => format!("{key}.from"),
        };
        let own = self.column(&shape.from, &from, report);
        let computation = Computation {
            foreign: shape.foreign.as_ref(),
            convert: shape.convert.as_ref(),
            less_percent: shape.less_percent.as_ref(),
            less_value: shape.less_value.as_ref(),
            times: shape.times.as_ref(),
        };
        let at = NumberFrom::Column(Place::Child(own.unwrap_or_default()));
        let mut plan = NumberPlan::plain(at, Decimals::OfCurrency, Some(self.currency));
        computation.compile(key, &mut plan, report, &mut |name, key, report| self.names.place(name, key, report));
        let foreign = shape.foreign.as_ref().map(|name| (name, self.column(name, &format!("{key}.foreign"), report)));
        let own = own?;
        if self.currency_known {
            self.check_currency(key, &from, (&shape.from, own), foreign, report);
        }
        Some(RowNumber { own, plan })
    }

    /// A column of the row itself that can be added up.
    fn column(&self, name: &Text, key: &str, report: &mut Report<'_>) -> Option<usize> {
        if name.line == 0 {
            return None;
        }
        let at = self.names.own.iter().position(|column| *column == name.value);
        match at {
            None => report.add(name.line, key, unknown_column(name, self.names.table, self.names.own)),
            Some(at) if self.child.kinds().nth(at) == Some(ColumnKind::Date) => {
                report.add(name.line, key, format!("`{}` holds dates, as `dates` of the entity's file says", name.value));
            }
            Some(_) => {}
        }
        at
    }

    /// Checks that every added column has the sum's currency, as far as `amounts` of the entity's file tells.
    fn check_currency(
        &self,
        key: &str,
        from: &str,
        (name, own): (&Text, usize),
        foreign: Option<(&Text, Option<usize>)>,
        report: &mut Report<'_>,
    ) {
        let of = |at: usize| self.declared(at);
        let Some((foreign, at)) = foreign else {
            if let Some(other) = of(own).filter(|other| *other != self.currency) {
                let help = match (other, self.currency) {
                    (Place::Currency, _) => "name the column that holds it in that currency as `foreign`".to_owned(),
                    (Place::Root(_), _) => format!("write `currency = \"{}\"` in `[shows]`", self.called(other)),
                    _ => "rows in currencies of their own cannot be added up".to_owned(),
                };
                report.add(name.line, from, format!("{}: {help}", self.differ(name, other)));
            }
            return;
        };
        if self.currency == Place::Currency {
            let text = "needs the currency that distinguishes the two columns: name its column as `currency` of `[shows]`";
            return report.add(foreign.line, format!("{key}.foreign"), text);
        }
        if let Some(other) = of(own).filter(|other| *other != Place::Currency) {
            let text = format!(
                "`{}` is in `{}`, but a column beside `foreign` must be in the company's own currency",
                name.value,
                self.called(other)
            );
            report.add(name.line, from, text);
        }
        if let Some(other) = at.and_then(of).filter(|other| *other != self.currency) {
            report.add(foreign.line, format!("{key}.foreign"), format!("{}: name the column that is", self.differ(foreign, other)));
        }
    }

    /// The currency of a column, if the file declares it and it could be read.
    fn declared(&self, at: usize) -> Option<Place> {
        let place = self.child.amounts.get(&at).copied()?;
        let name = self.names.own.get(at)?;
        let said = self.amounts.iter().flat_map(|table| &table.0).find(|(column, _)| column.value == *name);
        let own = said.is_some_and(|(_, currency)| currency.as_str() == OWN_CURRENCY);
        (own || place != Place::Currency).then_some(place)
    }

    fn differ(&self, name: &Text, other: Place) -> String {
        format!("`{}` is in `{}` as `amounts` say, and the sum is in `{}`", name.value, self.called(other), self.called(self.currency))
    }

    /// The name of a currency's column in the file.
    fn called(&self, at: Place) -> String {
        let name = |columns: &[String], at: usize| columns.get(at).cloned().unwrap_or_default();
        match at {
            Place::Root(at) => name(self.root, at),
            Place::Child(at) => name(self.names.own, at),
            Place::Currency | Place::Company => OWN_CURRENCY.to_owned(),
        }
    }
}
