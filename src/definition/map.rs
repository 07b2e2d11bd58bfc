//! Maps documents to target records. Pure, with loops over offsets. The same document always gives the same records.

use std::borrow::Cow;

use crate::domain::warning::WarningKind;
use crate::domain::{CompanyId, Document, DocumentKey, Fault, Row, Texts, Value};

use super::code_lists::{CURRENCY, CodeLists};
use super::plan::{
    CLEAR, ColumnKind, Condition, FieldPlan, FieldSource, IfMissing, Limit, Place, Plan, ReferenceForm, TargetPlan, WriteMode,
};
use super::record::{MapError, MapWarning, Reference, TargetRecord, identifier, source_key};
use super::transform;

/// The result of mapping a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapped {
    /// The records, headers before lines.
    pub records: Vec<TargetRecord>,
    /// Warnings for people.
    pub warnings: Vec<MapWarning>,
    /// Whether the header's conditions exclude the document: then what was delivered of it before is treated as gone.
    pub withheld: bool,
}

impl Plan {
    /// Maps documents to target records. Pure: the same document always gives the same bytes.
    ///
    /// If the conditions of a header do not hold, its lines are not sent either: the document is not delivered at all.
    ///
    /// # Errors
    /// The first field that cannot be mapped; the document is then not delivered.
    pub fn map(&self, company: &CompanyId, document: &Document, code_lists: &CodeLists) -> Result<Mapped, MapError> {
        if let Some(Fault { text, next_step }) = self.fault(document) {
            let block = self.targets.first().map_or_else(|| "header".to_owned(), |target| target.block.clone());
            return Err(MapError {
                block: block.into(),
                problem: text.into(),
                next_step: Some(Box::new(next_step)),
                ..MapError::default()
            });
        }
        let mut mapped = self.map_records(company, document, code_lists)?;
        mapped.warnings.extend(self.compare_totals(company, document, code_lists));
        Ok(mapped)
    }

    /// Whether the header's conditions exclude a document.
    pub fn is_withheld(&self, document: &Document) -> bool {
        self.targets.iter().any(|target| target.child.is_none() && !holds(&target.only_if, &document.root))
    }

    fn map_records(&self, company: &CompanyId, document: &Document, code_lists: &CodeLists) -> Result<Mapped, MapError> {
        self.check_dates(document)?;
        let company_value = Value::Text(company.as_str().into());
        let mut mapped = Mapped::default();
        for (target, plan) in self.targets.iter().enumerate() {
            let base =
                RecordContext { plan: self, target: plan, company, company_value: &company_value, document, child: None, code_lists };
            match plan.child {
                None => {
                    if !holds(&plan.only_if, &document.root) {
                        return Ok(Mapped { withheld: true, ..Mapped::default() });
                    }
                    mapped.records.push(base.record(target, String::new(), &mut mapped.warnings)?);
                }
                Some(child) => {
                    let (Some(read), Some(rows)) = (self.read.children.get(child), document.children.get(child)) else { continue };
                    for row in rows.iter().filter(|row| holds(&plan.only_if, row)) {
                        let key = DocumentKey::from_values(read.table.key_at.iter().map(|&at| &row[at]));
                        let context = base.with_row(row);
                        mapped.records.push(context.record(target, key.into(), &mut mapped.warnings)?);
                    }
                }
            }
        }
        Ok(mapped)
    }

    /// Checks that date columns contain only dates: any other value is neither sent nor treated as empty.
    fn check_dates(&self, document: &Document) -> Result<(), MapError> {
        let no_date = |value: &Value| !matches!(value, Value::Date(_)) && !value.is_blank();
        for ((name, kind), value) in self.read.columns.iter().zip(self.read.kinds()).zip(&document.root) {
            if kind == ColumnKind::Date && no_date(value) {
                return Err(self.no_date(None, name, "", value));
            }
        }
        for ((n, child), rows) in self.read.children.iter().enumerate().zip(&document.children) {
            let dates: Vec<usize> = child.kinds().enumerate().filter(|(_, kind)| *kind == ColumnKind::Date).map(|(at, _)| at).collect();
            for row in rows {
                let wrong = dates.iter().find_map(|at| row.get(*at).filter(|value| no_date(value)).map(|value| (*at, value)));
                if let Some((at, value)) = wrong {
                    let key = String::from(DocumentKey::from_values(child.table.key_at.iter().map(|&at| &row[at])));
                    return Err(self.no_date(Some(n), child.column_names().nth(at).unwrap_or_default(), &key, value));
                }
            }
        }
        Ok(())
    }

