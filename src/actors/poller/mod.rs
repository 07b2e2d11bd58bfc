//! `Poller`: one per flow. Reads SYSPRO page by page and hands each page to the ledger.
//!
//! Owns nothing that matters: watermark, read position and lease are in the ledger, so that a restart continues after the last stored page.
//! A flow never runs twice at once: the lease forbids it in the cluster, `running` in this actor. The next page is requested while the last
//! one is stored; the Poller is never more than one page ahead. Runs on the ingest arbiter.

mod bound;
mod complete;
mod doubted;
mod error;
mod extent;
mod overdue;
mod parts;
mod read;
mod reader;
mod reported_rows;
mod run;
mod sweep;
mod went_back;

use actix::prelude::*;

pub use self::error::PollError;
pub use self::reader::{Poison, PollerParts, Reader};
pub use self::run::{PollNow, PollReport};

/// Reads one flow.
pub struct Poller {
    reader: Reader,
    running: bool,
}

impl Poller {
    /// An idle poller.
    pub fn new(reader: Reader) -> Self {
        Self { reader, running: false }
    }
}

impl Actor for Poller {
    type Context = Context<Self>;
}

impl Supervised for Poller {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.running = false;
    }
}

impl Handler<PollNow> for Poller {
    type Result = ResponseActFuture<Self, Result<PollReport, PollError>>;

    fn handle(&mut self, ask: PollNow, _: &mut Self::Context) -> Self::Result {
        if std::mem::replace(&mut self.running, true) {
            return Box::pin(actix::fut::ready(Err(PollError::Running { flow: self.reader.flow.clone() })));
        }
        let reader = self.reader.clone();
        Box::pin(async move { reader.run(ask).await }.into_actor(self).map(|result, this, _| {
            this.running = false;
            result
        }))
    }
}
