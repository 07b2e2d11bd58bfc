//! `tieline servicenow-app`: what it writes and refuses, and a load into an instance that has the built application.
//!
//! `tests/servicenow-app/PROFILE` holds what it writes for both profiles; `UPDATE_SERVICENOW_APP=1` writes it again.
//! `tests/servicenow-app/xml` holds the XML that ServiceNow's SDK built from `apo`; `make servicenow-app-check` builds it again and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rust_decimal::Decimal;
use serde_json::Value;
use tieline::definition::{self, Currencies, Definitions, extent::ExtentKind, plan::WriteMode};
use tieline::servicenow_app::compose::compose;
use tieline::servicenow_app::model::{Application, ColumnKind, Table};
use tieline::servicenow_app::names::{Names, record};
use tieline::servicenow_app::scope::Scope;
use tieline::servicenow_app::shipped::Shipped;

use crate::binary::text;
use crate::support::source;
use crate::support::world::{COMPANY, World};

pub const PROFILES: [&str; 2] = ["apo", "s2p"];
pub const SCOPE: &str = "x_acme_tieline";

/// The columns of both shipped profiles for company, entity and key, and for the version.
const OWN_COLUMNS: [&str; 2] = ["u_source_key", "u_source_version"];

pub fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servicenow-app").join(name)
}

pub fn generate(arguments: &[&str]) -> Output {
    let binary = std::env::var_os("TIELINE_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_tieline").into());
    Command::new(binary).arg("servicenow-app").args(arguments).output().unwrap()
}

/// The command for a profile, into a directory, successfully.
fn generated(profile: &str, directory: &Path) -> Output {
    let out = generate(&["--profile", profile, "--scope", SCOPE, "--output", directory.to_str().unwrap()]);
    assert!(out.status.success(), "{}", text(&out));
    out
}

/// The files of a directory by their paths.
pub fn files(directory: &Path) -> BTreeMap<String, String> {
    fn add(root: &Path, directory: &Path, into: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(root, &path, into);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                into.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    if directory.is_dir() {
        add(directory, directory, &mut found);
    }
    found
}

pub fn definitions(site: Option<&Path>, profile: &str) -> Definitions {
    let companies = BTreeMap::new();
    let inspected = definition::inspect(site, profile, &[], Currencies::Of(&companies));
    assert!(inspected.problems.is_empty(), "{:?}", inspected.problems);
    inspected.definitions
}

#[test]
fn what_is_written_is_stable_and_is_what_the_repository_holds() {
    for profile in PROFILES {
        let directory = tempfile::tempdir().unwrap();
        generated(profile, directory.path());
        let new = files(directory.path());
        let kept = committed(profile);
        if std::env::var_os("UPDATE_SERVICENOW_APP").is_some() {
            let _ = std::fs::remove_dir_all(&kept);
            for (path, text) in &new {
                let path = kept.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        }
        let old = files(&kept);
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&new), names(&old), "other files for {profile}: run the test once with UPDATE_SERVICENOW_APP=1");
        let differing: Vec<&String> = new.iter().filter(|(path, text)| old[*path] != **text).map(|(path, _)| path).collect();
        assert_eq!(differing, [] as [&String; 0], "changed for {profile}: run the test once with UPDATE_SERVICENOW_APP=1");
    }
}

/// The length of a text column; other kinds hold every value of theirs.
fn length(table: &Table, column: &str) -> usize {
    match table.column(column).unwrap_or_else(|| panic!("{} has no column {column}", table.name)).kind {
        ColumnKind::Text(length) => length,
        ColumnKind::Decimal(_) | ColumnKind::Whole | ColumnKind::Date | ColumnKind::Flag => usize::MAX,
    }
}

fn table<'a>(application: &'a Application, name: &str) -> &'a Table {
    application.table(name).unwrap_or_else(|| panic!("the application has no table {name}"))
}

