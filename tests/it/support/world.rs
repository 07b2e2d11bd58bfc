//! Both simulators, a database, and the real binary between them, as at a site. Tests see only what the program does from outside.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use tieline::store::Store;
use tieline_sim::servicenow::schema::{Abort, BusinessRule};
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::SysproSim;

use super::database::{Database, settings};
use super::servers::Server;
use super::{Options, run, source};
use crate::binary::{Site, text};

pub const COMPANY: &str = "EDU1";

/// A due date that the ServiceNow simulator refuses.
pub const REFUSED_DATE: &str = "2033-03-03";

/// How long a scenario may take after a crash until no delivery is pending.
const REST: Duration = Duration::from_secs(90);

/// Where the Tieline database of a world runs.
pub enum Ledger {
    /// A database on the shared server of the tests.
    Shared(Database),
    /// A server of its own, which a test may damage.
    Own(Server),
}

impl Ledger {
    /// The connection URL for the program.
    pub fn url(&self) -> String {
        match self {
            Self::Shared(database) => database.url().expose_secret().to_owned(),
            Self::Own(server) => server.url(),
        }
    }

    /// Queries the Tieline database for something that no interface of the product shows. Columns are joined by `|`.
    pub fn psql(&self, sql: &str) -> String {
        match self {
            Self::Shared(database) => database.psql(sql),
            Self::Own(server) => server.psql(sql),
        }
    }
}

