//! Texts of other systems, without the secrets of this process.
//!
//! A server, or a proxy in front of it, may repeat in an answer what was sent to it. [`remember`] collects every secret before it is sent,
//! and a [`Quoted`] is a text from which all of them are removed. Errors, outcomes and findings contain another system's text only as
//! [`Quoted`], so that no unchecked text gets in. Data to be delivered is never a [`Quoted`]: an invoice may contain the same letters as a
//! password, and arrives unchanged.

mod spelling;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

/// The replacement for a secret.
const BLOT: &str = "***";

/// A spelling with fewer characters could be a part of any word: it is removed only where it is a word of its own.
const SHORTEST: usize = 4;

/// How many secrets of each kind are kept; the oldest is dropped first. A secret is remembered again each time it is sent.
const KEPT: usize = 64;

/// The kind of a secret. Each kind has its own limit, so that the many short-lived ones do not displace the passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A password or a client secret.
    Password,
    /// A bearer token, a signature, or a part of an address that works like one.
    Token,
    /// The id of an e.net session.
    Session,
}

/// How much of a text is given. The end of a start may be the start of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPart {
    /// All of it.
    Whole,
    /// Its start only.
    Start,
}

impl TextPart {
    /// The first `given` bytes of a text of `length` bytes.
    pub fn up_to(given: usize, length: usize) -> Self {
        if given < length { Self::Start } else { Self::Whole }
    }
}

struct Entry {
    user: String,
    secret: SecretString,
}

#[derive(Default)]
struct Known {
    rings: [VecDeque<Entry>; 3],
    /// Every spelling of every secret.
    spellings: Vec<Vec<char>>,
    /// The spellings that start with a character.
    by_first: HashMap<char, Vec<usize>>,
    /// The length of the longest, in characters.
    longest: usize,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// Adds a secret to those that are removed from every text of another system. `user` is the user name sent with it, or empty.
pub fn remember(kind: Kind, user: &str, secret: &str) {
    if secret.trim().is_empty() {
        return;
    }
    let same = |entry: &Entry| entry.user == user && entry.secret.expose_secret() == secret;
    if known().rings[kind as usize].iter().any(same) {
        return;
    }
    let mut all = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if all.rings[kind as usize].iter().any(same) {
        return;
    }
    let ring = &mut all.rings[kind as usize];
    if ring.len() >= KEPT {
        ring.pop_front();
    }
    ring.push_back(Entry { user: user.to_owned(), secret: secret.to_owned().into() });
    all.index();
}

fn known() -> RwLockReadGuard<'static, Known> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn index(&mut self) {
        let mut spellings: Vec<Vec<char>> = Vec::new();
        for entry in self.rings.iter().flatten() {
            spellings.extend(literals(&entry.user, entry.secret.expose_secret()).iter().map(|text| spelling::folded(text)));
        }
        spellings.retain(|spelling| !spelling.is_empty());
        spellings.sort();
        spellings.dedup();
        self.by_first.clear();
        for (at, spelling) in spellings.iter().enumerate() {
            self.by_first.entry(spelling[0]).or_default().push(at);
        }
        self.longest = spellings.iter().map(Vec::len).max().unwrap_or_default();
        self.spellings = spellings;
    }

    /// The most bytes that a secret can take in a text.
    fn reach(&self) -> usize {
        self.longest * spelling::LONGEST + spelling::LONGEST
    }

    /// The places of secrets in a text, in order and without overlap.
    fn places(&self, text: &str, given: TextPart) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if self.spellings.is_empty() {
            return found;
        }
        for (from, c) in text.char_indices() {
            if !spelling::leads(c) && !self.by_first.contains_key(&spelling::fold(c)) {
                continue;
            }
            let mut to = from;
            for (first, _) in spelling::ways(&text[from..]) {
                for at in self.by_first.get(&first).into_iter().flatten() {
                    let spelling = &self.spellings[*at];
                    let Some(length) = spelling::matches(&text[from..], spelling, given) else { continue };
                    let end = from + length;
                    if spelling.len() >= SHORTEST || alone(text, from, end) {
                        to = to.max(end);
                    }
                }
            }
            if to == from {
                continue;
            }
            match found.last_mut().filter(|last| last.end > from) {
                Some(last) => last.end = last.end.max(to),
                None => found.push(from..to),
            }
        }
        found
    }
}

