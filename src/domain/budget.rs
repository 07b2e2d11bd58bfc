//! What one ServiceNow instance accepts at present, as measured by one node and shared by all nodes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::delivery::words;

/// A node that was not seen for this long counts as dead for the others.
pub const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(12);

/// The circuit breaker: whether a node sends batches at present. The numbers are the values of the metric `tieline_breaker`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// Batches are sent.
    #[default]
    Closed = 0,
    /// One trial batch is sent.
    HalfOpen = 1,
    /// Nothing is sent: batches in a row failed.
    Open = 2,
}

words!(Breaker { Closed = "closed", HalfOpen = "half_open", Open = "open" });

impl Breaker {
    /// The state as `status`, the console and the description of the metric say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Closed => "batches are sent",
            Self::HalfOpen => "one trial batch is sent",
            Self::Open => "nothing is sent",
        }
    }
}

/// What one node has measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeBudget {
    /// Records per batch.
    pub batch_size: usize,
    /// Concurrent batches.
    pub concurrency: usize,
    /// Whether it sends records.
    pub breaker: Breaker,
    /// The rest of its own pause; pauses of other nodes are not passed on.
    pub pause: Duration,
}

/// A pause that ServiceNow asked for, reported by the node that got the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseRequest {
    /// The length that ServiceNow asked for.
    pub asked: Duration,
    /// ServiceNow's answer.
    pub said: String,
    /// How long ago.
    pub ago: Duration,
}

/// What a node reports to the others about such pauses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PauseReport {
    /// Its current pause.
    pub of: Option<PauseRequest>,
    /// Whether its trial has succeeded since: then the pause is over for all.
    pub lifted: bool,
}

/// The combined reports of the other living nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OthersBudget {
    /// The number of these nodes.
    pub nodes: usize,
    /// The longest remaining pause of these nodes.
    pub pause: Duration,
    /// Whether one of them pauses because nothing succeeds.
    pub broken: bool,
}

/// The number of concurrent batches for this node; `limit` is for all nodes together.
pub fn share(limit: usize, others: usize) -> usize {
    (limit / (others + 1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_share_the_limit_and_none_is_left_without() {
        let shares: Vec<usize> = (0..6).map(|others| share(4, others)).collect();
        assert_eq!(shares, [4, 2, 1, 1, 1, 1]);
    }
}
