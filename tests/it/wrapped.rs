//! The pages of the documentation are wrapped at 100 columns, so that they read well in a terminal and in a diff.

use std::fs;
use std::path::{Path, PathBuf};

/// The most characters of a line.
const WIDTH: usize = 100;

/// The files `*.md` under this directory, except those that builds and tools write.
fn pages(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_made = name.starts_with('.') || name == "target" || name == "node_modules";
        match path.is_dir() {
            true if is_made => {}
            true => pages(&path, found),
            false if name.ends_with(".md") => found.push(path),
            false => {}
        }
    }
}

/// Whether it is one link or one word, which cannot be wrapped.
fn is_one_link(line: &str) -> bool {
    let line = line.trim().trim_start_matches("- ");
    let is_link = (line.starts_with('[') || line.starts_with("![")) && line.matches("](").count() == 1 && line.ends_with(')');
    is_link || !line.contains(' ')
}

/// The numbers of the lines that are too long, outside of tables and code blocks.
fn too_long(page: &str) -> Vec<usize> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let is_table = line.trim_start().starts_with('|');
        if !in_code && !is_table && line.chars().count() > WIDTH && !is_one_link(line) {
            found.push(number + 1);
        }
    }
    found
}

#[test]
fn the_pages_are_wrapped_at_100_columns() {
    let mut files = Vec::new();
    pages(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files);
    assert!(files.len() > 20, "{files:?}");
    let long = files.iter().flat_map(|file| {
        let page = fs::read_to_string(file).unwrap();
        too_long(&page).into_iter().map(|number| format!("{}:{number}", file.display())).collect::<Vec<_>>()
    });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "longer than {WIDTH} characters:\n{}", long.join("\n"));
}

#[test]
fn only_text_that_can_be_wrapped_counts() {
    let (words, link) = ("word ".repeat(21), format!("- [{}](https://example.org)", "a b".repeat(40)));
    assert_eq!(too_long(&format!("{words}\n| {words} |\n{link}\n{}\n```\n{words}\n```\n- {words}", "x".repeat(200))), [1, 8]);
    assert_eq!(too_long(&"é".repeat(100)), Vec::<usize>::new(), "characters count, not bytes");
}
