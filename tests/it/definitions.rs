//! Definitions that change while services run: loaded or refused as a whole, with one set in force for all nodes and commands.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::{Node, wait_for};
use crate::support::world::{COMPANY, World};

const LIMIT: Duration = Duration::from_secs(60);

/// A site's own definitions: the currency of invoices goes through a code list of its own.
pub struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    /// The list knows none of the currencies that there are.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["entities", "profiles/apo", "lookups"] {
            std::fs::create_dir_all(directory.path().join(folder)).unwrap();
        }
        let shipped = include_str!("../../config/profiles/apo/invoice.toml");
        let own = shipped.replace("lookup = \"currency\"", "lookup = \"invoice_currency\"");
        assert_ne!(own, shipped);
        let files = Self { directory };
        files.write("profiles/apo/invoice.toml", &own);
        files.list(&[]);
        files
    }

    pub fn path(&self) -> String {
        self.directory.path().display().to_string()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    /// Only these codes are known; each maps to itself.
    pub fn list(&self, codes: &[&str]) {
        let codes: String = codes.iter().map(|code| format!("\"{code}\" = \"{code}\"\n")).collect();
        self.write("lookups/invoice_currency.toml", &format!("otherwise = \"error\"\n[codes]\n\"?\" = \"?\"\n{codes}"));
    }
}

/// Nothing has happened yet but that the credentials are set.
pub fn world() -> World {
    let world = World::before();
    world.set_credentials(&|arguments| world.command(arguments));
    world
}

