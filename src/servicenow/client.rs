//! Requests with a token: the headers, the one repeat after a 401, patient reads, and the judgement of an answer to a write.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use tokio::time::Instant;

use futures_util::future::LocalBoxFuture;

use chrono::{DateTime, Utc};
use tracing::{debug, warn};

use crate::config::settings::ServiceNowSettings;
use crate::definition::plan::{AlignPlan, TargetPlan, WatchPlan, WriteMode};
use crate::domain::next_step::NextStep;
use crate::domain::version::VersionThere;
use crate::domain::{CompanyId, SysId};
use crate::net::{Bytes, HttpClient, Method};
use crate::retry;
use crate::telemetry::labels::System;

use super::batch_route::BatchRoute;
use super::downstream::{Arrived, Later};
use super::error::ServiceNowError;
use super::listing::Listed;
use super::outcome::{Found, OutRecord, Outcome, ProbeFinding, Settled, Verdict};
use super::paging::ListPosition;
use super::present::Present;
use super::staging_proof::Proof;
use super::token::TokenSource;
use super::transport::{Answer, Judged, Op, endpoint, judge, read_rows, retry_after, unanswered, what};
use super::wire::Row;
use super::{create_probe, downstream, import_set, listing, present, probe, probe_maps, query, table};

/// Tries of one read.
const READ_TRIES: u32 = 3;

/// Begins a key that no record has: keys begin with a company.
const UNKNOWN_KEY: &str = "tieline unknown";

/// A read waits this long for an instance that asks for time; longer is the caller's decision.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ServiceNow instance as one arbiter thread sees it. Clones share what was learned of the instance.
#[derive(Clone)]
pub struct ServiceNow {
    shared: Rc<Shared>,
    /// No one else may take the work for lost before then, while this holds; `None` without a lease.
    lease: Option<(Instant, Rc<dyn Fn() -> bool>)>,
    /// How often a read is tried.
    read_tries: u32,
    /// A refusal of a read is tried again too: what is said of a record hangs on it.
    doubts_refusals: bool,
}

pub(super) struct Shared {
    pub(super) http: HttpClient,
    pub(super) settings: ServiceNowSettings,
    pub(super) batch_route: Cell<BatchRoute>,
    /// The Batch API is not asked before then: it was refused while single requests worked.
    pub(super) batch_after: Cell<Option<Instant>>,
    pub(super) warned_sys_id: Cell<bool>,
    pub(super) owners: Option<Rc<dyn RowOwners>>,
    pub(super) proof: Proof,
}

/// Knows which rows were written for other records, where the instance's table has no key column that would say so.
pub trait RowOwners {
    /// Those of these sys_ids that are some record's already; an error's text when that cannot be known now.
    fn owned<'a>(&'a self, sys_ids: Vec<String>) -> LocalBoxFuture<'a, Result<HashSet<String>, String>>;
}

impl ServiceNow {
    /// A client for one thread.
    ///
    /// # Errors
    /// [`ServiceNowError::Setup`] when a certificate file or the proxy cannot be used.
    pub fn new(settings: &ServiceNowSettings) -> Result<Self, ServiceNowError> {
        Self::make(settings, None)
    }

    fn make(settings: &ServiceNowSettings, owners: Option<Rc<dyn RowOwners>>) -> Result<Self, ServiceNowError> {
        let http = HttpClient::new(System::ServiceNow, &settings.connection)
            .map_err(|error| ServiceNowError::Setup { source: Arc::new(error) })?;
        let batch_route = Cell::new(if settings.batch { BatchRoute::V1 } else { BatchRoute::None });
        let shared = Shared {
            http,
            settings: settings.clone(),
            batch_route,
            batch_after: Cell::new(None),
            warned_sys_id: Cell::new(false),
            owners,
            proof: Proof::default(),
        };
        Ok(Self { shared: Rc::new(shared), lease: None, read_tries: READ_TRIES, doubts_refusals: false })
    }

    /// A client that never takes over a row which `owners` says is another record's.
    ///
    /// # Errors
    /// As for [`ServiceNow::new`].
    pub fn with_owners(settings: &ServiceNowSettings, owners: Rc<dyn RowOwners>) -> Result<Self, ServiceNowError> {
        Self::make(settings, Some(owners))
    }

