//! The session: logon, calls one after another, expiry and replacement, logoff.

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tracing::{debug, info, warn};
use url::Url;

use super::super::filter::encode;
use super::error::EnetError;
use super::{EnetTransport, Held, SessionStore, wire};
use crate::config::settings::{EnetSettings, SysproSettings};
use crate::credentials::secret::Credential;
use crate::domain::CompanyId;
use crate::domain::setup_object::{SetupAction, SetupCall, SetupMode};
use crate::net::{Bytes, HttpClient, Method, excerpt};
use crate::redact::Quoted;
use crate::telemetry::labels::{EnetAnswer, System};
use crate::telemetry::metrics::metrics;

/// The class of business object to call, and how. There is none for transactions: nothing here can post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// A query: changes nothing.
    Query,
    /// A setup object: adds or changes reference data.
    Setup(SetupAction),
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Setup(_) => "setup",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Query => "Query/Query",
            Self::Setup(action) => action.path().trim_start_matches('/'),
        }
    }
}

/// One call of a business object. It is created as a query, or from a [`SetupCall`], which cannot name an object that posts. There is no
/// way to call a transaction object, because Tieline never writes to the SYSPRO ledger.
#[derive(Debug, Clone)]
pub struct EnetCall {
    operation: Operation,
    object: String,
    /// For setup objects.
    parameters: Option<String>,
    /// The document or the query.
    xml: String,
    /// The description of the request for logs; without secrets.
    asked: String,
}

impl EnetCall {
    /// A query; `asked` describes it for logs, without secrets.
    pub fn query(object: &str, xml: String, asked: String) -> Self {
        Self { operation: Operation::Query, object: object.to_owned(), parameters: None, xml, asked }
    }

    /// A record for a setup object; with `trial`, nothing is stored.
    pub fn setup(call: &SetupCall, mode: SetupMode, document: String, asked: String) -> Self {
        Self {
            operation: Operation::Setup(call.action),
            object: call.object.as_str().to_owned(),
            parameters: Some(call.parameters(mode)),
            xml: document,
            asked,
        }
    }
}

/// The credentials for a logon.
#[derive(Debug, Clone)]
pub struct EnetLogin {
    /// The operator and its password.
    pub operator: Credential,
    /// The password of the companies; blank if they have none.
    pub company_password: SecretString,
}

/// The e.net client with at most one session. One per process, on one thread (`!Send`); a clone shares the session.
#[derive(Clone)]
pub struct Enet {
    pub(super) inner: Rc<Inner>,
}

pub(super) struct Inner {
    http: HttpClient,
    base: Url,
    settings: EnetSettings,
    company_password: SecretString,
    pub(super) session_store: Rc<dyn SessionStore>,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) session: Option<Session>,
    /// The operator for which the lease is held, with or without a session.
    pub(super) held: Option<String>,
    /// Until when e.net is not called, because a person uses the operator.
    pub(super) resting: Option<Instant>,
}

pub(super) struct Session {
    /// As it was received, trailing spaces included.
    id: SecretString,
    pub(super) operator: String,
    pub(super) company: CompanyId,
    used: Instant,
}

/// Why one call failed.
enum Failure {
    /// The session may have ended.
    Dead { status: u16, answer: Quoted },
    /// A person uses the operator now.
    Evicted,
    /// Anything else.
    Error(EnetError),
}

impl Enet {
    /// The client for the service in the settings. The session store keeps other nodes from using the operator.
    ///
    /// # Errors
    /// [`EnetError::NoAddress`], or [`EnetError::Setup`] when a certificate file cannot be read or the proxy is not valid.
    pub fn new(settings: &SysproSettings, company_password: SecretString, session_store: Rc<dyn SessionStore>) -> Result<Self, EnetError> {
        let http = HttpClient::new(System::SysproEnet, &settings.connection).map_err(|source| EnetError::Setup { source })?;
        Self::over(settings, http, company_password, session_store)
    }

