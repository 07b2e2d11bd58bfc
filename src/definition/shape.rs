//! The shapes of the definition files: which keys there are. What the reader accepts and what the JSON Schemas in `config/schema`
//! say comes from these types alone, so that the two cannot differ.

use toml::Spanned;
use toml::de::DeValue;

use super::parse::{Flag, OneOrMany, Read, Reader, Table, Text, Whole, Words};
use super::problem::list;

/// A table with fixed keys: a field of type `Option` may be left out, any other must be there.
macro_rules! shape {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident = $key:literal : $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[cfg_attr(test, schemars(deny_unknown_fields))]
        pub(in crate::definition) struct $name {
            /// The line where the table begins; 0 when it could not be read.
            #[cfg_attr(test, schemars(skip))]
            #[allow(dead_code, reason = "not every shape is asked for its line")]
            pub(in crate::definition) line: usize,
            $($(#[$doc])* #[cfg_attr(test, schemars(rename = $key))] pub(in crate::definition) $field: $ty,)*
        }

        impl Read for $name {
            fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
                let Some(table) = reader.table(value) else { return Self::default() };
                reader.refuse_unknown(table, &[$($key),*]);
                let line = reader.line(value);
                Self { line, $($field: reader.get(table, $key, line),)* }
            }
        }
    };
}

/// One word out of a few.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub(in crate::definition) enum $name {
            /// Could not be read; already reported.
            #[default]
            #[cfg_attr(test, schemars(skip))]
            Unread,
            $($(#[$doc])* #[cfg_attr(test, schemars(rename = $word))] $variant,)*
        }

        impl Read for $name {
            fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
                let text = Text::read(value, reader);
                match text.as_str() {
                    $($word => $name::$variant,)*
                    _ if text.line == 0 => $name::Unread,
                    other => {
                        reader.add(text.line, format!("must be one of {}, got `{other}`", list([$($word),*])));
                        $name::Unread
                    }
                }
            }
        }
    };
}

// after the macros, which it uses
mod shows;

pub(super) use shows::{AmountShape, RowNumberShape, RowSumShape, ShowsShape};

shape! {
    /// How an entity is read from SYSPRO: `config/entities/<entity>.toml`.
    EntityFile {
        /// Entities that must be delivered before this one. Entities that a profile's references name are added by themselves.
        after = "after": Option<Words>,
        /// When the flow runs unless `[schedule]` of the configuration says otherwise: cron, in the SYSPRO server's time zone.
        schedule = "schedule": Option<Text>,
        /// What happens when a column holds another kind of value than until now, such as numbers instead of texts; default `stop`.
        type_change = "type_change": Option<ChangeWord>,
        /// The root table: one row is one document.
        root = "root": RootShape,
        /// Companion tables with at most one row per root row; their columns join the root row.
        joins = "join": Option<Vec<JoinShape>>,
        /// Tables with many rows per document.
        children = "child": Option<Vec<ChildShape>>,
        /// The union of these queries is what may have changed. None: the flow is read whole at every run.
        changes = "change": Option<Vec<ChangeShape>>,
        /// The full re-read that finds what no date shows.
        sweep = "sweep": Option<SweepShape>,
        /// The setup object through which ServiceNow's changes are written into SYSPRO. Off unless it is there.
        setup = "setup": Option<SetupShape>,
        /// What lists and sums show of a record.
        shows = "shows": Option<ShowsShape>,
        /// Totals of the root row that are compared with the rows of a child. A difference is said, with the record; nothing is held back.
        controls = "control": Option<Vec<ControlShape>>,
    }
}

shape! {
    /// The root table.
    RootShape {
        /// The table's name, which is its OData entity set.
        table = "table": Text,
        /// The full primary key, in order. Key columns are read whether or not `columns` names them.
        key = "key": Words,
        /// The columns read.
        columns = "columns": Option<Words>,
        /// Columns that some SYSPRO releases lack: read where they exist, empty where they do not.
        optional = "optional": Option<Words>,
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values look like.
        dates = "dates": Option<Words>,
        /// Columns that hold numbers. Needed only where the wire writes them as text: e.net, for columns of a site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition, such as `JnlStatus eq 'P'`; `{company}` stands for the company's id.
        filter = "filter": Option<Text>,
        /// Rows whose column holds one of these texts are left out.
        exclude = "exclude": Option<Table<Words>>,
        /// One row per distinct part of a column, instead of one per table row.
        derive = "derive": Option<DeriveShape>,
        /// Amounts of money: column to the column that says in which currency it is; `root.X` is the root row's, `@currency` the company's own.
        amounts = "amounts": Option<Table<Text>>,
    }
}

