//! SYSPRO: each table and column of the definitions, company by company.

use super::credential_step;
use crate::domain::next_step::NextStep;
use std::rc::Rc;

use super::enet::Session;
use super::{Finding, Sheet, Verdict, Way};
use crate::actors::vault::SYSPRO_ODATA;
use crate::actors::{Deps, chain};
use crate::domain::CompanyId;
use crate::syspro::enet::EnetError;
use crate::syspro::{OData, ProbeFinding, SysproError};

pub(super) async fn tables(deps: &Deps, way: &Way, session: Session, sheet: &Sheet) {
    let (syspro, retry) = (&deps.settings.syspro, &deps.settings.retry);
    let (odata, credential, own) = match (session, way) {
        (Session::NotNeeded, _) => {
            let credential = match deps.vault.credential(SYSPRO_ODATA).await {
                Ok(credential) => credential,
                Err(error) => return sheet.note(Finding::failed("SYSPRO credential", error.to_string(), credential_step(&error))),
            };
            match OData::new(syspro, retry) {
                Ok(odata) => (odata, credential, None),
                Err(error) => return sheet.note(Finding::failed("SYSPRO", chain(&error), "correct `[syspro]`")),
            }
        }
        (Session::Own(enet, operator), _) => (OData::over_enet(syspro, retry, Rc::new(enet.clone())), operator, Some(enet)),
        (Session::Service(operator), Way::Service(access)) => {
            (OData::over_enet(syspro, retry, Rc::new(access.enet.door())), operator, None)
        }
        (Session::None | Session::Service(_), _) => {
            let found = "not asked: SYSPRO is read through e.net, and there is no session to ask with";
            return sheet.note(Finding::unknown("SYSPRO tables", found, "see what stands at `e.net sign-in`"));
        }
    };
    for company in &syspro.companies {
        for plan in &deps.definitions.now().plans {
            match odata.probe(&credential, company, &plan.read).await {
                Ok(tables) => tables.iter().for_each(|table| sheet.note(table_finding(company, table))),
                Err(error) => {
                    let unreachable = matches!(error, SysproError::Unreachable { .. } | SysproError::Tls { .. })
                        || matches!(error, SysproError::Enet { source: EnetError::Unreachable { .. } });
                    let what = format!("SYSPRO {company} {}", plan.entity);
                    let finding = Finding::failed(what, chain(&error), NextStep::Company.text());
                    sheet.note(finding.unreachable(unreachable));
                    break;
                }
            }
        }
    }
    if let Some(enet) = own {
        enet.log_off().await;
    }
}

fn table_finding(company: &CompanyId, found: &ProbeFinding) -> Finding {
    let what = format!("SYSPRO {company} {}", found.table);
    if found.is_absent() {
        let mut finding = Finding::ok(
            what,
            "this company has no such table, and the entity's file allows that (`may_be_absent`): what is made from it stays empty",
        );
        finding.verdict = Verdict::Warning;
        return finding;
    }
    if let Some(error) = &found.error {
        return Finding::failed(what, chain(error), "correct the table's name in the definition, or let SYSPRO serve it");
    }
    if !found.missing.is_empty() {
        let found = format!("lacks the columns {}", found.missing.join(", "));
        return Finding::failed(what, found, "take the columns out of the definition, or list them under `optional`");
    }
    if !found.not_dates.is_empty() {
        let found = format!("`dates` of the entity's file names what holds no dates: {}", found.not_dates.join(", "));
        return Finding::failed(
            what,
            found,
            "take the columns out of `dates`, or name others: records whose value is no date are set aside",
        );
    }
    if !found.unnamed_dates.is_empty() {
        let found = format!("`dates` of the entity's file does not name {}: carried as the text received", found.unnamed_dates.join(", "));
        let mut finding = Finding::failed(what, found, "name the columns in `dates` of the entity's file, unless they are wanted as text");
        finding.verdict = Verdict::Warning;
        return finding;
    }
    if !found.missing_optional.is_empty() {
        let mut finding = Finding::ok(what, format!("this release lacks {}; they are read as empty", found.missing_optional.join(", ")));
        finding.verdict = Verdict::Warning;
        return finding;
    }
    Finding::ok(what, "readable, with every column")
}
