//! The displayed numbers add up: of each run, of each flow, of all runs together, and in the output of commands.

use std::collections::{BTreeMap, HashSet};
use std::process::Command;

use serde_json::Value;
use tieline::domain::backlog::Backlog;
use tieline::domain::run::RunKind;
use tieline::store::{RunFilter, RunRow};
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::schema::{Abort, BusinessRule};

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::Node;
use crate::support::world::{COMPANY, REFUSED_DATE, World};
use crate::support::{Options, Rig, run, run_set, source};

async fn runs(rig: &Rig) -> Vec<RunRow> {
    rig.store.run_list(RunFilter { limit: 10_000, ..RunFilter::default() }).await.unwrap()
}

/// Every run accounts for each record and each part that it queued, and all runs together for everything that the ledger knows.
async fn add_up(rig: &Rig) {
    let all = runs(rig).await;
    let number = |sql: &str| rig.database.psql(sql).parse::<i64>().unwrap();
    for run in &all {
        let (of_run, open) = (format!("{} of {}/{}", run.kind, run.company, run.entity), run.backlog().total());
        assert_eq!(run.records, run.delivered + run.replaced + open, "records: {of_run} {run:?}");
        let parts_open = number(&format!("SELECT count(*) FROM undelivered WHERE run_id = '{}'", run.id));
        assert_eq!(run.parts, run.confirmed + run.parts_replaced + parts_open, "parts: {of_run} {run:?}");
        assert_eq!(
            run.records,
            number(&format!("SELECT count(DISTINCT document_id) FROM delivery WHERE run_id = '{}'", run.id)),
            "{of_run}"
        );
    }
    assert_eq!(
        number("SELECT count(*) FROM undelivered WHERE run_id IS NULL OR run_id NOT IN (SELECT id FROM run)"),
        0,
        "a delivery of no run"
    );
    assert_eq!(all.iter().map(|run| run.parts).sum::<i64>(), number("SELECT count(*) FROM delivery"), "parts of all runs");
    // the audit is counted separately: one row per part that arrived
    let arrived = "SELECT count(*) FROM audit WHERE detail::jsonb ? 'sys_id' AND kind IN ('confirmed', 'looked_up', 'partial_write')";
    assert_eq!(all.iter().map(|run| run.confirmed).sum::<i64>(), number(arrived), "confirmed by the audit");
    let mut flows = Backlog::default();
    for row in rig.store.flow_status().await.unwrap() {
        flows += row.backlog();
    }
    let mut by_run = Backlog::default();
    all.iter().for_each(|run| by_run += run.backlog());
    assert_eq!(flows.total(), number("SELECT count(DISTINCT document_id) FROM undelivered"), "{flows:?}");
    // a record can be undelivered for two runs: its new version was read while a part of the older one is on its way
    assert!(by_run.total() >= flows.total(), "{by_run:?} {flows:?}");
    let failed: HashSet<_> = rig
        .failures()
        .await
        .into_iter()
        .filter(|row| matches!(row.state.as_str(), "failed" | "waiting" | "on_hold"))
        .map(|row| (row.company, row.entity, row.key))
        .collect();
    assert_eq!(failed.len() as i64, flows.failed + flows.on_hold + flows.waiting, "the list of failures: {flows:?}");
}

