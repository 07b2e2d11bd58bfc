//! Definitions in the ledger: each set's texts once, and which one is in force.
//!
//! Records are mapped and sent with the set in force alone. A run carries the number of its set in its lease, a claim names it, and both are
//! refused once another one is in force: what one node maps and what another sends never come from different files.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz};
use diesel::upsert::excluded;
use serde::Serialize;
use serde_json::json;

use super::audit::{NewAudit, audit_append};
use super::schema::{definition, definition_in_force, definition_node, node};
use super::time::ago;
use super::{Conn, Store, StoreError, Tx, TxError};
use crate::definition::SetText;
use crate::definition::set::{MAPPER_REVISION, difference};
use crate::domain::audit::AuditKind;
use crate::store::text::{Jsonb, Text, jsonb, text};

/// The number of a set in this ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SetNumber(pub i32);

/// A set that this ledger knows.
#[derive(Debug, Clone, QueryableByName, Serialize, utoipa::ToSchema)]
#[schema(as = Definitions)]
pub struct SetRow {
    /// Its number, from 1.
    #[diesel(sql_type = Integer)]
    pub number: i32,
    /// SHA-256 of what its files say.
    #[diesel(sql_type = Text)]
    pub hash: String,
    /// The profile.
    #[diesel(sql_type = Text)]
    pub profile: String,
    /// When it was first adopted.
    #[diesel(sql_type = Timestamptz)]
    pub known_since: DateTime<Utc>,
    /// Since when it is in force; nothing when it is not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub in_force_since: Option<DateTime<Utc>>,
    /// Who put it into force, where it is.
    #[diesel(sql_type = Nullable<Text>)]
    pub adopted_by: Option<String>,
}

/// Who comes with a set, and what it may do.
#[derive(Debug, Clone)]
pub struct Adopter {
    /// The node's name; none for a command that runs beside a service and keeps no name.
    pub node: Option<String>,
    /// Who, for the audit.
    pub actor: String,
    /// Why, where a person says so.
    pub why: Option<String>,
    /// What it may do.
    pub may: MayAdopt,
}

/// What may come into force by whoever comes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayAdopt {
    /// A service: a set that the ledger has never seen, and any set while the one in force is the one that this node had.
    Changed,
    /// A command: the same, as long as no service is alive but the node's own earlier life.
    IfNoNodeAlive {
        /// How long ago its last heartbeat may be.
        unresponsive_after: Duration,
    },
    /// Nothing: it is only asked how the set stands.
    Nothing,
    /// A person wants it.
    Any,
}

/// How a set stands to the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It is the one in force.
    InForce {
        /// Its number.
        number: SetNumber,
        /// What differs from the set before, where it came into force just now.
        adopted: Option<Vec<String>>,
    },
    /// Another one is.
    Other {
        /// The number of the one that was come with, where the ledger knows it.
        number: Option<SetNumber>,
        /// The one in force.
        in_force: SetNumber,
        /// Its hash.
        hash: String,
        /// Whether a service that works with this ledger is alive.
        alive: bool,
    },
}

#[derive(QueryableByName)]
struct Current {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    hash: String,
    #[diesel(sql_type = Jsonb)]
    files: serde_json::Value,
}

const LIST: &str = "SELECT d.number, d.hash, d.profile, d.known_since, f.since AS in_force_since, f.adopted_by \
                    FROM definition d LEFT JOIN definition_in_force f USING (number)";

/// Refuses to go on under a set that is not in force. A ledger that has none yet holds to no set.
pub(crate) fn definition_assert(conn: &mut Conn, under: SetNumber) -> Tx<()> {
    let other = definition_in_force::table.filter(definition_in_force::number.ne(under.0)).select(definition_in_force::number);
    match other.get_result(conn).optional()? {
        None => Ok(()),
        Some(in_force) => Err(TxError::Store(StoreError::OtherDefinitions { ours: under.0, in_force })),
    }
}

fn current(conn: &mut Conn) -> Tx<Option<Current>> {
    let rows: Vec<Current> =
        sql_query("SELECT d.number, d.hash, d.files FROM definition_in_force f JOIN definition d USING (number)").load(conn)?;
    Ok(rows.into_iter().next())
}

/// Whether a service has a recent heartbeat, the node's own aside: whoever asks holds its place.
fn alive(conn: &mut Conn, own: Option<&str>, unresponsive_after: Duration) -> Tx<bool> {
    let recent = node::table.filter(node::name.nullable().is_distinct_from(own)).filter(node::seen_at.gt(ago(unresponsive_after)));
    let count: i64 = recent.count().get_result(conn)?;
    Ok(count > 0)
}

fn worked_with(conn: &mut Conn, node: Option<&str>, number: i32) -> Tx<()> {
    let Some(node) = node else { return Ok(()) };
    diesel::insert_into(definition_node::table)
        .values((definition_node::node.eq(text(node)), definition_node::number.eq(number)))
        .on_conflict(definition_node::node)
        .do_update()
        .set((definition_node::number.eq(number), definition_node::at.eq(now)))
        .execute(conn)?;
    Ok(())
}

