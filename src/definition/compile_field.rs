//! Compiles a field of a block of `config/profiles/<profile>/<entity>.toml` to the source of its value.

use crate::domain::EntityName;

use super::block::Block;
use super::parse::Text;
use super::plan::{Case, ColumnKind, FieldSource, IfMissing, Limit, Place, ReferenceForm, Transform};
use super::problem::{Report, list};
use super::record::SUFFIX;
use super::shape::{FieldShape, FieldTable, FormWord, MissingWord, WriteWord};
use super::transform::{self, Form};

impl Block<'_> {
    pub(super) fn source(&self, name: &Text, field: &FieldShape, report: &mut Report<'_>) -> (FieldSource, Option<Limit>) {
        let key = self.key(&format!("fields.{}", name.value));
        let table = match field {
            FieldShape::Column(column) => {
                return (FieldSource::Column { at: self.place(column, &key, report), transform: Transform::Text }, None);
            }
            FieldShape::Table(table) => table,
        };
        if let Some(when) = &table.when {
            let line = when.0.first().map_or(table.line, |(name, _)| name.line);
            report.add(line, format!("{key}.if"), "is allowed within `first` only: `first = [{ if = { … }, … }, { … }]`");
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
                    let text = format!(
                        "would cut a key that others refer to, and two long keys could become equal; use `identifier = {}`",
                        limit.value
                    );
                    report.add(limit.line, format!("{key}.truncate"), text);
                }
                Some(Limit::Cut(limit.value as usize))
            }
            (None, Some(limit)) => {
                if limit.line > 0 && (limit.value as usize) < 2 * SUFFIX {
                    let text = format!("must be at least {}: {SUFFIX} characters distinguish long keys, got `{}`", 2 * SUFFIX, limit.value);
                    report.add(limit.line, format!("{key}.identifier"), text);
                }
                Some(Limit::Identifier(limit.value as usize))
            }
            (None, None) => None,
        };
        (source, limit)
    }

    /// Whether a field identifies records: it is made from a column of a key, or refers to another record.
    fn identifies(&self, source: &FieldSource) -> bool {
        let Some(read) = self.read else { return false };
        let own = self.child.and_then(|child| read.children.get(child));
        let of_key = |place: &Place| match place {
            Place::Root(at) => read.root.key_at.contains(at),
            Place::Child(at) => own.is_some_and(|child| child.table.key_at.contains(at)),
            Place::Company | Place::Currency => false,
        };
        match source {
            // a value in rows of another table most likely names other records
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

    /// Reports keys that have no meaning for the source.
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
            report.add(name.line, format!("{key}.foreign"), "has no effect with `sum`");
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
                    format!("has no effect with `{}`", if reference { "reference" } else { source }),
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

    /// The kind of a column's values; `None` for the company's id.
    pub(super) fn kind(&self, at: Place) -> Option<ColumnKind> {
        match at {
            Place::Root(at) => self.read?.kinds().nth(at),
            Place::Child(at) => self.read?.children.get(self.child?)?.kinds().nth(at),
            Place::Company | Place::Currency => None,
        }
    }

    /// Several forms: the first whose conditions hold is used.
    fn first(&self, key: &str, table: &FieldTable, cases: &[FieldTable], report: &mut Report<'_>) -> FieldSource {
        if cases.is_empty() {
            report.add(table.line, format!("{key}.first"), "must hold at least one form");
        }
        let mut compiled = Vec::new();
        for (i, case) in cases.iter().enumerate().filter(|(_, case)| case.line > 0) {
            let key = format!("{key}.first.{}", i + 1);
            let last = i + 1 == cases.len();
            match &case.when {
                Some(_) if last => report.add(case.line, key.clone(), "the last form has no `if`: it applies if no other does"),
                None if !last => report.add(case.line, key.clone(), "needs an `if`: forms after one without `if` would never apply"),
                Some(when) if when.0.is_empty() => report.add(case.line, key.clone(), "`if` must name at least one column"),
                _ => {}
            }
            if case.first.is_some() || case.reference.is_some() || case.header.is_some() {
                report.add(case.line, key.clone(), "`first`, `reference` and `header` are not allowed within `first`");
                continue;
            }
            if case.truncate.is_some() || case.identifier.is_some() {
                report.add(case.line, key.clone(), "`truncate` and `identifier` belong beside `first`, not within it");
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
