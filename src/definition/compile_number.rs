//! Compiles numbers, amounts and totals of the definition files: how they are computed, and their currencies.

use std::collections::BTreeMap;

use super::block::Block;
use super::parse::{Table, Text, Words};
use super::plan::{ChildRead, ColumnKind, Convert, Decimals, FieldSource, NumberFrom, NumberPlan, Place, ValueDiscount};
use super::problem::{Report, list, unknown_column};
use super::shape::{ConvertShape, FieldTable, ValueDiscountShape};
use super::transform::{self, Form};

/// The name for the company's own currency.
pub(super) const OWN_CURRENCY: &str = "@currency";

/// The row of an amount.
pub(super) struct RowNames<'a> {
    /// The table, for messages.
    pub(super) table: &'a str,
    /// The row's columns.
    pub(super) own: &'a [String],
    /// The root row's columns, when the row is a child's.
    pub(super) root: Option<&'a [String]>,
}

impl RowNames<'_> {
    /// The place of a column: in the row itself, or else in the root row.
    pub(super) fn place(&self, name: &Text, key: &str, report: &mut Report<'_>) -> Place {
        if name.line == 0 || name.as_str() == OWN_CURRENCY {
            return Place::Currency;
        }
        let at = |columns: &[String], name: &str| columns.iter().position(|column| column == name);
        let in_root = |name: &str| at(self.root.unwrap_or(self.own), name).map(Place::Root);
        let found = match (name.strip_prefix("root."), self.root) {
            (Some(name), _) => in_root(name),
            (None, Some(_)) => at(self.own, name).map(Place::Child).or_else(|| in_root(name)),
            (None, None) => in_root(name),
        };
        found.unwrap_or_else(|| {
            report.add(name.line, key, unknown_column(name, self.table, self.own));
            Place::Currency
        })
    }

    /// The currency of each amount of the row.
    pub(super) fn amounts(&self, shape: Option<&Table<Text>>, at: &str, report: &mut Report<'_>) -> BTreeMap<usize, Place> {
        let mut amounts = BTreeMap::new();
        for (column, currency) in shape.iter().flat_map(|table| &table.0) {
            let key = format!("{at}.amounts.{}", column.value);
            match self.own.iter().position(|own| *own == column.value) {
                Some(offset) => _ = amounts.insert(offset, self.place(currency, &key, report)),
                None => report.add(column.line, key, unknown_column(column, self.table, self.own)),
            }
        }
        amounts
    }
}

/// `child.Column` as offsets.
pub(super) fn child_column(text: &Text, children: &[ChildRead], key: &str, report: &mut Report<'_>) -> Option<(usize, usize)> {
    if text.line == 0 {
        return None;
    }
    let Some((name, column)) = text.split_once('.') else {
        report.add(text.line, key, format!("must be `child.Column`, got `{}`", text.value));
        return None;
    };
    let Some(child) = children.iter().position(|child| child.name == name) else {
        let text_ = format!("the entity has no child `{name}`; there are {}", list(children.iter().map(|child| &child.name)));
        report.add(text.line, key, text_);
        return None;
    };
    let at = children[child].column_names().position(|other| other == column);
    if at.is_none() {
        report.add(text.line, key, unknown_column(column, &children[child].table.table, &children[child].columns()));
    }
    at.map(|at| (child, at))
}

/// The computation of a number, as written in a file.
pub(super) struct Computation<'a> {
    pub(super) foreign: Option<&'a Text>,
    pub(super) convert: Option<&'a ConvertShape>,
    pub(super) less_percent: Option<&'a Words>,
    pub(super) less_value: Option<&'a ValueDiscountShape>,
    pub(super) times: Option<&'a Text>,
}

/// Finds the place of a column, with the key that names it.
pub(super) type FindPlace<'a> = dyn FnMut(&Text, &str, &mut Report<'_>) -> Place + 'a;

impl Computation<'_> {
    /// Adds it to the plan.
    pub(super) fn compile(&self, key: &str, plan: &mut NumberPlan, report: &mut Report<'_>, place: &mut FindPlace<'_>) {
        let mut at = |name: &Text, rest: &str, report: &mut Report<'_>| place(name, &format!("{key}.{rest}"), report);
        plan.foreign = self.foreign.map(|name| at(name, "foreign", report));
        plan.times = self.times.map(|name| at(name, "times", report));
        plan.less_percent = self.less_percent.iter().flat_map(|names| names.iter()).map(|name| at(name, "less_percent", report)).collect();
        plan.less_value = self.less_value.map(|shape| {
            let words = |words: &Option<Words>| words.iter().flat_map(|words| words.iter()).map(|word| word.value.clone()).collect();
            let discount = ValueDiscount {
                value: at(&shape.value, "less_value.value", report),
                flag: at(&shape.flag, "less_value.flag", report),
                unit: words(&shape.of_unit),
                line: words(&shape.of_line),
                quantity: shape.quantity.as_ref().map(|name| at(name, "less_value.quantity", report)),
            };
            if !discount.line.is_empty() && discount.quantity.is_none() {
                report.add(shape.flag.line, format!("{key}.less_value"), "`line` needs the line's `quantity`");
            }
            discount
        });
        plan.convert = self.convert.map(|shape| convert(shape, &format!("{key}.convert"), report, place));
    }
}

/// The conversion of an amount.
pub(super) fn convert(shape: &ConvertShape, key: &str, report: &mut Report<'_>, place: &mut FindPlace<'_>) -> Convert {
    let units = match &shape.units {
        None => None,
        Some(Words { value, line }) => match &value[..] {
            [one, other] => {
                let key = format!("{key}.units");
                Some((place(one, &key, report), place(other, &key, report)))
            }
            _ => {
                if *line > 0 {
                    report.add(
                        *line,
                        format!("{key}.units"),
                        format!("must name two columns, got {}", list(value.iter().map(|t| &t.value))),
                    );
                }
                None
            }
        },
    };
    Convert {
        factor: place(&shape.factor, &format!("{key}.factor"), report),
        way: place(&shape.way, &format!("{key}.way"), report),
        back: shape.back.as_ref().is_some_and(|flag| flag.value),
        units,
    }
}

