//! The timetable: when each flow is due, by its schedule, at the start, and for the retry of a failed run. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::actors::poller::PollError;
use crate::domain::run::RunKind;
use crate::domain::schedule::Schedule;
use crate::domain::{EntityName, FlowId};
use crate::retry::{self, Backoff, Class};

/// The schedules of an entity.
#[derive(Debug, Clone)]
pub(in crate::actors) struct Schedules {
    pub(in crate::actors) poll: Schedule,
    /// `None` for an entity that is read whole at every poll.
    pub(in crate::actors) sweep: Option<Schedule>,
}

/// What a schedule starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Planned {
    Poll,
    Sweep,
}

impl Planned {
    fn of(kind: RunKind) -> Self {
        if kind == RunKind::Sweep { Self::Sweep } else { Self::Poll }
    }

    fn kind(self) -> RunKind {
        match self {
            Self::Poll => RunKind::Poll,
            Self::Sweep => RunKind::Sweep,
        }
    }
}

impl Schedules {
    fn of(&self, planned: Planned) -> Option<&Schedule> {
        match planned {
            Planned::Poll => Some(&self.poll),
            Planned::Sweep => self.sweep.as_ref(),
        }
    }
}

/// Which flows are due, and when.
pub(in crate::actors) struct Timetable {
    schedules: BTreeMap<EntityName, Schedules>,
    lease: Duration,
    /// The waits before another attempt.
    backoff: Backoff,
    next: BTreeMap<(FlowId, Planned), DateTime<Utc>>,
    retries: BTreeMap<(FlowId, Planned), Retry>,
    /// Nothing is due before this time.
    sleeps_until: DateTime<Utc>,
    /// The latest time that the clock has shown.
    latest: DateTime<Utc>,
}

/// A smaller step back is a correction by the time service, and changes nothing.
const SET_BACK: TimeDelta = TimeDelta::minutes(1);

/// A run that failed and is retried before its schedule wants it.
struct Retry {
    at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    tries: u32,
}

/// A run that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actors) struct Due {
    pub(in crate::actors) flow: FlowId,
    pub(in crate::actors) kind: RunKind,
    /// When it was first due.
    pub(in crate::actors) due_at: DateTime<Utc>,
}

impl Timetable {
    /// Poll and sweep schedules per entity; `lease` is the time for which a flow is held.
    pub(in crate::actors) fn new(schedules: BTreeMap<EntityName, Schedules>, lease: Duration, backoff: Backoff) -> Self {
        let (next, retries, never) = (BTreeMap::new(), BTreeMap::new(), DateTime::<Utc>::MIN_UTC);
        Self { schedules, lease, backoff, next, retries, sleeps_until: never, latest: never }
    }

    /// Replaces the schedules; a flow whose schedule is unchanged keeps its next run, a new flow runs at once.
    pub(in crate::actors) fn replace(&mut self, schedules: BTreeMap<EntityName, Schedules>, now: DateTime<Utc>) {
        self.sleeps_until = DateTime::<Utc>::MIN_UTC;
        let (old, retries) = (std::mem::replace(&mut self.schedules, schedules), &mut self.retries);
        retries.retain(|(flow, _), _| self.schedules.contains_key(&flow.entity));
        self.next.retain(|(flow, planned), next| {
            let Some(schedule) = self.schedules.get(&flow.entity).and_then(|schedules| schedules.of(*planned)) else { return false };
            if old.get(&flow.entity).and_then(|schedules| schedules.of(*planned)) != Some(schedule) {
                *next = schedule.next_after(now).unwrap_or(DateTime::<Utc>::MAX_UTC);
            }
            true
        });
    }

    /// When the flows' polls are due next.
    pub(in crate::actors) fn next_polls(&self) -> BTreeMap<FlowId, DateTime<Utc>> {
        let polls = self.next.iter().filter(|((_, planned), _)| *planned == Planned::Poll);
        let soon = |key: &(FlowId, Planned), next: DateTime<Utc>| self.retries.get(key).map_or(next, |retry| retry.at.min(next));
        polls.map(|(key, next)| (key.0.clone(), soon(key, *next))).collect()
    }

    /// Reads the clock. When the clock was set back, the timetable does not wait for the old times: what was due then is due at the
    /// schedule's next time from now. Answers the time before.
    pub(in crate::actors) fn clock(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before = std::mem::replace(&mut self.latest, now);
        if before == DateTime::<Utc>::MIN_UTC || before - now < SET_BACK {
            // small steps back must not add up
            self.latest = before.max(now);
            return None;
        }
        self.sleeps_until = DateTime::<Utc>::MIN_UTC;
        for ((flow, planned), next) in &mut self.next {
            let schedule = self.schedules.get(&flow.entity).and_then(|schedules| schedules.of(*planned));
            if let Some(sooner) = schedule.and_then(|schedule| schedule.next_after(now)) {
                *next = sooner.min(*next);
            }
        }
        for retry in self.retries.values_mut().filter(|retry| retry.at < DateTime::<Utc>::MAX_UTC) {
            retry.at = now + (retry.at - before).max(TimeDelta::zero());
        }
        Some(before)
    }

