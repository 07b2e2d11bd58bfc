//! Lives of the ledger: a ledger that was restored from a backup begins a new one.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a ledger lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The cluster's own number; `None`: the server does not tell it to this account.
    pub cluster: Option<i64>,
    /// The database's number in the cluster.
    pub database: Option<i64>,
    /// The number of the ledger's own table: loading a dump makes it again.
    pub table: Option<i64>,
}

/// What a node saw committed last, kept in its state directory: a ledger without it is an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighWater {
    /// The life of the ledger.
    pub life: Uuid,
    /// An audit row.
    pub audit: i64,
    /// The transaction that wrote it.
    pub xid: i64,
}

/// How it is seen that a ledger was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The cluster is another one.
    Cluster {
        /// Until now.
        was: i64,
        /// Now.
        is: i64,
    },
    /// The same cluster, and the tables were re-created, or the database was copied.
    Tables,
    /// The ledger kept a transaction number that its cluster has not given yet.
    Transactions {
        /// The number kept.
        kept: i64,
        /// The next number of the cluster.
        next: i64,
    },
    /// This node saw a row committed that is not there.
    WentBack {
        /// The row's number in the audit.
        audit: i64,
    },
    /// A person says so.
    Said {
        /// Who.
        by: String,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster { was, is } => write!(f, "it was kept in database cluster {was}, and this is cluster {is}"),
            Self::Tables => {
                f.write_str("its tables were made anew in the same database cluster: a dump was loaded, or the database was copied")
            }
            Self::Transactions { kept, next } => {
                write!(f, "it holds transaction number {kept}, and this database cluster has not come beyond {next}")
            }
            Self::WentBack { audit } => {
                write!(f, "this node saw audit row {audit} committed, and the ledger does not have it: it went back")
            }
            Self::Said { by } => write!(f, "{by} says so"),
        }
    }
}

/// What tells whether a ledger was restored.
#[derive(Debug, Clone, Copy)]
pub struct Signs {
    /// Where it lived when that was last written down; nothing known for a ledger of an earlier release.
    pub known: Place,
    /// Where it lives now.
    pub now: Place,
    /// The highest transaction number that it kept in this life.
    pub kept: Option<i64>,
    /// The number that the cluster gives next, or less.
    pub next: i64,
    /// The row that this node saw committed and that is missing.
    pub missing: Option<i64>,
}

impl Signs {
    /// Whether it was restored, and how that is seen. A number that is not known on both sides tells nothing: a right may come or go.
    pub fn evidence(&self) -> Option<Evidence> {
        let differ = |was: Option<i64>, is: Option<i64>| was.zip(is).filter(|(was, is)| was != is);
        if let Some((was, is)) = differ(self.known.cluster, self.now.cluster) {
            return Some(Evidence::Cluster { was, is });
        }
        if differ(self.known.database, self.now.database).or(differ(self.known.table, self.now.table)).is_some() {
            return Some(Evidence::Tables);
        }
        if let Some(kept) = self.kept.filter(|kept| *kept > self.next) {
            return Some(Evidence::Transactions { kept, next: self.next });
        }
        self.missing.map(|audit| Evidence::WentBack { audit })
    }
}

/// How many records a side is judged by at least: of fewer, a person may have deleted them all.
const FEW: usize = 10;

/// How the reason begins for which flows stop when ServiceNow is not the instance that the ledger knows.
pub const WENT_BACK: &str = "ServiceNow went back";

/// What is to be done when a side went back; flows that were stopped with it go on once it was done.
pub const COMPARE: &str = "stop the service and run `tieline restored`: it compares both sides and lets the flows go on";

/// Whether a side is not the one that is known: of its newest records more than this share is missing, or older. 100 percent switches it off.
pub fn went_back(asked: usize, missing: usize, percent: u32) -> bool {
    asked >= FEW && percent < 100 && missing * 100 > asked * percent as usize
}

/// A life of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Life {
    /// The first is 1.
    pub number: i32,
    /// Its own name.
    pub id: Uuid,
    /// Where it is lived.
    pub place: Place,
    /// Since when.
    pub began_at: DateTime<Utc>,
    /// What was restored, when and how that was seen, in words; `None` for the first.
    pub why: Option<String>,
    /// When what ServiceNow has had been compared with it.
    pub compared_at: Option<DateTime<Utc>>,
}

impl Life {
    /// Why it began, and whether it was compared with ServiceNow since; nothing of the first life.
    pub fn said(&self) -> Option<String> {
        let why = self.why.as_ref()?;
        Some(match self.compared_at {
            Some(at) => format!("{why}; it was compared with ServiceNow at {}", at.format("%Y-%m-%d %H:%M:%SZ")),
            None => why.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs() -> Signs {
        let place = Place { cluster: Some(7), database: Some(8), table: Some(9) };
        Signs { known: place, now: place, kept: Some(100), next: 100, missing: None }
    }

    #[test]
    fn a_ledger_at_its_place_with_all_that_was_seen_was_not_restored() {
        assert_eq!(signs().evidence(), None);
        // a ledger of an earlier release, and a server that does not tell
        let nothing = Place::default();
        assert_eq!(Signs { known: nothing, ..signs() }.evidence(), None);
        assert_eq!(Signs { now: Place { cluster: None, ..signs().now }, ..signs() }.evidence(), None);
    }

    #[test]
    fn a_side_went_back_when_most_of_its_newest_records_are_not_there() {
        for (asked, missing, is) in [(20, 11, true), (20, 10, false), (20, 0, false), (10, 10, true), (9, 9, false)] {
            assert_eq!(went_back(asked, missing, 50), is, "{missing} of {asked}");
        }
        assert!(!went_back(20, 20, 100), "switched off");
    }

    #[test]
    fn each_sign_tells_by_itself() {
        let now = signs().now;
        let other = |now| Signs { now, ..signs() }.evidence();
        assert_eq!(other(Place { cluster: Some(6), ..now }), Some(Evidence::Cluster { was: 7, is: 6 }));
        assert_eq!(other(Place { database: Some(6), ..now }), Some(Evidence::Tables));
        assert_eq!(other(Place { table: Some(6), ..now }), Some(Evidence::Tables));
        assert_eq!(other(Place { cluster: None, table: Some(6), ..now }), Some(Evidence::Tables));
        assert_eq!(Signs { next: 99, ..signs() }.evidence(), Some(Evidence::Transactions { kept: 100, next: 99 }));
        assert_eq!(Signs { missing: Some(5), ..signs() }.evidence(), Some(Evidence::WentBack { audit: 5 }));
    }
}
