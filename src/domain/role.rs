//! The roles for HTTP.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;

/// The role of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads flows, runs, records and failures.
    Viewer,
    /// Reads the same, and runs, pauses, replays and decides conflicts.
    Operator,
    /// Reads everything, the audit and its exports included; changes nothing.
    Auditor,
    /// Reads everything, makes tie-outs, and closes periods; neither runs flows nor sends records.
    Controller,
    /// May do everything that goes over HTTP, and sees the settings. API keys and credentials need the command line.
    Admin,
}

words!(Role { Viewer = "viewer", Operator = "operator", Auditor = "auditor", Controller = "controller", Admin = "admin" });

/// The permission that a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Flows, runs, records, failures, conflicts, tie-outs.
    Read,
    /// The audit trail and its exports.
    ReadAudit,
    /// Run, pause and resume flows, end a pause in sending, replay, backfill, hold, decide conflicts, tie out, run diagnostics.
    Operate,
    /// Make tie-outs.
    TieOut,
    /// Prepare, sign, lock and unlock periods, give reasons for differences, and answer requests for approval.
    Close,
    /// See the settings in force.
    Administer,
}

impl Permission {
    /// What the permission allows, as text.
    pub fn in_words(self) -> &'static str {
        match self {
            Permission::Read => "read (every role)",
            Permission::ReadAudit => "read the audit (auditor, controller, admin)",
            Permission::Operate => "act (operator, admin)",
            Permission::TieOut => "tie out (operator, controller, admin)",
            Permission::Close => "close periods (controller, admin)",
            Permission::Administer => "administer (admin)",
        }
    }
}

impl Role {
    /// Whether the role may do this.
    pub fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::ReadAudit => matches!(self, Role::Auditor | Role::Controller | Role::Admin),
            Permission::Operate => matches!(self, Role::Operator | Role::Admin),
            Permission::TieOut => matches!(self, Role::Operator | Role::Controller | Role::Admin),
            Permission::Close => matches!(self, Role::Controller | Role::Admin),
            Permission::Administer => self == Role::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auditors_read_everything_and_change_nothing_and_controllers_only_close() {
        use Permission::{Administer, Close, Operate, Read, ReadAudit, TieOut};
        let may = |role: Role| [Read, ReadAudit, Operate, TieOut, Close, Administer].map(|permission| role.allows(permission));
        assert_eq!(may(Role::Viewer), [true, false, false, false, false, false]);
        assert_eq!(may(Role::Operator), [true, false, true, true, false, false]);
        assert_eq!(may(Role::Auditor), [true, true, false, false, false, false]);
        assert_eq!(may(Role::Controller), [true, true, false, true, true, false]);
        assert_eq!(may(Role::Admin), [true; 6]);
        assert_eq!("auditor".parse::<Role>(), Ok(Role::Auditor));
        let wrong = "`root` is none of `viewer`, `operator`, `auditor`, `controller`, `admin`";
        assert_eq!("root".parse::<Role>(), Err(wrong.into()));
    }
}
