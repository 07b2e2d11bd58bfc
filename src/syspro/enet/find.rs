//! Converts the reader's queries to COMFND requests, and COMFND's rows to the reader's cells.

use std::fmt::Write as _;
use std::rc::Rc;

use super::super::error::SysproError;
use super::super::filter::encoded_len;
use super::super::metadata::Metadata;
use super::super::wire::{Answer, Cell, Room, Unread};
use super::{EnetError, EnetTransport, condition, types, wire};
use crate::config::settings::EnetSettings;
use crate::credentials::secret::Credential;
use crate::definition::plan::{ColumnKind, Kinds};
use crate::domain::CompanyId;
use crate::domain::money::parse_decimal;
use crate::redact::Quoted;

/// The approximate length of one comparison in an address.
const COMPARISON: usize = 270;
/// Space in an address for all but the condition.
const REST: usize = 2000;

/// Reads tables through COMFND.
pub(in super::super) struct Finder {
    transport: Rc<dyn EnetTransport>,
    types: Rc<Metadata>,
    settings: EnetSettings,
}

/// One request for rows.
pub(in super::super) struct Find {
    xml: Result<String, String>,
    kinds: Vec<ColumnKind>,
    /// The number of leading rows to skip.
    skip: usize,
}

impl Find {
    /// Adds the kinds of the requested columns from the entity's file.
    pub(in super::super) fn typed(self, kinds: Kinds<'_>, columns: &[&str]) -> Self {
        Self { kinds: columns.iter().map(|column| kinds.of(column)).collect(), ..self }
    }

    /// Skips this many leading rows.
    pub(in super::super) fn behind(self, skip: usize) -> Self {
        Self { skip, ..self }
    }
}

impl Finder {
    pub(in super::super) fn new(transport: Rc<dyn EnetTransport>, settings: &EnetSettings) -> Self {
        Self { transport, types: Rc::new(types::known()), settings: settings.clone() }
    }

    /// The known types.
    pub(in super::super) fn types(&self) -> Rc<Metadata> {
        self.types.clone()
    }

    /// The most comparisons that fit into an address.
    pub(in super::super) fn comparisons(&self) -> usize {
        (self.settings.url_limit.saturating_sub(REST) / COMPARISON).max(4)
    }

    /// Whether a refusal says that there is no such table.
    pub(in super::super) fn denies(&self, table: &str, answer: &str) -> bool {
        self.settings.table_texts.iter().any(|text| answer.contains(&text.replace("{table}", table)))
    }

    /// A request: columns, a condition in OData's syntax, the order, and the number of rows.
    pub(in super::super) fn find(&self, table: &str, columns: &[&str], condition: &str, order: &[&str], top: usize) -> Find {
        let list = |names: &[&str]| names.iter().fold(String::new(), |all, name| all + &wire::element("Column", name));
        let xml = condition::where_element(condition).map(|conditions| {
            let mut xml = String::from(
                "<Query xmlns:xsd=\"http://www.w3.org/2001/XMLSchema-instance\" xsd:noNamespaceSchemaLocation=\"COMFND.XSD\">",
            );
            let _ = write!(xml, "{}<ReturnRows>{top}</ReturnRows><Columns>{}</Columns>", wire::element("TableName", table), list(columns));
            let _ = write!(xml, "{conditions}<OrderBy>{}</OrderBy></Query>", list(order));
            xml
        });
        Find { xml, kinds: Vec::new(), skip: 0 }
    }

