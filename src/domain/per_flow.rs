//! Which flows the metrics show by themselves.

use std::fmt;
use std::str::FromStr;

use super::delivery::words;

/// The setting `metrics.per_flow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerFlow {
    /// All of them up to [`PerFlow::MANY`] flows; beyond that, those with a problem.
    Auto,
    /// All of them.
    All,
    /// Those with a problem.
    Problems,
    /// None: an entity's flows are shown as one.
    None,
}

words!(PerFlow {
    Auto = "auto",
    All = "all",
    Problems = "problems",
    None = "none",
});

/// The metrics of flows for a given number of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShownFlows {
    /// Every flow has all its series.
    #[default]
    All,
    /// Only flows with a problem have series.
    Problems,
    /// Only the flows of an entity together have series.
    Together,
}

impl PerFlow {
    /// The most flows that are all shown with [`PerFlow::Auto`].
    pub const MANY: usize = 100;

    /// What is shown of this many flows.
    pub fn of(self, flows: usize) -> ShownFlows {
        match self {
            Self::All => ShownFlows::All,
            Self::Auto if flows <= Self::MANY => ShownFlows::All,
            Self::Auto | Self::Problems => ShownFlows::Problems,
            Self::None => ShownFlows::Together,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_flows_are_shown_where_they_have_a_problem() {
        assert_eq!([6, 100, 101].map(|flows| PerFlow::Auto.of(flows)), [ShownFlows::All, ShownFlows::All, ShownFlows::Problems]);
        assert_eq!(PerFlow::All.of(900), ShownFlows::All);
        assert_eq!(PerFlow::Problems.of(6), ShownFlows::Problems);
        assert_eq!(PerFlow::None.of(6), ShownFlows::Together);
    }
}
