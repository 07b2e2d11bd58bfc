//! Columns that a service leaves out of rows: their values are unknown, unless the settings say otherwise.

use super::*;

/// One supplier whose row comes without its name, and at last a new one, through either interface.
fn a_row_without_a_column(source: &'static str) {
    let mut world = World::start();
    supplier(&world, "OMITA", "Known before");
    supplier(&world, "OMITB", "Neighbour");
    world.rest(SWEEP).unwrap();
    set_source(&mut world, source);
    let command = |arguments: &[&str]| through(&world, source, arguments);
    assert_eq!(command(SWEEP).0, Some(0));
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", "OMITB")], &[("SupplierName", "Neighbour, moved")]).unwrap();
    supplier(&world, "OMITC", "New");
    world.syspro.switch(|switches| switches.omitted = vec!["Known before".into(), "New".into()]);
    let (code, said) = command(SWEEP);
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(arrived(&world, "OMITA").as_deref(), Some("Known before"), "what was delivered is not emptied");
    assert_eq!(arrived(&world, "OMITB").as_deref(), Some("Neighbour, moved"), "its neighbours go on");
    assert_eq!(arrived(&world, "OMITC"), None);
    let all = failed(&world);
    assert_eq!(all.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["OMITA", "OMITC"], "{all:?}");
    assert!(all[0].1.contains("its row of `ApSupplier` came without column `SupplierName`"), "{}", all[0].1);
    let (_, advice) = command(&["failures"]);
    let advice = advice.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(advice.contains("syspro.absent_columns"), "{advice}");
    let versions = world.database.psql("SELECT count(*) FROM version");
    command(SWEEP);
    assert_eq!(world.database.psql("SELECT count(*) FROM version"), versions, "it is no change at every read");

    world.syspro.switch(|switches| switches.omitted.clear());
    assert_eq!(command(SWEEP).0, Some(0));
    assert_eq!(failed(&world), []);
    assert_eq!(arrived(&world, "OMITC").as_deref(), Some("New"));
}

#[test]
fn a_row_that_leaves_a_column_out_fails_alone_through_odata() {
    a_row_without_a_column("odata");
}

#[test]
fn a_row_that_leaves_a_column_out_fails_alone_through_enet() {
    a_row_without_a_column("enet");
}

/// A service that leaves out whatever is empty, through either interface.
fn a_service_that_leaves_out_what_is_empty(source: &'static str) {
    let mut world = World::start();
    set_source(&mut world, source);
    let run = |absent: &str, arguments: &[&str]| {
        let out = sourced(&world, source, arguments).env("TIELINE__SYSPRO__ABSENT_COLUMNS", absent).output().unwrap();
        (out.status.code(), text(&out))
    };
    let sweep = &["sync", "--sweep"];
    let (code, said) = run("fail", sweep);
    assert_eq!(code, Some(0), "{said}");
    const LAST: &str = "SELECT md5(string_agg(document_id || encode(hash, 'hex'), ',' ORDER BY document_id)) FROM \
        (SELECT DISTINCT ON (document_id) document_id, hash FROM version ORDER BY document_id, version DESC) AS last";
    let contents = || world.database.psql(LAST);
    let (writes, before) = (world.servicenow.writes(), contents());

    world.syspro.switch(|switches| switches.omit_empty = true);
    let (code, said) = run("fail", sweep);
    assert!(matches!(code, Some(1 | 3)), "{said}");
    assert!(said.contains("absent_columns") || run("fail", &["failures"]).1.contains("absent_columns"), "{said}");
    assert_eq!(world.servicenow.writes(), writes, "nothing is emptied");

    let (code, said) = run("empty", sweep);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(contents(), before, "the same records as before");
    world.check().unwrap();
}

#[test]
fn a_service_that_leaves_out_what_is_empty_is_believed_when_the_settings_say_so_through_odata() {
    a_service_that_leaves_out_what_is_empty("odata");
}

#[test]
fn a_service_that_leaves_out_what_is_empty_is_believed_when_the_settings_say_so_through_enet() {
    a_service_that_leaves_out_what_is_empty("enet");
}

#[test]
fn the_doctor_names_columns_that_a_row_leaves_out() {
    let world = World::start();
    let examined = |absent: &str| {
        let out =
            world.command(&["doctor", "--output", "json", "--read-only"]).env("TIELINE__SYSPRO__ABSENT_COLUMNS", absent).output().unwrap();
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", text(&out)));
        let rows = crate::doctor::rows(&answer, "SYSPRO EDU1").into_iter().cloned();
        rows.filter(|row| row["found"].as_str().unwrap().contains("the returned row has no")).collect::<Vec<Value>>()
    };
    assert_eq!(examined("fail"), Vec::<Value>::new());
    world.syspro.switch(|switches| switches.omit_empty = true);
    let found = examined("fail");
    assert!(!found.is_empty() && found.iter().all(|finding| finding["verdict"] == "failed"), "{found:?}");
    let found = examined("empty");
    assert!(found.iter().all(|finding| finding["verdict"] == "warning"), "{found:?}");
    assert!(found[0]["found"].as_str().unwrap().contains("`syspro.absent_columns`"), "{found:?}");
}

#[test]
fn an_optional_column_that_has_held_something_is_never_emptied_because_it_is_gone() {
    let world = World::start();
    world.syspro.switch(|switches| switches.metadata = false);
    supplier(&world, "MAILA", "Has an address");
    supplier(&world, "MAILB", "Has another");
    for (number, mail) in [("MAILA", "a@example.com"), ("MAILB", "b@example.com")] {
        world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", number)], &[("PoEmail", mail)]).unwrap();
    }
    world.rest(SWEEP).unwrap();
    let content = || {
        let sql = "SELECT string_agg(v.content, ' ' ORDER BY d.key) FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version \
                   WHERE d.key IN ('MAILA', 'MAILB')";
        world.database.psql(sql)
    };
    assert!(content().contains("a@example.com"), "{}", content());

    // each command is a process that has seen no row yet
    world.syspro.switch(|switches| switches.omitted = vec!["a@example.com".into()]);
    let (code, said) = say(&world, SWEEP);
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(failed(&world).iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["MAILA"]);
    world.syspro.switch(|switches| switches.omitted.clear());
    world.rest(SWEEP).unwrap();

    // the release lacks it now, as the service says by refusing it, or in `$metadata`
    for metadata in [false, true] {
        world.syspro.switch(|switches| (switches.release, switches.metadata) = (Release::Old, metadata));
        let writes = world.servicenow.writes();
        let (code, said) = say(&world, SWEEP);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("`ApSupplier`") && said.contains("`PoEmail`") && said.contains("had until now"), "{said}");
        assert_eq!(world.servicenow.writes(), writes);
        assert!(flow(&world, "supplier")["stopped"].as_str().unwrap().contains("PoEmail"));
        assert!(content().contains("a@example.com"), "{}", content());
        if !metadata {
            world.syspro.switch(|switches| switches.release = Release::New);
            assert_eq!(say(&world, &["flow", "resume", COMPANY, "supplier", "--why", "the upgrade was undone"]).0, Some(0));
            world.rest(SWEEP).unwrap();
        }
    }
    // somebody says that it is right
    assert_eq!(say(&world, &["flow", "resume", COMPANY, "supplier", "--why", "the new release has no such column"]).0, Some(0));
    world.rest(SWEEP).unwrap();
    assert!(!content().contains("a@example.com"), "{}", content());
    world.check().unwrap();
}