/// Writes down how the set maps the records of each flow. A mapping that is not known yet gets the next number of its flow; one that was in
/// force when the ledger began to keep them is the flow's number 0, as long as `same` says that nothing else has come into force since.
fn register_mappings(conn: &mut Conn, number: i32, set: &SetText, same: bool) -> Tx<()> {
    let rows = || set.mappings.iter();
    sql_query(include_str!("sql/mapping_register.sql"))
        .bind::<Integer, _>(number)
        .bind::<Array<Text>, _>(rows().map(|(flow, _)| flow.company.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows().map(|(flow, _)| flow.entity.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows().map(|(_, mapping)| mapping.hash.as_str()).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(rows().map(|(_, mapping)| json!(mapping.columns)).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(rows().map(|(_, mapping)| json!(mapping.places)).collect::<Vec<_>>())
        .bind::<Bool, _>(same)
        .execute(conn)?;
    Ok(())
}

/// The set's number; a set that is new is written down.
fn number_of(conn: &mut Conn, set: &SetText) -> Tx<i32> {
    let files = json!(set.files);
    let number = diesel::insert_into(definition::table)
        .values((
            definition::hash.eq(text(&set.hash)),
            definition::mapper.eq(MAPPER_REVISION),
            definition::profile.eq(text(&set.profile)),
            definition::carried.eq(&set.carried),
            definition::files.eq(jsonb(&files)),
        ))
        .on_conflict(definition::hash)
        .do_update()
        // changes nothing, and has the number returned
        .set(definition::hash.eq(excluded(definition::hash)))
        .returning(definition::number)
        .get_result(conn)?;
    Ok(number)
}

fn adopt(conn: &mut Conn, set: &SetText, who: &Adopter, before: Option<&Current>) -> Tx<(i32, Vec<String>)> {
    let number = number_of(conn, set)?;
    register_mappings(conn, number, set, false)?;
    let by = (definition_in_force::number.eq(number), definition_in_force::adopted_by.eq(text(&who.actor)));
    diesel::insert_into(definition_in_force::table)
        .values(by)
        .on_conflict(definition_in_force::one)
        .do_update()
        .set((by, definition_in_force::since.eq(now)))
        .execute(conn)?;
    let older: Option<BTreeMap<String, String>> = before.and_then(|before| serde_json::from_value(before.files.clone()).ok());
    let difference = older.map(|older| difference(&older, &set.files)).unwrap_or_default();
    let mut row = NewAudit::of(AuditKind::Definition).detail(&json!({
        "action": "adopt", "number": number, "hash": set.hash, "before": before.map(|before| before.number),
        "hash_before": before.map(|before| &before.hash), "node": who.node, "why": who.why, "difference": difference,
    }));
    row.actor.clone_from(&who.actor);
    audit_append(conn, &[row])?;
    Ok((number, difference))
}

impl Store {
    /// Comes with a set: it is the one in force, comes into force, or is not.
    ///
    /// A set that the ledger has never seen comes into force: somebody changed a file. One that it knows does so only where the node had the
    /// one in force before, because then the files were changed back after that. A node that was away comes with what was in force then,
    /// and does not bring it back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn definition_stand(&self, set: SetText, who: Adopter) -> Result<Stands, StoreError> {
        self.run("compare definitions with those in force", move |conn| {
            // one at a time; whoever only asks is not kept waiting
            sql_query("LOCK TABLE definition_in_force IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
            let before = current(conn)?;
            if let Some(before) = before.as_ref().filter(|before| before.hash == set.hash) {
                worked_with(conn, who.node.as_deref(), before.number)?;
                register_mappings(conn, before.number, &set, true)?;
                return Ok(Stands::InForce { number: SetNumber(before.number), adopted: None });
            }
            let known = definition::table.filter(definition::hash.eq(text(&set.hash))).select(definition::number);
            let known = known.get_result(conn).optional()?.map(SetNumber);
            let mut lives = false;
            if let (Some(before), true) = (&before, who.may != MayAdopt::Any) {
                let had = definition_node::table.filter(definition_node::node.nullable().eq(&who.node)).select(definition_node::number);
                let had: Option<i32> = had.get_result(conn).optional()?;
                let changed = known.is_none() || had == Some(before.number);
                if let MayAdopt::IfNoNodeAlive { unresponsive_after } = who.may {
                    lives = alive(conn, who.node.as_deref(), unresponsive_after)?;
                }
                if !changed || lives || who.may == MayAdopt::Nothing {
                    let (in_force, hash) = (SetNumber(before.number), before.hash.clone());
                    return Ok(Stands::Other { number: known, in_force, hash, alive: lives });
                }
            }
            let (number, difference) = adopt(conn, &set, &who, before.as_ref())?;
            worked_with(conn, who.node.as_deref(), number)?;
            Ok(Stands::InForce { number: SetNumber(number), adopted: Some(difference) })
        })
        .await
    }

    /// The set in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn definition_in_force(&self) -> Result<Option<SetRow>, StoreError> {
        self.run("read which definitions are in force", |conn| {
            let rows: Vec<SetRow> = sql_query(format!("{LIST} WHERE f.number IS NOT NULL")).load(conn)?;
            Ok(rows.into_iter().next())
        })
        .await
    }

    /// Every set that was ever in force, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn definition_list(&self, limit: i64) -> Result<Vec<SetRow>, StoreError> {
        self.run("list definitions", move |conn| {
            Ok(sql_query(format!("{LIST} ORDER BY d.number DESC LIMIT $1")).bind::<BigInt, _>(limit).load(conn)?)
        })
        .await
    }

    /// What a set says otherwise than the one in force, which may be none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn definition_difference(&self, set: SetText) -> Result<Option<Vec<String>>, StoreError> {
        self.run("compare definitions", move |conn| {
            let older: Option<BTreeMap<String, String>> = current(conn)?.and_then(|current| serde_json::from_value(current.files).ok());
            Ok(older.map(|older| difference(&older, &set.files)))
        })
        .await
    }
}
