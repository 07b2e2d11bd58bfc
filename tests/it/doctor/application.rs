//! An instance that differs from the application of `tieline servicenow-app`: each difference is named with what to do.

use serde_json::Value;
use tieline_sim::servicenow::ServiceNowOptions;
use tieline_sim::servicenow::schema::{ColumnKind, TableSchema};

use crate::binary::text;
use crate::servicenow_app::{command, committed};
use crate::support::world::World;

/// What the diagnostics find on an instance that has the built application with a change.
fn found(change: impl FnOnce(&mut ServiceNowOptions)) -> Found {
    let world = World::with(|instance| {
        instance.dictionary = true;
        instance.load_application(&committed("xml")).unwrap();
        change(instance);
    });
    world.set_credentials(&|arguments| world.command(arguments));
    let examined = command(&world, &["doctor", "--read-only", "--output", "json"]);
    Found(serde_json::from_slice(&examined.stdout).unwrap_or_else(|_| panic!("{}", text(&examined))))
}

struct Found(Value);

impl Found {
    fn is(&self, what: &str, verdict: &str, words: &[&str]) {
        let rows = self.0.as_array().unwrap();
        let row = rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {}", self.0));
        let said = format!("{} {}", row["found"].as_str().unwrap(), row["to_do"].as_str().unwrap());
        assert!(row["verdict"] == verdict && words.iter().all(|word| said.contains(word)), "not {verdict} with {words:?}: {row}");
    }
}

fn table<'a>(instance: &'a mut ServiceNowOptions, name: &str) -> &'a mut TableSchema {
    instance.table(name).unwrap_or_else(|| panic!("no table {name}"))
}

fn drop_column(instance: &mut ServiceNowOptions, name: &str, column: &str) {
    let table = table(instance, name);
    assert!(table.column(column).is_some(), "{name} has no {column}");
    table.columns.retain(|other| other.name != column);
}

#[test]
fn an_instance_with_the_application_has_everything() {
    let found = found(|_| ());
    for record in ["supplier", "invoice", "invoice_line", "gl_posting"] {
        let staging = format!("x_acme_tieline_{record}_imp");
        found.is(&format!("ServiceNow {staging}"), "ok", &["readable"]);
        found.is(&format!("ServiceNow columns of x_acme_tieline_{record} behind {staging}"), "ok", &["that the map fills"]);
    }
}

#[test]
fn what_is_missing_is_named() {
    let found = found(|instance| {
        instance.tables.retain(|table| table.name != "x_acme_tieline_supplier_imp");
        drop_column(instance, "proc_po", "x_acme_tieline_supplier");
        drop_column(instance, "x_acme_tieline_invoice_imp", "u_reference");
        drop_column(instance, "x_acme_tieline_invoice_line", "u_line_description");
        table(instance, "x_acme_tieline_gl_posting_imp").maps.clear();
        table(instance, "x_acme_tieline_invoice_line_imp").maps[0].coalesce.clear();
    });
    found.is("ServiceNow x_acme_tieline_supplier_imp", "failed", &["or create the table"]);
    found.is("ServiceNow proc_po", "failed", &["the dictionary has no column `x_acme_tieline_supplier`", "create the columns"]);
    found.is("ServiceNow x_acme_tieline_invoice_imp", "failed", &["the dictionary has no column `u_reference`"]);
    found.is(
        "ServiceNow columns of x_acme_tieline_invoice_line behind x_acme_tieline_invoice_line_imp",
        "failed",
        &[
            "no column `u_line_description`, which the map `Tieline invoice line` fills",
            "create these columns in `x_acme_tieline_invoice_line`",
        ],
    );
    found.is(
        "ServiceNow transform map of x_acme_tieline_gl_posting_imp",
        "failed",
        &["has no transform map", "create a transform map for `x_acme_tieline_gl_posting_imp`"],
    );
    found.is("ServiceNow transform map of x_acme_tieline_invoice_line_imp", "failed", &["has no coalesce field"]);
}

#[test]
fn what_is_too_short_or_otherwise_is_named() {
    let found = found(|instance| {
        table(instance, "x_acme_tieline_supplier_imp").maps[0].fields.retain(|(from, _)| from != "u_name");
        table(instance, "x_acme_tieline_gl_posting_imp").maps[0].copy_empty = false;
        table(instance, "x_acme_tieline_invoice_imp").set_column("u_reference", ColumnKind::Text(20));
        table(instance, "x_acme_tieline_invoice").set_column("u_reference", ColumnKind::Text(30));
        table(instance, "x_acme_tieline_invoice_line_imp").maps[0].target = "x_acme_tieline_invoice".into();
    });
    found.is("ServiceNow transform map of x_acme_tieline_supplier_imp", "warning", &["has no field map for `u_name`"]);
    found.is("ServiceNow transform map of x_acme_tieline_gl_posting_imp", "failed", &["does not copy empty fields"]);
    found.is("ServiceNow lengths of x_acme_tieline_invoice_imp", "warning", &["`u_reference` holds 20 characters and 255 may be sent"]);
    found.is("ServiceNow transform map of x_acme_tieline_invoice_imp", "ok", &["coalesces on `u_source_key`"]);
    found.is(
        "ServiceNow columns of x_acme_tieline_invoice behind x_acme_tieline_invoice_imp",
        "warning",
        &["`u_reference` holds 30 characters and 255 may come from `u_reference`", "make these columns of `x_acme_tieline_invoice` longer"],
    );
    found.is(
        "ServiceNow transform map of x_acme_tieline_invoice_line_imp",
        "failed",
        &["fills `x_acme_tieline_invoice_line`, where the definition expects the records, but `x_acme_tieline_invoice`"],
    );
}
