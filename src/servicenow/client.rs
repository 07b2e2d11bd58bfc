//! The client: all requests of Tieline to the instance. Each method calls the module that does the work.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::config::settings::{ServiceNowSettings, TaskSettings};
use crate::definition::plan::{AlignPlan, TargetPlan, WatchPlan, WriteMode};
use crate::domain::next_step::NextStep;
use crate::domain::version::VersionThere;
use crate::domain::{CompanyId, SysId};
use crate::net::{ClientParts, HttpClient};
use crate::retry;

use super::aggregate::Uniqueness;
use super::downstream::{Arrived, Later};
use super::error::ServiceNowError;
use super::group_sums::{GroupSums, SumColumns};
use super::listing::Listed;
use super::outcome::{OutRecord, Outcome, ProbeFinding, RecordResult, Settled};
use super::paging::ListPosition;
use super::present::Present;
use super::stored_rows::{StoredPage, StoredRow};
use super::table::RowOwners;
use super::task::{TaskThere, TaskWritten};
use super::token::TokenSource;
use super::transport::Transport;
use super::{
    aggregate, create_probe, downstream, group_sums, import_set, listing, present, probe, probe_lengths, probe_maps, query, staging,
    stored_rows, table, task,
};

/// Start of a key that no record has: keys start with a company.
const UNKNOWN_KEY: &str = "tieline unknown";

/// The ServiceNow instance for one arbiter thread. Clones share what was learned of the instance.
#[derive(Clone)]
pub struct ServiceNow {
    pub(super) transport: Transport,
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

    /// A client for one thread, with certificates that were read before.
    pub fn over(settings: &ServiceNowSettings, parts: &ClientParts) -> Self {
        Self { transport: Transport::over(settings, HttpClient::of(parts)), owners: None }
    }

    /// The same client, which never adopts a row that, according to `owners`, belongs to another record.
    #[must_use]
    pub fn with_owners(self, owners: Rc<dyn RowOwners>) -> Self {
        Self { owners: Some(owners), ..self }
    }

    /// The same client for work whose lease ends at `deadline`, or earlier when `alive` returns `false`. A request that could still be
    /// running by then is not started, because ServiceNow cannot tell the former holder of the lease from the new one.
    #[must_use]
    pub fn leased_until(&self, deadline: Instant, alive: Rc<dyn Fn() -> bool>) -> Self {
        Self { transport: self.transport.leased_until(deadline, alive), owners: self.owners.clone() }
    }

    /// The HTTP client, for the token request.
    pub fn http(&self) -> &HttpClient {
        self.transport.http()
    }

    /// Its settings.
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
    /// Records of one call may reach the instance in any order. So one call must not contain two versions of one record, or a record and
    /// another one that refers to it.
    ///
    /// # Errors
    /// Only when nothing was written for a reason that concerns no single record: no token, no connection, no such table.
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

    /// Looks up unknown outcomes: whether ServiceNow has this version of each record; one answer per record, in the given order.
    ///
    /// # Errors
    /// The error that prevented an answer.
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

    /// How many rows of a table have keys that start with `prefix`, and which of these keys more than one row carries. Two requests.
    ///
    /// # Errors
    /// The error that prevented an answer; [`ServiceNowError::Forbidden`] also where the user may not read every row.
    pub async fn uniqueness(
        &self,
        tokens: &dyn TokenSource,
        table: &str,
        column: &str,
        prefix: &str,
    ) -> Result<Uniqueness, ServiceNowError> {
        aggregate::uniqueness(&self.transport, tokens, table, column, prefix).await
    }

    /// A page of the rows of a table whose keys start with `prefix`, with the values that are compared with SYSPRO.
    ///
    /// # Errors
    /// The error that prevented an answer, or an answer with which the rows cannot be told apart.
    pub async fn stored_rows(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        table: &str,
        prefix: &str,
        at: ListPosition,
    ) -> Result<StoredPage, ServiceNowError> {
        stored_rows::page(&self.transport, tokens, target, table, prefix, at).await
    }

