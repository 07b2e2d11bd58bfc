//! The private cluster: Tieline's own Postgres server, in its state directory, used when no `database.url` is set.
//!
//! It uses the server programs installed on the machine, and is reached by a Unix socket only. This module creates, starts, adopts,
//! restarts and stops it, and knows nothing about its content. Everything here blocks: call it through `spawn_blocking`.

#[cfg(unix)]
mod account;
#[cfg(unix)]
mod cluster;
mod error;
#[cfg(unix)]
mod installed_servers;
#[cfg(all(test, unix))]
mod tests;

#[cfg(unix)]
pub use cluster::{Cluster, Origin, ServerWatchdog, start};
pub use error::ClusterError;
