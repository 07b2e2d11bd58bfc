//! `[calendar]` and `[subledger]`: the names of SYSPRO's tables and columns for its own books.

use super::check::Check;
use super::raw::{RawCalendar, RawSubledger};
use super::settings::{CalendarSettings, SubledgerSettings};

/// Whether a name may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Allowed,
    Refused,
}

impl Check<'_> {
    pub(super) fn calendar(&mut self, raw: &RawCalendar) -> CalendarSettings {
        let mut name = |key: &str, value: &Option<String>, empty| self.column(&format!("calendar.{key}"), value.as_deref(), empty);
        CalendarSettings {
            table: name("table", &raw.table, Empty::Allowed),
            company: name("company", &raw.company, Empty::Refused),
            year: name("year", &raw.year, Empty::Refused),
            period: name("period", &raw.period, Empty::Refused),
            current_ends: name("current_ends", &raw.current_ends, Empty::Refused),
            current_states: name("current_states", &raw.current_states, Empty::Refused),
            previous_ends: name("previous_ends", &raw.previous_ends, Empty::Refused),
            previous_states: name("previous_states", &raw.previous_states, Empty::Refused),
            periods: self.number("calendar.periods", raw.periods, 1, 99),
            open: raw.open.clone().unwrap_or_default(),
            closed: raw.closed.clone().unwrap_or_default(),
        }
    }

    pub(super) fn subledger(&mut self, raw: &RawSubledger) -> SubledgerSettings {
        let mut name = |key: &str, value: &Option<String>, empty| self.column(&format!("subledger.{key}"), value.as_deref(), empty);
        SubledgerSettings {
            compare: raw.compare.unwrap_or(true),
            control_account: raw.control_account.clone().unwrap_or_default(),
            month_table: name("month_table", &raw.month_table, Empty::Refused),
            month_company: name("month_company", &raw.month_company, Empty::Allowed),
            month_year: name("month_year", &raw.month_year, Empty::Refused),
            month_period: name("month_period", &raw.month_period, Empty::Refused),
            history_table: name("history_table", &raw.history_table, Empty::Refused),
            history_year: name("history_year", &raw.history_year, Empty::Refused),
            history_closing: name("history_closing", &raw.history_closing, Empty::Refused),
            periods_ahead: self.number("subledger.periods_ahead", raw.periods_ahead, -12, 12),
            unposted: raw.unposted.clone().unwrap_or_default(),
            sources: raw.sources.clone().unwrap_or_default(),
            credit_is_negative: raw.credit_is_negative.unwrap_or(true),
        }
    }

    /// The name of a table or column of SYSPRO: it becomes a part of an address.
    fn column(&mut self, key: &str, value: Option<&str>, empty: Empty) -> String {
        let text = value.unwrap_or_default().trim();
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_+".contains(c));
        if !plain || (text.is_empty() && empty == Empty::Refused) {
            self.problem::<()>(key, format!("`{key}` must be the name of a table or column of SYSPRO, got `{text}`"));
        }
        text.to_owned()
    }
}
