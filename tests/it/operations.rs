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
        // the numbers of backfills and tie-outs ascend
        let without_number = |row: String| match row.split_once("\"id\":").or_else(|| row.split_once("\"number\":")) {
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

        // a second tie-out is refused while the service makes the first
        let made = "SELECT count(*) FROM tie_out WHERE state = 'running'";
        wait_for("no tie-out is being made", Duration::from_secs(60), || (self.world.database.psql(made) == "0").then_some(()));
        let (path, fields) = operation.form;
        let fields = format!("why={}&{}", whys[2].replace(' ', "+"), of(fields, third));
        let answer = self.person.post(&of(path, third), &fields);
        assert_eq!(answer.status, 303, "{}: {}", operation.name, answer.body);

        let found = [first, second, third].iter().zip(&whys).map(|(thing, why)| self.audit(why, thing)).collect::<Vec<_>>();
        assert!(!found[0].is_empty(), "{}: nothing in the audit", operation.name);
        assert_eq!(found[1], found[0], "{}: the API and the command line", operation.name);
        assert_eq!(found[2], found[0], "{}: the console and the command line", operation.name);
    }

    /// What each way in refuses, with the same words. `codes`: the exit code, and the status of the API and the console. A form that
    /// cannot ask for it is `None`.
    fn refused_by_all_three(&self, command: &[&str], api: (&str, Value), form: Option<(&str, &str)>, what: &str, codes: (i32, u16)) {
        let out = self.node.command(self.world, command).output().unwrap();
        assert!(out.status.code() == Some(codes.0) && text(&out).contains(what), "{command:?}: {:?} {}", out.status, text(&out));
        let (status, _, answer) = ask(&self.node.site, "POST", api.0, Some(&self.key), &api.1.to_string()).unwrap();
        assert!(status == codes.1 && answer.contains(what), "{api:?}: {status} {answer}");
        let Some(form) = form else { return };
        let answer = self.person.post(form.0, form.1);
        let shown = answer.body.replace("<code class=\"inline\">", "`").replace("</code>", "`");
        assert!(answer.status == codes.1 && shown.contains(what), "{form:?}: {} {shown}", answer.status);
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
         INSERT INTO flow (company, entity) VALUES ('EDU9', 'supplier'), ('EDU9', 'invoice'), ('EDU9', 'gl_account');
         INSERT INTO backfill (company, entity, requested_by, why, not_before)
         SELECT 'EDU1', 'invoice', 'nobody', 'to be cancelled', now() + interval '1 day' FROM generate_series(1, 3)",
    );
    let cancelled = world.database.psql("SELECT id FROM backfill ORDER BY id");
    let cancelled: Vec<&str> = cancelled.lines().collect();
    let cancelled = [cancelled[0], cancelled[1], cancelled[2]];
    let conflicts = world.database.psql("SELECT id FROM conflict WHERE key LIKE 'row%' ORDER BY id");
    let conflicts: Vec<&str> = conflicts.lines().collect();
    let conflicts = [conflicts[0], conflicts[1], conflicts[2]];

    // records of another company, which the configuration no longer has later, and reasons of commands that need none
    let of_company = |company: &str, arguments: &[&str]| {
        let out = world.command(arguments).env("TIELINE__SYSPRO__COMPANIES", company).output().unwrap();
        assert!(!matches!(out.status.code(), Some(2 | 4)), "{arguments:?}: {}", text(&out));
    };
    of_company("1", &["sync", "--entity", "supplier"]);
    let of_other_company = || {
        world.database.psql(
            "SELECT count(*), count(p.delivery_id) FROM document d LEFT JOIN undelivered p ON p.document_id = d.id WHERE d.company = '1'",
        )
    };
    let others = of_other_company();
    assert!(!others.starts_with("0|"), "{others}");
    of_company("EDU1", &["sync", "--entity", "cost_center", "--why", "why a sync"]);
    of_company("EDU1", &["doctor", "--read-only", "--why", "why a doctor"]);
    for (action, why) in [("run", "why a sync"), ("doctor", "why a doctor")] {
        let sql = format!("SELECT count(*) FROM audit WHERE detail LIKE '%\"action\":\"{action}\"%' AND detail LIKE '%{why}%'");
        assert_eq!(world.database.psql(&sql), "1", "{action}");
    }

    let mut node = Node::new(&world);
    node.start_and_wait(&world);
    let key = node.key(&world);
    let person = Person::sign_in(&node.site, &key);
    let ways = Ways { world: &world, node: &node, key: key.clone(), person };
    let flows = ["supplier", "gl_account", "cost_center"];

    for operation in [
        Operation {
            name: "tie out",
            things: ["supplier", "invoice", "gl_posting"],
            command: "tie-out --entity @",
            api: ("/api/v1/tie-outs", json!({ "entities": ["@"] })),
            form: ("/tie-out", "entity=@"),
        },
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
            name: "cancel",
            things: cancelled,
            command: "backfill cancel @",
            api: ("/api/v1/backfills/@/cancel", json!({})),
            form: ("/backfills/@/cancel", ""),
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

    let accepted = "SELECT count(*) FROM audit WHERE kind = 'action' AND detail LIKE '%\"accept_smaller\":true%\"action\":\"resume\"%'";
    assert_eq!(world.database.psql(accepted), "3", "one row with both facts");

    // what the operations left besides the audit
    let same = |what: &str, sql: &str| {
        let rows = world.database.psql(sql);
        let mut rows: Vec<&str> = rows.lines().collect();
        assert_eq!(rows.len(), 3, "{what}: {rows:?}");
        rows.dedup();
        assert_eq!(rows.len(), 1, "{what}: {rows:?}");
    };
    same("decisions", "SELECT state || coalesce(side, '') FROM conflict WHERE key LIKE 'row%'");
    same("backfills", "SELECT since || ' ' || until FROM backfill WHERE since IS NOT NULL");
    same("cancelled backfills", "SELECT state || (ended_at IS NOT NULL) FROM backfill WHERE since IS NULL");
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
        Some(("/flows/EDU1/supplier/forget", "why=not+done")),
        "EDU1/supplier is configured",
        (1, 409),
    );
    for action in ["pause", "resume", "forget"] {
        ways.refused_by_all_three(
            &["flow", action, "EDU1", "suplier", "--why", why],
            (&format!("/api/v1/flows/EDU1/suplier/{action}"), json!({ "why": why })),
            Some((&format!("/flows/EDU1/suplier/{action}"), "why=not+done")),
            "there is no entity `suplier`; did you mean `supplier`?",
            (2, 404),
        );
    }
    ways.refused_by_all_three(
        &["backfill", "--all", "--company", "EDU7", "--why", why],
        ("/api/v1/backfill", json!({ "company": "EDU7", "all": true, "why": why })),
        Some(("/backfills", "company=EDU7&all=yes&why=not+done")),
        "there is no company `EDU7`; did you mean",
        (2, 404),
    );
    ways.refused_by_all_three(
        &["replay", "--why", why],
        ("/api/v1/replay", json!({ "why": why })),
        Some(("/replay", "why=not+done")),
        "this would send every record again",
        (2, 422),
    );
    ways.refused_by_all_three(
        &["replay", "--reason", "rejectd", "--why", why],
        ("/api/v1/replay", json!({ "reason": "rejectd", "why": why })),
        Some(("/replay", "reason=rejectd&why=not+done")),
        "did you mean `rejected`?",
        (2, 400),
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
        Some(("/backfills", "company=EDU1&why=not+done")),
        "this would read all history again",
        (2, 422),
    );
    ways.refused_by_all_three(
        &["tie-out", "--company", "EDU7", "--why", why],
        ("/api/v1/tie-outs", json!({ "companies": ["EDU7"], "why": why })),
        Some(("/tie-out", "company=EDU7&why=not+done")),
        "there is no company `EDU7`; did you mean",
        (2, 422),
    );
    ways.refused_by_all_three(
        &["backfill", "cancel", "999", "--why", why],
        ("/api/v1/backfills/999/cancel", json!({ "why": why })),
        Some(("/backfills/999/cancel", "why=not+done")),
        "there is no backfill `999`",
        (1, 404),
    );
    ways.refused_by_all_three(
        &["conflicts", "resolve", "999", "--take", "syspro", "--why", why],
        ("/api/v1/conflicts/resolve", json!({ "ids": [999], "take": "syspro", "why": why })),
        Some(("/conflicts/resolve", "id=999&take=syspro&why=not+done")),
        "`999` cannot be decided",
        (1, 404),
    );
    ways.refused_by_all_three(
        &["conflicts", "adopt", "--company", "EDU1", "--entity", "invoice", "--why", why],
        ("/api/v1/conflicts/adopt", json!({ "company": "EDU1", "entity": "invoice", "why": why })),
        Some(("/conflicts/adopt", "company=EDU1&entity=invoice&why=not+done")),
        "there is no aligned flow EDU1/invoice",
        (1, 404),
    );
    ways.refused_by_all_three(
        &["conflicts", "adopt", "--company", "EDU7", "--entity", "cost_center", "--why", why],
        ("/api/v1/conflicts/adopt", json!({ "company": "EDU7", "entity": "cost_center", "why": why })),
        Some(("/conflicts/adopt", "company=EDU7&entity=cost_center&why=not+done")),
        "there is no company `EDU7`; did you mean",
        (2, 404),
    );
    // a refusal of one kind has one exit code and one status, whichever operation refuses
    let run = "01936b2e-0000-7000-8000-000000000000";
    ways.refused_by_all_three(
        &["replay", "--run", run, "--why", why],
        ("/api/v1/replay", json!({ "run": run, "why": why })),
        Some(("/replay", &format!("run={run}&why=not+done"))),
        &format!("there is no run `{run}`"),
        (1, 404),
    );
    ways.refused_by_all_three(
        &["replay", "--since", "2026-02-01", "--until", "2026-01-01", "--why", why],
        ("/api/v1/replay", json!({ "since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z", "why": why })),
        None,
        "the period is empty",
        (2, 422),
    );
    ways.refused_by_all_three(
        &["backfill", "--since", "2026-02-01", "--until", "2026-01-01", "--why", why],
        ("/api/v1/backfill", json!({ "since": "2026-02-01", "until": "2026-01-01", "why": why })),
        Some(("/backfills", "since=2026-02-01&last=2026-01-31&why=not+done")),
        "the period is empty",
        (2, 422),
    );
    let page = ways.person.post("/backfills", "since=2026-02-01&last=2026-01-31&why=not+done").body;
    assert!(page.contains("choose a last day that is not before the first day") && !page.contains("until"), "{page}");
    ways.refused_by_all_three(
        &["backfill", "--all", "--since", "2026-02-01", "--why", why],
        ("/api/v1/backfill", json!({ "all": true, "since": "2026-02-01", "why": why })),
        Some(("/backfills", "all=yes&since=2026-02-01&why=not+done")),
        "the request names a period and everything",
        (2, 422),
    );
    ways.refused_by_all_three(
        &["replay", "--outdated", "--key", "7", "--why", why],
        ("/api/v1/replay", json!({ "outdated": true, "key": "7", "why": why })),
        None,
        "`outdated` can only be combined with `company` and `entity`",
        (2, 422),
    );
    // a record that was never read has one text, and so has a conflict that is not there
    let never = "EDU1/supplier `nobody` was never read from SYSPRO";
    for action in ["hold", "release"] {
        ways.refused_by_all_three(
            &[action, "EDU1", "supplier", "nobody", "--why", why],
            (&format!("/api/v1/records/{action}"), json!({ "company": "EDU1", "entity": "supplier", "keys": ["nobody"], "why": why })),
            Some((&format!("/{action}"), "company=EDU1&entity=supplier&key=nobody&why=not+done")),
            never,
            (1, 404),
        );
    }
    ways.refused_by_all_three(
        &["replay", "--company", "EDU1", "--entity", "supplier", "--key", "nobody", "--why", "nobody"],
        ("/api/v1/replay", json!({ "company": "EDU1", "entity": "supplier", "key": "nobody", "why": "nobody" })),
        Some(("/replay", "company=EDU1&entity=supplier&key=nobody&why=nobody")),
        never,
        (1, 404),
    );
    let out = node.command(&world, &["conflicts", "show", "999"]).output().unwrap();
    let (status, _, answer) = ask(&node.site, "GET", "/api/v1/conflicts/999", Some(&key), "").unwrap();
    for said in [text(&out), answer] {
        assert!(said.contains("there is no conflict `999`"), "{said}");
    }
    assert_eq!((out.status.code(), status), (Some(1), 404));
    let shown = |path: &str, form: &str| ways.person.post(path, form).body.replace("<code class=\"inline\">", "`").replace("</code>", "`");
    assert!(shown("/replay", "run=x&why=not+done").contains("there is no run `x`"));
    assert!(shown("/conflicts/resolve", "id=x&take=syspro&why=not+done").contains("there is no conflict `x`"));
    let none = shown("/conflicts/resolve", "take=syspro&why=not+done");
    assert!(none.contains("no entry is selected") && !none.contains("`ids`"), "{none}");
    let keys: Vec<String> = (0..1001).map(|key| key.to_string()).collect();
    let command: Vec<&str> = ["hold", "EDU1", "supplier", "--why", why].into_iter().chain(keys.iter().map(String::as_str)).collect();
    ways.refused_by_all_three(
        &command,
        ("/api/v1/records/hold", json!({ "company": "EDU1", "entity": "supplier", "keys": keys, "why": why })),
        None,
        "must name 1 to 1000 records, got 1001",
        (2, 400),
    );
    // records of a company that is no longer configured are history: no selection sends them
    for (command, api, form) in [
        ("--company 1", json!({ "company": "1" }), "company=1"),
        ("--company 1 --entity supplier --failed-only", json!({ "company": "1", "failed_only": true }), "company=1&failed_only=yes"),
    ] {
        let mut api = api;
        api["why"] = json!(why);
        let command: Vec<&str> = ["replay", "--why", why].into_iter().chain(command.split(' ')).collect();
        let what = "there is no company `1`";
        ways.refused_by_all_three(&command, ("/api/v1/replay", api), Some(("/replay", &format!("{form}&why=not+done"))), what, (2, 422));
    }
    let run = world.database.psql("SELECT id FROM run WHERE company = '1' AND entity = 'supplier' LIMIT 1");
    let (status, _, answer) =
        ask(&node.site, "POST", "/api/v1/replay", Some(&key), &json!({ "run": run, "why": "an old run" }).to_string()).unwrap();
    assert!(status == 202 && serde_json::from_str::<Value>(&answer).unwrap()["documents"] == 0, "{status} {answer}");
    let held = world.database.psql("SELECT min(key) FROM document WHERE company = '1' AND entity = 'supplier'");
    for action in ["hold", "release"] {
        let out = node.command(&world, &[action, "1", "supplier", &held, "--why", "of old"]).output().unwrap();
        assert!(out.status.success(), "{action} sends nothing: {}", text(&out));
    }
    assert_eq!(of_other_company(), others, "nothing became of them");
    // the title says what is wrong, too
    let title = |body: Value| {
        let answer = ask(&node.site, "POST", "/api/v1/replay", Some(&key), &body.to_string()).unwrap().2;
        serde_json::from_str::<Value>(&answer).unwrap()["title"].as_str().unwrap().to_owned()
    };
    assert_eq!(title(json!({ "why": why })), "the request would apply to everything");
    assert!(title(json!({ "why": why, "outdated": true, "key": "7" })).contains("contradicts itself"));
    assert_eq!(rows(), "0");
    // a reason of blanks, or of more than 1,000 characters, is none on any of them
    for (why, what) in [(" ", "give a short reason"), (&*"x".repeat(1001), "1000 characters")] {
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

    // the command runs flows in a process of its own, beside the service
    run("supplier", &|why| {
        wait_for("it is run by the command line", Duration::from_secs(60), || {
            node.command(&world, &["sync", "--company", "EDU1", "--entity", "supplier", "--why", why]).output().unwrap();
            let asked = format!("SELECT count(*) FROM audit WHERE kind = 'action' AND detail LIKE '%{why}%'");
            (world.database.psql(&asked) == "1").then_some(())
        });
    });

    // diagnostics: one at a time in a process, and the audit has each request
    let diagnosed = |how: &str| {
        let sql = "SELECT detail FROM audit WHERE kind = 'action' AND detail LIKE '%\"action\":\"doctor\"%' AND detail LIKE '%HOW%'";
        world.database.psql(&sql.replace("HOW", how)).replace(how, "WHY")
    };
    let idle = || {
        let (_, _, answer) = ask(&node.site, "GET", "/api/v1/doctor", Some(&key), "").unwrap();
        serde_json::from_str::<Value>(&answer).is_ok_and(|answer| answer["state"] != "running")
    };
    let (status, _, answer) =
        ask(&node.site, "POST", "/api/v1/doctor", Some(&key), &json!({ "why": "doctor api", "read_only": true }).to_string()).unwrap();
    assert_eq!(status, 202, "{answer}");
    wait_for("the diagnostics of the API have ended", Duration::from_secs(120), || idle().then_some(()));
    assert_eq!(ways.person.post("/doctor", "why=doctor+form&read_only=yes").status, 303);
    wait_for("the diagnostics of the console have ended", Duration::from_secs(120), || idle().then_some(()));
    let by_command = diagnosed("why a doctor");
    assert!(by_command.contains("\"read_only\":true"), "{by_command}");
    assert_eq!([diagnosed("doctor api"), diagnosed("doctor form")], [by_command.clone(), by_command]);

    // pauses that ServiceNow asked for: the console has no form for it
    let resumed = |why: &str| {
        let sql = format!("SELECT detail FROM audit WHERE kind = 'action' AND detail LIKE '%resume sending%' AND detail LIKE '%{why}%'");
        world.database.psql(&sql).replace(why, "WHY")
    };
    let out = node.command(&world, &["resume", "--why", "resume cli"]).output().unwrap();
    assert!(out.status.success() && text(&out).contains("there is nothing to resume"), "{}", text(&out));
    let (status, _, answer) =
        ask(&node.site, "POST", "/api/v1/sending/resume", Some(&key), &json!({ "why": "resume api" }).to_string()).unwrap();
    assert!(status == 200 && answer.contains("\"pauses\":0"), "{status} {answer}");
    assert!(!resumed("resume cli").is_empty(), "nothing in the audit");
    assert_eq!(resumed("resume api"), resumed("resume cli"));

    // where a record is: the same sentence everywhere, also of one that was never read
    let explanation = |key: &str| {
        let out = node.command(&world, &["record", "EDU1", "supplier", key]).output().unwrap();
        let (status, _, answer) = ask(&node.site, "GET", &format!("/api/v1/records/EDU1/supplier/{key}"), Some(&ways.key), "").unwrap();
        let page = ways.person.get(&format!("/records/EDU1/supplier/{key}"));
        (text(&out), status, answer, page.status, page.body)
    };
    let (command, status, answer, page_status, page) = explanation(suppliers[0]);
    assert_eq!((status, page_status), (200, 200));
    let sentence = serde_json::from_str::<Value>(&answer).unwrap()["explanation"].as_str().unwrap().to_owned();
    // a page shows times in the reader's zone
    let (before, after) = (sentence.split(" 20").next().unwrap(), sentence.rsplit('Z').next().unwrap());
    assert!(command.contains(&sentence) && page.contains(before) && page.contains(after), "{sentence}\n{command}\n{page}");
    let (command, status, answer, page_status, page) = explanation("nobody");
    assert_eq!((status, page_status), (404, 404));
    for said in [&command, &answer, &page] {
        assert!(said.contains("was never read: SYSPRO does not have it") || said.contains("never read: SYSPRO does not have it"), "{said}");
    }
}
