//! The main task, from SYSPRO's tables to ServiceNow's: first sync, changes, keys, parents, sweeps, refusals, adoption.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, Utc};
use rust_decimal::Decimal;
use tieline::domain::audit::AuditKind;
use tieline::store::AuditFilter;
use tieline_sim::servicenow::schema::{Abort, BusinessRule};

use crate::support::{Options, Rig, errors, flow, run, source};

const COMPANIES: [&str; 2] = ["EDU1", "1"];

/// Rows by target table; what a failed comparison prints.
fn arrived(rig: &Rig) -> Vec<(&'static str, usize)> {
    source::expected(&rig.syspro, &[]).into_iter().map(|(table, _)| (table, rig.servicenow.count(table))).collect()
}

fn no_duplicates(rig: &Rig) {
    for (table, _) in arrived(rig) {
        assert_eq!(rig.servicenow.duplicates(table, "u_source_key"), 0, "{table}");
    }
}

#[test]
fn everything_arrives_once_and_only_changes_follow() {
    run(async {
        let rig = Rig::start(Options::new(3_000)).await;
        let report = rig.sync_well().await;
        let failures = rig.failures().await;
        assert!(failures.is_empty(), "{failures:#?}");
        assert_eq!(arrived(&rig), source::expected(&rig.syspro, &COMPANIES));
        no_duplicates(&rig);
        assert_eq!(report.flows.len(), 12);
        let sum = |amounts: fn(&tieline_sim::syspro::SysproSim, &str) -> Vec<Decimal>| -> Decimal {
            COMPANIES.iter().flat_map(|company| amounts(&rig.syspro, company)).sum()
        };
        let invoiced = source::invoiced(&rig.syspro, &COMPANIES);
        assert_eq!(source::invoices_arrived(&rig.servicenow), invoiced);
        assert_eq!(rig.sum("x_apo_invoice_line", "u_line_amount_invoiced"), sum(source::distributions));
        assert_eq!(rig.sum("x_apo_gl_posting", "u_amount"), sum(source::postings));
        assert_eq!(invoiced.keys().collect::<Vec<_>>(), ["EUR", "JPY", "KWD", "USD", "ZAR"]);

        // nothing changed: nothing is written, there are no versions, and no more is read than the windows of the change queries
        let (writes, versions) = (rig.servicenow.writes(), rig.database.psql("SELECT count(*) FROM version"));
        let report = rig.sync_well().await;
        assert_eq!((rig.servicenow.writes(), rig.database.psql("SELECT count(*) FROM version")), (writes, versions));
        let read = |company: &str, entity: &str| usize::try_from(flow(&report, company, entity).as_ref().unwrap().counts.read).unwrap();
        let from = Utc::now().date_naive().checked_sub_days(Days::new(40)).unwrap();
        for company in COMPANIES {
            let keys = |table: &str, date: &'static [&'static str]| {
                let rows = source::rows(&rig.syspro, company, table, |c| {
                    let recent = date.iter().any(|name| c(name).date() >= Some(from));
                    recent.then(|| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()))
                });
                rows.into_iter().flatten().collect::<BTreeSet<_>>()
            };
            let (invoices, paid) = (keys("ApInvoice", &["InvoiceDate", "JournalDate"]), keys("ApInvoicePay", &["JournalDate"]));
            let matched = keys("GrnMatching", &["MatchedDate"]);
            // an invoice whose matches are on two pages is read with both
            let split = 10;
            let (all, most) = (rig.syspro.count(company, "ApInvoice").unwrap(), invoices.len() + paid.len() + matched.len() + split);
            let read = read(company, "invoice");
            assert!(read >= invoices.len() && read <= most, "{company}: {read} read, {} to {most} in the windows", invoices.len());
            assert!(read < all || all < 50, "{company}: all {all} invoices were read again");
        }

        // fifty headers change, of invoices that were posted lately; their lines do not
        let from = Utc::now().date_naive().checked_sub_days(Days::new(39)).unwrap();
        let recent = source::rows(&rig.syspro, "EDU1", "ApInvoice", |c| {
            (c("JournalDate").date() >= Some(from)).then(|| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()))
        });
        let chosen: Vec<_> = recent.into_iter().flatten().take(50).collect();
        assert_eq!(chosen.len(), 50);
        for (supplier, invoice) in &chosen {
            let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
            rig.syspro.update("EDU1", "ApInvoice", &key, &[("DueDate", "2031-03-04")]).unwrap();
        }
        let before = rig.servicenow.writes();
        let report = rig.sync_well().await;
        let counts = flow(&report, "EDU1", "invoice").as_ref().unwrap().counts;
        assert_eq!((counts.changed, counts.new, counts.sent, counts.confirmed), (50, 0, 50, 50));
        let changed: BTreeSet<(String, String)> = rig
            .servicenow
            .rows("x_apo_invoice")
            .into_iter()
            .filter(|row| row["u_source_version"].starts_with("2-"))
            .inspect(|row| assert_eq!(row["u_due_date"], "2031-03-04"))
            .map(|row| (row["u_company"].clone(), row["u_supplier_invoice_number"].clone()))
            .collect();
        assert_eq!(changed, chosen.into_iter().map(|(_, invoice)| ("EDU1".to_owned(), invoice)).collect());
        assert_eq!(rig.servicenow.writes() - before, 50);
        assert_eq!(rig.servicenow.rows("x_apo_invoice_line").iter().filter(|row| !row["u_source_version"].starts_with("1-")).count(), 0);
        assert_eq!(arrived(&rig), source::expected(&rig.syspro, &COMPANIES));
        no_duplicates(&rig);
    });
}

