//! `config/profiles/<profile>/<entity>.toml`: where an entity goes.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{OneOrMany, Read, Reader, Table, Text, Whole, Words};
use super::super::problem::list;
use super::FieldShape;

/// Where an entity goes: `config/profiles/<profile>/<entity>.toml`. `[header]` is the root row, each other block a child.
#[derive(Debug, Clone, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(transparent))]
pub(in crate::definition) struct ProfileFile(pub(in crate::definition) Table<BlockShape>);

impl Read for ProfileFile {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        Self(Table::read(value, reader))
    }
}

shape! {
    /// One target table.
    BlockShape {
        /// The table written to. Left out only with `write = "none"`.
        table = "table": Option<Text>,
        /// How it is written.
        write = "write": WriteWord,
        /// Where the record ends up when that is another table: the target of the import set's transform map.
        target_table = "target_table": Option<Text>,
        /// The column that carries company, entity and key.
        key_column = "key_column": Option<Text>,
        /// The column that carries the version; default `u_source_version`, `""` for none.
        version_column = "version_column": Option<Text>,
        /// Fields that identify a row somebody else made. Only with `write = "table"`.
        natural_key = "natural_key": Option<Words>,
        /// What happens when the instance drops or changes a field; default `fail`.
        partial_write = "partial_write": Option<PartialWord>,
        /// How a field that SYSPRO has emptied is cleared through an import set; default `null`. Only with `write = "import_set"`.
        clear_with = "clear_with": Option<ClearWord>,
        /// Conditions that a row must all meet to be sent.
        only_if = "only_if": Option<Vec<ConditionShape>>,
        /// Target column to its source: a column's name, or a table.
        fields = "fields": Option<Table<FieldShape>>,
        /// What is written when SYSPRO no longer has the record: columns and texts, or a list of cases of which the first that fits counts.
        gone = "gone": Option<GoneShape>,
        /// Both sides may change the records: they are merged field by field. For `[header]` with `write = "table"` only.
        align = "align": Option<AlignShape>,
        /// ServiceNow goes on working on a record after it has arrived: it is polled until that has come to an end.
        watch = "watch": Option<WatchShape>,
    }
}

/// What is written when SYSPRO no longer has a record.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(in crate::definition) enum GoneShape {
    /// Whatever the record was: column to text.
    Always(Table<Text>),
    /// The first that fits counts; the last has no condition.
    Cases(Vec<GoneCaseShape>),
}

impl Default for GoneShape {
    fn default() -> Self {
        GoneShape::Always(Table::default())
    }
}

impl Read for GoneShape {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref() {
            DeValue::Array(_) => GoneShape::Cases(Vec::read(value, reader)),
            _ => GoneShape::Always(Table::read(value, reader)),
        }
    }
}

shape! {
    /// One case of a record that SYSPRO no longer has.
    GoneCaseShape {
        /// What the case is called, such as `purged`: the audit says it, and the cases of lines refer to it.
        name = "name": Option<Text>,
        /// Column of the root row to what its last content was: a text, a list of texts, or a number. All must hold. For `[header]` only.
        cond = "if": Option<Table<WasShape>>,
        /// The header's case that this one goes with: the whole record is gone. For lines only; without it the case is also that of a
        /// line that is gone alone.
        with_header = "with_header": Option<Text>,
        /// Column to text. None: the record stays as it is.
        fields = "fields": Option<Table<Text>>,
    }
}

/// What a column held.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(in crate::definition) enum WasShape {
    /// This number, however it is written.
    Number(Whole),
    /// This text, or one of these.
    Text(OneOrMany),
}

impl Default for WasShape {
    fn default() -> Self {
        WasShape::Text(OneOrMany::default())
    }
}

impl Read for WasShape {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref() {
            DeValue::Integer(_) => WasShape::Number(Whole::read(value, reader)),
            _ => WasShape::Text(OneOrMany::read(value, reader)),
        }
    }
}

