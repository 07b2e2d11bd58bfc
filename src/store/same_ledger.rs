//! Whether a connection and a transaction still reach the ledger that this process knows, in the same life.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Timestamptz, Uuid as SqlUuid};

use super::conn::{Conn, Tx};
use super::error::{StoreError, TxError};
use crate::domain::ids::LifeId;
use crate::domain::life::{Evidence, HighWater, Life, Place, Signs};
use crate::store::text::Text;

/// What a process knows of the life in which it works.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) life: Life,
    /// The last row that it saw committed.
    pub(super) seen: Option<HighWater>,
    /// Set when the ledger is found to be another one than at the start.
    pub(super) changed: Option<String>,
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
    id: LifeId,
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

/// Where the ledger is now, the life stored in it, and what shows whether both match.
pub(super) fn life_signs(conn: &mut Conn, mark: Option<HighWater>) -> Tx<(Life, Place, Signs, Option<DateTime<Utc>>)> {
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

/// Whether the last row that a node saw committed still exists, or was removed by retention. A mark of an earlier life is not checked: the
/// end of that life was noticed.
fn mark_kept(conn: &mut Conn, mark: HighWater) -> Tx<bool> {
    let kept: Kept = sql_query(
        "SELECT EXISTS (SELECT FROM event a WHERE a.id = $2 AND a.xid = $3) \
             OR EXISTS (SELECT FROM audit_seal s WHERE s.removed_at IS NOT NULL \
                        AND ($3, $2) >= (s.from_xid, coalesce(s.from_id, $2)) AND ($3, $2) < (s.to_xid, coalesce(s.to_id, $2)) \
                        AND s.life = (SELECT max(number) FROM ledger_life)) \
             OR EXISTS (SELECT FROM ledger_life l WHERE l.id = $1 AND l.number < (SELECT max(number) FROM ledger_life)) AS kept",
    )
    .bind::<SqlUuid, _>(mark.life)
    .bind::<BigInt, _>(mark.audit)
    .bind::<BigInt, _>(mark.xid)
    .get_result(conn)?;
    Ok(kept.kept)
}

/// Why this process must stop.
pub(super) fn under(how: &str) -> String {
    format!("the ledger was restored while this process ran: {how}; this process writes nothing more to it")
}

/// Start of the server's error when the ledger is another one. SQL has no statement that only raises an error, so a cast of this text to a
/// number does.
const REFUSED: &str = "tieline: another ledger ";
/// The number of a table that does not exist.
const NO_TABLE: &str = "none";

/// Inserts the check of [`begin_in_life`] into a statement that runs without a transaction around it. Its first parameter is
/// [`known_table`].
pub(super) fn with_same_life(sql: &str) -> String {
    sql.replace("{same_life}", include_str!("sql/same_life.sql").trim_end())
}

/// The number of the ledger's own table, as this process knows it; `None` before the first check.
pub(super) fn known_table(known: &LifeKnown) -> Option<i64> {
    known.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|known| known.life.place.table)
}

/// The start of a transaction. In the same request, the server refuses it if the ledger's own table was re-created since it was last read.
/// The tables of a loaded dump have other numbers, and a connection from before stays open.
pub(super) fn begin_in_life(begin: &str, known: &LifeKnown) -> String {
    match known_table(known) {
        Some(table) => format!(
            "{begin};\nSELECT (CASE WHEN to_regclass('ledger_life')::oid = {table} THEN '1' \
             ELSE '{REFUSED}' || coalesce(to_regclass('ledger_life')::oid::text, '{NO_TABLE}') END)::int4"
        ),
        None => begin.to_owned(),
    }
}

/// Why a transaction could not start. If the ledger is another one, this process stops. If tables are missing, they may be created at any
/// moment, and only then can this be decided.
pub(super) fn not_begun(error: DieselError, known: &LifeKnown) -> TxError {
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
    TxError::Store(StoreError::Unreachable { problem })
}

/// Compares a new connection with what this process knows; refuses it if it leads to another ledger, or to an older state of this one.
pub(super) fn same_ledger(conn: &mut Conn, known: &LifeKnown) -> Result<(), DieselError> {
    let Some(seen) = known.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return Ok(()) };
    let problem = match compare(conn, &seen) {
        Ok(None) => return Ok(()),
        Ok(Some(problem)) => problem,
        Err(TxError::Sql(error)) => return Err(error),
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
