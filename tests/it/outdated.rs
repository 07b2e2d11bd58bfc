//! A definition changes what is written, or where: what was sent under the former one is counted and compared, and sent when a person says
//! so.

mod counted;
mod kept;
mod left;
mod meanwhile;

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;
use tieline_sim::servicenow::schema::TableSchema;

use crate::binary::text;
use crate::console::Person;
use crate::definitions::Files;
use crate::support::node::Node;
use crate::support::source;
use crate::support::world::{COMPANY, World};

/// The program under a profile, or with files of the site's own.
struct Under<'a> {
    world: &'a World,
    variables: Vec<(&'static str, String)>,
}

impl Under<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.world.command(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (format!("TIELINE__{name}"), value)));
        command.output().unwrap()
    }

    fn says(&self, arguments: &[&str], code: i32) -> String {
        let out = self.run(arguments);
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
        text(&out)
    }

    fn flows(&self) -> Vec<Value> {
        let out = self.run(&["status", "--output", "json"]);
        let all: Value = serde_json::from_slice(&out.stdout).unwrap();
        all["flows"].as_array().unwrap().clone()
    }

    /// Records of an entity that were mapped under another definition.
    fn outdated(&self, entity: &str) -> i64 {
        self.flows().iter().filter(|flow| flow["entity"] == entity).map(|flow| flow["outdated"].as_i64().unwrap()).sum()
    }

    fn replay(&self, more: &[&str], code: i32) -> String {
        self.says(&[&["replay", "--outdated", "--why", "the definition changed"], more].concat(), code)
    }
}

