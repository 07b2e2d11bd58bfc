//! What the service tells about itself: the log and the metrics.

mod declare;
#[cfg(test)]
mod docs;
pub mod labels;
pub mod logging;
pub mod metrics;

pub use declare::Declared;
pub use metrics::metrics;
