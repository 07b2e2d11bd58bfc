//! SIGTERM and SIGINT, from the moment of [`Signals::listen`]: a signal during the start of a command is not lost, and does not end it half
//! way.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens until dropped; from then on a signal ends the process.
pub(super) struct Signals {
    /// `None` if signals are not available: the command runs until it is killed.
    both: Option<(Signal, Signal)>,
}

impl Signals {
    /// Starts to listen; must be called within the runtime.
    pub(super) fn listen() -> Self {
        let both = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
        Self { both: both.ok() }
    }

    /// Waits for the next one, which may have come before.
    pub(super) async fn next(&mut self) {
        match &mut self.both {
            Some((term, interrupt)) => {
                tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
            }
            None => std::future::pending().await,
        }
    }
}