#[test]
fn equal_and_nearly_equal_keys_stay_apart() {
    run(async {
        let rig = Rig::start(Options::new(30)).await;
        rig.sync_well().await;
        let mut by_number: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
        for row in rig.servicenow.rows("x_apo_supplier") {
            by_number.entry(row["u_supplier_number"].clone()).or_default().push(row);
        }
        for number in ["042", "42", "Abc01", "ABC01", "O'NEIL", "A&B+C", "0000010", " 00007"] {
            let companies: Vec<&str> = by_number.get(number).into_iter().flatten().map(|row| row["u_company"].as_str()).collect();
            let companies: BTreeSet<&str> = companies.iter().copied().inspect(|_| assert_eq!(companies.len(), 2, "{number}")).collect();
            assert_eq!(companies, BTreeSet::from(["1", "EDU1"]), "supplier {number}");
        }
        // each under the name that SYSPRO has for it
        for (company, number) in [("EDU1", "Abc01"), ("1", "Abc01"), ("EDU1", "ABC01"), ("EDU1", "042"), ("1", "42")] {
            let name = source::rows(&rig.syspro, company, "ApSupplier", |c| {
                (c("Supplier").text() == number).then(|| c("SupplierName").text().to_owned())
            });
            let name = name.into_iter().flatten().next().unwrap();
            let row = by_number[number].iter().find(|row| row["u_company"] == company).unwrap();
            assert_eq!(row["u_name"], name, "{company} {number}");
        }
        let count = |number: &str| rig.servicenow.rows("x_apo_invoice").iter().filter(|r| r["u_supplier_invoice_number"] == number).count();
        // the special invoices of both companies
        for (number, times) in [("abc-1", 2), ("ABC-1", 2), ("042", 2), ("42", 2), ("O'NEIL/7", 2), ("A&B+C%20#1?", 2), ("INV-DUP", 4)] {
            assert_eq!(count(number), times, "invoice {number}");
        }
        no_duplicates(&rig);
    });
}

