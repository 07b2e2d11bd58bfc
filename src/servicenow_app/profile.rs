//! Writes the profile's files with the names of an application. Comments of fields stay.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, Key, TableLike, Value, value};

use super::compose::BlockNames;

/// Keys of a block whose comments speak of tables that the application replaces.
const PLAIN_KEYS: [&str; 7] = ["table", "write", "key_column", "version_column", "target_table", "clear_with", "natural_key"];

/// The text of a profile's file with the names of these blocks. `head` are the comment lines of its beginning.
///
/// # Errors
/// The text is not valid TOML.
pub fn rewrite(text: &str, blocks: &[&BlockNames], head: &str) -> Result<String, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    for names in blocks {
        if let Some(block) = document.get_mut(&names.block).and_then(Item::as_table_like_mut) {
            rename(block, names);
        }
    }
    if let Some(first) = document.iter_mut().next().and_then(|(_, item)| item.as_table_mut()) {
        first.decor_mut().set_prefix(head);
    }
    Ok(document.to_string())
}

fn rename(block: &mut dyn TableLike, names: &BlockNames) {
    let columns = &names.columns;
    for key in PLAIN_KEYS {
        if let Some(mut key) = block.key_mut(key) {
            key.leaf_decor_mut().clear();
        }
    }
    block.insert("table", value(&names.table));
    match &names.target_table {
        Some(table) => _ = block.insert("target_table", value(table)),
        None => _ = block.remove("target_table"),
    }
    if names.has_own_map {
        block.insert("clear_with", value("empty"));
    }
    if let (None, Some(version)) = (block.get("version_column"), columns.get("u_source_version")) {
        block.insert("version_column", value(version));
    }
    for key in ["key_column", "version_column", "natural_key"] {
        rename_values(block.get_mut(key), columns);
    }
    rename_keys(block.get_mut("fields"), columns);
    rename_gone(block.get_mut("gone"), columns);
    if let Some(align) = table_like(block, "align") {
        rename_keys(align.get_mut("fields"), columns);
        rename_keys(align.get_mut("inactive"), columns);
        rename_values(align.get_mut("filter"), columns);
    }
    if let Some(watch) = table_like(block, "watch") {
        ["column", "message"].iter().for_each(|key| rename_values(watch.get_mut(key), columns));
    }
    if let Some(tie_out) = table_like(block, "tie_out") {
        for key in ["amount", "currency", "supplier", "account", "type"] {
            rename_values(tie_out.get_mut(key), columns);
        }
        if let Some(others) = table_like(tie_out, "columns") {
            let keys: Vec<String> = others.iter().map(|(key, _)| key.to_owned()).collect();
            keys.iter().for_each(|key| rename_values(others.get_mut(key), columns));
        }
        rename_keys(tie_out.get_mut("columns"), columns);
    }
}

fn table_like<'a>(table: &'a mut dyn TableLike, key: &str) -> Option<&'a mut dyn TableLike> {
    table.get_mut(key)?.as_table_like_mut()
}

/// The cases of a record that is gone: `gone = { column = text }`, or a list of cases with `fields`.
fn rename_gone(item: Option<&mut Item>, columns: &BTreeMap<String, String>) {
    match item {
        Some(Item::ArrayOfTables(cases)) => cases.iter_mut().for_each(|case| rename_keys(case.get_mut("fields"), columns)),
        Some(Item::Value(Value::Array(cases))) => {
            for case in cases.iter_mut().filter_map(Value::as_inline_table_mut) {
                if let Some(Value::InlineTable(fields)) = case.get_mut("fields") {
                    rename_keys_of(fields, columns);
                }
            }
        }
        other => rename_keys(other, columns),
    }
}

fn rename_keys(item: Option<&mut Item>, columns: &BTreeMap<String, String>) {
    if let Some(table) = item.and_then(Item::as_table_like_mut) {
        rename_keys_of(table, columns);
    }
}

