//! Each record arrives once, with every kind of error: lost answers, expired tokens, two nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tieline::actors::poller::PollError;
use tieline::actors::servicenow_token::GetToken;
use tieline::domain::FlowId;
use tieline::domain::audit::AuditKind;
use tieline::domain::run::RunKind;
use tieline_sim::faults::{Fault, FaultPlan, FaultRule};

use crate::support::{Options, Rig, ask, flow, node, run, run_set, source};

/// Everything that SYSPRO has is in ServiceNow once.
fn all_once(rig: &Rig, companies: &[&str]) {
    for (table, rows) in source::expected(&rig.syspro, companies) {
        assert_eq!((rig.servicenow.count(table), rig.servicenow.duplicates(table, "u_source_key")), (rows, 0), "{table}");
    }
    assert_eq!(source::invoices_arrived(&rig.servicenow), source::invoiced(&rig.syspro, companies));
}

/// Faults on everything but the token endpoint, each at this rate.
fn faults(seed: u64, all: &[(Fault, f64)]) -> FaultPlan {
    let rule = |(fault, rate): &(Fault, f64)| FaultRule::always(fault.clone()).rate(*rate).on_path("/api/now");
    FaultPlan { seed, rules: all.iter().map(rule).collect() }
}

#[test]
fn lost_answers_and_errors_lose_nothing_and_double_nothing() {
    run(async {
        let options = Options::of_one_company(40).with("SERVICENOW__BATCH_SIZE", "20").with("SERVICENOW__BATCH_LIMIT", "20");
        let rig = Rig::start(options).await;
        rig.servicenow.set_faults(&faults(
            7,
            &[
                (Fault::DropAfterCommit, 0.10),
                (Fault::StatusAfterCommit(500), 0.10),
                (Fault::Status(502), 0.05),
                (Fault::BrokenJsonAfterCommit, 0.05),
            ],
        ));
        rig.syspro.faults.push(FaultRule::always(Fault::Status(502)).rate(0.05));
        rig.syspro.faults.push(FaultRule::always(Fault::CutBody).rate(0.05));
        let cycles = rig.sync_until_settled(60).await;
        assert!(rig.servicenow.faults_triggered() > 5 && rig.servicenow.undelivered() > 0, "no fault struck in {cycles} cycles");
        assert_eq!(rig.failures().await.len(), 0);
        all_once(&rig, &["EDU1"]);
        assert!(!rig.audit(AuditKind::Unknown).await.is_empty());
        assert!(!rig.audit(AuditKind::LookedUp).await.is_empty());
        assert_eq!(rig.database.psql("SELECT count(*) FROM intent"), "0");
        // once it is quiet, nothing is left to do
        rig.servicenow.clear_faults();
        rig.syspro.faults.clear();
        let writes = rig.servicenow.writes();
        rig.sync_well().await;
        assert_eq!(rig.servicenow.writes(), writes);
    });
}

#[test]
fn requests_that_arrive_twice_have_one_effect() {
    run(async {
        let rig = Rig::start(Options::of_one_company(40).with("SERVICENOW__BATCH_SIZE", "10").with("SERVICENOW__BATCH_LIMIT", "10")).await;
        rig.servicenow.set_fault(FaultRule::always(Fault::Named("twice".into())).on_path("/api/now").rate(0.5));
        rig.sync_until_settled(30).await;
        assert!(rig.servicenow.faults_triggered() > 20);
        let failures = rig.failures().await;
        assert!(failures.is_empty(), "{failures:#?}");
        all_once(&rig, &["EDU1"]);
    });
}

#[test]
fn faults_inside_a_batch_end_in_one_effect() {
    faults_inside_a_batch("true");
}

/// Then a row that was written once more unseen would be a second row.
#[test]
fn faults_inside_a_batch_end_in_one_effect_without_ids_of_ours() {
    faults_inside_a_batch("false");
}

