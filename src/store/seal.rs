//! A seal of the audit: the leaves that it covers, and the hash over all that it says of them.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Date, Integer, Nullable, Timestamptz};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::evidence::merkle::{Hash, Peaks};
use crate::store::text::Text;

/// The columns of a [`SealRow`], for a query of `audit_seal s`.
pub(super) const COLUMNS: &str = "s.id, s.life, s.day, s.first_leaf, s.last_leaf, s.rows, s.from_xid, s.from_id, s.to_xid, s.to_id, s.at, \
     s.mark, s.previous, s.peaks, s.hash, s.removed_at IS NOT NULL AS removed, \
     (SELECT b.peaks FROM audit_seal b WHERE b.id = s.id - 1) AS before";

/// A place in the order of a life's events: the transaction and the number of an event.
pub(super) type Position = (i64, i64);

/// The place before all events of a life.
pub(super) const START: Position = (0, i64::MIN);

/// A seal, as the ledger stores it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct SealRow {
    #[diesel(sql_type = BigInt)]
    pub(super) id: i64,
    #[diesel(sql_type = Integer)]
    pub(super) life: i32,
    /// The day of the audit; `None`: a seal of an earlier release, which covered no leaves, and whose events were removed.
    #[diesel(sql_type = Nullable<Date>)]
    pub(super) day: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) first_leaf: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) last_leaf: Option<i64>,
    /// Audit rows that it covers.
    #[diesel(sql_type = BigInt)]
    pub(super) rows: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) from_xid: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) from_id: Option<i64>,
    #[diesel(sql_type = BigInt)]
    pub(super) to_xid: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) to_id: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    pub(super) at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) mark: Option<String>,
    /// The hash of the seal before it.
    #[diesel(sql_type = Binary)]
    pub(super) previous: Vec<u8>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) peaks: Option<Vec<u8>>,
    #[diesel(sql_type = Binary)]
    pub(super) hash: Vec<u8>,
    /// Whether its events were removed by retention.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub(super) removed: bool,
    /// The peaks of the seal before it.
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) before: Option<Vec<u8>>,
}

/// What a seal says: all of it is in its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) id: i64,
    pub(super) life: i32,
    pub(super) day: NaiveDate,
    pub(super) first_leaf: i64,
    pub(super) last_leaf: i64,
    pub(super) rows: i64,
    pub(super) from: Position,
    /// The first place that it does not cover.
    pub(super) to: Position,
    pub(super) at: DateTime<Utc>,
    /// Why the life ended, if it did with this seal.
    pub(super) mark: Option<String>,
    pub(super) previous: Vec<u8>,
    /// The tree over all leaves up to its last one.
    pub(super) tree: Peaks,
}

/// The text whose SHA-256 is the hash of a seal.
#[derive(Serialize)]
struct SealText<'a> {
    seal: i64,
    life: i32,
    day: NaiveDate,
    first_leaf: i64,
    last_leaf: i64,
    rows: i64,
    from: Position,
    to: Position,
    at: String,
    mark: Option<&'a str>,
    previous: String,
    peaks: String,
}

impl Seal {
    /// The text that is hashed, as one line of JSON.
    pub(super) fn text(&self) -> String {
        let text = SealText {
            seal: self.id,
            life: self.life,
            day: self.day,
            first_leaf: self.first_leaf,
            last_leaf: self.last_leaf,
            rows: self.rows,
            from: self.from,
            to: self.to,
            at: self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            mark: self.mark.as_deref(),
            previous: hex::encode(&self.previous),
            peaks: hex::encode(self.tree.bytes()),
        };
        serde_json::to_string(&text).unwrap_or_default()
    }

    pub(super) fn hash(&self) -> Hash {
        Sha256::digest(self.text()).into()
    }
}

impl SealRow {
    /// What the row says, if it can be a seal of leaves.
    pub(super) fn seal(&self) -> Option<Seal> {
        let last_leaf = self.last_leaf?;
        Some(Seal {
            id: self.id,
            life: self.life,
            day: self.day?,
            first_leaf: self.first_leaf?,
            last_leaf,
            rows: self.rows,
            from: (self.from_xid, self.from_id?),
            to: (self.to_xid, self.to_id?),
            at: self.at,
            mark: self.mark.clone(),
            previous: self.previous.clone(),
            tree: Peaks::stored(u64::try_from(last_leaf).ok()?, self.peaks.as_deref()?)?,
        })
    }

    /// The tree before its first leaf.
    pub(super) fn tree_before(&self) -> Option<Peaks> {
        let size = u64::try_from(self.first_leaf? - 1).ok()?;
        Peaks::stored(size, self.before.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_seal_says_is_in_its_hash() {
        let at = DateTime::UNIX_EPOCH;
        let tree = Peaks::stored(2, &[5; 32]).unwrap();
        let seal = Seal {
            id: 1,
            life: 1,
            day: at.date_naive(),
            first_leaf: 1,
            last_leaf: 2,
            rows: 5,
            from: START,
            to: (7, 8),
            at,
            mark: None,
            previous: vec![0; 32],
            tree,
        };
        let others = [
            Seal { id: 2, ..seal.clone() },
            Seal { life: 2, ..seal.clone() },
            Seal { day: "2026-11-30".parse().unwrap(), ..seal.clone() },
            Seal { first_leaf: 2, ..seal.clone() },
            Seal { last_leaf: 3, ..seal.clone() },
            Seal { rows: 6, ..seal.clone() },
            Seal { from: (1, 1), ..seal.clone() },
            Seal { to: (7, 9), ..seal.clone() },
            Seal { at: at + chrono::TimeDelta::microseconds(1), ..seal.clone() },
            Seal { mark: Some(String::new()), ..seal.clone() },
            Seal { previous: vec![1; 32], ..seal.clone() },
            Seal { tree: Peaks::stored(2, &[6; 32]).unwrap(), ..seal.clone() },
        ];
        for other in others {
            assert_ne!(other.hash(), seal.hash(), "{}", other.text());
        }
    }
}
