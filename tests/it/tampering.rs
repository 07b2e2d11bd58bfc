//! Somebody with all rights on the database changes what happened: `audit verify` finds each change, or what was kept outside shows it.

mod drawn;
mod large;
mod new_key;
mod outside;
mod rotation;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tieline::evidence::directory;
use tieline::evidence::head::AuditHead;
use tieline::store::{SealReport, Store};

use crate::binary::{text, wait_until};
use crate::support::database::{Database, settings};
use crate::support::run;
use crate::support::world::{COMPANY, Ledger, World};

/// The time of an event as its line has it.
const WRITTEN: &str = "'\"at\":\"' || to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || 'Z\"'";

/// A finished load whose first half was three days ago and whose second half was yesterday, signed and exported.
struct Signed {
    world: World,
    kept: PathBuf,
}

impl Signed {
    fn start() -> Self {
        Self::of(World::start())
    }

    fn of(world: World) -> Self {
        let signed = Self { kept: world.site.path("kept"), world };
        for arguments in [
            &["api-key", "add", "anna", "--role", "viewer"][..],
            &["api-key", "add", "bert", "--role", "operator"],
            &["flow", "pause", COMPANY, "gl_posting", "--why", "a test"],
            &["flow", "resume", COMPANY, "gl_posting", "--why", "a test"],
        ] {
            signed.said(0, arguments);
        }
        let ago = "(at - CASE WHEN id < (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM event) THEN 3 ELSE 1 END * interval '1 day')";
        signed.psql("DELETE FROM audit_seal; DELETE FROM audit_leaf; DELETE FROM audit_day");
        signed.psql(&format!(
            "UPDATE event SET at = {ago}, line = replace(line, {}, {})",
            WRITTEN.replace("{at}", "at"),
            WRITTEN.replace("{at}", ago)
        ));
        signed.seal();
        let export = ["audit", "export", "--to", signed.kept.to_str().unwrap()];
        let out = signed.json(0, &export);
        assert!(out["days"] == 4 && out["provisional"].is_string() && out["leaves"].as_i64().unwrap() > 20, "{out}");
        // what a person did today has a seal of its own
        signed.seal();
        signed.said(0, &["flow", "pause", COMPANY, "gl_posting", "--why", "a test"]);
        signed.seal();
        signed.said(0, &export);
        signed
    }

    /// Seals until nothing is left: a transaction in another test's database delays it.
    fn seal(&self) {
        wait_until("everything is sealed", || {
            self.said(0, &["audit", "seal"]);
            self.json(0, &["audit", "verify"])["unsealed"] == 0
        });
    }

    fn database(&self) -> &Database {
        let Ledger::Shared(database) = &self.world.database else { panic!("the shared server") };
        database
    }

    fn psql(&self, sql: &str) -> String {
        self.world.database.psql(sql)
    }

    fn said(&self, code: i32, arguments: &[&str]) -> String {
        let out = self.world.command(arguments).output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
        text(&out)
    }

    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let out = self.world.command(&[arguments, &["--output", "json"]].concat()).output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// The heads of the manifests that were kept.
    fn heads(&self) -> Vec<AuditHead> {
        let kept = directory::manifests(&self.kept, None).unwrap().unwrap();
        kept.iter().map(|kept| AuditHead { leaf: kept.manifest.last_leaf, root: kept.manifest.root }).collect()
    }
}

fn verify(database: &Database, heads: Vec<AuditHead>) -> SealReport {
    let store = Store::connect(&settings(), &database.url()).unwrap();
    run(store.audit_verify_against(heads)).unwrap()
}

/// The script of an export.
fn script(directory: &Path) -> (bool, String) {
    let out = Command::new("sh").arg(directory.join("verify.sh")).output().unwrap();
    (out.status.success(), text(&out))
}

/// `audit verify` of an export, without a configuration and without a ledger.
fn offline(directory: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
    let out = command.args(["audit", "verify"]).arg(directory).current_dir("/").env_clear().output().unwrap();
    (out.status.success(), text(&out))
}

