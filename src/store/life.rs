//! Which life of the ledger this is. A ledger that is restored from a backup starts a new life.
//!
//! The [`Store`] also keeps what it has seen. Every new connection and the start of every transaction are compared with it, so that a
//! running process never writes into a ledger that was restored in the meantime.

use std::sync::PoisonError;

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Nullable, Uuid as SqlUuid};
use serde_json::json;

use super::audit::{LOCK, NewAudit, audit_append};
use super::same_ledger::{Known, life_signs, under};
use super::schema::ledger_life;
use super::sealing::close_life;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::audit::AuditKind;
use crate::domain::ids::{AuditRowId, LifeId};
use crate::domain::life::{Evidence, HighWater, Life, Place};

#[derive(QueryableByName)]
struct NewestRow {
    #[diesel(sql_type = SqlUuid)]
    life: LifeId,
    #[diesel(sql_type = BigInt)]
    audit: AuditRowId,
    #[diesel(sql_type = BigInt)]
    xid: i64,
    #[diesel(sql_type = Bool)]
    kept: bool,
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
    close_life(conn, old.number, &why)?;
    let number = old.number + 1;
    let id = LifeId::fresh();
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
                Some("the ledger was restored while this process ran, or a person reported a restore".to_owned())
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
