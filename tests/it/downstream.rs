//! Records that ServiceNow still processes after delivery: their state is tracked, notified and repaired.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tieline::credentials::credential_store::NOTICES_WEBHOOK;
use tieline::domain::audit::AuditKind;
use tieline::store::ReplayScope;
use tieline_sim::servicenow::schema::Abort;
use tieline_sim::servicenow::{LateFailure, SecondStage};

use crate::support::receivers::Receiver;
use crate::support::{Options, Rig, errors, run, set_credentials};

const INVOICES: &str = "x_apo_invoice";
const STAGED: &str = "sn_apo_invoice";
/// How long an invoice stays in each of its states.
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);
const DAY: Duration = Duration::from_secs(86_400);

type Row = BTreeMap<String, String>;

/// The shipped files, invoices that are polled, and an instance that continues to work on them.
struct Watched {
    rig: Rig,
    web: Receiver,
    _site: tempfile::TempDir,
}

impl Watched {
    async fn start(watch: &str) -> Self {
        Self::by(watch, SecondStage::of_invoices(STAGED)).await
    }

    async fn by(watch: &str, stage: SecondStage) -> Self {
        let (site, web) = (tempfile::tempdir().unwrap(), Receiver::web());
        let folder = site.path().join("profiles/apo");
        std::fs::create_dir_all(&folder).unwrap();
        let invoice = include_str!("../../config/profiles/apo/invoice.toml");
        let invoice =
            invoice.replacen("key_column = \"u_source_key\"\n", "key_column = \"u_source_key\"\ntarget_table = \"x_apo_invoice\"\n", 1);
        std::fs::write(folder.join("invoice.toml"), format!("{invoice}\n[header.watch]\nfirst_minutes = 0\n{watch}\n")).unwrap();
        let mut options = Options::of_one_company(20)
            .with("DEFINITIONS__DIRECTORY", site.path().to_str().unwrap())
            .with("NOTICES__EVENTS", "downstream_failed")
            .with("NOTICES__WEBHOOK_URLS", &format!("http://127.0.0.1:{}/", web.port));
        options.servicenow.second_stages = vec![stage];
        let rig = Rig::start(options).await;
        set_credentials(&rig.store, &rig.process.credential_store, [(NOTICES_WEBHOOK, "tieline".to_owned(), "secret".to_owned())]).await;
        rig.sync_until_settled(6).await;
        Self { rig, web, _site: site }
    }

    /// A cycle, for which the time of every poll and every try has come.
    async fn later(&self) {
        self.rig.database.psql("UPDATE downstream SET next_check = now()");
        self.rig.database.psql("UPDATE pending SET not_before = now()");
        assert_eq!(errors(&self.rig.sync().await), Vec::<String>::new());
    }

    /// ServiceNow works for this long, and then a cycle runs.
    async fn after(&self, time: Duration) {
        self.rig.servicenow.advance(time);
        self.later().await;
    }

    /// These fail in ServiceNow when its job comes round.
    fn blocked(&self, rows: &[&Row]) {
        let failure = |row: &&Row| LateFailure {
            column: "u_source_key".into(),
            when: Abort::Equals(row["u_source_key"].clone()),
            state: "rejected".into(),
            message: "the vendor is blocked".into(),
        };
        self.rig.servicenow.set_late_failures(STAGED, &rows.iter().map(failure).collect::<Vec<_>>());
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.rig.servicenow.rows(INVOICES);
        rows.sort_by(|a, b| a["u_source_key"].cmp(&b["u_source_key"]));
        rows
    }

    /// What is known of a row's record: how far it is, and what was said.
    fn known(&self, row: &Row) -> String {
        let key = key(row);
        self.rig.database.psql(&format!(
            "SELECT w.state, w.said FROM downstream w JOIN document d ON d.id = w.document_id WHERE d.entity = 'invoice' AND d.key = '{key}'"
        ))
    }

    /// How many records are so far.
    fn count(&self, state: &str) -> usize {
        self.rig.database.psql(&format!("SELECT count(*) FROM downstream WHERE state = '{state}'")).parse().unwrap()
    }

    async fn explanation(&self, row: &Row) -> String {
        self.rig.store.record_view("EDU1".into(), "invoice".into(), key(row)).await.unwrap().explanation
    }

    /// What failed because it failed later in ServiceNow.
    async fn failed(&self) -> Vec<String> {
        let failures = self.rig.failures().await;
        let failed = failures.into_iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("downstream"));
        failed.map(|row| row.message.unwrap_or_default()).collect()
    }

    /// The notices sent.
    fn told(&self) -> Vec<Value> {
        let body = |seen: String| serde_json::from_str(seen.split_once("\r\n\r\n").unwrap().1).unwrap();
        self.web.seen().into_iter().map(body).collect()
    }

    /// Every record is there once.
    fn assert_once(&self, rows: usize) {
        let servicenow = &self.rig.servicenow;
        assert_eq!((servicenow.count(INVOICES), servicenow.duplicates(INVOICES, "u_source_key")), (rows, 0));
    }

    /// SYSPRO says something else of a record.
    async fn change(&self, row: &Row, reference: &str) {
        let key = key(row);
        let (supplier, invoice) = key.split_once('/').unwrap();
        self.rig.syspro.update("EDU1", "ApInvoice", &[("Supplier", supplier), ("Invoice", invoice)], &[("Reference", reference)]).unwrap();
        self.rig.database.psql("UPDATE flow SET watermark = NULL");
    }
}

