//! Aligned flows: the base version of each record, and what a run of the alignment changes, in one transaction.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};

use super::flow::flow_assert_held;
use super::intake::{next_delivery_ids, payload_hash};
use super::outbox::outbox_to_pending;
use super::placeholder::with_placeholders;
use super::run::{Among, RunTally, run_tally};
use super::{Conn, Lease, RowPlace, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::delivery::DeliveryAction;
use crate::domain::ids::{ConflictId, DocumentId, RunId};
use crate::store::prepared::prepared;
use crate::store::text::{JsonText, Text};

/// How far ServiceNow has been read.
#[derive(Debug, Clone, Default, QueryableByName)]
pub struct Alignment {
    /// The newest `sys_updated_on` seen.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub seen_to: Option<DateTime<Utc>>,
    /// How long ago the whole list was last read, in seconds by the database's clock.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub swept_ago: Option<i64>,
    /// Whether the two lists have been matched once.
    #[diesel(sql_type = Bool)]
    pub adopted: bool,
    /// Documents that SYSPRO has.
    #[diesel(sql_type = BigInt)]
    pub list: i64,
    /// Whether a document has no row yet and none of its deliveries is in progress.
    #[diesel(sql_type = Bool)]
    pub unlinked: bool,
}

/// Which documents of an aligned flow are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparing {
    /// All.
    All,
    /// Those that may have changed on either side since they were compared. ServiceNow's rows must be in the ledger already.
    Changed,
}

/// A document with all that its alignment needs.
#[derive(Debug, Clone, QueryableByName)]
pub struct AlignedDocument {
    /// Its number, ascending, for paging.
    #[diesel(sql_type = BigInt)]
    pub id: DocumentId,
    /// Its key.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Its version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// SYSPRO no longer has it.
    #[diesel(sql_type = Bool)]
    pub deleted: bool,
    /// Its content, as JSON.
    #[diesel(sql_type = Text)]
    pub content: String,
    /// When this content was read.
    #[diesel(sql_type = Timestamptz)]
    pub read_at: DateTime<Utc>,
    /// The base version, as JSON.
    #[diesel(sql_type = Nullable<Text>)]
    pub agreed: Option<String>,
    /// The version that was last compared.
    #[diesel(sql_type = Nullable<Integer>)]
    pub compared: Option<i32>,
    /// Whether it must be compared even if nothing has changed.
    #[diesel(sql_type = Bool)]
    pub again: bool,
    /// Its row.
    #[diesel(sql_type = Nullable<Text>)]
    pub sys_id: Option<String>,
    /// Whether any of its deliveries is being sent or has an unknown outcome.
    #[diesel(sql_type = Bool)]
    pub busy: bool,
    /// The payload of its delivery that is queued, failed, waiting or on hold, as JSON.
    #[diesel(sql_type = Nullable<Text>)]
    pub unsent: Option<String>,
    /// The action of that delivery.
    #[diesel(sql_type = Nullable<Text>)]
    pub unsent_action: Option<DeliveryAction>,
    /// What that delivery expects of the row.
    #[diesel(sql_type = Nullable<Text>)]
    pub unsent_expects: Option<String>,
}

/// A row that was found for a document.
#[derive(Debug, Clone)]
pub struct LinkedRow {
    /// The document.
    pub document_id: DocumentId,
    /// Its row.
    pub row: RowPlace,
}

