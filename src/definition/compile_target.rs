//! Compiles `config/profiles/<profile>/<entity>.toml` to `TargetPlan`s.

use super::block::{Block, World};
use super::compile_align;
use super::compile_condition::conditions;
use super::compile_gone;
use super::compile_number::OWN_CURRENCY;
use super::compile_tie_out;
use super::compile_watch;
use super::form;
use super::parse::Text;
use super::plan::{ClearWith, Condition, FieldPlan, GoneCase, PartialWrite, Place, ReadPlan, TargetPlan, WriteMode};
use super::problem::{Report, list, unknown_column};
use super::shape::{BlockShape, ClearWord, FieldShape, PartialWord, ProfileFile, WriteWord};

/// The version column, unless the profile names another.
const VERSION_COLUMN: &str = "u_source_version";

/// Compiles the targets of an entity. `read` is `None` when the entity's own file is invalid: then columns are not checked.
pub(super) fn target_plans(file: &ProfileFile, read: Option<&ReadPlan>, world: &World<'_>, report: &mut Report<'_>) -> Targets {
    let blocks = &file.0.0;
    let child_names: Vec<&str> = read.iter().flat_map(|read| &read.children).map(|child| child.name.as_str()).collect();
    for (name, _) in blocks {
        if read.is_some() && name.as_str() != "header" && !child_names.contains(&name.as_str()) {
            let allowed = list(std::iter::once("header").chain(child_names.iter().copied()));
            report.add(name.line, name.value.clone(), format!("the entity has no child `{}`; blocks are {allowed}", name.value));
        }
    }
    let Some((header_name, header)) = blocks.iter().find(|(name, _)| name.as_str() == "header") else {
        report.add(0, "header", "the block `[header]` is missing; `write = \"none\"` in it delivers the children alone");
        return Targets::default();
    };
    let (mut targets, mut cases) = (Vec::new(), Vec::new());
    if header.write == WriteWord::None {
        let BlockShape {
            line: _,
            table,
            write: _,
            target_table,
            key_column,
            version_column,
            natural_key,
            partial_write,
            clear_with,
            only_if,
            fields,
            gone: _,
            align,
            watch,
            tie_out,
        } = header;
        let names = [table, target_table, key_column, version_column].into_iter().any(Option::is_some);
        if names
            || natural_key.is_some()
            || partial_write.is_some()
            || clear_with.is_some()
            || only_if.is_some()
            || fields.is_some()
            || align.is_some()
            || watch.is_some()
            || tie_out.is_some()
        {
            let text = "with `write = \"none\"` only `gone` is allowed in the block: the root row is not delivered";
            report.add(header.line, "header", text);
        }
        cases = compile_gone::gone_cases(header, "header", None, read, report);
    } else {
        targets.push(Block { name: header_name, shape: header, child: None, header: None, read, world }.compile(report));
    }
    // If the entity's file is invalid, every other block is treated as its first child, so that its shape is checked anyway.
    for (name, block) in blocks.iter().filter(|(name, _)| name.as_str() != "header") {
        let child = child_names.iter().position(|child| *child == name.as_str());
        if child.is_none() && read.is_some() {
            continue;
        }
        if block.write == WriteWord::None {
            report.add(block.line, format!("{}.write", name.value), "`none` is for `[header]`; a child without a block is not delivered");
        }
        let block = Block { name, shape: block, child: Some(child.unwrap_or(0)), header: Some(header), read, world };
        targets.push(block.compile(report));
    }
    if targets.is_empty() && header.write == WriteWord::None {
        report.add(header.line, "header.write", "`none`, and there is no other block: nothing would be delivered");
    }
    targets.sort_by_key(|target| target.child);
    Targets { targets, gone_cases: cases }
}

/// The targets of an entity.
#[derive(Default)]
pub(super) struct Targets {
    /// `Plan::targets`.
    pub(super) targets: Vec<TargetPlan>,
    /// `Plan::gone_cases`.
    pub(super) gone_cases: Vec<GoneCase>,
}

