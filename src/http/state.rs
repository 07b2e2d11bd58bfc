//! The state that every handler has.

use std::sync::Arc;

use super::login_throttle::LoginThrottle;
use super::problem::Problem;
use super::query::{Param, Params};
use super::route::Routes;
use super::{host, response_cache};
use crate::actors::Deps;
use crate::actors::handle::ActorsHandle;
use crate::actors::system::Access;
use crate::config::Loaded;
use crate::operations::{Service, check_names};

/// Connections to the ledger that health and metrics have together.
const WATCHING: usize = 2;

/// What every handler has.
#[derive(Clone)]
pub struct AppState {
    /// What every actor has; callers have half of the ledger's connections together, the rest is for the flows.
    pub deps: Deps,
    /// The same for health and metrics, which wait for no other caller.
    pub(super) watching: Deps,
    /// The handle to Root.
    pub actors: ActorsHandle,
    /// The settings with their origins, as they were read.
    pub(super) loaded: Arc<Loaded>,
    /// Under which names the service is asked.
    pub(super) names: Arc<host::Names>,
    /// Who failed to sign in lately.
    pub(super) login_throttle: Arc<LoginThrottle>,
    /// What can be asked for.
    pub(super) routes: &'static Routes,
    /// Responses of the last moment.
    pub(super) cache: Arc<response_cache::ResponseCache>,
    /// What needs the running process.
    pub(super) service: Service,
}

impl AppState {
    /// The state over a running actor system.
    pub(super) fn of(deps: Deps, actors: ActorsHandle, access: Access, loaded: Arc<Loaded>, routes: &'static Routes) -> Self {
        let sharing = |connections| Deps { store: deps.store.shared_by(connections), ..deps.clone() };
        let callers = sharing(deps.settings.database.pool_size as usize / 2);
        Self {
            names: Arc::new(host::Names::of(&deps.settings)),
            watching: sharing(WATCHING),
            service: Service::new(callers.clone(), deps.clone(), actors.clone(), access),
            deps: callers,
            actors,
            loaded,
            routes,
            login_throttle: Arc::default(),
            cache: Arc::default(),
        }
    }
}

impl AppState {
    /// Whether browsers come over TLS to this server itself.
    pub(super) fn secure(&self) -> bool {
        self.deps.settings.http.certificate.is_some()
    }

    /// The parameters of a list: each of its kind, a company and an entity only where there is one.
    ///
    /// # Errors
    /// 400 as [`Params::described`]; 422 for a company or an entity that neither the configuration nor the ledger knows.
    pub(super) async fn described(&self, query: &str, allowed: &[Param]) -> Result<Params, Problem> {
        let params = Params::described(query, allowed)?;
        check_names(&self.deps, params.text("company").as_deref(), params.text("entity").as_deref()).await?;
        Ok(params)
    }
}
