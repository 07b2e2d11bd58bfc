//! Converts written values to settings: the rules of every section are here, and all violations are reported together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use url::{Host, Url};

use crate::domain::per_flow::PerFlow;
use crate::domain::schedule::Schedule;
use crate::domain::{Backoff, CompanyId, EntityName};

use super::check::{Check, Clear, Context};
use super::load::Problem;
use super::raw::{COMPANY, Raw, RawConnection, RawFlows, RawSyspro, RawTieOut};
use super::settings::*;

/// How the names of companies are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LetterCase {
    /// Names that differ in case alone name one company.
    Ignored,
    /// They name two companies.
    Compared,
}

/// Checks every value. Problems found while reading come first; they and the new ones are sorted by key.
pub(super) fn resolve(raw: &Raw, context: &Context<'_>, problems: Vec<Problem>) -> Result<(Settings, Vec<String>), Vec<Problem>> {
    let mut check = Check { context, problems, warnings: Vec::new() };
    let settings = check.settings(raw);
    let Check { mut problems, warnings, .. } = check;
    match settings {
        Some(settings) if problems.is_empty() => Ok((settings, warnings)),
        _ => {
            problems.sort_by(|a, b| a.key.cmp(&b.key));
            Err(problems)
        }
    }
}

/// The companies with their own currencies, whatever else is wrong; `None`: there is no list of companies.
pub(super) fn companies(raw: &Raw, context: &Context<'_>) -> Option<BTreeMap<CompanyId, Option<String>>> {
    let mut check = Check { context, problems: Vec::new(), warnings: Vec::new() };
    let carried = check.companies(&raw.syspro)?;
    Some(check.company_settings(raw, &carried))
}

/// Whether this can be the name of a profile, which is a directory.
pub(super) fn is_profile_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', '.'])
}

