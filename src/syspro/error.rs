//! What goes wrong when SYSPRO is read: what was asked, what came back, what to do. Never a query string, never a password.

use std::time::Duration;

use super::enet::EnetError;
use crate::net::NetError;
use crate::redact::Quoted;
use crate::retry::Class;

/// Why SYSPRO's OData service gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum SysproError {
    /// The client cannot be made from the settings.
    #[error("SYSPRO cannot be reached with these settings (`[syspro]`)")]
    Setup {
        /// What is wrong.
        #[source]
        source: NetError,
    },
    /// `odata_url` and company make no address.
    #[error("`syspro.odata_url` with company `{company}` and table `{table}` makes no address: {problem}")]
    Address {
        /// The company.
        company: String,
        /// The table.
        table: String,
        /// What the address lacks.
        problem: String,
    },
    /// No answer, or not the whole of it.
    #[error("SYSPRO gave no answer to {asked}")]
    Unreachable {
        /// What was asked.
        asked: String,
        /// What happened.
        #[source]
        source: NetError,
    },
    /// The certificate was not accepted.
    #[error("no secure connection to SYSPRO for {asked}; if the site has its own certificate authority, name its file in `syspro.ca_file`")]
    Tls {
        /// What was asked.
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
        /// What was asked.
        asked: String,
    },
    /// 403.
    #[error("operator `{operator}` may not read {asked} (403); allow the operator this company, and its SQL login the table, in SYSPRO")]
    Forbidden {
        /// The operator code sent.
        operator: String,
        /// What was asked.
        asked: String,
    },
    /// The company answers, the table does not.
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
        "the OData service knows nothing of company `{company}` or of its table `{table}` (404); check `syspro.companies`, and that \
         `syspro.odata_url` ends before the company"
    )]
    UnknownCompany {
        /// The company.
        company: String,
        /// The table asked for when it was noticed.
        table: String,
    },
    /// A column that is needed is not there.
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
    /// A column that may be missing is gone.
    #[error(
        "table `{table}` of company `{company}` lacks {}, which the definition lists as `optional` and which rows have brought until now. Read as \
         empty, it would be emptied in every record, so nothing was read",
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
    /// A column that is needed stands in no row, and nothing says that the table has it.
    #[error(
        "none of the {rows} rows with which {asked} was answered has {}. Where this SYSPRO release lacks it, correct the entity's definition, or \
         list it there as `optional`. Where the service leaves out what is empty, set `syspro.absent_columns = \"empty\"`, once it is \
         certain that it leaves out nothing else, such as zeros. Reading again does not help, and nothing was changed",
        listed(columns)
    )]
    LeftOut {
        /// What was asked.
        asked: String,
        /// How many rows came.
        rows: usize,
        /// The columns.
        columns: Vec<String>,
    },
    /// The request was refused as it stands.
    #[error("SYSPRO refused {asked} with status {status}: {answer}")]
    Refused {
        /// What was asked.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        answer: Quoted,
    },
    /// 429 or 503.
    #[error("SYSPRO is too busy for {asked} ({status}); it is tried again later")]
    Busy {
        /// What was asked.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// Any other 5xx.
    #[error("SYSPRO failed on {asked} with status {status}: {answer}")]
    Failed {
        /// What was asked.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        answer: Quoted,
    },
    /// 3xx: most likely to a login page.
    #[error(
        "SYSPRO sent {asked} elsewhere (status {status}, to {target}); redirects are not followed, so that the password stays here: correct `syspro.odata_url`"
    )]
    Redirected {
        /// What was asked.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// Scheme, host and path of the other place.
        target: Quoted,
    },
    /// A page for people where data was expected.
    #[error(
        "SYSPRO answered {asked} with a page instead of data: {answer}; check `syspro.odata_url` and whether the service is being restarted"
    )]
    NotData {
        /// What was asked.
        asked: String,
        /// The beginning of the answer.
        answer: Quoted,
    },
    /// Cut or malformed JSON.
    #[error("SYSPRO's answer to {asked} cannot be read: {problem}")]
    Malformed {
        /// What was asked.
        asked: String,
        /// What is wrong, and where.
        problem: Quoted,
    },
    /// Rows without their key.
    #[error("SYSPRO's answer to {asked} lacks the key column `{column}`; correct the key in the entity's definition")]
    NoKey {
        /// What was asked.
        asked: String,
        /// The column.
        column: String,
    },
    /// e.net could not be asked.
    #[error(transparent)]
    Enet {
        /// Why.
        #[from]
        source: EnetError,
    },
    /// Rows that are not in the order asked for, not beyond what was asked for, or that came before.
    #[error(
        "SYSPRO's answer to {asked} {problem}. Rows may be missing, so reading has stopped there: nothing is marked as gone, and the next \
         read begins at the same place. Reading again gives the same until the service obeys the order and the condition that it is asked \
         for{advice}"
    )]
    Order {
        /// What was asked.
        asked: String,
        /// Which rows, by their keys.
        problem: Quoted,
        /// What may be the reason.
        advice: OrderAdvice,
    },
    /// Fewer rows than the service counts.
    #[error(
        "SYSPRO counts {before} rows for {asked} before it was read and {after} after it, and gave only {read}: the read is not complete, so \
         nothing is marked as gone. The next run reads again, which helps where rows came and went meanwhile; when this comes again, the \
         service leaves rows out (a view, a filter, paging), or counts wrongly (then set `syspro.count_check = false`)"
    )]
    Short {
        /// What was asked.
        asked: String,
        /// The count before.
        before: u64,
        /// The count after.
        after: u64,
        /// Rows that came.
        read: u64,
    },
    /// No row, and a link to more that cannot be followed.
    #[error(
        "SYSPRO answered {asked} with no row and a link to further rows, and {why}. Rows may be missing, so reading has stopped there: nothing \
         is marked as gone, and the next read begins at the same place"
    )]
    Linked {
        /// What was asked.
        asked: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// A question that was asked before.
    #[error(
        "SYSPRO leads {asked} in a circle: {what} came a second time, after {requests} requests and {rows} rows. The same question has the same \
         answer without end, so reading has stopped there: nothing is marked as gone, and the next read begins at the same place. Reading again \
         does not help until the service, or a proxy or cache in front of it, gives each page once: send {asked} by hand and follow its links"
    )]
    Circle {
        /// What was asked.
        asked: String,
        /// The link or the key that came again.
        what: Quoted,
        /// Requests of the page.
        requests: u32,
        /// Rows of the page.
        rows: u64,
    },
    /// More requests than rows explain.
    #[error(
        "SYSPRO was asked {requests} times for one page and gave {rows} rows; the last question was {asked}. Reading has stopped there: nothing is \
         marked as gone, and the next read begins at the same place. Reading again does not help while the service answers in pieces this \
         small, or with pages that hold nothing"
    )]
    Endless {
        /// What was asked last.
        asked: String,
        /// How many requests there were.
        requests: u64,
        /// How many rows came.
        rows: u64,
    },
    /// More requests in one run than are allowed.
    #[error(
        "SYSPRO was asked {requests} times in this run for {asked}, and there is no end: {rows} rows came{}. Reading has stopped there: nothing is \
         marked as gone. Reading again goes on at the same place where it reads changes, and at the beginning where it reads everything; when \
         the table is really that large, raise `syspro.run_requests` ({limit})",
        counted.map(|counted| format!(", where the service counts {counted}")).unwrap_or_default()
    )]
    RunTooLong {
        /// What was asked.
        asked: String,
        /// How many requests there were.
        requests: u64,
        /// How many may be.
        limit: u64,
        /// How many rows of the table came.
        rows: u64,
        /// How many rows the service counts.
        counted: Option<u64>,
    },
    /// More rows in one page than fit.
    #[error(
        "the rows of one page take more than {limit} MiB: {rows} came, and {asked} gives still more. Reading has stopped there: nothing is marked as \
         gone, and the next read begins at the same place. Reading again does not help; when a record is really that large, raise \
         `syspro.page_limit_mb`"
    )]
    Heavy {
        /// What was asked.
        asked: String,
        /// The limit, in MiB.
        limit: usize,
        /// How many rows came.
        rows: u64,
    },
    /// More rows than asked for.
    #[error(
        "SYSPRO answered {asked} with more rows than the {most} asked for, and none of them is read: a service that does not keep to `$top` (e.net: \
         `ReturnRows`) may give any number. Reading again does not help until it does; check what stands between SYSPRO and Tieline"
    )]
    Unasked {
        /// What was asked.
        asked: String,
        /// How many rows were asked for.
        most: usize,
    },
    /// The same page again and again.
    #[error(
        "SYSPRO repeats itself on {asked}: the rows beyond the last key begin with that key again; is the key in the definition complete?"
    )]
    Stuck {
        /// What was asked.
        asked: String,
    },
}

