//! Evidence for an auditor: one file with everything that the ledger can show for a period.
//!
//! `lists` writes the lists of the ledger, `sbom` the software bill of materials, `pack` the file. The audit's own files, which can be checked without Tieline, are part of it.

mod lists;
mod pack;
mod sbom;

use std::fs::File;
use std::io::{Seek, Write};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use self::pack::{About, Pack};
use super::refused::Refused;
use super::tie_out::files::{self, Chosen};
use super::{Requested, audit_export, prove, tie_out};
use crate::actors::system::Access;
use crate::domain::audit::AuditKind;
use crate::domain::fiscal::FiscalPeriod;
use crate::evidence::signature::PACK_NAMESPACE;
use crate::process::Process;
use crate::process::evidence::Evidence;
use crate::store::{NewAudit, TieOutItems};

/// What a pack is about.
#[derive(Debug, Clone)]
pub struct AskedEvidence {
    /// The first instant.
    pub since: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
    /// The fiscal year and period whose sums are shown; `None`: all.
    pub period: Option<FiscalPeriod>,
}

/// Writes a pack; answers the number of its files.
///
/// # Errors
/// [`Refused::NoFile`]; an error of the ledger.
pub async fn write(
    process: &Process,
    access: &Access,
    asked: &AskedEvidence,
    requested: Requested,
    to: impl Write + Seek,
) -> Result<usize, Refused> {
    let now = process.store.time().await?;
    let set = process.store.definition_in_force().await?;
    let definitions = set.map_or_else(|| "none in force".to_owned(), |set| format!("{} (SHA-256 {})", set.number, set.hash));
    let mut detail = serde_json::json!({
        "action": "evidence", "why": requested.why, "since": asked.since, "until": asked.until,
    });
    if let Some(period) = asked.period {
        detail["period"] = period.to_string().into();
    }
    let mut row = NewAudit::of(AuditKind::Action).detail(&detail);
    row.actor.clone_from(&requested.by);
    process.store.audit_write(row).await?;
    let common = format!(
        "made as of {} for {}: {}; definitions in force: {definitions}; Tieline {}",
        instant(now),
        requested.by,
        requested.why,
        env!("CARGO_PKG_VERSION")
    );
    let mut pack = Pack::new(to);
    let readme = format!("{README}\n{common}\nFrom {} to before {} (UTC)\n", instant(asked.since), instant(asked.until));
    let about = About { what: "how to read and check this pack", source: "Tieline".into(), filter: String::new() };
    pack.file("README.txt", about, readme.as_bytes(), None, "")?;
    lists::interface(process, &mut pack).await?;
    lists::rights(process, access, &requested, &mut pack).await?;
    lists::definitions(process, &mut pack, asked).await?;
    sums(process, &mut pack, asked, &requested.by).await?;
    lists::runs(process, &mut pack, asked).await?;
    lists::events(process, &mut pack, asked).await?;
    lists::not_delivered(process, &mut pack).await?;
    duplicates(process, access, &mut pack).await?;
    lists::access(process, &mut pack).await?;
    lists::operations(process, &mut pack, now).await?;
    audit(process, &mut pack, asked).await?;
    bill(&mut pack)?;
    let key = Evidence::of(process).key().await?;
    pack.finish(&common, |sums| key.sign_for(PACK_NAMESPACE, sums))
}

const README: &str = "Evidence of Tieline, which carries records from SYSPRO into ServiceNow.

index.csv says of each file what it is, where its lines come from, which lines it has, how many, and
its SHA-256. To check the files, and that this installation wrote them:

  sha256sum --check SHA256SUMS
  ssh-keygen -Y verify -f audit/allowed_signers -I tieline -n evidence@tieline -s SHA256SUMS.sig < SHA256SUMS

Compare the key in audit/allowed_signers with the fingerprint that you wrote down.

 1 interface.txt, rights.csv  both systems, owners, flows, schedules, rights of service accounts
 2 definitions.csv, definitions/  which definitions were in force, and their files
 3 tie-out.xlsx, tie-out.pdf, runs.csv  completeness: counts and sums of both sides, and every run
 4 partial_writes.csv       accuracy: fields that ServiceNow did not keep as they were sent
 5 not_delivered.csv        failed, waiting, on hold, unknown, retried: reason, age, next step
 6 duplicates.csv           whether a record has two rows in ServiceNow, and the rows that were checked
 7 restarts.csv             lost answers and how each was settled, restored ledgers
 8 interventions.csv        what people did: who, when, why
 9 access.csv               API keys and roles now; changes are in interventions.csv
10 changes.csv, sbom.json   definitions that came into force, what retention removed, packages
11 control_test.csv         forced errors, their notices, and their end
12 audit/                   the audit by days, signed: sh audit/verify.sh checks it without Tieline
13 index.csv                source, filter, number of lines and total of every file
14 operations.txt           versions, clocks, the database and backups
";

