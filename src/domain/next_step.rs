//! What to do about a record that has not arrived, or about a finding of the doctor: one table for the ledger's texts, the command line, the
//! console, the API and the notices. Each text says what a person does, or that Tieline does it; none promises what only a person can do.

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// A parent has not been delivered yet.
    ParentToCome,
    /// A whole read has shown that SYSPRO does not have the parent.
    ParentNotThere,
    /// The definition leaves the parent out.
    ParentLeftOut,
    /// The mapping refused a value.
    Unmapped,
    /// The record crashed the mapping twice.
    Poison,
    /// The last try failed.
    Exhausted,
    /// It arrived, and failed in ServiceNow later.
    Downstream,
    /// A person holds it.
    OnHold,
    /// A temporary error.
    Retried,
    /// ServiceNow asked for time.
    Throttled,
    /// The answer was lost.
    LookedUp,
    /// The instance has no such table.
    TableMissing,
    /// The instance has no such column, or does not show it.
    ColumnMissing,
    /// The application user may not use the API or the table.
    RightMissing,
    /// The client's credential is refused.
    SignInRefused,
    /// The settings cannot be used.
    Settings,
    /// The instance kept something else than was sent.
    KeptOtherwise,
    /// A credential is missing or cannot be read.
    Credential,
    /// Something is being restarted.
    Again,
    /// The file of the master key cannot be used.
    KeyFile,
    /// The database does not answer as it should.
    Database,
    /// The state directory cannot be used.
    StateDirectory,
    /// A token cannot be had.
    Token,
    /// A company cannot be read.
    Company,
    /// e.net refuses the sign-in.
    EnetSignIn,
}

impl NextStep {
    /// Every step, for tests and documentation.
    pub const ALL: &'static [NextStep] = &[
        Self::ParentToCome,
        Self::ParentNotThere,
        Self::ParentLeftOut,
        Self::Unmapped,
        Self::Poison,
        Self::Exhausted,
        Self::Downstream,
        Self::OnHold,
        Self::Retried,
        Self::Throttled,
        Self::LookedUp,
        Self::TableMissing,
        Self::ColumnMissing,
        Self::RightMissing,
        Self::SignInRefused,
        Self::Settings,
        Self::KeptOtherwise,
        Self::Credential,
        Self::Again,
        Self::KeyFile,
        Self::Database,
        Self::StateDirectory,
        Self::Token,
        Self::Company,
        Self::EnetSignIn,
    ];

    /// In words, beginning with a small letter, without a full stop.
    pub const fn text(self) -> &'static str {
        match self {
            Self::ParentToCome => {
                "run the parent's flow if it has not run yet; Tieline sends this record automatically once the parent is delivered"
            }
            Self::ParentNotThere => {
                "create the parent in SYSPRO or correct the reference there; Tieline then sends this record automatically"
            }
            Self::ParentLeftOut => {
                "change the rule in the parent's entity file and run a sweep (`tieline sync --sweep`), or correct the reference in SYSPRO; \
                 until then this record is not sent"
            }
            Self::Unmapped => "correct the value in SYSPRO, the code list or the definition, then replay the record",
            Self::Poison => "report it with the record's content (`tieline record`), and replay it after an upgrade",
            Self::Exhausted => "check that ServiceNow works again (`tieline doctor`), then replay the failed records",
            Self::Downstream => {
                "correct the record in SYSPRO, or what ServiceNow names, then replay the record; its row in ServiceNow is updated"
            }
            Self::OnHold => "release the record when it may go: `tieline release`, the console, or `POST /api/v1/records/release`",
            Self::Retried => "nothing: Tieline retries automatically",
            Self::Throttled => "nothing: ServiceNow asked for a pause, and Tieline retries after it",
            Self::LookedUp => "nothing: Tieline looks the record up in ServiceNow before it does anything else",
            Self::TableMissing => {
                "have the table made in ServiceNow, or correct `table` in the profile's definition; Tieline then sends the record automatically"
            }
            Self::ColumnMissing => {
                "have the column made in ServiceNow, let the application user read it, or correct the profile's definition; Tieline then sends the \
                 record automatically"
            }
            Self::RightMissing => {
                "give the OAuth application's user a role for this API and table; Tieline then sends the record automatically"
            }
            Self::SignInRefused => "check the items that the message lists, one after another; Tieline then sends the record automatically",
            Self::Settings => "correct the setting that the message names, then restart the service",
            Self::KeptOtherwise => "correct the field's rights, length or rule in ServiceNow, or the definition, then replay the record",
            Self::Credential => "set the credential with `tieline credential set`",
            Self::Again => "run the check again in a moment",
            Self::KeyFile => {
                "correct the key file: `chmod 600` where others can read it, its owner where it belongs to another account; put it back from its copy \
                 where it is missing, or set every credential again"
            }
            Self::Database => "make sure that the database server runs and accepts `database.url`, then run the check again",
            Self::StateDirectory => "make the directory, or let the account of the service read and write it",
            Self::Token => {
                "check the items that the message lists, one after another; `servicenow.instance_url` must be the instance's own address"
            }
            Self::Company => {
                "make the OData service answer for this company: check `syspro.companies`, the operator's rights and the service itself; nothing else \
                 of this company was asked"
            }
            Self::EnetSignIn => "check operator, password and company password, then run the check again; the message is SYSPRO's own",
        }
    }
}

impl std::fmt::Display for NextStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_an_action_and_none_only_points_at_a_message() {
        for step in NextStep::ALL {
            let text = step.text();
            assert!(text.chars().next().is_some_and(char::is_lowercase) || text.starts_with("e.net"), "{text}");
            assert!(!text.ends_with('.') && !text.contains("see the message") && !text.contains("  "), "{text}");
        }
        // what only a person can do is never said to go away by itself
        for step in
            [NextStep::TableMissing, NextStep::ColumnMissing, NextStep::RightMissing, NextStep::ParentLeftOut, NextStep::ParentNotThere]
        {
            assert!(!step.text().starts_with("nothing"), "{step}");
        }
    }
}
