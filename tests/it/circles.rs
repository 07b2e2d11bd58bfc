//! No circle of imports has more than three files.
//!
//! The files of a circle import one another, directly or through others of the circle, so that none can be read without the rest. Comments,
//! strings and test modules do not count. Paths count anywhere, in a `use` line or within a function. A name leads to the file that holds it:
//! what a `mod.rs` re-exports counts as an import of the file behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::source::{Named, Token, is_word, sources, tokens, tree, without_tests, without_text};

/// Largest number of files that may import one another in a circle.
const MOST: usize = 3;

/// The source of our libraries, and the name of each in `use` lines.
const LIBRARIES: [(&str, &str); 3] = [("src", "tieline"), ("sim/src", "tieline_sim"), ("values/src", "tieline_values")];

#[test]
fn no_circle_has_more_than_three_files() {
    let mut report = String::new();
    for (folder, name) in LIBRARIES {
        let files = read(folder);
        let whole = Library::of(name, &files, Tests::Count);
        let unread: Vec<_> = files.keys().filter(|file| *file != "main.rs" && !whole.files().contains(file.as_str())).collect();
        assert!(unread.is_empty(), "no `mod` line of {folder} leads to {unread:?}");
        let library = Library::of(name, &files, Tests::LeftOut);
        for circle in circles(&library.imports()).iter().filter(|circle| circle.files.len() > MOST) {
            writeln!(report, "{folder} has a circle of {} files. Move what they share to a file below them.", circle.files.len()).unwrap();
            for import in &circle.imports {
                writeln!(report, "  {folder}/{}:{} imports {folder}/{} by `{}`", import.from, import.line, import.to, import.path).unwrap();
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// The text of every source file, by its path from the folder.
fn read(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let text = |file: &Path| (file.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), fs::read_to_string(file).unwrap());
    let files: BTreeMap<_, _> = sources(&root).iter().map(|file| text(file)).collect();
    assert!(files.len() > 2, "the source is not where it was: {}", root.display());
    files
}

/// One file names something of another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    from: String,
    line: usize,
    to: String,
    path: String,
}

/// The names from a library's root to a module or to something in it.
type Names = Vec<String>;

/// What one module says. Several modules can be in one file.
#[derive(Default)]
struct Module {
    file: String,
    /// Names of what is declared here, without modules.
    items: BTreeSet<String>,
    /// What its `use` lines name, each with its line.
    uses: Vec<(usize, Named)>,
    /// The paths outside `use` lines, each with its line.
    paths: Vec<(usize, Names)>,
}

/// Whether modules for tests are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tests {
    Count,
    LeftOut,
}

/// The modules of a library, from its `lib.rs` on.
struct Library<'a> {
    name: &'a str,
    tests: Tests,
    text: &'a BTreeMap<String, String>,
    modules: BTreeMap<Names, Module>,
    /// The file of each macro. The root knows every macro by its name.
    macros: BTreeMap<String, String>,
}

impl<'a> Library<'a> {
    fn of(name: &'a str, text: &'a BTreeMap<String, String>, tests: Tests) -> Self {
        let mut library = Self { name, tests, text, modules: BTreeMap::new(), macros: BTreeMap::new() };
        library.read_file("lib.rs", "", &[]);
        library
    }

    /// Reads a file, and the files of the modules that it declares. Those are in `folder`.
    fn read_file(&mut self, file: &str, folder: &str, at: &[String]) {
        let tokens = tokens(&without_text(&self.text[file]));
        let tokens = if self.tests == Tests::Count { tokens } else { without_tests(tokens) };
        self.read_module(file, folder, at, &tokens);
    }

