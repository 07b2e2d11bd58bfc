//! Actions that need a second person: asked for, answered, and done once.

use uuid::Uuid;

use super::{Class, Interface, Refused, Requested};
use crate::domain::approval::{Amounts, ApprovalKind, ApprovalState};
use crate::domain::{CompanyId, EntityName};
use crate::process::Process;
use crate::store::{Answered, Approval, ApprovalRow, ApprovedUse, Concerned, ConcernedScope, Concerns, Given, HeldRecords, NewApproval};

/// Why an action was not done, or an answer not stored.
#[derive(Debug, Clone)]
pub enum ApprovalRefused {
    /// It waits for a second person.
    Asked(Box<ApprovalRow>),
    /// The records changed whenever they were counted.
    Changing,
    /// There is no such request.
    Missing(i64),
    /// It is no longer waiting for an answer.
    State(i64, ApprovalState),
    /// The person who asked would answer.
    SamePerson(i64, String),
    /// Another person than the one who asked would withdraw it.
    OtherPerson(i64, String),
}

/// The request for an action, if it needs a second person.
pub(super) fn needed(
    process: &Process,
    kind: ApprovalKind,
    subject: String,
    effect: String,
    concerns: Concerns,
    requested: &Requested,
) -> Option<NewApproval> {
    let hours = process.settings.approvals.hours_of(kind)?;
    Some(NewApproval { kind, subject, effect, concerns, actor: requested.by.clone(), why: requested.why.clone(), hours })
}

/// How often records that change while they are counted are counted again.
const COUNTS: u32 = 5;

/// An approval for records, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ApprovedRecords {
    /// The number of the request.
    pub number: i64,
    /// How many records it is still for.
    #[serde(flatten)]
    pub records: HeldRecords,
}

impl ApprovedRecords {
    /// What the approval is not for, if there is any: those records are left out.
    pub fn left_out(&self) -> Option<String> {
        let HeldRecords { approved, held, selected } = self.records;
        let of = |count: i64, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let changed =
            of(approved - held, "has changed since or is not selected any more", "have changed since or are not selected any more");
        // the newer versions of the changed ones are among those that are selected
        let others =
            of(selected - held, "selected record is not approved as it is now", "selected records are not approved as they are now");
        let all: Vec<String> = changed.into_iter().chain(others).collect();
        (!all.is_empty()).then(|| {
            format!(
                "Request {} holds for {held} of its {approved} records: {}. To include these, repeat it, and ask again.",
                self.number,
                all.join(", ")
            )
        })
    }
}

/// An action with records that another person approved.
#[derive(Debug, Clone)]
pub(super) struct Approved {
    /// The use of the approval, which limits the action to the records that it is for.
    pub(super) used: ApprovedUse,
    /// What is left of it.
    pub(super) records: ApprovedRecords,
}

/// Succeeds if none of these actions with records needs a second person, or if another person has approved them for this one. An approval is
/// used once, and not before the first of the records is queued.
///
/// # Errors
/// [`ApprovalRefused::Asked`], [`ApprovalRefused::Changing`]; an error of the ledger.
pub(super) async fn require_of_records(
    process: &Process,
    kind: ApprovalKind,
    subject: &str,
    scope: &ConcernedScope,
    parameters: &str,
    requested: &Requested,
) -> Result<Option<Approved>, Refused> {
    if process.settings.approvals.hours_of(kind).is_none() {
        return Ok(None);
    }
    for _ in 0..COUNTS {
        let counted = process.store.concerned(scope.clone()).await?;
        let amounts = amounts_of(process, &counted);
        // the change limit is a number of records, whatever their amounts
        if kind != ApprovalKind::ChangeLimit && !amounts.above(&process.settings.approvals.amounts) {
            return Ok(None);
        }
        let effect = format!("{}; {amounts}", said(&counted));
        let concerns =
            Concerns::Records { scope: Box::new(scope.clone()), parameters: parameters.to_owned(), digest: counted.digest.clone() };
        let Some(ask) = needed(process, kind, subject.to_owned(), effect, concerns, requested) else { return Ok(None) };
        match process.store.approval_use(ask).await? {
            Some(Approval::Given(Given { number, records })) => {
                let (actor, why) = (requested.by.clone(), requested.why.clone());
                let used = ApprovedUse { approval: number, execution: Uuid::now_v7(), actor, why };
                let records = ApprovedRecords { number, records: records.unwrap_or_default() };
                return Ok(Some(Approved { used, records }));
            }
            Some(Approval::Asked(row)) => return Err(asked(row)),
            None => {}
        }
    }
    Err(ApprovalRefused::Changing.into())
}

