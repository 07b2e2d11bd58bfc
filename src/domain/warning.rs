//! Warnings about values: a warning never stops a delivery, and no value is lost without one.

/// The kind of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningKind {
    /// A text was shortened.
    Cut,
    /// A number lost a digit.
    Rounded,
    /// A total is not the sum of its rows.
    Difference,
    /// A field uses one of several values.
    Several,
}

impl WarningKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Cut, Self::Rounded, Self::Difference, Self::Several];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Rounded => "rounded",
            Self::Difference => "difference",
            Self::Several => "several",
        }
    }
}
