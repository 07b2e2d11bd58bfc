//! The result of a preview, for a person and for a program.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::definition::set::short;
use crate::domain::DocumentKey;
use crate::domain::history::plain;

/// What Tieline would send of some records of a flow now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// SHA-256 of the definitions with which the records were mapped.
    pub definition_hash: String,
    /// Whether these definitions are in force.
    pub definition_in_force: bool,
    /// When SYSPRO was read.
    pub read_at: DateTime<Utc>,
    /// Why nothing was compared with ServiceNow; null: it was compared, as far as the records say.
    pub not_compared: Option<String>,
    /// What holds for all of the records, in sentences.
    pub notes: Vec<String>,
    /// Whether SYSPRO has more records than these.
    pub more: bool,
    /// The records, in the order of SYSPRO's keys.
    pub records: Vec<PreviewRecord>,
}

impl Preview {
    /// The definitions with which the records were mapped, in words.
    pub fn definition_words(&self) -> String {
        let in_force = if self.definition_in_force { "in force" } else { "not in force" };
        format!("{} ({in_force})", short(&self.definition_hash))
    }
}

/// One record.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PreviewRecord {
    /// The key.
    pub key: String,
    /// What sending it would do.
    pub outcome: PreviewOutcome,
    /// What the next run does with it, and why, in a sentence.
    pub next_run: String,
    /// The number of the newest version that Tieline has read; null: none.
    pub version: Option<i32>,
    /// SYSPRO's rows as they are now: the columns of the root row, and the rows of each child under its name. Null: SYSPRO does not have it.
    #[serde(serialize_with = "plainly")]
    #[schema(value_type = Option<Object>)]
    pub source: Option<String>,
    /// Why it cannot be mapped; null: it can.
    pub problem: Option<PreviewProblem>,
    /// Codes of SYSPRO that no code list has.
    pub missing_codes: Vec<MissingCode>,
    /// Records that it refers to and that are not there.
    pub missing_parents: Vec<MissingParent>,
    /// Warnings of the mapping, such as a shortened text.
    pub warnings: Vec<String>,
    /// Its header and its lines.
    pub parts: Vec<PreviewPart>,
}

/// The stored form of a content names the kind of a value; a person and a program read the values alone.
fn plainly<S: Serializer>(content: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    content.as_ref().and_then(|content| RawValue::from_string(plain(content)).ok()).serialize(serializer)
}

/// What sending a record would do in ServiceNow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreviewOutcome {
    /// ServiceNow has no row of it.
    Create,
    /// ServiceNow has other values, or not all of its rows.
    Update,
    /// ServiceNow has these values.
    Unchanged,
    /// It waits for a record that is not delivered.
    Waits,
    /// It cannot be read or mapped, so it fails.
    Fails,
    /// The conditions of the definition exclude it.
    Excluded,
    /// SYSPRO does not have it.
    NotInSyspro,
    /// It was not compared with ServiceNow.
    NotCompared,
}

impl PreviewOutcome {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Unchanged => "unchanged",
            Self::Waits => "waits",
            Self::Fails => "fails",
            Self::Excluded => "excluded",
            Self::NotInSyspro => "not in SYSPRO",
            Self::NotCompared => "not compared",
        }
    }
}

/// Why a record cannot be mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PreviewProblem {
    /// `header`, or the name of the lines.
    pub block: String,
    /// The field of ServiceNow; null: it is not about a field.
    pub field: Option<String>,
    /// What is wrong, with the column and the value.
    pub text: String,
    /// What to do.
    pub next_step: String,
}

/// A code that no code list has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MissingCode {
    /// The code list.
    pub list: String,
    /// SYSPRO's code.
    pub code: String,
    /// What to do.
    pub next_step: String,
}

/// A record that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MissingParent {
    /// Its entity.
    pub entity: String,
    /// Its key.
    pub key: String,
    /// Whether this record waits for it: the ledger has not delivered it to the table of these definitions.
    pub waits: bool,
    /// Whether ServiceNow has a row of it now; null: not compared.
    pub in_servicenow: Option<bool>,
    /// What to do.
    pub next_step: String,
}

impl MissingParent {
    /// Where it is missing.
    pub fn words(&self) -> String {
        let there = match self.in_servicenow {
            Some(true) => "ServiceNow has a row of it",
            Some(false) => "ServiceNow has no row of it",
            None => "whether ServiceNow has a row of it was not compared",
        };
        let ledger = if self.waits { "Tieline has not delivered it" } else { "Tieline has delivered it" };
        format!("{} `{}`: {ledger}, and {there}", self.entity, DocumentKey::shown(&self.key))
    }
}

/// A header or a line.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PreviewPart {
    /// `header`, or the name of the lines and the key of the line.
    pub part: String,
    /// The table that Tieline writes to.
    pub table: String,
    /// What sending it would do.
    pub action: PartAction,
    /// Why it was not compared; null: it was.
    pub not_compared: Option<String>,
    /// The fields as they would be sent. Where codes are missing, those fields have SYSPRO's code.
    pub fields: BTreeMap<String, String>,
    /// The currency of each field that is an amount of money, as far as it is known.
    pub currencies: BTreeMap<String, String>,
    /// Fields that Tieline fills in with the sys_id of another record when it sends this one.
    pub references: Vec<PreviewReference>,
    /// The row in ServiceNow; null: there is none, or it was not compared.
    pub row: Option<PreviewRow>,
    /// The fields in which the row differs.
    pub differences: Vec<PreviewDifference>,
    /// Fields that ServiceNow did not return, or that have no column in the table that finally has the record.
    pub fields_not_compared: Vec<String>,
    /// What else is to be known of it, in sentences.
    pub notes: Vec<String>,
}

/// What sending a part would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartAction {
    /// ServiceNow has no such row.
    Create,
    /// Its row has other values.
    Update,
    /// Its row has these values.
    Nothing,
    /// SYSPRO no longer has it: the rules of the definition say what becomes of its row.
    Gone,
    /// It was not compared.
    NotCompared,
}

impl PartAction {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Create => "creates a row",
            Self::Update => "updates the row",
            Self::Nothing => "nothing: the row has these values",
            Self::Gone => "SYSPRO no longer has it: the row is marked by the rules `gone` of the definition",
            Self::NotCompared => "not compared",
        }
    }
}

/// A field that carries the sys_id of another record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PreviewReference {
    /// The field.
    pub field: String,
    /// The entity of the other record.
    pub entity: String,
    /// Its key.
    pub key: String,
    /// The sys_id of its row, as ServiceNow has it now; null: no row, or not compared.
    pub sys_id: Option<String>,
}

/// A row in ServiceNow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PreviewRow {
    /// Its table.
    pub table: String,
    /// The row.
    pub sys_id: String,
    /// Who changed it last, if ServiceNow shows it.
    pub updated_by: Option<String>,
    /// When, in UTC, as ServiceNow writes it.
    pub updated_at: Option<String>,
}

/// A field with another value in ServiceNow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PreviewDifference {
    /// The field.
    pub field: String,
    /// What would be sent.
    pub mapped: String,
    /// What ServiceNow has.
    pub servicenow: String,
}
