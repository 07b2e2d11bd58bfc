//! What is loaded from which place: the set's own texts, parents by `after` and by reference, invalid files and directories; and
//! differences between two sets.

use std::collections::BTreeMap;

use super::once::{PROFILE, ROOT, said_of, said_of_both, well};
use super::site::{mistakes, site};
use super::*;
use crate::definition::plan::{ClearWith, TypeChange};
use crate::definition::set::difference;

#[test]
fn a_set_holds_the_text_of_each_file_that_counts() {
    let site =
        site(&[("entities/asset.toml", ROOT), ("profiles/apo/asset.toml", PROFILE), ("lookups/colour.toml", "[codes]\nR = \"red\"\n")]);
    let set = load(Some(site.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems))).set;
    assert_eq!(set.files["entities/asset.toml"], ROOT);
    assert_eq!(set.files["profiles/apo/asset.toml"], PROFILE);
    assert_eq!(set.files["lookups/colour.toml"], "[codes]\nR = \"red\"\n");
    assert!(set.files.contains_key("entities/supplier.toml") && set.files.contains_key("lookups/currency.toml"));
    assert!(!set.files.keys().any(|path| path.starts_with("profiles/s2p")), "another profile's files do not count");
    assert_ne!(set.hash, shipped("apo").set.hash);
}

