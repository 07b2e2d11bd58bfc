//! `SysproSession`: holds SYSPRO's credentials and the one e.net session that belongs to them.
//!
//! Owns the operator's Basic credential for OData and returns it for each request. Where SYSPRO is read through e.net, it also keeps the
//! operator's session. Pollers send it their queries and Aligners their changes. It handles them one after another, because a second logon
//! of the operator would end the first. A restart loses the cached credential, which is read again from the credential store, and keeps the
//! session. Runs on the control arbiter.

use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use tracing::{debug, warn};

use crate::config::settings::SysproSettings;
use crate::credentials::credential_store::{CredentialError, CredentialStore, SYSPRO_ENET, syspro_credential};
use crate::credentials::secret::Credential;
use crate::domain::CompanyId;
use crate::domain::chain;
use crate::net::{ClientParts, HttpClient};
use crate::process::Process;
use crate::process::enet_session_store::LedgerSessionStore;
use crate::store::Store;
use crate::supervision::crash::CrashPoints;
use crate::syspro::enet::{Enet, EnetCall, EnetError, EnetTransport, SignInResult};

/// What SysproSession works with.
#[derive(Clone)]
pub struct SysproSessionParts {
    /// `[syspro]`
    pub settings: SysproSettings,
    /// What the client of e.net is made from.
    pub enet: ClientParts,
    /// The ledger.
    pub store: Store,
    /// The credentials.
    pub credential_store: CredentialStore,
    /// Where the e.net session is noted.
    pub session_store: LedgerSessionStore,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl SysproSessionParts {
    /// The parts from a process.
    pub fn new(process: &Process, enet: ClientParts) -> Self {
        Self {
            settings: process.settings.syspro.clone(),
            enet,
            store: process.store.clone(),
            credential_store: process.credential_store.clone(),
            session_store: LedgerSessionStore::new(
                process.store.clone(),
                process.credential_store.clone(),
                process.node.holder(),
                process.settings.flows.lease,
            ),
            crash: process.crash.clone(),
        }
    }
}

/// Keeps the operator's credential and session.
pub struct SysproSession {
    parts: SysproSessionParts,
    /// Survives a restart: a session that is not logged off keeps its licence seat.
    enet: Option<Enet>,
    volatile: Volatile,
}

#[derive(Default)]
struct Volatile {
    credential: Option<Credential>,
}

/// Query. The credential for reading SYSPRO.
#[derive(Message)]
#[rtype(result = "Result<Credential, CredentialError>")]
pub struct GetCredential;

/// Event. SYSPRO refused the credential: the cached copy is dropped, so that a new password is used without a restart.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CredentialRefused;

/// Request. Calls a business object of e.net, after the earlier calls have been answered.
#[derive(Message)]
#[rtype(result = "Result<String, EnetError>")]
pub struct EnetQuery {
    /// The operator and its password.
    pub operator: Credential,
    /// The company.
    pub company: CompanyId,
    /// The call.
    pub call: EnetCall,
}

/// Request. Signs in to a company as a test; an open session stays open.
#[derive(Message)]
#[rtype(result = "Result<SignInResult, EnetError>")]
pub struct VisitEnet {
    /// The operator and its password.
    pub operator: Credential,
    /// The company.
    pub company: CompanyId,
}

/// Request. Ends the e.net session, if there is one, and a session that a crash has left open.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LogOff;

/// Reminder. Ends an e.net session that a crash has left open; safe to repeat.
#[derive(Message)]
#[rtype(result = "()")]
struct EndLeft;

impl SysproSession {
    /// An idle actor.
    pub fn new(parts: SysproSessionParts) -> Self {
        Self { parts, enet: None, volatile: Volatile::default() }
    }
}

impl Actor for SysproSession {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.parts.crash.at("session:started", "");
        ctx.notify(EndLeft);
    }
}

impl Supervised for SysproSession {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.volatile = Volatile::default();
    }
}

impl Handler<GetCredential> for SysproSession {
    type Result = ResponseActFuture<Self, Result<Credential, CredentialError>>;

    fn handle(&mut self, _: GetCredential, _: &mut Self::Context) -> Self::Result {
        self.parts.crash.at("session:asked", "");
        if let Some(credential) = &self.volatile.credential {
            return Box::pin(actix::fut::ready(Ok(credential.clone())));
        }
        let (credential_store, name) = (self.parts.credential_store.clone(), syspro_credential(&self.parts.settings.source));
        let work = async move { credential_store.credential(name).await };
        Box::pin(work.into_actor(self).map(|result, this, _| {
            if let Ok(credential) = &result {
                this.volatile.credential = Some(credential.clone());
            }
            result
        }))
    }
}

impl Handler<CredentialRefused> for SysproSession {
    type Result = ();

    fn handle(&mut self, _: CredentialRefused, _: &mut Self::Context) {
        self.volatile.credential = None;
    }
}

impl Handler<EnetQuery> for SysproSession {
    type Result = ResponseActFuture<Self, Result<String, EnetError>>;

    fn handle(&mut self, query: EnetQuery, _: &mut Self::Context) -> Self::Result {
        let call = self
            .enet()
            .then(|enet, this, _| async move { enet?.call(&query.operator, &query.company, &query.call).await }.into_actor(this));
        Box::pin(call)
    }
}

