//! What one ServiceNow instance accepts at present, as measured by one node and shared by all nodes.

use std::time::Duration;

/// A node that was not seen for this long counts as dead for the others.
pub const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(12);

/// Whether records are sent at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Breaker {
    /// They are.
    #[default]
    Closed = 0,
    /// One batch is sent as a trial.
    HalfOpen = 1,
    /// Nothing succeeded for a while, and nothing is sent.
    Open = 2,
}

impl Breaker {
    /// The word in the ledger, in `status` and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
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