#[test]
fn every_run_accounts_for_each_record_that_it_queued() {
    run(async {
        let mut options = Options::of_one_company(60);
        let refusal = BusinessRule {
            name: "Period is closed".into(),
            column: "u_due_date".into(),
            abort: Abort::Equals(REFUSED_DATE.into()),
            silent: false,
        };
        options.servicenow.table("x_apo_invoice").unwrap().rules.push(refusal);
        let rig = Rig::start(options).await;
        let due = |key: &(String, String), date: &str| {
            let key = [("Supplier", key.0.as_str()), ("Invoice", key.1.as_str())];
            rig.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", date)]).unwrap();
        };
        let invoices =
            source::rows(&rig.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
        due(&invoices[0], REFUSED_DATE);
        due(&invoices[1], REFUSED_DATE);

        // invoices before their suppliers: they wait, and another flow's run delivers the suppliers
        let invoice = rig.process.definitions.now().plans.iter().find(|plan| plan.entity.as_str() == "invoice").unwrap().entity.clone();
        let flow = tieline::domain::FlowId { company: COMPANY.into(), entity: invoice };
        run_set(&rig.process, vec![flow.clone()], RunKind::Poll).await;
        add_up(&rig).await;
        let first = runs(&rig).await.into_iter().find(|run| run.entity == "invoice").unwrap();
        assert!(first.waiting > 30 && first.delivered == 0, "{first:?}");

        for (fault, rate) in [(Fault::DropAfterCommit, 0.1), (Fault::Status(502), 0.1), (Fault::StatusAfterCommit(500), 0.05)] {
            rig.servicenow.set_fault(FaultRule::always(fault).rate(rate).on_path("/api/now"));
        }
        rig.sync().await;
        add_up(&rig).await;
        // newer versions and a resend while some of the older ones are on their way
        for key in &invoices[2..12] {
            due(key, "2031-05-05");
        }
        rig.sweep(&["invoice"]).await;
        let scope = tieline::store::ReplayScope { entity: Some("invoice".into()), ..Default::default() };
        rig.replay(scope, "again").await;
        add_up(&rig).await;
        rig.servicenow.clear_faults();
        rig.sync_until_settled(40).await;
        add_up(&rig).await;

        // what the first run queued arrived long after its end, or was replaced; the two refused ones belong to the replay
        let all = runs(&rig).await;
        let first = all.iter().find(|run| run.id == first.id).unwrap();
        assert_eq!((first.records, first.waiting), (first.delivered + first.replaced, 0), "{first:?}");
        assert!(first.delivered > 0, "{first:?}");
        let replay = all.iter().find(|run| run.kind == RunKind::Replay).unwrap();
        assert_eq!((replay.records, replay.failed, replay.delivered), (60, 2, 58), "{replay:?}");
        let status = rig.store.flow_status().await.unwrap();
        let status = status.iter().find(|row| row.entity == "invoice").unwrap();
        assert_eq!((status.failed, status.backlog().total(), status.state().0.as_str()), (2, 2, "2 failed"));
    });
}

fn json(command: &mut Command) -> (Option<i32>, Value) {
    let out = command.output().unwrap();
    (out.status.code(), serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out))))
}

