//! The manifest of a day of the audit: text lines with a key and a value, which a person and a shell script can read.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::merkle::{Hash, Peaks};

/// The first value of each manifest.
const FORMAT: &str = "tieline-audit/1";
/// The largest number of a leaf.
const LARGEST: i64 = 1 << 53;
/// In place of a hash that there is not.
const NONE: &str = "none";

/// What was in force when a manifest was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForceThen {
    /// SHA-256 of the settings, without secrets.
    pub configuration: String,
    /// SHA-256 of the definitions.
    pub definitions: String,
    /// The version of the program.
    pub program: String,
    /// SHA-256 of the program's file; `None` if it could not be read.
    pub program_sha256: Option<String>,
}

/// A day of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which ledger: the same through all restores.
    pub installation: Uuid,
    /// The day, by UTC.
    pub day: NaiveDate,
    /// Until when the day is covered, if it had not ended; `None` for a whole day.
    pub provisional: Option<DateTime<Utc>>,
    /// The number of the day's first leaf; of a day without leaves, the number that the next leaf gets.
    pub first_leaf: i64,
    /// The number of the day's last leaf.
    pub last_leaf: i64,
    /// SHA-256 of the day's file; `None` if the day's events were removed before the day was signed.
    pub sha256: Option<Hash>,
    /// The peaks of the Merkle tree before the day's first leaf: with the day's lines they give the root.
    pub before: Peaks,
    /// The root of the Merkle tree at the last leaf.
    pub root: Hash,
    /// SHA-256 of the manifest of the day before; `None` for the first one.
    pub previous: Option<Hash>,
    /// What was in force.
    pub in_force: InForceThen,
    /// The fingerprint of the key that signs it.
    pub key: String,
}

/// SHA-256 of a text.
pub fn sha256(text: &[u8]) -> Hash {
    Sha256::digest(text).into()
}

/// A hash as hexadecimal digits, or a word for none.
fn shown(hash: Option<&Hash>) -> String {
    hash.map_or_else(|| NONE.to_owned(), hex::encode)
}

impl Manifest {
    /// How many lines the day's file has.
    pub fn lines(&self) -> i64 {
        self.last_leaf - self.first_leaf + 1
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let state = match self.provisional {
            Some(until) => format!("provisional {}", until.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => "final".to_owned(),
        };
        let peaks = self.before.bytes();
        for (key, value) in [
            ("format", FORMAT.to_owned()),
            ("installation", self.installation.to_string()),
            ("day", self.day.to_string()),
            ("state", state),
            ("first-leaf", self.first_leaf.to_string()),
            ("last-leaf", self.last_leaf.to_string()),
            ("lines", self.lines().to_string()),
            ("sha256", shown(self.sha256.as_ref())),
            ("peaks-before", if peaks.is_empty() { NONE.to_owned() } else { hex::encode(peaks) }),
            ("root", hex::encode(self.root)),
            ("previous", shown(self.previous.as_ref())),
            ("configuration", self.in_force.configuration.clone()),
            ("definitions", self.in_force.definitions.clone()),
            ("program", self.in_force.program.clone()),
            ("program-sha256", self.in_force.program_sha256.clone().unwrap_or_else(|| NONE.to_owned())),
            ("key", self.key.clone()),
        ] {
            let _ = writeln!(text, "{key} {value}");
        }
        text
    }

    /// Reads a manifest. Only the exact text of [`Manifest::text`] is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let mut next = |key: &str| {
            let line = lines.next().unwrap_or_default();
            let value = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(' '));
            value.map(str::to_owned).ok_or_else(|| format!("has `{line}` where `{key} …` must stand"))
        };
        let format = next("format")?;
        if format != FORMAT {
            return Err(format!("is of the format `{format}`; this program knows `{FORMAT}`"));
        }
        let installation = parsed("installation", &next("installation")?)?;
        let day = parsed("day", &next("day")?)?;
        let provisional = match next("state")?.as_str() {
            "final" => None,
            state => Some(parsed("state", state.strip_prefix("provisional ").unwrap_or(state))?),
        };
        let (first_leaf, last_leaf) = (number("first-leaf", &next("first-leaf")?)?, number("last-leaf", &next("last-leaf")?)?);
        if !(1..=LARGEST).contains(&first_leaf) || !(first_leaf - 1..=LARGEST).contains(&last_leaf) {
            return Err(format!("says `first-leaf {first_leaf}` and `last-leaf {last_leaf}`"));
        }
        let lines_said: i64 = number("lines", &next("lines")?)?;
        let sha256 = hash("sha256", &next("sha256")?)?;
        let peaks = match next("peaks-before")?.as_str() {
            NONE => Vec::new(),
            text => hex::decode(text).map_err(|_| "has `peaks-before` that are no hashes".to_owned())?,
        };
        let size = u64::try_from(first_leaf - 1).map_err(|_| format!("says `first-leaf {first_leaf}`"))?;
        let before = Peaks::stored(size, &peaks).ok_or_else(|| format!("has `peaks-before` that are not those of {size} leaves"))?;
        let root = hash("root", &next("root")?)?.ok_or("has no root")?;
        let previous = hash("previous", &next("previous")?)?;
        let (configuration, definitions, program) = (next("configuration")?, next("definitions")?, next("program")?);
        let program_sha256 = Some(next("program-sha256")?).filter(|text| text != NONE);
        let in_force = InForceThen { configuration, definitions, program, program_sha256 };
        let key = next("key")?;
        let manifest = Self { installation, day, provisional, first_leaf, last_leaf, sha256, before, root, previous, in_force, key };
        if manifest.lines() != lines_said {
            return Err(format!("says `lines {lines_said}` for the leaves {first_leaf} to {last_leaf}"));
        }
        if manifest.text() != text {
            return Err("is not written as Tieline writes it".to_owned());
        }
        Ok(manifest)
    }
}