    fn read_module(&mut self, file: &str, folder: &str, at: &[String], tokens: &[Token]) {
        let mut module = self.modules.remove(at).unwrap_or_default(); // a module may have one form for each feature
        file.clone_into(&mut module.file);
        let token = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
        let (mut i, mut depth) = (0, 0);
        while i < tokens.len() {
            let (line, mut ends) = (tokens[i].0, Vec::new());
            match token(i) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "mod" if token(i + 2) == ";" => self.read_child(folder, at, token(i + 1)),
                "mod" if token(i + 2) == "{" => {
                    let end = block_end(tokens, i + 2);
                    let name = token(i + 1).to_owned();
                    self.read_module(file, &format!("{folder}{name}/"), &[at, &[name]].concat(), &tokens[i + 3..end]);
                    i = end;
                }
                "macro_rules" => drop(self.macros.insert(token(i + 2).to_owned(), file.to_owned())),
                "struct" | "enum" | "fn" | "type" | "const" | "static" | "trait" if depth == 0 => {
                    module.items.insert(token(i + 1).to_owned());
                }
                "use" if token(i + 1) != "::" => {
                    i = tree(tokens, i + 1, &mut Vec::new(), &mut ends) - 1;
                    module.uses.extend(ends.into_iter().map(|end| (line, end)));
                }
                word if is_word(word) && token(i + 1) == "::" && (i == 0 || token(i - 1) != "::") => {
                    i = tree(tokens, i, &mut Vec::new(), &mut ends) - 1;
                    module.paths.extend(ends.into_iter().map(|end| (line, end.path)));
                }
                _ => {}
            }
            i += 1;
        }
        self.modules.insert(at.to_vec(), module);
    }

    /// Reads the module that `mod name;` declares, if its file is in the folder: `#[path]` leads elsewhere.
    fn read_child(&mut self, folder: &str, at: &[String], name: &str) {
        let within = format!("{folder}{name}/");
        let candidates = [format!("{folder}{name}.rs"), format!("{within}mod.rs")];
        if let Some(file) = candidates.iter().find(|file| self.text.contains_key(*file)) {
            self.read_file(file, &within, &[at, &[name.to_owned()]].concat());
        }
    }

    fn files(&self) -> BTreeSet<&str> {
        self.modules.values().map(|module| module.file.as_str()).collect()
    }

    /// Which file names something of which other one; once for two files.
    fn imports(&self) -> Vec<Import> {
        let mut found = BTreeMap::new();
        for (at, module) in &self.modules {
            let used = module.uses.iter().map(|(line, named)| (*line, &named.path));
            for (line, path) in used.chain(module.paths.iter().map(|(line, path)| (*line, path))) {
                let Some(to) = self.in_package(at, path, 0).and_then(|names| self.file_of(&names, 0)) else { continue };
                if to != module.file {
                    let import = || Import { from: module.file.clone(), line, to: to.to_owned(), path: path.join("::") };
                    found.entry((module.file.as_str(), to)).or_insert_with(import);
                }
            }
        }
        found.into_values().collect()
    }

    /// A path that is written in the module `at`, from the root on; `None` when it leads to another library or to something local.
    fn in_package(&self, at: &[String], path: &[String], steps: usize) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            name if name == self.name => Some(rest.to_vec()),
            "self" => Some([at, rest].concat()),
            "super" => {
                let (_, parent) = at.split_last()?;
                match rest.first() {
                    Some(next) if next == "super" => self.in_package(parent, rest, steps),
                    _ => Some([parent, rest].concat()),
                }
            }
            _ if self.modules.contains_key(&[at, std::slice::from_ref(first)].concat()) => Some([at, path].concat()),
            // names of a `use` line
            _ if steps < MOST_STEPS => {
                let (_, named) = self.modules.get(at)?.uses.iter().find(|(_, named)| named.name == *first)?;
                self.in_package(at, &[&named.path, rest].concat(), steps + 1)
            }
            _ => None,
        }
    }

    /// The file in which something is declared, by its names from the root; `None` for a module, because only what is used of it counts.
    fn file_of(&self, names: &[String], steps: usize) -> Option<&str> {
        let within = (0..names.len()).rev().find(|length| self.modules.contains_key(&names[..*length]))?;
        if self.modules.contains_key(names) || steps > MOST_STEPS {
            return None;
        }
        let (at, rest) = names.split_at(within);
        let (name, module) = (rest.first()?, self.modules.get(at)?);
        if module.items.contains(name) || name == "*" {
            return Some(&module.file);
        }
        if let Some((_, named)) = module.uses.iter().find(|(_, named)| named.name == *name) {
            let behind = self.in_package(at, &named.path, 0)?; // `None`: of another library
            return self.file_of(&[&behind, &rest[1..]].concat(), steps + 1);
        }
        let globs = module.uses.iter().filter(|(_, named)| named.name == "*");
        let mut behind = globs.filter_map(|(_, named)| self.in_package(at, &named.path[..named.path.len() - 1], 0));
        if let Some(behind) = behind.find(|behind| self.modules.get(behind).is_some_and(|module| module.items.contains(name))) {
            return self.modules.get(&behind).map(|module| module.file.as_str());
        }
        let of_macro = if at.is_empty() { self.macros.get(name) } else { None };
        Some(of_macro.unwrap_or(&module.file))
    }
}

/// `use` lines that lead to other `use` lines are followed so far; more would be a line that leads to itself.
const MOST_STEPS: usize = 8;

/// Where the block that begins at this brace ends.
fn block_end(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (i, (_, token)) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    tokens.len()
}

/// Files that import one another in a circle.
struct Circle<'a> {
    files: BTreeSet<&'a str>,
    /// The imports between them.
    imports: Vec<&'a Import>,
}

