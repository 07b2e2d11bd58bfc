//! The tables an instance starts with: what both shipped profiles write to. Physical names of staging columns that no document
//! publishes are open (`u_…`). Which columns coalesce is not published, so maps coalesce on the columns that identify a row.

use super::schema::TableSchema;

/// The tables of the `apo` and `s2p` profiles. `key_columns`: whether the site has given the platform tables `u_source_key` and
/// `u_source_version`, and the orders the further columns that the `apo` profile asks for.
pub(super) fn tables(key_columns: bool) -> Vec<TableSchema> {
    let mut tables = platform();
    if key_columns {
        for table in &mut tables {
            table.columns.extend(TableSchema::new("", "", "u_source_key u_source_version").columns);
            table.indexed.push("u_source_key".to_owned());
            match table.name.as_str() {
                "cmn_cost_center" | "itfm_gl_accounts" => {
                    table.columns.extend(TableSchema::new("", "", "u_active:boolean").columns);
                }
                "proc_po" => table.columns.extend(TableSchema::new("", "", "u_supplier u_currency:text(40)").columns),
                "proc_po_item" => {
                    table.columns.extend(TableSchema::new("", "", "u_line:text(40) u_line_type:text(40) u_charge_value:currency").columns);
                }
                _ => {}
            }
        }
    }
    tables.extend(apo());
    tables.extend(s2p());
    tables
}

fn platform() -> Vec<TableSchema> {
    let mut tables = vec![
        TableSchema::new(
            "cmn_cost_center",
            "name",
            "name:text(100) code:text(40) account_number:text(40) manager:ref(sys_user) parent:ref(cmn_cost_center) \
             location:ref(cmn_location) valid_from:datetime valid_to:datetime active:boolean",
        ),
        TableSchema::new(
            "itfm_gl_accounts",
            "name",
            "name:text(100) account_number:text(40) description:text(1000) short_description:text(160) account_type:text(40) \
             active:boolean",
        ),
        TableSchema::new(
            "proc_po",
            "number",
            "number:text(40) status:choice(requested|ordered|pending|received|canceled) vendor:ref(core_company) ship_to:ref(alm_stockroom) \
             bill_to:ref(cmn_location) po_date:datetime due_by:datetime init_request:ref(sc_request) requested_by:ref(sys_user) \
             requested_for:ref(sys_user) location:ref(cmn_location) ordered:datetime received:datetime purchase_order_type:text(40) \
             total_cost:currency short_description:text(160) description:text(4000) source_id:text(32) source_table:text(80)",
        ),
        TableSchema::new(
            "proc_po_item",
            "number",
            "number:text(40) purchase_order:ref(proc_po) model:ref(cmdb_model) product_catalog:ref(sc_cat_item) vendor:ref(core_company) \
             part_number:text(100) ordered_quantity:decimal received_quantity:decimal remaining_quantity:decimal cost:currency \
             list_price:currency total_cost:currency total_list_price:currency request_line:ref(sc_req_item) requested_for:ref(sys_user) \
             status:choice(requested|ordered|pending|received|canceled) short_description:text(160) ordered:datetime received:datetime \
             stock_order:text(40) source_id:text(32) source_table:text(80)",
        ),
        TableSchema::new(
            "core_company",
            "name",
            "name:text(80) street:text(255) city:text(50) state:text(40) zip:text(40) country:text(40) phone:text(40) vendor:boolean \
             customer:boolean notes:text(4000)",
        ),
        TableSchema::new(
            "task",
            "number",
            "number:text(40) short_description:text(160) description:text(4000) state:int active:boolean urgency:int priority:int \
             assignment_group:ref(sys_user_group) assigned_to:ref(sys_user) work_notes:text(4000) close_notes:text(4000) \
             correlation_id:text(100) correlation_display:text(100)",
        ),
    ];
    for table in &mut tables {
        for column in ["name", "code", "account_number", "number", "purchase_order", "correlation_id"] {
            if table.column(column).is_some() {
                table.indexed.push(column.to_owned());
            }
        }
    }
    tables
}

const SOURCE_KEY: &[&str] = &["u_source_key"];

fn apo() -> Vec<TableSchema> {
    let stage = |name: &str, target: &str| TableSchema::new(name, "u_source_key", "").open().staged(target, SOURCE_KEY);
    let target = |name: &str| TableSchema::new(name, "u_source_key", "").open();
    vec![
        stage("sn_apo_supplier", "x_apo_supplier"),
        stage("sn_apo_invoice", "x_apo_invoice"),
        stage("sn_apo_invoice_line", "x_apo_invoice_line").child_of(
            &["u_invoice_source_key", "u_header_key", "u_invoice"],
            "x_apo_invoice",
            &["u_source_key"],
        ),
        stage("sn_apo_gl_posting", "x_apo_gl_posting"),
        target("x_apo_supplier"),
        target("x_apo_invoice"),
        target("x_apo_invoice_line"),
        target("x_apo_gl_posting"),
    ]
}

