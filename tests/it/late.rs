//! Late documents: dated back, or with a key that the read has already passed. Counts and prints which step finds them.

use std::collections::BTreeSet;

use chrono::{Days, Utc};

use crate::support::{Options, Rig, errors, run, source};

const COMPANY: &str = "EDU1";

/// Invoices there are at first.
const INVOICES: u32 = 1_000;

/// An invoice without lines.
fn invoice(rig: &Rig, supplier: &str, number: &str, days_ago: u64) {
    let date = Utc::now().date_naive().checked_sub_days(Days::new(days_ago)).unwrap().to_string();
    let values = [
        ("Supplier", supplier),
        ("Invoice", number),
        ("InvoiceDate", &date),
        ("JournalDate", &date),
        ("OrigInvValue", "0.10"),
        ("Currency", "R"),
    ];
    rig.syspro.insert(COMPANY, "ApInvoice", &values).unwrap();
}

/// Those of the late ones that have arrived.
fn arrived(rig: &Rig, prefix: &str) -> BTreeSet<String> {
    let numbers = rig.servicenow.rows("x_apo_invoice").into_iter().map(|row| row["u_supplier_invoice_number"].clone());
    numbers.filter(|number| number.starts_with(prefix)).collect()
}

#[test]
fn what_comes_late_is_found_by_the_next_window_or_the_next_sweep() {
    run(async {
        let rig = Rig::start(Options::of_one_company(INVOICES).with("SYSPRO__PAGE_SIZE", "50")).await;
        rig.syspro.switch(|switches| switches.latency_ms = 20);

        // one in a hundred comes behind the cursor while it moves
        let behind = INVOICES / 100;
        let moving = async {
            loop {
                let read = rig.database.psql("SELECT count(*) FROM document WHERE entity = 'invoice'").parse::<u32>().unwrap();
                if read > INVOICES / 4 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            for n in 0..behind {
                invoice(&rig, " 00007", &format!("!BEHIND{n}"), 0);
            }
        };
        let (report, ()) = futures_util::future::join(rig.sync(), moving).await;
        assert_eq!(errors(&report), Vec::<String>::new());
        assert_eq!(arrived(&rig, "!BEHIND").len(), 0, "they were not behind the cursor");
        rig.syspro.switch(|switches| switches.latency_ms = 0);

        // one in twenty is dated back by up to sixty days
        let back = INVOICES / 20;
        for n in 0..back {
            invoice(&rig, "042", &format!("BACK{n}"), u64::from(n) * 60 / u64::from(back) + 1);
        }
        rig.sync_well().await;
        let (behind_found, back_found) = (arrived(&rig, "!BEHIND").len(), arrived(&rig, "BACK").len());
        assert_eq!(behind_found, behind as usize, "the window holds what is dated today");
        let in_window = (0..back).filter(|n| n * 60 / back < 40).count();
        assert_eq!(back_found, in_window, "the window reaches back forty days");

        // a second poll has nothing more to find, the sweep has
        rig.sync_well().await;
        assert_eq!(arrived(&rig, "BACK").len(), in_window);
        let report = rig.sweep(&["invoice"]).await;
        assert_eq!(errors(&report), Vec::<String>::new());
        assert_eq!(arrived(&rig, "BACK").len(), back as usize);
        assert_eq!(rig.servicenow.count("x_apo_invoice"), rig.syspro.count(COMPANY, "ApInvoice").unwrap());
        assert_eq!(rig.servicenow.duplicates("x_apo_invoice", "u_source_key"), 0);
        assert_eq!(source::invoices_arrived(&rig.servicenow), source::invoiced(&rig.syspro, &[COMPANY]));
        assert_eq!(rig.sum("x_apo_invoice_line", "u_line_amount_invoiced"), source::distributions(&rig.syspro, COMPANY).into_iter().sum());
        println!(
            "late: {behind} of {INVOICES} came behind the cursor: {behind_found} found by the next poll. {back} were dated back by up to 60 days: \
             {back_found} found by the next poll, {} by the next sweep, 0 missed",
            back as usize - back_found
        );
    });
}