fn key(row: &Row) -> String {
    row["u_source_key"].replacen("EDU1/invoice/", "", 1)
}

const STATES: &str = "column = \"u_state\"\ndone = [\"Paid\"]\nfailed = [\"rejected\"]\nmessage = \"u_error\"";

#[test]
fn what_fails_in_servicenow_later_is_set_aside_in_its_words_told_and_replayed_without_a_second_record() {
    run(async {
        let world = Watched::start(STATES).await;
        let rig = &world.rig;
        let rows = world.rows();
        let (failing, vanishing, slow) = (&rows[0], &rows[1], &rows[2]);
        assert!(rows.iter().all(|row| row["u_state"] == "draft"), "{rows:#?}");
        assert!(world.explanation(slow).await.contains("ServiceNow has not finished with it yet"), "{}", world.explanation(slow).await);
        let (writes, arrived) = (rig.servicenow.writes(), rig.audit(AuditKind::Confirmed).await.len());
        world.blocked(&[failing]);
        assert!(rig.servicenow.delete_row(INVOICES, &vanishing["sys_id"]));
        world.after(HALF_AN_HOUR).await;
        assert_eq!(world.known(failing), "failed|u_state = rejected: the vendor is blocked");
        assert!(world.known(vanishing).starts_with("unknown|its row no longer exists"), "{}", world.known(vanishing));
        assert_eq!((world.known(slow).as_str(), world.count("open")), ("open|", rows.len() - 2), "approved is not the end");
        assert_eq!(rig.servicenow.writes(), writes, "a poll writes nothing");
        assert_eq!(world.failed().await, ["u_state = rejected: the vendor is blocked"]);
        assert!(rig.failures().await.iter().all(|row| row.next_step.is_some()));
        assert!(
            world.explanation(failing).await.contains("it arrived, and failed in ServiceNow later"),
            "{}",
            world.explanation(failing).await
        );
        assert!(
            world.explanation(vanishing).await.contains("its later state in ServiceNow is unknown"),
            "{}",
            world.explanation(vanishing).await
        );
        let said: Vec<String> = rig.audit(AuditKind::Downstream).await.into_iter().filter_map(|row| row.detail).collect();
        assert!(said.iter().any(|detail| detail.contains("the vendor is blocked")) && said.len() == 2, "{said:?}");
        // the next cycle sends the notice at the latest
        world.after(HALF_AN_HOUR * 2).await;
        let told = world.told();
        assert_eq!(told.len(), 1, "{told:#?}");
        let notice = &told[0]["notices"][0];
        assert_eq!((notice["event"].as_str(), notice["count"].as_i64()), (Some("downstream_failed"), Some(1)), "{notice}");
        assert!(notice["examples"][0]["said"].as_str().unwrap().contains("the vendor is blocked"), "{notice}");
        assert!(key(failing).ends_with(notice["examples"][0]["key"].as_str().unwrap()), "{notice}");
        // all others have reached a final state: nothing is polled twice, and nothing fails twice
        assert_eq!((world.known(slow).as_str(), world.count("done")), ("done|u_state = paid", rows.len() - 2));
        world.later().await;
        assert_eq!(rig.audit(AuditKind::Downstream).await.len(), rows.len());

        // a person mends it there and sends it again: the row that is there is worked on again
        world.blocked(&[]);
        let scope = ReplayScope { entity: Some("invoice".into()), key: Some(key(failing)), ..ReplayScope::default() };
        rig.replay(scope, "the vendor was unblocked").await;
        rig.sync_until_settled(6).await;
        assert!(world.known(failing).starts_with("open|"), "{}", world.known(failing));
        world.after(HALF_AN_HOUR * 3).await;
        assert_eq!(world.known(failing), "done|u_state = paid");
        world.assert_once(rows.len() - 1);
        assert!(rig.audit(AuditKind::Confirmed).await.len() > arrived, "it was sent again");
        assert_eq!((world.failed().await.len(), world.told().len()), (0, 1));
    });
}

#[test]
fn what_failed_is_sent_again_by_itself_as_often_as_the_definition_says() {
    run(async {
        let world = Watched::start(&format!("{STATES}\nreplay_failed = 1")).await;
        let rig = &world.rig;
        let rows = world.rows();
        let (mended, failing) = (&rows[0], &rows[1]);
        let tries = || rig.database.psql("SELECT sum(replays) FROM downstream");
        world.blocked(&[mended, failing]);
        world.after(HALF_AN_HOUR).await;
        assert_eq!((tries().as_str(), rig.failures().await.len(), world.failed().await.len()), ("2", 2, 0), "they wait for their next try");
        world.blocked(&[failing]);
        world.later().await;
        assert!([mended, failing].iter().all(|row| world.known(row).starts_with("open|")), "sent again, and not yet worked on");
        world.after(HALF_AN_HOUR).await;
        // one failed again: now it is a person's
        assert_eq!(
            (tries().as_str(), world.failed().await.as_slice()),
            ("2", &["u_state = rejected: the vendor is blocked".to_owned()][..])
        );
        world.after(HALF_AN_HOUR * 2).await;
        assert_eq!(world.known(mended), "done|u_state = paid");
        assert_eq!((rig.failures().await.len(), world.told().len()), (1, 1), "{:#?}", world.told());
        world.assert_once(rows.len());
    });
}

