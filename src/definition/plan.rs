//! The plan of one entity, with all names resolved and all mistakes reported before: how it is read (`read`), where it goes (`target`,
//! `align`), what is written (`field`), and what is written for a record that is gone (`gone`).

mod align;
mod control;
mod distinct;
mod field;
mod gone;
mod place;
mod read;
mod shows;
mod target;
mod tie_out;

use crate::domain::EntityName;
use crate::domain::setup_object::SetupCall;

pub use super::number::{Convert, Decimals, NumberFrom, NumberPlan, ValueDiscount};
pub use align::{AlignField, AlignPlan, Back};
pub use control::{ActiveWhen, Control, ControlRule, ExistsControl, TotalControl};
pub use distinct::{DistinctForm, DistinctPlan};
pub use field::{Case, FieldPlan, FieldSource, Form, IfMissing, KeyPart, Limit, ReferenceForm, Transform};
pub use gone::{GoneCase, Was, WasWhat};
pub use place::Place;
pub use read::{
    ChangeQuery, ChildRead, ColumnKind, Cut, Derive, Filter, JoinRead, Kinds, Matching, ReadPlan, SweepPlan, TableRead, TypeChange, ViaRead,
};
pub use shows::{RowNumber, RowSum, ShownAmount, Shows};
pub use target::{CLEAR, ClearWith, Condition, PartialWrite, TargetPlan, WatchPlan, WatchRow, WriteMode};
pub use tie_out::TieOutPlan;

/// One entity, compiled once at start from its two files.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The entity.
    pub entity: EntityName,
    /// How it is read.
    pub read: ReadPlan,
    /// Its targets: first the header (the root row), then the children in the order of `read.children` that have a target. A profile with
    /// `write = "none"` for its header has no target for the root row: then every target has a `child`, and the lines are delivered without
    /// a header. So use a target's `child`, and not its position, to find out whether it is the header.
    pub targets: Vec<TargetPlan>,
    /// Entities that must be delivered before this one.
    pub after: Vec<EntityName>,
    /// Position in the dependency order, starting at 0. Entities of one rank do not depend on one another.
    pub rank: u16,
    /// The cases of a record that SYSPRO no longer has, if the root row is not delivered: the cases of its lines refer to them.
    pub gone_cases: Vec<GoneCase>,
    /// The setup object that writes ServiceNow's changes to SYSPRO. `None`: a person applies them.
    pub setup: Option<SetupCall>,
    /// The values for lists and sums.
    pub shows: Shows,
}

impl Plan {
    /// The header's target and its alignment, for records that may change on both sides.
    pub fn aligned(&self) -> Option<(&TargetPlan, &AlignPlan)> {
        self.targets.iter().find_map(|target| Some((target, target.align.as_ref()?)))
    }

    /// Whether any written or compared value is in the company's own currency.
    pub fn needs_own_currency(&self) -> bool {
        let amounts = self.read.totals().any(|control| {
            let of_rows = self.read.children.get(control.child).and_then(|child| child.amounts.get(&control.at));
            [self.read.amounts.get(&control.total), of_rows].contains(&Some(&Place::Currency))
        });
        amounts || self.targets.iter().flat_map(|target| &target.fields).any(|field| field.source.needs_own_currency())
    }

    /// The SYSPRO column for a change of this field in ServiceNow, and the conversion; `None`: a person applies it.
    pub fn goes_back(&self, field: &str) -> Option<(&str, Back)> {
        let (call, (_, align)) = (self.setup.as_ref()?, self.aligned()?);
        let field = align.fields.iter().find(|one| one.name == field && !one.identity)?;
        let column = field.column.as_deref().filter(|column| call.writes(column))?;
        Some((column, field.back?))
    }
}
