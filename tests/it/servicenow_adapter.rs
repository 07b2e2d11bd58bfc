//! The ServiceNow adapter against the simulator: with every kind of error, each record is there once, in its last version.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tieline::config::settings::{Connection, ServiceNowSettings, TokenRefresh};
use tieline::credentials::secret::Credential;
use tieline::definition::TargetPlan;
use tieline::definition::plan::{ClearWith, FieldPlan, FieldSource, PartialWrite, WriteMode};
use tieline::definition::record::derived_sys_id;
use tieline::domain::ids::DeliveryId;
use tieline::domain::version::VersionText;
use tieline::net::HttpClient;
use tieline::servicenow::{
    ListPosition, OutRecord, Outcome, ProbeVerdict, ServiceNow, ServiceNowError, Settled, Token, TokenSource, TokenState, fetch_token,
};
use tieline::telemetry::labels::System;
use tieline_sim::faults::{Fault, FaultRule};
use tieline_sim::servicenow::{CallerSysId, ServiceNowOptions, ServiceNowSim};
use tokio::time::Instant;

/// A token source without single flight: one caller at a time is enough here.
struct Tokens {
    http: HttpClient,
    settings: ServiceNowSettings,
    state: RefCell<TokenState>,
}

impl TokenSource for Tokens {
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>> {
        Box::pin(async {
            if let Some(token) = self.state.borrow().usable(Instant::now(), self.settings.token_margin) {
                return Ok(token);
            }
            let credential = Credential::new("tieline", "simulated-secret".into());
            let answer = fetch_token(&self.http, &self.settings, &credential).await?;
            Ok(self.state.borrow_mut().accept(answer, Instant::now()))
        })
    }

    fn refused(&self, generation: u64) {
        self.state.borrow_mut().refuse(generation);
    }
}

struct Bench {
    sim: ServiceNowSim,
    client: ServiceNow,
    tokens: Tokens,
}

impl Bench {
    fn new(options: ServiceNowOptions, change: impl Fn(&mut ServiceNowSettings)) -> Self {
        let sim = ServiceNowSim::start(options).unwrap();
        let mut settings = ServiceNowSettings {
            batch_again: Duration::from_secs(600),
            instance_url: sim.url().clone(),
            profile: "apo".into(),
            scope: None,
            token_refresh: TokenRefresh::BeforeExpiry,
            token_margin: Duration::from_secs(60),
            batch: true,
            batch_size: 20,
            batch_limit: 20,
            concurrency: 2,
            derived_sys_id: true,
            adopt: false,
            batch_quota: Duration::from_secs(30),
            request_quota: Duration::from_secs(60),
            read_delay: Duration::from_secs(2),
            list_limit: 1_000_000,
            longest_pause: Duration::from_secs(3600),
            connection: Connection {
                ca_file: None,
                proxy: None,
                connect_timeout: Duration::from_secs(5),
                request_timeout: Duration::from_secs(2),
                body_timeout: Duration::from_secs(2),
                body_limit: 1 << 24,
                connections: 16,
                keep_alive: Duration::from_secs(1),
            },
        };
        change(&mut settings);
        let http = HttpClient::new(System::ServiceNow, &settings.connection).unwrap();
        let client = ServiceNow::new(&settings).unwrap();
        Self { sim, client, tokens: Tokens { http, settings, state: RefCell::default() } }
    }

    /// What a Writer does: sends, looks up what is unknown, sends the rest again. Returns what was refused.
    async fn deliver(&self, target: &TargetPlan, mut due: Vec<OutRecord>) -> BTreeMap<String, Outcome> {
        let mut refused = BTreeMap::new();
        for _ in 0..60 {
            if due.is_empty() {
                return refused;
            }
            let outcomes = match self.client.send(&self.tokens, target, &due).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    assert_ne!(error.class(), tieline::retry::Class::Permanent, "{}", error.chain());
                    continue;
                }
            };
            assert_eq!(outcomes.len(), due.len());
            let (mut again, mut doubtful) = (Vec::new(), Vec::new());
            for (record, outcome) in due.into_iter().zip(outcomes) {
                match outcome {
                    Outcome::Confirmed { .. } => {}
                    Outcome::Rejected { .. } | Outcome::Conflict { .. } => {
                        refused.insert(record.source_key, outcome);
                    }
                    Outcome::Deferred { .. } | Outcome::Withdrawn { .. } => again.push(record),
                    Outcome::Unknown { .. } => doubtful.push(OutRecord { may_exist: true, ..record }),
                }
            }
            let mut lookups = 0;
            while !doubtful.is_empty() {
                lookups += 1;
                assert!(lookups < 2000, "still unknown: {:?}", doubtful[0]);
                let settled = match self.client.settle(&self.tokens, target, &doubtful).await {
                    Ok(settled) => settled,
                    Err(error) => {
                        assert_ne!(error.class(), tieline::retry::Class::Permanent, "{}", error.chain());
                        continue;
                    }
                };
                let mut pending = Vec::new();
                for (record, settled) in doubtful.into_iter().zip(settled) {
                    match settled {
                        Settled::Confirmed { .. } => {}
                        Settled::Absent => again.push(record),
                        Settled::StillPending => pending.push(record),
                        other => panic!("{}: {other:?}", record.source_key),
                    }
                }
                doubtful = pending;
            }
            due = again;
        }
        panic!("{} records were never delivered, such as {:?}", due.len(), due.first());
    }
}

