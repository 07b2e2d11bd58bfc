//! Sends a test message on every channel.

use chrono::Utc;
use serde_json::json;

use crate::domain::audit::AuditKind;
use crate::domain::chain;
use crate::domain::ids::NoticeId;
use crate::domain::notice::NoticeEvent;
use crate::notice::{Item, Sender, SenderParts, channels, compose};
use crate::process::Process;
use crate::redact::Quoted;
use crate::store::NewAudit;

/// What became of the message of one channel.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The channel.
    pub channel: String,
    /// The receiver's answer; `Err`: why it was not accepted.
    pub result: Result<Quoted, Quoted>,
}

/// Why nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTested {
    /// Nobody is notified.
    #[error("there is no channel: set `notices.webhook_urls` or `notices.mail_server`")]
    NoChannel,
    /// The certificate authorities' file cannot be used.
    #[error("{0}")]
    Certificates(String),
    /// The test is not in the audit.
    #[error("the test was made, and the ledger did not take its event: {0}")]
    Ledger(String),
}

/// Sends it, on one channel after another. `by`: who asked for it, for the audit.
///
/// # Errors
/// [`NotTested`].
pub async fn test(process: &Process, by: String) -> Result<Vec<Tested>, NotTested> {
    let settings = &process.settings.notices;
    let all = channels(settings);
    if all.is_empty() {
        return Err(NotTested::NoChannel);
    }
    let sender = Sender::of(&SenderParts::read(settings).map_err(NotTested::Certificates)?);
    let item = Item {
        id: NoticeId(0),
        event: NoticeEvent::Test,
        company: None,
        entity: None,
        cause: None,
        count: 1,
        examples: Vec::new(),
        found_at: Utc::now(),
    };
    let message = compose(&[item], settings.public_url.as_ref());
    let mut tested = Vec::new();
    for channel in &all {
        let result = match channel.credential(&process.credential_store).await {
            Ok(credential) => sender.send(channel, credential.as_ref(), &message).await.map_err(|not| not.text),
            Err(error) => Err(error.to_string().into()),
        };
        tested.push(Tested { channel: channel.name(), result });
    }
    let channels: Vec<_> = tested.iter().map(|one| json!({ "channel": one.channel, "accepted": one.result.is_ok() })).collect();
    let event = NewAudit::of(AuditKind::Action).detail(&json!({ "action": "notices test", "channels": channels }));
    process.store.audit_write(NewAudit { actor: by, ..event }).await.map_err(|error| NotTested::Ledger(chain(&error)))?;
    Ok(tested)
}
