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

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.zone) == (&other.text, other.zone)
    }
}

impl Schedule {
    /// Reads a cron expression such as `5 * * * *`, or one of `@hourly`, `@daily`, `@weekly`.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, String> {
        // the library also accepts seconds and years, which would run a flow at other times than the author of five fields expects
        let fields = text.split_whitespace().count();
        if !text.trim_start().starts_with('@') && fields != 5 {
            return Err(format!("it has {fields} fields; minute, hour, day of month, month and day of week make five"));
        }
        let cron = Cron::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self { cron, text: text.to_owned(), zone })
    }

    /// The first due instant strictly after `after`; `None` when there is none (30 February).
    ///
    /// A time that is skipped in spring runs at the end of the gap; a time that occurs twice in autumn runs once, the first time. An hourly
    /// or more frequent schedule keeps its interval: the skipped hour is not repeated, and the doubled one runs twice.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&self.zone);
        self.cron.find_next_occurrence(&local, false).ok().map(|next| next.with_timezone(&Utc))
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Every run from one time until before another, as local times with their offset.
    fn runs(cron: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
        let schedule = Schedule::parse(cron, zone.parse().unwrap()).unwrap();
        let (mut at, until, mut all) = (utc(from), utc(until), Vec::new());
        loop {
            let next = schedule.next_after(at).unwrap();
            assert!(next > at, "{cron} in {zone}: {next} does not come after {at}");
            if next >= until {
                return all;
            }
            all.push(next.with_timezone(&schedule.zone).format("%d %H:%M%:z").to_string());
            at = next;
        }
    }

    #[test]
    fn a_schedule_has_five_fields() {
        for wrong in ["*/5 * * * * *", "* * * *", "", "0 0 1 1 * * 2026"] {
            assert!(Schedule::parse(wrong, Tz::UTC).unwrap_err().contains("make five"), "{wrong}");
        }
        assert!(Schedule::parse("*/5 * * * *", Tz::UTC).is_ok());
    }

    /// The night before, the night of and the night after the change to summer time (02:00 becomes 03:00).
    const SPRING: (&str, &str) = ("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z");
    /// The same three nights for the change back (03:00 becomes 02:00).
    const AUTUMN: (&str, &str) = ("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z");

    fn berlin(cron: &str, (from, until): (&str, &str)) -> Vec<String> {
        runs(cron, "Europe/Berlin", from, until)
    }

    #[test]
    fn a_daily_run_comes_once_a_night_whatever_the_clock_does() {
        assert_eq!(berlin("30 2 * * *", SPRING), ["28 02:30+01:00", "29 03:00+02:00", "30 02:30+02:00"]);
        assert_eq!(berlin("30 2 * * *", AUTUMN), ["24 02:30+02:00", "25 02:30+02:00", "26 02:30+01:00"]);
        // times that the changes do not affect
        assert_eq!(berlin("15 4 * * *", SPRING), ["28 04:15+01:00", "29 04:15+02:00", "30 04:15+02:00"]);
        assert_eq!(berlin("15 4 * * *", AUTUMN), ["24 04:15+02:00", "25 04:15+01:00", "26 04:15+01:00"]);
        assert_eq!(berlin("@daily", AUTUMN), ["25 00:00+02:00", "26 00:00+01:00"]);
        // the default of sweeps: Sundays, and both changes are on a Sunday
        assert_eq!(berlin("30 2 * * SUN", SPRING), ["29 03:00+02:00"]);
        assert_eq!(berlin("30 2 * * SUN", AUTUMN), ["25 02:30+02:00"]);
    }

    #[test]
    fn a_daily_run_at_a_midnight_that_does_not_exist_comes_once_too() {
        // Beirut changes at midnight, Lord Howe by half an hour
        let beirut = runs("0 0 * * *", "Asia/Beirut", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(beirut, ["28 00:00+02:00", "29 01:00+03:00", "30 00:00+03:00"]);
        let howe = runs("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-05T12:00:00Z");
        assert_eq!(howe, ["04 02:30+11:00", "05 02:15+11:00"]);
    }

    #[test]
    fn runs_of_every_hour_and_every_five_minutes_keep_their_distance() {
        let cases = [("5 * * * *", 60), ("@hourly", 60), ("*/5 * * * *", 5), ("0-59/5 * * * *", 5), ("0,30 * * * *", 30)];
        for (cron, minutes) in cases {
            for (from, until) in [SPRING, AUTUMN] {
                let schedule = Schedule::parse(cron, "Europe/Berlin".parse().unwrap()).unwrap();
                let (mut at, mut count) = (schedule.next_after(utc(from) - TimeDelta::seconds(1)).unwrap(), 0);
                while at < utc(until) {
                    let next = schedule.next_after(at).unwrap();
                    assert_eq!((next - at).num_minutes(), minutes, "{cron} after {at}");
                    (at, count) = (next, count + 1);
                }
                assert_eq!(count, (utc(until) - utc(from)).num_minutes() / minutes, "{cron}");
            }
        }
    }

    /// The service may compute this at any time: after a restart the result must not depend on when the last run was.
    #[test]
    fn what_is_next_does_not_depend_on_when_one_asks() {
        let nights = [
            ("Europe/Berlin", ["2026-03-28", "2026-10-24"]),
            ("America/New_York", ["2026-03-07", "2026-10-31"]),
            ("Australia/Lord_Howe", ["2026-04-04", "2026-10-03"]),
            ("Asia/Beirut", ["2026-03-28", "2026-10-24"]),
        ];
        let crons = ["30 2 * * *", "0 0 * * *", "5 * * * *", "*/5 * * * *", "30 1-3 * * *", "*/20 2 * * *"];
        for (zone, nights) in nights {
            for cron in crons {
                let schedule = Schedule::parse(cron, zone.parse().unwrap()).unwrap();
                for night in nights {
                    let from = utc(&format!("{night}T11:00:00Z"));
                    let mut last: Option<DateTime<Utc>> = None;
                    for second in (0..86_400).step_by(301) {
                        let now = from + TimeDelta::seconds(second);
                        let next = schedule.next_after(now).unwrap();
                        assert!(next > now, "{cron} in {zone}: {next} does not come after {now}");
                        if let Some(last) = last.filter(|last| *last > now) {
                            assert_eq!(next, last, "{cron} in {zone}, asked at {now}");
                        }
                        last = Some(next);
                    }
                }
            }
        }
    }
}
