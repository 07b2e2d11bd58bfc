//! Retention: deletes what is older than `[retention]` allows and what nothing needs any more.
//!
//! A table is walked in ranges of blocks, one transaction each, so that a step costs the same whatever the size of the table, and needs no
//! index. Each step that removes something is an event of the audit. Events themselves go by whole seals, the oldest first; the seal stays.

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Nullable};
use serde::Serialize;
use serde_json::json;

use super::archive::{Archive, EventFile};
use super::audit::{NewAudit, audit_append};
use super::schema::audit_seal;
use super::seal::{COLUMNS, SealRow};
use super::verify::{LeafRow, agrees};
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::retention::{Kept, KeptTable};
use crate::evidence::leaf::leaf_line;
use crate::evidence::merkle::leaf_hash;
use crate::store::text::{Text, text};

/// Taken by each step: a pass and a command take turns.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7594890411331347047)";
/// The most rows that one step removes.
const ROWS: i64 = 2000;
/// The most seals of one step, and the number of audit rows at which a step takes no further seal.
const SEALS: i64 = 200;
const SEALED_ROWS: i64 = 20_000;
/// Events that are read at once: each has up to 1,000 records.
const EVENTS: usize = 100;
/// For a step over events. A seal is removed as a whole, and it may cover any number of events: everything before an upgrade, for example.
const NO_LIMITS: &str = "SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)";

/// What a walk over a table removes, and for how long its rows are kept.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The table; not [`KeptTable::Event`].
    pub table: KeptTable,
    /// How long its rows are kept.
    pub kept: Kept,
    /// How long versions are kept: a delivery stays with its version.
    pub versions: Kept,
    /// Who asked for it.
    pub actor: String,
    /// Where the rows are written first.
    pub archive: Option<Archive>,
}

/// The result of one step of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedRows {
    /// Rows that were removed, or would be.
    pub rows: i64,
    /// Where the next step begins; `None`: this was the last one.
    pub next: Option<i64>,
}

/// The result of one step over the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedEvents {
    /// Audit rows in the events that were removed, or would be.
    pub rows: i64,
    /// Their seals; 0: none is old enough.
    pub seals: i64,
}

