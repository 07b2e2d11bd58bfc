//! `tieline audit export` and `tieline audit head`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde_json::json;

use super::super::context::Context;
use super::super::failure::{Exit, Failure};
use super::super::{Global, OutputForm, output};
use crate::evidence::directory::SUBSET;
use crate::evidence::leaf::leaf_line;
use crate::evidence::manifest::sha256;
use crate::operations::audit_export::{self, ExportedDays, SCRIPT_FILE};
use crate::store::LeafFilter;

/// What to export, and where to.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// The directory; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Only days from this one on
    #[arg(long, value_name = "DAY")]
    since: Option<NaiveDate>,
    /// Only days up to this one
    #[arg(long, value_name = "DAY")]
    until: Option<NaiveDate>,
    /// Instead of days, the leaves about one company
    #[arg(long)]
    company: Option<String>,
    /// Instead of days, the leaves about one entity
    #[arg(long)]
    entity: Option<String>,
    /// Instead of days, the leaves about the record with this key
    #[arg(long)]
    key: Option<String>,
}

/// Days outside that are shown.
const OUTSIDE: i64 = 6;

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{} cannot be written: {error}", path.display()))
}

/// `tieline audit head`
pub(super) async fn head(context: &Context, global: &Global) -> Result<Exit, Failure> {
    let head = context.store.audit_head().await?;
    let newest = context.store.audit_day_newest().await?;
    let manifest = newest.as_ref().map(|row| hex::encode(sha256(row.manifest.as_bytes())));
    let keys = context.store.audit_key_list().await?;
    let outside = context.store.outside_list(OUTSIDE).await?;
    let pause = context.store.sending_paused().await?.into_iter().next();
    if global.output == OutputForm::Json {
        let head = head.map(|head| json!({ "leaf": head.leaf, "root": hex::encode(head.root) }));
        let day = newest.as_ref().map(|row| json!({ "day": row.day, "manifest": manifest }));
        let fingerprints: Vec<&str> = keys.iter().map(|key| key.fingerprint.as_str()).collect();
        let outside: Vec<_> = outside
            .iter()
            .map(|one| {
                let next = one.done_at.is_none().then_some(one.not_before);
                let waits = pause.as_ref().filter(|_| one.waits_for_servicenow()).map(ToString::to_string);
                json!({
                    "day": one.day, "place": one.place, "done_at": one.done_at, "tries": one.tries, "said": one.said, "next_at": next, "waits": waits,
                })
            })
            .collect();
        output::json(&json!({ "head": head, "signed": day, "keys": fingerprints, "outside": outside }))?;
        return Ok(Exit::Done);
    }
    match head {
        Some(head) => output::line(&format!("{head}"))?,
        None => output::line("Nothing is sealed yet; `tieline audit seal` seals what there is.")?,
    }
    if let (Some(row), Some(manifest)) = (newest, manifest) {
        output::line(&format!("The last signed day is {}; the SHA-256 of its manifest is {manifest}.", row.day))?;
    }
    for key in keys {
        let from = key.first_day.map(|day| format!(" from {day} on")).unwrap_or_default();
        let until = key.last_day.map(|day| format!(" until {day}")).unwrap_or_default();
        output::line(&format!("Signed by {}{from}{until}", key.fingerprint))?;
    }
    for one in outside {
        let waits = pause.as_ref().filter(|_| one.waits_for_servicenow()).map(|pause| format!("; {pause}")).unwrap_or_default();
        let said = one.said.unwrap_or_else(|| "not tried yet".to_owned());
        output::line(&match one.done_at {
            Some(at) => format!("The head of {} is outside since {}: {said}.", one.day, at.format("%Y-%m-%d %H:%M:%SZ")),
            None => format!(
                "The head of {} is not outside ({}, {} attempts): {said}. It is tried again from {} on{waits}.",
                one.day,
                one.place,
                one.tries,
                one.not_before.format("%Y-%m-%d %H:%M:%SZ")
            ),
        })?;
    }
    Ok(Exit::Done)
}

