//! What one entity reads and writes, every name resolved and every mistake already reported.

use std::collections::BTreeMap;

use crate::domain::merge::Rule;
use crate::domain::setup_object::SetupCall;
use crate::domain::{CompanyId, EntityName, Value};

pub use super::distinct::{DistinctForm, DistinctPlan};
pub use super::number::{Control, Convert, Decimals, NumberFrom, NumberPlan, ValueDiscount};
pub use super::shows::{RowNumber, RowSum, ShownAmount, Shows};

use super::form::Form;
use super::gone::GoneCase;

/// One entity, compiled once at start from its two files.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The entity.
    pub entity: EntityName,
    /// How it is read.
    pub read: ReadPlan,
    /// Where it goes: first the header (the root row), then the children in the order of `read.children` that have a target.
    /// A profile with `write = "none"` for its header has no target for the root row: then every target has a `child`, and the
    /// lines are delivered by themselves. So ask a target's `child`, not its place, whether it is the header.
    pub targets: Vec<TargetPlan>,
    /// Entities that must be delivered before this one.
    pub after: Vec<EntityName>,
    /// Position in the dependency order, 0 first. Entities of one rank do not depend on one another.
    pub rank: u16,
    /// The cases of a record that SYSPRO no longer has, where the root row is not delivered: those of its lines refer to them.
    pub gone_cases: Vec<GoneCase>,
    /// Through which object of the site ServiceNow's changes are written into SYSPRO. `None`: a person applies them.
    pub setup: Option<SetupCall>,
    /// What lists and sums show.
    pub shows: Shows,
}

impl Plan {
    /// The header's target and how it is aligned, when both sides may change the records.
    pub fn aligned(&self) -> Option<(&TargetPlan, &AlignPlan)> {
        self.targets.iter().find_map(|target| Some((target, target.align.as_ref()?)))
    }

    /// Whether anything that is written or compared is in the company's own currency.
    pub fn needs_own_currency(&self) -> bool {
        let amounts = self.read.controls.iter().any(|control| {
            let of_rows = self.read.children.get(control.child).and_then(|child| child.amounts.get(&control.at));
            [self.read.amounts.get(&control.total), of_rows].contains(&Some(&Place::Currency))
        });
        amounts || self.targets.iter().flat_map(|target| &target.fields).any(|field| field.source.needs_own_currency())
    }

    /// The SYSPRO column that a change of this field in ServiceNow is written to, and how; `None`: a person applies it.
    pub fn goes_back(&self, field: &str) -> Option<(&str, Back)> {
        let (call, (_, align)) = (self.setup.as_ref()?, self.aligned()?);
        let field = align.fields.iter().find(|one| one.name == field && !one.identity)?;
        let column = field.column.as_deref().filter(|column| call.writes(column))?;
        Some((column, field.back?))
    }
}

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
}

/// What a column holds, as the entity file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnKind {
    /// What the wire says: a JSON number is a number, a text is text, whatever it looks like.
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

/// A fixed OData condition, such as `JnlStatus eq 'P'`, in which `{company}` stands for the company's id. Its text can be had for a company
/// alone, so that nobody asks with the placeholder.
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

