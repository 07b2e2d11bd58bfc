//! Compiles `[tie_out]` of a target block: how both systems are compared.

use std::collections::BTreeMap;

use super::block::Block;
use super::parse::Text;
use super::plan::{FieldPlan, FieldSource, ReferenceForm, TieOutPlan};
use super::problem::{Report, list};
use super::shape::TieOutShape;
use crate::domain::tie_out_group::GroupBy;

/// Compiles it; `fields` are the fields of the block.
pub(super) fn tie_out_plan(block: &Block<'_>, shape: &TieOutShape, fields: &[FieldPlan], report: &mut Report<'_>) -> TieOutPlan {
    let is_field = |name: &Text, key: &str, report: &mut Report<'_>| {
        if name.line > 0 && !fields.iter().any(|field| field.name == name.value) {
            let allowed = list(fields.iter().map(|field| &field.name));
            report.add(name.line, block.key(key), format!("`{}` is not among the fields, which are {allowed}", name.value));
        }
    };
    for (key, name) in [("tie_out.amount", &shape.amount), ("tie_out.currency", &shape.currency)] {
        if let Some(name) = name {
            is_field(name, key, report);
        }
    }
    let mut groups = BTreeMap::new();
    for (by, name) in [(GroupBy::Supplier, &shape.supplier), (GroupBy::Account, &shape.account), (GroupBy::Type, &shape.document_type)] {
        let Some(name) = name else { continue };
        let key = format!("tie_out.{by}");
        is_field(name, &key, report);
        let source = fields.iter().find(|field| field.name == name.value).map(|field| &field.source);
        if matches!(source, Some(FieldSource::Header | FieldSource::Reference { write: ReferenceForm::SysId, .. })) {
            let text =
                format!("`{}` is a sys_id of ServiceNow, which SYSPRO does not have: name a field that is written as a key", name.value);
            report.add(name.line, block.key(&key), text);
        }
        groups.insert(by, name.value.clone());
    }
    if shape.amount.is_some() != shape.currency.is_some() {
        report.add(shape.line, block.key("tie_out"), "`amount` and `currency` belong together: amounts of two currencies are never added");
    }
    if let Some(sums) = shape.sums.as_ref().filter(|_| shape.amount.is_none()) {
        report.add(sums.line, block.key("tie_out.sums"), "`sums` needs `amount`");
    }
    if shape.period.is_some() && shape.year.is_none() {
        report.add(shape.line, block.key("tie_out"), "`period` needs `year`");
    }
    for (name, column) in shape.columns.iter().flat_map(|columns| &columns.0) {
        let own = block.shape.key_column.as_ref().is_some_and(|key| key.value == name.value);
        if !own {
            is_field(name, &format!("tie_out.columns.{}", name.value), report);
        }
        if !column.is_empty() {
            block.check_name(column, &format!("tie_out.columns.{}", name.value), report);
        }
    }
    let text = |name: &Option<Text>| name.as_ref().map(|name| name.value.clone());
    let mut place = |name: &Option<Text>, key: &str| name.as_ref().map(|name| block.place(name, &block.key(key), report));
    TieOutPlan {
        amount: text(&shape.amount),
        currency: text(&shape.currency),
        year: place(&shape.year, "tie_out.year"),
        period: place(&shape.period, "tie_out.period"),
        groups,
        sums: shape.sums.as_ref().map(|sums| sums.value),
        columns: shape
            .columns
            .iter()
            .flat_map(|columns| &columns.0)
            .map(|(name, column)| (name.value.clone(), column.value.clone()))
            .collect(),
    }
}
