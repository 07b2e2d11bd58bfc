//! What is said of a value on its way: nothing is held back for it, and nothing is lost unsaid.

/// What kind of thing a warning tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningKind {
    /// A text was cut.
    Cut,
    /// A digit was cut off a number.
    Rounded,
    /// A total is not the sum of its rows.
    Difference,
    /// A field takes one of what there are several of.
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