/// What may be the reason for rows that are not in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderAdvice {
    /// Nothing that is known.
    None,
    /// Another collation.
    Collation,
    /// This key column holds numbers, which came as texts, and nothing says so.
    Numbers(String),
}

impl std::fmt::Display for OrderAdvice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Collation => f.write_str(
                "; where the company's tables are sorted by another collation than SYSPRO's own (`Latin1_General_BIN`: by code point, capitals \
                 before small letters), set `syspro.key_order = \"any\"`",
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
    /// What it means for the next try. Reading changes nothing in SYSPRO, so no outcome is ever unknown.
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

    /// Whether each further read ends the same way until a person has done something.
    pub fn lasts(&self) -> bool {
        self.class() == Class::Permanent && !matches!(self, Self::Short { .. })
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            Self::Enet { source } => source.retry_after(),
            _ => None,
        }
    }

    /// Whether it concerns the whole company, whatever the table: there is no point in asking for another one.
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

    /// Whether fewer documents at a time may fit where these did not.
    pub fn is_heavy(&self) -> bool {
        matches!(self, Self::Heavy { .. })
    }

    /// Whether a shorter or simpler query may be accepted: IIS says 400, 404 (404.14, 404.15), 413 or 414 to long ones, OData libraries 400 to
    /// those with too many comparisons, and an answer may be too large.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unreachable { source: NetError::TooLarge { .. }, .. })
    }

    /// Whether one row of the answer may be the reason: an answer that came whole and cannot be read, or is too large. Whatever else goes
    /// wrong is the server's trouble, and no row's.
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(
            self,
            Self::Malformed { .. }
                | Self::Enet { source: EnetError::Malformed { .. } | EnetError::Unreachable { source: NetError::TooLarge { .. }, .. } }
                | Self::Unreachable { source: NetError::TooLarge { .. }, .. }
        )
    }

    /// Whether the service failed over the question itself (500), and was not merely out of reach: one row may be the reason.
    pub(super) fn is_failure_within(&self) -> bool {
        matches!(self, Self::Failed { status: 500, .. })
    }

    /// Whether it may be about one of these columns: a refusal, or a failure that names one. A failure that names none is a passing one;
    /// taking it for a missing column would blank a column that is there.
    pub(super) fn is_about(&self, columns: &[&str]) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Failed { status: 500, answer, .. } => columns.iter().any(|name| answer.contains(name)),
            _ => false,
        }
    }

    /// Whether the server understood the question and named this column in its refusal. A page that says 404 may repeat the whole address.
    pub(super) fn names(&self, column: &str) -> bool {
        matches!(self, Self::Refused { status: 400, answer, .. } if answer.contains(column))
    }

    /// From a failed exchange.
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