/// What the application has for each block of the profile, seen without the code that decides it.
#[test]
fn every_field_has_a_column_long_enough_and_every_key_an_index() {
    let scope: Scope = SCOPE.parse().unwrap();
    for profile in PROFILES {
        let definitions = definitions(None, profile);
        for (names, prefix) in [(Names::Scoped(&scope), "x_acme_tieline_"), (Names::Global(&scope), "u_tieline_")] {
            let application = compose(&definitions, profile, names).unwrap().application;
            for plan in &definitions.plans {
                let has_header = plan.targets.iter().any(|target| target.child.is_none());
                for target in &plan.targets {
                    let shipped = Shipped::find(&target.table).filter(|shipped| shipped.map.is_some() || target.write == WriteMode::Table);
                    let record = record(plan.entity.as_str(), &target.block, has_header);
                    let written = match (shipped, target.write) {
                        (Some(shipped), _) => shipped.name.to_owned(),
                        (None, WriteMode::ImportSet) => format!("{prefix}{record}_imp"),
                        (None, WriteMode::Table) => format!("{prefix}{record}"),
                    };
                    let named = |column: &str| {
                        let short = column.strip_prefix("u_").unwrap_or(column);
                        match (shipped, names) {
                            (Some(_), Names::Scoped(_)) => format!("x_acme_tieline_{short}"),
                            _ => column.to_owned(),
                        }
                    };
                    let written = table(&application, &written);
                    for (column, least) in OWN_COLUMNS.into_iter().zip([120, 23]) {
                        assert!(length(written, &named(column)) >= least, "{}.{column}", written.name);
                    }
                    let key = named("u_source_key");
                    assert!(written.indexes.iter().any(|index| index.column == key), "{}.{key} has no index", written.name);
                    for field in &target.fields {
                        let extent = target.extent(field, &definitions.code_lists);
                        if shipped.is_some_and(|shipped| !shipped.lacks(&field.name)) {
                            assert!(written.column(&named(&field.name)).is_none(), "{} is ServiceNow's", field.name);
                            continue;
                        }
                        let held = length(written, &named(&field.name));
                        assert!(held >= extent.length, "{}.{} holds {held}, not {extent:?}", written.name, field.name);
                    }
                    if shipped.is_some() || target.write == WriteMode::Table {
                        continue;
                    }
                    // the map copies every column into one that holds it, and finds rows by the key alone
                    let kept = table(&application, &format!("{prefix}{record}"));
                    let map = application.maps.iter().find(|map| map.source == written.name).unwrap();
                    assert_eq!(map.target, kept.name);
                    let copied: BTreeSet<&str> = map.fields.iter().map(|field| field.column.as_str()).collect();
                    let sent: BTreeSet<&str> = OWN_COLUMNS.into_iter().chain(target.fields.iter().map(|f| f.name.as_str())).collect();
                    assert_eq!(copied, sent);
                    let coalescing: Vec<&str> = map.fields.iter().filter(|f| f.coalesce).map(|f| f.column.as_str()).collect();
                    assert_eq!(coalescing, ["u_source_key"]);
                    assert!(kept.indexes.iter().any(|index| index.column == "u_source_key" && index.unique));
                    for field in &target.fields {
                        let extent = target.extent(field, &definitions.code_lists);
                        let decimals = |kind| if let ExtentKind::Decimal(decimals) = kind { Some(decimals) } else { None };
                        match kept.column(&field.name).unwrap().kind {
                            ColumnKind::Text(length) => {
                                assert!(length >= extent.length && extent.kind == ExtentKind::Text, "{}", field.name)
                            }
                            ColumnKind::Decimal(kept) => assert_eq!(Some(kept), decimals(extent.kind), "{}", field.name),
                            ColumnKind::Whole => assert_eq!(extent.kind, ExtentKind::Whole),
                            ColumnKind::Date => assert_eq!(extent.kind, ExtentKind::Date),
                            ColumnKind::Flag => assert_eq!(extent.kind, ExtentKind::Flag),
                        }
                    }
                }
            }
            for table in &application.tables {
                let allowed = |name: &str| name.starts_with(prefix);
                assert!(table.is_own() == allowed(&table.name), "{}", table.name);
                assert!(
                    table.is_own()
                        || application
                            .table(&table.name)
                            .unwrap()
                            .columns
                            .iter()
                            .all(|column| { column.name.starts_with(if matches!(names, Names::Scoped(_)) { prefix } else { "u_" }) })
                );
                // REST reaches a table of the application only by a rule
                let ruled = application.rules.iter().any(|rule| rule.table == table.name && rule.column.is_none());
                assert_eq!(ruled, table.is_own(), "{}", table.name);
            }
        }
    }
}

