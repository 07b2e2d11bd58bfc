//! The real binary, killed at every boundary of the delivery path and restarted: nothing is lost or doubled, and no amount is wrong.
//!
//! A scenario is run once to learn its points, then once for each of them with `kill -9` there. `make crash-test` runs all points; a plain
//! test run takes a few of each scenario.

mod play;
mod scenarios;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use self::play::Play;
use self::scenarios::{SCENARIOS, Scenario};

/// Points of a scenario that a plain test run takes; `TIELINE_CRASH=all` takes every one.
const SOME: usize = 3;

/// What the ledger does, but not while it delivers: each with the reason why no crash there can lose or double anything.
const ELSEWHERE: &[(&str, &str)] = &[
    ("add an API key", "an action of a person, one statement"),
    ("find an API key", "reads"),
    ("list API keys", "reads"),
    ("read what was sent of a record", "reads"),
    ("read what is known of records", "reads, for a preview"),
    ("find parents that are not delivered", "reads, for a preview"),
    ("open a console session", "an action of a person, one transaction"),
    ("use a console session", "one statement, of a person who reads"),
    ("close a console session", "an action of a person, one transaction"),
    ("remove an API key", "an action of a person, one statement"),
    ("change an API key", "an action of a person, one transaction"),
    ("use an attempt to sign in", "one transaction; without it the person signs in again"),
    ("sign a person in", "an action of a person, one transaction"),
    ("store a refused sign-in", "one statement; the person was not let in before"),
    ("list people", "reads"),
    ("free the name of a person", "an action of a person, one transaction"),
    ("compare settings", "one transaction at the start, before anything else is done; the next start compares again"),
    ("set a credential", "an action of a person, one transaction"),
    ("remove a credential", "an action of a person, one transaction"),
    ("list credentials", "reads"),
    ("pause a flow", "an action of a person, one transaction"),
    ("resume a flow", "an action of a person, one transaction"),
    ("resume sending", "an action of a person, one transaction"),
    ("find pauses", "health reads it"),
    ("list what changes", "reads"),
    ("forget a flow", "an action of a person, one transaction"),
    ("read which definitions are in force", "reads"),
    ("list definitions", "reads"),
    ("compare definitions", "reads"),
    ("compare records with what was sent", "reads"),
    ("count records of other definitions", "reads"),
    ("read records of other definitions", "reads"),
    ("read what became of a replay", "reads"),
    ("read what is to be released", "reads"),
    ("list companies", "reads"),
    ("tell the time", "reads"),
    ("follow the clock", "where the server's clock was set back alone, one transaction; without it the next heartbeat does it"),
    ("write an audit row", "an action of a person, one statement"),
    ("list the audit", "reads"),
    ("find the newest audit rows", "reads"),
    ("verify the audit", "reads"),
    ("count what is not sealed", "reads"),
    ("see which days are to be signed", "reads"),
    ("read what a day covers", "reads"),
    ("read leaves of the audit", "reads"),
    ("read signed days", "reads"),
    ("read the head of the audit", "reads"),
    ("list the keys of the audit", "reads"),
    ("add a key of the audit", "once, one transaction; without it the next pass makes a key"),
    ("change the key of the audit", "an action of a person, one transaction"),
    (
        "take a head that is due outside",
        "only where it is configured; a head that was taken and not written is taken again after the lease",
    ),
    ("store that a head is outside", "the same; without it the head is written again into the same row"),
    ("store that a head is not outside", "the same; without it the head is tried again after the lease"),
    ("list the heads outside", "reads"),
    ("read time stamps", "reads"),
    ("see whether the schema is newer", "reads, when the audit could not be sealed"),
    ("store the manifest of a day", "once a day, one transaction; without it the next pass signs the day"),
    (
        "write the head of the audit",
        "once a day, one statement; without it the head of that day is in no notice, and that of the next one is",
    ),
    ("remove what is old", "once a day, of rows that nothing needs; each step is one transaction, and the next pass removes the rest"),
    ("remove old events", "the same, by whole seals"),
    ("count what is old", "reads"),
    (
        "begin a day of the ledger",
        "one statement, which only a running service sends; the pass of the next day removes what a killed one left",
    ),
    ("read the size of the ledger", "reads"),
    ("see whether it was restored", "one transaction, before anything else is done; without it the next command does it"),
    ("say which life it is in", "reads"),
    ("say what it holds last", "reads"),
    ("see how far the comparison has come", "after a restore alone: killed there by its drill"),
    ("list the tables where records landed", "reads"),
    ("list the newest records", "reads"),
    ("list what arrived last", "reads"),
    ("stop flows", "where ServiceNow went back alone, one transaction; without it the next start checks again"),
    ("keep rows to be compared", "the same"),
    ("note what cannot be compared", "the same"),
    ("read what was confirmed", "reads"),
    ("find rows to be compared", "reads"),
    ("store what a comparison found", "after a restore alone: killed there by its drill"),
    ("find rows that the ledger does not know", "reads"),
    ("adopt rows that the ledger does not know", "after a restore alone: killed there by its drill"),
    ("end a flow's comparison", "the same"),
    ("list the flows that it has anything of", "reads"),
    ("set a flow aside that is not configured", "after a restore alone, one transaction; without it the next comparison does it"),
    ("end the comparison after a restore", "the same"),
    ("list runs", "reads"),
    ("list failures", "reads"),
    ("list failures by cause", "reads"),
    ("list failures by record", "reads"),
    ("count failures", "reads"),
    ("find fields that were not kept", "reads"),
    ("list parents that were not read", "reads"),
    (
        "say that parents do not come",
        "one statement, where records wait for a parent that SYSPRO lacks; without it the next whole read says so",
    ),
    ("read the names of flows", "reads"),
    ("list the nodes", "reads"),
    ("list documents", "reads"),
    ("list the placeholders of rows", "reads"),
    ("read a record's life", "reads"),
    ("list what is not delivered", "reads"),
    ("count parents that were never read", "reads"),
    ("count what is outstanding", "reads"),
    ("read what the metrics show", "reads"),
    ("find due deliveries", "reads"),
    ("find rows", "reads"),
    ("write a heartbeat", "one statement, of a running service alone"),
    ("renew a lease", "one statement, between pages that take long"),
    ("release a flow", "of backfills alone, where their run could not start; without it the lease ends when its time is over"),
    ("hold records", "an action of a person, one statement"),
    ("release records", "an action of a person, one statement"),
    ("ask for a backfill", "an action of a person, one transaction"),
    ("cancel a backfill", "an action of a person, one transaction"),
    ("list backfills", "reads"),
    ("read the next backfill", "reads"),
    ("find work", "of a running service alone, one transaction; without it the next second does it"),
    ("note a backfill's trouble", "one statement; without it the backfill is tried again at once"),
    ("take records to be polled", "of watched targets alone; what was taken comes again after ten minutes"),
    ("store what became of records", "of watched targets alone, one transaction; without it the record is polled again"),
    ("find what people are told of", "of services with channels alone, one transaction"),
    ("take what a channel is to tell", "of services with channels alone; what was taken comes again after ten minutes"),
    ("store what a channel told", "of services with channels alone; without it the message is sent once more"),
    ("note an action's key", "an action of a person, one transaction"),
    ("keep an action's answer", "one statement; without it the key is free again after two minutes"),
    ("begin a tie-out", "an action of a person, one transaction"),
    ("end a tie-out", "one transaction; without it the next tie-out ends it"),
    ("end abandoned tie-outs", "one statement; the next tie-out does it again"),
    ("store what a tie-out compares", "of tie-outs alone, which write to neither system; another tie-out starts from the beginning"),
    ("keep what a tie-out read", "the same"),
    ("drop what a tie-out read", "the same"),
    ("read documents of a tie-out again", "the same"),
    ("drop the rows of ServiceNow before they are listed", "the same; without its listing, a table is listed again"),
    ("keep the rows of ServiceNow", "the same"),
    ("store which tables a tie-out listed", "the same"),
    ("store the periods of rows of ServiceNow", "the same"),
    ("store causes of differences", "the same"),
    ("store what violates a control", "the same"),
    ("store the controls of a tie-out", "the same"),
    ("compare which records both sides have", "the same"),
    ("store the values that differ", "the same"),
    ("find why both sides differ", "the same"),
    ("compare the values of both sides", "reads"),
    ("list what is gone", "reads"),
    ("list the documents that differ", "reads"),
    ("begin to keep what SYSPRO answers to a tie-out", "of tie-outs alone; without it the next tie-out reads everything"),
    ("keep what SYSPRO answered to a tie-out", "the same"),
    ("store that a tie-out has read SYSPRO", "the same"),
    ("find an earlier tie-out whose results may count", "reads"),
    ("list what SYSPRO answered to an earlier tie-out", "reads"),
    ("take over what an earlier tie-out found", "of tie-outs alone, one transaction; another tie-out starts from the beginning"),
    ("list tie-outs", "reads"),
    ("make a step of a close", "an action of a person, one transaction"),
    ("store a reason for a difference", "an action of a person, one transaction"),
    ("list closes", "reads"),
    ("ask for an approval", "an action of a person, one transaction"),
    ("end the use of an approval", "one transaction; without it the approval is given back for the records that were not queued"),
    ("answer a request for approval", "an action of a person, one transaction"),
    ("withdraw a request for approval", "an action of a person, one transaction"),
    ("count the records of an action", "reads"),
    ("read which records an approval is for", "reads"),
    ("read the approval of definitions", "one transaction, which ends what is too late; the next one does it again"),
    ("end requests for approval that are too late", "one transaction; the next one does it again"),
    ("count what an adoption decides", "reads"),
    ("find what needs a task", "one transaction; the next look does it again (`tasks`)"),
    ("take a task", "a kill after it leaves the task taken, and it is taken again (`tasks`)"),
    ("store what became of a task", "a kill before it leaves the task taken, and it is taken again and searched (`tasks`)"),
    ("take tasks to look at", "one transaction; the next look does it again"),
    ("store what was seen of tasks", "one transaction; the next look does it again"),
    ("list tasks", "reads"),
    ("count tasks", "reads"),
    ("list requests for approval", "one transaction, which ends what is too late; the next one does it again"),
    ("list what closes may be based on", "reads"),
    ("list fiscal calendars", "reads"),
    ("keep a fiscal calendar", "of tie-outs alone, one transaction; the next tie-out reads it again"),
    ("list the newest steps of closes", "reads"),
    ("list the steps of a close", "reads"),
    ("list the reasons of a close", "reads"),
    ("find the newest tie-out of a company", "reads"),
    ("read what a close is based on", "reads"),
    ("list what changed in closed periods", "reads"),
    ("count what locked periods hold", "reads"),
    ("find a scheduled tie-out", "reads"),
    ("list what tie-outs listed", "reads"),
    ("list the rows of ServiceNow without a record", "reads"),
    ("list the records that one side has", "reads"),
    ("list the controls of a tie-out", "reads"),
    ("list the groups of a tie-out", "reads"),
    ("store a sub-ledger against its control accounts", "of tie-outs alone, one transaction a company; another tie-out reads it again"),
    ("list the sub-ledgers of a tie-out", "reads"),
    ("list the entries of sub-ledgers", "reads"),
    ("list what violates a control", "reads"),
    ("list the sums with a cause", "reads"),
    ("count the differences of a tie-out", "reads"),
    ("count the differences of a tie-out by age", "reads"),
    ("read the definitions of a period", "reads"),
    ("read the definitions of a tie-out", "reads"),
    ("find a tie-out", "reads"),
    ("find the newest tie-out", "reads"),
    ("list the blocks of a tie-out", "reads"),
    ("list the sums of a tie-out", "reads"),
    ("list the differences of a tie-out", "reads"),
    ("list conflicts", "reads"),
    ("read an alignment's state", "reads, of aligned flows alone"),
    ("read aligned documents", "reads, of aligned flows alone"),
    ("forget the rows of the last comparison", "of aligned flows alone; the next run reads them anew"),
    ("keep a page of rows to be compared", "the same"),
    ("mark whose the rows are", "the same"),
    ("note whose rows were found", "the same"),
    ("find the rows of documents", "reads, of aligned flows alone"),
    ("read rows that no document has", "reads, of aligned flows alone"),
    ("read which rows must be asked for", "reads, of aligned flows alone"),
    ("read the open conflicts of a comparison", "reads, of aligned flows alone"),
    ("read the open conflicts of rows alone", "reads, of aligned flows alone"),
    ("take an alignment in", "one transaction a page, of aligned flows alone; the next run compares the other pages again"),
    ("end an alignment", "of aligned flows alone; without it the next run reads the same again"),
    ("forget what SYSPRO was asked to store", "of aligned flows alone, one statement"),
    ("read what is to be applied in SYSPRO", "reads, of aligned flows alone"),
    ("read what SYSPRO was asked to store", "of aligned flows alone: killed there by the test of the way back"),
    ("begin a change in SYSPRO", "the same"),
    ("note a change in SYSPRO", "the same"),
    ("decide conflicts", "an action of a person, one statement"),
    ("adopt two lists", "an action of a person, one statement"),
    ("say that it is alive", "reads"),
    ("say what it is", "reads"),
    ("say how far its schema is", "reads"),
    ("ask who uses the e.net session", "reads"),
    ("take the e.net session", "of sites that read through e.net alone: killed there by the tests of e.net"),
    ("note the e.net session", "the same"),
    ("give the e.net session back", "the same"),
    ("find e.net sessions left open", "reads"),
];

