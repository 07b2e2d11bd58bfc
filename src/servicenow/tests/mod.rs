//! The adapter against scripted servers on loopback.

mod aborted_writes;
mod answers;
mod batches;
mod compared;
mod fuzz;
mod ignored;
mod import_sets;
mod queries;
mod refusals;
mod searches;
pub(super) mod support;
mod tables;
mod tokens;
mod versions;
