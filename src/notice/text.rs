//! The text of a message: what happened, to which records, why, and what to do.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use crate::domain::delivery::FailureReason;
use crate::domain::ids::NoticeId;
use crate::domain::notice::NoticeEvent;

/// One notice.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Its number.
    pub id: NoticeId,
    /// The event.
    pub event: NoticeEvent,
    /// The company.
    pub company: Option<String>,
    /// The entity.
    pub entity: Option<String>,
    /// The cause, if the records share one.
    pub cause: Option<String>,
    /// The number of records.
    pub count: i64,
    /// The first of them.
    pub examples: Vec<Example>,
    /// When it was found.
    pub found_at: DateTime<Utc>,
}

/// One of the records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Example {
    /// Its key, or another name of what it is about.
    pub key: String,
    /// The message of the other system.
    pub said: String,
}

/// A message for any channel.
#[derive(Debug, Clone)]
pub struct Message {
    /// Identifies the message; the same whenever the same notices are sent again.
    pub id: String,
    /// The subject, in one line.
    pub subject: String,
    /// The whole text, for people.
    pub text: String,
    /// The same for programs.
    pub json: String,
}

/// Combines notices into one message. `public_url` is the address of the console.
pub fn compose(items: &[Item], public_url: Option<&Url>) -> Message {
    let subject = match items {
        [one] => format!("Tieline: {}", headline(one)),
        many => format!(
            "Tieline: {}",
            many.iter().take(3).map(headline).collect::<Vec<_>>().join("; ") + if many.len() > 3 { "; …" } else { "" }
        ),
    };
    let mut text = String::new();
    for item in items {
        let _ = writeln!(text, "{}", headline(item));
        for example in &item.examples {
            let said = example.said.lines().next().unwrap_or_default();
            let _ = writeln!(text, "  {}{}", example.key, if said.is_empty() { String::new() } else { format!(": {said}") });
        }
        let more = item.count - item.examples.len() as i64;
        // a test of a channel has no examples
        if more > 0 && !item.examples.is_empty() {
            let _ = writeln!(text, "  and {more} more");
        }
        let _ = writeln!(text, "  What to do: {}", item.event.next_step());
        if let Some(link) = link(item, public_url) {
            let _ = writeln!(text, "  {link}");
        }
        let _ = writeln!(text);
    }
    let told = |item: &Item| {
        let mut value = serde_json::to_value(item).unwrap_or_default();
        value["headline"] = headline(item).into();
        value["next_step"] = item.event.next_step().to_string().into();
        value["link"] = link(item, public_url).map(|link| link.to_string()).into();
        value
    };
    let notices: Vec<serde_json::Value> = items.iter().map(told).collect();
    let id = id_of(items);
    let json = serde_json::json!({ "id": id, "subject": subject, "notices": notices }).to_string();
    Message { id, subject, text, json }
}

