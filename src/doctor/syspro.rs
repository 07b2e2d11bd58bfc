//! SYSPRO: each table and column of the definitions, for each company.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::credential_step::credential_step;
use super::enet::Session;
use super::syspro_step::{company_step, table_step};
use super::{CheckResult, DiagnosticsParts, Finding, Report, Way};
use crate::config::settings::{AbsentColumns, KeyOrder, SysproSettings, SysproSource};
use crate::credentials::credential_store::SYSPRO_ODATA;
use crate::domain::CompanyId;
use crate::domain::chain;
use crate::domain::next_step::NextStep;
use crate::syspro::enet::EnetError;
use crate::syspro::{Capabilities, ProbeFinding, SeenOrder, SysproError, SysproReader};

pub(super) async fn tables(parts: &DiagnosticsParts, way: &Way, session: Session, report: &Report) {
    let (syspro, retry) = (&parts.settings.syspro, &parts.settings.retry);
    let (reader, credential, own) = match (session, way) {
        (Session::NotNeeded, _) => {
            let credential = match parts.credential_store.credential(SYSPRO_ODATA).await {
                Ok(credential) => credential,
                Err(error) => return report.note(Finding::failed("SYSPRO credential", error.to_string(), credential_step(&error))),
            };
            let SysproSource::OData { url } = &syspro.source else {
                return report.note(Finding::unknown("SYSPRO tables", "not checked: no OData service is configured", NextStep::EnetFirst));
            };
            match SysproReader::new(url, syspro, retry) {
                Ok(reader) => (reader, credential, None),
                Err(error) => {
                    return report.note(Finding::failed("SYSPRO", chain(&error), NextStep::SettingsSection { section: "syspro".into() }));
                }
            }
        }
        (Session::Own(enet, operator), _) => (SysproReader::over_enet(syspro, retry, Rc::new(enet.clone())), operator, Some(enet)),
        (Session::Service(operator), Way::Service(access)) => {
            (SysproReader::over_enet(syspro, retry, Rc::new(access.enet.handle())), operator, None)
        }
        (Session::None | Session::Service(_), _) => {
            let found = "not checked: SYSPRO is read through e.net, and no session is open";
            return report.note(Finding::unknown("SYSPRO tables", found, NextStep::EnetFirst));
        }
    };
    for company in &syspro.companies {
        let (mut seen, mut whole, mut tables) = (Vec::new(), true, Vec::new());
        for plan in &parts.definitions.now().plans {
            match reader.probe(&credential, company, &plan.read).await {
                Ok(found) => {
                    // a table that cannot be read is reported below
                    let is_ok = found.first().is_some_and(ProbeFinding::is_ok);
                    tables.extend(found);
                    if is_ok && let Ok(capabilities) = reader.capabilities(&credential, company, &plan.read).await {
                        seen.push(capabilities);
                    }
                }
                Err(error) => {
                    let unreachable = matches!(error, SysproError::Unreachable { .. } | SysproError::Tls { .. })
                        || matches!(error, SysproError::Enet { source: EnetError::Unreachable { .. } });
                    let what = format!("SYSPRO {company} {}", plan.entity);
                    let finding = Finding::failed(what, chain(&error), company_step(&error));
                    report.note(finding.unreachable_if(unreachable));
                    whole = false;
                    break;
                }
            }
        }
        match no_right(company, &credential.username, &tables).filter(|_| whole) {
            Some(finding) => report.note(finding),
            None => tables.iter().for_each(|table| report.note(table_finding(company, table, syspro.absent_columns))),
        }
        if whole && !seen.is_empty() {
            report.note(capabilities_finding(company, &seen, syspro, reader.is_enet()));
        }
    }
    if let Some(enet) = own {
        enet.log_off().await;
    }
}

/// One finding when the operator may read no table of the company at all.
fn no_right(company: &CompanyId, operator: &str, tables: &[ProbeFinding]) -> Option<Finding> {
    let is_refused = |table: &ProbeFinding| matches!(table.error, Some(SysproError::Forbidden { .. }));
    if tables.is_empty() || !tables.iter().all(is_refused) {
        return None;
    }
    let found = format!("operator `{operator}` may not read any of the {} tables of company `{company}` (403)", distinct(tables));
    Some(Finding::failed(format!("SYSPRO {company} operator"), found, NextStep::OperatorCompany))
}

/// How many tables there are: several definitions may read the same one.
fn distinct(tables: &[ProbeFinding]) -> usize {
    tables.iter().map(|found| found.table.as_str()).collect::<BTreeSet<_>>().len()
}

