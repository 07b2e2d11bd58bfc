//! Why nobody was signed in through the provider.

use super::token::TokenRefused;
use crate::credentials::credential_store::CredentialError;
use crate::domain::person::PersonName;
use crate::net::NetError;
use crate::redact::Quoted;

/// Why nobody was signed in through the provider.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It does not answer, or cannot be asked.
    #[error("the OpenID provider cannot be reached")]
    Unreachable(#[from] NetError),
    /// Its answer is not what an OpenID provider answers.
    #[error("the answer of the OpenID provider to {what} cannot be used: {problem}")]
    Answer {
        /// What it was asked for.
        what: &'static str,
        /// What is wrong with it.
        problem: Quoted,
    },
    /// The client secret cannot be read.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The client secret is for another client.
    #[error("the credential `sign-in` is for the client `{credential}`, and `sign_in.client_id` is `{client_id}`")]
    OtherClient {
        /// The user name of the credential.
        credential: String,
        /// The setting.
        client_id: String,
    },
    /// The answer came from another provider than the one that was asked (RFC 9207).
    #[error("the answer is from another provider: its `iss` is `{is}`, and `sign_in.issuer` is `{expected}`")]
    OtherIssuer {
        /// What it says.
        is: Quoted,
        /// The setting.
        expected: String,
    },
    /// It refused the person, or the code.
    #[error("the OpenID provider refused {what}: `{error}`{}", in_parentheses(.description.as_ref()))]
    Refused {
        /// What it refused.
        what: &'static str,
        /// The error's word.
        error: Quoted,
        /// Its description.
        description: Option<Quoted>,
    },
    /// Its token is not valid.
    #[error("the ID token of the OpenID provider is not valid")]
    Token(#[from] TokenRefused),
    /// The person has no name that can be shown.
    #[error("the claim `{claim}` gives no usable name for the person `{subject}`: {problem}")]
    NoName {
        /// The setting.
        claim: String,
        /// The provider's own name for the person.
        subject: String,
        /// What is wrong.
        problem: String,
    },
    /// None of the person's roles or groups gives a role.
    #[error("`{name}` has no role in Tieline: none of the {values} values of the claim `{claim}` is one that `sign_in.roles` names")]
    NoRole {
        /// The name.
        name: PersonName,
        /// The provider's own name for the person.
        subject: String,
        /// The claim.
        claim: String,
        /// How many values it has.
        values: usize,
    },
}

fn in_parentheses(text: Option<&Quoted>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

impl OidcError {
    /// Whether the provider or its configuration is at fault, and not the person.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Answer { .. } | Self::Credential(_) | Self::OtherClient { .. } | Self::Token(_) => true,
            Self::OtherIssuer { .. } | Self::Refused { .. } | Self::NoName { .. } | Self::NoRole { .. } => false,
        }
    }

    /// The provider's own name for the person, where it has vouched for one.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::NoName { subject, .. } | Self::NoRole { subject, .. } => Some(subject),
            _ => None,
        }
    }

    /// The name of the person, if it is known.
    pub fn name(&self) -> Option<&PersonName> {
        match self {
            Self::NoRole { name, .. } => Some(name),
            _ => None,
        }
    }

    /// What to do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Unreachable(error) if error.names_a_setting() => {
                "let an administrator of Tieline correct the setting; meanwhile sign in with an API key"
            }
            Self::Unreachable(_) => "try again when the provider answers, or sign in with an API key",
            Self::Answer { .. } => {
                "let an administrator compare `[sign_in]` with the provider's configuration; meanwhile sign in with an API key"
            }
            Self::Credential(_) | Self::OtherClient { .. } => {
                "let an administrator set it: `tieline credential set sign-in --username CLIENT_ID --password-stdin`; meanwhile sign in with an \
                 API key"
            }
            Self::Token(refused) if refused.may_be_the_clock() => {
                "let an administrator compare the clocks of both machines (`tieline doctor`), then sign in again"
            }
            Self::Token(_) => "sign in again; if it happens again, tell an administrator, who compares `[sign_in]` with the provider",
            Self::OtherIssuer { .. } => "sign in again from Tieline's own page; if it happens again, tell an administrator",
            Self::Refused { .. } => "sign in again, or ask an administrator of the provider whether you may use Tieline",
            Self::NoName { .. } => "let an administrator of the provider correct the name, or name another claim in `sign_in.name_claim`",
            Self::NoRole { .. } => "ask an administrator for a role or a group that `sign_in.roles` names, then sign in again",
        }
    }
}
