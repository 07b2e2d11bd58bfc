//! API keys, and the keys that sign the audit, compared with what events say of them.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Nullable};
use serde_json::Value;

use super::super::api_key::{ApiKeyRow, key_digest};
use super::super::schema::api_key;
use super::super::{AuditKeyRow, Conn, Store, StoreError, Tx};
use super::found::{Stop, broken};
use crate::store::text::{Text, text};

/// Keys as events have them so far.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// API keys that were added and not removed, as they were last changed, by their names.
    added: BTreeMap<String, AddedKey>,
    /// The keys that sign, by their fingerprints.
    signing: HashMap<String, SaidSigner>,
}

#[derive(Debug)]
struct AddedKey {
    leaf: i64,
    role: String,
    /// Of its hash, role, person and end; keys of earlier releases have none.
    digest: Option<String>,
}

/// The days of a key that signs.
#[derive(Debug, Default, PartialEq, Eq)]
struct SaidSigner {
    first_day: Option<NaiveDate>,
    last_day: Option<NaiveDate>,
}

/// The newest event about an API key.
#[derive(QueryableByName)]
struct KeyEvent {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    detail: Option<String>,
}

#[derive(QueryableByName)]
struct SaidSo {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl Keys {
    /// What a person or Tieline did to keys.
    pub(super) fn action(&mut self, leaf: i64, detail: &Value) {
        let text = |name: &str| detail[name].as_str().map(str::to_owned);
        let day = |name: &str| detail[name].as_str().and_then(|day| day.parse().ok());
        match (detail["action"].as_str(), text("name")) {
            (Some("api key add" | "api key change" | "api key rotate"), Some(name)) => {
                self.added.insert(name, AddedKey::of(leaf, detail));
            }
            (Some("api key remove"), Some(name)) => {
                self.added.remove(&name);
            }
            (Some("audit key add"), _) => {
                self.signing.extend(text("fingerprint").map(|fingerprint| (fingerprint, SaidSigner::default())));
            }
            (Some("audit key change"), _) => {
                for former in detail["former"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    self.signing.entry(former.to_owned()).or_default().last_day = day("last_day");
                }
                if let Some(fingerprint) = text("fingerprint") {
                    self.signing.entry(fingerprint).or_default().first_day = day("first_day");
                }
            }
            _ => {}
        }
    }

    /// Compares them with the tables.
    pub(super) async fn check(&self, store: &Store, is_partial: bool) -> Result<(), Stop> {
        let rows: Vec<ApiKeyRow> = store.api_key_list().await?;
        let rows: BTreeMap<&str, &ApiKeyRow> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
        let names = rows.keys().copied().filter(|name| !is_partial && !self.added.contains_key(*name));
        for name in self.added.keys().map(String::as_str).chain(names) {
            let (added, row) = (self.added.get(name), rows.get(name).copied());
            if differs(name, added, row).is_some() {
                // it may have been added or removed since the events were read
                let (now, row) = now(store, name).await?;
                if let Some(text) = differs(name, now.as_ref(), row.as_ref()) {
                    return broken(added.map_or(0, |added| added.leaf), text);
                }
            }
        }
        self.signers(store, is_partial).await
    }

    async fn signers(&self, store: &Store, is_partial: bool) -> Result<(), Stop> {
        let rows: Vec<AuditKeyRow> = store.audit_key_list().await?;
        for key in &rows {
            let fingerprint = &key.fingerprint;
            let is = SaidSigner { first_day: key.first_day, last_day: key.last_day };
            match self.signing.get(fingerprint) {
                Some(said) if *said == is => {}
                // a day may have been signed since the events were read
                Some(_) if said_now(store, "audit key change", fingerprint).await? && !self.changed(fingerprint) => {}
                Some(said) => {
                    let shown = |day: Option<NaiveDate>| day.map_or_else(|| "any day".to_owned(), |day| day.to_string());
                    let text = format!(
                        "the key {fingerprint} may sign from {} to {}, and the audit says from {} to {}",
                        shown(is.first_day),
                        shown(is.last_day),
                        shown(said.first_day),
                        shown(said.last_day)
                    );
                    return broken(0, text);
                }
                None if is_partial || said_now(store, "audit key add", fingerprint).await? => {}
                None => return broken(0, format!("the key {fingerprint} signs the audit, and no event says that it was made")),
            }
        }
        match self.signing.keys().find(|fingerprint| !rows.iter().any(|row| row.fingerprint == **fingerprint)) {
            Some(fingerprint) => broken(0, format!("the key {fingerprint}, which the audit names, is missing")),
            None => Ok(()),
        }
    }

