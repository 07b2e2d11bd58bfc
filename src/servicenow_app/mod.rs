//! The ServiceNow side of a site as an application: the tables, columns, transform maps, roles and access rules that a profile needs,
//! written as a project of ServiceNow's own SDK, as lists for people, and as the profile that names them. Nothing here talks to an instance.
//!
//! `compose` makes the `model` from compiled definitions. `fluent`, `keys`, `lists`, `profile` and `guide` write it. `directory` puts the files
//! where an earlier run and ServiceNow's SDK may have written too.

pub mod compose;
pub mod directory;
pub mod expected;
pub mod fluent;
pub mod guide;
mod ids;
mod json_file;
pub mod keys;
mod keys_file;
pub mod lists;
mod manifest;
pub mod model;
pub mod names;
pub mod output;
pub mod profile;
pub mod rights;
pub mod scope;
pub mod shipped;
mod typescript;

use std::collections::BTreeMap;

use crate::definition::Definitions;

use self::compose::{Composed, compose};
use self::guide::Guide;
use self::keys::Keys;
use self::names::Names;
use self::output::Files;
use self::scope::Scope;

/// The directory of the definitions, below the output directory.
pub const DEFINITIONS: &str = "definitions";
/// The directory of the lists and definitions without a scope.
pub const BY_HAND: &str = "without-scope";

/// All files for a profile.
///
/// `site` has the files of the site's own definitions, by their path below the definitions' directory. They go along, so that the written
/// directory can replace the site's. `known` are the records that have a `sys_id` already.
///
/// # Errors
/// A block of the profile lacks what the application needs to know, or its file cannot be rewritten.
pub fn files(definitions: &Definitions, scope: &Scope, site: &BTreeMap<String, String>, known: &Keys) -> Result<Files, String> {
    let profile = definitions.set.profile.as_str();
    let scoped = compose(definitions, profile, Names::Scoped(scope))?;
    let global = compose(definitions, profile, Names::Global(scope))?;
    let mut files = fluent::files(&scoped.application, scope, known);
    let guide = Guide { application: &scoped.application, by_hand: &global.application, scope };
    files.add("STEPS.md", guide::text(guide));
    files.extend(DEFINITIONS, definition_files(definitions, &scoped, site, &format!("the application {scope}"))?);
    files.extend(BY_HAND, lists::files(&global.application));
    let global_definitions = definition_files(definitions, &global, site, "tables that are made by hand")?;
    files.extend(&format!("{BY_HAND}/{DEFINITIONS}"), global_definitions);
    Ok(files)
}

/// The profile's files with the names of an application, and the site's other files.
fn definition_files(definitions: &Definitions, composed: &Composed, site: &BTreeMap<String, String>, what: &str) -> Result<Files, String> {
    let profile = definitions.set.profile.as_str();
    let mut files = Files(site.clone());
    for plan in &definitions.plans {
        let entity = plan.entity.as_str();
        let path = format!("profiles/{profile}/{entity}.toml");
        let Some(text) = definitions.set.files.get(&path) else { continue };
        let blocks: Vec<_> = composed.blocks.iter().filter(|names| names.entity == entity).collect();
        let head = format!(
            "# Written by `tieline servicenow-app` for {what}, from the profile\n# `{profile}`. Run the command again instead of editing table names here.\n"
        );
        let text = profile::rewrite(text, &blocks, &head).map_err(|error| format!("`{path}` cannot be rewritten: {error}"))?;
        files.add(&path, text);
    }
    Ok(files)
}
