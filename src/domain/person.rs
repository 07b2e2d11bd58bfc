//! People: the names under which they act, and which of these names are one person.
//!
//! A person may have a key, sign in through the provider of the site, and have an account on the machine. Where two people are needed,
//! their names are compared and not the ways in which they came.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection, skeleton};

use super::visible::directs;

/// The name of a person or of a key.
///
/// 1 to [`PersonName::LONGEST`] characters in NFC. What would make two texts of the audit read the same is refused: blanks at the ends,
/// parentheses, invisible characters, ` from `, characters that NFKC replaces by others (`ﬁ`, full-width letters, a no-break blank), and
/// letters of scripts that no language mixes, such as a Cyrillic `а` in a Latin name (Unicode Technical Standard 39, section 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// The most characters.
    pub const LONGEST: usize = 100;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}

/// Why a text is not the name of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoName {
    /// Its form.
    #[error(
        "a name has 1 to {} characters, none of them a parenthesis or a control character, no blank at its ends, and no ` from ` in it",
        PersonName::LONGEST
    )]
    Form,
    /// A character that nobody sees.
    #[error("a name has no invisible character, and this one has U+{0:04X}: type the name again")]
    Invisible(u32),
    /// A character that looks like others.
    #[error("a name has no character that stands for others, such as a ligature or a full-width letter, and this one has `{0}`")]
    StandsForOthers(char),
    /// Letters that do not belong together.
    #[error("the letters of this name are of several scripts, such as Latin and Cyrillic, and could pass for another name: type it in one")]
    Mixed,
}

/// The scripts of the letters; what is not a letter belongs to all of them.
fn is_mixed(name: &str) -> bool {
    let letters: String = name.chars().filter(|letter| letter.is_alphabetic() || is_combining_mark(*letter)).collect();
    !letters.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

impl FromStr for PersonName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let name: String = text.nfc().collect();
        let length = name.chars().count();
        let plain = name.trim() == name && !name.contains(['(', ')']) && !name.contains(char::is_control) && !name.contains(" from ");
        if !plain || !(1..=Self::LONGEST).contains(&length) {
            return Err(NoName::Form);
        }
        if let Some(hidden) = name.chars().find(|letter| directs(*letter) || skeleton(letter.encode_utf8(&mut [0; 4])).next().is_none()) {
            return Err(NoName::Invisible(hidden.into()));
        }
        if let Some(letter) = name.chars().find(|letter| !std::iter::once(*letter).nfkc().eq(std::iter::once(*letter).nfc())) {
            return Err(NoName::StandsForOthers(letter));
        }
        if is_mixed(&name) { Err(NoName::Mixed) } else { Ok(Self(name)) }
    }
}

/// The name in the audit of somebody with a key: the key's, and its person's if that is another one.
pub fn key_actor(key: &str, person: Option<&str>) -> String {
    match person.filter(|person| *person != key) {
        Some(person) => format!("key {key} ({person})"),
        None => format!("key {key}"),
    }
}

/// The name in the audit of somebody who signed in through the provider.
pub fn provider_actor(name: &str) -> String {
    format!("person {name}")
}

/// A name for comparisons: two that look the same have the same. Letters of either case are one, as are the ways to write an accent. Where
/// a name has letters beyond ASCII, those that look alike are one, too (the skeleton of Unicode Technical Standard 39, section 4). Names in
/// ASCII are not compared by their looks: `bern` and `bem` are two people.
pub fn folded(name: &str) -> String {
    // first in capitals: `ß` is `ss`
    let small: String = name.nfkc().collect::<String>().to_uppercase().to_lowercase().nfkc().collect();
    if small.is_ascii() {
        return small;
    }
    // the skeleton of ASCII takes `1` for `l`: only the other letters are compared by their looks
    let looks = |letter: char| if letter.is_ascii() { letter.to_string() } else { skeleton(letter.encode_utf8(&mut [0; 4])).collect() };
    small.chars().map(looks).collect()
}

