//! The tables, columns and types in `$metadata`, if a server answers it. Missing knowledge is never an error.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use sha2::{Digest, Sha256};

use crate::domain::CompanyId;

/// The `$metadata` of the companies, for all readers that share connections. Companies with the same tables share one copy.
#[derive(Debug, Default)]
pub(super) struct KnownMetadata(RefCell<HashMap<CompanyId, Asked>>);

/// What the last request for a company's `$metadata` gave.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// When it was requested.
    pub(super) at: Instant,
    /// Whether it was received.
    pub(super) received: bool,
    /// Its content; empty if it was not received.
    pub(super) metadata: Rc<Metadata>,
}

impl KnownMetadata {
    /// What is known of a company; `None`: its `$metadata` was never requested.
    pub(super) fn of(&self, company: &CompanyId) -> Option<Asked> {
        self.0.borrow().get(company).cloned()
    }

    /// Keeps what was received of a company just now; `None`: it was requested, and nothing was received.
    pub(super) fn learn(&self, company: &CompanyId, answer: Option<Metadata>) -> Rc<Metadata> {
        let mut known = self.0.borrow_mut();
        let received = answer.is_some();
        let metadata = answer.unwrap_or_default();
        let same = known.values().find(|other| *other.metadata == metadata).map(|other| other.metadata.clone());
        let metadata = same.unwrap_or_else(|| Rc::new(metadata));
        known.insert(company.clone(), Asked { at: Instant::now(), received, metadata: metadata.clone() });
        metadata
    }
}

/// The columns and types of every table; empty when nothing is known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    tables: HashMap<String, HashMap<String, String>>,
    /// Only types are known: there may be other tables and columns.
    partial: bool,
}

#[derive(Default)]
struct EntityType {
    base: Option<String>,
    columns: HashMap<String, String>,
}

impl Metadata {
    /// Types of some columns; other columns may exist.
    pub(super) fn partial() -> Self {
        Self { tables: HashMap::new(), partial: true }
    }

