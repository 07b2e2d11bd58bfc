//! The conflict list for people: both values with their times, and who decided what.

use chrono::{DateTime, Utc};
use diesel::dsl::AsExprOf;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable};
use serde::Serialize;

use super::approval::{Approval, Gated, NewApproval, decide};
use super::schema::conflict;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::conflict::{ConflictKind, ConflictState, DecisionProgress};
use crate::domain::ids::ConflictId;
use crate::domain::merge::Side;
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::domain::{DocumentKey, FlowId};
use crate::store::text::{Text, text};

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ConflictFilter {
    /// Only this company.
    pub company: Option<String>,
    /// Only this entity.
    pub entity: Option<String>,
    /// Only this record's key.
    pub key: Option<String>,
    /// Only this state; `None`: all states but closed.
    pub state: Option<ConflictState>,
    /// Only this kind.
    pub kind: Option<ConflictKind>,
    /// Only these numbers.
    pub ids: Vec<ConflictId>,
    /// Only those after this number, for paging.
    pub after: ConflictId,
    /// The most entries to return.
    pub limit: i64,
}

/// One entry of the conflict list.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = conflict, check_for_backend(Pg))]
#[schema(as = Conflict)]
pub struct ConflictRow {
    /// Its number, ascending.
    #[schema(value_type = i64)]
    pub id: ConflictId,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    #[serde(skip)]
    pub(crate) subject: String,
    /// The record's key, or the key in a row that has no record.
    pub key: String,
    /// The row in ServiceNow.
    pub sys_id: Option<String>,
    /// The field in ServiceNow; `@row` for the record itself.
    pub field: String,
    /// The column in SYSPRO.
    pub source: Option<String>,
    /// The kind of conflict.
    pub kind: ConflictKind,
    /// Its state.
    pub state: ConflictState,
    /// The base value: SYSPRO's value when both sides last agreed.
    pub agreed: Option<String>,
    /// SYSPRO's value.
    pub syspro: String,
    /// When it was read; SYSPRO itself stores no time.
    pub syspro_at: Option<DateTime<Utc>>,
    /// ServiceNow's value.
    pub servicenow: String,
    /// When its row was changed.
    pub servicenow_at: Option<DateTime<Utc>>,
    /// The side whose value wins, once decided.
    pub side: Option<Side>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// The reason for the decision.
    pub why: Option<String>,
    /// Why Tieline has not written it to SYSPRO yet.
    pub said: Option<String>,
    /// When the entry was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// How it was closed.
    pub outcome: Option<String>,
    /// For a `decided` entry: `outstanding` until SYSPRO's value has arrived in ServiceNow; `delivered` from then on, until the flow's next
    /// run closes the entry; null: the flow's next run applies the decision.
    #[diesel(sql_type = Nullable<Text>, select_expression_type = AsExprOf<Option<String>, Nullable<Text>>)]
    #[diesel(select_expression = None::<String>.into_sql::<Nullable<Text>>())]
    pub delivery: Option<DecisionProgress>,
}

impl ConflictRow {
    /// What happens next to a decided entry.
    pub fn next_of_decided(&self) -> NextStep {
        match self.delivery {
            None => NextStep::RunActs,
            Some(DecisionProgress::Delivered) => NextStep::ConflictDelivered,
            Some(DecisionProgress::Outstanding) => NextStep::ConflictQueued,
        }
    }
}

