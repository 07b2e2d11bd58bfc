//! Words that people type: finds the nearest known word, and makes the message about an unknown one.

use std::collections::BTreeSet;
use std::fmt;

use strsim::levenshtein;

/// The known word that was probably meant; `None` when no word is near enough for a suggestion. Case does not count.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let near = known.into_iter().map(|word| (levenshtein(&word.to_lowercase(), &wrong), word)).min();
    near.filter(|(distance, word)| *distance <= 1 + word.chars().count() / 4).map(|(_, word)| word)
}

/// A word that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The kind of word, such as `company`.
    pub what: &'static str,
    /// What was typed.
    pub word: String,
    /// The known word that is nearest to it.
    pub near: Option<String>,
    /// Every known word.
    pub known: Vec<String>,
}

impl Unknown {
    /// What is wrong, without the list of known words.
    pub fn detail(&self) -> String {
        let near = self.near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("there is no {} `{}`{near}", self.what, self.word)
    }

    /// What to do.
    pub fn next_step(&self) -> String {
        match self.known.as_slice() {
            [] => self.choices(),
            _ => format!("use one of {}", self.choices()),
        }
    }

    /// The known words.
    pub fn choices(&self) -> String {
        match self.known.as_slice() {
            [] => format!("no {} is known yet", self.what),
            known => known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.detail();
        let end = if detail.ends_with('?') { "" } else { ";" };
        write!(f, "{detail}{end} {}", self.next_step())
    }
}

impl std::error::Error for Unknown {}

/// Checks a word against the known ones. `what` is the kind of word.
///
/// # Errors
/// [`Unknown`] with the nearest known word.
pub fn check<'a>(what: &'static str, word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Result<(), Unknown> {
    if known.clone().into_iter().any(|one| one == word) {
        return Ok(());
    }
    let near = nearest(word, known.clone()).map(str::to_owned);
    Err(Unknown { what, word: word.to_owned(), near, known: known.into_iter().map(str::to_owned).collect() })
}

/// The names for list filters: those of the configuration, and those with records in the ledger.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// SYSPRO companies.
    pub companies: BTreeSet<String>,
    /// Entities.
    pub entities: BTreeSet<String>,
}

impl Names {
    /// Of these companies and entities.
    pub fn of<C: ToString, E: ToString>(companies: impl IntoIterator<Item = C>, entities: impl IntoIterator<Item = E>) -> Self {
        Self {
            companies: companies.into_iter().map(|name| name.to_string()).collect(),
            entities: entities.into_iter().map(|name| name.to_string()).collect(),
        }
    }

    /// Checks several of both.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_all(&self, companies: &[String], entities: &[String]) -> Result<(), Unknown> {
        companies.iter().try_for_each(|company| self.check(Some(company), None))?;
        entities.iter().try_for_each(|entity| self.check(None, Some(entity)))
    }

    /// Checks a company and an entity, if given.
    ///
    /// # Errors
    /// [`Unknown`] for the first unknown one: a list filtered by it would be empty, which looks like an all-clear.
    pub fn check(&self, company: Option<&str>, entity: Option<&str>) -> Result<(), Unknown> {
        if let Some(company) = company {
            check("company", company, self.companies.iter().map(String::as_str))?;
        }
        match entity {
            Some(entity) => check("entity", entity, self.entities.iter().map(String::as_str)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let known = ["rejected", "missing_parent", "waiting", "unknown"];
        assert_eq!(nearest("waitng", known), Some("waiting"));
        assert_eq!(nearest("REJECTED", known), Some("rejected"));
        assert_eq!(nearest("frobnicate", known), None);
        assert_eq!(nearest("EDU9", ["EDU1", "FAR2"]), Some("EDU1"));
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn an_unknown_name_is_said_with_the_known_ones() {
        let names = Names { companies: ["EDU1".to_owned()].into(), entities: ["invoice".to_owned(), "supplier".to_owned()].into() };
        assert_eq!(names.check(Some("EDU1"), Some("invoice")), Ok(()));
        assert_eq!(names.check(None, None), Ok(()));
        let said = |company, entity| names.check(company, entity).expect_err("unknown").to_string();
        assert_eq!(said(None, Some("invoicex")), "there is no entity `invoicex`; did you mean `invoice`? use one of `invoice`, `supplier`");
        assert_eq!(said(Some("OTHER"), None), "there is no company `OTHER`; use one of `EDU1`");
        assert_eq!(said(Some("edu1"), None), "there is no company `edu1`; did you mean `EDU1`? use one of `EDU1`");
        assert_eq!(Names::default().check(Some("A"), None).expect_err("unknown").next_step(), "no company is known yet");
        assert_eq!(names.check_all(&["EDU1".into(), "X".into()], &["y".into()]).expect_err("unknown").word, "X");
        assert_eq!(names.check_all(&[], &["invoice".into(), "y".into()]).expect_err("unknown").word, "y");
    }
}
