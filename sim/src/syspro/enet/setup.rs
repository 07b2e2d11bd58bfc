//! Setup objects: one table row per item, added, updated or deleted.

use std::collections::HashSet;

use super::answer::Answer;
use super::options::EnetAccounts;
use super::values::read;
use super::xml::{Node, Writer};
use crate::dataset::{Cell, Company, TableSchema};

/// The change a call makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Add,
    Update,
    Delete,
}

/// `Y` or `N` parameters of setup and transaction objects, wherever they are in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) validate_only: bool,
    pub(super) entire_document: bool,
    pub(super) ignore_warnings: bool,
}

impl Parameters {
    pub(super) fn read(node: &Node) -> Self {
        let flag = |name: &str| found(node, name).is_some_and(|text| !text.eq_ignore_ascii_case("N") && !text.is_empty());
        Self {
            validate_only: flag("ValidateOnly"),
            entire_document: flag("ApplyIfEntireDocumentValid"),
            ignore_warnings: flag("IgnoreWarnings"),
        }
    }
}

fn found<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    match node.child(name) {
        Some(child) => Some(child.text.trim()),
        None => node.children.iter().find_map(|child| found(child, name)),
    }
}

/// A field that is refused: element, number, sentence.
type Fault = (String, u32, String);

/// The change of one valid item: table, key, values.
type Change<'a> = (&'a str, Vec<Cell>, Vec<(&'a str, Cell)>);

/// Runs one call. `None`: there is no setup object of this name.
pub(super) fn setup(
    action: Action,
    object: &str,
    parameters: &Node,
    document: &Node,
    company: &mut Company,
    accounts: &EnetAccounts,
) -> Option<Answer> {
    let (_, table) = accounts.setup_objects.iter().find(|(name, _)| name == object)?;
    let schema = TableSchema::find(table)?;
    let parameters = Parameters::read(parameters);
    let mut writer = Writer::new(&document.name.to_ascii_lowercase(), "8.0.004");
    let (mut count, mut invalid, mut changes, mut seen) = (0_usize, 0_usize, vec![], HashSet::new());
    for item in document.all("Item") {
        count += 1;
        let outcome = check(action, item, schema, company, parameters.ignore_warnings, &mut seen);
        writer.open("item");
        echo(&mut writer, item, schema);
        match outcome {
            Ok(change) => changes.extend(change),
            Err((element, number, sentence)) => {
                invalid += 1;
                let element = element.to_ascii_lowercase();
                writer.open(&element);
                writer.value("Value", item.child("Key").filter(|key| key.child(&element).is_some()).unwrap_or(item).text_of(&element));
                writer.value("ErrorNumber", &number.to_string());
                writer.value("ErrorDescription", &sentence);
                writer.close(&element);
            }
        }
        writer.close("item");
    }
    if !parameters.validate_only && (invalid == 0 || !parameters.entire_document) {
        for (table, key, values) in changes {
            let done = match action {
                Action::Add => company.add(table, values),
                Action::Update => company.set(table, &key, values),
                Action::Delete => company.remove(table, &key),
            };
            if let Err(error) = done {
                return Some(Answer::error(&document.name.to_ascii_lowercase(), &error.to_string()));
            }
        }
    }
    writer.open("StatusOfItems");
    writer.value("RecordsRead", &count.to_string());
    writer.value("RecordsInvalid", &invalid.to_string());
    writer.close("StatusOfItems");
    Some(Answer::Xml(writer.finish()))
}

/// The key as it was sent, its elements in lower case.
fn echo(writer: &mut Writer, item: &Node, schema: &TableSchema) {
    let Some(key) = item.child("Key") else { return };
    writer.open("key");
    for at in &schema.key {
        let name = &schema.columns[*at].name;
        if let Some(part) = key.child(name) {
            writer.value(&name.to_ascii_lowercase(), &part.text);
        }
    }
    writer.close("key");
}

fn check(
    action: Action,
    item: &Node,
    schema: &'static TableSchema,
    company: &Company,
    ignore_warnings: bool,
    seen: &mut HashSet<String>,
) -> Result<Vec<Change<'static>>, Fault> {
    let empty = Node::default();
    let key_node = item.child("Key").unwrap_or(&empty);
    let mut key = vec![];
    for at in &schema.key {
        let column = &schema.columns[*at];
        let text = key_node.child(&column.name).map_or("", |node| node.text.as_str());
        // only the company part of a GL code's key may be blank
        if text.trim().is_empty() && column.name != "Company" {
            return Err((column.name.clone(), 240_001, format!("{} may not be blank", column.name)));
        }
        key.push(read(text, &column.name, column.sql).map_err(|sentence| (column.name.clone(), 240_002, sentence))?);
    }
    let shown = schema.key.iter().map(|at| key_node.text_of(&schema.columns[*at].name)).collect::<Vec<_>>().join(" ");
    let last = schema.key.last().map_or("", |at| schema.columns[*at].name.as_str()).to_owned();
    let exists = company.table(&schema.name).is_ok_and(|table| table.find(&key).is_some());
    let twice = !seen.insert(format!("{key:?}"));
    if action == Action::Add && (twice || exists) {
        return Err((last, 240_003, format!("{} '{shown}' already on file", schema.columns[schema.key[schema.key.len() - 1]].name)));
    }
    if !exists && action != Action::Add {
        return Err((last, 240_004, format!("{} '{shown}' not found", schema.columns[schema.key[schema.key.len() - 1]].name)));
    }
    let companion = TableSchema::find(match schema.name.as_str() {
        "ApSupplier" => "ApSupplierAddr",
        _ => "",
    });
    let mut changes = vec![];
    for schema in [Some(schema), companion].into_iter().flatten() {
        let mut values = vec![];
        for (at, column) in schema.columns.iter().enumerate().filter(|(at, _)| !schema.key.contains(at)) {
            // elements without a column are ignored silently
            if let Some(node) = item.child(&column.name) {
                let cell = read(&node.text, &column.name, column.sql).map_err(|sentence| (column.name.clone(), 240_005, sentence))?;
                values.push((schema.columns[at].name.as_str(), cell));
            }
        }
        if action == Action::Add {
            values.extend(schema.key.iter().zip(&key).map(|(at, cell)| (schema.columns[*at].name.as_str(), cell.clone())));
        }
        let there = company.table(&schema.name).is_ok_and(|table| table.find(&key).is_some());
        if there || action == Action::Add {
            changes.push((schema.name.as_str(), key.clone(), values));
        }
    }
    rules(action, item, schema, company, &key, ignore_warnings)?;
    Ok(changes)
}