/// The size of the ledger.
#[derive(Debug, Clone, QueryableByName, Serialize)]
pub struct LedgerSize {
    /// Bytes on disk.
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
    /// Bytes by which it grew within a day, negative if it shrank; `None` while there is no sample of a day ago.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub growth: Option<i64>,
    /// The first number as text.
    #[serde(skip)]
    #[diesel(sql_type = Text)]
    pub shown: String,
    /// The second number as text.
    #[serde(skip)]
    #[diesel(sql_type = Nullable<Text>)]
    pub shown_growth: Option<String>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct OldSeal {
    #[diesel(embed)]
    stored: SealRow,
    #[diesel(sql_type = Bool)]
    old: bool,
}

/// How the rows of a table are found: the table whose blocks are walked, how many of them in a step, and the rows that may go. `{blocks}`
/// stands for the range, `$3` for the time that rows are kept.
struct Plan {
    walked: &'static str,
    step: i64,
    chosen: &'static str,
    /// Further rows that go with them, as a part of a `WITH`; `gone` has the removed rows.
    also: &'static str,
}

fn plan(table: KeptTable) -> Plan {
    let (walked, step, chosen) = match table {
        KeptTable::Version => ("document", 64, include_str!("sql/retention_version.sql")),
        KeptTable::Delivery => ("delivery", 128, include_str!("sql/retention_delivery.sql")),
        KeptTable::Downstream => (
            "downstream",
            256,
            "SELECT d.ctid FROM downstream d WHERE {blocks} AND d.state <> 'open' AND d.ended_at < now() - $3::text::interval \
             AND (SELECT 1 FROM undelivered p WHERE p.document_id = d.document_id LIMIT 1) IS NULL",
        ),
        KeptTable::Conflict => (
            "conflict",
            256,
            "SELECT d.ctid FROM conflict d WHERE {blocks} AND d.state = 'closed' AND d.closed_at < now() - $3::text::interval",
        ),
        KeptTable::Backfill => (
            "backfill",
            256,
            "SELECT d.ctid FROM backfill d WHERE {blocks} AND d.state <> 'open' AND d.ended_at < now() - $3::text::interval",
        ),
        KeptTable::Run => ("run", 256, include_str!("sql/retention_run.sql")),
        KeptTable::Notice => ("notice", 256, "SELECT d.ctid FROM notice d WHERE {blocks} AND d.found_at < now() - $3::text::interval"),
        KeptTable::Idempotency => {
            ("idempotency", 256, "SELECT d.ctid FROM idempotency d WHERE {blocks} AND d.asked_at < now() - $3::text::interval")
        }
        // a session ends after an hour without use
        KeptTable::ConsoleSession => (
            "console_session",
            256,
            "SELECT d.ctid FROM console_session d \
             WHERE {blocks} AND least(d.expires_at, d.used_at + interval '1 hour') < now() - $3::text::interval",
        ),
        KeptTable::Node => {
            ("node", 256, "SELECT d.ctid FROM node d WHERE {blocks} AND d.seen_at < now() - $3::text::interval AND d.paused_until < now()")
        }
        KeptTable::Event => ("event", 256, "SELECT d.ctid FROM event d WHERE {blocks} AND false AND $3::text IS NULL"),
    };
    let also = match table {
        KeptTable::Notice => {
            ", deliveries AS (DELETE FROM notice_delivery n USING gone WHERE n.notice_id = gone.id), \
             messages AS (DELETE FROM notice_message WHERE sent_at < now() - $3::text::interval)"
        }
        KeptTable::Run => ", counts AS (DELETE FROM run_count c USING gone WHERE c.run_id = gone.id)",
        _ => "",
    };
    Plan { walked, step, chosen, also }
}

/// The query for the rows of a step.
fn chosen(plan: &Plan) -> String {
    const MAY_GO: &str = include_str!("sql/version_may_go.sql");
    let stays = include_str!("sql/version_stays.sql")
        .replace("{version_may_go}", &MAY_GO.replace("d.version", "o.version").replace("d.id", "o.id"));
    plan.chosen
        .replace("{blocks}", "d.ctid >= ('(' || $1::bigint || ',0)')::tid AND d.ctid < ('(' || $2::bigint || ',0)')::tid")
        .replace("{version_may_go}", &format!("(\n{MAY_GO}\n)"))
        .replace("{version_stays}", &stays)
}

/// Blocks of the table that a walk reads.
fn blocks(conn: &mut Conn, plan: &Plan) -> Tx<i64> {
    let sql = format!("SELECT pg_relation_size('{}') / current_setting('block_size')::bigint AS rows", plan.walked);
    let count: Count = sql_query(sql).get_result(conn)?;
    Ok(count.rows)
}

/// Deletes the rows of a step; answers with their number and the name of the file that has them.
fn delete(conn: &mut Conn, walk: &Walk, plan: &Plan, from: i64) -> Tx<(i64, Option<String>)> {
    let table = walk.table;
    let with =
        format!("WITH gone AS (DELETE FROM {table} WHERE ctid = ANY (ARRAY({} LIMIT {ROWS})) RETURNING *){}", chosen(plan), plan.also);
    let archive = walk.archive.as_ref().filter(|_| table.is_archived());
    let (what, kept, versions) = match archive {
        Some(_) => ("row_to_json(gone)::text AS line", walk.kept.interval(), walk.versions.interval()),
        None => ("count(*) AS rows", walk.kept.interval(), walk.versions.interval()),
    };
    // the last parameter counts only for versions and deliveries, and each statement must use all of its parameters
    let query = sql_query(format!("{with} SELECT {what} FROM gone WHERE $4::text IS NULL OR true"))
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(from + plan.step)
        .bind::<Nullable<Text>, _>(kept)
        .bind::<Nullable<Text>, _>(versions);
    match archive {
        Some(archive) => {
            let lines: Vec<Line> = query.load(conn)?;
            if lines.is_empty() {
                return Ok((0, None));
            }
            let lines: Vec<String> = lines.into_iter().map(|line| line.line).collect();
            Ok((lines.len() as i64, Some(archive.append(table, &lines)?)))
        }
        None => {
            let count: Count = query.get_result(conn)?;
            Ok((count.rows, None))
        }
    }
}

/// The oldest seals whose events are still there and may go.
fn old_seals(conn: &mut Conn, kept: &str) -> Tx<Vec<OldSeal>> {
    let seals: Vec<OldSeal> = sql_query(include_str!("sql/seals_old.sql").replace("{columns}", COLUMNS))
        .bind::<Text, _>(kept)
        .bind::<BigInt, _>(SEALS)
        .load(conn)?;
    let mut rows = 0;
    let chosen = seals.into_iter().take_while(|seal| {
        let room = rows < SEALED_ROWS;
        rows += seal.stored.rows;
        seal.old && room
    });
    Ok(chosen.collect())
}

/// Recomputes a seal from its leaves, and writes them into the file. Answers with their number.
fn check_sealed(conn: &mut Conn, row: &OldSeal, mut file: Option<&mut EventFile>) -> Tx<usize> {
    let broken = || StoreError::BrokenSeal { seal: row.stored.id };
    let seal = row.stored.seal().filter(|seal| seal.hash().as_slice() == row.stored.hash).ok_or_else(broken)?;
    let mut tree = row.stored.tree_before().ok_or_else(broken)?;
    if let Some(file) = &mut file {
        file.line(seal.text().as_bytes())?;
    }
    // one query for the whole seal
    sql_query(format!("DECLARE sealed NO SCROLL CURSOR FOR {}", include_str!("sql/leaf_page.sql")))
        .bind::<BigInt, _>(seal.first_leaf - 1)
        .bind::<BigInt, _>(seal.last_leaf)
        .bind::<BigInt, _>(i64::MAX)
        .execute(conn)?;
    let mut leaves = 0;
    loop {
        let page: Vec<LeafRow> = sql_query(format!("FETCH {EVENTS} FROM sealed")).load(conn)?;
        for leaf in &page {
            if !agrees(leaf) {
                return Err(broken().into());
            }
            let line = leaf_line(leaf.leaf, leaf.line.as_deref().unwrap_or_default());
            tree.push(leaf_hash(line.as_bytes()));
            if let Some(file) = &mut file {
                file.line(line.as_bytes())?;
            }
        }
        leaves += page.len();
        if page.len() < EVENTS {
            break;
        }
    }
    sql_query("CLOSE sealed").execute(conn)?;
    if tree != seal.tree {
        return Err(broken().into());
    }
    Ok(leaves)
}

/// Deletes the events of a seal; there must be as many as were checked.
fn delete_sealed(conn: &mut Conn, row: &OldSeal, leaves: usize) -> Tx<()> {
    let range = "BETWEEN $1 AND $2";
    for sql in [
        format!("DELETE FROM event e USING audit_leaf l WHERE l.event_id = e.id AND l.leaf {range}"),
        format!("DELETE FROM audit_leaf WHERE leaf {range}"),
    ] {
        let deleted = sql_query(sql)
            .bind::<BigInt, _>(row.stored.first_leaf.unwrap_or_default())
            .bind::<BigInt, _>(row.stored.last_leaf.unwrap_or_default())
            .execute(conn)?;
        if deleted != leaves {
            return Err(StoreError::BrokenSeal { seal: row.stored.id }.into());
        }
    }
    Ok(())
}

impl Store {
    /// One step of a walk, from a block on: removes the rows that may go, in the transaction of their event.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of this step was removed.
    pub async fn retention_remove(&self, walk: Walk, from: i64) -> Result<RemovedRows, StoreError> {
        if walk.kept == Kept::Forever {
            return Ok(RemovedRows { rows: 0, next: None });
        }
        self.run("remove what is old", move |conn| {
            sql_query(LOCK).execute(conn)?;
            let plan = plan(walk.table);
            let (rows, file) = delete(conn, &walk, &plan, from)?;
            if rows > 0 {
                let mut event = NewAudit::of(AuditKind::Retention).detail(&json!({
                    "table": walk.table, "rows": rows, "older_than": walk.kept.to_string(), "archive": file,
                }));
                event.actor = walk.actor;
                audit_append(conn, &[event])?;
            }
            // a full step may have left some
            let next = if rows < ROWS { from + plan.step } else { from };
            Ok(RemovedRows { rows, next: (next < blocks(conn, &plan)?).then_some(next) })
        })
        .await
    }

