//! `src/store/schema.rs` says what the migrations create; `UPDATE_SCHEMA_RS=1 make unit ARGS=schema` writes it again.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::database::Database;
use crate::support::run;

const HEAD: &str = "\
//! The tables of the ledger as the migrations create them. `tests/it/schema.rs` generates this file; do not edit it.
";

/// What each table begins with: texts and JSON are bound as `src/store/text.rs` says.
const USES: &str = "    use diesel::sql_types::*;\n    use crate::store::text::{Jsonb, Text};\n\n";

/// Columns of each table: table, column, type, whether it is never null, its place in the primary key.
const COLUMNS: &str = "SELECT t.relname, c.attname, y.typname, c.attnotnull, coalesce(array_position(k.conkey, c.attnum), 0)
    FROM pg_class t
    JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
    JOIN pg_type y ON y.oid = c.atttypid
    LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p'
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND t.relname <> '__diesel_schema_migrations'
    ORDER BY t.relname COLLATE \"C\", c.attnum";

struct Column {
    table: String,
    name: String,
    sql_type: String,
    /// From 1; 0: it is not part of the key.
    place_in_key: usize,
}

impl Column {
    fn read(line: &str) -> Self {
        let parts: Vec<&str> = line.split('|').collect();
        let [table, name, of_postgres, never_null, place] = parts[..] else { panic!("{line}") };
        let sql_type = match (diesel_type(of_postgres), never_null) {
            (sql_type, "t") => sql_type,
            (sql_type, _) => format!("Nullable<{sql_type}>"),
        };
        Self { table: table.to_owned(), name: name.to_owned(), sql_type, place_in_key: place.parse().unwrap() }
    }

    /// Its name in Rust: `table!` accepts neither the name of the table nor that of its own module.
    fn in_rust(&self) -> String {
        if self.name == self.table || self.name == "columns" { format!("{}_", self.name) } else { self.name.clone() }
    }
}

fn diesel_type(of_postgres: &str) -> String {
    if let Some(element) = of_postgres.strip_prefix('_') {
        return format!("Array<{}>", diesel_type(element));
    }
    let name = match of_postgres {
        "bool" => "Bool",
        "bytea" => "Binary",
        "date" => "Date",
        "float8" => "Double",
        "int2" => "SmallInt",
        "int4" => "Integer",
        "int8" => "BigInt",
        "jsonb" => "Jsonb",
        "numeric" => "Numeric",
        "text" => "Text",
        "timestamptz" => "Timestamptz",
        "uuid" => "Uuid",
        other => panic!("say which type of diesel `{other}` is"),
    };
    name.to_owned()
}

fn table(columns: &[Column]) -> String {
    let mut key: Vec<&Column> = columns.iter().filter(|column| column.place_in_key > 0).collect();
    key.sort_by_key(|column| column.place_in_key);
    if key.is_empty() {
        // `table!` needs one
        key = columns.iter().collect();
    }
    let key: Vec<String> = key.into_iter().map(Column::in_rust).collect();
    let mut text = format!("\ndiesel::table! {{\n{USES}    {} ({}) {{\n", columns[0].table, key.join(", "));
    for column in columns {
        let name = column.in_rust();
        if name != column.name {
            writeln!(text, "        #[sql_name = \"{}\"]", column.name).unwrap();
        }
        writeln!(text, "        {name} -> {},", column.sql_type).unwrap();
    }
    text + "    }\n}\n"
}

#[test]
fn the_schema_is_what_the_migrations_create() {
    run(async {
        let database = Database::migrated().await;
        let columns: Vec<Column> = database.psql(COLUMNS).lines().map(Column::read).collect();
        let tables: String = columns.chunk_by(|one, next| one.table == next.table).map(table).collect();
        let text = format!("{HEAD}{tables}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema.rs");
        if std::env::var_os("UPDATE_SCHEMA_RS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "src/store/schema.rs is not what the migrations create; run the tests once with UPDATE_SCHEMA_RS=1");
    });
}

#[test]
fn the_security_page_names_columns_that_exist() {
    run(async {
        let database = Database::migrated().await;
        let names = database.psql("SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'");
        let known: Vec<&str> = names.lines().collect();
        let page = include_str!("../../docs/security.md");
        let (_, personal) = page.split_once("\n## Personal data\n").expect("the chapter");
        let places = personal.lines().skip_while(|line| !line.starts_with("| where |")).take_while(|line| line.starts_with('|'));
        // in the first column, `table.column`, or a whole table
        let named: Vec<&str> = places.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert!(named.len() > 10, "the table of the page is not read: {named:?}");
        let exists =
            |name: &&&str| known.iter().any(|known| known == *name || known.split_once('.').is_some_and(|(table, _)| table == **name));
        let wrong: Vec<_> = named.iter().filter(|name| !exists(name)).collect();
        assert!(wrong.is_empty(), "docs/security.md names what the ledger does not have: {wrong:?}");
    });
}
