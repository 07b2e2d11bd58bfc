//! The setup commands, through the binary: what they print, what they never print, and their exit codes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tieline::credentials::api_key;
use tieline_sim::servicenow::{ServiceNowOptions, ServiceNowSim};

use crate::binary::{Site, text, unheard, unread};

/// What was said, after the exit code was checked.
pub fn said(out: &Output, code: i32) -> String {
    let said = text(out);
    assert_eq!(out.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// Standard output as JSON.
pub fn json(out: &Output, code: i32) -> Value {
    said(out, code);
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Adds lines to the site's file.
fn add(site: &Site, more: &str) {
    let path = site.path("tieline.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + more).unwrap();
}

#[test]
fn a_mistake_on_the_command_line_is_printed_with_every_character_visible() {
    let site = Site::alone();
    let words = said(&site.run(&["sync", "--entity", "x\u{202e}y", "--wrong\u{200b}"]), 2);
    assert!(words.contains("--wrong[U+200B]") && !words.contains('\u{200b}'), "{words}");
}

#[test]
fn check_reports_configuration_and_definitions_together() {
    let site = Site::alone();
    std::fs::create_dir_all(site.path("definitions/entities")).unwrap();
    std::fs::write(site.path("definitions/entities/supplier.toml"), "colour = \"red\"\n").unwrap();
    add(&site, &format!("[definitions]\ndirectory = \"{}\"\n[servicenow.x]\n", site.path("definitions").display()));
    let out = site.command(&["check"]).env("TIELINE__SYSPRO__PAGE_SIZE", "0").output().unwrap();
    let words = said(&out, 4);
    assert!(words.contains("`servicenow.x`") && words.contains("`syspro.page_size` must be between"), "{words}");
    assert!(words.contains("supplier.toml:1") && words.contains("colour"), "{words}");
    let answer = json(&site.run(&["check", "--output", "json"]), 4);
    assert_eq!((&answer["ok"], &answer["definitions_checked"]), (&Value::Bool(false), &Value::Bool(true)));
    assert_eq!(answer["configuration_problems"].as_array().unwrap().len(), 1, "{answer}");
    assert!(!answer["definition_problems"].as_array().unwrap().is_empty(), "{answer}");
    // where the definitions are cannot be known: they are not blamed for it
    let out = site.command(&["check"]).env("TIELINE__SERVICENOW__PROFIL", "s2p").output().unwrap();
    assert!(said(&out, 4).contains("servicenow.profil"));
    std::fs::write(site.path("tieline.toml"), "[definitions]\ndirectroy = \"x\"\n").unwrap();
    assert!(said(&site.run(&["check"]), 4).contains("the definitions can be checked once this is corrected"));
    std::fs::write(site.path("tieline.toml"), "[http\n").unwrap();
    assert!(said(&site.run(&["check"]), 4).contains("line 1"));
    assert_eq!(json(&site.run(&["check", "--output", "json"]), 4)["definitions_checked"], Value::Bool(false));
}

#[test]
fn check_shows_settings_with_their_origins_and_no_secret() {
    let site = Site::alone();
    add(&site, "[schedule]\ninvoice = \"*/7 * * * *\"\n");
    let command = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env("TIELINE__DATABASE__URL", "postgres://u:SENTINEL-db@127.0.0.1/x");
        command.env("TIELINE__SYSPRO__PROXY", "http://u:SENTINEL-proxy@127.0.0.1:9").output().unwrap()
    };
    let words = said(&command(&["check"]), 0);
    for wanted in ["*/7 * * * *", "database.url = ***  (variable `TIELINE__DATABASE__URL`)", "Africa/Johannesburg", "in order"] {
        assert!(words.contains(wanted), "`{wanted}` is missing in: {words}");
    }
    let out = command(&["check", "--output", "json"]);
    let answer = json(&out, 0);
    assert_eq!(answer["settings"]["database.url"]["value"], "***");
    assert_eq!(answer["settings"]["syspro.proxy"]["value"], "***");
    assert_eq!(answer["settings"]["syspro.page_size"]["origin"], "default");
    let entities = answer["entities"].as_array().unwrap();
    let find = |name: &str| entities.iter().find(|entity| entity["entity"] == name).unwrap();
    assert_eq!(find("invoice")["schedule"], "*/7 * * * *");
    assert!(find("invoice")["sweep"].is_string());
    assert!(!words.contains("SENTINEL") && !text(&out).contains("SENTINEL"));
}

#[test]
fn a_schedule_for_no_entity_is_refused_by_every_command() {
    let site = Site::alone();
    add(&site, "[schedule]\ninvocie = \"5 * * * *\"\ninvoice = \"5 * * * *\"\n");
    for command in ["check", "sync", "run"] {
        let words = said(&site.run(&[command]), 4);
        assert!(words.contains("`schedule.invocie`") && words.contains("purchase_order") && words.contains(" line "), "{words}");
        assert!(!words.contains("`schedule.invoice`"), "{words}");
    }
    let carried = |entities: &str| site.command(&["check"]).env("TIELINE__FLOWS__ENTITIES", entities).output().unwrap();
    let words = said(&carried("supplier"), 4);
    assert!(words.contains("1 problem\n") && words.contains("`schedule.invocie`"), "{words}");
    assert!(said(&carried("suplier"), 4).contains("suplier"));
    let path = site.path("tieline.toml");
    let good = std::fs::read_to_string(&path).unwrap().replace("invocie = \"5 * * * *\"\n", "");
    std::fs::write(&path, good).unwrap();
    said(&carried("supplier"), 0);
}

#[test]
fn migrate_names_what_it_ran() {
    let site = Site::alone();
    let first = said(&site.run(&["migrate"]), 0);
    assert!(first.contains("migration") && first.contains("run: "), "{first}");
    let second = site.run(&["migrate"]);
    said(&second, 0);
    assert_eq!(String::from_utf8_lossy(&second.stdout), "The database is up to date.\n");
    assert_eq!(json(&site.run(&["migrate", "--output", "json"]), 0), serde_json::json!({ "migrations_run": [] }));
}

#[test]
fn credentials_come_from_standard_input_and_never_come_out() {
    let site = Site::alone();
    let words = said(&site.run_with(&["credential", "set", "servicenow", "--username", "C"], "SENTINEL\n"), 1);
    assert!(words.contains("--password-stdin < FILE"), "{words}");
    said(&site.run_with(&["credential", "set", "servicenow", "--username", "", "--password-stdin"], "SENTINEL\n"), 2);
    assert_eq!(json(&site.run(&["credential", "list", "--output", "json"]), 0), serde_json::json!([]));
    assert!(!site.path("state/master.key").exists(), "reading made a key");
    let mut printed = said(&site.run_with(&["credential", "set", "servicenow", "--username", "C", "--password-stdin"], "SENTINEL\r\n"), 0);
    let list = || json(&site.run(&["credential", "list", "--output", "json"]), 0);
    let before = list();
    assert_eq!((&before[0]["name"], &before[0]["username"]), (&"servicenow".into(), &"C".into()));
    printed += &said(&site.run(&["credential", "rotate-key"]), 0);
    let after = list();
    assert_ne!(before[0]["key_id"], after[0]["key_id"]);
    let keys = std::fs::read_to_string(site.path("state/master.key")).unwrap();
    assert!(keys.contains(after[0]["key_id"].as_str().unwrap()) && !keys.contains(before[0]["key_id"].as_str().unwrap()));
    printed += &said(&site.run(&["credential", "list"]), 0);
    printed += &said(&site.run(&["credential", "remove", "servicenow"]), 0);
    printed += &said(&site.run(&["credential", "remove", "servicenow"]), 1);
    assert!(printed.contains("`servicenow` is not set; `tieline credential list` shows which are"), "{printed}");
    assert!(!printed.contains("SENTINEL"), "{printed}");
}

#[test]
fn an_api_key_is_shown_once() {
    let site = Site::alone();
    let out = site.run(&["api-key", "add", "monitor", "--role", "viewer", "--expires-days", "30"]);
    said(&out, 0);
    let key = String::from_utf8(out.stdout).unwrap().trim_end().to_owned();
    let prefix = api_key::prefix(&key).unwrap();
    let list = json(&site.run(&["api-key", "list", "--output", "json"]), 0);
    assert_eq!((&list[0]["prefix"], &list[0]["role"]), (&prefix.into(), &"viewer".into()));
    assert!(list[0]["expires_at"].is_string());
    let table = said(&site.run(&["api-key", "list"]), 0);
    let secret = key.rsplit_once('_').map_or(key.as_str(), |_| &key["tl_12345678_".len()..]);
    assert!(table.contains(prefix) && !table.contains(secret) && !list.to_string().contains(secret));
    assert!(said(&site.run(&["api-key", "add", "monitor", "--role", "admin"]), 1).contains("already"));
    said(&site.run(&["api-key", "add", "", "--role", "admin"]), 2);
    said(&site.run(&["api-key", "remove", "monitor"]), 0);
    assert!(said(&site.run(&["api-key", "remove", "monitor"]), 1).contains("`tieline api-key list`"));
}

#[test]
fn a_reader_that_has_gone_ends_a_command_quietly() {
    let site = Site::alone();
    let all: [&[&str]; 5] = [&["check"], &["check", "--output", "json"], &["completions", "bash"], &["man"], &["credential", "list"]];
    for arguments in all {
        let out = unread(&mut site.command(arguments));
        let words = said(&out, 0);
        assert!(!words.contains("roken pipe") && !words.contains("standard output"), "{arguments:?}: {words}");
    }
    let out = unread(site.command(&["credential", "set", "servicenow", "--username", "C", "--password-stdin"]).stdin(Stdio::null()));
    assert!(said(&out, 1).contains("no password"));
}

#[test]
fn a_reader_that_has_gone_does_not_turn_a_failure_into_a_success() {
    let site = Site::alone();
    site.set_credentials(("TIELINE", "SENTINEL-one"), ("tieline", "SENTINEL-two"));
    // both systems are away
    let sync: [&[&str]; 3] = [&["sync"], &["sync", "--output", "json"], &["doctor", "--output", "json"]];
    for arguments in sync {
        assert!(!said(&unread(&mut site.command(arguments)), 5).contains("SENTINEL"), "{arguments:?}");
        assert!(!site.path("state/postgres/data/postmaster.pid").exists(), "{arguments:?} left the private server behind");
    }
    // it does not matter either if nobody reads the reason
    assert_eq!(unheard(&mut site.command(&["sync"])), Some(5));
    assert_eq!(unheard(&mut site.command(&["sync", "--entity", "invocie"])), Some(2));
    assert_eq!(unheard(&mut site.command(&["status"])), Some(0));
    // a key that nobody has seen is useless
    let words = said(&unread(&mut site.command(&["api-key", "add", "monitor", "--role", "viewer"])), 1);
    assert!(words.contains("it was not kept"), "{words}");
    assert_eq!(json(&site.run(&["api-key", "list", "--output", "json"]), 0), serde_json::json!([]));

    add(&site, "colour = 1\n");
    assert_eq!(unread(&mut site.command(&["check", "--output", "json"])).status.code(), Some(4));
}

#[test]
fn the_audit_names_the_account_of_the_process_whatever_variables_say() {
    let site = Site::alone();
    let said = |more: &[(&str, &str)]| {
        let mut command = site.command(&["api-key", "add", "k", "--role", "viewer"]);
        command.env_remove("SUDO_USER").env_remove("SUDO_UID").env_remove("USER").env_remove("LOGNAME").envs(more.iter().copied());
        said(&command.output().unwrap(), 0);
        said(&site.run(&["api-key", "remove", "k"]), 0);
        let audit = said(&site.run(&["audit", "--kind", "action", "--output", "json"]), 0);
        let rows = audit.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        rows.filter(|row| row["detail"]["action"] == "api key add").map(|row| row["actor"].to_string()).collect::<Vec<_>>()
    };
    let name = |uid: nix::unistd::Uid| nix::unistd::User::from_uid(uid).unwrap().map_or(uid.to_string(), |user| user.name);
    let own = name(nix::unistd::getuid());
    let logged_in = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok());
    let expected = match logged_in.filter(|uid| *uid != u32::MAX).map(|uid| name(nix::unistd::Uid::from_raw(uid))) {
        Some(login) if login != own => format!("\"user {login} (as {own})\""),
        _ => format!("\"user {own}\""),
    };
    let liar = [("USER", "mallory"), ("LOGNAME", "mallory"), ("SUDO_USER", "mallory"), ("SUDO_UID", "1")];
    for (count, variables) in [&[][..], &[("USER", "")], &liar].into_iter().enumerate() {
        let actors = said(variables);
        assert!(actors.len() == count + 1 && actors.iter().all(|actor| *actor == expected), "{variables:?}: {actors:?}");
    }
}

#[test]
fn an_empty_password_is_taken_only_when_it_is_meant() {
    let site = Site::alone();
    let set = |more: &[&str]| {
        let arguments = [&["credential", "set", "syspro-odata", "--username", "ADMIN", "--password-stdin"], more].concat();
        site.run_with(&arguments, "\n")
    };
    assert!(said(&set(&[]), 1).contains("--allow-empty"));
    assert_eq!(json(&site.run(&["credential", "list", "--output", "json"]), 0), serde_json::json!([]));
    said(&set(&["--allow-empty"]), 0);
    assert_eq!(json(&site.run(&["credential", "list", "--output", "json"]), 0)[0]["username"], "ADMIN");
    // it can be opened again, which a new key needs
    assert!(said(&site.run(&["credential", "rotate-key"]), 0).contains("1 credential is"));
}

#[test]
fn completions_and_the_manual_are_written() {
    let site = Site::alone();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(said(&site.run(&["completions", shell]), 0).contains("rotate-key"), "{shell}");
    }
    assert!(said(&site.run(&["man"]), 0).contains(".TH tieline"));
    let pages = site.path("made/man");
    let into = |path: &std::path::Path| site.command(&["man", "--directory"]).arg(path).output().unwrap();
    said(&into(&pages), 0);
    assert!(pages.join("tieline.1").is_file() && pages.join("tieline-credential.1").is_file());
    let words = said(&into(&site.path("tieline.toml")), 1);
    assert!(words.contains("tieline.toml"), "{words}");
}

#[test]
fn a_stand_in_prints_values_first_and_a_snippet_as_comments() {
    let site = Site::alone();
    for (system, values, snippet) in [
        ("syspro", ["odata_url=http://127.0.0.1:", "username=TIELINE", "password=odata-secret"], "#   [syspro]"),
        ("servicenow", ["instance_url=https://localhost:", "client_id=tieline", "client_secret=simulated-secret"], "#   [servicenow]"),
    ] {
        let mut command = site.command(&["simulate", system]);
        if system == "servicenow" {
            command.args(["--tls", "--second-stage", "10", "--fail-later", "u_due_date=2026-03"]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines: Vec<String> = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            lines.push(line.unwrap());
            if lines.last().is_some_and(|line| line == "# Ctrl-C ends it") {
                break;
            }
        }
        for (line, value) in lines.iter().zip(values) {
            assert!(line.starts_with(value), "{lines:?}");
        }
        assert!(lines.iter().any(|line| line == snippet), "{lines:?}");
        assert_eq!(lines.iter().any(|line| line.contains("BEGIN CERTIFICATE")), system == "servicenow");
        Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let late = ["simulate", "servicenow", "--second-stage", "10", "--fail-later", "nonsense"];
    assert!(said(&site.run(&late), 2).contains("such as `u_due_date=2026-03`"));
    std::fs::write(site.path("faults.toml"), "[[fault]]\nrate = 2.0\nfault = \"hang\"\n").unwrap();
    let out = site.command(&["simulate", "syspro", "--faults"]).arg(site.path("faults.toml")).output().unwrap();
    assert!(said(&out, 4).contains("`rate` must be between"));
}

/// A command on a terminal of its own: what it shows, and the exit code. `typed` is typed once the terminal shows `asked`.
fn on_a_terminal(site: &Site, arguments: &[&str], asked: &str, typed: &[u8]) -> (String, Option<i32>) {
    let command = site.command(arguments);
    let quoted = |part: &std::ffi::OsStr| format!("'{}'", part.to_str().unwrap());
    let line: Vec<String> = [command.get_program()].into_iter().chain(command.get_args()).map(quoted).collect();
    // `script` gives the command a terminal; `stty` afterwards says how that is left
    let line = format!("{}; code=$?; stty -a | grep -o -- '-\\?echo ' ; exit $code", line.join(" "));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--echo", "always", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut shown, mut input) = (Vec::new(), child.stdin.take().unwrap());
    let mut out = child.stdout.take().unwrap();
    let mut waiting = true;
    let mut more = [0; 512];
    loop {
        let read = std::io::Read::read(&mut out, &mut more).unwrap();
        if read == 0 {
            break;
        }
        shown.extend_from_slice(&more[..read]);
        if waiting && String::from_utf8_lossy(&shown).contains(asked) {
            waiting = false;
            std::io::Write::write_all(&mut input, typed).unwrap();
            std::io::Write::flush(&mut input).unwrap();
        }
    }
    (String::from_utf8_lossy(&shown).into_owned(), child.wait().unwrap().code())
}

#[test]
fn on_a_terminal_a_password_is_asked_for_and_does_not_show() {
    let instance = ServiceNowOptions { client_id: "C".into(), client_secret: "SENTINEL typed".into(), ..ServiceNowOptions::default() };
    let instance = ServiceNowSim::start(instance).unwrap();
    let site = Site::new("http://127.0.0.1:9/odata", instance.url().as_str(), "[retry]\nread_attempts = 1\n");
    let set = ["credential", "set", "servicenow", "--username", "C"];
    let (shown, code) = on_a_terminal(&site, &set, "Client secret of client id `C`", b"SENTINEL typed\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Credential `servicenow` is set for `C`.") && !shown.contains("SENTINEL"), "{shown}");
    assert!(shown.contains("\necho") || shown.contains(" echo"), "the terminal shows nothing any more: {shown}");
    // the one that was typed is the one that is kept: the instance takes it
    let findings = json(&site.run(&["doctor", "--read-only", "--output", "json"]), 1);
    let token =
        findings.as_array().unwrap().iter().find(|finding| finding["system"] == "servicenow" && finding["what"] == "ServiceNow token");
    assert_eq!(token.map(|finding| &finding["verdict"]), Some(&"ok".into()), "{findings}");

    // a person may also use `--password-stdin`
    let set = ["credential", "set", "syspro-odata", "--username", "O", "--password-stdin"];
    let (shown, code) = on_a_terminal(&site, &set, "Password of `O`", b"SENTINEL two\n");
    assert!(code == Some(0) && !shown.contains("SENTINEL"), "{shown}");

    // an empty line, and Ctrl-C, change nothing and leave the terminal as it was
    for typed in [&b"\n"[..], b"SENTINEL half\x03"] {
        let set = ["credential", "set", "syspro-enet", "--username", "E"];
        let (shown, code) = on_a_terminal(&site, &set, "Password of `E`", typed);
        assert_eq!(code, Some(1), "{shown}");
        assert!(shown.contains("nothing was changed") && !shown.contains("SENTINEL"), "{shown}");
        assert!(shown.contains("\necho") || shown.contains(" echo"), "the terminal shows nothing any more: {shown}");
    }
    let list = json(&site.run(&["credential", "list", "--output", "json"]), 0);
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["servicenow", "syspro-odata"]);
}
