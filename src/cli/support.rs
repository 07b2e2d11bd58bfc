//! `tieline support`: one file for somebody who helps.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use super::checked::Checked;
use super::context::Context;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, check, output, who};
use crate::domain::reason::Reason;
use crate::operations::support::SupportFile;

/// What the file contains.
#[derive(Debug, clap::Args)]
pub struct SupportArgs {
    /// The file to write; it must not exist yet
    #[arg(value_name = "FILE.zip")]
    file: PathBuf,
    /// With keys, amounts and messages of records that are not delivered
    #[arg(long)]
    records: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "requested on the command line")]
    why: Reason,
}

/// `tieline support`
pub(super) fn run(global: &Global, args: &SupportArgs) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    let named = |error: std::io::Error| {
        let path = args.file.display();
        let said =
            format!("{path} could not be written: {error}. Name a file that does not exist yet, in a directory that you may write to");
        Failure::new(Exit::Failed, said)
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&args.file).map_err(named)?;
    let written = super::block_on(write(checked, args, &file)).and_then(|written| file.sync_all().map_err(named).map(|()| written));
    let (files, problem) = match written {
        Ok(written) => written,
        Err(failure) => {
            // a part of a file would look like all of it
            let _ = fs::remove_file(&args.file);
            return Err(failure);
        }
    };
    if let Some(problem) = &problem {
        output::complaint(&format!("the ledger could not be opened, so the file has versions and settings only: {problem}"));
    }
    if global.output == OutputForm::Json {
        output::json(&serde_json::json!({ "file": args.file, "files": files, "ledger": problem.is_none() }))?;
    } else {
        let records = if args.records { "It contains keys and messages of records." } else { "It contains no record." };
        output::line(&format!("{} written: {} files. {records} Its README.txt says what each file is.", args.file.display(), files.len()))?;
    }
    Ok(if problem.is_none() { Exit::Done } else { Exit::Failed })
}

/// The names of the entries, and why the ledger could not be opened.
async fn write(checked: Checked, args: &SupportArgs, to: &File) -> Result<(Vec<String>, Option<String>), Failure> {
    let settings: Vec<[String; 3]> =
        check::settings(&checked).into_iter().map(|(key, line)| [key.to_owned(), line.value, line.origin]).collect();
    let mut file = SupportFile::begin(to, args.records, settings)?;
    let problem = match Context::open(checked).await {
        Ok(context) => {
            let result = file.ledger(&context.process(), &who::requested(&args.why)).await;
            context.close().await;
            result?;
            None
        }
        Err(failure) => {
            file.without_ledger(&failure.text)?;
            Some(failure.text)
        }
    };
    Ok((file.finish()?, problem))
}
