//! Each dependency in a `Cargo.toml` of the workspace is named in the code of that member.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The members, relative to the workspace.
const MEMBERS: [&str; 3] = [".", "sim", "values"];

/// Dependencies that no code names, with the reason.
const UNNAMED: [(&str, &str); 2] =
    [("pq-sys", "links libpq for diesel"), ("openssl-sys", "builds the OpenSSL that a bundled libpq needs (feature `static-pq`)")];

fn sources(directory: &Path, into: &mut String) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            code.for_each(|line| into.extend([line, "\n"]));
        }
    }
}

/// The names in a table of dependencies.
fn names(of: Option<&Value>) -> Vec<String> {
    of.and_then(Value::as_table).into_iter().flat_map(Table::keys).cloned().collect()
}

/// The dependencies of the product code, those for one kind of system included, and those of the tests.
fn dependencies(manifest: &Table) -> (Vec<String>, Vec<String>) {
    let mut own = names(manifest.get("dependencies"));
    for system in manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values) {
        own.extend(names(system.get("dependencies")));
    }
    (own, names(manifest.get("dev-dependencies")))
}

/// Whether the code has a path that begins with this crate, such as `url::Url` but not `diesel::r2d2::Pool`.
fn is_named(code: &str, name: &str) -> bool {
    let path = format!("{}::", name.replace('-', "_"));
    let begins = |at: usize| {
        let before = &code[..at];
        let joined = before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        // `::url::Url` is a path of the crate, `a::url::Url` is not
        let inner = before.strip_suffix("::").is_some_and(|rest| rest.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>'));
        !joined && !inner
    };
    code.match_indices(&path).any(|(at, _)| begins(at))
}

#[test]
fn each_dependency_is_named_in_the_code_of_its_member() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unused = Vec::new();
    let mut excepted = Vec::new();
    for member in MEMBERS {
        let manifest: Table = std::fs::read_to_string(root.join(member).join("Cargo.toml")).unwrap().parse().unwrap();
        let (own, of_tests) = dependencies(&manifest);
        let (mut product, mut tests) = (String::new(), String::new());
        sources(&root.join(member).join("src"), &mut product);
        sources(&root.join(member).join("tests"), &mut tests);
        assert!(!product.is_empty(), "{member} has no code");
        let whole = format!("{product}{tests}");
        let checked = own.iter().map(|name| (name, &product)).chain(of_tests.iter().map(|name| (name, &whole)));
        for (name, code) in checked {
            if let Some((exception, _)) = UNNAMED.iter().find(|(exception, _)| exception == name) {
                assert!(!is_named(code, name), "`{exception}` is named: it needs no exception");
                excepted.push(*exception);
            } else if !is_named(code, name) {
                unused.push(format!("{member}/Cargo.toml: {name}"));
            }
        }
    }
    assert!(unused.is_empty(), "not named in the code; remove them, or add an exception with its reason: {unused:#?}");
    assert_eq!(excepted.len(), UNNAMED.len(), "exceptions for what is no dependency: {excepted:?}");
}

#[test]
fn a_path_inside_another_crate_does_not_name_a_dependency() {
    assert!(is_named("use url::Url;", "url") && is_named("::url::Url", "url") && is_named("(chrono_tz::Tz)", "chrono-tz"));
    for other in ["diesel::r2d2::Pool", "my_r2d2::Pool", "use r2d2;"] {
        assert!(!is_named(other, "r2d2"), "{other}");
    }
}
