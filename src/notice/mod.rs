//! Telling people: what a message says, and the channels on which it goes. Whom to tell what, and when, is decided elsewhere.

mod mail;
mod text;
mod webhook;

use url::Url;

use crate::config::secret::Credential;
use crate::config::settings::{Connection, MailSettings, NoticeSettings};
use crate::net::{HttpClient, host_of};
use crate::telemetry::labels::{ChannelKind, System};

pub use text::{Item, Message, compose};

/// Where a message goes.
#[derive(Debug, Clone)]
pub enum Channel {
    /// It is posted to an address, signed.
    Webhook(Url),
    /// It is mailed.
    Mail(MailSettings),
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct NotTaken {
    /// What was tried, and what the receiver said. Never an address' path, a password or a signature.
    pub text: String,
    /// Trying again does not help.
    pub permanent: bool,
}

/// The channels of the settings.
pub fn channels(settings: &NoticeSettings) -> Vec<Channel> {
    settings.webhooks.iter().cloned().map(Channel::Webhook).chain(settings.mail.clone().map(Channel::Mail)).collect()
}

impl Channel {
    /// Its name in the ledger: its kind and host, for a path may hold a token.
    pub fn name(&self) -> String {
        match self {
            Self::Webhook(url) => format!("webhook {}", host_of(url)),
            Self::Mail(mail) => format!("mail {}:{}", mail.host, mail.port),
        }
    }

    /// Its kind, as a label.
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook(_) => ChannelKind::Webhook,
            Self::Mail(_) => ChannelKind::Mail,
        }
    }
}

/// Sends messages.
#[derive(Clone)]
pub struct Sender {
    http: HttpClient,
}

impl Sender {
    /// A sender by the settings.
    ///
    /// # Errors
    /// In words, when the client cannot be made: the certificate authorities' file cannot be read.
    pub fn new(settings: &NoticeSettings) -> Result<Self, String> {
        let patience = std::time::Duration::from_secs(20);
        let connection = Connection {
            ca_file: settings.ca_file.clone(),
            connect_timeout: patience / 2,
            request_timeout: patience,
            body_timeout: patience,
            body_limit: 1 << 16,
            connections: 2,
            ..Connection::default()
        };
        Ok(Self { http: HttpClient::new(System::Notices, &connection).map_err(|error| error.to_string())? })
    }

    /// Sends one message; says in words what the receiver answered.
    ///
    /// # Errors
    /// [`NotTaken`]. A receiver whose answer was lost may have the message all the same.
    pub async fn send(&self, channel: &Channel, credential: Option<&Credential>, message: &Message) -> Result<String, NotTaken> {
        match channel {
            Channel::Webhook(url) => webhook::post(&self.http, url, credential, message).await,
            Channel::Mail(settings) => mail::send(settings, credential, message).await,
        }
    }
}
