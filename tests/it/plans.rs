//! How many pages of the ledger the frequent statements read: the same with 100,000 waiting deliveries as with 1,000, whatever the server's
//! statistics say. Pages are counted, and no time is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::database::Database;
use crate::support::node::wait_for;
use crate::support::run;

/// Records of one batch, documents of one page.
const BATCH: usize = 100;

/// As `store/placeholder.rs` has it.
const STANDS_FOR_A_ROW: &str = "(d.key >= '(' AND d.key < ')' AND (d.key LIKE '(row %)' OR d.key LIKE '(first row%)'))";

/// A statement as it is shipped. The claim has the attempt behind its name, and a page of the audit what it is of.
fn statement(name: &str) -> String {
    let (name, attempt) = name.split_once(' ').unwrap_or((name, ""));
    let sql = std::fs::read_to_string(format!("{}/src/store/sql/{name}.sql", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (events, newest) = match attempt {
        "key" => (statement("audit_events_of_key"), true),
        "all" => ("event".to_owned(), true),
        _ => (String::new(), false),
    };
    if newest {
        let page = " AND ($7 = 0 OR e.id < $7 AND a.id < $7) ORDER BY e.id DESC, a.id DESC LIMIT $8";
        return sql.replace("{events} e", &format!("{events} e")) + page;
    }
    let (state, look_up) = if attempt == "look_up" { ("unknown", "true") } else { ("queued", "false") };
    sql.replace("{stands_for_a_row}", STANDS_FOR_A_ROW).replace("{state}", state).replace("{look_up}", look_up)
}

/// Pages that a statement asked for.
struct Pages {
    tables: i64,
    indexes: i64,
    each: String,
}

/// What the server believes of the tables.
#[derive(Debug, Clone, Copy)]
enum Statistics {
    /// What they hold: they were analysed just now.
    True,
    /// Nothing: they were never analysed.
    None,
    /// That they hold one document with some lines, as they did when they were analysed.
    OneDocument,
}

/// A ledger with `n` headers and one document's `n` lines waiting, `n / 10` more behind a stopped flow, some on hold, unknown, on their way
/// and waiting for a parent, and `n` parents delivered.
async fn ledger(n: usize, statistics: Statistics) -> Database {
    let database = Database::migrated().await;
    fill(&database, n, statistics);
    database
}

fn fill(database: &Database, n: usize, statistics: Statistics) {
    for table in [
        "document",
        "delivery",
        "pending",
        "outbox",
        "run_count",
        "record",
        "awaited_parent",
        "hold",
        "intent",
        "flow",
        "base_version",
        "event",
        "mapping",
        "mapping_count",
        "conflict",
        "former_record",
        "version",
    ] {
        database.psql(&format!("ALTER TABLE {table} SET (autovacuum_enabled = false)"));
    }
    if let Statistics::OneDocument = statistics {
        database.psql(
            "INSERT INTO document (id, company, entity, key, version, hash) VALUES (90000000, 'A', 'invoice', 'first', 1, '');
             INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id)
             SELECT 90000000, 'lines', n::text, 'x' || n, 't', 1, 90000000 + n FROM generate_series(1, 300) n;
             INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
             SELECT 90000000 + n, 90000000, 1, 'lines', '1', 'upsert', '{}', '' FROM generate_series(1, 300) n;
             INSERT INTO awaited_parent (document_id, company, entity, key) SELECT 90000000, 'A', 'supplier', 'none' || n FROM generate_series(1, 300) n;
             INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason)
             SELECT 90000000 + n, 90000000, 'A', 'invoice', 1, 'lines', '1', 'failed', 'rejected' FROM generate_series(1, 300) n;
             INSERT INTO outbox (document_id, id, company, entity, block, version, ready, known, run_id, deliveries)
             SELECT 90000000, 90000000 + n, 'A', 'invoice', 'lines', 1, false, true, 'c0000000-0000-0000-0000-000000000001', ARRAY[90000000 + n] FROM generate_series(1, 300) n;
             ANALYZE;
             DELETE FROM awaited_parent",
        );
    }
    let waiting = |from: usize, company: &str, count: usize| {
        format!(
            "INSERT INTO document (id, company, entity, key, version, hash)
             SELECT {from} + n, '{company}', 'invoice', '{company}' || n, 1, sha256(n::text::bytea) FROM generate_series(1, {count}) n;
             INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
             SELECT {from} + n, {from} + n, 1, 'header', '', 'upsert', '{{\"u_name\":\"x\"}}', '' FROM generate_series(1, {count}) n;
             INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state)
             SELECT {from} + n, {from} + n, '{company}', 'invoice', 1, 'header', '', 'queued' FROM generate_series(1, {count}) n;"
        )
    };
    database.psql(&format!(
        "INSERT INTO flow (company, entity, stopped) VALUES ('A', 'invoice', NULL), ('B', 'invoice', 'a column changed');
         INSERT INTO document (id, company, entity, key, version, hash)
         SELECT n, 'A', 'supplier', 'S' || n, 1, '' FROM generate_series(1, {n}) n;
         INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id)
         SELECT n, 'header', '', md5(n::text), 't', 1, n FROM generate_series(1, {n}) n;
         INSERT INTO base_version (document_id, version) SELECT n, 1 FROM generate_series(1, {n}) n;
         {} {}
         INSERT INTO document (id, company, entity, key, version, hash) VALUES (80000000, 'A', 'invoice', 'large', 2, '');
         INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
         SELECT 3000000 + n, 80000000, 2, 'lines', n::text, 'upsert', '{{}}', '' FROM generate_series(1, {n}) n;
         INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state)
         SELECT 3000000 + n, 80000000, 'A', 'invoice', 2, 'lines', n::text, 'queued' FROM generate_series(1, {n}) n;
         -- some of the first that are due are on hold
         INSERT INTO hold (document_id, held_by, why) SELECT 1000000 + 3 * n, 'somebody', 'to be seen' FROM generate_series(1, 20) n;
         -- 200 deliveries each: unknown, on their way in batches of a sender that died, waiting for one of 50 parents, lines behind a header",
        waiting(1_000_000, "A", n),
        waiting(2_000_000, "B", n / 10),
    ));
    // the same in the outbox: headers, of another flow that is stopped, lines of one document, lines behind their headers, and a batch on its way
    let queued = |from: usize, company: &str, count: usize| {
        format!(
            "INSERT INTO document (id, company, entity, key, version, hash)
             SELECT {from} + n, '{company}', 'invoice', 'new' || '{company}' || n, 1, sha256(n::text::bytea) FROM generate_series(1, {count}) n;
             INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
             SELECT {from} + n, {from} + n, 1, 'header', '', 'upsert', '{{\"u_name\":\"x\"}}', '' FROM generate_series(1, {count}) n;
             INSERT INTO outbox (document_id, id, company, entity, block, version, ready, known, run_id, deliveries)
             SELECT {from} + n, {from} + n, '{company}', 'invoice', 'header', 1, true, true, 'c0000000-0000-0000-0000-000000000001', ARRAY[{from} + n]
             FROM generate_series(1, {count}) n;"
        )
    };
    database.psql(&format!(
        "{} {}
         INSERT INTO document (id, company, entity, key, version, hash) VALUES (81000000, 'A', 'invoice', 'long', 1, '');
         INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
         SELECT 50000000 + n, 81000000, 1, 'lines', n::text, 'upsert', '{{}}', '' FROM generate_series(1, {n}) n;
         INSERT INTO outbox (document_id, id, company, entity, block, version, ready, known, run_id, deliveries)
         SELECT 81000000, min(50000000 + n), 'A', 'invoice', 'lines', 1, true, false, 'c0000000-0000-0000-0000-000000000001', array_agg(50000000 + n ORDER BY n)
         FROM generate_series(1, {n}) n GROUP BY (n - 1) / 200;
         INSERT INTO document (id, company, entity, key, version, hash) SELECT 71000000 + n, 'A', 'invoice', 'behind' || n, 1, '' FROM generate_series(1, 200) n;
         INSERT INTO outbox (document_id, id, company, entity, block, version, ready, known, run_id, deliveries)
         SELECT 71000000 + n, 71000000 + n, 'A', 'invoice', 'lines', 1, false, false, 'c0000000-0000-0000-0000-000000000001', ARRAY[71000000 + n] FROM generate_series(1, 200) n;
         INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, taken, documents, lease_until)
         SELECT 'a0000000-0000-0000-0000-000000000009', 'one', 'b0000000-0000-0000-0000-000000000009', 'invoice', 'header', 200, '{{}}',
                array_agg(72000000 + n), array_agg(72000000 + n), now() + interval '10 minutes' FROM generate_series(1, 200) n",
        queued(40_000_000, "A", n),
        queued(45_000_000, "B", n / 10),
    ));
    for (from, block, state) in [(4, "header", "unknown"), (5, "header", "sending"), (6, "header", "waiting"), (7, "lines", "after_header")]
    {
        let from = from * 1_000_000;
        database.psql(&format!(
            "INSERT INTO document (id, company, entity, key, version, hash)
             SELECT {from} + n, 'A', 'invoice', '{state}' || n, 1, '' FROM generate_series(1, 200) n;
             INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
             SELECT {from} + n, {from} + n, 1, '{block}', '', 'upsert', '{{}}', '' FROM generate_series(1, 200) n;
             INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, batch_id, sent_at)
             SELECT {from} + n, {from} + n, 'A', 'invoice', 1, '{block}', '', CASE WHEN '{state}' = 'sending' THEN 'queued' ELSE '{state}' END, CASE WHEN '{state}' = 'waiting' THEN 'missing_parent' END,
                    CASE WHEN '{state}' = 'sending' THEN 'a0000000-0000-0000-0000-000000000001'::uuid END, now()
             FROM generate_series(1, 200) n"
        ));
    }
    database.psql(
        "INSERT INTO awaited_parent (document_id, company, entity, key) SELECT 6000000 + n, 'A', 'supplier', 'S' || (n % 50 + 1) FROM generate_series(1, 200) n;
         INSERT INTO intent (batch_id, node, incarnation, entity, block, records, deliveries, lease_until)
         SELECT 'a0000000-0000-0000-0000-000000000001', 'one', 'b0000000-0000-0000-0000-000000000001', 'invoice', 'header', 200, array_agg(5000000 + n), now() - interval '1 minute' FROM generate_series(1, 200) n",
    );
    // a flow whose records are up to date but for some, which were mapped before the present definition or under one that was in force since; as
    // many rows that cannot be read; an audit of a fixed length; references to suppliers that were sent to another table
    database.psql(&format!(
        "INSERT INTO definition (hash, mapper, profile, carried, files) VALUES ('x', 1, 'apo', '{{}}', '{{}}');
         INSERT INTO definition_in_force (number, adopted_by) SELECT number, 'a test' FROM definition;
         INSERT INTO mapping (company, entity, number, hash, columns, places)
         SELECT 'A', entity, number, number::text, '[\"a\"]', jsonb_build_object('header', jsonb_build_array(format('[\"t%s\", \"t%s\"]', number / 20, number / 20), 'w'))
         FROM unnest('{{invoice,supplier,gl_account}}'::text[]) entity, generate_series(1, 30) number;
         INSERT INTO definition_mapping (definition, company, entity, number) SELECT d.number, 'A', m.entity, 25 FROM definition d, mapping m WHERE m.number = 25;
         INSERT INTO document (id, company, entity, key, version, hash, mapping, reading)
         SELECT 8000000 + n, 'A', 'gl_account', CASE WHEN n % 10 = 0 THEN '(row after ' || n || ')' ELSE 'G' || n END, 1, 'x',
                CASE WHEN n > {n} - 120 OR n % 10 = 0 THEN 24 WHEN n > {n} - 240 THEN 26 ELSE 25 END, 25
         FROM generate_series(1, {n}) n;
         INSERT INTO version (document_id, version, run_id, hash, content)
         SELECT id, 1, 'c0000000-0000-0000-0000-000000000001', 'x', '{{}}' FROM document WHERE entity = 'gl_account';
         UPDATE document SET mapping = CASE WHEN id % 5 = 0 THEN 3 ELSE 25 END WHERE entity = 'supplier';
         INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
         SELECT id, id, 1, 'header', '', 'upsert', '{{}}', '' FROM document WHERE entity = 'supplier';
         INSERT INTO former_record (document_id, block, record_key, target_table, sys_id, version, delivery_id, confirmed_at, own_row, mapping)
         SELECT 8000000 + n, 'header', '', 't1', md5('former' || n), 1, n, now(), true, 22 FROM generate_series(1, {n}) n;
         INSERT INTO conflict (company, entity, subject, key, field, kind, state, syspro, servicenow)
         SELECT 'A', 'gl_account', n::text, 'K' || n, 'u_name', 'both_changed', CASE WHEN n % ({n} / 200) = 0 THEN 'open' ELSE 'closed' END, 'a', 'b'
         FROM generate_series(1, {n}) n;
         INSERT INTO event (kind, documents, records, actor, line)
         SELECT 'confirmed', array_agg(1 + n % 1000), count(*), 'x',
                event_line(0, now(), 'confirmed', NULL, NULL, NULL, NULL, 'x', '[' || string_agg(event_record(1 + n % 1000, 1, 1 + n % 1000, NULL), ',') || ']')
         FROM generate_series(0, 29999 + {n}) n GROUP BY n / 100;
         INSERT INTO audit (kind, document_id, version, actor) VALUES ('version_read', 80000000, 2, 'x')",
    ));
    if let Statistics::True = statistics {
        database.psql("ANALYZE");
    }
}

