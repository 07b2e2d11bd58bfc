//! `tieline-files.json` in the output directory: what the command wrote there. A later run removes and replaces nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of the file.
pub(super) const MANIFEST: &str = "tieline-files.json";

/// The files of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// What the file is, for those who find it.
    pub(super) about: String,
    /// The digest of each file as it was written, by its path.
    pub(super) files: BTreeMap<String, String>,
}

impl Manifest {
    /// The files with their digests.
    pub(super) fn of(files: BTreeMap<String, String>) -> Self {
        let about = "What `tieline servicenow-app` wrote here, with SHA-256. Keep this file with the others: the next run replaces and \
                     removes only files that are as they are listed.";
        Self { about: about.to_owned(), files }
    }

    /// Whether the command wrote the file so.
    pub(super) fn has(&self, path: &str, text: &str) -> bool {
        self.files.get(path).is_some_and(|known| *known == digest(text))
    }
}

/// The digest of a text, whatever ends its lines: version control may change that.
pub(super) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.replace("\r\n", "\n").as_bytes()))
}
