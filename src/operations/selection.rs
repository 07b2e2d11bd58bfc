//! What a person may select: records by their keys, entries of a list by their numbers.

use super::{Class, Interface};
use crate::domain::delivery::FailureReason;
use crate::domain::word::{self, Unknown};

/// The most records, or entries of a list, that one request can name one by one. They are changed in one transaction and written to one
/// audit row, and the keys of this many records fit into a request's body.
pub const MOST_NAMED: usize = 1000;

/// The largest number of records that `allow` can state.
const MOST_ALLOWED: i64 = 1_000_000_000;

/// What is wrong with a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrongSelection {
    /// A limit without a value, by its name: it must not mean all records.
    Empty(&'static str),
    /// A list of records without any: it must not mean all records.
    NoKeys,
    /// A zero byte, which the ledger cannot store.
    ZeroByte,
    /// There is no such reason of a failure.
    Reason(Unknown),
    /// More records than one request can name; holds their number.
    TooManyKeys(usize),
    /// No record, or more than one request can hold or release; holds their number.
    HeldKeys(usize),
    /// No entry, or more than one request can decide; holds their number.
    Entries(usize),
    /// Records are named without a company and an entity.
    KeysOfNoFlow,
    /// A number of records to send is stated for something else than `outdated`.
    AllowAlone,
    /// That number is negative or too large.
    AllowBeyond,
}

impl WrongSelection {
    /// The kind of the refusal.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::KeysOfNoFlow | Self::AllowAlone => Class::Senseless,
            Self::Empty(_)
            | Self::NoKeys
            | Self::ZeroByte
            | Self::Reason(_)
            | Self::TooManyKeys(_)
            | Self::HeldKeys(_)
            | Self::Entries(_)
            | Self::AllowBeyond => Class::Malformed,
        }
    }

    /// What is wrong.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Empty(name) => format!("`{name}` is empty"),
            Self::NoKeys => "`keys` names no record".into(),
            Self::ZeroByte => "a name contains a zero byte".into(),
            Self::Reason(unknown) => unknown.detail(),
            Self::TooManyKeys(named) => format!("`keys` names {named} records, more than {MOST_NAMED}"),
            Self::HeldKeys(named) => format!("`keys` must name 1 to {MOST_NAMED} records, got {named}"),
            Self::Entries(named) => format!("`ids` must name 1 to {MOST_NAMED} entries, got {named}"),
            Self::KeysOfNoFlow => "`keys` alone could be records of several flows".into(),
            Self::AllowAlone => "`allow` belongs to `outdated`".into(),
            Self::AllowBeyond => format!("`allow` is below 0 or above {MOST_ALLOWED}"),
        }
    }

    /// What to do, for this interface.
    pub(super) fn next_step(&self, on: Interface) -> String {
        let one_of = |http: &str, console: &str, cli: &str| match on {
            Interface::Http => http.to_owned(),
            Interface::Console => console.to_owned(),
            Interface::Cli => cli.to_owned(),
        };
        match self {
            Self::Empty(_) => "leave it out, or say which".into(),
            Self::NoKeys => "leave it out for every record that the rest of the request names".into(),
            Self::ZeroByte => "send text".into(),
            Self::Reason(unknown) => format!("send one of {}", unknown.choices()),
            Self::TooManyKeys(_) => "send them in several requests, or say what they have in common".into(),
            Self::HeldKeys(_) => one_of("`GET /api/v1/records` lists them", "the records page lists them", "name them in several commands"),
            Self::Entries(_) => one_of("`GET /api/v1/conflicts` lists them", "choose fewer of them", "`tieline conflicts list` lists them"),
            Self::KeysOfNoFlow => "name `company` and `entity` beside them".into(),
            Self::AllowAlone => one_of("leave it out, or send \"outdated\": true", "leave it out", "leave it out, or add --outdated"),
            Self::AllowBeyond => "say how many records may be sent".into(),
        }
    }
}

/// Checks that one request may name so many.
///
/// # Errors
/// What `wrong` makes of another number.
pub(super) fn named(count: usize, wrong: fn(usize) -> WrongSelection) -> Result<(), WrongSelection> {
    if (1..=MOST_NAMED).contains(&count) { Ok(()) } else { Err(wrong(count)) }
}

/// Checks that the ledger can store these names.
///
/// # Errors
/// [`WrongSelection::ZeroByte`].
pub(super) fn storable<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<(), WrongSelection> {
    if names.into_iter().any(|name| name.contains('\0')) { Err(WrongSelection::ZeroByte) } else { Ok(()) }
}

/// Checks the reason of a failure.
///
/// # Errors
/// [`WrongSelection::Reason`].
pub(super) fn reason(text: &str) -> Result<(), WrongSelection> {
    word::check("reason", text, FailureReason::WORDS.iter().copied()).map_err(WrongSelection::Reason)
}

/// Checks how many records may be sent.
///
/// # Errors
/// [`WrongSelection::AllowAlone`], [`WrongSelection::AllowBeyond`].
pub(super) fn allowed(allow: Option<i64>, outdated: bool) -> Result<(), WrongSelection> {
    match allow {
        Some(_) if !outdated => Err(WrongSelection::AllowAlone),
        Some(most) if !(0..=MOST_ALLOWED).contains(&most) => Err(WrongSelection::AllowBeyond),
        _ => Ok(()),
    }
}
