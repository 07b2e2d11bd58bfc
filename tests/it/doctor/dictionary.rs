//! The instance's description of its own tables: the lengths of columns, and the transform maps.

use serde_json::Value;
use tieline_sim::servicenow::ServiceNowOptions;
use tieline_sim::servicenow::schema::ColumnKind;

use super::rows;
use crate::believed::profile;
use crate::binary::text;
use crate::support::world::World;

fn world(change: impl FnOnce(&mut ServiceNowOptions)) -> World {
    let world = World::with(|instance| {
        instance.dictionary = true;
        change(instance);
    });
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

/// The exit code, and the verdict on something with all that is said of it.
fn examined(world: &World) -> (Option<i32>, impl Fn(&str) -> (String, String)) {
    let out = world.command(&["doctor", "--output", "json", "--read-only"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", text(&out)));
    let of = move |what: &str| {
        let found = rows(&answer, what).into_iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {answer}")).clone();
        let word = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        (word("verdict"), format!("{} {}", word("found"), word("to_do")))
    };
    (out.status.code(), of)
}

fn is((verdict, said): (String, String), wanted: &str, words: &[&str]) {
    assert!(verdict == wanted && words.iter().all(|word| said.contains(word)), "not {wanted} with {words:?}: {verdict}: {said}");
}

#[test]
fn a_key_a_reference_or_a_version_that_would_be_cut_is_named() {
    let world = world(|instance| {
        let mut column = |table: &str, name: &str, length| instance.table(table).unwrap().set_column(name, ColumnKind::Text(length));
        column("itfm_gl_accounts", "u_source_version", 4);
        column("sn_apo_supplier", "u_source_key", 40);
        column("sn_apo_invoice_line", "u_invoice_source_key", 60);
        column("sn_apo_gl_posting", "u_source_version", 23);
    });
    let (code, of) = examined(&world);
    assert_eq!(code, Some(1));
    is(
        of("ServiceNow itfm_gl_accounts"),
        "failed",
        &["`u_source_version` holds 4 characters", "a cut version is another version", "a text of at least 23"],
    );
    is(of("ServiceNow sn_apo_supplier"), "failed", &["`u_source_key` holds 40 characters", "at least 120"]);
    is(of("ServiceNow sn_apo_invoice_line"), "failed", &["`u_invoice_source_key` holds 60 characters"]);
    let (_, said) = of("ServiceNow sn_apo_gl_posting");
    assert!(!said.contains("u_source_version` holds"), "long enough: {said}");
}

#[test]
fn a_version_column_that_holds_no_texts_is_named() {
    let world = world(|instance| {
        instance.table("itfm_gl_accounts").unwrap().set_column("u_source_version", ColumnKind::Integer);
    });
    let (code, of) = examined(&world);
    assert_eq!(code, Some(1));
    is(
        of("ServiceNow itfm_gl_accounts"),
        "failed",
        &["`u_source_version` is of the type `integer`", "make `u_source_version` a text of at least 23 characters"],
    );
}

#[test]
fn what_a_transform_map_coalesces_on_is_named() {
    let world = world(|instance| {
        instance.table("sn_apo_supplier").unwrap().maps[0].coalesce.clear();
        instance.table("sn_apo_invoice").unwrap().maps[0].coalesce = vec!["u_supplier_invoice_number".into()];
        instance.table("sn_apo_invoice_line").unwrap().maps[0].coalesce.push("u_line_number".into());
    });
    let (code, of) = examined(&world);
    assert_eq!(code, Some(1));
    is(of("ServiceNow transform map of sn_apo_supplier"), "failed", &["has no coalesce field", "coalesce on `u_source_key` alone"]);
    is(
        of("ServiceNow transform map of sn_apo_invoice"),
        "failed",
        &["coalesces on `u_supplier_invoice_number`, not on `u_source_key` alone"],
    );
    is(of("ServiceNow transform map of sn_apo_invoice_line"), "failed", &["`u_line_number`", "not on `u_source_key` alone"]);
    is(of("ServiceNow transform map of sn_apo_gl_posting"), "ok", &["coalesces on `u_source_key`"]);
}

#[test]
fn a_map_that_does_not_copy_empty_fields_fails_where_the_definition_counts_on_it() {
    let world = world(|instance| instance.table("sn_apo_invoice").unwrap().maps[0].copy_empty = true);
    let (_, of) = examined(&world);
    is(of("ServiceNow transform map of sn_apo_supplier"), "ok", &["coalesces on `u_source_key`"]);
    profile(&world, "supplier", "write = \"import_set\"", "write = \"import_set\"\nclear_with = \"empty\"");
    profile(&world, "invoice", "write = \"import_set\"", "write = \"import_set\"\nclear_with = \"empty\"");
    let (code, of) = examined(&world);
    assert_eq!(code, Some(1));
    let words = ["does not copy empty fields", "*Copy empty fields*", "`clear_with = \"null\"`"];
    is(of("ServiceNow transform map of sn_apo_supplier"), "failed", &words);
    is(of("ServiceNow transform map of sn_apo_invoice"), "ok", &["which copies empty fields"]);
}

#[test]
fn maps_that_may_not_be_read_are_said_to_be_unknown() {
    let world = world(|instance| instance.dictionary = false);
    let (_, of) = examined(&world);
    is(of("ServiceNow transform map of sn_apo_supplier"), "unknown", &["may not be read", "`sys_transform_map`"]);
}