/// Pages of the ledger that a statement asks for, in a transaction that is begun with `begin`, and undone.
fn pages(database: &Database, begin: &str, name: &str, types: &str, values: &str) -> Pages {
    let counted = "SELECT coalesce(sum(n) FILTER (WHERE relkind = 'r'), 0), coalesce(sum(n) FILTER (WHERE relkind = 'i'), 0), \
                          coalesce(string_agg(relname || ' ' || n, ', ' ORDER BY n DESC) FILTER (WHERE n > 5), '') \
                   FROM (SELECT relname, relkind, pg_stat_get_xact_blocks_fetched(oid) AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace) c";
    let sql = statement(name).replace("{claimable}", &statement("claimable"));
    let (types, values) = if types.is_empty() { (String::new(), String::new()) } else { (format!("({types})"), format!("({values})")) };
    // what an earlier statement wrote and undid is removed from the pages on the way, unless an older snapshot (autovacuum) needs it
    let others =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()";
    wait_for("nobody else reads", Duration::from_secs(60), || (database.psql(others) == "0").then_some(()));
    let said = database.psql_first(&format!("{begin}; PREPARE s {types} AS {sql}; EXECUTE s {values}; {counted}; ROLLBACK; DEALLOCATE s"));
    let mut counts = said.lines().last().unwrap().splitn(3, '|');
    let mut number = || counts.next().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    Pages { tables: number(), indexes: number(), each: counts.next().unwrap_or_default().to_owned() }
}

