//! The resolved settings: every value is checked here, so that no later code checks it again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use url::Url;

use crate::domain::change_limit::ChangeLimit;
use crate::domain::notice::NoticeEvent;
use crate::domain::per_flow::PerFlow;
use crate::domain::retention::{Kept, KeptTable};
use crate::domain::{Backoff, CompanyId, EntityName};

/// All settings of the service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[database]`
    pub database: DatabaseSettings,
    /// `[notices]`
    pub notices: NoticeSettings,
    /// `[http]`
    pub http: HttpSettings,
    /// `[syspro]`
    pub syspro: SysproSettings,
    /// `[company.ID]` over `[syspro]`: each company with its own currency (ISO 4217, or SYSPRO's code for it). `None`: not set.
    pub companies: BTreeMap<CompanyId, Option<String>>,
    /// `[servicenow]`
    pub servicenow: ServiceNowSettings,
    /// `[schedule]`: cron per entity; entities without an entry use their definition's default.
    pub schedule: BTreeMap<EntityName, String>,
    /// `[flows]`
    pub flows: FlowSettings,
    /// `[retry]`
    pub retry: RetrySettings,
    /// `[state]`
    pub state: StateSettings,
    /// `[definitions]`
    pub definitions: DefinitionSettings,
    /// `[log]`
    pub log: LogSettings,
    /// `[metrics]`: which flows have series of their own.
    pub per_flow: PerFlow,
    /// `[retention]`
    pub retention: RetentionSettings,
}

/// The database of the ledger.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// A Postgres url; `None`: a private cluster in the state directory. May contain a password: never printed.
    pub url: Option<secrecy::SecretString>,
    /// Connections, 1 to 64.
    pub pool_size: u32,
    /// The time limit of one statement; the server cancels it then.
    pub statement_timeout: Duration,
    /// The time limit of one store call, so that a server that never answers cannot block a caller.
    pub call_timeout: Duration,
    /// Where the Postgres programs are, for the private cluster.
    pub bin_directory: Option<PathBuf>,
    /// Whether the private cluster waits for the disk (off only in tests).
    pub durable: bool,
}

/// The HTTP server.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// The names of the service, in lower case and without a dot at the end.
    pub host_names: Vec<String>,
    /// Whether `/health` is open without a key.
    pub open_health: bool,
    /// Whether `/metrics` is open without a key.
    pub open_metrics: bool,
    /// Concurrent connections from one address.
    pub connections_per_address: usize,
    /// The certificate for TLS; `None`: plain HTTP.
    pub certificate: Option<CertificateFiles>,
}

/// Who gets which notices.
#[derive(Debug, Clone)]
pub struct NoticeSettings {
    /// The events that are notified.
    pub events: Vec<NoticeEvent>,
    /// The receivers of webhooks. Their paths may contain tokens: only the host is ever printed.
    pub webhooks: Vec<Url>,
    /// The mail server, the sender and the receivers.
    pub mail: Option<MailSettings>,
    /// A PEM file with further certificate authorities, for webhooks and the mail server.
    pub ca_file: Option<PathBuf>,
    /// The address of the console, for links.
    pub public_url: Option<Url>,
    /// How long notices are collected into one message; 0: sent at once.
    pub digest_minutes: u32,
    /// The most messages of a channel in an hour; further notices are collected.
    pub max_per_hour: u32,
    /// Hours without a successful run after which a flow counts as stale.
    pub stale_hours: u32,
    /// How many days before its end a certificate is notified.
    pub certificate_days: u32,
}

/// How long the ledger keeps what is old.
#[derive(Debug, Clone)]
pub struct RetentionSettings {
    /// Events of the audit.
    pub events: Kept,
    /// Versions, from the time at which the next one was read.
    pub versions: Kept,
    /// Deliveries.
    pub deliveries: Kept,
    /// Runs, from their end.
    pub runs: Kept,
    /// Backfills, from their end.
    pub backfills: Kept,
    /// Settled states after delivery.
    pub downstream: Kept,
    /// Entries of the conflict list, from their closing.
    pub conflicts: Kept,
    /// Notices.
    pub notices: Kept,
    /// Answers for an `Idempotency-Key`.
    pub idempotency_keys: Kept,
    /// Sessions of the console, from their end.
    pub sessions: Kept,
    /// Nodes, from their last heartbeat.
    pub nodes: Kept,
    /// Where removed rows are written first; `None`: nowhere.
    pub archive_directory: Option<PathBuf>,
}

impl RetentionSettings {
    /// How long rows of a table are kept.
    pub fn kept(&self, table: KeptTable) -> Kept {
        match table {
            KeptTable::Version => self.versions,
            KeptTable::Delivery => self.deliveries,
            KeptTable::Downstream => self.downstream,
            KeptTable::Conflict => self.conflicts,
            KeptTable::Backfill => self.backfills,
            KeptTable::Run => self.runs,
            KeptTable::Notice => self.notices,
            KeptTable::Idempotency => self.idempotency_keys,
            KeptTable::ConsoleSession => self.sessions,
            KeptTable::Node => self.nodes,
            KeptTable::Event => self.events,
        }
    }
}

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub tls: MailTls,
    /// The sender.
    pub from: String,
    /// The receivers.
    pub to: Vec<String>,
}