impl Store {
    /// Entries of the conflict list, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conflict_list(&self, filter: ConflictFilter) -> Result<Vec<ConflictRow>, StoreError> {
        self.run("list conflicts", move |conn| {
            Ok(sql_query(include_str!("sql/conflict_list.sql"))
                .bind::<BigInt, _>(filter.after)
                .bind::<Nullable<Text>, _>(filter.company)
                .bind::<Nullable<Text>, _>(filter.entity)
                .bind::<Nullable<Text>, _>(filter.key.map(|key| String::from(DocumentKey::typed(&key))))
                .bind::<Nullable<Text>, _>(filter.state.map(ConflictState::as_str))
                .bind::<Nullable<Text>, _>(filter.kind.map(ConflictKind::as_str))
                .bind::<Array<BigInt>, _>(filter.ids)
                .bind::<BigInt, _>(filter.limit)
                .load(conn)?)
        })
        .await
    }

    /// Open entries of these documents (by their numbers) and of rows without a document (by their sys_ids).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conflicts_open(&self, flow: FlowId, subjects: Vec<String>) -> Result<Vec<ConflictRow>, StoreError> {
        self.run("read the open conflicts of a comparison", move |conn| {
            let open = conflict::table
                .filter(conflict::company.eq(text(flow.company.as_str())))
                .filter(conflict::entity.eq(text(flow.entity.as_str())))
                .filter(conflict::subject.eq_any(subjects.iter().map(|subject| text(subject))))
                .filter(conflict::state.ne(text(ConflictState::Closed.as_str())));
            Ok(open.order(conflict::id).select(ConflictRow::as_select()).load(conn)?)
        })
        .await
    }

    /// The next page of open entries of rows without a document.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conflicts_of_rows(&self, flow: FlowId, after: ConflictId, limit: i64) -> Result<Vec<ConflictRow>, StoreError> {
        self.run("read the open conflicts of rows alone", move |conn| {
            let open = conflict::table
                .filter(conflict::company.eq(text(flow.company.as_str())))
                .filter(conflict::entity.eq(text(flow.entity.as_str())))
                .filter(conflict::state.ne(text(ConflictState::Closed.as_str())))
                .filter(conflict::document_id.is_null())
                .filter(conflict::id.gt(after));
            Ok(open.order(conflict::id).limit(limit).select(ConflictRow::as_select()).load(conn)?)
        })
        .await
    }

    /// Decides which value wins in these entries, for their two current values; the next run applies the decision. Answers the decided
    /// entries: closed entries, and entries that cannot be decided, are not included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conflict_decide(
        &self,
        ids: Vec<ConflictId>,
        side: Side,
        actor: String,
        why: Reason,
    ) -> Result<Vec<ConflictRow>, StoreError> {
        self.run("decide conflicts", move |conn| {
            Ok(sql_query(include_str!("sql/conflict_decide.sql"))
                .bind::<Array<BigInt>, _>(ids)
                .bind::<Text, _>(side.as_str())
                .bind::<Text, _>(actor)
                .bind::<Text, _>(why.as_str())
                .load(conn)?)
        })
        .await
    }

    /// Matches two lists for the first time: a record that only one side has is created on the other; where both sides differ, `prefer`
    /// counts, or a person decides each entry. Answers what was decided; the next run applies it.
    /// # Errors
    /// [`StoreError`].
    pub async fn conflict_adopt(
        &self,
        flow: FlowId,
        prefer: Option<Side>,
        actor: String,
        why: Reason,
    ) -> Result<Vec<ConflictRow>, StoreError> {
        self.run("adopt two lists", move |conn| adopt(conn, &flow, prefer, &actor, &why)).await
    }

    /// How many entries of the list this would decide now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conflict_adopted(&self, flow: FlowId, prefer: Option<Side>) -> Result<i64, StoreError> {
        self.run("count what an adoption decides", move |conn| {
            let mut kinds = vec![ConflictKind::OnlySyspro, ConflictKind::OnlyServiceNow];
            kinds.extend(prefer.map(|_| ConflictKind::FirstContact));
            let open = conflict::table
                .filter(conflict::company.eq(text(flow.company.as_str())).and(conflict::entity.eq(text(flow.entity.as_str()))))
                .filter(conflict::state.eq(text(ConflictState::Open.as_str())))
                .filter(conflict::kind.eq_any(kinds.iter().map(|kind| text(kind.as_str()))));
            Ok(open.count().get_result(conn)?)
        })
        .await
    }

    /// The same as [`Store::conflict_adopt`], once a second person has approved it for the entries that the list has now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn conflict_adopt_approved(
        &self,
        flow: FlowId,
        prefer: Option<Side>,
        ask: NewApproval,
    ) -> Result<Gated<Vec<ConflictRow>>, StoreError> {
        self.run("adopt two lists", move |conn| {
            // a run adds its entries before or after
            sql_query("LOCK TABLE conflict IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
            match decide(conn, &ask)? {
                Approval::Given(_) => Ok(Gated::Done(adopt(conn, &flow, prefer, &ask.actor, &ask.why)?)),
                Approval::Asked(row) => Ok(Gated::Asked(row)),
            }
        })
        .await
    }
}

fn adopt(conn: &mut Conn, flow: &FlowId, prefer: Option<Side>, actor: &str, why: &Reason) -> Tx<Vec<ConflictRow>> {
    Ok(sql_query(include_str!("sql/conflict_adopt.sql"))
        .bind::<Text, _>(flow.company.as_str())
        .bind::<Text, _>(flow.entity.as_str())
        .bind::<Nullable<Text>, _>(prefer.map(Side::as_str))
        .bind::<Text, _>(actor)
        .bind::<Text, _>(why.as_str())
        .load(conn)?)
}