/// Every hot statement with the pages it asks for.
fn measure(database: &Database) -> BTreeMap<&'static str, Pages> {
    let array =
        |of: &str| database.psql(&format!("SELECT quote_literal(array_agg({of} ORDER BY n)::text) FROM generate_series(1, {BATCH}) n"));
    let same = |text: &str| array(&format!("'{text}'::text"));
    let (headers, suppliers, nothing) = (array("(1000000 + n)::bigint"), array("n::bigint"), array("NULL::text"));
    let (invoice_keys, supplier_keys) = (array("('A' || n)::text"), array("(CASE WHEN n % 2 = 0 THEN 'S' ELSE 'none' END || n)::text"));
    let claim = |block: &str| {
        format!(
            "'invoice', '{block}', {BATCH}, 'a0000000-0000-0000-0000-000000000002', 'one', 'b0000000-0000-0000-0000-000000000002', 60, 'x'"
        )
    };
    let claim_types = "text, text, bigint, uuid, text, uuid, float8, text";
    let first = array("(40000000 + n)::bigint");
    let put_back = |ids: &str, state: &str, taken: &str| {
        format!(
            "{ids}, {}, {nothing}, {}, {nothing}, {}, {}, {}, false, {}, {taken}, '2026-01-01Z'",
            same(state),
            same("x"),
            same("y"),
            array("'2026-01-01Z'::timestamptz"),
            array("0"),
            array("0")
        )
    };
    let put_back_types =
        "bigint[], text[], text[], text[], text[], text[], timestamptz[], integer[], bool, integer[], bigint[], timestamptz";
    let confirm = format!(
        "'header', {suppliers}, {}, {}, {}, {}, {suppliers}, {nothing}, {nothing}",
        same(""),
        array("('s' || n)::text"),
        same("t"),
        array("1")
    );
    let waiting_lines = array("(7000000 + n)::bigint");
    let waiting_children = array("(6000000 + n)::bigint");
    let mut found = BTreeMap::new();
    let (hot, cold) = (format!("BEGIN;\n{}", statement("hot_session")), "BEGIN");
    // for people, who may ask for anything: planned by what they ask for
    let conflicts = "bigint, text, text, text, text, text, bigint[], bigint";
    // each of a page may be on a page of the table of its own
    found.insert("conflicts", pages(database, cold, "conflict_list", conflicts, "0, NULL, NULL, NULL, NULL, NULL, '{}', 101"));
    // a reader that asks for a page of the audit, of one record or of all
    let audit = "text, text, text, text, timestamptz, timestamptz, bigint, bigint";
    found.insert("audit of a record", pages(database, cold, "audit_rows key", audit, "'A', 'invoice', 'large', NULL, NULL, NULL, 0, 51"));
    found.insert("newest audit rows", pages(database, cold, "audit_rows all", audit, "NULL, NULL, NULL, NULL, NULL, NULL, 0, 51"));
    let one = "0, NULL, NULL, NULL, NULL, NULL, '{7}', 1";
    found.insert("one conflict", pages(database, cold, "conflict_list", conflicts, one));
    let mut count = |name, file: &str, types: &str, values: &str| {
        found.insert(name, pages(database, &hot, file, types, values));
    };
    // before the statements that write: what they write and undo stays in the tables, and would be counted
    count("what became of what was sent again", "resent", "bigint[], timestamptz", &format!("{headers}, '2026-01-01Z'"));
    count("claim", "delivery_claim send", claim_types, &claim("header"));
    count("claim lines of one document", "delivery_claim send", claim_types, &claim("lines"));
    count("claim from the outbox", "outbox_claim", claim_types, &claim("header"));
    count("claim lines of one document from the outbox", "outbox_claim", claim_types, &claim("lines"));
    count("claim doubts", "delivery_claim look_up", claim_types, &claim("header"));
    count("what is due", "delivery_due", "", "");
    count("backlog", "delivery_backlog", "text, text, text[], bigint", "'A', 'invoice', '{header,lines}', 500");
    count("open", "delivery_open", "text[], text[], text[], bigint", "'{A,B}', '{invoice,invoice}', '{header,header}', 6");
    count(
        "recover",
        "delivery_recover",
        "text, uuid, bool, bool, float8, text",
        "'one', 'b0000000-0000-0000-0000-000000000002', false, false, 12, 'x'",
    );
    // before the other statement that writes there: what it undoes takes room on the pages
    let add = confirm.replace(&suppliers, &array("(74000000 + n)::bigint"));
    count("confirm new records", "record_add", "text, bigint[], text[], text[], text[], integer[], bigint[], text[], text[]", &add);
    count("confirm", "record_confirm", "text, bigint[], text[], text[], text[], integer[], bigint[], text[], text[]", &confirm);
    count("put back", "pending_put_back", put_back_types, &put_back(&headers, "queued", "'{}'"));
    count("put back as unknown", "pending_put_back", put_back_types, &put_back(&headers, "unknown", "'{}'"));
    count("put back what was in the outbox", "pending_put_back", put_back_types, &put_back(&first, "queued", &first));
    count("lines that may be sent", "outbox_ready", "bigint[]", &array("(71000000 + n)::bigint"));
    count("leave the outbox", "outbox_to_pending", "bigint[]", &first);
    let new = array("(73000000 + n)::bigint");
    let one = format!("'A', 'invoice', 'c0000000-0000-0000-0000-000000000001', {new}, {new}, {}", same("header"));
    let rest = format!("{}, {}, {}, {}", array("1"), array("true"), array("false"), array("('{' || 73000000 + n || '}')::text"));
    let put_types = "text, text, uuid, bigint[], bigint[], text[], integer[], bool[], bool[], text[]";
    count("queue in the outbox", "outbox_put", put_types, &format!("{one}, {rest}"));
    let run = array("'c0000000-0000-0000-0000-000000000001'::uuid");
    let left = |documents: &str| format!("{run}, {documents}, {}", array("true"));
    count("records that leave a run", "run_left", "uuid[], bigint[], bool[]", &left(&first));
    let on_the_way = array("(72000000 + n)::bigint");
    count("records that leave a run while a batch is on its way", "run_left", "uuid[], bigint[], bool[]", &left(&on_the_way));
    count("parts of documents that change", "parts_keep", "bigint[]", &first);
    count("parts of documents that change, with rows of their own", "parts_keep", "bigint[]", &headers);
    let places = format!("{on_the_way}, {}, {}", same("header"), same(""));
    count("records of which a part is open", "parts_behind", "bigint[], text[], text[]", &places);
    count("batches of documents that change", "batches_with", "bigint[]", &on_the_way);
    let counts: Vec<&str> = vec!["'{1}'"; 12];
    let counts = format!("'{{c0000000-0000-0000-0000-000000000001}}', {}", counts.join(", "));
    count("counts of a run", "run_tally", &format!("uuid[]{}", ", bigint[]".repeat(12)), &counts);
    count("unhold", "pending_unhold", "bigint[]", &waiting_lines);
    count("release", "pending_release", "bigint[]", &waiting_children);
    count("children of delivered parents", "awaited_take", "bigint[]", &suppliers);
    count("children whose parents are delivered", "awaited_delivered", "", "");
    count("known documents", "document_known", "text, text, text[]", &format!("'A', 'invoice', {invoice_keys}"));
    count("latest deliveries", "delivery_latest", "bigint[], bigint[]", &format!("{headers}, '{{}}'"));
    count("supersede", "pending_supersede", "bigint[], text[], text[]", &format!("{headers}, {}, {}", same("header"), same("")));
    count("missing parents", "parent_missing", "text, text[], text[]", &format!("'A', {}, {supplier_keys}", same("supplier")));
    count("references", "record_resolve", "text[], text[], text[]", &format!("{}, {}, {supplier_keys}", same("A"), same("supplier")));
    let known = array("(8000000 + n)::bigint");
    count("contents before", "version_before", "text, text, bigint[]", &format!("'A', 'gl_account', {known}"));
    count("mapping in force", "mapping_in_force", "text, text", "'A', 'invoice'");
    let (placed, before) = ("text, text, bigint[], integer[], integer", array("3"));
    count("rows of other mappings", "rows_here", placed, &format!("'A', 'supplier', {suppliers}, {before}, 25"));
    count("former rows that are written again", "rows_here", placed, &format!("'A', 'gl_account', {known}, {before}, 25"));
    count("rows that are not written any more", "rows_leave", placed, &format!("'A', 'supplier', {suppliers}, {before}, 25"));
    count("rows that are written again", "rows_return", placed, &format!("'A', 'gl_account', {known}, {before}, 25"));
    let page = "text, text, integer, text, bigint";
    count("first page of outdated records", "outdated_page", page, &format!("'A', 'gl_account', 0, '', {BATCH}"));
    let last = database.psql("SELECT max(key) FROM document WHERE entity = 'gl_account' AND mapping = 24");
    count(
        "page of outdated records across the definition in force",
        "outdated_page",
        page,
        &format!("'A', 'gl_account', 24, '{last}', {BATCH}"),
    );
    count("last page of outdated records", "outdated_page", page, &format!("'A', 'gl_account', 26, 'G', {BATCH}"));
    count("no outdated records", "outdated_page", page, &format!("'A', 'invoice', 25, '', {BATCH}"));
    count("outdated by flow", "outdated", "", "");
    count("what arrived last", "arrived_newest", "bigint", &BATCH.to_string());
    found
}

