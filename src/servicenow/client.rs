//! The client: everything that the rest of Tieline asks of the instance. Each method hands its work to the module that does it.

use std::collections::BTreeSet;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::config::settings::ServiceNowSettings;
use crate::definition::plan::{AlignPlan, TargetPlan, WatchPlan, WriteMode};
use crate::domain::next_step::NextStep;
use crate::domain::version::VersionThere;
use crate::domain::{CompanyId, SysId};
use crate::net::HttpClient;
use crate::retry;

use super::downstream::{Arrived, Later};
use super::error::ServiceNowError;
use super::listing::Listed;
use super::outcome::{Found, OutRecord, Outcome, ProbeFinding, Settled, Verdict};
use super::paging::ListPosition;
use super::present::Present;
use super::table::RowOwners;
use super::token::TokenSource;
use super::transport::Transport;
use super::{create_probe, downstream, import_set, listing, present, probe, probe_maps, query, table};

/// Begins a key that no record has: keys begin with a company.
const UNKNOWN_KEY: &str = "tieline unknown";

/// The ServiceNow instance as one arbiter thread sees it. Clones share what was learned of the instance.
#[derive(Clone)]
pub struct ServiceNow {
    transport: Transport,
    owners: Option<Rc<dyn RowOwners>>,
}

impl ServiceNow {
    /// A client for one thread.
    ///
    /// # Errors
    /// [`ServiceNowError::Setup`] when a certificate file or the proxy cannot be used.
    pub fn new(settings: &ServiceNowSettings) -> Result<Self, ServiceNowError> {
        Ok(Self { transport: Transport::new(settings)?, owners: None })
    }

    /// A client that never takes over a row which `owners` says is another record's.
    ///
    /// # Errors
    /// As for [`ServiceNow::new`].
    pub fn with_owners(settings: &ServiceNowSettings, owners: Rc<dyn RowOwners>) -> Result<Self, ServiceNowError> {
        Ok(Self { transport: Transport::new(settings)?, owners: Some(owners) })
    }

    /// The same client for work whose lease ends at `deadline`, or when `alive` no longer holds: a request that could still be under way
    /// then is not begun, because ServiceNow cannot tell a sender that was replaced from the one that replaced it.
    #[must_use]
    pub fn leased_until(&self, deadline: Instant, alive: Rc<dyn Fn() -> bool>) -> Self {
        Self { transport: self.transport.leased_until(deadline, alive), owners: self.owners.clone() }
    }

    /// The HTTP client, for the token request.
    pub fn http(&self) -> &HttpClient {
        self.transport.http()
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &ServiceNowSettings {
        self.transport.settings()
    }

    #[cfg(test)]
    pub(super) fn learned(&self) -> &super::learned::Learned {
        self.transport.learned()
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
            WriteMode::ImportSet => import_set::send(&self.transport, tokens, target, records).await?,
            WriteMode::Table => table::send(&self.transport, self.owners.as_deref(), tokens, target, records).await?,
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
        query::find_by_key(&self.transport, tokens, target, keys).await
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
        query::find_by_natural_key(&self.transport, tokens, target, records).await
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
            WriteMode::ImportSet => import_set::settle(&self.transport, tokens, target, records).await,
            WriteMode::Table => table::settle(&self.transport, tokens, target, records).await,
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
            Ok(_) if target.write == WriteMode::Table => {
                Some(table::answers_before_write(&self.transport, self.owners.as_deref(), tokens, target, &unknown).await)
            }
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
        listing::page(&self.transport, tokens, target, align, company, since, at).await
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
        listing::by_id(&self.transport, tokens, target, align, sys_ids).await
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
        downstream::poll(&self.transport, tokens, target, watch, records).await
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
        present::page(&self.transport, tokens, target, table, prefix, at).await
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
        let found = query::find_by_id(&self.transport, tokens, target, ids).await?;
        Ok(found.into_values().map(|found| (found.sys_id, found.version)).collect())
    }

    /// The tables where staging rows whose keys begin with `prefix` landed lately.
    ///
    /// # Errors
    /// Whatever kept the instance from answering.
    pub async fn landed(&self, tokens: &dyn TokenSource, target: &TargetPlan, prefix: &str) -> Result<BTreeSet<String>, ServiceNowError> {
        present::landed(&self.transport, tokens, target, prefix).await
    }

    /// Whether each table can be read and has the columns that will be written.
    pub async fn probe(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        probe::probe(&self.transport, tokens, targets).await
    }

    /// On what the transform maps of the staging tables coalesce, and whether they copy empty fields.
    pub async fn probe_maps(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        probe_maps::probe(&self.transport, tokens, targets).await
    }

    /// Whether some row of ours in the table that is written shows this column filled.
    pub async fn keeps_field(&self, tokens: &dyn TokenSource, target: &TargetPlan, field: &str) -> bool {
        probe::keeps_field(&self.transport, tokens, target, field).await
    }

    /// Whether a row may be created in each table that is written: one is, and is taken away again.
    pub async fn try_create(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        create_probe::try_create(&self.transport, tokens, targets).await
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
