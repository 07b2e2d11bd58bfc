//! The adapter against scripted servers on loopback.

mod answers;
mod batches;
mod import_sets;
mod lookups;
mod support;
mod tables;
mod tokens;
