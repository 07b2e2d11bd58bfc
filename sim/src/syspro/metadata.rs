//! `$metadata` and the service document.

use std::fmt::Write;

use super::options::Switches;
use super::query::visible;
use crate::dataset::{SqlType, TABLES};

/// The EDMX of a company.
pub fn edmx(switches: &Switches) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\n\
         <edmx:DataServices>\n<Schema Namespace=\"SYSPRO\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">\n",
    );
    let mut sets = String::new();
    for table in TABLES.iter().filter(|table| !switches.absent.contains(&table.name)) {
        let name = &table.name;
        // writing to a string cannot fail
        let _ = write!(xml, "<EntityType Name=\"{name}\">\n<Key>\n");
        for at in &table.key {
            let _ = writeln!(xml, "<PropertyRef Name=\"{}\" />", table.columns[*at].name);
        }
        xml.push_str("</Key>\n");
        for (at, column) in table.columns.iter().enumerate().filter(|(at, _)| visible(table, *at, switches)) {
            let nullable = column.sql == SqlType::DateTime && !table.key.contains(&at);
            let form = match column.sql {
                SqlType::Char(width) | SqlType::Varchar(width) => format!("Type=\"Edm.String\" MaxLength=\"{width}\""),
                SqlType::Decimal(precision, scale) => format!("Type=\"Edm.Decimal\" Precision=\"{precision}\" Scale=\"{scale}\""),
                SqlType::DateTime => "Type=\"Edm.DateTimeOffset\"".to_owned(),
                SqlType::RowVersion => "Type=\"Edm.Binary\" MaxLength=\"8\"".to_owned(),
            };
            let nullable = if nullable { "" } else { " Nullable=\"false\"" };
            let _ = writeln!(xml, "<Property Name=\"{}\" {form}{nullable} />", column.name);
        }
        xml.push_str("</EntityType>\n");
        let _ = writeln!(sets, "<EntitySet Name=\"{name}\" EntityType=\"SYSPRO.{name}\" />");
    }
    let _ = write!(xml, "<EntityContainer Name=\"Container\">\n{sets}</EntityContainer>\n</Schema>\n</edmx:DataServices>\n</edmx:Edmx>\n");
    xml
}

/// The list of entity sets. `context` is the address of the company's service.
pub fn service_document(context: &str, switches: &Switches) -> serde_json::Value {
    let tables = TABLES.iter().filter(|table| !switches.absent.contains(&table.name));
    let sets: Vec<_> = tables.map(|table| serde_json::json!({ "name": table.name, "kind": "EntitySet", "url": table.name })).collect();
    serde_json::json!({ "@odata.context": format!("{context}/$metadata"), "value": sets })
}
