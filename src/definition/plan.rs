//! What one entity reads and writes, every name resolved and every mistake already reported: how it is read (`read`), where it goes
//! (`target`, `align`), what is written (`field`), and what is written of a record that is gone (`gone`).

mod align;
mod field;
mod gone;
mod read;
mod target;

use crate::domain::EntityName;
use crate::domain::setup_object::SetupCall;

pub use super::distinct::{DistinctForm, DistinctPlan};
pub use super::number::{Control, Convert, Decimals, NumberFrom, NumberPlan, ValueDiscount};
pub use super::shows::{RowNumber, RowSum, ShownAmount, Shows};
pub use align::{AlignField, AlignPlan, Back};
pub use field::{Case, FieldPlan, FieldSource, Form, IfMissing, KeyPart, Limit, Place, ReferenceForm, Transform};
pub use gone::{GoneCase, Was, WasWhat};
pub use read::{
    ChangeQuery, ChildRead, ColumnKind, Cut, Derive, Filter, JoinRead, Kinds, Matching, ReadPlan, SweepPlan, TableRead, TypeChange, ViaRead,
};
pub use target::{CLEAR, ClearWith, Condition, PartialWrite, TargetPlan, WatchPlan, WatchRow, WriteMode};

/// One entity, compiled once at start from its two files.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The entity.
    pub entity: EntityName,
    /// How it is read.
    pub read: ReadPlan,
    /// Where it goes: first the header (the root row), then the children in the order of `read.children` that have a target.
    /// A profile with `write = "none"` for its header has no target for the root row: then every target has a `child`, and the
    /// lines are delivered by themselves. So ask a target's `child`, not its place, whether it is the header.
    pub targets: Vec<TargetPlan>,
    /// Entities that must be delivered before this one.
    pub after: Vec<EntityName>,
    /// Position in the dependency order, 0 first. Entities of one rank do not depend on one another.
    pub rank: u16,
    /// The cases of a record that SYSPRO no longer has, where the root row is not delivered: those of its lines refer to them.
    pub gone_cases: Vec<GoneCase>,
    /// Through which object of the site ServiceNow's changes are written into SYSPRO. `None`: a person applies them.
    pub setup: Option<SetupCall>,
    /// What lists and sums show.
    pub shows: Shows,
}

impl Plan {
    /// The header's target and how it is aligned, when both sides may change the records.
    pub fn aligned(&self) -> Option<(&TargetPlan, &AlignPlan)> {
        self.targets.iter().find_map(|target| Some((target, target.align.as_ref()?)))
    }

    /// Whether anything that is written or compared is in the company's own currency.
    pub fn needs_own_currency(&self) -> bool {
        let amounts = self.read.controls.iter().any(|control| {
            let of_rows = self.read.children.get(control.child).and_then(|child| child.amounts.get(&control.at));
            [self.read.amounts.get(&control.total), of_rows].contains(&Some(&Place::Currency))
        });
        amounts || self.targets.iter().flat_map(|target| &target.fields).any(|field| field.source.needs_own_currency())
    }

    /// The SYSPRO column that a change of this field in ServiceNow is written to, and how; `None`: a person applies it.
    pub fn goes_back(&self, field: &str) -> Option<(&str, Back)> {
        let (call, (_, align)) = (self.setup.as_ref()?, self.aligned()?);
        let field = align.fields.iter().find(|one| one.name == field && !one.identity)?;
        let column = field.column.as_deref().filter(|column| call.writes(column))?;
        Some((column, field.back?))
    }
}