    /// Whether nothing can be due at this time. Without this, the flows of many companies would be gone through every second.
    pub(in crate::actors) fn sleeps(&self, now: DateTime<Utc>) -> bool {
        now < self.sleeps_until
    }

    /// Removes from the timetable what is due now; a flow in `busy` stays.
    pub(in crate::actors) fn take(&mut self, flows: Vec<FlowId>, busy: impl Fn(&FlowId) -> bool, now: DateTime<Utc>) -> Vec<Due> {
        let mut taken: BTreeSet<FlowId> = BTreeSet::new();
        let (mut due, mut stays) = (Vec::new(), false);
        for flow in flows {
            let Some(schedules) = self.schedules.get(&flow.entity) else { continue };
            for planned in [Planned::Poll, Planned::Sweep] {
                let Some(schedule) = schedules.of(planned) else { continue };
                let key = (flow.clone(), planned);
                let by_schedule = match self.next.get(&key) {
                    // the first poll runs at once, the first sweep at its scheduled time
                    None if planned == Planned::Sweep => {
                        schedule.next_after(now).map(|next| self.next.insert(key, next));
                        continue;
                    }
                    None => Some(now),
                    Some(next) => (*next <= now).then_some(*next),
                };
                let retry = self.retries.get(&key).filter(|retry| retry.at <= now).map(|retry| retry.due_at);
                let Some(due_at) = by_schedule.or(retry) else { continue };
                if busy(&flow) || taken.contains(&flow) {
                    stays = true;
                    continue;
                }
                if by_schedule.is_some() {
                    // the schedule starts the run, so the count of retries starts again
                    self.retries.remove(&key);
                    match schedule.next_after(now) {
                        Some(next) => self.next.insert(key, next),
                        None => self.next.insert(key, DateTime::<Utc>::MAX_UTC),
                    };
                } else if let Some(retry) = self.retries.get_mut(&key) {
                    // not due until its result is known
                    retry.at = DateTime::<Utc>::MAX_UTC;
                }
                taken.insert(flow.clone());
                due.push(Due { flow: flow.clone(), kind: planned.kind(), due_at });
            }
        }
        // the end of a busy flow's run is not known
        let soonest = self.next.values().copied().chain(self.retries.values().map(|retry| retry.at)).min();
        self.sleeps_until = if stays { now } else { soonest.unwrap_or(now) };
        due
    }

