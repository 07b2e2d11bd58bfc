//! Which settings a command uses, how much it logs, and what it refuses: through the binary, in its own directories.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::binary::{Site, text};
use crate::cli::{json, said};

/// The binary in a directory, without a file that is named to it.
fn in_directory(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
    command.args(arguments).current_dir(directory).env_remove("TIELINE_CONFIG").stdin(Stdio::null());
    command
}

/// The lines of a log of this level.
fn logged(out: &Output, level: &str) -> usize {
    String::from_utf8_lossy(&out.stderr).lines().filter(|line| line.split_whitespace().nth(1) == Some(level)).count()
}

#[test]
fn without_a_file_every_place_that_was_searched_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().canonicalize().unwrap();
    for command in ["check", "sync", "doctor", "status"] {
        let words = said(&in_directory(&here, &[command]).output().unwrap(), 4);
        for place in [
            "/etc/tieline/tieline.toml".to_owned(),
            format!("{}/tieline.toml", here.display()),
            format!("{}/config/tieline.toml", here.display()),
        ] {
            assert!(words.contains(&place), "{command} does not name {place}: {words}");
        }
        assert!(words.contains("--config FILE or TIELINE_CONFIG") && words.contains("`syspro.odata_url` is missing"), "{words}");
        assert_eq!(words.matches("/config/tieline.toml or").count() + words.matches("/config/tieline.toml:").count(), 1, "once: {words}");
    }
}

#[test]
fn the_file_in_use_is_named_when_it_matters() {
    let site = Site::alone();
    let here = site.directory.path().canonicalize().unwrap();
    let file = here.join("tieline.toml").display().to_string();
    let found = |arguments: &[&str]| in_directory(&here, arguments).output().unwrap();
    // `check` says it first, whether it was found or named
    let first = |out: &Output| String::from_utf8_lossy(&out.stdout).lines().next().unwrap_or_default().to_owned();
    for out in [found(&["check"]), site.run(&["check"])] {
        said(&out, 0);
        assert_eq!(first(&out), format!("Configuration: {file}"));
    }
    assert_eq!(json(&found(&["check", "--output", "json"]), 0)["file"], file.as_str());
    // a file that was found is no news, unless one asks
    assert!(!text(&found(&["credential", "list"])).contains(&file));
    assert!(said(&found(&["credential", "list", "-v"]), 0).contains(&file));

    // what is wrong is wrong in a file: also where it is something that is missing
    let good = std::fs::read_to_string(here.join("tieline.toml")).unwrap();
    std::fs::write(here.join("tieline.toml"), good.replace("time_zone", "#")).unwrap();
    for command in ["check", "sync", "run"] {
        let words = said(&found(&[command]), 4);
        assert!(words.contains(&format!("the configuration {file} has 1 problem")), "{words}");
    }
    assert_eq!(json(&found(&["check", "--output", "json"]), 4)["file"], file.as_str());
    // and so is a definition, whose directory the file names
    std::fs::create_dir_all(here.join("definitions/entities")).unwrap();
    std::fs::write(here.join("definitions/entities/supplier.toml"), "colour = \"red\"\n").unwrap();
    std::fs::write(here.join("tieline.toml"), format!("{good}[definitions]\ndirectory = \"definitions\"\n")).unwrap();
    let words = said(&found(&["sync"]), 4);
    assert!(words.contains(&format!("the definitions of {file} have ")) && words.contains("supplier.toml:1"), "{words}");
    // a company that another file would have
    std::fs::write(here.join("tieline.toml"), good).unwrap();
    assert!(said(&found(&["sync", "--company", "EDU9"]), 2).contains(&file));
}

