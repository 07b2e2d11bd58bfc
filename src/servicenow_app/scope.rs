//! The name of a scope, and the names that follow from it.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The longest scope that ServiceNow's SDK accepts, in characters.
const LONGEST: usize = 18;

/// The shortest one.
const SHORTEST: usize = 4;

/// The name of a customer's scope, such as `x_acme_tieline`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(String);

impl Scope {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `sys_id` of the record with this name in this application. It follows from both, so that a second build of the application
    /// updates the records of the first one on an instance. 32 hexadecimal digits.
    pub fn sys_id(&self, record: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.0.as_bytes());
        hasher.update([0]);
        hasher.update(record.as_bytes());
        let mut text = hex::encode(hasher.finalize());
        text.truncate(32);
        text
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "use the prefix of your company and a name, such as `x_acme_tieline`";
        let problem = if !text.starts_with("x_") {
            "does not begin with `x_`, as the scopes of customers do".to_owned()
        } else if let Some(other) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')) {
            format!("has the character `{}`; small letters, digits and `_` are allowed", other.escape_default())
        } else if text.len() > LONGEST {
            format!("has {} characters; ServiceNow allows {LONGEST}", text.len())
        } else if text.len() < SHORTEST {
            "names nothing after `x_`".to_owned()
        } else if text.contains("__") || text.ends_with('_') {
            "has an empty part between or after `_`".to_owned()
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(format!("the scope {problem}; {example}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_sdk_accepts_are_scopes() {
        for good in ["x_acme_tieline", "x_tl", "x_1234_tieline_fin"] {
            assert_eq!(good.parse::<Scope>().unwrap().as_str(), good);
        }
        for (bad, words) in [
            ("", "does not begin with `x_`"),
            ("tieline", "does not begin with `x_`"),
            ("sn_tieline", "does not begin with `x_`"),
            ("global", "does not begin with `x_`"),
            ("x_Acme_tieline", "character `A`"),
            ("x_acme-tieline", "character `-`"),
            ("x_acmé", "character"),
            ("x_acme_tieline_finance", "has 22 characters"),
            ("x_", "names nothing"),
            ("x_a", "names nothing"),
            ("x__tieline", "empty part"),
            ("x_acme_", "empty part"),
        ] {
            let problem = bad.parse::<Scope>().unwrap_err();
            assert!(problem.contains(words) && problem.contains("such as `x_acme_tieline`"), "{bad}: {problem}");
        }
    }

    #[test]
    fn a_sys_id_follows_from_scope_and_record() {
        let scope: Scope = "x_acme_tieline".parse().unwrap();
        assert_eq!(scope.sys_id("map supplier"), scope.sys_id("map supplier"));
        assert_ne!(scope.sys_id("map supplier"), scope.sys_id("map invoice"));
        assert_ne!(scope.sys_id("a"), "x_other".parse::<Scope>().unwrap().sys_id("a"));
        assert!(scope.sys_id("a").len() == 32 && scope.sys_id("a").bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
