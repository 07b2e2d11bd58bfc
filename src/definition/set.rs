//! A set of definitions: the texts of its files, their hash, and the differences between two sets.
//!
//! The hash covers the contents, and not the texts: an additional comment or blank line makes no other set. Settings that decide values,
//! such as a company's own currency, count as one more file of the set.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::mapping::MappingText;
use crate::domain::FlowId;
use crate::domain::nesting::too_deep;

/// The revision of the mapping code. It is increased with every release in which the same document and the same definitions give another
/// record, so that such a release counts as other definitions. A test pins its results.
pub const MAPPER_REVISION: i32 = 1;

/// The most lines of a difference that are kept; the rest is counted.
const MOST_LINES: usize = 200;

/// The most pairs of lines that are compared; beyond that the whole middle counts as changed.
const MOST_CELLS: usize = 4_000_000;

/// The most characters of a line that are kept in a difference.
const MOST_LETTERS: usize = 200;

/// The name, among the files, of the settings that decide values.
pub const SETTINGS: &str = "tieline.toml";

/// The files of a set, and its hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetText {
    /// SHA-256 of the contents of the files, in hexadecimal.
    pub hash: String,
    /// The profile.
    pub profile: String,
    /// The copied entities: a reference to one that is not copied is mapped differently.
    pub carried: Vec<String>,
    /// The files in effect, by their path below the definitions' directory, with their texts.
    pub files: BTreeMap<String, String>,
    /// The mapping of each flow's records; it follows from the files and the companies.
    pub mappings: BTreeMap<FlowId, MappingText>,
}

impl SetText {
    /// The set of these files.
    pub fn of(profile: &str, carried: Vec<String>, files: BTreeMap<String, String>) -> Self {
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            // with its length, so that two different sequences of texts never give the same input
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        add(&MAPPER_REVISION.to_string());
        add(profile);
        carried.iter().for_each(|entity| add(entity));
        add("");
        for (path, text) in &files {
            add(path);
            add(&canonical(text));
        }
        let hash = hex::encode(hasher.finalize());
        Self { hash, profile: profile.to_owned(), carried, files, mappings: BTreeMap::new() }
    }

    /// The same set with these settings that decide values, each with its value as TOML.
    #[must_use]
    pub fn with_settings(mut self, settings: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut lines: BTreeSet<String> =
            self.files.get(SETTINGS).into_iter().flat_map(|text| text.lines()).map(ToOwned::to_owned).collect();
        lines.extend(settings.into_iter().map(|(key, value)| format!("{key} = {value}")));
        if !lines.is_empty() {
            self.files.insert(SETTINGS.to_owned(), lines.into_iter().map(|line| line + "\n").collect());
        }
        Self { mappings: self.mappings, ..Self::of(&self.profile, self.carried, self.files) }
    }

    /// The hash in the form shown to people.
    pub fn short(&self) -> &str {
        short(&self.hash)
    }
}

/// The first characters of a hash, enough to distinguish two sets of one site.
pub fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// A file's values; empty if it is not valid TOML.
pub(super) fn table(text: &str) -> Option<toml::Table> {
    if too_deep(text).is_some() { None } else { text.parse().ok() }
}

/// The content of a file: without comments and blank lines, keys in their order. A text that is not TOML is used unchanged.
fn canonical(text: &str) -> String {
    let said = table(text).and_then(|table| serde_json::to_string(&table).ok());
    said.unwrap_or_else(|| text.to_owned())
}

