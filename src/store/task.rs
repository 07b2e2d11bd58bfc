//! Tasks in ServiceNow: what needs one, what ServiceNow has of it, and what is due.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Double, Nullable, Timestamptz};
use serde::Serialize;
use serde_json::json;

use super::audit::{NewAudit, audit_append};
use super::clock;
use super::failure::with_cause;
use super::schema::task;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::TaskId;
use crate::domain::task::{Need, TaskKind, TaskState};
use crate::store::text::{Text, text};

/// A task.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = task, check_for_backend(Pg))]
#[schema(as = Task)]
pub struct TaskRow {
    /// Its number, ascending.
    #[schema(value_type = i64)]
    pub id: TaskId,
    /// What it stands for.
    pub kind: TaskKind,
    /// The same by its name.
    pub subject: String,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The record; null: several.
    pub key: Option<String>,
    /// The cause: of failures its name, of differences its word.
    pub cause: Option<String>,
    /// How many records or differences.
    pub records: i64,
    /// The short description.
    pub title: String,
    /// The description.
    pub description: String,
    /// A hash of both.
    #[serde(skip)]
    #[schema(ignore)]
    pub content: String,
    /// Since when Tieline knows of it.
    pub opened_at: DateTime<Utc>,
    /// Since when it is resolved; null: it is not.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: TaskState,
    /// What its row in ServiceNow is found by.
    pub correlation: String,
    /// The row in ServiceNow; null: none is known.
    pub sys_id: Option<String>,
    /// Its number there.
    pub number: Option<String>,
    /// Attempts since the last one that succeeded.
    pub tries: i32,
    /// When it is tried again, if anything is due.
    pub next_at: DateTime<Utc>,
    /// A node works on it until then.
    #[serde(skip)]
    #[schema(ignore)]
    pub taken_until: Option<DateTime<Utc>>,
    /// The error of the last attempt; null: it succeeded.
    pub error: Option<String>,
    /// When it failed.
    pub failed_at: Option<DateTime<Utc>>,
}

/// Which tasks to list.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Only this state.
    pub state: Option<TaskState>,
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Resolved ones, too.
    pub resolved: bool,
    /// Before this number, for paging.
    pub before: Option<TaskId>,
    /// At most this number.
    pub limit: i64,
}

/// Which needs become tasks.
#[derive(Debug, Clone)]
pub struct TaskRules {
    /// With more than this number of records for one cause, the cause is one task.
    pub together_above: i64,
    /// The most open tasks.
    pub most: i64,
    /// The address of the console, with a slash at its end.
    pub console: Option<String>,
}

/// What came of comparing needs with tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TasksCollected {
    /// Needs without a task, because too many tasks are open.
    pub left_out: i64,
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskResult {
    /// ServiceNow has it, with these texts.
    Written {
        /// The row.
        sys_id: String,
        /// Its number there.
        number: Option<String>,
        /// Whether the ledger did not know the row.
        created: bool,
    },
    /// It is closed in ServiceNow.
    Closed {
        /// The row and its number there; `None`: there is no row.
        there: Option<(String, Option<String>)>,
    },
    /// ServiceNow has it without its name, by which it would be found: it gets the name later, and until then no other task is created.
    Unnamed {
        /// The row.
        sys_id: String,
        /// Its number there.
        number: Option<String>,
        /// What is wrong.
        error: String,
        /// It is tried again after this time.
        wait: Duration,
    },
    /// Its row was deleted or is hidden.
    Missing,
    /// It is tried again after this time.
    Failed(String, Duration),
}

/// What was seen of the row of an open task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskSeen {
    /// It is open.
    Open,
    /// It is closed.
    Closed,
    /// It was deleted or is hidden.
    Missing,
}

/// How many tasks are in which state, for doctor and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Open ones, by state.
    pub states: Vec<(TaskState, i64)>,
    /// Those whose last attempt failed.
    pub failing: i64,
    /// The error of the last one of them.
    pub error: Option<String>,
}

