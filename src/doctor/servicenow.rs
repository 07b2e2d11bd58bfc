//! ServiceNow: the token, each target table and its columns, and the right to create.

use super::credential_step::credential_step;
use crate::domain::next_step::NextStep;
use std::collections::BTreeSet;

use super::{CheckResult, CheckScope, DiagnosticsParts, Finding, Part, Report, Way};
use crate::credentials::credential_store::SERVICENOW;
use crate::definition::plan::TargetPlan;
use crate::retry::Class;
use crate::servicenow::{OneToken, ProbeFinding, ProbeVerdict, ServiceNow, ServiceNowError, TokenSource};
use crate::servicenow_app::expected;

pub(super) async fn servicenow(parts: &DiagnosticsParts, way: &Way, scope: CheckScope, report: &Report) {
    report.begin(Part::ServiceNow, "ServiceNow's token, tables and columns");
    let client = match ServiceNow::new(&parts.settings.servicenow) {
        Ok(client) => client,
        Err(error) => {
            return report.note(Finding::failed("ServiceNow", error.chain(), NextStep::SettingsSection { section: "servicenow".into() }));
        }
    };
    let Some(tokens) = tokens(parts, way, &client, report).await else { return };
    let definitions = parts.definitions.now();
    let targets: Vec<&TargetPlan> = definitions.plans.iter().flat_map(|plan| &plan.targets).collect();
    for probe in client.probe(&*tokens, &targets).await {
        report.note(finding(format!("ServiceNow {}", probe.table), probe));
    }
    for probe in client.probe_lengths(&*tokens, &expected::lengths(&definitions)).await {
        report.note(finding(format!("ServiceNow {}", probe.table), probe));
    }
    for probe in client.probe_maps(&*tokens, &targets, &expected::behind(&definitions)).await {
        report.note(finding(format!("ServiceNow {}", probe.table), probe));
    }
    if parts.settings.tasks.enabled {
        let probe = client.task_probe(&*tokens, &parts.settings.tasks).await;
        report.note(finding(format!("ServiceNow {} (tasks)", probe.table), probe));
    }
    report.begin(Part::ServiceNow, "the right to create in ServiceNow");
    if scope == CheckScope::ReadOnly {
        let tables: BTreeSet<&str> = targets.iter().map(|target| target.table.as_str()).collect();
        for table in tables {
            let found = "not tried: this run only reads";
            report.note(Finding::unknown(right(table), found, NextStep::TryCreate));
        }
        return;
    }
    for probe in client.try_create(&*tokens, &targets).await {
        report.note(finding(right(&probe.table), probe));
    }
}

fn right(table: &str) -> String {
    format!("right to create in {table}")
}

fn finding(what: String, probe: ProbeFinding) -> Finding {
    let verdict = match probe.verdict {
        ProbeVerdict::Ok => CheckResult::Ok,
        ProbeVerdict::Warning => CheckResult::Warning,
        ProbeVerdict::Failed => CheckResult::Failed,
        ProbeVerdict::Unknown => CheckResult::Unknown,
    };
    Finding::of(verdict, what, probe.message, probe.next_step)
}

/// The source of tokens, after the first token was received.
async fn tokens(parts: &DiagnosticsParts, way: &Way, client: &ServiceNow, report: &Report) -> Option<Box<dyn TokenSource>> {
    let refused = |error: ServiceNowError| {
        let finding = Finding::failed("ServiceNow token", error.chain(), NextStep::Token);
        report.note(finding.unreachable_if(error.class() == Class::Transient));
    };
    let credential = match parts.credential_store.credential(SERVICENOW).await {
        Ok(credential) => credential,
        Err(error) => {
            report.note(Finding::failed("ServiceNow credential", error.to_string(), credential_step(&error)));
            return None;
        }
    };
    if let Way::Service(access) = way {
        access.tokens.token().await.map_err(refused).ok()?;
        report.note(Finding::ok("ServiceNow token", "the service has one"));
        return Some(Box::new(access.tokens.clone()));
    }
    let token = OneToken::fetch(client.http(), client.settings(), &credential).await.map_err(refused).ok()?;
    report.note(Finding::ok("ServiceNow token", "given"));
    Some(Box::new(token))
}