/// One target table.
#[derive(Debug, Clone)]
pub struct TargetPlan {
    /// The block's name: `header`, or the child's name.
    pub block: String,
    /// The table written to: a staging table (`import_set`) or the table itself.
    pub table: String,
    /// How it is written.
    pub write: WriteMode,
    /// Where the record ends up: the target of the transform map for import sets, else `table`.
    pub target_table: String,
    /// Carries company/entity/key; with the version column it settles doubt. `None`: the site's table has no such column.
    pub key_column: Option<String>,
    /// Carries the version number.
    pub version_column: Option<String>,
    /// Table API only: fields that identify a row somebody else made, such as `code`. Names of `fields`.
    pub natural_key: Vec<String>,
    /// The fields.
    pub fields: Vec<FieldPlan>,
    /// Which child of the read plan feeds this target; `None` for the header.
    pub child: Option<usize>,
    /// What is written when SYSPRO no longer has the record; the first case that fits counts. Empty: it is left as it is.
    pub on_gone: Vec<GoneCase>,
    /// Rows of the child (or roots) that are sent: all must hold.
    pub only_if: Vec<Condition>,
    /// What to do when a field is dropped or changed by the instance: let the record fail (default), or record it.
    pub partial_write: PartialWrite,
    /// Import sets only: how a field that SYSPRO has emptied is cleared.
    pub clear_with: ClearWith,
    /// How the records are kept in step when both sides may change them. `None`: SYSPRO's content counts, always.
    pub align: Option<AlignPlan>,
    /// How records are looked at again after they have arrived. `None`: the answer to the write is the verdict.
    pub watch: Option<WatchPlan>,
}

/// Records on which ServiceNow goes on working after they have arrived. Which columns and values tell is the site's to say: what the
/// tables of AP Operations are called differs between sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchPlan {
    /// Which row is looked at.
    pub row: WatchRow,
    /// The column that says how far ServiceNow is.
    pub column: Option<String>,
    /// Its values with which ServiceNow has finished well.
    pub done: Vec<String>,
    /// Its values with which the record has failed; `*`: whatever it says, once it says anything.
    pub failed: Vec<String>,
    /// The column with ServiceNow's words about a failure.
    pub message: Option<String>,
    /// Minutes from the arrival to the first look; each later one waits twice as long.
    pub first_minutes: u32,
    /// Days after which it could not be told.
    pub give_up_days: u32,
    /// How often a record that failed is sent again by itself.
    pub replay_failed: u32,
}

/// The row that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchRow {
    /// Where the record ended up.
    Target,
    /// The staging row.
    Staging,
}

/// Records that both sides may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignPlan {
    /// For fields and rows without a rule of their own.
    pub rule: Rule,
    /// Per field of the target, in the same order.
    pub fields: Vec<AlignField>,
    /// A run that would change more than this share of the list writes nothing, in percent.
    pub brake_percent: u32,
    /// How far a reading of what changed goes back behind the last one, in seconds.
    pub overlap_seconds: u32,
    /// How often the whole list is read, in hours.
    pub sweep_hours: u32,
    /// Column and text: a row that has one of them counts as deleted.
    pub inactive: Vec<(String, String)>,
    /// An encoded query that every row of the list meets; `{company}` stands for the company's id.
    pub filter: Option<String>,
}

impl AlignPlan {
    /// The columns that the filter and the rules for inactive rows name. An instance ignores a condition on a column that it does not have,
    /// and lists every row (ServiceNow's documentation of the Table API, `sysparm_query`).
    pub fn asked(&self) -> Vec<&str> {
        let conditions = self.filter.iter().flat_map(|filter| filter.split('^')).map(|one| one.strip_prefix("OR").unwrap_or(one));
        // a column's name is in small letters, an operator is not; a dotted one begins with a column of the table
        let column = |one: &'_ str| one.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '_')).unwrap_or(one.len());
        let named = conditions.map(|one| &one[..column(one)]).filter(|name| !name.is_empty());
        named.chain(self.inactive.iter().map(|(name, _)| name.as_str())).collect()
    }
}

/// One field of an aligned target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignField {
    /// The target column.
    pub name: String,
    /// Who decides when both sides changed it.
    pub rule: Rule,
    /// Whether it is made from the key alone: another text in it is another record's, and never merged.
    pub identity: bool,
    /// The SYSPRO column it comes from, for the person who applies a change there.
    pub column: Option<String>,
    /// How its value becomes the column's. `None`: the mapping cannot be turned round.
    pub back: Option<Back>,
}

/// How a value of ServiceNow's becomes one of SYSPRO's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// As it is.
    Text,
    /// `true` is `Y`, `false` is `N`.
    Flag,
}

