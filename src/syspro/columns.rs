//! Which tables and columns a company really has: found out when a query is refused, and asked for by `doctor`.

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

/// Requests at once while single columns are asked for.
const AT_ONCE: usize = 4;

/// How often a refusal must come again, each time beside a question that is answered, before a table or column is taken to be missing.
///
/// A server in trouble refuses now this, now that: Microsoft's IIS says 404 while an application is being replaced. What is missing is read
/// as empty where a definition allows it, so that believing too soon would blank what is there.
const REPEATS: usize = 3;

/// What a probe found of one table.
#[derive(Debug)]
pub struct ProbeFinding {
    /// The table.
    pub table: String,
    /// Needed columns that it lacks.
    pub missing: Vec<String>,
    /// Optional columns that it lacks: they are read as empty.
    pub missing_optional: Vec<String>,
    /// Columns that the table has, or may have, and that the row which came leaves out.
    pub left_out: Vec<String>,
    /// Columns that `$metadata` calls dates and the entity's file does not: they are carried as the text received.
    pub unnamed_dates: Vec<String>,
    /// Columns that the entity's file calls dates, and what the service has instead.
    pub not_dates: Vec<String>,
    /// Why the table cannot be read at all.
    pub error: Option<SysproError>,
    /// The definition allows the table to be missing.
    pub may_be_absent: bool,
}

impl ProbeFinding {
    /// Whether the table can be read.
    pub fn is_ok(&self) -> bool {
        self.missing.is_empty() && (self.error.is_none() || self.is_absent())
    }

    /// Whether the table is missing, and may be.
    pub fn is_absent(&self) -> bool {
        self.may_be_absent && matches!(self.error, Some(SysproError::UnknownTable { .. }))
    }
}

/// How servers write that there is no date. Any other date of long ago in a text column is more likely a code or a telephone number.
const NO_DATE: [&str; 5] = ["0000-00-00", "0001-01-01", "1753-01-01", "1899-12-30", "1900-01-01"];

/// Which columns of a table are asked for.
struct Needed {
    table: String,
    columns: Vec<String>,
    optional: Vec<String>,
    dates: Vec<String>,
    may_be_absent: bool,
}

impl SysproReader {
    /// Asks every table of a plan for one row and says which tables and columns are missing.
    ///
    /// # Errors
    /// What concerns the whole company: no connection, wrong password, unknown company. What concerns one table is in its finding.
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
    // a table may be absent when whatever reads it allows that
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
    /// Which columns the table lacks, and which its row leaves out.
    fn hold_columns(&self, needed: &Needed, answer: &Answer, finding: &mut ProbeFinding) {
        for (at, name) in needed.columns.iter().enumerate() {
            let lacks = self.metadata.lacks(&needed.table, name);
            if !lacks && (answer.rows.is_empty() || answer.gives(at)) {
                continue;
            }
            let empty = self.odata.settings.absent_columns == AbsentColumns::Empty;
            let to = match needed.optional.contains(name) {
                _ if !lacks && self.is_known(&needed.table, name) => &mut finding.left_out,
                true => &mut finding.missing_optional,
                false if !lacks && empty => &mut finding.left_out,
                false => &mut finding.missing,
            };
            to.push(name.clone());
        }
    }

    /// Holds what the entity's file says of dates against `$metadata` and against the row that came. What e.net's columns hold is not the
    /// service's word.
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
                        let text = value(cell, ColumnKind::AsReceived, None, self.dates()).to_text();
                        let none = text.trim().is_empty() || NO_DATE.iter().any(|none| text.starts_with(none));
                        let date = matches!(value(cell, ColumnKind::Date, None, self.dates()), Value::Date(_));
                        (!none && !date).then_some(text)
                    });
                    finding.not_dates.extend(odd.map(|text| format!("{name} ({edm}, which holds `{text}`)")));
                }
                (false, true) => finding.not_dates.push(format!("{name} ({edm})")),
                (true, true) | (false, false) => {}
            }
        }
    }

    /// Finds out why a query was refused. `true`: optional columns are missing, have been noted, and the query may be repeated without them.
    ///
    /// # Errors
    /// The refusal itself when the columns are not the reason; else what is missing.
    pub(super) async fn diagnose(
        &self,
        query: &Query<'_>,
        selected: &[&str],
        known: &(CompanyId, String),
        refusal: SysproError,
    ) -> Result<bool, SysproError> {
        match self.sample(query.table, selected).await {
            Ok(_) => {
                self.odata.learned.borrow_mut().accepted.insert(known.clone());
                return Err(refusal);
            }
            Err(error @ SysproError::Refused { status: 404, .. }) => {
                // a 404 to one column alone as well means the table, not a column
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
        let mut learned = self.odata.learned.borrow_mut();
        learned.dropped.entry(self.place(query.table)).or_default().extend(optional);
        Ok(true)
    }

    /// One row of these columns.
    async fn sample(&self, table: &str, columns: &[&str]) -> Result<Answer, SysproError> {
        let ask = self.ask_one(table, columns)?;
        // a failing server is asked again like everywhere else; one that fails on a column does so for good
        match self.once(table, &ask, columns, 1).await {
            Err(error @ SysproError::Failed { .. }) if error.is_about(columns) => Err(error),
            Err(error) if error.class() != retry::Class::Permanent => self.attempt(table, &ask, columns, 1).await,
            answer => answer,
        }
    }

    /// Whether the table answers once nothing is selected, where every column alone was refused; from then on whole rows are asked for.
    async fn knows_no_select(&self, table: &str, columns: &[&str]) -> bool {
        if std::mem::replace(&mut self.odata.learned.borrow_mut().no_select, true) {
            return false;
        }
        let answers = self.sample(table, columns).await.is_ok();
        self.odata.learned.borrow_mut().no_select = answers;
        if answers {
            warn!(company = %self.company, table, "the service refuses `$select`: whole rows are read from now on");
        }
        answers
    }

    /// The columns that are refused when asked for alone; `None` when all of them are, so that the reason is another.
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

    /// Whether a table's column is refused each time that it is asked for, and another question answered each time.
    ///
    /// # Errors
    /// What the other question was answered with: the server has other trouble than a missing column.
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

    /// The same where nothing has been answered yet that could be asked beside it: with growing waits between.
    async fn stays_refused_for_long(&self, table: &str, column: &str) -> Result<bool, SysproError> {
        let retry = &self.odata.retry;
        for wait in retry::delays(retry.backoff).with_max_times(REPEATS).build() {
            tokio::time::sleep(wait).await;
            match self.sample(table, &[column]).await {
                Ok(_) => return Ok(false),
                Err(error) if error.is_about(&[column]) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// A question about another table that this company has answered before.
    fn answered_before(&self, table: &str) -> Option<(String, String)> {
        let learned = self.odata.learned.borrow();
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

    /// Tells an unknown table from an unknown company, and both from a server in trouble.
    pub(super) async fn not_found(&self, table: &str, column: &str, refusal: SysproError) -> SysproError {
        // what the service itself lists is there, whatever it says now
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
