//! How one entity is read: its tables, their columns, and the queries that tell what may have changed.

use std::collections::BTreeMap;

use crate::domain::CompanyId;

use super::{Control, Place};

/// How a document is read from SYSPRO.
#[derive(Debug, Clone)]
pub struct ReadPlan {
    /// The root table: one row is one document.
    pub root: TableRead,
    /// Companion tables with at most one row per root row; their columns are appended to the root row.
    pub joins: Vec<JoinRead>,
    /// Child tables with many rows per document.
    pub children: Vec<ChildRead>,
    /// The union of these queries is what may have changed. Empty: the flow is read whole at every run.
    pub changes: Vec<ChangeQuery>,
    /// The names of the root row's values: the root table's columns, then each join's.
    pub columns: Vec<String>,
    /// The sweep; `None` when the flow is read whole anyway.
    pub sweep: Option<SweepPlan>,
    /// What a column that holds another kind of value leads to.
    pub type_change: TypeChange,
    /// In which currency an amount of the root row is, by its offset.
    pub amounts: BTreeMap<usize, Place>,
    /// Totals that are compared with the rows of a child.
    pub controls: Vec<Control>,
}

impl ReadPlan {
    /// What each column of a root row holds, in the order of `columns`.
    pub fn kinds(&self) -> impl Iterator<Item = ColumnKind> {
        let joined = self.joins.iter().flat_map(|join| {
            let table = &join.table;
            table.columns.iter().filter(|name| !table.key.contains(name)).map(|name| table.kind(name))
        });
        self.root.columns.iter().map(|name| self.root.kind(name)).chain(joined)
    }

    /// The same records, whatever would leave them out, and without their lines.
    pub fn without_rules(&self) -> Self {
        let mut bare = Self { children: Vec::new(), ..self.clone() };
        bare.root.filter = None;
        bare.root.exclude.clear();
        bare
    }

    /// What leaves rows of the root table out, if anything does.
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

/// What a column holds, as the entity file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnKind {
    /// What the wire says: a JSON number is a number, a text is text, whatever its form.
    #[default]
    AsReceived,
    /// Calendar dates.
    Date,
    /// Numbers, also where the wire writes them as text.
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
    /// Which of its rows are read.
    pub filter: Option<Filter>,
    /// Rows whose column has one of these values are left out after reading (`GlCode`: `FORCED`, `RETAINED`).
    pub exclude: Vec<(usize, Vec<String>)>,
    /// Columns that a site's release may lack: left out of the request once the server says so.
    pub optional: Vec<String>,
    /// The columns that hold calendar dates.
    pub dates: Vec<String>,
    /// The columns that hold numbers, also where the wire writes them as text.
    pub numbers: Vec<String>,
    /// Instead of one row per table row: distinct values of a part of a column (cost centres out of GL codes).
    pub derive: Option<Derive>,
}

impl TableRead {
    /// What a column holds.
    pub fn kind(&self, column: &str) -> ColumnKind {
        self.kinds().of(column)
    }

    /// What its columns hold.
    pub fn kinds(&self) -> Kinds<'_> {
        Kinds { dates: &self.dates, numbers: &self.numbers }
    }
}

/// A fixed OData condition, such as `JnlStatus eq 'P'`, in which `{company}` stands for the company's id. Its text is only
/// given for one company, so that `{company}` itself is never sent.
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

/// What the columns of a table hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kinds<'a> {
    /// Those that hold calendar dates.
    pub dates: &'a [String],
    /// Those that hold numbers.
    pub numbers: &'a [String],
}

impl Kinds<'_> {
    /// What a column holds.
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
    /// Which part of it.
    pub cut: Cut,
    /// The name of the derived key column, such as `CostCentre`.
    pub column_out: String,
}

/// Where a part of a column stands.
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
    /// The part of a text; `None` when the text has none, or not the whole of it.
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

/// A companion table with at most one row per root row.
#[derive(Debug, Clone)]
pub struct JoinRead {
    /// The table; its key columns are the ones joined on.
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
    /// In which currency an amount of a row is, by its offset.
    pub amounts: BTreeMap<usize, Place>,
    /// A site may lack the table, or the one in between: there are no rows then.
    pub may_be_absent: bool,
}

/// The table between root and child.
#[derive(Debug, Clone)]
pub struct ViaRead {
    /// The table; `columns` holds both sides of the join and whatever of it the child rows shall carry.
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
    /// The column of the via row whose numbers cancel one another where they add up to zero.
    pub net: String,
    /// Further pairs (via column, child column): where each of the rows finds a child row by them, it leads to that one alone.
    pub narrow: Vec<(String, String)>,
}

impl ChildRead {
    /// The names of a child row's values: the child table's columns, then what is carried over from the table in between.
    pub fn columns(&self) -> Vec<String> {
        self.column_names().map(str::to_owned).collect()
    }

    /// The same, borrowed.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        let carried = self.via.iter().flat_map(|via| via.carry.iter());
        self.table.columns.iter().chain(carried).map(String::as_str)
    }

    /// What each of them holds.
    pub fn kinds(&self) -> impl Iterator<Item = ColumnKind> {
        let carried = self.via.iter().flat_map(|via| via.carry.iter().map(|name| via.table.kind(name)));
        self.table.columns.iter().map(|name| self.table.kind(name)).chain(carried)
    }
}

/// One query for what may have changed.
#[derive(Debug, Clone)]
pub struct ChangeQuery {
    /// The table asked.
    pub table: String,
    /// The table's own full key, for paging. For the root table it is the root's key.
    pub key: Vec<String>,
    /// Date columns; a row counts when any is within the window. Empty: every row that meets `filter`, whatever its date.
    pub any_of: Vec<String>,
    /// How many days before the watermark the window begins.
    pub overlap_days: u32,
    /// Which of its rows count.
    pub filter: Option<Filter>,
    /// Empty: the rows are root rows. Otherwise pairs (root key column, column of this table) that name the documents touched.
    pub touches: Vec<(String, String)>,
    /// The columns of this table that hold calendar dates.
    pub dates: Vec<String>,
    /// The columns of this table that hold numbers, also where the wire writes them as text.
    pub numbers: Vec<String>,
    /// A site may lack the table: nothing has changed then.
    pub may_be_absent: bool,
}

impl ChangeQuery {
    /// What the columns of its table hold.
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

/// What a column that holds another kind of value than until now leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeChange {
    /// The flow is stopped before anything of the page is taken in, until a person resumes it.
    #[default]
    Stop,
    /// The flow goes on; the audit and the log name the column.
    Report,
}