/// `tieline audit export`
pub(super) async fn export(context: &Context, global: &Global, args: &ExportArgs) -> Result<Exit, Failure> {
    context.check_names(args.company.as_deref(), args.entity.as_deref()).await?;
    fs::create_dir_all(&args.to).map_err(|error| failed(&args.to, &error))?;
    context.store.audit_seal().await?;
    let filter = LeafFilter { company: args.company.clone(), entity: args.entity.clone(), key: args.key.clone() };
    if filter.company.is_some() || filter.entity.is_some() || filter.key.is_some() {
        return subset(context, global, args, filter).await;
    }
    days(context, global, args).await
}

/// Writes the files of days.
async fn days(context: &Context, global: &Global, args: &ExportArgs) -> Result<Exit, Failure> {
    let exported = audit_export::days(&context.process(), &args.to, args.since, args.until).await?;
    let ExportedDays { days, leaves, without_events, provisional, waits, keys } = exported;
    if global.output == OutputForm::Json {
        output::json(&json!({
            "days": days, "leaves": leaves, "without_events": without_events, "provisional": provisional, "directory": args.to,
        }))?;
        return Ok(Exit::Done);
    }
    output::line(&format!("{days} days with {leaves} leaves are in {}.", args.to.display()))?;
    if !without_events.is_empty() {
        let count = without_events.len();
        output::line(&format!("The events of {count} of these days were removed by retention: only their manifests are there."))?;
    }
    if let Some(day) = provisional {
        let why = if waits { "an event of it may still be added" } else { "it has not ended" };
        output::line(&format!("{day} is provisional: {why}. Export it again once the day has been signed."))?;
    }
    let script = args.to.join(SCRIPT_FILE);
    output::line(&format!("Check it with `sh {}` or `tieline audit verify {}`.", script.display(), args.to.display()))?;
    for key in keys {
        output::line(&format!("The key is {key}. Compare it with what you keep outside."))?;
    }
    Ok(Exit::Done)
}

/// Writes the leaves about some records: a part of the files of the days, which no manifest covers.
async fn subset(context: &Context, global: &Global, args: &ExportArgs, filter: LeafFilter) -> Result<Exit, Failure> {
    let of = [&args.company, &args.entity, &args.key].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("-");
    // keys may have characters that no file name can have
    let name: String = of.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect();
    let path = args.to.join(format!("{SUBSET}{name}.jsonl"));
    let between = |text: &str| {
        let day = text.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
        day.is_none_or(|day| args.since.is_none_or(|since| day >= since) && args.until.is_none_or(|until| day <= until))
    };
    let mut file = BufWriter::new(File::create(&path).map_err(|error| failed(&path, &error))?);
    let (mut after, mut leaves) = (0, 0);
    loop {
        let page = context.store.leaf_lines_of(filter.clone(), after).await?;
        let Some(newest) = page.last() else { break };
        after = newest.leaf;
        for one in &page {
            let at = one.line.split_once("\"at\":\"").map(|(_, rest)| rest).unwrap_or_default();
            if between(at) {
                leaves += 1;
                writeln!(file, "{}", leaf_line(one.leaf, &one.line)).map_err(|error| failed(&path, &error))?;
            }
        }
    }
    file.flush().map_err(|error| failed(&path, &error))?;
    if global.output == OutputForm::Json {
        output::json(&json!({ "leaves": leaves, "file": path, "subset": true }))?;
        return Ok(Exit::Done);
    }
    output::line(&format!("{leaves} leaves are in {}.", path.display()))?;
    output::line(
        "This is a part: no manifest covers it. Each line stands in the file of its day too; export the days into the same directory, and \
         `tieline audit verify DIR` compares them.",
    )?;
    Ok(Exit::Done)
}
