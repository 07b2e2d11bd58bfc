//! Puts the heads of signed days outside the ledger: into a table of ServiceNow, and to a time-stamping authority (RFC 3161).
//!
//! The ledger keeps what is due, so that a restart loses nothing and no two nodes write the same head. `AuditRecorder` calls this after it
//! has signed a day, and from time to time, so that what failed is tried again.

use std::time::Duration;

use tracing::{info, warn};
use url::Url;

use super::servicenow_token::TokenClient;
use crate::config::settings::{AuditSettings, HeadTable};
use crate::definition::plan::{ClearWith, FieldPlan, FieldSource, Form, PartialWrite, TargetPlan, WriteMode};
use crate::definition::record::derived_sys_id;
use crate::domain::chain;
use crate::domain::ids::DeliveryId;
use crate::domain::outside::{HeadValue, OutsidePlace};
use crate::domain::version::VersionText;
use crate::evidence::head::AuditHead;
use crate::evidence::manifest::{Manifest, sha256};
use crate::evidence::timestamp;
use crate::net::{HttpClient, Method, host_of};
use crate::process::permission::Permission;
use crate::retry::{self, Backoff};
use crate::servicenow::{OutRecord, Outcome, ServiceNow};
use crate::store::{OutsideDue, Store, StoreError};
use crate::supervision::stopping::Stopping;
use crate::telemetry::metrics::metrics;

/// How long no other node takes a head that is being put outside; much longer than the requests may take.
const LEASE: Duration = Duration::from_secs(1800);
/// The waits between the attempts of one head.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(3600));
/// The block under which heads are written: their rows have other sys_ids than those of records.
const BLOCK: &str = "audit_head";

/// Puts heads outside.
#[derive(Clone)]
pub(super) struct Outside {
    pub(super) settings: AuditSettings,
    pub(super) store: Store,
    pub(super) permission: Permission,
    pub(super) stopping: Stopping,
    pub(super) servicenow: ServiceNow,
    pub(super) tokens: TokenClient,
    /// For the time-stamping authority.
    pub(super) http: HttpClient,
}

/// A head that is at its place.
struct Put {
    said: String,
    token: Option<Vec<u8>>,
}

impl Outside {
    /// Whether anything is configured.
    pub(super) fn is_asked_for(&self) -> bool {
        self.settings.head.is_some() || self.settings.timestamp_url.is_some()
    }

    /// Puts every head that is due outside.
    pub(super) async fn put_due(&self) {
        // a copy of the ledger that waits for a comparison writes nothing
        if !self.permission.is_given() {
            return;
        }
        for place in [OutsidePlace::ServiceNow, OutsidePlace::Timestamp] {
            if let Err(error) = self.put_at(place).await {
                warn!(%place, error = %chain(&error), "the head of the audit was not put outside; Tieline retries");
            }
        }
    }

    async fn put_at(&self, place: OutsidePlace) -> Result<(), StoreError> {
        let is_configured = match place {
            OutsidePlace::ServiceNow => self.settings.head.is_some(),
            OutsidePlace::Timestamp => self.settings.timestamp_url.is_some(),
        };
        while is_configured && !self.stopping.has_begun() {
            let Some(due) = self.store.outside_take(place, LEASE).await? else { return Ok(()) };
            let put = match (place, &self.settings.head, &self.settings.timestamp_url) {
                (OutsidePlace::ServiceNow, Some(table), _) => self.write(table, &due).await,
                (OutsidePlace::Timestamp, _, Some(url)) => self.stamp(url, &due).await,
                _ => return Ok(()),
            };
            metrics().ledger.head_put(place, put.is_ok());
            match put {
                Ok(Put { said, token }) => {
                    info!(%place, day = %due.day, said, "the head of the audit is outside");
                    self.store.outside_done(place, due.day, said, token).await?;
                }
                Err(said) => {
                    warn!(%place, day = %due.day, said, "the head of the audit was not put outside; Tieline retries");
                    let wait = retry::delay(u32::try_from(due.tries).unwrap_or(1), BACKOFF);
                    self.store.outside_failed(place, due, said, wait).await?;
                }
            }
        }
        Ok(())
    }