/// A node with these files that follows its schedules.
pub fn node(world: &World, files: &Files) -> Node {
    Node::new(world).with("DEFINITIONS__DIRECTORY", &files.path()).with("LOG__LEVEL", "info")
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// Invoices that ServiceNow has.
fn invoices(world: &World) -> usize {
    world.servicenow.count("x_apo_invoice")
}

fn refused(world: &World) -> String {
    world
        .database
        .psql("SELECT count(DISTINCT document_id) FROM undelivered WHERE entity = 'invoice' AND state = 'failed' AND reason = 'unmapped'")
}

/// The currencies of the invoices, the one of most invoices first.
pub fn currencies(world: &World) -> Vec<(String, usize)> {
    let rows = world.database.psql(
        "SELECT v.content::jsonb ->> 'Currency', count(*) FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.version \
         WHERE d.entity = 'invoice' GROUP BY 1 ORDER BY 2 DESC, 1",
    );
    let row = |row: &str| row.rsplit_once('|').map(|(code, count)| (code.to_owned(), count.parse().unwrap()));
    rows.lines().filter_map(row).collect()
}

/// The node runs, and every invoice was refused because the list knows no code.
pub fn all_refused(world: &World, node: &mut Node) -> usize {
    node.start_and_wait(world);
    wait_for("every invoice is refused", LIMIT, || {
        // after the first page already all that was read until then is refused
        let ended = world.database.psql("SELECT count(*) > 0 AND bool_and(last_success_at IS NOT NULL) FROM flow WHERE entity = 'invoice'");
        let read = world.database.psql("SELECT count(*) FROM document WHERE entity = 'invoice'");
        (ended == "t" && read != "0" && refused(world) == read && world.left() == "0").then(|| read.parse().unwrap())
    })
}

fn metric(node: &Node, name: &str) -> Option<String> {
    let (_, body) = node.get("/metrics")?;
    body.lines().find(|line| line.starts_with(name)).map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
}

fn in_force(world: &World) -> String {
    world.database.psql("SELECT number FROM definition_in_force")
}

fn wait_in_force(world: &World, node: &Node, number: &str) {
    wait_for(format!("definitions {number} are in force: {}", node.log()), LIMIT, || {
        let here = node
            .get("/metrics")?
            .1
            .contains(&format!("tieline_definitions_info{{hash=\"{}\",number=\"{number}\"}} 1", hash(world, number)));
        (here && in_force(world) == number).then_some(())
    });
}

fn hash(world: &World, number: &str) -> String {
    world.database.psql(&format!("SELECT hash FROM definition WHERE number = {number}"))
}

#[test]
fn a_corrected_code_list_takes_effect_without_a_restart() {
    let world = world();
    let files = Files::new();
    let mut node = node(&world, &files);
    let key = node.key(&world);
    let all = all_refused(&world, &mut node);
    assert_eq!(invoices(&world), 0);
    // as long as the list is unchanged, a person who sends them again sees the real result, and not the hoped-for one
    let replay = || {
        let body = r#"{"entity":"invoice","failed_only":true,"why":"the list is corrected"}"#;
        let (status, _, body) = ask(&node.site, "POST", "/api/v1/replay", Some(&key), body).unwrap();
        assert_eq!(status, 202, "{body}");
        json(&body)["outcome"].clone()
    };
    let outcome = replay();
    let count = |name: &str| outcome[name].as_u64().unwrap();
    assert_eq!([count("sent_again"), count("delivered"), count("failed")], [all as u64, 0, all as u64], "{outcome}");
    let said = outcome["text"].as_str().unwrap();
    assert!(said.starts_with(&format!("{all} sent again: 0 delivered; {all} failed")) && said.contains("invoice_currency"), "{said}");
    assert_eq!(count("failed_as_before"), all as u64, "{outcome}");
    let person = Person::sign_in(&node.site, &key);
    let done = person.post("/replay", "entity=invoice&failed_only=yes&why=again");
    let page = person.get(done.header("location").unwrap()).body;
    assert!(page.contains(&format!("{all} sent again: 0 delivered; {all} failed for the same reason")), "{page}");
    let mut command = world.command(&["replay", "--failed-only", "--entity", "invoice", "--why", "again"]);
    let told = text(&command.env("TIELINE__DEFINITIONS__DIRECTORY", files.path()).output().unwrap());
    assert!(told.contains(&format!("{all} sent again: 0 delivered; {all} failed for the same reason")), "{told}");

    let codes = currencies(&world);
    files.list(&codes.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>());
    wait_in_force(&world, &node, "2");
    let outcome = replay();
    let count = |name: &str| outcome[name].as_u64().unwrap();
    assert_eq!((count("sent_again"), count("failed")), (all as u64, 0), "{outcome}");
    // a slow machine may not be done when the answer is due
    assert_eq!(count("delivered") + count("still_being_sent"), all as u64, "{outcome}");
    wait_for("every invoice arrives", LIMIT, || (invoices(&world) == all).then_some(()));
    // one set mapped all of it, and the audit has what changed
    assert_eq!(
        world.database.psql("SELECT string_agg(DISTINCT definition::text, ' ' ORDER BY definition::text) FROM run WHERE kind = 'replay'"),
        "1 2"
    );
    assert_eq!(world.database.psql("SELECT count(*) FROM delivery d JOIN run r ON r.id = d.run_id WHERE r.entity = 'invoice' AND d.action = 'upsert' AND r.definition <> 2"), "0");
    let said = world.database.psql("SELECT detail FROM audit WHERE kind = 'definition' ORDER BY id DESC LIMIT 1");
    let said = json(&said);
    assert_eq!((&said["number"], &said["before"]), (&Value::from(2), &Value::from(1)), "{said}");
    assert!(said["difference"][0].as_str().unwrap().starts_with("lookups/invoice_currency.toml: codes."), "{said}");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_bad_set_is_refused_as_a_whole_and_the_one_before_stays() {
    let world = world();
    let files = Files::new();
    let mut node = node(&world, &files);
    all_refused(&world, &mut node);
    let first = hash(&world, "1");
    // one file is good and would change the mapping, the other has two mistakes
    files.list(&["USD"]);
    files.write("entities/supplier.toml", "colour = \"red\"\n[root]\ntable = 7\n");
    wait_for(format!("the set is refused: {}", node.log()), LIMIT, || {
        (metric(&node, "tieline_definitions_reload_failed")? == "1").then_some(())
    });
    let log = node.log();
    for said in
        ["changed definitions are refused as a whole", "entities/supplier.toml:1: `colour`", "entities/supplier.toml:3: `root.table`"]
    {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert_eq!((in_force(&world).as_str(), hash(&world, "1")), ("1", first));
    assert_eq!(node.ready().unwrap().0, 200, "the set before is still worked with");
    // corrected, at SIGHUP
    std::fs::remove_file(files.file("entities/supplier.toml")).unwrap();
    node.signal(Signal::SIGHUP);
    wait_in_force(&world, &node, "2");
    assert_eq!(metric(&node, "tieline_definitions_reload_failed").as_deref(), Some("0"));
    assert!(node.log().contains("settings (`tieline.toml`, variables) take effect only at the next start"), "{}", node.log());
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn without_watching_only_a_signal_has_the_files_read() {
    let world = world();
    let files = Files::new();
    let mut node = node(&world, &files).with("DEFINITIONS__WATCH", "false");
    all_refused(&world, &mut node);
    files.list(&["USD"]);
    // a command must not map with other files than the service
    let mut command = world.command(&["replay", "--failed-only", "--why", "corrected"]);
    let out = command.env("TIELINE__DEFINITIONS__DIRECTORY", files.path()).output().unwrap();
    let said = text(&out);
    assert_eq!(out.status.code(), Some(4), "{said}");
    assert!(said.contains("nothing was mapped or sent") && said.contains(&hash(&world, "1")[..12]) && said.contains("SIGHUP"), "{said}");
    assert_eq!(in_force(&world), "1");
    assert_eq!(world.database.psql("SELECT count(*) FROM run WHERE kind = 'replay'"), "0");
    node.signal(Signal::SIGHUP);
    wait_in_force(&world, &node, "2");
    let out = world
        .command(&["replay", "--failed-only", "--why", "corrected"])
        .env("TIELINE__DEFINITIONS__DIRECTORY", files.path())
        .output()
        .unwrap();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
    assert_eq!(world.database.psql("SELECT DISTINCT definition FROM run WHERE kind = 'replay'"), "2");
    assert_eq!(node.terminate(), Some(0));
}

#[test]
fn a_node_whose_definitions_are_not_in_force_does_nothing_and_says_so() {
    let world = world();
    let (files, others) = (Files::new(), Files::new());
    let mut one = node(&world, &files);
    all_refused(&world, &mut one);
    // a second node comes with new files: a rollout that starts with it
    others.list(&["USD"]);
    let mut two = node(&world, &others);
    two.start_and_wait(&world);
    wait_in_force(&world, &two, "2");
    let complaint = wait_for(format!("the first node complains: {}", one.log()), LIMIT, || {
        let (status, body) = one.ready()?;
        (status == 503 && body.contains("reads, maps and sends nothing")).then_some(body)
    });
    assert!(complaint.contains(&hash(&world, "1")[..12]) && complaint.contains(&hash(&world, "2")[..12]), "{complaint}");
    assert_eq!(metric(&one, "tieline_definitions_in_force").as_deref(), Some("0"));
    let key = one.key(&world);
    let path = format!("/api/v1/flows/{COMPANY}/invoice/run");
    let (status, _, body) = ask(&one.site, "POST", &path, Some(&key), r#"{"why":"a test"}"#).unwrap();
    assert!(status == 409 && body.contains("are in force"), "{status} {body}");
    let (status, _, body) = ask(&one.site, "POST", "/api/v1/replay", Some(&key), r#"{"failed_only":true,"why":"a test"}"#).unwrap();
    assert!(status == 409 && body.contains("are in force"), "{status} {body}");
    // its restart does not bring the older set back
    assert_eq!(one.terminate(), Some(0));
    one.start_and_wait(&world);
    wait_for("it complains again", LIMIT, || one.ready().filter(|(status, body)| *status == 503 && body.contains("are in force")));
    assert_eq!(in_force(&world), "2");
    assert_eq!(two.ready().unwrap().0, 200);
    // the rollout comes to it as well
    others.list(&["USD"]);
    files.list(&["USD"]);
    wait_for(format!("both work: {}", one.log()), LIMIT, || one.ready().filter(|(status, _)| *status == 200));
    assert_eq!(in_force(&world), "2");
    // and back again, on one node after the other: the set before is known, and the node had the one in force
    files.list(&[]);
    wait_in_force(&world, &one, "1");
    wait_for("the other node waits", LIMIT, || two.ready().filter(|(status, _)| *status == 503));
    others.list(&[]);
    wait_for("both work again", LIMIT, || two.ready().filter(|(status, _)| *status == 200));
    assert_eq!(in_force(&world), "1");
    assert_eq!([one.terminate(), two.terminate()], [Some(0), Some(0)]);
}