fn target(table: &str, target_table: &str, write: WriteMode) -> TargetPlan {
    let field = |name: &str| FieldPlan { name: name.into(), source: FieldSource::Company, limit: None, form: Default::default() };
    TargetPlan {
        tie_out: Default::default(),
        align: None,
        watch: None,
        block: "header".into(),
        table: table.into(),
        write,
        target_table: target_table.into(),
        key_column: Some("u_source_key".into()),
        version_column: Some("u_source_version".into()),
        natural_key: Vec::new(),
        fields: ["name", "code"].into_iter().map(field).collect(),
        child: None,
        on_gone: Vec::new(),
        only_if: Vec::new(),
        partial_write: PartialWrite::Record,
        clear_with: ClearWith::Null,
    }
}

fn cost_centers() -> TargetPlan {
    target("cmn_cost_center", "cmn_cost_center", WriteMode::Table)
}

fn suppliers() -> TargetPlan {
    let mut plan = target("sn_apo_supplier", "x_apo_supplier", WriteMode::ImportSet);
    plan.fields.iter_mut().for_each(|field| field.name = format!("u_{}", field.name));
    plan
}

fn records(target: &TargetPlan, count: usize, version: i64) -> Vec<OutRecord> {
    let record = |n: usize| {
        let source_key = format!("EDU1/e/{n:05}");
        let text = |name: &str| (name.to_owned(), format!("{name} {n} v{version}"));
        OutRecord {
            expects: None,
            delivery: DeliveryId(i64::try_from(n).unwrap()),
            derived_sys_id: derived_sys_id(&source_key, "header"),
            source_key,
            version: VersionText::new(version, &[7; 32]),
            fields: target.fields.iter().map(|field| text(&field.name)).collect(),
            cleared: Default::default(),
            sys_id: None,
            sys_table: None,
            may_exist: false,
            alone: false,
        }
    };
    (0..count).map(record).collect()
}

fn check(bench: &Bench, target: &TargetPlan, count: usize, version: i64, name: &str) {
    let table = &target.target_table;
    assert_eq!(bench.sim.count(table), count, "{name}: rows");
    assert_eq!(bench.sim.duplicates(table, "u_source_key"), 0, "{name}: duplicates");
    let field = &target.fields[0].name;
    for row in bench.sim.rows(table) {
        assert_eq!(row["u_source_version"], VersionText::new(version, &[7; 32]).to_string(), "{name}");
        assert!(row[field].ends_with(&format!(" v{version}")), "{name}: {row:?}");
    }
    assert_eq!(bench.sim.cookies_seen(), 0, "{name}: cookies");
}

fn faults() -> Vec<(&'static str, FaultRule)> {
    let named = |name: &str| FaultRule::always(Fault::Named(name.to_owned()));
    let writes = |fault| FaultRule::always(fault).on_method("POST").on_path("/api/");
    let all = vec![
        ("status 503", FaultRule::always(Fault::Status(503)).on_path("/api/")),
        ("drop", FaultRule::always(Fault::Drop).on_path("/api/")),
        ("committed, then dropped", writes(Fault::DropAfterCommit)),
        ("committed, then 500", writes(Fault::StatusAfterCommit(500))),
        ("committed, then cut", writes(Fault::CutBody)),
        ("committed, then broken", writes(Fault::BrokenJsonAfterCommit)),
        ("committed, then 429", writes(Fault::RetryAfterCommit(0))),
        ("log-in page", FaultRule::always(Fault::HtmlPage200).on_path("/api/")),
        ("hibernation", named("hibernation")),
        ("revoked tokens", named("revoke_tokens")),
        ("error in 200", named("error_in_200").on_path("/api/")),
        ("error in 200 after commit", named("error_in_200_after_commit").on_method("POST").on_path("/api/")),
        ("403 after commit", named("operation_failed_after_commit").on_method("POST").on_path("/api/now/import")),
        ("403 after commit, table", named("operation_failed_after_commit").on_method("POST").on_path("/api/now/table")),
        ("403 after commit, in a batch", named("operation_failed_after_commit").on_path("batch:/api/now/")),
        ("cancelled after commit", named("cancelled_after_commit").on_method("POST").on_path("/api/")),
        ("cancelled after commit, in a batch", named("cancelled_after_commit").on_path("batch:/api/now/")),
        ("broken result after commit", named("broken_result_after_commit").on_method("POST").on_path("/api/")),
    ];
    all.into_iter().map(|(name, rule)| (name, rule.rate(0.3).times(6))).collect()
}

