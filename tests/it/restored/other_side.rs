//! The other side was set back: an instance that was cloned over, a company that was restored. Flows stop until both sides were compared.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use tieline_sim::faults::{Fault, FaultRule};

use super::{row_of, run_to, world};
use crate::binary::{text, wait_until};
use crate::http::ask;
use crate::support::node::{Node, wait_until_right};
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// A cycle, whatever it comes to: its exit code and what it said.
fn sync(world: &World, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = world.command(&["sync"]);
    for (key, value) in more {
        command.env(format!("TIELINE__{key}"), value);
    }
    let out = command.output().unwrap();
    (out.status.code(), text(&out))
}

fn stopped(world: &World) -> String {
    world.database.psql("SELECT count(*) FROM flow WHERE stopped LIKE '%went back%' OR stopped LIKE '%restored to an earlier state%'")
}

#[test]
fn an_instance_that_was_cloned_over_stops_the_flows_until_it_was_compared() {
    let world = world();
    // the clone has none of what arrived last, and the accounts as they were before an edit
    let accounts = source::rows(&world.syspro, COMPANY, "GenMaster", |c| c("GlCode").text().trim_end().to_owned());
    let account = [("Company", COMPANY), ("GlCode", accounts[0].as_str())];
    let old = world.servicenow.find("itfm_gl_accounts", "account_number", &accounts[0]).unwrap();
    world.syspro.update(COMPANY, "GenMaster", &account, &[("Description", "Edited")]).unwrap();
    world.rest(&["sync"]).unwrap();
    // in the order in which they arrived: batches of several tables are on their way at once
    let newest = world.database.psql(&format!(
        "SELECT r.target_table, r.sys_id FROM record r JOIN audit a ON a.delivery_id = r.delivery_id AND a.kind IN ('confirmed', 'looked_up') \
         WHERE r.target_table IN ('proc_po', 'proc_po_item', 'cmn_cost_center', 'itfm_gl_accounts') AND r.sys_id <> '{}' ORDER BY a.id DESC LIMIT 60",
        old["sys_id"]
    ));
    let rows = newest.lines().filter_map(|line| line.split_once('|'));
    assert_eq!(rows.filter(|(table, sys_id)| world.servicenow.delete_row(table, sys_id)).count(), 60);
    let fields = [("name", old["name"].as_str()), ("u_source_version", old["u_source_version"].as_str())];
    assert!(world.servicenow.edit_row("itfm_gl_accounts", &old["sys_id"], &fields));

    let (code, said) = sync(&world, &[]);
    assert!(code != Some(0) && said.contains("ServiceNow went back") && said.contains("`tieline restored`"), "{code:?} {said}");
    assert_eq!(stopped(&world), "6", "every flow");
    assert!(run_to(&world, 0, &["status"]).0.contains("stopped"));
    let said = run_to(&world, 0, &["restored"]).0;
    assert!(said.contains("to send again"), "{said}");
    assert_eq!(stopped(&world), "0");
    world.rest(&["sync"]).unwrap();
    let row = world.servicenow.find("itfm_gl_accounts", "account_number", &accounts[0]).unwrap();
    assert_eq!(row["name"], "Edited");
    world.check().unwrap();
}

#[test]
fn a_company_that_was_restored_stops_its_flow_before_anything_is_marked() {
    let world = world();
    let new: Vec<String> = (10..24).map(|n| format!("NEW{n}")).collect();
    for name in &new {
        let row = [("Supplier", name.as_str()), ("SupplierName", "New"), ("Currency", "R")];
        world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
    }
    world.rest(&["sync"]).unwrap();
    for name in &new {
        world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", name)]).unwrap();
    }
    let much = [("FLOWS__MAX_SHRINK_PERCENT", "90")];
    let (code, said) = sync(&world, &much);
    assert!(
        code != Some(0) && said.contains("14 of the 20 newest records") && said.contains("the company was restored to an earlier state"),
        "{code:?} {said}"
    );
    assert_eq!(stopped(&world), "1", "the others go on");
    assert!(new.iter().all(|name| row_of(&world, name)["u_active"] == "true"), "nothing was marked");
    run_to(&world, 0, &["restored"]);
    let (code, said) = sync(&world, &much);
    assert_eq!(code, Some(0), "{said}");
    assert!(new.iter().all(|name| row_of(&world, name)["u_active"] == "false"));
    world.check().unwrap();
}

