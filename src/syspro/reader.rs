//! The reader of SYSPRO with its knowledge of the server, and the types of a read: a query of one table, its rows, one call from outside.

use std::cell::{Cell as Slot, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use tokio::sync::Semaphore;
use url::Url;

use crate::config::settings::{KeyOrder, RetrySettings, SysproSettings};
use crate::credentials::secret::Credential;
use crate::definition::plan::{ColumnKind, Kinds, TableRead};
use crate::domain::CompanyId;
use crate::domain::money::parse_decimal;
use crate::net::HttpClient;
use crate::redact::Quoted;
use crate::telemetry::labels::System;

use super::comparison::{Comparison, Misplaced};
use super::count::CountWay;
use super::error::{OrderAdvice, SysproError};
use super::filter::{Column, Condition, encode, excluded};
use super::metadata::{KnownMetadata, Metadata};
use super::trace::Trace;
use super::transport::Transport;
use super::value::Dates;
use super::wire::Cell;

/// SYSPRO for one flow, or for one diagnosis (`!Send`). A clone shares the connections and what was learned of the server.
#[derive(Clone)]
pub struct SysproReader {
    pub(super) inner: Rc<Inner>,
}

/// The connections to SYSPRO's OData service, for all readers of one thread (`!Send`). The readers share the limit of concurrent requests
/// (`syspro.connections`) and `$metadata`. What a reader learns of tables and columns is its own, because each flow forgets it at its own
/// time.
pub struct SysproConnections {
    pub(super) http: HttpClient,
    pub(super) base: Url,
    /// A request waits here for its turn, before its time limit starts.
    pub(super) turns: Semaphore,
    settings: Rc<SysproSettings>,
    metadata: Rc<KnownMetadata>,
}

pub(super) struct Inner {
    pub(super) transport: Transport,
    pub(super) settings: Rc<SysproSettings>,
    pub(super) retry: RetrySettings,
    pub(super) learned: RefCell<Learned>,
    pub(super) metadata: Rc<KnownMetadata>,
    /// Where its requests and their answers are kept.
    pub(super) trace: Option<Rc<Trace>>,
}

/// What was learned of the server; lost at a restart.
#[derive(Default)]
pub(super) struct Learned {
    /// The most comparisons accepted in one `$filter`.
    pub(super) comparisons: usize,
    /// The longest query string accepted, in bytes.
    pub(super) bytes: usize,
    /// The most rows that the server allows per request; 0: no limit found.
    pub(super) top: usize,
    /// The date format that a table accepts, as a number starting at the likeliest.
    pub(super) date_way: HashMap<(CompanyId, String), usize>,
    /// Whether the server does not support `$select`: then all columns are requested.
    pub(super) no_select: bool,
    /// Optional columns that a table lacks.
    pub(super) dropped: HashMap<(CompanyId, String), BTreeSet<String>>,
    /// Tables that a company lacks, if the definition allows that; requested again with each new query.
    pub(super) absent: HashSet<(CompanyId, String)>,
    /// Selections that the server has accepted.
    pub(super) accepted: HashSet<(CompanyId, String)>,
    /// The most rows that a table has returned in one answer.
    pub(super) largest: HashMap<(CompanyId, String), usize>,
    /// How the rows of a table are counted.
    pub(super) counts: HashMap<(CompanyId, String), CountWay>,
    /// Columns of a table that rows had values in.
    pub(super) given: HashMap<(CompanyId, String), HashSet<String>>,
    /// Companies that have answered.
    pub(super) companies: HashSet<CompanyId>,
    /// (root table, related table) pairs that are read by lists of keys, because a range includes too many rows.
    pub(super) sparse: HashSet<(String, String)>,
}

impl Learned {
    /// What the settings say of the OData service.
    pub(super) fn of(settings: &SysproSettings) -> Self {
        Self { comparisons: settings.filter_limit.max(1), bytes: settings.query_limit.max(256), ..Self::default() }
    }
}

/// One query of one table.
#[derive(Clone)]
pub(super) struct Query<'a> {
    /// The table.
    pub(super) table: &'a str,
    /// The columns, in the order of the rows' cells.
    pub(super) columns: &'a [String],
    /// Those of them that may be missing.
    pub(super) optional: &'a [String],
    /// The key for order and paging; all of its columns are in `columns`.
    pub(super) key: &'a [String],
    /// The kinds of values of its columns.
    pub(super) kinds: Kinds<'a>,
    /// All of these must hold.
    pub(super) conditions: Vec<Condition>,
    /// The number of leading key columns that the conditions fix to one value.
    pub(super) fixed: usize,
    /// Rows per request.
    pub(super) top: u32,
    /// Columns that, besides the key, assign a row to a record.
    pub(super) anchor: &'a [String],
    /// Whether many rows may have one key, of which one is enough.
    pub(super) repeats: bool,
}

/// Rows of several requests.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The rows, in the order received.
    pub(super) rows: Vec<Vec<Cell>>,
    /// Rows that cannot be read.
    pub(super) bad: Vec<BadRow>,
    /// Whether there may be more rows after the last one.
    pub(super) more: bool,
    /// Of the rows, those that an earlier read had, too.
    pub(super) again: usize,
}

