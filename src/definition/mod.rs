//! The entity files: parsed, checked all together, and compiled once into plans; and the pure mapping of documents to target records.

pub mod plan;
pub mod record;

pub use plan::{Plan, ReadPlan, TargetPlan};
