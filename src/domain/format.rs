//! The display of a document's content: amounts with their currency, dates, other values unchanged. Only texts and decimals, never binary
//! floats.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::currency::minor_units;
use super::history::{FAULTS, Flat, members, text};
use super::money::{format_decimal, parse_decimal, thousands};

/// The display format of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// A number with at least this many decimals, and the place of its currency.
    Amount {
        /// The fewest decimals.
        places: u32,
        /// `None`: it is not an amount of money, or its currency is not declared.
        currency: Option<Currency>,
    },
    /// A calendar date.
    Date,
}

/// The place of an amount's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Currency {
    /// In this column of the root row.
    OfRoot(String),
    /// In this column of the same row.
    OfRow(String),
    /// This currency, whatever the row has.
    Is(String),
}

/// The display formats of the columns of an entity, by `Column` and `lines.Column`.
#[derive(Debug, Clone, Default)]
pub struct Formats(BTreeMap<String, Format>);

/// A value for display.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Its text; an amount has separators between thousands.
    pub text: String,
    /// The currency's code as in SYSPRO; may be empty.
    pub currency: String,
    /// Whether it is right-aligned.
    pub number: bool,
    /// Whether it is a calendar date.
    pub date: bool,
}

/// A document's content as tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// The root row's fields, in the order in which they are read. Blank ones are left out.
    pub fields: Vec<(String, Shown)>,
    /// The rows of each child that has any.
    pub children: Vec<Child>,
}

/// The rows of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its name, such as `lines`.
    pub name: String,
    /// The columns with any value, and whether they are amounts.
    pub columns: Vec<(String, bool)>,
    /// One value per column.
    pub rows: Vec<Vec<Shown>>,
}

impl Formats {
    /// Sets the display format of a column. An existing format stays, unless only this one knows the currency.
    pub fn add(&mut self, column: String, format: Format) {
        let tells_more = matches!(format, Format::Amount { currency: Some(_), .. });
        match self.0.get(&column) {
            Some(Format::Amount { currency: Some(_), .. }) => {}
            Some(_) if !tells_more => {}
            _ => drop(self.0.insert(column, format)),
        }
    }

    /// A value of a column, named as in [`Flat`]: `Column` or `lines[key of the line].Column`.
    pub fn show(&self, field: &str, value: &str, all: &Flat) -> Shown {
        let (row, column) = match (field.find('['), field.rfind('.')) {
            (Some(bracket), Some(dot)) if bracket < dot => (&field[..=dot], format!("{}.{}", &field[..bracket], &field[dot + 1..])),
            _ => ("", field.to_owned()),
        };
        self.shown(&column, value, |currency| match currency {
            Currency::OfRoot(name) => all.get(name).cloned(),
            Currency::OfRow(name) => all.get(&format!("{row}{name}")).cloned(),
            Currency::Is(code) => Some(code.clone()),
        })
    }

    fn shown(&self, column: &str, value: &str, currency: impl Fn(&Currency) -> Option<String>) -> Shown {
        match self.0.get(column) {
            Some(Format::Amount { places, currency: place }) => match parse_decimal(value) {
                Some(number) => {
                    let currency = place.as_ref().and_then(currency).unwrap_or_default().trim().to_owned();
                    // no digit is hidden
                    let places = minor_units(&currency).unwrap_or(*places);
                    let text = thousands(&format_decimal(number, number.normalize().scale().max(places)));
                    Shown { text, currency, number: true, date: false }
                }
                None => Shown { text: value.to_owned(), ..Shown::default() },
            },
            Some(Format::Date) => Shown { text: value.to_owned(), date: is_date(value), ..Shown::default() },
            None => Shown { text: value.to_owned(), ..Shown::default() },
        }
    }

