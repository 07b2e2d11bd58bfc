//! Random errors: both systems misbehave, the program is killed, its database is restarted or killed, its connections are cut, and data
//! change in the meantime. The result is always the same: everything once, with the correct amounts.
//!
//! A seed decides what happens; the machine's speed decides the exact moments. `make soak SEEDS=n` runs many, a test run a few.

use std::fs::File;
use std::process::{Child, Stdio};
use std::time::Duration;

use chrono::{Days, Utc};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tieline_sim::faults::{Fault, FaultPlan, FaultRule};

use crate::support::node::{Node, wait_for};
use crate::support::servers::{End, Server};
use crate::support::world::{COMPANY, Ledger, World};

/// Steps of a run, each with changes in SYSPRO, trouble, and a life of the program that may end badly.
const STEPS: u32 = 6;

/// Everything that ServiceNow can do to a request.
const SERVICENOW: &[Fault] = &[
    Fault::Status(502),
    Fault::Status(429),
    Fault::RetryAfter(1),
    Fault::RetryAfterCommit(1),
    Fault::StatusAfterCommit(500),
    Fault::HangAfterCommit,
    Fault::CutBody,
    Fault::BrokenJsonAfterCommit,
    Fault::Slow(3_000),
    Fault::Drop,
    Fault::DropAfterCommit,
];

/// What it can do besides, by name.
const NAMED: &[&str] = &[
    "revoke_tokens",
    "hibernation",
    "error_in_200",
    "error_in_200_after_commit",
    "operation_failed_after_commit",
    "cancelled_after_commit",
    "broken_result_after_commit",
    "twice",
];

/// Everything that SYSPRO can do to a question.
const SYSPRO: &[Fault] = &[Fault::Status(502), Fault::Status(404), Fault::HtmlPage200, Fault::CutBody, Fault::Drop, Fault::Slow(3_000)];

/// The share of requests that a fault strikes.
const RATES: &[f64] = &[0.02, 0.05, 0.1, 0.2];

/// Rows of a page and records of a batch; small ones let much happen between two of them.
const SIZES: &[&str] = &["3", "10", "50"];

struct Soak {
    world: World,
    random: fastrand::Rng,
    seed: u64,
    /// The service, as one of the steps runs it.
    node: Node,
    key: String,
    /// Invoices whose supplier is still to come.
    orphans: Vec<String>,
    made: u32,
}

impl Soak {
    fn new(seed: u64) -> Self {
        let world = World::start_on(Server::primary(false));
        let node = Node::new(&world);
        let key = node.key(&world);
        Self { world, random: fastrand::Rng::with_seed(seed), seed, node, key, orphans: Vec::new(), made: 0 }
    }

    fn step(&mut self, step: u32) {
        for _ in 0..self.random.u32(1..4) {
            self.business();
        }
        self.trouble();
        let end = if self.random.u8(0..3) == 0 { self.service() } else { self.run_set() };
        println!("soak {}: step {step}: {end}", self.seed);
        // what was on its way when the process died may still strike: the next step continues with the trouble
    }

    /// One cycle of everything, or what the trouble leaves of it.
    fn run_set(&mut self) -> String {
        let mut command = self.world.command(if self.random.u8(0..4) == 0 { &["sync", "--sweep"] } else { &["sync"] });
        for (key, value) in self.settings() {
            command.env(format!("TIELINE__{key}"), value);
        }
        let log = self.world.site.path("sync.log");
        let mut child = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        self.moments(&mut child);
        let said = format!("sync: {}", child.wait().unwrap());
        print!("{}", std::fs::read_to_string(log).unwrap());
        said
    }

    /// Runs the service for a while, with runs requested; it is stopped, or dies.
    fn service(&mut self) -> String {
        self.node.settings.truncate(1);
        let settings = self.settings().map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.node.settings.extend(settings);
        self.node.start_and_wait(&self.world);
        self.node.run_all(&self.key);
        let mut life = self.node.service.take().unwrap();
        self.moments(&mut life.child);
        self.node.service = Some(life);
        self.node.run_all(&self.key);
        let mut life = self.node.service.take().unwrap();
        self.moments(&mut life.child);
        if self.random.bool() {
            drop(life.child.kill());
        }
        format!("service: ended with {:?}", life.terminate())
    }

