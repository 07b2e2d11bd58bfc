//! `tieline hold` and `tieline release`: hold and release records.

use serde::Serialize;

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::who::requested;
use super::{Global, OutputForm, output, resend};
use crate::domain::reason::Reason;
use crate::domain::resent::ResentOutcome;
use crate::domain::{DocumentKey, FlowId};
use crate::operations::approval::ApprovedRecords;
use crate::operations::{self, NeverRead, Refused, hold::Named};
use crate::store::HoldRow;

/// Which records, and why.
#[derive(Debug, clap::Args)]
pub struct HoldArgs {
    /// The company
    company: String,
    /// The entity
    entity: String,
    /// Up to 1000 keys as SYSPRO stores them, their parts joined by `/`: 0000104/INV-7
    #[arg(required = true)]
    keys: Vec<String>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
}

/// Which records, why, and whether to send them.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    #[command(flatten)]
    records: HoldArgs,
    /// Only queue the records; a running service, or the next sync, sends them
    #[arg(long)]
    no_send: bool,
}

/// The results of released records, for programs.
#[derive(Serialize)]
struct Released {
    records: Vec<HoldRow>,
    /// Keys that were never read from SYSPRO.
    unknown: Vec<String>,
    /// The approval of a second person, and what is left of it; null where none was needed.
    approved: Option<ApprovedRecords>,
    /// The results; null where nothing was sent.
    outcome: Option<ResentOutcome>,
    /// Why sending stopped, if it did.
    errors: Vec<String>,
}

/// `tieline hold`
pub(super) fn hold(global: &Global, args: &HoldArgs) -> Result<Exit, Failure> {
    with_ledger(global, async |context| {
        let Named { records, unknown, .. } =
            operations::hold::hold(&context.process(), args.flow(), &args.keys, requested(&args.why)).await?;
        match global.output {
            OutputForm::Json => output::json(&records)?,
            _ => records.iter().try_for_each(|row| output::line(&held(row)))?,
        }
        known(args, unknown, Exit::Done)
    })
}

/// `tieline release`
pub(super) fn release(global: &Global, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let (args, no_send) = (&args.records, args.no_send);
    with_ledger(global, async |context| {
        // what is only queued is sent by a process with the definitions in force
        let process = if no_send { context.process() } else { context.working_process().await? };
        let (named, followed) = operations::hold::release(&process, args.flow(), &args.keys, requested(&args.why)).await?;
        let Named { records, unknown, approved } = named;
        let people = global.output == OutputForm::Table;
        // a reader that closes the output early must not prevent any sending
        let say = |text: &str| output::even_unread(output::line(text));
        if people {
            records.iter().try_for_each(|row| say(&released(row)))?;
            if let Some(text) = approved.as_ref().and_then(ApprovedRecords::left_out) {
                say(&text)?;
            }
        }
        let sent = if no_send || followed.is_empty() { None } else { Some(resend::send(context, &process, &followed).await?) };
        match &sent {
            Some(sent) if people => sent.say()?,
            None if people && !followed.is_empty() => say("A running service, or the next `tieline sync`, sends what is queued.")?,
            _ => {}
        }
        let exit = sent.as_ref().map_or(Exit::Done, resend::Sent::exit);
        let known = known(args, unknown.clone(), exit);
        if !people {
            let errors = sent.as_ref().map(resend::Sent::errors).unwrap_or_default();
            output::even_unread(output::json(&Released {
                records,
                unknown,
                approved,
                outcome: sent.and_then(|sent| sent.outcome),
                errors,
            }))?;
        }
        known
    })
}

impl HoldArgs {
    fn flow(&self) -> FlowId {
        FlowId::new(self.company.as_str(), self.entity.as_str())
    }
}

/// A key that was never read makes the command fail; the other keys are handled anyway.
fn known(args: &HoldArgs, unknown: Vec<String>, exit: Exit) -> Result<Exit, Failure> {
    if unknown.is_empty() {
        return Ok(exit);
    }
    Err(Refused::from(NeverRead::of(&args.flow(), unknown)).into())
}

fn parts(count: i64) -> String {
    if count == 1 { "1 part".to_owned() } else { format!("{count} parts") }
}

/// The result of a hold.
fn held(row: &HoldRow) -> String {
    let left = match row.left_alone {
        0 => String::new(),
        count => format!("; {} already sent, and not held", parts(count)),
    };
    match row.changed {
        true => format!("{} is on hold: {} held{left}", DocumentKey::shown(&row.key), parts(row.deliveries)),
        false => format!("{} is on hold already{left}", DocumentKey::shown(&row.key)),
    }
}

/// The result of a release.
fn released(row: &HoldRow) -> String {
    let left = match row.left_alone {
        0 => String::new(),
        count => format!("; {} not released (`tieline record` says why)", parts(count)),
    };
    let key = DocumentKey::shown(&row.key);
    match row.changed {
        true => format!("{key} is released: {} queued{left}", parts(row.deliveries)),
        false if row.left_alone > 0 => format!("{key} has nothing that can be released: `tieline replay` maps it again"),
        false => format!("{key} has nothing to release"),
    }
}
