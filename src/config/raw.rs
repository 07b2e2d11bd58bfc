//! The written file: every key is optional, unknown keys are refused. `validate` decides which values are allowed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `tieline.toml`, before any check.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) database: RawDatabase,
    pub(super) http: RawHttp,
    pub(super) syspro: RawSyspro,
    /// By the company's id.
    pub(super) company: BTreeMap<String, RawCompany>,
    pub(super) servicenow: RawServiceNow,
    pub(super) schedule: BTreeMap<String, String>,
    pub(super) flows: RawFlows,
    pub(super) retry: RawRetry,
    pub(super) state: RawState,
    pub(super) definitions: RawDefinitions,
    pub(super) log: RawLog,
    pub(super) notices: RawNotices,
    pub(super) metrics: RawMetrics,
    pub(super) retention: RawRetention,
    pub(super) close: RawClose,
    pub(super) calendar: RawCalendar,
    pub(super) subledger: RawSubledger,
    pub(super) approvals: RawApprovals,
    pub(super) tie_out: RawTieOut,
    pub(super) sign_in: RawSignIn,
    pub(super) evidence: RawEvidence,
    pub(super) audit: RawAudit,
    pub(super) tasks: RawTasks,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEvidence {
    pub(super) owners: Option<Vec<String>>,
    pub(super) backups: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAudit {
    pub(super) head_table: Option<String>,
    pub(super) head_key: Option<String>,
    pub(super) head_fields: Option<Vec<String>>,
    pub(super) timestamp_url: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTasks {
    pub(super) enabled: Option<bool>,
    pub(super) table: Option<String>,
    pub(super) together_above: Option<i64>,
    pub(super) most: Option<i64>,
    pub(super) check_seconds: Option<i64>,
    pub(super) title_field: Option<String>,
    pub(super) text_field: Option<String>,
    pub(super) note_field: Option<String>,
    pub(super) correlation_field: Option<String>,
    pub(super) state_field: Option<String>,
    pub(super) closed_state: Option<String>,
    pub(super) closed_states: Option<Vec<String>>,
    pub(super) assignment_group: Option<String>,
    pub(super) fields: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawApprovals {
    pub(super) needed: Option<Vec<String>>,
    pub(super) hours: Option<i64>,
    pub(super) amounts: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawClose {
    pub(super) second_person: Option<bool>,
    pub(super) tie_out_hours: Option<i64>,
    pub(super) period_ends: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCalendar {
    pub(super) table: Option<String>,
    pub(super) company: Option<String>,
    pub(super) year: Option<String>,
    pub(super) period: Option<String>,
    pub(super) current_ends: Option<String>,
    pub(super) current_states: Option<String>,
    pub(super) previous_ends: Option<String>,
    pub(super) previous_states: Option<String>,
    pub(super) periods: Option<i64>,
    pub(super) open: Option<Vec<String>>,
    pub(super) closed: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSubledger {
    pub(super) compare: Option<bool>,
    pub(super) control_account: Option<String>,
    pub(super) month_table: Option<String>,
    pub(super) month_company: Option<String>,
    pub(super) month_year: Option<String>,
    pub(super) month_period: Option<String>,
    pub(super) periods_ahead: Option<i64>,
    pub(super) history_table: Option<String>,
    pub(super) history_year: Option<String>,
    pub(super) history_closing: Option<String>,
    pub(super) unposted: Option<Vec<String>>,
    pub(super) sources: Option<Vec<String>>,
    pub(super) credit_is_negative: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTieOut {
    pub(super) schedule: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSignIn {
    pub(super) key_days: Option<i64>,
    pub(super) key_notice_days: Option<i64>,
    pub(super) issuer: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) name_claim: Option<String>,
    pub(super) roles_claim: Option<String>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) session_hours: Option<i64>,
    pub(super) allow_http: Option<bool>,
    pub(super) ca_file: Option<String>,
    pub(super) proxy: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMetrics {
    pub(super) per_flow: Option<String>,
}

/// A time is a number, or the text `never`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetention {
    pub(super) events_years: Option<toml::Value>,
    pub(super) versions_years: Option<toml::Value>,
    pub(super) deliveries_days: Option<toml::Value>,
    pub(super) runs_days: Option<toml::Value>,
    pub(super) backfills_days: Option<toml::Value>,
    pub(super) downstream_days: Option<toml::Value>,
    pub(super) conflicts_days: Option<toml::Value>,
    pub(super) notices_days: Option<toml::Value>,
    pub(super) idempotency_keys_days: Option<toml::Value>,
    pub(super) sessions_days: Option<toml::Value>,
    pub(super) nodes_days: Option<toml::Value>,
    pub(super) archive_directory: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNotices {
    pub(super) events: Option<Vec<String>>,
    pub(super) webhook_urls: Option<Vec<String>>,
    pub(super) mail_server: Option<String>,
    pub(super) mail_tls: Option<String>,
    pub(super) mail_from: Option<String>,
    pub(super) mail_to: Option<Vec<String>>,
    pub(super) ca_file: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) digest_minutes: Option<i64>,
    pub(super) max_per_hour: Option<i64>,
    pub(super) stale_hours: Option<i64>,
    pub(super) certificate_days: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDatabase {
    pub(super) url: Option<String>,
    pub(super) pool_size: Option<i64>,
    pub(super) statement_timeout_seconds: Option<i64>,
    pub(super) call_timeout_seconds: Option<i64>,
    pub(super) bin_directory: Option<String>,
    pub(super) durable: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHttp {
    pub(super) listen: Option<String>,
    pub(super) host_names: Option<Vec<String>>,
    pub(super) open_health: Option<bool>,
    pub(super) open_metrics: Option<bool>,
    pub(super) connections_per_address: Option<i64>,
    pub(super) certificate: Option<String>,
    pub(super) certificate_key: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSyspro {
    pub(super) odata_url: Option<String>,
    pub(super) enet_url: Option<String>,
    pub(super) source: Option<String>,
    pub(super) enet_session_seconds: Option<i64>,
    pub(super) enet_back_off_seconds: Option<i64>,
    pub(super) enet_url_limit: Option<i64>,
    pub(super) enet_session_texts: Option<Vec<String>>,
    pub(super) enet_evicted_texts: Option<Vec<String>>,
    pub(super) enet_seat_texts: Option<Vec<String>>,
    pub(super) enet_table_texts: Option<Vec<String>>,
    pub(super) allow_http: Option<bool>,
    pub(super) time_zone: Option<String>,
    pub(super) companies: Option<Vec<String>>,
    pub(super) companies_differ_by_case: Option<bool>,
    pub(super) currency: Option<String>,
    pub(super) page_size: Option<i64>,
    pub(super) row_cap: Option<i64>,
    pub(super) query_limit: Option<i64>,
    pub(super) filter_limit: Option<i64>,
    pub(super) metadata: Option<bool>,
    pub(super) date_literal: Option<String>,
    pub(super) date_zone: Option<String>,
    pub(super) no_date_before: Option<toml::Value>,
    pub(super) key_order: Option<String>,
    pub(super) count_check: Option<bool>,
    pub(super) absent_columns: Option<String>,
    pub(super) run_requests: Option<i64>,
    pub(super) page_limit_mb: Option<i64>,
    pub(super) value_limit_kb: Option<i64>,
    // the keys of `RawConnection`, repeated: serde cannot flatten a struct and refuse unknown keys at the same time
    pub(super) ca_file: Option<String>,
    pub(super) proxy: Option<String>,
    pub(super) connect_timeout_seconds: Option<i64>,
    pub(super) request_timeout_seconds: Option<i64>,
    pub(super) body_timeout_seconds: Option<i64>,
    pub(super) body_limit_mb: Option<i64>,
    pub(super) connections: Option<i64>,
    pub(super) keep_alive_seconds: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServiceNow {
    pub(super) instance_url: Option<String>,
    pub(super) allow_http: Option<bool>,
    pub(super) profile: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) token_refresh: Option<String>,
    pub(super) token_margin_seconds: Option<i64>,
    pub(super) batch: Option<bool>,
    pub(super) batch_again_minutes: Option<i64>,
    pub(super) batch_size: Option<i64>,
    pub(super) batch_limit: Option<i64>,
    pub(super) concurrency: Option<i64>,
    pub(super) derived_sys_id: Option<bool>,
    pub(super) adopt: Option<bool>,
    pub(super) batch_quota_seconds: Option<i64>,
    pub(super) request_quota_seconds: Option<i64>,
    pub(super) read_delay_seconds: Option<i64>,
    pub(super) list_limit: Option<i64>,
    pub(super) longest_pause_seconds: Option<i64>,
    pub(super) ca_file: Option<String>,
    pub(super) proxy: Option<String>,
    pub(super) connect_timeout_seconds: Option<i64>,
    pub(super) request_timeout_seconds: Option<i64>,
    pub(super) body_timeout_seconds: Option<i64>,
    pub(super) body_limit_mb: Option<i64>,
    pub(super) connections: Option<i64>,
    pub(super) keep_alive_seconds: Option<i64>,
}

/// One company's own settings; each key has priority over the same key of `[syspro]`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCompany {
    pub(super) currency: Option<String>,
}

/// The section of the companies' own settings.
pub(super) const COMPANY: &str = "company";

/// The keys both outside systems have in common.
pub(super) struct RawConnection<'a> {
    pub(super) ca_file: Option<&'a str>,
    pub(super) proxy: Option<&'a str>,
    pub(super) connect_timeout_seconds: Option<i64>,
    pub(super) request_timeout_seconds: Option<i64>,
    pub(super) body_timeout_seconds: Option<i64>,
    pub(super) body_limit_mb: Option<i64>,
    pub(super) connections: Option<i64>,
    pub(super) keep_alive_seconds: Option<i64>,
}

macro_rules! connection_keys {
    ($($type:ident),+) => {$(
        impl $type {
            pub(super) fn connection(&self) -> RawConnection<'_> {
                RawConnection {
                    ca_file: self.ca_file.as_deref(),
                    proxy: self.proxy.as_deref(),
                    connect_timeout_seconds: self.connect_timeout_seconds,
                    request_timeout_seconds: self.request_timeout_seconds,
                    body_timeout_seconds: self.body_timeout_seconds,
                    body_limit_mb: self.body_limit_mb,
                    connections: self.connections,
                    keep_alive_seconds: self.keep_alive_seconds,
                }
            }
        }
    )+};
}
connection_keys!(RawSyspro, RawServiceNow);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFlows {
    /// A date, with or without quotes.
    pub(super) since: Option<toml::Value>,
    pub(super) entities: Option<Vec<String>>,
    pub(super) lease_seconds: Option<i64>,
    pub(super) stuck_seconds: Option<i64>,
    pub(super) max_gone_per_sweep: Option<i64>,
    pub(super) max_shrink_percent: Option<i64>,
    pub(super) went_back_percent: Option<i64>,
    /// A number, or a text such as `10%`.
    pub(super) change_limit: Option<toml::Value>,
    pub(super) backlog: Option<i64>,
    pub(super) backlog_wait_minutes: Option<i64>,
    pub(super) sweep: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetry {
    pub(super) min_delay_seconds: Option<i64>,
    pub(super) max_delay_seconds: Option<i64>,
    pub(super) max_attempts: Option<i64>,
    pub(super) read_attempts: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawState {
    pub(super) directory: Option<String>,
    pub(super) key_file: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDefinitions {
    pub(super) directory: Option<String>,
    pub(super) watch: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLog {
    pub(super) level: Option<String>,
    pub(super) format: Option<String>,
}

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Flag,
    Text,
    List,
    Date,
}

impl Kind {
    /// The text after "`key` must be".
    pub(super) fn describe(self) -> &'static str {
        match self {
            Kind::Number => "a whole number",
            Kind::Flag => "`true` or `false`",
            Kind::Text => "a text in quotes",
            Kind::List => "a list of texts, such as `[\"A\", \"B\"]`",
            Kind::Date => "a date such as `2026-01-31`",
        }
    }
}

/// The keys that a company may set, as a list for people.
pub(super) fn company_keys() -> String {
    let Ok(serde_json::Value::Object(keys)) = serde_json::to_value(RawCompany::default()) else { return String::new() };
    keys.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// Whether there is a section with this name.
pub(super) fn is_section(name: &str) -> bool {
    let table = toml::Table::from_iter([(name.to_owned(), toml::Value::Table(toml::Table::new()))]);
    table.try_into::<Raw>().is_ok()
}

/// The type of `section.key`; `None` when there is no such key. It tries one value of each type on the structs above, so that it cannot
/// differ from them.
pub(super) fn kind(section: &str, key: &str) -> Option<Kind> {
    use toml::Value;
    let fits = |value: Value| fits(section, key, value);
    let (number, flag, text) = (fits(Value::Integer(1)), fits(Value::Boolean(true)), fits(Value::String("x".into())));
    match (number, flag, text) {
        (true, true, true) => Some(Kind::Date),
        (true, ..) => Some(Kind::Number),
        (_, true, _) => Some(Kind::Flag),
        (.., true) => Some(Kind::Text),
        _ if fits(Value::Array(vec![Value::String("x".into())])) => Some(Kind::List),
        _ => None,
    }
}

/// Whether `section.key` accepts this value; a company's section is `company.ID`.
pub(super) fn fits(section: &str, key: &str, value: toml::Value) -> bool {
    let inner = toml::Table::from_iter([(key.to_owned(), value)]);
    let inner = section.rsplit('.').fold(inner, |inner, name| toml::Table::from_iter([(name.to_owned(), toml::Value::Table(inner))]));
    inner.try_into::<Raw>().is_ok()
}

/// Every `section.key`; `schedule` as a whole, because its keys are entities.
pub(super) fn all_keys() -> Vec<String> {
    let Ok(serde_json::Value::Object(sections)) = serde_json::to_value(Raw::default()) else { return Vec::new() };
    let mut keys = Vec::new();
    for (section, inner) in sections {
        match inner {
            serde_json::Value::Object(inner) if !inner.is_empty() => keys.extend(inner.keys().map(|key| format!("{section}.{key}"))),
            _ => keys.push(section),
        }
    }
    keys
}
