//! The metrics of the ledger: read at each scrape, so that every node shows the same and a restart loses nothing.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};

use super::audit_outside::{HeadsWaiting, heads_waiting};
use super::documents::{PendingCount, pending_count};
use super::retention::{LedgerSize, ledger_size};
use super::schema::flow;
use super::tie_out::{TieOutRun, newest_done};
use super::{Store, StoreError};
use crate::domain::conflict::{ConflictKind, ConflictState};
use crate::store::text::Text;

/// The most unsealed rows that are counted: if sealing stops, scrapes must not become slow.
const UNSEALED: i64 = 100_000;

/// One reading of the ledger.
#[derive(Debug)]
pub struct Gauges {
    /// What is outstanding.
    pub pending: Vec<PendingCount>,
    /// Every flow that has ever run.
    pub flows: Vec<FlowMark>,
    /// Target records, by entity, of which ServiceNow stored a field differently from what was sent.
    pub not_as_sent: Vec<EntityCount>,
    /// Records that were last mapped under another definition than the one in force, by entity.
    pub outdated: Vec<EntityCount>,
    /// Unsealed audit rows, 100,000 at most.
    pub unsealed: i64,
    /// The heads of signed days that are due outside; nothing before the first signed day.
    pub heads_waiting: Vec<HeadsWaiting>,
    /// The conflict list of every aligned entity: each kind and state, zeros included.
    pub conflicts: Vec<ConflictCount>,
    /// The size of the ledger.
    pub size: LedgerSize,
    /// The newest tie-out that is done.
    pub tie_out: Option<TieOutRun>,
}

/// A number of entries of the conflict list.
#[derive(Debug, QueryableByName)]
pub struct ConflictCount {
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// The kind of conflict.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The state.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// A number of records of an entity.
#[derive(Debug, QueryableByName)]
pub struct EntityCount {
    /// The entity.
    #[diesel(sql_type = Text)]
    pub entity: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// The state of a flow.
#[derive(Debug, Queryable)]
pub struct FlowMark {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// When it last made progress, on any node.
    pub last_progress_at: Option<DateTime<Utc>>,
    /// Whether a person paused it.
    pub paused: bool,
    /// Whether Tieline stopped it.
    pub stopped: bool,
}

#[derive(QueryableByName)]
struct Unsealed {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl Store {
    /// The metrics of the ledger. The cost depends on what is outstanding, and not on the history.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gauges(&self) -> Result<Gauges, StoreError> {
        self.run("read what the metrics show", |conn| {
            let pending = pending_count(conn)?;
            let states = (flow::company, flow::entity, flow::last_progress_at, flow::paused_at.is_not_null(), flow::stopped.is_not_null());
            let flows = flow::table.select(states).load(conn)?;
            // only the newest events are read, as in `sealing.rs`
            sql_query("SET LOCAL enable_seqscan = off").execute(conn)?;
            let unsealed: Vec<Unsealed> = sql_query(include_str!("sql/audit_unsealed.sql"))
            .bind::<BigInt, _>(UNSEALED)
            .load(conn)?;
            sql_query("SET LOCAL enable_seqscan TO DEFAULT").execute(conn)?;
            let conflicts = sql_query(
                "SELECT e.entity, k.kind, s.state, coalesce(c.count, 0) AS count \
                 FROM (SELECT DISTINCT entity FROM alignment) e CROSS JOIN unnest($1::text[]) AS k (kind) CROSS JOIN unnest($2::text[]) AS s (state) \
                 LEFT JOIN (SELECT entity, kind, state, count(*) AS count FROM conflict WHERE state <> 'closed' GROUP BY 1, 2, 3) c \
                 USING (entity, kind, state)",
            )
            .bind::<Array<Text>, _>(ConflictKind::WORDS)
            .bind::<Array<Text>, _>(ConflictState::UNRESOLVED.iter().map(|state| state.as_str()).collect::<Vec<_>>())
            .load(conn)?;
            let not_as_sent = sql_query(
                "SELECT d.entity, count(DISTINCT d.id) AS count FROM record r JOIN document d ON d.id = r.document_id WHERE r.partial IS NOT NULL GROUP BY 1",
            )
            .load(conn)?;
            let outdated = sql_query(format!("SELECT entity, sum(records)::bigint AS count FROM ({}) o GROUP BY 1", include_str!("sql/outdated.sql")));
            let outdated = outdated.load(conn)?;
            let (size, tie_out, heads_waiting) = (ledger_size(conn)?, newest_done(conn)?, heads_waiting(conn)?);
            Ok(Gauges { tie_out, heads_waiting, size, conflicts, not_as_sent, outdated, pending, flows, unsealed: unsealed.first().map_or(0, |row| row.rows) })
        })
        .await
    }
}
