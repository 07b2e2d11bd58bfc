//! Rows as OData JSON, written straight into a buffer.

use base64::Engine;
use chrono::Datelike;

use super::options::Switches;
use crate::dataset::{Cell, SqlType, Table};

/// Writes rows of one table with a fixed choice of columns.
pub struct RowWriter<'a> {
    table: &'a Table,
    switches: &'a Switches,
    /// With the name as it is written: `"Name":`.
    columns: Vec<(usize, SqlType, Vec<u8>)>,
}

impl<'a> RowWriter<'a> {
    /// The columns in the order wanted.
    pub fn new(table: &'a Table, columns: &[usize], switches: &'a Switches) -> Self {
        let name = |at: &usize| {
            let column = &table.schema.columns[*at];
            (*at, column.sql, format!("\"{}\":", column.name).into_bytes())
        };
        Self { table, switches, columns: columns.iter().map(name).collect() }
    }

    /// Appends one object.
    pub fn write(&self, slot: u32, out: &mut Vec<u8>) {
        let mut before = b'{';
        for (at, sql, name) in &self.columns {
            let cell = self.table.cell(slot, *at);
            if self.switches.omits(cell, false) {
                continue;
            }
            out.push(before);
            before = b',';
            out.extend_from_slice(name);
            self.value(cell, *sql, out);
        }
        if before == b'{' {
            out.push(before);
        }
        out.push(b'}');
    }

    fn value(&self, cell: &Cell, sql: SqlType, out: &mut Vec<u8>) {
        match (sql, cell) {
            (_, Cell::Text(text)) if let Some(raw) = self.switches.raw.iter().find(|raw| *raw.text == **text) => {
                out.extend_from_slice(&raw.json)
            }
            (_, Cell::Text(text))
                if self.switches.guessed_numbers && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                let number = text.trim_start_matches('0');
                out.extend_from_slice(if number.is_empty() { "0" } else { number }.as_bytes());
            }
            (SqlType::Char(width), Cell::Text(text)) => string(text, if self.switches.pad_char { width.into() } else { 0 }, out),
            (_, Cell::Text(text)) => string(text, 0, out),
            (SqlType::RowVersion, Cell::Number(version)) => {
                string(&base64::prelude::BASE64_STANDARD.encode(version.to_be_bytes()), 0, out);
            }
            (SqlType::Decimal(_, scale), Cell::Number(number)) => {
                let from = out.len();
                decimal(*number, scale.into(), out);
                if let Some(raw) = self.switches.raw.iter().find(|raw| out[from..] == *raw.text.as_bytes()) {
                    out.truncate(from);
                    out.extend_from_slice(&raw.json);
                }
            }
            (_, Cell::Number(number)) => decimal(*number, 0, out),
            (_, Cell::Date(_)) => {
                if let Some(date) = cell.date() {
                    out.push(b'"');
                    digits(date.year().unsigned_abs().into(), 4, out);
                    out.push(b'-');
                    digits(date.month().into(), 2, out);
                    out.push(b'-');
                    digits(date.day().into(), 2, out);
                    out.extend_from_slice(if self.switches.no_zone { b"T00:00:00\"" } else { b"T00:00:00Z\"" });
                }
            }
            (_, Cell::Null) if self.switches.sentinel_dates => {
                out.extend_from_slice(if self.switches.no_zone { b"\"1900-01-01T00:00:00\"" } else { b"\"1900-01-01T00:00:00Z\"" });
            }
            (_, Cell::Null) => out.extend_from_slice(b"null"),
        }
    }
}

/// With every decimal of the scale: 1250 at scale 2 is `12.50`.
fn decimal(number: i64, scale: u32, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    let power = 10_u64.pow(scale);
    let (whole, part) = (number.unsigned_abs() / power, number.unsigned_abs() % power);
    digits(whole, 1, out);
    if scale > 0 {
        out.push(b'.');
        digits(part, scale as usize, out);
    }
}

fn digits(number: u64, least: usize, out: &mut Vec<u8>) {
    let mut text = [b'0'; 20];
    let (mut at, mut rest) = (text.len(), number);
    while rest > 0 {
        at -= 1;
        // a single digit fits a byte
        text[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend_from_slice(&text[at.min(text.len() - least)..]);
}

fn string(text: &str, width: usize, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        for byte in text.bytes() {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => out.push(byte),
            }
        }
    }
    if width > 0 {
        out.resize(out.len() + width.saturating_sub(text.chars().count()), b' ');
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::TableSchema;

    #[test]
    fn values_are_written_as_the_service_sends_them() {
        let schema = TableSchema::find("ApInvoice").expect("table");
        let mut table = Table::new(schema);
        let at = |name: &str| schema.column(name).expect("column");
        let columns = ["Supplier", "Currency", "InvoiceDate", "DueDate", "OrigInvValue", "Journal", "ExchangeRate", "TimeStamp"].map(at);
        let row = [
            (columns[0], Cell::from("a\"\\\u{1}é")),
            (columns[1], "R".into()),
            (columns[2], chrono::NaiveDate::from_ymd_opt(2026, 1, 31).into()),
            (columns[4], (-5).into()),
            (columns[6], 1_000_000.into()),
        ];
        let slot = table.insert(row, 7).expect("row");
        let show = |switches: &Switches| {
            let mut out = vec![];
            RowWriter::new(&table, &columns, switches).write(slot, &mut out);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(
            show(&Switches::default()),
            "{\"Supplier\":\"a\\\"\\\\\\u0001é\",\"Currency\":\"R  \",\"InvoiceDate\":\"2026-01-31T00:00:00Z\",\"DueDate\":null,\
             \"OrigInvValue\":-0.05,\"Journal\":0,\"ExchangeRate\":1.000000,\"TimeStamp\":\"AAAAAAAAAAc=\"}"
        );
        let bare = show(&Switches { pad_char: false, sentinel_dates: true, no_zone: true, ..Switches::default() });
        assert!(bare.contains("\"Currency\":\"R\",\"InvoiceDate\":\"2026-01-31T00:00:00\",\"DueDate\":\"1900-01-01T00:00:00\""), "{bare}");
    }
}
