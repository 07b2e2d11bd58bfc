//! A message as mail.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};
use secrecy::ExposeSecret;

use super::{Message, NotTaken};
use crate::config::secret::Credential;
use crate::config::settings::{MailSettings, MailTls};

/// How long the server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn send(settings: &MailSettings, credential: Option<&Credential>, message: &Message) -> Result<String, NotTaken> {
    let server = format!("`{}:{}`", settings.host, settings.port);
    let wrong = |text: String| NotTaken { text, permanent: true };
    let address = |key: &str, text: &str| -> Result<Mailbox, NotTaken> {
        text.parse().map_err(|error| wrong(format!("`notices.{key}`: `{text}` is not a mail address: {error}")))
    };
    let mut mail = Mail::builder().from(address("mail_from", &settings.from)?).subject(message.subject.as_str());
    for to in &settings.to {
        mail = mail.to(address("mail_to", to)?);
    }
    let mail = mail.body(message.text.clone()).map_err(|error| wrong(format!("the mail cannot be put together: {error}")))?;
    let unsecured = |error| wrong(format!("TLS cannot be used towards {server}: {error}"));
    let transport = match settings.tls {
        MailTls::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host),
        MailTls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&settings.host).map_err(unsecured)?,
        MailTls::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&settings.host).map_err(unsecured)?,
    };
    let mut transport = transport.port(settings.port).timeout(Some(PATIENCE));
    if let Some(credential) = credential {
        transport = transport.credentials(Credentials::new(credential.username.clone(), credential.password.expose_secret().to_owned()));
    }
    match transport.build().send(mail).await {
        Ok(answer) => Ok(format!("{server} took it: {}", answer.message().next().unwrap_or_default())),
        Err(error) => {
            let mut text = format!("{server} did not take it: {error}");
            if let Some(source) = std::error::Error::source(&error) {
                text = format!("{text}: {source}");
            }
            Err(NotTaken { text, permanent: error.is_permanent() })
        }
    }
}
