//! On a real server: what happens to a transaction whose work panics.

mod sql_words;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;

use super::*;
use crate::config::settings::{DatabaseSettings, StateSettings};
use crate::postgres;

fn settings() -> DatabaseSettings {
    DatabaseSettings {
        url: None,
        pool_size: 2,
        statement_timeout: Duration::from_secs(20),
        call_timeout: Duration::from_secs(30),
        bin_directory: None,
        durable: false,
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

async fn count(store: &Store, what: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {what}");
    let rows: Vec<Count> = store.run("count", move |conn| Ok(sql_query(sql).load(conn)?)).await.expect("counted");
    rows[0].count
}

#[tokio::test]
async fn work_that_panics_is_rolled_back_and_the_pool_works_on() {
    let directory = tempfile::Builder::new().prefix("tieline-").tempdir().expect("directory");
    // the server's account must be able to enter it
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("mode");
    let state = directory.path().join("state");
    let cluster = postgres::start(&StateSettings { key_file: state.join("master.key"), directory: state }, &settings()).expect("server");
    let store = Store::connect(&settings(), &cluster.url()).expect("pool");
    store.run("make a table", |conn| Ok(sql_query("CREATE TABLE kept (n int)").execute(conn).map(drop)?)).await.expect("made");

    // more often than there are connections and permits
    for round in 0..8 {
        let died = store
            .run("die in the middle", move |conn| {
                sql_query(format!("INSERT INTO kept VALUES ({round})")).execute(conn)?;
                if round >= 0 {
                    panic!("in the middle of work");
                }
                Ok(())
            })
            .await;
        assert!(matches!(died, Err(StoreError::Panicked { what: "die in the middle" })), "{died:?}");
        assert_eq!(store.permits.available_permits(), 2, "round {round}");
    }
    assert_eq!(count(&store, "kept").await, 0);
    // several at once too, beside work that succeeds
    let panics = (0..6).map(|_| async { store.run("die at once", |_| -> Tx<()> { panic!("at once") }).await.is_err() });
    let fine = (0..6).map(|n| {
        let store = &store;
        async move {
            store.run("write", move |conn| Ok(sql_query(format!("INSERT INTO kept VALUES ({n})")).execute(conn).map(drop)?)).await.is_ok()
        }
    });
    let (panics, fine) = futures_util::future::join(futures_util::future::join_all(panics), futures_util::future::join_all(fine)).await;
    assert!(panics.into_iter().chain(fine).all(|as_it_should| as_it_should));
    assert_eq!(count(&store, "kept").await, 6);

    // an error rolls back as well
    let refused: Result<(), StoreError> = store
        .run("fail in the middle", |conn| {
            sql_query("INSERT INTO kept VALUES (100)").execute(conn)?;
            sql_query("SELECT 1 FROM nowhere").execute(conn).map(drop).map_err(Into::into)
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(count(&store, "kept").await, 6);
    // no connection is left in a transaction, and there are no more than the pool's size
    assert_eq!(count(&store, "pg_stat_activity WHERE application_name = 'tieline' AND state LIKE 'idle in transaction%'").await, 0);
    assert!((1..=2).contains(&count(&store, "pg_stat_activity WHERE application_name = 'tieline'").await));
    drop(store);
    cluster.stop().expect("stopped");
}
