//! Records on which ServiceNow goes on working after they have arrived: what becomes of them there is seen, told and mended.

use std::collections::BTreeMap;

use tieline::actors::replay::replay;
use tieline::domain::audit::AuditKind;
use tieline::sim::servicenow::schema::ColumnKind;
use tieline::store::ReplayScope;

use crate::support::{Options, Rig, errors, run};

const INVOICES: &str = "x_apo_invoice";
const STAGED: &str = "sn_apo_invoice";

/// The shipped files, and invoices looked at again.
struct Watched {
    rig: Rig,
    _site: tempfile::TempDir,
}

impl Watched {
    async fn start(watch: &str) -> Self {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join("profiles/apo");
        std::fs::create_dir_all(&folder).unwrap();
        let invoice = include_str!("../../config/profiles/apo/invoice.toml");
        let invoice =
            invoice.replacen("key_column = \"u_source_key\"\n", "key_column = \"u_source_key\"\ntarget_table = \"x_apo_invoice\"\n", 1);
        std::fs::write(folder.join("invoice.toml"), format!("{invoice}\n[header.watch]\nfirst_minutes = 0\n{watch}\n")).unwrap();
        let mut options = Options::of_one_company(20).with("DEFINITIONS__DIRECTORY", site.path().to_str().unwrap());
        for column in ["u_state", "u_words"] {
            options.servicenow.table(INVOICES).unwrap().set_column(column, ColumnKind::Text(200));
        }
        let rig = Rig::start(options).await;
        rig.sync_until_settled(6).await;
        Self { rig, _site: site }
    }

    /// A cycle, for which the time of every look and every try has come.
    async fn later(&self) {
        self.rig.database.psql("UPDATE downstream SET next_look = now()");
        self.rig.database.psql("UPDATE pending SET not_before = now()");
        assert_eq!(errors(&self.rig.sync().await), Vec::<String>::new());
    }

    fn rows(&self) -> Vec<BTreeMap<String, String>> {
        let mut rows = self.rig.servicenow.rows(INVOICES);
        rows.sort_by(|a, b| a["u_source_key"].cmp(&b["u_source_key"]));
        rows
    }

    fn set(&self, row: &BTreeMap<String, String>, state: &str, words: &str) {
        assert!(self.rig.servicenow.edit_row(INVOICES, &row["sys_id"], &[("u_state", state), ("u_words", words)]));
    }

    /// What is known of a row's record: how far it is, and what was said.
    fn known(&self, row: &BTreeMap<String, String>) -> String {
        let key = row["u_source_key"].replacen("EDU1/invoice/", "", 1);
        self.rig.database.psql(&format!(
            "SELECT w.state, w.said FROM downstream w JOIN document d ON d.id = w.document_id WHERE d.entity = 'invoice' AND d.key = '{key}'"
        ))
    }

    async fn stands(&self, row: &BTreeMap<String, String>) -> String {
        let key = row["u_source_key"].replacen("EDU1/invoice/", "", 1);
        self.rig.store.record_view("EDU1".into(), "invoice".into(), key).await.unwrap().stands
    }
}

const STATES: &str = "column = \"u_state\"\ndone = [\"approved\", \"Paid\"]\nfailed = [\"rejected\"]\nmessage = \"u_words\"";

#[test]
fn what_fails_in_servicenow_later_is_set_aside_in_its_words_and_replayed_without_a_second_record() {
    run(async {
        let world = Watched::start(STATES).await;
        let rig = &world.rig;
        let rows = world.rows();
        let (failing, paid, vanishing, slow) = (&rows[0], &rows[1], &rows[2], &rows[3]);
        assert!(world.stands(slow).await.contains("ServiceNow has not finished with it yet"), "{}", world.stands(slow).await);
        let (writes, arrived) = (rig.servicenow.writes(), rig.audit(AuditKind::Confirmed).await.len());
        world.set(failing, "rejected", "the vendor is blocked");
        world.set(paid, "paid", "");
        assert!(rig.servicenow.delete_row(INVOICES, &vanishing["sys_id"]));
        world.later().await;
        assert_eq!(world.known(failing), "failed|u_state = rejected: the vendor is blocked");
        assert_eq!(world.known(paid), "done|u_state = paid");
        assert!(world.known(vanishing).starts_with("could_not_tell|its row is not there any more"), "{}", world.known(vanishing));
        assert_eq!(world.known(slow), "open|");
        assert_eq!(rig.servicenow.writes(), writes, "a look writes nothing");
        let failures = rig.failures().await;
        let failed: Vec<_> = failures.iter().filter(|row| row.reason.as_deref() == Some("downstream_failed")).collect();
        assert_eq!(failed.len(), 1, "{failures:#?}");
        assert!(failed[0].message.as_deref().unwrap().contains("the vendor is blocked") && failed[0].next_step.is_some());
        assert!(world.stands(failing).await.contains("it arrived, and failed in ServiceNow later"), "{}", world.stands(failing).await);
        assert!(world.stands(vanishing).await.contains("could not be told"), "{}", world.stands(vanishing).await);
        let said: Vec<String> = rig.audit(AuditKind::Downstream).await.into_iter().filter_map(|row| row.detail).collect();
        assert!(said.iter().any(|detail| detail.contains("the vendor is blocked")) && said.len() == 3, "{said:?}");

        // verdicts stand: nothing is looked at twice, and nothing set aside twice
        world.later().await;
        assert_eq!(rig.audit(AuditKind::Downstream).await.len(), 3);

        // a person mends it and sends it again: the row that is there is updated
        let key = failing["u_source_key"].replacen("EDU1/invoice/", "", 1);
        let scope = ReplayScope { entity: Some("invoice".into()), key: Some(key), ..ReplayScope::default() };
        replay(&rig.deps, scope, "tester", Some("the vendor was unblocked".into())).await.unwrap();
        world.set(failing, "approved", "");
        rig.sync_until_settled(6).await;
        world.later().await;
        assert_eq!(world.known(failing), "done|u_state = approved");
        assert_eq!((rig.servicenow.duplicates(INVOICES, "u_source_key"), rig.servicenow.count(INVOICES)), (0, rows.len() - 1));
        assert!(rig.audit(AuditKind::Confirmed).await.len() > arrived, "it was sent again");
        assert!(!rig.failures().await.iter().any(|row| row.reason.as_deref() == Some("downstream_failed")));
    });
}

