//! The target tables of one entity's records, and how they are written.

use super::{AlignPlan, FieldPlan, GoneCase, TieOutPlan};

/// One target table.
#[derive(Debug, Clone)]
pub struct TargetPlan {
    /// The block's name: `header`, or the child's name.
    pub block: String,
    /// The table written to: a staging table (`import_set`) or the table itself.
    pub table: String,
    /// How it is written.
    pub write: WriteMode,
    /// The table that finally has the record: the target of the transform map for import sets, otherwise `table`.
    pub target_table: String,
    /// The column with company/entity/key; with the version column it settles an unknown outcome. `None`: the site's table has no such
    /// column.
    pub key_column: Option<String>,
    /// The column with the version number.
    pub version_column: Option<String>,
    /// Table API only: fields that identify a row which somebody else created, such as `code`. Names of `fields`.
    pub natural_key: Vec<String>,
    /// The fields.
    pub fields: Vec<FieldPlan>,
    /// The child of the read plan whose rows go to this target; `None` for the header.
    pub child: Option<usize>,
    /// The values to write when SYSPRO no longer has the record; the first matching case is used. Empty: it is not changed.
    pub on_gone: Vec<GoneCase>,
    /// Conditions for rows of the child (or roots) to be sent: all must hold.
    pub only_if: Vec<Condition>,
    /// What to do when a field is dropped or changed by the instance: let the record fail (default), or record it.
    pub partial_write: PartialWrite,
    /// Import sets only: how a field that SYSPRO has emptied is cleared.
    pub clear_with: ClearWith,
    /// How records that may change on both sides are aligned. `None`: SYSPRO's content always counts.
    pub align: Option<AlignPlan>,
    /// How records are polled after their delivery. `None`: the answer to the write is the verdict.
    pub watch: Option<WatchPlan>,
    /// How both systems are compared.
    pub tie_out: TieOutPlan,
}

/// Tracking of records that ServiceNow still processes after their delivery. The profile names the columns and values that show the state,
/// because the tables of AP Operations differ between sites.
/// tables of AP Operations are called differs between sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchPlan {
    /// The polled row.
    pub row: WatchRow,
    /// The column with the state.
    pub column: Option<String>,
    /// Its values for success.
    pub done: Vec<String>,
    /// Its values for failure; `*`: any non-empty value.
    pub failed: Vec<String>,
    /// The column with ServiceNow's words about a failure.
    pub message: Option<String>,
    /// Minutes from the delivery to the first poll; each later poll waits twice as long.
    pub first_minutes: u32,
    /// Days without a final state after which polling ends.
    pub give_up_days: u32,
    /// How often a failed record is sent again automatically.
    pub replay_failed: u32,
}

/// The polled row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchRow {
    /// The row in the table that finally has the record.
    Target,
    /// The staging row.
    Staging,
}

/// A simple condition over one column.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Offset in the row.
    pub at: usize,
    /// The accepted texts.
    pub one_of: Vec<String>,
    /// Whether `one_of` has the refused texts instead.
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

/// The text that clears a column in a transform map, whether or not the map copies empty fields.
pub const CLEAR: &str = "NULL";

/// How a field is cleared through an import set when SYSPRO has emptied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClearWith {
    /// By the text [`CLEAR`]: a transform map copies empty fields only if its *Copy empty fields* is on, and that is off by default.
    #[default]
    Null,
    /// By an empty text, for transform maps that copy empty fields.
    Empty,
}

/// What happens after a partial write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartialWrite {
    /// The record fails; the message has the field and both values.
    #[default]
    Fail,
    /// The record counts as delivered; the fields are named in the audit and counted.
    Record,
    /// The record counts as delivered; when the instance stored nothing of a field, the flow stops until a person resumes it.
    Stop,
}
