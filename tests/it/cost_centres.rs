//! A cost centre has four possible sources; each is a set of definition files, chosen by naming its directory.

use std::collections::BTreeSet;
use std::path::Path;

use crate::binary::text;
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// Copies cost centres with a form's definitions; code and name of the rows in ServiceNow after that.
fn carried(world: &World, form: &str) -> BTreeSet<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/variants/cost_center").join(form);
    let mut command = world.command(&["sync", "--entity", "cost_center"]);
    let out = command.env("TIELINE__DEFINITIONS__DIRECTORY", directory).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{form}: {}", text(&out));
    let rows = world.servicenow.rows("cmn_cost_center");
    assert_eq!(world.servicenow.duplicates("cmn_cost_center", "u_source_key"), 0);
    rows.into_iter().map(|row| (row["code"].clone(), row["name"].clone())).collect()
}

fn world() -> World {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

#[test]
fn a_section_of_the_gl_code_is_a_cost_centre() {
    let world = world();
    let other = [("Company", "OTHER"), ("GlCode", "10.777.6010"), ("Description", "another company's"), ("AccountType", "E")];
    world.syspro.insert(COMPANY, "GenMaster", &other).unwrap();
    let sections = source::rows(&world.syspro, COMPANY, "GenMaster", |c| {
        let (code, kind) = (c("GlCode").text().to_owned(), c("AccountType").text().to_owned());
        let carried =
            c("Company").text() == COMPANY && !["S", "T"].contains(&kind.as_str()) && !["FORCED", "RETAINED"].contains(&code.as_str());
        carried
            .then(|| code.split('.').nth(1).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty() && part != "000"))
            .flatten()
    });
    let sections: BTreeSet<String> = sections.into_iter().flatten().collect();
    assert!(sections.len() > 3, "{sections:?}");
    // sections have no description: the site lists their names, and the others are called by their code
    let expected = sections.into_iter().map(|code| (code.clone(), code)).collect();
    assert_eq!(carried(&world, "gl_section"), expected);
    // a new account in a new section makes a new cost centre, one in an old section none
    for code in ["10.888.6010", "10.888.6020"] {
        let row = [("Company", COMPANY), ("GlCode", code), ("Description", "New"), ("AccountType", "E")];
        world.syspro.insert(COMPANY, "GenMaster", &row).unwrap();
    }
    let before = world.servicenow.writes();
    assert!(carried(&world, "gl_section").contains(&("888".into(), "888".into())));
    assert_eq!(world.servicenow.writes(), before + 1);
}

#[test]
fn a_gl_analysis_code_is_a_cost_centre() {
    let world = world();
    let other = [("AnalysisCategory", "PROJ"), ("AnalysisType", "1"), ("AnalysisCode", "P1"), ("Description", "a project")];
    world.syspro.insert(COMPANY, "GenAnalysisCode", &other).unwrap();
    let codes = source::rows(&world.syspro, COMPANY, "GenAnalysisCode", |c| {
        let own = c("AnalysisCategory").text() == "CC" && c("AnalysisType").number() == 1;
        own.then(|| (c("AnalysisCode").text().trim_end().to_owned(), c("Description").text().trim_end().to_owned()))
    });
    let codes: BTreeSet<(String, String)> = codes.into_iter().flatten().collect();
    assert!(codes.len() > 3, "{codes:?}");
    assert_eq!(carried(&world, "analysis_code"), codes);
}

#[test]
fn a_cost_centre_of_the_asset_register_is_one() {
    let world = world();
    let centres = source::rows(&world.syspro, COMPANY, "AssetCostCentre", |c| {
        (c("CostCentre").text().trim_end().to_owned(), c("Description").text().trim_end().to_owned())
    });
    let centres: BTreeSet<(String, String)> = centres.into_iter().collect();
    // codes that differ in leading zeros only are two
    assert!(centres.len() > 3, "{centres:?}");
    assert_eq!(carried(&world, "asset_register"), centres);
}

