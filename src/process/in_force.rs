//! The definitions that this process works with, and whether they are the ones in force in the ledger.
//!
//! Every piece of work takes a [`Snapshot`] and uses it to the end. The ledger refuses work that was done under a set that is no longer in
//! force. A flow's actors are created with a snapshot and created again when a new set comes: one run never uses two sets.

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use tracing::{error, info, warn};

use crate::definition::Definitions;
use crate::definition::set::short;
use crate::domain::approval::ApprovalState;
use crate::store::{AdoptResult, Adopter, ApprovalRow, MayAdopt, Node, SetNumber, Store};

/// One set of definitions, with its number in the ledger.
#[derive(Debug, Clone)]
pub struct Snapshot {
    set: Arc<Definitions>,
    /// Its number.
    pub number: SetNumber,
}

impl Snapshot {
    /// The set itself.
    pub fn set(&self) -> Arc<Definitions> {
        self.set.clone()
    }
}

impl Deref for Snapshot {
    type Target = Definitions;

    fn deref(&self) -> &Definitions {
        &self.set
    }
}

/// Whether the set of this process is the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetStatus {
    /// It is.
    InForce,
    /// Another set is in force: this process reads, maps and sends nothing.
    Other {
        /// Its number.
        in_force: SetNumber,
        /// Its hash; empty until it has been read.
        hash: String,
    },
    /// Another set is in force, and no second person has approved the one of this process, which reads, maps and sends nothing.
    Unapproved {
        /// The number of the set in force.
        in_force: SetNumber,
        /// Its hash.
        hash: String,
        /// The request for an approval, if somebody has asked.
        request: Option<Box<ApprovalRow>>,
    },
}

/// A newer set that waits for a second person, while this process works with the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedSet {
    /// Its hash.
    pub hash: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The request for an approval, if somebody has asked.
    pub request: Option<Box<ApprovalRow>>,
}

/// The state of a request for an approval of definitions, and what to do.
pub fn request_words(request: Option<&ApprovalRow>) -> String {
    match request.map(|row| (row, row.state)) {
        Some((row, ApprovalState::Asked)) => format!("request {} of {} waits for another person's approval", row.id, row.asked_by),
        Some((row, ApprovalState::Approved)) => format!("request {} is approved, and Tieline puts them into force", row.id),
        Some((row, state)) => {
            format!("request {} is {state}; `tieline definitions adopt --why …` asks again, or give the node the files in force", row.id)
        }
        None => "nobody has asked for an approval: `tieline definitions adopt --why …` asks, and another person approves".to_owned(),
    }
}

/// A newer set that was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSet {
    /// When.
    pub at: DateTime<Utc>,
    /// What is wrong with it, each with file and line.
    pub problems: Vec<String>,
}

/// The definitions of this process, for display.
#[derive(Debug, Clone)]
pub struct View {
    /// The number of its set.
    pub number: SetNumber,
    /// Its hash.
    pub hash: String,
    /// When this process loaded it.
    pub loaded_at: DateTime<Utc>,
    /// Whether it is in force.
    pub status: SetStatus,
    /// The files have a newer set, which was refused.
    pub refused: Option<RefusedSet>,
    /// The files have a newer set, which waits for a second person.
    pub awaited: Option<AwaitedSet>,
}

impl SetStatus {
    /// The status after [`Store::definition_adopt`].
    pub fn of(result: &AdoptResult) -> Self {
        match result {
            AdoptResult::InForce { .. } => Self::InForce,
            AdoptResult::Other { in_force, hash, .. } => Self::Other { in_force: *in_force, hash: hash.clone() },
            AdoptResult::Unapproved { in_force, hash, asked } => {
                Self::Unapproved { in_force: *in_force, hash: hash.clone(), request: asked.clone() }
            }
        }
    }
}

impl View {
    /// Its hash in the form shown to people.
    pub fn short(&self) -> &str {
        short(&self.hash)
    }

    /// Why this process does no work; `None` when it does.
    pub fn complaint(&self) -> Option<String> {
        let (in_force, hash) = match &self.status {
            SetStatus::InForce => return None,
            SetStatus::Other { in_force, hash } => (in_force, hash),
            SetStatus::Unapproved { in_force, hash, request } => {
                return Some(format!(
                    "the definition files of this node ({}) are not those that were approved ({}, number {}): it reads, maps and sends nothing. \
                     `tieline definitions show` here lists which files and settings differ; {}",
                    short(&self.hash),
                    short(hash),
                    in_force.0,
                    request_words(request.as_deref())
                ));
            }
        };
        Some(format!(
            "this node has definitions {} (number {}), and {} (number {}) are in force: it reads, maps and sends nothing. `tieline \
             definitions show` here lists which files and settings differ. Give this node those that are in force, or put its own into force with `tieline definitions adopt --why …`",
            short(&self.hash),
            self.number.0,
            short(hash),
            in_force.0
        ))
    }
}

impl AwaitedSet {
    /// What waits, and for what.
    pub fn words(&self) -> String {
        format!(
            "The definition files have changed (now {}), and the approved ones stay in force; {}. `tieline definitions show` lists the differences.",
            short(&self.hash),
            request_words(self.request.as_deref())
        )
    }
}