    /// A digest of all of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut lines: Vec<[&str; 3]> = self.tables.keys().map(|table| [table.as_str(), "", ""]).collect();
        lines.extend(
            self.tables
                .iter()
                .flat_map(|(table, columns)| columns.iter().map(move |(column, edm)| [table.as_str(), column.as_str(), edm.as_str()])),
        );
        lines.sort_unstable();
        let mut digest = Sha256::new();
        for part in lines.iter().flatten() {
            // names contain no control characters
            digest.update(part);
            digest.update([0x1f]);
        }
        digest.finalize().into()
    }

    /// Notes the type of a column.
    pub(super) fn add(&mut self, table: &str, column: &str, edm: &str) {
        self.tables.entry(table.to_owned()).or_default().insert(column.to_owned(), edm.to_owned());
    }

    /// The type of a column, such as `Edm.Date`; `None` when it is not known.
    pub(super) fn edm(&self, table: &str, column: &str) -> Option<&str> {
        let columns = self.columns(table)?;
        named(columns, column).map(|(_, edm)| edm.as_str())
    }

    /// The table in the server's spelling; `None` when it is not known.
    pub(super) fn table(&self, table: &str) -> Option<&str> {
        named(&self.tables, table).map(|(name, _)| name.as_str())
    }

    /// The column in the server's spelling; `None` when it is not known.
    pub(super) fn column(&self, table: &str, column: &str) -> Option<&str> {
        let columns = self.columns(table)?;
        named(columns, column).map(|(name, _)| name.as_str())
    }

    /// A condition with the table's columns in the server's spelling.
    pub(super) fn respelled(&self, table: &str, condition: &str) -> String {
        let Some(columns) = self.columns(table) else { return condition.to_owned() };
        let (mut text, mut word, mut quoted) = (String::with_capacity(condition.len()), String::new(), false);
        for c in condition.chars().chain(['\0']) {
            if !quoted && (c.is_alphanumeric() || c == '_') {
                word.push(c);
                continue;
            }
            // most characters follow no word; a word before a quote is the type of a literal, such as `datetime'…'`
            if !word.is_empty() {
                match Some(&word).filter(|_| c != '\'').and_then(|word| named(columns, word)) {
                    Some((name, _)) => text.push_str(name),
                    None => text.push_str(&word),
                }
                word.clear();
            }
            quoted ^= c == '\'';
            text.push(c);
        }
        text.pop();
        text
    }

    fn columns(&self, table: &str) -> Option<&HashMap<String, String>> {
        named(&self.tables, table).map(|(_, columns)| columns)
    }

    /// Whether it is known that the table lacks the column.
    pub(super) fn lacks(&self, table: &str, column: &str) -> bool {
        !self.partial && self.columns(table).is_some_and(|columns| !columns.is_empty() && named(columns, column).is_none())
    }

    /// Whether any table is known.
    pub(super) fn has_tables(&self) -> bool {
        !self.partial && !self.tables.is_empty()
    }

    /// Whether the table is known.
    pub(super) fn has_table(&self, table: &str) -> bool {
        named(&self.tables, table).is_some()
    }

    /// Reads a CSDL document by its tags alone; unknown tags are skipped. After text that is not XML nothing is read.
    pub(super) fn parse(text: &str) -> Self {
        let mut types: HashMap<String, EntityType> = HashMap::new();
        let mut sets: Vec<(String, String)> = Vec::new();
        let mut namespaces: HashMap<String, String> = HashMap::new();
        let (mut namespace, mut current) = (String::new(), None::<String>);
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        (config.check_end_names, config.allow_unmatched_ends, config.allow_dangling_amp) = (false, true, true);
        // an element without content has a start and an end too
        config.expand_empty_elements = true;
        loop {
            let tag = match reader.read_event() {
                Ok(Event::Start(tag)) => tag,
                Ok(Event::End(tag)) => {
                    if tag.local_name().as_ref() == "EntityType" {
                        current = None;
                    }
                    continue;
                }
                Ok(Event::Eof) | Err(_) => break,
                Ok(_) => continue,
            };
            match tag.local_name().as_ref() {
                "Schema" => {
                    namespace = attribute(&tag, "Namespace").unwrap_or_default();
                    if let Some(alias) = attribute(&tag, "Alias") {
                        namespaces.insert(alias, namespace.clone());
                    }
                }
                "EntityType" => {
                    let name = format!("{namespace}.{}", attribute(&tag, "Name").unwrap_or_default());
                    types.insert(name.clone(), EntityType { base: attribute(&tag, "BaseType"), columns: HashMap::new() });
                    current = Some(name);
                }
                "ComplexType" => current = None,
                "Property" => {
                    if let (Some(current), Some(name)) = (&current, attribute(&tag, "Name"))
                        && let Some(entity) = types.get_mut(current)
                    {
                        entity.columns.insert(name, attribute(&tag, "Type").unwrap_or_default());
                    }
                }
                "EntitySet" => {
                    if let (Some(name), Some(kind)) = (attribute(&tag, "Name"), attribute(&tag, "EntityType")) {
                        sets.push((name, kind));
                    }
                }
                _ => {}
            }
        }
        let full = |name: &str| match name.rsplit_once('.') {
            Some((alias, rest)) if namespaces.contains_key(alias) => format!("{}.{rest}", namespaces[alias]),
            _ => name.to_owned(),
        };
        let mut tables = HashMap::new();
        for (set, kind) in sets {
            let (mut columns, mut next, mut depth) = (HashMap::new(), Some(full(&kind)), 0);
            while let Some(entity) = next.take().and_then(|name| types.get(&name)) {
                columns.extend(entity.columns.clone());
                depth += 1;
                next = entity.base.as_deref().filter(|_| depth < 16).map(&full);
            }
            tables.insert(set, columns);
        }
        Self { tables, partial: false }
    }
}

/// An entry by its exact name, else by the only one that differs in case alone: SYSPRO's names are case sensitive, but a server in front of
/// its tables may write them in another case.
fn named<'m, V>(map: &'m HashMap<String, V>, name: &str) -> Option<(&'m String, &'m V)> {
    map.get_key_value(name).or_else(|| {
        let mut alike = map.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        alike.next().filter(|_| alike.next().is_none())
    })
}

