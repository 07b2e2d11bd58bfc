//! The state of a document and the reason, in one sentence: the same in every interface.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::delivery::{DownstreamState, FailureReason, PartState};

/// One target record of a document, with its newest delivery.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// `header` or the child's name.
    pub block: &'a str,
    /// The line's key.
    pub record_key: &'a str,
    /// One of the words of [`PartState`].
    pub state: &'a str,
    /// Why it failed, waits or is on hold.
    pub reason: Option<&'a str>,
    /// The message of the other system.
    pub message: Option<&'a str>,
    /// The next attempt or look-up.
    pub not_before: Option<DateTime<Utc>>,
    /// When it was last confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// It waits for a parent that, as a whole read has shown, will not arrive.
    pub absent: bool,
    /// The table of its row.
    pub table: Option<&'a str>,
    /// Whether the current definition no longer writes that table.
    pub former: bool,
    /// Whether the last delivery marked it as gone.
    pub marked: bool,
    /// The state in ServiceNow, where it is tracked (`open`, `done`, `failed`, `unknown`), and ServiceNow's words.
    pub downstream: Option<(&'a str, Option<&'a str>)>,
}

/// What prevents due records from being sent at present, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Nothing.
    Freely,
    /// ServiceNow asked for a pause.
    PausedUntil(DateTime<Utc>),
    /// Nothing succeeded for a while.
    Blocked,
    /// No service has a recent heartbeat.
    Nobody,
}

/// The definition under which the delivered content was mapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mapped {
    /// The one in force, or one without a difference that matters here.
    #[default]
    InForce,
    /// The newest version differs only because of the definition, and was not sent.
    Kept,
    /// One that sent it to another table.
    Elsewhere,
    /// Another one, to the same tables.
    Outdated,
}

/// A field that may change on both sides, differs, and waits for a person's decision.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Differing {
    /// The field in ServiceNow; `@row` for the whole row.
    pub field: String,
    /// SYSPRO's value; for a whole row its text in the conflict list.
    pub syspro: String,
    /// ServiceNow's.
    pub servicenow: String,
}

/// What is known of a document: the input of [`explain`].
#[derive(Debug, Clone, Copy)]
pub struct RecordFacts<'a> {
    /// When its newest version was read; `None`: never.
    pub read_at: Option<DateTime<Utc>>,
    /// The number of the newest version.
    pub versions: i32,
    /// Whether SYSPRO no longer has it.
    pub deleted: bool,
    /// The definition under which it was mapped.
    pub mapped: Mapped,
    /// Whether a person paused its flow.
    pub paused: bool,
    /// Why Tieline stopped its flow.
    pub stopped: Option<&'a str>,
    /// What prevents all records from being sent.
    pub sending: Sending,
    /// Who holds it, and why.
    pub hold: Option<(&'a str, &'a str)>,
    /// Its open conflicts.
    pub conflicts: &'a [Differing],
    /// Its records.
    pub parts: &'a [Part<'a>],
}

