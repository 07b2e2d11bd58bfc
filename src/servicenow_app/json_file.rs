//! `package.json` and `now.config.json` where they exist already: what others added stays, and the version only rises.

use serde_json::{Map, Value};

use super::manifest::digest;

/// The member with the version.
const VERSION: &str = "version";

/// A JSON file of the project.
#[derive(Debug, Clone)]
pub(super) struct JsonFile(Map<String, Value>);

impl JsonFile {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err("it is no JSON object".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A text member.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The version.
    pub(super) fn version(&self) -> Option<&str> {
        self.text(VERSION)
    }

    /// The same with this version.
    pub(super) fn with_version(mut self, version: &str) -> Self {
        self.0.insert(VERSION.to_owned(), version.into());
        self
    }

    /// The digest of everything but the version, which the command and people raise.
    pub(super) fn digest(&self) -> String {
        let mut members = self.0.clone();
        members.remove(VERSION);
        digest(&Value::Object(members).to_string())
    }

    /// The members of both; where both have one, the other file's value stays.
    pub(super) fn completed_by(self, ours: Self) -> Self {
        let Value::Object(members) = completed(Value::Object(self.0), Value::Object(ours.0)) else { return Self(Map::new()) };
        Self(members)
    }

    /// The text.
    pub(super) fn to_text(&self) -> String {
        // a value of texts and objects can always be written
        serde_json::to_string_pretty(&self.0).unwrap_or_default() + "\n"
    }
}

fn completed(theirs: Value, ours: Value) -> Value {
    match (theirs, ours) {
        (Value::Object(mut theirs), Value::Object(ours)) => {
            for (name, our) in ours {
                let value = match theirs.remove(&name) {
                    Some(their) => completed(their, our),
                    None => our,
                };
                theirs.insert(name, value);
            }
            Value::Object(theirs)
        }
        (theirs, _) => theirs,
    }
}

/// The version after this one; at least `least`. `None`: one of them is not of the form 1.2.3.
pub(super) fn next_version(version: &str, least: &str) -> Option<String> {
    let [major, minor, patch] = numbers(version)?;
    let [major, minor, patch] = [major, minor, patch.checked_add(1)?].max(numbers(least)?);
    Some(format!("{major}.{minor}.{patch}"))
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let parts: Vec<u64> = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_only_rises() {
        let next = |version, least| next_version(version, least);
        assert_eq!(next("0.1.0", "0.1.0").as_deref(), Some("0.1.1"));
        assert_eq!(next("0.1.9", "0.1.0").as_deref(), Some("0.1.10"));
        assert_eq!(next("0.1.9", "0.2.0").as_deref(), Some("0.2.0"));
        assert_eq!(next("3.0.0", "0.2.0").as_deref(), Some("3.0.1"));
        for strange in ["1.0", "1.0.0-beta", "1.0.0.0", "", "a.b.c"] {
            assert_eq!(next(strange, "0.1.0"), None, "{strange}");
        }
    }

    #[test]
    fn what_others_added_or_changed_stays() {
        let file = |text| JsonFile::read(text).unwrap();
        let theirs = file(r#"{"version": "2.0.0", "devDependencies": {"sdk": "5", "mine": "1"}}"#);
        let ours = file(r#"{"version": "0.1.0", "devDependencies": {"sdk": "4", "glide": "27"}, "license": "UNLICENSED"}"#);
        assert_eq!(theirs.digest(), file(r#"{"version": "3.0.0", "devDependencies": {"mine": "1", "sdk": "5"}}"#).digest());
        let both = theirs.completed_by(ours).with_version("2.0.1");
        let expected = r#"{"version": "2.0.1", "devDependencies": {"sdk": "5", "mine": "1", "glide": "27"}, "license": "UNLICENSED"}"#;
        assert_eq!(both.0, file(expected).0);
        assert!(JsonFile::read("[]").is_err() && JsonFile::read("{").is_err());
    }
}
