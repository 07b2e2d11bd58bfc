//! `tieline audit verify`: the ledger, or an export.

use std::path::{Path, PathBuf};

use super::super::context::Context;
use super::super::failure::{Exit, Failure};
use super::super::{Global, OutputForm, output};
use crate::evidence::directory::{self, DirectoryReport, KeptManifest};
use crate::evidence::head::AuditHead;
use crate::store::{ArchiveReport, SealReport};

/// What to verify.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArgs {
    /// An export in this directory, without the ledger; without it, the ledger
    #[arg(value_name = "DIR", conflicts_with_all = ["archive", "kept", "heads"])]
    pub(super) directory: Option<PathBuf>,
    /// The allowed signers, from a copy kept elsewhere [default: the file in the directory]
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Also recompute removed seals from the archive files in this directory
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// Also compare the ledger with an earlier export in this directory
    #[arg(long, value_name = "DIR")]
    kept: Option<PathBuf>,
    /// Also compare the ledger with a head kept outside, such as 1043:ab12…; may be repeated
    #[arg(long = "head", value_name = "LEAF:ROOT")]
    heads: Vec<AuditHead>,
}

/// What a comparison with what was kept outside found.
#[derive(Debug, Default, serde::Serialize)]
struct Outside {
    /// Manifests and heads that the ledger contains.
    known: i64,
    /// The ledger was restored: what it does not contain is known by its hash only.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<String>,
    /// The first leaf that is not as it was kept, and no restore explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
    /// What differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(serde::Serialize)]
struct All<'a> {
    #[serde(flatten)]
    report: &'a SealReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<&'a ArchiveReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outside: Option<&'a Outside>,
}

fn failed(text: String) -> Failure {
    Failure::new(Exit::Failed, text)
}

/// Verifies an export: no ledger, no configuration and no network.
pub(super) fn export(global: &Global, directory: &Path, args: &VerifyArgs) -> Result<Exit, Failure> {
    let report = directory::check(directory, args.signers.as_deref())
        .map_err(|error| failed(format!("the export in {} cannot be read: {error}", directory.display())))?;
    if global.output == OutputForm::Json {
        output::even_unread(output::json(&report))?;
    }
    if let Some(misfit) = &report.misfit {
        let at = misfit.leaf.map(|leaf| format!("leaf {leaf}: ")).unwrap_or_default();
        return Err(failed(format!("the export was changed, or is not whole: {at}{}", misfit.text)));
    }
    if global.output == OutputForm::Table {
        shown_export(&report)?;
    }
    Ok(Exit::Done)
}

fn shown_export(report: &DirectoryReport) -> Result<(), Failure> {
    let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    output::line(&format!(
        "The export is whole: {} from {} to {}, {} read, head {}:{}.",
        output_count(report.days, "day"),
        day(report.first_day),
        day(report.last_day),
        output_count(report.leaves, "leaf"),
        report.last_leaf,
        report.root
    ))?;
    output::line(&format!("Signed by {}. Compare the fingerprint with the one that you keep.", report.keys.join(", ")))?;
    unsigned_changes(&report.unsigned_changes)?;
    if report.stamped > 0 {
        output::line(&format!("{} with a time stamp; `openssl ts -verify` checks it.", output_count(report.stamped, "day")))?;
    }
    if report.without_events > 0 {
        output::line(&format!("{} without events: known by hash only.", output_count(report.without_events, "day")))?;
    }
    if let Some(day) = report.provisional {
        output::line(&format!("{day} is provisional: the day had not ended."))?;
    }
    if report.subset_found + report.subset_elsewhere > 0 {
        output::line(&format!(
            "Of the leaves of single records, {} stand in the files of the days; the days of {} are not here.",
            report.subset_found, report.subset_elsewhere
        ))?;
    }
    Ok(())
}

/// Days from which on another key signs, on the word of the ledger alone.
fn unsigned_changes(days: &[chrono::NaiveDate]) -> Result<(), Failure> {
    for day in days {
        output::line(&format!("From {day} on another key signs, and the former one did not sign that day: ask why."))?;
    }
    Ok(())
}