    /// Writes a head into the table of ServiceNow, as a record is written: the row is found by its key, and the values must come back.
    async fn write(&self, table: &HeadTable, due: &OutsideDue) -> Result<Put, String> {
        let manifest = Manifest::read(&due.manifest).map_err(|problem| format!("the manifest of {} {problem}", due.day))?;
        let (plan, record) = (plan(table), record(table, &manifest, due));
        let sent = self.servicenow.send(&self.tokens, &plan, std::slice::from_ref(&record)).await;
        let table = &table.table;
        match sent.map_err(|error| error.chain().to_string())?.into_iter().next() {
            Some(Outcome::Confirmed { sys_id, partial, .. }) => match partial.first() {
                None => Ok(Put { said: format!("row {sys_id} of `{table}`"), token: None }),
                Some(field) => Err(format!(
                    "row {sys_id} of `{table}` has `{}` in `{}`, and `{}` was sent: correct `audit.head_fields`, or the column and its access \
                     rules",
                    field.returned.as_deref().unwrap_or_default(),
                    field.field,
                    field.sent
                )),
            },
            Some(Outcome::Conflict { message, next_step } | Outcome::Rejected { message, next_step, .. }) => {
                Err(format!("`{table}` did not take it: {message}; {}", next_step.text()))
            }
            Some(Outcome::Deferred { message, .. } | Outcome::Withdrawn { message } | Outcome::Unknown { message }) => Err(message.into()),
            None => Err(format!("there was no answer for the row of `{table}`")),
        }
    }

    /// Asks the time-stamping authority for a token over the SHA-256 of the manifest.
    async fn stamp(&self, url: &Url, due: &OutsideDue) -> Result<Put, String> {
        let (hash, host) = (sha256(due.manifest.as_bytes()), host_of(url));
        let headers = [("content-type", timestamp::QUERY), ("accept", timestamp::REPLY)];
        let answer = self.http.send_within(timestamp::LARGEST, Method::POST, url, &headers, timestamp::request(&hash).into()).await;
        let answer = answer.map_err(|error| format!("`{host}` gave no time stamp: {}", chain(&error)))?;
        if answer.status != 200 {
            return Err(format!("`{host}` gave no time stamp: status {}: {}", answer.status, answer.excerpt()));
        }
        timestamp::granted_for(&answer.body, &hash).map_err(|problem| format!("`{host}` gave no time stamp: {problem}"))?;
        Ok(Put { said: format!("a time stamp of `{host}`"), token: Some(answer.body.to_vec()) })
    }
}

/// The table as a target of records.
fn plan(table: &HeadTable) -> TargetPlan {
    let field =
        |name: &String| FieldPlan { name: name.clone(), source: FieldSource::Constant(String::new()), limit: None, form: Form::Unsaid };
    TargetPlan {
        block: BLOCK.to_owned(),
        table: table.table.clone(),
        write: WriteMode::Table,
        target_table: table.table.clone(),
        key_column: Some(table.key.clone()),
        version_column: None,
        natural_key: Vec::new(),
        fields: table.fields.iter().map(|(name, _)| field(name)).collect(),
        child: None,
        on_gone: Vec::new(),
        only_if: Vec::new(),
        partial_write: PartialWrite::Fail,
        clear_with: ClearWith::Null,
        align: None,
        watch: None,
        tie_out: Default::default(),
    }
}

fn record(table: &HeadTable, manifest: &Manifest, due: &OutsideDue) -> OutRecord {
    let key = format!("{}/{}", manifest.installation, manifest.day);
    let hash = sha256(due.manifest.as_bytes());
    let head = AuditHead { leaf: manifest.last_leaf, root: manifest.root };
    let value = |value: HeadValue| match value {
        HeadValue::Installation => manifest.installation.to_string(),
        HeadValue::Day => manifest.day.to_string(),
        HeadValue::Leaf => head.leaf.to_string(),
        HeadValue::Root => hex::encode(head.root),
        HeadValue::Head => head.to_string(),
        HeadValue::Manifest => hex::encode(hash),
        HeadValue::SignedBy => manifest.key.clone(),
    };
    OutRecord {
        delivery: DeliveryId(0),
        derived_sys_id: derived_sys_id(&key, BLOCK),
        source_key: key,
        version: VersionText::new(1, &hash),
        fields: table.fields.iter().map(|(name, one)| (name.clone(), value(*one))).collect(),
        cleared: Default::default(),
        sys_id: None,
        sys_table: None,
        alone: true,
        may_exist: due.tries > 1,
        expects: None,
    }
}
