//! Writes `keys.ts`, in which the SDK keeps the `sys_id` of every record. Without the file each build would invent them: a second build
//! would then bring every transform map a second time, and each map writes a row.
//!
//! What the file has already stays: its ids, the records that the SDK or a person added, and those that are no longer in the application,
//! which the SDK deletes from the instance.

use super::ids::{map_id, role_name, rule_id};
use super::keys_file::{self, Members, Node, member};
use super::model::Application;
use super::scope::Scope;

/// The language of labels.
const LANGUAGE: &str = "en";
/// The element of the dictionary entry and the label of a table itself.
const TABLE_ITSELF: &str = "NULL";

/// The records that have a `sys_id` already, by an earlier run or by the SDK.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// The file as it is.
    text: String,
    members: Members,
}

impl Keys {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and in which line.
    pub fn read(text: &str) -> Result<Self, String> {
        Ok(Self { members: keys_file::parse(text)?, text: text.to_owned() })
    }

    fn explicit(&self) -> &[(String, Node)] {
        match member(&self.members, EXPLICIT) {
            Some(Node::Object(members)) => members,
            _ => &[],
        }
    }

    fn composite(&self) -> &[Node] {
        match member(&self.members, COMPOSITE) {
            Some(Node::List(values)) => values,
            _ => &[],
        }
    }

    /// The id of a record with this name.
    fn named(&self, name: &str, table: &str) -> Option<&str> {
        let entry = member(self.explicit(), name)?;
        (entry.member("table")?.as_text()? == table).then(|| entry.member("id")?.as_text()).flatten()
    }

    /// The id of a record that some of its values identify.
    fn found(&self, table: &str, key: &Node) -> Option<&str> {
        let is_it = |entry: &&Node| {
            entry.member("table").and_then(Node::as_text) == Some(table) && entry.member("key").is_some_and(|other| same(other, key))
        };
        self.composite().iter().find(is_it)?.member("id")?.as_text()
    }

    /// The file with these records too.
    fn with(&self, named: Vec<(String, Node)>, found: Vec<Node>) -> String {
        let (mut explicit, mut composite) = (self.explicit().to_vec(), self.composite().to_vec());
        let has_named = |explicit: &[(String, Node)], name: &str, entry: &Node| {
            member(explicit, name).is_some_and(|other| other.member("id") == entry.member("id"))
        };
        let has_found = |composite: &[Node], entry: &Node| composite.iter().any(|other| other.member("id") == entry.member("id"));
        if named.iter().all(|(name, entry)| has_named(&explicit, name, entry)) && found.iter().all(|entry| has_found(&composite, entry)) {
            return self.text.clone();
        }
        for (name, entry) in named {
            if !has_named(&explicit, &name, &entry) {
                explicit.retain(|(other, _)| *other != name);
                explicit.push((name, entry));
            }
        }
        explicit.sort_by(|(one, _), (two, _)| one.cmp(two));
        composite.extend(found.into_iter().filter(|entry| !has_found(self.composite(), entry)));
        composite.sort_by(|one, two| one.member("id").and_then(Node::as_text).cmp(&two.member("id").and_then(Node::as_text)));
        let mut members = vec![(EXPLICIT.to_owned(), Node::Object(explicit)), (COMPOSITE.to_owned(), Node::List(composite))];
        members.extend(self.members.iter().filter(|(name, _)| name != EXPLICIT && name != COMPOSITE).cloned());
        keys_file::print(members)
    }
}

const EXPLICIT: &str = "explicit";
const COMPOSITE: &str = "composite";

/// Whether two keys identify the same record. As in the SDK, a record within a key is the same if its id or its own key is.
fn same(one: &Node, two: &Node) -> bool {
    match (one, two) {
        (Node::Object(left), Node::Object(right)) => {
            let is_record = |members: &[(String, Node)]| member(members, "id").is_some() && member(members, "key").is_some();
            if is_record(left) && is_record(right) {
                return member(left, "id") == member(right, "id")
                    || matches!((member(left, "key"), member(right, "key")), (Some(left), Some(right)) if same(left, right));
            }
            left.len() == right.len() && left.iter().all(|(name, value)| member(right, name).is_some_and(|other| same(value, other)))
        }
        (one, two) => one == two,
    }
}