#[actix_rt::test]
async fn each_record_ends_up_once_whatever_fault_strikes() {
    for (name, rule) in faults() {
        for target in [cost_centers(), suppliers()] {
            for batch in [true, false] {
                let bench = Bench::new(ServiceNowOptions::default(), |settings| settings.batch = batch);
                let count = if batch { 90 } else { 30 };
                for version in [1, 2] {
                    bench.sim.set_fault(rule.clone());
                    let refused = bench.deliver(&target, records(&target, count, version)).await;
                    assert!(refused.is_empty(), "{name}: {refused:?}");
                    check(&bench, &target, count, version, &format!("{name}, {}, batch {batch}", target.table));
                }
            }
        }
    }
}

#[actix_rt::test]
async fn whatever_the_instance_does_with_a_sys_id_there_is_one_row() {
    for caller_sys_id in [CallerSysId::Kept, CallerSysId::Ignored, CallerSysId::KeptOnce] {
        for read_delay in [Duration::ZERO, Duration::from_millis(300)] {
            let options = ServiceNowOptions { caller_sys_id, read_delay, ..Default::default() };
            let derived = caller_sys_id == CallerSysId::Kept;
            let bench = Bench::new(options, |settings| settings.derived_sys_id = derived);
            let target = cost_centers();
            let name = format!("{caller_sys_id:?} {read_delay:?}");
            assert!(bench.deliver(&target, records(&target, 25, 1)).await.is_empty(), "{name}");
            tokio::time::sleep(read_delay).await;
            assert!(bench.deliver(&target, records(&target, 25, 2)).await.is_empty(), "{name}");
            check(&bench, &target, 25, 2, &name);
        }
    }
}

#[actix_rt::test]
async fn a_batch_that_runs_out_of_time_is_finished_later() {
    for (serviced, commits) in [(true, true), (true, false), (false, true), (false, false)] {
        for target in [cost_centers(), suppliers()] {
            let options = ServiceNowOptions {
                batch_budget: Duration::from_millis(60),
                record_time: Duration::from_millis(5),
                cancelled_item_serviced: serviced,
                cancelled_item_commits: commits,
                ..Default::default()
            };
            let bench = Bench::new(options, |_| ());
            assert!(bench.deliver(&target, records(&target, 40, 1)).await.is_empty());
            check(&bench, &target, 40, 1, &format!("serviced {serviced}, commits {commits}, {}", target.table));
        }
    }
}

#[actix_rt::test]
async fn rows_of_a_staging_table_in_asynchronous_mode_are_pending_not_delivered() {
    let bench = Bench::new(ServiceNowOptions { import_asynchronous: true, ..Default::default() }, |_| ());
    let (target, sent) = (suppliers(), records(&suppliers(), 3, 1));
    for outcome in bench.client.send(&bench.tokens, &target, &sent).await.unwrap() {
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    }
    let settled = bench.client.settle(&bench.tokens, &target, &sent).await.unwrap();
    assert_eq!(settled, [Settled::StillPending, Settled::StillPending, Settled::StillPending]);
}

#[actix_rt::test]
async fn short_tokens_and_a_site_without_key_columns() {
    let options = ServiceNowOptions { token_lifetime: Duration::from_secs(2), ..Default::default() };
    let bench = Bench::new(options, |settings| settings.batch = false);
    let target = suppliers();
    assert!(bench.deliver(&target, records(&target, 60, 1)).await.is_empty());
    assert!(bench.sim.token_requests() <= 16, "{}", bench.sim.token_requests());

    let bench = Bench::new(ServiceNowOptions::default().without_platform_key_columns(), |_| ());
    let target = cost_centers();
    let probed = bench.client.probe(&bench.tokens, &[&target, &suppliers()]).await;
    assert_eq!(probed.len(), 3, "{probed:?}");
    assert!(probed.iter().all(|finding| finding.table != "cmn_cost_center" || finding.verdict != ProbeVerdict::Ok), "{probed:?}");
    let outcomes = bench.client.send(&bench.tokens, &target, &records(&target, 2, 1)).await.unwrap();
    for outcome in outcomes {
        let Outcome::Confirmed { partial, .. } = outcome else { panic!("{outcome:?}") };
        let fields: Vec<&str> = partial.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(fields, ["u_source_key", "u_source_version"]);
    }
    let start = ListPosition::behind(String::new(), 0);
    let error = bench.client.present(&bench.tokens, &target, &target.target_table, "EDU1/", start).await.unwrap_err();
    assert!(matches!(error, ServiceNowError::UnknownColumn { .. }), "{error:?}");
}

#[actix_rt::test]
async fn a_table_that_is_not_there_is_named() {
    let bench = Bench::new(ServiceNowOptions::default(), |_| ());
    for target in [target("no_such", "no_such", WriteMode::Table), target("no_such", "x_apo_supplier", WriteMode::ImportSet)] {
        for count in [1, 3] {
            let error = bench.client.send(&bench.tokens, &target, &records(&target, count, 1)).await.unwrap_err();
            assert!(matches!(&error, ServiceNowError::UnknownTable { table, .. } if table == "no_such"), "{error:?}");
        }
    }
}
