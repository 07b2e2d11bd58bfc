//! The state that every handler has.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};

use super::login_throttle::LoginThrottle;
use super::problem::Problem;
use super::query::Params;
use super::route::Routes;
use super::{host, response_cache};
use crate::actors::handle::ActorsHandle;
use crate::actors::system::Access;
use crate::config::Loaded;
use crate::doctor::DiagnosticsParts;
use crate::oidc::Provider;
use crate::operations::sign_in::RefusalLimit;
use crate::operations::{Service, check_names};
use crate::process::Process;
use crate::telemetry::metrics::metrics;

/// Connections to the ledger for health and metrics together.
const WATCHING: usize = 2;

/// The state of every handler.
#[derive(Clone)]
pub struct AppState {
    /// The process, with half of the ledger's connections; the rest is for the flows.
    pub process: Process,
    /// The same for health and metrics, which must not wait for other callers.
    pub(super) watching: Process,
    /// Sends requests to the actors.
    pub actors: ActorsHandle,
    /// The settings with their origins, as read.
    pub(super) loaded: Arc<Loaded>,
    /// The names of the service.
    pub(super) names: Arc<host::Names>,
    /// Recent failures to sign in.
    pub(super) login_throttle: Arc<LoginThrottle>,
    /// Refused sign-ins through the provider that became events.
    pub(super) sign_in_refusals: Arc<RefusalLimit>,
    /// What can be asked for.
    pub(super) routes: &'static Routes,
    /// Recent responses.
    pub(super) cache: Arc<response_cache::ResponseCache>,
    /// Operations that need the running process.
    pub(super) service: Service,
    /// The provider through which people sign in, if the site has one.
    pub(super) provider: Option<Arc<Provider>>,
}

impl AppState {
    /// The state over a running actor system.
    pub(super) fn of(process: Process, actors: ActorsHandle, access: Access, loaded: Arc<Loaded>, routes: &'static Routes) -> Self {
        let sharing = |connections| Process { store: process.store.shared_by(connections), ..process.clone() };
        let provider = process.settings.sign_in.provider.clone();
        let provider = provider.map(|settings| Arc::new(Provider::new(settings, process.credential_store.clone())));
        let callers = sharing(process.settings.database.pool_size as usize / 2);
        Self {
            names: Arc::new(host::Names::of(&process.settings)),
            watching: sharing(WATCHING),
            service: Service::new(callers.clone(), DiagnosticsParts::from(&process), actors.clone(), access),
            process: callers,
            actors,
            loaded,
            routes,
            login_throttle: Arc::default(),
            sign_in_refusals: Arc::new(RefusalLimit::new(|| metrics().service.sign_in_refusal_unwritten())),
            cache: Arc::default(),
            provider,
        }
    }
}

impl AppState {
    /// Whether browsers use TLS directly to this server.
    pub(super) fn secure(&self) -> bool {
        self.process.settings.http.certificate.is_some()
    }

    /// Makes the tie-outs of the schedule, until the service stops.
    pub async fn tie_outs_by_schedule(self) {
        self.service.tie_outs_by_schedule().await;
    }

    /// Waits until work in the background has noticed that the service stops, within limits.
    pub async fn interrupted(&self) {
        self.service.interrupted().await;
    }

    /// The parameters that the request's route describes, checked by kind; a company and an entity must exist.
    ///
    /// # Errors
    /// 400 as [`Params::of`]; 422 for a company or an entity that neither the configuration nor the ledger contains.
    pub(super) async fn described(&self, request: &HttpRequest) -> Result<Params, Problem> {
        let params = Params::of(&request.extensions(), request.query_string())?;
        check_names(&self.process, params.text("company").as_deref(), params.text("entity").as_deref()).await?;
        Ok(params)
    }
}
