//! A seal of the audit: what verifying, retention and the archive read of it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};

use super::archive::SealHash;
use crate::store::text::Text;

/// A seal, as the ledger stores it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct SealRow {
    #[diesel(sql_type = BigInt)]
    pub(super) id: i64,
    /// Audit rows that it covers.
    #[diesel(sql_type = BigInt)]
    pub(super) rows: i64,
    /// The hash of the seal before it.
    #[diesel(sql_type = Binary)]
    pub(super) previous: Vec<u8>,
    #[diesel(sql_type = Binary)]
    pub(super) hash: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) mark: Option<String>,
}

impl SealRow {
    /// The start of its hash, before its first event.
    pub(super) fn recomputing(&self) -> SealHash {
        SealHash::new(&self.previous, self.mark.as_deref())
    }
}
