//! Sealing the audit: gives events their leaf numbers, adds them to the Merkle tree, and writes a seal over them.
//!
//! The hashes are computed here and not by the server. A pass reads the lines in small pages, whatever their number.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Date, Integer, Nullable, Timestamptz};

use super::audit::LOCK;
use super::schema::audit_seal;
use super::seal::{Position, START, Seal};
use super::{Conn, Store, StoreError, Tx};
use crate::evidence::leaf::hash_of;
use crate::evidence::merkle::Peaks;
use crate::store::text::Text;

/// Events of one transaction of sealing.
const EVENTS: i64 = 10_000;
/// Events that are read at once: each has up to 1,000 records.
const PAGE: usize = 100;

/// What the next seal follows.
#[derive(Debug, QueryableByName)]
struct Head {
    #[diesel(sql_type = Integer)]
    now_life: i32,
    #[diesel(sql_type = BigInt)]
    until: i64,
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
    #[diesel(sql_type = Nullable<Integer>)]
    life: Option<i32>,
    #[diesel(sql_type = Nullable<Date>)]
    day: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_leaf: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    to_xid: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    to_id: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    hash: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    peaks: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    newest_leaf: Option<i64>,
    #[diesel(sql_type = Bool)]
    with_leaves: bool,
    #[diesel(sql_type = Nullable<Date>)]
    signed_day: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<BigInt>)]
    signed_leaf: Option<i64>,
    #[diesel(sql_type = Bool)]
    news: bool,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    xid: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    records: i32,
    #[diesel(sql_type = Text)]
    line: String,
}

impl Head {
    /// Why nothing may be sealed: leaves or signed days have no seal. A new seal would hide that.
    fn gap(&self) -> Option<String> {
        let last = self.last_leaf.unwrap_or_default();
        match (self.newest_leaf, self.signed_leaf) {
            (Some(leaf), _) if leaf != last => Some(format!("the newest leaf is {leaf}, and the newest seal ends with leaf {last}")),
            (None, _) if self.with_leaves => Some(format!("seals up to leaf {last} are there, and their leaves are not")),
            (_, Some(leaf)) if leaf > last => Some(format!("a signed day ends with leaf {leaf}, and the newest seal with leaf {last}")),
            _ => None,
        }
    }

    /// The tree up to the newest seal.
    fn tree(&self) -> Option<Peaks> {
        let size = u64::try_from(self.last_leaf.unwrap_or_default()).ok()?;
        Peaks::stored(size, self.peaks.as_deref().unwrap_or_default())
    }

    /// From where on the events of a life have no seal.
    fn from(&self, life: i32) -> Position {
        match (self.life, self.to_xid, self.to_id) {
            (Some(sealed), Some(xid), Some(id)) if sealed == life => (xid, id),
            _ => START,
        }
    }

    /// The first day to which an event that is sealed now can belong: no day before the newest seal's, and none that is signed.
    fn first_day(&self) -> Option<NaiveDate> {
        self.day.max(self.signed_day.and_then(|day| day.succ_opt()))
    }
}

/// The seals of one pass.
struct Building {
    seals: Vec<Seal>,
    /// The seal that is being made.
    seal: Seal,
    first_day: Option<NaiveDate>,
}

impl Building {
    fn after(head: &Head, life: i32, tree: Peaks) -> Self {
        let from = head.from(life);
        let last_leaf = head.last_leaf.unwrap_or_default();
        let today = head.now.date_naive();
        let seal = Seal {
            id: head.id.unwrap_or_default() + 1,
            life,
            day: head.first_day().map_or(today, |day| day.max(today)),
            first_leaf: last_leaf + 1,
            last_leaf,
            rows: 0,
            from,
            to: from,
            at: head.now,
            mark: None,
            previous: head.hash.clone().unwrap_or_else(|| vec![0; 32]),
            tree,
        };
        Self { seals: Vec::new(), seal, first_day: head.first_day() }
    }

    fn is_empty(&self) -> bool {
        self.seal.last_leaf < self.seal.first_leaf
    }

    /// The next event.
    fn add(&mut self, event: &Found) {
        // by a clock that is ahead, an event may say a day that has not come
        let said = event.at.min(self.seal.at).date_naive();
        let day = self.first_day.map_or(said, |first| first.max(said));
        if !self.is_empty() && day > self.seal.day {
            self.close((event.xid, event.id));
        }
        if self.is_empty() {
            self.seal.day = day;
        }
        self.first_day = Some(self.seal.day);
        self.seal.last_leaf += 1;
        self.seal.rows += i64::from(event.records);
        self.seal.tree.push(hash_of(self.seal.last_leaf, &event.line));
    }

    /// Ends the seal before this place, and begins the next.
    fn close(&mut self, to: Position) {
        let closed = Seal { to, ..self.seal.clone() };
        let (previous, seal) = (closed.hash().to_vec(), &mut self.seal);
        *seal = Seal { id: closed.id + 1, first_leaf: closed.last_leaf + 1, rows: 0, from: to, to, previous, ..seal.clone() };
        self.seals.push(closed);
    }
}

