//! Names that identify a flow: company and entity.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// From a text, unchanged.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(text.as_ref().into())
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

name_type! {
    /// One SYSPRO company, which is one database, such as `EDU1`.
    CompanyId
}
name_type! {
    /// A kind of record, named by its definition file, such as `invoice`.
    EntityName
}

impl EntityName {
    /// The name for people, in the singular: `purchase order`, `GL account`.
    pub fn spoken(&self) -> String {
        match self.as_str() {
            "gl_account" => "GL account".into(),
            "gl_posting" => "GL posting".into(),
            "cost_center" => "cost centre".into(),
            other => other.replace('_', " "),
        }
    }

    /// The name for people of so many: `1 GL account`, `5 suppliers`.
    pub fn counted(&self, count: i64) -> String {
        format!("{count} {}{}", self.spoken(), if count == 1 { "" } else { "s" })
    }

    /// The name for people as the head of a list: `Purchase orders`.
    pub fn heading(&self) -> String {
        let mut text = self.spoken() + "s";
        text.get_mut(..1).map(str::make_ascii_uppercase).unwrap_or_default();
        text
    }
}

impl CompanyId {
    /// A form that two spellings of one company share: without surrounding spaces, in lower case, full-width letters as normal ones.
    pub fn folded(&self) -> String {
        let narrow = |letter: char| match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
            '\u{3000}' => ' ',
            letter => letter,
        };
        self.as_str().chars().map(narrow).collect::<String>().trim().to_lowercase()
    }
}

/// The first company of the settings that the ledger knows only in another spelling, and that spelling.
pub fn doubles(ours: &[CompanyId], known: &[String]) -> Option<(CompanyId, String)> {
    ours.iter().find_map(|company| {
        let same = |other: &&String| **other != company.as_str() && CompanyId::new(other).folded() == company.folded();
        known.iter().find(same).map(|other| (company.clone(), other.clone()))
    })
}

/// The message about such a company.
pub fn twice(ours: &CompanyId, known: &str) -> String {
    format!(
        "company `{ours}` of `syspro.companies` is known to the ledger as `{known}`: its records would get other keys and arrive in \
         ServiceNow a second time. Write `{known}` in `syspro.companies`; or forget what was read as `{known}` (`tieline flow forget \
         {known} --why …`), whose records stay in ServiceNow; or, if they are two companies, set `syspro.companies_differ_by_case = true`"
    )
}

/// One (company, entity) with a schedule; read by one Poller at a time in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FlowId {
    /// The SYSPRO company.
    #[schema(value_type = String)]
    pub company: CompanyId,
    /// The kind of record.
    #[schema(value_type = String)]
    pub entity: EntityName,
}

impl FlowId {
    /// The flow of one entity in one company.
    pub fn new(company: impl Into<CompanyId>, entity: impl Into<EntityName>) -> Self {
        Self { company: company.into(), entity: entity.into() }
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.company, self.entity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_has_one_name_for_people() {
        let of = |name: &str| {
            let name = EntityName::new(name);
            (name.counted(1), name.counted(2), name.heading())
        };
        assert_eq!(of("gl_account"), ("1 GL account".into(), "2 GL accounts".into(), "GL accounts".into()));
        assert_eq!(of("purchase_order"), ("1 purchase order".into(), "2 purchase orders".into(), "Purchase orders".into()));
    }

    #[test]
    fn a_company_in_another_spelling_is_found() {
        let ours = [CompanyId::new("EDU1"), CompanyId::new("2")];
        let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for other in ["edu1", "Edu1", " EDU1", "ＥＤＵ1", "EDU１\u{3000}"] {
            assert_eq!(doubles(&ours, &known(&["2", other])), Some((CompanyId::new("EDU1"), other.to_owned())), "{other}");
        }
        assert_eq!(doubles(&ours, &known(&["EDU1", "2", "EDU2", "EDU10"])), None);
        let said = twice(&ours[0], "edu1");
        assert!(said.contains("`EDU1`") && said.contains("`edu1`") && said.contains("flow forget edu1"), "{said}");
    }
}