impl Block<'_> {
    /// A column written as a number.
    pub(super) fn number(&self, key: &str, at: Place, decimals: Decimals, table: &FieldTable, report: &mut Report<'_>) -> FieldSource {
        if self.kind(at) == Some(ColumnKind::Date) {
            let (name, line) =
                table.from.iter().flat_map(|from| from.names()).map(|name| (name.value.as_str(), name.line)).next().unwrap_or_default();
            let text = format!("`{name}` holds dates, as `dates` of the entity's file says; `as = \"date\"` is for them");
            report.add(table.transform.as_ref().map_or(line, |text| text.line), format!("{key}.as"), text);
        }
        let mut plan = NumberPlan::plain(NumberFrom::Column(at), decimals, self.currency(key, table, self.amount_at(at), report));
        self.computed(key, table, &mut plan, report);
        FieldSource::Number(Box::new(plan))
    }

    /// The sum of a child's rows.
    pub(super) fn sum(&self, key: &str, sum: &Text, table: &FieldTable, report: &mut Report<'_>) -> FieldSource {
        let mut decimals = Decimals::Places { least: 2, most: 2 };
        if let Some(text) = table.transform.as_ref().filter(|text| text.line > 0) {
            match transform::parse(text) {
                Ok(Form::Number(wanted)) => decimals = wanted,
                Ok(Form::Text(_)) => {
                    report.add(text.line, format!("{key}.as"), "a sum is written `as = \"decimal(n)\"` or `as = \"amount\"`")
                }
                Err(problem) => report.add(text.line, format!("{key}.as"), problem),
            }
        }
        let Some(read) = self.read else { return FieldSource::Constant(String::new()) };
        let Some((child, at)) = child_column(sum, &read.children, &format!("{key}.sum"), report) else {
            return FieldSource::Constant(String::new());
        };
        if read.children[child].kinds().nth(at) == Some(ColumnKind::Date) {
            let column = read.children[child].column_names().nth(at).unwrap_or_default();
            report.add(sum.line, format!("{key}.sum"), format!("`{column}` holds dates, as `dates` of the entity's file says"));
        }
        // the currency of a sum cannot be in one of its rows
        let declared = read.children[child].amounts.get(&at).copied().filter(|place| !matches!(place, Place::Child(_)));
        let mut plan = NumberPlan::plain(NumberFrom::Sum { child, at }, decimals, self.currency(key, table, declared, report));
        self.computed(key, table, &mut plan, report);
        FieldSource::Number(Box::new(plan))
    }

    /// The code of an amount's currency.
    pub(super) fn currency_code(&self, key: &str, amount: &Text, report: &mut Report<'_>) -> FieldSource {
        let nothing = FieldSource::Constant(String::new());
        let (Some(read), true) = (self.read, amount.line > 0) else { return nothing };
        let key = format!("{key}.currency_of");
        let of_child = amount.split_once('.').filter(|(name, _)| *name != "root" && self.child.is_none());
        let currency = match of_child {
            Some(_) => {
                let Some((child, at)) = child_column(amount, &read.children, &key, report) else { return nothing };
                read.children[child].amounts.get(&at).copied().filter(|place| !matches!(place, Place::Child(_)))
            }
            None => match self.place(amount, &key, report) {
                Place::Company => return nothing,
                at => self.amount_at(at),
            },
        };
        match currency {
            Some(at) => FieldSource::CurrencyCode(at),
            None => {
                let text = format!("the currency of `{}` is unknown: name it in `amounts` of the entity's file", amount.value);
                report.add(amount.line, key, text);
                nothing
            }
        }
    }

    /// The currency of a column, by the entity's file.
    fn amount_at(&self, at: Place) -> Option<Place> {
        let read = self.read?;
        match at {
            Place::Root(at) => read.amounts.get(&at).copied(),
            Place::Child(at) => read.children.get(self.child?)?.amounts.get(&at).copied(),
            Place::Company | Place::Currency => None,
        }
    }

    fn currency(&self, key: &str, table: &FieldTable, declared: Option<Place>, report: &mut Report<'_>) -> Option<Place> {
        match &table.currency {
            Some(name) => Some(self.place(name, &format!("{key}.currency"), report)),
            None => declared,
        }
    }

    /// The computation of the number before it is written.
    fn computed(&self, key: &str, table: &FieldTable, plan: &mut NumberPlan, report: &mut Report<'_>) {
        let computation = Computation {
            foreign: table.foreign.as_ref(),
            convert: table.convert.as_ref(),
            less_percent: table.less_percent.as_ref(),
            less_value: table.less_value.as_ref(),
            times: table.times.as_ref(),
        };
        computation.compile(key, plan, report, &mut |name, key, report| self.place(name, key, report));
        plan.with_currency = table.with_currency.as_ref().is_some_and(|flag| flag.value);
        if plan.currency.is_some() || self.read.is_none() {
            return;
        }
        let needs = [
            ("as = \"amount\"", plan.decimals == Decimals::OfCurrency),
            ("foreign", plan.foreign.is_some()),
            ("with_currency", plan.with_currency),
        ];
        if let Some((what, _)) = needs.iter().find(|(_, needs)| *needs) {
            let text = format!("`{what}` needs the amount's currency: name it in `amounts` of the entity's file, or as `currency` here");
            report.add(table.line, key, text);
        }
    }
}
