//! What every page shows, and how values are written.

use std::fmt;

use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, Utc};

use super::assets::{ICON, SCRIPT, STYLE};
use super::session::Session;
use crate::domain::role::{Permission, Role};

/// Pages of the menu: path, title, what they need.
const MENU: &[(&str, &str, Permission)] = &[
    ("/", "Overview", Permission::Read),
    ("/failures", "Failures", Permission::Read),
    ("/records", "Records", Permission::Read),
    ("/conflicts", "Conflicts", Permission::Read),
    ("/runs", "Runs", Permission::Read),
    ("/doctor", "Doctor", Permission::Read),
    ("/audit", "Audit", Permission::ReadAudit),
    ("/settings", "Settings", Permission::Administer),
];

/// The frame of a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) who: String,
    pub(super) csrf: String,
    pub(super) notice: Option<&'static str>,
    role: Option<Role>,
    path: &'static str,
}

/// One entry of the menu.
pub(super) struct MenuItem {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    pub(super) here: bool,
}

impl Frame {
    /// For somebody who is signed in, on the page with this path.
    pub(super) fn of(session: &Session, path: &'static str, title: &str) -> Self {
        let (who, csrf) = (session.key.clone(), session.csrf.clone());
        Self { title: title.into(), who, csrf, notice: None, role: Some(session.role), path }
    }

    /// For nobody in particular.
    pub(super) fn outside(title: &str) -> Self {
        Self { title: title.into(), who: String::new(), csrf: String::new(), notice: None, role: None, path: "" }
    }

    /// Says what was done, by the name that a redirect carries: never a text out of an address.
    pub(super) fn done(mut self, name: Option<&str>) -> Self {
        self.notice = match name {
            Some("run") => Some("The run begins."),
            Some("pause") => Some("The flow is paused: it reads nothing more until somebody resumes it."),
            Some("resume") => Some("The flow goes on by its schedule."),
            Some("decided") => Some("It is decided; the next run acts on it."),
            Some("adopted") => Some("The two lists are in step from now on; the next run acts on it."),
            Some("doctor") => Some("The examination begins."),
            Some("replay") => Some("The records are on their way again."),
            _ => None,
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

    pub(super) fn menu(&self) -> Vec<MenuItem> {
        let mine = MENU.iter().filter(|(.., needs)| self.role.is_some_and(|role| role.allows(*needs)));
        mine.map(|&(path, title, _)| MenuItem { path, title, here: path == self.path }).collect()
    }

    // methods, not associated functions: a template calls what it has
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

/// An instant: UTC in the source and in the title; the script writes it in the reader's zone.
pub(super) struct Time(pub(super) DateTime<Utc>);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.0.to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(f, "<time datetime=\"{instant}\" title=\"{instant}\">{}</time>", self.0.format("%Y-%m-%d %H:%M:%S UTC"))
    }
}

// digits, letters, `-`, `:` and `.` alone
impl HtmlSafe for Time {}

/// A part of a path, percent-encoded whole: a key's slashes too.
pub(super) fn part(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