    /// The error for a value in a date column that is not a date.
    fn no_date(&self, child: Option<usize>, column: &str, row: &str, value: &Value) -> MapError {
        let target = self.targets.iter().find(|target| target.child == child).or_else(|| self.targets.first());
        let reads = |field: &&FieldPlan| match (&field.source, child) {
            (FieldSource::Column { at: Place::Root(at), .. }, None) => self.read.columns.get(*at).is_some_and(|name| name == column),
            (FieldSource::Column { at: Place::Child(at), .. }, Some(child)) => {
                self.read.children.get(child).and_then(|child| child.column_names().nth(*at)) == Some(column)
            }
            _ => false,
        };
        let field = target.and_then(|target| target.fields.iter().find(reads));
        let of = if row.is_empty() { String::new() } else { format!(" of row `{row}`") };
        let problem = "the entity's file names it in `dates`, and this is not a date; correct the value in SYSPRO, or remove the column \
             from `dates` and read the record again: then it is copied as text";
        MapError {
            block: target.map_or("header", |target| target.block.as_str()).into(),
            field: field.map_or_else(|| column.to_owned(), |field| field.name.clone()),
            column: format!("{column}{of}").into(),
            value: value.to_text().into(),
            problem: problem.to_owned(),
            next_step: None,
        }
    }
}

pub(super) fn holds(conditions: &[Condition], row: &[Value]) -> bool {
    conditions.iter().all(|condition| {
        let text = row.get(condition.at).map(transform::plain).unwrap_or_default();
        condition.one_of.iter().any(|accepted| *accepted == text) != condition.negate
    })
}

/// The context of one record.
#[derive(Clone, Copy)]
pub(super) struct RecordContext<'a> {
    pub(super) plan: &'a Plan,
    target: &'a TargetPlan,
    pub(super) company: &'a CompanyId,
    company_value: &'a Value,
    document: &'a Document,
    pub(super) child: Option<&'a Row>,
    pub(super) code_lists: &'a CodeLists,
}

impl<'a> RecordContext<'a> {
    /// The context of a document's root row.
    pub(super) fn of_root(
        plan: &'a Plan,
        target: &'a TargetPlan,
        company: &'a CompanyId,
        company_value: &'a Value,
        document: &'a Document,
        code_lists: &'a CodeLists,
    ) -> Self {
        Self { plan, target, company, company_value, document, child: None, code_lists }
    }

    /// The context of a child's row in the same document.
    pub(super) fn with_row(self, row: &'a Row) -> Self {
        Self { child: Some(row), ..self }
    }

    pub(super) fn record(&self, target: usize, record_key: String, warnings: &mut Vec<MapWarning>) -> Result<TargetRecord, MapError> {
        let mut fields = Texts::default();
        let mut references = Vec::new();
        for field in &self.target.fields {
            let mut said = Vec::new();
            let Some(text) = self.text(field, &field.source, &mut references, &mut said)? else { continue };
            let text = match field.limit {
                Some(Limit::Cut(limit)) => match text.char_indices().nth(limit) {
                    Some((end, _)) => {
                        said.push((WarningKind::Cut, format!("cut from {} to {limit} characters", text.chars().count())));
                        text[..end].to_owned()
                    }
                    None => text,
                },
                Some(Limit::Identifier(limit)) => identifier(text, limit),
                None => text,
            };
            // a text of SYSPRO that ServiceNow would take as the word that clears a column
            if self.target.write == WriteMode::ImportSet && text.trim() == CLEAR && !matches!(field.source, FieldSource::Constant(_)) {
                return Err(self.error(
                    field,
                    self.source_names(field),
                    &Value::Text(text.into()),
                    "an import set treats the text `NULL` as the command to clear the column: correct it in SYSPRO, or write another text \
                     for it with `choose` in the definition"
                        .to_owned(),
                ));
            }
            let line = || if record_key.is_empty() { String::new() } else { format!("of line `{record_key}` ") };
            let warning = |(kind, text)| MapWarning { kind, field: field.name.clone(), text: format!("{}{text}", line()) };
            warnings.extend(said.into_iter().map(warning));
            fields.set(&field.name, &text);
        }
        Ok(TargetRecord { target, record_key, fields, references })
    }

    /// The source columns of a field, for a message.
    fn source_names(&self, field: &FieldPlan) -> String {
        match &field.source {
            FieldSource::Column { at, .. } => self.name(*at),
            FieldSource::Concat { parts: places, .. } | FieldSource::Reference { key: places, .. } => {
                places.iter().map(|at| self.name(*at)).collect::<Vec<_>>().join(", ")
            }
            _ => field.name.clone(),
        }
    }

