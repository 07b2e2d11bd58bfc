//! Definitions in the ledger: the texts of each set, stored once, and which set is in force.
//!
//! Records are mapped and sent only with the set in force. The lease of a run holds the number of its set, and a claim names it. Both are
//! refused once another set is in force, so that one node never maps, and another never sends, with different files.

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

use super::approval::{Approval, ApprovalRow, Concerns, NewApproval, decide, of_definitions, use_of_definitions, withdraw_definitions};
use super::audit::{NewAudit, audit_append};
use super::schema::{definition, definition_in_force, definition_node, node};
use super::time::ago;
use super::{Conn, Store, StoreError, Tx, TxError};
use crate::definition::SetText;
use crate::definition::set::{MAPPER_REVISION, difference, short};
use crate::domain::approval::ApprovalKind;
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
    /// SHA-256 of the contents of its files.
    #[diesel(sql_type = Text)]
    pub hash: String,
    /// The profile.
    #[diesel(sql_type = Text)]
    pub profile: String,
    /// When it was first put into force.
    #[diesel(sql_type = Timestamptz)]
    pub known_since: DateTime<Utc>,
    /// Since when it is in force; null when it is not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub in_force_since: Option<DateTime<Utc>>,
    /// Who put it into force; null when it is not in force.
    #[diesel(sql_type = Nullable<Text>)]
    pub adopted_by: Option<String>,
}

/// A set with its files.
#[derive(Debug, Clone)]
pub struct SetFiles {
    /// Its number.
    pub number: i32,
    /// SHA-256 of the contents of its files.
    pub hash: String,
    /// The profile.
    pub profile: String,
    /// When it was first put into force.
    pub known_since: DateTime<Utc>,
    /// The contents of its files, by name.
    pub files: BTreeMap<String, String>,
}

#[derive(QueryableByName)]
struct SetFilesRow {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    hash: String,
    #[diesel(sql_type = Text)]
    profile: String,
    #[diesel(sql_type = Timestamptz)]
    known_since: DateTime<Utc>,
    #[diesel(sql_type = Jsonb)]
    files: serde_json::Value,
}

/// A process that presents a set, and what it may do with it.
#[derive(Debug, Clone)]
pub struct Adopter {
    /// The node's name; `None` for a command that runs beside a service and has no name.
    pub node: Option<String>,
    /// The person or program, for the audit.
    pub actor: String,
    /// The reason, if a person gave one.
    pub why: Option<String>,
    /// Which sets it may put into force.
    pub may: MayAdopt,
    /// Where a change needs a second person: how long a request can be answered and done, in hours.
    pub approval_hours: Option<u32>,
}

/// Which sets a process may put into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayAdopt {
    /// For a service: a set that the ledger has never seen; and any set, if the one in force is the one that this node had.
    Changed,
    /// For a command: the same, as long as no service is alive except an earlier process of this node.
    IfNoNodeAlive {
        /// Age of the last heartbeat after which a node counts as dead.
        unresponsive_after: Duration,
    },
    /// None: the process only asks whether its set is in force.
    Nothing,
    /// Any set: a person asked for it.
    Any,
}

/// Whether a set is the one in force, after [`Store::definition_adopt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdoptResult {
    /// It is.
    InForce {
        /// Its number.
        number: SetNumber,
        /// What differs from the former set, if this set came into force just now.
        adopted: Option<Vec<String>>,
    },
    /// Another set is in force.
    Other {
        /// The number of the presented set, if the ledger knows it.
        number: Option<SetNumber>,
        /// The number of the set in force.
        in_force: SetNumber,
        /// Its hash.
        hash: String,
        /// Whether a service that works with this ledger is alive.
        alive: bool,
    },
    /// Another set is in force, and no second person has approved this one.
    Unapproved {
        /// The number of the set in force.
        in_force: SetNumber,
        /// Its hash.
        hash: String,
        /// The newest request for this set.
        asked: Option<Box<ApprovalRow>>,
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

/// Refuses to continue under a set that is not in force. A ledger without a set accepts all.
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

/// Whether a service has a recent heartbeat; the node's own is not counted.
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

/// When a set came into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adoption {
    /// Before this call.
    Earlier,
    /// In this call.
    Now,
}

