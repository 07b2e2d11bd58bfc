//! How one entity is read: its tables, their columns, and the queries for changes.

use std::collections::BTreeMap;

use crate::domain::CompanyId;

use super::{Control, ControlRule, Place, TotalControl};

/// How a document is read from SYSPRO.
#[derive(Debug, Clone)]
pub struct ReadPlan {
    /// The root table: one row is one document.
    pub root: TableRead,
    /// Joined tables with at most one row per root row; their columns are appended to the root row.
    pub joins: Vec<JoinRead>,
    /// Child tables with many rows per document.
    pub children: Vec<ChildRead>,
    /// The union of these queries finds what may have changed. Empty: the flow reads everything at every run.
    pub changes: Vec<ChangeQuery>,
    /// The names of the root row's values: the root table's columns, then each join's.
    pub columns: Vec<String>,
    /// The sweep; `None` when the flow reads everything anyway.
    pub sweep: Option<SweepPlan>,
    /// What happens when a column has another kind of value.
    pub type_change: TypeChange,
    /// The currency of each amount of the root row, by its offset.
    pub amounts: BTreeMap<usize, Place>,
    /// What must hold within a document, or between it and another entity.
    pub controls: Vec<Control>,
}

impl ReadPlan {
    /// The totals that are compared with the rows of a child.
    pub fn totals(&self) -> impl Iterator<Item = &TotalControl> {
        self.controls.iter().filter_map(|control| match &control.rule {
            ControlRule::Total(total) => Some(total),
            ControlRule::Equal { .. } | ControlRule::Zero { .. } | ControlRule::Exists(_) => None,
        })
    }

    /// The kinds of a root row's columns, in the order of `columns`.
    pub fn kinds(&self) -> impl Iterator<Item = ColumnKind> {
        let joined = self.joins.iter().flat_map(|join| {
            let table = &join.table;
            table.columns.iter().filter(|name| !table.key.contains(name)).map(|name| table.kind(name))
        });
        self.root.columns.iter().map(|name| self.root.kind(name)).chain(joined)
    }

    /// The same records without the rules that exclude some, and without their lines.
    pub fn without_rules(&self) -> Self {
        let mut bare = Self { children: Vec::new(), ..self.clone() };
        bare.root.filter = None;
        bare.root.exclude.clear();
        bare
    }

    /// The rules that exclude rows of the root table, if there are any.
    pub fn left_out_by(&self, company: &CompanyId) -> Option<String> {
        let root = &self.root;
        let filter = root.filter.iter().map(|filter| format!("only rows with `{}` are read", filter.of(company)));
        let excluded = root.exclude.iter().map(|(at, values)| {
            let column = root.columns.get(*at).map_or("", String::as_str);
            format!(
                "rows whose `{column}` is {} are left out",
                values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ")
            )
        });
        let rules: Vec<String> = filter.chain(excluded).collect();
        (!rules.is_empty()).then(|| rules.join("; "))
    }
}

/// The kind of a column, by the entity file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnKind {
    /// As received: a JSON number is a number, a text is text, whatever its form.
    #[default]
    AsReceived,
    /// Calendar dates.
    Date,
    /// Numbers, even if they are received as text.
    Number,
}

/// One table with its key and columns.
#[derive(Debug, Clone)]
pub struct TableRead {
    /// The OData entity set, which is the table's name.
    pub table: String,
    /// The full primary key, in order. Every key column is also in `columns`.
    pub key: Vec<String>,
    /// The columns read, in the order of a `Row`.
    pub columns: Vec<String>,
    /// Offsets of `key` within `columns`.
    pub key_at: Vec<usize>,
    /// The condition for its rows.
    pub filter: Option<Filter>,
    /// Rows with one of these values in the column are excluded after reading (`GlCode`: `FORCED`, `RETAINED`).
    pub exclude: Vec<(usize, Vec<String>)>,
    /// Columns that a site's release may lack: not requested any more once the server reports it.
    pub optional: Vec<String>,
    /// The columns that hold calendar dates.
    pub dates: Vec<String>,
    /// The columns with numbers, even if they are received as text.
    pub numbers: Vec<String>,
    /// Instead of one row per table row: distinct values of a part of a column (cost centres from GL codes).
    pub derive: Option<Derive>,
}

impl TableRead {
    /// The kind of a column.
    pub fn kind(&self, column: &str) -> ColumnKind {
        self.kinds().of(column)
    }

    /// The kinds of its columns.
    pub fn kinds(&self) -> Kinds<'_> {
        Kinds { dates: &self.dates, numbers: &self.numbers }
    }
}

/// A fixed OData condition, such as `JnlStatus eq 'P'`, in which `{company}` is replaced with the company's id. Its text is only available for
/// one company, so that `{company}` itself is never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// The condition as the entity's file has it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The condition for a company; a quote in its id is doubled.
    pub fn of(&self, company: &CompanyId) -> String {
        self.0.replace("{company}", &company.as_str().replace('\'', "''"))
    }
}

/// The kinds of a table's columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kinds<'a> {
    /// The columns with calendar dates.
    pub dates: &'a [String],
    /// The columns with numbers.
    pub numbers: &'a [String],
}

impl Kinds<'_> {
    /// The kind of a column.
    pub fn of(self, column: &str) -> ColumnKind {
        let named = |names: &[String]| names.iter().any(|name| name == column);
        if named(self.dates) {
            ColumnKind::Date
        } else if named(self.numbers) {
            ColumnKind::Number
        } else {
            ColumnKind::AsReceived
        }
    }
}

