//! Ownership and permissions of the service's files and directories.
//!
//! Files that root creates in the service's directories belong to the service: `tieline credential set`, run by root, must leave nothing
//! that the service's account cannot use. Whatever the umask is, nobody else can read or replace the files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Why a directory cannot be used for the state.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It does not exist, and cannot be created.
    #[error("the state directory {} cannot be created: {problem}; create it, or set `state.directory`", path.display())]
    Made {
        /// The directory.
        path: PathBuf,
        /// The error of the system.
        problem: io::Error,
    },
    /// Everybody may replace its files.
    #[error(
        "the state directory {} can be written to by every account of this machine (mode {mode:04o}), which could replace the master key \
         and the data in it; run `chmod 0700 {}`, or set `state.directory` to a directory only for Tieline", path.display(), path.display()
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// Creates the state directory if it is missing, for its owner only (0700). If `passer` is another account, other accounts may pass through
/// it (0711), because the private database may run under such an account. An existing directory also gets this mode if it belongs to this
/// account and contains only Tieline's files; otherwise it is not changed, and a warning is logged.
///
/// # Errors
/// [`DirectoryError`] when it cannot be created, or when everybody could replace its files.
pub fn make_state_directory(path: &Path, passer: Option<u32>) -> Result<(), DirectoryError> {
    #[cfg(unix)]
    return unix::make(path, passer);
    #[cfg(not(unix))]
    {
        // the access list of the parent directory decides
        let _ = passer;
        std::fs::create_dir_all(path).map_err(|problem| DirectoryError::Made { path: path.to_owned(), problem })
    }
}

/// Changes the owner of a file to the owner of its directory, if this process is root.
///
/// # Errors
/// The error of the system.
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

/// Opens a file for reading and writing that only its owner can use (0600), whatever the umask is and whoever created it before.
///
/// # Errors
/// The error of the system.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    make_private(&file)?;
    give_to_owner_of(path.parent().unwrap_or(path), &file)?;
    Ok(file)
}

/// Restricts a file of this account to its owner.
///
/// # Errors
/// The error of the system.
pub fn make_private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let found = file.metadata()?;
        if found.mode() & 0o7777 != 0o600 && unix::ours(found.uid()) {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    use std::path::Path;

    use tracing::{info, warn};

    use super::DirectoryError;

    /// Whether this process may change the mode of this user's files.
    pub(super) fn ours(owner: u32) -> bool {
        let me = nix::unistd::geteuid();
        me.is_root() || me.as_raw() == owner
    }

    /// The mode of a directory with this owner.
    fn mode_for(owner: u32, passer: Option<u32>) -> u32 {
        if passer.is_some_and(|passer| passer != owner) { 0o711 } else { 0o700 }
    }

    pub(super) fn make(path: &Path, passer: Option<u32>) -> Result<(), DirectoryError> {
        let mode = mode_for(nix::unistd::geteuid().as_raw(), passer);
        let failed = |problem| DirectoryError::Made { path: path.to_owned(), problem };
        let missing: Vec<&Path> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
        // with its mode from the first moment: another process may read it at the same time
        fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(failed)?;
        // regardless of the umask
        missing.iter().try_for_each(|made| fs::set_permissions(made, fs::Permissions::from_mode(mode))).map_err(failed)?;
        if missing.is_empty() { settle(path, passer, failed) } else { Ok(()) }
    }

    fn settle(path: &Path, passer: Option<u32>, failed: impl Fn(io::Error) -> DirectoryError) -> Result<(), DirectoryError> {
        let found = fs::metadata(path).map_err(&failed)?;
        let now = found.mode() & 0o7777;
        let mode = mode_for(found.uid(), passer);
        if now & 0o777 == mode {
            return Ok(());
        }
        if ours(found.uid()) && holds_ours_alone(path).map_err(&failed)? {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
            info!(directory = %path.display(), before = format!("{now:04o}"), now = format!("{mode:04o}"), "only the owner can read the \
                 state directory now");
            return Ok(());
        }
        // in a directory such as /tmp nobody can replace another user's files
        if now & 0o1002 == 0o002 {
            return Err(DirectoryError::Open { path: path.to_owned(), mode: now });
        }
        if now & 0o077 & !mode != 0 {
            warn!(
                directory = %path.display(), mode = format!("{now:04o}"),
                "other accounts can read the state directory; Tieline does not change it, because it belongs to another account or holds \
                 other files; use a directory only for Tieline"
            );
        }
        Ok(())
    }

    /// Whether a directory contains only files that Tieline creates: otherwise its mode must not be changed.
    fn holds_ours_alone(path: &Path) -> io::Result<bool> {
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let ours = ["node", "postgres", "master.key", "credential.lock", "high-water", "high-water.new", "lost+found"];
            if !ours.contains(&&*name) && !name.starts_with(".master-key-") {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
    }

    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        let site = tempfile::tempdir().expect("directory");
        let (private, passage) = (site.path().join("a/state"), site.path().join("b/state"));
        make_state_directory(&private, None).expect("made");
        make_state_directory(&passage, Some(u32::MAX)).expect("made");
        assert_eq!([mode(&private), mode(private.parent().expect("above"))], [0o700; 2]);
        assert_eq!([mode(&passage), mode(passage.parent().expect("above"))], [0o711; 2]);
        open_private(&private.join("node")).expect("opened");
        assert_eq!(mode(&private.join("node")), 0o600);
    }

    #[test]
    fn what_is_there_and_ours_is_tightened_and_anothers_is_not() {
        let site = tempfile::tempdir().expect("directory");
        let state = site.path();
        for name in ["node", "master.key", "postgres", "high-water"] {
            fs::write(state.join(name), "").expect("written");
        }
        for before in [0o755, 0o777, 0o2770, 0o500] {
            set(state, before);
            make_state_directory(state, None).expect("tightened");
            assert_eq!(mode(state) & 0o777, 0o700, "{before:o}");
        }
        set(&state.join("node"), 0o644);
        open_private(&state.join("node")).expect("opened");
        assert_eq!(mode(&state.join("node")), 0o600);
        fs::write(state.join("notes.txt"), "").expect("written");
        set(state, 0o755);
        make_state_directory(state, None).expect("left as it is");
        assert_eq!(mode(state), 0o755, "it may be somebody's home directory");
        set(state, 0o777);
        let text = make_state_directory(state, None).expect_err("anybody could replace the key").to_string();
        assert!(text.contains("(mode 0777)") && text.contains("chmod 0700") && text.contains("`state.directory`"), "{text}");
        set(state, 0o1777);
        make_state_directory(state, None).expect("as /tmp: nobody replaces another's files");
    }

    #[test]
    fn a_place_that_cannot_be_made_is_named() {
        let site = tempfile::tempdir().expect("directory");
        fs::write(site.path().join("file"), "").expect("written");
        let text = make_state_directory(&site.path().join("file/state"), None).expect_err("a file is in the way").to_string();
        assert!(text.contains("file/state cannot be created: ") && text.contains("`state.directory`"), "{text}");
    }
}
