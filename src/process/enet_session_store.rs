//! The e.net session in the ledger: which node may use it, and what a crash left open.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tracing::warn;

use crate::credentials::credential_store::CredentialStore;
use crate::credentials::key_ring::Encrypted;
use crate::domain::chain;
use crate::retry;
use crate::store::{EncryptedSession, EnetLeaseResult, SessionNote, Store, StoreError};
use crate::syspro::enet::{EnetError, Held, SessionStore};

/// The name under which a session id is encrypted.
const ENCRYPTED_AS: &str = "enet-session";
/// How often to ask again for a session that another node holds.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Keeps the session's lease and its encrypted id in the ledger.
#[derive(Clone)]
pub struct LedgerSessionStore {
    store: Store,
    credential_store: CredentialStore,
    holder: String,
    lease: Duration,
    /// How long to wait for a session that another node holds.
    patience: Duration,
}

impl LedgerSessionStore {
    /// For this holder: a process start of a node. `lease`: how long the session stays the holder's without a renewal.
    pub fn new(store: Store, credential_store: CredentialStore, holder: String, lease: Duration) -> Self {
        // a holder that has died does not renew its lease
        Self { store, credential_store, holder, lease, patience: lease + ASK_EVERY }
    }

    /// The same without waiting: reports at once that another node uses the operator.
    pub fn at_once(self) -> Self {
        Self { patience: Duration::ZERO, ..self }
    }

    async fn open(&self, operator: &str, encrypted: EncryptedSession) -> Option<SecretString> {
        let encrypted = Encrypted { key_id: encrypted.key_id, nonce: encrypted.nonce, ciphertext: encrypted.ciphertext };
        let decrypted = self.credential_store.open(ENCRYPTED_AS, operator, &encrypted).await;
        // the operator's next logon ends it
        decrypted.inspect_err(|error| warn!(%error, operator, "the e.net session that was left open cannot be logged off")).ok()
    }

    async fn note(&self, operator: &str, note: SessionNote) -> Result<bool, EnetError> {
        self.store.enet_session_note(operator.to_owned(), self.holder.clone(), note).await.map_err(|error| ledger(&error))
    }
}

fn ledger(error: &StoreError) -> EnetError {
    EnetError::Ledger { problem: chain(error) }
}

impl SessionStore for LedgerSessionStore {
    fn renew_every(&self) -> Duration {
        self.lease / 3
    }

    fn hold<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, Result<Held, EnetError>> {
        Box::pin(async move {
            let ask = || self.store.enet_session_take(operator.to_owned(), self.holder.clone(), self.lease);
            let is_ours = |taken: &EnetLeaseResult| matches!(taken, EnetLeaseResult::Ours { .. });
            let taken = retry::until_late(ASK_EVERY, self.patience, ask, is_ours).await;
            match taken.map_err(|error| ledger(&error))? {
                EnetLeaseResult::Ours { renewed, open, opening } => {
                    let encrypted = open.is_some();
                    let open = match open {
                        Some(open) => self.open(operator, open).await,
                        None => None,
                    };
                    // an id that cannot be decrypted counts as lost
                    Ok(Held { ours: renewed, lost: opening || (encrypted && open.is_none()), open })
                }
                EnetLeaseResult::Held { holder, .. } => Err(EnetError::Held { operator: operator.to_owned(), holder }),
            }
        })
    }

    fn opening<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, Result<(), EnetError>> {
        Box::pin(async move {
            match self.note(operator, SessionNote::Opening).await? {
                true => Ok(()),
                false => Err(EnetError::Held { operator: operator.to_owned(), holder: "another node".to_owned() }),
            }
        })
    }

    fn opened<'a>(&'a self, operator: &'a str, id: &'a SecretString) -> LocalBoxFuture<'a, Result<(), EnetError>> {
        Box::pin(async move {
            let encrypted =
                self.credential_store.key_ring().await.and_then(|keys| keys.encrypt(ENCRYPTED_AS, operator, id.expose_secret()));
            let encrypted = encrypted.map_err(|error| EnetError::Credential { problem: chain(&error) })?;
            let open = EncryptedSession { key_id: encrypted.key_id, nonce: encrypted.nonce, ciphertext: encrypted.ciphertext };
            match self.note(operator, SessionNote::Open(open)).await? {
                true => Ok(()),
                false => Err(EnetError::Held { operator: operator.to_owned(), holder: "another node".to_owned() }),
            }
        })
    }

    fn closed<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            // if the note of an ended session stays, it costs one needless logoff
            if let Err(error) = self.note(operator, SessionNote::Closed).await {
                warn!(%error, operator, "the logoff of the e.net session could not be stored");
            }
        })
    }

    fn give<'a>(&'a self, operator: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.store.enet_session_give(operator.to_owned(), self.holder.clone()).await {
                warn!(%error, operator, "the lease of the e.net session could not be released; other nodes wait for its end");
            }
        })
    }
}
