//! The head of the audit goes outside: as a notice, into a table of ServiceNow, and to a time-stamping authority.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;
use tieline_sim::servicenow::schema::TableSchema;

use super::{Signed, offline, script, verify};
use crate::binary::{text, wait_until};
use crate::support::node::Node;
use crate::support::receivers::Receiver;
use crate::support::world::{COMPANY, World};

const TABLE: &str = "u_audit_head";

/// A time-stamping authority: `openssl ts` behind a small web server.
struct Authority {
    directory: PathBuf,
    port: u16,
    /// Whether it answers as it should.
    works: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

fn openssl(directory: &Path, arguments: &str) -> (bool, String) {
    let out = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .output()
        .expect("`scripts/setup.sh --lints` installs openssl");
    (out.status.success(), text(&out))
}

impl Authority {
    fn start(directory: PathBuf) -> Self {
        fs::create_dir_all(&directory).unwrap();
        fs::write(
            directory.join("tsa.cnf"),
            "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\ncerts = ca.pem\nsigner_digest = sha256\n\
             default_policy = 1.2.3.4.1\ndigests = sha256\ness_cert_id_alg = sha256\n[use]\nextendedKeyUsage = critical,timeStamping\n",
        )
        .unwrap();
        fs::write(directory.join("serial"), "01\n").unwrap();
        for arguments in [
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2",
            "req -new -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=stamps",
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile tsa.cnf -extensions use -out tsa.pem",
        ] {
            let (good, said) = openssl(&directory, arguments);
            assert!(good, "{arguments}: {said}");
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (works, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (own, counted, place) = (works.clone(), asked.clone(), directory.clone());
        // it ends with the test's process
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut part = [0; 4096];
                let body = loop {
                    let Ok(read @ 1..) = stream.read(&mut part) else { break None };
                    request.extend(&part[..read]);
                    let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&request[..at]).to_ascii_lowercase();
                    let length: usize =
                        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
                    if request.len() >= at + 4 + length {
                        assert!(head.contains("content-type: application/timestamp-query"), "{head}");
                        break Some(request[at + 4..].to_vec());
                    }
                };
                let Some(body) = body else { continue };
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = if own.load(Ordering::SeqCst) {
                    fs::write(place.join("query"), body).unwrap();
                    let (good, said) = openssl(&place, "ts -reply -config tsa.cnf -queryfile query -out reply");
                    assert!(good, "{said}");
                    fs::read(place.join("reply")).unwrap()
                } else {
                    b"<html>come back later</html>".to_vec()
                };
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/timestamp-reply\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    answer.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
            }
        });
        Self { directory, port, works, asked }
    }
}

/// What `doctor` says of the heads outside: the verdict, what was found and what to do, of each place.
fn findings(node: &Node, world: &World) -> Vec<(String, String, String)> {
    let out = node.command(world, &["doctor", "--read-only", "--output", "json"]).output().unwrap();
    let all: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&out)));
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    ["head of the audit in ServiceNow", "time stamp of the audit"]
        .map(|what| {
            let finding = all.iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("{what}: {all:#?}"));
            (word(finding, "verdict"), word(finding, "found"), word(finding, "to_do"))
        })
        .to_vec()
}

/// What `audit head` says of the heads outside, by their places.
fn outside(signed: &Signed, place: &str) -> Value {
    let said = signed.json(0, &["audit", "head"]);
    said["outside"].as_array().unwrap().iter().find(|one| one["place"] == place).cloned().unwrap_or_default()
}

