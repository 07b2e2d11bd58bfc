//! The signed days compared with the leaves: the hash of each day's file, its Merkle root, the chain of the manifests and their signatures.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::super::seal::Seal;
use super::super::{AuditDayRow, AuditKeyRow, Store};
use super::found::{SealReport, Stop, broken, of_day};
use crate::evidence::directory::{HandOver, KeptManifest, follows, hand_over};
use crate::evidence::leaf::leaf_line;
use crate::evidence::manifest::Manifest;
use crate::evidence::manifest::sha256;
use crate::evidence::merkle::{Hash, Peaks};
use crate::evidence::signature::{Signer, verify};
use crate::evidence::timestamp;

/// Manifests that are read at once.
const PAGE: i64 = 200;

/// The leaves of a day, as the ledger has them.
#[derive(Debug)]
struct DayFacts {
    first_leaf: i64,
    last_leaf: i64,
    before: Peaks,
    after: Peaks,
    /// SHA-256 of the day's file; `None`: some of its events were removed.
    hash: Option<Sha256>,
}

/// All days with leaves.
#[derive(Debug, Default)]
pub(super) struct Days {
    days: BTreeMap<NaiveDate, DayFacts>,
    current: Option<NaiveDate>,
    tree: Peaks,
    /// The newest day that was signed when the walk began.
    newest_signed: Option<NaiveDate>,
}

impl Days {
    /// For a walk that begins when this is the newest signed day.
    pub(super) fn signed_up_to(newest_signed: Option<NaiveDate>) -> Self {
        Self { newest_signed, ..Self::default() }
    }

    /// A seal of a day follows.
    pub(super) fn begin(&mut self, seal: &Seal) {
        let before = self.tree.clone();
        let facts = self.days.entry(seal.day).or_insert_with(|| DayFacts {
            first_leaf: seal.first_leaf,
            last_leaf: seal.first_leaf - 1,
            after: before.clone(),
            before,
            hash: Some(Sha256::new()),
        });
        facts.last_leaf = seal.last_leaf;
        // what the seal says; that its leaves give this tree is checked where they are read
        facts.after = seal.tree.clone();
        self.tree = seal.tree.clone();
        self.current = Some(seal.day);
    }

    /// The next leaf of that seal.
    pub(super) fn add(&mut self, leaf: i64, line: &str) {
        if let Some(facts) = self.current.and_then(|day| self.days.get_mut(&day))
            && let Some(hash) = &mut facts.hash
        {
            hash.update(leaf_line(leaf, line));
            hash.update(b"\n");
        }
    }

    /// The events of that seal were removed.
    pub(super) fn removed(&mut self, seal: &Seal) {
        if let Some(facts) = self.days.get_mut(&seal.day) {
            facts.hash = None;
        }
    }

    /// Compares the signed days with the leaves.
    /// Those that were signed before the walk began: a later one may cover leaves that it did not read.
    pub(super) async fn check(&self, store: &Store, last: Option<&Seal>, report: &mut SealReport) -> Result<(), Stop> {
        let Some(newest) = self.newest_signed else { return Ok(()) };
        let keys = store.audit_key_list().await?;
        let keys: Vec<Signer> = match keys.iter().map(AuditKeyRow::signer).collect() {
            Ok(keys) => keys,
            Err(problem) => return broken(0, format!("a key of the audit was changed: {problem}")),
        };
        let mut before: Option<KeptManifest> = None;
        loop {
            let page = store.audit_days(before.as_ref().map(|kept| kept.manifest.day), PAGE).await?;
            if page.first().is_none_or(|row| row.day > newest) {
                break;
            }
            for row in page.into_iter().take_while(|row| row.day <= newest) {
                let (kept, hand_over) = self.day(row, &keys, before.as_ref())?;
                report.days += 1;
                if hand_over == HandOver::Unsigned {
                    report.unsigned_changes.push(kept.manifest.day);
                }
                before = Some(kept);
            }
        }
        stamps(store, report).await?;
        let Some(signed) = before else { return Ok(()) };
        let (day, signed) = (signed.manifest.day, signed.manifest.last_leaf);
        // an audit that is signed up to a leaf has it
        let sealed = last.map_or(0, |last| last.last_leaf);
        if signed > sealed {
            return broken(sealed + 1, format!("{} ends with leaf {signed}, and the newest seal with leaf {sealed}", of_day(day)));
        }
        Ok(())
    }