#[test]
fn an_export_is_checked_by_a_shell_script_and_offline() {
    let signed = Signed::start();
    let (kept, said) = (signed.kept.as_path(), |arguments: &[&str]| signed.said(0, arguments));
    for (good, said) in [script(kept), offline(kept)] {
        assert!(good && said.contains("provisional"), "{said}");
    }
    let names: Vec<String> = std::fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 4 * 3 + 2, "{names:?}");
    // the private key is nowhere in clear
    let stored = signed.psql("SELECT username || ' ' || length(ciphertext) FROM credential WHERE name = 'audit-signing'");
    assert!(stored.starts_with("ssh-ed25519 AAAA"), "{stored}");

    // the ledger agrees with what was kept, and with its own head
    let head = said(&["audit", "head"]);
    let head = head.lines().next().unwrap();
    assert!(said(&["audit", "verify", "--kept", kept.to_str().unwrap(), "--head", head]).contains("contains all 5 heads"));
    let wrong = format!("{}:{}", head.split_once(':').unwrap().0, "0".repeat(64));
    assert!(signed.said(1, &["audit", "verify", "--head", &wrong]).contains("other leaves than the head"));

    // the leaves of one record stand in the files of the days
    let supplier = signed.psql("SELECT key FROM document WHERE entity = 'supplier' ORDER BY key LIMIT 1");
    let to = kept.to_str().unwrap();
    let part = said(&["audit", "export", "--to", to, "--company", COMPANY, "--entity", "supplier", "--key", &supplier]);
    assert!(part.contains("This is a part"), "{part}");
    let (good, shown) = offline(kept);
    assert!(good && shown.contains("stand in the files of the days; the days of 0 are not here"), "{shown}");

    // again into the same directory, once nothing new happened to the days that have ended
    said(&["audit", "export", "--to", to]);
    // what an outsider with the files changes is found by both
    let day = signed.psql("SELECT min(day) FROM audit_day");
    for (file, from, into) in [
        (format!("{day}.jsonl"), "\"kind\":\"", "\"kind\": \""),
        (format!("{day}.manifest"), "root ", "root 0"),
        (format!("{day}.manifest.sig"), "\n", "\nAAAA"),
    ] {
        let path = kept.join(&file);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, whole.replacen(from, into, 1)).unwrap();
        for (good, said) in [script(kept), offline(kept)] {
            assert!(!good && said.contains(&file[..10]), "{file}: {said}");
        }
        std::fs::write(&path, whole).unwrap();
    }
    let quiet = format!("{}.manifest", signed.psql("SELECT day FROM audit_day ORDER BY day OFFSET 1 LIMIT 1"));
    std::fs::remove_file(kept.join(&quiet)).unwrap();
    std::fs::remove_file(kept.join(quiet.replace(".manifest", ".jsonl"))).unwrap();
    for (good, said) in [script(kept), offline(kept)] {
        assert!(!good && said.contains("missing"), "{said}");
    }
}

#[test]
fn a_key_that_is_added_while_the_audit_is_verified_is_no_change() {
    let signed = Signed::start();
    // all events are read by then
    let mut command = signed.world.command(&["audit", "verify"]);
    let mut child = command.env("TIELINE_FAILPOINT", "stop@ledger:list_API_keys:*").spawn().unwrap();
    let status = format!("/proc/{}/stat", child.id());
    wait_until("it is stopped", || std::fs::read_to_string(&status).is_ok_and(|text| text.contains(") T ")));
    signed.said(0, &["api-key", "add", "dora", "--role", "viewer"]);
    signed.said(0, &["api-key", "remove", "anna"]);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    assert!(child.wait().unwrap().success());
    // a key without an event is one
    signed.psql("INSERT INTO api_key (name, role, prefix, hash) VALUES ('mallory', 'admin', 'x', '')");
    assert!(signed.said(1, &["audit", "verify"]).contains("`mallory` is there, and no event says that it was added"));
}

#[test]
fn a_node_of_an_earlier_release_is_told_why_it_cannot_seal() {
    let database = run(Database::migrated());
    // as the release before leaves wrote a seal
    let refused = database
        .try_psql("INSERT INTO audit_seal (id, life, from_xid, to_xid, rows, previous, hash) VALUES (1, 1, 0, 9, 1, '', '')")
        .unwrap_err();
    assert!(refused.contains("earlier release of Tieline") && refused.contains("stop it and start it with the release"), "{refused}");
    // and this release says so once it is the earlier one
    let store = Store::connect(&settings(), &database.url()).unwrap();
    assert_eq!(run(store.schema_unknown()).unwrap(), None);
    database.psql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')");
    assert_eq!(run(store.schema_unknown()).unwrap().as_deref(), Some("29991231000000"));
}

