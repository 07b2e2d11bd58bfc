//! A user name with its password; the password prints as `***`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::redact::{Kind, remember};

/// A user name (or client id) with its password (or client secret). Creating it [remembers](remember) the password, so that no text of
/// another system shows it.
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

    /// The password in clear. Call it only where it is sent to the other system.
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
