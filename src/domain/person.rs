//! People: the names under which they act, and which of these names are one person.
//!
//! A person may have a key, sign in through the provider of the site, and have an account on the machine. Where two people are needed,
//! their names are compared and not the ways in which they came.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The name of a person or of a key.
///
/// 1 to [`PersonName::LONGEST`] characters. What would make two texts of the audit read the same is refused: blanks at the ends,
/// parentheses, control characters, ` from `.
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
#[error(
    "a name has 1 to {} characters, none of them a parenthesis or a control character, no blank at its ends, and no ` from ` in it",
    PersonName::LONGEST
)]
pub struct NoName;

impl FromStr for PersonName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let length = text.chars().count();
        let plain = text.trim() == text && !text.contains(['(', ')']) && !text.contains(char::is_control) && !text.contains(" from ");
        if plain && (1..=Self::LONGEST).contains(&length) { Ok(Self(text.to_owned())) } else { Err(NoName) }
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

/// The person behind a name of the audit, in small letters: whoever has this key, this account or this name at the provider.
///
/// Two names are one person if this is the same. A key belongs to the person who is named with it, or else to the person whose name it has.
/// The domain of an account counts nothing: `COMPANY\\anna`, `anna@company.example` and `anna` are one.
pub fn person(actor: &str) -> String {
    let with_address = actor.rsplit_once(" from ").filter(|(_, address)| address.parse::<IpAddr>().is_ok());
    let actor = with_address.map_or(actor, |(name, _)| name);
    let name = match actor.split_once(' ') {
        Some(("key", key)) => key.strip_suffix(')').and_then(|key| key.rsplit_once(" (")).map_or(key, |(_, person)| person),
        Some(("person" | "user", name)) => name,
        _ => actor,
    };
    let name = name.rsplit_once('\\').map_or(name, |(_, account)| account);
    let name = name.split_once('@').map_or(name, |(account, _)| account);
    name.to_lowercase()
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
            assert_eq!(wrong.parse::<PersonName>(), Err(NoName), "{wrong}");
        }
    }
}