    /// Whether an event that was read names days of a key.
    fn changed(&self, fingerprint: &str) -> bool {
        self.signing.get(fingerprint).is_some_and(|said| *said != SaidSigner::default())
    }
}

impl AddedKey {
    fn of(leaf: i64, detail: &Value) -> Self {
        let text = |name: &str| detail[name].as_str().map(str::to_owned);
        Self { leaf, role: text("role").unwrap_or_default(), digest: text("key") }
    }
}

/// What differs between an API key and what events say of it.
fn differs(name: &str, added: Option<&AddedKey>, row: Option<&ApiKeyRow>) -> Option<String> {
    let (Some(added), Some(row)) = (added, row) else {
        return match (added, row) {
            (Some(_), None) => Some(format!("the API key `{name}` is missing, and no event says that it was removed")),
            (None, Some(_)) => Some(format!("the API key `{name}` is there, and no event says that it was added")),
            _ => None,
        };
    };
    if row.role.as_str() != added.role {
        return Some(format!("the API key `{name}` was changed: its role is {}, and the audit says {}", row.role, added.role));
    }
    let digest = key_digest(row.role.as_str(), &row.prefix, &row.hash, row.expires_at, row.person.as_deref());
    let differs = added.digest.as_ref().is_some_and(|said| *said != digest);
    differs.then(|| format!("the API key `{name}` was changed: its secret, prefix, person or end differs from what the audit says"))
}

/// An API key, and the newest event about it. Both belong to the same moment: the event is the newest before and after the key is read.
async fn now(store: &Store, name: &str) -> Result<(Option<AddedKey>, Option<ApiKeyRow>), StoreError> {
    let name = name.to_owned();
    store
        .run("verify the audit", move |conn| {
            let mut event = newest(conn, &name)?;
            loop {
                let row =
                    api_key::table.filter(api_key::name.eq(text(&name))).select(ApiKeyRow::as_select()).get_result(conn).optional()?;
                let after = newest(conn, &name)?;
                if event.as_ref().map(|event| event.id) == after.as_ref().map(|event| event.id) {
                    let detail: Value = after.and_then(|event| serde_json::from_str(event.detail.as_deref()?).ok()).unwrap_or_default();
                    return Ok((
                        (detail["action"].is_string() && detail["action"] != "api key remove").then(|| AddedKey::of(0, &detail)),
                        row,
                    ));
                }
                event = after;
            }
        })
        .await
}

/// The newest event about an API key.
fn newest(conn: &mut Conn, name: &str) -> Tx<Option<KeyEvent>> {
    let event = sql_query(
        "SELECT e.id, r.detail::text AS detail FROM event e \
         CROSS JOIN LATERAL json_to_recordset(e.line::json -> 'records') AS r (detail json) \
         WHERE e.kind = 'action' AND r.detail ->> 'action' LIKE 'api key %' AND r.detail ->> 'name' = $1 ORDER BY e.id DESC LIMIT 1",
    );
    Ok(event.bind::<Text, _>(name).get_result(conn).optional()?)
}

/// Whether an event says this of a key that signs, by now.
async fn said_now(store: &Store, action: &'static str, fingerprint: &str) -> Result<bool, StoreError> {
    let fingerprint = fingerprint.to_owned();
    store
        .run("verify the audit", move |conn| {
            let said: SaidSo = sql_query(
                "SELECT EXISTS (SELECT FROM event e WHERE e.kind = 'action' AND strpos(e.line, '\"' || $1 || '\"') > 0 \
                 AND strpos(e.line, '\"' || $2 || '\"') > 0) AS yes",
            )
            .bind::<Text, _>(action)
            .bind::<Text, _>(fingerprint)
            .get_result(conn)?;
            Ok(said.yes)
        })
        .await
}
