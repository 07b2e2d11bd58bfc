//! Which documents of a page are new or changed, and their versions.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Date, Integer, Nullable, Uuid as SqlUuid};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::super::audit::{NewAudit, audit_append};
use super::super::close::Touched;
use super::super::schema::document;
use super::super::{Conn, Tx};
use super::mapping::MappingInForce;
use super::page::{Intake, IntakeDocument, Resend, Work, next_document_ids};
use crate::domain::audit::AuditKind;
use crate::domain::close::PeriodChange;
use crate::domain::ids::DocumentId;
use crate::domain::run::RunCounts;
use crate::store::prepared::prepared;
use crate::store::text::{Text, storable, text};
use crate::telemetry::metrics::metrics;

/// The audit message of a version that is stored and not sent.
const KEPT: &str = "only what the definition reads otherwise by now differs: it is not sent before `tieline replay --outdated --why …`, which sends what \
                    was mapped under another definition, under its limit";

/// The audit message of a document of which only what lists and sums show is stored again.
const MEASURED: &str = "the definition in force reads its amount, date, currency or fiscal periods from other columns";

#[derive(QueryableByName)]
pub(super) struct Known {
    #[diesel(sql_type = BigInt)]
    pub(super) id: DocumentId,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = Bool)]
    deleted: bool,
    #[diesel(sql_type = Integer)]
    mapping: i32,
    #[diesel(sql_type = Integer)]
    reading: i32,
    #[diesel(sql_type = Nullable<Array<Integer>>)]
    pub(super) fiscal_periods: Option<Vec<i32>>,
}

impl Known {
    /// Whether the document may differ only because of the definition, and is known to be mapped by another one.
    pub(super) fn may_read_otherwise(&self, document: &IntakeDocument, mapping: &MappingInForce) -> bool {
        let outdated = self.mapping != mapping.number && self.reading != mapping.number;
        // no hash at all: it was deleted, or a restored ledger does not match ServiceNow
        let comparable = !self.deleted && !self.hash.is_empty() && !document.key.stands_for_a_row();
        outdated && comparable && (self.hash != document.hash || mapping.other_columns.contains(&self.reading))
    }
}

/// What to do with the documents of a page.
pub(super) struct Chosen<'a> {
    /// Documents that get a new version, or whose records are sent again.
    pub(super) work: Vec<Work<'a>>,
    /// Unchanged documents that were read with the columns of another mapping than before.
    pub(super) reread: Vec<DocumentId>,
}

/// The amount, as exact decimal digits.
fn amount(document: &IntakeDocument) -> Option<String> {
    document.facts.amount.map(|amount| amount.to_string())
}

/// The fiscal periods, as the text of an array: an array of arrays would have to be as long in each place.
fn periods(document: &IntakeDocument) -> Option<String> {
    let numbers: Vec<String> = document.facts.periods.iter().map(|period| period.number().to_string()).collect();
    (!numbers.is_empty()).then(|| format!("{{{}}}", numbers.join(",")))
}

/// Locks the documents of a page that comes from the ledger, and so has no lease, until it is stored. A reader of the same documents waits,
/// or has finished before.
pub(super) fn hold_documents(conn: &mut Conn, intake: &Intake) -> Tx<()> {
    let documents = document::table
        .filter(document::company.eq(text(intake.flow.company.as_str())))
        .filter(document::entity.eq(text(intake.flow.entity.as_str())))
        .filter(document::key.eq_any(intake.documents.iter().map(|one| text(one.key.as_str()))));
    documents.select(document::id).order(document::id).for_update().execute(conn)?;
    Ok(())
}