impl Back {
    /// The value for the column.
    ///
    /// # Errors
    /// Why there is none.
    pub fn value(self, text: &str) -> Result<String, String> {
        match (self, text.trim()) {
            (Back::Text, _) => Ok(text.trim_end().to_owned()),
            (Back::Flag, "true" | "1") => Ok("Y".into()),
            (Back::Flag, "false" | "0" | "") => Ok("N".into()),
            (Back::Flag, other) => Err(format!("`{other}` is neither `true` nor `false`, and SYSPRO's column is a flag")),
        }
    }
}

/// A simple condition over one column.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Offset in the row.
    pub at: usize,
    /// The texts that are accepted.
    pub one_of: Vec<String>,
    /// Or rather the texts that are not.
    pub negate: bool,
}

/// How a target is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// POST to the Import Set API; the transform map's coalesce makes a repeat harmless.
    ImportSet,
    /// Insert with a derived sys_id, or update by sys_id, through the Table API.
    Table,
}

/// The text that clears a column in a transform map, whether the map copies empty fields or not.
pub const CLEAR: &str = "NULL";

/// How a field that was filled before, and that SYSPRO has emptied, is cleared through an import set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClearWith {
    /// By the text [`CLEAR`]: a transform map copies empty fields only where its *Copy empty fields* is on, and that is off by default.
    #[default]
    Null,
    /// By an empty text, for transform maps that copy empty fields.
    Empty,
}

/// What a partial write leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartialWrite {
    /// The record fails, with the field and both values.
    #[default]
    Fail,
    /// The record counts as delivered; the fields are named in the audit and counted.
    Record,
    /// The record counts as delivered; when the instance kept nothing of a field, the flow is stopped until a person resumes it.
    Stop,
}

/// What a column that holds another kind of value than until now leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeChange {
    /// The flow is stopped before anything of the page is taken in, until a person resumes it.
    #[default]
    Stop,
    /// It goes on; the column is named in the audit and the log.
    Report,
}

/// One target field.
#[derive(Debug, Clone)]
pub struct FieldPlan {
    /// The target column.
    pub name: String,
    /// Where the value comes from and what is done to it.
    pub source: FieldSource,
    /// What becomes of a text that is too long.
    pub limit: Option<Limit>,
    /// What kind of value it is.
    pub form: Form,
}

/// The most characters of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Cut to so many, with a warning.
    Cut(usize),
    /// An identifier: a longer one is cut and gets a digest of the whole, so that two of them stay two.
    Identifier(usize),
}

/// A value's place: in the root row, or in the child row that is being mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Offset in the root row.
    Root(usize),
    /// Offset in the child row.
    Child(usize),
    /// The company's id.
    Company,
    /// The company's own currency.
    Currency,
}

/// Where a field's value comes from.
#[derive(Debug, Clone)]
pub enum FieldSource {
    /// A fixed text.
    Constant(String),
    /// The company's id.
    Company,
    /// One column, transformed.
    Column {
        /// The column.
        at: Place,
        /// What is done to it.
        transform: Transform,
    },
    /// Several columns, joined.
    Concat {
        /// The columns, in order; blank ones are left out.
        parts: Vec<Place>,
        /// Between two of them.
        separator: String,
    },
    /// The key of another record.
    Reference {
        /// The entity referred to.
        entity: EntityName,
        /// The columns that make its key, in order.
        key: Vec<Place>,
        /// What is written.
        write: ReferenceForm,
        /// What happens while that record has not been delivered.
        if_missing: IfMissing,
        /// The one column's part that is the key, where the other entity's records are parts of such a column.
        part: Option<KeyPart>,
    },
    /// The sys_id of this line's own header (Table API lines).
    Header,
    /// The number of records of another block of the same document, such as the invoice's line count.
    Count {
        /// Offset in `ReadPlan::children`.
        child: usize,
    },
    /// A number or an amount of money.
    Number(Box<NumberPlan>),
    /// The ISO 4217 code of a currency that stands here in SYSPRO's own code.
    CurrencyCode(Place),
    /// What stands in a child's rows, each once.
    Distinct(DistinctPlan),
    /// The first of these forms whose conditions hold; the last has none.
    First(Vec<Case>),
}