/// The pages with little waiting. The larger of two: on a busy machine a single one now and then asks for some pages fewer.
async fn little() -> BTreeMap<&'static str, Pages> {
    let mut few = measure(&ledger(LITTLE, Statistics::True).await);
    for (name, again) in measure(&ledger(LITTLE, Statistics::True).await) {
        let first = few.get_mut(name).unwrap();
        (first.tables, first.indexes) = (first.tables.max(again.tables), first.indexes.max(again.indexes));
    }
    few
}

/// Statements that touch more pages than with little waiting.
fn compare(few: &BTreeMap<&'static str, Pages>, found: BTreeMap<&'static str, Pages>, when: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, pages) in found {
        let before = &few[name];
        // a tree of 1,000 rows has two levels, one of 100,000 has three
        let spread = if name == "conflicts" { BATCH as i64 } else { 0 };
        let (tables, indexes) = (before.tables * 6 / 5 + 10 + spread, before.indexes * 3 / 2 * 6 / 5 + 20);
        println!("{name}, {when}: {} of {tables} pages of tables, {} of {indexes} of indexes", pages.tables, pages.indexes);
        // planned for what a person asks for, with the server's statistics
        let by_statistics = name == "audit of a record" && !when.ends_with("True");
        if !by_statistics && (pages.tables > tables || pages.indexes > indexes) {
            let (each, first) = (pages.each, &before.each);
            wrong.push(format!(
                "{name}, {when}: {} pages of tables and {} of indexes ({each}); with little waiting {} and {} ({first})",
                pages.tables, pages.indexes, before.tables, before.indexes
            ));
        }
    }
    wrong
}

