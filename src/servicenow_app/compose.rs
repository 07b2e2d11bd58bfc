//! Makes an application from compiled definitions.
//!
//! - A block that is written through the Import Set API gets a staging table, a table for its records and a transform map, unless ServiceNow
//!   ships the staging table. Then the staging table gets the columns that it lacks, the table behind it gets those of them that it lacks too,
//!   and the shipped map is changed by hand.
//! - A block that is written through the Table API adds columns to the table of ServiceNow, or gets a table of its own.

use std::collections::BTreeMap;

use crate::definition::extent::Extent;
use crate::definition::plan::{FieldPlan, FieldSource, Plan, ReferenceForm, TargetPlan, WriteMode};
use crate::definition::{CodeLists, Definitions};

use super::model::{
    AccessRule, Application, Column, ColumnKind, ColumnPurpose, FieldMap, Index, MapChange, Operation, Role, Table, TableKind, TableRights,
    TransformMap,
};
use super::names::{Names, label, record};
use super::rights;
use super::shipped::Shipped;

/// The role of the OAuth application's user.
pub const INTEGRATION: &str = "integration";
/// The role of people who read the records.
pub const VIEWER: &str = "viewer";

/// An application, and what the blocks of the profile are named in it.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The application.
    pub application: Application,
    /// One entry per block.
    pub blocks: Vec<BlockNames>,
}

/// The names of one block of a profile in an application.
#[derive(Debug, Clone)]
pub struct BlockNames {
    /// The entity.
    pub entity: String,
    /// The block, such as `header`.
    pub block: String,
    /// The table that is written.
    pub table: String,
    /// The table that keeps the records, if it is another one.
    pub target_table: Option<String>,
    /// The columns that have another name than in the profile.
    pub columns: BTreeMap<String, String>,
    /// Whether a map of the application moves the rows on. It copies empty fields.
    pub has_own_map: bool,
}

/// Makes the application of a profile.
///
/// # Errors
/// A block has no key column, by which rows could be found, or does not say where the map of a shipped staging table puts its rows.
pub fn compose(definitions: &Definitions, profile: &str, names: Names<'_>) -> Result<Composed, String> {
    let mut composer = Composer::new(definitions, profile, names);
    for plan in &definitions.plans {
        let has_header = plan.targets.iter().any(|target| target.child.is_none());
        for target in &plan.targets {
            composer.block(plan, target, &record(plan.entity.as_str(), &target.block, has_header))?;
        }
    }
    Ok(composer.finish())
}

/// A table's columns for one block.
struct BlockColumns<'a> {
    /// The key column.
    key: &'a str,
    /// The version column.
    version: Option<&'a str>,
    /// The other fields.
    fields: Vec<&'a FieldPlan>,
}

struct Composer<'a> {
    code_lists: &'a CodeLists,
    names: Names<'a>,
    application: Application,
    blocks: Vec<BlockNames>,
}

impl<'a> Composer<'a> {
    fn new(definitions: &'a Definitions, profile: &str, names: Names<'a>) -> Self {
        let application = Application {
            profile: profile.to_owned(),
            tables: Vec::new(),
            maps: Vec::new(),
            map_changes: Vec::new(),
            roles: Vec::new(),
            rights: Vec::new(),
            rules: Vec::new(),
        };
        Self { code_lists: &definitions.code_lists, names, application, blocks: Vec::new() }
    }