/// Staging tables have the physical columns and lengths that are published; the rest are open.
fn s2p() -> Vec<TableSchema> {
    let stage =
        |name: &str, columns: &str, target: &str, key: &[&str]| TableSchema::new(name, "u_source_key", columns).open().staged(target, key);
    let target = |name: &str, display: &str| TableSchema::new(name, display, "").open();
    let invoice = "u_external_invoice_number:text(40) u_supplier:text(100) u_supplier_invoice_number:text(100) u_invoice_date:text(40) \
        u_invoice_type:text(100) u_subtotal:text(40) u_currency:text(40) u_amount_invoiced:text(40) u_tax_amount:text(40) \
        u_shipping_amount:text(40) u_discounts:text(100) u_other_charges:text(100) u_purchase_order:text(40) u_legal_entity:text(100) \
        u_payment_terms:text(100) u_business_owner:text(40) u_erp_number:text(40) u_invoice_line_count:text(40) \
        u_original_invoice:text(100) u_supplier_tax_id:text(100) u_remit_address:text(100) u_remit_to_city:text(100) \
        u_remit_to_country:text(100) u_remit_to_state_or_province:text(100) u_remit_to_zip_or_postal_code:text(100)";
    let line = "u_external_invoice_number:text(40) u_line_description:text(40) u_line_quantity:text(40) u_line_unit_price:text(40) \
        u_line_amount_invoiced:text(40) u_subtotal:text(100) u_cost_center:text(40) u_gl_account:text(40) u_purchase_order_line:text(40) \
        u_supplier_part_number:text(100) u_po_line_description:text(100) u_uom:text(100) u_tax_code:text(100) u_currency:text(40)";
    let link = &["u_external_invoice_number", "u_header_key"];
    let order = &["u_erp_po_number", "u_header_key"];
    // the platform's table has other column names; without its key columns the map's coalesce finds nothing and rows are skipped
    let mut cost_center = stage("sn_fcms_intg_imp_cost_center", "", "cmn_cost_center", SOURCE_KEY);
    for map in &mut cost_center.maps {
        let names = ["name", "code", "account_number", "valid_from", "valid_to"];
        map.fields = names.iter().map(|name| (format!("u_{name}"), (*name).to_owned())).collect();
    }
    vec![
        stage("sn_spend_intg_imp_invoice", invoice, "sn_shop_invoice", SOURCE_KEY),
        stage("sn_spend_intg_imp_invoice_line", line, "sn_shop_invoice_line", SOURCE_KEY).child_of(
            link,
            "sn_shop_invoice",
            &["u_external_invoice_number", "u_source_key"],
        ),
        stage("sn_spend_intg_imp_invoice_payment_detail", "", "sn_shop_invoice_payment_detail", SOURCE_KEY),
        stage("sn_fcms_intg_imp_supplier", "", "sn_fin_supplier", SOURCE_KEY),
        stage("sn_fcms_intg_imp_order", "", "sn_shop_purchase_order", SOURCE_KEY),
        stage("sn_fcms_intg_imp_order_line", "", "sn_shop_purchase_order_line", SOURCE_KEY).child_of(
            order,
            "sn_shop_purchase_order",
            &["u_erp_po_number", "u_source_key"],
        ),
        stage("sn_fcms_intg_gl_account_stage", "", "sn_fin_gl_account", SOURCE_KEY),
        cost_center,
        stage("sn_fcms_intg_payment_term_stage", "", "sn_shop_payment_term", SOURCE_KEY),
        stage("itfm_gl_data_staged", "", "itfm_gl_data_cleansed", SOURCE_KEY),
        target("sn_shop_invoice", "u_external_invoice_number").indexed(&["u_external_invoice_number"]),
        target("sn_shop_invoice_line", "u_source_key"),
        target("sn_shop_invoice_payment_detail", "u_source_key"),
        target("sn_fin_supplier", "u_source_key"),
        target("sn_shop_purchase_order", "u_erp_po_number").indexed(&["u_erp_po_number"]),
        target("sn_shop_purchase_order_line", "u_source_key"),
        target("sn_fin_gl_account", "u_source_key"),
        target("sn_shop_payment_term", "u_source_key"),
        target("itfm_gl_data_cleansed", "u_source_key"),
    ]
}

impl TableSchema {
    fn indexed(mut self, columns: &[&str]) -> Self {
        self.indexed.extend(columns.iter().map(|column| (*column).to_owned()));
        self
    }
}
