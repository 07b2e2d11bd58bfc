//! Access to SYSPRO beside the flows: for a look-up of one record, or for a whole read on a person's request.

use std::rc::Rc;

use crate::config::settings::SysproSource;
use crate::credentials::credential_store::{SYSPRO_ENET, SYSPRO_ODATA};
use crate::credentials::secret::Credential;
use crate::domain::chain;
use crate::process::Process;
use crate::process::enet_session_store::LedgerSessionStore;
use crate::syspro::SysproReader;
use crate::syspro::enet::{Enet, EnetTransport};
use crate::syspro::trace::Trace;

/// A reader of SYSPRO with its credential.
pub struct SysproLink {
    /// The reader.
    pub reader: SysproReader,
    /// The operator.
    pub credential: Credential,
    /// The e.net session that was opened for it alone.
    own: Option<Enet>,
}

impl SysproLink {
    /// Opens it. `enet`: the service's session; without it, as in a command, an own session is used, if nobody else uses the operator.
    ///
    /// # Errors
    /// Why not, for people.
    pub async fn open(process: &Process, enet: Option<Rc<dyn EnetTransport>>) -> Result<Self, String> {
        let (syspro, retry) = (&process.settings.syspro, &process.settings.retry);
        let credential = |name| async move { process.credential_store.credential(name).await.map_err(|error| error.to_string()) };
        Ok(match (&syspro.source, enet) {
            (SysproSource::OData { url }, _) => Self {
                reader: SysproReader::new(url, syspro, retry).map_err(|error| chain(&error))?,
                credential: credential(SYSPRO_ODATA).await?,
                own: None,
            },
            (SysproSource::Enet { .. }, Some(enet)) => {
                Self { reader: SysproReader::over_enet(syspro, retry, enet), credential: credential(SYSPRO_ENET).await?, own: None }
            }
            (SysproSource::Enet { .. }, None) => {
                let credential = credential(SYSPRO_ENET).await?;
                let password = process.credential_store.company_password().await.map_err(|error| error.to_string())?;
                let (store, credential_store) = (process.store.clone(), process.credential_store.clone());
                // a person waits, so another user of the operator is reported at once
                let store = LedgerSessionStore::new(store, credential_store, process.node.holder(), process.settings.flows.lease).at_once();
                let enet = Enet::new(syspro, password, Rc::new(store)).map_err(|error| chain(&error))?;
                Self { reader: SysproReader::over_enet(syspro, retry, Rc::new(enet.clone())), credential, own: Some(enet) }
            }
        })
    }

    /// Whether its session is of one company at a time.
    pub fn has_one_company(&self) -> bool {
        self.reader.has_session()
    }

    /// A link whose requests and answers are traced; `None`: over e.net.
    pub fn traced(&self) -> Option<(Self, Rc<Trace>)> {
        let (reader, trace) = self.reader.traced()?;
        Some((Self { reader, credential: self.credential.clone(), own: None }, trace))
    }

    /// Logs its own session off.
    pub async fn close(self) {
        if let Some(enet) = self.own {
            enet.log_off().await;
        }
    }
}