    fn block(&mut self, plan: &Plan, target: &TargetPlan, record: &str) -> Result<(), String> {
        let Some(key) = target.key_column.as_deref() else {
            return Err(format!(
                "`[{}]` of the entity `{}` has no `key_column`; name one in the profile, because the application finds rows by it",
                target.block, plan.entity
            ));
        };
        let columns = BlockColumns {
            key,
            version: target.version_column.as_deref(),
            fields: target.fields.iter().filter(|field| field.name != "sys_id").collect(),
        };
        let names = match (target.write, Shipped::find(&target.table)) {
            (WriteMode::ImportSet, Some(shipped)) if shipped.map.is_some() => {
                if target.target_table == target.table {
                    return Err(format!(
                        "`[{}]` of the entity `{}` writes to the staging table `{}` and does not say where its map puts the rows; name \
                         `target_table` in the profile",
                        target.block, plan.entity, target.table
                    ));
                }
                self.shipped_staging(target, &columns, shipped)
            }
            (WriteMode::ImportSet, _) => self.own_staging(target, &columns, record),
            (WriteMode::Table, Some(shipped)) => self.shipped_table(target, &columns, shipped),
            (WriteMode::Table, None) => self.own_table(target, &columns, record),
        };
        self.need(&names.table, rights::written(target.write));
        if let Some(behind) = &names.target_table {
            self.need(behind, rights::BEHIND);
        }
        self.blocks.push(BlockNames { entity: plan.entity.to_string(), block: target.block.clone(), ..names });
        Ok(())
    }

    /// A staging table, a table for the records and a map of the application's own.
    fn own_staging(&mut self, target: &TargetPlan, columns: &BlockColumns<'_>, record: &str) -> BlockNames {
        let (source, keeps) = (self.names.staging(record), self.names.target(record));
        let mut staging = own(source.clone(), format!("Tieline {} import", label(record).to_lowercase_first()), TableKind::Staging);
        let mut kept = own(keeps.clone(), format!("Tieline {}", label(record).to_lowercase_first()), TableKind::Target);
        let mut fields = Vec::new();
        for column in self.columns(target, columns) {
            let staged = ColumnKind::text_of(column.extent);
            let kind = ColumnKind::of(column.extent);
            fields.push(FieldMap {
                column: column.name.to_owned(),
                coalesce: column.purpose == ColumnPurpose::Key,
                date: kind == ColumnKind::Date,
            });
            staging.columns.push(self.column(&column, column.name.to_owned(), staged));
            kept.columns.push(self.column(&column, column.name.to_owned(), kind));
        }
        staging.indexes.push(Index { column: columns.key.to_owned(), unique: false });
        kept.indexes = record_indexes(columns, columns.key);
        self.application.tables.extend([staging, kept]);
        self.application.maps.push(TransformMap {
            name: format!("Tieline {}", label(record).to_lowercase_first()),
            source: source.clone(),
            target: keeps.clone(),
            fields,
        });
        block_names(source, Some(keeps), BTreeMap::new(), true)
    }

    /// A table of the application's own that is written through the Table API.
    fn own_table(&mut self, target: &TargetPlan, columns: &BlockColumns<'_>, record: &str) -> BlockNames {
        let name = self.names.target(record);
        let mut table = own(name.clone(), format!("Tieline {}", label(record).to_lowercase_first()), TableKind::Target);
        for column in self.columns(target, columns) {
            table.columns.push(self.column(&column, column.name.to_owned(), ColumnKind::of(column.extent)));
        }
        table.indexes = record_indexes(columns, columns.key);
        self.application.tables.push(table);
        block_names(name, None, BTreeMap::new(), false)
    }

    /// Columns in a table of ServiceNow that is written through the Table API.
    fn shipped_table(&mut self, target: &TargetPlan, columns: &BlockColumns<'_>, shipped: &'static Shipped) -> BlockNames {
        let lacking = self.columns(target, columns).into_iter().filter(|column| column.is_lacking(shipped)).collect();
        let renamed = self.add(shipped.name, TableKind::Shipped(shipped), lacking, &ColumnKind::of);
        block_names(target.table.clone(), None, renamed, false)
    }

