//! Which of ServiceNow's answers prove a delivery: rows of the target, failures and exit codes, through the real binary.

use serde_json::Value;
use tieline::definition::record::source_key;
use tieline::domain::{CompanyId, DocumentKey, EntityName};
use tieline_sim::servicenow::schema::{Abort, BusinessRule, ColumnKind};

use crate::binary::text;
use crate::support::source::rows;
use crate::support::world::{COMPANY, World};

/// The exit code, and what was said on either channel.
fn say(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let out = world.command(arguments).output().unwrap();
    (out.status.code(), text(&out))
}

fn failures(world: &World, more: &[&str]) -> Vec<Value> {
    let out = world.command(&[&["--output", "json", "failures"], more].concat()).output().unwrap();
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    answer.as_array().cloned().or_else(|| answer["failures"].as_array().cloned()).unwrap_or_else(|| panic!("{answer}"))
}

fn word<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// A profile file of the site's own, the shipped one with a text in place of another.
pub fn profile(world: &World, entity: &str, from: &str, to: &str) {
    let shipped = std::fs::read_to_string(format!("{}/config/profiles/apo/{entity}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert!(shipped.contains(from), "{entity} has no `{from}`");
    let file = world.site.path("definitions").join(format!("profiles/apo/{entity}.toml"));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, shipped.replace(from, to)).unwrap();
    let settings = world.site.path("tieline.toml");
    let mut with = std::fs::read_to_string(&settings).unwrap();
    if !with.contains("[definitions]") {
        with += &format!("[definitions]\ndirectory = \"{}\"\n", world.site.path("definitions").display());
        std::fs::write(settings, with).unwrap();
    }
}

/// The key of a supplier that is delivered.
fn a_supplier(world: &World) -> String {
    rows(&world.syspro, COMPANY, "ApSupplier", |cell| cell("Supplier").text().to_owned()).remove(0)
}

fn world(change: impl FnOnce(&mut tieline_sim::servicenow::ServiceNowOptions)) -> World {
    let world = World::with(change);
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

#[test]
fn an_ignored_record_is_a_failure_and_nothing_that_depends_on_it_is_sent() {
    const FROZEN: &str = "O'NEIL/7";
    let world = world(|instance| {
        let map = &mut instance.table("sn_apo_invoice").unwrap().maps[0];
        map.ignore = Some(("u_supplier_invoice_number".into(), Abort::Equals(FROZEN.into())));
    });
    let (code, said) = say(&world, &["sync"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(world.servicenow.find("x_apo_invoice", "u_supplier_invoice_number", FROZEN).is_none());
    let refused = failures(&world, &["--reason", "rejected"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    let message = word(&refused[0], "message");
    assert!(message.contains("Row transform ignored by onBefore script") && message.contains("no row of `x_apo_invoice`"), "{message}");
    assert!(word(&refused[0], "next_step").contains("transform map"), "{refused:?}");
    let lines = world.servicenow.rows("x_apo_invoice_line");
    assert!(lines.iter().all(|line| line.get("u_supplier_invoice_number").is_none_or(|number| number != FROZEN)), "lines were sent");
    assert_eq!(world.database.psql("SELECT count(*) FROM record WHERE sys_id = ''"), "0");
}

#[test]
fn an_update_that_comes_back_as_it_was_is_a_failure() {
    let world = world(|instance| {
        let silent = |column: &str, value: &str| BusinessRule {
            name: "Frozen".into(),
            column: column.into(),
            abort: Abort::Equals(value.into()),
            silent: true,
        };
        instance.table("itfm_gl_accounts").unwrap().rules.push(silent("name", "Changed"));
        instance.table("x_apo_supplier").unwrap().rules.push(silent("u_name", "Changed"));
    });
    world.rest(&["sync"]).unwrap();
    world.check().unwrap();
    let account = world.servicenow.rows("itfm_gl_accounts")[0].clone();
    let supplier = world.servicenow.rows("x_apo_supplier")[0].clone();
    world
        .syspro
        .update(COMPANY, "GenMaster", &[("Company", COMPANY), ("GlCode", &account["account_number"])], &[("Description", "Changed")])
        .unwrap();
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &supplier["u_supplier_number"])], &[("SupplierName", "Changed")]).unwrap();
    assert_eq!(say(&world, &["sync", "--sweep"]).0, Some(3));
    for (entity, table, column, words) in
        [("gl_account", "itfm_gl_accounts", "name", "changed nothing"), ("supplier", "x_apo_supplier", "u_name", "carries version 1-")]
    {
        let refused = failures(&world, &["--entity", entity]);
        assert_eq!(refused.len(), 1, "{entity}: {refused:?}");
        assert!(word(&refused[0], "message").contains(words), "{entity}: {refused:?}");
        assert!(world.servicenow.rows(table).iter().all(|row| row.get(column).is_none_or(|name| name != "Changed")));
    }
    // a replay says the same, and counts nothing as delivered
    assert_eq!(say(&world, &["replay", "--entity", "supplier", "--failed-only", "--why", "again"]).0, Some(3));
    assert_eq!(failures(&world, &["--entity", "supplier"]).len(), 1);
}

#[test]
fn two_records_in_one_row_are_told_apart_by_name() {
    // `EDU1/supplier/` and six digits: keys that end alike beyond that fold into one row
    let world = world(|instance| instance.table("x_apo_supplier").unwrap().set_column("u_source_key", ColumnKind::Text(20)));
    let suppliers = world.syspro.count(COMPANY, "ApSupplier").unwrap();
    let (code, said) = say(&world, &["sync", "--entity", "supplier"]);
    assert_eq!(code, Some(3), "{said}");
    let rows = world.servicenow.count("x_apo_supplier");
    assert!(rows < suppliers, "{rows} rows of {suppliers} suppliers");
    let conflicts = failures(&world, &["--reason", "conflict", "--limit", "500"]);
    let delivered: usize = world.database.psql("SELECT count(*) FROM record").parse().unwrap();
    assert_eq!((delivered, delivered + conflicts.len()), (rows, suppliers), "each row is one record's, the others fail");
    for row in &conflicts {
        let (key, message) = (word(row, "key"), word(row, "message"));
        let named = message.matches(&format!("`{COMPANY}/supplier/")).count();
        assert!(message.contains(key) && named == 2 && message.contains("`x_apo_supplier`"), "{row}");
        assert!(word(row, "next_step").contains("long enough"), "{row}");
    }
    // in another run, too
    say(&world, &["replay", "--entity", "supplier", "--failed-only", "--why", "again"]);
    assert_eq!(failures(&world, &["--reason", "conflict", "--limit", "500"]).len(), conflicts.len());
    assert_eq!(world.database.psql("SELECT count(*) FROM record"), delivered.to_string());
}

#[test]
fn a_map_without_coalesce_is_noticed_at_the_first_update() {
    let world = world(|instance| instance.table("sn_apo_supplier").unwrap().maps[0].coalesce.clear());
    world.rest(&["sync", "--entity", "supplier"]).unwrap();
    let supplier = world.servicenow.rows("x_apo_supplier")[0]["u_supplier_number"].clone();
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &supplier)], &[("SupplierName", "Changed")]).unwrap();
    assert_eq!(say(&world, &["sync", "--entity", "supplier", "--sweep"]).0, Some(3));
    let conflicts = failures(&world, &["--reason", "conflict"]);
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    let message = word(&conflicts[0], "message");
    assert!(message.contains("still there") && message.contains("two rows for one record"), "{message}");
    assert!(word(&conflicts[0], "next_step").contains("coalesce on `u_source_key`"), "{conflicts:?}");
}

