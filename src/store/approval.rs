//! Requests for approval: asked by one person, answered by another, and used once.

use chrono::{DateTime, Utc};
use diesel::dsl::{now, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Timestamptz};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::approval_use::give_back;
use super::audit::{NewAudit, audit_append};
use super::concerned::{ConcernedScope, HeldRecords, approved_put, counted, held};
use super::schema::approval;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::approval::{ApprovalKind, ApprovalState};
use crate::domain::audit::AuditKind;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::person::person;
use crate::domain::reason::Reason;
use crate::store::text::{Text, text};

/// A request for approval.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = approval, check_for_backend(Pg))]
#[schema(as = Approval)]
pub struct ApprovalRow {
    /// Its number, ascending.
    pub id: i64,
    /// What needs a second person.
    pub kind: ApprovalKind,
    /// What exactly is asked for.
    pub subject: String,
    /// What will happen.
    pub effect: String,
    /// What it concerns, as it was when it was asked for: SHA-256 of the parameters and the records, or the hash of definitions. An
    /// approval holds for the same alone; one for records holds for those of them that have not changed since.
    pub digest: String,
    /// Who asked.
    pub asked_by: String,
    /// Why.
    pub why: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// Until when it can be answered and done.
    pub expires_at: DateTime<Utc>,
    /// Its state.
    pub state: ApprovalState,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When.
    pub answered_at: Option<DateTime<Utc>>,
    /// Why.
    pub answer: Option<String>,
}

/// An action that needs a second person.
#[derive(Debug, Clone)]
pub struct NewApproval {
    /// Its kind.
    pub kind: ApprovalKind,
    /// What exactly is asked for.
    pub subject: String,
    /// What will happen.
    pub effect: String,
    /// What it concerns.
    pub concerns: Concerns,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub why: Reason,
    /// How long the request can be answered and done, in hours.
    pub hours: u32,
}

/// What an action concerns. An approval holds as long as it has not changed.
#[derive(Debug, Clone)]
pub enum Concerns {
    /// A period, by its newest step.
    Period {
        /// The company.
        company: String,
        /// The period.
        period: FiscalPeriod,
    },
    /// The open entries of a flow's conflict list.
    Conflicts(FlowId),
    /// Definitions, by their hash.
    Definitions(String),
    /// Records, each in its current version.
    Records {
        /// Which.
        scope: Box<ConcernedScope>,
        /// Everything else that the action depends on.
        parameters: String,
        /// Their digest when they were counted.
        digest: String,
    },
}

/// What a request for an action that needs a second person leads to.
#[derive(Debug, Clone)]
pub enum Approval {
    /// It was approved.
    Given(Given),
    /// It waits for a second person: asked now, or before.
    Asked(Box<ApprovalRow>),
}

/// An approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Its number.
    pub number: i64,
    /// Of an approval for records: how many it still holds for. It is used by the transactions that queue them ([`super::ApprovedUse`]). `None`: it
    /// is used up now.
    pub records: Option<HeldRecords>,
}

/// What became of an action that needs a second person.
#[derive(Debug, Clone)]
pub enum Gated<T> {
    /// It was approved and is done.
    Done(T),
    /// It waits for a second person.
    Asked(Box<ApprovalRow>),
}

/// What became of an answer.
#[derive(Debug, Clone)]
pub enum Answered {
    /// It is stored.
    Done(ApprovalRow),
    /// There is no such request.
    Missing,
    /// It is no longer waiting for an answer.
    State(ApprovalState),
    /// It was asked by the same person.
    SamePerson(String),
    /// It was asked by another person, who alone can withdraw it.
    OtherPerson(String),
}

/// Why a request is withdrawn whose object has changed.
const CHANGED: &str = "what it concerns has changed since it was asked for";

pub(super) fn event(row: &ApprovalRow, action: &str, actor: &str, why: &str) -> NewAudit {
    let said = (action == "ask").then(|| format!("{}: {}", row.subject, row.effect));
    let mut event = NewAudit::of(AuditKind::Approval).detail(&json!({
        "action": action, "number": row.id, "kind": row.kind, "text": row.subject, "effect": row.effect, "digest": row.digest, "why": why,
        "asked_by": row.asked_by, "expires_at": row.expires_at, "said": said,
    }));
    event.actor = actor.to_owned();
    event
}

