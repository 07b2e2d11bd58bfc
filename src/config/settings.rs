//! The resolved settings: every value checked, so that nothing is checked twice later.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use url::Url;

use crate::domain::change_limit::ChangeLimit;
use crate::domain::notice::NoticeEvent;
use crate::domain::{Backoff, CompanyId, EntityName};

/// Everything the service is told.
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
    /// `[company.ID]` over `[syspro]`: each company that is carried, with its own currency (ISO 4217, or SYSPRO's code for it).
    /// `None`: no one said.
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
}

/// Where the state is kept.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// A Postgres url; `None`: a private cluster in the state directory. May carry a password: never printed.
    pub url: Option<secrecy::SecretString>,
    /// Connections, 1 to 64.
    pub pool_size: u32,
    /// How long one statement may take before it is cancelled by the server.
    pub statement_timeout: Duration,
    /// How long one store call may take altogether, so that a server that never answers cannot hang a caller.
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
    /// The names under which the service is reached, in small letters and without a dot at the end.
    pub host_names: Vec<String>,
    /// Whether `/health` is open without a key.
    pub open_health: bool,
    /// Whether `/metrics` is open without a key.
    pub open_metrics: bool,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// The certificate to serve TLS with; `None`: plain HTTP.
    pub certificate: Option<CertificateFiles>,
}

/// Whom to tell what, without being asked.
#[derive(Debug, Clone)]
pub struct NoticeSettings {
    /// What is told.
    pub events: Vec<NoticeEvent>,
    /// Where messages are posted. Their paths may hold tokens: only the host is ever printed.
    pub webhooks: Vec<Url>,
    /// The mail server, and who writes to whom.
    pub mail: Option<MailSettings>,
    /// A PEM file with further certificate authorities, for webhooks and the mail server.
    pub ca_file: Option<PathBuf>,
    /// Where people reach the console, for links.
    pub public_url: Option<Url>,
    /// How long notices are gathered into one message; 0: told at once.
    pub digest_minutes: u32,
    /// The most messages of a channel in an hour; the rest is gathered.
    pub max_per_hour: u32,
    /// After how many hours without a good end a flow is stale.
    pub stale_hours: u32,
    /// How many days before its end a certificate is told of.
    pub certificate_days: u32,
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
    /// Begun in clear, then secured; refused where the server cannot.
    Starttls,
    /// From the first byte.
    Tls,
}

/// A certificate with its chain, and its key: two PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, followed by those that signed it.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// How an outside system is reached.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// A PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy that understands CONNECT, `http://[user:password@]host:port`.
    pub proxy: Option<Url>,
    /// Until the connection stands.
    pub connect_timeout: Duration,
    /// Until the answer's head has come.
    pub request_timeout: Duration,
    /// Until the answer's body has come.
    pub body_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub body_limit: usize,
    /// Requests at once.
    pub connections: usize,
    /// How long a connection is kept for the next request. Must be less than the server keeps it, which no reference tells
    /// [assumed: every server keeps one for some seconds]: a request that meets the server's closing is lost, and its outcome is unknown.
    pub keep_alive: Duration,
}

impl Connection {
    /// Until a large answer may be read, where another one is: as long as that one may take, and some seconds in which it is worked through.
    pub fn permit_timeout(&self) -> Duration {
        self.body_timeout + Duration::from_secs(15)
    }

    /// How long one request and its answer take at most.
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
    /// The companies carried.
    pub companies: Vec<CompanyId>,
    /// Two spellings that differ by case alone are two companies.
    pub companies_differ_by_case: bool,
    /// Documents per page, 1 to 5000.
    pub page_size: u32,
    /// `$top` of queries for child rows, 1 to 5000 (the documented cap).
    pub row_cap: u32,
    /// The longest query string sent, in bytes (IIS refuses more than 2048 by default).
    pub query_limit: usize,
    /// The most comparisons in one `$filter` (Microsoft's OData library refuses more than 100 nodes by default).
    pub filter_limit: usize,
    /// Whether the server is asked for `$metadata` (it is used where it answers).
    pub metadata: bool,
    /// Over which transport SYSPRO is read.
    pub source: SysproSource,
    /// How e.net is used.
    pub enet: EnetSettings,
    /// How a date stands in a `$filter`.
    pub date_literal: DateLiteral,
    /// Whether the zone of a date-time is a label only, or to be converted.
    pub date_zone: DateZone,
    /// Every date before this one stands for no date.
    pub no_date_before: NaiveDate,
    /// In which order keys are expected.
    pub key_order: KeyOrder,
    /// Whether the service is asked how many rows a table has, where it can count.
    pub count_check: bool,
    /// What a column means that an answer leaves out of a row.
    pub absent_columns: AbsentColumns,
    /// How much one run, one page and one value may take.
    pub limits: ReadLimits,
    /// How it is reached.
    pub connection: Connection,
}

impl SysproSettings {
    /// Settings that decide which values a record is read with, each with its value as TOML writes it: with others the same record has
    /// another content.
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

/// How much of what SYSPRO answers is read: a source that errs, or is not what it says it is, must not be read without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Requests of one run; more where the service counts more rows than N requests would read.
    pub run_requests: u64,
    /// Memory for the rows of one page, its companions and children included, in bytes.
    pub page_bytes: usize,
    /// The longest value of a column, in bytes.
    pub value_bytes: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { run_requests: 100_000, page_bytes: 24 << 20, value_bytes: 256 << 10 }
    }
}

