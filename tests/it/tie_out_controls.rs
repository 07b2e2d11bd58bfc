//! Controls: what must hold within a document of SYSPRO, or between it and the general ledger's accounts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::binary::text;
use crate::support::world::{COMPANY, World};
use crate::tie_out::tie_out_with;

/// The controls that some document violates: name, documents, and what is said of the first.
fn violated(report: &Value) -> Vec<(String, i64, String)> {
    let controls = report["controls"].as_array().unwrap().iter().filter(|control| control["violated"] != 0);
    let said = |control: &Value| {
        let message = control["violations"][0]["message"].as_str().unwrap_or_default().to_owned();
        (control["control"].as_str().unwrap().to_owned(), control["violated"].as_i64().unwrap(), message)
    };
    controls.map(said).collect()
}

#[test]
fn documents_that_violate_a_control_are_counted_listed_and_open() {
    let world = World::start();
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!((exit, violated(&report)), (Some(0), Vec::new()), "{report:#}");
    // every document was checked
    let controls = report["controls"].as_array().unwrap();
    assert!(controls.len() >= 5, "{report:#}");
    for control in controls {
        let table = if control["entity"] == "invoice" { "ApInvoice" } else { "GenJournalCtl" };
        assert!(control["checked"].as_u64().unwrap() > 0 && control["unchecked"] == 0 && control["left_out"].is_null(), "{control:#}");
        assert!(control["checked"].as_u64().unwrap() <= world.syspro.count(COMPANY, table).unwrap() as u64, "{control:#}");
    }
    // a line of an invoice, the credits of a journal, a line of a journal, an account
    let rows = world.servicenow.rows("x_apo_invoice_line");
    let line: Vec<&str> = rows[0]["u_source_key"].split('/').collect();
    let own = &line[line.len() - 5..];
    let of = [("TrnYear", own[0]), ("TrnMonth", own[1]), ("Journal", own[2]), ("EntryNumber", own[3]), ("SubEntry", own[4])];
    world.syspro.update(COMPANY, "ApJnlDistrib", &of, &[("DistrValue", "987654.32"), ("ExpenseGlCode", "NO-SUCH")]).unwrap();
    let postings = world.servicenow.rows("x_apo_gl_posting");
    let journal: Vec<String> = postings[0]["u_source_key"].split('/').skip(2).map(str::to_owned).collect();
    let of = [("GlYear", journal[0].as_str()), ("GlPeriod", &journal[1]), ("GlJournal", &journal[2])];
    world.syspro.update(COMPANY, "GenJournalCtl", &of, &[("CreditAmount", "1.23")]).unwrap();
    let entry = &journal[journal.len() - 4..];
    let of = [("GlYear", entry[0].as_str()), ("GlPeriod", &entry[1]), ("Journal", &entry[2]), ("EntryNumber", &entry[3])];
    world.syspro.update(COMPANY, "GenJournalDetail", &of, &[("EntryValue", "55555.55")]).unwrap();
    world.rest(&["sync", "--sweep"]).unwrap();
    let (report, exit) = tie_out_with(&world, &[]);
    assert_eq!(exit, Some(3), "{report:#}");
    let found = violated(&report);
    let names: Vec<(&str, i64)> = found.iter().map(|(name, count, _)| (name.as_str(), *count)).collect();
    assert_eq!(
        names,
        [
            ("DebitAmount = CreditAmount", 1),
            ("sum of lines.EntryValue = 0", 1),
            ("OrigInvValue = sum of lines.DistrValue", 1),
            ("@company, lines.ExpenseGlCode exists in gl_account", 1),
        ],
        "{report:#}"
    );
    assert!(found[0].2.contains("`CreditAmount` is 1.23"), "{found:#?}");
    assert!(found[1].2.contains("not to zero"), "{found:#?}");
    assert!(found[3].2.contains("NO-SUCH") && found[3].2.contains("does not exist"), "{found:#?}");
    let shown = text(&world.command(&["tie-out", "controls"]).output().unwrap());
    assert!(shown.contains("NO-SUCH") && shown.contains("next step: correct the document"), "{shown}");
    // an account on hold is not active; a document violates a control once, so the account is one of another document
    let document = |row: &BTreeMap<String, String>| row["u_source_key"].split('/').rev().skip(5).map(str::to_owned).collect::<Vec<_>>();
    let other = rows.iter().find(|row| !row["u_gl_account"].is_empty() && document(row) != document(&rows[0])).unwrap();
    let code = &other["u_gl_account"];
    let account = code.rsplit(['/', '\u{1f}']).next().unwrap().to_owned();
    world.syspro.update(COMPANY, "GenMaster", &[("Company", COMPANY), ("GlCode", &account)], &[("AccOnHldFlag", "Y")]).unwrap();
    let (report, _) = tie_out_with(&world, &["--entity", "invoice"]);
    let found = violated(&report);
    assert!(found.iter().any(|(name, count, _)| name.contains("exists in gl_account") && *count > 1), "{report:#}");
    let messages = report["controls"].to_string();
    assert!(messages.contains("is not active"), "{messages}");
}
