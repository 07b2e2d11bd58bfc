//! Reads the XML of an application or an update set, as ServiceNow's SDK builds it or an instance exports it, and adds its tables, columns,
//! indexes and transform maps to an instance. Access rules, roles and scripts are not read: the simulator has one user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::options::ServiceNowOptions;
use super::schema::{ColumnKind, TableSchema, TransformMap};
use super::xml::Node;

/// The table that staging tables extend.
const STAGING_PARENT: &str = "sys_import_set_row";

/// The length of a text column without one, in characters.
const TEXT: usize = 40;

/// The decimals of a decimal column without the attribute `scale`.
const SCALE: u32 = 2;

/// How deep update sets may be within update sets.
const DEEPEST: usize = 4;

/// Why an application was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// A file or directory cannot be read.
    #[error("`{}` cannot be read", .path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        error: std::io::Error,
    },
    /// A file is no XML.
    #[error("`{}` is not valid XML: {problem}", .path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// There is nothing to load.
    #[error("`{}` has no XML of tables or transform maps; name the directory `dist/app` of a built application, or unpack its zip file", .path.display())]
    Empty {
        /// The path.
        path: PathBuf,
    },
    /// The application needs something that the instance lacks.
    #[error("the application cannot be loaded: {0}")]
    Lacking(String),
}

/// Everything of the files that is loaded.
#[derive(Debug, Default)]
struct Content {
    /// Tables with their columns and indexes.
    tables: Vec<Node>,
    /// Records: the table, and the values by column.
    records: Vec<(String, BTreeMap<String, String>)>,
}

impl ServiceNowOptions {
    /// Adds the tables, columns, indexes and transform maps of an application: a directory with XML files, or one XML file.
    ///
    /// # Errors
    /// A file cannot be read, nothing is in it, or a table that gets columns does not exist.
    pub fn load_application(&mut self, path: &Path) -> Result<(), ApplicationError> {
        let mut content = Content::default();
        for file in files(path)? {
            let text = std::fs::read_to_string(&file).map_err(|error| ApplicationError::Read { path: file.clone(), error })?;
            let root = Node::parse(&text).map_err(|problem| ApplicationError::Xml { path: file.clone(), problem })?;
            content.add(root, 0).map_err(|problem| ApplicationError::Xml { path: file, problem })?;
        }
        if content.tables.is_empty() && content.records.is_empty() {
            return Err(ApplicationError::Empty { path: path.to_owned() });
        }
        content.add_to(self).map_err(ApplicationError::Lacking)
    }
}

/// The XML files of a directory, in the order of their paths; or the file itself.
fn files(path: &Path) -> Result<Vec<PathBuf>, ApplicationError> {
    let failed = |error| ApplicationError::Read { path: path.to_owned(), error };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(failed)?.collect();
    let mut paths: Vec<PathBuf> = entries.map_err(failed)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
    Ok(found)
}

impl Content {
    fn add(&mut self, root: Node, depth: usize) -> Result<(), String> {
        if root.name == "database" {
            self.tables.extend(root.children);
            return Ok(());
        }
        for record in root.children {
            let payload = record.text_of("payload");
            if record.name == "sys_update_xml" && !payload.is_empty() {
                if depth >= DEEPEST {
                    return Err("update sets are within update sets".to_owned());
                }
                self.add(Node::parse(payload)?, depth + 1)?;
                continue;
            }
            let values = record.children.iter().map(|value| (value.name.clone(), value.text.trim().to_owned())).collect();
            self.records.push((record.name, values));
        }
        Ok(())
    }

    fn records(&self, table: &'static str) -> impl Iterator<Item = &BTreeMap<String, String>> {
        self.records.iter().filter(move |(name, _)| name == table).map(|(_, values)| values)
    }

    fn add_to(&self, options: &mut ServiceNowOptions) -> Result<(), String> {
        for values in self.records("sys_db_object") {
            let parent = self.parent_of(text(values, "name"));
            table(options, text(values, "name"), "", parent.unwrap_or_default() == STAGING_PARENT);
        }
        for node in &self.tables {
            add_table(options, node)?;
        }
        for values in self.records("sys_dictionary").filter(|values| !text(values, "element").is_empty()) {
            let schema = known(options, text(values, "name"))?;
            let kind =
                kind(text(values, "internal_type"), text(values, "max_length"), text(values, "attributes"), text(values, "reference"));
            schema.set_column(text(values, "element"), kind);
            if text(values, "unique") == "true" {
                index(schema, text(values, "element"));
            }
        }
        for values in self.records("sys_transform_map").filter(|values| text(values, "active") == "true") {
            self.add_map(options, values)?;
        }
        Ok(())
    }