#[derive(QueryableByName)]
struct NeedRow {
    #[diesel(sql_type = Text)]
    kind: TaskKind,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    company: String,
    #[diesel(sql_type = Text)]
    entity: String,
    #[diesel(sql_type = Nullable<Text>)]
    key: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    cause: Option<String>,
    #[diesel(sql_type = BigInt)]
    records: i64,
    #[diesel(sql_type = Nullable<Text>)]
    message: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    next_step: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    keys: Vec<String>,
    #[diesel(sql_type = Timestamptz)]
    since: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    needed: i64,
}

impl From<NeedRow> for Need {
    fn from(row: NeedRow) -> Self {
        let NeedRow { kind, subject, company, entity, key, cause, records, message, next_step, reason, keys, since, .. } = row;
        Self { kind, subject, company, entity, key, cause, records, message, next_step, reason, keys, since }
    }
}

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Text)]
    state: TaskState,
    #[diesel(sql_type = BigInt)]
    tasks: i64,
    #[diesel(sql_type = BigInt)]
    failing: i64,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
}

#[derive(QueryableByName)]
struct SeenRow {
    #[diesel(sql_type = BigInt)]
    id: TaskId,
    #[diesel(sql_type = Text)]
    sys_id: String,
}

fn event(row: &TaskRow, action: &str) -> NewAudit {
    let mut event = NewAudit::of(AuditKind::Task).detail(&json!({
        "action": action, "task": row.id, "name": row.subject, "records": row.records, "text": row.title, "number": row.number,
        "sys_id": row.sys_id, "state": row.state, "message": row.error,
    }));
    (event.company, event.entity) = (Some(row.company.clone()), Some(row.entity.clone()));
    event
}

pub(super) fn events(conn: &mut Conn, rows: &[TaskRow], action: &str) -> Tx<()> {
    audit_append(conn, &rows.iter().map(|row| event(row, action)).collect::<Vec<_>>())
}

/// How many days tasks stay listed that nothing is left to do for. The audit keeps what became of them.
const KEPT_DAYS: u32 = 90;

/// The columns of a [`TaskRow`].
pub(super) const COLUMNS: &str = "id, kind, subject, company, entity, key, cause, records, title, description, content, opened_at, resolved_at, state, \
                       correlation, sys_id, number, tries, next_at, taken_until, error, failed_at";

