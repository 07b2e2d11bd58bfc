//! Sessions: seats, evictions, and counts that show whether a client logs off.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::options::EnetSwitches;

/// One live session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The operator.
    pub(super) operator: String,
    /// Its one company.
    pub(super) company: String,
    /// Calls of one session are served one after another.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// When the last call came.
    stamped: Instant,
}

/// Counts of sessions opened and ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCounts {
    /// Open now.
    pub open: u64,
    /// The most at once.
    pub most_open: u64,
    /// Logons that gave a session.
    pub logons: u64,
    /// Logons refused.
    pub refused: u64,
    /// Sessions ended by their client.
    pub logoffs: u64,
    /// Sessions that their own operator's next logon ended: no one had logged them off.
    pub leaked: u64,
    /// Sessions ended by a person who logged in with the operator's code.
    pub evicted: u64,
    /// Sessions ended by time, by another's logon, or by a restart.
    pub expired: u64,
    /// Calls with an ended session.
    pub dead_calls: u64,
}

/// Every session, and why recent ones ended.
#[derive(Debug)]
pub(super) struct Sessions {
    live: BTreeMap<String, Session>,
    evicted: Vec<String>,
    random: fastrand::Rng,
    counts: SessionCounts,
}

/// Why a call finds no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dead {
    /// It never existed, has expired or was logged off.
    Unknown,
    /// A person logged in with the operator's code.
    Evicted,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { live: BTreeMap::new(), evicted: vec![], random: fastrand::Rng::new(), counts: SessionCounts::default() }
    }
}

impl Sessions {
    /// A new session; the id has 36 characters, the last two of them spaces. `Err`: all seats are taken.
    pub(super) fn open(&mut self, operator: &str, company: &str, switches: &EnetSwitches) -> Result<String, ()> {
        self.age(switches);
        if switches.one_session_per_operator {
            let before = self.live.len();
            self.live.retain(|_, session| session.operator != operator);
            self.counts.leaked += (before - self.live.len()) as u64;
        }
        if switches.seats.is_some_and(|seats| self.live.len() >= seats) {
            let idlest = self.live.iter().min_by_key(|(_, session)| session.stamped).map(|(id, session)| (id.clone(), session.stamped));
            match idlest {
                Some((id, stamped)) if stamped.elapsed() >= Duration::from_millis(switches.steal_after_ms) => {
                    self.live.remove(&id);
                    self.counts.expired += 1;
                }
                _ => {
                    self.counts.refused += 1;
                    return Err(());
                }
            }
        }
        let mut id: String = (0..32).map(|_| char::from(b"0123456789ABCDEF"[self.random.usize(0..16)])).collect();
        id.push_str("00  ");
        let session = Session { operator: operator.into(), company: company.into(), turn: Arc::default(), stamped: Instant::now() };
        self.live.insert(id.clone(), session);
        self.counts.logons += 1;
        self.counts.most_open = self.counts.most_open.max(self.live.len() as u64);
        Ok(id)
    }

    /// Counts a refused logon.
    pub(super) fn refused(&mut self) {
        self.counts.refused += 1;
    }

    /// Stamps the session.
    pub(super) fn call(&mut self, id: &str, switches: &EnetSwitches) -> Result<Session, Dead> {
        self.age(switches);
        let id = full(id, switches);
        match self.live.get_mut(&id) {
            Some(session) => {
                session.stamped = Instant::now();
                Ok(session.clone())
            }
            None => {
                self.counts.dead_calls += 1;
                Err(if self.evicted.contains(&id) { Dead::Evicted } else { Dead::Unknown })
            }
        }
    }

    /// Ends a session at its client's request; `false`: it is unknown.
    pub(super) fn close(&mut self, id: &str, switches: &EnetSwitches) -> bool {
        self.age(switches);
        let known = self.live.remove(&full(id, switches)).is_some();
        self.counts.logoffs += u64::from(known);
        known
    }

    /// A person logs in with the operator's code.
    pub(super) fn evict(&mut self, operator: &str) -> usize {
        let gone: Vec<String> = self.live.iter().filter(|(_, session)| session.operator == operator).map(|(id, _)| id.clone()).collect();
        for id in &gone {
            self.live.remove(id);
        }
        self.counts.evicted += gone.len() as u64;
        self.evicted.extend(gone.iter().cloned());
        gone.len()
    }

    /// Persons log in with the codes of every operator.
    pub(super) fn evict_all(&mut self) -> usize {
        let mut operators: Vec<String> = self.live.values().map(|session| session.operator.clone()).collect();
        operators.dedup();
        operators.iter().map(|operator| self.evict(operator)).sum()
    }

    /// Every session ends, as when the service is restarted.
    pub(super) fn expire(&mut self) -> usize {
        let gone = self.live.len();
        self.live.clear();
        self.counts.expired += gone as u64;
        gone
    }

    /// Counts of sessions opened and ended.
    pub(super) fn counts(&self) -> SessionCounts {
        SessionCounts { open: self.live.len() as u64, ..self.counts }
    }

    fn age(&mut self, switches: &EnetSwitches) {
        let Some(limit) = switches.hard_expiry_ms.map(Duration::from_millis) else { return };
        let before = self.live.len();
        self.live.retain(|_, session| session.stamped.elapsed() < limit);
        self.counts.expired += (before - self.live.len()) as u64;
    }
}

/// The id as it was given out.
fn full(id: &str, switches: &EnetSwitches) -> String {
    if switches.accept_trimmed_id { format!("{:<36}", id.trim_end_matches(' ')) } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operator_has_one_session_and_a_full_house_refuses() {
        let mut sessions = Sessions::default();
        let switches = EnetSwitches { seats: Some(2), ..EnetSwitches::default() };
        let first = sessions.open("A", "1", &switches).expect("seat");
        assert!(first.len() == 36 && first.ends_with("00  "));
        let second = sessions.open("A", "EDU1", &switches).expect("seat");
        assert_eq!(sessions.call(&first, &switches).expect_err("ended"), Dead::Unknown);
        assert_eq!(sessions.call(second.trim_end(), &switches).expect("live").company, "EDU1");
        sessions.open("B", "1", &switches).expect("seat");
        assert!(sessions.open("C", "1", &switches).is_err());
        let steal = EnetSwitches { steal_after_ms: 0, ..switches.clone() };
        sessions.open("C", "1", &steal).expect("the idlest seat");
        assert_eq!(sessions.call(&second, &switches).expect_err("stolen"), Dead::Unknown);
        assert_eq!(sessions.evict("B"), 1);
        let counts = sessions.counts();
        assert_eq!((counts.open, counts.most_open, counts.leaked, counts.evicted, counts.refused), (1, 2, 1, 1, 1));
        let strict = EnetSwitches { accept_trimmed_id: false, ..switches };
        let id = sessions.open("D", "1", &strict).expect("seat");
        assert!(!sessions.close(id.trim_end(), &strict) && sessions.close(&id, &strict));
    }

    #[test]
    fn hard_expiry_ends_idle_sessions() {
        let mut sessions = Sessions::default();
        let id = sessions.open("A", "1", &EnetSwitches::default()).expect("seat");
        let switches = EnetSwitches { hard_expiry_ms: Some(0), ..EnetSwitches::default() };
        assert_eq!(sessions.call(&id, &switches).expect_err("expired"), Dead::Unknown);
        assert_eq!(sessions.counts().expired, 1);
    }
}
