//! The commands that query the ledger, through the binary: `status`, `failures`, `record`, `replay`, `audit`.
//!
//! The test starts the private server and every command adopts it, as beside a running service.

use std::io::{BufRead, BufReader, Read};
use std::process::{Output, Stdio};

use serde_json::Value;
use tieline::postgres::Cluster;
use tieline_sim::dataset::DatasetOptions;
use tieline_sim::servicenow::schema::{Abort, BusinessRule};
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};
use tieline_sim::syspro::{SysproOptions, SysproSim};

use crate::binary::{Site, cluster, text, unread, wait_until};
use crate::support::sql::Sql;

/// A supplier of both companies, with invoices.
const FROZEN: &str = "000000000149218";
const RULE: &str = "Frozen suppliers";

/// The site, its systems and its database server.
struct Bench {
    site: Site,
    syspro: SysproSim,
    servicenow: ServiceNowSim,
    sql: Sql,
    cluster: Cluster,
}

impl Bench {
    /// ServiceNow aborts whatever is written to one supplier.
    fn start() -> Self {
        let dataset = DatasetOptions { documents: 26, ..DatasetOptions::default() };
        let syspro = SysproSim::start(SysproOptions { dataset, ..SysproOptions::default() }).unwrap();
        let mut options = ServiceNowOptions::default();
        let rule =
            BusinessRule { name: RULE.into(), column: "u_supplier_number".into(), abort: Abort::Equals(FROZEN.into()), silent: false };
        options.table("x_apo_supplier").unwrap().rules.push(rule);
        let (client, secret) = (options.client_id.clone(), options.client_secret.clone());
        let servicenow = ServiceNowSim::start(options).unwrap();
        let site = Site::new(syspro.url.as_str(), servicenow.url().as_str(), "[retry]\nmin_delay_seconds = 1\n");
        let cluster = cluster(&site);
        let operator = SysproOptions::default();
        site.set_credentials((&operator.username, &operator.password), (&client, &secret));
        let sql = Sql::new(&cluster.url());
        Self { site, syspro, servicenow, sql, cluster }
    }

    /// The same address without the rule, and without any row: what arrives now was sent now.
    fn lift_the_rule(&mut self) {
        let listen = self.servicenow.url().socket_addrs(|| None).unwrap()[0].to_string();
        let elsewhere = ServiceNowSim::start(ServiceNowOptions::default()).unwrap();
        std::mem::replace(&mut self.servicenow, elsewhere).stop();
        self.servicenow = ServiceNowSim::start(ServiceNowOptions { listen, ..ServiceNowOptions::default() }).unwrap();
    }

    /// A command that must end with this code; its standard output.
    fn run(&self, code: i32, arguments: &str) -> String {
        let out = self.output(arguments);
        assert_eq!(out.status.code(), Some(code), "{arguments}: {}", text(&out));
        String::from_utf8(out.stdout).unwrap()
    }

    /// Cycles until nothing is on its way: on a slow machine an answer can be lost without any fault, and is looked up later.
    fn settle(&self, sync: &str) {
        wait_until("everything is delivered, failed, waiting or on hold", || {
            self.run(3, sync);
            let on_its_way = self.psql("SELECT count(*) FROM undelivered WHERE state NOT IN ('failed', 'waiting', 'on_hold')");
            if on_its_way != "0" {
                let why = "SELECT DISTINCT detail FROM audit WHERE kind IN ('unknown', 'deferred') LIMIT 3";
                eprintln!("{on_its_way} records are still on their way: {}", self.psql(why));
            }
            on_its_way == "0"
        });
    }

    /// A command that must fail with this code; its standard error.
    fn refused(&self, code: i32, arguments: &str) -> String {
        let out = self.output(arguments);
        assert_eq!(out.status.code(), Some(code), "{arguments}: {}", text(&out));
        String::from_utf8(out.stderr).unwrap()
    }

    fn output(&self, arguments: &str) -> Output {
        let words: Vec<&str> = arguments.split(' ').collect();
        let mut command = self.site.command(&words);
        for quota in ["BATCH_QUOTA_SECONDS", "REQUEST_QUOTA_SECONDS"] {
            command.env(format!("TIELINE__SERVICENOW__{quota}"), "1");
        }
        command.env("TIELINE_ACCOUNT", "tester").env("COLUMNS", "400").output().unwrap()
    }

    fn json(&self, code: i32, arguments: &str) -> Value {
        let text = self.run(code, &format!("{arguments} --output json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments}: {error}: {text}"))
    }

