//! `config/entities/<entity>.toml`: how an entity is read.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Flag, Read, Reader, Table, Text, Whole, Words};
use super::super::problem::list;
use super::{ConvertShape, ShowsShape};

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
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values are.
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
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values are.
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
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values are.
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
        /// Columns that hold calendar dates. A column is a date only where it is named here, whatever its values are.
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
pub(in crate::definition) enum OnShape {
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
    pub(in crate::definition) fn pairs(&self) -> Vec<(Text, Text)> {
        match self {
            OnShape::Same(names) => names.iter().map(|name| (name.clone(), name.clone())).collect(),
            OnShape::Pairs(table) => table.0.clone(),
        }
    }
}

words! {
    /// What a column that holds another kind of value than until now leads to.
    ChangeWord {
        /// The flow is stopped before anything of the page is taken in, until a person resumes it.
        Stop = "stop",
        /// The flow goes on; the audit and the log name the column.
        Report = "report",
    }
}
