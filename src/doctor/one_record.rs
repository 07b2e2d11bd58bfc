//! Finds out whether SYSPRO has a record that was never read, and why it was not: one query, on a person's request. Nothing is stored.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::timeout;

use super::DiagnosticsParts;
use crate::actors::system::Access;
use crate::config::settings::SysproSource;
use crate::credentials::credential_store::{SYSPRO_ENET, SYSPRO_ODATA};
use crate::definition::ReadPlan;
use crate::domain::chain;
use crate::domain::next_step::NextStep;
use crate::domain::{CompanyId, DocumentKey, FlowId};
use crate::syspro::SysproReader;
use crate::syspro::enet::Enet;

/// The time limit for SYSPRO: a person is waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// The result for a record that the ledger does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// No definition contains the entity, or the settings do not contain the company.
    NoFlow,
    /// The key has another number of parts than the entity's keys have.
    OtherKey {
        /// The key's columns.
        columns: Vec<String>,
    },
    /// SYSPRO does not have it.
    NotThere,
    /// SYSPRO has it, and the definition excludes it.
    LeftOut {
        /// The rule that excludes it.
        by: String,
    },
    /// SYSPRO has it, and it will be read.
    ToCome,
    /// SYSPRO did not answer.
    CouldNotTell {
        /// Why.
        why: String,
    },
}

impl Seen {
    /// What to do.
    pub fn next_step(&self) -> NextStep {
        match self {
            Seen::NoFlow => NextStep::NoSuchFlow,
            Seen::OtherKey { .. } => NextStep::JoinKeyParts,
            Seen::NotThere => NextStep::CheckKey,
            Seen::LeftOut { .. } => NextStep::LeftOut,
            Seen::ToCome => NextStep::RunToCome,
            Seen::CouldNotTell { .. } => NextStep::AskAgain,
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::NoFlow => f.write_str("there is no such flow"),
            Seen::OtherKey { columns } => write!(f, "its key has another number of parts than those of the entity: {}", columns.join("/")),
            Seen::NotThere => f.write_str("SYSPRO does not have it"),
            Seen::LeftOut { by } => write!(f, "SYSPRO has it, and the definition leaves it out: {by}"),
            Seen::ToCome => f.write_str("SYSPRO has it, and no run has come by it yet"),
            Seen::CouldNotTell { why } => write!(f, "whether SYSPRO has it could not be looked up: {why}"),
        }
    }
}

/// Queries SYSPRO for one record. `access`: the service's access to SYSPRO; without it, as in a command, an own session is used, if nobody
/// else uses the operator.
pub async fn ask(parts: &DiagnosticsParts, access: Option<&Access>, flow: &FlowId, key: &str) -> Seen {
    let definitions = parts.definitions.now();
    let Some(plan) = definitions.plan(&flow.entity).filter(|_| parts.settings.syspro.companies.contains(&flow.company)) else {
        return Seen::NoFlow;
    };
    let key = DocumentKey::from_text(key);
    if plan.read.root.derive.is_none() && key.parts().len() != plan.read.root.key.len() {
        return Seen::OtherKey { columns: plan.read.root.key.clone() };
    }
    match timeout(PATIENCE, asked(parts, access, &plan.read, &flow.company, &key)).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(why)) => Seen::CouldNotTell { why },
        Err(_) => Seen::CouldNotTell { why: format!("no answer within {} s", PATIENCE.as_secs()) },
    }
}

async fn asked(
    parts: &DiagnosticsParts,
    access: Option<&Access>,
    plan: &ReadPlan,
    company: &CompanyId,
    key: &DocumentKey,
) -> Result<Seen, String> {
    let (syspro, retry) = (&parts.settings.syspro, &parts.settings.retry);
    let credential = |name| async move { parts.credential_store.credential(name).await.map_err(|error| error.to_string()) };
    let (odata, credential, own) = match (&syspro.source, access) {
        (SysproSource::OData { url }, _) => {
            (SysproReader::new(url, syspro, retry).map_err(|error| chain(&error))?, credential(SYSPRO_ODATA).await?, None)
        }
        (SysproSource::Enet { .. }, Some(access)) => {
            (SysproReader::over_enet(syspro, retry, Rc::new(access.enet.handle())), credential(SYSPRO_ENET).await?, None)
        }
        (SysproSource::Enet { .. }, None) => {
            let operator = credential(SYSPRO_ENET).await?;
            let password = parts.credential_store.company_password().await.map_err(|error| error.to_string())?;
            let enet = Enet::new(syspro, password, Rc::new(parts.session_store())).map_err(|error| chain(&error))?;
            (SysproReader::over_enet(syspro, retry, Rc::new(enet.clone())), operator, Some(enet))
        }
    };
    // only the record: its lines would show nothing more
    let alone = ReadPlan { children: Vec::new(), ..plan.clone() };
    let bare = alone.without_rules();
    let found = async |plan: &ReadPlan| {
        let page = odata.by_key(&credential, company, plan, std::slice::from_ref(key)).await.map_err(|error| chain(&error))?;
        Ok::<_, String>(!page.documents.is_empty())
    };
    let seen = async {
        Ok(match (found(&alone).await?, plan.left_out_by(company)) {
            (true, _) => Seen::ToCome,
            (false, Some(by)) if found(&bare).await? => Seen::LeftOut { by },
            (false, _) => Seen::NotThere,
        })
    };
    let seen = seen.await;
    if let Some(enet) = own {
        enet.log_off().await;
    }
    seen
}
