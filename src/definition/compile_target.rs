//! `config/profiles/<profile>/<entity>.toml` to `TargetPlan`s.

use std::collections::BTreeMap;

use crate::domain::EntityName;

use super::compile_align;
use super::compile_condition::conditions;
use super::compile_gone;
use super::compile_number::OWN_CURRENCY;
use super::compile_watch;
use super::form;
use super::parse::Text;
use super::plan::{
    Case, ClearWith, ColumnKind, Condition, FieldPlan, FieldSource, GoneCase, IfMissing, KeyPart, Limit, PartialWrite, Place, ReadPlan,
    ReferenceForm, TargetPlan, Transform, WriteMode,
};
use super::problem::{Report, list, unknown_column};
use super::record::SUFFIX;
use super::shape::{BlockShape, ClearWord, FieldShape, FieldTable, FormWord, MissingWord, PartialWord, ProfileFile, WriteWord};
use super::transform::{self, Form};

/// What the files besides this one say.
pub(super) struct World<'a> {
    /// Every entity that has a definition: its key, or `None` when that could not be read.
    pub(super) keys: &'a BTreeMap<String, Option<Vec<String>>>,
    /// Entities whose records are parts of a column: which part.
    pub(super) parts: &'a BTreeMap<String, KeyPart>,
    /// The code lists.
    pub(super) code_lists: &'a [String],
}

/// The column that carries the version unless the profile names another.
const VERSION_COLUMN: &str = "u_source_version";

/// Compiles where an entity goes. `read` is `None` when the entity's own file is broken: then columns are not checked.
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
        {
            let text = "with `write = \"none\"` nothing but `gone` may stand in the block: the root row is not delivered";
            report.add(header.line, "header", text);
        }
        cases = compile_gone::gone_cases(header, "header", None, read, report);
    } else {
        targets.push(Block { name: header_name, shape: header, child: None, header: None, read, world }.compile(report));
    }
    // Where the entity's file is broken, every other block is taken for its first child, so that its shape is checked all the same.
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

/// Where an entity goes.
#[derive(Default)]
pub(super) struct Targets {
    /// `Plan::targets`.
    pub(super) targets: Vec<TargetPlan>,
    /// `Plan::gone_cases`.
    pub(super) gone_cases: Vec<GoneCase>,
}

pub(super) struct Block<'a> {
    name: &'a Text,
    shape: &'a BlockShape,
    pub(super) child: Option<usize>,
    /// The header's block, for a child's.
    header: Option<&'a BlockShape>,
    pub(super) read: Option<&'a ReadPlan>,
    world: &'a World<'a>,
}

