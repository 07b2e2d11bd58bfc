//! The values written for records that SYSPRO no longer has. Pure.
//!
//! Marks replace fields of what was last sent, so that they never depend on a field that cannot be mapped any more.

use std::collections::BTreeMap;

use crate::domain::{Document, Value};

use super::plan::{GoneCase, Plan, Was, WasWhat};
use super::transform;

/// Target column to text, per block.
pub type Blocks = BTreeMap<String, BTreeMap<String, String>>;

/// The block of the root row.
const HEADER: &str = "header";

impl Was {
    fn fits(&self, row: &[Value]) -> bool {
        let value = row.get(self.at).unwrap_or(&Value::Null);
        match &self.what {
            // a missing value is not zero
            WasWhat::Number(number) => matches!(transform::number(value), Ok(Some(value)) if value == *number),
            WasWhat::Texts(texts) => texts.iter().any(|text| *text == transform::plain(value)),
        }
    }
}

/// The marks of a document that is completely gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The name of the header's case.
    pub case: Option<String>,
    /// The values to write; records of a block without an entry are not changed.
    pub blocks: Blocks,
}

impl Plan {
    /// The marks of a document that is completely gone, by its last content.
    pub fn gone_marks(&self, last: &Document) -> Marks {
        let header = self.targets.iter().find(|target| target.child.is_none()).map_or(&self.gone_cases, |target| &target.on_gone);
        let case = header.iter().find(|case| case.conditions.iter().all(|was| was.fits(&last.root)));
        let name = case.and_then(|case| case.name.clone());
        let mut blocks: Blocks = case.map(|case| (HEADER.to_owned(), case.fields.clone())).into_iter().collect();
        for target in self.targets.iter().filter(|target| target.child.is_some()) {
            let fits = |case: &&GoneCase| case.with_header.is_none() || case.with_header == name;
            blocks.extend(target.on_gone.iter().find(fits).map(|case| (target.block.clone(), case.fields.clone())));
        }
        blocks.retain(|_, fields| !fields.is_empty());
        Marks { case: name, blocks }
    }

    /// Blocks whose records are not changed when SYSPRO no longer has them.
    pub(super) fn without_gone_rule(&self) -> Vec<String> {
        let without = self.targets.iter().filter(|target| target.on_gone.is_empty());
        let note = |target: &super::plan::TargetPlan| {
            format!(
                "`{}`: `[{}]` has no `gone`, so records that disappear in SYSPRO stay unchanged in `{}`; see docs/definitions.md",
                self.entity, target.block, target.target_table
            )
        };
        without.map(note).collect()
    }

    /// The marks of lines that are gone while their document stays.
    pub fn line_marks(&self) -> Blocks {
        let lines = self.targets.iter().filter(|target| target.child.is_some());
        let general = lines.filter_map(|target| Some((target.block.clone(), target.on_gone.iter().find(|case| case.is_general())?)));
        general.map(|(block, case)| (block, case.fields.clone())).filter(|(_, fields)| !fields.is_empty()).collect()
    }
}