/// Renames keys, and keeps their order and comments.
fn rename_keys_of(table: &mut dyn TableLike, columns: &BTreeMap<String, String>) {
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    if !names.iter().any(|name| columns.contains_key(name)) {
        return;
    }
    let taken = names.iter().filter_map(|name| {
        let key = table.get_key_value(name)?.0.clone();
        Some((key, table.remove(name)?))
    });
    let taken: Vec<(Key, Item)> = taken.collect();
    for (key, item) in taken {
        let renamed = match columns.get(key.get()) {
            Some(name) => Key::new(name).with_leaf_decor(key.leaf_decor().clone()),
            None => key,
        };
        table.entry_format(&renamed).or_insert(item);
    }
}

/// Renames the columns that a text or a list of texts names.
fn rename_values(item: Option<&mut Item>, columns: &BTreeMap<String, String>) {
    match item {
        Some(Item::Value(Value::Array(values))) => values.iter_mut().for_each(|value| rename_value(value, columns)),
        Some(Item::Value(value)) => rename_value(value, columns),
        _ => {}
    }
}

fn rename_value(value: &mut Value, columns: &BTreeMap<String, String>) {
    let Some(text) = value.as_str() else { return };
    let renamed = words(text, columns);
    if renamed != text {
        let decor = value.decor().clone();
        *value = renamed.into();
        *value.decor_mut() = decor;
    }
}

/// The text with its words renamed. A condition of ServiceNow's, such as `u_activeISNOTEMPTY`, names a column at its beginning; such a word
/// is renamed if what follows are capitals.
fn words(text: &str, columns: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        out.push_str(columns.get(word).map_or(word, String::as_str));
        let next = tail.find(is_word).unwrap_or(tail.len());
        out.push_str(&tail[..next]);
        rest = &tail[next..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> BlockNames {
        let added = |name: &str| (format!("u_{name}"), format!("x_tl_{name}"));
        BlockNames {
            entity: "cost_center".into(),
            block: "header".into(),
            table: "cmn_cost_center".into(),
            target_table: None,
            columns: ["source_key", "source_version", "active"].map(added).into(),
            has_own_map: false,
        }
    }

    #[test]
    fn every_place_of_a_column_is_renamed() {
        let text = r#"# old head
[header]
table = "old"
write = "table"
# of the old table
key_column = "u_source_key"
natural_key = ["code"]

[header.fields]
code = "Code"
# stays
u_active = { constant = "true" }    # stays too

[header.align]
filter = "u_active=true^ORu_activeISEMPTY^company={company}"
fields = { u_active = "syspro" }
inactive = { u_active = "false" }

[header.watch]
column = "u_active"

[header.tie_out]
supplier = "u_active"
columns = { u_active = "u_active" }

[[header.gone]]
name = "removed"
fields = { u_active = "false" }
"#;
        let new = rewrite(text, &[&names()], "# new head\n").unwrap();
        assert!(
            new.starts_with("# new head\n[header]\ntable = \"cmn_cost_center\"\nwrite = \"table\"\nkey_column = \"x_tl_source_key\"\n"),
            "{new}"
        );
        assert!(new.contains("version_column = \"x_tl_source_version\""), "{new}");
        assert!(new.contains("# stays\nx_tl_active = { constant = \"true\" }    # stays too"), "{new}");
        assert!(new.contains("filter = \"x_tl_active=true^ORx_tl_activeISEMPTY^company={company}\""), "{new}");
        assert!(!new.contains("u_active") && !new.contains("u_source") && !new.contains("old"), "{new}");
        new.parse::<toml::Table>().unwrap();
    }

    #[test]
    fn the_short_form_of_gone_is_renamed_and_an_own_map_copies_empty_fields() {
        let text = "[header]\ntable = \"old\"\nwrite = \"import_set\"\ngone = { u_active = \"false\" }\n";
        let names = BlockNames { has_own_map: true, target_table: Some("x_tl_centre".into()), ..names() };
        let new = rewrite(text, &[&names], "").unwrap();
        assert!(new.contains("x_tl_active = \"false\"") && new.contains("clear_with = \"empty\""), "{new}");
        assert!(new.contains("target_table = \"x_tl_centre\""), "{new}");
    }
}