impl Handler<VisitEnet> for SysproSession {
    type Result = ResponseActFuture<Self, Result<SignInResult, EnetError>>;

    fn handle(&mut self, visit: VisitEnet, _: &mut Self::Context) -> Self::Result {
        let visit = self.enet().then(|enet, this, _| async move { enet?.visit(&visit.operator, &visit.company).await }.into_actor(this));
        Box::pin(visit)
    }
}

impl Handler<LogOff> for SysproSession {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: LogOff, _: &mut Self::Context) -> Self::Result {
        let (enet, parts) = (self.enet.clone(), self.parts.clone());
        let logged_off = async move {
            if let Some(enet) = enet {
                enet.log_off().await;
            }
            left(&parts).await
        };
        Box::pin(logged_off.into_actor(self).then(|left, this, _| this.end_left(left)))
    }
}

impl Handler<EndLeft> for SysproSession {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: EndLeft, _: &mut Self::Context) -> Self::Result {
        let parts = self.parts.clone();
        Box::pin(async move { left(&parts).await }.into_actor(self).then(|left, this, _| this.end_left(left)))
    }
}

impl SysproSession {
    /// The one client, created on first use.
    fn enet(&mut self) -> impl ActorFuture<Self, Output = Result<Enet, EnetError>> + 'static {
        let (known, parts) = (self.enet.clone(), self.parts.clone());
        let enet = async move {
            match known {
                Some(enet) => Ok(enet),
                None => client(&parts).await,
            }
        };
        // another caller may have created it: there must never be two
        enet.into_actor(self).map(|enet, this, _| enet.map(|enet| this.enet.get_or_insert(enet).clone()))
    }

    fn end_left(&mut self, left: Option<(Enet, Credential, CompanyId)>) -> ResponseActFuture<Self, ()> {
        let Some((enet, operator, company)) = left else { return Box::pin(actix::fut::ready(())) };
        let enet = self.enet.get_or_insert(enet).clone();
        let ending = async move {
            match enet.end_left(&operator, &company).await {
                Ok(()) => {}
                Err(EnetError::Held { .. }) => {
                    debug!(operator = operator.username, "another node uses the e.net operator and ends its own session")
                }
                Err(error) => {
                    warn!(error = chain(&error), "an e.net session that was left open may keep its licence seat until SYSPRO ends it")
                }
            }
        };
        Box::pin(ending.into_actor(self))
    }
}

/// What is needed to end a session that a crash has left open; `None` when there is none. A logoff needs only the id. A session whose id is
/// lost is ended by a logon of its operator.
async fn left(parts: &SysproSessionParts) -> Option<(Enet, Credential, CompanyId)> {
    let syspro = &parts.settings;
    let company = syspro.companies.first().filter(|_| syspro.enet_url.is_some())?;
    let left = match parts.store.enet_session_left().await {
        Ok(left) => left,
        Err(error) => {
            warn!(error = chain(&error), "it is unknown whether an e.net session was left open");
            return None;
        }
    };
    if left.is_empty() {
        return None;
    }
    let credential = parts.credential_store.credential(SYSPRO_ENET).await.ok().filter(|credential| left.contains(&credential.username))?;
    Some((client(parts).await.ok()?, credential, company.clone()))
}

async fn client(parts: &SysproSessionParts) -> Result<Enet, EnetError> {
    let password = parts.credential_store.company_password().await;
    let password = password.map_err(|error| EnetError::Credential { problem: error.to_string() })?;
    Enet::over(&parts.settings, HttpClient::of(&parts.enet), password, Rc::new(parts.session_store.clone()))
}

/// Gives readers access to the session, through the actor that keeps it.
pub struct SessionHandle(pub Recipient<EnetQuery>);

impl EnetTransport for SessionHandle {
    fn query<'a>(
        &'a self,
        operator: &'a Credential,
        company: &'a CompanyId,
        object: &'static str,
        xml: String,
        asked: String,
    ) -> LocalBoxFuture<'a, Result<String, EnetError>> {
        let call = EnetCall::query(object, xml, asked.clone());
        let query = EnetQuery { operator: operator.clone(), company: company.clone(), call };
        Box::pin(async move { self.0.send(query).await.unwrap_or(Err(EnetError::Restarting { asked })) })
    }
}

/// The actor's address as a diagnostics run sees it.
#[derive(Clone)]
pub struct EnetClient {
    /// Sends queries.
    pub query: Recipient<EnetQuery>,
    /// Signs in.
    pub visit: Recipient<VisitEnet>,
}

impl EnetClient {
    /// Signs in to a company as a test.
    ///
    /// # Errors
    /// [`EnetError`].
    pub async fn visit(&self, operator: &Credential, company: &CompanyId) -> Result<SignInResult, EnetError> {
        let visit = VisitEnet { operator: operator.clone(), company: company.clone() };
        self.visit.send(visit).await.unwrap_or_else(|_| Err(EnetError::Restarting { asked: "the logon".into() }))
    }

    /// The handle for readers.
    pub fn handle(&self) -> SessionHandle {
        SessionHandle(self.query.clone())
    }
}

/// Logs off, with a deadline: a process that is stopping must end.
pub async fn log_off(session: &Recipient<LogOff>, deadline: Duration) {
    // an actor that has ended or hangs cannot log off; the operator's next logon ends the session
    let _ = session.send(LogOff).timeout(deadline).await;
}