    /// The rows of a table with these keys, with the same values; and the keys of rows that are counted and not shown.
    ///
    /// # Errors
    /// As [`ServiceNow::stored_rows`].
    pub async fn stored_rows_by_key(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        table: &str,
        keys: &[String],
    ) -> Result<(Vec<StoredRow>, HashSet<String>), ServiceNowError> {
        stored_rows::by_keys(&self.transport, tokens, target, table, keys).await
    }

    /// What [`ServiceNow::stored_rows`] asks of the rows of a table, as a text.
    pub fn asked_of_rows(target: &TargetPlan) -> String {
        stored_rows::asked(target)
    }

    /// The number of rows of a table whose keys start with one of these prefixes, their changes and the time of the last one, as a text. The
    /// same text: none of them has changed. `None`: the instance does not tell all of it. One request.
    ///
    /// # Errors
    /// The error that prevented an answer; [`ServiceNowError::Forbidden`] also where the user may not read every row.
    pub async fn change_vector(
        &self,
        tokens: &dyn TokenSource,
        table: &str,
        column: &str,
        prefixes: &[String],
    ) -> Result<Option<String>, ServiceNowError> {
        aggregate::change_vector(&self.transport, tokens, table, column, prefixes).await
    }

    /// What ServiceNow itself counts and adds up of the rows of a table whose keys start with `prefix`, in groups by currency, fiscal year
    /// and period. One request.
    ///
    /// # Errors
    /// As [`ServiceNow::change_vector`].
    pub async fn computed_sums(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        table: &str,
        prefix: &str,
    ) -> Result<GroupSums, ServiceNowError> {
        group_sums::computed(&self.transport, tokens, target, table, prefix).await
    }

    /// The column with the amounts of a target in its table; `None`: there is none, or none with their currency.
    pub fn summed_column(target: &TargetPlan) -> Option<&str> {
        SumColumns::of(target).map(|columns| columns.amount())
    }

    /// The types of the columns with these names, by table and column, as the dictionary has them. One request.
    ///
    /// # Errors
    /// The error that prevented an answer.
    pub async fn column_kinds(
        &self,
        tokens: &dyn TokenSource,
        columns: &[&str],
    ) -> Result<BTreeMap<(String, String), String>, ServiceNowError> {
        group_sums::column_kinds(&self.transport, tokens, columns).await
    }

    /// The records of these keys whose newest staging row is not processed yet, each with the time in UTC at which it was staged.
    ///
    /// # Errors
    /// The error that prevented an answer.
    pub async fn staged(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        keys: &[String],
    ) -> Result<HashMap<String, Option<DateTime<Utc>>>, ServiceNowError> {
        staging::unprocessed(&self.transport, tokens, target, keys).await
    }

    /// Whether the instance answers a query for an unknown record of this kind. If it does, and does not answer for the record itself, the
    /// record is the cause. `None`: there is no column for such a query.
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

    /// One page of the visible rows of an aligned table, or of those changed since a time of the instance's clock, and the position of the
    /// next page. `None`: this was the last page.
    ///
    /// # Errors
    /// The error that prevented an answer; nothing is then known of the rows that were not reached.
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

    /// Rows of an aligned table by their sys_ids; rows that are not visible are left out.
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

    /// The states of records after their delivery, in the given order.
    ///
    /// # Errors
    /// The error that prevented an answer; nothing is then known of any of them.
    pub async fn later(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        watch: &WatchPlan,
        records: &[Arrived],
    ) -> Result<Vec<Later>, ServiceNowError> {
        downstream::poll(&self.transport, tokens, target, watch, records).await
    }

    /// One page of the rows whose keys start with `prefix`, in a table that receives a target's records, and the position of the next page.
    /// `None`: this was the last page.
    ///
    /// # Errors
    /// The error that prevented an answer, or the error that the rows have no key.
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

    /// The values of the version columns of these rows of a target; rows that do not exist or are not visible are left out.
    ///
    /// # Errors
    /// The error that prevented an answer.
    pub async fn versions_of(
        &self,
        tokens: &dyn TokenSource,
        target: &TargetPlan,
        ids: &[&str],
    ) -> Result<Vec<(SysId, Option<VersionThere>)>, ServiceNowError> {
        let found = query::find_by_id(&self.transport, tokens, target, ids).await?;
        Ok(found.into_values().map(|found| (found.sys_id, found.version)).collect())
    }