#[test]
fn the_profiles_that_are_written_name_the_tables_of_the_application() {
    for profile in PROFILES {
        for (directory, prefix) in [("definitions", "x_acme_tieline_"), ("without-scope/definitions", "u_")] {
            let written = definitions(Some(&committed(profile).join(directory)), profile);
            let columns = std::fs::read_to_string(committed(profile).join("without-scope/columns.csv")).unwrap();
            for target in written.plans.iter().flat_map(|plan| &plan.targets) {
                let key = target.key_column.as_deref().unwrap();
                let is_shipped = Shipped::find(&target.table).is_some();
                assert!(is_shipped || target.table.starts_with(prefix), "{}", target.table);
                assert_eq!(key.starts_with("x_acme_tieline_"), is_shipped && prefix == "x_acme_tieline_", "{}.{key}", target.table);
                if prefix == "u_" {
                    assert!(columns.contains(&format!("\n{},{key},", target.table)), "{}.{key} is in no list", target.table);
                }
            }
            // everything but names is as shipped
            let shipped = definitions(None, profile);
            let counts = |of: &Definitions| {
                of.plans.iter().flat_map(|plan| &plan.targets).map(|target| (target.fields.len(), target.on_gone.len())).collect::<Vec<_>>()
            };
            assert_eq!(counts(&written), counts(&shipped));
        }
    }
}

/// What a shipped map fills is ServiceNow's. A column that no map fills would stay empty.
#[test]
fn a_column_behind_a_shipped_staging_table_is_filled_by_its_map() {
    let scope: Scope = SCOPE.parse().unwrap();
    let definitions = definitions(None, "s2p");
    for names in [Names::Scoped(&scope), Names::Global(&scope)] {
        let application = compose(&definitions, "s2p", names).unwrap().application;
        assert!(application.map_changes.len() > 5);
        for change in &application.map_changes {
            let filled: BTreeSet<&str> = change.fields.iter().map(|field| field.column.as_str()).collect();
            for name in [&change.source, &change.target] {
                let columns: BTreeSet<&str> = table(&application, name).columns.iter().map(|column| column.name.as_str()).collect();
                assert_eq!(columns, filled, "{name}");
            }
        }
    }
}

/// A definitions directory with a change of one file of the shipped profile `s2p`.
fn changed(directory: &Path, entity: &str, from: &str, to: &str) -> PathBuf {
    let site = directory.join("site");
    let shipped =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/profiles/s2p/{entity}.toml"))).unwrap();
    assert!(shipped.contains(from), "{entity} has no `{from}`");
    std::fs::create_dir_all(site.join("profiles/s2p")).unwrap();
    std::fs::write(site.join(format!("profiles/s2p/{entity}.toml")), shipped.replacen(from, to, 1)).unwrap();
    site
}

