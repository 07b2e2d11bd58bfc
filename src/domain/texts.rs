//! Texts by name, such as the fields of a record to be sent: all in one buffer, because a batch has thousands of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json_text;

/// Texts by name, in the order of the names.
#[derive(Clone, Default)]
pub struct Texts {
    buffer: String,
    /// The ranges of names and texts in the buffer.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl Texts {
    /// Sets the text of a name.
    pub fn insert(&mut self, name: String, text: String) {
        self.set(&name, &text);
    }

    /// Sets the text of a name.
    pub fn set(&mut self, name: &str, text: &str) {
        let last = self.places.last().is_none_or(|(last, _)| self.buffer[last.clone()] < *name);
        // nearly all names come in their order
        let at = if last { Err(self.places.len()) } else { self.find(name) };
        match at {
            Ok(at) => self.places[at].1 = self.push(text),
            Err(at) => {
                let place = (self.push(name), self.push(text));
                self.places.insert(at, place);
            }
        }
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let from = self.buffer.len();
        self.buffer.push_str(text);
        from..self.buffer.len()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.places.binary_search_by(|(known, _)| self.buffer[known.clone()].cmp(name))
    }

    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, text) = self.places.get(self.find(name).ok()?)?;
        Some(&self.buffer[text.clone()])
    }

    /// The texts as a JSON object.
    pub fn to_json(&self) -> String {
        json_text::object(self.iter())
    }

    /// The texts as a map, for code that changes single ones.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    /// The names with their texts, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.places.iter().map(|(name, text)| (&self.buffer[name.clone()], &self.buffer[text.clone()]))
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Texts {}

impl<N: AsRef<str>, T: AsRef<str>> FromIterator<(N, T)> for Texts {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(all: I) -> Self {
        let mut texts = Self::default();
        all.into_iter().for_each(|(name, text)| texts.set(name.as_ref(), text.as_ref()));
        texts
    }
}

impl<const N: usize> From<[(String, String); N]> for Texts {
    fn from(all: [(String, String); N]) -> Self {
        all.into_iter().collect()
    }
}

/// A JSON object of texts.
impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let mut texts = Texts::default();
        while let Some((Text(name), Text(text))) = map.next_entry()? {
            texts.set(&name, &text);
        }
        Ok(texts)
    }
}

/// A JSON string, borrowed where it has no escapes. serde gives a `Cow` that is always owned.
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_read_as_a_map_of_them_is(all in proptest::collection::vec(("[a-c\"é]{0,2}", any::<String>()), 0..8)) {
            let member = |(name, text): &(String, String)| format!("{}:{}", serde_json::json!(name), serde_json::json!(text));
            let json = format!("{{{}}}", all.iter().map(member).collect::<Vec<_>>().join(","));
            let map: BTreeMap<String, String> = serde_json::from_str(&json).expect("a map");
            let texts: Texts = serde_json::from_str(&json).expect("texts");
            let plain = |(name, text): (&'_ String, &'_ String)| (name.clone(), text.clone());
            prop_assert_eq!(
                texts.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect::<Vec<_>>(),
                map.iter().map(plain).collect::<Vec<_>>()
            );
            prop_assert!(map.iter().all(|(name, text)| texts.get(name) == Some(text.as_str())) && texts.get("other").is_none());
        }
    }

    #[test]
    fn what_is_no_map_of_texts_is_refused_in_the_same_words() {
        for wrong in ["", "[]", "{\"a\":1}", "{\"a\":null}", "{\"a\":\"b\"", "\"a\"", "{\"a\":\"b\"} x", "{\"a\":\"\\ud83d\"}"] {
            let problem = serde_json::from_str::<Texts>(wrong).expect_err("refused").to_string();
            assert_eq!(problem, serde_json::from_str::<BTreeMap<String, String>>(wrong).expect_err("refused").to_string(), "{wrong}");
        }
    }
}
