//! The definition files: parsed, checked together, and compiled once into plans; and the pure mapping of documents to target records.

pub mod align;
mod block;
pub mod code_lists;
mod compile_align;
mod compile_condition;
mod compile_control;
mod compile_field;
mod compile_gone;
mod compile_number;
mod compile_read;
mod compile_shows;
mod compile_target;
mod compile_tie_out;
mod compile_watch;
pub mod content;
pub mod control;
mod distinct;
pub mod drift;
mod embedded;
pub mod extent;
mod form;
mod formats;
pub mod gone;
pub mod known;
pub mod load;
pub mod map;
mod map_natural;
mod map_number;
pub mod mapping;
mod number;
mod parse;
pub mod plan;
pub mod problem;
pub mod record;
#[cfg(test)]
mod schema;
pub mod set;
mod shape;
mod shows;
pub mod tie_out;
pub mod transform;
mod unique;
mod written;

pub use code_lists::CodeLists;
pub use load::{Currencies, Definitions, Inspected, inspect, load};
pub use map::Mapped;
pub use mapping::MappingText;
pub use plan::{Plan, ReadPlan, TargetPlan};
pub use problem::Problem;
pub use set::SetText;
pub use written::WrittenCurrency;

pub(crate) use unique::order;

#[cfg(test)]
mod tests;
