//! The configuration as a site sees it: defaults, precedence, and the messages about its mistakes.

mod fuzz;

use std::path::PathBuf;
use std::time::Duration;

use super::raw;
use super::settings::{DateLiteral, ReadLimits, TokenRefresh};
use super::*;
use crate::domain::per_flow::PerFlow;
use crate::domain::retention::Kept;
use crate::domain::role::Role;

const MINIMAL: &str = r#"
[syspro]
odata_url = "https://erp.example/odata"
companies = ["EDU1"]
time_zone = "Africa/Johannesburg"
[servicenow]
instance_url = "https://example.service-now.com"
[state]
directory = "/tmp/state"
"#;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(text: &str, pairs: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    // without a home, an ordinary user's state directory would be missing, and that would be reported too
    let pairs = [&[("HOME", "/home/x")], pairs].concat();
    load_text(text, Some(PathBuf::from("site.toml")), env(&pairs))
}

/// The problems of a minimal file with `more` added, one per line.
fn refused(text: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    match read(text, pairs) {
        Err(ConfigError::Invalid { problems, .. }) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_minimal_file_gets_the_defaults() {
    let loaded = read(MINIMAL, &[]).expect("a minimal file is enough");
    let settings = &loaded.settings;
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8650");
    assert_eq!(settings.syspro.page_size, 300);
    assert_eq!(settings.syspro.row_cap, 5000);
    assert_eq!(settings.syspro.date_literal, DateLiteral::Auto);
    assert_eq!(settings.syspro.connection.body_limit, 16 << 20);
    assert_eq!(settings.syspro.limits, ReadLimits::default());
    assert_eq!((settings.servicenow.list_limit, settings.servicenow.longest_pause), (1_000_000, Duration::from_secs(3600)));
    assert_eq!(settings.servicenow.batch_limit, 200);
    assert_eq!(settings.servicenow.token_refresh, TokenRefresh::BeforeExpiry);
    assert_eq!(settings.retry.backoff.longest, Duration::from_secs(900));
    assert_eq!(settings.state.key_file, PathBuf::from("/tmp/state/master.key"));
    assert_eq!(settings.flows.sweep, "0 3 * * SUN");
    assert!(settings.database.url.is_none() && settings.database.durable && !settings.log.json);
    assert_eq!(loaded.origins["syspro.page_size"], Origin::Default);
    assert_eq!(loaded.origins["syspro.companies"], Origin::File { path: "site.toml".into(), line: 4 });
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn variables_win_and_are_named() {
    let set = [
        ("TIELINE__SYSPRO__PAGE_SIZE", "500"),
        ("TIELINE__SYSPRO__COMPANIES", "EDU1, 2"),
        ("TIELINE__SERVICENOW__PROFILE", "42"),
        ("TIELINE__FLOWS__SINCE", "2024-02-29"),
        ("TIELINE__SERVICENOW__BATCH", "false"),
        ("TIELINE__SCHEDULE__INVOICE", "7 * * * *"),
        ("TIELINE__SYSPRO__PROXY", ""),
        ("UNRELATED", "x"),
    ];
    let loaded = read(MINIMAL, &set).expect("every variable fits");
    let settings = &loaded.settings;
    assert_eq!(settings.syspro.page_size, 500);
    assert_eq!(settings.syspro.companies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["EDU1", "2"]);
    assert_eq!(settings.servicenow.profile, "42");
    assert_eq!(settings.flows.since.map(|date| date.to_string()).as_deref(), Some("2024-02-29"));
    assert!(!settings.servicenow.batch && settings.syspro.connection.proxy.is_none());
    assert_eq!(settings.schedule.values().collect::<Vec<_>>(), ["7 * * * *"]);
    assert_eq!(loaded.origins["syspro.page_size"], Origin::Variable { name: "TIELINE__SYSPRO__PAGE_SIZE".into() });

    let set =
        [("TIELINE__SYSPRO__PAGE_SIZE", "often"), ("TIELINE__HTTP__LISTN", "x"), ("TIELINE__SYSPRO", "x"), ("TIELINE_HTTP__LISTEN", "x")];
    assert_eq!(
        refused(MINIMAL, &set),
        [
            "the variable is not read: a setting's variable begins with two underscores, `TIELINE__HTTP__LISTEN` (variable `TIELINE_HTTP__LISTEN`)",
            "unknown key `http.listn`; did you mean `http.listen`? (variable `TIELINE__HTTP__LISTN`)",
            "the variable names no setting; its form is `TIELINE__SECTION__KEY`; did you mean `syspro`? (variable `TIELINE__SYSPRO`)",
            "`syspro.page_size` must be a whole number, got `often` (variable `TIELINE__SYSPRO__PAGE_SIZE`)",
        ]
    );
}

#[test]
fn an_instance_is_named_without_a_path() {
    let with = |url| refused(MINIMAL, &[("TIELINE__SERVICENOW__INSTANCE_URL", url)]);
    let said = "`servicenow.instance_url` must end after the host, got the path `/api/now`: write `https://example.service-now.com` \
                (variable `TIELINE__SERVICENOW__INSTANCE_URL`)";
    assert_eq!(with("https://example.service-now.com/api/now"), [said]);
    read(MINIMAL, &[("TIELINE__SERVICENOW__INSTANCE_URL", "https://example.service-now.com/")]).expect("a slash is no path");
}

#[test]
fn everything_required_may_come_from_variables() {
    let set = [
        ("TIELINE__SYSPRO__ODATA_URL", "http://127.0.0.1:1/odata"),
        ("TIELINE__SYSPRO__COMPANIES", "[\"EDU1\"]"),
        ("TIELINE__SYSPRO__TIME_ZONE", "UTC"),
        ("TIELINE__SERVICENOW__INSTANCE_URL", "http://localhost:2"),
        ("STATE_DIRECTORY", "/var/lib/managed:/other"),
    ];
    let loaded = read("", &set).expect("variables are enough");
    assert_eq!(loaded.settings.state.directory, PathBuf::from("/var/lib/managed"));
}

#[test]
fn all_problems_come_at_once_with_their_lines() {
    let text = r#"
[syspro]
odata_url = "http://erp.example/odata"
time_zone = "Johannesburg"
page_sise = 5
row_cap = "many"
date_zone = "utc"

[servicenow]
instance_url = "https://user:secret@example.service-now.com"
batch_size = 0
batch_limit = 5000

[schedule]
invoice = "5 * * *"

[flows]
since = 2024-13-01

[writer]
x = 1
"#;
    let error =
        read(&text.replace("since = 2024-13-01", "since = \"yesterday\""), &[]).expect_err("nearly everything is wrong").to_string();
    let lines: Vec<&str> = error.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("the configuration /") && lines[0].ends_with("/site.toml has 12 problems"), "{}", lines[0]);
    let expect = [
        "`flows.since` must be a date such as `2026-01-31`, got `yesterday` (site.toml line 18)",
        "`schedule.invoice` must be a cron expression of five fields, such as `5 * * * *`, got `5 * * *`: ",
        "`servicenow.batch_limit` must be between 1 and 1000, got `5000` (site.toml line 12)",
        "`servicenow.batch_size` must be between 1 and 1000, got `0` (site.toml line 11)",
        "`servicenow.instance_url` must not hold a user name or password; use `tieline credential set` (site.toml line 10)",
        "`syspro.companies` is missing: the SYSPRO companies to read, such as `[\"EDU1\"]`",
        "`syspro.date_zone` must be one of `label`, `instant`, got `utc` (site.toml line 7)",
        "`syspro.odata_url` must begin with `https://`, got `http://erp.example/odata`: passwords would travel unencrypted; set \
         `syspro.allow_http = true` to accept that (site.toml line 3)",
        "unknown key `syspro.page_sise`; did you mean `syspro.page_size`? (site.toml line 5)",
        "`syspro.row_cap` must be a whole number, got `many` (site.toml line 6)",
        "`syspro.time_zone` must be a name of the IANA time zone database, such as `Africa/Johannesburg`, got `Johannesburg` (site.toml line 4)",
        "unknown section `writer` (site.toml line 20)",
    ];
    for (line, expect) in lines[1..].iter().zip(expect) {
        assert!(line.starts_with(expect), "{line}\n{expect}");
    }
    assert!(!error.contains("secret"), "{error}");
    // the date that TOML itself does not accept is a mistake of the file, with line and column
    let error = read(text, &[]).expect_err("2024-13-01 is no date").to_string();
    assert!(error.starts_with("site.toml line 18, column "), "{error}");
}

#[cfg(unix)]
#[test]
fn state_has_a_place_of_its_own_for_every_kind_of_user() {
    let place = |pairs: &[(&str, &str)]| {
        let text = MINIMAL.replace("directory = \"/tmp/state\"", "");
        let loaded = read(&text, pairs).expect("a default");
        loaded.settings.state.directory.display().to_string()
    };
    let root = nix::unistd::geteuid().is_root();
    assert_eq!(place(&[]), if root { "/var/lib/tieline" } else { "/home/x/.local/state/tieline" });
    assert_eq!(place(&[("XDG_STATE_HOME", "/x/state")]), if root { "/var/lib/tieline" } else { "/x/state/tieline" });
    assert_eq!(place(&[("STATE_DIRECTORY", "/var/lib/managed")]), "/var/lib/managed");
    let relative = read(&MINIMAL.replace("/tmp/state", "state"), &[]).expect("a relative path");
    assert!(relative.settings.state.directory.is_absolute());
    let refused = refused(&MINIMAL.replace("/tmp/state", "~/state"), &[]);
    assert_eq!(refused, ["`state.directory` must be a path (`~` is not expanded), got `~/state` (site.toml line 9)"]);
}

#[test]
fn an_open_console_is_warned_of() {
    let warnings = |listen: &str| read(MINIMAL, &[("TIELINE__HTTP__LISTEN", listen)]).expect("an address").warnings;
    assert_eq!(warnings("[::1]:8650"), [""; 0]);
    assert!(warnings("0.0.0.0:8650")[0].starts_with("`http.listen` is `0.0.0.0:8650`"));
    let text = &refused(MINIMAL, &[("TIELINE__HTTP__LISTEN", "localhost:8650")])[0];
    assert!(text.starts_with("`http.listen` must be an IP address with a port, such as `127.0.0.1:8650`, got `localhost:8650`"), "{text}");
}

#[test]
fn the_services_names_are_names() {
    let names = |text: &str| read(MINIMAL, &[("TIELINE__HTTP__HOST_NAMES", text)]).expect("names").settings.http.host_names;
    assert_eq!(names("Tieline.Example., ap.example,10.0.0.7"), ["tieline.example", "ap.example"]);
    let listen = ("TIELINE__HTTP__LISTEN", "0.0.0.0:8650");
    let warnings = |more: &[(&str, &str)]| read(MINIMAL, &[&[listen], more].concat()).expect("an address").warnings;
    let unnamed = |warnings: Vec<String>| warnings.iter().any(|warning| warning.contains("`http.host_names`"));
    assert!(unnamed(warnings(&[])));
    assert!(!unnamed(warnings(&[("TIELINE__HTTP__HOST_NAMES", "a.example")])));
    assert!(!unnamed(warnings(&[("TIELINE__NOTICES__PUBLIC_URL", "https://a.example/")])));
    for wrong in ["https://a.example", "a.example:8650", "*.example", "a b", "a@b"] {
        let text = refused(MINIMAL, &[("TIELINE__HTTP__HOST_NAMES", wrong)]).join("");
        assert!(
            text.contains(&format!(
                "`http.host_names` must hold host names, such as `tieline.example`, without `https://`, port or `*`, got `{wrong}`"
            )),
            "{text}"
        );
    }
}

#[test]
fn what_is_missing_is_explained() {
    let error = load_text("", None, env(&[("HOME", "/home/x")])).expect_err("nothing is set").to_string();
    for key in ["syspro.odata_url", "syspro.companies", "syspro.time_zone", "servicenow.instance_url"] {
        assert!(error.contains(&format!("`{key}` is missing: ")), "{error}");
    }
    let here = std::env::current_dir().expect("a directory");
    let here = here.display();
    let places =
        format!("no configuration file was found at /etc/tieline/tieline.toml or {here}/tieline.toml or {here}/config/tieline.toml: ");
    assert!(error.lines().next().expect("a line").contains(&places), "{error}");
    assert!(error.contains("--config FILE or TIELINE_CONFIG"), "{error}");
    let error = load(Some("/nonexistent/tieline.toml".as_ref()), env(&[])).expect_err("no such file");
    assert_eq!(error.to_string(), "the configuration file /nonexistent/tieline.toml cannot be read");
}

#[test]
fn sections_keys_and_orders_are_checked() {
    let more = |text: &str| refused(&format!("page = 1\nretry = 5\n{MINIMAL}{text}"), &[]);
    let got = more("[retry2]\nx=1\n[database]\nstatement_timeout_seconds = 100\nurl = \"mysql://u:hidden@h/d\"\n");
    assert_eq!(
        got,
        [
            "`database.statement_timeout_seconds` must not be above `database.call_timeout_seconds`, got `100` and `90` (site.toml line 15)",
            "`database.url` must begin with `postgres://`; leave it out for the private cluster (site.toml line 16)",
            "unknown key `page` (site.toml line 1)",
            "`retry` is a section: write `[retry]`, and its keys below (site.toml line 2)",
            "unknown section `retry2`; did you mean `retry`? (site.toml line 12)",
        ]
    );
    let got = refused(&format!("{MINIMAL}[http]\npool_size = 3\n[database]\nurl = 5\n"), &[]);
    assert_eq!(
        got,
        [
            "`database.url` must be a text in quotes (site.toml line 13)",
            "unknown key `http.pool_size`; did you mean `database.pool_size`? (site.toml line 11)"
        ]
    );
}

#[test]
fn clear_text_is_allowed_on_request_and_then_said() {
    let text = MINIMAL
        .replace("https://erp", "http://erp")
        .replace("companies", "allow_http = true\nenet_url = \"http://erp.example:31002/Rest\"\ncompanies");
    let loaded = read(&text, &[]).expect("it was allowed");
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
    assert!(loaded.warnings[0].starts_with("`syspro.odata_url` is `http://erp.example/odata`"));
}

#[test]
fn a_period_ends_on_its_own_day_or_on_that_of_all_companies() {
    let text = format!("{MINIMAL}[close]\nperiod_ends = [\"2026-03 2026-03-31\", \"EDU1 2026-04 2026-04-27\"]\n");
    let close = read(&text, &[]).expect("two days").settings.close;
    let end = |company: &str, period: &str| close.end_of(company, period.parse().expect("a period")).map(|day| day.to_string());
    assert_eq!(end("EDU1", "2026-03").as_deref(), Some("2026-03-31"));
    assert_eq!(end("EDU1", "2026-04").as_deref(), Some("2026-04-27"));
    assert_eq!((end("EDU2", "2026-04"), end("EDU1", "2026-05")), (None, None));
    assert_eq!(close.periods_of("EDU2").map(|period| period.to_string()).collect::<Vec<_>>(), ["2026-03"]);
    let text = format!("{MINIMAL}[close]\nperiod_ends = [\"2026-03\", \"EDU9 2026-03 2026-03-31\"]\ntie_out_hours = 0\n");
    assert_eq!(
        refused(&text, &[]),
        [
            "`close.period_ends` must hold texts such as `2026-03 2026-03-31` or `EDU1 2026-03 2026-03-31`, got `2026-03` (site.toml line 11)",
            "`close.period_ends`: `EDU9` is not a company in `syspro.companies` (site.toml line 11)",
            "`close.tie_out_hours` must be between 1 and 8784, got `0` (site.toml line 12)",
        ]
    );
}

#[test]
fn heads_of_the_audit_go_into_columns_with_known_values() {
    let text = format!(
        "{MINIMAL}[audit]\nhead_table = \"u_audit_head\"\nhead_key = \"u_key\"\nhead_fields = [\"u_day = day\", \"u_head=head\"]\n\
         timestamp_url = \"http://tsa.example/tsr\"\n"
    );
    let audit = read(&text, &[]).expect("a table and an authority").settings.audit;
    let head = audit.head.expect("a table");
    let fields: Vec<(&str, &str)> = head.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!((head.table.as_str(), head.key.as_str(), fields), ("u_audit_head", "u_key", vec![("u_day", "day"), ("u_head", "head")]));
    assert_eq!(audit.timestamp_url.map(String::from).as_deref(), Some("http://tsa.example/tsr"));
    assert!(read(MINIMAL, &[]).expect("nothing").settings.audit.head.is_none());

    let text = format!(
        "{MINIMAL}[audit]\nhead_table = \"U Head\"\nhead_key = \"u_key\"\nhead_fields = [\"u_day\", \"u_key = day\", \"u_x = week\"]\n\
         timestamp_url = \"ftp://tsa.example\"\n"
    );
    let problems = refused(&text, &[]).join("\n");
    for expected in [
        "`U Head`",
        "`u_day = day`, got `u_day`",
        "`u_key` must be the name of a column that",
        "`week` is none of",
        "`audit.timestamp_url` must be",
    ] {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
    let problems = refused(&format!("{MINIMAL}[audit]\nhead_table = \"u_audit_head\"\n"), &[]).join("\n");
    assert!(problems.contains("`audit.head_key` is missing") && problems.contains("`audit.head_fields` is missing"), "{problems}");
}

#[test]
fn a_company_has_its_own_currency_over_the_common_one() {
    let two = MINIMAL.replace("[\"EDU1\"]", "[\"EDU1\", \"edu2\", \"3\"]\ncurrency = \"ZAR\"");
    let text = format!("{two}[company.EDU1]\ncurrency = \"USD\"\n");
    let own = |loaded: &Loaded, company: &str| loaded.settings.companies[&company.into()].clone();
    let loaded = read(&text, &[("TIELINE__COMPANY__EDU2__CURRENCY", "EUR")]).expect("three companies");
    assert_eq!(own(&loaded, "EDU1").as_deref(), Some("USD"));
    assert_eq!(own(&loaded, "edu2").as_deref(), Some("EUR"), "a variable's name does not tell small letters from capitals");
    assert_eq!(own(&loaded, "3").as_deref(), Some("ZAR"));
    assert_eq!(loaded.values["company.EDU1.currency"], "USD");
    assert_eq!(loaded.origins["company.EDU1.currency"], Origin::File { path: "site.toml".into(), line: 12 });
    assert_eq!(loaded.origins["company.EDU2.currency"], Origin::Variable { name: "TIELINE__COMPANY__EDU2__CURRENCY".into() });
    let twins = MINIMAL.replace("[\"EDU1\"]", "[\"EDU1\", \"edu1\"]\ncurrency = \"ZAR\"\ncompanies_differ_by_case = true");
    let of_each = |sections: &str| {
        let loaded = read(&format!("{twins}{sections}"), &[]).expect("two companies");
        ["EDU1", "edu1"].map(|company| own(&loaded, company).unwrap_or_default())
    };
    assert_eq!(of_each("[company.EDU1]\ncurrency = \"USD\"\n"), ["USD", "ZAR"], "two companies that differ by case alone stay two");
    assert_eq!(of_each("[company.edu1]\ncurrency = \"EUR\"\n[company.EDU1]\ncurrency = \"USD\"\n"), ["USD", "EUR"]);
    let loaded = read(&text, &[("TIELINE__COMPANY__EDU1__CURRENCY", "GBP")]).expect("three companies");
    assert_eq!(own(&loaded, "EDU1").as_deref(), Some("GBP"));
    assert_eq!(own(&read(MINIMAL, &[]).expect("a minimal file"), "EDU1"), None);

    let text = format!("{MINIMAL}[company.EDU1]\ncurency = \"USD\"\n[company.EDU9]\ncurrency = \"USD\"\n");
    let problems = refused(&text, &[]);
    assert_eq!(
        problems,
        [
            "unknown key `company.EDU1.curency`; a company may have `currency` (site.toml line 11)",
            "`[company.EDU9]` is not a company in `syspro.companies`, which has `EDU1` (site.toml line 12)",
        ]
    );
    assert_eq!(refused(&format!("{MINIMAL}[company]\nEDU1 = \"USD\"\n"), &[]).len(), 1);
    assert_eq!(refused(MINIMAL, &[("TIELINE__COMPANY__EDU1__CURRENC", "EUR")]).len(), 1);
    assert_eq!(refused(MINIMAL, &[("TIELINE__COMPANY__CURRENCY", "EUR")]).len(), 1);
}

#[test]
fn the_metrics_of_flows_are_one_of_four() {
    let per_flow = |text: &str| read(&format!("{MINIMAL}{text}"), &[]).unwrap().settings.per_flow;
    assert_eq!(per_flow(""), PerFlow::Auto);
    for word in PerFlow::ALL {
        assert_eq!(per_flow(&format!("[metrics]\nper_flow = \"{word}\"\n")), *word);
    }
    assert_eq!(
        refused(&format!("{MINIMAL}[metrics]\nper_flow = \"some\"\n"), &[]),
        ["`metrics.per_flow` must be one of `auto`, `all`, `problems`, `none`, got `some` (site.toml line 11)"]
    );
}

/// The lines of `config/tieline.toml` with every commented-out key made live.
fn template() -> String {
    let text = include_str!("../../config/tieline.toml");
    let is_key = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let live = |line: &str| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line).to_owned();
    text.lines().map(live).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_names_every_key_with_its_default() {
    let table: toml::Table = template().parse().expect("the template is TOML with every key live");
    let defaults: toml::Table = include_str!("defaults.toml").parse().expect("the defaults are TOML");
    for path in raw::all_keys() {
        let Some((section, key)) = path.split_once('.') else {
            assert!(table.contains_key(&path), "`[{path}]` is missing in config/tieline.toml");
            continue;
        };
        let shown = table.get(section).and_then(|inner| inner.get(key));
        let shown = shown.unwrap_or_else(|| panic!("`{path}` is missing in config/tieline.toml"));
        if let Some(default) = defaults.get(section).and_then(|inner| inner.get(key)) {
            assert_eq!(shown, default, "`{path}` has another default in config/tieline.toml");
        }
    }
    // every example value is valid too, except files that do not exist here
    let problems = refused(&template(), &[]);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems.iter().all(|text| text.contains("ca_file` names a file that is not there")), "{problems:?}");
}

#[test]
fn a_time_of_retention_is_a_number_or_never() {
    let settings = read(MINIMAL, &[]).expect("a minimal file").settings.retention;
    assert_eq!((settings.events, settings.versions, settings.runs), (Kept::Years(7), Kept::Years(7), Kept::Days(90)));
    assert_eq!(settings.archive_directory, None);

    let text =
        format!("{MINIMAL}[retention]\nevents_years = \"never\"\nversions_years = 10\nruns_days = 0\narchive_directory = \"/tmp/a\"\n");
    let settings = read(&text, &[("TIELINE__RETENTION__NODES_DAYS", "14")]).expect("both forms").settings.retention;
    assert_eq!((settings.events, settings.versions), (Kept::Forever, Kept::Years(10)));
    assert_eq!((settings.runs, settings.nodes), (Kept::Forever, Kept::Days(14)));
    assert_eq!(settings.archive_directory, Some(PathBuf::from("/tmp/a")));

    let text = format!("{MINIMAL}[retention]\nevents_years = \"soon\"\nruns_days = -1\nversions_years = 1001\n");
    assert_eq!(
        refused(&text, &[]),
        [
            "`retention.events_years` must be a number of years up to 1000, or `\"never\"` (the same as 0), got `soon` (site.toml line 11)",
            "`retention.runs_days` must be a number of days up to 36500, or `\"never\"` (the same as 0), got `-1` (site.toml line 12)",
            "`retention.versions_years` must be a number of years up to 1000, or `\"never\"` (the same as 0), got `1001` (site.toml line 13)",
        ]
    );
}

#[test]
fn the_shipped_file_works_as_it_is() {
    let loaded = read(include_str!("../../config/tieline.toml"), &[("HOME", "/home/x")]).expect("a site can copy it");
    assert_eq!(loaded.settings.syspro.companies.len(), 1);
}

#[test]
fn a_provider_needs_its_client_its_roles_and_the_consoles_address() {
    let full = "[notices]\npublic_url = \"https://tieline.example/\"\n[sign_in]\nissuer = \"https://id.example/tenant/\"\nclient_id = \"tieline\"\n\
                roles = [\"CN=Finance,OU=x = controller\", \"staff=viewer\"]\n";
    let loaded = read(&format!("{MINIMAL}{full}"), &[]).expect("valid");
    let provider = loaded.settings.sign_in.provider.expect("a provider");
    assert_eq!(provider.issuer, "https://id.example/tenant/");
    assert_eq!(provider.discovery.as_str(), "https://id.example/tenant/.well-known/openid-configuration");
    assert_eq!(provider.callback.as_str(), "https://tieline.example/sign-in/callback");
    assert_eq!(provider.roles, [("CN=Finance,OU=x".to_owned(), Role::Controller), ("staff".to_owned(), Role::Viewer)]);
    let without = read(MINIMAL, &[]).expect("valid").settings.sign_in;
    assert!(without.provider.is_none() && without.key_days == 365);

    let text = format!(
        "{MINIMAL}[sign_in]\nissuer = \"http://id.example\"\nscopes = [\"profile\"]\nroles = [\"staff\", \"a = root\", \"b = viewer\", \"b = admin\"]\n"
    );
    assert_eq!(
        refused(&text, &[]),
        [
            "`notices.public_url` is missing: the address under which people open the console; the OpenID provider of `sign_in.issuer` \
             sends them back there",
            "`sign_in.client_id` is missing: the name under which the OpenID provider knows Tieline",
            "`sign_in.issuer` must begin with `https://`, got `http://id.example`: passwords would travel unencrypted; set \
             `sign_in.allow_http = true` to accept that (site.toml line 11)",
            "`sign_in.roles` must hold texts such as `tieline-admins = admin`, got `staff` (site.toml line 13)",
            "`sign_in.roles`: the role in `a = root`: `root` is none of `viewer`, `operator`, `auditor`, `controller`, `admin` (site.toml line 13)",
            "`sign_in.roles` has two roles for `b`: leave one out (site.toml line 13)",
            "`sign_in.scopes` must hold `openid`, and scopes without blanks (site.toml line 12)",
        ]
    );
    let only_client = format!("{MINIMAL}[sign_in]\nclient_id = \"tieline\"\n");
    assert!(refused(&only_client, &[])[0].starts_with("`sign_in.issuer` is missing"));
}