    /// The same over this client.
    ///
    /// # Errors
    /// [`EnetError::NoAddress`].
    pub fn over(
        settings: &SysproSettings,
        http: HttpClient,
        company_password: SecretString,
        session_store: Rc<dyn SessionStore>,
    ) -> Result<Self, EnetError> {
        let base = settings.enet_url.clone().ok_or(EnetError::NoAddress)?;
        let inner = Inner { http, base, settings: settings.enet.clone(), company_password, session_store, state: Mutex::default() };
        Ok(Self { inner: Rc::new(inner) })
    }

    /// Makes one call after the calls before it have ended. Answers the text of the business object; the caller must check the XML in it
    /// for errors.
    ///
    /// # Errors
    /// [`EnetError`]. After [`EnetError::Unreachable`] a call that writes may have been carried out.
    pub async fn call(&self, operator: &Credential, company: &CompanyId, call: &EnetCall) -> Result<String, EnetError> {
        let mut state = self.inner.state.lock().await;
        let begun = Instant::now();
        let result = self.in_turn(&mut state, operator, company, call).await;
        let answer = result.as_ref().map_or_else(EnetError::answer, |_| EnetAnswer::Answered);
        metrics().enet.enet_called(call.operation.word(), answer, begun.elapsed());
        result
    }

    async fn in_turn(&self, state: &mut State, operator: &Credential, company: &CompanyId, call: &EnetCall) -> Result<String, EnetError> {
        if let Some(left) = state.resting.and_then(|until| until.checked_duration_since(Instant::now())) {
            return Err(self.evicted(operator, call, left));
        }
        state.resting = None;
        let mut tries = 0;
        loop {
            let ours = self.hold(state, operator).await?.ours;
            if tries > 0 && !ours && call.operation != Operation::Query {
                // another node has used the operator in the meantime: the values to be written may have changed
                let (operator, answer) = (operator.username.clone(), "another node has used the operator".into());
                return Err(EnetError::SessionLost { operator, asked: call.asked.clone(), answer });
            }
            self.enter(state, operator, company).await?;
            let Some(session) = &mut state.session else {
                return Err(EnetError::Restarting { asked: call.asked.clone() });
            };
            let mut failure = match self.renewing(&operator.username, self.inner.once(session, call)).await {
                Ok(text) => return Ok(text),
                Err(failure) => failure,
            };
            // the message of an expired session may also be the refusal of a call: the session is tested before it is given up
            if let Failure::Dead { status, answer } = &failure
                && let Some(known) = self.inner.ask_session(session, (*status, answer.clone()), call).await
            {
                failure = known;
            }
            match failure {
                Failure::Error(error) => return Err(error),
                Failure::Evicted => {
                    state.session = None;
                    metrics().enet.set_enet_session(false);
                    self.inner.session_store.closed(&operator.username).await;
                    state.resting = Some(Instant::now() + self.inner.settings.back_off);
                    metrics().enet.enet_evicted(chrono::Utc::now() + self.inner.settings.back_off);
                    warn!(operator = operator.username, "a person logged in to SYSPRO as this operator; Tieline pauses e.net");
                    return Err(self.evicted(operator, call, self.inner.settings.back_off));
                }
                Failure::Dead { status, answer } => {
                    // the session may still be valid: an orphaned session keeps its licence seat
                    self.leave(state).await;
                    // a call that writes may have been carried out before the server failed
                    if status != 200 && call.operation != Operation::Query {
                        return Err(EnetError::NotData { asked: call.asked.clone(), status, answer });
                    }
                    tries += 1;
                    if tries > 1 {
                        return Err(EnetError::SessionLost { operator: operator.username.clone(), asked: call.asked.clone(), answer });
                    }
                    debug!(%answer, asked = call.asked, "the e.net session has expired and is replaced");
                }
            }
        }
    }

    fn evicted(&self, operator: &Credential, call: &EnetCall, left: Duration) -> EnetError {
        let seconds = left.as_secs().max(1);
        EnetError::Evicted { operator: operator.username.clone(), asked: call.asked.clone(), seconds }
    }

