//! The resolved settings: every value is checked here, so that no later code checks it again.

mod books;
mod connection;
mod syspro;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use url::Url;

use crate::domain::approval::ApprovalKind;
use crate::domain::change_limit::ChangeLimit;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::notice::NoticeEvent;
use crate::domain::outside::{HeadValue, OutsidePlace};
use crate::domain::per_flow::PerFlow;
use crate::domain::retention::{Kept, KeptTable};
use crate::domain::role::Role;
use crate::domain::schedule::Schedule;
use crate::domain::{Backoff, CompanyId, EntityName};

pub use books::{CalendarSettings, SubledgerSettings};
pub use connection::Connection;
pub use syspro::{AbsentColumns, DateLiteral, DateZone, EnetSettings, KeyOrder, ReadLimits, SysproSettings, SysproSource};

/// All settings of the service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// SHA-256 of all settings with their values, secrets left out.
    pub fingerprint: String,
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
    /// `[close]`
    pub close: CloseSettings,
    /// `[calendar]`
    pub calendar: CalendarSettings,
    /// `[subledger]`
    pub subledger: SubledgerSettings,
    /// `[approvals]`
    pub approvals: ApprovalSettings,
    /// `[evidence]`
    pub evidence: EvidenceSettings,
    /// `[tie_out]`
    pub tie_out: TieOutSettings,
    /// `[audit]`
    pub audit: AuditSettings,
    /// `[sign_in]`
    pub sign_in: SignInSettings,
    /// `[tasks]`
    pub tasks: TaskSettings,
}

/// Where the heads of signed days are put outside the ledger.
#[derive(Debug, Clone, Default)]
pub struct AuditSettings {
    /// A table of ServiceNow.
    pub head: Option<HeadTable>,
    /// A time-stamping authority (RFC 3161).
    pub timestamp_url: Option<Url>,
}

impl AuditSettings {
    /// Whether the site puts heads at this place.
    pub fn names(&self, place: OutsidePlace) -> bool {
        match place {
            OutsidePlace::ServiceNow => self.head.is_some(),
            OutsidePlace::Timestamp => self.timestamp_url.is_some(),
        }
    }
}

/// A table of ServiceNow that gets a row for each signed day.
#[derive(Debug, Clone)]
pub struct HeadTable {
    /// Its name.
    pub table: String,
    /// The column by which the row of a day is found.
    pub key: String,
    /// The other columns, each with its value.
    pub fields: Vec<(String, HeadValue)>,
}

/// How people prove who they are.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// How many days a new API key is valid, unless its command says otherwise.
    pub key_days: u64,
    /// How many days before its end a key is notified.
    pub key_notice_days: u32,
    /// The OpenID provider of the site; `None`: people sign in with API keys alone.
    pub provider: Option<ProviderSettings>,
}

/// An OpenID provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its address exactly as its tokens have it, which may end with or without a slash.
    pub issuer: String,
    /// The address of its description.
    pub discovery: Url,
    /// The name under which it knows Tieline.
    pub client_id: String,
    /// The scopes to request, `openid` among them.
    pub scopes: Vec<String>,
    /// The claim with the name of a person.
    pub name_claim: String,
    /// The claim with the roles or groups of a person.
    pub roles_claim: String,
    /// Values of that claim with the role that each gives; the first one that a person has decides.
    pub roles: Vec<(String, Role)>,
    /// When a session ends at the latest.
    pub session: Duration,
    /// The address to which it sends the browser back.
    pub callback: Url,
    /// The address to which it sends the browser after signing out.
    pub signed_out: Url,
    /// Whether an address of the provider may begin with `http://` outside this machine.
    pub allow_http: bool,
    /// The connection.
    pub connection: Connection,
}

/// What people must look at, as tasks in ServiceNow.
#[derive(Debug, Clone)]
pub struct TaskSettings {
    /// Whether there are any.
    pub enabled: bool,
    /// The table.
    pub table: String,
    /// With more than this number of records for one cause, the cause is one task.
    pub together_above: i64,
    /// The most open tasks.
    pub most: i64,
    /// How often open tasks are looked at, and how often their texts may change.
    pub check: Duration,
    /// The column of the short description.
    pub title_field: String,
    /// The column of the description.
    pub text_field: String,
    /// The column of the note with which a task is closed; `None`: no note.
    pub note_field: Option<String>,
    /// The column by which a task is found.
    pub correlation_field: String,
    /// The column of the state.
    pub state_field: String,
    /// The state that a task gets when it is resolved.
    pub closed_state: String,
    /// The states that count as closed.
    pub closed_states: Vec<String>,
    /// The `sys_id` of the group that gets the tasks.
    pub assignment_group: Option<String>,
    /// More columns of a new task, with their values.
    pub fields: BTreeMap<String, String>,
}

impl TaskSettings {
    /// The columns that are written.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let own = [&self.title_field, &self.text_field, &self.correlation_field, &self.state_field];
        let group = self.assignment_group.as_ref().map(|_| "assignment_group");
        own.into_iter().chain(&self.note_field).chain(self.fields.keys()).map(String::as_str).chain(group)
    }
}

/// What only the site can say to an auditor.
#[derive(Debug, Clone, Default)]
pub struct EvidenceSettings {
    /// Who owns the interface, a line each.
    pub owners: Vec<String>,
    /// How backups are made, and when the last one was restored as a test, a line each.
    pub backups: Vec<String>,
}

/// What needs a second person.
#[derive(Debug, Clone)]
pub struct ApprovalSettings {
    /// The actions.
    pub needed: Vec<ApprovalKind>,
    /// How long a request can be answered and done, in hours.
    pub hours: u32,
    /// The amount, by currency (ISO 4217), up to which a replay or a release needs no second person.
    pub amounts: BTreeMap<String, Decimal>,
}

impl ApprovalSettings {
    /// How long a request for such an action can be answered and done; `None`: it needs no second person.
    pub fn hours_of(&self, kind: ApprovalKind) -> Option<u32> {
        self.needed.contains(&kind).then_some(self.hours)
    }
}

/// How periods are closed.
#[derive(Debug, Clone)]
pub struct CloseSettings {
    /// Whether the reviewer must be another person than the preparer.
    pub second_person: bool,
    /// How old the tie-out may be that somebody signs.
    pub tie_out_age: Duration,
    /// The last days of periods, of one company or (`None`) of every one that has no day of its own.
    pub period_ends: BTreeMap<(Option<CompanyId>, FiscalPeriod), NaiveDate>,
}

impl CloseSettings {
    /// The last day of a company's period, if configured.
    pub fn end_of(&self, company: &str, period: FiscalPeriod) -> Option<NaiveDate> {
        let own = self.period_ends.get(&(Some(CompanyId::new(company)), period));
        own.or_else(|| self.period_ends.get(&(None, period))).copied()
    }

    /// The configured periods of a company.
    pub fn periods_of<'a>(&'a self, company: &'a str) -> impl Iterator<Item = FiscalPeriod> + 'a {
        let of = move |one: &Option<CompanyId>| one.as_ref().is_none_or(|one| one.as_str() == company);
        self.period_ends.keys().filter(move |(one, _)| of(one)).map(|(_, period)| *period)
    }
}

/// Tie-outs that the service makes by itself.
#[derive(Debug, Clone, Default)]
pub struct TieOutSettings {
    /// When; `None`: never.
    pub schedule: Option<Schedule>,
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