impl Check<'_> {
    fn settings(&mut self, raw: &Raw) -> Option<Settings> {
        let database = self.database(raw);
        let http = self.http(raw);
        let carried = self.companies(&raw.syspro);
        let companies = self.company_settings(raw, carried.as_deref().unwrap_or_default());
        let named = carried.clone();
        let syspro = self.syspro(raw, carried);
        let servicenow = self.servicenow(raw);
        let zone = syspro.as_ref().map_or(Tz::UTC, |syspro| syspro.time_zone);
        let schedule = self.schedule(&raw.schedule, zone);
        let flows = self.flows(&raw.flows, zone);
        let retry = RetrySettings {
            backoff: Backoff {
                first: self.seconds("retry.min_delay_seconds", raw.retry.min_delay_seconds, 1, 3600),
                longest: self.seconds("retry.max_delay_seconds", raw.retry.max_delay_seconds, 1, 86_400),
            },
            max_attempts: self.number("retry.max_attempts", raw.retry.max_attempts, 1, 1000),
            read_attempts: self.number("retry.read_attempts", raw.retry.read_attempts, 1, 20),
        };
        let Backoff { first, longest } = retry.backoff;
        self.ordered("retry.min_delay_seconds", first.as_secs(), "retry.max_delay_seconds", longest.as_secs());
        let state = self.state(raw);
        let directory = self.path("definitions.directory", raw.definitions.directory.as_deref());
        let log = self.log(raw);
        let notices = self.notices(&raw.notices);
        let words: Vec<(&str, PerFlow)> = PerFlow::ALL.iter().map(|word| (word.as_str(), *word)).collect();
        let per_flow = self.choice("metrics.per_flow", raw.metrics.per_flow.as_deref(), &words);
        let retention = self.retention(&raw.retention);
        let close = self.close(&raw.close, named.as_deref().unwrap_or_default());
        let tie_out = self.tie_out(&raw.tie_out, zone);
        let sign_in = self.sign_in(&raw.sign_in, notices.public_url.as_ref());
        let tasks = self.tasks(&raw.tasks);
        Some(Settings {
            fingerprint: String::new(),
            database,
            http: http?,
            syspro: syspro?,
            companies,
            servicenow: servicenow?,
            schedule,
            flows,
            retry,
            state: state?,
            definitions: DefinitionSettings { directory, watch: raw.definitions.watch.unwrap_or(true) },
            log,
            notices,
            per_flow: per_flow?,
            retention,
            close,
            calendar: self.calendar(&raw.calendar),
            subledger: self.subledger(&raw.subledger),
            approvals: self.approvals(&raw.approvals),
            evidence: EvidenceSettings {
                owners: raw.evidence.owners.clone().unwrap_or_default(),
                backups: raw.evidence.backups.clone().unwrap_or_default(),
            },
            tie_out,
            audit: self.audit(&raw.audit),
            sign_in,
            tasks,
        })
    }

    fn database(&mut self, raw: &Raw) -> DatabaseSettings {
        let raw = &raw.database;
        let key = "database.url";
        if let Some(url) = &raw.url
            && !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
        {
            self.problem::<()>(key, format!("`{key}` must begin with `postgres://`; leave it out for the private cluster"));
        }
        let settings = DatabaseSettings {
            url: raw.url.clone().map(Into::into),
            pool_size: self.number("database.pool_size", raw.pool_size, 1, 64),
            statement_timeout: self.seconds("database.statement_timeout_seconds", raw.statement_timeout_seconds, 1, 3600),
            call_timeout: self.seconds("database.call_timeout_seconds", raw.call_timeout_seconds, 1, 7200),
            bin_directory: self.path("database.bin_directory", raw.bin_directory.as_deref()),
            durable: raw.durable.unwrap_or(true),
        };
        let (statement, call) = (settings.statement_timeout.as_secs(), settings.call_timeout.as_secs());
        self.ordered("database.statement_timeout_seconds", statement, "database.call_timeout_seconds", call);
        if !settings.durable {
            self.warnings.push("`database.durable` is off: a power cut can destroy the state of the private cluster".into());
        }
        settings
    }

    fn http(&mut self, raw: &Raw) -> Option<HttpSettings> {
        let (key, text) = ("http.listen", raw.http.listen.as_deref().unwrap_or_default());
        let listen: Option<SocketAddr> = text.parse().ok();
        if listen.is_none() {
            self.problem::<()>(key, format!("`{key}` must be an IP address with a port, such as `127.0.0.1:8650`, got `{text}`"));
        }
        let certificate = self.certificate(raw);
        if listen.is_some_and(|listen| !listen.ip().is_loopback()) && certificate.is_none() {
            let advice = "set `http.certificate`, or listen on loopback behind a proxy with TLS";
            self.warnings.push(format!("`{key}` is `{text}`: API keys travel unencrypted; {advice}"));
        }
        let host_names = self.host_names(raw);
        let public = raw.notices.public_url.as_deref().is_some_and(|url| !url.is_empty());
        if listen.is_some_and(|listen| !listen.ip().is_loopback()) && host_names.is_empty() && !public {
            self.warnings.push(format!(
                "`{key}` is `{text}`, and neither `http.host_names` nor `notices.public_url` names the service: it answers only under its \
                 addresses"
            ));
        }
        let (open_health, open_metrics) = (raw.http.open_health.unwrap_or(true), raw.http.open_metrics.unwrap_or(true));
        let connections_per_address = self.number("http.connections_per_address", raw.http.connections_per_address, 4, 512);
        Some(HttpSettings { listen: listen?, host_names, open_health, open_metrics, connections_per_address, certificate })
    }

    fn host_names(&mut self, raw: &Raw) -> Vec<String> {
        let mut names = Vec::new();
        for text in raw.http.host_names.iter().flatten() {
            match Host::parse(text) {
                Ok(Host::Domain(name)) if !text.contains('*') => names.push(name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase()),
                // addresses are always accepted
                Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {}
                _ => {
                    let form = "host names, such as `tieline.example`, without `https://`, port or `*`";
                    self.problem::<()>("http.host_names", format!("`http.host_names` must hold {form}, got `{text}`"));
                }
            }
        }
        names
    }

    fn certificate(&mut self, raw: &Raw) -> Option<CertificateFiles> {
        let set = |path: &Option<String>| path.clone().filter(|path| !path.is_empty());
        match (set(&raw.http.certificate), set(&raw.http.certificate_key)) {
            (Some(certificate), Some(key)) => Some(CertificateFiles { certificate: certificate.into(), key: key.into() }),
            (None, None) => None,
            (Some(_), None) => self.missing("http.certificate_key", "the key's PEM file that belongs to `http.certificate`"),
            (None, Some(_)) => self.missing("http.certificate", "the certificate's PEM file that belongs to `http.certificate_key`"),
        }
    }

    fn syspro(&mut self, raw: &Raw, companies: Option<Vec<CompanyId>>) -> Option<SysproSettings> {
        let raw = &raw.syspro;
        let clear = Clear::Refused { allowed: raw.allow_http.unwrap_or(false) };
        let example = "https://erp.example/SYSPRO8Odata/SYSPROOData";
        let odata_url = raw.odata_url.as_ref().map(|text| self.url("syspro.odata_url", text, clear));
        let enet_url = raw.enet_url.as_ref().and_then(|text| self.url("syspro.enet_url", text, Clear::Warned));
        let source = match self.choice("syspro.source", raw.source.as_deref(), &[("odata", false), ("enet", true)]) {
            Some(true) if raw.enet_url.is_none() => {
                let example = "http://erp.example:31002/SYSPROWCFService/Rest";
                self.missing("syspro.enet_url", &format!("the address of e.net's REST service, such as `{example}`"))
            }
            Some(true) => enet_url.clone().map(|url| SysproSource::Enet { url }),
            // a wrong word was reported already
            _ => match odata_url {
                Some(url) => url.map(|url| SysproSource::OData { url }),
                None => {
                    let what = format!("the address of SYSPRO's OData service without the company, such as `{example}`");
                    self.missing("syspro.odata_url", &what)
                }
            },
        };
        let time_zone = match &raw.time_zone {
            Some(text) => text.parse::<Tz>().ok().or_else(|| {
                let key = "syspro.time_zone";
                let text = format!("`{key}` must be a name of the IANA time zone database, such as `Africa/Johannesburg`, got `{text}`");
                self.problem(key, text)
            }),
            None => self.missing("syspro.time_zone", "the time zone of the SYSPRO server, such as `Africa/Johannesburg`"),
        };
        let date_literals = [
            ("auto", DateLiteral::Auto),
            ("date_time_offset", DateLiteral::DateTimeOffset),
            ("date", DateLiteral::Date),
            ("datetime", DateLiteral::DateTime),
            ("text", DateLiteral::Text),
        ];
        let date_zones = [("label", DateZone::Label), ("instant", DateZone::Instant)];
        let date_literal = self.choice("syspro.date_literal", raw.date_literal.as_deref(), &date_literals);
        let date_zone = self.choice("syspro.date_zone", raw.date_zone.as_deref(), &date_zones);
        let no_date_before = self.date("syspro.no_date_before", raw.no_date_before.as_ref());
        let key_orders = [("binary", KeyOrder::Binary), ("any", KeyOrder::Any)];
        let key_order = self.choice("syspro.key_order", raw.key_order.as_deref(), &key_orders);
        let absent = [("fail", AbsentColumns::Fail), ("empty", AbsentColumns::Empty)];
        let absent_columns = self.choice("syspro.absent_columns", raw.absent_columns.as_deref(), &absent);
        let page_size = self.number("syspro.page_size", raw.page_size, 1, 5000);
        let row_cap = self.number("syspro.row_cap", raw.row_cap, 1, 5000);
        let query_limit = self.number("syspro.query_limit", raw.query_limit, 256, 65_536);
        let filter_limit = self.number("syspro.filter_limit", raw.filter_limit, 4, 1000);
        let enet = self.enet(raw);
        let limits = self.read_limits(raw);
        let connection = self.connection("syspro", &raw.connection());
        Some(SysproSettings {
            enet_url,
            time_zone: time_zone?,
            companies: companies?,
            companies_differ_by_case: raw.companies_differ_by_case.unwrap_or(false),
            page_size,
            row_cap,
            query_limit,
            filter_limit,
            metadata: raw.metadata.unwrap_or(true),
            source: source?,
            enet,
            date_literal: date_literal?,
            date_zone: date_zone?,
            no_date_before: no_date_before?,
            key_order: key_order?,
            count_check: raw.count_check.unwrap_or(true),
            absent_columns: absent_columns?,
            limits,
            connection,
        })
    }

    fn read_limits(&mut self, raw: &RawSyspro) -> ReadLimits {
        let (page_mb, value_kb): (usize, usize) = (
            self.number("syspro.page_limit_mb", raw.page_limit_mb, 1, 1024),
            self.number("syspro.value_limit_kb", raw.value_limit_kb, 1, 65_536),
        );
        let run_requests = self.number("syspro.run_requests", raw.run_requests, 100, 1_000_000_000);
        ReadLimits { run_requests, page_bytes: page_mb << 20, value_bytes: value_kb << 10 }
    }

    fn enet(&mut self, raw: &RawSyspro) -> EnetSettings {
        let texts = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let mut lists = [
            ("syspro.enet_session_texts", texts(&raw.enet_session_texts)),
            ("syspro.enet_evicted_texts", texts(&raw.enet_evicted_texts)),
            ("syspro.enet_seat_texts", texts(&raw.enet_seat_texts)),
            ("syspro.enet_table_texts", texts(&raw.enet_table_texts)),
        ];
        for (key, list) in &lists {
            if list.iter().any(|text| text.trim().is_empty()) {
                self.problem::<()>(key, format!("`{key}` must not contain a blank text, which matches every answer"));
            }
        }
        for text in lists[3].1.iter().filter(|text| !text.contains("{table}")) {
            let text =
                format!("`syspro.enet_table_texts` must name the table, as `{{table}}`, got `{text}`: otherwise it matches every table");
            self.problem::<()>("syspro.enet_table_texts", text);
        }
        let [session_texts, evicted_texts, seat_texts, table_texts] = lists.each_mut().map(|(_, list)| std::mem::take(list));
        EnetSettings {
            session_life: self.seconds("syspro.enet_session_seconds", raw.enet_session_seconds, 10, 86_400),
            back_off: self.seconds("syspro.enet_back_off_seconds", raw.enet_back_off_seconds, 1, 86_400),
            url_limit: self.number("syspro.enet_url_limit", raw.enet_url_limit, 2500, 65_536),
            session_texts,
            evicted_texts,
            seat_texts,
            table_texts,
        }
    }

    fn companies(&mut self, raw: &RawSyspro) -> Option<Vec<CompanyId>> {
        let key = "syspro.companies";
        let differ = raw.companies_differ_by_case.unwrap_or(false);
        let letter_case = if differ { LetterCase::Compared } else { LetterCase::Ignored };
        let names = match raw.companies.as_deref() {
            None => return self.missing(key, "the SYSPRO companies to read, such as `[\"EDU1\"]`"),
            Some([]) => return self.problem(key, format!("`{key}` is empty: name at least one SYSPRO company, such as `[\"EDU1\"]`")),
            Some(names) => names,
        };
        for (at, name) in names.iter().enumerate() {
            // a company is a segment of the OData address
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
                self.problem::<()>(key, format!("`{key}` must hold company ids of letters and digits, got `{name}`"));
            }
            let folded = CompanyId::new(name).folded();
            if let Some(other) = names[..at]
                .iter()
                .find(|other| *other == name || (letter_case == LetterCase::Ignored && CompanyId::new(other).folded() == folded))
            {
                let spelled = if other == name {
                    String::new()
                } else {
                    format!(
                        ", as `{other}` and as `{name}`: leave one out, or set `syspro.companies_differ_by_case = true` if they are two \
                         companies"
                    )
                };
                self.problem::<()>(key, format!("`{key}` names `{name}` twice{spelled}"));
            }
        }
        Some(names.iter().map(CompanyId::new).collect())
    }

    /// Each company's own settings, or else the ones of `[syspro]`.
    fn company_settings(&mut self, raw: &Raw, carried: &[CompanyId]) -> BTreeMap<CompanyId, Option<String>> {
        for id in raw.company.keys() {
            // if the companies themselves are wrong, this would report the same mistake again
            if !carried.is_empty() && !carried.iter().any(|company| company.as_str().eq_ignore_ascii_case(id)) {
                let section = format!("{COMPANY}.{id}");
                let carried: Vec<String> = carried.iter().map(|company| format!("`{company}`")).collect();
                let text = format!("`[{section}]` is not a company in `syspro.companies`, which has {}", carried.join(", "));
                self.problem::<()>(&section, text);
            }
        }
        let own = |company: &CompanyId| {
            // another spelling also means this company, unless it is the spelling of another company
            let other = |id: &str| {
                id.eq_ignore_ascii_case(company.as_str()) && !carried.iter().any(|carried| carried != company && carried.as_str() == id)
            };
            let of = raw.company.get(company.as_str()).or_else(|| raw.company.iter().find(|(id, _)| other(id)).map(|(_, own)| own));
            let currency = of.and_then(|own| own.currency.as_ref()).or(raw.syspro.currency.as_ref());
            currency.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty())
        };
        carried.iter().map(|company| (company.clone(), own(company))).collect()
    }

    fn servicenow(&mut self, raw: &Raw) -> Option<ServiceNowSettings> {
        let raw = &raw.servicenow;
        let instance_url = match &raw.instance_url {
            Some(text) => {
                self.url_without_path("servicenow.instance_url", text, Clear::Refused { allowed: raw.allow_http.unwrap_or(false) })
            }
            None => self.missing("servicenow.instance_url", "the instance, such as `https://example.service-now.com`"),
        };
        let profile = raw.profile.clone().unwrap_or_default();
        if !is_profile_name(&profile) {
            let key = "servicenow.profile";
            self.problem::<()>(key, format!("`{key}` must be the name of a profile, such as `apo` or `s2p`, got `{profile}`"));
        }
        let refreshes = [("before_expiry", TokenRefresh::BeforeExpiry), ("every_request", TokenRefresh::EveryRequest)];
        let token_refresh = self.choice("servicenow.token_refresh", raw.token_refresh.as_deref(), &refreshes);
        let batch_size = self.number("servicenow.batch_size", raw.batch_size, 1, 1000);
        let batch_limit = self.number("servicenow.batch_limit", raw.batch_limit, 1, 1000);
        self.ordered("servicenow.batch_size", batch_size as u64, "servicenow.batch_limit", batch_limit as u64);
        let token_margin = self.seconds("servicenow.token_margin_seconds", raw.token_margin_seconds, 0, 900);
        let concurrency = self.number("servicenow.concurrency", raw.concurrency, 1, 64);
        let batch_quota = self.seconds("servicenow.batch_quota_seconds", raw.batch_quota_seconds, 1, 3600);
        let request_quota = self.seconds("servicenow.request_quota_seconds", raw.request_quota_seconds, 1, 3600);
        let read_delay = self.seconds("servicenow.read_delay_seconds", raw.read_delay_seconds, 0, 3600);
        let batch_again = Duration::from_secs(60 * self.number::<u64>("servicenow.batch_again_minutes", raw.batch_again_minutes, 1, 1440));
        let list_limit = self.number("servicenow.list_limit", raw.list_limit, 1000, 1_000_000_000);
        let longest_pause = self.seconds("servicenow.longest_pause_seconds", raw.longest_pause_seconds, 60, 86_400);
        let connection = self.connection("servicenow", &raw.connection());
        Some(ServiceNowSettings {
            instance_url: instance_url?,
            profile,
            scope: raw.scope.clone().filter(|scope| !scope.is_empty()),
            token_refresh: token_refresh?,
            token_margin,
            batch: raw.batch.unwrap_or(true),
            batch_size,
            batch_limit,
            concurrency,
            derived_sys_id: raw.derived_sys_id.unwrap_or(true),
            adopt: raw.adopt.unwrap_or(true),
            batch_again,
            batch_quota,
            request_quota,
            read_delay,
            list_limit,
            longest_pause,
            connection,
        })
    }

    fn connection(&mut self, section: &str, raw: &RawConnection<'_>) -> Connection {
        let key = |name: &str| format!("{section}.{name}");
        let (ca_file, proxy) = self.way(section, raw.ca_file, raw.proxy);
        let megabytes: usize = self.number(&key("body_limit_mb"), raw.body_limit_mb, 1, 1024);
        Connection {
            ca_file,
            proxy,
            connect_timeout: self.seconds(&key("connect_timeout_seconds"), raw.connect_timeout_seconds, 1, 300),
            request_timeout: self.seconds(&key("request_timeout_seconds"), raw.request_timeout_seconds, 1, 3600),
            body_timeout: self.seconds(&key("body_timeout_seconds"), raw.body_timeout_seconds, 1, 3600),
            body_limit: megabytes << 20,
            connections: self.number(&key("connections"), raw.connections, 1, 256),
            keep_alive: self.seconds(&key("keep_alive_seconds"), raw.keep_alive_seconds, 0, 300),
        }
    }

    /// What a connection needs on its way: a file of authorities, and a proxy.
    pub(super) fn way(&mut self, section: &str, ca_file: Option<&str>, proxy: Option<&str>) -> (Option<PathBuf>, Option<Url>) {
        let key = |name: &str| format!("{section}.{name}");
        let ca_file = self.path(&key("ca_file"), ca_file);
        if let Some(path) = &ca_file
            && !path.is_file()
        {
            self.problem::<()>(&key("ca_file"), format!("`{}` names a file that is not there: {}", key("ca_file"), path.display()));
        }
        let proxy = proxy.and_then(|text| {
            let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host());
            let form = "`http://[user:password@]host:port`";
            url.or_else(|| self.problem(&key("proxy"), format!("`{}` must have the form {form}", key("proxy"))))
        });
        (ca_file, proxy)
    }

    fn schedule(&mut self, raw: &BTreeMap<String, String>, zone: Tz) -> BTreeMap<EntityName, String> {
        for (entity, cron) in raw {
            self.cron(&format!("schedule.{entity}"), cron, zone);
        }
        raw.iter().map(|(entity, cron)| (EntityName::new(entity), cron.clone())).collect()
    }

    fn tie_out(&mut self, raw: &RawTieOut, zone: Tz) -> TieOutSettings {
        let Some(cron) = raw.schedule.as_deref().filter(|text| !text.trim().is_empty()) else { return TieOutSettings::default() };
        self.cron("tie_out.schedule", cron, zone);
        TieOutSettings { schedule: Schedule::parse(cron, zone).ok() }
    }

    fn flows(&mut self, raw: &RawFlows, zone: Tz) -> FlowSettings {
        let since = self.date("flows.since", raw.since.as_ref());
        let sweep = raw.sweep.clone().unwrap_or_default();
        self.cron("flows.sweep", &sweep, zone);
        FlowSettings {
            since,
            entities: raw.entities.iter().flatten().map(EntityName::new).collect(),
            lease: self.seconds("flows.lease_seconds", raw.lease_seconds, 2, 3600),
            stuck: self.seconds("flows.stuck_seconds", raw.stuck_seconds, 2, 3600),
            max_gone_per_sweep: self.number("flows.max_gone_per_sweep", raw.max_gone_per_sweep, 0, 1_000_000_000),
            went_back_percent: self.number("flows.went_back_percent", raw.went_back_percent, 1, 100),
            max_shrink_percent: self.number("flows.max_shrink_percent", raw.max_shrink_percent, 1, 100),
            change_limit: self.change_limit(raw.change_limit.as_ref()),
            backlog: self.number("flows.backlog", raw.backlog, 1, 1_000_000_000),
            backlog_wait: Duration::from_secs(60 * self.number::<u64>("flows.backlog_wait_minutes", raw.backlog_wait_minutes, 1, 1440)),
            sweep,
        }
    }

    fn state(&mut self, raw: &Raw) -> Option<StateSettings> {
        let directory = match raw.state.directory.as_deref() {
            Some(text) => self.path("state.directory", Some(text)),
            None => default_directory(self.context.env).or_else(|| {
                self.missing("state.directory", "where state is kept; it has a default only where `XDG_STATE_HOME` or `HOME` is set")
            }),
        };
        let key_file = self.path("state.key_file", raw.state.key_file.as_deref());
        let directory = directory?;
        Some(StateSettings { key_file: key_file.unwrap_or_else(|| directory.join("master.key")), directory })
    }

    fn log(&mut self, raw: &Raw) -> LogSettings {
        let (key, level) = ("log.level", raw.log.level.clone().unwrap_or_default());
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&level) {
            let form = "a level or a filter such as `info` or `info,tieline=debug`";
            self.problem::<()>(key, format!("`{key}` must be {form}, got `{level}`: {error}"));
        }
        let json = self.choice("log.format", raw.log.format.as_deref(), &[("text", false), ("json", true)]);
        LogSettings { level, json: json.unwrap_or(false) }
    }
}

/// The directory from the service manager (`StateDirectory=`), or else the usual one for root or for an ordinary user.
fn default_directory(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // several directories are separated by colons; the first is the service's own
    let managed = env.get("STATE_DIRECTORY").and_then(|list| list.split(':').next()).map(PathBuf::from).filter(|path| path.is_absolute());
    if managed.is_some() {
        return managed;
    }
    #[cfg(unix)]
    if nix::unistd::geteuid().is_root() {
        return Some("/var/lib/tieline".into());
    }
    let home = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    home.map(|home| home.join("tieline")).or_else(|| absolute("ProgramData").map(|data| data.join("Tieline")))
}