/// Whether neither neighbour character belongs to a word.
fn alone(text: &str, from: usize, to: usize) -> bool {
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !word(text[..from].chars().next_back()) && !word(text[to..].chars().next())
}

/// A secret, and its encodings as a whole: escapes of single characters are decoded during the search.
fn literals(user: &str, secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    // the digits of a short one could be a part of any number
    if secret.len() >= SHORTEST {
        all.push(hex::encode(secret));
    }
    // HTTP Basic, SMTP's PLAIN, and the encoded secret alone
    for text in [secret.to_owned(), format!("{user}:{secret}"), format!("\0{user}\0{secret}")] {
        all.extend([BASE64_STANDARD.encode(&text), BASE64_STANDARD_NO_PAD.encode(&text)]);
        all.extend([BASE64_URL_SAFE.encode(&text), BASE64_URL_SAFE_NO_PAD.encode(&text)]);
    }
    all
}

/// A text of another system for people, without the secrets of this process in any spelling.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quoted(String);

impl Quoted {
    /// The whole text.
    pub fn of(text: &str) -> Self {
        Self::cut(text, 0..text.len())
    }

    /// A part of a text, given in bytes: a secret that crosses an edge is removed too.
    pub fn cut(text: &str, part: Range<usize>) -> Self {
        let from = text.floor_char_boundary(part.start);
        let to = text.floor_char_boundary(part.end).max(from);
        // the text may be as large as an answer
        let reach = known().reach();
        let begin = text.floor_char_boundary(from.saturating_sub(reach));
        let end = text.ceil_char_boundary(to.saturating_add(reach).min(text.len()));
        Self::within(&text[begin..end], from - begin..to - begin, TextPart::up_to(end, text.len()))
    }

    /// The first `most` characters of a text.
    pub fn first(text: &str, most: usize) -> Self {
        Self::cut(text, 0..text.char_indices().nth(most).map_or(text.len(), |(at, _)| at))
    }

    /// A part of a body, given in bytes.
    pub fn around(body: &[u8], part: Range<usize>) -> Self {
        let (from, to) = (part.start.min(body.len()), part.end.min(body.len()));
        let reach = known().reach();
        let lossy = |part: Range<usize>| String::from_utf8_lossy(body.get(part).unwrap_or_default()).into_owned();
        let (before, within) = (lossy(from.saturating_sub(reach)..from), lossy(from..to));
        let text = format!("{before}{within}{}", lossy(to..to.saturating_add(reach).min(body.len())));
        Self::within(&text, before.len()..before.len() + within.len(), TextPart::Start)
    }

    /// The first `most` characters of a text as one line. `given` tells whether the text itself is only the start of another.
    pub fn line(text: &str, most: usize, given: TextPart) -> Self {
        // secrets are removed first: a secret may contain a line end, and must not be cut into a piece that is not recognised
        let whole = Self::within(text, 0..text.len(), given).0;
        let line = whole.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = line.char_indices().nth(most).map_or(line.len(), |(at, _)| at);
        Self(line[..end].to_owned())
    }

    /// Several texts, joined.
    pub fn joined(parts: impl IntoIterator<Item = Quoted>) -> Self {
        Self(parts.into_iter().map(|part| part.0).collect())
    }