shape! {
    /// Rows made from the parts of a column: `separator` and `part`, or `start` and `length`.
    DeriveShape {
        /// The column that is split.
        from = "from": Text,
        /// Between its parts, such as `-`.
        separator = "separator": Option<Text>,
        /// Which part, counted from 1.
        part = "part": Option<Whole>,
        /// Where the part begins in a column without separators: which character, counted from 1.
        start = "start": Option<Whole>,
        /// How many characters it has.
        length = "length": Option<Whole>,
        /// The name of the column that holds the part: the entity's key.
        column = "column": Text,
    }
}

shape! {
    /// A companion table.
    JoinShape {
        /// The table's name.
        table = "table": Text,
        /// Root column to column of this table; a list when the names are equal. Default: the root's key.
        on = "on": Option<OnShape>,
        /// The columns read.
        columns = "columns": Option<Words>,
        /// Columns that some SYSPRO releases lack.
        optional = "optional": Option<Words>,
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values look like.
        dates = "dates": Option<Words>,
        /// Columns that hold numbers. Needed only where the wire writes them as text: e.net, for columns of a site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition; `{company}` stands for the company's id.
        filter = "filter": Option<Text>,
    }
}

shape! {
    /// A child table.
    ChildShape {
        /// Its name, which is that of its block in the profiles, such as `lines`.
        name = "name": Text,
        /// The table's name.
        table = "table": Text,
        /// The child's own full primary key, in order.
        key = "key": Words,
        /// The columns read.
        columns = "columns": Option<Words>,
        /// Columns that some SYSPRO releases lack.
        optional = "optional": Option<Words>,
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values look like.
        dates = "dates": Option<Words>,
        /// Columns that hold numbers. Needed only where the wire writes them as text: e.net, for columns of a site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition; `{company}` stands for the company's id.
        filter = "filter": Option<Text>,
        /// Rows whose column holds one of these texts are left out.
        exclude = "exclude": Option<Table<Words>>,
        /// Root column to child column; a list when the names are equal. Default: the root's key. Not beside `via`.
        on = "on": Option<OnShape>,
        /// The table between root and child.
        via = "via": Option<ViaShape>,
        /// A site may lack the table, or the one between: there are no rows then. Default false: the flow stops.
        may_be_absent = "may_be_absent": Option<Flag>,
        /// Amounts of money: column to the column that says in which currency it is; `root.X` is the root row's, `@currency` the company's own.
        amounts = "amounts": Option<Table<Text>>,
    }
}

shape! {
    /// The table between root and child.
    ViaShape {
        /// The table's name.
        table = "table": Text,
        /// Its full primary key. Default: its columns of `on`.
        key = "key": Option<Words>,
        /// Column of this table to child column; a list when the names are equal.
        on = "on": OnShape,
        /// Root column to column of this table; a list when the names are equal. Default: the root's key.
        root = "root": Option<OnShape>,
        /// Further columns that are read, such as the date that a `[[change]]` asks for.
        columns = "columns": Option<Words>,
        /// Columns of this table that each child row shall carry too.
        carry = "carry": Option<Words>,
        /// The rows match records with child rows: several records may share one, and rows whose numbers in this column add up to zero
        /// cancel one another. Not beside `carry`.
        net = "net": Option<Text>,
        /// Further pairs of columns, beside `net`: where each row finds a child row by them too, it leads to that one alone, else to all that
        /// `on` finds.
        narrow = "narrow": Option<OnShape>,
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values look like.
        dates = "dates": Option<Words>,
        /// Columns that hold numbers. Needed only where the wire writes them as text: e.net, for columns of a site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition; `{company}` stands for the company's id.
        filter = "filter": Option<Text>,
    }
}

