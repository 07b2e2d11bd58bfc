//! The request budget of one instance. The Writer measures it; Node reports it to the other nodes and reads theirs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::budget::{NodeBudget, OthersBudget, PauseReport, PauseRequest};

/// What this node measured and what the others reported. Survives the restart of either actor.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    own: NodeBudget,
    /// When this node's own pause ends.
    until: Option<Instant>,
    /// If ServiceNow asked for the pause: for how long, in which words, and when.
    asked: Option<(Duration, String, Instant)>,
    /// A trial succeeded during a pause, and the other nodes do not know yet.
    lifted: bool,
    others: OthersBudget,
    /// When a person last ended the pauses early.
    resumed: Option<Instant>,
    /// Whether `others` has changed since it was last read.
    update: bool,
}

impl Budget {
    /// Stores what the Writer measured; `until` is the end of this node's pause, `asked` what ServiceNow asked for.
    pub fn found(&self, own: NodeBudget, until: Option<Instant>, asked: Option<(Duration, String, Instant)>) {
        let mut known = self.known();
        (known.own, known.until, known.asked) = (own, until, asked);
    }

    /// A trial succeeded: the pause is over, here and for the other nodes.
    pub fn lifted(&self) {
        self.known().lifted = true;
    }

    /// The budget that is reported to the other nodes.
    pub fn own(&self) -> NodeBudget {
        let known = self.known();
        let pause = known.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        NodeBudget { pause, ..known.own }
    }

    /// What is reported of a pause that ServiceNow asked for.
    pub fn asked(&self) -> PauseReport {
        let known = self.known();
        let going_on = known.until.is_some_and(|until| until > Instant::now());
        let of = known.asked.as_ref().filter(|_| going_on);
        let of = of.map(|(asked, said, since)| PauseRequest { asked: *asked, said: said.clone(), ago: since.elapsed() });
        PauseReport { of, lifted: known.lifted }
    }

    /// Stores what the other nodes report after they got `report`; `resumed`: how long ago a person ended the pauses.
    pub fn heard(&self, others: OthersBudget, report: &PauseReport, resumed: Option<Duration>) {
        let mut known = self.known();
        (known.others, known.update) = (others, true);
        known.lifted &= !report.lifted;
        known.resumed = resumed.and_then(|ago| Instant::now().checked_sub(ago)).or(known.resumed);
    }

    /// What the other nodes report, and when a person ended the pauses; each report is returned once.
    pub fn update(&self) -> Option<(OthersBudget, Option<Instant>)> {
        let mut known = self.known();
        std::mem::take(&mut known.update).then_some((known.others, known.resumed))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