    /// Columns in a staging table of ServiceNow and in the table behind it, and what changes in the shipped map.
    fn shipped_staging(&mut self, target: &TargetPlan, columns: &BlockColumns<'_>, shipped: &'static Shipped) -> BlockNames {
        let lacking: Vec<_> = self.columns(target, columns).into_iter().filter(|column| column.is_lacking(shipped)).collect();
        let renamed = self.add(shipped.name, TableKind::Shipped(shipped), lacking.clone(), &ColumnKind::text_of);
        // the shipped map fills the columns of the shipped staging table; only what is added to it needs a column behind it
        let behind = Shipped::find(&target.target_table);
        let added = lacking.iter().filter(|column| behind.is_none_or(|behind| column.is_lacking(behind))).copied().collect();
        self.add(&target.target_table, behind.map_or(TableKind::Site, TableKind::Shipped), added, &ColumnKind::of);
        let key = renamed.get(columns.key).map_or(columns.key, String::as_str);
        let fields = lacking.iter().map(|column| {
            let name = renamed.get(column.name).map_or(column.name, String::as_str);
            FieldMap { column: name.to_owned(), coalesce: name == key, date: ColumnKind::of(column.extent) == ColumnKind::Date }
        });
        self.application.map_changes.push(MapChange {
            map: shipped.map.unwrap_or_default(),
            source: target.table.clone(),
            target: target.target_table.clone(),
            fields: fields.collect(),
        });
        block_names(target.table.clone(), Some(target.target_table.clone()), renamed, false)
    }

    /// Adds columns to a table that the instance has. Returns their new names.
    fn add(
        &mut self,
        table: &str,
        kind: TableKind,
        lacking: Vec<FieldColumn<'_>>,
        column_kind: &dyn Fn(Extent) -> ColumnKind,
    ) -> BTreeMap<String, String> {
        let is_staging = matches!(kind, TableKind::Shipped(shipped) if shipped.map.is_some());
        let mut renamed = BTreeMap::new();
        for column in lacking {
            let name = self.names.added(column.name);
            if name != column.name {
                renamed.insert(column.name.to_owned(), name.clone());
            }
            let is_key = column.purpose == ColumnPurpose::Key;
            // people may not change what Tieline finds a record by
            if column.purpose != ColumnPurpose::Field && !is_staging {
                self.protect(table, &name);
            }
            let added = Column { unique: is_key && !is_staging, ..self.column(&column, name, column_kind(column.extent)) };
            let table = self.existing(table, kind);
            if table.column(&added.name).is_none() {
                if is_key {
                    table.indexes.push(Index { column: added.name.clone(), unique: !is_staging });
                }
                table.columns.push(added);
            }
        }
        renamed
    }

