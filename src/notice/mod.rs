//! Notices: the text of a message, and its channels. The Notifier decides who gets what, and when.

mod mail;
mod text;
mod webhook;

use lettre::transport::smtp::client::Tls;
use url::Url;

use crate::config::settings::{Connection, MailSettings, NoticeSettings};
use crate::credentials::secret::Credential;
use crate::net::{ClientParts, HttpClient, host_of};
use crate::redact::Quoted;
use crate::telemetry::labels::{ChannelKind, System};

pub use text::{Item, Message, compose};

/// The target of a message.
#[derive(Debug, Clone)]
pub enum Channel {
    /// It is posted to an address, signed.
    Webhook(Url),
    /// It is mailed.
    Mail(MailSettings),
}

/// Why a message was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct NotTaken {
    /// What was tried, and the receiver's answer. Never the path of an address, a password or a signature.
    pub text: Quoted,
    /// Whether another attempt cannot succeed.
    pub permanent: bool,
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

/// The error of sending to a receiver, with advice where the libraries' message is not enough. `address` is the setting with the receiver.
fn advised(problem: String, address: &str) -> String {
    let says = |words: &str| problem.contains(words);
    let advice = if ["UnknownIssuer", "BadSignature", "CaUsedAsEndEntity"].iter().any(|word| says(word)) {
        "nothing was sent; if its certificate comes from an authority of the site's own, name that authority's file in `notices.ca_file`"
            .into()
    } else if says("certificate not valid for name") {
        format!("nothing was sent; `{address}` must name the host as its certificate does")
    } else if says("invalid peer certificate") {
        "nothing was sent; its certificate must be renewed or replaced there".into()
    } else if says("STARTTLS is not supported") {
        "nothing was sent, because it would have been unencrypted; if the server speaks TLS from the first byte (often on port 465), set \
         `notices.mail_tls` to `tls`; otherwise turn on STARTTLS on the server"
            .into()
    } else if says("received corrupt message") {
        "nothing was sent; its answer is not TLS. If the server offers STARTTLS (often on port 587) and `notices.mail_tls` is `tls`, set \
         `notices.mail_tls` to `starttls`; if it is `starttls` already, the server offers STARTTLS but does not support it"
            .into()
    } else if says("No compatible authentication mechanism") {
        "nothing was sent; the server accepts no password authentication that Tieline supports: remove the credential `notices-mail`, or \
         correct `notices.mail_server`"
            .into()
    } else if ["(530)", "(534)", "(535)"].iter().any(|code| says(code)) {
        "set the credential `notices-mail` to what the server knows".into()
    } else {
        return problem;
    };
    format!("{problem}; {advice}")
}