#[test]
fn what_failed_is_sent_again_by_itself_as_often_as_the_definition_says() {
    run(async {
        let world = Watched::start(&format!("{STATES}\nreplay_failed = 1")).await;
        let rig = &world.rig;
        let rows = world.rows();
        let tries = || rig.database.psql("SELECT sum(replays) FROM downstream");
        world.set(&rows[0], "rejected", "try again");
        world.later().await;
        assert_eq!((tries(), rig.failures().await.len()), ("1".into(), 1), "it waits for its next try");
        world.later().await;
        assert_eq!(rig.servicenow.duplicates(INVOICES, "u_source_key"), 0);
        // it failed again: now it is a person's
        world.later().await;
        let failures = rig.failures().await;
        assert_eq!((tries().as_str(), failures.len(), failures[0].reason.as_deref()), ("1", 1, Some("downstream_failed")));
        assert_eq!(rig.servicenow.count(INVOICES), rows.len());
    });
}

#[test]
fn a_staging_row_that_fails_later_is_seen_by_its_import_state() {
    run(async {
        let world = Watched::start("row = \"staging\"").await;
        let rig = &world.rig;
        let rows = world.rows();
        let done = rig.database.psql("SELECT count(*) FROM downstream WHERE state = 'done'");
        assert_eq!(done, rows.len().to_string(), "the transform had ended with the answer");
        // a newer version, whose row turns into an error afterwards
        let row = rows.iter().find(|row| !row["u_source_key"].contains('%')).unwrap();
        let key = row["u_source_key"].replacen("EDU1/invoice/", "", 1);
        let (supplier, invoice) = key.split_once('/').unwrap();
        rig.syspro.update("EDU1", "ApInvoice", &[("Supplier", supplier), ("Invoice", invoice)], &[("Reference", "CHANGED")]).unwrap();
        rig.database.psql("UPDATE flow SET watermark = NULL");
        rig.deps.crash.arm("downstream:after_look", None, 0, 1);
        rig.sync().await;
        let staged = rig.servicenow.rows(STAGED).into_iter().filter(|row| row.get("u_reference").is_some_and(|text| text == "CHANGED"));
        let staged: Vec<_> = staged.collect();
        assert_eq!((staged.len(), rig.deps.crash.left()), (1, 0));
        let words = [("sys_import_state", "error"), ("sys_import_state_comment", "Target record not found")];
        assert!(rig.servicenow.edit_row(STAGED, &staged[0]["sys_id"], &words));
        // the actor died over its look: what it had taken comes again
        world.later().await;
        assert_eq!(world.known(row), "failed|Target record not found");
        let failures = rig.failures().await;
        assert_eq!(
            (failures.len(), failures[0].reason.as_deref(), failures[0].version),
            (1, Some("downstream_failed"), 2),
            "{failures:#?}"
        );
        // the next version takes the place of what failed
        rig.syspro.update("EDU1", "ApInvoice", &[("Supplier", supplier), ("Invoice", invoice)], &[("Reference", "MENDED")]).unwrap();
        rig.database.psql("UPDATE flow SET watermark = NULL");
        rig.sync_until_settled(6).await;
        world.later().await;
        assert_eq!((rig.failures().await.len(), world.known(row).split('|').next().unwrap().to_owned()), (0, "done".to_owned()));
    });
}
