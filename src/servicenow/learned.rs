//! What was learned of an instance. All clients of one thread share it.

use std::cell::Cell;

use tokio::time::Instant;

use super::batch_route::BatchRoute;
use super::staging_proof::Proof;

pub(super) struct Learned {
    pub(super) batch_route: Cell<BatchRoute>,
    /// The Batch API is not used before this time: it refused while single requests worked.
    pub(super) batch_after: Cell<Option<Instant>>,
    pub(super) warned_sys_id: Cell<bool>,
    pub(super) proof: Proof,
}

impl Learned {
    /// Nothing is known yet, except whether batches are wanted.
    pub(super) fn new(batch: bool) -> Self {
        let batch_route = Cell::new(if batch { BatchRoute::V1 } else { BatchRoute::None });
        Self { batch_route, batch_after: Cell::new(None), warned_sys_id: Cell::new(false), proof: Proof::default() }
    }
}