    /// A document's content as tables.
    pub fn content(&self, content: &str) -> Content {
        let root: Vec<_> = fields(content).into_iter().filter(|(name, _)| name != FAULTS).collect();
        let plain: BTreeMap<&str, String> = root.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let mut found = Content::default();
        for (name, value) in &root {
            match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
                Ok(rows) => found.children.extend(self.child(name, &rows, &plain)),
                Err(_) => {
                    let value = text(value);
                    if !value.trim().is_empty() {
                        let currency = |place: &Currency| match place {
                            Currency::OfRoot(column) | Currency::OfRow(column) => plain.get(column.as_str()).cloned(),
                            Currency::Is(code) => Some(code.clone()),
                        };
                        found.fields.push((name.clone(), self.shown(name, &value, currency)));
                    }
                }
            }
        }
        found
    }

    fn child(&self, name: &str, rows: &[&RawValue], root: &BTreeMap<&str, String>) -> Option<Child> {
        let rows: Vec<Vec<(String, String)>> = rows
            .iter()
            .map(|row| {
                fields(row.get())
                    .into_iter()
                    .map(|(column, value)| (column, text(value)))
                    .filter(|(_, value)| !value.trim().is_empty())
                    .collect()
            })
            .collect();
        // the columns of all rows, in the order in which they are read
        let mut columns: Vec<String> = Vec::new();
        for row in &rows {
            let mut at = 0;
            for (column, _) in row {
                match columns.iter().position(|known| known == column) {
                    Some(known) => at = known + 1,
                    None => {
                        columns.insert(at, column.clone());
                        at += 1;
                    }
                }
            }
        }
        let show = |row: &[(String, String)], column: &str| {
            let Some((_, value)) = row.iter().find(|(name, _)| name == column) else { return Shown::default() };
            self.shown(&format!("{name}.{column}"), value, |place| match place {
                Currency::OfRoot(column) => root.get(column.as_str()).cloned(),
                Currency::OfRow(column) => row.iter().find(|(name, _)| name == column).map(|(_, value)| value.clone()),
                Currency::Is(code) => Some(code.clone()),
            })
        };
        let shown: Vec<Vec<Shown>> = rows.iter().map(|row| columns.iter().map(|column| show(row, column)).collect()).collect();
        let numeric = |column: &String| matches!(self.0.get(&format!("{name}.{column}")), Some(Format::Amount { .. }));
        let columns: Vec<(String, bool)> = columns.iter().map(|column| (column.clone(), numeric(column))).collect();
        (!shown.is_empty()).then(|| Child { name: name.to_owned(), columns, rows: shown })
    }
}

/// Whether the text is `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

/// An object's members in their order; empty when it is not an object.
fn fields(object: &str) -> Vec<(String, &RawValue)> {
    members(object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::history::{ChildKeys, flatten};

    fn formats() -> Formats {
        let mut formats = Formats::default();
        let amount = |currency| Format::Amount { places: 2, currency };
        formats.add("Value".into(), amount(None));
        formats.add("Value".into(), amount(Some(Currency::OfRoot("Currency".into()))));
        formats.add("Value".into(), Format::Date);
        formats.add("Due".into(), Format::Date);
        formats.add("lines.Amount".into(), amount(Some(Currency::OfRow("Code".into()))));
        formats.add("lines.Quantity".into(), amount(None));
        formats
    }

    #[test]
    fn amounts_have_their_currency_and_all_their_digits() {
        let content = formats().content(
            r#"{"Supplier":"0042","Value":12345678901234.567891,"Currency":"ZAR","Due":{"date":"2026-01-31"},"Code":"1200-05-10","Blank":" ",
                "lines":[{"Amount":-1234.5,"Code":"USD"},{"Quantity":7,"Amount":0}]}"#,
        );
        let text = |text: &str| Shown { text: text.into(), ..Shown::default() };
        let amount = |text: &str, currency: &str| Shown { text: text.into(), currency: currency.into(), number: true, date: false };
        let fields: Vec<(&str, Shown)> = content.fields.iter().map(|(name, shown)| (name.as_str(), shown.clone())).collect();
        let expected = [
            ("Supplier", text("0042")),
            ("Value", amount("12,345,678,901,234.567891", "ZAR")),
            ("Currency", text("ZAR")),
            ("Due", Shown { date: true, ..text("2026-01-31") }),
            ("Code", text("1200-05-10")),
        ];
        assert_eq!(fields, expected);
        let lines = &content.children[0];
        assert_eq!(lines.columns, [("Quantity".to_owned(), true), ("Amount".to_owned(), true), ("Code".to_owned(), false)]);
        assert_eq!(lines.rows[0], [Shown::default(), amount("-1,234.50", "USD"), text("USD")]);
        assert_eq!(lines.rows[1], [amount("7.00", ""), amount("0.00", ""), Shown::default()]);
    }

    #[test]
    fn a_difference_is_shown_like_the_content() {
        let keys = ChildKeys::from([("lines".to_owned(), vec!["No".to_owned()])]);
        let flat = flatten(r#"{"Value":1000,"Currency":"ZAR","lines":[{"No":"1.5]","Amount":2,"Code":"USD"}]}"#, &keys);
        let shown = |field: &str| {
            let shown = formats().show(field, &flat[field], &flat);
            format!("{} {}", shown.text, shown.currency)
        };
        assert_eq!(shown("Value"), "1,000.00 ZAR");
        assert_eq!(shown("lines[1.5]].Amount"), "2.00 USD");
        assert_eq!(shown("lines[1.5]].No"), "1.5] ");
        assert_eq!(formats().show("Value", "n/a", &flat), Shown { text: "n/a".into(), ..Shown::default() });
    }
}
