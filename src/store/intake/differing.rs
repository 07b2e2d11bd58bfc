//! What would be sent if documents were mapped again. Nothing is sent: a person decides on these numbers.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::super::{Store, StoreError};
use super::choose::differing;
use super::mapping::{mapping_in_force, rows_here};
use super::page::{Intake, Resend};
use super::versions::{Chosen, choose_work, known_documents};
use crate::domain::ids::DocumentId;
use crate::domain::run::RunCounts;

/// The differences between what was sent and what the definition in force would send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Differing {
    /// Records that were compared.
    pub compared: i64,
    /// Records with a difference.
    pub records: i64,
    /// Parts of records that differ: the header, and each line.
    pub parts: i64,
    /// Records that the definition in force cannot map: they would fail.
    pub failing: i64,
    /// The numbers of the documents with a difference.
    #[serde(skip)]
    #[schema(ignore)]
    pub ids: Vec<DocumentId>,
}

impl Store {
    /// Compares a page of stored documents with what was sent of them. Nothing is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn differing(&self, intake: Intake) -> Result<Differing, StoreError> {
        self.run_hot("compare records with what was sent", move |conn| {
            let intake = Intake { resend: Resend::Differing, ..intake };
            let mapping = mapping_in_force(conn, &intake.flow)?;
            let mut known = known_documents(conn, &intake)?;
            let Chosen { work, .. } =
                choose_work(&intake, &mut known, &HashMap::new(), &mapping, &HashSet::new(), &mut RunCounts::default());
            let here = rows_here(conn, &intake, &work, &mapping)?;
            differing(conn, &intake, &work, &here)
        })
        .await
    }
}
