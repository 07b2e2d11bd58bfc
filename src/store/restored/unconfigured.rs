//! Flows that the configuration does not contain: they cannot be compared, and nothing of the backup may be sent for them.

use diesel::prelude::*;
use diesel::sql_query;

use super::progress::flow_done;
use crate::domain::FlowId;
use crate::domain::life::COMPARE;
use crate::store::forget::drop_pending;
use crate::store::text::Text;
use crate::store::{Store, StoreError};

impl Store {
    /// The flows that occur in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_flows(&self) -> Result<Vec<FlowId>, StoreError> {
        #[derive(QueryableByName)]
        struct Flow {
            #[diesel(sql_type = Text)]
            company: String,
            #[diesel(sql_type = Text)]
            entity: String,
        }
        self.run("list the flows that it has anything of", |conn| {
            let rows: Vec<Flow> = sql_query(
                "SELECT company, entity FROM flow UNION SELECT company, entity FROM document_count WHERE documents > 0 ORDER BY company, entity",
            )
            .load(conn)?;
            Ok(rows.into_iter().map(|row| FlowId::new(row.company.as_str(), row.entity.as_str())).collect())
        })
        .await
    }

    /// Ends the comparison of a flow that the configuration does not contain: its unsent deliveries are dropped. If the configuration
    /// contains it again later, it stays stopped until it was compared. A flow that was deleted stays deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn restored_flow_aside(&self, life: i32, flow: FlowId, actor: String) -> Result<(), StoreError> {
        self.run("set a flow aside that is not configured", move |conn| {
            let why = "it is read again and sent by its content, should the flow be configured again";
            let open = drop_pending(conn, &flow, &actor, "the ledger was restored", why)?;
            let stop = format!("it was not configured when the ledger was compared after a restore; {COMPARE}");
            sql_query(
                "UPDATE flow f SET whole_next = true, position = NULL, holder = NULL, lease_until = NULL, epoch = f.epoch + 1, \
                        stopped = CASE WHEN f.stopped IS NULL OR position($3 IN f.stopped) > 0 THEN $3 ELSE f.stopped || '; ' || $3 END \
                 WHERE company = $1 AND entity = $2",
            )
            .bind::<Text, _>(flow.company.as_str())
            .bind::<Text, _>(flow.entity.as_str())
            .bind::<Text, _>(stop)
            .execute(conn)?;
            flow_done(conn, life, &flow, open)
        })
        .await
    }
}
