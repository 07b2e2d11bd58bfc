//! Tables as data: columns, transform maps, and the rules that act on a write. Which tables an instance has: `catalog.rs`.

use std::collections::BTreeMap;

use tieline_values::money::parse_decimal;

/// The type of a column, which decides how a written value is converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text of at most N characters.
    Text(usize),
    /// A whole number; anything else is ignored.
    Integer,
    /// A decimal; anything else is ignored.
    Decimal,
    /// A decimal with this many decimals, by the attribute `scale` of its column.
    Scaled(u32),
    /// An amount of money: up to four decimals, with or without its currency as in `EUR;10.00`; anything else is ignored. The caller's
    /// currency is taken to be the amount's, so that nothing is converted.
    Currency,
    /// `YYYY-MM-DD`
    Date,
    /// `YYYY-MM-DD HH:MM:SS`, UTC
    DateTime,
    /// `true` or `false`; anything else is ignored.
    Boolean,
    /// The sys_id of a row of this table.
    Reference(String),
    /// One of these values; another is not stored.
    Choice(Vec<String>),
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// The physical name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a field map does with a reference that finds no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissing {
    /// Creates the row (the documented default).
    #[default]
    Create,
    /// Leaves the column empty.
    Ignore,
    /// Refuses the whole row.
    Reject,
}

/// A line needs its header.
#[derive(Debug, Clone)]
pub struct ParentRule {
    /// The columns of the line that may name the header; the first that is filled counts.
    pub columns: Vec<String>,
    /// The table of the header.
    pub table: String,
    /// The columns of the header that are compared; `sys_id` is one of them always.
    pub matches: Vec<String>,
}

/// How a staging row becomes a row of the target.
#[derive(Debug, Clone)]
pub struct TransformMap {
    /// The map's name, as the answer shows it.
    pub name: String,
    /// The target table.
    pub target: String,
    /// The columns of the target that together tell whether a row is new. Empty: every row is.
    pub coalesce: Vec<String>,
    /// Whether the coalesce columns are compared with their case.
    pub case_sensitive: bool,
    /// Pairs (staging column, target column). Columns that are not named keep their name, unless `named_only` is set.
    pub fields: Vec<(String, String)>,
    /// Whether only the columns in `fields` are copied, as a map with field maps does.
    pub named_only: bool,
    /// What is done about references without a match, per target column.
    pub references: BTreeMap<String, OnMissing>,
    /// *Copy empty fields*: whether an empty value clears the column of a row that is there. Off by default, as on a real instance.
    pub copy_empty: bool,
    /// A script of the map that ignores rows: by what a staging column holds.
    pub ignore: Option<(String, Abort)>,
    /// The header a line needs; enforced while `ServiceNowOptions::lines_need_header` is on.
    pub parent: Option<ParentRule>,
}

/// When a business rule aborts a write.
#[derive(Debug, Clone)]
pub enum Abort {
    /// The column holds a number below zero.
    Negative,
    /// The column begins with this text, such as the month of a closed period.
    StartsWith(String),
    /// The column holds this text.
    Equals(String),
}

impl Abort {
    /// Whether this text meets the condition.
    pub(super) fn applies(&self, value: &str) -> bool {
        match self {
            Self::Negative => parse_decimal(value).is_some_and(|number| number.is_sign_negative() && !number.is_zero()),
            Self::StartsWith(prefix) => value.starts_with(prefix.as_str()),
            Self::Equals(wanted) => value == *wanted,
        }
    }
}

/// A before-rule that aborts writes.
#[derive(Debug, Clone)]
pub struct BusinessRule {
    /// Its name, as the error's detail shows it.
    pub name: String,
    /// The column that is read.
    pub column: String,
    /// When it aborts.
    pub abort: Abort,
    /// Whether an update is silently undone: the answer is 200 with the unchanged row.
    pub silent: bool,
}

