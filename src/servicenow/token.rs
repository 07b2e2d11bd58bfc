//! The token in hand, and who hands it out. It is asked for in [`super::token_request`]; who asks when is the token actor's matter.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::redact::{Kind, remember};

use super::error::ServiceNowError;

/// The lifetime assumed when the answer does not say (the documented default is 1800 s; a 401 corrects what is wrong here).
const UNSTATED_LIFETIME: Duration = Duration::from_secs(300);

/// A token that arrives dead is still tried for this long before another is asked for.
const SHORTEST_USE: Duration = Duration::from_secs(1);

/// Hands out tokens; implemented by the token actor's address.
pub trait TokenSource {
    /// A token to use now. Asked for before every request.
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>>;

    /// The token of this generation was answered with 401. Later generations are not touched.
    fn refused(&self, generation: u64);
}

/// A bearer token; its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Token {
    secret: Arc<SecretString>,
    /// Counts the tokens fetched; names the one that was refused.
    pub generation: u64,
    /// When it stops working.
    pub expires_at: Instant,
}

impl Token {
    /// A token; the actor gets its tokens from [`TokenState::accept`].
    pub fn new(secret: SecretString, generation: u64, expires_at: Instant) -> Self {
        remember(Kind::Token, "", secret.expose_secret());
        Self { secret: Arc::new(secret), generation, expires_at }
    }

    /// The value of the `Authorization` header. Call it where it leaves for ServiceNow, nowhere else.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.secret.expose_secret())
    }
}

/// What the token endpoint answered; its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// The token.
    pub access_token: SecretString,
    /// How long it lives from now; `None` where the answer does not say.
    pub expires_in: Option<Duration>,
}

/// The token in hand. Pure: it is told the time.
///
/// A token is used until `margin` before its expiry. ServiceNow gives the same token again while it lives, so one that arrives
/// with less than `margin` left would be asked for at every request: such a token is used until it expires, and for at least one
/// second, and only then asked for again.
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
    /// The token, where it can be used without asking for another.
    pub fn usable(&self, now: Instant, margin: Duration) -> Option<Token> {
        let Held { token, fetched_at } = self.held.as_ref()?;
        let life = token.expires_at.saturating_duration_since(*fetched_at);
        let until = if life > margin { *fetched_at + (life - margin) } else { token.expires_at };
        (now < until.max(*fetched_at + SHORTEST_USE)).then(|| token.clone())
    }

    /// The token while it lives, for when a new one cannot be had.
    pub fn alive(&self, now: Instant) -> Option<Token> {
        self.held.as_ref().map(|held| &held.token).filter(|token| now < token.expires_at).cloned()
    }

    /// Takes a new token in, under the next generation.
    pub fn accept(&mut self, answer: TokenAnswer, now: Instant) -> Token {
        self.generation += 1;
        let expires_at = now + answer.expires_in.unwrap_or(UNSTATED_LIFETIME);
        let token = Token::new(answer.access_token, self.generation, expires_at);
        self.held = Some(Held { token: token.clone(), fetched_at: now });
        token
    }

    /// Drops the token if it is the one that was refused; true if it was.
    pub fn refuse(&mut self, generation: u64) -> bool {
        let refused = self.held.as_ref().is_some_and(|held| held.token.generation == generation);
        if refused {
            self.held = None;
        }
        refused
    }

    /// How many tokens were fetched.
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