/// Rounds in which a point is tried until it is reached.
const ROUNDS: u32 = 5;

/// What came of a scenario.
#[derive(Default)]
struct Tally {
    points: usize,
    missed: Vec<String>,
    wrong: Vec<String>,
}

fn crash(scenario: &Scenario) {
    let play = Play::start();
    let all = recurring(&play, scenario);
    // a sample is of triggered points: if a round does not reach one, the next one replaces it
    let some = if costly(scenario) { 1 } else { SOME };
    let wanted = if complete() { all.len() } else { some.min(all.len()) };
    let mut tally = Tally::default();
    for point in &chosen(all) {
        if tally.points == wanted {
            break;
        }
        match trigger(&play, scenario, point) {
            Ok(true) => tally.points += 1,
            Ok(false) => tally.missed.push(point.clone()),
            Err(why) => {
                tally.points += 1;
                tally.wrong.push(format!("{point}: {why}"));
            }
        }
    }
    println!(
        "crash: {}: {} points, {} wrong, {} not reached {:?}",
        scenario.name,
        tally.points,
        tally.wrong.len(),
        tally.missed.len(),
        tally.missed
    );
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
    // a page more or a query less may shift a few points from one run to the next
    let triggered = if complete() { tally.points > tally.missed.len() * 5 } else { tally.points == wanted };
    assert!(triggered, "{} points were struck, {:?} were not reached", tally.points, tally.missed);
}

