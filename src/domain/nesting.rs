//! Checks the nesting of a text before a recursive parser reads it.

/// The most open brackets. No settings and no definition need ten.
pub const DEEPEST: usize = 64;

/// The number of the line on which more brackets and braces are open than [`DEEPEST`]; those in texts and comments count as well.
pub fn too_deep(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (line, content) in text.lines().enumerate() {
        for byte in content.bytes() {
            match byte {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            if open > DEEPEST {
                return Some(line + 1);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_open_at_once_counts() {
        assert_eq!(too_deep(&"a = [{ b = 1 }]\n".repeat(1000)), None);
        assert_eq!(too_deep(&"[".repeat(DEEPEST)), None);
        assert_eq!(too_deep(&format!("a = 1\nb = {}", "[{".repeat(DEEPEST))), Some(2));
        assert_eq!(too_deep(&"c = { if = {\n".repeat(DEEPEST)), Some(33));
    }
}