#[test]
fn commands_log_warnings_unless_more_or_less_is_asked_for() {
    // the site's file says `info`, which is meant for the service
    let site = Site::alone();
    site.set_credentials(("TIELINE", "one"), ("tieline", "two"));
    let sync = |more: &[&str]| {
        let out = site.command(&[&["sync"], more].concat()).output().unwrap();
        said(&out, 5);
        out
    };
    let plain = sync(&[]);
    assert_eq!((logged(&plain, "INFO"), logged(&plain, "DEBUG")), (0, 0), "{}", text(&plain));
    let more = sync(&["-v"]);
    assert!(logged(&more, "INFO") > 0 && logged(&more, "DEBUG") == 0, "{}", text(&more));
    let most = sync(&["-vv"]);
    assert!(logged(&most, "DEBUG") > 0, "{}", text(&most));
    let quiet = sync(&["--quiet"]);
    assert_eq!((logged(&quiet, "INFO"), logged(&quiet, "WARN")), (0, 0), "{}", text(&quiet));
    // what a command says itself is no log
    assert!(text(&quiet).contains("tieline: "), "{}", text(&quiet));
    // a variable is set for this very process
    let out = site.command(&["sync"]).env("TIELINE__LOG__LEVEL", "info").output().unwrap();
    assert!(logged(&out, "INFO") > 0, "{}", text(&out));
    said(&site.run(&["-q", "-v", "status"]), 2);
}

#[test]
fn the_service_logs_as_its_setting_says() {
    let site = Site::alone();
    let log = |arguments: &[&str], sign: &str| {
        let mut service = site.serve_as(site.command(arguments));
        let read = || std::fs::read_to_string(site.path("service.log")).unwrap_or_default();
        crate::binary::wait_until("the service has logged", || read().contains(sign));
        service.terminate();
        read()
    };
    let text = log(&["run"], "tieline runs");
    assert!(text.contains("INFO") && text.contains(&site.path("tieline.toml").display().to_string()), "{text}");
}

/// The mistakes that `tieline check` lists.
fn listed(out: &Output) -> Vec<String> {
    let words = said(out, 4);
    words.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect()
}

#[test]
fn every_required_setting_is_listed_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = in_directory(directory.path(), &["check"]);
    let found = listed(&command.env("HOME", directory.path()).output().unwrap());
    let required = ["syspro.odata_url", "syspro.companies", "syspro.time_zone", "syspro.currency", "servicenow.instance_url"];
    for key in required {
        assert_eq!(
            found.iter().filter(|line| line.contains(&format!("`{key}`")) && line.contains("is missing")).count(),
            1,
            "{key}: {found:#?}"
        );
    }
    assert_eq!(found.len(), required.len(), "{found:#?}");
}