/// What the comparison of a page changes; a page holds documents, or rows without a document.
#[derive(Debug, Clone)]
pub struct AlignIntake {
    /// The flow, by its lease.
    pub lease: Lease,
    /// The time for which the lease is renewed.
    pub ttl: Duration,
    /// The run.
    pub run: RunId,
    /// Rows found for documents.
    pub links: Vec<LinkedRow>,
    /// The documents that were compared.
    pub compared: Vec<Compared>,
    /// What is queued.
    pub deliveries: Vec<AlignDelivery>,
    /// Documents whose unsent deliveries are no longer valid.
    pub withdrawn: Vec<DocumentId>,
    /// New or changed entries of the conflict list.
    pub conflicts: Vec<NewConflict>,
    /// Entries that leave the list, each with its result.
    pub closed: Vec<(ConflictId, &'static str)>,
    /// Fields of documents that SYSPRO shows as Tieline asked it to.
    pub arrived: Vec<(DocumentId, String)>,
}

/// The end of a comparison, once all of it is in the ledger.
#[derive(Debug, Clone)]
pub struct AlignEnd {
    /// The flow, by its lease.
    pub lease: Lease,
    /// The time for which the lease is renewed.
    pub ttl: Duration,
    /// Every change before this time of the instance's clock was read.
    pub seen_to: Option<DateTime<Utc>>,
    /// The whole list was read. If no first match is outstanding, the two lists count as matched from now on.
    pub swept: bool,
    /// Any row may belong to a record of SYSPRO that cannot be read: the two lists do not count as matched until it can be read.
    pub any_row: bool,
}

/// A document that was compared.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The document.
    pub document_id: DocumentId,
    /// Its version.
    pub version: i32,
    /// The new base values, as a JSON object.
    pub fields: String,
    /// Whether the next run must compare it again.
    pub again: bool,
}

/// A record to be sent.
#[derive(Debug, Clone)]
pub struct AlignDelivery {
    /// The document.
    pub document_id: DocumentId,
    /// Its version.
    pub version: i32,
    /// What it does.
    pub action: DeliveryAction,
    /// The fields, as JSON.
    pub payload: String,
    /// The values that the row must still have, as JSON; `None` for a new row.
    pub expects: Option<String>,
}

/// An entry for the conflict list.
#[derive(Debug, Clone)]
pub struct NewConflict {
    /// The document's number, or the row's sys_id.
    pub subject: String,
    /// The document.
    pub document_id: Option<DocumentId>,
    /// The document's key, or the key in the row.
    pub key: String,
    /// The row.
    pub sys_id: Option<String>,
    /// The field.
    pub field: String,
    /// The SYSPRO column.
    pub source: Option<String>,
    /// The kind of conflict.
    pub kind: &'static str,
    /// The state of the entry.
    pub state: &'static str,
    /// The base value.
    pub agreed: Option<String>,
    /// SYSPRO's value.
    pub syspro: String,
    /// When it was read.
    pub syspro_at: Option<DateTime<Utc>>,
    /// ServiceNow's value.
    pub servicenow: String,
    /// When the row was changed.
    pub servicenow_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Withdrawn {
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    run_id: Option<RunId>,
}

impl Store {
    /// How far the alignment of a flow has come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn alignment(&self, flow: FlowId) -> Result<Alignment, StoreError> {
        self.run("read an alignment's state", move |conn| {
            let rows: Vec<Alignment> = sql_query(with_placeholders(include_str!("sql/alignment.sql")))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .load(conn)?;
            Ok(rows.into_iter().next().unwrap_or_default())
        })
        .await
    }

