//! Why there is no answer.

use crate::redact::Quoted;

/// Why there is no answer. The texts never contain the query string.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The client could not be created: a certificate file that cannot be read, or an invalid proxy.
    #[error("{what}")]
    Setup {
        /// What is wrong, and the file or setting.
        what: String,
    },
    /// No connection: nothing was sent.
    #[error("cannot connect to {host}: {problem}")]
    Connect {
        /// Host and port.
        host: String,
        /// The error of the connection.
        problem: Quoted,
    },
    /// The address has another scheme than its port speaks.
    #[error("{host}: {what}")]
    Scheme {
        /// Host and port.
        host: String,
        /// What the port speaks, and the setting to change.
        what: String,
        /// Whether the request was sent: a port may speak both.
        sent: bool,
    },
    /// No answer in time: the request may have been carried out.
    #[error("no answer from {host} within {seconds} s")]
    Timeout {
        /// Host and port.
        host: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The answer is large, and other large answers of the same system were being read the whole time: the request was carried out.
    #[error(
        "the answer of {host} is larger than 1 MiB and was not read: other large answers were being read for {seconds} s, one at a time; if this \
         lasts, lower the page size or raise `body_timeout_seconds`"
    )]
    Crowded {
        /// Host and port.
        host: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The connection ended early: the request may have been carried out.
    #[error("the connection to {host} broke before the answer was complete: {problem}")]
    Broken {
        /// Host and port.
        host: String,
        /// The error of the connection.
        problem: Quoted,
    },
    /// The answer has an encoding that was not accepted.
    #[error(
        "the answer of {host} is compressed as `{encoding}`, and only gzip was requested (`Accept-Encoding`); a proxy between them \
         compresses it again"
    )]
    Packed {
        /// Host and port.
        host: String,
        /// The encoding in the answer's header.
        encoding: Quoted,
    },
    /// The answer is larger than the limit.
    #[error("the answer of {host} is larger than {limit} bytes; raise `body_limit_mb` or lower the page size")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
}

impl NetError {
    /// Whether the text names a wrong setting: no further attempt succeeds before a person has corrected it.
    pub fn names_a_setting(&self) -> bool {
        match self {
            NetError::Setup { .. } | NetError::Scheme { .. } => true,
            NetError::Connect { .. }
            | NetError::Broken { .. }
            | NetError::Timeout { .. }
            | NetError::Crowded { .. }
            | NetError::Packed { .. }
            | NetError::TooLarge { .. } => false,
        }
    }

    /// Whether the request may have reached the other side.
    pub fn may_have_been_sent(&self) -> bool {
        !matches!(self, NetError::Setup { .. } | NetError::Connect { .. } | NetError::Scheme { sent: false, .. })
    }
}
