//! `config/entities/<entity>.toml`: how an entity is read.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Flag, Read, Reader, Table, Text, Whole, Words};
use super::super::problem::list;
use super::{ConditionShape, ConvertShape, ShowsShape};

shape! {
    /// How an entity is read from SYSPRO: `config/entities/<entity>.toml`.
    EntityFile {
        /// Entities that must be delivered before this one. Entities that a profile's references name are added automatically.
        after = "after": Option<Words>,
        /// When the flow runs unless `[schedule]` of the configuration says otherwise: cron, in the SYSPRO server's time zone.
        schedule = "schedule": Option<Text>,
        /// What happens when a column has another kind of value than before, such as numbers instead of texts; default `stop`.
        type_change = "type_change": Option<ChangeWord>,
        /// The root table: one row is one document.
        root = "root": RootShape,
        /// Joined tables with at most one row per root row; their columns are added to the root row.
        joins = "join": Option<Vec<JoinShape>>,
        /// Tables with many rows per document.
        children = "child": Option<Vec<ChildShape>>,
        /// The union of these queries finds what may have changed. None: the flow reads everything at every run.
        changes = "change": Option<Vec<ChangeShape>>,
        /// The full read that finds changes without a date.
        sweep = "sweep": Option<SweepShape>,
        /// The setup object that writes ServiceNow's changes to SYSPRO. Off without this section.
        setup = "setup": Option<SetupShape>,
        /// The values of a record for lists and sums.
        shows = "shows": Option<ShowsShape>,
        /// What must hold within a document, or between it and another entity. A tie-out counts and lists the documents that violate it; a
        /// total that differs is shown with the record too. It stops nothing.
        controls = "control": Option<Vec<ControlShape>>,
    }
}

shape! {
    /// The root table.
    RootShape {
        /// The table's name, which is its OData entity set.
        table = "table": Text,
        /// The full primary key, in order. Key columns are always read, also if `columns` does not name them.
        key = "key": Words,
        /// The columns read.
        columns = "columns": Option<Words>,
        /// Columns that some SYSPRO releases lack: read where they exist, empty where they do not.
        optional = "optional": Option<Words>,
        /// Columns with calendar dates. A column is a date only if it is named here, whatever its values are.
        dates = "dates": Option<Words>,
        /// Columns with numbers. Needed only if they are received as text: with e.net, for columns of the site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition, such as `JnlStatus eq 'P'`; `{company}` is replaced with the company's id.
        filter = "filter": Option<Text>,
        /// Rows with one of these texts in the column are left out.
        exclude = "exclude": Option<Table<Words>>,
        /// One row per distinct part of a column, instead of one per table row.
        derive = "derive": Option<DeriveShape>,
        /// Amounts of money: the column, and the column with its currency; `root.X` is a column of the root row, `@currency` the company's
        /// own currency.
        amounts = "amounts": Option<Table<Text>>,
    }
}

shape! {
    /// Rows made from the parts of a column: `separator` and `part`, or `start` and `length`.
    DeriveShape {
        /// The column to split.
        from = "from": Text,
        /// The separator of its parts, such as `-`.
        separator = "separator": Option<Text>,
        /// The number of the part, starting at 1.
        part = "part": Option<Whole>,
        /// The first character of the part in a column without separators, starting at 1.
        start = "start": Option<Whole>,
        /// The number of its characters.
        length = "length": Option<Whole>,
        /// The name of the column with the part: the entity's key.
        column = "column": Text,
    }
}

shape! {
    /// A joined table.
    JoinShape {
        /// The table's name.
        table = "table": Text,
        /// Root column to column of this table; a list when the names are equal. Default: the root's key.
        on = "on": Option<OnShape>,
        /// The columns read.
        columns = "columns": Option<Words>,
        /// Columns that some SYSPRO releases lack.
        optional = "optional": Option<Words>,
        /// Columns with calendar dates. A column is a date only if it is named here, whatever its values are.
        dates = "dates": Option<Words>,
        /// Columns with numbers. Needed only if they are received as text: with e.net, for columns of the site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition; `{company}` is replaced with the company's id.
        filter = "filter": Option<Text>,
    }
}

