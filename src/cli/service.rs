//! `tieline service`: the program as a service of systemd, where no package has set it up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};

/// The shipped unit; a package installs it unchanged.
const UNIT: &str = include_str!("../../deploy/systemd/tieline.service");

/// The unit's place when no package installs it.
const PLACE: &str = "/etc/systemd/system/tieline.service";

/// The account of the service.
const ACCOUNT: &str = "tieline";

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum ServiceCommand {
    /// Writes the unit, makes the account, and enables the service; as root
    Install {
        /// Print what would be done, and the unit, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Stops the service and removes the unit; the configuration, the state and the account stay
    Uninstall,
    /// Shows the state of the service in systemd
    Status,
}

/// Runs the command.
pub(super) fn service(global: &Global, command: &ServiceCommand) -> Result<Exit, Failure> {
    match command {
        ServiceCommand::Install { dry_run } => install(global, *dry_run),
        ServiceCommand::Uninstall => uninstall(),
        ServiceCommand::Status => status(global),
    }
}

/// The shipped unit with this program and this configuration.
fn unit(program: &Path, config: Option<&Path>) -> String {
    let config = config.map(|path| format!(" --config {}", path.display())).unwrap_or_default();
    UNIT.replace("ExecStart=/usr/bin/tieline run", &format!("ExecStart={}{config} run", program.display()))
}

fn install(global: &Global, dry_run: bool) -> Result<Exit, Failure> {
    let program = std::env::current_exe().map_err(|error| failed(&format!("the path of the program is unknown: {error}")))?;
    let config = global.config.as_deref().map(absolute).transpose()?;
    let unit = unit(&program, config.as_deref());
    let steps: [&[&str]; 3] = [
        &["useradd", "--system", "--user-group", "--home-dir", "/var/lib/tieline", "--shell", "/usr/sbin/nologin", ACCOUNT],
        &["systemctl", "daemon-reload"],
        &["systemctl", "enable", "tieline.service"],
    ];
    if dry_run {
        output::line(&format!("# {PLACE}\n{unit}"))?;
        for step in steps {
            output::line(&format!("# then: {}", step.join(" ")))?;
        }
        return Ok(Exit::Done);
    }
    systemd()?;
    root("install a service")?;
    if Path::new("/lib/systemd/system/tieline.service").exists() {
        return Err(failed("a package has installed the service already; `systemctl enable --now tieline` starts it"));
    }
    if !account_exists() {
        call(steps[0])?;
    }
    fs::write(PLACE, unit).map_err(|error| failed(&format!("{PLACE} cannot be written: {error}")))?;
    call(steps[1])?;
    call(steps[2])?;
    output::line(&format!(
        "{PLACE} is written. Now set the credentials as that account (`sudo -u {ACCOUNT} tieline credential set ...`), run `sudo -u \
         {ACCOUNT} tieline doctor`, and start the service: `systemctl start tieline`"
    ))?;
    Ok(Exit::Done)
}

fn uninstall() -> Result<Exit, Failure> {
    systemd()?;
    root("remove a service")?;
    if !Path::new(PLACE).exists() {
        return Err(failed(&format!("there is no {PLACE}: if a package installed the service, remove the package")));
    }
    call(&["systemctl", "disable", "--now", "tieline.service"])?;
    fs::remove_file(PLACE).map_err(|error| failed(&format!("{PLACE} cannot be removed: {error}")))?;
    call(&["systemctl", "daemon-reload"])?;
    output::line("the service is removed; /etc/tieline, /var/lib/tieline and the account stay")?;
    Ok(Exit::Done)
}

fn status(global: &Global) -> Result<Exit, Failure> {
    systemd()?;
    let shown = "LoadState,ActiveState,SubState,MainPID,NRestarts,ExecMainStatus,ActiveEnterTimestamp";
    let out = Command::new("systemctl").args(["show", "tieline.service", "--property", shown]).output();
    let out = out.map_err(|error| failed(&format!("`systemctl show` cannot be run: {error}")))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned();
    if of("LoadState") != "loaded" {
        return Err(failed("systemd has no service `tieline`: run `tieline service install`, or install the package"));
    }
    let running = of("ActiveState") == "active";
    if global.output == OutputForm::Json {
        let found = json!({
            "active": running, "state": of("ActiveState"), "detail": of("SubState"), "pid": of("MainPID"), "restarts": of("NRestarts"),
            "exit_code": of("ExecMainStatus"), "since": of("ActiveEnterTimestamp"),
        });
        output::json(&found)?;
    } else {
        let (state, detail, since) = (of("ActiveState"), of("SubState"), of("ActiveEnterTimestamp"));
        let restarts = of("NRestarts");
        output::line(&format!("{state} ({detail}) since {since}, process {}, restarted {restarts} times", of("MainPID")))?;
        if !running {
            output::line(&format!("last exit code {}: `journalctl -u tieline -n 50` has the reason", of("ExecMainStatus")))?;
        }
    }
    Ok(if running { Exit::Done } else { Exit::Failed })
}

fn failed(text: &str) -> Failure {
    Failure::new(Exit::Failed, text)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| failed(&format!("`{}` has no absolute path: {error}", path.display())))
}

/// Refuses if systemd does not run: in a container, or on another system.
fn systemd() -> Result<(), Failure> {
    // the check of systemd's own sd_booted(3)
    if Path::new("/run/systemd/system").exists() {
        return Ok(());
    }
    Err(failed("systemd does not run here; let this machine's service manager run `tieline run`, which stops on SIGTERM"))
}

fn root(what: &str) -> Result<(), Failure> {
    if nix::unistd::geteuid().is_root() { Ok(()) } else { Err(failed(&format!("only root can {what}: try it with sudo"))) }
}

fn account_exists() -> bool {
    nix::unistd::User::from_name(ACCOUNT).is_ok_and(|user| user.is_some())
}

fn call(step: &[&str]) -> Result<(), Failure> {
    let said = step.join(" ");
    let [program, arguments @ ..] = step else { return Ok(()) };
    let out = Command::new(program).args(arguments).output();
    let out = out.map_err(|error| failed(&format!("`{said}` cannot be run: {error}")))?;
    if out.status.success() {
        return Ok(());
    }
    Err(failed(&format!("`{said}` failed: {}", String::from_utf8_lossy(&out.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_runs_this_program_with_this_configuration() {
        let unit = unit(Path::new("/opt/tieline/tieline"), Some(Path::new("/opt/tieline/tieline.toml")));
        assert!(unit.contains("\nExecStart=/opt/tieline/tieline --config /opt/tieline/tieline.toml run\n"), "{unit}");
        assert!(UNIT.contains("\nExecStart=/usr/bin/tieline run\n"), "the shipped unit has another line than the one that is replaced");
    }
}
