//! Finds the tables and columns that a company really has: when a query is refused, and for `doctor`.

use backon::BackoffBuilder;
use futures_util::{StreamExt, stream};
use tracing::warn;

use crate::config::settings::AbsentColumns;
use crate::credentials::secret::Credential;
use crate::definition::ReadPlan;
use crate::definition::plan::{ColumnKind, TableRead};
use crate::domain::{CompanyId, Value};
use crate::retry;

use super::error::SysproError;
use super::reader::{Call, Query, SysproReader};
use super::value::value;
use super::wire::Answer;

/// Concurrent requests while single columns are tested.
const AT_ONCE: usize = 4;

/// How often a refusal must be repeated, each time together with another query that succeeds, before a table or column counts as missing.
///
/// A server with problems may refuse different requests at different times: Microsoft's IIS answers 404 while an application is being
/// replaced. A missing column is read as empty where a definition allows it, so a wrong decision would empty existing values.
const REPEATS: usize = 3;

/// The result of testing one table.
#[derive(Debug)]
pub struct ProbeFinding {
    /// The table.
    pub table: String,
    /// Required columns that it lacks.
    pub missing: Vec<String>,
    /// Optional columns that it lacks; they are read as empty.
    pub missing_optional: Vec<String>,
    /// Columns that the table has, or may have, but that are missing in its row.
    pub left_out: Vec<String>,
    /// Columns that are dates in `$metadata` but not in the entity's file: their text is kept as received.
    pub unnamed_dates: Vec<String>,
    /// Columns that are dates in the entity's file, with the type that the service has instead.
    pub not_dates: Vec<String>,
    /// Why the table cannot be read.
    pub error: Option<SysproError>,
    /// Whether the definition allows the table to be missing.
    pub may_be_absent: bool,
    /// Whether `$metadata` names the table; `None`: it was not received.
    pub is_listed: Option<bool>,
}

impl ProbeFinding {
    /// Whether the table can be read.
    pub fn is_ok(&self) -> bool {
        self.missing.is_empty() && (self.error.is_none() || self.is_absent())
    }

    /// Whether the table is missing, and may be missing.
    pub fn is_absent(&self) -> bool {
        self.may_be_absent && matches!(self.error, Some(SysproError::UnknownTable { .. }))
    }
}

/// How servers write a missing date. Any other very old date in a text column is more likely a code or a telephone number.
const NO_DATE: [&str; 5] = ["0000-00-00", "0001-01-01", "1753-01-01", "1899-12-30", "1900-01-01"];

/// The columns of a table that are requested.
struct Needed {
    table: String,
    columns: Vec<String>,
    optional: Vec<String>,
    dates: Vec<String>,
    may_be_absent: bool,
}

impl SysproReader {
    /// Requests one row from every table of a plan, and reports which tables and columns are missing.
    ///
    /// # Errors
    /// An error of the whole company: no connection, wrong password, unknown company. An error of one table is in its finding.
    pub async fn probe(&self, credential: &Credential, company: &CompanyId, plan: &ReadPlan) -> Result<Vec<ProbeFinding>, SysproError> {
        let call = self.call(credential, company).await;
        let mut findings = Vec::new();
        for needed in tables(plan) {
            let mut finding = ProbeFinding {
                table: needed.table.clone(),
                missing: vec![],
                missing_optional: vec![],
                left_out: vec![],
                unnamed_dates: vec![],
                not_dates: vec![],
                error: None,
                may_be_absent: needed.may_be_absent,
                is_listed: call.metadata.has_tables().then(|| call.metadata.has_table(&needed.table)),
            };
            let all: Vec<&str> = needed.columns.iter().map(String::as_str).collect();
            match call.sample(&needed.table, &all).await {
                Ok(answer) => {
                    call.hold_dates(&needed, &answer, &mut finding);
                    call.hold_columns(&needed, &answer, &mut finding);
                }
                Err(error @ SysproError::Refused { status: 404, .. }) => {
                    finding.error = Some(call.not_found(&needed.table, all[0], error).await);
                }
                Err(error) if call.denied_table(&needed.table, &error).is_some() => {
                    finding.error = call.denied_table(&needed.table, &error);
                }
                Err(error) if error.is_about(&all) => match call.missing(&needed.table, &all).await? {
                    Some(missing) => {
                        (finding.missing_optional, finding.missing) = missing.into_iter().partition(|name| needed.optional.contains(name));
                    }
                    None if call.knows_no_select(&needed.table, &all).await => {}
                    None => finding.error = Some(error),
                },
                Err(error) if error.concerns_company() => return Err(error),
                Err(error) => finding.error = Some(error),
            }
            if let Some(SysproError::UnknownCompany { .. }) = finding.error {
                return Err(finding.error.take().unwrap_or(SysproError::Stuck { asked: needed.table }));
            }
            findings.push(finding);
        }
        Ok(findings)
    }
}