const LITTLE: usize = 1_000;
const MUCH: usize = 100_000;
/// For the test that takes minutes.
const MOST: usize = 200_000;

#[test]
fn hot_statements_touch_as_many_pages_with_much_waiting_as_with_little() {
    run(async {
        let few = little().await;
        let all = [
            (Statistics::True, MUCH),
            (Statistics::None, LITTLE),
            (Statistics::None, MUCH),
            (Statistics::OneDocument, LITTLE),
            (Statistics::OneDocument, MUCH),
        ];
        let mut wrong = Vec::new();
        for (statistics, n) in all {
            wrong.extend(compare(&few, measure(&ledger(n, statistics).await), &format!("{n} waiting, statistics: {statistics:?}")));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The same with a million records that were delivered, each with its version and its delivery. Their rows are some gigabytes.
#[test]
#[ignore = "takes minutes and gigabytes: `make plans`"]
fn hot_statements_touch_as_many_pages_with_a_million_tracked_documents() {
    run(async {
        let few = little().await;
        let mut wrong = Vec::new();
        for statistics in [Statistics::True, Statistics::OneDocument] {
            let database = Database::migrated().await;
            // what the claims find first is the same as with few documents
            fill(&database, MOST, statistics);
            for from in (0..1_000_000).step_by(100_000) {
                database.psql(&format!(
                    "INSERT INTO document (id, company, entity, key, version, hash) SELECT 200000000 + n, 'A', 'invoice', 'T' || n, 1, 'x' FROM generate_series({from}, {from} + 99999) n;
                     INSERT INTO version (document_id, version, run_id, hash, content)
                     SELECT 200000000 + n, 1, 'c0000000-0000-0000-0000-000000000001', 'x', '{{}}' FROM generate_series({from}, {from} + 99999) n;
                     INSERT INTO delivery (id, document_id, version, block, record_key, action, payload, payload_hash)
                     SELECT 200000000 + n, 200000000 + n, 1, 'header', '', 'upsert', '{{}}', '' FROM generate_series({from}, {from} + 99999) n;
                     INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id)
                     SELECT 200000000 + n, 'header', '', md5('tracked' || n), 't', 1, 200000000 + n FROM generate_series({from}, {from} + 99999) n"
                ));
            }
            if let Statistics::True = statistics {
                database.psql("ANALYZE");
            }
            wrong.extend(compare(&few, measure(&database), &format!("a million tracked, {MOST} waiting, statistics: {statistics:?}")));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// Pages of tie-outs that the search for what needs a task asks for.
fn pages_of_tie_outs(database: &Database) -> i64 {
    let sql = std::fs::read_to_string(format!("{}/src/store/sql/task_wanted.sql", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let sql = sql.replace("{cause}", "md5(p.message)");
    let counted = "SELECT coalesce(sum(pg_stat_get_xact_blocks_fetched(oid)), 0) FROM pg_class \
                   WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'tie\\_out%'";
    let said =
        database.psql_first(&format!("BEGIN; PREPARE s (bigint, bigint) AS {sql}; EXECUTE s (2, 100); {counted}; ROLLBACK; DEALLOCATE s"));
    said.lines().last().unwrap().parse().unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[test]
fn the_search_for_tasks_reads_the_newest_tie_outs_alone() {
    run(async {
        let database = Database::migrated().await;
        let fill = |from: i32, to: i32| {
            database.psql(&format!(
                "INSERT INTO tie_out (id, requested_by, state) OVERRIDING SYSTEM VALUE \
                 SELECT n, 'tieline', 'done' FROM generate_series({from}, {to}) n; \
                 INSERT INTO tie_out_block (tie_out_id, company, entity, block) \
                 SELECT n, 'A', entity, 'header' FROM generate_series({from}, {to}) n, unnest(ARRAY['invoice', 'supplier', 'gl_posting']) entity; \
                 ANALYZE"
            ));
        };
        fill(1, 10);
        let few = pages_of_tie_outs(&database);
        fill(11, 20_000);
        let many = pages_of_tie_outs(&database);
        assert!(few > 0 && many < few + 60, "{few} pages with 10 tie-outs, {many} with 20,000");
    });
}