impl Block<'_> {
    fn key(&self, rest: &str) -> String {
        format!("{}.{rest}", self.name.value)
    }

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
                    "is the key or version column, which Tieline fills by itself",
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
        TargetPlan {
            align,
            watch,
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

    /// Whether it refers to records that are no part of any column here: then there is nothing to write.
    fn is_left_out(&self, field: &FieldShape) -> bool {
        let FieldShape::Table(table) = field else { return false };
        let to = table.reference.as_ref().filter(|_| table.derived.as_ref().is_some_and(|flag| flag.value));
        to.is_some_and(|entity| self.world.keys.contains_key(&entity.value) && !self.world.parts.contains_key(&entity.value))
    }

    fn check_name(&self, name: &Text, key: &str, report: &mut Report<'_>) {
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

    /// The table and columns of the row that makes one record.
    fn own_row(&self) -> (&str, Vec<String>) {
        match (self.read, self.child) {
            (Some(read), Some(child)) => read.children.get(child).map_or(("", Vec::new()), |child| (&child.table.table, child.columns())),
            (Some(read), None) => (&read.root.table, read.columns.clone()),
            (None, _) => ("", Vec::new()),
        }
    }

    /// Where a column of that name stands: in the child's row first, then in the root row.
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

    fn source(&self, name: &Text, field: &FieldShape, report: &mut Report<'_>) -> (FieldSource, Option<Limit>) {
        let key = self.key(&format!("fields.{}", name.value));
        let table = match field {
            FieldShape::Column(column) => {
                return (FieldSource::Column { at: self.place(column, &key, report), transform: Transform::Text }, None);
            }
            FieldShape::Table(table) => table,
        };
        if let Some(when) = &table.when {
            let line = when.0.first().map_or(table.line, |(name, _)| name.line);
            report.add(line, format!("{key}.if"), "stands within `first` only: `first = [{ if = { … }, … }, { … }]`");
        }
        let source = self.table_source(&key, table, report);
        let limit = match (&table.truncate, &table.identifier) {
            (Some(_), Some(other)) => {
                report.add(other.line, key, "takes one of `truncate` and `identifier`");
                None
            }
            (Some(limit), None) => {
                if limit.line > 0 && limit.value == 0 {
                    report.add(limit.line, format!("{key}.truncate"), "must be at least 1, got `0`");
                }
                let named = self.shape.natural_key.iter().flat_map(|names| names.iter()).any(|natural| natural.value == name.value);
                if named || self.identifies(&source) {
                    let text =
                        format!("would cut what others refer to: two long ones would become one; use `identifier = {}`", limit.value);
                    report.add(limit.line, format!("{key}.truncate"), text);
                }
                Some(Limit::Cut(limit.value as usize))
            }
            (None, Some(limit)) => {
                if limit.line > 0 && (limit.value as usize) < 2 * SUFFIX {
                    let text = format!("must be at least {}: {SUFFIX} characters tell long ones apart, got `{}`", 2 * SUFFIX, limit.value);
                    report.add(limit.line, format!("{key}.identifier"), text);
                }
                Some(Limit::Identifier(limit.value as usize))
            }
            (None, None) => None,
        };
        (source, limit)
    }

    /// Whether a field tells records apart: it is made from a column of a key, or refers to another record.
    fn identifies(&self, source: &FieldSource) -> bool {
        let Some(read) = self.read else { return false };
        let own = self.child.and_then(|child| read.children.get(child));
        let of_key = |place: &Place| match place {
            Place::Root(at) => read.root.key_at.contains(at),
            Place::Child(at) => own.is_some_and(|child| child.table.key_at.contains(at)),
            Place::Company | Place::Currency => false,
        };
        match source {
            // what stands in rows of another table most likely names other records
            FieldSource::Reference { .. } | FieldSource::Header | FieldSource::Company | FieldSource::Distinct(_) => true,
            FieldSource::Column { at, .. } => of_key(at),
            FieldSource::Concat { parts, .. } => parts.iter().any(of_key),
            FieldSource::First(cases) => cases.iter().any(|case| self.identifies(&case.source)),
            FieldSource::Constant(_) | FieldSource::Count { .. } | FieldSource::Number(_) | FieldSource::CurrencyCode(_) => false,
        }
    }

    fn table_source(&self, key: &str, table: &FieldTable, report: &mut Report<'_>) -> FieldSource {
        let nothing = || FieldSource::Constant(String::new());
        if table.line == 0 {
            return nothing();
        }
        let sources = [
            ("from", table.from.is_some()),
            ("constant", table.constant.is_some()),
            ("company", table.company.is_some()),
            ("concat", table.concat.is_some()),
            ("header", table.header.is_some()),
            ("count", table.count.is_some()),
            ("sum", table.sum.is_some()),
            ("currency_of", table.currency_of.is_some()),
            ("list", table.list.is_some()),
            ("only", table.only.is_some()),
            ("first", table.first.is_some()),
        ];
        let found: Vec<&str> = sources.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        let [source] = found[..] else {
            let allowed = list(sources.iter().map(|(name, _)| name));
            report.add(table.line, key, format!("needs exactly one of {allowed}, got {}", list(&found)));
            return nothing();
        };
        self.refuse_stray(source, key, table, report);
        if let Some(cases) = &table.first {
            return self.first(key, table, cases, report);
        }
        if let Some(amount) = &table.currency_of {
            return self.currency_code(key, amount, report);
        }
        if let Some(names) = table.list.as_ref().or(table.only.as_ref()) {
            return self.distinct(&format!("{key}.{source}"), names.names(), table, report);
        }
        match (&table.from, &table.constant, &table.concat, &table.count, &table.sum) {
            (Some(from), ..) => match &table.reference {
                Some(entity) => self.reference(key, entity, from.names(), table, report),
                None => self.column(key, from.names(), table, report),
            },
            (_, Some(text), ..) => FieldSource::Constant(text.value.clone()),
            (_, _, Some(parts), ..) => FieldSource::Concat {
                parts: parts.iter().map(|part| self.place(part, &format!("{key}.concat"), report)).collect(),
                separator: table.separator.as_ref().map_or_else(|| " ".to_owned(), |text| text.value.clone()),
            },
            (_, _, _, Some(child), _) => {
                FieldSource::Count { child: self.child_named(child, child, &format!("{key}.count"), report).unwrap_or_default() }
            }
            (_, _, _, _, Some(sum)) => self.sum(key, sum, table, report),
            _ if source == "header" => {
                let header_is_table = self.header.is_some_and(|header| matches!(header.write, WriteWord::Table | WriteWord::Unread));
                if !header_is_table {
                    let line = table.header.as_ref().map_or(table.line, |flag| flag.line);
                    report.add(line, format!("{key}.header"), "is only for a child's block under a `[header]` with `write = \"table\"`");
                }
                FieldSource::Header
            }
            _ => FieldSource::Company,
        }
    }

    /// Reports keys that mean nothing beside the source.
    fn refuse_stray(&self, source: &str, key: &str, table: &FieldTable, report: &mut Report<'_>) {
        let reference = table.reference.is_some();
        let number = source == "sum"
            || table
                .transform
                .as_ref()
                .is_some_and(|text| text.line == 0 || matches!(transform::parse(text), Ok(Form::Number(_)) | Err(_)));
        let of_number = [
            ("currency", table.currency.as_ref().map(|text| text.line)),
            ("foreign", table.foreign.as_ref().map(|text| text.line)),
            ("convert", table.convert.as_ref().map(|shape| shape.line)),
            ("less_percent", table.less_percent.as_ref().map(|names| names.line)),
            ("less_value", table.less_value.as_ref().map(|shape| shape.line)),
            ("times", table.times.as_ref().map(|text| text.line)),
            ("with_currency", table.with_currency.as_ref().map(|flag| flag.line)),
        ];
        for (name, line) in of_number {
            if let Some(line) = line.filter(|line| *line > 0 && !number) {
                report.add(line, format!("{key}.{name}"), "is only for numbers: `as = \"amount\"`, `as = \"decimal(n)\"` or `sum`");
            }
        }
        if let Some(name) = table.foreign.as_ref().filter(|_| source == "sum") {
            report.add(name.line, format!("{key}.foreign"), "means nothing beside `sum`");
        }
        let checks = [
            ("as", &table.transform, (source == "from" && !reference) || source == "sum"),
            ("lookup", &table.code_list, source == "from" && !reference),
            ("reference", &table.reference, source == "from"),
            ("otherwise", &table.otherwise, table.choose.is_some()),
            ("separator", &table.separator, source == "concat" || source == "list"),
        ];
        for (name, text, fits) in checks {
            if let Some(text) = text
                && !fits
            {
                report.add(
                    text.line,
                    format!("{key}.{name}"),
                    format!("means nothing beside `{}`", if reference { "reference" } else { source }),
                );
            }
        }
        if !reference && (table.write.is_some() || table.if_missing.is_some() || table.derived.is_some()) {
            report.add(table.line, key, "`write`, `if_missing` and `derived` need a `reference`");
        }
        for (name, flag) in
            [("company", &table.company), ("header", &table.header), ("with_currency", &table.with_currency), ("derived", &table.derived)]
        {
            if let Some(flag) = flag
                && flag.line > 0
                && !flag.value
            {
                report.add(flag.line, format!("{key}.{name}"), "must be `true`, or left out");
            }
        }
    }

    fn column(&self, key: &str, from: &[Text], table: &FieldTable, report: &mut Report<'_>) -> FieldSource {
        let [column] = from else {
            report.add(table.line, format!("{key}.from"), "several columns need `reference`; `concat` joins columns");
            return FieldSource::Constant(String::new());
        };
        let at = self.place(column, &format!("{key}.from"), report);
        if [table.transform.is_some(), table.code_list.is_some(), table.choose.is_some()].iter().filter(|there| **there).count() > 1 {
            report.add(table.line, key, "takes one of `as`, `lookup` and `choose`");
        }
        let transform = match (&table.transform, &table.code_list, &table.choose) {
            (Some(text), _, _) if text.line == 0 => Transform::Text,
            (Some(text), _, _) => match transform::parse(text) {
                Ok(Form::Text(transform)) => transform,
                Ok(Form::Number(decimals)) => return self.number(key, at, decimals, table, report),
                Err(problem) => {
                    report.add(text.line, format!("{key}.as"), problem);
                    Transform::Text
                }
            },
            (_, Some(code_list), _) => {
                if code_list.line > 0 && !self.world.code_lists.contains(&code_list.value) {
                    let text = format!("there is no code list `{}`; there are {}", code_list.value, list(self.world.code_lists));
                    report.add(code_list.line, format!("{key}.lookup"), text);
                }
                Transform::CodeList(code_list.value.clone())
            }
            (_, _, Some(cases)) => Transform::Choose {
                cases: cases.0.iter().map(|(code, word)| (code.value.clone(), word.value.clone())).collect(),
                otherwise: table.otherwise.as_ref().map(|text| text.value.clone()),
            },
            _ => Transform::Text,
        };
        if let Some(text) = &table.transform {
            let problem = match (self.kind(at), &transform) {
                (Some(ColumnKind::AsReceived | ColumnKind::Number), Transform::Date) => {
                    Some(format!("`{}` is a date only when `dates` of the entity's file names it", column.value))
                }
                (Some(ColumnKind::Date), Transform::Flag | Transform::StripLeadingZeros) => {
                    Some(format!("`{}` holds dates, as `dates` of the entity's file says; `as = \"date\"` is for them", column.value))
                }
                _ => None,
            };
            if let Some(problem) = problem {
                report.add(text.line, format!("{key}.as"), problem);
            }
        }
        FieldSource::Column { at, transform }
    }

    /// What a column holds; `None` for the company's id.
    pub(super) fn kind(&self, at: Place) -> Option<ColumnKind> {
        match at {
            Place::Root(at) => self.read?.kinds().nth(at),
            Place::Child(at) => self.read?.children.get(self.child?)?.kinds().nth(at),
            Place::Company | Place::Currency => None,
        }
    }

    /// Several forms: the first whose conditions hold.
    fn first(&self, key: &str, table: &FieldTable, cases: &[FieldTable], report: &mut Report<'_>) -> FieldSource {
        if cases.is_empty() {
            report.add(table.line, format!("{key}.first"), "must hold at least one form");
        }
        let mut compiled = Vec::new();
        for (i, case) in cases.iter().enumerate().filter(|(_, case)| case.line > 0) {
            let key = format!("{key}.first.{}", i + 1);
            let last = i + 1 == cases.len();
            match &case.when {
                Some(_) if last => report.add(case.line, key.clone(), "the last form has no `if`: it holds when no other does"),
                None if !last => report.add(case.line, key.clone(), "needs an `if`: the forms after one without it would never hold"),
                Some(when) if when.0.is_empty() => report.add(case.line, key.clone(), "`if` must name at least one column"),
                _ => {}
            }
            if case.first.is_some() || case.reference.is_some() || case.header.is_some() {
                report.add(case.line, key.clone(), "`first`, `reference` and `header` cannot stand within `first`");
                continue;
            }
            if case.truncate.is_some() || case.identifier.is_some() {
                report.add(case.line, key.clone(), "`truncate` and `identifier` stand beside `first`, not within it");
            }
            let when = case.when.iter().flat_map(|table| &table.0);
            let when = when.map(|(column, texts)| {
                let texts = texts.names().iter().map(|text| text.value.trim().to_owned()).collect();
                (self.place(column, &format!("{key}.if"), report), texts)
            });
            compiled.push(Case { when: when.collect(), source: self.table_source(&key, case, report) });
        }
        FieldSource::First(compiled)
    }

    fn reference(&self, key: &str, entity: &Text, from: &[Text], table: &FieldTable, report: &mut Report<'_>) -> FieldSource {
        match self.world.keys.get(&entity.value) {
            Some(Some(wanted)) if wanted.len() != from.len() => {
                let line = from.first().map_or(table.line, |name| name.line);
                let names = list(from.iter().map(|name| &name.value));
                let text = format!("the key of `{}` has {} parts ({}), got {names}", entity.value, wanted.len(), list(wanted));
                report.add(line, format!("{key}.from"), text);
            }
            None if entity.line > 0 => {
                let text = format!("there is no entity `{}`; there are {}", entity.value, list(self.world.keys.keys()));
                report.add(entity.line, format!("{key}.reference"), text);
            }
            _ => {}
        }
        FieldSource::Reference {
            entity: EntityName::new(&entity.value),
            key: from.iter().map(|name| self.place(name, &format!("{key}.from"), report)).collect(),
            write: match table.write {
                Some(FormWord::SourceKey) => ReferenceForm::SourceKey,
                Some(FormWord::SysId) => ReferenceForm::SysId,
                Some(FormWord::Key | FormWord::Unread) | None => ReferenceForm::Key,
            },
            part: table.derived.as_ref().and_then(|_| self.world.parts.get(&entity.value).cloned()),
            if_missing: if table.if_missing == Some(MissingWord::Send) { IfMissing::Send } else { IfMissing::Wait },
        }
    }

    /// The offset of a child.
    fn child_named(&self, name: &str, at: &Text, key: &str, report: &mut Report<'_>) -> Option<usize> {
        let read = self.read?;
        let found = read.children.iter().position(|child| child.name == name);
        if found.is_none() && at.line > 0 {
            let text = format!("the entity has no child `{name}`; there are {}", list(read.children.iter().map(|child| &child.name)));
            report.add(at.line, key, text);
        }
        found
    }
}