    /// Ends the session, if there is one.
    pub async fn log_off(&self) {
        let mut state = self.inner.state.lock().await;
        self.leave(&mut state).await;
        if let Some(operator) = state.held.take() {
            self.inner.session_store.give(&operator).await;
            metrics().enet.set_enet_leased(false);
        }
    }

    /// Ends a session that a crash has left open, if this process has no open session. A session whose id is lost is ended by a new logon,
    /// which needs the operator's credential; then the new session is logged off.
    ///
    /// # Errors
    /// [`EnetError`]: the session may still be open, and stays recorded.
    pub async fn end_left(&self, operator: &Credential, company: &CompanyId) -> Result<(), EnetError> {
        let mut state = self.inner.state.lock().await;
        let state = &mut *state;
        if state.session.is_some() || state.resting.is_some_and(|until| until > Instant::now()) {
            return Ok(());
        }
        let held = self.hold(state, operator).await?;
        if held.lost {
            info!(operator = operator.username, "an e.net session whose id is lost is ended by another logon");
            self.enter(state, operator, company).await?;
        }
        self.leave(state).await;
        if let Some(operator) = state.held.take() {
            self.inner.session_store.give(&operator).await;
            metrics().enet.set_enet_leased(false);
        }
        Ok(())
    }

    /// Makes sure that no other node uses the operator, and that a session left open by a crash or another node is closed.
    pub(super) async fn hold(&self, state: &mut State, operator: &Credential) -> Result<Held, EnetError> {
        let name = &operator.username;
        let held = self.inner.session_store.hold(name).await?;
        state.held = Some(name.clone());
        metrics().enet.set_enet_leased(true);
        if !held.ours {
            // the node that had the operator in the meantime has ended it
            state.session = None;
            metrics().enet.set_enet_session(false);
        }
        if let (None, Some(id)) = (&state.session, &held.open) {
            match self.inner.log_off(id).await {
                Ok(known) => {
                    info!(operator = name, known, "an e.net session that was left open is logged off");
                    self.inner.session_store.closed(name).await;
                }
                // it stays recorded; a logon would end it too
                Err(error) => warn!(%error, operator = name, "an e.net session that was left open could not be logged off"),
            }
        }
        Ok(held)
    }

    /// Renews the lease of the operator during a long call.
    async fn renewing<T>(&self, operator: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(self.inner.session_store.renew_every()) => {
                    if let Err(error) = self.inner.session_store.hold(operator).await {
                        warn!(%error, operator, "the lease of the e.net session could not be renewed during a long call");
                    }
                }
            }
        }
    }

    /// Makes sure that this operator has an open session in this company.
    pub(super) async fn enter(&self, state: &mut State, operator: &Credential, company: &CompanyId) -> Result<(), EnetError> {
        if let Some(session) = &state.session {
            let idle = session.used.elapsed() >= self.inner.settings.session_life;
            if session.company == *company && session.operator == operator.username && !idle {
                return Ok(());
            }
            self.leave(state).await;
        }
        // from here on a session may be open: a node that finds this note without an id ends it by a new logon
        let name = &operator.username;
        self.inner.session_store.opening(name).await?;
        let id = match self.renewing(name, self.inner.log_on(operator, company)).await {
            Ok(id) => id,
            Err(error) => {
                if !matches!(error, EnetError::Unreachable { .. } | EnetError::NotData { .. }) {
                    self.inner.session_store.closed(name).await;
                }
                return Err(error);
            }
        };
        if let Err(error) = self.inner.session_store.opened(name, &id).await {
            // a session that is not recorded would never be logged off
            match self.inner.log_off(&id).await {
                Ok(_) => self.inner.session_store.closed(name).await,
                Err(failed) => warn!(%failed, operator = name, "an e.net session may still be open"),
            }
            return Err(error);
        }
        state.session = Some(Session { id, operator: operator.username.clone(), company: company.clone(), used: Instant::now() });
        metrics().enet.set_enet_session(true);
        info!(operator = operator.username, %company, "logged on to e.net");
        Ok(())
    }

    pub(super) async fn leave(&self, state: &mut State) {
        let Some(session) = state.session.take() else { return };
        metrics().enet.set_enet_session(false);
        match self.inner.log_off(&session.id).await {
            Ok(true) => info!(operator = session.operator, company = %session.company, "logged off from e.net"),
            Ok(false) => debug!(operator = session.operator, "e.net did not know the session any more"),
            Err(error) => {
                // it stays recorded, so that the next user of the operator can log it off
                warn!(%error, operator = session.operator, "the e.net session could not be logged off and may keep its seat until SYSPRO \
                     ends it");
                return;
            }
        }
        self.inner.session_store.closed(&session.operator).await;
    }
}

