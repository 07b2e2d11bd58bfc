//! `tieline tie-out`: compares both systems, and shows what was found.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::context::{Context, with_ledger};
use super::failure::{Exit, Failure};
use super::output::at;
use super::signals::Signals;
use super::words::closed;
use super::{Global, OutputForm, output, sync, tie_out_groups, tie_out_json, tie_out_subledger, who};
use crate::actors::system::ActorSystem;
use crate::cli::checked::Checked;
use crate::domain::DocumentKey;
use crate::domain::fiscal::{FiscalPeriod, period_text};
use crate::domain::ids::{TieOutId, TieOutItemId};
use crate::domain::money::amount_in;
use crate::domain::next_step::NextStep;
use crate::domain::reason::Reason;
use crate::domain::tie_out::{Cause, Scope};
use crate::domain::tie_out_group::GroupBy;
use crate::operations::export::csv_of;
use crate::operations::tie_out::files::{self, Chosen};
use crate::operations::tie_out::{self, Outcome, TieOutReport};
use crate::process::Process;
use crate::process::mode::Mode;
use crate::store::{TieOutBucket, TieOutItem, TieOutItems, TieOutRun, TieOutViolation};
use crate::supervision::guard::RestartPolicy;

/// How long running work may take to finish.
const STOP_DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

/// Bytes of a file that are written at once.
const PIECE: usize = 64 << 10;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TieOutArgs {
    #[command(subcommand)]
    command: Option<TieOutCommand>,
    /// Only this company; may be repeated
    #[arg(long = "company", value_name = "COMPANY")]
    companies: Vec<String>,
    /// Only this entity; may be repeated
    #[arg(long = "entity", value_name = "ENTITY")]
    entities: Vec<String>,
    /// Only records of this fiscal year and period, such as 2026-03
    #[arg(long, value_name = "YYYY-PP", value_parser = FiscalPeriod::within_year)]
    period: Option<FiscalPeriod>,
    /// List ServiceNow's tables even if they have not changed since the last tie-out
    #[arg(long)]
    fresh: bool,
    /// Also show the sums by supplier, by account or by document type
    #[arg(long, value_name = "WHAT", value_parser = closed::<GroupBy>(GroupBy::WORDS.iter().copied()))]
    by: Option<GroupBy>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "requested on the command line")]
    why: Reason,
    /// Also write it to this file: NAME.xlsx for a spreadsheet, NAME.pdf for a document to sign
    #[arg(long, value_name = "FILE")]
    to: Option<FilePath>,
}