fn tables(plan: &ReadPlan) -> Vec<Needed> {
    let mut all: Vec<Needed> = Vec::new();
    // a table may be absent when every reader of it allows that
    let mut add = |table: &str, columns: Vec<String>, optional: &[String], dates: &[String], may_be_absent: bool| {
        let at = all.iter().position(|needed| needed.table == table).unwrap_or_else(|| {
            all.push(Needed { table: table.to_owned(), columns: vec![], optional: vec![], dates: vec![], may_be_absent });
            all.len() - 1
        });
        for column in columns {
            if !all[at].columns.contains(&column) {
                all[at].columns.push(column);
            }
        }
        all[at].optional.extend(optional.iter().cloned());
        all[at].dates.extend(dates.iter().cloned());
        all[at].may_be_absent &= may_be_absent;
    };
    let mut root = plan.root.columns.clone();
    if let Some(derive) = &plan.root.derive {
        root.retain(|name| *name != derive.column_out);
        root.push(derive.from.clone());
    }
    add(&plan.root.table, root, &plan.root.optional, &plan.root.dates, false);
    for join in &plan.joins {
        let on = join.on.iter().map(|(_, column)| column.clone());
        add(&join.table.table, on.chain(join.table.columns.iter().cloned()).collect(), &join.table.optional, &join.table.dates, false);
    }
    for child in &plan.children {
        if let Some(via) = &child.via {
            let on = via.on.iter().map(|(_, column)| column.clone());
            add(
                &via.table.table,
                on.chain(via.table.columns.iter().cloned()).collect(),
                &via.table.optional,
                &via.table.dates,
                child.may_be_absent,
            );
        }
        let on = child.on.iter().map(|(_, column)| column.clone());
        add(
            &child.table.table,
            on.chain(child.table.columns.iter().cloned()).collect(),
            &child.table.optional,
            &child.table.dates,
            child.may_be_absent,
        );
    }
    for change in &plan.changes {
        let touched = change.touches.iter().map(|(_, column)| column.clone());
        let columns = change.key.iter().chain(&change.any_of).cloned().chain(touched);
        add(&change.table, columns.collect(), &[], &change.dates, change.may_be_absent);
    }
    all
}

