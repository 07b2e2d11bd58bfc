//! The tables that ServiceNow brings, as far as the shipped profiles write to them. The names are the published ones.

/// A table that ServiceNow brings with a product.
#[derive(Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The table.
    pub name: &'static str,
    /// The product or plug-in that brings it.
    pub product: &'static str,
    /// Which of a profile's columns the table lacks.
    pub lacks: Lacks,
    /// For a staging table, the transform map that ServiceNow ships with it.
    pub map: Option<&'static str>,
}

/// Which of a profile's columns a table of ServiceNow lacks. It always lacks the key and the version.
#[derive(Debug, PartialEq, Eq)]
pub enum Lacks {
    /// The columns whose names begin with `u_`: no column of a table of the platform does.
    Own,
    /// These columns. The columns of a shipped staging table begin with `u_` too.
    These(&'static [&'static str]),
}

impl Shipped {
    /// The table with this name; `None`: ServiceNow brings no such table that the application could use.
    pub fn find(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// Whether the table lacks a column of a profile. No column of a shipped table begins with a scope's `x_`.
    pub fn lacks(&self, column: &str) -> bool {
        column.starts_with("x_")
            || match self.lacks {
                Lacks::Own => column.starts_with("u_"),
                Lacks::These(columns) => columns.contains(&column),
            }
    }
}

const PROCUREMENT: &str = "Procurement (`com.snc.procurement`)";
const S2P: &str = "Source-to-Pay (Accounts Payable Operations)";

/// What the `s2p` profile sends beyond the published columns.
const STATE: &[&str] = &["u_source_state"];
const STATE_AND_CHARGE: &[&str] = &["u_source_state", "u_charge_value"];
const NONE: &[&str] = &[];

const fn platform(name: &'static str, product: &'static str) -> Shipped {
    Shipped { name, product, lacks: Lacks::Own, map: None }
}

const fn staging(name: &'static str, map: &'static str, lacks: &'static [&'static str]) -> Shipped {
    Shipped { name, product: S2P, lacks: Lacks::These(lacks), map: Some(map) }
}

const fn target(name: &'static str, lacks: &'static [&'static str]) -> Shipped {
    Shipped { name, product: S2P, lacks: Lacks::These(lacks), map: None }
}

/// `itfm_gl_data_staged` is not among them: by its documentation, import sets write *into* it, so that it is no staging table.
const TABLES: &[Shipped] = &[
    platform("cmn_cost_center", "the platform"),
    platform("itfm_gl_accounts", "Financial Management"),
    platform("proc_po", PROCUREMENT),
    platform("proc_po_item", PROCUREMENT),
    staging("sn_fcms_intg_imp_cost_center", "Master data cost center", NONE),
    staging("sn_fcms_intg_gl_account_stage", "GL account load data", NONE),
    staging("sn_fcms_intg_imp_supplier", "Master data supplier", NONE),
    staging("sn_fcms_intg_imp_order", "Order stage", NONE),
    staging("sn_fcms_intg_imp_order_line", "Order line stage", STATE_AND_CHARGE),
    staging("sn_spend_intg_imp_invoice", "Invoice import", STATE),
    staging("sn_spend_intg_imp_invoice_line", "Invoice line import", STATE),
    target("sn_fin_gl_account", NONE),
    target("sn_fin_supplier", NONE),
    target("sn_shop_purchase_order", NONE),
    target("sn_shop_purchase_order_line", STATE_AND_CHARGE),
    target("sn_shop_invoice", STATE),
    target("sn_shop_invoice_line", STATE),
];
