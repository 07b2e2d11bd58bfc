//! One record among many that never has a usable answer: the others arrive, it fails after its attempts with the instance's message, and
//! nothing is switched off for the others. Also a delivery that cannot be read back from the ledger.

use std::time::Duration;

use tieline::config::settings::Settings;
use tieline::definition::record::source_key;
use tieline::domain::audit::AuditKind;
use tieline::domain::delivery::PartState;
use tieline::domain::{CompanyId, DocumentKey, EntityName};
use tieline_sim::faults::{Fault, FaultRule};

use crate::support::{Options, Rig, errors, run, source};

const INVOICES: &str = "x_apo_invoice";

fn options() -> Options {
    Options::of_one_company(30).with("RETRY__MAX_ATTEMPTS", "3").with("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "3")
}

/// One invoice's number, and its key as it is in the body of its header's write and of no other record's.
fn chosen(rig: &Rig) -> (String, String) {
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let all = source::rows(&rig.syspro, "EDU1", "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    let alone = |invoice: &str| all.iter().filter(|(_, other)| other.contains(invoice)).count() == 1;
    let (supplier, invoice) = all.iter().find(|(supplier, invoice)| plain(supplier) && plain(invoice) && alone(invoice)).unwrap().clone();
    let key = DocumentKey::from_text(format!("{supplier}/{invoice}"));
    let key = source_key(&CompanyId::new("EDU1"), &EntityName::new("invoice"), &key, "");
    (invoice, format!("\"u_source_key\":\"{key}\""))
}

/// Cycles until nothing is due, on its way or in doubt: the lines of a header that has failed go on waiting for it.
async fn settle(rig: &Rig) {
    let left = "SELECT count(*) FROM undelivered WHERE state IN ('queued', 'sending', 'unknown')";
    for _ in 0..40 {
        rig.sync().await;
        if rig.database.psql(left) == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("still on the way: {:#?}", rig.failures().await);
}

fn batches(rig: &Rig) -> u64 {
    rig.servicenow
        .requests()
        .iter()
        .filter(|(kind, _)| kind.to_ascii_lowercase().contains("batch") && !kind.starts_with("batched"))
        .map(|(_, n)| n)
        .sum()
}

/// The answer of the next request that holds this text is lost, and every question for the key is answered 500.
fn never_looked_up(rig: &Rig, text: &str, key: &str) {
    rig.servicenow.set_fault(FaultRule::always(Fault::DropAfterCommit).on_method("POST").on_body(text).times(1));
    rig.servicenow.set_fault(FaultRule::always(Fault::Status(500)).on_method("GET").on_body(key));
}

/// The one record that failed, after three look-ups.
async fn failed_lookup(rig: &Rig, number: &str) {
    let failures = rig.failures().await;
    let failed: Vec<_> = failures.iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("exhausted")).collect();
    assert!(failed.len() == 1 && failed[0].key.ends_with(number), "{failures:#?}");
    let message = failed[0].message.as_deref().unwrap_or_default();
    assert!(
        message.contains("does not know whether it arrived") && message.contains("3 look-ups of it failed") && message.contains("500"),
        "{message}"
    );
    assert!(failed[0].next_step.as_deref().is_some_and(|step| step.contains("sn_apo_invoice")), "{:?}", failed[0].next_step);
}

#[test]
fn a_record_that_can_never_be_looked_up_fails_by_name_and_keeps_no_neighbour_unknown() {
    run(async {
        let rig = Rig::start(options()).await;
        let (number, text) = chosen(&rig);
        let key = text.split('"').nth(3).unwrap();
        never_looked_up(&rig, &text, key);
        settle(&rig).await;
        failed_lookup(&rig, &number).await;
        let others: Vec<_> = rig.failures().await.into_iter().filter(|row| !row.key.ends_with(&number)).collect();
        assert!(others.is_empty(), "its neighbours are not unknown with it: {others:#?}");
        let invoices = source::rows(&rig.syspro, "EDU1", "ApInvoice", |_| ()).len();
        assert_eq!((rig.servicenow.count(INVOICES), rig.servicenow.duplicates(INVOICES, "u_source_key")), (invoices, 0));
        rig.servicenow.clear_faults();
        // alone it is found as well: others are asked for to know that it is its own trouble
        let supplier = key.split('/').nth(2).unwrap();
        let changed = [("DueDate", "2031-01-01")];
        rig.syspro.update("EDU1", "ApInvoice", &[("Supplier", supplier), ("Invoice", &number)], &changed).unwrap();
        never_looked_up(&rig, &text, key);
        rig.sweep(&["invoice"]).await;
        settle(&rig).await;
        failed_lookup(&rig, &number).await;
        assert_eq!((rig.servicenow.count(INVOICES), rig.servicenow.duplicates(INVOICES, "u_source_key")), (invoices, 0));
    });
}

#[test]
fn an_instance_that_answers_no_look_up_at_all_lets_no_record_fail() {
    run(async {
        let rig = Rig::start(options()).await;
        let (_, text) = chosen(&rig);
        rig.servicenow.set_fault(FaultRule::always(Fault::DropAfterCommit).on_method("POST").on_body(&text).times(1));
        for table in ["sn_apo_invoice", INVOICES] {
            rig.servicenow.set_fault(FaultRule::always(Fault::Status(500)).on_method("GET").on_table(table));
        }
        for _ in 0..6 {
            rig.sync().await;
            rig.database.psql("UPDATE pending SET not_before = now()");
        }
        let failures = rig.failures().await;
        assert!(!failures.is_empty() && failures.iter().all(|row| row.state == PartState::Unknown), "{failures:#?}");
        rig.servicenow.clear_faults();
        settle(&rig).await;
        assert_eq!(rig.failures().await.len(), 0);
    });
}

#[test]
fn a_record_whose_row_cannot_be_looked_up_before_it_is_sent_keeps_no_neighbour_waiting() {
    run(async {
        // rows without our sys_id are searched for by their key before they are made
        let rig = Rig::start(options().with("SERVICENOW__DERIVED_SYS_ID", "false")).await;
        let orders = source::rows(&rig.syspro, "EDU1", "PorMasterHdr", |c| c("PurchaseOrder").text().to_owned());
        let number = orders.iter().find(|number| number.chars().all(|c| c.is_ascii_digit())).unwrap();
        let key = source_key(&CompanyId::new("EDU1"), &EntityName::new("purchase_order"), &DocumentKey::from_text(number), "");
        rig.servicenow.set_fault(FaultRule::always(Fault::Status(500)).on_method("GET").on_table("proc_po").on_body(&key));
        settle(&rig).await;
        let failures = rig.failures().await;
        let failed: Vec<_> = failures.iter().filter(|row| row.block == "header").collect();
        assert!(
            failed.len() == 1 && failed[0].key == *number && failed[0].reason.map(|reason| reason.as_str()) == Some("exhausted"),
            "{failures:#?}"
        );
        let message = failed[0].message.as_deref().unwrap_or_default();
        assert!(message.contains("3 attempts failed") && message.contains("nothing was sent"), "{message}");
        assert_eq!(rig.servicenow.count("proc_po"), orders.len() - 1, "its neighbours arrive");
        assert_eq!(rig.servicenow.duplicates("proc_po", "u_source_key"), 0);
    });
}

#[test]
fn a_refusal_behind_which_nobody_could_look_is_unknown_and_no_failure() {
    run(async {
        let rig = Rig::start(options()).await;
        let (_, text) = chosen(&rig);
        let key = text.split('"').nth(3).unwrap();
        let refused = || FaultRule::always(Fault::Named("operation_failed_after_commit".into()));
        // the write is done and called refused, and so are the next questions that name the record
        rig.servicenow.set_fault(FaultRule::always(Fault::StatusAfterCommit(403)).on_path("batch:").on_body(&text).times(1));
        for table in ["sn_apo_invoice", INVOICES] {
            rig.servicenow.set_fault(refused().on_method("GET").on_table(table).on_body(key).times(2));
        }
        settle(&rig).await;
        assert!(rig.servicenow.faults_triggered() > 2, "the record was asked for");
        assert_eq!(rig.failures().await.len(), 0, "{:#?}", rig.failures().await);
        let invoices = source::rows(&rig.syspro, "EDU1", "ApInvoice", |_| ()).len();
        assert_eq!((rig.servicenow.count(INVOICES), rig.servicenow.duplicates(INVOICES, "u_source_key")), (invoices, 0));
    });
}

/// The record has no usable answer, whether it travels alone or in a batch (`whole`: the batch has none then).
fn poison(fault: Fault, whole: bool, most: u64, says: &str) {
    run(async {
        let rig = Rig::start(options()).await;
        let (number, text) = chosen(&rig);
        if whole {
            rig.servicenow.set_fault(FaultRule::always(fault).on_body(&text));
        } else {
            rig.servicenow.set_fault(FaultRule::always(fault.clone()).on_path("batch:").on_body(&text));
            rig.servicenow.set_fault(FaultRule::always(fault.clone()).on_path("/api/now/table").on_body(&text));
            rig.servicenow.set_fault(FaultRule::always(fault).on_path("/api/now/import").on_body(&text));
        }
        settle(&rig).await;
        let invoices = source::rows(&rig.syspro, "EDU1", "ApInvoice", |_| ()).len();
        assert_eq!(rig.servicenow.count(INVOICES), invoices - 1, "its neighbours arrive");
        assert_eq!(rig.servicenow.duplicates(INVOICES, "u_source_key"), 0);
        let failures = rig.failures().await;
        let failed: Vec<_> = failures.iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("exhausted")).collect();
        assert!(failed.len() == 1 && failed[0].key.ends_with(&number), "{failures:#?}");
        let message = failed[0].message.as_deref().unwrap_or_default();
        assert!(message.contains("3 attempts failed") && message.contains(says), "{message}");
        let triggered = rig.servicenow.faults_triggered();
        assert!((3..=most).contains(&triggered), "{triggered} requests for it");
        // what comes later still travels in batches, and nothing waits for a breaker
        let before = batches(&rig);
        for row in source::rows(&rig.syspro, "EDU1", "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned())) {
            if row.1 != number {
                let key = [("Supplier", row.0.as_str()), ("Invoice", row.1.as_str())];
                rig.syspro.update("EDU1", "ApInvoice", &key, &[("DueDate", "2031-01-01")]).unwrap();
            }
        }
        let swept = rig.sweep(&["invoice"]).await;
        assert_eq!(errors(&swept), Vec::<String>::new());
        let changed = rig.servicenow.rows(INVOICES).iter().filter(|row| row["u_due_date"] == "2031-01-01").count();
        assert_eq!((changed, batches(&rig) > before), (invoices - 1, true));
        assert_eq!(rig.servicenow.faults_triggered(), triggered, "what has failed is not sent again by itself");
    });
}

#[test]
fn an_item_that_is_always_answered_500() {
    poison(Fault::Status(500), false, 4, "500");
}

#[test]
fn a_record_over_which_a_firewall_turns_the_batch_away() {
    poison(Fault::Status(403), true, 5, "403");
}

#[test]
fn a_record_over_which_the_whole_batch_is_a_502_page() {
    poison(Fault::Status(502), true, 4, "502");
}

#[test]
fn a_record_over_which_the_connection_is_cut() {
    poison(Fault::Drop, true, 4, "no answer");
}

/// A record that is always answered with a request to wait: each cycle ends, says so, and the others arrive. It stays due, for a pause that the
/// instance asks for is no failure of a record.
fn asks_for_time(seconds: u32, whole: bool) {
    run(async {
        let rig = Rig::start(options()).await;
        let (number, text) = chosen(&rig);
        let triggered = || FaultRule::always(Fault::RetryAfter(seconds)).on_body(&text);
        if whole {
            rig.servicenow.set_fault(triggered());
        } else {
            let _ = ["batch:", "/api/now/table", "/api/now/import"].map(|path| rig.servicenow.set_fault(triggered().on_path(path)));
        }
        let invoices = source::rows(&rig.syspro, "EDU1", "ApInvoice", |_| ()).len();
        for cycle in 1.. {
            rig.sync().await;
            if rig.servicenow.count(INVOICES) == invoices - 1 {
                break;
            }
            if cycle >= 100 {
                let left = rig.failures().await;
                panic!("{} of {invoices} arrived; left: {left:#?}", rig.servicenow.count(INVOICES));
            }
            // what was put off together with it is due once its time has come
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let triggered = rig.servicenow.faults_triggered();
        rig.sync().await;
        let again = rig.servicenow.faults_triggered() - triggered;
        assert!(again <= 8, "{again} requests for it in one cycle");
        let failures = rig.failures().await;
        let [one] = &failures.iter().filter(|row| row.key.ends_with(&number) && row.block == "header").collect::<Vec<_>>()[..] else {
            panic!("{failures:#?}")
        };
        assert!(one.message.as_deref().unwrap_or_default().contains("429"), "{one:#?}");
        assert!(one.next_step.as_deref().unwrap_or_default().contains("asked for a pause"), "{one:#?}");
        rig.servicenow.clear_faults();
        settle(&rig).await;
        assert_eq!((rig.servicenow.count(INVOICES), rig.servicenow.duplicates(INVOICES, "u_source_key")), (invoices, 0));
    });
}

#[test]
fn a_record_that_is_always_told_to_wait_ends_no_cycle_and_holds_nobody_up() {
    asks_for_time(1, false);
    asks_for_time(0, false);
}

#[test]
fn a_record_over_which_the_whole_batch_is_told_to_wait_holds_nobody_up() {
    asks_for_time(1, true);
}

#[test]
fn an_instance_that_takes_no_writes_uses_up_nobody_s_tries_and_ends_the_cycle() {
    run(async {
        let rig = Rig::start(options().with("SERVICENOW__BATCH_SIZE", "5").with("SERVICENOW__BATCH_LIMIT", "5")).await;
        // every write fails, every query works: the worst case to tell from records that fail by themselves
        for path in ["/api/now/batch", "/api/now/v1/batch"] {
            rig.servicenow.set_fault(FaultRule::always(Fault::Status(503)).on_path(path));
        }
        for method in ["POST", "PATCH"] {
            rig.servicenow.set_fault(FaultRule::always(Fault::Status(503)).on_method(method).on_path("/api/now/"));
        }
        // more cycles than `retry.max_attempts`; each must end without a person
        for _ in 0..6 {
            let report = rig.sync().await;
            let said = errors(&report).join("\n");
            assert!(said.contains("sending to ServiceNow failed"), "{said}");
        }
        let failures = rig.failures().await;
        let failed: Vec<_> = failures.iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("exhausted")).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        rig.servicenow.clear_faults();
        settle(&rig).await;
        assert_eq!(rig.servicenow.count(INVOICES), source::rows(&rig.syspro, "EDU1", "ApInvoice", |_| ()).len());
    });
}

#[test]
fn a_delivery_that_cannot_be_read_back_is_set_aside_and_its_neighbours_arrive() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        let (number, _) = chosen(&rig);
        rig.database.psql(&format!(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.payload := '{{\"cut'; RETURN NEW; END $$;
             CREATE TRIGGER spoil BEFORE INSERT ON delivery FOR EACH ROW
             WHEN (NEW.block = 'header' AND NEW.payload LIKE '%\"u_supplier_invoice_number\":\"{number}\"%' AND NEW.payload LIKE '%u_due_date%') EXECUTE FUNCTION spoil()"
        ));
        settle(&rig).await;
        let invoices = source::rows(&rig.syspro, "EDU1", "ApInvoice", |_| ()).len();
        assert_eq!(rig.servicenow.count(INVOICES), invoices - 1);
        let failures = rig.failures().await;
        let failed: Vec<_> = failures.iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("poison")).collect();
        assert!(failed.len() == 1 && failed[0].key.ends_with(&number), "{failures:#?}");
        let message = failed[0].message.as_deref().unwrap_or_default();
        assert!(message.contains("cannot be read back") && message.contains("nothing of it was sent"), "{message}");
        assert!(failed[0].next_step.as_deref().unwrap_or_default().contains("tieline replay"));
        assert_eq!(rig.audit(AuditKind::Unknown).await.len(), 0);
    });
}

