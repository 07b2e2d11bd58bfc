//! ARCHITECTURE.md compared with the source: which module may import which, which modules and files there are.
//!
//! The rules for imports are read from the table of modules there. Comments, strings and test modules do not count. Paths count anywhere,
//! in a `use` line or within a function.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::source::{Token, is_word, sources, tokens, tree, without_tests, without_text};

/// The rows of the table of modules: a module of `src/`, and the modules of ours that it may import. `*` allows all.
static LAYERS: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| layers(&architecture()));

/// A module of lib.rs that test builds alone have, so that no product code can name it.
const IN_TESTS_ALONE: &str = "fuzz";

/// Everything of a crate.
const EVERYTHING: &[&str] = &["*"];

/// Crates that only some modules may name, as in the second table there. A path after the module allows that part of the crate alone.
const CRATES: &[(&str, &[(&str, &[&str])])] = &[
    ("actix", &[("supervision", EVERYTHING), ("actors", EVERYTHING)]),
    ("actix_web", &[("http", EVERYTHING), ("net", &["http", "web::Bytes"])]),
    ("diesel", &[("store", EVERYTHING)]),
    ("diesel_migrations", &[("store", EVERYTHING)]),
    ("r2d2", &[("store", EVERYTHING)]),
    ("rust_xlsxwriter", &[("report", EVERYTHING)]),
    ("pdf_writer", &[("report", EVERYTHING)]),
    ("tieline_sim", &[("cli", EVERYTHING)]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn architecture() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// The cells of the table with this head.
fn rows(page: &str, head: &str) -> Vec<Vec<String>> {
    let body = page.lines().skip_while(|line| *line != head).skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<String>> = body.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect();
    assert!(!rows.is_empty(), "ARCHITECTURE.md has no table `{head}`");
    rows
}

/// What stands in backticks.
fn words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn layers(page: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows(page, "| module | what is in it | may import |") {
        let above: Vec<String> = found.iter().map(|(module, _)| module.clone()).collect();
        let allowed = match row[2].as_str() {
            "nothing of ours" => Vec::new(),
            "everything" => vec!["*".to_owned()],
            "every row above" => above.into_iter().filter(|module| module != "failpoint").collect(),
            list => {
                let words = words(list);
                assert_eq!(words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "), list, "not a list of modules");
                assert!(words.iter().all(|word| above.contains(word)), "{}: `{list}` has a module that is not above", row[0]);
                words
            }
        };
        found.extend(words(&row[0]).into_iter().map(|module| (module, allowed.clone())));
    }
    found
}

#[test]
fn every_module_has_its_row_and_every_row_its_module() {
    let modules: BTreeSet<String> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "lib")
        .collect();
    let rows: Vec<&str> = LAYERS.iter().map(|(module, _)| module.as_str()).collect();
    assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>(), modules.iter().map(String::as_str).collect());
    assert_eq!(rows.len(), modules.len(), "a module has two rows");
}

#[test]
fn the_table_of_crates_is_that_of_the_page() {
    let mut written = BTreeSet::new();
    for row in rows(&architecture(), "| crate | only named by |") {
        let users: BTreeSet<String> = words(&row[1]).into_iter().collect();
        written.extend(words(&row[0]).into_iter().map(|name| (name, users.clone())));
    }
    let users = |users: &[(&str, &[&str])]| -> BTreeSet<String> {
        let parts = users.iter().flat_map(|(_, parts)| parts.iter().filter(|part| **part != "*"));
        users.iter().map(|(user, _)| user).chain(parts).map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(written, CRATES.iter().map(|(name, of)| ((*name).to_owned(), users(of))).collect());
}

/// The files of a folder by their paths from there, without tests and `mod.rs`.
fn files_of(folder: &Path) -> BTreeSet<String> {
    let named = sources(folder).into_iter().map(|file| file.strip_prefix(folder).unwrap().to_owned());
    let own = named.filter(|file| !file.ends_with("mod.rs") && !file.with_extension("").iter().any(|part| part == "tests"));
    own.map(|file| file.to_string_lossy().into_owned()).collect()
}

#[test]
fn the_lists_of_files_are_whole() {
    let page = architecture();
    let lists: Vec<&str> = page.split("\n### Files of ").skip(1).collect();
    assert!(!lists.is_empty(), "the headings are not where they were");
    for list in lists {
        let (heading, rest) = list.split_once('\n').unwrap();
        let module = heading.trim_matches('`');
        let section = rest.split("\n##").next().unwrap();
        let named: BTreeSet<String> = words(section).into_iter().filter(|word| word.ends_with(".rs")).collect();
        assert_eq!(named, files_of(&root().join("src").join(module)), "Files of {module}");
    }
}

#[test]
fn every_file_that_the_page_names_exists() {
    fn all(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { all(&path, into) } else { into.push(path) }
        }
    }
    let mut files = Vec::new();
    ["src", "tests/it", "migrations"].iter().for_each(|folder| all(&root().join(folder), &mut files));
    // the blocks of code have backticks that are no words
    let text: String = architecture().split("```").step_by(2).collect();
    let wanted = |word: &String| [".rs", ".sql", ".toml"].iter().any(|end| word.ends_with(end)) && !word.contains([' ', '*']);
    let missing: Vec<String> = words(&text)
        .into_iter()
        .filter(wanted)
        .filter(|word| match word.contains('/') {
            true => !["", "src", "src/servicenow"].iter().any(|folder| root().join(folder).join(word).is_file()),
            false => !root().join(word).is_file() && !files.iter().any(|file| file.ends_with(word)),
        })
        .collect();
    assert_eq!(missing, [] as [String; 0]);
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let root = root().join("src");
    let files = sources(&root);
    assert!(files.len() > 10, "the source is not where it was: {}", root.display());
    let mut report = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&root).unwrap();
        for violation in violations(name, &text) {
            writeln!(report, "src/{}: {violation}", name.display()).unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// What a file of `src/`, named from there, may not do.
fn violations(file: &Path, text: &str) -> Vec<String> {
    let path = module_path(file);
    let Some(module) = path.first() else { return Vec::new() }; // lib.rs only lists the modules
    if path.last().is_some_and(|last| last == "tests") {
        return Vec::new(); // the out-of-line form of `#[cfg(test)] mod tests`
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| name == module) else {
        return vec![format!("module `{module}` has no row in the table of ARCHITECTURE.md")];
    };
    let tokens = without_tests(tokens(&without_text(text)));
    let mut found = Vec::new();
    for (line, used) in paths(&tokens, path.len()) {
        match &used[..] {
            [root, rest @ ..] if root == "crate" => {
                let Some(target) = rest.first() else { continue };
                let known = LAYERS.iter().any(|(name, _)| name == target);
                let root_item = !known && rest.len() == 1; // a macro or a function of lib.rs
                if target != module && target != IN_TESTS_ALONE && !root_item && !permits(allowed, rest) {
                    found.push(format!("line {line}: `{module}` may not import `{}`", rest.join("::")));
                }
            }
            [name, rest @ ..] => {
                let Some((_, users)) = CRATES.iter().find(|(named, _)| named == name) else { continue };
                let parts = users.iter().find(|(user, _)| user == module).map_or(&[][..], |(_, parts)| *parts);
                if !permits(parts, rest) {
                    found.push(format!("line {line}: `{module}` may not name `{}`", used.join("::")));
                }
            }
            [] => {}
        }
    }
    found
}

/// `a::b` permits `a::b` and all that lies within.
fn permits(allowed: &[impl AsRef<str>], path: &[String]) -> bool {
    allowed
        .iter()
        .map(AsRef::as_ref)
        .any(|allowed| allowed == "*" || allowed.split("::").enumerate().all(|(i, part)| path.get(i).is_some_and(|p| p == part)))
}

fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib") {
        path.pop();
    }
    path
}