shape! {
    /// A query for what may have changed.
    ChangeShape {
        /// The table asked.
        table = "table": Text,
        /// Its full primary key, for paging. Needed only for a table that is neither root, join, child nor in between.
        key = "key": Option<Words>,
        /// Date columns: a row counts when any of them is within the window. Those of a table that is read stand in its `dates` too. None: every row that meets `filter`.
        any_of = "any_of": Option<Words>,
        /// How many days before the last run's date the window begins; default 1.
        overlap_days = "overlap_days": Option<Whole>,
        /// A fixed OData condition, such as `OrderStatus ne '9'`; `{company}` stands for the company's id.
        filter = "filter": Option<Text>,
        /// Columns that hold numbers, of a table that is not read otherwise; as there.
        numbers = "numbers": Option<Words>,
        /// Root key column to column of this table, for any table but the root.
        touches = "touches": Option<Table<Text>>,
        /// A site may lack the table: nothing has changed then. Default false: the flow stops.
        may_be_absent = "may_be_absent": Option<Flag>,
    }
}

shape! {
    /// A total and the rows that make it.
    ControlShape {
        /// The amount of the root row.
        total = "total": Text,
        /// `child.Column`: the amounts that add up to it.
        sum = "sum": Text,
        /// How the total becomes an amount in the rows' currency, where that is another one.
        convert = "convert": Option<ConvertShape>,
    }
}

shape! {
    /// A number is multiplied or divided by another.
    ConvertShape {
        /// The column with the factor or rate.
        factor = "factor": Text,
        /// The column that says which: `M` multiplies, `D` divides.
        way = "way": Text,
        /// The other way round: `M` divides, `D` multiplies.
        back = "back": Option<Flag>,
        /// Two columns with units or currencies. Where both say the same, nothing is converted.
        units = "units": Option<Words>,
    }
}

shape! {
    /// A discount that is a value. One whose flag is in neither list is refused: what it is off is not known.
    ValueDiscountShape {
        /// The column with the value.
        value = "value": Text,
        /// The column that says what it is off.
        flag = "flag": Text,
        /// Flags with which it is off the price of one unit.
        of_unit = "unit": Option<Words>,
        /// Flags with which it is off the whole line.
        of_line = "line": Option<Words>,
        /// The column with the line's quantity, for `line`.
        quantity = "quantity": Option<Text>,
    }
}

shape! {
    /// The sweep.
    SweepShape {
        /// Cron, in the SYSPRO server's time zone.
        schedule = "schedule": Text,
    }
}

shape! {
    /// A setup object of the site. Posting objects are refused.
    SetupShape {
        /// Its name: six letters, the fourth an `S`.
        object = "object": Text,
        /// Its class: `setup`, the only one there is.
        class = "class": Text,
        /// What is done through it.
        action = "action": ActionWord,
        /// The XML document, with `{Column}` where a column's value goes.
        template = "template": Text,
        /// The XML of the parameters, with `{ValidateOnly}` where `Y` or `N` goes; default: the usual ones under the document's root.
        parameters = "parameters": Option<Text>,
        /// Column to the most characters that it holds: a longer value is not offered to SYSPRO at all.
        lengths = "lengths": Option<Table<Whole>>,
    }
}

words! {
    /// What is done through a setup object.
    ActionWord {
        /// A new record.
        Add = "add",
        /// Another content of a record.
        Update = "update",
    }
}

/// Pairs of columns.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(super) enum OnShape {
    /// The same names on both sides.
    Same(Words),
    /// Left name to right name.
    Pairs(Table<Text>),
}

impl Default for OnShape {
    fn default() -> Self {
        OnShape::Same(Words::default())
    }
}

impl Read for OnShape {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref() {
            DeValue::Table(_) => OnShape::Pairs(Table::read(value, reader)),
            _ => OnShape::Same(Words::read(value, reader)),
        }
    }
}

impl OnShape {
    /// (left, right).
    pub(super) fn pairs(&self) -> Vec<(Text, Text)> {
        match self {
            OnShape::Same(names) => names.iter().map(|name| (name.clone(), name.clone())).collect(),
            OnShape::Pairs(table) => table.0.clone(),
        }
    }
}