/// The sentence. What needs a person comes first, then what needs time, then what is done.
pub fn explain(facts: &RecordFacts<'_>) -> String {
    let Some(read_at) = facts.read_at else { return "never read from SYSPRO".to_owned() };
    let sentence = if let Some(part) = of(facts, PartState::Failed).next() {
        let why = match part.reason.and_then(|reason| reason.parse().ok()) {
            Some(FailureReason::Rejected) => "it was refused",
            Some(FailureReason::Unmapped) => "it could not be mapped",
            Some(FailureReason::Unreadable) => "it could not be read",
            Some(FailureReason::Poison) => "it crashed the mapping twice",
            Some(FailureReason::Exhausted) => "all attempts failed",
            Some(FailureReason::Downstream) => "it arrived, and failed in ServiceNow later",
            Some(FailureReason::Conflict) => "its row in ServiceNow belongs to another record, or it has two rows",
            Some(FailureReason::MissingParent | FailureReason::OnHold) | None => "it needs a person",
        };
        format!("failed: {why}{}{}", words(part), others(part, of(facts, PartState::Failed).count()))
    } else if let Some(part) = of(facts, PartState::OnHold).next() {
        format!("on hold: a person holds it{}{}", words(part), others(part, of(facts, PartState::OnHold).count()))
    } else if let Some(part) = of(facts, PartState::Unknown).next() {
        let until = part.not_before.map(|at| format!("; Tieline looks it up again at {}", instant(at))).unwrap_or_default();
        format!(
            "unknown: it was sent, and Tieline does not know whether it arrived{}{until}",
            others(part, of(facts, PartState::Unknown).count())
        )
    } else if let Some(part) = of(facts, PartState::Waiting).next() {
        let others = others(part, of(facts, PartState::Waiting).count());
        match (part.absent, facts.hold) {
            (true, _) => format!("waiting for a parent that will not arrive{}{others}", words(part)),
            // the person who holds it decides when it is sent
            (false, Some(_)) => format!("waiting for a parent{}{others}", words(part)),
            (false, None) => format!("waiting for a parent{}{others}; Tieline sends it automatically once that is delivered", words(part)),
        }
    } else if let Some(part) = of(facts, PartState::Retrying).next() {
        let (at, message) = (part.not_before.map(instant), part.message.unwrap_or_default());
        let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
        format!("retrying: Tieline sends it again{at}; the last attempt failed: {message}{}", kept(facts.sending))
    } else if of(facts, PartState::Sending).next().is_some() {
        "sending: Tieline is sending it to ServiceNow".to_owned()
    } else if of(facts, PartState::Queued).next().is_some() {
        format!("queued{}", kept(facts.sending))
    } else if let Some((first, further)) = facts.conflicts.split_first() {
        in_conflict(facts, first, further.len())
    } else {
        let last = facts.parts.iter().filter(|part| !part.former).filter_map(|part| part.confirmed_at).max();
        let left = tables(facts, |part| part.former);
        match (facts.deleted, last) {
            (true, Some(at)) if at >= read_at => format!("gone from SYSPRO, and marked so in ServiceNow at {}", instant(at)),
            (true, Some(_)) if facts.mapped != Mapped::InForce => format!(
                "gone from SYSPRO since the reading at {}; ServiceNow has it in {} as it was last sent, not marked: the definition in force then did not \
                 mark it. {MARKS}",
                instant(read_at),
                tables(facts, |part| !part.former)
            ),
            (true, Some(_)) => {
                format!("gone from SYSPRO since the reading at {}; its definition does not change the row in ServiceNow", instant(read_at))
            }
            (true, None) if !left.is_empty() => gone_elsewhere(facts, read_at, &left),
            (true, None) => format!("gone from SYSPRO since the reading at {}; ServiceNow never had it", instant(read_at)),
            (false, Some(at)) => {
                let (at, later, version) = (instant(at), later(facts), facts.versions);
                match facts.mapped {
                    Mapped::InForce | Mapped::Outdated => {
                        format!("delivered at {at}, and unchanged in SYSPRO since version {version}{later}")
                    }
                    Mapped::Kept => format!(
                        "delivered at {at}, without version {version}: that version differs only because the definition changed, and it \
                         was not sent; {SENDS}{later}"
                    ),
                    Mapped::Elsewhere => format!(
                        "delivered at {at} to another table, under a former definition; the table of the definition in force does not have that version: \
                         {SENDS}{later}"
                    ),
                }
            }
            (false, None) if !left.is_empty() => format!(
                "read at {}; the tables of the current definition do not have it, and {left} has it as it was last sent",
                instant(read_at)
            ),
            (false, None) if of(facts, PartState::Superseded).next().is_some() => {
                format!(
                    "read at {}, and never delivered: its deliveries were dropped or replaced; the history says when and by whom",
                    instant(read_at)
                )
            }
            (false, None) => format!("read at {}, and its definition sends nothing for it", instant(read_at)),
        }
    };
    let sentence = format!("{sentence}{}", left_behind(facts));
    let on_hold = of(facts, PartState::OnHold).next().is_some();
    let sentence = match facts.hold {
        Some((who, why)) if !on_hold => {
            format!("{sentence}; on hold by {who}: Tieline sends nothing of it until somebody releases it: {why}")
        }
        _ => sentence,
    };
    let done = facts.parts.iter().all(|part| [PartState::Delivered, PartState::Superseded].map(PartState::as_str).contains(&part.state));
    match (facts.stopped, facts.paused) {
        (Some(why), _) => format!("{sentence}; its flow is stopped: {why}"),
        (None, true) if done => format!("{sentence}; its flow is paused, and later changes are not read"),
        (None, true) => format!("{sentence}; its flow is paused"),
        (None, false) => sentence,
    }
}

/// The command that marks gone records where the definition in force asks for it.
const MARKS: &str = "`tieline replay --outdated --why …` compares it with the definition in force, and marks it if the definition requires \
     it";

