//! The row of a test: finds it, deletes it, and reads from an answer whether the right exists.

use std::cell::Cell;
use std::time::Duration;

use backon::Retryable;

use crate::domain::SysId;
use crate::domain::next_step::NextStep;
use crate::net::{Bytes, Method};
use crate::retry;
use crate::servicenow::error::ServiceNowError;
use crate::servicenow::outcome::ProbeVerdict;
use crate::servicenow::query::{Query, encode};
use crate::servicenow::token::TokenSource;
use crate::servicenow::transport::{Judged, Transport};
use crate::servicenow::wire::{Body, Row, Words, read_body};

/// Start of the key of a test row.
pub(super) const TRIAL: &str = "tieline-doctor";

/// Attempts to find a row that may not be readable at once, and attempts to delete one.
const TRIES: usize = 5;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// The result for the right: the verdict, what was seen, what to do.
pub(super) type Said = (ProbeVerdict, String, Option<NextStep>);

pub(super) fn well(message: impl Into<String>) -> Said {
    (ProbeVerdict::Ok, message.into(), None)
}

pub(super) fn unknown(message: impl Into<String>, step: NextStep) -> Said {
    (ProbeVerdict::Unknown, message.into(), Some(step))
}

pub(super) fn failed(message: impl Into<String>, step: NextStep) -> Said {
    (ProbeVerdict::Failed, message.into(), Some(step))
}

/// The place of the test rows, and what identifies them.
pub(super) struct Place<'a> {
    pub(super) transport: &'a Transport,
    pub(super) tokens: &'a dyn TokenSource,
    pub(super) table: &'a str,
    pub(super) column: &'a str,
    pub(super) mark: String,
    /// Further columns to read.
    pub(super) more: &'a [&'a str],
}

impl Place<'_> {
    /// The rows with the mark.
    async fn rows(&self) -> Result<Vec<Row>, ServiceNowError> {
        self.rows_with(self.column, &self.mark).await
    }

    pub(super) async fn rows_with(&self, column: &str, value: &str) -> Result<Vec<Row>, ServiceNowError> {
        let fields: Vec<&str> = [column, self.column].into_iter().chain(self.more.iter().copied()).collect();
        let query = Query { table: self.table, column, extra: String::new(), order: "ORDERBYsys_id", fields: &fields, per_value: 20 };
        query.rows(self.transport, self.tokens, &[value]).await
    }

    /// The same, repeated until there is one or the attempts are used up: the query may arrive before the write whose answer was lost.
    pub(super) async fn rows_in_time(&self) -> Result<Vec<Row>, ServiceNowError> {
        retry::until(retry::pauses(PAUSE, TRIES), || self.rows(), |rows| !rows.is_empty()).await
    }

    /// Whether there is an invisible row with the mark: the count of a list includes it.
    pub(super) async fn hidden(&self) -> Result<bool, ServiceNowError> {
        let (table, query) = (encode(self.table), encode(&format!("{}={}^ORDERBYsys_id", self.column, self.mark)));
        let path = format!("/api/now/table/{table}?sysparm_query={query}&sysparm_fields=sys_id&sysparm_limit=1");
        let (rows, total) = self.transport.read_counted(self.tokens, &path).await?;
        Ok(rows.is_empty() && total.is_some_and(|total| total > 0))
    }

    /// Deletes what an earlier test left; answers the sys_id that could not be deleted, and why.
    pub(super) async fn clear(&self) -> Result<Result<(), (String, String)>, ServiceNowError> {
        for row in self.rows().await? {
            let Some(id) = row.filled("sys_id").and_then(SysId::new) else { continue };
            if let Err(problem) = take_away(self.transport, self.tokens, self.table, &id).await {
                return Ok(Err((id.into(), problem)));
            }
        }
        Ok(Ok(()))
    }

    /// The result for a row that could not be deleted.
    pub(super) fn left_behind(&self, id: &str, problem: &str, made: &str) -> Said {
        failed(
            format!("{made}, and it could not be deleted: row {id} of `{}`, `{}` = `{}`: {problem}", self.table, self.column, self.mark),
            NextStep::TrialRowLeft,
        )
    }
}

