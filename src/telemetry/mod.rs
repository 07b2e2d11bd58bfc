//! What the service tells about itself: the log and the metrics.

pub mod logging;
pub mod metrics;

pub use metrics::metrics;
