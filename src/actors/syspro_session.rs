//! `SysproSession`: the only place that holds SYSPRO's credentials.
//!
//! Owns the operator's Basic credential for OData and hands it out for each request. Pollers call it. A restart loses the cached
//! copy, which is read again from the vault. Runs on the control arbiter.

use actix::prelude::*;

use super::vault::{CredentialError, SYSPRO_ODATA, Vault};
use crate::config::secret::Credential;

/// Keeps the operator's credential.
pub struct SysproSession {
    vault: Vault,
    volatile: Volatile,
}

#[derive(Default)]
struct Volatile {
    odata: Option<Credential>,
}

/// Question. The credential for OData.
#[derive(Message)]
#[rtype(result = "Result<Credential, CredentialError>")]
pub struct GetCredential;

/// Fact. SYSPRO refused the credential: the cached copy is dropped, so that a new password is taken up without a restart.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CredentialRefused;

impl SysproSession {
    /// A keeper with nothing in hand.
    pub fn new(vault: Vault) -> Self {
        Self { vault, volatile: Volatile::default() }
    }
}

impl Actor for SysproSession {
    type Context = Context<Self>;
}

impl Supervised for SysproSession {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.volatile = Volatile::default();
    }
}

impl Handler<GetCredential> for SysproSession {
    type Result = ResponseActFuture<Self, Result<Credential, CredentialError>>;

    fn handle(&mut self, _: GetCredential, _: &mut Self::Context) -> Self::Result {
        if let Some(credential) = &self.volatile.odata {
            return Box::pin(actix::fut::ready(Ok(credential.clone())));
        }
        let vault = self.vault.clone();
        let work = async move { vault.credential(SYSPRO_ODATA).await };
        Box::pin(work.into_actor(self).map(|result, this, _| {
            if let Ok(credential) = &result {
                this.volatile.odata = Some(credential.clone());
            }
            result
        }))
    }
}

impl Handler<CredentialRefused> for SysproSession {
    type Result = ();

    fn handle(&mut self, _: CredentialRefused, _: &mut Self::Context) {
        self.volatile.odata = None;
    }
}