#[test]
fn what_is_gone_and_cannot_be_read_back_fails_by_name_and_is_not_sent() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        settle(&rig).await;
        let suppliers = source::rows(&rig.syspro, "EDU1", "ApSupplier", |c| c("Supplier").text().to_owned());
        let unused: Vec<_> = {
            let used = source::rows(&rig.syspro, "EDU1", "ApInvoice", |c| c("Supplier").text().to_owned());
            suppliers.iter().filter(|supplier| !used.contains(supplier)).take(2).collect()
        };
        let [spoiled, whole] = unused[..] else { panic!("two suppliers without invoices") };
        rig.database.psql(&format!(
            "UPDATE delivery SET payload = '{{\"cut' FROM document d WHERE d.id = document_id AND d.entity = 'supplier' AND d.key = '{spoiled}'"
        ));
        for supplier in [spoiled, whole] {
            rig.syspro.delete("EDU1", "ApSupplier", &[("Supplier", supplier)]).unwrap();
        }
        rig.sweep(&["supplier"]).await;
        settle(&rig).await;
        let row =
            |supplier: &str| rig.servicenow.rows("x_apo_supplier").into_iter().find(|row| row["u_supplier_number"] == *supplier).unwrap();
        assert_eq!((&*row(whole)["u_active"], &*row(spoiled)["u_active"]), ("false", "true"), "its neighbour is marked");
        let failures = rig.failures().await;
        let failed: Vec<_> = failures.iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("poison")).collect();
        assert!(failed.len() == 1 && failed[0].key == *spoiled, "{failures:#?}");
        assert!(failed[0].message.as_deref().unwrap_or_default().contains("not marked as gone"), "{failed:#?}");
    });
}

