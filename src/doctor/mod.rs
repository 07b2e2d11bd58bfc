//! Live probes of both systems, rights and the database: what was found and what to do.
//!
//! One room per system; the command line prints what they find. Nothing of a record is read or written.

mod clock;
mod finding;
mod machine;
mod servicenow;
mod syspro;

pub use finding::{Finding, Verdict};

use crate::actors::{Deps, chain};
use crate::config::Settings;
use crate::net::HttpClient;
use crate::store::StoreError;
use crate::telemetry::labels::System;

/// What needs neither the ledger nor a credential.
pub fn machine(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("settings and definitions", "in order"), machine::state_directory(&settings.state.directory)];
    findings.extend(settings.http.certificate.as_ref().map(machine::certificate));
    findings
}

/// What is left to say when the ledger cannot be opened.
pub fn without_ledger(problem: String, unreachable: bool) -> Vec<Finding> {
    let database = Finding::failed("database", problem, "see the message; credentials are kept there").unreachable(unreachable);
    let unknown = |what| Finding::unknown(what, "no credential can be read without the database", "make the database answer first");
    vec![database, unknown("SYSPRO"), unknown("ServiceNow")]
}

/// The ledger, the key, and both systems with the credentials that it holds.
///
/// # Errors
/// [`StoreError`] when the ledger stops answering.
pub async fn systems(deps: &Deps) -> Result<Vec<Finding>, StoreError> {
    let mut findings = vec![match deps.store.server().await {
        Ok(said) => Finding::ok("database", said),
        Err(error) => Finding::failed("database", chain(&error), "see the message"),
    }];
    let credentials = deps.store.credential_list().await?;
    findings.push(if credentials.is_empty() {
        let set = "`tieline credential set NAME --username U --password-stdin` makes the key too";
        Finding::warning("master key", "no credential has been set, so none is needed yet", set)
    } else {
        match deps.vault.keys(true) {
            Ok(keys) => Finding::ok("master key", format!("key `{}`, readable by its owner alone", keys.current_id())),
            Err(error) => Finding::failed("master key", chain(&error), "see the message; without the key set the credentials again"),
        }
    });
    syspro::syspro(deps, &mut findings).await;
    servicenow::servicenow(deps, &mut findings).await;
    Ok(findings)
}

/// How far this machine's clock is from the systems'.
pub async fn clocks(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (what, http, url) in [
        ("clock and SYSPRO", HttpClient::new(System::SysproOdata, &settings.syspro.connection), &settings.syspro.odata_url),
        ("clock and ServiceNow", HttpClient::new(System::ServiceNow, &settings.servicenow.connection), &settings.servicenow.instance_url),
    ] {
        // a client that cannot be made has been reported with its system
        if let Ok(http) = http {
            findings.push(clock::clock(what, &http, url).await);
        }
    }
    findings
}
