//! Definitions that change while the service runs: read every few seconds and at SIGHUP, checked as a whole, and loaded or refused.
//!
//! The settings are read only at the start. A set that cannot be read or compiled is refused as a whole, and the current one stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::checked::Checked;
use super::context::say_adopted;
use super::who::user;
use crate::actors::handle::ActorsHandle;
use crate::config::{CertificateSettings, Loaded};
use crate::definition::Definitions;
use crate::domain::approval::ApprovalKind;
use crate::domain::audit::AuditKind;
use crate::domain::chain;
use crate::net;
use crate::process::Process;
use crate::process::in_force::SetStatus;
use crate::store::{AdoptResult, Adopter, ApprovalRow, MayAdopt, NewAudit, SetNumber};
use crate::telemetry::metrics::metrics;

/// Time between two checks of the files; changed files are read when they are the same at one more check.
const EVERY: Duration = Duration::from_secs(1);

/// Loads changed definitions.
pub(super) struct Reloader {
    /// The dependencies of the actors.
    pub(super) process: Process,
    /// Is told when this process has other definitions.
    pub(super) actors: ActorsHandle,
    /// The settings as read at the start.
    pub(super) loaded: Arc<Loaded>,
}

impl Reloader {
    /// Checks until it is dropped.
    pub(super) async fn run(self) {
        let mut hang_up = signal(SignalKind::hangup()).map_err(|error| warn!(%error, "Tieline cannot receive SIGHUP")).ok();
        let settings = &self.loaded.settings.definitions;
        let directory = settings.directory.clone().filter(|_| settings.watch);
        let profile = self.loaded.settings.servicenow.profile.clone();
        let mut seen = self.fingerprint(directory.as_deref(), &profile).await;
        // the files at the last check, and those that were loaded or refused
        let (mut before, mut handled) = (seen, seen);
        // a read that is due whatever the check shows: once after the start, because the files may have changed since they were read
        let mut owed = true;
        // a set that waits for a second person; at the start, that of this process itself
        let mut awaited = match self.process.definitions.view().status {
            SetStatus::Unapproved { .. } => Some(self.process.definitions.now().set()),
            _ => None,
        };
        loop {
            let cause = next(&mut hang_up).await;
            if let Some(definitions) = awaited.take() {
                awaited = match self.take_up(definitions.clone()).await {
                    Read::Settled => None,
                    Read::Again | Read::Awaited(_) => Some(definitions),
                };
            }
            seen = self.fingerprint(directory.as_deref(), &profile).await;
            if cause == Cause::Signal {
                info!("SIGHUP: the definitions are read again; settings (`tieline.toml`, variables) take effect only at the next start");
                self.check_authorities().await;
            }
            let settled = seen == before && (seen != handled || owed);
            before = seen;
            if cause == Cause::Signal || settled {
                handled = seen;
                let read = self.reload(cause).await;
                owed = matches!(read, Read::Again);
                awaited = match read {
                    Read::Awaited(definitions) => Some(definitions),
                    Read::Settled | Read::Again => None,
                };
            }
        }
    }

    /// Warns of a file of authorities that the next start could not use. Connections keep the certificates that were read at the start.
    async fn check_authorities(&self) {
        let files = CertificateSettings::of(&self.loaded.settings);
        let problems = tokio::task::spawn_blocking(move || net::authority_problems(&files)).await.unwrap_or_default();
        for problem in problems {
            warn!(problem, "a certificate file cannot be used; the certificates read at the start stay in use, and the next start fails");
        }
    }

    /// A hash of the site's files; `None` where no directory is watched.
    async fn fingerprint(&self, directory: Option<&Path>, profile: &str) -> Option<[u8; 32]> {
        let (directory, profile) = (directory?.to_owned(), profile.to_owned());
        tokio::task::spawn_blocking(move || fingerprint(&directory, &profile)).await.ok()
    }

    /// Reads the files.
    async fn reload(&self, cause: Cause) -> Read {
        let loaded = (*self.loaded).clone();
        let checked = tokio::task::spawn_blocking(move || Checked::with(loaded)).await;
        let definitions = match checked {
            Ok(Ok(checked)) => checked.definitions,
            Ok(Err(refused)) => {
                let problems: Vec<String> = refused.configuration.into_iter().chain(refused.definitions).collect();
                self.refuse(problems);
                return Read::Settled;
            }
            Err(_) => {
                self.refuse(vec!["reading them crashed; the log has the reason".into()]);
                return Read::Settled;
            }
        };
        let now = self.process.definitions.view();
        if definitions.set.hash == now.hash && !matches!(now.status, SetStatus::Unapproved { .. }) {
            if now.refused.is_some() || cause == Cause::Signal {
                info!(hash = definitions.set.short(), "the definition files are the same as those in use");
            }
            self.process.definitions.unchanged();
            metrics().service.definitions_refused(false);
            return Read::Settled;
        }
        self.take_up(definitions).await
    }

