//! Many tasks at once that read, claim, settle, hold, release, replay, forget and recover the same documents. A seed decides what each task
//! does; the machine decides the order.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use futures_util::future::join_all;
use tieline::domain::delivery::Attempt;
use tieline::domain::ids::{DeliveryId, DocumentId};
use tieline::domain::run::RunKind;
use tieline::store::{Claimed, Dead, Resend, Undelivered};

use super::*;
use crate::support::run;

const TASKS: u64 = 8;
const STEPS: usize = 50;
const DOCUMENTS: usize = 4;
const LINES: usize = 6;

/// A record: its document, its block, its key.
type Record = (DocumentId, String, String);

/// What the test knows of the ledger.
#[derive(Default)]
struct Known {
    /// What was read last of each document.
    contents: BTreeMap<String, Content>,
    texts: u32,
    /// The deliveries that batches have, and the newest that was claimed of each record.
    sent: HashMap<Record, HashSet<DeliveryId>>,
    newest: HashMap<Record, DeliveryId>,
    wrong: Vec<String>,
}

struct Race {
    ledger: Ledger,
    known: RefCell<Known>,
    /// One reader at a time, as the lease of the flow has it.
    reader: tokio::sync::Mutex<()>,
}

impl Race {
    /// Some of the documents, in any order.
    fn keys(random: &mut fastrand::Rng) -> Vec<String> {
        let mut keys: Vec<String> = (0..DOCUMENTS).map(|n| n.to_string()).collect();
        random.shuffle(&mut keys);
        keys.truncate(random.usize(1..3));
        keys
    }

    fn note(&self, what: &str, error: &StoreError) {
        self.known.borrow_mut().wrong.push(format!("{what}: {error} {error:?}"));
    }

    /// Reads documents of which some texts are new.
    async fn read(&self, random: &mut fastrand::Rng) {
        let _alone = self.reader.lock().await;
        let mut page = Vec::new();
        for key in Self::keys(random) {
            let mut known = self.known.borrow_mut();
            let mut content = known.contents.get(&key).cloned().unwrap_or_else(|| Content::of(0, &[0; LINES]));
            let Content { header, lines } = &mut content;
            for text in header.iter_mut().chain(lines) {
                if random.u8(0..3) == 0 {
                    known.texts += 1;
                    *text = known.texts;
                }
            }
            page.push((key, content));
        }
        self.store_read(page).await;
    }

    async fn store_read(&self, page: Vec<(String, Content)>) {
        let run = self.ledger.run(RunKind::Poll).await;
        let documents = page.iter().map(|(key, content)| content.document(key)).collect();
        match self.ledger.store.intake(Intake::of(flow(), run, documents)).await {
            Ok(_) => self.known.borrow_mut().contents.extend(page),
            Err(error) => self.note("read", &error),
        }
    }

    async fn replay(&self, random: &mut fastrand::Rng) {
        let documents: Vec<_> = {
            let known = self.known.borrow();
            Self::keys(random).iter().filter_map(|key| Some(known.contents.get(key)?.document(key))).collect()
        };
        let run = self.ledger.run(RunKind::Replay).await;
        let page = Intake { resend: Resend::Everything, ..Intake::of(flow(), run, documents) };
        if let Err(error) = self.ledger.store.intake(page).await {
            self.note("replay", &error);
        }
    }

    /// Claims a batch and stores what became of each of its deliveries.
    async fn send(&self, random: &mut fastrand::Rng, all: bool) -> usize {
        let block = if random.bool() { "header" } else { "lines" };
        let attempt = if random.u8(0..3) == 0 { Attempt::LookUp } else { Attempt::Send };
        let claim = match self.ledger.claim_to(block, random.i64(1..8), attempt).await {
            Ok(claim) => claim,
            Err(error) => {
                self.note("claim", &error);
                return 0;
            }
        };
        let record = |one: &Claimed| (one.document_id, block.to_owned(), one.record_key.clone());
        {
            let mut known = self.known.borrow_mut();
            for one in &claim.deliveries {
                let others = known.sent.entry(record(one)).or_default();
                others.insert(one.delivery_id);
                let also = (others.len() > 1).then(|| format!("{others:?} of {:?} are on their way at once", record(one)));
                let newest = known.newest.entry(record(one)).or_insert(one.delivery_id);
                let older = (*newest > one.delivery_id).then(|| format!("{} is sent after {newest} of {:?}", one.delivery_id, record(one)));
                *newest = one.delivery_id.max(*newest);
                known.wrong.extend(also.into_iter().chain(older));
            }
        }
        if claim.deliveries.is_empty() {
            return 0;
        }
        tokio::task::yield_now().await;
        {
            let mut known = self.known.borrow_mut();
            for one in &claim.deliveries {
                known.sent.entry(record(one)).or_default().remove(&one.delivery_id);
            }
        }
        // a sender that dies settles nothing
        if !all && random.u8(0..12) == 0 {
            return claim.deliveries.len();
        }
        let fates: HashMap<DeliveryId, u8> = claim.deliveries.iter().map(|one| (one.delivery_id, random.u8(0..10))).collect();
        let confirm = confirmed(block);
        let verdict = |one: &Claimed| match fates[&one.delivery_id] {
            _ if all => confirm(one),
            0 => failed(),
            1 | 2 => deferred(),
            3 | 4 => unknown(),
            _ => confirm(one),
        };
        match self.ledger.settle(&claim, attempt, verdict).await {
            Ok(()) | Err(StoreError::Fenced { .. }) => {}
            Err(error) => self.note("settle", &error),
        }
        claim.deliveries.len()
    }

