//! The console in a real browser: `tests/browser/walk.mjs` walks every page and action as each role.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tieline::domain::role::Role;

use crate::binary::text;
use crate::support::node::{Node, wait_for};
use crate::support::source;
use crate::support::world::{COMPANY, REFUSED_DATE, World};

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
    let world = World::start();
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    for (supplier, invoice) in invoices.iter().take(3) {
        let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
        world.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", REFUSED_DATE)]).unwrap();
    }
    world.run(&["sync", "--sweep", "--entity", "invoice"]);
    for (key, state, kind) in [("10", "open", "both_changed"), ("20", "to_apply", "edited")] {
        world.database.psql(&format!(
            "INSERT INTO conflict (company, entity, subject, key, field, kind, state, agreed, syspro, syspro_at, servicenow, servicenow_at) \
             VALUES ('EDU1', 'gl_account', '{key}', '{key}', 'name', '{kind}', '{state}', 'Freight', 'Freight inwards', now(), 'Freight & duty', now())"
        ));
    }
    let mut node = Node::new(&world);
    for entity in ["SUPPLIER", "INVOICE", "PURCHASE_ORDER", "GL_ACCOUNT", "COST_CENTER", "GL_POSTING"] {
        node = node.with(&format!("SCHEDULE__{entity}"), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    // the first polls come at once; what is walked shall stand still
    let quiet = "SELECT (SELECT count(*) FROM run WHERE requested_by = 'schedule' AND ended_at IS NOT NULL) >= 6 \
                 AND NOT EXISTS (SELECT FROM run WHERE ended_at IS NULL)";
    wait_for("the first polls", Duration::from_secs(60), || (world.database.psql(quiet) == "t").then_some(()));
    let key = |role: Role| {
        let out = node.command(&world, &["api-key", "add", role.as_str(), "--role", role.as_str()]).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let parked = world.database.psql(
        "SELECT d.key FROM document d JOIN pending p ON p.document_id = d.id WHERE p.state = 'parked' AND d.key NOT LIKE '%\\%%' ORDER BY 1 LIMIT 1",
    );
    assert!(!parked.is_empty(), "nothing is parked");
    let walk = json!({
        "base": format!("http://127.0.0.1:{}", node.site.port),
        "tools": tools, "shots": root.join("target/screenshots"),
        "chromium": program(&["chromium", "chromium-browser", "google-chrome"]),
        "keys": Role::ALL.iter().map(|role| (role.as_str().to_owned(), key(*role).into())).collect::<serde_json::Map<_, _>>(),
        "record": format!("/records/{COMPANY}/invoice/{parked}"), "prefix": &parked[..3],
    });
    let script = root.join("tests/browser/walk.mjs");
    let out = Command::new(program(&["node"])).arg(script).env("WALK", walk.to_string()).output().unwrap();
    assert!(out.status.success(), "{}\n{}", text(&out), node.log());
    assert_eq!(node.terminate(), Some(0));
}
