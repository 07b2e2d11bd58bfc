//! Migrations: embedded, and run under an advisory lock so that two nodes do not start them at once.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Store, StoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The advisory lock's number: "tieline" in ASCII.
const LOCK: i64 = 0x74_6965_6c69_6e65;

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

impl Store {
    /// Brings the schema up to date; says which migrations were run.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when the database was written by a newer version.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.on_connection("bring the schema up to date", move |conn| {
            sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(conn).map_err(failed)?;
            let result = check_known(conn).and_then(|()| {
                let done = conn.run_pending_migrations(MIGRATIONS).map_err(|error| StoreError::Migration { problem: error.to_string() })?;
                Ok(done.iter().map(ToString::to_string).collect())
            });
            sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(conn).map_err(failed)?;
            result
        })
        .await
    }

    /// Undoes every migration and runs them again: for the test that each can be undone.
    ///
    /// # Errors
    /// [`StoreError::Migration`] with the server's words.
    pub async fn migrations_redo(&self) -> Result<usize, StoreError> {
        self.on_connection("undo and redo the schema", |conn| {
            let undone =
                conn.revert_all_migrations(MIGRATIONS).map_err(|error| StoreError::Migration { problem: error.to_string() })?.len();
            conn.run_pending_migrations(MIGRATIONS).map_err(|error| StoreError::Migration { problem: error.to_string() })?;
            Ok(undone)
        })
        .await
    }

    /// Work that manages its own transactions.
    async fn on_connection<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = self.pool.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut conn = pool.get().map_err(|error| StoreError::Unreachable { problem: super::without_url(&error.to_string()) })?;
            work(&mut conn)
        });
        task.await.map_err(|_| StoreError::Panicked { what })?
    }
}

/// Refuses a schema with a migration that this program does not carry.
fn check_known(conn: &mut PgConnection) -> Result<(), StoreError> {
    let exists: Vec<Applied> =
        sql_query("SELECT coalesce(to_regclass('__diesel_schema_migrations')::text, '') AS version").load(conn).map_err(failed)?;
    if exists.first().is_none_or(|row| row.version.is_empty()) {
        return Ok(());
    }
    let ours: Vec<Box<dyn Migration<Pg>>> =
        MIGRATIONS.migrations().map_err(|error| StoreError::Migration { problem: error.to_string() })?;
    let known: Vec<String> = ours.iter().map(|migration| migration.name().version().to_string()).collect();
    let applied: Vec<Applied> = sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(conn).map_err(failed)?;
    match applied.into_iter().find(|row| !known.contains(&row.version)) {
        Some(row) => Err(StoreError::NewerSchema { version: row.version }),
        None => Ok(()),
    }
}

fn failed(error: diesel::result::Error) -> StoreError {
    StoreError::Migration { problem: error.to_string() }
}
