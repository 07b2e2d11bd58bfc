//! Work that one process at a time does, over all nodes.

use diesel::prelude::*;
use diesel::r2d2::ManageConnection;
use diesel::sql_query;
use diesel::sql_types::Bool;

use crate::store::connecting::without_url;
use crate::store::{Conn, Store, StoreError};

/// The work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusive {
    /// The comparison after a restore.
    Comparison,
    /// A tie-out.
    TieOut,
}

impl Exclusive {
    /// The advisory lock's number: a word in ASCII.
    fn lock(self) -> i64 {
        match self {
            // "restored"
            Self::Comparison => 0x7265_7374_6f72_6564,
            // "tie-outs"
            Self::TieOut => 0x7469_652d_6f75_7473,
        }
    }
}

/// The right to do such work. A connection of its own holds it, so that the database releases it when the process ends in any way.
pub struct ExclusiveLock(Conn);

#[derive(QueryableByName)]
struct Got {
    #[diesel(sql_type = Bool)]
    got: bool,
}

impl Store {
    /// Takes the work for this process; `None`: another process has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn exclusive(&self, work: Exclusive) -> Result<Option<ExclusiveLock>, StoreError> {
        let what = "take work for one process";
        let apart = self.apart.clone();
        // outside the pool, which may have a single connection
        let task = tokio::task::spawn_blocking(move || {
            let mut conn = apart.connect().map_err(|error| StoreError::Unreachable { problem: without_url(&error.to_string()) })?;
            let asked = format!("SELECT pg_try_advisory_lock({}) AS got", work.lock());
            let said: Got = sql_query(asked).get_result(&mut conn).map_err(|source| StoreError::Failed { what, source })?;
            Ok(said.got.then_some(ExclusiveLock(conn)))
        });
        task.await.map_err(|_| StoreError::Panicked { what })?
    }
}

impl ExclusiveLock {
    /// The lock, if it is still held: the database releases it when the connection is lost.
    pub async fn still_held(mut self) -> Option<Self> {
        let task = tokio::task::spawn_blocking(move || sql_query("SELECT 1").execute(&mut self.0).is_ok().then_some(self));
        task.await.ok().flatten()
    }
}
