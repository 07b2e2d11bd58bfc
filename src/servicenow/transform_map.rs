//! A transform map of the instance, as `doctor` reads it.

use std::collections::BTreeSet;

/// A transform map: its name, the staging columns that it coalesces on and copies, and whether it copies empty fields.
pub(super) struct Map {
    pub(super) name: String,
    /// The table that it fills.
    pub(super) target: String,
    /// Pairs (staging column, column of the table that it fills).
    pub(super) fields: Vec<(String, String)>,
    pub(super) is_active: bool,
    pub(super) coalesce: BTreeSet<String>,
    /// Whether it coalesces with the case of letters.
    pub(super) case_sensitive: bool,
    /// The staging columns that its other field maps copy; empty where a script copies them.
    pub(super) copied: BTreeSet<String>,
    pub(super) copies_empty: bool,
}