/// The points of a round that was like the one before it. The first round has none before it to change something of, and now and then what
/// is new falls into two pages.
fn recurring(play: &Play, scenario: &Scenario) -> Vec<String> {
    let mut before = play.points(scenario);
    if costly(scenario) && !complete() {
        return before;
    }
    for _ in 0..ROUNDS {
        let points = play.points(scenario);
        if points.iter().collect::<BTreeSet<_>>() == before.iter().collect() {
            return points;
        }
        before = points;
    }
    before
}

/// Whether the process was killed at the point, within some rounds: now and then what is new falls into two pages, because each round adds
/// documents before it.
fn trigger(play: &Play, scenario: &Scenario, point: &str) -> Result<bool, String> {
    for _ in 0..ROUNDS {
        if play.kill_at(scenario, point)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a round takes long: each reads all of the large documents again.
fn costly(scenario: &Scenario) -> bool {
    scenario.name.starts_with("large")
}

/// Whether every point is struck, and not a sample.
fn complete() -> bool {
    std::env::var("TIELINE_CRASH").is_ok_and(|which| which == "all")
}

/// All points, or those of a sample, each followed by two that may replace it.
fn chosen(points: Vec<String>) -> Vec<String> {
    if complete() {
        return points;
    }
    // spread over the whole run, and not the same ones for ever: the day decides where to begin
    let step = (points.len() / SOME).max(1);
    let from = usize::try_from(chrono::Utc::now().timestamp() / 86_400).unwrap_or(0);
    let turn = |turn: usize| points.iter().skip((from + turn) % step).step_by(step).take(SOME).cloned().collect::<Vec<_>>();
    let mut chosen: Vec<String> = Vec::new();
    for point in (0..3).flat_map(turn) {
        if !chosen.contains(&point) {
            chosen.push(point);
        }
    }
    chosen
}

macro_rules! scenario_tests {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            crash(SCENARIOS.iter().find(|scenario| scenario.name == stringify!($name)).unwrap());
        })+

        #[test]
        fn every_scenario_has_a_test() {
            let tests = BTreeSet::from([$(stringify!($name)),+]);
            assert_eq!(SCENARIOS.iter().map(|scenario| scenario.name).collect::<BTreeSet<_>>(), tests);
        }
    };
}

