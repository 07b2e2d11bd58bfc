//! `config/lookups/<name>.toml`: a code list.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Read, Reader, Table, Text};
use super::super::problem::list;

shape! {
    /// A code list: `config/lookups/<name>.toml`.
    CodeListFile {
        /// What happens to a code that is not in the list; default `error`.
        otherwise = "otherwise": Option<OtherwiseWord>,
        /// SYSPRO's code to ServiceNow's.
        codes = "codes": Option<Table<Text>>,
        /// Codes of one company; they have priority over `codes`.
        company = "company": Option<Table<CompanyCodes>>,
    }
}

shape! {
    /// One company's codes.
    CompanyCodes {
        /// SYSPRO's code to ServiceNow's.
        codes = "codes": Table<Text>,
    }
}

words! {
    /// What happens to a code that is not in the list.
    OtherwiseWord {
        /// An error: the document fails until the list is completed.
        Error = "error",
        /// The code itself is used.
        Same = "same",
        /// The code itself is used if it has three capital letters, as ISO 4217 codes have; otherwise an error.
        Iso = "iso",
    }
}