/// A UUID from the numbers and times of these notices: a receiver recognises a repeated message by it.
fn id_of(items: &[Item]) -> String {
    let mut hasher = Sha256::new();
    for item in items {
        hasher.update(item.id.0.to_be_bytes());
        // another ledger has the same numbers at other times
        hasher.update(item.found_at.timestamp_micros().to_be_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn link(item: &Item, public_url: Option<&Url>) -> Option<Url> {
    public_url.and_then(|url| url.join(item.event.page()).ok())
}

/// `3 records of invoice (company EDU1) were refused`
fn headline(item: &Item) -> String {
    let of = match (&item.entity, &item.company) {
        (Some(entity), Some(company)) => format!(" of {entity} (company {company})"),
        (Some(entity), None) => format!(" of {entity}"),
        _ => String::new(),
    };
    let flow = match (&item.entity, &item.company) {
        (Some(entity), Some(company)) => format!("flow {company}/{entity}"),
        _ => "a flow".to_owned(),
    };
    let (records, were) = if item.count == 1 { ("record", "was") } else { ("records", "were") };
    let count = item.count;
    match item.event {
        NoticeEvent::RecordsFailed => {
            let how = match item.cause.as_deref().and_then(|cause| cause.parse().ok()) {
                Some(FailureReason::Rejected) => format!("{were} refused"),
                Some(FailureReason::Unmapped) => "could not be mapped".to_owned(),
                Some(FailureReason::Unreadable) => "could not be read".to_owned(),
                Some(FailureReason::Poison) => "crashed the mapping twice".to_owned(),
                Some(FailureReason::MissingParent) => {
                    format!("{} for a parent that will not arrive", if item.count == 1 { "waits" } else { "wait" })
                }
                Some(FailureReason::Exhausted) => "failed at the last attempt".to_owned(),
                Some(FailureReason::Downstream | FailureReason::Conflict | FailureReason::OnHold) | None => "failed".to_owned(),
            };
            format!("{count} {records}{of} {how}")
        }
        NoticeEvent::PartialWrite => {
            format!(
                "{count} {records}{of} arrived, and ServiceNow stored another value of {} than Tieline sent",
                item.cause.as_deref().unwrap_or("a field")
            )
        }
        NoticeEvent::DownstreamFailed => format!("{count} {records}{of} arrived and failed in ServiceNow later"),
        NoticeEvent::ConflictsOpened => {
            let (entry, waits) = if count == 1 { ("entry", "waits") } else { ("entries", "wait") };
            format!("{count} {entry}{of} of the conflict list {waits} for a decision")
        }
        NoticeEvent::FlowStopped => format!("Tieline stopped {flow}"),
        NoticeEvent::FlowStale => format!("{flow} has not succeeded for a long time"),
        NoticeEvent::CertificateExpiring => "the certificate of the service expires soon".to_owned(),
        NoticeEvent::KeyExpiring => "an API key expires soon".to_owned(),
        NoticeEvent::TieOutNotTied => "the scheduled tie-out is not tied".to_owned(),
        NoticeEvent::LedgerRestored => "the ledger was restored from a backup".to_owned(),
        NoticeEvent::AuditHead => "a day of the audit was signed".to_owned(),
        NoticeEvent::CloseSuspended => {
            let (period, needs) = if count == 1 { ("period", "needs") } else { ("periods", "need") };
            let company = item.company.as_ref().map(|company| format!(" of company {company}")).unwrap_or_default();
            format!("{count} {period}{company} changed after the signature and {needs} a new one")
        }
        NoticeEvent::ApprovalNeeded => {
            let waits = if count == 1 { "action waits" } else { "actions wait" };
            format!("{count} {waits} for the approval of a second person")
        }
        NoticeEvent::Test => "a test of this channel".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(event: NoticeEvent, count: i64, cause: &str) -> Item {
        let example = Example { key: "0042/INV7".into(), said: "no currency `XXX`\nmore".into() };
        let (company, entity) = (Some("EDU1".into()), Some("invoice".into()));
        Item {
            id: NoticeId(1),
            event,
            company,
            entity,
            cause: Some(cause.into()),
            count,
            examples: vec![example],
            found_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_message_says_what_why_and_what_to_do() {
        let url = Url::parse("https://tieline.example/").unwrap();
        let message = compose(&[item(NoticeEvent::RecordsFailed, 12, "rejected")], Some(&url));
        assert_eq!(message.subject, "Tieline: 12 records of invoice (company EDU1) were refused");
        for words in [
            "  0042/INV7: no currency `XXX`\n",
            "  and 11 more\n",
            "  What to do: look at the failures",
            "  https://tieline.example/failures\n",
        ] {
            assert!(message.text.contains(words), "{words}: {}", message.text);
        }
        let json: serde_json::Value = serde_json::from_str(&message.json).unwrap();
        assert_eq!((json["notices"][0]["count"].as_i64(), json["notices"][0]["event"].as_str()), (Some(12), Some("records_failed")));
        assert_eq!(json["notices"][0]["examples"][0]["key"], "0042/INV7");
    }

    #[test]
    fn several_things_go_into_one_message() {
        let items = [
            item(NoticeEvent::ConflictsOpened, 1, ""),
            item(NoticeEvent::FlowStale, 1, ""),
            item(NoticeEvent::Test, 1, ""),
            item(NoticeEvent::Test, 1, ""),
        ];
        let message = compose(&items, None);
        assert_eq!(
            message.subject,
            "Tieline: 1 entry of invoice (company EDU1) of the conflict list waits for a decision; flow EDU1/invoice has not succeeded for \
             a long time; a test of this channel; …"
        );
        assert_eq!(message.text.matches("What to do").count(), 4);
        assert_eq!(compose(&items, None).id, message.id, "the same notices");
        assert_ne!(compose(&items[..3], None).id, message.id, "others");
    }
}