scenario_tests!(
    cost_center,
    gl_account,
    supplier,
    supplier_changed,
    purchase_order,
    invoice,
    invoices,
    gl_posting,
    sweep,
    parent,
    refused,
    look_up,
    replay,
    replay_lost,
    replay_unknown,
    replay_first,
    large,
    large_changed
);

/// With several workers, one could be killed in a claim that finds nothing, while the batch of another one is on its way.
const ONE_WORKER: &[(&str, &str)] = &[("TIELINE__SERVICENOW__CONCURRENCY", "1")];

/// A kill inside of these transactions, at each of their statements, also in a run of the tests that takes a sample of all points.
#[test]
fn a_transaction_that_is_killed_has_done_nothing() {
    let play = Play::start();
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == "invoice").unwrap();
    let places = "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM intent)";
    let points = recurring(&play, scenario);
    for (transaction, after) in [
        // the claim has taken a row out of the outbox and written its intent: the row is there again, and the intent is not. It was the claim
        // of the header, or that of the lines after the header was delivered: a claim reads its two queues in either order
        ("claim_deliveries", Some(["2|0", "1|0"])),
        ("add_the_counts_of_runs", None),
    ] {
        let of = format!("ledger:{transaction}:");
        let points: Vec<&String> = points.iter().filter(|point| point.starts_with(&of) && point.ends_with(":after")).collect();
        assert!(points.len() > 1, "{transaction}: {points:?}");
        for point in points {
            let seen = std::cell::RefCell::new(String::new());
            let killed = play.kill_and_look(scenario, point, ONE_WORKER, &|world| *seen.borrow_mut() = world.database.psql(places));
            assert_eq!(killed, Ok(true), "{point}");
            if let Some(after) = after.filter(|_| !point.ends_with("_commit:after")) {
                assert!(after.contains(&seen.borrow().as_str()), "{point}: {}", seen.borrow());
            }
        }
    }
}

