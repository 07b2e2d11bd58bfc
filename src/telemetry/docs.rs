//! `docs/metrics.md` is generated from the declarations; `UPDATE_METRICS=1 cargo test metrics` writes it again.

use std::fmt::Write as _;
use std::path::Path;

use super::labels::{ChannelKind, DeathCause, EnetAnswer, HeadPut, Hold, Outcome, RequestStatus, RunResult, System, Telling};
use super::metrics::Metrics;
use crate::domain::delivery::{DownstreamState, FailureReason};
use crate::domain::outside::OutsidePlace;
use crate::domain::retention::KeptTable;
use crate::domain::run::RunKind;

const HEAD: &str = "# Metrics

`GET /metrics` answers in Prometheus' text format; `http.open_metrics = false` asks for a key (any
role). Every node answers for itself: what is read from the ledger (marked *ledger*) is the same on
all of them, so take its maximum, and sum the rest. `deploy/prometheus/` has a scrape configuration
and alert rules, `deploy/grafana/` a dashboard; what to do about an alert is in
[runbook.md](runbook.md).

## Lines per flow

A flow is one entity of one company. `metrics.per_flow` says which flows have lines of their own.
All other metrics have the same number of lines with any number of companies.

| `metrics.per_flow` | lines | what is shown |
|---|---|---|
| `\"all\"` | 17 per flow | Every flow. |
| `\"problems\"` | 9 per entity, and for each flow 1 per problem | Flows with a problem. |
| `\"none\"` | 17 per entity | The flows of an entity together, with `company=\"*\"`. |
| `\"auto\"` (default) | | As `\"all\"` up to 100 flows, as `\"problems\"` above. |

With `\"problems\"`:

- `tieline_flow_not_running` is there only while it is 1.
- `tieline_flow_lag_seconds` is there only from 60 s.
- `tieline_flow_last_progress_timestamp_seconds` is there for the flow of each entity that has made
  no progress for the longest time.
- `tieline_runs_total` counts failed runs by company from their first failure, and all other runs
  with `company=\"*\"`. Sums are right. An alert on failed runs does not see that other runs of the
  same flow succeeded.

With `\"none\"`, `tieline_flow_not_running` is 1 while any flow of the entity does not run, the lag is
the longest, the last progress is the oldest, and the runs are those of all companies.

## All metrics

This page is made from the declarations in `src/telemetry/metrics`; a test compares the two.

";

/// Gauges about the ledger, the same on every node.
const OF_THE_LEDGER: &[&str] = &[
    "tieline_audit_unsealed_rows",
    "tieline_conflicts",
    "tieline_deliveries_queued",
    "tieline_deliveries_unknown",
    "tieline_deliveries_waiting",
    "tieline_deliveries_on_hold",
    "tieline_deliveries_failed",
    "tieline_flow_not_running",
    "tieline_flow_lag_seconds",
    "tieline_flow_last_progress_timestamp_seconds",
    "tieline_ledger_bytes",
    "tieline_ledger_growth_bytes",
    "tieline_records_not_as_sent",
    "tieline_records_outdated",
    "tieline_tie_out_age_seconds",
    "tieline_tie_out_open_items",
    "tieline_tie_out_result",
];

/// A label's values, if they are not those of the configuration.
fn values(label: &str) -> String {
    let words = |words: Vec<&str>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match label {
        "company" => "the companies of `syspro.companies`; `*` for several companies together".into(),
        "entity" => "the definitions' entities: `invoice`, `supplier`, …".into(),
        "outcome" => words(Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect()),
        "reason" => words(FailureReason::of_failed().map(FailureReason::as_str).collect()),
        "result" => words(RunResult::ALL.iter().map(|result| result.as_str()).collect()),
        "why" => words(Hold::ALL.iter().map(|hold| hold.as_str()).collect()),
        "channel" => words(ChannelKind::ALL.iter().map(|kind| kind.as_str()).collect()),
        "place" => words(OutsidePlace::ALL.iter().map(|place| place.as_str()).collect()),
        "put" => words(HeadPut::ALL.iter().map(|put| put.as_str()).collect()),
        "telling" => words(Telling::ALL.iter().map(|telling| telling.as_str()).collect()),
        "cause" => words(DeathCause::ALL.iter().map(|cause| cause.as_str()).collect()),
        "verdict" => words(DownstreamState::ALL.iter().map(|state| state.as_str()).collect()),
        "system" => words(System::ALL.iter().map(|system| system.as_str()).collect()),
        "status" => words(RequestStatus::words().to_vec()),
        "kind" => format!(
            "of runs {}; of conflicts as in [alignment.md](alignment.md): `edited`, `both_changed`, …; of requests what it is for: `page`, `metadata`, `logon`, `logoff`, `query`, `setup`, `token`, `batch`, `import_set`, `table`, `look_up`, `webhook`, `timestamp`, `keys`, `other`",
            words(RunKind::ALL.iter().map(|kind| kind.as_str()).collect())
        ),
        "state" => "of connections `busy`, `idle`; of conflicts `open`, `decided`, `to_apply`".into(),
        "operation" => "`query`, `setup`".into(),
        "answer" => words(EnetAnswer::ALL.iter().map(|answer| answer.as_str()).collect()),
        "call" => "what the call to the database does, in words: `take a page in`, …".into(),
        "actor" => "the kind of actor: `poller`, `mapper`, `writer`, …".into(),
        "table" => words(KeptTable::ALL.iter().map(|table| table.as_str()).collect()),
        "version" => "tieline's own".into(),
        "number" => "the number of the definitions in this ledger".into(),
        "hash" => "SHA-256 of what the definition files say".into(),
        other => format!("see `{other}` in `src/telemetry/metrics`"),
    }
}

fn page() -> String {
    let metrics = Metrics::new();
    let mut text = HEAD.to_owned();
    text += "| metric | type | labels | says |\n|---|---|---|---|\n";
    let mut declared = metrics.declared().to_vec();
    declared.sort_by(|a, b| a.name.cmp(&b.name));
    let mut labels: Vec<String> = Vec::new();
    for metric in &declared {
        let named: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let ledger = if OF_THE_LEDGER.contains(&metric.name.as_str()) { " *(ledger)*" } else { "" };
        let _ = writeln!(text, "| `{}` | {} | {} | {}{ledger} |", metric.name, metric.kind, named.join(", "), metric.help);
        labels.extend(metric.labels.clone());
    }
    text += "\nOn Linux the process's own are there too: `process_resident_memory_bytes`,\n\
             `process_cpu_seconds_total`, `process_open_fds` and others.\n";
    text += "\n| label | values |\n|---|---|\n";
    labels.sort();
    labels.dedup();
    for label in labels {
        let _ = writeln!(text, "| `{label}` | {} |", values(&label));
    }
    text
}

#[test]
fn the_page_of_metrics_is_what_is_declared() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = page();
    if std::env::var_os("UPDATE_METRICS").is_some() {
        std::fs::write(&path, &page).expect("docs can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/metrics.md is not what is declared; run the tests once with UPDATE_METRICS=1");
    for name in OF_THE_LEDGER {
        assert!(page.contains(&format!("`{name}`")), "{name} is no longer declared");
    }
}