    /// The table that a table of the records extends, by the XML of its columns.
    fn parent_of(&self, name: &str) -> Option<&str> {
        self.tables.iter().find(|table| table.attribute("name") == name).map(|table| table.attribute("extends"))
    }

    fn add_map(&self, options: &mut ServiceNowOptions, values: &BTreeMap<String, String>) -> Result<(), String> {
        let (id, source, target) = (text(values, "sys_id"), text(values, "source_table"), text(values, "target_table"));
        let columns_of = |table: &TableSchema| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let name = text(values, "name");
        let from = columns_of(known(options, source)?);
        let to = columns_of(known(options, target)?);
        let entries: Vec<&BTreeMap<String, String>> = self
            .records("sys_transform_entry")
            .filter(|entry| text(entry, "map") == id && text(entry, "use_source_script") != "true")
            .collect();
        for entry in &entries {
            for (columns, table, column) in [(&from, source, text(entry, "source_field")), (&to, target, text(entry, "target_field"))] {
                if !columns.iter().any(|known| known == column) {
                    return Err(format!("the transform map `{name}` names the column `{column}`, which `{table}` lacks"));
                }
            }
        }
        let coalesce: Vec<&&BTreeMap<String, String>> = entries.iter().filter(|entry| text(entry, "coalesce") == "true").collect();
        let map = TransformMap {
            name: name.to_owned(),
            target: target.to_owned(),
            coalesce: coalesce.iter().map(|entry| text(entry, "target_field").to_owned()).collect(),
            case_sensitive: !coalesce.is_empty() && coalesce.iter().all(|entry| text(entry, "coalesce_case_sensitive") == "true"),
            fields: entries.iter().map(|entry| (text(entry, "source_field").to_owned(), text(entry, "target_field").to_owned())).collect(),
            named_only: true,
            references: BTreeMap::new(),
            copy_empty: text(values, "copy_empty_fields") == "true",
            ignore: None,
            parent: None,
        };
        known(options, source)?.maps.push(map);
        Ok(())
    }
}

fn text<'a>(values: &'a BTreeMap<String, String>, column: &str) -> &'a str {
    values.get(column).map_or("", String::as_str)
}

/// The table with this name, added if there is none.
fn table<'a>(options: &'a mut ServiceNowOptions, name: &str, display: &str, staging: bool) -> &'a mut TableSchema {
    let at = options.tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
        let mut schema = TableSchema::new(name, display, "");
        schema.staging = staging;
        options.tables.push(schema);
        options.tables.len() - 1
    });
    &mut options.tables[at]
}

/// The table with this name, which must exist.
fn known<'a>(options: &'a mut ServiceNowOptions, name: &str) -> Result<&'a mut TableSchema, String> {
    options.table(name).ok_or_else(|| format!("the instance has no table `{name}`; a product that is not active brings it"))
}

