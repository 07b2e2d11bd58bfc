//! Where an instance has its Batch API.

/// Where the Batch API is, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchRoute {
    /// `/api/now/v1/batch`
    V1,
    /// `/api/now/batch`
    Plain,
    /// There is none, or the settings switch it off.
    None,
}

impl BatchRoute {
    pub(super) fn path(self) -> Option<&'static str> {
        match self {
            BatchRoute::V1 => Some("/api/now/v1/batch"),
            BatchRoute::Plain => Some("/api/now/batch"),
            BatchRoute::None => None,
        }
    }

    pub(super) fn next(self) -> Self {
        if self == BatchRoute::V1 { BatchRoute::Plain } else { BatchRoute::None }
    }
}
