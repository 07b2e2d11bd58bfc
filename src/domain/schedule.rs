//! When a flow is due: cron in the SYSPRO server's time zone. Pure; the caller gives the time.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// A cron expression (five fields, 1 = Monday) in a time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    text: String,
    zone: Tz,
}

impl Schedule {
    /// Reads a cron expression such as `5 * * * *`, or one of `@hourly`, `@daily`, `@weekly`.
    ///
    /// # Errors
    /// What is wrong with the expression, in words.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, String> {
        let cron = Cron::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self { cron, text: text.to_owned(), zone })
    }

    /// The first due instant strictly after `after`; `None` when there is none (30 February).
    ///
    /// A time that a spring change skips runs at the end of the gap; one that an autumn change doubles runs once.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&self.zone);
        self.cron.find_next_occurrence(&local, false).ok().map(|next| next.with_timezone(&Utc))
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