/// The states in which a request can still be used.
const OPEN: [ApprovalState; 2] = [ApprovalState::Asked, ApprovalState::Approved];

/// One transaction at a time decides about requests.
fn lock(conn: &mut Conn) -> Tx<()> {
    sql_query("LOCK TABLE approval IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
    Ok(())
}

/// Ends what was not answered, or not done, in time.
fn expire(conn: &mut Conn) -> Tx<()> {
    lock(conn)?;
    give_back(conn)?;
    // the time of the decision: a transaction that waited for another one may have begun before the end of a request
    let late = approval::expires_at.le(sql::<Timestamptz>("clock_timestamp()"));
    let rows: Vec<ApprovalRow> =
        diesel::update(approval::table.filter(approval::state.eq_any(OPEN.map(|state| text(state.as_str())))).filter(late))
            .set(approval::state.eq(text(ApprovalState::Expired.as_str())))
            .returning(ApprovalRow::as_select())
            .load(conn)?;
    // an approval that was used in time may still be carried out a while after it
    sql_query(
        "DELETE FROM approval_record r USING approval a \
         WHERE a.id = r.approval_id AND a.state <> 'asked' AND a.state <> 'approved' AND a.expires_at < now() - interval '1 day'",
    )
    .execute(conn)?;
    let events: Vec<NewAudit> =
        rows.iter().map(|row| event(row, "expire", "tieline", "it was not answered, or not done, in time")).collect();
    audit_append(conn, &events)
}

/// Ends a request by one of these words, with who did it and why.
fn end(conn: &mut Conn, id: i64, state: ApprovalState, (actor, why): (&str, &str)) -> Tx<ApprovalRow> {
    Ok(diesel::update(approval::table.find(id))
        .set((
            approval::state.eq(text(state.as_str())),
            approval::answered_by.eq(Some(text(actor))),
            approval::answered_at.eq(now),
            approval::answer.eq(Some(text(why))),
        ))
        .returning(ApprovalRow::as_select())
        .get_result(conn)?)
}

/// Marks an approval as used, which it is once.
fn use_up(conn: &mut Conn, row: &ApprovalRow, actor: &str, why: &str) -> Tx<()> {
    diesel::update(approval::table.find(row.id)).set(approval::state.eq(text(ApprovalState::Used.as_str()))).execute(conn)?;
    audit_append(conn, &[event(row, "use", actor, why)])
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct Words {
    #[diesel(sql_type = Text)]
    words: String,
}

fn words_of(conn: &mut Conn, sql: &str, company: &str, entity: &str, number: i32) -> Tx<String> {
    let query = sql_query(sql).bind::<Text, _>(company).bind::<Text, _>(entity).bind::<Integer, _>(number);
    Ok(query.get_result::<Words>(conn)?.words)
}

/// What an action concerns, as it is now.
fn digest(conn: &mut Conn, new: &NewApproval) -> Tx<String> {
    let concerned = match &new.concerns {
        Concerns::Definitions(hash) => return Ok(hash.clone()),
        Concerns::Period { company, period } => words_of(
            conn,
            "SELECT coalesce(max(id), 0)::text AS words FROM close_step WHERE company = $1 AND $2 = '' AND number = $3",
            company,
            "",
            period.number(),
        )?,
        Concerns::Conflicts(flow) => words_of(
            conn,
            "SELECT coalesce(string_agg(concat_ws(chr(31), id, kind, field, syspro, servicenow), chr(30) ORDER BY id), '') AS words \
             FROM conflict WHERE company = $1 AND entity = $2 AND state = 'open' AND $3 = 0",
            flow.company.as_str(),
            flow.entity.as_str(),
            0,
        )?,
        Concerns::Records { parameters, digest, .. } => format!("{parameters}\n{digest}"),
    };
    let mut hasher = Sha256::new();
    hasher.update(new.subject.as_bytes());
    hasher.update([0]);
    hasher.update(concerned.as_bytes());
    Ok(hex::encode(hasher.finalize()))
}

/// The action without its records, for comparisons.
fn scope_of(new: &NewApproval) -> String {
    let Concerns::Records { parameters, .. } = &new.concerns else { return String::new() };
    hex::encode(Sha256::digest([new.subject.as_bytes(), &[0], parameters.as_bytes()].concat()))
}

/// Whether a request is still for what this action concerns; for records, how many it holds for. A record that has changed, or came later,
/// takes nothing from the approval of the others.
fn still_for(conn: &mut Conn, new: &NewApproval, row: &ApprovalRow, digest: &str, scope: &str) -> Tx<Option<Option<HeldRecords>>> {
    let Concerns::Records { scope: records, .. } = &new.concerns else { return Ok((row.digest == digest).then_some(None)) };
    let of: String = approval::table.find(row.id).select(approval::scope).first(conn)?;
    if of != scope {
        return Ok(None);
    }
    let held = held(conn, records, row.id)?;
    // where nothing is selected, it is for nothing, too
    let nothing = held.approved == 0 && held.selected == 0;
    Ok((held.held > 0 || nothing).then_some(Some(held)))
}

/// Uses an approval of this action for this person; without one, asks for it. An approval for records is not used yet: the transactions that
/// queue them do that. Within the transaction of the action, nothing that it concerns can change in between.
pub(super) fn decide(conn: &mut Conn, new: &NewApproval) -> Tx<Approval> {
    expire(conn)?;
    let digest = digest(conn, new)?;
    let rows: Vec<ApprovalRow> = approval::table
        .filter(approval::kind.eq(text(new.kind.as_str())).and(approval::subject.eq(text(&new.subject))))
        .filter(approval::state.eq_any(OPEN.map(|state| text(state.as_str()))))
        .order(approval::id)
        .select(ApprovalRow::as_select())
        .load(conn)?;
    let scope = scope_of(new);
    let mut first = None;
    for row in rows.into_iter().filter(|row| person(&row.asked_by) == person(&new.actor)) {
        match still_for(conn, new, &row, &digest, &scope)? {
            None => {
                let row = end(conn, row.id, ApprovalState::Withdrawn, ("tieline", CHANGED))?;
                audit_append(conn, &[event(&row, "withdraw", "tieline", CHANGED)])?;
            }
            Some(records) => first = first.or(Some((row, records))),
        }
    }
    if let Some((row, records)) = first {
        if row.state == ApprovalState::Asked {
            return Ok(Approval::Asked(Box::new(row)));
        }
        if records.is_none_or(|records| records.approved == 0) {
            use_up(conn, &row, &new.actor, new.why.as_str())?;
        }
        return Ok(Approval::Given(Given { number: row.id, records }));
    }
    let id: i64 = sql_query(
        "INSERT INTO approval (kind, subject, effect, digest, asked_by, why, expires_at, scope) \
         VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(hours => $7), $8) RETURNING id",
    )
    .bind::<Text, _>(new.kind.as_str())
    .bind::<Text, _>(&new.subject)
    .bind::<Text, _>(&new.effect)
    .bind::<Text, _>(&digest)
    .bind::<Text, _>(&new.actor)
    .bind::<Text, _>(new.why.as_str())
    .bind::<Integer, _>(i32::try_from(new.hours).unwrap_or(i32::MAX))
    .bind::<Text, _>(&scope)
    .get_result::<Id>(conn)?
    .id;
    if let Concerns::Records { scope, .. } = &new.concerns {
        approved_put(conn, scope, id)?;
    }
    let row: ApprovalRow = approval::table.find(id).select(ApprovalRow::as_select()).first(conn)?;
    audit_append(conn, &[event(&row, "ask", &new.actor, new.why.as_str())])?;
    Ok(Approval::Asked(Box::new(row)))
}

/// Withdraws all requests for definitions: others are in force now than those that they would replace.
pub(super) fn withdraw_definitions(conn: &mut Conn) -> Tx<()> {
    let open: Vec<i64> = approval::table
        .filter(approval::kind.eq(text(ApprovalKind::Definition.as_str())))
        .filter(approval::state.eq_any(OPEN.map(|state| text(state.as_str()))))
        .select(approval::id)
        .load(conn)?;
    for id in open {
        let row = end(conn, id, ApprovalState::Withdrawn, ("tieline", CHANGED))?;
        audit_append(conn, &[event(&row, "withdraw", "tieline", CHANGED)])?;
    }
    Ok(())
}

/// Uses an approval of these definitions, whoever asked for it; answers its number.
pub(super) fn use_of_definitions(conn: &mut Conn, hash: &str, actor: &str, why: &str) -> Tx<Option<i64>> {
    expire(conn)?;
    let approved = approval::table
        .filter(approval::kind.eq(text(ApprovalKind::Definition.as_str())).and(approval::digest.eq(text(hash))))
        .filter(approval::state.eq(text(ApprovalState::Approved.as_str())))
        .order(approval::id);
    let row: Option<ApprovalRow> = approved.select(ApprovalRow::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    use_up(conn, &row, actor, why)?;
    Ok(Some(row.id))
}

/// The newest request for these definitions.
pub(super) fn of_definitions(conn: &mut Conn, hash: &str) -> Tx<Option<ApprovalRow>> {
    let asked = approval::table.filter(approval::kind.eq(text(ApprovalKind::Definition.as_str())).and(approval::digest.eq(text(hash))));
    Ok(asked.order(approval::id.desc()).select(ApprovalRow::as_select()).first(conn).optional()?)
}

impl Store {
    /// Uses an approval of this action for this person; without one, asks for it. `None`: the records have changed since they were counted,
    /// and nothing was done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_use(&self, new: NewApproval) -> Result<Option<Approval>, StoreError> {
        self.run("ask for an approval", move |conn| {
            lock(conn)?;
            if let Concerns::Records { scope, digest, .. } = &new.concerns
                && counted(conn, scope)?.digest != *digest
            {
                return Ok(None);
            }
            decide(conn, &new).map(Some)
        })
        .await
    }

    /// Answers a request for approval.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_answer(&self, id: i64, approve: bool, actor: String, why: Reason) -> Result<Answered, StoreError> {
        self.run("answer a request for approval", move |conn| {
            expire(conn)?;
            let row: Option<ApprovalRow> = approval::table.find(id).select(ApprovalRow::as_select()).first(conn).optional()?;
            let Some(row) = row else { return Ok(Answered::Missing) };
            if row.state != ApprovalState::Asked {
                return Ok(Answered::State(row.state));
            }
            if person(&row.asked_by) == person(&actor) {
                return Ok(Answered::SamePerson(row.asked_by));
            }
            let (state, action) = if approve { (ApprovalState::Approved, "approve") } else { (ApprovalState::Rejected, "reject") };
            let row = end(conn, id, state, (&actor, why.as_str()))?;
            audit_append(conn, &[event(&row, action, &actor, why.as_str())])?;
            Ok(Answered::Done(row))
        })
        .await
    }

    /// Withdraws a request that is not used yet; only the person who asked can do that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_withdraw(&self, id: i64, actor: String, why: Reason) -> Result<Answered, StoreError> {
        self.run("withdraw a request for approval", move |conn| {
            expire(conn)?;
            let row: Option<ApprovalRow> = approval::table.find(id).select(ApprovalRow::as_select()).first(conn).optional()?;
            let Some(row) = row else { return Ok(Answered::Missing) };
            if !OPEN.contains(&row.state) {
                return Ok(Answered::State(row.state));
            }
            if person(&row.asked_by) != person(&actor) {
                return Ok(Answered::OtherPerson(row.asked_by));
            }
            let row = end(conn, id, ApprovalState::Withdrawn, (&actor, why.as_str()))?;
            audit_append(conn, &[event(&row, "withdraw", &actor, why.as_str())])?;
            Ok(Answered::Done(row))
        })
        .await
    }

    /// Requests for approval, the newest first; before this one, if given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_list(&self, before: Option<i64>, limit: i64) -> Result<Vec<ApprovalRow>, StoreError> {
        self.run("list requests for approval", move |conn| {
            expire(conn)?;
            let mut rows = approval::table.order(approval::id.desc()).limit(limit).into_boxed::<Pg>();
            if let Some(before) = before {
                rows = rows.filter(approval::id.lt(before));
            }
            Ok(rows.select(ApprovalRow::as_select()).load(conn)?)
        })
        .await
    }

    /// The newest request for these definitions, by their hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_of_definitions(&self, hash: String) -> Result<Option<ApprovalRow>, StoreError> {
        self.run("read the approval of definitions", move |conn| {
            expire(conn)?;
            of_definitions(conn, &hash)
        })
        .await
    }

    /// Ends requests whose time is over, with an event for each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approval_expire(&self) -> Result<(), StoreError> {
        self.run("end requests for approval that are too late", expire).await
    }
}
