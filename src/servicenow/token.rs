//! The token request, and what is known of the token in hand. Who asks when is the token actor's matter.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::form_urlencoded;

use crate::config::secret::Credential;
use crate::config::settings::ServiceNowSettings;
use crate::net::{HttpClient, Method, NetError, host_of};
use crate::redact::{Kind, remember};

use super::error::ServiceNowError;
use super::transport::{endpoint, retry_after};
use super::wire::{Body, TokenBody, Words, read_body, scalar};

/// The lifetime assumed when the answer does not say (the documented default is 1800 s; a 401 corrects what is wrong here).
const UNSTATED_LIFETIME: Duration = Duration::from_secs(300);

/// The longest token that is taken, in bytes: one that a header of a usual server has room for.
const LONGEST: usize = 16 << 10;

/// The longest answer to the request for a token that is read, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// What may stand before the instance.
const CHECK: &str = "Check that `servicenow.instance_url` is an instance, and what stands before it";

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

/// Asks for a token with the client credentials grant.
///
/// # Errors
/// [`ServiceNowError::TokenRefused`] with what to check, or a passing error. Asking again does no harm.
pub async fn fetch_token(
    http: &HttpClient,
    settings: &ServiceNowSettings,
    credential: &Credential,
) -> Result<TokenAnswer, ServiceNowError> {
    const PATH: &str = "/oauth_token.do";
    let url = endpoint(&settings.instance_url, PATH)?;
    let what = || format!("POST {PATH}");
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &credential.username)
        .append_pair("client_secret", credential.expose());
    if let Some(scope) = &settings.scope {
        form.append_pair("scope", scope);
    }
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")];
    let answer = http.send_within(LONGEST_ANSWER, Method::POST, &url, &headers, form.finish().into()).await;
    let answer = match answer {
        Ok(answer) => answer,
        // it came, and is no token: asking for less is not possible here
        Err(NetError::TooLarge { host, limit }) => {
            let problem = format!("the answer of {host} to {} is larger than {limit} bytes, as no token is. {CHECK}", what());
            return Err(ServiceNowError::TokenUnavailable { problem: problem.into() });
        }
        Err(error) => return Err(ServiceNowError::NoTokenAnswer { what: what(), source: Arc::new(error) }),
    };
    let (host, status) = (host_of(&settings.instance_url), answer.status);
    let body = read_body(&answer.body);
    let refusal = matches!(body, Body::Failure(_));
    let words = match body {
        // not a `Page`: that would be an answer to what a token is asked for
        Body::Page(title) => {
            let page = ServiceNowError::Page { what: what(), status, title: quoted(&title).into() };
            return Err(ServiceNowError::TokenUnavailable { problem: page.to_string().into() });
        }
        Body::Document(_) if matches!(status, 200 | 201) => return read_token(&answer.body),
        Body::Failure(words) => words,
        Body::Garbage(problem) => Words { message: problem.into(), ..Words::default() },
        Body::Document(_) | Body::Empty => Words::default(),
    };
    match status {
        429 => Err(ServiceNowError::Throttled { what: what(), words: words.line(), retry_after: retry_after(|name| answer.header(name)) }),
        // a refusal may also stand in a 200
        200..=299 if refusal => Err(ServiceNowError::TokenRefused { host, status, words: words.line() }),
        400..=499 if status != 408 => Err(ServiceNowError::TokenRefused { host, status, words: words.line() }),
        _ => Err(ServiceNowError::TokenUnavailable { problem: format!("{host} answered with status {status}: {}", words.line()).into() }),
    }
}

pub(super) fn read_token(body: &[u8]) -> Result<TokenAnswer, ServiceNowError> {
    // serde's own texts could quote the body
    let unusable = |problem: &str| ServiceNowError::TokenUnavailable { problem: problem.to_owned().into() };
    let body: TokenBody = serde_json::from_slice(body).map_err(|_| unusable("the answer is not the JSON of a token"))?;
    let access_token = body.access_token.filter(|token| !token.expose_secret().is_empty());
    let access_token = access_token.ok_or_else(|| unusable("the answer has no `access_token`"))?;
    let length = access_token.expose_secret().len();
    if length > LONGEST {
        return Err(unusable(&format!(
            "`access_token` has {length} bytes, and none is longer than {LONGEST}: it would be sent with each request. {CHECK}"
        )));
    }
    if !access_token.expose_secret().bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unusable("`access_token` holds characters that no header may carry"));
    }
    let seconds = |text: String| text.split('.').next().and_then(|whole| whole.trim().parse::<i64>().ok());
    let expires_in = body.expires_in.as_deref().map(scalar).and_then(seconds);
    // beyond a year it says "for ever", and adding it to a clock could overflow
    let expires_in = expires_in.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(31_536_000)));
    Ok(TokenAnswer { access_token, expires_in })
}

pub(super) fn quoted(title: &str) -> String {
    if title.is_empty() { String::new() } else { format!(" `{title}`") }
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
    fn a_token_that_no_header_may_carry_is_refused_and_not_shown() {
        let read = |token: &str| read_token(serde_json::json!({ "access_token": token, "expires_in": 100 }).to_string().as_bytes());
        assert!(read(&"t".repeat(16 << 10)).is_ok());
        for (token, says) in [("t".repeat((16 << 10) + 1), "has 16385 bytes"), ("sesame\r\nHost: x".into(), "no header may carry")] {
            let refused = read(&token).expect_err("refused").to_string();
            assert!(refused.contains(says) && !refused.contains("sesame") && refused.len() < 500, "{refused}");
        }
    }

    #[test]
    fn without_an_answer_to_the_request_for_a_token_nothing_can_have_arrived() {
        use super::super::transport::{Judged, unanswered};
        let lost = || Arc::new(NetError::Timeout { host: "h".into(), seconds: 3 });
        let write = ServiceNowError::Net { what: "POST /api".into(), source: lost() };
        assert!(matches!(unanswered(write), Judged::Doubt(_)));
        let token = ServiceNowError::NoTokenAnswer { what: "POST /oauth_token.do".into(), source: lost() };
        assert!(token.chain().starts_with("POST /oauth_token.do got no answer: "), "{}", token.chain());
        assert!(matches!(unanswered(token), Judged::Failed(ServiceNowError::NoTokenAnswer { .. })));
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
