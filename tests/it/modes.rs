//! Whatever the umask is, only the service can use the files in its state directory.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use secrecy::ExposeSecret;

use crate::binary::{Site, text};
use crate::support::database::Database;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A command of the site under a umask.
fn under(umask: &str, site: &Site, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let inner = site.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]).arg(inner.get_program()).args(inner.get_args());
    command.envs(variables.iter().copied()).output().unwrap()
}

const SET: &[&str] = &["credential", "set", "servicenow", "--username", "C", "--password-stdin"];

/// Makes the key and the node's name.
fn set_up(umask: &str, site: &Site, variables: &[(&str, &str)]) {
    let status = under(umask, site, &["status"], variables);
    assert!(matches!(status.status.code(), Some(0 | 3)), "{}", text(&status));
    let password = site.path("password");
    std::fs::write(&password, "s\n").unwrap();
    let inner = site.command(SET);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\" <'{}'", password.display())]);
    let out = command.arg(inner.get_program()).args(inner.get_args()).envs(variables.iter().copied()).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
}

#[test]
fn the_state_is_private_under_any_umask() {
    let root = nix::unistd::geteuid().is_root();
    for umask in ["000", "022", "077", "0177"] {
        let site = Site::alone();
        set_up(umask, &site, &[]);
        let state = site.path("state");
        // root's private server runs as another account, which passes through
        assert_eq!(mode(&state), if root { 0o711 } else { 0o700 }, "{umask}");
        for directory in ["postgres", "postgres/data", "postgres/sock"] {
            assert_eq!(mode(&state.join(directory)), 0o700, "{umask} {directory}");
        }
        for file in ["node", "master.key", "credential.lock", "postgres/password", "postgres/start.lock", "postgres/users.lock"] {
            assert_eq!(mode(&state.join(file)), 0o600, "{umask} {file}");
        }
    }
}

#[test]
fn with_a_database_of_the_site_the_state_is_for_its_owner_alone_and_looser_ones_are_tightened() {
    let database = Database::empty();
    let url = database.url().expose_secret().to_owned();
    let variables = [("TIELINE__DATABASE__URL", url.as_str())];
    let site = Site::alone();
    set_up("000", &site, &variables);
    let state = site.path("state");
    assert_eq!(mode(&state), 0o700);
    for file in ["node", "master.key"] {
        assert_eq!(mode(&state.join(file)), 0o600, "{file}");
    }
    // as earlier versions left it
    set(&state, 0o755);
    set(&state.join("node"), 0o644);
    let status = || under("022", &site, &["status"], &variables);
    assert!(matches!(status().status.code(), Some(0 | 3)));
    assert_eq!((mode(&state), mode(&state.join("node"))), (0o700, 0o600));
    // a directory that holds other files is not ours to change
    std::fs::write(state.join("notes.txt"), "").unwrap();
    set(&state, 0o755);
    let out = status();
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out));
    assert!(text(&out).contains("other accounts can read the state directory"), "{}", text(&out));
    assert_eq!(mode(&state), 0o755);
    set(&state, 0o777);
    let out = status();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).contains("(mode 0777)") && text(&out).contains("chmod 0700"), "{}", text(&out));
}
