//! A long audit is verified page by page, in memory that does not grow with it.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::binary::{Site, text};
use crate::support::database::Database;
use crate::support::run;

/// The most memory that a process has had, in MiB; 0 once it has ended.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
}

/// Verifies the ledger; answers with the seconds and the most memory in MiB.
fn verified(site: &Site, database: &Database, leaves: u64) -> (Duration, u64) {
    let mut command = site.command(&["audit", "verify", "--output", "json"]);
    command.env("TIELINE__DATABASE__URL", secrecy::ExposeSecret::expose_secret(&database.url())).stdout(Stdio::piped());
    let (begun, mut most) = (Instant::now(), 0);
    let mut child = command.spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        most = most.max(peak(child.id()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = begun.elapsed();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(report["leaves"].as_u64().unwrap() >= leaves && report["unsealed"] == 0, "{report}");
    (took, most)
}

/// `TIELINE_LARGE_AUDIT` says how many leaves; `make tamper` makes 300,000.
#[test]
fn a_large_audit_is_verified_in_memory_that_does_not_grow() {
    let leaves: u64 = std::env::var("TIELINE_LARGE_AUDIT").map_or(4_000, |text| text.parse().expect("a number"));
    let database = run(Database::migrated());
    let site = Site::alone();
    let command = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env("TIELINE__DATABASE__URL", secrecy::ExposeSecret::expose_secret(&database.url()));
        let out = command.output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", text(&out));
    };
    let add = |count: u64| {
        database.psql(&format!(
            "INSERT INTO event (id, kind, company, entity, actor, documents, records, line) \
             SELECT n.id, 'drifted', 'EDU1', 'invoice', 'tieline', '{{}}', 1, event_line(n.id, now(), 'drifted', 'EDU1', 'invoice', NULL, NULL, 'tieline', \
                    json_build_array(json_build_object('detail', json_build_object('what', repeat(md5(n.id::text), 8))))::text) \
             FROM (SELECT nextval(pg_get_serial_sequence('event', 'id')) AS id FROM generate_series(1, {count}) OFFSET 0) n"
        ));
        crate::binary::wait_until("everything is sealed", || {
            command(&["audit", "seal"]);
            database.psql("SELECT count(*) FROM event e WHERE NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id)") == "0"
        });
    };
    add(leaves / 10);
    let few = verified(&site, &database, leaves / 10);
    add(leaves - leaves / 10);
    let all = verified(&site, &database, leaves);
    println!(
        "{} leaves: {:.1} s, {} MiB; {leaves} leaves: {:.1} s, {} MiB",
        leaves / 10,
        few.0.as_secs_f32(),
        few.1,
        all.0.as_secs_f32(),
        all.1
    );
    assert!(all.1 <= few.1 + 32, "memory grows with the audit: {} MiB, then {} MiB", few.1, all.1);
}
