//! Writes `keys.ts`, in which the SDK keeps the `sys_id` of every record. Without the file each build would invent them: a second build
//! would then bring every transform map a second time, and each map writes a row.

use std::fmt::Write as _;

use super::ids::{map_id, role_name, rule_id};
use super::model::Application;
use super::scope::Scope;
use super::typescript::quoted;

/// The language of labels.
const LANGUAGE: &str = "en";
/// The element of the dictionary entry and the label of a table itself.
const TABLE_ITSELF: &str = "NULL";

/// A record that the SDK finds by a name of ours.
struct Named {
    name: String,
    table: &'static str,
    id: String,
}

/// A record that the SDK finds by some of its values.
struct Found {
    table: &'static str,
    id: String,
    key: Vec<(&'static str, KeyValue)>,
}

/// A value that identifies a record.
enum KeyValue {
    /// A text, or the `sys_id` of a record with a name of ours.
    Text(String),
    /// Another record that is identified by its name.
    Record { id: String, name: String },
}

/// The text of `keys.ts`.
pub(super) fn file(application: &Application, scope: &Scope) -> String {
    let mut text = String::from("import '@servicenow/sdk/global'\n\ndeclare global {\n    namespace Now {\n        namespace Internal {\n");
    text.push_str("            interface Keys extends KeysRegistry {\n                explicit: {\n");
    for Named { name, table, id } in named(application, scope) {
        let member = if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') { name } else { quoted(&name) };
        let _ = writeln!(text, "{0}{member}: {{\n{0}    table: '{table}'\n{0}    id: '{id}'\n{0}}}", " ".repeat(20));
    }
    text.push_str("                }\n                composite: [\n");
    for Found { table, id, key } in found(application, scope) {
        let _ = writeln!(text, "{0}{{\n{0}    table: '{table}'\n{0}    id: '{id}'\n{0}    key: {{", " ".repeat(20));
        for (name, value) in key {
            let indent = " ".repeat(28);
            let _ = match value {
                KeyValue::Text(value) => writeln!(text, "{indent}{name}: {}", quoted(&value)),
                KeyValue::Record { id, name: other } => writeln!(
                    text,
                    "{indent}{name}: {{\n{indent}    id: '{id}'\n{indent}    key: {{\n{indent}        name: {}\n{indent}    }}\n{indent}}}",
                    quoted(&other)
                ),
            };
        }
        let _ = writeln!(text, "{0}    }}\n{0}}},", " ".repeat(20));
    }
    text.push_str("                ]\n            }\n        }\n    }\n}\n");
    text
}

fn named(application: &Application, scope: &Scope) -> Vec<Named> {
    let of = |name: String, table| Named { id: scope.sys_id(&format!("{table} {name}")), name, table };
    let mut all: Vec<Named> = application.maps.iter().map(|map| of(map_id(map), "sys_transform_map")).collect();
    all.extend(application.rules.iter().map(|rule| of(rule_id(rule), "sys_security_acl")));
    // what the SDK adds to every application
    all.extend(["bom_json", "package_json"].map(|name| of(name.to_owned(), "sys_module")));
    all.sort_by(|one, two| one.name.cmp(&two.name));
    all
}

fn found(application: &Application, scope: &Scope) -> Vec<Found> {
    let text = |value: &str| KeyValue::Text(value.to_owned());
    let find = |table: &'static str, key: Vec<(&'static str, KeyValue)>| {
        let values = key.iter().map(|(_, value)| match value {
            KeyValue::Text(text) => text.as_str(),
            KeyValue::Record { id, .. } => id,
        });
        let record = std::iter::once(table).chain(values).collect::<Vec<_>>().join(" ");
        Found { table, id: scope.sys_id(&record), key }
    };
    let role = |name: &str| {
        let name = role_name(name, scope);
        KeyValue::Record { id: scope.sys_id(&format!("sys_user_role {name}")), name }
    };
    let mut all = Vec::new();
    for table in &application.tables {
        let name = table.name.as_str();
        let labels = table.columns.iter().map(|column| column.name.as_str()).chain([TABLE_ITSELF]);
        all.extend(["sys_db_object", "ua_table_licensing_config"].map(|of| find(of, vec![("name", text(name))])));
        for element in labels {
            if element != TABLE_ITSELF || table.is_own() {
                all.push(find("sys_dictionary", vec![("name", text(name)), ("element", text(element))]));
            }
            let key = vec![("name", text(name)), ("element", text(element)), ("language", text(LANGUAGE))];
            all.push(find("sys_documentation", key));
        }
        for index in table.indexes.iter().filter(|_| table.is_own()) {
            all.push(find("sys_index", vec![("logical_table_name", text(name)), ("col_name_string", text(&index.column))]));
        }
    }
    for map in &application.maps {
        let id = scope.sys_id(&format!("sys_transform_map {}", map_id(map)));
        let entry = |column: &str| find("sys_transform_entry", vec![("map", text(&id)), ("target_field", text(column))]);
        all.extend(map.fields.iter().map(|field| entry(&field.column)));
    }
    for one in &application.roles {
        all.push(find("sys_user_role", vec![("name", text(&role_name(one.name, scope)))]));
        all.extend(one.contains.iter().map(|other| {
            let contained = KeyValue::Record { id: scope.sys_id(&format!("role {other}")), name: (*other).to_owned() };
            find("sys_user_role_contains", vec![("role", role(one.name)), ("contains", contained)])
        }));
    }
    for rule in &application.rules {
        let id = scope.sys_id(&format!("sys_security_acl {}", rule_id(rule)));
        let allows = |name: &&str| find("sys_security_acl_role", vec![("sys_security_acl", text(&id)), ("sys_user_role", role(name))]);
        all.extend(rule.roles.iter().map(allows));
    }
    all.sort_by(|one, two| one.id.cmp(&two.id));
    all
}