#[test]
fn the_head_goes_outside() {
    let world = World::with(|instance| {
        instance.tables.push(TableSchema::new(TABLE, "u_key", "u_key:text(80) u_day:date u_leaf:int u_head:text(120) u_manifest:text(64)"));
    });
    let signed = Signed::of(world.settled());
    let (web, mail) = (Receiver::web(), Receiver::mail());
    let authority = Authority::start(signed.world.site.path("authority"));
    let secret = signed.world.site.path("secret");
    fs::write(&secret, "what both know").unwrap();
    let mut set = signed.world.command(&["credential", "set", "notices-webhook", "--username", "tieline", "--password-stdin"]);
    assert!(set.stdin(fs::File::open(&secret).unwrap()).status().unwrap().success());
    let node = |fields: &str| {
        Node::new(&signed.world)
            .with("NOTICES__WEBHOOK_URLS", &format!("http://127.0.0.1:{}/hooks", web.port))
            .with("NOTICES__MAIL_SERVER", &format!("127.0.0.1:{}", mail.port))
            .with("NOTICES__MAIL_TLS", "none")
            .with("NOTICES__MAIL_FROM", "tieline@erp.example")
            .with("NOTICES__MAIL_TO", "audit@erp.example")
            .with("NOTICES__EVENTS", "audit_head")
            .with("AUDIT__HEAD_TABLE", TABLE)
            .with("AUDIT__HEAD_KEY", "u_key")
            .with("AUDIT__HEAD_FIELDS", fields)
            .with("AUDIT__TIMESTAMP_URL", &format!("http://127.0.0.1:{}/tsa", authority.port))
    };

    // a column that the table does not have, and an authority that answers with a page
    let mut wrong = node("u_day = day,u_head = head,u_nowhere = leaf");
    wrong.start_and_wait(&signed.world);
    wait_until("both have failed", || {
        ["servicenow", "timestamp"].iter().all(|place| outside(&signed, place)["tries"] == 1 && outside(&signed, place)["said"].is_string())
    });
    let (row, stamp) = (outside(&signed, "servicenow"), outside(&signed, "timestamp"));
    assert!(row["done_at"].is_null() && row["said"].as_str().unwrap().contains("u_nowhere"), "{row}");
    assert!(stamp["done_at"].is_null() && stamp["said"].as_str().unwrap().contains("no time stamp of RFC 3161"), "{stamp}");
    let key = wrong.key(&signed.world);
    let metrics = crate::http::ask(&wrong.site, "GET", "/metrics", Some(&key), "").unwrap().2;
    for place in ["servicenow", "timestamp"] {
        assert!(metrics.contains(&format!("tieline_audit_heads_total{{place=\"{place}\",put=\"failed\"}} 1")), "{place}");
    }
    assert!(signed.said(0, &["audit", "head"]).contains("is not outside (servicenow, 1 attempts)"));
    for ((verdict, found, to_do), cause) in findings(&wrong, &signed.world).iter().zip(["u_nowhere", "no time stamp of RFC 3161"]) {
        assert_eq!(verdict, "warning", "{found}");
        assert!(found.starts_with("1 of the newest days are not there") && found.contains(cause), "{found}");
        assert!(to_do.contains("[audit]"), "{to_do}");
    }
    assert_eq!(wrong.terminate(), Some(0));
    assert_eq!(signed.psql("SELECT count(*) FROM audit WHERE detail LIKE '%audit head not outside%'"), "2");

    // corrected; the time of the next attempt has come
    authority.works.store(true, Ordering::SeqCst);
    signed.psql("UPDATE audit_outside SET not_before = now()");
    let mut right = node("u_day = day,u_head = head,u_leaf = leaf,u_manifest = manifest");
    right.start_and_wait(&signed.world);
    wait_until("both are done", || ["servicenow", "timestamp"].iter().all(|place| outside(&signed, place)["done_at"].is_string()));
    wait_until("the notices came", || !web.seen().is_empty() && !mail.seen().is_empty());
    let asked = authority.asked.load(Ordering::SeqCst);
    for (verdict, found, _) in findings(&right, &signed.world) {
        assert!(verdict == "ok" && found.ends_with("is there"), "{found}");
    }

    // one row for the day, with what the ledger says
    let rows = signed.world.servicenow.rows(TABLE);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let (day, manifest) = signed
        .psql("SELECT day, encode(sha256(convert_to(manifest, 'UTF8')), 'hex') FROM audit_day ORDER BY day DESC LIMIT 1")
        .split_once('|')
        .map(|(day, hash)| (day.to_owned(), hash.to_owned()))
        .unwrap();
    let installation = signed.psql("SELECT id FROM ledger_life WHERE number = 1");
    assert_eq!((&rows[0]["u_key"], &rows[0]["u_day"], &rows[0]["u_manifest"]), (&format!("{installation}/{day}"), &day, &manifest));
    // again, as after a crash between the write and its outcome: the same row
    signed.psql("UPDATE audit_outside SET done_at = NULL, not_before = now() WHERE place = 'servicenow'");
    wait_until("it is done again", || outside(&signed, "servicenow")["done_at"].is_string());
    assert_eq!(right.terminate(), Some(0));
    assert_eq!(signed.world.servicenow.count(TABLE), 1);
    assert_eq!(authority.asked.load(Ordering::SeqCst), asked, "a token is asked for once");

    // each of the heads outside is one of the audit: that of the table, of the webhook and of the mail
    let told: Value = serde_json::from_str(web.seen()[0].split_once("\r\n\r\n").unwrap().1).unwrap();
    let said = told["notices"][0]["examples"][0]["said"].as_str().unwrap().to_owned();
    assert_eq!(told["notices"][0]["event"], "audit_head");
    let of_notice = said.split_once("head ").unwrap().1.split(',').next().unwrap().to_owned();
    assert!(mail.seen()[0].replace("=\r\n", "").replace("\r\n", "").contains(&of_notice[..40]), "{}", mail.seen()[0]);
    assert_eq!(rows[0]["u_head"], of_notice);
    assert!(signed.said(0, &["audit", "verify", "--head", &of_notice]).contains("contains all 1 head"));

    // an auditor checks the token with stock tools
    let to = signed.kept.to_str().unwrap();
    signed.said(0, &["audit", "export", "--to", to]);
    for (good, said) in [script(&signed.kept), offline(&signed.kept)] {
        assert!(good, "{said}");
    }
    let check = |manifest: &str| {
        openssl(
            &signed.kept,
            &format!("ts -verify -data {manifest} -in {day}.tsr -CAfile {}", authority.directory.join("ca.pem").display()),
        )
    };
    let (good, said) = check(&format!("{day}.manifest"));
    assert!(good && said.contains("Verification: OK"), "{said}");
    let other = signed.psql("SELECT min(day) FROM audit_day");
    assert!(!check(&format!("{other}.manifest")).0);
    fs::rename(signed.kept.join(format!("{day}.tsr")), signed.kept.join(format!("{other}.tsr"))).unwrap();
    let (good, said) = offline(&signed.kept);
    assert!(!good && said.contains("not of the SHA-256"), "{said}");
    let whole = verify(signed.database(), Vec::new());
    assert_eq!((whole.problem, whole.stamped), (None, 1));
    let copy = signed.database().copy();
    copy.psql("UPDATE audit_outside SET token = substr(token, 1, 40) WHERE token IS NOT NULL");
    assert!(verify(&copy, Vec::new()).problem.unwrap().contains("time stamp"));
}

