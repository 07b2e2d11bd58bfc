//! What to do about an error of SYSPRO: on SYSPRO's side where that is where something is missing.

use crate::domain::next_step::NextStep;
use crate::syspro::SysproError;
use crate::syspro::enet::EnetError;

/// The step after an error of a whole company.
pub(super) fn company_step(error: &SysproError) -> NextStep {
    match error {
        SysproError::WrongPassword { .. } => NextStep::Credential,
        SysproError::Forbidden { .. } => NextStep::OperatorCompany,
        SysproError::Unreachable { .. } | SysproError::Redirected { .. } | SysproError::NotData { .. } => NextStep::ODataService,
        SysproError::Tls { .. } => NextStep::TrustAuthority { section: "syspro".into() },
        SysproError::Enet { source } => enet_step(source),
        _ => NextStep::Company,
    }
}

/// The step after an error of one table.
pub(super) fn table_step(table: &str, error: &SysproError) -> NextStep {
    match error {
        SysproError::Forbidden { .. } => NextStep::OperatorTable { table: table.to_owned() },
        SysproError::UnknownTable { .. } => NextStep::SysproTable,
        SysproError::Refused { .. } | SysproError::Failed { .. } | SysproError::Malformed { .. } => {
            NextStep::SysproLog { table: table.to_owned() }
        }
        error => company_step(error),
    }
}

/// The step after an error of e.net.
pub(super) fn enet_step(error: &EnetError) -> NextStep {
    match error {
        EnetError::Setup { .. } => NextStep::SettingsSection { section: "syspro".into() },
        EnetError::NoAddress | EnetError::Unreachable { .. } | EnetError::NotData { .. } => NextStep::EnetService,
        EnetError::WrongPassword { .. } => NextStep::EnetPassword,
        EnetError::NoSeat { .. } => NextStep::EnetSeat,
        EnetError::Evicted { .. } | EnetError::SessionLost { .. } => NextStep::EnetOperator,
        EnetError::Unlicensed { object, .. } => NextStep::EnetLicence { object: object.clone() },
        EnetError::Held { .. } => NextStep::EnetInUse,
        EnetError::Ledger { .. } => NextStep::DatabaseFirst,
        EnetError::Restarting { .. } => NextStep::Again,
        EnetError::Credential { .. } => NextStep::Credential,
        EnetError::LogonRefused { .. } | EnetError::Refused { .. } | EnetError::Malformed { .. } | EnetError::Condition { .. } => {
            NextStep::EnetSignIn
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_syspro_lacks_has_its_own_step() {
        let operator = || "TIELINE".to_owned();
        let answer = || crate::redact::Quoted::from("x");
        let steps = [
            enet_step(&EnetError::NoSeat { operator: operator(), answer: answer() }),
            enet_step(&EnetError::Unlicensed { object: "COMFND".into(), operator: operator() }),
            enet_step(&EnetError::NotData { asked: "x".into(), status: 404, answer: answer() }),
            enet_step(&EnetError::WrongPassword { operator: operator() }),
            enet_step(&EnetError::LogonRefused { operator: operator(), company: "1".into(), answer: answer() }),
            company_step(&SysproError::Forbidden { operator: operator(), asked: "x".into() }),
            company_step(&SysproError::NotData { asked: "x".into(), answer: answer() }),
            table_step("ApSupplier", &SysproError::Forbidden { operator: operator(), asked: "x".into() }),
            table_step("ApSupplier", &SysproError::UnknownTable { company: "1".into(), table: "ApSupplier".into() }),
            table_step("ApSupplier", &SysproError::Failed { asked: "x".into(), status: 500, answer: answer() }),
        ];
        let texts: std::collections::BTreeSet<String> = steps.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), steps.len(), "{texts:?}");
    }
}
