//! The adapter against scripted servers on loopback.

mod answers;
mod batches;
mod import_sets;
mod lookups;
pub(super) mod support;
mod tables;
mod tokens;