/// Who finds a change.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    /// The ledger itself.
    Inside,
    /// Only what was kept outside.
    Outside,
}

use Found::{Inside, Outside};

/// One event of the second day with a document, as a condition.
const VICTIM: &str = "id = (SELECT max(id) FROM event WHERE kind = 'version_read')";
/// A confirmed one.
const ARRIVED: &str = "id = (SELECT max(id) FROM event WHERE kind = 'confirmed')";
/// The hash of the newest seal, over what it says now.
const RESEAL: &str = "UPDATE audit_seal s SET hash = sha256(convert_to(format('{\"seal\":%s,\"life\":%s,\"day\":\"%s\",\"first_leaf\":%s,\"last_leaf\":%s,\
    \"rows\":%s,\"from\":[%s,%s],\"to\":[%s,%s],\"at\":\"%s\",\"mark\":null,\"previous\":\"%s\",\"peaks\":\"%s\"}', id, life, day, first_leaf, last_leaf, rows, \
    from_xid, from_id, to_xid, to_id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), encode(previous, 'hex'), encode(peaks, 'hex')), 'UTF8')) \
    WHERE id = (SELECT max(id) FROM audit_seal)";
/// Everything that says what is sealed.
const NO_SEALS: &str = "DELETE FROM audit_seal; DELETE FROM audit_leaf; DELETE FROM audit_day";

/// The events that name signed days.
const NO_NOTES: &str = "DELETE FROM event WHERE kind = 'action' AND line LIKE '%\"audit day\"%'";