#[test]
fn an_adopted_row_that_is_hidden_is_not_made_a_second_time() {
    let world = world(|instance| instance.table("itfm_gl_accounts").unwrap().hidden = Some(("description".into(), "hidden".into())));
    let codes = rows(&world.syspro, COMPANY, "GenMaster", |cell| cell("GlCode").text().to_owned());
    let code = codes.into_iter().find(|code| !["FORCED", "RETAINED"].contains(&code.as_str())).unwrap();
    let by_hand = world.servicenow.insert_row("itfm_gl_accounts", &[("account_number", &code), ("name", "By hand")]).unwrap();
    world.rest(&["sync", "--entity", "gl_account"]).unwrap();
    let (count, adopted) =
        (world.servicenow.count("itfm_gl_accounts"), world.servicenow.find("itfm_gl_accounts", "sys_id", &by_hand).unwrap());
    assert!(adopted.contains_key("u_source_key"), "adopted: {adopted:?}");

    world.servicenow.edit_row("itfm_gl_accounts", &by_hand, &[("description", "hidden")]);
    let change = |text: &str| {
        world.syspro.update(COMPANY, "GenMaster", &[("Company", COMPANY), ("GlCode", &code)], &[("Description", text)]).unwrap()
    };
    change("Changed");
    assert_eq!(say(&world, &["sync", "--entity", "gl_account"]).0, Some(3));
    assert_eq!(world.servicenow.count("itfm_gl_accounts"), count, "a second row was made");
    let refused = failures(&world, &["--entity", "gl_account"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(word(&refused[0], "message").contains("is no longer visible"), "{refused:?}");
    assert!(word(&refused[0], "next_step").contains("access rule"), "{refused:?}");

    // once it may be seen, the record continues
    world.servicenow.edit_row("itfm_gl_accounts", &by_hand, &[("description", "")]);
    world.rest(&["replay", "--entity", "gl_account", "--failed-only", "--why", "the access rule was corrected"]).unwrap();
    assert_eq!(world.servicenow.find("itfm_gl_accounts", "sys_id", &by_hand).unwrap()["name"], "Changed");
    assert!(failures(&world, &["--entity", "gl_account"]).is_empty());
}

/// A row that is in ServiceNow before the first run and is hidden: by its natural key, or by its key.
fn never_adopted(named: impl Fn(&str) -> Vec<(&'static str, String)>, settings: &[(&str, &str)]) {
    let world = world(|instance| instance.table("itfm_gl_accounts").unwrap().hidden = Some(("description".into(), "hidden".into())));
    let codes = rows(&world.syspro, COMPANY, "GenMaster", |cell| cell("GlCode").text().to_owned());
    // one database may hold the ledger of several companies
    let alone = |code: &&String| codes.iter().filter(|other| other == code).count() == 1;
    let code = codes.iter().filter(alone).find(|code| !["FORCED", "RETAINED"].contains(&code.as_str())).unwrap().clone();
    let named = named(&code);
    let mut values: Vec<(&str, &str)> = named.iter().map(|(name, value)| (*name, value.as_str())).collect();
    values.extend([("name", "By hand"), ("description", "hidden")]);
    let by_hand = world.servicenow.insert_row("itfm_gl_accounts", &values).unwrap();
    let command = |arguments: &[&str]| {
        let out = world.command(arguments).envs(settings.iter().copied()).output().unwrap();
        (out.status.code(), text(&out))
    };
    for arguments in [&["sync", "--entity", "gl_account"][..], &["replay", "--entity", "gl_account", "--failed-only", "--why", "again"]] {
        let (code_of_exit, said) = command(arguments);
        assert_eq!(code_of_exit, Some(3), "{said}");
        let refused = failures(&world, &["--entity", "gl_account"]);
        assert_eq!(refused.len(), 1, "{refused:?}");
        let message = word(&refused[0], "message");
        assert!(
            message.contains("cannot be seen") && message.contains(&named[0].1) && message.contains("no second row was created"),
            "{message}"
        );
        assert!(word(&refused[0], "next_step").contains("read the row"), "{refused:?}");
        let of_code = world.servicenow.rows("itfm_gl_accounts").into_iter().filter(|row| row.get("account_number") == Some(&code)).count();
        assert_eq!(of_code, usize::from(named[0].0 == "account_number"), "a second row was made");
    }
    assert!(world.servicenow.count("itfm_gl_accounts") > 2, "its neighbours arrive");
    // once it may be seen, it is this record's
    world.servicenow.edit_row("itfm_gl_accounts", &by_hand, &[("description", "")]);
    assert_eq!(command(&["replay", "--entity", "gl_account", "--failed-only", "--why", "the access rule was corrected"]).0, Some(0));
    assert_eq!(world.servicenow.find("itfm_gl_accounts", "sys_id", &by_hand).unwrap()["account_number"], code);
    assert!(failures(&world, &["--entity", "gl_account"]).is_empty());
}

#[test]
fn a_row_that_was_never_adopted_and_is_hidden_is_not_made_a_second_time() {
    never_adopted(|code| vec![("account_number", code.to_owned())], &[]);
}

#[test]
fn a_row_that_carries_the_key_and_is_hidden_is_not_made_a_second_time_without_derived_sys_ids() {
    let key = |code: &str| {
        let key = DocumentKey::from_text(format!("{COMPANY}/{code}"));
        vec![("u_source_key", source_key(&CompanyId::new(COMPANY), &EntityName::new("gl_account"), &key, "").to_string())]
    };
    never_adopted(key, &[("TIELINE__SERVICENOW__DERIVED_SYS_ID", "false"), ("TIELINE__SERVICENOW__ADOPT", "false")]);
}

#[test]
fn a_misspelt_column_stops_its_flow_through_either_api() {
    let world = world(|instance| {
        // staging columns that are not declared do not exist here
        let staging = instance.table("sn_apo_supplier").unwrap();
        let names = "u_source_key u_source_version u_company u_supplier_number u_display_number u_name u_short_name u_supplier_class u_branch \
            u_currency u_payment_terms u_tax_code u_tax_id u_contact u_phone u_fax u_email u_remit_email u_street u_zip u_remit_name \
            u_remit_street u_remit_zip u_on_hold u_date_added u_active";
        staging.open = false;
        names.split_whitespace().for_each(|name| staging.set_column(name, ColumnKind::Text(255)));
        instance.dictionary = true;
    });
    profile(&world, "gl_account", "name = \"Description\"", "nmae = \"Description\"");
    profile(&world, "supplier", "u_name = {", "u_nmae = {");
    let doctor = world.command(&["--output", "json", "doctor", "--read-only"]).output().unwrap();
    let found: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(doctor.status.code(), Some(1), "{found}");
    for (entity, table, column) in [("gl_account", "itfm_gl_accounts", "nmae"), ("supplier", "sn_apo_supplier", "u_nmae")] {
        let failed = found.as_array().unwrap().iter().find(|row| row["what"] == format!("ServiceNow {table}")).unwrap();
        assert!(failed["verdict"] == "failed" && word(failed, "found").contains(&format!("`{column}`")), "{failed}");
        let (code, said) = say(&world, &["sync", "--entity", entity]);
        assert_ne!(code, Some(0), "{said}");
        let out = world.command(&["--output", "json", "status"]).output().unwrap();
        let status: Value = serde_json::from_slice(&out.stdout).unwrap();
        let flow = status["flows"].as_array().unwrap().iter().find(|flow| flow["entity"] == entity).unwrap();
        let stopped = word(flow, "stopped");
        assert!(stopped.contains(&format!("did not store field `{column}` in table `{table}`")), "{flow}");
        assert!(stopped.contains("tieline flow resume"), "{stopped}");
        let refused = failures(&world, &["--entity", entity]);
        assert!(!refused.is_empty() && refused.iter().all(|row| row["field"] == column), "{refused:?}");
    }
}

#[test]
fn what_is_cleared_in_syspro_is_cleared_in_servicenow_and_a_text_null_is_no_order_to_clear() {
    let world = world(|_| ());
    let key = a_supplier(&world);
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &[("Telephone", "011 555 0100")]).unwrap();
    world.rest(&["sync", "--entity", "supplier"]).unwrap();
    let supplier = || world.servicenow.find("x_apo_supplier", "u_supplier_number", &key).unwrap();
    assert_eq!(supplier()["u_phone"], "011 555 0100");
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &[("Telephone", "")]).unwrap();
    world.rest(&["sync", "--entity", "supplier", "--sweep"]).unwrap();
    assert_eq!(supplier().get("u_phone"), None, "cleared although the map does not copy empty fields");
    assert_eq!(world.database.psql("SELECT count(*) FROM undelivered"), "0");

    // a text that ServiceNow would take for the order to clear fails by name; its neighbours continue
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &[("Contact", "NULL")]).unwrap();
    assert_eq!(say(&world, &["sync", "--entity", "supplier", "--sweep"]).0, Some(3));
    let refused = failures(&world, &["--entity", "supplier"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(word(&refused[0], "message").contains("`NULL`") && refused[0]["field"] == "u_contact", "{refused:?}");
}

#[test]
fn a_text_that_the_staging_table_cuts_is_a_failure_long_after_the_first_records() {
    let world = world(|instance| instance.table("sn_apo_supplier").unwrap().set_column("u_contact", ColumnKind::Text(30)));
    let mut keys = rows(&world.syspro, COMPANY, "ApSupplier", |cell| cell("Supplier").text().to_owned());
    keys.sort();
    assert!(keys.len() > 22, "{}", keys.len());
    for key in &keys {
        world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", key)], &[("Contact", "M. Ndlovu")]).unwrap();
    }
    let long = "Accounts payable, attention of M. Ndlovu";
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &keys[keys.len() - 1])], &[("Contact", long)]).unwrap();
    assert_eq!(say(&world, &["sync", "--entity", "supplier"]).0, Some(3));
    let refused = failures(&world, &["--entity", "supplier"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(word(&refused[0], "message").contains(&format!("`{long}` was sent")), "{refused:?}");
}

#[test]
fn a_text_that_the_table_behind_the_staging_table_cuts_is_a_failure() {
    let world = world(|instance| instance.table("x_apo_supplier").unwrap().set_column("u_contact", ColumnKind::Text(30)));
    let key = a_supplier(&world);
    let long = "Accounts payable, attention of M. Ndlovu";
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &[("Contact", long)]).unwrap();
    assert_eq!(say(&world, &["sync", "--entity", "supplier"]).0, Some(3));
    let refused = failures(&world, &["--entity", "supplier"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(word(&refused[0], "message").contains(&format!("`{long}` was sent, `Accounts payable, attention of` is there")), "{refused:?}");
}

#[test]
fn a_text_that_comes_back_as_a_number_is_a_changed_value() {
    let world = world(|instance| instance.table("itfm_gl_accounts").unwrap().set_column("u_report", ColumnKind::Decimal));
    profile(&world, "gl_account", "name = \"Description\"", "name = \"Description\"\nu_report = \"ReportIndex1\"");
    let codes = rows(&world.syspro, COMPANY, "GenMaster", |cell| (cell("Company").text().to_owned(), cell("GlCode").text().to_owned()));
    let codes: Vec<(String, String)> = codes.into_iter().filter(|(_, code)| !["FORCED", "RETAINED"].contains(&code.as_str())).collect();
    for (company, code) in &codes {
        world.syspro.update(COMPANY, "GenMaster", &[("Company", company), ("GlCode", code)], &[("ReportIndex1", "")]).unwrap();
    }
    for ((company, code), text) in codes.iter().zip(["0042", "42.5"]) {
        world.syspro.update(COMPANY, "GenMaster", &[("Company", company), ("GlCode", code)], &[("ReportIndex1", text)]).unwrap();
    }
    assert_eq!(say(&world, &["sync", "--entity", "gl_account"]).0, Some(3));
    let shown = |at: usize| {
        let key = format!("{COMPANY}/gl_account/{}/{}", codes[at].0.trim(), codes[at].1);
        world.servicenow.rows("itfm_gl_accounts").into_iter().find(|row| row["u_source_key"] == key).unwrap()["u_report"].clone()
    };
    let mut refused: Vec<String> =
        failures(&world, &["--entity", "gl_account"]).iter().map(|row| format!("{} {}", word(row, "key"), word(row, "message"))).collect();
    refused.sort();
    for (at, text) in ["0042", "42.5"].iter().enumerate() {
        let said = refused.iter().find(|said| said.contains(&codes[at].1)).unwrap_or_else(|| panic!("{text} → {}: {refused:?}", shown(at)));
        assert!(said.contains("u_report") && said.contains(&format!("`{text}`")), "{said}");
    }
}

#[test]
fn a_replay_clears_what_was_emptied_before_fields_were_cleared() {
    let world = world(|_| ());
    let key = a_supplier(&world);
    let cells = [("Telephone", ""), ("Contact", "Thandi")];
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &cells).unwrap();
    world.rest(&["sync", "--entity", "supplier"]).unwrap();
    let supplier = || world.servicenow.find("x_apo_supplier", "u_supplier_number", &key).unwrap();
    // as an older version left it: emptied in SYSPRO, sent as an empty text, and never cleared
    let row = supplier()["sys_id"].clone();
    world.servicenow.edit_row("x_apo_supplier", &row, &[("u_phone", "011 555 0100")]);
    world.rest(&["sync", "--entity", "supplier", "--sweep"]).unwrap();
    assert_eq!(supplier()["u_phone"], "011 555 0100", "nothing has changed in SYSPRO");
    let encoded = key.replace(' ', "%20");
    let replay = ["replay", "--entity", "supplier", "--key", &encoded, "--why", "clear what is empty"];
    world.rest(&replay).unwrap();
    assert_eq!((supplier().get("u_phone"), supplier()["u_contact"].as_str()), (None, "Thandi"));
    assert_eq!(failures(&world, &["--entity", "supplier"]), Vec::<Value>::new());

    // a text that reads like the order to clear is none, at a replay either
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &[("Contact", "NULL")]).unwrap();
    for arguments in [&["sync", "--entity", "supplier", "--sweep"][..], &replay] {
        assert_eq!(say(&world, arguments).0, Some(3));
        let refused = failures(&world, &["--entity", "supplier"]);
        assert!(refused.len() == 1 && word(&refused[0], "message").contains("`NULL`"), "{refused:?}");
        assert_eq!(supplier()["u_contact"], "Thandi");
    }
}

#[test]
fn a_map_that_keeps_what_was_cleared_is_named() {
    let world = world(|_| ());
    let key = a_supplier(&world);
    // this site says that its map copies empty fields, and it does not
    profile(&world, "supplier", "write = \"import_set\"", "write = \"import_set\"\nclear_with = \"empty\"");
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &[("Telephone", "011 555 0100")]).unwrap();
    world.rest(&["sync", "--entity", "supplier"]).unwrap();
    world.syspro.update(COMPANY, "ApSupplier", &[("Supplier", &key)], &[("Telephone", "")]).unwrap();
    assert_eq!(say(&world, &["sync", "--entity", "supplier", "--sweep"]).0, Some(3));
    let refused = failures(&world, &["--entity", "supplier"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(word(&refused[0], "message").contains("`011 555 0100` is there") && refused[0]["field"] == "u_phone", "{refused:?}");
}
