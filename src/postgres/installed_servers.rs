//! Finds the installed server programs: the configured ones, `PG_BIN`, the distributions' places, `PATH`; for existing data only their own major.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ClusterError;

/// The programs for creating and running a cluster.
const PROGRAMS: [&str; 4] = ["initdb", "pg_ctl", "postgres", "psql"];

/// One installed server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Programs {
    pub(super) major: u32,
    pub(super) directory: PathBuf,
}

/// The places to search.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// `database.bin_directory`; if set, no other place is searched.
    pub(super) configured: Option<PathBuf>,
    /// `$PG_BIN`
    pub(super) pg_bin: Option<OsString>,
    /// `$PATH`
    pub(super) path: Option<OsString>,
    /// Directories with one directory per version: (parent, start of the name).
    pub(super) roots: Vec<(PathBuf, &'static str)>,
}

impl Places {
    pub(super) fn of_this_machine(configured: Option<PathBuf>) -> Self {
        let roots =
            [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql"), ("/usr/local/opt", "postgresql")];
        let roots = roots.into_iter().map(|(parent, name)| (parent.into(), name)).collect();
        Self { configured, pg_bin: std::env::var_os("PG_BIN"), path: std::env::var_os("PATH"), roots }
    }
}

/// The newest server, or the newest of the major version of the data.
pub(super) fn find(places: &Places, data: Option<(u32, &Path)>) -> Result<Programs, ClusterError> {
    let found = match &places.configured {
        Some(directory) => {
            vec![inspect(directory).map_err(|problem| ClusterError::BadPrograms { path: directory.clone(), problem })?]
        }
        None => {
            let mut found: Vec<Programs> = candidates(places).iter().filter_map(|directory| inspect(directory).ok()).collect();
            found.sort();
            found
        }
    };
    if found.is_empty() {
        let searched = "PG_BIN, /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and PATH".to_owned();
        return Err(ClusterError::NotInstalled { searched });
    }
    let Some((major, path)) = data else {
        return found.last().cloned().ok_or(ClusterError::NotInstalled { searched: String::new() });
    };
    // a newer server refuses the data of an older one
    found.iter().rev().find(|programs| programs.major == major).cloned().ok_or_else(|| {
        let mut majors: Vec<String> = found.iter().map(|programs| format!("PostgreSQL {}", programs.major)).collect();
        majors.dedup();
        ClusterError::OtherVersion { path: path.to_owned(), data: major, found: majors.join(", ") }
    })
}

fn candidates(places: &Places) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = places.pg_bin.iter().map(PathBuf::from).collect();
    for (root, beginning) in &places.roots {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let versions = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(beginning));
        directories.extend(versions.map(|entry| entry.path().join("bin")));
    }
    directories.extend(places.path.iter().flat_map(std::env::split_paths).filter(|path| path.is_absolute()));
    directories
}

/// The version of the server in a directory, or the problem with it.
fn inspect(directory: &Path) -> Result<Programs, String> {
    if let Some(lacking) = PROGRAMS.iter().find(|name| !directory.join(name).is_file()) {
        return Err(format!("there is no `{lacking}` in it"));
    }
    let output = Command::new(directory.join("postgres")).arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("its `postgres` cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", "postgres (PostgreSQL) 18beta1"
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let digits: Option<String> = version.map(|version| version.chars().take_while(char::is_ascii_digit).collect());
    let major = digits.and_then(|digits| digits.parse().ok());
    let major = major.ok_or_else(|| format!("its `postgres --version` says `{}`", text.trim()))?;
    Ok(Programs { major, directory: directory.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with the files of an installed server of this version.
    fn fake(root: &Path, name: &str, version: &str) -> PathBuf {
        let bin = root.join(name).join("bin");
        fs::create_dir_all(&bin).expect("directory");
        // written by a shell: a file descriptor of ours, inherited by a test's child at the wrong moment, would make them "busy"
        let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
        let write = "for p in initdb pg_ctl postgres psql; do printf '%s' \"$1\" > $p && chmod 755 $p; done";
        let status = Command::new("/bin/sh").args(["-c", write, "sh", &script]).current_dir(&bin).status();
        assert!(status.expect("a shell").success());
        bin
    }

    #[test]
    fn new_data_take_the_newest_and_old_data_their_own() {
        let root = tempfile::tempdir().expect("directory");
        fake(root.path(), "9", "9.6.24");
        let fifteen = fake(root.path(), "15", "15.14 (Debian 15.14-0+deb12u1)");
        let eighteen = fake(root.path(), "pgsql-18", "18beta1");
        let places = Places { roots: vec![(root.path().into(), "")], ..Places::default() };
        assert_eq!(find(&places, None).expect("found"), Programs { major: 18, directory: eighteen.clone() });
        assert_eq!(find(&places, Some((15, root.path()))).expect("found"), Programs { major: 15, directory: fifteen.clone() });
        let text = find(&places, Some((16, Path::new("/state/data")))).expect_err("not installed").to_string();
        assert!(
            text.contains("/state/data were created by PostgreSQL 16, and only PostgreSQL 9, PostgreSQL 15, PostgreSQL 18 is"),
            "{text}"
        );

        let by_name = Places { roots: vec![(root.path().into(), "pgsql-")], ..Places::default() };
        assert_eq!(find(&by_name, None).expect("found").major, 18);
        let by_path = Places { path: Some(format!("/nonexistent:{}", fifteen.display()).into()), ..Places::default() };
        assert_eq!(find(&by_path, None).expect("found").major, 15);
        let by_variable = Places { pg_bin: Some(fifteen.clone().into()), ..Places::default() };
        assert_eq!(find(&by_variable, None).expect("found").major, 15);
        let configured = Places { configured: Some(fifteen), pg_bin: Some(eighteen.into()), ..Places::default() };
        assert_eq!(find(&configured, None).expect("found").major, 15);
    }

    #[test]
    fn what_is_not_there_is_said_with_a_way_out() {
        let text = find(&Places::default(), None).expect_err("nothing").to_string();
        assert!(text.contains("apt-get install postgresql") && text.contains("dnf install postgresql-server"), "{text}");
        let root = tempfile::tempdir().expect("directory");
        let bin = fake(root.path(), "15", "15.1");
        fs::remove_file(bin.join("initdb")).expect("removed");
        let places = Places { configured: Some(bin.clone()), ..Places::default() };
        let text = find(&places, None).expect_err("lacking").to_string();
        assert_eq!(text, format!("`database.bin_directory` is {}, but there is no `initdb` in it", bin.display()));
    }
}