/// Where an entity goes: `config/profiles/<profile>/<entity>.toml`. `[header]` is the root row, each other block a child.
#[derive(Debug, Clone, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(transparent))]
pub(super) struct ProfileFile(pub(super) Table<BlockShape>);

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
        /// ServiceNow goes on working on a record after it has arrived: it is looked at again until that has come to an end.
        watch = "watch": Option<WatchShape>,
    }
}

/// What is written when SYSPRO no longer has a record.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(super) enum GoneShape {
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
pub(super) enum WasShape {
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
    /// Records that are looked at again after they have arrived.
    WatchShape {
        /// Which row is looked at; default `target`.
        row = "row": Option<WatchWord>,
        /// The column that says how far ServiceNow is. Not needed for `row = "staging"`, where `sys_import_state` tells.
        column = "column": Option<Text>,
        /// Its values (not display values) with which ServiceNow has finished well.
        done = "done": Option<Words>,
        /// Its values with which the record has failed; `*`: whatever it says, once it says anything.
        failed = "failed": Option<Words>,
        /// The column with ServiceNow's words about a failure.
        message = "message": Option<Text>,
        /// When the first look comes, after the record has arrived; 0: at once. Each later one waits twice as long, a day at most. Default 5.
        first_minutes = "first_minutes": Option<Whole>,
        /// After so many days without a verdict it could not be told; default 7.
        give_up_days = "give_up_days": Option<Whole>,
        /// How often a record that failed is sent again by itself; default 0: a person does.
        replay_failed = "replay_failed": Option<Whole>,
    }
}

words! {
    /// The row that is looked at.
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
        brake_percent = "brake_percent": Option<Whole>,
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
        /// The former word for `fail`.
        Park = "park",
        /// The record counts as delivered; the fields are named in the audit and counted.
        Record = "record",
        /// The record counts as delivered; when the instance kept nothing of a field, the flow is stopped until a person resumes it.
        Stop = "stop",
    }
}

words! {
    /// What a column that holds another kind of value than until now leads to.
    ChangeWord {
        /// The flow is stopped before anything of the page is taken in, until a person resumes it.
        Stop = "stop",
        /// It goes on; the column is named in the audit and the log.
        Report = "report",
    }
}

shape! {
    /// A condition over one column: `one_of` or `not`.
    ConditionShape {
        /// The column, of the child's row in a child's block, of the root row in `[header]`.
        column = "column": Text,
        /// The texts accepted.
        one_of = "one_of": Option<Words>,
        /// The texts refused.
        not = "not": Option<Words>,
    }
}

/// A field: the name of a column, or a table that says more.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub(super) enum FieldShape {
    /// The column, as it is.
    Column(Text),
    /// With a transform, or from elsewhere.
    Table(Box<FieldTable>),
}

impl Default for FieldShape {
    fn default() -> Self {
        FieldShape::Column(Text::default())
    }
}

impl Read for FieldShape {
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Self {
        match value.get_ref() {
            DeValue::String(_) => FieldShape::Column(Text::read(value, reader)),
            _ => FieldShape::Table(Box::read(value, reader)),
        }
    }
}

