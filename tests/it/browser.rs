//! The console in a real browser: `tests/browser/walk.mjs` walks every page and action as each role.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tieline::domain::role::Role;

use crate::binary::text;
use crate::support::node::{Node, wait_for};
use crate::support::servers::{End, Server};
use crate::support::source;
use crate::support::world::{COMPANY, Ledger, REFUSED_DATE, World};

/// The first of these programs that there is.
fn program(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = names.iter().find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()));
    found.unwrap_or_else(|| panic!("none of {names:?} is on the PATH; `scripts/setup.sh --lints` installs what the tests need"))
}

#[test]
fn every_page_and_action_works_in_a_real_browser_for_each_role() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = root.join("target/tools/browser");
    assert!(tools.join("node_modules/axe-core").is_dir(), "`scripts/setup.sh --lints` fetches what the browser tests need");
    let world = World::start_on(Server::primary(false));
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    for (supplier, invoice) in invoices.iter().take(5) {
        let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
        world.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", REFUSED_DATE)]).unwrap();
    }
    world.run(&["sync", "--sweep", "--entity", "invoice"]);
    // somebody changes a row in ServiceNow, and a tie-out finds it
    let rows = world.servicenow.rows("x_apo_invoice");
    let row = rows.iter().max_by_key(|row| row["u_source_key"].clone()).unwrap();
    assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_amount_invoiced", "77.77")]));
    let out = world.command(&["tie-out", "--why", "month end"]).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", text(&out));
    for (key, state, kind) in [("10", "open", "both_changed"), ("20", "to_apply", "edited")] {
        world.database.psql(&format!(
            "INSERT INTO conflict (company, entity, subject, key, field, kind, state, agreed, syspro, syspro_at, servicenow, servicenow_at) \
             VALUES ('EDU1', 'gl_account', '{key}', '{key}', 'name', '{kind}', '{state}', 'Freight', 'Freight inwards', now(), 'Freight & duty', now())"
        ));
    }
    world.database.psql(
        "INSERT INTO conflict (company, entity, subject, key, field, kind, state, agreed, syspro, servicenow, side, decided_by, decided_at, why, closed_at, outcome) \
         VALUES ('EDU1', 'gl_account', '30', '30', 'name', 'both_changed', 'closed', 'Rent', 'Rent paid', 'Rents', 'syspro', 'key ops', now(), 'as agreed with finance', now(), 'syspro')",
    );
    let mut node = Node::new(&world);
    for entity in ["SUPPLIER", "INVOICE", "PURCHASE_ORDER", "GL_ACCOUNT", "COST_CENTER", "GL_POSTING"] {
        node = node.with(&format!("SCHEDULE__{entity}"), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    // the first polls come at once; the checked pages must not change
    let quiet = "SELECT (SELECT count(*) FROM run WHERE requested_by = 'schedule' AND ended_at IS NOT NULL) >= 6 \
                 AND NOT EXISTS (SELECT FROM run WHERE ended_at IS NULL)";
    wait_for("the first polls", Duration::from_secs(60), || (world.database.psql(quiet) == "t").then_some(()));
    let key = |role: Role| {
        let out = node.command(&world, &["api-key", "add", role.as_str(), "--role", role.as_str()]).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    // one of each: refused with its neighbours, out of attempts, unknown
    let failed = world.database.psql("SELECT delivery_id FROM undelivered WHERE state = 'failed' AND block = 'header' ORDER BY 1");
    let failed: Vec<&str> = failed.lines().collect();
    assert!(failed.len() >= 5, "too little failed: {failed:?}");
    world.database.psql(&format!(
        "UPDATE pending SET reason = 'exhausted', message = 'the last of 12 attempts failed: 503 from the instance', next_step = 'see whether the instance is up, then send it again' WHERE delivery_id = {}; \
         UPDATE pending SET own_state = 'unknown', reason = NULL, message = 'no answer within 30 s', next_step = 'nothing: Tieline looks the record up in ServiceNow before it does anything else', not_before = now() + interval '2 hours' WHERE delivery_id = {}; \
         INSERT INTO backfill (company, entity, since, until, requested_by, why, read, new, changed, unchanged, last_progress_at, error, tries, not_before) \
         VALUES ('EDU1', 'invoice', '2024-01-01', '2025-01-01', 'key ops', 'the auditors asked for it', 4200, 12, 3, 4185, now(), 'SYSPRO could not be reached: connection refused', 3, now() + interval '1 day'); \
         INSERT INTO run (id, company, entity, kind, requested_by, reason, read, new, changed, started_at) \
         VALUES ('{UNDER_WAY}', 'EDU1', 'gl_posting', 'replay', 'key ops', 'the period was opened', 12345, 12, 3, now() - interval '95 seconds')",
        failed[3], failed[4],
    ));
    let one = |sql: &str| {
        let found = world.database.psql(sql);
        assert!(!found.is_empty() && !found.contains('\n'), "{sql}: {found}");
        found
    };
    let run = one("SELECT id FROM run WHERE entity = 'invoice' AND new + changed > 0 ORDER BY id LIMIT 1");
    let record =
        one(&format!("SELECT d.key FROM document d JOIN undelivered p ON p.document_id = d.id WHERE p.delivery_id = {}", failed[0]));
    let order = one(
        "SELECT d.key FROM document d JOIN delivery l ON l.document_id = d.id WHERE d.entity = 'purchase_order' GROUP BY d.key ORDER BY count(*) DESC, d.key LIMIT 1",
    );
    let keys: serde_json::Map<_, _> = Role::ALL.iter().map(|role| (role.as_str().to_owned(), key(*role).into())).collect();
    let api = keys[Role::Operator.as_str()].as_str().unwrap().to_owned();
    let cause = |reason: &str| {
        let (_, _, body) =
            crate::http::ask(&node.site, "GET", &format!("/api/v1/failures?entity=invoice&reason={reason}"), Some(&api), "").unwrap();
        let found: serde_json::Value = serde_json::from_str(&body).unwrap();
        found["items"][0]["cause"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    };
    let walk = json!({
        "base": format!("http://127.0.0.1:{}", node.site.port),
        "tools": tools, "shots": root.join("target/screenshots"),
        "chromium": program(&["chromium", "chromium-browser", "google-chrome"]),
        "keys": keys,
        "record": format!("/records/{COMPANY}/invoice/{}", record.replace('%', "%25")), "prefix": &record[..3], "run": run, "under_way": UNDER_WAY,
        "order": format!("/records/{COMPANY}/purchase_order/{}", order.replace('%', "%25")),
        "differs": { "record": row["u_source_key"].split('/').skip(2).collect::<Vec<_>>().join("/"), "value": "77.77" },
        "period": one(
            "SELECT format('/close/EDU1/%s-%s', year, lpad(period::text, 2, '0')) FROM tie_out_item WHERE year IS NOT NULL ORDER BY id LIMIT 1",
        ),
        "cause": cause("rejected"), "doubt": cause("unknown"), "backfill": one("SELECT id FROM backfill"),
    });
    let script = root.join("tests/browser/walk.mjs");
    let mut command = Command::new(program(&["node"]));
    let mut walker = command
        .arg(script)
        .env("WALK", walk.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut wrong = String::new();
    for line in BufReader::new(walker.stdout.take().unwrap()).lines().map(Result::unwrap) {
        match line.strip_prefix("do: ") {
            Some("away") => server(&world).kill(),
            Some("back") => server(&world).restart(End::Killed),
            // sent again was the chosen record of the cause, and no other
            Some("chosen") => {
                let asked = "SELECT count(DISTINCT a.document_id) FROM audit a JOIN run r ON r.id = a.run_id WHERE a.kind = 'replayed' AND r.reason = 'this one first'";
                assert_eq!(world.database.psql(asked), "1");
            }
            Some(sql) => drop(world.database.psql(sql)),
            None => wrong.push_str(&format!("{line}\n")),
        }
    }
    let mut said = String::new();
    walker.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let status = walker.wait().unwrap();
    assert!(status.success(), "{wrong}{said}\n{}", node.log());
    // the record that was chosen was one of several of its cause, all of which were sent again later
    let all = "SELECT count(DISTINCT a.document_id) > 1 FROM audit a JOIN run r ON r.id = a.run_id WHERE a.kind = 'replayed' AND r.reason = 'all of the cause'";
    assert_eq!(world.database.psql(all), "t");
    assert_eq!(node.terminate(), Some(0));
}

/// A run that is under way as long as the walk wants it.
const UNDER_WAY: &str = "00000000-0000-7000-8000-000000000001";

fn server(world: &World) -> &Server {
    match &world.database {
        Ledger::Own(server) => server,
        Ledger::Shared(_) => panic!("a server of its own may be harmed"),
    }
}
