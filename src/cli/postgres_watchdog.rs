//! The private database of a process: restarted when it dies.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, warn};

use crate::domain::chain;
use crate::postgres::ServerWatchdog;
use crate::retry::{self, Backoff};

/// How often the private database is checked.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// The waits between two attempts to start it.
const BACKOFF: Backoff = Backoff::new(CHECK_EVERY, Duration::from_secs(60));

/// Restarts the private database whenever it has died; the pauses grow when it dies again.
///
/// A loop of its own, with the pauses of `retry`: backon's loops end with a success, and this one goes on as long as the process, also when
/// the database is up. Its pauses are short again once the database has lived for a while.
pub(super) async fn restart_when_dead(watchdog: ServerWatchdog) {
    let (mut tries, mut since) = (0, Instant::now());
    loop {
        tokio::time::sleep(if tries == 0 { CHECK_EVERY } else { retry::delay(tries, BACKOFF) }).await;
        let watchdog = watchdog.clone();
        let checked = tokio::task::spawn_blocking(move || watchdog.check()).await;
        match checked {
            Ok(Ok(false)) => {
                if since.elapsed() > BACKOFF.longest {
                    tries = 0;
                }
                continue;
            }
            Ok(Ok(true)) => warn!("the private database runs again"),
            Ok(Err(error)) => error!(error = %chain(&error), "the private database cannot be started; Tieline retries, and nothing is \
                 lost"),
            Err(_) => error!("restarting the private database crashed; Tieline retries"),
        }
        (tries, since) = (tries.saturating_add(1), Instant::now());
    }
}
