//! The sign-in to e.net: tested wherever e.net is used, and never by ending a session in use.

use std::process::{Command, Output};

use super::rows;
use crate::cli::json;
use crate::support::world::World;

/// What makes SYSPRO's cost centres be written through e.net.
const SETUP: &str = r#"
[setup]
object = "BOMSCC"
class = "setup"
action = "update"
template = "<SetupBomCostCentre><Item><Key><CostCentre>{CostCentre}</CostCentre></Key><Description>{Description}</Description></Item></SetupBomCostCentre>"
"#;

fn world() -> World {
    let mut world = World::before();
    world.credentials[0] = ("syspro-enet", "TIELINE".into(), "enet-secret".into());
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

fn command(world: &World, source: &str) -> Command {
    let mut command = world.command(&["doctor", "--output", "json", "--read-only"]);
    command.env("TIELINE__SYSPRO__SOURCE", source).env("TIELINE__SYSPRO__ENET_URL", world.syspro.enet_url.as_str());
    command
}

fn doctor(world: &World, source: &str) -> Output {
    command(world, source).output().unwrap()
}

#[test]
fn a_site_with_enet_alone_is_examined_through_it() {
    let world = world();
    let answer = json(&doctor(&world, "enet"), 0);
    let sign_in = rows(&answer, "e.net sign-in EDU1")[0];
    let found = sign_in["found"].as_str().unwrap();
    assert!(sign_in["verdict"] == "ok" && found.contains("operator `TIELINE`") && found.contains("version "), "{sign_in}");
    assert!(rows(&answer, "SYSPRO OData")[0]["found"].as_str().unwrap().starts_with("not used"), "{answer}");
    assert_eq!(rows(&answer, "SYSPRO EDU1 ApSupplier")[0]["verdict"], "ok", "{answer}");
    assert_eq!(rows(&answer, "clock and SYSPRO")[0]["verdict"], "ok", "by e.net's own answers: {answer}");
    assert!(!answer.to_string().contains("enet-secret"));
    let counts = world.syspro.enet_stats().sessions;
    assert!(counts.open == 0 && counts.most_open == 1 && counts.leaked == 0 && counts.evicted == 0, "{counts:?}");
    assert_eq!(world.syspro.traffic("EDU1", "ApSupplier").requests, 0, "OData was asked");
}

#[test]
fn the_write_back_needs_the_sign_in_although_syspro_is_read_through_odata() {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    for (folder, name, text, more) in [
        ("entities", "cost_center", include_str!("../../../config/entities/cost_center.toml"), SETUP),
        ("profiles/apo", "cost_center", include_str!("../../../config/profiles/apo/cost_center.toml"), "\n[header.align]\n"),
    ] {
        let folder = world.site.path("definitions").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.toml")), format!("{text}\n{more}")).unwrap();
    }
    let examined = || {
        let mut command = command(&world, "odata");
        command.env("TIELINE__DEFINITIONS__DIRECTORY", world.site.path("definitions")).output().unwrap()
    };
    let answer = json(&examined(), 1);
    let row = rows(&answer, "e.net credential")[0];
    assert!(row["verdict"] == "failed" && row["found"].as_str().unwrap().contains("credential set syspro-enet"), "{row}");
    assert_eq!(rows(&answer, "SYSPRO EDU1 ApSupplier")[0]["verdict"], "ok", "OData is examined all the same: {answer}");
    let mut operator = world.command(&["credential", "set", "syspro-enet", "--username", "TIELINE", "--password-stdin"]);
    std::fs::write(world.site.path("enet"), "enet-secret").unwrap();
    assert!(operator.stdin(std::fs::File::open(world.site.path("enet")).unwrap()).output().unwrap().status.success());
    let answer = json(&examined(), 0);
    assert_eq!(rows(&answer, "e.net sign-in EDU1")[0]["verdict"], "ok", "{answer}");
    assert_eq!(rows(&answer, "certificate of e.net")[0]["verdict"], "ok", "{answer}");
    assert_eq!(world.syspro.enet_stats().sessions.open, 0);
}

#[test]
fn an_operator_that_another_uses_is_left_alone() {
    let world = world();
    let logons = || world.syspro.enet_stats().sessions.logons;
    json(&doctor(&world, "enet"), 0);
    let before = logons();
    let held = |open: &str| {
        world.database.psql(&format!(
            "INSERT INTO enet_session (operator, holder, lease_until, key_id, nonce, ciphertext) \
             VALUES ('TIELINE', 'node-7/019aa0f0-0000-7000-8000-000000000000', now() + interval '1 hour', {open}) \
             ON CONFLICT (operator) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until, \
             key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext"
        ));
        json(&doctor(&world, "enet"), 0)
    };
    let answer = held("'k', '\\x00', '\\x00'");
    let row = rows(&answer, "e.net sign-in")[0];
    assert!(row["verdict"] == "ok" && row["found"].as_str().unwrap().contains("in use by node `node-7`"), "{row}");
    assert_eq!(rows(&answer, "SYSPRO tables")[0]["verdict"], "unknown", "{answer}");
    let row = held("NULL, NULL, NULL");
    assert_eq!(rows(&row, "e.net sign-in")[0]["verdict"], "unknown", "{row}");
    assert_eq!(logons(), before, "the node was thrown out");
}

#[test]
fn a_wrong_password_is_tried_once_and_a_door_that_is_not_used_is_said_to_be() {
    let mut world = world();
    // OData's credential is missing: its tables are not asked for, e.net's sign-in is
    let answer = json(&doctor(&world, "odata"), 1);
    assert_eq!(rows(&answer, "e.net sign-in EDU1")[0]["verdict"], "ok", "{answer}");
    assert_eq!(rows(&answer, "SYSPRO credential")[0]["verdict"], "failed", "{answer}");
    let without = world.command(&["doctor", "--output", "json", "--read-only"]).output().unwrap();
    let answer = json(&without, 1);
    assert!(rows(&answer, "e.net")[0]["found"].as_str().unwrap().starts_with("not used"), "{answer}");

    world.credentials[0] = ("syspro-enet", "TIELINE".into(), "SENTINEL".into());
    world.set_credentials(&|arguments| world.command(arguments));
    let refused = || world.syspro.enet_stats().sessions.refused;
    let before = refused();
    let out = command(&world, "enet").env("TIELINE__SYSPRO__COMPANIES", "EDU1,1").output().unwrap();
    let answer = json(&out, 1);
    let row = rows(&answer, "e.net sign-in EDU1")[0];
    assert!(row["verdict"] == "failed" && row["found"].as_str().unwrap().contains("refused the password"), "{row}");
    assert!(!answer.to_string().contains("SENTINEL"));
    assert_eq!(refused() - before, 1, "an operator is locked by wrong passwords");
}
