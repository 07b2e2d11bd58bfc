//! Runs scenarios in rounds, one after another on the same data, undisturbed or killed at a point.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;

use tieline_sim::faults::{Fault, FaultRule};

use super::scenarios::{SCENARIOS, Scenario};
use crate::binary::text;
use crate::support::world::World;

/// Runs whose records or parts are not all delivered, replaced or outstanding.
const MISCOUNTED: &str = "
    SELECT r.kind, r.entity, r.records, r.delivered, r.replaced, coalesce(u.records, 0), r.parts, r.confirmed, r.parts_replaced, coalesce(u.parts, 0)
    FROM run_total r
    LEFT JOIN (SELECT run_id, count(DISTINCT document_id) AS records, count(*) AS parts FROM undelivered GROUP BY run_id) u ON u.run_id = r.id
    WHERE r.records <> r.delivered + r.replaced + coalesce(u.records, 0) OR r.parts <> r.confirmed + r.parts_replaced + coalesce(u.parts, 0)";

/// A world, and how often something was changed in it.
pub struct Play {
    world: World,
    round: Cell<u32>,
}

impl Play {
    /// In a world in which everything has arrived.
    pub fn start() -> Self {
        Self { world: World::start(), round: Cell::new(0) }
    }

    fn next_round(&self, scenario: &Scenario) -> u32 {
        let first = 1_000 * u32::try_from(SCENARIOS.iter().position(|one| one.name == scenario.name).unwrap()).unwrap();
        self.round.set((self.round.get() + 1).max(first + 1));
        self.round.get()
    }

    /// Plays the scenario undisturbed; the names of the points it passes, in order, each once.
    pub fn points(&self, scenario: &Scenario) -> Vec<String> {
        let log = self.world.site.path("points");
        let _ = std::fs::remove_file(&log);
        (scenario.change)(&self.world, self.next_round(scenario));
        let out = self.world.command(scenario.command).env("TIELINE_FAILPOINT_LOG", &log).output().unwrap();
        assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
        self.recover(scenario).unwrap();
        let mut seen = BTreeSet::new();
        let names = std::fs::read_to_string(&log).unwrap();
        names.lines().filter(|name| seen.insert((*name).to_owned())).map(str::to_owned).collect()
    }

    /// Plays the scenario, killed at the point, and lets it recover. False when the point was not reached.
    pub fn kill_at(&self, scenario: &Scenario, point: &str) -> Result<bool, String> {
        self.kill_and_look(scenario, point, &[], &|_| {})
    }

    /// The same, with these settings; `look` sees what the process left.
    pub fn kill_and_look(
        &self,
        scenario: &Scenario,
        point: &str,
        settings: &[(&str, &str)],
        look: &dyn Fn(&World),
    ) -> Result<bool, String> {
        (scenario.change)(&self.world, self.next_round(scenario));
        // a request without an answer is still processed while nobody waits for it
        if point.ends_with(":sent") {
            self.world.servicenow.set_fault(FaultRule::always(Fault::Slow(400)));
            self.world.syspro.faults.push(FaultRule::always(Fault::Slow(400)));
        }
        let mut command = self.world.command(scenario.command);
        command.env("TIELINE_FAILPOINT", format!("kill@{point}")).envs(settings.iter().copied());
        let out = command.output().unwrap();
        let killed = out.status.signal() == Some(9);
        if !killed && !matches!(out.status.code(), Some(0 | 3)) {
            return Err(format!("neither killed nor done: {:?} {}", out.status, text(&out)));
        }
        self.world.servicenow.clear_faults();
        self.world.syspro.faults.clear();
        look(&self.world);
        self.recover(scenario)?;
        Ok(killed)
    }

    fn recover(&self, scenario: &Scenario) -> Result<(), String> {
        self.world.rest(scenario.recover)?;
        if let Some(correct) = scenario.correct {
            correct(&self.world, self.round.get());
            self.world.rest(scenario.recover)?;
        }
        self.world.check()?;
        let wrong = self.world.database.psql(MISCOUNTED);
        if !wrong.is_empty() {
            return Err(format!("runs with wrong counts: {wrong}"));
        }
        (scenario.expect)(&self.world, self.round.get())
    }
}
