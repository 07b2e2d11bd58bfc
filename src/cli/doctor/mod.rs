//! `tieline doctor`: live probes of both systems, rights and the database; what was found and what to do.

mod here;

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use super::context::{Checked, Context};
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::actors::enet_keeper::LedgerKeeper;
use crate::actors::vault::{SERVICENOW, syspro_credential};
use crate::actors::{Deps, chain};
use crate::config::settings::SysproSource;
use crate::domain::CompanyId;
use crate::net::HttpClient;
use crate::retry::Class;
use crate::servicenow::{ProbeVerdict, ServiceNow, ServiceNowError, Token, TokenSource, TokenState, fetch_token};
use crate::syspro::enet::{Enet, EnetError};
use crate::syspro::{OData, SysproError};
use crate::telemetry::labels::System;

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

    fn unknown(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { verdict: Verdict::CouldNotTell, ..Self::failed(what, found, to_do) }
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, ..Self::failed(what, found, to_do) }
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
        let findings = examine(checked).await?;
        output::even_unread(print(global, &findings))?;
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

async fn examine(checked: Checked) -> Result<Vec<Finding>, Failure> {
    let mut findings = vec![Finding::ok("settings and definitions", "in order")];
    let settings = checked.settings().clone();
    findings.push(here::state_directory(&settings.state.directory));
    findings.extend(settings.http.certificate.as_ref().map(here::certificate));
    let syspro_http = HttpClient::new(System::SysproOdata, &settings.syspro.connection);
    let servicenow_http = HttpClient::new(System::ServiceNow, &settings.servicenow.connection);
    match Context::open(checked).await {
        Err(failure) => {
            let mut finding = Finding::failed("database", failure.text, "see the message; credentials are kept there");
            finding.unreachable = failure.exit == Exit::Unreachable;
            findings.push(finding);
            for what in ["SYSPRO", "ServiceNow"] {
                findings.push(Finding::unknown(what, "no credential can be read without the database", "make the database answer first"));
            }
        }
        Ok(context) => {
            let result = with_database(&context, &mut findings).await;
            context.close().await;
            result?;
        }
    }
    for (what, http, url) in [
        ("clock and SYSPRO", syspro_http, settings.syspro.odata_url.clone()),
        ("clock and ServiceNow", servicenow_http, settings.servicenow.instance_url.clone()),
    ] {
        // a client that cannot be made has been reported with its system
        if let Ok(http) = http {
            findings.push(here::clock(what, &http, &url).await);
        }
    }
    Ok(findings)
}

async fn with_database(context: &Context, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    findings.push(match context.store.server().await {
        Ok(said) => Finding::ok("database", said),
        Err(error) => Finding::failed("database", chain(&error), "see the message"),
    });
    let credentials = context.store.credential_list().await?;
    findings.push(if credentials.is_empty() {
        let set = "`tieline credential set NAME --username U --password-stdin` makes the key too";
        Finding::warning("master key", "no credential has been set, so none is needed yet", set)
    } else {
        match context.vault().keys(true) {
            Ok(keys) => Finding::ok("master key", format!("key `{}`, readable by its owner alone", keys.current_id())),
            Err(error) => Finding::failed("master key", chain(&error), "see the message; without the key set the credentials again"),
        }
    });
    let deps = context.deps();
    syspro(&deps, findings).await;
    servicenow(&deps, findings).await;
    Ok(())
}

async fn syspro(deps: &Deps, findings: &mut Vec<Finding>) {
    let source = deps.settings.syspro.source;
    let credential = match deps.vault.credential(syspro_credential(source)).await {
        Ok(credential) => credential,
        Err(error) => return findings.push(Finding::failed("SYSPRO credential", error.to_string(), "set the credential")),
    };
    let (odata, session) = match reader(deps).await {
        Ok(reader) => reader,
        Err(problem) => return findings.push(Finding::failed("SYSPRO", problem, "correct `[syspro]`")),
    };
    for company in &deps.settings.syspro.companies {
        for plan in &deps.definitions.plans {
            let what = format!("SYSPRO {company} {}", plan.entity);
            match odata.probe(&credential, company, &plan.read).await {
                Ok(tables) => {
                    for table in tables.iter().map(|table| table_finding(company, table)) {
                        // several entities read one table; what is found of it is said once
                        if !findings.iter().any(|said| said.what == table.what && said.found == table.found) {
                            findings.push(table);
                        }
                    }
                }
                Err(error) => {
                    let mut finding = Finding::failed(what, chain(&error), "see the message; nothing else of this company was asked");
                    finding.unreachable = matches!(error, SysproError::Unreachable { .. } | SysproError::Tls { .. })
                        || matches!(error, SysproError::Enet { source: EnetError::Unreachable { .. } });
                    findings.push(finding);
                    break;
                }
            }
        }
    }
    if let Some(session) = session {
        session.log_off().await;
    }
}

/// The reader through the door that the settings name, and the e.net session it uses.
async fn reader(deps: &Deps) -> Result<(OData, Option<Enet>), String> {
    let (syspro, retry) = (&deps.settings.syspro, &deps.settings.retry);
    if syspro.source == SysproSource::OData {
        return Ok((OData::new(syspro, retry).map_err(|error| chain(&error))?, None));
    }
    let company_password = deps.vault.company_password().await.map_err(|error| error.to_string())?;
    let enet = Enet::new(syspro, company_password, Rc::new(LedgerKeeper::new(deps))).map_err(|error| chain(&error))?;
    Ok((OData::over_enet(syspro, retry, Rc::new(enet.clone())), Some(enet)))
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

/// The one token that this command fetches; a refusal is reported, not answered with another one.
struct OneToken {
    token: Token,
    refused: Cell<bool>,
}

impl TokenSource for OneToken {
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>> {
        let problem = "the instance refused the token that it had just given".to_owned();
        let token = if self.refused.get() { Err(ServiceNowError::TokenUnavailable { problem }) } else { Ok(self.token.clone()) };
        Box::pin(std::future::ready(token))
    }

    fn refused(&self, _: u64) {
        self.refused.set(true);
    }
}

async fn servicenow(deps: &Deps, findings: &mut Vec<Finding>) {
    let credential = match deps.vault.credential(SERVICENOW).await {
        Ok(credential) => credential,
        Err(error) => return findings.push(Finding::failed("ServiceNow credential", error.to_string(), "set the credential")),
    };
    let client = match ServiceNow::new(&deps.settings.servicenow) {
        Ok(client) => client,
        Err(error) => return findings.push(Finding::failed("ServiceNow", error.chain(), "correct `[servicenow]`")),
    };
    let tokens = match fetch_token(client.http(), client.settings(), &credential).await {
        Ok(answer) => OneToken { token: TokenState::default().accept(answer, tokio::time::Instant::now()), refused: Cell::new(false) },
        Err(error) => {
            let mut finding = Finding::failed("ServiceNow token", error.chain(), "see the message");
            finding.unreachable = error.class() == Class::Transient;
            return findings.push(finding);
        }
    };
    findings.push(Finding::ok("ServiceNow token", "given"));
    let targets: Vec<_> = deps.definitions.plans.iter().flat_map(|plan| &plan.targets).collect();
    for probe in client.probe(&tokens, &targets).await {
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