/// The refusal of an action that waits for a second person.
pub(super) fn asked(row: Box<ApprovalRow>) -> Refused {
    Refused::from(ApprovalRefused::Asked(row))
}

/// `3 of EDU1/invoice, 1 of EDU1/supplier`
fn said(counted: &Concerned) -> String {
    match counted.records() {
        0 => "no records".to_owned(),
        1 => format!("1 record: {}", counted.by_flow().join(", ")),
        many => format!("{many} records: {}", counted.by_flow().join(", ")),
    }
}

/// The amounts of records, by the code of their currency in ISO 4217. Records whose definition names no amount have none.
fn amounts_of(process: &Process, counted: &Concerned) -> Amounts {
    let definitions = process.definitions.now();
    let mut amounts = Amounts::default();
    for group in &counted.groups {
        let plan = definitions.plan(&EntityName::new(&group.entity));
        if plan.is_some_and(|plan| plan.shows.amount.is_none()) {
            continue;
        }
        amounts.unknown += group.unknown;
        let currency = definitions.code_lists.currency_shown(&CompanyId::new(&group.company), &group.currency).into_owned();
        let sum = amounts.sums.entry(currency).or_default();
        match group.amount.and_then(|amount| sum.checked_add(amount)) {
            Some(more) => *sum = more,
            // a sum that cannot be stated is not known
            None => amounts.unknown += group.records - group.unknown,
        }
    }
    amounts
}

/// Answers a request for approval.
///
/// # Errors
/// [`ApprovalRefused`]; an error of the ledger.
pub async fn answer(process: &Process, id: i64, approve: bool, requested: Requested) -> Result<ApprovalRow, Refused> {
    done(id, process.store.approval_answer(id, approve, requested.by, requested.why).await?)
}

/// Withdraws a request that this person has made.
///
/// # Errors
/// [`ApprovalRefused`]; an error of the ledger.
pub async fn withdraw(process: &Process, id: i64, requested: Requested) -> Result<ApprovalRow, Refused> {
    done(id, process.store.approval_withdraw(id, requested.by, requested.why).await?)
}

fn done(id: i64, answered: Answered) -> Result<ApprovalRow, Refused> {
    let refused = match answered {
        Answered::Done(row) => return Ok(row),
        Answered::Missing => ApprovalRefused::Missing(id),
        Answered::State(state) => ApprovalRefused::State(id, state),
        Answered::SamePerson(by) => ApprovalRefused::SamePerson(id, by),
        Answered::OtherPerson(by) => ApprovalRefused::OtherPerson(id, by),
    };
    Err(refused.into())
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
            Self::Asked(_) | Self::Changing | Self::State(..) | Self::SamePerson(..) | Self::OtherPerson(..) => Class::NotNow,
        }
    }

    pub(super) fn what(&self) -> String {
        match self {
            Self::Asked(row) => {
                format!(
                    "`approvals.needed` asks for a second person, who has not approved it yet: request {} ({}; {}), until {}",
                    row.id,
                    row.subject,
                    row.effect,
                    row.expires_at.format("%Y-%m-%d %H:%M:%SZ")
                )
            }
            Self::Changing => "the records change while they are counted".to_owned(),
            Self::Missing(id) => format!("there is no request for approval `{id}`"),
            Self::State(id, state) => format!("request {id} is {state}, and waits for no answer"),
            Self::SamePerson(id, by) => format!("{by} asked for {id}, and another person must answer"),
            Self::OtherPerson(id, by) => format!("{by} asked for {id}, and nobody else can withdraw it"),
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
            Self::OtherPerson(..) => "reject it instead".to_owned(),
            Self::Changing => "repeat it in a moment".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_approval_does_not_hold_for_is_said() {
        let said = |approved, held, selected| {
            ApprovedRecords { number: 3, records: HeldRecords { approved, held, selected } }.left_out().unwrap_or_default()
        };
        assert_eq!(said(12, 12, 12), "");
        assert_eq!(
            said(12, 10, 13),
            "Request 3 holds for 10 of its 12 records: 2 have changed since or are not selected any more, 3 selected records are not approved as \
             they are now. To include these, repeat it, and ask again."
        );
        assert!(said(12, 11, 11).contains(": 1 has changed since or is not selected any more. "));
        assert!(said(12, 12, 13).contains(": 1 selected record is not approved as it is now. "));
    }
}