shape! {
    /// Records that are polled after they have arrived.
    WatchShape {
        /// Which row is polled; default `target`.
        row = "row": Option<WatchWord>,
        /// The column that says how far ServiceNow is. Not needed for `row = "staging"`, where `sys_import_state` tells.
        column = "column": Option<Text>,
        /// Its values (not display values) with which ServiceNow has finished well.
        done = "done": Option<Words>,
        /// Its values with which the record has failed; `*`: whatever it says, once it says anything.
        failed = "failed": Option<Words>,
        /// The column with ServiceNow's words about a failure.
        message = "message": Option<Text>,
        /// When the first poll comes, after the record has arrived; 0: at once. Each later one waits twice as long, a day at most. Default 5.
        first_minutes = "first_minutes": Option<Whole>,
        /// After so many days without a verdict it could not be told; default 7.
        give_up_days = "give_up_days": Option<Whole>,
        /// How often a record that failed is sent again by itself; default 0: a person does.
        replay_failed = "replay_failed": Option<Whole>,
    }
}

words! {
    /// The row that is polled.
    WatchWord {
        /// Where the record ended up: `target_table`, by its sys_id.
        Target = "target",
        /// The staging row, by `key_column`; an instance keeps it for seven days.
        Staging = "staging",
    }
}

shape! {
    /// Records that both sides may change.
    AlignShape {
        /// Who decides when both sides changed a field, or two lists meet for the first time; default `hold`.
        rule = "rule": Option<RuleWord>,
        /// Fields with a rule of their own.
        fields = "fields": Option<Table<RuleWord>>,
        /// A run that would change more than this share of the list writes nothing, in percent; default 20.
        change_limit_percent = "change_limit_percent": Option<Whole>,
        /// How far a reading of what changed in ServiceNow goes back behind the last one; default 300.
        overlap_seconds = "overlap_seconds": Option<Whole>,
        /// How often the whole list is read from ServiceNow, which finds rows deleted there; default 24.
        sweep_hours = "sweep_hours": Option<Whole>,
        /// Column to text: a row that has one of them counts as deleted, such as `active = "false"`.
        inactive = "inactive": Option<Table<Text>>,
        /// An encoded query that every row of the list meets; `{company}` stands for the company's id.
        filter = "filter": Option<Text>,
    }
}

words! {
    /// Who decides.
    RuleWord {
        /// A person.
        Hold = "hold",
        /// SYSPRO's value counts.
        Syspro = "syspro",
        /// ServiceNow's value counts.
        ServiceNow = "servicenow",
    }
}

words! {
    /// How a target is written.
    WriteWord {
        /// POST to the Import Set API.
        ImportSet = "import_set",
        /// Insert or update through the Table API.
        Table = "table",
        /// Not at all: only the children are delivered. For `[header]` only.
        None = "none",
    }
}

words! {
    /// How a field that SYSPRO has emptied is cleared through an import set.
    ClearWord {
        /// By the text `NULL`, which clears a column whether the transform map copies empty fields or not.
        Null = "null",
        /// By an empty text, for transform maps with *Copy empty fields*.
        Empty = "empty",
    }
}

words! {
    /// What a partial write leads to.
    PartialWord {
        /// The record fails, with the field and both values.
        Fail = "fail",
        /// The record counts as delivered; the fields are named in the audit and counted.
        Record = "record",
        /// The record counts as delivered; when the instance kept nothing of a field, the flow is stopped until a person resumes it.
        Stop = "stop",
    }
}

shape! {
    /// A condition over one column: `one_of` or `not`.
    ConditionShape {
        /// The column: of the root row in `[header]`, of the child's row in a child's block and in `[shows.amount]`.
        column = "column": Text,
        /// The texts accepted.
        one_of = "one_of": Option<Words>,
        /// The texts refused.
        not = "not": Option<Words>,
    }
}
