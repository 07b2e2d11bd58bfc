//! Several transactions of the ledger at the same moment, for the same documents. No process is killed here.
//!
//! `approvals`, `closes` and `orders` stop one transaction between two of its statements with a lock on a table, and let another one run meanwhile.
//! `random` lets many tasks do what the product does, in an order that a seed and the machine decide.

mod approvals;
mod closes;
mod orders;
mod random;

use std::sync::Arc;
use std::time::Duration;

use tieline::domain::delivery::{Attempt, Confirmation, FailureReason};
use tieline::domain::ids::{BatchId, RunId};
use tieline::domain::next_step::NextStep;
use tieline::domain::run::RunKind;
use tieline::domain::{DocumentKey, FlowId, SysId};
use tieline::store::{
    Claim, Claimed, DeliveryOutcome, Intake, IntakeDocument, IntakeRecord, Node, Queue, SetNumber, Settlement, Store, StoreError,
};

use crate::support::database::{Database, settings};
use crate::support::node;

/// The definitions of a ledger that has adopted none.
const UNDER: SetNumber = SetNumber(0);

const ENTITY: &str = "invoice";

fn flow() -> FlowId {
    FlowId::new("EDU1", ENTITY)
}

fn queue(block: &str) -> Queue {
    Queue { entity: ENTITY.into(), block: block.into() }
}

/// A document as it is read: the text of its header, if it has one, and the texts of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    header: Option<u32>,
    lines: Vec<u32>,
}

impl Content {
    fn of(header: u32, lines: &[u32]) -> Self {
        Self { header: Some(header), lines: lines.to_vec() }
    }

    fn lines(lines: &[u32]) -> Self {
        Self { header: None, lines: lines.to_vec() }
    }

    /// The records with their texts: (block, key, text).
    fn records(&self) -> impl Iterator<Item = (&'static str, String, u32)> {
        let header = self.header.map(|text| ("header", String::new(), text));
        header.into_iter().chain(self.lines.iter().enumerate().map(|(n, text)| ("lines", n.to_string(), *text)))
    }

    fn document(&self, key: &str) -> IntakeDocument {
        let record = |(block, record_key, text): (&str, String, u32)| IntakeRecord {
            block: block.into(),
            record_key,
            payload: payload(text),
            refs: None,
            parents: Vec::new(),
        };
        let mut hash = [1; 32];
        for (n, text) in self.records().enumerate() {
            hash[n * 4..][..4].copy_from_slice(&text.2.to_be_bytes());
        }
        IntakeDocument {
            key: DocumentKey::from_text(key),
            hash,
            content: "{}".into(),
            mapped: Ok(self.records().map(record).collect()),
            warnings: Vec::new(),
            facts: Default::default(),
            gone: false,
            marks: None,
        }
    }
}

fn payload(text: u32) -> String {
    format!("{{\"u_name\":\"{text}\"}}")
}

struct Ledger {
    store: Store,
    database: Database,
    node: Node,
}

impl Ledger {
    async fn start() -> Self {
        let database = Database::migrated().await;
        let settings = tieline::config::settings::DatabaseSettings { pool_size: 16, ..settings() };
        let store = Store::connect(&settings, &database.url()).unwrap();
        database.psql(&format!("INSERT INTO flow (company, entity) VALUES ('EDU1', '{ENTITY}')"));
        Self { store, database, node: node("one") }
    }

    async fn run(&self, kind: RunKind) -> RunId {
        self.store.run_begin(flow(), kind, "test".into(), None, UNDER).await.unwrap()
    }

    /// Reads a document, in a run of its own.
    async fn read(&self, key: &str, content: &Content) -> RunId {
        let run = self.run(RunKind::Poll).await;
        self.store.intake(Intake::of(flow(), run, vec![content.document(key)])).await.unwrap();
        run
    }

    async fn claim(&self, block: &str, limit: i64) -> Claim {
        self.claim_to(block, limit, Attempt::Send).await.unwrap()
    }

    async fn claim_to(&self, block: &str, limit: i64, attempt: Attempt) -> Result<Claim, StoreError> {
        self.store.delivery_claim(queue(block), self.node.clone(), limit, Duration::from_secs(600), attempt, UNDER).await
    }

