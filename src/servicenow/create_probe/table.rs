//! A Table API target: POST, DELETE, and a check that the row is gone.

use std::collections::BTreeMap;

use crate::definition::plan::TargetPlan;
use crate::definition::record::derived_sys_id;
use crate::domain::SysId;
use crate::domain::next_step::NextStep;
use crate::net::Method;

use super::trial_row::{Place, Said, TRIAL, no_verdict, not_tried, take_away, unknown, well};
use crate::servicenow::error::ServiceNowError;
use crate::servicenow::outcome::ProbeVerdict;
use crate::servicenow::probe;
use crate::servicenow::query::encode;
use crate::servicenow::token::TokenSource;
use crate::servicenow::transport::{Judged, Op, Transport};
use crate::servicenow::wire::Row;

const ROLE: &str = "a role that creates rows of this table";

pub(super) async fn try_one(transport: &Transport, tokens: &dyn TokenSource, target: &TargetPlan) -> Said {
    let Some(column) = target.key_column.as_deref() else {
        return unknown(
            "not tried: the definition names no `key_column`, by which a test row could be found again",
            NextStep::FirstRecordTells,
        );
    };
    let place = Place { transport, tokens, table: &target.table, column, mark: format!("{TRIAL}/{}", target.table), more: &[] };
    // the same request as the Writer's, so that the test is valid for it
    let id = transport.settings().derived_sys_id.then(|| derived_sys_id(&place.mark, &target.block)).as_deref().and_then(SysId::new);
    match place.clear().await {
        Err(error) => return not_tried(&error),
        Ok(Err((id, problem))) => return place.left_behind(&id, &problem, "a row of an earlier test exists, so rows can be created"),
        Ok(Ok(())) => {}
    }
    match place.hidden().await {
        Err(error) => return not_tried(&error),
        Ok(true) => {
            return place.left_behind("(not shown)", "it may not be read", "a row of an earlier test exists, so rows can be created");
        }
        Ok(false) => {}
    }
    // without the column, only the sys_id would identify the row, and an instance may assign another one
    if !probe::has_column(transport, tokens, &target.table, column).await {
        return unknown(
            format!("not tried: neither a row nor the dictionary shows the column `{column}`, by which the row could be found again"),
            NextStep::MakeKeyColumn,
        );
    }
    if let Some(id) = &id {
        match place.rows_with("sys_id", id).await {
            Err(error) => return not_tried(&error),
            Ok(rows) if rows.is_empty() => {}
            Ok(_) => {
                if let Err(problem) = take_away(transport, tokens, &target.table, id).await {
                    return place.left_behind(id, &problem, "a row of an earlier test exists, so rows can be created");
                }
            }
        }
    }
    let mut fields = BTreeMap::from([(column, place.mark.as_str())]);
    fields.extend(id.as_deref().map(|id| ("sys_id", id)));
    let op = Op {
        alone: true,
        method: Method::POST,
        path: format!(
            "/api/now/table/{}?sysparm_fields={}&sysparm_display_value=false&sysparm_exclude_reference_link=true",
            encode(&target.table),
            encode(&format!("sys_id,{column}"))
        ),
        body: serde_json::to_vec(&fields).unwrap_or_default(),
    };
    let judged = transport.write(tokens, &op).await;
    let made = match &judged {
        Judged::Done(document) => document.result.iter().flatten().find_map(|row| row.filled("sys_id").and_then(SysId::new)),
        _ => None,
    };
    match made {
        Some(id) => {
            let mark = match &judged {
                Judged::Done(document) if document.result.iter().flatten().any(|row| row.text(column) == Some(&place.mark)) => Mark::AsSent,
                _ => Mark::Otherwise,
            };
            ended(&place, &id, "a row could be created", mark).await
        }
        // a refusal can follow a committed write, and so can a lost answer: the table shows whether the row exists
        None => match rows_made(&place, &judged).await {
            Err(error) => unknown(
                format!("{}; Tieline could not read whether a row was created: {}", no_verdict(&judged, ROLE).1, error.chain()),
                NextStep::TrialRowUnseen { table: target.table.clone(), column: column.to_owned(), mark: place.mark.clone() },
            ),
            Ok(rows) => match rows.first().and_then(|row| row.filled("sys_id").and_then(SysId::new)) {
                Some(id) => ended(&place, &id, "a row was created, although the answer did not say so", Mark::AsSent).await,
                None => no_verdict(&judged, ROLE),
            },
        },
    }
}

/// The rows with the mark, if the request may have been carried out.
async fn rows_made(place: &Place<'_>, judged: &Judged) -> Result<Vec<Row>, ServiceNowError> {
    match judged {
        Judged::Done(_) | Judged::Doubt(_) | Judged::Refused { .. } | Judged::Failed(ServiceNowError::Forbidden { .. }) => {
            place.rows_in_time().await
        }
        Judged::NotSent(_) | Judged::Throttled { .. } | Judged::Failed(_) => Ok(Vec::new()),
    }
}

/// The value of the key column in the trial row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// As it was sent.
    AsSent,
    /// Another value.
    Otherwise,
}

async fn ended(place: &Place<'_>, id: &SysId, made: &str, mark: Mark) -> Said {
    match take_away(place.transport, place.tokens, place.table, id).await {
        Err(problem) => place.left_behind(id, &problem, made),
        Ok(()) if mark == Mark::AsSent => well(format!("{made}, and was deleted")),
        Ok(()) => (
            ProbeVerdict::Warning,
            format!("{made}, and was deleted, but its `{}` came back with another value than sent", place.column),
            Some(NextStep::WriteKeyColumn),
        ),
    }
}
