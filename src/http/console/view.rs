//! The common parts of every page, and the format of values.

use std::fmt;

use askama::filters::{Escaper, Html, HtmlSafe};
use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::embedded::{ICON, SCRIPT, STYLE};
use super::flash::FlashMessage;
use super::signed_in::Session;
use crate::domain::money::thousands;
use crate::domain::role::{Permission, Role};

/// Pages of the menu: path, title, required permission.
const MENU: &[(&str, &str, Permission)] = &[
    ("/", "Overview", Permission::Read),
    ("/failures", "Failures", Permission::Read),
    ("/tasks", "Tasks", Permission::Read),
    ("/tie-out", "Tie-out", Permission::Read),
    ("/close", "Close", Permission::Read),
    ("/approvals", "Approvals", Permission::Read),
    ("/records", "Records", Permission::Read),
    ("/conflicts", "Conflicts", Permission::Read),
    ("/runs", "Runs", Permission::Read),
    ("/backfills", "Backfills", Permission::Read),
    ("/doctor", "Doctor", Permission::Read),
    ("/audit", "Audit", Permission::ReadAudit),
    ("/evidence", "Evidence", Permission::ReadAudit),
    ("/settings", "Settings", Permission::Administer),
];

/// The layout of a page.
pub(super) struct Layout {
    pub(super) title: String,
    pub(super) who: String,
    pub(super) csrf: String,
    pub(super) notice: Option<FlashMessage>,
    role: Option<Role>,
    path: &'static str,
}

/// One entry of the menu.
pub(super) struct MenuItem {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    pub(super) here: bool,
}

impl Layout {
    /// For a signed-in person, on the page at this path.
    pub(super) fn of(session: &Session, path: &'static str, title: &str) -> Self {
        let (who, csrf) = (session.key.clone(), session.csrf.clone());
        Self { title: title.into(), who, csrf, notice: None, role: Some(session.role), path }
    }

    /// Without a signed-in person.
    pub(super) fn outside(title: &str) -> Self {
        Self { title: title.into(), who: String::new(), csrf: String::new(), notice: None, role: None, path: "" }
    }

    /// Shows the result of an action: the message in the redirect, if this server made it for this session.
    pub(super) fn done(mut self, sealed: Option<&str>) -> Self {
        self.notice = match sealed {
            Some("doctor") => Some(FlashMessage::text("The diagnostics have started.")),
            Some(sealed) => FlashMessage::read(&self.csrf, sealed),
            None => None,
        };
        self
    }

    pub(super) fn signed_in(&self) -> bool {
        self.role.is_some()
    }

    pub(super) fn role_word(&self) -> &'static str {
        self.role.map_or("", Role::as_str)
    }

    pub(super) fn operates(&self) -> bool {
        self.role.is_some_and(|role| role.allows(Permission::Operate))
    }

    pub(super) fn ties_out(&self) -> bool {
        self.role.is_some_and(|role| role.allows(Permission::TieOut))
    }

    pub(super) fn closes(&self) -> bool {
        self.role.is_some_and(|role| role.allows(Permission::Close))
    }

    pub(super) fn menu(&self) -> Vec<MenuItem> {
        let mine = MENU.iter().filter(|(.., needs)| self.role.is_some_and(|role| role.allows(*needs)));
        mine.map(|&(path, title, _)| MenuItem { path, title, here: path == self.path }).collect()
    }

    // methods, not associated functions: a template can call only methods
    #[allow(clippy::unused_self)]
    pub(super) fn css(&self) -> &'static str {
        &STYLE.path
    }

    #[allow(clippy::unused_self)]
    pub(super) fn js(&self) -> &'static str {
        &SCRIPT.path
    }

    #[allow(clippy::unused_self)]
    pub(super) fn icon(&self) -> &'static str {
        &ICON.path
    }
}

/// A time: UTC in the source and in the title; the script writes it in the reader's zone.
pub(super) struct Time(pub(super) DateTime<Utc>);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.0.to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(f, "<time datetime=\"{instant}\" title=\"{instant}\">{}</time>", self.0.format("%Y-%m-%d %H:%M:%S UTC"))
    }
}

