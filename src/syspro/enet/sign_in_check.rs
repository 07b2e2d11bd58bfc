//! A check of signing in, for `doctor`: logon, version, logoff.

use std::time::Instant;

use super::error::EnetError;
use super::session::Enet;
use super::wire;
use crate::credentials::secret::Credential;
use crate::domain::CompanyId;
use crate::net::excerpt;
use crate::redact::Quoted;
use crate::telemetry::metrics::metrics;

/// The result of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInResult {
    /// The version of e.net; `Err`: why there is none.
    pub version: Result<Quoted, Quoted>,
    /// Our session was already open there, so no logon was needed.
    pub was_signed_in: bool,
}

impl Enet {
    /// Signs in to a company and requests the version. An open session stays open; a session that was opened for this is ended.
    ///
    /// # Errors
    /// [`EnetError`]: the logon failed.
    pub async fn visit(&self, operator: &Credential, company: &CompanyId) -> Result<SignInResult, EnetError> {
        let mut state = self.inner.state.lock().await;
        let state = &mut *state;
        if let Some(left) = state.resting.and_then(|until| until.checked_duration_since(Instant::now())) {
            let asked = "the logon".to_owned();
            return Err(EnetError::Evicted { operator: operator.username.clone(), asked, seconds: left.as_secs().max(1) });
        }
        self.hold(state, operator).await?;
        let idle = state.session.is_none();
        let known = state.session.as_ref().map(|session| (session.operator.clone(), session.company.clone()));
        let was_signed_in = known == Some((operator.username.clone(), company.clone()));
        let entered = self.enter(state, operator, company).await;
        let version = if entered.is_ok() { self.version().await } else { Err(Quoted::default()) };
        if idle {
            self.leave(state).await;
            if let Some(operator) = state.held.take() {
                self.inner.session_store.give(&operator).await;
                metrics().enet.set_enet_leased(false);
            }
        }
        entered.map(|()| SignInResult { version, was_signed_in })
    }

    /// The answer of `/GetVersion`, which needs no session.
    async fn version(&self) -> Result<Quoted, Quoted> {
        let (status, body) = self.inner.get("GetVersion", &[], "its version").await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause}")
        })?;
        let text = wire::text(&body);
        let line = text.trim();
        if status != 200 || line.is_empty() || line.starts_with('<') || line.to_ascii_lowercase().starts_with("error") {
            return Err(format!("status {status}: {}", excerpt(&body)).into());
        }
        Ok(Quoted::first(line, 40))
    }
}
