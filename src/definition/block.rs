//! A block of a profile file with all that its compilation needs to know.

use std::collections::BTreeMap;

use super::parse::Text;
use super::plan::{KeyPart, ReadPlan};
use super::shape::BlockShape;

/// What the other files define.
pub(super) struct World<'a> {
    /// Every entity with a definition: its key, or `None` if the key could not be read.
    pub(super) keys: &'a BTreeMap<String, Option<Vec<String>>>,
    /// Entities whose records are parts of a column, with that part.
    pub(super) parts: &'a BTreeMap<String, KeyPart>,
    /// The code lists.
    pub(super) code_lists: &'a [String],
}

/// One block, being compiled.
pub(super) struct Block<'a> {
    pub(super) name: &'a Text,
    pub(super) shape: &'a BlockShape,
    pub(super) child: Option<usize>,
    /// The header's block, for a child's.
    pub(super) header: Option<&'a BlockShape>,
    pub(super) read: Option<&'a ReadPlan>,
    pub(super) world: &'a World<'a>,
}

impl Block<'_> {
    /// The name of a key within the block, for messages: `lines.table`.
    pub(super) fn key(&self, rest: &str) -> String {
        format!("{}.{rest}", self.name.value)
    }
}