    /// The audit as JSON lines.
    fn audit(&self, options: &str) -> Vec<Value> {
        let text = self.run(0, &format!("audit{options} --output json"));
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    fn psql(&self, sql: &str) -> String {
        self.sql.ask("tieline", sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}`: {value}"))
}

/// The same table, cut into cells.
fn cells(table: &str) -> Vec<Vec<String>> {
    let rows = table.lines().filter(|line| line.starts_with('│'));
    rows.map(|line| line.trim_matches('│').split(['│', '┆']).map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn what_was_refused_is_seen_explained_replayed_and_audited() {
    let mut bench = Bench::start();
    assert!(bench.run(0, "status").contains("No flow has run yet"));
    assert!(bench.run(0, "failures").contains("No failures; no records are queued."));
    bench.settle("sync");

    statuses(&bench);
    failures(&bench);
    records(&bench);
    refusals(&bench);

    bench.lift_the_rule();
    replays(&bench);
    audit_lists(&bench);
    audit_verifies(&bench);

    let Bench { site, syspro, servicenow, cluster, .. } = bench;
    cluster.stop().unwrap();
    syspro.stop();
    servicenow.stop();
    // alone, a command starts the server and stops it again
    assert_eq!(site.run(&["status"]).status.code(), Some(0));
    assert!(!site.path("state/postgres/data/postmaster.pid").exists());
}

fn statuses(bench: &Bench) {
    let status = bench.json(0, "status --runs 3");
    assert_eq!((list(&status["flows"]).len(), list(&status["runs"]).len()), (12, 3));
    let flow = |company: &str, entity: &str| {
        list(&status["flows"]).iter().find(|flow| flow["company"] == company && flow["entity"] == entity).unwrap().clone()
    };
    for company in ["EDU1", "1"] {
        let suppliers = flow(company, "supplier");
        assert_eq!(suppliers["documents"], bench.syspro.count(company, "ApSupplier").unwrap(), "{suppliers}");
        assert_eq!(suppliers["failed"], 1, "{suppliers}");
        assert!(flow(company, "invoice")["waiting"].as_i64().unwrap() > 0);
        assert!(suppliers["last_success_at"].is_string() && suppliers["last_error"].is_null());
    }
    let table = bench.run(0, "status");
    let rows = cells(&table);
    let supplier = rows.iter().find(|row| row[0] == "EDU1/supplier").unwrap();
    let failed = rows[0].iter().position(|header| header == "failed").unwrap();
    assert_eq!(supplier[failed], "1", "{table}");
    assert_eq!(supplier.last().map(String::as_str), Some("1 failed"), "{table}");
    assert!(table.contains("`tieline failures`"), "{table}");
    bench.refused(2, "status --runs=-1");
}

fn failures(bench: &Bench) {
    let all = bench.json(0, "failures --limit 10000");
    let missing = list(&all).iter().filter(|row| row["reason"] == "missing_parent").count();
    let others: Vec<&Value> = list(&all).iter().filter(|row| row["reason"] != "missing_parent").collect();
    assert!(missing > 0 && others.len() == 2, "{others:?}");

    let only = bench.json(0, "failures --company EDU1 --entity supplier --reason rejected");
    let [row] = list(&only) else { panic!("{only}") };
    assert_eq!((word(row, "key"), word(row, "state"), word(row, "block")), (FROZEN, "failed", "header"));
    assert!(word(row, "message").contains(&format!("aborted by Business Rule '{RULE}^")), "{row}");
    assert!(!word(row, "next_step").is_empty() && row["attempts"] == 1, "{row}");
    assert_eq!(list(&bench.json(0, "failures --text Frozen")).len(), 2);
    assert_eq!(list(&bench.json(0, "failures --text nobody-says-this")).len(), 0);

    let causes = bench.run(0, "failures --company EDU1 --reason rejected");
    for words in
        ["EDU1/supplier  rejected  1 record\n", &format!("example       {FROZEN}: "), RULE, "next step", "tieline failures --cause "]
    {
        assert!(causes.contains(words), "{words}: {causes}");
    }
    let table = bench.run(0, "failures --company EDU1 --reason rejected --records");
    let rows = cells(&table);
    assert!(rows[1][0] == format!("EDU1/supplier {FROZEN}") && table.contains(RULE), "{table}");
    assert!(bench.run(0, "failures --limit 1").contains("first 1"));
    bench.refused(2, "failures --limit 0");
}

fn records(bench: &Bench) {
    let frozen = bench.json(0, &format!("record EDU1 supplier {FROZEN}"));
    let [delivery] = list(&frozen["deliveries"]) else { panic!("{frozen}") };
    assert_eq!((word(delivery, "state"), word(delivery, "reason")), ("failed", "rejected"));
    assert!(word(delivery, "message").contains(RULE) && delivery["sys_id"].is_null(), "{delivery}");
    assert_eq!(delivery["payload"]["u_supplier_number"], FROZEN, "the payload is JSON, not a text of JSON");

    for (key, say) in [("NOBODY", "NOBODY"), (FROZEN.trim_start_matches('0'), "leading zeros")] {
        let said = bench.refused(1, &format!("record EDU1 supplier {key}"));
        assert!(said.contains("was never read: SYSPRO does not have it") && said.contains(say), "{said}");
    }

    // a silent edit gives a second version, and it says in what it differs
    let key =
        bench.psql("SELECT key FROM document WHERE company = 'EDU1' AND entity = 'supplier' AND key LIKE 'UTE%' ORDER BY key LIMIT 1");
    bench.syspro.update("EDU1", "ApSupplier", &[("Supplier", &key)], &[("SupplierName", "Renamed Ltd")]).unwrap();
    bench.settle("sync --entity supplier --company EDU1");
    let record = bench.json(0, &format!("record EDU1 supplier {key}"));
    let [new, old] = list(&record["versions"]) else { panic!("{record}") };
    assert_eq!((&new["version"], &old["version"]), (&Value::from(2), &Value::from(1)));
    let [change] = list(&new["changes"]) else { panic!("{new}") };
    assert_eq!((word(change, "field"), word(change, "after")), ("SupplierName", "Renamed Ltd"));
    assert_eq!(change["before"], old["content"]["SupplierName"]);
    assert_eq!(list(&old["changes"]).len(), 0, "there is nothing before the first version");
    let sys_id = word(&record["deliveries"][0], "sys_id");
    assert!(bench.servicenow.find("x_apo_supplier", "sys_id", sys_id).is_some_and(|row| row["u_name"] == "Renamed Ltd"));
    let steps: Vec<&str> = list(&record["steps"]).iter().map(|step| word(step, "kind")).collect();
    assert_eq!(steps, ["version_read", "confirmed", "version_read", "confirmed"]);
    let said = bench.run(0, &format!("record EDU1 supplier {key}"));
    assert!(said.contains("is now `Renamed Ltd`") && said.contains(sys_id), "{said}");
}

fn refusals(bench: &Bench) {
    let before = bench.psql("SELECT count(*) FROM run");
    assert!(bench.refused(2, "replay --why x").contains("--all"));
    bench.refused(2, "replay --failed-only");
    let blank = bench.site.run(&["replay", "--failed-only", "--why", " "]);
    assert_eq!(blank.status.code(), Some(2), "{}", text(&blank));
    assert!(bench.refused(2, "replay --entity suplier --why x").contains("supplier"));
    assert!(bench.refused(2, "replay --company EDU9 --why x").contains("EDU1"));
    assert!(bench.refused(1, "replay --company EDU1 --entity supplier --key NOBODY --why x").contains("never read"));
    assert_eq!(bench.psql("SELECT count(*) FROM run"), before, "a refusal must not begin a run");
}

fn replays(bench: &Bench) {
    // made due, but not sent
    let due = bench.json(0, &format!("replay --company 1 --entity supplier --key {FROZEN} --why first --no-send"));
    assert_eq!((&due["documents"], &due["sent"]), (&Value::from(1), &Value::Null), "{due}");
    assert_eq!(bench.servicenow.count("x_apo_supplier"), 0);
    let waiting = bench.json(0, &format!("record 1 supplier {FROZEN}"));
    assert_eq!(word(&waiting["deliveries"][0], "state"), "queued");

    // what is limited in a way that fits nothing touches nothing
    for scope in [
        "--until=2020-01-01T00:00:00Z",
        "--since=2099-01-01T00:00:00Z",
        "--reason=poison",
        "--text=nobody-says-this",
        "--reason=rejected --entity=gl_account",
    ] {
        let none = bench.json(0, &format!("replay {scope} --why nothing --no-send"));
        assert_eq!(none["documents"], 0, "{scope}: {none}");
    }
    let failed = bench.json(0, "failures --reason rejected");
    let of_one: Vec<&Value> = list(&failed).iter().filter(|row| row["company"] == "EDU1" && row["entity"] == "supplier").collect();
    assert_eq!(of_one.len(), 1, "{failed}");
    let words = word(of_one[0], "message").split(' ').next().unwrap();
    let some = bench
        .json(0, &format!("replay --company EDU1 --entity supplier --since=2020-01-01T00:00:00Z --text={words} --why words --no-send"));
    assert_eq!(some["documents"], 1, "{some}");

    let done = bench.json(0, "replay --failed-only --why unfrozen");
    assert!(done["documents"].as_u64().unwrap() > 1, "{done}");
    assert!(done["delivered"].as_i64().unwrap() >= done["documents"].as_i64().unwrap(), "{done}");
    assert_eq!(done["sent"], done["confirmed"], "{done}");
    assert_eq!(list(&bench.json(0, "failures")).len(), 0);
    // only what had failed was sent: the supplier of both companies, and what had waited for it
    let suppliers = bench.servicenow.rows("x_apo_supplier");
    assert!(suppliers.len() == 2 && suppliers.iter().all(|row| row["u_supplier_number"] == FROZEN), "{suppliers:?}");
    let invoices = bench.servicenow.rows("x_apo_invoice");
    assert!(!invoices.is_empty() && invoices.iter().all(|row| row["u_supplier"] == FROZEN), "{invoices:?}");

    let record = bench.json(0, &format!("record EDU1 supplier {FROZEN}"));
    assert_eq!(list(&record["versions"]).len(), 1, "the content is as it was");
    assert_eq!((word(&record["deliveries"][0], "state"), word(&record["deliveries"][0], "target_table")), ("delivered", "x_apo_supplier"));
    let steps: Vec<&str> = list(&record["steps"]).iter().map(|step| word(step, "kind")).collect();
    let of = |kind: &str| steps.iter().position(|step| *step == kind).unwrap_or_else(|| panic!("no {kind} in {steps:?}"));
    assert!(of("version_read") < of("failed") && of("failed") < of("replayed") && of("replayed") < of("confirmed"), "{steps:?}");
    let runs = bench.json(0, "status --runs 50");
    let why = list(&runs["runs"]).iter().find(|run| run["kind"] == "replay" && run["reason"] == "unfrozen").unwrap();
    assert_eq!((word(why, "requested_by"), word(why, "outcome")), ("user tester", "done"));
    assert!(bench.run(0, "replay --failed-only --why again").contains("No record in the ledger matches"), "nothing failed any more");
}

fn audit_lists(bench: &Bench) {
    let all = bench.audit("");
    assert_eq!(all.len().to_string(), bench.psql("SELECT count(*) FROM audit"));
    assert!(all.len() > 1000, "one page would not show that pages follow one another: {}", all.len());
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>();
    assert!(ids(&all).is_sorted_by(|a, b| a < b));
    assert_eq!(ids(&bench.audit(" --limit 3")), ids(&all[all.len() - 3..]), "the newest, the newest last");

    let replayed = bench.audit(" --kind replayed --company EDU1 --entity supplier");
    assert_eq!(replayed.iter().map(|row| word(row, "key")).collect::<Vec<_>>(), [FROZEN]);
    assert_eq!(word(&replayed[0], "actor"), "user tester");
    assert_eq!(bench.audit(" --since 2999-01-01").len(), 0);
    assert_eq!(bench.audit(" --until 2000-01-01T00:00:00+02:00").len(), 0);
    assert_eq!(ids(&bench.audit(&format!(" --since {}", word(&all[0], "at")))), ids(&all));
    bench.refused(2, "audit --since yesterday");
    bench.refused(2, "audit --kind nonsense");
    bench.refused(2, "audit --limit 0");

    let rows = cells(&bench.run(0, "audit --limit 2"));
    let shown: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).filter(|id| !id.is_empty()).collect();
    let last: Vec<String> = ids(&all[all.len() - 2..]).iter().map(ToString::to_string).collect();
    assert_eq!(shown, last);

    // a reader that goes after the first line
    let mut command = bench.site.command(&["audit", "--output", "json"]);
    command.env("TIELINE__LOG__LEVEL", "error");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(256, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], all[0]["id"]);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

fn audit_verifies(bench: &Bench) {
    bench.json(0, "audit seal");
    let report = bench.json(0, "audit verify");
    assert_eq!(report["rows"].to_string(), bench.psql("SELECT count(*) FROM audit"));
    assert_eq!((&report["broken_at"], &report["unsealed"]), (&Value::Null, &Value::from(0)));
    assert!(report["seals"].as_i64().unwrap() > 1, "{report}");
    assert!(bench.run(0, "audit verify").contains("The chain holds"));

    let victim = bench.psql("SELECT max(id) FROM event WHERE kind = 'confirmed'");
    let leaf = bench.psql(&format!("SELECT leaf FROM audit_leaf WHERE event_id = {victim}"));
    let at = format!("leaf {leaf} does not fit");
    bench.psql(&format!("UPDATE event SET actor = 'nobody' WHERE id = {victim}"));
    let refused = bench.refused(1, "audit verify");
    assert!(refused.contains(&at) && refused.contains("has nobody in its column `actor`"), "{refused}");
    assert_eq!(bench.json(1, "audit verify")["broken_at"].to_string(), leaf);
    assert_eq!(unread(&mut bench.site.command(&["audit", "verify", "--output", "json"])).status.code(), Some(1));
    bench.psql(&format!("UPDATE event SET actor = 'tieline' WHERE id = {victim}"));
    bench.run(0, "audit verify");
    bench.psql(&format!("DELETE FROM event WHERE id = {victim}"));
    assert!(bench.refused(1, "audit verify").contains(&at));
}
