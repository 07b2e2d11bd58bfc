//! What a replay of records of another definition does not change, and what it withdraws.

use super::{under, world};
use crate::definitions::Files;
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// Parts of invoices that are not delivered, by state and reason.
fn parts(world: &World) -> String {
    let sql = "SELECT string_agg(n, ', ' ORDER BY n) FROM (SELECT concat_ws(' ', state, reason, count(*)) AS n FROM undelivered WHERE entity = 'invoice' GROUP BY state, reason) p";
    world.database.psql(sql)
}

#[test]
fn what_waits_for_a_parent_goes_on_waiting_whether_it_differs_or_not() {
    let world = world();
    let files = Files::new();
    let shipped = include_str!("../../../config/profiles/apo/invoice.toml");
    files.write("profiles/apo/invoice.toml", shipped);
    let site = under(&world, &[("DEFINITIONS__DIRECTORY", &files.path())]);
    // its suppliers have not been read
    site.says(&["sync", "--entity", "invoice"], 3);
    let waiting = parts(&world);
    let count = world.syspro.count(COMPANY, "ApInvoice").unwrap();
    assert!(waiting.starts_with("waiting missing_parent ") && !waiting.contains(','), "{waiting}");
    let awaited = || world.database.psql("SELECT count(*) FROM awaited_parent");
    let for_parents = awaited();
    for (from, to, differ) in [
        ("u_branch = \"Branch\"", "u_branch = { from = \"Branch\", as = \"text\" }", 0),
        ("u_branch = \"Branch\"", "u_branch = \"Branch\"\nu_reference_copy = { from = \"Reference\", as = \"upper\" }", count),
    ] {
        let changed = shipped.replace(from, to);
        assert_ne!(changed, shipped);
        files.write("profiles/apo/invoice.toml", &changed);
        let said = site.run(&["replay", "--outdated", "--entity", "invoice", "--allow", "100000", "--why", "x"]);
        let said = crate::binary::text(&said);
        assert!(said.contains(&format!("{count} were compared, {differ} differ")), "{said}");
        assert_eq!((parts(&world), awaited(), site.outdated("invoice")), (waiting.clone(), for_parents.clone(), 0), "{said}");
        assert_eq!(world.servicenow.count("x_apo_invoice"), 0);
    }
    site.says(&["sync"], 0);
    let rows = world.servicenow.rows("x_apo_invoice");
    assert_eq!((rows.len(), parts(&world).as_str()), (count, ""));
    assert!(rows.iter().all(|row| super::text_of(row, "u_reference_copy") == super::text_of(row, "u_reference").to_uppercase()));
    assert_eq!(world.servicenow.duplicates("x_apo_invoice", "u_source_key"), 0);
}

#[test]
fn parts_for_the_former_table_are_withdrawn_where_the_record_cannot_be_mapped() {
    let world = world();
    let files = Files::new();
    files.write("profiles/apo/invoice.toml", include_str!("../../../config/profiles/apo/invoice.toml"));
    std::fs::create_dir_all(format!("{}/profiles/s2p", files.path())).unwrap();
    let shipped = include_str!("../../../config/profiles/s2p/invoice.toml");
    let own = shipped.replace("lookup = \"currency\"", "lookup = \"invoice_currency\"");
    assert_ne!(own, shipped);
    files.write("profiles/s2p/invoice.toml", &own);
    let at = [("DEFINITIONS__DIRECTORY", files.path())];
    let at: Vec<(&'static str, &str)> = at.iter().map(|(name, path)| (*name, path.as_str())).collect();
    let (apo, s2p) = (
        under(&world, &[&at[..], &[("SERVICENOW__PROFILE", "apo")]].concat()),
        under(&world, &[&at[..], &[("SERVICENOW__PROFILE", "s2p")]].concat()),
    );
    apo.says(&["sync", "--entity", "invoice"], 3);
    let count = world.syspro.count(COMPANY, "ApInvoice").unwrap();
    assert!(parts(&world).starts_with("waiting missing_parent "), "{}", parts(&world));
    let said = crate::binary::text(&s2p.run(&["replay", "--outdated", "--entity", "invoice", "--allow", "100000", "--why", "x"]));
    assert!(said.contains(&format!("of which {count} can no longer be mapped and would fail")), "{said}");
    // one failure represents all of a record: neither its header nor a line of it is queued for the former table
    let of_before =
        "SELECT count(*) FROM undelivered p JOIN delivery d ON d.id = p.delivery_id WHERE p.entity = 'invoice' AND d.action <> 'unmapped'";
    assert_eq!((world.database.psql(of_before).as_str(), parts(&world)), ("0", format!("failed unmapped {count}")));
    assert_eq!(s2p.outdated("invoice"), 0);
    s2p.run(&["sync"]);
    assert_eq!((world.servicenow.count("x_apo_invoice"), world.servicenow.count("sn_shop_invoice")), (0, 0));
}

#[test]
fn the_count_reaches_nothing_with_rows_that_cannot_be_read_and_keys_with_the_same_form() {
    let world = world();
    let files = Files::new();
    let shipped = include_str!("../../../config/profiles/apo/supplier.toml");
    let site = under(&world, &[("DEFINITIONS__DIRECTORY", &files.path())]);
    for key in ["(row after 7)", "x(row after 7)", "BAREK"] {
        let values = [("Supplier", key), ("SupplierName", "A supplier"), ("Currency", "R")];
        world.syspro.insert(COMPANY, "ApSupplier", &values).unwrap();
    }
    // a row of which not even the key comes
    world.syspro.switch(|switches| switches.omitted = vec!["BAREK".into()]);
    site.says(&["sync", "--entity", "supplier", "--sweep"], 3);
    let placeholders = "SELECT count(*) FROM document WHERE key LIKE '(row %'";
    assert_eq!(world.database.psql(placeholders), "1");
    let known = source::rows(&world.syspro, COMPANY, "ApSupplier", |c| c("Supplier").text().to_owned()).len() as i64 - 1;
    let changed = shipped.replace("u_fax = \"Fax\"", "u_fax = { from = \"Fax\", as = \"trim\" }");
    assert_ne!(changed, shipped, "{shipped}");
    files.write("profiles/apo/supplier.toml", &changed);
    site.run(&["sync", "--entity", "supplier"]);
    assert_eq!(site.outdated("supplier"), known);
    let said = crate::binary::text(&site.run(&["replay", "--outdated", "--allow", "100000", "--why", "x"]));
    assert!(said.contains(&format!("{known} of {known} records were mapped under another definition; {known} were compared")), "{said}");
    assert_eq!((site.outdated("supplier"), world.database.psql(placeholders).as_str()), (0, "1"));
}