impl Rows {
    /// Removes the rows that the definition excludes.
    pub(super) fn leave_out(&mut self, table: &TableRead) {
        self.rows.retain(|row| !excluded(table, row));
        self.bad.retain(|bad| !bad.is_excluded(table));
    }
}

/// An unreadable row: only its key and the columns that assign it, if these can be read.
#[derive(Debug, Clone)]
pub(super) struct BadRow {
    /// Its cells, unreadable ones as null; `None` when its key cannot be read.
    pub(super) cells: Option<Vec<Cell>>,
    /// The key before it.
    pub(super) after: Option<Vec<Cell>>,
    /// What is wrong.
    pub(super) problem: RowProblem,
}

/// Why a row cannot become a record.
#[derive(Debug, Clone)]
pub(super) enum RowProblem {
    /// It cannot be read; with the error.
    Unreadable(String),
    /// SYSPRO shows its key otherwise than it compares it; in words.
    ShownOtherwise(String),
    /// It leaves out these columns.
    LeftOut(Vec<String>),
    /// The value of this column is longer than the limit.
    Oversized {
        /// The column.
        column: String,
        /// Its length in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// This column holds an object or a list instead of one value.
    Nested {
        /// The column.
        column: String,
    },
}

/// One call from outside: the credential, the company, and the cost so far.
pub(super) struct Call<'a> {
    pub(super) reader: &'a Inner,
    pub(super) credential: &'a Credential,
    pub(super) company: &'a CompanyId,
    pub(super) metadata: Rc<Metadata>,
    pub(super) requests: Slot<u32>,
    /// Memory of the kept rows, in bytes.
    pub(super) kept: Slot<usize>,
    pub(super) rows: Slot<u64>,
    pub(super) root_rows: Slot<u64>,
    pub(super) nameless: Slot<bool>,
    pub(super) missing: RefCell<Vec<(String, String)>>,
}

impl SysproConnections {
    /// The connections to the OData service at this address, without the company part.
    ///
    /// # Errors
    /// [`SysproError::Setup`] when a certificate file cannot be read or the proxy is not valid.
    pub fn new(url: &Url, settings: &SysproSettings) -> Result<Self, SysproError> {
        let http = HttpClient::new(System::SysproOdata, &settings.connection).map_err(|source| SysproError::Setup { source })?;
        Ok(Self::over(url, settings, http))
    }

    /// The connections of this client.
    pub fn over(url: &Url, settings: &SysproSettings, http: HttpClient) -> Self {
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let turns = Semaphore::new(settings.connection.connections.max(1));
        Self { http, base, turns, settings: Rc::new(settings.clone()), metadata: Rc::default() }
    }
}

impl SysproReader {
    /// The reader of the OData service at this address, without the company part, over connections of its own.
    ///
    /// # Errors
    /// As for [`SysproConnections::new`].
    pub fn new(url: &Url, settings: &SysproSettings, retry: &RetrySettings) -> Result<Self, SysproError> {
        Ok(Self::over(Rc::new(SysproConnections::new(url, settings)?), retry))
    }

    /// A reader of the OData service over these connections.
    pub fn over(connections: Rc<SysproConnections>, retry: &RetrySettings) -> Self {
        let (settings, metadata) = (connections.settings.clone(), connections.metadata.clone());
        let learned = RefCell::new(Learned::of(&settings));
        let inner = Inner { transport: Transport::OData(connections), settings, retry: retry.clone(), learned, metadata, trace: None };
        Self { inner: Rc::new(inner) }
    }

    pub(super) async fn call<'a>(&'a self, credential: &'a Credential, company: &'a CompanyId) -> Call<'a> {
        let mut call = Call {
            reader: &self.inner,
            credential,
            company,
            metadata: Rc::default(),
            requests: Slot::new(0),
            kept: Slot::new(0),
            rows: Slot::new(0),
            root_rows: Slot::new(0),
            nameless: Slot::new(false),
            missing: RefCell::new(Vec::new()),
        };
        call.metadata = call.load_metadata().await;
        call
    }
}

/// The description of a request for logs; without secrets.
pub(super) fn asked(company: &CompanyId, table: &str) -> String {
    format!("a query of `{table}` in company `{company}`")
}

/// How much of a part of a key is shown, in bytes.
const PART_SHOWN: usize = 200;

/// A key for display.
pub(super) fn shown(key: &[Cell]) -> String {
    let part = |cell: &Cell| match (cell, cell.key_text()) {
        (Cell::Null, _) => "null".to_owned(),
        (_, text) if text.len() > PART_SHOWN => format!("{}…", Quoted::cut(&text, 0..PART_SHOWN)),
        (_, text) => text,
    };
    let parts: Vec<String> = key.iter().map(part).collect();
    format!("`{}`", parts.join("/"))
}

