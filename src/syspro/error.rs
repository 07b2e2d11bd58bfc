//! Errors of reading SYSPRO: the request, the answer, and what to do. They never contain a query string or a password.

use std::time::Duration;

use super::enet::EnetError;
use crate::net::NetError;
use crate::redact::Quoted;
use crate::retry::Class;

/// Why SYSPRO's OData service gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum SysproError {
    /// The client cannot be created from the settings.
    #[error("SYSPRO cannot be reached with these settings (`[syspro]`)")]
    Setup {
        /// What is wrong.
        #[source]
        source: NetError,
    },
    /// `odata_url` and company do not form an address.
    #[error("`syspro.odata_url` with company `{company}` and table `{table}` makes no address: {problem}")]
    Address {
        /// The company.
        company: String,
        /// The table.
        table: String,
        /// What is wrong with the address.
        problem: String,
    },
    /// No answer, or an incomplete one.
    #[error("SYSPRO gave no answer to {asked}")]
    Unreachable {
        /// The request.
        asked: String,
        /// What happened.
        #[source]
        source: NetError,
    },
    /// The certificate was not accepted.
    #[error("no secure connection to SYSPRO for {asked}; if the site has its own certificate authority, name its file in `syspro.ca_file`")]
    Tls {
        /// The request.
        asked: String,
        /// What happened.
        #[source]
        source: NetError,
    },
    /// 401.
    #[error(
        "SYSPRO refused operator `{operator}` for {asked} (401); check the credential `syspro-odata`: the OData password is generated in \
         Operator Maintenance and differs from the login password, and the OData service reads its operators only when it starts, so \
         restart that service after a change"
    )]
    WrongPassword {
        /// The operator code sent.
        operator: String,
        /// The request.
        asked: String,
    },
    /// 403.
    #[error("operator `{operator}` may not read {asked} (403); allow the operator this company, and its SQL login the table, in SYSPRO")]
    Forbidden {
        /// The operator code sent.
        operator: String,
        /// The request.
        asked: String,
    },
    /// The company answers, but the table does not exist.
    #[error(
        "company `{company}` has no table `{table}` that can be read; correct the entity's definition, or expose the table in the OData service"
    )]
    UnknownTable {
        /// The company.
        company: String,
        /// The table.
        table: String,
    },
    /// Nothing under this company answers.
    #[error(
        "the OData service has no company `{company}` or no table `{table}` in it (404); check `syspro.companies`, and that \
         `syspro.odata_url` ends before the company"
    )]
    UnknownCompany {
        /// The company.
        company: String,
        /// The table that was requested when this was found.
        table: String,
    },
    /// A required column does not exist.
    #[error(
        "table `{table}` of company `{company}` lacks {}; this SYSPRO release may name it differently: correct the entity's definition, \
         or list it there as `optional`",
        listed(columns)
    )]
    MissingColumn {
        /// The company.
        company: String,
        /// The table.
        table: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// An optional column has disappeared.
    #[error(
        "table `{table}` of company `{company}` lacks {}, which the definition lists as `optional` and which rows had until now. Read as \
         empty, it would be cleared in every record, so nothing was read",
        listed(columns)
    )]
    ColumnGone {
        /// The company.
        company: String,
        /// The table.
        table: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// A required column is in no row, and nothing shows that the table has it.
    #[error(
        "none of the {rows} rows with which {asked} was answered has {}. If this SYSPRO release lacks it, correct the entity's definition, \
         or list it there as `optional`. If the service omits empty values, set `syspro.absent_columns = \"empty\"`, but only if it is \
         certain that the service omits nothing else, such as zeros. Reading again does not help, and nothing was changed",
        listed(columns)
    )]
    LeftOut {
        /// The request.
        asked: String,
        /// The number of rows received.
        rows: usize,
        /// The columns.
        columns: Vec<String>,
    },
    /// The request itself was refused.
    #[error("SYSPRO refused {asked} with status {status}: {answer}")]
    Refused {
        /// The request.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// The start of the answer.
        answer: Quoted,
    },
    /// 429 or 503.
    #[error("SYSPRO is too busy for {asked} ({status}); Tieline retries later")]
    Busy {
        /// The request.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// The value of `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Any other 5xx.
    #[error("SYSPRO failed on {asked} with status {status}: {answer}")]
    Failed {
        /// The request.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// The start of the answer.
        answer: Quoted,
    },
    /// 3xx: most likely to a login page.
    #[error(
        "SYSPRO redirected {asked} (status {status}, to {target}); Tieline follows no redirects, to protect the password: correct \
         `syspro.odata_url`"
    )]
    Redirected {
        /// The request.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// Scheme, host and path of the redirect's target.
        target: Quoted,
    },
    /// An HTML page where data was expected.
    #[error(
        "SYSPRO answered {asked} with a page instead of data: {answer}; check `syspro.odata_url` and whether the service is being restarted"
    )]
    NotData {
        /// The request.
        asked: String,
        /// The start of the answer.
        answer: Quoted,
    },
    /// Truncated or malformed JSON.
    #[error("SYSPRO's answer to {asked} cannot be read: {problem}")]
    Malformed {
        /// The request.
        asked: String,
        /// What is wrong, and where.
        problem: Quoted,
    },
    /// Rows without their key.
    #[error("SYSPRO's answer to {asked} lacks the key column `{column}`; correct the key in the entity's definition")]
    NoKey {
        /// The request.
        asked: String,
        /// The column.
        column: String,
    },
    /// e.net did not answer.
    #[error(transparent)]
    Enet {
        /// Why.
        #[from]
        source: EnetError,
    },
    /// Rows that are not in the requested order, are not beyond the requested key, or came before.
    #[error(
        "SYSPRO's answer to {asked} {problem}. Rows may be missing, so reading has stopped there: nothing is marked as gone, and the next \
         read starts at the same place. Reading again gives the same result until the service obeys the requested order and \
         condition{advice}"
    )]
    Order {
        /// The request.
        asked: String,
        /// The rows, by their keys.
        problem: Quoted,
        /// The possible reason.
        advice: OrderAdvice,
    },
    /// Fewer rows than the service counts.
    #[error(
        "SYSPRO counted {before} rows for {asked} before the read and {after} after it, and returned only {read}: the read is not \
         complete, so nothing is marked as gone. The next run reads again, which helps if rows came and went meanwhile; if this happens \
         again, the service omits rows (a view, a filter, paging) or counts wrongly (then set `syspro.count_check = false`)"
    )]
    Short {
        /// The request.
        asked: String,
        /// The service's count before the read.
        before: u64,
        /// The service's count after the read.
        after: u64,
        /// The number of rows received.
        read: u64,
    },
    /// No row, and a link to more rows that cannot be followed.
    #[error(
        "SYSPRO answered {asked} with no row and a link to further rows, and {why}. Rows may be missing, so reading has stopped there: \
         nothing is marked as gone, and the next read starts at the same place"
    )]
    Linked {
        /// The request.
        asked: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// A query that was made before.
    #[error(
        "SYSPRO repeats its answers to {asked}: {what} came a second time, after {requests} requests and {rows} rows. Reading would never \
         end, so it has stopped there: nothing is marked as gone, and the next read starts at the same place. Reading again does not help \
         until the service, or a proxy or cache in front of it, returns each page once: send {asked} manually and follow its links"
    )]
    Circle {
        /// The request.
        asked: String,
        /// The repeated link or key.
        what: Quoted,
        /// Requests of the page.
        requests: u32,
        /// Rows of the page.
        rows: u64,
    },
    /// More requests than the rows explain.
    #[error(
        "Tieline sent {requests} requests for one page and got {rows} rows; the last request was {asked}. Reading has stopped there: \
         nothing is marked as gone, and the next read starts at the same place. Reading again does not help while the service returns such \
         small or empty pages"
    )]
    Endless {
        /// The last request.
        asked: String,
        /// The number of requests.
        requests: u64,
        /// The number of rows received.
        rows: u64,
    },
    /// More requests in one run than are allowed.
    #[error(
        "Tieline sent {requests} requests in this run for {asked} without reaching the end: {rows} rows came{}. Reading has stopped there: \
         nothing is marked as gone. Another read continues at the same place if it reads changes, and at the beginning if it reads \
         everything; if the table is really that large, raise `syspro.run_requests` ({limit})",
        counted.map(|counted| format!(", where the service counts {counted}")).unwrap_or_default()
    )]
    RunTooLong {
        /// The request.
        asked: String,
        /// The number of requests.
        requests: u64,
        /// The limit.
        limit: u64,
        /// The number of rows of the table received.
        rows: u64,
        /// The number of rows that the service counts.
        counted: Option<u64>,
    },
    /// More rows in one page than fit.
    #[error(
        "the rows of one page take more than {limit} MiB: {rows} came, and {asked} returns more. Reading has stopped there: nothing is \
         marked as gone, and the next read starts at the same place. Reading again does not help; when a record is really that large, \
         raise `syspro.page_limit_mb`"
    )]
    Heavy {
        /// The request.
        asked: String,
        /// The limit, in MiB.
        limit: usize,
        /// The number of rows received.
        rows: u64,
    },
    /// More rows than requested.
    #[error(
        "SYSPRO answered {asked} with more rows than the {most} requested, and Tieline reads none of them: a service that ignores `$top` \
         (e.net: `ReturnRows`) may return any number. Reading again does not help until the service is corrected; check the proxies \
         between SYSPRO and Tieline"
    )]
    Unasked {
        /// The request.
        asked: String,
        /// The number of rows requested.
        most: usize,
    },
    /// The same page repeatedly.
    #[error(
        "SYSPRO repeats itself on {asked}: the rows beyond the last key begin with that key again; is the key in the definition complete?"
    )]
    Stuck {
        /// The request.
        asked: String,
    },
}