/// The person behind a name of the audit, as [`folded`]: whoever has this key, this account or this name at the provider.
///
/// Two names are one person if this is the same. A key belongs to the person who is named with it, or else to the person whose name it has.
/// The domain of an account counts nothing: `COMPANY\\anna`, `anna@company.example` and `anna` are one.
pub fn person(actor: &str) -> String {
    let with_address = actor.rsplit_once(" from ").filter(|(_, address)| address.parse::<IpAddr>().is_ok());
    let actor = with_address.map_or(actor, |(name, _)| name);
    let name = match actor.split_once(' ') {
        Some(("key", key)) => key.strip_suffix(')').and_then(|key| key.rsplit_once(" (")).map_or(key, |(_, person)| person),
        Some(("person", name)) => name,
        // what the account became says nothing of the person
        Some(("user", name)) => name.split_once(" (").map_or(name, |(account, _)| account),
        _ => actor,
    };
    let name = name.rsplit_once('\\').map_or(name, |(_, account)| account);
    let name = name.split_once('@').map_or(name, |(account, _)| account);
    folded(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_one_by_whatever_way_they_came() {
        for actor in [
            "key anna",
            "key anna from 10.0.0.7",
            "key anna from 2001:db8::7",
            "key closing (anna) from 10.0.0.7",
            "person Anna from 10.0.0.7",
            "user anna",
            "user anna (as root)",
            "user anna (as root, sudo names ben)",
            "user COMPANY\\anna",
            "person anna@company.example from 10.0.0.7",
        ] {
            assert_eq!(person(actor), "anna", "{actor}");
        }
        assert_eq!(person("key a from b from 10.0.0.7"), "a from b");
        assert_eq!(person("key a from b"), "a from b");
        assert_eq!(person("key a (b) c"), "a (b) c");
        assert_eq!(person("tieline"), "tieline");
        assert_ne!(person("key closing"), person("key closing (anna)"));
    }

    #[test]
    fn a_name_is_read_back_from_the_audit() {
        for (key, of, expected) in [("close", None, "close"), ("close", Some("anna b"), "anna b"), ("close", Some("close"), "close")] {
            assert_eq!(person(&format!("{} from 10.0.0.7", key_actor(key, of))), expected);
        }
        assert_eq!(person(&format!("{} from ::1", provider_actor("Anna Berg"))), "anna berg");
    }

    #[test]
    fn a_name_cannot_pass_for_another_one() {
        for name in ["anna", "Anna Berg", "anna@example.com", "Ångström", &"x".repeat(100)] {
            assert_eq!(name.parse::<PersonName>().map(String::from).as_deref(), Ok(name));
        }
        for wrong in ["", " anna", "anna ", "ops (anna)", "anna from 10.0.0.7", "a\nb", "a\0", &"x".repeat(101)] {
            assert_eq!(wrong.parse::<PersonName>(), Err(NoName::Form), "{wrong}");
        }
        let refused = |name: &str| name.parse::<PersonName>().expect_err(name);
        for hidden in ['\u{200b}', '\u{200d}', '\u{202e}', '\u{2066}', '\u{ad}', '\u{feff}', '\u{3164}', '\u{34f}', '\u{fe0f}'] {
            assert_eq!(refused(&format!("an{hidden}na")), NoName::Invisible(hidden.into()));
        }
        for letter in ['ﬁ', 'ａ', '\u{a0}', '²'] {
            assert_eq!(refused(&format!("an{letter}na")), NoName::StandsForOthers(letter));
        }
        // Cyrillic а and Greek ο in Latin names
        for mixed in ["\u{430}nna", "anna berg\u{43e}v", "j\u{3bf}hn"] {
            assert_eq!(refused(mixed), NoName::Mixed, "{mixed}");
        }
        for name in ["Zoë Müller-Lüdenscheidt", "Анна Каренина", "田中 さくら", "田中 Taro", "Ελένη", "O\u{2019}Brien 2", "שרה"]
        {
            assert!(name.parse::<PersonName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_one() {
        // an accent in one character or two; capital letters; sharp s; Cyrillic сора and Latin copa
        let long: PersonName = "A\u{30a}sa".parse().expect("a name");
        assert_eq!(long.as_str(), "\u{c5}sa");
        for (one, other) in [
            ("A\u{30a}sa", "\u{e5}SA"),
            ("Weiß", "WEISS"),
            ("\u{441}\u{43e}\u{440}\u{430}", "copa"),
            ("an\u{200b}na", "anna"),
            ("ａｎｎａ", "Anna"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
            assert_eq!(person(&format!("person {one} from ::1")), person(&format!("key {other}")), "{one} {other}");
        }
        for (one, other) in [("bern", "bem"), ("anna", "änna"), ("Анна", "Инна")] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }
}
