//! Arbitrary definition files of a site.

use super::site::site;
use super::*;
use crate::fuzz::{Target, files, fuzz};

const WORDS: &[&str] = &[
    "[root]",
    "[[child]]",
    "[[join]]",
    "[[change]]",
    "[header]",
    "[header.fields]",
    "[header.align]",
    "[shows.amount]",
    "[setup]",
    "[child.via]",
    "table = ",
    "key = ",
    "columns = [",
    "from = ",
    "as = \"decimal\"",
    "lookup = \"currency\"",
    "reference = ",
    "concat = [",
    "= { ",
    " }",
    "]",
    "\"Supplier\"",
    "\"",
    "\n",
    "= 5\n",
    "= [\"\"]\n",
    "{company}",
    "#",
    "filter = \"",
    "dates = [",
    "scale = ",
    "max_length = ",
    "optional = [",
];

/// The messages about the definitions with this file among them: the same each time, with the mistakes by name.
fn said(path: &str, input: &[u8]) -> String {
    let directory = site(&[(path, "")]);
    std::fs::write(directory.path().join(path), input).expect("a file");
    let read = || load(Some(directory.path()), "apo", &[], &own());
    match (read(), read()) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one.set.hash, other.set.hash);
            format!("{} plans", one.plans.len())
        }
        (Err(one), Err(other)) => {
            let lines = lines(&one);
            assert_eq!(lines, super::lines(&other));
            assert!(!one.is_empty());
            // the first mistake of this file itself
            lines.replace(&directory.path().display().to_string(), "")
        }
        _ => panic!("accepted once and refused once"),
    }
}

#[test]
fn entity_files() {
    let target = Target { name: "entity_file", words: WORDS, seeds: files(&["config", "entities"]), tries: 25 };
    fuzz(target, |input| said("entities/supplier.toml", input));
}

#[test]
fn profile_files() {
    let target = Target { name: "profile_file", words: WORDS, seeds: files(&["config", "profiles", "apo"]), tries: 25 };
    fuzz(target, |input| said("profiles/apo/supplier.toml", input));
}
