//! `config/lookups/<name>.toml`: a code list.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Read, Reader, Table, Text};
use super::super::problem::list;

shape! {
    /// A code list: `config/lookups/<name>.toml`.
    CodeListFile {
        /// What a code that is not listed becomes; default `error`.
        otherwise = "otherwise": Option<OtherwiseWord>,
        /// SYSPRO's code to ServiceNow's.
        codes = "codes": Option<Table<Text>>,
        /// Codes of one company, which go before `codes`.
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
    /// What a code that is not listed becomes.
    OtherwiseWord {
        /// An error: the document fails until the list is completed.
        Error = "error",
        /// Itself.
        Same = "same",
        /// Itself when it has three capital letters, as ISO 4217 codes have; else an error.
        Iso = "iso",
    }
}
