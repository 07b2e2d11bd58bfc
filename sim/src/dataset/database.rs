//! The companies of a SYSPRO system, with functions that change rows by table name, column name and text value.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::schema::{TABLES, TableSchema};
use super::table::{Cell, Table};

/// Why a row cannot be touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No such company.
    #[error("there is no company `{0}`")]
    Company(String),
    /// No such table.
    #[error("there is no table `{0}`")]
    Table(String),
    /// No such column.
    #[error("table `{0}` has no column `{1}`")]
    Column(String, String),
    /// The text is not a value of the column's type.
    #[error("`{2}` is not a value for column `{1}` of table `{0}`")]
    Value(String, String, String),
    /// Another row has the key.
    #[error("table `{0}` has a row with this key already: {1}")]
    Taken(String, String),
    /// No row has the key.
    #[error("table `{0}` has no row with {1}")]
    Missing(String, String),
}

/// One company, which is one database.
#[derive(Debug, Clone)]
pub struct Company {
    /// The company id, such as `EDU1`.
    pub id: String,
    tables: Vec<Table>,
    /// An ordinary manufacturer, without special cases.
    pub(super) ordinary: bool,
    /// How often [`super::live::tick`] has changed this company.
    pub(super) ticks: u64,
    /// The last row version given out.
    version: i64,
}

impl Company {
    /// A company with every table, all empty.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), tables: TABLES.iter().map(Table::new).collect(), ordinary: false, ticks: 0, version: 1_000 }
    }

    /// Every table.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// A table by its name, case sensitive.
    pub fn table(&self, name: &str) -> Result<&Table, EditError> {
        self.tables.iter().find(|table| table.schema.name == name).ok_or_else(|| EditError::Table(name.to_owned()))
    }

    fn table_mut(&mut self, name: &str) -> Result<(&mut Table, i64), EditError> {
        self.version += 1;
        let table = self.tables.iter_mut().find(|table| table.schema.name == name).ok_or_else(|| EditError::Table(name.to_owned()))?;
        Ok((table, self.version))
    }

    /// Removes tables with all their rows.
    pub fn drop_tables(&mut self, names: &[&str]) {
        self.tables.retain(|table| !names.contains(&table.schema.name.as_str()));
    }

    /// Adds a row of typed values.
    pub fn add(&mut self, table: &str, values: Vec<(&str, Cell)>) -> Result<(), EditError> {
        let (table, version) = self.table_mut(table)?;
        let schema = table.schema;
        let values: Vec<(usize, Cell)> =
            values.into_iter().map(|(name, cell)| Ok((offset(schema, name)?, cell))).collect::<Result<_, EditError>>()?;
        let inserted = table.insert(values, version);
        inserted.map(|_| ()).map_err(|holder| EditError::Taken(schema.name.clone(), show(table, holder)))
    }

    /// Changes the row with this key (in the key's order).
    pub fn set(&mut self, table: &str, key: &[Cell], values: Vec<(&str, Cell)>) -> Result<(), EditError> {
        let (table, version) = self.table_mut(table)?;
        let schema = table.schema;
        let slot = table.find(key).ok_or_else(|| EditError::Missing(schema.name.clone(), format!("{key:?}")))?;
        let values: Vec<(usize, Cell)> =
            values.into_iter().map(|(name, cell)| Ok((offset(schema, name)?, cell))).collect::<Result<_, EditError>>()?;
        table.update(slot, &values, version).map_err(|holder| EditError::Taken(schema.name.clone(), show(table, holder)))
    }

    /// Removes the row with this key.
    pub fn remove(&mut self, table: &str, key: &[Cell]) -> Result<(), EditError> {
        let (table, _) = self.table_mut(table)?;
        let slot = table.find(key).ok_or_else(|| EditError::Missing(table.schema.name.clone(), format!("{key:?}")))?;
        table.delete(slot);
        Ok(())
    }
}

fn offset(schema: &TableSchema, name: &str) -> Result<usize, EditError> {
    schema.column(name).ok_or_else(|| EditError::Column(schema.name.clone(), name.to_owned()))
}

/// The key of a row, for a message.
fn show(table: &Table, slot: u32) -> String {
    let one = |at: &usize| format!("{} `{:?}`", table.schema.columns[*at].name, table.cell(slot, *at));
    table.schema.key.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Every company, and the server's date.
#[derive(Debug, Clone)]
pub struct Database {
    /// By company id.
    pub companies: BTreeMap<String, Company>,
    /// The server's local date.
    pub today: NaiveDate,
}

impl Database {
    /// A company by its id, case sensitive.
    pub fn company(&self, id: &str) -> Result<&Company, EditError> {
        self.companies.get(id).ok_or_else(|| EditError::Company(id.to_owned()))
    }

    /// The same, to change it.
    pub fn company_mut(&mut self, id: &str) -> Result<&mut Company, EditError> {
        self.companies.get_mut(id).ok_or_else(|| EditError::Company(id.to_owned()))
    }

    /// Adds a row; numbers and dates as text (`12.50`, `2026-01-31`), columns not named are blank.
    pub fn insert(&mut self, company: &str, table: &str, values: &[(&str, &str)]) -> Result<(), EditError> {
        let schema = self.company(company)?.table(table)?.schema;
        self.company_mut(company)?.add(table, cells(schema, values)?)
    }

    /// Changes the row whose key columns have these values.
    pub fn update(&mut self, company: &str, table: &str, key: &[(&str, &str)], values: &[(&str, &str)]) -> Result<(), EditError> {
        let schema = self.company(company)?.table(table)?.schema;
        let key = key_cells(schema, key)?;
        self.company_mut(company)?.set(table, &key, cells(schema, values)?)
    }

    /// Removes the row whose key columns have these values.
    pub fn delete(&mut self, company: &str, table: &str, key: &[(&str, &str)]) -> Result<(), EditError> {
        let schema = self.company(company)?.table(table)?.schema;
        let key = key_cells(schema, key)?;
        self.company_mut(company)?.remove(table, &key)
    }

    /// How many rows a table has.
    pub fn count(&self, company: &str, table: &str) -> Result<usize, EditError> {
        Ok(self.company(company)?.table(table)?.len())
    }

    /// The exact sum of a decimal column.
    pub fn sum(&self, company: &str, table: &str, column: &str) -> Result<Decimal, EditError> {
        let table = self.company(company)?.table(table)?;
        let at = offset(table.schema, column)?;
        table.sum(at).ok_or_else(|| EditError::Column(table.schema.name.clone(), format!("{column}` of a decimal type, but `{column}")))
    }
}

fn cells<'a>(schema: &TableSchema, values: &[(&'a str, &str)]) -> Result<Vec<(&'a str, Cell)>, EditError> {
    let cell = |(name, text): &(&'a str, &str)| {
        let at = offset(schema, name)?;
        let cell = Cell::read(text, schema.columns[at].sql);
        let cell = cell.ok_or_else(|| EditError::Value(schema.name.clone(), (*name).to_owned(), (*text).to_owned()))?;
        Ok((*name, cell))
    };
    values.iter().map(cell).collect()
}

fn key_cells(schema: &TableSchema, key: &[(&str, &str)]) -> Result<Vec<Cell>, EditError> {
    let cells = cells(schema, key)?;
    let one = |at: &usize| {
        let name = &schema.columns[*at].name;
        let found = cells.iter().find(|(column, _)| column == name).map(|(_, cell)| cell.clone());
        found.ok_or_else(|| EditError::Missing(schema.name.clone(), format!("key column `{name}`, because it was not given")))
    };
    schema.key.iter().map(one).collect()
}