/// A site with one company, whose program runs as a process.
pub struct World {
    pub syspro: SysproSim,
    pub servicenow: ServiceNowSim,
    pub database: Ledger,
    pub site: Site,
    pub credentials: [(&'static str, String, String); 2],
}

impl World {
    /// A world in which every record is delivered.
    pub fn start() -> Self {
        Self::before().settled()
    }

    /// The same on a server of its own, which a test may damage.
    pub fn start_on(server: Server) -> Self {
        Self { database: Ledger::Own(server), ..Self::before() }.settled()
    }

    /// The same, once every record is delivered.
    pub fn settled(self) -> Self {
        self.set_credentials(&|arguments| self.command(arguments));
        self.rest(&["sync"]).unwrap();
        self.check().unwrap();
        self
    }

    /// A world in which nothing has run yet and no credentials are set.
    pub fn before() -> Self {
        Self::with(|_| {})
    }

    /// The same with these options of the ServiceNow simulator.
    pub fn with(change: impl FnOnce(&mut ServiceNowOptions)) -> Self {
        let options = Options::of_one_company(26);
        let database = Ledger::Shared(run(Database::migrated()));
        let syspro = SysproSim::start(options.syspro.clone()).unwrap();
        let mut instance = ServiceNowOptions::default();
        let refusal = BusinessRule {
            name: "Period is closed".into(),
            column: "u_due_date".into(),
            abort: Abort::Equals(REFUSED_DATE.into()),
            silent: false,
        };
        instance.table("x_apo_invoice").unwrap().rules.push(refusal);
        change(&mut instance);
        let credentials = [
            ("syspro-odata", options.syspro.username, options.syspro.password),
            ("servicenow", instance.client_id.clone(), instance.client_secret.clone()),
        ];
        let servicenow = ServiceNowSim::start(instance).unwrap();
        let site = Site::new(syspro.url.as_str(), servicenow.url().as_str(), "");
        Self { syspro, servicenow, database, site, credentials }
    }

    /// Sets both credentials, with the command that reaches the database.
    pub fn set_credentials(&self, command: &dyn Fn(&[&str]) -> Command) {
        for (name, user, password) in &self.credentials {
            let path = self.site.path("password");
            std::fs::write(&path, password).unwrap();
            let mut command = command(&["credential", "set", name, "--username", user, "--password-stdin"]);
            let out = command.stdin(std::fs::File::open(path).unwrap()).output().unwrap();
            assert!(out.status.success(), "{}", text(&out));
        }
    }

    /// The binary, on this database, with short timeouts.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_at(&self.site, arguments)
    }

    /// The same for another site.
    pub fn command_at(&self, site: &Site, arguments: &[&str]) -> Command {
        let mut command = site.command(arguments);
        command.env("TIELINE__DATABASE__URL", self.database.url()).env("TIELINE__SYSPRO__COMPANIES", COMPANY);
        for (key, value) in [
            ("SERVICENOW__BATCH_QUOTA_SECONDS", "1"),
            ("SERVICENOW__REQUEST_QUOTA_SECONDS", "1"),
            ("SERVICENOW__READ_DELAY_SECONDS", "0"),
            ("RETRY__MIN_DELAY_SECONDS", "1"),
            ("RETRY__MAX_DELAY_SECONDS", "1"),
            ("LOG__LEVEL", "warn"),
        ] {
            command.env(format!("TIELINE__{key}"), value);
        }
        command
    }

    /// Runs the command until no delivery is pending.
    pub fn rest(&self, arguments: &[&str]) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let out = self.command(arguments).output().unwrap();
            let left = self.left();
            match out.status.code() {
                Some(0 | 3) if left == "0" => return Ok(()),
                Some(0 | 3) if started.elapsed() < REST => {}
                _ => return Err(format!("exit {:?}, {left} on their way: {}", out.status, text(&out))),
            }
        }
    }

    /// The path of a table in SYSPRO's service, for fault rules.
    pub fn table_path(&self, table: &str) -> String {
        format!("{}/{COMPANY}/{table}", self.syspro.url.path().trim_end_matches('/'))
    }

    /// Deliveries that may still change state without a person.
    pub fn left(&self) -> String {
        self.database.psql("SELECT count(*) FROM undelivered WHERE state IN ('queued', 'sending', 'unknown')")
    }

    /// Runs a command before the scenario's own, without a crash.
    pub fn run(&self, arguments: &[&str]) {
        // unknown outcomes stay unknown until the next command
        let out = self.command(arguments).env("TIELINE__SERVICENOW__READ_DELAY_SECONDS", "3600").output().unwrap();
        assert!(matches!(out.status.code(), Some(0 | 3)), "{arguments:?}: {}", text(&out));
    }

    /// Asserts that every SYSPRO record is in ServiceNow once, with the right amounts, and that the Tieline database agrees.
    pub fn check(&self) -> Result<(), String> {
        self.check_in(&|sql| self.database.psql(sql))?;
        // and that nothing in it differs from what its audit says
        let store = Store::connect(&settings(), &self.database.url().into()).map_err(|error| error.to_string())?;
        let report = run(store.audit_verify()).map_err(|error| error.to_string())?;
        report.problem.map_or(Ok(()), |problem| Err(format!("the audit does not verify: {problem}")))
    }

    /// The same with another Tieline database.
    pub fn check_in(&self, psql: &dyn Fn(&str) -> String) -> Result<(), String> {
        let mut wrong = Vec::new();
        let mut same = |what: &str, is: String, should: String| {
            if is != should {
                wrong.push(format!("{what}: {is}, not {should}"));
            }
        };
        for (table, rows) in source::expected(&self.syspro, &[COMPANY]) {
            // records deleted in SYSPRO are marked, not deleted
            let gone = psql(&format!(
                "SELECT count(*) FROM record r JOIN document d ON d.id = r.document_id WHERE d.deleted AND r.target_table = '{table}'"
            ));
            let current = self.servicenow.count(table) - gone.parse::<usize>().unwrap();
            same(table, current.to_string(), rows.to_string());
            same(&format!("{table} doubled"), self.servicenow.duplicates(table, "u_source_key").to_string(), "0".into());
        }
        // amounts have the decimals of their currencies
        let sum = |amounts: Vec<Decimal>| amounts.into_iter().sum::<Decimal>().normalize().to_string();
        let text = |sums: BTreeMap<String, Decimal>| {
            sums.into_iter().map(|(currency, sum)| format!("{currency} {}", sum.normalize())).collect::<Vec<_>>().join(", ")
        };
        let (arrived, invoiced) = (source::invoices_arrived(&self.servicenow), source::invoiced(&self.syspro, &[COMPANY]));
        same("invoiced", text(arrived), text(invoiced));
        let lines = sum(source::distributions(&self.syspro, COMPANY));
        same("distributed", self.servicenow.sum("x_apo_invoice_line", "u_line_amount_invoiced").normalize().to_string(), lines);
        let posted = sum(source::postings(&self.syspro, COMPANY));
        same("posted", self.servicenow.sum("x_apo_gl_posting", "u_amount").normalize().to_string(), posted);
        same("pending", psql("SELECT count(*) FROM undelivered"), "0".into());
        same("intents", psql("SELECT count(*) FROM intent"), "0".into());
        let settled = "kind IN ('confirmed', 'partial_write', 'superseded') OR (kind = 'looked_up' AND detail LIKE '%sys_id%')";
        let told =
            format!("SELECT count(*) FROM delivery d WHERE NOT EXISTS (SELECT FROM audit a WHERE a.delivery_id = d.id AND ({settled}))");
        same("deliveries of which the audit does not say how they ended", psql(&told), "0".into());
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}
