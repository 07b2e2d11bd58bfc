//! One table of SYSPRO that no entity copies, read by pages: rows with named columns.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::definition::ReadPlan;
use crate::definition::plan::{ChildRead, Filter, TableRead, TypeChange};
use crate::domain::money::parse_decimal;
use crate::domain::{CompanyId, Document, Row, Value, chain};
use crate::process::syspro_link::SysproLink;
use crate::syspro::{PageQuery, ReadScope};

/// A table to read.
pub(super) struct SysproTable {
    plan: ReadPlan,
}

fn table(name: &str, key: &[&str], columns: &[&str]) -> TableRead {
    let columns: Vec<String> =
        key.iter().chain(columns.iter().filter(|column| !key.contains(column))).map(|&name| name.to_owned()).collect();
    TableRead {
        table: name.to_owned(),
        key: key.iter().map(|&name| name.to_owned()).collect(),
        key_at: (0..key.len()).collect(),
        columns,
        filter: None,
        exclude: Vec::new(),
        optional: Vec::new(),
        dates: Vec::new(),
        numbers: Vec::new(),
        derive: None,
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn pairs(on: &[(&str, &str)]) -> Vec<(String, String)> {
    on.iter().map(|(left, right)| ((*left).to_owned(), (*right).to_owned())).collect()
}

impl SysproTable {
    /// A table with its key and further columns.
    pub(super) fn new(name: &str, key: &[&str], columns: &[&str]) -> Self {
        let root = table(name, key, columns);
        Self {
            plan: ReadPlan {
                columns: root.columns.clone(),
                root,
                joins: Vec::new(),
                children: Vec::new(),
                changes: Vec::new(),
                sweep: None,
                type_change: TypeChange::Report,
                amounts: Default::default(),
                controls: Vec::new(),
            },
        }
    }

    /// Only the rows that meet this condition of OData.
    pub(super) fn only(mut self, filter: &str) -> Self {
        self.plan.root.filter = Some(Filter::new(filter));
        self
    }

    /// These of its columns hold dates.
    pub(super) fn dates(mut self, names: &[&str]) -> Self {
        self.plan.root.dates = owned(names);
        self
    }

    /// A site may lack these of its columns.
    pub(super) fn optional(mut self, names: &[&str]) -> Self {
        self.plan.root.optional = owned(names);
        self
    }

    /// Adds the rows of a table that belong to each row, found by (own column, column of that table).
    pub(super) fn lines(mut self, name: &str, key: &[&str], on: &[(&str, &str)], columns: &[&str]) -> Self {
        self.plan.children.push(ChildRead {
            name: "lines".to_owned(),
            table: table(name, key, columns),
            on: pairs(on),
            via: None,
            amounts: Default::default(),
            may_be_absent: false,
        });
        self
    }

    /// Reads all rows, page by page, and hands each over with its lines.
    ///
    /// # Errors
    /// Why not, for people: SYSPRO's error, a row that cannot be read, or what `each` says.
    pub(super) async fn read(
        &self,
        link: &SysproLink,
        company: &CompanyId,
        page_size: u32,
        mut each: impl FnMut(SysproRow<'_>, Vec<SysproRow<'_>>) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut after, mut limit) = (None, page_size);
        let of_lines: Vec<String> = self.plan.children.iter().flat_map(ChildRead::columns).collect();
        loop {
            let query = PageQuery { scope: ReadScope::All, after: after.clone(), limit };
            let page = match link.reader.page(&link.credential, company, &self.plan, &query).await {
                Err(error) if error.is_heavy() && limit > 1 => {
                    limit = limit.div_ceil(2);
                    continue;
                }
                page => page.map_err(|error| chain(&error))?,
            };
            if page.nameless {
                return Err(format!("a row of SYSPRO's table `{}` has a key that cannot be read", self.plan.root.table));
            }
            for Document { key, root, children, faults, .. } in &page.documents {
                if let Some(fault) = faults.first() {
                    return Err(format!("the row `{}` of SYSPRO's table `{}`: {}", key.as_str(), self.plan.root.table, fault.text));
                }
                let lines = children.iter().flatten().map(|row| SysproRow { columns: &of_lines, row }).collect();
                each(SysproRow { columns: &self.plan.columns, row: root }, lines)?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// A row of it.
#[derive(Clone, Copy)]
pub(super) struct SysproRow<'a> {
    columns: &'a [String],
    row: &'a Row,
}

impl SysproRow<'_> {
    fn value(&self, column: &str) -> Option<&Value> {
        self.row.get(self.columns.iter().position(|name| name == column)?)
    }

    /// The text of a column; empty: none.
    pub(super) fn text(&self, column: &str) -> String {
        self.value(column).map(Value::to_text).unwrap_or_default().trim_end().to_owned()
    }

    /// The number in a column, exactly.
    pub(super) fn number(&self, column: &str) -> Option<Decimal> {
        match self.value(column)? {
            Value::Number(number) => Some(*number),
            value => parse_decimal(value.as_text().trim()),
        }
    }

    /// The amount in a column, exactly.
    ///
    /// # Errors
    /// What stands there and is no number; empty: nothing.
    pub(super) fn amount(&self, column: &str) -> Result<Decimal, String> {
        self.number(column).ok_or_else(|| self.text(column))
    }

    /// The whole number in a column.
    pub(super) fn whole(&self, column: &str) -> Option<i32> {
        self.number(column).filter(|number| number.fract().is_zero())?.trunc().try_into().ok()
    }

    /// The date in a column.
    pub(super) fn date(&self, column: &str) -> Option<NaiveDate> {
        match self.value(column)? {
            Value::Date(date) => Some(*date),
            _ => None,
        }
    }
}

/// A text as a literal of an OData condition.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
