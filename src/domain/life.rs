//! Lives of the ledger: a ledger that was restored from a backup starts a new one.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::delivery::words;
use super::ids::{AuditRowId, LifeId};

/// The place of a ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The cluster's own number; `None`: the server does not tell it to this account.
    pub cluster: Option<i64>,
    /// The database's number in the cluster.
    pub database: Option<i64>,
    /// The number of the ledger's own table: loading a dump creates the table again.
    pub table: Option<i64>,
}

/// The last audit row that a node saw committed, stored in its state directory: a ledger without this row is an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighWater {
    /// The life of the ledger.
    pub life: LifeId,
    /// An audit row.
    pub audit: AuditRowId,
    /// The transaction that wrote it.
    pub xid: i64,
}

/// What shows that a ledger was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The cluster is another one.
    Cluster {
        /// The former cluster.
        was: i64,
        /// The current cluster.
        is: i64,
    },
    /// The same cluster, and the tables were re-created, or the database was copied.
    Tables,
    /// The ledger contains a transaction number that its cluster has not used yet.
    Transactions {
        /// The number in the ledger.
        kept: i64,
        /// The next number of the cluster.
        next: i64,
    },
    /// This node saw a row committed that does not exist any more.
    WentBack {
        /// The row's number in the audit.
        audit: AuditRowId,
    },
    /// A person says so.
    Said {
        /// The person.
        by: String,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster { was, is } => write!(f, "it was kept in database cluster {was}, and this is cluster {is}"),
            Self::Tables => {
                f.write_str("its tables were created again in the same database cluster: a dump was loaded, or the database was copied")
            }
            Self::Transactions { kept, next } => {
                write!(f, "it holds transaction number {kept}, and this database cluster has only reached {next}")
            }
            Self::WentBack { audit } => {
                write!(
                    f,
                    "this node saw audit row {audit} committed, and the ledger does not have it: the ledger was restored to an earlier \
                     state"
                )
            }
            Self::Said { by } => write!(f, "{by} reported it"),
        }
    }
}

/// The facts that show whether a ledger was restored.
#[derive(Debug, Clone, Copy)]
pub struct Signs {
    /// The place that was last recorded; unknown for a ledger of an earlier release.
    pub known: Place,
    /// The current place.
    pub now: Place,
    /// The highest transaction number stored in this life.
    pub kept: Option<i64>,
    /// The next number of the cluster, or a lower one.
    pub next: i64,
    /// The row that this node saw committed and that is missing.
    pub missing: Option<AuditRowId>,
}

impl Signs {
    /// What shows that it was restored, if it was. A number that is not known on both sides is ignored, because a right may come or go.
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

/// The fewest records for this decision: fewer may all have been deleted by a person.
const FEW: usize = 10;

/// Start of the reason for which flows stop when ServiceNow is not the instance that the ledger knows.
pub const WENT_BACK: &str = "ServiceNow went back";

/// What to do when a side was set back; flows that stopped for it continue after that.
pub const COMPARE: &str = "stop the service and run `tieline restored`: it compares both sides, and the flows run again after that";

/// Whether a side is not the known one: more than this share of its newest records is missing, or older. 100 percent switches the check
/// off.
pub fn went_back(asked: usize, missing: usize, percent: u32) -> bool {
    asked >= FEW && percent < 100 && missing * 100 > asked * percent as usize
}

/// How far the comparison of a flow, or of one of its blocks, has come after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonState {
    /// It has not ended.
    Open,
    /// The rows of the block cannot be identified by their keys: its records are sent again.
    Unreadable,
    /// It has ended.
    Done,
}

words!(ComparisonState { Open = "open", Unreadable = "unreadable", Done = "done" });

/// A life of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Life {
    /// The first is 1.
    pub number: i32,
    /// Its own name.
    pub id: LifeId,
    /// Its place.
    pub place: Place,
    /// When it started.
    pub began_at: DateTime<Utc>,
    /// What was restored, when, and what showed it, as a sentence; `None` for the first.
    pub why: Option<String>,
    /// When ServiceNow was compared with it.
    pub compared_at: Option<DateTime<Utc>>,
}

impl Life {
    /// Why it started, and whether it was compared with ServiceNow since; `None` for the first life.
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
        // a ledger of an earlier release, and a server that does not tell its number
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
        assert_eq!(Signs { missing: Some(AuditRowId(5)), ..signs() }.evidence(), Some(Evidence::WentBack { audit: AuditRowId(5) }));
    }
}