/// The possible reason for rows that are not in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderAdvice {
    /// No known reason.
    None,
    /// Another collation.
    Collation,
    /// This key column contains numbers that came as texts, and nothing declares them as numbers.
    Numbers(String),
}

impl std::fmt::Display for OrderAdvice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Collation => f.write_str(
                "; if the company's tables are sorted by another collation than SYSPRO's own (`Latin1_General_BIN`: by code point, \
                 capitals before small letters), set `syspro.key_order = \"any\"`",
            ),
            Self::Numbers(column) => write!(
                f,
                "; the rows are in order where `{column}` holds numbers, which came as texts: then name it in `numbers` of the table in the \
                 entity's file, because the service has no `$metadata` that says so"
            ),
        }
    }
}

impl SysproError {
    /// What the error means for the next attempt. Reading changes nothing in SYSPRO, so no outcome is ever unknown.
    pub fn class(&self) -> Class {
        match self {
            Self::Unreachable { source, .. } => match source {
                NetError::Setup { .. } | NetError::TooLarge { .. } => Class::Permanent,
                _ => Class::Transient,
            },
            Self::Busy { .. } => Class::Throttled,
            Self::Enet { source } => source.class(),
            Self::Failed { .. } | Self::NotData { .. } | Self::Malformed { .. } => Class::Transient,
            _ => Class::Permanent,
        }
    }

