//! Tasks in ServiceNow for what people must look at: there once, whatever happens to answers and processes, and closed when it is resolved.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tieline_sim::faults::{Fault, FaultRule};

use crate::approvals::yearly;
use crate::binary::text;
use crate::console::Person;
use crate::support::node::{Node, wait_for};
use crate::support::world::{COMPANY, REFUSED_DATE, World};

const LIMIT: Duration = Duration::from_secs(120);
const TABLE: &str = "task";
const POST: &str = "/api/now/table/task";

type Row = BTreeMap<String, String>;

/// A service that keeps tasks, and runs no flow by itself.
fn service(world: &World) -> Node {
    yearly(Node::new(world))
        .with("TASKS__ENABLED", "true")
        .with("TASKS__CHECK_SECONDS", "1")
        .with("TASKS__TOGETHER_ABOVE", "2")
        .with("TASKS__FIELDS", "urgency = 2")
        .with("NOTICES__PUBLIC_URL", "https://tieline.example/")
}

/// Invoices by their keys, in order.
fn invoices(world: &World) -> Vec<String> {
    let rows =
        world.database.psql("SELECT key FROM document WHERE entity = 'invoice' AND key ~ '^[0-9A-Za-z]+/[0-9A-Za-z-]+$' ORDER BY key");
    rows.lines().map(str::to_owned).collect()
}

fn change(world: &World, key: &str, due: &str) {
    let (supplier, invoice) = key.split_once('/').unwrap();
    world.syspro.update(COMPANY, "ApInvoice", &[("Supplier", supplier), ("Invoice", invoice)], &[("DueDate", due)]).unwrap();
}

/// Reads everything again, and sends what changed.
fn sweep(world: &World) {
    let out = world.command(&["sync", "--sweep", "--entity", "invoice"]).output().unwrap();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
}

fn tie_out(world: &World) {
    let out = world.command(&["tie-out", "--entity", "invoice", "--why", "a test"]).output().unwrap();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
}

/// The tasks that are not closed in ServiceNow.
fn open(world: &World) -> Vec<Row> {
    world.servicenow.rows(TABLE).into_iter().filter(|row| row["active"] == "true").collect()
}

/// The only task that is open in ServiceNow, once the ledger knows it.
fn one(world: &World, node: &Node) -> Row {
    wait_for(format!("one task is open: {}", node.log()), LIMIT, || {
        let mut rows = open(world);
        let known = world.database.psql("SELECT coalesce(string_agg(sys_id, ' '), '') FROM task WHERE state = 'open'");
        (rows.len() == 1 && known == rows[0]["sys_id"]).then(|| rows.remove(0))
    })
}

fn all_closed(world: &World, node: &Node) {
    wait_for(format!("every task is closed: {}", node.log()), LIMIT, || {
        (open(world).is_empty() && world.database.psql("SELECT count(*) FROM task WHERE state <> 'closed'") == "0").then_some(())
    });
}

/// Waits until the ledger has a task in this state.
fn state(world: &World, node: &Node, word: &str) {
    wait_for(format!("a task is {word}: {}", node.log()), LIMIT, || {
        (world.database.psql("SELECT string_agg(state, ' ') FROM task WHERE state <> 'closed'") == word).then_some(())
    });
}

fn listed(world: &World, node: &Node) -> Vec<Value> {
    let out = node.command(world, &["--output", "json", "tasks"]).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)))
}

/// What the audit says of tasks, in order, each word once in a row.
fn steps(world: &World) -> String {
    let all =
        world.database.psql("SELECT string_agg(substr(detail::jsonb ->> 'action', 6), ', ' ORDER BY id) FROM audit WHERE kind = 'task'");
    let mut steps: Vec<&str> = all.split(", ").collect();
    steps.dedup();
    steps.join(", ")
}

