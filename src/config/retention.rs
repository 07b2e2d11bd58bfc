//! `[retention]`: how long the ledger keeps what is old.

use super::check::Check;
use super::raw::RawRetention;
use super::settings::RetentionSettings;
use crate::domain::retention::Kept;

impl Check<'_> {
    pub(super) fn retention(&mut self, raw: &RawRetention) -> RetentionSettings {
        let directory = raw.archive_directory.as_deref().filter(|text| !text.is_empty());
        RetentionSettings {
            events: self.years("events_years", raw.events_years.as_ref()),
            versions: self.years("versions_years", raw.versions_years.as_ref()),
            deliveries: self.days("deliveries_days", raw.deliveries_days.as_ref()),
            runs: self.days("runs_days", raw.runs_days.as_ref()),
            backfills: self.days("backfills_days", raw.backfills_days.as_ref()),
            downstream: self.days("downstream_days", raw.downstream_days.as_ref()),
            conflicts: self.days("conflicts_days", raw.conflicts_days.as_ref()),
            notices: self.days("notices_days", raw.notices_days.as_ref()),
            idempotency_keys: self.days("idempotency_keys_days", raw.idempotency_keys_days.as_ref()),
            sessions: self.days("sessions_days", raw.sessions_days.as_ref()),
            nodes: self.days("nodes_days", raw.nodes_days.as_ref()),
            archive_directory: self.path("retention.archive_directory", directory),
        }
    }

    fn years(&mut self, key: &str, value: Option<&toml::Value>) -> Kept {
        self.kept(key, value, "years", 1000).map_or(Kept::Forever, Kept::Years)
    }

    fn days(&mut self, key: &str, value: Option<&toml::Value>) -> Kept {
        self.kept(key, value, "days", 36_500).map_or(Kept::Forever, Kept::Days)
    }

    /// A time of at most `most`; `None` for ever, and for a value that was reported.
    fn kept(&mut self, key: &str, value: Option<&toml::Value>, unit: &str, most: u32) -> Option<u32> {
        let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default();
        match text.trim().parse::<u32>() {
            _ if text.trim() == "never" => None,
            Ok(0) => None,
            Ok(time) if time <= most => Some(time),
            _ => {
                let key = format!("retention.{key}");
                let form = format!("a number of {unit} up to {most}, or `\"never\"` (the same as 0)");
                self.problem(&key, format!("`{key}` must be {form}, got `{text}`"))
            }
        }
    }
}
