//! What is missing on SYSPRO's side: each is named, with what SYSPRO's administrator does about it.

use serde_json::Value;
use tieline_sim::faults::{Fault, FaultRule};

use super::rows;
use crate::binary::{free_port, text};
use crate::support::world::{COMPANY, World};

/// The service's address in the simulator, as in SYSPRO.
const SERVICE: &str = "/SYSPRO8Odata/SYSPROOData";

fn odata() -> World {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

fn enet() -> World {
    let mut world = World::before();
    world.credentials[0] = ("syspro-enet", "TIELINE".into(), "enet-secret".into());
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

/// The exit code and the findings, with these settings.
fn examined(world: &World, settings: &[(&str, &str)]) -> (Option<i32>, Value) {
    let mut command = world.command(&["doctor", "--output", "json", "--read-only"]);
    for (key, value) in settings {
        command.env(format!("TIELINE__{key}"), value);
    }
    let out = command.output().unwrap();
    (out.status.code(), serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", text(&out))))
}

fn through_enet(world: &World, url: &str) -> (Option<i32>, Value) {
    examined(world, &[("SYSPRO__SOURCE", "enet"), ("SYSPRO__ENET_URL", url)])
}

fn is(answer: &Value, what: &str, verdict: &str, found: &str, to_do: &str) {
    let row = rows(answer, what).into_iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {answer}"));
    let has = |name: &str, words: &str| row[name].as_str().unwrap().contains(words);
    assert!(row["verdict"] == verdict && has("found", found) && has("to_do", to_do), "not {verdict}, `{found}`, `{to_do}`: {row}");
}

#[test]
fn a_table_that_the_service_does_not_show_is_named_with_and_without_metadata() {
    let world = odata();
    world.syspro.lack(&["ApSupplierAddr"]);
    let (code, answer) = examined(&world, &[]);
    assert_eq!(code, Some(1), "{answer}");
    let what = format!("SYSPRO {COMPANY} ApSupplierAddr");
    is(&answer, &what, "failed", "`$metadata` of the service does not name it either", "let the OData service show the table");
    is(&answer, &format!("SYSPRO {COMPANY} ApSupplier"), "ok", "readable", "");
    world.syspro.switch(|switches| switches.metadata = false);
    let (code, answer) = examined(&world, &[]);
    assert_eq!(code, Some(1), "{answer}");
    is(&answer, &what, "failed", "has no table `ApSupplierAddr`", "let the OData service show the table");
    assert!(!rows(&answer, &what)[0]["found"].as_str().unwrap().contains("metadata"), "{answer}");
}

#[test]
fn a_column_that_the_table_lacks_is_named() {
    let world = odata();
    let folder = world.site.path("definitions/entities");
    std::fs::create_dir_all(&folder).unwrap();
    let shipped = include_str!("../../../config/entities/gl_account.toml");
    std::fs::write(folder.join("gl_account.toml"), shipped.replacen("\"AltDescription\"", "\"AltDescription\", \"SiteColumn\"", 1))
        .unwrap();
    let directory = world.site.path("definitions");
    let (code, answer) = examined(&world, &[("DEFINITIONS__DIRECTORY", directory.to_str().unwrap())]);
    assert_eq!(code, Some(1), "{answer}");
    is(&answer, &format!("SYSPRO {COMPANY} GenMaster"), "failed", "lacks the columns SiteColumn", "list them under `optional`");
}

#[test]
fn a_right_that_the_operator_lacks_is_named_for_a_table_and_for_a_company() {
    let world = odata();
    world.syspro.faults.push(FaultRule::always(Fault::Status(403)).on_table("ApSupplierAddr"));
    let (code, answer) = examined(&world, &[]);
    assert_eq!(code, Some(1), "{answer}");
    let what = format!("SYSPRO {COMPANY} ApSupplierAddr");
    is(
        &answer,
        &what,
        "failed",
        "operator `TIELINE` may not read",
        "read `ApSupplierAddr` in the company's database; then restart the OData service",
    );
    is(&answer, &format!("SYSPRO {COMPANY} ApSupplier"), "ok", "readable", "");

    world.syspro.faults.clear();
    world.syspro.faults.push(FaultRule::always(Fault::Status(403)).on_path(&format!("{SERVICE}/{COMPANY}")));
    let (code, answer) = examined(&world, &[]);
    assert_eq!(code, Some(1), "{answer}");
    let found = format!("tables of company `{COMPANY}` (403)");
    is(&answer, &format!("SYSPRO {COMPANY} operator"), "failed", &found, "give the operator of `syspro-odata` this company");
    assert_eq!(rows(&answer, &format!("SYSPRO {COMPANY} ")).len(), 1, "said once, not for each table: {answer}");
}

#[test]
fn an_odata_service_that_is_not_there_is_named() {
    let world = odata();
    let url = format!("http://127.0.0.1:{}{SERVICE}", free_port());
    let (code, answer) = examined(&world, &[("SYSPRO__ODATA_URL", &url)]);
    assert_eq!(code, Some(5), "{answer}");
    let row = rows(&answer, &format!("SYSPRO {COMPANY} "))[0];
    assert!(row["verdict"] == "failed" && row["unreachable"] == true, "{row}");
    assert!(row["to_do"].as_str().unwrap().contains("(in IIS) answer at `syspro.odata_url`"), "{row}");
}

#[test]
fn used_up_seats_are_named() {
    let world = enet();
    world.syspro.switch(|switches| switches.enet.seats = Some(0));
    let (code, answer) = through_enet(&world, world.syspro.enet_url.as_str());
    assert_eq!(code, Some(1), "{answer}");
    let what = format!("e.net sign-in {COMPANY}");
    is(&answer, &what, "failed", "no e.net seat is free for operator `TIELINE`", "end idle sessions in the Users screen");
    is(&answer, "SYSPRO tables", "unknown", "no session is open", "e.net sign-in");
    // in words that Tieline does not know
    world.syspro.switch(|switches| switches.enet.texts.seats_taken = "ERROR: Alle Plätze sind belegt".into());
    let (_, answer) = through_enet(&world, world.syspro.enet_url.as_str());
    is(&answer, &what, "failed", "Alle Plätze sind belegt", "add its words to `syspro.enet_seat_texts`");
    // licences that an operator lacks
    world.syspro.switch(|switches| switches.enet.seats = None);
    world.syspro.enet_accounts(|accounts| accounts.licensed.retain(|object| object != "COMFND"));
    let (code, answer) = through_enet(&world, world.syspro.enet_url.as_str());
    assert_eq!(code, Some(1), "{answer}");
    is(&answer, &what, "ok", "signed in and signed off", "");
    let row = rows(&answer, &format!("SYSPRO {COMPANY} "))[0];
    assert!(row["verdict"] == "failed" && row["to_do"].as_str().unwrap().contains("license the functional area of `COMFND`"), "{row}");
    assert_eq!(world.syspro.enet_stats().sessions.open, 0);
}

#[test]
fn an_enet_service_that_is_not_there_is_named() {
    let world = enet();
    let what = format!("e.net sign-in {COMPANY}");
    let service = "the service `SYSPRO 8 e.net Communications Load Balancer` runs";
    let nobody = format!("http://127.0.0.1:{}/SYSPROWCFService/Rest", free_port());
    let (code, answer) = through_enet(&world, &nobody);
    assert_eq!(code, Some(5), "{answer}");
    is(&answer, &what, "failed", "e.net gave no answer", service);
    assert_eq!(rows(&answer, &what)[0]["unreachable"], true, "{answer}");
    // another server at this address
    let other = world.syspro.url.join("/somewhere/Rest").unwrap();
    let (code, answer) = through_enet(&world, other.as_str());
    assert_eq!(code, Some(1), "{answer}");
    is(&answer, &what, "failed", "with a page instead of data", service);
}
