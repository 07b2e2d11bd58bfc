//! The entity's file decides the kind of a value, never the form of its text; and a filter uses the company that is read.

use std::process::Command;

use crate::binary::text;
use crate::support::world::{COMPANY, World};

/// A world that is read through one of the two interfaces, and with definitions of the site's own.
struct Side {
    world: World,
    enet: bool,
}

impl Side {
    fn both() -> [Self; 2] {
        [false, true].map(|enet| {
            let mut world = World::before();
            if enet {
                world.credentials[0] = ("syspro-enet", "TIELINE".into(), "enet-secret".into());
            }
            let side = Self { world, enet };
            side.world.set_credentials(&|arguments| side.command(arguments));
            side
        })
    }

    fn name(&self) -> &'static str {
        if self.enet { "e.net" } else { "OData" }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        if self.enet {
            command.env("TIELINE__SYSPRO__SOURCE", "enet").env("TIELINE__SYSPRO__ENET_URL", self.world.syspro.enet_url.as_str());
        }
        command
    }

    /// The exit code, and what was said on either channel.
    fn say(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let out = self.command(arguments).output().unwrap();
        (out.status.code(), text(&out))
    }

    fn good(&self, arguments: &[&str]) -> String {
        let (code, said) = self.say(arguments);
        assert_eq!(code, Some(0), "{} {arguments:?}: {said}", self.name());
        said
    }

    fn insert(&self, table: &str, values: &[(&str, &str)]) {
        self.world.syspro.insert(COMPANY, table, values).unwrap_or_else(|error| panic!("{table}: {error}"));
    }

    /// A field of the row with this key; empty when there is none.
    fn field(&self, table: &str, key: &str, field: &str) -> String {
        let row = self.world.servicenow.find(table, "u_source_key", key);
        row.and_then(|row| row.get(field).cloned()).unwrap_or_default()
    }

    fn definitions(&self, file: &str, text: &str) {
        let file = self.world.site.path("definitions").join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        let settings = self.world.site.path("tieline.toml");
        let mut with = std::fs::read_to_string(&settings).unwrap();
        if !with.contains("[definitions]") {
            with += &format!("[definitions]\ndirectory = \"{}\"\n", self.world.site.path("definitions").display());
            std::fs::write(settings, with).unwrap();
        }
    }
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(format!("{}/config/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A supplier, an account, an order and two invoices whose texts have the form of dates.
fn date_like(side: &Side) {
    side.insert("GenMaster", &[("Company", COMPANY), ("GlCode", "1200-05-10"), ("Description", "2026-01-31"), ("AccountType", "E")]);
    side.insert("ApSupplier", &[("Supplier", "ZDATE"), ("SupplierName", "Zed"), ("Telephone", "0800-10-20"), ("Currency", "R")]);
    let order =
        [("PurchaseOrder", "ZPO"), ("OrderStatus", "4"), ("Supplier", "ZDATE"), ("OrderEntryDate", "2026-01-05"), ("Currency", "R")];
    side.insert("PorMasterHdr", &order);
    side.insert(
        "PorMasterDetail",
        &[("PurchaseOrder", "ZPO"), ("Line", "1"), ("LineType", "1"), ("MStockCode", "1034-05-06"), ("MOrderQty", "1")],
    );
    for (entry, number) in [("1", "2026-01-31T08:30"), ("2", "2026-01-31T09:15")] {
        let at = [("TrnYear", "2026"), ("TrnMonth", "1"), ("Journal", "990001"), ("EntryNumber", entry)];
        let own = [("Supplier", "ZDATE"), ("Invoice", number)];
        let dates = [("InvoiceDate", "2026-01-31"), ("JournalDate", "2026-01-31"), ("OrigInvValue", "60.00"), ("Currency", "R")];
        side.insert("ApInvoice", &[&own[..], &dates[..]].concat());
        side.insert("ApJnlSummary", &[&at[..], &own[..], &[("TransactionCode", "I"), ("TrnDate", "2026-01-31")]].concat());
        let line = [("SubEntry", "1"), ("ExpenseGlCode", "1200-05-10"), ("DistrValue", "60.00"), ("ExpenseType", "M")];
        side.insert("ApJnlDistrib", &[&at[..], &line[..]].concat());
    }
}

fn arrived(side: &Side, when: &str) {
    let is = |table: &str, key: &str, field: &str, value: &str| {
        assert_eq!(side.field(table, key, field), value, "{} {when}: `{field}` of {key}", side.name());
    };
    is("x_apo_supplier", "EDU1/supplier/ZDATE", "u_phone", "0800-10-20");
    is("itfm_gl_accounts", "EDU1/gl_account/EDU1/1200-05-10", "account_number", "1200-05-10");
    is("itfm_gl_accounts", "EDU1/gl_account/EDU1/1200-05-10", "name", "2026-01-31");
    is("proc_po_item", "EDU1/purchase_order/ZPO/ZPO/1", "part_number", "1034-05-06");
    for (entry, number) in [("1", "2026-01-31T08:30"), ("2", "2026-01-31T09:15")] {
        let key = format!("EDU1/invoice/ZDATE/{number}");
        is("x_apo_invoice", &key, "u_supplier_invoice_number", number);
        is("x_apo_invoice", &key, "u_invoice_date", "2026-01-31");
        let line = format!("{key}/2026/1/990001/{entry}/1");
        is("x_apo_invoice_line", &line, "u_gl_account", "1200-05-10");
        is("x_apo_invoice_line", &line, "u_line_date", "2026-01-31");
    }
    assert_eq!(side.world.database.psql("SELECT count(*) FROM undelivered"), "0", "{} {when}", side.name());
}

#[test]
fn texts_that_look_like_dates_arrive_as_they_are_stored_through_both_interfaces_and_again_at_a_replay() {
    let hashes = Side::both().map(|side| {
        date_like(&side);
        side.good(&["sync"]);
        arrived(&side, "after the first run");
        assert_eq!(side.say(&["failures"]).0, Some(0));
        let shown = side.good(&["--output", "json", "record", COMPANY, "invoice", "ZDATE/2026-01-31T08:30"]);
        let record: serde_json::Value = serde_json::from_str(&shown[shown.find('{').unwrap()..]).unwrap();
        let content = &record["versions"][0]["content"];
        assert_eq!((&content["InvoiceDate"], &content["Invoice"]), (&"2026-01-31".into(), &"2026-01-31T08:30".into()), "plain to programs");
        side.good(&["replay", "--all", "--why", "the stored content again"]);
        arrived(&side, "after a replay");
        side.world.database.psql("SELECT entity, key, encode(hash, 'hex') FROM document ORDER BY entity, key COLLATE \"C\"")
    });
    assert!(hashes[0].lines().count() > 50);
    assert_eq!(hashes[0], hashes[1], "both interfaces give the same content");
}

#[test]
fn an_aligned_list_finds_the_row_of_such_a_code_at_its_first_run() {
    let [side, _] = Side::both();
    date_like(&side);
    let profile = shipped("profiles/apo/gl_account.toml");
    side.definitions(
        "profiles/apo/gl_account.toml",
        &format!("{profile}\n[header.align]\nrule = \"syspro\"\nchange_limit_percent = 100\n"),
    );
    side.world.servicenow.insert_row("itfm_gl_accounts", &[("account_number", "1200-05-10"), ("name", "by hand")]).unwrap();
    for _ in 0..2 {
        side.world.rest(&["sync", "--entity", "gl_account"]).unwrap();
    }
    let rows = side.world.servicenow.rows("itfm_gl_accounts");
    let own: Vec<_> = rows.iter().filter(|row| row["account_number"] == "1200-05-10").collect();
    assert_eq!(own.len(), 1, "the row that was there is the account's: {own:?}");
    assert_eq!((own[0]["name"].as_str(), own[0]["u_source_key"].as_str()), ("2026-01-31", "EDU1/gl_account/EDU1/1200-05-10"));
    assert!(rows.iter().all(|row| !row["account_number"].is_empty()));
}

#[test]
fn what_is_no_date_in_a_date_column_fails_by_name_and_holds_up_nobody() {
    for side in Side::both() {
        let entity = shipped("entities/gl_account.toml").replace("exclude =", "dates = [\"AltDescription\"]\nexclude =");
        side.definitions("entities/gl_account.toml", &entity);
        for (code, day) in [("Z-1", "soon"), ("Z-2", "2026-01-31"), ("Z-3", "1900-01-01")] {
            side.insert("GenMaster", &[("Company", COMPANY), ("GlCode", code), ("Description", "Zed"), ("AltDescription", day)]);
        }
        let (code, said) = side.say(&["sync", "--entity", "gl_account"]);
        assert_eq!(code, Some(3), "{}: {said}", side.name());
        assert_eq!(side.world.database.psql("SELECT count(*) FROM undelivered"), "1");
        let (_, failures) = side.say(&["failures"]);
        assert!(failures.contains("AltDescription = `soon`") && failures.contains("EDU1/Z-1"), "{}: {failures}", side.name());
        for good in ["Z-2", "Z-3"] {
            assert_eq!(side.field("itfm_gl_accounts", &format!("EDU1/gl_account/EDU1/{good}"), "name"), "Zed", "{}", side.name());
        }
        // corrected in place
        side.world
            .syspro
            .update(COMPANY, "GenMaster", &[("Company", COMPANY), ("GlCode", "Z-1")], &[("AltDescription", "2026-02-01")])
            .unwrap();
        side.good(&["sync", "--entity", "gl_account"]);
        assert_eq!(side.field("itfm_gl_accounts", "EDU1/gl_account/EDU1/Z-1", "name"), "Zed", "{}", side.name());
    }
}

#[test]
fn a_filter_is_asked_for_the_company_on_every_path() {
    for side in Side::both() {
        let filter = "filter = \"Company eq '{company}'\"\nexclude =";
        let changes = "\n[[change]]\ntable = \"GenMaster\"\nfilter = \"Company eq '{company}' and GlGroup eq 'ZNEW'\"\n\
            [[change]]\ntable = \"GenJournalDetail\"\nkey = [\"GlYear\", \"GlPeriod\", \"Journal\", \"EntryNumber\"]\n\
            filter = \"Company eq '{company}' and Reference eq 'ZTOUCH'\"\ntouches = { Company = \"Company\", GlCode = \"GlCode\" }\n";
        let entity = shipped("entities/gl_account.toml").replace("exclude =", filter) + changes;
        side.definitions("entities/gl_account.toml", &entity);
        let account = |company: &str, code: &str, group: &str| {
            side.insert("GenMaster", &[("Company", company), ("GlCode", code), ("Description", "Zed"), ("GlGroup", group)]);
        };
        let there = |code: &str| !side.field("itfm_gl_accounts", &format!("EDU1/gl_account/{code}"), "name").is_empty();
        account(COMPANY, "Z-ALL", "");
        account("OTHER", "Z-ALL", "");
        side.good(&["sync", "--entity", "gl_account"]);
        assert!(there("EDU1/Z-ALL") && !there("OTHER/Z-ALL"), "{}: read whole", side.name());
        // what the change queries find, of the table itself and by another one
        for company in [COMPANY, "OTHER"] {
            account(company, "Z-NEW", "ZNEW");
            account(company, "Z-TOUCHED", "");
            let number = if company == COMPANY { "1" } else { "2" };
            let at = [("GlYear", "2026"), ("GlPeriod", "1"), ("Journal", "990001"), ("EntryNumber", number)];
            side.insert("GenJournalDetail", &[&at[..], &[("Company", company), ("GlCode", "Z-TOUCHED"), ("Reference", "ZTOUCH")]].concat());
        }
        account(COMPANY, "Z-LATER", "");
        side.good(&["sync", "--entity", "gl_account"]);
        assert!(there("EDU1/Z-NEW") && !there("OTHER/Z-NEW"), "{}: by its own table", side.name());
        assert!(there("EDU1/Z-TOUCHED") && !there("OTHER/Z-TOUCHED"), "{}: by another table", side.name());
        assert!(!there("EDU1/Z-LATER"), "nothing says that it changed");
        // by key
        let asked = |key: &str| side.say(&["record", COMPANY, "gl_account", key]).1;
        assert!(asked("EDU1/Z-LATER").contains("SYSPRO has it, and no run has read it yet"), "{}", asked("EDU1/Z-LATER"));
        let other = asked("OTHER/Z-NEW");
        assert!(other.contains("the definition excludes it: only rows with `Company eq 'EDU1'` are read"), "{}: {other}", side.name());
    }
}

#[test]
fn the_filters_of_a_joined_table_a_child_and_the_table_between_are_asked_for_the_company() {
    for side in Side::both() {
        let once = |text: String, from: &str, to: &str| {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            text.replace(from, to)
        };
        let table = "table = \"ApSupplierAddr\"\n";
        let supplier = once(shipped("entities/supplier.toml"), table, &format!("{table}filter = \"SupPostalCode eq '{{company}}'\"\n"));
        side.definitions("entities/supplier.toml", &supplier);
        let via = "via = { table = \"ApJnlSummary\",";
        let invoice = once(shipped("entities/invoice.toml"), via, &format!("{via} filter = \"SupplierGlCode eq '{{company}}'\","));
        let lines = "columns = [\"ExpenseGlCode\", \"DistrValue\", \"Reference\", \"ExpenseType\"]\n";
        let invoice = once(invoice, lines, &format!("{lines}filter = \"Reference eq '{{company}}'\"\n"));
        side.definitions("entities/invoice.toml", &invoice);
        for (key, company) in [("ZF-OWN", COMPANY), ("ZF-OTHER", "OTHER")] {
            side.insert("ApSupplier", &[("Supplier", key), ("SupplierName", "Zed"), ("Currency", "R")]);
            side.insert("ApSupplierAddr", &[("Supplier", key), ("SupAddr1", "1 Foundry Lane"), ("SupPostalCode", company)]);
        }
        side.good(&["sync", "--entity", "supplier"]);
        side.good(&["sync", "--entity", "gl_account"]);
        let street = |key: &str| side.field("x_apo_supplier", &format!("EDU1/supplier/{key}"), "u_street");
        assert_eq!((street("ZF-OWN").as_str(), street("ZF-OTHER").as_str()), ("1 Foundry Lane", ""), "{}: a joined table", side.name());

        // read whole, then found by a change
        for (number, journal) in [("ZF-1", "990011"), ("ZF-2", "990012")] {
            let today = chrono::Utc::now().date_naive().to_string();
            let own = [("Supplier", "ZF-OWN"), ("Invoice", number)];
            let dates = [("InvoiceDate", today.as_str()), ("JournalDate", &today), ("OrigInvValue", "60.00"), ("Currency", "R")];
            side.insert("ApInvoice", &[&own[..], &dates].concat());
            for (entry, between) in [("1", COMPANY), ("2", "OTHER")] {
                let at = [("TrnYear", "2026"), ("TrnMonth", "1"), ("Journal", journal), ("EntryNumber", entry)];
                let more = [("TransactionCode", "I"), ("TrnDate", today.as_str()), ("SupplierGlCode", between)];
                side.insert("ApJnlSummary", &[&at[..], &own, &more].concat());
                for (sub, reference) in [("1", COMPANY), ("2", "OTHER")] {
                    let line = [("SubEntry", sub), ("ExpenseGlCode", "10.100.6010"), ("DistrValue", "60.00"), ("Reference", reference)];
                    side.insert("ApJnlDistrib", &[&at[..], &line].concat());
                }
            }
            side.good(&["sync", "--entity", "invoice"]);
            let part = format!("/{number}/");
            let rows = side.world.servicenow.rows("x_apo_invoice_line").into_iter().map(|row| row["u_source_key"].clone());
            let lines: Vec<String> = rows.filter(|key| key.contains(&part)).collect();
            assert_eq!(
                lines,
                [format!("EDU1/invoice/ZF-OWN/{number}/2026/1/{journal}/1/1")],
                "{}: a child and what is between",
                side.name()
            );
        }
    }
}
