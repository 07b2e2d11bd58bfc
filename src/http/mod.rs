//! The HTTP surface: health, metrics and the JSON API. The only place, beside `sim`, that serves actix-web.
//!
//! One table names every route with the permission it needs; the middleware and the tests read the same table.

pub mod api;
mod auth;
mod health;
mod problem;
mod query;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpResponse, HttpServer, web};

pub use auth::{ROUTES, Route};
pub use problem::Problem;

use crate::actors::Deps;
use crate::actors::root::RootDoor;

/// The largest body of an action, in bytes.
const BODY_LIMIT: usize = 64 << 10;
/// How long requests in hand may take when the server stops, in seconds.
const STOP_SECONDS: u64 = 5;

/// What every handler has.
#[derive(Clone)]
pub struct Surface {
    /// What every actor has.
    pub deps: Deps,
    /// Asks Root.
    pub root: RootDoor,
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
}

/// A running server.
pub struct Server {
    handle: ServerHandle,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Lets requests in hand end, and stops.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// Listens on `http.listen`. Must be called on a thread that runs an actix system.
///
/// # Errors
/// [`HttpError::Bind`] when the address cannot be had.
pub fn start(surface: &Surface) -> Result<Server, HttpError> {
    let address = surface.deps.settings.http.listen;
    let failed = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let data = web::Data::new(surface.clone());
    let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(configure).wrap(from_fn(auth::check)).wrap(headers()))
        .workers(2)
        .disable_signals()
        .shutdown_timeout(STOP_SECONDS)
        .client_request_timeout(Duration::from_secs(10))
        .listen(listener)
        .map_err(failed)?
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(Server { handle, address: bound })
}

/// Nothing here is to be stored, framed or guessed at by a browser.
fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("Cache-Control", "no-store"))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
}

fn configure(config: &mut web::ServiceConfig) {
    config.app_data(web::PayloadConfig::new(BODY_LIMIT));
    config
        .route("/health/live", web::get().to(health::live))
        .route("/health/ready", web::get().to(health::ready))
        .route("/health/flows", web::get().to(health::flows))
        .route("/metrics", web::get().to(health::metrics))
        .configure(api::configure)
        .default_service(web::route().to(nowhere));
}

async fn nowhere(request: actix_web::HttpRequest) -> Result<HttpResponse, Problem> {
    let path = request.path();
    let methods: Vec<&str> = ROUTES.iter().filter(|route| route.matches_path(path)).map(|route| route.method).collect();
    if methods.is_empty() {
        return Err(Problem::not_found(format!("there is no path `{path}`"), "the paths are under /health, /metrics and /api/v1"));
    }
    Err(Problem::method_not_allowed(request.method().as_str(), &methods))
}