/// A record with nothing outstanding but a decision.
fn in_conflict(facts: &RecordFacts<'_>, first: &Differing, further: usize) -> String {
    let last = facts.parts.iter().filter_map(|part| part.confirmed_at).max();
    let last = last.map_or_else(|| "never sent by Tieline".to_owned(), |at| format!("last delivered at {}", instant(at)));
    let what = match first.field.as_str() {
        "@row" => format!("its row: SYSPRO has {}, ServiceNow {}", shown(&first.syspro), shown(&first.servicenow)),
        field => format!("`{field}`: SYSPRO has {}, ServiceNow {}", shown(&first.syspro), shown(&first.servicenow)),
    };
    let more = if further > 0 { format!(", and {further} more") } else { String::new() };
    format!(
        "in conflict, {last}: {what}{more}; ServiceNow keeps what it has until somebody decides (`tieline conflicts list`, `tieline conflicts resolve`)"
    )
}

fn shown(value: &str) -> String {
    if value.is_empty() { "nothing".to_owned() } else { format!("`{value}`") }
}

/// The tables of some of the parts, each once.
fn tables(facts: &RecordFacts<'_>, of: impl Fn(&Part<'_>) -> bool) -> String {
    let parts = facts.parts.iter().filter(|part| part.confirmed_at.is_some() && of(part));
    let names: BTreeSet<&str> = parts.filter_map(|part| part.table).collect();
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// A document that is gone and has rows only in former tables.
fn gone_elsewhere(facts: &RecordFacts<'_>, read_at: DateTime<Utc>, left: &str) -> String {
    let former = || facts.parts.iter().filter(|part| part.former);
    let marked = former().filter(|part| part.marked).filter_map(|part| part.confirmed_at).max();
    match (marked, facts.mapped) {
        (Some(at), _) => {
            format!("gone from SYSPRO, and marked so in {left} at {}; its definition does not write there any more", instant(at))
        }
        (None, Mapped::InForce) => format!(
            "gone from SYSPRO since the reading at {}; ServiceNow has it in {left} as it was last sent, not marked: the definition in force does not \
             write there",
            instant(read_at)
        ),
        (None, _) => format!(
            "gone from SYSPRO since the reading at {}; ServiceNow has it in {left} as it was last sent, not marked: the definition in force then did not \
             write there. {MARKS}",
            instant(read_at)
        ),
    }
}

/// A document that SYSPRO has: parts with rows only in former tables.
fn left_behind(facts: &RecordFacts<'_>) -> String {
    let left: Vec<&Part<'_>> = facts.parts.iter().filter(|part| part.former && !part.marked && !part.record_key.is_empty()).collect();
    let Some(first) = left.first().filter(|_| !facts.deleted) else { return String::new() };
    let count = if left.len() == 1 { String::new() } else { format!(" and {} more", left.len() - 1) };
    let then = if facts.mapped == Mapped::InForce { String::new() } else { format!(". {MARKS}") };
    format!(
        "; ServiceNow still has {} `{}`{count} in {} as last sent: the definition that mapped this record does not write there, so later \
         changes and deletions in SYSPRO are not marked there{then}",
        first.block,
        first.record_key,
        tables(facts, |part| part.former && !part.marked && !part.record_key.is_empty())
    )
}

/// The command that sends records mapped under another definition.
const SENDS: &str = "`tieline replay --outdated --why …` sends it";

fn of<'a>(facts: &RecordFacts<'a>, state: PartState) -> impl Iterator<Item = &'a Part<'a>> {
    facts.parts.iter().filter(move |part| part.state == state.as_str())
}

/// The state in ServiceNow of what was delivered, where it is tracked.
fn later(facts: &RecordFacts<'_>) -> String {
    let seen = |state: DownstreamState| facts.parts.iter().filter_map(|part| part.downstream).find(|(now, _)| *now == state.as_str());
    match (seen(DownstreamState::Unknown), seen(DownstreamState::Open), seen(DownstreamState::Done)) {
        (Some((_, said)), ..) => format!("; its later state in ServiceNow is unknown: {}", said.unwrap_or_default()),
        (None, Some(_), _) => "; ServiceNow has not finished with it yet".to_owned(),
        (None, None, Some(_)) => "; ServiceNow has finished with it".to_owned(),
        (None, None, None) => String::new(),
    }
}

/// What prevents it from being sent, after a semicolon.
fn kept(sending: Sending) -> String {
    match sending {
        Sending::Freely => String::new(),
        Sending::PausedUntil(at) => format!("; ServiceNow limits the rate: nothing is sent before {}", instant(at)),
        Sending::Blocked => "; nothing is sent to ServiceNow at present, because several batches failed; Tieline retries".to_owned(),
        Sending::Nobody => "; no service is running: `tieline run`, or the next `tieline sync`, sends it".to_owned(),
    }
}

