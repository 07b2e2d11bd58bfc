//! `tieline notices test`: sends a message on every channel, and shows the results.

use chrono::Utc;
use serde::Serialize;

use super::context::with_ledger;
use super::failure::{Exit, Failure};
use super::{Global, OutputForm, output};
use crate::actors::notifier::credential;
use crate::domain::ids::NoticeId;
use crate::domain::notice::NoticeEvent;
use crate::notice::{Item, Sender, SenderParts, channels, compose};

/// What to do about notices.
#[derive(Debug, clap::Subcommand)]
pub enum NoticesCommand {
    /// Sends a test message on every channel of `[notices]`, and shows the answers
    Test,
}

#[derive(Debug, Serialize)]
struct Line {
    channel: String,
    taken: bool,
    said: String,
}

/// Runs the command.
pub(super) fn notices(global: &Global, command: &NoticesCommand) -> Result<Exit, Failure> {
    let NoticesCommand::Test = command;
    with_ledger(global, async |context| {
        let process = context.process();
        let settings = &process.settings.notices;
        let all = channels(settings);
        if all.is_empty() {
            let text = "there is no channel: set `notices.webhook_urls` or `notices.mail_server`";
            return Err(Failure::new(Exit::Failed, text));
        }
        let parts = SenderParts::read(settings).map_err(|problem| Failure::new(Exit::Configuration, problem))?;
        let sender = Sender::of(&parts);
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
        let mut lines = Vec::new();
        for channel in &all {
            let sent = match credential(&process.credential_store, channel).await {
                Ok(credential) => sender.send(channel, credential.as_ref(), &message).await.map_err(|not| not.text),
                Err(error) => Err(error.to_string().into()),
            };
            let taken = sent.is_ok();
            lines.push(Line { channel: channel.name(), taken, said: sent.unwrap_or_else(|text| text).into() });
        }
        if global.output == OutputForm::Json {
            output::json(&lines)?;
        } else {
            let rows =
                lines.iter().map(|line| vec![line.channel.clone(), if line.taken { "ok" } else { "FAILED" }.to_owned(), line.said.clone()]);
            output::line(&output::table(&["channel", "how it went", "answer"], &[], rows))?;
        }
        Ok(if lines.iter().all(|line| line.taken) { Exit::Done } else { Exit::Failed })
    })
}
