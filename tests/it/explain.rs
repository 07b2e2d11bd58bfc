//! Why a record was sent, or was not: the same text in a shell and over HTTP.

use serde_json::Value;
use tieline_sim::faults::{Fault, FaultRule};

use crate::binary::{text, wait_until};
use crate::http::ask;
use crate::support::node::{ENTITIES, Node};
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// What the program says of a record that it never read.
fn said(world: &World, entity: &str, key: &str) -> String {
    let out = world.command(&["record", COMPANY, entity, key]).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    text(&out)
}

#[test]
fn of_a_record_that_was_never_read_syspro_itself_is_asked_why() {
    let world = World::start();
    let mut node = Node::new(&world);
    for entity in ENTITIES {
        node = node.with(&format!("SCHEDULE__{}", entity.to_uppercase()), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    let key = node.key(&world);
    let problem = |entity: &str, record: &str| {
        let (status, _, body) = ask(&node.site, "GET", &format!("/api/v1/records/{COMPANY}/{entity}/{record}"), Some(&key), "").unwrap();
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, 404, "{body}");
        assert!(!problem["next_step"].as_str().unwrap().is_empty(), "{body}");
        problem["detail"].as_str().unwrap().to_owned()
    };
    // the polls at the start have come by everything there is
    wait_until("the first polls", || {
        world.database.psql("SELECT count(*) >= 6 AND bool_and(ended_at IS NOT NULL) FROM run WHERE requested_by = 'schedule'") == "t"
    });
    let left_out = source::rows(&world.syspro, COMPANY, "GenMaster", |c| (c("Company").text().to_owned(), c("GlCode").text().to_owned()))
        .into_iter()
        .find(|(_, code)| code.trim() == "RETAINED")
        .map(|(company, code)| format!("{company}/{code}").replace(' ', "%20"))
        .expect("SYSPRO's own accounts");
    let new = [("Supplier", "ZNEW"), ("SupplierName", "New Ltd")];
    world.syspro.insert(COMPANY, "ApSupplier", &new).unwrap();
    for (entity, record, words) in [
        ("supplier", "NOBODY", "SYSPRO does not have it"),
        ("supplier", "ZNEW", "no run has read it yet"),
        ("supplier", "ZNEW/7", "must have these parts: Supplier"),
        ("gl_account", left_out.as_str(), "the definition excludes it: rows whose `GlCode` is `FORCED` or `RETAINED` are left out"),
    ] {
        let (shell, http) = (said(&world, entity, record), problem(entity, &record.replace('%', "%25")));
        assert!(shell.contains(words) && http.contains(words), "{entity} {record}: {shell} {http}");
    }
    let out = world.command(&["record", COMPANY, "nothing", "1"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", text(&out));
    assert!(text(&out).contains("there is no entity `nothing`"), "{}", text(&out));
    assert!(problem("nothing", "1").contains("there is no entity `nothing`"));
    // a service that does not answer is no reason to say that a record is not there
    world.syspro.faults.push(FaultRule::always(Fault::Status(503)));
    let (shell, http) = (said(&world, "supplier", "NOBODY"), problem("supplier", "NOBODY"));
    assert!(
        shell.contains("could not check whether SYSPRO has it") && http.contains("could not check whether SYSPRO has it"),
        "{shell} {http}"
    );
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn what_directs_a_screen_is_shown_by_its_number_and_arrives_as_it_is() {
    let world = World::start();
    let (key, name) = ("RTL\u{202e}01", "Bay\u{9b}side");
    let row = [("Supplier", key), ("SupplierName", name), ("Currency", "R")];
    world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
    world.rest(&["sync", "--sweep", "--entity", "supplier"]).unwrap();
    let there = world.servicenow.find("x_apo_supplier", "u_supplier_number", key).unwrap();
    assert_eq!((there["u_supplier_number"].as_str(), there["u_name"].as_str()), (key, name));
    let show = |more: &[&str]| {
        let out = world.command(&[&["record", COMPANY, "supplier", key], more].concat()).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let said = show(&[]);
    assert!(said.contains("RTL[U+202E]01") && !said.contains('\u{202e}'), "{said}");
    let json = show(&["--output", "json"]);
    assert!(json.contains("RTL\\u202e01") && !json.contains('\u{202e}'), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(value.to_string().contains(key), "the same value: {value}");
}
