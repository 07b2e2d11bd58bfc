//! The seam for writing into SYSPRO. Today nothing is behind it: what ServiceNow changed is a list for a person, which closes itself when
//! SYSPRO shows the value.
//!
//! What comes here later is a caller of the site's setup object (`[setup]` of the entity's file): first with `ValidateOnly` = `Y`, then for
//! good, and nothing counts as applied before a poll has seen it. It takes a [`SetupCall`], which cannot name an object that posts.

use actix::prelude::*;

use crate::definition::Plan;
use crate::domain::setup_object::SetupCall;
use crate::store::NewConflict;

/// Offer. Changes that ServiceNow made and SYSPRO has not: harmless twice, and harmless lost, because they stay in the list.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct ApplyInSyspro {
    /// Through what.
    pub call: SetupCall,
    /// Per change: the record's key, the SYSPRO column and the value it should get.
    pub changes: Vec<(String, String, String)>,
}

/// Who applies changes in SYSPRO. By default nobody.
#[derive(Clone, Default)]
pub struct WayBack(Option<Recipient<ApplyInSyspro>>);

impl WayBack {
    /// With somebody behind it.
    pub fn to(recipient: Recipient<ApplyInSyspro>) -> Self {
        Self(Some(recipient))
    }

    /// Offers what is to be applied in SYSPRO, where the entity names a setup object.
    pub(super) fn offer(&self, plan: &Plan, conflicts: &[NewConflict]) {
        let (Some(recipient), Some(call)) = (&self.0, &plan.setup) else { return };
        let changes = changes(conflicts);
        if !changes.is_empty() {
            recipient.do_send(ApplyInSyspro { call: call.clone(), changes });
        }
    }
}

/// Single columns that get another value; records as a whole are never made or deleted through here.
fn changes(conflicts: &[NewConflict]) -> Vec<(String, String, String)> {
    let to_apply = conflicts.iter().filter(|conflict| conflict.state == "to_apply" && conflict.field != crate::definition::align::ROW);
    to_apply.filter_map(|conflict| Some((conflict.key.clone(), conflict.source.clone()?, conflict.servicenow.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_columns_that_are_to_be_applied_are_offered() {
        let conflict = |field: &str, state: &'static str, source: Option<&str>| NewConflict {
            subject: "1".into(),
            document_id: Some(1),
            key: "100".into(),
            sys_id: None,
            field: field.into(),
            source: source.map(str::to_owned),
            kind: "edited",
            state,
            agreed: None,
            syspro: "a".into(),
            syspro_at: None,
            servicenow: "b".into(),
            servicenow_at: None,
        };
        let all = [
            conflict("name", "to_apply", Some("Description")),
            conflict("name", "open", Some("Description")),
            conflict("@row", "to_apply", None),
            conflict("fixed", "to_apply", None),
        ];
        assert_eq!(changes(&all), [("100".to_owned(), "Description".to_owned(), "b".to_owned())]);
    }
}
