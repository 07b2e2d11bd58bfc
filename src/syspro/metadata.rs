//! What `$metadata` says of tables, columns and their types, where a server answers it. Not knowing is never an error.

use std::collections::HashMap;

/// The columns and types of every table; empty when nothing is known.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    tables: HashMap<String, HashMap<String, String>>,
}

#[derive(Default)]
struct EntityType {
    base: Option<String>,
    columns: HashMap<String, String>,
}

impl Metadata {
    /// The type of a column, such as `Edm.Date`; `None` when it is not known.
    pub(super) fn edm(&self, table: &str, column: &str) -> Option<&str> {
        self.tables.get(table)?.get(column).map(String::as_str)
    }

    /// Whether it is known that the table lacks the column.
    pub(super) fn lacks(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| !columns.is_empty() && !columns.contains_key(column))
    }

    /// Whether any table is known.
    pub(super) fn has_tables(&self) -> bool {
        !self.tables.is_empty()
    }

    /// Whether the table is known.
    pub(super) fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Reads a CSDL document by its tags alone; what it does not understand it passes over.
    pub(super) fn parse(text: &str) -> Self {
        let mut types: HashMap<String, EntityType> = HashMap::new();
        let mut sets: Vec<(String, String)> = Vec::new();
        let mut namespaces: HashMap<String, String> = HashMap::new();
        let (mut namespace, mut current) = (String::new(), None::<String>);
        for tag in (Tags { rest: text }) {
            match tag.name {
                "Schema" => {
                    namespace = tag.attribute("Namespace").unwrap_or_default();
                    if let Some(alias) = tag.attribute("Alias") {
                        namespaces.insert(alias, namespace.clone());
                    }
                }
                "EntityType" => {
                    let name = format!("{namespace}.{}", tag.attribute("Name").unwrap_or_default());
                    types.insert(name.clone(), EntityType { base: tag.attribute("BaseType"), columns: HashMap::new() });
                    current = (!tag.empty).then_some(name);
                }
                "/EntityType" | "ComplexType" => current = None,
                "Property" => {
                    if let (Some(current), Some(name)) = (&current, tag.attribute("Name"))
                        && let Some(entity) = types.get_mut(current)
                    {
                        entity.columns.insert(name, tag.attribute("Type").unwrap_or_default());
                    }
                }
                "EntitySet" => {
                    if let (Some(name), Some(kind)) = (tag.attribute("Name"), tag.attribute("EntityType")) {
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
        Self { tables }
    }
}

/// A tag with its attributes, unread.
struct Tag<'t> {
    name: &'t str,
    attributes: &'t str,
    empty: bool,
}

impl Tag<'_> {
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, tail) = after[1..].split_once(quote)?;
            if name.trim() == wanted {
                let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
                return Some(value.replace("&amp;", "&"));
            }
            rest = tail;
        }
    }
}

/// The tags of a document, comments and declarations left out.
struct Tags<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Tags<'t> {
    type Item = Tag<'t>;

    fn next(&mut self) -> Option<Tag<'t>> {
        loop {
            let start = self.rest.find('<')?;
            let text = &self.rest[start + 1..];
            if let Some(comment) = text.strip_prefix("!--") {
                self.rest = &comment[comment.find("-->")? + 3..];
                continue;
            }
            let mut quote = None;
            let end = text.find(|c| match (quote, c) {
                (Some(open), c) => {
                    if open == c {
                        quote = None;
                    }
                    false
                }
                (None, '"' | '\'') => {
                    quote = Some(c);
                    false
                }
                (None, c) => c == '>',
            })?;
            self.rest = &text[end + 1..];
            let inner = &text[..end];
            if inner.starts_with(['?', '!']) {
                continue;
            }
            let empty = inner.ends_with('/');
            let inner = inner.trim_end_matches('/').trim_end();
            let (name, attributes) = inner.split_once(|c: char| c.is_whitespace()).unwrap_or((inner, ""));
            let local = match name.split_once(':') {
                Some((prefix, local)) if !prefix.starts_with('/') => local,
                _ => name,
            };
            return Some(Tag { name: local, attributes, empty });
        }
    }
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
    fn a_page_for_people_gives_no_knowledge() {
        assert!(Metadata::parse("<html><body>Log in <b a='>'>here</body>").tables.is_empty());
        assert!(Metadata::parse("<unclosed").tables.is_empty());
    }
}
