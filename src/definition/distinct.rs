//! The distinct values of a child's rows: all of them as a list, or the only one. If there are several, none is chosen.

use crate::domain::Value;
use crate::domain::warning::WarningKind;

use super::block::Block;
use super::compile_number::child_column;
use super::map::RecordContext;
use super::parse::Text;
use super::plan::{DistinctForm, DistinctPlan, FieldSource};
use super::problem::Report;
use super::shape::FieldTable;
use super::transform;
use super::unique::compare;

/// The default separator in a list.
const BETWEEN: &str = ", ";
/// The separator between the columns of one row.
const WITHIN: &str = "/";
/// The most values named in a warning.
const SHOWN: usize = 5;

impl Block<'_> {
    /// Compiles `list` or `only`.
    pub(super) fn distinct(&self, key: &str, names: &[Text], table: &FieldTable, report: &mut Report<'_>) -> FieldSource {
        let Some(read) = self.read else { return FieldSource::Constant(String::new()) };
        let (mut child, mut columns) = (None, Vec::new());
        for name in names {
            let Some((of, at)) = child_column(name, &read.children, key, report) else { continue };
            if *child.get_or_insert(of) != of {
                report.add(name.line, key, format!("the columns must belong to one child, and `{}` belongs to another", name.value));
            }
            columns.push(at);
        }
        let Some(child) = child else {
            if names.is_empty() {
                report.add(table.line, key, "must name at least one column, as `child.Column`");
            }
            return FieldSource::Constant(String::new());
        };
        let separator = || table.separator.as_ref().map_or_else(|| BETWEEN.to_owned(), |text| text.value.clone());
        let form = if table.list.is_some() { DistinctForm::List(separator()) } else { DistinctForm::Only };
        FieldSource::Distinct(DistinctPlan { child, columns, form })
    }
}

impl RecordContext<'_> {
    /// The text of `list` or `only`. Rows with a blank in one of the columns are skipped.
    pub(super) fn distinct(&self, plan: &DistinctPlan, said: &mut Vec<(WarningKind, String)>) -> String {
        let rows = self.delivered(plan.child).map(|row| plan.columns.iter().filter_map(|&at| row.get(at)).collect::<Vec<&Value>>());
        let mut rows: Vec<_> = rows.filter(|row| row.iter().all(|value| !value.is_blank())).collect();
        rows.sort_by(|a, b| a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal));
        let mut texts: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|value| transform::plain(value).trim_end().to_owned()).collect()).collect();
        texts.dedup();
        let joined = |texts: &[Vec<String>], between: &str| texts.iter().map(|row| row.join(WITHIN)).collect::<Vec<_>>().join(between);
        match (&plan.form, texts.as_slice()) {
            (DistinctForm::List(between), texts) => joined(texts, between),
            (DistinctForm::Only, [one]) => one.last().cloned().unwrap_or_default(),
            (DistinctForm::Only, []) => String::new(),
            (DistinctForm::Only, several) => {
                // once for the record, and not for each of its lines
                if self.child.is_none() {
                    let more = if several.len() > SHOWN { BETWEEN.to_owned() + "…" } else { String::new() };
                    let shown = joined(&several[..several.len().min(SHOWN)], BETWEEN);
                    said.push((
                        WarningKind::Several,
                        format!("takes one value, and there are {}, so it stays empty: {shown}{more}", several.len()),
                    ));
                }
                String::new()
            }
        }
    }
}