#[test]
fn a_target_table_that_tieline_does_not_know_gets_its_columns_or_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("app");
    let run = |site: &Path| {
        let arguments = ["--profile", "s2p", "--scope", SCOPE, "--output", output.to_str().unwrap()];
        generate(&[&arguments[..], &["--definitions", site.to_str().unwrap()]].concat())
    };
    let without = changed(directory.path(), "invoice", "target_table = \"sn_shop_invoice\"\n", "");
    let out = run(&without);
    assert!(out.status.code() == Some(4) && text(&out).contains("name `target_table` in the profile"), "{}", text(&out));
    assert!(!output.exists());

    let own = changed(directory.path(), "invoice", "target_table = \"sn_shop_invoice\"", "target_table = \"u_our_invoice\"");
    let out = run(&own);
    assert!(out.status.success(), "{}", text(&out));
    let written = files(&output);
    let table = &written["src/fluent/tables/u_our_invoice.now.ts"];
    for column in ["source_key", "source_version", "source_state"] {
        assert!(table.contains(&format!("x_acme_tieline_{column}: StringColumn(")), "{table}");
    }
    assert!(table.contains("augments: 'u_our_invoice'"), "{table}");
    assert!(written["STEPS.md"].contains("| `u_our_invoice` | your instance: Tieline does not know this table |"));
    assert!(written["STEPS.md"].contains("| `u_our_invoice` | read |"));
    assert!(written["without-scope/columns.csv"].contains("\nu_our_invoice,u_source_key,"));
    assert!(written["definitions/profiles/s2p/invoice.toml"].contains("target_table = \"u_our_invoice\""));
}

#[test]
fn a_wrong_request_is_refused_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("new");
    let output = empty.to_str().unwrap();
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let out = generate(arguments);
        assert!(out.status.code() == Some(code) && text(&out).contains(words), "{arguments:?}: {:?} {}", out.status, text(&out));
        assert!(!empty.exists(), "{arguments:?}");
    };
    for scope in ["tieline", "X_acme", "x_acme_tieline_finance", "x_acme-t", "global", "x_", "x__a"] {
        refused(&["--profile", "apo", "--scope", scope, "--output", output], 2, "such as `x_acme_tieline`");
    }
    refused(&["--profile", "apx", "--scope", SCOPE, "--output", output], 2, "there is no profile `apx`; there are `apo`, `s2p`");
    refused(&["--profile", "apo", "--scope", SCOPE], 2, "--output <DIR>");
    refused(&["--profile", "apo", "--output", output], 2, "--scope <SCOPE>");
    refused(&["--scope", SCOPE, "--output", output], 2, "--profile <PROFILE>");
    refused(&["--profile", "apo", "--scope", SCOPE, "--output", ""], 2, "--output");
    let absent = directory.path().join("absent");
    let own = ["--profile", "apo", "--scope", SCOPE, "--output", output, "--definitions", absent.to_str().unwrap()];
    refused(&own, 4, "there is no such directory");

    // a file, and a directory that somebody uses
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    refused(&["--profile", "apo", "--scope", SCOPE, "--output", file.to_str().unwrap()], 2, "is a file");
    let used = directory.path().join("used");
    std::fs::create_dir(&used).unwrap();
    std::fs::write(used.join("notes.txt"), "keep").unwrap();
    let stale = used.join("src/fluent/tables/x_acme_tieline_old.now.ts");
    let arguments = ["--profile", "apo", "--scope", SCOPE, "--output", used.to_str().unwrap()];
    refused(&arguments, 2, "has files, and `tieline servicenow-app` did not write them");
    assert_eq!(files(&used).len(), 1);
    std::fs::create_dir_all(stale.parent().unwrap()).unwrap();
    std::fs::write(&stale, "a table of a person").unwrap();
    let forced = generate(&[&arguments[..], &["--force"]].concat());
    assert!(forced.status.success(), "{}", text(&forced));
    let written = files(&used);
    assert!(stale.exists(), "the command did not write it");
    assert!(written["notes.txt"] == "keep" && written.contains_key("STEPS.md") && written.contains_key("package.json"));
}

