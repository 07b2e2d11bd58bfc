//! The account that runs the server. Postgres refuses root: children of root switch to the account `postgres`; an ordinary user stays.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, geteuid};

use super::ClusterError;

/// The user that runs the server, and whether this process must switch to it.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    uid: Uid,
    gid: Gid,
    switch: bool,
}

impl Account {
    /// For root: the owner of existing data, else of the state directory, which a package creates for the service's account, else
    /// `postgres`. For others: the user itself, who must then own existing data.
    pub(super) fn choose(data: &Path, state: &Path) -> Result<Self, ClusterError> {
        let me = geteuid();
        let owner_of = |path: &Path| fs::metadata(path).ok().map(|metadata| Uid::from_raw(metadata.uid()));
        let owner = owner_of(data);
        let user_of = |uid: Uid| User::from_uid(uid).ok().flatten();
        if me.is_root() {
            let owner =
                owner.filter(|owner| !owner.is_root()).or_else(|| owner_of(state).filter(|owner| !owner.is_root())).and_then(user_of);
            let user = owner.or_else(|| User::from_name("postgres").ok().flatten()).ok_or(ClusterError::NoAccount)?;
            return Ok(Self { name: user.name, uid: user.uid, gid: user.gid, switch: true });
        }
        let user = user_of(me).ok_or(ClusterError::NamelessUser { uid: me.as_raw() })?;
        match owner {
            Some(owner) if owner != me => {
                let owner = user_of(owner).map_or_else(|| owner.to_string(), |owner| owner.name);
                Err(ClusterError::OtherOwner { path: data.to_owned(), owner, user: user.name })
            }
            _ => Ok(Self { name: user.name, uid: user.uid, gid: user.gid, switch: false }),
        }
    }

    /// A program run as this account, without our environment, and without input.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        if self.switch {
            // the standard library drops root's other groups when it sets the user
            command.gid(self.gid.as_raw()).uid(self.uid.as_raw());
        }
        command
    }

    /// Makes the account the owner of a file or directory.
    pub(super) fn own(&self, path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        if self.switch { chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw())) } else { Ok(()) }
    }

    /// The account that must be able to enter the state directory besides its owner.
    pub(super) fn passer(&self) -> Option<u32> {
        self.switch.then(|| self.uid.as_raw())
    }

    /// Whether the account can enter every directory on the way to `path`.
    pub(super) fn reaches(&self, path: &Path) -> Result<(), ClusterError> {
        let ancestors: Vec<&Path> = path.ancestors().skip(1).collect();
        for directory in ancestors.into_iter().rev() {
            let metadata = fs::metadata(directory);
            let metadata = metadata.map_err(|source| ClusterError::File { path: directory.to_owned(), action: "read", source })?;
            let bit = if metadata.uid() == self.uid.as_raw() {
                0o100
            } else if metadata.gid() == self.gid.as_raw() {
                0o010
            } else {
                0o001
            };
            // an ordinary user may have more groups: then the programs' own messages must suffice
            if metadata.mode() & bit == 0 && self.switch {
                return Err(ClusterError::Unreachable {
                    user: self.name.clone(),
                    blocked: directory.to_owned(),
                    mode: metadata.mode() & 0o7777,
                    path: path.to_owned(),
                });
            }
        }
        Ok(())
    }
}
