//! SYSPRO: each table and column of the definitions, company by company.

use std::rc::Rc;

use super::{Finding, Verdict};
use crate::actors::enet_keeper::LedgerKeeper;
use crate::actors::vault::syspro_credential;
use crate::actors::{Deps, chain};
use crate::config::settings::SysproSource;
use crate::domain::CompanyId;
use crate::syspro::enet::{Enet, EnetError};
use crate::syspro::{OData, SysproError};

pub(super) async fn syspro(deps: &Deps, findings: &mut Vec<Finding>) {
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