    /// One signed day.
    fn day(&self, row: AuditDayRow, keys: &[Signer], before: Option<&KeptManifest>) -> Result<(KeptManifest, HandOver), Stop> {
        let what = of_day(row.day);
        let manifest = match Manifest::read(&row.manifest) {
            Ok(manifest) => manifest,
            Err(problem) => return broken(0, format!("{what} {problem}")),
        };
        let first = manifest.first_leaf;
        match verify(row.manifest.as_bytes(), &row.signature, keys, row.day) {
            Err(problem) => return broken(first, format!("{what}: {problem}")),
            Ok(key) if key.fingerprint() != manifest.key => {
                return broken(first, format!("{what} names another key than the one that signed it"));
            }
            Ok(_) => {}
        }
        let hand_over = match hand_over(before, &manifest, &row.manifest, row.former_signature.as_deref(), keys) {
            Ok(hand_over) => hand_over,
            Err(problem) => return broken(first, format!("{what}: {problem}")),
        };
        if let Err(problem) = follows(before, &manifest, row.day) {
            return broken(first, format!("{what} {problem}"));
        }
        if manifest.provisional.is_some() {
            return broken(first, format!("{what} is of a day that had not ended"));
        }
        if before.is_none() && (first != 1 || manifest.previous.is_some()) {
            return broken(first.min(1), format!("the manifests before {} are missing", row.day));
        }
        let (first_leaf, last_leaf, after, sha256) = match self.days.get(&row.day) {
            Some(facts) => {
                let sha256: Option<Hash> = facts.hash.clone().map(|hash| hash.finalize().into());
                (facts.first_leaf, facts.last_leaf, &facts.after, sha256)
            }
            // nothing happened on that day
            None => (first, first - 1, &manifest.before, Some(Sha256::digest([]).into())),
        };
        if (first_leaf, last_leaf) != (first, manifest.last_leaf) {
            let at = if first_leaf == first { last_leaf.min(manifest.last_leaf) + 1 } else { first.min(first_leaf) };
            let text = format!("{what} covers leaves {first} to {}, and the day's seals {first_leaf} to {last_leaf}", manifest.last_leaf);
            return broken(at, text);
        }
        if after.root() != manifest.root || self.days.get(&row.day).is_some_and(|facts| facts.before != manifest.before) {
            return broken(first, format!("{what} was signed over other leaves: the Merkle root differs"));
        }
        if let (Some(is), Some(signed)) = (sha256, manifest.sha256)
            && is != signed
        {
            return broken(first, format!("{what} was signed over another file: its SHA-256 differs"));
        }
        Ok((KeptManifest { manifest, text: row.manifest }, hand_over))
    }
}

/// Compares the tokens of time-stamping authorities with the manifests.
async fn stamps(store: &Store, report: &mut SealReport) -> Result<(), Stop> {
    let mut after = None;
    loop {
        let page = store.audit_stamps(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.day);
        for stamp in page {
            let what = of_day(stamp.day);
            let Some(manifest) = stamp.manifest else {
                return broken(0, format!("{what} is missing, and it has a time stamp"));
            };
            if let Err(problem) = timestamp::granted_for(&stamp.token, &sha256(manifest.as_bytes())) {
                return broken(0, format!("{what} and its time stamp do not fit: {problem}"));
            }
            report.stamped += 1;
        }
    }
}
