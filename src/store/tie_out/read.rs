//! What a tie-out asked of SYSPRO and what it found then, so that the next one can take it over if nothing has changed.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Timestamptz};

use crate::domain::answered::Answered;
use crate::domain::ids::TieOutId;
use crate::store::schema::{tie_out_answer, tie_out_read};
use crate::store::text::{Text, text};
use crate::store::{Store, StoreError};

/// What a tie-out reads of SYSPRO at a time, and what its results depend on.
#[derive(Debug, Clone)]
pub struct TieOutReading {
    /// The company.
    pub company: String,
    /// The entity; empty: the sub-ledger.
    pub entity: String,
    /// What the results depend on besides the answers, as a text.
    pub basis: String,
}

/// An earlier tie-out whose results count if both systems have not changed.
#[derive(Debug, Clone, QueryableByName)]
pub struct TieOutRead {
    /// The tie-out.
    #[diesel(sql_type = BigInt)]
    pub tie_out_id: TieOutId,
    /// When SYSPRO was read.
    #[diesel(sql_type = Timestamptz)]
    pub read_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    snapshot: String,
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = Bool)]
    changed: bool,
}

/// The copies of what a tie-out found of a flow. `$1`: into this tie-out; `$2`: from that one; `$3`, `$4`: company and entity; `$5`: when
/// SYSPRO was read.
const COPY_FLOW: [&str; 5] = [
    "INSERT INTO tie_out_block (tie_out_id, company, entity, block, tables, not_compared, left_out, watermark, without_period, summed_groups, \
                                not_summed, listed_at, read_at) \
     SELECT $1, b.company, b.entity, b.block, b.tables, b.not_compared, b.left_out, f.watermark, b.without_period, b.summed_groups, b.not_summed, \
            CASE WHEN b.left_out IS NULL THEN (SELECT min(l.listed_at) FROM tie_out_listing l WHERE l.company = b.company AND l.entity = b.entity AND l.block = b.block) END, \
            CASE WHEN b.left_out IS NULL THEN $5 END \
     FROM tie_out_block b LEFT JOIN flow f ON f.company = b.company AND f.entity = b.entity \
     WHERE b.tie_out_id = $2 AND b.company = $3 AND b.entity = $4",
    "INSERT INTO tie_out_bucket (tie_out_id, company, entity, block, year, period, currency, syspro_records, syspro_amount, ledger_records, ledger_amount, \
                                 gone_records, gone_amount, servicenow_records, servicenow_amount, open_items, timing_items, explained, verdict) \
     SELECT $1, company, entity, block, year, period, currency, syspro_records, syspro_amount, ledger_records, ledger_amount, \
            gone_records, gone_amount, servicenow_records, servicenow_amount, open_items, timing_items, explained, verdict \
     FROM tie_out_bucket WHERE tie_out_id = $2 AND company = $3 AND entity = $4 ORDER BY id",
    "INSERT INTO tie_out_group (tie_out_id, company, entity, block, year, period, currency, grouped_by, value, syspro_records, syspro_amount, gone_records, \
                                gone_amount, servicenow_records, servicenow_amount) \
     SELECT $1, company, entity, block, year, period, currency, grouped_by, value, syspro_records, syspro_amount, gone_records, gone_amount, \
            servicenow_records, servicenow_amount \
     FROM tie_out_group WHERE tie_out_id = $2 AND company = $3 AND entity = $4 ORDER BY id",
    "INSERT INTO tie_out_control (tie_out_id, company, entity, number, name, checked, violated, unchecked, left_out) \
     SELECT $1, company, entity, number, name, checked, violated, unchecked, left_out \
     FROM tie_out_control WHERE tie_out_id = $2 AND company = $3 AND entity = $4",
    "INSERT INTO tie_out_violation (tie_out_id, company, entity, number, document_key, record_key, unchecked, message) \
     SELECT $1, company, entity, number, document_key, record_key, unchecked, message \
     FROM tie_out_violation WHERE tie_out_id = $2 AND company = $3 AND entity = $4 ORDER BY id",
];

/// The copies of what a tie-out found of a sub-ledger, with the same parameters.
const COPY_SUBLEDGER: [&str; 2] = [
    "INSERT INTO tie_out_subledger (tie_out_id, company, account, months_back, branches, month, period, currency, subledger_balance, control_balance, \
                                    subledger_movement, control_movement, unposted_entries, unposted_amount, not_integrated_entries, \
                                    not_integrated_amount, foreign_entries, foreign_amount, other_currencies, verdict, why) \
     SELECT $1, company, account, months_back, branches, month, period, currency, subledger_balance, control_balance, \
            subledger_movement, control_movement, unposted_entries, unposted_amount, not_integrated_entries, \
            not_integrated_amount, foreign_entries, foreign_amount, other_currencies, verdict, why \
     FROM tie_out_subledger WHERE tie_out_id = $2 AND company = $3",
    "INSERT INTO tie_out_subledger_entry (tie_out_id, company, account, kind, period, journal, source, reference, amount) \
     SELECT $1, company, account, kind, period, journal, source, reference, amount \
     FROM tie_out_subledger_entry WHERE tie_out_id = $2 AND company = $3 ORDER BY id",
];

/// Whether the ledger may have changed a document of a flow after a snapshot: `$1`, `$2`: company and entity; `$3`: the snapshot. Most events
/// of documents do not name them: the documents do.
const CHANGED: &str = "SELECT EXISTS ( \
        SELECT FROM event e WHERE e.xid >= pg_snapshot_xmin($3::pg_snapshot)::text::bigint \
          AND NOT pg_visible_in_snapshot(e.xid::text::xid8, $3::pg_snapshot) AND e.documents <> '{}' \
          AND EXISTS (SELECT FROM document d WHERE d.id = ANY(e.documents) AND d.company = $1 AND d.entity = $2)) AS changed";