/// The order of the service's keys, and whether it counts rows.
fn capabilities_finding(company: &CompanyId, seen: &[Capabilities], settings: &SysproSettings, enet: bool) -> Finding {
    let what = format!("SYSPRO {company} order and count");
    let by_order = |seen: &Capabilities| match &seen.order {
        SeenOrder::Ignored(pair) => Some(format!("`{}` ({pair})", seen.table)),
        _ => None,
    };
    let ignored: Vec<String> = seen.iter().filter_map(by_order).collect();
    if !ignored.is_empty() {
        let found = format!("keys do not come in the requested order: {}", ignored.join(", "));
        return Finding::failed(what, found, NextStep::OrderIgnored);
    }
    let other = seen.iter().find_map(|seen| match &seen.order {
        SeenOrder::Other(pair) => Some(format!("{pair} in `{}`", seen.table)),
        _ => None,
    });
    let order = match &other {
        Some(pair) => format!("keys ascend as another collation than `Latin1_General_BIN` sorts them ({pair})"),
        None if seen.iter().any(|seen| matches!(seen.order, SeenOrder::Binary { told: true })) => {
            "keys ascend by code point, as `Latin1_General_BIN` sorts them".to_owned()
        }
        None => "keys ascend; none of them shows by which collation".to_owned(),
    };
    let tables = |names: Vec<&Capabilities>| names.iter().map(|seen| format!("`{}`", seen.table)).collect::<Vec<_>>().join(", ");
    let (counted, not): (Vec<&Capabilities>, Vec<&Capabilities>) = seen.iter().partition(|seen| seen.counts_by.is_some());
    let by = counted.first().and_then(|seen| seen.counts_by).unwrap_or_default();
    const TWICE: &str = "before Tieline accepts that a record or some of its rows are gone, it reads the record once more";
    let count = match (enet, settings.count_check) {
        (true, _) => format!("e.net does not count rows: {TWICE}"),
        (_, false) => format!("rows are not counted (`syspro.count_check = false`): {TWICE}"),
        _ if not.is_empty() => format!("rows are counted (`{by}`), and full reads are compared with the count"),
        _ if counted.is_empty() => format!("the service does not count rows (`$count`, `$inlinecount`): {TWICE}"),
        _ => format!("rows are counted (`{by}`), but not of {}: {TWICE}", tables(not)),
    };
    let found = format!("{order}; {count}");
    match (other, settings.key_order) {
        (Some(_), KeyOrder::Binary) => Finding::failed(what, found, NextStep::OtherOrder),
        _ => Finding::ok(what, found),
    }
}

fn table_finding(company: &CompanyId, found: &ProbeFinding, absent: AbsentColumns) -> Finding {
    let what = format!("SYSPRO {company} {}", found.table);
    if found.is_absent() {
        let mut finding = Finding::ok(
            what,
            "this company has no such table, and the entity's file allows that (`may_be_absent`): what is made from it stays empty",
        );
        finding.verdict = CheckResult::Warning;
        return finding;
    }
    if let Some(error) = &found.error {
        let listed = match found.is_listed {
            Some(false) => "; `$metadata` of the service does not name it either",
            Some(true) => ", although `$metadata` of the service names it",
            None => "",
        };
        let about_table = matches!(error, SysproError::UnknownTable { .. } | SysproError::Refused { .. });
        let text = format!("{}{}", chain(error), if about_table { listed } else { "" });
        return Finding::failed(what, text, table_step(&found.table, error));
    }
    if !found.missing.is_empty() {
        let found = format!("lacks the columns {}", found.missing.join(", "));
        return Finding::failed(what, found, NextStep::SysproColumns);
    }
    if !found.left_out.is_empty() {
        let columns = found.left_out.join(", ");
        return match absent {
            AbsentColumns::Fail => {
                let step = NextStep::ColumnLeftOut { columns, table: found.table.clone() };
                let columns = found.left_out.join(", ");
                Finding::failed(what, format!("the returned row has no {columns}: records with such rows fail"), step)
            }
            AbsentColumns::Empty => {
                let text = format!("the returned row has no {columns}: read as empty (`syspro.absent_columns`)");
                Finding { verdict: CheckResult::Warning, ..Finding::ok(what, text) }
            }
        };
    }
    if !found.not_dates.is_empty() {
        let found = format!("`dates` of the entity's file names columns without dates: {}", found.not_dates.join(", "));
        return Finding::failed(what, found, NextStep::NoDates);
    }
    if !found.unnamed_dates.is_empty() {
        let found =
            format!("`dates` of the entity's file does not name {}: their text is copied unchanged", found.unnamed_dates.join(", "));
        let mut finding = Finding::failed(what, found, NextStep::UnnamedDates);
        finding.verdict = CheckResult::Warning;
        return finding;
    }
    if !found.missing_optional.is_empty() {
        let mut finding = Finding::ok(what, format!("this release lacks {}; they are read as empty", found.missing_optional.join(", ")));
        finding.verdict = CheckResult::Warning;
        return finding;
    }
    Finding::ok(what, "readable, with every column")
}
