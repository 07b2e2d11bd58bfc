//! Single requests to SYSPRO: their addresses, their retries, and what an answer means.

use std::cell::Cell as Slot;
use std::rc::Rc;
use std::time::Duration;

use backon::Retryable;
use base64::{Engine, prelude::BASE64_STANDARD};
use tracing::debug;
use url::Url;

use crate::definition::plan::TableRead;
use crate::net::{Method, Response};
use crate::redact::Quoted;
use crate::retry::{self, Class};

use super::error::SysproError;
use super::filter::{Condition, encode};
use super::metadata::Metadata;
use super::reader::{Call, Query, asked};
use super::transport::{Request, Transport};
use super::wire::{self, Answer, Cell, Room, Unread};

/// How long after a failure `$metadata` is requested again.
const METADATA_RETRY: Duration = Duration::from_secs(600);
/// How long a known `$metadata` is used, so that an upgrade of SYSPRO is noticed.
const METADATA_LIFE: Duration = Duration::from_secs(6 * 3600);

impl Call<'_> {
    /// Makes one request of a query. When its columns are refused, repeats it without the optional ones.
    pub(super) async fn query(&self, query: &Query<'_>, after: Option<&[Cell]>, top: usize, tries: u32) -> Result<Answer, SysproError> {
        loop {
            let selected = self.selected(query);
            self.hold_known(query, &selected)?;
            let ask = self.ask(query, &selected, after, top)?;
            let known = (self.company.clone(), format!("{}?{}", query.table, selected.join(",")));
            let error = match self.attempt_times(query.table, &ask, &selected, top, tries).await {
                Ok(answer) => {
                    self.reader.learned.borrow_mut().accepted.insert(known);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let doubtful = error.is_about(&selected);
            if !doubtful || self.reader.learned.borrow().accepted.contains(&known) {
                return Err(error);
            }
            if !self.diagnose(query, &selected, &known, error).await? {
                return Err(SysproError::Stuck { asked: asked(self.company, query.table) });
            }
        }
    }

    /// Tests whether a query is accepted: one row with its key, requested once.
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
            // a row that cannot be read is still a row
            Err(error) if error.is_unreadable() => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The answer of `Table/$count`; `None` when it is not a number.
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
        let base = match &self.reader.transport {
            Transport::OData(connections) => connections.base.as_str().trim_end_matches('/'),
            // never used: only the OData service has addresses
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

    /// A link to the next page, if it leads to the same server and does not count rows. Rows that come or go in the meantime would shift
    /// such a count; to continue by key misses nothing.
    pub(super) fn usable_link(&self, table: &str, text: &str) -> Option<Url> {
        let url = self.address(table, "").ok()?.join(text).ok()?;
        let same = matches!(&self.reader.transport, Transport::OData(connections) if url.origin() == connections.base.origin());
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

    /// Requests one address; temporary failures are retried as often as the settings say.
    pub(super) async fn attempt(&self, table: &str, ask: &Request, columns: &[&str], most: usize) -> Result<Answer, SysproError> {
        self.attempt_times(table, ask, columns, most, self.reader.retry.read_attempts).await
    }

    /// The same, but an unreadable answer, or a failure on the query itself (500), is requested at most `tries` times.
    pub(super) async fn attempt_times(
        &self,
        table: &str,
        ask: &Request,
        columns: &[&str],
        rows: usize,
        tries: u32,
    ) -> Result<Answer, SysproError> {
        let retry = &self.reader.retry;
        let attempt = Slot::new(0);
        let once = || {
            attempt.set(attempt.get() + 1);
            self.once(table, ask, columns, rows)
        };
        once.retry(retry::delays(retry.backoff))
            .when(|error| {
                let most =
                    if error.is_unreadable() || error.is_failure_within() { tries.min(retry.read_attempts) } else { retry.read_attempts };
                matches!(error.class(), Class::Transient | Class::Throttled) && attempt.get() < most.max(1)
            })
            .adjust(|error, delay| match error.retry_after() {
                Some(asked) => (asked <= retry.backoff.longest).then_some(asked),
                None => delay,
            })
            .notify(|error, _| debug!(%error, attempt = attempt.get(), table, "a query failed; Tieline retries"))
            .await
    }

    /// One request for at most this many rows.
    pub(super) async fn once(&self, table: &str, ask: &Request, columns: &[&str], most: usize) -> Result<Answer, SysproError> {
        let asked = asked(self.company, table);
        let room = Room { rows: most.max(1), value: self.reader.settings.limits.value_bytes };
        let url = match (ask, &self.reader.transport) {
            (Request::Address(url), _) => url,
            (Request::Find(find), Transport::Enet(finder)) => {
                self.spend(&asked)?;
                let answer = finder.ask((self.credential, self.company), table, columns, find, asked, room).await?;
                self.reader.learned.borrow_mut().companies.insert(self.company.clone());
                return Ok(answer);
            }
            (Request::Find(_), Transport::OData(_)) => return Err(SysproError::Stuck { asked }),
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
        self.reader.learned.borrow_mut().companies.insert(self.company.clone());
        Ok(answer)
    }

    pub(super) async fn get(&self, asked: &str, url: &Url, accept: &str) -> Result<Response, SysproError> {
        self.spend(asked)?;
        let pair = format!("{}:{}", self.credential.username, self.credential.expose());
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Accept", accept),
            ("OData-MaxVersion", "4.0"),
            ("User-Agent", concat!("tieline/", env!("CARGO_PKG_VERSION"))),
        ];
        let Transport::OData(connections) = &self.reader.transport else { return Err(SysproError::Stuck { asked: asked.to_owned() }) };
        // the wait for a turn is no time of the server; only a closed semaphore gives none, and nothing closes it
        let _turn = connections.turns.acquire().await;
        let answer = connections.http.send(Method::GET, url, &headers, Default::default()).await;
        // `$metadata` is shared by all readers, and compared as a whole
        if let Some(trace) = self.reader.trace.as_ref().filter(|_| !url.path().ends_with("/$metadata")) {
            trace.note(url, answer.as_ref().ok());
        }
        answer.map_err(|source| SysproError::from_net(asked.to_owned(), source))
    }

    /// The answer if its status is good, or the error for the status.
    pub(super) fn judge(&self, asked: String, table: &str, response: Response) -> Result<Response, SysproError> {
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

    pub(super) async fn load_metadata(&self) -> Rc<Metadata> {
        if let Transport::Enet(finder) = &self.reader.transport {
            return finder.types();
        }
        if !self.reader.settings.metadata {
            return Rc::default();
        }
        if let Some(asked) = self.reader.metadata.of(self.company)
            && asked.at.elapsed() < if asked.received { METADATA_LIFE } else { METADATA_RETRY }
        {
            return asked.metadata;
        }
        let answer = match self.address("$metadata", "") {
            Ok(url) => {
                self.get("`$metadata`", &url, "application/xml").await.and_then(|answer| self.judge("`$metadata`".into(), "", answer))
            }
            Err(error) => Err(error),
        };
        let received = match answer {
            Ok(response) => Some(Metadata::parse(&String::from_utf8_lossy(&response.body))),
            Err(error) => {
                debug!(%error, company = %self.company, "no `$metadata`; types are taken from what is received");
                None
            }
        };
        self.reader.metadata.learn(self.company, received)
    }

    /// Whether the company itself answers; `None` when that is unknown.
    pub(super) async fn company_answers(&self) -> Option<bool> {
        if self.reader.learned.borrow().companies.contains(self.company) {
            return Some(true);
        }
        if matches!(self.reader.transport, Transport::Enet(_)) {
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
