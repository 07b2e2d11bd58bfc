//! Answers of actions, kept by the key that the caller gave them.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Binary, Bool, Integer, Nullable};

use super::{Store, StoreError};
use crate::store::text::Text;

/// What is known of an action's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyState {
    /// Nothing: the action is the caller's to do now.
    First,
    /// It is being done.
    InFlight,
    /// It was another action.
    Another,
    /// It was done, and answered so.
    Answered(u16, String),
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bool)]
    same: bool,
    #[diesel(sql_type = Nullable<Integer>)]
    status: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
}

impl Store {
    /// Notes an action under its key; an earlier one that no one answered within two minutes is taken for lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn idempotency_ask(&self, caller: String, key: String, request: Vec<u8>) -> Result<IdempotencyState, StoreError> {
        self.run("note an action's key", move |conn| {
            sql_query(
                "DELETE FROM idempotency WHERE ctid IN (SELECT ctid FROM idempotency WHERE asked_at < now() - interval '24 hours' LIMIT 1000)",
            )
            .execute(conn)?;
            let first = sql_query(
                "INSERT INTO idempotency (caller, key, request) VALUES ($1, $2, $3) ON CONFLICT (caller, key) DO UPDATE SET asked_at = now() \
                 WHERE idempotency.status IS NULL AND idempotency.request = excluded.request \
                 AND idempotency.asked_at < now() - interval '2 minutes'",
            )
            .bind::<Text, _>(&caller)
            .bind::<Text, _>(&key)
            .bind::<Binary, _>(&request)
            .execute(conn)?;
            if first > 0 {
                return Ok(IdempotencyState::First);
            }
            let known: Vec<Known> = sql_query("SELECT request = $3 AS same, status, answer FROM idempotency WHERE caller = $1 AND key = $2")
                .bind::<Text, _>(&caller)
                .bind::<Text, _>(&key)
                .bind::<Binary, _>(&request)
                .load(conn)?;
            Ok(match known.into_iter().next() {
                Some(Known { same: false, .. }) => IdempotencyState::Another,
                Some(Known { status: Some(status), answer, .. }) => {
                    IdempotencyState::Answered(u16::try_from(status).unwrap_or(200), answer.unwrap_or_default())
                }
                _ => IdempotencyState::InFlight,
            })
        })
        .await
    }

    /// Keeps an action's answer; without one the key is free again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn idempotency_answer(&self, caller: String, key: String, answer: Option<(u16, String)>) -> Result<(), StoreError> {
        self.run("keep an action's answer", move |conn| {
            let (status, text) = answer.unzip();
            let sql = match status {
                Some(_) => "UPDATE idempotency SET status = $3, answer = $4 WHERE caller = $1 AND key = $2",
                None => "DELETE FROM idempotency WHERE caller = $1 AND key = $2 AND $3 IS NULL AND $4 IS NULL",
            };
            sql_query(sql)
                .bind::<Text, _>(&caller)
                .bind::<Text, _>(&key)
                .bind::<Nullable<Integer>, _>(status.map(i32::from))
                .bind::<Nullable<Text>, _>(text)
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
