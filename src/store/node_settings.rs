//! The settings under which nodes work, so that the audit says what a start changed.

use std::collections::BTreeMap;

use diesel::dsl::now;
use diesel::prelude::*;
use serde_json::{Value, json};

use super::audit::{NewAudit, audit_append};
use super::schema::node_settings;
use super::{Store, StoreError};
use crate::domain::audit::AuditKind;
use crate::store::text::{jsonb, text};

/// The most characters of a value that an event has.
const MOST_LETTERS: usize = 200;

/// The settings of a node.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// The node's name.
    pub node: String,
    /// SHA-256 of all of them.
    pub fingerprint: String,
    /// Each value as text, by `section.key`; `***` where it may hold a password.
    pub values: BTreeMap<String, String>,
}

impl Store {
    /// Stores the settings under which a node starts to work. If it worked under others before, an event has the difference.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn node_settings(&self, settings: NodeSettings, actor: String) -> Result<(), StoreError> {
        self.run("compare settings", move |conn| {
            let known = node_settings::table.find(text(&settings.node)).select((node_settings::fingerprint, node_settings::settings));
            let before: Option<(String, Value)> = known.first(conn).optional()?;
            if before.as_ref().is_some_and(|(fingerprint, _)| *fingerprint == settings.fingerprint) {
                return Ok(());
            }
            let values = json!(settings.values);
            let content = (node_settings::fingerprint.eq(text(&settings.fingerprint)), node_settings::settings.eq(jsonb(&values)));
            diesel::insert_into(node_settings::table)
                .values((node_settings::node.eq(text(&settings.node)), content))
                .on_conflict(node_settings::node)
                .do_update()
                .set((content, node_settings::since.eq(now)))
                .execute(conn)?;
            let Some((hash_before, older)) = before else { return Ok(()) };
            let older: BTreeMap<String, String> = serde_json::from_value(older).unwrap_or_default();
            let detail = json!({
                "action": "settings change", "node": settings.node, "hash": settings.fingerprint, "hash_before": hash_before,
                "difference": difference(&older, &settings.values),
            });
            audit_append(conn, &[NewAudit { actor, ..NewAudit::of(AuditKind::Action).detail(&detail) }])
        })
        .await
    }
}

/// The settings that differ, one line each, with both values.
fn difference(older: &BTreeMap<String, String>, newer: &BTreeMap<String, String>) -> Vec<String> {
    let mut keys: Vec<&String> = older.keys().chain(newer.keys()).collect();
    keys.sort();
    keys.dedup();
    let line = |key: &String| match (older.get(key), newer.get(key)) {
        (Some(was), None) => Some(format!("{key} removed, was {}", cut(was))),
        (None, Some(is)) => Some(format!("{key} = {} added", cut(is))),
        (Some(was), Some(is)) if was != is => Some(format!("{key} = {}, was {}", cut(is), cut(was))),
        _ => None,
    };
    keys.into_iter().filter_map(line).collect()
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(MOST_LETTERS) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_an_added_and_a_removed_setting_are_told_apart() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (older, newer) = (map(&[("a.b", "1"), ("c.d", "x"), ("e.f", "same")]), map(&[("a.b", "2"), ("e.f", "same"), ("g.h", "[]")]));
        assert_eq!(difference(&older, &newer), ["a.b = 2, was 1", "c.d removed, was x", "g.h = [] added"]);
        assert!(difference(&newer, &newer).is_empty());
        assert!(difference(&map(&[]), &map(&[("a.b", &"x".repeat(1000))]))[0].len() < 300);
    }
}
