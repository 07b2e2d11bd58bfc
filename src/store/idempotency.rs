//! Answers of actions, stored by the idempotency key of the caller.

use std::time::Duration;

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl as _;
use diesel::upsert::excluded;

use super::schema::idempotency;
use super::time::ago;
use super::{Store, StoreError};
use crate::store::text::text;

/// The state of an action with this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyState {
    /// Unknown key: the caller must do the action now.
    First,
    /// The action is running.
    InFlight,
    /// The key was used for another action.
    Another,
    /// The action is done; holds its answer.
    Answered(u16, String),
}

impl Store {
    /// Stores an action under its key; an earlier one without an answer for two minutes counts as lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn idempotency_ask(&self, caller: String, key: String, request: Vec<u8>) -> Result<IdempotencyState, StoreError> {
        self.run("note an action's key", move |conn| {
            let lost = (idempotency::status.is_null())
                .and(idempotency::request.eq(excluded(idempotency::request)))
                .and(idempotency::asked_at.lt(ago(Duration::from_mins(2))));
            let first = diesel::insert_into(idempotency::table)
                .values((idempotency::caller.eq(text(&caller)), idempotency::key.eq(text(&key)), idempotency::request.eq(&request)))
                .on_conflict((idempotency::caller, idempotency::key))
                .do_update()
                .set(idempotency::asked_at.eq(now))
                .filter(lost)
                .execute(conn)?;
            if first > 0 {
                return Ok(IdempotencyState::First);
            }
            let known: Option<(bool, Option<i32>, Option<String>)> = (idempotency::table.find((text(&caller), text(&key))))
                .select((idempotency::request.eq(&request), idempotency::status, idempotency::answer))
                .get_result(conn)
                .optional()?;
            Ok(match known {
                Some((false, ..)) => IdempotencyState::Another,
                Some((true, Some(status), answer)) => {
                    IdempotencyState::Answered(u16::try_from(status).unwrap_or(200), answer.unwrap_or_default())
                }
                _ => IdempotencyState::InFlight,
            })
        })
        .await
    }

    /// Stores an action's answer; without an answer the key is free again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn idempotency_answer(&self, caller: String, key: String, answer: Option<(u16, String)>) -> Result<(), StoreError> {
        self.run("keep an action's answer", move |conn| {
            let action = idempotency::table.find((text(&caller), text(&key)));
            match answer {
                Some((status, answer)) => diesel::update(action)
                    .set((idempotency::status.eq(Some(i32::from(status))), idempotency::answer.eq(Some(answer))))
                    .execute(conn)?,
                None => diesel::delete(action).execute(conn)?,
            };
            Ok(())
        })
        .await
    }
}
