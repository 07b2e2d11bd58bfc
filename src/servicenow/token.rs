//! The current token, and the trait of its provider. [`super::token_request`] requests it; the token actor decides when.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::redact::{Kind, remember};

use super::error::ServiceNowError;

/// The lifetime assumed when the answer does not say (the documented default is 1800 s; a 401 corrects what is wrong here).
const UNSTATED_LIFETIME: Duration = Duration::from_secs(300);

/// A token that arrives expired is still used for this long before another is requested.
const SHORTEST_USE: Duration = Duration::from_secs(1);

/// Hands out tokens; implemented by the token actor's address.
pub trait TokenSource {
    /// Returns a token for use now. Called before every request.
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>>;

    /// ServiceNow answered 401 to the token of this generation. Later generations are not affected.
    fn refused(&self, generation: u64);
}

/// A bearer token; its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Token {
    secret: Arc<SecretString>,
    /// The number of the token, which tells which one was refused.
    pub generation: u64,
    /// When it expires.
    pub expires_at: Instant,
}

impl Token {
    /// A token; the actor gets its tokens from [`TokenState::accept`].
    pub fn new(secret: SecretString, generation: u64, expires_at: Instant) -> Self {
        remember(Kind::Token, "", secret.expose_secret());
        Self { secret: Arc::new(secret), generation, expires_at }
    }

    /// The value of the `Authorization` header. Call it only for a request to ServiceNow.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.secret.expose_secret())
    }
}

/// What the token endpoint answered; its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// The token.
    pub access_token: SecretString,
    /// Its remaining lifetime; `None` if the answer does not give one.
    pub expires_in: Option<Duration>,
}

/// The current token. Pure: the caller gives the time.
///
/// A token is used until `margin` before its expiry. ServiceNow returns the same token again while it is valid. So a token that arrives
/// with less than `margin` left would cause a new request each time. Such a token is used until it expires, and for at least one second,
/// before another one is requested.
#[derive(Debug, Default)]
pub struct TokenState {
    held: Option<Held>,
    generation: u64,
}

#[derive(Debug)]
struct Held {
    token: Token,
    fetched_at: Instant,
}

impl TokenState {
    /// The token, if it can be used without requesting another.
    pub fn usable(&self, now: Instant, margin: Duration) -> Option<Token> {
        let Held { token, fetched_at } = self.held.as_ref()?;
        let life = token.expires_at.saturating_duration_since(*fetched_at);
        let until = if life > margin { *fetched_at + (life - margin) } else { token.expires_at };
        (now < until.max(*fetched_at + SHORTEST_USE)).then(|| token.clone())
    }

    /// The token while it is valid, for when a new one is not available.
    pub fn alive(&self, now: Instant) -> Option<Token> {
        self.held.as_ref().map(|held| &held.token).filter(|token| now < token.expires_at).cloned()
    }

    /// Stores a new token under the next generation.
    pub fn accept(&mut self, answer: TokenAnswer, now: Instant) -> Token {
        self.generation += 1;
        let expires_at = now + answer.expires_in.unwrap_or(UNSTATED_LIFETIME);
        let token = Token::new(answer.access_token, self.generation, expires_at);
        self.held = Some(Held { token: token.clone(), fetched_at: now });
        token
    }

    /// Drops the token if it is the one that was refused; `true` if it was.
    pub fn refuse(&mut self, generation: u64) -> bool {
        let refused = self.held.as_ref().is_some_and(|held| held.token.generation == generation);
        if refused {
            self.held = None;
        }
        refused
    }

    /// The number of tokens fetched.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn answer(seconds: u64) -> TokenAnswer {
        TokenAnswer { access_token: "t".into(), expires_in: Some(S(seconds)) }
    }

    #[test]
    fn a_token_is_renewed_the_margin_before_its_expiry() {
        let (mut state, t0) = (TokenState::default(), Instant::now());
        assert!(state.usable(t0, S(60)).is_none());
        state.accept(answer(1799), t0);
        assert!(state.usable(t0 + S(1738), S(60)).is_some());
        assert!(state.usable(t0 + S(1739), S(60)).is_none());
        assert!(state.alive(t0 + S(1798)).is_some());
        assert!(state.alive(t0 + S(1799)).is_none());
    }

    #[test]
    fn a_token_nearly_dead_on_arrival_is_used_to_its_end_and_not_asked_for_meanwhile() {
        let (mut state, t0) = (TokenState::default(), Instant::now());
        state.accept(answer(30), t0);
        assert!(state.usable(t0 + S(29), S(60)).is_some());
        assert!(state.usable(t0 + S(30), S(60)).is_none());
        state.accept(answer(0), t0);
        assert!(state.usable(t0 + Duration::from_millis(999), S(60)).is_some(), "one request a second at most");
        assert!(state.usable(t0 + S(1), S(60)).is_none());
    }

    #[test]
    fn only_the_refused_generation_is_dropped() {
        let (mut state, t0) = (TokenState::default(), Instant::now());
        let first = state.accept(answer(100), t0);
        let second = state.accept(answer(100), t0);
        assert!(!state.refuse(first.generation), "a late refusal of an old token");
        assert!(state.usable(t0, S(1)).is_some());
        assert!(state.refuse(second.generation));
        assert!(state.usable(t0, S(1)).is_none());
        assert_eq!(state.accept(answer(1), t0).generation, 3);
    }

    #[test]
    fn nothing_printed_shows_the_token() {
        let mut state = TokenState::default();
        let token = state.accept(TokenAnswer { access_token: "sesame".into(), expires_in: None }, Instant::now());
        let shown = format!("{state:?} {token:?} {:?}", TokenAnswer { access_token: "sesame".into(), expires_in: None });
        assert!(!shown.contains("sesame"), "{shown}");
        assert_eq!(token.authorization(), "Bearer sesame");
    }
}
