//! When flows run, and the run sets in which they run.

pub mod run_set;
pub(super) mod timetable;