/// The parts of `tie-out`.
#[derive(Debug, clap::Subcommand)]
enum TieOutCommand {
    /// Lists tie-outs, the newest first
    List {
        /// At most this number
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Shows the sums of a tie-out
    Show {
        /// Its number; without it, the newest
        id: Option<TieOutId>,
        /// Also show the sums by supplier, by account or by document type
        #[arg(long, value_name = "WHAT", value_parser = closed::<GroupBy>(GroupBy::WORDS.iter().copied()))]
        by: Option<GroupBy>,
        /// Also write it to this file: NAME.xlsx for a spreadsheet, NAME.pdf for a document to sign
        #[arg(long, value_name = "FILE")]
        to: Option<FilePath>,
    },
    /// Lists the differences that a tie-out found
    Items {
        /// The number of the tie-out; without it, the newest
        id: Option<TieOutId>,
        /// Only this company
        #[arg(long)]
        company: Option<String>,
        /// Only this entity
        #[arg(long)]
        entity: Option<String>,
        /// Only this fiscal year and period, such as 2026-03
        #[arg(long, value_name = "YYYY-PP", value_parser = FiscalPeriod::within_year)]
        period: Option<FiscalPeriod>,
        /// Only this cause
        #[arg(long, value_parser = closed::<Cause>(Cause::WORDS.iter().copied()))]
        cause: Option<Cause>,
        /// Only differences that a person must look at
        #[arg(long)]
        open: bool,
        /// At most this number
        #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
    },
    /// Shows SYSPRO's AP sub-ledger against its control accounts, and the journals and postings behind it
    Subledger {
        /// The number of the tie-out; without it, the newest
        id: Option<TieOutId>,
    },
    /// Lists the documents of SYSPRO that violate a control
    Controls {
        /// The number of the tie-out; without it, the newest
        id: Option<TieOutId>,
        /// At most this number
        #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
    },
}

impl TieOutArgs {
    /// Whether it shows one whole tie-out.
    pub(super) fn is_of_one(&self) -> bool {
        matches!(self.command, None | Some(TieOutCommand::Show { .. }))
    }
}

/// `tieline tie-out`
pub(super) fn tie_out(global: &Global, args: &TieOutArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => make(global, args),
        Some(TieOutCommand::List { limit }) => with_ledger(global, async |context| {
            let runs = tie_out::list(&context.process(), None, *limit).await?;
            if global.output == OutputForm::Json {
                return output::json(&runs).map(|()| Exit::Done);
            }
            let row = |run: &TieOutRun| {
                let ended = at(run.ended_at);
                vec![
                    run.id.to_string(),
                    run.state.to_string(),
                    run.result.map(|result| result.to_string()).unwrap_or_default(),
                    at(Some(run.started_at)),
                    ended,
                    run.requested_by.clone(),
                    run.scope_text().unwrap_or_default(),
                    run.error.clone().unwrap_or_default(),
                ]
            };
            let headers = ["number", "state", "result", "began", "ended", "asked by", "only", "error"];
            output::line(&output::table(&headers, &[0], runs.iter().map(row)))?;
            Ok(Exit::Done)
        }),
        Some(TieOutCommand::Show { id, by, to }) => with_ledger(global, async |context| {
            let process = context.process();
            let report = tie_out::find(&process, *id).await?;
            write_file(global, &process, &report, to.as_ref()).await?;
            print(global, &process, &report, *by).await
        }),
        Some(TieOutCommand::Items { id, company, entity, period, cause, open, limit }) => with_ledger(global, async |context| {
            context.check_names(company.as_deref(), entity.as_deref()).await?;
            let process = context.process();
            let of = tie_out::one(&process, *id).await?.id;
            let filter = TieOutItems {
                of,
                company: company.clone(),
                entity: entity.clone(),
                period: *period,
                cause: *cause,
                open: *open,
                after: TieOutItemId::default(),
                limit: *limit,
            };
            let items = tie_out::items(&process, filter).await?;
            if global.output == OutputForm::Json {
                output::json(&items)?;
            } else if global.output == OutputForm::Csv {
                csv_of(files::differences(&items), output::bytes).await?;
            } else if items.is_empty() {
                output::line("No difference.")?;
            } else {
                output::line(&items.iter().map(difference).collect::<Vec<_>>().join("\n\n"))?;
            }
            Ok(Exit::Done)
        }),
        Some(TieOutCommand::Subledger { id }) => with_ledger(global, async |context| {
            let process = context.process();
            tie_out_subledger::run(global, &process, &tie_out::find(&process, *id).await?).await
        }),
        Some(TieOutCommand::Controls { id, limit }) => with_ledger(global, async |context| {
            let process = context.process();
            let of = tie_out::find(&process, *id).await?;
            let found = tie_out::violations(&process, of.run.id, 0, *limit).await?;
            if global.output == OutputForm::Json {
                output::json(&found)?;
            } else if found.is_empty() {
                output::line("No document violates a control.")?;
            } else {
                output::line(&found.iter().map(|one| violation(&of, one)).collect::<Vec<_>>().join("\n\n"))?;
            }
            Ok(Exit::Done)
        }),
    }
}

