//! Tables, columns and SQL types of a SYSPRO company, read from `tables.txt` once.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The SQL type of a column, which decides how a value is stored, compared and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlType {
    /// `char(n)`: padded with spaces to its width.
    Char(u16),
    /// `varchar(n)`.
    Varchar(u16),
    /// `decimal(precision, scale)`.
    Decimal(u8, u8),
    /// `datetime`, midnight only, may be null.
    DateTime,
    /// `timestamp`: a number that grows with every write in the company.
    RowVersion,
}

/// One column.
#[derive(Debug)]
pub struct ColumnSchema {
    /// The SQL name.
    pub name: String,
    /// The SQL type.
    pub sql: SqlType,
    /// Only the newer release has it.
    pub newer: bool,
}

/// One table.
#[derive(Debug)]
pub struct TableSchema {
    /// The SQL name, which is also the OData entity set.
    pub name: String,
    /// Every column of either release, in order.
    pub columns: Vec<ColumnSchema>,
    /// Offsets of the primary key.
    pub key: Vec<usize>,
    /// Offsets of each further index.
    pub indexes: Vec<Vec<usize>>,
    by_name: HashMap<String, usize>,
}

impl TableSchema {
    /// The offset of a column; names are case sensitive.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The table's place among all tables.
    pub fn find(name: &str) -> Option<&'static TableSchema> {
        TABLES.iter().find(|table| table.name == name)
    }
}

/// Every table, in the order of `tables.txt`.
pub static TABLES: LazyLock<Vec<TableSchema>> = LazyLock::new(|| match parse(include_str!("tables.txt")) {
    Ok(tables) => tables,
    // the text is part of the program, and a test reads it
    Err(problem) => unreachable!("tables.txt: {problem}"),
});

fn parse(text: &str) -> Result<Vec<TableSchema>, String> {
    let mut tables: Vec<(String, String)> = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match (line.strip_prefix(' '), tables.last_mut()) {
            (None, _) => tables.push((line.to_owned(), String::new())),
            (Some(more), Some((_, columns))) => {
                columns.push(' ');
                columns.push_str(more);
            }
            (Some(_), None) => return Err("columns before the first table".to_owned()),
        }
    }
    tables.iter().map(|(head, columns)| table(head, columns)).collect()
}

fn table(head: &str, columns: &str) -> Result<TableSchema, String> {
    let (name, rest) = head.split_once(" (").ok_or_else(|| format!("`{head}` has no key"))?;
    let (key, indexes) = rest.split_once(')').ok_or_else(|| format!("`{head}` has an open bracket"))?;
    let mut all = vec![];
    for word in columns.split_whitespace() {
        let (names, sql) = word.split_once(':').ok_or_else(|| format!("`{word}` has no type"))?;
        let (sql, newer) = sql.strip_suffix('+').map_or((sql, false), |sql| (sql, true));
        let sql = sql_type(sql).ok_or_else(|| format!("`{word}` has an unknown type"))?;
        match names.split_once("..") {
            None => all.push(ColumnSchema { name: names.to_owned(), sql, newer }),
            Some((first, last)) => {
                let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
                let last: u32 = last.parse().map_err(|_| format!("`{word}` has a bad range"))?;
                all.extend((1..=last).map(|n| ColumnSchema { name: format!("{stem}{n}"), sql, newer }));
            }
        }
    }
    let by_name: HashMap<String, usize> = all.iter().enumerate().map(|(at, column)| (column.name.clone(), at)).collect();
    let offsets = |names: &str| -> Result<Vec<usize>, String> {
        names.split_whitespace().map(|column| by_name.get(column).copied().ok_or(format!("`{name}` has no column `{column}`"))).collect()
    };
    let key = offsets(key)?;
    let indexes = indexes.split('[').skip(1).map(|index| offsets(index.trim().trim_end_matches(']'))).collect::<Result<_, _>>()?;
    Ok(TableSchema { name: name.to_owned(), columns: all, key, indexes, by_name })
}

fn sql_type(text: &str) -> Option<SqlType> {
    let (kind, size) = text.split_at_checked(1)?;
    Some(match kind {
        "c" => SqlType::Char(size.parse().ok()?),
        "v" => SqlType::Varchar(size.parse().ok()?),
        "n" => {
            let (precision, scale) = size.split_once('.')?;
            SqlType::Decimal(precision.parse().ok()?, scale.parse().ok()?)
        }
        "d" => SqlType::DateTime,
        "t" => SqlType::RowVersion,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_can_be_read() {
        let tables = parse(include_str!("tables.txt")).expect("tables.txt");
        assert!(tables.len() >= 25);
        let lines = TableSchema::find("PorMasterDetail").expect("table");
        assert_eq!(lines.columns[lines.column("MDiscPct3").expect("column")].sql, SqlType::Decimal(5, 2));
        assert!(lines.columns[lines.column("CapexCode").expect("column")].newer);
        let summary = TableSchema::find("ApJnlSummary").expect("table");
        assert_eq!(summary.indexes, [vec![summary.column("Supplier").expect("column"), summary.column("Invoice").expect("column")]]);
        for table in &tables {
            let names: std::collections::HashSet<_> = table.columns.iter().map(|column| &column.name).collect();
            assert_eq!(names.len(), table.columns.len(), "{} has a column twice", table.name);
            assert_eq!(table.columns.last().map(|column| column.sql), Some(SqlType::RowVersion), "{}", table.name);
        }
    }
}