fn changes() -> Vec<(&'static str, Found, String)> {
    let event = |set: &str| format!("UPDATE event SET {set} WHERE {VICTIM}");
    let seal = |set: &str| format!("UPDATE audit_seal SET {set} WHERE id = (SELECT max(id) FROM audit_seal)");
    let newest = "(SELECT first_leaf FROM audit_seal WHERE first_leaf <= last_leaf ORDER BY id DESC LIMIT 1)";
    let inserted = |id: &str, xid: &str| {
        format!(
            "INSERT INTO event (id, at, xid, life, kind, company, entity, batch_id, run_id, actor, documents, records, line) \
             SELECT {id}, at, {xid}, life, kind, company, entity, batch_id, run_id, actor, documents, records, \
             replace(replace(line, '\"id\":' || id, '\"id\":' || {id}), '\"xid\":' || xid, '\"xid\":' || {xid}) FROM event WHERE {VICTIM}"
        )
    };
    let both = |column: &str, from: &str, into: &str| {
        format!(
            "UPDATE event SET {column} = '{into}', line = replace(line, '\"{column}\":\"{from}\"', '\"{column}\":\"{into}\"') WHERE {ARRIVED}"
        )
    };
    vec![
        // a value moves between columns, a text across a separator
        ("entity takes the company", Inside, "UPDATE event SET entity = company, company = NULL WHERE id = (SELECT max(id) FROM event WHERE company IS NOT NULL)".into()),
        ("the run becomes the batch", Inside, event("batch_id = run_id, run_id = NULL")),
        ("another actor", Inside, event("actor = 'tieline|{}'")),
        ("another time", Inside, event("at = at + interval '1 microsecond'")),
        ("another kind", Inside, event("kind = 'action'")),
        ("another number of records", Inside, event("records = records + 1")),
        ("another document", Inside, event("documents = documents || 42::bigint")),
        ("another transaction", Inside, event("xid = xid + 1")),
        ("another life", Inside, event("life = 2")),
        ("two events change their numbers", Inside, "CREATE TABLE two AS SELECT leaf, event_id FROM audit_leaf WHERE leaf IN (3, 4); DELETE FROM audit_leaf WHERE leaf IN (3, 4); \
             INSERT INTO audit_leaf SELECT 7 - leaf, event_id FROM two; DROP TABLE two".into()),
        ("column and line change together", Inside, both("actor", "tieline", "nobody")),
        ("a version in the line", Inside, event("line = replace(line, '\"version\":1', '\"version\":2')")),
        ("a space in the line", Inside, event("line = replace(line, '\"records\":', '\"records\": ')")),
        ("a line that is no JSON", Inside, event("line = line || '}'")),
        // events come and go
        ("an event is gone", Inside, format!("DELETE FROM event WHERE {VICTIM}")),
        ("an event and its leaf are gone", Inside, format!("DELETE FROM audit_leaf WHERE event_id = (SELECT id FROM event WHERE {VICTIM}); DELETE FROM event WHERE {VICTIM}")),
        ("all events are gone", Inside, "DELETE FROM event".into()),
        ("an event is put among others", Inside, inserted("id + 1", "xid")),
        ("an event is put below the first seal", Inside, inserted("-7", "3")),
        ("an event is put behind an empty seal", Inside, format!(
            "INSERT INTO audit_seal (id, life, day, first_leaf, last_leaf, rows, from_xid, from_id, to_xid, to_id, previous, peaks, hash) \
             SELECT id + 1, life, day, last_leaf + 1, last_leaf, 0, to_xid, to_id, to_xid + 1000, to_id, hash, peaks, hash FROM audit_seal ORDER BY id DESC LIMIT 1; \
             {RESEAL}; {}",
            inserted("id + 1", "(SELECT max(to_xid) - 500 FROM audit_seal)")
        )),
        ("a count in a seal, and its hash is made again", Inside, format!("{}; {RESEAL}", seal("rows = rows + 1"))),
        ("the end of a seal, and its hash is made again", Inside, format!("{}; {RESEAL}", seal("to_xid = from_xid, to_id = from_id + 1"))),
        ("a leaf beyond the last seal", Inside, format!("{}; INSERT INTO audit_leaf SELECT max(leaf) + 1, (SELECT id + 1 FROM event WHERE {VICTIM}) FROM audit_leaf", inserted("id + 1", "(SELECT max(xid) + 1 FROM event)"))),
        // seals
        ("a seal's count", Inside, seal("rows = rows + 1")),
        ("a seal's time", Inside, seal("at = at + interval '1 microsecond'")),
        ("a seal's day", Inside, seal("day = day + 1")),
        ("a seal's bounds", Inside, seal("to_xid = to_xid + 1")),
        ("a seal's place in a transaction", Inside, seal("from_id = from_id + 1")),
        ("a seal's last leaf", Inside, seal("last_leaf = last_leaf - 1")),
        ("a seal's tree", Inside, seal("peaks = set_byte(peaks, 0, 1 - least(get_byte(peaks, 0), 1))")),
        ("a seal's mark", Inside, seal("mark = 'the ledger was restored'")),
        ("a seal's hash", Inside, seal("hash = sha256(hash)")),
        ("the first seal is gone", Inside, "DELETE FROM audit_seal WHERE id = (SELECT min(id) FROM audit_seal)".into()),
        ("the last seal is gone, and its leaves are not", Inside, "DELETE FROM audit_seal WHERE id = (SELECT max(id) FROM audit_seal)".into()),
        ("a seal says that its events were removed", Inside, seal("removed_at = now()")),
        ("all seals are gone", Inside, "DELETE FROM audit_seal".into()),
        ("all seals and leaves are gone", Inside, "DELETE FROM audit_seal; DELETE FROM audit_leaf".into()),
        // the newest seals with all that they cover, signed days among it
        ("yesterday is gone", Inside, "DELETE FROM event e USING audit_leaf l, audit_seal s WHERE l.event_id = e.id AND l.leaf >= s.first_leaf AND s.day >= current_date - 1; \
             DELETE FROM audit_leaf l USING audit_seal s WHERE l.leaf >= s.first_leaf AND s.day >= current_date - 1; DELETE FROM audit_seal WHERE day >= current_date - 1".into()),
        // what follows from nothing inside: the head that was kept shows it
        ("today's end is gone with its seal", Outside, format!("CREATE TABLE cut AS SELECT {newest} AS leaf; DELETE FROM event e USING audit_leaf l, cut WHERE l.event_id = e.id AND l.leaf >= cut.leaf; \
             DELETE FROM audit_leaf USING cut WHERE audit_leaf.leaf >= cut.leaf; DELETE FROM audit_seal USING cut WHERE first_leaf >= cut.leaf; DROP TABLE cut")),
        ("an edit, and everything that was sealed is gone", Inside, format!("{NO_SEALS}; {}", both("actor", "tieline", "nobody"))),
        ("an edit, and everything that was sealed is gone with the events of its signing", Outside, format!("{NO_SEALS}; {NO_NOTES}; {}", both("actor", "tieline", "nobody"))),
        // signed days
        ("a signed day is gone", Inside, "DELETE FROM audit_day WHERE day = (SELECT min(day) FROM audit_day)".into()),
        ("a manifest says another number", Inside, "UPDATE audit_day SET manifest = replace(manifest, 'configuration ', 'configuration 0') WHERE day = (SELECT max(day) FROM audit_day)".into()),
        ("a manifest takes the place of another", Inside, "UPDATE audit_day d SET manifest = o.manifest, signature = o.signature FROM audit_day o WHERE d.day = (SELECT max(day) FROM audit_day) AND o.day = (SELECT min(day) FROM audit_day)".into()),
        ("a signature", Inside, "UPDATE audit_day SET signature = replace(signature, E'\\n-----END', E'A\\n-----END')".into()),
        ("a key that signs", Inside, "UPDATE audit_key SET public_key = left(public_key, 40) || 'AAAA' || substr(public_key, 45)".into()),
        ("another key that signs", Inside, "INSERT INTO audit_key (fingerprint, public_key) SELECT 'SHA256:x', public_key FROM audit_key".into()),
        // what events say of other tables
        ("the content of a version", Inside, "UPDATE version SET content = replace(content, '1', '2') WHERE (document_id, version) = (SELECT document_id, version FROM version WHERE content LIKE '%1%' LIMIT 1)".into()),
        ("a version is gone", Inside, "DELETE FROM version WHERE document_id = (SELECT min(document_id) FROM version)".into()),
        ("who asked for a run", Inside, "UPDATE run SET requested_by = 'nobody' WHERE id = (SELECT id FROM run ORDER BY id LIMIT 1)".into()),
        ("the outcome of a run", Inside, "UPDATE run SET outcome = 'failed' WHERE id = (SELECT id FROM run ORDER BY id LIMIT 1)".into()),
        ("a run has no end", Inside, "UPDATE run SET ended_at = NULL WHERE id = (SELECT id FROM run ORDER BY id LIMIT 1)".into()),
        ("a run is gone", Inside, "DELETE FROM run WHERE id = (SELECT id FROM run ORDER BY id LIMIT 1)".into()),
        ("where a record arrived", Inside, "UPDATE record SET sys_id = md5('x') WHERE (document_id, block, record_key) = (SELECT document_id, block, record_key FROM record LIMIT 1)".into()),
        ("a row where a record arrived is gone", Inside, "DELETE FROM record WHERE delivery_id = (SELECT max(delivery_id) FROM record)".into()),
        ("a row where a record arrived is of a later delivery", Inside, "UPDATE record SET delivery_id = delivery_id + 100000, sys_id = md5('x') WHERE delivery_id = (SELECT max(delivery_id) FROM record)".into()),
        ("a row that nothing arrived in", Inside, "INSERT INTO record (document_id, block, record_key, sys_id, target_table, version, delivery_id) SELECT document_id, block, 'x', md5('x'), target_table, version, delivery_id + 100000 FROM record ORDER BY delivery_id DESC LIMIT 1".into()),
        ("the fields that were sent", Inside, "UPDATE delivery SET payload = replace(payload, '1', '2') WHERE id = (SELECT max(delivery_id) FROM record)".into()),
        ("a delivery is gone", Inside, "DELETE FROM delivery WHERE id = (SELECT max(delivery_id) FROM record)".into()),
        ("the amount of a document", Inside, "UPDATE document SET amount = amount + 0.01 WHERE id = (SELECT max(id) FROM document WHERE amount IS NOT NULL)".into()),
        ("the currency of a document", Inside, "UPDATE document SET currency = 'X' WHERE id = (SELECT max(id) FROM document WHERE amount IS NOT NULL)".into()),
        ("the period of a document", Inside, "UPDATE document SET fiscal_periods = '{209901}' WHERE id = (SELECT max(id) FROM document WHERE amount IS NOT NULL)".into()),
        ("the date of a document", Inside, "UPDATE document SET dated = dated + 1 WHERE id = (SELECT max(id) FROM document WHERE dated IS NOT NULL)".into()),
        ("a version of a document that nobody read", Inside, "UPDATE document SET version = version + 1, amount = 1 WHERE id = (SELECT max(id) FROM document WHERE amount IS NOT NULL)".into()),
        ("a version that nobody read, with its document", Inside, "INSERT INTO version (document_id, version, run_id, hash, content) SELECT document_id, version + 1, run_id, hash, '{\"a\":1}' FROM version ORDER BY document_id DESC LIMIT 1; UPDATE document SET version = version + 1, amount = 1 WHERE id = (SELECT max(document_id) FROM version)".into()),
        ("a version was a deletion", Inside, "UPDATE version SET deleted = true WHERE document_id = (SELECT max(document_id) FROM version)".into()),
        ("a run that nobody began", Inside, "INSERT INTO run (id, company, entity, kind, requested_by) SELECT gen_random_uuid(), company, entity, kind, requested_by FROM run LIMIT 1".into()),
        ("the newest manifest is gone", Inside, "DELETE FROM audit_day WHERE day = (SELECT max(day) FROM audit_day)".into()),
        ("the days of a key that signs", Inside, "UPDATE audit_key SET last_day = current_date".into()),
        ("the role of a key", Inside, "UPDATE api_key SET role = 'admin' WHERE name = 'anna'".into()),
        ("the secret of a key", Inside, "UPDATE api_key SET hash = sha256(hash) WHERE name = 'anna'".into()),
        ("the end of a key", Inside, "UPDATE api_key SET expires_at = now() WHERE name = 'anna'".into()),
        ("two keys change their roles", Inside, "UPDATE api_key SET role = CASE role WHEN 'viewer' THEN 'operator' ELSE 'viewer' END".into()),
        ("a key is gone", Inside, "DELETE FROM api_key WHERE name = 'anna'".into()),
        ("a key is added", Inside, "INSERT INTO api_key (name, role, prefix, hash) VALUES ('mallory', 'admin', 'x', '')".into()),
    ]
}

