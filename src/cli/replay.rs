//! `tieline replay`: maps records again from their stored content and sends them again.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::audit::instant;
use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::words::closed;
use super::{Global, OutputForm, output, resend, who};
use crate::domain::delivery::FailureReason;
use crate::domain::ids::RunId;
use crate::domain::reason::Reason;
use crate::domain::run::RunCounts;
use crate::operations;
use crate::operations::approval::ApprovedRecords;
use crate::operations::outdated::OutdatedReport;
use crate::operations::replay::{Selection, Which};
use crate::operations::resend::ReplayReport;
use crate::store::ReplayScope;

/// Which records.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Only this company
    #[arg(long)]
    company: Option<String>,
    /// Only this entity
    #[arg(long)]
    entity: Option<String>,
    /// Only this record; may be repeated, then with --company and --entity
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Only records whose content changed in this run
    #[arg(long, value_parser = run_id)]
    run: Option<RunId>,
    /// Only records with a part that failed, waits for a parent or is on hold
    #[arg(long)]
    failed_only: bool,
    /// Only records whose newest version was read from this time on: 2026-01-31 or 2026-01-31T08:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    since: Option<DateTime<Utc>>,
    /// Only records whose newest version was read before this time
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    until: Option<DateTime<Utc>>,
    /// Only records with a part that failed, waits or is on hold for this reason
    #[arg(long, value_parser = closed::<FailureReason>(FailureReason::WORDS.iter().copied()))]
    reason: Option<FailureReason>,
    /// Only records with a failed part that has this text in its message
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    text: Option<String>,
    /// Only the records of this cause, by its name in `tieline failures`
    #[arg(long, value_name = "NAME")]
    cause: Option<String>,
    /// All records
    #[arg(long)]
    all: bool,
    /// Records that were mapped under another definition than the one in force: they are compared with what was sent, and what differs is sent
    #[arg(long)]
    outdated: bool,
    /// With --outdated: send up to this number of records, whatever `flows.change_limit` is; 0 sends nothing and only counts the differing
    /// records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    allow: Option<i64>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    why: Reason,
    /// Only queue the records; a running service, or the next sync, sends them
    #[arg(long)]
    no_send: bool,
}

/// The results for programs. Values that only sending gives are null without sending.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    taken_in: ReplayReport,
    sent: Option<i64>,
    confirmed: Option<i64>,
    /// Records that are completely delivered.
    delivered: Option<i64>,
    /// Why sending stopped, if it did.
    errors: Vec<String>,
}

/// A run, by its id.
fn run_id(text: &str) -> Result<RunId, String> {
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not the id of a run, such as 01936b2e-0000-7000-8000-000000000000; `tieline status --output json` and the console \
             show the last runs"
        )
    })
}

/// The requested records; an empty request does not mean all.
fn which(args: &ReplayArgs) -> Result<Which, Failure> {
    // one record may be named alone, several only as those of one flow
    let (key, keys) = match args.keys.as_slice() {
        [] => (None, None),
        [key] => (Some(key.clone()), None),
        keys => (None, Some(keys.to_vec())),
    };
    let scope = ReplayScope {
        company: args.company.clone(),
        entity: args.entity.clone(),
        key,
        run: args.run,
        failed_only: args.failed_only,
        since: args.since,
        until: args.until,
        reason: args.reason.map(|reason| reason.to_string()),
        text: args.text.clone(),
        cause: args.cause.clone(),
        keys: Vec::new(),
        approval: None,
    };
    Ok(Which::of(Selection { scope, keys, all: args.all, outdated: args.outdated, allow: args.allow })?)
}

/// Runs the command.
pub(super) fn replay(global: &Global, args: &ReplayArgs) -> Result<Exit, Failure> {
    let which = which(args)?;
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let context = Context::open(checked).await?;
        let result = run(&context, global, args, which).await;
        context.close().await;
        result
    })
}

