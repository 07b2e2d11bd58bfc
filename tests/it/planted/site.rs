//! The site: an ordinary manufacturer with a year of invoices in three currencies, and an instance that cuts long references, checks
//! invoices after their delivery, refuses one due date and hides confidential suppliers.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tieline_sim::dataset::{Companies, DatasetOptions};
use tieline_sim::servicenow::schema::{Abort, BusinessRule, ColumnKind};
use tieline_sim::servicenow::{SecondStage, ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::SysproSim;

use super::books::HIDDEN;
use crate::binary::{Site as Directory, text};
use crate::support::database::Database;
use crate::support::world::{Ledger, REFUSED_DATE, World};
use crate::support::{Options, run};

/// The tax code of the invoices whose code list changes after their delivery.
pub const OTHER_TAX: &str = "Q7";
/// The characters of a reference that the instance keeps.
pub const KEPT: usize = 20;

pub struct Site {
    pub world: World,
    /// How long a load may take.
    limit: Duration,
}

impl Site {
    pub fn start(documents: u32, seed: u64, limit: Duration) -> Self {
        let mut options = Options::of_one_company(documents);
        options.syspro.dataset = DatasetOptions { documents, seed, companies: Companies::Apart, ..DatasetOptions::default() };
        let mut instance =
            ServiceNowOptions { second_stages: vec![SecondStage::of_invoices("sn_apo_invoice")], ..ServiceNowOptions::default() };
        instance.table("sn_apo_invoice").unwrap().set_column("u_reference", ColumnKind::Text(KEPT));
        instance.table("x_apo_supplier").unwrap().hidden = Some((HIDDEN.0.into(), HIDDEN.1.into()));
        instance.table("x_apo_invoice").unwrap().rules.push(BusinessRule {
            name: "Period is closed".into(),
            column: "u_due_date".into(),
            abort: Abort::Equals(REFUSED_DATE.into()),
            silent: false,
        });
        let credentials = [
            ("syspro-odata", options.syspro.username.clone(), options.syspro.password.clone()),
            ("servicenow", instance.client_id.clone(), instance.client_secret.clone()),
        ];
        let syspro = SysproSim::start(options.syspro).unwrap();
        let servicenow = ServiceNowSim::start(instance).unwrap();
        let site = Directory::new(syspro.url.as_str(), servicenow.url().as_str(), "");
        let database = Ledger::Shared(run(Database::migrated()));
        let own = Self { world: World { syspro, servicenow, database, site, credentials }, limit };
        own.define();
        own.world.set_credentials(&|arguments| own.command(arguments));
        own
    }

    fn file(&self, name: &str) -> PathBuf {
        let file = self.world.site.path("definitions").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        file
    }

    /// The site's definitions: a field that is not kept is recorded, and invoices are checked again after their delivery, but only when the
    /// test says so.
    fn define(&self) {
        let shipped = include_str!("../../../config/profiles/apo/invoice.toml");
        let own = shipped.replacen(
            "key_column = \"u_source_key\"\n",
            "key_column = \"u_source_key\"\ntarget_table = \"x_apo_invoice\"\npartial_write = \"record\"\n",
            1,
        );
        assert_ne!(own, shipped);
        let watch =
            "[header.watch]\nfirst_minutes = 1440\ncolumn = \"u_state\"\ndone = [\"paid\"]\nfailed = [\"rejected\"]\nmessage = \"u_error\"";
        std::fs::write(self.file("profiles/apo/invoice.toml"), format!("{own}\n{watch}\n")).unwrap();
        self.list(OTHER_TAX);
    }

    /// The code list's word for the tax code.
    pub fn list(&self, word: &str) {
        let list = format!("otherwise = \"same\"\n[codes]\n\"{OTHER_TAX}\" = \"{word}\"\n");
        std::fs::write(self.file("lookups/tax_code.toml"), list).unwrap();
    }

    /// The binary with the site's definitions.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        command.env("TIELINE__DEFINITIONS__DIRECTORY", self.world.site.path("definitions"));
        command
    }

    /// Runs a command that ends with this code.
    pub fn run(&self, arguments: &[&str], codes: &[i32]) {
        let out = self.command(arguments).output().unwrap();
        assert!(out.status.code().is_some_and(|code| codes.contains(&code)), "{arguments:?}: {} {}", out.status, text(&out));
    }

    /// Runs a command until nothing is on its way.
    pub fn rest(&self, arguments: &[&str]) {
        let started = Instant::now();
        loop {
            self.run(arguments, &[0, 3]);
            let left = self.world.left();
            if left == "0" {
                return;
            }
            assert!(started.elapsed() < self.limit, "{left} are still on their way");
        }
    }

    /// The number of invoices with a part in this state.
    pub fn undelivered(&self, state: &str) -> usize {
        let sql = format!("SELECT count(DISTINCT document_id) FROM undelivered WHERE entity = 'invoice' AND state = '{state}'");
        self.world.database.psql(&sql).parse().unwrap()
    }
}
