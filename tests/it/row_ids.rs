//! Invalid row ids in ServiceNow's answers: nothing is adopted or requested with them, the record fails with a message, and the other
//! records arrive.

use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::WRONG_SYS_ID;

use crate::support::{Options, Rig, run, source};

fn wrong() -> FaultRule {
    FaultRule::always(Fault::Named("wrong_sys_id".into()))
}

fn options() -> Options {
    Options::of_one_company(26)
        .with("FLOWS__ENTITIES", "gl_account,supplier")
        .with("RETRY__MAX_ATTEMPTS", "2")
        .with("RETRY__MIN_DELAY_SECONDS", "1")
        .with("SERVICENOW__READ_DELAY_SECONDS", "0")
        .with("SERVICENOW__REQUEST_QUOTA_SECONDS", "1")
        .with("SERVICENOW__BATCH_QUOTA_SECONDS", "1")
}

/// Table API and import sets, as items of a batch and one by one.
#[test]
fn an_answer_with_a_wrong_id_is_looked_up_and_the_record_is_there_once() {
    for batch in ["true", "false"] {
        run(async {
            let rig = Rig::start(options().with("SERVICENOW__BATCH", batch)).await;
            for path in ["/api/now/import/", "/api/now/table/itfm_gl_accounts"] {
                let path = if batch == "true" { format!("batch:{path}") } else { path.to_owned() };
                rig.servicenow.set_fault(wrong().on_path(&path).on_method("POST").times(3));
            }
            rig.sync_until_settled(20).await;
            assert_eq!(rig.servicenow.faults_triggered(), 6);
            let failed: Vec<Option<String>> = rig.failures().await.iter().map(|failure| failure.message.clone()).collect();
            assert!(failed.is_empty(), "{failed:?}");
            for table in ["itfm_gl_accounts", "x_apo_supplier"] {
                assert_eq!(rig.servicenow.duplicates(table, "u_source_key"), 0, "{table}");
            }
            let ids = rig.database.psql("SELECT count(*) FROM record WHERE sys_id !~ '^[0-9a-f]{32}$'");
            assert_eq!(ids, "0", "only ids are kept");
            let doubts = rig.database.psql("SELECT count(*) FROM audit WHERE detail::text LIKE '%is no `sys_id`%'");
            assert_ne!(doubts, "0", "the audit says why they were looked up");
        });
    }
}

/// One record, whatever is asked about it: it fails by name after its tries, and every other one arrives.
#[test]
fn a_record_whose_row_is_always_named_wrongly_fails_alone_and_by_name() {
    run(async {
        let rig = Rig::start(options().with("SERVICENOW__DERIVED_SYS_ID", "false").with("FLOWS__ENTITIES", "gl_account")).await;
        let codes = source::rows(&rig.syspro, "EDU1", "GenMaster", |column| {
            let code = column("GlCode").text().to_owned();
            code.starts_with(|letter: char| letter.is_ascii_digit()).then_some(code)
        });
        let code = codes.into_iter().flatten().min().unwrap();
        let rule = || wrong().on_body(&code);
        rig.servicenow.set_fault(rule().on_path("batch:"));
        rig.servicenow.set_fault(rule().on_path("/api/now/table/itfm_gl_accounts"));
        rig.sync_until_settled(40).await;
        let failed = rig.failures().await;
        // the account of this code in each of the ledger's companies
        let keys: Vec<&str> = failed.iter().map(|failure| failure.key.as_str()).collect();
        assert_eq!(keys, [format!("EDU1/{code}"), format!("EDU2/{code}")]);
        let message = failed[0].message.clone().unwrap();
        assert!(message.contains("is no `sys_id`: the id of a row has 32 hexadecimal digits"), "{message}");
        assert!(message.contains(WRONG_SYS_ID), "{message}");
        let delivered = rig.database.psql("SELECT count(*) FROM record WHERE sys_id ~ '^[0-9a-f]{32}$'").parse::<usize>().unwrap();
        let known = rig.database.psql("SELECT count(*) FROM document").parse::<usize>().unwrap();
        assert!(known > 20 && delivered == known - 2, "{delivered} of {known}");
        assert_eq!(rig.servicenow.duplicates("itfm_gl_accounts", "u_source_key"), 0);
        assert!(rig.servicenow.requests().keys().all(|kind| !kind.contains("sys_user")), "{:?}", rig.servicenow.requests());
    });
}