pub(super) fn known_documents(conn: &mut Conn, intake: &Intake) -> Tx<HashMap<String, Known>> {
    let keys: Vec<&str> = intake.documents.iter().map(|d| d.key.as_str()).collect();
    let rows: Vec<Known> = prepared(include_str!("../sql/document_known.sql"))
        .bind::<Text, _>(intake.flow.company.as_str())
        .bind::<Text, _>(intake.flow.entity.as_str())
        .bind::<Array<Text>, _>(keys)
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

/// Numbers for documents seen for the first time. The deletion of an unknown document is ignored.
pub(super) fn number_new_documents(conn: &mut Conn, intake: &Intake, known: &HashMap<String, Known>) -> Tx<HashMap<String, DocumentId>> {
    let new: Vec<&str> =
        intake.documents.iter().filter(|d| !d.gone).map(|d| d.key.as_str()).filter(|key| !known.contains_key(*key)).collect();
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = next_document_ids(conn, new.len())?;
    Ok(new.into_iter().map(str::to_owned).zip(ids).collect())
}

pub(super) fn insert_new_documents(
    conn: &mut Conn,
    intake: &Intake,
    new_ids: &HashMap<String, DocumentId>,
    mapping: &MappingInForce,
) -> Tx<()> {
    let new: Vec<(DocumentId, &IntakeDocument)> =
        intake.documents.iter().filter_map(|d| Some((*new_ids.get(d.key.as_str())?, d))).collect();
    if new.is_empty() {
        return Ok(());
    }
    prepared(
        "INSERT INTO document (id, company, entity, key, version, hash, amount, currency, dated, mapping, reading, fiscal_periods) \
         SELECT n.id, $1, $2, n.key, 1, n.hash, n.amount::numeric, n.currency, n.dated, $9, $9, n.periods::integer[] \
         FROM unnest($3::bigint[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::date[], $10::text[]) \
              AS n (id, key, hash, amount, currency, dated, periods)",
    )
    .bind::<Text, _>(intake.flow.company.as_str())
    .bind::<Text, _>(intake.flow.entity.as_str())
    .bind::<Array<BigInt>, _>(new.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|(_, d)| d.key.as_str()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(new.iter().map(|(_, d)| &d.hash[..]).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(new.iter().map(|(_, d)| amount(d)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(new.iter().map(|(_, d)| d.facts.currency.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Date>>, _>(new.iter().map(|(_, d)| d.facts.dated).collect::<Vec<_>>())
    .bind::<Integer, _>(mapping.number)
    .bind::<Array<Nullable<Text>>, _>(new.iter().map(|(_, d)| periods(d)).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}

pub(super) fn note_seen(conn: &mut Conn, intake: &Intake, known: &HashMap<String, Known>, new_ids: &HashMap<String, DocumentId>) -> Tx<()> {
    let ids: Vec<DocumentId> = known.values().map(|row| row.id).chain(new_ids.values().copied()).collect();
    prepared("INSERT INTO sweep_seen (run_id, document_id) SELECT $1, unnest($2::bigint[])")
        .bind::<SqlUuid, _>(intake.run)
        .bind::<Array<BigInt>, _>(ids)
        .execute(conn)?;
    Ok(())
}

pub(super) fn choose_work<'a>(
    intake: &'a Intake,
    known: &mut HashMap<String, Known>,
    new_ids: &HashMap<String, DocumentId>,
    mapping: &MappingInForce,
    by_definition: &HashSet<DocumentId>,
    counts: &mut RunCounts,
) -> Chosen<'a> {
    let (mut work, mut reread) = (Vec::new(), Vec::new());
    for document in &intake.documents {
        // a placeholder for a row that cannot be read is a failure, and not a record that came, changed or went
        let record = i64::from(!document.key.stands_for_a_row());
        if let Some(&id) = new_ids.get(document.key.as_str()) {
            counts.new += record;
            work.push(Work {
                document,
                id,
                version: 1,
                fresh: true,
                known: false,
                all: false,
                mapping: None,
                moved: false,
                placed: false,
                kept: false,
            });
            continue;
        }
        let Some(row) = known.get(document.key.as_str()) else { continue };
        let (mapped, moved) = (Some(row.mapping), mapping.moved.contains(&row.mapping));
        let otherwise = mapping.otherwise.contains(&row.mapping);
        let again = |version, fresh, all: bool| {
            let all = all || (otherwise && !document.gone);
            Work { document, id: row.id, version, fresh, known: true, all, mapping: mapped, moved, placed: otherwise, kept: false }
        };
        let same = row.hash == document.hash && row.deleted == document.gone;
        if intake.resend != Resend::Nothing {
            // it has been read again since it was loaded from the ledger: that version is mapped with the definition in force anyway. No
            // hash at all: its deliveries were dropped with its flow
            if same || row.hash.is_empty() {
                work.push(again(row.version, false, intake.resend == Resend::Everything));
            }
            continue;
        }
        // equal values under other column names are a different content; documents that are gone are not read any more
        if same && (document.gone || !mapping.other_columns.contains(&row.reading)) {
            counts.unchanged += record;
            if !document.gone && row.reading != mapping.number {
                reread.push(row.id);
            }
            continue;
        }
        if by_definition.contains(&row.id) {
            counts.unchanged += record;
            work.push(Work { kept: true, ..again(row.version + 1, true, false) });
            continue;
        }
        if document.gone {
            counts.deleted += record;
        } else {
            counts.changed += record;
        }
        work.push(again(row.version + 1, true, false));
    }
    Chosen { work, reread }
}

pub(super) fn update_changed_documents(conn: &mut Conn, intake: &Intake, work: &[Work<'_>], mapping: &MappingInForce) -> Tx<()> {
    // a document that is sent again stores its facts again, because the definition may name other columns by now. A stored version that is
    // not sent keeps its mapping as decided, even where a replay has mapped the content before it again in the meantime, without the
    // columns that were read only now
    let mut changed: Vec<&Work<'_>> = work.iter().filter(|w| w.known).collect();
    if changed.is_empty() {
        return Ok(());
    }
    // locked in the same order as by `hold_documents`
    changed.sort_unstable_by_key(|w| w.id);
    prepared(
        "UPDATE document d SET version = n.version, hash = n.hash, deleted = n.deleted, amount = n.amount::numeric, currency = n.currency, dated = n.dated, \
         fiscal_periods = n.periods::integer[], mapping = CASE WHEN n.kept THEN n.mapping_before ELSE $8 END, reading = CASE WHEN $9 AND NOT n.deleted THEN $8 ELSE d.reading END \
         FROM unnest($1::bigint[], $2::integer[], $3::bytea[], $4::boolean[], $5::text[], $6::text[], $7::date[], $10::boolean[], \
                     $11::integer[], $12::text[]) AS n (id, version, hash, deleted, amount, currency, dated, kept, mapping_before, periods) \
         WHERE d.id = n.id",
    )
    .bind::<Array<BigInt>, _>(changed.iter().map(|w| w.id).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(changed.iter().map(|w| w.version).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(changed.iter().map(|w| &w.document.hash[..]).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(changed.iter().map(|w| w.document.gone).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(changed.iter().map(|w| amount(w.document)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(changed.iter().map(|w| w.document.facts.currency.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Date>>, _>(changed.iter().map(|w| w.document.facts.dated).collect::<Vec<_>>())
    .bind::<Integer, _>(mapping.number)
    .bind::<Bool, _>(intake.resend == Resend::Nothing)
    .bind::<Array<Bool>, _>(changed.iter().map(|w| w.kept).collect::<Vec<_>>())
    .bind::<Array<Nullable<Integer>>, _>(changed.iter().map(|w| w.mapping).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(changed.iter().map(|w| periods(w.document)).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}

/// The measures of a document as the ledger has them.
#[derive(QueryableByName)]
pub(in crate::store) struct MeasuredRow {
    #[diesel(sql_type = BigInt)]
    pub(in crate::store) id: DocumentId,
    #[diesel(sql_type = Integer)]
    pub(in crate::store) version: i32,
    #[diesel(sql_type = Nullable<Text>)]
    amount: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    #[diesel(sql_type = Nullable<Date>)]
    dated: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<Array<Integer>>)]
    fiscal_periods: Option<Vec<i32>>,
}

impl MeasuredRow {
    /// The columns, of a table `d`.
    pub(in crate::store) const COLUMNS: &str = "d.id, d.version, d.amount::text AS amount, d.currency, d.dated, d.fiscal_periods";

    /// What the audit says of such a document.
    pub(in crate::store) fn measures(&self) -> String {
        let amount = self.amount.as_deref().and_then(|text| text.parse().ok());
        measures(amount, self.dated, self.fiscal_periods.as_deref().unwrap_or_default(), self.currency.as_deref())
    }
}

/// What lists and sums show of a document, as the audit says it: amount, date, fiscal periods and currency, each `-` where there is none.
/// One `-` stands for none of them.
fn measures(amount: Option<Decimal>, dated: Option<NaiveDate>, periods: &[i32], currency: Option<&str>) -> String {
    if amount.is_none() && dated.is_none() && periods.is_empty() && currency.is_none() {
        return "-".to_owned();
    }
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    // with as many decimals as it needs: the same amount is the same text
    let amount = or_none(amount.map(|amount| amount.normalize().to_string()));
    let periods: Vec<String> = periods.iter().map(i32::to_string).collect();
    let periods = or_none((!periods.is_empty()).then(|| periods.join(",")));
    let currency = currency.map_or_else(|| "-".into(), storable);
    format!("{amount} {} {periods} {currency}", or_none(dated.map(|day| day.to_string())))
}

/// The measures of a document that was read.
fn measures_of(document: &IntakeDocument) -> String {
    let facts = &document.facts;
    let periods: Vec<i32> = facts.periods.iter().map(|period| period.number()).collect();
    measures(facts.amount, facts.dated, &periods, facts.currency.as_deref())
}

/// The documents whose measures are others than the ledger has.
pub(super) fn remeasured(conn: &mut Conn, work: &[Work<'_>]) -> Tx<HashSet<DocumentId>> {
    let known: HashMap<DocumentId, &Work<'_>> = work.iter().filter(|w| w.known).map(|w| (w.id, w)).collect();
    if known.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!("SELECT {} FROM document d WHERE d.id = ANY($1)", MeasuredRow::COLUMNS);
    let rows: Vec<MeasuredRow> = sql_query(sql).bind::<Array<BigInt>, _>(known.keys().copied().collect::<Vec<_>>()).load(conn)?;
    let differs = |row: &MeasuredRow| known.get(&row.id).is_some_and(|w| measures_of(w.document) != row.measures());
    Ok(rows.iter().filter(|row| differs(row)).map(|row| row.id).collect())
}

pub(super) fn insert_versions(conn: &mut Conn, intake: &Intake, work: &[Work<'_>]) -> Tx<()> {
    let fresh: Vec<&Work<'_>> = work.iter().filter(|w| w.fresh).collect();
    if !fresh.is_empty() {
        prepared(
            "INSERT INTO version (document_id, version, run_id, hash, deleted, content) \
             SELECT n.id, n.version, $1, n.hash, n.deleted, n.content \
             FROM unnest($2::bigint[], $3::integer[], $4::bytea[], $5::boolean[], $6::text[]) AS n (id, version, hash, deleted, content)",
        )
        .bind::<SqlUuid, _>(intake.run)
        .bind::<Array<BigInt>, _>(fresh.iter().map(|w| w.id).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(fresh.iter().map(|w| w.version).collect::<Vec<_>>())
        .bind::<Array<Binary>, _>(fresh.iter().map(|w| &w.document.hash[..]).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(fresh.iter().map(|w| w.document.gone).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(fresh.iter().map(|w| w.document.content.as_str()).collect::<Vec<_>>())
        .execute(conn)?;
    }
    for (kind, _) in fresh.iter().flat_map(|w| &w.document.warnings) {
        metrics().records.warned(&intake.flow.entity, *kind);
    }
    Ok(())
}

/// The first half of the SHA-256 of a version's content, as the ledger stores it: what the audit says of it.
pub(in crate::store) fn content_digest(content: &str) -> String {
    hex::encode(&Sha256::digest(storable(content).as_bytes())[..16])
}

/// The fiscal periods of documents, before and now, and how SYSPRO changed them.
pub(super) fn touched<'a>(work: &[Work<'a>], known: &HashMap<String, Known>) -> Vec<Touched<'a>> {
    let of = |w: &Work<'a>| {
        let before = known.get(w.document.key.as_str()).and_then(|row| row.fiscal_periods.clone());
        let change = match (w.fresh && !w.kept, w.document.gone, w.known) {
            (false, ..) => None,
            (true, true, _) => Some(PeriodChange::Gone),
            (true, false, true) => Some(PeriodChange::Altered),
            (true, false, false) => Some(PeriodChange::Added),
        };
        let now = w.document.facts.periods.iter().map(|period| period.number()).collect();
        Touched { id: w.id, key: &w.document.key, version: w.version, change, before: before.unwrap_or_default(), now, queued: false }
    };
    work.iter().map(of).collect()
}

/// Writes what happened to each document.
pub(super) fn audit_documents<'a>(
    conn: &mut Conn,
    intake: &Intake,
    work: impl Iterator<Item = &'a Work<'a>>,
    remeasured: &HashSet<DocumentId>,
) -> Tx<()> {
    let audit: Vec<NewAudit> = work
        .map(|w| {
            let kind = match (w.fresh, w.document.gone) {
                (false, _) => AuditKind::Replayed,
                (true, true) => AuditKind::DeletionSeen,
                (true, false) => AuditKind::VersionRead,
            };
            let mut row = NewAudit::of(kind);
            (row.document_id, row.version, row.run_id) = (Some(w.id), Some(w.version), Some(intake.run));
            row.actor.clone_from(&intake.actor);
            row.content = w.fresh.then(|| content_digest(&w.document.content));
            row.measures = Some(measures_of(w.document));
            let mut detail = serde_json::Map::new();
            if !w.document.warnings.is_empty() {
                let texts: Vec<&str> = w.document.warnings.iter().map(|(_, text)| text.as_str()).collect();
                detail.insert("warnings".into(), texts.into());
            }
            if w.kept {
                detail.insert("kept".into(), KEPT.into());
            }
            if remeasured.contains(&w.id) {
                detail.insert("measured".into(), MEASURED.into());
            }
            if let Some(case) = w.document.marks.as_ref().and_then(|marks| marks.case.as_ref()) {
                detail.insert("gone".into(), case.clone().into());
            }
            if !detail.is_empty() {
                row.detail = Some(serde_json::Value::Object(detail).to_string());
            }
            row
        })
        .collect();
    audit_append(conn, &audit)
}
