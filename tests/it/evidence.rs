//! `tieline evidence` and the console's page: one file for an auditor, in which every list says what it is and can be checked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use chrono::{Days, Utc};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::binary::text;
use crate::support::world::World;

/// The files of a pack.
fn unpacked(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    names.iter().map(|name| (name.clone(), read(name))).collect()
}

#[test]
fn a_pack_has_every_list_of_the_period_and_each_can_be_checked() {
    let world = World::start();
    let out = world.command(&["tie-out", "--why", "month end"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let key = world.database.psql("SELECT key FROM document WHERE company = 'EDU1' AND entity = 'invoice' ORDER BY id LIMIT 1");
    let out = world.command(&["hold", "EDU1", "invoice", &key, "--why", "disputed by the supplier"]).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));

    let (today, file) = (Utc::now().date_naive(), world.site.directory.path().join("evidence.zip"));
    let (since, until) = (today.to_string(), today.checked_add_days(Days::new(1)).unwrap().to_string());
    let pack = |to: &Path| {
        let arguments = ["evidence", "--since", &since, "--until", &until, "--why", "the yearly audit", "--to", to.to_str().unwrap()];
        let mut command = world.command(&arguments);
        command.env("TIELINE__EVIDENCE__OWNERS", "Accounts Payable: the process").env("TIELINE__EVIDENCE__BACKUPS", "every night");
        command.output().unwrap()
    };
    let out = pack(&file);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let files = unpacked(&file);

    // every file has its checksum, and the index names it
    let sums = String::from_utf8(files["SHA256SUMS"].clone()).unwrap();
    let index = String::from_utf8(files["index.csv"].clone()).unwrap();
    for (name, bytes) in files.iter().filter(|(name, _)| !name.starts_with("SHA256SUMS")) {
        assert!(sums.contains(&format!("{}  {name}\n", hex::encode(Sha256::digest(bytes)))), "{name}: {sums}");
        assert!(name == "index.csv" || index.contains(&format!("\"{name}\"")), "{name}: {index}");
    }
    let lines = |name: &str| csv::Reader::from_reader(&files[name][..]).records().count();
    let content = |name: &str| String::from_utf8_lossy(&files[name]).into_owned();
    for name in ["README.txt", "interface.txt", "definitions.csv", "tie-out.xlsx", "tie-out.pdf", "partial_writes.csv", "operations.txt"] {
        assert!(files.contains_key(name), "{name}: {:?}", files.keys());
    }

    // the lists are those of the ledger
    let count = |sql: &str| world.database.psql(sql).parse::<usize>().unwrap();
    assert_eq!(lines("runs.csv"), count("SELECT count(*) FROM run"));
    assert!(index.contains(r#""runs.csv","every run: who asked, when, and what it read and delivered","the ledger""#), "{index}");
    assert_eq!(lines("access.csv"), count("SELECT count(*) FROM api_key"));
    let said = content("interventions.csv");
    for words in ["disputed by the supplier", "the yearly audit", "month end"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(content("duplicates.csv").contains("\"x_apo_invoice\""), "{}", content("duplicates.csv"));
    let file_of_set = files.keys().find(|name| name.starts_with("definitions/1/") && name.ends_with("invoice.toml"));
    assert!(file_of_set.is_some(), "{:?}", files.keys());
    let about = content("interface.txt");
    assert!(about.contains("EDU1/invoice: schedule `") && about.contains("servicenow"), "{about}");
    // what only the site can say, the rights of its accounts, and what the program consists of
    assert!(about.contains("Accounts Payable: the process"), "{about}");
    assert!(content("operations.txt").contains("every night"), "{}", content("operations.txt"));
    let rights = content("rights.csv");
    assert!(rights.contains("\"SYSPRO\"") && rights.contains("sn_apo_invoice"), "{rights}");
    let bill: serde_json::Value = serde_json::from_slice(&files["sbom.json"]).unwrap();
    assert!(bill["bomFormat"] == "CycloneDX" && bill["components"].as_array().unwrap().iter().any(|one| one["name"] == "actix"));
    // the audit in it can be checked without Tieline, and with it without a ledger
    let audit = world.site.directory.path().join("audit");
    std::fs::create_dir(&audit).unwrap();
    for (name, bytes) in files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix("audit/")?, bytes))) {
        std::fs::write(audit.join(name), bytes).unwrap();
    }
    for (program, arguments) in [("sh", vec!["verify.sh"]), (env!("CARGO_BIN_EXE_tieline"), vec!["audit", "verify", "."])] {
        let out = std::process::Command::new(program).args(arguments).current_dir(&audit).output().unwrap();
        assert!(out.status.success(), "{program}: {}", text(&out));
    }
    // and that this installation wrote it
    let signed = |sums: &[u8]| {
        let at = world.site.directory.path();
        std::fs::write(at.join("SHA256SUMS.sig"), &files["SHA256SUMS.sig"]).unwrap();
        std::fs::write(at.join("SHA256SUMS"), sums).unwrap();
        let mut command = std::process::Command::new("ssh-keygen");
        command.args(["-Y", "verify", "-f", "audit/allowed_signers", "-I", "tieline", "-n", "evidence@tieline", "-s", "SHA256SUMS.sig"]);
        command.current_dir(at).stdin(File::open(at.join("SHA256SUMS")).unwrap()).output().unwrap()
    };
    let out = signed(&files["SHA256SUMS"]);
    assert!(out.status.success(), "{}", text(&out));
    assert!(!signed(&[&files["SHA256SUMS"][..], b"x"].concat()).status.success(), "another list of checksums");
    let everything = files.values().flat_map(|bytes| String::from_utf8_lossy(bytes).into_owned().into_bytes()).collect::<Vec<_>>();
    let everything = String::from_utf8_lossy(&everything);
    for (name, _, secret) in &world.credentials {
        assert!(!everything.contains(secret.as_str()), "the secret of {name}");
    }

    // a file that exists is kept, and a pack that cannot be made leaves none
    let out = pack(&file);
    assert!(out.status.code() == Some(1) && text(&out).contains("does not exist yet"), "{}", text(&out));
    let out = world.command(&["evidence", "--since", &until, "--until", &since, "--to", "x.zip"]).output().unwrap();
    assert!(out.status.code() == Some(2) && text(&out).contains("must be later"), "{}", text(&out));
}

