//! Migrations: embedded, and run under an advisory lock so that two nodes do not run them at once.

use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connecting::without_url;
use super::ledger::{COLD_BEGIN, HOT_SESSION};
use super::{Store, StoreError};
use crate::store::text::Text;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The advisory lock's number: "tieline" in ASCII.
const LOCK: i64 = 0x74_6965_6c69_6e65;

/// The oldest major version of Postgres that supports the statements.
pub const OLDEST_SERVER: i32 = 14;

/// The state of the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaState {
    /// The newest migration that was run.
    pub newest: String,
    /// The number of migrations that were run.
    pub run: usize,
    /// Migrations of this program that were not run.
    pub pending: Vec<String>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Integer)]
    number: i32,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

impl Store {
    /// Runs the missing migrations; answers which ones.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when the database was written by a newer version.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.on_connection("bring the schema up to date", move |conn| {
            check_server(conn)?;
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

    /// The state of the schema, for `doctor`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        let known = known()?;
        self.run("say how far its schema is", move |conn| {
            let applied: Vec<Applied> = sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(conn)?;
            let run = |version: &String| applied.iter().any(|row| row.version == *version);
            let pending = known.iter().filter(|version| !run(version)).cloned().collect();
            let newest = applied.last().map(|row| row.version.clone()).unwrap_or_default();
            Ok(SchemaState { newest, run: applied.len(), pending })
        })
        .await
    }

    /// A migration that this program does not have: a later release has brought the schema up to date while it ran.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn schema_unknown(&self) -> Result<Option<String>, StoreError> {
        let known = known()?;
        self.run("see whether the schema is newer", move |conn| {
            let applied: Vec<Applied> = sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(conn)?;
            Ok(applied.into_iter().map(|row| row.version).find(|version| !known.contains(version)))
        })
        .await
    }

    /// Reverts every migration and runs them again, for the test that each can be reverted.
    ///
    /// # Errors
    /// [`StoreError::Migration`] with the server's message.
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
            let mut conn = pool.get().map_err(|error| StoreError::Unreachable { problem: without_url(&error.to_string()) })?;
            // planned as the server is configured
            conn.batch_execute(&COLD_BEGIN.replace("BEGIN;", "").replace("SET LOCAL", "SET")).map_err(failed)?;
            let done = work(&mut conn);
            conn.batch_execute(HOT_SESSION).map_err(failed)?;
            done
        });
        task.await.map_err(|_| StoreError::Panicked { what })?
    }
}

/// The migrations in this program.
fn known() -> Result<Vec<String>, StoreError> {
    let ours: Vec<Box<dyn Migration<Pg>>> =
        MIGRATIONS.migrations().map_err(|error| StoreError::Migration { problem: error.to_string() })?;
    Ok(ours.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// Refuses a server that is too old for some statement, before any work starts.
fn check_server(conn: &mut PgConnection) -> Result<(), StoreError> {
    let asked = "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int4 AS number";
    let said: Number = sql_query(asked).get_result(conn).map_err(failed)?;
    if is_too_old(said.number) {
        return Err(StoreError::OldServer { version: said.version, needed: OLDEST_SERVER });
    }
    Ok(())
}

/// `number` is the server's own version number, such as 130011.
fn is_too_old(number: i32) -> bool {
    number / 10_000 < OLDEST_SERVER
}

/// Refuses a schema with a migration that this program does not have.
fn check_known(conn: &mut PgConnection) -> Result<(), StoreError> {
    let exists: Vec<Applied> =
        sql_query("SELECT coalesce(to_regclass('__diesel_schema_migrations')::text, '') AS version").load(conn).map_err(failed)?;
    if exists.first().is_none_or(|row| row.version.is_empty()) {
        return Ok(());
    }
    let known = known()?;
    let applied: Vec<Applied> = sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load(conn).map_err(failed)?;
    match applied.into_iter().find(|row| !known.contains(&row.version)) {
        Some(row) => Err(StoreError::NewerSchema { version: row.version }),
        None => Ok(()),
    }
}

fn failed(error: diesel::result::Error) -> StoreError {
    StoreError::Migration { problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_too_old_by_its_major_version() {
        assert_eq!([90_624, 130_999, 140_000, 150_014, 180_001].map(is_too_old), [true, true, false, false, false]);
        let text = StoreError::OldServer { version: "13.11".into(), needed: OLDEST_SERVER }.to_string();
        assert!(text.contains("PostgreSQL 13.11") && text.contains("14 or newer"), "{text}");
    }
}