impl Block<'_> {
    fn compile(&self, report: &mut Report<'_>) -> TargetPlan {
        let shape = self.shape;
        let table = shape.table.as_ref().map(|name| name.value.clone()).unwrap_or_default();
        if shape.table.is_none() && shape.write != WriteWord::None {
            report.add(shape.line, self.name.value.clone(), "the key `table` is missing");
        }
        for (key, name) in [("table", &shape.table), ("target_table", &shape.target_table), ("key_column", &shape.key_column)] {
            if let Some(name) = name {
                self.check_name(name, key, report);
            }
        }
        let key_column = shape.key_column.as_ref().map(|name| name.value.clone());
        let version_column = match &shape.version_column {
            Some(name) if name.is_empty() => None,
            Some(name) => {
                self.check_name(name, "version_column", report);
                if key_column.is_none() {
                    report.add(name.line, self.key("version_column"), "a version column needs a `key_column`");
                }
                Some(name.value.clone())
            }
            None => key_column.as_ref().map(|_| VERSION_COLUMN.to_owned()),
        };
        let mut fields = Vec::new();
        for (name, field) in shape.fields.iter().flat_map(|table| &table.0) {
            self.check_name(name, "fields", report);
            if self.is_left_out(field) {
                continue;
            }
            if Some(&name.value) == key_column.as_ref() || Some(&name.value) == version_column.as_ref() {
                report.add(
                    name.line,
                    self.key(&format!("fields.{}", name.value)),
                    "is the key or version column, which Tieline fills automatically",
                );
            }
            let (source, limit) = self.source(name, field, report);
            let column = |at| self.read.map(|read| form::of_column(read, self.child, at)).unwrap_or_default();
            let form = form::form(&source, &column);
            fields.push(FieldPlan { name: name.value.clone(), source, limit, form });
        }
        if fields.is_empty() && shape.write != WriteWord::None {
            report.add(shape.line, self.key("fields"), "there is no field");
        }
        for name in shape.natural_key.iter().flat_map(|names| names.iter()) {
            if shape.write == WriteWord::ImportSet {
                report.add(
                    name.line,
                    self.key("natural_key"),
                    "is only for `write = \"table\"`; an import set coalesces by its transform map",
                );
            }
            if !fields.iter().any(|field| field.name == name.value) {
                let allowed = list(fields.iter().map(|field| &field.name));
                report.add(name.line, self.key("natural_key"), format!("`{}` is not among the fields, which are {allowed}", name.value));
            }
        }
        if shape.clear_with.is_some() && shape.write == WriteWord::Table {
            let text = "is only for `write = \"import_set\"`: an empty text clears a column of the Table API";
            report.add(shape.line, self.key("clear_with"), text);
        }
        let align = shape
            .align
            .as_ref()
            .map(|align| compile_align::align_plan(self.shape, align, self.child, self.read, &fields, &self.name.value, report));
        for (key, name) in shape.watch.iter().flat_map(|watch| [("watch.column", &watch.column), ("watch.message", &watch.message)]) {
            if let Some(name) = name {
                self.check_name(name, key, report);
            }
        }
        let watch = shape.watch.as_ref().map(|watch| compile_watch::watch_plan(shape, watch, &table, &self.name.value, report));
        let tie_out =
            shape.tie_out.as_ref().map(|tie_out| compile_tie_out::tie_out_plan(self, tie_out, &fields, report)).unwrap_or_default();
        TargetPlan {
            align,
            watch,
            tie_out,
            block: self.name.value.clone(),
            target_table: shape.target_table.as_ref().map_or_else(|| table.clone(), |name| name.value.clone()),
            table,
            write: if shape.write == WriteWord::Table { WriteMode::Table } else { WriteMode::ImportSet },
            key_column,
            version_column,
            natural_key: shape.natural_key.iter().flat_map(|names| names.iter()).map(|name| name.value.clone()).collect(),
            fields,
            child: self.child,
            on_gone: compile_gone::gone_cases(shape, &self.name.value, self.header, self.read, report),
            only_if: self.only_if(report),
            partial_write: match shape.partial_write {
                Some(PartialWord::Record) => PartialWrite::Record,
                Some(PartialWord::Stop) => PartialWrite::Stop,
                Some(PartialWord::Fail | PartialWord::Unread) | None => PartialWrite::Fail,
            },
            clear_with: if shape.clear_with == Some(ClearWord::Empty) { ClearWith::Empty } else { ClearWith::Null },
        }
    }

    /// Whether it refers to records that are not parts of any column here: then there is nothing to write.
    fn is_left_out(&self, field: &FieldShape) -> bool {
        let FieldShape::Table(table) = field else { return false };
        let to = table.reference.as_ref().filter(|_| table.derived.as_ref().is_some_and(|flag| flag.value));
        to.is_some_and(|entity| self.world.keys.contains_key(&entity.value) && !self.world.parts.contains_key(&entity.value))
    }

    pub(super) fn check_name(&self, name: &Text, key: &str, report: &mut Report<'_>) {
        let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if name.line > 0 && !fits {
            let text = format!("`{}` cannot be a name in ServiceNow: small letters, digits and `_` only", name.value);
            report.add(name.line, self.key(key), text);
        }
    }

    fn only_if(&self, report: &mut Report<'_>) -> Vec<Condition> {
        let (table, columns) = self.own_row();
        let row = self.read.map(|_| (table, &columns[..]));
        conditions(self.shape.only_if.as_deref(), &self.key("only_if"), row, report)
    }

    /// The table and columns of the row from which one record is made.
    fn own_row(&self) -> (&str, Vec<String>) {
        match (self.read, self.child) {
            (Some(read), Some(child)) => read.children.get(child).map_or(("", Vec::new()), |child| (&child.table.table, child.columns())),
            (Some(read), None) => (&read.root.table, read.columns.clone()),
            (None, _) => ("", Vec::new()),
        }
    }

    /// The place of a column with that name: in the child's row first, then in the root row.
    pub(super) fn place(&self, name: &Text, key: &str, report: &mut Report<'_>) -> Place {
        match name.as_str() {
            "@company" => return Place::Company,
            OWN_CURRENCY => return Place::Currency,
            _ => {}
        }
        let (Some(read), true) = (self.read, name.line > 0) else { return Place::Company };
        let in_root = |name: &str| read.columns.iter().position(|column| column == name).map(Place::Root);
        let found = match name.strip_prefix("root.") {
            Some(name) => in_root(name),
            None => {
                let (_, own) = self.own_row();
                let in_child = self.child.and_then(|_| own.iter().position(|column| *column == name.value).map(Place::Child));
                in_child.or_else(|| in_root(name))
            }
        };
        found.unwrap_or_else(|| {
            let (table, mut columns) = self.own_row();
            let mut text = unknown_column(name, table, &columns);
            if self.child.is_some() {
                columns = read.columns.iter().map(|column| format!("root.{column}")).collect();
                text.push_str(&format!(", and its root row with {}", list(&columns)));
            }
            report.add(name.line, key, text);
            Place::Company
        })
    }
}
