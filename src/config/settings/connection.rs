//! How a system is reached over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// The connection to another system.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// A PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy that understands CONNECT, `http://[user:password@]host:port`.
    pub proxy: Option<Url>,
    /// The time limit until the connection is established.
    pub connect_timeout: Duration,
    /// The time limit until the head of the answer has arrived.
    pub request_timeout: Duration,
    /// The time limit until the body of the answer has arrived.
    pub body_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub body_limit: usize,
    /// Concurrent requests.
    pub connections: usize,
    /// How long a connection is kept for the next request. It must be shorter than the server keeps it, which is not documented [assumed:
    /// every server keeps one for some seconds]: a request that meets the server's closing is lost, and its outcome is unknown.
    pub keep_alive: Duration,
}

impl Connection {
    /// How long a large answer waits for permission to be read while another one is being read: the time limit of the other one, plus some
    /// seconds to process it.
    pub fn permit_timeout(&self) -> Duration {
        self.body_timeout + Duration::from_secs(15)
    }

    /// The time limit of one request and its answer.
    pub fn longest(&self) -> Duration {
        self.connect_timeout + self.request_timeout + self.body_timeout + self.permit_timeout()
    }
}
