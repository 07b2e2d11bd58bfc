//! A real Prometheus scrapes the running service: the rules are valid, each alert fires when it should, and every query of the dashboard
//! returns data.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::binary::free_port;
use crate::support::node::{Node, wait_for};
use crate::support::world::World;

const LIMIT: Duration = Duration::from_secs(60);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Prometheus' own programs: from the path, or unpacked by the set-up.
fn program(name: &str) -> PathBuf {
    let unpacked = root().join("target/tools/usr/bin").join(name);
    let found = std::env::var_os("PATH").and_then(|path| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.exists()));
    found.or_else(|| unpacked.exists().then_some(unpacked)).unwrap_or_else(|| {
        panic!(
            "`{name}` is not there; `scripts/setup.sh --lints` unpacks it from Debian's package prometheus, elsewhere put it on the PATH"
        )
    })
}

fn promtool(arguments: &[&str]) {
    let out = Command::new(program("promtool")).args(arguments).current_dir(root().join("deploy/prometheus")).output().unwrap();
    assert!(
        out.status.success(),
        "promtool {arguments:?}: {}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

fn dashboard() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("deploy/grafana/tieline.json")).unwrap()).unwrap()
}

/// What the dashboard asks: the panel's title, and the query as Grafana would send it when everything is shown.
fn queries() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let of = |panel: &Value| -> Vec<(String, String)> {
        let title = panel["title"].as_str().unwrap().to_owned();
        let exprs = panel["targets"].as_array().into_iter().flatten().map(|target| target["expr"].as_str().unwrap());
        exprs
            .map(|expr| (title.clone(), expr.replace("$company", ".*").replace("$entity", ".*").replace("$__rate_interval", "30s")))
            .collect()
    };
    panels.iter().flat_map(of).collect()
}

#[test]
fn the_rules_are_sound_and_each_alert_has_its_test_and_its_page() {
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["test", "rules", "alerts.test.yml"]);
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let (rules, tests, runbook) =
        (read("deploy/prometheus/alerts.yml"), read("deploy/prometheus/alerts.test.yml"), read("docs/runbook.md"));
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}\n        exp_alerts:\n          -")), "no test sees {alert} come");
        assert!(runbook.contains(&format!("\n## {alert}\n")), "docs/runbook.md says nothing of {alert}");
        assert!(rules.contains(&format!("docs/runbook.md#{}\"", alert.to_lowercase())), "{alert} does not lead to its page");
    }
}

#[test]
fn only_metrics_that_exist_are_asked_for() {
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let rules = std::fs::read_to_string(root().join("deploy/prometheus/alerts.yml")).unwrap();
    let asked: String = queries().into_iter().map(|(_, query)| query + "\n").collect();
    let names: BTreeSet<&str> = [rules.as_str(), asked.as_str()]
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|word| word.starts_with("tieline_"))
        .collect();
    for name in names {
        let base = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(page.contains(&format!("`{base}`")), "`{name}` is not declared");
    }
}

/// A Prometheus that scrapes one service every second; killed when dropped.
struct Prometheus {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(service: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let shipped = std::fs::read_to_string(root().join("deploy/prometheus/prometheus.yml")).unwrap();
        let own = shipped
            .replace("127.0.0.1:8650", &format!("127.0.0.1:{service}"))
            .replace("scrape_interval: 30s", "scrape_interval: 1s\n  scrape_timeout: 1s")
            .replace("evaluation_interval: 30s", "evaluation_interval: 1s")
            .replace("- alerts.yml", &format!("- {}", root().join("deploy/prometheus/alerts.yml").display()));
        std::fs::write(directory.path().join("prometheus.yml"), own).unwrap();
        let port = free_port();
        let child = Command::new(program("prometheus"))
            .arg(format!("--config.file={}", directory.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, port, _directory: directory }
    }

    /// What it answers to `GET path`; `None` while it does not.
    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        // HTTP/1.0, so that the answer comes in one piece
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The series of a query's answer.
    fn query(&self, query: &str) -> Vec<Value> {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = self.get(&format!("/api/v1/query?query={query}")).unwrap_or_default();
        assert_ne!(answer["status"], "error", "{answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_query_of_the_dashboard_answers_with_data() {
    let world = World::start();
    let mut node = Node::new(&world);
    let key = node.key(&world);
    node.start_and_wait(&world);
    let prometheus = Prometheus::scraping(node.site.port);
    wait_for("the service is scraped", LIMIT, || prometheus.query("up").iter().any(|series| series["value"][1] == "1").then_some(()));
    world.syspro.tick(6).unwrap();
    node.run_all(&key);
    let mut silent = queries();
    assert!(silent.len() > 20, "{silent:?}");
    wait_for("every query answers", LIMIT, || {
        // a quantile of nothing is not a number: something has to be going on
        world.syspro.tick(1).unwrap();
        node.run_all(&key);
        silent.retain(|(_, query)| {
            let series = prometheus.query(query);
            !series.iter().any(|series| series["value"][1].as_str().is_some_and(|value| value != "NaN"))
        });
        println!("prometheus: {} queries are silent yet: {:?}", silent.len(), silent.iter().map(|(title, _)| title).collect::<Vec<_>>());
        silent.is_empty().then_some(())
    });
    // what the service counts is what happened
    wait_for("what was confirmed is scraped", LIMIT, || {
        let confirmed = prometheus.query(r#"sum(tieline_deliveries_total{outcome="confirmed"})"#);
        (confirmed[0]["value"][1] != "0").then_some(())
    });
    let rules = prometheus.get("/api/v1/rules").unwrap();
    let healthy = rules["data"]["groups"][0]["rules"].as_array().unwrap().iter().filter(|rule| rule["health"] == "ok").count();
    assert!(healthy > 10, "{rules}");
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}