fn output_count(count: u64, what: &str) -> String {
    match (count, what) {
        (1, what) => format!("1 {what}"),
        (count, "leaf") => format!("{count} leaves"),
        (count, what) => format!("{count} {what}s"),
    }
}

/// Verifies the ledger, the removed part of it from archive files, and compares it with what was kept outside.
pub(super) async fn ledger(context: &Context, global: &Global, args: &VerifyArgs) -> Result<Exit, Failure> {
    let kept = match &args.kept {
        Some(directory) => kept(directory, args.signers.as_deref())?,
        None => Vec::new(),
    };
    let mut heads = args.heads.clone();
    heads.extend(kept.iter().map(|kept| AuditHead { leaf: kept.manifest.last_leaf, root: kept.manifest.root }));
    let report = context.store.audit_verify_against(heads).await?;
    let outside = match (&args.kept, args.heads.is_empty()) {
        (None, true) => None,
        (directory, _) => Some(compare(context, &report, directory.as_deref(), &kept).await?),
    };
    let archive = match &args.archive {
        Some(directory) => Some(context.store.audit_verify_archive(directory.clone()).await?),
        None => None,
    };
    if global.output == OutputForm::Json {
        // the exit code also shows a broken audit
        output::even_unread(output::json(&All { report: &report, archive: archive.as_ref(), outside: outside.as_ref() }))?;
    }
    let differs = |at: i64, problem: &str| {
        let at = if at > 0 { format!("leaf {at} does not fit: ") } else { String::new() };
        failed(format!("the audit was changed: {at}{problem}; compare with a backup from before the change"))
    };
    if let (Some(leaf), Some(problem)) = (report.broken_at, &report.problem) {
        return Err(differs(leaf, problem));
    }
    if let Some((leaf, problem)) = outside.as_ref().and_then(|outside| outside.broken_at.zip(outside.problem.as_ref())) {
        return Err(differs(leaf, problem));
    }
    if let Some(problem) = archive.as_ref().and_then(|archive| archive.problem.as_ref()) {
        return Err(failed(format!(
            "the chain of the audit holds, but the archive does not match it: {problem}; put the file back from a copy"
        )));
    }
    if global.output == OutputForm::Table {
        shown(&report, archive.as_ref(), outside.as_ref())?;
    }
    Ok(Exit::Done)
}

/// The manifests of an earlier export.
fn kept(directory: &Path, signers: Option<&Path>) -> Result<Vec<KeptManifest>, Failure> {
    let read = directory::manifests(directory, signers);
    let read = read.map_err(|error| failed(format!("the export in {} cannot be read: {error}", directory.display())))?;
    read.map_err(|misfit| failed(format!("the export in {} was itself changed, or is not whole: {}", directory.display(), misfit.text)))
}