/// A violation, as a few lines.
fn violation(of: &TieOutReport, one: &TieOutViolation) -> String {
    let control =
        of.controls.iter().find(|control| (&control.company, &control.entity, control.number) == (&one.company, &one.entity, one.number));
    let name = control.map_or("", |control| control.name.as_str());
    let key = DocumentKey::shown(&one.document_key);
    let record = if one.record_key.is_empty() { String::new() } else { format!(" line {}", DocumentKey::shown(&one.record_key)) };
    let what = if one.unchecked { "not checked" } else { "violated" };
    let step = NextStep::TieOutControl;
    format!("{}/{} {key}{record}: {what}: {name}\n  {}\n  next step: {step}", one.company, one.entity, one.message)
}

fn make(global: &Global, args: &TieOutArgs) -> Result<Exit, Failure> {
    let checked = Checked::load(global)?;
    sync::check_names(&checked, &args.companies, &args.entities)?;
    super::start_logging(global, &checked, super::Logs::Command)?;
    super::block_on(async {
        let mut signals = Signals::listen();
        let context = Context::open(checked).await?;
        let result = run(&context, global, args, &mut signals).await;
        context.close().await;
        result
    })
}

async fn run(context: &Context, global: &Global, args: &TieOutArgs, signals: &mut Signals) -> Result<Exit, Failure> {
    let process = context.working_process().await?;
    let (companies, entities) = (args.companies.clone(), args.entities.clone());
    let asked = Scope { companies, entities, period: args.period, fresh: args.fresh };
    let begun = tie_out::begin(&process, &asked, who::requested(&args.why)).await?;
    let system = ActorSystem::start(&process, RestartPolicy::default(), Mode::Command)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let id = begun.run.id;
    let access = system.access();
    let done = tokio::select! {
        done = tie_out::run(&process, &access, begun, &asked) => Some(done),
        () = signals.next() => None,
    };
    system.stop(STOP_DEADLINE).await;
    let Some(done) = done else {
        tie_out::interrupted(&process, id, "stopped by a signal").await?;
        return Err(Failure::new(Exit::Failed, "stopped by a signal; the tie-out is incomplete: run it again"));
    };
    done?;
    let report = tie_out::find(&process, Some(id)).await?;
    write_file(global, &process, &report, args.to.as_ref()).await?;
    print(global, &process, &report, args.by).await
}

/// Writes a tie-out to a file, if one is named.
async fn write_file(global: &Global, process: &Process, report: &TieOutReport, to: Option<&FilePath>) -> Result<(), Failure> {
    let Some(FilePath { path, form }) = to else { return Ok(()) };
    let unwritable = |error: std::io::Error| {
        let said = format!("{} could not be written: {error}. Name a file in a directory that you may write to", path.display());
        Failure::new(Exit::Failed, said)
    };
    // beside the file, which keeps its content until the new one is complete
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = File::create(&part).map_err(unwritable)?;
    let written = write_form(process, report, *form, |bytes| file.write_all(bytes).map_err(unwritable)).await;
    let written = written.and_then(|()| file.sync_all().and_then(|()| fs::rename(&part, path)).map_err(unwritable));
    if written.is_err() {
        // it is of no use
        let _ = fs::remove_file(&part);
    }
    written?;
    if global.output != OutputForm::Table {
        return Ok(());
    }
    output::line(&format!("Written to {}.", path.display()))
}

/// Writes a whole tie-out in one of the forms of a file, piece by piece.
async fn write_form(
    process: &Process,
    report: &TieOutReport,
    form: FileForm,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let items = TieOutItems { of: report.run.id, ..TieOutItems::default() };
    let chosen = Chosen { report, buckets: report.buckets.iter().collect(), items, filter: String::new(), by: who::user() };
    let mut file = match form {
        FileForm::Document => return write(&files::document(process, &chosen).await?),
        FileForm::Workbook => chosen.all(process).await?.workbook().await?,
    };
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece).map_err(|error| Failure::new(Exit::Failed, format!("the workbook cannot be read: {error}")))?;
        if length == 0 {
            return Ok(());
        }
        write(&piece[..length])?;
    }
}