impl EnetTransport for Enet {
    fn query<'a>(
        &'a self,
        operator: &'a Credential,
        company: &'a CompanyId,
        object: &'static str,
        xml: String,
        asked: String,
    ) -> LocalBoxFuture<'a, Result<String, EnetError>> {
        let call = EnetCall::query(object, xml, asked);
        Box::pin(async move { self.call(operator, company, &call).await })
    }
}

impl Inner {
    pub(super) async fn get(&self, path: &str, parameters: &[(&str, &str)], asked: &str) -> Result<(u16, Bytes), EnetError> {
        let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url.set_query(Some(&query.join("&")));
        let headers = [("User-Agent", concat!("tieline/", env!("CARGO_PKG_VERSION")))];
        let answer = self.http.send(Method::GET, &url, &headers, Bytes::new()).await;
        let answer = answer.map_err(|source| EnetError::Unreachable { asked: asked.to_owned(), source })?;
        Ok((answer.status, answer.body))
    }

    async fn log_on(&self, operator: &Credential, company: &CompanyId) -> Result<SecretString, EnetError> {
        let name = operator.username.as_str();
        let asked = format!("the logon of operator `{name}` to company `{company}`");
        let parameters = [
            ("Operator", name),
            ("OperatorPassword", operator.expose()),
            ("CompanyId", company.as_str()),
            ("CompanyPassword", self.company_password.expose_secret()),
        ];
        let (status, body) = self.get("Logon", &parameters, &asked).await?;
        let text = wire::text(&body);
        if status != 200 || text.trim_start().starts_with('<') || text.trim().is_empty() {
            return Err(EnetError::NotData { asked, status, answer: excerpt(&body) });
        }
        if !begins_with_error(&text) {
            // the id is part of the address of each call, and must not appear in any message
            let problem = match text.len() {
                length if length > SESSION_ID => format!("{length} bytes came, and no session id is longer than {SESSION_ID}"),
                _ if text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n')) => "it holds control characters".to_owned(),
                _ => return Ok(text.trim_end_matches(['\r', '\n']).to_owned().into()),
            };
            return Err(EnetError::Malformed { asked, problem: problem.into() });
        }
        let answer = excerpt(text.as_bytes());
        // not the displayed text: a password may contain one of the searched words
        let lower = text[..text.floor_char_boundary(SEARCHED)].split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let operator = name.to_owned();
        Err(if lower.contains("operator password") {
            EnetError::WrongPassword { operator }
        } else if self.settings.seat_texts.iter().any(|word| lower.contains(&word.to_lowercase())) {
            EnetError::NoSeat { operator, answer }
        } else {
            EnetError::LogonRefused { operator, company: company.to_string(), answer }
        })
    }

    /// `false`: e.net does not know the session.
    async fn log_off(&self, id: &SecretString) -> Result<bool, EnetError> {
        let (_, body) = self.get("Logoff", &[("UserId", id.expose_secret())], "the logoff").await?;
        Ok(wire::text(&body).trim() == "0")
    }