    /// The tables that recently received rows from staging rows whose keys start with `prefix`.
    ///
    /// # Errors
    /// The error that prevented an answer.
    pub async fn landed(&self, tokens: &dyn TokenSource, target: &TargetPlan, prefix: &str) -> Result<BTreeSet<String>, ServiceNowError> {
        present::landed(&self.transport, tokens, target, prefix).await
    }

    /// Whether each table can be read and has the columns that will be written.
    pub async fn probe(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        probe::probe(&self.transport, tokens, targets).await
    }

    /// Whether text columns are long enough for what is sent. `expected`: the least length of each column, by table and column.
    pub async fn probe_lengths(&self, tokens: &dyn TokenSource, expected: &BTreeMap<String, BTreeMap<String, usize>>) -> Vec<ProbeFinding> {
        probe_lengths::probe(&self.transport, tokens, expected).await
    }

    /// Which columns the transform maps of the staging tables coalesce on, whether the maps copy empty fields, and whether the tables behind
    /// have the columns that they fill. `expected`: the least length of what is filled, by staging table and its column.
    pub async fn probe_maps(
        &self,
        tokens: &dyn TokenSource,
        targets: &[&TargetPlan],
        expected: &BTreeMap<String, BTreeMap<String, usize>>,
    ) -> Vec<ProbeFinding> {
        probe_maps::probe(&self.transport, tokens, targets, expected).await
    }

    /// Whether any of our rows in the target table has a value in this column.
    pub async fn keeps_field(&self, tokens: &dyn TokenSource, target: &TargetPlan, field: &str) -> bool {
        probe::keeps_field(&self.transport, tokens, target, field).await
    }

    /// The task of this name; `None`: there is none.
    ///
    /// # Errors
    /// The error that prevented an answer.
    pub async fn task_find(
        &self,
        tokens: &dyn TokenSource,
        settings: &TaskSettings,
        correlation: &str,
    ) -> Result<Option<TaskThere>, ServiceNowError> {
        task::find(&self.transport, tokens, settings, correlation).await
    }

    /// Why no task may be created; `None`: nothing speaks against it.
    pub async fn task_nameless(&self, tokens: &dyn TokenSource, settings: &TaskSettings) -> Option<String> {
        task::nameless(&self.transport, tokens, settings).await
    }

    /// The tasks with these rows; those that do not exist or are not visible are left out.
    ///
    /// # Errors
    /// The error that prevented an answer.
    pub async fn task_read(
        &self,
        tokens: &dyn TokenSource,
        settings: &TaskSettings,
        sys_ids: &[&str],
    ) -> Result<HashMap<String, TaskThere>, ServiceNowError> {
        task::read(&self.transport, tokens, settings, sys_ids).await
    }

    /// Creates a task (`sys_id`: none), or changes one.
    ///
    /// # Errors
    /// Only for a reason that is not this task.
    pub async fn task_write(
        &self,
        tokens: &dyn TokenSource,
        settings: &TaskSettings,
        sys_id: Option<&str>,
        fields: &[(String, String)],
    ) -> Result<TaskWritten, ServiceNowError> {
        task::write(&self.transport, tokens, settings, sys_id, fields).await
    }

    /// Whether the table of tasks can be read and has every column that is written.
    pub async fn task_probe(&self, tokens: &dyn TokenSource, settings: &TaskSettings) -> ProbeFinding {
        task::probe(&self.transport, tokens, settings).await
    }

    /// Whether a row may be created in each target table: creates one and deletes it again.
    pub async fn try_create(&self, tokens: &dyn TokenSource, targets: &[&TargetPlan]) -> Vec<ProbeFinding> {
        create_probe::try_create(&self.transport, tokens, targets).await
    }
}

/// An error for all records stays an error; an error for some becomes their outcome, so that the outcomes of the others are kept.
fn settle_failures(verdicts: Vec<RecordResult>) -> Result<Vec<Outcome>, ServiceNowError> {
    if verdicts.iter().all(Result::is_err) {
        return verdicts.into_iter().collect();
    }
    let some_confirmed = verdicts.iter().any(|verdict| matches!(verdict, Ok(Outcome::Confirmed { .. })));
    let outcome = |error: ServiceNowError| match error.class() {
        // other records succeeded, so this record is the cause
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
