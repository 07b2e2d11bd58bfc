//! The last audit row that this node saw committed, in a file of the state directory: nothing else shows that a ledger was set back in its
//! own cluster.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use crate::domain::life::HighWater;
use crate::store::Store;

fn path(directory: &Path) -> PathBuf {
    directory.join("high-water")
}

/// How long to wait for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Held while the file is read or written: a disk that does not answer keeps one thread, not one for each check.
static AT_WORK: Semaphore = Semaphore::const_new(1);

/// Works with the file on a thread that may block: on this one, actors wait.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let done = async {
        let permit = AT_WORK.acquire().await.map_err(io::Error::other)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(io::Error::other)
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("the disk did not answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, done).await.unwrap_or_else(|_| Err(late()))
}

/// Reads it. A file that cannot be read is reported and ignored; a missing one belongs to a new node.
pub(super) async fn kept(directory: &Path) -> Option<HighWater> {
    let of = directory.to_owned();
    match apart(move || read(&of)).await {
        Ok(mark) => mark,
        Err(error) => {
            warn!(file = %path(directory).display(), %error, "the file with this node's newest committed row cannot be read");
            None
        }
    }
}

fn read(directory: &Path) -> Option<HighWater> {
    let path = path(directory);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            warn!(file = %path.display(), %error, "the file with this node's newest committed row cannot be read");
            return None;
        }
    };
    match serde_json::from_str(&text) {
        Ok(mark) => Some(mark),
        Err(error) => {
            warn!(file = %path.display(), %error, "the file with this node's newest committed row cannot be read");
            None
        }
    }
}

/// Stores it completely or not at all, so that a crash leaves the former mark.
fn keep(directory: &Path, mark: HighWater) -> io::Result<()> {
    let (path, new) = (path(directory), directory.join("high-water.new"));
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(serde_json::to_string(&mark)?.as_bytes())?;
    file.sync_all()?;
    crate::config::give_to_owner_of(directory, &file)?;
    std::fs::rename(new, path)
}

/// Reads the ledger's last row and stores it. An error is logged: the former mark stays, and is still valid.
pub(super) async fn renew(store: &Store, directory: &Path) {
    match store.high_water().await {
        Ok(Some(mark)) => {
            let of = directory.to_owned();
            if let Err(error) = apart(move || keep(&of, mark)).await.flatten() {
                warn!(directory = %directory.display(), %error, "the file with this node's newest committed row cannot be written");
            }
        }
        Ok(None) => {}
        Err(error) => warn!(%error, "the newest row of the ledger could not be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{AuditRowId, LifeId};

    #[tokio::test]
    async fn what_is_kept_is_read_back_and_nonsense_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(kept(directory.path()).await, None);
        let mark = HighWater { life: LifeId(uuid::Uuid::from_u128(7)), audit: AuditRowId(8), xid: 9 };
        keep(directory.path(), mark).unwrap();
        assert_eq!(kept(directory.path()).await, Some(mark));
        std::fs::write(path(directory.path()), "{").unwrap();
        assert_eq!(kept(directory.path()).await, None);
    }
}
