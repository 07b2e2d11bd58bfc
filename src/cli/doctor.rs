//! `tieline doctor`: live probes of both systems, rights and the database; what was found and what to do.

use std::time::Duration;

use serde::Serialize;

use super::context::{Checked, Context};
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::actors::supervise::RestartPolicy;
use crate::actors::tree::Tree;
use crate::actors::vault::{SERVICENOW, SYSPRO_ODATA};
use crate::actors::{Deps, chain};
use crate::domain::CompanyId;
use crate::servicenow::{ProbeVerdict, ServiceNow, TokenSource};
use crate::syspro::{OData, SysproError};

/// How long running work may take to come to an end.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// How a probed thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Failed,
    CouldNotTell,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
            Verdict::CouldNotTell => "could not tell",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    verdict: Verdict,
    found: String,
    to_do: String,
    /// Whether a whole system could not be reached.
    unreachable: bool,
}

impl Finding {
    fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Ok, found: found.into(), to_do: String::new(), unreachable: false }
    }

    fn failed(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Failed, found: found.into(), to_do: to_do.into(), unreachable: false }
    }
}

/// Runs the command.
pub(super) fn doctor(global: &Global) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(&checked)?;
    super::block_on(async {
        let context = Context::open(checked).await?;
        let result = examine(&context).await;
        context.close().await;
        let findings = result?;
        print(global, &findings)?;
        Ok(if findings.iter().any(|finding| finding.unreachable) {
            Exit::Unreachable
        } else if findings.iter().any(|finding| finding.verdict == Verdict::Failed) {
            Exit::Failed
        } else {
            Exit::Done
        })
    })
}

fn print(global: &Global, findings: &[Finding]) -> Result<(), Failure> {
    if global.output == OutputForm::Json {
        return output::json(&findings);
    }
    let rows = findings.iter().map(|f| vec![f.what.clone(), f.verdict.word().to_owned(), f.found.clone(), f.to_do.clone()]);
    output::line(&output::table(&["what", "how it stands", "found", "what to do"], &[], rows).to_string())
}

async fn examine(context: &Context) -> Result<Vec<Finding>, Failure> {
    let mut findings = vec![Finding::ok("settings and definitions", "in order")];
    let database = context.store.server().await?;
    findings.push(Finding::ok("database", database));
    findings.push(match context.vault().keys(true) {
        Ok(keys) => Finding::ok("master key", format!("key `{}`, readable by its owner alone", keys.current_id())),
        Err(error) => Finding::failed("master key", chain(&error), "see the message; without the key set the credentials again"),
    });
    let deps = context.deps();
    syspro(&deps, &mut findings).await;
    servicenow(&deps, &mut findings).await?;
    Ok(findings)
}

async fn syspro(deps: &Deps, findings: &mut Vec<Finding>) {
    let credential = match deps.vault.credential(SYSPRO_ODATA).await {
        Ok(credential) => credential,
        Err(error) => return findings.push(Finding::failed("SYSPRO credential", error.to_string(), "set the credential")),
    };
    let odata = match OData::new(&deps.settings.syspro, &deps.settings.retry) {
        Ok(odata) => odata,
        Err(error) => return findings.push(Finding::failed("SYSPRO", chain(&error), "correct `[syspro]`")),
    };
    for company in &deps.settings.syspro.companies {
        for plan in &deps.definitions.plans {
            let what = format!("SYSPRO {company} {}", plan.entity);
            match odata.probe(&credential, company, &plan.read).await {
                Ok(tables) => tables.iter().for_each(|table| findings.push(table_finding(company, table))),
                Err(error) => {
                    let unreachable = matches!(error, SysproError::Unreachable { .. } | SysproError::Tls { .. });
                    let mut finding = Finding::failed(what, chain(&error), "see the message; nothing else of this company was asked");
                    finding.unreachable = unreachable;
                    findings.push(finding);
                    break;
                }
            }
        }
    }
}

fn table_finding(company: &CompanyId, found: &crate::syspro::ProbeFinding) -> Finding {
    let what = format!("SYSPRO {company} {}", found.table);
    if let Some(error) = &found.error {
        return Finding::failed(what, chain(error), "correct the table's name in the definition, or let SYSPRO serve it");
    }
    if !found.missing.is_empty() {
        let found = format!("lacks the columns {}", found.missing.join(", "));
        return Finding::failed(what, found, "take the columns out of the definition, or list them under `optional`");
    }
    if !found.missing_optional.is_empty() {
        let mut finding = Finding::ok(what, format!("this release lacks {}; they are read as empty", found.missing_optional.join(", ")));
        finding.verdict = Verdict::Warning;
        return finding;
    }
    Finding::ok(what, "readable, with every column")
}

async fn servicenow(deps: &Deps, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    if let Err(error) = deps.vault.credential(SERVICENOW).await {
        findings.push(Finding::failed("ServiceNow credential", error.to_string(), "set the credential"));
        return Ok(());
    }
    let tree = Tree::start(deps, RestartPolicy::default(), false).map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    match tree.tokens.token().await {
        Ok(_) => {
            findings.push(Finding::ok("ServiceNow token", "given"));
            let client = ServiceNow::new(&deps.settings.servicenow).map_err(|error| Failure::plain(&error))?;
            let targets: Vec<_> = deps.definitions.plans.iter().flat_map(|plan| &plan.targets).collect();
            for probe in client.probe(&tree.tokens, &targets).await {
                findings.push(Finding {
                    what: format!("ServiceNow {}", probe.table),
                    verdict: match probe.verdict {
                        ProbeVerdict::Ok => Verdict::Ok,
                        ProbeVerdict::Warning => Verdict::Warning,
                        ProbeVerdict::Failed => Verdict::Failed,
                        ProbeVerdict::CouldNotTell => Verdict::CouldNotTell,
                    },
                    found: probe.message,
                    to_do: probe.next_step.unwrap_or_default(),
                    unreachable: false,
                });
            }
        }
        Err(error) => {
            let mut finding = Finding::failed("ServiceNow token", error.chain(), "see the message");
            finding.unreachable = matches!(error, crate::servicenow::ServiceNowError::Net { .. });
            findings.push(finding);
        }
    }
    tree.stop(STOP_DEADLINE).await;
    Ok(())
}
