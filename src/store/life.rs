//! Which life of the ledger this is. A ledger that is restored from a backup starts a new life.
//!
//! The [`Store`] also keeps what it has seen. Every new connection and the start of every transaction are compared with it, so that a
//! running process never writes into a ledger that was restored in the meantime.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use serde_json::json;
use uuid::Uuid;

use super::audit::{LOCK, NewAudit, audit_append};
use super::schema::ledger_life;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::life::{Evidence, HighWater, Life, Place, Signs};
use crate::store::text::Text;

/// What a process knows of the life in which it works.
#[derive(Debug, Clone)]
pub(super) struct Known {
    life: Life,
    /// The last row that it saw committed.
    seen: Option<HighWater>,
    /// Set when the ledger is found to be another one than at the start.
    changed: Option<String>,
}

impl Known {
    /// ServiceNow was compared with this life just now.
    pub(super) fn compared(&mut self) {
        self.life.compared_at = Some(Utc::now());
    }
}

/// Shared by all clones of a store; `None` before the first check.
pub(super) type LifeKnown = Arc<Mutex<Option<Known>>>;

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = BigInt)]
    database_oid: i64,
    #[diesel(sql_type = BigInt)]
    table_oid: i64,
    #[diesel(sql_type = BigInt)]
    next_xid: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    kept_xid: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    newest: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    tells: bool,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<BigInt>)]
    system_identifier: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    known_database_oid: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    known_table_oid: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    began_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    why: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    compared_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Bool)]
    kept: bool,
}

#[derive(QueryableByName)]
struct NewestRow {
    #[diesel(sql_type = SqlUuid)]
    life: Uuid,
    #[diesel(sql_type = BigInt)]
    audit: i64,
    #[diesel(sql_type = BigInt)]
    xid: i64,
    #[diesel(sql_type = Bool)]
    kept: bool,
}

/// Where the ledger is now, the life stored in it, and what shows whether both match.
fn life_signs(conn: &mut Conn, mark: Option<HighWater>) -> Tx<(Life, Place, Signs, Option<DateTime<Utc>>)> {
    let now: Now = sql_query(include_str!("sql/ledger_now.sql")).get_result(conn)?;
    // a query of its own: without the right, a statement that names the function fails as a whole
    let cluster = if now.tells {
        let number: Number = sql_query("SELECT system_identifier AS number FROM pg_control_system()").get_result(conn)?;
        Some(number.number)
    } else {
        None
    };
    let here = Place { cluster, database: Some(now.database_oid), table: Some(now.table_oid) };
    let known = Place { cluster: now.system_identifier, database: now.known_database_oid, table: now.known_table_oid };
    let missing = match mark {
        Some(mark) if !mark_kept(conn, mark)? => Some(mark.audit),
        _ => None,
    };
    let life = Life { number: now.number, id: now.id, place: known, began_at: now.began_at, why: now.why, compared_at: now.compared_at };
    let signs = Signs { known, now: here, kept: now.kept_xid, next: now.next_xid, missing };
    Ok((life, here, signs, now.newest))
}

