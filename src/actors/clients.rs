//! What the actors make their HTTP clients from. The files with certificates are read here, once, before any actor runs: an actor that is
//! started again, also after a reload of the definitions, reads no file and uses the same certificates.

use std::error::Error;
use std::sync::Arc;

use crate::config::Settings;
use crate::domain::chain;
use crate::net::ClientParts;
use crate::notice::SenderParts;
use crate::servicenow::ServiceNowError;
use crate::syspro::SysproError;
use crate::syspro::enet::EnetError;
use crate::telemetry::labels::System;

/// Why the actor system cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ActorSystemError(String);

/// The parts of the clients of every system.
#[derive(Clone)]
pub(super) struct Clients {
    /// SYSPRO's OData service.
    pub(super) odata: ClientParts,
    /// SYSPRO's e.net service.
    pub(super) enet: ClientParts,
    /// ServiceNow.
    pub(super) servicenow: ClientParts,
    /// The receivers of notices.
    pub(super) notices: SenderParts,
    /// The time-stamping authority, which is reached as ServiceNow is.
    pub(super) timestamp: ClientParts,
}

impl Clients {
    /// Reads the certificates of the machine, and the files that the settings name.
    ///
    /// # Errors
    /// [`ActorSystemError`] with the file that cannot be used.
    pub(super) fn read(settings: &Settings) -> Result<Self, ActorSystemError> {
        let syspro = &settings.syspro.connection;
        let instance = &settings.servicenow.connection;
        let servicenow = ClientParts::read(System::ServiceNow, instance);
        Ok(Self {
            odata: ClientParts::read(System::SysproOdata, syspro).map_err(|source| failed(&SysproError::Setup { source }))?,
            enet: ClientParts::read(System::SysproEnet, syspro).map_err(|source| failed(&EnetError::Setup { source }))?,
            servicenow: servicenow.map_err(|error| failed(&ServiceNowError::Setup { source: Arc::new(error) }))?,
            timestamp: ClientParts::read(System::Timestamp, instance).map_err(|error| failed(&error))?,
            notices: SenderParts::read(&settings.notices).map_err(ActorSystemError)?,
        })
    }
}

fn failed(error: &(dyn Error + 'static)) -> ActorSystemError {
    ActorSystemError(chain(error))
}
