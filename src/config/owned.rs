//! What root makes in the service's directories belongs to the service: `tieline credential set` run by root must leave nothing behind that
//! the service's account cannot use.

use std::fs::File;
use std::io;
use std::path::Path;

/// Gives a file to whom its directory belongs, when we are root.
///
/// # Errors
/// What the system says.
pub fn give_to_owner_of(directory: &Path, file: &File) -> io::Result<()> {
    #[cfg(unix)]
    if nix::unistd::geteuid().is_root() {
        use std::os::unix::fs::MetadataExt;
        let owner = std::fs::metadata(directory)?;
        std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    #[cfg(not(unix))]
    let _ = (directory, file);
    Ok(())
}
