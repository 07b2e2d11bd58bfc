//! `Notifier`: sends people the notices that they asked for.
//!
//! The ledger keeps the events and the position of each channel. An event stays until each channel has sent it or given up, so that a
//! restart neither loses nor repeats a notice, except one whose receiver's answer was lost. Nodes share the work by taking rows. An error
//! here never delays a delivery. Runs on the control arbiter.

use std::time::Duration;

use actix::prelude::*;
use chrono::{TimeDelta, Utc};
use tracing::{info, warn};

use crate::config::settings::{CertificateFiles, NoticeSettings};
use crate::credentials::credential_store::CredentialStore;
use crate::domain::CompanyId;
use crate::domain::chain;
use crate::domain::notice::NoticeEvent;
use crate::net::certificate;
use crate::notice::{Channel, Item, NotTaken, Sender, channels, compose};
use crate::process::Process;
use crate::process::flows::flows_of;
use crate::process::in_force::InForce;
use crate::process::mode::Mode;
use crate::retry::{self, Backoff};
use crate::store::{ActiveCondition, Notice, NoticeRules, SendResult, Store};
use crate::supervision::crash::CrashPoints;
use crate::supervision::stopping::Stopping;
use crate::telemetry::labels::Telling;
use crate::telemetry::metrics::metrics;

/// Time between two checks for notices.
const EVERY: Duration = Duration::from_secs(10);
/// The waits between the attempts of a message.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(30), Duration::from_secs(3600));
/// Attempts of a message before the channel gives it up; about half a day.
const TRIES: i32 = 16;

/// What the Notifier works with.
#[derive(Clone)]
pub struct NotifierParts {
    /// `[notices]`
    pub notices: NoticeSettings,
    /// How many days before its end an API key is notified.
    pub key_notice_days: u32,
    /// The certificate that HTTP is served with, whose end is told beforehand.
    pub certificate: Option<CertificateFiles>,
    /// The companies whose flows are watched.
    pub companies: Vec<CompanyId>,
    /// The definitions whose flows are watched.
    pub definitions: InForce,
    /// The ledger.
    pub store: Store,
    /// The channels' credentials.
    pub credential_store: CredentialStore,
    /// Whether nothing new may start.
    pub stopping: Stopping,
    /// Where a test may let it die.
    pub crash: CrashPoints,
}

impl From<&Process> for NotifierParts {
    fn from(process: &Process) -> Self {
        Self {
            notices: process.settings.notices.clone(),
            key_notice_days: process.settings.sign_in.key_notice_days,
            certificate: process.settings.http.certificate.clone(),
            companies: process.settings.syspro.companies.clone(),
            definitions: process.definitions.clone(),
            store: process.store.clone(),
            credential_store: process.credential_store.clone(),
            stopping: process.stopping.clone(),
            crash: process.crash.clone(),
        }
    }
}

/// Sends notices.
pub struct Notifier {
    parts: NotifierParts,
    sender: Sender,
    mode: Mode,
    outcome: bool,
}

/// Request. Finds and sends the notices that are due; answers when that is done.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NotifyNow;

/// Reminder. Sends, and sets the next reminder.
#[derive(Message)]
#[rtype(result = "()")]
struct TellDue;

impl Notifier {
    /// At rest. In a service it tells by itself, and not only when asked.
    pub fn new(parts: NotifierParts, sender: Sender, mode: Mode) -> Self {
        Self { parts, sender, mode, outcome: false }
    }

    fn tell(&mut self) -> impl ActorFuture<Self, Output = ()> + 'static {
        let begins = !std::mem::replace(&mut self.outcome, true);
        let (parts, sender) = (self.parts.clone(), self.sender.clone());
        async move {
            if begins {
                tell(&parts, &sender).await;
            }
            begins
        }
        .into_actor(self)
        .map(|began, this, _| {
            if began {
                this.outcome = false;
            }
        })
    }
}

impl Actor for Notifier {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.outcome = false;
        if self.mode.is_service() {
            ctx.notify_later(TellDue, EVERY);
        }
    }
}

impl Supervised for Notifier {}

impl Handler<NotifyNow> for Notifier {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: NotifyNow, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.tell())
    }
}

impl Handler<TellDue> for Notifier {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: TellDue, _: &mut Self::Context) -> Self::Result {
        // set after the work, so that runs never overlap
        Box::pin(self.tell().map(|(), _, ctx| {
            ctx.notify_later(TellDue, EVERY);
        }))
    }
}