/// The ledger has other definitions in force than this process knew: reads and logs which ones. The set of this node may be in force again.
pub async fn check(definitions: &InForce, store: &Store, node: &Node, in_force: SetNumber) {
    let now = definitions.now();
    if matches!(definitions.view().status, SetStatus::Unapproved { .. }) {
        // what looks at the files asks every few seconds, and gives this process its number with the approval
        return;
    }
    let set = now.set.set.clone();
    let who = Adopter { node: Some(node.name.clone()), actor: "tieline".into(), why: None, may: MayAdopt::Nothing, approval_hours: None };
    match store.definition_adopt(set, who).await {
        Ok(result) => {
            let status = SetStatus::of(&result);
            if !definitions.set_status(now.number, status) {
                return;
            }
            match definitions.view().complaint() {
                Some(complaint) => error!(complaint, "other definitions came into force"),
                None => info!(number = in_force.0, "the definitions of this node are in force again"),
            }
        }
        Err(error) => warn!(%error, "the definitions in force could not be read; Tieline retries"),
    }
}

#[derive(Debug)]
struct State {
    now: Snapshot,
    loaded_at: DateTime<Utc>,
    status: SetStatus,
    refused: Option<RefusedSet>,
    awaited: Option<AwaitedSet>,
}

/// The definitions of this process; cheap to clone, and all clones share one state.
#[derive(Debug, Clone)]
pub struct InForce(Arc<RwLock<State>>);

impl InForce {
    /// This set, by its number in the ledger.
    pub fn new(set: Arc<Definitions>, number: SetNumber, status: SetStatus) -> Self {
        let now = Snapshot { set, number };
        Self(Arc::new(RwLock::new(State { now, loaded_at: Utc::now(), status, refused: None, awaited: None })))
    }

    /// The current set, for one piece of work from start to end.
    pub fn now(&self) -> Snapshot {
        self.read(|state| state.now.clone())
    }

    /// Whether the set of this process is the one in force, as far as this process knows. The ledger decides.
    pub fn is_in_force(&self) -> bool {
        self.read(|state| state.status == SetStatus::InForce)
    }

    /// The definitions for display.
    pub fn view(&self) -> View {
        self.read(|state| View {
            number: state.now.number,
            hash: state.now.set.set.hash.clone(),
            loaded_at: state.loaded_at,
            status: state.status.clone(),
            refused: state.refused.clone(),
            awaited: state.awaited.clone(),
        })
    }

    /// Replaces this set with another one.
    pub fn replace(&self, set: Arc<Definitions>, number: SetNumber, status: SetStatus) {
        self.write(|state| {
            *state = State { now: Snapshot { set, number }, loaded_at: Utc::now(), status, refused: None, awaited: None };
        });
    }

    /// A newer set waits for a second person; the one before stays in use. Answers whether that is new.
    pub fn wait_for_approval(&self, hash: &str, request: Option<Box<ApprovalRow>>) -> bool {
        self.write(|state| {
            let before = state.awaited.take().filter(|awaited| awaited.hash == hash);
            let new = before.is_none();
            let since = before.map_or_else(Utc::now, |awaited| awaited.since);
            state.awaited = Some(AwaitedSet { hash: hash.to_owned(), since, request });
            state.refused = None;
            new
        })
    }

    /// The files contain the same set as before.
    pub fn unchanged(&self) {
        self.write(|state| (state.refused, state.awaited) = (None, None));
    }

    /// A newer set is refused as a whole; the one before stays.
    pub fn refuse(&self, problems: Vec<String>) {
        self.write(|state| (state.refused, state.awaited) = (Some(RefusedSet { at: Utc::now(), problems }), None));
    }

    /// Stores whether the set with this number is in force; answers whether that is new. A report about a set that has been replaced is
    /// ignored.
    pub fn set_status(&self, number: SetNumber, status: SetStatus) -> bool {
        self.write(|state| {
            if state.now.number != number {
                return false;
            }
            let new = state.status != status;
            state.status = status;
            new
        })
    }

    /// Whether `in_force`, which the ledger reports, differs from what this process knows.
    pub fn is_new(&self, in_force: SetNumber) -> bool {
        self.read(|state| match &state.status {
            SetStatus::InForce => state.now.number != in_force,
            SetStatus::Other { in_force: known, .. } | SetStatus::Unapproved { in_force: known, .. } => {
                *known != in_force || state.now.number == in_force
            }
        })
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_stays_what_it_was() {
        let in_force = InForce::new(Arc::default(), SetNumber(1), SetStatus::InForce);
        let before = in_force.now();
        in_force.refuse(vec!["entities/a.toml:3: wrong".into()]);
        assert_eq!(in_force.view().refused.map(|refused| refused.problems.len()), Some(1));
        in_force.replace(Arc::default(), SetNumber(2), SetStatus::InForce);
        assert_eq!((before.number, in_force.now().number), (SetNumber(1), SetNumber(2)));
        assert!(in_force.view().refused.is_none(), "what was refused has been replaced");
    }

    #[test]
    fn another_set_in_force_is_news_once() {
        let in_force = InForce::new(Arc::default(), SetNumber(1), SetStatus::InForce);
        assert!(!in_force.is_new(SetNumber(1)));
        assert!(in_force.is_new(SetNumber(2)));
        assert!(in_force.set_status(SetNumber(1), SetStatus::Other { in_force: SetNumber(2), hash: "ab".repeat(32) }));
        assert!(!in_force.is_new(SetNumber(2)) && !in_force.is_in_force());
        let complaint = in_force.view().complaint().unwrap();
        assert!(complaint.contains("abababababab (number 2) are in force"), "{complaint}");
        assert!(in_force.is_new(SetNumber(1)));
        in_force.replace(Arc::default(), SetNumber(3), SetStatus::InForce);
        assert!(!in_force.set_status(SetNumber(1), SetStatus::Other { in_force: SetNumber(2), hash: String::new() }), "told too late");
        assert!(in_force.is_in_force());
    }
}
