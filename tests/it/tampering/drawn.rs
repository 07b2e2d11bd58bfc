//! Changes that are drawn from a seed: one ledger serves all of them, because its tables are put back after each.
//!
//! `TIELINE_TAMPERINGS` says how many, `TIELINE_TAMPER_SEED` which ones; `make tamper` makes 1,000.

use std::collections::BTreeMap;

use tieline::store::Store;

use super::{NO_NOTES, NO_SEALS, Signed, WRITTEN};
use crate::support::database::{Database, settings};
use crate::support::run;
use crate::support::world::COMPANY;

/// The tables that somebody changes.
const TABLES: &[&str] =
    &["event", "audit_leaf", "audit_seal", "audit_day", "audit_key", "api_key", "version", "document", "delivery", "record", "run"];
/// Those that hold the audit itself.
const AUDIT: &[&str] = &["event", "audit_leaf", "audit_seal"];

/// The ledger as it is, and as it was a while ago.
const NOW: &str = "whole";
const EARLIER: &str = "earlier";

/// Who must find a change.
#[derive(Clone, Copy, PartialEq, Debug)]
enum By {
    /// The ledger itself.
    Ledger,
    /// The ledger, or what was kept outside: `docs/auditor.md` names what the ledger alone cannot show.
    Head,
}

/// A change.
struct Change {
    /// What is done to what.
    name: String,
    sql: String,
    by: By,
    /// The service runs afterwards, and seals what has no seal.
    reseal: bool,
}

fn change(name: impl Into<String>, sql: impl Into<String>) -> Change {
    Change { name: name.into(), sql: sql.into(), by: By::Ledger, reseal: false }
}

/// A copy of the tables under this name.
fn keep(database: &Database, name: &str) {
    let copies: String = TABLES.iter().map(|table| format!("CREATE TABLE {name}.{table} AS TABLE public.{table};")).collect();
    database.psql(&format!("CREATE SCHEMA {name}; {copies}"));
}

/// Statements that put tables back. Foreign keys and triggers do not watch.
fn put_back(tables: &[&str], from: &str) -> String {
    let back = |table: &&str| format!("DELETE FROM {table}; INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {from}.{table};");
    let back: String = tables.iter().map(back).collect();
    format!("SET LOCAL session_replication_role = replica; {back}")
}

struct Bench<'a> {
    database: &'a Database,
    random: fastrand::Rng,
    /// The last leaf of the signed days.
    signed: i64,
}

