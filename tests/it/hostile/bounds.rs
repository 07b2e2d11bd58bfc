//! Limits that are settings: the rows of a list in ServiceNow, and the memory for one page of SYSPRO.

use std::net::TcpStream;
use std::sync::Arc;
use std::{fs, io};

use super::fake::{Endpoint, ReceivedRequest, json, whole};
use super::{Outcome, Row, face, judge};

fn row(
    name: &str,
    endpoint: Endpoint,
    says: &[&'static str],
    settings: &[(&'static str, &str)],
    script: impl Fn(&ReceivedRequest, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> Row {
    let settings = settings.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    Row {
        name: name.into(),
        endpoint,
        script: Arc::new(script),
        says: says.to_vec(),
        requests: 400,
        seconds: 60,
        settings,
        arrives: Vec::new(),
    }
}

fn held(row: &Row) -> Outcome {
    let outcome = face(row);
    println!("{}: exit {:?}, {} MiB, {} requests", row.name, outcome.code, outcome.memory >> 10, outcome.requests);
    let wrong = judge(row, &outcome);
    let said: String =
        outcome.said.lines().filter(|line| !line.contains("DEBUG")).collect::<Vec<_>>().join("\n").chars().take(3000).collect();
    assert!(wrong.is_empty(), "{}: {wrong:?}\n{said}", row.name);
    outcome
}

/// A list that both sides may change, of at most 1,000 rows.
fn list(name: &str, says: &[&'static str], script: impl Fn(&ReceivedRequest, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) {
    let site = tempfile::tempdir().unwrap();
    let folder = site.path().join("profiles/apo");
    fs::create_dir_all(&folder).unwrap();
    let cost = include_str!("../../../config/profiles/apo/cost_center.toml");
    fs::write(folder.join("cost_center.toml"), format!("{cost}\n[header.align]\n")).unwrap();
    let path = site.path().display().to_string();
    held(&row(name, Endpoint::Query, says, &[("DEFINITIONS__DIRECTORY", &path), ("SERVICENOW__LIST_LIMIT", "1000")], script));
}

#[test]
fn a_list_that_says_it_is_too_long_is_not_read() {
    list("a list of millions", &["5000000 rows for the list", "`servicenow.list_limit` (1000)", "Reading again does not"], |_, stream| {
        whole(stream, "200 OK", &[("Content-Type", "application/json"), ("X-Total-Count", "5000000")], b"{\"result\":[]}")
    });
}

#[test]
fn a_list_without_end_is_read_up_to_its_bound() {
    list("a list without end", &["the list has no end", "more than 1000 rows", "`servicenow.list_limit`"], |seen, stream| {
        let rows: Vec<String> =
            (1..=1000).map(|at| format!("{{\"sys_id\":\"{:032x}\",\"name\":\"x\"}}", seen.number * 1000 + at)).collect();
        json(stream, &format!("{{\"result\":[{}]}}", rows.join(",")))
    });
}

/// Cost centres with descriptions of N bytes, of which one answer has some, and a link to the rest of those that were asked for.
fn heavy(
    count: usize,
    bytes: usize,
    at_once: usize,
) -> impl Fn(&ReceivedRequest, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static {
    move |seen, stream| {
        let number = |text: &str| text.parse::<usize>().ok();
        let token = seen.option("$skiptoken");
        let (first, end) = match token.split_once('-') {
            Some((first, end)) => (number(first).unwrap(), number(end).unwrap()),
            None => {
                // beyond the last key, as the key range says it
                let last = seen.option("$filter").split('\'').find_map(|part| number(part.strip_prefix('C')?)).unwrap_or(0);
                let asked = number(seen.option("$top")).unwrap_or(1);
                (last + 1, (last + asked).min(count))
            }
        };
        let rows: Vec<String> = (first..=end)
            .take(at_once)
            .map(|at| format!("{{\"CostCentre\":\"C{at:05}\",\"Description\":\"{}\"}}", "y".repeat(bytes)))
            .collect();
        let next = first + rows.len();
        let link = if next <= end { format!(",\"@odata.nextLink\":\"BomCostCentre?$skiptoken={next}-{end}\"") } else { String::new() };
        json(stream, &format!("{{\"value\":[{}]{link}}}", rows.join(",")))
    }
}

#[test]
fn a_page_that_takes_too_much_memory_is_read_with_fewer_records() {
    let (count, name) = (10, "a page of 2 MiB where 1 is allowed");
    let outcome = held(&row(name, Endpoint::OData, &[], &[("SYSPRO__PAGE_LIMIT_MB", "1")], heavy(count, 200_000, 10)));
    let keys: Vec<String> = (1..=count).map(|at| format!("C{at:05}")).collect();
    let missing: Vec<&String> = keys.iter().filter(|key| !outcome.read.contains(key)).collect();
    assert!(missing.is_empty(), "{name}: {missing:?}");
    assert!(!outcome.said.contains("page_limit_mb"), "{name}");
    assert!(outcome.requests > 3, "{name}: {} requests: it was not read with fewer records", outcome.requests);
}

#[test]
fn a_record_that_takes_too_much_memory_alone_is_said_with_the_setting() {
    let settings = [("SYSPRO__PAGE_LIMIT_MB", "1"), ("SYSPRO__VALUE_LIMIT_KB", "8192")];
    held(&row("a row of 3 MB", Endpoint::OData, &["take more than 1 MiB", "`syspro.page_limit_mb`"], &settings, heavy(1, 3_000_000, 1)));
}
