//! How SYSPRO is read.

use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use url::Url;

use super::connection::Connection;
use crate::domain::CompanyId;

/// How SYSPRO is read.
#[derive(Debug, Clone)]
pub struct SysproSettings {
    /// The e.net REST service, for reading or for the write-back.
    pub enet_url: Option<Url>,
    /// The server's zone.
    pub time_zone: Tz,
    /// The companies to read.
    pub companies: Vec<CompanyId>,
    /// Whether two spellings that differ only in case are two companies.
    pub companies_differ_by_case: bool,
    /// Documents per page, 1 to 5000.
    pub page_size: u32,
    /// `$top` of queries for child rows, 1 to 5000 (the documented cap).
    pub row_cap: u32,
    /// The longest query string sent, in bytes (IIS refuses more than 2048 by default).
    pub query_limit: usize,
    /// The most comparisons in one `$filter` (Microsoft's OData library refuses more than 100 nodes by default).
    pub filter_limit: usize,
    /// Whether to request `$metadata` (used if the server answers it).
    pub metadata: bool,
    /// The transport for reading SYSPRO.
    pub source: SysproSource,
    /// How e.net is used.
    pub enet: EnetSettings,
    /// The format of a date in a `$filter`.
    pub date_literal: DateLiteral,
    /// Whether the zone of a date-time is only a label, or must be converted.
    pub date_zone: DateZone,
    /// Every date before this one counts as no date.
    pub no_date_before: NaiveDate,
    /// The expected order of keys.
    pub key_order: KeyOrder,
    /// Whether to request the number of rows of a table, if the service can count.
    pub count_check: bool,
    /// The meaning of a column that is missing in a row of an answer.
    pub absent_columns: AbsentColumns,
    /// Limits of one run, one page and one value.
    pub limits: ReadLimits,
    /// The connection.
    pub connection: Connection,
}

impl SysproSettings {
    /// The service through which SYSPRO is read, and its host, for people.
    pub fn source_words(&self) -> String {
        let (service, url) = match &self.source {
            SysproSource::OData { url } => ("OData service", url),
            SysproSource::Enet { url } => ("e.net", url),
        };
        format!("{service} at {}", url.host_str().unwrap_or_default())
    }

    /// Settings that decide which values a record is read with, each with its value as TOML: with other values the same record has another
    /// content.
    pub fn deciding_values(&self) -> Vec<(String, String)> {
        let text = |text: &str| format!("{text:?}");
        let mut all = vec![("syspro.no_date_before".to_owned(), text(&self.no_date_before.to_string()))];
        if self.date_zone == DateZone::Instant {
            all.push(("syspro.date_zone".to_owned(), text("instant")));
            all.push(("syspro.time_zone".to_owned(), text(self.time_zone.name())));
        }
        if self.absent_columns == AbsentColumns::Empty {
            all.push(("syspro.absent_columns".to_owned(), text("empty")));
        }
        all
    }
}

/// Limits for reading SYSPRO's answers: a faulty source, or one that is not SYSPRO, must not be read without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// The most requests of one run; more if the service counts more rows than this many requests would read.
    pub run_requests: u64,
    /// Memory for the rows of one page, its joined and child rows included, in bytes.
    pub page_bytes: usize,
    /// The longest value of a column, in bytes.
    pub value_bytes: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { run_requests: 100_000, page_bytes: 24 << 20, value_bytes: 256 << 10 }
    }
}

/// The transport for reading SYSPRO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SysproSource {
    /// The OData service.
    OData {
        /// Its address, without the company part.
        url: Url,
    },
    /// Business objects through e.net.
    Enet {
        /// The address of its REST service.
        url: Url,
    },
}

/// The meaning of a requested column that is missing in a row: a member of JSON, an element of e.net's XML.
///
/// OData 4 requires an empty value as `null`, and e.net writes empty elements. A value is missing only if a serializer was set to leave it
/// out; some also leave out zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentColumns {
    /// Its value is unknown: the record fails.
    #[default]
    Fail,
    /// It is empty.
    Empty,
}

/// How e.net is used. The texts are not documented: a site sets those of its release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnetSettings {
    /// A session that was not used for this long is replaced instead of reused.
    pub session_life: Duration,
    /// How long to make no e.net calls after a person has logged in with the operator's code.
    pub back_off: Duration,
    /// The longest address sent, in bytes.
    pub url_limit: usize,
    /// A plain answer that starts with one of these, or an error description that contains one, means that the session has expired.
    pub session_texts: Vec<String>,
    /// An answer that contains one of these means that a person logged in with the operator's code.
    pub evicted_texts: Vec<String>,
    /// A refused logon that contains one of these means that no licence seat is free.
    pub seat_texts: Vec<String>,
    /// A refusal that contains one of these, with `{table}` as the table's name, means that the company has no such table.
    pub table_texts: Vec<String>,
}

impl Default for EnetSettings {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            session_life: Duration::from_secs(600),
            back_off: Duration::from_secs(300),
            url_limit: 8000,
            session_texts: texts(&["ERROR", "session"]),
            evicted_texts: texts(&["logged in elsewhere", "been logged out"]),
            seat_texts: texts(&["concurrent users", "maximum number", "no seat"]),
            table_texts: texts(&["Table '{table}' not found"]),
        }
    }
}

/// The format of a date in a `$filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateLiteral {
    /// By `$metadata`, or else a date-time; each other format is tried once when it is refused.
    Auto,
    /// `2026-01-31T00:00:00Z`
    DateTimeOffset,
    /// `2026-01-31`
    Date,
    /// `datetime'2026-01-31T00:00:00'`: OData 3, which some servers that call themselves OData 4 have kept.
    DateTime,
    /// `'2026-01-31'`: the column is text.
    Text,
}

/// The meaning of the zone of a date-time from SYSPRO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateZone {
    /// A label: the written date is the date.
    Label,
    /// A point in time: its date in `time_zone` is the date.
    Instant,
}

/// The order in which the service sorts keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyOrder {
    /// Texts by code point, as SYSPRO's own collation (`Latin1_General_BIN`) sorts them.
    #[default]
    Binary,
    /// Texts by another collation: only what all collations share is checked, and that no key comes twice.
    Any,
}