fn collect(conn: &mut Conn, rules: &TaskRules) -> Tx<TasksCollected> {
    // one at a time: two would open a task for the same thing
    sql_query("LOCK TABLE task IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
    let rows: Vec<NeedRow> = sql_query(with_cause(include_str!("sql/task_wanted.sql")))
        .bind::<BigInt, _>(rules.together_above)
        .bind::<BigInt, _>(rules.most)
        .load(conn)?;
    let left_out = rows.first().map_or(0, |row| row.needed) - rows.len() as i64;
    let began = clock::now(conn)?;
    let needs: Vec<Need> = rows.into_iter().map(Need::from).collect();
    let texts: Vec<_> = needs.iter().map(|need| need.text(rules.console.as_deref())).collect();
    let subjects: Vec<&str> = needs.iter().map(|need| need.subject.as_str()).collect();
    // what was never sent needs no row that is closed
    let resolved: Vec<TaskRow> = sql_query(format!(
        // an attempt whose answer was lost may still be under way: its wait goes on
        "UPDATE task t SET resolved_at = now(), next_at = CASE WHEN sys_id IS NULL AND tries > 0 THEN greatest(next_at, now()) ELSE now() END, \
             state = CASE WHEN sys_id IS NULL AND tries = 0 THEN 'closed' ELSE 'resolving' END \
         WHERE resolved_at IS NULL AND NOT subject = ANY($1) \
           AND NOT (t.kind = $2 AND EXISTS ( \
               SELECT FROM document d JOIN undelivered u ON u.document_id = d.id \
               WHERE d.company = t.company AND d.entity = t.entity AND d.key = t.key AND u.own_state <> $3)) \
         RETURNING {COLUMNS}"
    ))
    .bind::<Array<Text>, _>(&subjects)
    .bind::<Text, _>(TaskKind::Record.as_str())
    .bind::<Text, _>(DeliveryState::Failed.as_str())
    .load(conn)?;
    sql_query(
        "UPDATE task t SET records = w.records, title = w.title, description = w.description, content = w.content, cause = w.cause \
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[]) AS w (subject, records, title, description, content, cause) \
         WHERE t.resolved_at IS NULL AND t.subject = w.subject AND t.content <> w.content",
    )
    .bind::<Array<Text>, _>(&subjects)
    .bind::<Array<BigInt>, _>(needs.iter().map(|need| need.records).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts.iter().map(|text| text.title.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts.iter().map(|text| text.description.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts.iter().map(|text| text.content.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(needs.iter().map(|need| need.cause.as_deref()).collect::<Vec<_>>())
    .execute(conn)?;
    let opened: Vec<TaskRow> = sql_query(format!(
        "INSERT INTO task (kind, subject, company, entity, key, cause, records, title, description, content, correlation) \
         SELECT w.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[]) \
             AS w (kind, subject, company, entity, key, cause, records, title, description, content, correlation) \
         WHERE NOT EXISTS (SELECT FROM task t WHERE t.subject = w.subject AND t.resolved_at IS NULL) RETURNING {COLUMNS}"
    ))
    .bind::<Array<Text>, _>(needs.iter().map(|need| need.kind.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(&subjects)
    .bind::<Array<Text>, _>(needs.iter().map(|need| need.company.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(needs.iter().map(|need| need.entity.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(needs.iter().map(|need| need.key.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(needs.iter().map(|need| need.cause.as_deref()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(needs.iter().map(|need| need.records).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts.iter().map(|text| text.title.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts.iter().map(|text| text.description.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts.iter().map(|text| text.content.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(needs.iter().map(|need| need.correlation(began)).collect::<Vec<_>>())
    .load(conn)?;
    sql_query(format!("DELETE FROM task WHERE state = 'closed' AND resolved_at < now() - interval '{KEPT_DAYS} days'")).execute(conn)?;
    events(conn, &resolved, "task resolved")?;
    events(conn, &opened, "task needed")?;
    Ok(TasksCollected { left_out })
}

impl Store {
    /// Compares what needs a task with the tasks: opens and resolves them here, and notes new texts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_collect(&self, rules: TaskRules) -> Result<TasksCollected, StoreError> {
        self.run("find what needs a task", move |conn| collect(conn, &rules)).await
    }

    /// Takes the next task with something to do, for this time. The texts of a task that is open in ServiceNow change at most once in
    /// `texts_every`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_take(&self, lease: Duration, texts_every: Duration) -> Result<Option<TaskRow>, StoreError> {
        self.run("take a task", move |conn| {
            let rows: Vec<TaskRow> = sql_query(format!(
                "UPDATE task SET taken_until = clock_timestamp() + make_interval(secs => $1), tries = tries + 1 \
                 WHERE id = (SELECT id FROM task \
                             WHERE next_at <= now() AND (taken_until IS NULL OR taken_until <= now()) \
                               AND (state = 'resolving' \
                                    OR (state = 'due' AND NOT EXISTS (SELECT FROM task u WHERE u.sent = '' AND u.state IN ('open', 'resolving'))) \
                                    OR (state = 'open' AND content <> sent AND sent_at <= now() - make_interval(secs => $2))) \
                             ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) \
                 RETURNING {COLUMNS}"
            ))
            .bind::<Double, _>(lease.as_secs_f64())
            .bind::<Double, _>(texts_every.as_secs_f64())
            .load(conn)?;
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// Takes open tasks whose rows were last seen longer ago than `every`: their numbers and their rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_to_check(&self, every: Duration, limit: i64) -> Result<Vec<(TaskId, String)>, StoreError> {
        self.run("take tasks to look at", move |conn| {
            let rows: Vec<SeenRow> = sql_query(
                "UPDATE task SET checked_at = now() \
                 WHERE id IN (SELECT id FROM task WHERE resolved_at IS NULL AND sys_id IS NOT NULL AND state IN ('open', 'closed_there', 'missing') \
                                AND (checked_at IS NULL OR checked_at <= now() - make_interval(secs => $1)) \
                              ORDER BY checked_at NULLS FIRST LIMIT $2 FOR UPDATE SKIP LOCKED) \
                 RETURNING id, sys_id",
            )
            .bind::<Double, _>(every.as_secs_f64())
            .bind::<BigInt, _>(limit)
            .load(conn)?;
            Ok(rows.into_iter().map(|row| (row.id, row.sys_id)).collect())
        })
        .await
    }

    /// Stores what was seen of the rows of open tasks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_seen(&self, seen: Vec<(TaskId, TaskSeen)>) -> Result<(), StoreError> {
        self.run("store what was seen of tasks", move |conn| {
            for (what, state, action) in [
                (TaskSeen::Open, TaskState::Open, "task opened there"),
                (TaskSeen::Closed, TaskState::ClosedThere, "task closed there"),
                (TaskSeen::Missing, TaskState::Missing, "task missing there"),
            ] {
                let ids: Vec<TaskId> = seen.iter().filter(|(_, seen)| *seen == what).map(|(id, _)| *id).collect();
                // a task that is worked on is judged by that work
                let rows: Vec<TaskRow> = sql_query(format!(
                    "UPDATE task SET state = $2 WHERE id = ANY($1) AND state <> $2 AND resolved_at IS NULL AND taken_until IS NULL RETURNING {COLUMNS}"
                ))
                .bind::<Array<BigInt>, _>(ids)
                .bind::<Text, _>(state.as_str())
                .load(conn)?;
                events(conn, &rows, action)?;
            }
            Ok(())
        })
        .await
    }

    /// Tasks, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_list(&self, filter: TaskFilter) -> Result<Vec<TaskRow>, StoreError> {
        self.run("list tasks", move |conn| {
            let mut rows = task::table.order(task::id.desc()).limit(filter.limit).select(TaskRow::as_select()).into_boxed::<Pg>();
            if let Some(state) = filter.state {
                rows = rows.filter(task::state.eq(text(state.as_str())));
            } else if !filter.resolved {
                rows = rows.filter(task::resolved_at.is_null().or(task::state.eq(text(TaskState::Resolving.as_str()))));
            }
            if let Some(company) = &filter.company {
                rows = rows.filter(task::company.eq(text(company)));
            }
            if let Some(entity) = &filter.entity {
                rows = rows.filter(task::entity.eq(text(entity)));
            }
            if let Some(before) = filter.before {
                rows = rows.filter(task::id.lt(before));
            }
            Ok(rows.load(conn)?)
        })
        .await
    }

    /// How many tasks that are not done are in which state, and how many fail.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_counts(&self) -> Result<TaskCounts, StoreError> {
        self.run("count tasks", move |conn| {
            // old tasks are not read, whatever the server believes of their number
            sql_query("SET LOCAL enable_seqscan = off").execute(conn)?;
            let rows: Vec<StateRow> = sql_query(
                "SELECT state, count(*) AS tasks, count(error) AS failing, (array_agg(error ORDER BY failed_at DESC) FILTER (WHERE error IS NOT NULL))[1] AS error \
                 FROM task WHERE state <> 'closed' GROUP BY state ORDER BY state",
            )
            .load(conn)?;
            Ok(TaskCounts {
                failing: rows.iter().map(|row| row.failing).sum(),
                error: rows.iter().find_map(|row| row.error.clone()),
                states: rows.into_iter().map(|row| (row.state, row.tasks)).collect(),
            })
        })
        .await
    }
}
