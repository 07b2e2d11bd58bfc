//! Puts the heads of signed days outside the ledger: into a table of ServiceNow, and to a time-stamping authority (RFC 3161).
//!
//! The ledger keeps what is due, so that a restart loses nothing and no two nodes write the same head. `AuditOutside` looks from time to time
//! whether anything is due. It is apart from `AuditRecorder`: nothing that it waits for delays a seal, and neither place waits for the other
//! one. While ServiceNow has asked for a pause, nothing is sent there. Runs on the delivery arbiter.

use std::time::Duration;

use actix::prelude::*;
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

/// Time between two looks at what is due.
const EVERY: Duration = Duration::from_secs(10);
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

/// Puts heads outside, by a timer.
pub(super) struct AuditOutside {
    outside: Outside,
}

/// Reminder. Looks at one place, and sets the next reminder for it.
#[derive(Message)]
#[rtype(result = "()")]
struct LookDue(OutsidePlace);

impl AuditOutside {
    pub(super) fn new(outside: Outside) -> Self {
        Self { outside }
    }
}

impl Actor for AuditOutside {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for &place in OutsidePlace::ALL {
            if self.outside.settings.names(place) {
                ctx.notify_later(LookDue(place), EVERY);
            }
        }
    }
}

impl Supervised for AuditOutside {}

impl Handler<LookDue> for AuditOutside {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, LookDue(place): LookDue, _: &mut Self::Context) -> Self::Result {
        let outside = self.outside.clone();
        // set after the work, so that looks at one place never overlap
        Box::pin(async move { outside.look(place).await }.into_actor(self).map(move |(), _, ctx| {
            ctx.notify_later(LookDue(place), EVERY);
        }))
    }
}

/// A head that could not be put at its place.
struct NotPut {
    said: String,
    /// How long the place asked to wait.
    asked: Option<Duration>,
}

impl From<String> for NotPut {
    fn from(said: String) -> Self {
        Self { said, asked: None }
    }
}

/// A head that is at its place.
struct Put {
    said: String,
    token: Option<Vec<u8>>,
}

impl Outside {
    /// Puts every head that is due at a place there.
    async fn look(&self, place: OutsidePlace) {
        // a copy of the ledger that waits for a comparison writes nothing
        if self.permission.is_given()
            && let Err(error) = self.put_at(place).await
        {
            warn!(%place, error = %chain(&error), "the head of the audit was not put outside; Tieline retries");
        }
    }

    async fn put_at(&self, place: OutsidePlace) -> Result<(), StoreError> {
        while !self.stopping.has_begun() {
            // the pause is for all requests
            if place == OutsidePlace::ServiceNow && !self.store.sending_paused().await?.is_empty() {
                return Ok(());
            }
            let Some(due) = self.store.outside_take(place, LEASE).await? else { return Ok(()) };
            let put = match (place, &self.settings.head, &self.settings.timestamp_url) {
                (OutsidePlace::ServiceNow, Some(table), _) => self.write(table, &due).await,
                (OutsidePlace::Timestamp, _, Some(url)) => self.stamp(url, &due).await.map_err(NotPut::from),
                _ => return Ok(()),
            };
            metrics().ledger.head_put(place, put.is_ok());
            match put {
                Ok(Put { said, token }) => {
                    info!(%place, day = %due.day, said, "the head of the audit is outside");
                    self.store.outside_done(place, due.day, said, token).await?;
                }
                Err(NotPut { said, asked }) => {
                    warn!(%place, day = %due.day, said, "the head of the audit was not put outside; Tieline retries");
                    let wait = retry::delay(u32::try_from(due.tries).unwrap_or(1), BACKOFF).max(asked.unwrap_or_default());
                    self.store.outside_failed(place, due, said, wait).await?;
                    // what asked to wait would say the same for the next head
                    if asked.is_some() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes a head into the table of ServiceNow, as a record is written: the row is found by its key, and the values must come back.
    async fn write(&self, table: &HeadTable, due: &OutsideDue) -> Result<Put, NotPut> {
        let manifest = Manifest::read(&due.manifest).map_err(|problem| format!("the manifest of {} {problem}", due.day))?;
        let (plan, record) = (plan(table), record(table, &manifest, due));
        let sent = self.servicenow.send(&self.tokens, &plan, std::slice::from_ref(&record)).await;
        let table = &table.table;
        let sent = sent.map_err(|error| NotPut { asked: error.retry_after(), said: error.chain().to_string() })?;
        match sent.into_iter().next() {
            Some(Outcome::Confirmed { sys_id, partial, .. }) => match partial.first() {
                None => Ok(Put { said: format!("row {sys_id} of `{table}`"), token: None }),
                Some(field) => Err(format!(
                    "row {sys_id} of `{table}` has `{}` in `{}`, and `{}` was sent: correct `audit.head_fields`, or the column and its access \
                     rules",
                    field.returned.as_deref().unwrap_or_default(),
                    field.field,
                    field.sent
                )
                .into()),
            },
            Some(Outcome::Conflict { message, next_step } | Outcome::Rejected { message, next_step, .. }) => {
                Err(format!("`{table}` did not take it: {message}; {}", next_step.text()).into())
            }
            Some(Outcome::Deferred { message, retry_after, .. }) => Err(NotPut { said: message.into(), asked: retry_after }),
            Some(Outcome::Withdrawn { message } | Outcome::Unknown { message }) => Err(String::from(message).into()),
            None => Err(format!("there was no answer for the row of `{table}`").into()),
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
