//! The kind of each field's value: from the definition, and from what is known of SYSPRO's tables.

use super::*;
use crate::definition::plan::Form;

#[test]
fn each_shipped_field_has_the_kind_of_what_it_is_made_from() {
    let definitions = shipped("apo");
    let of = |entity: &str, block: &str, field: &str| {
        let target = plan(&definitions, entity).targets.iter().find(|target| target.block == block).expect("a block");
        assert!(target.fields.iter().any(|one| one.name == field), "{entity} {block} {field}");
        target.form(field)
    };
    for (entity, block, field, form) in [
        // columns of the root table, of a joined table, of a child and of the table that leads to it
        ("supplier", "header", "u_phone", Form::Text),
        ("supplier", "header", "u_zip", Form::Text),
        ("supplier", "header", "u_remit_zip", Form::Text),
        ("supplier", "header", "u_street", Form::Text),
        ("purchase_order", "header", "po_date", Form::Date),
        ("purchase_order", "header", "u_currency", Form::Unsaid),
        ("purchase_order", "lines", "part_number", Form::Text),
        ("purchase_order", "lines", "u_line", Form::Number),
        ("purchase_order", "lines", "ordered_quantity", Form::Number),
        ("purchase_order", "lines", "cost", Form::Number),
        ("purchase_order", "lines", "purchase_order", Form::Text),
        ("purchase_order", "lines", "status", Form::Unsaid),
        ("gl_account", "header", "account_number", Form::Text),
        ("gl_account", "header", "u_active", Form::Unsaid),
    ] {
        assert_eq!(of(entity, block, field), form, "{entity} {block} {field}");
    }
    // fields that Tieline fills in itself, and columns that are no fields
    let target = &plan(&definitions, "supplier").targets[0];
    assert_eq!(
        (target.form("u_source_key"), target.form("u_source_version"), target.form("u_nothing")),
        (Form::Text, Form::Number, Form::Unsaid)
    );
}
