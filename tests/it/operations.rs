//! Each operation through the command line, the API and the console: the ledger is the same afterwards, except for the name of the caller.

use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::text;
use crate::console::Person;
use crate::http::ask;
use crate::support::node::{Node, wait_for};
use crate::support::world::World;

/// The three ways in, over one ledger.
struct Ways<'a> {
    world: &'a World,
    node: &'a Node,
    key: String,
    person: Person<'a>,
}

/// One operation on three things that are alike: the command's arguments, the API's path and body, the form's path and fields. `@` stands for
/// the thing, `why` is added to each.
struct Operation<'a> {
    name: &'a str,
    things: [&'a str; 3],
    command: &'a str,
    api: (&'a str, Value),
    form: (&'a str, &'a str),
}

impl Ways<'_> {
    /// What the audit says of who asked for this reason, in the order of the ledger, without what differs by itself.
    fn audit(&self, why: &str, thing: &str) -> Vec<String> {
        let sql = format!(
            "SELECT kind || ' ' || coalesce(entity, '-') || ' ' || detail FROM audit WHERE kind <> 'run' AND detail LIKE '%{why}%' ORDER BY id"
        );
        // the numbers of backfills ascend
        let without_number = |row: String| match row.split_once("\"id\":") {
            Some((before, after)) => format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
            None => row,
        };
        let rows = self.world.database.psql(&sql);
        rows.lines().map(|row| without_number(row.replace(why, "WHY").replace(thing, "THING"))).collect()
    }

    fn through_all_three(&self, operation: &Operation<'_>) {
        let of = |text: &str, thing: &str| text.replace('@', thing);
        let [first, second, third] = operation.things;
        let whys = ["cli", "api", "form"].map(|way| format!("{} {way}", operation.name));

        let mut arguments: Vec<String> = operation.command.split(' ').map(|word| of(word, first)).collect();
        arguments.extend(["--why".to_owned(), whys[0].clone()]);
        let out = self.node.command(self.world, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
        assert!(out.status.success(), "{}: {}", operation.name, text(&out));

        let (path, body) = &operation.api;
        let mut body: Value = serde_json::from_str(&of(&body.to_string(), second)).unwrap();
        body["why"] = json!(whys[1]);
        let (status, _, answer) = ask(&self.node.site, "POST", &of(path, second), Some(&self.key), &body.to_string()).unwrap();
        assert!((200..300).contains(&status), "{}: {status} {answer}", operation.name);

        let (path, fields) = operation.form;
        let fields = format!("why={}&{}", whys[2].replace(' ', "+"), of(fields, third));
        let answer = self.person.post(&of(path, third), &fields);
        assert_eq!(answer.status, 303, "{}: {}", operation.name, answer.body);

        let found = [first, second, third].iter().zip(&whys).map(|(thing, why)| self.audit(why, thing)).collect::<Vec<_>>();
        assert!(!found[0].is_empty(), "{}: nothing in the audit", operation.name);
        assert_eq!(found[1], found[0], "{}: the API and the command line", operation.name);
        assert_eq!(found[2], found[0], "{}: the console and the command line", operation.name);
    }

    /// What a way in refuses, with the same words.
    fn refused_by_all_three(&self, command: &[&str], api: (&str, Value), form: (&str, &str), what: &str) {
        let out = self.node.command(self.world, command).output().unwrap();
        assert!(!out.status.success() && text(&out).contains(what), "{}", text(&out));
        let (status, _, answer) = ask(&self.node.site, "POST", api.0, Some(&self.key), &api.1.to_string()).unwrap();
        assert!(status >= 400 && answer.contains(what), "{status} {answer}");
        let answer = self.person.post(form.0, form.1);
        let shown = answer.body.replace("<code class=\"inline\">", "`").replace("</code>", "`");
        assert!(answer.status >= 400 && shown.contains(what), "{} {shown}", answer.status);
        assert!(!shown.contains("`GET /"), "people are not told of paths of the API: {shown}");
    }
}

#[test]
fn the_command_line_the_api_and_the_console_do_the_same() {
    let world = World::start();
    let keys = world.database.psql("SELECT key FROM document WHERE entity = 'supplier' AND NOT deleted ORDER BY id LIMIT 3");
    let keys: Vec<&str> = keys.lines().collect();
    let suppliers = [keys[0], keys[1], keys[2]];
    // what only a person can settle, and flows of a company that is no longer configured
    world.database.psql(
        "INSERT INTO conflict (company, entity, subject, key, field, kind, state, syspro, servicenow)
         SELECT 'EDU1', 'gl_account', 'row' || n, 'row' || n, 'u_name', 'both_changed', 'open', 'a', 'b' FROM generate_series(1, 3) n;
         INSERT INTO flow (company, entity) VALUES ('EDU9', 'supplier'), ('EDU9', 'invoice'), ('EDU9', 'gl_account')",
    );
    let conflicts = world.database.psql("SELECT id FROM conflict WHERE key LIKE 'row%' ORDER BY id");
    let conflicts: Vec<&str> = conflicts.lines().collect();
    let conflicts = [conflicts[0], conflicts[1], conflicts[2]];

    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let key = node.key(&world);
    let person = Person::sign_in(&node.site, &key);
    let ways = Ways { world: &world, node: &node, key: key.clone(), person };
    let flows = ["supplier", "gl_account", "cost_center"];

    for operation in [
        Operation {
            name: "pause",
            things: flows,
            command: "flow pause EDU1 @",
            api: ("/api/v1/flows/EDU1/@/pause", json!({})),
            form: ("/flows/EDU1/@/pause", ""),
        },
        Operation {
            name: "resume",
            things: flows,
            command: "flow resume EDU1 @",
            api: ("/api/v1/flows/EDU1/@/resume", json!({})),
            form: ("/flows/EDU1/@/resume", ""),
        },
        Operation {
            name: "accept",
            things: flows,
            command: "flow resume EDU1 @ --accept-smaller",
            api: ("/api/v1/flows/EDU1/@/resume", json!({ "accept_smaller": true })),
            form: ("/flows/EDU1/@/resume", "accept_smaller=yes"),
        },
        Operation {
            name: "forget",
            things: ["supplier", "invoice", "gl_account"],
            command: "flow forget EDU9 @",
            api: ("/api/v1/flows/EDU9/@/forget", json!({})),
            form: ("/flows/EDU9/@/forget", ""),
        },
        Operation {
            name: "hold",
            things: suppliers,
            command: "hold EDU1 supplier @",
            api: ("/api/v1/records/hold", json!({ "company": "EDU1", "entity": "supplier", "keys": ["@"] })),
            form: ("/hold", "company=EDU1&entity=supplier&key=@"),
        },
        Operation {
            name: "release",
            things: suppliers,
            command: "release EDU1 supplier @",
            api: ("/api/v1/records/release", json!({ "company": "EDU1", "entity": "supplier", "keys": ["@"] })),
            form: ("/release", "company=EDU1&entity=supplier&key=@"),
        },
        Operation {
            name: "replay",
            things: suppliers,
            command: "replay --company EDU1 --entity supplier --key @",
            api: ("/api/v1/replay", json!({ "company": "EDU1", "entity": "supplier", "key": "@" })),
            form: ("/replay", "company=EDU1&entity=supplier&key=@"),
        },
        Operation {
            name: "backfill",
            things: ["supplier", "gl_account", "cost_center"],
            command: "backfill --no-wait --company EDU1 --entity @ --since 2026-01-01 --until 2026-02-01",
            api: ("/api/v1/backfill", json!({ "company": "EDU1", "entity": "@", "since": "2026-01-01", "until": "2026-02-01" })),
            form: ("/backfills", "company=EDU1&entity=@&since=2026-01-01&last=2026-01-31"),
        },
        Operation {
            name: "resolve",
            things: conflicts,
            command: "conflicts resolve @ --take syspro",
            api: ("/api/v1/conflicts/resolve", json!({ "ids": [], "take": "syspro" })),
            form: ("/conflicts/resolve", "id=@&take=syspro"),
        },
    ] {
        let ids = if operation.name == "resolve" { json!([conflicts[1].parse::<i64>().unwrap()]) } else { Value::Null };
        let mut operation = operation;
        if !ids.is_null() {
            operation.api.1["ids"] = ids;
        }
        ways.through_all_three(&operation);
    }

    let accepted = "SELECT count(*) FROM audit WHERE detail LIKE '%accept smaller tables%'";
    assert_eq!(world.database.psql(accepted), "3");

    // what the operations left besides the audit
    let same = |what: &str, sql: &str| {
        let rows = world.database.psql(sql);
        let mut rows: Vec<&str> = rows.lines().collect();
        assert_eq!(rows.len(), 3, "{what}: {rows:?}");
        rows.dedup();
        assert_eq!(rows.len(), 1, "{what}: {rows:?}");
    };
    same("decisions", "SELECT state || coalesce(side, '') FROM conflict WHERE key LIKE 'row%'");
    same("backfills", "SELECT since || ' ' || until FROM backfill");
    wait_for("the backfills are read", Duration::from_secs(60), || {
        (world.database.psql("SELECT count(*) FROM backfill WHERE state = 'open'") == "0").then_some(())
    });
    same("runs of replays", "SELECT kind || outcome || records FROM run WHERE kind = 'replay'");
    assert_eq!(world.database.psql("SELECT count(*) FROM flow WHERE company = 'EDU9'"), "0");
    assert_eq!(world.database.psql("SELECT count(*) FROM hold"), "0");

    // and what none of them does, without a trace
    let rows = || world.database.psql("SELECT count(*) FROM audit WHERE kind = 'action' AND detail LIKE '%not done%'");
    let why = "not done";
    ways.refused_by_all_three(
        &["flow", "forget", "EDU1", "supplier", "--why", why],
        ("/api/v1/flows/EDU1/supplier/forget", json!({ "why": why })),
        ("/flows/EDU1/supplier/forget", "why=not+done"),
        "EDU1/supplier is configured",
    );
    for action in ["pause", "resume", "forget"] {
        ways.refused_by_all_three(
            &["flow", action, "EDU1", "suplier", "--why", why],
            (&format!("/api/v1/flows/EDU1/suplier/{action}"), json!({ "why": why })),
            (&format!("/flows/EDU1/suplier/{action}"), "why=not+done"),
            "there is no entity `suplier`; did you mean `supplier`?",
        );
    }
    ways.refused_by_all_three(
        &["backfill", "--all", "--company", "EDU7", "--why", why],
        ("/api/v1/backfill", json!({ "company": "EDU7", "all": true, "why": why })),
        ("/backfills", "company=EDU7&all=yes&why=not+done"),
        "there is no company `EDU7`; did you mean",
    );
    ways.refused_by_all_three(
        &["replay", "--why", why],
        ("/api/v1/replay", json!({ "why": why })),
        ("/replay", "why=not+done"),
        "this would send every record again",
    );
    ways.refused_by_all_three(
        &["replay", "--reason", "rejectd", "--why", why],
        ("/api/v1/replay", json!({ "reason": "rejectd", "why": why })),
        ("/replay", "reason=rejectd&why=not+done"),
        "did you mean `rejected`?",
    );
    let wrong = |path: &str, body: Value, what: &str| {
        let (status, _, answer) = ask(&node.site, "POST", path, Some(&key), &body.to_string()).unwrap();
        assert!(status == 400 && answer.contains(what), "{status} {answer}");
    };
    let none = "must name 1 to 1000 records, got 0";
    wrong("/api/v1/records/hold", json!({ "company": "EDU1", "entity": "supplier", "keys": [], "why": why }), none);
    wrong("/api/v1/records/release", json!({ "company": "EDU1", "entity": "supplier", "keys": [], "why": why }), none);
    let many = vec![1; 1001];
    wrong("/api/v1/conflicts/resolve", json!({ "ids": many, "take": "syspro", "why": why }), "must name 1 to 1000 entries, got 1001");
    let out = node.command(&world, &["replay", "--key", "", "--why", why]).output().unwrap();
    assert!(out.status.code() == Some(2) && text(&out).contains("`key` is empty"), "{}", text(&out));
    ways.refused_by_all_three(
        &["backfill", "--company", "EDU1", "--why", why],
        ("/api/v1/backfill", json!({ "company": "EDU1", "why": why })),
        ("/backfills", "company=EDU1&why=not+done"),
        "this would read all history again",
    );
    ways.refused_by_all_three(
        &["backfill", "cancel", "999", "--why", why],
        ("/api/v1/backfills/999/cancel", json!({ "why": why })),
        ("/backfills/999/cancel", "why=not+done"),
        "there is no backfill `999`",
    );
    ways.refused_by_all_three(
        &["conflicts", "resolve", "999", "--take", "syspro", "--why", why],
        ("/api/v1/conflicts/resolve", json!({ "ids": [999], "take": "syspro", "why": why })),
        ("/conflicts/resolve", "id=999&take=syspro&why=not+done"),
        "`999` cannot be decided",
    );
    ways.refused_by_all_three(
        &["conflicts", "adopt", "--company", "EDU1", "--entity", "invoice", "--why", why],
        ("/api/v1/conflicts/adopt", json!({ "company": "EDU1", "entity": "invoice", "why": why })),
        ("/conflicts/adopt", "company=EDU1&entity=invoice&why=not+done"),
        "there is no aligned flow EDU1/invoice",
    );
    assert_eq!(rows(), "0");
    // a reason of blanks, or of more than 1,000 characters, is none on any of them
    for (why, what) in [(" ", "why in a few words"), (&*"x".repeat(1001), "1000 characters")] {
        let out = node.command(&world, &["flow", "pause", "EDU1", "supplier", "--why", why]).output().unwrap();
        assert!(out.status.code() == Some(2) && text(&out).contains(what), "{}", text(&out));
        let (status, _, answer) =
            ask(&node.site, "POST", "/api/v1/flows/EDU1/supplier/pause", Some(&key), &json!({ "why": why }).to_string()).unwrap();
        assert!(status == 400 && answer.contains(what), "{status} {answer}");
        assert_eq!(ways.person.post("/flows/EDU1/supplier/pause", &format!("why={}", why.replace(' ', "+"))).status, 400);
    }
    assert_eq!(world.database.psql("SELECT count(*) FROM flow WHERE paused_at IS NOT NULL"), "0");

    // running a flow: the audit row of who asked is there as soon as the run is
    let run = |entity: &str, how: &dyn Fn(&str)| {
        let why = format!("run {entity}");
        how(&why);
        let sql = format!(
            "SELECT count(*) FROM audit a JOIN audit r ON r.run_id = a.run_id AND r.xid = a.xid AND r.kind = 'run' \
             WHERE a.kind = 'action' AND a.detail LIKE '%{why}%'"
        );
        assert_eq!(world.database.psql(&sql), "1", "in the transaction of the run's beginning");
    };
    for _ in 0..2 {
        wait_for("no flow runs", Duration::from_secs(60), || {
            (world.database.psql("SELECT count(*) FROM flow WHERE holder IS NOT NULL") == "0").then_some(())
        });
    }
    run("gl_account", &|why| {
        wait_for("it is run by the API", Duration::from_secs(60), || {
            let body = json!({ "why": why }).to_string();
            (ask(&node.site, "POST", "/api/v1/flows/EDU1/gl_account/run", Some(&key), &body).unwrap().0 == 202).then_some(())
        });
    });
    run("cost_center", &|why| {
        wait_for("it is run by the console", Duration::from_secs(60), || {
            (ways.person.post("/flows/EDU1/cost_center/run", &format!("why={}", why.replace(' ', "+"))).status == 303).then_some(())
        });
    });

    // where a record is: the same sentence everywhere, also of one that was never read
    let stands = |key: &str| {
        let out = node.command(&world, &["record", "EDU1", "supplier", key]).output().unwrap();
        let (status, _, answer) = ask(&node.site, "GET", &format!("/api/v1/records/EDU1/supplier/{key}"), Some(&ways.key), "").unwrap();
        let page = ways.person.get(&format!("/records/EDU1/supplier/{key}"));
        (text(&out), status, answer, page.status, page.body)
    };
    let (command, status, answer, page_status, page) = stands(suppliers[0]);
    assert_eq!((status, page_status), (200, 200));
    let sentence = serde_json::from_str::<Value>(&answer).unwrap()["stands"].as_str().unwrap().to_owned();
    // a page shows times in the reader's zone
    let (before, after) = (sentence.split(" 20").next().unwrap(), sentence.rsplit('Z').next().unwrap());
    assert!(command.contains(&sentence) && page.contains(before) && page.contains(after), "{sentence}\n{command}\n{page}");
    let (command, status, answer, page_status, page) = stands("nobody");
    assert_eq!((status, page_status), (404, 404));
    for said in [&command, &answer, &page] {
        assert!(said.contains("was never read: SYSPRO does not have it") || said.contains("never read: SYSPRO does not have it"), "{said}");
    }
}
