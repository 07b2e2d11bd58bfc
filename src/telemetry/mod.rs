//! What the service tells about itself: the log and the metrics.

mod declare;
pub mod logging;
pub mod metrics;

pub use declare::Declared;
pub use metrics::metrics;
