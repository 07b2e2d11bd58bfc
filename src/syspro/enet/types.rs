//! What kind of value a column holds. e.net writes every value as text and says nothing of its type, so the numbers and dates of the
//! tables that are known are listed here (`types.txt`); `syspro.enet_numbers` adds a site's own.

use super::super::metadata::Metadata;

/// The types of the known tables, and of the columns that the site has named (`Table.Column`).
pub(super) fn known(numbers: &[String]) -> Metadata {
    let mut metadata = Metadata::partial();
    let mut table = "";
    for line in include_str!("types.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some(columns) = line.strip_prefix(' ') else {
            table = line.trim();
            continue;
        };
        for word in columns.split_whitespace() {
            let (names, kind) = word.split_once(':').unwrap_or((word, ""));
            let edm = match kind {
                "n" => "Edm.Decimal",
                "d" => "Edm.Date",
                _ => "Edm.String",
            };
            match names.split_once("..") {
                None => metadata.add(table, names, edm),
                Some((first, last)) => {
                    let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
                    for number in 1..=last.parse().unwrap_or(1_u32) {
                        metadata.add(table, &format!("{stem}{number}"), edm);
                    }
                }
            }
        }
    }
    for name in numbers {
        if let Some((table, column)) = name.rsplit_once('.') {
            metadata.add(table, column, "Edm.Decimal");
        }
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read_and_added_to() {
        let types = known(&["ApSupplier+.CreditScore".to_owned()]);
        assert_eq!(types.edm("ApInvoice", "OrigInvValue"), Some("Edm.Decimal"));
        assert_eq!(types.edm("ApInvoice", "InvoiceDate"), Some("Edm.Date"));
        assert_eq!(types.edm("ApInvoice", "Invoice"), Some("Edm.String"));
        assert_eq!(types.edm("ApSupplier", "PurchValMth12"), Some("Edm.Decimal"));
        assert_eq!(types.edm("ApSupplier+", "CreditScore"), Some("Edm.Decimal"));
        assert!(!types.lacks("ApInvoice", "SiteColumn") && !types.has_tables());
    }
}
