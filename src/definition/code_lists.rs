//! Code lists: translate a site's own codes to those of ServiceNow.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::currency::minor_units;
use crate::domain::{CompanyId, Value};

use super::shape::{CodeListFile, OtherwiseWord};

/// The code list from SYSPRO's currency codes to ISO 4217.
pub const CURRENCY: &str = "currency";

/// All code lists, by name, and the currency that each company keeps its books in.
#[derive(Debug, Clone, Default)]
pub struct CodeLists {
    lists: BTreeMap<String, CodeList>,
    currencies: BTreeMap<CompanyId, Value>,
    /// Notes the codes that are missing, and lets the mapping go on with them.
    missing: Option<MissingCodes>,
}

/// Codes that a mapping needed and no list has: each with its list.
#[derive(Debug, Clone, Default)]
pub struct MissingCodes(Arc<Mutex<BTreeSet<(String, String)>>>);

impl MissingCodes {
    /// The codes noted since the last call: the list and the code.
    pub fn take(&self) -> BTreeSet<(String, String)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One code list.
#[derive(Debug, Clone, Default)]
pub struct CodeList {
    codes: BTreeMap<String, String>,
    company: BTreeMap<String, BTreeMap<String, String>>,
    otherwise: Otherwise,
}

/// What happens to a code that is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Otherwise {
    #[default]
    Error,
    Same,
    Iso,
}

impl CodeLists {
    /// ServiceNow's code for a code of the company. A blank code stays blank.
    ///
    /// # Errors
    /// The list has no such code; the text says what to do.
    pub fn resolve<'a>(&'a self, list: &str, company: &CompanyId, code: &'a str) -> Result<Cow<'a, str>, String> {
        match (self.listed(list, company, code), &self.missing) {
            (Err(_), Some(MissingCodes(missing))) => {
                let code = code.trim();
                missing.lock().unwrap_or_else(PoisonError::into_inner).insert((list.to_owned(), code.to_owned()));
                Ok(code.into())
            }
            (resolved, _) => resolved,
        }
    }

    /// The same lists for a preview, which names all missing codes of a record. A missing code does not stop the mapping: it stays as it
    /// is, and is noted. Nothing that was mapped with these lists may be sent.
    pub fn noting_missing(&self) -> (Self, MissingCodes) {
        let missing = MissingCodes::default();
        (Self { missing: Some(missing.clone()), ..self.clone() }, missing)
    }

    /// What the lists say, with an error for a missing code in any case.
    fn listed<'a>(&'a self, list: &str, company: &CompanyId, code: &'a str) -> Result<Cow<'a, str>, String> {
        let code = code.trim();
        if code.is_empty() {
            return Ok("".into());
        }
        let Some(code_list) = self.lists.get(list) else {
            return Err(format!("there is no code list `{list}`; add `lookups/{list}.toml`"));
        };
        let listed = code_list.company.get(company.as_str()).and_then(|codes| codes.get(code)).or_else(|| code_list.codes.get(code));
        match (listed, code_list.otherwise) {
            (Some(other), _) => Ok(other.into()),
            (None, Otherwise::Same) => Ok(code.into()),
            (None, Otherwise::Iso) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => Ok(code.into()),
            (None, _) => Err(format!("the code list `{list}` has no `{code}`; add it under `[codes]` of `lookups/{list}.toml`")),
        }
    }

    /// The company's own currency as given in the settings; `None`: not set.
    pub fn currency_of(&self, company: &CompanyId) -> Option<&Value> {
        self.currencies.get(company)
    }

