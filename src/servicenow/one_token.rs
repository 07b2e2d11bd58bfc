//! The one token of a short check; a refusal is reported, and no other token is fetched.

use std::cell::Cell;

use futures_util::future::LocalBoxFuture;
use tokio::time::Instant;

use crate::config::settings::ServiceNowSettings;
use crate::credentials::secret::Credential;
use crate::net::HttpClient;

use super::error::ServiceNowError;
use super::token::{Token, TokenSource, TokenState};
use super::token_request::fetch_token;

/// Provides the same token until it is refused.
pub struct OneToken {
    token: Token,
    refused: Cell<bool>,
}

impl OneToken {
    /// Fetches a token.
    ///
    /// # Errors
    /// The error that prevented a token.
    pub async fn fetch(http: &HttpClient, settings: &ServiceNowSettings, credential: &Credential) -> Result<Self, ServiceNowError> {
        let answer = fetch_token(http, settings, credential).await?;
        Ok(Self { token: TokenState::default().accept(answer, Instant::now()), refused: Cell::new(false) })
    }
}

impl TokenSource for OneToken {
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>> {
        let problem = "the instance refused the token that it had just given".to_owned();
        let token =
            if self.refused.get() { Err(ServiceNowError::TokenUnavailable { problem: problem.into() }) } else { Ok(self.token.clone()) };
        Box::pin(std::future::ready(token))
    }

    fn refused(&self, _: u64) {
        self.refused.set(true);
    }
}
