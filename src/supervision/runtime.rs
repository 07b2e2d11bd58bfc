//! The runtime of a thread with actors.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How long a thread for blocking work stays without any. Calls to the ledger take turns among the threads that are there: with the
/// default of 10 s, a service that makes a few calls a second keeps every thread that it ever needed at once.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// A runtime for one thread.
///
/// # Panics
/// When the system gives it no timer or poller; nothing runs without it.
pub fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().thread_keep_alive(KEEP_ALIVE).build();
    runtime.unwrap_or_else(|error| panic!("no runtime can be created: {error}"))
}
