//! What an application consists of, before it is written in any form.

use std::collections::BTreeSet;

use crate::definition::extent::{Extent, ExtentKind};

use super::shipped::Shipped;

/// The tables, maps, roles and access rules that a profile needs on an instance.
#[derive(Debug, Clone)]
pub struct Application {
    /// The profile that it was made from.
    pub profile: String,
    /// The tables: the ones that it brings, and the ones of the instance that it adds columns to.
    pub tables: Vec<Table>,
    /// The transform maps that it brings.
    pub maps: Vec<TransformMap>,
    /// What an administrator changes in transform maps of ServiceNow.
    pub map_changes: Vec<MapChange>,
    /// The roles.
    pub roles: Vec<Role>,
    /// What Tieline does with the rows of each table.
    pub rights: Vec<TableRights>,
    /// The access rules of its own tables and columns.
    pub rules: Vec<AccessRule>,
}

impl Application {
    /// A table by its name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// One table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name on the instance.
    pub name: String,
    /// Its label; empty for a table that the instance has.
    pub label: String,
    /// What it is for.
    pub kind: TableKind,
    /// The columns that the application brings, in the order of the profile.
    pub columns: Vec<Column>,
    /// The indexes that the application brings. Those of a table that the instance has are unique columns.
    pub indexes: Vec<Index>,
}

impl Table {
    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the application brings the table itself.
    pub fn is_own(&self) -> bool {
        match self.kind {
            TableKind::Staging | TableKind::Target => true,
            TableKind::Shipped(_) | TableKind::Site => false,
        }
    }

    /// What brings a table that the instance has.
    pub fn product(&self) -> Option<&'static str> {
        match self.kind {
            TableKind::Staging | TableKind::Target => None,
            TableKind::Shipped(shipped) => Some(shipped.product),
            TableKind::Site => Some("your instance: Tieline does not know this table"),
        }
    }
}

/// What a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Rows arrive here through the Import Set API; a transform map moves them on.
    Staging,
    /// It keeps the records.
    Target,
    /// ServiceNow brings it; the application adds columns.
    Shipped(&'static Shipped),
    /// The site has it, and the profile names it; the application adds columns.
    Site,
}

/// One column that the application brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether two rows may not have the same value.
    pub unique: bool,
    /// What the column is for.
    pub purpose: ColumnPurpose,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A text of at most this many characters.
    Text(usize),
    /// A decimal with this many decimals.
    Decimal(u32),
    /// A whole number.
    Whole,
    /// A date.
    Date,
    /// `true` or `false`.
    Flag,
}

/// The lengths of texts that the application uses.
const LENGTHS: [usize; 6] = [40, 100, 120, 255, 1000, 4000];

impl ColumnKind {
    /// A text that holds every value of this extent: what arrives in a staging table is text.
    pub fn text_of(extent: Extent) -> Self {
        Self::Text(LENGTHS.into_iter().find(|length| *length >= extent.length).unwrap_or(extent.length))
    }

    /// The kind of a column that keeps such values.
    pub fn of(extent: Extent) -> Self {
        match extent.kind {
            ExtentKind::Text => Self::text_of(extent),
            ExtentKind::Decimal(decimals) => Self::Decimal(decimals),
            ExtentKind::Whole => Self::Whole,
            ExtentKind::Date => Self::Date,
            ExtentKind::Flag => Self::Flag,
        }
    }
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnPurpose {
    /// Company, entity and key of the record.
    Key,
    /// The version of the record.
    Version,
    /// A field of the profile.
    Field,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its column.
    pub column: String,
    /// Whether two rows may not have the same value.
    pub unique: bool,
}

/// A transform map from a staging table to the table that keeps the records. It coalesces on the key with its case, and copies empty fields.
#[derive(Debug, Clone)]
pub struct TransformMap {
    /// Its name.
    pub name: String,
    /// The staging table.
    pub source: String,
    /// The table that keeps the records.
    pub target: String,
    /// Its field maps.
    pub fields: Vec<FieldMap>,
}

/// One field map. Both columns have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMap {
    /// The column in both tables.
    pub column: String,
    /// Whether rows are found by it.
    pub coalesce: bool,
    /// Whether it reads a date.
    pub date: bool,
}

/// What an administrator changes in a transform map that ServiceNow ships. An application cannot change it: the map has the `sys_id` of
/// another scope, and a second map on the same staging table would write a second row.
#[derive(Debug, Clone)]
pub struct MapChange {
    /// The map's name as ServiceNow publishes it.
    pub map: &'static str,
    /// The staging table.
    pub source: String,
    /// The table that keeps the records.
    pub target: String,
    /// The field maps to add. The one that coalesces must be the only one.
    pub fields: Vec<FieldMap>,
}

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name without the scope.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The roles of ServiceNow that it contains.
    pub contains: Vec<&'static str>,
}

/// What the user of the OAuth application does with the rows of a table.
#[derive(Debug, Clone)]
pub struct TableRights {
    /// The table.
    pub table: String,
    /// What it does there.
    pub operations: BTreeSet<Operation>,
}

/// What an access rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Reading rows.
    Read,
    /// Creating rows.
    Create,
    /// Changing rows.
    Write,
    /// Deleting rows.
    Delete,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Read, Self::Create, Self::Write, Self::Delete];

    /// ServiceNow's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

/// Who may do what with the rows of a table, or with one column of them.
#[derive(Debug, Clone)]
pub struct AccessRule {
    /// The table.
    pub table: String,
    /// The column; `None`: the rows.
    pub column: Option<String>,
    /// What is allowed.
    pub operation: Operation,
    /// The names of the roles, without the scope.
    pub roles: Vec<&'static str>,
}
