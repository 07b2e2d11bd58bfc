//! Writes texts as JSON strings.

/// Appends a text as a JSON string, with the same bytes as `serde_json`.
pub fn write(out: &mut String, text: &str) {
    // without an early exit, the compiler compares many bytes in a few instructions
    if text.bytes().fold(false, |any, byte| any | (byte < b' ') | (byte == b'"') | (byte == b'\\')) {
        out.push_str(&serde_json::Value::from(text).to_string());
        return;
    }
    out.reserve(text.len() + 2);
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// Texts by name as a JSON object, in the order given.
pub fn object<'a>(texts: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    // quotes, colon and comma of each
    let length: usize = texts.clone().map(|(name, text)| name.len() + text.len() + 6).sum();
    let mut out = String::with_capacity(length + 2);
    out.push('{');
    for (at, (name, text)) in texts.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(&mut out, name);
        out.push(':');
        write(&mut out, text);
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_written_as_serde_does(text in prop_oneof![any::<String>(), "[ -~]{0,20}", "[\\x00-\\x7f\"\\\\]{0,8}"]) {
            let mut out = String::new();
            super::write(&mut out, &text);
            prop_assert_eq!(out, serde_json::to_string(&text).expect("JSON"));
        }

        #[test]
        fn texts_by_name_are_written_as_serde_does(map in proptest::collection::btree_map("[a-c\"é]{0,2}", any::<String>(), 0..5)) {
            let map: BTreeMap<String, String> = map;
            let out = super::object(map.iter().map(|(name, text)| (name.as_str(), text.as_str())));
            prop_assert_eq!(out, serde_json::to_string(&map).expect("JSON"));
        }
    }
}
