//! Notices: the text of a message, and its channels. The Notifier decides who gets what, and when.

mod mail;
mod not_taken;
mod text;
mod webhook;

use lettre::transport::smtp::client::Tls;
use url::Url;

use crate::config::settings::{Connection, MailSettings, NoticeSettings};
use crate::credentials::credential_store::{CredentialError, CredentialStore, NOTICES_MAIL, NOTICES_WEBHOOK};
use crate::credentials::secret::Credential;
use crate::net::{ClientParts, HttpClient, host_of};
use crate::redact::Quoted;
use crate::telemetry::labels::{ChannelKind, System};

pub use not_taken::NotTaken;
pub use text::{Item, Message, compose};

/// The target of a message.
#[derive(Debug, Clone)]
pub enum Channel {
    /// It is posted to an address, signed.
    Webhook(Url),
    /// It is mailed.
    Mail(MailSettings),
}

/// The channels of the settings.
pub fn channels(settings: &NoticeSettings) -> Vec<Channel> {
    settings.webhooks.iter().cloned().map(Channel::Webhook).chain(settings.mail.clone().map(Channel::Mail)).collect()
}

impl Channel {
    /// Its name in the ledger: its kind and host, because a path may contain a token.
    pub fn name(&self) -> String {
        match self {
            Self::Webhook(url) => format!("webhook {}", host_of(url)),
            Self::Mail(mail) => format!("mail {}:{}", mail.host, mail.port),
        }
    }

    /// Its credential; a mail server may need none.
    ///
    /// # Errors
    /// When it cannot be decrypted.
    pub async fn credential(&self, credential_store: &CredentialStore) -> Result<Option<Credential>, CredentialError> {
        let name = match self {
            Self::Webhook(_) => NOTICES_WEBHOOK,
            Self::Mail(_) => NOTICES_MAIL,
        };
        match credential_store.credential(name).await {
            Ok(credential) => Ok(Some(credential)),
            Err(CredentialError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
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

/// What senders are made from. The certificates are read once.
#[derive(Clone)]
pub struct SenderParts {
    http: ClientParts,
    /// How the connection to the mail server is secured.
    mail: Tls,
}

impl SenderParts {
    /// Reads the certificates: not for a thread of actors that are running.
    ///
    /// # Errors
    /// The reason, when the certificate authorities' file cannot be used.
    pub fn read(settings: &NoticeSettings) -> Result<Self, String> {
        let mail = match &settings.mail {
            Some(mail) => mail::security(mail, settings.ca_file.as_deref())?,
            None => Tls::None,
        };
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
        let http = ClientParts::read(System::Notices, &connection).map_err(|error| format!("[notices]: {error}"))?;
        Ok(Self { http, mail })
    }
}

/// Sends messages.
#[derive(Clone)]
pub struct Sender {
    http: HttpClient,
    mail: Tls,
}

impl Sender {
    /// A sender with certificates that were read before.
    pub fn of(parts: &SenderParts) -> Self {
        Self { http: HttpClient::of(&parts.http), mail: parts.mail.clone() }
    }

    /// Sends one message; answers the receiver's answer.
    ///
    /// # Errors
    /// [`NotTaken`]. A receiver whose answer was lost may have received the message.
    pub async fn send(&self, channel: &Channel, credential: Option<&Credential>, message: &Message) -> Result<Quoted, NotTaken> {
        match channel {
            Channel::Webhook(url) => webhook::post(&self.http, url, credential, message).await,
            Channel::Mail(settings) => mail::send(settings, &self.mail, credential, message).await,
        }
    }
}