/// Whether the last row that a node saw committed still exists. A mark of an earlier life is not checked: the end of that life was noticed.
fn mark_kept(conn: &mut Conn, mark: HighWater) -> Tx<bool> {
    let kept: Kept = sql_query(
        "SELECT EXISTS (SELECT FROM event a WHERE a.id = $2 AND a.xid = $3) \
             OR EXISTS (SELECT FROM ledger_life l WHERE l.id = $1 AND l.number < (SELECT max(number) FROM ledger_life)) AS kept",
    )
    .bind::<SqlUuid, _>(mark.life)
    .bind::<BigInt, _>(mark.audit)
    .bind::<BigInt, _>(mark.xid)
    .get_result(conn)?;
    Ok(kept.kept)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Closes the audit of a life and starts the next.
fn begin(conn: &mut Conn, old: &Life, here: Place, evidence: &Evidence, newest: Option<DateTime<Utc>>) -> Tx<Life> {
    let shown = |place: Place| place.cluster.map_or_else(|| "one that is not known".to_owned(), |number| number.to_string());
    let began_at = Utc::now();
    let newest_said = newest.map_or_else(|| "nothing".to_owned(), |at| format!("what happened up to {}", time(at)));
    let why = format!(
        "the ledger was restored: {evidence}; it holds {newest_said}; life {} (cluster {}, since {}) ended, life {} (cluster {}) began at {}",
        old.number,
        shown(old.place),
        time(old.began_at),
        old.number + 1,
        shown(here),
        time(began_at),
    );
    sql_query(include_str!("sql/audit_close.sql")).bind::<Integer, _>(old.number).bind::<Text, _>(&why).execute(conn)?;
    let number = old.number + 1;
    let id = Uuid::now_v7();
    diesel::insert_into(ledger_life::table)
        .values((
            ledger_life::number.eq(number),
            ledger_life::id.eq(id),
            ledger_life::system_identifier.eq(here.cluster),
            ledger_life::database_oid.eq(here.database),
            ledger_life::table_oid.eq(here.table),
            ledger_life::began_at.eq(began_at),
            ledger_life::why.eq(Some(&why)),
        ))
        .execute(conn)?;
    for table in ["event", "audit_seal"] {
        sql_query(format!("ALTER TABLE {table} ALTER COLUMN life SET DEFAULT {number}")).execute(conn)?;
    }
    let detail = json!({
        "message": why,
        "before": { "life": old.number, "id": old.id, "cluster": old.place.cluster.map(|number| number.to_string()), "began_at": old.began_at },
        "now": { "life": number, "id": id, "cluster": here.cluster.map(|number| number.to_string()), "began_at": began_at },
        "newest": newest,
    });
    audit_append(conn, &[NewAudit::of(AuditKind::Restored).detail(&detail)])?;
    Ok(Life { number, id, place: here, began_at, why: Some(why), compared_at: None })
}

impl Store {
    /// Determines the life of the ledger. If the ledger was restored, the first process that notices starts a new life, once: the audit of
    /// the old life is closed with a marked seal, and all counts of transaction numbers start again. `mark`: the last row that this node
    /// saw committed; `said`: a person says that the ledger was restored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn life_check(&self, mark: Option<HighWater>, said: Option<String>) -> Result<(Life, bool), StoreError> {
        let (life, begun) = self
            .run("see whether it was restored", move |conn| {
                let (life, here, signs, _) = life_signs(conn, mark)?;
                if said.is_none() && signs.evidence().is_none() && life.place == here {
                    return Ok((life, false));
                }
                // one at a time, and no seal in between; a process that waited reads again
                sql_query(LOCK).execute(conn)?;
                let (life, here, signs, newest) = life_signs(conn, mark)?;
                match said.map(|by| Evidence::Said { by }).or_else(|| signs.evidence()) {
                    Some(evidence) => Ok((begin(conn, &life, here, &evidence, newest)?, true)),
                    None => {
                        let place = Place { cluster: here.cluster.or(life.place.cluster), ..here };
                        diesel::update(ledger_life::table.find(life.number))
                            .set((
                                ledger_life::system_identifier.eq(place.cluster),
                                ledger_life::database_oid.eq(place.database),
                                ledger_life::table_oid.eq(place.table),
                            ))
                            .execute(conn)?;
                        Ok((Life { place, ..life }, false))
                    }
                }
            })
            .await?;
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(Known { life: life.clone(), seen: None, changed: None });
        Ok((life, begun))
    }

    /// The life in the ledger now, and whether the server tells this account which cluster it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn life_now(&self) -> Result<(Life, bool), StoreError> {
        self.run("say which life it is in", |conn| life_signs(conn, None).map(|(life, here, ..)| (life, here.cluster.is_some()))).await
    }

    /// The life in which this process works; `None` before it was read.
    pub fn life(&self) -> Option<Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|known| known.life.clone())
    }

    /// Why this process must stop: the ledger was restored while it ran.
    pub fn restored_under(&self) -> Option<String> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|known| known.changed.clone())
    }

    /// The newest row of the audit, which this node stores outside the ledger; `None` while there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn high_water(&self) -> Result<Option<HighWater>, StoreError> {
        let seen = self.life.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|known| known.seen);
        let rows: Vec<NewestRow> = self
            .run("say what it holds last", move |conn| {
                let rows = sql_query(
                    "SELECT l.id AS life, a.id AS audit, a.xid, $1 IS NULL OR EXISTS (SELECT FROM event s WHERE s.id = $1 AND s.xid = $2) AS kept \
                     FROM event a JOIN ledger_life l ON l.number = a.life ORDER BY a.id DESC LIMIT 1",
                );
                Ok(rows
                    .bind::<Nullable<BigInt>, _>(seen.map(|seen| seen.audit))
                    .bind::<Nullable<BigInt>, _>(seen.map(|seen| seen.xid))
                    .load(conn)?)
            })
            .await?;
        let newest = rows.first();
        let mark = newest.map(|row| HighWater { life: row.life, audit: row.audit, xid: row.xid });
        let mut known = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.as_mut() else { return Ok(mark) };
        let changed = match (seen, mark) {
            (Some(seen), _) if !newest.is_some_and(|row| row.kept) => Some(under(&Evidence::WentBack { audit: seen.audit }.to_string())),
            (_, Some(mark)) if mark.life != known.life.id => {
                Some("a new life of the ledger began while this process ran: it was restored, or a person said so".to_owned())
            }
            _ => None,
        };
        if let Some(text) = changed {
            // the first observation stays: nothing else shows it
            known.changed.get_or_insert(text);
            return Ok(None);
        }
        known.seen = mark;
        Ok(mark)
    }
}