#[test]
fn check_lists_every_mistake_of_a_file_and_of_what_it_names() {
    let site = Site::alone();
    let write = |name: &str, text: &str| {
        let path = site.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("definitions/entities/supplier.toml", "colour = \"red\"\n");
    write("ca.pem", "no certificate");
    let (definitions, authorities) = (site.path("definitions").display().to_string(), site.path("ca.pem").display().to_string());
    let file = format!(
        r#"
[syspro]
odata_url = "http://u:SENTINEL@erp.example/odata?x=1"
companies = ["EDU1", "a b", "EDU1"]
page_sise = 5
row_cap = "many"
date_zone = "utc"
[company.EDU7]
currency = "USD"
[servicenow]
instance_url = "http://x.service-now.com/now"
batch_size = 0
ca_file = "{authorities}"
[schedule]
invoice = "5 * * *"
suplier = "5 * * * *"
[flows]
since = "soon"
lease_seconds = "x"
[notices]
mail_server = "smtp.example:587"
mail_from = "nobody"
mail_to = []
[http]
certificate = "/nowhere/a.pem"
certificate_key = "/nowhere/a.key"
[definitions]
directory = "{definitions}"
[writer]
x = 1
"#
    );
    write("tieline.toml", &file);
    let out = site.run(&["check"]);
    let mut found = listed(&out);
    assert!(!text(&out).contains("SENTINEL"), "{found:#?}");
    // each is named once, with what to do or what is allowed
    let expected = [
        "`company.EDU1.currency`: is missing",
        "`company.a b.currency`: is missing",
        "`[company.EDU7]` is not a company in `syspro.companies`",
        "supplier.toml:1",
        "`flows.lease_seconds` must be a whole number, got `x`",
        "`flows.since` must be a date",
        "`http.certificate` names /nowhere/a.pem, which cannot be read",
        "`notices.mail_from` must be a mail address, such as `tieline@example.com`, got `nobody`",
        "`notices.mail_to` is missing",
        "`schedule.invoice` must be a cron expression",
        "`schedule.suplier` names no entity",
        "`servicenow.batch_size` must be between 1 and 1000, got `0`",
        "`servicenow.ca_file` names",
        "`servicenow.instance_url` must begin with `https://`",
        "`servicenow.instance_url` must end after the host, got the path `/now`",
        "`syspro.companies` must hold company ids of letters and digits, got `a b`",
        "`syspro.companies` names `EDU1` twice",
        "`syspro.date_zone` must be one of",
        "`syspro.odata_url` must begin with `https://`",
        "`syspro.odata_url` must end before `?` and `#`",
        "`syspro.odata_url` must not hold a user name or password",
        "unknown key `syspro.page_sise`; did you mean `syspro.page_size`?",
        "`syspro.row_cap` must be a whole number, got `many`",
        "`syspro.time_zone` is missing",
        "unknown section `writer`",
    ];
    for wanted in expected {
        assert!(found.iter().any(|line| line.contains(wanted)), "{wanted} is not in {found:#?}");
    }
    // the entity file has one mistake more for each section that it lacks
    found.retain(|line| !line.contains("supplier.toml"));
    assert_eq!(found.len(), expected.len() - 1, "{found:#?}");

    // an empty list is not a missing one
    write("tieline.toml", "[syspro]\ncompanies = []\ncurrency = \"ZZZ\"\n");
    let found = listed(&site.run(&["check"]));
    assert!(
        found.iter().any(|line| line.contains("`syspro.companies` is empty: name at least one") && line.contains("line 2")),
        "{found:#?}"
    );
    assert!(found.iter().any(|line| line.contains("`syspro.currency`: the company's own currency `ZZZ`")), "{found:#?}");
}

#[test]
fn a_cron_expression_of_six_fields_is_refused_everywhere() {
    let site = Site::alone();
    let set = |key: &str| site.command(&["check"]).env(format!("TIELINE__{key}"), "0 5 * * * *").output().unwrap();
    for (key, name) in [("SCHEDULE__INVOICE", "`schedule.invoice`"), ("FLOWS__SWEEP", "`flows.sweep`")] {
        let words = said(&set(key), 4);
        assert!(words.contains(name) && words.contains("got `0 5 * * * *`: it has 6 fields") && words.contains("make five"), "{words}");
    }
    // in a site's entity file as well
    std::fs::create_dir_all(site.path("definitions/entities")).unwrap();
    let shipped = include_str!("../../config/entities/supplier.toml");
    let own = format!(
        "schedule = \"0 5 * * * *\"\n{}",
        shipped.lines().filter(|line| !line.starts_with("schedule")).collect::<Vec<_>>().join("\n")
    );
    std::fs::write(site.path("definitions/entities/supplier.toml"), own).unwrap();
    let out = site.command(&["check"]).env("TIELINE__DEFINITIONS__DIRECTORY", site.path("definitions")).output().unwrap();
    let words = said(&out, 4);
    assert!(words.contains("supplier.toml:1") && words.contains("6 fields"), "{words}");
}

#[test]
fn an_instance_with_a_path_is_refused_with_the_address_that_is_right() {
    let site = Site::alone();
    let with = |url: &str| site.command(&["check"]).env("TIELINE__SERVICENOW__INSTANCE_URL", url).output().unwrap();
    for wrong in ["https://example.service-now.com/api/now", "https://example.service-now.com/now/nav/ui/home"] {
        let words = said(&with(wrong), 4);
        assert!(
            words.contains("`servicenow.instance_url` must end after the host")
                && words.contains("write `https://example.service-now.com`"),
            "{words}"
        );
    }
    said(&with("https://example.service-now.com/"), 0);
}
