//! Records of SYSPRO that cannot be read, in aligned lists: nothing is compared, asked or written for them until they can be read.

use tieline::operations::resend::ReplayReport;
use tieline::store::{FailureRow, ReplayScope};

use super::*;

const ACCOUNTS: [&str; 2] = ["77.100", "77.200"];
const CODE: &str = ACCOUNTS[1];
const KEY: &str = "EDU1/77.200";

impl Aligned {
    /// Lists with two accounts that no other ledger has.
    async fn with_accounts() -> Self {
        let lists = Self::start("").await;
        for code in ACCOUNTS {
            let row = [("Company", "EDU1"), ("GlCode", code), ("Description", "Of SYSPRO")];
            lists.rig.syspro.insert("EDU1", "GenMaster", &row).unwrap();
        }
        lists
    }

    /// SYSPRO's row of this account comes without its description from now on.
    fn unreadable(&self, code: &str) {
        const TEXT: &str = "comes without it";
        self.rig.syspro.update("EDU1", "GenMaster", &[("Company", "EDU1"), ("GlCode", code)], &[("Description", TEXT)]).unwrap();
        self.rig.syspro.switch(|switches| switches.omitted = vec![TEXT.into()]);
    }

    /// SYSPRO's row of this account comes without its key from now on.
    fn nameless(&self, code: &str) {
        self.rig.syspro.switch(|switches| switches.omitted = vec![code.into()]);
    }

    fn readable(&self) {
        self.rig.syspro.switch(|switches| switches.omitted.clear());
    }

    async fn failed(&self) -> Vec<FailureRow> {
        self.rig.failures().await.into_iter().filter(|row| row.entity == "gl_account").collect()
    }

    async fn keys_failed(&self) -> Vec<String> {
        self.failed().await.into_iter().map(|row| row.key).collect()
    }

    async fn sweep(&self) {
        assert_eq!(errors(&self.run_set(RunKind::Sweep).await), Vec::<String>::new());
    }

    async fn replay(&self, scope: ReplayScope) -> ReplayReport {
        self.rig.replay(scope, "once more").await
    }

    /// What the conflict list says of accounts.
    async fn listed(&self) -> Vec<(String, String)> {
        let all = self.conflicts().await;
        all.into_iter().filter(|row| row.entity == "gl_account").map(|row| (row.key, row.kind.to_string())).collect()
    }
}

#[test]
fn a_failed_record_of_an_aligned_list_is_sent_again_like_any_other() {
    run(async {
        let lists = Aligned::with_accounts().await;
        lists.in_step().await;
        lists.unreadable(CODE);
        lists.well().await;
        let before = lists.failed().await;
        assert_eq!(before.len(), 1, "{before:?}");
        let all = ReplayScope { failed_only: true, ..ReplayScope::default() };
        let of_entity = ReplayScope { entity: Some("gl_account".into()), ..ReplayScope::default() };
        let by_key = ReplayScope { key: Some(before[0].key.clone()), ..of_entity.clone() };
        let accounts = lists.rig.servicenow.rows(GL).len() as u64;
        for (scope, documents) in [(all, 1), (of_entity, accounts), (by_key, 1)] {
            let report = lists.replay(scope).await;
            assert_eq!((report.documents, report.skipped), (documents, vec![]));
            let after = lists.failed().await;
            assert_eq!(after.len(), 1, "it has failed as before: {after:?}");
            assert_eq!((&after[0].message, after[0].first_failed_at), (&before[0].message, before[0].first_failed_at));
            assert!(after[0].delivery_id > before[0].delivery_id, "it was mapped anew");
        }
        lists.readable();
        lists.well().await;
        assert_eq!(lists.keys_failed().await, Vec::<String>::new());
        let row = lists.rig.servicenow.find(GL, "account_number", CODE).unwrap();
        assert_eq!(row["name"], "comes without it");
        assert_eq!(lists.conflicts().await.len(), 0);
    });
}

#[test]
fn an_entry_for_a_row_without_a_key_goes_once_the_row_can_be_read() {
    run(async {
        let lists = Aligned::with_accounts().await;
        lists.in_step().await;
        lists.nameless(CODE);
        lists.well().await;
        let failed = lists.keys_failed().await;
        assert!(failed.len() == 1 && failed[0].starts_with("(row after "), "{failed:?}");
        lists.readable();
        lists.sweep().await;
        assert_eq!(lists.keys_failed().await, Vec::<String>::new());
        assert_eq!(lists.conflicts().await.len(), 0);
        // and again, under the same name
        lists.nameless(CODE);
        lists.well().await;
        assert_eq!(lists.keys_failed().await, failed);
        lists.readable();
        lists.sweep().await;
        assert_eq!(lists.keys_failed().await, Vec::<String>::new());
    });
}