/// An invoice with one line, of a supplier that need not be there.
fn add_invoice(rig: &Rig, supplier: &str, invoice: &str) {
    let today = Utc::now().date_naive().to_string();
    let add = |table: &str, values: &[(&str, &str)]| rig.syspro.insert("EDU1", table, values).unwrap();
    let own = [("Supplier", supplier), ("Invoice", invoice)];
    let dated = [("InvoiceDate", today.as_str()), ("JournalDate", &today), ("OrigInvValue", "12.50"), ("Currency", "R")];
    add("ApInvoice", &[&own[..], &dated[..]].concat());
    let entry = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "77"), ("EntryNumber", "1")];
    add("ApJnlSummary", &[&entry[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
    add("ApJnlDistrib", &[&entry[..], &[("SubEntry", "1"), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", "12.50")]].concat());
}

#[test]
fn an_invoice_waits_for_its_supplier_and_goes_by_itself() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        rig.sync_well().await;
        add_invoice(&rig, "LATECOMER", "L-1");
        rig.sync_well().await;
        let failures = rig.failures().await;
        let blocks: BTreeSet<&str> = failures.iter().map(|row| row.block.as_str()).collect();
        assert_eq!((failures.len(), blocks), (2, BTreeSet::from(["header", "lines"])), "{failures:#?}");
        for row in &failures {
            assert_eq!((row.state.as_str(), row.reason.map(|reason| reason.as_str())), ("waiting", Some("missing_parent")));
            assert!(row.message.as_deref().unwrap().contains("supplier `LATECOMER`"), "{row:?}");
            assert!(row.next_step.as_deref().unwrap().contains("automatically"), "{row:?}");
        }
        let find = |table| rig.servicenow.find(table, "u_supplier_invoice_number", "L-1");
        assert!(find("x_apo_invoice").is_none() && find("x_apo_invoice_line").is_none());

        rig.syspro.insert("EDU1", "ApSupplier", &[("Supplier", "LATECOMER"), ("SupplierName", "Late"), ("Currency", "R")]).unwrap();
        rig.sync_well().await;
        assert_eq!(rig.failures().await.len(), 0);
        assert_eq!(find("x_apo_invoice").unwrap()["u_amount_invoiced"], "12.50");
        assert_eq!(find("x_apo_invoice_line").unwrap()["u_line_amount_invoiced"], "12.50");
        // the line followed its header
        let filter = AuditFilter {
            company: Some("EDU1".into()),
            entity: Some("invoice".into()),
            key: Some("LATECOMER/L-1".into()),
            limit: 100,
            ..AuditFilter::default()
        };
        let steps = rig.store.audit_list(filter).await.unwrap();
        let confirmed: Vec<_> = steps.iter().filter(|s| s.kind == "confirmed").filter_map(|s| s.block.as_deref()).collect();
        assert_eq!(confirmed, ["header", "lines"], "{steps:#?}");
        assert_eq!(steps.iter().filter(|s| s.kind == "released").count(), 2);
    });
}

#[test]
fn a_sweep_finds_silent_edits_and_what_is_gone() {
    run(async {
        let rig = Rig::start(Options::of_one_company(60).with("FLOWS__MAX_GONE_PER_SWEEP", "2")).await;
        rig.sync_well().await;
        let suppliers = rig.servicenow.count("x_apo_supplier");
        rig.syspro.update("EDU1", "ApSupplier", &[("Supplier", "042")], &[("Telephone", "+27 1")]).unwrap();
        rig.syspro.delete("EDU1", "ApSupplier", &[("Supplier", "ZTEMP0")]).unwrap();
        rig.syspro.delete("EDU1", "ApSupplierAddr", &[("Supplier", "ZTEMP0")]).unwrap();
        // an order that is complete, and so read no more
        let done = source::rows(&rig.syspro, "EDU1", "PorMasterHdr", |c| {
            (c("OrderStatus").text() == "9").then(|| (c("OrderEntryDate").date(), c("PurchaseOrder").text().to_owned()))
        });
        let order = done.into_iter().flatten().min().unwrap().1;
        rig.syspro.update("EDU1", "PorMasterHdr", &[("PurchaseOrder", &order)], &[("DeliveryName", "Moved quietly")]).unwrap();
        let described = || rig.servicenow.find("proc_po", "number", &order).unwrap().get("short_description").cloned().unwrap_or_default();
        rig.sync_well().await;
        assert!(!described().contains("Moved quietly"), "the poll read a complete order again, so the sweep proves nothing");
        let report = rig.sweep(&["supplier", "purchase_order"]).await;
        assert_eq!(errors(&report), Vec::<String>::new());
        assert!(described().contains("Moved quietly"), "{}", described());
        let supplier = |number: &str| rig.servicenow.find("x_apo_supplier", "u_supplier_number", number).unwrap();
        assert_eq!(supplier("042")["u_phone"], "+27 1");
        assert_eq!((supplier("ZTEMP0")["u_active"].as_str(), supplier("042")["u_active"].as_str()), ("false", "true"));
        assert_eq!(rig.servicenow.count("x_apo_supplier"), suppliers, "nothing is deleted");

        // more than the limit: nothing is marked
        for n in 1..=3 {
            rig.syspro
                .insert("EDU1", "ApSupplier", &[("Supplier", &format!("SPARE{n}")), ("SupplierName", "Spare"), ("Currency", "R")])
                .unwrap();
        }
        rig.sync_well().await;
        for n in 1..=3 {
            rig.syspro.delete("EDU1", "ApSupplier", &[("Supplier", &format!("SPARE{n}"))]).unwrap();
        }
        let said = errors(&rig.sweep(&["supplier"]).await);
        let named = said.iter().any(|text| text.contains("did not see 3 of the") && text.contains("`flows.max_gone_per_sweep` (2)"));
        assert!(named, "{said:?}");
        for n in 1..=3 {
            assert_eq!(supplier(&format!("SPARE{n}"))["u_active"], "true");
        }
    });
}

#[test]
fn a_refused_record_is_set_aside_alone() {
    run(async {
        let mut options = Options::of_one_company(30);
        let rule = |column: &str, value: &str| BusinessRule {
            name: "Period is closed".into(),
            column: column.into(),
            abort: Abort::Equals(value.into()),
            silent: false,
        };
        options.servicenow.table("x_apo_invoice").unwrap().rules.push(rule("u_supplier_invoice_number", "O'NEIL/7"));
        options.servicenow.table("itfm_gl_accounts").unwrap().mandatory.push("name".into());
        let rig = Rig::start(options).await;
        rig.syspro.insert("EDU1", "GenMaster", &[("Company", "EDU1"), ("GlCode", "NAMELESS"), ("AccountType", "E")]).unwrap();
        rig.sync_well().await;
        let failures = rig.failures().await;
        let refused: Vec<_> = failures.iter().filter(|row| row.reason.map(|reason| reason.as_str()) == Some("rejected")).collect();
        let keys: BTreeSet<_> = refused.iter().map(|row| (row.entity.as_str(), row.key.as_str())).collect();
        assert_eq!(keys, BTreeSet::from([("gl_account", "EDU1/NAMELESS"), ("invoice", "O'NEIL/O'NEIL%2F7")]), "{failures:#?}");
        for row in &refused {
            let (message, next) = (row.message.as_deref().unwrap(), row.next_step.as_deref().unwrap());
            let words = if row.entity == "invoice" { "Period is closed" } else { "name" };
            assert!(message.to_lowercase().contains(&words.to_lowercase()) && !next.is_empty(), "{row:#?}");
        }
        // the neighbours went, and the refused invoice's lines wait for it
        let expected: BTreeMap<_, _> = source::expected(&rig.syspro, &["EDU1"]).into_iter().collect();
        assert_eq!(rig.servicenow.count("x_apo_invoice"), expected["x_apo_invoice"] - 1);
        assert_eq!(rig.servicenow.count("itfm_gl_accounts"), expected["itfm_gl_accounts"] - 1);
        assert!(rig.servicenow.find("x_apo_invoice_line", "u_supplier_invoice_number", "O'NEIL/7").is_none());
    });
}

#[test]
fn a_row_keyed_by_hand_is_taken_over() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30).with("SERVICENOW__ADOPT", "true")).await;
        let sys_id = rig.servicenow.insert_row("cmn_cost_center", &[("code", "100"), ("name", "By hand")]).unwrap();
        rig.sync_well().await;
        let rows: Vec<_> = rig.servicenow.rows("cmn_cost_center").into_iter().filter(|row| row["code"] == "100").collect();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        assert_eq!((rows[0]["sys_id"].as_str(), rows[0]["name"].as_str()), (sys_id.as_str(), "Foundry"));
        assert_eq!(rig.servicenow.count("cmn_cost_center"), rig.syspro.count("EDU1", "BomCostCentre").unwrap());
        let view = rig.store.record_view("EDU1".into(), "cost_center".into(), "100".into()).await.unwrap();
        assert_eq!(view.deliveries[0].sys_id.as_deref(), Some(sys_id.as_str()));
        // and the next change goes to the same row
        rig.syspro.update("EDU1", "BomCostCentre", &[("CostCentre", "100")], &[("Description", "Foundry two")]).unwrap();
        rig.sync_well().await;
        assert_eq!(rig.servicenow.find("cmn_cost_center", "sys_id", &sys_id).unwrap()["name"], "Foundry two");
        no_duplicates(&rig);
    });
}

