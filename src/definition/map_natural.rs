//! What the key alone shows about a record that cannot be read: enough to find its row in ServiceNow.

use std::collections::BTreeMap;

use crate::domain::{CompanyId, Document, DocumentKey, Value};

use super::code_lists::CodeLists;
use super::map::RecordContext;
use super::plan::{FieldPlan, FieldSource, Place, Plan, TargetPlan};

impl Plan {
    /// The columns of the natural key, made from the record's key; `None` if they use any other value, which is not known.
    pub fn natural_of_key(
        &self,
        company: &CompanyId,
        target: &TargetPlan,
        key: &DocumentKey,
        code_lists: &CodeLists,
    ) -> Option<BTreeMap<String, String>> {
        let (read, parts) = (&self.read.root, key.parts());
        if target.natural_key.is_empty() || read.derive.is_some() || parts.len() != read.key_at.len() {
            return None;
        }
        let known = |at: &Place| match at {
            Place::Company => true,
            Place::Root(at) => read.key_at.contains(at),
            Place::Child(_) | Place::Currency => false,
        };
        let of_key = |field: &&FieldPlan| match &field.source {
            FieldSource::Constant(_) | FieldSource::Company => true,
            FieldSource::Column { at, .. } => known(at),
            FieldSource::Concat { parts, .. } => parts.iter().all(known),
            _ => false,
        };
        let field = |name: &String| target.fields.iter().find(|field| field.name == *name).filter(of_key).cloned();
        let only = TargetPlan { fields: target.natural_key.iter().map(field).collect::<Option<_>>()?, ..target.clone() };
        let mut root = vec![Value::Null; self.read.columns.len()];
        for (at, part) in read.key_at.iter().zip(parts) {
            *root.get_mut(*at)? = Value::Text(part.into());
        }
        let document =
            Document { key: key.clone(), root: root.into(), children: vec![Vec::new(); self.read.children.len()], faults: Vec::new() };
        let company_value = Value::Text(company.as_str().into());
        let context = RecordContext::of_root(self, &only, company, &company_value, &document, code_lists);
        context.record(0, String::new(), &mut Vec::new()).ok().map(|record| record.fields.to_map())
    }
}