    /// The field's text; `None` when it is filled in later, from a sys_id.
    fn text(
        &self,
        field: &'a FieldPlan,
        source: &'a FieldSource,
        references: &mut Vec<Reference>,
        said: &mut Vec<(WarningKind, String)>,
    ) -> Result<Option<String>, MapError> {
        Ok(Some(match source {
            FieldSource::Constant(text) => text.clone(),
            FieldSource::Company => self.company.as_str().to_owned(),
            FieldSource::Column { at, transform } => {
                let value = self.value(*at);
                let text = transform::apply(transform, value, self.company, self.code_lists);
                text.map_err(|problem| self.error(field, self.name(*at), value, problem))?.into_owned()
            }
            FieldSource::Concat { parts, separator } => {
                let texts = parts.iter().map(|&at| transform::plain(self.value(at)));
                let texts: Vec<_> = texts.filter(|text| !text.trim().is_empty()).collect();
                texts.join(separator)
            }
            FieldSource::Reference { entity, key, write, if_missing, part } => {
                // A key with a blank part identifies no record: GL codes of distribution lines may be blank.
                if key.iter().any(|&at| at != Place::Company && self.value(at).is_blank()) {
                    return Ok(Some(String::new()));
                }
                let mut values: Vec<Value> = key.iter().map(|&at| self.value(at).clone()).collect();
                if let Some(part) = part {
                    let found = values.first().and_then(|whole| part.of(&whole.to_text()));
                    // a code without such a part identifies no record either
                    let Some(found) = found else { return Ok(Some(String::new())) };
                    values = vec![found];
                }
                let to = DocumentKey::from_values(&values);
                let text = match write {
                    ReferenceForm::Key => Some(values.last().map(Value::to_text).unwrap_or_default()),
                    ReferenceForm::SourceKey => Some(source_key(self.company, entity, &to, "")),
                    ReferenceForm::SysId => None,
                };
                references.push(Reference {
                    field: field.name.clone(),
                    entity: entity.clone(),
                    key: to,
                    form: *write,
                    wait: *if_missing == IfMissing::Wait,
                });
                return Ok(text);
            }
            FieldSource::Header => {
                references.push(Reference {
                    field: field.name.clone(),
                    entity: self.plan.entity.clone(),
                    key: self.document.key.clone(),
                    form: ReferenceForm::SysId,
                    wait: true,
                });
                return Ok(None);
            }
            FieldSource::Count { child } => self.delivered(*child).count().to_string(),
            FieldSource::Number(plan) => self.number(field, plan, said)?,
            FieldSource::Distinct(plan) => self.distinct(plan, said),
            FieldSource::CurrencyCode(at) => {
                self.currency(*at).map_err(|problem| self.error(field, self.name(*at), self.value(*at), problem))?.into_owned()
            }
            FieldSource::First(cases) => {
                let holds = |(at, texts): &(Place, Vec<String>)| {
                    let value = transform::plain(self.value(*at));
                    texts.iter().any(|text| text == value.trim())
                };
                match cases.iter().find(|case| case.when.iter().all(holds)) {
                    Some(case) => return self.text(field, &case.source, references, said),
                    // the last case has no condition
                    None => String::new(),
                }
            }
        }))
    }

    /// The rows of a child that are delivered, so that a count or sum matches the lines sent.
    pub(super) fn delivered(&self, child: usize) -> impl Iterator<Item = &'a Row> {
        let conditions = self.plan.targets.iter().find(|target| target.child == Some(child)).map_or(&[][..], |target| &target.only_if);
        self.document.children.get(child).into_iter().flatten().filter(move |row| holds(conditions, row))
    }

    pub(super) fn value(&self, at: Place) -> &'a Value {
        static NULL: Value = Value::Null;
        match at {
            Place::Currency => self.code_lists.currency_of(self.company).unwrap_or(&NULL),
            Place::Root(at) => self.document.root.get(at).unwrap_or(&NULL),
            Place::Child(at) => self.child.and_then(|row| row.get(at)).unwrap_or(&NULL),
            Place::Company => self.company_value,
        }
    }

    /// The ISO 4217 code of a currency; empty for a blank one.
    pub(super) fn currency(&self, at: Place) -> Result<Cow<'a, str>, String> {
        if at == Place::Currency {
            return self.code_lists.own_currency(self.company);
        }
        match self.value(at) {
            Value::Text(text) => self.code_lists.resolve(CURRENCY, self.company, text),
            value => Ok(self.code_lists.resolve(CURRENCY, self.company, &value.to_text())?.into_owned().into()),
        }
    }

    pub(super) fn name(&self, at: Place) -> String {
        match at {
            Place::Currency => "@currency".to_owned(),
            Place::Root(at) => self.plan.read.columns.get(at).cloned().unwrap_or_default(),
            Place::Child(at) => self.target.child.map(|child| self.child_name(child, at)).unwrap_or_default(),
            Place::Company => "@company".to_owned(),
        }
    }

    pub(super) fn child_name(&self, child: usize, at: usize) -> String {
        self.plan.read.children.get(child).and_then(|child| child.column_names().nth(at)).unwrap_or_default().to_owned()
    }

    pub(super) fn error(&self, field: &FieldPlan, column: String, value: &Value, problem: String) -> MapError {
        let (block, column, value) = (self.target.block.as_str().into(), column.into(), value.to_text().into());
        MapError { block, field: field.name.clone(), column, value, problem, next_step: None }
    }
}
