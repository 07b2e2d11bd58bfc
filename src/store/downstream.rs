//! Delivered records that ServiceNow still processes: when each is polled next, and what was seen.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Double, Integer, Nullable, Timestamptz};

use super::settle::Settlement;
use super::{Conn, Queue, Store, StoreError, Tx};
use crate::domain::delivery::DownstreamState;
use crate::domain::ids::{DeliveryId, DocumentId};
use crate::domain::next_step::NextStep;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// A record that is due to be polled.
#[derive(Debug, Clone, QueryableByName)]
pub struct DownstreamDue {
    /// Its document.
    #[diesel(sql_type = BigInt)]
    pub document_id: DocumentId,
    /// The line's key; empty for a header.
    #[diesel(sql_type = Text)]
    pub record_key: String,
    /// The delivery that brought it.
    #[diesel(sql_type = BigInt)]
    pub delivery_id: DeliveryId,
    /// The company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The document's key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// The version that arrived.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// The hash of its content.
    #[diesel(sql_type = Binary)]
    pub payload_hash: Vec<u8>,
    /// The row in the target table; may be empty.
    #[diesel(sql_type = Text)]
    pub sys_id: String,
    /// Polls so far.
    #[diesel(sql_type = Integer)]
    pub polls: i32,
    /// How often it was sent again automatically.
    #[diesel(sql_type = Integer)]
    pub replays: i32,
    /// Seconds since its delivery, by the database's clock.
    #[diesel(sql_type = BigInt)]
    pub age: i64,
}

/// The result of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownstreamVerdict {
    /// ServiceNow has not finished: poll again after this many seconds.
    Open(i64),
    /// ServiceNow has finished successfully.
    Done(String),
    /// It failed, in ServiceNow's words; it is sent again after this many seconds, or waits for a person.
    Failed(String, Option<i64>),
    /// The result cannot be known, and it is not polled any more.
    Unknown(String),
}

impl DownstreamVerdict {
    /// The state that it means.
    pub fn state(&self) -> DownstreamState {
        match self {
            Self::Open(_) => DownstreamState::Open,
            Self::Done(_) => DownstreamState::Done,
            Self::Failed(..) => DownstreamState::Failed,
            Self::Unknown(_) => DownstreamState::Unknown,
        }
    }

    fn said(&self) -> Option<&str> {
        match self {
            Self::Open(_) => None,
            Self::Done(said) | Self::Failed(said, _) | Self::Unknown(said) => Some(said),
        }
    }
}

/// Registers delivered records for polling, in the transaction that stores their delivery.
pub(super) fn downstream_begin(conn: &mut Conn, queue: &Queue, arrived: &[(&Settlement, DateTime<Utc>)]) -> Tx<()> {
    if arrived.is_empty() {
        return Ok(());
    }
    prepared(include_str!("sql/downstream_begin.sql"))
        .bind::<Text, _>(&queue.block)
        .bind::<Array<BigInt>, _>(arrived.iter().map(|(one, _)| one.document_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(arrived.iter().map(|(one, _)| one.record_key.as_str()).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(arrived.iter().map(|(one, _)| one.delivery_id).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(arrived.iter().map(|(_, at)| *at).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

impl Store {
    /// Takes records that are due. They are due again after `again` if no result is stored until then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn downstream_take(&self, queue: Queue, limit: i64, again: Duration) -> Result<Vec<DownstreamDue>, StoreError> {
        self.run("take records to be polled", move |conn| {
            Ok(prepared(include_str!("sql/downstream_take.sql"))
                .bind::<Text, _>(&queue.entity)
                .bind::<Text, _>(&queue.block)
                .bind::<BigInt, _>(limit)
                .bind::<Double, _>(again.as_secs_f64())
                .load(conn)?)
        })
        .await
    }

    /// Stores the results of polls in one transaction: the audit, and the records that failed or are queued again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn downstream_settle(
        &self,
        queue: Queue,
        seen: Vec<(DownstreamDue, DownstreamVerdict)>,
        next_step: NextStep,
    ) -> Result<(), StoreError> {
        self.run("store what became of records", move |conn| {
            let next = |verdict: &DownstreamVerdict| if let DownstreamVerdict::Open(seconds) = verdict { Some(*seconds) } else { None };
            let again = |verdict: &DownstreamVerdict| if let DownstreamVerdict::Failed(_, seconds) = verdict { *seconds } else { None };
            prepared(include_str!("sql/downstream_settle.sql"))
                .bind::<Text, _>(&queue.block)
                .bind::<Array<BigInt>, _>(seen.iter().map(|(due, _)| due.document_id).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(seen.iter().map(|(due, _)| due.record_key.as_str()).collect::<Vec<_>>())
                .bind::<Array<BigInt>, _>(seen.iter().map(|(due, _)| due.delivery_id).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(seen.iter().map(|(_, verdict)| verdict.state().as_str()).collect::<Vec<_>>())
                .bind::<Array<Nullable<Text>>, _>(seen.iter().map(|(_, verdict)| verdict.said()).collect::<Vec<_>>())
                .bind::<Array<Nullable<BigInt>>, _>(seen.iter().map(|(_, verdict)| next(verdict)).collect::<Vec<_>>())
                .bind::<Array<Nullable<BigInt>>, _>(seen.iter().map(|(_, verdict)| again(verdict)).collect::<Vec<_>>())
                .bind::<Text, _>(&*next_step.text())
                .bind::<Text, _>(&*NextStep::Retried.text())
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