#[test]
fn a_failed_record_has_one_task_that_says_why_and_is_closed_when_the_record_arrives() {
    let world = World::start();
    let mut node = service(&world);
    node.start_and_wait(&world);
    let key = invoices(&world).remove(0);
    change(&world, &key, REFUSED_DATE);
    sweep(&world);
    let task = one(&world, &node);
    assert!(task["short_description"].contains("Tieline: invoice") && task["short_description"].contains("(rejected)"), "{task:?}");
    for part in ["Period is closed", "What to do:", "https://tieline.example/records/EDU1/invoice/"] {
        assert!(task["description"].contains(part), "{part}: {task:?}");
    }
    assert!(task["correlation_id"].starts_with("tieline-") && task["urgency"] == "2" && task["number"].starts_with("TASK"), "{task:?}");
    let listed = listed(&world, &node);
    assert!(listed.len() == 1 && listed[0]["state"] == "open" && listed[0]["number"] == task["number"], "{listed:#?}");
    let admin = node.key(&world);
    let person = Person::sign_in(&node.site, &admin);
    let page = person.get("/tasks").body;
    assert!(page.contains(&task["number"]) && page.contains(&format!("sys_id={}", task["sys_id"])), "{page}");

    // the cause is another one: the same task says so
    let another = "UPDATE pending SET message = 'another reason' WHERE own_state = 'failed'";
    world.database.psql(another);
    wait_for("the task says the new cause", LIMIT, || open(&world)[0]["description"].contains("another reason").then_some(()));

    // closed there by somebody: shown, and neither changed nor opened nor created again
    assert!(world.servicenow.edit_row(TABLE, &task["sys_id"], &[("state", "3")]));
    state(&world, &node, "closed_there");
    assert!(person.get("/tasks").body.contains("closed in ServiceNow, and not resolved"));
    let writes = || {
        world.servicenow.requests().into_iter().filter(|(kind, _)| !kind.starts_with("GET") && kind.contains("table")).collect::<Vec<_>>()
    };
    let before = writes();
    world.database.psql("UPDATE pending SET message = 'a third reason' WHERE own_state = 'failed'");
    let noted = "SELECT count(*) FROM task WHERE description LIKE '%a third reason%'";
    wait_for("the ledger has the new text", LIMIT, || (world.database.psql(noted) == "1").then_some(()));
    let checked = "SELECT checked_at FROM task";
    let first = world.database.psql(checked);
    wait_for("it was looked at again", LIMIT, || (world.database.psql(checked) != first).then_some(()));
    assert_eq!((writes(), open(&world).len(), world.servicenow.count(TABLE)), (before, 0, 1));
    // opened again there by somebody: it counts again
    assert!(world.servicenow.edit_row(TABLE, &task["sys_id"], &[("state", "1")]));
    wait_for("the task says the third cause", LIMIT, || open(&world).first()?["description"].contains("a third reason").then_some(()));

    // corrected and delivered: closed, with a note
    change(&world, &key, "2031-01-01");
    sweep(&world);
    all_closed(&world, &node);
    let closed = world.servicenow.rows(TABLE).remove(0);
    assert!(closed["state"] == "3" && closed["work_notes"].starts_with("Resolved in Tieline at "), "{closed:?}");
    assert_eq!(steps(&world), "needed, created, updated, closed there, opened there, updated, resolved, closed");

    // it fails again: another task, and one whose row is deleted there is not created again
    change(&world, &key, REFUSED_DATE);
    sweep(&world);
    let again = one(&world, &node);
    assert!(again["correlation_id"] != task["correlation_id"] && world.servicenow.count(TABLE) == 2, "{again:?}");
    assert!(world.servicenow.delete_row(TABLE, &again["sys_id"]));
    state(&world, &node, "missing");
    change(&world, &key, "2031-01-02");
    sweep(&world);
    all_closed(&world, &node);
    assert_eq!(world.servicenow.count(TABLE), 1);
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_task_stands_once_after_a_lost_answer_and_after_a_kill() {
    let world = World::start();
    let mut node = service(&world);
    let key = invoices(&world).remove(0);
    change(&world, &key, REFUSED_DATE);
    sweep(&world);
    // the answer is lost after the row was written, twice: cut off, and replaced by an error
    let lost = |fault| world.servicenow.set_fault(FaultRule::always(fault).on_path(POST).on_method("POST").times(1));
    lost(Fault::DropAfterCommit);
    node.start_and_wait(&world);
    let task = one(&world, &node);
    assert_eq!((world.servicenow.faults_triggered(), world.servicenow.count(TABLE)), (1, 1));
    assert!(steps(&world).starts_with("needed, failed, created"), "{}", steps(&world));

    // killed while the answer of the close is awaited: it was written, and the next start sees that
    world.servicenow.clear_faults();
    world.servicenow.set_fault(FaultRule::always(Fault::HangAfterCommit).on_path(POST).on_method("PATCH").times(1));
    change(&world, &key, "2031-01-01");
    sweep(&world);
    wait_for("the close is written", LIMIT, || open(&world).is_empty().then_some(()));
    node.kill();
    world.servicenow.clear_faults();
    node.start_and_wait(&world);
    all_closed(&world, &node);
    assert_eq!((world.servicenow.count(TABLE), world.servicenow.rows(TABLE)[0]["sys_id"].clone()), (1, task["sys_id"].clone()));

    // killed while the answer of a creation is awaited
    world.servicenow.set_fault(FaultRule::always(Fault::HangAfterCommit).on_path(POST).on_method("POST").times(1));
    change(&world, &key, REFUSED_DATE);
    sweep(&world);
    wait_for("the task is written", LIMIT, || (world.servicenow.count(TABLE) == 2).then_some(()));
    node.kill();
    world.servicenow.clear_faults();
    node.start_and_wait(&world);
    one(&world, &node);
    assert_eq!((world.servicenow.count(TABLE), world.servicenow.duplicates(TABLE, "correlation_id")), (2, 0));
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn many_records_with_one_cause_are_one_task_and_an_open_difference_has_its_own() {
    let world = World::start();
    let mut node = service(&world);
    let keys: Vec<String> = invoices(&world).into_iter().take(4).collect();
    for key in &keys {
        change(&world, key, REFUSED_DATE);
    }
    sweep(&world);
    node.start_and_wait(&world);
    let task = one(&world, &node);
    assert!(task["short_description"].contains("4 records of invoice (company EDU1) failed for one cause"), "{task:?}");
    assert!(task["description"].contains("https://tieline.example/failures/"), "{task:?}");
    assert_eq!(world.servicenow.count(TABLE), 1);
    // fewer of them: the same task, with another count; none: closed
    change(&world, &keys[0], "2031-01-01");
    sweep(&world);
    wait_for("the task counts 3", LIMIT, || open(&world).first()?["short_description"].contains("3 records").then_some(()));
    for key in &keys {
        change(&world, key, "2031-01-01");
    }
    sweep(&world);
    all_closed(&world, &node);

    // somebody changes a row in ServiceNow: the tie-out finds it, and a replay corrects it
    let row = world.servicenow.rows("x_apo_invoice").into_iter().find(|row| row["u_source_key"].ends_with(&keys[0])).unwrap();
    assert!(world.servicenow.edit_row("x_apo_invoice", &row["sys_id"], &[("u_amount_invoiced", "1.23")]));
    tie_out(&world);
    let task = one(&world, &node);
    assert!(task["short_description"].contains("differs between both systems"), "{task:?}");
    assert!(task["description"].contains("What to do:") && task["description"].contains("https://tieline.example/tie-out"), "{task:?}");
    let out =
        world.command(&["replay", "--company", COMPANY, "--entity", "invoice", "--key", &keys[0], "--why", "a test"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    tie_out(&world);
    all_closed(&world, &node);
    assert_eq!(world.servicenow.count(TABLE), 2);
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn without_the_right_to_create_tasks_the_error_is_shown_and_deliveries_go_on() {
    let world = World::with(|instance| instance.table(TABLE).unwrap().no_create = true).settled();
    let mut node = service(&world);
    let keys: Vec<String> = invoices(&world).into_iter().take(2).collect();
    change(&world, &keys[0], REFUSED_DATE);
    sweep(&world);
    node.start_and_wait(&world);
    let error = wait_for(format!("the error is shown: {}", node.log()), LIMIT, || {
        listed(&world, &node).first()?["error"].as_str().map(str::to_owned)
    });
    assert!(error.contains("403") || error.contains("ACL"), "{error}");
    let metric = || node.get("/metrics").is_some_and(|(_, body)| body.contains("\ntieline_tasks_failing 1\n"));
    wait_for("it is counted", LIMIT, || metric().then_some(()));
    let out = node.command(&world, &["doctor", "--read-only"]).output().unwrap();
    assert!(text(&out).contains("tasks in ServiceNow") && text(&out).contains("1 could not be written"), "{}", text(&out));
    let admin = node.key(&world);
    assert!(Person::sign_in(&node.site, &admin).get("/tasks").body.contains("Tried again at"));
    // tried again, and nothing else waits for it
    let tries = || world.database.psql("SELECT tries FROM task").parse::<i32>().unwrap();
    let before = tries();
    wait_for("it is tried again", LIMIT, || (tries() > before).then_some(()));
    change(&world, &keys[1], "2031-01-01");
    sweep(&world);
    let key = format!("{COMPANY}/invoice/{}", keys[1]);
    assert_eq!(world.servicenow.find("x_apo_invoice", "u_source_key", &key).unwrap()["u_due_date"], "2031-01-01");
    assert_eq!(world.database.psql("SELECT count(*) FROM audit WHERE kind = 'task' AND detail::jsonb ->> 'action' = 'task failed'"), "1");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_task_that_is_found_by_its_name_gets_the_texts_of_now_and_is_known_by_its_row() {
    let world = World::start();
    let mut node = service(&world);
    let key = invoices(&world).remove(0);
    change(&world, &key, REFUSED_DATE);
    sweep(&world);
    // the answer of the creation is lost, and the cause is another one by the time of the next attempt
    let lost = || world.servicenow.set_fault(FaultRule::always(Fault::DropAfterCommit).on_path(POST).on_method("POST").times(1));
    lost();
    node.start_and_wait(&world);
    wait_for(format!("the answer is lost: {}", node.log()), LIMIT, || (world.servicenow.faults_triggered() == 1).then_some(()));
    world.database.psql("UPDATE pending SET message = 'another reason' WHERE own_state = 'failed'");
    let task = one(&world, &node);
    wait_for("the task says the new cause", LIMIT, || open(&world).first()?["description"].contains("another reason").then_some(()));
    assert_eq!(world.servicenow.count(TABLE), 1);
    change(&world, &key, "2031-01-01");
    sweep(&world);
    all_closed(&world, &node);

    // the same, and somebody closes it there before it is found: opened again there, it counts again
    world.servicenow.clear_faults();
    lost();
    let triggered = world.servicenow.faults_triggered();
    change(&world, &key, REFUSED_DATE);
    sweep(&world);
    wait_for("the answer is lost", LIMIT, || (world.servicenow.faults_triggered() > triggered || !open(&world).is_empty()).then_some(()));
    let again = open(&world).remove(0);
    assert!(again["sys_id"] != task["sys_id"] && world.servicenow.edit_row(TABLE, &again["sys_id"], &[("state", "3")]));
    state(&world, &node, "closed_there");
    assert_eq!(world.database.psql("SELECT sys_id FROM task WHERE state = 'closed_there'"), again["sys_id"]);
    assert!(world.servicenow.edit_row(TABLE, &again["sys_id"], &[("state", "1")]));
    state(&world, &node, "open");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn without_a_column_for_names_no_task_is_created_or_no_second_one() {
    for (what, shows_dictionary, most) in [("the dictionary lacks it", true, 0), ("it keeps nothing", false, 1)] {
        let world = World::with(|instance| {
            instance.dictionary = shows_dictionary;
            let table = instance.table(TABLE).unwrap();
            match shows_dictionary {
                true => table.columns.retain(|column| column.name != "correlation_id"),
                false => table.unwritable.push("correlation_id".into()),
            }
        })
        .settled();
        let mut node = service(&world);
        let keys: Vec<String> = invoices(&world).into_iter().take(2).collect();
        for key in &keys {
            change(&world, key, REFUSED_DATE);
        }
        sweep(&world);
        node.start_and_wait(&world);
        let named = || {
            let errors: Vec<String> = listed(&world, &node).iter().filter_map(|task| task["error"].as_str().map(str::to_owned)).collect();
            errors.iter().any(|error| error.contains("`correlation_id`")).then_some(errors)
        };
        wait_for(format!("{what}: the column is named: {}", node.log()), LIMIT, named);
        // each of the two has been looked at again
        let looks = || world.database.psql("SELECT sum(tries) FROM task").parse::<i64>().unwrap();
        let before = looks();
        wait_for(format!("{what}: it is tried again"), LIMIT, || (looks() > before + 1).then_some(()));
        assert_eq!(world.servicenow.count(TABLE), most, "{what}");
        let out = node.command(&world, &["doctor", "--read-only"]).output().unwrap();
        assert!(text(&out).contains("`correlation_id`"), "{what}: {}", text(&out));
        assert_eq!(node.terminate(), Some(0));
    }
}