    /// The entry of a table that the instance has.
    fn existing(&mut self, name: &str, kind: TableKind) -> &mut Table {
        let tables = &mut self.application.tables;
        let at = tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            tables.push(own(name.to_owned(), String::new(), kind));
            tables.len() - 1
        });
        &mut tables[at]
    }

    fn column(&self, column: &FieldColumn<'_>, name: String, kind: ColumnKind) -> Column {
        Column { name, label: self.names.label(column.name), kind, unique: false, purpose: column.purpose }
    }

    /// Tieline does this with the rows of a table. Those of the application's own tables are reached by its access rules alone.
    fn need(&mut self, table: &str, operations: &[Operation]) {
        let rights = &mut self.application.rights;
        match rights.iter_mut().find(|rights| rights.table == table) {
            Some(rights) => rights.operations.extend(operations),
            None => rights.push(TableRights { table: table.to_owned(), operations: operations.iter().copied().collect() }),
        }
        match self.application.table(table).map(|table| table.kind) {
            Some(TableKind::Staging) => self.allow(table, operations, &[INTEGRATION]),
            Some(TableKind::Target) => {
                self.allow(table, operations, &[INTEGRATION]);
                self.allow(table, &[Operation::Read], &[VIEWER]);
            }
            Some(TableKind::Shipped(_) | TableKind::Site) | None => {}
        }
    }

    /// Key, version and fields of a block, in this order.
    fn columns<'b>(&self, target: &TargetPlan, columns: &BlockColumns<'b>) -> Vec<FieldColumn<'b>> {
        let key = FieldColumn { name: columns.key, extent: TargetPlan::key_extent(), purpose: ColumnPurpose::Key };
        let version =
            columns.version.map(|name| FieldColumn { name, extent: TargetPlan::version_extent(), purpose: ColumnPurpose::Version });
        let fields = columns.fields.iter().map(|field| FieldColumn {
            name: &field.name,
            extent: target.extent(field, self.code_lists),
            purpose: ColumnPurpose::Field,
        });
        std::iter::once(key).chain(version).chain(fields).collect()
    }

    fn allow(&mut self, table: &str, operations: &[Operation], roles: &[&'static str]) {
        let rules = operations.iter().map(|operation| AccessRule {
            table: table.to_owned(),
            column: None,
            operation: *operation,
            roles: roles.to_vec(),
        });
        for rule in rules {
            let same =
                |other: &&mut AccessRule| other.table == rule.table && other.column == rule.column && other.operation == rule.operation;
            match self.application.rules.iter_mut().find(same) {
                Some(other) => {
                    let new: Vec<_> = rule.roles.into_iter().filter(|role| !other.roles.contains(role)).collect();
                    other.roles.extend(new);
                }
                None => self.application.rules.push(rule),
            }
        }
    }

    fn protect(&mut self, table: &str, column: &str) {
        let known = |rule: &AccessRule| rule.table == table && rule.column.as_deref() == Some(column);
        if !self.application.rules.iter().any(known) {
            self.application.rules.push(AccessRule {
                table: table.to_owned(),
                column: Some(column.to_owned()),
                operation: Operation::Write,
                roles: vec![INTEGRATION],
            });
        }
    }

    fn finish(mut self) -> Composed {
        let mut contains = vec!["import_transformer"];
        if !self.application.map_changes.is_empty() {
            contains.push("sn_fcms_intg.integration_user");
        }
        self.application.roles = vec![
            Role { name: INTEGRATION, description: "For the user of the OAuth application that Tieline signs in with", contains },
            Role { name: VIEWER, description: "Reads the records that Tieline delivers", contains: Vec::new() },
        ];
        Composed { application: self.application, blocks: self.blocks }
    }
}

/// A column of a block, before the table is known.
#[derive(Clone, Copy)]
struct FieldColumn<'a> {
    name: &'a str,
    extent: Extent,
    purpose: ColumnPurpose,
}

impl FieldColumn<'_> {
    fn is_lacking(&self, shipped: &Shipped) -> bool {
        self.purpose != ColumnPurpose::Field || shipped.lacks(self.name)
    }
}

/// The indexes of a table that keeps records: its key is unique, and the keys of other records are searched.
fn record_indexes(columns: &BlockColumns<'_>, key: &str) -> Vec<Index> {
    let refers = |field: &&&FieldPlan| matches!(field.source, FieldSource::Reference { write: ReferenceForm::SourceKey, .. });
    let others = columns.fields.iter().filter(refers).map(|field| Index { column: field.name.clone(), unique: false });
    std::iter::once(Index { column: key.to_owned(), unique: true }).chain(others).collect()
}

fn own(name: String, label: String, kind: TableKind) -> Table {
    Table { name, label, kind, columns: Vec::new(), indexes: Vec::new() }
}

fn block_names(table: String, target_table: Option<String>, columns: BTreeMap<String, String>, has_own_map: bool) -> BlockNames {
    BlockNames { entity: String::new(), block: String::new(), table, target_table, columns, has_own_map }
}

/// A label within a sentence.
trait WithinSentence {
    fn to_lowercase_first(&self) -> String;
}

impl WithinSentence for String {
    fn to_lowercase_first(&self) -> String {
        // `GL posting` stays as it is
        let second_is_upper = self.chars().nth(1).is_some_and(char::is_uppercase);
        let mut letters = self.chars();
        match letters.next() {
            Some(first) if !second_is_upper => first.to_lowercase().chain(letters).collect(),
            _ => self.clone(),
        }
    }
}
