//! The budget towards one instance between the Writer, who finds it out, and Root, who tells the other nodes and hears theirs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::budget::{NodeBudget, OthersBudget, PauseReport, PauseRequest};

/// What this node knows, and what it heard. Survives the restart of either actor.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    own: NodeBudget,
    /// When our own pause ends.
    until: Option<Instant>,
    /// What ServiceNow asked for, where that is the reason, and when.
    asked: Option<(Duration, String, Instant)>,
    /// A trial got through within a pause, and the others have not been told.
    lifted: bool,
    others: OthersBudget,
    /// When the pauses were last ended before their time.
    resumed: Option<Instant>,
    /// Whether `others` has been heard of since it was last asked for.
    update: bool,
}

impl Budget {
    /// The Writer's finding; `until` is the end of a pause that it was told to make, `asked` what ServiceNow said then.
    pub(super) fn found(&self, own: NodeBudget, until: Option<Instant>, asked: Option<(Duration, String, Instant)>) {
        let mut known = self.known();
        (known.own, known.until, known.asked) = (own, until, asked);
    }

    /// A trial got through: the pause is over, here and for the others.
    pub(super) fn lifted(&self) {
        self.known().lifted = true;
    }

    /// What the other nodes are told.
    pub(super) fn own(&self) -> NodeBudget {
        let known = self.known();
        let pause = known.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        NodeBudget { pause, ..known.own }
    }

    /// What they are told of a pause that ServiceNow asked for.
    pub(super) fn asked(&self) -> PauseReport {
        let known = self.known();
        let going_on = known.until.is_some_and(|until| until > Instant::now());
        let of = known.asked.as_ref().filter(|_| going_on);
        let of = of.map(|(asked, said, since)| PauseRequest { asked: *asked, said: said.clone(), ago: since.elapsed() });
        PauseReport { of, lifted: known.lifted }
    }

    /// What the other nodes say, once they were told `report`; `resumed`: how long ago somebody ended the pauses.
    pub(super) fn heard(&self, others: OthersBudget, report: &PauseReport, resumed: Option<Duration>) {
        let mut known = self.known();
        (known.others, known.update) = (others, true);
        known.lifted &= !report.lifted;
        known.resumed = resumed.and_then(|ago| Instant::now().checked_sub(ago)).or(known.resumed);
    }

    /// What the others say, and when somebody ended the pauses; once for each time that it was heard.
    pub(super) fn update(&self) -> Option<(OthersBudget, Option<Instant>)> {
        let mut known = self.known();
        std::mem::take(&mut known.update).then_some((known.others, known.resumed))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