#[test]
fn each_change_is_found() {
    let signed = Signed::start();
    let whole = verify(signed.database(), signed.heads());
    assert_eq!((whole.broken_at, &whole.problem, whole.known_heads, whole.days), (None, &None, 4, 3), "{whole:?}");
    assert!(whole.versions > 20, "{whole:?}");
    let mut unseen = Vec::new();
    for (name, found, sql) in changes() {
        let copy = signed.database().copy();
        copy.psql(&sql);
        if found == Outside {
            // the service seals what has no seal
            copy.wait_until_sealable();
            let store = Store::connect(&settings(), &copy.url()).unwrap();
            run(store.audit_seal()).unwrap();
        }
        let report = verify(&copy, signed.heads());
        let seen = match found {
            Inside => report.broken_at.is_some(),
            Outside => report.broken_at.is_none() && !report.other_heads.is_empty(),
        };
        println!("{name}: {:?} {:?} {:?}", report.broken_at, report.problem, report.other_heads);
        if !seen {
            unseen.push(name);
        }
    }
    assert!(unseen.is_empty(), "not found: {unseen:?}");
}

/// The hash that a test makes is the one that the program makes: otherwise such a change would be found for another reason.
#[test]
fn a_hash_that_is_made_again_is_the_same() {
    let signed = Signed::start();
    let copy = signed.database().copy();
    let hash = || copy.psql("SELECT encode(hash, 'hex') FROM audit_seal ORDER BY id DESC LIMIT 1");
    let before = hash();
    copy.psql(RESEAL);
    assert_eq!(hash(), before);
}

#[test]
fn a_gap_is_not_sealed_over() {
    let signed = Signed::start();
    let copy = signed.database().copy();
    copy.psql("DELETE FROM audit_seal WHERE id = (SELECT max(id) FROM audit_seal)");
    let store = Store::connect(&settings(), &copy.url()).unwrap();
    let refused = run(store.audit_seal()).unwrap_err().to_string();
    assert!(refused.contains("the newest leaf is"), "{refused}");
    copy.psql("DELETE FROM audit_leaf; DELETE FROM audit_seal");
    let refused = run(store.audit_seal()).unwrap_err().to_string();
    assert!(refused.contains("a signed day ends with leaf"), "{refused}");
}
