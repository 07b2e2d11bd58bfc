//! What a table contains: the number of its rows, and its totals. Its memory depends on the number of totals, and not on the rows.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::formats::{fits, fits_count};
use super::table::{Cell, Field};

/// The number of a table's rows, and its totals.
#[derive(Debug)]
pub struct Tally {
    fields: &'static [Field],
    rows: u64,
    totals: BTreeMap<Vec<String>, Vec<Total>>,
}

/// A sum.
#[derive(Debug, Clone)]
struct Total {
    sum: Decimal,
    /// The most decimals of its amounts; `None`: it adds up numbers of things.
    decimals: Option<u32>,
    /// Whether every cell is a number in a sheet; if not, a spreadsheet cannot add them up.
    numbers: bool,
    /// Whether it is too large to be added up exactly.
    overflows: bool,
    any: bool,
}

impl Total {
    const NOTHING: Self = Self { sum: Decimal::ZERO, decimals: None, numbers: true, overflows: false, any: false };

    fn add(&mut self, cell: &Cell) {
        let (value, fits) = match cell {
            Cell::Count(count) => (Decimal::from(*count), fits_count(*count)),
            Cell::Amount(amount, decimals) => {
                self.decimals = Some(self.decimals.unwrap_or(0).max(*decimals));
                (*amount, fits(amount))
            }
            _ => return,
        };
        (self.any, self.numbers) = (true, self.numbers && fits);
        match self.sum.checked_add(value) {
            Some(sum) => self.sum = sum,
            None => self.overflows = true,
        }
    }

    fn cell(&self) -> Cell {
        match (self.any, self.overflows, self.decimals) {
            (false, ..) => Cell::Empty,
            (true, true, _) => Cell::Text("too large to be added up exactly".to_owned()),
            (true, false, Some(decimals)) => Cell::Amount(self.sum, decimals),
            (true, false, None) => i64::try_from(self.sum).map_or_else(|_| Cell::Text(self.sum.to_string()), Cell::Count),
        }
    }
}

/// The totals of the rows with the same values.
pub(super) struct Line {
    /// These values, each with the place of its column.
    pub(super) by: Vec<(usize, String)>,
    /// The sums, each with the place of its column, and whether a formula can show it.
    pub(super) sums: Vec<(usize, Cell, bool)>,
}

impl Tally {
    /// Of a table with these columns.
    pub fn of(fields: &'static [Field]) -> Self {
        Self { fields, rows: 0, totals: BTreeMap::new() }
    }

    /// The table's columns.
    pub fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn places(&self, wanted: fn(&Field) -> bool) -> impl Iterator<Item = usize> {
        self.fields.iter().enumerate().filter(move |(_, field)| wanted(field)).map(|(place, _)| place)
    }

    /// Counts a row.
    pub fn add(&mut self, row: &[Cell]) {
        self.rows += 1;
        let added: Vec<usize> = self.places(Field::is_added).collect();
        if added.is_empty() {
            return;
        }
        let by: Vec<String> = self.places(Field::divides_totals).filter_map(|place| row.get(place)).map(Cell::shown).collect();
        let sums = self.totals.entry(by).or_insert_with(|| vec![Total::NOTHING; added.len()]);
        for (sum, cell) in sums.iter_mut().zip(added.iter().filter_map(|place| row.get(*place))) {
            sum.add(cell);
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether the table has totals.
    pub(super) fn has_totals(&self) -> bool {
        self.fields.iter().any(Field::is_added)
    }

    /// The columns of its totals.
    pub(super) fn columns(&self) -> Vec<&'static Field> {
        let by = self.fields.iter().filter(|field| field.divides_totals());
        by.chain(self.fields.iter().filter(|field| field.is_added())).collect()
    }

    /// Its totals, in the order of the values.
    pub(super) fn lines(&self) -> Vec<Line> {
        // a spreadsheet compares without case, and texts that are numbers by their value: its formula would add up both
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<String> = self.totals.keys().map(|by| as_compared(by)).filter(|by| !seen.insert(by.clone())).collect();
        let line = |(by, sums): (&Vec<String>, &Vec<Total>)| {
            let alone = !twice.contains(&as_compared(by));
            Line {
                by: self.places(Field::divides_totals).zip(by.iter().cloned()).collect(),
                sums: self.places(Field::is_added).zip(sums).map(|(place, sum)| (place, sum.cell(), sum.numbers && alone)).collect(),
            }
        };
        self.totals.iter().filter(|(_, sums)| sums.iter().any(|sum| sum.any)).map(line).collect()
    }

    /// Its totals in words, one for each line: `invoice, EUR: SYSPRO amount 12.00, Difference 0.00`.
    pub fn words(&self) -> Vec<String> {
        let line = |line: Line| {
            let sums: Vec<String> = line
                .sums
                .iter()
                .filter(|(_, sum, _)| *sum != Cell::Empty)
                .map(|(place, sum, _)| format!("{} {}", self.fields[*place].heading, sum.code()))
                .collect();
            let by: Vec<String> = line.by.into_iter().map(|(_, by)| by).filter(|by| !by.is_empty()).collect();
            let by = if by.is_empty() { String::new() } else { format!("{}: ", by.join(", ")) };
            format!("{by}{}", sums.join(", "))
        };
        self.lines().into_iter().map(line).collect()
    }
}

/// Values as a spreadsheet compares them: `01` and `1` are one number, `a` and `A` one text.
fn as_compared(values: &[String]) -> String {
    let one = |text: &String| match text.trim().parse::<Decimal>() {
        Ok(number) => number.normalize().to_string(),
        Err(_) => text.to_lowercase(),
    };
    values.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 3] = [
        Field::text("currency", "Currency", 9).by(),
        Field::amount("amount", "Amount", 16).added(),
        Field::number("parts", "Parts", 9).added(),
    ];

    fn row(currency: &str, amount: &str, parts: i64) -> [Cell; 3] {
        [currency.into(), Cell::Amount(amount.parse().unwrap(), 2), parts.into()]
    }

    #[test]
    fn amounts_of_different_currencies_are_never_added() {
        let mut tally = Tally::of(&FIELDS);
        for row in [row("EUR", "1.10", 1), row("USD", "5", 2), row("EUR", "0.205", 3)] {
            tally.add(&row);
        }
        assert_eq!(tally.rows(), 3);
        assert_eq!(tally.words(), ["EUR: Amount 1.305, Parts 4", "USD: Amount 5, Parts 2"]);
    }

    #[test]
    fn no_formula_where_a_spreadsheet_could_not_add_up() {
        let mut tally = Tally::of(&FIELDS);
        for row in [row("EUR", "99999999999999.99", 1), row("USD", "1.00", 1), row("usd", "2.00", 1), row("ZAR", "3.00", 1)] {
            tally.add(&row);
        }
        let formulas: Vec<bool> = tally.lines().iter().map(|line| line.sums[0].2).collect();
        assert_eq!(
            formulas,
            [false, false, true, false],
            "EUR has 16 digits, USD and usd are the same to a spreadsheet; in order: {:?}",
            tally.words()
        );
    }
}
