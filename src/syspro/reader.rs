//! Requests to the OData service: one query of one table, repeated where that helps, every failure named.

use std::cell::{Cell as Slot, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use backon::Retryable;
use base64::{Engine, prelude::BASE64_STANDARD};
use tracing::debug;
use url::Url;

use crate::config::settings::{KeyOrder, RetrySettings, SysproSettings};
use crate::credentials::secret::Credential;
use crate::definition::plan::{ColumnKind, Kinds, TableRead};
use crate::domain::CompanyId;
use crate::domain::money::parse_decimal;
use crate::net::{HttpClient, Method, Response};
use crate::redact::Quoted;
use crate::retry::{self, Class};
use crate::telemetry::labels::System;

use super::count::CountWay;
use super::error::{OrderAdvice, SysproError};
use super::filter::{Column, Condition, encode};
use super::left_out::Settled;
use super::metadata::Metadata;
use super::order::{Comparison, Course, Misplaced};
use super::related::excluded;
use super::transport::{Request, Transport};
use super::value::Dates;
use super::wire::{self, Answer, Cell, Room, Unread};

/// After how long `$metadata` that did not answer is asked for again.
const METADATA_RETRY: Duration = Duration::from_secs(600);
/// After how long a known `$metadata` is read again, so that an upgrade of SYSPRO is noticed.
const METADATA_LIFE: Duration = Duration::from_secs(6 * 3600);
/// Pages without a row, but with a link to the next one, that are followed in a row.
const EMPTY_PAGES: u32 = 100;
/// What keeps a link from being followed.
const UNUSABLE_LINK: &str =
    "the link is not followed: it counts rows, which misses some when others come or go meanwhile, or it leads to another server";

/// SYSPRO's OData service. One per arbiter thread (`!Send`); a clone shares the connections and what was learned of the server.
#[derive(Clone)]
pub struct SysproReader {
    pub(super) inner: Rc<Inner>,
}

pub(super) struct Inner {
    pub(super) transport: Transport,
    pub(super) settings: SysproSettings,
    pub(super) retry: RetrySettings,
    pub(super) learned: RefCell<Learned>,
    pub(super) metadata: RefCell<HashMap<CompanyId, (Instant, bool, Rc<Metadata>)>>,
}

/// What the server has shown of itself; forgotten at a restart.
#[derive(Default)]
pub(super) struct Learned {
    /// The most comparisons accepted in one `$filter`.
    pub(super) comparisons: usize,
    /// The longest query string accepted, in bytes.
    pub(super) bytes: usize,
    /// The most rows that the server lets itself be asked for at once; 0: no limit met.
    pub(super) top: usize,
    /// Which way of writing dates a table takes, counted from the likeliest.
    pub(super) date_way: HashMap<(CompanyId, String), usize>,
    /// Whether the server does not know `$select`: every column comes, and all of them are asked for.
    pub(super) no_select: bool,
    /// Optional columns that a table lacks.
    pub(super) dropped: HashMap<(CompanyId, String), BTreeSet<String>>,
    /// Tables that a company lacks, where the definition allows that; asked for again with each new query.
    pub(super) absent: HashSet<(CompanyId, String)>,
    /// Selections that the server has accepted.
    pub(super) accepted: HashSet<(CompanyId, String)>,
    /// The most rows that a table has given in one answer.
    pub(super) largest: HashMap<(CompanyId, String), usize>,
    /// How the rows of a table are counted.
    pub(super) counts: HashMap<(CompanyId, String), CountWay>,
    /// Columns that rows of a table have brought.
    pub(super) given: HashMap<(CompanyId, String), HashSet<String>>,
    /// Companies that have answered.
    pub(super) companies: HashSet<CompanyId>,
    /// (root table, related table) pairs that are read by lists because a range takes in too much.
    pub(super) sparse: HashSet<(String, String)>,
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
    /// The key ordered and paged by; all of it stands in `columns`.
    pub(super) key: &'a [String],
    /// What its columns hold.
    pub(super) kinds: Kinds<'a>,
    /// All of these must hold.
    pub(super) conditions: Vec<Condition>,
    /// Leading key columns that the conditions fix to one value.
    pub(super) fixed: usize,
    /// Rows per request.
    pub(super) top: u32,
    /// Columns that tell, beside the key, where a row belongs.
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
    /// Whether there may be more beyond the last row.
    pub(super) more: bool,
}

impl Rows {
    /// Takes out what the definition leaves out.
    pub(super) fn leave_out(&mut self, table: &TableRead) {
        self.rows.retain(|row| !excluded(table, row));
        self.bad.retain(|bad| !bad.is_excluded(table));
    }
}

/// A row that cannot be read: nothing but its key and what it belongs to, where those can.
#[derive(Debug, Clone)]
pub(super) struct BadRow {
    /// Its cells, those that cannot be read as null; `None` when not even its key can be read.
    pub(super) cells: Option<Vec<Cell>>,
    /// The key before it.
    pub(super) after: Option<Vec<Cell>>,
    /// What is wrong.
    pub(super) problem: RowProblem,
}

/// Why no record can be made of a row.
#[derive(Debug, Clone)]
pub(super) enum RowProblem {
    /// It cannot be read: the error.
    Unreadable(String),
    /// It leaves out these columns.
    LeftOut(Vec<String>),
    /// The value of this column has N bytes, more than the limit.
    Oversized {
        /// The column.
        column: String,
        /// How many bytes.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// This column holds an object or a list instead of one value.
    Nested {
        /// The column.
        column: String,
    },
}

/// One call from outside: who asks, for which company, and what it cost.
pub(super) struct Call<'a> {
    pub(super) odata: &'a Inner,
    pub(super) credential: &'a Credential,
    pub(super) company: &'a CompanyId,
    pub(super) metadata: Rc<Metadata>,
    pub(super) requests: Slot<u32>,
    /// Memory of the rows that are kept, in bytes.
    pub(super) kept: Slot<usize>,
    pub(super) rows: Slot<u64>,
    pub(super) root_rows: Slot<u64>,
    pub(super) nameless: Slot<bool>,
    pub(super) missing: RefCell<Vec<(String, String)>>,
}

impl SysproReader {
    /// The reader over the OData service with this address, up to but without the company.
    ///
    /// # Errors
    /// [`SysproError::Setup`] when a certificate file cannot be read or the proxy makes no sense.
    pub fn new(url: &Url, settings: &SysproSettings, retry: &RetrySettings) -> Result<Self, SysproError> {
        let http = HttpClient::new(System::SysproOdata, &settings.connection).map_err(|source| SysproError::Setup { source })?;
        let learned = Learned { comparisons: settings.filter_limit.max(1), bytes: settings.query_limit.max(256), ..Learned::default() };
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let inner = Inner {
            transport: Transport::OData { http, base },
            settings: settings.clone(),
            retry: retry.clone(),
            learned: RefCell::new(learned),
            metadata: RefCell::new(HashMap::new()),
        };
        Ok(Self { inner: Rc::new(inner) })
    }

    pub(super) async fn call<'a>(&'a self, credential: &'a Credential, company: &'a CompanyId) -> Call<'a> {
        let mut call = Call {
            odata: &self.inner,
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

/// What is asked, in words that may stand in a log.
pub(super) fn asked(company: &CompanyId, table: &str) -> String {
    format!("a query of `{table}` in company `{company}`")
}

/// How much of a key's part is shown, in bytes.
const PART_SHOWN: usize = 200;

/// A key as it is shown to people.
pub(super) fn shown(key: &[Cell]) -> String {
    let part = |cell: &Cell| match (cell, cell.key_text()) {
        (Cell::Null, _) => "null".to_owned(),
        (_, text) if text.len() > PART_SHOWN => format!("{}…", Quoted::cut(&text, 0..PART_SHOWN)),
        (_, text) => text,
    };
    let parts: Vec<String> = key.iter().map(part).collect();
    format!("`{}`", parts.join("/"))
}

/// So few rows are no silent limit of a server's.
const NO_CAP: usize = 5;

/// Whether a page without a link may have been cut silently: full, or not smaller than the largest that the table has ever given at once.
/// A server that gave more rows in one answer does not cut at fewer.
fn maybe_more(count: usize, top: usize, largest: usize) -> bool {
    count >= top || (count >= NO_CAP && count >= largest)
}

/// The first column in which two keys differ, where both hold texts that ascend as numbers and not as texts: `9`, `10`.
fn numbers_as_texts(before: &[Cell], key: &[Cell]) -> Option<usize> {
    let column = before.iter().zip(key).position(|(a, b)| a != b)?;
    let (Cell::Text(a), Cell::Text(b)) = (&before[column], &key[column]) else { return None };
    let ascends = parse_decimal(a)? < parse_decimal(b)?;
    (ascends && a.trim_end() > b.trim_end()).then_some(column)
}

impl Call<'_> {
    /// The date rules of the site.
    pub(super) fn dates(&self) -> Dates {
        let settings = &self.odata.settings;
        Dates { zone: settings.date_zone, at: settings.time_zone, first: settings.no_date_before }
    }

    /// A column with its type, spelled as the server spells it.
    pub(super) fn column<'c>(&'c self, table: &str, name: &'c str, kind: ColumnKind) -> Column<'c> {
        Column { name: self.metadata.column(table, name).unwrap_or(name), edm: self.metadata.edm(table, name), kind }
    }

    /// `&$select=…`, unless the server has shown that it does not know it.
    pub(super) fn select(&self, table: &str, columns: &[&str]) -> String {
        if self.odata.learned.borrow().no_select {
            return String::new();
        }
        let columns: Vec<&str> = columns.iter().map(|name| self.metadata.column(table, name).unwrap_or(name)).collect();
        format!("&$select={}", encode(&columns.join(",")))
    }

    /// A key of the learned tables.
    pub(super) fn place(&self, table: &str) -> (CompanyId, String) {
        (self.company.clone(), table.to_owned())
    }

    /// Notes a column that is not there, once per call.
    pub(super) fn note_missing(&self, table: &str, column: &str) {
        let entry = (table.to_owned(), column.to_owned());
        let mut missing = self.missing.borrow_mut();
        if !missing.contains(&entry) {
            missing.push(entry);
        }
    }

    /// The columns that are asked for: without the optional ones known to be missing.
    pub(super) fn selected<'q>(&self, query: &Query<'q>) -> Vec<&'q str> {
        let learned = self.odata.learned.borrow();
        let dropped = learned.dropped.get(&self.place(query.table));
        let gone = |name: &str| {
            query.optional.iter().any(|optional| optional == name)
                && (dropped.is_some_and(|dropped| dropped.contains(name)) || self.metadata.lacks(query.table, name))
        };
        query.columns.iter().map(String::as_str).filter(|name| !gone(name)).collect()
    }

    /// Many pages of one query: until the end, or until at least `want` rows are there.
    ///
    /// An answer that cannot be read is asked for again with half the rows, down to the one row that is the reason.
    pub(super) async fn read(&self, query: &Query<'_>, course: &mut Course, want: usize) -> Result<Rows, SysproError> {
        let comparison = self.comparison(query);
        let (mut found, mut link, mut cap, mut empty) = (Rows::default(), None::<Url>, self.rows_per_request(query.top), 0);
        let (mut asked_for, mut since) = (0, 0);
        // among N rows beyond the last one there is one that cannot be read
        let mut suspect = None::<usize>;
        let (mut unaskable, mut least) = (0, 1);
        // rows with the last key of an answer, which are asked for once more
        let mut held = Vec::new();
        // whether rows were read since the service first failed over this question
        let mut well = false;
        loop {
            let whole = cap.min(want.saturating_sub(found.rows.len() + found.bad.len())).max(least);
            // behind a row that cannot be read often stands another: it is asked for alone before the rows are halved
            let beside = course.unreadable > 0;
            let top = suspect.map_or(whole, |rows| if beside { 1 } else { (rows / 2).clamp(1, whole) });
            let by_link = link.is_some();
            if !by_link {
                asked_for = top;
            }
            let bound = course.after.clone();
            let tries = match top {
                1 if beside => 2,
                1 => self.odata.retry.read_attempts,
                _ if beside || suspect.is_some() => 1,
                _ => self.odata.retry.read_attempts,
            };
            let answer = match link.take() {
                Some(url) => {
                    self.follow(query, &mut course.trail, &url)?;
                    self.attempt_times(query.table, &Request::Address(url), &self.selected(query), asked_for, tries).await
                }
                None => {
                    self.ask_beyond(query, &mut course.trail, bound.as_deref())?;
                    self.query(query, bound.as_deref(), top, tries).await
                }
            };
            let answer = match answer {
                // asked for more rows than it gives; another reason comes back unchanged
                Err(SysproError::Refused { status: 400, answer, .. }) if top > 10 && answer.to_ascii_lowercase().contains("top") => {
                    cap = if top > 1000 {
                        1000
                    } else if top > 100 {
                        100
                    } else {
                        10
                    };
                    self.odata.learned.borrow_mut().top = cap;
                    continue;
                }
                // what a link led to is asked for by key
                Err(error) if (error.is_unreadable() || error.is_failure_within()) && (by_link || top > 1) => {
                    debug!(%error, table = query.table, top, "an answer cannot be read and is asked for with fewer rows");
                    well &= suspect.is_some();
                    suspect = Some(if by_link { asked_for.saturating_sub(since).max(1) } else { top });
                    continue;
                }
                Err(error) if error.is_unreadable() || error.is_failure_within() => {
                    held.clear();
                    found.more = match error.is_failure_within() {
                        true => self.salvage_failing(query, course, &mut found, error, well).await?,
                        false => self.salvage(query, course, &mut found, error).await?,
                    };
                    suspect = None;
                    if !found.more || found.rows.len() + found.bad.len() >= want {
                        return Ok(found);
                    }
                    continue;
                }
                answer => answer?,
            };
            self.rows.set(self.rows.get() + answer.rows.len() as u64);
            let has_link = answer.next_link.is_some();
            link = answer.next_link.as_deref().and_then(|text| self.usable_link(query.table, text));
            let count = answer.rows.len();
            if count == 0 {
                empty += 1;
                if !has_link {
                    found.rows.append(&mut held);
                    found.more = false;
                    return Ok(found);
                }
                if link.is_none() || empty > EMPTY_PAGES {
                    let why = if link.is_some() { "so did a hundred answers before it" } else { UNUSABLE_LINK };
                    return Err(SysproError::Linked { asked: asked(self.company, query.table), why });
                }
                continue;
            }
            empty = 0;
            well = true;
            suspect = suspect.map(|rows| rows.saturating_sub(count)).filter(|rows| *rows > 0);
            let Settled { rows, keys, bad } = self.settle(query, answer, course.after.as_deref())?;
            let beyond = if by_link { None } else { bound.as_deref() };
            course.take(&comparison, beyond, &keys).map_err(|(at, how)| self.misplaced(query, &keys, at, &how, bound.as_deref()))?;
            course.unreadable = 0;
            // links lead through one request's `$top` rows, not beyond them
            since = if by_link { since + count } else { count };
            found.more = has_link || maybe_more(count, top, self.largest(query.table, count)) || since >= asked_for;
            if course.after == bound && found.more && link.is_none() {
                // nothing but keys that cannot be asked for: they come again, with those behind them
                if count <= unaskable {
                    let asked = asked(self.company, query.table);
                    return Err(match bad.iter().find_map(|bad| bad.key_left_out(query.key)).filter(|_| keys.is_empty()) {
                        Some(column) => SysproError::NoKey { asked, column },
                        None => SysproError::Stuck { asked },
                    });
                }
                (unaskable, least) = (count, (count * 4).clamp(10, 5000));
                continue;
            }
            found.rows.extend(self.not_again(query, std::mem::take(&mut held), keys.first())?);
            self.keep(query, &rows)?;
            found.rows.extend(rows);
            found.bad.extend(bad);
            let left = match found.more && (link.is_none() || found.rows.len() + found.bad.len() >= want) {
                true => self.leave_tail(query, course, &keys, &mut found)?,
                false => false,
            };
            if !found.more || found.rows.len() + found.bad.len() >= want {
                return Ok(found);
            }
            // what comes next lies beyond the last key: another row with that key would never be seen
            // where others lie behind the last key already, there is none
            if link.is_none() && !query.repeats && !left && keys.first() != keys.last() {
                held = self.hold_back(query, course, &mut found)?;
                suspect = suspect.map(|rows| rows + held.len());
            }
        }
    }

    /// Takes away what came behind the last key that can be asked for: it lies beyond that key, and comes again with what is asked for next. `keys` are
    /// those of the last answer. Answers whether there was any such key.
    fn leave_tail(&self, query: &Query<'_>, course: &Course, keys: &[Vec<Cell>], found: &mut Rows) -> Result<bool, SysproError> {
        let key_at = self.key_offsets(query)?;
        let askable = |key: &Vec<Cell>| key.iter().all(Cell::is_askable);
        let tail = &keys[keys.iter().rposition(askable).map_or(0, |last| last + 1)..];
        let among = |row: &Vec<Cell>| tail.iter().any(|key| key_at.iter().zip(key).all(|(at, cell)| row[*at] == *cell));
        found.rows.retain(|row| !among(row));
        found.bad.retain(|bad| match &bad.cells {
            Some(cells) => !among(cells),
            None => bad.after != course.after && !bad.after.as_ref().is_some_and(|after| tail.contains(after)),
        });
        Ok(!tail.is_empty())
    }

    /// The most rows that a table has given in one answer before this one, which counts from now on.
    fn largest(&self, table: &str, count: usize) -> usize {
        let mut learned = self.odata.learned.borrow_mut();
        let largest = learned.largest.entry(self.place(table)).or_default();
        let before = *largest;
        *largest = before.max(count);
        before
    }

    /// How the key of a query is compared.
    pub(super) fn comparison(&self, query: &Query<'_>) -> Comparison {
        self.comparison_by(query, self.odata.settings.key_order)
    }

    /// The same under a setting.
    pub(super) fn comparison_by(&self, query: &Query<'_>, order: KeyOrder) -> Comparison {
        let of = |name: &String| match query.kinds.of(name) {
            ColumnKind::Number => Some("Edm.Decimal"),
            _ => self.metadata.edm(query.table, name),
        };
        let types: Vec<Option<&str>> = query.key.iter().map(of).collect();
        Comparison::new(order, types.into_iter())
    }

    /// What is said of a row out of its place.
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
                format!("does not keep to what was asked for: rows with a key ({columns}) beyond {bound}, and {found} came")
            }
            Misplaced::Repeated => format!("brings the key {found} ({columns}) a second time, after {before}"),
        };
        let texts = keys[at].iter().any(|cell| matches!(cell, Cell::Text(_)));
        let before = at.checked_sub(1).map(|before| keys[before].as_slice()).or(bound);
        let advice = match before.and_then(|before| numbers_as_texts(before, &keys[at])) {
            Some(column) => OrderAdvice::Numbers(query.key[column].clone()),
            None if *how != Misplaced::Repeated && texts && self.odata.settings.key_order == KeyOrder::Binary => OrderAdvice::Collation,
            None => OrderAdvice::None,
        };
        SysproError::Order { asked: asked(self.company, query.table), problem: problem.into(), advice }
    }

    fn rows_per_request(&self, wanted: u32) -> usize {
        let wanted = wanted.max(1) as usize;
        match self.odata.learned.borrow().top {
            0 => wanted,
            top => wanted.min(top),
        }
    }

    /// Where the key stands in the columns.
    pub(super) fn key_offsets(&self, query: &Query<'_>) -> Result<Vec<usize>, SysproError> {
        let at = |name: &String| query.columns.iter().position(|column| column == name);
        let missing = |name: &String| SysproError::NoKey { asked: asked(self.company, query.table), column: name.clone() };
        query.key.iter().map(|name| at(name).ok_or_else(|| missing(name))).collect()
    }

    /// One request of a query. When it is refused for its columns, without those that may be missing.
    pub(super) async fn query(&self, query: &Query<'_>, after: Option<&[Cell]>, top: usize, tries: u32) -> Result<Answer, SysproError> {
        loop {
            let selected = self.selected(query);
            self.hold_known(query, &selected)?;
            let ask = self.ask(query, &selected, after, top)?;
            let known = (self.company.clone(), format!("{}?{}", query.table, selected.join(",")));
            let error = match self.attempt_times(query.table, &ask, &selected, top, tries).await {
                Ok(answer) => {
                    self.odata.learned.borrow_mut().accepted.insert(known);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let doubtful = error.is_about(&selected);
            if !doubtful || self.odata.learned.borrow().accepted.contains(&known) {
                return Err(error);
            }
            if !self.diagnose(query, &selected, &known, error).await? {
                return Err(SysproError::Stuck { asked: asked(self.company, query.table) });
            }
        }
    }

    /// Whether a query is taken at all: one row of its key, asked for once.
    pub(super) async fn one_row(&self, query: &Query<'_>) -> Result<(), SysproError> {
        let key: Vec<&str> = query.key.iter().map(String::as_str).collect();
        let ask = self.ask(query, &key, None, 1)?;
        self.once(query.table, &ask, &key, 1).await.map(drop)
    }

    /// Whether a table has a row that meets a condition.
    pub(super) async fn any_row(&self, of: &TableRead, filter: Option<Condition>) -> Result<bool, SysproError> {
        let (table, key) = (of.table.as_str(), of.key.as_slice());
        let conditions = filter.into_iter().collect();
        let query =
            Query { table, columns: key, optional: &[], key, kinds: of.kinds(), conditions, fixed: 0, top: 1, anchor: &[], repeats: false };
        let names: Vec<&str> = key.iter().map(String::as_str).collect();
        let ask = self.ask(&query, &names, None, 1)?;
        match self.attempt(table, &ask, &names, 1).await {
            Ok(answer) => Ok(!answer.rows.is_empty()),
            // a row that cannot be read is one
            Err(error) if error.is_unreadable() => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// What `Table/$count` says; `None` when it says no number.
    pub(super) async fn count_segment(&self, table: &str, query: &str) -> Result<Option<u64>, SysproError> {
        let asked = asked(self.company, table);
        let mut url = self.address(table, query)?;
        let path = format!("{}/$count", url.path());
        url.set_path(&path);
        let response = self.get(&asked, &url, "text/plain").await?;
        let response = self.judge(asked, table, response)?;
        Ok(String::from_utf8_lossy(&response.body).trim_start_matches('\u{feff}').trim().parse().ok())
    }

    /// The address of a table, or of the company itself when `table` is empty.
    pub(super) fn address(&self, table: &str, query: &str) -> Result<Url, SysproError> {
        let base = match &self.odata.transport {
            Transport::OData { base, .. } => base.as_str().trim_end_matches('/'),
            // no one asks: what has an address is asked of the OData service alone
            Transport::Enet(_) => "",
        };
        let company = encode(self.company.as_str());
        let text = match (table, query) {
            ("$metadata", _) => format!("{base}/{company}/$metadata"),
            (table, "") => format!("{base}/{company}/{}", encode(self.metadata.table(table).unwrap_or(table))),
            (table, query) => format!("{base}/{company}/{}?{query}", encode(self.metadata.table(table).unwrap_or(table))),
        };
        Url::parse(&text).map_err(|error| SysproError::Address {
            company: self.company.to_string(),
            table: table.to_owned(),
            problem: error.to_string(),
        })
    }

    /// A link to the next page, when it leads to the same server and does not count rows: rows that come or go meanwhile would shift the
    /// count, while going on by key misses nothing.
    fn usable_link(&self, table: &str, text: &str) -> Option<Url> {
        let url = self.address(table, "").ok()?.join(text).ok()?;
        let same = matches!(&self.odata.transport, Transport::OData { base, .. } if url.origin() == base.origin());
        if !same {
            debug!(table, host = %Quoted::from(crate::net::host_of(&url)), "a link to the next page leads to another server and is not followed");
        }
        let counts = |name: &str, value: &str| match name.to_ascii_lowercase().as_str() {
            "$skip" => true,
            "$skiptoken" => value.bytes().all(|byte| byte.is_ascii_digit()),
            _ => false,
        };
        (same && !url.query_pairs().any(|(name, value)| counts(&name, &value))).then_some(url)
    }

    /// One address, tried as often as the settings say while the failure is a passing one.
    pub(super) async fn attempt(&self, table: &str, ask: &Request, columns: &[&str], most: usize) -> Result<Answer, SysproError> {
        self.attempt_times(table, ask, columns, most, self.odata.retry.read_attempts).await
    }

    /// The same, but an answer that cannot be read, or in which the service failed over the question (500), is asked for `tries` times at most.
    pub(super) async fn attempt_times(
        &self,
        table: &str,
        ask: &Request,
        columns: &[&str],
        rows: usize,
        tries: u32,
    ) -> Result<Answer, SysproError> {
        let retry = &self.odata.retry;
        let attempt = Slot::new(0);
        let once = || {
            attempt.set(attempt.get() + 1);
            self.once(table, ask, columns, rows)
        };
        once.retry(retry::backoff(retry.min_delay, retry.max_delay))
            .when(|error| {
                let most =
                    if error.is_unreadable() || error.is_failure_within() { tries.min(retry.read_attempts) } else { retry.read_attempts };
                matches!(error.class(), Class::Transient | Class::Throttled) && attempt.get() < most.max(1)
            })
            .adjust(|error, delay| match error.retry_after() {
                Some(asked) => (asked <= retry.max_delay).then_some(asked),
                None => delay,
            })
            .notify(|error, _| debug!(%error, attempt = attempt.get(), table, "a query failed and is tried again"))
            .await
    }

    /// One request for N rows at most.
    pub(super) async fn once(&self, table: &str, ask: &Request, columns: &[&str], most: usize) -> Result<Answer, SysproError> {
        let asked = asked(self.company, table);
        let room = Room { rows: most.max(1), value: self.odata.settings.limits.value_bytes };
        let url = match (ask, &self.odata.transport) {
            (Request::Address(url), _) => url,
            (Request::Find(find), Transport::Enet(finder)) => {
                self.spend(&asked)?;
                let answer = finder.ask((self.credential, self.company), table, columns, find, asked, room).await?;
                self.odata.learned.borrow_mut().companies.insert(self.company.clone());
                return Ok(answer);
            }
            (Request::Find(_), Transport::OData { .. }) => return Err(SysproError::Stuck { asked }),
        };
        let response = self.get(&asked, url, "application/json").await?;
        let response = self.judge(asked.clone(), table, response)?;
        let answer = wire::parse(&response.body, columns, room).map_err(|unread| match unread {
            Unread::Unasked => SysproError::Unasked { asked, most: room.rows },
            Unread::Malformed(problem) => match response.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'<') => SysproError::NotData { asked: asked.clone(), answer: response.excerpt() },
                _ => SysproError::Malformed { asked, problem },
            },
        })?;
        self.odata.learned.borrow_mut().companies.insert(self.company.clone());
        Ok(answer)
    }

    async fn get(&self, asked: &str, url: &Url, accept: &str) -> Result<Response, SysproError> {
        self.spend(asked)?;
        let pair = format!("{}:{}", self.credential.username, self.credential.expose());
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Accept", accept),
            ("OData-MaxVersion", "4.0"),
            ("User-Agent", concat!("tieline/", env!("CARGO_PKG_VERSION"))),
        ];
        let Transport::OData { http, .. } = &self.odata.transport else { return Err(SysproError::Stuck { asked: asked.to_owned() }) };
        let answer = http.send(Method::GET, url, &headers, Default::default()).await;
        answer.map_err(|source| SysproError::from_net(asked.to_owned(), source))
    }

    /// The answer when its status is good, else the error that the status stands for.
    fn judge(&self, asked: String, table: &str, response: Response) -> Result<Response, SysproError> {
        let status = response.status;
        let operator = self.credential.username.clone();
        let answer = || wire::error_text(&response.body).unwrap_or_else(|| response.excerpt());
        Err(match status {
            200..=299 => return Ok(response),
            300..=399 => {
                let target = response.header("location").and_then(|text| self.address(table, "").ok()?.join(text).ok());
                let target =
                    target.map_or_else(|| "an unnamed place".to_owned(), |url| format!("{}{}", crate::net::host_of(&url), url.path()));
                SysproError::Redirected { asked, status, target: target.into() }
            }
            401 => SysproError::WrongPassword { operator, asked },
            403 => SysproError::Forbidden { operator, asked },
            429 | 503 => {
                let retry_after = response.header("retry-after").and_then(retry::after);
                SysproError::Busy { asked, status, retry_after }
            }
            408 | 500 | 502 | 504..=599 => SysproError::Failed { asked, status, answer: answer() },
            _ => SysproError::Refused { asked, status, answer: answer() },
        })
    }

    async fn load_metadata(&self) -> Rc<Metadata> {
        if let Transport::Enet(finder) = &self.odata.transport {
            return finder.types();
        }
        if !self.odata.settings.metadata {
            return Rc::default();
        }
        if let Some((since, known, metadata)) = self.odata.metadata.borrow().get(self.company)
            && since.elapsed() < if *known { METADATA_LIFE } else { METADATA_RETRY }
        {
            return metadata.clone();
        }
        let answer = match self.address("$metadata", "") {
            Ok(url) => {
                self.get("`$metadata`", &url, "application/xml").await.and_then(|answer| self.judge("`$metadata`".into(), "", answer))
            }
            Err(error) => Err(error),
        };
        let (known, metadata) = match answer {
            Ok(response) => (true, Rc::new(Metadata::parse(&String::from_utf8_lossy(&response.body)))),
            Err(error) => {
                debug!(%error, company = %self.company, "no `$metadata`; types are taken from what is received");
                (false, Rc::default())
            }
        };
        self.odata.metadata.borrow_mut().insert(self.company.clone(), (Instant::now(), known, metadata.clone()));
        metadata
    }

    /// Whether the company itself answers; `None` when that cannot be told.
    pub(super) async fn company_answers(&self) -> Option<bool> {
        if self.odata.learned.borrow().companies.contains(self.company) {
            return Some(true);
        }
        if matches!(self.odata.transport, Transport::Enet(_)) {
            return None;
        }
        let url = self.address("", "").ok()?;
        let status = self.get("the company's root", &url, "application/json").await.ok()?.status;
        match status {
            200..=299 => Some(true),
            404 => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_suspicious_size_are_not_the_end() {
        for (count, top, largest, more) in [
            (500, 500, 5000, true),
            (499, 500, 500, false),
            (7, 500, 0, true),
            (7, 500, 7, true),
            (7, 500, 8, false),
            (100, 500, 100, true),
            (100, 500, 101, false),
            (4, 500, 0, false),
        ] {
            assert_eq!(maybe_more(count, top, largest), more, "{count} of {top}, {largest} before");
        }
    }
}
