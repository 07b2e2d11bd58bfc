//! What events say of other tables, compared with these tables: versions, runs and signed days here; measures, arrivals and keys in the
//! modules beside this one.
//!
//! A row that is missing may have been removed by retention, whose events say how many rows of each table it removed.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::intake::content_digest;
use super::super::schema::audit_day;
use super::super::{AuditDayRow, Store, StoreError};
use super::NO_LIMIT;
use super::arrivals::{Arrivals, SaidArrival};
use super::found::{SealReport, Stop, broken, of_day};
use super::keys::Keys;
use super::measures::{self, SaidMeasures};
use crate::domain::audit::AuditKind;
use crate::evidence::leaf::EventLine;
use crate::evidence::manifest::sha256;
use crate::store::text::Text;

/// Rows that are compared with one statement.
const ROWS: usize = 500;

/// What was found so far that only the end can decide.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Whether the first events are not there any more: an older key, for example, has no event.
    pub(super) is_partial: bool,
    keys: Keys,
    arrivals: Arrivals,
    /// Versions and rows of records that there were when the walk began.
    at_first: AtFirst,
    /// Versions that events name.
    versions: i64,
    /// When the first run began that an event names.
    first_run: Option<DateTime<Utc>>,
    /// Rows that are missing, with the first leaf that names one, by their tables.
    missing: BTreeMap<&'static str, (i64, i64)>,
    /// Rows that retention removed, by their tables.
    removed: HashMap<String, i64>,
}

/// How many rows there were before the walk: each of them has its event.
#[derive(Debug, Default, QueryableByName)]
struct AtFirst {
    #[diesel(sql_type = BigInt)]
    versions: i64,
    #[diesel(sql_type = BigInt)]
    records: i64,
}

/// What an event says of a version.
struct SaidVersion {
    leaf: i64,
    document: i64,
    version: i32,
    digest: String,
    run: Option<Uuid>,
    deleted: bool,
}

/// What an event says of a run.
struct SaidRun {
    leaf: i64,
    company: Option<String>,
    entity: Option<String>,
    actor: String,
    detail: RunDetail,
}

#[derive(Deserialize)]
struct RunDetail {
    event: String,
    kind: Option<String>,
    why: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct ArrivalDetail {
    sys_id: Option<String>,
    table: Option<String>,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    content: String,
    #[diesel(sql_type = SqlUuid)]
    run_id: Uuid,
    #[diesel(sql_type = Bool)]
    deleted: bool,
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = Integer)]
    version: i32,
}

#[derive(QueryableByName)]
struct RunId {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct Removed {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// What an event says of a signed day.
struct SaidDay {
    leaf: i64,
    day: NaiveDate,
    manifest: String,
}

#[derive(QueryableByName)]
struct RunRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    company: String,
    #[diesel(sql_type = Text)]
    entity: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    requested_by: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ended_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    outcome: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
}

/// The content of a version that a restored ledger adopted with a row of ServiceNow: no event names it.
const ADOPTED: &str = "n.hash = '' AND n.content = '{}'";

impl Contents {
    /// Before the first page.
    pub(super) async fn begin(store: &Store) -> Result<Self, StoreError> {
        let at_first = store
            .without_time_limit()
            .run("verify the audit", |conn| {
                sql_query(NO_LIMIT).execute(conn)?;
                let sql = format!(
                    "SELECT (SELECT count(*) FROM version n WHERE NOT ({ADOPTED})) AS versions, \
                     (SELECT count(*) FROM record WHERE delivery_id > 0) AS records"
                );
                Ok(sql_query(sql).get_result(conn)?)
            })
            .await?;
        Ok(Self { at_first, ..Self::default() })
    }