#[test]
fn a_field_dropped_without_a_word_is_a_failure() {
    run(async {
        let mut options = Options::of_one_company(30);
        options.servicenow.table("cmn_cost_center").unwrap().unwritable.push("account_number".into());
        let rig = Rig::start(options).await;
        rig.sync_well().await;
        let failures = rig.failures().await;
        let refused: Vec<_> = failures.iter().filter(|row| row.field.as_deref() == Some("account_number")).collect();
        for row in &refused {
            assert_eq!(row.reason.map(|reason| reason.as_str()), Some("rejected"));
            assert!(row.message.as_deref().unwrap().contains("and the field is empty"), "{row:?}");
        }
        // from the third on nothing more is sent: what was not in a batch by then waits, and the flow says why
        let status = rig.store.flow_status().await.unwrap();
        let flow = status.iter().find(|row| row.entity == "cost_center").unwrap();
        assert!(flow.stopped.as_deref().unwrap().contains("did not store field `account_number`"), "{flow:#?}");
        let (sent, all) = (rig.servicenow.count("cmn_cost_center"), rig.syspro.count("EDU1", "BomCostCentre").unwrap());
        assert!((3..=all).contains(&refused.len()), "{failures:#?}");
        assert_eq!((refused.len(), refused.len() + usize::try_from(flow.queued).unwrap()), (sent, all), "{flow:#?}");
        assert!(rig.audit(AuditKind::PartialWrite).await.is_empty());
        assert!(rig.servicenow.rows("cmn_cost_center").iter().all(|row| !row.contains_key("account_number")));
    });
}

#[test]
fn an_invoice_whose_last_parents_arrived_at_the_same_moment_is_not_forgotten() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        rig.sync_well().await;
        add_invoice(&rig, "NOBODY1", "SKEW-1");
        rig.sync_well().await;
        assert!(rig.failures().await.iter().all(|failure| failure.reason.map(|reason| reason.as_str()) == Some("missing_parent")));
        // what two settlements leave behind that each saw the other's parent still missing
        rig.database.psql("DELETE FROM awaited_parent");
        rig.sync_well().await;
        assert_eq!(rig.failures().await.len(), 0);
        assert!(rig.servicenow.find("x_apo_invoice", "u_supplier_invoice_number", "SKEW-1").is_some());
    });
}
