//! `tieline approvals`: lists and answers what needs a second person.

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::output::at;
use super::who::requested;
use super::{Global, OutputForm, output};
use crate::domain::approval::ApprovalKind;
use crate::domain::reason::Reason;
use crate::operations::approval;
use crate::store::ApprovalRow;

/// The parts of `approvals`.
#[derive(Debug, clap::Subcommand)]
pub enum ApprovalsCommand {
    /// Lists requests for approval, the newest first
    List {
        /// At most this number
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Approves what another person asked for
    Approve(AnswerArgs),
    /// Rejects what another person asked for
    Reject(AnswerArgs),
    /// Withdraws what the same person asked for and has not done yet
    Withdraw(AnswerArgs),
}

/// Which request, and why.
#[derive(Debug, clap::Args)]
pub struct AnswerArgs {
    /// Its number
    id: i64,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// `tieline approvals`
pub(super) fn approvals(global: &Global, command: &ApprovalsCommand) -> Result<Exit, Failure> {
    match command {
        ApprovalsCommand::List { limit } => with_ledger(global, async |context| {
            let rows = approval::list(&context.process(), None, *limit).await?;
            if global.output == OutputForm::Json {
                output::json(&rows)?;
            } else if rows.is_empty() {
                output::line("Nothing has been asked for.")?;
            } else {
                let headers = ["number", "state", "what", "what will happen", "asked by", "why", "until", "answered by", "answer"];
                output::line(&output::sentences(&headers, rows.iter().map(line)))?;
            }
            Ok(Exit::Done)
        }),
        ApprovalsCommand::Approve(args) => answer(global, args, true),
        ApprovalsCommand::Reject(args) => answer(global, args, false),
        ApprovalsCommand::Withdraw(args) => with_ledger(global, async |context| {
            let row = approval::withdraw(&context.process(), args.id, requested(&args.why)).await?;
            match global.output {
                OutputForm::Json => output::json(&row)?,
                _ => output::line(&format!("{} is withdrawn.", row.subject))?,
            }
            Ok(Exit::Done)
        }),
    }
}

fn answer(global: &Global, args: &AnswerArgs, approve: bool) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let row = approval::answer(&context.process(), args.id, approve, requested(&args.why)).await?;
        match global.output {
            OutputForm::Json => output::json(&row)?,
            OutputForm::Table if approve => {
                let who = match row.kind {
                    ApprovalKind::Definition => {
                        format!("a service that has these files puts them into force, or {} repeats it", row.asked_by)
                    }
                    _ => format!("{} can repeat it", row.asked_by),
                };
                output::line(&format!("{} is approved: {who} until {}.", row.subject, at(Some(row.expires_at))))?;
            }
            _ => output::line(&format!("{} is rejected.", row.subject))?,
        }
        Ok(Exit::Done)
    })
}

fn line(row: &ApprovalRow) -> Vec<String> {
    vec![
        row.id.to_string(),
        row.state.to_string(),
        row.subject.clone(),
        row.effect.clone(),
        row.asked_by.clone(),
        row.why.clone(),
        at(Some(row.expires_at)),
        row.answered_by.clone().unwrap_or_default(),
        row.answer.clone().unwrap_or_default(),
    ]
}