/// The message, after a colon.
fn words(part: &Part<'_>) -> String {
    part.message.map(|message| format!(": {message}")).unwrap_or_default()
}

/// The sentence about a placeholder for a row, once it is gone.
pub fn explain_row(read_at: DateTime<Utc>) -> String {
    format!(
        "no record: it was a placeholder for a row whose key could not be read, and the whole read at {} no longer returned such a row",
        instant(read_at)
    )
}

/// The part that the sentence is about, if not the whole document, and how many more have the same state.
fn others(part: &Part<'_>, count: usize) -> String {
    let which = if part.record_key.is_empty() { String::new() } else { format!(" ({} `{}`)", part.block, part.record_key) };
    let more = if count > 1 { format!(", and {} more of its records", count - 1) } else { String::new() };
    which + &more
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn part(state: &'static str) -> Part<'static> {
        Part {
            block: "header",
            record_key: "",
            state,
            reason: None,
            message: None,
            not_before: None,
            confirmed_at: None,
            absent: false,
            table: None,
            former: false,
            marked: false,
            downstream: None,
        }
    }

    fn say(parts: &[Part<'_>]) -> String {
        explain(&RecordFacts {
            read_at: Some(AT),
            versions: 3,
            deleted: false,
            mapped: Mapped::InForce,
            paused: false,
            stopped: None,
            sending: Sending::Freely,
            hold: None,
            conflicts: &[],
            parts,
        })
    }

    #[test]
    fn what_is_done_says_when() {
        let done = [Part { confirmed_at: Some(AT), ..part("delivered") }];
        assert_eq!(say(&done), "delivered at 1970-01-01 00:00:00Z, and unchanged in SYSPRO since version 3");
        let base = RecordFacts {
            read_at: Some(AT),
            versions: 3,
            deleted: true,
            mapped: Mapped::InForce,
            paused: false,
            stopped: None,
            sending: Sending::Freely,
            hold: None,
            conflicts: &[],
            parts: &done,
        };
        assert_eq!(explain(&base), "gone from SYSPRO, and marked so in ServiceNow at 1970-01-01 00:00:00Z");
        assert!(explain(&RecordFacts { parts: &[], ..base }).contains("ServiceNow never had it"));
        assert!(
            explain(&RecordFacts { deleted: false, paused: true, ..base }).ends_with("its flow is paused, and later changes are not read")
        );
        let mapped = |mapped| explain(&RecordFacts { deleted: false, mapped, ..base });
        let kept = mapped(Mapped::Kept);
        assert!(kept.contains("without version 3") && kept.contains("was not sent; `tieline replay --outdated"), "{kept}");
        let elsewhere = mapped(Mapped::Elsewhere);
        assert!(
            elsewhere.contains("to another table, under a former definition") && elsewhere.contains("replay --outdated"),
            "{elsewhere}"
        );
        assert_eq!(explain(&RecordFacts { read_at: None, ..base }), "never read from SYSPRO");
        assert_eq!(say(&[]), "read at 1970-01-01 00:00:00Z, and its definition sends nothing for it");
        let dropped = say(&[part("superseded")]);
        assert!(dropped.contains("never delivered") && !dropped.contains("sends nothing for it"), "{dropped}");
        let held = explain(&RecordFacts { deleted: false, hold: Some(("key ap", "in dispute")), ..base });
        assert!(
            held.ends_with("version 3; on hold by key ap: Tieline sends nothing of it until somebody releases it: in dispute"),
            "{held}"
        );
        let message = Some("held by key ap: in dispute");
        let on_hold = [Part { reason: Some("on_hold"), message, ..part("on_hold") }];
        let on_hold = explain(&RecordFacts { hold: Some(("key ap", "in dispute")), parts: &on_hold, ..base });
        assert_eq!(on_hold, "on hold: a person holds it: held by key ap: in dispute");
    }

    #[test]
    fn what_is_gone_and_not_marked_says_where_it_is_and_why() {
        let says = |mapped, deleted, part: Part<'_>| {
            explain(&RecordFacts {
                read_at: Some(AT + chrono::TimeDelta::seconds(9)),
                versions: 3,
                deleted,
                mapped,
                paused: false,
                stopped: None,
                sending: Sending::Freely,
                hold: None,
                conflicts: &[],
                parts: &[part],
            })
        };
        let here = Part { confirmed_at: Some(AT), table: Some("x_new"), ..part("delivered") };
        let left = Part { former: true, table: Some("x_old"), ..here };
        assert!(says(Mapped::InForce, true, here).contains("its definition does not change the row in ServiceNow"));
        let said = says(Mapped::Outdated, true, here);
        assert!(said.contains("ServiceNow has it in `x_new` as it was last sent, not marked") && said.contains(MARKS), "{said}");
        let said = says(Mapped::InForce, true, left);
        assert!(said.ends_with("in `x_old` as it was last sent, not marked: the definition in force does not write there"), "{said}");
        for mapped in [Mapped::Outdated, Mapped::Elsewhere] {
            let said = says(mapped, true, left);
            assert!(said.contains("`x_old`") && said.contains("not marked") && said.ends_with(MARKS), "{said}");
        }
        let said = says(Mapped::InForce, true, Part { marked: true, ..left });
        assert!(said.starts_with("gone from SYSPRO, and marked so in `x_old` at 1970-01-01 00:00:00Z"), "{said}");
        let said = says(Mapped::InForce, false, left);
        assert!(said.contains("the tables of the current definition do not have it, and `x_old` has it"), "{said}");
        let line = Part { block: "lines", record_key: "7/1", ..left };
        let said = says(Mapped::InForce, false, line);
        assert!(said.contains("ServiceNow still has lines `7/1` in `x_old` as last sent"), "{said}");
        assert!(!says(Mapped::InForce, false, Part { marked: true, ..line }).contains("still has"));
    }

    #[test]
    fn what_servicenow_did_later_is_said_too() {
        let done = |downstream| say(&[Part { confirmed_at: Some(AT), downstream, ..part("delivered") }]);
        assert!(done(Some(("open", None))).ends_with("; ServiceNow has not finished with it yet"));
        assert!(done(Some(("unknown", Some("the row is gone")))).ends_with("is unknown: the row is gone"));
        let failed = Part { reason: Some("downstream"), message: Some("no such vendor"), ..part("failed") };
        assert_eq!(say(&[failed]), "failed: it arrived, and failed in ServiceNow later: no such vendor");
    }

    #[test]
    fn what_needs_a_person_comes_first() {
        let refused = Part { reason: Some("rejected"), message: Some("no currency `XXX`"), ..part("failed") };
        let line = Part { block: "lines", record_key: "7/1", ..refused };
        let parent = Part { reason: Some("missing_parent"), message: Some("supplier `0042`"), ..part("waiting") };
        let doubt = Part { not_before: Some(AT), ..part("unknown") };
        assert_eq!(say(&[part("delivered"), doubt, parent, refused]), "failed: it was refused: no currency `XXX`");
        assert_eq!(say(&[line, refused]), "failed: it was refused: no currency `XXX` (lines `7/1`), and 1 more of its records");
        assert_eq!(
            say(&[parent, doubt]),
            "unknown: it was sent, and Tieline does not know whether it arrived; Tieline looks it up again at 1970-01-01 00:00:00Z"
        );
        assert_eq!(say(&[parent]), "waiting for a parent: supplier `0042`; Tieline sends it automatically once that is delivered");
        let gone = Part { absent: true, message: Some("supplier `0042`, which is not in SYSPRO"), ..parent };
        assert_eq!(say(&[gone]), "waiting for a parent that will not arrive: supplier `0042`, which is not in SYSPRO");
    }

    #[test]
    fn what_needs_time_says_what_it_waits_for() {
        assert_eq!(say(&[part("queued"), part("sending")]), "sending: Tieline is sending it to ServiceNow");
        assert_eq!(say(&[part("queued")]), "queued");
        let again = Part { message: Some("503"), not_before: Some(AT), ..part("retrying") };
        assert_eq!(say(&[again]), "retrying: Tieline sends it again at 1970-01-01 00:00:00Z; the last attempt failed: 503");
        let parts = [part("queued")];
        let base = RecordFacts {
            read_at: Some(AT),
            versions: 1,
            deleted: false,
            mapped: Mapped::InForce,
            paused: true,
            stopped: None,
            sending: Sending::Freely,
            hold: None,
            conflicts: &[],
            parts: &parts,
        };
        assert_eq!(explain(&base), "queued; its flow is paused");
        let when = |sending| explain(&RecordFacts { sending, paused: false, ..base });
        assert_eq!(when(Sending::Freely), "queued");
        let limited = "queued; ServiceNow limits the rate: nothing is sent before 1970-01-01 00:00:00Z";
        assert_eq!(when(Sending::PausedUntil(AT)), limited);
        assert!(when(Sending::Blocked).contains("nothing is sent to ServiceNow"));
        assert!(when(Sending::Nobody).contains("no service is running"));
        let stopped = RecordFacts { stopped: Some("a column is gone"), ..base };
        assert_eq!(explain(&stopped), "queued; its flow is stopped: a column is gone");
    }
}