/// How many heads wait for ServiceNow and for the authority, by a scrape.
fn waiting(node: &Node) -> [i64; 2] {
    let (_, scraped) = node.get("/metrics").unwrap();
    ["servicenow", "timestamp"].map(|place| {
        let series = format!("\ntieline_audit_heads_waiting{{place=\"{place}\"}} ");
        let (_, rest) = scraped.split_once(&series).unwrap_or_else(|| panic!("no series for {place}: {scraped}"));
        rest.lines().next().unwrap().parse().unwrap()
    })
}

#[test]
fn a_place_outside_that_does_not_answer_or_asks_for_a_pause_delays_no_seal() {
    let world = World::with(|instance| instance.tables.push(TableSchema::new(TABLE, "u_key", "u_key:text(80) u_head:text(120)")));
    let signed = Signed::of(world.settled());
    // an authority that takes requests, and never answers
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let asked = Arc::new(AtomicU64::new(0));
    let counted = asked.clone();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in silent.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    // another node was asked for a pause
    signed.psql(
        "INSERT INTO node (incarnation, name, seen_at, batch_size, concurrency, breaker, paused_until, pause_asked, pause_began) \
         VALUES (gen_random_uuid(), 'other', now(), 1, 1, 'closed', now() + interval '1 hour', 3600, now() + interval '1 second')",
    );
    let mut node = Node::new(&signed.world)
        .with("AUDIT__HEAD_TABLE", TABLE)
        .with("AUDIT__HEAD_KEY", "u_key")
        .with("AUDIT__HEAD_FIELDS", "u_head = head")
        .with("AUDIT__TIMESTAMP_URL", &format!("http://127.0.0.1:{port}/tsa"))
        // longer than the test waits for anything
        .with("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "600");
    node.start_and_wait(&signed.world);
    // the head of the newest day is due at both places before either was tried, and while one is silent and the other one must wait
    assert_eq!(waiting(&node), [1, 1]);
    wait_until("the authority was asked", || asked.load(Ordering::SeqCst) > 0);
    assert_eq!(waiting(&node), [1, 1]);
    signed.said(0, &["flow", "pause", COMPANY, "gl_posting", "--why", "while it is silent"]);
    wait_until("what happened meanwhile is sealed", || signed.json(0, &["audit", "verify"])["unsealed"] == 0);
    let row = outside(&signed, "servicenow");
    assert!(signed.world.servicenow.count(TABLE) == 0 && row["tries"] != 1, "nothing is written during a pause: {row}");
    signed.psql("DELETE FROM node WHERE name = 'other'");
    wait_until("the pause is over, and the head is there", || outside(&signed, "servicenow")["done_at"].is_string());
    assert_eq!(signed.world.servicenow.count(TABLE), 1);
    // one is done, and the other one waits on
    wait_until("the metric says so", || waiting(&node) == [0, 1]);
    // days before it for which the place was not reached, and one that is too long ago to be tried
    signed.psql(
        "INSERT INTO audit_outside (day, place, not_before)
         SELECT max(day) - n, 'servicenow', now() + interval '1 hour' FROM audit_day, unnest('{2,9}'::integer[]) n GROUP BY n",
    );
    wait_until("another day waits", || waiting(&node) == [1, 1]);
    node.kill();
}
