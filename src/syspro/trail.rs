//! The requests of a query so far: a repeated request gets the same answer, and would repeat without end.
//!
//! [`super::order`] finds repeated rows, if their order is known. What remains are answers without such a row: no rows, rows without a key,
//! or rows whose key cannot be used in a query. These are found by the request: a link that was followed before, or a key after which rows
//! were requested before.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use url::Url;

use super::error::SysproError;
use super::reader::{Call, Query, asked, shown};
use super::wire::Cell;
use crate::redact::Quoted;

/// How often the rows after one key may be requested before that counts as a circle: with fewer rows each time, with other columns, and one
/// row at a time past unreadable ones.
const SAME_KEY: u32 = 200;

/// Requests of one page that need not bring a row: lists of keys without rows, columns that are tested one by one.
const FREE_REQUESTS: u64 = 1000;
/// Requests of one page for each received row.
const REQUESTS_PER_ROW: u64 = 4;

/// How much of a link is shown.
const LINK_SHOWN: usize = 80;

/// Digests of the requests of one query.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// Links that were followed.
    links: HashSet<[u8; 16]>,
    /// Keys after which rows were requested.
    keys: HashSet<[u8; 16]>,
    /// Keys at which a page started.
    pages: HashSet<[u8; 16]>,
    /// The last of `keys`, and how often it was requested.
    last: Option<([u8; 16], u32)>,
}

impl Trail {
    /// Whether this link was followed before.
    fn followed(&mut self, link: &Url) -> bool {
        !self.links.insert(digest([link.as_str().as_bytes()].into_iter()))
    }

    /// Whether to continue after this key would be a circle.
    fn asked_beyond(&mut self, key: Option<&[Cell]>) -> bool {
        let key = of_key(key);
        if let Some((last, times)) = &mut self.last
            && *last == key
        {
            *times += 1;
            return *times > SAME_KEY;
        }
        self.last = Some((key, 1));
        !self.keys.insert(key)
    }

    /// Allows to request rows after the same keys once more.
    pub(super) fn forget(&mut self) {
        (self.keys, self.last) = (HashSet::new(), None);
    }

    /// Whether a page started at this key before.
    fn began(&mut self, key: Option<&[Cell]>) -> bool {
        !self.pages.insert(of_key(key))
    }
}

/// The digest of the key as received: with other padding it is another request.
fn of_key(key: Option<&[Cell]>) -> [u8; 16] {
    let parts: Vec<String> = key.unwrap_or_default().iter().map(|cell| format!("{cell:?}")).collect();
    digest(parts.iter().map(String::as_bytes))
}

fn digest<'t>(parts: impl Iterator<Item = &'t [u8]>) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    let whole: [u8; 32] = hasher.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

/// The part of a link that identifies it. The rest of its query string is ours, and is not shown in any text.
fn told(link: &Url) -> String {
    let token = link.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("$skiptoken")).map(|(_, value)| value.into_owned());
    let table = link.path().rsplit('/').next().unwrap_or_default();
    let short = |text: &str| Quoted::first(&text.chars().filter(|c| !c.is_control()).collect::<String>(), LINK_SHOWN);
    match token {
        Some(token) => format!("the link to the next page of `{}` with `$skiptoken={}`", short(table), short(&token)),
        None => format!("the link to the next page of `{}`", short(table)),
    }
}

