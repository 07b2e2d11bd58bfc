//! The HTTP server: health, metrics, the JSON API and the console. Besides `sim`, only this module serves HTTP with actix-web; `net` uses
//! types of actix-web for the requests that Tieline sends.
//!
//! Everything about a route is in its entry in the file of its handler (`route.rs`). [`ROUTES`] has all routes, for the router, the check
//! of permissions, the response cache, the description of the API and the tests.

pub mod api;
mod auth;
mod body;
mod caller;
pub mod console;
mod front;
mod headers;
mod health;
mod host;
mod idempotency;
mod login_throttle;
mod metrics;
mod problem;
mod query;
mod response_cache;
mod route;
mod state;
mod tls;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::ServerHandle;
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::Acceptor;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use tokio::net::TcpStream;
use tokio::sync::watch;

pub use problem::Problem;
pub use route::{Route, Routes};
pub use state::AppState;

use self::front::{Admitted, ConnectionLimit};
use self::tls::Certificate;
use crate::actors::handle::ActorsHandle;
use crate::actors::system::Access;
use crate::config::Loaded;
use crate::process::Process;

/// All routes.
pub static ROUTES: LazyLock<Routes> =
    LazyLock::new(|| Routes::of([health::routes(), metrics::routes(), api::routes(), console::routes()].concat()));

impl AppState {
    /// The state of the handlers, over a running actor system.
    pub fn new(process: Process, actors: ActorsHandle, access: Access, loaded: Arc<Loaded>) -> Self {
        Self::of(process, actors, access, loaded, &ROUTES)
    }
}

/// The time limit for the first head of a connection.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long current requests may take when the server stops, in seconds.
const STOP_SECONDS: u64 = 5;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is in use, or does not belong to this machine.
    #[error("cannot listen on {address} (`http.listen`): {problem}; another program may have the port: stop it, or choose another port")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        problem: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] crate::net::certificate::CertificateError),
    /// TLS does not accept the certificate.
    #[error("TLS cannot be served with these settings (`[http]`)")]
    Tls(#[from] rustls::Error),
}

/// A running server.
pub struct Server {
    handle: ServerHandle,
    /// Tells idle connections to close.
    stop: watch::Sender<bool>,
    /// The task that reads the certificate again.
    keeping: Option<tokio::task::JoinHandle<()>>,
    /// The address on which it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Waits for current requests, and stops.
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
/// [`HttpError`] when the address is not available, or the certificate cannot be used.
pub fn start(app_state: &AppState) -> Result<Server, HttpError> {
    let address = app_state.process.settings.http.listen;
    let failed = |problem| HttpError::Bind { address, problem };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let certificate = app_state.process.settings.http.certificate.as_ref().map(Certificate::read).transpose()?;
    let data = web::Data::new(app_state.clone());
    let cache = web::Data::from(app_state.cache.clone());
    let secure = app_state.secure();
    let app = move || {
        App::new()
            .app_data(data.clone())
            .app_data(cache.clone())
            .configure(|config| ROUTES.configure(config))
            .wrap(from_fn(response_cache::share))
            .wrap(from_fn(idempotency::once))
            .wrap(from_fn(query::check))
            .wrap(from_fn(auth::check))
            .wrap(headers::headers(secure))
    };
    let (stop, stopped) = watch::channel(false);
    let server = actix_server::Server::build()
        .workers(2)
        .disable_signals()
        .shutdown_timeout(STOP_SECONDS)
        .max_concurrent_connections(front::PER_WORKER);
    let connection_limit = ConnectionLimit::new(app_state.process.settings.http.connections_per_address);
    // actix-web's own server offers HTTP/2 whenever it serves TLS: these use only the HTTP/1 service
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
                accepting(connection_limit.clone()).and_then(tls).map(front::one_at_a_time).and_then(http)
            })
        }
        None => server.listen("http", listener, move || {
            let http = HttpService::build().client_request_timeout(HEAD_LIMIT).graceful_shutdown_signal(when(&stopped));
            let http = http.h1(map_config(app(), |()| AppConfig::default()));
            accepting(connection_limit.clone()).map(front::one_at_a_time).and_then(http)
        }),
    };
    let server = server.map_err(failed)?.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let keeping = certificate.map(|certificate| actix_web::rt::spawn(certificate.keep()));
    Ok(Server { handle, stop, keeping, address: bound })
}

/// Gives each accepted socket its slot.
fn accepting(
    connection_limit: Arc<ConnectionLimit>,
) -> impl ServiceFactory<TcpStream, Config = (), Response = Admitted, Error = DispatchError, InitError = ()> {
    fn_service(move |socket: TcpStream| {
        let connection_limit = connection_limit.clone();
        async move { front::accept(socket, &connection_limit).await.map_err(DispatchError::Io) }
    })
}

/// Completes when the server is told to stop.
fn when(stopped: &watch::Receiver<bool>) -> impl Fn() -> Pin<Box<dyn Future<Output = ()>>> + 'static {
    let stopped = stopped.clone();
    move || {
        let mut stopped = stopped.clone();
        Box::pin(async move {
            // an error: the server has ended already
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::role::Role;

    #[test]
    fn every_route_of_the_api_is_in_its_docs_page() {
        let page = include_str!("../../docs/http.md");
        // a row: the route, what it does, and the role that it needs
        let row = |line: &str| {
            let (route, cells) = line.strip_prefix("| `")?.split_once('`')?;
            let needs = cells.split('|').nth(2)?.trim();
            (route.starts_with("GET /") || route.starts_with("POST /")).then(|| (route.to_owned(), needs.to_owned()))
        };
        let documented: BTreeSet<(String, String)> = page.lines().filter_map(row).collect();
        let served = ROUTES.iter().filter(|route| !route.is_page()).map(|route| {
            let path = format!("{} {}", route.method, route.path.replace("{*", "{"));
            (path, first_role(route).to_owned())
        });
        assert_eq!(documented, served.collect());
    }

    #[test]
    fn every_page_of_the_console_is_in_its_docs_page() {
        let page = include_str!("../../docs/console.md");
        // a row: the paths with a link, what they show, and the role that they need
        let documented: BTreeSet<(String, String)> = page
            .lines()
            .filter_map(|line| {
                let (paths, cells) = line.strip_prefix("| [")?.split_once("](")?;
                let needs = cells.split('|').nth(2)?.trim();
                Some(paths.split(", ").map(move |path| (path.trim_matches('`').to_owned(), needs.to_owned())))
            })
            .flatten()
            .collect();
        // a part of a page that the script requests, a file of the pages and the sign-in form are no pages of their own
        let own = |path: &str| !["/live/", "/assets/", "/sign-in"].iter().any(|part| path.starts_with(part));
        let served = ROUTES.iter().filter(|route| route.is_page() && route.method == "GET" && own(route.path));
        assert_eq!(documented, served.map(|route| (route.path.replace("{*", "{"), first_role(route).to_owned())).collect());
    }

    /// The first role that may use a route, which the pages name.
    fn first_role(route: &Route) -> &'static str {
        route.needs.and_then(|needs| Role::ALL.iter().find(|role| role.allows(needs))).map_or("", |role| role.as_str())
    }

    #[test]
    fn no_route_is_there_twice() {
        let all: Vec<(&str, &str)> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