fn add_table(options: &mut ServiceNowOptions, node: &Node) -> Result<(), String> {
    let name = node.attribute("name");
    // only the XML of a table that the application brings has a label
    let schema = if node.attribute("label").is_empty() {
        known(options, name)?
    } else {
        table(options, name, node.attribute("display"), node.attribute("extends") == STAGING_PARENT)
    };
    if schema.display.is_empty() {
        schema.display = node.attribute("display").to_owned();
    }
    for child in &node.children {
        match child.name.as_str() {
            "element" => {
                let of = |attribute| child.attribute(attribute);
                schema.set_column(of("name"), kind(of("type"), of("max_length"), of("attributes"), of("reference")));
                if of("unique") == "true" {
                    index(schema, of("name"));
                }
            }
            "index" => {
                let columns: Vec<&str> = child.children.iter().map(|element| element.attribute("name")).collect();
                if let [column] = columns[..] {
                    index(schema, column);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn index(schema: &mut TableSchema, column: &str) {
    if !schema.indexed.iter().any(|known| known == column) {
        schema.indexed.push(column.to_owned());
    }
}

/// The kind of a column, by its type in the dictionary.
fn kind(of: &str, length: &str, attributes: &str, reference: &str) -> ColumnKind {
    let scale = || attributes.split(',').find_map(|attribute| attribute.strip_prefix("scale=")?.parse().ok());
    match of {
        "integer" | "longint" => ColumnKind::Integer,
        "decimal" => ColumnKind::Scaled(scale().unwrap_or(SCALE)),
        "currency" | "price" => ColumnKind::Currency,
        "glide_date" => ColumnKind::Date,
        "glide_date_time" => ColumnKind::DateTime,
        "boolean" => ColumnKind::Boolean,
        "reference" => ColumnKind::Reference(reference.to_owned()),
        _ => ColumnKind::Text(length.parse().unwrap_or(TEXT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)]) -> Result<ServiceNowOptions, ApplicationError> {
        let directory = std::env::temp_dir().join(format!("tieline-application-{:x}", fastrand::u64(..)));
        std::fs::create_dir_all(directory.join("update")).unwrap();
        for (name, text) in files {
            std::fs::write(directory.join("update").join(name), text).unwrap();
        }
        let mut options = ServiceNowOptions::default();
        let loaded = options.load_application(&directory);
        std::fs::remove_dir_all(&directory).unwrap();
        loaded.map(|()| options)
    }

    const TABLES: &str = r#"<?xml version="1.0"?>
        <database><element name="x_t_imp" type="collection" label="Import" extends="sys_import_set_row">
            <element name="u_key" type="string" max_length="120"/><element name="u_amount" type="string" max_length="40"/>
        </element><element name="x_t" type="collection" label="Kept" display="u_key">
            <element name="u_key" type="string" max_length="120"/>
            <element name="u_amount" type="decimal" max_length="20" attributes="scale=4"/>
            <index name="key" unique="true"><element name="u_key"/></index>
        </element></database>"#;

    const MAP: &str = "<record_update table=\"sys_transform_map\"><sys_transform_map action=\"INSERT_OR_UPDATE\"><sys_id>m</sys_id>\
        <active>true</active><copy_empty_fields>true</copy_empty_fields><name>Import</name><source_table>x_t_imp</source_table>\
        <target_table>x_t</target_table></sys_transform_map></record_update>";

    fn entry(column: &str, coalesce: bool) -> String {
        format!(
            "<record_update><sys_transform_entry><map>m</map><source_field>{column}</source_field><target_field>{column}</target_field>\
             <coalesce>{coalesce}</coalesce><coalesce_case_sensitive>{coalesce}</coalesce_case_sensitive></sys_transform_entry></record_update>"
        )
    }

    #[test]
    fn tables_columns_indexes_and_maps_are_loaded() {
        let mut options =
            load(&[("t.xml", TABLES), ("m.xml", MAP), ("e1.xml", &entry("u_key", true)), ("e2.xml", &entry("u_amount", false))]).unwrap();
        let kept = options.table("x_t").unwrap();
        assert_eq!(kept.column("u_amount").unwrap().kind, ColumnKind::Scaled(4));
        assert_eq!((kept.indexed.clone(), kept.display.as_str(), kept.staging), (vec!["u_key".to_owned()], "u_key", false));
        let staging = options.table("x_t_imp").unwrap();
        let map = &staging.maps[0];
        assert!(staging.staging && !staging.open);
        assert_eq!((map.target.as_str(), map.coalesce.clone(), map.fields.len()), ("x_t", vec!["u_key".to_owned()], 2));
        assert!(map.copy_empty && map.case_sensitive && map.named_only);
    }

    #[test]
    fn an_exported_update_set_holds_the_same() {
        let payload = |text: &str| format!("<sys_update_xml><payload><![CDATA[{text}]]></payload></sys_update_xml>");
        let set = format!("<unload>{}{}{}</unload>", payload(MAP), payload(&entry("u_key", true)), payload(&entry("u_amount", false)));
        let mut options = load(&[("t.xml", TABLES), ("set.xml", &set)]).unwrap();
        assert_eq!(options.table("x_t_imp").unwrap().maps[0].fields.len(), 2);
    }

    #[test]
    fn what_the_instance_lacks_is_named() {
        let says = |files: &[(&str, &str)], words: &str| {
            let problem = load(files).unwrap_err().to_string();
            assert!(problem.contains(words), "{problem}");
        };
        says(&[], "has no XML of tables");
        says(&[("a.xml", "<database><element")], "not valid XML");
        let column = r#"<database><element name="x_absent" type="collection"><element name="u_a" type="string"/></element></database>"#;
        says(&[("a.xml", column)], "the instance has no table `x_absent`");
        says(&[("t.xml", TABLES), ("m.xml", MAP), ("e.xml", &entry("u_typo", true))], "the column `u_typo`, which `x_t_imp` lacks");
    }
}