impl Call<'_> {
    /// Finds the columns that the table lacks, and those that are missing in its row.
    fn hold_columns(&self, needed: &Needed, answer: &Answer, finding: &mut ProbeFinding) {
        for (at, name) in needed.columns.iter().enumerate() {
            let lacks = self.metadata.lacks(&needed.table, name);
            if !lacks && (answer.rows.is_empty() || answer.gives(at)) {
                continue;
            }
            let empty = self.reader.settings.absent_columns == AbsentColumns::Empty;
            let to = match needed.optional.contains(name) {
                _ if !lacks && self.is_known(&needed.table, name) => &mut finding.left_out,
                true => &mut finding.missing_optional,
                false if !lacks && empty => &mut finding.left_out,
                false => &mut finding.missing,
            };
            to.push(name.clone());
        }
    }

    /// Compares the dates of the entity's file with `$metadata` and with the received row. Skipped for e.net, where the service itself
    /// gives no types.
    fn hold_dates(&self, needed: &Needed, answer: &Answer, finding: &mut ProbeFinding) {
        if !self.metadata.has_tables() {
            return;
        }
        for (at, name) in needed.columns.iter().enumerate() {
            let Some(edm) = self.metadata.edm(&needed.table, name) else { continue };
            let dated = matches!(edm, "Edm.Date" | "Edm.DateTimeOffset" | "Edm.DateTime");
            match (dated, needed.dates.contains(name)) {
                (true, false) => finding.unnamed_dates.push(format!("{name} ({edm})")),
                (false, true) if edm == "Edm.String" => {
                    let odd = answer.rows.iter().filter_map(|row| row.get(at)?.as_ref()).find_map(|cell| {
                        let text = value(cell, ColumnKind::AsReceived, false, self.dates()).to_text();
                        let none = text.trim().is_empty() || NO_DATE.iter().any(|none| text.starts_with(none));
                        let date = matches!(value(cell, ColumnKind::Date, false, self.dates()), Value::Date(_));
                        (!none && !date).then_some(text)
                    });
                    finding.not_dates.extend(odd.map(|text| format!("{name} ({edm}, which holds `{text}`)")));
                }
                (false, true) => finding.not_dates.push(format!("{name} ({edm})")),
                (true, true) | (false, false) => {}
            }
        }
    }

    /// Finds out why a query was refused. `true`: optional columns are missing and have been noted, and the query may be repeated without
    /// them.
    ///
    /// # Errors
    /// The refusal itself when the columns are not the reason; otherwise the missing columns.
    pub(super) async fn diagnose(
        &self,
        query: &Query<'_>,
        selected: &[&str],
        known: &(CompanyId, String),
        refusal: SysproError,
    ) -> Result<bool, SysproError> {
        match self.sample(query.table, selected).await {
            Ok(_) => {
                self.reader.learned.borrow_mut().accepted.insert(known.clone());
                return Err(refusal);
            }
            Err(error @ SysproError::Refused { status: 404, .. }) => {
                // if one column alone also gets a 404, the table is missing, not a column
                if self.sample(query.table, &selected[..1]).await.is_err() {
                    return Err(self.not_found(query.table, selected[0], error).await);
                }
            }
            Err(error) if error.is_about(selected) => {
                if let Some(unknown) = self.denied_table(query.table, &error) {
                    return Err(unknown);
                }
            }
            Err(error) => return Err(error),
        }
        let Some(missing) = self.missing(query.table, selected).await? else {
            return if self.knows_no_select(query.table, selected).await { Ok(true) } else { Err(refusal) };
        };
        let (optional, needed): (Vec<String>, Vec<String>) = missing.into_iter().partition(|name| query.optional.contains(name));
        if !needed.is_empty() {
            return Err(SysproError::MissingColumn { company: self.company.to_string(), table: query.table.to_owned(), columns: needed });
        }
        if optional.is_empty() {
            return Err(refusal);
        }
        self.gone(query.table, optional.clone())?;
        warn!(company = %self.company, table = query.table, columns = ?optional, "optional columns are missing and are read as empty");
        let mut learned = self.reader.learned.borrow_mut();
        learned.dropped.entry(self.place(query.table)).or_default().extend(optional);
        Ok(true)
    }

    /// Requests one row with these columns.
    async fn sample(&self, table: &str, columns: &[&str]) -> Result<Answer, SysproError> {
        let ask = self.ask_one(table, columns)?;
        // a failing server is retried, as for any request; a server that fails because of a column always fails
        match self.once(table, &ask, columns, 1).await {
            Err(error @ SysproError::Failed { .. }) if error.is_about(columns) => Err(error),
            Err(error) if error.class() != retry::Class::Permanent => self.attempt(table, &ask, columns, 1).await,
            answer => answer,
        }
    }

    /// Tests whether the table answers without a selection after every single column was refused; from then on whole rows are requested.
    async fn knows_no_select(&self, table: &str, columns: &[&str]) -> bool {
        if std::mem::replace(&mut self.reader.learned.borrow_mut().no_select, true) {
            return false;
        }
        let answers = self.sample(table, columns).await.is_ok();
        self.reader.learned.borrow_mut().no_select = answers;
        if answers {
            warn!(company = %self.company, table, "the service refuses `$select`; Tieline reads whole rows from now on");
        }
        answers
    }

    /// The columns that are refused when requested alone; `None` when all are refused, because the reason is then another one.
    async fn missing(&self, table: &str, columns: &[&str]) -> Result<Option<Vec<String>>, SysproError> {
        let answers: Vec<(String, Result<Answer, SysproError>)> = stream::iter(columns.to_vec())
            .map(|name| async move { (name.to_owned(), self.sample(table, &[name]).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let (mut answering, mut refused) = (None, Vec::new());
        for (name, answer) in answers {
            match answer {
                Ok(_) => answering = Some(name),
                Err(error) if error.is_about(&[&name]) => refused.push((error.names(&name) || self.metadata.lacks(table, &name), name)),
                Err(error) => return Err(error),
            }
        }
        let Some(answering) = answering else { return Ok(None) };
        let mut missing = Vec::new();
        for (certain, name) in refused {
            if certain || self.stays_refused((table, &name), (table, &answering)).await? {
                missing.push(name);
            }
        }
        Ok(Some(missing))
    }

    /// Whether a table's column is refused every time it is requested, while another query succeeds each time.
    ///
    /// # Errors
    /// The error of the other query: the server has another problem than a missing column.
    async fn stays_refused(&self, (table, column): (&str, &str), (beside, answering): (&str, &str)) -> Result<bool, SysproError> {
        for _ in 0..REPEATS {
            self.sample(beside, &[answering]).await?;
            match self.sample(table, &[column]).await {
                Ok(_) => return Ok(false),
                Err(error) if error.is_about(&[column]) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The same when no other query has succeeded yet: with growing pauses between the attempts.
    async fn stays_refused_for_long(&self, table: &str, column: &str) -> Result<bool, SysproError> {
        let retry = &self.reader.retry;
        let mut delays = retry::delays(retry.backoff).with_max_times(REPEATS).build();
        // it was refused a moment ago
        tokio::time::sleep(delays.next().unwrap_or_default()).await;
        let is_refused = async || match self.sample(table, &[column]).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_about(&[column]) => Ok(true),
            Err(error) => Err(error),
        };
        retry::until(delays, is_refused, |refused| !refused).await
    }

    /// A query of another table that has succeeded for this company before.
    fn answered_before(&self, table: &str) -> Option<(String, String)> {
        let learned = self.reader.learned.borrow();
        let own = learned.accepted.iter().filter(|(company, _)| company == self.company);
        let questions = own.filter_map(|(_, asked)| asked.split_once('?'));
        let (other, columns) = questions.filter(|(other, _)| *other != table).min()?;
        Some((other.to_owned(), columns.split(',').next()?.to_owned()))
    }

    /// Whether the refusal of a table means that the company lacks it.
    pub(super) async fn lacks(&self, table: &TableRead, refusal: SysproError) -> bool {
        let unknown = match refusal {
            error @ SysproError::Refused { status: 404, .. } => {
                self.not_found(&table.table, table.key.first().map_or("", String::as_str), error).await
            }
            error => self.denied_table(&table.table, &error).unwrap_or(error),
        };
        matches!(unknown, SysproError::UnknownTable { .. })
    }

    /// Distinguishes an unknown table, an unknown company, and a server with problems.
    pub(super) async fn not_found(&self, table: &str, column: &str, refusal: SysproError) -> SysproError {
        // a table in the service's own list exists, whatever the service answers now
        if self.metadata.has_tables() && self.metadata.has_table(table) {
            return refusal;
        }
        let stays = match self.answered_before(table) {
            Some((other, answering)) => self.stays_refused((table, column), (&other, &answering)).await,
            None => self.stays_refused_for_long(table, column).await,
        };
        if !stays.unwrap_or(false) {
            return refusal;
        }
        let (company, table) = (self.company.to_string(), table.to_owned());
        match self.company_answers().await {
            Some(true) => SysproError::UnknownTable { company, table },
            _ if self.metadata.has_tables() && !self.metadata.has_table(&table) => SysproError::UnknownTable { company, table },
            Some(false) => SysproError::UnknownCompany { company, table },
            None => refusal,
        }
    }
}