#[test]
fn a_poll_sees_it_too_and_a_few_deletions_are_none() {
    let world = world();
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| {
        (c("Supplier").text().trim_end().to_owned(), c("Invoice").text().trim_end().to_owned())
    });
    let newest = world.database.psql("SELECT key FROM document WHERE entity = 'invoice' ORDER BY id DESC LIMIT 20");
    let of = |key: &str| {
        let parts = tieline::domain::DocumentKey::from_text(key).parts();
        invoices.iter().find(|(supplier, invoice)| [supplier.trim(), invoice.trim()] == [parts[0].trim(), parts[1].trim()]).unwrap().clone()
    };
    let delete = |key: &str| {
        let (supplier, invoice) = of(key);
        world.syspro.delete(COMPANY, "ApInvoice", &[("Supplier", &supplier), ("Invoice", &invoice)]).unwrap();
    };
    let keys: Vec<&str> = newest.lines().collect();
    keys[..3].iter().for_each(|key| delete(key));
    let (code, said) = sync(&world, &[]);
    assert!(!said.contains("went back"), "{code:?} {said}");
    keys[3..15].iter().for_each(|key| delete(key));
    let (code, said) = sync(&world, &[]);
    assert!(code != Some(0) && said.contains("15 of the 20 newest records"), "{code:?} {said}");
    assert_eq!(stopped(&world), "1");
}

/// The instance loses what arrived last in four tables, so much of it that it must be another one.
fn clone_over(world: &World) {
    let newest = world.database.psql(
        "SELECT r.target_table, r.sys_id FROM record r JOIN audit a ON a.delivery_id = r.delivery_id AND a.kind IN ('confirmed', 'looked_up') \
         WHERE r.target_table IN ('proc_po', 'proc_po_item', 'cmn_cost_center', 'itfm_gl_accounts') ORDER BY a.id DESC LIMIT 60",
    );
    let rows = newest.lines().filter_map(|line| line.split_once('|'));
    assert_eq!(rows.filter(|(table, sys_id)| world.servicenow.delete_row(table, sys_id)).count(), 60);
}

#[test]
fn what_a_person_has_accepted_is_no_evidence_any_more() {
    let world = world();
    clone_over(&world);
    let (code, said) = sync(&world, &[]);
    assert!(code != Some(0) && said.contains("ServiceNow went back"), "{code:?} {said}");
    assert_eq!(stopped(&world), "6");
    // one flow continues; the others still wait
    run_to(&world, 0, &["flow", "resume", COMPANY, "supplier", "--why", "people deleted orders"]);
    run_to(&world, 0, &["sync", "--entity", "supplier"]);
    assert_eq!(stopped(&world), "5", "it goes on, whatever is said of the others");
    for entity in ["cost_center", "gl_account", "purchase_order", "invoice", "gl_posting"] {
        run_to(&world, 0, &["flow", "resume", COMPANY, entity, "--why", "people deleted orders"]);
    }
    let (code, said) = sync(&world, &[]);
    assert!(code == Some(0) && !said.contains("went back"), "{code:?} {said}");
    assert_eq!(stopped(&world), "0");
    // what arrives from now on is evidence again
    for n in 10..30 {
        let code = format!("77.{n}0.6010");
        let row = [("Company", COMPANY), ("GlCode", code.as_str()), ("Description", "New"), ("AccountType", "E")];
        world.syspro.insert(COMPANY, "GenMaster", &row).unwrap();
    }
    let (code, said) = sync(&world, &[]);
    assert_eq!(code, Some(0), "{said}");
    for row in world.servicenow.rows("itfm_gl_accounts").iter().filter(|row| row["name"] == "New") {
        assert!(world.servicenow.delete_row("itfm_gl_accounts", &row["sys_id"]));
    }
    let (code, said) = sync(&world, &[]);
    assert!(code != Some(0) && said.contains("ServiceNow went back"), "{code:?} {said}");
}