    async fn hold(&self, random: &mut fastrand::Rng) {
        let keys = Self::keys(random);
        let (store, who) = (&self.ledger.store, "tester".to_owned());
        let held = if random.bool() {
            store.hold_put(flow(), keys, who, "to be seen".parse().unwrap()).await
        } else {
            store.hold_end(flow(), keys, who, "seen".parse().unwrap()).await
        };
        if let Err(error) = held {
            self.note("hold or release", &error);
        }
    }

    async fn forget(&self) {
        if let Err(error) = self.ledger.store.flow_forget(flow(), Undelivered::Drop, "tester".into(), "a test".parse().unwrap()).await {
            self.note("forget", &error);
        }
        self.ledger.database.psql(&format!("INSERT INTO flow (company, entity) VALUES ('EDU1', '{ENTITY}') ON CONFLICT DO NOTHING"));
    }

    async fn recover(&self) {
        // only what its sender gave up: the others settle at once
        self.ledger
            .database
            .psql("UPDATE intent SET lease_until = now() - interval '1 second' WHERE claimed_at < now() - interval '300 milliseconds'");
        if let Err(error) = self.ledger.store.delivery_recover(self.ledger.node.clone(), Dead::Expired, Duration::from_secs(60)).await {
            self.note("recover", &error);
        }
    }

    async fn step(&self, random: &mut fastrand::Rng) {
        match random.u8(0..20) {
            0..4 => self.read(random).await,
            4 | 5 => self.replay(random).await,
            6 => self.hold(random).await,
            7 => self.recover().await,
            8 if random.u8(0..4) == 0 => self.forget().await,
            8 | 9 => {
                if let Err(error) = self.ledger.store.run_add_counts().await {
                    self.note("add counts", &error);
                }
                let wrong = self.ledger.wrong();
                if !wrong.is_empty() {
                    self.known.borrow_mut().wrong.push(wrong);
                }
            }
            _ => drop(self.send(random, false).await),
        }
    }

    /// Lets everything arrive.
    async fn drain(&self, random: &mut fastrand::Rng) {
        let keys: Vec<String> = (0..DOCUMENTS).map(|n| n.to_string()).collect();
        self.ledger.database.psql("UPDATE intent SET lease_until = now() - interval '1 second'");
        self.ledger.store.delivery_recover(self.ledger.node.clone(), Dead::Expired, Duration::from_secs(60)).await.unwrap();
        let contents = self.known.borrow().contents.clone();
        // what a forgotten flow dropped is read again
        self.store_read(contents.into_iter().collect()).await;
        self.ledger.store.hold_end(flow(), keys, "tester".into(), "the end".parse().unwrap()).await.unwrap();
        for _ in 0..400 {
            self.send(random, true).await;
            if self.ledger.database.psql("SELECT count(*) FROM undelivered") == "0" {
                break;
            }
        }
        self.ledger.store.run_add_counts().await.unwrap();
    }

    /// What ServiceNow has at the end: the newest content of each document.
    fn check(&self, seed: u64) {
        let mut known = self.known.borrow_mut();
        let left = self.ledger.database.psql("SELECT * FROM undelivered");
        assert!(known.wrong.is_empty(), "seed {seed}: {:#?}", known.wrong);
        assert_eq!(left, "", "seed {seed}: nothing may be left");
        assert_eq!(self.ledger.wrong(), "", "seed {seed}");
        let arrived = self.ledger.database.psql(
            "SELECT d.key || ' ' || r.block || ' ' || r.record_key || ' ' || l.payload FROM record r JOIN document d ON d.id = r.document_id JOIN delivery l ON l.id = r.delivery_id ORDER BY 1",
        );
        let mut wanted: Vec<String> = Vec::new();
        for (key, content) in std::mem::take(&mut known.contents) {
            wanted.extend(content.records().map(|(block, record, text)| format!("{key} {block} {record} {}", payload(text))));
        }
        wanted.sort();
        let mut arrived: Vec<&str> = arrived.lines().collect();
        arrived.sort_unstable();
        assert_eq!(arrived, wanted, "seed {seed}");
    }
}

#[test]
fn nothing_is_lost_doubled_or_miscounted_when_many_work_on_the_same_documents() {
    run(async {
        let seeds = std::env::var("TIELINE_SOAK_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3);
        for seed in 0..seeds {
            let ledger = Ledger::start().await;
            let race = Rc::new(Race { ledger, known: RefCell::default(), reader: tokio::sync::Mutex::new(()) });
            let task = |task: u64| {
                let race = race.clone();
                async move {
                    let mut random = fastrand::Rng::with_seed(seed * 1_000 + task);
                    for _ in 0..STEPS {
                        race.step(&mut random).await;
                    }
                }
            };
            join_all((0..TASKS).map(task)).await;
            race.drain(&mut fastrand::Rng::with_seed(seed)).await;
            race.check(seed);
            println!("races: seed {seed}: {}", race.ledger.database.psql("SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM run_total WHERE replaced > 0), (SELECT count(*) FROM audit WHERE kind = 'unknown')"));
        }
    });
}