impl Call<'_> {
    /// Called before a link is followed.
    ///
    /// # Errors
    /// [`SysproError::Circle`].
    pub(super) fn follow(&self, query: &Query<'_>, trail: &mut Trail, link: &Url) -> Result<(), SysproError> {
        if trail.followed(link) { Err(self.circle(query, told(link))) } else { Ok(()) }
    }

    /// Called before rows after a key are requested.
    ///
    /// # Errors
    /// [`SysproError::Circle`].
    pub(super) fn ask_beyond(&self, query: &Query<'_>, trail: &mut Trail, key: Option<&[Cell]>) -> Result<(), SysproError> {
        if trail.asked_beyond(key) { Err(self.circle(query, said_of(key))) } else { Ok(()) }
    }

    /// Called at the start of each page of a query, the first one included.
    ///
    /// # Errors
    /// [`SysproError::Circle`] when a page started there before.
    pub(super) fn begin_page(&self, query: &Query<'_>, trail: &mut Trail, key: Option<&[Cell]>) -> Result<(), SysproError> {
        if trail.began(key) { Err(self.circle(query, said_of(key))) } else { Ok(()) }
    }

    fn circle(&self, query: &Query<'_>, what: String) -> SysproError {
        SysproError::Circle {
            asked: asked(self.company, query.table),
            what: what.into(),
            requests: self.requests.get(),
            rows: self.rows.get(),
        }
    }

    /// Called before each request of a page.
    ///
    /// # Errors
    /// [`SysproError::Endless`] when there were more requests than the received rows explain.
    pub(super) fn spend(&self, asked: &str) -> Result<(), SysproError> {
        let (requests, rows) = (self.requests.get(), self.rows.get());
        if u64::from(requests) >= FREE_REQUESTS + REQUESTS_PER_ROW * rows {
            return Err(SysproError::Endless { asked: asked.to_owned(), requests: u64::from(requests), rows });
        }
        let limit = self.reader.settings.limits.run_requests;
        if u64::from(requests) >= limit {
            let asked = asked.to_owned();
            return Err(SysproError::RunTooLong { asked, requests: u64::from(requests), limit, rows, counted: None });
        }
        self.requests.set(requests + 1);
        Ok(())
    }

    /// Called after rows were received that stay in memory until their page is complete.
    ///
    /// # Errors
    /// [`SysproError::Heavy`] when they exceed `syspro.page_limit_mb`.
    pub(super) fn keep(&self, query: &Query<'_>, rows: &[Vec<Cell>]) -> Result<(), SysproError> {
        let limit = self.reader.settings.limits.page_bytes;
        let kept = self.kept.get() + weight(rows);
        if kept > limit {
            return Err(SysproError::Heavy { asked: asked(self.company, query.table), limit: limit >> 20, rows: self.rows.get() });
        }
        self.kept.set(kept);
        Ok(())
    }

    /// Called after rows were dropped.
    pub(super) fn drop_rows(&self, before: usize, kept: &[Vec<Cell>]) {
        self.kept.set(before + weight(kept));
    }
}

fn said_of(key: Option<&[Cell]>) -> String {
    match key {
        Some(key) => format!("the question for rows beyond the key {}", shown(key)),
        None => "the question for the first rows".to_owned(),
    }
}

/// The approximate memory of rows, in bytes.
fn weight(rows: &[Vec<Cell>]) -> usize {
    let text = |cell: &Cell| match cell {
        Cell::Null | Cell::Flag(_) => 0,
        Cell::Number(text) | Cell::Text(text) | Cell::Escaped(text) => text.len() + 16,
    };
    rows.iter().map(|row| 48 + row.iter().map(|cell| size_of::<Cell>() + text(cell)).sum::<usize>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Vec<Cell> {
        vec![Cell::Text(text.into())]
    }

    #[test]
    fn a_question_that_comes_again_is_noticed() {
        let mut trail = Trail::default();
        let link = |token: &str| Url::parse(&format!("http://h/T?$skiptoken={token}")).expect("an address");
        assert_eq!([link("a"), link("b"), link("a")].map(|link| trail.followed(&link)), [false, false, true]);
        let beyond = |trail: &mut Trail, text: &str| trail.asked_beyond(Some(&key(text)));
        assert!(!trail.asked_beyond(None));
        assert_eq!(["a", "b", "b", "c"].map(|text| beyond(&mut trail, text)), [false; 4], "with fewer rows, say");
        assert!(beyond(&mut trail, "b") && trail.asked_beyond(None), "it was left behind before");
        assert!(!beyond(&mut trail, "c "), "padding makes another question");
        let mut trail = Trail::default();
        let times = (1..1000).find(|_| beyond(&mut trail, "a"));
        assert_eq!(times, Some(SAME_KEY as i32 + 1));
    }

    #[test]
    fn a_page_begins_nowhere_twice() {
        let mut trail = Trail::default();
        let mut began = |text: Option<&str>| trail.began(text.map(key).as_deref());
        assert_eq!([None, Some("a"), Some("b"), Some("a")].map(&mut began), [false, false, false, true]);
    }

    #[test]
    fn a_link_is_told_by_its_token_alone() {
        let link = Url::parse("http://h/EDU1/ApSupplier?$filter=Supplier%20gt%20'secret'&$skiptoken=abc%0d%0a").expect("an address");
        assert_eq!(told(&link), "the link to the next page of `ApSupplier` with `$skiptoken=abc`");
        assert_eq!(told(&Url::parse("http://h/T?p=1").expect("an address")), "the link to the next page of `T`");
    }
}