/// Rows made from the parts of a column: one row per distinct part. The row's columns are `columns` of the table read:
/// the first is the part itself, named `column_out`.
#[derive(Debug, Clone)]
pub struct Derive {
    /// The column that is split, such as `GlCode`.
    pub from: String,
    /// The part of it.
    pub cut: Cut,
    /// The name of the derived key column, such as `CostCentre`.
    pub column_out: String,
}

/// The position of a part in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Between separators.
    Part {
        /// The separator, such as `-` or `.`.
        separator: String,
        /// Which part, counted from 1.
        part: usize,
    },
    /// At a position, in columns without separators.
    Span {
        /// The first character, counted from 1.
        start: usize,
        /// How many characters.
        length: usize,
    },
}

impl Cut {
    /// The part of a text; `None` when the text has no such part, or only a piece of it.
    pub fn of<'t>(&self, text: &'t str) -> Option<&'t str> {
        let part = match self {
            Cut::Part { separator, part } => text.split(separator.as_str()).nth(part.checked_sub(1)?)?,
            Cut::Span { start, length } => {
                let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
                let from = ends.nth(start.checked_sub(1)?)?;
                &text[from..ends.nth(length.checked_sub(1)?)?]
            }
        };
        Some(part.trim()).filter(|part| !part.is_empty())
    }
}

/// A joined table with at most one row per root row.
#[derive(Debug, Clone)]
pub struct JoinRead {
    /// The table; its key columns are the join columns.
    pub table: TableRead,
    /// Pairs (column of the root row, column of this table).
    pub on: Vec<(String, String)>,
    /// Where this table's values start in the root row; they are `table.columns` without the key.
    pub offset: usize,
}

/// A child table: the rows that belong to a document.
#[derive(Debug, Clone)]
pub struct ChildRead {
    /// The name, such as `lines`.
    pub name: String,
    /// The table. `key` is the child's own full key.
    pub table: TableRead,
    /// Without `via`: pairs (root column, child column). With it: pairs (via column, child column).
    pub on: Vec<(String, String)>,
    /// The table in between, such as `ApJnlSummary` between an invoice and its distribution lines.
    pub via: Option<ViaRead>,
    /// The currency of each amount of a row, by its offset.
    pub amounts: BTreeMap<usize, Place>,
    /// A site may lack the table, or the one in between: then there are no rows.
    pub may_be_absent: bool,
}

/// The table between root and child.
#[derive(Debug, Clone)]
pub struct ViaRead {
    /// The table; `columns` contains both sides of the join, and all columns that the child rows also get.
    pub table: TableRead,
    /// Pairs (root column, via column).
    pub on: Vec<(String, String)>,
    /// Columns of the via row that are appended to each child row, under their own names.
    pub carry: Vec<String>,
    /// Its rows match records with child rows, which several records may share.
    pub matching: Option<Matching>,
}

/// How rows in between match a record with child rows.
#[derive(Debug, Clone)]
pub struct Matching {
    /// The column of the via row whose numbers cancel each other if they add up to zero.
    pub net: String,
    /// Further pairs (via column, child column): if each of the rows finds a child row by them, it leads only to that row.
    pub narrow: Vec<(String, String)>,
}

impl ChildRead {
    /// The names of a child row's values: the child table's columns, then those carried from the table in between.
    pub fn columns(&self) -> Vec<String> {
        self.column_names().map(str::to_owned).collect()
    }

    /// The same, borrowed.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        let carried = self.via.iter().flat_map(|via| via.carry.iter());
        self.table.columns.iter().chain(carried).map(String::as_str)
    }

    /// The kind of each of them.
    pub fn kinds(&self) -> impl Iterator<Item = ColumnKind> {
        let carried = self.via.iter().flat_map(|via| via.carry.iter().map(|name| via.table.kind(name)));
        self.table.columns.iter().map(|name| self.table.kind(name)).chain(carried)
    }
}

/// One query for what may have changed.
#[derive(Debug, Clone)]
pub struct ChangeQuery {
    /// The queried table.
    pub table: String,
    /// The table's own full key, for paging. For the root table it is the root's key.
    pub key: Vec<String>,
    /// Date columns; a row matches when any is within the window. Empty: every row that meets `filter`, whatever its date.
    pub any_of: Vec<String>,
    /// How many days before the watermark the window starts.
    pub overlap_days: u32,
    /// The condition for its rows.
    pub filter: Option<Filter>,
    /// Empty: the rows are root rows. Otherwise pairs (root key column, column of this table) that identify the changed documents.
    pub touches: Vec<(String, String)>,
    /// The columns of this table that hold calendar dates.
    pub dates: Vec<String>,
    /// The columns of this table with numbers, even if they are received as text.
    pub numbers: Vec<String>,
    /// A site may lack the table: then nothing has changed.
    pub may_be_absent: bool,
}

impl ChangeQuery {
    /// The kinds of its table's columns.
    pub fn kinds(&self) -> Kinds<'_> {
        Kinds { dates: &self.dates, numbers: &self.numbers }
    }
}

/// The sweep of a flow.
#[derive(Debug, Clone)]
pub struct SweepPlan {
    /// Cron, in the SYSPRO server's zone.
    pub schedule: String,
}

/// What happens when a column has another kind of value than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeChange {
    /// The flow stops before anything of the page is stored, until a person resumes it.
    #[default]
    Stop,
    /// The flow continues; the audit and the log name the column.
    Report,
}