/// Every transaction that the ledger can make is either killed in some scenario, or named above with a reason.
#[test]
fn no_boundary_is_without_a_scenario() {
    let mut passed = BTreeSet::new();
    let play = Play::start();
    for scenario in SCENARIOS {
        passed.extend(play.points(scenario).into_iter().filter_map(|point| {
            let rest = point.strip_prefix("ledger:")?.to_owned();
            Some(rest.split(':').next()?.replace('_', " "))
        }));
    }
    let declared = transactions(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store"));
    assert!(declared.len() > 20, "the ledger is not where it was: {declared:?}");
    let elsewhere: BTreeSet<String> = ELSEWHERE.iter().map(|(what, _)| (*what).to_owned()).collect();
    let unknown: Vec<_> = elsewhere.difference(&declared).collect();
    assert!(unknown.is_empty(), "no longer in the ledger: {unknown:?}");
    let missing: Vec<_> = declared.difference(&passed).filter(|what| !elsewhere.contains(*what)).collect();
    assert!(missing.is_empty(), "no scenario comes by, and no reason is given: {missing:?}");
}

/// The names of all transactions, read off the source.
fn transactions(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(transactions(&path));
        }
        let tests = path.file_name().is_some_and(|name| name == "tests.rs");
        if path.extension().is_some_and(|extension| extension == "rs") && !tests {
            let text = fs::read_to_string(&path).unwrap().replace(".run_hot(\"", ".run(\"").replace(".run_single(\"", ".run(\"");
            let names = text.split(".run(\"").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.map(str::to_owned));
        }
    }
    found
}
