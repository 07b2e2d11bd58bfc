//! Differences of every cause, planted at random places of a year of invoices in three currencies: one tie-out finds each of them, names its
//! cause, and lists nothing else; its sums are those of both systems. The test shares no code with the checker: `books` works out keys,
//! periods and sums from the simulators' tables.
//!
//! A test run plants 100 differences in 1,500 invoices. `make planted` plants 1,000, 50 of each cause, in 100,000, with the release build
//! (`TIELINE_PLANTED=full`; a number of invoices from 5,000 on plants 1,000 in so many). A seed decides which records are chosen; it is
//! printed, and `TIELINE_PLANTED_SEED` plays it again.
//!
//! Each difference has a record of its own. `ways` plants them, by the simulators as people and jobs would make them:
//!
//! | cause | planted by |
//! |---|---|
//! | `not_read_yet` | new invoices, and silent edits of invoices, lines, postings and suppliers in SYSPRO after the last run; invoices that are back after a sweep marked them as purged |
//! | `queued` | `tieline replay --no-send`, and a row that somebody changed or deleted |
//! | `unknown` | new invoices whose requests ServiceNow cuts off; nothing is looked up before the tie-out |
//! | `left_out` | invoices before `[flows] since`; lines of orders that become comments (`only_if`); journals put on hold (`filter`) |
//! | `staged` | staging rows set back to `pending`, and their target rows deleted |
//! | `gone` | invoices deleted in SYSPRO before they are paid |
//! | `purged` | invoices deleted in SYSPRO after they were paid |
//! | `waiting` | new invoices of a supplier that there is not |
//! | `failed` | a due date that the instance refuses, for a known and for a new invoice; a currency that cannot be mapped |
//! | `downstream` | invoices that the instance's own workflow rejects after their delivery, and whose rows it deletes or empties |
//! | `on_hold` | `tieline hold`, and a change of the invoice |
//! | `outdated` | a code list that changes after the delivery, for the invoices with that code |
//! | `rounding` | amounts with one decimal less, and amounts in the column's own currency |
//! | `partial_write` | references that are longer than the instance's column |
//! | `changed_in_servicenow` | rows that somebody edits: amounts, currencies, texts; of invoices, lines, suppliers, orders, postings, and of an invoice that SYSPRO no longer has |
//! | `hidden` | suppliers that an access rule hides. The whole block is unverified then, so amounts are left out of it |
//! | `deleted_in_servicenow` | rows that somebody deletes |
//! | `twice` | rows that somebody copies |
//! | `unknown_row` | rows that somebody makes with a key of the flow |
//! | `unexplained` | rows deleted, of records whose row the ledger was made to forget by SQL |
//!
//! Every cause can be planted at single records. A change of the definitions, a locked period or a hidden table concern many records at
//! once: they are planted here by what of them hits the chosen records alone.

mod books;
mod judge;
mod plant;
mod site;
mod ways;

use std::collections::BTreeSet;
use std::fs::File;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::judge::{judge, wrong_sums};
use self::plant::Planter;
use self::site::Site;
use self::ways::SINCE;
use crate::hostile::peak;

/// Causes that cannot be planted at single records, each with the reason.
const NOT_PLANTED: [(&str, &str); 0] = [];

/// The causes that the documentation of the tie-out lists.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../docs/tie-out.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Causes\n")).unwrap();
    section.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect()
}

/// How much is planted.
struct Size {
    documents: u32,
    /// Differences of each cause.
    each: usize,
    /// How long the load may take.
    limit: Duration,
}

fn size() -> Size {
    let Ok(size) = std::env::var("TIELINE_PLANTED") else {
        return Size { documents: 1_500, each: 5, limit: Duration::from_secs(120) };
    };
    let documents = if size == "full" { 100_000 } else { size.parse().unwrap() };
    Size { documents, each: 50, limit: Duration::from_secs(3600) }
}

/// What a tie-out says, its exit code, its time and the most memory that its process had, in KiB.
fn tie_out(site: &Site, since: &str) -> (Value, Option<i32>, Duration, u64) {
    let [report, log] = ["report.json", "tie-out.log"].map(|name| site.world.site.path(name));
    let mut command = site.command(&["--output", "json", "tie-out", "--why", "month end"]);
    command.env("TIELINE__FLOWS__SINCE", since);
    let started = Instant::now();
    let mut child = command.stdout(File::create(&report).unwrap()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let mut memory = 0;
    let code = loop {
        memory = memory.max(peak(child.id()));
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let took = started.elapsed();
    let said = std::fs::read_to_string(&report).unwrap();
    let parsed = serde_json::from_str(&said);
    (parsed.unwrap_or_else(|error| panic!("{error}: {said} {}", std::fs::read_to_string(&log).unwrap())), code, took, memory)
}

#[test]
fn every_planted_difference_is_found_with_its_cause_and_nothing_else_is() {
    let Size { documents, each, limit } = size();
    let seed = std::env::var("TIELINE_PLANTED_SEED").ok().map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    println!("planted {seed}: {documents} invoices; TIELINE_PLANTED_SEED={seed} plays it again");
    let site = Site::start(documents, seed, limit);
    let mut planter = Planter::new(&site, seed, each);
    planter.before_the_load();
    let started = Instant::now();
    site.rest(&["sync"]);
    println!("planted {seed}: loaded in {} s", started.elapsed().as_secs());
    // a year, and three currencies
    let loaded = books::of_syspro(&site.world);
    let headers = || loaded.iter().filter(|(id, _)| id.entity == "invoice" && id.block == "header").map(|(_, booked)| booked);
    let currencies: BTreeSet<&str> = headers().map(|booked| booked.currency.as_str()).collect();
    assert_eq!((headers().count(), currencies), (documents as usize, BTreeSet::from(["EUR", "USD", "ZAR"])));
    assert!(headers().map(|booked| booked.period).collect::<BTreeSet<_>>().len() >= 12);

    planter.by_runs();
    let was = books::of_syspro(&site.world);
    planter.by_hand();
    let causes: BTreeSet<String> = planter.planted.iter().map(|one| one.cause.to_owned()).collect();
    let not_planted = NOT_PLANTED.iter().map(|(cause, _)| (*cause).to_owned());
    assert_eq!(
        causes.iter().cloned().chain(not_planted).collect::<BTreeSet<_>>(),
        documented(),
        "every cause is planted, or named with the reason"
    );
    let (report, code, took, memory) = tie_out(&site, &planter.days_ago(SINCE));
    let figures = judge(&report, &planter.planted);
    let [planted, found, right] = figures.totals();
    for (cause, counts) in &figures.causes {
        println!("planted {seed}: {cause}: {} planted, {} found, {} with this cause", counts[0], counts[1], counts[2]);
        assert_eq!(counts[0], each, "{cause}");
    }
    println!(
        "planted {seed}: {planted} planted, {found} found, {right} with the right cause, {} false; tie-out {}.{:03} s, {} MiB",
        figures.untrue,
        took.as_secs(),
        took.subsec_millis(),
        memory >> 10
    );
    let wrong = wrong_sums(&report, &books::sums(&site.world, &was, &planter.delivered, &planter.marked), &["supplier"]);
    assert!(figures.wrong.is_empty() && wrong.is_empty(), "seed {seed}: {:#?} {wrong:#?} {:#}", figures.wrong, report["blocks"]);
    assert_eq!((planted, found, right), (causes.len() * each, planted, planted), "seed {seed}");
    // hidden rows cannot be verified
    assert_eq!(code, Some(8), "seed {seed}");
}