#[test]
fn a_forced_error_is_reported_like_any_other_and_ends_without_a_trace_in_servicenow() {
    let world = World::start();
    let writes = world.servicenow.writes();
    let force = |arguments: &[&str]| world.command(&[&["--output", "json", "doctor"], arguments].concat()).output().unwrap();
    assert_eq!(force(&["--force-error"]).status.code(), Some(2), "a reason is needed");
    let out = force(&["--force-error", "--why", "yearly test of the control"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let made: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let (entity, key) = (made[0]["entity"].as_str().unwrap().to_owned(), made[0]["key"].as_str().unwrap().to_owned());

    // it is a failure like any other, and says what it is
    let failures = world.command(&["--output", "json", "failures"]).output().unwrap();
    let said = text(&failures);
    assert!(said.contains(&key) && said.contains("yearly test of the control") && said.contains("--end-forced-error"), "{said}");
    assert_eq!(world.database.psql("SELECT count(*) FROM event WHERE kind = 'failed'"), "1");
    // runs go on, and it stays
    world.run(&["sync", "--entity", &entity]);
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "1");
    assert_eq!(world.servicenow.writes(), writes, "nothing is sent for it");

    let out = force(&["--end-forced-error", "--why", "the notice came after a minute"]);
    assert!(out.status.success() && text(&out).contains(&key), "{}", text(&out));
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "0");
    assert!(text(&force(&["--end-forced-error", "--why", "again"])).contains("[]"), "none is left");
    world.rest(&["sync", "--sweep"]).unwrap();
    assert_eq!(world.servicenow.writes(), writes);
    // both steps, and who took them, are in the audit
    let steps = world.database.psql(
        "SELECT string_agg(detail::json ->> 'action', ',' ORDER BY id) FROM audit WHERE kind = 'action' AND detail LIKE '%forced_error%'",
    );
    assert_eq!(steps, "forced_error,forced_error_ended");
}

#[test]
fn a_sweep_ends_a_forced_error_that_nobody_ended() {
    let world = World::start();
    let out = world.command(&["doctor", "--force-error", "--why", "test"]).output().unwrap();
    assert!(out.status.success() && text(&out).contains("fails now"), "{}", text(&out));
    world.rest(&["sync", "--sweep"]).unwrap();
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "0");
}