async fn tell(parts: &NotifierParts, sender: &Sender) {
    let settings = &parts.notices;
    let all = channels(settings);
    let rules = NoticeRules {
        events: settings.events.clone(),
        channels: all.iter().map(Channel::name).collect(),
        stale_hours: settings.stale_hours,
        key_notice_days: parts.key_notice_days,
        flows: flows_of(&parts.companies, &parts.definitions.now()),
    };
    if let Err(error) = parts.store.notice_collect(rules, active_conditions(parts).await).await {
        return warn!(error = %chain(&error), "new notices could not be read; Tieline retries");
    }
    for channel in &all {
        if let Err(error) = through(parts, sender, channel).await {
            warn!(channel = channel.name(), error, "a notice could not be sent; Tieline retries");
        }
    }
}

/// Conditions that hold now and are not in the ledger. Files are read on a thread that may block; on this one, all others would wait for
/// the disk.
async fn active_conditions(parts: &NotifierParts) -> Vec<ActiveCondition> {
    let Some(files) = parts.certificate.clone() else { return Vec::new() };
    let soon = TimeDelta::days(i64::from(parts.notices.certificate_days));
    // nothing there panics; if it did, there would be no notice
    tokio::task::spawn_blocking(move || expiring(&files, soon)).await.ok().flatten().into_iter().collect()
}

/// A certificate that expires within this time or cannot be used.
fn expiring(files: &CertificateFiles, soon: TimeDelta) -> Option<ActiveCondition> {
    let said = match certificate::load(files) {
        Ok(pair) if pair.expires - Utc::now() > soon => return None,
        Ok(pair) => format!("`{}` expires at {}", pair.subject, pair.expires.format("%Y-%m-%d %H:%M:%SZ")),
        Err(error) => error.to_string(),
    };
    Some(ActiveCondition { event: NoticeEvent::CertificateExpiring, subject: files.certificate.display().to_string(), said })
}

/// Sends what is due for one channel.
async fn through(parts: &NotifierParts, sender: &Sender, channel: &Channel) -> Result<(), String> {
    let (settings, name) = (&parts.notices, channel.name());
    while !parts.stopping.has_begun() {
        let taken = parts.store.notice_take(name.clone(), settings.max_per_hour, settings.digest_minutes).await;
        let notices = taken.map_err(|error| chain(&error))?;
        let Some(tries) = notices.iter().map(|notice| notice.tries).max() else { return Ok(()) };
        let ids = notices.iter().map(|notice| notice.id).collect();
        let message = compose(&notices.into_iter().map(item).collect::<Vec<_>>(), settings.public_url.as_ref());
        parts.crash.at("notifier:before_send", &name);
        let sent = match channel.credential(&parts.credential_store).await {
            Ok(credential) => sender.send(channel, credential.as_ref(), &message).await,
            Err(error) => Err(NotTaken { text: error.to_string().into(), permanent: false }),
        };
        parts.crash.at("notifier:after_send", &name);
        let (result, outcome) = match sent {
            Ok(said) => (SendResult::Sent(said.into()), Telling::Sent),
            Err(not) if not.permanent || tries >= TRIES => (SendResult::Failed(not.text.into()), Telling::Failed),
            Err(not) => {
                let wait = retry::delay(u32::try_from(tries).unwrap_or(1), BACKOFF);
                (SendResult::Again(not.text.into(), wait), Telling::Again)
            }
        };
        metrics().service.notified(channel.kind(), outcome);
        match &result {
            SendResult::Sent(said) => info!(channel = name, subject = message.subject, said, "a notice was sent"),
            SendResult::Again(said, _) => {
                warn!(channel = name, subject = message.subject, said, "a notice could not be sent; Tieline retries")
            }
            SendResult::Failed(said) => {
                warn!(
                    channel = name,
                    subject = message.subject,
                    said,
                    "a notice could not be sent; this channel does not retry it any more"
                )
            }
        }
        parts.store.notice_sent(name.clone(), ids, result).await.map_err(|error| chain(&error))?;
    }
    Ok(())
}

fn item(notice: Notice) -> Item {
    let Notice { id, event, company, entity, cause, count, examples, found_at, .. } = notice;
    Item { id, event, company, entity, cause, count, examples: serde_json::from_str(&examples).unwrap_or_default(), found_at }
}
