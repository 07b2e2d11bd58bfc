//! The private cluster: a Postgres server of Tieline's own, in its state directory, used when no `database.url` is set.
//!
//! Made from the server programs that are installed on the machine; reached by a Unix socket only. This module makes, starts, adopts,
//! revives and stops it, and knows nothing of what is kept in it. Everything here blocks: call it through `spawn_blocking`.

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