/// The file to which a tie-out is written, and its form, which the ending of its name says.
#[derive(Debug, Clone)]
struct FilePath {
    path: PathBuf,
    form: FileForm,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileForm {
    Workbook,
    Document,
}

impl FromStr for FilePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let form = match path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("xlsx") => FileForm::Workbook,
            Some("pdf") => FileForm::Document,
            _ => return Err("the name must end with `.xlsx` for a spreadsheet, or `.pdf` for a document to sign".to_owned()),
        };
        Ok(Self { path, form })
    }
}

/// What a tie-out shows, as an exit code: 0 only where all that was compared is tied, or differs by what no person need look at.
fn exit(report: &TieOutReport) -> Exit {
    match report.outcome() {
        Outcome::Failed => Exit::Failed,
        Outcome::Unread => Exit::Unreachable,
        Outcome::Unverified => Exit::Unverified,
        Outcome::Untied => Exit::Partly,
        Outcome::Tied => Exit::Done,
    }
}

/// Prints the sums; as JSON with the differences.
async fn print(global: &Global, process: &Process, report: &TieOutReport, by: Option<GroupBy>) -> Result<Exit, Failure> {
    let exit = exit(report);
    match (global.output, by) {
        (OutputForm::Csv, Some(by)) => return tie_out_groups::csv(process, report.run.id, by).await.map(|()| exit),
        (OutputForm::Json, _) => return tie_out_json::print(process, report, by).await.map(|()| exit),
        (OutputForm::Csv, None) => {
            let buckets: Vec<&TieOutBucket> = report.buckets.iter().collect();
            return csv_of(files::sums(&buckets), output::bytes).await.map(|()| exit);
        }
        (OutputForm::Xlsx, _) => return write_form(process, report, FileForm::Workbook, output::bytes).await.map(|()| exit),
        (OutputForm::Pdf, _) => return write_form(process, report, FileForm::Document, output::bytes).await.map(|()| exit),
        (OutputForm::Table, _) => {}
    }
    let run = &report.run;
    output::line(&format!("Tie-out {}: {}, as of {}.", run.id, run.state, at(Some(run.started_at))))?;
    if let Some(error) = &run.error {
        output::line(&format!("It ended early: {error}"))?;
    }
    if let Some(scope) = run.scope_text() {
        output::line(&format!("It compares only: {scope}."))?;
    }
    let headers = ["company", "records", "period", "in", "SYSPRO", "gone", "ServiceNow", "difference", "rows", "open", "result"];
    if !report.buckets.is_empty() {
        output::line(&output::table(&headers, &[4, 5, 6, 7, 8, 9], report.buckets.iter().map(line)))?;
    }
    if let Some(by) = by {
        tie_out_groups::print(process, run.id, by).await?;
    }
    for block in &report.blocks {
        let of = format!("{}/{}/{}", block.company, block.entity, block.block);
        if let Some(why) = &block.unverified {
            output::line(&format!("{of} is not verified: {why}."))?;
        }
        if let Some(why) = &block.left_out {
            output::line(&format!("{of} is left out: {why}."))?;
        }
        if block.without_period > 0 {
            output::line(&format!("{of}: {} records and rows of no known period are not counted.", block.without_period))?;
        }
        if let Some(read) = block.read_at {
            output::line(&format!("{of}: SYSPRO has answered the same since its records were read at {}.", at(Some(read))))?;
        }
        if let Some(listed) = block.listed_at {
            output::line(&format!("{of}: ServiceNow's rows have not changed since they were listed at {}.", at(Some(listed))))?;
        }
        if let Some(why) = &block.not_summed {
            output::line(&format!("{of}: ServiceNow's own sums were not compared: {why}."))?;
        }
        if !block.not_compared.is_empty() {
            output::line(&format!("{of}: ServiceNow returned no {}; not compared.", block.not_compared.join(", ")))?;
        }
    }
    for control in &report.controls {
        let of = format!("{}/{}: {}", control.company, control.entity, control.name);
        match (&control.left_out, control.violated, control.unchecked) {
            (Some(why), ..) => output::line(&format!("{of}: not checked: {why}."))?,
            (None, 0, 0) => {}
            (None, violated, unchecked) => output::line(&format!(
                "{of}: violated by {violated} of {} documents, not checked on {unchecked}; `tieline tie-out controls {}` names them.",
                control.checked, run.id
            ))?,
        }
    }
    tie_out_subledger::print(report)?;
    let (open, timing) = report.buckets.iter().fold((0, 0), |(open, timing), one| (open + one.open_items, timing + one.timing_items));
    if open + timing > 0 {
        output::line(&format!(
            "{open} differences need a person, {timing} end with the next runs or are intended by a rule; `tieline tie-out items {}` names them.",
            run.id
        ))?;
    }
    Ok(exit)
}