impl Bench<'_> {
    fn psql(&self, sql: &str) -> String {
        self.database.psql(sql)
    }

    /// One of the rows of a table, as the literal of its key.
    fn one(&mut self, table: &str, key: &str) -> String {
        self.one_of(&format!("SELECT quote_literal({key}) FROM {table} ORDER BY 1"))
    }

    fn one_of(&mut self, sql: &str) -> String {
        let rows = self.psql(sql);
        let rows: Vec<&str> = rows.lines().collect();
        rows[self.random.usize(..rows.len())].to_owned()
    }

    fn two(&mut self, table: &str, key: &str) -> (String, String) {
        let one = self.one(table, key);
        let other = self.one_of(&format!("SELECT quote_literal({key}) FROM {table} WHERE {key} <> {one} ORDER BY 1"));
        (one, other)
    }

    fn word<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.random.usize(..words.len())]
    }

    /// Another character somewhere in a text.
    fn another_character(&mut self, table: &str, column: &str, row: &str) -> String {
        let length: usize = self.psql(&format!("SELECT length({column}) FROM {table} WHERE {row}")).parse().unwrap();
        let at = self.random.usize(1..=length.max(1));
        format!(
            "UPDATE {table} SET {column} = overlay({column} PLACING CASE substr({column}, {at}, 1) WHEN '7' THEN '8' ELSE '7' END FROM {at} FOR 1) \
             WHERE {row}"
        )
    }

    /// A leaf, and who must find a change from it on.
    fn leaf(&mut self) -> (i64, By) {
        let leaf: i64 = self.one_of("SELECT leaf FROM audit_leaf ORDER BY 1").parse().unwrap();
        (leaf, if leaf > self.signed { By::Head } else { By::Ledger })
    }

    fn draw(&mut self) -> Change {
        match self.random.u8(..7) {
            0 | 1 => self.edit(),
            2 => self.delete(),
            3 => self.insert(),
            4 => self.reorder(),
            5 => self.cut_or_seal_again(),
            _ => self.restore(),
        }
    }

    fn edit(&mut self) -> Change {
        match self.random.u8(..13) {
            0 => {
                let row = format!("id = {}", self.one("event", "id"));
                change("edit event.line", self.another_character("event", "line", &row))
            }
            1 => {
                let event = self.one("event", "id");
                let set = self.word(&[
                    "kind = kind || 'x'",
                    "actor = actor || 'x'",
                    "at = at + interval '1 second'",
                    "xid = xid + 1",
                    "life = life + 1",
                    "records = records + 1",
                    "documents = documents || 42::bigint",
                    "company = CASE WHEN company IS NULL THEN 'x' END",
                    "entity = CASE WHEN entity IS NULL THEN 'x' END",
                    "run_id = gen_random_uuid()",
                    "batch_id = gen_random_uuid()",
                    "id = id + 1",
                ]);
                change(format!("edit event.{}", set.split(' ').next().unwrap()), format!("UPDATE event SET {set} WHERE id = {event}"))
            }
            2 => {
                // column and line agree
                let event = self.one("event", "id");
                let moved = self.random.bool();
                let sql = if moved {
                    let later = "at + interval '1 second'";
                    let (from, into) = (WRITTEN.replace("{at}", "at"), WRITTEN.replace("{at}", &format!("({later})")));
                    format!("UPDATE event SET at = {later}, line = replace(line, {from}, {into}) WHERE id = {event}")
                } else {
                    format!(
                        "UPDATE event SET actor = 'nobody', line = replace(line, '\"actor\":' || to_json(actor), '\"actor\":\"nobody\"') WHERE id = {event}"
                    )
                };
                change("edit event, column and line", sql)
            }
            3 | 4 => {
                let (document, version) = self.version();
                let row = format!("document_id = {document} AND version = {version}");
                match self.random.u8(..4) {
                    0 => change("edit version.deleted", format!("UPDATE version SET deleted = NOT deleted WHERE {row}")),
                    1 => change("edit version.run_id", format!("UPDATE version SET run_id = gen_random_uuid() WHERE {row}")),
                    _ => change("edit version.content", self.another_character("version", "content", &row)),
                }
            }
            5 => {
                let row = self.record();
                let set = self.word(&[
                    "sys_id = md5(sys_id)",
                    "target_table = target_table || 'x'",
                    "version = version + 1",
                    "delivery_id = delivery_id + 1000000",
                    "delivery_id = 0",
                    "record_key = record_key || 'x'",
                ]);
                change(format!("edit record.{}", set.split(' ').next().unwrap()), format!("UPDATE record SET {set} WHERE {row}"))
            }
            6 => {
                let run = self.one("run", "id");
                let set = self.word(&[
                    "requested_by = requested_by || 'x'",
                    "reason = CASE WHEN reason IS NULL THEN 'x' END",
                    "outcome = CASE outcome WHEN 'done' THEN 'failed' ELSE 'done' END",
                    "error = coalesce(error, '') || 'x'",
                    "kind = CASE kind WHEN 'poll' THEN 'sweep' ELSE 'poll' END",
                    "company = company || 'x'",
                    "ended_at = NULL",
                ]);
                change(format!("edit run.{}", set.split(' ').next().unwrap()), format!("UPDATE run SET {set} WHERE id = {run}"))
            }
            7 | 8 => {
                let document = self.one("document", "id");
                let set = self.word(&[
                    "amount = coalesce(amount, 0) + 0.01",
                    "currency = coalesce(currency, '') || 'X'",
                    "dated = coalesce(dated, '2020-01-01') + 1",
                    "fiscal_periods = coalesce(fiscal_periods, '{}') || 209901",
                    "version = version + 1",
                ]);
                change(
                    format!("edit document.{}", set.split(' ').next().unwrap()),
                    format!("UPDATE document SET {set} WHERE id = {document}"),
                )
            }
            9 => {
                let delivery = self.delivery();
                match self.random.u8(..4) {
                    0 => change("edit delivery.version", format!("UPDATE delivery SET version = version + 1 WHERE id = {delivery}")),
                    1 => {
                        change("edit delivery.refs", format!("UPDATE delivery SET refs = coalesce(refs, '') || ' ' WHERE id = {delivery}"))
                    }
                    _ => change("edit delivery.payload", self.another_character("delivery", "payload", &format!("id = {delivery}"))),
                }
            }
            10 => {
                let row = format!("day = {}", self.one("audit_day", "day"));
                let column = self.word(&["manifest", "signature"]);
                change(format!("edit audit_day.{column}"), self.another_character("audit_day", column, &row))
            }
            11 => {
                let seal = self.one("audit_seal", "id");
                let set = self.word(&[
                    "rows = rows + 1",
                    "from_xid = from_xid + 1",
                    "to_xid = to_xid + 1",
                    "from_id = from_id + 1",
                    "to_id = to_id + 1",
                    "last_leaf = last_leaf + 1",
                    "day = day + 1",
                    "at = at + interval '1 second'",
                    "mark = 'the ledger was restored'",
                    "life = life + 1",
                    "hash = sha256(hash)",
                    "previous = sha256(previous)",
                    "peaks = sha256(peaks)",
                    "removed_at = now()",
                ]);
                change(
                    format!("edit audit_seal.{}", set.split(' ').next().unwrap()),
                    format!("UPDATE audit_seal SET {set} WHERE id = {seal}"),
                )
            }
            _ => {
                let key = self.one("api_key", "name");
                let set = self.word(&[
                    "role = CASE role WHEN 'admin' THEN 'viewer' ELSE 'admin' END",
                    "hash = sha256(hash)",
                    "prefix = prefix || 'x'",
                    "expires_at = now()",
                    "name = name || 'x'",
                ]);
                if self.random.u8(..3) == 0 {
                    let set = self.word(&["first_day = current_date", "last_day = current_date", "fingerprint = fingerprint || 'x'"]);
                    return change(format!("edit audit_key.{}", set.split(' ').next().unwrap()), format!("UPDATE audit_key SET {set}"));
                }
                change(format!("edit api_key.{}", set.split(' ').next().unwrap()), format!("UPDATE api_key SET {set} WHERE name = {key}"))
            }
        }
    }

    fn delete(&mut self) -> Change {
        let event = self.one("event", "id");
        match self.random.u8(..11) {
            0 => change("delete event", format!("DELETE FROM event WHERE id = {event}")),
            1 => change(
                "delete event with its leaf",
                format!("DELETE FROM event WHERE id = {event}; DELETE FROM audit_leaf WHERE event_id = {event}"),
            ),
            2 => change("delete audit_leaf", format!("DELETE FROM audit_leaf WHERE event_id = {event}")),
            3 => change("delete audit_seal", format!("DELETE FROM audit_seal WHERE id = {}", self.one("audit_seal", "id"))),
            4 => {
                let (document, version) = self.version();
                change("delete version", format!("DELETE FROM version WHERE document_id = {document} AND version = {version}"))
            }
            5 => change("delete record", format!("DELETE FROM record WHERE {}", self.record())),
            6 => change("delete run", format!("DELETE FROM run WHERE id = {}", self.one("run", "id"))),
            7 => change("delete delivery", format!("DELETE FROM delivery WHERE id = {}", self.delivery())),
            8 => change("delete audit_day", format!("DELETE FROM audit_day WHERE day = {}", self.one("audit_day", "day"))),
            9 => change("delete api_key", format!("DELETE FROM api_key WHERE name = {}", self.one("api_key", "name"))),
            _ => change("delete document", format!("DELETE FROM document WHERE id = {}", self.one("document", "id"))),
        }
    }

    fn insert(&mut self) -> Change {
        let number = self.random.i32(1..900);
        match self.random.u8(..9) {
            0 => {
                // a second time, at another place
                let event = self.one("event", "id");
                let columns = "at, xid, life, kind, company, entity, batch_id, run_id, actor, documents, records";
                let line = format!("replace(line, '\"id\":' || id, '\"id\":' || (id + {number}))");
                change(
                    "insert event",
                    format!(
                        "INSERT INTO event (id, {columns}, line) SELECT id + {number}, {columns}, {line} FROM event WHERE id = {event}"
                    ),
                )
            }
            1 => {
                let event = self.one("event", "id");
                change("insert audit_leaf", format!("INSERT INTO audit_leaf SELECT max(leaf) + 1, {event}::bigint + 1 FROM audit_leaf"))
            }
            2 => {
                let (document, version) = self.version();
                let columns = "read_at, run_id, hash, deleted, content";
                change(
                    "insert version",
                    format!(
                        "INSERT INTO version (document_id, version, {columns}) SELECT document_id, version + {number}, {columns} FROM version WHERE document_id = {document} AND version = {version}"
                    ),
                )
            }
            3 => {
                let row = self.record();
                let later = self.random.bool();
                let delivery = if later { format!("delivery_id + {number}000") } else { "delivery_id".to_owned() };
                change(
                    "insert record",
                    format!(
                        "INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id) SELECT document_id, block, record_key || 'x', md5(sys_id || {number}), target_table, version, {delivery} FROM record WHERE {row}"
                    ),
                )
            }
            4 => {
                let run = self.one("run", "id");
                change(
                    "insert run",
                    format!(
                        "INSERT INTO run (id, company, entity, kind, requested_by, ended_at, outcome) SELECT gen_random_uuid(), company, entity, kind, requested_by, now(), outcome FROM run WHERE id = {run}"
                    ),
                )
            }
            5 => change(
                "insert api_key",
                format!("INSERT INTO api_key (name, role, prefix, hash) VALUES ('mallory{number}', 'admin', 'x{number}', '')"),
            ),
            6 => change(
                "insert audit_key",
                format!(
                    "INSERT INTO audit_key (fingerprint, public_key) SELECT fingerprint || '{number}', public_key FROM audit_key LIMIT 1"
                ),
            ),
            7 => change(
                "insert audit_day",
                "INSERT INTO audit_day (day, manifest, signature) SELECT day + 1, manifest, signature FROM audit_day ORDER BY day DESC LIMIT 1",
            ),
            _ => {
                let columns = "from_xid, to_xid, rows, previous, hash, at, life, first_leaf, last_leaf, day, peaks, from_id, to_id";
                change(
                    "insert audit_seal",
                    format!("INSERT INTO audit_seal (id, {columns}) SELECT id + 1, {columns} FROM audit_seal ORDER BY id DESC LIMIT 1"),
                )
            }
        }
    }

    fn reorder(&mut self) -> Change {
        match self.random.u8(..7) {
            0 | 1 => {
                let (one, other) = self.two("audit_leaf", "event_id");
                change(
                    "reorder events",
                    format!(
                        "CREATE TEMP TABLE two AS SELECT leaf, event_id FROM audit_leaf WHERE event_id IN ({one}, {other}); \
                         DELETE FROM audit_leaf WHERE leaf IN (SELECT leaf FROM two); \
                         INSERT INTO audit_leaf SELECT a.leaf, b.event_id FROM two a JOIN two b ON a.leaf <> b.leaf; DROP TABLE two"
                    ),
                )
            }
            2 => {
                let (one, other) = self.two("version", "document_id");
                change(
                    "reorder versions",
                    swap(
                        "version",
                        "content",
                        &format!("document_id = {one} AND version = 1"),
                        &format!("document_id = {other} AND version = 1"),
                    ),
                )
            }
            3 => {
                let (one, other) = (self.record(), self.record());
                change("reorder records", swap("record", "sys_id", &one, &other))
            }
            4 => {
                let (one, other) = self.two("audit_day", "day");
                change(
                    "reorder manifests",
                    format!(
                        "{}; {}",
                        swap("audit_day", "manifest", &format!("day = {one}"), &format!("day = {other}")),
                        swap("audit_day", "signature", &format!("day = {one}"), &format!("day = {other}"))
                    ),
                )
            }
            5 => {
                let (one, other) = (self.delivery(), self.delivery());
                change("reorder payloads", swap("delivery", "payload", &format!("id = {one}"), &format!("id = {other}")))
            }
            _ => {
                let (one, other) = self.two("document", "id");
                change("reorder measures", swap("document", "amount", &format!("id = {one}"), &format!("id = {other}")))
            }
        }
    }

    /// The end of the audit goes, or is changed and sealed again.
    fn cut_or_seal_again(&mut self) -> Change {
        let (leaf, by) = self.leaf();
        let events = format!("DELETE FROM event e USING audit_leaf l WHERE l.event_id = e.id AND l.leaf >= {leaf}");
        let leaves = format!("DELETE FROM audit_leaf WHERE leaf >= {leaf}");
        let seal = format!("(SELECT first_leaf FROM audit_seal WHERE last_leaf >= {leaf} ORDER BY id LIMIT 1)");
        let seals = format!("DELETE FROM audit_seal WHERE last_leaf >= {leaf}");
        let from_seal = format!("CREATE TEMP TABLE cut AS SELECT {seal} AS leaf");
        let days = format!("DELETE FROM audit_day WHERE day >= (SELECT day FROM audit_seal WHERE last_leaf >= {leaf} ORDER BY id LIMIT 1)");
        let edited = format!(
            "UPDATE event SET actor = 'nobody', line = replace(line, '\"actor\":' || to_json(actor), '\"actor\":\"nobody\"') \
             WHERE id = (SELECT event_id FROM audit_leaf WHERE leaf = {leaf})"
        );
        let unsealed = format!("{from_seal}; DELETE FROM audit_leaf USING cut WHERE audit_leaf.leaf >= cut.leaf; {seals}; DROP TABLE cut");
        match self.random.u8(..6) {
            0 => change("truncate within a seal", format!("{events}; {leaves}")),
            1 => Change {
                by,
                ..change(
                    "truncate whole seals",
                    format!(
                        "{from_seal}; DELETE FROM event e USING audit_leaf l, cut WHERE l.event_id = e.id AND l.leaf >= cut.leaf; \
                         DELETE FROM audit_leaf USING cut WHERE audit_leaf.leaf >= cut.leaf; {seals}; DROP TABLE cut"
                    ),
                )
            },
            2 => Change {
                by: By::Head,
                ..change(
                    "truncate whole seals and signed days",
                    format!(
                        "{days}; {from_seal}; DELETE FROM event e USING audit_leaf l, cut WHERE l.event_id = e.id AND l.leaf >= cut.leaf; \
                         DELETE FROM audit_leaf USING cut WHERE audit_leaf.leaf >= cut.leaf; {seals}; DROP TABLE cut"
                    ),
                )
            },
            3 => Change { by, reseal: true, ..change("edit an event and seal again", format!("{edited}; {unsealed}")) },
            4 => Change {
                by: By::Head,
                reseal: true,
                ..change("edit an event, unsign and seal again", format!("{edited}; {days}; {unsealed}"))
            },
            _ => {
                // with or without the events of its signing
                let notes = if self.random.bool() { NO_NOTES } else { "SELECT" };
                let sql = format!("{edited}; {notes}; {NO_SEALS}");
                Change { by: By::Head, reseal: true, ..change("edit an event and seal everything again", sql) }
            }
        }
    }

    /// Some tables, or all of them, become what they were a while ago.
    fn restore(&mut self) -> Change {
        let all = self.random.u8(..3) == 0;
        let tables: Vec<&str> = TABLES.iter().copied().filter(|_| all || self.random.bool()).collect();
        // a whole earlier state fits itself; so does an earlier audit, if nothing else changed that it names
        let by = if AUDIT.iter().all(|table| tables.contains(table)) { By::Head } else { By::Ledger };
        let name = if all { "restore all tables".to_owned() } else { "restore some tables".to_owned() };
        Change { by, ..change(name, put_back(&tables, EARLIER)) }
    }

    fn version(&mut self) -> (String, String) {
        let row = self.one_of("SELECT document_id || ' ' || version FROM version ORDER BY document_id, version");
        let (document, version) = row.split_once(' ').unwrap();
        (document.to_owned(), version.to_owned())
    }

    fn record(&mut self) -> String {
        self.one_of(
            "SELECT format('document_id = %s AND block = %L AND record_key = %L', document_id, block, record_key) FROM record \
             WHERE delivery_id > 0 AND version < 2147483647 ORDER BY document_id, block, record_key",
        )
    }

    /// A delivery that arrived.
    fn delivery(&mut self) -> String {
        self.one_of("SELECT DISTINCT d.id FROM delivery d JOIN audit a ON a.delivery_id = d.id AND a.kind = 'confirmed' ORDER BY 1")
    }

    /// The tables that differ from those of the ledger.
    fn changed(&self) -> Vec<&'static str> {
        let differs = |table: &&&str| {
            let sql = format!(
                "SELECT EXISTS (TABLE public.{table} EXCEPT TABLE {NOW}.{table}) OR EXISTS (TABLE {NOW}.{table} EXCEPT TABLE public.{table})"
            );
            self.psql(&sql) == "t"
        };
        TABLES.iter().filter(differs).copied().collect()
    }
}