    /// The events of a page.
    pub(super) async fn page(&mut self, store: &Store, page: &[(i64, EventLine<'_>)], report: &mut SealReport) -> Result<(), Stop> {
        let (mut versions, mut arrivals, mut measured, mut days) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut runs: BTreeMap<Uuid, Vec<SaidRun>> = BTreeMap::new();
        for (leaf, event) in page {
            let leaf = *leaf;
            for record in &event.records {
                let detail = record.detail.map_or("null", |detail| detail.get());
                let kind = event.kind.parse();
                if let (Some(document), Some(version)) = (record.document_id, record.version) {
                    let deleted = matches!(kind, Ok(AuditKind::DeletionSeen));
                    self.versions += i64::from(deleted || matches!(kind, Ok(AuditKind::VersionRead)));
                    if let Some(digest) = &record.content {
                        versions.push(SaidVersion { leaf, document, version, digest: digest.to_string(), run: event.run_id, deleted });
                    }
                    if let Some(said) = &record.measures {
                        measured.push(SaidMeasures { leaf, document, version, measures: said.to_string() });
                    }
                }
                match kind {
                    Ok(AuditKind::Run) => {
                        self.first_run = Some(self.first_run.map_or(event.at, |first| first.min(event.at)));
                        if let (Some(run), Ok(detail)) = (event.run_id, serde_json::from_str(detail)) {
                            let (company, entity) =
                                (event.company.as_deref().map(str::to_owned), event.entity.as_deref().map(str::to_owned));
                            runs.entry(run).or_default().push(SaidRun { leaf, company, entity, actor: event.actor.to_string(), detail });
                        }
                    }
                    Ok(AuditKind::Confirmed | AuditKind::LookedUp | AuditKind::PartialWrite) => {
                        if let (Some(document), Some(delivery), Ok(ArrivalDetail { sys_id: Some(sys_id), table: Some(table) })) =
                            (record.document_id, record.delivery_id, serde_json::from_str(detail))
                        {
                            let payload = record.payload.as_deref().map(str::to_owned);
                            arrivals.push(SaidArrival { leaf, document, delivery, version: record.version, sys_id, table, payload });
                        }
                    }
                    Ok(AuditKind::Action) => {
                        let detail: Value = serde_json::from_str(detail).unwrap_or_default();
                        self.keys.action(leaf, &detail);
                        days.extend(said_day(leaf, &detail));
                    }
                    Ok(AuditKind::Retention) => {
                        let detail: Value = serde_json::from_str(detail).unwrap_or_default();
                        if let (Some(table), Some(rows)) = (detail["table"].as_str(), detail["rows"].as_i64()) {
                            *self.removed.entry(table.to_owned()).or_default() += rows;
                        }
                    }
                    _ => {}
                }
            }
        }
        for some in versions.chunks(ROWS) {
            self.versions(store, some, report).await?;
        }
        for some in measured.chunks(ROWS) {
            measures::compare(store, some).await?;
        }
        for some in arrivals.chunks(ROWS) {
            let found = self.arrivals.compare(store, some).await?;
            report.payloads += found.payloads;
            for leaf in found.missing {
                self.is_missing("delivery", leaf);
            }
        }
        for some in days.chunks(ROWS) {
            signed(store, some).await?;
        }
        if !runs.is_empty() {
            self.runs(store, &runs).await?;
        }
        Ok(())
    }

    fn is_missing(&mut self, table: &'static str, leaf: i64) {
        self.missing.entry(table).or_insert((0, leaf)).0 += 1;
    }

    async fn versions(&mut self, store: &Store, said: &[SaidVersion], report: &mut SealReport) -> Result<(), Stop> {
        let documents: Vec<i64> = said.iter().map(|one| one.document).collect();
        let numbers: Vec<i32> = said.iter().map(|one| one.version).collect();
        let rows: Vec<VersionRow> = store
            .run("verify the audit", move |conn| {
                let sql = "SELECT v.document_id, v.version, v.content, v.run_id, v.deleted FROM unnest($1::bigint[], $2::integer[]) AS n (document_id, version) \
                           JOIN version v USING (document_id, version)";
                Ok(sql_query(sql).bind::<Array<BigInt>, _>(documents).bind::<Array<Integer>, _>(numbers).load(conn)?)
            })
            .await?;
        let found: HashMap<(i64, i32), VersionRow> = rows.into_iter().map(|row| ((row.document_id, row.version), row)).collect();
        for one in said {
            let Some(row) = found.get(&(one.document, one.version)) else {
                self.is_missing("version", one.leaf);
                continue;
            };
            let digest = content_digest(&row.content);
            let run = |run: Option<Uuid>| run.map_or_else(|| "no run".to_owned(), |run| format!("run {run}"));
            let state = |deleted: bool| if deleted { "a deletion" } else { "a content" }.to_owned();
            let pairs = [
                ("the hash of its content", digest, one.digest.clone()),
                ("its origin", run(Some(row.run_id)), run(one.run)),
                ("its kind", state(row.deleted), state(one.deleted)),
            ];
            if let Some((what, is, says)) = pairs.iter().find(|(_, is, says)| is != says) {
                let text =
                    format!("version {} of document {} was changed: {what} is {is}, and the audit says {says}", one.version, one.document);
                return broken(one.leaf, text);
            }
            report.versions += 1;
        }
        Ok(())
    }

    async fn runs(&mut self, store: &Store, said: &BTreeMap<Uuid, Vec<SaidRun>>) -> Result<(), Stop> {
        let ids: Vec<Uuid> = said.keys().copied().collect();
        let rows: Vec<RunRow> = store
            .run("verify the audit", move |conn| {
                let sql = "SELECT id, company, entity, kind, requested_by, reason, ended_at, outcome, error FROM run WHERE id = ANY($1)";
                Ok(sql_query(sql).bind::<Array<SqlUuid>, _>(ids).load(conn)?)
            })
            .await?;
        let rows: HashMap<Uuid, RunRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        for (id, events) in said {
            for event in events {
                let is_begin = event.detail.event == "begun";
                let Some(row) = rows.get(id) else {
                    if is_begin {
                        self.is_missing("run", event.leaf);
                    }
                    continue;
                };
                let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
                let pairs = if is_begin {
                    vec![
                        ("company", Some(row.company.clone()), event.company.clone()),
                        ("entity", Some(row.entity.clone()), event.entity.clone()),
                        ("kind", Some(row.kind.clone()), event.detail.kind.clone()),
                        ("requested_by", Some(row.requested_by.clone()), Some(event.actor.clone())),
                        ("reason", row.reason.clone(), event.detail.why.clone()),
                    ]
                } else if row.ended_at.is_none() {
                    return broken(event.leaf, format!("run {id} was changed: it has no end, and the audit says that it ended"));
                } else {
                    vec![
                        ("outcome", row.outcome.clone(), Some(event.detail.event.clone())),
                        ("error", row.error.clone(), event.detail.error.clone()),
                    ]
                };
                if let Some((column, is, says)) = pairs.iter().find(|(_, is, says)| is != says) {
                    let text = format!("run {id} was changed: its {column} is {}, and the audit says {}", shown(is), shown(says));
                    return broken(event.leaf, text);
                }
            }
        }
        Ok(())
    }

    /// What only the whole audit shows.
    pub(super) async fn check(&mut self, store: &Store) -> Result<(), Stop> {
        // the events of removals, or of the first rows, may have been removed themselves
        if !self.is_partial {
            for (table, (rows, leaf)) in &self.missing {
                let mut removed = self.removed.get(*table).copied().unwrap_or_default();
                if *rows > removed {
                    // a pass may have removed some since
                    removed = removed_now(store, table).await?;
                }
                if *rows > removed {
                    let text =
                        format!("{rows} rows of the table `{table}` that the audit names are missing, and retention removed {removed}");
                    return broken(*leaf, text);
                }
            }
            self.unnamed_versions(store).await?;
            self.unnamed_runs(store).await?;
            self.arrivals.unnamed(store, self.at_first.records).await?;
        }
        self.keys.check(store, self.is_partial).await
    }

    /// Versions that no event names. Only where there are more of them than events name, the events are searched.
    async fn unnamed_versions(&self, store: &Store) -> Result<(), Stop> {
        if self.at_first.versions <= self.versions {
            return Ok(());
        }
        let place: Option<Place> = store
            .without_time_limit()
            .run("verify the audit", |conn| {
                sql_query(NO_LIMIT).execute(conn)?;
                let named = "'\"document_id\":' || n.document_id || ',\"version\":' || n.version";
                let sql = format!(
                    "SELECT n.document_id, n.version FROM version n WHERE NOT ({ADOPTED}) AND NOT EXISTS ( \
                         SELECT FROM (SELECT * FROM event WHERE documents && ARRAY[n.document_id] OFFSET 0) e \
                         WHERE e.kind IN ('version_read', 'deletion_seen') \
                           AND (strpos(e.line, {named} || ',') > 0 OR strpos(e.line, {named} || '}}') > 0)) LIMIT 1"
                );
                Ok(sql_query(sql).get_result(conn).optional()?)
            })
            .await?;
        match place {
            Some(Place { document_id, version }) => {
                broken(0, format!("version {version} of document {document_id} is there, and no event says that it was read"))
            }
            None => Ok(()),
        }
    }

    /// Runs that no event names, among those that are as new as the first event of a run.
    async fn unnamed_runs(&self, store: &Store) -> Result<(), Stop> {
        let Some(first) = self.first_run else { return Ok(()) };
        let run: Option<RunId> = store
            .without_time_limit()
            .run("verify the audit", move |conn| {
                sql_query(NO_LIMIT).execute(conn)?;
                let sql = "SELECT r.id FROM run r WHERE r.started_at >= $1 \
                           AND NOT EXISTS (SELECT FROM event e WHERE e.kind = 'run' AND e.run_id = r.id) LIMIT 1";
                Ok(sql_query(sql).bind::<Timestamptz, _>(first).get_result(conn).optional()?)
            })
            .await?;
        run.map_or(Ok(()), |run| broken(0, format!("run {} is there, and no event says that it began", run.id)))
    }
}

/// Rows that retention removed of a table by now.
async fn removed_now(store: &Store, table: &'static str) -> Result<i64, StoreError> {
    store
        .run("verify the audit", move |conn| {
            let removed: Removed = sql_query(
                "SELECT coalesce(sum((r.detail ->> 'rows')::bigint), 0)::bigint AS rows FROM event e \
                 CROSS JOIN LATERAL json_to_recordset(e.line::json -> 'records') AS r (detail json) \
                 WHERE e.kind = 'retention' AND r.detail ->> 'table' = $1",
            )
            .bind::<Text, _>(table)
            .get_result(conn)?;
            Ok(removed.rows)
        })
        .await
}

/// The day whose manifest an event of its signing names.
fn said_day(leaf: i64, detail: &Value) -> Option<SaidDay> {
    let text = |name: &str| detail[name].as_str();
    (text("action") == Some("audit day")).then_some(())?;
    Some(SaidDay { leaf, day: text("key")?.parse().ok()?, manifest: text("manifest")?.to_owned() })
}

/// Compares signed days with the events of their signing.
async fn signed(store: &Store, said: &[SaidDay]) -> Result<(), Stop> {
    let days: Vec<NaiveDate> = said.iter().map(|one| one.day).collect();
    let rows: Vec<AuditDayRow> = store
        .run("verify the audit", move |conn| {
            Ok(audit_day::table.filter(audit_day::day.eq_any(days)).select(AuditDayRow::as_select()).load(conn)?)
        })
        .await?;
    let rows: HashMap<NaiveDate, String> = rows.into_iter().map(|row| (row.day, hex::encode(sha256(row.manifest.as_bytes())))).collect();
    for one in said {
        match rows.get(&one.day) {
            None => return broken(one.leaf, format!("{} is missing, and the audit says that it was signed", of_day(one.day))),
            Some(hash) if *hash != one.manifest => {
                let text = format!("{} was changed: its SHA-256 is {hash}, and the audit says {}", of_day(one.day), one.manifest);
                return broken(one.leaf, text);
            }
            Some(_) => {}
        }
    }
    Ok(())
}
