//! Keys that are longer than allowed: rows after them cannot be requested, and rows after the last usable key can come a second time.

use super::*;

#[test]
fn keys_that_are_too_long_come_once_each_wherever_they_are() {
    let long = ["A".repeat(3000), "K".repeat(3000), "L".repeat(2600), "\u{e9}".repeat(1500), "\u{e9}a".repeat(900)];
    let short: Vec<String> = (0..6).map(|i| format!("B{i:03}")).chain((0..6).map(|i| format!("S{i:03}"))).collect();
    let mut expected: Vec<&String> = long.iter().chain(&short).collect();
    expected.sort();
    let rows: Vec<String> = expected.iter().map(|key| format!(r#"{{"K":"{key}","V":1}}"#)).collect();
    for (cap, limit) in [(500, 500), (500, 3), (500, 1), (6, 500), (8, 4)] {
        let mut tables = Tables::default().with("T", &format!("[{}]", rows.join(",")));
        tables.cap = Some(cap);
        let server = Server::start(tables);
        run(&server.settings(), &plan(table("T", "K", "V")), ReadScope::All, limit, |documents, _| {
            let mut keys: Vec<&str> = documents.iter().map(|document| document.key.as_str()).collect();
            keys.sort_unstable();
            let shown = |keys: &[&str]| keys.iter().map(|key| key.chars().take(5).collect::<String>()).collect::<Vec<_>>();
            let all: Vec<&str> = expected.iter().map(|key| key.as_str()).collect();
            assert_eq!(shown(&keys), shown(&all), "{cap} rows an answer, {limit} a page");
            assert!(documents.iter().all(|document| document.faults.is_empty()), "{cap} rows an answer, {limit} a page");
        });
    }
}
