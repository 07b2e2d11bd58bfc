//! Flows that people pause and resume, and that Tieline itself stops.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Nullable;

use super::audit::{NewAudit, audit_append};
use super::schema::flow;
use super::{Conn, Store, StoreError, Tx};
use crate::domain::FlowId;
use crate::domain::audit::AuditKind;
use crate::domain::life::WENT_BACK;
use crate::domain::reason::Reason;
use crate::store::text::{Text, text};

/// What a person does to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowAction {
    /// No run begins any more.
    Pause,
    /// Runs begin again.
    Resume,
}

impl FlowAction {
    /// Whether the flow is paused afterwards.
    pub fn pauses(self) -> bool {
        self == Self::Pause
    }
}

/// What is made of tables that have far fewer rows than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallerTables {
    /// They are taken for a fault.
    Fault,
    /// SYSPRO really has so few rows: accepted until the end of the next whole read.
    Accept,
}

impl SmallerTables {
    /// What a person has chosen.
    pub fn accepted(accepted: bool) -> Self {
        if accepted { Self::Accept } else { Self::Fault }
    }
}

/// The state of a flow before a person paused or resumed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, QueryableByName)]
pub struct FlowBefore {
    /// Whether it was paused.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub paused: bool,
    /// Why Tieline had stopped it, if it had.
    #[diesel(sql_type = Nullable<Text>)]
    pub stopped: Option<String>,
    /// Whether a node is running it; that run finishes.
    #[diesel(sql_type = Nullable<Text>)]
    pub running_on: Option<String>,
}

impl FlowBefore {
    /// Whether pausing or resuming it changed anything.
    pub fn changes(&self, action: FlowAction) -> bool {
        match action {
            FlowAction::Pause => !self.paused,
            FlowAction::Resume => self.paused || self.stopped.is_some(),
        }
    }

    /// The effect of pausing or resuming it, as a sentence.
    pub fn said(&self, flow: &FlowId, action: FlowAction) -> String {
        let running = self.running_on.as_ref().map(|node| format!("; the run on node `{node}` finishes first")).unwrap_or_default();
        match (action, self.paused, &self.stopped) {
            (FlowAction::Pause, true, _) => format!("flow {flow} was paused already; nothing changed"),
            (FlowAction::Pause, false, _) => {
                format!("flow {flow} is paused: no run starts until somebody resumes it; what is queued is still sent{running}")
            }
            (FlowAction::Resume, _, Some(why)) => format!("flow {flow} is resumed; it had been stopped: {why}"),
            (FlowAction::Resume, true, None) => format!("flow {flow} is resumed"),
            (FlowAction::Resume, false, None) => format!("flow {flow} was neither paused nor stopped; nothing changed"),
        }
    }
}

/// Stops reading and sending a flow until a person resumes it; a reason that is already stored stays.
pub(crate) fn flow_stop(conn: &mut Conn, id: &FlowId, why: &str) -> Tx<()> {
    let goes_on = flow::table.find((text(id.company.as_str()), text(id.entity.as_str()))).filter(flow::stopped.is_null());
    let stopped = diesel::update(goes_on).set(flow::stopped.eq(Some(why))).execute(conn)?;
    if stopped == 0 {
        return Ok(());
    }
    let mut row = NewAudit::of(AuditKind::Action).detail(&serde_json::json!({ "action": "stop", "why": why }));
    (row.company, row.entity) = (Some(id.company.to_string()), Some(id.entity.to_string()));
    audit_append(conn, &[row])
}

/// Locks the rows of flows that are to be stopped.
pub(super) fn flows_lock<'a>(conn: &mut Conn, flows: impl Iterator<Item = &'a FlowId>) -> Tx<()> {
    let mut flows: Vec<&FlowId> = flows.collect();
    flows.sort_unstable();
    for id in flows {
        let row = flow::table.find((text(id.company.as_str()), text(id.entity.as_str())));
        row.select(flow::entity).for_no_key_update().execute(conn)?;
    }
    Ok(())
}

/// Pauses or resumes a flow, and answers its state before that.
fn pause(conn: &mut Conn, flow: &FlowId, action: FlowAction, actor: &str) -> Tx<FlowBefore> {
    let before: Vec<FlowBefore> = sql_query(
        "SELECT paused_at IS NOT NULL AS paused, stopped, CASE WHEN lease_until BETWEEN now() AND now() + interval '1 hour' THEN holder END AS running_on \
         FROM flow WHERE company = $1 AND entity = $2 FOR UPDATE",
    )
    .bind::<Text, _>(flow.company.as_str())
    .bind::<Text, _>(flow.entity.as_str())
    .load(conn)?;
    sql_query(
        "INSERT INTO flow (company, entity, paused_at, paused_by) VALUES ($1, $2, CASE WHEN $3 THEN now() END, CASE WHEN $3 THEN $4 END) \
         ON CONFLICT (company, entity) DO UPDATE SET paused_at = excluded.paused_at, paused_by = excluded.paused_by, \
         accepted_audit = CASE WHEN NOT $3 AND position($5 IN flow.stopped) > 0 THEN (SELECT id + records - 1 FROM event ORDER BY id DESC LIMIT 1) ELSE flow.accepted_audit END, \
         stopped = CASE WHEN $3 THEN flow.stopped END, kinds = CASE WHEN $3 OR flow.stopped IS NULL THEN flow.kinds END",
    )
    .bind::<Text, _>(flow.company.as_str())
    .bind::<Text, _>(flow.entity.as_str())
    .bind::<diesel::sql_types::Bool, _>(action.pauses())
    .bind::<Text, _>(actor)
    .bind::<Text, _>(WENT_BACK)
    .execute(conn)?;
    Ok(before.into_iter().next().unwrap_or_default())
}

/// The audit row of what a person does to a flow.
fn action_row(flow: &FlowId, actor: String, detail: &serde_json::Value) -> NewAudit {
    let mut row = NewAudit::of(AuditKind::Action).detail(detail);
    (row.company, row.entity, row.actor) = (Some(flow.company.to_string()), Some(flow.entity.to_string()), actor);
    row
}

impl Store {
    /// Pauses a flow.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_pause(&self, flow: FlowId, actor: String, reason: Reason) -> Result<FlowBefore, StoreError> {
        self.run("pause a flow", move |conn| {
            let before = pause(conn, &flow, FlowAction::Pause, &actor)?;
            audit_append(conn, &[action_row(&flow, actor, &serde_json::json!({ "action": "pause", "why": reason }))])?;
            Ok(before)
        })
        .await
    }

    /// Resumes a flow. A flow that Tieline itself stopped is resumed as well, and learns the kinds of its columns again. For a flow that
    /// was stopped because ServiceNow was set back, the deliveries that have arrived until now are accepted as they are. Fewer rows in its
    /// tables can be accepted with it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flow_resume(&self, flow: FlowId, smaller: SmallerTables, actor: String, reason: Reason) -> Result<FlowBefore, StoreError> {
        self.run("resume a flow", move |conn| {
            let before = pause(conn, &flow, FlowAction::Resume, &actor)?;
            let mut detail = serde_json::json!({ "action": "resume", "why": reason });
            if smaller == SmallerTables::Accept {
                let accepted = serde_json::json!({ "accept": true });
                let row = flow::table.find((text(flow.company.as_str()), text(flow.entity.as_str())));
                diesel::update(row).set(flow::sizes.eq(Some(&accepted))).execute(conn)?;
                detail["accept_smaller"] = true.into();
            }
            audit_append(conn, &[action_row(&flow, actor, &detail)])?;
            Ok(before)
        })
        .await
    }
}
