//! `config/profiles/<profile>/<entity>.toml`: the target tables of an entity.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Flag, OneOrMany, Read, Reader, Table, Text, Whole, Words};
use super::super::problem::list;
use super::FieldShape;

/// The target tables of an entity: `config/profiles/<profile>/<entity>.toml`. `[header]` is the root row, each other block a child.
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
        /// The table to write. Optional only with `write = "none"`.
        table = "table": Option<Text>,
        /// How it is written.
        write = "write": WriteWord,
        /// The table that finally has the record, if it is another one: the target of the import set's transform map.
        target_table = "target_table": Option<Text>,
        /// The column for company, entity and key.
        key_column = "key_column": Option<Text>,
        /// The column for the version; default `u_source_version`, `""` for none.
        version_column = "version_column": Option<Text>,
        /// Fields that identify a row which somebody else created. Only with `write = "table"`.
        natural_key = "natural_key": Option<Words>,
        /// What happens when the instance drops or changes a field; default `fail`.
        partial_write = "partial_write": Option<PartialWord>,
        /// How a field is cleared through an import set when SYSPRO has emptied it; default `null`. Only with `write = "import_set"`.
        clear_with = "clear_with": Option<ClearWord>,
        /// Conditions for a row to be sent; all must hold.
        only_if = "only_if": Option<Vec<ConditionShape>>,
        /// Target column to its source: a column's name, or a table.
        fields = "fields": Option<Table<FieldShape>>,
        /// The values to write when SYSPRO no longer has the record: columns and texts, or a list of cases of which the first match is
        /// used.
        gone = "gone": Option<GoneShape>,
        /// The records may change on both sides: they are merged field by field. Only for `[header]` with `write = "table"`.
        align = "align": Option<AlignShape>,
        /// ServiceNow still processes a record after its delivery: it is polled until ServiceNow reports a final state.
        watch = "watch": Option<WatchShape>,
        /// The amount that both systems must agree on, its fiscal period, and the names of columns in `target_table`.
        tie_out = "tie_out": Option<TieOutShape>,
    }
}

/// The values to write when SYSPRO no longer has a record.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(in crate::definition) enum GoneShape {
    /// For any record: column to text.
    Always(Table<Text>),
    /// The first match is used; the last has no condition.
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
        /// The name of the case, such as `purged`: it is in the audit, and the cases of lines refer to it.
        name = "name": Option<Text>,
        /// Column of the root row to its last content: a text, a list of texts, or a number. All must hold. Only for `[header]`.
        cond = "if": Option<Table<WasShape>>,
        /// The header's case that this one belongs to: the whole record is gone. Only for lines; without it the case also applies to a line
        /// that is gone alone.
        with_header = "with_header": Option<Text>,
        /// Column to text. None: the record is not changed.
        fields = "fields": Option<Table<Text>>,
    }
}

/// The last content of a column.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(in crate::definition) enum WasShape {
    /// This number, in any notation.
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
    /// Records that are polled after their delivery.
    WatchShape {
        /// The polled row; default `target`.
        row = "row": Option<WatchWord>,
        /// The column with the state in ServiceNow. Not needed for `row = "staging"`, which uses `sys_import_state`.
        column = "column": Option<Text>,
        /// Its values (not display values) for success.
        done = "done": Option<Words>,
        /// Its values for failure; `*`: any non-empty value.
        failed = "failed": Option<Words>,
        /// The column with ServiceNow's words about a failure.
        message = "message": Option<Text>,
        /// Minutes from the delivery to the first poll; 0: at once. Each later poll waits twice as long, at most a day. Default 5.
        first_minutes = "first_minutes": Option<Whole>,
        /// Days without a final state after which polling ends; default 7.
        give_up_days = "give_up_days": Option<Whole>,
        /// How often a failed record is sent again automatically; default 0: a person does it.
        replay_failed = "replay_failed": Option<Whole>,
    }
}

words! {
    /// The polled row.
    WatchWord {
        /// The row in the table that finally has the record: `target_table`, by its sys_id.
        Target = "target",
        /// The staging row, by `key_column`; an instance keeps it for seven days.
        Staging = "staging",
    }
}

shape! {
    /// The comparison of both systems by `tieline tie-out`.
    TieOutShape {
        /// The field whose amounts are summed; without it records are only counted and compared.
        amount = "amount": Option<Text>,
        /// The field with the currency of `amount`.
        currency = "currency": Option<Text>,
        /// The SYSPRO column with the fiscal year.
        year = "year": Option<Text>,
        /// The SYSPRO column with the fiscal period.
        period = "period": Option<Text>,
        /// The field with the supplier: the sums are also divided by supplier.
        supplier = "supplier": Option<Text>,
        /// The field with the account of the general ledger: the sums are also divided by account.
        account = "account": Option<Text>,
        /// The field with the document type: the sums are also divided by type.
        document_type = "type": Option<Text>,
        /// Whether ServiceNow can add up `amount`: its column holds plain numbers, and all amounts of a currency in `currency` are in it.
        /// Default: its dictionary decides.
        sums = "sums": Option<Flag>,
        /// Field to the column of `target_table` that the transform map fills from it, where the names differ; `""`: the table has no
        /// such column.
        columns = "columns": Option<Table<Text>>,
    }
}

shape! {
    /// Records that may change on both sides.
    AlignShape {
        /// Who decides when both sides changed a field, or when two lists are compared for the first time; default `review`.
        rule = "rule": Option<RuleWord>,
        /// Fields with their own rule.
        fields = "fields": Option<Table<RuleWord>>,
        /// A run that would change more than this share of the list writes nothing, in percent; default 20.
        change_limit_percent = "change_limit_percent": Option<Whole>,
        /// How far a read of changed rows in ServiceNow goes back before the last one, in seconds; default 300.
        overlap_seconds = "overlap_seconds": Option<Whole>,
        /// How often the whole list is read from ServiceNow, which finds rows deleted there; default 24.
        sweep_hours = "sweep_hours": Option<Whole>,
        /// Column to text: a row that has one of them counts as deleted, such as `active = "false"`.
        inactive = "inactive": Option<Table<Text>>,
        /// An encoded query that every row of the list matches; `{company}` is replaced with the company's id.
        filter = "filter": Option<Text>,
    }
}

words! {
    /// Who decides.
    RuleWord {
        /// A person.
        Review = "review",
        /// SYSPRO's value wins.
        Syspro = "syspro",
        /// ServiceNow's value wins.
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
        /// Not written: only the children are delivered. Only for `[header]`.
        None = "none",
    }
}

words! {
    /// How a field is cleared through an import set when SYSPRO has emptied it.
    ClearWord {
        /// By the text `NULL`, which clears a column whether or not the transform map copies empty fields.
        Null = "null",
        /// By an empty text, for transform maps with *Copy empty fields*.
        Empty = "empty",
    }
}

words! {
    /// What happens after a partial write.
    PartialWord {
        /// The record fails; the message has the field and both values.
        Fail = "fail",
        /// The record counts as delivered; the fields are named in the audit and counted.
        Record = "record",
        /// The record counts as delivered; when the instance stored nothing of a field, the flow stops until a person resumes it.
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
