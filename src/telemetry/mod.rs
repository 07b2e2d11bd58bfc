//! The service's own reports: the log, the metrics, and the counts for progress bars.

mod declare;
#[cfg(test)]
mod docs;
pub mod flows;
pub mod labels;
pub mod logging;
pub mod metrics;
pub mod progress;

pub use declare::Declared;
pub use metrics::metrics;
