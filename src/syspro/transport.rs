//! The two transports for requests of rows: an address of the OData service, or a COMFND request to e.net.

use std::cell::RefCell;
use std::rc::Rc;

use url::Url;

use crate::config::settings::{DateLiteral, DateZone, RetrySettings, SysproSettings};

use super::enet::{EnetTransport, Find, Finder};
use super::error::SysproError;
use super::filter::{Column, Condition, encode};
use super::key_filter::beyond;
use super::reader::{Call, Inner, Learned, Query, SysproConnections, SysproReader};
use super::wire::Cell;

/// How rows are requested.
pub(super) enum Transport {
    /// By an address of the OData service.
    OData(Rc<SysproConnections>),
    /// Through COMFND.
    Enet(Finder),
}

/// One request for rows, ready to be sent.
pub(super) enum Request {
    /// An address of the OData service.
    Address(Url),
    /// A COMFND request.
    Find(Find),
}

impl SysproReader {
    /// Whether it reads through e.net, in a session that is of one company at a time.
    pub fn has_session(&self) -> bool {
        matches!(self.inner.transport, Transport::Enet(_))
    }

    /// The same reader over e.net: the same definitions give the same documents. The credential of each call is then the operator's.
    pub fn over_enet(settings: &SysproSettings, retry: &RetrySettings, transport: Rc<dyn EnetTransport>) -> Self {
        let finder = Finder::new(transport, &settings.enet);
        let learned =
            Learned { comparisons: finder.comparisons().min(settings.filter_limit.max(4)), bytes: usize::MAX / 2, ..Learned::default() };
        // e.net writes plain dates and has no `$metadata`
        let settings = SysproSettings { date_literal: DateLiteral::Date, date_zone: DateZone::Label, ..settings.clone() };
        let inner = Inner {
            transport: Transport::Enet(finder),
            settings: Rc::new(settings),
            retry: retry.clone(),
            learned: RefCell::new(learned),
            metadata: Rc::default(),
            trace: None,
        };
        Self { inner: Rc::new(inner) }
    }
}

impl Call<'_> {
    /// The request for one page of a query.
    pub(super) fn ask(&self, query: &Query<'_>, selected: &[&str], after: Option<&[Cell]>, top: usize) -> Result<Request, SysproError> {
        match &self.reader.transport {
            Transport::OData(_) => self.address(query.table, &query_string(self, query, selected, after, top)).map(Request::Address),
            Transport::Enet(finder) => {
                let condition = condition(self, query, after).map_or(String::new(), |condition| condition.text);
                let order: Vec<&str> = query.key.iter().map(String::as_str).collect();
                Ok(Request::Find(finder.find(query.table, selected, &condition, &order, top).typed(query.kinds, selected)))
            }
        }
    }

    /// The request for one row after a key, with the first `skip` rows skipped.
    ///
    /// Counting rows misses some where others come or go in the meantime, so it is used for nothing else.
    pub(super) fn ask_behind(
        &self,
        query: &Query<'_>,
        selected: &[&str],
        after: Option<&[Cell]>,
        skip: usize,
    ) -> Result<Request, SysproError> {
        match &self.reader.transport {
            Transport::OData(_) => {
                let query_string = query_string(self, query, selected, after, 1);
                self.address(query.table, &format!("{query_string}&$skip={skip}")).map(Request::Address)
            }
            // COMFND cannot skip rows: all of them come, and only the last one is read
            Transport::Enet(_) => Ok(match self.ask(query, selected, after, skip + 1)? {
                Request::Find(find) => Request::Find(find.behind(skip)),
                address @ Request::Address(_) => address,
            }),
        }
    }

    /// The condition for this key.
    pub(super) fn exactly(&self, query: &Query<'_>, key: &[Cell]) -> Option<Condition> {
        let typed: Vec<Column<'_>> = query.key.iter().map(|name| self.column(query.table, name, query.kinds.of(name))).collect();
        super::key_filter::one_of(&typed, &[key])
    }

    /// The request for any one row of a table.
    pub(super) fn ask_one(&self, table: &str, columns: &[&str]) -> Result<Request, SysproError> {
        match &self.reader.transport {
            Transport::OData(_) => self.address(table, &format!("$top=1{}", self.select(table, columns))).map(Request::Address),
            Transport::Enet(finder) => Ok(Request::Find(finder.find(table, columns, "", &[], 1))),
        }
    }

    /// The error when a refusal says that there is no such table. Only e.net says so in its message: the OData service has a status for it.
    pub(super) fn denied_table(&self, table: &str, refusal: &SysproError) -> Option<SysproError> {
        match (&self.reader.transport, refusal) {
            (Transport::Enet(finder), SysproError::Refused { answer, .. }) if finder.denies(table, answer) => {
                Some(SysproError::UnknownTable { company: self.company.to_string(), table: table.to_owned() })
            }
            _ => None,
        }
    }

    /// The length of a query string without the conditions: the space that a list cannot use.
    pub(super) fn overhead(&self, query: &Query<'_>) -> usize {
        match &self.reader.transport {
            Transport::OData(_) => query_string(self, query, &self.selected(query), None, 5000).len() + "$filter=&".len(),
            Transport::Enet(finder) => finder.overhead(&finder.find(query.table, &self.selected(query), "", &[], 5000)),
        }
    }
}

/// All conditions for the rows of one page.
fn condition(call: &Call<'_>, query: &Query<'_>, after: Option<&[Cell]>) -> Option<Condition> {
    let mut conditions = query.conditions.clone();
    if let Some(last) = after {
        let typed: Vec<Column<'_>> = query.key.iter().map(|name| call.column(query.table, name, query.kinds.of(name))).collect();
        let fixed = query.fixed.min(typed.len().saturating_sub(1));
        conditions.push(beyond(&typed[fixed..], &last[fixed..]));
    }
    Condition::all(conditions)
}

fn query_string(call: &Call<'_>, query: &Query<'_>, selected: &[&str], after: Option<&[Cell]>, top: usize) -> String {
    let typed: Vec<Column<'_>> = query.key.iter().map(|name| call.column(query.table, name, query.kinds.of(name))).collect();
    let mut text = String::new();
    if let Some(condition) = condition(call, query, after) {
        text += &format!("$filter={}&", encode(&call.metadata.respelled(query.table, &condition.text)));
    }
    let order: Vec<String> = typed.iter().map(|column| format!("{} asc", column.name)).collect();
    text += &format!("$orderby={}&$top={top}", encode(&order.join(",")));
    text + &call.select(query.table, selected)
}