#[test]
fn the_surface_is_up_while_an_instance_does_not_answer_and_the_flows_wait() {
    let world = World::start();
    world.syspro.tick(1).unwrap();
    // how long it may take to find that ServiceNow does not answer
    let limit = Duration::from_secs(25);
    let mut node = Node::new(&world).with("SERVICENOW__REQUEST_TIMEOUT_SECONDS", &limit.as_secs().to_string());
    let key = node.key(&world);
    world.servicenow.set_fault(FaultRule::always(Fault::Hang).on_path("/oauth_token.do").times(1));
    let runs = || world.database.psql("SELECT count(*) FROM run");
    let (before, writes, started) = (runs(), world.servicenow.writes(), Instant::now());
    node.start_and_wait(&world);
    let (status, said) = node.ready().expect("an answer");
    assert!(status == 503 && said.contains("Tieline has checked that ServiceNow still has the newest records"), "{status} {said}");
    for path in ["/metrics", "/sign-in", "/health/live"] {
        assert_eq!(node.get(path).expect("an answer").0, 200, "{path}");
    }
    let flows = node.get("/health/flows").expect("an answer");
    let flows: Value = serde_json::from_str(&flows.1).unwrap();
    let flows = flows["flows"].as_array().unwrap();
    assert!(flows.iter().all(|flow| flow["waits_for"].as_str().is_some_and(|why| why.contains("ServiceNow"))), "{flows:?}");
    // what a person asks for is not refused, and waits as well
    node.run_all(&key);
    let seen = (runs(), world.servicenow.writes());
    assert!(started.elapsed() < limit, "all of it while ServiceNow kept the check waiting: {:?} {}", started.elapsed(), node.log());
    assert_eq!(seen, (before, writes), "nothing is read or sent: {:?} {}", started.elapsed(), node.log());
    wait_until_right(&node, &key, Duration::from_secs(90), || world.check());
    assert_eq!(node.ready().expect("an answer").0, 200);
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}

#[test]
fn a_replay_that_waits_for_the_check_does_not_begin_when_the_service_stops() {
    let world = World::start();
    let mut node = Node::new(&world).with("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "60");
    let key = node.key(&world);
    world.servicenow.set_fault(FaultRule::always(Fault::Hang).on_path("/oauth_token.do"));
    node.start_and_wait(&world);
    let versions = || world.database.psql("SELECT (SELECT count(*) FROM run WHERE kind = 'replay'), (SELECT count(*) FROM delivery)");
    let before = versions();
    let actions = || world.database.psql("SELECT count(*) FROM audit WHERE kind = 'action' AND detail LIKE '%\"failed_only\"%'");
    assert_eq!(actions(), "0");
    let (node, key) = (&mut node, key.as_str());
    let answer = std::thread::scope(|threads| {
        let site = &node.site;
        let asked = threads.spawn(move || ask(site, "POST", "/api/v1/replay", Some(key), r#"{"all":true,"why":"a test"}"#));
        wait_until("the replay is noted, and waits", || actions() == "1");
        node.signal(Signal::SIGTERM);
        asked.join().unwrap()
    });
    let (status, _, body) = answer.unwrap_or_else(|| panic!("no answer: {}", node.log()));
    assert!(status == 503 && body.contains("the service is stopping"), "{status} {body}");
    assert_eq!(node.service.as_mut().unwrap().child.wait().unwrap().code(), Some(0), "{}", node.log());
    assert_eq!(versions(), before, "nothing is mapped or sent: {}", node.log());
}