#[test]
fn reading_rests_while_more_of_the_flow_waits_than_the_setting_says() {
    run(async {
        let mut rig = Rig::start(options().with("FLOWS__BACKLOG", "3").with("SYSPRO__PAGE_SIZE", "4")).await;
        let mut settings: Settings = (*rig.process.settings).clone();
        settings.flows.backlog_wait = Duration::from_secs(1);
        rig.process.settings = std::sync::Arc::new(settings);
        rig.servicenow.set_fault(FaultRule::always(Fault::RetryAfter(60)).on_path("/api/now"));
        let report = rig.sync().await;
        let said = errors(&report);
        assert!(said.iter().any(|error| error.contains("wait to be sent") && error.contains("continues at this page")), "{said:#?}");
        assert_eq!(rig.database.psql("SELECT count(*) FROM flow WHERE holder IS NOT NULL"), "0", "the flows are given back");
        let most =
            "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM undelivered WHERE state = 'queued' GROUP BY company, entity) w";
        let most: usize = rig.database.psql(most).parse().unwrap();
        let suppliers = source::rows(&rig.syspro, "EDU1", "ApSupplier", |_| ()).len();
        assert!(most >= 3 && most < suppliers, "{most} wait of {suppliers}");
        rig.servicenow.clear_faults();
        // deliveries that had to wait are due when their time has come; nobody waits a minute here
        rig.database.psql("UPDATE pending SET not_before = now(), reason = NULL WHERE state = 'queued'");
        rig.sync_until_settled(60).await;
        assert_eq!(rig.servicenow.count("x_apo_supplier"), suppliers);
    });
}

