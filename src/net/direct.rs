//! Connections without a proxy, which send each part of a request at once.
//!
//! By default the kernel holds a small part back until the other side has acknowledged the part before, which takes up to 40 ms when that side
//! waits for more (Nagle's algorithm and delayed acknowledgements).

use std::task::{Context, Poll};

use actix_rt::net::TcpStream;
use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Connector, ConnectorService};
use awc::http::Uri;
use futures_util::future::LocalBoxFuture;

/// Connects to the host of the address itself.
#[derive(Clone)]
pub(super) struct DirectConnector(ConnectorService);

impl DirectConnector {
    /// With the system's own resolution of names.
    pub(super) fn new() -> Self {
        Self(Connector::default().service())
    }
}

impl Service<ConnectInfo<Uri>> for DirectConnector {
    type Response = Connection<Uri, TcpStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<ConnectInfo<Uri>>::poll_ready(&self.0, context)
    }

    fn call(&self, request: ConnectInfo<Uri>) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await?;
            connection.io_ref().set_nodelay(true).map_err(ConnectError::Io)?;
            Ok(connection)
        })
    }
}