/// The differences of the newer files, for people: old and new entries of code lists, and changed lines of other files.
pub fn difference(older: &BTreeMap<String, String>, newer: &BTreeMap<String, String>) -> Vec<String> {
    let mut lines = Vec::new();
    let paths: BTreeSet<&String> = older.keys().chain(newer.keys()).collect();
    for path in paths {
        // one by one, even if there were none before
        let none = (path == SETTINGS).then(String::new);
        match (older.get(path).or(none.as_ref()), newer.get(path).or(none.as_ref())) {
            (Some(_), None) => lines.push(format!("{path}: removed")),
            (None, Some(_)) => lines.push(format!("{path}: added")),
            (Some(old), Some(new)) if old != new => lines.extend(changed(path, old, new)),
            _ => {}
        }
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if more > 0 {
        lines.push(format!("and {more} more lines"));
    }
    lines
}

/// The changes of one file.
fn changed(path: &str, old: &str, new: &str) -> Vec<String> {
    if (path.starts_with("lookups/") || path == SETTINGS)
        && let (Some(old), Some(new)) = (table(old), table(new))
    {
        let (old, new) = (entries(&old), entries(&new));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let said = keys.into_iter().filter_map(|key| match (old.get(key), new.get(key)) {
            (Some(was), None) => Some(format!("{path}: {key} = {was} removed")),
            (None, Some(is)) => Some(format!("{path}: {key} = {is} added")),
            (Some(was), Some(is)) if was != is => Some(format!("{path}: {key} = {is}, was {was}")),
            _ => None,
        });
        let said: Vec<String> = said.collect();
        return if said.is_empty() { vec![format!("{path}: comments or blanks only")] } else { said };
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    changed_lines(&old, &new).into_iter().map(|(sign, line)| format!("{path}: {sign} {}", cut(line))).collect()
}

fn cut(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(MOST_LETTERS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// Every value of a code list by its path, such as `codes."$"`.
fn entries(table: &toml::Table) -> BTreeMap<String, String> {
    fn walk(path: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                    let key = if bare { key.clone() } else { format!("{key:?}") };
                    let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                    walk(&path, value, into);
                }
            }
            value => _ = into.insert(path.to_owned(), cut(&value.to_string())),
        }
    }
    let mut found = BTreeMap::new();
    walk("", &toml::Value::Table(table.clone()), &mut found);
    found
}

/// The lines that only one of the texts has, in their order; the longest common subsequence is left out.
fn changed_lines<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let front = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[front..], &new[front..]);
    let back = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);
    if old.len().saturating_mul(new.len()) > MOST_CELLS {
        // all of the one and all of the other is also correct, and costs nothing
        return old
            .iter()
            .map(|line| ('-', *line))
            .chain(new.iter().map(|line| ('+', *line)))
            .filter(|(_, line)| !line.trim().is_empty())
            .collect();
    }
    // lengths[i][j]: of the longest common subsequence of old[i..] and new[j..]
    let mut lengths = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i][j] = if old[i] == new[j] { lengths[i + 1][j + 1] + 1 } else { lengths[i + 1][j].max(lengths[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut changed) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && lengths[i + 1][j] == lengths[i][j]) {
            changed.push(('-', old[i]));
            i += 1;
        } else {
            changed.push(('+', new[j]));
            j += 1;
        }
    }
    changed.retain(|(_, line)| !line.trim().is_empty());
    changed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    fn hash(all: &[(&str, &str)]) -> String {
        SetText::of("apo", vec!["supplier".into()], files(all)).hash
    }

    #[test]
    fn comments_and_order_make_no_other_set_and_values_do() {
        let one = hash(&[("lookups/currency.toml", "# a\n[codes]\nA = \"1\"\nB = \"2\"\n")]);
        assert_eq!(one, hash(&[("lookups/currency.toml", "[codes]\n\nB = \"2\" # b\nA = \"1\"\n")]));
        assert_ne!(one, hash(&[("lookups/currency.toml", "[codes]\nA = \"1\"\nB = \"3\"\n")]));
        assert_ne!(one, hash(&[("lookups/money.toml", "[codes]\nA = \"1\"\nB = \"2\"\n")]), "another name");
        let other = SetText::of("s2p", vec!["supplier".into()], files(&[]));
        assert_ne!(other.hash, SetText::of("apo", vec!["supplier".into()], files(&[])).hash);
        assert_ne!(other.hash, SetText::of("s2p", vec![], files(&[])).hash);
        assert_eq!((other.hash.len(), other.short().len()), (64, 12));
    }

    #[test]
    fn a_code_list_tells_its_entries_old_and_new() {
        let old = files(&[("lookups/currency.toml", "[codes]\nR = \"ZAR\"\nE = \"EUR\"\n")]);
        let new = files(&[("lookups/currency.toml", "[codes]\nR = \"RAND\"\n\"$\" = \"USD\"\n[company.EDU1.codes]\nE = \"EUR\"\n")]);
        let said = difference(&old, &new);
        assert_eq!(
            said,
            [
                "lookups/currency.toml: codes.\"$\" = \"USD\" added",
                "lookups/currency.toml: codes.E = \"EUR\" removed",
                "lookups/currency.toml: codes.R = \"RAND\", was \"ZAR\"",
                "lookups/currency.toml: company.EDU1.codes.E = \"EUR\" added",
            ]
        );
        let noted = files(&[("lookups/currency.toml", "# seen\n[codes]\nR = \"ZAR\"\nE = \"EUR\"\n")]);
        assert_eq!(difference(&old, &noted), ["lookups/currency.toml: comments or blanks only"]);
    }

    #[test]
    fn other_files_tell_their_changed_lines() {
        let old = files(&[("entities/a.toml", "x = 1\ny = 2\nz = 3\n"), ("entities/b.toml", "x = 1")]);
        let new = files(&[("entities/a.toml", "x = 1\ny = 5\nz = 3\nw = 4\n"), ("entities/c.toml", "x = 1")]);
        assert_eq!(
            difference(&old, &new),
            [
                "entities/a.toml: - y = 2",
                "entities/a.toml: + y = 5",
                "entities/a.toml: + w = 4",
                "entities/b.toml: removed",
                "entities/c.toml: added"
            ]
        );
        assert!(difference(&old, &old).is_empty());
    }

    #[test]
    fn a_setting_that_decides_values_makes_another_set_and_is_told_by_name() {
        let set = |settings: &[(&str, &str)]| {
            let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            SetText::of("apo", vec!["supplier".into()], files(&[("entities/a.toml", "x = 1")])).with_settings(settings)
        };
        let (rand, euro) = (set(&[("company.EDU1.currency", "\"ZAR\"")]), set(&[("company.EDU1.currency", "\"EUR\"")]));
        assert_ne!(rand.hash, euro.hash);
        assert_eq!(set(&[]).hash, hash(&[("entities/a.toml", "x = 1")]));
        assert_eq!(difference(&rand.files, &euro.files), ["tieline.toml: company.EDU1.currency = \"EUR\", was \"ZAR\""]);
        assert_eq!(difference(&set(&[]).files, &euro.files), ["tieline.toml: company.EDU1.currency = \"EUR\" added"]);
        // added in several steps, it is the same set
        let both = [("company.EDU1.currency", "\"ZAR\""), ("company.EDU2.currency", "\"USD\"")];
        let later = both.iter().rev().fold(set(&[]), |set, (key, value)| set.with_settings([((*key).to_owned(), (*value).to_owned())]));
        assert_eq!(set(&both), later);
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let long = format!("x = \"{}\"", "ä".repeat(MOST_LETTERS));
        let said = difference(&files(&[("entities/a.toml", "x = 1")]), &files(&[("entities/a.toml", &long)]));
        let cut: String = long.chars().take(MOST_LETTERS).collect();
        assert_eq!(said, ["entities/a.toml: - x = 1".to_owned(), format!("entities/a.toml: + {cut}…")]);
        let fits: String = long.chars().take(MOST_LETTERS).collect();
        let said = difference(&files(&[("entities/a.toml", "x = 1")]), &files(&[("entities/a.toml", &fits)]));
        assert_eq!(said[1], format!("entities/a.toml: + {fits}"));
    }

    /// The length of the longest common subsequence, computed the simple way.
    fn common(old: &[&str], new: &[&str]) -> usize {
        match (old, new) {
            ([a, old_rest @ ..], [b, new_rest @ ..]) if a == b => 1 + common(old_rest, new_rest),
            ([_, old_rest @ ..], [_, new_rest @ ..]) => common(old_rest, new).max(common(old, new_rest)),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn a_difference_is_complete_and_as_short_as_can_be(
            old in proptest::collection::vec("[ab c]", 0..7),
            new in proptest::collection::vec("[ab c]", 0..7),
        ) {
            let lines = |all: &[String]| all.iter().map(|line| format!("{line}.")).collect::<Vec<_>>();
            let (old, new) = (lines(&old), lines(&new));
            let (old, new): (Vec<&str>, Vec<&str>) = (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
            let changed = changed_lines(&old, &new);
            let of = |sign: char| changed.iter().filter(|(of, _)| *of == sign).map(|(_, line)| *line).collect::<Vec<_>>();
            let (removed, added, kept) = (of('-'), of('+'), common(&old, &new));
            prop_assert_eq!((removed.len() + kept, added.len() + kept), (old.len(), new.len()));
            prop_assert_eq!((common(&removed, &old), common(&added, &new)), (removed.len(), added.len()), "each in its order");
        }
    }

    #[test]
    fn a_large_difference_is_bounded() {
        let many: String = (0..500).map(|n| format!("k{n} = 1\n")).collect();
        let said = difference(&files(&[("entities/a.toml", "")]), &files(&[("entities/a.toml", &many)]));
        assert_eq!(said.len(), MOST_LINES + 1);
        assert_eq!(said[MOST_LINES], "and 300 more lines");
    }
}
