//! Signs people in to the console through the OpenID provider of the site.

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
    pub attempt: Attempt,
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
    #[error("another person of the OpenID provider has signed in as `{0}`: a name is one person's")]
    NameTaken(PersonName),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] KeyError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] StoreError),
}

impl SignInRefused {
    /// Whether something does not work, and not the person was refused.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Provider(error) => error.is_trouble(),
            Self::Random(_) | Self::Ledger(_) => true,
            Self::NoAttempt | Self::Over | Self::OtherAttempt | Self::Used | Self::NameTaken(_) => false,
        }
    }

    /// What to do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NoAttempt | Self::Over | Self::OtherAttempt | Self::Used => "sign in again from the page of Tieline",
            Self::Provider(error) => error.next_step(),
            Self::NameTaken(_) => {
                "let an administrator of the provider give one of the two another name, or name another claim in `sign_in.name_claim`"
            }
            Self::Random(_) | Self::Ledger(_) => "sign in again in a moment; the log of the service says more",
        }
    }
}

/// Begins to sign somebody in, who returns to the page `to`.
///
/// # Errors
/// [`SignInRefused`].
pub async fn begin(provider: &Provider, to: &str) -> Result<Begun, SignInRefused> {
    let attempt = Attempt::new(random::<32>()?, Utc::now(), to);
    let url = provider.authorization(&attempt).await?;
    Ok(Begun { url, attempt })
}

/// Signs in who comes back from the provider, and opens the session of this hash; answers the page to return to. `from`: the end of the
/// name in the audit. Every refusal of an attempt that was begun here is an event.
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
) -> Result<String, SignInRefused> {
    let attempt = cookie.and_then(Attempt::read).ok_or(SignInRefused::NoAttempt)?;
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
            process.store.sign_in_refused(chain(&refused), subject.map(str::to_owned), format!("{who}{from}")).await?;
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
