//! `ServiceNowToken`: the only place that fetches a token.
//!
//! One request at a time: callers that ask while a request is running wait for its answer, so that a thousand callers at expiry cost one
//! token. The actor checks the token on every query, renews it before it expires, and drops it when the instance refuses it. A restart
//! loses the token and the waiting callers, who get an error that asks them to retry. Runs on the control arbiter.

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::config::settings::{ServiceNowSettings, TokenRefresh};
use crate::credentials::credential_store::{CredentialError, CredentialStore, SERVICENOW};
use crate::domain::next_step::NextStep;
use crate::net::HttpClient;
use crate::servicenow::{ServiceNowError, Token, TokenAnswer, TokenSource, TokenState, fetch_token};
use crate::supervision::crash::CrashPoints;
use crate::telemetry::metrics::metrics;

/// Keeps the token.
pub struct ServiceNowToken {
    credential_store: CredentialStore,
    settings: ServiceNowSettings,
    http: HttpClient,
    crash: CrashPoints,
    volatile: Volatile,
}

#[derive(Default)]
struct Volatile {
    state: TokenState,
    fetching: bool,
    waiting: Vec<oneshot::Sender<Result<Token, ServiceNowError>>>,
}

/// Query. A token for use now.
#[derive(Message)]
#[rtype(result = "Result<Token, ServiceNowError>")]
pub struct GetToken;

/// Event. ServiceNow answered 401 to the token of this generation.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TokenRefused {
    /// The generation of the token.
    pub generation: u64,
}

impl ServiceNowToken {
    /// An idle actor.
    pub fn new(credential_store: CredentialStore, settings: ServiceNowSettings, http: HttpClient, crash: CrashPoints) -> Self {
        Self { credential_store, settings, http, crash, volatile: Volatile::default() }
    }

    fn fetch(&mut self, ctx: &mut Context<Self>) {
        self.volatile.fetching = true;
        let (credential_store, settings, http) = (self.credential_store.clone(), self.settings.clone(), self.http.clone());
        let work = async move {
            let credential = credential_store.credential(SERVICENOW).await.map_err(|error| without(&error))?;
            debug!("asking for a token");
            metrics().requests.token_requested();
            fetch_token(&http, &settings, &credential).await
        };
        ctx.spawn(work.into_actor(self).map(|answer, this, _| this.fetched(answer)));
    }

    fn fetched(&mut self, answer: Result<TokenAnswer, ServiceNowError>) {
        self.crash.at("token:fetched", "");
        self.volatile.fetching = false;
        let now = Instant::now();
        let result = match answer {
            Ok(answer) => Ok(self.volatile.state.accept(answer, now)),
            // a token that is still valid is used while a new one is not available
            Err(error) => match self.volatile.state.alive(now) {
                Some(token) => {
                    warn!(error = %error.chain(), "there is no new token; the old one is used while it is valid");
                    Ok(token)
                }
                None => Err(error),
            },
        };
        for caller in self.volatile.waiting.drain(..) {
            // a caller that has gone needs no answer
            let _ = caller.send(result.clone());
        }
    }
}

impl Actor for ServiceNowToken {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.crash.at("token:started", "");
    }
}

impl Supervised for ServiceNowToken {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.volatile = Volatile::default();
    }
}

impl Handler<GetToken> for ServiceNowToken {
    type Result = ResponseFuture<Result<Token, ServiceNowError>>;

    fn handle(&mut self, _: GetToken, ctx: &mut Self::Context) -> Self::Result {
        self.crash.at("token:asked", "");
        if self.settings.token_refresh == TokenRefresh::BeforeExpiry
            && let Some(token) = self.volatile.state.usable(Instant::now(), self.settings.token_margin)
        {
            return Box::pin(async move { Ok(token) });
        }
        let (caller, answer) = oneshot::channel();
        self.volatile.waiting.push(caller);
        if !self.volatile.fetching {
            self.fetch(ctx);
        }
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(restarting())) })
    }
}

impl Handler<TokenRefused> for ServiceNowToken {
    type Result = ();

    fn handle(&mut self, message: TokenRefused, _: &mut Self::Context) {
        if self.volatile.state.refuse(message.generation) {
            debug!(generation = message.generation, "the token was refused and is dropped");
        }
    }
}

/// The error without a credential: an error that only a person can correct is not reported as temporary.
fn without(error: &CredentialError) -> ServiceNowError {
    let problem = error.to_string();
    match error {
        CredentialError::Missing { .. } => ServiceNowError::NoCredential { problem, next_step: NextStep::Credential },
        CredentialError::Undecryptable { .. } => ServiceNowError::NoCredential { problem, next_step: NextStep::KeyFile },
        CredentialError::Store { .. } | CredentialError::Restarting { .. } => ServiceNowError::TokenUnavailable { problem: problem.into() },
    }
}

fn restarting() -> ServiceNowError {
    ServiceNowError::TokenUnavailable { problem: "the token actor is being restarted; try again".into() }
}

/// The actor's address as the client sees it.
#[derive(Clone)]
pub struct TokenClient {
    /// Requests a token.
    pub get: Recipient<GetToken>,
    /// Reports a refusal.
    pub refused: Recipient<TokenRefused>,
}

impl TokenSource for TokenClient {
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>> {
        Box::pin(async move { self.get.send(GetToken).await.unwrap_or_else(|_| Err(restarting())) })
    }

    fn refused(&self, generation: u64) {
        self.refused.do_send(TokenRefused { generation });
    }
}
