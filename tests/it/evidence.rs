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
        world.command(&arguments).output().unwrap()
    };
    let out = pack(&file);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    let files = unpacked(&file);

    // every file has its checksum, and the index names it
    let sums = String::from_utf8(files["SHA256SUMS"].clone()).unwrap();
    let index = String::from_utf8(files["index.csv"].clone()).unwrap();
    for (name, bytes) in files.iter().filter(|(name, _)| *name != "SHA256SUMS") {
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
    assert!(
        index.contains(&format!("\"runs.csv\",\"every run: who asked, when, and what it read and delivered\",\"the ledger\"")),
        "{index}"
    );
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
