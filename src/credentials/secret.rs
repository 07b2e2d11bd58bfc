//! A user name with its password; the password prints as `***`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::redact::{Kind, remember};

/// A user name (or client id) with its password (or client secret). Whoever holds one can be sure that no text of another system shows its
/// password: making it [remembers](remember) it.
#[derive(Clone)]
pub struct Credential {
    /// The user name, operator or client id: not a secret.
    pub username: String,
    password: SecretString,
}

impl Credential {
    /// A user name, operator or client id, and the password or client secret.
    pub fn new(username: impl Into<String>, password: SecretString) -> Self {
        let username = username.into();
        remember(Kind::Password, &username, password.expose_secret());
        Self { username, password }
    }

    /// The password in clear. Call it where it leaves for the other system, nowhere else.
    pub fn expose(&self) -> &str {
        self.password.expose_secret()
    }

    /// The password alone.
    pub fn into_password(self) -> SecretString {
        self.password
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential {{ username: {:?}, password: *** }}", self.username)
    }
}
