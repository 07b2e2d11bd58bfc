//! `tieline evidence`: one file for an auditor.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::context::Context;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output, who};
use crate::actors::system::ActorSystem;
use crate::cli::checked::Checked;
use crate::domain::fiscal::FiscalPeriod;
use crate::domain::reason::Reason;
use crate::operations::evidence::{self, AskedEvidence};
use crate::process::mode::Mode;
use crate::supervision::guard::RestartPolicy;

/// How long running work may take to finish.
const STOP_DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

/// What the file is about.
#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    /// The first day (UTC), such as 2026-09-01
    #[arg(long, value_name = "DAY")]
    since: NaiveDate,
    /// The first day after it (UTC), such as 2026-10-01
    #[arg(long, value_name = "DAY")]
    until: NaiveDate,
    /// The fiscal year and period whose sums are shown, such as 2026-03; without it, all
    #[arg(long, value_name = "YYYY-PP")]
    period: Option<FiscalPeriod>,
    /// The file to write; it must not exist yet
    #[arg(long, value_name = "FILE.zip")]
    to: PathBuf,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "requested on the command line")]
    why: Reason,
}

fn begin(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// `tieline evidence`
pub(super) fn run(global: &Global, args: &EvidenceArgs) -> Result<Exit, Failure> {
    if args.until <= args.since {
        let said = format!("--until ({}) is not part of the period: it must be later than --since ({})", args.until, args.since);
        return Err(Failure::new(Exit::Usage, said));
    }
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let context = Context::open(checked).await?;
        let result = write(&context, global, args).await;
        context.close().await;
        result
    })
}

async fn write(context: &Context, global: &Global, args: &EvidenceArgs) -> Result<Exit, Failure> {
    let named = |error: std::io::Error| {
        let path = args.to.display();
        Failure::new(
            Exit::Failed,
            format!("{path} could not be written: {error}. Name a file that does not exist yet, in a directory that you may write to"),
        )
    };
    let file = OpenOptions::new().write(true).create_new(true).open(&args.to).map_err(named)?;
    let process = context.process();
    let system = ActorSystem::start(&process, RestartPolicy::default(), Mode::Command)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let asked = AskedEvidence { since: begin(args.since), until: begin(args.until), period: args.period };
    let written = evidence::write(&process, &system.access(), &asked, who::requested(&args.why), &file).await;
    system.stop(STOP_DEADLINE).await;
    let written = written.map_err(Failure::from).and_then(|files| file.sync_all().map_err(named).map(|()| files));
    let files = match written {
        Ok(files) => files,
        Err(failure) => {
            // a part of a pack would look like all of it
            let _ = fs::remove_file(&args.to);
            return Err(failure);
        }
    };
    if global.output == OutputForm::Json {
        output::json(&serde_json::json!({ "file": args.to, "files": files }))?;
    } else {
        output::line(&format!("{} written: {files} files. Check them as its README.txt says.", args.to.display()))?;
    }
    Ok(Exit::Done)
}
