//! Sign-in through the OpenID provider of the site: the authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636).
//!
//! The module knows the provider and its tokens. It stores nothing: the browser keeps an [`Attempt`] in a cookie, and the ledger counts each
//! attempt once (`operations::sign_in`). The signatures of tokens are checked by `ring`, as those of the audit and of TLS are.

mod attempt;
mod error;
mod jwk;
mod provider;
mod token;

pub use attempt::{Attempt, LIFE};
pub use error::OidcError;
pub use provider::{Answer, Identity, Provider};