    async fn once(&self, session: &mut Session, call: &EnetCall) -> Result<String, Failure> {
        let mut parameters = vec![("UserId", session.id.expose_secret()), ("BusinessObject", call.object.as_str())];
        parameters.extend(call.parameters.as_deref().map(|text| ("XmlParameters", text)));
        parameters.push(("XmlIn", call.xml.as_str()));
        let (status, body) = self.get(call.operation.path(), &parameters, &call.asked).await.map_err(Failure::Error)?;
        session.used = Instant::now();
        self.judge(status, &body, session, call)
    }

    /// After a doubtful answer: the failure if the session is valid, or was ended by a person; `None` when the session has expired.
    async fn ask_session(&self, session: &mut Session, (status, answer): (u16, Quoted), call: &EnetCall) -> Option<Failure> {
        let probe = EnetCall { operation: Operation::Query, object: String::new(), parameters: None, ..call.clone() };
        let profile = self.get("GetLogonProfile", &[("UserId", session.id.expose_secret())], "the profile of the session").await;
        let (code, body) = match profile {
            Ok(profile) => profile,
            Err(error) => return Some(Failure::Error(error)),
        };
        session.used = Instant::now();
        let asked = call.asked.clone();
        match self.judge(code, &body, session, &probe) {
            Ok(_) if status == 200 => Some(Failure::Error(EnetError::Refused { asked, status, answer })),
            Ok(_) => Some(Failure::Error(EnetError::NotData { asked, status, answer })),
            Err(Failure::Evicted) => Some(Failure::Evicted),
            Err(_) => None,
        }
    }

    /// The answer, or the failure that it represents.
    fn judge(&self, status: u16, body: &[u8], session: &Session, call: &EnetCall) -> Result<String, Failure> {
        let text = wire::text(body);
        let answer = excerpt(text.as_bytes());
        let asked = call.asked.clone();
        let has = |words: &[String]| {
            let lower = text[..text.floor_char_boundary(SEARCHED)].to_lowercase();
            words.iter().any(|word| lower.contains(&word.to_lowercase()))
        };
        if status == 500 {
            return Err(Failure::Dead { status, answer });
        }
        if status != 200 {
            let refused = (400..500).contains(&status);
            let error = if refused { EnetError::Refused { asked, status, answer } } else { EnetError::NotData { asked, status, answer } };
            return Err(Failure::Error(error));
        }
        if text.trim_start().starts_with('<') {
            let page = text.trim_start().get(..200.min(text.trim_start().len())).unwrap_or(&text).to_lowercase();
            if page.contains("<html") || page.contains("<!doctype html") {
                return Err(Failure::Error(EnetError::NotData { asked, status, answer }));
            }
            // only a short answer can be nothing but an error
            let errors = if text.len() < 4096 { wire::errors(&text).unwrap_or_default() } else { Vec::new() };
            let said = |words: &[String]| errors.iter().any(|error| words.iter().any(|word| error.contains(word.as_str())));
            if said(&self.settings.evicted_texts) {
                return Err(Failure::Evicted);
            }
            if said(&self.settings.session_texts) {
                return Err(Failure::Dead { status, answer: excerpt(errors.join("; ").as_bytes()) });
            }
            return Ok(text);
        }
        if begins_with_error(&text) && text.contains("100000") {
            return Err(Failure::Error(EnetError::Unlicensed { object: call.object.clone(), operator: session.operator.clone() }));
        }
        if has(&self.settings.evicted_texts) {
            return Err(Failure::Evicted);
        }
        if self.settings.session_texts.iter().any(|word| text.trim_start().starts_with(word.as_str())) {
            return Err(Failure::Dead { status, answer });
        }
        if begins_with_error(&text) {
            return Err(Failure::Error(EnetError::Refused { asked, status, answer }));
        }
        Err(Failure::Error(EnetError::Malformed { asked, problem: format!("it is not XML but `{answer}`").into() }))
    }
}

/// How much of a plain answer is searched for words; no message is longer.
const SEARCHED: usize = 64 << 10;
/// The longest accepted session id, in bytes; SYSPRO's have 34 [assumed: no release gives longer ones than ten times that].
const SESSION_ID: usize = 512;

fn begins_with_error(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("error"))
}
