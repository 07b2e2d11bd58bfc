//! Reads Rust source for the tests of the code's structure: the files of a folder, their tokens, and the paths in them.

use std::fs;
use std::path::{Path, PathBuf};

pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The source with comments, strings and characters blanked out; lines stay lines.
pub fn without_text(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(text.len());
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let mut i = 0;
    while i < text.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < text.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                while i < text.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            'r' if !out.ends_with(|c: char| c.is_alphanumeric() && c != 'b' || c == '_') && raw_hashes(&text[i + 1..]).is_some() => {
                let hashes = raw_hashes(&text[i + 1..]).unwrap_or(0);
                i += hashes + 2;
                while i < text.len() && !(at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#')) {
                    i += 1;
                }
                i += hashes + 1;
            }
            '"' => {
                i += 1;
                while i < text.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                i += if at(i + 1) == '\\' { 3 } else { 2 };
                while i < text.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            c => {
                out.push(c);
                i += 1;
                continue;
            }
        }
        let end = i.min(text.len());
        out.push(' ');
        out.extend(text[start..end].iter().filter(|c| **c == '\n'));
    }
    out
}

/// The number of `#` before the quote of a raw string that starts here; `None` when none starts.
fn raw_hashes(text: &[char]) -> Option<usize> {
    let hashes = text.iter().take_while(|c| **c == '#').count();
    (text.get(hashes) == Some(&'"')).then_some(hashes)
}

pub type Token = (usize, String);

/// Words, `::` and single signs, each with its line.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\n' {
            line += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(next);
            }
            found.push((line, word));
        } else if c == ':' && rest.next_if_eq(&':').is_some() {
            found.push((line, "::".to_owned()));
        } else if !c.is_whitespace() {
            found.push((line, c.to_string()));
        }
    }
    found
}

/// Leaves out every item under `#[cfg(test)]` or `#[cfg(all(test, …))]`, to the end of its block or to its semicolon.
pub fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    const CFG: [&str; 4] = ["#", "[", "cfg", "("];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while i < tokens.len() {
        let mut here = tokens[i..].iter().map(|(_, token)| token.as_str());
        let in_tests = here.by_ref().take(CFG.len()).eq(CFG)
            && matches!((here.next(), here.next(), here.next()), (Some("test"), ..) | (Some("all"), _, Some("test")));
        if !in_tests {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        let (mut depth, mut used) = (0, false);
        while i < tokens.len() && tokens[i].1 != "]" {
            i += 1;
        }
        while i < tokens.len() {
            match tokens[i].1.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            used |= depth == 0 && tokens[i].1 == "use"; // `use a::{b};` ends at its semicolon, not at its brace
            let ended = depth == 0 && (tokens[i].1 == ";" || (tokens[i].1 == "}" && !used));
            i += 1;
            if ended {
                break;
            }
        }
    }
    kept
}

pub fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && !matches!(token, "use" | "return" | "as" | "in" | "mut" | "dyn" | "else")
}

/// A path, and the name by which a `use` makes it known: its last part, or the one after `as`.
pub struct Named {
    pub path: Vec<String>,
    pub name: String,
}

/// Reads what follows `prefix::`, from `i` on; says where it ends.
pub fn tree(tokens: &[Token], mut i: usize, prefix: &mut Vec<String>, found: &mut Vec<Named>) -> usize {
    let token = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    if token(i) == "{" {
        i += 1;
        while i < tokens.len() && token(i) != "}" {
            if token(i) == "," {
                i += 1;
                continue;
            }
            let before = i;
            i = tree(tokens, i, &mut prefix.clone(), found);
            while i < tokens.len() && !matches!(token(i), "," | "}") {
                i += 1; // ` as name`
            }
            i = i.max(before + 1);
        }
        return i + 1;
    }
    if is_word(token(i)) {
        prefix.push(token(i).to_owned());
        i += 1;
        if token(i) == "::" && (is_word(token(i + 1)) || token(i + 1) == "{" || token(i + 1) == "*") {
            return tree(tokens, i + 1, prefix, found);
        }
    }
    if token(i) == "*" {
        prefix.push("*".to_owned());
        i += 1;
    }
    let mut path = prefix.clone();
    if path.len() > 1 {
        path.pop_if(|last| last == "self");
    }
    let name = if token(i) == "as" { token(i + 1).to_owned() } else { path.last().cloned().unwrap_or_default() };
    found.push(Named { path, name });
    i
}
