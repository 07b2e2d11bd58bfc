//! From a seed to two companies.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, Local, NaiveDate};
use fastrand::Rng;

use super::database::{Company, Database, EditError};
use super::{ledger, masters, ordinary, payables, purchasing};

/// The company that alone holds the awkward cases where they are kept apart.
pub const ODD: &str = "ODD";

/// Which companies there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Companies {
    /// `EDU1`, and the small `1` with the same supplier, invoice, order and GL numbers: both hold every awkward case.
    #[default]
    Mixed,
    /// `EDU1`, an ordinary manufacturer, and [`ODD`] with every awkward case.
    Apart,
}

/// What the data is made from.
#[derive(Debug, Clone)]
pub struct DatasetOptions {
    /// The same seed, documents and day give the same bytes.
    pub seed: u64,
    /// AP invoices of company `EDU1`; at least [`payables::SPECIAL`], because the special cases are always there. The other company has a twentieth.
    pub documents: u32,
    /// GL lines of each ordinary invoice; 1 to 6 at random when absent.
    pub lines_per_invoice: Option<u32>,
    /// The day on which the year ends.
    pub today: NaiveDate,
    /// Which companies there are.
    pub companies: Companies,
}

impl Default for DatasetOptions {
    fn default() -> Self {
        Self { seed: 1, documents: 1_000, lines_per_invoice: None, today: Local::now().date_naive(), companies: Companies::default() }
    }
}

/// The companies with their data.
pub fn generate(options: &DatasetOptions) -> Result<Database, EditError> {
    let documents = options.documents.max(payables::SPECIAL);
    let mut companies = BTreeMap::new();
    let apart = options.companies == Companies::Apart;
    let (small, other) = if apart { (ODD, "ODD2") } else { ("1", "2") };
    for (id, other, documents) in [("EDU1", "EDU2", documents), (small, other, (documents / 20).max(payables::SPECIAL))] {
        let seed =
            options.seed ^ id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut company = Company::new(id);
        company.ordinary = apart && id != ODD;
        let mut maker =
            Maker { company: &mut company, random: Rng::with_seed(seed), today: options.today, lines: options.lines_per_invoice };
        masters::fill(&mut maker, other, documents)?;
        if maker.company.ordinary {
            ordinary::fill(&mut maker, documents)?;
            companies.insert(id.to_owned(), company);
            continue;
        }
        let invoices = payables::fill(&mut maker, documents)?;
        purchasing::fill(&mut maker, &invoices)?;
        ledger::special_journals(&mut maker)?;
        companies.insert(id.to_owned(), company);
    }
    Ok(Database { companies, today: options.today })
}

/// Writes the rows of one company.
pub(super) struct Maker<'a> {
    pub(super) company: &'a mut Company,
    pub(super) random: Rng,
    pub(super) today: NaiveDate,
    pub(super) lines: Option<u32>,
}

impl Maker<'_> {
    /// N days before today.
    pub(super) fn back(&self, days: u64) -> NaiveDate {
        before(self.today, days)
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(0..from.len())]
    }
}

pub(super) fn before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(date)
}

pub(super) fn after(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_add_days(Days::new(days)).unwrap_or(date)
}

/// Fiscal year and period: the year begins in July and is named after its end.
pub(super) fn fiscal(date: NaiveDate) -> (i64, i64) {
    let month = i64::from(date.month());
    if month >= 7 { (i64::from(date.year()) + 1, month - 6) } else { (i64::from(date.year()), month + 6) }
}

/// The period N before.
pub(super) fn earlier((year, period): (i64, i64), by: i64) -> (i64, i64) {
    let months = year * 12 + period - 1 - by;
    (months.div_euclid(12), months.rem_euclid(12) + 1)
}

/// Local currency of both companies.
pub(super) const LOCAL: &str = "R";

/// Currency, description, rate to local currency in millionths, and whether to multiply or divide by it.
pub(super) const CURRENCIES: [(&str, &str, i64, &str); 5] = [
    ("R", "Rand", 1_000_000, "M"),
    ("$", "US dollar", 18_253_100, "M"),
    ("EUR", "Euro", 50_900, "D"),
    ("JPY", "Yen", 121_400, "M"),
    ("KWD", "Kuwaiti dinar", 59_481_200, "M"),
];

pub(super) fn rate(currency: &str) -> (i64, &'static str) {
    CURRENCIES.iter().find(|(code, ..)| *code == currency).map_or((1_000_000, "M"), |(_, _, rate, way)| (*rate, *way))
}

/// Cents of a currency in local cents, halves rounded up.
pub(super) fn local(cents: i64, currency: &str) -> i64 {
    let (rate, way) = rate(currency);
    let (cents, rate) = (i128::from(cents), i128::from(rate));
    let home = if way == "D" { (cents * 1_000_000 + rate / 2).div_euclid(rate) } else { (cents * rate + 500_000).div_euclid(1_000_000) };
    // amounts have at most 14 digits, so this never saturates
    i64::try_from(home).unwrap_or(i64::MAX)
}
