//! What one ServiceNow instance accepts at present, as one node knows it and as all nodes share it.

use std::time::Duration;

/// A node that was not seen for so long is dead for the others.
pub const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(12);

/// Whether records are sent at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Breaker {
    /// They are.
    #[default]
    Closed = 0,
    /// One batch is tried.
    HalfOpen = 1,
    /// Nothing got through for a while, and nothing is sent.
    Open = 2,
}

impl Breaker {
    /// As the ledger, `status` and the API say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What one node has found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeBudget {
    /// Records per batch.
    pub batch_size: usize,
    /// Batches on their way at once.
    pub concurrency: usize,
    /// Whether it sends.
    pub breaker: Breaker,
    /// How long it still sends nothing, by its own finding: what it heard from others is not told on.
    pub pause: Duration,
}

/// A pause that ServiceNow asked for, as the node tells it that was answered so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseRequest {
    /// For how long, as ServiceNow said it.
    pub asked: Duration,
    /// What it answered.
    pub said: String,
    /// How long ago.
    pub ago: Duration,
}

/// What a node tells the others of such pauses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PauseReport {
    /// The one that it makes.
    pub of: Option<PauseRequest>,
    /// Its trial got through meanwhile: the pause is over for all.
    pub lifted: bool,
}

/// What the other living nodes say together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OthersBudget {
    /// How many they are.
    pub nodes: usize,
    /// The longest pause that one of them was told to make.
    pub pause: Duration,
    /// Whether one of them makes it because nothing gets through.
    pub broken: bool,
}

/// How many batches this node may have on their way at once, where `limit` is for all of them together.
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