    /// Puts a set into force and uses it, if it may.
    async fn take_up(&self, definitions: Arc<Definitions>) -> Read {
        let approval_hours = self.loaded.settings.approvals.hours_of(ApprovalKind::Definition);
        let who = Adopter { node: Some(self.process.node.name.clone()), actor: user(), why: None, may: MayAdopt::Changed, approval_hours };
        let result = match self.process.store.definition_adopt(definitions.set.clone(), who).await {
            Ok(result) => result,
            Err(error) => {
                warn!(error = %chain(&error), "changed definitions cannot be loaded, because the ledger does not answer; Tieline retries");
                return Read::Again;
            }
        };
        say_adopted(&definitions.set, &result);
        let number = match &result {
            AdoptResult::InForce { number, .. } => *number,
            AdoptResult::Other { number, .. } => number.unwrap_or(SetNumber(0)),
            AdoptResult::Unapproved { asked, .. } => {
                self.wait(&definitions, asked.clone(), SetStatus::of(&result)).await;
                return Read::Awaited(definitions);
            }
        };
        self.process.definitions.replace(definitions, number, SetStatus::of(&result));
        metrics().service.definitions_refused(false);
        if let Some(complaint) = self.process.definitions.view().complaint() {
            error!(complaint, "changed definitions are not in force");
        }
        self.actors.take_up_definitions().await;
        Read::Settled
    }

    /// Notes that a set waits for a second person. A set that is in use stays in use, as long as it is in force.
    async fn wait(&self, definitions: &Definitions, request: Option<Box<ApprovalRow>>, status: SetStatus) {
        let set = &definitions.set;
        let of_this_process = &self.process.definitions;
        if of_this_process.view().hash == set.hash {
            of_this_process.set_status(of_this_process.now().number, status);
        }
        metrics().service.definitions_refused(false);
        if !of_this_process.wait_for_approval(&set.hash, request) {
            return;
        }
        if let Some(awaited) = of_this_process.view().awaited {
            warn!(hash = set.short(), "{}", awaited.words());
        }
        let difference = self.process.store.definition_difference(set.clone()).await.ok().flatten().unwrap_or_default();
        let node = &self.process.node.name;
        let detail = json!({ "action": "unapproved", "hash": set.hash, "node": node, "difference": difference,
                             "said": format!("definitions {} of {node} wait for a second person", set.short()) });
        if let Err(error) = self.process.store.audit_write(NewAudit::of(AuditKind::Definition).detail(&detail)).await {
            warn!(error = %chain(&error), "that definitions wait for an approval could not be written to the audit");
        }
    }

    fn refuse(&self, problems: Vec<String>) {
        let now = self.process.definitions.view();
        error!(
            in_force = crate::definition::set::short(&now.hash),
            problems = problems.join("\n  "),
            "changed definitions are refused as a whole; those before stay"
        );
        self.process.definitions.refuse(problems);
        metrics().service.definitions_refused(true);
    }
}

/// What became of reading the files.
enum Read {
    /// They were loaded, refused or unchanged.
    Settled,
    /// The ledger did not answer: it must be repeated.
    Again,
    /// They wait for a second person.
    Awaited(Arc<Definitions>),
}

/// Why the definition files are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// SIGHUP.
    Signal,
    /// The time of a check has come.
    Check,
}

/// Waits for a signal or for the next check.
async fn next(hang_up: &mut Option<Signal>) -> Cause {
    match hang_up {
        Some(signal) => tokio::select! {
            heard = signal.recv() => heard.map_or(Cause::Check, |()| Cause::Signal),
            () = tokio::time::sleep(EVERY) => Cause::Check,
        },
        None => {
            tokio::time::sleep(EVERY).await;
            Cause::Check
        }
    }
}

/// A hash of names and contents of the files. Their times are not enough: a copy can keep them, and some file systems count in seconds.
fn fingerprint(directory: &Path, profile: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for folder in [directory.join("entities"), directory.join("profiles").join(profile), directory.join("lookups")] {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
        files.sort();
        for file in files {
            hasher.update(file.as_os_str().as_encoded_bytes());
            match std::fs::read(&file) {
                Ok(text) => {
                    hasher.update((text.len() as u64).to_be_bytes());
                    hasher.update(text);
                }
                // like another content: it is read, and refused with its reason
                Err(_) => hasher.update(u64::MAX.to_be_bytes()),
            }
        }
        hasher.update([u8::from(folder.is_dir())]);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_names_and_contents() {
        let site = tempfile::tempdir().unwrap();
        let empty = fingerprint(site.path(), "apo");
        std::fs::create_dir(site.path().join("lookups")).unwrap();
        let file = site.path().join("lookups/currency.toml");
        std::fs::write(&file, "[codes]\n").unwrap();
        let one = fingerprint(site.path(), "apo");
        assert_ne!(one, empty);
        assert_eq!(one, fingerprint(site.path(), "apo"));
        std::fs::write(&file, "[codes]\nA = \"B\"\n").unwrap();
        assert_ne!(one, fingerprint(site.path(), "apo"));
        std::fs::write(&file, "[codes]\n").unwrap();
        std::fs::write(site.path().join("lookups/notes.txt"), "no definition").unwrap();
        assert_eq!(one, fingerprint(site.path(), "apo"), "only definition files count");
        std::fs::rename(&file, site.path().join("lookups/money.toml")).unwrap();
        assert_ne!(one, fingerprint(site.path(), "apo"));
    }
}