#[test]
fn what_is_sent_again_and_not_worked_on_again_stays_a_persons() {
    run(async {
        let stage = SecondStage { again_unchanged: false, ..SecondStage::of_invoices(STAGED) };
        let world = Watched::by(&format!("{STATES}\nreplay_failed = 2"), stage).await;
        let rows = world.rows();
        let row = rows.iter().find(|row| !row["u_source_key"].contains('%')).unwrap();
        world.blocked(&[row]);
        world.after(HALF_AN_HOUR).await;
        world.blocked(&[]);
        for _ in 0..6 {
            world.after(HALF_AN_HOUR).await;
        }
        assert_eq!(world.failed().await, ["u_state = rejected: the vendor is blocked"]);
        assert_eq!((world.told().len(), world.count("done")), (1, rows.len() - 1));
        world.assert_once(rows.len());
        // another content is worked on
        world.change(row, "MENDED").await;
        world.rig.sync_until_settled(6).await;
        world.after(DAY).await;
        assert_eq!((world.failed().await.len(), world.known(row).as_str()), (0, "done|u_state = paid"));
    });
}

#[test]
fn what_servicenow_never_finishes_could_not_be_told() {
    run(async {
        let life = ["draft", "approved"].map(str::to_owned).to_vec();
        let world = Watched::by(&format!("{STATES}\ngive_up_days = 30"), SecondStage { life, ..SecondStage::of_invoices(STAGED) }).await;
        let rows = world.rows().len();
        world.after(DAY * 29).await;
        assert_eq!(world.count("open"), rows);
        world.rig.database.psql("UPDATE downstream SET arrived_at = now() - interval '30 days'");
        world.after(DAY).await;
        assert_eq!((world.count("unknown"), world.failed().await.len(), world.told().len()), (rows, 0, 0));
        assert!(world.known(&world.rows()[0]).contains("ServiceNow has not finished with it after 30 days"));
    });
}

#[test]
fn a_staging_row_that_fails_later_is_seen_by_its_import_state() {
    run(async {
        let world = Watched::start("row = \"staging\"").await;
        let rig = &world.rig;
        let rows = world.rows();
        assert_eq!(world.count("done"), rows.len(), "the transform had ended with the answer");
        // a newer version, whose row turns into an error before it has been polled
        let row = rows.iter().find(|row| !row["u_source_key"].contains('%')).unwrap();
        world.blocked(&[row]);
        world.change(row, "CHANGED").await;
        rig.process.crash.arm("downstream:after_poll", None, 0, 1);
        rig.sync().await;
        assert_eq!(rig.process.crash.left(), 0);
        // the actor died over its poll: what it had taken comes again
        world.after(HALF_AN_HOUR).await;
        assert_eq!(world.known(row), "failed|the vendor is blocked");
        let failures = rig.failures().await;
        assert_eq!(
            (failures.len(), failures[0].reason.map(|reason| reason.as_str()), failures[0].version),
            (1, Some("downstream"), 2),
            "{failures:#?}"
        );
        // the next version takes the place of what failed
        world.blocked(&[]);
        world.change(row, "MENDED").await;
        rig.sync_until_settled(6).await;
        world.later().await;
        assert_eq!((rig.failures().await.len(), world.known(row).split('|').next().unwrap().to_owned()), (0, "done".to_owned()));
    });
}

#[test]
fn an_error_column_is_watched_until_the_staging_row_is_deleted() {
    run(async {
        let stage = SecondStage { import_state: false, ..SecondStage::of_invoices(STAGED) };
        let world = Watched::by("row = \"staging\"\ncolumn = \"u_error\"\nfailed = [\"*\"]", stage).await;
        let rows = world.rows();
        assert_eq!(world.count("open"), rows.len(), "an empty column says nothing");
        world.blocked(&[&rows[0]]);
        world.after(HALF_AN_HOUR).await;
        assert_eq!(world.failed().await, ["u_error = the vendor is blocked"]);
        // the rest never gets an error, and after a week there is nothing to read any more
        world.after(DAY * 6).await;
        assert_eq!(world.count("open"), rows.len() - 1);
        world.after(DAY * 2).await;
        assert_eq!((world.count("unknown"), world.failed().await.len()), (rows.len() - 1, 1));
        assert!(world.known(&rows[1]).contains("its row no longer exists"), "{}", world.known(&rows[1]));
        world.assert_once(rows.len());
    });
}