/// The value of a tag's attribute; one with an unknown entity is kept as it is.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok().flatten()?;
    Some(unescape(&found.value).map_or_else(|_| found.value.to_string(), String::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_through_sets_aliases_and_bases() {
        let text = r#"<?xml version="1.0"?><edmx:Edmx><!-- <EntitySet Name="No" EntityType="x.No"/> -->
          <Schema Namespace='Syspro.Model' Alias="Self">
            <EntityType Name="Base"><Property Name="TimeStamp" Type="Edm.Binary"/></EntityType>
            <EntityType Name="Invoice" BaseType="Self.Base"><Key><PropertyRef Name="Supplier"/></Key>
              <Property Name="Supplier" Type="Edm.String" Nullable="false"><Annotation Term="a>b"/></Property>
              <Property Type="Edm.Date" Name="InvoiceDate" />
            </EntityType>
            <ComplexType Name="C"><Property Name="Inner" Type="Edm.String"/></ComplexType>
            <EntityContainer Name="Container"><EntitySet Name="ApInvoice" EntityType="Syspro.Model.Invoice"/>
              <EntitySet Name="ApSupplier+" EntityType="Other.Unknown"></EntitySet></EntityContainer>
          </Schema></edmx:Edmx>"#;
        let metadata = Metadata::parse(text);
        assert_eq!(metadata.edm("ApInvoice", "InvoiceDate"), Some("Edm.Date"));
        assert_eq!(metadata.edm("ApInvoice", "TimeStamp"), Some("Edm.Binary"));
        assert_eq!(metadata.edm("ApInvoice", "Inner"), None);
        assert!(metadata.lacks("ApInvoice", "Nothing") && !metadata.lacks("ApInvoice", "Supplier"));
        assert!(!metadata.lacks("ApSupplier+", "Any") && !metadata.lacks("Elsewhere", "Any"), "not known is not missing");
        assert!(metadata.has_table("ApSupplier+") && !metadata.has_table("No"));
    }

    #[test]
    fn names_are_spelled_as_the_server_spells_them() {
        let text = r#"<Schema Namespace="M"><EntityType Name="I"><Property Name="supplier" Type="Edm.String"/><Property Name="Journal" Type="Edm.Int32"/>
            <Property Name="x" Type="Edm.Date"/><Property Name="X" Type="Edm.Guid"/></EntityType>
            <EntityContainer><EntitySet Name="apinvoice" EntityType="M.I"/></EntityContainer></Schema>"#;
        let metadata = Metadata::parse(text);
        assert_eq!((metadata.table("ApInvoice"), metadata.column("ApInvoice", "Supplier")), (Some("apinvoice"), Some("supplier")));
        assert_eq!((metadata.edm("ApInvoice", "JOURNAL"), metadata.lacks("ApInvoice", "Supplier")), (Some("Edm.Int32"), false));
        assert_eq!((metadata.column("apinvoice", "X"), metadata.column("apinvoice", "Y")), (Some("X"), None));
        let condition = "Supplier eq 'Supplier''s Supplier' and (Journal gt 5 or SUPPLIER ne null) and Other eq 'é'";
        let respelled = "supplier eq 'Supplier''s Supplier' and (Journal gt 5 or supplier ne null) and Other eq 'é'";
        assert_eq!(metadata.respelled("ApInvoice", condition), respelled);
        assert_eq!(metadata.respelled("Elsewhere", condition), condition);
    }

    #[test]
    fn a_page_for_people_gives_no_knowledge() {
        assert!(Metadata::parse("<html><body>Log in <b a='>'>here</body>").tables.is_empty());
        assert!(Metadata::parse("<unclosed").tables.is_empty());
    }

    #[test]
    fn references_in_attributes_are_resolved_and_what_is_odd_elsewhere_does_no_harm() {
        let text = r#"<?xml version="1.0"?><!DOCTYPE x><m:Schema Namespace="M">Q & A &more;
            <m:EntityType Name='A&amp;B'><m:Property Name="Q&#43;&lt;" Type="Edm.Date"/></wrong></m:EntityType><m:Property Name="Outside" Type="x"/>
            <m:EntitySet Name="T&apos;s" EntityType="M.A&amp;B"/><m:EntitySet Name="a&no;b" EntityType="M.A&amp;B"/><m:EntityType Name="Empty"/>"#;
        let metadata = Metadata::parse(text);
        assert_eq!((metadata.edm("T's", "Q+<"), metadata.edm("T's", "Outside")), (Some("Edm.Date"), None));
        assert!(metadata.has_table("a&no;b"));
    }

    #[test]
    fn companies_with_the_same_tables_share_one_copy() {
        let text = |column: &str| {
            format!(
                r#"<Schema Namespace="M"><EntityType Name="I"><Property Name="{column}" Type="Edm.String"/></EntityType>
                <EntityContainer><EntitySet Name="ApInvoice" EntityType="M.I"/></EntityContainer></Schema>"#
            )
        };
        let known = KnownMetadata::default();
        let of = |company: &str, column: &str| known.learn(&CompanyId::new(company), Some(Metadata::parse(&text(column))));
        let (first, second, other) = (of("A", "Supplier"), of("B", "Supplier"), of("C", "Invoice"));
        assert!(Rc::ptr_eq(&first, &second) && !Rc::ptr_eq(&first, &other));
        assert!(known.of(&CompanyId::new("B")).is_some_and(|asked| asked.received && Rc::ptr_eq(&asked.metadata, &first)));
        assert!(known.of(&CompanyId::new("D")).is_none());
    }
}