    /// Its ISO 4217 code. The settings may contain it directly, or SYSPRO's code for it.
    ///
    /// # Errors
    /// It is not set, or not a currency; the text says what to do.
    pub fn own_currency(&self, company: &CompanyId) -> Result<Cow<'_, str>, String> {
        let Some(Value::Text(code)) = self.currency_of(company) else {
            return Err(format!("the company's own currency is missing: set `currency` under `[company.{company}]` in the settings"));
        };
        match self.listed(CURRENCY, company, code) {
            Ok(iso) if minor_units(&iso).is_some() => Ok(iso),
            _ if minor_units(code).is_some() => Ok(Cow::Borrowed(code)),
            Ok(iso) => Err(format!("the company's own currency `{code}` stands for `{iso}`, which is not an ISO 4217 code such as `ZAR`")),
            Err(problem) => Err(format!("the company's own currency `{code}` is not an ISO 4217 code such as `ZAR`, and {problem}")),
        }
    }

    /// The currency of an amount for display. `stored`: as in SYSPRO, blank for the company's own. A code in no list stays as it is.
    pub fn currency_shown<'a>(&'a self, company: &CompanyId, stored: &'a str) -> Cow<'a, str> {
        let own = || match self.currency_of(company) {
            Some(Value::Text(code)) => code,
            _ => "company currency",
        };
        let code = if stored.is_empty() { own() } else { stored };
        self.listed(CURRENCY, company, code).unwrap_or(Cow::Borrowed(code))
    }

    /// Sets the currency of a company's books.
    pub(super) fn set_currency(&mut self, company: &CompanyId, code: &str) {
        self.currencies.insert(company.clone(), Value::Text(code.into()));
    }

    /// The most characters of a code that the list translates to; 0 without such a list.
    pub fn longest(&self, list: &str) -> usize {
        let codes = |list: &'_ CodeList| -> usize {
            let all = list.codes.values().chain(list.company.values().flat_map(BTreeMap::values));
            all.map(|code| code.chars().count()).max().unwrap_or_default()
        };
        // a code that stands for itself has three letters
        let itself = |list: &CodeList| if list.otherwise == Otherwise::Iso { 3 } else { 0 };
        self.lists.get(list).map_or(0, |list| codes(list).max(itself(list)))
    }

    /// Whether no code of SYSPRO is sent as it is.
    pub fn has_only_listed(&self, list: &str) -> bool {
        self.lists.get(list).is_none_or(|list| list.otherwise != Otherwise::Same)
    }

    /// The names of the lists.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }

    /// Likely mistakes: codes of companies that are not read, and currencies that ISO 4217 does not list.
    pub(super) fn notes<'a>(&self, companies: impl Iterator<Item = &'a CompanyId>) -> Vec<String> {
        let companies: BTreeSet<&str> = companies.map(CompanyId::as_str).collect();
        let mut notes = Vec::new();
        for (name, list) in &self.lists {
            for company in list.company.keys().filter(|company| !companies.contains(company.as_str())) {
                notes.push(format!(
                    "`lookups/{name}.toml`: `[company.{company}]` is not used, because `syspro.companies` does not have that company"
                ));
            }
            let codes =
                list.codes.iter().chain(list.company.values().flatten()).filter(|(_, iso)| name == CURRENCY && minor_units(iso).is_none());
            notes.extend(codes.map(|(code, iso)| {
                format!(
                    "`lookups/{name}.toml`: `{code}` stands for `{iso}`, which is not a currency of ISO 4217: the number of decimals of \
                     its amounts is unknown, and ServiceNow may not know it"
                )
            }));
        }
        notes
    }

    pub(super) fn insert(&mut self, name: &str, file: &CodeListFile) {
        let texts = |table: &super::parse::Table<super::parse::Text>| -> BTreeMap<String, String> {
            table.0.iter().map(|(code, other)| (code.value.trim().to_owned(), other.value.clone())).collect()
        };
        let code_list = CodeList {
            codes: file.codes.as_ref().map(texts).unwrap_or_default(),
            company: file.company.iter().flat_map(|t| &t.0).map(|(id, of)| (id.value.clone(), texts(&of.codes))).collect(),
            otherwise: match file.otherwise {
                Some(OtherwiseWord::Same) => Otherwise::Same,
                Some(OtherwiseWord::Iso) => Otherwise::Iso,
                Some(OtherwiseWord::Error | OtherwiseWord::Unread) | None => Otherwise::Error,
            },
        };
        self.lists.insert(name.to_owned(), code_list);
    }
}
