//! The HTTP surface: health, metrics, the JSON API and the console. The only place, beside `sim`, that serves actix-web.
//!
//! One table names every route with the permission it needs; the middleware and the tests read the same table.

pub mod api;
mod auth;
mod body;
pub mod console;
mod doorman;
mod front;
mod health;
mod host;
mod idempotency;
mod memo;
mod metrics;
mod problem;
mod query;
mod tls;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::ServerHandle;
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::Acceptor;
use actix_web::dev::AppConfig;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, web};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

pub use auth::{ROUTES, Route};
pub use problem::Problem;

use self::doorman::Doorman;
use self::front::{Placed, Places};
use self::query::{Param, Params};
use self::tls::Certificate;
use crate::actors::Deps;
use crate::actors::lookup::{Seen, look_up};
use crate::actors::root::RootDoor;
use crate::actors::tree::Access;
use crate::config::Loaded;
use crate::doctor::Way;
use crate::doctor::desk::Desk;
use crate::domain::FlowId;

/// How long the first head of a connection may take.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long requests in hand may take when the server stops, in seconds.
const STOP_SECONDS: u64 = 5;

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
    watching: Deps,
    /// Asks Root.
    pub root: RootDoor,
    /// The settings with their origins, as they were read.
    loaded: Arc<Loaded>,
    /// Under which names the service is asked.
    names: Arc<host::Names>,
    /// Who failed to sign in lately.
    doorman: Arc<Doorman>,
    /// What was answered a moment ago.
    memo: Arc<memo::Memo>,
    /// One replay at a time.
    replaying: Arc<Semaphore>,
    /// One examination at a time, and the last one.
    desk: Desk,
    /// The ways to both systems.
    access: Access,
    /// So many records at once are looked up in SYSPRO for people.
    looking: Arc<Semaphore>,
}

