//! Code lists: a site's own codes to those of ServiceNow.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::domain::CompanyId;

use super::shape::{LookupFile, OtherwiseWord};

/// All code lists, by name.
#[derive(Debug, Clone, Default)]
pub struct Lookups(BTreeMap<String, Lookup>);

/// One code list.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    codes: BTreeMap<String, String>,
    company: BTreeMap<String, BTreeMap<String, String>>,
    otherwise: Otherwise,
}

/// What a code that is not listed becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Otherwise {
    #[default]
    Error,
    Same,
    Iso,
}

impl Lookups {
    /// The code of ServiceNow for one of the company. A blank code stays blank.
    ///
    /// # Errors
    /// The list has no such code; says what to do.
    pub fn resolve<'a>(&'a self, list: &str, company: &CompanyId, code: &'a str) -> Result<Cow<'a, str>, String> {
        let code = code.trim();
        if code.is_empty() {
            return Ok("".into());
        }
        let Some(lookup) = self.0.get(list) else {
            return Err(format!("there is no code list `{list}`; add `lookups/{list}.toml`"));
        };
        let listed = lookup.company.get(company.as_str()).and_then(|codes| codes.get(code)).or_else(|| lookup.codes.get(code));
        match (listed, lookup.otherwise) {
            (Some(other), _) => Ok(other.into()),
            (None, Otherwise::Same) => Ok(code.into()),
            (None, Otherwise::Iso) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => Ok(code.into()),
            (None, _) => Err(format!("the code list `{list}` has no `{code}`; add it under `[codes]` of `lookups/{list}.toml`")),
        }
    }

    /// The names of the lists.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn insert(&mut self, name: &str, file: &LookupFile) {
        let texts = |table: &super::parse::Table<super::parse::Text>| -> BTreeMap<String, String> {
            table.0.iter().map(|(code, other)| (code.value.trim().to_owned(), other.value.clone())).collect()
        };
        let lookup = Lookup {
            codes: file.codes.as_ref().map(texts).unwrap_or_default(),
            company: file.company.iter().flat_map(|t| &t.0).map(|(id, of)| (id.value.clone(), texts(&of.codes))).collect(),
            otherwise: match file.otherwise {
                Some(OtherwiseWord::Same) => Otherwise::Same,
                Some(OtherwiseWord::Iso) => Otherwise::Iso,
                Some(OtherwiseWord::Error | OtherwiseWord::Unread) | None => Otherwise::Error,
            },
        };
        self.0.insert(name.to_owned(), lookup);
    }
}
