//! The nodes that work on this ledger: their heartbeats, and what each has measured of the instance.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Uuid as SqlUuid};
use serde::Serialize;

use super::backfill::flows_to_continue;
use super::clock::{self, SetBack};
use super::delivery::{Dead, due, recover};
use super::schema::node;
use super::{SetNumber, Store, StoreError};
use crate::domain::FlowId;
use crate::domain::budget::{Breaker, NodeBudget, OthersBudget, PauseReport};
use crate::domain::ids::Incarnation;
use crate::store::prepared::prepared;
use crate::store::text::Text;

/// The identity of a sender. A node keeps its name over restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Kept in the state directory.
    pub name: String,
    /// The id of this start of the process.
    pub incarnation: Incarnation,
}

impl Node {
    /// The holder's name in leases.
    pub fn holder(&self) -> String {
        format!("{}/{}", self.name, self.incarnation)
    }
}

/// What a node does for the ledger at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodePart {
    /// It recovers batches, and reads and sends what is due.
    Work,
    /// It recovers the batches of dead senders, and nothing else.
    RecoverOnly,
}

/// A node that runs as a service.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[diesel(table_name = node, check_for_backend(Pg))]
#[schema(as = Node)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// The current process of the node.
    #[schema(value_type = uuid::Uuid)]
    pub incarnation: Incarnation,
    /// Its last heartbeat.
    pub seen_at: DateTime<Utc>,
    /// Whether that is recent enough to count as alive.
    #[diesel(sql_type = Bool)]
    pub alive: bool,
    /// Records per batch that the instance accepts at present.
    pub batch_size: i32,
    /// Concurrent batches that the instance accepts from it at present.
    pub concurrency: i32,
    /// The circuit breaker: `closed` (batches are sent), `half_open` (one trial batch is sent) or `open` (nothing is sent).
    pub breaker: Breaker,
    /// It sends nothing before this time, if the time is in the future.
    pub paused_until: DateTime<Utc>,
    /// The seconds that ServiceNow asked for, where that is the reason of the pause.
    pub pause_asked: Option<f64>,
    /// ServiceNow's answer when it asked.
    pub pause_said: Option<String>,
    /// The number of its definitions.
    pub definition: Option<i32>,
    /// Whether these are in force: a node with others reads, maps and sends nothing.
    #[diesel(sql_type = Bool)]
    pub in_force: bool,
}

#[derive(QueryableByName)]
struct Others {
    #[diesel(sql_type = BigInt)]
    nodes: i64,
    #[diesel(sql_type = Double)]
    pause: f64,
    #[diesel(sql_type = Bool)]
    broken: bool,
    #[diesel(sql_type = Nullable<Integer>)]
    in_force: Option<i32>,
    #[diesel(sql_type = Nullable<Double>)]
    resumed: Option<f64>,
}

/// The ledger's answer to a heartbeat.
#[derive(Debug, Clone)]
pub struct HeartbeatAnswer {
    /// What the other nodes report.
    pub others: OthersBudget,
    /// The number of the definitions in force; `None` as long as none have been put into force.
    pub in_force: Option<SetNumber>,
    /// How long ago a person last ended the pauses that ServiceNow asked for.
    pub resumed: Option<Duration>,
    /// Set when the clock of the ledger's server was set back since the last heartbeat; the due times were moved with it.
    pub set_back: Option<SetBack>,
}

/// What a node has to do.
#[derive(Debug, Clone, Default)]
pub struct NodeWork {
    /// The entities with due deliveries: the same ones that [`Store::delivery_claim`] would find.
    pub due: Vec<String>,
    /// Flows with an open backfill that is due, except flows that are held, paused or stopped.
    pub backfills: Vec<FlowId>,
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl Store {
    /// Stores that this node is alive, what it has measured, and which definitions it uses. Answers what the other nodes report that were
    /// seen within `unresponsive_after`, and which definitions are in force. Deletes rows of processes that ended long ago.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn node_heartbeat(
        &self,
        node: Node,
        own: NodeBudget,
        asked: PauseReport,
        unresponsive_after: Duration,
        under: Option<SetNumber>,
    ) -> Result<HeartbeatAnswer, StoreError> {
        let clock = self.clock.clone();
        self.run("write a heartbeat", move |conn| {
            let set_back = clock::follow(conn, &clock)?;
            let others: Others = prepared(include_str!("sql/node_heartbeat.sql"))
                .bind::<SqlUuid, _>(node.incarnation)
                .bind::<Text, _>(&node.name)
                .bind::<Integer, _>(number(own.batch_size))
                .bind::<Integer, _>(number(own.concurrency))
                .bind::<Text, _>(own.breaker.as_str())
                .bind::<Double, _>(own.pause.as_secs_f64())
                .bind::<Double, _>(unresponsive_after.as_secs_f64())
                .bind::<Nullable<Integer>, _>(under.map(|under| under.0))
                .bind::<Nullable<Double>, _>(asked.of.as_ref().map(|of| of.asked.as_secs_f64()))
                .bind::<Nullable<Text>, _>(asked.of.as_ref().map(|of| of.said.as_str()))
                .bind::<Double, _>(asked.of.as_ref().map_or(0.0, |of| of.ago.as_secs_f64()))
                .bind::<Bool, _>(asked.lifted)
                .get_result(conn)?;
            let (in_force, others_resumed) = (others.in_force.map(SetNumber), others.resumed);
            let others = OthersBudget {
                nodes: usize::try_from(others.nodes).unwrap_or_default(),
                pause: Duration::try_from_secs_f64(others.pause).unwrap_or_default(),
                broken: others.broken,
            };
            let resumed = others_resumed.and_then(|ago| Duration::try_from_secs_f64(ago).ok());
            Ok(HeartbeatAnswer { others, in_force, resumed, set_back })
        })
        .await
    }

    /// Sets the outcome of batches of dead senders to unknown, and finds what is due. It is one transaction, because an idle node asks this
    /// every second. What is due is not read by a node that does no work.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn node_work(&self, node: Node, unresponsive_after: Duration, part: NodePart) -> Result<NodeWork, StoreError> {
        self.run_hot("find work", move |conn| {
            recover(conn, &node, Dead::Expired, unresponsive_after)?;
            if part == NodePart::RecoverOnly {
                return Ok(NodeWork::default());
            }
            Ok(NodeWork { due: due(conn)?, backfills: flows_to_continue(conn)? })
        })
        .await
    }

    /// The nodes that were seen within the last day, latest first; those seen within `unresponsive_after` are alive.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn node_list(&self, unresponsive_after: Duration) -> Result<Vec<NodeRow>, StoreError> {
        self.run("list the nodes", move |conn| {
            let rows = sql_query(
                "SELECT name, incarnation, seen_at, seen_at > now() - make_interval(secs => $1) AS alive, batch_size, concurrency, breaker, \
                 CASE WHEN pause_began <= (SELECT at FROM sending_resumed) THEN now() ELSE paused_until END AS paused_until, pause_asked, pause_said, definition, \
                 coalesce(definition = (SELECT number FROM definition_in_force), true) AS in_force \
                 FROM node ORDER BY seen_at DESC, incarnation",
            );
            Ok(rows.bind::<Double, _>(unresponsive_after.as_secs_f64()).load(conn)?)
        })
        .await
    }
}
