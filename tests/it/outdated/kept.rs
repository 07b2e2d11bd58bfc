//! Contents that differ only because of the definition, with concurrent changes, and after an upgrade.

use std::time::Duration;

use super::{Under, text_of, under, world};
use crate::definitions::Files;
use crate::support::node::wait_for;
use crate::support::world::World;

const SHIPPED: &str = include_str!("../../../config/profiles/apo/invoice.toml");

/// All is sent, and then the definition reads a column more.
fn one_column_more(site: &Under<'_>, files: &Files) -> i64 {
    let entity = include_str!("../../../config/entities/invoice.toml");
    files.write("entities/invoice.toml", entity);
    files.write("profiles/apo/invoice.toml", SHIPPED);
    site.says(&["sync"], 0);
    let wider = entity.replacen("columns = [", "columns = [\"EntryNumber\", ", 1);
    let column = SHIPPED.replace("u_branch = \"Branch\"", "u_branch = \"Branch\"\nu_entry = \"EntryNumber\"");
    assert!(wider != entity && column != SHIPPED);
    files.write("entities/invoice.toml", &wider);
    files.write("profiles/apo/invoice.toml", &column);
    site.world.servicenow.count("x_apo_invoice") as i64
}

/// Does something to the ledger, waits until what is done meanwhile waits for a lock with such a statement, and changes the ledger before it goes on.
fn meanwhile<T>(world: &World, (hold, mode): (&str, &str), waits: &str, change: &str, act: impl FnOnce() -> T) -> T {
    let sql = format!(
        "DO $$ BEGIN {hold}; \
         FOR i IN 1..1200 LOOP \
             PERFORM pg_stat_clear_snapshot(); \
             IF EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = current_database() AND a.wait_event_type = 'Lock' AND a.query LIKE '%{waits}%') THEN \
                 {change}; RETURN; \
             END IF; \
             PERFORM pg_sleep(0.05); \
         END LOOP; RAISE EXCEPTION 'nobody waited'; END $$"
    );
    let database = &world.database;
    std::thread::scope(|scope| {
        scope.spawn(|| database.psql(&sql));
        wait_for("the lock is held", Duration::from_secs(30), || {
            let sql = format!(
                "SELECT count(*) > 0 FROM pg_locks WHERE mode = '{mode}' AND granted AND relation IN ('run'::regclass, 'document'::regclass) \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            );
            (database.psql(&sql) == "t").then_some(())
        });
        act()
    })
}

/// The number of the mapping in force of the invoices.
const IN_FORCE: &str = "(SELECT c.number FROM definition_in_force f JOIN definition_mapping c ON c.definition = f.number \
                        AND c.company = 'EDU1' AND c.entity = 'invoice')";

fn entered(world: &World) -> usize {
    world.servicenow.rows("x_apo_invoice").iter().filter(|row| !text_of(row, "u_entry").is_empty()).count()
}

#[test]
fn a_replay_that_comes_between_does_not_hide_what_a_sweep_keeps() {
    let world = world();
    let files = Files::new();
    let site = under(&world, &[("DEFINITIONS__DIRECTORY", &files.path())]);
    let all = one_column_more(&site, &files);
    site.says(&["sync", "--entity", "supplier"], 3);
    // the replay of the former content, without the column, commits after the sweep has decided and before it writes
    let replay = format!("UPDATE document SET mapping = {IN_FORCE} WHERE entity = 'invoice'");
    let sweep = || site.says(&["sync", "--entity", "invoice", "--sweep"], 3);
    meanwhile(&world, (&replay, "RowExclusiveLock"), "UPDATE document d SET version", "NULL", sweep);
    // the sweep later reads content with the replay's number: nobody would be told, so it is sent
    let kept = site.outdated("invoice");
    assert!(kept > 0);
    assert_eq!(kept + entered(&world) as i64, all, "what was not sent is counted");
    let key = format!("SELECT key FROM document WHERE entity = 'invoice' AND mapping <> {IN_FORCE} ORDER BY key LIMIT 1");
    let key = world.database.psql(&key);
    let said = site.says(&["record", "EDU1", "invoice", &key], 0);
    assert!(said.contains("without version 2") && said.contains("was not sent; `tieline replay --outdated --why …` sends it"), "{said}");
    site.replay(&["--entity", "invoice", "--allow", &all.to_string()], 0);
    assert_eq!((site.outdated("invoice"), entered(&world)), (0, all as usize));
    let said = site.says(&["record", "EDU1", "invoice", &key], 0);
    assert!(said.contains("unchanged in SYSPRO since version 2"), "{said}");
}

#[test]
fn what_differs_only_after_it_was_compared_does_not_go_out_above_the_limit() {
    let world = world();
    let files = Files::new();
    let site = under(&world, &[("DEFINITIONS__DIRECTORY", &files.path())]);
    let all = one_column_more(&site, &files);
    site.says(&["sync", "--entity", "invoice", "--sweep"], 3);
    let writes = world.servicenow.writes();
    // as before the sweep: they count as read without the column when they are compared, and as read with it when they are sent
    world.database.psql("UPDATE document SET reading = mapping WHERE entity = 'invoice'");
    let change = format!("UPDATE document SET reading = {IN_FORCE} WHERE entity = 'invoice'");
    let said =
        meanwhile(&world, ("LOCK TABLE run IN ACCESS EXCLUSIVE MODE", "AccessExclusiveLock"), "INSERT INTO \"run\" ", &change, || {
            site.replay(&["--entity", "invoice"], 3)
        });
    assert!(said.contains("0 were compared, 0 differ"), "{said}");
    assert!(said.contains(&format!("0 records were sent, {all} more would make {all}")), "{said}");
    assert_eq!((entered(&world), world.servicenow.writes(), site.outdated("invoice")), (0, writes, all));
    let said = site.replay(&["--entity", "invoice", "--allow", &all.to_string()], 0);
    assert!(said.contains(&format!("{all} records differ, which is within the limit")), "{said}");
    assert_eq!(entered(&world), all as usize);
}

#[test]
fn a_sweep_after_an_upgrade_sends_nothing_for_the_definitions_sake() {
    let world = world();
    let files = Files::new();
    let site = under(&world, &[("DEFINITIONS__DIRECTORY", &files.path())]);
    let all = one_column_more(&site, &files);
    // as what was read before the ledger kept which columns are read
    world.database.psql("UPDATE mapping SET hash = '', columns = NULL, places = '{}' WHERE entity = 'invoice'");
    let writes = world.servicenow.writes();
    site.says(&["sync", "--entity", "invoice", "--sweep"], 3);
    assert_eq!((site.outdated("invoice"), entered(&world), world.servicenow.writes()), (all, 0, writes));
    let said = site.replay(&["--entity", "invoice"], 3);
    assert!(said.contains(&format!("{all} were compared, {all} differ")) && said.contains("nothing was sent"), "{said}");
    site.replay(&["--entity", "invoice", "--allow", &all.to_string()], 0);
    assert_eq!((site.outdated("invoice"), entered(&world)), (0, all as usize));
}
