//! The free space of a directory's file system, and whether the private database can still write.

use std::path::{Path, PathBuf};

use crate::config::Settings;

/// PostgreSQL writes its log in segments of 16 MiB; without space for the next one it stops.
const SEGMENT: u64 = 16 << 20;

/// The space for an ordinary account, in bytes; `None` if the system does not tell.
pub(super) fn free(directory: &Path) -> Option<u64> {
    free_of(nearest(directory))
}

/// The directory, or its nearest existing parent: the directory may not have been created yet.
fn nearest(directory: &Path) -> &Path {
    directory.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"))
}

#[cfg(unix)]
fn free_of(path: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    // the widths of both differ between systems
    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
    let (blocks, size) = (u64::try_from(found.blocks_available()).ok()?, u64::try_from(found.fragment_size()).ok()?);
    Some(blocks.saturating_mul(size))
}

#[cfg(not(unix))]
fn free_of(_: &Path) -> Option<u64> {
    None
}

/// A disk that is too full for the private database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk of the private database is full: {free} bytes are free at {}, and PostgreSQL needs {SEGMENT} for the next segment of its log; free \
     space there. Nothing is lost, and work continues automatically then", directory.display()
)]
pub struct FullDisk {
    /// The directory of the database.
    directory: PathBuf,
    /// The free space, in bytes.
    free: u64,
}

/// The private database's disk if it is full; `None` if there is space, and for a site's own database, whose disk cannot be checked from
/// here.
pub fn full(settings: &Settings) -> Option<FullDisk> {
    if settings.database.url.is_some() {
        return None;
    }
    let directory = settings.state.directory.join("postgres");
    let free = free(&directory).filter(|free| *free < SEGMENT)?;
    Some(FullDisk { directory, free })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_its_path_and_bytes() {
        let full = FullDisk { directory: "/var/lib/tieline/postgres".into(), free: 4096 };
        let text = full.to_string();
        assert!(text.contains("4096 bytes are free at /var/lib/tieline/postgres, and PostgreSQL needs 16777216"), "{text}");
    }
}