#[test]
fn a_site_s_own_definitions_go_along() {
    let directory = tempfile::tempdir().unwrap();
    let site = directory.path().join("site");
    std::fs::create_dir_all(site.join("entities")).unwrap();
    std::fs::create_dir_all(site.join("profiles/apo")).unwrap();
    std::fs::write(site.join("entities/branch.toml"), "[root]\ntable = \"ApBranch\"\nkey = [\"Branch\"]\ncolumns = [\"Description\"]\n")
        .unwrap();
    let profile =
        "[header]\ntable = \"x_branch\"\nwrite = \"table\"\nkey_column = \"u_source_key\"\n[header.fields]\nu_name = \"Description\"\n";
    std::fs::write(site.join("profiles/apo/branch.toml"), profile).unwrap();
    let output = directory.path().join("app");
    let arguments = ["--profile", "apo", "--scope", SCOPE, "--definitions", site.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let out = generate(&arguments);
    assert!(out.status.success(), "{}", text(&out));
    let written = files(&output);
    assert!(written["src/fluent/tables/x_acme_tieline_branch.now.ts"].contains("u_name: StringColumn({ label: 'Name', maxLength: 255 })"));
    assert_eq!(written["definitions/entities/branch.toml"], std::fs::read_to_string(site.join("entities/branch.toml")).unwrap());
    assert!(written["definitions/profiles/apo/branch.toml"].contains("table = \"x_acme_tieline_branch\""));
    assert!(!written.contains_key("definitions/entities/invoice.toml"), "a shipped file needs no copy");
}

/// A world whose instance has the built application, and whose service has the definitions that go with it.
fn world() -> World {
    let world = World::with(|instance| {
        instance.dictionary = true;
        instance.load_application(&committed("xml")).unwrap();
    });
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

pub fn command(world: &World, arguments: &[&str]) -> Output {
    let mut command = world.command(arguments);
    command.env("TIELINE__DEFINITIONS__DIRECTORY", committed("apo/definitions")).output().unwrap()
}

#[test]
fn a_load_into_the_built_application_arrives_whole() {
    let world = world();
    let examined = command(&world, &["doctor", "--output", "json"]);
    let found: Value = serde_json::from_slice(&examined.stdout).unwrap_or_else(|_| panic!("{}", text(&examined)));
    let of =
        |what: &str| found.as_array().unwrap().iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {found}")).clone();
    for record in ["supplier", "invoice", "invoice_line", "gl_posting"] {
        let maps = of(&format!("ServiceNow transform map of x_acme_tieline_{record}_imp"));
        let said = maps["found"].as_str().unwrap();
        assert!(maps["verdict"] == "ok" && said.contains("with the case of letters") && said.contains("copies empty fields"), "{maps}");
        let lengths = of(&format!("ServiceNow lengths of x_acme_tieline_{record}_imp"));
        assert_eq!(lengths["verdict"], "ok", "{lengths}");
        assert_eq!(of(&format!("ServiceNow x_acme_tieline_{record}_imp"))["verdict"], "ok");
    }
    for table in ["cmn_cost_center", "itfm_gl_accounts", "proc_po", "proc_po_item"] {
        assert_eq!(of(&format!("ServiceNow {table}"))["verdict"], "ok", "{found}");
    }

    let loaded = command(&world, &["sync"]);
    assert_eq!(loaded.status.code(), Some(0), "{}", text(&loaded));
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "0");
    for (shipped, rows) in source::expected(&world.syspro, &[COMPANY]) {
        let (table, key) = match shipped.strip_prefix("x_apo_") {
            Some(record) => (format!("x_acme_tieline_{record}"), "u_source_key"),
            None => (shipped.to_owned(), "x_acme_tieline_source_key"),
        };
        assert_eq!((world.servicenow.count(&table), world.servicenow.duplicates(&table, key)), (rows, 0), "{table}");
    }
    let sum = |amounts: Vec<Decimal>| amounts.into_iter().sum::<Decimal>().normalize();
    let arrived = |table: &str, column: &str| world.servicenow.sum(table, column).normalize();
    assert_eq!(arrived("x_acme_tieline_invoice_line", "u_line_amount_invoiced"), sum(source::distributions(&world.syspro, COMPANY)));
    assert_eq!(arrived("x_acme_tieline_gl_posting", "u_amount"), sum(source::postings(&world.syspro, COMPANY)));
    let one = &world.servicenow.rows("x_acme_tieline_invoice")[0];
    assert!(one["u_invoice_date"].len() == 10 && one["u_source_key"].starts_with("EDU1/invoice/"), "{one:?}");
    // both systems tie out in these tables
    let tied = command(&world, &["tie-out", "--output", "json"]);
    assert_eq!(tied.status.code(), Some(0), "{}", text(&tied));
}