#[test]
fn a_reference_makes_its_entity_a_parent_once() {
    let profile = format!(
        "{PROFILE}u_supplier = {{ from = \"Asset\", reference = \"supplier\" }}\nu_self = {{ from = \"Asset\", reference = \"asset\" }}\n"
    );
    for entity in [ROOT.to_owned(), format!("after = [\"supplier\"]\n{ROOT}")] {
        let site = site(&[("entities/asset.toml", &entity), ("profiles/apo/asset.toml", &profile)]);
        let definitions = load(Some(site.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
        assert_eq!(plan(&definitions, "asset").after, ["supplier".into()], "not itself, and not twice");
        let parents = definitions.parents(&"asset".into());
        assert_eq!(parents.last(), Some(&"supplier".into()), "with its own parents before it: {parents:?}");
        assert!(!parents.contains(&"asset".into()));
    }
}

#[test]
fn a_file_whose_name_cannot_name_an_entity_is_a_mistake() {
    for (name, fits) in [("asset_2", true), ("asset-2", false), ("Asset", false), ("asset 2", false)] {
        let path = format!("entities/{name}.toml");
        let site = site(&[(path.as_str(), ROOT)]);
        if fits {
            load(Some(site.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
        } else {
            let found = mistakes(site.path(), &[]);
            assert_eq!(found.len(), 1, "{found:#?}");
            assert!(found[0].contains(&format!("`{name}` cannot name an entity")), "{found:#?}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_read_is_a_mistake_and_one_that_is_not_there_is_none() {
    let empty = tempfile::tempdir().expect("a directory");
    load(Some(empty.path()), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let with_a_file = site(&[("entities", "this is no directory")]);
    let found = mistakes(with_a_file.path(), &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("entities: cannot be read: "), "{found:#?}");
    let absent = mistakes(&empty.path().join("nothing"), &[]);
    assert!(absent.join("\n").contains("there is no such directory"), "{absent:#?}");
}

#[test]
fn lines_without_a_cost_centre_are_told_of_where_cost_centres_are_carried() {
    let definitions = shipped("apo");
    let said = definitions.without_cost_centres().expect("no line refers to one");
    let table = &plan(&definitions, "cost_center").read.root.table;
    assert!(said.contains(&format!("`{table}` is not part of the GL code")) && said.contains("config/variants/cost_center"), "{said}");
    let without = load(None, "apo", &["supplier".into()], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(without.without_cost_centres(), None, "none are carried");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/variants/cost_center");
    let mut forms: Vec<_> = std::fs::read_dir(&root).expect("the variants").flatten().map(|entry| entry.path()).collect();
    forms.retain(|path| path.is_dir());
    for form in forms {
        let definitions = load(Some(&form), "apo", &[], &own()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
        let of_the_code = plan(&definitions, "cost_center").read.root.derive.is_some();
        assert_eq!(definitions.without_cost_centres().is_none(), of_the_code, "{}: lines refer to parts of the code", form.display());
    }
}

#[test]
fn what_another_kind_of_value_leads_to_is_what_the_file_says() {
    for (line, expected) in
        [("", TypeChange::Stop), ("type_change = \"stop\"\n", TypeChange::Stop), ("type_change = \"report\"\n", TypeChange::Report)]
    {
        assert_eq!(plan(&well(&format!("{line}{ROOT}"), PROFILE), "asset").read.type_change, expected, "{line}");
    }
}

#[test]
fn how_a_column_is_cleared_is_said_of_import_sets_alone() {
    let profile = |write: &str, line: &str| PROFILE.replace("write = \"table\"", &format!("write = \"{write}\"\n{line}"));
    for (line, expected) in
        [("", ClearWith::Null), ("clear_with = \"null\"", ClearWith::Null), ("clear_with = \"empty\"", ClearWith::Empty)]
    {
        assert_eq!(plan(&well(ROOT, &profile("import_set", line)), "asset").targets[0].clear_with, expected, "{line}");
    }
    let found = said_of_both(ROOT, &profile("table", "clear_with = \"empty\""));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("`header.clear_with`: is only for `write = \"import_set\"`"), "{found:#?}");
}

#[test]
fn a_line_is_counted_up_to_the_end_of_the_line_before_it() {
    for (text, line) in [("a =\nb = 1\n", 1), ("\n\na = \nb = 1\n", 3)] {
        let found = said_of(&format!("{text}{ROOT}"));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with(&format!("entities/asset.toml:{line}: not valid TOML")), "{found:#?}");
    }
    let found = said_of(&ROOT.replace("[\"Description\"]", "[\"Description\", 7]"));
    assert_eq!(found.len(), 1, "one of a list that is no text is left out: {found:#?}");
    assert!(found[0].starts_with("entities/asset.toml:4: `root.columns`: must be a text, got the number `7`"), "{found:#?}");
}

#[test]
fn a_watch_is_taken_within_the_days_that_are_offered() {
    let watched = |line: &str| {
        let watch = format!("[header.watch]\nrow = \"staging\"\n{line}\n");
        let profile = PROFILE.replace("write = \"table\"", "write = \"import_set\"\ntarget_table = \"x_target\"");
        (ROOT.to_owned(), format!("{profile}{watch}"))
    };
    for line in ["give_up_days = 1", "give_up_days = 365", "first_minutes = 0", "first_minutes = 1440"] {
        let (entity, profile) = watched(line);
        let definitions = well(&entity, &profile);
        let watch = plan(&definitions, "asset").targets[0].watch.clone().expect("watched");
        let number: u32 = line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number");
        assert!(watch.give_up_days == number || watch.first_minutes == number, "{line}");
    }
    for line in ["give_up_days = 0", "give_up_days = 366", "first_minutes = 1441"] {
        let (entity, profile) = watched(line);
        let found = said_of_both(&entity, &profile);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("must be "), "{found:#?}");
    }
}

fn files(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_code_is_named_in_quotes_where_toml_needs_them() {
    let old = files(&[("lookups/a.toml", "[codes]\n")]);
    let new = files(&[("lookups/a.toml", "[codes]\nA_1 = \"a\"\nB-2 = \"b\"\n\"C.3\" = \"c\"\n\"\" = \"d\"\n")]);
    assert_eq!(
        difference(&old, &new),
        [
            "lookups/a.toml: codes.\"\" = \"d\" added",
            "lookups/a.toml: codes.\"C.3\" = \"c\" added",
            "lookups/a.toml: codes.A_1 = \"a\" added",
            "lookups/a.toml: codes.B-2 = \"b\" added"
        ]
    );
    assert_eq!(difference(&new, &new), Vec::<String>::new(), "the same list says nothing");
}

/// The length of the longest common subsequence, computed the simple way.
fn common(old: &[&str], new: &[&str]) -> usize {
    match (old, new) {
        ([a, old_rest @ ..], [b, new_rest @ ..]) if a == b => 1 + common(old_rest, new_rest),
        ([_, old_rest @ ..], [_, new_rest @ ..]) => common(old_rest, new).max(common(old, new_rest)),
        _ => 0,
    }
}

#[test]
fn of_two_short_texts_as_many_lines_stay_as_can() {
    let mut texts: Vec<Vec<&str>> = vec![vec![]];
    for length in 0..4 {
        let longer: Vec<Vec<&str>> = texts.iter().filter(|text| text.len() == length).cloned().collect();
        texts.extend(longer.iter().flat_map(|text| ["a", "b", "c"].map(|line| [text.as_slice(), &[line]].concat())));
    }
    for old in texts.iter().filter(|text| text.len() > 1) {
        for new in &texts {
            let said = difference(&files(&[("entities/a.toml", &old.join("\n"))]), &files(&[("entities/a.toml", &new.join("\n"))]));
            let removed = said.iter().filter(|line| line.starts_with("entities/a.toml: - ")).count();
            let added = said.iter().filter(|line| line.starts_with("entities/a.toml: + ")).count();
            let kept = common(old, new);
            assert_eq!((removed, added), (old.len() - kept, new.len() - kept), "{old:?} {new:?}: {said:?}");
        }
    }
}

#[test]
fn two_long_texts_are_compared_up_to_a_size_and_beyond_it_all_of_the_middle_counts() {
    // first and last line differ, every second line of the rest is the same
    let text = |own: &str, lines: usize| -> String {
        (0..lines).map(|n| if n % 2 == 1 && n + 1 < lines { format!("k{n} = 1\n") } else { format!("{own}{n} = 1\n\n") }).collect()
    };
    let counted = |count: usize| {
        let (old, new) = (text("a", count), text("b", count));
        let cells = old.lines().count() * new.lines().count();
        let said = difference(&files(&[("entities/a.toml", &old)]), &files(&[("entities/a.toml", &new)]));
        let more = said.last().and_then(|line| line.strip_prefix("and ")?.strip_suffix(" more lines")?.parse::<usize>().ok());
        (cells, said.len() - 1 + more.expect("many lines"))
    };
    // 1333 lines with a blank line after each second one are 2000
    let (cells, changed) = counted(1333);
    assert_eq!((cells, changed), (4_000_000, 2 * 667), "the lines that are the same stay");
    let (cells, changed) = counted(1334);
    assert!(cells > 4_000_000);
    assert_eq!(changed, 2 * 1334, "all but the blank ones");
}