/// The packages of the program. The lock file has those of its tests too.
fn bill<W: Write + Seek>(pack: &mut Pack<W>) -> Result<(), Refused> {
    let Some((bill, count)) = sbom::sbom() else { return Ok(()) };
    let about = About {
        what: "software bill of materials (CycloneDX 1.5): the packages that the program and its tests are built from",
        source: "the lock file of the build".into(),
        filter: String::new(),
    };
    pack.file("sbom.json", about, bill.as_bytes(), Some(count), "")
}

/// The newest tie-out that is done.
async fn sums<W: Write + Seek>(process: &Process, pack: &mut Pack<W>, asked: &AskedEvidence, by: &str) -> Result<(), Refused> {
    let report = match tie_out::find(process, None).await {
        Ok(report) => report,
        Err(Refused::NoTieOut(_)) => {
            let about = About { what: "why there is no tie-out", source: "the ledger".into(), filter: String::new() };
            let text = b"No tie-out has been made. Make one with `tieline tie-out --why ...`, then write the pack again.\n";
            return pack.file("tie-out.txt", about, text, None, "");
        }
        Err(refused) => return Err(refused),
    };
    let fits = |year: Option<i32>, period: Option<i32>| match asked.period {
        None => true,
        Some(wanted) => year == Some(wanted.year()) && (wanted.period().is_none() || wanted.period() == period),
    };
    let chosen = Chosen {
        buckets: report.buckets.iter().filter(|bucket| fits(bucket.year, bucket.period)).collect(),
        items: TieOutItems { of: report.run.id, period: asked.period, ..TieOutItems::default() },
        filter: asked.period.map(|period| period.to_string()).unwrap_or_default(),
        by: by.to_owned(),
        report: &report,
    };
    let about = |what| About {
        what,
        source: format!("tie-out {} as of {}: SYSPRO and ServiceNow, read for it", report.run.id, instant(report.run.started_at)),
        filter: chosen.filter.clone(),
    };
    let lines = Some(chosen.buckets.len() as u64);
    let workbook = chosen.all(process).await?.workbook().await?;
    pack.copy("tie-out.xlsx", about("counts and sums of both sides, and every difference"), workbook, lines, "in the file")?;
    let document = files::document(process, &chosen).await?;
    pack.file("tie-out.pdf", about("the same, to sign"), &document, lines, "in the file")
}

/// Whether a key has two rows, asked of ServiceNow now.
async fn duplicates<W: Write + Seek>(process: &Process, access: &Access, pack: &mut Pack<W>) -> Result<(), Refused> {
    let proofs = prove::prove(process, access, &[], &[]).await?;
    let head = ["company", "entity", "block", "table", "rows_checked", "duplicate_keys", "not_proven_because"].map(str::to_owned);
    let rows = proofs.iter().map(|proof| {
        [
            proof.company.clone(),
            proof.entity.clone(),
            proof.block.clone(),
            proof.table.clone().unwrap_or_default(),
            proof.rows.to_string(),
            if proof.unverified.is_some() { String::new() } else { proof.repeated.len().to_string() },
            proof.unverified.clone().unwrap_or_default(),
        ]
    });
    let rows = std::iter::once(head).chain(rows);
    let bytes = crate::domain::csv::lines(rows).map_err(|error| Refused::NoFile(error.to_string()))?;
    let checked: u64 = proofs.iter().map(|proof| proof.rows).sum();
    let about = About {
        what: "whether a record has two rows in ServiceNow",
        source: "ServiceNow's Aggregate API, asked for this pack".into(),
        filter: "all tables".into(),
    };
    pack.file("duplicates.csv", about, &bytes, Some(proofs.len() as u64), &format!("{checked} rows checked"))
}

/// The files of the audit's days, as `tieline audit export` writes them.
async fn audit<W: Write + Seek>(process: &Process, pack: &mut Pack<W>, asked: &AskedEvidence) -> Result<(), Refused> {
    let directory = tempfile::tempdir().map_err(|error| Refused::NoFile(format!("no directory for temporary files: {error}")))?;
    let last = (asked.until - TimeDelta::microseconds(1)).date_naive();
    audit_export::days(process, directory.path(), Some(asked.since.date_naive()), Some(last)).await?;
    let unreadable = |error: std::io::Error| Refused::NoFile(format!("the files of the audit cannot be read: {error}"));
    let mut files = std::fs::read_dir(directory.path())
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .map_err(unreadable)?;
    files.sort();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let about = About {
            what: "a file of the audit's days: events, manifest, signature, signers or the script that checks them",
            source: "the audit in the ledger".into(),
            filter: format!("days from {} to {last}", asked.since.date_naive()),
        };
        pack.copy(&format!("audit/{name}"), about, File::open(&path).map_err(unreadable)?, None, "")?;
    }
    Ok(())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
