//! SIGTERM and SIGINT, from the moment somebody listens: one that comes while a command still starts is not lost, and ends nothing half way.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens until dropped; from then on a signal ends the process.
pub(super) struct Signals {
    /// `None` where no signals can be had: the command runs until it is killed.
    both: Option<(Signal, Signal)>,
}

impl Signals {
    /// Begins to listen; must be called within the runtime.
    pub(super) fn listen() -> Self {
        let both = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
        Self { both: both.ok() }
    }

    /// The next one, which may have come before.
    pub(super) async fn next(&mut self) {
        match &mut self.both {
            Some((term, interrupt)) => {
                tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
            }
            None => std::future::pending().await,
        }
    }
}