/// Every path that begins at our own root, written out as `crate::…`, or with the name of a crate; groups are taken apart.
fn paths(tokens: &[Token], depth: usize) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let token = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    let mut i = 0;
    while i < tokens.len() {
        let line = tokens[i].0;
        let begins = i == 0 || token(i - 1) != "::" || i < 2 || !is_word(token(i - 2));
        let mut after = i;
        let start = match token(i) {
            "crate" | "tieline" if begins => Some("crate"),
            "super" if begins => {
                let mut ups = 1;
                while token(after + 1) == "::" && token(after + 2) == "super" {
                    (ups, after) = (ups + 1, after + 2);
                }
                (ups == depth).then_some("crate")
            }
            name if begins => CRATES.iter().map(|(named, _)| *named).find(|named| *named == name),
            _ => None,
        };
        i = after + 1;
        let Some(start) = start else { continue };
        if token(i) == "::" {
            let mut ends = Vec::new();
            i = tree(tokens, i + 1, &mut vec![start.to_owned()], &mut ends);
            found.extend(ends.into_iter().map(|end| (line, end.path)));
        } else if matches!(token(i.wrapping_sub(2)), "use" | "crate") && start != "crate" {
            found.push((line, vec![start.to_owned()])); // `use actix;`, `extern crate actix;`
        }
    }
    found
}

/// The checker itself, on sources made up for it.
mod checker {
    use super::*;

    fn check(file: &str, text: &str) -> Vec<String> {
        violations(Path::new(file), text)
    }