    /// The next page of an aligned flow's documents, by their numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn aligned_documents(
        &self,
        flow: FlowId,
        after: DocumentId,
        limit: i64,
        which: Comparing,
    ) -> Result<Vec<AlignedDocument>, StoreError> {
        self.run("read aligned documents", move |conn| {
            Ok(prepared(include_str!("sql/aligned_documents.sql"))
                .bind::<Text, _>(flow.company.as_str())
                .bind::<Text, _>(flow.entity.as_str())
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(limit)
                .bind::<Bool, _>(which == Comparing::All)
                .load(conn)?)
        })
        .await
    }

    /// Stores a page of the alignment: base versions, deliveries, the conflict list and the audit together.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow; then nothing was written.
    pub async fn align(&self, intake: AlignIntake) -> Result<(), StoreError> {
        self.run("take an alignment in", move |conn| take_in(conn, &intake)).await
    }

    /// Stores the end of a comparison.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node has taken over the flow; then nothing was written.
    pub async fn align_end(&self, end: AlignEnd) -> Result<(), StoreError> {
        self.run("end an alignment", move |conn| {
            flow_assert_held(conn, &end.lease, end.ttl)?;
            prepared(include_str!("sql/align_end.sql"))
                .bind::<Text, _>(end.lease.flow.company.as_str())
                .bind::<Text, _>(end.lease.flow.entity.as_str())
                .bind::<Nullable<Timestamptz>, _>(end.seen_to)
                .bind::<Bool, _>(end.swept)
                .bind::<Bool, _>(end.any_row)
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}

fn take_in(conn: &mut Conn, intake: &AlignIntake) -> Tx<()> {
    flow_assert_held(conn, &intake.lease, intake.ttl)?;
    link(conn, intake)?;
    let mut tally = RunTally::default();
    let busy = withdraw(conn, intake, &mut tally)?;
    put_base_version(conn, intake, &busy)?;
    deliver(conn, intake, &busy, &mut tally)?;
    put_conflicts(conn, intake)?;
    close_conflicts(conn, intake)?;
    if !intake.arrived.is_empty() {
        prepared("DELETE FROM write_back WHERE (document_id, field) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))")
            .bind::<Array<BigInt>, _>(intake.arrived.iter().map(|one| one.0).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(intake.arrived.iter().map(|one| one.1.as_str()).collect::<Vec<_>>())
            .execute(conn)?;
    }
    run_tally(conn, &tally, Among::Others).map(drop)
}

/// The version of a row that somebody else wrote. Its number cannot be told apart from ours, so finding the row never settles an unknown
/// outcome.
const UNKNOWN_VERSION: i32 = i32::MAX;

fn link(conn: &mut Conn, intake: &AlignIntake) -> Tx<()> {
    if intake.links.is_empty() {
        return Ok(());
    }
    prepared(
        "INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id, own_row) \
         SELECT n.document_id, 'header', '', n.sys_id, n.target_table, $4, 0, false FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n (document_id, sys_id, target_table) \
         ON CONFLICT (document_id, block, record_key) DO UPDATE SET sys_id = excluded.sys_id, version = excluded.version, own_row = false",
    )
    .bind::<Array<BigInt>, _>(intake.links.iter().map(|link| link.document_id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(intake.links.iter().map(|link| link.row.sys_id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(intake.links.iter().map(|link| link.row.target_table.as_str()).collect::<Vec<_>>())
    .bind::<Integer, _>(UNKNOWN_VERSION)
    .execute(conn)?;
    Ok(())
}

/// A document with a delivery in progress.
#[derive(QueryableByName)]
struct Busy {
    #[diesel(sql_type = BigInt)]
    document_id: DocumentId,
}

/// Withdraws unsent deliveries; answers which documents still have a delivery in progress, so that no second one is queued behind it.
fn withdraw(conn: &mut Conn, intake: &AlignIntake, tally: &mut RunTally) -> Tx<HashSet<DocumentId>> {
    let documents: Vec<DocumentId> = intake.withdrawn.iter().copied().chain(intake.deliveries.iter().map(|d| d.document_id)).collect();
    if documents.is_empty() {
        return Ok(HashSet::new());
    }
    outbox_to_pending(conn, documents.iter().copied())?;
    let gone: Vec<Withdrawn> = prepared(
        "WITH gone AS (DELETE FROM pending WHERE document_id = ANY($1) AND state IN ('queued', 'after_header', 'failed', 'waiting', 'on_hold') RETURNING delivery_id, document_id, version, run_id), \
         audited AS (INSERT INTO audit (kind, document_id, version, delivery_id, run_id, actor) \
                     SELECT 'superseded', document_id, version, delivery_id, $2, 'tieline' FROM gone) \
         SELECT document_id, run_id FROM gone",
    )
    .bind::<Array<BigInt>, _>(&documents)
    .bind::<SqlUuid, _>(intake.run)
    .load(conn)?;
    tally.replaced.extend(gone.iter().filter_map(|row| Some((row.run_id?, row.document_id))));
    let busy: Vec<Busy> = prepared("SELECT DISTINCT u.document_id FROM undelivered u WHERE u.document_id = ANY($1)")
        .bind::<Array<BigInt>, _>(&documents)
        .load(conn)?;
    Ok(busy.into_iter().map(|row| row.document_id).collect())
}

fn put_base_version(conn: &mut Conn, intake: &AlignIntake, busy: &HashSet<DocumentId>) -> Tx<()> {
    if intake.compared.is_empty() {
        return Ok(());
    }
    prepared(include_str!("sql/base_version_put.sql"))
        .bind::<Array<BigInt>, _>(intake.compared.iter().map(|c| c.document_id).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(intake.compared.iter().map(|c| c.version).collect::<Vec<_>>())
        .bind::<Array<JsonText>, _>(intake.compared.iter().map(|c| c.fields.as_str()).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(intake.compared.iter().map(|c| c.again || busy.contains(&c.document_id)).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

fn deliver(conn: &mut Conn, intake: &AlignIntake, busy: &HashSet<DocumentId>, tally: &mut RunTally) -> Tx<()> {
    let due: Vec<&AlignDelivery> = intake.deliveries.iter().filter(|d| !busy.contains(&d.document_id)).collect();
    if due.is_empty() {
        return Ok(());
    }
    let ids = next_delivery_ids(conn, due.len())?;
    // a record has one part here
    tally.queued.push((intake.run, due.len() as i64, due.len() as i64));
    let hashes: Vec<[u8; 32]> = due.iter().map(|d| payload_hash(&d.payload, None)).collect();
    prepared(
        "WITH n AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::bytea[], $7::text[]) \
                    AS n (id, document_id, version, action, payload, payload_hash, expects)), \
         made AS (INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash, expects, run_id) \
                  SELECT id, document_id, version, 'header', '', action, payload, payload_hash, expects, $10 FROM n) \
         INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, run_id) \
         SELECT id, document_id, $8, $9, version, 'header', '', 'queued', $10 FROM n",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<BigInt>, _>(due.iter().map(|d| d.document_id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(due.iter().map(|d| d.version).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(due.iter().map(|d| d.action.as_str()).collect::<Vec<_>>())
    .bind::<Array<JsonText>, _>(due.iter().map(|d| d.payload.as_str()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(hashes.iter().map(|hash| &hash[..]).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(due.iter().map(|d| d.expects.as_deref()).collect::<Vec<_>>())
    .bind::<Text, _>(intake.lease.flow.company.as_str())
    .bind::<Text, _>(intake.lease.flow.entity.as_str())
    .bind::<SqlUuid, _>(intake.run)
    .execute(conn)?;
    Ok(())
}

fn put_conflicts(conn: &mut Conn, intake: &AlignIntake) -> Tx<()> {
    let all = &intake.conflicts;
    if all.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&NewConflict) -> &str| all.iter().map(of).collect::<Vec<_>>();
    let maybe = |of: fn(&NewConflict) -> Option<&str>| all.iter().map(of).collect::<Vec<_>>();
    prepared(include_str!("sql/conflict_put.sql"))
        .bind::<Text, _>(intake.lease.flow.company.as_str())
        .bind::<Text, _>(intake.lease.flow.entity.as_str())
        .bind::<Array<Text>, _>(texts(|c| &c.subject))
        .bind::<Array<Nullable<BigInt>>, _>(all.iter().map(|c| c.document_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(texts(|c| &c.key))
        .bind::<Array<Nullable<Text>>, _>(maybe(|c| c.sys_id.as_deref()))
        .bind::<Array<Text>, _>(texts(|c| &c.field))
        .bind::<Array<Nullable<Text>>, _>(maybe(|c| c.source.as_deref()))
        .bind::<Array<Text>, _>(texts(|c| c.kind))
        .bind::<Array<Text>, _>(texts(|c| c.state))
        .bind::<Array<Nullable<Text>>, _>(maybe(|c| c.agreed.as_deref()))
        .bind::<Array<Text>, _>(texts(|c| &c.syspro))
        .bind::<Array<Nullable<Timestamptz>>, _>(all.iter().map(|c| c.syspro_at).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(texts(|c| &c.servicenow))
        .bind::<Array<Nullable<Timestamptz>>, _>(all.iter().map(|c| c.servicenow_at).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(intake.run)
        .execute(conn)?;
    Ok(())
}

fn close_conflicts(conn: &mut Conn, intake: &AlignIntake) -> Tx<()> {
    if intake.closed.is_empty() {
        return Ok(());
    }
    prepared(include_str!("sql/conflict_close.sql"))
        .bind::<Text, _>(intake.lease.flow.company.as_str())
        .bind::<Text, _>(intake.lease.flow.entity.as_str())
        .bind::<Array<BigInt>, _>(intake.closed.iter().map(|c| c.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(intake.closed.iter().map(|c| c.1).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(intake.run)
        .execute(conn)?;
    Ok(())
}