    /// Stores the result of a run that was due. A run that may work later is retried soon: where the schedule is daily, a day is a long
    /// wait.
    pub(in crate::actors) fn ended(&mut self, due: &Due, error: Option<&PollError>, now: DateTime<Utc>) {
        let key = (due.flow.clone(), Planned::of(due.kind));
        let tries = self.retries.remove(&key).map_or(0, |retry| retry.tries) + 1;
        let wait = match error {
            // the holder may have died: then its lease runs out
            Some(PollError::Held { .. }) => self.lease / 3,
            // the read continues with the definitions that came into force
            Some(PollError::Definitions { .. }) => Duration::ZERO,
            Some(error) if matches!(error.class(), Class::Transient | Class::Throttled) => retry::delay(tries, self.backoff),
            _ => return,
        };
        self.sleeps_until = self.sleeps_until.min(now + wait);
        self.retries.insert(key, Retry { at: now + wait, due_at: due.due_at, tries });
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const NEVER: [DateTime<Utc>; 0] = [];

    fn timetable(cron: &str) -> Timetable {
        let schedule = Schedule::parse(cron, chrono_tz::UTC).unwrap();
        let s = Duration::from_secs;
        let schedules = Schedules { poll: schedule, sweep: None };
        Timetable::new(BTreeMap::from([(EntityName::new("supplier"), schedules)]), s(15), Backoff::new(s(4), s(60)))
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn flow() -> FlowId {
        FlowId::new("EDU1", "supplier")
    }

    fn take(timetable: &mut Timetable, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        if timetable.sleeps(now) {
            return Vec::new();
        }
        timetable.take(vec![flow()], |_| false, now).into_iter().map(|due| due.due_at).collect()
    }

    fn due(due_at: DateTime<Utc>) -> Due {
        Due { flow: flow(), kind: RunKind::Poll, due_at }
    }

    #[test]
    fn a_flow_runs_at_start_and_then_by_its_schedule() {
        let mut timetable = timetable("0 2 * * *");
        let start = at("2026-03-01T10:00:00Z");
        assert_eq!(take(&mut timetable, start), [start]);
        assert_eq!(take(&mut timetable, at("2026-03-02T01:59:59Z")), NEVER);
        assert_eq!(take(&mut timetable, at("2026-03-02T02:00:01Z")), [at("2026-03-02T02:00:00Z")]);
        assert_eq!(take(&mut timetable, at("2026-03-02T02:00:02Z")), NEVER);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_no_flow_from_its_schedule() {
        let mut timetable = timetable("*/5 * * * *");
        let start = at("2026-03-02T10:02:00Z");
        assert_eq!(timetable.clock(start), None);
        take(&mut timetable, start);
        let error = PollError::Store { flow: flow(), text: "gone".into() };
        timetable.ended(&due(start), Some(&error), start);
        // the time service corrects a few seconds
        assert_eq!(timetable.clock(start - TimeDelta::seconds(59)), None);
        let yesterday = at("2026-03-01T10:02:00Z");
        assert_eq!(timetable.clock(yesterday), Some(start));
        assert_eq!(timetable.clock(yesterday), None, "told once");
        assert_eq!(take(&mut timetable, yesterday + TimeDelta::seconds(5)), [start], "the next attempt keeps its wait");
        assert_eq!(take(&mut timetable, at("2026-03-01T10:04:59Z")), NEVER);
        assert_eq!(take(&mut timetable, at("2026-03-01T10:05:00Z")), [at("2026-03-01T10:05:00Z")]);
        // forward again: what was missed is due once
        assert_eq!(timetable.clock(start), None);
        assert_eq!(take(&mut timetable, start).len(), 1);
        assert_eq!(take(&mut timetable, start), NEVER);
    }

    #[test]
    fn a_clock_that_is_set_back_little_by_little_is_noticed_too() {
        let mut timetable = timetable("*/5 * * * *");
        let start = at("2026-03-02T10:02:00Z");
        let told = (0..300).filter(|n| timetable.clock(start - TimeDelta::seconds(*n)).is_some()).count();
        assert_eq!(told, 4, "each minute once");
    }

    #[test]
    fn a_busy_flow_is_due_as_soon_as_it_is_free() {
        let mut timetable = timetable("0 2 * * *");
        let start = at("2026-03-01T10:00:00Z");
        assert!(timetable.take(vec![flow()], |_| true, start).is_empty());
        assert_eq!(take(&mut timetable, start).len(), 1);
    }

    #[test]
    fn what_failed_for_a_passing_reason_comes_again_after_growing_waits() {
        let mut timetable = timetable("0 2 * * *");
        let start = at("2026-03-01T10:00:00Z");
        take(&mut timetable, start);
        let error = PollError::Store { flow: flow(), text: "gone".into() };
        let mut now = start;
        for longest in [4, 8, 16, 32, 60, 60] {
            timetable.ended(&due(start), Some(&error), now);
            assert_eq!(take(&mut timetable, now + TimeDelta::seconds(longest / 2 - 1)), NEVER);
            assert!(timetable.next_polls()[&flow()] <= now + TimeDelta::seconds(longest));
            now += TimeDelta::seconds(longest);
            assert_eq!(take(&mut timetable, now), [start], "it is still the first run that is wanted");
            assert_eq!(take(&mut timetable, now), NEVER, "it is on its way");
        }
        timetable.ended(&due(start), None, now);
        assert_eq!(take(&mut timetable, at("2026-03-02T01:59:59Z")), NEVER);
        assert_eq!(take(&mut timetable, at("2026-03-02T02:00:00Z")).len(), 1);
    }

    #[test]
    fn what_another_node_holds_is_tried_again_before_long() {
        let mut timetable = timetable("0 2 * * *");
        let start = at("2026-03-01T10:00:00Z");
        take(&mut timetable, start);
        let held = PollError::Held { flow: flow(), holder: "two".into(), until: String::new() };
        timetable.ended(&due(start), Some(&held), start);
        assert_eq!(take(&mut timetable, start + TimeDelta::seconds(4)), NEVER);
        assert_eq!(take(&mut timetable, start + TimeDelta::seconds(5)), [start]);
        timetable.ended(&due(start), Some(&PollError::Done { flow: flow() }), start + TimeDelta::seconds(16));
        assert_eq!(take(&mut timetable, start + TimeDelta::hours(2)), NEVER);
    }

    #[test]
    fn what_stays_wrong_waits_for_its_schedule() {
        let mut timetable = timetable("0 2 * * *");
        let start = at("2026-03-01T10:00:00Z");
        take(&mut timetable, start);
        timetable.ended(&due(start), Some(&PollError::TooManyGone { flow: flow(), gone: 9, known: 10, limits: "2".into() }), start);
        assert_eq!(take(&mut timetable, start + TimeDelta::hours(15)), NEVER);
    }
}
