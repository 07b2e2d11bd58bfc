//! `tieline support`: one file for somebody who helps, in which no record is, unless it was asked for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::binary::text;
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// The entries of a file.
fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let mut zip = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut read = |name: &str| {
        let mut content = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut content).unwrap();
        content
    };
    names.iter().map(|name| (name.clone(), read(name))).collect()
}

fn at(world: &World, name: &str) -> PathBuf {
    world.site.directory.path().join(name)
}

/// A site on which an invoice failed, and a flow whose last error quotes it; the invoice's key and the supplier's name.
fn site() -> (World, String, String) {
    let world = World::start();
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    let names =
        source::rows(&world.syspro, COMPANY, "ApSupplier", |c| (c("Supplier").text().to_owned(), c("SupplierName").text().to_owned()));
    let (supplier, invoice) = invoices.first().unwrap();
    let name = names.iter().find(|(number, _)| number == supplier).map(|(_, name)| name.clone()).unwrap();
    let of = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
    world.syspro.update(COMPANY, "ApInvoice", &of, &[("Currency", "X-9")]).unwrap();
    let out = world.command(&["sync", "--sweep", "--entity", "invoice"]).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", text(&out));
    let key = world.database.psql("SELECT d.key FROM pending p JOIN document d ON d.id = p.document_id WHERE p.state = 'failed' LIMIT 1");
    world.database.psql(&format!(
        "UPDATE flow SET last_error = '`ApInvoice`: row `{key}` of `{name}` has 99,123.45 in `DueDate`: status 500: {name}' WHERE entity = 'invoice'"
    ));
    (world, key, name)
}

#[test]
fn a_support_file_has_versions_settings_and_errors_and_no_record() {
    let (world, key, name) = site();
    let file = at(&world, "support.zip");
    let path = file.to_str().unwrap();
    let out = world
        .command(&["support", path, "--why", "it is slow"])
        .env("TIELINE__NOTICES__MAIL_FROM", "tieline@erp.example")
        .output()
        .unwrap();
    assert!(out.status.success() && text(&out).contains("It contains no record."), "{}", text(&out));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let files = unpacked(&file);

    let json = |name: &str| -> serde_json::Value { serde_json::from_str(&files[name]).unwrap_or_else(|error| panic!("{name}: {error}")) };
    let versions = json("versions.json");
    assert_eq!(versions["tieline"], env!("CARGO_PKG_VERSION"));
    assert!(versions["definitions_in_force"]["number"].is_i64() && versions["ledger_schema"]["newest"].is_string(), "{versions:#}");
    assert!(files["settings.csv"].contains("\"notices.mail_from\",\"tieline@erp.example\""), "{}", files["settings.csv"]);
    assert!(files.keys().any(|name| name.starts_with("definitions/") && name.ends_with("invoice.toml")), "{:?}", files.keys());
    let count = |sql: &str| world.database.psql(sql);
    assert_eq!(json("runs.json").as_array().unwrap().len().to_string(), count("SELECT count(*) FROM run"));
    let flows = json("flows.json");
    let flow = flows.as_array().unwrap().iter().find(|flow| flow["entity"] == "invoice").unwrap();
    assert_eq!(flow["last_error"], "`ApInvoice`: row … of … has … in `DueDate`: status 500…");
    assert_eq!(flow["failed"], 1);
    let numbers = json("numbers.json");
    let failed = numbers["not_delivered"].as_array().unwrap().iter().find(|count| count["state"] == "failed").unwrap();
    assert_eq!((&failed["entity"], &failed["reason"]), (&"invoice".into(), &"unmapped".into()), "{numbers:#}");

    // the name of no file is that of failures, and no file has a key or a name of a record, or a password
    assert!(!files.contains_key("failures.json"));
    let password = world.database.url();
    for (entry, content) in files.iter().filter(|(entry, _)| !entry.starts_with("definitions/")) {
        for secret in [key.as_str(), name.as_str(), "99,123.45", password.as_str()] {
            assert!(!content.contains(secret), "{entry} has {secret}: {content}");
        }
    }
    assert_eq!(count("SELECT detail::jsonb ->> 'why' FROM audit WHERE detail::jsonb ->> 'action' = 'support file'"), "it is slow");

    // nothing is overwritten
    let out = world.command(&["support", path]).output().unwrap();
    assert!(out.status.code() == Some(1) && text(&out).contains("does not exist yet"), "{}", text(&out));
    assert_eq!(unpacked(&file), files);
}

#[test]
fn records_are_in_it_where_they_are_asked_for() {
    let (world, key, name) = site();
    let file = at(&world, "records.zip");
    let out = world.command(&["support", file.to_str().unwrap(), "--records", "--output", "json"]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
    let files = unpacked(&file);
    let names: Vec<&str> = said["files"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert!(said["ledger"] == true && sorted.iter().copied().eq(files.keys().map(String::as_str)), "{said:#}");
    assert!(files["failures.json"].contains(&key) && files["flows.json"].contains(&name), "{}", files["failures.json"]);
    assert!(files["README.txt"].contains("--records"));
}

#[test]
fn without_the_ledger_the_file_says_why() {
    let world = World::start();
    let file = at(&world, "support.zip");
    let mut command = world.command(&["support", file.to_str().unwrap()]);
    let out = command.env("TIELINE__DATABASE__URL", "postgres://tieline:not-told@127.0.0.1:9/ledger").output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    let files = unpacked(&file);
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), ["README.txt", "ledger.txt", "settings.csv", "versions.json"]);
    assert!(files["ledger.txt"].contains("127.0.0.1"), "{}", files["ledger.txt"]);
    for content in files.values() {
        assert!(!content.contains("not-told"), "{content}");
    }
}
