//! The flows and the nodes of the overview.

use super::file::{Asked, ListFile, Row, Table};
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::operations::Refused;
use crate::process::Process;
use crate::report::{Cell, Field};
use crate::store::{FlowStatus, NodeRow};

const FLOWS: [Field; 20] = [
    Field::text("company", "Company", 10).by(),
    Field::text("entity", "Entity", 14),
    Field::text("configured", "Configured", 9),
    Field::text("state", "State", 20),
    Field::text("stopped_because", "Stopped because", 40),
    Field::text("paused_by", "Paused by", 20),
    Field::text("node", "Running on", 24),
    Field::text("last_error", "Error of the last run", 40),
    Field::date("watermark", "Changes read before"),
    Field::instant("last_progress_at", "Last progress (UTC)"),
    Field::instant("last_success_at", "Last success (UTC)"),
    Field::number("records", "Records", 10).added(),
    Field::number("queued", "Queued", 10).added(),
    Field::number("sending", "Being sent", 10).added(),
    Field::number("retrying", "Retrying", 10).added(),
    Field::number("unknown", "Unknown", 10).added(),
    Field::number("waiting", "Waiting", 10).added(),
    Field::number("on_hold", "On hold", 10).added(),
    Field::number("failed", "Failed", 10).added(),
    Field::number("in_conflict", "In conflict", 10).added(),
];

const NODES: [Field; 8] = [
    Field::text("node", "Node", 24),
    Field::text("answers", "Answers", 9),
    Field::instant("seen_at", "Last seen (UTC)"),
    Field::number("definitions", "Definitions", 11),
    Field::text("in_force", "Are in force", 11),
    Field::number("batch_size", "Records per batch", 10),
    Field::number("concurrency", "Batches at once", 10),
    Field::text("breaker", "Circuit breaker", 12),
];

fn flow(row: &FlowStatus) -> Row {
    vec![
        row.company.as_str().into(),
        row.entity.as_str().into(),
        Cell::yes_or_no(row.configured),
        row.state().0.into(),
        row.stopped.clone().into(),
        row.paused_by.clone().into(),
        row.holder.clone().into(),
        row.last_error.clone().into(),
        row.watermark.into(),
        row.last_progress_at.into(),
        row.last_success_at.into(),
        row.documents.into(),
        row.queued.into(),
        row.sending.into(),
        row.retrying.into(),
        row.unknown.into(),
        row.waiting.into(),
        row.on_hold.into(),
        row.failed.into(),
        row.in_conflict.into(),
    ]
}

fn node(row: &NodeRow) -> Row {
    vec![
        row.name.as_str().into(),
        Cell::yes_or_no(row.alive),
        row.seen_at.into(),
        row.definition.into(),
        Cell::yes_or_no(row.in_force),
        row.batch_size.into(),
        row.concurrency.into(),
        row.breaker.as_str().into(),
    ]
}

async fn nodes_table(process: &Process) -> Result<Table, Refused> {
    let rows = process.store.node_list(UNRESPONSIVE_AFTER).await?;
    Ok(Table::of_rows("Nodes", &NODES, rows.iter().map(node).collect()))
}

/// All flows; in a workbook also the nodes.
///
/// # Errors
/// An error of the ledger.
pub async fn flows(process: &Process, asked: Asked) -> Result<ListFile, Refused> {
    let flows = Table::of_rows("Flows", &FLOWS, process.flow_status().await?.iter().map(flow).collect());
    let tables = vec![flows, nodes_table(process).await?];
    ListFile::now(process, "flows", "Flows and nodes", "the ledger: flows with their records now", asked, tables).await
}

/// The nodes.
///
/// # Errors
/// An error of the ledger.
pub async fn nodes(process: &Process, asked: Asked) -> Result<ListFile, Refused> {
    let tables = vec![nodes_table(process).await?];
    ListFile::now(process, "nodes", "Nodes", "the ledger: heartbeats of the nodes", asked, tables).await
}
