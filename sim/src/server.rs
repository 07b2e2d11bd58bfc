//! An HTTP or HTTPS server on its own thread, for the simulators.
//!
//! It supports HTTP/1.1 only: the client side of this program enables HTTP/2 in the shared HTTP library, so this module builds the TLS
//! service itself, without HTTP/2. The certificate comes from an authority created at the start; clients get its PEM to trust it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_http::{Extensions, HttpService};
use actix_rt::net::TcpStream;
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactoryExt, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, web};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

/// How long an idle connection is kept, as with most load balancers. With actix's default of 5 s a busy server would lose requests: the time
/// can pass while a thread works on one large batch, and actix checks the timer before it reads a request that arrived meanwhile.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A server that answers until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens, for instance `http://127.0.0.1:40123/`; over TLS the host is `localhost`.
    pub url: Url,
    /// The certificate authority to trust, in PEM form; `None` without TLS.
    pub ca_pem: Option<String>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl RunningServer {
    /// Closes every connection and waits until the thread has ended.
    pub fn stop(mut self) {
        self.end();
        if let Some(thread) = self.thread.take() {
            // a panic of the server thread has been printed already, and there is nothing left to stop
            let _ = thread.join();
        }
    }

    fn end(&self) {
        // the command is sent by the call itself; the future would only wait for its completion
        drop(self.handle.stop(false));
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a server with `workers` threads and returns once it accepts connections. May be called from any thread, inside a runtime or not.
///
/// Port 0 in `listen` takes a free port. `configure` runs once per worker; state that workers share goes into a `web::Data` made outside it.
///
/// # Errors
///
/// When the address is in use or not local, or the certificate cannot be created.
pub fn serve(
    listen: SocketAddr,
    tls: bool,
    workers: usize,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<RunningServer> {
    let listener =
        TcpListener::bind(listen).map_err(|error| io::Error::new(error.kind(), format!("cannot listen on `{listen}`: {error}")))?;
    let address = listener.local_addr()?;
    let certificate = if tls { Some(Certificate::make(address)?) } else { None };
    let ca_pem = certificate.as_ref().map(|certificate| certificate.ca_pem.clone());
    let config = certificate.map(|certificate| certificate.config);
    let (started, starting) = mpsc::channel();
    let thread = thread::Builder::new().name("sim-server".into()).spawn(move || {
        actix_rt::System::new().block_on(async move {
            match build(listener, config, workers, configure) {
                Ok(server) => {
                    let server = server.run();
                    // the receiver waits for this line, so it cannot be gone
                    let _ = started.send(Ok(server.handle()));
                    if let Err(error) = server.await {
                        tracing::warn!(%error, "simulator ended");
                    }
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        });
    })?;
    let handle = starting.recv().map_err(|_| io::Error::other("the simulator's thread ended before it listened"))??;
    let (scheme, host) = if tls { ("https", "localhost".to_owned()) } else { ("http", address.ip().to_string()) };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let url = Url::parse(&format!("{scheme}://{host}:{}/", address.port())).map_err(io::Error::other)?;
    Ok(RunningServer { url, ca_pem, handle, thread: Some(thread) })
}

/// Sends each part of an answer at once. Otherwise the kernel keeps back the last part until the client has acknowledged the others, which
/// takes up to 40 ms.
fn send_at_once(connection: &TcpStream, _: &mut Extensions) {
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!(%error, "a connection of the simulator stays slow");
    }
}

fn build(
    listener: TcpListener,
    tls: Option<ServerConfig>,
    workers: usize,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<actix_server::ServerBuilder> {
    let server = Server::build().workers(workers.max(1)).shutdown_timeout(1).disable_signals();
    match tls {
        None => server.listen("sim", listener, move || {
            let app = App::new().configure(configure.clone());
            HttpService::build().keep_alive(KEEP_ALIVE).on_connect_ext(send_at_once).h1(map_config(app, |()| AppConfig::default())).tcp()
        }),
        Some(tls) => server.listen("sim", listener, move || {
            let app = App::new().configure(configure.clone());
            HttpService::build()
                .keep_alive(KEEP_ALIVE)
                .h1(map_config(app, |()| AppConfig::default()))
                .rustls_0_23(tls.clone())
                .map_err(|_| ())
        }),
    }
}

struct Certificate {
    ca_pem: String,
    config: ServerConfig,
}

impl Certificate {
    fn make(address: SocketAddr) -> io::Result<Self> {
        let mut authority = CertificateParams::new(vec![]).map_err(io::Error::other)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Tieline simulator authority");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(authority, key).map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let names = vec!["localhost".to_owned(), address.ip().to_string()];
        let leaf = CertificateParams::new(names).and_then(|leaf| leaf.signed_by(&key, &issuer)).map_err(io::Error::other)?;
        let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).map_err(io::Error::other)?;
        let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, private))
            .map_err(io::Error::other)?;
        Ok(Self { ca_pem: issuer.pem(), config })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn hello(config: &mut web::ServiceConfig) {
        config.route("/", web::get().to(|| async { "hello" }));
    }

    #[actix_rt::test]
    async fn answers_over_http_and_https_and_stops() {
        for tls in [false, true] {
            let server = serve((Ipv4Addr::LOCALHOST, 0).into(), tls, 1, hello).expect("server");
            let mut roots = rustls::RootCertStore::empty();
            if let Some(pem) = &server.ca_pem {
                roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")).expect("authority");
            }
            let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
            let connector = awc::Connector::new().rustls_0_23(std::sync::Arc::new(config));
            let client = awc::Client::builder().connector(connector).finish();
            let mut answer = client.get(server.url.as_str()).send().await.expect("answer");
            assert_eq!(answer.body().await.expect("body"), "hello");
            let url = server.url.clone();
            server.stop();
            // a connection that was open may get one more answer while the workers end; another server may have its port by then
            let mut tries = 0;
            while let Ok(mut answer) = client.get(url.as_str()).send().await
                && answer.body().await.unwrap_or_default() == "hello"
            {
                tries += 1;
                assert!(tries < 100, "stopped server still answers");
                actix_rt::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
        let address = holder.local_addr().expect("address");
        let error = serve(address, false, 1, hello).expect_err("taken");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
