//! What a tie-out checked within SYSPRO's documents.

use diesel::pg::Pg;
use diesel::prelude::*;
use serde::Serialize;

use crate::domain::FlowId;
use crate::domain::ids::TieOutId;
use crate::store::schema::{tie_out_control, tie_out_violation};
use crate::store::text::text;
use crate::store::{Store, StoreError};

/// A control of a definition, and on how many documents it holds.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_control, check_for_backend(Pg))]
pub struct TieOutControl {
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// Its place in the definition, from 1.
    pub number: i32,
    /// Its name.
    pub name: String,
    /// Documents on which it was checked.
    pub checked: i64,
    /// Documents that violate it.
    pub violated: i64,
    /// Documents on which it could not be checked.
    pub unchecked: i64,
    /// Why it was not checked on any.
    pub left_out: Option<String>,
}

/// A document that violates a control, or on which it could not be checked.
#[derive(Debug, Clone, Queryable, Selectable, Serialize, utoipa::ToSchema)]
#[diesel(table_name = tie_out_violation, check_for_backend(Pg))]
pub struct TieOutViolation {
    /// Its number, ascending.
    pub id: i64,
    /// The company.
    pub company: String,
    /// The entity.
    pub entity: String,
    /// The place of the control in the definition.
    pub number: i32,
    /// The document's key.
    pub document_key: String,
    /// The line's key; empty: the whole document.
    pub record_key: String,
    /// Whether the control could not be checked.
    pub unchecked: bool,
    /// What was found.
    pub message: String,
}

/// A violation that was found.
#[derive(Debug, Clone)]
pub struct NewViolation {
    /// The place of the control in the definition.
    pub number: i32,
    /// The document's key.
    pub document_key: String,
    /// The line's key; empty: the whole document.
    pub record_key: String,
    /// Whether the control could not be checked.
    pub unchecked: bool,
    /// What was found.
    pub message: String,
}

impl Store {
    /// Stores violations.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_violated(&self, id: TieOutId, flow: FlowId, found: Vec<NewViolation>) -> Result<(), StoreError> {
        self.run("store what violates a control", move |conn| {
            let rows: Vec<_> = found
                .iter()
                .map(|one| {
                    (
                        tie_out_violation::tie_out_id.eq(id),
                        tie_out_violation::company.eq(text(flow.company.as_str())),
                        tie_out_violation::entity.eq(text(flow.entity.as_str())),
                        tie_out_violation::number.eq(one.number),
                        tie_out_violation::document_key.eq(text(&one.document_key)),
                        tie_out_violation::record_key.eq(text(&one.record_key)),
                        tie_out_violation::unchecked.eq(one.unchecked),
                        tie_out_violation::message.eq(text(&one.message)),
                    )
                })
                .collect();
            // eight parameters each, and a statement has at most 65,535
            for rows in rows.chunks(1000) {
                diesel::insert_into(tie_out_violation::table).values(rows).execute(conn)?;
            }
            Ok(())
        })
        .await
    }

    /// Stores on how many documents the controls of a flow hold.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_controlled(&self, id: TieOutId, controls: Vec<TieOutControl>) -> Result<(), StoreError> {
        self.run("store the controls of a tie-out", move |conn| {
            for control in &controls {
                diesel::insert_into(tie_out_control::table)
                    .values((
                        tie_out_control::tie_out_id.eq(id),
                        tie_out_control::company.eq(text(&control.company)),
                        tie_out_control::entity.eq(text(&control.entity)),
                        tie_out_control::number.eq(control.number),
                        tie_out_control::name.eq(text(&control.name)),
                        tie_out_control::checked.eq(control.checked),
                        tie_out_control::violated.eq(control.violated),
                        tie_out_control::unchecked.eq(control.unchecked),
                        tie_out_control::left_out.eq(control.left_out.as_deref().map(text)),
                    ))
                    .execute(conn)?;
            }
            Ok(())
        })
        .await
    }

    /// The controls of a tie-out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_controls(&self, id: TieOutId) -> Result<Vec<TieOutControl>, StoreError> {
        self.run("list the controls of a tie-out", move |conn| {
            let controls = tie_out_control::table.filter(tie_out_control::tie_out_id.eq(id));
            let order = (tie_out_control::company, tie_out_control::entity, tie_out_control::number);
            Ok(controls.order(order).select(TieOutControl::as_select()).load(conn)?)
        })
        .await
    }

    /// A page of the documents that violate a control, after this one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie_out_violations(&self, id: TieOutId, after: i64, limit: i64) -> Result<Vec<TieOutViolation>, StoreError> {
        self.run("list what violates a control", move |conn| {
            let rows = tie_out_violation::table.filter(tie_out_violation::tie_out_id.eq(id)).filter(tie_out_violation::id.gt(after));
            Ok(rows.order(tie_out_violation::id).limit(limit).select(TieOutViolation::as_select()).load(conn)?)
        })
        .await
    }
}
