//! A user name with its password; the password prints as `***`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A user name (or client id) with its password (or client secret).
#[derive(Clone)]
pub struct Credential {
    /// The user name, operator or client id: not a secret.
    pub username: String,
    /// The password or client secret.
    pub password: SecretString,
}

impl Credential {
    /// The password in clear. Call it where it leaves for the other system, nowhere else.
    pub fn expose(&self) -> &str {
        self.password.expose_secret()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential {{ username: {:?}, password: *** }}", self.username)
    }
}
