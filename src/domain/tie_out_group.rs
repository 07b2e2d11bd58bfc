//! By what the sums of a tie-out are divided further.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;

/// What divides the sums of a fiscal period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// The supplier.
    Supplier,
    /// The account of the general ledger.
    Account,
    /// The document type.
    Type,
}

words!(GroupBy { Supplier = "supplier", Account = "account", Type = "type" });

impl GroupBy {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Supplier => "supplier",
            Self::Account => "GL account",
            Self::Type => "document type",
        }
    }
}

/// The groups of one record. `None`: the definition names no field, or the record does not show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// Its supplier.
    pub supplier: Option<String>,
    /// Its account.
    pub account: Option<String>,
    /// Its document type.
    pub document_type: Option<String>,
}