/// How a connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// Not at all.
    None,
    /// Starts in clear, then switches to TLS; refused if the server does not support it.
    Starttls,
    /// From the first byte.
    Tls,
}

/// A certificate with its chain, and its key: two PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, followed by the ones that signed it.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// The connection to another system.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// A PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy that understands CONNECT, `http://[user:password@]host:port`.
    pub proxy: Option<Url>,
    /// The time limit until the connection is established.
    pub connect_timeout: Duration,
    /// The time limit until the head of the answer has arrived.
    pub request_timeout: Duration,
    /// The time limit until the body of the answer has arrived.
    pub body_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub body_limit: usize,
    /// Concurrent requests.
    pub connections: usize,
    /// How long a connection is kept for the next request. It must be shorter than the server keeps it, which is not documented [assumed:
    /// every server keeps one for some seconds]: a request that meets the server's closing is lost, and its outcome is unknown.
    pub keep_alive: Duration,
}

impl Connection {
    /// How long a large answer waits for permission to be read while another one is being read: the time limit of the other one, plus some
    /// seconds to process it.
    pub fn permit_timeout(&self) -> Duration {
        self.body_timeout + Duration::from_secs(15)
    }

    /// The time limit of one request and its answer.
    pub fn longest(&self) -> Duration {
        self.connect_timeout + self.request_timeout + self.body_timeout + self.permit_timeout()
    }
}

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

/// How ServiceNow is written.
#[derive(Debug, Clone)]
pub struct ServiceNowSettings {
    /// The instance.
    pub instance_url: Url,
    /// The profile of target definitions.
    pub profile: String,
    /// The OAuth scope to request; usually none.
    pub scope: Option<String>,
    /// When the token is fetched.
    pub token_refresh: TokenRefresh,
    /// How long before its expiry a token is renewed.
    pub token_margin: Duration,
    /// Whether to use the Batch API (not used if the instance does not have it).
    pub batch: bool,
    /// Records per batch at the start.
    pub batch_size: usize,
    /// Most records per batch, 1 to 1000.
    pub batch_limit: usize,
    /// Concurrent batches.
    pub concurrency: usize,
    /// Whether new rows get a sys_id derived from their key. Off: each row is searched for first.
    pub derived_sys_id: bool,
    /// Whether existing rows of a Table API target are found by their natural key and adopted.
    pub adopt: bool,
    /// When the Batch API is tried again after it refused while single requests worked.
    pub batch_again: Duration,
    /// After a lost answer: how long the instance may still be working on a batch.
    pub batch_quota: Duration,
    /// The same for a single request.
    pub request_quota: Duration,
    /// How long a row may not be readable after it was written.
    pub read_delay: Duration,
    /// The most rows of a list that is read.
    pub list_limit: u64,
    /// The longest pause that Tieline grants the instance, whatever it asks for.
    pub longest_pause: Duration,
    /// The connection.
    pub connection: Connection,
}

/// When a token is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefresh {
    /// Shortly before it expires, and after a 401.
    BeforeExpiry,
    /// For every request.
    EveryRequest,
}

/// The settings of flows.
#[derive(Debug, Clone)]
pub struct FlowSettings {
    /// The first read goes back to this date; `None`: everything.
    pub since: Option<NaiveDate>,
    /// The entities to copy; empty: every definition of the profile.
    pub entities: Vec<EntityName>,
    /// How long a flow's lease is valid without renewal.
    pub lease: Duration,
    /// An actor that does not answer for this long ends the process.
    pub stuck: Duration,
    /// The most documents that one sweep marks as gone; if there are more, that is reported and nothing is marked.
    pub max_gone_per_sweep: u32,
    /// The share of a table, in percent, that may be missing at once.
    pub max_shrink_percent: u32,
    /// The share of a side's newest records, in percent, that may be missing or older before the side counts as set back.
    pub went_back_percent: u32,
    /// How many records of a flow may be sent again at once because a definition changed, without a person's approval.
    pub change_limit: ChangeLimit,
    /// How many deliveries of a flow may wait before reading pauses.
    pub backlog: u32,
    /// How long a run waits for a delivery during that pause, before it ends and releases the flow.
    pub backlog_wait: Duration,
    /// The sweep schedule if the definition has none.
    pub sweep: String,
}

/// The retries.
#[derive(Debug, Clone)]
pub struct RetrySettings {
    /// The delays between them.
    pub backoff: Backoff,
    /// Attempts of one delivery before it fails as `exhausted`.
    pub max_attempts: u32,
    /// Attempts of one read request within a call.
    pub read_attempts: u32,
}

/// Where files are kept.
#[derive(Debug, Clone)]
pub struct StateSettings {
    /// The state directory.
    pub directory: PathBuf,
    /// The master key of the credential store.
    pub key_file: PathBuf,
}

/// The source of definitions.
#[derive(Debug, Clone)]
pub struct DefinitionSettings {
    /// A site's directory with `entities/`, `profiles/` and `lookups/`, which overrides the shipped files.
    pub directory: Option<PathBuf>,
    /// Whether a running service loads changed files.
    pub watch: bool,
}

/// The log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// A filter such as `info` or `tieline=debug`.
    pub level: String,
    /// One JSON object per line instead of text.
    pub json: bool,
}