    /// Whether every further read fails the same way until a person acts.
    pub fn lasts(&self) -> bool {
        self.class() == Class::Permanent && !matches!(self, Self::Short { .. })
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            Self::Enet { source } => source.retry_after(),
            _ => None,
        }
    }

    /// Whether it concerns the whole company: then a request for another table makes no sense.
    pub fn concerns_company(&self) -> bool {
        !matches!(
            self,
            Self::UnknownTable { .. }
                | Self::MissingColumn { .. }
                | Self::LeftOut { .. }
                | Self::ColumnGone { .. }
                | Self::Refused { .. }
                | Self::Failed { .. }
                | Self::NoKey { .. }
                | Self::Linked { .. }
                | Self::Stuck { .. }
                | Self::Circle { .. }
                | Self::Endless { .. }
                | Self::RunTooLong { .. }
                | Self::Heavy { .. }
                | Self::Unasked { .. }
                | Self::Order { .. }
                | Self::Short { .. }
                | Self::Malformed { .. }
                | Self::Forbidden { .. }
                | Self::Enet { source: EnetError::Condition { .. } | EnetError::Malformed { .. } }
        )
    }

    /// Whether a page with fewer documents may fit.
    pub fn is_heavy(&self) -> bool {
        matches!(self, Self::Heavy { .. })
    }

    /// Whether a shorter or simpler query may be accepted: IIS answers 400, 404 (404.14, 404.15), 413 or 414 to long ones, OData libraries
    /// answer 400 to those with too many comparisons, and an answer may be too large.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unreachable { source: NetError::TooLarge { .. }, .. })
    }

    /// Whether one row of the answer may be the reason: a complete answer that cannot be read, or is too large. Any other error is the
    /// server's, and not a row's.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(
            self,
            Self::Malformed { .. }
                | Self::Enet { source: EnetError::Malformed { .. } | EnetError::Unreachable { source: NetError::TooLarge { .. }, .. } }
                | Self::Unreachable { source: NetError::TooLarge { .. }, .. }
        )
    }

    /// Whether the service failed on the query itself (500), and was not merely unreachable: one row may be the reason.
    pub(super) fn is_failure_within(&self) -> bool {
        matches!(self, Self::Failed { status: 500, .. })
    }

    /// Whether it may be about one of these columns: a refusal, or a failure that names one. A failure that names none is temporary; to
    /// treat it as a missing column would empty an existing one.
    pub(super) fn is_about(&self, columns: &[&str]) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Failed { status: 500, answer, .. } => columns.iter().any(|name| answer.contains(name)),
            _ => false,
        }
    }

    /// Whether the server understood the query and named this column in its refusal. A 404 page may repeat the whole address.
    pub(super) fn names(&self, column: &str) -> bool {
        matches!(self, Self::Refused { status: 400, answer, .. } if answer.contains(column))
    }

    /// Converts the error of a failed exchange.
    pub(super) fn from_net(asked: String, source: NetError) -> Self {
        let text = source.to_string().to_ascii_lowercase();
        let secure = ["certificate", "tls", "handshake", "unknownissuer"].iter().any(|word| text.contains(word));
        match source {
            NetError::Connect { .. } if secure => Self::Tls { asked, source },
            _ => Self::Unreachable { asked, source },
        }
    }
}

/// `column A`, `columns A, B`.
pub(super) fn listed(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        1 => format!("column {}", names[0]),
        _ => format!("columns {}", names.join(", ")),
    }
}