/// Two lists that meet, where ServiceNow has two of SYSPRO's accounts and one more.
async fn lists_that_meet() -> Aligned {
    let lists = Aligned::with_accounts().await;
    for (code, name) in [(ACCOUNTS[0], "By hand"), (CODE, "By hand"), ("ONLY", "Only here")] {
        lists.rig.servicenow.insert_row(GL, &[("account_number", code), ("name", name)]).unwrap();
    }
    lists
}

#[test]
fn a_record_that_cannot_be_read_is_not_missing_in_syspro() {
    run(async {
        let lists = lists_that_meet().await;
        lists.unreadable(CODE);
        lists.well().await;
        assert_eq!(lists.keys_failed().await, [KEY]);
        let of = |listed: Vec<(String, String)>| {
            let kinds = |kind: &str| listed.iter().filter(|row| row.1 == kind).map(|row| row.0.clone()).collect::<Vec<_>>();
            (kinds("only_servicenow"), kinds("first_contact"))
        };
        // neither is its row listed, nor the record itself; its neighbours are
        assert_eq!(of(lists.listed().await), (vec!["ONLY".to_owned()], vec!["EDU1/77.100".to_owned()]));
        assert!(!lists.listed().await.iter().any(|row| row.0 == KEY));
        lists.adopt(Some(Side::Syspro)).await;
        lists.well().await;
        lists.well().await;
        assert_eq!(of(lists.listed().await).0, ["ONLY"]);
        assert_eq!(lists.rig.servicenow.find(GL, "account_number", CODE).unwrap()["name"], "By hand", "nothing is written for it");
        assert_eq!(lists.keys_failed().await, [KEY]);

        // once it can be read its row is its own
        lists.readable();
        lists.well().await;
        lists.well().await;
        assert_eq!(lists.keys_failed().await, Vec::<String>::new());
        assert_eq!(of(lists.listed().await), (vec!["ONLY".to_owned()], vec![KEY.to_owned()]));
        let same = |row: &&BTreeMap<String, String>| row["account_number"] == CODE;
        assert_eq!(lists.rig.servicenow.rows(GL).iter().filter(same).count(), 1);
    });
}

#[test]
fn while_a_row_of_syspro_has_no_key_nothing_is_missing_there() {
    run(async {
        let lists = lists_that_meet().await;
        lists.well().await;
        let only = async || lists.listed().await.into_iter().filter(|row| row.1 == "only_servicenow").map(|row| row.0).collect::<Vec<_>>();
        assert_eq!(only().await, ["ONLY"]);
        // any row of ServiceNow may be the one that cannot be read: also one that was listed before
        lists.nameless(CODE);
        lists.rig.servicenow.insert_row(GL, &[("account_number", "ONLY2"), ("name", "Only here, too")]).unwrap();
        lists.sweep().await;
        assert_eq!(lists.keys_failed().await.len(), 1);
        assert_eq!(only().await, Vec::<String>::new());
        let new = lists.listed().await.iter().filter(|row| row.1 == "only_syspro").count();
        assert!(new > 10);
        lists.adopt(Some(Side::Syspro)).await;
        for _ in 0..3 {
            lists.sweep().await;
        }
        assert_eq!(only().await, Vec::<String>::new());
        // its neighbours went their way
        assert_eq!(lists.rig.servicenow.count(GL), new + 4);
        lists.readable();
        lists.sweep().await;
        let mut both = only().await;
        both.sort();
        assert_eq!(both, ["ONLY", "ONLY2"]);
    });
}

#[test]
fn an_entry_about_a_record_that_has_failed_since_goes() {
    run(async {
        let lists = Aligned::with_accounts().await;
        lists.in_step().await;
        let row = lists.rig.servicenow.find(GL, "account_number", CODE).unwrap();
        assert!(lists.rig.servicenow.delete_row(GL, &row["sys_id"]));
        lists.sweep().await;
        let listed = lists.conflicts().await;
        assert_eq!(brief(&listed), [(KEY, "@row", "deleted", "open")]);
        lists.decide(listed[0].id, Side::Syspro).await;
        lists.unreadable(CODE);
        lists.sweep().await;
        assert_eq!(lists.keys_failed().await, [KEY]);
        assert_eq!(brief(&lists.conflicts().await), []);
        assert!(lists.rig.servicenow.find(GL, "account_number", CODE).is_none(), "nothing is written for it");
        let said: Vec<String> = lists.rig.audit(AuditKind::Conflict).await.into_iter().filter_map(|row| row.detail).collect();
        assert!(said.iter().any(|detail| detail.contains("its record in SYSPRO cannot be read")), "{said:?}");
        // it comes back for a person as soon as the record can be compared
        lists.readable();
        lists.sweep().await;
        assert_eq!(brief(&lists.conflicts().await), [(KEY, "@row", "deleted", "open")]);
    });
}