    /// The same step, but only counts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retention_count(&self, walk: Walk, from: i64) -> Result<RemovedRows, StoreError> {
        if walk.kept == Kept::Forever {
            return Ok(RemovedRows { rows: 0, next: None });
        }
        self.run("count what is old", move |conn| {
            let plan = plan(walk.table);
            let count: Count =
                sql_query(format!("SELECT count(*) AS rows FROM ({}) AS chosen WHERE $4::text IS NULL OR true", chosen(&plan)))
                    .bind::<BigInt, _>(from)
                    .bind::<BigInt, _>(from + plan.step)
                    .bind::<Nullable<Text>, _>(walk.kept.interval())
                    .bind::<Nullable<Text>, _>(walk.versions.interval())
                    .get_result(conn)?;
            let next = from + plan.step;
            Ok(RemovedRows { rows: count.rows, next: (next < blocks(conn, &plan)?).then_some(next) })
        })
        .await
    }

    /// Removes the events of the oldest seals, if they are old enough. The seals stay.
    ///
    /// # Errors
    /// [`StoreError::BrokenSeal`] when a seal does not match its events; then, and after any other error, nothing of this step was removed.
    pub async fn retention_remove_events(&self, kept: Kept, actor: String, archive: Option<Archive>) -> Result<RemovedEvents, StoreError> {
        let none = RemovedEvents { rows: 0, seals: 0 };
        let Some(interval) = kept.interval() else { return Ok(none) };
        self.without_time_limit()
            .run("remove old events", move |conn| {
                sql_query(LOCK).execute(conn)?;
                sql_query(NO_LIMITS).execute(conn)?;
                let seals = old_seals(conn, &interval)?;
                let (Some(first), Some(last)) = (seals.first(), seals.last()) else { return Ok(none) };
                let mut file = archive.map(|archive| archive.events(first.stored.id, last.stored.id)).transpose()?;
                // reading takes no number of a transaction, and from the first deletion on no younger transaction can be sealed: so what takes
                // long is done before it
                let events = seals.iter().map(|seal| check_sealed(conn, seal, file.as_mut())).collect::<Tx<Vec<_>>>()?;
                let (name, sha256) = file.map(EventFile::end).transpose()?.unzip();
                for (seal, events) in seals.iter().zip(events) {
                    delete_sealed(conn, seal, events)?;
                }
                let removed = audit_seal::id.eq_any(seals.iter().map(|seal| seal.stored.id).collect::<Vec<_>>());
                diesel::update(audit_seal::table.filter(removed))
                    .set((
                        audit_seal::removed_at.eq(now),
                        audit_seal::archive.eq(name.as_deref().map(text)),
                        audit_seal::archive_sha256.eq(&sha256),
                    ))
                    .execute(conn)?;
                let rows = seals.iter().map(|seal| seal.stored.rows).sum();
                // `audit verify` accepts removed events up to the last seal of the newest such event
                let mut event = NewAudit::of(AuditKind::Retention).detail(&json!({
                    "table": KeptTable::Event, "rows": rows, "older_than": kept.to_string(),
                    "seals": { "first": first.stored.id, "last": last.stored.id, "hash": hex::encode(&last.stored.hash) },
                    "archive": name, "sha256": sha256.map(hex::encode),
                }));
                event.actor = actor;
                audit_append(conn, &[event])?;
                Ok(RemovedEvents { rows, seals: seals.len() as i64 })
            })
            .await
    }