fn under<'a>(world: &'a World, variables: &[(&'static str, &str)]) -> Under<'a> {
    let carried = ("FLOWS__ENTITIES", "supplier,purchase_order,invoice");
    let all = variables.iter().chain([&carried]);
    Under { world, variables: all.map(|(name, value)| (*name, (*value).to_owned())).collect() }
}

fn world() -> World {
    let world = World::with(|instance| {
        for table in ["sn_apo_invoice", "x_apo_invoice"] {
            let columns = TableSchema::new("", "", "u_reference_copy:text(100) u_entry:text(40)").columns;
            instance.table(table).unwrap().columns.extend(columns);
        }
    });
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

fn text_of(row: &BTreeMap<String, String>, column: &str) -> String {
    row.get(column).cloned().unwrap_or_default()
}

/// Invoices in a table, by their number.
fn invoices(world: &World, table: &str) -> Vec<String> {
    let mut all: Vec<String> = world.servicenow.rows(table).iter().map(|row| row["u_supplier_invoice_number"].clone()).collect();
    all.sort();
    all
}

#[test]
fn another_profile_sends_what_is_known_when_a_person_says_so_and_a_way_back_loses_nothing() {
    let world = world();
    let (apo, s2p) = (under(&world, &[("SERVICENOW__PROFILE", "apo")]), under(&world, &[("SERVICENOW__PROFILE", "s2p")]));
    apo.says(&["sync"], 0);
    let first = invoices(&world, "x_apo_invoice");
    assert!(first.len() > 20, "{first:?}");

    // nothing is sent automatically, and nobody is told that all is well
    let said = s2p.says(&["sync"], 3);
    assert!(said.contains("were mapped under another definition than the one in force"), "{said}");
    assert_eq!(world.servicenow.count("sn_shop_invoice"), 0);
    assert_eq!(s2p.outdated("invoice"), first.len() as i64);
    let known: i64 = s2p.flows().iter().map(|flow| flow["outdated"].as_i64().unwrap()).sum();
    let said = s2p.says(&["status"], 0);
    assert!(said.contains(&format!("{known} records were mapped under another definition")), "{said}");
    assert!(said.contains(&format!("{} mapped under another definition", first.len())) && !said.contains("all delivered"), "{said}");
    let doctor = text(&s2p.run(&["doctor"])).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(doctor.contains(&format!("{} of EDU1/invoice", first.len())), "{doctor}");

    // invoices that come now wait for suppliers that this profile's tables do not have
    world.syspro.tick(6).unwrap();
    let every = world.syspro.count("EDU1", "ApInvoice").unwrap();
    assert_eq!(every, first.len() + 6);
    s2p.says(&["sync"], 3);
    assert_eq!(world.servicenow.count("sn_shop_invoice"), 0, "no reference to a row of the other table is written");
    let said = s2p.says(&["failures"], 0);
    assert!(said.contains("was delivered to another table, under a former definition") && said.contains("replay --outdated"), "{said}");
    assert!(!said.contains("has not been delivered") && !said.contains("run the parent's flow"), "{said}");
    let parent = world.database.psql("SELECT key FROM awaited_parent WHERE entity = 'supplier' ORDER BY key LIMIT 1");
    let said = s2p.says(&["record", "EDU1", "supplier", &parent], 0);
    assert!(said.contains("to another table, under a former definition") && said.contains("`tieline replay --outdated"), "{said}");

    // of what SYSPRO changed since, the version is mapped as it is now
    let (known, left) = (s2p.flows().iter().map(|flow| flow["outdated"].as_i64().unwrap()).sum::<i64>(), s2p.outdated("invoice"));
    assert!(left < first.len() as i64 && left > 10, "{left}");

    // above the limit nothing is sent, and both numbers are said
    let said = s2p.replay(&[], 3);
    assert!(said.contains("nothing was sent") && said.contains("`flows.change_limit` 10%"), "{said}");
    let of_invoices =
        format!("EDU1/invoice: {left} of {every} records were mapped under another definition; {left} were compared, {left} differ");
    assert!(said.contains(&of_invoices), "{said}");
    assert_eq!(world.servicenow.count("sn_shop_invoice"), 0);
    let said = s2p.replay(&["--allow", "3"], 3);
    assert!(said.contains("--allow 3 was given: nothing was sent"), "{said}");
    assert_eq!(s2p.outdated("invoice"), left);

    let said = s2p.replay(&["--allow", &known.to_string()], 0);
    assert!(said.contains(&format!("{known} records differ, which is within the limit")), "{said}");
    assert_eq!(invoices(&world, "sn_shop_invoice").len(), every);
    assert_eq!(world.servicenow.duplicates("sn_shop_invoice", "u_source_key"), 0);
    assert_eq!(s2p.outdated("invoice"), 0);
    s2p.says(&["sync"], 0);
    let said = s2p.replay(&[], 0);
    assert!(said.contains("Every record was mapped under the definition in force"), "{said}");

    // back: the six that came in between are not lost, and no invoice is there twice
    let said = apo.says(&["sync"], 3);
    assert!(said.contains("were mapped under another definition"), "{said}");
    assert_eq!(invoices(&world, "x_apo_invoice"), first);
    apo.replay(&["--allow", "100000"], 0);
    let all = invoices(&world, "x_apo_invoice");
    assert_eq!(all.len(), every);
    assert_eq!(all, invoices(&world, "sn_shop_invoice"));
    assert_eq!(world.servicenow.duplicates("x_apo_invoice", "u_source_key"), 0);
    apo.says(&["sync"], 0);
}

#[test]
fn a_field_that_is_added_is_sent_of_what_is_known_and_what_says_the_same_is_not() {
    let world = world();
    let files = Files::new();
    let shipped = include_str!("../../config/profiles/apo/invoice.toml");
    files.write("profiles/apo/invoice.toml", shipped);
    let site = under(&world, &[("DEFINITIONS__DIRECTORY", &files.path())]);
    site.says(&["sync"], 0);
    let all = world.servicenow.count("x_apo_invoice");
    let writes = world.servicenow.writes();

    // a comment or a schedule causes no work
    let entity = include_str!("../../config/entities/invoice.toml");
    files.write("entities/invoice.toml", &format!("# ours\n{entity}"));
    files.write("profiles/apo/invoice.toml", &format!("{shipped}\n# and ours\n"));
    site.says(&["sync"], 0);
    assert_eq!(site.outdated("invoice"), 0);

    // what is mapped in another way, and comes to the same
    files.write("profiles/apo/invoice.toml", &shipped.replace("u_branch = \"Branch\"", "u_branch = { from = \"Branch\", as = \"text\" }"));
    site.says(&["sync"], 3);
    assert_eq!(site.outdated("invoice"), all as i64);
    let said = site.replay(&[], 0);
    assert!(said.contains(&format!("{all} were compared, 0 differ")) && said.contains("Nothing differs from what was sent."), "{said}");
    assert_eq!((site.outdated("invoice"), world.servicenow.writes()), (0, writes));
    let told = world.database.psql("SELECT count(*) FROM audit WHERE kind = 'replayed'");
    assert_eq!(told, "0", "what was only compared is not said to have been sent");

    // one more field: only headers are sent, and with a sufficient limit nobody is asked
    let more =
        shipped.replace("u_branch = \"Branch\"", "u_branch = \"Branch\"\nu_reference_copy = { from = \"Reference\", as = \"upper\" }");
    assert_ne!(more, shipped);
    files.write("profiles/apo/invoice.toml", &more);
    site.says(&["sync"], 3);
    let lines = world.servicenow.rows("x_apo_invoice_line");
    let generous = Under { variables: [site.variables.clone(), vec![("FLOWS__CHANGE_LIMIT", "100%".into())]].concat(), world: &world };
    generous.says(&["replay", "--outdated", "--entity", "invoice", "--why", "a new column"], 0);
    let rows = world.servicenow.rows("x_apo_invoice");
    assert_eq!(rows.len(), all);
    assert!(rows.iter().all(|row| text_of(row, "u_reference_copy") == text_of(row, "u_reference").to_uppercase()), "{:?}", rows.first());
    assert_eq!(world.servicenow.rows("x_apo_invoice_line"), lines, "lines say what they said");

    // a column that was not read before cannot be made up: the sweep reads it
    let wider = entity.replacen("columns = [", "columns = [\"EntryNumber\", ", 1);
    let column = more.replace("u_branch = \"Branch\"", "u_branch = \"Branch\"\nu_entry = \"EntryNumber\"");
    assert_ne!(wider, entity);
    files.write("entities/invoice.toml", &wider);
    files.write("profiles/apo/invoice.toml", &column);
    site.says(&["sync", "--entity", "supplier"], 3);
    let said = site.replay(&["--allow", "100000"], 3);
    assert!(said.contains(&format!("{all} were read without a column")) && said.contains("--sweep"), "{said}");
    assert!(world.servicenow.rows("x_apo_invoice").iter().all(|row| row.get("u_entry").is_none_or(String::is_empty)));
    // what it reads differs for the definition's sake alone: it is kept, and the limit holds for it
    let writes = world.servicenow.writes();
    let due = [("DueDate", "2031-02-03")];
    let changed = source::rows(&world.syspro, COMPANY, "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
    let (supplier, number) = changed.last().unwrap();
    world.syspro.update(COMPANY, "ApInvoice", &[("Supplier", supplier), ("Invoice", number)], &due).unwrap();
    site.says(&["sync", "--entity", "invoice", "--sweep"], 3);
    let entered = || world.servicenow.rows("x_apo_invoice").iter().filter(|row| !text_of(row, "u_entry").is_empty()).count();
    assert_eq!((site.outdated("invoice"), entered()), (all as i64 - 1, 1), "what SYSPRO changed is sent, and nothing else");
    site.says(&["sync", "--entity", "invoice"], 3);
    site.says(&["sync", "--entity", "invoice", "--sweep"], 3);
    assert_eq!((site.outdated("invoice"), entered()), (all as i64 - 1, 1));
    assert!(world.servicenow.writes() < writes + 5, "{writes}");
    let said = site.replay(&["--entity", "invoice"], 3);
    let left = all - 1;
    assert!(said.contains(&format!("{left} were compared, {left} differ")) && said.contains("nothing was sent"), "{said}");
    assert!(!said.contains("read without a column"), "{said}");
    site.replay(&["--entity", "invoice", "--allow", &left.to_string()], 0);
    let rows = world.servicenow.rows("x_apo_invoice");
    assert!(rows.iter().all(|row| row.get("u_entry").is_some_and(|text| !text.is_empty())), "{:?}", rows.first());
    assert_eq!(site.outdated("invoice"), 0);
}

#[test]
fn every_screen_says_how_many_and_the_api_sends_them_within_the_same_limit() {
    let world = world();
    let files = Files::new();
    let shipped = include_str!("../../config/profiles/apo/invoice.toml");
    files.write("profiles/apo/invoice.toml", shipped);
    let site = under(&world, &[("DEFINITIONS__DIRECTORY", &files.path())]);
    site.says(&["sync"], 0);
    let all = world.servicenow.count("x_apo_invoice");
    files.write("profiles/apo/invoice.toml", &shipped.replace("u_branch = \"Branch\"", "u_branch = { constant = \"HQ\" }"));
    let mut node =
        Node::new(&world).with("DEFINITIONS__DIRECTORY", &files.path()).with("FLOWS__ENTITIES", "supplier,purchase_order,invoice");
    node.start_and_wait(&world);
    let key = node.key(&world);
    let (_, metrics) = node.get("/metrics").unwrap();
    assert!(metrics.contains(&format!("tieline_records_outdated{{entity=\"invoice\"}} {all}")), "{metrics}");
    let person = Person::sign_in(&node.site, &key);
    let page = person.get("/").body;
    assert!(page.contains(&format!("{all} records were mapped under another definition")), "{page}");
    let ask = |body: &str| crate::http::ask(&node.site, "POST", "/api/v1/replay", Some(&key), body).unwrap();
    let (status, _, body) = ask(r#"{"outdated":true,"why":"x"}"#);
    assert_eq!(status, 409, "{body}");
    assert!(body.contains(&format!("{all} records differ")) && body.contains("nothing was sent"), "{body}");
    for (body, wrong) in [
        (r#"{"outdated":true,"allow":-1,"why":"x"}"#, 400),
        (r#"{"allow":5,"all":true,"why":"x"}"#, 422),
        (r#"{"outdated":true,"failed_only":true,"why":"x"}"#, 422),
        (r#"{"outdated":true,"all":true,"why":"x"}"#, 422),
    ] {
        let (status, _, said) = ask(body);
        assert_eq!(status, wrong, "{body}: {said}");
    }
    let (status, _, body) = ask(&format!(r#"{{"outdated":true,"allow":{all},"why":"the branch is one"}}"#));
    assert_eq!(status, 202, "{body}");
    let report: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&report["documents"], &report["outdated"]["flows"][0]["differing"]["records"]),
        (&Value::from(all), &Value::from(all)),
        "{body}"
    );
    crate::support::node::wait_for("every invoice says so", std::time::Duration::from_secs(60), || {
        world.servicenow.rows("x_apo_invoice").iter().all(|row| row["u_branch"] == "HQ").then_some(())
    });
    assert!(!person.get("/").body.contains("mapped under another definition"));
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn another_way_of_writing_into_the_same_table_makes_no_second_row() {
    let world = world();
    let files = Files::new();
    let site = Under { variables: vec![("DEFINITIONS__DIRECTORY", files.path()), ("FLOWS__ENTITIES", "supplier".into())], world: &world };
    site.says(&["sync"], 0);
    let all = world.servicenow.count("x_apo_supplier");
    let shipped = include_str!("../../config/profiles/apo/supplier.toml");
    let direct =
        shipped.replace("write = \"import_set\"", "write = \"table\"").replace("table = \"sn_apo_supplier\"", "table = \"x_apo_supplier\"");
    assert_ne!(direct, shipped);
    files.write("profiles/apo/supplier.toml", &direct);
    site.says(&["sync"], 3);
    assert_eq!(site.outdated("supplier"), all as i64);
    let said = site.replay(&["--allow", "100000"], 0);
    assert!(said.contains(&format!("{all} records differ, which is within the limit")), "{said}");
    assert_eq!((world.servicenow.count("x_apo_supplier"), world.servicenow.duplicates("x_apo_supplier", "u_source_key")), (all, 0));
    site.says(&["sync"], 0);
}
