//! `tieline definitions`: shows which are in force and how this machine's differ, and puts them into force.

use super::context::Context;
use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::who::requested;
use super::{Global, OutputForm, output};
use crate::definition::set::short;
use crate::domain::approval::ApprovalKind;
use crate::domain::reason::Reason;
use crate::operations::approval::ApprovalRefused;
use crate::operations::{self, Refused};
use crate::process::in_force::request_words;
use crate::store::{AdoptResult, SetRow};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum DefinitionsCommand {
    /// Shows the definitions of this machine, those in force, and the differences
    Show,
    /// Lists every set that was in force, the newest first
    List {
        /// At most this number
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
    },
    /// Puts the definitions of this machine into force; a service with other files stops working until it has the same
    Adopt {
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        why: Reason,
    },
}

/// Runs the command.
pub(super) fn definitions(global: &Global, command: &DefinitionsCommand) -> Result<Exit, Failure> {
    with_ledger(global, async |context| match command {
        DefinitionsCommand::Show => show(global, context).await,
        DefinitionsCommand::List { limit } => list(global, &context.store.definition_list(*limit).await?),
        DefinitionsCommand::Adopt { why } => adopt(global, context, why).await,
    })
}

async fn show(global: &Global, context: &Context) -> Result<Exit, Failure> {
    let set = &context.checked.definitions.set;
    let in_force = context.store.definition_in_force().await?;
    let same = in_force.as_ref().is_some_and(|row| row.hash == set.hash);
    let difference = if same { None } else { context.store.definition_difference(set.clone()).await? };
    let needs_approval = in_force.is_some() && !same && context.checked.settings().approvals.hours_of(ApprovalKind::Definition).is_some();
    let approval = if needs_approval { context.store.approval_of_definitions(set.hash.clone()).await? } else { None };
    if global.output == OutputForm::Json {
        let here = serde_json::json!({ "hash": set.hash, "profile": set.profile, "in_force": same });
        output::json(
            &serde_json::json!({ "here": here, "in_force": in_force, "difference": difference, "needs_approval": needs_approval, "approval": approval }),
        )?;
        return Ok(Exit::Done);
    }
    output::line(&format!("this machine: {} (profile {})", set.short(), set.profile))?;
    match &in_force {
        None => output::line("in force: none yet; the first service or `tieline sync` puts those of its machine into force")?,
        Some(row) => output::line(&format!("in force: {}", words(row)))?,
    }
    if same {
        output::line("They are the same.")?;
    }
    for line in difference.into_iter().flatten() {
        output::line(&format!("  {line}"))?;
    }
    if needs_approval {
        output::line(&format!("They need the approval of a second person: {}.", request_words(approval.as_ref())))?;
    }
    Ok(Exit::Done)
}

fn words(row: &SetRow) -> String {
    let since = row.in_force_since.map(|at| format!(", in force since {}", at.format("%Y-%m-%d %H:%M:%SZ"))).unwrap_or_default();
    let by = row.adopted_by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    format!("{} (number {}, profile {}{since}{by})", short(&row.hash), row.number, row.profile)
}

fn list(global: &Global, rows: &[SetRow]) -> Result<Exit, Failure> {
    if global.output == OutputForm::Json {
        output::json(&rows)?;
        return Ok(Exit::Done);
    }
    let table = rows.iter().map(|row| {
        let since = row.in_force_since.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string());
        let known = row.known_since.format("%Y-%m-%d %H:%M:%SZ").to_string();
        vec![
            row.number.to_string(),
            short(&row.hash).to_owned(),
            row.profile.clone(),
            known,
            since,
            row.adopted_by.clone().unwrap_or_default(),
        ]
    });
    output::line(&output::table(&["number", "hash", "profile", "first adopted", "in force since", "by"], &[0], table))?;
    Ok(Exit::Done)
}

async fn adopt(global: &Global, context: &Context, why: &Reason) -> Result<Exit, Failure> {
    let set = context.checked.definitions.set.clone();
    let hours = context.checked.settings().approvals.hours_of(ApprovalKind::Definition);
    let result = operations::definitions::adopt(&context.store, hours, set.clone(), context.own_name(), requested(why)).await?;
    let (number, adopted) = match &result {
        AdoptResult::InForce { number, adopted } => (number, adopted),
        AdoptResult::Unapproved { asked: Some(row), .. } => return Err(Refused::from(ApprovalRefused::Asked(row.clone())).into()),
        _ => return Err(Failure::new(Exit::Failed, "the ledger did not put them into force")),
    };
    if global.output == OutputForm::Json {
        output::json(&serde_json::json!({ "number": number, "hash": set.hash, "adopted": adopted.is_some(), "difference": adopted }))?;
        return Ok(Exit::Done);
    }
    match adopted {
        None => output::line(&format!("Definitions {} (number {}) were in force already; nothing changed.", set.short(), number.0))?,
        Some(difference) => {
            output::line(&format!("Definitions {} (number {}) are in force now.", set.short(), number.0))?;
            for line in difference {
                output::line(&format!("  {line}"))?;
            }
            output::line("A running service that has other files sends nothing until it has the same: `tieline status` names it.")?;
        }
    }
    Ok(Exit::Done)
}