    /// Short limits, and pages of some size.
    fn settings(&mut self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let limits = [
            ("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "2"),
            ("SERVICENOW__BODY_TIMEOUT_SECONDS", "2"),
            ("SYSPRO__REQUEST_TIMEOUT_SECONDS", "2"),
            ("SYSPRO__BODY_TIMEOUT_SECONDS", "2"),
        ];
        let mut size = || SIZES[self.random.usize(0..SIZES.len())];
        let pages = [("SYSPRO__PAGE_SIZE", size()), ("SERVICENOW__BATCH_SIZE", size())];
        limits.into_iter().chain(pages)
    }

    /// A few moments of the program's life, in each of which something happens.
    fn moments(&mut self, child: &mut Child) {
        for _ in 0..self.random.u32(0..3) {
            // when exactly is the machine's affair, that it is in the middle of work is what counts
            std::thread::sleep(Duration::from_millis(self.random.u64(50..1_500)));
            match self.random.u8(0..6) {
                0 => self.cut_connections(),
                1 => self.business(),
                2 => drop(child.kill()),
                3 => self.restart_database(),
                4 => self.stand_still(child),
                _ => self.world.servicenow.revoke_tokens(),
            }
        }
    }

    /// Something happens in SYSPRO.
    fn business(&mut self) {
        self.made += 1;
        let n = self.made;
        let syspro = &self.world.syspro;
        match self.random.u8(0..5) {
            // invoices of today, payments, silent edits, a supplier more and one less
            0 | 1 => drop(syspro.tick(self.random.u32(1..6)).unwrap()),
            2 => {
                let days_ago = self.random.u64(1..60);
                self.invoice(&format!("B{n}"), "042", days_ago);
            }
            3 => {
                let supplier = format!("LATE{n}");
                self.invoice(&format!("O{n}"), &supplier, 0);
                self.orphans.push(supplier);
            }
            _ => self.adopt(),
        }
    }

    /// The supplier of an invoice comes after it.
    fn adopt(&mut self) {
        if let Some(supplier) = self.orphans.pop() {
            let row = [("Supplier", supplier.as_str()), ("SupplierName", "Late"), ("Currency", "R")];
            self.world.syspro.insert(COMPANY, "ApSupplier", &row).unwrap();
        }
    }

    /// An invoice with one line, dated N days ago.
    fn invoice(&self, invoice: &str, supplier: &str, days_ago: u64) {
        let date = Utc::now().date_naive().checked_sub_days(Days::new(days_ago)).unwrap().to_string();
        let journal = self.made.to_string();
        let add = |table: &str, values: &[(&str, &str)]| self.world.syspro.insert(COMPANY, table, values).unwrap();
        let own = [("Supplier", supplier), ("Invoice", invoice)];
        let entry = [("TrnYear", "2031"), ("TrnMonth", "3"), ("Journal", journal.as_str()), ("EntryNumber", "1")];
        add("ApJnlSummary", &[&entry[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", &date)]].concat());
        add("ApJnlDistrib", &[&entry[..], &[("SubEntry", "1"), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", "0.10")]].concat());
        add(
            "ApInvoice",
            &[&own[..], &[("InvoiceDate", &date), ("JournalDate", &date), ("OrigInvValue", "0.10"), ("Currency", "R")]].concat(),
        );
    }

    /// Other faults than before, each at a rate.
    fn trouble(&mut self) {
        let rule = |random: &mut fastrand::Rng, fault: Fault| FaultRule::always(fault).rate(RATES[random.usize(0..RATES.len())]);
        let mut rules = Vec::new();
        for _ in 0..self.random.usize(0..4) {
            let fault = SERVICENOW[self.random.usize(0..SERVICENOW.len())].clone();
            rules.push(rule(&mut self.random, fault).on_path("/api/now"));
        }
        for _ in 0..self.random.usize(0..3) {
            let fault = Fault::Named(NAMED[self.random.usize(0..NAMED.len())].to_owned());
            rules.push(rule(&mut self.random, fault).on_path("/api/now"));
        }
        self.world.servicenow.set_faults(&FaultPlan { seed: self.random.u64(..), rules });
        self.world.syspro.faults.clear();
        for _ in 0..self.random.usize(0..2) {
            let fault = SYSPRO[self.random.usize(0..SYSPRO.len())].clone();
            self.world.syspro.faults.push(rule(&mut self.random, fault));
        }
    }

    /// What a proxy between the program and its database does now and then.
    fn cut_connections(&self) {
        self.world.database.psql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
    }

    /// The database stops in some manner, and comes back.
    fn restart_database(&mut self) {
        let ends = [End::Fast, End::Immediate, End::Killed];
        if let Ledger::Own(server) = &self.world.database {
            server.restart(ends[self.random.usize(0..ends.len())]);
        }
    }

    /// The process gets no time for a while, as on a machine that is moved.
    fn stand_still(&mut self, child: &Child) {
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
        // it may be dead by now
        let _ = kill(id, Signal::SIGSTOP);
        std::thread::sleep(Duration::from_millis(self.random.u64(500..4_000)));
        let _ = kill(id, Signal::SIGCONT);
    }

    /// The weather clears, and everything comes to rest.
    fn end(mut self) {
        self.world.servicenow.clear_faults();
        self.world.syspro.faults.clear();
        while !self.orphans.is_empty() {
            self.adopt();
        }
        // another node asks only when what a dead one held is free
        wait_for("the leases of the dead run out", Duration::from_secs(60), || {
            (self.world.database.psql("SELECT count(*) FROM flow WHERE lease_until > now()") == "0").then_some(())
        });
        for command in [&["sync"][..], &["sync", "--sweep"]] {
            self.world.rest(command).unwrap_or_else(|why| panic!("seed {}: {why}", self.seed));
        }
        // a write and every read of its row were refused: a person sends it again, as `failures` asks
        if self.world.database.psql("SELECT count(*) FROM undelivered WHERE state = 'failed'") != "0" {
            self.world.run(&["replay", "--failed-only", "--why", "the trouble is over"]);
            self.world.rest(&["sync"]).unwrap_or_else(|why| panic!("seed {}: {why}", self.seed));
        }
        let failed = || String::from_utf8_lossy(&self.world.command(&["failures"]).output().unwrap().stdout).into_owned();
        self.world.check().unwrap_or_else(|why| panic!("seed {}: {why}\n{}", self.seed, failed()));
        println!("soak {}: everything arrived once, amounts agree", self.seed);
    }
}

fn soak(seed: u64) {
    println!("soak {seed}: TIELINE_SOAK_SEED={seed} plays it again");
    let mut soak = Soak::new(seed);
    for step in 1..=STEPS {
        soak.step(step);
    }
    soak.end();
}

#[test]
fn random_trouble_ends_well() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("TIELINE_SOAK_SEED") {
        return soak(seed);
    }
    // a few that are always the same, and one of its own for each day
    let day = Utc::now().timestamp().unsigned_abs() / 86_400;
    match number("TIELINE_SOAK_SEEDS") {
        Some(count) => (day * 1_000..day * 1_000 + count).for_each(soak),
        None => [1, day].into_iter().for_each(soak),
    }
}