#[test]
fn a_flow_whose_run_cannot_be_noted_is_given_back() {
    run(async {
        let rig = Rig::start(options()).await;
        rig.database.psql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more runs'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON run FOR EACH ROW EXECUTE FUNCTION refuse()",
        );
        let said = errors(&rig.sync().await);
        assert!(!said.is_empty());
        assert_eq!(rig.database.psql("SELECT count(*) FROM flow WHERE holder IS NOT NULL OR lease_until > now()"), "0");
        rig.database.psql("DROP TRIGGER refuse ON run");
        rig.sync_well().await;
    });
}

#[test]
fn the_master_key_is_read_when_its_file_has_changed() {
    run(async {
        let rig = Rig::start(options()).await;
        let (credential_store, file) = (&rig.process.credential_store, rig.process.settings.state.key_file.clone());
        let first = credential_store.key_ring().await.unwrap();
        assert!(std::sync::Arc::ptr_eq(&first, &credential_store.key_ring().await.unwrap()), "it is read once");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}\n")).unwrap();
        assert!(!std::sync::Arc::ptr_eq(&first, &credential_store.key_ring().await.unwrap()), "a file that was written anew is read");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(credential_store.key_ring().await.is_err(), "a file that others may read by now is refused");
        std::fs::remove_file(&file).unwrap();
        assert!(credential_store.key_ring().await.is_err());
    });
}
