//! The drill: a backup at some moment, changes and errors after it, a restore of the backup, and further work. In the end both systems
//! agree value by value, nothing is doubled or stale, and nothing counts as delivered that is missing.
//!
//! A few moments in every test run; twenty with `make drill`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{Days, Utc};
use secrecy::ExposeSecret;
use tieline_sim::faults::{Fault, FaultPlan, FaultRule};
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};

use super::{run_to, server, world};
use crate::binary::{Site, text};
use crate::support::database::Database;
use crate::support::servers::Server;
use crate::support::world::{COMPANY, Ledger, World};
use crate::support::{run, source};

/// What ServiceNow does to a share of the requests.
const TROUBLE: &[Fault] =
    &[Fault::Status(502), Fault::StatusAfterCommit(500), Fault::Drop, Fault::DropAfterCommit, Fault::CutBody, Fault::BrokenJsonAfterCommit];

/// What the writing columns are called that say nothing of a record's content.
const OWN: &[&str] =
    &["sys_id", "sys_created_on", "sys_updated_on", "sys_mod_count", "sys_updated_by", "sys_created_by", "u_source_version"];

struct Drill {
    world: World,
    random: fastrand::Rng,
    seed: u64,
    made: u32,
    /// Suppliers made by the drill that may be deleted: nothing refers to them.
    loose: Vec<String>,
    /// What was changed and is changed back later: (table, key, column, value before).
    changed: Vec<(&'static str, Vec<(&'static str, String)>, &'static str, String)>,
}

impl Drill {
    fn new(seed: u64) -> Self {
        let world = world();
        Self { world, random: fastrand::Rng::with_seed(seed), seed, made: 0, loose: Vec::new(), changed: Vec::new() }
    }

