//! What events say of other tables, compared with these tables: the content of versions, runs, where a record arrived, and API keys.
//!
//! A row that is missing may have been removed by retention, whose events say how many rows of each table it removed.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::api_key::{ApiKeyRow, key_digest};
use super::super::intake::content_digest;
use super::super::{Store, StoreError};
use super::found::{SealReport, Stop, broken};
use crate::domain::audit::AuditKind;
use crate::evidence::leaf::EventLine;
use crate::store::text::Text;

/// Rows that are compared with one statement.
const ROWS: usize = 500;

/// What was found so far that only the end can decide.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Whether the first events are not there any more: an older key, for example, has no event.
    pub(super) is_partial: bool,
    /// API keys that were added and not removed, by their names.
    keys: BTreeMap<String, AddedKey>,
    /// The keys that sign, by their fingerprints.
    signing: HashSet<String>,
    /// Rows that are missing, with the first leaf that names one, by their tables.
    missing: BTreeMap<&'static str, (i64, i64)>,
    /// Rows that retention removed, by their tables.
    removed: HashMap<String, i64>,
}

#[derive(Debug)]
struct AddedKey {
    leaf: i64,
    role: String,
    /// Of its hash, role and end; keys of earlier releases have none.
    digest: Option<String>,
}

/// What an event says of a version.
struct SaidVersion {
    leaf: i64,
    document: i64,
    version: i32,
    digest: String,
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

/// What an event says of a record that arrived.
struct SaidArrival {
    leaf: i64,
    document: i64,
    delivery: i64,
    version: Option<i32>,
    sys_id: String,
    table: String,
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

#[derive(QueryableByName)]
struct ArrivedRow {
    #[diesel(sql_type = BigInt)]
    document_id: i64,
    #[diesel(sql_type = BigInt)]
    delivery_id: i64,
    #[diesel(sql_type = Text)]
    sys_id: String,
    #[diesel(sql_type = Text)]
    target_table: String,
    #[diesel(sql_type = Integer)]
    version: i32,
}

#[derive(QueryableByName)]
struct SaidSo {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    yes: bool,
}

impl Contents {
    /// The events of a page.
    pub(super) async fn page(&mut self, store: &Store, page: &[(i64, EventLine<'_>)], report: &mut SealReport) -> Result<(), Stop> {
        let (mut versions, mut arrivals) = (Vec::new(), Vec::new());
        let mut runs: BTreeMap<Uuid, Vec<SaidRun>> = BTreeMap::new();
        for (leaf, event) in page {
            let leaf = *leaf;
            for record in &event.records {
                let detail = record.detail.map_or("null", |detail| detail.get());
                if let (Some(document), Some(version), Some(digest)) = (record.document_id, record.version, &record.content) {
                    versions.push(SaidVersion { leaf, document, version, digest: digest.to_string() });
                }
                match event.kind.parse() {
                    Ok(AuditKind::Run) => {
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
                            arrivals.push(SaidArrival { leaf, document, delivery, version: record.version, sys_id, table });
                        }
                    }
                    Ok(AuditKind::Action) => self.action(leaf, &serde_json::from_str(detail).unwrap_or_default()),
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
        for some in arrivals.chunks(ROWS) {
            arrived(store, some).await?;
        }
        if !runs.is_empty() {
            self.runs(store, &runs).await?;
        }
        Ok(())
    }

    /// What a person or Tieline did to keys.
    fn action(&mut self, leaf: i64, detail: &Value) {
        let text = |name: &str| detail[name].as_str().map(str::to_owned);
        match (detail["action"].as_str(), text("name")) {
            (Some("api key add"), Some(name)) => {
                let added = AddedKey { leaf, role: text("role").unwrap_or_default(), digest: text("key") };
                self.keys.insert(name, added);
            }
            (Some("api key remove"), Some(name)) => {
                self.keys.remove(&name);
            }
            (Some("audit key add"), _) => self.signing.extend(text("fingerprint")),
            _ => {}
        }
    }

    fn is_missing(&mut self, table: &'static str, leaf: i64) {
        self.missing.entry(table).or_insert((0, leaf)).0 += 1;
    }

    async fn versions(&mut self, store: &Store, said: &[SaidVersion], report: &mut SealReport) -> Result<(), Stop> {
        let documents: Vec<i64> = said.iter().map(|one| one.document).collect();
        let numbers: Vec<i32> = said.iter().map(|one| one.version).collect();
        let rows: Vec<VersionRow> = store
            .run("verify the audit", move |conn| {
                let sql = "SELECT v.document_id, v.version, v.content FROM unnest($1::bigint[], $2::integer[]) AS n (document_id, version) \
                           JOIN version v USING (document_id, version)";
                Ok(sql_query(sql).bind::<Array<BigInt>, _>(documents).bind::<Array<Integer>, _>(numbers).load(conn)?)
            })
            .await?;
        let found: HashMap<(i64, i32), String> =
            rows.into_iter().map(|row| ((row.document_id, row.version), content_digest(&row.content))).collect();
        for one in said {
            match found.get(&(one.document, one.version)) {
                Some(digest) if *digest == one.digest => report.versions += 1,
                Some(digest) => {
                    let text = format!(
                        "version {} of document {} was changed: the hash of its content is {digest}, and the audit says {}",
                        one.version, one.document, one.digest
                    );
                    return broken(one.leaf, text);
                }
                None => self.is_missing("version", one.leaf),
            }
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
    pub(super) async fn check(&mut self, store: &Store, _: &mut SealReport) -> Result<(), Stop> {
        for (table, (rows, leaf)) in &self.missing {
            let removed = self.removed.get(*table).copied().unwrap_or_default();
            // the events of removals may have been removed themselves
            if *rows > removed && !self.is_partial {
                let text = format!("{rows} rows of the table `{table}` that the audit names are missing, and retention removed {removed}");
                return broken(*leaf, text);
            }
        }
        self.api_keys(store).await?;
        let keys = store.audit_key_list().await?;
        match keys.iter().find(|key| !self.signing.contains(&key.fingerprint)).filter(|_| !self.is_partial) {
            Some(key) => broken(0, format!("the key {} signs the audit, and no event says that it was made", key.fingerprint)),
            None => Ok(()),
        }
    }

    async fn api_keys(&self, store: &Store) -> Result<(), Stop> {
        let rows: Vec<ApiKeyRow> = store.api_key_list().await?;
        let rows: HashMap<&str, &ApiKeyRow> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
        for (name, added) in &self.keys {
            let Some(row) = rows.get(name.as_str()) else {
                return broken(added.leaf, format!("the API key `{name}` is missing, and no event says that it was removed"));
            };
            let digest = key_digest(row.role.as_str(), &row.prefix, &row.hash, row.expires_at);
            if row.role.as_str() != added.role {
                let text = format!("the API key `{name}` was changed: its role is {}, and the audit says {}", row.role, added.role);
                return broken(added.leaf, text);
            }
            if added.digest.as_ref().is_some_and(|said| *said != digest) {
                return broken(
                    added.leaf,
                    format!("the API key `{name}` was changed: its secret, prefix or end differs from what was added"),
                );
            }
        }
        match rows.keys().find(|name| !self.keys.contains_key(**name)).filter(|_| !self.is_partial) {
            Some(name) => broken(0, format!("the API key `{name}` is there, and no event says that it was added")),
            None => Ok(()),
        }
    }
}

/// Compares where records arrived with what events say of their deliveries.
async fn arrived(store: &Store, said: &[SaidArrival]) -> Result<(), Stop> {
    let documents: Vec<i64> = said.iter().map(|one| one.document).collect();
    let deliveries: Vec<i64> = said.iter().map(|one| one.delivery).collect();
    let rows: Vec<ArrivedRow> = store
        .run("verify the audit", move |conn| {
            let sql = "SELECT r.document_id, r.delivery_id, r.sys_id, r.target_table, r.version \
                       FROM unnest($1::bigint[], $2::bigint[]) AS n (document_id, delivery_id) JOIN record r USING (document_id, delivery_id)";
            Ok(sql_query(sql).bind::<Array<BigInt>, _>(documents).bind::<Array<BigInt>, _>(deliveries).load(conn)?)
        })
        .await?;
    let rows: HashMap<(i64, i64), ArrivedRow> = rows.into_iter().map(|row| ((row.document_id, row.delivery_id), row)).collect();
    for one in said {
        // a row that somebody else wrote since has no version of ours
        let Some(row) = rows.get(&(one.document, one.delivery)).filter(|row| row.version != i32::MAX) else { continue };
        let same = row.sys_id == one.sys_id && row.target_table == one.table && one.version.is_none_or(|version| version == row.version);
        // another event of the same delivery may say it, such as a look-up
        if !same && !said_elsewhere(store, row).await? {
            let text = format!(
                "the row where delivery {} of document {} arrived was changed: it is {} in {} with version {}, and the audit says {} in {} \
                 with version {}",
                one.delivery,
                one.document,
                row.sys_id,
                row.target_table,
                row.version,
                one.sys_id,
                one.table,
                one.version.unwrap_or_default()
            );
            return broken(one.leaf, text);
        }
    }
    Ok(())
}

async fn said_elsewhere(store: &Store, row: &ArrivedRow) -> Result<bool, StoreError> {
    let (document, delivery, version, sys_id, table) =
        (row.document_id, row.delivery_id, row.version, row.sys_id.clone(), row.target_table.clone());
    store
        .run("verify the audit", move |conn| {
            let said: SaidSo = sql_query(
                "SELECT EXISTS (SELECT FROM (SELECT * FROM event WHERE documents && ARRAY[$1] OFFSET 0) e \
                 CROSS JOIN LATERAL json_to_recordset(e.line::json -> 'records') AS r (document_id bigint, version integer, delivery_id bigint, detail json) \
                 WHERE r.document_id = $1 AND r.delivery_id = $2 AND r.version = $3 AND r.detail ->> 'sys_id' = $4 AND r.detail ->> 'table' = $5) AS yes",
            )
            .bind::<BigInt, _>(document)
            .bind::<BigInt, _>(delivery)
            .bind::<Integer, _>(version)
            .bind::<Text, _>(sys_id)
            .bind::<Text, _>(table)
            .get_result(conn)?;
            Ok(said.yes)
        })
        .await
}