#[test]
fn what_the_commands_print_of_one_state_agrees() {
    let world = World::start();
    let invoices = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    for (invoice, date) in invoices.iter().zip([REFUSED_DATE, REFUSED_DATE, "2031-01-01"]) {
        let key = [("Supplier", invoice.0.as_str()), ("Invoice", invoice.1.as_str())];
        world.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", date)]).unwrap();
    }
    let (code, sync) = json(&mut world.command(&["--output", "json", "sync", "--sweep", "--entity", "invoice"]));
    assert_eq!(code, Some(3));
    let of_sync = sync["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == "invoice").unwrap();
    assert_eq!(
        (&of_sync["changed"], &of_sync["delivered"], &of_sync["outstanding"]["failed"]),
        (&3.into(), &1.into(), &2.into()),
        "{sync}"
    );

    let (_, status) = json(&mut world.command(&["--output", "json", "status"]));
    let flow = status["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == "invoice").unwrap();
    let run = &status["runs"][0];
    assert_eq!(
        (&run["kind"], &run["records"], &run["delivered"], &run["failed"]),
        (&"sweep".into(), &3.into(), &1.into(), &2.into()),
        "{run}"
    );
    for word in ["queued", "sending", "retrying", "unknown", "waiting", "failed", "on_hold"] {
        assert_eq!(flow[word], of_sync["outstanding"][word], "{word}: {flow}");
        assert_eq!(flow[word], run[word], "{word}: {flow}");
    }
    let (_, failures) = json(&mut world.command(&["--output", "json", "failures"]));
    let keys: HashSet<&str> = failures.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 2, "{failures}");

    // a hold is no failure, and both are said; what is said adds up to what is not delivered
    let held = keys.iter().next().unwrap();
    assert_eq!(world.command(&["hold", COMPANY, "invoice", held, "--why", "in dispute"]).output().unwrap().status.code(), Some(0));
    let (_, status) = json(&mut world.command(&["--output", "json", "status"]));
    let counts: BTreeMap<&str, i64> = status["flows"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|flow| ["failed", "on_hold"].map(|word| (word, flow[word].as_i64().unwrap())))
        .fold(BTreeMap::new(), |mut sums, (word, count)| {
            *sums.entry(word).or_default() += count;
            sums
        });
    assert_eq!(counts["failed"] + counts["on_hold"], 2, "{status}");
    let said = text(&world.command(&["sync", "--entity", "invoice"]).output().unwrap());
    assert!(said.contains("2 records are not delivered yet (") && said.contains("tieline failures"), "{said}");
    let table = text(&world.command(&["status"]).output().unwrap());
    assert!(table.contains("2 records are not delivered yet"), "{table}");
    for line in table.lines().filter(|line| line.contains("EDU1/invoice") && !line.contains('-')) {
        assert!(!line.contains("all delivered"), "{line}");
    }
}

/// An invoice whose header is refused and whose lines wait for an account, and one whose header alone is refused.
#[test]
fn every_screen_counts_records_and_names_their_parts_beside() {
    let world = World::start();
    let documents = world.database.psql(
        "SELECT d.key, min(l.record_key), max(l.record_key) FROM delivery l JOIN document d ON d.id = l.document_id \
         WHERE d.entity = 'invoice' AND l.block = 'lines' GROUP BY d.id, d.key HAVING count(DISTINCT l.record_key) > 1 AND d.key NOT LIKE '%\\%%' ORDER BY d.id LIMIT 2",
    );
    let documents: Vec<Vec<&str>> = documents.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(documents.len(), 2, "too few invoices with lines");
    for document in &documents {
        let (supplier, invoice) = document[0].split_once('/').unwrap();
        let key = [("Supplier", supplier), ("Invoice", invoice)];
        world.syspro.update(COMPANY, "ApInvoice", &key, &[("DueDate", REFUSED_DATE)]).unwrap();
    }
    for line in &documents[0][1..] {
        let names = ["TrnYear", "TrnMonth", "Journal", "EntryNumber", "SubEntry"];
        let key: Vec<(&str, &str)> = names.into_iter().zip(line.split('/')).collect();
        world.syspro.update(COMPANY, "ApJnlDistrib", &key, &[("ExpenseGlCode", "NOWHERE-1")]).unwrap();
    }
    world.run(&["sync", "--sweep", "--entity", "invoice"]);
    // the parts of one record fail for causes of their own
    world.database.psql(
        "UPDATE pending SET own_state = 'failed', reason = 'exhausted', message = 'the last of 12 attempts failed: 503 from the instance' \
         WHERE delivery_id = (SELECT min(delivery_id) FROM undelivered WHERE reason = 'missing_parent')",
    );
    let number = |sql: &str| world.database.psql(sql).parse::<i64>().unwrap();
    let parts = number("SELECT count(*) FROM undelivered WHERE state IN ('failed', 'waiting')");
    assert_eq!((number("SELECT count(*) FROM undelivered"), number("SELECT count(DISTINCT document_id) FROM undelivered")), (parts, 2));
    assert!(parts > 3, "a header and two lines, and a header: {parts}");

    let (_, causes) = json(&mut world.command(&["--output", "json", "failures", "--causes"]));
    let causes = causes.as_array().unwrap();
    let sum = |name: &str| causes.iter().map(|cause| cause[name].as_i64().unwrap()).sum::<i64>();
    assert!(sum("documents") > 2, "a record that failed for two causes counts in both: {causes:?}");
    assert_eq!(sum("count"), parts, "{causes:?}");
    // the states are those of `status` and of the overview: a record counts in the state of its worst part
    let total = format!("2 records ({parts} parts), for {} causes: 2 failed.", causes.len());
    let said = text(&world.command(&["failures"]).output().unwrap());
    assert!(said.contains(&total), "{total}: {said}");
    let status = text(&world.command(&["status"]).output().unwrap());
    assert!(status.contains("2 records are not delivered yet (2 failed)"), "{status}");

    let mut node = Node::new(&world);
    for entity in ["SUPPLIER", "INVOICE", "PURCHASE_ORDER", "GL_ACCOUNT", "COST_CENTER", "GL_POSTING"] {
        node = node.with(&format!("SCHEDULE__{entity}"), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    let key = node.key(&world);
    let person = Person::sign_in(&node.site, &key);
    let page = person.get("/failures").body;
    assert!(page.contains(&total), "{total}: {page}");
    let of_api = |path: &str| -> Value {
        let (_, _, body) = ask(&node.site, "GET", path, Some(&key), "").unwrap();
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    };
    let of_causes = of_api("/api/v1/failures/causes");
    for cause in of_causes["items"].as_array().unwrap() {
        let (records, parts) = (cause["documents"].as_i64().unwrap(), cause["count"].as_i64().unwrap());
        let records = if records == 1 { "1 record".to_owned() } else { format!("{records} records") };
        let counted = if parts == cause["documents"] { records } else { format!("{records} ({parts} parts)") };
        let card = page.split("<section").find(|card| card.contains(cause["cause"].as_str().unwrap())).unwrap();
        assert!(card.contains(&format!(">{counted}<")), "{counted}: {card}");
        assert!(said.contains(&format!("{}  {counted}\n", cause["reason"].as_str().unwrap())), "{counted}: {said}");
    }
    let flows = of_api("/api/v1/flows");
    let of_flows =
        flows["items"].as_array().unwrap().iter().flat_map(|flow| ["failed", "waiting"].map(|word| flow[word].as_i64().unwrap()));
    assert_eq!(of_flows.sum::<i64>(), 2, "{flows}");
    // the gauges of the ledger count target records, as their names say: the parts
    let (_, metrics) = node.get("/metrics").unwrap();
    let outstanding = ["tieline_deliveries_failed{", "tieline_deliveries_waiting{"];
    let outstanding = metrics.lines().filter(|line| outstanding.iter().any(|name| line.starts_with(name)));
    let outstanding: f64 = outstanding.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(outstanding, parts as f64, "{metrics}");
}
