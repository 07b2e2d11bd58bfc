//! The JSON Schemas in `config/schema`, for editors that complete and check TOML. They are generated from the shapes that the reader uses;
//! `UPDATE_SCHEMA=1 cargo test schema` writes them again.

use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::shape::{CodeListFile, EntityFile, ProfileFile};

/// TOML has no null: an optional key may be missing, but not null.
fn without_null(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [one] = &types[..] {
                    let one = one.clone();
                    map.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(forms)) = map.get_mut("anyOf") {
                forms.retain(|form| form.get("type").is_none_or(|name| name != "null"));
            }
            map.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

fn check<T: JsonSchema>(name: &str) {
    let mut schema = schema_for!(T).to_value();
    without_null(&mut schema);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schema").join(name);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &text).expect("the schema file can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "config/schema/{name} is not what the shapes say; run the tests once with UPDATE_SCHEMA=1");
}

#[test]
fn schema_of_entities_is_up_to_date() {
    check::<EntityFile>("entity.schema.json");
}

#[test]
fn schema_of_profiles_is_up_to_date() {
    check::<ProfileFile>("profile.schema.json");
}

#[test]
fn schema_of_code_lists_is_up_to_date() {
    check::<CodeListFile>("lookup.schema.json");
}