/// Stores how the set maps the records of each flow. A new mapping gets the next number of its flow. The mapping that was in force when the
/// ledger began to keep mappings has number 0, as long as no other set has come into force since.
fn register_mappings(conn: &mut Conn, number: i32, set: &SetText, adoption: Adoption) -> Tx<()> {
    let rows = || set.mappings.iter();
    sql_query(include_str!("sql/mapping_register.sql"))
        .bind::<Integer, _>(number)
        .bind::<Array<Text>, _>(rows().map(|(flow, _)| flow.company.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows().map(|(flow, _)| flow.entity.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows().map(|(_, mapping)| mapping.hash.as_str()).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(rows().map(|(_, mapping)| json!(mapping.columns)).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(rows().map(|(_, mapping)| json!(mapping.places)).collect::<Vec<_>>())
        .bind::<Bool, _>(adoption == Adoption::Earlier)
        .execute(conn)?;
    Ok(())
}

/// The set's number; a new set is stored.
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
        // changes nothing; makes the statement return the number
        .set(definition::hash.eq(excluded(definition::hash)))
        .returning(definition::number)
        .get_result(conn)?;
    Ok(number)
}

fn adopt(conn: &mut Conn, set: &SetText, who: &Adopter, before: Option<&Current>, approval: Option<i64>) -> Tx<(i32, Vec<String>)> {
    let number = number_of(conn, set)?;
    register_mappings(conn, number, set, Adoption::Now)?;
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
        "hash_before": before.map(|before| &before.hash), "node": who.node, "why": who.why, "difference": difference, "approval": approval,
    }));
    row.actor.clone_from(&who.actor);
    audit_append(conn, &[row])?;
    if before.is_some_and(|before| before.hash != set.hash) {
        withdraw_definitions(conn)?;
    }
    Ok((number, difference))
}

/// The number of the approval of this set, which is used up now; without one, the newest request for it. Only a person asks.
fn approved(conn: &mut Conn, set: &SetText, who: &Adopter, before: &Current, hours: u32) -> Tx<Result<i64, Option<ApprovalRow>>> {
    let why = who.why.as_deref().unwrap_or("the files have these definitions");
    if let Some(approval) = use_of_definitions(conn, &set.hash, &who.actor, why)? {
        return Ok(Ok(approval));
    }
    let (MayAdopt::Any, Ok(why)) = (who.may, why.parse()) else { return Ok(Err(of_definitions(conn, &set.hash)?)) };
    let older: BTreeMap<String, String> = serde_json::from_value(before.files.clone()).unwrap_or_default();
    let ask = NewApproval {
        kind: ApprovalKind::Definition,
        subject: format!("put definitions {} into force", set.short()),
        effect: format!("they replace {} (number {}): {}", short(&before.hash), before.number, difference(&older, &set.files).join("; ")),
        concerns: Concerns::Definitions(set.hash.clone()),
        actor: who.actor.clone(),
        why,
        hours,
    };
    Ok(match decide(conn, &ask)? {
        Approval::Given(given) => Ok(given.number),
        Approval::Asked(row) => Err(Some(*row)),
    })
}

