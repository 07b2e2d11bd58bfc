//! The names of records in the project of the SDK.

use super::model::{AccessRule, TransformMap};
use super::scope::Scope;

/// The name of a role on the instance.
pub(super) fn role_name(role: &str, scope: &Scope) -> String {
    format!("{scope}.{role}")
}

/// The name of a map in `keys.ts`.
pub(super) fn map_id(map: &TransformMap) -> String {
    format!("map {}", map.target)
}

/// The name of an access rule in `keys.ts`.
pub(super) fn rule_id(rule: &AccessRule) -> String {
    let column = rule.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
    format!("acl {}{column} {}", rule.table, rule.operation.word())
}