/// Checks of the business object itself.
fn rules(action: Action, item: &Node, schema: &TableSchema, company: &Company, key: &[Cell], ignore_warnings: bool) -> Result<(), Fault> {
    let one_of = |name: &str, codes: &str| match item.child(name).map(|node| node.text.trim().to_owned()) {
        Some(code) if !codes.split(' ').any(|known| known == code) => {
            Err((name.to_owned(), 240_006, format!("{name} '{code}' is not valid")))
        }
        _ => Ok(()),
    };
    if schema.name == "GenMaster" {
        one_of("AccountType", "A C E L R S T")?;
        one_of("AccOnHldFlag", "Y N ")?;
        let balance = schema.column("CurrentBalance");
        let table = company.table(&schema.name).ok();
        let moved = table.and_then(|table| Some(table.cell(table.find(key)?, balance?).number() != 0)).unwrap_or(false);
        if action == Action::Delete && moved {
            return Err(("GlCode".into(), 240_007, "The GL code has a balance and cannot be deleted".into()));
        }
    }
    if schema.name == "ApSupplier" {
        one_of("OnHold", "Y N ")?;
    }
    let blank = item.child("Description").is_some_and(|node| node.text.trim().is_empty());
    if blank && action != Action::Delete && !ignore_warnings {
        return Err(("Description".into(), 240_008, "Warning: the description is blank".into()));
    }
    Ok(())
}