    /// The binary, for which a lost answer costs little time.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        for limit in ["REQUEST_TIMEOUT_SECONDS", "BODY_TIMEOUT_SECONDS"] {
            command.env(format!("TIELINE__SERVICENOW__{limit}"), "3");
        }
        command
    }

    fn one(&mut self, of: &[Vec<String>]) -> Vec<String> {
        of[self.random.usize(0..of.len())].clone()
    }

    /// Something happens in SYSPRO.
    fn business(&mut self) {
        self.made += 1;
        match self.random.u8(0..7) {
            0 => drop(self.world.syspro.tick(self.random.u32(1..4)).unwrap()),
            1 => self.edit("ApSupplier", &["Supplier"], "SupplierName"),
            2 => self.edit("GenMaster", &["Company", "GlCode"], "Description"),
            3 => self.edit("ApInvoice", &["Supplier", "Invoice"], "DueDate"),
            4 => self.supplier(),
            5 => self.edit_back(),
            _ => self.delete(),
        }
    }

    fn edit(&mut self, table: &'static str, key: &[&'static str], column: &'static str) {
        let rows = source::rows(&self.world.syspro, COMPANY, table, |c| {
            key.iter().chain([&column]).map(|name| c(name).text().trim_end().to_owned()).collect::<Vec<_>>()
        });
        let row = self.one(&rows);
        let key: Vec<(&'static str, String)> = key.iter().copied().zip(row[..key.len()].iter().cloned()).collect();
        let value = match column {
            "DueDate" => Utc::now().date_naive().checked_add_days(Days::new(self.random.u64(1..300))).unwrap().to_string(),
            _ => format!("Edited {}", self.made),
        };
        let before = source::rows(&self.world.syspro, COMPANY, table, |c| {
            key.iter().all(|(name, value)| c(name).text().trim_end() == value.as_str()).then(|| match column {
                "DueDate" => c(column).date().map(|date| date.to_string()).unwrap_or_default(),
                _ => c(column).text().trim_end().to_owned(),
            })
        });
        let before = before.into_iter().flatten().next().unwrap_or_default();
        self.set(table, &key, column, &value);
        self.changed.push((table, key, column, before));
    }

    fn set(&self, table: &str, key: &[(&'static str, String)], column: &str, value: &str) {
        let key: Vec<(&str, &str)> = key.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // a supplier may have been deleted since
        let _ = self.world.syspro.update(COMPANY, table, &key, &[(column, value)]);
    }

    /// What was edited reads as it did before.
    fn edit_back(&mut self) {
        if let Some((table, key, column, before)) = self.changed.pop().filter(|(.., before)| !before.is_empty()) {
            self.set(table, &key, column, &before);
        }
    }

    fn supplier(&mut self) {
        let name = format!("DRILL{}", self.made);
        let row = [("Supplier", name.as_str()), ("SupplierName", "Made by the drill"), ("Currency", "R")];
        self.world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
        self.loose.push(name);
    }

    fn delete(&mut self) {
        if !self.loose.is_empty() {
            let name = self.loose.swap_remove(self.random.usize(0..self.loose.len()));
            self.world.syspro.delete(COMPANY, "ApSupplier", &[("Supplier", &name)]).unwrap();
        }
    }

    fn trouble(&mut self) {
        let mut rules = Vec::new();
        for _ in 0..self.random.usize(0..3) {
            let fault = TROUBLE[self.random.usize(0..TROUBLE.len())].clone();
            rules.push(FaultRule::always(fault).rate(0.1).on_path("/api/now"));
        }
        self.world.servicenow.set_faults(&FaultPlan { seed: self.random.u64(..), rules });
    }

    /// A cycle, killed now and then, with a backup in the middle of it where one is wanted.
    fn run_set(&mut self, backup: bool) {
        let arguments: &[&str] = if self.random.bool() { &["sync", "--sweep"] } else { &["sync"] };
        let mut child = self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if backup || self.random.u8(0..3) == 0 {
            // which moment of the cycle that is, is the machine's affair
            std::thread::sleep(Duration::from_millis(self.random.u64(200..4_000)));
            if backup {
                server(&self.world).dump(&self.world.site.path("ledger.dump"));
            } else {
                let _ = child.kill();
            }
        }
        child.wait().unwrap();
    }

    /// The backup takes the ledger's place, in another cluster or in the same.
    fn restore(&mut self) {
        let backup = self.world.site.path("ledger.dump");
        if self.random.bool() {
            self.world.database = Ledger::Own(Server::primary(false));
        } else {
            server(&self.world).empty_database();
        }
        server(&self.world).load(&backup);
    }

    /// Without the comparison nothing runs; with it, killed now and then and through trouble, everything.
    fn compare(&mut self) {
        let said = run_to(&self.world, 4, &["sync"]).1;
        assert!(said.contains("the ledger was restored") && said.contains("`tieline restored`"), "{said}");
        for _ in 0..30 {
            let mut child = self.command(&["restored"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            if self.random.u8(0..3) == 0 {
                std::thread::sleep(Duration::from_millis(self.random.u64(100..2_000)));
                let _ = child.kill();
            }
            let out = child.wait_with_output().unwrap();
            match out.status.code() {
                Some(0) => {
                    println!("drill {}: {}", self.seed, String::from_utf8_lossy(&out.stdout));
                    return;
                }
                // killed, or ServiceNow did not answer
                None | Some(5) => {}
                other => panic!("drill {}: restored ended with {other:?}: {}", self.seed, text(&out)),
            }
            if self.random.bool() {
                self.world.servicenow.clear_faults();
            }
        }
        panic!("drill {}: the comparison never came to its end", self.seed);
    }

    fn play(mut self) {
        for _ in 0..self.random.u32(0..3) {
            self.business();
            self.trouble();
            self.run_set(false);
        }
        for _ in 0..self.random.u32(1..4) {
            self.business();
        }
        self.trouble();
        self.run_set(true);
        for _ in 0..self.random.u32(1..4) {
            for _ in 0..self.random.u32(1..5) {
                self.business();
            }
            self.trouble();
            self.run_set(false);
        }
        if self.random.bool() {
            self.edit_back();
        }
        self.restore();
        self.trouble();
        self.compare();
        for _ in 0..self.random.u32(0..2) {
            self.business();
            self.trouble();
            self.run_set(false);
        }
        self.world.servicenow.clear_faults();
        for command in [&["sync"][..], &["sync", "--sweep"]] {
            self.world.rest(command).unwrap_or_else(|why| panic!("drill {}: {why}", self.seed));
        }
        self.end();
    }

    fn end(self) {
        let Self { world, seed, .. } = self;
        world.check().unwrap_or_else(|why| panic!("drill {seed}: {why}"));
        nothing_is_stale(&world, seed);
        nothing_is_confirmed_wrongly(&world, seed);
        run_to(&world, 0, &["audit", "verify"]);
        println!("drill {seed}: both sides agree value by value");
    }
}

/// Every row of a first load into an empty instance is in ServiceNow with the same values; all other rows there are marked.
fn nothing_is_stale(world: &World, seed: u64) {
    let options = ServiceNowOptions::default();
    let fresh = ServiceNowSim::start(options).unwrap();
    let site = Site::new(world.syspro.url.as_str(), fresh.url().as_str(), "[retry]\nmin_delay_seconds = 1\n");
    let database = run(Database::migrated());
    let command = |arguments: &[&str]| {
        let mut command = world.command_at(&site, arguments);
        command.env("TIELINE__DATABASE__URL", database.url().expose_secret());
        command
    };
    world.set_credentials(&command);
    let out = command(&["sync"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "drill {seed}: a first load: {}", text(&out));
    for (table, _) in source::expected(&world.syspro, &[COMPANY]) {
        let by_key = |servicenow: &ServiceNowSim| -> BTreeMap<String, BTreeMap<String, String>> {
            servicenow.rows(table).into_iter().map(|row| (row["u_source_key"].clone(), row)).collect()
        };
        let (is, should) = (by_key(&world.servicenow), by_key(&fresh));
        for (key, row) in &should {
            let there = is.get(key).unwrap_or_else(|| panic!("drill {seed}: {table} has no `{key}`"));
            for (column, value) in row.iter().filter(|(column, _)| !OWN.contains(&column.as_str()) && !is_id(&row[*column])) {
                assert_eq!(there.get(column), Some(value), "drill {seed}: `{column}` of `{key}` in {table}");
            }
        }
        if table == "x_apo_supplier" {
            for (key, row) in is.iter().filter(|(key, _)| !should.contains_key(*key)) {
                assert_eq!(row.get("u_active").map(String::as_str), Some("false"), "drill {seed}: `{key}` is no longer in SYSPRO");
            }
        }
    }
    fresh.stop();
}

/// A reference: rows of import sets get other ids in another instance.
fn is_id(value: &str) -> bool {
    value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What the ledger counts as delivered is there: the row has the number and the content hash of the confirmed delivery.
fn nothing_is_confirmed_wrongly(world: &World, seed: u64) {
    let confirmed = world.database.psql(
        "SELECT r.target_table, r.sys_id, r.version || '-' || left(encode(l.payload_hash, 'hex'), 12) FROM record r JOIN delivery l ON l.id = r.delivery_id",
    );
    let mut seen = 0;
    for line in confirmed.lines() {
        let [table, sys_id, version] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let row = world.servicenow.find(table, "sys_id", sys_id).unwrap_or_else(|| {
            let whose = world.database.psql(&format!(
                "SELECT d.id, d.key, d.version, d.deleted, r.block, r.record_key, r.version, r.delivery_id FROM record r JOIN document d ON d.id = r.document_id WHERE r.sys_id = '{sys_id}'"
            ));
            let audit = world.database.psql(&format!(
                "SELECT a.id, a.kind, a.version, a.delivery_id, a.detail FROM audit a JOIN record r ON r.document_id = a.document_id WHERE r.sys_id = '{sys_id}' ORDER BY a.id"
            ));
            let rows: Vec<_> = world.servicenow.rows(table).into_iter().map(|row| (row["sys_id"].clone(), row["u_source_key"].clone(), row["u_source_version"].clone())).collect();
            panic!("drill {seed}: {line} is not there: {whose} {audit} {rows:#?}")
        });
        assert_eq!(row["u_source_version"], version, "drill {seed}: {line}");
        seen += 1;
    }
    assert_eq!(world.database.psql("SELECT count(*) FROM record"), seen.to_string(), "drill {seed}: each by a delivery that is known");
}

#[test]
fn after_a_restore_both_sides_agree_value_by_value() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("TIELINE_DRILL_SEED") {
        return Drill::new(seed).play();
    }
    let count = number("TIELINE_DRILLS").unwrap_or(2);
    for seed in 1..=count {
        println!("drill {seed}: TIELINE_DRILL_SEED={seed} plays it again");
        Drill::new(seed).play();
    }
}