/// Deletes a row and checks that it is gone; otherwise answers why it is not.
pub(super) async fn take_away(transport: &Transport, tokens: &dyn TokenSource, table: &str, id: &SysId) -> Result<(), String> {
    let path = format!("/api/now/table/{}/{}", encode(table), encode(id));
    let here = Place { transport, tokens, table, column: "sys_id", mark: id.to_string(), more: &[] };
    let seen = Cell::new(false);
    let attempt = || async {
        let mut problem = match transport.call(tokens, &Method::DELETE, &path, Bytes::new()).await {
            Err(error) => Some(error.chain()),
            Ok(answer) => match (answer.status, read_body(&answer.body)) {
                (200 | 204, Body::Empty | Body::Document(_)) => None,
                // there is no such row, or it is not visible: a row that was visible before is gone
                (404, _) if seen.get() => None,
                (404, _) => Some("the instance does not show it, so it is unknown whether it is deleted".into()),
                (status, Body::Failure(words)) => Some(format!("status {status}: {}", words.line())),
                (status, _) => Some(format!("status {status}")),
            },
        };
        match here.rows().await {
            Ok(rows) if rows.is_empty() && problem.is_none() => return Ok(()),
            Ok(rows) => seen.set(seen.get() || !rows.is_empty()),
            Err(error) => problem = Some(format!("Tieline could not read whether it is deleted: {}", error.chain())),
        }
        Err(problem.unwrap_or_else(|| "it still exists, although the instance reported that it was deleted".into()))
    };
    attempt.retry(retry::pauses(PAUSE, TRIES)).await
}

/// What refused the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// An access rule: the right is missing.
    Access,
    /// A data policy or a business rule, which applies after the access rules or independently of them.
    Rule,
    /// Something else; the message shows it.
    Other,
}

/// The texts are those of the Table API, for a table's ACL, a data policy, a business rule and a role that the API requires.
fn refused_by(words: &Words) -> Refused {
    let say = |texts: &[&str]| texts.iter().any(|text| words.say(text));
    if say(&["ACL Exception", "security constraints", "Insufficient rights", "User Not Authorized", "API level ACL"]) {
        Refused::Access
    } else if say(&["Data Policy", "Business Rule", "Operation against file"]) {
        Refused::Rule
    } else {
        Refused::Other
    }
}

/// What a refusal shows about the right.
fn refusal(status: u16, words: &Words, role: &str) -> Said {
    let line = words.line();
    match refused_by(words) {
        Refused::Access => failed(format!("no row may be created: {line}"), NextStep::GiveRole { role: role.to_owned() }),
        Refused::Rule => unknown(
            format!("a rule of the instance, not an access rule, refused the row, so the right is unknown: {line}"),
            NextStep::FirstRecordTells,
        ),
        Refused::Other => unknown(
            format!("the row was refused with status {status}, and the message does not mention a right: {line}"),
            NextStep::AskInstanceLog,
        ),
    }
}

/// What a write without a verdict shows about the right, when no row is found.
pub(super) fn no_verdict(judged: &Judged, role: &str) -> Said {
    match judged {
        Judged::Throttled { words, .. } => unknown(format!("the instance asks for a pause: {words}"), NextStep::InstanceBusy),
        Judged::NotSent(message) => unknown(message.clone(), NextStep::WhenReachable),
        Judged::Doubt(message) => {
            unknown(format!("the answer cannot be used, and no row is there yet: {message}"), NextStep::DiagnoseAgain)
        }
        Judged::Refused { status, words } => refusal(*status, words, role),
        Judged::Failed(ServiceNowError::Forbidden { words, .. }) => {
            refusal(403, &Words { message: words.clone().into(), detail: String::new() }, role)
        }
        Judged::Failed(error) => unknown(error.chain(), NextStep::InstanceRefuses),
        Judged::Done(_) => unknown("answered as done, but the row was not found", NextStep::DiagnoseAgain),
    }
}

/// No row is created if it could not be found again.
pub(super) fn not_tried(error: &ServiceNowError) -> Said {
    unknown(format!("not tried, because a test row could not be found again: {}", error.chain()), NextStep::ReadKeyColumn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_rule_is_told_from_other_rules() {
        let by = |detail: &str| refused_by(&Words { message: "Operation Failed".into(), detail: detail.into() });
        assert_eq!(by("ACL Exception Insert Failed due to security constraints"), Refused::Access);
        assert_eq!(by("Data Policy Exception: The following fields are mandatory: Name"), Refused::Rule);
        assert_eq!(
            by("Operation against file 'proc_po' was aborted by Business Rule 'Closed^1'. Business Rule Stack:Closed"),
            Refused::Rule
        );
        assert_eq!(by("Error during insert of proc_po (x)"), Refused::Other);
        assert_eq!(
            refused_by(&Words { message: "User Not Authorized".into(), detail: "Failed API level ACL Validation".into() }),
            Refused::Access
        );
    }
}