impl Surface {
    /// The surface over a running tree.
    pub fn new(deps: Deps, root: RootDoor, access: Access, loaded: Arc<Loaded>) -> Self {
        let desk = Desk::new(deps.clone(), Way::Service(access.clone()));
        let sharing = |connections| Deps { store: deps.store.shared_by(connections), ..deps.clone() };
        let half = deps.settings.database.pool_size as usize / 2;
        Self {
            names: Arc::new(host::Names::of(&deps.settings)),
            watching: sharing(WATCHING),
            deps: sharing(half),
            root,
            loaded,
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
    fn secure(&self) -> bool {
        self.deps.settings.http.certificate.is_some()
    }

    /// The parameters of a list: each of its kind, a company and an entity only where there is one.
    ///
    /// # Errors
    /// 400 as [`Params::described`]; 422 for a company or an entity that neither the configuration nor the ledger knows.
    async fn described(&self, query: &str, allowed: &[Param]) -> Result<Params, Problem> {
        let params = Params::described(query, allowed)?;
        self.check_names(params.text("company").as_deref(), params.text("entity").as_deref()).await?;
        Ok(params)
    }

    /// Checks a company and an entity by which somebody narrows a list down, as far as they are given.
    ///
    /// # Errors
    /// 422 for one that neither the configuration nor the ledger knows.
    async fn check_names(&self, company: Option<&str>, entity: Option<&str>) -> Result<(), Problem> {
        if company.is_none() && entity.is_none() {
            return Ok(());
        }
        self.deps.names().await?.check(company, entity).map_err(|unknown| Problem::unknown(&unknown))
    }

    /// Whether SYSPRO has a record that the ledger does not know; asked in SYSPRO itself.
    async fn look_up(&self, flow: &FlowId, key: &str) -> Seen {
        let Ok(_turn) = self.looking.try_acquire() else {
            return Seen::CouldNotTell { why: "others are being looked up at this moment".into() };
        };
        look_up(&self.deps, Some(&self.access), flow, key).await
    }
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address} (`http.listen`): {source}; another program may have the port: stop it, or choose another port")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] crate::net::certificate::CertificateError),
    /// The certificate cannot be served with.
    #[error("TLS cannot be served with these settings (`[http]`): {0}")]
    Tls(#[from] rustls::Error),
}

/// A running server.
pub struct Server {
    handle: ServerHandle,
    /// Tells connections at rest to close.
    stop: watch::Sender<bool>,
    /// Reads the certificate anew.
    keeping: Option<tokio::task::JoinHandle<()>>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Lets requests in hand end, and stops.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.handle.stop(true).await;
        if let Some(keeping) = self.keeping {
            keeping.abort();
        }
    }
}

/// Listens on `http.listen`. Must be called on a thread that runs an actix system.
///
/// # Errors
/// [`HttpError`] when the address cannot be had, or the certificate not used.
pub fn start(surface: &Surface) -> Result<Server, HttpError> {
    let address = surface.deps.settings.http.listen;
    let failed = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let certificate = surface.deps.settings.http.certificate.as_ref().map(Certificate::read).transpose()?;
    let data = web::Data::new(surface.clone());
    let secure = surface.secure();
    let app = move || {
        App::new()
            .app_data(data.clone())
            .configure(configure)
            .wrap(from_fn(memo::share))
            .wrap(from_fn(idempotency::once))
            .wrap(from_fn(auth::check))
            .wrap(headers(secure))
    };
    let (stop, stopped) = watch::channel(false);
    let server = actix_server::Server::build()
        .workers(2)
        .disable_signals()
        .shutdown_timeout(STOP_SECONDS)
        .max_concurrent_connections(front::PER_WORKER);
    let places = Places::new(surface.deps.settings.http.connections_per_address);
    // actix-web's own server offers HTTP/2 as soon as it serves TLS: these are made of the HTTP/1 service alone
    let server = match &certificate {
        Some(certificate) => {
            let tls = certificate.server()?;
            server.listen("https", listener, move || {
                let http = HttpService::build().client_request_timeout(HEAD_LIMIT).graceful_shutdown_signal(when(&stopped));
                let http = http.h1(map_config(app(), |()| AppConfig::default()));
                let unusable = |error: TlsError<io::Error, Infallible>| match error {
                    TlsError::Timeout => DispatchError::Io(io::ErrorKind::TimedOut.into()),
                    TlsError::Tls(error) => DispatchError::Io(error),
                    TlsError::Service(never) => match never {},
                };
                let tls = Acceptor::new(tls.clone()).map_init_err(|_| ()).map_err(unusable);
                accepting(places.clone()).and_then(tls).map(front::one_at_a_time).and_then(http)
            })
        }
        None => server.listen("http", listener, move || {
            let http = HttpService::build().client_request_timeout(HEAD_LIMIT).graceful_shutdown_signal(when(&stopped));
            let http = http.h1(map_config(app(), |()| AppConfig::default()));
            accepting(places.clone()).map(front::one_at_a_time).and_then(http)
        }),
    };
    let server = server.map_err(failed)?.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let keeping = certificate.map(|certificate| actix_web::rt::spawn(certificate.keep()));
    Ok(Server { handle, stop, keeping, address: bound })
}

/// Gives each accepted socket its place.
fn accepting(places: Arc<Places>) -> impl ServiceFactory<TcpStream, Config = (), Response = Placed, Error = DispatchError, InitError = ()> {
    fn_service(move |socket: TcpStream| {
        let places = places.clone();
        async move { front::accept(socket, &places).await.map_err(DispatchError::Io) }
    })
}

/// Ends when the server is told to stop.
fn when(stopped: &watch::Receiver<bool>) -> impl Fn() -> Pin<Box<dyn Future<Output = ()>>> + 'static {
    let stopped = stopped.clone();
    move || {
        let mut stopped = stopped.clone();
        Box::pin(async move {
            // an error: the server has gone already
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
    }
}

/// Nothing here is to be stored, framed or guessed at by a browser. A problem carries them by itself: as an error it may pass by the headers' layer.
const HEADERS: [(&str, &str); 8] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
];

fn headers(secure: bool) -> DefaultHeaders {
    // a browser that came over TLS once comes no other way for a year
    let transport = secure.then_some(("strict-transport-security", "max-age=31536000"));
    HEADERS.into_iter().chain(transport).fold(DefaultHeaders::new(), DefaultHeaders::add)
}

fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/health/live", web::get().to(health::live))
        .route("/health/ready", web::get().to(health::ready))
        .route("/health/flows", web::get().to(health::flows))
        .route("/metrics", web::get().to(metrics::metrics))
        .configure(api::configure)
        .configure(console::configure);
}
