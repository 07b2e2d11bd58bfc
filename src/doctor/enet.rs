//! e.net: whether the operator can sign in, for each company.
//!
//! An operator has one session. If the service has it, the service makes the test, through the actor that keeps the session. A command
//! beside the service only reports who uses the operator.

use super::credential_step::credential_step;
use crate::domain::next_step::NextStep;
use std::rc::Rc;

use super::syspro_step::enet_step;
use super::{DiagnosticsParts, Finding, Report, Way};
use crate::config::Settings;
use crate::config::settings::SysproSource;
use crate::credentials::credential_store::SYSPRO_ENET;
use crate::credentials::secret::Credential;
use crate::definition::Definitions;
use crate::domain::CompanyId;
use crate::domain::budget::UNRESPONSIVE_AFTER;
use crate::domain::chain;
use crate::retry::Class;
use crate::store::EncryptedCredential;
use crate::syspro::enet::{Enet, EnetError, SignInResult};

const SIGN_IN: &str = "e.net sign-in";

/// What e.net is used for at this site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// SYSPRO is read through it.
    Source,
    /// Changes from ServiceNow are written through it.
    WriteBack,
    /// It is configured, with a credential, and not used yet.
    SetUp,
    /// Nothing.
    None,
}

impl Use {
    /// `credentials`: those that are set.
    pub(super) fn of(settings: &Settings, definitions: &Definitions, credentials: &[EncryptedCredential]) -> Self {
        let syspro = &settings.syspro;
        if matches!(syspro.source, SysproSource::Enet { .. }) {
            return Self::Source;
        }
        if definitions.plans.iter().any(|plan| plan.setup.is_some() && plan.aligned().is_some()) {
            return Self::WriteBack;
        }
        let operator = credentials.iter().any(|credential| credential.name == SYSPRO_ENET);
        if syspro.enet_url.is_some() && operator { Self::SetUp } else { Self::None }
    }

    pub(super) fn is_used(self) -> bool {
        self != Self::None
    }
}

/// The access for checking the tables.
pub(super) enum Session {
    /// OData: e.net is not needed for them.
    NotNeeded,
    /// Our own session, to be logged off at the end.
    Own(Enet, Credential),
    /// The service's session.
    Service(Credential),
    /// There is none; the reason was reported.
    None,
}

pub(super) async fn sign_in(parts: &DiagnosticsParts, way: &Way, used: Use, report: &Report) -> Session {
    let closed = || if used == Use::Source { Session::None } else { Session::NotNeeded };
    if used == Use::None {
        let found = match &parts.settings.syspro.enet_url {
            None => "not used: SYSPRO is read through OData, and no definition writes into SYSPRO",
            Some(_) => "not used: SYSPRO is read through OData, no definition writes into SYSPRO, and no operator is set for e.net",
        };
        report.note(Finding::ok("e.net", found));
        return closed();
    }
    if used == Use::Source {
        report.note(Finding::ok("SYSPRO OData", "not used: SYSPRO is read through e.net (`syspro.source`)"));
    }
    let operator = match parts.credential_store.credential(SYSPRO_ENET).await {
        Ok(operator) => operator,
        Err(error) => {
            let what = if used == Use::Source { "SYSPRO credential" } else { "e.net credential" };
            report.note(Finding::failed(what, error.to_string(), credential_step(&error)));
            return closed();
        }
    };
    if let Some(finding) = in_use(parts, &operator.username).await {
        report.note(finding);
        return closed();
    }
    let own = match own(parts, way).await {
        Ok(own) => own,
        Err(error) => {
            report.note(Finding::failed("SYSPRO", chain(&error), NextStep::SettingsSection { section: "syspro".into() }));
            return closed();
        }
    };
    let mut signed_in = false;
    for company in &parts.settings.syspro.companies {
        let visited = match (way, &own) {
            (Way::Service(access), _) => access.enet.visit(&operator, company).await,
            (Way::Own, Some(enet)) => enet.visit(&operator, company).await,
            (Way::Own, None) => break,
        };
        signed_in |= visited.is_ok();
        let go_on = matches!(visited, Ok(_) | Err(EnetError::LogonRefused { .. }));
        report.note(finding(company, &operator.username, visited));
        // a wrong password must not be repeated until the operator is locked
        if !go_on {
            break;
        }
    }
    match (used, signed_in, own) {
        (Use::Source, true, Some(enet)) => Session::Own(enet, operator),
        (Use::Source, true, None) => Session::Service(operator),
        _ => closed(),
    }
}

/// A client for a command; the service has its own.
async fn own(parts: &DiagnosticsParts, way: &Way) -> Result<Option<Enet>, EnetError> {
    if matches!(way, Way::Service(_)) {
        return Ok(None);
    }
    let password = parts.credential_store.company_password().await.map_err(|error| EnetError::Credential { problem: error.to_string() })?;
    Enet::new(&parts.settings.syspro, password, Rc::new(parts.session_store())).map(Some)
}

/// Who else uses the operator, if anybody does.
async fn in_use(parts: &DiagnosticsParts, operator: &str) -> Option<Finding> {
    let user = match parts.store.enet_session_user(operator.to_owned(), parts.holder.clone(), UNRESPONSIVE_AFTER).await {
        Ok(user) => user?,
        Err(error) => return Some(Finding::unknown(SIGN_IN, chain(&error), NextStep::DatabaseFirst)),
    };
    let node = user.holder.split('/').next().unwrap_or_default();
    if user.open {
        let found = format!("operator `{operator}` is in use by node `{node}`, which is signed in: another sign-in would end that session");
        return Some(Finding::ok(SIGN_IN, found));
    }
    let found = format!("operator `{operator}` is in use by node `{node}` at the moment: another sign-in would end that session");
    Some(Finding::unknown(SIGN_IN, found, NextStep::EnetInUse))
}

fn finding(company: &CompanyId, operator: &str, visited: Result<SignInResult, EnetError>) -> Finding {
    let what = format!("{SIGN_IN} {company}");
    match visited {
        Ok(SignInResult { version, was_signed_in }) => {
            let version = version.map_or_else(|problem| format!("its version is unknown ({problem})"), |text| format!("version {text}"));
            let how = if was_signed_in { "the service is signed in" } else { "signed in and signed off" };
            Finding::ok(what, format!("{how} as operator `{operator}`; {version}"))
        }
        Err(error) => {
            let unreachable = matches!(error, EnetError::Unreachable { .. });
            let (text, step) = (chain(&error), enet_step(&error));
            match error {
                EnetError::Restarting { .. } | EnetError::Ledger { .. } => Finding::unknown(what, text, step),
                // without a seat Tieline cannot sign in either
                EnetError::NoSeat { .. } => Finding::failed(what, text, step),
                error if error.class() == Class::Throttled => Finding::unknown(what, text, step),
                _ => Finding::failed(what, text, step).unreachable_if(unreachable),
            }
        }
    }
}