/// Over which transport SYSPRO is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SysproSource {
    /// The OData service.
    OData {
        /// Its address, up to but without the company.
        url: Url,
    },
    /// Business objects through e.net.
    Enet {
        /// The address of its REST service.
        url: Url,
    },
}

/// What a column means that was asked for and is left out of a row: a member of JSON, an element of e.net's XML.
///
/// OData 4 has services write an empty value as `null`, and e.net writes empty elements: what leaves a value out is a serializer that was
/// told to, and some leave out zeros as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentColumns {
    /// No one knows what it holds: the record fails.
    #[default]
    Fail,
    /// It is empty.
    Empty,
}

/// How e.net is used. The texts are not public: a site sets what its release says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnetSettings {
    /// A session that was not used for so long is replaced instead of trusted.
    pub session_life: Duration,
    /// How long e.net is left alone after a person has taken the operator's place.
    pub back_off: Duration,
    /// The longest address sent, in bytes.
    pub url_limit: usize,
    /// A plain answer that begins with one of these, or an error description that holds one, tells that the session is dead.
    pub session_texts: Vec<String>,
    /// An answer that holds one of these tells that a person logged in with the operator's code.
    pub evicted_texts: Vec<String>,
    /// A refused logon that holds one of these tells that all seats are taken.
    pub seat_texts: Vec<String>,
    /// A refusal that holds one of these, `{table}` being the table's name, tells that the company has no such table.
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

/// How a date stands in a `$filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateLiteral {
    /// By `$metadata`, else as a date-time; each other form once when it is refused.
    Auto,
    /// `2026-01-31T00:00:00Z`
    DateTimeOffset,
    /// `2026-01-31`
    Date,
    /// `datetime'2026-01-31T00:00:00'`: SysproReader 3, which some servers that call themselves OData 4 have kept.
    DateTime,
    /// `'2026-01-31'`: the column is text.
    Text,
}

/// What the zone of a date-time from SYSPRO means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateZone {
    /// A label: the date is the one written.
    Label,
    /// An instant: the date is the one it falls on in `time_zone`.
    Instant,
}

/// In which order the service sorts keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyOrder {
    /// Texts by code point, as SYSPRO's own collation (`Latin1_General_BIN`) sorts them.
    #[default]
    Binary,
    /// Texts by another collation: what all collations share is checked, and that no key comes twice.
    Any,
}

/// How ServiceNow is written.
#[derive(Debug, Clone)]
pub struct ServiceNowSettings {
    /// The instance.
    pub instance_url: Url,
    /// The profile of target definitions.
    pub profile: String,
    /// OAuth scope asked for; usually none.
    pub scope: Option<String>,
    /// When the token is fetched.
    pub token_refresh: TokenRefresh,
    /// How long before its expiry a token is renewed.
    pub token_margin: Duration,
    /// Whether the Batch API is used (it is left by itself where the instance does not have it).
    pub batch: bool,
    /// Records per batch at the start.
    pub batch_size: usize,
    /// Most records per batch, 1 to 1000.
    pub batch_limit: usize,
    /// Batches on their way at once.
    pub concurrency: usize,
    /// Whether new rows get a sys_id derived from their key. Off: each is searched for first.
    pub derived_sys_id: bool,
    /// Whether rows that stand in a Table API target are found by their natural key and taken over.
    pub adopt: bool,
    /// When the Batch API is asked again after it was refused while single requests worked.
    pub batch_again: Duration,
    /// After a lost answer: how long the instance may still be working on a batch.
    pub batch_quota: Duration,
    /// The same for a single request.
    pub request_quota: Duration,
    /// How long a row may not be readable yet after it was written.
    pub read_delay: Duration,
    /// The most rows of a table whose list is read.
    pub list_limit: u64,
    /// The longest pause that the instance is granted, whatever it asks for.
    pub longest_pause: Duration,
    /// How it is reached.
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

/// What flows do.
#[derive(Debug, Clone)]
pub struct FlowSettings {
    /// The first read goes back to this date; `None`: everything.
    pub since: Option<NaiveDate>,
    /// The entities carried; empty: every definition of the profile.
    pub entities: Vec<EntityName>,
    /// How long a flow's lease lasts without being renewed.
    pub lease: Duration,
    /// An actor that does not answer for so long ends the process.
    pub stuck: Duration,
    /// One sweep marks at most this many documents as gone; more is reported and nothing is marked.
    pub max_gone_per_sweep: u32,
    /// The share of a table, in percent, that may go missing at once.
    pub max_shrink_percent: u32,
    /// Of the newest records of a side, the share, in percent, that may be missing or older before it counts as one that went back.
    pub went_back_percent: u32,
    /// How many records of a flow may be sent again at once because a definition changed, without a person's word.
    pub change_limit: ChangeLimit,
    /// How many deliveries of a flow may wait before reading pauses.
    pub backlog: u32,
    /// How long a run waits for them while none of them is delivered, before it ends and gives the flow back.
    pub backlog_wait: Duration,
    /// Sweep schedule where the definition gives none.
    pub sweep: String,
}

/// How tries are repeated.
#[derive(Debug, Clone)]
pub struct RetrySettings {
    /// The delays between them.
    pub backoff: Backoff,
    /// Tries of one delivery before it fails as `exhausted`.
    pub max_attempts: u32,
    /// Tries of one read request within a call.
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

/// Where definitions come from.
#[derive(Debug, Clone)]
pub struct DefinitionSettings {
    /// A site's directory with `entities/`, `profiles/` and `lookups/`, laid over the shipped ones.
    pub directory: Option<PathBuf>,
    /// Whether a running service takes up files that change.
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
