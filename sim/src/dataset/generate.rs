//! Generates two companies from a seed.

use std::collections::BTreeMap;

use chrono::{Local, NaiveDate};
use fastrand::Rng;

use super::database::{Company, Database, EditError};
use super::maker::Maker;
use super::{ledger, masters, ordinary, payables, purchasing};

/// The company with the special cases, if they have a company of their own ([`Companies::Apart`]).
pub const ODD: &str = "ODD";

/// Which companies are generated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Companies {
    /// `EDU1`, and the small `1` with the same supplier, invoice, order and GL numbers: both hold every special case.
    #[default]
    Mixed,
    /// `EDU1`, an ordinary manufacturer, and [`ODD`] with every special case.
    Apart,
}

/// What the data is generated from.
#[derive(Debug, Clone)]
pub struct DatasetOptions {
    /// The same seed, number of documents and day give the same bytes.
    pub seed: u64,
    /// AP invoices of company `EDU1`; at least [`payables::SPECIAL`], because the special cases are always generated. The other company has a twentieth.
    pub documents: u32,
    /// GL lines of each ordinary invoice; 1 to 6 at random when absent.
    pub lines_per_invoice: Option<u32>,
    /// The day on which the year ends.
    pub today: NaiveDate,
    /// Which companies are generated.
    pub companies: Companies,
    /// Further companies `C001`, `C002`, …, each with the data of `EDU1`; at most 999.
    pub copies: u32,
}

impl Default for DatasetOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            documents: 1_000,
            lines_per_invoice: None,
            today: Local::now().date_naive(),
            companies: Companies::default(),
            copies: 0,
        }
    }
}

/// The companies with their data.
pub fn generate(options: &DatasetOptions) -> Result<Database, EditError> {
    let documents = options.documents.max(payables::SPECIAL);
    let mut companies = BTreeMap::new();
    let apart = options.companies == Companies::Apart;
    let (small, other) = if apart { (ODD, "ODD2") } else { ("1", "2") };
    let copies = (1..=options.copies.min(999)).map(|copy| (format!("C{copy:03}"), "EDU1", "EDU2", documents));
    let own = [("EDU1".to_owned(), "EDU1", "EDU2", documents), (small.to_owned(), small, other, (documents / 20).max(payables::SPECIAL))];
    for (id, like, other, documents) in own.into_iter().chain(copies) {
        let seed =
            options.seed ^ like.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut company = Company::new(&id);
        company.ordinary = apart && id != ODD;
        let mut maker = Maker {
            company: &mut company,
            random: Rng::with_seed(seed),
            today: options.today,
            lines: options.lines_per_invoice,
            moved: BTreeMap::new(),
        };
        masters::fill(&mut maker, other, documents)?;
        if maker.company.ordinary {
            ordinary::fill(&mut maker, documents)?;
            ledger::settle(&mut maker)?;
            companies.insert(id, company);
            continue;
        }
        let invoices = payables::fill(&mut maker, documents)?;
        purchasing::fill(&mut maker, &invoices)?;
        ordinary::pay(&mut maker, &invoices)?;
        ledger::special_journals(&mut maker)?;
        ledger::settle(&mut maker)?;
        companies.insert(id, company);
    }
    Ok(Database { companies, today: options.today })
}