/// The first column in which two keys differ, if both have texts that ascend as numbers and not as texts: `9`, `10`.
fn numbers_as_texts(before: &[Cell], key: &[Cell]) -> Option<usize> {
    let column = before.iter().zip(key).position(|(a, b)| a != b)?;
    let (Cell::Text(a), Cell::Text(b)) = (&before[column], &key[column]) else { return None };
    let ascends = parse_decimal(a)? < parse_decimal(b)?;
    (ascends && a.trim_end() > b.trim_end()).then_some(column)
}

impl Call<'_> {
    /// The date settings of the site.
    pub(super) fn dates(&self) -> Dates {
        let settings = &self.reader.settings;
        Dates { zone: settings.date_zone, at: settings.time_zone, first: settings.no_date_before }
    }

    /// A column with its type, in the server's spelling.
    pub(super) fn column<'c>(&'c self, table: &str, name: &'c str, kind: ColumnKind) -> Column<'c> {
        Column { name: self.metadata.column(table, name).unwrap_or(name), edm: self.metadata.edm(table, name), kind }
    }

    /// `&$select=…`, unless the server does not support it.
    pub(super) fn select(&self, table: &str, columns: &[&str]) -> String {
        if self.reader.learned.borrow().no_select {
            return String::new();
        }
        let columns: Vec<&str> = columns.iter().map(|name| self.metadata.column(table, name).unwrap_or(name)).collect();
        format!("&$select={}", encode(&columns.join(",")))
    }

    /// A key of the maps in what was learned.
    pub(super) fn place(&self, table: &str) -> (CompanyId, String) {
        (self.company.clone(), table.to_owned())
    }

    /// Notes a missing column, once per call.
    pub(super) fn note_missing(&self, table: &str, column: &str) {
        let entry = (table.to_owned(), column.to_owned());
        let mut missing = self.missing.borrow_mut();
        if !missing.contains(&entry) {
            missing.push(entry);
        }
    }

    /// The requested columns: without the optional ones known to be missing.
    pub(super) fn selected<'q>(&self, query: &Query<'q>) -> Vec<&'q str> {
        let learned = self.reader.learned.borrow();
        let dropped = learned.dropped.get(&self.place(query.table));
        let gone = |name: &str| {
            query.optional.iter().any(|optional| optional == name)
                && (dropped.is_some_and(|dropped| dropped.contains(name)) || self.metadata.lacks(query.table, name))
        };
        query.columns.iter().map(String::as_str).filter(|name| !gone(name)).collect()
    }

    /// How to compare the key of a query.
    pub(super) fn comparison(&self, query: &Query<'_>) -> Comparison {
        self.comparison_by(query, self.reader.settings.key_order)
    }

    /// The same with a given setting.
    pub(super) fn comparison_by(&self, query: &Query<'_>, order: KeyOrder) -> Comparison {
        let of = |name: &String| match query.kinds.of(name) {
            ColumnKind::Number => Some("Edm.Decimal"),
            _ => self.metadata.edm(query.table, name),
        };
        let types: Vec<Option<&str>> = query.key.iter().map(of).collect();
        Comparison::new(order, types.into_iter())
    }

    /// The error for a misplaced row.
    pub(super) fn misplaced(
        &self,
        query: &Query<'_>,
        keys: &[Vec<Cell>],
        at: usize,
        how: &Misplaced,
        bound: Option<&[Cell]>,
    ) -> SysproError {
        let found = shown(&keys[at]);
        let columns = query.key.join(", ");
        let before = at.checked_sub(1).map(|before| keys[before].as_slice()).or(bound).map(shown).unwrap_or_default();
        let problem = match how {
            Misplaced::Disordered => format!("is not in the order of the key asked for ({columns}): {found} comes after {before}"),
            Misplaced::NotBeyond => {
                let bound = bound.map(shown).unwrap_or_default();
                format!("does not match the request: rows with a key ({columns}) beyond {bound}, and {found} came")
            }
            Misplaced::Repeated => format!("brings the key {found} ({columns}) a second time, after {before}"),
        };
        let texts = keys[at].iter().any(|cell| matches!(cell, Cell::Text(_)));
        let before = at.checked_sub(1).map(|before| keys[before].as_slice()).or(bound);
        let advice = match before.and_then(|before| numbers_as_texts(before, &keys[at])) {
            Some(column) => OrderAdvice::Numbers(query.key[column].clone()),
            None if *how != Misplaced::Repeated && texts && self.reader.settings.key_order == KeyOrder::Binary => OrderAdvice::Collation,
            None => OrderAdvice::None,
        };
        SysproError::Order { asked: asked(self.company, query.table), problem: problem.into(), advice }
    }

    /// The positions of the key in the columns.
    pub(super) fn key_offsets(&self, query: &Query<'_>) -> Result<Vec<usize>, SysproError> {
        let at = |name: &String| query.columns.iter().position(|column| column == name);
        let missing = |name: &String| SysproError::NoKey { asked: asked(self.company, query.table), column: name.clone() };
        query.key.iter().map(|name| at(name).ok_or_else(|| missing(name))).collect()
    }
}
