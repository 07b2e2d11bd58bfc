//! Finds out whether SYSPRO has a record that was never read, and why it was not: one query, on a person's request. Nothing is stored.

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use crate::actors::system::Access;
use crate::definition::ReadPlan;
use crate::domain::chain;
use crate::domain::next_step::NextStep;
use crate::domain::{CompanyId, DocumentKey, FlowId};
use crate::process::Process;
use crate::process::syspro_link::SysproLink;

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
    Unknown {
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
            Seen::Unknown { .. } => NextStep::AskAgain,
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::NoFlow => f.write_str("there is no such flow"),
            Seen::OtherKey { columns } => write!(f, "its key must have these parts: {}", columns.join("/")),
            Seen::NotThere => f.write_str("SYSPRO does not have it"),
            Seen::LeftOut { by } => write!(f, "SYSPRO has it, and the definition excludes it: {by}"),
            Seen::ToCome => f.write_str("SYSPRO has it, and no run has read it yet"),
            Seen::Unknown { why } => write!(f, "Tieline could not check whether SYSPRO has it: {why}"),
        }
    }
}

/// Queries SYSPRO for one record. `access`: the service's access to SYSPRO; without it, as in a command, an own session is used, if nobody
/// else uses the operator.
pub async fn ask(process: &Process, access: Option<&Access>, flow: &FlowId, key: &str) -> Seen {
    let definitions = process.definitions.now();
    let Some(plan) = definitions.plan(&flow.entity).filter(|_| process.settings.syspro.companies.contains(&flow.company)) else {
        return Seen::NoFlow;
    };
    let key = DocumentKey::from_text(key);
    if plan.read.root.derive.is_none() && key.parts().len() != plan.read.root.key.len() {
        return Seen::OtherKey { columns: plan.read.root.key.clone() };
    }
    match timeout(PATIENCE, asked(process, access, &plan.read, &flow.company, &key)).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(why)) => Seen::Unknown { why },
        Err(_) => Seen::Unknown { why: format!("no answer within {} s", PATIENCE.as_secs()) },
    }
}

async fn asked(
    process: &Process,
    access: Option<&Access>,
    plan: &ReadPlan,
    company: &CompanyId,
    key: &DocumentKey,
) -> Result<Seen, String> {
    let link = SysproLink::open(process, access.map(Access::enet_transport)).await?;
    // only the record: its lines would show nothing more
    let alone = ReadPlan { children: Vec::new(), ..plan.clone() };
    let bare = alone.without_rules();
    let found = async |plan: &ReadPlan| {
        let page = link.reader.by_key(&link.credential, company, plan, std::slice::from_ref(key)).await.map_err(|error| chain(&error))?;
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
    link.close().await;
    seen
}