impl FieldSource {
    fn needs_own_currency(&self) -> bool {
        match self {
            FieldSource::Column { at, .. } | FieldSource::CurrencyCode(at) => *at == Place::Currency,
            FieldSource::Concat { parts, .. } => parts.contains(&Place::Currency),
            FieldSource::Reference { key, .. } => key.contains(&Place::Currency),
            FieldSource::Number(plan) => {
                let units = plan.convert.and_then(|convert| convert.units);
                plan.foreign.is_some()
                    || plan.currency == Some(Place::Currency) && (plan.with_currency || plan.decimals == Decimals::OfCurrency)
                    || units.is_some_and(|(one, other)| one == Place::Currency || other == Place::Currency)
            }
            FieldSource::First(cases) => cases.iter().any(|case| case.source.needs_own_currency()),
            FieldSource::Constant(_)
            | FieldSource::Company
            | FieldSource::Header
            | FieldSource::Count { .. }
            | FieldSource::Distinct(_) => false,
        }
    }
}

/// One of several forms of a field.
#[derive(Debug, Clone)]
pub struct Case {
    /// Column and the texts that it may hold: all must hold.
    pub when: Vec<(Place, Vec<String>)>,
    /// What is written then.
    pub source: FieldSource,
}

/// The part of a column that is another record's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Where it stands.
    pub cut: Cut,
    /// Parts that name no record.
    pub none: Vec<String>,
}

impl KeyPart {
    /// The key in a column's text; `None` when there is none.
    pub fn of(&self, text: &str) -> Option<Value> {
        self.cut.of(text).filter(|part| !self.none.iter().any(|none| none == part)).map(|part| Value::Text(part.into()))
    }
}

impl ReadPlan {
    /// How another entity's column gives a key of this one, where its records are parts of a column.
    pub fn key_part(&self) -> Option<KeyPart> {
        let derive = self.root.derive.as_ref()?;
        let own = |(at, _): &&(usize, Vec<String>)| self.root.columns.get(*at) == Some(&derive.column_out);
        let none = self.root.exclude.iter().filter(own).flat_map(|(_, texts)| texts.clone());
        Some(KeyPart { cut: derive.cut.clone(), none: none.collect() })
    }
}

/// What is written for a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferenceForm {
    /// The last column of the key as plain text, such as the supplier's code: the transform map resolves it.
    #[default]
    Key,
    /// The key text that the other record carries in its key column.
    SourceKey,
    /// The sys_id of the delivered record.
    SysId,
}

/// What happens to a record that refers to one that is not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfMissing {
    /// The document is parked `missing_parent` until it is.
    #[default]
    Park,
    /// The record is sent without waiting.
    Send,
}

/// The closed set of transforms.
#[derive(Debug, Clone, PartialEq)]
pub enum Transform {
    /// As it is, trailing blanks removed.
    Text,
    /// Without blanks on either side.
    Trim,
    /// Without blanks on either side, in capitals.
    Upper,
    /// `YYYY-MM-DD`; no date gives an empty text.
    Date,
    /// `Y` is `true`; `N` and blank are `false`.
    Flag,
    /// The site's code list of this name; an unknown code is a mapping error, a blank one stays blank.
    Lookup(String),
    /// One part of a code, counted from 1.
    PartOf {
        /// Between the parts.
        separator: String,
        /// Which one.
        part: usize,
    },
    /// Without leading zeros, for display.
    StripLeadingZeros,
    /// Fixed words for codes, such as `*` = `canceled`; with what to write for any other code.
    Choose {
        /// Code to word.
        cases: BTreeMap<String, String>,
        /// For any other code; `None`: a mapping error.
        otherwise: Option<String>,
    },
}