    /// The same client for work whose lease ends at `deadline`, or when `alive` no longer holds: a request that could still be under way
    /// then is not begun, because ServiceNow cannot tell a sender that was replaced from the one that replaced it.
    #[must_use]
    pub fn leased_until(&self, deadline: Instant, alive: Rc<dyn Fn() -> bool>) -> Self {
        Self { lease: Some((deadline, alive)), ..self.clone() }
    }

    /// The same client for reads that may as well be made another time: each is tried once, and waits for nothing.
    pub(super) fn impatient(&self) -> Self {
        Self { read_tries: 1, ..self.clone() }
    }

    /// The same client for reads by which it is told whether a record arrived: a refusal that comes only once is not believed.
    pub(super) fn thorough(&self) -> Self {
        Self { doubts_refusals: true, ..self.clone() }
    }

    /// The HTTP client, for the token request.
    pub fn http(&self) -> &HttpClient {
        &self.shared.http
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &ServiceNowSettings {
        &self.shared.settings
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Sends records of one target: one outcome per record, in the order given.
    ///
    /// Records of one call may reach the instance in any order, so two versions of one record, or a record and one that refers to it,
    /// must not stand in the same call.
    ///
    /// # Errors
    /// Only when nothing was written for a reason that is none of the records': no token, no connection, no such table.
    pub async fn send(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        records: &[OutRecord],
    ) -> Result<Vec<Outcome>, ServiceNowError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let verdicts = match target.write {
            WriteMode::ImportSet => import_set::send(self, tokens, target, records).await?,
            WriteMode::Table => table::send(self, tokens, target, records).await?,
        };
        settle_failures(verdicts)
    }

    /// Rows by the key column: the returned row's key is compared, never the count.
    ///
    /// # Errors
    /// [`ServiceNowError::UnknownColumn`] when rows come back without the key column; otherwise whatever kept the instance from answering.
    pub async fn find_by_key(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        keys: &[String],
    ) -> Result<Vec<Option<Found>>, ServiceNowError> {
        query::find_by_key(self, tokens, target, keys).await
    }

    /// Rows that somebody else may have made, by the natural key; compared exactly with what came back.
    ///
    /// Of several rows with one natural key, the one that carries the record's own key comes first, then one that carries none.
    ///
    /// # Errors
    /// As [`ServiceNow::find_by_key`].
    pub async fn find_by_natural_key(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        records: &[OutRecord],
    ) -> Result<Vec<Option<Found>>, ServiceNowError> {
        query::find_by_natural_key(self, tokens, target, records).await
    }

    /// Looks up unknown outcomes: whether this version of each record stands in ServiceNow, one answer per record in the order given.
    ///
    /// # Errors
    /// Whatever kept the instance from answering.
    pub async fn settle(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        records: &[OutRecord],
    ) -> Result<Vec<Settled>, ServiceNowError> {
        match target.write {
            WriteMode::ImportSet => import_set::settle(self, tokens, target, records).await,
            WriteMode::Table => table::settle(self, tokens, target, records).await,
        }
    }

    /// Whether the instance answers when it is asked for a record like this one that it has never had: where it does, and not for the record
    /// itself, the trouble is the record's. `None`: there is nothing by which it could be asked.
    pub async fn answers_for(&self, tokens: &dyn TokenSource, target: &TargetPlan, like: &OutRecord) -> Option<bool> {
        let unknown = format!("{UNKNOWN_KEY}/{}", like.delivery);
        let mut fields = like.fields.clone();
        for column in &target.natural_key {
            fields.insert(column.clone(), unknown.clone());
        }
        let unknown = OutRecord {
            source_key: unknown,
            derived_sys_id: "0".repeat(32),
            sys_id: None,
            sys_table: None,
            expects: None,
            fields,
            ..like.clone()
        };
        match self.settle(tokens, target, std::slice::from_ref(&unknown)).await {
            Ok(settled) if settled.iter().any(|one| matches!(one, Settled::Unknown { .. })) => None,
            Ok(_) if target.write == WriteMode::Table => Some(table::answers_before_write(self, tokens, target, &unknown).await),
            Ok(_) => Some(true),
            Err(_) => Some(false),
        }
    }

    /// The rows of an aligned table that can be seen, or those changed since an instant of the instance's clock: the page at a position,
    /// and where the next one begins. `None`: this was the last.
    ///
    /// # Errors
    /// Whatever kept the instance from answering; nothing is known then of rows that were not reached.
    pub async fn list(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        align: &AlignPlan,
        company: &CompanyId,
        since: Option<DateTime<Utc>>,
        at: ListPosition,
    ) -> Result<(Vec<Listed>, Option<ListPosition>), ServiceNowError> {
        listing::page(self, tokens, target, align, company, since, at).await
    }

    /// Rows of an aligned table by their sys_ids; those that cannot be seen are left out.
    ///
    /// # Errors
    /// As [`ServiceNow::list`].
    pub async fn list_by_id(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        align: &AlignPlan,
        sys_ids: &[String],
    ) -> Result<Vec<Listed>, ServiceNowError> {
        listing::by_id(self, tokens, target, align, sys_ids).await
    }

    /// What became of records after they had arrived, in their order.
    ///
    /// # Errors
    /// Whatever kept the instance from answering; nothing is known then of any of them.
    pub async fn later(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        watch: &WatchPlan,
        records: &[Arrived],
    ) -> Result<Vec<Later>, ServiceNowError> {
        downstream::poll(self, tokens, target, watch, records).await
    }

    /// The page of rows of a table where a target's records land, at a position, whose keys begin with `prefix`, and where the next one begins; `None`: this was the last.
    ///
    /// # Errors
    /// Whatever kept the instance from answering, or that its rows carry no key.
    pub async fn present(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        table: &str,
        prefix: &str,
        at: ListPosition,
    ) -> Result<(Vec<Present>, Option<ListPosition>), ServiceNowError> {
        present::page(self, tokens, target, table, prefix, at).await
    }

    /// What the version columns of these rows of a target say; rows that are not there, or may not be seen, are absent.
    ///
    /// # Errors
    /// Whatever kept the instance from answering.
    pub async fn versions_of(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        ids: &[&str],
    ) -> Result<Vec<(SysId, Option<VersionThere>)>, ServiceNowError> {
        let found = query::find_by_id(self, tokens, target, ids).await?;
        Ok(found.into_values().map(|found| (found.sys_id, found.version)).collect())
    }

    /// The tables where staging rows whose keys begin with `prefix` landed lately.
    ///
    /// # Errors
    /// Whatever kept the instance from answering.
    pub async fn landed(&self, tokens: &dyn TokenSource, target: &TargetPlan, prefix: &str) -> Result<BTreeSet<String>, ServiceNowError> {
        present::landed(self, tokens, target, prefix).await
    }

    /// Whether each table can be read and has the columns that will be written.
    pub async fn probe(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        probe::probe(self, tokens, targets).await
    }

    /// On what the transform maps of the staging tables coalesce, and whether they copy empty fields.
    pub async fn probe_maps(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        probe_maps::probe(self, tokens, targets).await
    }

    /// Whether some row of ours in the table that is written shows this column filled.
    pub async fn keeps_field(&self, tokens: &dyn TokenSource, target: &TargetPlan, field: &str) -> bool {
        probe::keeps_field(self, tokens, target, field).await
    }

    /// Whether a row may be created in each table that is written: one is, and is taken away again.
    pub async fn try_create(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        create_probe::try_create(self, tokens, targets).await
    }

    /// One request with a token. A 401 is repeated once with a fresh token.
    pub(super) async fn call(&self, tokens: &dyn TokenSource, method: &Method, path: &str, body: Bytes) -> Result<Answer, ServiceNowError> {
        let url = endpoint(&self.shared.settings.instance_url, path)?;
        let what = || what(method, path);
        for fresh in [false, true] {
            let token = tokens.token().await?;
            if let Some((deadline, alive)) = &self.lease
                && (Instant::now() + self.shared.settings.connection.longest() > *deadline || !alive())
            {
                return Err(ServiceNowError::LeaseEnds { what: what() });
            }
            let authorization = token.authorization();
            let headers = [("Authorization", authorization.as_str()), ("Accept", "application/json"), ("Content-Type", "application/json")];
            let sent = self.shared.http.send(method.clone(), &url, &headers, body.clone()).await;
            let answer = sent.map_err(|error| ServiceNowError::Net { what: what(), source: Arc::new(error) })?;
            debug!(what = %what(), status = answer.status, "answered");
            if answer.status != 401 {
                let retry_after = retry_after(|name| answer.header(name));
                let total = answer.header("X-Total-Count").and_then(|text| text.trim().parse().ok());
                return Ok(Answer {
                    status: answer.status,
                    retry_after,
                    total,
                    body: answer.body,
                    generation: token.generation,
                    _permit: answer.permit,
                });
            }
            tokens.refused(token.generation);
            if !fresh {
                debug!(what = %what(), generation = token.generation, "the token was refused, asking for another");
            }
        }
        Err(ServiceNowError::Unauthorized { what: what() })
    }

    /// Rows of a list request. Passing trouble is tried again, three times in all.
    pub(super) async fn read(&self, tokens: &dyn TokenSource, path: &str) -> Result<Vec<Row>, ServiceNowError> {
        Ok(self.read_counted(tokens, path).await?.0)
    }

    /// The same, with how many rows there are in all, those that may not be seen included.
    pub(super) async fn read_counted(&self, tokens: &dyn TokenSource, path: &str) -> Result<(Vec<Row>, Option<u64>), ServiceNowError> {
        let read = || async {
            let answer = self.call(tokens, &Method::GET, path, Bytes::new()).await?;
            Ok((read_rows(path, &answer)?, answer.total))
        };
        let retries = self.read_tries.saturating_sub(1) as usize;
        let mut attempt = 0;
        read.retry(retry::backoff(Duration::from_millis(200), Duration::from_secs(2)).with_max_times(retries))
            .when(|error: &ServiceNowError| match error.class() {
                retry::Class::Transient | retry::Class::Throttled => true,
                _ => self.doubts_refusals && matches!(error, ServiceNowError::Forbidden { .. } | ServiceNowError::Refused { .. }),
            })
            .adjust(|error, delay| {
                let throttled = error.class() == retry::Class::Throttled;
                let asked = throttled.then(|| error.retry_after().unwrap_or(Duration::from_secs(1)));
                // no delay is left: that was the last try
                delay.map(|delay| asked.unwrap_or(delay)).filter(|wait| *wait <= PATIENCE)
            })
            .notify(|error, _| {
                attempt += 1;
                warn!(error = %error.chain(), attempt, "a query failed, will be tried again");
            })
            .await
    }

    /// One write as a single request.
    pub(super) async fn write(&self, tokens: &dyn TokenSource, op: &Op) -> Judged {
        match self.call(tokens, &op.method, &op.path, op.body.clone().into()).await {
            Ok(answer) => judge(&what(&op.method, &op.path), &answer),
            Err(error) => unanswered(error),
        }
    }
}

/// An error for all is an error; an error for some becomes their outcome, so that what is known of the others is not lost.
fn settle_failures(verdicts: Vec<Verdict>) -> Result<Vec<Outcome>, ServiceNowError> {
    if verdicts.iter().all(Result::is_err) {
        return verdicts.into_iter().collect();
    }
    let some_confirmed = verdicts.iter().any(|verdict| matches!(verdict, Ok(Outcome::Confirmed { .. })));
    let outcome = |error: ServiceNowError| match error.class() {
        // the neighbours got through, so it is this record's after all
        retry::Class::Permanent if some_confirmed && !matches!(error, ServiceNowError::TokenRefused { .. }) => {
            Outcome::Rejected { message: error.chain().into(), field: None, next_step: NextStep::RequestRefused }
        }
        class => {
            let throttled = class == retry::Class::Throttled;
            Outcome::Deferred { message: error.chain().into(), retry_after: error.retry_after(), throttled }
        }
    };
    Ok(verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(outcome)).collect())
}