/// Seals the events of a life up to a place, at most [`EVENTS`] of them. Answers with the number of audit rows, and whether there may be
/// more. `mark`: why the life ends: then a seal is written even without events.
fn seal_page(conn: &mut Conn, head: &Head, (life, until): (i32, Position), mark: Option<&str>) -> Tx<(i64, bool)> {
    let problem = head.gap();
    let tree = head.tree().filter(|_| problem.is_none()).ok_or_else(|| StoreError::Unsealable {
        problem: problem.unwrap_or_else(|| "the newest seal has no tree of its leaves".to_owned()),
    })?;
    let mut building = Building::after(head, life, tree);
    let from = building.seal.from;
    sql_query(format!("DECLARE unsealed NO SCROLL CURSOR FOR {}", include_str!("sql/sealing_page.sql")))
        .bind::<Integer, _>(life)
        .bind::<BigInt, _>(from.0)
        .bind::<BigInt, _>(from.1)
        .bind::<BigInt, _>(until.0)
        .bind::<BigInt, _>(until.1)
        .bind::<BigInt, _>(EVENTS)
        .execute(conn)?;
    let (mut last, mut events) = (None, 0);
    loop {
        let page: Vec<Found> = sql_query(format!("FETCH {PAGE} FROM unsealed")).load(conn)?;
        let first_leaf = building.seal.last_leaf + 1;
        for event in &page {
            let place = (event.xid, event.id);
            if last.is_some_and(|last| last >= place) {
                let problem = format!("event {} was read out of its order", event.id);
                return Err(StoreError::Corrupt { what: "an audit".into(), problem }.into());
            }
            last = Some(place);
            building.add(event);
        }
        events += page.len() as i64;
        sql_query("INSERT INTO audit_leaf (leaf, event_id) SELECT $1 + n.place - 1, n.id FROM unnest($2::bigint[]) WITH ORDINALITY AS n (id, place)")
            .bind::<BigInt, _>(first_leaf)
            .bind::<Array<BigInt>, _>(page.iter().map(|event| event.id).collect::<Vec<_>>())
            .execute(conn)?;
        if page.len() < PAGE {
            break;
        }
    }
    sql_query("CLOSE unsealed").execute(conn)?;
    let more = events == EVENTS;
    if let (true, Some((xid, id))) = (more, last) {
        building.close((xid, id + 1));
    } else if !building.is_empty() || mark.is_some() {
        building.seal.mark = mark.map(str::to_owned);
        building.close(until);
    }
    let rows = building.seals.iter().map(|seal| seal.rows).sum();
    for seal in &building.seals {
        insert(conn, seal)?;
    }
    Ok((rows, more))
}

fn insert(conn: &mut Conn, seal: &Seal) -> Tx<()> {
    diesel::insert_into(audit_seal::table)
        .values((
            audit_seal::id.eq(seal.id),
            audit_seal::life.eq(seal.life),
            audit_seal::day.eq(Some(seal.day)),
            audit_seal::first_leaf.eq(Some(seal.first_leaf)),
            audit_seal::last_leaf.eq(Some(seal.last_leaf)),
            audit_seal::rows.eq(seal.rows),
            (audit_seal::from_xid.eq(seal.from.0), audit_seal::from_id.eq(Some(seal.from.1))),
            (audit_seal::to_xid.eq(seal.to.0), audit_seal::to_id.eq(Some(seal.to.1))),
            audit_seal::at.eq(seal.at),
            audit_seal::mark.eq(seal.mark.as_deref().map(super::text::text)),
            audit_seal::previous.eq(&seal.previous),
            audit_seal::peaks.eq(Some(seal.tree.bytes())),
            audit_seal::hash.eq(seal.hash().to_vec()),
        ))
        .execute(conn)?;
    Ok(())
}

fn head(conn: &mut Conn) -> Tx<Head> {
    // the newest events are found by the summaries of their pages: the server would read them all, expecting to find one soon
    sql_query("SET LOCAL enable_seqscan = off").execute(conn)?;
    Ok(sql_query(include_str!("sql/sealing_head.sql")).get_result(conn)?)
}

/// Closes the audit of a life with a marked seal over all its events that have none. An audit that has a gap gets no seal: `audit verify`
/// shows the gap, and a new life must be able to start.
pub(super) fn close_life(conn: &mut Conn, life: i32, mark: &str) -> Tx<()> {
    let until = (i64::MAX, i64::MIN);
    loop {
        let head = head(conn)?;
        if let Some(problem) = head.gap() {
            tracing::error!(
                problem,
                "the audit of the earlier life has a gap and is not closed with a seal: `tieline audit verify` names it"
            );
            return Ok(());
        }
        if !seal_page(conn, &head, (life, until), Some(mark))?.1 {
            return Ok(());
        }
    }
}

impl Store {
    /// Seals the events of all transactions that have ended; answers the number of audit rows.
    ///
    /// # Errors
    /// [`StoreError::Unsealable`] when leaves or signed days have no seal, and the others.
    pub async fn audit_seal(&self) -> Result<i64, StoreError> {
        let mut sealed = 0;
        loop {
            let (rows, more) = self
                .run("seal the audit", |conn| {
                    sql_query(LOCK).execute(conn)?;
                    let head = head(conn)?;
                    // a gap is reported even while there is nothing new
                    if !head.news && head.gap().is_none() {
                        return Ok((0, false));
                    }
                    seal_page(conn, &head, (head.now_life, (head.until, i64::MIN)), None)
                })
                .await?;
            sealed += rows;
            if !more {
                return Ok(sealed);
            }
        }
    }
}