fn parsed<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("says `{key} {text}`"))
}

/// A number; `-0` and leading zeros are not written by Tieline, which the comparison of the whole text shows.
fn number(key: &str, text: &str) -> Result<i64, String> {
    parsed(key, text)
}

fn hash(key: &str, text: &str) -> Result<Option<Hash>, String> {
    if text == NONE {
        return Ok(None);
    }
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).map_err(|_| format!("says `{key} {text}`, which is no SHA-256"))?;
    Ok(Some(hash))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        Manifest {
            installation: Uuid::nil(),
            day: "2026-11-30".parse().unwrap(),
            provisional: None,
            first_leaf: 1,
            last_leaf: 3,
            sha256: Some([1; 32]),
            before: Peaks::default(),
            root: [2; 32],
            previous: None,
            in_force: InForceThen { configuration: "c".into(), definitions: "d".into(), program: "1.0".into(), program_sha256: None },
            key: "SHA256:abc".into(),
        }
    }

    #[test]
    fn a_manifest_reads_back_and_only_its_own_text_is_one() {
        let whole = manifest();
        let text = whole.text();
        assert_eq!(Manifest::read(&text).as_ref(), Ok(&whole));
        let provisional = Manifest { provisional: Some(DateTime::UNIX_EPOCH), previous: Some([9; 32]), sha256: None, ..whole };
        assert_eq!(Manifest::read(&provisional.text()), Ok(provisional));
        for (changed, expected) in [
            (text.replace("tieline-audit/1", "tieline-audit/2"), "format"),
            (text.replace("lines 3", "lines 4"), "lines 4"),
            (text.replace("first-leaf 1", "first-leaf 01"), "not written as"),
            (text.replace("first-leaf 1", "first-leaf 2"), "peaks-before"),
            (text.replace("day 2026-11-30\n", ""), "must stand"),
            (text.replace("state final", "state almost"), "state almost"),
            (format!("{text}more\n"), "not written as"),
            (text.replace("first-leaf 1", "first-leaf -9223372036854775808"), "first-leaf -9223372036854775808"),
        ] {
            let problem = Manifest::read(&changed).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn fuzz_manifests() {
        use crate::fuzz::{Target, fuzz};
        let words = &["first-leaf ", "last-leaf ", "peaks-before ", "none", "\n", "-1", "9223372036854775807", "provisional ", "ff"];
        let provisional = Manifest { provisional: Some(DateTime::UNIX_EPOCH), previous: Some([9; 32]), ..manifest() };
        let seeds = vec![manifest().text().into_bytes(), provisional.text().into_bytes()];
        fuzz(Target { name: "audit_manifest", words, seeds, tries: 5_000 }, |input| {
            let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
            match Manifest::read(text) {
                Ok(manifest) => {
                    assert_eq!(manifest.text(), text, "it reads back");
                    "read".to_owned()
                }
                Err(problem) => problem.chars().filter(|c| c.is_alphabetic()).take(20).collect(),
            }
        });
    }
}