/// Two rows change a value. For a moment one of them has none of both, because a value may be unique.
fn swap(table: &str, column: &str, one: &str, other: &str) -> String {
    let free = match column {
        "amount" => "-1",
        _ => "'-'",
    };
    format!(
        "CREATE TEMP TABLE two AS SELECT (SELECT {column} FROM {table} WHERE {one}) AS one, (SELECT {column} FROM {table} WHERE {other}) AS other; \
         DELETE FROM two WHERE one IS NOT DISTINCT FROM other; UPDATE {table} SET {column} = {free} FROM two WHERE {one}; \
         UPDATE {table} SET {column} = two.one FROM two WHERE {other}; UPDATE {table} SET {column} = two.other FROM two WHERE {one}; DROP TABLE two"
    )
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn changes_drawn_from_a_seed_are_found() {
    let signed = Signed::start();
    let database = signed.database();
    keep(database, EARLIER);
    // since then: a supplier has another name, and somebody has a key
    let supplier = signed.psql("SELECT key FROM document WHERE entity = 'supplier' AND key NOT LIKE '%\\%%' ORDER BY key LIMIT 1");
    signed.world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &supplier)], &[("SupplierName", "Renamed")]).unwrap();
    signed.world.rest(&["sync"]).unwrap();
    signed.said(0, &["api-key", "add", "carl", "--role", "auditor"]);
    signed.seal();
    signed.said(0, &["audit", "export", "--to", signed.kept.to_str().unwrap()]);
    signed.seal();
    keep(database, NOW);

    let (seed, wanted) = (asked("TIELINE_TAMPER_SEED").unwrap_or(20_261_130), asked("TIELINE_TAMPERINGS").unwrap_or(60));
    println!("TIELINE_TAMPER_SEED={seed} TIELINE_TAMPERINGS={wanted}");
    let last = signed.psql("SELECT max((substring(manifest FROM 'last-leaf ([0-9]+)'))::bigint) FROM audit_day").parse().unwrap();
    let mut bench = Bench { database, random: fastrand::Rng::with_seed(seed), signed: last };
    let (store, heads) = (Store::connect(&settings(), &database.url()).unwrap(), signed.heads());
    let verify = || run(store.audit_verify_against(heads.clone())).unwrap();
    let whole = verify();
    assert!(whole.problem.is_none() && whole.other_heads.is_empty() && whole.payloads > 20, "{whole:?}");

    let (mut found, mut refused): (BTreeMap<String, (u64, u64)>, u64) = (BTreeMap::new(), 0);
    let (mut number, mut unseen) = (0, Vec::new());
    while number < wanted {
        let change = bench.draw();
        // the server itself may refuse it, and some change nothing
        let made = database.try_psql(&format!("SET LOCAL session_replication_role = replica; {}", change.sql));
        let before = if made.is_ok() { bench.changed() } else { Vec::new() };
        if before.is_empty() {
            refused += u64::from(made.is_err());
            continue;
        }
        if change.reseal {
            // where there is a gap, nothing is sealed
            database.wait_until_sealable();
            let _ = run(store.audit_seal());
        }
        number += 1;
        let report = verify();
        let (by_ledger, by_head) = (report.problem.is_some(), !report.other_heads.is_empty());
        let count = found.entry(change.name.clone()).or_default();
        count.0 += u64::from(by_ledger);
        count.1 += u64::from(!by_ledger && by_head);
        if !(by_ledger || change.by == By::Head && by_head) {
            unseen.push(format!("number {number}, {}: {}\n  {report:?}", change.name, change.sql));
        }
        database.psql(&put_back(&bench.changed(), NOW));
        if number % 100 == 0 {
            database.psql("VACUUM");
        }
    }
    let by = |of: fn(&(u64, u64)) -> u64| found.values().map(of).sum::<u64>();
    for (name, (ledger, head)) in &found {
        println!("{name}: {ledger} found in the ledger, {head} with the head alone");
    }
    println!(
        "{wanted} tamperings: {} found in the ledger, {} with the head alone, {} not found; {refused} more were refused by the database",
        by(|count| count.0),
        by(|count| count.1),
        unseen.len()
    );
    assert!(unseen.is_empty(), "not found:\n{}", unseen.join("\n"));
    // and the ledger is whole again
    let whole = verify();
    assert!(whole.problem.is_none() && whole.other_heads.is_empty(), "{whole:?}");
}
