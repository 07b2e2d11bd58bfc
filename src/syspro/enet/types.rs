//! The kind of value of a column. e.net writes every value as text, without a type. So the known types of SYSPRO's own tables are used; for
//! a site's own columns the entity's file names the numbers (`numbers`).

use super::super::metadata::Metadata;
use crate::definition::known::columns;
use crate::definition::plan::ColumnKind;

/// The types of the known tables.
pub(super) fn known() -> Metadata {
    let mut metadata = Metadata::partial();
    for (table, column, kind) in columns() {
        let edm = match kind {
            ColumnKind::Number => "Edm.Decimal",
            ColumnKind::Date => "Edm.Date",
            ColumnKind::AsReceived => "Edm.String",
        };
        metadata.add(table, &column, edm);
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_columns_have_their_types() {
        let types = known();
        assert_eq!(types.edm("ApInvoice", "OrigInvValue"), Some("Edm.Decimal"));
        assert_eq!(types.edm("ApInvoice", "InvoiceDate"), Some("Edm.Date"));
        assert_eq!(types.edm("ApInvoice", "Invoice"), Some("Edm.String"));
        assert_eq!(types.edm("ApSupplier", "PurchValMth12"), Some("Edm.Decimal"));
        assert!(!types.lacks("ApInvoice", "SiteColumn") && !types.has_tables());
    }
}
