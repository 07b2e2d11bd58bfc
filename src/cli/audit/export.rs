//! `tieline audit export` and `tieline audit head`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::context::Context;
use super::super::failure::{Exit, Failure};
use super::super::{Global, OutputForm, output};
use crate::evidence::SCRIPT;
use crate::evidence::directory::{ALLOWED_SIGNERS, SUBSET, events_file, manifest_file, signature_file};
use crate::evidence::leaf::leaf_line;
use crate::evidence::manifest::{Manifest, sha256};
use crate::evidence::signature::PublicKey;
use crate::process::evidence::{Evidence, EvidenceError, Signed};
use crate::store::{AuditDayRow, LeafFilter};

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

impl From<EvidenceError> for Failure {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Store(error) => error.into(),
            error => Failure::plain(&error),
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{} cannot be written: {error}", path.display()))
}

/// `tieline audit head`
pub(super) async fn head(context: &Context, global: &Global) -> Result<Exit, Failure> {
    let head = context.store.audit_head().await?;
    let newest = context.store.audit_day_newest().await?;
    let manifest = newest.as_ref().map(|row| hex::encode(sha256(row.manifest.as_bytes())));
    let keys: Vec<String> = context.store.audit_key_list().await?.into_iter().map(|key| key.fingerprint).collect();
    if global.output == OutputForm::Json {
        let head = head.map(|head| json!({ "leaf": head.leaf, "root": hex::encode(head.root) }));
        let day = newest.as_ref().map(|row| json!({ "day": row.day, "manifest": manifest }));
        output::json(&json!({ "head": head, "signed": day, "keys": keys }))?;
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
        output::line(&format!("Signed by {key}"))?;
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
    let evidence = Evidence::of(&context.process());
    let waits = evidence.sign_days().await? == Signed::Waits;
    // what signing wrote is a part of today
    context.store.audit_seal().await?;
    let wanted = |day: NaiveDate| args.since.is_none_or(|since| day >= since) && args.until.is_none_or(|until| day <= until);
    let (mut after, mut days, mut leaves, mut removed) = (args.since.and_then(|since| since.pred_opt()), 0_u64, 0, Vec::new());
    loop {
        let page = context.store.audit_days(after, 100).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.day);
        for row in page.into_iter().filter(|row| wanted(row.day)) {
            let manifest = Manifest::read(&row.manifest).map_err(|problem| EvidenceError::Manifest { day: row.day, problem })?;
            days += 1;
            match day(context, &args.to, &manifest, &row).await? {
                Some(lines) => leaves += lines,
                None => removed.push(row.day),
            }
        }
    }
    let mut provisional = None;
    for (manifest, row) in evidence.provisional().await?.into_iter().filter(|(manifest, _)| wanted(manifest.day)) {
        days += 1;
        leaves += day(context, &args.to, &manifest, &row).await?.unwrap_or_default();
        provisional = Some(row.day);
    }
    let keys = context.store.audit_key_list().await?;
    let signers = keys.iter().map(|key| Ok(PublicKey::read(&key.public_key)?.allowed_signer())).collect::<Result<String, String>>();
    let signers = signers.map_err(|problem| Failure::new(Exit::Failed, format!("a key of the audit was changed: {problem}")))?;
    write(&args.to.join(ALLOWED_SIGNERS), signers.as_bytes())?;
    let script = args.to.join("verify.sh");
    write(&script, SCRIPT.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(|error| failed(&script, &error))?;
    }
    if global.output == OutputForm::Json {
        output::json(&json!({
            "days": days, "leaves": leaves, "without_events": removed, "provisional": provisional, "directory": args.to,
        }))?;
        return Ok(Exit::Done);
    }
    output::line(&format!("{days} days with {leaves} leaves are in {}.", args.to.display()))?;
    if !removed.is_empty() {
        output::line(&format!("The events of {} of these days were removed by retention: only their manifests are there.", removed.len()))?;
    }
    if let Some(day) = provisional {
        let why = if waits { "an event of it may still be added" } else { "it has not ended" };
        output::line(&format!("{day} is provisional: {why}. Export it again once the day has been signed."))?;
    }
    output::line(&format!("Check it with `sh {}` or `tieline audit verify {}`.", script.display(), args.to.display()))?;
    for key in keys {
        output::line(&format!("The key is {}. Compare it with what you keep outside.", key.fingerprint))?;
    }
    Ok(Exit::Done)
}

/// Writes the files of one day; answers with its number of lines, `None` where its events were removed.
async fn day(context: &Context, to: &Path, manifest: &Manifest, row: &AuditDayRow) -> Result<Option<i64>, Failure> {
    let path = to.join(manifest_file(row.day));
    if let Ok(before) = fs::read_to_string(&path)
        && before != row.manifest
        && Manifest::read(&before).is_ok_and(|before| before.provisional.is_none())
    {
        let text = format!(
            "{} is another manifest of {} than the ledger has; export into an empty directory, and compare the ledger with what is here: \
             `tieline audit verify --kept {}`",
            path.display(),
            row.day,
            to.display()
        );
        return Err(Failure::new(Exit::Failed, text));
    }
    let range = context.store.audit_day_range(row.day).await?;
    let lines = if range.removed {
        None
    } else {
        let events = to.join(events_file(row.day));
        let hash = lines(context, &events, manifest.first_leaf, manifest.last_leaf).await?;
        if manifest.sha256.is_some_and(|signed| signed != hash) {
            let text = format!(
                "the events of {} are not those that were signed; `tieline audit verify` names the first leaf that does not fit",
                row.day
            );
            return Err(Failure::new(Exit::Failed, text));
        }
        Some(manifest.lines())
    };
    write(&path, row.manifest.as_bytes())?;
    write(&to.join(signature_file(row.day)), row.signature.as_bytes())?;
    Ok(lines)
}

/// Writes leaves into a file; answers with its hash.
async fn lines(context: &Context, path: &Path, first: i64, last: i64) -> Result<[u8; 32], Failure> {
    let mut file = BufWriter::new(File::create(path).map_err(|error| failed(path, &error))?);
    let (mut hash, mut after) = (Sha256::new(), first - 1);
    loop {
        let page = context.store.leaf_lines(after, last).await?;
        let Some(newest) = page.last() else { break };
        after = newest.leaf;
        for one in &page {
            let line = leaf_line(one.leaf, &one.line) + "\n";
            hash.update(&line);
            file.write_all(line.as_bytes()).map_err(|error| failed(path, &error))?;
        }
    }
    file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all()).map_err(|error| failed(path, &error))?;
    Ok(hash.finalize().into())
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

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| failed(path, &error))
}