shape! {
    /// A child table.
    ChildShape {
        /// Its name, which is also the name of its block in the profiles, such as `lines`.
        name = "name": Text,
        /// The table's name.
        table = "table": Text,
        /// The child's own full primary key, in order.
        key = "key": Words,
        /// The columns read.
        columns = "columns": Option<Words>,
        /// Columns that some SYSPRO releases lack.
        optional = "optional": Option<Words>,
        /// Columns with calendar dates. A column is a date only if it is named here, whatever its values are.
        dates = "dates": Option<Words>,
        /// Columns with numbers. Needed only if they are received as text: with e.net, for columns of the site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition; `{company}` is replaced with the company's id.
        filter = "filter": Option<Text>,
        /// Rows with one of these texts in the column are left out.
        exclude = "exclude": Option<Table<Words>>,
        /// Root column to child column; a list when the names are equal. Default: the root's key. Not together with `via`.
        on = "on": Option<OnShape>,
        /// The table between root and child.
        via = "via": Option<ViaShape>,
        /// A site may lack the table, or the one between: then there are no rows. Default false: the flow stops.
        may_be_absent = "may_be_absent": Option<Flag>,
        /// Amounts of money: the column, and the column with its currency; `root.X` is a column of the root row, `@currency` the company's
        /// own currency.
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
        /// Further columns to read, such as the date for a `[[change]]`.
        columns = "columns": Option<Words>,
        /// Columns of this table that each child row also gets.
        carry = "carry": Option<Words>,
        /// The rows match records with child rows: several records may share one, and rows whose numbers in this column add up to zero
        /// cancel each other. Not together with `carry`.
        net = "net": Option<Text>,
        /// Further pairs of columns, together with `net`: if each row finds a child row by them too, it leads only to that row, otherwise
        /// to all rows found by `on`.
        narrow = "narrow": Option<OnShape>,
        /// Columns with calendar dates. A column is a date only if it is named here, whatever its values are.
        dates = "dates": Option<Words>,
        /// Columns with numbers. Needed only if they are received as text: with e.net, for columns of the site's own.
        numbers = "numbers": Option<Words>,
        /// A fixed OData condition; `{company}` is replaced with the company's id.
        filter = "filter": Option<Text>,
    }
}

shape! {
    /// A query for what may have changed.
    ChangeShape {
        /// The queried table.
        table = "table": Text,
        /// Its full primary key, for paging. Needed only for a table that is not root, join, child or in between.
        key = "key": Option<Words>,
        /// Date columns: a row matches when any of them is within the window. If the table is read, its `dates` must also name them. None:
        /// every row that meets `filter`.
        any_of = "any_of": Option<Words>,
        /// How many days before the last run's date the window starts; default 1.
        overlap_days = "overlap_days": Option<Whole>,
        /// A fixed OData condition, such as `OrderStatus ne '9'`; `{company}` is replaced with the company's id.
        filter = "filter": Option<Text>,
        /// Columns with numbers, for a table that is not read otherwise.
        numbers = "numbers": Option<Words>,
        /// Root key column to column of this table, for any table but the root.
        touches = "touches": Option<Table<Text>>,
        /// A site may lack the table: then nothing has changed. Default false: the flow stops.
        may_be_absent = "may_be_absent": Option<Flag>,
    }
}

shape! {
    /// A control: `total` and `sum`, `total` and `equal`, `sum` alone, or `exists` and `key`.
    ControlShape {
        /// Its name, for people. Default: the columns that it compares.
        name = "name": Option<Text>,
        /// The amount of the root row.
        total = "total": Option<Text>,
        /// `child.Column`: the amounts that add up to the total; without `total`, to zero.
        sum = "sum": Option<Text>,
        /// Another amount of the root row, which is the same as the total.
        equal = "equal": Option<Text>,
        /// How the total is converted to the rows' currency, if that differs. Only with `total` and `sum`.
        convert = "convert": Option<ConvertShape>,
        /// The entity that has a record with `key`.
        exists = "exists": Option<Text>,
        /// The columns with that record's key, in its order: `Column`, `child.Column` or `@company`. A blank one is not checked.
        key = "key": Option<Words>,
        /// A condition for that record, over a column of its root row.
        active = "active": Option<ConditionShape>,
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
        /// Its class: `setup`, the only possible one.
        class = "class": Text,
        /// The action of the object.
        action = "action": ActionWord,
        /// The XML document, with `{Column}` in the places of column values.
        template = "template": Text,
        /// The XML of the parameters, with `{ValidateOnly}` in the place of `Y` or `N`; default: the usual ones under the document's root.
        parameters = "parameters": Option<Text>,
        /// Column to its maximum length in characters: a longer value is never sent to SYSPRO.
        lengths = "lengths": Option<Table<Whole>>,
    }
}

words! {
    /// The action of a setup object.
    ActionWord {
        /// Creates a record.
        Add = "add",
        /// Changes a record.
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
    /// What happens when a column has another kind of value than before.
    ChangeWord {
        /// The flow stops before anything of the page is stored, until a person resumes it.
        Stop = "stop",
        /// The flow continues; the audit and the log name the column.
        Report = "report",
    }
}
