//! A file for somebody who helps a site: versions, settings without secrets, flows, runs, nodes, the numbers of what is not delivered.
//!
//! Nobody can see from the file what a record contains, unless the records are asked for: `hidden` takes it out of errors.

mod hidden;

use std::io::{Seek, Write};

use chrono::Utc;
use serde::Serialize;
use serde_json::{Map, Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use self::hidden::Names;
use super::{Refused, Requested};
use crate::domain::audit::AuditKind;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::csv::rows_of;
use crate::process::Process;
use crate::store::{FailureFilter, NewAudit, RunFilter, TieOutRun};

/// The newest runs that are listed.
const RUNS: i64 = 200;
/// Failures that are listed, where records are asked for.
const FAILURES: i64 = 1000;

const README: &str = "A support file of Tieline.

versions.json   the program, the machine, the database and its schema, the definitions in force
settings.csv    every setting with its origin; a value that may contain a password is ***
definitions/    the definition files in force
flows.json      every flow: schedule, state, watermark, counts, last error
runs.json       the newest 200 runs: what they read and delivered, and why they failed
nodes.json      the services that use the ledger: heartbeat, version of the definitions, pauses
numbers.json    what is not delivered by company, entity and reason; conflicts; size; the newest tie-out
";

const WITHOUT_RECORDS: &str = "
No list of records is in it. In errors, `…` stands for what may come from a record: quoted texts
that are no names of the definitions or settings, amounts, numbers of five digits or more, and
answers of the other systems. `--records` leaves it in. Read runs.json and flows.json before you
send the file.
";

const WITH_RECORDS: &str = "
failures.json   the first 1,000 parts of records that are not delivered, with keys and messages

Keys, amounts and values of records are in this file, because they were asked for (`--records`).
";

/// A support file that is being written.
pub struct SupportFile<W: Write + Seek> {
    zip: ZipWriter<W>,
    /// Whether records may be in it.
    records: bool,
    files: Vec<String>,
}

fn failed(error: impl std::fmt::Display) -> Refused {
    Refused::NoFile(format!("the support file could not be written: {error}. Check that the disk has room, then try again"))
}

impl<W: Write + Seek> SupportFile<W> {
    /// Begins a file. `records`: with keys and messages of records. `settings`: key, value without secrets, and origin of each.
    ///
    /// # Errors
    /// [`Refused::NoFile`].
    pub fn begin(to: W, records: bool, settings: impl IntoIterator<Item = [String; 3]>) -> Result<Self, Refused> {
        let mut file = Self { zip: ZipWriter::new(to), records, files: Vec::new() };
        let readme = [README, if records { WITH_RECORDS } else { WITHOUT_RECORDS }].concat();
        file.text("README.txt", &readme)?;
        let head = ["setting", "value", "origin"].map(str::to_owned);
        let rows = rows_of(std::iter::once(head).chain(settings)).map_err(failed)?;
        file.bytes("settings.csv", &rows)?;
        Ok(file)
    }

    /// What can be said without the ledger, and why it could not be opened.
    ///
    /// # Errors
    /// [`Refused::NoFile`].
    pub fn without_ledger(&mut self, why: &str) -> Result<(), Refused> {
        self.json("versions.json", &program())?;
        self.text("ledger.txt", &format!("The ledger could not be opened, so the other files are missing:\n{why}\n"))
    }

    /// Everything that the ledger knows.
    ///
    /// # Errors
    /// [`Refused::NoFile`]; an error of the ledger.
    pub async fn ledger(&mut self, process: &Process, requested: &Requested) -> Result<(), Refused> {
        let detail = json!({ "action": "support file", "why": requested.why, "records": self.records });
        let mut row = NewAudit::of(AuditKind::Action).detail(&detail);
        row.actor.clone_from(&requested.by);
        process.store.audit_write(row).await?;
        self.versions(process).await?;
        let names = self.definitions(process).await?;
        let flows: Vec<Value> = process.flow_status().await?.iter().map(|flow| self.shown(flow, &names)).collect::<Result<_, _>>()?;
        self.json("flows.json", &flows)?;
        let runs = process.store.run_list(RunFilter { limit: RUNS, ..RunFilter::default() }).await?;
        let runs: Vec<Value> = runs.iter().map(|run| self.shown(run, &names)).collect::<Result<_, _>>()?;
        self.json("runs.json", &runs)?;
        let nodes = process.store.node_list(UNRESPONSIVE_AFTER).await?;
        let nodes: Vec<Value> = nodes.iter().map(|node| self.shown(node, &names)).collect::<Result<_, _>>()?;
        self.json("nodes.json", &nodes)?;
        self.numbers(process).await?;
        if self.records {
            let failures = process.store.failure_list(FailureFilter { limit: FAILURES, ..FailureFilter::default() }).await?;
            self.json("failures.json", &failures)?;
        }
        Ok(())
    }

    /// Ends the file; answers the names of its entries.
    ///
    /// # Errors
    /// [`Refused::NoFile`].
    pub fn finish(self) -> Result<Vec<String>, Refused> {
        self.zip.finish().map_err(failed)?.flush().map_err(failed)?;
        Ok(self.files)
    }

    async fn versions(&mut self, process: &Process) -> Result<(), Refused> {
        let store = &process.store;
        let (server, schema, (life, _)) = (store.server().await?, store.schema_state().await?, store.life_now().await?);
        let mut versions = program();
        versions.insert("postgresql".into(), server.version.into());
        versions.insert("ledger_schema".into(), json!({ "migrations": schema.run, "newest": schema.newest, "not_run": schema.pending }));
        versions.insert("ledger_life".into(), json!({ "number": life.number, "since": life.began_at, "why": life.why }));
        versions.insert("ledger_clock_ahead_ms".into(), store.clock_ahead().num_milliseconds().into());
        let in_force = store.definition_in_force().await?;
        let in_force = in_force.map(|set| json!({ "number": set.number, "sha256": set.hash, "since": set.in_force_since }));
        versions.insert("definitions_in_force".into(), in_force.into());
        self.json("versions.json", &versions)
    }

    /// The definition files in force; answers the names in them.
    async fn definitions(&mut self, process: &Process) -> Result<Names, Refused> {
        let now = process.store.now_there();
        let number = process.store.definition_in_force().await?.map(|set| set.number);
        let sets = process.store.definition_of_runs(now, now).await?;
        let files = sets.into_iter().find(|set| Some(set.number) == number).map(|set| set.files).unwrap_or_default();
        for (name, content) in &files {
            self.text(&format!("definitions/{name}"), content)?;
        }
        let companies = process.settings.syspro.companies.iter().map(ToString::to_string);
        let entities = process.definitions.now().plans.iter().map(|plan| plan.entity.to_string()).collect::<Vec<_>>();
        Ok(Names::of(files.values().map(String::as_str), companies.chain(entities)))
    }

    async fn numbers(&mut self, process: &Process) -> Result<(), Refused> {
        let gauges = process.store.gauges().await?;
        let pending: Vec<Value> = gauges
            .pending
            .iter()
            .map(|count| {
                json!({
                    "company": count.company, "entity": count.entity, "state": count.state, "reason": count.reason, "parts": count.count,
                    "queued_at": count.queued_at,
                })
            })
            .collect();
        let tie_out =
            |run: &TieOutRun| json!({ "id": run.id, "started_at": run.started_at, "result": run.result, "open_items": run.open_items });
        let conflicts: Vec<Value> = gauges
            .conflicts
            .iter()
            .filter(|count| count.count > 0)
            .map(|count| json!({ "entity": count.entity, "kind": count.kind, "state": count.state, "count": count.count }))
            .collect();
        let numbers = json!({
            "not_delivered": pending, "conflicts": conflicts, "unsealed_audit_rows": gauges.unsealed, "ledger_bytes": gauges.size.bytes,
            "ledger_growth_bytes_a_day": gauges.size.growth, "newest_tie_out": gauges.tie_out.as_ref().map(tie_out),
        });
        self.json("numbers.json", &numbers)
    }

    /// A row as JSON; without records, what its texts may quote of one is hidden.
    fn shown(&self, row: &impl Serialize, names: &Names) -> Result<Value, Refused> {
        let mut value = serde_json::to_value(row).map_err(failed)?;
        if !self.records {
            names.hide(&mut value);
        }
        Ok(value)
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> Result<(), Refused> {
        let text = serde_json::to_string_pretty(value).map_err(failed)?;
        self.text(name, &(text + "\n"))
    }

    fn text(&mut self, name: &str, text: &str) -> Result<(), Refused> {
        self.bytes(name, text.as_bytes())
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), Refused> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        self.zip.start_file(name, options).map_err(failed)?;
        self.zip.write_all(bytes).map_err(failed)?;
        self.files.push(name.to_owned());
        Ok(())
    }
}

/// The program and the machine.
fn program() -> Map<String, Value> {
    let said = json!({
        "tieline": env!("CARGO_PKG_VERSION"),
        "written_at": Utc::now(),
        "operating_system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
    });
    match said {
        Value::Object(said) => said,
        _ => Map::new(),
    }
}
