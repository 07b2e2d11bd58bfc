//! Where the records of one entity go, and how they are written.

use super::{AlignPlan, FieldPlan, GoneCase};

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
    /// Carries company/entity/key; with the version column it settles an unknown outcome. `None`: the site's table has no such column.
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
    /// How records are polled after they have arrived. `None`: the answer to the write is the verdict.
    pub watch: Option<WatchPlan>,
}

/// Records on which ServiceNow continues to work after they have arrived. The profile names the columns and values that tell how far it is: what the
/// tables of AP Operations are called differs between sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchPlan {
    /// Which row is polled.
    pub row: WatchRow,
    /// The column that says how far ServiceNow is.
    pub column: Option<String>,
    /// Its values with which ServiceNow has finished well.
    pub done: Vec<String>,
    /// Its values with which the record has failed; `*`: whatever it says, once it says anything.
    pub failed: Vec<String>,
    /// The column with ServiceNow's words about a failure.
    pub message: Option<String>,
    /// Minutes from the arrival to the first poll; each later one waits twice as long.
    pub first_minutes: u32,
    /// Days after which it could not be told.
    pub give_up_days: u32,
    /// How often a record that failed is sent again by itself.
    pub replay_failed: u32,
}

/// The row that is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchRow {
    /// Where the record ended up.
    Target,
    /// The staging row.
    Staging,
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
