//! Writes an application as a project of ServiceNow's SDK: TypeScript in the dialect *Fluent*.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::ids::{map_id, role_name, rule_id};
use super::keys::{self, Keys};
use super::model::{Application, Column, ColumnKind, Index, Role, Table, TableKind};
use super::output::{Files, TABLES};
use super::scope::Scope;
use super::typescript::{Ts, quoted};

/// The version of the SDK that the project names.
pub const SDK: &str = "4.9.0";
/// The version of ServiceNow's type definitions that the project names.
const GLIDE: &str = "27.0.5";
/// The format of dates that Tieline sends.
const DATE_FORMAT: &str = "yyyy-MM-dd";
/// The name of the application on the instance.
const NAME: &str = "Tieline";
/// The table that every staging table extends.
const STAGING_PARENT: &str = "sys_import_set_row";

/// The path of the file that has the `sys_id` of every record.
pub const KEYS: &str = "src/fluent/generated/keys.ts";
/// The path of the file with the scope and its `sys_id`.
pub const CONFIG: &str = "now.config.json";
/// The path of the file with the version.
pub const PACKAGE: &str = "package.json";
/// The directory of the SDK's sources.
pub const SOURCES: &str = "src/";

/// The files of the project. `known`: the records that have a `sys_id` already.
pub fn files(application: &Application, scope: &Scope, known: &Keys) -> Files {
    let mut files = Files::default();
    let (config, package) = (config(scope), package(application, scope));
    files.json(CONFIG, &config);
    files.json(PACKAGE, &package);
    files.add(".gitignore", "/node_modules/\n/dist/\n/target/\n/.now/\n/@types/\n".to_owned());
    files.add("src/fluent/roles.now.ts", roles(application, scope));
    for table in &application.tables {
        files.add(&format!("{TABLES}/{}.now.ts", table.name), table_file(table));
    }
    if !application.maps.is_empty() {
        files.add("src/fluent/maps.now.ts", maps(application));
    }
    if !application.rules.is_empty() {
        files.add("src/fluent/access.now.ts", access(application));
    }
    files.add(KEYS, keys::file(application, scope, known));
    files
}

fn config(scope: &Scope) -> serde_json::Value {
    serde_json::json!({ "scope": scope.as_str(), "scopeId": scope.sys_id("scope"), "name": NAME })
}

fn package(application: &Application, scope: &Scope) -> serde_json::Value {
    serde_json::json!({
        "name": scope.as_str().replace('_', "-"),
        "version": env!("CARGO_PKG_VERSION"),
        "description": format!("What Tieline's profile {} needs on a ServiceNow instance", application.profile),
        "license": "UNLICENSED",
        "private": true,
        "imports": { "#now:*": "./@types/servicenow/fluent/*/index.js" },
        "scripts": { "build": "now-sdk build", "pack": "now-sdk pack", "deploy": "now-sdk install" },
        "devDependencies": { "@servicenow/sdk": SDK, "@servicenow/glide": GLIDE },
    })
}

/// A file: its imports, and its statements with a blank line between them.
struct File {
    imports: Vec<String>,
    body: String,
}

impl File {
    /// A file that needs the names of the SDK.
    fn new<'a>(core: impl IntoIterator<Item = &'a str>) -> Self {
        let core: BTreeSet<&str> = core.into_iter().collect();
        let core: Vec<&str> = core.into_iter().collect();
        let imports = vec!["import '@servicenow/sdk/global'".to_owned(), import(&core.join(", "), "@servicenow/sdk/core")];
        Self { imports, body: String::new() }
    }

    /// The record, as a constant if something refers to it.
    fn record(&mut self, constant: Option<&str>, record: &Ts) {
        let start = constant.map(|name| format!("export const {name} = ")).unwrap_or_default();
        let _ = write!(self.body, "\n{start}");
        record.write(&mut self.body, start.chars().count(), 0);
        self.body.push('\n');
    }

    fn text(self) -> String {
        format!("{}\n{}", self.imports.join("\n"), self.body)
    }
}

fn import(names: &str, from: &str) -> String {
    format!("import {{ {names} }} from {}", quoted(from))
}

fn roles(application: &Application, scope: &Scope) -> String {
    let mut file = File::new(["Role"]);
    for role in &application.roles {
        let mut members = vec![("name", Ts::text(role_name(role.name, scope))), ("description", Ts::text(role.description))];
        if !role.contains.is_empty() {
            members.push(("containsRoles", Ts::List(role.contains.iter().map(|name| Ts::text(*name)).collect())));
        }
        file.record(Some(role.name), &Ts::call("Role", Ts::object(members)));
    }
    file.text()
}