    #[test]
    fn finds_a_forbidden_import_however_it_is_written() {
        let store = "line 1: `domain` may not import `store::Store`";
        for text in [
            "use crate::store::Store;",
            "pub use crate::{store::Store, domain};",
            "use crate::{domain::{money, run}, store::{Store as S}};",
            "fn f() -> crate::store::Store { todo() }",
            "use super::super::store::Store;",
            "fn f(a: &tieline::store::Store) {}",
            "use {crate::store::Store, std::fmt};",
            "macro_rules! m { () => { $crate::store::Store } }",
            "#[cfg(test)] use a::{b}; use crate::store::Store;",
            "#[cfg(test)] mod tests { fn f() { let _ = '{'; } } use crate::store::Store;",
            "#[cfg(test)] mod tests { use super::*; fn f() {} } use crate::store::Store;",
            "#[cfg(test)] fn f() { use a::b; } use crate::store::Store;",
            "const A: &str = r#\"a \" b\"#; const B: char = '\"'; use crate::store::Store;",
        ] {
            assert_eq!(check("domain/money.rs", text), [store], "{text}");
        }
        let second = "//! a\n/* b\n */ use crate::store;\n";
        assert_eq!(check("domain/mod.rs", second), ["line 3: `domain` may not import `store`"]);
        assert_eq!(check("retry.rs", "use super::store::Store;"), ["line 1: `retry` may not import `store::Store`"]);
    }

    #[test]
    fn knows_every_layer_of_the_table() {
        for (file, text, fine) in [
            ("config/mod.rs", "use crate::domain::EntityName;", true),
            ("config/mod.rs", "use crate::retry::Class;", false),
            ("net/mod.rs", "use crate::config::settings::Connection;", true),
            ("net/mod.rs", "use crate::definition::Plan;", false),
            ("postgres/mod.rs", "use crate::store::Store;", false),
            ("syspro/odata.rs", "use crate::{net::HttpClient, definition::Plan, retry};", true),
            ("syspro/odata.rs", "use crate::servicenow::wire;", false),
            ("servicenow/client.rs", "use crate::syspro::wire;", false),
            ("store/mod.rs", "use crate::servicenow::wire;", false),
            ("store/mod.rs", "use crate::supervision::guard::Ping;", false),
            ("supervision/guard.rs", "use crate::store::Store;", false),
            ("supervision/guard.rs", "use crate::process::Process;", false),
            ("actors/root.rs", "use crate::{store, syspro, servicenow, postgres, supervision};", true),
            ("actors/root.rs", "use crate::http;", false),
            ("http/mod.rs", "use crate::actors::root::GetFlows;", true),
            ("http/mod.rs", "use crate::servicenow::client::Client;", false),
            ("http/mod.rs", "use tieline_sim::dataset;", false),
            ("cli/demo.rs", "use tieline_sim::dataset;", true),
            ("main.rs", "use tieline::store::Store;", true),
        ] {
            assert_eq!(check(file, text).is_empty(), fine, "{file}: {text}: {:?}", check(file, text));
        }
        assert_eq!(check("brand_new/mod.rs", ""), ["module `brand_new` has no row in the table of ARCHITECTURE.md"]);
    }

    #[test]
    fn knows_which_crates_are_whose() {
        for (file, text, fine) in [
            ("actors/writer.rs", "use actix::prelude::*;", true),
            ("supervision/guard.rs", "use actix::prelude::*;", true),
            ("http/mod.rs", "use actix::Addr;", false),
            ("http/mod.rs", "use ::actix::Addr;", false),
            ("cli/run.rs", "fn f() { actix::System::new(); }", false),
            ("domain/run.rs", "extern crate actix;", false),
            ("http/mod.rs", "use actix_web::{web, App};", true),
            ("actors/root.rs", "use actix_web::web::Bytes;", false),
            ("net/mod.rs", "use actix_web::http::header::HeaderMap; use actix_web::web::Bytes;", true),
            ("net/mod.rs", "use actix_web::{http::StatusCode, App};", false),
            ("store/mod.rs", "use diesel::prelude::*; use diesel_migrations::embed_migrations; use r2d2::Pool;", true),
            ("http/api/mod.rs", "use diesel::prelude::*;", false),
            ("actors/root.rs", "fn f() -> r2d2::Pool<()> {}", false),
        ] {
            assert_eq!(check(file, text).is_empty(), fine, "{file}: {text}: {:?}", check(file, text));
        }
    }

    #[test]
    fn lets_comments_strings_tests_and_similar_names_pass() {
        for text in [
            "//! As [`crate::store`] does, with `actix::Addr`.",
            "/* use crate::store::Store; /* nested */ use actix::Addr; */",
            "const A: &str = \"crate::store::Store \\\" actix::Addr\";",
            "const A: &str = r#\"use crate::store::Store;\"#;",
            "#[cfg(test)]\nmod tests { use crate::store::Store; mod more { use actix::Addr; } }",
            "#[cfg(test)] use crate::store::Store;",
            "use crate::domain::store::Store;",
            "use super::store::Store;",
            "use other::actix::Addr; fn f<'a>(diesel: &'a str) -> &'a str { diesel }",
            "crate::answer_ping!(A); use crate::answer_ping;",
        ] {
            assert_eq!(check("domain/money.rs", text), [] as [String; 0], "{text}");
        }
        assert_eq!(check("domain/tests.rs", "use crate::store::Store;"), [] as [String; 0]);
    }
}