#[test]
fn a_section_goes_with_its_last_account_and_is_called_as_the_site_says() {
    let world = world();
    let site = tempfile::tempdir().unwrap();
    let variant = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/variants/cost_center/gl_section");
    for (path, more) in [
        ("entities/cost_center.toml", ""),
        ("profiles/apo/cost_center.toml", ""),
        ("lookups/cost_center.toml", "\"100\" = \"Foundry\"\n[company.EDU1.codes]\n\"200\" = \"Machine shop of EDU1\"\n"),
    ] {
        let text = std::fs::read_to_string(variant.join(path)).unwrap() + more;
        let path = site.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let form = site.path().to_str().unwrap();
    let named = carried(&world, form);
    for (code, name) in [("100", "Foundry"), ("200", "Machine shop of EDU1"), ("300", "300")] {
        assert!(named.contains(&(code.into(), name.into())), "{code}: {named:?}");
    }
    // two sections that differ in leading zeros are two; a code of another form has no such section
    for code in ["10.0042.6010", "10.42.6010", "10-889-6010"] {
        let row = [("Company", COMPANY), ("GlCode", code), ("Description", "New"), ("AccountType", "E")];
        world.syspro.insert(COMPANY, "GenMaster", &row).unwrap();
    }
    let codes = |rows: BTreeSet<(String, String)>| rows.into_iter().map(|(code, _)| code).collect::<BTreeSet<_>>();
    let before = codes(named);
    let new: Vec<String> = codes(carried(&world, form)).difference(&before).cloned().collect();
    assert_eq!(new, ["0042", "42"]);
    world.syspro.delete(COMPANY, "GenMaster", &[("Company", COMPANY), ("GlCode", "10.42.6010")]).unwrap();
    carried(&world, form);
    let active = |code: &str| world.servicenow.find("cmn_cost_center", "code", code).unwrap().get("u_active").cloned();
    assert_eq!((active("42").as_deref(), active("0042").as_deref() == Some("false")), (Some("false"), false));
}

#[test]
fn lines_carry_the_section_of_their_gl_code_and_wait_for_one_that_is_not_delivered() {
    let world = world();
    let today = chrono::Utc::now().date_naive().to_string();
    let add = |table: &str, values: &[(&str, &str)]| world.syspro.insert(COMPANY, table, values).unwrap();
    // a statistical account's section is no cost centre
    let account = [("Company", COMPANY), ("GlCode", "10.777.6010"), ("Description", "Heads"), ("AccountType", "S")];
    add("GenMaster", &account);
    for (invoice, entry, code) in [("CC-WAITS", "1", "10.777.6010"), ("CC-NONE", "2", "10.000.2300"), ("CC-PLAIN", "3", "1908-00")] {
        let own = [("Supplier", "042"), ("Invoice", invoice)];
        let values = [("InvoiceDate", today.as_str()), ("JournalDate", &today), ("OrigInvValue", "10.00"), ("Currency", "R")];
        add("ApInvoice", &[&own[..], &values[..]].concat());
        let journal = [("TrnYear", "2030"), ("TrnMonth", "1"), ("Journal", "77"), ("EntryNumber", entry)];
        add("ApJnlSummary", &[&journal[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", &today)]].concat());
        add("ApJnlDistrib", &[&journal[..], &[("SubEntry", "1"), ("ExpenseGlCode", code), ("DistrValue", "10.00")]].concat());
    }
    let form = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/variants/cost_center/gl_section");
    let run = |arguments: &[&str]| world.command(arguments).env("TIELINE__DEFINITIONS__DIRECTORY", &form).output().unwrap();
    let out = run(&["sync"]);
    assert_eq!(out.status.code(), Some(3), "one invoice waits: {}", text(&out));
    let lines = world.servicenow.rows("x_apo_invoice_line");
    let section = |code: &str| code.split('.').nth(1).filter(|part| *part != "000").unwrap_or_default().to_owned();
    let mut filled = 0;
    for row in &lines {
        let held = |name: &str| row.get(name).cloned().unwrap_or_default();
        let centre = held("u_cost_center");
        assert_eq!(centre, section(&held("u_gl_account")), "{row:?}");
        filled += usize::from(!centre.is_empty());
    }
    assert!(filled > 10, "{filled} of {}", lines.len());
    let there = |invoice: &str| lines.iter().any(|row| row["u_supplier_invoice_number"] == invoice);
    assert_eq!((there("CC-WAITS"), there("CC-NONE"), there("CC-PLAIN")), (false, true, true));
    let postings = world.servicenow.rows("x_apo_gl_posting");
    assert!(postings.iter().any(|row| row.get("u_cost_center").is_some_and(|centre| !centre.is_empty())));
    let said = text(&run(&["failures"]));
    assert!(said.contains("cost_center") && said.contains("777"), "{said}");

    // without a section there is nothing to say, and the doctor says that
    let doctor = |out: std::process::Output| text(&out).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!doctor(run(&["doctor", "--read-only"])).contains("lines get no cost centre"));
    let said = doctor(world.command(&["doctor", "--read-only"]).output().unwrap());
    assert!(said.contains("lines get no cost centre"), "{said}");
}
