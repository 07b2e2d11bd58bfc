//! What became of an attempt to write a task into ServiceNow.

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Double, Nullable};

use super::schema::task;
use super::task::{COLUMNS, TaskResult, TaskRow, events};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::ids::TaskId;
use crate::domain::task::TaskState;
use crate::store::text::{Text, text};

impl Store {
    /// Stores the result of an attempt, unless another node has taken the task since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_settle(&self, taken: TaskRow, result: TaskResult) -> Result<(), StoreError> {
        self.run("store what became of a task", move |conn| {
            let mine = task::table.filter(task::id.eq(taken.id).and(task::taken_until.is_not_distinct_from(taken.taken_until)));
            let before: Option<TaskRow> = mine.select(TaskRow::as_select()).for_update().first(conn).optional()?;
            let Some(before) = before else { return Ok(()) };
            let resolved = before.resolved_at.is_some();
            let (state, action) = match &result {
                TaskResult::Written { created, .. } => {
                    let state = if resolved { TaskState::Resolving } else { TaskState::Open };
                    (state, Some(if *created { "task created" } else { "task updated" }))
                }
                TaskResult::Closed { .. } if resolved => (TaskState::Closed, Some("task closed")),
                TaskResult::Closed { .. } => (TaskState::ClosedThere, Some("task closed there")),
                TaskResult::Missing if resolved => (TaskState::Closed, Some("task closed")),
                TaskResult::Missing => (TaskState::Missing, Some("task missing there")),
                TaskResult::Unnamed { .. } => {
                    let state = if resolved { TaskState::Resolving } else { TaskState::Open };
                    (state, before.error.is_none().then_some("task without a name"))
                }
                // an error that lasts is one event
                TaskResult::Failed(..) => (before.state, before.error.is_none().then_some("task failed")),
            };
            let row: TaskRow = match &result {
                TaskResult::Written { sys_id, number, .. } => {
                    let known = (task::sys_id.eq(Some(text(sys_id))), task::number.eq(number.as_deref().map(text)));
                    let sent = (task::sent.eq(Some(text(&taken.content))), task::sent_at.eq(now), task::checked_at.eq(now));
                    settled(conn, taken.id, state)?;
                    diesel::update(task::table.find(taken.id)).set((known, sent)).returning(TaskRow::as_select()).get_result(conn)?
                }
                TaskResult::Closed { there: Some((sys_id, number)) } => {
                    let number = number.as_ref().or(before.number.as_ref());
                    let known = (task::sys_id.eq(Some(text(sys_id))), task::number.eq(number.map(|number| text(number))));
                    settled(conn, taken.id, state)?;
                    diesel::update(task::table.find(taken.id)).set(known).returning(TaskRow::as_select()).get_result(conn)?
                }
                TaskResult::Closed { there: None } | TaskResult::Missing => settled(conn, taken.id, state)?,
                // no texts were ever sent with a name: they are sent again
                TaskResult::Unnamed { sys_id, number, error, wait } => sql_query(format!(
                    "UPDATE task SET taken_until = NULL, error = $2, failed_at = now(), next_at = now() + make_interval(secs => $3), sys_id = $4, \
                     number = $5, state = $6, sent = '', sent_at = '-infinity' WHERE id = $1 RETURNING {COLUMNS}"
                ))
                .bind::<BigInt, _>(taken.id)
                .bind::<Text, _>(error)
                .bind::<Double, _>(wait.as_secs_f64())
                .bind::<Text, _>(sys_id)
                .bind::<Nullable<Text>, _>(number.as_deref())
                .bind::<Text, _>(state.as_str())
                .get_result(conn)?,
                TaskResult::Failed(error, wait) => sql_query(format!(
                    "UPDATE task SET taken_until = NULL, error = $2, failed_at = now(), next_at = now() + make_interval(secs => $3) \
                     WHERE id = $1 RETURNING {COLUMNS}"
                ))
                .bind::<BigInt, _>(taken.id)
                .bind::<Text, _>(error)
                .bind::<Double, _>(wait.as_secs_f64())
                .get_result(conn)?,
            };
            action.map_or(Ok(()), |action| events(conn, &[row], action))
        })
        .await
    }
}

/// An attempt succeeded, and the task stands here now.
fn settled(conn: &mut Conn, id: TaskId, state: TaskState) -> Tx<TaskRow> {
    Ok(sql_query(format!(
        "UPDATE task SET taken_until = NULL, error = NULL, failed_at = NULL, tries = 0, next_at = now(), state = $2 WHERE id = $1 RETURNING {COLUMNS}"
    ))
    .bind::<BigInt, _>(id)
    .bind::<Text, _>(state.as_str())
    .get_result(conn)?)
}