impl Store {
    /// Puts a set into force where `who` may do so; answers whether the set is in force.
    ///
    /// A set that the ledger has never seen comes into force, because somebody changed a file. A set that the ledger knows comes into force
    /// only where this node had the one in force before: then the files were changed back since. A node that was stopped for a while comes
    /// with an older set and does not put it into force again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn definition_adopt(&self, set: SetText, who: Adopter) -> Result<AdoptResult, StoreError> {
        self.run("compare definitions with those in force", move |conn| {
            // one at a time; a process that only asks does not wait
            sql_query("LOCK TABLE definition_in_force IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
            let before = current(conn)?;
            if let Some(before) = before.as_ref().filter(|before| before.hash == set.hash) {
                worked_with(conn, who.node.as_deref(), before.number)?;
                register_mappings(conn, before.number, &set, Adoption::Earlier)?;
                return Ok(AdoptResult::InForce { number: SetNumber(before.number), adopted: None });
            }
            let known = definition::table.filter(definition::hash.eq(text(&set.hash))).select(definition::number);
            let known = known.get_result(conn).optional()?.map(SetNumber);
            let mut lives = false;
            // the first set of a ledger changes nothing
            let approval = match (&before, who.approval_hours) {
                (Some(before), Some(hours)) if who.may != MayAdopt::Nothing => {
                    if let MayAdopt::IfNoNodeAlive { unresponsive_after } = who.may
                        && alive(conn, who.node.as_deref(), unresponsive_after)?
                    {
                        let (in_force, hash) = (SetNumber(before.number), before.hash.clone());
                        return Ok(AdoptResult::Other { number: known, in_force, hash, alive: true });
                    }
                    match approved(conn, &set, &who, before, hours)? {
                        Ok(approval) => Some(approval),
                        Err(asked) => {
                            let (in_force, hash) = (SetNumber(before.number), before.hash.clone());
                            return Ok(AdoptResult::Unapproved { in_force, hash, asked: asked.map(Box::new) });
                        }
                    }
                }
                _ => None,
            };
            if let (Some(before), true) = (&before, who.may != MayAdopt::Any && approval.is_none()) {
                let had = definition_node::table.filter(definition_node::node.nullable().eq(&who.node)).select(definition_node::number);
                let had: Option<i32> = had.get_result(conn).optional()?;
                let changed = known.is_none() || had == Some(before.number);
                if let MayAdopt::IfNoNodeAlive { unresponsive_after } = who.may {
                    lives = alive(conn, who.node.as_deref(), unresponsive_after)?;
                }
                if !changed || lives || who.may == MayAdopt::Nothing {
                    let (in_force, hash) = (SetNumber(before.number), before.hash.clone());
                    return Ok(AdoptResult::Other { number: known, in_force, hash, alive: lives });
                }
            }
            let (number, difference) = adopt(conn, &set, &who, before.as_ref(), approval)?;
            worked_with(conn, who.node.as_deref(), number)?;
            Ok(AdoptResult::InForce { number: SetNumber(number), adopted: Some(difference) })
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

    /// All sets that were ever in force, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn definition_list(&self, limit: i64) -> Result<Vec<SetRow>, StoreError> {
        self.run("list definitions", move |conn| {
            Ok(sql_query(format!("{LIST} ORDER BY d.number DESC LIMIT $1")).bind::<BigInt, _>(limit).load(conn)?)
        })
        .await
    }

    /// The sets of the runs that started within a period, and the set in force now, with their files. Oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn definition_of_runs(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<SetFiles>, StoreError> {
        self.run("read the definitions of a period", move |conn| {
            let rows: Vec<SetFilesRow> = sql_query(
                "SELECT d.number, d.hash, d.profile, d.known_since, d.files FROM definition d \
                 WHERE d.number IN (SELECT r.definition FROM run r WHERE r.started_at >= $1 AND r.started_at < $2) \
                    OR d.number IN (SELECT f.number FROM definition_in_force f) \
                 ORDER BY d.number",
            )
            .bind::<Timestamptz, _>(since)
            .bind::<Timestamptz, _>(until)
            .load(conn)?;
            let files = |row: SetFilesRow| SetFiles {
                number: row.number,
                hash: row.hash,
                profile: row.profile,
                known_since: row.known_since,
                files: serde_json::from_value(row.files).unwrap_or_default(),
            };
            Ok(rows.into_iter().map(files).collect())
        })
        .await
    }

    /// The differences between a set and the one in force; `None` when no set is in force.
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