    fn within(text: &str, part: Range<usize>, given: TextPart) -> Self {
        let (from, to) = (part.start, part.end);
        let places = known().places(text, given);
        let mut out = String::with_capacity(to - from);
        let mut at = from;
        for place in places.iter().filter(|place| place.end > from && place.start < to) {
            // a secret that starts before the part shows no text before it
            out.push_str(text.get(at..place.start).unwrap_or_default());
            out.push_str(BLOT);
            at = place.end;
        }
        out.push_str(text.get(at..to).unwrap_or_default());
        Self(out)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Quoted {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Quoted {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Quoted {
    fn from(text: &str) -> Self {
        Self::of(text)
    }
}

impl From<String> for Quoted {
    fn from(text: String) -> Self {
        Self::of(&text)
    }
}

impl From<Quoted> for String {
    fn from(quoted: Quoted) -> Self {
        quoted.0
    }
}

impl serde::Serialize for Quoted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Quoted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl PartialEq<str> for Quoted {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Quoted {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        Quoted::of(text).into()
    }

    #[test]
    fn a_secret_is_blotted_out_in_every_spelling() {
        let secret = "k\u{e9}y/w+rd&\"<1' %";
        remember(Kind::Password, "OP", secret);
        let json = serde_json::to_string(secret).expect("json");
        let twice = serde_json::to_string(&json).expect("json");
        let numbered: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        let hexed: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let xml = "k\u{e9}y/w+rd&amp;&quot;&lt;1&apos; %";
        let html = "k&#233;y&#x2F;w&#043;rd&amp;&#34;&lt;1&#39;&nbsp;%";
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let pair = BASE64_STANDARD.encode(format!("OP:{secret}"));
        for spelled in [
            secret,
            json.trim_matches('"'),
            twice.trim_matches(['"', '\\']),
            json.replace('/', "\\/").trim_matches('"'),
            &numbered,
            &hexed,
            xml,
            html,
            &xml.replace('&', "&amp;"),
            &form,
            &form.replace('+', "%20").to_lowercase(),
            &form.replace('%', "%25"),
            &secret.to_uppercase(),
            &pair,
            &BASE64_STANDARD_NO_PAD.encode(secret),
            &BASE64_URL_SAFE.encode(format!("\0OP\0{secret}")),
            &pair.replace('=', "%3D"),
        ] {
            assert_eq!(said(&format!("a [{spelled}] z")), "a [***] z", "{spelled}");
        }
        assert_eq!(said("nothing of it: key/word"), "nothing of it: key/word");
    }

    #[test]
    fn a_short_secret_is_blotted_out_as_a_word_alone() {
        remember(Kind::Password, "u", "q7");
        assert_eq!(said("q7, `q7` and \"Q7\": q71 faq7 dq7q7"), "***, `***` and \"***\": q71 faq7 dq7q7");
        for nothing in ["", "  "] {
            remember(Kind::Password, "u", nothing);
        }
        assert_eq!(said("an  answer"), "an  answer");
    }

    #[test]
    fn no_edge_leaves_a_piece_of_a_secret() {
        remember(Kind::Session, "", "3EA613166FE4ACC1  ");
        let text = "UserId=3EA613166FE4ACC1  is unknown";
        for to in 8..text.len() {
            let cut = Quoted::cut(text, 0..to);
            assert!(cut.starts_with("UserId=***") && !cut.contains("3E"), "{to}: {cut}");
        }
        for from in 0..22 {
            assert!(!Quoted::cut(text, from..text.len()).contains("CC1"), "{from}");
        }
        assert_eq!(Quoted::line(&text[..15], 200, TextPart::Start), "UserId=***");
        assert_eq!(Quoted::line(text, 9, TextPart::Whole), "UserId=**");
        // two overlapping secrets
        remember(Kind::Token, "", "abcdefgh");
        remember(Kind::Token, "", "efghijkl");
        assert_eq!(said("-abcdefghijkl-"), "-***-");
    }

    #[test]
    fn the_oldest_is_forgotten_first_and_passwords_are_kept_apart() {
        remember(Kind::Password, "u", "the-password");
        for number in 0..=KEPT {
            remember(Kind::Token, "", &format!("token-{number:04}"));
        }
        assert_eq!(said("the-password token-0064 token-0000"), "*** *** token-0000");
    }
}
