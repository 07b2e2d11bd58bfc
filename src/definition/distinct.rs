//! What stands in a child's rows, each once: all of it side by side, or the only one. Nothing is chosen among several.

use crate::domain::Value;
use crate::domain::warning::WarningKind;

use super::compile_number::child_column;
use super::compile_target::Block;
use super::map::Scope;
use super::parse::Text;
use super::plan::FieldSource;
use super::problem::Report;
use super::shape::FieldTable;
use super::transform;
use super::unique::compare;

/// Between two of a list unless the profile says otherwise.
const BETWEEN: &str = ", ";
/// Between the columns of one row.
const WITHIN: &str = "/";
/// How many a warning names.
const SHOWN: usize = 5;

/// Columns of a child's rows, each combination once.
#[derive(Debug, Clone)]
pub struct DistinctPlan {
    /// Offset in `ReadPlan::children`.
    pub child: usize,
    /// Offsets in the child's row.
    pub columns: Vec<usize>,
    /// What is written.
    pub form: DistinctForm,
}

/// What is written of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistinctForm {
    /// All, with this between two.
    List(String),
    /// The last column where there is only one; else nothing.
    Only,
}

impl Block<'_> {
    /// `list` or `only`.
    pub(super) fn distinct(&self, key: &str, names: &[Text], table: &FieldTable, report: &mut Report<'_>) -> FieldSource {
        let Some(read) = self.read else { return FieldSource::Constant(String::new()) };
        let (mut child, mut columns) = (None, Vec::new());
        for name in names {
            let Some((of, at)) = child_column(name, &read.children, key, report) else { continue };
            if *child.get_or_insert(of) != of {
                report.add(name.line, key, format!("the columns must be those of one child, and `{}` is another one's", name.value));
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

impl Scope<'_> {
    /// The text of `list` or `only`. Rows in which one of the columns is blank name nothing.
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
                // once for the record, not for each of its lines
                if self.child.is_none() {
                    let more = if several.len() > SHOWN { BETWEEN.to_owned() + "…" } else { String::new() };
                    let shown = joined(&several[..several.len().min(SHOWN)], BETWEEN);
                    said.push((
                        WarningKind::Several,
                        format!("takes one, and there are {}, so that it is empty: {shown}{more}", several.len()),
                    ));
                }
                String::new()
            }
        }
    }
}