impl Store {
    /// Begins to keep SYSPRO's answers, and removes those of an earlier tie-out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_reading(&self, id: TieOutId, of: TieOutReading) -> Result<(), StoreError> {
        self.run("begin to keep what SYSPRO answers to a tie-out", move |conn| {
            let earlier = tie_out_read::table.filter(tie_out_read::company.eq(text(&of.company)));
            diesel::delete(earlier.filter(tie_out_read::entity.eq(text(&of.entity)))).execute(conn)?;
            sql_query(
                "INSERT INTO tie_out_read (company, entity, tie_out_id, basis, snapshot, life) \
                 SELECT $1, $2, $3, $4, pg_current_snapshot()::text, max(number) FROM ledger_life",
            )
            .bind::<Text, _>(&of.company)
            .bind::<Text, _>(&of.entity)
            .bind::<BigInt, _>(id)
            .bind::<Text, _>(&of.basis)
            .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Keeps answers of SYSPRO to this tie-out, unless another one reads meanwhile; the first of them has this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_answered(&self, id: TieOutId, of: TieOutReading, first: i32, answered: Vec<Answered>) -> Result<(), StoreError> {
        self.run("keep what SYSPRO answered to a tie-out", move |conn| {
            sql_query(
                "INSERT INTO tie_out_answer (company, entity, number, address, digest) \
                 SELECT $1, $2, $3 + n.place - 1, n.address, n.digest \
                 FROM unnest($4::text[], $5::bytea[]) WITH ORDINALITY AS n (address, digest, place) \
                 WHERE EXISTS (SELECT FROM tie_out_read r WHERE r.company = $1 AND r.entity = $2 AND r.tie_out_id = $6)",
            )
            .bind::<Text, _>(&of.company)
            .bind::<Text, _>(&of.entity)
            .bind::<Integer, _>(first)
            .bind::<Array<Text>, _>(answered.iter().map(|one| one.address.as_str()).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(answered.iter().map(|one| &one.digest[..]).collect::<Vec<_>>())
            .bind::<BigInt, _>(id)
            .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// All of it was read and compared: the results follow from the answers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_was_read(&self, id: TieOutId, of: TieOutReading) -> Result<(), StoreError> {
        self.run("store that a tie-out has read SYSPRO", move |conn| {
            let read = tie_out_read::table.filter(tie_out_read::company.eq(text(&of.company)));
            let own = read.filter(tie_out_read::entity.eq(text(&of.entity))).filter(tie_out_read::tie_out_id.eq(id));
            diesel::update(own).set(tie_out_read::complete.eq(true)).execute(conn)?;
            Ok(())
        })
        .await
    }

    /// The earlier tie-out whose results may count: on the same basis, with everything verified and without a difference, and the ledger has
    /// not changed a document of the flow since. `None`: everything is read again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_read_before(&self, of: TieOutReading) -> Result<Option<TieOutRead>, StoreError> {
        self.run("find an earlier tie-out whose results may count", move |conn| {
            let read: Option<TieOutRead> = sql_query(include_str!("../sql/tie_out_read_before.sql"))
                .bind::<Text, _>(&of.company)
                .bind::<Text, _>(&of.entity)
                .bind::<Text, _>(&of.basis)
                .get_result(conn)
                .optional()?;
            let Some(read) = read else { return Ok(None) };
            // the newest events, by the index of their transactions
            conn.batch_execute("SET LOCAL enable_seqscan = off")?;
            let events = sql_query(CHANGED).bind::<Text, _>(&of.company).bind::<Text, _>(&of.entity).bind::<Text, _>(&read.snapshot);
            let changed: Changed = events.get_result(conn)?;
            Ok((!changed.changed).then_some(read))
        })
        .await
    }

    /// A page of SYSPRO's answers to an earlier tie-out, after this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_answers(&self, of: TieOutReading, after: i32, limit: i64) -> Result<Vec<Answered>, StoreError> {
        self.run("list what SYSPRO answered to an earlier tie-out", move |conn| {
            let rows: Vec<(String, Vec<u8>)> = tie_out_answer::table
                .filter(tie_out_answer::company.eq(text(&of.company)))
                .filter(tie_out_answer::entity.eq(text(&of.entity)))
                .filter(tie_out_answer::number.gt(after))
                .order(tie_out_answer::number)
                .limit(limit)
                .select((tie_out_answer::address, tie_out_answer::digest))
                .load(conn)?;
            // a digest of another length equals no answer
            let answered = |(address, digest): (String, Vec<u8>)| Answered { address, digest: digest.try_into().unwrap_or_default() };
            Ok(rows.into_iter().map(answered).collect())
        })
        .await
    }

    /// Takes over into a tie-out what an earlier one found of a flow or a sub-ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_take_over(&self, id: TieOutId, of: TieOutReading, from: TieOutRead) -> Result<(), StoreError> {
        self.run("take over what an earlier tie-out found", move |conn| {
            for copy in if of.entity.is_empty() { &COPY_SUBLEDGER[..] } else { &COPY_FLOW[..] } {
                sql_query(*copy)
                    .bind::<BigInt, _>(id)
                    .bind::<BigInt, _>(from.tie_out_id)
                    .bind::<Text, _>(&of.company)
                    .bind::<Text, _>(&of.entity)
                    .bind::<Timestamptz, _>(from.read_at)
                    .execute(conn)?;
            }
            let read = tie_out_read::table.filter(tie_out_read::company.eq(text(&of.company)));
            diesel::update(read.filter(tie_out_read::entity.eq(text(&of.entity)))).set(tie_out_read::tie_out_id.eq(id)).execute(conn)?;
            Ok(())
        })
        .await
    }
}