    /// Makes one request.
    pub(in super::super) async fn ask(
        &self,
        (operator, company): (&Credential, &CompanyId),
        table: &str,
        columns: &[&str],
        find: &Find,
        asked: String,
        room: Room,
    ) -> Result<Answer, SysproError> {
        let enet = |source| SysproError::Enet { source };
        let xml = match &find.xml {
            Ok(xml) => xml.clone(),
            Err(problem) => return Err(enet(EnetError::Condition { asked, problem: problem.clone() })),
        };
        let text = match self.transport.query(operator, company, "COMFND", xml, asked.clone()).await {
            Ok(text) => text,
            // the reader handles these errors: with a shorter list, or another column
            Err(EnetError::Refused { asked, status, answer }) => return Err(refused(asked, status, answer)),
            Err(error) => return Err(enet(error)),
        };
        let found = match find.skip {
            0 => wire::rows(&text, columns, room),
            skip => wire::rows_behind(&text, columns, skip, room),
        };
        let found = found.map_err(|unread| match unread {
            Unread::Unasked => SysproError::Unasked { asked: asked.clone(), most: room.rows },
            Unread::Malformed(problem) => enet(EnetError::Malformed { asked: asked.clone(), problem }),
        })?;
        if !found.errors.is_empty() {
            return Err(refused(asked, 200, crate::net::excerpt(found.errors.join("; ").as_bytes())));
        }
        match found.returned {
            Some(returned) if returned == found.rows.len() => {}
            said => {
                let said = said.map_or("none".to_owned(), |said| said.to_string());
                let problem = format!("it gives the number of its rows as {said}, and holds {}", found.rows.len());
                return Err(enet(EnetError::Malformed { asked, problem: problem.into() }));
            }
        }
        let no_values = found.no_values;
        let mut answer = Answer { no_values, columns: columns.iter().map(|name| (*name).to_owned()).collect(), ..Answer::default() };
        let edm: Vec<Option<&str>> = columns.iter().map(|column| self.types.edm(table, column)).collect();
        for row in found.rows {
            let cells = row.into_iter().enumerate().map(|(at, text)| {
                text.map(|text| match Cell::from_text(text) {
                    Cell::Text(text) => cell(&text, edm[at], find.kinds.get(at).copied().unwrap_or_default()),
                    other => other,
                })
            });
            answer.rows.push(cells.collect());
        }
        Ok(answer)
    }

    /// The length of a request in an address, without its condition.
    pub(in super::super) fn overhead(&self, find: &Find) -> usize {
        find.xml.as_ref().map_or(0, |xml| encoded_len(xml))
    }
}

fn refused(asked: String, status: u16, answer: Quoted) -> SysproError {
    SysproError::Refused { asked, status, answer }
}

/// Converts a received value: numbers are padded on the left. A value that is neither a number by the entity's file nor by the known types
/// is text, whatever it looks like.
fn cell(text: &str, edm: Option<&str>, kind: ColumnKind) -> Cell {
    match (kind, edm) {
        (ColumnKind::Number, _) | (ColumnKind::AsReceived, Some("Edm.Decimal")) => {
            number(text).unwrap_or_else(|| if text.trim().is_empty() { Cell::Null } else { Cell::Text(text.into()) })
        }
        (ColumnKind::Date | ColumnKind::AsReceived, _) => Cell::Text(text.into()),
    }
}

/// The minus sign may be on either end.
fn number(text: &str) -> Option<Cell> {
    let text = text.trim();
    let signed = match text.strip_suffix('-') {
        Some(digits) => format!("-{}", digits.trim_end()),
        None => text.to_owned(),
    };
    parse_decimal(&signed).map(|_| Cell::Number(signed.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_cells_by_the_type_of_their_column() {
        let number = |text: &str| Cell::Number(text.into());
        let cell = |text: &str, edm| super::cell(text, edm, ColumnKind::AsReceived);
        assert_eq!(cell("          -0.05", Some("Edm.Decimal")), number("-0.05"));
        assert_eq!(cell("           0.05-", Some("Edm.Decimal")), number("-0.05"));
        assert_eq!(cell("        42", Some("Edm.Decimal")), number("42"));
        assert_eq!(cell("", Some("Edm.Decimal")), Cell::Null);
        assert_eq!(super::cell("   12.500000", None, ColumnKind::Number), number("12.500000"));
        assert_eq!(super::cell("0000-00-00", None, ColumnKind::Date), Cell::Text("0000-00-00".into()));
        assert_eq!(cell(" 00001", Some("Edm.String")), Cell::Text(" 00001".into()));
        assert_eq!(cell(" 00001", None), Cell::Text(" 00001".into()));
        assert_eq!(cell("   12.500000", None), Cell::Text("   12.500000".into()), "nobody said that it is a number");
        assert_eq!(cell("0000-00-00", None), Cell::Text("0000-00-00".into()), "a stock code may read so");
        assert_eq!(cell("12.50", None), Cell::Text("12.50".into()));
    }
}