/// What the ledger says of what was kept outside. A restore from an older backup explains leaves that it does not have: those from the end of
/// the life that the restore ended.
async fn compare(context: &Context, report: &SealReport, directory: Option<&Path>, kept: &[KeptManifest]) -> Result<Outside, Failure> {
    let mut outside = Outside { known: report.known_heads, ..Outside::default() };
    let Some(first) = report.other_heads.iter().min_by_key(|head| head.leaf) else { return Ok(outside) };
    let last = report.other_heads.iter().map(|head| head.leaf).max().unwrap_or(first.leaf);
    // what was kept of the day says from which leaf on it may differ, and its file says which leaf it is
    let day = kept.iter().map(|kept| &kept.manifest).find(|manifest| manifest.last_leaf == first.leaf && manifest.root == first.root);
    let (mut from, mut exact) = (day.map_or(1, |day| day.first_leaf), false);
    if let (Some(directory), Some(day)) = (directory, day) {
        let theirs = directory::hashes(directory, day.day)
            .map_err(|error| failed(format!("the events of {} in {} cannot be read: {error}", day.day, directory.display())))?;
        if let Some(theirs) = theirs {
            let ours: std::collections::BTreeMap<_, _> =
                context.store.audit_hashes(day.first_leaf, day.last_leaf).await?.into_iter().collect();
            if let Some((leaf, _)) = theirs.iter().find(|(leaf, hash)| ours.get(leaf) != Some(hash)) {
                (from, exact) = (*leaf, true);
            }
        }
    }
    let explains = |ended: &&crate::store::EndedLife| {
        let next = ended.last_leaf + 1;
        if exact { ended.first_leaf <= from && from <= next } else { next >= from && ended.first_leaf <= first.leaf }
    };
    match report.ended_lives.iter().rev().find(explains) {
        Some(ended) => {
            let from = if exact { from } else { from.max(ended.first_leaf) };
            let leaves = if from == last { format!("leaf {from} is") } else { format!("leaves {from} to {last} are") };
            outside.restored = Some(format!(
                "restored: {leaves} known by hash only, from what was kept outside; the ledger does not have them, because life {} ended: {}",
                ended.life, ended.why
            ));
        }
        None if first.leaf > report.leaves => {
            let from = from.max(report.leaves + 1);
            outside.broken_at = Some(from);
            outside.problem = Some(format!(
                "the ledger ends with leaf {}, and what was kept outside goes up to leaf {last}: the leaves from {from} on are missing, and \
                 no restore explains that",
                report.leaves
            ));
        }
        None => {
            outside.broken_at = Some(from);
            let what = match day {
                Some(day) => format!("the manifest of {} that was kept outside", day.day),
                None => format!("the head {first} that was kept outside"),
            };
            let where_ = if exact { String::new() } else { format!(" somewhere up to leaf {}", first.leaf) };
            outside.problem = Some(format!("the ledger has other leaves than {what}{where_}, and no restore explains that"));
        }
    }
    Ok(outside)
}

/// An audit that holds.
fn shown(report: &SealReport, archive: Option<&ArchiveReport>, outside: Option<&Outside>) -> Result<(), Failure> {
    let seals = |count: i64| if count == 1 { "1 seal".to_owned() } else { format!("{count} seals") };
    output::line(&format!("The chain holds: {} rows under {}.", report.rows, seals(report.seals)))?;
    output::line(&format!(
        "Head {}:{}; {} signed; {} and the fields of {} compared with their hashes.",
        report.leaves,
        report.root,
        output_count(report.days.unsigned_abs(), "day"),
        output_count(report.versions.unsigned_abs(), "version"),
        output_count(report.payloads.unsigned_abs(), "record"),
    ))?;
    unsigned_changes(&report.unsigned_changes)?;
    if report.stamped > 0 {
        output::line(&format!(
            "{} with a time stamp; `openssl ts -verify` checks it.",
            output_count(report.stamped.unsigned_abs(), "day")
        ))?;
    }
    if report.removed_seals > 0 {
        output::line(&format!(
            "{} of these rows were removed by retention: {} known by hash only.",
            report.removed_rows,
            if report.removed_seals == 1 { "1 seal is".to_owned() } else { format!("{} seals are", report.removed_seals) }
        ))?;
    }
    for ended in &report.ended_lives {
        output::line(&format!("Life {} ended with leaf {}: {}.", ended.life, ended.last_leaf, ended.why))?;
    }
    if let Some(outside) = outside {
        match &outside.restored {
            Some(restored) => output::line(restored)?,
            None => output::line(&format!(
                "The ledger contains all {} that were kept outside.",
                output_count(outside.known.unsigned_abs(), "head")
            ))?,
        }
    }
    if let Some(archive) = archive {
        output::line(&format!(
            "The archive has the rows of {}; the rows of {} were removed without a file.",
            seals(archive.seals),
            seals(archive.without_file)
        ))?;
    }
    if report.unsealed > 0 {
        output::line(&format!("{} rows are not sealed yet; `tieline audit seal` seals them.", report.unsealed))?;
    }
    Ok(())
}
