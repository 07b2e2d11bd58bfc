//! Every check, one after another.

use super::certificates::{self, Place};
use super::enet::{self, Use};
use super::finding::{Finding, Part};
use super::parts::DiagnosticsParts;
use super::report::Report;
use super::way::{CheckScope, Way};
use super::{clock, database, machine, servicenow, syspro};
use crate::config::Settings;
use crate::config::settings::SysproSource;
use crate::credentials::key_ring::Ciphertexts;
use crate::definition::Definitions;
use crate::domain::approval::ApprovalKind;
use crate::domain::next_step::NextStep;
use crate::store::StoreError;
use crate::telemetry::labels::System;

/// The steps of a diagnostics run.
pub const STEPS: usize = 8;

/// Runs every check. The report shows the progress.
///
/// # Errors
/// [`StoreError`] when the ledger stops answering.
pub(super) async fn diagnose(parts: &DiagnosticsParts, way: &Way, scope: CheckScope, report: &Report) -> Result<(), StoreError> {
    let DiagnosticsParts { settings, definitions, store, credential_store, .. } = parts;
    of_machine(settings, &definitions.now(), report);
    report.begin(Part::Database, "the database");
    for finding in database::database(settings, store).await {
        report.note(finding);
    }
    report.note(database::companies(&settings.syspro, store).await?);
    report.note(database::outdated(store).await?);
    report.note(database::api_keys(settings, store).await?);
    if settings.approvals.hours_of(ApprovalKind::Definition).is_some() {
        report.note(database::approved_definitions(&definitions.view(), store).await?);
    }
    if settings.tasks.enabled {
        report.note(database::tasks(store).await?);
    }
    for finding in database::audit_heads(&settings.audit, store).await? {
        report.note(finding);
    }
    let credentials = store.credential_list().await?;
    report.note(machine::master_key(credential_store, Ciphertexts::of(credentials.len())));
    let enet = Use::of(settings, &definitions.now(), &credentials);
    report.begin(Part::Syspro, "signing in to SYSPRO");
    let session = enet::sign_in(parts, way, enet, report).await;
    report.begin(Part::Syspro, "SYSPRO's tables and columns");
    syspro::tables(parts, way, session, report).await;
    report.begin(Part::Syspro, "SYSPRO's certificates and clock");
    syspro_from_outside(settings, enet, report).await;
    servicenow::servicenow(parts, way, scope, report).await;
    report.begin(Part::ServiceNow, "ServiceNow's certificate and clock");
    servicenow_from_outside(settings, report).await;
    Ok(())
}

/// The remaining checks when the ledger cannot be opened, which is the finding `database`.
pub async fn without_ledger(settings: &Settings, definitions: &Definitions, database: Finding, report: &Report) {
    of_machine(settings, definitions, report);
    report.begin(Part::Database, "the database");
    report.note(database);
    let unknown = |what| Finding::unknown(what, "no credential can be read without the database", NextStep::DatabaseFirst);
    report.begin(Part::Syspro, "SYSPRO's certificates and clock");
    report.note(unknown("SYSPRO"));
    syspro_from_outside(settings, Use::of(settings, definitions, &[]), report).await;
    report.begin(Part::ServiceNow, "ServiceNow's certificate and clock");
    report.note(unknown("ServiceNow"));
    servicenow_from_outside(settings, report).await;
}

fn of_machine(settings: &Settings, definitions: &Definitions, report: &Report) {
    report.begin(Part::Machine, "this machine");
    report.note(Finding::ok("settings and definitions", "in order"));
    if let Some(said) = definitions.without_cost_centres() {
        report.note(Finding::ok("cost centres of lines", said));
    }
    report.note(machine::state_directory(&settings.state.directory));
    if let Some(files) = &settings.http.certificate {
        report.note(machine::certificate(files));
    }
}

/// What can be checked of SYSPRO without signing in.
async fn syspro_from_outside(settings: &Settings, enet: Use, report: &Report) {
    let syspro = &settings.syspro;
    if let SysproSource::OData { url } = &syspro.source {
        let place = Place {
            what: "certificate of SYSPRO OData",
            setting: "syspro.odata_url",
            section: "syspro",
            secret: "the operator's OData password and every record travel",
            url,
            connection: &syspro.connection,
        };
        report.note(certificates::certificate(&place).await);
    }
    if let (Some(url), true) = (&syspro.enet_url, enet.is_used()) {
        let place = Place {
            what: "certificate of e.net",
            setting: "syspro.enet_url",
            section: "syspro",
            secret: "e.net's addresses carry the operator's and the companies' passwords",
            url,
            connection: &syspro.connection,
        };
        report.note(certificates::certificate(&place).await);
    }
    let (system, url) = match &syspro.source {
        SysproSource::Enet { url } => (System::SysproEnet, clock::enet(url)),
        SysproSource::OData { url } => (System::SysproOdata, url.clone()),
    };
    if let Some(finding) = clock::clock("clock and SYSPRO", system, &syspro.connection, &url).await {
        report.note(finding);
    }
}

async fn servicenow_from_outside(settings: &Settings, report: &Report) {
    let servicenow = &settings.servicenow;
    let place = Place {
        what: "certificate of ServiceNow",
        setting: "servicenow.instance_url",
        section: "servicenow",
        secret: "the client secret and every record travel",
        url: &servicenow.instance_url,
        connection: &servicenow.connection,
    };
    report.note(certificates::certificate(&place).await);
    let clock = clock::clock("clock and ServiceNow", System::ServiceNow, &servicenow.connection, &servicenow.instance_url).await;
    if let Some(finding) = clock {
        report.note(finding);
    }
}
