//! A retention pass: removes what is older than `[retention]` allows, in small transactions.

use std::time::Instant;

use chrono::Utc;
use serde::Serialize;
use tracing::info;

use crate::config::settings::RetentionSettings;
use crate::domain::retention::{Kept, KeptTable};
use crate::store::{Archive, Store, StoreError, Walk};
use crate::supervision::stopping::Stopping;
use crate::telemetry::metrics::metrics;

/// How fast a pass works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// After each step it waits as long as the step took, so that deliveries are not delayed.
    Gentle,
    /// Step after step: a person waits for it.
    Fast,
}

/// One pass over the tables.
#[derive(Clone)]
pub struct Pass {
    /// The ledger.
    pub store: Store,
    /// How long rows are kept.
    pub settings: RetentionSettings,
    /// Who asked for it, for the audit.
    pub actor: String,
    /// How fast it works.
    pub pace: Pace,
}

/// What a pass removed from a table, or would remove.
#[derive(Debug, Clone, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: KeptTable,
    /// How long its rows are kept.
    #[serde(serialize_with = "shown")]
    pub kept: Kept,
    /// Rows; for events, rows of the audit.
    pub rows: i64,
}

fn shown<S: serde::Serializer>(kept: &Kept, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kept)
}

impl Pass {
    /// Removes what is old, table by table, and logs it. Ends early when the process stops.
    ///
    /// # Errors
    /// [`StoreError`] of the step that failed; the steps before it stay done.
    pub async fn run(&self, stopping: &Stopping) -> Result<Vec<TableReport>, StoreError> {
        let began = Instant::now();
        let stamp = Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let archive = self.settings.archive_directory.clone().map(|directory| Archive::new(directory, stamp));
        let mut reports = Vec::new();
        for table in KeptTable::ALL {
            let kept = self.settings.kept(*table);
            let rows = match table {
                KeptTable::Event => self.events(archive.clone(), stopping).await?,
                _ => self.rows(*table, archive.clone(), stopping).await?,
            };
            reports.push(TableReport { table: *table, kept, rows });
        }
        let removed: Vec<String> =
            reports.iter().filter(|report| report.rows > 0).map(|report| format!("{} of {}", report.rows, report.table)).collect();
        let removed = if removed.is_empty() { "nothing".to_owned() } else { removed.join(", ") };
        info!(removed, seconds = began.elapsed().as_secs(), stopped = stopping.has_begun(), "a retention pass ended");
        Ok(reports)
    }

    /// What [`Pass::run`] would remove.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self) -> Result<Vec<TableReport>, StoreError> {
        let mut reports = Vec::new();
        for table in KeptTable::ALL {
            let kept = self.settings.kept(*table);
            let mut rows = 0;
            if *table == KeptTable::Event {
                rows = self.store.retention_count_events(kept).await?;
            } else {
                let mut next = Some(0);
                while let Some(from) = next {
                    let counted = self.store.retention_count(self.walk(*table, None), from).await?;
                    rows += counted.rows;
                    next = counted.next;
                }
            }
            reports.push(TableReport { table: *table, kept, rows });
        }
        Ok(reports)
    }

    fn walk(&self, table: KeptTable, archive: Option<Archive>) -> Walk {
        Walk { table, kept: self.settings.kept(table), versions: self.settings.versions, actor: self.actor.clone(), archive }
    }

    async fn rows(&self, table: KeptTable, archive: Option<Archive>, stopping: &Stopping) -> Result<i64, StoreError> {
        let (mut rows, mut next) = (0, Some(0));
        while let Some(from) = next.filter(|_| !stopping.has_begun()) {
            let began = Instant::now();
            let removed = self.store.retention_remove(self.walk(table, archive.clone()), from).await?;
            metrics().ledger.retention_removed(table, removed.rows);
            rows += removed.rows;
            next = removed.next;
            self.wait(began).await;
        }
        Ok(rows)
    }

    async fn events(&self, archive: Option<Archive>, stopping: &Stopping) -> Result<i64, StoreError> {
        let mut rows = 0;
        while !stopping.has_begun() {
            let began = Instant::now();
            let removed = self.store.retention_remove_events(self.settings.events, self.actor.clone(), archive.clone()).await?;
            if removed.seals == 0 {
                break;
            }
            metrics().ledger.retention_removed(KeptTable::Event, removed.rows);
            rows += removed.rows;
            self.wait(began).await;
        }
        Ok(rows)
    }

    async fn wait(&self, began: Instant) {
        if self.pace == Pace::Gentle {
            tokio::time::sleep(began.elapsed()).await;
        }
    }
}
