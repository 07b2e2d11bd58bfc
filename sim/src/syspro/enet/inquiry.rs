//! Browse, fetch, the report of one purchase order, the list of companies, and the profile of a logon.

use super::answer::Answer;
use super::options::{EnetAccounts, EnetSwitches};
use super::sessions::Session;
use super::values::{columns_of, show};
use super::xml::{Node, Writer};
use crate::dataset::{Cell, Company, Database, SqlType, Table};
use crate::syspro::options::Switches;

/// COMFCH: the whole row of one key.
pub(super) fn fetch(request: &Node, company: &Company, switches: &Switches) -> Answer {
    let name = request.text_of("TableName");
    let Ok(table) = company.table(name) else { return Answer::unknown(name, &format!("Table '{name}' not found"), &switches.enet) };
    let schema = table.schema;
    let part = |place: usize| match place {
        0 => request.child("Key").map_or("", |node| node.text.as_str()).to_owned(),
        _ => request.child(&format!("OptionalKey{place}")).map_or("", |node| node.text.as_str()).to_owned(),
    };
    let key: Option<Vec<Cell>> =
        schema.key.iter().enumerate().map(|(place, at)| Cell::read(part(place).trim_end(), schema.columns[*at].sql)).collect();
    let Some(slot) = key.and_then(|key| table.find(&key)) else {
        return Answer::error(name, &format!("Key '{}' not found in table '{name}'", part(0).trim_end()));
    };
    let mut writer = Writer::new(name, "8.0.007");
    for (at, column) in schema.columns.iter().enumerate() {
        if columns_of(schema, &column.name, switches) == Some(at) {
            writer.value(&column.name, &show(table.cell(slot, at), column.sql, switches.enet.trailing_minus));
        }
    }
    Answer::Xml(writer.finish())
}

/// COMBRW: pages of a browse that the site has defined.
pub(super) fn browse(request: &Node, company: &Company, accounts: &EnetAccounts, switches: &Switches) -> Answer {
    let name = request.text_of("BrowseName");
    let defined = accounts.browses.iter().find(|(browse, _)| browse == name).and_then(|(_, table)| company.table(table).ok());
    let Some(table) = defined else { return Answer::Text(format!("ERROR: Browse '{name}' not found")) };
    let schema = table.schema;
    let last = *schema.key.last().unwrap_or(&0);
    let columns: Vec<usize> =
        (0..schema.columns.len()).filter(|at| columns_of(schema, &schema.columns[*at].name, switches).is_some()).take(6).collect();
    let start = request.child("StartAtKey").map_or("", |node| node.text.trim_end());
    let key_of = |slot: u32| table.cell(slot, last).text().to_owned();
    let slots: Vec<u32> = table.slots().collect();
    let from = match request.text_of("StartCondition") {
        "GR" => slots.iter().position(|slot| key_of(*slot).as_str() > start).unwrap_or(slots.len()),
        "EF" | "LE" => slots.iter().rposition(|slot| key_of(*slot).as_str() <= start).unwrap_or(0),
        _ => slots.iter().position(|slot| key_of(*slot).as_str() >= start).unwrap_or(slots.len()),
    };
    let rows = request.text_of("ReturnRows").parse().ok().filter(|rows| *rows > 0).unwrap_or(20_usize);
    let shown = &slots[from..slots.len().min(from.saturating_add(rows))];
    let mut writer = Writer::new(&schema.name, "8.0.003");
    writer.value("Title", &format!("Browse on {}", schema.name));
    for slot in shown {
        writer.open("Row");
        for at in &columns {
            let column = &schema.columns[*at];
            writer.open(&column.name);
            writer.value("Value", &show(table.cell(*slot, *at), column.sql, switches.enet.trailing_minus));
            writer.value("DataType", data_type(column.sql));
            writer.close(&column.name);
        }
        writer.close("Row");
    }
    let bool = |yes: bool| if yes { "True" } else { "False" };
    writer.open("NextPrevKey");
    writer.value("PrevKey", &shown.first().map(|slot| key_of(*slot)).unwrap_or_default());
    writer.value("NextKey", &shown.last().map(|slot| key_of(*slot)).unwrap_or_default());
    writer.value("Fwd", bool(from + shown.len() < slots.len()));
    writer.value("Back", bool(from > 0));
    writer.close("NextPrevKey");
    writer.open("HeaderDetails");
    columns.iter().for_each(|at| writer.value("Header", &schema.columns[*at].name));
    writer.value("Key", &schema.columns[last].name);
    writer.value("KeyDescription", &schema.columns[last].name);
    writer.value("Table", &schema.name);
    writer.close("HeaderDetails");
    Answer::Xml(writer.finish())
}

fn data_type(sql: SqlType) -> &'static str {
    match sql {
        SqlType::Decimal(..) => "N",
        SqlType::DateTime => "D",
        _ => "A",
    }
}