/// One table.
#[derive(Debug, Clone)]
pub struct TableSchema {
    /// The name.
    pub name: String,
    /// The columns besides the system's own.
    pub columns: Vec<Column>,
    /// Whether every column named `u_…` exists.
    pub open: bool,
    /// The column shown where a row is referred to.
    pub display: String,
    /// For a staging table its transform maps.
    pub maps: Vec<TransformMap>,
    /// Whether this is a staging table (extends `sys_import_set_row`).
    pub staging: bool,
    /// Columns that a field ACL does not let callers write: the values are dropped silently.
    pub unwritable: Vec<String>,
    /// Whether a table ACL keeps callers from creating rows, those of the Import Set API included.
    pub no_create: bool,
    /// Whether a table ACL keeps callers from deleting rows. The text of that refusal is assumed, modelled on the one for inserts.
    pub no_delete: bool,
    /// Columns a data policy demands.
    pub mandatory: Vec<String>,
    /// Whether that policy applies to import sets too.
    pub policy_on_import: bool,
    /// Rules that abort.
    pub rules: Vec<BusinessRule>,
    /// Rows whose column has this value are hidden from callers by a row ACL.
    pub hidden: Option<(String, String)>,
    /// Rows whose column has this value are missing in lists, and the count of a list does not say so. Whether an instance can lose rows
    /// in this way is not known; the Aggregate API treats them as hidden rows.
    pub unlisted: Option<(String, String)>,
    /// Columns by which rows are found, besides `sys_id` and the coalesce columns of maps onto this table.
    pub indexed: Vec<String>,
}

impl TableSchema {
    /// A table with these columns, written `name:kind`: `text`, `text(40)`, `int`, `decimal`, `currency`, `date`, `datetime`, `boolean`, `ref(table)`,
    /// `choice(a|b)`; no kind is `text(255)`.
    pub fn new(name: &str, display: &str, columns: &str) -> Self {
        let columns = columns.split_whitespace().map(column).collect();
        Self {
            name: name.to_owned(),
            columns,
            open: false,
            display: display.to_owned(),
            maps: Vec::new(),
            staging: false,
            unwritable: Vec::new(),
            no_create: false,
            no_delete: false,
            mandatory: Vec::new(),
            policy_on_import: false,
            rules: Vec::new(),
            hidden: None,
            unlisted: None,
            indexed: Vec::new(),
        }
    }

    /// The same table with every column named `u_…`.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// The same table as a staging table with one map, which is named after it.
    #[must_use]
    pub fn staged(mut self, target: &str, coalesce: &[&str]) -> Self {
        self.staging = true;
        self.maps.push(TransformMap {
            name: format!("{} import", self.name),
            target: target.to_owned(),
            coalesce: coalesce.iter().map(|column| (*column).to_owned()).collect(),
            case_sensitive: false,
            fields: Vec::new(),
            named_only: false,
            references: BTreeMap::new(),
            copy_empty: false,
            ignore: None,
            parent: None,
        });
        self
    }

    /// The same staging table, whose rows need a header in `table`.
    #[must_use]
    pub fn child_of(mut self, columns: &[&str], table: &str, matches: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for map in &mut self.maps {
            map.parent = Some(ParentRule { columns: owned(columns), table: table.to_owned(), matches: owned(matches) });
        }
        self
    }

    /// A declared column.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Adds a column, or replaces the one of that name.
    pub fn set_column(&mut self, name: &str, kind: ColumnKind) {
        self.columns.retain(|column| column.name != name);
        self.columns.push(Column { name: name.to_owned(), kind });
    }
}

/// Reads `name:kind`; see [`TableSchema::new`]. Only the simulator's own code calls this, so an unknown kind is treated as text.
fn column(text: &str) -> Column {
    let (name, kind) = text.split_once(':').unwrap_or((text, "text"));
    let (word, inside) = kind.split_once('(').unwrap_or((kind, ""));
    let inside = inside.trim_end_matches(')');
    let kind = match word {
        "int" => ColumnKind::Integer,
        "decimal" => ColumnKind::Decimal,
        "currency" => ColumnKind::Currency,
        "date" => ColumnKind::Date,
        "datetime" => ColumnKind::DateTime,
        "boolean" => ColumnKind::Boolean,
        "ref" => ColumnKind::Reference(inside.to_owned()),
        "choice" => ColumnKind::Choice(inside.split('|').map(str::to_owned).collect()),
        _ => ColumnKind::Text(inside.parse().unwrap_or(255)),
    };
    Column { name: name.to_owned(), kind }
}

/// A column's label as the form shows it: `u_source_key` is `Source key`.
pub fn label(name: &str) -> String {
    let words = name.strip_prefix("u_").unwrap_or(name).replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