/// Single items of a batch whose answer is a lie or is missing, beside whole batches whose answer never comes.
fn faults_inside_a_batch(derived_sys_id: &str) {
    run(async {
        let options = Options::of_one_company(30)
            .with("SERVICENOW__DERIVED_SYS_ID", derived_sys_id)
            .with("SERVICENOW__BATCH_SIZE", "20")
            .with("SERVICENOW__BATCH_LIMIT", "20")
            .with("SERVICENOW__REQUEST_TIMEOUT_SECONDS", "3");
        let rig = Rig::start(options).await;
        let inner = |fault: Fault, rate: f64| FaultRule::always(fault).rate(rate).on_path("batch:/api/now");
        let whole = |fault: Fault| FaultRule::always(fault).on_path("/api/now/batch");
        let rules = vec![
            // the work was done, the item says that it failed
            inner(Fault::StatusAfterCommit(500), 0.10),
            inner(Fault::StatusAfterCommit(403), 0.03),
            inner(Fault::StatusAfterCommit(429), 0.03),
            // the work was not done
            inner(Fault::Status(500), 0.05),
            inner(Fault::RetryAfter(1), 0.03),
            inner(Fault::Named("revoke_tokens".into()), 1.0).after(30).times(2),
            // the whole batch was done, and no answer comes
            whole(Fault::HangAfterCommit).after(3).times(2),
            whole(Fault::DropAfterCommit).after(4).times(2),
            whole(Fault::CutBody).after(5).times(2),
        ];
        rig.servicenow.set_faults(&FaultPlan { seed: 11, rules });
        let cycles = rig.sync_until_settled(80).await;
        let batched = rig.servicenow.undelivered();
        assert!(batched > 40 && rig.servicenow.faults_triggered() > 60, "{batched} answers were lost in {cycles} cycles");
        let failures = rig.failures().await;
        assert!(failures.is_empty(), "{failures:#?}");
        all_once(&rig, &["EDU1"]);
        let twice = "SELECT delivery_id FROM audit WHERE kind = 'confirmed' GROUP BY delivery_id HAVING count(*) > 1";
        assert_eq!(rig.database.psql(twice), "");
        assert_eq!(rig.database.psql("SELECT count(*) FROM intent"), "0");
        rig.servicenow.clear_faults();
        let writes = rig.servicenow.writes();
        rig.sync_well().await;
        assert_eq!(rig.servicenow.writes(), writes);
    });
}

#[test]
fn a_thousand_callers_cost_one_token() {
    run(async {
        let rig = Rig::start(Options::of_one_company(26)).await;
        let system = rig.system();
        let answers = join_all((0..1_000).map(|_| system.tokens.get.send(GetToken))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
        assert_eq!(rig.servicenow.token_requests(), 1);
        system.stop(Duration::from_secs(20)).await;
    });
}

#[test]
fn tokens_that_die_on_the_way_cost_nothing_but_new_ones() {
    run(async {
        let mut options = Options::of_one_company(30).with("SERVICENOW__TOKEN_MARGIN_SECONDS", "0");
        options.servicenow.token_lifetime = Duration::from_secs(2);
        let rig = Rig::start(options).await;
        let revoke = FaultRule::always(Fault::Named("revoke_tokens".into())).on_path("/api/now");
        rig.servicenow.set_fault(revoke.after(2).times(3));
        rig.sync_until_settled(20).await;
        assert_eq!(rig.servicenow.faults_triggered(), 3);
        assert!((2..100).contains(&rig.servicenow.token_requests()), "{}", rig.servicenow.token_requests());
        assert_eq!(rig.failures().await.len(), 0);
        all_once(&rig, &["EDU1"]);
    });
}

#[test]
fn two_nodes_never_read_one_flow() {
    run(async {
        let rig = Rig::start(Options::of_one_company(30)).await;
        rig.syspro.switch(|switches| switches.latency_ms = 300);
        let mut other = rig.process.clone();
        other.node = node("two");
        let flows = || vec![FlowId::new("EDU1", "cost_center")];
        let (one, two) = join(run_set(&rig.process, flows(), RunKind::Poll), run_set(&other, flows(), RunKind::Poll)).await;
        let outcomes = [flow(&one, "EDU1", "cost_center"), flow(&two, "EDU1", "cost_center")];
        let held = outcomes.iter().filter(|outcome| matches!(outcome, Err(PollError::Held { .. }))).count();
        assert_eq!((held, outcomes.iter().filter(|outcome| outcome.is_ok()).count()), (1, 1), "{outcomes:?}");
        rig.syspro.switch(|switches| switches.latency_ms = 0);
        // the lease was given back
        assert!(flow(&run_set(&other, flows(), RunKind::Poll).await, "EDU1", "cost_center").is_ok());
    });
}

#[test]
fn two_nodes_at_once_deliver_each_record_once() {
    run(async {
        let rig = Rig::start(Options::new(40)).await;
        let mut other = rig.process.clone();
        other.node = node("two");
        let systems = [
            rig.system(),
            tieline::actors::system::ActorSystem::start(
                &other,
                tieline::supervision::guard::RestartPolicy::default(),
                tieline::process::mode::Mode::Command,
            )
            .unwrap(),
        ];
        let all = || rig.process.flows();
        let reports = join(ask(&systems[0], all(), RunKind::Poll), ask(&systems[1], all(), RunKind::Poll)).await;
        let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, result) in reports.0.flows.iter().chain(&reports.1.flows) {
            let outcome = match result {
                Ok(_) => "ran",
                Err(PollError::Held { .. }) => "held",
                Err(error) => panic!("{error}"),
            };
            *outcomes.entry(outcome).or_default() += 1;
        }
        for system in systems {
            system.stop(Duration::from_secs(20)).await;
        }
        rig.sync_until_settled(10).await;
        let failures = rig.failures().await;
        assert!(failures.is_empty(), "{outcomes:?} {failures:?}");
        all_once(&rig, &["EDU1", "1"]);
    });
}
