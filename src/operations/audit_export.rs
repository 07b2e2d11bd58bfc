//! The files of the audit's days: their events, manifests and signatures, with which anybody can check the audit without Tieline.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::Refused;
use crate::domain::chain;
use crate::evidence::SCRIPT;
use crate::evidence::directory::{ALLOWED_SIGNERS, events_file, former_signature_file, manifest_file, signature_file, timestamp_file};
use crate::evidence::leaf::leaf_line;
use crate::evidence::manifest::Manifest;
use crate::process::Process;
use crate::process::evidence::{Evidence, EvidenceError, Signed};
use crate::store::AuditDayRow;

/// The script that checks the files.
pub const SCRIPT_FILE: &str = "verify.sh";

/// What was written.
#[derive(Debug, Clone)]
pub struct ExportedDays {
    /// The number of days.
    pub days: u64,
    /// The number of their leaves.
    pub leaves: i64,
    /// Days whose events retention has removed.
    pub without_events: Vec<NaiveDate>,
    /// A day that is not signed for good yet.
    pub provisional: Option<NaiveDate>,
    /// It is provisional because an event of it may still be added, and not because it has not ended.
    pub waits: bool,
    /// The fingerprints of the keys that signed.
    pub keys: Vec<String>,
}

impl From<EvidenceError> for Refused {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Store(error) => error.into(),
            error @ (EvidenceError::ChangeOpen | EvidenceError::NoKey | EvidenceError::ChangedMeanwhile) => {
                Self::KeyNotChanged(chain(&error))
            }
            error => Self::NotExported(chain(&error)),
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Refused {
    Refused::NotExported(format!("{} cannot be written: {error}", path.display()))
}

/// Writes the files of the days from `since` to `until`, both included, into a directory. Days that have ended are signed first.
///
/// # Errors
/// [`Refused::NotExported`]; an error of the ledger.
pub async fn days(process: &Process, to: &Path, since: Option<NaiveDate>, until: Option<NaiveDate>) -> Result<ExportedDays, Refused> {
    let evidence = Evidence::of(process);
    let mut exported = ExportedDays {
        days: 0,
        leaves: 0,
        without_events: Vec::new(),
        provisional: None,
        waits: evidence.sign_days().await? == Signed::Waits,
        keys: Vec::new(),
    };
    // what signing wrote is a part of today
    process.store.audit_seal().await?;
    let wanted = |day: NaiveDate| since.is_none_or(|since| day >= since) && until.is_none_or(|until| day <= until);
    let mut after = since.and_then(|since| since.pred_opt());
    loop {
        let page = process.store.audit_days(after, 100).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.day);
        for row in page.into_iter().filter(|row| wanted(row.day)) {
            let manifest = Manifest::read(&row.manifest).map_err(|problem| EvidenceError::Manifest { day: row.day, problem })?;
            exported.days += 1;
            match day(process, to, &manifest, &row).await? {
                Some(lines) => exported.leaves += lines,
                None => exported.without_events.push(row.day),
            }
        }
    }
    for (manifest, row) in evidence.provisional().await?.into_iter().filter(|(manifest, _)| wanted(manifest.day)) {
        exported.days += 1;
        exported.leaves += day(process, to, &manifest, &row).await?.unwrap_or_default();
        exported.provisional = Some(row.day);
    }
    let keys = process.store.audit_key_list().await?;
    let signers = keys.iter().map(|key| Ok(key.signer()?.line())).collect::<Result<String, String>>();
    let signers = signers.map_err(|problem| Refused::NotExported(format!("a key of the audit was changed: {problem}")))?;
    write(&to.join(ALLOWED_SIGNERS), signers.as_bytes())?;
    let script = to.join(SCRIPT_FILE);
    write(&script, SCRIPT.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(|error| failed(&script, &error))?;
    }
    exported.keys = keys.into_iter().map(|key| key.fingerprint).collect();
    Ok(exported)
}

/// Writes the files of one day; answers with its number of lines, `None` where its events were removed.
async fn day(process: &Process, to: &Path, manifest: &Manifest, row: &AuditDayRow) -> Result<Option<i64>, Refused> {
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
        return Err(Refused::NotExported(text));
    }
    let range = process.store.audit_day_range(row.day).await?;
    let lines = if range.removed {
        None
    } else {
        let events = to.join(events_file(row.day));
        let hash = lines(process, &events, manifest.first_leaf, manifest.last_leaf).await?;
        if manifest.sha256.is_some_and(|signed| signed != hash) {
            let text = format!(
                "the events of {} are not those that were signed; `tieline audit verify` names the first leaf that does not fit",
                row.day
            );
            return Err(Refused::NotExported(text));
        }
        Some(manifest.lines())
    };
    write(&path, row.manifest.as_bytes())?;
    write(&to.join(signature_file(row.day)), row.signature.as_bytes())?;
    if let Some(former) = &row.former_signature {
        write(&to.join(former_signature_file(row.day)), former.as_bytes())?;
    }
    if let Some(stamp) = process.store.audit_stamp(row.day).await? {
        write(&to.join(timestamp_file(row.day)), &stamp)?;
    }
    Ok(lines)
}

/// Writes leaves into a file; answers with its hash.
async fn lines(process: &Process, path: &Path, first: i64, last: i64) -> Result<[u8; 32], Refused> {
    let mut file = BufWriter::new(File::create(path).map_err(|error| failed(path, &error))?);
    let (mut hash, mut after) = (Sha256::new(), first - 1);
    loop {
        let page = process.store.leaf_lines(after, last).await?;
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

fn write(path: &Path, bytes: &[u8]) -> Result<(), Refused> {
    fs::write(path, bytes).map_err(|error| failed(path, &error))
}
