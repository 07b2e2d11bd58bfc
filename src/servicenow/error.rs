//! Why a whole call to ServiceNow failed. An error of one record is an [`Outcome`](super::Outcome), and not an error here.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::next_step::NextStep;
use crate::net::NetError;
use crate::redact::Quoted;
use crate::retry::Class;

/// A call without a result. When [`ServiceNow::send`](super::ServiceNow::send) returns one, no record was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServiceNowError {
    /// The settings cannot be used.
    #[error("the ServiceNow client cannot be created")]
    Setup {
        /// What is wrong.
        #[source]
        source: Arc<NetError>,
    },
    /// No answer.
    #[error("{what} got no answer")]
    Net {
        /// Method and path, without the query.
        what: String,
        /// The error of the connection.
        #[source]
        source: Arc<NetError>,
    },
    /// The request for a token got no answer: the request that needed it was not sent.
    #[error("{what} got no answer")]
    NoTokenAnswer {
        /// Method and path.
        what: String,
        /// The error of the connection.
        #[source]
        source: Arc<NetError>,
    },
    /// The token endpoint refused the client.
    #[error(
        "{host} refused the token request with status {status}: {words}; ServiceNow hides the reason, so check one after another: client \
         id and secret of the credential `servicenow`, that the system property `glide.oauth.inbound.client.credential.grant_type.enabled` \
         is `true`, that the OAuth application record is active and names an OAuth application user, that this user is active and \
         its password is not flagged for reset, and `servicenow.scope`; the instance's system log has the real reason"
    )]
    TokenRefused {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The instance's message.
        words: Quoted,
    },
    /// The token endpoint returned something that is not a token, or the actor that keeps the token is not available at the moment.
    #[error("no token could be obtained: {problem}")]
    TokenUnavailable {
        /// What came instead.
        problem: Quoted,
    },
    /// There is no credential for a token, or it cannot be decrypted: a person must correct that.
    #[error("no token could be obtained: {problem}")]
    NoCredential {
        /// What is missing.
        problem: String,
        /// What to do.
        next_step: NextStep,
    },
    /// A new token was refused as well.
    #[error(
        "{what} was refused with status 401, and again with a fresh token; check that the OAuth application's user is active, and that \
         the application's REST API auth scope covers this API"
    )]
    Unauthorized {
        /// Method and path.
        what: String,
    },
    /// The instance asks for a pause.
    #[error("{what} was refused with status 429: {words}")]
    Throttled {
        /// Method and path.
        what: String,
        /// The instance's message.
        words: Quoted,
        /// How long it asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// An HTML page instead of an answer, as sent by hibernating instances and instances under maintenance.
    #[error(
        "{what} was answered with a page{title} and status {status} instead of JSON; the instance may be hibernating or under maintenance, or `servicenow.instance_url` is not an instance"
    )]
    Page {
        /// Method and path.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The page's title, with a leading space and in backticks; may be empty.
        title: Quoted,
    },
    /// An answer that cannot be used.
    #[error("the answer to {what} with status {status} cannot be used: {problem}")]
    BadAnswer {
        /// Method and path.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        problem: Quoted,
    },
    /// The instance does not know the table.
    #[error(
        "the instance has no table `{table}` ({words}); correct `table` of the block `[{block}]` in the profile's definition, or create \
         the table"
    )]
    UnknownTable {
        /// The table.
        table: String,
        /// The block of the definition.
        block: String,
        /// The instance's message.
        words: Quoted,
    },
    /// Rows come back without the column: it does not exist, or may not be read.
    #[error(
        "rows of `{table}` come back without the column `{column}`, so nothing can be found by it; create the column, let the application \
         user read it, or name another column in the profile's definition"
    )]
    UnknownColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The application user may not use this API or table.
    #[error("{what} is not allowed: {words}; give the OAuth application's user a role for this API and table")]
    Forbidden {
        /// Method and path.
        what: String,
        /// The instance's message.
        words: Quoted,
    },
    /// Too little time is left of the lease for another request.
    #[error(
        "{what} was not started: the time for this batch is nearly over, and another node may treat it as lost; Tieline sends it again"
    )]
    LeaseEnds {
        /// Method and path.
        what: String,
    },
    /// The owner of a row cannot be looked up now.
    #[error("whose rows they are cannot be looked up: {problem}")]
    Ledger {
        /// The ledger's error.
        problem: String,
    },
    /// Refused for another reason.
    #[error("{what} was refused with status {status}: {words}")]
    Refused {
        /// Method and path.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The instance's own words.
        words: Quoted,
    },
}

impl ServiceNowError {
    /// What the error means for the next attempt.
    pub fn class(&self) -> Class {
        match self {
            Self::Setup { .. } => Class::Permanent,
            Self::Net { source, .. } | Self::NoTokenAnswer { source, .. } => match **source {
                NetError::Setup { .. } | NetError::TooLarge { .. } => Class::Permanent,
                _ => Class::Transient,
            },
            // tokens may be revoked faster than they are fetched: nothing was done, and the next attempt may succeed
            Self::Unauthorized { .. }
            | Self::LeaseEnds { .. }
            | Self::Ledger { .. }
            | Self::TokenUnavailable { .. }
            | Self::NoCredential { .. }
            | Self::Page { .. }
            | Self::BadAnswer { .. } => Class::Transient,
            Self::Throttled { .. } => Class::Throttled,
            Self::TokenRefused { .. }
            | Self::UnknownTable { .. }
            | Self::UnknownColumn { .. }
            | Self::Forbidden { .. }
            | Self::Refused { .. } => Class::Permanent,
        }
    }

    /// Whether the error shows nothing about the requested rows: it is temporary, or the instance gave no token.
    pub(super) fn passes(&self) -> bool {
        matches!(self.class(), Class::Transient | Class::Throttled) || matches!(self, Self::TokenRefused { .. })
    }

    /// How long the instance asks to wait, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error and its causes on one line.
    pub fn chain(&self) -> String {
        crate::domain::chain(self)
    }
}
