//! One of the two systems has changed: columns with another kind of value, fields that are dropped.

use std::time::Duration;

use serde_json::Value;

use crate::binary::text;
use crate::console::Person;
use crate::support::node::{Node, wait_for};
use crate::support::world::{COMPANY, World};

/// The exit code, and what was said on either channel.
fn say(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let out = world.command(arguments).output().unwrap();
    (out.status.code(), text(&out))
}

fn flow(world: &World, entity: &str) -> Value {
    let out = world.command(&["--output", "json", "status"]).output().unwrap();
    let status: Value = serde_json::from_slice(&out.stdout).unwrap();
    status["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == entity).unwrap().clone()
}

/// Definitions of the site's own.
fn definitions(world: &World, file: &str, text: &str) {
    let file = world.site.path("definitions").join(file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    let settings = world.site.path("tieline.toml");
    let mut with = std::fs::read_to_string(&settings).unwrap();
    if !with.contains("[definitions]") {
        with += &format!("[definitions]\ndirectory = \"{}\"\n", world.site.path("definitions").display());
        std::fs::write(settings, with).unwrap();
    }
}

#[test]
fn keys_that_turn_into_numbers_stop_their_flow_before_anything_is_taken_in() {
    let world = World::start();
    let (writes, versions) = (world.servicenow.writes(), world.database.psql("SELECT count(*) FROM version"));
    world.syspro.switch(|switches| switches.guessed_numbers = true);
    let (code, said) = say(&world, &["sync", "--entity", "supplier", "--sweep"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("column `Supplier` held text until now and holds a number") && said.contains("tieline flow resume"), "{said}");
    assert_eq!((world.servicenow.writes(), world.database.psql("SELECT count(*) FROM version")), (writes, versions));
    assert!(flow(&world, "supplier")["stopped"].as_str().unwrap().contains("column `Supplier`"));
    assert!(say(&world, &["audit", "--kind", "action", "--entity", "supplier"]).1.contains("column `Supplier`"));

    // neither a schedule nor a person runs it, until it is resumed
    world.syspro.switch(|switches| switches.guessed_numbers = false);
    let (code, said) = say(&world, &["sync", "--entity", "supplier"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is stopped"), "{said}");
    assert_eq!(say(&world, &["flow", "resume", COMPANY, "suplier", "--why", "x"]).0, Some(2), "no such flow");
    assert_eq!(say(&world, &["flow", "resume", COMPANY, "supplier", "--why", "the gateway was mended"]).0, Some(0));
    assert!(say(&world, &["audit", "--kind", "action", "--entity", "supplier"]).1.contains("the gateway was mended"));
    world.rest(&["sync", "--sweep"]).unwrap();
    world.check().unwrap();
    assert_eq!(world.servicenow.writes(), writes);
}

#[test]
fn a_definition_may_have_changed_columns_reported_only() {
    let world = World::start();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/entities/gl_account.toml");
    definitions(&world, "entities/gl_account.toml", &format!("type_change = \"report\"\n{}", std::fs::read_to_string(shipped).unwrap()));
    let columns = "SELECT count(*) FROM audit WHERE kind = 'drifted' AND entity = 'gl_account'";
    assert_eq!(world.database.psql(columns), "0");
    world.syspro.insert(COMPANY, "GenMaster", &[("GlCode", "4711"), ("Description", "0815")]).unwrap();
    world.syspro.switch(|switches| switches.guessed_numbers = true);
    let (code, said) = say(&world, &["sync", "--entity", "gl_account"]);
    assert_eq!(code, Some(0), "{said}");
    assert_ne!(world.database.psql(columns), "0");
    assert!(say(&world, &["audit", "--kind", "drifted"]).1.contains("holds a number, `4711`"), "named in the audit");
    assert!(flow(&world, "gl_account")["stopped"].is_null());
    assert!(world.servicenow.find("itfm_gl_accounts", "account_number", "4711").is_some());
}

#[test]
fn a_dropped_field_is_named_fails_or_stops_the_flow_as_the_definition_says() {
    let world = World::with(|instance| instance.table("itfm_gl_accounts").unwrap().unwritable.push("name".into()));
    world.set_credentials(&|arguments| world.command(arguments));
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/profiles/apo/gl_account.toml")).unwrap();
    let policy = |word: &str| {
        let text = shipped.replace("write = \"table\"", &format!("write = \"table\"\npartial_write = \"{word}\""));
        definitions(&world, "profiles/apo/gl_account.toml", &text);
    };
    let accounts = world.syspro.count(COMPANY, "GenMaster").unwrap();
    let count = |sql: &str| world.database.psql(sql).parse::<usize>().unwrap();

    // by default each fails, with the field and both values; of a field of which nothing is kept the flow is stopped as well
    policy("fail");
    let (code, said) = say(&world, &["sync", "--entity", "gl_account"]);
    assert!(matches!(code, Some(1 | 3)), "{code:?} {said}");
    assert!(flow(&world, "gl_account")["stopped"].as_str().unwrap().contains("did not store field `name`"));
    assert_eq!(say(&world, &["flow", "resume", COMPANY, "gl_account", "--why", "a test"]).0, Some(0));
    let failed = count("SELECT count(*) FROM undelivered WHERE state = 'failed' AND reason = 'rejected' AND field = 'name'");
    assert!(failed > 0 && failed <= accounts, "{failed} of {accounts}");
    assert!(say(&world, &["failures", "--entity", "gl_account"]).1.contains("was sent, and the field is empty"));

    // stopped at the first, and nothing more is read or sent
    policy("stop");
    let (code, said) = say(&world, &["replay", "--entity", "gl_account", "--all", "--why", "a test"]);
    assert_ne!(code, Some(0), "{said}");
    let stopped = flow(&world, "gl_account")["stopped"].as_str().unwrap().to_owned();
    assert!(stopped.contains("did not store field `name` in table `itfm_gl_accounts`"), "{stopped}");
    let writes = world.servicenow.writes();
    assert_eq!(say(&world, &["sync", "--entity", "gl_account"]).0, Some(1));
    assert_eq!(world.servicenow.writes(), writes);

    // recorded: everything counts as delivered, and the audit names the field
    policy("record");
    assert_eq!(say(&world, &["flow", "resume", COMPANY, "gl_account", "--why", "the name may stay empty"]).0, Some(0));
    assert_ne!(world.database.psql("SELECT count(*) FROM record WHERE 'name' = ANY(partial)"), "0", "the ledger knows the rows without it");
    world.rest(&["replay", "--entity", "gl_account", "--all", "--why", "a test"]).unwrap();
    assert_eq!(count("SELECT count(*) FROM undelivered WHERE entity = 'gl_account'"), 0);
    assert!(say(&world, &["audit", "--kind", "partial_write", "--entity", "gl_account"]).1.contains("name"));
    assert_eq!(world.servicenow.count("itfm_gl_accounts"), accounts - excluded(&world));

    // delivered is not the whole truth: each screen counts them
    let all = world.database.psql("SELECT count(*) FROM document WHERE entity = 'gl_account'");
    assert_eq!(flow(&world, "gl_account")["not_as_sent"].to_string(), all);
    let status = say(&world, &["status"]).1;
    assert!(status.contains(&format!("{all} not as sent")), "{status}");
    assert!(status.contains(&format!("ServiceNow stored a field of {all} records with another value than Tieline sent")), "{status}");
    let mut node = Node::new(&world).with("DEFINITIONS__DIRECTORY", world.site.path("definitions").to_str().unwrap());
    node.start_and_wait(&world);
    let counted = wait_for("the metric is there", Duration::from_secs(30), || {
        let (_, metrics) = node.get("/metrics")?;
        let line = metrics.lines().find(|line| line.starts_with("tieline_records_not_as_sent{entity=\"gl_account\"}"))?;
        line.rsplit(' ').next().map(str::to_owned)
    });
    assert_eq!(counted, all);
    let person = Person::sign_in(&node.site, &node.key(&world));
    let overview = wait_for("the flow is at rest", Duration::from_secs(30), || {
        Some(person.get("/").body).filter(|page| page.contains(&format!("{all} not as sent")))
    });
    assert!(!overview.is_empty());
    assert_eq!(node.terminate(), Some(0));
}

/// Accounts that the definition leaves out.
fn excluded(world: &World) -> usize {
    let all = world.syspro.count(COMPANY, "GenMaster").unwrap();
    all - world.database.psql("SELECT count(*) FROM document WHERE entity = 'gl_account'").parse::<usize>().unwrap()
}