fn line(bucket: &TieOutBucket) -> Vec<String> {
    let block = if bucket.block == "header" { bucket.entity.clone() } else { format!("{} {}", bucket.entity, bucket.block) };
    let amounts = !bucket.currency.is_empty();
    let cell = |amount: Option<Decimal>, records: i64| {
        if amounts { amount_in(amount.unwrap_or_default(), &bucket.currency) } else { records.to_string() }
    };
    let difference = if amounts {
        amount_in(bucket.difference(), &bucket.currency)
    } else {
        (bucket.servicenow_records - bucket.syspro_records - bucket.gone_records).to_string()
    };
    vec![
        bucket.company.clone(),
        block,
        period_text(bucket.year, bucket.period),
        if amounts { bucket.currency.clone() } else { "records".to_owned() },
        cell(bucket.syspro_amount, bucket.syspro_records),
        cell(bucket.gone_amount, bucket.gone_records),
        cell(bucket.servicenow_amount, bucket.servicenow_records),
        difference,
        // debits and credits of a period can cancel each other: the rows show that there are any
        format!("{}/{}", bucket.syspro_records + bucket.gone_records, bucket.servicenow_records),
        bucket.open_items.to_string(),
        bucket.verdict.to_string(),
    ]
}

/// A difference, as a few lines.
fn difference(item: &TieOutItem) -> String {
    let key = DocumentKey::shown(&item.document_key);
    let record = if item.record_key.is_empty() { String::new() } else { format!(" line {}", DocumentKey::shown(&item.record_key)) };
    let cause = item.cause.unwrap_or(Cause::Unexplained);
    let mut lines = vec![format!("{}/{} {key}{record}: {} ({})", item.company, item.entity, item.kind, cause.text())];
    if let Some(field) = &item.field {
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        lines.push(format!("  {field}: SYSPRO `{}`, ServiceNow `{}`", value(&item.syspro_value), value(&item.servicenow_value)));
    }
    if let Some(amount) = item.amount.filter(|amount| !amount.is_zero()) {
        let when = period_text(item.year, item.period);
        let when = if when.is_empty() { when } else { format!(" in {when}") };
        lines.push(format!("  ServiceNow's sum differs by {} {}{when}", amount_in(amount, &item.currency), item.currency));
    }
    if let (Some(table), Some(sys_id)) = (&item.target_table, &item.sys_id) {
        let by = match (&item.updated_by, &item.updated_at) {
            (Some(by), Some(at)) => format!(", changed last by {by} at {at} UTC"),
            _ => String::new(),
        };
        lines.push(format!("  row {table} {sys_id}{by}"));
    }
    lines.extend(item.message.iter().map(|message| format!("  {message}")));
    lines.push(format!("  next step: {}", cause.next_step()));
    lines.join("\n")
}
