//! Signs people in to the console through the OpenID provider of the site.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use url::Url;

use crate::credentials::key_ring::{KeyError, random};
use crate::domain::chain;
use crate::domain::person::{PersonName, provider_actor};
use crate::oidc::{Answer, Attempt, OidcError, Provider};
use crate::process::Process;
use crate::store::{KnownPerson, PersonSignIn, StoreError};

/// A sign-in that has begun.
pub struct Begun {
    /// Where the person signs in.
    pub url: Url,
    /// What the browser keeps until it comes back.
    pub cookie: String,
}

/// Refusals in [`WINDOW`] that become events although the provider has vouched for nobody.
const UNNAMED: u32 = 100;
/// See [`UNNAMED`].
const WINDOW: Duration = Duration::from_hours(1);

/// Limits the events that a visitor without an account can cause: beginning to sign in, and coming back with a wrong answer, needs none.
#[derive(Debug)]
pub struct RefusalLimit {
    window: Mutex<Window>,
    /// Counts a refusal that is no event.
    unwritten: fn(),
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    events: u32,
    left_out: u64,
}

impl RefusalLimit {
    /// A limit that was not reached yet. `unwritten` counts a refusal that is no event.
    pub fn new(unwritten: fn()) -> Self {
        Self { window: Mutex::default(), unwritten }
    }

    /// Whether one more may be an event; holds how many before it were left out.
    fn take(&self, now: Instant) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            (window.began, window.events) = (Some(now), 0);
        }
        if window.events < UNNAMED {
            window.events += 1;
            return Some(std::mem::take(&mut window.left_out));
        }
        if window.left_out == 0 {
            tracing::warn!(
                events = UNNAMED,
                "many sign-ins through the provider were refused within an hour, and nobody is known to have tried; until the hour is over, \
                 `tieline_sign_in_refusals_unwritten_total` alone counts them"
            );
        }
        window.left_out += 1;
        None
    }
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefused {
    /// The browser brings nothing of an attempt.
    #[error("this browser has not begun to sign in here, or did so more than 10 minutes ago")]
    NoAttempt,
    /// It took too long.
    #[error("the sign-in took longer than 10 minutes")]
    Over,
    /// The address is of another attempt.
    #[error("the answer of the OpenID provider belongs to another attempt to sign in")]
    OtherAttempt,
    /// It came back before.
    #[error("this answer of the OpenID provider was used before")]
    Used,
    /// The provider.
    #[error(transparent)]
    Provider(#[from] OidcError),
    /// Another person has the name.
    #[error("another person of the OpenID provider has signed in as `{0}`, or with a name that looks the same: a name is one person's")]
    NameTaken(PersonName),
    /// No random numbers, or no key for the cookie.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

impl SignInRefused {
    /// Whether something does not work, and not the person was refused.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Provider(error) => error.is_trouble(),
            Self::Key(_) | Self::Ledger(_) => true,
            Self::NoAttempt | Self::Over | Self::OtherAttempt | Self::Used | Self::NameTaken(_) => false,
        }
    }

    /// What to do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NoAttempt | Self::Over | Self::OtherAttempt | Self::Used => "sign in again from the page of Tieline",
            Self::Provider(error) => error.next_step(),
            Self::NameTaken(_) => {
                "let an administrator of the provider give one of the two another name; if the other account no longer exists, let an \
                 administrator of Tieline free the name: `tieline person free NAME --why …`"
            }
            Self::Key(_) | Self::Ledger(_) => "sign in again in a moment; the log of the service says more",
        }
    }
}

/// Begins to sign somebody in, who returns to the page `to`.
///
/// # Errors
/// [`SignInRefused`].
pub async fn begin(process: &Process, provider: &Provider, to: &str) -> Result<Begun, SignInRefused> {
    let attempt = Attempt::new(random::<32>()?, Utc::now(), to);
    let keys = process.credential_store.key_ring_or_new().await?;
    let cookie = attempt.cookie(&keys);
    let url = provider.authorization(&attempt).await?;
    Ok(Begun { url, cookie })
}

/// Signs in who comes back from the provider, and opens the session of this hash; answers the page to return to. `from`: the end of the
/// name in the audit. A refusal of an attempt that began here is an event, within `limit` if the provider has vouched for nobody; others are
/// only counted.
///
/// # Errors
/// [`SignInRefused`].
pub async fn finish(
    process: &Process,
    provider: &Provider,
    cookie: Option<&str>,
    answer: Answer,
    session: [u8; 32],
    from: &str,
    limit: &RefusalLimit,
) -> Result<String, SignInRefused> {
    let keys = process.credential_store.key_ring_or_new().await?;
    let Some(attempt) = cookie.and_then(|cookie| Attempt::read(cookie, &keys)) else {
        (limit.unwritten)();
        return Err(SignInRefused::NoAttempt);
    };
    match finished(process, provider, &attempt, &answer, session, from).await {
        Ok(()) => Ok(attempt.to().to_owned()),
        // there is nothing to write it into
        Err(SignInRefused::Ledger(error)) => Err(error.into()),
        Err(refused) => {
            let (subject, name) = match &refused {
                SignInRefused::Provider(error) => (error.subject(), error.name()),
                SignInRefused::NameTaken(name) => (None, Some(name)),
                _ => (None, None),
            };
            let who = name.map_or_else(|| "somebody".to_owned(), |name| provider_actor(name.as_str()));
            let is_named = subject.is_some() || name.is_some();
            match if is_named { Some(0) } else { limit.take(Instant::now()) } {
                Some(left_out) => {
                    let subject = subject.map(str::to_owned);
                    process.store.sign_in_refused(chain(&refused), subject, left_out, format!("{who}{from}")).await?;
                }
                None => (limit.unwritten)(),
            }
            Err(refused)
        }
    }
}

async fn finished(
    process: &Process,
    provider: &Provider,
    attempt: &Attempt,
    answer: &Answer,
    session: [u8; 32],
    from: &str,
) -> Result<(), SignInRefused> {
    if attempt.is_over(Utc::now()) {
        return Err(SignInRefused::Over);
    }
    if !answer.state.as_deref().is_some_and(|state| attempt.has_state(state)) {
        return Err(SignInRefused::OtherAttempt);
    }
    // before anything is asked of the provider: an answer that is sent twice is exchanged once
    if !process.store.sign_in_attempt(attempt.hash()).await? {
        return Err(SignInRefused::Used);
    }
    let identity = provider.identity(attempt, answer).await?;
    let known = KnownPerson {
        issuer: provider.settings().issuer.clone(),
        subject: identity.subject,
        name: identity.name.as_str().to_owned(),
        role: identity.role,
    };
    match process.store.person_sign_in(known, session, provider.settings().session, from.to_owned()).await? {
        PersonSignIn::Done => Ok(()),
        PersonSignIn::NameTaken => Err(SignInRefused::NameTaken(identity.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_nobody_in_particular_are_events_up_to_a_number_and_then_counted() {
        let (limit, now) = (RefusalLimit::new(|| ()), Instant::now());
        let taken = (0..UNNAMED + 7).filter(|_| limit.take(now) == Some(0)).count();
        assert_eq!(taken, UNNAMED as usize);
        assert_eq!(limit.take(now + WINDOW - Duration::from_secs(1)), None);
        assert_eq!(limit.take(now + WINDOW), Some(8), "the next event says how many there were");
        assert_eq!(limit.take(now + WINDOW), Some(0));
    }
}