async fn run(context: &Context, global: &Global, args: &ReplayArgs, which: Which) -> Result<Exit, Failure> {
    let process = context.working_process().await?;
    let people = global.output == OutputForm::Table;
    // a reader that closes the output early must not prevent any sending, nor change the exit code
    let say = |text: &str| output::even_unread(output::line(text));
    let compared = |report: &OutdatedReport| {
        if people {
            // the printed report does not decide what is sent
            let _ = say(&report.to_string());
        }
    };
    let taken_in = operations::replay::replay(&process, which, &who::requested(&args.why), compared).await;
    let mut taken_in = taken_in.map_err(|refused| context.checked.refused(refused))?;
    if let (true, Some(stopped)) = (people, taken_in.outdated.as_ref().and_then(|report| report.stopped.as_ref())) {
        say(stopped)?;
    }
    let nothing = taken_in.documents == 0 && taken_in.skipped.is_empty();
    if people {
        match (nothing, taken_in.documents, args.no_send) {
            (true, ..) if args.outdated => {}
            (true, ..) => say("No record in the ledger matches; nothing was sent.")?,
            (_, 1, true) => say("1 record was mapped again and is queued.")?,
            (_, count, true) => say(&format!("{count} records were mapped again and are queued."))?,
            _ => {}
        }
        for skipped in &taken_in.skipped {
            say(&format!("left out: {skipped}"))?;
        }
        if let Some(text) = taken_in.approved.as_ref().and_then(ApprovedRecords::left_out) {
            say(&text)?;
        }
    }
    let left_out = !taken_in.skipped.is_empty() || taken_in.outdated.as_ref().is_some_and(OutdatedReport::is_undone);
    if args.no_send || taken_in.documents == 0 {
        if !people {
            output::even_unread(output::json(&Outcome { taken_in, sent: None, confirmed: None, delivered: None, errors: Vec::new() }))?;
        }
        return Ok(if left_out { Exit::Partly } else { Exit::Done });
    }
    let sent = resend::send(context, &process, &taken_in.followed).await?;
    if people {
        for (flow, counts) in process.progress.all() {
            say(&format!("{flow}: delivered {}", counts.delivered))?;
        }
        sent.say()?;
    } else {
        let mut all = RunCounts::default();
        process.progress.all().into_values().for_each(|counts| all += counts);
        taken_in.outcome.clone_from(&sent.outcome);
        let (parts, confirmed, delivered) = (Some(all.sent), Some(all.confirmed), Some(all.delivered));
        output::even_unread(output::json(&Outcome { taken_in, sent: parts, confirmed, delivered, errors: sent.errors() }))?;
    }
    match sent.exit() {
        Exit::Done if left_out => Ok(Exit::Partly),
        exit => Ok(exit),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ReplayArgs,
    }

    fn scope_of(line: &[&str]) -> Result<Which, Failure> {
        let line = Line::try_parse_from(["replay", "--why", "x"].iter().chain(line)).expect("a line that can be read");
        which(&line.args)
    }

    #[test]
    fn everything_is_sent_again_only_by_its_own_word() {
        assert_eq!(scope_of(&[]).expect_err("unlimited").exit, Exit::Usage);
        assert!(scope_of(&["--all"]).is_ok());
        assert_eq!(scope_of(&["--since=2026-02-01", "--until=2026-01-01"]).expect_err("no time").exit, Exit::Usage);
        for one in [
            "--company=EDU1",
            "--entity=invoice",
            "--key=0042",
            "--run=01936b2e-0000-7000-8000-000000000000",
            "--failed-only",
            "--since=2026-01-31T08:00:00Z",
            "--reason=rejected",
            "--text=period",
            "--cause=0123456789abcdef",
        ] {
            assert!(scope_of(&[one]).is_ok(), "{one}");
        }
        let Ok(Which::Scope(scope)) = scope_of(&["--company=EDU1", "--entity=invoice", "--key=1", "--key=2"]) else {
            panic!("two records")
        };
        assert_eq!((scope.key, scope.keys), (None, vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(scope_of(&["--key=1", "--key=2"]).expect_err("records of which flow?").exit, Exit::Usage);
    }

    #[test]
    fn a_reason_must_say_something() {
        assert!(Line::try_parse_from(["replay", "--all"]).is_err());
        assert!(Line::try_parse_from(["replay", "--all", "--why", "  "]).is_err());
        assert_eq!(
            Line::try_parse_from(["replay", "--all", "--why", " list corrected "]).ok().map(|line| line.args.why.to_string()).as_deref(),
            Some("list corrected")
        );
    }
}