shape! {
    /// Exactly one of `from`, `constant`, `company`, `concat`, `header`, `count`, `sum`, `currency_of`, `list`, `only`, `first`, and what goes with it.
    FieldTable {
        /// Several forms: the first whose `if` holds. The last has no `if`.
        first = "first": Option<Vec<FieldTable>>,
        /// Within `first`: column to the text that it must hold, or to a list of such texts. All must hold.
        when = "if": Option<Table<OneOrMany>>,
        /// The column; several for a reference with a composite key. `root.X` is the root row's, `@company` the company's id.
        from = "from": Option<OneOrMany>,
        /// A transform: `text`, `trim`, `upper`, `date`, `decimal(n)`, `decimal(least..most)`, `amount`, `flag`, `part(separator,n)`,
        /// `strip_leading_zeros`.
        transform = "as": Option<Text>,
        /// A code list of `lookups/`.
        lookup = "lookup": Option<Text>,
        /// Code to word.
        choose = "choose": Option<Table<Text>>,
        /// For codes that `choose` does not name; without it such a code is an error.
        otherwise = "otherwise": Option<Text>,
        /// The entity whose key `from` is.
        reference = "reference": Option<Text>,
        /// The reference's key is the part of the column that the other entity derives its records from: as its `[root] derive` says.
        derived = "derived": Option<Flag>,
        /// What a reference writes; default `key`.
        write = "write": Option<FormWord>,
        /// What happens while the record referred to is not delivered; default `park`.
        if_missing = "if_missing": Option<MissingWord>,
        /// A fixed text.
        constant = "constant": Option<Text>,
        /// The company's id.
        company = "company": Option<Flag>,
        /// Columns to be joined; blank ones are left out.
        concat = "concat": Option<Words>,
        /// Between two of `concat`, default one blank, or of `list`, default a comma and a blank.
        separator = "separator": Option<Text>,
        /// The sys_id of the line's own header. Only for lines under a header with `write = "table"`.
        header = "header": Option<Flag>,
        /// The child whose rows are counted.
        count = "count": Option<Text>,
        /// `child.Column`, added up; with `as = "decimal(n)"` or `"amount"`, default `decimal(2)`.
        sum = "sum": Option<Text>,
        /// The currency of this amount, as ISO 4217 code: `Column`, or `child.Column` of a child.
        currency_of = "currency_of": Option<Text>,
        /// `child.Column`, or several columns of one child: what stands in its rows, each once, in order; several columns with `/` between.
        list = "list": Option<OneOrMany>,
        /// The same where there is only one: the last of the columns. Empty where there are several, which a header says as a warning.
        only = "only": Option<OneOrMany>,
        /// Cut to this many characters, with a warning. Never for what others refer to.
        truncate = "truncate": Option<Whole>,
        /// An identifier of at most this many characters: a longer one is cut and gets eight digits of its SHA-256.
        identifier = "identifier": Option<Whole>,
        /// The column that says in which currency the amount is; `@currency` is the company's own. Default: what the entity's `amounts` say.
        currency = "currency": Option<Text>,
        /// The column that holds the number where `currency` is not the company's own.
        foreign = "foreign": Option<Text>,
        /// The number is multiplied or divided by a factor or rate.
        convert = "convert": Option<ConvertShape>,
        /// Columns with discounts in percent, taken off one after the other.
        less_percent = "less_percent": Option<Words>,
        /// A discount that is a value.
        less_value = "less_value": Option<ValueDiscountShape>,
        /// The column with what the number is multiplied by at last, such as a quantity.
        times = "times": Option<Text>,
        /// Written as `EUR;10.00`, for a currency column of ServiceNow.
        with_currency = "with_currency": Option<Flag>,
    }
}

words! {
    /// What a reference writes.
    FormWord {
        /// The last column of the key, as plain text.
        Key = "key",
        /// The text in the other record's key column.
        SourceKey = "source_key",
        /// The other record's sys_id.
        SysId = "sys_id",
    }
}

words! {
    /// What happens while the record referred to is not delivered.
    MissingWord {
        /// The document waits, parked as `missing_parent`.
        Park = "park",
        /// The record is sent without waiting.
        Send = "send",
    }
}

shape! {
    /// A code list: `config/lookups/<name>.toml`.
    LookupFile {
        /// What a code that is not listed becomes; default `error`.
        otherwise = "otherwise": Option<OtherwiseWord>,
        /// SYSPRO's code to ServiceNow's.
        codes = "codes": Option<Table<Text>>,
        /// Codes of one company, which go before `codes`.
        company = "company": Option<Table<CompanyCodes>>,
    }
}

shape! {
    /// One company's codes.
    CompanyCodes {
        /// SYSPRO's code to ServiceNow's.
        codes = "codes": Table<Text>,
    }
}

words! {
    /// What a code that is not listed becomes.
    OtherwiseWord {
        /// An error: the document is parked until the list is completed.
        Error = "error",
        /// Itself.
        Same = "same",
        /// Itself when it has three capital letters, as ISO 4217 codes have; else an error.
        Iso = "iso",
    }
}