    /// How many audit rows [`Store::retention_remove_events`] would remove in all its steps.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retention_count_events(&self, kept: Kept) -> Result<i64, StoreError> {
        let Some(interval) = kept.interval() else { return Ok(0) };
        self.run("count what is old", move |conn| {
            let count: Count = sql_query(
                "SELECT coalesce(sum(rows), 0)::bigint AS rows FROM audit_seal WHERE removed_at IS NULL \
                 AND day < ((now() - $1::text::interval) AT TIME ZONE 'UTC')::date AND id < (SELECT max(id) FROM audit_seal)",
            )
            .bind::<Text, _>(interval)
            .get_result(conn)?;
            Ok(count.rows)
        })
        .await
    }

    /// Stores the size of the database for today, once for all nodes; true for the one that did it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ledger_day_begin(&self) -> Result<bool, StoreError> {
        self.run("begin a day of the ledger", |conn| {
            let begun = sql_query(
                "WITH old AS (DELETE FROM ledger_day WHERE day < current_date - 400) \
                 INSERT INTO ledger_day (day, bytes) VALUES (current_date, pg_database_size(current_database())) ON CONFLICT (day) DO NOTHING",
            )
            .execute(conn)?;
            Ok(begun > 0)
        })
        .await
    }

    /// The size of the ledger now, and its growth within a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ledger_size(&self) -> Result<LedgerSize, StoreError> {
        self.run("read the size of the ledger", ledger_size).await
    }
}

/// See [`Store::ledger_size`].
pub(super) fn ledger_size(conn: &mut Conn) -> Tx<LedgerSize> {
    // the newest sample that is about a day old; services write one a day
    Ok(sql_query(
        "SELECT s.bytes, g.growth, pg_size_pretty(s.bytes) AS shown, pg_size_pretty(g.growth) AS shown_growth \
         FROM (SELECT pg_database_size(current_database()) AS bytes) s \
         LEFT JOIN LATERAL ( \
             SELECT ((s.bytes - d.bytes) * 86400 / extract(epoch FROM now() - d.at))::bigint AS growth \
             FROM ledger_day d WHERE d.at < now() - interval '20 hours' ORDER BY d.day DESC LIMIT 1) g ON true",
    )
    .get_result(conn)?)
}
