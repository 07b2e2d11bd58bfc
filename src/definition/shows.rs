//! The values of a record for lists and sums: its amount, the currency, its date.

use rust_decimal::Decimal;

use crate::domain::currency::minor_units;
use crate::domain::money::parse_decimal;
use crate::domain::ratio::Ratio;
use crate::domain::{CompanyId, Document, Facts, Value};

use super::code_lists::CodeLists;
use super::map::{RecordContext, holds};
use super::plan::{Place, Plan, RowSum, ShownAmount};
use super::transform;

/// Decimals of an amount if its currency defines none.
const USUAL_PLACES: u32 = 2;

impl Plan {
    /// The values of a document for lists and sums.
    pub fn facts(&self, company: &CompanyId, document: &Document, code_lists: &CodeLists) -> Facts {
        let amount = match &self.shows.amount {
            Some(ShownAmount::Sum(sum)) => self.sum(sum, company, document, code_lists),
            _ => self.amount_of_root(document),
        };
        self.facts_with(amount, document)
    }

    /// The same without any computation, because a computation on this document has crashed.
    pub fn facts_of_root(&self, document: &Document) -> Facts {
        self.facts_with(self.amount_of_root(document), document)
    }

    fn amount_of_root(&self, document: &Document) -> Option<Decimal> {
        let Some(ShownAmount::Column(at)) = self.shows.amount else { return None };
        match document.root.get(at)? {
            Value::Number(amount) => Some(*amount),
            Value::Text(text) => parse_decimal(text.trim()),
            _ => None,
        }
    }

    fn facts_with(&self, amount: Option<Decimal>, document: &Document) -> Facts {
        let at = |place: Option<usize>| place.and_then(|at| document.root.get(at));
        let currency = at(self.shows.currency).filter(|_| amount.is_some()).map(|value| value.to_text().trim().to_owned());
        let dated = match at(self.shows.date) {
            Some(Value::Date(date)) => Some(*date),
            Some(Value::Text(text)) => text.get(..10).and_then(|text| text.parse().ok()),
            _ => None,
        };
        let periods = self.periods(document);
        Facts { amount, currency: currency.filter(|currency| !currency.is_empty()), dated, periods }
    }

    /// The rows of a child, added up exactly and rounded once as an amount of the currency. `None` rather than the sum of only some of
    /// them.
    fn sum(&self, sum: &RowSum, company: &CompanyId, document: &Document, code_lists: &CodeLists) -> Option<Decimal> {
        // rows with faults: some may be missing or duplicated
        if self.fault(document).is_some() {
            return None;
        }
        let rows = document.children.get(sum.child)?;
        if rows.is_empty() && self.read.children.get(sum.child)?.may_be_absent {
            return None;
        }
        let company_value = Value::Null;
        let context = RecordContext::of_root(self, self.targets.first()?, company, &company_value, document, code_lists);
        let mut total = Ratio::ZERO;
        for row in rows.iter().filter(|row| holds(&sum.only_if, row)) {
            let of_row = context.with_row(row);
            let mut counted = false;
            for number in &sum.each {
                if let Some(amount) = of_row.exact(&number.plan, Place::Child(number.own)).ok()? {
                    total = total.plus(amount)?;
                    counted = true;
                }
            }
            if !counted {
                return None;
            }
        }
        let code = context.code(self.shows.currency.map_or(Place::Currency, Place::Root));
        let places = minor_units(&code).unwrap_or(USUAL_PLACES);
        let written = total.write(places, places)?;
        Decimal::from_str_exact(&written.text).ok()
    }
}

impl RecordContext<'_> {
    /// The ISO 4217 code of a currency, else SYSPRO's own code: a code that is in no list is a currency all the same. Blank is the
    /// company's own.
    pub(super) fn code(&self, at: Place) -> String {
        let own = || self.currency(Place::Currency).unwrap_or_default().into_owned();
        if at == Place::Currency {
            return own();
        }
        match self.currency(at) {
            Ok(code) if code.is_empty() => own(),
            Ok(code) => code.into_owned(),
            Err(_) => transform::plain(self.value(at)).trim().to_owned(),
        }
    }
}
