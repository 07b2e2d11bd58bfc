//! What every handler has.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::doorman::Doorman;
use super::problem::Problem;
use super::query::{Param, Params};
use super::route::Routes;
use super::{host, memo};
use crate::actors::Deps;
use crate::actors::lookup::{Seen, look_up};
use crate::actors::root::RootDoor;
use crate::actors::tree::Access;
use crate::config::Loaded;
use crate::doctor::Way;
use crate::doctor::desk::Desk;
use crate::domain::FlowId;

/// Connections to the ledger that health and metrics have together.
const WATCHING: usize = 2;

/// Records looked up in SYSPRO at once.
const LOOKS: usize = 2;

/// What every handler has.
#[derive(Clone)]
pub struct Surface {
    /// What every actor has; callers have half of the ledger's connections together, the rest is for the flows.
    pub deps: Deps,
    /// The same for health and metrics, which wait for no other caller.
    pub(super) watching: Deps,
    /// Asks Root.
    pub root: RootDoor,
    /// The settings with their origins, as they were read.
    pub(super) loaded: Arc<Loaded>,
    /// Under which names the service is asked.
    pub(super) names: Arc<host::Names>,
    /// Who failed to sign in lately.
    pub(super) doorman: Arc<Doorman>,
    /// What can be asked for.
    pub(super) routes: &'static Routes,
    /// What was answered a moment ago.
    pub(super) memo: Arc<memo::Memo>,
    /// One replay at a time.
    pub(super) replaying: Arc<Semaphore>,
    /// One examination at a time, and the last one.
    pub(super) desk: Desk,
    /// The ways to both systems.
    pub(super) access: Access,
    /// So many records at once are looked up in SYSPRO for people.
    looking: Arc<Semaphore>,
}

impl Surface {
    /// The surface over a running tree.
    pub(super) fn of(deps: Deps, root: RootDoor, access: Access, loaded: Arc<Loaded>, routes: &'static Routes) -> Self {
        let desk = Desk::new(deps.clone(), Way::Service(access.clone()));
        let sharing = |connections| Deps { store: deps.store.shared_by(connections), ..deps.clone() };
        let half = deps.settings.database.pool_size as usize / 2;
        Self {
            names: Arc::new(host::Names::of(&deps.settings)),
            watching: sharing(WATCHING),
            deps: sharing(half),
            root,
            loaded,
            routes,
            doorman: Arc::default(),
            memo: Arc::default(),
            replaying: Arc::new(Semaphore::new(1)),
            desk,
            access,
            looking: Arc::new(Semaphore::new(LOOKS)),
        }
    }
}

impl Surface {
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
        self.check_names(params.text("company").as_deref(), params.text("entity").as_deref()).await?;
        Ok(params)
    }

    /// Checks a company and an entity by which somebody narrows a list down, as far as they are given.
    ///
    /// # Errors
    /// 422 for one that neither the configuration nor the ledger knows.
    pub(super) async fn check_names(&self, company: Option<&str>, entity: Option<&str>) -> Result<(), Problem> {
        if company.is_none() && entity.is_none() {
            return Ok(());
        }
        self.deps.names().await?.check(company, entity).map_err(|unknown| Problem::unknown(&unknown))
    }

    /// Whether SYSPRO has a record that the ledger does not know; asked in SYSPRO itself.
    pub(super) async fn look_up(&self, flow: &FlowId, key: &str) -> Seen {
        let Ok(_turn) = self.looking.try_acquire() else {
            return Seen::CouldNotTell { why: "others are being looked up at this moment".into() };
        };
        look_up(&self.deps, Some(&self.access), flow, key).await
    }
}