/// The text of `keys.ts`. `known`: what the file has already.
pub(super) fn file(application: &Application, scope: &Scope, known: &Keys) -> String {
    let ids = Ids { scope, known };
    known.with(named(application, &ids), found(application, &ids))
}

/// The `sys_id` of each record: the one that is known, or the one that follows from the scope and the record.
struct Ids<'a> {
    scope: &'a Scope,
    known: &'a Keys,
}

impl Ids<'_> {
    fn named(&self, table: &str, name: &str) -> String {
        let known = self.known.named(name, table).map(str::to_owned);
        known.unwrap_or_else(|| self.scope.sys_id(&format!("{table} {name}")))
    }

    fn found(&self, table: &str, key: &Node) -> String {
        let known = self.known.found(table, key).map(str::to_owned);
        known.unwrap_or_else(|| self.scope.sys_id(&std::iter::once(table).chain(values(key)).collect::<Vec<_>>().join(" ")))
    }

    /// A role within a key.
    fn role(&self, name: &str) -> Node {
        let name = role_name(name, self.scope);
        let key = Node::object([("name", Node::text(&name))]);
        Node::object([("id", Node::text(self.found("sys_user_role", &key))), ("key", key)])
    }
}

/// The values of a key: texts, and the ids of records.
fn values(key: &Node) -> Vec<&str> {
    let Node::Object(members) = key else { return Vec::new() };
    members.iter().filter_map(|(_, value)| value.as_text().or_else(|| value.member("id")?.as_text())).collect()
}

fn named(application: &Application, ids: &Ids<'_>) -> Vec<(String, Node)> {
    let of = |name: String, table: &str| {
        let entry = Node::object([("table", Node::text(table)), ("id", Node::text(ids.named(table, &name)))]);
        (name, entry)
    };
    let mut all: Vec<(String, Node)> = application.maps.iter().map(|map| of(map_id(map), "sys_transform_map")).collect();
    all.extend(application.rules.iter().map(|rule| of(rule_id(rule), "sys_security_acl")));
    // what the SDK adds to every application
    all.extend(["bom_json", "package_json"].map(|name| of(name.to_owned(), "sys_module")));
    all
}

fn found(application: &Application, ids: &Ids<'_>) -> Vec<Node> {
    let find = |table: &str, key: Vec<(&str, Node)>| {
        let key = Node::object(key);
        Node::object([("table", Node::text(table)), ("id", Node::text(ids.found(table, &key))), ("key", key)])
    };
    let text = |value: &str| Node::text(value);
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
        let id = ids.named("sys_transform_map", &map_id(map));
        let entry = |column: &str| find("sys_transform_entry", vec![("map", text(&id)), ("target_field", text(column))]);
        all.extend(map.fields.iter().map(|field| entry(&field.column)));
    }
    for one in &application.roles {
        all.push(find("sys_user_role", vec![("name", text(&role_name(one.name, ids.scope)))]));
        all.extend(one.contains.iter().map(|other| {
            let contained =
                Node::object([("id", text(&ids.scope.sys_id(&format!("role {other}")))), ("key", Node::object([("name", text(other))]))]);
            find("sys_user_role_contains", vec![("role", ids.role(one.name)), ("contains", contained)])
        }));
    }
    for rule in &application.rules {
        let id = ids.named("sys_security_acl", &rule_id(rule));
        let allows = |name: &&str| find("sys_security_acl_role", vec![("sys_security_acl", text(&id)), ("sys_user_role", ids.role(name))]);
        all.extend(rule.roles.iter().map(allows));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_within_a_key_is_the_same_by_its_id_or_its_key() {
        let role = |id: &str, name: &str| {
            let role = Node::object([("id", Node::text(id)), ("key", Node::object([("name", Node::text(name))]))]);
            Node::object([("sys_security_acl", Node::text("7f")), ("sys_user_role", role)])
        };
        assert!(same(&role("1", "x.integration"), &role("2", "x.integration")) && same(&role("1", "x.old"), &role("1", "x.new")));
        assert!(!same(&role("1", "x.integration"), &role("2", "x.viewer")));
        let table = |name: &str| Node::object([("name", Node::text(name))]);
        let column = Node::object([("name", Node::text("t")), ("element", Node::text("c"))]);
        assert!(same(&table("t"), &table("t")) && !same(&table("t"), &column) && !same(&column, &table("t")));
    }
}
