//! Actions that need a second person: asked for, answered, and done once.

use super::{Class, Interface, Refused, Requested};
use crate::domain::approval::{ApprovalKind, ApprovalState};
use crate::process::Process;
use crate::store::{Answered, Approval, ApprovalRow};

/// Why an action was not done, or an answer not stored.
#[derive(Debug, Clone)]
pub enum ApprovalRefused {
    /// It waits for a second person.
    Asked(ApprovalRow),
    /// There is no such request.
    Missing(i64),
    /// It is no longer waiting for an answer.
    State(i64, ApprovalState),
    /// The person who asked would answer.
    SamePerson(i64, String),
}

/// Succeeds if the action needs no second person, or if another person has approved it for this one. An approval is used once.
///
/// # Errors
/// [`ApprovalRefused::Asked`]; an error of the ledger.
pub async fn require(process: &Process, kind: ApprovalKind, subject: String, requested: &Requested) -> Result<(), Refused> {
    let settings = &process.settings.approvals;
    if !settings.needed.contains(&kind) {
        return Ok(());
    }
    let asked = process.store.approval_use(kind, subject, requested.by.clone(), requested.why.clone(), settings.hours).await?;
    match asked {
        Approval::Given => Ok(()),
        Approval::Asked(row) => Err(Refused::Approval(Box::new(ApprovalRefused::Asked(row)))),
    }
}

/// Answers a request for approval.
///
/// # Errors
/// [`ApprovalRefused`]; an error of the ledger.
pub async fn answer(process: &Process, id: i64, approve: bool, requested: Requested) -> Result<ApprovalRow, Refused> {
    let refused = match process.store.approval_answer(id, approve, requested.by, requested.why).await? {
        Answered::Done(row) => return Ok(row),
        Answered::Missing => ApprovalRefused::Missing(id),
        Answered::State(state) => ApprovalRefused::State(id, state),
        Answered::SamePerson(by) => ApprovalRefused::SamePerson(id, by),
    };
    Err(Refused::Approval(Box::new(refused)))
}

/// Requests for approval, the newest first; before this one, if given.
///
/// # Errors
/// An error of the ledger.
pub async fn list(process: &Process, before: Option<i64>, limit: i64) -> Result<Vec<ApprovalRow>, Refused> {
    Ok(process.store.approval_list(before, limit).await?)
}

impl ApprovalRefused {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Missing(_) => Class::Missing,
            Self::Asked(_) | Self::State(..) | Self::SamePerson(..) => Class::NotNow,
        }
    }

    pub(super) fn what(&self) -> String {
        match self {
            Self::Asked(row) => {
                format!("`approvals.needed` asks for a second person, who has not approved it yet: request {} ({})", row.id, row.subject)
            }
            Self::Missing(id) => format!("there is no request for approval `{id}`"),
            Self::State(id, state) => format!("request {id} is {state}, and waits for no answer"),
            Self::SamePerson(id, by) => format!("{by} asked for {id}, and another person must answer"),
        }
    }

    pub(super) fn next_step(&self, on: Interface) -> String {
        let one_of = |http: String, console: &str, cli: String| match on {
            Interface::Http => http,
            Interface::Console => console.to_owned(),
            Interface::Cli => cli,
        };
        match self {
            Self::Asked(row) => one_of(
                format!("let another person `POST /api/v1/approvals/{}/approve`, then repeat", row.id),
                "let another person approve it on the page *Approvals*, then repeat",
                format!("let another person run `tieline approvals approve {} --why …`, then repeat", row.id),
            ),
            Self::Missing(_) | Self::State(..) => one_of(
                "`GET /api/v1/approvals` lists them".to_owned(),
                "the page *Approvals* lists them",
                "`tieline approvals list` lists them".to_owned(),
            ),
            Self::SamePerson(..) => "let another person answer".to_owned(),
        }
    }
}