    /// Stores an outcome for each delivery of a batch.
    async fn settle(&self, claim: &Claim, attempt: Attempt, verdict: impl Fn(&Claimed) -> DeliveryOutcome) -> Result<(), StoreError> {
        let one = |delivery: &Claimed| Settlement {
            delivery_id: delivery.delivery_id,
            document_id: delivery.document_id,
            version: delivery.version,
            run_id: delivery.run_id,
            record_key: delivery.record_key.clone(),
            known: delivery.known,
            verdict: verdict(delivery),
            poll_after: None,
            payload: None,
        };
        let outcomes: Arc<[Settlement]> = claim.deliveries.iter().map(one).collect();
        let (batch, queue, node) = (claim.batch_id, claim.queue.clone(), self.node.clone());
        self.store.settle(batch, queue, node, outcomes, Vec::new().into(), attempt).await.map(drop)
    }

    async fn confirm(&self, claim: &Claim) {
        self.settle(claim, Attempt::Send, confirmed(&claim.queue.block)).await.unwrap();
    }

    /// What a run counts: records, delivered, replaced, parts, confirmed parts, replaced parts.
    fn counts(&self, run: RunId) -> String {
        let sql = format!("SELECT records, delivered, replaced, parts, confirmed, parts_replaced FROM run_total WHERE id = '{run}'");
        self.database.psql(&sql)
    }

    /// What is wrong with the ledger as one snapshot shows it; empty if nothing is.
    fn wrong(&self) -> String {
        self.database.psql(WRONG)
    }
}

/// At every moment: each delivery is in one place, and the counts of each run add up.
const WRONG: &str = "
    SELECT 'delivery ' || delivery_id || ' is in ' || count(*) || ' places' FROM (
        SELECT delivery_id FROM pending UNION ALL SELECT unnest(deliveries) FROM outbox UNION ALL SELECT unnest(taken) FROM intent) place
    GROUP BY delivery_id HAVING count(*) > 1
    UNION ALL
    SELECT 'run ' || r.id || ': ' || r.records || ' records, ' || r.delivered || ' delivered, ' || r.replaced || ' replaced, ' || coalesce(u.records, 0)
           || ' outstanding; ' || r.parts || ' parts, ' || r.confirmed || ' confirmed, ' || r.parts_replaced || ' replaced, ' || coalesce(u.parts, 0) || ' outstanding'
    FROM run_total r
    LEFT JOIN (SELECT run_id, count(DISTINCT document_id) AS records, count(*) AS parts FROM undelivered GROUP BY run_id) u ON u.run_id = r.id
    WHERE r.records <> r.delivered + r.replaced + coalesce(u.records, 0) OR r.parts <> r.confirmed + r.parts_replaced + coalesce(u.parts, 0)
    UNION ALL
    SELECT 'delivery ' || p.delivery_id || ' has a batch without an intent' FROM pending p
    WHERE p.batch_id IS NOT NULL AND NOT EXISTS (SELECT FROM intent i WHERE i.batch_id = p.batch_id)
    UNION ALL
    SELECT 'delivery ' || u.delivery_id || ' follows a header that is not outstanding' FROM undelivered u
    WHERE u.state = 'after_header' AND NOT EXISTS (SELECT FROM undelivered h WHERE h.document_id = u.document_id AND h.block = 'header')";

/// The row of a record: the same for each delivery of it.
fn confirmed(block: &str) -> impl Fn(&Claimed) -> DeliveryOutcome {
    move |delivery| {
        let of_block = u64::from(block == "header");
        let line: u64 = delivery.record_key.parse().unwrap_or_default();
        let sys_id = SysId::new(&format!("{:016x}{of_block:08x}{line:08x}", delivery.document_id.0)).unwrap();
        DeliveryOutcome::Confirmed { sys_id, table: "t".into(), how: Confirmation::Updated, partial: Vec::new(), said: None }
    }
}

fn failed() -> DeliveryOutcome {
    DeliveryOutcome::Failed { reason: FailureReason::Rejected, message: "no".into(), field: None, next_step: NextStep::Exhausted }
}

fn deferred() -> DeliveryOutcome {
    DeliveryOutcome::Deferred {
        message: "later".into(),
        wait: Duration::ZERO,
        throttled: false,
        counted: true,
        unanswered: false,
        next_step: NextStep::Retried,
    }
}

fn unknown() -> DeliveryOutcome {
    DeliveryOutcome::Unknown { message: "the answer was lost".into(), wait: Duration::ZERO, failed_lookups: 0 }
}

/// A batch that the test itself has written.
fn batch(deliveries: Vec<Claimed>, block: &str, id: BatchId) -> Claim {
    Claim { batch_id: id, queue: queue(block), deliveries }
}