/// Why this process must stop.
fn under(how: &str) -> String {
    format!("the ledger was restored while this process ran: {how}; this process writes nothing more to it")
}

/// Start of the server's error when the ledger is another one. SQL has no statement that only raises an error, so a cast of this text to a
/// number does.
const REFUSED: &str = "tieline: another ledger ";
/// The number of a table that does not exist.
const NO_TABLE: &str = "none";

/// The start of a transaction. In the same request, the server refuses it if the ledger's own table was re-created since it was last read.
/// The tables of a loaded dump have other numbers, and a connection from before stays open.
pub(super) fn begin_in_life(begin: &str, known: &LifeKnown) -> String {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match known.as_ref().and_then(|known| known.life.place.table) {
        Some(table) => format!(
            "{begin};\nSELECT (CASE WHEN to_regclass('ledger_life')::oid = {table} THEN '1' \
             ELSE '{REFUSED}' || coalesce(to_regclass('ledger_life')::oid::text, '{NO_TABLE}') END)::int4"
        ),
        None => begin.to_owned(),
    }
}

/// Why a transaction could not start. If the ledger is another one, this process stops. If tables are missing, they may be created at any
/// moment, and only then can this be decided.
pub(super) fn not_begun(error: DieselError, known: &LifeKnown) -> super::TxError {
    let DieselError::DatabaseError(_, said) = &error else { return error.into() };
    let Some((_, table)) = said.message().split_once(REFUSED) else { return error.into() };
    let problem = if table.starts_with(NO_TABLE) {
        "its tables are not there; are they just loaded from a backup?".to_owned()
    } else {
        let problem = under(&Evidence::Tables.to_string());
        if let Some(known) = known.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            known.changed.get_or_insert_with(|| problem.clone());
        }
        problem
    };
    super::TxError::Store(StoreError::Unreachable { problem })
}

/// Compares a new connection with what this process knows; refuses it if it leads to another ledger, or to an older state of this one.
pub(super) fn same_ledger(conn: &mut Conn, known: &LifeKnown) -> Result<(), DieselError> {
    let Some(seen) = known.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return Ok(()) };
    let problem = match compare(conn, &seen) {
        Ok(None) => return Ok(()),
        Ok(Some(problem)) => problem,
        Err(super::TxError::Sql(error)) => return Err(error),
        Err(_) => return Ok(()),
    };
    if let Some(known) = known.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        known.changed.get_or_insert_with(|| problem.clone());
    }
    Err(DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(problem)))
}

/// The difference of a connection's ledger; `None` if it is the same ledger.
fn compare(conn: &mut Conn, seen: &Known) -> Tx<Option<String>> {
    let (life, _, mut signs, _) = life_signs(conn, seen.seen)?;
    signs.known = seen.life.place;
    let evidence = signs.evidence().map(|evidence| evidence.to_string());
    let other =
        (life.id != seen.life.id).then(|| format!("it is in life {}, this process began in life {}", life.number, seen.life.number));
    Ok(evidence.or(other).map(|how| under(&how)))
}