fn table_file(table: &Table) -> String {
    let mut file = File::new(std::iter::once("Table").chain(table.columns.iter().map(|column| function(column.kind))));
    let schema = Ts::Object(table.columns.iter().map(|column| (column.name.clone(), column_value(column))).collect());
    let members = match table.kind {
        // only columns may be given for a table of another scope
        TableKind::Shipped(_) | TableKind::Site => vec![("augments", Ts::text(&table.name)), ("schema", schema)],
        TableKind::Staging => {
            let mut members = vec![("name", Ts::text(&table.name)), ("label", Ts::text(&table.label))];
            members.extend([("extends", Ts::text(STAGING_PARENT)), ("schema", schema)]);
            members.extend(own_members(table, &["create", "read", "update", "delete"]));
            members
        }
        TableKind::Target => {
            let display = table.columns.first().map_or("", |column| column.name.as_str());
            let mut members = vec![("name", Ts::text(&table.name)), ("label", Ts::text(&table.label))];
            members.extend([("display", Ts::text(display)), ("audit", Ts::Flag(true)), ("schema", schema)]);
            members.extend(own_members(table, &["create", "read", "update"]));
            members
        }
    };
    file.record(Some(&table.name), &Ts::call("Table", Ts::object(members)));
    file.text()
}

/// What all tables of the application say: its REST access, what other scopes may do, and its indexes.
fn own_members(table: &Table, actions: &[&str]) -> [(&'static str, Ts); 3] {
    let index = |index: &Index| {
        Ts::object([
            ("name", Ts::text(format!("index_{}", index.column))),
            ("unique", Ts::Flag(index.unique)),
            ("element", Ts::text(&index.column)),
        ])
    };
    [
        ("allowWebServiceAccess", Ts::Flag(true)),
        ("actions", Ts::List(actions.iter().map(|action| Ts::text(*action)).collect())),
        ("index", Ts::List(table.indexes.iter().map(index).collect())),
    ]
}

fn function(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text(_) => "StringColumn",
        ColumnKind::Decimal(_) => "DecimalColumn",
        ColumnKind::Whole => "IntegerColumn",
        ColumnKind::Date => "DateColumn",
        ColumnKind::Flag => "BooleanColumn",
    }
}

fn column_value(column: &Column) -> Ts {
    let mut members = vec![("label", Ts::text(&column.label))];
    match column.kind {
        ColumnKind::Text(length) => members.push(("maxLength", Ts::Number(length as u64))),
        ColumnKind::Decimal(scale) => members.push(("scale", Ts::Number(scale.into()))),
        ColumnKind::Whole | ColumnKind::Date | ColumnKind::Flag => {}
    }
    if column.unique {
        members.push(("unique", Ts::Flag(true)));
    }
    Ts::call(function(column.kind), Ts::object(members))
}

fn maps(application: &Application) -> String {
    let mut file = File::new(["ImportSet"]);
    for map in &application.maps {
        let fields = map.fields.iter().map(|field| {
            let value = if field.coalesce {
                Ts::object([
                    ("sourceField", Ts::text(&field.column)),
                    ("coalesce", Ts::Flag(true)),
                    ("coalesceCaseSensitive", Ts::Flag(true)),
                    ("coalesceEmptyFields", Ts::Flag(false)),
                ])
            } else if field.date {
                Ts::object([("sourceField", Ts::text(&field.column)), ("dateFormat", Ts::text(DATE_FORMAT))])
            } else {
                Ts::text(&field.column)
            };
            (field.column.clone(), value)
        });
        let members = [
            ("$id", Ts::Id(map_id(map))),
            ("name", Ts::text(&map.name)),
            ("active", Ts::Flag(true)),
            ("sourceTable", Ts::text(&map.source)),
            ("targetTable", Ts::text(&map.target)),
            ("copyEmptyFields", Ts::Flag(true)),
            ("createOnEmptyCoalesce", Ts::Flag(false)),
            ("enforceMandatoryFields", Ts::text("no")),
            ("runBusinessRules", Ts::Flag(true)),
            ("runScript", Ts::Flag(false)),
            ("fields", Ts::Object(fields.collect())),
        ];
        file.record(None, &Ts::call("ImportSet", Ts::object(members)));
    }
    file.text()
}

fn access(application: &Application) -> String {
    let mut file = File::new(["Acl"]);
    let named: BTreeSet<&str> = application.rules.iter().flat_map(|rule| rule.roles.iter().copied()).collect();
    let used: Vec<&str> = application.roles.iter().map(|role: &Role| role.name).filter(|name| named.contains(name)).collect();
    file.imports.push(import(&used.join(", "), "./roles.now"));
    for rule in &application.rules {
        let mut members = vec![("$id", Ts::Id(rule_id(rule))), ("type", Ts::text("record")), ("table", Ts::text(&rule.table))];
        members.extend(rule.column.as_ref().map(|column| ("field", Ts::text(column))));
        members.push(("operation", Ts::text(rule.operation.word())));
        members.push(("roles", Ts::List(rule.roles.iter().map(|role| Ts::Name((*role).to_owned())).collect())));
        file.record(None, &Ts::call("Acl", Ts::object(members)));
    }
    file.text()
}