/// Every circle: the strongly connected components of the files, without single files.
fn circles(imports: &[Import]) -> Vec<Circle<'_>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().push(&import.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|file| (*file, reachable(file, &next))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|found| found.contains(to));
    let mut found: Vec<Circle<'_>> = Vec::new();
    for file in next.keys().filter(|file| reaches(file, file)) {
        if found.iter().any(|circle| circle.files.contains(file)) {
            continue;
        }
        let files: BTreeSet<&str> = reached[file].iter().copied().filter(|other| reaches(other, file)).collect();
        let inner = |import: &&Import| files.contains(import.from.as_str()) && files.contains(import.to.as_str());
        let imports = imports.iter().filter(inner).collect();
        found.push(Circle { files, imports });
    }
    found
}

/// Every file that this one imports, directly or through others.
fn reachable<'a>(file: &str, next: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = next.get(file).cloned().unwrap_or_default();
    while let Some(file) = open.pop() {
        if found.insert(file) {
            open.extend(next.get(file).into_iter().flatten());
        }
    }
    found
}

/// The checker itself, on sources made up for it.
mod checker {
    use super::*;

    /// The circles of a library `lib` with these files, each as its files.
    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let text = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        let imports = Library::of("lib", &text, Tests::LeftOut).imports();
        circles(&imports).into_iter().map(|circle| circle.files.into_iter().map(str::to_owned).collect()).collect()
    }

    /// Whether `a/b.rs` and `a/mod.rs` import each other when the first has this text beside its `struct B`, and the second names `B`.
    fn is_circle(text: &str) -> bool {
        let above = "mod b; pub use b::B; use serde::De; pub struct A; mod inner { pub struct I; }";
        let text = format!("{text} pub struct B;");
        let circles = found(&[("lib.rs", "mod a; mod c; use a::A;"), ("a/mod.rs", above), ("a/b.rs", &text), ("c.rs", "pub struct C;")]);
        assert!(circles.is_empty() || circles == [["a/b.rs", "a/mod.rs"]], "{text}: {circles:?}");
        !circles.is_empty()
    }

    #[test]
    fn finds_an_import_however_it_is_written() {
        for text in [
            "use super::A;",
            "use super::{A as Other, B};",
            "use crate::a::A;",
            "use lib::a::A;",
            "use crate::{a::{A}, c::C};",
            "use super::*;",
            "use crate::a; fn f(a: a::A) {}",
            "use crate as all; fn f() { use super::inner as i; i::I }",
            "fn f() -> super::A { todo() }",
            "mod m { fn f(a: super::super::A) {} }",
            "mod m { use crate::a::inner::I; }",
            "use crate::A as Other;",
        ] {
            assert!(is_circle(text), "{text}");
        }
    }

    #[test]
    fn lets_other_names_pass() {
        for text in [
            "//! As [`super::A`] does.",
            "/* use super::A; */ const A: &str = \"use super::A;\";",
            "#[cfg(test)] mod tests { use super::super::A; }",
            "#[cfg(all(test, unix))] use super::A;",
            "use super::B;",
            "use super::b::B;",
            "use super::De;",
            "use crate::a; pub(in crate::a) fn f(a: A) {}",
            "use ::a::A; use a::A as C;",
            "mod m { fn f() { super::A } } struct A;",
            "use crate::c::C as A;",
        ] {
            assert!(!is_circle(text), "{text}");
        }
    }

    #[test]
    fn finds_the_files_of_a_circle_and_no_others() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::C; use crate::f::F;"),
            ("c.rs", "use crate::d::D; use crate::c::Own;"),
            ("d.rs", "fn f() { crate::a::a() }"),
            ("e.rs", "use crate::a::A;"),
            ("f.rs", "fn f() {}"),
        ];
        assert_eq!(found(&files), [["a.rs", "b.rs", "c.rs", "d.rs"]]);
        let mut open = files;
        open[4].1 = "fn f() {}";
        assert!(found(&open).is_empty());
    }

    #[test]
    fn follows_a_name_to_the_file_behind_it() {
        let files = |below: &'static str| {
            [
                ("lib.rs", "mod a; pub use a::Deep; #[macro_use] mod m;"),
                ("a/mod.rs", "mod b; mod c; pub use self::b::*; pub use c::Deep as Other; pub use c::Deep;"),
                ("a/b.rs", "pub struct B; use super::c::Deep;"),
                ("a/c.rs", below),
                ("m.rs", "macro_rules! m { () => {} }"),
            ]
        };
        let both = [["a/b.rs", "a/c.rs"]];
        assert_eq!(found(&files("pub struct Deep; use super::B;")), both);
        assert_eq!(found(&files("pub struct Deep; use crate::a::B as b;")), both);
        for fine in ["pub struct Deep; use super::Other;", "pub struct Deep; use crate::Deep as D;", "pub struct Deep; crate::m!();"] {
            assert!(found(&files(fine)).is_empty(), "{fine}");
        }
    }
}