// only digits, letters, `-`, `:` and `.`
impl HtmlSafe for Time {}

/// A text of Tieline or of another system: text in backticks is a name or a value, and is formatted as code.
pub(super) struct CodeText(pub(super) String);

impl CodeText {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let closed = self.0.matches('`').count() / 2 * 2;
        for (at, piece) in self.0.splitn(closed + 1, '`').enumerate() {
            let value = at % 2 == 1;
            f.write_str(if value { "<code class=\"inline\">" } else { "" })?;
            Html.write_escaped_str(&mut *f, piece)?;
            f.write_str(if value { "</code>" } else { "" })?;
        }
        Ok(())
    }
}

// its text is escaped above
impl HtmlSafe for CodeText {}

/// A sentence with times in it, such as the state of a record.
pub(super) struct Sentence(pub(super) String);

impl Sentence {
    /// The text before each time, and the time.
    pub(super) fn pieces(&self) -> Vec<(CodeText, Option<Time>)> {
        const FORM: &str = "%Y-%m-%d %H:%M:%SZ";
        const LENGTH: usize = "2026-01-31 08:00:00Z".len();
        let instant = |at: usize| {
            let text = self.0.get(at..at + LENGTH)?;
            // a cheap check first: most places are not the start of a time
            text.starts_with(|letter: char| letter.is_ascii_digit()).then_some(())?;
            Some(Time(NaiveDateTime::parse_from_str(text, FORM).ok()?.and_utc()))
        };
        let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
        while at < self.0.len() {
            match instant(at) {
                Some(time) => {
                    pieces.push((CodeText(self.0[from..at].to_owned()), Some(time)));
                    at += LENGTH;
                    from = at;
                }
                None => at += 1,
            }
        }
        pieces.push((CodeText(self.0[from..].to_owned()), None));
        pieces
    }
}

/// A duration in the two largest units.
pub(super) fn spell(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A whole number with separators between thousands.
pub(super) fn grouped(number: i64) -> String {
    thousands(&number.to_string())
}

/// The ASCII characters that are percent-encoded in a path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// A part of a path, completely percent-encoded, including the slashes of a key.
pub(super) fn part(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The page of a record.
pub(super) fn record_path(company: &str, entity: &str, key: &str) -> String {
    format!("/records/{}/{}/{}", part(company), part(entity), part(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ROUTES;

    #[test]
    fn the_menu_shows_a_page_to_those_who_may_open_it() {
        for (path, _, needs) in MENU {
            let page = ROUTES.iter().find(|route| route.method == "GET" && route.path == *path).expect(path);
            assert_eq!(page.needs, Some(*needs), "{path}");
        }
    }

    #[test]
    fn text_in_backticks_is_code_and_nothing_is_markup() {
        let text = |text: &str| CodeText(text.to_owned()).to_string();
        assert_eq!(text("no `<b>` & co"), "no <code class=\"inline\">&#60;b&#62;</code> &#38; co");
        assert_eq!(text("`a` and an open ` one"), "<code class=\"inline\">a</code> and an open ` one");
        assert_eq!(text(""), "");
    }

    #[test]
    fn instants_among_words_are_found() {
        let pieces = |text: &str| {
            let sentence = Sentence(text.to_owned());
            sentence.pieces().into_iter().map(|(words, at)| (words.0, at.map(|at| at.0.timestamp()))).collect::<Vec<_>>()
        };
        let text = "delivered at 2026-01-31 08:00:00Z, und übrigens 2026-13-31 08:00:00Z";
        assert_eq!(
            pieces(text),
            [("delivered at ".to_owned(), Some(1769846400)), (", und übrigens 2026-13-31 08:00:00Z".to_owned(), None)]
        );
        assert_eq!(pieces("ß"), [("ß".to_owned(), None)]);
    }

    #[test]
    fn durations_are_spelled_in_two_units() {
        for (seconds, words) in [(-3, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90000, "1 d 1 h")] {
            assert_eq!(spell(TimeDelta::seconds(seconds)), words);
        }
    }
}