/// PORQRY: a purchase order as a report shows it, with numbers for people and the raw value beside each.
pub(super) fn order(request: &Node, company: &Company, switches: &EnetSwitches) -> Answer {
    let number = request.child("Key").map_or("", |key| key.child("PurchaseOrder").map_or("", |node| node.text.as_str())).trim_end();
    let (Ok(headers), Ok(lines)) = (company.table("PorMasterHdr"), company.table("PorMasterDetail")) else {
        return Answer::error("PorDetail", "Purchase orders not found");
    };
    let Some(slot) = headers.find(&[number.into()]) else {
        return Answer::error("PorDetail", &format!("Purchase order '{number}' not found"));
    };
    let text = |table: &Table, slot: u32, name: &str| {
        let at = table.schema.column(name).unwrap_or_default();
        show(table.cell(slot, at), table.schema.columns[at].sql, switches.trailing_minus)
    };
    let mut writer = Writer::new("PorDetail", "8.0.015");
    writer.value("PurchaseOrder", number);
    let cancelled = text(headers, slot, "CancelledFlag") == "Y";
    writer.value("OrderStatus", &if cancelled { "*".into() } else { text(headers, slot, "OrderStatus") });
    writer.value("Supplier", &text(headers, slot, "Supplier"));
    let kind = match text(headers, slot, "OrderType").as_str() {
        "L" => "Local",
        "I" => "Import",
        _ => "Other",
    };
    writer.value("OrderType", kind);
    for line in lines.slots().filter(|line| lines.cell(*line, 0).text() == number) {
        writer.open("PurchaseOrderLine");
        writer.open("Merchandise");
        for name in ["Line", "LineType", "MStockCode", "MStockDes", "MGlCode"] {
            writer.value(name, text(lines, line, name).trim_start());
        }
        for name in ["MOrderQty", "MReceivedQty", "MPrice"] {
            let raw = text(lines, line, name);
            writer.value(name, &for_people(raw.trim()));
            writer.value(&format!("Unedited_{name}"), &raw);
        }
        writer.value("MCompleteFlag", if text(lines, line, "MCompleteFlag") == "Y" { "Yes" } else { "No" });
        writer.close("Merchandise");
        writer.close("PurchaseOrderLine");
    }
    Answer::Xml(writer.finish())
}

/// `38400.000000` as `38,400.000`.
fn for_people(raw: &str) -> String {
    let (whole, part) = raw.split_once('.').unwrap_or((raw, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let groups: Vec<&str> = whole.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    format!("{sign}{}.{:0<3}", groups.join(","), part.get(..3).unwrap_or(part))
}

/// COMQCO: the companies.
pub(super) fn companies(database: &Database) -> Answer {
    let mut writer = Writer::new("CompanyList", "8.0.002");
    for id in database.companies.keys() {
        writer.open("Company");
        writer.value("CompanyId", id);
        writer.value("CompanyName", &company_name(id));
        writer.close("Company");
    }
    Answer::Xml(writer.finish())
}

fn company_name(id: &str) -> String {
    format!("Simulated company {id}")
}

/// GetLogonProfile.
pub(super) fn profile(session: &Session, today: chrono::NaiveDate) -> Answer {
    let mut writer = Writer::new("LogonProfile", "8.0.001");
    let date = today.format("%Y-%m-%d").to_string();
    let name = company_name(&session.company);
    for (element, text) in [
        ("CompanyName", name.as_str()),
        ("OperatorCode", &session.operator),
        ("OperatorGroup", "SERVICE"),
        ("OperatorEmailAddress", ""),
        ("OperatorLocation", ""),
        ("OperatorLanguageCode", "05"),
        ("SystemLanguage", "EN"),
        ("AccountingDate", &date),
        ("CompanyDate", &date),
        ("DefaultArBranch", ""),
        ("DefaultApBranch", ""),
        ("DefaultBank", ""),
        ("DefaultWarehouse", ""),
        ("SystemSiteId", ""),
        ("SystemNationalityCode", ""),
        ("LocalCurrencyCode", "R"),
        ("CurrencyDescription", "Rand"),
        ("DecimalFormat", "1"),
        ("DateFormat", "01"),
        ("FunctionalRole", "01"),
        ("DatabaseType", "SQL"),
        ("SysproVersion", "8.0.000"),
        ("EnetVersion", "8.0.000"),
        ("SysproServerBitWidth", "64"),
    ] {
        writer.value(element, text);
    }
    Answer::Xml(writer.finish())
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_for_people_are_grouped() {
        assert_eq!(super::for_people("38400.000000"), "38,400.000");
        assert_eq!(super::for_people("-1234567.5"), "-1,234,567.500");
        assert_eq!(super::for_people("7"), "7.000");
    }
}
